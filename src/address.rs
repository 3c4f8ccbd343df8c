//! Internet addresses: which a merchant may give, and which a customer may be sent to.

use ureq::http::Uri;

/// Checks an address the gateway is to call or send the browser to: absolute http or https. What
/// else is wrong with it is the gateway's to judge.
pub(crate) fn check_absolute(text: &str) -> Result<(), &'static str> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("has blanks or control characters in it");
    }
    let Some((_, rest)) = split_scheme(text) else {
        return Err("is not an absolute http or https address");
    };
    if authority(rest).is_empty() {
        return Err("names no host");
    }
    Ok(())
}

/// Checks an address of the gateway itself, as a merchant's configuration gives it.
///
/// Plain http is refused unless the host is this machine or the caller asked for it by name: the
/// token goes with every request.
pub(crate) fn check_endpoint(text: &str, allow_plain_http: bool) -> Result<(), &'static str> {
    let secure = check_strict(text)?;
    if text.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    if !secure && !allow_plain_http {
        return Err(
            "is plain http: the token would travel in the clear (allowed on this \
             machine's own addresses, or with the allow-plain-http flag)",
        );
    }
    Ok(())
}

/// Checks the address of a card page, as the gateway gives it, before a customer is sent there:
/// https (http on this machine only), absolute, and nothing in it that a browser and this check
/// could read differently.
pub(crate) fn check_card_page(text: &str) -> Result<(), &'static str> {
    match check_strict(text)? {
        true => Ok(()),
        false => Err("is plain http"),
    }
}

/// The strict reading. True where what is sent there is safe from reading on the way: https, or
/// a host that is this machine.
fn check_strict(text: &str) -> Result<bool, &'static str> {
    // Browsers drop tabs and line ends and read `\` as `/`: none of them may come into question.
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("has blanks, control characters or letters outside ASCII in it");
    }
    if text.contains('\\') {
        return Err("has a backslash in it");
    }
    let Some((https, rest)) = split_scheme(text) else {
        return Err("is not an absolute https address");
    };
    let authority = authority(rest);
    if authority.contains('@') {
        return Err("carries a user name or password");
    }
    // The parser of the `http` crate knows no fragment; a browser keeps it to itself.
    let sent = text.split('#').next().unwrap_or(text);
    let uri: Uri = sent.parse().map_err(|_| "is not a well-formed address")?;
    let host = match uri.host() {
        Some(host) if !host.is_empty() && host != "[]" => host,
        _ => return Err("names no host"),
    };
    let port = authority.strip_prefix(host).unwrap_or("");
    if !port.is_empty() && uri.port_u16().is_none() {
        return Err("has a port that is no number");
    }
    Ok(https || is_loopback(host))
}

/// `https://rest` or `http://rest`, whatever the case: (is it https, rest).
fn split_scheme(text: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some((true, rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some((false, rest))
    } else {
        None
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

/// Host and port of an address, in lower case; empty where it has none.
pub(crate) fn host_and_port(text: &str) -> String {
    split_scheme(text)
        .map(|(_, rest)| authority(rest).to_ascii_lowercase())
        .unwrap_or_default()
}

/// Whether anything but the host is named: a path other than `/`, or a query. The front page of a
/// site is never a card page.
pub(crate) fn leads_somewhere(text: &str) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| {
        let tail = &rest[authority(rest).len()..];
        let tail = tail.split('#').next().unwrap_or("");
        !matches!(tail, "" | "/")
    })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_page_is_https_or_on_this_machine() {
        for good in [
            "https://gwvisa.flexpay.cd/checkout/bbba",
            "HTTPS://gwvisa.flexpay.cd/checkout/bbba?x=1#top",
            "https://gwvisa.flexpay.cd:8443/checkout",
            "http://127.0.0.1:8080/checkout/1",
            "http://localhost/checkout/1",
            "http://[::1]:80/checkout/1",
        ] {
            assert_eq!(check_card_page(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn anything_a_browser_could_read_otherwise_is_no_card_page() {
        for bad in [
            "",
            "/checkout/1",
            "//evil.example/checkout",
            "javascript:alert(1)",
            "javascript://gwvisa.flexpay.cd/%0aalert(1)",
            "data:text/html,x",
            "http://gwvisa.flexpay.cd/checkout/1",
            "http://127.0.0.1.evil.example/",
            "https://gwvisa.flexpay.cd@evil.example/",
            "https://user:pass@gwvisa.flexpay.cd/",
            "https:/gwvisa.flexpay.cd/",
            "https:\\\\gwvisa.flexpay.cd",
            "https://gwvisa.flexpay.cd\\@evil.example/",
            "https://gw\tvisa.flexpay.cd/",
            "https://gwvisa.flexpay.cd/a b",
            "https://",
            "https:///checkout",
            "https://gwvisa.flexpay.cd:99999/",
            "https://gwvisa.flexpay.cd:80x/",
            "https://gwvisа.flexpay.cd/",
        ] {
            assert!(check_card_page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_return_address_is_absolute() {
        assert_eq!(check_absolute("https://shop.example/merci?ref=é"), Ok(()));
        assert_eq!(check_absolute("http://192.168.1.4:8080"), Ok(()));
        for bad in [
            "shop.example/ok",
            "/ok",
            "ftp://shop.example",
            "https://",
            "https:///x",
            "https://a b",
        ] {
            assert!(check_absolute(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_is_not_sent_in_the_clear_unasked() {
        assert!(check_endpoint("http://10.0.0.7:8080/v1/pay", false).is_err());
        assert!(check_endpoint("http://10.0.0.7:8080/v1/pay", true).is_ok());
        assert!(check_endpoint("http://127.0.0.1:8080/v1/pay", false).is_ok());
        assert!(check_endpoint("https://cardpayment.flexpay.cd/v1/pay", false).is_ok());
        assert!(check_endpoint("https://cardpayment.flexpay.cd/v1/pay?x", false).is_err());
    }
}
