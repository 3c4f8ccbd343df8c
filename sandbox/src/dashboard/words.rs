//! The words of the dashboard, in French and in English.

use axum::http::{HeaderMap, header};

/// The languages of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

impl Language {
    /// What the address asks for (`?lang=fr`), else the first of the two that the browser names.
    pub(crate) fn of(asked: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let preferred = accepted.split(',').map(str::trim);
        asked
            .into_iter()
            .chain(preferred)
            .find_map(Self::named)
            .unwrap_or(Self::English)
    }

    /// `fr`, `fr-CD;q=0.9`, `en-GB`
    fn named(tag: &str) -> Option<Self> {
        let language = tag.split(['-', ';']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::French),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::French => &FRENCH,
            Self::English => &ENGLISH,
        }
    }
}

/// Every word of the dashboard.
pub(crate) struct Words {
    pub(crate) code: &'static str,
    pub(crate) other_code: &'static str,
    pub(crate) other_name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) away: &'static str,
    pub(crate) introduction: &'static str,
    pub(crate) no_money: &'static str,
    pub(crate) addresses: &'static str,
    pub(crate) payment_form: &'static str,
    pub(crate) payment_json: &'static str,
    pub(crate) check: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) settings_help: &'static str,
    pub(crate) token_is_given: &'static str,
    pub(crate) control: &'static str,
    pub(crate) control_help: &'static str,
    pub(crate) dashboard: &'static str,
    pub(crate) payments: &'static str,
    pub(crate) newest: &'static str,
    pub(crate) of: &'static str,
    pub(crate) no_payments: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) order_number: &'static str,
    pub(crate) status: &'static str,
    pub(crate) provider_reference: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) asked: &'static str,
    pub(crate) checks: &'static str,
    pub(crate) description: &'static str,
    pub(crate) live_refuses: &'static str,
    pub(crate) private_callback: &'static str,
    pub(crate) callback: &'static str,
    pub(crate) at: &'static str,
    pub(crate) answered: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) under_way: &'static str,
    pub(crate) what_was_said: &'static str,
    pub(crate) posted: &'static str,
    pub(crate) reply: &'static str,
    pub(crate) card_page: &'static str,
    pub(crate) deliver: &'static str,
    pub(crate) not_decided: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) no_refused: &'static str,
    pub(crate) takes_form: &'static str,
    pub(crate) takes_json: &'static str,
    pub(crate) request: &'static str,
    pub(crate) states: [&'static str; 6],
    pub(crate) unknown_state: &'static str,
}

impl Words {
    /// A status of the gateway in words.
    pub(crate) fn state(&self, status: &str) -> &'static str {
        let number: Option<usize> = status.parse().ok();
        let state = number.and_then(|number| self.states.get(number));
        state.copied().unwrap_or(self.unknown_state)
    }
}

static FRENCH: Words = Words {
    code: "fr",
    other_code: "en",
    other_name: "English",
    title: "Bac à sable FlexPay",
    away: "Le bac à sable ne répond pas. Ce que vous voyez est ancien.",
    introduction: "Une passerelle locale pour le marchand",
    no_money: "Aucun argent n'est débité ici.",
    addresses: "Adresses",
    payment_form: "Paiement, formulaire",
    payment_json: "Paiement, JSON",
    check: "Vérification",
    settings: "Réglages à copier",
    settings_help: "Ce marchand et ce jeton ne valent que dans ce bac à sable.",
    token_is_given: "À la place de TOKEN, le jeton donné avec --token.",
    control: "Commander le bac à sable",
    control_help: "Chaque appel de commande, avec un exemple pour curl. Ce qui est écrit EN MAJUSCULES est à remplacer.",
    dashboard: "Tableau de bord",
    payments: "Paiements",
    newest: "les plus récents :",
    of: "sur",
    no_payments: "Aucun pour l'instant. Demandez un paiement, et il s'affiche ici.",
    reference: "Référence",
    order_number: "Numéro de commande",
    status: "Statut",
    provider_reference: "Référence du prestataire",
    channel: "Moyen",
    asked: "Demandé",
    checks: "Vérifications",
    description: "Description",
    live_refuses: "La vraie passerelle refuse ceci :",
    private_callback: "l'adresse de rappel est sur cette machine ou sur un réseau privé.",
    callback: "Rappel",
    at: "à",
    answered: "réponse",
    failed: "échec :",
    under_way: "en cours",
    what_was_said: "Ce qui a été dit",
    posted: "Envoyé",
    reply: "Réponse",
    card_page: "Page de carte",
    deliver: "Renvoyer le rappel",
    not_decided: "Rien n'est décidé : la passerelle n'envoie pas encore de rappel.",
    refused: "Requêtes refusées",
    no_refused: "Aucune.",
    takes_form: "Cette adresse prend un formulaire ; celle de l'API v1.1 prend du JSON.",
    takes_json: "Cette adresse prend du JSON ; celle de l'API v1 prend un formulaire.",
    request: "La requête telle qu'elle est arrivée, sans le jeton",
    states: [
        "payé",
        "refusé",
        "en attente",
        "remboursement en cours",
        "remboursé",
        "annulé",
    ],
    unknown_state: "statut inconnu",
};

static ENGLISH: Words = Words {
    code: "en",
    other_code: "fr",
    other_name: "Français",
    title: "FlexPay sandbox",
    away: "The sandbox does not answer. What you see is old.",
    introduction: "A local gateway for the merchant",
    no_money: "No money moves here.",
    addresses: "Addresses",
    payment_form: "Payment, form",
    payment_json: "Payment, JSON",
    check: "Check",
    settings: "Settings to copy",
    settings_help: "This merchant and this token are good in this sandbox alone.",
    token_is_given: "In the place of TOKEN, the one given with --token.",
    control: "Control the sandbox",
    control_help: "Every control call, with an example for curl. What is in CAPITALS is to be replaced.",
    dashboard: "Dashboard",
    payments: "Payments",
    newest: "the newest",
    of: "of",
    no_payments: "None yet. Ask for one, and it shows here.",
    reference: "Reference",
    order_number: "Order number",
    status: "Status",
    provider_reference: "Provider reference",
    channel: "Channel",
    asked: "Asked",
    checks: "Checks",
    description: "Description",
    live_refuses: "The live gateway refuses this:",
    private_callback: "the callback address is on this machine or on a private network.",
    callback: "Callback",
    at: "at",
    answered: "answered",
    failed: "failed:",
    under_way: "under way",
    what_was_said: "What was said",
    posted: "Posted",
    reply: "Reply",
    card_page: "Card page",
    deliver: "Deliver the callback again",
    not_decided: "Nothing is decided: the gateway posts no callback yet.",
    refused: "Refused requests",
    no_refused: "None.",
    takes_form: "This address takes a form; that of API v1.1 takes JSON.",
    takes_json: "This address takes JSON; that of API v1 takes a form.",
    request: "The request as it came, without the token",
    states: [
        "paid",
        "declined",
        "pending",
        "refund under way",
        "refunded",
        "cancelled",
    ],
    unknown_state: "unknown status",
};

#[cfg(test)]
mod tests {
    use super::Language;
    use axum::http::{HeaderMap, header};

    #[test]
    fn the_address_goes_before_the_browser() {
        let of = |asked, accepted: &str| {
            let mut headers = HeaderMap::new();
            let accepted = accepted.parse().expect("a header");
            headers.insert(header::ACCEPT_LANGUAGE, accepted);
            Language::of(asked, &headers)
        };
        assert_eq!(of(None, ""), Language::English);
        assert_eq!(of(None, "fr-CD,fr;q=0.9,en;q=0.5"), Language::French);
        assert_eq!(of(None, "ln, en-GB, fr"), Language::English);
        assert_eq!(of(Some("en"), "fr"), Language::English);
        assert_eq!(of(Some("fr"), "en"), Language::French);
        assert_eq!(of(Some("xx"), "fr"), Language::French);
    }

    #[test]
    fn each_status_has_a_word_in_each_language() {
        let french = Language::French.words();
        let english = Language::English.words();
        assert_eq!(french.state("2"), "en attente");
        assert_eq!(english.state("2"), "pending");
        for status in ["6", "-1", "", "0.0"] {
            assert_eq!(english.state(status), "unknown status");
        }
    }
}
