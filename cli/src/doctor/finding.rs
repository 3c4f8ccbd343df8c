//! One finding.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Finding {
    pub name: String,
    /// Null: not examined, or no verdict.
    pub ok: Option<bool>,
    pub detail: String,
    /// How long the step took, if it was measured.
    pub ms: Option<u64>,
}

impl Finding {
    pub fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Some(true), detail)
    }

    pub fn bad(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, Some(false), detail)
    }

    pub fn skipped(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, None, detail)
    }

    pub fn after(mut self, ms: u64) -> Self {
        self.ms = Some(ms);
        self
    }

    fn new(name: impl Into<String>, ok: Option<bool>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok,
            detail: detail.into(),
            ms: None,
        }
    }
}
