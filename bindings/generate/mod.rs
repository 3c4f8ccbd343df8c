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
    let begin = format!("written by make header: {}\n", table.name);
    let end = format!("end of {}\n", table.name);
    let Some((before, rest)) = text.split_once(&begin) else {
        panic!("there is no line with {begin:?}");
    };
    let Some((region, after)) = rest.split_once(&end) else {
        panic!("there is no line with {end:?} after {begin:?}");
    };
    // The last line of the region is the beginning of the marker's.
    let indent = region.rsplit('\n').next().unwrap_or_default();
    [before, &begin, lines, indent, &end, after].concat()
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
