//! What can happen next, and what it changes.

use std::fmt;
use std::rc::Rc;

use flexpay::journal::{Action, Entry, Event, FAILURES_TO_CLOSE, Reply, Resolution, Terms};
use flexpay::{Kind, State};

use crate::program::Program;
use crate::world::{
    Answered, Call, Fate, ORDER_NUMBERS, Outcome, Request, SENDERS, WRONG_NUMBER, World,
};

/// A program, and what it is tried with. All orders of all moves are tried within these limits.
#[derive(Clone, Copy)]
pub struct Model {
    pub program: Program,
    /// How many references there are.
    pub references: usize,
    /// How many requests may be begun under each. Two of them at once.
    pub requests: usize,
    /// Who resolves entries by hand.
    pub people: People,
    /// Whether a call may be taken for dead while it is only slow: a lease ends, a process does not.
    pub has_leases: bool,
    /// Whether orders are also cancelled and refunded. Without it they only fail or are paid.
    pub has_all_states: bool,
    /// Whether a process may record the gateway's answer later than it was given.
    pub has_slow_answers: bool,
    /// Whether the gateway has an order from before there was a journal.
    pub has_older_order: bool,
}

/// What a person does before saying NOT_SENT, FAILED or CANCELLED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// There is nobody.
    Nobody,
    /// Looks in the merchant's console, and makes sure that no process is sending.
    Careful,
    /// Looks in the merchant's console.
    Hasty,
    /// Says anything.
    Wrong,
}

const AMOUNTS: [&str; 2] = ["25.50", "26"];
const CURRENCY: &str = "USD";
/// When the last failure was counted, and the answers that come too soon after it and late enough. The clock may be
/// set back in between.
const LAST_FAILURE: u64 = 1_000_000;
const SOON: u64 = LAST_FAILURE - 59;
const LATER: u64 = LAST_FAILURE + 60;
const CALLS_AT_ONCE: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// A process calls pay.
    Pay {
        reference: usize,
        amount: &'static str,
    },
    /// The request is sent, or not, and the call has a result.
    Return {
        request: usize,
        fate: Fate,
        outcome: Outcome,
    },
    /// The call records its result and ends.
    Record { request: usize },
    /// The process is killed, before it sends, after it, or before it records.
    Kill { request: usize },
    /// The call is slow, and is taken for dead.
    LeaseEnds { request: usize },
    /// The customer or the merchant changes an order at the gateway.
    Order { request: usize, state: State },
    /// A callback arrives: genuine or forged, late or again. Whoever sent it, it names a reference and an order.
    Callback {
        reference: usize,
        number: &'static str,
        at: u64,
    },
    /// The merchant asks about an entry, now or as a part of reconcile. The gateway may not answer.
    Settle {
        reference: usize,
        is_answered: bool,
        at: u64,
    },
    /// The gateway answers a question about an order, and the answer is recorded later.
    Answer { reference: usize, request: usize },
    /// That answer is recorded.
    RecordAnswer { at: u64 },
    /// A process of the merchant acknowledges.
    Acknowledge { reference: usize },
    /// A person resolves the entry.
    Resolve {
        reference: usize,
        resolution: Resolution,
    },
}

/// An event that the rule decided.
pub struct Decided {
    pub event: Event,
    pub sender_is_alive: bool,
    pub before: Option<Rc<Entry>>,
    pub after: Option<Rc<Entry>>,
    pub action: Action,
    /// Whether the journal was told before that it is paid.
    pub was_told_paid: bool,
}

/// What a move led to.
pub struct Moved {
    pub world: World,
    pub decided: Vec<Decided>,
}

impl Model {
    /// The journal is empty, or the last of several references was accepted before. The gateway may have an order.
    pub fn first(&self) -> World {
        let mut world = World::new(self.references);
        if self.has_older_order {
            let call = Call::Ended;
            let fate = Fate::Taken(State::Pending);
            world.requests.push(Request {
                fate,
                ..request(0, AMOUNTS[0], 0, call)
            });
        }
        let reference = self.references - 1;
        if reference == 0 {
            return world;
        }
        let begin = Move::Pay {
            reference,
            amount: AMOUNTS[0],
        };
        let accept = Move::Return {
            request: 0,
            fate: Fate::Taken(State::Pending),
            outcome: Outcome::Accepted { has_number: true },
        };
        for the_move in [begin, accept, Move::Record { request: 0 }] {
            world = self.apply(&world, &the_move).world;
        }
        world
    }

    pub fn moves(&self, world: &World) -> Vec<Move> {
        let mut moves = Vec::new();
        for reference in 0..self.references {
            self.moves_of_entry(world, reference, &mut moves);
        }
        for (index, request) in world.requests.iter().enumerate() {
            self.moves_of_request(index, request, &mut moves);
        }
        if let Some(answered) = &world.answered {
            let entry = world.entries[answered.reference].as_deref();
            let all = times(entry).iter().map(|&at| Move::RecordAnswer { at });
            moves.extend(all);
        }
        moves
    }

    fn moves_of_entry(&self, world: &World, reference: usize, moves: &mut Vec<Move>) {
        let running = world.requests.iter().filter(|one| one.is_running()).count();
        let begun = world.requests_of(reference).count();
        if running < CALLS_AT_ONCE && begun < self.requests {
            // The first amount may be any: which one it is makes no difference.
            let amounts = if begun == 0 { &AMOUNTS[..1] } else { &AMOUNTS };
            let pays = amounts.iter().map(|amount| Move::Pay { reference, amount });
            moves.extend(pays);
        }
        let Some(entry) = &world.entries[reference] else {
            return;
        };
        moves.push(Move::Acknowledge { reference });
        moves.push(Move::Settle {
            reference,
            is_answered: false,
            at: LATER,
        });
        for &at in times(Some(entry)) {
            moves.push(Move::Settle {
                reference,
                is_answered: true,
                at,
            });
        }
        for (index, request) in world.requests.iter().enumerate() {
            if !request.is_taken() {
                continue;
            }
            let number = ORDER_NUMBERS[index];
            for &at in times(Some(entry)) {
                moves.push(Move::Callback {
                    reference,
                    number,
                    at,
                });
            }
            let may_answer = self.has_slow_answers && world.answered.is_none();
            if may_answer && confirms(entry, reference, request) {
                moves.push(Move::Answer {
                    reference,
                    request: index,
                });
            }
        }
        moves.push(Move::Callback {
            reference,
            number: WRONG_NUMBER,
            at: LATER,
        });
        for resolution in self.resolutions(world, reference) {
            moves.push(Move::Resolve {
                reference,
                resolution,
            });
        }
    }

    fn moves_of_request(&self, index: usize, request: &Request, moves: &mut Vec<Move>) {
        if request.is_running() {
            moves.push(Move::Kill { request: index });
            if self.has_leases && request.is_seen_alive {
                moves.push(Move::LeaseEnds { request: index });
            }
        }
        match request.call {
            Call::Begun => {
                for (fate, outcome) in results() {
                    moves.push(Move::Return {
                        request: index,
                        fate,
                        outcome,
                    });
                }
            }
            Call::Returned(_) => moves.push(Move::Record { request: index }),
            Call::Ended => {}
        }
        for &state in next_order_states(request) {
            if !self.has_all_states && !matches!(state, State::Paid | State::Failed) {
                continue;
            }
            moves.push(Move::Order {
                request: index,
                state,
            });
        }
    }

    fn resolutions(&self, world: &World, reference: usize) -> Vec<Resolution> {
        if self.people == People::Nobody {
            return Vec::new();
        }
        let is_wrong = self.people == People::Wrong;
        let requests = || world.requests_of(reference).map(|(_, request)| request);
        let is_taken = requests().any(Request::is_taken);
        let is_running = requests().any(Request::is_running);
        let is_paid = requests().any(|request| request.was_paid);
        let mut all = Vec::new();
        if is_wrong || (!is_taken && (!is_running || self.people == People::Hasty)) {
            all.push(Resolution::NotSent);
        }
        if is_wrong || !is_paid {
            all.push(Resolution::Failed);
            if self.has_all_states {
                all.push(Resolution::Cancelled);
            }
        }
        let taken = world
            .requests_of(reference)
            .filter(|(_, one)| one.is_taken());
        all.extend(taken.map(|(index, _)| Resolution::Order {
            order_number: ORDER_NUMBERS[index].to_owned(),
        }));
        if is_wrong {
            all.push(Resolution::Order {
                order_number: WRONG_NUMBER.to_owned(),
            });
        }
        all
    }

    pub fn apply(&self, world: &World, the_move: &Move) -> Moved {
        let mut moved = Moved {
            world: world.clone(),
            decided: Vec::new(),
        };
        match the_move {
            Move::Pay { reference, amount } => self.pay(&mut moved, *reference, amount),
            Move::Return {
                request,
                fate,
                outcome,
            } => {
                let request = &mut moved.world.requests[*request];
                request.fate = *fate;
                request.call = Call::Returned(*outcome);
            }
            Move::Record { request } => self.record(&mut moved, *request),
            Move::Kill { request } => end(&mut moved.world.requests[*request]),
            Move::LeaseEnds { request } => moved.world.requests[*request].is_seen_alive = false,
            Move::Order { request, state } => {
                let request = &mut moved.world.requests[*request];
                request.fate = Fate::Taken(*state);
                request.was_paid |= *state == State::Paid;
            }
            Move::Callback {
                reference,
                number,
                at,
            } => self.callback(&mut moved, *reference, number, *at),
            Move::Settle {
                reference,
                is_answered,
                at,
            } => self.settle(&mut moved, *reference, *is_answered, *at),
            Move::Answer { reference, request } => {
                let state = world.requests[*request].order_state();
                moved.world.answered = state.map(|state| Answered {
                    reference: *reference,
                    request: *request,
                    state,
                });
            }
            Move::RecordAnswer { at } => {
                if let Some(answered) = moved.world.answered.take() {
                    self.verdict(&mut moved, &answered, *at);
                }
            }
            Move::Acknowledge { reference } => {
                let action = self.decide(&mut moved, *reference, Event::Acknowledge);
                if matches!(action, Action::Report { changed: true }) {
                    moved.world.deliveries[*reference] += 1;
                }
            }
            Move::Resolve {
                reference,
                resolution,
            } => self.resolve(&mut moved, *reference, resolution),
        }
        moved
    }

    fn pay(&self, moved: &mut Moved, reference: usize, amount: &'static str) {
        let index = moved.world.requests.len();
        let before = moved.world.entries[reference].clone();
        let event = Event::Pay {
            reference: format!("Z-{reference}"),
            terms: Terms {
                kind: Kind::Card,
                amount: amount.to_owned(),
                currency: CURRENCY.to_owned(),
                phone: None,
            },
            sender: SENDERS[index].to_owned(),
        };
        let Action::Send { attempt } = self.decide(moved, reference, event) else {
            return;
        };
        let mut unwritten = None;
        if self.program.sends_before_it_writes {
            unwritten = moved.world.entries[reference].take();
            moved.world.entries[reference] = before;
        }
        moved.world.requests.push(Request {
            is_seen_alive: true,
            unwritten,
            ..request(reference, amount, attempt, Call::Begun)
        });
    }

    fn record(&self, moved: &mut Moved, index: usize) {
        let request = &mut moved.world.requests[index];
        let Call::Returned(outcome) = request.call else {
            return;
        };
        let (reference, attempt) = (request.reference, request.attempt);
        if let Some(entry) = request.unwritten.take() {
            moved.world.entries[reference] = Some(entry);
        }
        let reply = reply(outcome, ORDER_NUMBERS[index]);
        self.decide(moved, reference, Event::Reply { attempt, reply });
        end(&mut moved.world.requests[index]);
    }

    fn callback(&self, moved: &mut Moved, reference: usize, number: &str, at: u64) {
        if self.program.believes_callbacks {
            let Some(entry) = &moved.world.entries[reference] else {
                return;
            };
            let event = Event::Verdict {
                order_number: number.to_owned(),
                state: State::Paid,
                amount: entry.amount.clone(),
                currency: CURRENCY.to_owned(),
                at,
            };
            self.decide(moved, reference, event);
            return;
        }
        // What the gateway says of another order, or does not say, is not recorded.
        if let Some(answered) = self.ask(&moved.world, reference, number) {
            self.verdict(moved, &answered, at);
        }
    }

    fn settle(&self, moved: &mut Moved, reference: usize, is_answered: bool, at: u64) {
        let Action::Ask { order_number } = self.decide(moved, reference, Event::Settle) else {
            return;
        };
        let answer = match is_answered {
            true => self.ask(&moved.world, reference, &order_number),
            false => None,
        };
        match answer {
            Some(answered) => self.verdict(moved, &answered, at),
            None => {
                let answer = "NOT_FOUND".to_owned();
                self.decide(moved, reference, Event::NoVerdict { answer });
            }
        }
    }

    fn resolve(&self, moved: &mut Moved, reference: usize, resolution: &Resolution) {
        let event = Event::Resolve {
            resolution: resolution.clone(),
            who: "Awa".to_owned(),
            why: "console".to_owned(),
        };
        if matches!(self.decide(moved, reference, event), Action::Refuse(_)) {
            return;
        }
        let world = &mut moved.world;
        if let Resolution::Order { order_number } = resolution {
            world.has_wrong_number |= order_number == WRONG_NUMBER;
            return;
        }
        let requests = world.requests.iter_mut();
        for request in requests.filter(|one| one.reference == reference) {
            request.is_denied = true;
        }
        match resolution {
            Resolution::NotSent => world.not_sent_words += 1,
            _ => world.failures[reference] = FAILURES_TO_CLOSE,
        }
    }

    /// Asks the gateway about an order, and compares it with the entry.
    fn ask(&self, world: &World, reference: usize, number: &str) -> Option<Answered> {
        let index = world.order(number)?;
        let request = &world.requests[index];
        let entry = world.entries[reference].as_deref()?;
        let is_confirmed = match self.program.mixes_references {
            true => entry.amount == request.amount,
            false => confirms(entry, reference, request),
        };
        let state = request.order_state().filter(|_| is_confirmed)?;
        Some(Answered {
            reference,
            request: index,
            state,
        })
    }

    fn verdict(&self, moved: &mut Moved, answered: &Answered, at: u64) {
        let reference = answered.reference;
        let entry = moved.world.entries[reference].clone();
        let order = &mut moved.world.requests[answered.request];
        order.is_told = true;
        // What is said of another amount is no word on the entry.
        if entry.is_some_and(|entry| entry.amount == order.amount) {
            order.is_denied = false;
        }
        let event = Event::Verdict {
            order_number: ORDER_NUMBERS[answered.request].to_owned(),
            state: answered.state,
            amount: order.amount.to_owned(),
            currency: CURRENCY.to_owned(),
            at,
        };
        self.decide(moved, reference, event);
    }

    /// Gives an event to the rule, and writes the entry.
    fn decide(&self, moved: &mut Moved, reference: usize, event: Event) -> Action {
        let world = &mut moved.world;
        let before = world.entries[reference].clone();
        let name = before.as_ref().and_then(|entry| entry.sender.as_deref());
        let is_alive = name.is_some_and(|name| world.is_seen_alive(name));
        let step = (self.program.rule)(before.as_deref(), is_alive, &event);
        if let Some(entry) = step.entry {
            world.entries[reference] = Some(Rc::new(simplified(entry)));
        }
        if let Event::Reply { reply, .. } = &event
            && let Reply::Accepted { order_number, .. } | Reply::Failed { order_number, .. } = reply
            && let Some(index) = order_number.as_deref().and_then(|one| world.order(one))
        {
            world.requests[index].is_told = true;
            world.requests[index].is_denied = false;
        }
        let was_told_paid = world.is_told_paid[reference];
        hear(world, reference, before.as_deref(), &event);
        moved.decided.push(Decided {
            event,
            sender_is_alive: is_alive,
            before,
            after: world.entries[reference].clone(),
            action: step.action.clone(),
            was_told_paid,
        });
        step.action
    }
}

/// Counts what the journal was told in this event.
fn hear(world: &mut World, reference: usize, before: Option<&Entry>, event: &Event) {
    let (Some(before), Some(after)) = (before, world.entries[reference].as_deref()) else {
        return;
    };
    let failures = &mut world.failures[reference];
    match event {
        Event::Verdict {
            order_number,
            state,
            amount,
            at,
            ..
        } if *amount == before.amount => match state {
            State::Paid => world.is_told_paid[reference] = true,
            _ if after.order_number.as_ref() != Some(order_number) => {}
            State::Pending | State::Unknown => *failures = 0,
            _ if *failures == 0 || *at == LATER => *failures = at_most_closed(*failures + 1),
            _ => {}
        },
        Event::Reply {
            attempt,
            reply: Reply::Accepted { .. },
        } if *attempt == before.attempt => *failures = 0,
        _ => {}
    }
    // The journal may count less.
    if after.failures == 0 {
        *failures = 0;
    }
}

/// The times at which the gateway's answer makes a difference.
fn times(entry: Option<&Entry>) -> &'static [u64] {
    match entry.and_then(|entry| entry.failure_at) {
        Some(_) => &[SOON, LATER],
        None => &[SOON],
    }
}

/// Whether the order of this request is the entry's.
fn confirms(entry: &Entry, reference: usize, request: &Request) -> bool {
    request.reference == reference && entry.amount == request.amount
}

/// What only people read is left out; every number of failures but 0 and 1 closes the entry, and the last was always
/// counted at the same time: otherwise there are too many states. table.rs and details.rs test the rest.
fn simplified(entry: Entry) -> Entry {
    Entry {
        last_answer: None,
        message: None,
        failures: at_most_closed(entry.failures),
        failure_at: entry.failure_at.map(|_| LAST_FAILURE),
        ..entry
    }
}

fn at_most_closed(failures: u32) -> u32 {
    match failures {
        2.. => FAILURES_TO_CLOSE,
        few => few,
    }
}

fn request(reference: usize, amount: &'static str, attempt: u32, call: Call) -> Request {
    Request {
        reference,
        amount,
        attempt,
        call,
        is_seen_alive: false,
        fate: Fate::Unsent,
        was_paid: false,
        is_told: false,
        is_denied: false,
        unwritten: None,
    }
}

fn end(request: &mut Request) {
    request.call = Call::Ended;
    request.is_seen_alive = false;
    request.unwritten = None;
}

/// What may become of a request, and what its call returns.
fn results() -> [(Fate, Outcome); 8] {
    let taken = Fate::Taken(State::Pending);
    [
        (Fate::Unsent, Outcome::NotSent),
        (Fate::Refused, Outcome::Refused),
        (Fate::Refused, Outcome::Duplicate),
        (Fate::Lost, Outcome::Unknown { has_number: false }),
        (taken, Outcome::Unknown { has_number: false }),
        (taken, Outcome::Unknown { has_number: true }),
        (taken, Outcome::Accepted { has_number: false }),
        (taken, Outcome::Accepted { has_number: true }),
    ]
}

/// The customer may pay late: after the gateway said that it failed, or was cancelled, or even returned.
fn next_order_states(request: &Request) -> &'static [State] {
    match request.order_state() {
        Some(State::Pending) => &[
            State::Paid,
            State::Failed,
            State::Cancelled,
            State::Refunding,
            State::Refunded,
        ],
        Some(State::Failed | State::Cancelled) => &[State::Paid],
        Some(State::Refunding | State::Refunded) if !request.was_paid => &[State::Paid],
        Some(State::Paid) => &[State::Refunding, State::Refunded],
        Some(State::Refunding) => &[State::Refunded],
        _ => &[],
    }
}

fn reply(outcome: Outcome, number: &str) -> Reply {
    let number = |has_number: bool| has_number.then(|| number.to_owned());
    match outcome {
        Outcome::Accepted { has_number } => Reply::Accepted {
            order_number: number(has_number),
            redirect_url: None,
            page: None,
            code: None,
            message: None,
        },
        Outcome::Unknown { has_number } => {
            failed(flexpay::Outcome::Unknown, None, number(has_number))
        }
        Outcome::NotSent => failed(flexpay::Outcome::NotSent, None, None),
        Outcome::Refused => failed(flexpay::Outcome::Refused, Some("Solde insuffisant"), None),
        Outcome::Duplicate => failed(
            flexpay::Outcome::Refused,
            Some("Transaction déjà traitée"),
            None,
        ),
    }
}

fn failed(outcome: flexpay::Outcome, message: Option<&str>, number: Option<String>) -> Reply {
    Reply::Failed {
        code: "ANY".to_owned(),
        outcome,
        gateway_message: message.map(str::to_owned),
        order_number: number,
    }
}

fn when(at: u64) -> &'static str {
    match at {
        SOON => "soon",
        _ => "later",
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pay { reference, amount } => write!(f, "pay Z-{reference}, {amount}"),
            Self::Return {
                request,
                fate,
                outcome,
            } => {
                let number = ORDER_NUMBERS[*request];
                write!(
                    f,
                    "request {number} is {fate:?}, and its call returns {outcome:?}"
                )
            }
            Self::Record { request } => write!(
                f,
                "the result of request {} is recorded",
                ORDER_NUMBERS[*request]
            ),
            Self::Kill { request } => write!(
                f,
                "the process of request {} is killed",
                ORDER_NUMBERS[*request]
            ),
            Self::LeaseEnds { request } => {
                write!(f, "the lease of request {} ends", ORDER_NUMBERS[*request])
            }
            Self::Order { request, state } => {
                write!(
                    f,
                    "order {} is {} at the gateway",
                    ORDER_NUMBERS[*request],
                    state.name()
                )
            }
            Self::Callback {
                reference,
                number,
                at,
            } => write!(
                f,
                "a callback for Z-{reference}, order {number}, {}",
                when(*at)
            ),
            Self::Settle {
                reference,
                is_answered: true,
                at,
            } => write!(f, "settle Z-{reference}, {}", when(*at)),
            Self::Settle { reference, .. } => write!(f, "settle Z-{reference}, without an answer"),
            Self::Answer { request, .. } => write!(
                f,
                "the gateway answers a question about order {}",
                ORDER_NUMBERS[*request]
            ),
            Self::RecordAnswer { at } => write!(f, "that answer is recorded, {}", when(*at)),
            Self::Acknowledge { reference } => write!(f, "acknowledge Z-{reference}"),
            Self::Resolve {
                reference,
                resolution,
            } => write!(f, "a person says of Z-{reference}: {resolution:?}"),
        }
    }
}
