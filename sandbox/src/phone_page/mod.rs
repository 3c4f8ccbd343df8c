//! A phone in the browser: the pushes to confirm, the wallet, and what was paid and received.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use crate::dashboard::translations::Language;
use crate::decide;
use crate::gateway::Gateway;
use crate::kind::Kind;
use crate::pages;
use crate::payment::Decision;
use crate::phone::{Operator, Phone};

mod screen;
mod texts;

use screen::Screen;
pub(crate) use screen::TestPhone;
use texts::Texts;

#[derive(Template)]
#[template(path = "phone.html")]
struct PhonePage<'a> {
    t: &'static Texts,
    operator: &'static Operator,
    number: &'a str,
    displayed_number: String,
    /// The order whose PIN was wrong. Empty if there is none.
    wrong_pin: &'a str,
    screen: Screen,
    test_phones: Vec<TestPhone>,
}

#[derive(Template)]
#[template(path = "phone_screen.html")]
struct Fragment<'a> {
    t: &'static Texts,
    number: &'a str,
    screen: Screen,
}

#[derive(Deserialize)]
pub(crate) struct PageQuery {
    lang: Option<String>,
    wrong_pin: Option<String>,
}

impl PageQuery {
    /// French unless the query says otherwise, whatever the browser prefers: it is a phone in the
    /// DR Congo.
    fn texts(&self) -> &'static Texts {
        let language = self.lang.as_deref().and_then(Language::from_tag);
        Texts::of(language.unwrap_or(Language::French))
    }
}

/// `GET /phone?number=…`: the form on the dashboard.
pub(crate) async fn find(Query(form): Query<FindForm>) -> Response<Body> {
    let digits: String = form.number.chars().filter(char::is_ascii_digit).collect();
    // As it is written inside the country.
    let number = match digits.strip_prefix('0') {
        Some(rest) if rest.len() == 9 => format!("243{rest}"),
        _ => digits,
    };
    let lang = form.lang.as_deref().and_then(Language::from_tag);
    let lang = Texts::of(lang.unwrap_or(Language::French)).code;
    see_other(&format!("/phone/{number}?lang={lang}"))
}

#[derive(Deserialize)]
pub(crate) struct FindForm {
    #[serde(default)]
    number: String,
    lang: Option<String>,
}

/// `GET /phone/<number>`
pub(crate) async fn page(
    State(gateway): State<Arc<Gateway>>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response<Body> {
    show(&gateway, StatusCode::OK, &number, query.texts(), "")
}

/// `GET /phone/<number>/shown`: the part of the page that changes.
pub(crate) async fn fragment(
    State(gateway): State<Arc<Gateway>>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response<Body> {
    let Some((phone, _)) = parse(&number) else {
        return pages::phone_not_found();
    };
    let t = query.texts();
    let wrong_pin = query.wrong_pin.as_deref().unwrap_or_default();
    let page = Fragment {
        t,
        number: &number,
        screen: Screen::of(&gateway, phone, t, wrong_pin),
    };
    pages::own(StatusCode::OK, &page)
}

/// The fields of a push.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    order: String,
    pin: String,
    action: String,
}

/// `POST /phone/<number>`: a button of a push.
pub(crate) async fn answer(
    State(gateway): State<Arc<Gateway>>,
    Path(number): Path<String>,
    Query(query): Query<PageQuery>,
    Form(answer): Form<Answer>,
) -> Response<Body> {
    let t = query.texts();
    let is_push = gateway
        .payment(&answer.order)
        .is_some_and(|payment| payment.kind == Kind::Mobile && payment.phone == number);
    if !is_push {
        return pages::push_not_found();
    }
    let order = answer.order.as_str();
    match answer.action.as_str() {
        "confirm" if !is_pin(answer.pin.trim()) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return show(&gateway, status, &number, t, order);
        }
        "confirm" => decide::confirm(&gateway, order),
        "refuse" => decide::once(&gateway, order, &Decision::Decline, ""),
        "expire" => decide::once(&gateway, order, &Decision::Expire, ""),
        _ => None,
    };
    see_other(&format!("/phone/{number}?lang={}", t.code))
}

/// A phone that is confirmed by hand.
pub(crate) const ORDINARY_PHONE: &str = "243812345678";

/// The test phones with the prefix of [`ORDINARY_PHONE`], for the dashboard.
pub(crate) fn test_phones(language: Language) -> Vec<TestPhone> {
    let phone = Phone::parse(ORDINARY_PHONE);
    phone.map_or_else(Vec::new, |phone| {
        screen::test_phones(phone, Texts::of(language))
    })
}

/// Any four digits.
fn is_pin(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The phone and its operator.
fn parse(number: &str) -> Option<(Phone<'_>, &'static Operator)> {
    let phone = Phone::parse(number)?;
    Some((phone, phone.operator?))
}

fn show(
    gateway: &Gateway,
    status: StatusCode,
    number: &str,
    t: &'static Texts,
    wrong_pin: &str,
) -> Response<Body> {
    let Some((phone, operator)) = parse(number) else {
        return pages::phone_not_found();
    };
    let page = PhonePage {
        t,
        operator,
        number,
        displayed_number: phone.display(),
        wrong_pin,
        screen: Screen::of(gateway, phone, t, wrong_pin),
        test_phones: screen::test_phones(phone, t),
    };
    pages::own(status, &page)
}

fn see_other(to: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
