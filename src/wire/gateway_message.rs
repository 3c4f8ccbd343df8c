//! What the gateway says for itself beside a refusal or a failure.

use std::borrow::Cow;

use super::fields::{Field, Fields};
use super::{json, page};
use crate::token::Token;

/// The gateway's own code and message, as far as a body gives them. Reading them never fails: they
/// only ever explain an error that stands already.
#[derive(Debug, Default)]
pub(crate) struct GatewayMessage {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl GatewayMessage {
    /// From the text of a whole body: JSON (`code`, else `status`; `message`, else `error`), or the visible
    /// text of a page.
    pub(crate) fn of_text(text: &str, token: &Token) -> Self {
        let text = json::trim_start(text);
        if text.starts_with('<') {
            let visible = page::read(text, token).text;
            let message = Some(visible).filter(|visible| !visible.is_empty());
            return Self {
                code: None,
                message,
            };
        }
        match Fields::read(text, token) {
            Ok(fields) => Self::of_fields(fields),
            Err(_) => Self::default(),
        }
    }

    fn of_fields(mut fields: Fields<'_>) -> Self {
        // A payment's reply may have them inside `data`.
        let _ = fields.open(Field::Data);
        let mut code = |field| fields.text(field).ok().flatten().map(Cow::into_owned);
        let code = code(Field::Code).or_else(|| code(Field::Status));
        // GatewayMessage decide nothing: a raw line end in them is no reason to lose them.
        let mut words = |field| {
            fields
                .text_if_any(field)
                .ok()
                .flatten()
                .map(Cow::into_owned)
        };
        let message = words(Field::Message).or_else(|| words(Field::Error));
        Self { code, message }
    }

    /// The words as the end of a sentence for a person, or nothing.
    pub(crate) fn quoted(&self) -> String {
        match &self.message {
            Some(message) => format!(": {}", super::printable(message, 300)),
            None => String::new(),
        }
    }
}
