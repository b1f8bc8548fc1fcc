//! What can be done to recipients, to attempts in doubt, and to everything at once.

use super::{Origin, Proposal, Typed, name_them};
use crate::domain::action::{Action, Order, Verdict};
use crate::domain::campaign::lifecycle::OPENED_AGAIN;
use crate::store::view::{DoubtRow, MessageState, RecipientRow};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::words;

/// What can be done to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientVerb {
    /// Gets nothing more.
    Exclude,
    /// Is tried again.
    Retry,
}

impl RecipientVerb {
    /// Whether it makes sense for this row.
    ///
    /// # Errors
    /// Why not.
    pub fn allowed(self, row: &RecipientRow) -> Result<(), Reason> {
        match (self, row.state) {
            (Self::Exclude, MessageState::Skipped) => Err("already left out".into()),
            (Self::Exclude, MessageState::Sending) => Err("on the wire now; try again in a moment".into()),
            (Self::Exclude, _) | (Self::Retry, MessageState::Failed) => Ok(()),
            (Self::Retry, MessageState::InDoubt) => {
                Err("in doubt: it may have arrived; d lists what to do".into())
            }
            (Self::Retry, state) => Err(format!("{}, not failed", state.name()).into()),
        }
    }

    /// The proposal for these rows; those for which it makes no sense are left out.
    ///
    /// # Errors
    /// Why there is nothing to propose.
    pub fn propose(self, rows: &[&RecipientRow]) -> Result<Proposal, Reason> {
        let mut why = Reason::Borrowed("no recipient is selected");
        let fitting: Vec<&RecipientRow> = rows
            .iter()
            .copied()
            .filter(|row| self.allowed(row).map_err(|reason| why = reason).is_ok())
            .collect();
        if fitting.is_empty() {
            return Err(why);
        }
        let names: Vec<_> = fitting.iter().map(|row| &row.name).collect();
        let who = name_them(&names, "recipients");
        let mut proposal = match self {
            Self::Exclude => {
                Proposal::new(Danger::Tier0, "Exclude recipients?", "Exclude", format!("excluded {who}"))
            }
            Self::Retry => {
                Proposal::new(Danger::Tier1, "Try again?", "Try again", format!("to be tried again: {who}"))
            }
        };
        proposal.orders = fitting
            .iter()
            .map(|row| {
                let action = match self {
                    Self::Exclude => Action::ExcludeRecipient(row.id),
                    Self::Retry => Action::RetryRecipient(row.id),
                };
                Order::on(action, row.version)
            })
            .collect();
        proposal.origin = Some(Origin::Recipients(self, fitting.iter().map(|row| row.id).collect()));
        proposal.lines = match fitting.as_slice() {
            [row] => {
                let mut lines =
                    vec![("Recipient", format!("{}  {}", row.name.as_str(), row.phone), Role::Text)];
                lines.push(("Campaign", row.campaign_name.as_str().to_owned(), Role::Text));
                lines.extend(row.error.as_ref().map(|error| ("Failed", error.to_string(), Role::Bad)));
                lines
            }
            many => vec![("Recipients", words::grouped(many.len() as u64), Role::Text)],
        };
        if self == Self::Retry {
            proposal.lines.extend(opened_again(&fitting).map(|words| ("Then", words, Role::Warn)));
        }
        Ok(proposal.with_bulk_rule())
    }
}

/// What a retry does to campaigns that are completed.
fn opened_again(rows: &[&RecipientRow]) -> Option<String> {
    let mut completed: Vec<_> = rows.iter().filter(|row| row.campaign_completed).collect();
    completed.sort_unstable_by_key(|row| row.campaign);
    completed.dedup_by_key(|row| row.campaign);
    match completed.as_slice() {
        [] => None,
        [row] => Some(format!("{} is {OPENED_AGAIN}", row.campaign_name.as_str())),
        many => Some(format!("each of {} campaigns is {OPENED_AGAIN}", many.len())),
    }
}

/// The proposal to settle an attempt in doubt.
pub fn settle(row: &DoubtRow, verdict: Verdict, model: &Model) -> Proposal {
    let who = row.name.as_str();
    let (danger, title, button, label) = match verdict {
        Verdict::Sent => (Danger::Tier1, "Settle as sent?", "It was sent", format!("settled as sent: {who}")),
        Verdict::NotSent => {
            (Danger::Tier1, "Settle as not sent?", "It was not", format!("settled as not sent: {who}"))
        }
        Verdict::Resend => (Danger::Tier2, "Resend?", "Resend", format!("to be sent again: {who}")),
    };
    let mut proposal = Proposal::new(danger, title, button, label);
    let since = words::clock(row.started_at, model.now.wall, model.session.zone);
    proposal.lines = vec![
        ("Recipient", format!("{who}  {}", row.phone), Role::Text),
        (
            "Attempt",
            format!("{since} through {} for {}", row.number.as_str(), row.campaign.as_str()),
            Role::Text,
        ),
        ("Known", row.evidence.as_str().to_owned(), Role::Doubt),
        ("Asked", format!("{} times: {}", row.asked.0, row.asked.1), Role::Text),
    ];
    match verdict {
        Verdict::Sent => {
            proposal.warning = Some("Nothing is sent again, even if it never arrived.");
        }
        Verdict::NotSent => {
            proposal.warning = Some("It will be sent again. If it did arrive, this person gets it twice.");
        }
        Verdict::Resend => {
            proposal.warning = Some("This person may get the message twice.");
            proposal.typed =
                Some(Typed { question: "Type resend to confirm".into(), expected: "resend".into() });
        }
    }
    proposal.orders = vec![Order::on(Action::ResolveAttempt { attempt: row.id, verdict }, row.version)];
    proposal.origin = Some(Origin::Attempt(row.id, verdict));
    proposal
}

/// The order that stops everything. Never a question.
pub fn stop_all() -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier0, "Stop all sending?", "Stop", "all sending is stopped");
    proposal.orders = vec![Order::whole(Action::StopAll)];
    proposal
}

/// The proposal to lift the stop.
///
/// # Errors
/// When nothing is stopped.
pub fn release_stop(model: &Model) -> Result<Proposal, Reason> {
    let overview = model.overview().ok_or(Reason::Borrowed("no data yet"))?;
    let stop = overview.stop.as_ref().ok_or(Reason::Borrowed("nothing is stopped"))?;
    let mut proposal = Proposal::new(Danger::Tier1, "Lift the stop?", "Lift it", "the stop is lifted");
    let running = overview
        .campaigns
        .iter()
        .filter(|row| row.standing == crate::store::view::CampaignStanding::Active)
        .count();
    proposal.lines = vec![
        (
            "Stopped",
            format!("by {} {}: {}", stop.by, words::relative(stop.since, model.now.wall), stop.reason),
            Role::Warn,
        ),
        (
            "Goes on",
            format!("{running} campaigns, {} messages wait", words::grouped(overview.queued)),
            Role::Text,
        ),
    ];
    proposal.orders = vec![Order::whole(Action::ReleaseStop)];
    Ok(proposal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fake;

    /// What the dialog says of what comes after.
    fn then(rows: &[RecipientRow]) -> Option<String> {
        let rows: Vec<&RecipientRow> = rows.iter().collect();
        let proposal = RecipientVerb::Retry.propose(&rows).unwrap();
        proposal.lines.into_iter().find(|(label, _, _)| *label == "Then").map(|(_, words, _)| words)
    }

    #[test]
    fn a_retry_says_that_a_completed_campaign_is_opened_again() {
        let failed = |at: u64| RecipientRow { state: MessageState::Failed, ..fake::recipient(at) };
        assert_eq!(then(&[failed(2)]), None, "it runs");
        let completed = |at| RecipientRow { campaign_completed: true, ..failed(at) };
        let said = Some("spring-news is active again: it was completed".to_owned());
        assert_eq!(then(&[completed(2)]), said);
        assert_eq!(then(&[completed(2), completed(8), failed(14)]), said);
        let other = RecipientRow { campaign: fake::campaign_id(2), ..completed(8) };
        let said = "each of 2 campaigns is active again: it was completed";
        assert_eq!(then(&[completed(2), other]).as_deref(), Some(said));
        let rows = [&completed(2)];
        let excluded = RecipientVerb::Exclude.propose(&rows).unwrap();
        assert!(excluded.lines.iter().all(|(label, _, _)| *label != "Then"), "nobody is sent to by that");
    }
}
