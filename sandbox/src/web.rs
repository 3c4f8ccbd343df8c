//! The HTTP client for callbacks, the simulated customer and the command line.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The timeout of a whole request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that accepts every HTTP status, does not follow redirects, uses no proxy, and trusts the
/// CA certificates in `ca_file` (`None`: the public CAs).
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
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("FlexPay-sandbox")
        .tls_config(tls.build())
        .build()
        .new_agent())
}
