//! The committed header is the one the source gives, and says what the library has.

use std::collections::BTreeSet;

const COMMITTED: &str = include_str!("../include/flexpay.h");

/// Each generated file: as committed, and as the build wrote it.
macro_rules! generated {
    ($folder:literal, $name:literal) => {
        (
            concat!($folder, "/", $name),
            include_str!(concat!("../", $folder, "/", $name)),
            include_str!(concat!(env!("OUT_DIR"), "/", $name)),
        )
    };
}

#[test]
fn the_generated_files_are_up_to_date() {
    for (path, committed, generated) in [
        generated!("include", "flexpay.h"),
        generated!("include", "flexpay.hpp"),
        generated!("bindings/php", "flexpay.ffi.h"),
        generated!("bindings/php/src/Internal", "Abi.php"),
        generated!("bindings/php/src/Exception", "FlexPayException.php"),
        generated!("bindings/php/src", "Transaction.php"),
        generated!("bindings/python/flexpay", "_abi.py"),
        generated!("bindings/python/flexpay", "_codes.py"),
        generated!("bindings/python/flexpay", "_enums.py"),
    ] {
        assert!(
            committed == generated,
            "{path} is not what the source gives; write it again with: make header"
        );
    }
}

#[test]
fn the_plain_header_declares_the_same() {
    let plain = include_str!("../bindings/php/flexpay.ffi.h");
    // What is left of the full one without comments, macros and what is for C++.
    let mut inside_cpp = false;
    let mut left = String::new();
    for line in COMMITTED.lines() {
        match line {
            "#ifdef __cplusplus" => inside_cpp = true,
            _ if line.starts_with("#else") || line.starts_with("#endif") => inside_cpp = false,
            _ if inside_cpp || line.starts_with('#') => {}
            _ => {
                let code = line.split("//").next().unwrap_or("");
                left.extend(code.split_whitespace().flat_map(|word| [word, " "]));
            }
        }
    }
    let left = left.split("*/").last().unwrap_or("");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(left), words(plain));
}

#[test]
fn the_version_macros_are_right() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(COMMITTED.contains(&format!("#define FLEXPAY_VERSION \"{version}\"")));
    for (part, value) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        assert!(COMMITTED.contains(&format!("#define FLEXPAY_VERSION_{part} {value}\n")));
    }
}

/// Names of functions that the header declares: those at the start of a declaration.
fn declared() -> BTreeSet<String> {
    let names = COMMITTED.lines().filter(|line| !line.starts_with("//"));
    names
        .filter_map(|line| {
            let (before, _) = line.split_once('(')?;
            let name = before.rsplit([' ', '*']).next()?;
            name.starts_with("flexpay_").then(|| name.to_owned())
        })
        .filter(|name| !name.starts_with("flexpay_init"))
        .collect()
}

#[test]
fn the_header_declares_what_the_source_exports() {
    let mut exported = BTreeSet::new();
    for file in std::fs::read_dir("src/ffi").expect("the folder is there") {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for (at, _) in text.match_indices("#[unsafe(no_mangle)]") {
            let after = &text[at..];
            let name = after
                .split("fn ")
                .nth(1)
                .and_then(|tail| tail.split('(').next());
            exported.insert(name.expect("a function").to_owned());
        }
    }
    assert!(exported.len() >= 20);
    assert_eq!(declared(), exported);
}
