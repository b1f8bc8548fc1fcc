//! A message as it came, and who claims to have sent it.

use super::{outbox::Callback, wording::Said};
use crate::domain::number::ProviderKind;

/// A message as a dialect read it from the wire, well-formed.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The recipient, `+` and digits.
    pub to: &'a str,
    /// The text; of a template its own, of media its caption.
    pub body: &'a str,
    /// What it is, if it is more than a text.
    pub said: Option<Said>,
    /// The template's place among the declared ones.
    pub template: Option<usize>,
    /// It is taken, and reported as failed with this code.
    pub fails_later: Option<u32>,
    /// The sender's reference; empty: none.
    pub reference: &'a str,
    /// Twilio: where what becomes of it is to be reported.
    pub callback: Option<Callback>,
}

impl<'a> Sent<'a> {
    /// A text.
    pub fn text(to: &'a str, body: &'a str, reference: &'a str) -> Self {
        Self { to, body, said: None, template: None, fails_later: None, reference, callback: None }
    }
}

/// Who sends, as the request claims.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// In this dialect.
    pub provider: ProviderKind,
    /// The number's id in requests.
    pub sender: &'a str,
    /// Twilio: the account in the path. Elsewhere empty.
    pub account: &'a str,
    /// The token.
    pub token: &'a str,
}

/// Why a claim does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token, or not the right one.
    Token,
    /// No such sender.
    Sender,
}
