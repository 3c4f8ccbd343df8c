//! What a reply says about the service and the token.

use flexpay::{Error, ErrorCode};

use super::finding::Finding;
use crate::texts::{is_french, say};

const TOKEN: &str = "token at the gateway";

/// Whether the reply to an empty request without the token is that of a payment service. `path` is the end
/// of FlexPay's own address.
pub fn to_empty_request(
    name: String,
    setting: &str,
    path: &str,
    status: u16,
    is_page: bool,
) -> Finding {
    let with = |advice: &str| format!("HTTP {status}: {advice}");
    match status {
        403 if is_page => Finding::bad(name, with(address_filter())),
        200 | 400 | 401 | 403 | 422 => Finding::good(
            name,
            with(say(
                "it answered an empty request without the token, as a payment service does",
                "il a répondu à une demande vide sans jeton, comme le fait un service de paiement",
            )),
        ),
        404 | 405 | 410 => Finding::bad(
            name,
            if is_french() {
                format!(
                    "HTTP {status} : cette adresse n'est pas un service de paiement. Corrigez {setting} \
                     (celle de FlexPay finit par {path}), ou ne la définissez pas"
                )
            } else {
                format!(
                    "HTTP {status}: this address is not a payment service. Correct {setting} (FlexPay's \
                     ends in {path}), or leave it unset"
                )
            },
        ),
        301 | 308 => Finding::bad(
            name,
            if is_french() {
                format!(
                    "HTTP {status} : le service a changé d'adresse, et les redirections ne sont pas \
                     suivies. Mettez la nouvelle adresse dans {setting} ; si elle commence par http://, \
                     essayez https://"
                )
            } else {
                format!(
                    "HTTP {status}: the service has moved, and redirects are not followed. Put its new \
                     address into {setting}; if it starts with http://, try https://"
                )
            },
        ),
        502..=504 => Finding::bad(
            name,
            with(say(
                "the gateway fails. Try again in some minutes",
                "la passerelle est en panne. Réessayez dans quelques minutes",
            )),
        ),
        _ => Finding::skipped(
            name,
            with(say(
                "this reply to an empty request without the token does not show whether the address is a \
                 payment service",
                "cette réponse à une demande vide sans jeton ne montre pas si l'adresse est un service de \
                 paiement",
            )),
        ),
    }
}

/// The gateway knows the order of the test, which cannot exist.
pub fn token_accepted() -> Finding {
    Finding::good(TOKEN, say("accepted", "accepté"))
}

/// What the reply to a check says about the token and the address.
pub fn to_check(error: &Error) -> Finding {
    let with_advice = |advice: &str| format!("{}. {advice}", error.message());
    match (error.code(), error.http_status()) {
        (ErrorCode::NotFound, _) => Finding::good(
            TOKEN,
            say(
                "accepted: the gateway replied that the order of this test does not exist",
                "accepté : la passerelle a répondu que la commande de cet essai n'existe pas",
            ),
        ),
        (ErrorCode::Unauthorized, Some(403)) => Finding::bad(
            TOKEN,
            with_advice(&format!(
                "{}. {}",
                address_filter(),
                say(
                    "Then check whether the token is yours",
                    "Vérifiez ensuite que le jeton est le vôtre"
                )
            )),
        ),
        (ErrorCode::Unauthorized, _) => Finding::bad(
            TOKEN,
            with_advice(say(
                "Set FLEXPAY_TOKEN to the token that FlexPay gave you for this environment, complete and \
                 on one line",
                "Mettez dans FLEXPAY_TOKEN le jeton que FlexPay vous a remis pour cet environnement, \
                 complet et sur une ligne",
            )),
        ),
        (ErrorCode::Refused, Some(404 | 405)) | (ErrorCode::Reply, _) => Finding::bad(
            TOKEN,
            with_advice(say(
                "Correct FLEXPAY_CHECK_URL: FlexPay's ends in /api/rest/v1/check, without the order number",
                "Corrigez FLEXPAY_CHECK_URL : celle de FlexPay finit par /api/rest/v1/check, sans numéro \
                 de commande",
            )),
        ),
        (ErrorCode::Gateway, _) => Finding::bad(
            TOKEN,
            with_advice(say(
                "Try again in some minutes; if it still fails, send this message to FlexPay",
                "Réessayez dans quelques minutes ; si cela dure, envoyez ce message à FlexPay",
            )),
        ),
        _ => Finding::bad(
            TOKEN,
            with_advice(say(
                "Send this message to FlexPay",
                "Envoyez ce message à FlexPay",
            )),
        ),
    }
}

fn address_filter() -> &'static str {
    say(
        "this machine's address may not be allowed. Ask FlexPay about its address filter first, and look \
         for a firewall in between",
        "l'adresse de cette machine n'est peut-être pas autorisée. Interrogez d'abord FlexPay sur son \
         filtre d'adresses, et cherchez un pare-feu sur le trajet",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_verdict() {
        for (status, is_page, ok) in [
            (200, false, Some(true)),
            (301, false, Some(false)),
            (302, true, None),
            (308, false, Some(false)),
            (400, false, Some(true)),
            (401, false, Some(true)),
            (403, false, Some(true)),
            (403, true, Some(false)),
            (404, true, Some(false)),
            (405, false, Some(false)),
            (410, false, Some(false)),
            (415, false, None),
            (422, false, Some(true)),
            (429, false, None),
            (500, false, None),
            (502, true, Some(false)),
            (503, false, Some(false)),
        ] {
            let finding = to_empty_request(
                "x".to_owned(),
                "FLEXPAY_PAY_URL",
                "/v1/pay",
                status,
                is_page,
            );
            assert_eq!(finding.ok, ok, "{status}");
            assert!(finding.detail.contains(&status.to_string()));
        }
    }
}
