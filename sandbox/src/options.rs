//! What a sandbox is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::certificate::Certificate;
use crate::quirks::Quirks;

/// The merchant a sandbox knows unless told otherwise.
pub const DEFAULT_MERCHANT: &str = "ZANDO";

/// The token of [`DEFAULT_MERCHANT`]: shaped like the gateway's own JWT, `exp` in the year 2100, worth
/// nothing anywhere else.
pub const DEFAULT_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJpc3MiOiIvbG9naW4iLCJyb2xlcyI6WyJNRVJDSEFOVCJdLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6IlpBTkRPIn0.\
    c2FuZGJveC1vbmx5LXNpZ25hdHVyZS1uby12YWx1ZSE";

/// How a sandbox is set up. `Options::default()` is what the tests want: loopback, ports chosen by
/// the system, files in a temporary directory.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where plain HTTP listens. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Where HTTPS listens. Port 0 lets the system choose.
    pub https: SocketAddr,
    /// The certificate shown on the HTTPS listener.
    pub certificate: Certificate,
    /// Where `ca.pem` is written. `None`: a temporary directory, removed when the sandbox stops.
    pub directory: Option<PathBuf>,
    /// The one merchant the gateway knows.
    pub merchant: String,
    /// That merchant's token, without the word `Bearer`.
    pub token: String,
    /// Base of the checkout addresses handed out, with no trailing slash. `None`: the scheme, host
    /// and port the payment request came in on.
    pub public_url: Option<String>,
    /// Names and addresses it answers to beside its own, each without a port. That of `public_url` is
    /// among them unasked.
    pub allow_hosts: Vec<String>,
    /// Whether a decision posts the callback by itself.
    pub deliver_callbacks: bool,
    /// How the gateway words its replies.
    pub quirks: Quirks,
    /// The directory of `pay.json` and `check.json`, served under `/vectors/`.
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
            deliver_callbacks: true,
            quirks: Quirks::default(),
            vectors_dir: None,
        }
    }
}
