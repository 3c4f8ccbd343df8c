//! The form of a callback address: could the gateway reach it?

use std::net::IpAddr;

use super::finding::Finding;
use crate::texts::say;

const NAME: &str = "callback address";

pub fn examine(url: &str) -> Finding {
    let bad = |en, fr| Finding::bad(NAME, say(en, fr));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let is_https = scheme.eq_ignore_ascii_case("https");
    if !is_https && !scheme.eq_ignore_ascii_case("http") {
        return bad(
            "is not an http or https address: write https://host/path",
            "n'est pas une adresse http ou https : écrivez https://hôte/chemin",
        );
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return bad(
            "has a user name or password in it: the gateway does not send them",
            "contient un nom ou un mot de passe : la passerelle ne les envoie pas",
        );
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    if host.is_empty() {
        return bad("names no host", "ne nomme pas d'hôte");
    }
    if is_private(host) {
        return bad(
            "is on this machine or a private network: the gateway cannot reach it, and refuses it. Use \
             the public address of your shop",
            "est sur cette machine ou un réseau privé : la passerelle ne peut pas l'atteindre et la \
             refuse. Utilisez l'adresse publique de votre boutique",
        );
    }
    if !is_https {
        return bad(
            "is plain http: anyone on the way can read and change a callback. Use https",
            "est en http simple : n'importe qui sur le trajet peut lire et changer une notification. \
             Utilisez https",
        );
    }
    Finding::good(
        NAME,
        say(
            "its form is good; whether the gateway reaches it, only a payment shows",
            "sa forme est bonne ; seul un paiement montre si la passerelle l'atteint",
        ),
    )
}

/// Whether only this machine or its own network can reach a host.
fn is_private(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
        Err(_) => {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            let local = ["localhost", "local", "internal", "lan", "test", "invalid"];
            !name.contains('.') || local.contains(&name.rsplit('.').next().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_the_gateway_cannot_reach_is_bad() {
        for good in [
            "https://shop.example/callback",
            "https://shop.example:8443/cb?x=1",
            "https://203.0.113.7/",
        ] {
            assert_eq!(examine(good).ok, Some(true), "{good}");
        }
        for bad in [
            "",
            "shop.example/callback",
            "ftp://shop.example/",
            "https:///callback",
            "http://shop.example/callback",
            "https://localhost/callback",
            "https://127.0.0.1/",
            "https://192.168.1.7:8443/",
            "https://[::1]/",
            "https://[fe80::1]/",
            "https://caisse/",
            "https://caisse.local/",
            "https://user:secret@shop.example/",
        ] {
            let finding = examine(bad);
            assert_eq!(finding.ok, Some(false), "{bad}");
            assert!(!finding.detail.contains("secret"));
        }
    }
}
