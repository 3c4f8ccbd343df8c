//! A request as received, with the token masked, since people paste requests into e-mails.

use crate::journal::RequestRecord;

/// Replaces the token.
const MASK: &str = "••••";

/// How many characters are shown.
const SHOWN_MAX: usize = 4096;

/// How many bytes of a body are searched for secrets. Much more than is shown, so that a token is not
/// cut in two, since its first half alone would not be recognized.
const SEARCHED_MAX: usize = 64 * 1024;

/// The request as sent on the wire, masked. `token` is the gateway's own.
pub(crate) fn request(record: &RequestRecord, token: &str) -> String {
    let mut text = format!("{} {}\n", record.method, record.path);
    for (name, value) in &record.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    let body = &record.body[..record.body.len().min(SEARCHED_MAX)];
    text.push_str(&String::from_utf8_lossy(body));
    let mut text = mask_tokens(&text, token);
    if let Some((end, _)) = text.char_indices().nth(SHOWN_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Masks every value named "authorization" (a header, a form field, a JSON member, a part of a
/// multipart body), even if it is wrong: it could be the token of another account. These values and the
/// gateway's own token are masked everywhere in the text.
fn mask_tokens(text: &str, token: &str) -> String {
    let mut secrets = vec![token.to_owned()];
    // ASCII lower case does not change byte positions.
    let lower = text.to_ascii_lowercase();
    for (at, name) in lower.match_indices("authorization") {
        let value = value_after(&text[at + name.len()..]).trim();
        let secret = value
            .strip_prefix("Bearer")
            .map_or(value, |after| after.trim_start_matches([' ', '+']))
            .trim_start_matches("%20");
        if !secret.is_empty() {
            secrets.push(secret.to_owned());
        }
    }
    // Longest first: one secret can be a prefix of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), MASK)
    })
}

/// The value after a name, in any of the four syntaxes.
fn value_after(rest: &str) -> &str {
    let until = |text, end: &[char]| -> &str { str::split(text, end).next().unwrap_or_default() };
    let unquoted = rest.trim_start_matches(['"', '\'']);
    if let Some((_, part)) = unquoted
        .split_once("\r\n\r\n")
        .filter(|(head, _)| head.is_empty() || head.starts_with("\r\n"))
    {
        return until(part, &['\r']);
    }
    let separated = unquoted.trim_start();
    if let Some(value) = separated.strip_prefix('=') {
        return until(value, &['&', '\n', ' ']);
    }
    let Some(value) = separated.strip_prefix(':') else {
        return "";
    };
    let value = value.trim_start();
    match value.strip_prefix('"') {
        Some(quoted) => until(quoted, &['"']),
        None => until(value, &['\n', ',', '}']),
    }
}

#[cfg(test)]
mod tests {
    use super::mask_tokens;

    #[test]
    fn tokens_are_masked_in_every_syntax() {
        for request in [
            "POST /v1/pay\nauthorization: Bearer s3cret\n\n",
            "POST /v1/pay\nAuthorization: s3cret\n\n",
            "GET /check/1?authorization=s3cret HTTP\n",
            "\n\nauthorization=Bearer+s3cret&merchant=ZANDO",
            "\n\nauthorization=Bearer%20s3cret&merchant=ZANDO",
            "\n\nmerchant=ZANDO&authorization=s3cret",
            r#"{"authorization":"Bearer s3cret","merchant":"ZANDO"}"#,
            r#"{"merchant":"ZANDO", "Authorization" : "s3cret"}"#,
            r#"{"authorization":"s3cret"#,
            r"{authorization: s3cret, merchant: ZANDO}",
            "--b\r\nContent-Disposition: form-data; name=\"authorization\"\r\n\r\ns3cret\r\n--b",
            "authorization: Bearer s3cret\n\ntoken=s3cret",
        ] {
            let shown = mask_tokens(request, "gateway-token");
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains("••••"), "{shown}");
            assert_eq!(
                shown.contains("ZANDO"),
                request.contains("ZANDO"),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_gateways_own_token_is_masked_everywhere() {
        let shown = mask_tokens("POST /v1/pay?key=gateway-token\n\n", "gateway-token");
        assert_eq!(shown, "POST /v1/pay?key=••••\n\n");
    }

    #[test]
    fn other_text_is_unchanged() {
        let request = "POST /v1/pay\n\n{\"merchant\":\"ZANDO\",\"reference\":\"authorization\"}";
        assert_eq!(mask_tokens(request, "gateway-token"), request);
    }
}
