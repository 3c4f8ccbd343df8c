//! The journal: can it be read and written, and what waits in it.

use flexpay::Client;
use flexpay::journal::{Filter, Journal};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::call::Failure;
use crate::texts::{is_french, say};
use crate::{output, settings};

const NAME: &str = "journal";

/// `None` if FLEXPAY_JOURNAL is not set. The client, if the settings are valid, knows whose journal it must be.
pub fn examine(env_file: Option<&Path>, client: Option<&Client>) -> Option<Finding> {
    match settings::journal_path(env_file) {
        Ok(path) => {
            let path = PathBuf::from(path?);
            match client.map(Client::journal) {
                Some(Ok(journal)) => Some(examine_file(&path, journal)),
                _ => Some(examine_file(&path, &Journal::new(&path))),
            }
        }
        // The setting is invalid: that is said of the settings.
        Err(_) => None,
    }
}

fn examine_file(path: &Path, journal: &Journal) -> Finding {
    // Before SQLite opens the file: closing a file releases this process's locks on it.
    if let Err((path, error)) = check_access(path) {
        return unusable(&path, &error);
    }
    let shown = output::printable(&path.display().to_string());
    // A folder of senders without its journal is an error of the library.
    if !path.exists() && !beside(path, "-senders").exists() {
        let new = say(
            "does not exist yet; its folder can be written, and the first payment makes it",
            "n'existe pas encore ; son dossier est accessible en écriture, et le premier paiement le crée",
        );
        return Finding::good(NAME, format!("{shown} {new}"));
    }
    match counts(journal) {
        Ok((version, in_doubt, to_deliver)) => Finding::good(
            NAME,
            if is_french() {
                format!(
                    "{shown}, version {version}, accessible en écriture, incertains : {in_doubt}, à livrer : {to_deliver}"
                )
            } else {
                format!(
                    "{shown}, version {version}, can be written, in doubt: {in_doubt}, to deliver: {to_deliver}"
                )
            } + advice(in_doubt, to_deliver),
        ),
        // The message names the file, and says what to do.
        Err(failure) => Finding::bad(NAME, failure.message()),
    }
}

/// The version, and how many payments are in doubt and to be delivered.
fn counts(journal: &Journal) -> Result<(u32, u64, u64), Failure> {
    Ok((
        journal.version()?,
        journal.count(Filter::InDoubt)?,
        journal.count(Filter::ToDeliver)?,
    ))
}

fn advice(in_doubt: u64, to_deliver: u64) -> &'static str {
    match (in_doubt, to_deliver) {
        (0, 0) => "",
        (0, _) => say(
            ". See them: flexpay journal list --to-deliver",
            ". Pour les voir : flexpay journal list --to-deliver",
        ),
        _ => say(
            ". See them: flexpay journal list --in-doubt",
            ". Pour les voir : flexpay journal list --in-doubt",
        ),
    }
}

/// The file, its folder (SQLite has files beside it), and the folder of the senders. The error has the path.
fn check_access(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    let new = format!("-doctor-{}", std::process::id());
    let senders = beside(path, "-senders");
    let in_senders = senders.join(&new[1..]);
    write_and_remove(&beside(path, &new)).map_err(|error| (folder_of(path), error))?;
    if senders.exists() {
        write_and_remove(&in_senders).map_err(|error| (senders, error))?;
    }
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((path.to_owned(), error)),
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn write_and_remove(path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    std::fs::remove_file(path)
}

fn unusable(path: &Path, error: &io::Error) -> Finding {
    let shown = output::printable(&path.display().to_string());
    let advice = say(
        "Payments are refused. Make the folder, let this user write in it, or set FLEXPAY_JOURNAL to another path",
        "Les paiements sont refusés. Créez le dossier, donnez à cet utilisateur le droit d'y écrire, ou mettez un \
         autre chemin dans FLEXPAY_JOURNAL",
    );
    let cannot = say("cannot be written:", "n'est pas accessible en écriture :");
    Finding::bad(NAME, format!("{shown} {cannot} {error}. {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examination_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.db");
        assert_eq!(examine_file(&path, &Journal::new(&path)).ok, Some(true));
        let entries = std::fs::read_dir(folder.path()).expect("readable");
        assert_eq!(entries.count(), 0);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named() {
        let path = Path::new("/nowhere/till/journal.db");
        let finding = examine_file(path, &Journal::new(path));
        assert_eq!(finding.ok, Some(false));
        assert!(
            finding.detail.contains("/nowhere/till "),
            "{}",
            finding.detail
        );
    }
}
