//! Where alerts go besides the console.

use super::{Proposal, yes};
use crate::domain::action::{Action, Order};
use crate::domain::channel::ChannelChange;
use crate::domain::ids::ChannelId;
use crate::domain::text::Safe;
use crate::store::view::ChannelRow;
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;
use crate::tui::words;

/// Saves what a form says: it goes out at once, and no message to anybody with it.
pub fn save(order: Order, label: String) -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier0, "Save channel?", "Save", label);
    if let Action::EditChannel { change, .. } = &order.action
        && change.secret.is_some()
    {
        proposal.label.push_str("; no undo: its former secret is gone");
    }
    proposal.orders = vec![order];
    proposal
}

/// The proposal that takes a change of a channel back.
pub fn restore(channel: ChannelId, name: &str, former: &ChannelChange) -> Proposal {
    let label = format!("changed channel {name} back");
    let mut proposal = Proposal::new(Danger::Tier1, "Change channel back?", "Change back", label);
    let plain = |label, value: Option<String>| value.map(|value| (label, value, Role::Text));
    let safe = |value: &Option<String>| value.as_deref().map(|value| Safe::new(value).into_string());
    let kinds = former.kinds.as_ref().map(|kinds| {
        kinds.as_ref().map_or("all".to_owned(), |kinds| Safe::new(&kinds.join(", ")).into_string())
    });
    let lines = [
        plain("Channel", Some(name.to_owned())),
        plain("To", safe(&former.address)),
        plain("Server", safe(&former.smtp)),
        plain("From", safe(&former.mail_from)),
        plain("Severity", former.least.map(str::to_owned)),
        plain("Kinds", kinds),
        plain("Report", former.daily_report.map(|so| yes(so).to_owned())),
        plain("In use", former.is_active.map(|so| yes(so).to_owned())),
        plain("Secret", Some("stays as it is now".to_owned())),
    ];
    proposal.lines = lines.into_iter().flatten().collect();
    proposal.orders = vec![Order::whole(Action::EditChannel { channel, change: Box::new(former.clone()) })];
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
    if row.has_secret {
        proposal.warning = Some("Its secret is gone with it.");
        proposal.label.push_str("; no undo: its secret is gone");
    }
    proposal.orders = vec![Order::on(Action::RemoveChannel(row.id), row.version)];
    Ok(proposal)
}
