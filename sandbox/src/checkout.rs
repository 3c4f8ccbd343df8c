//! The card page that the customer's browser is redirected to.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use crate::card::{self, Mistakes, TEST_CARDS, TEST_CODE, TEST_EXPIRY, Typed};
use crate::decide;
use crate::gateway::Gateway;
use crate::pages;
use crate::payment::{Decision, Payment};

/// The fields of the card form.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CardForm {
    action: String,
    card_number: String,
    expiry: String,
    security_code: String,
    cardholder: String,
}

/// `?carte=n`: fills in the nth test card.
#[derive(Deserialize)]
pub(crate) struct Prefill {
    carte: Option<usize>,
}

/// `GET /checkout/<id>`
pub(crate) async fn page(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    Query(prefill): Query<Prefill>,
) -> Response<Body> {
    let Some(payment) = gateway.payment_by_checkout(&id) else {
        return pages::checkout_not_found();
    };
    if !payment.is_pending() {
        return pages::result(&payment);
    }
    let card = prefill.carte.and_then(|n| TEST_CARDS.get(n));
    let typed = card.map_or_else(Typed::default, |card| Typed {
        number: card.number.to_owned(),
        expiry: TEST_EXPIRY.to_owned(),
        code: TEST_CODE.to_owned(),
        name: "Test".to_owned(),
    });
    pages::card(StatusCode::OK, &payment, &typed, &Mistakes::default())
}

/// `POST /checkout/<id>`
pub(crate) async fn submit(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    Form(form): Form<CardForm>,
) -> Response<Body> {
    let Some(payment) = gateway.payment_by_checkout(&id) else {
        return pages::checkout_not_found();
    };
    if !payment.is_pending() {
        return redirect_after_decision(&payment);
    }
    match form.action.as_str() {
        "cancel" => decide(&gateway, &payment, &Decision::Cancel, ""),
        "pay" => {
            let mut typed = Typed {
                number: form.card_number,
                expiry: form.expiry.trim().to_owned(),
                code: form.security_code.trim().to_owned(),
                name: form.cardholder,
            };
            match card::validate(&typed, SystemTime::now()) {
                Ok(card) => decide(&gateway, &payment, &card.decision(), card.channel),
                Err(mistakes) => {
                    // A security code is never sent back.
                    typed.code.clear();
                    let status = StatusCode::UNPROCESSABLE_ENTITY;
                    pages::card(status, &payment, &typed, &mistakes)
                }
            }
        }
        // The shop redirected the browser here with a POST.
        _ => pages::card(
            StatusCode::OK,
            &payment,
            &Typed::default(),
            &Mistakes::default(),
        ),
    }
}

fn decide(
    gateway: &Arc<Gateway>,
    payment: &Payment,
    decision: &Decision,
    channel: &str,
) -> Response<Body> {
    match decide::once(gateway, &payment.order_number, decision, channel) {
        None => pages::checkout_not_found(),
        Some((payment, _)) => redirect_after_decision(&payment),
    }
}

/// Redirects to the shop's URL for the decision, or to the result page if the shop gave none.
fn redirect_after_decision(payment: &Payment) -> Response<Body> {
    let result_page = format!("/checkout/{}", payment.checkout_id);
    let to = payment.shop_url().unwrap_or(&result_page);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::from_bytes(to.as_bytes()) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
