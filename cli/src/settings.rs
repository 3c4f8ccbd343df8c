//! The settings: environment variables, and those of a file.

use flexpay::{Client, Config};
use std::collections::HashMap;
use std::env::VarError;
use std::path::Path;
use zeroize::Zeroizing;

use crate::arguments::{Common, JournalOptions};
use crate::call::Failure;

/// Creates the client of a command.
pub fn client(common: &Common) -> Result<Client, Failure> {
    Ok(Client::new(config(common)?)?)
}

/// Creates the client of a command that needs the journal.
pub fn client_with_journal(options: &JournalOptions) -> Result<Client, Failure> {
    let mut config = config(&options.common)?;
    if options.journal.is_some() {
        config.journal.clone_from(&options.journal);
    }
    Ok(Client::new(config)?)
}

pub fn config(common: &Common) -> Result<Config, Failure> {
    config_from(common.env_file.as_deref())
}

/// The settings of the environment. Those of the file replace them.
pub fn config_from(file: Option<&Path>) -> Result<Config, Failure> {
    let of_file = of_file(file)?;
    Ok(Config::from_variables(|name| variable(&of_file, name))?)
}

/// The path of the journal, which is not empty. The other settings are not needed.
pub fn journal_path(file: Option<&Path>) -> Result<Option<String>, Failure> {
    const NAME: &str = "FLEXPAY_JOURNAL";
    let value =
        variable(&of_file(file)?, NAME).map_err(|problem| Failure::invalid(NAME, problem))?;
    let path = value.map(|value| value.trim().to_owned());
    Ok(path.filter(|path| !path.is_empty()))
}

fn of_file(file: Option<&Path>) -> Result<Variables, Failure> {
    file.map_or_else(|| Ok(Variables::new()), read_file)
}

/// Of the file, or else of the environment.
fn variable(of_file: &Variables, name: &str) -> Result<Option<String>, &'static str> {
    match of_file.get(name) {
        Some(value) => Ok(Some(value.to_string())),
        None => match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err("is not UTF-8"),
        },
    }
}

type Variables = HashMap<String, Zeroizing<String>>;

fn read_file(file: &Path) -> Result<Variables, Failure> {
    let failure = |problem: String| {
        Failure::invalid(
            "env_file",
            format!("{:?} {problem}", file.display().to_string()),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| failure(error.to_string()))?;
    // The error does not quote the line: it may be the token.
    variables(&Zeroizing::new(text))
        .map_err(|line| failure(format!("line {line} is not NAME=value")))
}

/// Reads lines such as `export FLEXPAY_MERCHANT='ZANDO'`. Quotes around a value are removed; nothing in it
/// is replaced. The error is the number of a line.
fn variables(text: &str) -> Result<Variables, usize> {
    let mut variables = Variables::new();
    // Notepad begins a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(index + 1);
        };
        let value = unquoted(value.trim());
        variables.insert(name.trim().to_owned(), Zeroizing::new(value.to_owned()));
    }
    Ok(variables)
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is_written() {
        let text = "\
            # Boutique Zando\n\
            \n\
            FLEXPAY_MERCHANT=AB$CD\n\
            export FLEXPAY_TOKEN=Bearer eyJ.a=b\r\n\
            FLEXPAY_PROXY='http://a:\"x\"@b:1'\n\
            FLEXPAY_APP_NAME = \"Zando 2\"\n\
            FLEXPAY_CALLBACK_SECRET='\n";
        let read = variables(text).expect("good lines");
        for (name, value) in [
            ("FLEXPAY_MERCHANT", "AB$CD"),
            ("FLEXPAY_TOKEN", "Bearer eyJ.a=b"),
            ("FLEXPAY_PROXY", "http://a:\"x\"@b:1"),
            ("FLEXPAY_APP_NAME", "Zando 2"),
            ("FLEXPAY_CALLBACK_SECRET", "'"),
        ] {
            assert_eq!(read[name].as_str(), value);
        }
        assert_eq!(variables("A=1\n\nnonsense\n"), Err(3));
        let of_notepad = variables("\u{feff}FLEXPAY_MERCHANT=ZANDO\r\n").expect("good lines");
        assert_eq!(of_notepad["FLEXPAY_MERCHANT"].as_str(), "ZANDO");
    }
}
