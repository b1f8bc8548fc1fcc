//! The three providers.
//!
//! A [`Provider`] is pure: it builds requests and reads answers, and never touches the network. The one client that
//! does ([`client`]) is guarded: no redirects, no retries, bounded answers, its own time limits. What a transport
//! error means for certainty is decided there, once, for all providers (`reference/reliability.md`, rule E).

use crate::domain::{
    content::registry::ListedTemplate,
    health::Health,
    ids::AttemptId,
    number::ProviderKind,
    outcome::{Class, Outcome},
    phone::Phone,
};
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use std::{fmt, time::Duration};
use url::Url;
use zeroize::Zeroizing;

pub use content::{Content, Media, Template};

/// The secrets of an account, opened. No `Debug`, no `Serialize`; wiped when dropped.
#[derive(Clone)]
pub struct Credential {
    /// The account's id at the provider: WABA id, Account SID; unused for `UltraMsg`.
    pub external_id: String,
    /// Access token, auth token or instance token.
    pub token: Zeroizing<String>,
}

/// One number, ready to send: its addresses parsed and its authorisation built once, not once a message.
pub struct Line {
    /// Where messages are posted.
    pub send_url: Url,
    /// Headers of every request, authorisation included and marked sensitive.
    pub headers: HeaderMap,
    /// The number's own phone.
    pub from: Phone,
    /// The account's secrets, for what goes into bodies and queries.
    pub credential: Credential,
    /// Base address, for look-ups.
    pub base_url: Url,
    /// The number's id at the provider (`phone-number-id`, `instance…`); empty for Twilio.
    pub sender_id: String,
    /// Our webhook as it is reached from outside, for a provider that wants to be told with each message where to report
    /// what becomes of it. `None`: nobody listens, or nobody said where.
    pub callback: Option<Url>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("from", &self.from).finish_non_exhaustive()
    }
}

/// One message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Travels as our reference wherever the provider can carry one.
    pub attempt: AttemptId,
    /// Who gets it.
    pub to: Phone,
    /// What it says.
    pub content: Content,
}

/// A request, ready for the wire.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// GET or POST.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// All headers, authorisation included.
    pub headers: HeaderMap,
    /// The body, complete.
    pub body: Vec<u8>,
}

/// A complete HTTP answer, read up to [`client::ANSWER_LIMIT`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, bounded, if it was sent and made sense.
    pub retry_after: Option<Duration>,
    /// The body as far as it was read.
    pub body: Vec<u8>,
    /// Whether there was more than we read.
    pub truncated: bool,
}

/// A configuration from which no line can be made. Reads well after "number … cannot be used: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The base URL cannot be read.
    #[error("the base URL is not an address")]
    BaseUrl,
    /// Something that the provider needs is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something is there and cannot be right.
    #[error("{what} {problem}")]
    Invalid {
        /// Which setting.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// What a provider can do for us when we do not know (rule F).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent abilities, as rule F lists them")]
pub struct Abilities {
    /// It carries our attempt id and lists messages by it.
    pub reference: bool,
    /// It returns our attempt id in its reports.
    pub callback_tag: bool,
    /// It lists messages by recipient, sender and time.
    pub list_by_recipient: bool,
    /// An empty listing after the settle time means that it was not taken.
    pub absence_is_proof: bool,
}

/// A question to the provider about an attempt in doubt.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Our reference.
    pub attempt: AttemptId,
    /// Who should have got it.
    pub to: Phone,
    /// When the intent was committed.
    pub started_at: DateTime<Utc>,
    /// What it said, where the listing has to be compared by text.
    pub text: Option<String>,
}

/// What the provider says about an attempt in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It has the message under this id: it names our attempt, or it was found out whose message it is.
    Found {
        /// The provider's id.
        provider_message_id: String,
        /// Its state in the provider's words.
        state: String,
    },
    /// It does not know our attempts, and lists these messages to the person. One of them may be this attempt's, and each
    /// may be another's: who has asked knows which ids are spoken for.
    Fitting {
        /// At least one.
        fits: Vec<Fit>,
        /// Whether there can be no more of them.
        is_whole: bool,
    },
    /// It was asked properly and knows no such message.
    Absent,
    /// Several messages fit; nobody but a person can decide.
    Several(usize),
    /// It could not be asked, or the answer cannot be read.
    Unclear(String),
}

/// A message at the provider that may be the one that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The provider's id.
    pub provider_message_id: String,
    /// Its state in the provider's words.
    pub state: String,
    /// What it says is known, and is what the attempt said.
    pub says_the_same: bool,
}

/// How many messages wait in a gateway's own queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// So many.
    Messages(u32),
    /// The gateway does not say, and will not when it is asked again.
    Untold,
    /// It could not be asked now.
    Unclear(String),
}

/// What comes next when a provider is asked how a number is.
#[derive(Debug, Clone)]
pub enum HealthStep {
    /// This question.
    Ask(Prepared),
    /// Nothing: this is what the answers say.
    Done(Health),
}

/// Whether a phone can be written to, as far as a provider tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// It is on `WhatsApp`.
    Registered,
    /// It is not.
    Unregistered,
    /// Nobody can tell from this answer.
    Unclear(String),
}

/// What comes next when a provider is asked which templates an account has.
#[derive(Debug, Clone)]
pub enum TemplateStep {
    /// This question.
    Ask(Box<Prepared>),
    /// Nothing: these are all.
    Done(Vec<ListedTemplate>),
    /// It cannot be listed; why.
    Failed(String),
}

/// One provider's dialect: pure, no network.
pub trait Provider: Send + Sync {
    /// Which one this is.
    fn kind(&self) -> ProviderKind;

    /// What it can do for us after a doubt.
    fn abilities(&self) -> Abilities;

    /// Builds what stays the same for all messages of one number.
    ///
    /// # Errors
    /// When the configuration cannot work; nothing was sent.
    fn line(
        &self,
        base_url: &str,
        credential: Credential,
        sender_id: &str,
        from: &Phone,
    ) -> Result<Line, LineError>;

    /// Builds the request that sends one message; `None`: this provider has no way to say such a thing. Who asked
    /// [`ability`](crate::domain::content::ability) first never meets that.
    fn send_request(&self, line: &Line, outgoing: &Outgoing) -> Option<Prepared>;

    /// Reads the answer to a send.
    fn read_send(&self, answer: &Answer) -> Outcome;

    /// What a later report with this code says about its message (Meta's `statuses[].errors[].code`, Twilio's
    /// `ErrorCode`, `UltraMsg`'s message status). `None`: the code is a warning, or an intermediate state, and says
    /// nothing against the message.
    fn classify_code(&self, code: &str, detail: &str) -> Option<Class>;

    /// Builds the request that asks about an attempt in doubt; `None`: this provider cannot be asked.
    fn lookup_request(&self, line: &Line, lookup: &Lookup) -> Option<Prepared>;

    /// Reads the answer to such a question.
    fn read_lookup(&self, lookup: &Lookup, answer: &Answer) -> Evidence;

    /// How a number is: the next question, given the answers so far, or what they say. A handful of questions at most.
    fn health_step(&self, line: &Line, answers: &[Answer]) -> HealthStep;

    /// Asks how many messages wait in the gateway's own queue; `None`: it keeps none that delays anything.
    fn queue_request(&self, _line: &Line) -> Option<Prepared> {
        None
    }

    /// Reads the answer to that.
    fn read_queue(&self, _answer: &Answer) -> Waiting {
        Waiting::Untold
    }

    /// Whether such a check would still show what this code took a number out of service for: only then a good answer
    /// says that it is over.
    fn is_seen_by_check(&self, code: &str) -> bool;

    /// Builds the request that asks whether a phone is on `WhatsApp`, sending nothing; `None`: this provider cannot be asked.
    fn registration_request(&self, line: &Line, phone: &Phone) -> Option<Prepared> {
        let _ = (line, phone);
        None
    }

    /// Reads the answer to such a question.
    fn read_registration(&self, answer: &Answer) -> Registration {
        Registration::Unclear(format!("status {}", answer.status))
    }

    /// The message states that have to be asked for, because nothing reports them; none: all failures are reported.
    fn unreported_states(&self) -> &'static [&'static str] {
        &[]
    }

    /// Builds the request for a page of the newest messages of a number in such a state; pages count from 1.
    fn failures_request(&self, line: &Line, state: &str, page: u32) -> Option<Prepared> {
        let _ = (line, state, page);
        None
    }

    /// Reads such a page, newest first.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn read_failures(
        &self,
        line: &Line,
        state: &str,
        answer: &Answer,
    ) -> Result<Vec<report::Receipt>, String> {
        let _ = (line, state, answer);
        Ok(Vec::new())
    }

    /// Which templates the line's account has: the next question, given the answers so far, or the whole list.
    fn template_step(&self, line: &Line, answers: &[Answer]) -> TemplateStep;

    /// Whether this code says of a template that it may not be sent by its account at all, or not as the campaign fills
    /// it: whoever comes next would be refused too.
    fn stops_template(&self, code: &str) -> bool;

    /// Reads what the provider's webhook brought; the request was believed before.
    ///
    /// # Errors
    /// When it is not in the provider's form at all.
    fn read_report(
        &self,
        delivered: &report::Delivered<'_>,
    ) -> Result<Vec<report::Report>, report::ReportError>;
}

/// The dialect of a provider.
#[must_use]
pub fn dialect(kind: ProviderKind) -> &'static dyn Provider {
    match kind {
        ProviderKind::Meta => &meta::Meta,
        ProviderKind::Ultramsg => &ultramsg::Ultramsg,
        ProviderKind::Twilio => &twilio::Twilio,
    }
}

mod address;
mod chunked;
pub mod client;
pub mod codes;
pub mod content;
pub mod hook;
pub mod media;
pub mod meta;
mod reading;
pub mod report;
pub mod signature;
pub mod simulator;
pub mod twilio;
pub mod ultramsg;
