//! The tokens of the clients, and the search for them.
//!
//! A token must be in every request that came whole, and nowhere else: in no string that the library
//! hands out, in nothing it writes, and, once the clients are freed, nowhere in the memory of the
//! process. So this program must not keep it either: it is veiled, and stands whole on the stack alone,
//! for as long as a client is made.

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

const VEIL: u8 = 0xa5;
/// What look like tokens, and have characters in them that forms and addresses spell otherwise.
const VEILED: [[u8; LENGTH]; 2] = [
    veiled(*b"CaNary/9Qz+7kWv=T2pLx.N9jB4~uG6/dF8sYh+3mRe_cK5w"),
    veiled(*b"EcHoed+4Vb/1tXn.P6rZc=M3gQ8~wJ2+hS5kUf/7aDy_oL0i"),
];
const LENGTH: usize = 48;
/// Pieces of this length are looked for: a part of the token is a leak, too.
const PIECE: usize = 8;
const VEIL_OF_PIECES: u64 = 0x0123_4567_89ab_cdef;
/// So much memory is read at once.
const WINDOW: usize = 1 << 16;

const fn veiled(mut token: [u8; LENGTH]) -> [u8; LENGTH] {
    let mut at = 0;
    while at < token.len() {
        token[at] ^= VEIL;
        at += 1;
    }
    token
}

/// Whose token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Canary {
    /// That of most clients.
    #[default]
    Plain,
    /// That of clients whose gateway repeats it in its replies. What the library hands out must not
    /// hold it either. But a reply lies in buffers that are not the library's own (those of TLS), and
    /// these are freed as they are: so it may stay behind in memory, and is counted by itself.
    Repeated,
}

impl Canary {
    const BOTH: [Self; 2] = [Self::Plain, Self::Repeated];
}

/// A token, which is wiped afterwards.
fn token(canary: Canary) -> Zeroizing<[u8; LENGTH]> {
    let mut token = Zeroizing::new(VEILED[canary as usize]);
    for byte in token.iter_mut() {
        // Not worked out by the compiler, who would put the result into the program.
        *byte = black_box(*byte) ^ black_box(VEIL);
    }
    token
}

/// Lends a token, as a C string, for the making of a client.
pub fn with_token<T>(canary: Canary, lend: impl FnOnce(*const c_char) -> T) -> T {
    let mut text = Zeroizing::new([0_u8; LENGTH + 1]);
    text[..LENGTH].copy_from_slice(&*token(canary));
    lend(text.as_ptr().cast())
}

/// How many times a token stands whole in a request, spelled for its place.
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
    // Room from the start: what is outgrown would be left behind.
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

/// Looks for the tokens: whole or a piece of it, plain, percent-encoded, in hexadecimal, in base64, or
/// backwards.
pub struct Search {
    /// Veiled: what the search looks for must not be found in the search.
    pieces: HashMap<u64, Canary>,
    /// Says at once of most bytes that no piece ends with them.
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
        // Base64 takes three bytes at a time: it depends on where among them the token begins. What
        // shares its first and last digits with other text is left out.
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
            self.pieces.insert(piece ^ VEIL_OF_PIECES, canary);
            self.ends[usize::from(piece as u16)] = true;
        }
    }

    /// In which places of a text a token or a piece of it stands.
    pub fn places(&self, text: &[u8]) -> Vec<(usize, Canary)> {
        let mut places = Vec::new();
        let mut piece = 0;
        let mut inside = None;
        for (at, &byte) in text.iter().enumerate() {
            piece = with(piece, byte);
            let found = match self.ends[usize::from(piece as u16)] && at + 1 >= PIECE {
                true => self.pieces.get(&(piece ^ VEIL_OF_PIECES)).copied(),
                false => None,
            };
            if let (Some(canary), None) = (found, inside) {
                places.push((at + 1 - PIECE, canary));
            }
            inside = found;
        }
        places
    }

    /// Looks through a text that the library handed out. True where a token is in it.
    pub fn look_through(&self, text: &[u8]) -> bool {
        self.searched.fetch_add(1, Ordering::Relaxed);
        !self.places(text).is_empty()
    }

    /// How many texts were looked through.
    pub fn searched(&self) -> usize {
        self.searched.load(Ordering::Relaxed)
    }

    /// Where tokens stand in the memory of this process, in words: everything that can be read of it,
    /// as a core dump would have it.
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
                // What the kernel keeps to itself ([vvar]) cannot be read, nor what was unmapped.
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
                // A piece may lie across two windows.
                at += length as u64;
                at -= if at < to { PIECE as u64 - 1 } else { 0 };
            }
        }
        window.zeroize();
        Ok(seen)
    }
}

/// What a search of memory saw.
#[derive(Default)]
pub struct Memory {
    pub bytes: usize,
    pub places: Vec<String>,
    /// In how many the token is that gateways repeat.
    pub repeated: usize,
}

fn with(piece: u64, byte: u8) -> u64 {
    piece << 8 | u64::from(byte)
}

/// The addresses of a line of `/proc/self/maps` that may be read.
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
