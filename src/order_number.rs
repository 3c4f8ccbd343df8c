//! Checks order numbers before they are sent to the gateway.

/// Checks an order number from the merchant's own records: it must be safe in the path of an
/// address.
pub(crate) fn validate(order_number: &str) -> Result<(), &'static str> {
    const MAX_BYTES: usize = 256;
    match order_number {
        _ if order_number.trim().is_empty() => Err(
            "is missing; card payments with api v1 have none: make them with api v1.1, or wait for \
             the callback",
        ),
        // Servers and proxies resolve these as path segments, however they are encoded.
        "." | ".." => Err("is not an order number"),
        _ if order_number.len() > MAX_BYTES => Err("is longer than 256 bytes"),
        _ if order_number.chars().any(char::is_control) => Err("contains a control character"),
        _ => Ok(()),
    }
}

/// Checks an order number from a callback. An attacker may have chosen it, and it goes into the
/// path of a request with the token. Proxies may decode the percent-encoding and then resolve
/// `../`. So only the characters of the order numbers observed are accepted.
pub(crate) fn validate_from_callback(number: &str) -> Result<(), &'static str> {
    const MAX_BYTES: usize = 64;
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if number.is_empty() || number.len() > MAX_BYTES {
        return Err("is not 1 to 64 characters long");
    }
    if !number.bytes().all(is_allowed) {
        return Err("contains characters that are not allowed in an order number");
    }
    Ok(())
}
