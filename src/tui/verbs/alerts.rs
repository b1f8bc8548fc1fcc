//! Taking note of what operators were told.

use super::Proposal;
use crate::domain::action::{Action, Order};
use crate::store::view::AlertRow;
use crate::tui::keymap::{Danger, Reason};
use crate::tui::words;

/// Takes note of one alert.
///
/// # Errors
/// When somebody has, or there is none.
pub fn acknowledge(row: Option<&AlertRow>) -> Result<Proposal, Reason> {
    let row = row.ok_or("there is no alert here")?;
    if let Some((by, _)) = &row.acknowledged {
        return Err(format!("{by} has taken note of it already").into());
    }
    let label = format!("acknowledged: {}", row.words.as_str());
    let mut proposal = Proposal::new(Danger::Tier0, "Acknowledge?", "Acknowledge", label);
    proposal.orders = vec![Order::whole(Action::Acknowledge(vec![row.id]))];
    Ok(proposal)
}

/// Takes note of all that are shown; what is raised after that is not among them.
///
/// # Errors
/// When there is nothing to take note of.
pub fn acknowledge_all<'a>(open: impl Iterator<Item = &'a AlertRow>) -> Result<Proposal, Reason> {
    let shown: Vec<_> = open.map(|row| row.id).collect();
    if shown.is_empty() {
        return Err("there is nothing to acknowledge".into());
    }
    let count = words::grouped(shown.len() as u64);
    let label = format!("acknowledged all alerts ({count})");
    let mut proposal = Proposal::new(Danger::Tier1, "Acknowledge all alerts?", "Acknowledge all", label);
    proposal.lines = vec![("Alerts", format!("{count}, those of the list"), crate::tui::theme::Role::Text)];
    proposal.orders = vec![Order::whole(Action::Acknowledge(shown))];
    Ok(proposal)
}
