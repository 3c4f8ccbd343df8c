//! The HTTP client of the callbacks, of the simulated customer and of the command line.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that takes every HTTP status for an answer, follows no redirection, uses no proxy, and
/// trusts the authorities of `ca_file` (`None`: those of the public web).
pub fn agent(ca_file: Option<&Path>) -> io::Result<Agent> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path)?;
        let certificates = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
    }
    Ok(Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("FlexPay-sandbox")
        .tls_config(tls.build())
        .build()
        .new_agent())
}
