//! What the runs need of an interface of the library: clients, calls, and their results.

use std::time::{Duration, Instant};

use crate::canary::Canary;
use crate::clock;
use crate::interruption::{Interrupted, Interruption};

/// How calls are made: through the C ABI, or over the bridge.
pub trait Interface: Sync {
    fn client(&self, config: &Config) -> Result<Box<dyn Client + '_>, String>;

    /// The longest text that a request may have, in bytes.
    fn longest_text(&self) -> usize;

    /// Frees what outlives its clients, after the last run.
    fn release(&self) -> Result<(), String>;

    /// Prints the checks after the last run that only this interface has. Returns true when nothing
    /// was wrong.
    fn last_checks(&self) -> Result<bool, String>;
}

/// A client that is shared between threads.
pub trait Client: Sync {
    /// `interruption`: how to interrupt the process that makes the call. Always `None` for the C ABI,
    /// whose calls are made by this process.
    fn call(&self, request: &Request<'_>, interruption: Option<Interruption>) -> TimedResult;

    /// The state of a reference's entry in the client's journal. `None`: there is no entry.
    fn entry_state(&self, reference: &str) -> Result<Option<i32>, String>;

    /// Frees the client. Returns what was wrong about the process that made its calls.
    fn close(self: Box<Self>) -> Vec<String>;
}

/// Constants of `include/flexpay.h`.
pub mod consts {
    pub const OK: i32 = 0;
    pub const INVALID: i32 = 1;
    pub const INTERNAL: i32 = 2;
    pub const RESOLVE: i32 = 3;
    pub const CONNECT: i32 = 4;
    pub const PROXY: i32 = 5;
    pub const TLS: i32 = 6;
    pub const TIMEOUT: i32 = 7;
    pub const CANCELLED: i32 = 8;
    pub const CONNECTION: i32 = 9;
    pub const REPLY: i32 = 10;
    pub const GATEWAY: i32 = 11;
    pub const UNAUTHORIZED: i32 = 12;
    pub const REFUSED: i32 = 13;
    pub const NOT_FOUND: i32 = 14;
    pub const CALLBACK: i32 = 15;
    pub const MISMATCH: i32 = 16;
    pub const JOURNAL: i32 = 17;
    pub const IN_PROGRESS: i32 = 18;
    pub const IN_DOUBT: i32 = 19;

    pub const OUTCOME_UNKNOWN: i32 = 0;
    pub const OUTCOME_NOT_SENT: i32 = 1;
    pub const OUTCOME_REFUSED: i32 = 2;

    pub const STATE_UNKNOWN: i32 = 0;
    pub const STATE_PAID: i32 = 1;
    pub const STATE_FAILED: i32 = 2;
    pub const STATE_PENDING: i32 = 3;
    pub const STATE_REFUNDING: i32 = 4;
    pub const STATE_REFUNDED: i32 = 5;
    pub const STATE_CANCELLED: i32 = 6;

    pub const API_V1: i32 = 0;
    pub const API_V1_1: i32 = 1;
    pub const FLAG_ALLOW_PLAIN_HTTP: u64 = 1;
    pub const FLAG_CHECK_ONCE: u64 = 2;
    pub const FLAG_PRIVATE_CONNECTIONS: u64 = 8;
    pub const FLAG_ALLOW_PAYOUT: u64 = 16;
    pub const FLAG_TRACE: u64 = 32;

    pub const KIND_CARD: i32 = 0;
    pub const KIND_MOBILE: i32 = 1;
    pub const KIND_PAYOUT: i32 = 2;

    pub const ABI_VERSION: i32 = 1;
}

/// A client's settings; see the header.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub canary: Canary,
    pub api: i32,
    pub pay_url: String,
    pub mobile_url: String,
    pub payout_url: String,
    pub check_url: String,
    pub timeout_ms: u32,
    pub connect_timeout_ms: u32,
    pub ca_file: Option<String>,
    pub proxy: Option<String>,
    pub flags: u64,
    pub callback_secret: Option<String>,
    pub journal: Option<String>,
}

impl Config {
    /// A valid configuration with unreachable addresses.
    pub fn unreachable() -> Self {
        Self {
            pay_url: "https://127.0.0.1:1/pay".to_owned(),
            mobile_url: "https://127.0.0.1:1/mobile".to_owned(),
            payout_url: "https://127.0.0.1:1/payout".to_owned(),
            check_url: "https://127.0.0.1:1/check".to_owned(),
            timeout_ms: 1_000,
            ..Self::default()
        }
    }
}

/// A call.
#[derive(Clone, Debug)]
pub enum Request<'a> {
    Pay(PaymentRequest<'a>),
    PayMobile(PaymentRequest<'a>),
    Payout(PaymentRequest<'a>),
    Check {
        order_number: &'a str,
    },
    Wait {
        order_number: &'a str,
        options: WaitOptions,
        /// The payment to compare the order with, if any.
        expected: Option<Expected<'a>>,
        correlation_id: Option<&'a str>,
    },
    Verify {
        body: &'a [u8],
        expected: Expected<'a>,
        correlation_id: Option<&'a str>,
    },
}

/// A request for a payment or a payout. Fields that are not here have the same value in every run.
#[derive(Clone, Debug, Default)]
pub struct PaymentRequest<'a> {
    pub reference: &'a str,
    /// Makes the request large: in the description or, for a payout, which has none, in the query of
    /// the callback address.
    pub padding: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
}

/// The payment that `flexpay_wait` and `flexpay_verify_callback` compare an order with.
#[derive(Clone, Debug, Default)]
pub struct Expected<'a> {
    pub reference: &'a str,
    /// The recorded order number, if any.
    pub order_number: Option<&'a str>,
    /// The query string of the callback request.
    pub query: Option<&'a str>,
    pub kind: i32,
}

/// The amount of every payment.
pub const AMOUNT: &str = "25.50";
/// The currency of every payment.
pub const CURRENCY: &str = "USD";
/// The phone number of every mobile payment and payout, as a customer writes it.
pub const PHONE: &str = "+243 81 234 56 78";
/// The callback address of every payment, without its query.
pub const CALLBACK_URL: &str = "https://zando.example/callback";

/// The pages of the shop, in every payment.
pub const APPROVE_URL: &str = "https://zando.example/merci";
pub const CANCEL_URL: &str = "https://zando.example/annule";
pub const DECLINE_URL: &str = "https://zando.example/refus";
pub const HOME_URL: &str = "https://zando.example/";
pub const RETURN_URL: &str = "https://zando.example/retour";

/// The options of `flexpay_wait`.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitOptions {
    pub timeout_ms: u32,
    pub interval_ms: u32,
    pub failed_grace_ms: u32,
}

impl WaitOptions {
    pub fn max_interval_ms(&self) -> u32 {
        self.interval_ms * 4
    }
}

/// The result of a call, with the moments just before and just after it.
#[derive(Clone, Debug)]
pub struct TimedResult {
    pub result: CallResult,
    pub began: Instant,
    pub ended: Instant,
    /// How long the calling thread waited for a processor during the call.
    pub cpu_wait: Duration,
    /// The number of returned strings that contain the token.
    pub leaks: usize,
    /// The trace of the call.
    pub trace: Option<String>,
    /// How the process that made the call was interrupted, by this call or by another one.
    pub interrupted: Option<Interrupted>,
}

/// The strings of a result, as they were checked and read.
pub struct Returned {
    pub result: CallResult,
    pub leaks: usize,
    pub trace: Option<String>,
}

/// The clocks before a call.
pub struct CallStart {
    began: Instant,
    cpu_wait: Duration,
}

impl CallStart {
    pub fn now() -> Self {
        let cpu_wait = clock::cpu_wait();
        let began = Instant::now();
        Self { began, cpu_wait }
    }

    pub fn finish(&self, ended: Instant, returned: Returned) -> TimedResult {
        TimedResult {
            result: returned.result,
            began: self.began,
            ended,
            cpu_wait: clock::cpu_wait().saturating_sub(self.cpu_wait),
            leaks: returned.leaks,
            trace: returned.trace,
            interrupted: None,
        }
    }
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// A payment or a payout was accepted.
    Payment {
        redirect_url: Option<String>,
        page: Option<String>,
        order_number: Option<String>,
    },
    /// A transaction was found.
    State { state: i32, order_number: String },
    /// An error. `text` joins all its strings.
    Error {
        code: i32,
        outcome: i32,
        text: String,
    },
    /// The process that made the call ended without a reply. The outcome follows from whether the
    /// request was handed over.
    NoReply { outcome: i32 },
}
