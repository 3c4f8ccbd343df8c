//! The texts of the dashboard, in French and English.

use axum::http::{HeaderMap, header};

use crate::kind::Kind;

/// The languages of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

impl Language {
    /// The language of the query (`?lang=fr`), else the first of the two in `Accept-Language`.
    pub(crate) fn of(requested: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let preferred = accepted.split(',').map(str::trim);
        requested
            .into_iter()
            .chain(preferred)
            .find_map(Self::from_tag)
            .unwrap_or(Self::English)
    }

    /// Parses `fr`, `fr-CD;q=0.9`, `en-GB`.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.split(['-', ';']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::French),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    pub(crate) fn translations(self) -> &'static Translations {
        match self {
            Self::French => &FRENCH,
            Self::English => &ENGLISH,
        }
    }
}

/// Every text of the dashboard.
pub(crate) struct Translations {
    pub(crate) code: &'static str,
    pub(crate) other_code: &'static str,
    pub(crate) other_name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) introduction: &'static str,
    pub(crate) no_money: &'static str,
    pub(crate) addresses: &'static str,
    pub(crate) payment_form: &'static str,
    pub(crate) payment_json: &'static str,
    pub(crate) check: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) settings_help: &'static str,
    pub(crate) token_help: &'static str,
    pub(crate) control: &'static str,
    pub(crate) control_help: &'static str,
    pub(crate) dashboard: &'static str,
    pub(crate) mobile: &'static str,
    pub(crate) payout: &'static str,
    pub(crate) open_phone: &'static str,
    pub(crate) open: &'static str,
    pub(crate) phones: &'static str,
    pub(crate) phones_help: &'static str,
    pub(crate) balance: &'static str,
    pub(crate) card_payments: &'static str,
    pub(crate) collections: &'static str,
    pub(crate) payouts: &'static str,
    pub(crate) newest: &'static str,
    pub(crate) of: &'static str,
    pub(crate) no_card_payments: &'static str,
    pub(crate) no_collections: &'static str,
    pub(crate) no_payouts: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) order_number: &'static str,
    pub(crate) status: &'static str,
    pub(crate) provider_reference: &'static str,
    pub(crate) phone: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) failure: &'static str,
    pub(crate) requested: &'static str,
    pub(crate) checks: &'static str,
    pub(crate) description: &'static str,
    pub(crate) live_refuses: &'static str,
    pub(crate) private_callback: &'static str,
    pub(crate) callback: &'static str,
    pub(crate) at: &'static str,
    pub(crate) reply_status: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) in_progress: &'static str,
    pub(crate) bodies: &'static str,
    pub(crate) posted: &'static str,
    pub(crate) reply_body: &'static str,
    pub(crate) card_page: &'static str,
    pub(crate) phone_page: &'static str,
    pub(crate) deliver: &'static str,
    pub(crate) not_decided: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) no_refused: &'static str,
    pub(crate) accepts_form: &'static str,
    pub(crate) accepts_json: &'static str,
    pub(crate) accepts_only_json: &'static str,
    pub(crate) plain_amount: &'static str,
    pub(crate) request: &'static str,
    pub(crate) states: [&'static str; 6],
    pub(crate) paid_out: &'static str,
    pub(crate) not_paid_out: &'static str,
    pub(crate) unknown_state: &'static str,
}

impl Translations {
    /// The name of a status.
    pub(crate) fn state(&self, kind: Kind, status: &str) -> &'static str {
        let number: Option<usize> = status.parse().ok();
        let state = number.and_then(|number| self.states.get(number));
        match (kind, status) {
            (Kind::Payout, "0") => self.paid_out,
            (Kind::Payout, "1") => self.not_paid_out,
            _ => state.copied().unwrap_or(self.unknown_state),
        }
    }
}

static FRENCH: Translations = Translations {
    code: "fr",
    other_code: "en",
    other_name: "English",
    title: "Bac à sable FlexPay",
    offline: "Le bac à sable ne répond pas. Ce que vous voyez est ancien.",
    introduction: "Une passerelle locale pour le marchand",
    no_money: "Aucun argent n'est débité ici.",
    addresses: "Adresses",
    payment_form: "Carte, formulaire",
    payment_json: "Carte, JSON",
    check: "Vérification",
    settings: "Réglages à copier",
    settings_help: "Ce marchand et ce jeton ne valent que dans ce bac à sable.",
    token_help: "À la place de TOKEN, le jeton donné avec --token.",
    control: "Commander le bac à sable",
    control_help: "Chaque appel de commande, avec un exemple pour curl. Ce qui est écrit EN MAJUSCULES est à remplacer.",
    dashboard: "Tableau de bord",
    mobile: "Mobile money",
    payout: "Versement",
    open_phone: "Numéro d'un téléphone",
    open: "Ouvrir le téléphone",
    phones: "Téléphones",
    phones_help: "Tout numéro se confirme à la main. Ceux-ci ont un comportement fixe, chez tous les opérateurs :",
    balance: "Solde du marchand",
    card_payments: "Cartes",
    collections: "Mobile money",
    payouts: "Versements",
    newest: "les plus récents :",
    of: "sur",
    no_card_payments: "Aucun paiement par carte pour l'instant.",
    no_collections: "Aucun paiement par mobile money pour l'instant.",
    no_payouts: "Aucun versement pour l'instant.",
    reference: "Référence",
    order_number: "Numéro de commande",
    status: "Statut",
    provider_reference: "Référence du prestataire",
    phone: "Téléphone",
    channel: "Moyen",
    failure: "Raison",
    requested: "Demandé",
    checks: "Vérifications",
    description: "Description",
    live_refuses: "La vraie passerelle refuse ceci :",
    private_callback: "l'adresse de rappel est sur cette machine ou sur un réseau privé.",
    callback: "Rappel",
    at: "à",
    reply_status: "réponse",
    failed: "échec :",
    in_progress: "en cours",
    bodies: "Contenu",
    posted: "Envoyé",
    reply_body: "Réponse",
    card_page: "Page de carte",
    phone_page: "Téléphone",
    deliver: "Renvoyer le rappel",
    not_decided: "Rien n'est décidé : la passerelle n'envoie pas encore de rappel.",
    refused: "Requêtes refusées",
    no_refused: "Aucune.",
    accepts_form: "Cette adresse prend un formulaire ; celle de l'API v1.1 prend du JSON.",
    accepts_json: "Cette adresse prend du JSON ; celle de l'API v1 prend un formulaire.",
    accepts_only_json: "Cette adresse prend du JSON.",
    plain_amount: "Ici un montant s'écrit sans zéros superflus : 575 ou 0.5, pas 575.0 ni 0.50.",
    request: "La requête telle qu'elle est arrivée, sans le jeton",
    states: [
        "payé",
        "refusé",
        "en attente",
        "remboursement en cours",
        "remboursé",
        "annulé",
    ],
    paid_out: "versé",
    not_paid_out: "échoué",
    unknown_state: "statut inconnu",
};

static ENGLISH: Translations = Translations {
    code: "en",
    other_code: "fr",
    other_name: "Français",
    title: "FlexPay sandbox",
    offline: "The sandbox does not respond. This page is out of date.",
    introduction: "A local gateway for the merchant",
    no_money: "No money moves here.",
    addresses: "Addresses",
    payment_form: "Card, form",
    payment_json: "Card, JSON",
    check: "Check",
    settings: "Settings to copy",
    settings_help: "This merchant and this token are valid only in this sandbox.",
    token_help: "Replace TOKEN with the token given with --token.",
    control: "Control the sandbox",
    control_help: "Every control call, with an example for curl. Replace the words in CAPITALS.",
    dashboard: "Dashboard",
    mobile: "Mobile money",
    payout: "Payout",
    open_phone: "Number of a phone",
    open: "Open the phone",
    phones: "Phones",
    phones_help: "Every number is confirmed by hand. These have a fixed behaviour, with every operator:",
    balance: "Merchant's balance",
    card_payments: "Cards",
    collections: "Mobile money",
    payouts: "Payouts",
    newest: "the newest",
    of: "of",
    no_card_payments: "None yet. Card payments appear here when they are requested.",
    no_collections: "None yet. Mobile money payments appear here.",
    no_payouts: "None yet. Payouts appear here.",
    reference: "Reference",
    order_number: "Order number",
    status: "Status",
    provider_reference: "Provider reference",
    phone: "Phone",
    channel: "Channel",
    failure: "Reason",
    requested: "Requested",
    checks: "Checks",
    description: "Description",
    live_refuses: "The live gateway refuses this:",
    private_callback: "the callback address is on this machine or on a private network.",
    callback: "Callback",
    at: "at",
    reply_status: "reply",
    failed: "failed:",
    in_progress: "in progress",
    bodies: "Bodies",
    posted: "Posted",
    reply_body: "Reply",
    card_page: "Card page",
    phone_page: "Phone",
    deliver: "Deliver the callback again",
    not_decided: "The payment is pending: the gateway posts no callback yet.",
    refused: "Refused requests",
    no_refused: "None.",
    accepts_form: "This address accepts a form; the one of API v1.1 accepts JSON.",
    accepts_json: "This address accepts JSON; the one of API v1 accepts a form.",
    accepts_only_json: "This address accepts JSON.",
    plain_amount: "Here an amount has no superfluous zeros: 575 or 0.5, not 575.0 or 0.50.",
    request: "The request as received, without the token",
    states: [
        "paid",
        "declined",
        "pending",
        "refund in progress",
        "refunded",
        "cancelled",
    ],
    paid_out: "paid out",
    not_paid_out: "failed",
    unknown_state: "unknown status",
};

#[cfg(test)]
mod tests {
    use super::Language;
    use crate::kind::Kind;
    use axum::http::{HeaderMap, header};

    #[test]
    fn the_query_takes_precedence_over_the_header() {
        let of = |requested, accepted: &str| {
            let mut headers = HeaderMap::new();
            let accepted = accepted.parse().expect("a header");
            headers.insert(header::ACCEPT_LANGUAGE, accepted);
            Language::of(requested, &headers)
        };
        assert_eq!(of(None, ""), Language::English);
        assert_eq!(of(None, "fr-CD,fr;q=0.9,en;q=0.5"), Language::French);
        assert_eq!(of(None, "ln, en-GB, fr"), Language::English);
        assert_eq!(of(Some("en"), "fr"), Language::English);
        assert_eq!(of(Some("fr"), "en"), Language::French);
        assert_eq!(of(Some("xx"), "fr"), Language::French);
    }

    #[test]
    fn each_status_has_a_name_in_each_language() {
        let french = Language::French.translations();
        let english = Language::English.translations();
        assert_eq!(french.state(Kind::Card, "2"), "en attente");
        assert_eq!(english.state(Kind::Mobile, "2"), "pending");
        assert_eq!(english.state(Kind::Mobile, "0"), "paid");
        assert_eq!(english.state(Kind::Payout, "0"), "paid out");
        for status in ["6", "-1", "", "0.0"] {
            assert_eq!(english.state(Kind::Payout, status), "unknown status");
        }
    }
}
