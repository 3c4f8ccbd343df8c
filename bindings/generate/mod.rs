//! Generates the parts of the bindings that repeat the Rust source or the C header. A module of build.rs.
//!
//! `tables` reads the numbered enums of the crate, and `header` parses the header that cbindgen generated.
//! `php`, `python` and `cpp` write the parts of each language.

pub mod cpp;
pub mod header;
pub mod php;
pub mod python;
pub mod tables;

use tables::Table;

/// Replaces the lines between `… written by make header: NAME` and `… end of NAME`.
fn replace_region(text: &str, table: &Table, lines: &str) -> String {
    let name = &table.name;
    let find = |marker: String| {
        let at = text.find(&marker);
        at.unwrap_or_else(|| panic!("there is no line with {marker:?}"))
    };
    let begin = find(format!("written by make header: {name}\n"));
    let begin = begin + text[begin..].find('\n').expect("the marker ends so") + 1;
    let end = find(format!("end of {name}\n"));
    let end = text[..end]
        .rfind('\n')
        .expect("the marker has lines before it")
        + 1;
    [&text[..begin], lines, &text[end..]].concat()
}

/// A paragraph in lines of at most `width` characters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
