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
/// When the last failure was counted.
const LAST_FAILURE: u64 = 1_000_000;
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
    },
    /// The merchant asks about an entry, now or as a part of reconcile. The gateway may not answer.
    Settle { reference: usize, is_answered: bool },
    /// The gateway answers a question about an order, and the answer is recorded later.
    Answer { reference: usize, request: usize },
    /// That answer is recorded.
    RecordAnswer,
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
    pub reference: usize,
    pub event: Event,
    pub sender_is_alive: bool,
    pub before: Option<Rc<Entry>>,
    pub after: Option<Rc<Entry>>,
}

/// What a move led to.
pub struct Moved {
    pub world: World,
    pub decided: Vec<Decided>,
}

impl Model {
    /// The journal is empty, or the last of several references was accepted before.
    pub fn first(&self) -> World {
        let mut world = World::new(self.references);
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
        if world.answered.is_some() {
            moves.push(Move::RecordAnswer);
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
        let is_answered = [true, false];
        moves.extend(is_answered.map(|is_answered| Move::Settle {
            reference,
            is_answered,
        }));
        for (index, request) in world.requests.iter().enumerate() {
            if !request.is_taken() {
                continue;
            }
            let number = ORDER_NUMBERS[index];
            moves.push(Move::Callback { reference, number });
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
        for &state in request.order_state().map_or(&[][..], next_order_states) {
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
        let is_paid = requests().any(|request| request.order_state().is_some_and(was_paid));
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
                moved.world.requests[*request].fate = Fate::Taken(*state);
            }
            Move::Callback { reference, number } => self.callback(&mut moved, *reference, number),
            Move::Settle {
                reference,
                is_answered,
            } => self.settle(&mut moved, *reference, *is_answered),
            Move::Answer { reference, request } => {
                let state = world.requests[*request].order_state();
                moved.world.answered = state.map(|state| Answered {
                    reference: *reference,
                    request: *request,
                    state,
                });
            }
            Move::RecordAnswer => {
                if let Some(answered) = moved.world.answered.take() {
                    self.verdict(
                        &mut moved,
                        answered.reference,
                        answered.request,
                        answered.state,
                    );
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
            reference,
            amount,
            attempt,
            call: Call::Begun,
            is_seen_alive: true,
            fate: Fate::Unsent,
            is_told: false,
            unwritten,
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

    fn callback(&self, moved: &mut Moved, reference: usize, number: &str) {
        if self.program.believes_callbacks {
            let Some(entry) = &moved.world.entries[reference] else {
                return;
            };
            let event = Event::Verdict {
                order_number: number.to_owned(),
                state: State::Paid,
                amount: entry.amount.clone(),
                currency: CURRENCY.to_owned(),
                at: LAST_FAILURE,
            };
            self.decide(moved, reference, event);
            return;
        }
        // What the gateway says of another order, or does not say, is not recorded.
        if let Some((request, state)) = self.ask(&moved.world, reference, number) {
            self.verdict(moved, reference, request, state);
        }
    }

    fn settle(&self, moved: &mut Moved, reference: usize, is_answered: bool) {
        let Action::Ask { order_number } = self.decide(moved, reference, Event::Settle) else {
            return;
        };
        let answer = match is_answered {
            true => self.ask(&moved.world, reference, &order_number),
            false => None,
        };
        match answer {
            Some((request, state)) => self.verdict(moved, reference, request, state),
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
        match resolution {
            Resolution::NotSent => moved.world.not_sent_words += 1,
            Resolution::Order { order_number } if order_number == WRONG_NUMBER => {
                moved.world.has_wrong_number = true;
            }
            _ => {}
        }
    }

    /// Asks the gateway about an order, and compares it with the entry.
    fn ask(&self, world: &World, reference: usize, number: &str) -> Option<(usize, State)> {
        let index = world.order(number)?;
        let request = &world.requests[index];
        let entry = world.entries[reference].as_deref()?;
        let is_confirmed = match self.program.mixes_references {
            true => entry.amount == request.amount,
            false => confirms(entry, reference, request),
        };
        let state = request.order_state().filter(|_| is_confirmed)?;
        Some((index, state))
    }

    fn verdict(&self, moved: &mut Moved, reference: usize, request: usize, state: State) {
        let order = &mut moved.world.requests[request];
        order.is_told = true;
        let event = Event::Verdict {
            order_number: ORDER_NUMBERS[request].to_owned(),
            state,
            amount: order.amount.to_owned(),
            currency: CURRENCY.to_owned(),
            at: LAST_FAILURE,
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
        }
        moved.decided.push(Decided {
            reference,
            event,
            sender_is_alive: is_alive,
            before,
            after: world.entries[reference].clone(),
        });
        step.action
    }
}

/// Whether the order of this request is the entry's.
fn confirms(entry: &Entry, reference: usize, request: &Request) -> bool {
    request.reference == reference && entry.amount == request.amount
}

/// What only people read is left out, and every number of failures but 0 and 1 closes the entry: otherwise
/// there are too many states. table.rs and details.rs test the rest.
fn simplified(entry: Entry) -> Entry {
    Entry {
        last_answer: None,
        message: None,
        failures: match entry.failures {
            2.. => FAILURES_TO_CLOSE,
            few => few,
        },
        ..entry
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

/// The customer may pay late: after the gateway said that it failed, or was cancelled.
fn next_order_states(state: State) -> &'static [State] {
    match state {
        State::Pending => &[State::Paid, State::Failed, State::Cancelled],
        State::Failed | State::Cancelled => &[State::Paid],
        State::Paid => &[State::Refunding, State::Refunded],
        State::Refunding => &[State::Refunded],
        _ => &[],
    }
}

/// Whether an order in this state was paid, now or before.
pub fn was_paid(state: State) -> bool {
    matches!(state, State::Paid | State::Refunding | State::Refunded)
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
            Self::Callback { reference, number } => {
                write!(f, "a callback for Z-{reference}, order {number}")
            }
            Self::Settle {
                reference,
                is_answered: true,
            } => write!(f, "settle Z-{reference}"),
            Self::Settle { reference, .. } => write!(f, "settle Z-{reference}, without an answer"),
            Self::Answer { request, .. } => write!(
                f,
                "the gateway answers a question about order {}",
                ORDER_NUMBERS[*request]
            ),
            Self::RecordAnswer => write!(f, "that answer is recorded"),
            Self::Acknowledge { reference } => write!(f, "acknowledge Z-{reference}"),
            Self::Resolve {
                reference,
                resolution,
            } => write!(f, "a person says of Z-{reference}: {resolution:?}"),
        }
    }
}
