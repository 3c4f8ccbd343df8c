//! Faults to inject between a client and the gateway.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::mobile;
use crate::payout;

/// The kind of request that a fault or a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A card payment request, of any version.
    Pay,
    /// A collection by mobile money.
    Mobile,
    /// A payout.
    Payout,
    /// A check.
    Check,
    /// A request of any of the four kinds above.
    Any,
    /// A connection, before any byte is read from it.
    Connection,
    /// The card page.
    Checkout,
    /// The test vectors.
    Vectors,
    /// Any other path.
    Other,
}

impl Endpoint {
    /// The endpoint a path belongs to.
    pub(crate) fn of(path: &str) -> Self {
        let under = |prefix: &str| path.starts_with(prefix);
        match path {
            "/v1/pay" | "/v1.1/pay" | "/v2/pay" => Self::Pay,
            mobile::PATH => Self::Mobile,
            payout::PATH => Self::Payout,
            _ if under("/api/rest/v1/check/") => Self::Check,
            _ if under("/checkout/") => Self::Checkout,
            _ if under("/vectors/") => Self::Vectors,
            _ => Self::Other,
        }
    }
}

/// One fault, and the requests it applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The requests it applies to.
    #[serde(default = "any")]
    pub on: Endpoint,
    /// Only paths with this prefix. If `on` is `any`, this includes paths of other endpoints.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// Only checks of this order.
    #[serde(default)]
    pub order_number: Option<String>,
    /// How many times to apply it. `None`: no limit.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// The fault itself.
    pub action: Action,
}

fn any() -> Endpoint {
    Endpoint::Any
}

#[allow(clippy::unnecessary_wraps)] // serde requires the field's type
fn once() -> Option<u32> {
    Some(1)
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Processes the request at once and delays the reply. On a connection: delays reading.
    Delay {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// Sends this reply.
    Reply {
        /// The HTTP status.
        status: u16,
        /// The headers. `Content-Length` is added unless given; a given value larger than the body
        /// makes the reply end early.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        #[serde(default, with = "crate::hex_or_text")]
        body: Vec<u8>,
        /// Whether the request is still processed (a payment is recorded).
        #[serde(default)]
        record: bool,
    },
    /// Processes the request, sends the first `bytes` bytes of the reply (counted from the status
    /// line), then closes the connection with FIN.
    CutAfter {
        /// How many bytes of the reply are sent.
        bytes: usize,
    },
    /// Sends RST as soon as the connection is accepted. Applies to connections, whatever `on` is.
    ResetBeforeReading,
    /// Reads and processes the request, then sends RST without any byte of the reply.
    ResetAfterReading,
    /// Reads and processes the request, then closes with FIN without any byte of the reply.
    CloseAfterReading,
    /// Processes the request, sends the first `bytes` bytes of the reply, then nothing until the client
    /// closes the connection. On a connection: nothing is ever read.
    StallAfter {
        /// How many bytes of the reply are sent.
        bytes: usize,
    },
    /// Processes the request and sends the reply byte by byte.
    Drip {
        /// The pause after each byte, in milliseconds.
        ms_per_byte: u64,
    },
    /// Processes the request and sends only the first half of the body, as JSON.
    MalformedJson,
    /// Replies with a French HTML error page.
    Html {
        /// The HTTP status; the live gateway uses 200 as well as 500.
        status: u16,
        /// Whether the request is still processed (a payment is recorded).
        #[serde(default)]
        record: bool,
    },
}

impl Fault {
    /// Applies `action` once, to the next request to `on`.
    pub fn on(on: Endpoint, action: Action) -> Self {
        Self {
            on,
            path_prefix: None,
            order_number: None,
            times: once(),
            action,
        }
    }

    /// Applies `action` once, to the next request whose path starts with `prefix`.
    pub fn on_path(prefix: impl Into<String>, action: Action) -> Self {
        Self {
            path_prefix: Some(prefix.into()),
            ..Self::on(Endpoint::Any, action)
        }
    }

    /// Resets the next connection before any byte is read.
    pub fn reset_before_reading() -> Self {
        Self::on(Endpoint::Connection, Action::ResetBeforeReading)
    }

    /// Limits the fault to checks of this order.
    #[must_use]
    pub fn for_order(mut self, order_number: impl Into<String>) -> Self {
        self.order_number = Some(order_number.into());
        self
    }

    /// Applies the fault `n` times.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = Some(n);
        self
    }

    /// Applies the fault until the faults are cleared.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    fn is_about_connections(&self) -> bool {
        self.on == Endpoint::Connection || self.action == Action::ResetBeforeReading
    }

    fn matches_request(&self, path: &str, order_number: Option<&str>) -> bool {
        let endpoint = Endpoint::of(path);
        let on = match self.on {
            Endpoint::Any => {
                self.path_prefix.is_some()
                    || matches!(
                        endpoint,
                        Endpoint::Pay | Endpoint::Mobile | Endpoint::Payout | Endpoint::Check
                    )
            }
            on => on == endpoint,
        };
        let prefix = self.path_prefix.as_deref();
        let order = self.order_number.as_deref();
        on && prefix.is_none_or(|prefix| path.starts_with(prefix))
            && order.is_none_or(|order| order_number == Some(order))
    }

    fn validate(&self) -> Result<(), Error> {
        let invalid = |why: &str| Err(Error::Fault(why.to_owned()));
        if self.times == Some(0) {
            return invalid("times must be at least 1");
        }
        if let Action::Reply { status, .. } | Action::Html { status, .. } = self.action
            && !(200..=999).contains(&status)
        {
            return invalid("the HTTP status must be between 200 and 999");
        }
        if self.is_about_connections() {
            if self.order_number.is_some() || self.path_prefix.is_some() {
                return invalid("a fault on a connection cannot have path_prefix or order_number");
            }
            return match self.action {
                Action::ResetBeforeReading | Action::Delay { .. } => Ok(()),
                Action::CutAfter { bytes: 0 } | Action::StallAfter { bytes: 0 } => Ok(()),
                _ => invalid(
                    "this action needs a request, and a fault on a connection happens before one is read",
                ),
            };
        }
        Ok(())
    }
}

/// The queued faults, in the order they were injected. The first that matches a request is applied.
#[derive(Default)]
pub(crate) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) -> Result<(), Error> {
        fault.validate()?;
        self.with(|faults| faults.push_back(fault));
        Ok(())
    }

    pub(crate) fn queued(&self) -> Vec<Fault> {
        self.with(|faults| faults.iter().cloned().collect())
    }

    pub(crate) fn clear(&self) {
        self.with(VecDeque::clear);
    }

    pub(crate) fn for_connection(&self) -> Option<Action> {
        self.take(Fault::is_about_connections)
    }

    pub(crate) fn for_request(&self, path: &str, order_number: Option<&str>) -> Option<Action> {
        self.take(|fault| {
            !fault.is_about_connections() && fault.matches_request(path, order_number)
        })
    }

    fn take(&self, matches: impl Fn(&Fault) -> bool) -> Option<Action> {
        self.with(|faults| {
            let at = faults.iter().position(matches)?;
            let fault = &mut faults[at];
            let action = fault.action.clone();
            if let Some(times) = &mut fault.times {
                *times -= 1;
                if *times == 0 {
                    faults.remove(at);
                }
            }
            Some(action)
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut VecDeque<Fault>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
