//! The bodies for the micro-benchmarks.

/// The callback of the card document.
pub const DOCUMENTED: &[u8] = br#"{"code":"0","reference":"MLOPN5472452","provider_reference":"7KI81020PHS","orderNumber":"9bsTX7qXdpQe243815877848"}"#;

/// With all the fields that the live gateway adds.
pub const ALL_FIELDS: &[u8] = r#"{"code":"0","reference":"MLOPN5472452","provider_reference":"7KI81020PHS","orderNumber":"9bsTX7qXdpQe243815877848","amount":"50.0","amountCustomer":"51.0","currency":"CDF","phone":"243815877848","createdAt":"06-02-2021 17:32:46","channel":"mpesa","message":"Transaction effectuée"}"#.as_bytes();

/// With escapes in a value, which must be copied and unescaped.
pub const ESCAPED: &[u8] =
    br#"{"code":"0","reference":"R-1","orderNumber":"O-1","message":"Transaction\neffectu\u00e9e"}"#;

/// With a quirk of the document: a comma before the closing brace.
pub const STRAY_COMMA: &[u8] = br#"{"code":"0","reference":"MLOPN5472452","provider_reference":"7KI81020PHS","orderNumber":"9bsTX7qXdpQe243815877848",}"#;

/// The same callback as a form.
pub const FORM: &[u8] = b"code=0&reference=MLOPN5472452&provider_reference=7KI81020PHS&orderNumber=9bsTX7qXdpQe243815877848";

/// Not a callback: what a web vulnerability scanner posts.
pub const NONSENSE: &[u8] = b"<?xml version=\"1.0\"?><methodCall></methodCall>";
