//! Any bytes as the reply to a check: no panic, and PAID only if the reply says so.
#![no_main]

use flexpay::fuzzing::TOKEN;
use flexpay::{ErrorCode, Expected, Outcome, State, Transaction};
use flexpay_fuzz::{
    ORDER_NUMBER, Object, REFERENCE, amount_equals, assert_no_nul, assert_no_token,
    check_reply_error, is_zero, split_status, text,
};
use libfuzzer_sys::fuzz_target;

const CALLBACK: &str = r#"{"code":"0","orderNumber":"O42iABI27568020268434827"}"#;

fuzz_target!(|input: &[u8]| {
    let Some((status, body)) = split_status(input) else {
        return;
    };
    match flexpay::fuzzing::check_reply(status, body, ORDER_NUMBER) {
        Ok(transaction) => {
            assert!((200..300).contains(&status), "found under HTTP {status}");
            check_transaction(&transaction, body);
        }
        Err(error) => {
            check_reply_error(&error);
            // A reply arrived, so the check was sent.
            assert_ne!(error.outcome(), Outcome::NotSent);
            assert!(matches!(
                error.code(),
                ErrorCode::Reply
                    | ErrorCode::Gateway
                    | ErrorCode::Unauthorized
                    | ErrorCode::Refused
                    | ErrorCode::NotFound
            ));
        }
    }
    check_verify(status, body);
});

fn check_transaction(transaction: &Transaction, body: &[u8]) {
    assert_eq!(transaction.order_number, ORDER_NUMBER);
    let is_masked = String::from_utf8_lossy(body).contains(TOKEN);
    let is_utf_8 = std::str::from_utf8(body).is_ok();
    assert!(is_masked || !is_utf_8 || transaction.raw.as_bytes() == body);
    let texts = [
        transaction.status.as_deref(),
        transaction.reference.as_deref(),
        transaction.currency.as_deref(),
        transaction.created_at.as_deref(),
        transaction.channel.as_deref(),
        Some(&transaction.code),
        transaction.message.as_deref(),
        Some(transaction.raw.as_str()),
    ];
    assert_no_nul(texts);
    assert_no_token(texts);
    for amount in [transaction.amount, transaction.amount_customer] {
        assert!(amount.is_none_or(|amount| amount.minor() >= 0));
    }
    if let Some(date) = &transaction.created_at {
        let shape: String = date
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        assert_eq!(shape, "9999-99-99T99:99:99");
    }
    assert_eq!(
        transaction.state == State::Paid,
        transaction.status.as_deref().is_some_and(is_zero)
    );
    check_against_raw(transaction);
}

/// The transaction matches what another parser reads.
fn check_against_raw(transaction: &Transaction) {
    let start = transaction.raw.trim_start_matches('\u{feff}');
    let Some(reply) = Object::read(start) else {
        return;
    };
    let inner = reply.values_of("transaction");
    let inner = inner.first().expect("a transaction in the reply");
    let inner = Object::read(inner).expect("an object");
    if transaction.state == State::Paid {
        let statuses = inner.values_of("status");
        assert!(!statuses.is_empty(), "PAID by a reply without a status");
        for status in statuses {
            assert!(
                text(status).is_some_and(|text| is_zero(&text)),
                "PAID by {status}"
            );
        }
    }
    if let Some(amount) = transaction.amount {
        let written = inner.values_of("amount");
        let written = written.iter().filter_map(|raw| text(raw));
        let mut written = written.filter(|text| !text.is_empty()).peekable();
        assert!(written.peek().is_some());
        assert!(written.all(|text| amount_equals(&text, amount.minor())));
    }
    for (field, key) in [
        (&transaction.reference, "reference"),
        (&transaction.currency, "currency"),
    ] {
        if let Some(field) = field {
            let written = inner.values_of(key);
            let mut written = written.iter().filter_map(|raw| text(raw));
            assert!(
                written.all(|text| { text == *field || text.is_empty() || text.contains(TOKEN) })
            );
        }
    }
}

/// A valid callback does not make a wrong reply acceptable.
fn check_verify(status: u16, body: &[u8]) {
    let expected = Expected {
        reference: REFERENCE.into(),
        amount: "900.00".into(),
        currency: "USD".into(),
        order_number: None,
        ..Expected::default()
    };
    if let Ok(found) = flexpay::fuzzing::verdict(CALLBACK.as_bytes(), &expected, status, body) {
        assert_eq!(found.reference.as_deref(), Some(REFERENCE));
        assert_eq!(found.amount.map(|amount| amount.minor()), Some(90_000));
        assert_eq!(found.currency.as_deref(), Some("USD"));
    }
}
