//! What became of an attempt: three different questions, three types.
//!
//! *Certainty* (is it on the wire?), *blame* (whose fault?) and *retry* (what may be done next?) are kept apart
//! because one enum that answers all three grows wrong cells: a refused recipient and a suspended number are both
//! "rejected", and yet only one of them may move to another number.

use serde::Serialize;
use std::time::Duration;

/// May the provider have taken the message?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Proven: no byte of the request left, or the request was never begun.
    NotSent,
    /// The provider said no, in words we understand.
    Refused,
    /// The provider gave us its id.
    Accepted,
    /// We cannot tell.
    InDoubt,
}

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// This person cannot or will not be reached.
    Recipient,
    /// The text, template or media.
    Content,
    /// The sending number.
    Number,
    /// The account that owns the number.
    Account,
    /// The provider, or the way to it.
    Provider,
    /// Ourselves.
    Us,
}

impl Blame {
    /// The name that the database uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Content => "content",
            Self::Number => "number",
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Us => "us",
        }
    }
}

/// What may be done next with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The recipient's step ends here.
    Never,
    /// Not before this much time has passed.
    After(Duration),
    /// Through the same number, once it may send again.
    WhenNumberRecovers,
    /// At once, through the next number that the pool and the campaign's failover policy allow.
    AnotherNumber,
}

/// How far a refusal reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This number to this recipient.
    Pair,
    /// This recipient from every number.
    Recipient,
    /// Everything through this number.
    Number,
    /// Every number of the account.
    Account,
    /// Every number that uses this credential, whichever account it belongs to: the application behind it.
    App,
    /// This text or template.
    Content,
    /// Every number at the provider.
    Provider,
}

/// The class of a provider's answer, as the provider sheets name them. Each class decides blame, scope and retry;
/// the tables in `provider/` only have to name the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The number is banned, logged out, deleted or not registered: suspend it until a person or a check says otherwise.
    NumberSuspended,
    /// The number is out of its provider-side limit: rest it for the time given.
    NumberLimited(Duration),
    /// The account is out of its provider-side limit: every number of it rests for the time given.
    AccountLimited(Duration),
    /// This number may not write to this person or country; the number itself is well, and another one may.
    DestinationRefused,
    /// The credential is refused: every number that shares it is out.
    NumberAuth,
    /// Too fast: wait, the message was not taken. The scope says who waits.
    Throttled(Scope, Duration),
    /// A fault on the provider's side that it reports itself, the message was not taken.
    Transient(Duration),
    /// A fault of this kind that not even the provider can explain: one more try, and no third.
    Unexplained(Duration),
    /// No such person on WhatsApp, or the address is malformed.
    RecipientInvalid,
    /// This person has blocked us, or we them.
    RecipientBlocked,
    /// This person asked not to be written to.
    OptedOut,
    /// Not now: the provider protects this person. Never through another number.
    RecipientDeferred(Duration),
    /// The text, template or media is refused.
    ContentRejected,
    /// The account is locked, unpaid or closed.
    AccountFatal,
    /// A refusal we do not know. Ends the step; several in a row rest the number.
    Unknown,
    /// Ours: the request was never begun, because it was too late, paused or suspended meanwhile, or our lease ended.
    Withheld,
}

impl Class {
    /// Whose fault this class of answer is.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::NumberSuspended | Self::NumberLimited(_) | Self::DestinationRefused => Blame::Number,
            Self::Throttled(scope, _) => match scope {
                Scope::Pair | Scope::Recipient => Blame::Recipient,
                Scope::Number => Blame::Number,
                Scope::Account | Scope::App => Blame::Account,
                Scope::Content => Blame::Content,
                Scope::Provider => Blame::Provider,
            },
            Self::NumberAuth | Self::AccountFatal | Self::AccountLimited(_) => Blame::Account,
            Self::Transient(_) | Self::Unexplained(_) | Self::Unknown => Blame::Provider,
            Self::Withheld => Blame::Us,
            Self::RecipientInvalid | Self::RecipientBlocked | Self::OptedOut | Self::RecipientDeferred(_) => {
                Blame::Recipient
            }
            Self::ContentRejected => Blame::Content,
        }
    }

    /// How far this class of answer reaches.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::NumberSuspended
            | Self::NumberLimited(_)
            | Self::Transient(_)
            | Self::Unexplained(_)
            | Self::Unknown
            | Self::Withheld => Scope::Number,
            Self::Throttled(scope, _) => scope,
            Self::DestinationRefused => Scope::Pair,
            Self::NumberAuth | Self::AccountFatal | Self::AccountLimited(_) => Scope::Account,
            Self::RecipientInvalid | Self::RecipientBlocked | Self::OptedOut | Self::RecipientDeferred(_) => {
                Scope::Recipient
            }
            Self::ContentRejected => Scope::Content,
        }
    }

    /// What may be done next with the message itself.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::NumberSuspended
            | Self::NumberLimited(_)
            | Self::AccountLimited(_)
            | Self::DestinationRefused
            | Self::NumberAuth
            | Self::AccountFatal => Retry::AnotherNumber,
            Self::Throttled(Scope::Pair | Scope::Recipient, wait)
            | Self::Transient(wait)
            | Self::Unexplained(wait)
            | Self::RecipientDeferred(wait) => Retry::After(wait),
            Self::Throttled(_, _) => Retry::WhenNumberRecovers,
            Self::Withheld => Retry::After(Duration::ZERO),
            Self::RecipientInvalid
            | Self::RecipientBlocked
            | Self::OptedOut
            | Self::ContentRejected
            | Self::Unknown => Retry::Never,
        }
    }

    /// The name that the database, the log and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NumberSuspended => "number_suspended",
            Self::NumberLimited(_) => "number_limited",
            Self::AccountLimited(_) => "account_limited",
            Self::DestinationRefused => "destination_refused",
            Self::NumberAuth => "number_auth",
            Self::Throttled(_, _) => "throttled",
            // The same to whoever reads it: only the number of tries differs.
            Self::Transient(_) | Self::Unexplained(_) => "transient",
            Self::RecipientInvalid => "recipient_invalid",
            Self::RecipientBlocked => "recipient_blocked",
            Self::OptedOut => "opted_out",
            Self::RecipientDeferred(_) => "recipient_deferred",
            Self::ContentRejected => "content_rejected",
            Self::AccountFatal => "account_fatal",
            Self::Unknown => "unknown",
            Self::Withheld => "withheld",
        }
    }
}

/// Why an attempt did not end in acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of answer it was.
    pub class: Class,
    /// The provider's code, or ours (`timeout`, `connect`, `start_window`).
    pub code: Option<String>,
    /// The provider's own words, cleaned for the terminal and cut to [`WORDS_LIMIT`] characters.
    pub words: String,
}

/// Longest text of a provider that is kept with an attempt, in characters.
pub const WORDS_LIMIT: usize = 500;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider gave its id. It has the message; whether it delivers is another question.
    Accepted {
        /// The provider's id of the message.
        provider_message_id: String,
    },
    /// The provider said no.
    Rejected(Failure),
    /// Proof that the provider never had it.
    NotSent(Failure),
    /// Nobody knows. Nobody resends this without evidence or an operator's word.
    InDoubt(Failure),
}

impl Outcome {
    /// May the provider have taken the message?
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        match self {
            Self::Accepted { .. } => Certainty::Accepted,
            Self::Rejected(_) => Certainty::Refused,
            Self::NotSent(_) => Certainty::NotSent,
            Self::InDoubt(_) => Certainty::InDoubt,
        }
    }

    /// The failure, unless it was accepted.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Accepted { .. } => None,
            Self::Rejected(failure) | Self::NotSent(failure) | Self::InDoubt(failure) => Some(failure),
        }
    }
}
