//! Phone numbers: the operator of each, and the test phones.

/// A mobile money operator.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    /// Its name in the `channel` of Check and of callbacks.
    pub(crate) channel: &'static str,
    /// Its name for people.
    pub(crate) name: &'static str,
    /// The two digits after 243.
    prefixes: &'static [&'static str],
}

/// Which prefix belongs to which operator, in the sandbox only: on the live network it is the
/// gateway's to know.
const OPERATORS: [Operator; 4] = [
    Operator {
        channel: "mpesa",
        name: "M-Pesa",
        prefixes: &["81", "82", "83"],
    },
    Operator {
        channel: "orange",
        name: "Orange Money",
        prefixes: &["80", "84", "85", "89"],
    },
    Operator {
        channel: "airtel",
        name: "Airtel Money",
        prefixes: &["97", "98", "99"],
    },
    Operator {
        channel: "afrimoney",
        name: "Afrimoney",
        prefixes: &["90", "91"],
    },
];

/// What the holder of a phone does without anyone touching it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Nothing: a person confirms or refuses on the phone page.
    ByHand,
    /// Confirms at once.
    Confirms,
    /// Nothing, and the wallet is empty: a confirmation fails.
    NoMoney,
    /// The gateway refuses a collection at once: "Insufficient funds".
    NoCredit,
    /// The gateway refuses a payout at once.
    CannotReceive,
    /// Refuses at once.
    Refuses,
    /// Does not react: the push expires at once.
    Expires,
    /// A payout is accepted, and fails.
    PayoutFails,
}

/// The end of a number, and what its holder does.
pub(crate) const TEST_PHONES: [(&str, Behaviour); 7] = [
    ("0000001", Behaviour::Confirms),
    ("0000002", Behaviour::NoMoney),
    ("0000003", Behaviour::NoCredit),
    ("0000004", Behaviour::CannotReceive),
    ("0000005", Behaviour::Refuses),
    ("0000006", Behaviour::Expires),
    ("0000007", Behaviour::PayoutFails),
];

/// A phone number of the DR Congo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phone<'a> {
    /// `243` and nine digits.
    pub(crate) number: &'a str,
    /// `None` if no operator has its prefix.
    pub(crate) operator: Option<&'static Operator>,
}

impl<'a> Phone<'a> {
    /// Parses `243` and nine digits. `None` for anything else.
    pub(crate) fn parse(number: &'a str) -> Option<Self> {
        let digits = number.strip_prefix("243")?;
        if digits.len() != 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let prefix = &digits[..2];
        let operator = OPERATORS
            .iter()
            .find(|operator| operator.prefixes.contains(&prefix));
        Some(Self { number, operator })
    }

    pub(crate) fn behaviour(self) -> Behaviour {
        TEST_PHONES
            .iter()
            .find(|(end, _)| self.number.ends_with(end))
            .map_or(Behaviour::ByHand, |(_, behaviour)| *behaviour)
    }

    /// As people read it: `+243 812 345 678`.
    pub(crate) fn display(self) -> String {
        let digits = &self.number[3..];
        format!(
            "+243\u{a0}{}\u{a0}{}\u{a0}{}",
            &digits[..3],
            &digits[3..6],
            &digits[6..]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, Phone};

    #[test]
    fn only_243_and_nine_digits_is_a_number() {
        assert!(Phone::parse("243812345678").is_some());
        for bad in [
            "",
            "0812345678",
            "+243812345678",
            "24381234567",
            "2438123456789",
            "243 81234567",
            "24381234567x",
            "243٨12345678",
        ] {
            assert!(Phone::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_prefix_names_the_operator() {
        for (number, channel) in [
            ("243812345678", Some("mpesa")),
            ("243822345678", Some("mpesa")),
            ("243832345678", Some("mpesa")),
            ("243802345678", Some("orange")),
            ("243842345678", Some("orange")),
            ("243852345678", Some("orange")),
            ("243892345678", Some("orange")),
            ("243972345678", Some("airtel")),
            ("243982345678", Some("airtel")),
            ("243992345678", Some("airtel")),
            ("243902345678", Some("afrimoney")),
            ("243912345678", Some("afrimoney")),
            ("243702345678", None),
        ] {
            let phone = Phone::parse(number).expect("a number");
            assert_eq!(phone.operator.map(|o| o.channel), channel, "{number}");
        }
    }

    #[test]
    fn the_end_of_a_number_names_the_behaviour() {
        let behaviour = |number| Phone::parse(number).expect("a number").behaviour();
        assert_eq!(behaviour("243812345678"), Behaviour::ByHand);
        assert_eq!(behaviour("243810000001"), Behaviour::Confirms);
        assert_eq!(behaviour("243990000002"), Behaviour::NoMoney);
        let phone = Phone::parse("243812345678").expect("a number");
        assert_eq!(phone.display().replace('\u{a0}', " "), "+243 812 345 678");
    }
}
