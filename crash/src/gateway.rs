//! The gateway, and its ledger: what it received, and what it took.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use flexpay_sandbox::{Action, Decision, Endpoint, Fault, Sandbox};

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Gateway {
    pub sandbox: Sandbox,
}

/// What the gateway has of one reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The complete requests for a payment or a payout that it received.
    pub requests: usize,
    /// The payments and payouts that it took.
    pub payments: Vec<Taken>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub order_number: String,
    pub is_paid: bool,
}

impl Gateway {
    pub fn start() -> Result<Self, String> {
        let sandbox = Sandbox::start().map_err(|error| format!("the sandbox: {error}"))?;
        Ok(Self { sandbox })
    }

    /// The settings of a client of this gateway, as environment variables.
    pub fn settings(&self, journal: &Path) -> Vec<(&'static str, String)> {
        let base = self.sandbox.http_url();
        vec![
            ("FLEXPAY_MERCHANT", self.sandbox.merchant().to_owned()),
            ("FLEXPAY_TOKEN", self.sandbox.token().to_owned()),
            ("FLEXPAY_API", "v1.1".to_owned()),
            ("FLEXPAY_PAY_URL", format!("{base}/v1.1/pay")),
            (
                "FLEXPAY_MOBILE_URL",
                format!("{base}/api/rest/v1/paymentService"),
            ),
            (
                "FLEXPAY_PAYOUT_URL",
                format!("{base}/api/rest/v1/merchantPayOutService"),
            ),
            ("FLEXPAY_CHECK_URL", format!("{base}/api/rest/v1/check")),
            ("FLEXPAY_JOURNAL", journal.display().to_string()),
        ]
    }

    /// What it has of this reference, when it has dealt with all that it received. No client may be connected.
    pub fn ledger(&self, reference: &str) -> Result<Ledger, String> {
        self.knock().map_err(|error| error.to_string())?;
        let began = Instant::now();
        while !self.sandbox.connections().iter().all(|one| one.closed) {
            if began.elapsed() > PATIENCE {
                return Err("a connection to the gateway does not end".to_owned());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(self.ledger_now(reference))
    }

    /// Returns when every earlier connection has been accepted. A client that was killed may have left one that
    /// still waits for that.
    fn knock(&self) -> io::Result<()> {
        let url = self.sandbox.http_url();
        let address = url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address)?;
        let request =
            format!("GET /knock HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes())?;
        connection.read_to_end(&mut Vec::new())?;
        Ok(())
    }

    pub fn ledger_now(&self, reference: &str) -> Ledger {
        let requests = self.sandbox.requests();
        let is_payment = |endpoint| {
            matches!(
                endpoint,
                Endpoint::Pay | Endpoint::Mobile | Endpoint::Payout
            )
        };
        let of_reference = requests.iter().filter(|one| {
            one.complete && is_payment(one.endpoint) && contains(&one.body, reference.as_bytes())
        });
        let payments = self.sandbox.payments();
        Ledger {
            requests: of_reference.count(),
            payments: payments
                .into_iter()
                .filter(|one| one.reference == reference)
                .map(|one| Taken {
                    is_paid: one.status == Decision::Approve.status(),
                    order_number: one.order_number,
                })
                .collect(),
        }
    }

    /// The customer pays, or the payout arrives.
    pub fn approve(&self, order_number: &str) -> Result<(), String> {
        let decided = self
            .sandbox
            .decide_silently(order_number, Decision::Approve);
        decided.map(drop).map_err(|error| error.to_string())
    }

    /// The payment fails.
    pub fn decline(&self, order_number: &str) -> Result<(), String> {
        let decided = self
            .sandbox
            .decide_silently(order_number, Decision::Decline);
        decided.map(drop).map_err(|error| error.to_string())
    }

    /// The next request for a payment gets no reply. The payment is taken.
    pub fn lose_next_reply(&self) -> Result<(), String> {
        self.sandbox
            .inject(Fault::on(Endpoint::Any, Action::CloseAfterReading))
            .map_err(|error| error.to_string())
    }

    /// The next request for a payment gets a reply that says nothing, and no payment is taken.
    pub fn lose_next_payment(&self) -> Result<(), String> {
        let bad_gateway = Action::Reply {
            status: 502,
            headers: Vec::new(),
            body: Vec::new(),
            record: false,
        };
        self.sandbox
            .inject(Fault::on(Endpoint::Any, bad_gateway))
            .map_err(|error| error.to_string())
    }

    /// Every request for a payment is dealt with at once, and its reply comes late.
    pub fn delay_replies(&self, delay: Duration) -> Result<(), String> {
        let ms = delay.as_millis() as u64;
        for endpoint in [Endpoint::Pay, Endpoint::Mobile, Endpoint::Payout] {
            let fault = Fault {
                times: None,
                ..Fault::on(endpoint, Action::Delay { ms })
            };
            let injected = self.sandbox.inject(fault);
            injected.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub fn reply_at_once(&self) {
        self.sandbox.clear_faults();
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}
