//! A provider as it calls: HTTP by hand, signatures made from the sheets alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub const JSON: (&str, &str) = ("content-type", "application/json");

/// A request to be.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Call {
    pub fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST", target: target.into(), headers: Vec::new(), body: body.into() }
    }

    pub fn with(mut self, (name, value): (&str, &str)) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signed as Meta does.
    pub fn by_meta(self, secret: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &self.body);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.with(JSON).with(("x-hub-signature-256", &format!("sha256={hex}")))
    }

    /// Signed as Twilio does when it calls this origin.
    pub fn by_twilio(self, origin: &str, token: &str) -> Self {
        let sorted: BTreeMap<String, String> = form_urlencoded::parse(&self.body).into_owned().collect();
        let fields: String = sorted.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        let tag = hmac::sign(&key, format!("{origin}{}{fields}", self.target).as_bytes());
        let tag = STANDARD.encode(tag);
        self.with(FORM).with(("x-twilio-signature", &tag))
    }

    /// Everything before the body.
    pub fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: listener\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{}connection: close\r\ncontent-length: {}\r\n\r\n", self.head(), self.body.len())
                .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// On a connection of its own. Status 0: it was closed without an answer.
    pub async fn ask(&self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).await.unwrap();
        send(&mut stream, &self.bytes()).await;
        answer(&mut stream).await
    }
}

/// A server that has heard enough answers and closes: what it did not read is no failure.
pub async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
}

/// Reads until the connection is closed, at most half a minute.
pub async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut part = [0; 4_096];
    // Reset after the answer, or without one.
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut part)).await
        && count > 0
    {
        bytes.extend_from_slice(&part[..count]);
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let field = |name: &str| {
        head.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned())).unwrap_or_default()
    };
    Answer {
        status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0),
        content_type: field("content-type:"),
        body: body.to_owned(),
    }
}
