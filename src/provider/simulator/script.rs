//! The script: how the simulated providers behave. TOML, a list of rules, each a *when* and a *then*; the first rule that
//! fits a message decides. `assets/demo/*.toml` are the documentation by example.
//!
//! A key that is not understood is refused with its line, never ignored: a fault that silently does not happen makes
//! a test that cannot fail.

use super::webhooks::Webhook;
use crate::domain::number::ProviderKind;
use says::{Receipt, Says};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

pub mod health;
mod raw;
pub mod says;
pub mod template;

/// What the simulator does. Without rules it accepts everything, at once.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Start of the random numbers behind probabilities and jitter.
    pub seed: u64,
    /// How long every answer takes unless a rule says otherwise.
    pub latency: Latency,
    /// A connection on which nothing arrives for so long is closed, as providers do; none: it stays open.
    pub idle: Option<Duration>,
    /// How long each message waits in the own queue of an `UltraMsg` instance, one after the other; none: it keeps none.
    pub queue_drain: Option<Duration>,
    /// Credentials to insist on; a provider without any takes every token.
    pub accounts: Vec<Account>,
    /// Senders to insist on; a provider without any takes every sender.
    pub numbers: Vec<DeclaredNumber>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// How far every accepted message comes unless a rule says otherwise.
    pub receipts: Arc<[Receipt]>,
    /// Where reports are posted, beside what is told later.
    pub webhooks: Vec<Webhook>,
    /// What is said of numbers and accounts when somebody asks how they are, in order.
    pub health: Vec<health::HealthRule>,
    /// Templates to insist on; a provider without any takes every template.
    pub templates: Vec<template::DeclaredTemplate>,
}

/// A credential that a provider knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// At which provider.
    pub provider: ProviderKind,
    /// Twilio: the Account SID. Elsewhere only a name.
    #[serde(default)]
    pub id: String,
    /// The token that it must be used with.
    pub token: String,
}

/// A sender that a provider knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredNumber {
    /// At which provider.
    pub provider: ProviderKind,
    /// Its phone, in E.164 form.
    pub phone: String,
    /// Meta: the phone-number-id. `UltraMsg`: `instance` and digits. Twilio: not needed.
    #[serde(default)]
    pub id: String,
    /// A token of its own, as `UltraMsg`'s instances have; else any of the provider's accounts.
    pub token: Option<String>,
    /// Whose templates it sends: WABA id or Account SID; none: everybody's.
    pub account: Option<String>,
}

impl DeclaredNumber {
    /// How requests name this sender.
    pub fn sender(&self) -> &str {
        if self.provider == ProviderKind::Twilio { &self.phone } else { &self.id }
    }
}

/// How long an answer takes: evenly spread between two times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// At least.
    pub from: Duration,
    /// At most.
    pub to: Duration,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// For messages that fit this,
    pub when: When,
    /// an answer that takes this long (of several rules the last one's),
    pub latency: Option<Latency>,
    /// this,
    pub action: Option<Action>,
    /// and these reports. A rule without an action does not end the search: the first rule that names receipts, and the
    /// first that names replies, decides over those; events of all of them happen.
    pub says: Says,
}

/// Which messages a rule concerns; all given conditions hold.
#[derive(Debug, Clone, Default)]
pub struct When {
    /// Sent at this provider.
    pub provider: Option<ProviderKind>,
    /// Sent from one of these: phones or ids at the provider.
    pub numbers: Vec<String>,
    /// Sent to one of these.
    pub recipients: Vec<String>,
    /// The text holds this.
    pub text_contains: Option<String>,
    /// Not before this long after the start (or a reset, or a new script).
    pub after: Option<Duration>,
    /// Not later than this.
    pub before: Option<Duration>,
    /// Only the nth of the messages that fit all of the above.
    pub nth: Option<u64>,
    /// From the nth of them on.
    pub from_nth: Option<u64>,
    /// Every nth of them.
    pub every: Option<u64>,
    /// Whether `nth`, `from_nth` and `every` count per number instead of overall.
    pub per_number: bool,
    /// By chance, between 0 and 1.
    pub probability: Option<f64>,
    /// At most this many times.
    pub times: Option<u64>,
}

/// An error of a provider: a code of its sheet, or, at `UltraMsg`, a name from `ultramsg/codes.rs` or any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorCode {
    /// Meta and Twilio.
    Number(u32),
    /// `UltraMsg`.
    Text(String),
}

/// What happens to a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Accepted and answered as the provider would. `same_id`: with the id of the message before it.
    Accept {
        /// Repeat the last id.
        same_id: bool,
    },
    /// Refused in the provider's own envelope.
    Refuse {
        /// Which error.
        error: ErrorCode,
        /// Its details, if not the sheet's.
        details: Option<String>,
        /// `Retry-After`, word for word.
        retry_after: Option<String>,
    },
    /// From now on everything through this number is refused, for a time or for good.
    Suspend {
        /// With this error; `None`: the provider's usual one.
        error: Option<ErrorCode>,
        /// Its details, if not the sheet's.
        details: Option<String>,
        /// For how long; `None`: until a reset.
        lasting: Option<Duration>,
    },
    /// Too fast: this message, and for `lasting` every message through this number.
    Throttle {
        /// `Retry-After`, word for word.
        retry_after: Option<String>,
        /// For how long.
        lasting: Duration,
    },
    /// Something that is not an answer of the provider.
    Fault {
        /// What the client sees.
        fault: Fault,
        /// Whether the provider took the message all the same.
        accepted: bool,
    },
}

impl Action {
    /// Whether the provider takes the message.
    pub fn accepts(&self) -> bool {
        matches!(self, Self::Accept { .. } | Self::Fault { accepted: true, .. })
    }
}

/// What the client sees instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without a byte.
    Cut,
    /// The head of the success answer, then closed.
    CutAfterHeaders,
    /// The success answer byte by byte, this far apart.
    Drip(Duration),
    /// A success status with rubbish.
    Garbage(Garbage),
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307, 308.
        status: u16,
        /// Where to.
        location: String,
    },
    /// A status and a body, word for word.
    Status {
        /// The status.
        status: u16,
        /// The body.
        body: String,
        /// Its type.
        content_type: String,
        /// `Retry-After`, word for word.
        retry_after: Option<String>,
    },
    /// No answer, ever.
    Wait,
}

/// Kinds of rubbish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Garbage {
    /// A page of HTML.
    Html,
    /// JSON that breaks off, though its length is right.
    Truncated,
    /// Nothing.
    Empty,
    /// 100 MB of spaces.
    Huge,
}

/// A script that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Not TOML, or a key or value that no script has; the text names line and column.
    #[error("script: {0}")]
    Toml(#[from] toml::de::Error),
    /// A rule that contradicts itself; rules about health are counted by themselves.
    #[error("script, rule {rule}: {problem}")]
    Rule {
        /// Which one, from 1.
        rule: usize,
        /// What is wrong.
        problem: String,
    },
    /// Something outside the rules.
    #[error("script: {0}")]
    Other(String),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When a key is unknown, a value cannot be, or a rule contradicts itself.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        raw::read(text)
    }
}

/// Reads `50ms`, `2s`, `1.5s`, `3m`, `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (amount, unit) = text.split_at(unit_at);
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("{text:?} is not a time: write 50ms, 2s, 3m or 1h")),
    };
    let amount: f64 = amount.trim().parse().map_err(|_| format!("{text:?} is not a time"))?;
    Duration::try_from_secs_f64(amount * factor).map_err(|_| format!("{text:?} is not a time"))
}

#[cfg(test)]
mod tests;
