//! What a disk may hold after a power cut, from a trace of what was written and synced.
//!
//! A write is on the disk when the file was synced after it; a name, when its folder was synced. Of later
//! writes the disk has none, all, or any part: sectors of one write in any order. Names are made and removed in
//! order, as in a journaling file system.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rng::Rng;
use crate::strace::SystemCall;

const SECTOR: usize = 512;

/// What happened, as far as it matters after a power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Opened, and made if `makes`.
    Open {
        fd: u32,
        path: PathBuf,
        makes: bool,
    },
    Close(u32),
    Write {
        fd: u32,
        /// At the end if `None`.
        offset: Option<usize>,
        bytes: Vec<u8>,
    },
    Truncate {
        fd: u32,
        length: usize,
    },
    Sync(u32),
    Link(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    MakeFolder(PathBuf),
    /// Bytes left for the gateway.
    Sent,
    /// The caller heard the result.
    Heard,
}

impl fmt::Display for Event {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { fd, offset, bytes } => {
                write!(
                    f,
                    "Write {{ fd: {fd}, offset: {offset:?}, {} bytes }}",
                    bytes.len()
                )
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// What survives of the writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    Lost,
    Kept,
    /// Any part of it, by this seed.
    Torn(u64),
}

/// A change of a file that was not synced.
#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    changes: Vec<Change>,
    length: usize,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

/// The disk, and what the operating system has not written to it yet.
pub struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// The names on the disk, and after each later change.
    names: Vec<Names>,
    open: HashMap<u32, PathBuf>,
    open_files: HashMap<u32, usize>,
    /// A disk that says that it wrote, and did not.
    lies: bool,
}

impl Disk {
    /// With the files in this folder, which are all synced.
    pub fn load(root: &Path, lies: bool) -> Result<Self, String> {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            names: vec![Names::new()],
            open: HashMap::new(),
            open_files: HashMap::new(),
            lies,
        };
        for found in fs::read_dir(root).map_err(|error| error.to_string())? {
            let path = found.map_err(|error| error.to_string())?.path();
            let synced = fs::read(&path).map_err(|error| error.to_string())?;
            disk.files.push(File {
                length: synced.len(),
                synced,
                changes: Vec::new(),
            });
            let file = Node::File(disk.files.len() - 1);
            disk.names[0].insert(path, file);
        }
        Ok(disk)
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Open { fd, path, makes } => self.open(*fd, path, *makes),
            Event::Close(fd) => {
                self.open.remove(fd);
                self.open_files.remove(fd);
            }
            Event::Write { fd, offset, bytes } => self.write(*fd, *offset, bytes),
            Event::Truncate { fd, length } => {
                if let Some(file) = self.file(*fd) {
                    file.changes.push(Change::Truncate(*length));
                    file.length = *length;
                }
            }
            Event::Sync(fd) if !self.lies => self.sync(*fd),
            Event::Link(from, to) => self.rename(|names| {
                if let Some(node) = names.get(from).copied() {
                    names.insert(to.clone(), node);
                }
            }),
            Event::Rename(from, to) => self.rename(|names| {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }),
            Event::Remove(path) => self.rename(|names| {
                names.remove(path);
            }),
            Event::MakeFolder(path) => {
                self.rename(|names| {
                    names.insert(path.clone(), Node::Folder);
                });
            }
            Event::Sync(_) | Event::Sent | Event::Heard => {}
        }
    }

    fn current(&self) -> &Names {
        self.names.last().expect("never empty")
    }

    fn rename(&mut self, change: impl FnOnce(&mut Names)) {
        let mut names = self.current().clone();
        change(&mut names);
        self.names.push(names);
    }

    fn file(&mut self, fd: u32) -> Option<&mut File> {
        let index = *self.open_files.get(&fd)?;
        self.files.get_mut(index)
    }

    fn open(&mut self, fd: u32, path: &Path, makes: bool) {
        if !path.starts_with(&self.root) {
            return;
        }
        if makes && !self.current().contains_key(path) {
            self.files.push(File::default());
            let node = Node::File(self.files.len() - 1);
            self.rename(|names| {
                names.insert(path.to_owned(), node);
            });
        }
        if let Some(Node::File(index)) = self.current().get(path).copied() {
            self.open_files.insert(fd, index);
        }
        self.open.insert(fd, path.to_owned());
    }

    fn write(&mut self, fd: u32, offset: Option<usize>, bytes: &[u8]) {
        // The goods are handed over: that is no matter of a disk.
        let is_delivery = self
            .open
            .get(&fd)
            .is_some_and(|path| path.ends_with("delivered.log"));
        if let Some(file) = self.file(fd) {
            let offset = offset.unwrap_or(file.length);
            file.changes.push(Change::Write(offset, bytes.to_vec()));
            file.length = file.length.max(offset + bytes.len());
            if is_delivery {
                file.sync();
            }
        }
        if is_delivery {
            self.names = vec![self.current().clone()];
        }
    }

    fn sync(&mut self, fd: u32) {
        if self.open.get(&fd) == Some(&self.root) {
            self.names = vec![self.current().clone()];
        } else if let Some(file) = self.file(fd) {
            file.sync();
        }
    }

    /// Writes what is left after a power cut now into an empty folder.
    pub fn cut(&self, unsynced: Unsynced, to: &Path) -> Result<(), String> {
        let mut rng = match unsynced {
            Unsynced::Torn(seed) => Some(Rng::new(seed, 0)),
            _ => None,
        };
        let kept = match (unsynced, &mut rng) {
            (Unsynced::Lost, _) => 0,
            (_, Some(rng)) => rng.below(self.names.len()),
            _ => self.names.len() - 1,
        };
        for (path, node) in &self.names[kept] {
            let name = path.strip_prefix(&self.root).expect("below the root");
            let to = to.join(name);
            let result = match node {
                Node::Folder => fs::create_dir_all(&to),
                Node::File(index) => {
                    if let Some(folder) = to.parent() {
                        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
                    }
                    fs::write(&to, self.files[*index].after_cut(unsynced, rng.as_mut()))
                }
            };
            result.map_err(|error| format!("{}: {error}", to.display()))?;
        }
        Ok(())
    }
}

impl File {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.changes) {
            change.apply(&mut self.synced, |_| true);
        }
    }

    fn after_cut(&self, unsynced: Unsynced, mut rng: Option<&mut Rng>) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        if unsynced != Unsynced::Lost {
            for change in &self.changes {
                change.apply(&mut bytes, |_| match rng.as_deref_mut() {
                    Some(rng) => rng.below(2) == 0,
                    None => true,
                });
            }
        }
        bytes
    }
}

impl Change {
    /// Changes the file. `is_kept` is asked about each sector.
    fn apply(&self, file: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        match self {
            Self::Truncate(length) => {
                if is_kept(0) {
                    file.resize(*length, 0);
                }
            }
            Self::Write(offset, bytes) => {
                let mut done = 0;
                while done < bytes.len() {
                    let at = offset + done;
                    let length = (SECTOR - at % SECTOR).min(bytes.len() - done);
                    if is_kept(at / SECTOR) {
                        file.resize(file.len().max(at + length), 0);
                        file[at..at + length].copy_from_slice(&bytes[done..done + length]);
                    }
                    done += length;
                }
            }
        }
    }
}

/// The events of a trace with whole strings in hexadecimal. Failed calls have no effect.
pub fn events(calls: &[SystemCall]) -> Vec<Event> {
    calls.iter().filter_map(event).collect()
}

fn event(call: &SystemCall) -> Option<Event> {
    let (arguments, result) = call.text.rsplit_once(") = ")?;
    if result.starts_with('-') {
        return None;
    }
    let (name, arguments) = arguments.split_once('(')?;
    // In hexadecimal, no string has a comma in it.
    let arguments: Vec<&str> = arguments.split(", ").collect();
    let argument = |index: usize| arguments.get(index).copied().unwrap_or_default();
    let path = |index: usize| {
        PathBuf::from(String::from_utf8_lossy(&decode(argument(index))).into_owned())
    };
    let number = |index: usize| argument(index).parse::<usize>().ok();
    let fd = || descriptor(argument(0));
    Some(match name {
        "openat" => Event::Open {
            fd: descriptor(result)?,
            path: path(1),
            makes: argument(2).contains("O_CREAT"),
        },
        "close" => Event::Close(fd()?),
        "write" if fd()? == 1 => Event::Heard,
        "write" => Event::Write {
            fd: fd()?,
            offset: None,
            bytes: decode(argument(1)),
        },
        "pwrite64" => Event::Write {
            fd: fd()?,
            offset: Some(number(3)?),
            bytes: decode(argument(1)),
        },
        "ftruncate" => Event::Truncate {
            fd: fd()?,
            length: number(1)?,
        },
        "fsync" | "fdatasync" => Event::Sync(fd()?),
        "linkat" => Event::Link(path(1), path(3)),
        "rename" => Event::Rename(path(0), path(1)),
        "unlink" => Event::Remove(path(0)),
        "mkdir" => Event::MakeFolder(path(0)),
        "sendto" => Event::Sent,
        _ => return None,
    })
}

/// `4<…>`, or `4`.
fn descriptor(text: &str) -> Option<u32> {
    text.split(['<', ' ']).next()?.parse().ok()
}

/// `"\x41\x42"`.
fn decode(text: &str) -> Vec<u8> {
    let text = text.trim_matches('"');
    let pairs = text.split("\\x").skip(1);
    pairs
        .filter_map(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strace::Point;

    fn call(text: &str) -> SystemCall {
        SystemCall {
            point: Point {
                name: text.split('(').next().unwrap_or_default().to_owned(),
                occurrence: 1,
            },
            text: text.to_owned(),
        }
    }

    fn opened(path: &Path) -> Event {
        Event::Open {
            fd: 3,
            path: path.to_owned(),
            makes: true,
        }
    }

    fn written(byte: u8) -> Event {
        Event::Write {
            fd: 3,
            offset: Some(0),
            bytes: vec![byte; 1024],
        }
    }

    fn left(disk: &Disk, unsynced: Unsynced) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        disk.cut(unsynced, folder.path()).unwrap();
        fs::read(folder.path().join("file")).ok()
    }

    #[test]
    fn a_trace_is_understood() {
        let calls = [
            call(r#"openat(AT_FDCWD<\x2f>, "\x2f\x61", O_RDWR|O_CREAT, 0600) = 3<\x2f\x61>"#),
            call(r#"pwrite64(3<\x2f\x61>, "\x41\x42", 2, 512) = 2"#),
            call(r"fsync(3<\x2f\x61>) = 0"),
            call(r#"unlink("\x2f\x61") = -1 ENOENT (No such file or directory)"#),
        ];
        let expected = [
            Event::Open {
                fd: 3,
                path: PathBuf::from("/a"),
                makes: true,
            },
            Event::Write {
                fd: 3,
                offset: Some(512),
                bytes: b"AB".to_vec(),
            },
            Event::Sync(3),
        ];
        assert_eq!(events(&calls), expected);
    }

    #[test]
    fn what_was_not_synced_may_be_lost_kept_or_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [0; 1024]).unwrap();
        let mut disk = Disk::load(folder.path(), false).unwrap();
        disk.apply(&opened(&path));
        disk.apply(&written(1));
        assert_eq!(left(&disk, Unsynced::Lost).unwrap(), [0; 1024]);
        assert_eq!(left(&disk, Unsynced::Kept).unwrap(), [1; 1024]);
        let is_torn = |seed| {
            let bytes = left(&disk, Unsynced::Torn(seed)).unwrap();
            bytes[0] != bytes[512]
        };
        assert!((0..20).any(is_torn));
        disk.apply(&Event::Sync(3));
        assert_eq!(left(&disk, Unsynced::Lost).unwrap(), [1; 1024]);
    }

    #[test]
    fn a_new_name_is_lost_unless_its_folder_was_synced() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::load(folder.path(), false).unwrap();
        disk.apply(&opened(&folder.path().join("file")));
        disk.apply(&written(1));
        disk.apply(&Event::Sync(3));
        assert_eq!(left(&disk, Unsynced::Lost), None);
        disk.apply(&Event::Open {
            fd: 4,
            path: folder.path().to_owned(),
            makes: false,
        });
        disk.apply(&Event::Sync(4));
        assert_eq!(left(&disk, Unsynced::Lost).unwrap(), [1; 1024]);
    }
}
