//! The sandbox's own pages: payments and their status, refused requests with the reason, callbacks with
//! the replies, settings to copy, the control calls.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use crate::callbacks::Delivery;
use crate::control::CALLS;
use crate::deliver;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::mobile;
use crate::pages;
use crate::payout;
use crate::phone_page::{self, TestPhone};
use crate::serve::{ConnectionInfo, plain};
use crate::urls;

mod masked;
mod rows;
pub(crate) mod settings;
pub(crate) mod translations;

use rows::Shown;
use settings::{Settings, Snippet};
use translations::{Language, Translations};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct FrontPage<'a> {
    t: &'static Translations,
    merchant: &'a str,
    settings: &'a Settings<'a>,
    pay_form: &'a str,
    snippets: Vec<Snippet>,
    help: &'static str,
    ordinary_phone: &'static str,
    test_phones: Vec<TestPhone>,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "shown.html")]
struct Fragment {
    t: &'static Translations,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    t: &'static Translations,
    /// For each call, a description and a curl command.
    calls: Vec<(&'static str, String)>,
}

/// `?lang=fr`
#[derive(Deserialize)]
pub(crate) struct LanguageQuery {
    lang: Option<String>,
}

impl LanguageQuery {
    fn language(&self, headers: &HeaderMap) -> Language {
        Language::of(self.lang.as_deref(), headers)
    }
}

/// `GET /`
pub(crate) async fn page(
    State(gateway): State<Arc<Gateway>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Response<Body> {
    let language = query.language(&headers);
    let t = language.translations();
    let base = urls::base(&gateway, connection_info, &headers);
    let ca_file = gateway.ca_file.display().to_string();
    let settings = Settings {
        merchant: &gateway.merchant,
        token: gateway.public_token().unwrap_or("TOKEN"),
        pay_url: &format!("{base}/v1.1/pay"),
        mobile_url: &format!("{base}{}", mobile::PATH),
        payout_url: &format!("{base}{}", payout::PATH),
        check_url: &format!("{base}/api/rest/v1/check"),
        ca_file: base.starts_with("https:").then_some(&ca_file),
    };
    let page = FrontPage {
        t,
        merchant: &gateway.merchant,
        settings: &settings,
        pay_form: &format!("{base}/v1/pay"),
        snippets: settings.snippets(),
        help: match gateway.public_token() {
            Some(_) => t.settings_help,
            None => t.token_help,
        },
        ordinary_phone: phone_page::ORDINARY_PHONE,
        test_phones: phone_page::test_phones(language),
        shown: Shown::of(&gateway, t),
    };
    pages::own(StatusCode::OK, &page)
}

/// `GET /sandbox/shown`: the part of the page that changes.
pub(crate) async fn fragment(
    State(gateway): State<Arc<Gateway>>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Response<Body> {
    let t = query.language(&headers).translations();
    let shown = Shown::of(&gateway, t);
    pages::html(StatusCode::OK, &Fragment { t, shown })
}

/// `GET /sandbox/api`: every control call, with an example.
pub(crate) async fn control(
    State(gateway): State<Arc<Gateway>>,
    Extension(connection_info): Extension<ConnectionInfo>,
    Query(query): Query<LanguageQuery>,
    headers: HeaderMap,
) -> Response<Body> {
    let base = urls::base(&gateway, connection_info, &headers);
    let language = query.language(&headers);
    let calls = CALLS
        .iter()
        .map(|call| (call.about(language), call.curl(&base)))
        .collect();
    let t = language.translations();
    pages::own(StatusCode::OK, &ControlPage { t, calls })
}

/// `GET /sandbox/refresh.js`
pub(crate) async fn script() -> Response<Body> {
    let mut response = Response::new(Body::from(include_str!("../../templates/refresh.js")));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    response
}

/// `POST /sandbox/payments/<orderNumber>/deliver`: the button on the dashboard.
pub(crate) async fn deliver_again(
    State(gateway): State<Arc<Gateway>>,
    Path(order): Path<String>,
) -> Response<Body> {
    if let Err(error) = deliver::deliver(&gateway, &order, Delivery::now()) {
        let status = match error {
            Error::NoSuchPayment(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        return plain(status, &error.to_string());
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    response
}
