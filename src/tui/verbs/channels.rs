//! Where alerts go besides the console.

use super::Proposal;
use crate::domain::action::{Action, Order};
use crate::store::view::ChannelRow;
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;
use crate::tui::words;

/// Saves what a form says: it goes out at once, and no message to anybody with it.
pub fn save(order: Order, label: String) -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier0, "Save channel?", "Save", label);
    proposal.orders = vec![order];
    proposal
}

/// Removes a channel; it is asked first.
///
/// # Errors
/// When there is none.
pub fn remove(row: Option<&ChannelRow>) -> Result<Proposal, Reason> {
    let row = row.ok_or("there is no channel here")?;
    let label = format!("removed channel {}", row.name.as_str());
    let mut proposal = Proposal::new(Danger::Tier1, "Remove channel?", "Remove", label);
    proposal.lines = vec![
        ("Channel", row.name.as_str().to_owned(), Role::Text),
        ("To", row.address.as_str().to_owned(), Role::Text),
        ("Waiting", format!("{}, dropped with it", words::grouped(row.waiting)), Role::Text),
    ];
    proposal.warning = Some("Its secret is gone with it.");
    proposal.orders = vec![Order::on(Action::RemoveChannel(row.id), row.version)];
    Ok(proposal)
}
