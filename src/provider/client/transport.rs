//! What a transport error means: the table of rule E for everything short of a complete answer.

use crate::{domain::outcome::Outcome, provider::reading};
use std::{error::Error, io};

/// Why there is no complete answer.
#[derive(Debug)]
pub struct Fault {
    /// Whether it is proven that no byte of the request left.
    pub not_sent: bool,
    /// Our word for it: `resolve`, `refused`, `connect_timeout`, `tls`, `connect`, `request`, or, in doubt, `timeout`,
    /// `cut`, `reset`, `body`.
    pub code: &'static str,
    /// The cause, without any address: some providers carry the token in theirs.
    pub words: String,
}

impl Fault {
    /// The call failed before the answer's head was read.
    pub fn before_answer(error: &reqwest::Error) -> Self {
        let code = match error {
            _ if error.is_builder() => "request",
            // Resolving, connecting and the TLS handshake all end before the request is handed to the connection.
            _ if error.is_connect() => return Self::new(true, connect_code(error), error),
            _ if error.is_timeout() => "timeout",
            _ => broken_code(error),
        };
        Self::new(code == "request", code, error)
    }

    /// The call failed within the answer's body: what the head said does not count without it.
    pub fn within_answer(error: &reqwest::Error) -> Self {
        let code = match broken_code(error) {
            _ if error.is_timeout() => "timeout",
            "reset" => "reset",
            _ => "body",
        };
        Self::new(false, code, error)
    }

    /// As an outcome: proof or doubt, nothing between.
    pub fn outcome(&self) -> Outcome {
        if self.not_sent {
            reading::not_sent(self.code, &self.words)
        } else {
            reading::doubt(self.code, &self.words)
        }
    }

    fn new(not_sent: bool, code: &'static str, error: &reqwest::Error) -> Self {
        let what = match code {
            "resolve" => "the provider's name cannot be resolved",
            "refused" => "the provider refused the connection",
            "connect_timeout" => "connecting took too long",
            "tls" => "the provider's certificate or TLS handshake failed",
            "connect" => "the provider cannot be reached",
            "request" => "the request could not be built",
            "timeout" => "no complete answer in time",
            "reset" => "the connection was reset before a complete answer",
            "body" => "the answer broke off",
            _ => "the connection was closed before an answer",
        };
        Self { not_sent, code, words: reading::words(&format!("{what}: {}", deepest(error))) }
    }
}

fn connect_code(error: &reqwest::Error) -> &'static str {
    if error.is_dns() {
        return "resolve";
    }
    if error.is_timeout() || chain(error).any(|cause| io_kind(cause) == Some(io::ErrorKind::TimedOut)) {
        return "connect_timeout";
    }
    for cause in chain(error) {
        if cause.is::<rustls::Error>() || inner(cause).is_some_and(|inner| inner.is::<rustls::Error>()) {
            return "tls";
        }
        match io_kind(cause) {
            Some(io::ErrorKind::ConnectionRefused) => return "refused",
            // The name did resolve, so this is a peer that hangs up during the handshake.
            Some(io::ErrorKind::UnexpectedEof) => return "tls",
            _ => {}
        }
    }
    "connect"
}

fn broken_code(error: &reqwest::Error) -> &'static str {
    let reset = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionAborted];
    if chain(error).any(|cause| io_kind(cause).is_some_and(|kind| reset.contains(&kind))) {
        return "reset";
    }
    let hyper = chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    match hyper {
        // Bytes came, and they were no HTTP answer.
        Some(error) if error.is_parse() => "body",
        _ => "cut",
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    error.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// What an I/O error wraps, through any number of I/O errors: `source` skips it.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + Send + Sync + 'static)> {
    let mut wrapped = error.downcast_ref::<io::Error>()?.get_ref()?;
    while let Some(deeper) = wrapped.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        wrapped = deeper;
    }
    Some(wrapped)
}

/// The text of the deepest cause. The outermost error names the address with its query, and nobody else does.
fn deepest(error: &reqwest::Error) -> String {
    match chain(error).skip(1).last() {
        Some(cause) => cause.to_string(),
        None if error.is_timeout() => "timed out".to_owned(),
        None => "no further cause".to_owned(),
    }
}
