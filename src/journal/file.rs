//! The SQLite file of a journal: made, opened, and brought to the newest version; and what is wrong with one.

use rusqlite::{Connection, ErrorCode as SqliteCode, OpenFlags, OptionalExtension};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sender::Senders;
use crate::error::{Error, ErrorCode, Outcome};

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
    -- Whose payments these are: one row.
    CREATE TABLE account (merchant TEXT NOT NULL, environment TEXT NOT NULL);
"];

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
            "Another program has been writing to it for a long time: find and end that program"
        }
        Some(SqliteCode::DatabaseCorrupt | SqliteCode::NotADatabase) => {
            "The file is damaged. Keep it, and do not start a new one before you know what became of its open \
             payments: look for them in FlexPay's merchant console"
        }
        Some(SqliteCode::SystemIoFailure) => {
            "The disk is full, failed or read-only, or its file system does not support locks"
        }
        Some(_) => CHECK_ACCESS,
        None => "The entry cannot be read: another version may have written it",
    }
}

/// Whose payments a journal has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) merchant: String,
    pub(super) environment: &'static str,
}

/// A journal that is open for one call.
pub(super) struct OpenJournal {
    pub(super) connection: Connection,
    pub(super) senders: Senders,
}

/// Opens the journal, and makes it if there is none. A call waits up to `lock_timeout` for a program that is
/// writing.
pub(super) fn open(
    path: &Path,
    account: Option<&Account>,
    lock_timeout: Duration,
) -> Result<OpenJournal, Trouble> {
    if !path.try_exists().map_err(Trouble::File)? {
        create(path)?;
    }
    // Two paths of one file must lead to the same lock files.
    let path = path.canonicalize().map_err(Trouble::File)?;
    let mut connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(lock_timeout)?;
    // Before anything is changed: it may be the file of another program.
    identify(&connection)?;
    configure(&connection)?;
    migrate(&mut connection)?;
    if let Some(account) = account {
        check_account(&connection, account)?;
    }
    Ok(OpenJournal {
        connection,
        senders: Senders::beside(&path),
    })
}

/// Each commit is on the disk before it returns.
const DURABLE: &str = "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = 1;";

/// SQLite's rollback journal, and not its write-ahead log: between two calls the file alone is then the whole
/// journal. It can be copied, and a program that reads it by other means cannot make another program write into
/// a log that nobody reads.
fn configure(connection: &Connection) -> Result<(), Trouble> {
    connection.execute_batch(DURABLE)?;
    connection.execute_batch("PRAGMA trusted_schema = 0; PRAGMA temp_store = MEMORY;")?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = TRUNCATE", [], |row| row.get(0))?;
    match mode.as_str() {
        "truncate" => Ok(()),
        other => Err(Trouble::Other(format!(
            "is in SQLite's journal mode {other}, which another program gave it"
        ))),
    }
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

/// Refuses the journal of another merchant or environment: its payments would be asked about at the wrong
/// gateway, and test payments delivered.
fn check_account(connection: &Connection, account: &Account) -> Result<(), Trouble> {
    let recorded = || {
        connection
            .query_row("SELECT merchant, environment FROM account", [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .optional()
    };
    let found = match recorded()? {
        Some(found) => found,
        None => {
            connection.execute(
                "INSERT INTO account SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM account)",
                [&account.merchant, account.environment],
            )?;
            recorded()?.unwrap_or_default()
        }
    };
    let (merchant, environment) = found;
    if merchant != account.merchant || environment != account.environment {
        return Err(Trouble::Other(format!(
            "is of merchant {merchant} in the environment {environment}, and this client is of merchant {} in \
             the environment {}: give each its own journal",
            account.merchant, account.environment
        )));
    }
    Ok(())
}

/// Makes a journal, if no other program is faster.
fn create(path: &Path) -> Result<(), Trouble> {
    if path.is_symlink() {
        return Err(Trouble::Other(
            "is a symbolic link to a file that does not exist".to_owned(),
        ));
    }
    // One program makes it. The others wait.
    let lock_path = beside(path, "-lock");
    let lock = match create_private(&lock_path) {
        // On Windows, a file that was removed cannot be opened while another program still has it open. The
        // journal is there then.
        Err(_) if path.try_exists().map_err(Trouble::File)? => return Ok(()),
        lock => lock.map_err(Trouble::File)?,
    };
    lock.lock().map_err(Trouble::File)?;
    if !path.try_exists().map_err(Trouble::File)? {
        create_locked(path)?;
    }
    // Nobody needs it any more: the journal is there.
    let _ = fs::remove_file(lock_path);
    Ok(())
}

/// The journal is complete before it gets its name.
fn create_locked(path: &Path) -> Result<(), Trouble> {
    let senders = beside(path, "-senders");
    if senders.exists() {
        return Err(Trouble::Other(format!(
            "is missing, but its folder {} is there: restore the journal from a backup. Remove that folder only \
             if you know what became of every payment",
            senders.display()
        )));
    }
    let new = beside(path, "-new");
    // A program that was killed may have left it.
    for left in [new.clone(), beside(&new, "-journal")] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Trouble::File(error));
            }
            _ => {}
        }
    }
    create_private(&new).map_err(Trouble::File)?;
    fill(&new)?;
    fs::rename(&new, path).map_err(Trouble::File)?;
    sync_folder(path).map_err(Trouble::File)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Only its owner can read it.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn fill(path: &Path) -> Result<(), Trouble> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(DURABLE)?;
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

/// After a power cut, the name is still there.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    // The name is in the file's own record too, and NTFS logs both changes as one.
    #[cfg(windows)]
    File::options().write(true).open(path)?.sync_all()?;
    Ok(())
}
