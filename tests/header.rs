//! The committed header is the one the source gives, and says what the library has.

use std::collections::BTreeSet;

const COMMITTED: &str = include_str!("../include/flexpay.h");

#[test]
fn the_committed_header_is_up_to_date() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/flexpay.h"));
    assert!(
        COMMITTED == generated,
        "include/flexpay.h is not what src/ffi gives; mend it with: make header"
    );
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
