//! What can be done to slots.

use super::{Proposal, Typed};
use crate::domain::action::{Action, Order};
use crate::domain::ids::CampaignId;
use crate::domain::phone::Phone;
use crate::store::view::{SlotHolder, SlotResetView};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::theme::Role;
use crate::tui::words;

/// What people see of a holder: the name where there is one, and the masked phone.
pub fn who(holder: &SlotHolder) -> String {
    match holder.name.as_str() {
        "" => holder.phone.masked(),
        name => format!("{name} ({})", holder.phone.masked()),
    }
}

/// Gives a slot to somebody who is still to be named.
pub fn assign(scope: &str, slot: u16) -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier0, "Give slot?", "Give", format!("slot {slot} given"));
    proposal.lines = vec![("Slot", format!("slot {slot} of {scope}: to whom?"), Role::Text)];
    proposal
}

/// Gives the holder of a slot another one, which is still to be named.
pub fn shift(campaign: Option<CampaignId>, slot: u16, holder: &SlotHolder) -> Proposal {
    let who = who(holder);
    let mut proposal = Proposal::new(Danger::Tier0, "Move to another slot?", "Move", format!("moved {who}"));
    proposal.lines = vec![("Who", format!("{who} has slot {slot}: which one instead?"), Role::Text)];
    let action = Action::SetSlot { campaign, phone: holder.phone.clone(), slot: Some(slot) };
    proposal.orders = vec![Order::whole(action)];
    proposal
}

/// The same, for the phone that was typed.
///
/// # Errors
/// When it is none.
pub fn for_phone(
    proposal: &Proposal,
    campaign: Option<CampaignId>,
    slot: u16,
    typed: &str,
) -> Result<Proposal, String> {
    let phone = Phone::parse(typed).map_err(|error| error.to_string())?;
    let mut proposal = proposal.clone();
    proposal.label = format!("{} to {}", proposal.label, phone.masked());
    proposal.orders = vec![Order::whole(Action::SetSlot { campaign, phone, slot: Some(slot) })];
    Ok(proposal)
}

/// The same, with the slot that was typed.
///
/// # Errors
/// When it is none.
pub fn for_slot(proposal: &Proposal, typed: &str) -> Result<Proposal, String> {
    let most = crate::domain::slot::LAST;
    let number = typed.parse::<u16>().ok().filter(|number| (1..=most).contains(number));
    let number = number.ok_or_else(|| format!("{typed} is no slot: a whole number from 1 to {most}"))?;
    let mut proposal = proposal.clone();
    for order in &mut proposal.orders {
        if let Action::SetSlot { slot, .. } = &mut order.action {
            *slot = Some(number);
        }
    }
    proposal.label = format!("{} to slot {number}", proposal.label);
    Ok(proposal)
}

/// Takes a slot back.
pub fn release(campaign: Option<CampaignId>, scope: &str, slot: u16, holder: &SlotHolder) -> Proposal {
    let who = who(holder);
    let mut proposal =
        Proposal::new(Danger::Tier1, "Take the slot back?", "Take back", format!("slot {slot} is free"));
    proposal.lines = vec![("Slot", format!("{slot} of {scope}"), Role::Text), ("Who", who, Role::Text)];
    let action = Action::SetSlot { campaign, phone: holder.phone.clone(), slot: None };
    proposal.orders = vec![Order::whole(action)];
    proposal
}

/// Takes all slots of a scope back but those that messages show.
///
/// # Errors
/// When that would be none.
pub fn reset(campaign: Option<CampaignId>, scope: &str, reset: SlotResetView) -> Result<Proposal, Reason> {
    if reset.released == 0 {
        return Err(match reset.kept {
            0 => "nobody has a slot".into(),
            _ => "messages still to be sent show every slot; nothing can be taken back".into(),
        });
    }
    let people = words::grouped(reset.released);
    let mut proposal = Proposal::new(
        Danger::Tier2,
        "Take all slots back?",
        "Take back",
        format!("{people} slots taken back"),
    );
    proposal.lines = vec![
        ("Scope", scope.to_owned(), Role::Text),
        ("Lose theirs", words::count(reset.released, "person").replace("persons", "people"), Role::Warn),
        (
            "Keep theirs",
            format!("{}: messages still to be sent show them", words::grouped(reset.kept)),
            Role::Text,
        ),
    ];
    proposal.warning = Some("Nobody gets the same number again but by chance.");
    proposal.typed = Some(Typed {
        question: "Type the number of people to confirm".into(),
        expected: reset.released.to_string(),
    });
    proposal.orders = vec![Order::whole(Action::ResetSlots(campaign))];
    Ok(proposal)
}
