//! What is done in each run, decided by the seed and the run's number alone.

use std::sync::Arc;

use flexpay_sandbox::Certificate;
use flexpay_sandbox::fault_server::{Script, Tls};

use crate::abi::{WaitOptions, n};
use crate::catalogue::{Class, Fault, Setting, Whereto};
use crate::expectation::{Expectation, NO_CALLBACK, OTHER_ORDER};
use crate::replies::Question;
use crate::rng::Rng;

/// Runs come in blocks of this size: a block is so many runs alone, or so many threads at once on one
/// client.
pub const BLOCK: usize = 64;

/// Which function is called.
#[derive(Clone, Debug)]
pub enum Call {
    /// `flexpay_pay`, with a description of so many bytes.
    Pay { description: usize },
    /// `flexpay_check`.
    Check,
    /// `flexpay_wait`.
    Wait(WaitOptions),
    /// `flexpay_verify_callback`.
    Verify(Notice),
}

/// A callback to verify.
#[derive(Clone, Debug)]
pub struct Notice {
    pub body: Vec<u8>,
    /// Whether the order number was recorded by the shop.
    pub recorded: bool,
    /// The query string of its address, and the shop's secret with it.
    pub query: Option<&'static str>,
    /// What must come of it before anything is asked.
    pub refused: Option<Expectation>,
}

/// The client a call is made with.
#[derive(Clone, Debug)]
pub struct Shop {
    pub secure: bool,
    pub only_tls12: bool,
    pub proxy: bool,
    /// Whether the connection of the call has answered something before.
    pub reused: bool,
    /// Whether the client uses the connections and TLS sessions of the process.
    pub pooled: bool,
    pub api: i32,
    pub check_once: bool,
    pub deadline_ms: u32,
    /// 0: none but the deadline.
    pub connect_timeout_ms: u32,
    pub whereto: Whereto,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    pub index: usize,
    pub call: Call,
    pub question: Question,
    pub shop: Shop,
    /// What its connections suffer, the first first; the last goes on for ever.
    pub faults: Vec<Fault>,
}

/// A block of runs on one client.
pub struct Crowd {
    pub shop: Shop,
    /// All suffer the same, before they are told apart.
    pub together: Option<Arc<Script>>,
    pub runs: Vec<Run>,
}

impl Shop {
    pub fn tls(&self) -> Option<Tls> {
        let certificate = match self.whereto {
            Whereto::Slot(certificate) => certificate,
            _ => Certificate::Valid,
        };
        self.secure.then_some(Tls {
            certificate,
            only_tls12: self.only_tls12,
        })
    }

    /// Whether calls come to the slot, and not somewhere else.
    pub fn reaches_slot(&self) -> bool {
        matches!(self.whereto, Whereto::Slot(_))
    }

    fn draw(rng: &mut Rng) -> Self {
        Self {
            secure: rng.percent(50),
            only_tls12: rng.percent(30),
            proxy: rng.percent(15),
            reused: rng.percent(25),
            pooled: rng.percent(50),
            api: *rng.pick(&[n::API_V1, n::API_V1_1]),
            check_once: rng.percent(30),
            deadline_ms: 0,
            connect_timeout_ms: 0,
            whereto: Whereto::Slot(Certificate::Valid),
        }
    }

    fn question(&self, index: usize, is_pay: bool) -> Question {
        Question {
            is_pay,
            takes_pages: is_pay && self.api == n::API_V1,
            reference: format!("R{index}"),
            order_number: format!("N{index}"),
        }
    }

    fn setting(&self, question: &Question) -> Setting {
        Setting {
            question: question.clone(),
            secure: self.secure,
            only_tls12: self.only_tls12,
            proxy: self.proxy,
            // A payment never goes over a connection that has lain idle.
            reused: self.reused && !question.is_pay,
            resumable: self.reused || self.pooled,
        }
    }
}

/// Whether a block is a crowd.
pub fn is_crowd(seed: u64, block: usize) -> bool {
    Rng::new(seed, 0, block).percent(35)
}

/// A run by itself, on a client of its own.
pub fn alone(seed: u64, index: usize) -> Run {
    let mut rng = Rng::new(seed, 1, index);
    let mut shop = Shop::draw(&mut rng);
    let mut call = draw_call(&mut rng, index);
    let question = shop.question(index, matches!(call, Call::Pay { .. }));
    let setting = shop.setting(&question);
    let mut faults = Vec::new();
    let one_place = Class::alone(&setting);
    if !setting.reused && rng.percent(8) {
        faults.push(rng.pick(&one_place).draw(&setting, &mut rng));
        shop.whereto = faults[0].whereto.clone();
    } else {
        let classes = Class::of(&setting);
        faults.push(rng.pick(&classes).draw(&setting, &mut rng));
        // What is asked again may meet another fault, or none. A payment that were sent again would
        // be rewarded, and found out.
        let must_be_asked_again = faults[0].class == Class::WorstMoment;
        if question.is_pay || must_be_asked_again || rng.percent(60) {
            let later = Setting {
                reused: false,
                resumable: true,
                ..setting.clone()
            };
            if !question.is_pay && !must_be_asked_again && rng.percent(40) {
                let classes = Class::of(&later);
                faults.push(rng.pick(&classes).draw(&later, &mut rng));
            }
            faults.push(Class::Good.draw(&later, &mut rng));
        }
    }
    if matches!(
        call,
        Call::Verify(Notice {
            refused: Some(_),
            ..
        })
    ) {
        faults = vec![Class::Callback.draw(&setting, &mut rng)];
        shop.whereto = Whereto::Slot(Certificate::Valid);
    }
    if matches!(call, Call::Verify(Notice { refused: None, .. })) && rng.percent(20) {
        faults = vec![Class::OtherPayment.draw(&setting, &mut rng)];
        shop.whereto = Whereto::Slot(Certificate::Valid);
    }
    let fault = &faults[0];
    let stalls = fault
        .expectations
        .iter()
        .any(|expectation| expectation.is_late());
    if let (true, Call::Pay { description }) = (fault.class == Class::RequestBody, &mut call)
        && stalls
        && rng.percent(10)
    {
        // More than a socket takes at once: the client is caught in the middle of writing.
        *description = 8 << 20;
    }
    shop.deadline_ms = match stalls {
        true => *rng.pick(&[150, 200, 300, 400]),
        false => *rng.pick(&[300, 800, 1_000]),
    };
    if fault.class < Class::TlsFinish && rng.percent(25) {
        shop.connect_timeout_ms = shop.deadline_ms / 2;
    }
    if let Call::Wait(options) = &mut call {
        options.timeout = shop.deadline_ms.min(400);
    }
    Run {
        index,
        call,
        question,
        shop,
        faults,
    }
}

/// A block of runs as a crowd: `first` and those after it, below `end`.
pub fn crowd(seed: u64, block: usize, end: usize) -> Crowd {
    let mut rng = Rng::new(seed, 2, block);
    let mut shop = Shop::draw(&mut rng);
    shop.deadline_ms = *rng.pick(&[500, 700, 900]);
    let indices = block * BLOCK..end.min((block + 1) * BLOCK);
    if rng.percent(35) {
        return crowd_before(shop, indices, &mut rng);
    }
    let runs = indices.map(|index| {
        let mut rng = Rng::new(seed, 1, index);
        let mut call = draw_call(&mut rng, index);
        if let Call::Wait(options) = &mut call {
            options.timeout = 400;
        }
        if let Call::Verify(notice) = &mut call {
            // The client is everybody's; a secret would be, too.
            *notice = Notice::sound(index);
        }
        let question = shop.question(index, matches!(call, Call::Pay { .. }));
        let setting = shop.setting(&question);
        let mut classes = Class::of(&setting);
        // The token that a gateway repeats is looked for elsewhere: half of the crowds have none such.
        classes.retain(|class| {
            // Which connection a call takes, and so the worst moment of one, is not known here.
            !class.is_early()
                && *class != Class::WorstMoment
                && (*class != Class::Echo || block.is_multiple_of(2))
        });
        let count = if question.is_pay {
            1
        } else {
            rng.between(1, 2)
        };
        let mut faults: Vec<Fault> = (0..count)
            .map(|_| rng.pick(&classes).draw(&setting, &mut rng))
            .collect();
        faults.push(Class::Good.draw(&setting, &mut rng));
        Run {
            index,
            call,
            question,
            shop: shop.clone(),
            faults,
        }
    });
    Crowd {
        together: None,
        runs: runs.collect(),
        shop,
    }
}

/// A crowd whose connections go wrong before they say whose they are.
fn crowd_before(mut shop: Shop, indices: std::ops::Range<usize>, rng: &mut Rng) -> Crowd {
    shop.reused = false;
    let is_pay = rng.percent(70);
    let setting = shop.setting(&shop.question(indices.start, is_pay));
    let mut classes: Vec<Class> = Class::of(&setting);
    classes.extend(Class::alone(&setting));
    // Replies to a check name its order: there, only what has no reply.
    classes.retain(|class| match is_pay {
        true => class.is_early(),
        false => {
            *class < Class::Idle && !matches!(class, Class::LookUp | Class::FirstAddressSilent)
        }
    });
    let class = match rng.percent(20) && !shop.proxy {
        true => Class::LookUpHangs,
        false if classes.is_empty() => Class::Connect,
        false => *rng.pick(&classes),
    };
    let fault = class.draw(&setting, rng);
    shop.whereto = fault.whereto.clone();
    shop.deadline_ms = 400;
    let call = |_| match is_pay {
        true => Call::Pay { description: 0 },
        false => Call::Check,
    };
    Crowd {
        together: Some(Arc::clone(&fault.script)),
        runs: indices
            .map(|index| Run {
                index,
                call: call(index),
                question: shop.question(index, is_pay),
                shop: shop.clone(),
                faults: vec![fault.clone()],
            })
            .collect(),
        shop,
    }
}

fn draw_call(rng: &mut Rng, index: usize) -> Call {
    match rng.below(100) {
        0..45 => Call::Pay { description: 0 },
        45..75 => Call::Check,
        75..87 => Call::Wait(WaitOptions {
            timeout: 0,
            interval: 20,
            failed_grace: 50,
        }),
        _ => Call::Verify(Notice::draw(rng, index)),
    }
}

impl Notice {
    fn sound(index: usize) -> Self {
        let body = format!(r#"{{"code":"0","reference":"R{index}","orderNumber":"N{index}"}}"#);
        Self {
            body: body.into_bytes(),
            recorded: true,
            query: None,
            refused: None,
        }
    }

    fn draw(rng: &mut Rng, index: usize) -> Self {
        let sound = Self::sound(index);
        let refused = |body: Vec<u8>, expectation| Self {
            body,
            refused: Some(expectation),
            ..sound.clone()
        };
        let text = |body: String, expectation| refused(body.into_bytes(), expectation);
        if rng.percent(70) {
            return Self {
                recorded: rng.percent(50),
                ..sound
            };
        }
        match rng.below(10) {
            0 => refused([b"{\xff".to_vec(), rng.bytes(100)].concat(), NO_CALLBACK),
            1 => refused(sound.body[..sound.body.len() / 2].to_vec(), NO_CALLBACK),
            2 => refused(vec![b' '; 65_537], NO_CALLBACK),
            3 => refused("{\"a\":".repeat(10_000).into_bytes(), NO_CALLBACK),
            4 => refused(b"<html>paid</html>".to_vec(), NO_CALLBACK),
            5 => refused(Vec::new(), NO_CALLBACK),
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
                NO_CALLBACK,
            ),
            _ => Self {
                query: Some("flexpay=1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                refused: Some(OTHER_ORDER),
                ..sound
            },
        }
    }
}
