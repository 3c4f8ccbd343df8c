//! The token: is it set, and when does it expire?

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::finding::Finding;
use crate::texts::{is_french, say};

/// From here on, the user is told to ask for a new token.
const SOON_DAYS: i64 = 30;

pub fn examine(token: &str) -> Finding {
    let token = token.trim();
    if token.is_empty() {
        return Finding::bad(
            "token",
            say(
                "FLEXPAY_TOKEN is not set. Set it to the token that FlexPay gave you",
                "FLEXPAY_TOKEN n'est pas défini. Donnez-lui le jeton que FlexPay vous a remis",
            ),
        );
    }
    let Some(expiry) = expiry(token) else {
        return Finding::good(
            "token",
            say(
                "set; it does not say when it expires",
                "défini ; il ne dit pas quand il expire",
            ),
        );
    };
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let date = expiry.format(&format).unwrap_or_default();
    let days = (expiry - OffsetDateTime::now_utc()).whole_days();
    if expiry <= OffsetDateTime::now_utc() {
        return Finding::bad(
            "token",
            if is_french() {
                format!("a expiré le {date}. Demandez-en un nouveau à FlexPay")
            } else {
                format!("expired on {date}. Ask FlexPay for a new one")
            },
        );
    }
    let soon = match days < SOON_DAYS {
        true => say(
            ". Ask FlexPay for a new one now",
            ". Demandez-en un nouveau à FlexPay dès maintenant",
        ),
        false => "",
    };
    Finding::good(
        "token",
        if is_french() {
            format!("défini, expire le {date}, dans {days} jours{soon}")
        } else {
            format!("set, expires on {date}, in {days} days{soon}")
        },
    )
}

/// The `exp` claim of a JWT, whose signature is not verified. `None` if there is none.
fn expiry(token: &str) -> Option<OffsetDateTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let token = token.rsplit(' ').next()?;
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    OffsetDateTime::from_unix_timestamp(claims.exp as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_expiry_of_a_token_is_read() {
        let year = |token: &str| expiry(token).map(OffsetDateTime::year);
        assert_eq!(year(&jwt(r#"{"exp":4102444800}"#)), Some(2100));
        assert_eq!(
            year(&format!("Bearer {}", jwt(r#"{"exp":1.5e9}"#))),
            Some(2017)
        );
        for token in [
            "",
            "abc",
            "a.b.c",
            &jwt("{}"),
            &jwt(r#"{"exp":"soon"}"#),
            &jwt(r#"{"exp":1e99}"#),
        ] {
            assert_eq!(expiry(token), None, "{token}");
        }
    }

    #[test]
    fn a_token_that_expires_soon_is_to_be_replaced() {
        let in_days = |days| {
            let expiry = OffsetDateTime::now_utc() + time::Duration::days(days);
            examine(&jwt(&format!(r#"{{"exp":{}}}"#, expiry.unix_timestamp())))
        };
        assert!(in_days(29).detail.contains("new one now"));
        assert!(!in_days(32).detail.contains("new one"));
    }

    #[test]
    fn an_expired_token_is_bad_and_an_unknown_one_is_good() {
        assert_eq!(examine(&jwt(r#"{"exp":1000000000}"#)).ok, Some(false));
        assert_eq!(examine(&jwt(r#"{"exp":4102444800}"#)).ok, Some(true));
        assert_eq!(examine("opaque").ok, Some(true));
        assert_eq!(examine(" \n").ok, Some(false));
    }
}
