//! The gateway's own code and message in a refusal or a failure.

use std::borrow::Cow;

use super::fields::{Field, Fields};
use super::{json, page};
use crate::token::Token;

/// The gateway's own code and message, if a body has them. Reading them never fails: they only
/// explain an error that already exists.
#[derive(Debug, Default)]
pub(crate) struct GatewayMessage {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl GatewayMessage {
    /// Reads them from a whole body: JSON (`code`, else `status`; `message`, else `error`), or the
    /// visible text of a page.
    pub(crate) fn from_text(text: &str, token: &Token) -> Self {
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
            Ok(fields) => Self::from_fields(fields),
            Err(_) => Self::default(),
        }
    }

    fn from_fields(mut fields: Fields<'_>) -> Self {
        // The reply to a payment request may have them inside `data`.
        let _ = fields.merge_nested(Field::Data);
        let mut code = |field| fields.take_text(field).ok().flatten().map(Cow::into_owned);
        let code = code(Field::Code).or_else(|| code(Field::Status));
        // The message is only for information, so it is kept even with a raw line ending in it.
        let mut message = |field| {
            fields
                .take_text_lenient(field)
                .ok()
                .flatten()
                .map(Cow::into_owned)
        };
        let message = message(Field::Message).or_else(|| message(Field::Error));
        Self { code, message }
    }

    /// The message as the end of an error message, `": …"`; empty if there is none.
    pub(crate) fn as_suffix(&self) -> String {
        match &self.message {
            Some(message) => format!(": {}", super::printable(message, 300)),
            None => String::new(),
        }
    }
}
