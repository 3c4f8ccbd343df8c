//! Internet addresses: which a merchant may give, and which a customer may be sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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

/// Schemes that run or show something in the browser instead of leading back to a shop or its app.
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

/// Checks an address the gateway is to send the browser back to: http or https, or a link into the
/// merchant's app (`monapp://paiement?status=ok`).
pub(crate) fn check_return(text: &str) -> Result<(), &'static str> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    // One letter is the drive of a Windows path.
    if is_web || !has_scheme(text) || scheme.len() == 1 {
        return check_absolute(text);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("has blanks or control characters in it");
    }
    if REFUSED_SCHEMES
        .iter()
        .any(|refused| scheme.eq_ignore_ascii_case(refused))
    {
        return Err("has a scheme that leads back to no shop and to no app");
    }
    if rest.trim_matches('/').is_empty() {
        return Err("names nothing behind its scheme");
    }
    Ok(())
}

/// Checks an address of the gateway itself, as a merchant's configuration gives it.
///
/// Plain http is refused unless the host is this machine, reached as such, or the caller asked for it
/// by name: the token goes with every request.
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
            "is plain http: the token would travel in the clear (allowed on this \
             machine's own addresses where there is no proxy, or with the allow-plain-http flag)",
        );
    }
    Ok(())
}

/// Checks the address of a card page, as the gateway gives it, before a customer is sent there:
/// https (http on this machine only), absolute, and nothing in it that a browser and this check
/// could read differently.
pub(crate) fn check_card_page(text: &str) -> Result<(), &'static str> {
    let address = Address::read(text)?;
    if address.https || address.is_loopback() {
        Ok(())
    } else {
        Err("is plain http")
    }
}

/// Whether two addresses are of one site: the same host, however it is written, and port.
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

/// Whether anything but the front page of a site is named.
pub(crate) fn leads_somewhere(text: &str) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| {
        let tail = rest[authority(rest).len()..].split('#').next();
        !matches!(tail, None | Some("" | "/"))
    })
}

/// Whether an address looks like that of a card page: `…/checkout/<id>`, as documented pages link to.
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

/// Reads a reference, as a `Location` header has it, against the address that was asked (RFC 3986,
/// section 5). What comes out is not checked.
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

/// Whether a redirect leads to the address that was asked, under another scheme, host, query or final
/// slash, to another version of it (`/v2/pay`), or to the front page of a site: a server that moved,
/// and no card page.
pub(crate) fn is_moved(asked: &str, to: &str) -> bool {
    fn path(text: &str) -> Option<&str> {
        let (_, rest) = split_scheme(text)?;
        let path = rest[authority(rest).len()..].split(['?', '#']).next();
        path.map(|path| path.trim_end_matches('/'))
    }
    let (Some(asked_path), Some(to_path)) = (path(asked), path(to)) else {
        return false;
    };
    let name = |path: &str| path.rsplit_once('/').map(|(_, name)| name.to_owned());
    let same_host = host(asked) == host(to);
    // Elsewhere, a query may name the payment.
    let is_front_page = to_path.is_empty() && (same_host || !to.contains('?'));
    let is_version = same_host && name(asked_path) == name(to_path);
    to_path == asked_path || is_front_page || is_version
}

fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// A path that begins with `/`, with its `.` and `..` resolved.
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

/// The host in lower case, without its port; empty where there is none.
pub(crate) fn host(text: &str) -> String {
    let authority = host_and_port(text);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Host and port as they are written, for messages; empty where there is none.
pub(crate) fn host_and_port(text: &str) -> &str {
    split_scheme(text).map_or("", |(_, rest)| authority(rest))
}

/// An address read strictly.
struct Address<'a> {
    https: bool,
    host: &'a str,
}

impl<'a> Address<'a> {
    fn read(text: &'a str) -> Result<Self, &'static str> {
        // Browsers drop tabs and line ends and read `\` as `/`; a shop that shows the address may
        // not escape it. So: the characters of RFC 3986, less the quote.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&b);
        if !text.bytes().all(plain) {
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
        // What the HTTP library cannot read is not sent; it knows no fragment.
        let sent = text.split('#').next().unwrap_or(text);
        match sent.parse::<Uri>() {
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

/// A name of letters, digits and hyphens, or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        let letters = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        letters && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut labels = name.split('.');
    // A browser reads what ends in a number as an IPv4 address, in shapes that differ from ours.
    let numeric = name.rsplit('.').next().is_some_and(|last| {
        let hexadecimal = last
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
        hexadecimal || last.bytes().all(|b| b.is_ascii_digit())
    });
    labels.all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_address_is_of_the_web_or_of_an_app() {
        for good in [
            "https://shop.example/ok",
            "HTTP://shop.example",
            "monapp://paiement?status=ok",
            "zwanga://subscriptions/payment?status=success",
            "com.shop.app:/oauth",
            "mon-app+pay://ok#top",
            "intent:paiement",
        ] {
            assert_eq!(check_return(good), Ok(()), "{good}");
        }
        for bad in [
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
            assert!(check_return(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reference_is_read_against_the_address_asked() {
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
    fn a_server_that_moved_is_no_card_page() {
        let asked = "https://pay.example/v1/pay";
        for to in [
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
            assert!(is_moved(asked, to), "{to}");
        }
        for to in [
            "https://pay.example/checkout/1",
            "https://pay.example/v1/pay/checkout/1",
            "https://gw.example/v1",
            "https://gw.example/?id=1",
            "https://gw.example/checkout/1/pay",
            "javascript:alert(1)",
        ] {
            assert!(!is_moved(asked, to), "{to}");
        }
    }

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
        for (url, here, allowed, good) in [
            ("http://10.0.0.7:8080/v1/pay", true, false, false),
            ("http://10.0.0.7:8080/v1/pay", true, true, true),
            ("http://127.0.0.1:8080/v1/pay", true, false, true),
            ("http://127.0.0.1:8080/v1/pay", false, false, false),
            ("https://cardpayment.flexpay.cd/v1/pay", false, false, true),
            ("https://cardpayment.flexpay.cd/v1/pay?x", true, true, false),
        ] {
            assert_eq!(check_endpoint(url, here, allowed).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn a_site_is_one_however_it_is_written() {
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
