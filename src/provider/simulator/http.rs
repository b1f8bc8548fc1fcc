//! HTTP/1.1 by hand: just enough for a server that must never be what is measured. A request is read in place, and
//! nothing is allocated for it unless its body is chunked.

use crate::provider::chunked::{Decoder, Progress};
use std::borrow::Cow;

/// Longest head of a request, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// Longest body of a request, in bytes. Large enough for a script of thousands of rules.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Most headers of a request.
const HEADERS: usize = 48;

/// One request, borrowed from the connection's buffer.
#[derive(Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Before the question mark, still encoded.
    pub path: &'a str,
    /// After the question mark, still encoded.
    pub query: &'a str,
    /// `Content-Type` without its parameters; empty: none.
    pub content_type: &'a str,
    /// `Authorization`, whole; empty: none.
    pub authorization: &'a str,
    /// The body.
    pub body: Cow<'a, [u8]>,
    /// Whether the connection stays open afterwards.
    pub keep_alive: bool,
}

/// What the buffer holds.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Not all of it yet.
    Partial {
        /// The client waits for `100 Continue` before it sends its body.
        expects_continue: bool,
    },
    /// A request, and how many bytes it took.
    Complete(Request<'a>, usize),
    /// No request; answer with this status and close.
    Bad(u16),
}

/// Reads the first request of `buffer`.
pub fn parse(buffer: &[u8]) -> Parsed<'_> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let head_length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if buffer.len() <= HEAD_LIMIT => {
            return Parsed::Partial { expects_continue: false };
        }
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Parsed::Bad(431),
        Err(_) => return Parsed::Bad(400),
    };
    let Ok(facts) = Facts::of(&head) else { return Parsed::Bad(400) };
    if facts.length.is_some_and(|length| length > BODY_LIMIT) {
        return Parsed::Bad(413);
    }
    let rest = &buffer[head_length..];
    let partial = Parsed::Partial { expects_continue: facts.expects_continue };
    let (body, body_length) = if facts.chunked {
        let mut decoder = Decoder::default();
        match decoder.advance(rest, BODY_LIMIT) {
            Progress::Complete(length) => (Cow::Owned(decoder.body), length),
            Progress::Partial if rest.len() <= 2 * BODY_LIMIT => return partial,
            Progress::Partial | Progress::TooLong => return Parsed::Bad(413),
            Progress::Malformed => return Parsed::Bad(400),
        }
    } else {
        let length = facts.length.unwrap_or(0);
        match rest.get(..length) {
            Some(body) => (Cow::Borrowed(body), length),
            None => return partial,
        }
    };
    let (path, query) = facts.target.split_once('?').unwrap_or((facts.target, ""));
    let request = Request {
        method: head.method.unwrap_or_default(),
        path,
        query,
        content_type: facts.content_type,
        authorization: facts.authorization,
        body,
        keep_alive: facts.keep_alive,
    };
    Parsed::Complete(request, head_length + body_length)
}

/// What the headers say.
struct Facts<'a> {
    target: &'a str,
    content_type: &'a str,
    authorization: &'a str,
    length: Option<usize>,
    chunked: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'a> Facts<'a> {
    fn of(head: &httparse::Request<'_, 'a>) -> Result<Self, ()> {
        let mut facts = Self {
            target: head.path.unwrap_or_default(),
            content_type: "",
            authorization: "",
            length: None,
            chunked: false,
            keep_alive: head.version == Some(1),
            expects_continue: false,
        };
        for header in head.headers.iter() {
            let value = std::str::from_utf8(header.value).map_err(|_| ())?.trim();
            match header.name {
                name if name.eq_ignore_ascii_case("content-length") => {
                    facts.length = Some(value.parse().map_err(|_| ())?);
                }
                name if name.eq_ignore_ascii_case("content-type") => {
                    facts.content_type = value.split(';').next().unwrap_or_default().trim();
                }
                name if name.eq_ignore_ascii_case("authorization") => facts.authorization = value,
                name if name.eq_ignore_ascii_case("connection") => {
                    facts.keep_alive = !value.eq_ignore_ascii_case("close");
                }
                name if name.eq_ignore_ascii_case("transfer-encoding") => {
                    facts.chunked = value.eq_ignore_ascii_case("chunked");
                    if !facts.chunked {
                        return Err(());
                    }
                }
                name if name.eq_ignore_ascii_case("expect") => {
                    facts.expects_continue = value.eq_ignore_ascii_case("100-continue");
                }
                _ => {}
            }
        }
        // Two lengths are how requests are smuggled.
        if facts.chunked && facts.length.is_some() { Err(()) } else { Ok(facts) }
    }
}

/// Writes a complete answer into `out`.
pub fn answer(out: &mut Vec<u8>, status: u16, content_type: &str, extra: &[(&str, &str)], body: &[u8]) {
    head(out, status, content_type, extra, Some(body.len()));
    out.extend_from_slice(body);
}

/// Writes the head of an answer into `out`; without a length the body is to be chunked.
pub fn head(
    out: &mut Vec<u8>,
    status: u16,
    content_type: &str,
    extra: &[(&str, &str)],
    length: Option<usize>,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    push_number(out, usize::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    if !content_type.is_empty() {
        push_header(out, "content-type", content_type);
    }
    for (name, value) in extra {
        push_header(out, name, value);
    }
    match length {
        Some(length) => {
            out.extend_from_slice(b"\r\ncontent-length: ");
            push_number(out, length);
        }
        None => push_header(out, "transfer-encoding", "chunked"),
    }
    out.extend_from_slice(b"\r\n\r\n");
}

fn push_header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    // A script may say anything; a line break would end the header.
    out.extend(value.bytes().filter(|byte| !byte.is_ascii_control()));
}

/// Decimal digits, without the machinery of formatting.
pub fn push_number(out: &mut Vec<u8>, number: usize) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(raw: &str) -> (Request<'_>, usize) {
        match parse(raw.as_bytes()) {
            Parsed::Complete(request, length) => (request, length),
            other => panic!("{raw:?} gave {other:?}"),
        }
    }

    #[test]
    fn a_request_is_read_in_place() {
        let raw = "POST /v23.0/1/messages?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n\
                   Authorization: Bearer t\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n";
        let (request, length) = complete(raw);
        assert_eq!((request.method, request.path, request.query), ("POST", "/v23.0/1/messages", "a=b"));
        assert_eq!((request.content_type, request.authorization), ("application/json", "Bearer t"));
        assert_eq!(request.body.as_ref(), b"{}");
        assert!(request.keep_alive);
        assert!(raw[length..].starts_with("GET /"), "the next request stays");
    }

    #[test]
    fn every_prefix_is_only_partial() {
        let plain = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        let chunks =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n";
        for raw in [plain, chunks] {
            for end in 0..raw.len() {
                assert!(matches!(parse(&raw.as_bytes()[..end]), Parsed::Partial { .. }), "{:?}", &raw[..end]);
            }
            let (request, length) = complete(raw);
            assert_eq!(request.body.as_ref(), b"abc");
            assert_eq!(length, raw.len());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HEAD_LIMIT));
        for (raw, status) in [
            ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
            (long.as_str(), 431),
        ] {
            match parse(raw.as_bytes()) {
                Parsed::Bad(found) => assert_eq!(found, status, "{:?}", &raw[..raw.len().min(80)]),
                other => panic!("{raw:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn a_header_cannot_be_smuggled_into_an_answer() {
        let mut out = Vec::new();
        answer(&mut out, 307, "", &[("location", "http://a\r\nx: y")], b"");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://ax: y\r\ncontent-length: 0\r\n\r\n"
        );
    }
}
