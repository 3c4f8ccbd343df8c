//! One service of the gateway: its name, its addresses, TLS, and what it replies.

use flexpay::{Client, Error, ErrorCode, Kind};
use serde_json::Value;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::finding::Finding;
use crate::texts::{is_french, say};

/// It cannot exist: the gateway's order numbers have only letters and digits.
const UNKNOWN_ORDER: &str = "flexpay-doctor";
/// A gateway's clock that differs more is not the one that is wrong.
const CLOCK_TOLERANCE_S: i64 = 120;

pub struct Service {
    pub findings: Vec<Finding>,
    /// The date of the reply.
    pub date: Option<OffsetDateTime>,
}

impl Service {
    /// Examines the service for payments of this kind.
    pub fn of_kind(kind: Kind, client: &Client) -> Self {
        let (name, setting, path) = match kind {
            Kind::Card => ("card payments", "FLEXPAY_PAY_URL", "/v1/pay, /v1.1/pay"),
            Kind::Mobile => ("mobile payments", "FLEXPAY_MOBILE_URL", "/paymentService"),
            _ => ("payouts", "FLEXPAY_PAYOUT_URL", "/merchantPayOutService"),
        };
        match client.probe(kind) {
            Ok(probe) => {
                let mut service = Self::from_trace(name, probe.trace.as_deref());
                service
                    .findings
                    .push(judge(name, setting, path, probe.http_status));
                service
            }
            Err(error) => Self::failed(name, &error),
        }
    }

    /// Examines the check service, and the token.
    pub fn check(client: &Client) -> Self {
        let name = "checks";
        let error = match client.check(UNKNOWN_ORDER) {
            Ok(transaction) => {
                let mut service = Self::from_trace(name, transaction.trace.as_deref());
                service.findings.push(Finding::good(
                    "token at the gateway",
                    say("accepted", "accepté"),
                ));
                return service;
            }
            Err(error) => error,
        };
        if error.http_status().is_none() {
            return Self::failed(name, &error);
        }
        let mut service = Self::from_trace(name, error.trace());
        service.findings.push(judge_token(&error));
        service
    }

    fn failed(name: &str, error: &Error) -> Self {
        let mut service = Self::from_trace(name, error.trace());
        let advice = match error.code() {
            ErrorCode::Resolve => say(
                "Check the host name, and whether this machine is online and has a DNS server",
                "Vérifiez le nom de l'hôte, la connexion de cette machine et son serveur DNS",
            ),
            ErrorCode::Proxy => say("Check FLEXPAY_PROXY", "Vérifiez FLEXPAY_PROXY"),
            ErrorCode::Tls => say(
                "Check this machine's clock. For a certificate authority of your own (the sandbox, a \
                 company's proxy) set FLEXPAY_CA_FILE, or FLEXPAY_SYSTEM_ROOTS=1",
                "Vérifiez l'horloge de cette machine. Pour une autorité de certification à vous (le bac à \
                 sable, le proxy d'une entreprise) définissez FLEXPAY_CA_FILE, ou FLEXPAY_SYSTEM_ROOTS=1",
            ),
            _ => say(
                "Check whether the service runs (the sandbox must be started), and whether a firewall is \
                 in between",
                "Vérifiez que le service tourne (le bac à sable doit être démarré), et qu'aucun pare-feu \
                 ne bloque",
            ),
        };
        let detail = format!("{}: {}. {advice}", error.code().name(), error.message());
        service.findings.push(Finding::bad(name, detail));
        service
    }

    /// The findings of the steps that succeeded.
    fn from_trace(name: &str, trace: Option<&str>) -> Self {
        let trace: Value = trace
            .and_then(|trace| serde_json::from_str(trace).ok())
            .unwrap_or_default();
        let mut service = Self {
            findings: Vec::new(),
            date: None,
        };
        let steps = trace["steps"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut before = 0;
        for step in steps {
            let ms = step["ms"].as_u64().unwrap_or_default();
            let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
            let detail = match text("step").as_str() {
                "proxy" => Some(("proxy", text("host"))),
                "addresses" => Some(("name", addresses(&step["addresses"]))),
                "connected" => Some(("connection", text("address"))),
                "connect_failed" => {
                    Some(("address", format!("{}: {}", text("address"), text("error"))))
                }
                "tls" => Some(("TLS", format!("{}, {}", text("version"), text("cipher")))),
                "reply" => {
                    service.date = date(&text("date"));
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

/// Whether the reply to an empty request is that of a payment service.
fn judge(name: &str, setting: &str, path: &str, status: u16) -> Finding {
    let name = format!("{name}: service");
    match status {
        200 | 400 | 401 | 422 => Finding::good(name, format!("HTTP {status}")),
        403 => Finding::bad(name, format!("HTTP 403: {}", address_filter())),
        404 | 405 | 410 => Finding::bad(
            name,
            if is_french() {
                format!(
                    "HTTP {status} : cette adresse n'est pas un service de paiement. Corrigez {setting} \
                     (celle de FlexPay finit par {path}), ou ne la définissez pas"
                )
            } else {
                format!(
                    "HTTP {status}: this address is not a payment service. Correct {setting} (FlexPay's \
                     ends in {path}), or leave it unset"
                )
            },
        ),
        415 => Finding::bad(
            name,
            format!(
                "HTTP 415: {}",
                say(
                    "this address is for the other version of the service: set FLEXPAY_API to v1 or v1.1",
                    "cette adresse est celle de l'autre version du service : mettez FLEXPAY_API à v1 ou v1.1",
                )
            ),
        ),
        300..400 => Finding::bad(
            name,
            format!(
                "HTTP {status}: {} {setting}",
                say(
                    "the service has moved, and redirects are not followed. Put its new address into",
                    "le service a changé d'adresse, et les redirections ne sont pas suivies. Mettez la \
                     nouvelle adresse dans",
                )
            ),
        ),
        _ => Finding::bad(
            name,
            format!(
                "HTTP {status}: {}",
                say(
                    "the gateway fails. Try again in some minutes",
                    "la passerelle est en panne. Réessayez dans quelques minutes",
                )
            ),
        ),
    }
}

fn judge_token(error: &Error) -> Finding {
    let name = "token at the gateway";
    let with_advice = |advice: &str| format!("{}. {advice}", error.message());
    match (error.code(), error.http_status()) {
        (ErrorCode::NotFound, _) => Finding::good(
            name,
            say(
                "accepted: the gateway replied that the order of this test does not exist",
                "accepté : la passerelle a répondu que la commande de cet essai n'existe pas",
            ),
        ),
        (ErrorCode::Unauthorized, Some(403)) => Finding::bad(name, with_advice(address_filter())),
        (ErrorCode::Unauthorized, _) => Finding::bad(
            name,
            with_advice(say(
                "Set FLEXPAY_TOKEN to the token that FlexPay gave you for this environment, complete and \
                 on one line",
                "Mettez dans FLEXPAY_TOKEN le jeton que FlexPay vous a remis pour cet environnement, \
                 complet et sur une ligne",
            )),
        ),
        (ErrorCode::Refused, Some(404 | 405)) | (ErrorCode::Reply, _) => Finding::bad(
            name,
            with_advice(say(
                "Correct FLEXPAY_CHECK_URL: FlexPay's ends in /api/rest/v1/check, without the order number",
                "Corrigez FLEXPAY_CHECK_URL : celle de FlexPay finit par /api/rest/v1/check, sans numéro \
                 de commande",
            )),
        ),
        _ => Finding::bad(
            name,
            with_advice(say(
                "Try again in some minutes; if it still fails, send this message to FlexPay",
                "Réessayez dans quelques minutes ; si cela dure, envoyez ce message à FlexPay",
            )),
        ),
    }
}

fn address_filter() -> &'static str {
    say(
        "this machine's address may not be allowed. Ask FlexPay about its address filter first, and look \
         for a firewall in between",
        "l'adresse de cette machine n'est peut-être pas autorisée. Interrogez d'abord FlexPay sur son \
         filtre d'adresses, et cherchez un pare-feu sur le trajet",
    )
}

/// The date of a reply: `Fri, 27 Nov 2026 18:36:21 GMT`.
fn date(header: &str) -> Option<OffsetDateTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let parsed = PrimitiveDateTime::parse(header, &format).ok()?;
    Some(parsed.assume_utc())
}

/// This machine's clock, compared with that of the gateway.
pub fn clock(gateway: Option<OffsetDateTime>) -> Finding {
    let Some(gateway) = gateway else {
        return Finding::skipped(
            "clock",
            say(
                "not examined: no service sent a date",
                "non examinée : aucun service n'a envoyé de date",
            ),
        );
    };
    let ahead_s = (OffsetDateTime::now_utc() - gateway).whole_seconds();
    let difference = if is_french() {
        format!("{ahead_s} s d'écart avec celle de la passerelle")
    } else {
        format!("{ahead_s} s ahead of the gateway's")
    };
    if ahead_s.abs() <= CLOCK_TOLERANCE_S {
        return Finding::good("clock", difference);
    }
    let advice = say(
        "Set this machine's clock",
        "Réglez l'horloge de cette machine",
    );
    Finding::bad("clock", format!("{difference}. {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_reply_is_read() {
        let read = date("Fri, 27 Nov 2026 18:36:21 GMT").expect("a date");
        assert_eq!(read.unix_timestamp(), 1_795_804_581);
        assert_eq!(date("27 novembre"), None);
    }

    #[test]
    fn a_clock_that_is_wrong_is_bad() {
        let now = OffsetDateTime::now_utc();
        assert_eq!(clock(Some(now)).ok, Some(true));
        assert_eq!(clock(Some(now - time::Duration::hours(1))).ok, Some(false));
        assert_eq!(clock(Some(now + time::Duration::days(400))).ok, Some(false));
        assert_eq!(clock(None).ok, None);
    }
}
