//! The body of a callback, from a file or stdin.

use std::io::Read;
use std::path::Path;

use crate::call::Failure;

/// Reads a file, or stdin for `-`. A byte more than a callback may have is enough to refuse it.
pub fn read_body(file: &Path) -> Result<Vec<u8>, Failure> {
    let limit = flexpay::MAX_CALLBACK_BYTES as u64 + 1;
    let mut body = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut body)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut body))
    };
    match read {
        Ok(_) => Ok(body),
        Err(error) => Err(Failure::invalid(
            "file",
            format!("{:?}: {error}", file.display().to_string()),
        )),
    }
}
