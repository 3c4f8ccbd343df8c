//! A payment through the journal.

use super::rule::{Action, Event, Reply};
use super::sender::Senders;
use super::{Journal, Terms};
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::payment::Payment;

impl Journal {
    /// Records the request, sends it, and records what came of it. `send` is called at most once, and only if
    /// the rule allows it.
    pub(crate) fn pay(
        &self,
        reference: &str,
        terms: Terms,
        send: impl FnOnce() -> Result<Payment>,
    ) -> Result<Payment> {
        let event = Event::Pay {
            reference: reference.to_owned(),
            terms,
            sender: Senders::new_name(),
        };
        let applied = self.store.apply(reference, &event)?;
        let attempt = match applied.action {
            Action::Send { attempt } => attempt,
            Action::Refuse(error) => return Err(error),
            _ => {
                let stored = applied.stored.ok_or_else(super::rule::not_found)?;
                return Ok(stored.entry.payment());
            }
        };
        let result = send();
        let event = Event::Reply {
            attempt,
            reply: Reply::of(&result),
        };
        let recorded = self.store.apply(reference, &event);
        // Until here the entry said that a live process is sending.
        drop(applied.sender);
        match recorded.map(|recorded| recorded.action) {
            // A person said NOT_SENT meanwhile, and the request was begun again.
            Ok(Action::Refuse(error)) => {
                let order_number =
                    order_number_of(&result).or_else(|| error.order_number().map(str::to_owned));
                Err(error.with_order_number(order_number))
            }
            Ok(_) => result,
            Err(journal_error) => Err(not_recorded(&result, &journal_error)),
        }
    }
}

impl Reply {
    fn of(result: &Result<Payment>) -> Self {
        match result {
            Ok(payment) => Self::Accepted {
                order_number: payment.order_number.clone(),
                redirect_url: payment.redirect_url.clone(),
                page: payment.page.clone(),
                code: payment.code.clone(),
                message: payment.message.clone(),
            },
            Err(error) => Self::Failed {
                code: error.code().name().to_owned(),
                outcome: error.outcome(),
                gateway_message: error.gateway_message().map(str::to_owned),
                order_number: error.order_number().map(str::to_owned),
            },
        }
    }
}

/// The request had a result, and it is not on the disk: the entry is IN_DOUBT from now on.
fn not_recorded(result: &Result<Payment>, journal_error: &Error) -> Error {
    let (happened, outcome) = match result {
        Ok(_) => ("the gateway accepted the payment", Outcome::Unknown),
        Err(error) => (error.message(), error.outcome()),
    };
    let message = format!(
        "{happened}, but this could not be recorded: {}. Do not pay again before the entry is settled",
        journal_error.message()
    );
    Error::new(ErrorCode::Journal, outcome, message)
        .about("journal")
        .with_order_number(order_number_of(result))
}

fn order_number_of(result: &Result<Payment>) -> Option<String> {
    match result {
        Ok(payment) => payment.order_number.clone(),
        Err(error) => error.order_number().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{EntryState, Resolution};
    use crate::kind::Kind;

    fn terms() -> Terms {
        Terms {
            kind: Kind::Card,
            amount: "25.50".to_owned(),
            currency: "USD".to_owned(),
            phone: None,
        }
    }

    fn accepted(order_number: &str) -> Payment {
        Payment {
            order_number: Some(order_number.to_owned()),
            redirect_url: Some("https://pay.example/1".to_owned()),
            ..Payment::default()
        }
    }

    /// Otherwise each of two callers would send a customer to a card page.
    #[test]
    fn a_reply_after_the_request_was_begun_again_is_an_error_with_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::new(folder.path().join("journal.db"));
        let result = journal.pay("Z-1", terms(), || {
            // The sender is taken for dead, a person is wrong, and another call begins the request again.
            let senders = folder.path().join("journal.db-senders");
            std::fs::remove_dir_all(senders).expect("it exists");
            journal.resolve("Z-1", Resolution::NotSent, "Awa", "console")?;
            let again = journal.pay("Z-1", terms(), || Ok(accepted("N2")))?;
            assert_eq!(again.order_number.as_deref(), Some("N2"));
            Ok(accepted("N1"))
        });
        let error = result.expect_err("the entry is about the second request");
        assert_eq!(error.code(), ErrorCode::InDoubt);
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(error.order_number(), Some("N1"));
        let entry = journal.settlement("Z-1").expect("it is there").stored.entry;
        assert_eq!(entry.state, EntryState::Accepted);
        assert_eq!(entry.order_number.as_deref(), Some("N2"));
        assert_eq!(entry.other_order_number.as_deref(), Some("N1"));
    }
}
