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
        generated!("bindings/php/src", "Expected.php"),
        generated!("bindings/php/src", "Settlement.php"),
        generated!("bindings/php/src", "Client.php"),
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

/// The names and texts of the constants `FLEXPAY_{prefix}_{name}`, as the source has them.
fn texts(prefix: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut text = Vec::new();
    for line in include_str!(concat!(env!("OUT_DIR"), "/numbers.rs")).lines() {
        match line.strip_prefix("/// ") {
            Some(line) => text.push(line),
            None => {
                let constant = line.strip_prefix(&format!("pub const FLEXPAY_{prefix}_"));
                if let Some((name, _)) = constant.and_then(|constant| constant.split_once(':')) {
                    texts.push((name.to_owned(), text.join(" ")));
                }
                text.clear();
            }
        }
    }
    texts
}

/// The words of a text, without the stars of its comments.
fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| *word != "*");
    words.collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).expect(path)
}

/// What is between the first `begin` and the `end` after it.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).expect(begin);
    rest.split_once(end).expect(end).0
}

#[test]
fn the_exceptions_have_the_text_of_their_result_code() {
    let factory = read("bindings/php/src/Internal/ExceptionFactory.php");
    let python = read("bindings/python/flexpay/_errors.py");
    let texts = texts("ERROR");
    assert_eq!(texts.len(), 19);
    for (name, text) in texts {
        let class = between(
            &factory,
            &format!("Abi::ERROR_{name} => Exception\\"),
            "::class",
        );
        let class = read(&format!("bindings/php/src/Exception/{class}.php"));
        let documentation = words(between(&class, "/**", "*/"));
        assert!(documentation.starts_with(&text), "PHP: {documentation}");

        let class = python
            .split("\nclass ")
            .find(|class| class.contains(&format!("code = ResultCode.{name}\n")))
            .expect(&name);
        let documentation = words(between(class, "\"\"\"", "\"\"\""));
        assert!(documentation.starts_with(&text), "Python: {documentation}");
    }
}

#[test]
fn the_settings_have_the_first_sentence_of_their_flag() {
    let texts = texts("FLAG");
    assert_eq!(texts.len(), 6);
    let php = words(&read("bindings/php/src/Client.php"));
    let python = words(&read("bindings/python/flexpay/_client.py"));
    for (name, text) in texts {
        let first = &text[..=text.find('.').expect("it is a sentence")];
        let name = name.to_lowercase();
        assert!(
            php.contains(&format!("- {name} (bool): {first}")),
            "{first}"
        );
        assert!(python.contains(&format!(" {name}: {first}")), "{first}");
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
