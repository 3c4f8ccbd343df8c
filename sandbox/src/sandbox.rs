//! The sandbox as tests use it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::balance::Balance;
use crate::callbacks::{CallbackRecord, Delivery};
use crate::certificate;
use crate::dashboard::settings::Settings;
use crate::deliver;
use crate::error::Error;
use crate::faults::Fault;
use crate::gateway::Gateway;
use crate::hosts;
use crate::journal::{ConnectionRecord, RequestRecord};
use crate::mobile;
use crate::options::Options;
use crate::payment::{Decision, Payment};
use crate::payout;
use crate::phone::Phone;
use crate::quirks::Quirks;
use crate::routes;
use crate::serve;

/// How long a stopping sandbox waits for a callback without a reply.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(300);

/// A running gateway. Dropping it stops the gateway and closes its sockets.
pub struct Sandbox {
    gateway: Arc<Gateway>,
    http: SocketAddr,
    https: SocketAddr,
    runtime: Option<Runtime>,
    _directory: Option<TempDir>,
}

impl Sandbox {
    /// Starts a sandbox on loopback, on ports chosen by the system.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Options::default())
    }

    /// Starts a sandbox with `options`. Both listeners accept connections when this returns.
    pub fn start_with(options: Options) -> Result<Self, Error> {
        if let Some(host) = options
            .allow_hosts
            .iter()
            .find(|host| !hosts::is_host(host))
        {
            return Err(Error::Host(host.clone()));
        }
        let (path, directory) = match &options.directory {
            Some(path) => {
                std::fs::create_dir_all(path)?;
                (path.clone(), None)
            }
            None => {
                let made = tempfile::Builder::new()
                    .prefix("flexpay-sandbox-")
                    .tempdir()?;
                (made.path().to_owned(), Some(made))
            }
        };
        let ca_file = path.join("ca.pem");
        let tls = certificate::server_config(options.certificate, &ca_file)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("flexpay-sandbox")
            .enable_all()
            .build()?;
        let gateway = Gateway::new(&options, ca_file.clone(), runtime.handle().clone());
        let listen = |address| {
            let bound = runtime.block_on(TcpListener::bind(address));
            bound.map_err(|error| Error::Listen(address, error))
        };
        let (http, https) = (listen(options.http)?, listen(options.https)?);
        let addresses = (http.local_addr()?, https.local_addr()?);
        let app = routes::app(Arc::clone(&gateway));
        runtime.spawn(serve::listen(http, None, Arc::clone(&gateway), app.clone()));
        let tls = TlsAcceptor::from(Arc::new(tls));
        runtime.spawn(serve::listen(https, Some(tls), Arc::clone(&gateway), app));
        Ok(Self {
            gateway,
            http: addresses.0,
            https: addresses.1,
            runtime: Some(runtime),
            _directory: directory,
        })
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn http_url(&self) -> String {
        format!("http://{}", reachable(self.http))
    }

    /// `https://127.0.0.1:PORT`, without a trailing slash.
    pub fn https_url(&self) -> String {
        format!("https://{}", reachable(self.https))
    }

    /// The PEM file of the CA that signed the HTTPS listener's certificate.
    pub fn ca_file(&self) -> &Path {
        &self.gateway.ca_file
    }

    /// The merchant the gateway accepts.
    pub fn merchant(&self) -> &str {
        &self.gateway.merchant
    }

    /// That merchant's token, without the word `Bearer`.
    pub fn token(&self) -> &str {
        &self.gateway.token
    }

    /// The token, if it may be shown: only [`DEFAULT_TOKEN`](crate::DEFAULT_TOKEN), since a token
    /// given by the user could be valid on the live gateway.
    pub fn public_token(&self) -> Option<&str> {
        self.gateway.public_token()
    }

    /// The client settings for this gateway as shell lines: `export FLEXPAY_MERCHANT=…`. The URLs are
    /// the HTTP ones; the CA file for HTTPS is included.
    pub fn shell_settings(&self) -> String {
        let base = self.http_url();
        let settings = Settings {
            merchant: self.merchant(),
            token: self.token(),
            pay_url: &format!("{base}/v1.1/pay"),
            mobile_url: &format!("{base}{}", mobile::PATH),
            payout_url: &format!("{base}{}", payout::PATH),
            check_url: &format!("{base}/api/rest/v1/check"),
            ca_file: Some(&self.ca_file().display().to_string()),
        };
        settings.shell()
    }

    /// Every payment, oldest first.
    pub fn payments(&self) -> Vec<Payment> {
        self.gateway.payments()
    }

    /// The payment with this order number.
    pub fn payment(&self, order_number: &str) -> Option<Payment> {
        self.gateway.payment(order_number)
    }

    /// What the merchant has. Payments add to it, payouts take from it.
    pub fn balance(&self) -> Balance {
        self.gateway.balance()
    }

    /// Sets what the merchant has.
    pub fn set_balance(&self, balance: Balance) {
        self.gateway.set_balance(balance);
    }

    /// What a phone's wallet has. `phone` is `243` and nine digits.
    pub fn wallet(&self, phone: &str) -> Result<Balance, Error> {
        Ok(self.gateway.wallet(parse_phone(phone)?))
    }

    /// Sets what a phone's wallet has.
    pub fn set_wallet(&self, phone: &str, balance: Balance) -> Result<(), Error> {
        self.gateway.set_wallet(parse_phone(phone)?, balance);
        Ok(())
    }

    /// Decides a payment in any state. After an approval, a decline, a cancellation or an expiry, posts
    /// its callback in the background, if the payment has a callback URL and callbacks are on.
    ///
    /// The balances follow, whatever they are: an approved payment can leave a wallet with less than
    /// nothing. On the phone page, a customer without money cannot confirm.
    pub fn decide(&self, order_number: &str, decision: Decision) -> Result<Payment, Error> {
        let payment = self.gateway.decide(order_number, &decision)?;
        deliver::deliver_decision(&self.gateway, &payment, &decision);
        Ok(payment)
    }

    /// Decides a payment without posting a callback.
    pub fn decide_silently(
        &self,
        order_number: &str,
        decision: Decision,
    ) -> Result<Payment, Error> {
        self.gateway.decide(order_number, &decision)
    }

    /// Sets, for one payment, whether decisions post its callback automatically.
    pub fn set_deliver_callbacks(&self, order_number: &str, deliver: bool) -> Result<(), Error> {
        self.gateway.set_deliver_callbacks(order_number, deliver)
    }

    /// Posts the callback in the background, with the payment's status at that time. A pending payment
    /// has no callback, unless the delivery sets the `code`. Use
    /// [`wait_for_callbacks`](Self::wait_for_callbacks) to wait for it.
    pub fn deliver(&self, order_number: &str, delivery: Delivery) -> Result<(), Error> {
        deliver::deliver(&self.gateway, order_number, delivery)
    }

    /// Every callback, oldest first, including those still in progress.
    pub fn callbacks(&self) -> Vec<CallbackRecord> {
        self.gateway.callbacks.all()
    }

    /// Waits at most `at_most` until `count` callbacks are finished. Returns the finished ones.
    pub fn wait_for_callbacks(&self, count: usize, at_most: Duration) -> Vec<CallbackRecord> {
        wait_for(count, at_most, || {
            let mut finished = self.callbacks();
            finished.retain(CallbackRecord::is_finished);
            finished
        })
    }

    /// Queues a fault. The first queued fault that matches a request is applied to it.
    pub fn inject(&self, fault: Fault) -> Result<(), Error> {
        self.gateway.faults.inject(fault)
    }

    /// The queued faults.
    pub fn faults(&self) -> Vec<Fault> {
        self.gateway.faults.queued()
    }

    /// Deletes the queued faults.
    pub fn clear_faults(&self) {
        self.gateway.faults.clear();
    }

    /// The current quirks.
    pub fn quirks(&self) -> Quirks {
        self.gateway.quirks()
    }

    /// Replaces the quirks.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.gateway.set_quirks(quirks);
    }

    /// Every request to the gateway, oldest first, including incomplete ones. Requests to the
    /// sandbox's own dashboard and control API are not recorded.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.gateway.journal.requests()
    }

    /// Waits at most `at_most` until `count` requests were received or aborted by the client. Returns
    /// them, without requests still being received.
    pub fn wait_for_requests(&self, count: usize, at_most: Duration) -> Vec<RequestRecord> {
        wait_for(count, at_most, || {
            let mut settled = self.requests();
            settled.retain(|r| r.complete || r.outcome == crate::Outcome::ClientLeft);
            settled
        })
    }

    /// Every connection, oldest first. `bytes_received` is 0 if the client sent nothing.
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.gateway.journal.connections()
    }

    /// Deletes payments, callbacks, requests, closed connections and faults, and resets the balances.
    /// Quirks are kept.
    pub fn clear(&self) {
        self.gateway.clear();
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("http", &self.http)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a separate thread: a runtime cannot be shut down from inside another one.
            let stop = thread::spawn(move || runtime.shutdown_timeout(SHUTDOWN_TIMEOUT));
            let _ = stop.join();
        }
    }
}

fn parse_phone(phone: &str) -> Result<Phone<'_>, Error> {
    Phone::parse(phone).ok_or_else(|| Error::NotAPhone(phone.to_owned()))
}

/// Replaces `0.0.0.0` and `::`, which clients cannot connect to, with loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            ([0, 0, 0, 0, 0, 0, 0, 1], v6.port()).into()
        }
        other => other,
    }
}

fn wait_for<T>(count: usize, at_most: Duration, list: impl Fn() -> Vec<T>) -> Vec<T> {
    let until = Instant::now() + at_most;
    loop {
        let found = list();
        if found.len() >= count || Instant::now() >= until {
            return found;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
