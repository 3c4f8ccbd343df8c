//! A bridge, and a client for it.

use flexpay_sandbox::Sandbox;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::program;

pub struct Bridge {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Lines<BufReader<ChildStdout>>,
}

impl Bridge {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .arg("bridge")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bridge starts");
        Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().expect("a pipe")).lines(),
            child,
        }
    }

    /// A bridge with a client for the sandbox, from the environment.
    pub fn ready(sandbox: &Sandbox) -> Self {
        let mut bridge = Self::start(program(sandbox).env("FLEXPAY_ALLOW_PAYOUT", "1"));
        let hello = bridge.call(json!({"id": 0, "call": "hello", "request": {"bridge": 1}}));
        assert_eq!(hello["ok"]["bridge"], 1, "{hello}");
        bridge
    }

    pub fn send(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(text.as_bytes()).expect("the bridge reads");
        stdin.write_all(b"\n").expect("the bridge reads");
    }

    pub fn read(&mut self) -> Value {
        let line = self.stdout.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    }

    pub fn call(&mut self, request: Value) -> Value {
        self.send(&request.to_string());
        self.read()
    }

    /// Closes stdin, and returns the exit status.
    pub fn end(mut self) -> i32 {
        drop(self.stdin.take());
        self.child
            .wait()
            .expect("it ends")
            .code()
            .expect("a status")
    }
}
