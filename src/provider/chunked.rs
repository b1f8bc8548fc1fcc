//! Bodies in chunks, decoded as they come. Used by the client for answers and by the simulator for requests.

/// Decodes one body from a buffer that grows.
#[derive(Debug, Default)]
pub struct Decoder {
    /// How far the buffer was used up.
    at: usize,
    /// The body as far as it is known.
    pub body: Vec<u8>,
    trailers: bool,
}

/// How far the body is.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to come.
    Partial,
    /// Complete; the next message begins here in the buffer.
    Complete(usize),
    /// More than the limit; `body` holds the first part, within it.
    TooLong,
    /// Not chunks.
    Malformed,
}

impl Decoder {
    /// Goes on with `raw`, which begins where it began the last time and is at least as long, until the body would be
    /// longer than `limit`.
    pub fn advance(&mut self, raw: &[u8], limit: usize) -> Progress {
        loop {
            let rest = raw.get(self.at..).unwrap_or_default();
            if self.trailers {
                return self.skip_trailers(rest);
            }
            let (head, size) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) => return Progress::Partial,
                Err(_) => return Progress::Malformed,
            };
            if size == 0 {
                self.at += head;
                self.trailers = true;
                continue;
            }
            let room = limit - self.body.len();
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > room {
                let here = &rest[head..];
                if here.len() < room {
                    return Progress::Partial;
                }
                self.body.extend_from_slice(&here[..room]);
                return Progress::TooLong;
            }
            let Some(chunk) = rest.get(head..head + size + 2) else { return Progress::Partial };
            let Some(chunk) = chunk.strip_suffix(b"\r\n") else { return Progress::Malformed };
            self.body.extend_from_slice(chunk);
            self.at += head + size + 2;
        }
    }

    /// Trailers are read over; the body ends with an empty line.
    fn skip_trailers(&mut self, rest: &[u8]) -> Progress {
        let mut rest = rest;
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            self.at += end + 2;
            rest = &rest[end + 2..];
            if end == 0 {
                return Progress::Complete(self.at);
            }
        }
        Progress::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nX: y\r\n\r\nrest";

    #[test]
    fn a_body_is_the_same_however_it_comes() {
        let end = RAW.len() - 4;
        let mut whole = Decoder::default();
        assert_eq!(whole.advance(RAW, 100), Progress::Complete(end));
        assert_eq!(whole.body, b"abcde");
        let mut byte_by_byte = Decoder::default();
        for length in 0..end {
            assert_eq!(byte_by_byte.advance(&RAW[..length], 100), Progress::Partial, "{length}");
        }
        assert_eq!(byte_by_byte.advance(&RAW[..end], 100), Progress::Complete(end));
        assert_eq!(byte_by_byte.body, b"abcde");
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.advance(RAW, 4), Progress::TooLong);
        assert_eq!(decoder.body, b"abcd");
        let mut endless = Decoder::default();
        assert_eq!(endless.advance(b"ffffffffffff\r\nabcdef", 4), Progress::TooLong);
        assert_eq!(endless.body, b"abcd");
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        for raw in ["zz\r\n", "1\r\nabc\r\n", "-1\r\n"] {
            assert_eq!(Decoder::default().advance(raw.as_bytes(), 100), Progress::Malformed, "{raw:?}");
        }
    }
}
