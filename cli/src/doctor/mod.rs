//! Finds what is wrong with a set-up, and says what to do about it.
//!
//! The services are examined by the library itself, over the connections that a payment would use: the
//! findings are read from the traces of its calls. Two kinds of request are sent, which change nothing: an
//! empty one without the token to each payment service, and a check of an order that cannot exist.

mod api;
mod callback_url;
mod clock;
mod finding;
mod journal;
mod library;
mod package;
mod reply;
mod service;
mod token;

use anstyle::{AnsiColor, Style};
use flexpay::{Client, Config, Environment, Kind};
use serde_json::json;

use self::finding::Finding;
use self::service::Service;
use crate::arguments::DoctorOptions;
use crate::call::Failure;
use crate::texts::{say, use_english};
use crate::{exit_status, output, settings};

/// Examines everything, and prints the findings. Returns the exit status.
pub fn run(options: &DoctorOptions) -> u8 {
    if options.common.json {
        use_english();
    }
    let findings = examine(options);
    let is_healthy = findings.iter().all(|finding| finding.ok != Some(false));
    let text = if options.common.json {
        let report = json!({ "ok": { "healthy": is_healthy, "findings": findings } });
        format!("{report}\n")
    } else {
        findings.iter().map(line).collect()
    };
    let status = match is_healthy {
        true => exit_status::OK,
        false => exit_status::INVALID,
    };
    output::write(&text, status)
}

fn examine(options: &DoctorOptions) -> Vec<Finding> {
    let mut findings = vec![Finding::good(
        "program",
        format!("flexpay {}", env!("CARGO_PKG_VERSION")),
    )];
    let package = package::examine();
    let damaged = package.as_ref().map(|package| package.damaged.clone());
    findings.extend(package.map(|package| package.finding));
    let config = settings::config(&options.common);
    // After the file of --env-file was read.
    findings.extend(library::examine(damaged.as_deref()));
    let client = config.and_then(|config| Ok((config.clone(), traced_client(config)?)));
    match &client {
        Err(failure) => {
            findings.push(invalid_settings(failure));
            findings.push(token::examine(
                &std::env::var("FLEXPAY_TOKEN").unwrap_or_default(),
            ));
            findings.push(Finding::skipped(
                "services",
                say(
                    "not examined: the settings must be valid first",
                    "non examinés : les réglages doivent d'abord être valables",
                ),
            ));
        }
        Ok((config, client)) => {
            findings.push(valid_settings(config));
            findings.push(token::examine(&config.token));
            if api::has_path_of_other(config) {
                findings.push(api::is_of_other(config, "api"));
            }
            if options.offline {
                findings.push(Finding::skipped(
                    "services",
                    say("not examined (--offline)", "non examinés (--offline)"),
                ));
            } else {
                examine_services(config, client, options.without_token, &mut findings);
            }
        }
    }
    let client = client.as_ref().ok().map(|(_, client)| client);
    findings.extend(journal::examine(options.common.env_file.as_deref(), client));
    if let Some(url) = &options.callback_url {
        findings.push(callback_url::examine(url));
    }
    findings.push(Finding::skipped(
        "not examined",
        say(
            "the merchant code (only a payment shows whether it is right), and whether the gateway can \
             reach your callback address",
            "le code marchand (seul un paiement montre s'il est juste), et si la passerelle peut \
             atteindre votre adresse de notification",
        ),
    ));
    findings
}

fn examine_services(
    config: &Config,
    client: &Client,
    without_token: bool,
    findings: &mut Vec<Finding>,
) {
    let mut kinds = vec![Kind::Card, Kind::Mobile];
    if config.allow_payout {
        kinds.push(Kind::Payout);
    }
    let mut services: Vec<_> = kinds
        .into_iter()
        .map(|kind| Service::of_kind(kind, config, client))
        .collect();
    if !without_token {
        services.push(Service::check(config, client));
    }
    let date = services.iter().rev().find_map(|service| service.date);
    findings.extend(services.into_iter().flat_map(|service| service.findings));
    if without_token {
        findings.push(Finding::skipped(
            "checks",
            say(
                "not examined (--without-token)",
                "non examinées (--without-token)",
            ),
        ));
    }
    findings.push(clock::examine(date));
}

fn traced_client(config: Config) -> Result<Client, Failure> {
    Ok(Client::new(Config {
        trace: true,
        check_once: true,
        private_connections: true,
        ..config
    })?)
}

fn valid_settings(config: &Config) -> Finding {
    let mut parts = vec![
        format!(
            "{} {}",
            say("merchant", "marchand"),
            output::printable(&config.merchant)
        ),
        format!("api {}", api::name(config.api)),
        match config.environment {
            Environment::Live => "live".to_owned(),
            Environment::Test => "test".to_owned(),
        },
        match config.allow_payout {
            true => say("payouts allowed", "transferts permis").to_owned(),
            false => say("no payouts", "pas de transferts").to_owned(),
        },
    ];
    for (what, url) in [
        (
            say("card payments to", "paiements par carte à"),
            &config.pay_url,
        ),
        (
            say("mobile payments to", "paiements mobiles à"),
            &config.mobile_url,
        ),
        (say("payouts to", "transferts à"), &config.payout_url),
        (say("checks to", "vérifications à"), &config.check_url),
    ] {
        if let Some(url) = url {
            parts.push(format!("{what} {}", output::printable(url)));
        }
    }
    let note = match config.api {
        flexpay::Api::V1 => say(
            ". The card payments of api v1 have no order number (set FLEXPAY_API=v1.1 to have one)",
            ". Les paiements par carte de l'api v1 n'ont pas de numéro de commande (FLEXPAY_API=v1.1 en \
             donne un)",
        ),
        flexpay::Api::V1_1 => "",
    };
    Finding::good("settings", format!("{}{note}", parts.join(", ")))
}

/// The variable of a setting has the setting's name.
fn invalid_settings(failure: &Failure) -> Finding {
    let field = match failure {
        Failure::Library(error) => error.field().unwrap_or_default(),
        Failure::Invalid { field, .. } => field,
        Failure::Panic => "",
    };
    let variable = match field.strip_prefix("FLEXPAY_") {
        Some(_) => field.to_owned(),
        None => format!("FLEXPAY_{}", field.to_ascii_uppercase()),
    };
    let advice = match field {
        "env_file" | "token" | "" => String::new(),
        _ => format!(
            ". {} {variable}",
            say("Correct the variable", "Corrigez la variable")
        ),
    };
    Finding::bad("settings", format!("{}{advice}", failure.message()))
}

fn line(finding: &Finding) -> String {
    let (mark, style) = match finding.ok {
        Some(true) => ("✓", AnsiColor::Green.on_default()),
        Some(false) => ("✗", AnsiColor::Red.on_default().bold()),
        None => ("-", Style::new().dimmed()),
    };
    let time = match finding.ms {
        Some(ms) => format!(" ({ms} ms)"),
        None => String::new(),
    };
    let name = finding.name_for_people();
    let detail = output::printable(&finding.detail);
    let colon = say(": ", " : ");
    format!("{style}{mark} {name}{style:#}{colon}{detail}{time}\n")
}
