//! URLs: the gateway's own, and the checks on the merchant's.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::gateway::Gateway;
use crate::serve::ConnectionInfo;

/// The public URL of the sandbox if it has one, else the scheme, host and port of the request.
pub(crate) fn base(
    gateway: &Gateway,
    connection_info: ConnectionInfo,
    headers: &HeaderMap,
) -> String {
    if let Some(public) = &gateway.public_url {
        return public.trim_end_matches('/').to_owned();
    }
    let scheme = if connection_info.tls { "https" } else { "http" };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .map_or_else(|| connection_info.local.to_string(), str::to_owned);
    format!("{scheme}://{host}")
}

/// Whether a browser can open it: an absolute http or https URL.
pub(crate) fn is_web_address(text: &str) -> bool {
    let uri: Option<Uri> = text.parse().ok();
    uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        matches!(scheme, "http" | "https") && !host.is_empty()
    })
}

/// Whether the customer can be redirected to it: an http or https URL, or an app link
/// (`monapp://paiement`).
pub(crate) fn is_return_address(text: &str) -> bool {
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    let is_app_link = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let refused = [
        "http",
        "https",
        "javascript",
        "data",
        "vbscript",
        "file",
        "blob",
        "about",
    ];
    let is_refused = refused
        .iter()
        .any(|refused| scheme.eq_ignore_ascii_case(refused));
    is_web_address(text) || is_app_link && !is_refused && !rest.trim_matches('/').is_empty()
}

/// Whether the host is this machine or on a private network.
pub(crate) fn is_private(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        Ok(IpAddr::V6(ip)) => {
            let first = ip.segments()[0];
            let local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            ip.is_loopback() || ip.is_unspecified() || local
        }
        Err(_) => {
            let host = host.trim_end_matches('.').to_ascii_lowercase();
            host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_private, is_return_address, is_web_address};

    #[test]
    fn a_return_url_can_be_an_app_link() {
        for good in [
            "https://shop.cd/ok",
            "monapp://paiement?status=ok",
            "com.shop:/ok",
        ] {
            assert!(is_return_address(good), "{good}");
        }
        for bad in [
            "",
            "/ok",
            "http://",
            "javascript:x()",
            "DATA:text/html,x",
            "monapp:",
            "c:\\x",
        ] {
            assert!(!is_return_address(bad), "{bad}");
        }
    }

    #[test]
    fn only_absolute_http_urls_are_web_addresses() {
        for good in ["http://a", "https://shop.cd/ok?x=1", "http://[::1]:80/"] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in ["", "shop.cd/ok", "/ok", "javascript:alert(1)", "ftp://a/b"] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn private_networks_are_recognized() {
        let private = |text: &str| is_private(&text.parse().expect("an address"));
        for url in [
            "http://localhost:80/",
            "http://127.0.0.1/",
            "http://192.168.1.4/x",
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://printer.local/",
        ] {
            assert!(private(url), "{url}");
        }
        assert!(!private("https://shop.cd/x"));
        assert!(!private("http://41.243.0.1/"));
    }
}
