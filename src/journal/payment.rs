//! A payment through the journal.

use super::rule::{Action, Event, Reply};
use super::sender::Senders;
use super::{Journal, Terms};
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::payment::{Payment, is_duplicate_reference};

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
        match recorded {
            Ok(_) => result,
            Err(journal_error) => Err(not_recorded(&result, &journal_error)),
        }
    }
}

impl Reply {
    fn of(result: &Result<Payment>) -> Self {
        let error = match result {
            Ok(payment) => {
                return Self::Accepted {
                    order_number: payment.order_number.clone(),
                    redirect_url: payment.redirect_url.clone(),
                    page: payment.page.clone(),
                    code: payment.code.clone(),
                    message: payment.message.clone(),
                };
            }
            Err(error) => error,
        };
        let answer = match error.gateway_message() {
            Some(message) => format!("{}: {message}", error.code().name()),
            None => error.code().name().to_owned(),
        };
        let order_number = error.order_number().map(str::to_owned);
        match error.outcome() {
            // It refused this request because it has an earlier one under the reference.
            Outcome::Refused if is_duplicate_reference(error) => Self::Unknown {
                answer,
                order_number,
            },
            Outcome::NotSent => Self::NotSent { answer },
            Outcome::Refused => Self::Refused {
                answer,
                order_number,
            },
            Outcome::Unknown => Self::Unknown {
                answer,
                order_number,
            },
        }
    }
}

/// The request had a result, and it is not on the disk: after the process ends, the entry is IN_DOUBT.
fn not_recorded(result: &Result<Payment>, journal_error: &Error) -> Error {
    let (happened, outcome, order_number) = match result {
        Ok(payment) => (
            "the gateway accepted the payment".to_owned(),
            Outcome::Unknown,
            payment.order_number.clone(),
        ),
        Err(error) => (
            error.message().to_owned(),
            error.outcome(),
            error.order_number().map(str::to_owned),
        ),
    };
    let message = format!(
        "{happened}, but this could not be recorded: {}. Do not pay again before the entry is settled",
        journal_error.message()
    );
    Error::new(ErrorCode::Journal, outcome, message)
        .about("journal")
        .with_order_number(order_number)
}
