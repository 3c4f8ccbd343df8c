//! Requests, complete or not.

/// The kind of a request, from the bytes received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that moves money (POST): a card payment, a collection or a payout.
    Pay,
    /// A check (GET).
    Check,
    /// Neither, or too few bytes to determine it.
    Other,
}

/// One request in a connection's bytes.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its kind.
    pub kind: Kind,
    /// The merchant's reference, or the check's order number. `None` if it was not received.
    pub id: Option<String>,
    /// How many of its bytes were received.
    pub bytes: usize,
    /// Whether it is complete.
    pub whole: bool,
}

impl Request {
    /// Parses the request at the start of `bytes`. `None` if `bytes` is empty.
    pub(super) fn first(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let kind = match bytes[0] {
            b'P' => Kind::Pay,
            b'G' => Kind::Check,
            _ => Kind::Other,
        };
        let head = head_length(bytes);
        let length = head.map(|head| head + content_length(&bytes[..head]));
        let end = length.unwrap_or(bytes.len()).min(bytes.len());
        Some(Self {
            kind,
            id: id(kind, &bytes[..end]),
            bytes: end,
            whole: length == Some(end),
        })
    }

    /// All requests in a connection's bytes, in order.
    pub(super) fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut requests = Vec::new();
        while let Some(request) = Self::first(bytes) {
            bytes = &bytes[request.bytes..];
            requests.push(request);
        }
        requests
    }
}

/// The length of the head, including the empty line after it.
pub(super) fn head_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0)
}

fn id(kind: Kind, bytes: &[u8]) -> Option<String> {
    // Ids are letters and digits, in every encoding.
    let from = |start: usize| {
        let rest = &bytes[start..];
        let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    };
    match kind {
        Kind::Pay => {
            let head = head_length(bytes)?;
            // An address in a JSON body can contain "&reference=".
            let name: &[u8] = match bytes.get(head)? {
                b'{' => b"\"reference\":\"",
                _ => b"&reference=",
            };
            from(head + find(&bytes[head..], name)? + name.len())
        }
        Kind::Check => {
            let line = bytes.split(|&byte| byte == b'\r').next()?;
            let path = line.split(|&byte| byte == b' ').nth(1)?;
            // If the path is incomplete, the id may be incomplete.
            line.ends_with(b" HTTP/1.1").then_some(())?;
            from(4 + path.iter().rposition(|&byte| byte == b'/')? + 1)
        }
        Kind::Other => None,
    }
}

fn find(bytes: &[u8], name: &[u8]) -> Option<usize> {
    bytes.windows(name.len()).position(|part| part == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_and_incomplete_requests_are_parsed() {
        let check = b"GET /check/N12 HTTP/1.1\r\nhost: a\r\n\r\n";
        let pay = b"POST /pay HTTP/1.1\r\nContent-Length: 22\r\n\r\na=1&reference=R7&b=234";
        let both = [&check[..], pay].concat();
        let requests = Request::all(&both);
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].id.as_deref(), Some("N12"));
        assert_eq!((requests[1].kind, requests[1].whole), (Kind::Pay, true));
        assert_eq!(requests[1].id.as_deref(), Some("R7"));

        let cut = Request::all(&both[..both.len() - 1]);
        assert!(!cut[1].whole);
        assert_eq!(cut[1].bytes, pay.len() - 1);
        assert!(Request::all(b"").is_empty());
        let json = br#"{"callbackUrl":"http://a/?x=1&reference=R8","reference":"R9","type":"1"}"#;
        let head = format!(
            "POST /api/rest/v1/paymentService HTTP/1.1\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            json.len()
        );
        let mobile = Request::all(&[head.as_bytes(), json].concat());
        assert_eq!((mobile[0].kind, mobile[0].whole), (Kind::Pay, true));
        assert_eq!(mobile[0].id.as_deref(), Some("R9"));
        assert_eq!(Request::all(b"P")[0].kind, Kind::Pay);
        assert_eq!(Request::all(b"GET /check/N1")[0].id, None);
    }
}
