//! The rule of the journal, src/journal/rule.rs.
//!
//! First, a model of a shop and the gateway, around the real `step`: every order of moves is tried, and the
//! five promises of the journal are checked after each. Then, that each promise is found broken when the
//! program is broken on purpose. Then, what the rule does, pair by pair.

mod details;
mod exploration;
mod json;
mod model;
mod mutants;
mod program;
mod promises;
mod table;
mod vectors;
mod world;

use std::collections::BTreeSet;

use exploration::explore;
use flexpay::journal::EntryState;
use model::{Model, People};
use program::Program;
use promises::Promise;

/// The real program, with one reference that is begun twice, two calls at once, and nobody who resolves.
const MODEL: Model = Model {
    program: Program::real(),
    references: 1,
    requests: 2,
    people: People::Nobody,
    has_leases: false,
    has_all_states: false,
    has_slow_answers: true,
    has_older_order: false,
};

/// Returns the states that an entry was in.
fn assert_kept(model: &Model) -> BTreeSet<EntryState> {
    assert_these_kept(model, &promises::ALL)
}

fn assert_these_kept(model: &Model, promises: &[(&'static str, Promise)]) -> BTreeSet<EntryState> {
    match explore(model, promises) {
        Ok(explored) => {
            println!(
                "{} states, {} transitions: the promises are kept",
                explored.states, explored.transitions
            );
            explored.entry_states
        }
        Err(found) => panic!("broken: {}\n{}", found.promise, found.trace),
    }
}

/// Every state of an order; calls that are only slow and are taken for dead; people who resolve with care.
#[test]
fn the_promises_are_kept() {
    let reached = assert_kept(&Model {
        people: People::Careful,
        has_leases: true,
        has_all_states: true,
        ..MODEL
    });
    assert_eq!(reached, BTreeSet::from(table::STATES));
}

#[test]
fn they_are_kept_when_a_payment_is_begun_three_times() {
    assert_kept(&Model {
        requests: 3,
        people: People::Careful,
        ..MODEL
    });
}

/// The gateway has an order under the reference, from before there was a journal. It refuses the reference then, or
/// accepts it again.
#[test]
fn they_are_kept_when_the_gateway_has_an_older_order() {
    assert_kept(&Model {
        requests: 3,
        people: People::Careful,
        has_leases: true,
        has_slow_answers: false,
        has_older_order: true,
        ..MODEL
    });
}

/// Another reference has an order of the same amount.
#[test]
fn they_are_kept_with_two_references() {
    assert_kept(&Model {
        references: 2,
        requests: 1,
        ..MODEL
    });
}

/// A person may say NOT_SENT of what the gateway has. Then it is sent again, once for each such word; the other
/// promises are kept.
#[test]
fn they_are_kept_when_a_person_is_wrong() {
    assert_kept(&Model {
        people: People::Wrong,
        ..MODEL
    });
}

/// A lock ends with its process. So nobody can say NOT_SENT while the process may still send.
#[test]
fn they_are_kept_when_a_person_looks_only_in_the_console() {
    assert_kept(&Model {
        people: People::Hasty,
        ..MODEL
    });
}

/// A lease ends before its process. Then such a person may be wrong: mutants.rs has the way to send twice. The
/// other promises are kept.
#[test]
fn the_others_are_kept_when_a_lease_ends_too() {
    assert_these_kept(
        &Model {
            people: People::Hasty,
            has_leases: true,
            has_slow_answers: false,
            ..MODEL
        },
        &promises::ALL[1..],
    );
}
