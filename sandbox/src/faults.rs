//! Faults: what may go wrong between a client and the gateway, on order.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The requests a fault or a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A payment request, of any version.
    Pay,
    /// A check.
    Check,
    /// A payment request or a check.
    Any,
    /// A connection, before a byte of it is read.
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
            _ if under("/api/rest/v1/check/") => Self::Check,
            _ if under("/checkout/") => Self::Checkout,
            _ if under("/vectors/") => Self::Vectors,
            _ => Self::Other,
        }
    }
}

/// One thing that goes wrong, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(default = "any")]
    pub on: Endpoint,
    /// Only paths that begin like this; given alone, it reaches paths outside `on` too.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// Only checks of this order.
    #[serde(default)]
    pub order_number: Option<String>,
    /// How often; `None` is forever.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What goes wrong.
    pub action: Action,
}

fn any() -> Endpoint {
    Endpoint::Any
}

#[allow(clippy::unnecessary_wraps)] // the type is the field's
fn once() -> Option<u32> {
    Some(1)
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The request is processed at once, its answer waits. On a connection: it is read late.
    Delay {
        /// How long.
        ms: u64,
    },
    /// A canned answer.
    Reply {
        /// The HTTP status.
        status: u16,
        /// The headers. `Content-Length` is added unless it is among them; one that claims more than
        /// there is makes the answer end early.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        #[serde(default, with = "crate::hex_or_text")]
        body: Vec<u8>,
        /// Whether the request is processed all the same (a payment recorded).
        #[serde(default)]
        record: bool,
    },
    /// The request is processed; of the answer the first `bytes` are sent, from the status line on,
    /// then the connection is closed in good order.
    CutAfter {
        /// How many bytes.
        bytes: usize,
    },
    /// RST as soon as the connection is accepted. Always about connections, whatever `on` says.
    ResetBeforeReading,
    /// The request is read and processed, then RST without a byte of answer.
    ResetAfterReading,
    /// The request is read and processed, then closed in good order without a byte of answer.
    CloseAfterReading,
    /// The request is processed; of the answer the first `bytes` are sent, then nothing happens until
    /// the client leaves. On a connection: nothing is ever read.
    StallAfter {
        /// How many bytes.
        bytes: usize,
    },
    /// The request is processed, the answer comes byte by byte.
    Drip {
        /// The pause after each byte.
        ms_per_byte: u64,
    },
    /// The request is processed; a JSON answer comes with its second half missing.
    MalformedJson,
    /// A French HTML error page.
    Html {
        /// The HTTP status; the live gateway uses 200 as well as 500.
        status: u16,
        /// Whether the request is processed all the same (a payment recorded).
        #[serde(default)]
        record: bool,
    },
}

impl Fault {
    /// `action`, once, for the next request to `on`.
    pub fn on(on: Endpoint, action: Action) -> Self {
        Self {
            on,
            path_prefix: None,
            order_number: None,
            times: once(),
            action,
        }
    }

    /// `action`, once, for the next request whose path begins with `prefix`.
    pub fn on_path(prefix: impl Into<String>, action: Action) -> Self {
        Self {
            path_prefix: Some(prefix.into()),
            ..Self::on(Endpoint::Any, action)
        }
    }

    /// RST for the next connection, before a byte of it is read.
    pub fn reset_before_reading() -> Self {
        Self::on(Endpoint::Connection, Action::ResetBeforeReading)
    }

    /// The same for checks of this order only.
    #[must_use]
    pub fn for_order(mut self, order_number: impl Into<String>) -> Self {
        self.order_number = Some(order_number.into());
        self
    }

    /// The same, `n` times.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = Some(n);
        self
    }

    /// The same, until the faults are cleared.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    fn is_about_connections(&self) -> bool {
        self.on == Endpoint::Connection || self.action == Action::ResetBeforeReading
    }

    fn meets(&self, path: &str, order_number: Option<&str>) -> bool {
        let endpoint = Endpoint::of(path);
        let on = match self.on {
            Endpoint::Any => {
                self.path_prefix.is_some() || matches!(endpoint, Endpoint::Pay | Endpoint::Check)
            }
            on => on == endpoint,
        };
        let prefix = self.path_prefix.as_deref();
        let order = self.order_number.as_deref();
        on && prefix.is_none_or(|prefix| path.starts_with(prefix))
            && order.is_none_or(|order| order_number == Some(order))
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |why: &str| Err(Error::Fault(why.to_owned()));
        if self.times == Some(0) {
            return wrong("it would never happen (times 0)");
        }
        if let Action::Reply { status, .. } | Action::Html { status, .. } = self.action
            && !(200..=999).contains(&status)
        {
            return wrong("an HTTP status is between 200 and 999");
        }
        if self.is_about_connections() {
            if self.order_number.is_some() || self.path_prefix.is_some() {
                return wrong("a connection has no path yet");
            }
            return match self.action {
                Action::ResetBeforeReading | Action::Delay { .. } => Ok(()),
                Action::CutAfter { bytes: 0 } | Action::StallAfter { bytes: 0 } => Ok(()),
                _ => wrong("nothing is answered before a request was read"),
            };
        }
        Ok(())
    }
}

/// The faults in wait, in the order they were injected. The first that fits a request is used.
#[derive(Default)]
pub(crate) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) -> Result<(), Error> {
        fault.check()?;
        self.with(|faults| faults.push_back(fault));
        Ok(())
    }

    pub(crate) fn waiting(&self) -> Vec<Fault> {
        self.with(|faults| faults.iter().cloned().collect())
    }

    pub(crate) fn clear(&self) {
        self.with(VecDeque::clear);
    }

    pub(crate) fn for_connection(&self) -> Option<Action> {
        self.take(Fault::is_about_connections)
    }

    pub(crate) fn for_request(&self, path: &str, order_number: Option<&str>) -> Option<Action> {
        self.take(|fault| !fault.is_about_connections() && fault.meets(path, order_number))
    }

    fn take(&self, fits: impl Fn(&Fault) -> bool) -> Option<Action> {
        self.with(|faults| {
            let at = faults.iter().position(fits)?;
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

    fn with<T>(&self, act: impl FnOnce(&mut VecDeque<Fault>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
