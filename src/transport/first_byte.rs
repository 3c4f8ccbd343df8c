//! The top layer of a connection, above TLS. Here a request leaves the HTTP library.
//!
//! Only this layer knows when the first byte of a request is sent: that decides whether a payment may
//! be repeated. And below this layer nothing copies or logs the request. So the token is written into
//! the output here, and wiped after it was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use zeroize::Zeroize;

use super::call::{Call, Stage};
use super::tcp::is_to_proxy;
use crate::trace::{ConnectionKind, Step};

/// Puts a [`FirstByteTransport`] on top of every connection.
#[derive(Debug)]
pub(super) struct FirstByteConnector {
    /// Whether calls use a proxy. Its CONNECT request is not part of the request.
    pub(super) proxied: bool,
}

impl<In: Transport> Connector<In> for FirstByteConnector {
    type Out = FirstByteTransport<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let to_proxy = is_to_proxy(self.proxied, details);
        if let (false, Some(call)) = (to_proxy, Call::current()) {
            call.enter(Stage::Ready);
        }
        Ok(chained.map(|inner| FirstByteTransport {
            inner,
            to_proxy,
            handle: ConnectionHandle::default(),
        }))
    }
}

/// A connection that notifies the current call when the first byte of the request is sent, and when
/// the first byte of a reply was received.
pub(super) struct FirstByteTransport<T> {
    inner: T,
    /// This is the connection to a proxy, below the connection to the gateway: its data may be TLS
    /// records.
    to_proxy: bool,
    handle: ConnectionHandle,
}

/// A flag shared by a connection and its replies: the client can prevent the reuse of the
/// connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionHandle(Arc<AtomicBool>);

impl ConnectionHandle {
    /// The connection is not reused any more.
    pub(crate) fn discard(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_discarded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T: Transport> Transport for FirstByteTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(call) = Call::current().filter(|_| !self.to_proxy) else {
            return self.inner.transmit_output(amount, timeout);
        };
        let output = self.inner.buffers().output();
        let end = amount.min(output.len());
        let has_token = call.write_token(&mut output[..end]);
        call.set_connection(&self.handle);
        if call.stage() != Stage::Sent {
            call.record(|| Step::Sent {
                connection: match call.uses_new_connection() {
                    true => ConnectionKind::New,
                    false => ConnectionKind::Reused,
                },
            });
        }
        // Before the write, not after: if it fails, a byte may have been sent.
        call.enter(Stage::Sent);
        let result = self.inner.transmit_output(amount, timeout);
        if has_token {
            self.inner.buffers().output()[..end].zeroize();
        }
        result
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let buffers = self.inner.buffers();
        if buffers.input_append_buf().is_empty() {
            // The buffer is full, and the head of the reply is not complete.
            let size = buffers.input().len();
            return Err(ureq::Error::LargeResponseHeader(size, size));
        }
        let result = self.inner.await_input(timeout);
        let call = Call::current().filter(|_| !self.to_proxy);
        match (&result, call) {
            (Ok(true), Some(call)) => call.set_reply_started(),
            // A body without a length ends when the connection closes. After an error it may be cut off.
            (Err(_), Some(call)) => call.set_broken(),
            _ => {}
        }
        result
    }

    fn is_open(&mut self) -> bool {
        !self.handle.is_discarded() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<T> std::fmt::Debug for FirstByteTransport<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FirstByteTransport")
    }
}
