//! The bridge: JSON requests on stdin, JSON replies on stdout, one per line. `docs/bridge.md` describes
//! the protocol.
//!
//! A request is carried out at most once, and only if its line is complete: a reader who sees the bridge
//! end knows that a line without a reply may have been sent, and a line that was never completed was not.

mod protocol;
mod session;
mod workers;

use std::io::{BufRead, Read, Write, stdin, stdout};
use zeroize::Zeroizing;

use self::protocol::{Line, MAX_LINE};
use self::session::Session;
use crate::arguments::{BridgeOptions, Format};
use crate::call::Failure;
use crate::{exit_status, output, settings};

/// Serves until stdin ends. Returns the exit status.
pub fn run(options: &BridgeOptions) -> u8 {
    if let Err(failure) = settings::read_env_file(options.env_file.as_deref()) {
        return output::print(Err(failure), "", &Format::Person);
    }
    let mut session = Session::new(stdout());
    let mut stdin = stdin().lock();
    loop {
        // The first line has the token.
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        let read = read_line(&mut stdin, &mut line);
        if session.is_broken() {
            // Nobody reads the replies: nothing more is carried out.
            break;
        }
        match read {
            Ok(Line::Complete) => session.accept(&line),
            Ok(Line::TooLong) => session.refuse(&Failure::invalid(
                "line",
                format!("is longer than {MAX_LINE} bytes"),
            )),
            // An incomplete line is not carried out: its writer must be able to say that it was not.
            Ok(Line::End) | Err(_) => break,
        }
    }
    // The replies to payment requests that were sent must still be written, if anybody reads them.
    session.end();
    exit_status::OK
}

/// Reads a line with its line ending. What is too long is skipped.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    let limit = MAX_LINE as u64 + 1;
    input.by_ref().take(limit).read_until(b'\n', line)?;
    if line.ends_with(b"\n") {
        return Ok(Line::Complete);
    }
    if (line.len() as u64) < limit {
        return Ok(Line::End);
    }
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok(Line::End);
        }
        match available.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                input.consume(at + 1);
                return Ok(Line::TooLong);
            }
            None => {
                let all = available.len();
                input.consume(all);
            }
        }
    }
}

/// Writes a line at once, so that the lines of several threads are never mixed.
fn write_line(output: &mut impl Write, mut line: String) -> std::io::Result<()> {
    line.push('\n');
    output.write_all(line.as_bytes())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn lines(input: &[u8]) -> Vec<(Line, usize)> {
        let mut input = Cursor::new(input);
        let mut found = Vec::new();
        loop {
            let mut line = Vec::new();
            let kind = read_line(&mut input, &mut line).expect("memory can be read");
            let ends = kind == Line::End;
            found.push((kind, line.len()));
            if ends {
                return found;
            }
        }
    }

    #[test]
    fn an_incomplete_line_is_the_end() {
        assert_eq!(
            lines(b"{}\n{\"id\":1"),
            [(Line::Complete, 3), (Line::End, 7)]
        );
        assert_eq!(lines(b""), [(Line::End, 0)]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let mut input = vec![b'x'; MAX_LINE + 10];
        input.extend_from_slice(b"\n{}\n");
        assert_eq!(
            lines(&input)
                .iter()
                .map(|(kind, _)| *kind)
                .collect::<Vec<_>>(),
            [Line::TooLong, Line::Complete, Line::End]
        );
    }
}
