//! Checks addresses: those that a merchant gives, and those that a customer is sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;

/// Checks an address that the gateway calls or sends the browser to: it must be absolute, http or
/// https. Everything else is left to the gateway.
pub(crate) fn check_absolute(text: &str) -> Result<(), &'static str> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("contains whitespace or control characters");
    }
    let Some((_, rest)) = split_scheme(text) else {
        return Err("is not an absolute http or https address");
    };
    if authority(rest).is_empty() {
        return Err("names no host");
    }
    Ok(())
}

/// Schemes that run or show something in the browser and do not lead back to a shop or its app.
const REFUSED_SCHEMES: [&str; 11] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "filesystem",
    "view-source",
    "ftp",
    "mailto",
    "tel",
];

/// Checks an address that the gateway sends the browser back to: http or https, or a link into the
/// merchant's app (`monapp://paiement?status=ok`).
pub(crate) fn check_return(text: &str) -> Result<(), &'static str> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    // One letter is the drive letter of a Windows path, not a scheme.
    if is_web || !has_scheme(text) || scheme.len() == 1 {
        return check_absolute(text);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("contains whitespace or control characters");
    }
    if REFUSED_SCHEMES
        .iter()
        .any(|refused| scheme.eq_ignore_ascii_case(refused))
    {
        return Err("has a scheme that no shop or app uses");
    }
    if rest.trim_matches('/').is_empty() {
        return Err("has nothing after its scheme");
    }
    Ok(())
}

/// Checks an address of the gateway from the merchant's configuration.
///
/// Plain http is refused, because every request contains the token, unless the host is this machine
/// and `may_be_this_machine` is set (no proxy is used), or the caller allowed plain http.
pub(crate) fn check_endpoint(
    text: &str,
    may_be_this_machine: bool,
    allow_plain_http: bool,
) -> Result<(), &'static str> {
    let address = Address::read(text)?;
    if text.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    if !(address.https || allow_plain_http || may_be_this_machine && address.is_loopback()) {
        return Err(
            "is plain http: the token would be sent unencrypted (allowed for this machine's own \
             addresses without a proxy, or with the allow-plain-http flag)",
        );
    }
    Ok(())
}

/// Checks the address of a card page from the gateway, before a customer is sent there: absolute,
/// https (http on this machine only), and without anything that a browser could read differently
/// from this check.
pub(crate) fn check_card_page(text: &str) -> Result<(), &'static str> {
    let address = Address::read(text)?;
    if address.https || address.is_loopback() {
        Ok(())
    } else {
        Err("is plain http")
    }
}

/// Whether two addresses have the same host, in any written form, and the same port.
pub(crate) fn same_site(one: &str, other: &str) -> bool {
    fn site(text: &str) -> Option<(String, u16)> {
        let (https, rest) = split_scheme(text)?;
        let authority = authority(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        let port = match port {
            "" => {
                if https {
                    443
                } else {
                    80
                }
            }
            port => port.parse().ok()?,
        };
        Some((host.trim_end_matches('.').to_ascii_lowercase(), port))
    }
    site(one).is_some_and(|one| site(other) == Some(one))
}

/// Whether an address is not just the front page of a site.
pub(crate) fn has_path_or_query(text: &str) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| {
        let tail = rest[authority(rest).len()..].split('#').next();
        !matches!(tail, None | Some("" | "/"))
    })
}

/// Whether an address looks like a card page: `…/checkout/<id>`, as in the documented pages.
pub(crate) fn is_checkout(text: &str) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| {
        let path = rest[authority(rest).len()..]
            .split(['?', '#'])
            .next()
            .unwrap_or("");
        path.split('/')
            .any(|segment| segment.eq_ignore_ascii_case("checkout"))
    })
}

/// Resolves a URI reference, such as a `Location` header, against the address of the request
/// (RFC 3986, section 5). The result is not checked.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if has_scheme(reference) {
        return reference.to_owned();
    }
    let Some((scheme, rest)) = base.split_once("://") else {
        return reference.to_owned();
    };
    let host = authority(rest);
    let path_and_query = rest[host.len()..].split('#').next().unwrap_or_default();
    let path = path_and_query.split('?').next().unwrap_or_default();
    let (path, tail) = match reference {
        _ if reference.starts_with("//") => return format!("{scheme}:{reference}"),
        "" => return format!("{scheme}://{host}{path_and_query}"),
        _ if reference.starts_with('#') => {
            return format!("{scheme}://{host}{path_and_query}{reference}");
        }
        _ => {
            let end = reference.find(['?', '#']).unwrap_or(reference.len());
            let (given, tail) = reference.split_at(end);
            let path = match given {
                "" => path.to_owned(),
                _ if given.starts_with('/') => given.to_owned(),
                _ => format!(
                    "{}/{given}",
                    path.rsplit_once('/').map_or("", |(folder, _)| folder)
                ),
            };
            (path, tail)
        }
    };
    format!("{scheme}://{host}{}{tail}", without_dot_segments(&path))
}

/// Whether a redirect shows that the gateway moved, and is not to a card page: it leads to the
/// address of the request with another scheme, host, query or final slash, to another version of it
/// (`/v2/pay`), or to the front page of a site.
pub(crate) fn is_moved(requested: &str, target: &str) -> bool {
    fn path(text: &str) -> Option<&str> {
        let (_, rest) = split_scheme(text)?;
        let path = rest[authority(rest).len()..].split(['?', '#']).next();
        path.map(|path| path.trim_end_matches('/'))
    }
    let (Some(requested_path), Some(target_path)) = (path(requested), path(target)) else {
        return false;
    };
    let last_segment = |path: &str| path.rsplit_once('/').map(|(_, last)| last.to_owned());
    let same_host = host(requested) == host(target);
    // On another host, a query may identify the payment.
    let is_front_page = target_path.is_empty() && (same_host || !target.contains('?'));
    let is_other_version = same_host && last_segment(requested_path) == last_segment(target_path);
    target_path == requested_path || is_front_page || is_other_version
}

fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Resolves the `.` and `..` in a path that begins with `/`.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// The host in lower case, without the port; empty if there is none.
pub(crate) fn host(text: &str) -> String {
    let authority = host_and_port(text);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Host and port as written, for messages; empty if there is no host.
pub(crate) fn host_and_port(text: &str) -> &str {
    split_scheme(text).map_or("", |(_, rest)| authority(rest))
}

/// An address that passed strict parsing.
struct Address<'a> {
    https: bool,
    host: &'a str,
}

impl<'a> Address<'a> {
    fn read(text: &'a str) -> Result<Self, &'static str> {
        // Browsers remove tabs and line endings and read `\` as `/`, and a shop may insert the address
        // into HTML without escaping it. So only the characters of RFC 3986 are allowed, without `'`.
        let is_allowed =
            |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&b);
        if !text.bytes().all(is_allowed) {
            return Err("has characters in it that no address has");
        }
        let Some((https, rest)) = split_scheme(text) else {
            return Err("is not an absolute https address");
        };
        let authority = authority(rest);
        if authority.contains('@') {
            return Err("carries a user name or password");
        }
        if rest[authority.len()..].contains(['[', ']']) {
            return Err("has a bracket in its path");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if !is_host(host) {
            return Err("names no host");
        }
        if port.is_some_and(|port| port.starts_with('0') || port.parse::<u16>().is_err()) {
            return Err("has a port that is no number");
        }
        // The HTTP library must accept it, too. It does not support fragments.
        let without_fragment = text.split('#').next().unwrap_or(text);
        match without_fragment.parse::<Uri>() {
            Ok(_) => Ok(Self { https, host }),
            Err(_) => Err("is not a well-formed address"),
        }
    }

    /// Whether the host is this machine.
    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// Whether a host is a name of letters, digits and hyphens, or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        let has_valid_bytes = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        has_valid_bytes && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut labels = name.split('.');
    // A browser reads a host that ends in a number as an IPv4 address, in more formats than Rust.
    let is_numeric = name.rsplit('.').next().is_some_and(|last| {
        let hexadecimal = last
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        hexadecimal || last.bytes().all(|b| b.is_ascii_digit())
    });
    labels.all(is_label) && (!is_numeric || host.parse::<Ipv4Addr>().is_ok())
}

/// Splits `https://rest` or `http://rest`, in any case, into (is https, rest).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_address_is_a_web_address_or_an_app_link() {
        for valid in [
            "https://shop.example/ok",
            "HTTP://shop.example",
            "monapp://paiement?status=ok",
            "zwanga://subscriptions/payment?status=success",
            "com.shop.app:/oauth",
            "mon-app+pay://ok#top",
            "intent:paiement",
        ] {
            assert_eq!(check_return(valid), Ok(()), "{valid}");
        }
        for invalid in [
            "",
            "/ok",
            "shop.example/ok",
            "//shop.example/ok",
            "javascript:alert(1)",
            "JavaScript://shop.example/%0aalert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "javascript :alert(1)",
            "data:text/html,x",
            "DATA:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://shop.example/1",
            "about:blank",
            "filesystem:https://shop.example/x",
            "view-source:https://shop.example",
            "ftp://shop.example/ok",
            "mailto:shop@example.cd",
            "tel:+243812345678",
            "http:shop.example",
            "https:/shop.example",
            "https://",
            "monapp:",
            "monapp://",
            "mon app://ok",
            "monapp://o k",
            "monapp://ok\n",
            "1app://ok",
            "C:\\shop\\ok.html",
            "c:/shop/ok.html",
        ] {
            assert!(check_return(invalid).is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn a_reference_is_resolved_against_the_address_of_the_request() {
        let base = "https://pay.example:8443/v1/pay?x=1#top";
        for (reference, address) in [
            (
                "https://gw.example/checkout/1",
                "https://gw.example/checkout/1",
            ),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("//gw.example/checkout/1", "https://gw.example/checkout/1"),
            ("/checkout/zz", "https://pay.example:8443/checkout/zz"),
            (
                "/checkout/zz?a=1#b",
                "https://pay.example:8443/checkout/zz?a=1#b",
            ),
            ("checkout/zz", "https://pay.example:8443/v1/checkout/zz"),
            ("./checkout/zz", "https://pay.example:8443/v1/checkout/zz"),
            ("../checkout/zz", "https://pay.example:8443/checkout/zz"),
            (
                "../../../checkout/zz",
                "https://pay.example:8443/checkout/zz",
            ),
            ("/a/./b/../c", "https://pay.example:8443/a/c"),
            ("/a/b/..", "https://pay.example:8443/a/"),
            ("?id=1", "https://pay.example:8443/v1/pay?id=1"),
            ("#x", "https://pay.example:8443/v1/pay?x=1#x"),
            ("", "https://pay.example:8443/v1/pay?x=1"),
            ("checkout:1", "checkout:1"),
        ] {
            assert_eq!(resolve(base, reference), address, "{reference}");
        }
        assert_eq!(
            resolve("https://pay.example", "checkout"),
            "https://pay.example/checkout"
        );
    }

    #[test]
    fn a_gateway_that_moved_is_not_a_card_page() {
        let requested = "https://pay.example/v1/pay";
        for target in [
            "http://pay.example/v1/pay",
            "https://pay.example/v1/pay/",
            "https://pay.example/v1/pay?retry=1",
            "https://pay.example:8443/v1/pay#x",
            "https://www.pay.example/v1/pay",
            "HTTPS://PAY.EXAMPLE/v1/pay",
            "https://pay.example",
            "https://pay.example/",
            "https://pay.example/?lang=fr",
            "https://www.flexpay.cd/",
            "https://pay.example/v2/pay",
        ] {
            assert!(is_moved(requested, target), "{target}");
        }
        for target in [
            "https://pay.example/checkout/1",
            "https://pay.example/v1/pay/checkout/1",
            "https://gw.example/v1",
            "https://gw.example/?id=1",
            "https://gw.example/checkout/1/pay",
            "javascript:alert(1)",
        ] {
            assert!(!is_moved(requested, target), "{target}");
        }
    }

    #[test]
    fn a_card_page_is_https_or_on_this_machine() {
        for valid in [
            "https://gwvisa.flexpay.cd/checkout/bbba",
            "HTTPS://gwvisa.flexpay.cd/checkout/bbba?x=1#top",
            "https://gwvisa.flexpay.cd:8443/checkout",
            "http://127.0.0.1:8080/checkout/1",
            "http://localhost/checkout/1",
            "http://[::1]:80/checkout/1",
        ] {
            assert_eq!(check_card_page(valid), Ok(()), "{valid}");
        }
    }

    #[test]
    fn an_address_that_a_browser_could_read_differently_is_not_a_card_page() {
        for invalid in [
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
            "https://gwvisa.flexpay.cd/c#\"><script>alert(1)</script>",
            "https://gwvisa.flexpay.cd/c'onclick=",
            "https://gwvisa.flexpay.cd/[token]",
            "https://gwvisa.flexpay.cd;evil.example/",
            "https://gwvisa.flexpay.cd,evil.example/",
            "https://a..b/",
            "https://0X7f000001/",
            "https://foo.0X1f/",
            "http://[::1],:8080/",
            "http://[::1].evil.example:80/",
            "https://-a.b/",
            "https://[zz]/",
            "http://[127.0.0.1]/",
            "http://127.1/",
            "http://0x7f.1/",
            "https://2130706433/",
            "https://gwvisa.flexpay.cd:0/",
            "https://gwvisa.flexpay.cd:080/",
        ] {
            assert!(check_card_page(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_return_address_is_absolute() {
        assert_eq!(check_absolute("https://shop.example/merci?ref=é"), Ok(()));
        assert_eq!(check_absolute("http://192.168.1.4:8080"), Ok(()));
        for invalid in [
            "shop.example/ok",
            "/ok",
            "ftp://shop.example",
            "https://",
            "https:///x",
            "https://a b",
        ] {
            assert!(check_absolute(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn plain_http_is_refused_unless_it_is_allowed() {
        for (url, may_be_this_machine, allow_plain_http, is_valid) in [
            ("http://10.0.0.7:8080/v1/pay", true, false, false),
            ("http://10.0.0.7:8080/v1/pay", true, true, true),
            ("http://127.0.0.1:8080/v1/pay", true, false, true),
            ("http://127.0.0.1:8080/v1/pay", false, false, false),
            ("https://cardpayment.flexpay.cd/v1/pay", false, false, true),
            ("https://cardpayment.flexpay.cd/v1/pay?x", true, true, false),
        ] {
            let checked = check_endpoint(url, may_be_this_machine, allow_plain_http);
            assert_eq!(checked.is_ok(), is_valid, "{url}");
        }
    }

    #[test]
    fn the_same_site_is_recognized_in_every_form() {
        for (other, same) in [
            ("https://shop.example/ok", true),
            ("https://SHOP.example:443/no", true),
            ("https://shop.example./", true),
            ("http://shop.example/", false),
            ("https://shop.example:8443/", false),
            ("https://gw.example/", false),
            ("", false),
        ] {
            assert_eq!(
                same_site("https://shop.example/merci", other),
                same,
                "{other}"
            );
        }
        assert!(is_checkout("https://gw.example/v2/Checkout/1"));
        assert!(!is_checkout(
            "https://checkout.example/contact?x=/checkout/"
        ));
    }
}
