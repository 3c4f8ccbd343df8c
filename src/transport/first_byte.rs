//! The outermost layer of a connection, above TLS: where a request leaves this library.
//!
//! Two things can be known here and nowhere else: that the first byte of a request is being handed
//! over, and that what is handed over goes straight to the wire. The first decides whether a
//! payment may be repeated; the second is why the token is put in here and wiped out again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use zeroize::Zeroize;

use super::call::{Call, Stage};
use super::tcp::is_to_proxy;

/// Puts a [`Marker`] on top of every connection.
#[derive(Debug)]
pub(super) struct FirstByte {
    /// Whether calls go through a proxy. What is written to it for its CONNECT is no part of the
    /// request.
    pub(super) proxied: bool,
}

impl<In: Transport> Connector<In> for FirstByte {
    type Out = Marker<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let to_proxy = is_to_proxy(self.proxied, details);
        if let (false, Some(call)) = (to_proxy, Call::current()) {
            call.reach(Stage::Ready);
        }
        Ok(chained.map(|inner| Marker {
            inner,
            to_proxy,
            kept: Kept::default(),
        }))
    }
}

/// A connection that tells the call under way when its first byte is sent, and when the first byte of
/// a reply has come.
pub(super) struct Marker<T> {
    inner: T,
    /// The connection to a proxy, below that to the gateway: what passes here may be TLS's own.
    to_proxy: bool,
    kept: Kept,
}

/// Whether a connection may be used again. Shared with the replies that came over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<AtomicBool>);

impl Kept {
    /// It is not used any more.
    pub(crate) fn discard(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_discarded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T: Transport> Transport for Marker<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(call) = Call::current().filter(|_| !self.to_proxy) else {
            return self.inner.transmit_output(amount, timeout);
        };
        let output = self.inner.buffers().output();
        let end = amount.min(output.len());
        let has_token = call.put_token_in(&mut output[..end]);
        call.uses(&self.kept);
        // Before, not after: a byte that was perhaps sent counts as sent.
        call.reach(Stage::Sent);
        let result = self.inner.transmit_output(amount, timeout);
        if has_token {
            self.inner.buffers().output()[..end].zeroize();
        }
        result
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let buffers = self.inner.buffers();
        if buffers.input_append_buf().is_empty() {
            // Full, and the head of the reply is not at its end.
            let size = buffers.input().len();
            return Err(ureq::Error::LargeResponseHeader(size, size));
        }
        let result = self.inner.await_input(timeout);
        let call = Call::current().filter(|_| !self.to_proxy);
        match (&result, call) {
            (Ok(true), Some(call)) => call.hears(),
            // A body that lasts until the connection closes would be taken for whole where it was cut.
            (Err(_), Some(call)) => call.breaks(),
            _ => {}
        }
        result
    }

    fn is_open(&mut self) -> bool {
        !self.kept.is_discarded() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<T> std::fmt::Debug for Marker<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marker")
    }
}
