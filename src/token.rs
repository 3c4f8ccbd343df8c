//! The merchant's secret: how it is accepted, kept, and wiped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;
use serde::Deserialize;
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::{Zeroize, Zeroizing};

use crate::wire::{date, form};

/// A longer token would not fit into one write of a request, however it is escaped.
const MAX_LENGTH: usize = 4096;

/// A shorter token occurs by chance in other text.
const MIN_LENGTH_TO_MASK: usize = 8;

/// Replaces the token in what the gateway sent. No address is valid with brackets in it.
const MASK: &str = "[token]";

/// Where in a request the token is. The place decides how it is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `authorization: Bearer …`
    Header,
    /// `"authorization":"Bearer …"`
    Json,
    /// `authorization=Bearer%20…`
    Form,
}

/// The authorization token. It is wiped when dropped, and nothing prints it.
pub(crate) struct Token {
    /// The token as it is, which is how a header has it.
    bare: Zeroizing<String>,
    /// The token as JSON escapes it, if that is different. It is not for a JWT.
    json: Option<Zeroizing<String>>,
    /// The token as a form encodes it, if that is different.
    form: Option<Zeroizing<String>>,
}

impl Token {
    /// Accepts a token with or without `Bearer `, and with whitespace around it. The error never
    /// contains the token.
    pub(crate) fn accept(given: &str) -> Result<Self, &'static str> {
        let trimmed = given.trim();
        let bare = match trimmed.get(..6) {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer") => match &trimmed[6..] {
                "" => "",
                rest if rest.starts_with([' ', '\t']) => rest.trim(),
                _ => trimmed,
            },
            _ => trimmed,
        };
        if bare.is_empty() {
            return Err("is missing");
        }
        if bare.len() > MAX_LENGTH {
            return Err("is longer than 4,096 characters");
        }
        if bare.contains(['\r', '\n']) {
            return Err("has a line end in it");
        }
        if !bare.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("has a blank, a control character or a letter outside ASCII in it");
        }
        let if_different =
            |escaped: Zeroizing<String>| Some(escaped).filter(|escaped| **escaped != bare);
        Ok(Self {
            json: if_different(json_escaped(bare)),
            form: if_different(form_encoded(bare)),
            bare: Zeroizing::new(bare.to_owned()),
        })
    }

    /// The token as it is written at a place.
    fn escaped(&self, place: Place) -> &str {
        let escaped = match place {
            Place::Header => &None,
            Place::Json => &self.json,
            Place::Form => &self.form,
        };
        escaped.as_ref().unwrap_or(&self.bare)
    }

    /// What reserves the token's place in a request until [`put_in_place`](Self::put_in_place): as
    /// many stars as it has characters. The HTTP library copies headers and bodies, and logs every
    /// byte at its finest level. So it never gets the token.
    pub(crate) fn stand_in(&self, place: Place) -> String {
        let length = scheme(place).len() + self.escaped(place).len();
        "*".repeat(length)
    }

    /// Writes the token over its stand-in. False if there is none in `output`.
    pub(crate) fn put_in_place(&self, place: Place, output: &mut [u8]) -> bool {
        let name: &[u8] = match place {
            Place::Header => b"authorization: ",
            Place::Form => b"authorization=",
            Place::Json => b"\"authorization\":\"",
        };
        let mut stars = memchr_iter(b'*', output);
        let Some(start) = stars.find(|&at| output[..at].ends_with(name)) else {
            return false;
        };
        let (scheme, token) = (scheme(place), self.escaped(place));
        match output.get_mut(start..start + scheme.len() + token.len()) {
            Some(room) if room.iter().all(|&byte| byte == b'*') => {
                let (before, after) = room.split_at_mut(scheme.len());
                before.copy_from_slice(scheme.as_bytes());
                after.copy_from_slice(token.as_bytes());
                true
            }
            _ => false,
        }
    }

    /// Replaces the token in what the gateway sent: some gateways put what they refuse into the
    /// refusal, or into a page for the customer. It is found as it is, and as a request has it in
    /// JSON and in a form. True if it was there.
    ///
    /// Each reply is masked twice: its bytes as they came, and each text after its escapes were
    /// decoded. A JWT has no character that JSON, a form or HTML must escape.
    pub(crate) fn mask_in(&self, text: &mut Vec<u8>) -> bool {
        if self.bare.len() < MIN_LENGTH_TO_MASK {
            return false;
        }
        let mut was_there = replace_all(text, self.bare.as_bytes());
        for escaped in [&self.json, &self.form].into_iter().flatten() {
            was_there |= replace_all(text, escaped.as_bytes());
        }
        was_there
    }

    /// The same for a text that was decoded.
    pub(crate) fn masked(&self, text: String) -> String {
        let mut bytes = text.into_bytes();
        self.mask_in(&mut bytes);
        // Masking replaces ASCII by ASCII.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// If the token is a JWT whose `exp` is past by this machine's clock, when it expired.
    ///
    /// Only ever used to explain a refusal of the gateway: clocks on tills are wrong.
    pub(crate) fn expired_since(&self, now: SystemTime) -> Option<String> {
        #[derive(Deserialize)]
        struct Claims {
            /// RFC 7519 allows fractions of a second.
            exp: f64,
        }
        let mut parts = self.bare.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let expired = claims.exp as i64;
        let past = i64::try_from(now).is_ok_and(|now| expired <= now);
        past.then(|| date::from_unix(expired)).flatten()
    }
}

/// What precedes the token in the value of `authorization`.
fn scheme(place: Place) -> &'static str {
    match place {
        Place::Header | Place::Json => "Bearer ",
        Place::Form => "Bearer%20",
    }
}

// Both reserve the greatest length first: a String that grows leaves a copy of the token behind.

fn json_escaped(token: &str) -> Zeroizing<String> {
    let mut escaped = Zeroizing::new(String::with_capacity(2 * token.len()));
    for c in token.chars() {
        if matches!(c, '"' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn form_encoded(token: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(3 * token.len()));
    // Writing to a String cannot fail.
    let _ = write!(encoded, "{}", form::encode(token));
    encoded
}

/// Replaces the token by [`MASK`]. True if it was there; then the old text is wiped.
fn replace_all(text: &mut Vec<u8>, token: &[u8]) -> bool {
    let mut masked = Vec::new();
    let mut rest = 0;
    for at in memchr_iter(token[0], text) {
        if at >= rest && text[at..].starts_with(token) {
            masked.extend_from_slice(&text[rest..at]);
            masked.extend_from_slice(MASK.as_bytes());
            rest = at + token.len();
        }
    }
    if rest == 0 {
        return false;
    }
    masked.extend_from_slice(&text[rest..]);
    text.zeroize();
    *text = masked;
    true
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_token_comes_with_or_without_its_scheme() {
        for given in [
            "abc.def",
            "Bearer abc.def",
            "bearer   abc.def ",
            "  abc.def\n",
            "BEARER\tabc.def",
        ] {
            assert_eq!(&*Token::accept(given).expect(given).bare, "abc.def");
        }
        // A token that merely begins with those letters is left whole.
        assert_eq!(&*Token::accept("bearer123").unwrap().bare, "bearer123");
    }

    #[test]
    fn a_token_that_would_break_a_header_is_refused_without_being_repeated() {
        for given in [
            "",
            "   ",
            "Bearer ",
            "Bearer",
            "s3cret\r\nX-Evil: 1",
            "s3cret\nx",
            "s3 cret",
            "s3crét",
            "s3cret\0",
        ] {
            let complaint = Token::accept(given).expect_err(given);
            assert!(!complaint.contains("s3c"), "{complaint}");
        }
    }

    #[test]
    fn debug_says_nothing() {
        let token = Token::accept("canary-4711").unwrap();
        assert_eq!(format!("{token:?}"), "Token(secret)");
    }

    #[test]
    fn the_token_takes_the_place_of_its_stand_in_and_no_other() {
        let token = Token::accept("a\"b\\c=").unwrap();
        for (place, before, after) in [
            (Place::Header, "x: **\r\nauthorization: ", "Bearer a\"b\\c="),
            (Place::Form, "authorization=", "Bearer%20a%22b%5Cc%3D"),
            (Place::Json, "{\"authorization\":\"", "Bearer a\\\"b\\\\c="),
        ] {
            let request = |value: &str| format!("{before}{value}&description=****").into_bytes();
            let mut output = request(&token.stand_in(place));
            assert!(token.put_in_place(place, &mut output));
            assert_eq!(output, request(after));
            assert!(!token.put_in_place(place, &mut output), "once");
        }
    }

    #[test]
    fn the_token_is_masked_in_what_the_gateway_repeats() {
        let token = Token::accept("canary/\"47=").unwrap();
        let mut text = b"no canary/\"47= nor canary%2F%2247%3D nor canary/\\\"47= here".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"no [token] nor [token] nor [token] here");
        assert!(!token.mask_in(&mut text));
        // Occurrences that overlap are one, and what is left makes no new one.
        let token = Token::accept("abababab").unwrap();
        let mut text = b"ababababababab ababab[token]ab".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"[token]ababab ababab[token]ab");
        // A short one occurs by chance, and is not replaced.
        let mut text = b"abc".to_vec();
        assert!(!Token::accept("b").unwrap().mask_in(&mut text));
    }

    #[test]
    fn a_jwt_gives_the_time_it_expired() {
        // {"alg":"none"} . {"exp":1700000000} . signature
        let token = Token::accept("eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.c2ln").unwrap();
        let at = |secs| UNIX_EPOCH + Duration::from_secs(secs);
        assert_eq!(
            token.expired_since(at(1_700_000_001)).as_deref(),
            Some("2023-11-14T22:13:20Z")
        );
        assert_eq!(token.expired_since(at(1_699_999_999)), None);
        assert_eq!(Token::accept("no-jwt").unwrap().expired_since(at(2)), None);
        assert_eq!(Token::accept("a.b.c").unwrap().expired_since(at(2)), None);
    }
}
