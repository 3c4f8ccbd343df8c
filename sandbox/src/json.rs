//! JSON objects whose keys come out in the order they were put in, as the gateway's do.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// An object that keeps the order of its keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(String, Value)>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The same with `key` set: in its place if it is there already, else at the end.
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
        self
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    /// The same with every key passed through `spell`.
    pub(crate) fn renamed(self, spell: impl Fn(&str) -> String) -> Self {
        Self(self.0.into_iter().map(|(k, v)| (spell(&k), v)).collect())
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As the body of a form; text goes in bare, `null` as nothing.
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
