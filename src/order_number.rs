//! Which order numbers the gateway is asked about.

/// An order number from the merchant's own records, as it can stand in an address.
pub(crate) fn validate(order_number: &str) -> Result<(), &'static str> {
    const LONGEST: usize = 256;
    match order_number {
        _ if order_number.trim().is_empty() => Err(
            "is missing; a payment by the form of the service (v1) gives none: make payments with \
             api v1.1, which gives one, or wait for the callback",
        ),
        // Servers and proxies take these for steps up and down a path, however they are encoded.
        "." | ".." => Err("is no order number"),
        _ if order_number.len() > LONGEST => Err("is longer than 256 bytes"),
        _ if order_number.chars().any(char::is_control) => Err("has a control character in it"),
        _ => Ok(()),
    }
}

/// An order number that came with a notice. Anyone may have chosen it, and it goes into the path of a
/// request that carries the token; servers in between may decode what we encoded, and then climb. So
/// it has the letters that every order number seen has, and no others.
pub(crate) fn validate_of_notice(number: &str) -> Result<(), &'static str> {
    const LONGEST: usize = 64;
    let usual = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if number.is_empty() || number.len() > LONGEST {
        return Err("is not 1 to 64 characters long");
    }
    if !number.bytes().all(usual) {
        return Err("has characters in it that no order number has");
    }
    Ok(())
}
