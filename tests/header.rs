//! The committed header is the generated one, and declares what the library exports.

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
            "{path} differs from what the source generates; update it with: make header"
        );
    }
}

#[test]
fn the_plain_header_declares_the_same_as_the_full_one() {
    let plain = include_str!("../bindings/php/flexpay.ffi.h");
    // The full header without comments, macros and C++ lines.
    let mut inside_cpp = false;
    let mut declarations = String::new();
    for line in COMMITTED.lines() {
        match line {
            "#ifdef __cplusplus" => inside_cpp = true,
            _ if line.starts_with("#else") || line.starts_with("#endif") => inside_cpp = false,
            _ if inside_cpp || line.starts_with('#') => {}
            _ => {
                let code = line.split("//").next().unwrap_or("");
                declarations.extend(code.split_whitespace().flat_map(|word| [word, " "]));
            }
        }
    }
    let declarations = declarations.split("*/").last().unwrap_or("");
    let normalized = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(normalized(declarations), normalized(plain));
}

#[test]
fn the_version_macros_match_the_crate_version() {
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

/// Names of the functions that the header declares.
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
    for file in std::fs::read_dir("src/ffi").expect("the folder exists") {
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
