//! The client: pay, check, and the verdict on an order or a callback.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::advice;
use crate::amount::Amount;
use crate::callback::{Expected, parse_callback};
use crate::config::Config;
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::order_number;
use crate::payment::{Payment, PaymentContext, PaymentRequest};
use crate::signature::Secrets;
use crate::token::Token;
use crate::transaction::{CheckReply, Transaction};
use crate::transport::call::{after, sleep_until};
use crate::transport::{Connection, Limits, Transport};
use crate::wait::{Backoff, WaitOptions};
use crate::wire::form;

/// A client of the gateway for one merchant. Share it between threads; it works on in a forked
/// child, with connections of its own.
///
/// Every call blocks its thread until it is done or its deadline has passed.
pub struct Client {
    config: Config,
    token: Arc<Token>,
    secrets: Secrets,
    transport: Transport,
}

/// How often `check` asks at most, and the pauses between.
const CHECK_ATTEMPTS: u32 = 3;
const CHECK_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(200),
    most: Duration::from_secs(2),
};

impl Client {
    /// Makes a client. Nothing is sent; the settings are checked.
    pub fn new(mut config: Config) -> Result<Self> {
        let given = std::mem::take(&mut config.token);
        let token = Token::accept(&given).map_err(|problem| Error::invalid("token", problem))?;
        let token = Arc::new(token);
        let secrets = Secrets::accept(
            config.callback_secret.take(),
            config.callback_secret_previous.take(),
        )?;
        let config = config.complete()?;
        let transport = Transport::new(&config, Arc::clone(&token))?;
        Ok(Self {
            config,
            token,
            secrets,
            transport,
        })
    }

    /// Makes a client from the environment: see [`Config::from_env`].
    pub fn from_env() -> Result<Self> {
        Self::new(Config::from_env()?)
    }

    /// Asks the gateway to take in a payment, and returns where to send the customer.
    ///
    /// The request is sent **at most once**. When it fails, [`Error::outcome`] says whether it may
    /// be repeated: only after [`Outcome::NotSent`] without further thought, never after
    /// [`Outcome::Unknown`].
    pub fn pay(&self, request: &PaymentRequest) -> Result<Payment> {
        let limits = Limits {
            deadline: self.deadline(),
            cancel: None,
        };
        let amount = request.validate()?;
        let callback_url = match &request.callback_url {
            Some(url) => Some(self.secrets.sign(url, request.signed_payment(amount))?),
            None => None,
        };
        let body = request.encode(&self.config, &self.token, callback_url.as_deref());
        let context = PaymentContext {
            request,
            api: self.config.api,
            pay_url: self.config.pay_url(),
        };
        self.transport
            .post(context.pay_url, &body, limits)
            .and_then(|reply| Payment::read(&reply, &context))
            .map_err(|error| self.explain_refused_token(error))
            .map_err(|error| advice::after_pay(error, request, &self.config))
    }

    /// Asks the gateway where an order stands. Repeats by itself, within the deadline, what a
    /// broken connection or a failing gateway left unanswered: asking changes nothing.
    pub fn check(&self, order_number: &str) -> Result<Transaction> {
        self.check_expected(order_number, None)
    }

    /// `expected` is for judging a reply that names no order; it is not compared for the caller.
    fn check_expected(
        &self,
        order_number: &str,
        expected: Option<(&Expected, Amount)>,
    ) -> Result<Transaction> {
        self.ask_with_repeats(order_number, expected)
            .map_err(|error| advice::after_check(error, order_number, &self.config))
    }

    fn ask_with_repeats(
        &self,
        order_number: &str,
        expected: Option<(&Expected, Amount)>,
    ) -> Result<Transaction> {
        let limits = Limits {
            deadline: self.deadline(),
            cancel: None,
        };
        let attempts = if self.config.check_once {
            1
        } else {
            CHECK_ATTEMPTS
        };
        let mut attempt = 1;
        let mut sent = false;
        loop {
            let result = self.ask(order_number, expected, limits);
            let result = result.map_err(|error| match sent {
                true => error.after_sending(),
                false => error,
            });
            let error = match result {
                Err(error) if attempt < attempts && error.is_passing() => error,
                done => return done,
            };
            sent |= error.outcome() == Outcome::Unknown;
            let asked_for = error.retry_after().unwrap_or_default();
            let next = after(CHECK_BACKOFF.pause(attempt).max(asked_for));
            // What cannot be repeated in time is not waited for.
            if next >= limits.deadline {
                return Err(error);
            }
            sleep_until(next, None);
            attempt += 1;
        }
    }

    /// Waits for an order's outcome: polls Check until it is final, the deadline passes, or the
    /// wait is cancelled.
    ///
    /// PAID is returned as soon as it is seen; FAILED, CANCELLED, REFUNDING and REFUNDED once they
    /// have stood for the grace period ([`WaitOptions::failed_grace`]). The wait goes on after an
    /// order not found (yet), a refused question, a failing gateway and broken connections; a
    /// refused token ends it. At the deadline: [`ErrorCode::Timeout`], with the last thing seen in its message.
    ///
    /// With [`WaitOptions::expected`], only the payment that the merchant expected is returned;
    /// any other is [`ErrorCode::Mismatch`], as in [`Client::verify_order`].
    ///
    /// An error says nothing of the payment: its outcome is [`Outcome::Unknown`](crate::Outcome),
    /// but for an argument that was refused.
    pub fn wait(&self, order_number: &str, options: &WaitOptions) -> Result<Transaction> {
        let expected = match &options.expected {
            Some(expected) => Some((expected, expected.validate_for(order_number)?)),
            None => None,
        };
        let ask = |limits: Limits<'_>| {
            let deadline = limits.deadline.min(self.deadline());
            self.ask(order_number, expected, Limits { deadline, ..limits })
        };
        crate::wait::wait(options, ask)
            .and_then(|transaction| match expected {
                Some((expected, amount)) => expected
                    .confirm(amount, &transaction)
                    .map_err(Error::outcome_open)
                    .map(|()| transaction),
                None => Ok(transaction),
            })
            .map_err(|error| advice::after_wait(error, order_number, options.expected.as_ref()))
    }

    /// Asks the gateway about the order number that the merchant recorded
    /// ([`Expected::order_number`], needed here), and compares reference, amount and currency with
    /// what the merchant expected. [`Expected::query`] is not used.
    ///
    /// Success means: *this transaction is the one you asked for*. Whether it is paid, its
    /// [`state`](Transaction::state) says. Another payment is [`ErrorCode::Mismatch`], whose message
    /// names each field that differs. Other errors are those of [`Client::check`].
    pub fn verify_order(&self, expected: &Expected) -> Result<Transaction> {
        let order_number = expected.order_number.as_deref().unwrap_or_default();
        let amount = expected.validate_for(order_number)?;
        let transaction = self.check_expected(order_number, Some((expected, amount)))?;
        expected.confirm(amount, &transaction)?;
        Ok(transaction)
    }

    /// Reads a callback, checks its order with the gateway, and compares reference, amount and
    /// currency with what the merchant expected.
    ///
    /// Success means: *this transaction is the one you asked for*. Whether it is paid, its
    /// [`state`](Transaction::state) says. A callback that is not about the expected payment is
    /// [`ErrorCode::Mismatch`], whose message names each field that differs.
    pub fn verify_callback(&self, body: &[u8], expected: &Expected) -> Result<Transaction> {
        let amount = expected.validate()?;
        self.secrets
            .check(expected.query.as_deref(), expected.signed_payment(amount))?;
        let callback = parse_callback(body)?;
        let order_number = expected.order_to_check(&callback)?;
        let transaction = self.check_expected(order_number, Some((expected, amount)))?;
        expected.confirm(amount, &transaction)?;
        Ok(transaction)
    }

    /// Asks once.
    ///
    /// A kept connection may bring a reply that was meant for an earlier question: a faulty server
    /// answered twice. A transaction that names the order asked about is not such a one, nor is the
    /// payment the caller expects. Any other is not believed over a kept connection, and the question is
    /// asked again over a new one. Where the gateway is known to name no orders, and nothing is expected,
    /// it is asked over a new one from the start.
    fn ask(
        &self,
        order_number: &str,
        expected: Option<(&Expected, Amount)>,
        limits: Limits<'_>,
    ) -> Result<Transaction> {
        order_number::validate(order_number)
            .map_err(|problem| Error::invalid("order_number", problem))?;
        let url = format!(
            "{}/{}",
            self.config.check_url().trim_end_matches('/'),
            form::encode(order_number)
        );
        let ask_over = |connection| {
            let reply = self.transport.get(&url, connection, limits)?;
            let answer = CheckReply::read(&reply, order_number)
                .map_err(|error| self.explain_refused_token(error));
            Ok((answer, reply.reused))
        };
        let is_expected = |transaction: &Transaction| {
            expected.is_some_and(|(expected, amount)| expected.confirm(amount, transaction).is_ok())
        };
        let connection = match expected {
            None if self.transport.gateway_names_no_order() => Connection::New,
            _ => Connection::Any,
        };
        let (answer, reused) = ask_over(connection)?;
        let is_for_this_question = match &answer {
            Ok(answer) if answer.names_order => true,
            Ok(answer) => {
                self.transport.remember_that_gateway_names_no_order();
                is_expected(&answer.transaction)
            }
            // A transaction of another order, or a refused token, which may be another client's. All other
            // errors are believed: nobody delivers for one.
            Err(error) => {
                error.field() != Some("order_number") && error.code() != ErrorCode::Unauthorized
            }
        };
        let Some(connection) = reused.filter(|_| !is_for_this_question) else {
            return Ok(answer?.transaction);
        };
        connection.discard();
        match ask_over(Connection::New) {
            Ok((answer, _)) => Ok(answer?.transaction),
            Err(error) => match answer {
                // The caller compares it, and it is not the expected payment.
                Ok(answer) if expected.is_some() => Ok(answer.transaction),
                _ => Err(error.after_sending()),
            },
        }
    }

    fn deadline(&self) -> Instant {
        after(self.config.timeout)
    }

    /// A refused token that has expired, by its own word and this machine's clock, is the likely
    /// cause. Only ever said after the gateway's refusal: clocks are wrong, too.
    fn explain_refused_token(&self, error: Error) -> Error {
        if error.code() != ErrorCode::Unauthorized {
            return error;
        }
        match self.token.expired_since(SystemTime::now()) {
            Some(since) => error.add(&format!(
                "by this machine's clock the token expired on {since}: ask FlexPay for a new one"
            )),
            None => error,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
