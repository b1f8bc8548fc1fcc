//! What can be set of the organisation.

use super::Proposal;
use crate::domain::action::{Action, Order};
use crate::domain::setting::{Change, Group, Setting};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;

/// These changes, each group by an order of its own: what one of them refuses does not hold up the others. Asked about
/// where it changes what is sent.
///
/// # Errors
/// When nothing is to be changed.
pub fn edit(changes: &[Change]) -> Result<Proposal, Reason> {
    let label = match changes {
        [] => return Err("nothing is changed".into()),
        [one] => format!("{} is {}", one.setting.shape().label, one.to),
        many => format!("{} settings changed", many.len()),
    };
    let sends = changes.iter().any(|change| change.setting.shape().sends);
    let danger = if sends { Danger::Tier1 } else { Danger::Tier0 };
    let mut proposal = Proposal::new(danger, "Change settings?", "Change", label);
    proposal.lines = changes
        .iter()
        .map(|change| {
            let shape = change.setting.shape();
            let role = if shape.sends { Role::Warn } else { Role::Text };
            (shape.label, format!("{} -> {}", change.was, change.to), role)
        })
        .collect();
    let moves_days = changes.iter().any(|change| change.setting == Setting::Zone);
    proposal.warning = Some(if moves_days {
        "Days, hours and limits go by the new zone at once."
    } else {
        "It holds at once, on every sender."
    });
    let mut groups: Vec<(Group, Vec<Change>)> = Vec::new();
    for change in changes {
        let group = change.setting.shape().group;
        match groups.iter_mut().find(|(of, _)| *of == group) {
            Some((_, changes)) => changes.push(change.clone()),
            None => groups.push((group, vec![change.clone()])),
        }
    }
    let orders = groups.into_iter().map(|(_, changes)| Order::whole(Action::EditSettings(changes)));
    proposal.orders = orders.collect();
    Ok(proposal)
}
