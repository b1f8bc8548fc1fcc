//! Why there is no complete answer, and what that proves: the table of rule E for everything short of one.

use crate::{domain::outcome::Outcome, provider::reading};
use std::io;

/// Why there is no complete answer.
#[derive(Debug)]
pub struct Fault {
    /// Whether it is proven that no byte of the request left.
    pub not_sent: bool,
    /// Our word for it: `resolve`, `refused`, `connect_timeout`, `tls`, `connect`, `start_window`; or, in doubt, `timeout`, `cut`,
    /// `reset`, `body`.
    pub code: &'static str,
    /// The cause, without any address: some providers carry the token in theirs.
    pub words: String,
}

impl Fault {
    /// The name does not resolve.
    pub fn resolve(cause: &io::Error) -> Self {
        Self::not_sent("resolve", &format!("the provider's name cannot be resolved: {cause}"))
    }

    /// No connection.
    pub fn connect(cause: &io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::ConnectionRefused => {
                Self::not_sent("refused", &format!("the provider refused the connection: {cause}"))
            }
            io::ErrorKind::TimedOut => Self::connect_timeout(),
            _ => Self::not_sent("connect", &format!("the provider cannot be reached: {cause}")),
        }
    }

    /// No connection in time, its TLS handshake included.
    pub fn connect_timeout() -> Self {
        Self::not_sent("connect_timeout", "connecting took too long")
    }

    /// No verified connection.
    pub fn tls(cause: &io::Error) -> Self {
        Self::not_sent("tls", &format!("the provider's certificate or TLS handshake failed: {cause}"))
    }

    /// A base URL that no connection can be made to.
    pub fn address() -> Self {
        Self::not_sent("connect", "the provider's address has no host or port")
    }

    /// Connected, but the caller no longer wants the request to begin.
    pub fn start_window() -> Self {
        Self::not_sent("start_window", "the time in which the request may begin is over")
    }

    /// The request was begun and the time is over.
    pub fn no_answer_in_time() -> Self {
        Self::in_doubt("timeout", "no complete answer in time")
    }

    /// The connection failed once the request was begun.
    pub fn broken(cause: &io::Error) -> Self {
        match cause.kind() {
            // TLS peers that close without saying so.
            io::ErrorKind::UnexpectedEof => Self::cut(),
            _ => Self::in_doubt("reset", &format!("the connection broke before a complete answer: {cause}")),
        }
    }

    /// The connection was closed before the answer's head was complete.
    pub fn cut() -> Self {
        Self::in_doubt("cut", "the connection was closed before an answer")
    }

    /// The head came, its body did not, or is none.
    pub fn body(cause: &str) -> Self {
        Self::in_doubt("body", &format!("the answer is no complete HTTP answer: {cause}"))
    }

    /// As an outcome: proof or doubt, nothing between.
    pub fn outcome(&self) -> Outcome {
        if self.not_sent {
            reading::not_sent(self.code, &self.words)
        } else {
            reading::doubt(self.code, &self.words)
        }
    }

    fn not_sent(code: &'static str, words: &str) -> Self {
        Self { not_sent: true, code, words: reading::words(words) }
    }

    fn in_doubt(code: &'static str, words: &str) -> Self {
        Self { not_sent: false, code, words: reading::words(words) }
    }
}
