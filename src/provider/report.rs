//! What providers tell us without being asked: receipts, what people write, and what happens to accounts and numbers.
//!
//! Reading is pure. One body may hold many reports (Meta batches up to a thousand); a part that cannot be read never
//! costs the parts beside it. Whether the body may be believed is decided before it is read, see
//! [`signature`](super::signature).

use crate::domain::{
    consent::Consent, delivery::Delivery, health::Quality, ids::AttemptId, outcome::Failure, phone::Phone,
};
use chrono::{DateTime, Utc};

/// A webhook request as it arrived and was believed.
#[derive(Debug, Clone, Copy)]
pub struct Delivered<'a> {
    /// The query of its address, without the question mark.
    pub query: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// A body that is nothing of the provider's. Reads well after "the report ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Not in the form that the provider uses.
    #[error("is not {0}")]
    Form(&'static str),
}

/// Which of our numbers a report concerns, as the provider names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Its id at the provider (`whatsapp_numbers.instance_id`).
    Id(String),
    /// Its phone.
    Phone(Phone),
    /// Every number of the account, or none in particular.
    Account,
}

/// One thing that a provider reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// How far a message of ours came.
    Receipt(Receipt),
    /// Somebody wrote to one of our numbers.
    Inbound(Inbound),
    /// A person changed in WhatsApp itself whether we may send marketing.
    Preference(Preference),
    /// Something happened to an account, a number or a template.
    News(News),
}

/// How far a message of ours came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Through which number it was sent.
    pub sender: Sender,
    /// The provider's id of the message.
    pub message: Option<String>,
    /// Our reference, if it came back.
    pub attempt: Option<AttemptId>,
    /// How far.
    pub delivery: Delivery,
    /// When, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// To which number.
    pub sender: Sender,
    /// From whom; none where the person hides the number (`meta-cloud.md` section 8).
    pub from: Option<Phone>,
    /// The provider's own name for the person, where it gave one.
    pub from_id: Option<String>,
    /// The name that the person goes by, cleaned.
    pub profile: Option<String>,
    /// The provider's id of the message.
    pub message: String,
    /// What kind it is: `text`, `button`, `image` and so on, in the provider's words, cleaned.
    pub kind: String,
    /// The text, or the caption or button's text; cleaned. Empty for what has none.
    pub text: String,
    /// The provider's id of the message that is answered.
    pub answers: Option<String>,
    /// What the provider itself made of it, having answered the person already.
    pub handled: Option<Consent>,
    /// When, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
}

/// A person's choice inside WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Whose.
    pub from: Phone,
    /// What is wanted: [`Consent::Stop`] or [`Consent::Start`].
    pub consent: Consent,
    /// When, by the provider's clock.
    pub at: Option<DateTime<Utc>>,
}

/// Something that happened to an account, a number or a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// To which number.
    pub sender: Sender,
    /// What follows for us.
    pub change: Change,
    /// The provider's name for it, such as `account_update ACCOUNT_RESTRICTION`.
    pub code: String,
    /// The provider's own words, cleaned.
    pub words: String,
}

/// What follows from a piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// All numbers concerned are out of service, until a time if one was named.
    Restricted {
        /// When the restriction ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// A restriction was lifted: whoever it concerned is to be checked.
    Reinstated,
    /// How people take what a number sends.
    Quality(Quality),
    /// So many people in 24 hours; `None`: any number of them.
    Limit(Option<u32>),
    /// A template may be used, or not any more.
    Template {
        /// The provider's id; empty: it gave none.
        id: String,
        /// Its name.
        name: String,
        /// Its language.
        language: String,
        /// Its state, in the provider's word: `APPROVED`, `PAUSED`, …
        status: String,
    },
    /// How people take a template.
    TemplateQuality {
        /// The provider's id; empty: it gave none.
        id: String,
        /// Its name.
        name: String,
        /// Its language.
        language: String,
        /// What it is now.
        quality: Quality,
    },
    /// To be shown, nothing else.
    Notice,
}
