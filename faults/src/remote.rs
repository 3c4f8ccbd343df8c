//! The connection between the worker and the fault server's process.
//!
//! They are separate processes because the server receives the token in every request: this way, only
//! the library has tokens and sockets in the worker's memory and descriptors. Both processes derive a
//! run from the seed and its number. So the worker sends only the number of the next run, and receives
//! what the server's ledger contains after it. Each slot has one connection; a command and its reply
//! are one line of JSON each.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flexpay_sandbox::fault_server::{
    Armed, Connection, FaultServer, Kind as RequestKind, Lease, Ledger, Plays, Request, Script,
    Step, WARM_UP,
};
use serde::{Deserialize, Serialize};

use crate::catalogue::Destination;
use crate::judge::Observation;
use crate::plan::{ClientSettings, Group, Run};
use crate::replies::{Operation, Service};
use crate::{Options, canary, clock, plan};

/// How long the server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a request names its service: the request line of a check with the longest order number here.
const START_BYTES: usize = 24;

#[derive(Serialize, Deserialize)]
enum Command {
    /// Arms the slot for a single run.
    Single(usize),
    /// Arms it for a block of runs. The runs of the last block end before `end`.
    Group { block: usize, end: usize },
    /// Waits until the server has replied to the warm-up.
    Idle,
    /// Ends the lease and reports the observations.
    Finish,
}

/// Where a run's client can connect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoints {
    /// The port of the slot.
    pub port: u16,
    /// A port on which nothing listens.
    pub closed_port: u16,
    /// A port that never replies to a connection attempt.
    pub silent_port: u16,
    /// The certificate authority to trust.
    pub ca_file: Option<PathBuf>,
}

/// What the server saw during one lease.
#[derive(Debug, Serialize, Deserialize)]
pub struct Observations {
    /// One for each run.
    pub runs: Vec<Observation>,
    /// The number of requests that ended before their id.
    pub unidentified: usize,
    /// Why the observations are unreliable, if they are.
    pub harness_problems: Vec<String>,
}

/// The worker's connection to one slot of the server.
pub struct RemoteSlot {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl RemoteSlot {
    /// Connects to the server, and waits until it has started.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let began = Instant::now();
        loop {
            match UnixStream::connect(path) {
                Ok(to) => {
                    let from = BufReader::new(to.try_clone()?);
                    return Ok(Self { to, from });
                }
                Err(error) if began.elapsed() > START_TIMEOUT => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    pub fn arm_single(&mut self, index: usize) -> Endpoints {
        self.send(&Command::Single(index))
    }

    pub fn arm_group(&mut self, block: usize, end: usize) -> Endpoints {
        self.send(&Command::Group { block, end })
    }

    pub fn wait_for_idle(&mut self) {
        self.send(&Command::Idle)
    }

    pub fn finish(&mut self) -> Observations {
        self.send(&Command::Finish)
    }

    /// Sends a command and reads the reply. Without the server the run is useless: it ends with a panic,
    /// which the supervisor counts.
    fn send<T: for<'de> Deserialize<'de>>(&mut self, command: &Command) -> T {
        write_line(&mut self.to, command).expect("the server reads commands");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the server replies");
        serde_json::from_str(&line).expect("the server's reply is complete")
    }
}

fn write_line(to: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Runs the fault server until standard input is closed.
pub fn serve(options: &Options, path: &Path) -> Result<(), String> {
    let message = |error: io::Error| error.to_string();
    let slots = options.threads.max(1);
    let server = Arc::new(FaultServer::start(slots).map_err(|error| error.to_string())?);
    let listener = UnixListener::bind(path).map_err(message)?;
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
    io::stdin().read_to_end(&mut Vec::new()).map_err(message)?;
    Ok(())
}

/// What a slot is armed for.
enum ArmedFor {
    Single(Box<Run>),
    Group(Group),
}

fn serve_slot(mut to: UnixStream, slot: usize, server: &FaultServer, seed: u64) -> io::Result<()> {
    let mut armed: Option<(Lease, ArmedFor)> = None;
    for line in BufReader::new(to.try_clone()?).lines() {
        let (to_arm, armed_for) = match serde_json::from_str(&line?)? {
            Command::Idle => {
                if let Some((lease, _)) = &armed {
                    lease.wait_for_idle(1);
                }
                write_line(&mut to, &())?;
                continue;
            }
            Command::Finish => {
                if let Some((lease, armed_for)) = armed.take() {
                    let ledger = lease.finish();
                    let observations = match armed_for {
                        ArmedFor::Single(run) => observe_single(&run, &ledger),
                        ArmedFor::Group(group) => observe_group(&group, &ledger),
                    };
                    write_line(&mut to, &observations)?;
                }
                continue;
            }
            Command::Single(index) => {
                let run = plan::single(seed, index);
                (single_setup(&run), ArmedFor::Single(Box::new(run)))
            }
            Command::Group { block, end } => {
                let group = plan::group(seed, block, end);
                (group_setup(&group), ArmedFor::Group(group))
            }
        };
        let tls = to_arm.tls;
        let lease = server.arm(slot, to_arm);
        let endpoints = Endpoints {
            port: lease.port(),
            closed_port: server.closed_port(),
            silent_port: server.unresponsive_port(),
            ca_file: tls.map(|tls| server.ca_file(tls.certificate)),
        };
        armed = Some((lease, armed_for));
        write_line(&mut to, &endpoints)?;
    }
    Ok(())
}

/// Whether a run's client warms up a connection that its payment must not use.
fn is_warmed(run: &Run) -> bool {
    run.settings.reused && run.call.moves_money()
}

fn single_setup(run: &Run) -> Armed {
    // The warm-up uses the first connection. A payment never reuses it.
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
        tls: run.settings.tls(),
        proxy: run.settings.proxy && run.settings.destination != Destination::SilentPort,
        plays: Plays::Connections(scripts),
    }
}

fn group_setup(group: &Group) -> Armed {
    let scripts = |run: &Run| -> Vec<Arc<Script>> {
        let faults = run.faults.iter();
        faults.map(|fault| fault.script.clone()).collect()
    };
    let plays = match &group.common_script {
        Some(script) => Plays::Connections(vec![script.clone()]),
        None => {
            let scripts_by_id = |run: &Run| {
                let operation = &run.operation;
                [&operation.reference, &operation.order_number].map(|id| (id.clone(), scripts(run)))
            };
            Plays::Ids(group.runs.iter().flat_map(scripts_by_id).collect())
        }
    };
    Armed {
        tls: group.settings.tls(),
        proxy: group.settings.proxy,
        plays,
    }
}

fn observe_single(run: &Run, ledger: &Ledger) -> Observations {
    let first = usize::from(is_warmed(run));
    let requests: Vec<&Request> = ledger.requests().collect();
    let plays_are_known = run.settings.reaches_slot() && ledger.last_script.is_some();
    let observation = Observation {
        requests: requests.len(),
        payments: requests
            .iter()
            .filter(|r| r.kind != RequestKind::Check)
            .count(),
        misdirected: requests_with_start(ledger)
            .find_map(|(_, start)| misdirected(&run.operation, start)),
        unidentified: false,
        last_fault: ledger.last_script.map(|last| last.saturating_sub(first)),
        plays: plays_are_known.then_some(ledger.plays),
        client_turn: ledger.acted.map(clock::since_boot),
        paid_on_used_connection: ledger.paid_on_used_connection(),
        shared_connection: false,
        pending_connection: ledger.connections.iter().any(|one| !one.begun),
        unused_connection: has_unused_connection(&run.settings, ledger),
    };
    Observations {
        runs: vec![observation],
        unidentified: 0,
        harness_problems: harness_problems(ledger),
    }
}

fn observe_group(group: &Group, ledger: &Ledger) -> Observations {
    let mut by_id: HashMap<&str, Vec<&Request>> = HashMap::new();
    let mut unidentified = 0;
    for request in ledger.requests() {
        match &request.id {
            Some(id) => by_id.entry(id).or_default().push(request),
            None => unidentified += 1,
        }
    }
    let shared: HashSet<&str> = ledger
        .connections
        .iter()
        .flat_map(|connection| connection.requests.iter().skip(1))
        .filter_map(|request| request.id.as_deref())
        .collect();
    let pending_connection = ledger.connections.iter().any(|one| !one.begun);
    let observe = |run: &Run| {
        let operation = &run.operation;
        let id = match run.call.moves_money() {
            true => &operation.reference,
            false => &operation.order_number,
        };
        let requests = by_id.get(id.as_str()).map_or(0, Vec::len);
        let plays = ledger.plays_by_id.get(id).copied();
        let acted = match group.common_script {
            Some(_) => ledger.acted,
            None => ledger.acted_by_id.get(id).copied(),
        };
        Observation {
            requests,
            payments: requests,
            misdirected: requests_with_start(ledger)
                .filter(|(request, _)| request.id.as_deref() == Some(id))
                .find_map(|(_, start)| misdirected(operation, start)),
            unidentified: unidentified > 0,
            last_fault: plays.map(|plays| plays - 1),
            plays,
            client_turn: acted.map(clock::since_boot),
            paid_on_used_connection: ledger.paid_on_used_connection(),
            shared_connection: !run.call.moves_money() && shared.contains(id.as_str()),
            pending_connection,
            unused_connection: has_unused_connection(&group.settings, ledger),
        }
    };
    Observations {
        runs: group.runs.iter().map(observe).collect(),
        unidentified,
        harness_problems: harness_problems(ledger),
    }
}

/// All requests except warm-ups, each with its first bytes.
fn requests_with_start(ledger: &Ledger) -> impl Iterator<Item = (&Request, &[u8])> {
    let is_warm_up = |request: &Request| {
        let id = request.id.as_deref();
        id.is_some_and(|id| id.starts_with(WARM_UP))
    };
    ledger
        .connections
        .iter()
        .flat_map(with_start)
        .filter(move |(request, _)| !is_warm_up(request))
}

fn with_start(connection: &Connection) -> impl Iterator<Item = (&Request, &[u8])> {
    let mut end = 0;
    connection.requests.iter().map(move |request| {
        let start = end;
        end += request.bytes;
        let bytes = &connection.received[start..end];
        (request, &bytes[..bytes.len().min(START_BYTES)])
    })
}

/// The start of a request, if it is not one to the operation's service. It may be cut anywhere.
fn misdirected(operation: &Operation, start: &[u8]) -> Option<String> {
    let path = match operation.service {
        Service::CardForm | Service::CardJson => "POST /pay ".to_owned(),
        Service::Mobile => "POST /mobile ".to_owned(),
        Service::Payout => "POST /payout ".to_owned(),
        Service::Check => format!("GET /check/{} ", operation.order_number),
    };
    let length = path.len().min(start.len());
    (path.as_bytes()[..length] != start[..length])
        .then(|| String::from_utf8_lossy(start).into_owned())
}

/// Whether a connection was ready for a request but carried none.
fn has_unused_connection(settings: &ClientSettings, ledger: &Ledger) -> bool {
    ledger.connections.iter().any(|connection| {
        connection.received.is_empty()
            && (connection.secured || !settings.secure)
            && (connection.proxied || !settings.proxy)
    })
}

/// Why the ledger is unreliable, if it is: the server's threads must have ended, and each complete
/// request must contain the token.
fn harness_problems(ledger: &Ledger) -> Vec<String> {
    let mut problems = Vec::new();
    if !ledger.settled {
        problems.push("the server's threads did not end in time".to_owned());
    }
    for connection in &ledger.connections {
        let whole = connection.requests.iter().filter(|r| r.whole).count();
        let tokens = canary::times_in(&connection.received);
        if tokens < whole {
            problems.push(format!(
                "{whole} complete requests contain the token {tokens} times"
            ));
        }
    }
    problems
}
