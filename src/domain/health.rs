//! How a number is, in the words of its provider.
//!
//! A provider is asked ([`Health`]) or tells by itself; either way nothing is sendable by guess: what nobody can read is
//! [`Standing::Unclear`], which neither takes a number out of service nor brings it back.

use super::outcome::Class;
use serde::Serialize;
use std::{fmt, str::FromStr};

/// Whether the provider would take messages from a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It would.
    Sendable,
    /// It would, and warns: fewer, later, or not for long.
    Limited,
    /// It would not. The class says how far that reaches, as it does for a refused message.
    NotSendable(Class),
    /// Nobody can tell from this answer; a person has to look.
    Unclear,
}

impl Standing {
    /// The name that the database, the command line and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sendable => "sendable",
            Self::Limited => "limited",
            Self::NotSendable(_) => "not_sendable",
            Self::Unclear => "unclear",
        }
    }

    /// Whether messages would be taken.
    #[must_use]
    pub fn is_well(self) -> bool {
        matches!(self, Self::Sendable | Self::Limited)
    }

    /// The class of what keeps it from sending.
    #[must_use]
    pub fn class(self) -> Option<Class> {
        match self {
            Self::NotSendable(class) => Some(class),
            Self::Sendable | Self::Limited | Self::Unclear => None,
        }
    }
}

/// How people take what a number sends, as the provider rates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Well.
    Green,
    /// Some complain.
    Yellow,
    /// Many complain.
    Red,
    /// Not rated.
    Unknown,
}

impl Quality {
    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::Green, Self::Yellow, Self::Red, Self::Unknown];

    /// The name that the database, the command line and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is green, yellow, red or unknown")]
pub struct UnknownQuality;

impl FromStr for Quality {
    type Err = UnknownQuality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|quality| quality.name() == text).ok_or(UnknownQuality)
    }
}

/// How many people a number may begin to talk to in 24 hours, by the provider's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// So many.
    People(u32),
    /// As many as there are.
    Unlimited,
}

impl Reach {
    /// As the database keeps it: no number stands for "as many as there are".
    #[must_use]
    pub fn count(self) -> Option<u32> {
        match self {
            Self::People(count) => Some(count),
            Self::Unlimited => None,
        }
    }
}

impl From<Option<u32>> for Reach {
    fn from(count: Option<u32>) -> Self {
        count.map_or(Self::Unlimited, Self::People)
    }
}

/// What a provider says of a number when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether messages would be taken.
    pub standing: Standing,
    /// The provider's code, or ours for its state: `190`, `status_qr`, `timeout`.
    pub code: Option<String>,
    /// The provider's own words, cleaned.
    pub words: String,
    /// How people take what it sends, where the provider says so.
    pub quality: Option<Quality>,
    /// How many people it may reach in 24 hours, where the provider says so.
    pub reach: Option<Reach>,
    /// How far the provider approved the number, in its words, where it says so: `name APPROVED, code VERIFIED`.
    pub approval: Option<String>,
}

impl Health {
    /// An answer without quality and reach.
    #[must_use]
    pub fn new(standing: Standing, code: impl Into<String>, words: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            standing,
            code: (!code.is_empty()).then_some(code),
            words: words.into(),
            quality: None,
            reach: None,
            approval: None,
        }
    }

    /// Nobody can tell.
    #[must_use]
    pub fn unclear(code: impl Into<String>, words: impl Into<String>) -> Self {
        Self::new(Standing::Unclear, code, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_provider_would_take_is_well() {
        let not = Standing::NotSendable(Class::NumberSuspended);
        assert!(Standing::Sendable.is_well() && Standing::Limited.is_well());
        assert!(!not.is_well() && !Standing::Unclear.is_well());
        assert_eq!(not.class(), Some(Class::NumberSuspended));
        assert_eq!(Standing::Unclear.class(), None);
    }

    #[test]
    fn a_quality_is_read_as_it_is_written() {
        for quality in Quality::ALL {
            assert_eq!(quality.to_string().parse(), Ok(quality));
        }
        assert_eq!("GREEN".parse::<Quality>(), Err(UnknownQuality));
    }
}
