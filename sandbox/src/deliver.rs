//! Posting callbacks to the merchant.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::callbacks::{Delivery, Post};
use crate::clock;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::json::Object;
use crate::payment::{Decision, Payment};
use crate::quirks::{CallbackCode, MissingValue, Quirks};
use crate::web;

/// How many bytes of a merchant's reply are kept.
const REPLY_MAX: u64 = 2048;

/// The phone in the callback of a card payment, which has none.
const CARD_PHONE: &str = "243815877848";

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
    // A delayed callback reports the status at that time.
    if payment.is_pending() && delivery.after_ms == 0 && !delivery.sets_code() {
        return Err(Error::NotDecided(order.to_owned()));
    }
    let gateway = Arc::clone(gateway);
    let runtime = gateway.runtime.clone();
    runtime.spawn(async move {
        tokio::time::sleep(Duration::from_millis(delivery.after_ms)).await;
        for _ in 0..delivery.times {
            // The payment may have changed, or been cleared, in the meantime.
            let Some(payment) = gateway.payment(&payment.order_number) else {
                return;
            };
            if payment.is_pending() && !delivery.sets_code() {
                return;
            }
            let post = Post::about(&payment, &delivery, &gateway.quirks());
            let id = gateway.callbacks.begin(&payment.order_number, &post);
            let reply = spawn_blocking(move || post.send()).await;
            let reply = reply.unwrap_or_else(|error| Err(error.to_string()));
            gateway.callbacks.finish(id, reply);
        }
    });
    Ok(())
}

/// Delivers the callback of a decision, if the gateway posts one for it.
pub(crate) fn deliver_decision(gateway: &Arc<Gateway>, payment: &Payment, decision: &Decision) {
    if decision.is_called_back() && payment.deliver_callbacks {
        // The only expected error: the payment has no callback URL.
        let delivery = Delivery::now().after_ms(gateway.quirks().callback_delay_ms);
        let _ = deliver(gateway, &payment.order_number, delivery);
    }
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
                let fields = fields.map_keys(|key| quirks.callback_keys.apply(key));
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
        let mut response = request
            .send(&self.body[..])
            .map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(REPLY_MAX);
        // On an error, keep the part of the reply that was read.
        let _ = reader.read_to_end(&mut body);
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The documented fields, and the extra ones if that quirk is on.
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
        let message = match payment.failure.as_str() {
            _ if paid => "Transaction effectuée avec succès",
            "" => "Le paiement n'a pas réussi",
            failure => failure,
        };
        let phone = match payment.phone.as_str() {
            "" => CARD_PHONE,
            phone => phone,
        };
        fields = fields
            .with("amount", payment.amount.as_str())
            .with("amountCustomer", payment.amount_customer.as_str())
            .with("phone", phone)
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
