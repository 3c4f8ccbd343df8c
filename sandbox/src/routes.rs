//! The routes of the gateway and of the sandbox's own pages.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::gateway::Gateway;
use crate::{check, checkout, control, dashboard, mobile, pay, payout, phone_page, vectors};

pub(crate) fn app(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/pay", post(pay::form))
        .route("/v2/pay", post(pay::form))
        .route("/v1.1/pay", post(pay::json_body))
        .route(mobile::PATH, post(mobile::collect))
        .route(payout::PATH, post(payout::pay_out))
        .route("/api/rest/v1/check/{order}", get(check::check))
        .route("/checkout/{id}", get(checkout::page).post(checkout::submit))
        .route("/phone", get(phone_page::find))
        .route(
            "/phone/{number}",
            get(phone_page::page).post(phone_page::answer),
        )
        .route("/phone/{number}/shown", get(phone_page::fragment))
        .route("/vectors/pay/{name}", post(vectors::pay))
        .route("/vectors/mobile/{name}", post(vectors::mobile))
        .route("/vectors/payout/{name}", post(vectors::payout))
        .route("/vectors/check/{name}/{*order}", get(vectors::check))
        .route("/vectors/forgery/{name}/{*order}", get(vectors::forgery))
        .route("/", get(dashboard::page))
        .route("/sandbox/refresh.js", get(dashboard::script))
        .route("/sandbox/shown", get(dashboard::fragment))
        .route("/sandbox/api", get(dashboard::control))
        .route(
            "/sandbox/payments/{order}/deliver",
            post(dashboard::deliver_again),
        )
        .nest("/sandbox/api", control::routes())
        .with_state(gateway)
}
