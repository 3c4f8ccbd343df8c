//! Callbacks: what the gateway posts to the merchant, true or forged, and the merchant's replies.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a callback is delivered. `Delivery::default()` posts the true one, once, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// The delay before the first post, in milliseconds.
    pub after_ms: u64,
    /// How many times to post it, one after the other.
    pub times: u32,
    /// Whether to send a form instead of JSON.
    pub form: bool,
    /// Fields to add or replace.
    pub set: BTreeMap<String, Value>,
    /// Fields to omit.
    pub without: Vec<String>,
    /// A body to send instead of the callback's.
    pub raw: Option<RawBody>,
    /// The URL to post to, if not the payment's callback URL.
    pub to: Option<String>,
}

/// A body that is posted unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBody {
    /// The `Content-Type`. If empty, the header is not sent.
    pub content_type: String,
    /// The bytes.
    #[serde(with = "crate::hex_or_text")]
    pub body: Vec<u8>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            after_ms: 0,
            times: 1,
            form: false,
            set: BTreeMap::new(),
            without: Vec::new(),
            raw: None,
            to: None,
        }
    }
}

impl Delivery {
    /// The true callback, once, now.
    pub fn now() -> Self {
        Self::default()
    }

    /// Delays the callback by `ms` milliseconds.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }

    /// Posts the callback `n` times.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = n;
        self
    }

    /// Sends a form instead of JSON.
    #[must_use]
    pub fn as_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Forges the callback: sets `field`, by its documented name, to `value`.
    #[must_use]
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set.insert(field.into(), value.into());
        self
    }

    /// Forges the callback: omits `field`.
    #[must_use]
    pub fn without(mut self, field: impl Into<String>) -> Self {
        self.without.push(field.into());
        self
    }

    /// Sends `body` instead of a callback.
    #[must_use]
    pub fn raw(mut self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        self.raw = Some(RawBody {
            content_type: content_type.into(),
            body: body.into(),
        });
        self
    }

    /// Whether the delivery, not the payment, determines the `code`.
    pub(crate) fn sets_code(&self) -> bool {
        let code = "code";
        self.raw.is_some() || self.set.contains_key(code) || self.without.iter().any(|f| f == code)
    }

    /// Posts to `url` instead of the payment's callback URL.
    #[must_use]
    pub fn to(mut self, url: impl Into<String>) -> Self {
        self.to = Some(url.into());
        self
    }
}

/// A callback that was posted, or that the sandbox tried to post.
#[derive(Clone, Debug, Serialize)]
pub struct CallbackRecord {
    /// The order number of the payment.
    pub order_number: String,
    /// The URL it was posted to.
    pub url: String,
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its body as posted.
    #[serde(with = "crate::hex_or_text")]
    pub body: Vec<u8>,
    /// When it was posted.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// The number of this callback for the payment, from 1.
    pub attempt: u32,
    /// The HTTP status of the merchant's reply.
    pub reply_status: Option<u16>,
    /// The first 2 KiB of the body of that reply.
    pub reply_body: Option<String>,
    /// Why there was no reply.
    pub error: Option<String>,
}

impl CallbackRecord {
    /// Whether the merchant has replied, or the post has failed.
    pub fn is_finished(&self) -> bool {
        self.reply_status.is_some() || self.error.is_some()
    }

    /// The body as text.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One POST of a callback.
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// Every callback since the start, or since the last `clear`.
#[derive(Default)]
pub(crate) struct Callbacks(Mutex<Vec<(u64, CallbackRecord)>>);

impl Callbacks {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<(u64, CallbackRecord)>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn all(&self) -> Vec<CallbackRecord> {
        self.with(|list| list.iter().map(|(_, record)| record.clone()).collect())
    }

    pub(crate) fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Records a new post. Returns its id for [`finish`](Self::finish).
    pub(crate) fn begin(&self, order_number: &str, post: &Post) -> u64 {
        self.with(|list| {
            let id = list.last().map_or(1, |(id, _)| id + 1);
            let before = list.iter().filter(|(_, r)| r.order_number == order_number);
            let attempt = u32::try_from(before.count() + 1).unwrap_or(u32::MAX);
            let record = CallbackRecord {
                order_number: order_number.to_owned(),
                url: post.url.clone(),
                content_type: post.content_type.clone(),
                body: post.body.clone(),
                at: SystemTime::now(),
                attempt,
                reply_status: None,
                reply_body: None,
                error: None,
            };
            list.push((id, record));
            id
        })
    }

    pub(crate) fn finish(&self, id: u64, reply: Result<(u16, String), String>) {
        self.with(|list| {
            if let Some((_, record)) = list.iter_mut().find(|(known, _)| *known == id) {
                match reply {
                    Ok((status, body)) => {
                        record.reply_status = Some(status);
                        record.reply_body = Some(body);
                    }
                    Err(error) => record.error = Some(error),
                }
            }
        });
    }
}
