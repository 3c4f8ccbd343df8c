//! One finding.

use serde::Serialize;

use crate::texts::is_french;

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

    /// The name in the user's language. In JSON it is always English.
    pub fn name_for_people(&self) -> String {
        if !is_french() {
            return self.name.clone();
        }
        // The name of a service, and what was examined of it.
        let words: Vec<_> = self.name.split(": ").map(french).collect();
        words.join(" : ")
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

fn french(name: &str) -> &str {
    match name {
        "program" => "programme",
        "package" => "paquet",
        "library" => "bibliothèque",
        "settings" => "réglages",
        "token" => "jeton",
        "token at the gateway" => "jeton à la passerelle",
        "services" => "services",
        "card payments" => "paiements par carte",
        "mobile payments" => "paiements mobiles",
        "payouts" => "transferts",
        "checks" => "vérifications",
        "name" => "nom",
        "address" => "adresse",
        "connection" => "connexion",
        "clock" => "horloge",
        "callback address" => "adresse de notification",
        "not examined" => "non examiné",
        // "api", "proxy", "service", "journal" and "TLS" are French too.
        other => other,
    }
}
