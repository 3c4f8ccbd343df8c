//! The messages of the bridge. The names are those of flexpay.h.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flexpay::journal::{Filter, ReconcileOptions, Resolution};
use flexpay::{
    Api, Config, Environment, Expected, MobileRequest, PaymentRequest, PayoutRequest, WaitOptions,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::call::Failure;

/// The version of the protocol.
pub const VERSION: u32 = 1;
/// In bytes. The largest request is a callback of 64 KiB, every byte of it escaped.
pub const MAX_LINE: usize = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Complete,
    TooLong,
    /// The end of stdin, perhaps in the middle of a line.
    End,
}

/// A request of the other program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message<'a> {
    /// Chosen by the other program; its reply has the same.
    pub id: u64,
    pub call: &'a str,
    #[serde(borrow, default)]
    pub request: Option<&'a RawValue>,
}

/// The first message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The version of the protocol that the other program knows.
    pub bridge: u32,
    /// The settings of the client. Without them, the environment variables are used.
    #[serde(default)]
    pub settings: Option<Settings>,
    /// False: no client is created. The calls that need none can then be made.
    #[serde(default = "yes")]
    pub client: bool,
}

fn yes() -> bool {
    true
}

/// The fields of flexpay_config. Each flag is a field of its own.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    merchant: String,
    token: Zeroizing<String>,
    environment: EnvironmentName,
    api: ApiName,
    pay_url: Option<String>,
    check_url: Option<String>,
    mobile_url: Option<String>,
    payout_url: Option<String>,
    timeout_ms: u32,
    connect_timeout_ms: u32,
    ca_file: Option<String>,
    proxy: Option<String>,
    app_name: Option<String>,
    callback_secret: Option<Zeroizing<String>>,
    callback_secret_previous: Option<Zeroizing<String>>,
    journal: Option<String>,
    allow_plain_http: bool,
    check_once: bool,
    system_roots: bool,
    private_connections: bool,
    allow_payout: bool,
    trace: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EnvironmentName {
    #[default]
    Live,
    Test,
}

#[derive(Default, Deserialize)]
enum ApiName {
    #[default]
    #[serde(rename = "v1")]
    V1,
    #[serde(rename = "v1.1")]
    V1_1,
}

impl From<Settings> for Config {
    fn from(given: Settings) -> Self {
        Self {
            merchant: given.merchant,
            token: given.token,
            environment: match given.environment {
                EnvironmentName::Live => Environment::Live,
                EnvironmentName::Test => Environment::Test,
            },
            api: match given.api {
                ApiName::V1 => Api::V1,
                ApiName::V1_1 => Api::V1_1,
            },
            pay_url: given.pay_url,
            check_url: given.check_url,
            mobile_url: given.mobile_url,
            payout_url: given.payout_url,
            timeout: milliseconds(given.timeout_ms),
            connect_timeout: milliseconds(given.connect_timeout_ms),
            ca_file: given.ca_file,
            proxy: given.proxy,
            app_name: given.app_name,
            callback_secret: given.callback_secret,
            callback_secret_previous: given.callback_secret_previous,
            journal: given.journal,
            allow_plain_http: given.allow_plain_http,
            check_once: given.check_once,
            system_roots: given.system_roots,
            private_connections: given.private_connections,
            allow_payout: given.allow_payout,
            trace: given.trace,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OrderNumber {
    order_number: String,
}

/// The fields of flexpay_wait_options, and the order number.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WaitRequest {
    order_number: String,
    timeout_ms: u32,
    interval_ms: u32,
    max_interval_ms: u32,
    failed_grace_ms: u32,
    /// The wait is cancelled before it begins.
    cancel: bool,
    expected: Option<Expected>,
    correlation_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reference {
    reference: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettleRequest {
    reference: String,
    /// Null: asks once.
    wait: Option<SettleWait>,
}

/// The fields of flexpay_wait_options. What is expected is in the journal.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettleWait {
    timeout_ms: u32,
    interval_ms: u32,
    max_interval_ms: u32,
    failed_grace_ms: u32,
    /// The wait is cancelled before it begins.
    cancel: bool,
    correlation_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettleCallback {
    body: Option<String>,
    body_base64: Option<String>,
    query: Option<String>,
}

/// The fields of flexpay_reconcile_options.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReconcileRequest {
    timeout_ms: u32,
    /// It is cancelled before it begins.
    cancel: bool,
}

/// The fields of flexpay_journal_query.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct JournalQuery {
    filter: FilterName,
    after: String,
    limit: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterName {
    #[default]
    All,
    Open,
    InDoubt,
    ToDeliver,
}

/// The fields of flexpay_resolution.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResolveRequest {
    reference: String,
    state: Option<ResolvedState>,
    order_number: Option<String>,
    who: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ResolvedState {
    NotSent,
    Failed,
    Cancelled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {
    days: u32,
}

/// How many entries a journal_list without a limit has.
const DEFAULT_LIMIT: u32 = 100;

/// A body is text, or bytes in base64.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Callback {
    body: Option<String>,
    body_base64: Option<String>,
    expected: Expected,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Phone {
    phone: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct States {
    recorded: String,
    now: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    id: u64,
}

/// A wait to carry out.
pub struct Wait {
    pub order_number: String,
    /// Without its cancel token.
    pub options: WaitOptions,
    pub is_cancelled: bool,
}

/// Entries to list.
pub struct List {
    pub filter: Filter,
    pub after: String,
    pub limit: u32,
}

/// What a person says of an entry.
pub struct Resolve {
    pub reference: String,
    pub resolution: Resolution,
    pub who: String,
    pub why: String,
}

/// A call to carry out.
pub enum Call {
    Pay(Box<PaymentRequest>),
    PayMobile(Box<MobileRequest>),
    Payout(Box<PayoutRequest>),
    Check(String),
    Wait(Box<Wait>),
    VerifyOrder(Box<Expected>),
    VerifyCallback(Vec<u8>, Box<Expected>),
    ParseCallback(Vec<u8>),
    NormalizePhone(String),
    StateMayReplace {
        recorded: String,
        now: String,
    },
    /// Asks once.
    Settle(String),
    /// The options have no cancel token yet.
    SettleWait {
        reference: String,
        options: Box<WaitOptions>,
        is_cancelled: bool,
    },
    SettleCallback(Vec<u8>, Option<String>),
    /// The options have no cancel token yet.
    Reconcile {
        options: ReconcileOptions,
        is_cancelled: bool,
    },
    JournalGet(String),
    JournalList(List),
    JournalAcknowledge(String),
    JournalResolve(Box<Resolve>),
    JournalPrune(u32),
    /// The request is JSON text for the library.
    JournalStep(String),
    /// Ends the wait with this id.
    Cancel(u64),
}

impl Call {
    /// For a call that can be cancelled: whether it is before it begins.
    pub fn is_cancelled(&self) -> Option<bool> {
        match self {
            Self::Wait(wait) => Some(wait.is_cancelled),
            Self::SettleWait { is_cancelled, .. } | Self::Reconcile { is_cancelled, .. } => {
                Some(*is_cancelled)
            }
            _ => None,
        }
    }

    /// Reads the request of a message.
    pub fn read(message: &Message<'_>) -> Result<Self, Failure> {
        let request = message.request.map_or("{}", RawValue::get);
        Ok(match message.call {
            "pay" => Self::Pay(parse(request)?),
            "pay_mobile" => Self::PayMobile(parse(request)?),
            "payout" => Self::Payout(parse(request)?),
            "check" => Self::Check(parse::<OrderNumber>(request)?.order_number),
            "wait" => {
                let wait: WaitRequest = parse(request)?;
                Self::Wait(Box::new(Wait {
                    order_number: wait.order_number,
                    options: WaitOptions {
                        timeout: milliseconds(wait.timeout_ms),
                        interval: milliseconds(wait.interval_ms),
                        max_interval: milliseconds(wait.max_interval_ms),
                        failed_grace: milliseconds(wait.failed_grace_ms),
                        cancel: None,
                        expected: wait.expected,
                        correlation_id: wait.correlation_id,
                    },
                    is_cancelled: wait.cancel,
                }))
            }
            "verify_order" => Self::VerifyOrder(parse(request)?),
            "verify_callback" => {
                let Callback {
                    body,
                    body_base64,
                    expected,
                } = parse(request)?;
                Self::VerifyCallback(bytes(body, body_base64)?, Box::new(expected))
            }
            "parse_callback" => {
                let Body { body, body_base64 } = parse(request)?;
                Self::ParseCallback(bytes(body, body_base64)?)
            }
            "normalize_phone" => Self::NormalizePhone(parse::<Phone>(request)?.phone),
            "state_may_replace" => {
                let States { recorded, now } = parse(request)?;
                Self::StateMayReplace { recorded, now }
            }
            "settle" => {
                let SettleRequest { reference, wait } = parse(request)?;
                match wait {
                    None => Self::Settle(reference),
                    Some(wait) => Self::SettleWait {
                        reference,
                        options: Box::new(WaitOptions {
                            timeout: milliseconds(wait.timeout_ms),
                            interval: milliseconds(wait.interval_ms),
                            max_interval: milliseconds(wait.max_interval_ms),
                            failed_grace: milliseconds(wait.failed_grace_ms),
                            cancel: None,
                            expected: None,
                            correlation_id: wait.correlation_id,
                        }),
                        is_cancelled: wait.cancel,
                    },
                }
            }
            "settle_callback" => {
                let SettleCallback {
                    body,
                    body_base64,
                    query,
                } = parse(request)?;
                Self::SettleCallback(bytes(body, body_base64)?, query)
            }
            "reconcile" => {
                let given: ReconcileRequest = parse(request)?;
                Self::Reconcile {
                    options: ReconcileOptions {
                        timeout: milliseconds(given.timeout_ms),
                        cancel: None,
                    },
                    is_cancelled: given.cancel,
                }
            }
            "journal_get" => Self::JournalGet(parse::<Reference>(request)?.reference),
            "journal_list" => {
                let query: JournalQuery = parse(request)?;
                Self::JournalList(List {
                    filter: match query.filter {
                        FilterName::All => Filter::All,
                        FilterName::Open => Filter::Open,
                        FilterName::InDoubt => Filter::InDoubt,
                        FilterName::ToDeliver => Filter::ToDeliver,
                    },
                    after: query.after,
                    limit: match query.limit {
                        0 => DEFAULT_LIMIT,
                        limit => limit,
                    },
                })
            }
            "journal_acknowledge" => {
                Self::JournalAcknowledge(parse::<Reference>(request)?.reference)
            }
            "journal_resolve" => Self::JournalResolve(Box::new(resolve(parse(request)?)?)),
            "journal_prune" => Self::JournalPrune(parse::<Prune>(request)?.days),
            "journal_step" => Self::JournalStep(request.to_owned()),
            "cancel" => Self::Cancel(parse::<Cancel>(request)?.id),
            other => {
                return Err(Failure::invalid(
                    "call",
                    format!("there is no call {other:?}"),
                ));
            }
        })
    }
}

impl Hello {
    /// Reads the request of the first message. The error quotes nothing: a value may be the token.
    pub fn read(request: &str) -> Result<Self, Failure> {
        serde_json::from_str(request).map_err(|error| {
            Failure::invalid(
                "request",
                format!("is not a valid hello (at column {})", error.column()),
            )
        })
    }
}

/// Reads a JSON object. serde's error names what is wrong.
pub fn parse<'a, T: Deserialize<'a>>(request: &'a str) -> Result<T, Failure> {
    serde_json::from_str(request).map_err(|error| Failure::invalid("request", error))
}

fn resolve(given: ResolveRequest) -> Result<Resolve, Failure> {
    for (field, text) in [("who", &given.who), ("why", &given.why)] {
        if text.trim().is_empty() {
            return Err(Failure::invalid(field, "is missing: it is recorded"));
        }
    }
    let resolution = match (given.state, given.order_number) {
        (Some(ResolvedState::NotSent), None) => Resolution::NotSent,
        (Some(ResolvedState::Failed), None) => Resolution::Failed,
        (Some(ResolvedState::Cancelled), None) => Resolution::Cancelled,
        (None, Some(order_number)) => Resolution::Order { order_number },
        (None, None) => {
            return Err(Failure::invalid(
                "state",
                "is missing, and so is order_number",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::invalid(
                "state",
                "is given together with order_number: give one of them",
            ));
        }
    };
    Ok(Resolve {
        reference: given.reference,
        resolution,
        who: given.who,
        why: given.why,
    })
}

fn bytes(body: Option<String>, base64: Option<String>) -> Result<Vec<u8>, Failure> {
    match (body, base64) {
        (Some(body), None) => Ok(body.into_bytes()),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|_| Failure::invalid("body_base64", "is not base64")),
        (None, None) => Ok(Vec::new()),
        (Some(_), Some(_)) => Err(Failure::invalid(
            "body_base64",
            "is given together with body: give one of them",
        )),
    }
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}
