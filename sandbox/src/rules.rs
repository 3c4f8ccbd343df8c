//! The rules that every request for money must pass. Each returns the gateway's refusal.

use axum::http::{HeaderMap, Uri, header};

use crate::amount::Amount;
use crate::fields::Fields;
use crate::gateway::Gateway;
use crate::phone::{Operator, Phone};
use crate::refusal::Refusal;
use crate::urls;

/// The maximum length of the reference of a card payment, in characters.
pub(crate) const CARD_REFERENCE_MAX: usize = 25;

/// The same for mobile money and payouts: references of up to 60 characters are in use.
pub(crate) const MOBILE_REFERENCE_MAX: usize = 60;

/// The token must be in the `Authorization` header, after `Bearer `.
pub(crate) fn is_authorized(gateway: &Gateway, headers: &HeaderMap) -> bool {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    bearer == Some(gateway.token.as_str())
}

/// The fields must be present.
pub(crate) fn require(fields: &Fields, names: &[&str]) -> Result<(), Refusal> {
    match names.iter().find(|name| fields.get(name).is_empty()) {
        Some(name) => Err(Refusal::message(format!("Le champ {name} est obligatoire"))),
        None => Ok(()),
    }
}

/// The merchant must be the gateway's.
pub(crate) fn merchant(fields: &Fields, gateway: &Gateway) -> Result<(), Refusal> {
    if fields.get("merchant") == gateway.merchant {
        return Ok(());
    }
    Err(Refusal::message("Marchand inconnu"))
}

/// A positive amount in CDF or USD, with whole francs for CDF. Returns it with the currency.
pub(crate) fn amount(fields: &Fields) -> Result<(Amount, &str), Refusal> {
    let currency = fields.get("currency");
    if !matches!(currency, "CDF" | "USD") {
        return Err(Refusal::message("Devise non prise en charge"));
    }
    let amount =
        Amount::parse(fields.get("amount")).ok_or_else(|| Refusal::message(INVALID_AMOUNT))?;
    if currency == "CDF" && !amount.is_whole() {
        return Err(Refusal::message(
            "Le montant en CDF doit être un nombre entier de francs",
        ));
    }
    Ok((amount, currency))
}

/// The same, written without leading or trailing zeros: `575` and `0.5`, not `1.00`.
pub(crate) fn plain_amount(fields: &Fields) -> Result<(Amount, &str), Refusal> {
    let (amount, currency) = self::amount(fields)?;
    if !amount.is_written_plainly(fields.get("amount")) {
        return Err(Refusal::message(INVALID_AMOUNT));
    }
    Ok((amount, currency))
}

/// The refusal of an amount.
pub(crate) const INVALID_AMOUNT: &str = "Montant invalide";

/// The reference must not be longer than `max` characters.
pub(crate) fn reference(fields: &Fields, max: usize) -> Result<(), Refusal> {
    if fields.get("reference").chars().count() <= max {
        return Ok(());
    }
    Err(Refusal::message(format!(
        "La référence dépasse {max} caractères"
    )))
}

/// `type` must be 1: mobile money.
pub(crate) fn mobile_type(fields: &Fields) -> Result<(), Refusal> {
    if fields.get("type") == "1" {
        return Ok(());
    }
    Err(Refusal::message("Erreur, le type envoyé ne correspond pas"))
}

/// The phone must be 243 and nine digits, with the prefix of an operator.
pub(crate) fn phone(fields: &Fields) -> Result<(Phone<'_>, &'static Operator), Refusal> {
    let phone = Phone::parse(fields.get("phone"))
        .ok_or_else(|| Refusal::message("Numéro de téléphone invalide"))?;
    let operator = phone
        .operator
        .ok_or_else(|| Refusal::message("Aucun opérateur n'a ce numéro de téléphone"))?;
    Ok((phone, operator))
}

/// The callback URL must be a web address, if there is one.
pub(crate) fn callback_url(
    fields: &Fields,
    name: &str,
    refuse_private: bool,
) -> Result<(), Refusal> {
    let url = fields.get(name);
    if url.is_empty() {
        return Ok(());
    }
    if !urls::is_web_address(url) {
        return Err(not_an_address(name));
    }
    let uri: Option<Uri> = url.parse().ok();
    if refuse_private && uri.is_some_and(|uri| urls::is_private(&uri)) {
        return Err(Refusal::message(format!(
            "Le champ {name} désigne une adresse locale"
        )));
    }
    Ok(())
}

/// The URLs that the customer is redirected to must be web addresses or app links, if they are given.
pub(crate) fn return_urls(fields: &Fields, names: &[&str]) -> Result<(), Refusal> {
    let is_wrong = |name: &&&str| {
        let url = fields.get(name);
        !url.is_empty() && !urls::is_return_address(url)
    };
    match names.iter().find(is_wrong) {
        Some(name) => Err(not_an_address(name)),
        None => Ok(()),
    }
}

fn not_an_address(name: &str) -> Refusal {
    Refusal::message(format!("Le champ {name} n'est pas une adresse valide"))
}
