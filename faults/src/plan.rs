//! Plans each run from the seed and the run's number alone.

use std::sync::Arc;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{Script, Tls};

use crate::abi::{WaitOptions, consts};
use crate::catalogue::{Class, Context, Destination, Fault};
use crate::expectation::{Expectation, INVALID_CALLBACK, OTHER_ORDER};
use crate::replies::Operation;
use crate::rng::Rng;

/// The number of runs in a block. A block is either that many single runs, or a group of that many
/// threads on one client.
pub const BLOCK: usize = 64;

/// The function to call.
#[derive(Clone, Debug)]
pub enum Call {
    /// `flexpay_pay`, with a description of this length.
    Pay { description_bytes: usize },
    /// `flexpay_check`.
    Check,
    /// `flexpay_wait`.
    Wait(WaitOptions),
    /// `flexpay_verify_callback`.
    Verify(Callback),
}

/// A callback to verify.
#[derive(Clone, Debug)]
pub struct Callback {
    pub body: Vec<u8>,
    /// Whether the shop recorded the order number.
    pub recorded: bool,
    /// The query string of the callback's address. If set, the client also has a callback secret.
    pub query: Option<&'static str>,
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
            deadline_ms: 0,
            connect_timeout_ms: 0,
            destination: Destination::Slot(Certificate::Valid),
        }
    }

    fn operation(&self, index: usize, is_pay: bool) -> Operation {
        Operation {
            is_pay,
            accepts_pages: is_pay && self.api == consts::API_V1,
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
            // A payment never uses an idle connection.
            reused: self.reused && !operation.is_pay,
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
    let mut call = draw_call(&mut rng, index);
    let operation = settings.operation(index, matches!(call, Call::Pay { .. }));
    let context = settings.context(&operation);
    let mut faults = Vec::new();
    let exclusive = Class::exclusive(&context);
    if !context.reused && rng.percent(8) {
        faults.push(rng.pick(&exclusive).draw(&context, &mut rng));
        settings.destination = faults[0].destination.clone();
    } else {
        let classes = Class::possible(&context);
        faults.push(rng.pick(&classes).draw(&context, &mut rng));
        // A retry may get another fault, or none. A payment always has a good reply as its second fault:
        // if the library sent it again, it would succeed, and the judge would see it.
        let must_retry = faults[0].class == Class::ReusedConnection;
        if operation.is_pay || must_retry || rng.percent(60) {
            let later = Context {
                reused: false,
                resumable: true,
                ..context.clone()
            };
            if !operation.is_pay && !must_retry && rng.percent(40) {
                let classes = Class::possible(&later);
                faults.push(rng.pick(&classes).draw(&later, &mut rng));
            }
            faults.push(Class::Good.draw(&later, &mut rng));
        }
    }
    if matches!(
        call,
        Call::Verify(Callback {
            result_before_check: Some(_),
            ..
        })
    ) {
        faults = vec![Class::Callback.draw(&context, &mut rng)];
        settings.destination = Destination::Slot(Certificate::Valid);
    }
    if matches!(
        call,
        Call::Verify(Callback {
            result_before_check: None,
            ..
        })
    ) && rng.percent(20)
    {
        faults = vec![Class::OtherPayment.draw(&context, &mut rng)];
        settings.destination = Destination::Slot(Certificate::Valid);
    }
    let fault = &faults[0];
    let stalls = fault
        .expectations
        .iter()
        .any(|expectation| expectation.is_timeout());
    if let (true, Call::Pay { description_bytes }) = (fault.class == Class::RequestBody, &mut call)
        && stalls
        && rng.percent(10)
    {
        // More than the socket buffers hold: the fault comes while the client is still writing.
        *description_bytes = 8 << 20;
    }
    settings.deadline_ms = match stalls {
        true => *rng.pick(&[150, 200, 300, 400]),
        false => *rng.pick(&[300, 800, 1_000]),
    };
    if fault.class < Class::TlsFinish && rng.percent(25) {
        settings.connect_timeout_ms = settings.deadline_ms / 2;
    }
    if let Call::Wait(options) = &mut call {
        options.timeout_ms = settings.deadline_ms.min(400);
    }
    Run {
        index,
        call,
        operation,
        settings,
        faults,
    }
}

/// A block of runs as a group. The runs of the last block end before `end`.
pub fn group(seed: u64, block: usize, end: usize) -> Group {
    let mut rng = Rng::new(seed, 2, block);
    let mut settings = ClientSettings::draw(&mut rng);
    settings.deadline_ms = *rng.pick(&[500, 700, 900]);
    let indices = block * BLOCK..end.min((block + 1) * BLOCK);
    if rng.percent(35) {
        return early_fault_group(settings, indices, &mut rng);
    }
    let runs = indices.map(|index| {
        let mut rng = Rng::new(seed, 1, index);
        let mut call = draw_call(&mut rng, index);
        if let Call::Wait(options) = &mut call {
            options.timeout_ms = 400;
        }
        if let Call::Verify(callback) = &mut call {
            // All runs share the client, so none of them can have its own secret.
            *callback = Callback::valid(index);
        }
        let operation = settings.operation(index, matches!(call, Call::Pay { .. }));
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
        let count = if operation.is_pay {
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
    let is_pay = rng.percent(70);
    let context = settings.context(&settings.operation(indices.start, is_pay));
    let mut classes: Vec<Class> = Class::possible(&context);
    classes.extend(Class::exclusive(&context));
    // The reply to a check names its order, so checks get only faults without a reply.
    classes.retain(|class| match is_pay {
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
    let call = |_| match is_pay {
        true => Call::Pay {
            description_bytes: 0,
        },
        false => Call::Check,
    };
    Group {
        common_script: Some(Arc::clone(&fault.script)),
        runs: indices
            .map(|index| Run {
                index,
                call: call(index),
                operation: settings.operation(index, is_pay),
                settings: settings.clone(),
                faults: vec![fault.clone()],
            })
            .collect(),
        settings,
    }
}

fn draw_call(rng: &mut Rng, index: usize) -> Call {
    match rng.below(100) {
        0..45 => Call::Pay {
            description_bytes: 0,
        },
        45..75 => Call::Check,
        75..87 => Call::Wait(WaitOptions {
            timeout_ms: 0,
            interval_ms: 20,
            failed_grace_ms: 50,
        }),
        _ => Call::Verify(Callback::draw(rng, index)),
    }
}

impl Callback {
    fn valid(index: usize) -> Self {
        let body = format!(r#"{{"code":"0","reference":"R{index}","orderNumber":"N{index}"}}"#);
        Self {
            body: body.into_bytes(),
            recorded: true,
            query: None,
            result_before_check: None,
        }
    }

    fn draw(rng: &mut Rng, index: usize) -> Self {
        let valid = Self::valid(index);
        let refused = |body: Vec<u8>, expectation| Self {
            body,
            result_before_check: Some(expectation),
            ..valid.clone()
        };
        let text = |body: String, expectation| refused(body.into_bytes(), expectation);
        if rng.percent(70) {
            return Self {
                recorded: rng.percent(50),
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
