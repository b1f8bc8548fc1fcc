//! What operators were told, as the console shows it.

use crate::domain::ids::AlertId;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};

/// How much an alert wants somebody to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// The one that the database names so.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "info" => Self::Info,
            "warning" => Self::Warning,
            _ => Self::Critical,
        }
    }

    /// The word on the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Its id.
    pub id: AlertId,
    /// How much it wants somebody to look.
    pub severity: Severity,
    /// What kind of thing it is, in words.
    pub kind: Safe,
    /// What is wrong, in a sentence.
    pub words: Shown,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
    /// When what is wrong was over; none: it lasts.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who has taken note of it, and when.
    pub acknowledged: Option<(Safe, DateTime<Utc>)>,
}

/// The note for the next shift.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandoverView {
    /// Its parts, in the order in which they are read.
    pub sections: Vec<HandoverSection>,
}

/// A part of the note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverSection {
    /// What it is about.
    pub heading: Safe,
    /// What there is to say; nothing: there is none.
    pub lines: Vec<Shown>,
}
