//! The script as it is written, and how it becomes a [`Script`].

use super::{
    Account, Action, DeclaredNumber, ErrorCode, Fault, Garbage, Latency, Rule, Script, ScriptError, When,
    duration,
    health::RawHealth,
    says::{self, RawEvent, RawReceipt, RawReply, Says},
    template::RawTemplate,
};
use crate::domain::{number::ProviderKind, phone::Phone};
use crate::provider::simulator::webhooks::Webhook;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScript {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    latency: Option<RawLatency>,
    idle: Option<String>,
    queue_drain: Option<String>,
    #[serde(default, rename = "account")]
    accounts: Vec<Account>,
    #[serde(default, rename = "number")]
    numbers: Vec<DeclaredNumber>,
    #[serde(default, rename = "rule", alias = "rules")]
    rules: Vec<RawRule>,
    #[serde(default)]
    receipts: Vec<RawReceipt>,
    #[serde(default, rename = "webhook")]
    webhooks: Vec<Webhook>,
    #[serde(default)]
    health: Vec<RawHealth>,
    #[serde(default, rename = "template")]
    templates: Vec<RawTemplate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    /// For the reader only.
    #[serde(default, rename = "name")]
    _name: String,
    #[serde(default)]
    when: RawWhen,
    #[serde(default)]
    then: RawThen,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWhen {
    provider: Option<ProviderKind>,
    #[serde(default)]
    number: Names,
    #[serde(default)]
    recipient: Names,
    text_contains: Option<String>,
    after: Option<String>,
    before: Option<String>,
    nth: Option<u64>,
    from_nth: Option<u64>,
    every: Option<u64>,
    per: Option<Per>,
    probability: Option<f64>,
    times: Option<u64>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Per {
    Number,
    All,
}

/// One name or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Names {
    One(String),
    Many(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Names {
    /// All of them.
    pub(super) fn list(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum RawLatency {
    Fixed(String),
    Between { from: String, to: String },
}

/// A word or a number, kept word for word: `Retry-After` may be anything.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Integer(i64),
    Text(String),
}

/// `true`, or for how long.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Lasting {
    Flag(bool),
    Time(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThen {
    latency: Option<RawLatency>,
    accept: Option<bool>,
    same_id: Option<bool>,
    status: Option<u16>,
    body: Option<String>,
    content_type: Option<String>,
    error: Option<Scalar>,
    details: Option<String>,
    retry_after: Option<Scalar>,
    suspend: Option<Lasting>,
    throttle: Option<Lasting>,
    accept_then_cut: Option<bool>,
    cut_before: Option<bool>,
    cut_after_headers: Option<bool>,
    drip: Option<String>,
    garbage: Option<Garbage>,
    redirect: Option<u16>,
    location: Option<String>,
    wait: Option<bool>,
    accepted: Option<bool>,
    receipts: Option<Vec<RawReceipt>>,
    replies: Option<Vec<RawReply>>,
    events: Option<Vec<RawEvent>>,
}

/// Reads and checks a script.
pub fn read(text: &str) -> Result<Script, ScriptError> {
    let raw: RawScript = toml::from_str(text)?;
    for webhook in &raw.webhooks {
        webhook.check().map_err(ScriptError::Other)?;
    }
    for number in &raw.numbers {
        check_number(number).map_err(ScriptError::Other)?;
    }
    let mut rules = Vec::with_capacity(raw.rules.len());
    for (at, rule) in raw.rules.into_iter().enumerate() {
        rules.push(read_rule(rule).map_err(|problem| ScriptError::Rule { rule: at + 1, problem })?);
    }
    let mut health = Vec::with_capacity(raw.health.len());
    for (at, rule) in raw.health.into_iter().enumerate() {
        health.push(rule.read().map_err(|problem| ScriptError::Rule { rule: at + 1, problem })?);
    }
    let mut templates = Vec::with_capacity(raw.templates.len());
    for (at, template) in raw.templates.into_iter().enumerate() {
        templates.push(template.read(at + 1).map_err(ScriptError::Other)?);
    }
    Ok(Script {
        seed: raw.seed,
        latency: raw.latency.map(read_latency).transpose().map_err(ScriptError::Other)?.unwrap_or_default(),
        idle: raw.idle.as_deref().map(duration).transpose().map_err(ScriptError::Other)?,
        queue_drain: raw.queue_drain.as_deref().map(duration).transpose().map_err(ScriptError::Other)?,
        accounts: raw.accounts,
        numbers: raw.numbers,
        rules,
        receipts: says::receipts(raw.receipts).map_err(ScriptError::Other)?,
        webhooks: raw.webhooks,
        health,
        templates,
    })
}

fn check_number(number: &DeclaredNumber) -> Result<(), String> {
    let canonical =
        Phone::parse(&number.phone).map_err(|error| format!("number {:?}: {error}", number.phone))?;
    if canonical.reveal() != number.phone {
        return Err(format!("number {:?} is not in E.164 form", number.phone));
    }
    if number.sender().is_empty() {
        return Err(format!("number {:?} has no id", number.phone));
    }
    Ok(())
}

pub fn read_latency(raw: RawLatency) -> Result<Latency, String> {
    let latency = match raw {
        RawLatency::Fixed(time) => {
            let time = duration(&time)?;
            Latency { from: time, to: time }
        }
        RawLatency::Between { from, to } => Latency { from: duration(&from)?, to: duration(&to)? },
    };
    if latency.from > latency.to { Err("latency: from is more than to".to_owned()) } else { Ok(latency) }
}

fn read_rule(raw: RawRule) -> Result<Rule, String> {
    let when = read_when(raw.when)?;
    let mut then = raw.then;
    let latency = then.latency.take().map(read_latency).transpose()?;
    let says = Says {
        receipts: then.receipts.take().map(says::receipts).transpose()?,
        replies: then.replies.take().map(says::replies).transpose()?,
        events: says::events(then.events.take().unwrap_or_default())?,
    };
    let action = read_action(then)?;
    if action.is_none() && latency.is_none() && says == Says::default() {
        return Err("then says nothing".to_owned());
    }
    let takes_none = action.as_ref().is_some_and(|action| !action.accepts());
    if takes_none && (says.receipts.is_some() || says.replies.is_some()) {
        return Err("a message that was not taken has neither receipts nor replies".to_owned());
    }
    Ok(Rule { when, latency, action, says })
}

fn read_when(raw: RawWhen) -> Result<When, String> {
    let time = |text: Option<String>| text.as_deref().map(duration).transpose();
    if raw.probability.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
        return Err("probability is not between 0 and 1".to_owned());
    }
    if [raw.nth, raw.from_nth, raw.every].contains(&Some(0)) {
        return Err("messages are counted from 1".to_owned());
    }
    Ok(When {
        provider: raw.provider,
        numbers: raw.number.list(),
        recipients: raw.recipient.list(),
        text_contains: raw.text_contains,
        after: time(raw.after)?,
        before: time(raw.before)?,
        nth: raw.nth,
        from_nth: raw.from_nth,
        every: raw.every,
        per_number: raw.per == Some(Per::Number),
        probability: raw.probability,
        times: raw.times,
    })
}

/// Exactly one action, with only the keys that belong to it; none when nothing but a latency was given.
fn read_action(raw: RawThen) -> Result<Option<Action>, String> {
    let mut then = Then { raw, chosen: Vec::new() };
    let candidates = [then.faults()?, then.answers()?, then.limits()?];
    let mut actions = candidates.into_iter().flatten();
    let action = actions.next();
    if actions.next().is_some() || then.chosen.len() > 1 {
        return Err(format!("then says two things at once: {}", then.chosen.join(", ")));
    }
    then.leftover()?;
    Ok(action)
}

/// What is left to read of a `then`: every reader takes the keys that it used.
struct Then {
    raw: RawThen,
    chosen: Vec<&'static str>,
}

impl Then {
    fn flag(&mut self, name: &'static str, flag: Option<bool>) -> bool {
        let set = flag == Some(true);
        if set {
            self.chosen.push(name);
        }
        set
    }

    /// What is not an answer of the provider.
    fn faults(&mut self) -> Result<Option<Action>, String> {
        let mut found = None;
        let mut put = |fault, accepted| found = Some((fault, accepted));
        let raw = &mut self.raw;
        let flags = [
            ("accept_then_cut", raw.accept_then_cut.take(), Fault::Cut, true),
            ("cut_before", raw.cut_before.take(), Fault::Cut, false),
            ("cut_after_headers", raw.cut_after_headers.take(), Fault::CutAfterHeaders, true),
            ("wait", raw.wait.take(), Fault::Wait, false),
        ];
        for (name, flag, fault, accepted) in flags {
            if self.flag(name, flag) {
                put(fault, accepted);
            }
        }
        if let Some(interval) = self.raw.drip.take() {
            self.chosen.push("drip");
            put(Fault::Drip(duration(&interval)?), true);
        }
        if let Some(garbage) = self.raw.garbage.take() {
            self.chosen.push("garbage");
            put(Fault::Garbage(garbage), false);
        }
        if let Some(status) = self.raw.redirect.take() {
            self.chosen.push("redirect");
            if ![301, 302, 303, 307, 308].contains(&status) {
                return Err(format!("{status} is not a redirect"));
            }
            let location =
                self.raw.location.take().unwrap_or_else(|| "https://elsewhere.invalid/".to_owned());
            put(Fault::Redirect { status, location }, false);
        }
        if let Some(status) = self.raw.status.take() {
            self.chosen.push("status");
            if !(200..=599).contains(&status) {
                return Err(format!("{status} is not an HTTP status"));
            }
            let body = self.raw.body.take().unwrap_or_default();
            let content_type = self.raw.content_type.take().unwrap_or_else(|| "text/html".to_owned());
            let retry_after = self.raw.retry_after.take().map(scalar);
            put(Fault::Status { status, body, content_type, retry_after }, false);
        }
        let accepted_key = if found.is_some() { self.raw.accepted.take() } else { None };
        Ok(found.map(|(fault, accepted)| Action::Fault { fault, accepted: accepted_key.unwrap_or(accepted) }))
    }

    /// Acceptance.
    fn answers(&mut self) -> Result<Option<Action>, String> {
        let accept = self.raw.accept.take();
        let same_id = self.raw.same_id.take() == Some(true);
        if accept == Some(false) {
            return Err("accept = false says nothing: name an error".to_owned());
        }
        if accept.is_some() || same_id {
            self.chosen.push("accept");
            return Ok(Some(Action::Accept { same_id }));
        }
        Ok(None)
    }

    /// Suspension, throttling, errors.
    fn limits(&mut self) -> Result<Option<Action>, String> {
        let suspend = lasting(self.raw.suspend.take())?;
        let throttle = lasting(self.raw.throttle.take())?;
        if suspend.is_some() {
            self.chosen.push("suspend");
        }
        if throttle.is_some() {
            self.chosen.push("throttle");
        }
        if let Some(lasting) = suspend {
            let error = self.raw.error.take().map(error_code).transpose()?;
            return Ok(Some(Action::Suspend {
                error,
                details: self.raw.details.take(),
                lasting: lasting.time(),
            }));
        }
        if let Some(lasting) = throttle {
            let retry_after = self.raw.retry_after.take().map(scalar);
            return Ok(Some(Action::Throttle { retry_after, lasting: lasting.time().unwrap_or_default() }));
        }
        let Some(error) = self.raw.error.take() else { return Ok(None) };
        self.chosen.push("error");
        let error = error_code(error)?;
        let retry_after = self.raw.retry_after.take().map(scalar);
        Ok(Some(Action::Refuse { error, details: self.raw.details.take(), retry_after }))
    }

    /// A key that belongs to no action of this rule.
    fn leftover(&self) -> Result<(), String> {
        let raw = &self.raw;
        let left = [
            ("body", raw.body.is_some()),
            ("content_type", raw.content_type.is_some()),
            ("details", raw.details.is_some()),
            ("retry_after", raw.retry_after.is_some()),
            ("location", raw.location.is_some()),
            ("accepted", raw.accepted.is_some()),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((name, _)) => Err(format!("{name} does not belong to this rule")),
            None => Ok(()),
        }
    }
}

fn scalar(raw: Scalar) -> String {
    match raw {
        Scalar::Integer(number) => number.to_string(),
        Scalar::Text(text) => text,
    }
}

/// A number, or a name.
pub(super) fn error_code(raw: Scalar) -> Result<ErrorCode, String> {
    match raw {
        Scalar::Integer(number) => {
            u32::try_from(number).map(ErrorCode::Number).map_err(|_| format!("{number} is not an error code"))
        }
        Scalar::Text(text) => Ok(text.parse().map_or(ErrorCode::Text(text), ErrorCode::Number)),
    }
}

/// For how long, if at all.
pub fn lasting(raw: Option<Lasting>) -> Result<Option<For>, String> {
    match raw {
        None | Some(Lasting::Flag(false)) => Ok(None),
        Some(Lasting::Flag(true)) => Ok(Some(For::Good)),
        Some(Lasting::Time(text)) => duration(&text).map(|time| Some(For::Time(time))),
    }
}

pub enum For {
    Good,
    Time(Duration),
}

impl For {
    pub fn time(self) -> Option<Duration> {
        match self {
            Self::Good => None,
            Self::Time(time) => Some(time),
        }
    }
}
