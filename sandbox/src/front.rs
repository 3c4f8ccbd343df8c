//! The front page: what was asked, what became of it, which callbacks went out and what came back.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::callbacks::{self, Delivery};
use crate::gateway::Gateway;
use crate::pages::{self, Addresses, Row};
use crate::serve::{Arrival, plain};
use crate::urls;

/// How many payments are shown.
const SHOWN: usize = 50;

/// `GET /`
pub(crate) async fn page(
    State(gateway): State<Arc<Gateway>>,
    Extension(arrival): Extension<Arrival>,
    headers: HeaderMap,
) -> Response<Body> {
    let base = urls::base(&gateway, arrival, &headers);
    let addresses = Addresses {
        pay_form: format!("{base}/v1/pay"),
        pay_json: format!("{base}/v1.1/pay"),
        check: format!("{base}/api/rest/v1/check"),
    };
    let (rows, total) = rows(&gateway);
    pages::front(&addresses, &gateway.merchant, &rows, total)
}

/// `GET /sandbox/payments`: the part of the page that changes.
pub(crate) async fn fragment(State(gateway): State<Arc<Gateway>>) -> Response<Body> {
    let (rows, total) = rows(&gateway);
    pages::payments(&rows, total)
}

/// `GET /sandbox/front.js`
pub(crate) async fn script() -> Response<Body> {
    let mut response = Response::new(Body::from(include_str!("../templates/front.js")));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    response
}

/// `POST /sandbox/payments/<orderNumber>/deliver`: the button.
pub(crate) async fn deliver_again(
    State(gateway): State<Arc<Gateway>>,
    Path(order): Path<String>,
) -> Response<Body> {
    if let Err(error) = callbacks::deliver(&gateway, &order, Delivery::now()) {
        return plain(StatusCode::NOT_FOUND, &error.to_string());
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    response
}

fn rows(gateway: &Gateway) -> (Vec<Row>, usize) {
    let (newest, total) = gateway.newest(SHOWN);
    let callbacks = gateway.callbacks.all();
    let rows = newest
        .into_iter()
        .map(|payment| Row::new(payment, &callbacks))
        .collect();
    (rows, total)
}
