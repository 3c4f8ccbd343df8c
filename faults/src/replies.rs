//! The bytes of valid and invalid replies.

use std::io::Write as _;
use std::sync::LazyLock;

use crate::expectation::{self, Expectation};
use crate::interface::{AMOUNT, CURRENCY, consts};
use crate::rng::Rng;

/// The service that a call sends its request to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Payments by card, API v1: a form. The reply may be a page.
    CardForm,
    /// Payments by card, API v1.1: JSON.
    CardJson,
    /// Payments by mobile money: JSON.
    Mobile,
    /// Payouts: JSON.
    Payout,
    /// Checks.
    Check,
}

/// The request of a run, and its identifiers.
#[derive(Clone, Debug)]
pub struct Operation {
    pub service: Service,
    /// The kind of the payment, which the channel of its transaction shows.
    pub kind: i32,
    pub reference: String,
    pub order_number: String,
}

/// The redirect address of good payments.
pub const CARD_PAGE: &str = "https://gwvisa.flexpay.cd/checkout/bbba7c30";

/// A reply with a Content-Length.
pub fn reply(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// A reply whose body ends when the connection ends.
pub fn until_close(body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    [head, body.as_ref()].concat()
}

/// A reply in chunks of `size` bytes. `end` follows the last one.
pub fn chunked(headers: &str, body: &[u8], size: usize, end: &str) -> Vec<u8> {
    let mut reply =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{headers}\r\n").into_bytes();
    for chunk in body.chunks(size.max(1)) {
        reply.extend(format!("{:x}\r\n", chunk.len()).bytes());
        reply.extend(chunk);
        reply.extend(b"\r\n");
    }
    reply.extend(end.bytes());
    reply
}

impl Service {
    /// Whether its requests move money, so that each must be sent at most once.
    pub fn moves_money(self) -> bool {
        self != Self::Check
    }

    /// Whether a reply may send the customer to a page.
    pub fn has_card_page(self) -> bool {
        matches!(self, Self::CardForm | Self::CardJson)
    }

    /// Whether a reply may be a page.
    pub fn accepts_pages(self) -> bool {
        self == Self::CardForm
    }
}

impl Operation {
    /// A valid body for the operation, and the result it must give.
    pub fn good_body(&self, rng: &mut Rng) -> (String, Expectation) {
        if self.service.moves_money() {
            return rng.take(self.good_payments());
        }
        let states = [
            ("0", consts::STATE_PAID),
            ("0", consts::STATE_PAID),
            ("1", consts::STATE_FAILED),
            ("2", consts::STATE_PENDING),
            ("3", consts::STATE_REFUNDING),
            ("4", consts::STATE_REFUNDED),
            ("5", consts::STATE_CANCELLED),
        ];
        let (status, state) = *rng.pick(&states);
        (self.transaction(status), Expectation::State(state))
    }

    fn good_payments(&self) -> Vec<(String, Expectation)> {
        match self.service.has_card_page() {
            true => self.good_card_payments(),
            false => self.good_orders(),
        }
    }

    /// Replies to a request for a mobile payment or a payout.
    fn good_orders(&self) -> Vec<(String, Expectation)> {
        let order = &self.order_number;
        let bodies = [
            format!(
                r#"{{"code":"0","message":"Transaction envoyée avec succès. Veuillez valider le push message","reference":null,"provider_reference":null,"orderNumber":"{order}","url":null}}"#
            ),
            format!(r#"{{"code":0,"order_number":"{order}",}}"#),
            format!("\u{feff}{{\"data\":{{\"orderNumber\":\"{order}\"}},\"Code\":\"0.0\"}}"),
        ];
        bodies.map(|body| (body, Expectation::Order)).into()
    }

    fn good_card_payments(&self) -> Vec<(String, Expectation)> {
        let order = &self.order_number;
        let redirects = Expectation::Payment(CARD_PAGE);
        let mut payments = vec![
            (
                format!(
                    r#"{{"code":0,"message":"Redirection en cours","orderNumber":"{order}","url":"{CARD_PAGE}"}}"#
                ),
                redirects,
            ),
            (
                format!(
                    r#"{{"code":"0.0","data":{{"link":"{CARD_PAGE}",}},"order_number":"{order}",}}"#
                ),
                redirects,
            ),
            (
                format!("\u{feff}{{\"paymentUrl\":\"{CARD_PAGE}\"}}"),
                redirects,
            ),
        ];
        let pages = [
            (
                format!("<!DOCTYPE html><html><a href=\"{CARD_PAGE}\">Payer</a></html>"),
                redirects,
            ),
            (
                format!("<meta http-equiv=refresh content='0; url={CARD_PAGE}'></html>"),
                redirects,
            ),
            (
                format!("<form action=\"{CARD_PAGE}\" method=post></form></html>"),
                Expectation::Page,
            ),
        ];
        if self.service.accepts_pages() {
            payments.extend(pages);
        }
        payments
    }

    /// The body of a check's reply with this status.
    pub fn transaction(&self, status: &str) -> String {
        let Self {
            reference,
            order_number,
            ..
        } = self;
        let channel = match self.kind {
            consts::KIND_CARD => "visa",
            consts::KIND_MOBILE => "mpesa",
            _ => "airtel",
        };
        format!(
            r#"{{"code":"0","message":"Une transaction trouvée","transaction":{{"orderNumber":"{order_number}","reference":"{reference}","amount":"{AMOUNT}","amountCustomer":"26.0","currency":"{CURRENCY}","createdAt":"06-02-2021 17:32:46","channel":"{channel}","status":"{status}",}}}}"#
        )
    }

    /// A complete, good reply, after which the connection can be reused.
    pub fn good(&self, rng: &mut Rng) -> (Vec<u8>, Expectation) {
        let (body, expectation) = self.good_body(rng);
        (reply(200, "", body), expectation)
    }

    /// A body that reports success. With faulty HTTP around it, it must not be accepted.
    pub fn success_body(&self) -> (String, Expectation) {
        if self.service.moves_money() {
            self.good_payments().swap_remove(0)
        } else {
            (
                self.transaction("0"),
                Expectation::State(consts::STATE_PAID),
            )
        }
    }

    /// A refusal that names an order all the same.
    pub fn refusal_with_order(&self) -> String {
        let order = &self.order_number;
        format!(r#"{{"code":"1","message":"Solde marchand insuffisant","orderNumber":"{order}"}}"#)
    }

    /// A success body that does not belong to this run. That of a check names no order, so its content
    /// does not show that it is forged.
    pub fn forged(&self) -> String {
        match self.service {
            Service::CardForm | Service::CardJson => {
                r#"{"code":0,"url":"https://forged.example/checkout/1"}"#.to_owned()
            }
            Service::Mobile | Service::Payout => r#"{"code":0,"orderNumber":"N0"}"#.to_owned(),
            Service::Check => format!(
                r#"{{"code":"0","transaction":{{"reference":"ANOTHER","amount":"{AMOUNT}","currency":"{CURRENCY}","status":"0"}}}}"#
            ),
        }
    }

    /// The result of a status other than success, when the body does not change it.
    pub fn status_expectation(&self, status: u16) -> Expectation {
        match status {
            401 | 403 => expectation::BAD_TOKEN,
            400 | 404 | 405 | 422 => expectation::REFUSED,
            ..100 | 300..400 => expectation::UNREADABLE,
            _ => expectation::GATEWAY_FAILED,
        }
    }
}

/// A compressed body of 64 MiB.
pub static BOMB: LazyLock<Vec<u8>> =
    LazyLock::new(|| gzip_padded(64 << 20, b"{\"code\":\"0\",\"message\":\""));

/// A small body, compressed.
pub fn compressed(body: &str) -> Vec<u8> {
    gzip_padded(0, body.as_bytes())
}

/// Compresses `start`, followed by `spaces` spaces (rounded down to a multiple of 64 KiB).
fn gzip_padded(spaces: usize, start: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let padding = [b' '; 1 << 16];
    // Writing to a Vec cannot fail.
    let _ = encoder.write_all(start);
    for _ in 0..spaces >> 16 {
        let _ = encoder.write_all(&padding);
    }
    encoder.finish().unwrap_or_default()
}
