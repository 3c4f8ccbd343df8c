//! Between the process that has the library and the one that has the fault server.
//!
//! They are two, so that the memory and the descriptors of the first are the library's and nobody
//! else's: the server receives the token in every request. A run is decided by its number, so little
//! has to be said: which one is next, and, when it is over, what the server's ledger has of it. One
//! connection a slot, one line of JSON each way.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flexpay_sandbox::fault_server::{
    Armed, FaultServer, Kind as Asked, Lease, Ledger, Plays, Request, Script, Step,
};
use serde::{Deserialize, Serialize};

use crate::catalogue::Whereto;
use crate::judge::Seen;
use crate::plan::{Call, Crowd, Run, Shop};
use crate::{Options, canary, clock, plan};

/// How long the server may take to be there.
const BEGINS: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
enum Order {
    /// Arms the slot for a run alone.
    Alone(usize),
    /// Arms it for a block of runs, which end before `end`.
    Crowd { block: usize, end: usize },
    /// Waits until a warm-up was answered.
    Idle,
    /// Ends the lease, and tells what was seen.
    Finish,
}

/// Where a run's client goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    pub slot: u16,
    /// A port on which nobody listens.
    pub closed: u16,
    /// One that does not answer.
    pub deaf: u16,
    /// The authority to trust.
    pub ca_file: Option<PathBuf>,
}

/// What the server saw.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// One for each run.
    pub seen: Vec<Seen>,
    /// Requests that were cut before their id.
    pub nameless: usize,
    /// Why the run cannot be believed.
    pub doubts: Vec<String>,
}

/// One slot of the server, from afar.
pub struct Wire {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Wire {
    /// Connects to the server as soon as it is there.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let began = Instant::now();
        loop {
            match UnixStream::connect(path) {
                Ok(to) => {
                    let from = BufReader::new(to.try_clone()?);
                    return Ok(Self { to, from });
                }
                Err(error) if began.elapsed() > BEGINS => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    pub fn alone(&mut self, index: usize) -> Place {
        self.ask(&Order::Alone(index))
    }

    pub fn crowd(&mut self, block: usize, end: usize) -> Place {
        self.ask(&Order::Crowd { block, end })
    }

    pub fn wait_for_idle(&mut self) {
        self.ask(&Order::Idle)
    }

    pub fn finish(&mut self) -> Told {
        self.ask(&Order::Finish)
    }

    /// Without its server the run has no sense: it ends with a panic, which is counted.
    fn ask<T: for<'de> Deserialize<'de>>(&mut self, order: &Order) -> T {
        say(&mut self.to, order).expect("the server listens");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the server answers");
        serde_json::from_str(&line).expect("the server's answer is whole")
    }
}

fn say(to: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Is the server, until its standard input ends.
pub fn serve(options: &Options, path: &Path) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let slots = options.threads.max(1);
    let server = Arc::new(FaultServer::start(slots).map_err(|error| error.to_string())?);
    let listener = UnixListener::bind(path).map_err(words)?;
    let seed = options.seed.unwrap_or_default();
    std::thread::spawn(move || {
        for (slot, connection) in listener.incoming().take(slots).enumerate() {
            let server = Arc::clone(&server);
            std::thread::spawn(move || {
                if let Err(error) = connection.and_then(|to| serve_slot(to, slot, &server, seed)) {
                    eprintln!("flexpay-faults: slot {slot}: {error}");
                }
            });
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).map_err(words)?;
    Ok(())
}

/// What a slot is armed for.
enum Armament {
    Alone(Box<Run>),
    Crowd(Crowd),
}

fn serve_slot(mut to: UnixStream, slot: usize, server: &FaultServer, seed: u64) -> io::Result<()> {
    let mut armed: Option<(Lease, Armament)> = None;
    for line in BufReader::new(to.try_clone()?).lines() {
        let (arming, armament) = match serde_json::from_str(&line?)? {
            Order::Idle => {
                if let Some((lease, _)) = &armed {
                    lease.wait_for_idle(1);
                }
                say(&mut to, &())?;
                continue;
            }
            Order::Finish => {
                if let Some((lease, armament)) = armed.take() {
                    let ledger = lease.finish();
                    let told = match armament {
                        Armament::Alone(run) => alone_seen(&run, &ledger),
                        Armament::Crowd(crowd) => crowd_seen(&crowd, &ledger),
                    };
                    say(&mut to, &told)?;
                }
                continue;
            }
            Order::Alone(index) => {
                let run = plan::alone(seed, index);
                (alone_armed(&run), Armament::Alone(Box::new(run)))
            }
            Order::Crowd { block, end } => {
                let crowd = plan::crowd(seed, block, end);
                (crowd_armed(&crowd), Armament::Crowd(crowd))
            }
        };
        let tls = arming.tls;
        let lease = server.arm(slot, arming);
        let place = Place {
            slot: lease.port(),
            closed: server.closed_port(),
            deaf: server.deaf_port(),
            ca_file: tls.map(|tls| server.ca_file(tls.certificate)),
        };
        armed = Some((lease, armament));
        say(&mut to, &place)?;
    }
    Ok(())
}

/// Whether a run's client warms up a connection that its call must not use.
fn is_warmed(run: &Run) -> bool {
    run.shop.reused && run.question.is_pay
}

fn alone_armed(run: &Run) -> Armed {
    // A warm-up's connection is the first; a payment never uses it.
    let mut scripts: Vec<Arc<Script>> = run.faults.iter().map(|f| f.script.clone()).collect();
    if is_warmed(run) {
        let warm_up_only = Script {
            warm_up: Some(Vec::new()),
            then: vec![Step::Hang],
            ..Script::default()
        };
        scripts.insert(0, Arc::new(warm_up_only));
    }
    Armed {
        tls: run.shop.tls(),
        proxy: run.shop.proxy && run.shop.whereto != Whereto::Deaf,
        plays: Plays::Connections(scripts),
    }
}

fn crowd_armed(crowd: &Crowd) -> Armed {
    let scripts = |run: &Run| -> Vec<Arc<Script>> {
        let faults = run.faults.iter();
        faults.map(|fault| fault.script.clone()).collect()
    };
    let plays = match &crowd.together {
        Some(script) => Plays::Connections(vec![script.clone()]),
        None => {
            let both = |run: &Run| {
                let question = &run.question;
                [&question.reference, &question.order_number].map(|id| (id.clone(), scripts(run)))
            };
            Plays::Ids(crowd.runs.iter().flat_map(both).collect())
        }
    };
    Armed {
        tls: crowd.shop.tls(),
        proxy: crowd.shop.proxy,
        plays,
    }
}

fn alone_seen(run: &Run, ledger: &Ledger) -> Told {
    let first = usize::from(is_warmed(run));
    let requests: Vec<&Request> = ledger.requests().collect();
    let counted = run.shop.reaches_slot() && ledger.last_script.is_some();
    let seen = Seen {
        requests: requests.len(),
        payments: requests.iter().filter(|r| r.kind != Asked::Check).count(),
        anonymous: false,
        last_fault: ledger.last_script.map(|last| last.saturating_sub(first)),
        plays: counted.then_some(ledger.plays),
        acted: ledger.acted.map(clock::since_boot),
        used_connection: ledger.paid_on_used_connection(),
        shared: false,
        behind: ledger.connections.iter().any(|one| !one.begun),
        silent: silent(&run.shop, ledger),
    };
    Told {
        seen: vec![seen],
        nameless: 0,
        doubts: doubts(ledger),
    }
}

fn crowd_seen(crowd: &Crowd, ledger: &Ledger) -> Told {
    let mut by_id: HashMap<&str, Vec<&Request>> = HashMap::new();
    let mut nameless = 0;
    for request in ledger.requests() {
        match &request.id {
            Some(id) => by_id.entry(id).or_default().push(request),
            None => nameless += 1,
        }
    }
    let shared: HashSet<&str> = ledger
        .connections
        .iter()
        .flat_map(|connection| connection.requests.iter().skip(1))
        .filter_map(|request| request.id.as_deref())
        .collect();
    let behind = ledger.connections.iter().any(|one| !one.begun);
    let seen_of = |run: &Run| {
        let question = &run.question;
        let id = match run.call {
            Call::Pay { .. } => &question.reference,
            _ => &question.order_number,
        };
        let requests = by_id.get(id.as_str()).map_or(0, Vec::len);
        let plays = ledger.plays_by_id.get(id).copied();
        let acted = match crowd.together {
            Some(_) => ledger.acted,
            None => ledger.acted_by_id.get(id).copied(),
        };
        Seen {
            requests,
            payments: requests,
            anonymous: nameless > 0,
            last_fault: plays.map(|plays| plays - 1),
            plays,
            acted: acted.map(clock::since_boot),
            used_connection: ledger.paid_on_used_connection(),
            shared: !run.question.is_pay && shared.contains(id.as_str()),
            behind,
            silent: silent(&crowd.shop, ledger),
        }
    };
    Told {
        seen: crowd.runs.iter().map(seen_of).collect(),
        nameless,
        doubts: doubts(ledger),
    }
}

/// Whether a connection was made that could have carried a request, and carried nothing.
fn silent(shop: &Shop, ledger: &Ledger) -> bool {
    ledger.connections.iter().any(|connection| {
        connection.received.is_empty()
            && (connection.secured || !shop.secure)
            && (connection.proxied || !shop.proxy)
    })
}

/// Whether the run can be believed: the server came to an end, and whole requests hold the token.
fn doubts(ledger: &Ledger) -> Vec<String> {
    let mut doubts = Vec::new();
    if !ledger.settled {
        doubts.push("the server's threads did not end in time".to_owned());
    }
    for connection in &ledger.connections {
        let whole = connection.requests.iter().filter(|r| r.whole).count();
        let tokens = canary::times_in(&connection.received);
        if tokens < whole {
            doubts.push(format!(
                "{whole} whole requests hold the token {tokens} times"
            ));
        }
    }
    doubts
}
