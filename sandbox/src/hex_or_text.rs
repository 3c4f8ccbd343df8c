//! Bytes in JSON: a string if they are UTF-8, else `{"hex":"…"}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Hex { hex: String },
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Form::Text(text.to_owned()),
        Err(_) => Form::Hex {
            hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
        },
    }
    .serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    match Form::deserialize(from)? {
        Form::Text(text) => Ok(text.into_bytes()),
        Form::Hex { hex } => {
            from_hex(&hex).ok_or_else(|| serde::de::Error::custom("not hexadecimal"))
        }
    }
}

/// Decodes pairs of hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
