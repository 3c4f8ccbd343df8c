//! Each promise is found broken when the program is broken on purpose.

use crate::MODEL;
use crate::exploration::explore;
use crate::model::{Model, People};
use crate::program::{self, Program, Rule};
use crate::promises::{self, Promise};

const SENT_ONCE: usize = 0;
const NOTHING_FORGOTTEN: usize = 1;
const PAID_BY_THE_GATEWAY: usize = 2;
const HANDED_OVER_ONCE: usize = 3;
const DOUBT_IS_SAID: usize = 4;

/// Prints the shortest way to break the promise.
fn assert_broken(model: &Model, promise: usize) {
    let promise: (&str, Promise) = promises::ALL[promise];
    match explore(model, &[promise]) {
        Ok(explored) => panic!("{} is kept: {explored:?}", promise.0),
        Err(found) => println!("broken: {}\n{}", found.promise, found.trace),
    }
}

fn assert_rule_breaks(rule: Rule, promise: usize) {
    let program = Program::with_rule(rule);
    assert_broken(&Model { program, ..MODEL }, promise);
}

#[test]
fn to_send_before_writing_sends_twice_and_forgets() {
    let program = Program {
        sends_before_it_writes: true,
        ..Program::real()
    };
    let model = Model { program, ..MODEL };
    assert_broken(&model, SENT_ONCE);
    assert_broken(&model, NOTHING_FORGOTTEN);
}

#[test]
fn to_forget_the_lease_sends_twice() {
    assert_rule_breaks(program::forgets_the_lease, SENT_ONCE);
}

#[test]
fn to_send_what_is_in_doubt_sends_twice() {
    assert_rule_breaks(program::sends_what_is_in_doubt, SENT_ONCE);
}

#[test]
fn to_ignore_the_reply_forgets_the_order() {
    assert_rule_breaks(program::ignores_the_reply, NOTHING_FORGOTTEN);
}

#[test]
fn to_count_every_failure_misses_a_late_paid() {
    assert_rule_breaks(program::counts_every_failure, NOTHING_FORGOTTEN);
}

#[test]
fn to_believe_every_refund_misses_a_late_paid() {
    for rule in [
        program::believes_every_refund as Rule,
        program::asks_about_no_refund,
    ] {
        let model = Model {
            program: Program::with_rule(rule),
            has_all_states: true,
            ..MODEL
        };
        assert_broken(&model, NOTHING_FORGOTTEN);
    }
}

#[test]
fn to_forget_a_noted_order_forgets_an_older_one() {
    let model = Model {
        program: Program::with_rule(program::forgets_a_noted_order),
        has_older_order: true,
        ..MODEL
    };
    assert_broken(&model, NOTHING_FORGOTTEN);
}

#[test]
fn to_wait_for_no_reply_hides_a_doubt() {
    assert_rule_breaks(program::waits_for_no_reply, DOUBT_IS_SAID);
}

#[test]
fn to_name_other_terms_first_hides_a_doubt() {
    assert_rule_breaks(program::names_other_terms_first, DOUBT_IS_SAID);
}

#[test]
fn to_believe_a_callback_makes_paid_what_is_not() {
    let program = Program {
        believes_callbacks: true,
        ..Program::real()
    };
    assert_broken(&Model { program, ..MODEL }, PAID_BY_THE_GATEWAY);
}

#[test]
fn to_mix_two_references_makes_paid_what_is_not() {
    let program = Program {
        mixes_references: true,
        ..Program::real()
    };
    let model = Model {
        program,
        references: 2,
        requests: 1,
        ..MODEL
    };
    assert_broken(&model, PAID_BY_THE_GATEWAY);
}

#[test]
fn to_acknowledge_before_recording_delivers_twice() {
    assert_rule_breaks(program::acknowledges_before_it_records, HANDED_OVER_ONCE);
}

#[test]
fn to_acknowledge_what_is_not_paid_delivers_it() {
    assert_rule_breaks(program::delivers_the_unpaid, HANDED_OVER_ONCE);
}

#[test]
fn to_miss_a_death_hides_a_doubt() {
    assert_rule_breaks(program::misses_a_death, DOUBT_IS_SAID);
}

#[test]
fn to_guess_hides_a_doubt_and_sends_twice() {
    assert_rule_breaks(program::guesses, DOUBT_IS_SAID);
    assert_rule_breaks(program::guesses, SENT_ONCE);
}

/// A lease ends while its process may still send. So a person who says NOT_SENT must know that it has ended:
/// the console is not enough.
#[test]
fn with_a_lease_the_console_is_not_enough_to_say_not_sent() {
    let model = Model {
        people: People::Hasty,
        has_leases: true,
        ..MODEL
    };
    assert_broken(&model, SENT_ONCE);
}
