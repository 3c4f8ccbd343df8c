//! Serves the project's test vectors unchanged, so that a test runner in any language only needs a
//! client with these URLs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gateway::Gateway;
use crate::hex_or_text::from_hex;
use crate::serve::{canned, plain};

/// The status for "no such vector". No real gateway uses it.
const NO_VECTOR: u16 = 599;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    body_hex: Option<String>,
}

fn ok() -> u16 {
    200
}

/// `POST /vectors/pay/<name>`
pub(crate) async fn pay(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    reply(&gateway, "pay.json", &name)
}

/// `POST /vectors/mobile/<name>`
pub(crate) async fn mobile(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    reply(&gateway, "mobile.json", &name)
}

/// `POST /vectors/payout/<name>`
pub(crate) async fn payout(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Response<Body> {
    reply(&gateway, "payout.json", &name)
}

/// `GET /vectors/check/<name>/<anything>`
pub(crate) async fn check(
    State(gateway): State<Arc<Gateway>>,
    Path((name, _order)): Path<(String, String)>,
) -> Response<Body> {
    reply(&gateway, "check.json", &name)
}

/// `GET /vectors/forgery/<name>/<order>`: the Check reply for an order in a forgery vector.
/// `forgery/<name>.json` has replies by order number; the key "" is for all other orders.
pub(crate) async fn forgery(
    State(gateway): State<Arc<Gateway>>,
    Path((name, order)): Path<(String, String)>,
) -> Response<Body> {
    let file = format!("forgery/{name}.json");
    let reply = read::<BTreeMap<String, Case>>(&gateway, &file).and_then(|mut replies| {
        let found = replies.remove(&order).or_else(|| replies.remove(""));
        found.ok_or_else(|| format!("{file} has no reply for {order:?}"))
    });
    respond(reply)
}

fn reply(gateway: &Gateway, file: &str, name: &str) -> Response<Body> {
    respond(find(gateway, file, name))
}

fn respond(case: Result<Case, String>) -> Response<Body> {
    case.and_then(Case::into_response).unwrap_or_else(|why| {
        let status = StatusCode::from_u16(NO_VECTOR).unwrap_or(StatusCode::NOT_FOUND);
        plain(status, &why)
    })
}

impl Case {
    fn into_response(self) -> Result<Response<Body>, String> {
        let body = match self.body_hex {
            None => self.body.into_bytes(),
            Some(hex) => from_hex(&hex)
                .ok_or_else(|| format!("body_hex of {:?} is not hexadecimal", self.name))?,
        };
        let headers: Vec<_> = self.headers.into_iter().collect();
        Ok(canned(self.status, &headers, body))
    }
}

/// Reads the file for every request, so that a changed vector does not need a restart.
fn read<T: DeserializeOwned>(gateway: &Gateway, file: &str) -> Result<T, String> {
    let directory = gateway
        .vectors_dir
        .as_ref()
        .ok_or("the sandbox was started without --vectors")?;
    let path = directory.join(file);
    let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn find(gateway: &Gateway, file: &str, name: &str) -> Result<Case, String> {
    let all: File = read(gateway, file)?;
    all.cases
        .into_iter()
        .find(|case| case.name == name)
        .ok_or_else(|| format!("{file} has no case named {name:?}"))
}
