//! Taking people back who get nothing of a campaign.

use super::{BULK, Proposal, Typed};
use crate::domain::action::{Action, Order};
use crate::domain::campaign::lifecycle::OPENED_AGAIN;
use crate::store::view::{CampaignRow, CampaignStanding, SkipReason};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;
use crate::tui::words;

/// Takes those of one reason back whose reason has passed.
///
/// # Errors
/// When nobody can be.
pub fn take_back(row: Option<&CampaignRow>, reason: &SkipReason) -> Result<Proposal, Reason> {
    let row = row.ok_or("this campaign is gone")?;
    if row.standing == CampaignStanding::Cancelled {
        return Err(format!("{} has ended; nobody can be taken back into it", row.name.as_str()).into());
    }
    let done = format!("took back into {}: {}", row.name.as_str(), reason.words);
    let mut proposal = Proposal::new(Danger::Tier1, "Send to them after all?", "Take back", done);
    let people = words::grouped(reason.people);
    proposal.lines = vec![
        ("Campaign", row.name.as_str().to_owned(), Role::Text),
        ("Reason", reason.words.to_string(), Role::Text),
        ("People", format!("up to {people}: those whose reason has passed"), Role::Warn),
    ];
    if row.standing == CampaignStanding::Completed {
        proposal.lines.push(("Then", format!("the campaign is {OPENED_AGAIN}"), Role::Warn));
    }
    if reason.people > BULK as u64 {
        proposal.danger = Danger::Tier2;
        proposal.typed = Some(Typed {
            question: "Type the number of people to confirm".into(),
            expected: reason.people.to_string(),
        });
    }
    let action = Action::IncludeAgain { campaign: row.id, reason: reason.code.to_string() };
    proposal.orders = vec![Order::whole(action)];
    Ok(proposal)
}
