//! The filter language of lists: `status:failed error:131049 try>=3 -name:test_`.
//!
//! Terms joined by space all have to hold. `field:value`, `field>=n`, `field:a..b`, `-term`, `"quoted"`, `a,b` for
//! either, `a*` for a prefix; a bare word is looked for in name and phone. The result is a typed value: the store turns
//! it into bound parameters, never into SQL text, and [`Filter::matches`] applies it to rows already at hand.

mod parse;
mod when;

pub use parse::{FilterError, Problem};
pub use when::When;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// Which list is filtered: each knows its own fields and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Sending numbers.
    Numbers,
    /// Campaigns.
    Campaigns,
    /// Recipients of campaigns.
    Recipients,
    /// Attempts as they happen.
    Live,
    /// Threads with people.
    Threads,
}

/// What a term looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The state's word.
    Status,
    /// A provider's code.
    Error,
    /// How many attempts there were.
    Try,
    /// The phone, by its first digits.
    Phone,
    /// The name, by its beginning.
    Name,
    /// The sending number: phone or name.
    Number,
    /// The campaign's name.
    Campaign,
    /// When the row changed last.
    Updated,
    /// ISO 3166 alpha-2.
    Country,
    /// A contact's tag.
    Tag,
}

impl Field {
    const ALL: [Self; 10] = [
        Self::Status,
        Self::Error,
        Self::Try,
        Self::Phone,
        Self::Name,
        Self::Number,
        Self::Campaign,
        Self::Updated,
        Self::Country,
        Self::Tag,
    ];

    /// The word an operator types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Error => "error",
            Self::Try => "try",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Number => "number",
            Self::Campaign => "campaign",
            Self::Updated => "updated",
            Self::Country => "country",
            Self::Tag => "tag",
        }
    }

    fn read(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        match word.as_str() {
            "state" => Some(Self::Status),
            "code" => Some(Self::Error),
            "since" => Some(Self::Updated),
            _ => Self::ALL.into_iter().find(|field| field.name() == word),
        }
    }
}

impl Scope {
    /// The fields that this list can be filtered by.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Numbers => &[Field::Status, Field::Name, Field::Phone, Field::Country],
            Self::Campaigns => &[Field::Status, Field::Name],
            Self::Recipients => &Field::ALL,
            Self::Live => &[Field::Status, Field::Error, Field::Number, Field::Campaign, Field::Phone],
            // Words only: they are looked for in phone, name and what was said last.
            Self::Threads => &[],
        }
    }

    /// The states that this list knows.
    #[must_use]
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Numbers => &["active", "limited", "suspended", "disabled"],
            Self::Campaigns => &["draft", "scheduled", "active", "paused", "completed", "cancelled"],
            Self::Recipients => {
                &["queued", "sending", "accepted", "delivered", "read", "failed", "in_doubt", "skipped"]
            }
            Self::Live => &["ok", "fail", "retry", "doubt", "unsent", "move"],
            Self::Threads => &[],
        }
    }
}

/// What a word has to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The whole text, without regard to case.
    Exact(String),
    /// Its beginning, without regard to case.
    Prefix(String),
}

impl Pattern {
    /// Whether `text` fits.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(word) => text.to_lowercase() == *word,
            Self::Prefix(word) => text.to_lowercase().starts_with(word.as_str()),
        }
    }

    /// The word, in lower case, without its star.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Exact(word) | Self::Prefix(word) => word,
        }
    }
}

/// Bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<T> {
    /// Not below.
    pub from: Option<T>,
    /// Not above.
    pub to: Option<T>,
}

/// What one term asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A bare word: name by its beginning, or phone by its first digits.
    Word(Pattern),
    /// One of these states.
    Status(Vec<&'static str>),
    /// One of these texts in a text field.
    Text(Field, Vec<Pattern>),
    /// How many attempts.
    Tries(Bounds<u32>),
    /// When it changed last.
    Updated(Bounds<When>),
}

/// A condition or its opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether it must *not* hold.
    pub negated: bool,
    /// What is asked.
    pub condition: Condition,
}

/// All terms have to hold. Empty: everything fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The terms in the order in which they were typed.
    pub terms: Vec<Term>,
}

/// What a row offers to a filter; what a list does not know stays empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The state's word.
    pub status: &'a str,
    /// The provider's code.
    pub error: &'a str,
    /// How many attempts.
    pub tries: u32,
    /// The phone, in digits as far as they are known.
    pub phone: &'a str,
    /// The name.
    pub name: &'a str,
    /// The sending number's name or phone.
    pub number: &'a str,
    /// The campaign's name.
    pub campaign: &'a str,
    /// When it changed.
    pub updated: Option<DateTime<Utc>>,
    /// ISO country code.
    pub country: &'a str,
}

impl Filter {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row fits.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>, now: DateTime<Utc>, zone: Tz) -> bool {
        self.terms.iter().all(|term| holds(&term.condition, facts, now, zone) != term.negated)
    }
}

fn holds(condition: &Condition, facts: &Facts<'_>, now: DateTime<Utc>, zone: Tz) -> bool {
    match condition {
        Condition::Word(pattern) => {
            pattern.fits(facts.name)
                || digits_fit(pattern, facts.phone)
                || facts.name.split([' ', '-', '_']).any(|part| pattern.fits(part))
        }
        Condition::Status(states) => states.contains(&facts.status),
        Condition::Text(field, patterns) => patterns.iter().any(|pattern| match field {
            Field::Phone => digits_fit(pattern, facts.phone),
            Field::Error => pattern.fits(facts.error),
            Field::Name => pattern.fits(facts.name),
            Field::Number => pattern.fits(facts.number),
            Field::Campaign => pattern.fits(facts.campaign),
            Field::Country => pattern.fits(facts.country),
            Field::Status | Field::Try | Field::Updated | Field::Tag => false,
        }),
        Condition::Tries(bounds) => {
            bounds.from.is_none_or(|from| facts.tries >= from) && bounds.to.is_none_or(|to| facts.tries <= to)
        }
        Condition::Updated(bounds) => facts.updated.is_some_and(|updated| {
            bounds.from.is_none_or(|from| updated >= from.at(now, zone))
                && bounds.to.is_none_or(|to| updated <= to.at(now, zone))
        }),
    }
}

/// Phones are compared by their first digits, whatever the spelling.
fn digits_fit(pattern: &Pattern, phone: &str) -> bool {
    let digits: String = pattern.word().chars().filter(char::is_ascii_digit).collect();
    !digits.is_empty()
        && pattern.word().chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-'))
        && phone.trim_start_matches('+').starts_with(&digits)
}

#[cfg(test)]
mod tests;
