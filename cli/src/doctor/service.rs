//! One service of the gateway: its name, its addresses, TLS, and what it replies.

use flexpay::{Client, Config, Error, ErrorCode, Kind};
use serde_json::Value;
use time::OffsetDateTime;

use super::finding::Finding;
use super::{api, clock, reply};
use crate::texts::say;

/// It cannot exist: the gateway's order numbers have only letters and digits.
const UNKNOWN_ORDER: &str = "flexpay-doctor";

pub struct Service {
    pub findings: Vec<Finding>,
    /// The date of the reply.
    pub date: Option<OffsetDateTime>,
    /// Whether the reply was a web page.
    is_page: bool,
}

impl Service {
    /// Examines the service for payments of this kind.
    pub fn of_kind(kind: Kind, config: &Config, client: &Client) -> Self {
        let (name, setting, path) = match kind {
            Kind::Card => ("card payments", "FLEXPAY_PAY_URL", api::path(config.api)),
            Kind::Mobile => ("mobile payments", "FLEXPAY_MOBILE_URL", "/paymentService"),
            _ => ("payouts", "FLEXPAY_PAYOUT_URL", "/merchantPayOutService"),
        };
        let probe = match client.probe(kind) {
            Ok(probe) => probe,
            Err(error) => return Self::failed(name, &error, config),
        };
        let mut service = Self::from_trace(name, probe.trace.as_deref(), config);
        let name = format!("{name}: service");
        let is_of_other_api = || match (kind, probe.http_status) {
            (Kind::Card, 400 | 415) => api::is_accepted_as_other(config),
            _ => false,
        };
        // If the path shows it, it has been said.
        if kind != Kind::Card || !api::has_path_of_other(config) {
            service.findings.push(if is_of_other_api() {
                api::is_of_other(config, name)
            } else {
                reply::to_empty_request(name, setting, path, probe.http_status, service.is_page)
            });
        }
        service
    }

    /// Examines the check service, and the token.
    pub fn check(config: &Config, client: &Client) -> Self {
        let name = "checks";
        let error = match client.check(UNKNOWN_ORDER) {
            Ok(transaction) => {
                let mut service = Self::from_trace(name, transaction.trace.as_deref(), config);
                service.findings.push(reply::token_accepted());
                return service;
            }
            Err(error) => error,
        };
        if error.http_status().is_none() {
            return Self::failed(name, &error, config);
        }
        let mut service = Self::from_trace(name, error.trace(), config);
        service.findings.push(reply::to_check(&error));
        service
    }

    fn failed(name: &str, error: &Error, config: &Config) -> Self {
        let mut service = Self::from_trace(name, error.trace(), config);
        let advice = match error.code() {
            ErrorCode::Resolve => say(
                "Check the host name, and whether this machine is online and has a DNS server",
                "Vérifiez le nom de l'hôte, la connexion de cette machine et son serveur DNS",
            ),
            ErrorCode::Proxy => say("Check FLEXPAY_PROXY", "Vérifiez FLEXPAY_PROXY"),
            ErrorCode::Reply => say(
                "Check the address: the server there does not reply with valid HTTP",
                "Vérifiez l'adresse : le serveur n'y répond pas en HTTP valable",
            ),
            ErrorCode::Tls => say(
                "Check this machine's clock. For a certificate authority of your own (the sandbox, a \
                 company's proxy) set FLEXPAY_CA_FILE, or FLEXPAY_SYSTEM_ROOTS=1",
                "Vérifiez l'horloge de cette machine. Pour une autorité de certification à vous (le bac à \
                 sable, le proxy d'une entreprise) définissez FLEXPAY_CA_FILE, ou FLEXPAY_SYSTEM_ROOTS=1",
            ),
            _ => say(
                "Check the address, whether the service runs (the sandbox must be started), and whether a \
                 firewall is in between",
                "Vérifiez l'adresse, que le service tourne (le bac à sable doit être démarré), et \
                 qu'aucun pare-feu ne bloque",
            ),
        };
        let detail = format!("{}: {}. {advice}", error.code().name(), error.message());
        service.findings.push(Finding::bad(name, detail));
        service
    }

    /// The findings of the steps that succeeded.
    fn from_trace(name: &str, trace: Option<&str>, config: &Config) -> Self {
        let trace: Value = trace
            .and_then(|trace| serde_json::from_str(trace).ok())
            .unwrap_or_default();
        let mut service = Self {
            findings: Vec::new(),
            date: None,
            is_page: false,
        };
        let steps = trace["steps"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut before = 0;
        let mut is_new_and_plain = false;
        for step in steps {
            let ms = step["ms"].as_u64().unwrap_or_default();
            let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
            let detail = match text("step").as_str() {
                "proxy" => Some(("proxy", text("host"))),
                "addresses" => Some(("name", addresses(&step["addresses"]))),
                "connected" => {
                    is_new_and_plain = true;
                    Some(("connection", text("address")))
                }
                "connect_failed" => {
                    Some(("address", format!("{}: {}", text("address"), text("error"))))
                }
                "tls" => {
                    is_new_and_plain = false;
                    let (version, cipher) = (text("version"), text("cipher"));
                    Some(("TLS", format!("{version}, {cipher}, {}", trust(config))))
                }
                "sent" if is_new_and_plain => {
                    service.findings.push(Finding::skipped(
                        format!("{name}: TLS"),
                        say(
                            "not used: the address is plain http",
                            "non utilisé : l'adresse est en http simple",
                        ),
                    ));
                    is_new_and_plain = false;
                    None
                }
                "reply" => {
                    service.date = clock::date(&text("date"));
                    service.is_page = text("content_type").to_ascii_lowercase().contains("html");
                    None
                }
                _ => None,
            };
            if let Some((what, detail)) = detail {
                let finding = match what {
                    // Another address was tried.
                    "address" => Finding::skipped(format!("{name}: {what}"), detail),
                    _ => Finding::good(format!("{name}: {what}"), detail),
                };
                service
                    .findings
                    .push(finding.after(ms.saturating_sub(before)));
            }
            before = ms;
        }
        service
    }
}

fn addresses(list: &Value) -> String {
    let addresses = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = addresses.iter().filter_map(Value::as_str).collect();
    texts.join(", ")
}

/// Which certificates are trusted.
fn trust(config: &Config) -> String {
    match &config.ca_file {
        Some(file) => format!(
            "{} FLEXPAY_CA_FILE ({file})",
            say("certificate trusted by", "certificat reconnu par")
        ),
        None if config.system_roots => say(
            "certificate trusted by this system",
            "certificat reconnu par ce système",
        )
        .to_owned(),
        None => say(
            "certificate trusted by the built-in list (Mozilla's)",
            "certificat reconnu par la liste intégrée (celle de Mozilla)",
        )
        .to_owned(),
    }
}
