//! The client: payments, payouts, checks, waits, and the verification of an order or a callback.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::advice;
use crate::amount::Amount;
use crate::callback::{Expected, parse_callback};
use crate::config::{Config, Service};
use crate::error::{Error, ErrorCode, Outcome, Result};
#[cfg(feature = "journal")]
use crate::journal::Journal;
use crate::kind::Kind;
use crate::order_number;
use crate::payment::{CardContext, MobileRequest, Payment, PaymentRequest, PayoutRequest, Terms};
use crate::probe::{Probe, empty_request};
use crate::signature::Secrets;
use crate::token::Token;
use crate::trace::{Step, Trace, Traced, validate_correlation_id};
use crate::transaction::{CheckReply, Transaction};
use crate::transport::call::{deadline_after, sleep_until};
use crate::transport::{Body, Connection, Limits, Transport};
use crate::wait::{Backoff, WaitOptions};
use crate::wire::percent;
use crate::wire::reply::Reply;

/// A client of the gateway for one merchant. Threads can share it. A forked child can use it too,
/// with its own connections.
///
/// Every call blocks its thread until it is complete or its deadline has passed.
pub struct Client {
    config: Config,
    token: Arc<Token>,
    secrets: Secrets,
    transport: Transport,
    #[cfg(feature = "journal")]
    journal: Option<Journal>,
}

/// The maximum number of attempts of `check`, and the pauses between them.
const CHECK_ATTEMPTS: u32 = 3;
const CHECK_BACKOFF: Backoff = Backoff {
    initial: Duration::from_millis(200),
    max: Duration::from_secs(2),
};

impl Client {
    /// Creates a client and validates the settings. Nothing is sent.
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
            #[cfg(feature = "journal")]
            journal: Journal::of(&config),
            config,
            token,
            secrets,
            transport,
        })
    }

    /// Creates a client from environment variables: see [`Config::from_env`].
    pub fn from_env() -> Result<Self> {
        Self::new(Config::from_env()?)
    }

    /// Sends a request for a payment by card, and returns the address to send the customer to.
    ///
    /// The request is sent **at most once**. If it fails, [`Error::outcome`] reports whether it may
    /// be repeated: after [`Outcome::NotSent`] it may, after [`Outcome::Refused`] only when the cause
    /// is fixed, after [`Outcome::Unknown`] never.
    pub fn pay(&self, request: &PaymentRequest) -> Result<Payment> {
        self.traced("pay", request.correlation_id.as_deref(), |trace| {
            let amount = request.validate()?;
            let callback_url = match &request.callback_url {
                Some(url) => Some(self.secrets.sign(url, request.signed_payment(amount))?),
                None => None,
            };
            let body = request.encode(&self.config, &self.token, callback_url.as_deref());
            let context = CardContext {
                request,
                api: self.config.api,
                service: self.config.service(Kind::Card),
            };
            let terms = Terms {
                kind: Kind::Card,
                amount: request.amount.clone(),
                currency: request.currency.clone(),
                phone: None,
            };
            self.recorded(&request.reference, terms, || {
                self.send_once(context.service, &request.reference, &body, trace, |reply| {
                    Payment::read_card(reply, &context)
                })
            })
        })
    }

    /// Sends a request for a payment by mobile money. The customer receives a message on the phone
    /// and confirms with a PIN: [`wait`](Self::wait) for it, with an [`Expected`] of
    /// [`Kind::Mobile`].
    ///
    /// The request is sent **at most once**, as that of [`pay`](Self::pay). The payment has an
    /// order number, and no address for the customer.
    pub fn pay_mobile(&self, request: &MobileRequest) -> Result<Payment> {
        self.traced("pay_mobile", request.correlation_id.as_deref(), |trace| {
            let (amount, phone) = request.validate()?;
            let payment = request.signed_payment(amount);
            let callback_url = self.secrets.sign(&request.callback_url, payment)?;
            let body = request.encode(&self.config.merchant, amount, &phone, &callback_url);
            let service = self.config.service(Kind::Mobile);
            let terms = Terms {
                kind: service.kind,
                amount: request.amount.clone(),
                currency: request.currency.clone(),
                phone: Some(phone),
            };
            self.recorded(&request.reference, terms, || {
                self.send_once(service, &request.reference, &body, trace, |reply| {
                    Payment::read_wallet(reply, service)
                })
            })
        })
    }

    /// Sends the merchant's money to a mobile money account. Only with
    /// [`Config::allow_payout`](crate::Config::allow_payout).
    ///
    /// The request is sent **at most once**, as that of [`pay`](Self::pay). The payout was
    /// accepted, but the beneficiary does not have the money yet: verify the order number, with an
    /// [`Expected`] of [`Kind::Payout`]. Only [`State::Paid`](crate::State::Paid) means that the
    /// beneficiary has it.
    pub fn payout(&self, request: &PayoutRequest) -> Result<Payment> {
        self.traced("payout", request.correlation_id.as_deref(), |trace| {
            if !self.config.allow_payout {
                return Err(Error::invalid(
                    "allow_payout",
                    "is not set: this client may not send money out. Set it (FLEXPAY_ALLOW_PAYOUT=1, \
                     FLEXPAY_FLAG_ALLOW_PAYOUT) only in the program that makes payouts",
                ));
            }
            let (amount, phone) = request.validate()?;
            let payment = request.signed_payment(amount);
            let callback_url = self.secrets.sign(&request.callback_url, payment)?;
            let body = request.encode(&self.config.merchant, amount, &phone, &callback_url);
            let service = self.config.service(Kind::Payout);
            let terms = Terms {
                kind: service.kind,
                amount: request.amount.clone(),
                currency: request.currency.clone(),
                phone: Some(phone),
            };
            self.recorded(&request.reference, terms, || {
                self.send_once(service, &request.reference, &body, trace, |reply| {
                    Payment::read_wallet(reply, service)
                })
            })
        })
    }

    /// The time limit of a call: that of the settings, or the default.
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Sends an empty request, without the token, to the service for payments of this kind. It moves no
    /// money: nothing can take it for a payment. It shows whether the service can be reached, and, by the
    /// status of the reply, whether it is a payment service.
    pub fn probe(&self, kind: Kind) -> Result<Probe> {
        self.traced("probe", None, |trace| {
            let (url, body) = empty_request(kind, &self.config);
            let reply = self.transport.post(url, &body, self.limits(trace))?;
            Ok(Probe {
                http_status: reply.status,
                trace: None,
            })
        })
    }

    /// Makes a payment through the journal, if the client has one.
    fn recorded(
        &self,
        reference: &str,
        terms: Terms,
        send: impl FnOnce() -> Result<Payment>,
    ) -> Result<Payment> {
        #[cfg(feature = "journal")]
        if let Some(journal) = &self.journal {
            return journal.pay(reference, terms, send);
        }
        let _ = (reference, terms);
        send()
    }

    /// The client's journal.
    #[cfg(feature = "journal")]
    pub(crate) fn journal_or_none(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Whether the addresses of callbacks are signed.
    #[cfg(feature = "journal")]
    pub(crate) fn signs_addresses(&self) -> bool {
        self.secrets.signs_addresses()
    }

    /// Sends a request that moves money.
    fn send_once(
        &self,
        service: Service<'_>,
        reference: &str,
        body: &Body,
        trace: Option<&Trace>,
        read: impl FnOnce(&Reply) -> Result<Payment>,
    ) -> Result<Payment> {
        self.transport
            .post(service.url, body, self.limits(trace))
            .and_then(|reply| read(&reply))
            .map_err(|error| self.explain_refused_token(error))
            .map_err(|error| advice::after_request(error, service, reference, self.config.api))
    }

    /// Runs a call. With [`Config::trace`](crate::Config::trace), adds the trace of the call to its
    /// result.
    fn traced<T: Traced>(
        &self,
        call: &'static str,
        correlation_id: Option<&str>,
        work: impl FnOnce(Option<&Trace>) -> Result<T>,
    ) -> Result<T> {
        let is_valid = validate_correlation_id(correlation_id);
        if !self.config.trace {
            return is_valid.and_then(|()| work(None));
        }
        let trace = Trace::start(call, correlation_id.filter(|_| is_valid.is_ok()));
        let result = is_valid.and_then(|()| work(Some(&trace)));
        trace.end(result, &self.token)
    }

    /// Gets the state of an order from the gateway. After a broken connection or a failure of the
    /// gateway it retries, within the deadline: a check changes nothing.
    pub fn check(&self, order_number: &str) -> Result<Transaction> {
        self.traced("check", None, |trace| {
            self.check_expected(order_number, None, trace)
        })
    }

    /// `expected` decides whether to accept a reply without an order number. The caller must still
    /// compare the transaction with it.
    fn check_expected(
        &self,
        order_number: &str,
        expected: Option<(&Expected, Amount)>,
        trace: Option<&Trace>,
    ) -> Result<Transaction> {
        self.check_with_retries(order_number, expected, trace)
            .map_err(|error| {
                let kind = expected.map_or(Kind::default(), |(expected, _)| expected.kind);
                advice::after_check(error, kind, order_number, self.config.check_url())
            })
    }

    fn check_with_retries(
        &self,
        order_number: &str,
        expected: Option<(&Expected, Amount)>,
        trace: Option<&Trace>,
    ) -> Result<Transaction> {
        let limits = self.limits(trace);
        let attempts = if self.config.check_once {
            1
        } else {
            CHECK_ATTEMPTS
        };
        let mut attempt = 1;
        let mut sent = false;
        loop {
            let result = self.send_check(order_number, expected, limits);
            let result = result.map_err(|error| match sent {
                true => error.after_sending(),
                false => error,
            });
            let error = match result {
                Err(error) if attempt < attempts && error.is_retryable() => error,
                done => return done,
            };
            sent |= error.outcome() == Outcome::Unknown;
            let retry_after = error.retry_after().unwrap_or_default();
            let next = deadline_after(CHECK_BACKOFF.pause(attempt).max(retry_after));
            // There is no time for another attempt.
            if next >= limits.deadline {
                return Err(error);
            }
            if let Some(trace) = trace {
                trace.record(Step::pause_until(next));
            }
            sleep_until(next, None);
            attempt += 1;
        }
    }

    /// Waits for the outcome of an order: sends checks until its state is final, the deadline
    /// passes, or the wait is cancelled.
    ///
    /// PAID is returned as soon as it is seen; FAILED, CANCELLED, REFUNDING and REFUNDED after they
    /// have lasted for the grace period ([`WaitOptions::failed_grace`]). The wait continues if the
    /// order is not found (yet), after a refused check, a failure of the gateway and a broken
    /// connection; a refused token ends it. At the deadline the error is [`ErrorCode::Timeout`];
    /// its message contains what was seen last.
    ///
    /// With [`WaitOptions::expected`], only the payment that the merchant expected is returned;
    /// any other is [`ErrorCode::Mismatch`], as in [`Client::verify_order`].
    ///
    /// The outcome of an error is [`Outcome::Unknown`](crate::Outcome), because the payment may
    /// have succeeded, except for an invalid argument.
    pub fn wait(&self, order_number: &str, options: &WaitOptions) -> Result<Transaction> {
        self.traced("wait", options.correlation_id.as_deref(), |trace| {
            let expected = match &options.expected {
                Some(expected) => Some((expected, expected.validate_for(order_number)?)),
                None => None,
            };
            let check = |limits: Limits<'_>| {
                let deadline = limits.deadline.min(self.deadline());
                self.send_check(order_number, expected, Limits { deadline, ..limits })
            };
            crate::wait::wait(options, trace, check)
                .and_then(|transaction| match expected {
                    Some((expected, amount)) => expected
                        .confirm(amount, &transaction)
                        .map_err(Error::with_unknown_outcome)
                        .map(|()| transaction),
                    None => Ok(transaction),
                })
                .map_err(|error| advice::after_wait(error, order_number, options.expected.as_ref()))
        })
    }

    /// Checks the order number that the merchant recorded ([`Expected::order_number`], required
    /// here), and compares reference, amount and currency with what the merchant expected.
    /// [`Expected::query`] is not used.
    ///
    /// Success means: *this transaction is the expected one*. Its [`state`](Transaction::state)
    /// shows whether it is paid. Another payment is [`ErrorCode::Mismatch`], whose message names
    /// each field that differs. Other errors are those of [`Client::check`].
    pub fn verify_order(&self, expected: &Expected) -> Result<Transaction> {
        self.traced(
            "verify_order",
            expected.correlation_id.as_deref(),
            |trace| {
                let order_number = expected.order_number.as_deref().unwrap_or_default();
                let amount = expected.validate_for(order_number)?;
                let transaction =
                    self.check_expected(order_number, Some((expected, amount)), trace)?;
                expected.confirm(amount, &transaction)?;
                Ok(transaction)
            },
        )
    }

    /// Reads a callback, checks its order with the gateway, and compares reference, amount and
    /// currency with what the merchant expected.
    ///
    /// Success means: *this transaction is the expected one*. Its [`state`](Transaction::state)
    /// shows whether it is paid. A callback for another payment is [`ErrorCode::Mismatch`], whose
    /// message names each field that differs.
    pub fn verify_callback(&self, body: &[u8], expected: &Expected) -> Result<Transaction> {
        self.traced(
            "verify_callback",
            expected.correlation_id.as_deref(),
            |trace| {
                let amount = expected.validate()?;
                if !self.secrets.signs_addresses() {
                    expected.require_order_number_of_payout()?;
                }
                self.secrets
                    .check(expected.query.as_deref(), expected.signed_payment(amount))?;
                let callback = parse_callback(body)?;
                let order_number = expected.order_to_check(&callback)?;
                let transaction =
                    self.check_expected(order_number, Some((expected, amount)), trace)?;
                expected.confirm(amount, &transaction)?;
                Ok(transaction)
            },
        )
    }

    /// Sends one check.
    ///
    /// A reused connection may carry the reply to an earlier request, if a faulty server replied
    /// twice. A transaction with the right order number is not such a reply, nor is the payment
    /// that the caller expects. Any other transaction over a reused connection is ignored, and the
    /// check is sent again over a new connection. If the gateway is known to omit order numbers,
    /// and there is no expected payment, a new connection is used from the start.
    fn send_check(
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
            percent::encode(order_number)
        );
        let check_over = |connection| {
            let (reply, reused) = self.transport.get(&url, connection, limits)?;
            let result = CheckReply::read(&reply, order_number)
                .map_err(|error| self.explain_refused_token(error));
            Ok((result, reused))
        };
        let is_expected = |transaction: &Transaction| {
            expected.is_some_and(|(expected, amount)| expected.confirm(amount, transaction).is_ok())
        };
        let connection = match expected {
            None if self.transport.gateway_omits_order_number() => Connection::New,
            _ => Connection::Any,
        };
        let (result, reused) = check_over(connection)?;
        let belongs_to_request = match &result {
            Ok(read) if read.names_order => true,
            Ok(read) => {
                self.transport.set_gateway_omits_order_number();
                is_expected(&read.transaction)
            }
            // Not accepted: a transaction of another order, or a refused token, which may be another
            // client's. All other errors are accepted: no merchant delivers goods after an error.
            Err(error) => {
                error.field() != Some("order_number") && error.code() != ErrorCode::Unauthorized
            }
        };
        let Some(connection) = reused.filter(|_| !belongs_to_request) else {
            return Ok(result?.transaction);
        };
        connection.discard();
        match check_over(Connection::New) {
            Ok((second, _)) => Ok(second?.transaction),
            Err(error) => match result {
                // It is not the expected payment, and the caller's comparison will report that.
                Ok(read) if expected.is_some() => Ok(read.transaction),
                _ => Err(error.after_sending()),
            },
        }
    }

    /// The limits of a call that begins now.
    fn limits<'t>(&self, trace: Option<&'t Trace>) -> Limits<'t> {
        Limits {
            deadline: self.deadline(),
            cancel: None,
            trace,
        }
    }

    fn deadline(&self) -> Instant {
        deadline_after(self.config.timeout)
    }

    /// If the gateway refused the token, and the token has expired by this machine's clock, adds
    /// that to the message. Not done before a refusal, because the clock may be wrong.
    fn explain_refused_token(&self, error: Error) -> Error {
        if error.code() != ErrorCode::Unauthorized {
            return error;
        }
        match self.token.expired_since(SystemTime::now()) {
            Some(since) => error.append(&format!(
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
