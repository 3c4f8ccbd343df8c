//! Plans each run from the seed and the run's number alone.

use std::sync::Arc;
use std::time::Duration;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{Script, Tls};

use crate::catalogue::{Class, Context, Destination, Fault};
use crate::expectation::{Expectation, INVALID, INVALID_CALLBACK, OTHER_ORDER};
use crate::interface::{WaitOptions, consts};
use crate::interruption::Interruption;
use crate::replies::{Operation, Service};
use crate::rng::Rng;

/// The number of runs in a block. A block is either that many single runs, or a group of that many
/// threads on one client.
pub const BLOCK: usize = 64;

/// The function to call.
#[derive(Clone, Debug)]
pub enum Call {
    /// `flexpay_pay`, with this many bytes more than usual.
    Pay { padding_bytes: usize },
    /// `flexpay_pay_mobile`.
    PayMobile { padding_bytes: usize },
    /// `flexpay_payout`.
    Payout { padding_bytes: usize },
    /// `flexpay_check`.
    Check,
    /// `flexpay_wait`.
    Wait(Wait),
    /// `flexpay_verify_callback`.
    Verify(Callback),
}

/// A wait.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    pub options: WaitOptions,
    /// The kind of the payment that the order is compared with, if it is compared.
    pub expected_kind: Option<i32>,
}

/// A callback to verify.
#[derive(Clone, Debug)]
pub struct Callback {
    pub body: Vec<u8>,
    /// Whether the shop recorded the order number.
    pub recorded: bool,
    /// The query string of the callback's address. If set, the client also has a callback secret.
    pub query: Option<&'static str>,
    /// The kind of the payment that the order is compared with.
    pub kind: i32,
    /// The result that the call must have before any check is sent.
    pub result_before_check: Option<Expectation>,
}

/// The client that makes a call.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub secure: bool,
    pub only_tls12: bool,
    pub proxy: bool,
    /// Whether the client's connection was used before the call.
    pub reused: bool,
    /// Whether the client shares the process's connections and TLS sessions.
    pub pooled: bool,
    pub api: i32,
    pub check_once: bool,
    /// Whether the client may send money out.
    pub allow_payout: bool,
    /// Whether each result has a trace.
    pub trace: bool,
    /// Whether the client has a journal.
    pub journal: bool,
    pub deadline_ms: u32,
    /// 0: only the deadline applies.
    pub connect_timeout_ms: u32,
    pub destination: Destination,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    pub index: usize,
    pub call: Call,
    pub operation: Operation,
    pub settings: ClientSettings,
    /// How the process that makes the call is interrupted.
    pub interruption: Option<Interruption>,
    /// The caller's own id of the call.
    pub correlation_id: Option<String>,
    /// The faults of its connections, in order. The last applies to all further connections.
    pub faults: Vec<Fault>,
}

/// A block of runs that call at the same time on one client.
pub struct Group {
    pub settings: ClientSettings,
    /// The script of all connections, when the fault comes before a request's id.
    pub common_script: Option<Arc<Script>>,
    pub runs: Vec<Run>,
}

impl Call {
    /// The name of the call, as in a trace.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pay { .. } => "pay",
            Self::PayMobile { .. } => "pay_mobile",
            Self::Payout { .. } => "payout",
            Self::Check => "check",
            Self::Wait(_) => "wait",
            Self::Verify(_) => "verify_callback",
        }
    }

    /// Whether its caller can give an id of the call.
    pub fn takes_correlation_id(&self) -> bool {
        !matches!(self, Self::Check)
    }

    /// Whether its request must be sent at most once.
    pub fn moves_money(&self) -> bool {
        self.padding_bytes().is_some()
    }

    /// How much the request is enlarged. `None` for a call that moves no money.
    pub fn padding_bytes(&self) -> Option<usize> {
        match self {
            Self::Pay { padding_bytes }
            | Self::PayMobile { padding_bytes }
            | Self::Payout { padding_bytes } => Some(*padding_bytes),
            _ => None,
        }
    }

    fn set_padding(&mut self, bytes: usize) {
        match self {
            Self::Pay { padding_bytes }
            | Self::PayMobile { padding_bytes }
            | Self::Payout { padding_bytes } => *padding_bytes = bytes,
            _ => {}
        }
    }

    /// The kind of payment that the call is about.
    fn kind(&self) -> i32 {
        match self {
            Self::Pay { .. } | Self::Check => consts::KIND_CARD,
            Self::PayMobile { .. } => consts::KIND_MOBILE,
            Self::Payout { .. } => consts::KIND_PAYOUT,
            Self::Wait(wait) => wait.expected_kind.unwrap_or(consts::KIND_CARD),
            Self::Verify(callback) => callback.kind,
        }
    }

    /// Whether the call compares the order with an expected payment.
    fn compares(&self) -> bool {
        match self {
            Self::Wait(wait) => wait.expected_kind.is_some(),
            Self::Verify(_) => true,
            _ => false,
        }
    }
}

impl Run {
    /// The result that the call must have without sending anything, if it is one that the library itself
    /// refuses.
    pub fn local_refusal(&self) -> Option<Expectation> {
        local_refusal(&self.call, &self.settings)
    }

    /// The time that the call has.
    pub fn deadline(&self) -> Duration {
        let ms = match self.call {
            Call::Wait(wait) => wait.options.timeout_ms,
            _ => self.settings.deadline_ms,
        };
        Duration::from_millis(ms.into())
    }

    /// Draws whether and how the process that makes the call is interrupted.
    pub fn may_be_interrupted(&mut self, seed: u64) {
        let mut rng = Rng::new(seed, 3, self.index);
        if rng.percent(15) {
            self.interruption = Some(Interruption::draw(&mut rng, self.deadline()));
        }
    }
}

impl Group {
    /// Draws which of the calls interrupts the process that makes them all, if any does.
    pub fn may_be_interrupted(&mut self, seed: u64, block: usize) {
        let mut rng = Rng::new(seed, 3, block);
        if rng.percent(30) {
            let run = rng.below(self.runs.len());
            let run = &mut self.runs[run];
            run.interruption = Some(Interruption::draw(&mut rng, run.deadline()));
        }
    }
}

fn local_refusal(call: &Call, settings: &ClientSettings) -> Option<Expectation> {
    match call {
        Call::Payout { .. } if !settings.allow_payout => Some(INVALID),
        Call::Verify(callback) => callback.result_before_check,
        _ => None,
    }
}

impl ClientSettings {
    pub fn tls(&self) -> Option<Tls> {
        let certificate = match self.destination {
            Destination::Slot(certificate) => certificate,
            _ => Certificate::Valid,
        };
        self.secure.then_some(Tls {
            certificate,
            only_tls12: self.only_tls12,
        })
    }

    /// Whether calls reach the slot.
    pub fn reaches_slot(&self) -> bool {
        matches!(self.destination, Destination::Slot(_))
    }

    fn draw(rng: &mut Rng) -> Self {
        Self {
            secure: rng.percent(50),
            only_tls12: rng.percent(30),
            proxy: rng.percent(15),
            reused: rng.percent(25),
            pooled: rng.percent(50),
            api: *rng.pick(&[consts::API_V1, consts::API_V1_1]),
            check_once: rng.percent(30),
            allow_payout: rng.percent(85),
            trace: rng.percent(50),
            journal: false,
            deadline_ms: 0,
            connect_timeout_ms: 0,
            destination: Destination::Slot(Certificate::Valid),
        }
    }

    fn operation(&self, index: usize, call: &Call) -> Operation {
        let service = match call {
            Call::Pay { .. } if self.api == consts::API_V1 => Service::CardForm,
            Call::Pay { .. } => Service::CardJson,
            Call::PayMobile { .. } => Service::Mobile,
            Call::Payout { .. } => Service::Payout,
            Call::Check | Call::Wait(_) | Call::Verify(_) => Service::Check,
        };
        Operation {
            service,
            kind: call.kind(),
            reference: format!("R{index}"),
            order_number: format!("N{index}"),
        }
    }

    fn context(&self, operation: &Operation) -> Context {
        Context {
            operation: operation.clone(),
            secure: self.secure,
            only_tls12: self.only_tls12,
            proxy: self.proxy,
            // A request that moves money never uses an idle connection.
            reused: self.reused && !operation.service.moves_money(),
            resumable: self.reused || self.pooled,
        }
    }
}

/// Whether a block is a group.
pub fn is_group(seed: u64, block: usize) -> bool {
    Rng::new(seed, 0, block).percent(35)
}

/// A run on its own client.
pub fn single(seed: u64, index: usize) -> Run {
    let mut rng = Rng::new(seed, 1, index);
    let mut settings = ClientSettings::draw(&mut rng);
    settings.journal = Rng::new(seed, 4, index).percent(50);
    let mut call = draw_call(&mut rng, index);
    let correlation_id = draw_correlation_id(&mut rng, index);
    let operation = settings.operation(index, &call);
    let moves_money = call.moves_money();
    let context = settings.context(&operation);
    let mut faults = Vec::new();
    let exclusive = Class::exclusive(&context);
    if !context.reused && rng.percent(8) {
        faults.push(rng.pick(&exclusive).draw(&context, &mut rng));
        settings.destination = faults[0].destination.clone();
    } else {
        let classes = Class::possible(&context);
        faults.push(rng.pick(&classes).draw(&context, &mut rng));
        // A retry may get another fault, or none. A call that moves money always has a good reply as its
        // second fault: if the library sent it again, it would succeed, and the judge would see it.
        let must_retry = faults[0].class == Class::ReusedConnection;
        if moves_money || must_retry || rng.percent(60) {
            let later = Context {
                reused: false,
                resumable: true,
                ..context.clone()
            };
            if !moves_money && !must_retry && rng.percent(40) {
                let classes = Class::possible(&later);
                faults.push(rng.pick(&classes).draw(&later, &mut rng));
            }
            faults.push(Class::Good.draw(&later, &mut rng));
        }
    }
    if local_refusal(&call, &settings).is_some() {
        faults = vec![Class::RefusedLocally.draw(&context, &mut rng)];
        settings.destination = Destination::Slot(Certificate::Valid);
    } else if call.compares() && rng.percent(20) {
        faults = vec![Class::OtherPayment.draw(&context, &mut rng)];
        settings.destination = Destination::Slot(Certificate::Valid);
    }
    let fault = &faults[0];
    let stalls = fault
        .expectations
        .iter()
        .any(|expectation| expectation.is_timeout());
    if fault.class == Class::RequestBody && stalls && rng.percent(30) {
        // More than the socket buffers hold: the fault comes while the client is still writing.
        call.set_padding(8 << 20);
    }
    settings.deadline_ms = match stalls {
        true => *rng.pick(&[150, 200, 300, 400]),
        false => *rng.pick(&[300, 800, 1_000]),
    };
    if fault.class < Class::TlsFinish && rng.percent(25) {
        settings.connect_timeout_ms = settings.deadline_ms / 2;
    }
    if let Call::Wait(wait) = &mut call {
        wait.options.timeout_ms = settings.deadline_ms.min(400);
    }
    Run {
        index,
        call,
        operation,
        settings,
        correlation_id,
        interruption: None,
        faults,
    }
}

/// A block of runs as a group. The runs of the last block end before `end`.
pub fn group(seed: u64, block: usize, end: usize) -> Group {
    let mut rng = Rng::new(seed, 2, block);
    let mut settings = ClientSettings::draw(&mut rng);
    settings.journal = Rng::new(seed, 4, block).percent(50);
    settings.deadline_ms = *rng.pick(&[500, 700, 900]);
    let indices = block * BLOCK..end.min((block + 1) * BLOCK);
    if rng.percent(35) {
        return early_fault_group(settings, indices, &mut rng);
    }
    let runs = indices.map(|index| {
        let mut rng = Rng::new(seed, 1, index);
        let mut call = draw_call(&mut rng, index);
        let correlation_id = draw_correlation_id(&mut rng, index);
        if let Call::Wait(wait) = &mut call {
            wait.options.timeout_ms = 400;
        }
        if let Call::Verify(callback) = &mut call {
            // All runs share the client, so none of them can have its own secret.
            *callback = Callback::valid(index, callback.kind);
        }
        let operation = settings.operation(index, &call);
        let context = settings.context(&operation);
        let mut classes = Class::possible(&context);
        // With an echo, the client has the other token, which is counted separately: half of the groups
        // have no echo.
        classes.retain(|class| {
            // Which connection a call uses is not known here, so a reused one cannot fail at a chosen time.
            !class.is_early()
                && *class != Class::ReusedConnection
                && (*class != Class::Echo || block.is_multiple_of(2))
        });
        let count = if call.moves_money() {
            1
        } else {
            rng.between(1, 2)
        };
        let mut faults: Vec<Fault> = (0..count)
            .map(|_| rng.pick(&classes).draw(&context, &mut rng))
            .collect();
        faults.push(Class::Good.draw(&context, &mut rng));
        Run {
            index,
            call,
            operation,
            settings: settings.clone(),
            correlation_id,
            interruption: None,
            faults,
        }
    });
    Group {
        common_script: None,
        runs: runs.collect(),
        settings,
    }
}

/// A group whose connections fail before a request's id was read.
fn early_fault_group(
    mut settings: ClientSettings,
    indices: std::ops::Range<usize>,
    rng: &mut Rng,
) -> Group {
    settings.reused = false;
    settings.allow_payout = true;
    let call = rng.take(vec![
        Call::Pay { padding_bytes: 0 },
        Call::PayMobile { padding_bytes: 0 },
        Call::Payout { padding_bytes: 0 },
        Call::Check,
    ]);
    let context = settings.context(&settings.operation(indices.start, &call));
    let mut classes: Vec<Class> = Class::possible(&context);
    classes.extend(Class::exclusive(&context));
    // The reply to a check names its order, so checks get only faults without a reply.
    classes.retain(|class| match call.moves_money() {
        true => class.is_early(),
        false => {
            *class < Class::Idle && !matches!(class, Class::Lookup | Class::FirstAddressSilent)
        }
    });
    let class = match rng.percent(20) && !settings.proxy {
        true => Class::LookupHangs,
        false if classes.is_empty() => Class::Connect,
        false => *rng.pick(&classes),
    };
    let fault = class.draw(&context, rng);
    settings.destination = fault.destination.clone();
    settings.deadline_ms = 400;
    // All payments get the same reply, so it names the same order.
    let operation = |index| {
        let mut operation = settings.operation(index, &call);
        if call.moves_money() {
            operation.order_number = context.operation.order_number.clone();
        }
        operation
    };
    Group {
        common_script: Some(Arc::clone(&fault.script)),
        runs: indices
            .map(|index| Run {
                index,
                call: call.clone(),
                operation: operation(index),
                settings: settings.clone(),
                correlation_id: draw_correlation_id(rng, index),
                interruption: None,
                faults: vec![fault.clone()],
            })
            .collect(),
        settings,
    }
}

fn draw_call(rng: &mut Rng, index: usize) -> Call {
    match rng.below(100) {
        0..24 => Call::Pay { padding_bytes: 0 },
        24..42 => Call::PayMobile { padding_bytes: 0 },
        42..60 => Call::Payout { padding_bytes: 0 },
        60..78 => Call::Check,
        78..88 => Call::Wait(Wait {
            options: WaitOptions {
                timeout_ms: 0,
                interval_ms: 20,
                failed_grace_ms: 50,
            },
            expected_kind: rng.percent(60).then(|| draw_kind(rng)),
        }),
        _ => Call::Verify(Callback::draw(rng, index)),
    }
}

fn draw_kind(rng: &mut Rng) -> i32 {
    *rng.pick(&[consts::KIND_CARD, consts::KIND_MOBILE, consts::KIND_PAYOUT])
}

fn draw_correlation_id(rng: &mut Rng, index: usize) -> Option<String> {
    rng.percent(50).then(|| format!("run-{index}"))
}

impl Callback {
    fn valid(index: usize, kind: i32) -> Self {
        let body = format!(r#"{{"code":"0","reference":"R{index}","orderNumber":"N{index}"}}"#);
        Self {
            body: body.into_bytes(),
            recorded: true,
            query: None,
            kind,
            result_before_check: None,
        }
    }

    fn draw(rng: &mut Rng, index: usize) -> Self {
        let valid = Self::valid(index, draw_kind(rng));
        let refused = |body: Vec<u8>, expectation| Self {
            body,
            result_before_check: Some(expectation),
            ..valid.clone()
        };
        let text = |body: String, expectation| refused(body.into_bytes(), expectation);
        if rng.percent(70) {
            let recorded = rng.percent(50);
            // Nothing in a callback tells a payout from a payment by a customer, so that an order number
            // from a callback proves no payout.
            let proves = recorded || valid.kind != consts::KIND_PAYOUT;
            return Self {
                recorded,
                result_before_check: if proves { None } else { Some(INVALID) },
                ..valid
            };
        }
        match rng.below(10) {
            0 => refused(
                [b"{\xff".to_vec(), rng.bytes(100)].concat(),
                INVALID_CALLBACK,
            ),
            1 => refused(
                valid.body[..valid.body.len() / 2].to_vec(),
                INVALID_CALLBACK,
            ),
            2 => refused(vec![b' '; 65_537], INVALID_CALLBACK),
            3 => refused("{\"a\":".repeat(10_000).into_bytes(), INVALID_CALLBACK),
            4 => refused(b"<html>paid</html>".to_vec(), INVALID_CALLBACK),
            5 => refused(Vec::new(), INVALID_CALLBACK),
            6 => text(
                format!(r#"{{"code":"0","reference":"R{index}","orderNumber":"N0"}}"#),
                OTHER_ORDER,
            ),
            7 => text(
                format!(r#"{{"code":"0","reference":"R0","orderNumber":"N{index}"}}"#),
                OTHER_ORDER,
            ),
            8 => text(
                format!(r#"{{"code":"0","code":"1","reference":"R{index}"}}"#),
                INVALID_CALLBACK,
            ),
            _ => Self {
                query: Some("flexpay=1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                result_before_check: Some(OTHER_ORDER),
                ..valid
            },
        }
    }
}
