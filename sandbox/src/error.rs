//! What can go wrong with the sandbox itself.

use std::fmt;
use std::io;

/// Why the sandbox could not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A listener, a file or the runtime failed.
    Io(io::Error),
    /// This address cannot be listened on.
    Listen(std::net::SocketAddr, io::Error),
    /// The certificates could not be made.
    Certificate(String),
    /// No payment has this order number.
    NoSuchPayment(String),
    /// The payment names no callback address and the delivery neither.
    NoCallbackAddress(String),
    /// Nothing is decided about the payment, so the gateway would post no callback.
    NotDecided(String),
    /// The fault means nothing as it stands.
    Fault(String),
    /// This is not a host that can be allowed.
    Host(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Listen(address, why) => write!(
                f,
                "cannot listen on {address}: {why}; --http and --https name other addresses"
            ),
            Self::Certificate(why) => write!(f, "cannot make the certificate: {why}"),
            Self::NoSuchPayment(order) => write!(f, "no payment has the order number {order:?}"),
            Self::NoCallbackAddress(order) => {
                write!(f, "the payment {order:?} names no callback address")
            }
            Self::NotDecided(order) => write!(
                f,
                "the payment {order:?} is pending: the gateway posts no callback about it yet; decide \
                 it first, or set the code"
            ),
            Self::Fault(why) => write!(f, "this fault cannot be injected: {why}"),
            Self::Host(host) => write!(
                f,
                "{host:?} is not a host name or an address without a port"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Listen(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
