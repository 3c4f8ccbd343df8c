//! Whether the sender of a request is alive.
//!
//! A sender locks a file of its own while it sends. The operating system releases the lock when the process
//! ends, however it ends. So a sender whose file is missing or not locked is dead: no process id that may
//! belong to another process by now, and no clock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::random;

/// The folder of the lock files, beside the journal.
pub(super) struct Senders {
    folder: PathBuf,
}

/// A sender that is alive. Its file is removed when it is dropped.
pub(super) struct Sender {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl Senders {
    pub(super) fn beside(journal: &Path) -> Self {
        let mut folder = journal.as_os_str().to_owned();
        folder.push("-senders");
        Self {
            folder: folder.into(),
        }
    }

    /// A name that no other sender has.
    pub(super) fn new_name() -> String {
        format!("{:016x}{:016x}", random::number(), random::number())
    }

    /// Makes the file of a sender and locks it.
    pub(super) fn start(&self, name: &str) -> io::Result<Sender> {
        self.create_folder()?;
        let path = self.folder.join(name);
        let file = File::create_new(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Sender { path, _file: file })
    }

    /// Whether the sender of this name is alive. If that cannot be known, it is: then nothing is decided.
    pub(super) fn is_alive(&self, name: &str) -> bool {
        match File::options()
            .read(true)
            .write(true)
            .open(self.folder.join(name))
        {
            Ok(file) => !matches!(file.try_lock(), Ok(())),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Removes the file that a dead sender left.
    pub(super) fn forget(&self, name: &str) {
        // A file that stays has no effect.
        let _ = fs::remove_file(self.folder.join(name));
    }

    fn create_folder(&self) -> io::Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut))]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_alive_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let senders = Senders::beside(&folder.path().join("journal.db"));
        let name = Senders::new_name();
        assert!(!senders.is_alive(&name));
        let sender = senders.start(&name).unwrap();
        assert!(senders.is_alive(&name));
        assert!(!senders.is_alive(&Senders::new_name()));
        drop(sender);
        assert!(!senders.is_alive(&name));
        assert_eq!(fs::read_dir(&senders.folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_nobody_locks_is_of_a_dead_sender() {
        let folder = tempfile::tempdir().unwrap();
        let senders = Senders::beside(&folder.path().join("journal.db"));
        let name = Senders::new_name();
        senders.create_folder().unwrap();
        File::create(senders.folder.join(&name)).unwrap();
        assert!(!senders.is_alive(&name));
        senders.forget(&name);
        assert_eq!(fs::read_dir(&senders.folder).unwrap().count(), 0);
    }
}
