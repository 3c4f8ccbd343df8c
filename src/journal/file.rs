//! The SQLite file of a journal: made, opened, and brought to the newest version; and what is wrong with one.

use rusqlite::{Connection, ErrorCode as SqliteCode, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorCode, Outcome};
use crate::random;

/// Says that a file is a journal: "FLXP".
const APPLICATION_ID: i32 = 0x464c_5850;

/// The version of the tables in a file.
const VERSION: i32 = MIGRATIONS.len() as i32;

/// What makes version n + 1 of version n.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE entries (
        reference TEXT NOT NULL PRIMARY KEY,
        state TEXT NOT NULL,
        is_open INTEGER NOT NULL,
        to_deliver INTEGER NOT NULL,
        order_number TEXT,
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        entry TEXT NOT NULL
    );
    CREATE INDEX entries_open ON entries (reference) WHERE is_open;
    CREATE INDEX entries_in_doubt ON entries (reference) WHERE state = 'IN_DOUBT';
    CREATE INDEX entries_to_deliver ON entries (reference) WHERE to_deliver;
    CREATE INDEX entries_order ON entries (order_number) WHERE order_number IS NOT NULL;
    -- References whose entries were pruned: they are never sent again.
    CREATE TABLE pruned (reference TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
"];

/// How long a call waits for another process that is writing.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the journal cannot be used.
pub(super) enum Trouble {
    Sqlite(rusqlite::Error),
    /// The file or its folder.
    File(io::Error),
    /// The lock file of a sender.
    Lock(io::Error),
    /// An entry that cannot be written as JSON.
    Entry(serde_json::Error),
    /// Completes "the journal <path> …".
    Other(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    /// The error of the library. Nothing was sent.
    pub(super) fn about(self, path: &Path) -> Error {
        let path = path.display();
        let message = match self {
            Self::Sqlite(error) => {
                format!("the journal {path}: {error}. {}", advice(&error))
            }
            Self::File(error) => format!("the journal {path}: {error}. {CHECK_ACCESS}"),
            Self::Lock(error) => format!("the folder {path}-senders: {error}. {CHECK_ACCESS}"),
            Self::Entry(error) => format!("the journal {path}: {error}"),
            Self::Other(problem) => format!("the journal {path} {problem}"),
        };
        Error::new(ErrorCode::Journal, Outcome::NotSent, message).about("journal")
    }
}

const CHECK_ACCESS: &str = "Check that the folder exists, that this user may write in it, and that the disk \
     is not full";

/// What to do.
fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(SqliteCode::DiskFull) => "Free space on the disk",
        Some(SqliteCode::DatabaseBusy | SqliteCode::DatabaseLocked) => {
            "Another program has been writing to it for 10 seconds: find and end that program"
        }
        Some(SqliteCode::DatabaseCorrupt | SqliteCode::NotADatabase) => {
            "The file is damaged. Keep it, and do not start a new one before you know what became of its open \
             payments: look for them in FlexPay's merchant console"
        }
        Some(SqliteCode::SystemIoFailure) => {
            "The disk is full or failed, or its file system does not support locks"
        }
        Some(_) => CHECK_ACCESS,
        None => "The entry cannot be read: another version may have written it",
    }
}

/// The process that opened a journal. SQLite does not support a connection, or its locks, in a forked child.
static OPENED_BY: AtomicU32 = AtomicU32::new(0);

pub(super) fn refuse_after_fork() -> Result<(), Trouble> {
    let opened_by = OPENED_BY.load(Ordering::Relaxed);
    if opened_by == 0 || opened_by == std::process::id() {
        return Ok(());
    }
    Err(Trouble::Other(
        "was open when this process was forked, which SQLite does not support: use it first in the child, or \
         start the child as a new program"
            .to_owned(),
    ))
}

/// Opens the journal. Makes it if there is none.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => create(path)?,
        Err(error) => return Err(Trouble::File(error)),
    }
    OPENED_BY.store(std::process::id(), Ordering::Relaxed);
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    identify(&connection)?;
    // Each commit is on the disk before it returns.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = 1;
         PRAGMA checkpoint_fullfsync = 1; PRAGMA trusted_schema = 0; PRAGMA temp_store = MEMORY;",
    )?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Refuses a file of another program, and one of a newer version of this library.
fn identify(connection: &Connection) -> Result<(), Trouble> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if number("application_id")? != APPLICATION_ID {
        return Err(Trouble::Other(
            "is not a journal of this library: it is empty, or of another program".to_owned(),
        ));
    }
    let version = number("user_version")?;
    if !(1..=VERSION).contains(&version) {
        return Err(Trouble::Other(format!(
            "has version {version}, and this library knows versions 1 to {VERSION}: update flexpay"
        )));
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), Trouble> {
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))
    };
    if version(connection)? == VERSION {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    let from = version(&transaction)?;
    for migration in &MIGRATIONS[from as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Makes a journal. It is complete before it gets its name, and it never replaces a file.
fn create(path: &Path) -> Result<(), Trouble> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    if beside("-wal").exists() {
        return Err(Trouble::Other(
            "is missing, but its file that ends in -wal is there: restore the journal from a backup".to_owned(),
        ));
    }
    let new = beside(&format!("-new-{:016x}", random::number()));
    create_private(&new).map_err(Trouble::File)?;
    let result = fill(&new).and_then(|()| put_in_place(&new, path).map_err(Trouble::File));
    let _ = fs::remove_file(&new);
    result
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    Ok(())
}

fn fill(path: &Path) -> Result<(), Trouble> {
    OPENED_BY.store(std::process::id(), Ordering::Relaxed);
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = 1;")?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    for migration in MIGRATIONS {
        transaction.execute_batch(migration)?;
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(new, path) {
        Ok(()) => {}
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // A file system without hard links.
        Err(_) if !path.try_exists()? => fs::rename(new, path)?,
        Err(error) => return Err(error),
    }
    sync_folder(path)
}

/// After a power cut, the name is still there.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
