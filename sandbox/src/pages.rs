//! The HTML pages: rendered templates, as responses.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::amount::Amount;
use crate::card::{Mistakes, TEST_CARDS, TEST_CODE, TEST_EXPIRY, TestCard, Typed};
use crate::payment::Payment;
use crate::quirks::ReplyStyle;

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
#[template(path = "redirecting.html")]
struct RedirectingPage<'a> {
    url: &'a str,
    refresh: bool,
    submit: bool,
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
        total: display_amount(&payment.amount, &payment.currency),
        typed,
        mistakes,
        cards: &TEST_CARDS,
        test_expiry: TEST_EXPIRY,
        test_code: TEST_CODE,
    };
    html(status, &page)
}

/// The result page for the customer.
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
            "gone",
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
        total: display_amount(&payment.amount, &payment.currency),
        kind,
        title,
        text,
        shop: payment.shop_url().unwrap_or(&payment.home_url),
    };
    html(StatusCode::OK, &page)
}

/// The page for an unknown checkout URL.
pub(crate) fn checkout_not_found() -> Response<Body> {
    let page = MessagePage {
        title: "Paiement introuvable",
        text: "Cette adresse de paiement n'existe pas ou n'existe plus.",
    };
    html(StatusCode::NOT_FOUND, &page)
}

/// The page for an answer to a push that the phone does not have.
pub(crate) fn push_not_found() -> Response<Body> {
    let page = MessagePage {
        title: "Demande introuvable",
        text: "Ce téléphone n'a pas reçu cette demande de paiement.",
    };
    html(StatusCode::NOT_FOUND, &page)
}

/// The page for a phone that does not exist.
pub(crate) fn phone_not_found() -> Response<Body> {
    let page = MessagePage {
        title: "Numéro inconnu",
        text: "Écrivez 243 et neuf chiffres, comme 243812345678. Le préfixe doit être celui d'un \
               opérateur\u{a0}: M-Pesa, Orange Money, Airtel Money ou Afrimoney.",
    };
    html(StatusCode::NOT_FOUND, &page)
}

/// The gateway's error page, with any HTTP status.
pub(crate) fn error(status: u16) -> Response<Body> {
    let page = MessagePage {
        title: "Erreur",
        text: "Une erreur est survenue. Votre requête a peut-être été traitée\u{a0}: ne la renvoyez pas \
               avant d'avoir vérifié.",
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    html(status, &page)
}

/// The reply to a payment form: a page that leads to the card page.
pub(crate) fn redirecting(style: ReplyStyle, url: &str) -> Response<Body> {
    let page = RedirectingPage {
        url,
        refresh: style == ReplyStyle::MetaRefresh,
        submit: style == ReplyStyle::SelfSubmit,
    };
    html(StatusCode::OK, &page)
}

/// An amount in French format: "1 250,00 USD".
pub(crate) fn display_amount(amount: &str, currency: &str) -> String {
    Amount::parse(amount).map_or_else(
        || format!("{amount} {currency}"),
        |parsed| parsed.display(currency),
    )
}

/// A rendered template as a response.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response<Body> {
    let Ok(text) = page.render() else {
        let mut response = Response::new(Body::from("the page could not be rendered"));
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

/// Renders one of the sandbox's own pages, which load nothing from other origins.
pub(crate) fn own(status: StatusCode, page: &impl Template) -> Response<Body> {
    let mut response = html(status, page);
    let headers = response.headers_mut();
    // With "no-referrer" a browser would send `Origin: null` for the page's own button.
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
