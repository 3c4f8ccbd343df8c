//! A request as it came, without the token: for people, who paste such things into letters.

use crate::journal::RequestRecord;

/// What stands in the token's place.
const MASK: &str = "••••";

/// How much is shown, in characters; and how many bytes of a body are looked at. It is far more, so that
/// no token is cut in two, of which the first half would not be known.
const SHOWN: usize = 4096;
const LOOKED_AT: usize = 64 * 1024;

/// The request in the form in which it travelled. `token` is the gateway's own.
pub(crate) fn request(record: &RequestRecord, token: &str) -> String {
    let mut text = format!("{} {}\n", record.method, record.path);
    for (name, value) in &record.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    let body = &record.body[..record.body.len().min(LOOKED_AT)];
    text.push_str(&String::from_utf8_lossy(body));
    let mut text = without_token(&text, token);
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Masks whatever is called "authorization" (a header, a field of a form, a member of JSON, a part of
/// a multipart body), right or wrong: a wrong one may be the token of another account. What was masked
/// once, and the gateway's own token, is masked everywhere.
fn without_token(text: &str, token: &str) -> String {
    let mut secrets = vec![token.to_owned()];
    // Lower case in ASCII leaves every byte in its place.
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
    // The longest first: one may be the beginning of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), MASK)
    })
}

/// The value after a name, in whichever of the four ways it is written.
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
    use super::without_token;

    #[test]
    fn no_token_is_shown_however_it_is_written() {
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
            let shown = without_token(request, "gateway-token");
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
    fn the_gateway_s_own_is_shown_nowhere() {
        let shown = without_token("POST /v1/pay?key=gateway-token\n\n", "gateway-token");
        assert_eq!(shown, "POST /v1/pay?key=••••\n\n");
    }

    #[test]
    fn nothing_else_is_touched() {
        let request = "POST /v1/pay\n\n{\"merchant\":\"ZANDO\",\"reference\":\"authorization\"}";
        assert_eq!(without_token(request, "gateway-token"), request);
    }
}
