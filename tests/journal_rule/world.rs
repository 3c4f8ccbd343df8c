//! The state of the model: the journal, the calls that send, and what the gateway has.

use std::rc::Rc;

use flexpay::State;
use flexpay::journal::Entry;

/// Everything that one shop and the gateway know, and what the promises are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// What is on the disk, for each reference.
    pub entries: Vec<Option<Rc<Entry>>>,
    /// Each request that was ever begun, in order.
    pub requests: Vec<Request>,
    /// The gateway has answered a question about an order, and the answer is not recorded yet.
    pub answered: Option<Answered>,
    /// For each reference: whether the journal was told that it is paid.
    pub is_told_paid: Vec<bool>,
    /// For each reference: how often in a row the journal was told that its order failed, a minute after the last
    /// time or later. More than `FAILURES_TO_CLOSE` are not counted.
    pub failures: Vec<u32>,
    /// For each reference: how often a process was told to deliver.
    pub deliveries: Vec<u8>,
    /// How often a person said NOT_SENT.
    pub not_sent_words: u8,
    /// Whether a person gave an order number that the gateway does not have.
    pub has_wrong_number: bool,
}

/// A request, and the call that sends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub reference: usize,
    pub amount: &'static str,
    pub attempt: u32,
    pub call: Call,
    /// Whether other processes see that the call is alive.
    pub is_seen_alive: bool,
    /// What became of it.
    pub fate: Fate,
    /// Whether its order was ever paid.
    pub was_paid: bool,
    /// Whether the journal was told its order number.
    pub is_told: bool,
    /// A person has said that the gateway does not have it, or that it will not be paid, and the journal was not told
    /// otherwise since.
    pub is_denied: bool,
    /// The entry that a program which sends first still has to write.
    pub unwritten: Option<Rc<Entry>>,
}

/// How far the call is that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The entry is written, and nothing is sent.
    Begun,
    /// It has a result, which is not recorded.
    Returned(Outcome),
    /// It has recorded its result, or its process was killed.
    Ended,
}

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Accepted {
        has_number: bool,
    },
    Refused,
    /// Refused, because the gateway says that it has the reference already.
    Duplicate,
    NotSent,
    /// No usable reply. It may contain the order number.
    Unknown {
        has_number: bool,
    },
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing of it has left the machine.
    Unsent,
    /// It was sent, and the gateway did not get it.
    Lost,
    /// The gateway refused it.
    Refused,
    /// The gateway has an order for it, in this state.
    Taken(State),
}

/// What the gateway said of an order, compared with the entry as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    pub reference: usize,
    pub request: usize,
    pub state: State,
}

/// The order number of each request, if the gateway takes it.
pub const ORDER_NUMBERS: [&str; 4] = ["A", "B", "C", "D"];
/// An order number that the gateway does not have.
pub const WRONG_NUMBER: &str = "X";
/// The name of the call that sends each request.
pub const SENDERS: [&str; 4] = ["call A", "call B", "call C", "call D"];

impl World {
    pub fn new(references: usize) -> Self {
        Self {
            entries: vec![None; references],
            requests: Vec::new(),
            answered: None,
            is_told_paid: vec![false; references],
            failures: vec![0; references],
            deliveries: vec![0; references],
            not_sent_words: 0,
            has_wrong_number: false,
        }
    }

    /// The requests under a reference, with their numbers.
    pub fn requests_of(&self, reference: usize) -> impl Iterator<Item = (usize, &Request)> {
        let all = self.requests.iter().enumerate();
        all.filter(move |(_, request)| request.reference == reference)
    }

    /// The request whose order has this number.
    pub fn order(&self, number: &str) -> Option<usize> {
        let taken = |(index, request): &(usize, &Request)| {
            request.is_taken() && ORDER_NUMBERS[*index] == number
        };
        let mut all = self.requests.iter().enumerate();
        all.find(taken).map(|(index, _)| index)
    }

    /// Whether the sender of this name is seen to be alive.
    pub fn is_seen_alive(&self, name: &str) -> bool {
        let mut all = self.requests.iter().enumerate();
        all.any(|(index, request)| {
            SENDERS[index] == name && request.is_running() && request.is_seen_alive
        })
    }
}

impl Request {
    pub fn is_running(&self) -> bool {
        self.call != Call::Ended
    }

    pub fn is_taken(&self) -> bool {
        matches!(self.fate, Fate::Taken(_))
    }

    /// Whether it is from before there was a journal.
    pub fn is_older(&self) -> bool {
        self.attempt == 0
    }

    /// Whether the journal must know of its order.
    pub fn must_be_known(&self) -> bool {
        self.is_taken() && !self.is_denied && (self.is_told || !self.is_older())
    }

    /// The state of its order at the gateway.
    pub fn order_state(&self) -> Option<State> {
        match self.fate {
            Fate::Taken(state) => Some(state),
            _ => None,
        }
    }
}
