//! The errors of the sandbox itself.

use std::fmt;
use std::io;

/// Why an operation of the sandbox failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A listener, a file or the runtime failed.
    Io(io::Error),
    /// The sandbox cannot listen on this address.
    Listen(std::net::SocketAddr, io::Error),
    /// The certificates could not be created.
    Certificate(String),
    /// No payment has this order number.
    NoSuchPayment(String),
    /// Neither the payment nor the delivery has a callback URL.
    NoCallbackAddress(String),
    /// The payment is pending, so the gateway posts no callback.
    NotDecided(String),
    /// The fault is invalid.
    Fault(String),
    /// Not a phone number: `243` and nine digits.
    NotAPhone(String),
    /// Not a valid host for `allow_hosts`.
    Host(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Listen(address, why) => write!(
                f,
                "cannot listen on {address}: {why}; use --http and --https to choose other addresses"
            ),
            Self::Certificate(why) => write!(f, "cannot create the certificate: {why}"),
            Self::NoSuchPayment(order) => write!(f, "no payment has the order number {order:?}"),
            Self::NoCallbackAddress(order) => {
                write!(f, "the payment {order:?} has no callback URL")
            }
            Self::NotDecided(order) => write!(
                f,
                "the payment {order:?} is pending: the gateway posts no callback yet; decide it \
                 first, or set the code"
            ),
            Self::Fault(why) => write!(f, "invalid fault: {why}"),
            Self::NotAPhone(phone) => write!(
                f,
                "{phone:?} is not a phone number: write 243 and nine digits"
            ),
            Self::Host(host) => write!(
                f,
                "{host:?} is not a host name or IP address without a port"
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
