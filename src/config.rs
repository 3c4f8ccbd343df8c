//! The settings of a client.

use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::address;
use crate::error::{Error, Result};
use crate::kind::Kind;

/// The gateway's hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Environment {
    /// cardpayment.flexpay.cd and backend.flexpay.cd.
    #[default]
    Live = 0,
    /// beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
    Test = 1,
}

/// The version of the payment service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Api {
    /// /v1/pay, as documented: a form. Its reply has no order number.
    #[default]
    V1 = 0,
    /// /v1.1/pay: JSON. Its reply has the order number, which a check and a wait need. The live
    /// gateway refuses a request if the callback, approve, cancel or decline URL is missing.
    V1_1 = 1,
}

/// A service of the gateway that moves money.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) kind: Kind,
    /// Completes "the gateway refused …".
    pub(crate) request: &'static str,
    pub(crate) url: &'a str,
    /// The setting that changes the address.
    pub(crate) url_setting: &'static str,
}

/// The settings of a [`Client`](crate::Client).
///
/// `Debug` leaves the token, the secrets and the proxy out.
#[derive(Clone, Default)]
pub struct Config {
    /// The merchant code.
    pub merchant: String,
    /// The token, with or without `Bearer `.
    pub token: Zeroizing<String>,
    /// The gateway's hosts.
    pub environment: Environment,
    /// The version of the payment service.
    pub api: Api,
    /// The payment service's full URL, instead of the environment's.
    pub pay_url: Option<String>,
    /// The check service's URL without the order number (`…/check`), instead of the
    /// environment's.
    pub check_url: Option<String>,
    /// The full URL of the service for payments by mobile money (`…/paymentService`), instead of
    /// the environment's.
    pub mobile_url: Option<String>,
    /// The full URL of the payout service (`…/merchantPayOutService`), instead of the
    /// environment's.
    pub payout_url: Option<String>,
    /// The time limit of a whole call, from the DNS lookup to the last byte. Zero: 30 seconds.
    pub timeout: Duration,
    /// The part of it for DNS lookup, connection, proxy and TLS handshake together. Zero: 10
    /// seconds.
    pub connect_timeout: Duration,
    /// A PEM file of certificates to trust instead of the built-in ones.
    pub ca_file: Option<String>,
    /// An HTTP proxy, `http://user:password@host:port`. The environment's proxy variables are not
    /// read.
    pub proxy: Option<String>,
    /// The merchant's software, for the User-Agent header: `BoutiqueZando/2.1`.
    pub app_name: Option<String>,
    /// Signs every callback URL with this secret (at least 16 characters). Then
    /// [`verify_callback`](crate::Client::verify_callback) refuses a callback that was not sent to
    /// a URL you gave, before it sends a request.
    pub callback_secret: Option<Zeroizing<String>>,
    /// The previous secret: URLs signed with it are still valid.
    pub callback_secret_previous: Option<Zeroizing<String>>,
    /// The path of the journal, which is made if there is none. Payments and payouts then go through it: see
    /// [`journal`](crate::journal). The folder must exist, on a disk of this machine.
    pub journal: Option<String>,
    // The flags of the C ABI, in the order of their bits: add new ones at the end.
    /// Allows plain http to other machines: the token is then sent unencrypted.
    pub allow_plain_http: bool,
    /// A check does not retry after a failure of the network or the gateway: for callers that retry
    /// themselves. Exception: if an idle connection was closed, or its reply may belong to another
    /// request, the request is sent once more, over a new connection.
    pub check_once: bool,
    /// Trusts the system's certificates instead of the built-in ones. It is for networks whose
    /// proxy or firewall has its own certificate authority. The certificates are read when the
    /// client is made, from SSL_CERT_FILE and SSL_CERT_DIR, or from the system's usual places.
    /// Cannot be used with ca_file.
    pub system_roots: bool,
    /// Gives the client its own connections and TLS sessions. Otherwise the clients of one process
    /// that use the same check service, proxy and certificates share them. A shared connection
    /// stays open when a client is freed, for the next client: until it was idle for 15 seconds.
    /// The token is never shared.
    pub private_connections: bool,
    /// Allows payouts. Without it, the client refuses to send money out, so that a shop that only
    /// sells cannot do so by mistake or after an attack.
    pub allow_payout: bool,
    /// Adds a trace to each payment, transaction and error: what the call did, step by step, as
    /// JSON text for your log. It is one object on one line, with call, correlation_id and steps;
    /// each step has ms, the time since the start in milliseconds, and step, its name. Of more than
    /// 1000 steps some are left out, and omitted is their number. Later versions may add steps and
    /// fields. It never contains the token, a body, or a header other than type and date. An
    /// argument that the C layer itself refuses (a NULL pointer, text that is not UTF-8) has no
    /// trace.
    pub trace: bool,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_APP_NAME: usize = 200;
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A variable may be set in a shell, but not for the program, such as a web server.
const NOT_SET: &str = "is not set in this program's environment: FlexPay provides it; the sandbox \
     writes it to its --env-file";

impl Config {
    /// Settings for a merchant, all others at their defaults.
    pub fn new(merchant: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            merchant: merchant.into(),
            token: Zeroizing::new(token.into()),
            ..Self::default()
        }
    }

    /// Settings from environment variables, which are the same for every language:
    /// `FLEXPAY_MERCHANT`, `FLEXPAY_TOKEN`, `FLEXPAY_ENVIRONMENT` (`live`, `test`), `FLEXPAY_API`
    /// (`v1`, `v1.1`), `FLEXPAY_PAY_URL`, `FLEXPAY_CHECK_URL`, `FLEXPAY_MOBILE_URL`,
    /// `FLEXPAY_PAYOUT_URL`, `FLEXPAY_TIMEOUT_MS`, `FLEXPAY_CONNECT_TIMEOUT_MS`, `FLEXPAY_CA_FILE`,
    /// `FLEXPAY_PROXY`, `FLEXPAY_APP_NAME`, `FLEXPAY_CALLBACK_SECRET`,
    /// `FLEXPAY_CALLBACK_SECRET_PREVIOUS`, `FLEXPAY_JOURNAL`, `FLEXPAY_ALLOW_PLAIN_HTTP`, `FLEXPAY_CHECK_ONCE`,
    /// `FLEXPAY_SYSTEM_ROOTS`, `FLEXPAY_PRIVATE_CONNECTIONS`, `FLEXPAY_ALLOW_PAYOUT`,
    /// `FLEXPAY_TRACE` (`0`, `1`). An empty variable counts as unset.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err("is not UTF-8"),
        })
    }

    /// The same from other variables, such as those of a file. `variable` returns the value of a name,
    /// or what is wrong with it.
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Result<Option<String>, &'static str>,
    ) -> Result<Self> {
        // The error names the variable, because the user has set that and not a field.
        let text = |name| match variable(name) {
            Ok(value) => Ok(value.map(trimmed).filter(|value| !value.is_empty())),
            Err(problem) => Err(Error::invalid(name, problem)),
        };
        let milliseconds = |name| match text(name)? {
            None => Ok(Duration::ZERO),
            Some(value) => match value.parse::<u32>() {
                Ok(value) => Ok(Duration::from_millis(value.into())),
                Err(_) => Err(Error::invalid(name, "is not a number of milliseconds")),
            },
        };
        let yes_or_no = |name| match text(name)?.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Error::invalid(name, "is neither 0 nor 1")),
        };
        Ok(Self {
            merchant: text("FLEXPAY_MERCHANT")?
                .ok_or_else(|| Error::invalid("FLEXPAY_MERCHANT", NOT_SET))?,
            token: text("FLEXPAY_TOKEN")?
                .map(Zeroizing::new)
                .ok_or_else(|| Error::invalid("FLEXPAY_TOKEN", NOT_SET))?,
            environment: match text("FLEXPAY_ENVIRONMENT")?.as_deref() {
                None | Some("live") => Environment::Live,
                Some("test") => Environment::Test,
                Some(_) => {
                    return Err(Error::invalid(
                        "FLEXPAY_ENVIRONMENT",
                        "is neither live nor test",
                    ));
                }
            },
            api: match text("FLEXPAY_API")?.as_deref() {
                None | Some("v1") => Api::V1,
                Some("v1.1") => Api::V1_1,
                Some(_) => return Err(Error::invalid("FLEXPAY_API", "is neither v1 nor v1.1")),
            },
            pay_url: text("FLEXPAY_PAY_URL")?,
            check_url: text("FLEXPAY_CHECK_URL")?,
            mobile_url: text("FLEXPAY_MOBILE_URL")?,
            payout_url: text("FLEXPAY_PAYOUT_URL")?,
            timeout: milliseconds("FLEXPAY_TIMEOUT_MS")?,
            connect_timeout: milliseconds("FLEXPAY_CONNECT_TIMEOUT_MS")?,
            ca_file: text("FLEXPAY_CA_FILE")?,
            proxy: text("FLEXPAY_PROXY")?,
            app_name: text("FLEXPAY_APP_NAME")?,
            callback_secret: text("FLEXPAY_CALLBACK_SECRET")?.map(Zeroizing::new),
            callback_secret_previous: text("FLEXPAY_CALLBACK_SECRET_PREVIOUS")?.map(Zeroizing::new),
            journal: text("FLEXPAY_JOURNAL")?,
            allow_plain_http: yes_or_no("FLEXPAY_ALLOW_PLAIN_HTTP")?,
            check_once: yes_or_no("FLEXPAY_CHECK_ONCE")?,
            system_roots: yes_or_no("FLEXPAY_SYSTEM_ROOTS")?,
            private_connections: yes_or_no("FLEXPAY_PRIVATE_CONNECTIONS")?,
            allow_payout: yes_or_no("FLEXPAY_ALLOW_PAYOUT")?,
            trace: yes_or_no("FLEXPAY_TRACE")?,
        })
    }

    /// Sets the defaults and validates all settings except the token.
    pub(crate) fn complete(mut self) -> Result<Self> {
        self.trim()?;
        if self.merchant.is_empty() {
            return Err(Error::invalid("merchant", "is missing"));
        }
        if self.merchant.contains(char::is_control) {
            return Err(Error::invalid("merchant", "contains a control character"));
        }
        if self.timeout.is_zero() {
            self.timeout = DEFAULT_TIMEOUT;
        }
        if self.connect_timeout.is_zero() {
            self.connect_timeout = DEFAULT_CONNECT_TIMEOUT;
        }
        if self.system_roots && self.ca_file.is_some() {
            return Err(Error::invalid(
                "system_roots",
                "is set together with ca_file: use only one of them",
            ));
        }
        if let Some(name) = &self.app_name {
            if !name.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
                return Err(Error::invalid("app_name", "is not plain ASCII text"));
            }
            if name.len() > LONGEST_APP_NAME {
                return Err(Error::invalid("app_name", "is longer than 200 bytes"));
            }
        }
        for (field, url) in [
            ("pay_url", self.pay_url()),
            ("check_url", self.check_url()),
            ("mobile_url", self.mobile_url()),
            ("payout_url", self.payout_url()),
        ] {
            // Behind a proxy, localhost is the proxy's machine.
            let this_machine = self.proxy.is_none();
            address::check_endpoint(url, this_machine, self.allow_plain_http)
                .map_err(|problem| Error::invalid(field, problem))?;
        }
        self.check_services_differ()?;
        if cfg!(not(feature = "journal")) && self.journal.is_some() {
            return Err(Error::invalid(
                "journal",
                "is set, but this library was built without the journal",
            ));
        }
        Ok(self)
    }

    /// Both services for mobile money accept the same fields. A client that took payments at the
    /// payout service would send money out.
    fn check_services_differ(&self) -> Result<()> {
        let is_payout = |url| is_service(url, "merchantPayOutService");
        let is_mobile = |url| is_service(url, "paymentService");
        let (mobile, payout) = (self.mobile_url(), self.payout_url());
        if is_payout(mobile) || is_same_address(mobile, payout) {
            return Err(Error::invalid(
                "mobile_url",
                "is the address of the payout service: payments would send money out",
            ));
        }
        if is_mobile(payout) {
            return Err(Error::invalid(
                "payout_url",
                "is the address of the service for payments by mobile money",
            ));
        }
        Ok(())
    }

    /// Removes whitespace and line endings around each text: copied settings and files often have
    /// them.
    fn trim(&mut self) -> Result<()> {
        self.merchant = self.merchant.trim().to_owned();
        for (field, setting) in [
            ("pay_url", &mut self.pay_url),
            ("check_url", &mut self.check_url),
            ("mobile_url", &mut self.mobile_url),
            ("payout_url", &mut self.payout_url),
            ("ca_file", &mut self.ca_file),
            ("proxy", &mut self.proxy),
            ("app_name", &mut self.app_name),
            ("journal", &mut self.journal),
        ] {
            if let Some(text) = setting {
                *text = text.trim().to_owned();
                if text.is_empty() {
                    return Err(Error::invalid(field, "is empty; leave it out instead"));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn pay_url(&self) -> &str {
        match (&self.pay_url, self.environment, self.api) {
            (Some(url), _, _) => url,
            (_, Environment::Live, Api::V1) => "https://cardpayment.flexpay.cd/v1/pay",
            (_, Environment::Live, Api::V1_1) => "https://cardpayment.flexpay.cd/v1.1/pay",
            (_, Environment::Test, Api::V1) => "https://beta-cardpayment.flexpay.cd/v1/pay",
            (_, Environment::Test, Api::V1_1) => "https://beta-cardpayment.flexpay.cd/v1.1/pay",
        }
    }

    pub(crate) fn check_url(&self) -> &str {
        match (&self.check_url, self.environment) {
            (Some(url), _) => url,
            (_, Environment::Live) => "https://backend.flexpay.cd/api/rest/v1/check",
            (_, Environment::Test) => "https://beta-backend.flexpay.cd/api/rest/v1/check",
        }
    }

    /// The service for payments of this kind.
    pub(crate) fn service(&self, kind: Kind) -> Service<'_> {
        let (request, url, url_setting) = match kind {
            Kind::Card => ("the payment request", self.pay_url(), "pay_url"),
            Kind::Mobile => ("the mobile payment", self.mobile_url(), "mobile_url"),
            Kind::Payout => ("the payout", self.payout_url(), "payout_url"),
        };
        Service {
            kind,
            request,
            url,
            url_setting,
        }
    }

    fn mobile_url(&self) -> &str {
        match (&self.mobile_url, self.environment) {
            (Some(url), _) => url,
            (_, Environment::Live) => "https://backend.flexpay.cd/api/rest/v1/paymentService",
            (_, Environment::Test) => "https://beta-backend.flexpay.cd/api/rest/v1/paymentService",
        }
    }

    fn payout_url(&self) -> &str {
        match (&self.payout_url, self.environment) {
            (Some(url), _) => url,
            (_, Environment::Live) => {
                "https://backend.flexpay.cd/api/rest/v1/merchantPayOutService"
            }
            (_, Environment::Test) => {
                "https://beta-backend.flexpay.cd/api/rest/v1/merchantPayOutService"
            }
        }
    }
}

/// Whether the path of an address ends with the name of a service.
fn is_service(url: &str, name: &str) -> bool {
    let last = url.trim_end_matches('/').rsplit('/').next();
    last.is_some_and(|last| last.eq_ignore_ascii_case(name))
}

fn is_same_address(one: &str, other: &str) -> bool {
    let trimmed = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
    trimmed(one) == trimmed(other)
}

/// A variable without the surrounding whitespace that copied values and files often have. Trims in
/// place: the value may be a secret, and a copy would stay in memory.
fn trimmed(mut value: String) -> String {
    value.truncate(value.trim_end().len());
    let start = value.len() - value.trim_start().len();
    value.drain(..start);
    value
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("merchant", &self.merchant)
            .field("environment", &self.environment)
            .field("api", &self.api)
            .field("pay_url", &self.pay_url)
            .field("check_url", &self.check_url)
            .field("mobile_url", &self.mobile_url)
            .field("payout_url", &self.payout_url)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("ca_file", &self.ca_file)
            .field("app_name", &self.app_name)
            .field("journal", &self.journal)
            .field("allow_plain_http", &self.allow_plain_http)
            .field("check_once", &self.check_once)
            .field("system_roots", &self.system_roots)
            .field("private_connections", &self.private_connections)
            .field("allow_payout", &self.allow_payout)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config> {
        Config::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    const REQUIRED: [(&str, &str); 2] =
        [("FLEXPAY_MERCHANT", "ZANDO"), ("FLEXPAY_TOKEN", "canary")];

    #[test]
    fn the_environment_sets_everything() {
        let config = from(&[
            REQUIRED[0],
            REQUIRED[1],
            ("FLEXPAY_ENVIRONMENT", "test"),
            ("FLEXPAY_API", "v1.1"),
            ("FLEXPAY_TIMEOUT_MS", "1500"),
            ("FLEXPAY_ALLOW_PLAIN_HTTP", "1"),
            ("FLEXPAY_ALLOW_PAYOUT", "1"),
            ("FLEXPAY_TRACE", "1"),
        ])
        .unwrap();
        assert_eq!(
            config.mobile_url(),
            "https://beta-backend.flexpay.cd/api/rest/v1/paymentService"
        );
        assert_eq!(
            config.payout_url(),
            "https://beta-backend.flexpay.cd/api/rest/v1/merchantPayOutService"
        );
        assert!(config.allow_payout && config.trace);
        assert_eq!(
            config.pay_url(),
            "https://beta-cardpayment.flexpay.cd/v1.1/pay"
        );
        assert_eq!(
            config.check_url(),
            "https://beta-backend.flexpay.cd/api/rest/v1/check"
        );
        assert_eq!(config.timeout, Duration::from_millis(1500));
        assert!(config.allow_plain_http);
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn whitespace_around_a_variable_is_removed() {
        for (given, trimmed_value) in [
            ("test\r", "test"),
            (" \t1500\n", "1500"),
            ("\u{a0}a b\u{3000}", "a b"),
            (" \r\n", ""),
            ("", ""),
        ] {
            assert_eq!(trimmed(given.to_owned()), trimmed_value);
        }
    }

    #[test]
    fn whitespace_around_a_setting_is_removed() {
        let config = Config {
            pay_url: Some(" https://pay.example/v1/pay\n".into()),
            app_name: Some("Boutique/2 \r\n".into()),
            ..Config::new("ZANDO\r", "canary")
        };
        let config = config.complete().unwrap();
        assert_eq!(config.merchant, "ZANDO");
        assert_eq!(config.pay_url(), "https://pay.example/v1/pay");
        assert_eq!(config.app_name.as_deref(), Some("Boutique/2"));
    }

    #[test]
    fn a_setting_of_whitespace_is_refused_and_named() {
        type Set = fn(&mut Config, Option<String>);
        let settings: [(&str, Set); 9] = [
            ("merchant", |config, text| config.merchant = text.unwrap()),
            ("pay_url", |config, text| config.pay_url = text),
            ("check_url", |config, text| config.check_url = text),
            ("mobile_url", |config, text| config.mobile_url = text),
            ("payout_url", |config, text| config.payout_url = text),
            ("ca_file", |config, text| config.ca_file = text),
            ("proxy", |config, text| config.proxy = text),
            ("app_name", |config, text| config.app_name = text),
            ("journal", |config, text| config.journal = text),
        ];
        for (field, set) in settings {
            for text in ["", " ", "\r\n", "\u{a0}"] {
                let mut config = Config::new("ZANDO", "canary");
                set(&mut config, Some(text.into()));
                let error = config.complete().unwrap_err();
                assert_eq!(error.field(), Some(field), "{text:?}");
            }
        }
    }

    /// Without it, payments would go out and not be recorded.
    #[test]
    #[cfg(not(feature = "journal"))]
    fn a_library_without_the_journal_refuses_the_setting() {
        let config = Config {
            journal: Some("/var/lib/till/flexpay.db".to_owned()),
            ..Config::new("ZANDO", "canary")
        };
        assert_eq!(config.complete().unwrap_err().field(), Some("journal"));
    }

    #[test]
    fn a_client_takes_no_payments_at_the_payout_service() {
        let payout = "https://gw.example/api/rest/v1/merchantPayOutService";
        let mobile = "https://gw.example/api/rest/v1/paymentService";
        let own = "https://gw.example/own";
        for (mobile_url, payout_url, wrong) in [
            (Some(payout), None, Some("mobile_url")),
            (Some(payout), Some(payout), Some("mobile_url")),
            (
                Some("https://gw.example/MERCHANTPAYOUTSERVICE/"),
                None,
                Some("mobile_url"),
            ),
            (Some(own), Some(own), Some("mobile_url")),
            (
                Some("https://GW.example/own/"),
                Some(own),
                Some("mobile_url"),
            ),
            (None, Some(mobile), Some("payout_url")),
            (Some(mobile), Some(payout), None),
            (Some(own), Some(payout), None),
            (None, None, None),
        ] {
            let config = Config {
                mobile_url: mobile_url.map(str::to_owned),
                payout_url: payout_url.map(str::to_owned),
                ..Config::new("ZANDO", "canary")
            };
            let error = config.complete().err();
            let field = error.as_ref().and_then(Error::field);
            assert_eq!(field, wrong, "{mobile_url:?} {payout_url:?}");
        }
    }

    #[test]
    fn an_app_name_is_short_plain_text() {
        for (name, good) in [
            ("Boutique Zando/2.1".to_owned(), true),
            ("x".repeat(200), true),
            ("x".repeat(201), false),
            ("Boutique\u{e9}".to_owned(), false),
            ("Boutique\r\nX: 1".to_owned(), false),
            ("a\tb".to_owned(), false),
        ] {
            let mut config = Config::new("ZANDO", "canary");
            config.app_name = Some(name.clone());
            let error = config.complete().err();
            assert_eq!(error.is_none(), good, "{name}");
            assert!(error.is_none_or(|error| error.field() == Some("app_name")));
        }
    }

    #[test]
    fn the_error_names_a_wrong_variable_but_not_its_value() {
        for (name, value) in [
            ("FLEXPAY_ENVIRONMENT", "prod"),
            ("FLEXPAY_API", "v3"),
            ("FLEXPAY_TIMEOUT_MS", "2s"),
            ("FLEXPAY_ALLOW_PLAIN_HTTP", "yes"),
        ] {
            let error = from(&[REQUIRED[0], REQUIRED[1], (name, value)]).unwrap_err();
            assert_eq!(error.field(), Some(name));
        }
        assert_eq!(
            from(&[REQUIRED[0]]).unwrap_err().field(),
            Some("FLEXPAY_TOKEN")
        );
        assert_eq!(
            from(&[REQUIRED[1]]).unwrap_err().field(),
            Some("FLEXPAY_MERCHANT")
        );
    }
}
