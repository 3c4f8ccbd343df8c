//! The shared library, which programs in C, C++, PHP and Python load. This program does not use it: it
//! contains the same code.

// The functions of a file are called. src/ffi of the library is their other end.
#![allow(unsafe_code)]

use flexpay::ffi::version::FLEXPAY_ABI_VERSION;
use libloading::Library;
use std::ffi::{CStr, OsString, c_char};
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::texts::{is_french, say};

const NAME: &str = "library";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const FILE_NAME: &str = if cfg!(windows) {
    "flexpay.dll"
} else if cfg!(target_os = "macos") {
    "libflexpay.dylib"
} else {
    "libflexpay.so"
};

/// Loads the file in FLEXPAY_LIBRARY, or else the one that was installed with this program. `None` if there
/// is neither.
///
/// `damaged`: if this program is in a package, the files there that are not as they were released. Such a
/// library could crash this program.
pub fn examine(damaged: Option<&[PathBuf]>) -> Option<Finding> {
    let chosen = std::env::var_os("FLEXPAY_LIBRARY").filter(|chosen| !chosen.is_empty());
    let path = path(chosen)?;
    if damaged.is_some_and(|damaged| damaged.contains(&path)) {
        let not_loaded = say(
            "not examined: it is not the file that was released",
            "non examinée : ce n'est pas le fichier qui a été publié",
        );
        return Some(Finding::skipped(
            NAME,
            format!("{} {not_loaded}", path.display()),
        ));
    }
    Some(examine_file(&path, damaged.is_some()))
}

fn path(chosen: Option<OsString>) -> Option<PathBuf> {
    if let Some(chosen) = chosen {
        // The dynamic linker would search its own folders for a name without a folder.
        return std::path::absolute(chosen).ok();
    }
    let program = std::env::current_exe().ok()?;
    installed_with(program.parent()?)
}

/// In the folder of the program (the PHP package, Windows), or in `lib` beside its `bin` (`make install`).
fn installed_with(folder: &Path) -> Option<PathBuf> {
    let beside = folder.join(FILE_NAME);
    let in_lib = folder.with_file_name("lib").join(FILE_NAME);
    [beside, in_lib].into_iter().find(|file| file.is_file())
}

/// In a package, the library must have this program's version: both have the package's.
fn examine_file(path: &Path, is_in_package: bool) -> Finding {
    let shown = path.display();
    let advice = say(
        "Set FLEXPAY_LIBRARY to the full path of the library that `make build` creates (build/lib), or leave \
         it unset to use the one that was installed with your package",
        "Mettez dans FLEXPAY_LIBRARY le chemin complet de la bibliothèque que `make build` produit \
         (build/lib), ou ne la définissez pas : celle de votre paquet est alors utilisée",
    );
    match versions(path) {
        Ok((version, FLEXPAY_ABI_VERSION)) if is_in_package && version != VERSION => Finding::bad(
            NAME,
            if is_french() {
                format!(
                    "{shown} est de la version {version}, le paquet de la version {VERSION}. {advice}"
                )
            } else {
                format!(
                    "{shown} is of version {version}, the package of version {VERSION}. {advice}"
                )
            },
        ),
        Ok((version, FLEXPAY_ABI_VERSION)) => Finding::good(
            NAME,
            format!("{shown}, version {version}, ABI {FLEXPAY_ABI_VERSION}"),
        ),
        Ok((version, abi)) => Finding::bad(
            NAME,
            if is_french() {
                format!(
                    "{shown}, version {version}, a l'ABI {abi}, et non {FLEXPAY_ABI_VERSION}. {advice}"
                )
            } else {
                format!(
                    "{shown}, version {version}, has ABI {abi}, not {FLEXPAY_ABI_VERSION}. {advice}"
                )
            },
        ),
        Err(error) => {
            // The dynamic linker's message; the error itself only names the function that failed.
            let reason = match std::error::Error::source(&error) {
                Some(source) => source.to_string(),
                None => error.to_string(),
            };
            let cannot = say("cannot be loaded", "ne peut pas être chargée");
            Finding::bad(NAME, format!("{shown} {cannot}: {reason}. {advice}"))
        }
    }
}

/// The version and the ABI version of a library.
fn versions(path: &Path) -> Result<(String, i32), libloading::Error> {
    // SAFETY: the file's initialization runs, as it does in the program that uses this file.
    let library = unsafe { Library::new(path) }?;
    // SAFETY: the types of these functions are the same in every version of flexpay.h.
    let (abi_version, version) = unsafe {
        (
            library.get::<extern "C" fn() -> i32>(b"flexpay_abi_version")?,
            library.get::<extern "C" fn() -> *const c_char>(b"flexpay_version")?,
        )
    };
    // SAFETY: it returns a string that is valid as long as the library is loaded.
    let text = unsafe { CStr::from_ptr(version()) };
    let versions = (text.to_string_lossy().into_owned(), abi_version());
    // It stays loaded: code of it may run when a thread ends or the process forks.
    std::mem::forget(library);
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_library_is_bad() {
        for (file, says) in [
            ("/nowhere/libflexpay.so", "/nowhere/libflexpay.so"),
            (
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
                "cannot be loaded",
            ),
        ] {
            let finding = examine_file(Path::new(file), false);
            assert_eq!(finding.ok, Some(false));
            assert!(finding.detail.contains(says), "{}", finding.detail);
            assert!(finding.detail.contains("FLEXPAY_LIBRARY"));
            assert!(!finding.detail.contains("dlopen failed"), "the reason");
        }
    }

    #[test]
    fn the_library_is_found_beside_the_program_or_in_lib() {
        let prefix = tempfile::tempdir().unwrap();
        let (bin, lib) = (prefix.path().join("bin"), prefix.path().join("lib"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::create_dir(&lib).unwrap();
        assert_eq!(installed_with(&bin), None);
        std::fs::write(lib.join(FILE_NAME), "").unwrap();
        assert_eq!(installed_with(&bin), Some(lib.join(FILE_NAME)));
        std::fs::write(bin.join(FILE_NAME), "").unwrap();
        assert_eq!(installed_with(&bin), Some(bin.join(FILE_NAME)));
    }

    #[test]
    fn a_chosen_path_becomes_absolute() {
        let path = path(Some("libflexpay.so".into())).unwrap();
        assert!(path.is_absolute(), "{path:?}");
    }
}
