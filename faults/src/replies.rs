//! Replies, good and bad, in bytes.

use std::io::Write as _;
use std::sync::LazyLock;

use crate::abi::{AMOUNT, CURRENCY, n};
use crate::expectation::{self, Expectation};
use crate::rng::Rng;

/// What a run asks for, and under which names.
#[derive(Clone, Debug)]
pub struct Question {
    /// A payment, or else a check.
    pub is_pay: bool,
    /// A payment by the form, which a page may answer; v1.1 answers in JSON alone.
    pub takes_pages: bool,
    pub reference: String,
    pub order_number: String,
}

/// Where good payments lead.
pub const CARD_PAGE: &str = "https://gwvisa.flexpay.cd/checkout/bbba7c30";

/// A reply with its length.
pub fn reply(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// A reply whose body lasts until the connection ends.
pub fn open_ended(body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    [head, body.as_ref()].concat()
}

/// A reply in chunks of so many bytes.
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

impl Question {
    /// A body that answers the question, and what it says.
    pub fn good_body(&self, rng: &mut Rng) -> (String, Expectation) {
        if self.is_pay {
            return rng.take(self.good_payments());
        }
        let states = [
            ("0", n::STATE_PAID),
            ("0", n::STATE_PAID),
            ("1", n::STATE_FAILED),
            ("2", n::STATE_PENDING),
            ("3", n::STATE_REFUNDING),
            ("4", n::STATE_REFUNDED),
            ("5", n::STATE_CANCELLED),
        ];
        let (status, state) = *rng.pick(&states);
        (self.transaction(status), Expectation::State(state))
    }

    fn good_payments(&self) -> Vec<(String, Expectation)> {
        let order = &self.order_number;
        let leads = Expectation::Payment(CARD_PAGE);
        let mut payments = vec![
            (
                format!(
                    r#"{{"code":0,"message":"Redirection en cours","orderNumber":"{order}","url":"{CARD_PAGE}"}}"#
                ),
                leads,
            ),
            (
                format!(
                    r#"{{"code":"0.0","data":{{"link":"{CARD_PAGE}",}},"order_number":"{order}",}}"#
                ),
                leads,
            ),
            (format!("\u{feff}{{\"paymentUrl\":\"{CARD_PAGE}\"}}"), leads),
        ];
        let pages = [
            (
                format!("<!DOCTYPE html><html><a href=\"{CARD_PAGE}\">Payer</a></html>"),
                leads,
            ),
            (
                format!("<meta http-equiv=refresh content='0; url={CARD_PAGE}'></html>"),
                leads,
            ),
            (
                format!("<form action=\"{CARD_PAGE}\" method=post></form></html>"),
                Expectation::Page,
            ),
        ];
        if self.takes_pages {
            payments.extend(pages);
        }
        payments
    }

    /// A check's reply with this status.
    pub fn transaction(&self, status: &str) -> String {
        let Self {
            reference,
            order_number,
            ..
        } = self;
        format!(
            r#"{{"code":"0","message":"Une transaction trouvée","transaction":{{"orderNumber":"{order_number}","reference":"{reference}","amount":"{AMOUNT}","amountCustomer":"26.0","currency":"{CURRENCY}","createdAt":"06-02-2021 17:32:46","status":"{status}",}}}}"#
        )
    }

    /// A good reply, whole, after which the connection may be used again.
    pub fn good(&self, rng: &mut Rng) -> (Vec<u8>, Expectation) {
        let (body, expectation) = self.good_body(rng);
        (reply(200, "", body), expectation)
    }

    /// The most welcome body: what must not be taken for an answer when its surroundings are wrong.
    pub fn tempting(&self) -> (String, Expectation) {
        if self.is_pay {
            self.good_payments().swap_remove(0)
        } else {
            (self.transaction("0"), Expectation::State(n::STATE_PAID))
        }
    }

    /// A tempting body that never was this run's: it names no order, so nothing in it gives it away.
    pub fn forged(&self) -> String {
        if self.is_pay {
            r#"{"code":0,"url":"https://forged.example/checkout/1"}"#.to_owned()
        } else {
            format!(
                r#"{{"code":"0","transaction":{{"reference":"ANOTHER","amount":"{AMOUNT}","currency":"{CURRENCY}","status":"0"}}}}"#
            )
        }
    }

    /// What a status that is no success says, over a body that says nothing else.
    pub fn verdict(&self, status: u16) -> Expectation {
        match status {
            401 | 403 => expectation::BAD_TOKEN,
            400 | 404 | 405 | 422 => expectation::NO,
            ..100 | 300..400 => expectation::UNREADABLE,
            _ => expectation::FAILED,
        }
    }
}

/// A body that unpacks to 64 MiB.
pub static BOMB: LazyLock<Vec<u8>> =
    LazyLock::new(|| pack(64 << 20, b"{\"code\":\"0\",\"message\":\""));

/// A body that is small, packed.
pub fn packed(body: &str) -> Vec<u8> {
    pack(0, body.as_bytes())
}

fn pack(blanks: usize, first: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = [b' '; 1 << 16];
    // Writing to a Vec cannot fail.
    let _ = packer.write_all(first);
    for _ in 0..blanks >> 16 {
        let _ = packer.write_all(&zeros);
    }
    packer.finish().unwrap_or_default()
}
