//! Converts errors of the HTTP library into ours: the message, the code and the outcome.

use rustls::CertificateError;
use std::io::ErrorKind;
use std::time::{SystemTime, UNIX_EPOCH};

use super::call::{Call, Stage};
use crate::address;
use crate::error::{Error, ErrorCode};
use crate::wire::date;

/// Converts an error of the HTTP library. `url` is an address of the gateway.
pub(super) fn explain(error: ureq::Error, call: &Call, url: &str) -> Error {
    let host = address::host_and_port(url);
    if call.is_cancelled() {
        return failed(call, ErrorCode::Cancelled, "the call was cancelled");
    }
    if let ureq::Error::Timeout(_) = error {
        let doing = match call.stage() {
            Stage::Start | Stage::Resolving => format!("resolving {host}"),
            Stage::Connecting => format!("connecting to {host}"),
            Stage::Proxy => "waiting for the proxy".to_owned(),
            Stage::TlsHandshake => format!("in the TLS handshake with {host}"),
            Stage::Ready | Stage::Sent => format!("waiting for the reply of {host}"),
        };
        return failed(
            call,
            ErrorCode::Timeout,
            format!("the deadline passed while {doing}"),
        );
    }
    let why = reason(&error);
    let (code, message) = match (call.stage(), tls_error(&error)) {
        (Stage::TlsHandshake, Some(tls)) => {
            let error = failed(
                call,
                ErrorCode::Tls,
                format!("TLS with {host}: {}", explain_tls(tls)),
            );
            // A retry would receive the same certificate.
            return match tls {
                rustls::Error::InvalidCertificate(_) => error,
                _ => error.retryable(),
            };
        }
        // The HTTP library refused the request before it used the network.
        (Stage::Start, _) => {
            let message = format!("the request cannot be sent: {why}");
            return failed(call, ErrorCode::Invalid, message);
        }
        (Stage::Proxy, _) => (
            ErrorCode::Proxy,
            format!("the proxy did not connect to {host}: {why}"),
        ),
        (Stage::Resolving, _) => (
            ErrorCode::Resolve,
            format!("the host name {host} could not be resolved: {why}"),
        ),
        (Stage::Connecting, _) => (
            ErrorCode::Connect,
            format!("could not connect to {host}: {why}"),
        ),
        // Not a TLS error: the connection broke during the handshake.
        (Stage::TlsHandshake, None) => (
            ErrorCode::Connect,
            format!("the TLS handshake with {host} broke: {why}"),
        ),
        (Stage::Ready, _) => (
            ErrorCode::Connection,
            format!("nothing was sent to {host}: {why}"),
        ),
        (Stage::Sent, _) => match error {
            ureq::Error::LargeResponseHeader(..) => {
                return failed(call, ErrorCode::Reply, "the head of the reply is too large");
            }
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
                return failed(
                    call,
                    ErrorCode::Reply,
                    format!("the reply is not HTTP: {why}"),
                );
            }
            _ => (
                ErrorCode::Connection,
                format!("the connection to {host} broke before the reply was complete: {why}"),
            ),
        },
    };
    failed(call, code, message).retryable()
}

pub(super) fn too_large(call: &Call) -> Error {
    failed(call, ErrorCode::Reply, "the reply is larger than 1 MiB")
}

pub(super) fn cut_short(call: &Call) -> Error {
    let message = "the connection broke in the middle of the reply";
    failed(call, ErrorCode::Connection, message).retryable()
}

fn failed(call: &Call, code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(code, call.outcome(), message)
}

/// The cause, without the text that the HTTP library adds. Neither contains a header or a body.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::UnexpectedEof => "it was closed by the other side".to_owned(),
            ErrorKind::ConnectionReset => "it was reset by the other side".to_owned(),
            _ => io.to_string(),
        },
        other => other.to_string(),
    }
}

fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Io(io) => io.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// A certificate refused for its dates often means that this machine's clock is wrong. So the
/// message contains the clock's time.
fn explain_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return error.to_string();
    };
    let clock = || format!("this machine's clock reads {}", unix_time(unix_now()));
    match certificate {
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "the certificate expired on {}; {}",
            unix_time(not_after.as_secs()),
            clock()
        ),
        CertificateError::Expired => format!("the certificate has expired; {}", clock()),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the certificate is not valid before {}; {}",
            unix_time(not_before.as_secs()),
            clock()
        ),
        CertificateError::NotValidYet => format!("the certificate is not valid yet; {}", clock()),
        CertificateError::UnknownIssuer => {
            "the certificate's issuer is not trusted: the server may not send its intermediate \
             certificate, or it uses your own certificate authority (see ca_file)"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another host".to_owned()
        }
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(error) => explain_webpki(error),
            None => format!("the certificate is not acceptable: {}", other.0),
        },
        other => format!("the certificate is not acceptable: {other}"),
    }
}

/// Errors of the certificate verifier that rustls has no variant for.
fn explain_webpki(error: &webpki::Error) -> String {
    match error {
        webpki::Error::CaUsedAsEndEntity => {
            "the server uses the certificate of a certificate authority (CA:TRUE): give the \
             server its own certificate, issued by that authority, and keep the authority's in \
             ca_file"
                .to_owned()
        }
        webpki::Error::EndEntityUsedAsCa => {
            "the certificate's issuer is not a certificate authority (CA:FALSE): put the \
             authority's certificate into ca_file"
                .to_owned()
        }
        webpki::Error::RequiredEkuNotFoundContext(_) => {
            "the certificate is not a server certificate (extended key usage)".to_owned()
        }
        webpki::Error::UnsupportedCertVersion => {
            "the certificate has an old version: issue one of version 3".to_owned()
        }
        other => format!("the certificate is not acceptable: {other}"),
    }
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn unix_time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(date::from_unix)
        .unwrap_or_else(|| format!("second {seconds} since 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_certificate_error_contains_what_to_do() {
        let other = |error| CertificateError::Other(rustls::OtherError(Arc::new(error)));
        for (error, expected) in [
            (CertificateError::UnknownIssuer, "intermediate certificate"),
            (CertificateError::UnknownIssuer, "ca_file"),
            (other(webpki::Error::CaUsedAsEndEntity), "CA:TRUE"),
            (other(webpki::Error::EndEntityUsedAsCa), "ca_file"),
            (other(webpki::Error::UnsupportedCertVersion), "version 3"),
        ] {
            let message = explain_tls(&rustls::Error::InvalidCertificate(error));
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("Other"), "{message}");
        }
    }
}
