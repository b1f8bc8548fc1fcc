//! The life of a campaign: `draft → scheduled → active ⇄ paused → completed`, `cancelled` from any but completed.
//!
//! No order leads out of completed, but trying somebody again or taking somebody back does: a campaign completes by itself
//! within seconds of its last message, and whoever looks at what failed comes later. It is active again by that.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What becomes of a completed campaign by that, behind "is" or "would be": before it is done and after it, wherever it is said.
pub const OPENED_AGAIN: &str = "active again: it was completed";

/// Where a campaign is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CampaignState {
    /// Written down; nobody is sent anything.
    Draft,
    /// Starts by itself at its time.
    Scheduled,
    /// Sends.
    Active,
    /// Starts nothing new until somebody resumes it.
    Paused,
    /// Everybody enrolled has ended. Final, until somebody of it is tried again or taken back.
    Completed,
    /// Stopped for good. Final.
    Cancelled,
}

impl CampaignState {
    /// All of them, in the order of a campaign's life.
    pub const ALL: [Self; 6] =
        [Self::Draft, Self::Scheduled, Self::Active, Self::Paused, Self::Completed, Self::Cancelled];

    /// The name that the command line, the database and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// Whether new attempts may begin.
    #[must_use]
    pub fn may_send(self) -> bool {
        matches!(self, Self::Active)
    }

    /// What `action` makes of it; `None`: it may not be done now. An action that changes nothing answers the state
    /// itself, so that pressing a key twice is no error.
    #[must_use]
    pub fn after(self, action: CampaignAction) -> Option<Self> {
        use CampaignAction as Do;
        match (action, self) {
            (Do::Schedule, Self::Draft | Self::Scheduled) => Some(Self::Scheduled),
            (Do::Start, Self::Draft | Self::Scheduled | Self::Active)
            | (Do::Resume, Self::Active | Self::Paused) => Some(Self::Active),
            (Do::Pause, Self::Active | Self::Paused) => Some(Self::Paused),
            // The last answer may come in while it is paused.
            (Do::Complete, Self::Active | Self::Paused | Self::Completed) => Some(Self::Completed),
            (Do::Cancel, Self::Draft | Self::Scheduled | Self::Active | Self::Paused | Self::Cancelled) => {
                Some(Self::Cancelled)
            }
            (
                Do::Schedule | Do::Start | Do::Pause | Do::Resume | Do::Complete | Do::Cancel,
                Self::Draft
                | Self::Scheduled
                | Self::Active
                | Self::Paused
                | Self::Completed
                | Self::Cancelled,
            ) => None,
        }
    }

    /// As [`CampaignState::after`], with the sentence for the operator when it may not be done.
    ///
    /// # Errors
    /// When `action` is not possible in this state.
    pub fn apply(self, action: CampaignAction, campaign: &str) -> Result<Self, Refusal> {
        self.after(action).ok_or_else(|| Refusal { campaign: campaign.to_owned(), state: self, action })
    }

    /// The states in which `action` changes something: what a conditional update may name.
    pub fn sources(action: CampaignAction) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |state| state.after(action).is_some_and(|next| next != *state))
    }
}

impl fmt::Display for CampaignState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no campaign state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown campaign state {0:?}: it is draft, scheduled, active, paused, completed or cancelled")]
pub struct UnknownCampaignState(pub String);

impl FromStr for CampaignState {
    type Err = UnknownCampaignState;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| UnknownCampaignState(text.to_owned()))
    }
}

/// What can be done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CampaignAction {
    /// Let it start by itself at its time.
    Schedule,
    /// Start it now.
    Start,
    /// Start nothing new.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Everybody has ended.
    Complete,
    /// Stop for good.
    Cancel,
}

impl CampaignAction {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Schedule, Self::Start, Self::Pause, Self::Resume, Self::Complete, Self::Cancel];

    /// The command.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Complete => "complete",
            Self::Cancel => "cancel",
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Schedule => "scheduled",
            Self::Start => "started",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Complete => "completed",
            Self::Cancel => "cancelled",
        }
    }
}

/// Something that cannot be done to a campaign in its state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The campaign's name.
    pub campaign: String,
    /// Its state.
    pub state: CampaignState,
    /// What was asked.
    pub action: CampaignAction,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "campaign {} is {}; it cannot be {}", self.campaign, self.state, self.action.participle())?;
        match (self.state, self.action) {
            (CampaignState::Paused, CampaignAction::Start) => f.write_str(": resume it"),
            (CampaignState::Draft | CampaignState::Scheduled, CampaignAction::Resume) => {
                f.write_str(": start it")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CampaignAction::{Cancel, Complete, Pause, Resume, Schedule, Start};
    use CampaignState::{Active, Cancelled, Completed, Draft, Paused, Scheduled};

    #[test]
    fn every_state_and_action_has_its_answer() {
        // Columns: schedule, start, pause, resume, complete, cancel.
        let no = None;
        let table = [
            (Draft, [Some(Scheduled), Some(Active), no, no, no, Some(Cancelled)]),
            (Scheduled, [Some(Scheduled), Some(Active), no, no, no, Some(Cancelled)]),
            (Active, [no, Some(Active), Some(Paused), Some(Active), Some(Completed), Some(Cancelled)]),
            (Paused, [no, no, Some(Paused), Some(Active), Some(Completed), Some(Cancelled)]),
            (Completed, [no, no, no, no, Some(Completed), no]),
            (Cancelled, [no, no, no, no, no, Some(Cancelled)]),
        ];
        for (state, answers) in table {
            for (action, answer) in CampaignAction::ALL.into_iter().zip(answers) {
                assert_eq!(state.after(action), answer, "{} a {state} campaign", action.verb());
            }
        }
    }

    #[test]
    fn a_final_state_is_never_left() {
        for state in CampaignState::ALL.into_iter().filter(|state| state.is_final()) {
            for action in CampaignAction::ALL {
                assert!(
                    state.after(action).is_none_or(|next| next == state),
                    "{} a {state} one",
                    action.verb()
                );
            }
        }
    }

    #[test]
    fn a_refusal_reads_as_a_sentence() {
        let table = [
            (Completed, Pause, "campaign summer-sale is completed; it cannot be paused"),
            (Completed, Cancel, "campaign summer-sale is completed; it cannot be cancelled"),
            (Draft, Pause, "campaign summer-sale is draft; it cannot be paused"),
            (Paused, Start, "campaign summer-sale is paused; it cannot be started: resume it"),
            (Draft, Resume, "campaign summer-sale is draft; it cannot be resumed: start it"),
            (Active, Schedule, "campaign summer-sale is active; it cannot be scheduled"),
        ];
        for (state, action, sentence) in table {
            let refusal = state.apply(action, "summer-sale").map_err(|refusal| refusal.to_string());
            assert_eq!(refusal, Err(sentence.to_owned()));
        }
    }

    #[test]
    fn an_update_names_the_states_it_starts_from() {
        let sources = |action| CampaignState::sources(action).collect::<Vec<_>>();
        assert_eq!(sources(Start), [Draft, Scheduled]);
        assert_eq!(sources(Resume), [Paused]);
        assert_eq!(sources(Pause), [Active]);
        assert_eq!(sources(Complete), [Active, Paused]);
        assert_eq!(sources(Cancel), [Draft, Scheduled, Active, Paused]);
    }

    #[test]
    fn names_are_read_back() {
        for state in CampaignState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!("running".parse::<CampaignState>().is_err());
    }
}
