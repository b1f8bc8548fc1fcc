//! What the simulated providers report of themselves: receipts of a message, replies to it, and news of an account. Each
//! goes out some time after the message was decided over, so that the order of the times is the order of the reports.

use super::{Latency, raw::RawLatency, raw::read_latency};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// Times that one report is sent, at most: enough for any test of repetitions.
const TIMES_LIMIT: u32 = 10_000;

/// What follows a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Says {
    /// How far it came; `None`: this rule does not say.
    pub receipts: Option<Arc<[Receipt]>>,
    /// What its recipient answers; `None`: this rule does not say.
    pub replies: Option<Arc<[Reply]>>,
    /// What happens to the number or account that sent it.
    pub events: Arc<[Event]>,
}

/// When, how often, and whether at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occasion {
    /// So long after the message.
    pub after: Latency,
    /// The same report so many times, each at its own time.
    pub times: u32,
    /// By chance, between 0 and 1.
    pub probability: f64,
}

/// How far a message came.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// How far.
    pub stage: Stage,
    /// Why it failed, in the provider's codes.
    pub code: Option<u32>,
    /// The details, if not the sheet's.
    pub details: Option<String>,
    /// When.
    pub occasion: Occasion,
}

impl Receipt {
    /// A failure at once.
    pub fn failed(code: u32) -> Self {
        let occasion = Occasion { after: Latency::default(), times: 1, probability: 1.0 };
        Self { stage: Stage::Failed, code: Some(code), details: None, occasion }
    }
}

/// A state that a provider reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// On its way.
    Sent,
    /// On the phone.
    Delivered,
    /// Opened.
    Read,
    /// Given up. `UltraMsg` reports no such thing: there it is silence, and whoever lists the messages finds it as `unsent`, or
    /// as what the details name: `invalid`, `expired`.
    Failed,
    /// Twilio's word for a failure after the message left; Meta says failed.
    Undelivered,
}

/// What a recipient answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What.
    pub what: Answer,
    /// The name that the person goes by.
    pub name: String,
    /// When.
    pub occasion: Occasion,
}

/// Kinds of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// A press of a template's button with this text; at `UltraMsg`, which has none, the text.
    Button(String),
    /// The choice inside `WhatsApp`: no more marketing, or marketing again. Only Meta reports it.
    Preference {
        /// No more.
        stop: bool,
    },
}

/// What happens to a number or account. Only Meta reports such things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: News,
    /// When: after so long.
    after: Latency,
}

impl Event {
    /// When.
    pub fn occasion(&self) -> Occasion {
        Occasion { after: self.after, times: 1, probability: 1.0 }
    }
}

/// Kinds of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Many complain about the number, or no longer.
    Quality {
        /// Many do.
        flagged: bool,
    },
    /// So many people in 24 hours; `None`: any number of them.
    Limit(Option<u32>),
    /// The account may not begin conversations, for a time or for good.
    Restriction(Option<Duration>),
    /// It may again.
    Reinstatement,
    /// A template may be used, or not any more.
    Template {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
        /// `APPROVED`, `PAUSED`, …
        status: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReceipt {
    status: Stage,
    code: Option<u32>,
    details: Option<String>,
    after: Option<RawLatency>,
    times: Option<u32>,
    probability: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReply {
    text: Option<String>,
    button: Option<String>,
    preference: Option<RawPreference>,
    #[serde(default)]
    name: String,
    after: Option<RawLatency>,
    times: Option<u32>,
    probability: Option<f64>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawPreference {
    Stop,
    Resume,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawEvent {
    quality: Option<RawQuality>,
    limit: Option<RawLimit>,
    restriction: Option<super::raw::Lasting>,
    reinstatement: Option<bool>,
    template: Option<RawTemplate>,
    after: Option<RawLatency>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawQuality {
    Green,
    Red,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawLimit {
    Number(u32),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTemplate {
    name: String,
    language: String,
    status: String,
}

/// Reads how far messages come.
pub fn receipts(raw: Vec<RawReceipt>) -> Result<Arc<[Receipt]>, String> {
    raw.into_iter().map(RawReceipt::read).collect()
}

/// Reads what people answer.
pub fn replies(raw: Vec<RawReply>) -> Result<Arc<[Reply]>, String> {
    raw.into_iter().map(RawReply::read).collect()
}

/// Reads what happens to accounts.
pub fn events(raw: Vec<RawEvent>) -> Result<Arc<[Event]>, String> {
    raw.into_iter().map(RawEvent::read).collect()
}

fn after(raw: Option<RawLatency>) -> Result<Latency, String> {
    raw.map_or(Ok(Latency::default()), read_latency)
}

fn occasion(
    raw: Option<RawLatency>,
    times: Option<u32>,
    probability: Option<f64>,
) -> Result<Occasion, String> {
    let (times, probability) = (times.unwrap_or(1), probability.unwrap_or(1.0));
    if !(1..=TIMES_LIMIT).contains(&times) {
        return Err(format!("times is not between 1 and {TIMES_LIMIT}"));
    }
    if !(0.0..=1.0).contains(&probability) {
        return Err("probability is not between 0 and 1".to_owned());
    }
    Ok(Occasion { after: after(raw)?, times, probability })
}

impl RawReceipt {
    fn read(self) -> Result<Receipt, String> {
        let failed = matches!(self.status, Stage::Failed | Stage::Undelivered);
        if failed != self.code.is_some() {
            return Err("a failed or undelivered receipt has a code, and no other has".to_owned());
        }
        if self.details.is_some() && !failed {
            return Err("details belong to a failed receipt".to_owned());
        }
        Ok(Receipt {
            stage: self.status,
            code: self.code,
            details: self.details,
            occasion: occasion(self.after, self.times, self.probability)?,
        })
    }
}

impl RawReply {
    fn read(self) -> Result<Reply, String> {
        let what = match (self.text, self.button, self.preference) {
            (Some(text), None, None) => Answer::Text(text),
            (None, Some(text), None) => Answer::Button(text),
            (None, None, Some(choice)) => Answer::Preference { stop: choice == RawPreference::Stop },
            _ => return Err("a reply is one of text, button and preference".to_owned()),
        };
        let occasion = occasion(self.after, self.times, self.probability)?;
        Ok(Reply { what, name: self.name, occasion })
    }
}

impl RawEvent {
    fn read(self) -> Result<Event, String> {
        let mut all = Vec::new();
        all.extend(self.quality.map(|quality| News::Quality { flagged: quality == RawQuality::Red }));
        match self.limit {
            None => {}
            Some(RawLimit::Number(people)) => all.push(News::Limit(Some(people))),
            Some(RawLimit::Word(word)) if word == "unlimited" => all.push(News::Limit(None)),
            Some(RawLimit::Word(_)) => return Err("limit is a number, or \"unlimited\"".to_owned()),
        }
        all.extend(super::raw::lasting(self.restriction)?.map(|lasting| News::Restriction(lasting.time())));
        all.extend((self.reinstatement == Some(true)).then_some(News::Reinstatement));
        all.extend(self.template.map(|RawTemplate { name, language, status }| News::Template {
            name,
            language,
            status,
        }));
        match (all.pop(), all.is_empty()) {
            (Some(what), true) => Ok(Event { what, after: after(self.after)? }),
            _ => Err("an event is one of quality, limit, restriction, reinstatement and template".to_owned()),
        }
    }
}
