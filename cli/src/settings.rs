//! The client, from the environment or a file.

use flexpay::{Client, Config};
use std::path::Path;

use crate::arguments::Common;
use crate::call::Failure;

/// Creates the client of a command.
pub fn client(common: &Common) -> Result<Client, Failure> {
    refuse_token(common)?;
    read_env_file(common.env_file.as_deref())?;
    Ok(Client::from_env()?)
}

/// The settings, for the doctor.
pub fn config(common: &Common) -> Result<Config, Failure> {
    refuse_token(common)?;
    read_env_file(common.env_file.as_deref())?;
    Ok(Config::from_env()?)
}

/// Sets the variables of a file in the environment of this process.
pub fn read_env_file(file: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = file else {
        return Ok(());
    };
    dotenvy::from_path_override(file).map_err(|error| {
        // The error of a line contains that line, which may be the token.
        let problem = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => "has a line that is not NAME=value".to_owned(),
        };
        Failure::invalid(
            "env_file",
            format!("{:?} {problem}", file.display().to_string()),
        )
    })
}

fn refuse_token(common: &Common) -> Result<(), Failure> {
    match common.token {
        None => Ok(()),
        Some(_) => Err(Failure::invalid(
            "token",
            "must not be on the command line, where every user of this machine can read it: set \
             FLEXPAY_TOKEN in the environment, or write it into a file for --env-file",
        )),
    }
}
