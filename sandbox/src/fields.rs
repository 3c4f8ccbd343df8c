//! The fields of a request, from a form or from JSON.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde_json::value::RawValue;

/// The fields of a request, as received. Numbers are kept as written.
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The value of a field. Empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn owned(&self, name: &str) -> String {
        self.get(name).to_owned()
    }

    /// `None` if the request is not a form.
    pub(crate) async fn from_form(request: Request) -> Option<Self> {
        match media_type(request.headers()).as_str() {
            "application/x-www-form-urlencoded" => {
                let body = request.into_body().collect().await.ok()?.to_bytes();
                Some(Self(form_urlencoded::parse(&body).into_owned().collect()))
            }
            "multipart/form-data" => {
                let mut parts = Multipart::from_request(request, &()).await.ok()?;
                let mut fields = BTreeMap::new();
                while let Some(part) = parts.next_field().await.ok()? {
                    let name = part.name()?.to_owned();
                    fields.insert(name, part.text().await.ok()?);
                }
                Some(Self(fields))
            }
            _ => None,
        }
    }

    /// `None` if the request is not a JSON object of texts and numbers.
    pub(crate) async fn from_json(request: Request) -> Option<Self> {
        if media_type(request.headers()) != "application/json" {
            return None;
        }
        let body = request.into_body().collect().await.ok()?.to_bytes();
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&body).ok()?;
        let mut fields = BTreeMap::new();
        for (name, value) in members {
            let text = match value.get() {
                "null" => continue,
                text if text.starts_with('"') => serde_json::from_str(text).ok()?,
                number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                    number.to_owned()
                }
                _ => return None,
            };
            fields.insert(name, text);
        }
        Some(Self(fields))
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let full = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = full.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}
