//! What is interrupted: which call, on which journal, and what the merchant does first afterwards.

use std::fmt;
use std::str::FromStr;

/// The call that is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A payment by card, over the service without order numbers.
    PayForm,
    PayCard,
    PayMobile,
    Payout,
    /// Asks about an accepted payment, which is paid by now.
    Settle,
    /// Receives the callback of a paid payment.
    Callback,
    /// Receives a notice that claims a payment, of an order that nobody has paid.
    FalseNotice,
    /// Asks about all that is open.
    Reconcile,
    /// Acknowledges and delivers.
    Deliver,
    /// A person says that nothing was sent, of an entry in doubt.
    Resolve,
    /// Removes an entry that is paid and delivered.
    Prune,
}

/// The journal that the call finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// None: it makes one.
    Nothing,
    /// One that was closed.
    Closed,
    /// One whose last user was killed.
    Left,
}

/// What the merchant does first after the interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restart {
    /// Starts the program, which reconciles.
    Reconcile,
    /// The cashier tries the payment again.
    PayAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scenario {
    pub operation: Operation,
    pub found: Found,
    pub restart: Restart,
}

const OPERATIONS: [(Operation, &str); 11] = [
    (Operation::PayForm, "pay-form"),
    (Operation::PayCard, "pay-card"),
    (Operation::PayMobile, "pay-mobile"),
    (Operation::Payout, "payout"),
    (Operation::Settle, "settle"),
    (Operation::Callback, "callback"),
    (Operation::FalseNotice, "false-notice"),
    (Operation::Reconcile, "reconcile"),
    (Operation::Deliver, "deliver"),
    (Operation::Resolve, "resolve"),
    (Operation::Prune, "prune"),
];
const FOUND: [(Found, &str); 3] = [
    (Found::Nothing, "nothing"),
    (Found::Closed, "closed"),
    (Found::Left, "left"),
];
const RESTARTS: [(Restart, &str); 2] = [
    (Restart::Reconcile, "reconcile"),
    (Restart::PayAgain, "pay-again"),
];

impl Operation {
    pub fn name(self) -> &'static str {
        name(&OPERATIONS, self)
    }

    pub fn pays(self) -> bool {
        matches!(
            self,
            Self::PayForm | Self::PayCard | Self::PayMobile | Self::Payout
        )
    }
}

impl Scenario {
    /// All that make sense.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (operation, _) in OPERATIONS {
            for (found, _) in FOUND {
                for (restart, _) in RESTARTS {
                    let scenario = Self {
                        operation,
                        found,
                        restart,
                    };
                    if scenario.makes_sense() {
                        all.push(scenario);
                    }
                }
            }
        }
        all
    }

    fn makes_sense(self) -> bool {
        // The other calls need an entry.
        let has_journal = self.found != Found::Nothing || self.operation.pays();
        // After the other calls, the order of the two makes no difference to what may be sent.
        let has_restart = self.restart == Restart::Reconcile
            || self.operation.pays()
            || self.operation == Operation::Resolve;
        has_journal && has_restart
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = name(&FOUND, self.found);
        let restart = name(&RESTARTS, self.restart);
        write!(f, "{}/{found}/{restart}", self.operation.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all()
            .into_iter()
            .find(|one| one.to_string() == text)
            .ok_or_else(|| format!("{text}: no such scenario"))
    }
}

fn name<T: PartialEq>(names: &[(T, &'static str)], wanted: T) -> &'static str {
    let found = names.iter().find(|(one, _)| *one == wanted);
    found.map_or("", |(_, name)| name)
}
