//! Replies that are valid HTTP, with all kinds of statuses and bodies.

use flexpay_sandbox::fault_server::{EchoFormat, Step};

use super::{Context, Row, after_request, send};
use crate::expectation::{
    Expectation, GATEWAY_FAILED, OTHER_PAYMENT, REFUSED, UNKNOWN_ORDER, UNREADABLE, USED_BEFORE,
};
use crate::interface::consts;
use crate::replies::{CARD_PAGE, Service, reply};
use crate::rng::Rng;

const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Erreur</title></head><body>Erreur interne</body></html>";
const REFUSAL: &str = r#"{"code":"1","message":"Solde marchand insuffisant"}"#;

pub(super) fn status(context: &Context, rng: &mut Rng) -> Row {
    let operation = &context.operation;
    let failures = [
        400, 401, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425, 429, 451, 499, 500, 500, 501,
        502, 503, 504, 520, 599, 600, 799, 999,
    ];
    let successes = [200, 201, 202, 203, 204, 206, 299];
    if rng.percent(20) {
        let status = *rng.pick(&successes);
        let (body, expectation) = operation.good_body(rng);
        // A 204 has no body, whatever is sent.
        let expectation = if status == 204 {
            UNREADABLE
        } else {
            expectation
        };
        let then = vec![send(reply(status, "", body)), Step::Close];
        return after_request(format!("{status}, a good body"), then, &[expectation]);
    }
    let status = *rng.pick(&failures);
    let expected = operation.status_expectation(status);
    let (success, _) = operation.success_body();
    let not_found = r#"{"code":"1","message":"Aucune transaction trouvée","transaction":null}"#;
    let missing = if matches!(status, 400 | 404 | 405 | 422) && !operation.service.moves_money() {
        UNKNOWN_ORDER
    } else {
        expected
    };
    // A refusal of a payment with a success body, or one that names an order, contradicts itself. In a
    // check, the status decides.
    let contradiction = if operation.service.moves_money() && expected.is_refusal() {
        UNREADABLE
    } else {
        expected
    };
    let deep = format!("{{\"message\":{}", "[".repeat(5_000));
    let (name, body, expectation) = rng.take(vec![
        ("a refusal", REFUSAL.to_owned(), expected),
        ("a page", PAGE.to_owned(), expected),
        ("nothing", String::new(), expected),
        ("a good body", success.clone(), contradiction),
        (
            "a good body, cut",
            success[..success.len() / 2].to_owned(),
            expected,
        ),
        ("no such order", not_found.to_owned(), missing),
        ("nesting", deep, expected),
        (
            "a refusal that names an order",
            operation.refusal_with_order(),
            contradiction,
        ),
    ]);
    let retry_after = rng.percent(30);
    let after = *rng.pick(&[
        "0",
        "1",
        "3600",
        "-1",
        "18446744073709551615",
        "99999999999999999999",
        "soon",
    ]);
    let headers = match retry_after {
        true => format!("Retry-After: {after}\r\n"),
        false => String::new(),
    };
    Row {
        retry_after,
        ..after_request(
            format!("{status}, {name}"),
            vec![send(reply(status, &headers, body))],
            &[expectation],
        )
    }
}

pub(super) fn content(context: &Context, rng: &mut Rng) -> Row {
    let operation = &context.operation;
    let (success, good) = operation.success_body();
    let cut = rng.between(1, success.len() - 2);
    let deep = |n: usize| {
        format!(
            "{{\"x\":{}1{},{}",
            "[".repeat(n),
            "]".repeat(n),
            &success[1..]
        )
    };
    let mut rows: Vec<(String, Vec<u8>, Vec<Expectation>)> = Vec::new();
    let mut add = |name: &str, body: &[u8], expectation: Expectation| {
        rows.push((name.to_owned(), body.to_vec(), vec![expectation]));
    };
    add(
        &format!("JSON cut after {cut}"),
        &success.as_bytes()[..cut],
        UNREADABLE,
    );
    add("nested 15 deep", deep(15).as_bytes(), good);
    add("nested 17 deep", deep(17).as_bytes(), UNREADABLE);
    add(
        "nested 100,000 deep",
        "[{\"a\":".repeat(100_000).as_bytes(),
        UNREADABLE,
    );
    add(
        "objects 60,000 deep",
        "{\"transaction\":".repeat(60_000).as_bytes(),
        UNREADABLE,
    );
    add(
        "followed by a letter",
        format!("{success}x").as_bytes(),
        UNREADABLE,
    );
    add(
        "twice",
        format!("{success}{success}").as_bytes(),
        UNREADABLE,
    );
    add(
        "a NUL in a key",
        success.replacen("code", "co\\u0000de", 1).as_bytes(),
        UNREADABLE,
    );
    add(
        "not UTF-8",
        &[b"{\"x\":\"\xff\",", &success.as_bytes()[1..]].concat(),
        good,
    );
    add(
        "UTF-16",
        &success
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
        UNREADABLE,
    );
    add("an array", format!("[{success}]").as_bytes(), UNREADABLE);
    add("a string", format!("{success:?}").as_bytes(), UNREADABLE);
    add("null", b"null", UNREADABLE);
    add("nothing", b"", UNREADABLE);
    add("whitespace", b" \r\n\t ", UNREADABLE);
    add("plain text", b"OK, paye", UNREADABLE);
    add("an empty object", b"{}", UNREADABLE);
    add("an error page", PAGE.as_bytes(), UNREADABLE);
    add(
        "code given twice",
        success.replacen('{', "{\"Code\":\"1\",", 1).as_bytes(),
        UNREADABLE,
    );
    add(
        "code 1, and code 0 under another key",
        success
            .replacen("\"code\":", "\"code\":\"1\",\"x\":", 1)
            .as_bytes(),
        UNREADABLE,
    );
    add("a refusal", REFUSAL.as_bytes(), REFUSED);
    add(
        "a refusal that names an order",
        operation.refusal_with_order().as_bytes(),
        match operation.service.moves_money() {
            true => UNREADABLE,
            false => REFUSED,
        },
    );
    if matches!(operation.service, Service::Mobile | Service::Payout) {
        for (name, body) in bodies_without_order(&operation.order_number) {
            add(name, body.as_bytes(), UNREADABLE);
        }
        // Only code 1 is a refusal.
        for code in ["\"00\"", "7", "\"-1\"", "\"500\"", "\"OK\""] {
            let body = format!("{{\"code\":{code},\"message\":\"Service indisponible\"}}");
            add("another code", body.as_bytes(), GATEWAY_FAILED);
        }
        let used = r#"{"code":"1","message":"Transaction déjà traitée"}"#;
        add("a reference used before", used.as_bytes(), USED_BEFORE);
    } else if operation.service.has_card_page() {
        for (name, url) in [
            ("plain http", "http://gwvisa.flexpay.cd/checkout/1"),
            ("javascript", "javascript:alert(1)"),
            ("relative", "/checkout/1"),
            ("back to the shop", "https://zando.example/annule"),
            ("a user name", "https://gwvisa.flexpay.cd@evil.example/1"),
            (
                "a backslash",
                "https://gwvisa.flexpay.cd\\\\@evil.example/1",
            ),
            ("a line ending", "https://gwvisa.flexpay.cd/\\r\\nX: 1"),
            ("no address", ""),
        ] {
            add(
                &format!("address: {name}"),
                success.replace(CARD_PAGE, url).as_bytes(),
                UNREADABLE,
            );
        }
        let two = success.replacen('{', "{\"link\":\"https://evil.example/1\",", 1);
        add("two addresses", two.as_bytes(), UNREADABLE);
    } else {
        let with = |from: &str, to: &str| success.replacen(from, to, 1);
        let status = |text: &str| with("\"status\":\"0\"", &format!("\"status\":{text}"));
        for text in [
            "\"0.\"", "\"00\"", "\" 0\"", "\"+0\"", "-0", "0e0", "true", "null", "\"\"", "[0]",
            "\"7\"", "\"٠\"",
        ] {
            add(
                &format!("status {text}"),
                status(text).as_bytes(),
                Expectation::State(consts::STATE_UNKNOWN),
            );
        }
        for text in ["0", "0.0", "\"0.00\""] {
            add(&format!("status {text}"), status(text).as_bytes(), good);
        }
        add(
            "status given twice",
            status("\"0\",\"Status\":\"1\"").as_bytes(),
            UNREADABLE,
        );
        add(
            "another order",
            with(&operation.order_number, "N0").as_bytes(),
            UNREADABLE,
        );
        add(
            "no transaction",
            with("\"transaction\"", "\"x\"").as_bytes(),
            UNREADABLE,
        );
        add(
            "the transaction is text",
            br#"{"code":"0","transaction":"paid"}"#,
            UNREADABLE,
        );
        add(
            "no such order",
            br#"{"code":"1","message":"Aucune","transaction":null}"#,
            UNKNOWN_ORDER,
        );
        add(
            "paid outside the transaction",
            br#"{"code":"0","status":"0"}"#,
            UNREADABLE,
        );
    }
    let (name, body, expectations) = rng.take(rows);
    let kind = *rng.pick(&["application/json", "text/html; charset=utf-8", "image/png"]);
    after_request(
        name,
        vec![send(reply(200, &format!("Content-Type: {kind}\r\n"), body))],
        &expectations,
    )
}

/// Replies to a request for a mobile payment or a payout that report success, but not, or not clearly,
/// under which order number; and pages. Some of them are good replies to a payment by card.
fn bodies_without_order(order: &str) -> Vec<(&'static str, String)> {
    let with = |more: &str| format!(r#"{{"code":"0","message":"Transaction envoyée"{more}}}"#);
    vec![
        ("no order number", with("")),
        ("order number null", with(r#","orderNumber":null"#)),
        ("order number empty", with(r#","orderNumber":"""#)),
        (
            "order number in a list",
            with(&format!(r#","orderNumber":["{order}"]"#)),
        ),
        (
            "order number only in a transaction",
            with(&format!(r#","transaction":{{"orderNumber":"{order}"}}"#)),
        ),
        (
            "two order numbers",
            with(&format!(r#","orderNumber":"{order}","order_number":"N0""#)),
        ),
        (
            "two order numbers, one in data",
            with(&format!(
                r#","orderNumber":"{order}","data":{{"orderNumber":"N0"}}"#
            )),
        ),
        (
            "an address instead of an order number",
            with(&format!(r#","url":"{CARD_PAGE}""#)),
        ),
        ("no code", format!(r#"{{"orderNumber":"{order}"}}"#)),
        (
            "code null",
            format!(r#"{{"code":null,"orderNumber":"{order}"}}"#),
        ),
        (
            "status instead of code",
            format!(r#"{{"status":"0","orderNumber":"{order}"}}"#),
        ),
        (
            "code true",
            format!(r#"{{"code":true,"orderNumber":"{order}"}}"#),
        ),
        (
            "a page with a link to a card page",
            format!("<!DOCTYPE html><html><a href=\"{CARD_PAGE}\">Payer</a></html>"),
        ),
        (
            "a page that moves on by itself",
            format!("<meta http-equiv=refresh content='0; url={CARD_PAGE}'></html>"),
        ),
        (
            "a form for the customer",
            format!("<form action=\"{CARD_PAGE}\" method=post></form></html>"),
        ),
    ]
}

/// The requested transaction, in a reply without its order number.
pub(super) fn no_order_number(context: &Context, rng: &mut Rng) -> Row {
    let (body, expectation) = context.operation.good_body(rng);
    let (name, number) = rng.take(vec![
        ("absent", "\"x\":"),
        ("null", "\"orderNumber\":null,\"x\":"),
        ("empty", "\"orderNumber\":\"\",\"x\":"),
    ]);
    let body = body.replacen("\"orderNumber\":", number, 1);
    after_request(name, vec![send(reply(200, "", body))], &[expectation])
}

/// A debugging page that shows the request, including the token.
pub(super) fn echo(context: &Context, rng: &mut Rng) -> Row {
    let status = *rng.pick(&[200, 400, 401, 404, 422, 500, 502]);
    let format = *rng.pick(&[
        EchoFormat::Json,
        EchoFormat::SlashedJson,
        EchoFormat::UnicodeJson,
        EchoFormat::Headers,
        EchoFormat::Page,
        EchoFormat::EntityPage,
    ]);
    let expectation = match (status, format.is_page()) {
        (200, true) => UNREADABLE,
        (200, false) => REFUSED,
        _ => context.operation.status_expectation(status),
    };
    let name = format!("{status}, {format:?}");
    after_request(name, vec![Step::Echo { status, format }], &[expectation])
}

/// A transaction that is paid, but is not the one that the shop expects.
pub(super) fn other_payment(context: &Context, rng: &mut Rng) -> Row {
    let (paid, _) = context.operation.success_body();
    let mut rows = vec![
        ("another amount", paid.replace("25.50", "2.55")),
        ("a greater amount", paid.replace("25.50", "25.51")),
        ("an amount with a comma", paid.replace("25.50", "25,50")),
        ("another currency", paid.replace("USD", "CDF")),
        (
            "another reference",
            paid.replace(&context.operation.reference, "R0"),
        ),
        ("no reference", paid.replace("\"reference\"", "\"x\"")),
        ("no amount", paid.replace("\"amount\"", "\"x\"")),
        ("no currency", paid.replace("\"currency\"", "\"x\"")),
    ];
    if context.operation.kind != consts::KIND_CARD {
        for channel in ["visa", "mastercard", "VISA"] {
            let by_card = paid.replace("mpesa", channel).replace("airtel", channel);
            rows.push(("paid by card", by_card));
        }
    }
    let (name, body) = rng.take(rows);
    after_request(name, vec![send(reply(200, "", body))], &[OTHER_PAYMENT])
}

pub(super) fn good(context: &Context, rng: &mut Rng) -> Row {
    let (reply, expectation) = context.operation.good(rng);
    after_request("a good reply", vec![send(reply)], &[expectation])
}
