//! Unpredictable identifiers in the gateway's formats.

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("random bytes from the system");
    bytes
}

fn from_alphabet<const N: usize>(alphabet: &[u8]) -> String {
    bytes::<N>()
        .iter()
        .map(|b| char::from(alphabet[usize::from(*b) % alphabet.len()]))
        .collect()
}

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DIGITS: &[u8] = b"0123456789";

/// For example `9bsTX7qXdpQe243815877848`.
pub(crate) fn order_number() -> String {
    from_alphabet::<12>(LETTERS_AND_DIGITS) + "243" + &from_alphabet::<9>(DIGITS)
}

/// The order number of a mobile payment or a payout, which ends with the phone number:
/// `SQeCGunXEGnr243815877848`.
pub(crate) fn order_number_of(phone: &str) -> String {
    from_alphabet::<12>(LETTERS_AND_DIGITS) + phone
}

/// For example `7KI81020PHS`.
pub(crate) fn provider_reference() -> String {
    from_alphabet::<11>(CAPITALS_AND_DIGITS)
}

/// The last path segment of a checkout URL: 32 hexadecimal digits.
pub(crate) fn checkout_id() -> String {
    bytes::<16>().iter().map(|b| format!("{b:02x}")).collect()
}
