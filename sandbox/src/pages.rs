//! The pages people see: filled-in templates, as responses.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::amount::Amount;
use crate::callbacks::CallbackRecord;
use crate::card::{Mistakes, TEST_CARDS, TEST_CODE, TEST_EXPIRY, TestCard, Typed};
use crate::clock;
use crate::habits::ReplyStyle;
use crate::payment::Payment;

#[derive(Template)]
#[template(path = "card.html")]
struct CardPage<'a> {
    payment: &'a Payment,
    total: String,
    typed: &'a Typed,
    mistakes: &'a Mistakes,
    cards: &'a [TestCard],
    test_expiry: &'a str,
    test_code: &'a str,
}

#[derive(Template)]
#[template(path = "result.html")]
struct ResultPage<'a> {
    payment: &'a Payment,
    total: String,
    kind: &'a str,
    title: &'a str,
    text: &'a str,
    shop: &'a str,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "moving_on.html")]
struct MovingOnPage<'a> {
    url: &'a str,
    refresh: bool,
    submit: bool,
}

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    addresses: &'a Addresses,
    merchant: &'a str,
    rows: &'a [Row],
    total: usize,
}

#[derive(Template)]
#[template(path = "payments.html")]
struct PaymentsFragment<'a> {
    rows: &'a [Row],
    total: usize,
}

/// The addresses a merchant configures.
pub(crate) struct Addresses {
    pub(crate) pay_form: String,
    pub(crate) pay_json: String,
    pub(crate) check: String,
}

/// A payment on the front page.
pub(crate) struct Row {
    pub(crate) payment: Payment,
    pub(crate) total: String,
    pub(crate) time: String,
    pub(crate) state: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) callbacks: Vec<CallbackRow>,
}

/// A callback on the front page.
pub(crate) struct CallbackRow {
    pub(crate) time: String,
    pub(crate) attempt: u32,
    pub(crate) body: String,
    pub(crate) url: String,
    pub(crate) good: bool,
    pub(crate) answer: String,
    pub(crate) reply: String,
}

impl Row {
    pub(crate) fn new(payment: Payment, callbacks: &[CallbackRecord]) -> Self {
        let about = callbacks
            .iter()
            .filter(|callback| callback.order_number == payment.order_number);
        let (state, kind) = match payment.status.as_str() {
            "0" => ("paid", "good"),
            "1" => ("declined", "bad"),
            "2" => ("pending", "open"),
            "3" => ("refund under way", "open"),
            "4" => ("refunded", "open"),
            "5" => ("cancelled", "bad"),
            _ => ("unknown status", "open"),
        };
        Self {
            total: amount_for_people(&payment.amount, &payment.currency),
            time: clock::time_of_day(payment.created_at),
            callbacks: about.map(CallbackRow::new).collect(),
            state,
            kind,
            payment,
        }
    }
}

impl CallbackRow {
    fn new(record: &CallbackRecord) -> Self {
        let answer = match (record.reply_status, &record.error) {
            (Some(status), _) => format!("answered {status}"),
            (None, Some(error)) => format!("failed: {error}"),
            (None, None) => "under way".to_owned(),
        };
        Self {
            time: clock::time_of_day(record.at),
            attempt: record.attempt,
            body: record.body_text(),
            url: record.url.clone(),
            good: record.reply_status.is_some_and(|s| (200..300).contains(&s)),
            answer,
            reply: record.reply_body.clone().unwrap_or_default(),
        }
    }
}

/// The card page.
pub(crate) fn card(
    status: StatusCode,
    payment: &Payment,
    typed: &Typed,
    mistakes: &Mistakes,
) -> Response<Body> {
    let page = CardPage {
        payment,
        total: amount_for_people(&payment.amount, &payment.currency),
        typed,
        mistakes,
        cards: &TEST_CARDS,
        test_expiry: TEST_EXPIRY,
        test_code: TEST_CODE,
    };
    html(status, &page)
}

/// What became of a payment, for its customer.
pub(crate) fn result(payment: &Payment) -> Response<Body> {
    let (kind, title, text) = match payment.status.as_str() {
        "0" => (
            "good",
            "Paiement accepté",
            "Votre paiement a été effectué avec succès.",
        ),
        "3" => (
            "open",
            "Remboursement en cours",
            "Ce paiement est en cours de remboursement.",
        ),
        "4" => (
            "open",
            "Paiement remboursé",
            "Ce paiement vous a été remboursé.",
        ),
        "5" => (
            "bad",
            "Paiement annulé",
            "Vous avez annulé ce paiement. Rien n'a été débité.",
        ),
        _ => (
            "bad",
            "Paiement refusé",
            "Votre banque a refusé ce paiement. Rien n'a été débité.",
        ),
    };
    let page = ResultPage {
        payment,
        total: amount_for_people(&payment.amount, &payment.currency),
        kind,
        title,
        text,
        shop: payment.return_url().unwrap_or(&payment.home_url),
    };
    html(StatusCode::OK, &page)
}

/// The page for a checkout address that leads nowhere.
pub(crate) fn no_such_checkout() -> Response<Body> {
    let page = MessagePage {
        title: "Paiement introuvable",
        text: "Cette adresse de paiement n'existe pas ou n'existe plus.",
    };
    html(StatusCode::NOT_FOUND, &page)
}

/// The gateway's error page, with any HTTP status.
pub(crate) fn error(status: u16) -> Response<Body> {
    let page = MessagePage {
        title: "Erreur",
        text: "Une erreur est survenue lors du traitement de votre requête. Veuillez réessayer plus tard.",
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    html(status, &page)
}

/// The page that leads from a payment request to the card page.
pub(crate) fn moving_on(style: ReplyStyle, url: &str) -> Response<Body> {
    let page = MovingOnPage {
        url,
        refresh: style == ReplyStyle::MetaRefresh,
        submit: style == ReplyStyle::SelfSubmit,
    };
    html(StatusCode::OK, &page)
}

/// The sandbox's own front page.
pub(crate) fn front(
    addresses: &Addresses,
    merchant: &str,
    rows: &[Row],
    total: usize,
) -> Response<Body> {
    let page = FrontPage {
        addresses,
        merchant,
        rows,
        total,
    };
    let mut response = html(StatusCode::OK, &page);
    let headers = response.headers_mut();
    // Under "no-referrer" a browser would hide the origin of the page's own button.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; \
             connect-src 'self'; form-action 'self'; frame-ancestors 'none'",
        ),
    );
    response
}

/// The part of the front page that changes.
pub(crate) fn payments(rows: &[Row], total: usize) -> Response<Body> {
    html(StatusCode::OK, &PaymentsFragment { rows, total })
}

fn amount_for_people(amount: &str, currency: &str) -> String {
    Amount::read(amount).map_or_else(
        || format!("{amount} {currency}"),
        |known| known.for_people(currency),
    )
}

fn html(status: StatusCode, page: &impl Template) -> Response<Body> {
    let Ok(text) = page.render() else {
        let mut response = Response::new(Body::from("the page could not be filled in"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}
