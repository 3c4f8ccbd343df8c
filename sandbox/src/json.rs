//! JSON objects whose keys keep their insertion order, as in the gateway's replies.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// A JSON object that keeps the order of its keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(String, Value)>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets `key`. A new key is added at the end.
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(existing, _)| *existing == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
        self
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(existing, _)| existing != key);
    }

    /// Applies `f` to every key.
    pub(crate) fn map_keys(self, f: impl Fn(&str) -> String) -> Self {
        Self(self.0.into_iter().map(|(k, v)| (f(&k), v)).collect())
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As a form body. Strings are written without quotes, `null` as an empty value.
    pub(crate) fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (key, value) in &self.0 {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            form.append_pair(key, &text);
        }
        form.finish()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
