//! The test cards, and the validation of the card form.

use std::time::SystemTime;

use crate::clock;
use crate::payment::Decision;

/// A card that exists only in the sandbox.
pub(crate) struct TestCard {
    pub(crate) number: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) approves: bool,
}

/// All test cards. [`crate::customer`] uses them too.
pub(crate) const TEST_CARDS: [TestCard; 3] = [
    TestCard {
        number: "4242 4242 4242 4242",
        brand: "Visa",
        channel: "visa",
        approves: true,
    },
    TestCard {
        number: "5555 5555 5555 4444",
        brand: "Mastercard",
        channel: "mastercard",
        approves: true,
    },
    TestCard {
        number: "4000 0000 0000 0002",
        brand: "Visa",
        channel: "visa",
        approves: false,
    },
];

/// An expiry and a code that are valid with any test card.
pub(crate) const TEST_EXPIRY: &str = "12/40";
pub(crate) const TEST_CODE: &str = "123";

impl TestCard {
    pub(crate) fn decision(&self) -> Decision {
        if self.approves {
            Decision::Approve
        } else {
            Decision::Decline
        }
    }
}

/// What the customer typed.
#[derive(Default)]
pub(crate) struct Typed {
    pub(crate) number: String,
    pub(crate) expiry: String,
    pub(crate) code: String,
    pub(crate) name: String,
}

/// The error of each field, in French for the customer. Empty if the field is valid.
#[derive(Default)]
pub(crate) struct Mistakes {
    pub(crate) number: &'static str,
    pub(crate) expiry: &'static str,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
}

impl Mistakes {
    pub(crate) fn any(&self) -> bool {
        let all = [self.number, self.expiry, self.code, self.name];
        all.iter().any(|mistake| !mistake.is_empty())
    }
}

/// The test card that was typed, or the errors.
pub(crate) fn validate(typed: &Typed, now: SystemTime) -> Result<&'static TestCard, Mistakes> {
    let mut mistakes = Mistakes::default();
    let number: String = typed
        .number
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let card = TEST_CARDS
        .iter()
        .find(|card| card.number.replace(' ', "") == number);
    if !is_card_number(&number) {
        mistakes.number = "Numéro de carte invalide\u{a0}: vérifiez les chiffres.";
    } else if card.is_none() {
        mistakes.number = "Bac à sable\u{a0}: seules les cartes de test ci-dessous sont acceptées.";
    }
    mistakes.expiry = match expiry(&typed.expiry) {
        None => "Date d'expiration invalide\u{a0}: écrivez MM/AA.",
        Some(month) if month < clock::month_of(now) => "Cette carte a expiré.",
        Some(_) => "",
    };
    if typed.code.len() != 3 || !typed.code.bytes().all(|b| b.is_ascii_digit()) {
        mistakes.code = "Code de sécurité invalide\u{a0}: trois chiffres au dos de la carte.";
    }
    if typed.name.trim().is_empty() {
        mistakes.name = "Indiquez le nom inscrit sur la carte.";
    }
    match card {
        Some(card) if !mistakes.any() => Ok(card),
        _ => Err(mistakes),
    }
}

/// Thirteen to nineteen digits with a correct Luhn check digit.
fn is_card_number(number: &str) -> bool {
    if !(13..=19).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match place % 2 {
                1 if digit > 4 => digit * 2 - 9,
                1 => digit * 2,
                _ => digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The year and month of `MM/YY` or `MM/YYYY`.
fn expiry(text: &str) -> Option<(i32, u8)> {
    let (month, year) = text.split_once('/')?;
    let (month, year) = (month.trim(), year.trim());
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(month) || !digits(year) || !matches!(year.len(), 2 | 4) {
        return None;
    }
    let month: u8 = month
        .parse()
        .ok()
        .filter(|month| (1..=12).contains(month))?;
    let year: i32 = year.parse().ok()?;
    Some((if year < 100 { 2000 + year } else { year }, month))
}

#[cfg(test)]
mod tests {
    use super::{TEST_CARDS, TEST_CODE, TEST_EXPIRY, Typed, expiry, is_card_number, validate};
    use std::time::{Duration, SystemTime};

    #[test]
    fn luhn() {
        for card in TEST_CARDS {
            assert!(is_card_number(&card.number.replace(' ', "")));
        }
        for bad in ["", "4242424242424241", "424242424242424x", "42", "0"] {
            assert!(!is_card_number(bad), "{bad}");
        }
    }

    #[test]
    fn expiries() {
        assert_eq!(expiry("03/30"), Some((2030, 3)));
        assert_eq!(expiry("3 / 2030"), Some((2030, 3)));
        for bad in ["", "13/30", "00/30", "0330", "03/3", "mm/aa", "03/-1"] {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000);
        let typed = |number: &str, expiry: &str, code: &str, name: &str| Typed {
            number: number.to_owned(),
            expiry: expiry.to_owned(),
            code: code.to_owned(),
            name: name.to_owned(),
        };
        let good = typed("4242-4242 42424242", TEST_EXPIRY, TEST_CODE, "A. Ilunga");
        assert!(validate(&good, now).is_ok_and(|card| card.approves));
        let bad = typed("4242 4242 4242 4243", "05/25", "12", " ");
        let mistakes = validate(&bad, now).err().expect("mistakes");
        assert!(mistakes.number.contains("invalide"));
        assert!(mistakes.expiry.contains("expiré"));
        assert!(!mistakes.code.is_empty() && !mistakes.name.is_empty());
        let real = typed("4111 1111 1111 1111", TEST_EXPIRY, TEST_CODE, "A. Ilunga");
        let mistakes = validate(&real, now).err().expect("mistakes");
        assert!(mistakes.number.contains("cartes de test"));
        let this_month = typed("4242424242424242", "06/25", TEST_CODE, "A. Ilunga");
        assert!(validate(&this_month, now).is_ok());
    }
}
