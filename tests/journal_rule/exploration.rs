//! Tries every order of moves, the shortest first.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

use flexpay::journal::EntryState;

use crate::model::{Model, Move, Moved};
use crate::promises::Promise;
use crate::world::World;

/// How much was tried.
#[derive(Debug)]
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    /// The states that an entry was in.
    pub entry_states: BTreeSet<EntryState>,
}

/// The shortest way to break a promise.
#[derive(Debug)]
pub struct Counterexample {
    pub promise: &'static str,
    pub trace: String,
}

/// How a state was reached first: from this state, by this move. The first state has none.
type Reached = HashMap<Rc<World>, Option<(Rc<World>, Move)>>;

/// Makes every move in every state that can be reached, and checks the promises after each.
pub fn explore(
    model: &Model,
    promises: &[(&'static str, Promise)],
) -> Result<Explored, Counterexample> {
    let first = Rc::new(model.first());
    let mut reached: Reached = HashMap::from([(first.clone(), None)]);
    let mut waiting = VecDeque::from([first]);
    let mut transitions = 0;
    while let Some(world) = waiting.pop_front() {
        for the_move in model.moves(&world) {
            let moved = model.apply(&world, &the_move);
            transitions += 1;
            for (name, promise) in promises {
                if let Err(problem) = promise(&moved, model.people) {
                    return Err(Counterexample {
                        promise: name,
                        trace: trace(&reached, world, &the_move, &moved, &problem),
                    });
                }
            }
            let next = Rc::new(moved.world);
            if !reached.contains_key(&next) {
                reached.insert(next.clone(), Some((world.clone(), the_move)));
                waiting.push_back(next);
            }
        }
    }
    let entries = reached
        .keys()
        .flat_map(|world| world.entries.iter().flatten());
    Ok(Explored {
        states: reached.len(),
        transitions,
        entry_states: entries.map(|entry| entry.state).collect(),
    })
}

/// The moves from the first state, with the entries after each, and the problem.
fn trace(
    reached: &Reached,
    mut world: Rc<World>,
    last: &Move,
    moved: &Moved,
    problem: &str,
) -> String {
    let mut lines = vec![line(last, &moved.world)];
    while let Some(Some((before, the_move))) = reached.get(&world) {
        lines.push(line(the_move, &world));
        world = before.clone();
    }
    let mut text = String::new();
    for (number, line) in lines.iter().rev().enumerate() {
        let _ = writeln!(text, "  {:2}. {line}", number + 1);
    }
    text + "      " + problem
}

fn line(the_move: &Move, world: &World) -> String {
    let states: Vec<&str> = world
        .entries
        .iter()
        .map(|entry| entry.as_ref().map_or("no entry", |one| one.state.name()))
        .collect();
    format!("{the_move} -> {}", states.join(", "))
}
