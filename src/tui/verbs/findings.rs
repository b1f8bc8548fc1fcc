//! Leaving a finding as it is.

use super::Proposal;
use crate::domain::action::{Action, Order};
use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::FindingRow;
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;

/// Accepts a finding of a campaign; the reason is asked for.
///
/// # Errors
/// When somebody has, or there is none.
pub fn accept(campaign: CampaignId, name: &Shown, row: Option<&FindingRow>) -> Result<Proposal, Reason> {
    let row = row.ok_or("there is nothing to accept")?;
    if let Some((by, ..)) = &row.accepted {
        return Err(format!("{by} has accepted it already").into());
    }
    let label = format!("accepted {} of {}", row.finding, name.as_str());
    let mut proposal = Proposal::new(Danger::Tier0, "Accept finding?", "Accept", label);
    proposal.lines = vec![("Finding", format!("{}  {}", name.as_str(), row.finding), Role::Text)];
    let (finding, about) = (row.finding.clone(), row.about.clone());
    proposal.orders = vec![Order::whole(Action::AcceptFinding { campaign, finding, about })];
    Ok(proposal)
}
