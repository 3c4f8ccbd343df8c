//! The merchant's secret: how it is accepted, kept, and wiped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::{Zeroize, Zeroizing};

use crate::wire::{date, form};

/// A longer one would not fit into one piece of a request, however it is spelled.
const LONGEST: usize = 4096;

/// A shorter one is found by chance in many a text.
const SHORTEST_TO_SEEK: usize = 8;

/// What stands where the gateway repeated the token. No address may hold a bracket there.
const MASK: &str = "[token]";

/// The authorization token. It is wiped when dropped, and nothing prints it.
pub(crate) struct Token(Zeroizing<String>);

impl Token {
    /// Accepts a token with or without `Bearer `, surrounded by blanks or not. The complaint never
    /// repeats what was given.
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
        if bare.len() > LONGEST {
            return Err("is longer than 4,096 characters");
        }
        if bare.contains(['\r', '\n']) {
            return Err("has a line end in it");
        }
        if !bare.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("has a blank, a control character or a letter outside ASCII in it");
        }
        Ok(Self(Zeroizing::new(bare.to_owned())))
    }

    /// `Bearer ` and the token, spelled for its place in a request.
    fn spelled(&self, spelling: Spelling) -> Zeroizing<String> {
        // Room for the longest spelling, so that no outgrown copy is left behind.
        let mut spelled = Zeroizing::new(String::with_capacity(3 * self.0.len() + 9));
        match spelling {
            Spelling::Header => spelled.extend(["Bearer ", &self.0]),
            Spelling::Form => {
                spelled.push_str("Bearer%20");
                // Writing to a String cannot fail.
                let _ = write!(spelled, "{}", form::encode(&self.0));
            }
            Spelling::Json => {
                spelled.push_str("Bearer ");
                for c in self.0.chars() {
                    if matches!(c, '"' | '\\') {
                        spelled.push('\\');
                    }
                    spelled.push(c);
                }
            }
        }
        spelled
    }

    /// What holds the token's place in a request until [`put_in_place`](Self::put_in_place): as
    /// many stars as it has characters. The HTTP library copies headers and bodies about and logs
    /// them byte by byte at its finest level; so it never gets to see the token.
    pub(crate) fn stand_in(&self, spelling: Spelling) -> String {
        "*".repeat(self.spelled(spelling).len())
    }

    /// Puts the token where its stand-in is. False where there is none in `output`.
    pub(crate) fn put_in_place(&self, spelling: Spelling, output: &mut [u8]) -> bool {
        let name: &[u8] = match spelling {
            Spelling::Header => b"authorization: *",
            Spelling::Form => b"authorization=*",
            Spelling::Json => b"\"authorization\":\"*",
        };
        let spelled = self.spelled(spelling);
        let Some(found) = find(output, name) else {
            return false;
        };
        let start = found + name.len() - 1;
        match output.get_mut(start..start + spelled.len()) {
            Some(place) if place.iter().all(|&byte| byte == b'*') => {
                place.copy_from_slice(spelled.as_bytes());
                true
            }
            _ => false,
        }
    }

    /// Takes the token out of what the gateway sent, in whatever spelling it repeated it: some
    /// gateways put what they refuse into the refusal, or into a page for the customer. True where
    /// it was there.
    pub(crate) fn mask_in(&self, text: &mut Vec<u8>) -> bool {
        if self.0.len() < SHORTEST_TO_SEEK {
            return false;
        }
        let needles = [Spelling::Header, Spelling::Form, Spelling::Json].map(|spelling| {
            let spelled = self.spelled(spelling);
            let scheme = if spelling == Spelling::Form {
                "Bearer%20"
            } else {
                "Bearer "
            };
            Zeroizing::new(spelled[scheme.len()..].to_owned())
        });
        let mut masked = Vec::new();
        let mut rest = 0;
        let mut at = 0;
        while at < text.len() {
            let here = needles
                .iter()
                .find(|needle| text[at..].starts_with(needle.as_bytes()));
            match here {
                Some(needle) => {
                    masked.extend_from_slice(&text[rest..at]);
                    masked.extend_from_slice(MASK.as_bytes());
                    at += needle.len();
                    rest = at;
                }
                None => at += 1,
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

    /// If the token is a JWT whose `exp` is past by this machine's clock, when it expired.
    ///
    /// Only ever used to explain a refusal of the gateway: clocks on tills are wrong.
    pub(crate) fn expired_since(&self, now: SystemTime) -> Option<String> {
        #[derive(Deserialize)]
        struct Claims {
            /// RFC 7519 allows fractions of a second.
            exp: f64,
        }
        let mut parts = self.0.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let expired = claims.exp as i64;
        let past = i64::try_from(now).is_ok_and(|now| expired <= now);
        past.then(|| date::from_unix(expired)).flatten()
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Where in a request the token stands, which decides how it is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `authorization: Bearer …`
    Header,
    /// `authorization=Bearer%20…`
    Form,
    /// `"authorization":"Bearer …"`
    Json,
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
            assert_eq!(&*Token::accept(given).expect(given).0, "abc.def");
        }
        // A token that merely begins with those letters is left whole.
        assert_eq!(&*Token::accept("bearer123").unwrap().0, "bearer123");
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
        for (spelling, before, after) in [
            (
                Spelling::Header,
                "x: **\r\nauthorization: ",
                "Bearer a\"b\\c=",
            ),
            (Spelling::Form, "authorization=", "Bearer%20a%22b%5Cc%3D"),
            (
                Spelling::Json,
                "{\"authorization\":\"",
                "Bearer a\\\"b\\\\c=",
            ),
        ] {
            let request = |value: &str| format!("{before}{value}&description=****").into_bytes();
            let mut output = request(&token.stand_in(spelling));
            assert!(token.put_in_place(spelling, &mut output));
            assert_eq!(output, request(after));
            assert!(!token.put_in_place(spelling, &mut output), "once");
        }
    }

    #[test]
    fn the_token_is_taken_out_of_what_the_gateway_repeats() {
        let token = Token::accept("canary/\"47=").unwrap();
        let mut text = b"no canary/\"47= nor canary%2F%2247%3D nor canary/\\\"47= here".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"no [token] nor [token] nor [token] here");
        assert!(!token.mask_in(&mut text));
        // One that is found everywhere is left alone.
        let mut text = b"abc".to_vec();
        assert!(!Token::accept("b").unwrap().mask_in(&mut text));
    }

    #[test]
    fn a_jwt_tells_since_when_it_is_out() {
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
