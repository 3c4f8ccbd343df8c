//! Checks the `Host` and `Origin` headers of requests.
//!
//! A web site can make its own host name resolve to this machine's address (DNS rebinding). The browser
//! then treats the sandbox as that site's server and lets its pages read everything. The `Host` header
//! still contains the site's name.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, header};

use crate::options::Options;
use crate::serve::{ConnectionInfo, plain};

const WRONG_HOST: &str = "The sandbox accepts only localhost and its own addresses as the host: use one \
                          of them, or start it with --allow-host NAME.\n";

const FOREIGN_ORIGIN: &str = "Pages of other origins cannot change the sandbox: use its own dashboard, \
                              or send no Origin header.\n";

/// The hosts that are accepted in addition to localhost.
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
            allowed: named.chain(public).filter_map(normalize).collect(),
        }
    }

    /// The reply that refuses a request with a wrong `Host` or `Origin`. `None` if it is accepted.
    pub(crate) fn refusal(
        &self,
        head: &Parts,
        connection_info: ConnectionInfo,
    ) -> Option<Response<Body>> {
        let refused = |status, message| {
            let mut response = plain(status, message);
            let close = axum::http::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            Some(response)
        };
        let host = match single_value(&head.headers, &header::HOST) {
            Some(host) if self.is_accepted(host, connection_info) => host,
            _ => return refused(StatusCode::MISDIRECTED_REQUEST, WRONG_HOST),
        };
        // A request target in absolute form also contains a host, which takes precedence.
        let target = head.uri.authority();
        if target.is_some_and(|target| !self.is_accepted(target.as_str(), connection_info)) {
            return refused(StatusCode::MISDIRECTED_REQUEST, WRONG_HOST);
        }
        // The card page is not among them: a shop may send the browser there with a POST.
        let path = head.uri.path();
        let is_own_page = path.starts_with("/sandbox/") || path.starts_with("/phone/");
        if is_own_page && !head.method.is_safe() && !is_own_origin(&head.headers, host) {
            return refused(StatusCode::FORBIDDEN, FOREIGN_ORIGIN);
        }
        None
    }

    fn is_accepted(&self, host: &str, connection_info: ConnectionInfo) -> bool {
        let Some(name) = without_port(host).and_then(normalize) else {
            return false;
        };
        if self.allowed.contains(&name) {
            return true;
        }
        match parse_ip(&name) {
            Some(ip) => {
                let ip = ip.to_canonical();
                let here = connection_info.local.ip().to_canonical();
                ip.is_loopback() || ip == here || self.listening.contains(&ip)
            }
            None => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Whether `text` can be a host of a `Host` header: a name or an address, without a port.
pub(crate) fn is_host(text: &str) -> bool {
    normalize(text).is_some()
}

/// The value of a header. `None` if the header is absent or repeated.
fn single_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether the request is from the sandbox's own pages, or not from a browser (no `Origin`).
fn is_own_origin(headers: &HeaderMap, host: &str) -> bool {
    if !headers.contains_key(header::ORIGIN) {
        return true;
    }
    let origin = single_value(headers, &header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(scheme, authority)| {
        matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
    })
}

/// `host[:port]` without the port. `None` if the port is invalid.
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

/// A host in lower case, without a trailing dot. `None` if it is not a valid host.
fn normalize(host: &str) -> Option<String> {
    if host.starts_with('[') {
        return parse_ip(host).map(|_| host.to_ascii_lowercase());
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_label_byte);
    host.split('.')
        .all(is_label)
        .then(|| host.to_ascii_lowercase())
}

/// Parses an IP address, with brackets if it is IPv6.
fn parse_ip(host: &str) -> Option<IpAddr> {
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

    fn is_accepted(options: &Options, local: &str, host: &str) -> bool {
        let connection_info = ConnectionInfo {
            tls: false,
            local: local.parse().expect("an address"),
        };
        Hosts::new(options).is_accepted(host, connection_info)
    }

    #[test]
    fn names_and_addresses_of_this_machine_are_accepted() {
        let accepted = |host| is_accepted(&Options::default(), "127.0.0.1:8400", host);
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
            assert!(accepted(good), "{good}");
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
            assert!(!accepted(bad), "{bad}");
        }
    }

    #[test]
    fn configured_addresses_and_names_are_accepted() {
        let mut options = Options {
            http: "0.0.0.0:80".parse().expect("an address"),
            ..Options::default()
        };
        let local = "10.1.2.3:80";
        assert!(is_accepted(&options, local, "10.1.2.3"));
        assert!(is_accepted(&options, local, "0.0.0.0:80"));
        assert!(!is_accepted(&options, local, "10.1.2.4"));
        assert!(!is_accepted(&options, local, "sandbox"));
        options.allow_hosts = vec!["Sandbox".to_owned(), "[FD00::1]".to_owned()];
        options.public_url = Some("https://cards.test:444/x".to_owned());
        for host in ["sandbox:80", "[fd00::1]:80", "cards.test"] {
            assert!(is_accepted(&options, local, host), "{host}");
        }
        assert!(!is_accepted(&options, local, "a.sandbox"));
    }
}
