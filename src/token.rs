//! The merchant's secret: how it is accepted, kept, and wiped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::{memchr_iter, memchr3};
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
        // Room for the longest, so that no outgrown copy is left behind.
        let longest = match spelling {
            Spelling::Header => 1,
            Spelling::Json => 2,
            Spelling::Form => 3,
        };
        let mut spelled = Zeroizing::new(String::with_capacity(longest * self.0.len() + 9));
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
            Spelling::Header => b"authorization: ",
            Spelling::Form => b"authorization=",
            Spelling::Json => b"\"authorization\":\"",
        };
        let mut stars = memchr_iter(b'*', output);
        let Some(start) = stars.find(|&at| output[..at].ends_with(name)) else {
            return false;
        };
        let spelled = self.spelled(spelling);
        match output.get_mut(start..start + spelled.len()) {
            Some(place) if place.iter().all(|&byte| byte == b'*') => {
                place.copy_from_slice(spelled.as_bytes());
                true
            }
            _ => false,
        }
    }

    /// Takes the token out of what the gateway sent, in whatever spelling it repeated it: some
    /// gateways put what they refuse into the refusal, or into a page for the customer. It is taken
    /// out before anything is decoded: what is read from the text, and quoted in part, has none of
    /// it. True where it was there.
    pub(crate) fn mask_in(&self, text: &mut Vec<u8>) -> bool {
        if self.0.len() < SHORTEST_TO_SEEK {
            return false;
        }
        // Most often there is neither the token nor an escape it could be hidden in.
        let first = self.0.as_bytes()[0];
        let is_here = |at: usize| text[at..].starts_with(self.0.as_bytes());
        let [slash, percent, and] = ESCAPES;
        if memchr3(slash, percent, and, text).is_none() && !memchr_iter(first, text).any(is_here) {
            return false;
        }
        let mut masked = Vec::new();
        let mut rest = 0;
        let mut at = 0;
        while at < text.len() {
            let here = match text[at] {
                byte if byte == first || ESCAPES.contains(&byte) => self.length_at(&text[at..]),
                _ => None,
            };
            match here {
                Some(length) => {
                    masked.extend_from_slice(&text[rest..at]);
                    masked.extend_from_slice(MASK.as_bytes());
                    at += length;
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

    /// How much of the text's beginning is the token, each character spelled in any of its ways.
    fn length_at(&self, text: &[u8]) -> Option<usize> {
        // Every way to read it so far ends at one of these.
        let mut ends = vec![0];
        for byte in self.0.bytes() {
            let mut next = Vec::new();
            for end in ends {
                let rest = &text[end..];
                let spelled = written(rest, byte).into_iter().chain(percent(rest, byte));
                for length in spelled.flatten() {
                    if !next.contains(&(end + length)) {
                        next.push(end + length);
                    }
                }
            }
            if next.is_empty() {
                return None;
            }
            ends = next;
        }
        ends.into_iter().max()
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

/// What the escapes of JSON, forms and HTML begin with.
const ESCAPES: [u8; 3] = *b"\\%&";

/// Nobody escapes a text more than three times; and a gateway cannot make this take long.
const MOST_SLASHES: usize = 8;

/// How long the text's first character is, where it is `byte`: as it is, or as JSON and HTML write it
/// (`\/`, `\u002f`, `&#47;`, `&quot;`). What was escaped twice has more backslashes.
fn written(text: &[u8], byte: u8) -> [Option<usize>; 3] {
    let hex = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let is = |value: Option<u32>| value == Some(byte.into());
    let plain = (text.first() == Some(&byte)).then_some(1);
    let [one, other] = match text.first() {
        Some(b'\\') => {
            let first = &text[..text.len().min(MOST_SLASHES)];
            let slashes = first.iter().take_while(|&&byte| byte == b'\\').count();
            let rest = &text[slashes..];
            let unicode = rest.first() == Some(&b'u') && is(rest.get(1..5).and_then(hex));
            match byte {
                b'\\' => [2, 4].map(|length| (length <= slashes).then_some(length)),
                _ if unicode => [Some(slashes + 5), None],
                _ => [(rest.first() == Some(&byte)).then_some(slashes + 1), None],
            }
        }
        Some(b'&') => {
            let end = text.iter().take(10).position(|&byte| byte == b';');
            let value = end.and_then(|end| match &text[1..end] {
                b"amp" => Some(u32::from(b'&')),
                b"quot" => Some(u32::from(b'"')),
                b"apos" => Some(u32::from(b'\'')),
                b"lt" => Some(u32::from(b'<')),
                b"gt" => Some(u32::from(b'>')),
                [b'#', b'x' | b'X', digits @ ..] => hex(digits),
                [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
                _ => None,
            });
            [end.filter(|_| is(value)).map(|end| end + 1), None]
        }
        _ => [None, None],
    };
    [plain, one, other]
}

/// How long it is as forms write it, `%2F`, each character of that written in any way. What was
/// encoded twice has `%25` for `%`.
fn percent(text: &[u8], byte: u8) -> [Option<usize>; 3] {
    let one = |at: usize, byte| written(&text[at..], byte).into_iter().flatten().next();
    let Some(mut at) = one(0, b'%') else {
        return [None; 3];
    };
    let digit = |at: usize, value: u8| {
        let spelled = format!("{value:x}{value:X}");
        spelled.bytes().find_map(|digit| Some(at + one(at, digit)?))
    };
    let pair = |at, byte: u8| digit(digit(at, byte >> 4)?, byte & 15);
    for _ in 0..MOST_SLASHES {
        if let Some(end) = pair(at, byte) {
            return [Some(end), None, None];
        }
        match pair(at, b'%') {
            Some(after) => at = after,
            None => break,
        }
    }
    [None; 3]
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
        for spelled in [
            // PHP's, in capitals or not; escaped twice; and as a page shows it.
            r#"canary\/\"47="#,
            r#"canary\u002F\u002247\u003d"#,
            r#"canary/\\\"47="#,
            "canary%2f%2247%3d",
            "canary%252F%252247%253D",
            "&#99;anary&#x2f;&quot;47&#061;",
            // Encoded for a form, and then shown in JSON, or on a page.
            r#"canary\u00252f%22\u0034\u0037\u0025\u0033\u0044"#,
            "canary&#37;&#50;&#70;&#x25;2247%3D",
            r#"%63anary&sol;/"47="#,
        ] {
            let mut text = format!("<{spelled}> twice: {spelled}{spelled}.").into_bytes();
            let masked = text.clone();
            let there = !spelled.contains("sol");
            assert_eq!(token.mask_in(&mut text), there, "{spelled}");
            match there {
                true => assert_eq!(text, b"<[token]> twice: [token][token]."),
                false => assert_eq!(text, masked),
            }
        }
        // In one pass: occurrences that overlap are one, and what is left makes no new one.
        let token = Token::accept("abababab").unwrap();
        let mut text = b"ababababababab ababab[token]ab".to_vec();
        assert!(token.mask_in(&mut text));
        assert_eq!(text, b"[token]ababab ababab[token]ab");
        for token in [r"\\\\\\\\\\", "%25%25%25%25", "&&&&&&&&", "uuuuuuuu"] {
            // Nothing that can be read in many ways takes long, and each is found plain.
            let token = Token::accept(token).unwrap();
            let mut text = [token.0.as_bytes(), &vec![token.0.as_bytes()[0]; 20_000]].concat();
            assert!(token.mask_in(&mut text));
            assert!(!token.mask_in(&mut text) || token.0.starts_with('\\'));
        }
        // One that is found everywhere is left alone.
        let mut text = b"abc".to_vec();
        assert!(!Token::accept("b").unwrap().mask_in(&mut text));
    }

    /// It would take minutes if each place that could begin the token cost the token's whole length.
    #[test]
    fn a_long_token_is_soon_looked_for_in_a_large_page() {
        let token = Token::accept(&format!("e{}", "yJ.".repeat(1_300))).unwrap();
        for filling in ["e", "\\", "&", "%", "&amp;ey", "\\/e"] {
            let mut text = filling.repeat(150_000 / filling.len()).into_bytes();
            assert!(!token.mask_in(&mut text.clone()), "{filling}");
            text.extend_from_slice(b" ");
            text.extend_from_slice(token.0.as_bytes());
            assert!(token.mask_in(&mut text), "{filling}");
            assert!(text.ends_with(b" [token]"), "{filling}");
        }
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
