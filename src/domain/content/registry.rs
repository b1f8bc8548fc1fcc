//! What an account's provider says of its templates.

use super::{MediaKind, StepTemplate, button::OpenButton};
use crate::domain::{health::Quality, locale::Locale};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a template may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateStatus {
    /// It may.
    Approved,
    /// Not yet: it was never handed in, or waits for a decision.
    Pending,
    /// It was refused.
    Rejected,
    /// Not now: too many people complained.
    Paused,
    /// Never again.
    Disabled,
    /// It is gone, or about to be.
    Deleted,
    /// The provider uses a word that we do not know. Only its answer to a message tells.
    Unknown,
}

impl TemplateStatus {
    /// Reads a provider's word: Meta's `status` of a template and `event` of its news, Twilio's `status` of an approval
    /// (`meta-cloud.md` sections 7 and 8, `twilio.md` section 2).
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word.trim().to_ascii_uppercase().as_str() {
            // A flagged one is on its way to be paused and still goes out.
            "APPROVED" | "REINSTATED" | "FLAGGED" | "UNPAUSED" => Self::Approved,
            "PENDING" | "IN_APPEAL" | "RECEIVED" | "UNSUBMITTED" | "IN_REVIEW" => Self::Pending,
            "REJECTED" => Self::Rejected,
            "PAUSED" => Self::Paused,
            "DISABLED" => Self::Disabled,
            "DELETED" | "PENDING_DELETION" | "ARCHIVED" => Self::Deleted,
            _ => Self::Unknown,
        }
    }

    /// The name that JSON and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the name that the database uses.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::read(name)
    }

    /// Whether messages with it may go out, as far as is known.
    #[must_use]
    pub fn may_be_sent(self) -> bool {
        matches!(self, Self::Approved | Self::Unknown)
    }
}

impl fmt::Display for TemplateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What stands above the text of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Header {
    /// Nothing, or something that is the same for everybody.
    Fixed,
    /// Media that each message brings along.
    Media(MediaKind),
    /// A headline with parameters of these names; `1`, `2`, … where they go by their order.
    Text(Vec<String>),
    /// Something of its own, which campaigns cannot fill.
    Other,
}

impl Header {
    /// The name that the database uses.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Media(kind) => kind.name(),
            Self::Text(_) => "text",
            Self::Other => "other",
        }
    }

    /// The names of a headline's parameters.
    #[must_use]
    pub fn parameters(&self) -> &[String] {
        match self {
            Self::Text(names) => names,
            Self::Fixed | Self::Media(_) | Self::Other => &[],
        }
    }

    /// Reads what the database keeps.
    #[must_use]
    pub fn named(name: &str, parameters: Vec<String>) -> Self {
        match name {
            "fixed" => Self::Fixed,
            "text" => Self::Text(parameters),
            other => other.parse().map_or(Self::Other, Self::Media),
        }
    }
}

/// A template as its provider describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTemplate {
    /// The provider's id; at Twilio what messages name it by.
    pub provider_id: String,
    /// Its name.
    pub name: String,
    /// Its language, in the provider's spelling.
    pub language: String,
    /// Whether it may be used.
    pub status: TemplateStatus,
    /// The names of its parameters; `1`, `2`, … where they go by their order. `None`: not known, and neither is what stands
    /// above and below.
    pub parameters: Option<Vec<String>>,
    /// What stands above its text.
    pub header: Header,
    /// The buttons that messages fill; none where the provider counts them among the parameters.
    pub buttons: Vec<OpenButton>,
}

/// A template as a provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTemplate {
    /// What decides whether and how it is sent.
    pub known: KnownTemplate,
    /// Its status in the provider's own word.
    pub said: String,
    /// Marketing, utility, …, in the provider's word.
    pub category: Option<String>,
    /// Its text, with its parameters.
    pub body: Option<String>,
    /// How people take it.
    pub quality: Option<Quality>,
    /// Why it was refused or stopped, in the provider's words.
    pub reason: Option<String>,
}

impl KnownTemplate {
    /// Whether it is in this language, however the two are spelt.
    #[must_use]
    pub fn is_in(&self, language: &Locale) -> bool {
        Locale::parse(&self.language).is_ok_and(|own| own == *language)
    }
}

/// What is known of an account's templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// Whether the provider listed them. An empty list counts for none: an account that sends templates has some.
    pub listed: bool,
    /// Those that were listed or told of.
    pub templates: Vec<KnownTemplate>,
}

/// What a registry says of a template that a step names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// This one.
    Template(&'a KnownTemplate),
    /// One of this name, in other languages only.
    OtherLanguage,
    /// None of this name.
    Absent,
    /// Nothing is known of the account's templates.
    NothingKnown,
}

impl Registry {
    /// Looks a step's template up: by the provider's own id, else by name and language, one that may be used first.
    #[must_use]
    pub fn find(&self, wanted: &StepTemplate) -> Found<'_> {
        if let Some(by_id) = self.templates.iter().find(|known| known.provider_id == wanted.name) {
            return if by_id.is_in(&wanted.language) { Found::Template(by_id) } else { Found::OtherLanguage };
        }
        let named = || self.templates.iter().filter(|known| known.name == wanted.name);
        let fitting = || named().filter(|known| known.is_in(&wanted.language));
        match fitting().find(|known| known.status.may_be_sent()).or_else(|| fitting().next()) {
            Some(known) => Found::Template(known),
            None if !self.listed => Found::NothingKnown,
            None if named().next().is_some() => Found::OtherLanguage,
            None => Found::Absent,
        }
    }

    /// The languages that a template of this name has.
    #[must_use]
    pub fn languages(&self, name: &str) -> Vec<&str> {
        let named = self.templates.iter().filter(|known| known.name == name || known.provider_id == name);
        named.map(|known| known.language.as_str()).collect()
    }
}
