//! What is printed, on disk too: a run that is ended from outside leaves its seed and all it found.

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
    /// Begins the log where the options say, or under the name of the seed.
    pub fn begin(options: &Options, seed: u64) -> Result<Self, String> {
        let path = match &options.log {
            Some(path) => path.clone(),
            None => PathBuf::from(format!("build/faults/{seed}.log")),
        };
        let words = |error: io::Error| format!("{}: {error}", path.display());
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(words)?;
        }
        let file = Arc::new(File::create(&path).map_err(words)?);
        Ok(Self { file, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A line of the outer process.
    pub fn say(&self, line: &str) {
        println!("{line}");
        self.keep(format!("{line}\n").as_bytes());
    }

    /// Written at once. A full disk does not end the run: what is printed is still seen.
    pub fn keep(&self, bytes: &[u8]) {
        let _ = (&*self.file).write_all(bytes);
    }
}

/// The command that does the same runs again.
pub fn repeat(options: &Options, seed: u64) -> String {
    let only = options
        .only
        .map_or_else(String::new, |only| format!(" --only {only}"));
    format!(
        "faults/run.sh {} --seed {seed} --threads {}{only}",
        options.runs, options.threads
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_log_is_on_disk_before_the_run_is_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/b.log");
        let given = ["x", "--lookup", "l", "--runs", "7", "--only", "3", "--log"];
        let given = given.map(PathBuf::from).into_iter().chain([path.clone()]);
        let options = Options::parse_from(given);
        let log = Log::begin(&options, 5).expect("a log");
        log.say(&repeat(&options, 5));
        log.clone().keep(b"WRONG\n");
        // While it is still open, as somebody finds it after a kill.
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(
            text,
            "faults/run.sh 7 --seed 5 --threads 48 --only 3\nWRONG\n"
        );
    }
}
