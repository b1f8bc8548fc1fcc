//! Attempts: one try to put one step for one recipient on the wire through one number. The unit of truth.
//!
//! Facts about an attempt arrive late, twice and from anyone; they only ever move it forward
//! (`reliability.md`, rule D). [`settle`] is that rule, and it never loses a late acceptance: either the attempt
//! becomes accepted, so that the message is not sent again, or it was sent again and a duplicate is confirmed and shown.

use super::outcome::Certainty;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// The intent is committed. Bytes may be on the wire.
    Sending,
    /// The provider has it.
    Accepted,
    /// The provider said no.
    Rejected,
    /// Proof that the provider never had it.
    NotSent,
    /// Nobody knows.
    InDoubt,
    /// An operator approved a resend although this one is in doubt.
    Waived,
    /// The provider had it and said, finally, that it did not deliver it.
    Undelivered,
}

impl AttemptState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Sending,
        Self::Accepted,
        Self::Rejected,
        Self::NotSent,
        Self::InDoubt,
        Self::Waived,
        Self::Undelivered,
    ];

    /// The name that JSON, the command line and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::InDoubt => "in_doubt",
            Self::Waived => "waived",
            Self::Undelivered => "undelivered",
        }
    }

    /// Whether it keeps every other attempt of its message from beginning (rule B, the index `one_live_attempt`).
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Sending | Self::InDoubt | Self::Accepted)
    }

    /// Whether the provider is known to have had it.
    #[must_use]
    pub fn was_taken(self) -> bool {
        matches!(self, Self::Accepted | Self::Undelivered)
    }

    /// Whether it still counts against the caps (`reliability.md`, section 5): a try that was not sent gives its place
    /// back. A refusal gives it back only where the provider provably does not count it, which its class decides.
    #[must_use]
    pub fn is_charged(self) -> bool {
        !matches!(self, Self::NotSent)
    }

    /// How much is known; a move never lowers it.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Sending => 0,
            Self::InDoubt => 1,
            Self::Rejected | Self::NotSent | Self::Waived => 2,
            Self::Accepted => 3,
            Self::Undelivered => 4,
        }
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no attempt state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown attempt state {0:?}: it is sending, accepted, rejected, not_sent, in_doubt, waived or undelivered"
)]
pub struct UnknownAttemptState(pub String);

impl FromStr for AttemptState {
    type Err = UnknownAttemptState;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| UnknownAttemptState(text.to_owned()))
    }
}

/// Something learnt about an attempt, by whichever way: its own answer, a look-up, a report, the clock, an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The provider has it: it gave its id, it lists it, or a report names it.
    Taken,
    /// The provider said no.
    Refused,
    /// Proof that the provider never had it.
    NeverSent,
    /// The deadline passed, the answer cannot be read, the process died.
    Unknown,
    /// The provider had it and gave it up, finally.
    GivenUp,
    /// An operator approved a resend.
    Waived,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Taken, Self::Refused, Self::NeverSent, Self::Unknown, Self::GivenUp, Self::Waived];
}

impl From<Certainty> for Fact {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Accepted => Self::Taken,
            Certainty::Refused => Self::Refused,
            Certainty::NotSent => Self::NeverSent,
            Certainty::InDoubt => Self::Unknown,
        }
    }
}

/// What the other attempts of the same message say at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Others {
    /// One is `sending`, `in_doubt` or `accepted`.
    pub live: bool,
    /// One was taken: `accepted`, or taken by a late fact that is kept beside its state.
    pub taken: bool,
}

impl Others {
    /// Sums up other attempts of a message: the state of each, and whether a late acceptance is kept beside it.
    #[must_use]
    pub fn of(attempts: impl IntoIterator<Item = (AttemptState, bool)>) -> Self {
        attempts.into_iter().fold(Self::default(), |sum, (state, late)| Self {
            live: sum.live || state.is_live(),
            taken: sum.taken || late || state == AttemptState::Accepted,
        })
    }

    /// Whether a message with these attempts may be tried again.
    #[must_use]
    pub fn leave_room(self) -> bool {
        !self.live && !self.taken
    }
}

/// What a fact does to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// It moves on.
    Moves {
        /// Its new state.
        to: AttemptState,
        /// The message was taken twice: by this attempt and by another. Record it, show it, count it.
        confirmed_duplicate: bool,
    },
    /// Known already, or weaker than what is known. Nothing changes.
    Stands,
    /// The provider had it after all, but another attempt of the message is live, so that this one cannot become
    /// accepted (rule B). The fact is kept beside the state. When the other one is no longer live, give
    /// [`Fact::Taken`] to this one again: it then moves.
    KeptLate {
        /// The other one was taken too.
        confirmed_duplicate: bool,
    },
}

impl Settlement {
    /// The state afterwards.
    #[must_use]
    pub fn state_after(self, current: AttemptState) -> AttemptState {
        match self {
            Self::Moves { to, .. } => to,
            Self::Stands | Self::KeptLate { .. } => current,
        }
    }

    /// Whether it is now certain that the message was taken more than once.
    #[must_use]
    pub fn is_confirmed_duplicate(self) -> bool {
        match self {
            Self::Moves { confirmed_duplicate, .. } | Self::KeptLate { confirmed_duplicate } => {
                confirmed_duplicate
            }
            Self::Stands => false,
        }
    }
}

/// What `fact` does to an attempt in state `current`, given what the `others` of the same message say. Pure; the same
/// fact a second time changes nothing.
#[must_use]
pub fn settle(current: AttemptState, fact: Fact, others: Others) -> Settlement {
    use AttemptState as Is;
    let moves = |to| Settlement::Moves { to, confirmed_duplicate: false };
    match (current, fact) {
        (Is::Rejected | Is::NotSent | Is::Waived, Fact::Taken) if others.live => {
            Settlement::KeptLate { confirmed_duplicate: others.taken }
        }
        (Is::Sending | Is::InDoubt | Is::Rejected | Is::NotSent | Is::Waived, Fact::Taken) => {
            Settlement::Moves { to: Is::Accepted, confirmed_duplicate: others.taken }
        }
        (Is::Sending | Is::InDoubt, Fact::Refused) => moves(Is::Rejected),
        (Is::Sending | Is::InDoubt, Fact::NeverSent) => moves(Is::NotSent),
        (Is::Sending, Fact::Unknown) => moves(Is::InDoubt),
        (Is::InDoubt, Fact::Waived) => moves(Is::Waived),
        // Given up means that the provider had it; whoever else had it too may have delivered it.
        (
            Is::Sending | Is::InDoubt | Is::Rejected | Is::NotSent | Is::Waived | Is::Accepted,
            Fact::GivenUp,
        ) => moves(Is::Undelivered),
        // What is on the wire or settled cannot be waived; what is doubtful stays so; what was taken stays taken.
        (Is::Sending, Fact::Waived)
        | (Is::InDoubt, Fact::Unknown)
        | (Is::Accepted, Fact::Taken | Fact::Refused | Fact::NeverSent | Fact::Unknown | Fact::Waived)
        | (
            Is::Rejected | Is::NotSent | Is::Waived,
            Fact::Refused | Fact::NeverSent | Fact::Unknown | Fact::Waived,
        )
        | (
            Is::Undelivered,
            Fact::Taken | Fact::Refused | Fact::NeverSent | Fact::Unknown | Fact::GivenUp | Fact::Waived,
        ) => Settlement::Stands,
    }
}

/// What an operator says about an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Treat it as sent: the message ends here.
    Sent,
    /// It was not sent, the operator knows: the message is queued again.
    NotSent,
    /// Nobody knows, and a second message is better than none: the message is queued again.
    Resend,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sent, Self::NotSent, Self::Resend];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotSent => "not-sent",
            Self::Resend => "resend",
        }
    }

    /// The fact that it stands for.
    #[must_use]
    pub fn fact(self) -> Fact {
        match self {
            Self::Sent => Fact::Taken,
            Self::NotSent => Fact::NeverSent,
            Self::Resend => Fact::Waived,
        }
    }

    /// What becomes of an attempt in state `current`.
    ///
    /// # Errors
    /// Only what is in doubt can be judged.
    pub fn apply(self, current: AttemptState) -> Result<AttemptState, NotInDoubt> {
        if current != AttemptState::InDoubt {
            return Err(NotInDoubt { current, verdict: self });
        }
        Ok(settle(current, self.fact(), Others::default()).state_after(current))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A verdict on something that is not in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the attempt is {current}, not in doubt; it cannot be resolved as {verdict}")]
pub struct NotInDoubt {
    /// Its state.
    pub current: AttemptState,
    /// What was asked.
    pub verdict: Verdict,
}

/// A word that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown verdict {0:?}: it is sent, not-sent or resend")]
pub struct UnknownVerdict(pub String);

impl FromStr for Verdict {
    type Err = UnknownVerdict;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.name() == text)
            .ok_or_else(|| UnknownVerdict(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
