//! Reads docs/bridge.md.

use std::path::Path;

/// What happens in a session of the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A line that the reader's program writes.
    Request(String),
    /// The bridge's reply to it.
    Reply(String),
    /// `<!-- test: … -->` before a block: what the test does, and the prose describes.
    Event(String),
}

pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The steps of the blocks ```` ```text ````. A line that is indented continues the line before it.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        let event = line
            .strip_prefix("<!-- test: ")
            .and_then(|line| line.strip_suffix(" -->"));
        if line.starts_with("```") {
            is_inside = line == "```text";
        } else if let Some(event) = event {
            steps.push(Step::Event(event.to_owned()));
        } else if !is_inside {
        } else if let Some(request) = line.strip_prefix("> ") {
            steps.push(Step::Request(request.to_owned()));
        } else if let Some(reply) = line.strip_prefix("< ") {
            steps.push(Step::Reply(reply.to_owned()));
        } else {
            match steps.last_mut() {
                Some(Step::Request(text) | Step::Reply(text)) => text.push_str(line.trim_start()),
                _ => panic!("this line belongs to no request and no reply: {line}"),
            }
        }
    }
    steps
}

/// The rows of the table whose first title is this one. Each row is a list of cells.
pub fn table(page: &str, title: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = page
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {title} |")))
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").map(str::to_owned).collect())
        .collect();
    assert!(!rows.is_empty(), "there is no table {title:?}");
    rows
}

/// The names in a cell that are in code type, without what is in round brackets. Each with whether it is
/// also in bold type.
pub fn names(cell: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let mut depth = 0_isize;
    let mut parts = cell.split('`');
    while let Some(prose) = parts.next() {
        for c in prose.chars() {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
        }
        let Some(name) = parts.next() else { break };
        if depth == 0 {
            names.push((name.to_owned(), prose.ends_with("**")));
        }
    }
    names
}
