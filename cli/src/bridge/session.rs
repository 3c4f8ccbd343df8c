//! The session: the client, the calls in flight, and the replies.

use flexpay::journal::{ReconcileOptions, Reconciliation, Settlement, step_json};
use flexpay::{CancelToken, Client, Config, State, WaitOptions};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Stdout;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::protocol::{Call, Hello, Message, VERSION, parse};
use super::workers::Workers;
use super::write_line;
use crate::call::{Failure, Reply, guarded};
use crate::settings::config_from;

/// More calls than this at once are refused.
const MAX_CALLS: usize = 256;

pub struct Session {
    shared: Arc<Shared>,
    /// The file of --env-file.
    env_file: Option<PathBuf>,
    has_greeted: bool,
    /// None before hello, and after a hello without a client.
    client: Option<Arc<Client>>,
    workers: Workers,
}

/// What the threads of the calls share.
struct Shared {
    output: Mutex<Output>,
    calls: Mutex<Calls>,
    /// The last reply was written.
    all_replied: Condvar,
}

#[derive(Default)]
struct Calls {
    /// Those in flight, by id, and the token of those that can be cancelled.
    in_flight: HashMap<u64, Option<CancelToken>>,
    /// How many have no reply yet.
    without_reply: usize,
}

/// Ends the session from another thread.
pub struct Ending(Arc<Shared>);

impl Ending {
    /// Ends the waits, and lets all other calls end.
    pub fn end(&self) {
        let mut calls = lock(&self.0.calls);
        for token in calls.in_flight.values().flatten() {
            token.cancel();
        }
        while calls.without_reply > 0 {
            let woken = self.0.all_replied.wait(calls);
            calls = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Output {
    stdout: Stdout,
    /// Nobody reads the replies any more.
    is_broken: bool,
}

impl Session {
    pub fn new(stdout: Stdout, env_file: Option<PathBuf>) -> Self {
        Self {
            shared: Arc::new(Shared {
                output: Mutex::new(Output {
                    stdout,
                    is_broken: false,
                }),
                calls: Mutex::default(),
                all_replied: Condvar::new(),
            }),
            env_file,
            has_greeted: false,
            client: None,
            workers: Workers::new(),
        }
    }

    /// Carries out the request of a complete line.
    pub fn accept(&mut self, line: &[u8]) {
        let message = std::str::from_utf8(line)
            .map_err(|_| Failure::invalid("line", "is not UTF-8"))
            .and_then(parse::<Message<'_>>);
        match message {
            Ok(message) => self.begin(&message),
            Err(failure) => self.refuse(&failure),
        }
    }

    /// Replies to a line that has no id.
    pub fn refuse(&self, failure: &Failure) {
        self.shared
            .write(&json!({ "id": null, "error": failure.to_json() }));
    }

    pub fn is_broken(&self) -> bool {
        lock(&self.shared.output).is_broken
    }

    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.shared))
    }

    fn begin(&mut self, message: &Message<'_>) {
        let id = message.id;
        if message.call == "hello" && self.client.is_some() {
            let failure = Failure::invalid("call", "hello was accepted already");
            return self.shared.reply(id, Err(failure));
        }
        if message.call == "hello" || !self.has_greeted {
            let result = self.greet(message);
            return self.shared.reply(id, result);
        }
        let call = match Call::read(message) {
            Ok(Call::Cancel(wait)) => {
                let was_found = self.shared.cancel(wait);
                let reply = Reply::Other(json!({ "cancelled": was_found }));
                return self.shared.reply(id, Ok(reply));
            }
            Ok(call) => call,
            Err(failure) => return self.shared.reply(id, Err(failure)),
        };
        let cancel = match self.shared.register(id, &call) {
            Ok(cancel) => cancel,
            Err(failure) => return self.shared.reply(id, Err(failure)),
        };
        let client = self.client.clone();
        let shared = Arc::clone(&self.shared);
        let started = self.workers.run(move || {
            let result = guarded(|| carry_out(client.as_deref(), call, cancel));
            shared.end_call(id, result);
        });
        if let Err(problem) = started {
            self.shared
                .end_call(id, Err(Failure::invalid("call", problem)));
        }
    }

    /// The first message: agrees on the version, and creates the client. It may come again as long as
    /// there is no client.
    fn greet(&mut self, message: &Message<'_>) -> Result<Reply, Failure> {
        if message.call != "hello" {
            return Err(Failure::invalid("call", "the first call must be hello"));
        }
        let hello = Hello::read(message.request.map_or("{}", |request| request.get()))?;
        if hello.bridge != VERSION {
            return Err(Failure::invalid(
                "bridge",
                format!(
                    "this program speaks version {VERSION} of the protocol, and the other program \
                     version {}",
                    hello.bridge
                ),
            ));
        }
        let mut timeout_ms = None;
        if hello.client {
            let config = match hello.settings {
                Some(settings) => Config::from(settings),
                None => config_from(self.env_file.as_deref())?,
            };
            let client = guarded(|| Ok(Client::new(config)?))?;
            timeout_ms = Some(client.timeout().as_millis());
            self.client = Some(Arc::new(client));
        } else if hello.settings.is_some() {
            return Err(Failure::invalid(
                "client",
                "is false, and there are settings: give only one of them",
            ));
        }
        self.has_greeted = true;
        Ok(Reply::Other(json!({
            "bridge": VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "timeout_ms": timeout_ms,
        })))
    }
}

impl Shared {
    /// Records that a call is in flight. Returns the token of one that can be cancelled.
    fn register(&self, id: u64, call: &Call) -> Result<Option<CancelToken>, Failure> {
        let cancel = call.is_cancelled().map(|is_cancelled| {
            let token = CancelToken::new();
            if is_cancelled {
                token.cancel();
            }
            token
        });
        let mut calls = lock(&self.calls);
        if calls.in_flight.len() >= MAX_CALLS {
            let problem = format!("there are {MAX_CALLS} calls in flight already");
            return Err(Failure::invalid("call", problem));
        }
        match calls.in_flight.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(cancel.clone());
                calls.without_reply += 1;
                Ok(cancel)
            }
            // Its reader could not tell the replies apart.
            Entry::Occupied(_) => Err(Failure::invalid("id", "is that of a call in flight")),
        }
    }

    /// Writes the reply to a call in flight.
    fn end_call(&self, id: u64, result: Result<Reply, Failure>) {
        // First: whoever reads the reply may use the id again.
        lock(&self.calls).in_flight.remove(&id);
        self.reply(id, result);
        let mut calls = lock(&self.calls);
        calls.without_reply -= 1;
        if calls.without_reply == 0 {
            self.all_replied.notify_all();
        }
    }

    fn cancel(&self, id: u64) -> bool {
        match lock(&self.calls).in_flight.get(&id) {
            Some(Some(token)) => {
                token.cancel();
                true
            }
            _ => false,
        }
    }

    fn reply(&self, id: u64, result: Result<Reply, Failure>) {
        self.write(&match result {
            Ok(reply) => json!({ "id": id, "ok": reply.to_json() }),
            Err(failure) => json!({ "id": id, "error": failure.to_json() }),
        });
    }

    fn write(&self, reply: &Value) {
        let line = reply.to_string();
        let mut output = lock(&self.output);
        if write_line(&mut output.stdout.lock(), line).is_err() {
            output.is_broken = true;
        }
    }
}

fn carry_out(
    client: Option<&Client>,
    call: Call,
    cancel: Option<CancelToken>,
) -> Result<Reply, Failure> {
    let client = || {
        client.ok_or_else(|| {
            Failure::invalid(
                "client",
                "this bridge was started without a client: send hello with settings first",
            )
        })
    };
    let payment = |payment| Reply::Payment(Box::new(payment));
    let transaction = |transaction| Reply::Transaction(Box::new(transaction));
    let settlement = |settlement| Reply::Settlement(Box::new(settlement));
    Ok(match call {
        Call::Pay(request) => payment(client()?.pay(&request)?),
        Call::PayMobile(request) => payment(client()?.pay_mobile(&request)?),
        Call::Payout(request) => payment(client()?.payout(&request)?),
        Call::Check(order_number) => transaction(client()?.check(&order_number)?),
        Call::Wait(wait) => {
            let options = WaitOptions {
                cancel,
                ..wait.options
            };
            transaction(client()?.wait(&wait.order_number, &options)?)
        }
        Call::Settle(reference) => settlement(client()?.settle(&reference)?),
        Call::SettleWait {
            reference, options, ..
        } => {
            let options = WaitOptions { cancel, ..*options };
            settlement(client()?.settle_wait(&reference, &options)?)
        }
        Call::SettleCallback(body, query) => {
            settlement(client()?.settle_callback(&body, query.as_deref())?)
        }
        Call::Reconcile { options, .. } => {
            let options = ReconcileOptions { cancel, ..options };
            Reply::Settlements(client()?.reconcile(&options)?)
        }
        Call::JournalGet(reference) => settlement(client()?.journal()?.settlement(&reference)?),
        Call::JournalList(list) => {
            let journal = client()?.journal()?;
            let entries = journal.list(list.filter, &list.after, list.limit)?;
            Reply::Settlements(Reconciliation {
                settlements: entries.into_iter().map(Settlement::from).collect(),
                stopped: None,
            })
        }
        Call::JournalAcknowledge(reference) => {
            settlement(client()?.journal()?.acknowledge(&reference)?)
        }
        Call::JournalResolve(given) => {
            let journal = client()?.journal()?;
            settlement(journal.resolve(
                &given.reference,
                given.resolution,
                &given.who,
                &given.why,
            )?)
        }
        Call::JournalPrune(days) => Reply::Removed(client()?.journal()?.prune(days)?),
        Call::JournalStep(request) => Reply::Other(parse(&step_json(&request)?)?),
        Call::VerifyOrder(expected) => transaction(client()?.verify_order(&expected)?),
        Call::VerifyCallback(body, expected) => {
            transaction(client()?.verify_callback(&body, &expected)?)
        }
        Call::ParseCallback(body) => {
            Reply::Callback(Box::new(flexpay::parse_callback(&body)?.into_owned()))
        }
        Call::NormalizePhone(phone) => {
            Reply::Other(json!({ "phone": flexpay::normalize_phone(&phone)? }))
        }
        Call::StateMayReplace { recorded, now } => {
            let may = state(&now).may_replace(state(&recorded));
            Reply::Other(json!({ "may_replace": may }))
        }
        // Carried out without a thread.
        Call::Cancel(_) => Reply::Other(Value::Null),
    })
}

/// A name that is not a state counts as UNKNOWN, as in flexpay_state_may_replace.
fn state(name: &str) -> State {
    let states = [
        State::Paid,
        State::Failed,
        State::Pending,
        State::Refunding,
        State::Refunded,
        State::Cancelled,
    ];
    let found = states.into_iter().find(|state| state.name() == name);
    found.unwrap_or_default()
}

/// A poisoned lock is used: no panic leaves its data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
