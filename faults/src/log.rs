//! A log file with everything that is printed: a run that is killed still leaves its seed and results.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Options;

/// The log of one run. Its clones write to the same file.
#[derive(Clone)]
pub struct Log {
    file: Arc<File>,
    path: PathBuf,
}

impl Log {
    /// Creates the log at the path in the options, or named after the seed.
    pub fn create(options: &Options, seed: u64) -> Result<Self, String> {
        let message = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        let directory = match &options.log {
            Some(path) => path.parent().unwrap_or(Path::new("")),
            None => &options.log_dir,
        };
        std::fs::create_dir_all(directory).map_err(|error| message(directory, error))?;
        if let Some(path) = &options.log {
            let file = File::create(path).map_err(|error| message(path, error))?;
            return Ok(Self::new(file, path.clone()));
        }
        // A repetition must not overwrite the log of the run it repeats.
        let mut count = 1;
        loop {
            let path = directory.join(match count {
                1 => format!("{seed}.log"),
                _ => format!("{seed}-{count}.log"),
            });
            match File::create_new(&path) {
                Ok(file) => return Ok(Self::new(file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                Err(error) => return Err(message(&path, error)),
            }
        }
    }

    fn new(file: File, path: PathBuf) -> Self {
        let file = Arc::new(file);
        Self { file, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Prints a line and appends it to the log.
    pub fn print(&self, line: &str) {
        println!("{line}");
        self.append(format!("{line}\n").as_bytes());
    }

    /// Writes at once, without a buffer. A full disk does not end the run: the output is still printed.
    pub fn append(&self, bytes: &[u8]) {
        let _ = (&*self.file).write_all(bytes);
    }
}

/// The command that repeats the same runs.
pub fn repeat_command(options: &Options, seed: u64) -> String {
    let only = options
        .only
        .map_or_else(String::new, |only| format!(" --only {only}"));
    let (variable, path, mode) = match options.bridge {
        true => ("FLEXPAY_PROGRAM", &options.program, " --bridge"),
        false => ("FLEXPAY_LIB_DIR", &options.lib_dir, ""),
    };
    format!(
        "{variable}='{}' faults/run.sh {} --seed {seed} --threads {}{only}{mode}",
        path.display(),
        options.runs,
        options.threads
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn options(more: &[&str], path: &Path) -> Options {
        let given = ["x", "--lookup", "l", "--lib-dir", "/lib", "--runs", "7"];
        let given = given.iter().chain(more).map(PathBuf::from);
        Options::parse_from(given.chain([path.to_owned()]))
    }

    #[test]
    fn the_log_is_on_disk_before_the_run_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/b.log");
        let options = options(&["--only", "3", "--log"], &path);
        let log = Log::create(&options, 5).expect("a log");
        log.print(&repeat_command(&options, 5));
        log.clone().append(b"WRONG\n");
        // Read it while the log is still open, as after a kill.
        let text = std::fs::read_to_string(&path).expect("text");
        let command = "FLEXPAY_LIB_DIR='/lib' faults/run.sh 7 --seed 5 --threads 48 --only 3";
        assert_eq!(text, format!("{command}\nWRONG\n"));
    }

    #[test]
    fn a_run_over_the_bridge_is_repeated_over_the_bridge() {
        let more = ["--bridge", "--program", "/bin/flexpay", "--log"];
        let options = options(&more, Path::new("a.log"));
        let command =
            "FLEXPAY_PROGRAM='/bin/flexpay' faults/run.sh 7 --seed 5 --threads 48 --bridge";
        assert_eq!(repeat_command(&options, 5), command);
    }

    #[test]
    fn a_repetition_does_not_overwrite_the_first_log() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = options(&["--log-dir"], directory.path());
        let name = |log: &Log| log.path().file_name().expect("a name").to_owned();
        let first = Log::create(&options, 5).expect("a log");
        first.append(b"WRONG\n");
        let second = Log::create(&options, 5).expect("a log");
        assert_eq!(
            (name(&first), name(&second)),
            ("5.log".into(), "5-2.log".into())
        );
        assert_eq!(std::fs::read(first.path()).expect("text"), b"WRONG\n");
    }
}
