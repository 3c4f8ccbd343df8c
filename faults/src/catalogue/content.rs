//! Replies that are sound HTTP: every status, and every kind of thing inside.

use flexpay_sandbox::fault_server::{Dress, Step};

use super::{Row, Setting, answer, send};
use crate::abi::n;
use crate::expectation::{Expectation, NO, OTHER_PAYMENT, UNKNOWN_ORDER, UNREADABLE};
use crate::replies::{CARD_PAGE, reply};
use crate::rng::Rng;

const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Erreur</title></head><body>Erreur interne</body></html>";
const REFUSAL: &str = r#"{"code":"1","message":"Solde marchand insuffisant"}"#;

pub(super) fn status(setting: &Setting, rng: &mut Rng) -> Row {
    let question = &setting.question;
    let usual = [
        400, 401, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425, 429, 451, 499, 500, 500, 501,
        502, 503, 504, 520, 599, 600, 799, 999,
    ];
    let successes = [200, 201, 202, 203, 204, 206, 299];
    if rng.percent(20) {
        let status = *rng.pick(&successes);
        let (body, expectation) = question.good_body(rng);
        // 204 has no body, whatever is sent.
        let expectation = if status == 204 {
            UNREADABLE
        } else {
            expectation
        };
        let then = vec![send(reply(status, "", body)), Step::Close];
        return answer(format!("{status}, a good body"), then, &[expectation]);
    }
    let status = *rng.pick(&usual);
    let verdict = question.verdict(status);
    let (tempting, _) = question.tempting();
    let not_found = r#"{"code":"1","message":"Aucune transaction trouvée","transaction":null}"#;
    let missing = if matches!(status, 400 | 404 | 405 | 422) && !question.is_pay {
        UNKNOWN_ORDER
    } else {
        verdict
    };
    // A refusal whose body says success contradicts itself; of a check, the status alone decides.
    let tempted = if question.is_pay && verdict.is_refusal() {
        UNREADABLE
    } else {
        verdict
    };
    let deep = format!("{{\"message\":{}", "[".repeat(5_000));
    let (name, body, expectation) = rng.take(vec![
        ("a refusal", REFUSAL.to_owned(), verdict),
        ("a page", PAGE.to_owned(), verdict),
        ("nothing", String::new(), verdict),
        ("a good body", tempting.clone(), tempted),
        (
            "a good body, cut",
            tempting[..tempting.len() / 2].to_owned(),
            verdict,
        ),
        ("no such order", not_found.to_owned(), missing),
        ("nesting", deep, verdict),
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
        ..answer(
            format!("{status}, {name}"),
            vec![send(reply(status, &headers, body))],
            &[expectation],
        )
    }
}

pub(super) fn content(setting: &Setting, rng: &mut Rng) -> Row {
    let question = &setting.question;
    let (tempting, good) = question.tempting();
    let cut = rng.between(1, tempting.len() - 2);
    let deep = |n: usize| {
        format!(
            "{{\"x\":{}1{},{}",
            "[".repeat(n),
            "]".repeat(n),
            &tempting[1..]
        )
    };
    let mut rows: Vec<(String, Vec<u8>, Vec<Expectation>)> = Vec::new();
    let mut add = |name: &str, body: &[u8], expectation: Expectation| {
        rows.push((name.to_owned(), body.to_vec(), vec![expectation]));
    };
    add(
        &format!("JSON cut after {cut}"),
        &tempting.as_bytes()[..cut],
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
        "objects 100,000 deep",
        "{\"transaction\":".repeat(60_000).as_bytes(),
        UNREADABLE,
    );
    add(
        "something after it",
        format!("{tempting}x").as_bytes(),
        UNREADABLE,
    );
    add(
        "two of it",
        format!("{tempting}{tempting}").as_bytes(),
        UNREADABLE,
    );
    add(
        "a NUL in it",
        tempting.replacen("code", "co\\u0000de", 1).as_bytes(),
        UNREADABLE,
    );
    add(
        "not UTF-8",
        &[b"{\"x\":\"\xff\",", &tempting.as_bytes()[1..]].concat(),
        good,
    );
    add(
        "UTF-16",
        &tempting
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
        UNREADABLE,
    );
    add("an array", format!("[{tempting}]").as_bytes(), UNREADABLE);
    add("a string", format!("{tempting:?}").as_bytes(), UNREADABLE);
    add("null", b"null", UNREADABLE);
    add("nothing", b"", UNREADABLE);
    add("blanks", b" \r\n\t ", UNREADABLE);
    add("words", b"OK, paye", UNREADABLE);
    add("an empty object", b"{}", UNREADABLE);
    add("an error page", PAGE.as_bytes(), UNREADABLE);
    add(
        "code given twice",
        tempting.replacen('{', "{\"Code\":\"1\",", 1).as_bytes(),
        UNREADABLE,
    );
    add(
        "code 1 beside it",
        tempting
            .replacen("\"code\":", "\"code\":\"1\",\"x\":", 1)
            .as_bytes(),
        UNREADABLE,
    );
    add("a refusal", REFUSAL.as_bytes(), NO);
    if question.is_pay {
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
            ("a line end", "https://gwvisa.flexpay.cd/\\r\\nX: 1"),
            ("no address", ""),
        ] {
            add(
                &format!("address: {name}"),
                tempting.replace(CARD_PAGE, url).as_bytes(),
                UNREADABLE,
            );
        }
        let two = tempting.replacen('{', "{\"link\":\"https://evil.example/1\",", 1);
        add("two addresses", two.as_bytes(), UNREADABLE);
    } else {
        let with = |from: &str, to: &str| tempting.replacen(from, to, 1);
        let status = |text: &str| with("\"status\":\"0\"", &format!("\"status\":{text}"));
        for text in [
            "\"0.\"", "\"00\"", "\" 0\"", "\"+0\"", "-0", "0e0", "true", "null", "\"\"", "[0]",
            "\"7\"", "\"٠\"",
        ] {
            add(
                &format!("status {text}"),
                status(text).as_bytes(),
                Expectation::State(n::STATE_UNKNOWN),
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
            with(&question.order_number, "N0").as_bytes(),
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
            "paid beside the transaction",
            br#"{"code":"0","status":"0"}"#,
            UNREADABLE,
        );
    }
    let (name, body, expectations) = rng.take(rows);
    let kind = *rng.pick(&["application/json", "text/html; charset=utf-8", "image/png"]);
    answer(
        name,
        vec![send(reply(200, &format!("Content-Type: {kind}\r\n"), body))],
        &expectations,
    )
}

/// The transaction that was asked for, in a reply that does not say so.
pub(super) fn no_order_number(setting: &Setting, rng: &mut Rng) -> Row {
    let (body, expectation) = setting.question.good_body(rng);
    let (name, number) = rng.take(vec![
        ("absent", "\"x\":"),
        ("null", "\"orderNumber\":null,\"x\":"),
        ("empty", "\"orderNumber\":\"\",\"x\":"),
    ]);
    let body = body.replacen("\"orderNumber\":", number, 1);
    answer(name, vec![send(reply(200, "", body))], &[expectation])
}

/// A debugging page: it shows what it was sent, the token included.
pub(super) fn echo(setting: &Setting, rng: &mut Rng) -> Row {
    let status = *rng.pick(&[200, 400, 401, 404, 422, 500, 502]);
    let dress = *rng.pick(&[
        Dress::Json,
        Dress::SlashedJson,
        Dress::UnicodeJson,
        Dress::Page,
        Dress::EntityPage,
    ]);
    let expectation = match (status, dress.is_page()) {
        (200, true) => UNREADABLE,
        (200, false) => NO,
        _ => setting.question.verdict(status),
    };
    let name = format!("{status}, {dress:?}");
    answer(name, vec![Step::Echo { status, dress }], &[expectation])
}

/// A transaction that is paid, and is not the one the shop expects.
pub(super) fn other_payment(setting: &Setting, rng: &mut Rng) -> Row {
    let (paid, _) = setting.question.tempting();
    let (name, body) = rng.take(vec![
        ("another amount", paid.replace("25.50", "2.55")),
        ("a greater amount", paid.replace("25.50", "25.51")),
        ("an amount in words", paid.replace("25.50", "25,50")),
        ("another currency", paid.replace("USD", "CDF")),
        (
            "another reference",
            paid.replace(&setting.question.reference, "R0"),
        ),
        ("no reference", paid.replace("\"reference\"", "\"x\"")),
        ("no amount", paid.replace("\"amount\"", "\"x\"")),
        ("no currency", paid.replace("\"currency\"", "\"x\"")),
    ]);
    answer(name, vec![send(reply(200, "", body))], &[OTHER_PAYMENT])
}

pub(super) fn good(setting: &Setting, rng: &mut Rng) -> Row {
    let (reply, expectation) = setting.question.good(rng);
    answer("a good reply", vec![send(reply)], &[expectation])
}
