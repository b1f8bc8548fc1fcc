//! Recipients: one contact enrolled in one campaign. What the operator reads as a message's state, and why somebody
//! is not messaged.
//!
//! A recipient is in exactly one state, that of its current step, so that `planned` is always the sum of the states.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The state of a recipient's current step (`design.md`, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Waits to be claimed: for the first time, for its next step, or after a try that was proven not to be taken.
    Queued,
    /// An attempt is committed; bytes may be on the wire.
    Sending,
    /// The provider has the last step's message.
    Accepted,
    /// It reached the phone.
    Delivered,
    /// It was read.
    Read,
    /// It ended without being delivered, for a reason that stands with its last attempt.
    Failed,
    /// Nobody knows whether the provider took it.
    InDoubt,
    /// It is not messaged, for one named reason ([`SkipReason`]).
    Skipped,
}

impl RecipientState {
    /// All of them, in the order in which the sum is shown.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sending,
        Self::Accepted,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::InDoubt,
        Self::Skipped,
    ];

    /// The name that JSON and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
        }
    }

    /// The words on the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::InDoubt => "in doubt",
            other => other.name(),
        }
    }

    /// How far it came. Evidence about one step only raises it ([`RecipientState::with_report`]); `failed` counts only
    /// below `delivered` (`reliability.md`, section 6).
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Queued => 1,
            Self::Sending => 2,
            Self::InDoubt => 3,
            Self::Accepted => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
            Self::Read => 7,
        }
    }

    /// Whether the campaign will do nothing more for it: it does not stand in the way of completion.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::InDoubt => false,
            Self::Accepted | Self::Delivered | Self::Read | Self::Failed | Self::Skipped => true,
        }
    }

    /// Whether the provider is known to have taken the message.
    #[must_use]
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered | Self::Read)
    }

    /// The state after a report about the current step's attempt: the highest rank seen, whatever the order in which
    /// reports arrive and however often.
    #[must_use]
    pub fn with_report(self, report: Report) -> Self {
        let reported = report.state();
        if reported.rank() > self.rank() { reported } else { self }
    }
}

impl fmt::Display for RecipientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// A name that is no recipient state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown recipient state {0:?}: it is queued, sending, accepted, delivered, read, failed, in_doubt or skipped"
)]
pub struct UnknownRecipientState(pub String);

impl FromStr for RecipientState {
    type Err = UnknownRecipientState;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text || state.label() == text)
            .ok_or_else(|| UnknownRecipientState(text.to_owned()))
    }
}

/// What a provider reports about a message that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It left the provider.
    Sent,
    /// It reached the phone.
    Delivered,
    /// It was read.
    Read,
    /// It was given up, finally.
    Failed,
}

impl Report {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Delivered, Self::Read, Self::Failed];

    /// The state that it proves. `sent` proves no more than that the provider has it.
    #[must_use]
    pub fn state(self) -> RecipientState {
        match self {
            Self::Sent => RecipientState::Accepted,
            Self::Delivered => RecipientState::Delivered,
            Self::Read => RecipientState::Read,
            Self::Failed => RecipientState::Failed,
        }
    }
}

/// The one reason why somebody is not messaged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum SkipReason {
    /// The person asked not to be written to.
    OptedOut,
    /// The phone is on the organisation's suppression list.
    Suppressed,
    /// The text needs a value that this contact does not have.
    MissingVariable {
        /// The variable.
        variable: String,
    },
    /// The text with this contact's values is longer than the provider takes.
    TextTooLong {
        /// Its length in characters.
        characters: usize,
        /// The provider's limit in characters.
        limit: usize,
    },
    /// The text with this contact's values is empty.
    TextEmpty,
    /// The step has no text that could be chosen for this contact.
    NoText,
    /// An operator took this person out.
    ExcludedByOperator,
    /// The campaign was cancelled first.
    CampaignCancelled,
    /// The provider gave the message up when the campaign was over: it is not tried again.
    CampaignCompleted,
    /// The contact was deleted, or no longer fits the audience.
    NotInAudience,
    /// The same phone is enrolled already under another contact.
    DuplicatePhone,
}

impl SkipReason {
    /// The name that JSON and the database use.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Suppressed => "suppressed",
            Self::MissingVariable { .. } => "missing_variable",
            Self::TextTooLong { .. } => "text_too_long",
            Self::TextEmpty => "text_empty",
            Self::NoText => "no_text",
            Self::ExcludedByOperator => "excluded_by_operator",
            Self::CampaignCancelled => "campaign_cancelled",
            Self::CampaignCompleted => "campaign_completed",
            Self::NotInAudience => "not_in_audience",
            Self::DuplicatePhone => "duplicate_phone",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptedOut => f.write_str("asked not to be written to"),
            Self::Suppressed => f.write_str("is on the suppression list"),
            Self::MissingVariable { variable } => {
                write!(f, "has no value for {{{{{variable}}}}} and the text names no fallback")
            }
            Self::TextTooLong { characters, limit } => {
                write!(f, "the text has {characters} characters for this person; the provider takes {limit}")
            }
            Self::TextEmpty => f.write_str("the text is empty for this person"),
            Self::NoText => f.write_str("the step has no text in a language for this person"),
            Self::ExcludedByOperator => f.write_str("was excluded by an operator"),
            Self::CampaignCancelled => f.write_str("the campaign was cancelled first"),
            Self::CampaignCompleted => {
                f.write_str("was not reached after all, when the campaign was completed already")
            }
            Self::NotInAudience => f.write_str("is no longer in the audience"),
            Self::DuplicatePhone => f.write_str("this phone is enrolled already"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::seeded::Seeded;
    use RecipientState::{Accepted, Delivered, Failed, InDoubt, Queued, Read, Sending, Skipped};

    /// Reads `queued sent read delivered -> read`.
    fn history(line: &str) -> (RecipientState, Vec<Report>, RecipientState) {
        let (events, last) = line.split_once(" -> ").unwrap_or_else(|| panic!("{line}"));
        let mut words = events.split(' ');
        let start =
            words.next().unwrap_or_default().parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        let reports = words
            .map(|word| match word {
                "sent" => Report::Sent,
                "delivered" => Report::Delivered,
                "read" => Report::Read,
                "failed" => Report::Failed,
                other => panic!("{other} in {line}"),
            })
            .collect();
        (start, reports, last.parse().unwrap_or_else(|error| panic!("{line}: {error}")))
    }

    #[test]
    fn reports_only_raise_a_state() {
        for line in [
            "accepted sent -> accepted",
            "accepted sent delivered read -> read",
            "accepted read delivered sent -> read",
            "accepted read -> read",
            "accepted delivered delivered -> delivered",
            "accepted failed -> failed",
            "accepted failed sent -> failed",
            "accepted delivered failed -> delivered",
            "accepted failed delivered -> delivered",
            "accepted failed read -> read",
            "in_doubt sent -> accepted",
            "in_doubt failed -> failed",
            "sending delivered -> delivered",
            "queued read -> read",
        ] {
            let (start, reports, last) = history(line);
            assert_eq!(reports.into_iter().fold(start, RecipientState::with_report), last, "{line}");
        }
    }

    #[test]
    fn the_order_and_repetition_of_reports_do_not_matter() {
        for seed in 0..10_000 {
            let mut random = Seeded::new(seed);
            let mut reports: Vec<Report> = (0..random.below(6)).map(|_| random.pick(&Report::ALL)).collect();
            let first = reports.iter().copied().fold(Accepted, RecipientState::with_report);
            let highest = reports
                .iter()
                .map(|report| report.state())
                .chain([Accepted])
                .max_by_key(|state| state.rank());
            assert_eq!(Some(first), highest, "seed {seed}");
            for at in (1..reports.len()).rev() {
                reports.swap(at, random.below(at + 1));
            }
            reports.extend(reports.clone());
            assert_eq!(reports.into_iter().fold(Accepted, RecipientState::with_report), first, "seed {seed}");
        }
    }

    #[test]
    fn every_state_has_its_own_rank_and_name() {
        let table = [
            (Skipped, 0, true, false),
            (Queued, 1, false, false),
            (Sending, 2, false, false),
            (InDoubt, 3, false, false),
            (Accepted, 4, true, true),
            (Failed, 5, true, false),
            (Delivered, 6, true, true),
            (Read, 7, true, true),
        ];
        assert_eq!(table.len(), RecipientState::ALL.len());
        for (state, rank, is_final, is_taken) in table {
            assert_eq!(
                (state.rank(), state.is_final(), state.is_taken()),
                (rank, is_final, is_taken),
                "{state}"
            );
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).ok(), Some(state.name().into()));
        }
        assert!("sent".parse::<RecipientState>().is_err(), "sent is a report, not a state");
    }

    #[test]
    fn a_skip_reason_is_stored_under_its_code_and_reads_as_a_sentence() -> Result<(), serde_json::Error> {
        let table = [
            (SkipReason::OptedOut, "asked not to be written to"),
            (SkipReason::Suppressed, "is on the suppression list"),
            (
                SkipReason::MissingVariable { variable: "name".into() },
                "has no value for {{name}} and the text names no fallback",
            ),
            (
                SkipReason::TextTooLong { characters: 1700, limit: 1600 },
                "the text has 1700 characters for this person; the provider takes 1600",
            ),
            (SkipReason::TextEmpty, "the text is empty for this person"),
            (SkipReason::NoText, "the step has no text in a language for this person"),
            (SkipReason::ExcludedByOperator, "was excluded by an operator"),
            (SkipReason::CampaignCancelled, "the campaign was cancelled first"),
            (
                SkipReason::CampaignCompleted,
                "was not reached after all, when the campaign was completed already",
            ),
            (SkipReason::NotInAudience, "is no longer in the audience"),
            (SkipReason::DuplicatePhone, "this phone is enrolled already"),
        ];
        for (reason, sentence) in table {
            assert_eq!(reason.to_string(), sentence);
            let stored = serde_json::to_value(&reason)?;
            assert_eq!(stored["code"], reason.code());
            assert_eq!(serde_json::from_value::<SkipReason>(stored)?, reason);
        }
        Ok(())
    }
}
