//! The PHP package with this program in it: are its files those that were released?
//!
//! The package has a list of them, files.json, with the SHA-256 of each. It finds damage: an upload that
//! was cut short or changed line endings, an update that left files of another version. It is no signature:
//! whoever changes a file on purpose can change the list too.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::texts::{is_french, say};

const NAME: &str = "package";
const LIST: &str = "files.json";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// No more files are named in a message.
const SHOWN: usize = 5;

#[derive(Deserialize)]
struct List {
    package: String,
    version: String,
    /// The SHA-256 in hexadecimal digits, by path in the package. The paths have slashes.
    files: BTreeMap<String, String>,
}

pub struct Package {
    pub finding: Finding,
    /// The files that are not as they were released, which must not be loaded.
    pub damaged: Vec<PathBuf>,
}

/// `None` if this program is not in a package with a list.
pub fn examine() -> Option<Package> {
    let program = std::env::current_exe().ok()?;
    let platform = program.parent()?;
    let lib = platform.parent()?;
    if lib.file_name()? != "lib" {
        return None;
    }
    examine_folder(lib.parent()?, platform)
}

/// Examines the package in a folder. `platform` is the folder in it with the files for this platform.
fn examine_folder(folder: &Path, platform: &Path) -> Option<Package> {
    let path = folder.join(LIST);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(unreadable(&path, &error.to_string())),
    };
    match serde_json::from_str(&text) {
        Ok(list) => Some(compare(folder, platform, &list)),
        Err(error) => Some(unreadable(&path, &error.to_string())),
    }
}

fn compare(folder: &Path, platform: &Path, list: &List) -> Package {
    let mut problems = Vec::new();
    let mut damaged = Vec::new();
    if list.version != VERSION {
        problems.push(if is_french() {
            format!(
                "{LIST} est de la version {}, ce programme de la version {VERSION}",
                list.version
            )
        } else {
            format!(
                "{LIST} is of version {}, this program of version {VERSION}",
                list.version
            )
        });
    }
    for (name, sha256) in &list.files {
        let path = folder.join(name);
        let problem = match fs::read(&path) {
            Ok(content) if hex(digest(&SHA256, &content).as_ref()) == *sha256 => continue,
            Ok(_) => say("has changed", "a changé").to_owned(),
            Err(_) if is_of_removed_platform(folder, platform, name) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                say("is missing", "manque").to_owned()
            }
            Err(error) => error.to_string(),
        };
        problems.push(format!("{name}: {problem}"));
        damaged.push(path);
    }
    for name in names_in_lib(folder) {
        if !list.files.contains_key(&name) {
            let problem = say("is not in the list", "n'est pas dans la liste");
            problems.push(format!("{name}: {problem}"));
            damaged.push(folder.join(name));
        }
    }
    Package {
        finding: finding(folder, list, &problems),
        damaged,
    }
}

/// The files for other platforms need much space: a shop may remove the folder of any of them.
fn is_of_removed_platform(folder: &Path, platform: &Path, name: &str) -> bool {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("lib"), Some(other), Some(_)) => {
            let other = folder.join("lib").join(other);
            other != platform && !other.exists()
        }
        _ => false,
    }
}

/// The files in `lib` and its folders, as the list names them.
fn names_in_lib(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in entries(&folder.join("lib")) {
        let name = format!("lib/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            let inner = entries(&entry.path()).into_iter();
            names.extend(
                inner.map(|entry| format!("{name}/{}", entry.file_name().to_string_lossy())),
            );
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

fn entries(folder: &Path) -> Vec<DirEntry> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(Result::ok).collect()
}

fn finding(folder: &Path, list: &List, problems: &[String]) -> Finding {
    let package = format!("{} {}, {}", list.package, list.version, folder.display());
    if problems.is_empty() {
        let good = say(
            "its files are those that were released",
            "ses fichiers sont ceux qui ont été publiés",
        );
        return Finding::good(NAME, format!("{package}: {good}"));
    }
    let shown = problems[..problems.len().min(SHOWN)].join("; ");
    let more = match problems.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more if is_french() => format!("; et {more} autres"),
        more => format!("; and {more} more"),
    };
    let advice = say(
        "Install the package again, all of it: with Composer, or by an upload that is binary",
        "Réinstallez le paquet en entier : avec Composer, ou par un envoi en mode binaire",
    );
    Finding::bad(NAME, format!("{package}: {shown}{more}. {advice}"))
}

fn unreadable(path: &Path, error: &str) -> Package {
    let cannot = say("cannot be read", "est illisible");
    let advice = say("Install the package again", "Réinstallez le paquet");
    let detail = format!("{} {cannot}: {error}. {advice}", path.display());
    Package {
        finding: Finding::bad(NAME, detail),
        damaged: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A package with files for two platforms, and its list.
    fn package(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut files = BTreeMap::new();
        for name in [
            "src/Client.php",
            "lib/linux-x86_64/flexpay",
            "lib/linux-x86_64/libflexpay.so",
            "lib/windows-i686/flexpay.dll",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "abc").unwrap();
            // That of "abc", in FIPS 180-2.
            files.insert(
                name,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            );
        }
        let list = json!({ "package": "flexpay/flexpay", "version": version, "files": files });
        fs::write(folder.path().join(LIST), list.to_string()).unwrap();
        folder
    }

    fn examine_it(folder: &Path) -> Package {
        examine_folder(folder, &folder.join("lib/linux-x86_64")).expect("a package")
    }

    #[test]
    fn a_package_as_released_is_good() {
        let folder = package(VERSION);
        let found = examine_it(folder.path());
        assert_eq!(found.finding.ok, Some(true), "{}", found.finding.detail);
        let start = format!("flexpay/flexpay {VERSION}, {}", folder.path().display());
        assert!(found.finding.detail.starts_with(&start));
        assert!(found.damaged.is_empty());
    }

    #[test]
    fn a_folder_without_a_list_is_no_package() {
        let folder = tempfile::tempdir().unwrap();
        assert!(examine_folder(folder.path(), folder.path()).is_none());
    }

    #[test]
    fn each_damage_is_named() {
        // A file, its new content (none: it is removed), and what is said of it.
        for (name, content, problem) in [
            ("lib/linux-x86_64/libflexpay.so", Some("abd"), "has changed"),
            ("lib/linux-x86_64/libflexpay.so", Some(""), "has changed"),
            ("src/Client.php", None, "is missing"),
            ("lib/windows-i686/flexpay.dll", None, "is missing"),
            ("lib/linux-x86_64/old.so", Some("abc"), "is not in the list"),
            ("lib/flexpay.dll", Some("abc"), "is not in the list"),
        ] {
            let folder = package(VERSION);
            let path = folder.path().join(name);
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
            let found = examine_it(folder.path());
            assert_eq!(found.finding.ok, Some(false), "{name}");
            let says = format!(": {name}: {problem}. Install the package again");
            assert!(
                found.finding.detail.contains(&says),
                "{}",
                found.finding.detail
            );
            assert_eq!(found.damaged, [folder.path().join(name)]);
        }
    }

    #[test]
    fn the_files_of_another_platform_may_be_removed() {
        let folder = package(VERSION);
        fs::remove_dir_all(folder.path().join("lib/windows-i686")).unwrap();
        assert_eq!(examine_it(folder.path()).finding.ok, Some(true));
        fs::remove_dir_all(folder.path().join("lib/linux-x86_64")).unwrap();
        let found = examine_it(folder.path());
        assert_eq!(found.finding.ok, Some(false));
        assert_eq!(found.damaged.len(), 2);
    }

    #[test]
    fn a_list_of_another_version_is_bad() {
        let folder = package("0.9.0");
        let found = examine_it(folder.path());
        assert_eq!(found.finding.ok, Some(false));
        let says = format!("files.json is of version 0.9.0, this program of version {VERSION}");
        assert!(found.finding.detail.contains(&says));
    }

    #[test]
    fn a_long_list_of_damages_is_cut() {
        let folder = package(VERSION);
        for n in 0..7 {
            fs::write(folder.path().join(format!("lib/{n}.dll")), "").unwrap();
        }
        let found = examine_it(folder.path());
        let says = "lib/4.dll: is not in the list; and 2 more. ";
        assert!(
            found.finding.detail.contains(says),
            "{}",
            found.finding.detail
        );
        assert_eq!(found.damaged.len(), 7);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_bad() {
        let folder = package(VERSION);
        for text in [
            "",
            "{",
            "[]",
            r#"{"package":"x","version":"1","files":{"a":1}}"#,
        ] {
            fs::write(folder.path().join(LIST), text).unwrap();
            let found = examine_it(folder.path());
            assert_eq!(found.finding.ok, Some(false), "{text}");
            assert!(found.finding.detail.contains("files.json cannot be read: "));
        }
    }
}
