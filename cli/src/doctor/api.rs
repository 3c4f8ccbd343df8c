//! FLEXPAY_API and FLEXPAY_PAY_URL must name the same version of the service for card payments.

use flexpay::{Api, Client, Config, Kind};

use super::finding::Finding;
use crate::texts::is_french;

/// The end of FlexPay's own address.
pub fn path(api: Api) -> &'static str {
    paths(api)[0]
}

/// The ends of the addresses of a version.
fn paths(api: Api) -> &'static [&'static str] {
    match api {
        Api::V1 => &["/v1/pay", "/v2/pay"],
        Api::V1_1 => &["/v1.1/pay"],
    }
}

fn other(api: Api) -> Api {
    match api {
        Api::V1 => Api::V1_1,
        Api::V1_1 => Api::V1,
    }
}

pub fn name(api: Api) -> &'static str {
    match api {
        Api::V1 => "v1",
        Api::V1_1 => "v1.1",
    }
}

/// Whether the address is one of the other version, judged by its path: no request is needed.
pub fn has_path_of_other(config: &Config) -> bool {
    let url = config.pay_url.as_deref().unwrap_or_default();
    // The settings refuse an address with a query string.
    let ends_with = |end: &&str| url.trim_end_matches('/').ends_with(end);
    paths(other(config.api)).iter().any(ends_with)
}

/// Whether the service accepts the other version. Sends an empty request without the token.
pub fn is_accepted_as_other(config: &Config) -> bool {
    let client = Client::new(Config {
        api: other(config.api),
        ..config.clone()
    });
    let probe = client.and_then(|client| client.probe(Kind::Card));
    probe.is_ok_and(|probe| matches!(probe.http_status, 200 | 401 | 403 | 422))
}

/// What to do.
pub fn is_of_other(config: &Config, name_of_finding: impl Into<String>) -> Finding {
    let other = name(other(config.api));
    let path = path(config.api);
    let detail = if is_french() {
        format!(
            "cette adresse est celle de l'api {other}. Mettez FLEXPAY_API={other}, ou dans FLEXPAY_PAY_URL \
             une adresse qui finit par {path}"
        )
    } else {
        format!(
            "this address is for api {other}. Set FLEXPAY_API={other}, or set FLEXPAY_PAY_URL to an address \
             that ends in {path}"
        )
    };
    Finding::bad(name_of_finding, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_address_is_in_its_path() {
        for (api, url, is_other) in [
            (Api::V1, "https://h.example/v1/pay", false),
            (Api::V1, "https://h.example/v2/pay", false),
            (Api::V1, "https://h.example/v1.1/pay", true),
            (Api::V1, "https://h.example/v1.1/pay/", true),
            (Api::V1_1, "https://h.example/v1.1/pay", false),
            (Api::V1_1, "https://h.example/v1/pay", true),
            (Api::V1_1, "https://h.example/v2/pay", true),
            (Api::V1_1, "https://h.example/pay", false),
        ] {
            let mut config = Config::new("ZANDO", "token");
            config.api = api;
            assert!(!has_path_of_other(&config), "FlexPay's own");
            config.pay_url = Some(url.to_owned());
            assert_eq!(has_path_of_other(&config), is_other, "{api:?} {url}");
        }
    }
}
