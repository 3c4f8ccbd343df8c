//! The gateway's HTTP reply, and what its status alone decides.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::charset;
use super::gateway_message::GatewayMessage;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::token::Token;
use crate::transport::first_byte::ConnectionHandle;

/// An HTTP reply, whole as far as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The `Location` header; redirects are read, never followed.
    pub(crate) location: Option<String>,
    /// The `Content-Type` header: it may name the charset.
    pub(crate) content_type: Option<String>,
    /// The `Content-Encoding` header. Nothing is asked for that would be encoded.
    pub(crate) content_encoding: Option<String>,
    /// The `Retry-After` header, where it counts seconds.
    pub(crate) retry_after: Option<Duration>,
    /// The connection it came over, where that had carried another before.
    pub(crate) reused: Option<ConnectionHandle>,
    /// The token of the request. It is masked in the headers and the body, and must be masked in
    /// whatever is decoded from them.
    pub(crate) token: Arc<Token>,
    /// Whether the gateway repeated the token.
    pub(crate) echoed_token: bool,
    /// The body, or why it could not be had whole. A refusal is a refusal even when its words are
    /// cut off on the way.
    pub(crate) body: Result<Vec<u8>>,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a body is compressed: it begins as gzip does, or is named as encoded and begins as
    /// neither JSON nor a page does.
    fn is_compressed(&self, body: &[u8]) -> bool {
        let named = self.content_encoding.as_deref().map(str::trim);
        let named =
            named.is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        let plain = matches!(body.trim_ascii_start().first(), None | Some(b'{' | b'<'));
        body.starts_with(b"\x1f\x8b") || named && !plain
    }

    /// Whether the body is a web page.
    fn is_page(&self) -> bool {
        let body = self.body.as_deref().unwrap_or_default();
        body.trim_ascii_start().starts_with(b"<")
    }

    /// The body of a reply that must be read to be of use.
    pub(crate) fn body(&self) -> Result<&[u8]> {
        match &self.body {
            Ok(body) if self.is_compressed(body) => Err(Error::new(
                ErrorCode::Reply,
                Outcome::Unknown,
                format!(
                    "the reply is compressed ({}), which nobody asked for: look for a proxy or a \
                     firewall in between",
                    self.content_encoding.as_deref().unwrap_or("gzip")
                ),
            )
            .with_status(self.status)),
            Ok(body) => Ok(body),
            Err(error) => Err(error.clone().with_status(self.status)),
        }
    }

    /// A body of this reply as text.
    pub(crate) fn decode<'a>(&self, body: &'a [u8]) -> Cow<'a, str> {
        charset::decode(body, self.content_type.as_deref())
    }

    /// The gateway's own message, if the body has one.
    pub(crate) fn gateway_message(&self) -> GatewayMessage {
        match &self.body {
            Ok(body) => GatewayMessage::of_text(&self.decode(body), &self.token),
            Err(_) => GatewayMessage::default(),
        }
    }

    /// The error for a status that is no success. `what` completes "the gateway refused …".
    ///
    /// 400, 401, 403, 404, 405 and 422 are refusals. 408, 429, every 5xx, and whatever else nobody
    /// has documented, leave the outcome unknown.
    pub(crate) fn refusal(&self, what: &str) -> Error {
        let words = self.gateway_message();
        let (status, quoted) = (self.status, words.quoted());
        let error = match status {
            // The gateway filters by the merchant's address, and a firewall answers with a page.
            403 if self.is_page() => Error::new(
                ErrorCode::Unauthorized,
                Outcome::Refused,
                format!(
                    "the gateway refused this machine or the token (HTTP 403), with a web page: the \
                     address of this machine may not be allowed; ask FlexPay about its address \
                     filter first, and look for a firewall in between{quoted}"
                ),
            ),
            401 | 403 => Error::new(
                ErrorCode::Unauthorized,
                Outcome::Refused,
                format!("the gateway did not accept the token (HTTP {status}){quoted}"),
            ),
            400 | 404 | 405 | 422 => Error::new(
                ErrorCode::Refused,
                Outcome::Refused,
                format!("the gateway refused {what} (HTTP {status}){quoted}"),
            ),
            300..400 => Error::new(
                ErrorCode::Reply,
                Outcome::Unknown,
                format!(
                    "the gateway answered {what} with a redirect (HTTP {status}), which is not followed"
                ),
            ),
            _ => Error::new(
                ErrorCode::Gateway,
                Outcome::Unknown,
                format!("the gateway failed (HTTP {status}){quoted}"),
            )
            .retryable(),
        };
        error
            .with_status(status)
            .with_gateway_message(words)
            .with_retry_after(self.retry_after)
    }

    /// A refusing status over a body that says success: neither can be relied on. `refusal` is
    /// what the status alone would have said.
    pub(crate) fn contradiction(&self, refusal: &Error) -> Error {
        let message = format!(
            "HTTP {} says no, and the reply's code says success",
            self.status
        );
        Error::new(ErrorCode::Reply, Outcome::Unknown, message)
            .with_status(self.status)
            .with_gateway_message(GatewayMessage {
                code: refusal.gateway_code().map(str::to_owned),
                message: refusal.gateway_message().map(str::to_owned),
            })
    }
}
