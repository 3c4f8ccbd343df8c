//! Finds an order that a reply names, anywhere in its body.
//!
//! A refusal, or a reply that cannot be used, may still name an order. Then a payment may exist at
//! the gateway, and the merchant needs the order number to check it.

use super::fields::{Field, Fields};
use super::json::{self, Value};
use super::page;
use crate::address;
use crate::token::Token;

/// The order number and the payment addresses in a reply's body.
#[derive(Debug, Default)]
pub(crate) struct NamedOrder {
    /// The order number; the first, if there are several.
    pub(crate) order_number: Option<String>,
    /// Every address at which the customer might pay.
    pub(crate) addresses: Vec<String>,
}

impl NamedOrder {
    /// Searches a body: JSON, with its `data` and `transaction`, or a page's links. Never fails: in a
    /// body that cannot be read, nothing is found.
    pub(crate) fn find_in(text: &str, token: &Token) -> Self {
        let text = json::trim_start(text);
        let mut named = Self::default();
        if text.starts_with('<') {
            let links = page::read(text, token).links.into_iter();
            named.addresses = links.filter(|link| address::is_checkout(link)).collect();
        } else {
            named.collect_from(text, token);
        }
        named
    }

    fn collect_from(&mut self, object: &str, token: &Token) {
        let Ok(mut fields) = Fields::read(object, token) else {
            return;
        };
        if let Some(number) = fields.first_text(Field::OrderNumber) {
            self.order_number.get_or_insert(number);
        }
        let addresses = [
            Field::Url,
            Field::PaymentUrl,
            Field::RedirectUrl,
            Field::Link,
        ];
        for field in addresses {
            self.addresses.extend(fields.first_text(field));
        }
        for field in [Field::Data, Field::Transaction] {
            if let Ok(Some(Value::Object(inner))) = fields.take(field) {
                self.collect_from(inner, token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(body: &str) -> (Option<String>, usize) {
        let named = NamedOrder::find_in(body, &Token::accept("another-token").unwrap());
        (named.order_number, named.addresses.len())
    }

    #[test]
    fn an_order_is_found_wherever_it_is_named() {
        for body in [
            r#"{"code":"1","orderNumber":"O1"}"#,
            r#"{"code":"1","ORDER_NUMBER":"O1"}"#,
            r#"{"code":"1","data":{"orderNumber":"O1"}}"#,
            r#"{"code":"1","transaction":{"orderNumber":"O1"}}"#,
            r#"{"code":"1","data":{"transaction":{"orderNumber":"O1"}}}"#,
            r#"{"code":"1","orderNumber":"O1","order_number":"O2"}"#,
        ] {
            assert_eq!(named(body), (Some("O1".to_owned()), 0), "{body}");
        }
        for body in [
            r#"{"code":"1","url":"https://gw.example/checkout/1"}"#,
            r#"{"code":"1","data":{"link":"/checkout/1"}}"#,
            r#"<a href="https://gw.example/checkout/1">Payer</a>"#,
        ] {
            assert_eq!(named(body), (None, 1), "{body}");
        }
    }

    #[test]
    fn an_empty_field_or_an_unrelated_link_names_no_order() {
        for body in [
            "",
            "Bad Request",
            r#"{"code":"1","orderNumber":null,"url":""}"#,
            r#"{"code":"1","orderNumber":[],"url":{}}"#,
            r#"{"code":"1","data":[],"transaction":""}"#,
            r#"<a href="https://www.flexpay.cd/contact">Contact</a>"#,
        ] {
            assert_eq!(named(body), (None, 0), "{body}");
        }
    }
}
