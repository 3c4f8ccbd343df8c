//! The clients' tokens, and the search for them.
//!
//! A token must be in every complete request, and nowhere else: in no string that the library returns,
//! in none of its output and, once the clients are freed, nowhere in the memory of the process. So this
//! program must not keep a token either. It stores tokens XORed with a mask. The plain token exists only
//! on the stack, while a client is created.

use std::collections::HashMap;
use std::ffi::c_char;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

const MASK: u8 = 0xa5;
/// They look like tokens, and contain characters that forms and URLs percent-encode.
const MASKED: [[u8; LENGTH]; 2] = [
    masked(*b"CaNary/9Qz+7kWv=T2pLx.N9jB4~uG6/dF8sYh+3mRe_cK5w"),
    masked(*b"EcHoed+4Vb/1tXn.P6rZc=M3gQ8~wJ2+hS5kUf/7aDy_oL0i"),
];
const LENGTH: usize = 48;
/// The search looks for pieces of this length, because part of a token is a leak, too.
const PIECE: usize = 8;
const PIECE_MASK: u64 = 0x0123_4567_89ab_cdef;
/// How many bytes of memory are read at once.
const WINDOW: usize = 1 << 16;

const fn masked(mut token: [u8; LENGTH]) -> [u8; LENGTH] {
    let mut at = 0;
    while at < token.len() {
        token[at] ^= MASK;
        at += 1;
    }
    token
}

/// One of the two tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Canary {
    /// The token of most clients.
    #[default]
    Plain,
    /// The token of clients whose gateway repeats it in its replies. The strings that the library returns
    /// must not contain it either. But replies pass through buffers that the library does not own (those
    /// of TLS), which are freed without being wiped. So it may remain in memory, and is counted
    /// separately.
    Repeated,
}

impl Canary {
    const BOTH: [Self; 2] = [Self::Plain, Self::Repeated];
}

/// A token, wiped when dropped.
fn token(canary: Canary) -> Zeroizing<[u8; LENGTH]> {
    let mut token = Zeroizing::new(MASKED[canary as usize]);
    for byte in token.iter_mut() {
        // `black_box` keeps the compiler from storing the result in the program.
        *byte = black_box(*byte) ^ black_box(MASK);
    }
    token
}

/// Calls `lend` with a token as a C string, which is wiped afterwards.
pub fn with_token<T>(canary: Canary, lend: impl FnOnce(*const c_char) -> T) -> T {
    let mut text = Zeroizing::new([0_u8; LENGTH + 1]);
    text[..LENGTH].copy_from_slice(&*token(canary));
    lend(text.as_ptr().cast())
}

/// How often complete tokens, plain or percent-encoded, occur in a request.
pub fn times_in(request: &[u8]) -> usize {
    let spelled = Canary::BOTH.into_iter().flat_map(|canary| {
        let token = token(canary);
        [token.to_vec(), percent(&*token)].map(Zeroizing::new)
    });
    let count = |one: Zeroizing<Vec<u8>>| {
        let windows = request.windows(one.len());
        windows.filter(|part| *part == one.as_slice()).count()
    };
    spelled.map(count).sum()
}

fn percent(text: &[u8]) -> Vec<u8> {
    // Allocate the full capacity now: growing would leave an unwiped copy behind.
    let mut spelled = Vec::with_capacity(3 * text.len());
    for &byte in text {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                spelled.push(byte);
            }
            _ => {
                spelled.push(b'%');
                for digit in [byte >> 4, byte & 15] {
                    spelled.push(b"0123456789ABCDEF"[usize::from(digit)]);
                }
            }
        }
    }
    spelled
}

/// Searches for the tokens or pieces of them: plain, percent-encoded, in hexadecimal, in base64, or
/// backwards.
pub struct Search {
    /// XORed with a mask, so that the search does not find its own pieces.
    pieces: HashMap<u64, Canary>,
    /// Whether a piece ends with these two bytes: a fast filter before the lookup in `pieces`.
    ends: Vec<bool>,
    searched: AtomicUsize,
}

impl Search {
    pub fn new() -> Self {
        let mut search = Self {
            pieces: HashMap::new(),
            ends: vec![false; 1 << 16],
            searched: AtomicUsize::new(0),
        };
        for canary in Canary::BOTH {
            search.add_all(canary);
        }
        search
    }

    fn add_all(&mut self, canary: Canary) {
        let token = token(canary);
        let mut add = |spelled: &[u8]| self.add(canary, spelled);
        add(&*token);
        let mut percent = Zeroizing::new(percent(&*token));
        add(&percent);
        percent.make_ascii_lowercase();
        add(&percent);
        let mut backwards = token.clone();
        backwards.reverse();
        add(&*backwards);
        let mut hex = Zeroizing::new(Vec::with_capacity(2 * token.len()));
        for byte in token.iter() {
            for digit in [byte >> 4, byte & 15] {
                hex.push(b"0123456789abcdef"[usize::from(digit)]);
            }
        }
        add(&hex);
        // Base64 encodes three bytes at a time, so there are three encoded forms, by the token's offset
        // among them. The first and last digits, which also encode other text, are left out.
        for skipped in 0..3 {
            let mut room = Zeroizing::new([0_u8; 2 * LENGTH]);
            let whole = (token.len() - skipped) / 3 * 3;
            let from = &token[skipped..skipped + whole];
            if let Ok(length) = STANDARD_NO_PAD.encode_slice(from, &mut *room) {
                add(&room[..length]);
            }
        }
    }

    fn add(&mut self, canary: Canary, spelled: &[u8]) {
        for piece in spelled.windows(PIECE) {
            let piece = piece.iter().fold(0, |piece, byte| with(piece, *byte));
            self.pieces.insert(piece ^ PIECE_MASK, canary);
            self.ends[usize::from(piece as u16)] = true;
        }
    }

    /// The positions of tokens or pieces of them in a text.
    pub fn places(&self, text: &[u8]) -> Vec<(usize, Canary)> {
        let mut places = Vec::new();
        let mut piece = 0;
        let mut inside = None;
        for (at, &byte) in text.iter().enumerate() {
            piece = with(piece, byte);
            let found = match self.ends[usize::from(piece as u16)] && at + 1 >= PIECE {
                true => self.pieces.get(&(piece ^ PIECE_MASK)).copied(),
                false => None,
            };
            if let (Some(canary), None) = (found, inside) {
                places.push((at + 1 - PIECE, canary));
            }
            inside = found;
        }
        places
    }

    /// Searches a string that the library returned. Returns true when it contains a token.
    pub fn look_through(&self, text: &[u8]) -> bool {
        self.searched.fetch_add(1, Ordering::Relaxed);
        !self.places(text).is_empty()
    }

    /// How many strings were searched.
    pub fn searched(&self) -> usize {
        self.searched.load(Ordering::Relaxed)
    }

    /// Finds the tokens in all readable memory of this process, as a core dump would contain it.
    pub fn in_memory(&self) -> io::Result<Memory> {
        let memory = File::open("/proc/self/mem")?;
        let maps = std::fs::read_to_string("/proc/self/maps")?;
        let mut window = vec![0; WINDOW];
        let own = window.as_ptr() as u64..window.as_ptr() as u64 + WINDOW as u64;
        let mut seen = Memory::default();
        for line in maps.lines() {
            let Some((from, to)) = range(line) else {
                continue;
            };
            let mut at = from;
            while at < to {
                let most = WINDOW.min((to - at) as usize);
                // The kernel's own pages ([vvar]) and pages unmapped meanwhile cannot be read.
                let Ok(length @ 1..) = memory.read_at(&mut window[..most], at) else {
                    break;
                };
                seen.bytes += length;
                for (place, canary) in self.places(&window[..length]) {
                    let place = at + place as u64;
                    match canary {
                        _ if own.contains(&place) => {}
                        Canary::Plain => seen.places.push(format!("{place:x} of {line}")),
                        Canary::Repeated => seen.repeated += 1,
                    }
                }
                // A piece may cross the boundary between two windows.
                at += length as u64;
                at -= if at < to { PIECE as u64 - 1 } else { 0 };
            }
        }
        window.zeroize();
        Ok(seen)
    }
}

/// The result of a memory search.
#[derive(Default)]
pub struct Memory {
    pub bytes: usize,
    pub places: Vec<String>,
    /// The number of places with the token that gateways repeat.
    pub repeated: usize,
}

fn with(piece: u64, byte: u8) -> u64 {
    piece << 8 | u64::from(byte)
}

/// The address range of a line of `/proc/self/maps`, if it is readable.
fn range(line: &str) -> Option<(u64, u64)> {
    let (addresses, rest) = line.split_once(' ')?;
    let (from, to) = addresses.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    rest.starts_with('r')
        .then_some((address(from)?, address(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_every_spelling_and_in_part() {
        let search = Search::new();
        let token = token(Canary::Plain);
        let around = |text: &[u8]| [b"before ", text, b" after"].concat();
        let mut backwards = token.to_vec();
        backwards.reverse();
        let base64 = |before: &[u8]| {
            STANDARD_NO_PAD
                .encode([before, &token[..]].concat())
                .into_bytes()
        };
        for text in [
            token.to_vec(),
            percent(&*token),
            backwards,
            base64(b""),
            base64(b"u:"),
            base64(b"a"),
            token[20..20 + PIECE].to_vec(),
        ] {
            assert!(!search.places(&around(&text)).is_empty());
        }
        assert!(search.places(&around(&token[..PIECE - 1])).is_empty());
        assert!(search.places(b"nothing of it is here").is_empty());
    }

    #[test]
    fn a_copy_in_memory_is_found_and_the_search_does_not_find_itself() {
        let search = Search::new();
        let kept = with_token(Canary::Plain, |token| {
            unsafe { std::ffi::CStr::from_ptr(token) }.to_owned()
        });
        let address = format!("{:x} of", kept.as_ptr() as usize);
        let held = |memory: Memory| {
            memory
                .places
                .iter()
                .any(|place| place.starts_with(&address))
        };
        assert!(held(search.in_memory().unwrap()));
        assert!(search.look_through(kept.as_bytes()));
        let mut bytes = kept.into_bytes();
        bytes.zeroize();
        assert!(!held(search.in_memory().unwrap()));
    }
}
