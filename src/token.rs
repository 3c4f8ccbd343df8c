//! The authorization token: validation, use in requests, and masking in replies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;
use serde::Deserialize;
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::{Zeroize, Zeroizing};

use crate::wire::{date, percent};

/// In bytes. A longer token might not fit into one write of a request when it is escaped.
const MAX_LENGTH: usize = 4096;

/// In bytes. A shorter token may occur in other text by chance.
const MIN_LENGTH_TO_MASK: usize = 8;

/// Replaces the token in a reply. A URL with brackets is invalid, so it cannot be used by mistake.
const MASK: &str = "[token]";

/// Where the token is in a request. This decides how it is escaped.
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
    /// The unescaped token, as in a header.
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
            return Err("contains a line ending");
        }
        if !bare.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("contains whitespace, a control character or a non-ASCII character");
        }
        let if_different =
            |escaped: Zeroizing<String>| Some(escaped).filter(|escaped| **escaped != bare);
        Ok(Self {
            json: if_different(json_escaped(bare)),
            form: if_different(form_encoded(bare)),
            bare: Zeroizing::new(bare.to_owned()),
        })
    }

    /// The token, escaped for a place.
    fn escaped(&self, place: Place) -> &str {
        let escaped = match place {
            Place::Header => &None,
            Place::Json => &self.json,
            Place::Form => &self.form,
        };
        escaped.as_ref().unwrap_or(&self.bare)
    }

    /// A placeholder for the token, which [`fill_placeholder`](Self::fill_placeholder) replaces:
    /// asterisks of the same length. The HTTP library copies headers and bodies, and can log every
    /// byte. So it never receives the token.
    pub(crate) fn placeholder(&self, place: Place) -> String {
        let length = scheme(place).len() + self.escaped(place).len();
        "*".repeat(length)
    }

    /// Writes the token over its placeholder. False if `output` contains none.
    pub(crate) fn fill_placeholder(&self, place: Place, output: &mut [u8]) -> bool {
        let name: &[u8] = match place {
            Place::Header => b"authorization: ",
            Place::Form => b"authorization=",
            Place::Json => b"\"authorization\":\"",
        };
        let mut asterisks = memchr_iter(b'*', output);
        let Some(start) = asterisks.find(|&at| output[..at].ends_with(name)) else {
            return false;
        };
        let (scheme, token) = (scheme(place), self.escaped(place));
        match output.get_mut(start..start + scheme.len() + token.len()) {
            Some(placeholder) if placeholder.iter().all(|&byte| byte == b'*') => {
                let (before, after) = placeholder.split_at_mut(scheme.len());
                before.copy_from_slice(scheme.as_bytes());
                after.copy_from_slice(token.as_bytes());
                true
            }
            _ => false,
        }
    }

    /// Replaces the token in a reply: some gateways repeat the refused request in their refusal, or
    /// in a page for the customer. The token is found unescaped, and escaped as in a JSON or form
    /// request. True if it was found.
    ///
    /// Each reply is masked twice: the received bytes, and each text after its escapes were
    /// decoded. A JWT has no character that JSON, a form or HTML must escape.
    pub(crate) fn mask_in(&self, text: &mut Vec<u8>) -> bool {
        if self.bare.len() < MIN_LENGTH_TO_MASK {
            return false;
        }
        let mut was_found = replace_all(text, self.bare.as_bytes());
        for escaped in [&self.json, &self.form].into_iter().flatten() {
            was_found |= replace_all(text, escaped.as_bytes());
        }
        was_found
    }

    /// The same for a decoded text.
    pub(crate) fn masked(&self, text: String) -> String {
        let mut bytes = text.into_bytes();
        self.mask_in(&mut bytes);
        // This cannot fail: the token and the mask are ASCII, and no byte of another character is.
        String::from_utf8(bytes).expect("ASCII was replaced by ASCII")
    }

    /// When the token expired, if it is a JWT whose `exp` is in the past by this machine's clock.
    ///
    /// Use it only to explain a refusal of the gateway: the clock may be wrong.
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

// Both allocate the maximum length at the start: a String that grows leaves a copy of the token in
// memory.

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
    let _ = write!(encoded, "{}", percent::encode(token));
    encoded
}

/// Replaces the token by [`MASK`]. True if it was found; then the old text is wiped.
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
    fn the_bearer_scheme_is_optional() {
        for given in [
            "abc.def",
            "Bearer abc.def",
            "bearer   abc.def ",
            "  abc.def\n",
            "BEARER\tabc.def",
        ] {
            assert_eq!(&*Token::accept(given).expect(given).bare, "abc.def");
        }
        // A token that only begins with these letters is not changed.
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
            let problem = Token::accept(given).expect_err(given);
            assert!(!problem.contains("s3c"), "{problem}");
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_token() {
        let token = Token::accept("canary-4711").unwrap();
        assert_eq!(format!("{token:?}"), "Token(secret)");
    }

    #[test]
    fn the_token_replaces_its_placeholder_and_nothing_else() {
        let token = Token::accept("a\"b\\c=").unwrap();
        for (place, before, after) in [
            (Place::Header, "x: **\r\nauthorization: ", "Bearer a\"b\\c="),
            (Place::Form, "authorization=", "Bearer%20a%22b%5Cc%3D"),
            (Place::Json, "{\"authorization\":\"", "Bearer a\\\"b\\\\c="),
        ] {
            let request = |value: &str| format!("{before}{value}&description=****").into_bytes();
            let mut output = request(&token.placeholder(place));
            assert!(token.fill_placeholder(place, &mut output));
            assert_eq!(output, request(after));
            assert!(!token.fill_placeholder(place, &mut output), "once");
        }
    }

    #[test]
    fn the_token_is_masked_in_what_the_gateway_repeats() {
        let token = Token::accept("canary/\"47=").unwrap();
        let mut text = b"no canary/\"47= nor canary%2F%2247%3D nor canary/\\\"47= here".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"no [token] nor [token] nor [token] here");
        assert!(!token.mask_in(&mut text));
        // Overlapping occurrences count as one, and masking creates no new occurrence.
        let token = Token::accept("abababab").unwrap();
        let mut text = b"ababababababab ababab[token]ab".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"[token]ababab ababab[token]ab");
        // A short token may occur by chance, and is not replaced.
        let mut text = b"abc".to_vec();
        assert!(!Token::accept("b").unwrap().mask_in(&mut text));
    }

    #[test]
    fn the_expiry_time_of_a_jwt_is_read() {
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
