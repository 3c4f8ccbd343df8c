//! The texts of the phone page, in French and English.

use crate::dashboard::translations::Language;
use crate::kind::Kind;
use crate::payment::{EXPIRED, INSUFFICIENT_FUNDS, Payment};
use crate::phone::Behaviour;

/// Every text of the phone page.
pub(super) struct Texts {
    language: Language,
    pub(super) code: &'static str,
    pub(super) other_code: &'static str,
    pub(super) other_name: &'static str,
    pub(super) title: &'static str,
    pub(super) banner: &'static str,
    pub(super) offline: &'static str,
    pub(super) balance: &'static str,
    pub(super) requests: &'static str,
    pub(super) no_requests: &'static str,
    pub(super) reload: &'static str,
    pub(super) amount: &'static str,
    pub(super) fee: &'static str,
    pub(super) total: &'static str,
    pub(super) reference: &'static str,
    pub(super) description: &'static str,
    pub(super) pin: &'static str,
    pub(super) pin_help: &'static str,
    pub(super) wrong_pin: &'static str,
    pub(super) confirm: &'static str,
    pub(super) refuse: &'static str,
    pub(super) expire: &'static str,
    pub(super) messages: &'static str,
    pub(super) no_messages: &'static str,
    pub(super) receipt: &'static str,
    pub(super) test_phones: &'static str,
    pub(super) test_phones_help: &'static str,
    pub(super) dashboard: &'static str,
}

impl Texts {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::French => &FRENCH,
            Language::English => &ENGLISH,
        }
    }

    /// The text of a push.
    pub(super) fn push(&self, merchant: &str, amount: &str) -> String {
        match self.language {
            Language::French => {
                format!("{merchant} demande {amount}. Confirmer avec votre code PIN")
            }
            Language::English => format!("{merchant} requests {amount}. Confirm with your PIN"),
        }
    }

    /// The merchant's reference, below a message.
    pub(super) fn reference_of(&self, reference: &str) -> String {
        match self.language {
            Language::French => format!("Référence\u{a0}: {reference}"),
            Language::English => format!("Reference: {reference}"),
        }
    }

    /// The message about a payment that is decided.
    pub(super) fn message(&self, payment: &Payment, amount: &str) -> String {
        let merchant = &payment.merchant;
        let failure = payment.failure.as_str();
        match self.language {
            Language::French => match payment.status.as_str() {
                "0" if payment.kind == Kind::Payout => {
                    format!("Vous avez reçu {amount} de {merchant}.")
                }
                "0" => format!("Vous avez payé {amount} à {merchant}."),
                "3" => format!("{merchant} vous rembourse {amount}. C'est en cours."),
                "4" => format!("{merchant} vous a remboursé {amount}."),
                "5" => format!("Le paiement de {amount} à {merchant} est annulé."),
                "1" if failure == INSUFFICIENT_FUNDS => {
                    format!("Solde insuffisant\u{a0}: {amount} n'ont pas été payés à {merchant}.")
                }
                "1" if failure == EXPIRED => {
                    format!("La demande de {merchant}, {amount}, a expiré. Rien n'a été débité.")
                }
                "1" => format!("Vous avez refusé de payer {amount} à {merchant}."),
                status => format!("Paiement de {amount} à {merchant}\u{a0}: statut {status}."),
            },
            Language::English => match payment.status.as_str() {
                "0" if payment.kind == Kind::Payout => {
                    format!("You received {amount} from {merchant}.")
                }
                "0" => format!("You paid {amount} to {merchant}."),
                "3" => format!("{merchant} is refunding {amount}."),
                "4" => format!("{merchant} refunded {amount}."),
                "5" => format!("The payment of {amount} to {merchant} is cancelled."),
                "1" if failure == INSUFFICIENT_FUNDS => {
                    format!("Insufficient balance: {amount} were not paid to {merchant}.")
                }
                "1" if failure == EXPIRED => {
                    format!("The request of {merchant}, {amount}, has expired. Nothing was taken.")
                }
                "1" => format!("You refused to pay {amount} to {merchant}."),
                status => format!("Payment of {amount} to {merchant}: status {status}."),
            },
        }
    }

    /// What happens on a test phone.
    pub(super) fn behaviour(&self, behaviour: Behaviour) -> &'static str {
        let (french, english) = match behaviour {
            Behaviour::ByHand => ("à confirmer à la main", "confirmed by hand"),
            Behaviour::Confirms => ("confirme aussitôt", "confirms at once"),
            Behaviour::NoMoney => (
                "sans argent : la confirmation échoue",
                "no money: a confirmation fails",
            ),
            Behaviour::NoCredit => (
                "paiement refusé aussitôt : « Insufficient funds »",
                "collection refused at once: \"Insufficient funds\"",
            ),
            Behaviour::CannotReceive => (
                "versement refusé aussitôt : « Receiver invalid… »",
                "payout refused at once: \"Receiver invalid…\"",
            ),
            Behaviour::Refuses => ("refuse aussitôt", "refuses at once"),
            Behaviour::Expires => (
                "ne réagit pas : la demande expire",
                "does not react: the request expires",
            ),
            Behaviour::PayoutFails => (
                "versement accepté, puis échoué",
                "payout accepted, then fails",
            ),
        };
        match self.language {
            Language::French => french,
            Language::English => english,
        }
    }
}

static FRENCH: Texts = Texts {
    language: Language::French,
    code: "fr",
    other_code: "en",
    other_name: "English",
    title: "Téléphone",
    banner: "Bac à sable FlexPay : aucun argent n'est débité.",
    offline: "Le bac à sable ne répond pas. Ce que vous voyez est ancien.",
    balance: "Solde",
    requests: "Demandes de paiement",
    no_requests: "Aucune demande en attente.",
    reload: "Actualiser",
    amount: "Montant",
    fee: "Frais",
    total: "Total débité",
    reference: "Référence",
    description: "Objet",
    pin: "Code PIN",
    pin_help: "Quatre chiffres, n'importe lesquels.",
    wrong_pin: "Le code PIN a quatre chiffres. Rien n'a été débité.",
    confirm: "Confirmer",
    refuse: "Refuser",
    expire: "Laisser expirer",
    messages: "Messages",
    no_messages: "Aucun message.",
    receipt: "reçu n°",
    test_phones: "Téléphones de test",
    test_phones_help: "La fin du numéro décide, chez tous les opérateurs. Les autres numéros se confirment à la main.",
    dashboard: "Tableau de bord",
};

static ENGLISH: Texts = Texts {
    language: Language::English,
    code: "en",
    other_code: "fr",
    other_name: "Français",
    title: "Phone",
    banner: "FlexPay sandbox: no money moves.",
    offline: "The sandbox does not respond. This page is out of date.",
    balance: "Balance",
    requests: "Payment requests",
    no_requests: "No pending request.",
    reload: "Reload",
    amount: "Amount",
    fee: "Fee",
    total: "Total",
    reference: "Reference",
    description: "Description",
    pin: "PIN",
    pin_help: "Any four digits.",
    wrong_pin: "The PIN has four digits. Nothing was taken.",
    confirm: "Confirm",
    refuse: "Refuse",
    expire: "Let it expire",
    messages: "Messages",
    no_messages: "No messages.",
    receipt: "receipt",
    test_phones: "Test phones",
    test_phones_help: "The end of the number decides, with every operator. Other numbers are confirmed by hand.",
    dashboard: "Dashboard",
};
