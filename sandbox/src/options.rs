//! The options a sandbox is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::balance::{self, Balance};
use crate::certificate::Certificate;
use crate::quirks::Quirks;

/// The merchant a sandbox accepts by default.
pub const DEFAULT_MERCHANT: &str = "ZANDO";

/// The token of [`DEFAULT_MERCHANT`]: a JWT shaped like the live gateway's, with `exp` in the year
/// 2100. It is valid only in a sandbox.
pub const DEFAULT_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJpc3MiOiIvbG9naW4iLCJyb2xlcyI6WyJNRVJDSEFOVCJdLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6IlpBTkRPIn0.\
    c2FuZGJveC1vbmx5LXNpZ25hdHVyZS1uby12YWx1ZSE";

/// How a sandbox is set up. `Options::default()` suits tests: loopback, ports chosen by the system,
/// files in a temporary directory.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address for plain HTTP. With port 0 the system chooses a port.
    pub http: SocketAddr,
    /// The address for HTTPS. With port 0 the system chooses a port.
    pub https: SocketAddr,
    /// The certificate of the HTTPS listener.
    pub certificate: Certificate,
    /// The directory for `ca.pem`. `None`: a temporary directory, removed when the sandbox stops.
    pub directory: Option<PathBuf>,
    /// The only merchant the gateway accepts.
    pub merchant: String,
    /// That merchant's token, without the word `Bearer`.
    pub token: String,
    /// The base of the checkout URLs, without a trailing slash. `None`: the scheme, host and port
    /// that the payment request was sent to.
    pub public_url: Option<String>,
    /// Additional values accepted in `Host`: names and IP addresses without a port. The host of
    /// `public_url` is always accepted.
    pub allow_hosts: Vec<String>,
    /// What the merchant has at first.
    pub balance: Balance,
    /// Whether a decision posts the callback automatically.
    pub deliver_callbacks: bool,
    /// The quirks of the live gateway to imitate.
    pub quirks: Quirks,
    /// The directory with `pay.json`, `mobile.json`, `payout.json` and `check.json`, served under
    /// `/vectors/`.
    pub vectors_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
            https: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: Certificate::Valid,
            directory: None,
            merchant: DEFAULT_MERCHANT.to_owned(),
            token: DEFAULT_TOKEN.to_owned(),
            public_url: None,
            allow_hosts: Vec::new(),
            balance: balance::MERCHANT,
            deliver_callbacks: true,
            quirks: Quirks::default(),
            vectors_dir: None,
        }
    }
}
