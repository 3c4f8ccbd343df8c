//! Payment requests of every [`Kind`](crate::Kind), and the payment that results from one.

mod card;
mod card_reply;
mod mobile;
mod payout;
mod refusal;
mod terms;
mod validate;
mod wallet;
mod wallet_reply;

pub use card::PaymentRequest;
pub(crate) use card_reply::CardContext;
pub use mobile::MobileRequest;
pub use payout::PayoutRequest;
#[cfg(feature = "journal")]
pub(crate) use refusal::names_duplicate_reference;
pub(crate) use refusal::{is_duplicate_reference, refused};
pub use terms::Terms;
pub(crate) use validate::{validate_amount, validate_currency, validate_reference};

/// A payment that the gateway accepted. The customer has not paid yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Where to send the customer: an absolute https address (http on this machine only), already
    /// checked. `None` if there is a [`page`](Self::page) instead.
    pub redirect_url: Option<String>,
    /// The gateway's number for the transaction, which `check` and `wait` need. `/v1.1/pay` returns
    /// one, `/v1/pay` does not.
    pub order_number: Option<String>,
    /// The gateway's code, as received.
    pub code: Option<String>,
    /// The gateway's message.
    pub message: Option<String>,
    /// The complete HTML page to send to the customer's browser, if the gateway's page cannot be
    /// replaced by an address (for example, a form that submits itself).
    pub page: Option<String>,
    /// Whether it comes from the journal, where an earlier call recorded it. Then nothing was sent now.
    pub is_recorded: bool,
    /// The trace of the call: see [`Config::trace`](crate::Config::trace).
    pub trace: Option<String>,
}
