//! Who the sandbox lets itself be called, and who may tell it what to do.
//!
//! A web page anywhere can give its own name this machine's address (DNS rebinding); the browser then
//! takes the sandbox for that page's own server and lets it read everything. The name stays in `Host`.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, header};

use crate::options::Options;
use crate::serve::{Arrival, plain};

const NOT_FOR_US: &str = "The sandbox answers only to localhost and to its own addresses: use one of \
                          them, or start it with --allow-host NAME.\n";

const FROM_ELSEWHERE: &str = "Pages of other origins may not change the sandbox: use its own dashboard, \
                              or send no Origin header.\n";

/// The hosts that are answered to, beside those of this machine.
pub(crate) struct Hosts {
    listening: [IpAddr; 2],
    allowed: Vec<String>,
}

impl Hosts {
    pub(crate) fn new(options: &Options) -> Self {
        let public = options.public_url.as_deref().and_then(host_of_url);
        let named = options.allow_hosts.iter().map(String::as_str);
        Self {
            listening: [options.http.ip(), options.https.ip()],
            allowed: named.chain(public).filter_map(normal).collect(),
        }
    }

    /// The answer to a request that is not to be heard, if it is one.
    pub(crate) fn refusal(&self, head: &Parts, arrival: Arrival) -> Option<Response<Body>> {
        let refused = |status, words| {
            let mut response = plain(status, words);
            let close = axum::http::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            Some(response)
        };
        let host = match only(&head.headers, &header::HOST) {
            Some(host) if self.is_known(host, arrival) => host,
            _ => return refused(StatusCode::MISDIRECTED_REQUEST, NOT_FOR_US),
        };
        // A request to a proxy has the host in its target too, and there it counts.
        let target = head.uri.authority();
        if target.is_some_and(|target| !self.is_known(target.as_str(), arrival)) {
            return refused(StatusCode::MISDIRECTED_REQUEST, NOT_FOR_US);
        }
        let is_control = head.uri.path().starts_with("/sandbox/");
        if is_control && !head.method.is_safe() && !is_own_origin(&head.headers, host) {
            return refused(StatusCode::FORBIDDEN, FROM_ELSEWHERE);
        }
        None
    }

    fn is_known(&self, host: &str, arrival: Arrival) -> bool {
        let Some(name) = without_port(host).and_then(normal) else {
            return false;
        };
        if self.allowed.contains(&name) {
            return true;
        }
        match address(&name) {
            Some(ip) => {
                let ip = ip.to_canonical();
                let here = arrival.local.ip().to_canonical();
                ip.is_loopback() || ip == here || self.listening.contains(&ip)
            }
            None => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Whether `text` can be a host of a `Host` header: a name or an address, without a port.
pub(crate) fn is_host(text: &str) -> bool {
    normal(text).is_some()
}

/// The one value of a header. `None` where there is none, or more than one.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a browser sent this from a page of the sandbox's own. What is no browser names no origin.
fn is_own_origin(headers: &HeaderMap, host: &str) -> bool {
    if !headers.contains_key(header::ORIGIN) {
        return true;
    }
    let origin = only(headers, &header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
    })
}

/// `host[:port]` without its port; `None` where that is no port.
fn without_port(authority: &str) -> Option<&str> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[after_bracket..].find(':') else {
        return Some(authority);
    };
    let (host, port) = authority.split_at(after_bracket + colon);
    let digits = &port[1..];
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    is_port.then_some(host)
}

/// A host as it is compared: in lower case, without the dot of the root. `None` if it is none.
fn normal(host: &str) -> Option<String> {
    if host.starts_with('[') {
        return address(host).map(|_| host.to_ascii_lowercase());
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_letter);
    host.split('.')
        .all(is_label)
        .then(|| host.to_ascii_lowercase())
}

/// The address a host is, if it is one.
fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

fn host_of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    without_port(rest.split(['/', '?', '#']).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(options: &Options, local: &str, host: &str) -> bool {
        let arrival = Arrival {
            tls: false,
            local: local.parse().expect("an address"),
        };
        Hosts::new(options).is_known(host, arrival)
    }

    #[test]
    fn this_machine_is_known_by_its_own_names() {
        let known = |host| is_known(&Options::default(), "127.0.0.1:8400", host);
        for good in [
            "localhost",
            "LocalHost:1",
            "localhost.:80",
            "shop.localhost:65535",
            "127.0.0.1",
            "127.9.8.7:8400",
            "[::1]",
            "[::1]:8400",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(known(good), "{good}");
        }
        for bad in [
            "",
            ".",
            ":8400",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            ".localhost",
            "a..localhost",
            "localhost..",
            "0.0.0.0",
            "10.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "::1",
            "[::1",
            "[::1]x",
            "[::2]",
            "[127.0.0.1]",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:65536",
            "localhost:1:2",
            "user@localhost",
            "localhost/",
            "localhost, evil.example",
            " localhost",
            "localhost\u{e9}",
        ] {
            assert!(!known(bad), "{bad}");
        }
    }

    #[test]
    fn other_addresses_and_names_are_known_where_they_were_told() {
        let mut options = Options {
            http: "0.0.0.0:80".parse().expect("an address"),
            ..Options::default()
        };
        let reached = "10.1.2.3:80";
        assert!(is_known(&options, reached, "10.1.2.3"));
        assert!(is_known(&options, reached, "0.0.0.0:80"));
        assert!(!is_known(&options, reached, "10.1.2.4"));
        assert!(!is_known(&options, reached, "sandbox"));
        options.allow_hosts = vec!["Sandbox".to_owned(), "[FD00::1]".to_owned()];
        options.public_url = Some("https://cards.test:444/x".to_owned());
        for host in ["sandbox:80", "[fd00::1]:80", "cards.test"] {
            assert!(is_known(&options, reached, host), "{host}");
        }
        assert!(!is_known(&options, reached, "a.sandbox"));
    }
}
