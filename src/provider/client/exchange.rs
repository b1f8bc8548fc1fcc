//! One request and its answer on one connection, HTTP/1.1.

use super::{ANSWER_LIMIT, connect::Stream, retry_after, transport::Fault};
use crate::provider::{
    Answer, Prepared,
    chunked::{Decoder, Progress},
};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Position;

/// Longest head of an answer, in bytes.
const HEAD_LIMIT: usize = 32 * 1024;
/// Most headers of an answer. Meta sends about 25.
const HEADERS: usize = 96;
/// How much is read at once: most answers are complete with one or two. The system's allocator keeps pieces of up to this
/// size at hand for each thread; larger ones cost more than the reading.
const READ: usize = 1024;
const USER_AGENT: &str = concat!("signalbox/", env!("CARGO_PKG_VERSION"));

/// A connection and what was read from it.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    is_reusable: bool,
}

/// The head of an answer.
struct Head {
    status: u16,
    retry_after: Option<Duration>,
    framing: Framing,
    keep_alive: bool,
    /// Where the body begins.
    length: usize,
}

/// Where a body ends.
enum Framing {
    /// After so many bytes.
    Length(usize),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

impl Connection {
    /// A connection that has not been used.
    pub fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new(), output: Vec::new(), is_reusable: false }
    }

    /// Whether the last answer was complete and the other side keeps the connection.
    pub fn is_reusable(&self) -> bool {
        self.is_reusable
    }

    /// Whether nothing came since the last answer, not even its end.
    pub fn is_quiet(&self) -> bool {
        self.stream.is_quiet()
    }

    /// Lets go of what it was read into: there may be thousands of unused connections.
    pub fn rest(&mut self) {
        self.input = Vec::new();
        self.output = Vec::new();
    }

    /// Puts the request's bytes together, so that nothing lies between the last look at the clock and their writing.
    pub fn prepare(&mut self, prepared: &Prepared) {
        self.output.clear();
        write_request(&mut self.output, prepared);
    }

    /// Writes the request that was prepared and reads the answer. From the first byte on, a failure is a doubt.
    pub async fn exchange(&mut self) -> Result<Answer, Fault> {
        self.is_reusable = false;
        self.input.clear();
        self.stream.write_all(&self.output).await.map_err(|error| Fault::broken(&error))?;
        self.stream.flush().await.map_err(|error| Fault::broken(&error))?;
        let head = self.read_head().await?;
        let (body, truncated, end) = match head.framing {
            Framing::Length(length) => self.read_sized(head.length, length).await?,
            Framing::Chunked => self.read_chunked(head.length).await?,
            Framing::Close => self.read_to_end(head.length).await?,
        };
        self.is_reusable = head.keep_alive && !truncated && end == Some(self.input.len());
        Ok(Answer { status: head.status, retry_after: head.retry_after, body, truncated })
    }

    /// Writes the request that was prepared and reads the head of the answer, as it came. What follows is left there: the
    /// connection is of no more use.
    pub async fn head(&mut self) -> Result<Vec<u8>, Fault> {
        self.is_reusable = false;
        self.input.clear();
        self.stream.write_all(&self.output).await.map_err(|error| Fault::broken(&error))?;
        self.stream.flush().await.map_err(|error| Fault::broken(&error))?;
        let head = self.read_head().await?;
        Ok(self.input[..head.length].to_vec())
    }

    /// More bytes; `false` at the end of the stream.
    async fn read_more(&mut self) -> io::Result<bool> {
        self.input.reserve(READ);
        match self.stream.read_buf(&mut self.input).await {
            Ok(count) => Ok(count > 0),
            // A TLS peer that closes without saying so has closed.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn read_head(&mut self) -> Result<Head, Fault> {
        loop {
            match parse_head(&self.input)? {
                // Interim answers (100 Continue, 103 Early Hints) precede the real one.
                Some(head) if head.status < 200 => {
                    self.input.drain(..head.length);
                }
                Some(head) => return Ok(head),
                None if self.input.len() > HEAD_LIMIT => return Err(Fault::body("its head is too long")),
                None => match self.read_more().await {
                    Ok(true) => {}
                    Ok(false) if self.input.is_empty() => return Err(Fault::cut()),
                    Ok(false) => return Err(Fault::body("its head breaks off")),
                    Err(error) => return Err(Fault::broken(&error)),
                },
            }
        }
    }

    async fn read_body_bytes(&mut self) -> Result<bool, Fault> {
        self.read_more().await.map_err(|error| Fault::broken(&error))
    }

    async fn read_sized(
        &mut self,
        start: usize,
        length: usize,
    ) -> Result<(Vec<u8>, bool, Option<usize>), Fault> {
        let truncated = length > ANSWER_LIMIT;
        let end = start + length.min(ANSWER_LIMIT);
        while self.input.len() < end {
            if !self.read_body_bytes().await? {
                return Err(Fault::body("its body breaks off"));
            }
        }
        Ok((self.input[start..end].to_vec(), truncated, Some(end)))
    }

    async fn read_chunked(&mut self, start: usize) -> Result<(Vec<u8>, bool, Option<usize>), Fault> {
        let mut decoder = Decoder::default();
        loop {
            match decoder.advance(&self.input[start..], ANSWER_LIMIT) {
                Progress::Complete(length) => return Ok((decoder.body, false, Some(start + length))),
                Progress::TooLong => return Ok((decoder.body, true, None)),
                Progress::Malformed => return Err(Fault::body("its chunks cannot be read")),
                // Tiny chunks have more framing than body; that has its limit too.
                Progress::Partial if self.input.len() > start + 4 * ANSWER_LIMIT => {
                    return Ok((decoder.body, true, None));
                }
                Progress::Partial => {}
            }
            if !self.read_body_bytes().await? {
                return Err(Fault::body("its chunks break off"));
            }
        }
    }

    async fn read_to_end(&mut self, start: usize) -> Result<(Vec<u8>, bool, Option<usize>), Fault> {
        while self.input.len() <= start + ANSWER_LIMIT {
            if !self.read_body_bytes().await? {
                return Ok((self.input[start..].to_vec(), false, None));
            }
        }
        Ok((self.input[start..start + ANSWER_LIMIT].to_vec(), true, None))
    }
}

fn write_request(out: &mut Vec<u8>, prepared: &Prepared) {
    let url = &prepared.url;
    out.reserve(512 + prepared.body.len());
    for part in [
        prepared.method.as_str(),
        " ",
        &url[Position::BeforePath..Position::AfterQuery],
        " HTTP/1.1\r\nhost: ",
        &url[Position::BeforeHost..Position::AfterPort],
        "\r\nuser-agent: ",
        USER_AGENT,
        "\r\naccept: */*\r\n",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &prepared.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if prepared.method != http::Method::GET {
        out.extend_from_slice(format!("content-length: {}\r\n", prepared.body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&prepared.body);
}

/// The head of the answer at the beginning of `raw`, once it is all there.
fn parse_head(raw: &[u8]) -> Result<Option<Head>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let length = match answer.parse(raw) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Fault::body(&error.to_string())),
    };
    let status = answer.code.unwrap_or(0);
    let mut framing = if matches!(status, 204 | 304) { Framing::Length(0) } else { Framing::Close };
    let mut keep_alive = answer.version == Some(1);
    let mut times = HeaderMap::new();
    for header in answer.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let value = header.value.trim_ascii();
        if is("content-length") && !matches!(framing, Framing::Chunked) {
            framing = Framing::Length(sized(value)?);
        } else if is("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::body("its transfer encoding is unknown"));
            }
            framing = Framing::Chunked;
        } else if is("connection") {
            keep_alive = keep_alive && !value.eq_ignore_ascii_case(b"close");
        } else if (is("retry-after") || is("date"))
            && let (Ok(name), Ok(value)) = (HeaderName::try_from(header.name), HeaderValue::from_bytes(value))
        {
            times.insert(name, value);
        }
    }
    Ok(Some(Head { status, retry_after: retry_after::read(&times), framing, keep_alive, length }))
}

fn sized(value: &[u8]) -> Result<usize, Fault> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Fault::body("its length is no number"))
}
