//! The words for people, in English and French. JSON has none of them.

use flexpay::State;
use std::sync::OnceLock;

/// The words of one language.
pub struct Texts {
    pub accepted: &'static str,
    pub accepted_mobile: &'static str,
    pub accepted_payout: &'static str,
    /// The payment comes from the journal.
    pub recorded: &'static str,
    pub callback: &'static str,
    pub address: &'static str,
    pub page: &'static str,
    pub order_number: &'static str,
    pub reference: &'static str,
    pub amount: &'static str,
    pub amount_customer: &'static str,
    pub channel: &'static str,
    pub date: &'static str,
    pub message: &'static str,
    pub phone: &'static str,
    pub provider_reference: &'static str,
    pub claims_success: &'static str,
    pub claims_no_success: &'static str,
    pub trace: &'static str,
    pub http_status: &'static str,
    pub gateway_message: &'static str,
    pub error_not_sent: &'static str,
    pub error_journal: &'static str,
    pub error_refused: &'static str,
    pub error_unknown: &'static str,
    pub error_not_found: &'static str,
    /// What to do, which the English messages of the library say already.
    pub advice_refused: Option<&'static str>,
    pub advice_unknown: Option<&'static str>,
    pub advice_in_doubt: &'static str,
    pub waiting: &'static str,
    pub time_left: &'static str,
    pub finishing: &'static str,
    pub interrupted: &'static str,
    pub page_not_saved: &'static str,
    pub not_written: &'static str,
    states: [&'static str; 7],
}

const ENGLISH: Texts = Texts {
    accepted: "Payment requested, not yet paid: send the customer to this address",
    accepted_mobile: "Payment requested, not yet paid: the customer confirms on the phone",
    accepted_payout: "Payout requested: verify the order to learn when the money has arrived",
    recorded: "Requested before, as the journal has it: nothing was sent now. `flexpay settle` finds out whether \
               it is paid",
    callback: "Callback (not verified: anyone can send one)",
    address: "Address",
    page: "Page (open it in the browser)",
    order_number: "Order number",
    reference: "Reference",
    amount: "Amount",
    amount_customer: "With fees",
    channel: "Channel",
    date: "Date",
    message: "Message",
    phone: "Phone",
    provider_reference: "Operator's reference",
    claims_success: "claims success",
    claims_no_success: "claims no success",
    trace: "Trace",
    http_status: "HTTP status",
    gateway_message: "Gateway",
    error_not_sent: "Not sent",
    error_journal: "Nothing was sent: the journal cannot be used",
    error_refused: "Refused",
    error_unknown: "Outcome unknown",
    error_not_found: "Unknown order",
    advice_refused: None,
    advice_unknown: None,
    advice_in_doubt: "What to do: flexpay journal show REFERENCE",
    waiting: "Waiting for the customer",
    time_left: "still",
    finishing: "The gateway's reply is still awaited (30 seconds at most). Ctrl-C again stops at once, and \
                the result is lost",
    interrupted: "Stopped. The outcome is unknown: do not pay again before you have checked",
    page_not_saved: "the page could not be saved",
    not_written: "The result could not be written to stdout",
    states: [
        "STATE UNKNOWN",
        "PAID",
        "FAILED",
        "PENDING",
        "REFUND BEGUN",
        "REFUNDED",
        "CANCELLED",
    ],
};

const FRENCH: Texts = Texts {
    accepted: "Paiement demandé, pas encore payé : envoyez le client à cette adresse",
    accepted_mobile: "Paiement demandé, pas encore payé : le client confirme sur son téléphone",
    accepted_payout: "Transfert demandé : vérifiez la commande pour savoir si l'argent est arrivé",
    recorded: "Déjà demandé, d'après le journal : rien n'a été envoyé maintenant. `flexpay settle` dit si c'est \
               payé",
    callback: "Notification (non vérifiée : n'importe qui peut en envoyer)",
    address: "Adresse",
    page: "Page (ouvrez-la dans le navigateur)",
    order_number: "Numéro de commande",
    reference: "Référence",
    amount: "Montant",
    amount_customer: "Avec les frais",
    channel: "Canal",
    date: "Date",
    message: "Message",
    phone: "Téléphone",
    provider_reference: "Référence de l'opérateur",
    claims_success: "annonce un succès",
    claims_no_success: "n'annonce pas de succès",
    trace: "Trace",
    http_status: "Statut HTTP",
    gateway_message: "Passerelle",
    error_not_sent: "Non envoyé",
    error_journal: "Rien n'a été envoyé : le journal est inutilisable",
    error_refused: "Refusé",
    error_unknown: "Résultat inconnu",
    error_not_found: "Commande inconnue",
    advice_refused: Some("Corrigez la cause avant de recommencer."),
    advice_unknown: Some(
        "Ne recommencez pas le paiement : attendez la notification, vérifiez la commande, ou cherchez la \
         référence dans la console FlexPay.",
    ),
    advice_in_doubt: "Ne recommencez pas le paiement : la réponse à une demande précédente a été perdue. Que faire : \
                      flexpay journal show RÉFÉRENCE",
    waiting: "En attente du client",
    time_left: "encore",
    finishing: "La réponse de la passerelle est encore attendue (30 secondes au plus). Encore Ctrl-C pour \
                arrêter tout de suite : le résultat serait perdu",
    interrupted: "Arrêté. Le résultat est inconnu : ne payez pas de nouveau avant d'avoir vérifié",
    page_not_saved: "la page n'a pas pu être enregistrée",
    not_written: "Le résultat n'a pas pu être écrit sur stdout",
    states: [
        "ÉTAT INCONNU",
        "PAYÉ",
        "ÉCHOUÉ",
        "EN ATTENTE",
        "REMBOURSEMENT EN COURS",
        "REMBOURSÉ",
        "ANNULÉ",
    ],
};

impl Texts {
    pub fn state(&self, state: State) -> &'static str {
        let number = usize::try_from(state as i32).unwrap_or_default();
        self.states.get(number).unwrap_or(&self.states[0])
    }
}

/// The words of the user's language.
pub fn texts() -> &'static Texts {
    if is_french() { &FRENCH } else { &ENGLISH }
}

/// The text in the user's language.
pub fn say(english: &'static str, french: &'static str) -> &'static str {
    if is_french() { french } else { english }
}

static IS_FRENCH: OnceLock<bool> = OnceLock::new();

/// From now on, all texts are English: JSON is for programs. Call it before any text is used.
pub fn use_english() {
    let _ = IS_FRENCH.set(false);
}

/// Whether the user's language is French.
pub fn is_french() -> bool {
    *IS_FRENCH.get_or_init(|| sys_locale::get_locale().is_some_and(|locale| names_french(&locale)))
}

/// `fr`, `fr_CD.UTF-8`, `fr-FR`.
fn names_french(locale: &str) -> bool {
    let language = locale.split(['_', '-', '.']).next();
    language.is_some_and(|language| language.eq_ignore_ascii_case("fr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_is_recognized_in_every_form_of_a_locale() {
        for (locale, french) in [
            ("fr", true),
            ("fr_CD.UTF-8", true),
            ("fr-FR", true),
            ("FR", true),
            ("en_US", false),
            ("fry_NL", false),
            ("C", false),
            ("", false),
        ] {
            assert_eq!(names_french(locale), french, "{locale}");
        }
    }
}
