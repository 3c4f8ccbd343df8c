//! How the examples are started.

use flexpay_sandbox::Sandbox;
use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::common::{Run, finished, program};

pub const EXAMPLES: [Example; 3] = [Example::Node, Example::Pascal, Example::Shell];
/// Those that use the bridge.
pub const WITH_BRIDGE: [Example; 2] = [Example::Node, Example::Pascal];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    Node,
    Pascal,
    Shell,
}

/// What the exit status of an example says.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Paid,
    NotPaid,
    Unknown,
}

/// An example that takes a payment of 25.50 USD.
pub struct Running {
    example: Example,
    child: Child,
}

/// What an example printed for a person, and the verdict of its exit status.
pub struct Ended {
    pub verdict: Verdict,
    pub printed: String,
}

impl Example {
    /// Takes one payment. `phone` is empty for a payment by card.
    pub fn start(self, flexpay: &Path, sandbox: &Sandbox, reference: &str, phone: &str) -> Running {
        self.start_with(flexpay, sandbox, &[(reference, phone)], &[])
    }

    /// Takes payments, one after the other; the till alone takes more than one.
    pub fn start_with(
        self,
        flexpay: &Path,
        sandbox: &Sandbox,
        sales: &[(&str, &str)],
        variables: &[(&str, &OsStr)],
    ) -> Running {
        let mut command = self.command();
        if self != Self::Pascal {
            let (reference, phone) = sales[0];
            command.args([reference, "25.50", "USD"]);
            command.args((!phone.is_empty()).then_some(phone));
        }
        for (name, value) in program(sandbox).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("FLEXPAY_PROGRAM", flexpay)
            .env("FLEXPAY_TILL_WAIT_S", "60")
            .env("FLEXPAY_TILL_GRACE_S", "1")
            .env("WAIT_OPTIONS", "--timeout 60 --failed-grace 1")
            .envs(variables.iter().copied());
        let mut child = spawn(&mut command);
        let mut stdin = child.stdin.take().expect("a pipe");
        if self == Self::Pascal {
            for (reference, phone) in sales {
                writeln!(stdin, "{reference} 25.50 USD {phone}").expect("the till reads");
            }
        }
        Running {
            example: self,
            child,
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(in_project("examples/node/pay.mjs"));
                command
            }
            Self::Pascal => Command::new(till()),
            Self::Shell => Command::new(in_project("examples/shell/pay.sh")),
        }
    }
}

impl Running {
    /// Waits until it ends.
    pub fn end(self) -> Ended {
        let output = self.child.wait_with_output().expect("the example ends");
        let Run {
            status,
            stdout,
            stderr,
        } = finished(output);
        let verdict = match (self.example, status) {
            (_, 0) => Verdict::Paid,
            (Example::Shell, 9) | (Example::Node | Example::Pascal, 2) => Verdict::Unknown,
            (Example::Shell, 2..) | (_, 1) => Verdict::NotPaid,
            _ => panic!("{:?}: {status}: {stdout}{stderr}", self.example),
        };
        let printed = match self.example {
            // The program flexpay prints on stderr what the script does not read.
            Example::Shell => stdout + &stderr,
            _ => stdout,
        };
        Ended { verdict, printed }
    }

    /// Nobody reads what it prints any more.
    pub fn close_output(&mut self) {
        drop(self.child.stdout.take());
    }
}

/// Starts a program whose input and output are pipes.
pub fn spawn(command: &mut Command) -> Child {
    let name = command.get_program().to_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}", missing(&name, &error)))
}

pub fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The compiled till.
fn till() -> &'static Path {
    static TILL: OnceLock<PathBuf> = OnceLock::new();
    TILL.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Another run of these tests may compile it at the same time, or execute it.
        let directory = parent.join(format!("pascal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let mut command = Command::new("fpc");
        command
            // A warning is an error.
            .args(["-vew", "-Sew"])
            .arg(format!("-FE{}", directory.display()))
            .arg(format!("-FU{}", directory.display()))
            .arg(in_project("examples/pascal/till.pas"));
        let output = spawn(&mut command).wait_with_output().expect("fpc ends");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let till = parent.join("till");
        std::fs::rename(directory.join("till"), &till).expect("the program moves");
        std::fs::remove_dir_all(&directory).expect("the directory is removed");
        till
    })
}

/// A missing compiler or interpreter is an error: a skipped test would show nothing.
fn missing(name: &OsStr, error: &std::io::Error) -> String {
    let packages = match name.to_str() {
        Some("node") => "nodejs",
        Some("fpc") => "fp-compiler and fp-units-fcl",
        _ => "",
    };
    let name = name.display();
    if error.kind() == ErrorKind::NotFound && !packages.is_empty() {
        format!("{name} is missing: install {packages}, or run scripts/setup.sh cli")
    } else {
        format!("{name} cannot be started: {error}")
    }
}
