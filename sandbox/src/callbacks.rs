//! Callbacks: what the gateway posts to the merchant, true or forged, and what it got back.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::clock;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::payment::{Decision, Payment};
use crate::quirks::{CallbackCode, MissingValue, Quirks};
use crate::web;

/// How much of a merchant's answer is kept.
const REPLY_KEPT: u64 = 2048;

/// How a callback is delivered. `Delivery::default()` posts the true one, once, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Wait this long first.
    pub after_ms: u64,
    /// Post it this many times, one after the other.
    pub times: u32,
    /// As a form instead of JSON.
    pub form: bool,
    /// Fields put in or put over the true ones.
    pub set: BTreeMap<String, Value>,
    /// Fields left out.
    pub without: Vec<String>,
    /// A whole body in place of the callback's.
    pub raw: Option<RawBody>,
    /// Another address than the payment's.
    pub to: Option<String>,
}

/// A body posted as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBody {
    /// The `Content-Type`; empty sends none.
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

    /// The same, this much later.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.after_ms = ms;
        self
    }

    /// The same, `n` times.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = n;
        self
    }

    /// The same as a form body.
    #[must_use]
    pub fn as_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Forged: `field`, by its documented name, says `value`.
    #[must_use]
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set.insert(field.into(), value.into());
        self
    }

    /// Forged: without `field`.
    #[must_use]
    pub fn without(mut self, field: impl Into<String>) -> Self {
        self.without.push(field.into());
        self
    }

    /// These bytes in place of a callback.
    #[must_use]
    pub fn raw(mut self, content_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        self.raw = Some(RawBody {
            content_type: content_type.into(),
            body: body.into(),
        });
        self
    }

    /// Whether it says by itself how the payment stands.
    fn is_made_up(&self) -> bool {
        let code = "code";
        self.raw.is_some() || self.set.contains_key(code) || self.without.iter().any(|f| f == code)
    }

    /// To another address than the payment's.
    #[must_use]
    pub fn to(mut self, url: impl Into<String>) -> Self {
        self.to = Some(url.into());
        self
    }
}

/// A callback that was posted, or tried to be.
#[derive(Clone, Debug, Serialize)]
pub struct CallbackRecord {
    /// The payment it was about.
    pub order_number: String,
    /// Where it went.
    pub url: String,
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its body as posted.
    #[serde(with = "crate::hex_or_text")]
    pub body: Vec<u8>,
    /// When it was posted.
    #[serde(serialize_with = "crate::clock::as_ms", rename = "at_ms")]
    pub at: SystemTime,
    /// The how-manieth callback about this payment, from 1.
    pub attempt: u32,
    /// The HTTP status of the merchant's answer.
    pub reply_status: Option<u16>,
    /// The first 2 KiB of that answer's body.
    pub reply_body: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
}

impl CallbackRecord {
    /// Whether the merchant has answered, or never will.
    pub fn is_finished(&self) -> bool {
        self.reply_status.is_some() || self.error.is_some()
    }

    /// The body as text.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Every callback since the start, or since the last `clear`.
#[derive(Default)]
pub(crate) struct Callbacks(Mutex<Vec<(u64, CallbackRecord)>>);

impl Callbacks {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<(u64, CallbackRecord)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn all(&self) -> Vec<CallbackRecord> {
        self.with(|list| list.iter().map(|(_, record)| record.clone()).collect())
    }

    pub(crate) fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Writes down that `post` begins.
    fn begin(&self, order_number: &str, post: &Post) -> u64 {
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

    fn finish(&self, id: u64, answer: Result<(u16, String), String>) {
        self.with(|list| {
            if let Some((_, record)) = list.iter_mut().find(|(known, _)| *known == id) {
                match answer {
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

/// Delivers a callback in the background.
pub(crate) fn deliver(
    gateway: &Arc<Gateway>,
    order: &str,
    delivery: Delivery,
) -> Result<(), Error> {
    let payment = gateway
        .payment(order)
        .ok_or_else(|| Error::NoSuchPayment(order.to_owned()))?;
    if delivery.to.is_none() && payment.callback_url.is_empty() {
        return Err(Error::NoCallbackAddress(order.to_owned()));
    }
    // A later one says what is decided by then.
    if payment.is_pending() && delivery.after_ms == 0 && !delivery.is_made_up() {
        return Err(Error::NotDecided(order.to_owned()));
    }
    let known = Arc::clone(gateway);
    gateway.runtime.spawn(async move {
        tokio::time::sleep(Duration::from_millis(delivery.after_ms)).await;
        for _ in 0..delivery.times {
            // The payment may have changed, or be forgotten, meanwhile.
            let Some(payment) = known.payment(&payment.order_number) else {
                return;
            };
            if payment.is_pending() && !delivery.is_made_up() {
                return;
            }
            let post = Post::about(&payment, &delivery, &known.quirks());
            let id = known.callbacks.begin(&payment.order_number, &post);
            let answer = spawn_blocking(move || post.send()).await;
            let answer = answer.unwrap_or_else(|error| Err(error.to_string()));
            known.callbacks.finish(id, answer);
        }
    });
    Ok(())
}

/// Delivers the callback of a decision, where the gateway would.
pub(crate) fn deliver_decision(gateway: &Arc<Gateway>, payment: &Payment, decision: &Decision) {
    if decision.is_called_back() && payment.deliver_callbacks {
        // A payment without a callback address is simply not called back.
        let _ = deliver(gateway, &payment.order_number, Delivery::now());
    }
}

struct Post {
    url: String,
    content_type: String,
    body: Vec<u8>,
}

impl Post {
    fn about(payment: &Payment, delivery: &Delivery, quirks: &Quirks) -> Self {
        let url = delivery.to.as_ref().unwrap_or(&payment.callback_url);
        let (content_type, body) = match &delivery.raw {
            Some(raw) => (raw.content_type.clone(), raw.body.clone()),
            None => {
                let mut fields = fields(payment, quirks);
                for (field, value) in &delivery.set {
                    fields = fields.with(field, value.clone());
                }
                for field in &delivery.without {
                    fields.remove(field);
                }
                let fields = fields.renamed(|key| quirks.callback_keys.spell(key));
                if delivery.form {
                    let kind = "application/x-www-form-urlencoded";
                    (kind.to_owned(), fields.form().into_bytes())
                } else {
                    ("application/json".to_owned(), fields.text().into_bytes())
                }
            }
        };
        Self {
            url: url.clone(),
            content_type,
            body,
        }
    }

    fn send(self) -> Result<(u16, String), String> {
        let agent = web::agent(None).map_err(|error| error.to_string())?;
        let mut request = agent.post(&self.url);
        if !self.content_type.is_empty() {
            request = request.header("Content-Type", &self.content_type);
        }
        let mut answer = request
            .send(&self.body[..])
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let mut reader = answer.body_mut().as_reader().take(REPLY_KEPT);
        // An answer that breaks off keeps what came of it.
        let _ = reader.read_to_end(&mut body);
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The documented fields, and the ones seen beside them where the quirk says so.
fn fields(payment: &Payment, quirks: &Quirks) -> Object {
    let paid = payment.status == "0";
    let code = match quirks.callback_code {
        CallbackCode::Text => Value::from(if paid { "0" } else { "1" }),
        CallbackCode::Number => Value::from(u8::from(!paid)),
        CallbackCode::Decimal => Value::from(if paid { "0.0" } else { "1.0" }),
    };
    let mut fields = Object::new()
        .with("code", code)
        .with("reference", payment.reference.as_str());
    let provider = payment.provider_reference.as_str();
    fields = match quirks.missing_provider_reference {
        _ if !provider.is_empty() => fields.with("provider_reference", provider),
        MissingValue::Absent => fields,
        MissingValue::Null => fields.with("provider_reference", Value::Null),
        MissingValue::Empty => fields.with("provider_reference", ""),
    };
    fields = fields.with("orderNumber", payment.order_number.as_str());
    if quirks.callback_extra_fields {
        let message = if paid {
            "Transaction effectuée avec succès"
        } else {
            "Le paiement n'a pas réussi"
        };
        fields = fields
            .with("amount", payment.amount.as_str())
            .with("amountCustomer", payment.amount_customer.as_str())
            .with("phone", "243815877848")
            .with("currency", payment.currency.as_str())
            .with(
                "createdAt",
                clock::created_at(payment.created_at, quirks.created_at_style),
            )
            .with("channel", payment.channel.as_str())
            .with("message", message);
    }
    fields
}
