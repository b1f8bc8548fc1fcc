//! What can be done to pools.

use super::{Line, Proposal, Typed};
use crate::domain::action::{Action, Order};
use crate::domain::ids::{NumberId, PoolId};
use crate::domain::pool::{Door, MOST_WEIGHT, NewPool, PoolChange, entry};
use crate::domain::text::Safe;
use crate::store::view::{NumberRow, PoolView};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::words;

/// `support-a +2376*****101`: a number of the picture.
pub fn called(model: &Model, number: NumberId) -> String {
    match model.number(number) {
        Some(row) if row.name.as_str().is_empty() => row.phone.masked(),
        Some(row) => format!("{} {}", row.name.as_str(), row.phone.masked()),
        None => "a number that is gone".to_owned(),
    }
}

/// The number that people are led to by the pool's code: the first in service, else the organisation's default number.
pub fn first_of<'a>(pool: &PoolView, model: &'a Model) -> Option<&'a NumberRow> {
    let door = |id: NumberId| {
        let row = model.number(id)?;
        Some(Door { number: id, priority: row.priority, in_service: row.standing.is_in_service() })
    };
    let members: Vec<Door> = pool.members.iter().filter_map(|member| door(member.number)).collect();
    model.number(entry(&members, pool.default.and_then(door))?)
}

/// The proposal to add a pool. Nothing goes through it before a campaign names it.
pub fn add(new: NewPool) -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier0, "Add pool?", "Add", format!("added pool {}", new.name));
    proposal.orders = vec![Order::whole(Action::AddPool(new))];
    proposal
}

/// The proposal to change a pool: asked about where campaigns send through it.
///
/// # Errors
/// When nothing changes.
pub fn edit(pool: &PoolView, change: PoolChange, model: &Model) -> Result<Proposal, Reason> {
    if change.is_empty() {
        return Err("nothing changed".into());
    }
    let renames_only = PoolChange { name: None, ..change.clone() }.is_empty();
    let danger = if pool.campaigns == 0 || renames_only { Danger::Tier0 } else { Danger::Tier1 };
    let label = format!("changed pool {}", pool.name.as_str());
    let mut proposal = Proposal::new(danger, "Change pool?", "Change", label);
    proposal.lines =
        vec![("Pool", format!("{}  (version {})", pool.name.as_str(), pool.version.0), Role::Text)];
    proposal.lines.extend(changed(pool, &change, model));
    if pool.campaigns > 0 {
        let campaigns = words::count(pool.campaigns, "campaign");
        proposal.lines.push(("Used by", format!("{campaigns} not over yet"), Role::Warn));
        proposal.warning = Some("It holds at once, on every sender.");
    }
    proposal.orders = vec![Order::on(Action::EditPool { pool: pool.id, change }, pool.version)];
    Ok(proposal)
}

/// What changes, in lines.
fn changed(pool: &PoolView, change: &PoolChange, model: &Model) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if let Some(name) = &change.name {
        let name = Safe::new(name);
        lines.push(("Name", format!("{} -> {name}", pool.name.as_str()), Role::Text));
    }
    if let Some(strategy) = change.strategy {
        lines.push(("Picks by", format!("{} -> {strategy}", pool.strategy), Role::Text));
    }
    if let Some(sticky) = change.sticky {
        lines.push(("Sticky", format!("{} -> {}", yes(pool.sticky), yes(sticky)), Role::Text));
    }
    for (number, weight) in &change.put {
        let had = pool.members.iter().find(|member| member.number == *number).map(|member| member.weight);
        let name = called(model, *number);
        lines.push(match (had, weight) {
            (Some(had), Some(weight)) => ("Share", format!("{name}: {had} -> {weight}"), Role::Text),
            (None, Some(weight)) => ("Comes in", format!("{name}, share {weight}"), Role::Text),
            (_, None) => ("Comes in", name, Role::Text),
        });
    }
    let goes = |number: &NumberId| ("Goes out", called(model, *number), Role::Text);
    lines.extend(change.drop.iter().map(goes));
    let left = |number: &NumberId| !change.drop.contains(number);
    let stays = pool.members.iter().map(|member| &member.number).any(left);
    if !change.drop.is_empty() && !stays && change.put.is_empty() {
        let then = match pool.default {
            Some(default) => format!("{} stands in", called(model, default)),
            None => "nobody sends for it".to_owned(),
        };
        lines.push(("Then", format!("it has no numbers: {then}"), Role::Warn));
    } else if !change.drop.is_empty() {
        lines.push(("Effect", "what waits for it goes to the others".into(), Role::Text));
    }
    lines
}

/// `yes` or `no`.
pub fn yes(so: bool) -> &'static str {
    if so { "yes" } else { "no" }
}

/// The proposal to put a number into a pool.
///
/// # Errors
/// When it is there already.
pub fn put(pool: &PoolView, number: NumberId, model: &Model) -> Result<Proposal, Reason> {
    if pool.members.iter().any(|member| member.number == number) {
        return Err("it is in this pool already".into());
    }
    edit(pool, PoolChange { put: vec![(number, None)], ..PoolChange::default() }, model)
}

/// The proposal to take a number out of a pool.
///
/// # Errors
/// When it is not in it any more.
pub fn take_out(pool: &PoolView, number: NumberId, model: &Model) -> Result<Proposal, Reason> {
    if pool.members.iter().all(|member| member.number != number) {
        return Err("it is not in this pool any more".into());
    }
    edit(pool, PoolChange { drop: vec![number], ..PoolChange::default() }, model)
}

/// Gives a number of a pool another share, which is still to be typed.
///
/// # Errors
/// When the number is not in the pool any more.
pub fn weigh(pool: &PoolView, number: NumberId, model: &Model) -> Result<Proposal, Reason> {
    let member = pool.members.iter().find(|member| member.number == number);
    let had = member.ok_or("it is not in this pool any more")?.weight;
    let change = PoolChange { put: vec![(number, Some(had))], ..PoolChange::default() };
    let mut proposal = edit(pool, change, model)?;
    let name = called(model, number);
    let share = format!("{name}: share {had} in {}; what instead?", pool.name.as_str());
    proposal.title = "Change share?".into();
    proposal.lines.insert(0, ("Share", share, Role::Text));
    Ok(proposal)
}

/// The same, with the share that was typed.
///
/// # Errors
/// When it is none.
pub fn for_weight(proposal: &Proposal, typed: &str) -> Result<Proposal, String> {
    let weight = typed.parse::<u32>().ok().filter(|weight| (1..=MOST_WEIGHT).contains(weight));
    let weight = weight.ok_or_else(|| {
        format!("{typed} is no share: a whole number from 1 to {}", words::grouped(u64::from(MOST_WEIGHT)))
    })?;
    let mut proposal = proposal.clone();
    // The first line was the question.
    proposal.lines.remove(0);
    for order in &mut proposal.orders {
        if let Action::EditPool { change, .. } = &mut order.action {
            for (_, share) in &mut change.put {
                *share = Some(weight);
            }
        }
    }
    for (label, value, _) in &mut proposal.lines {
        if let ("Share", Some((before, _))) = (*label, value.rsplit_once(" -> ")) {
            *value = format!("{before} -> {weight}");
        }
    }
    Ok(proposal)
}

/// The proposal to remove a pool.
///
/// # Errors
/// When campaigns name it.
pub fn remove(pool: &PoolView) -> Result<Proposal, Reason> {
    if pool.named > 0 {
        let all = words::count(pool.named, "campaign");
        let verb = if pool.named == 1 { "names" } else { "name" };
        return Err(format!("{all} {verb} it, {} of them not over: it stays", pool.campaigns).into());
    }
    let label = format!("removed pool {}", pool.name.as_str());
    let mut proposal = Proposal::new(Danger::Tier2, "Remove pool?", "Remove", label);
    proposal.lines = vec![
        ("Pool", format!("{}  (version {})", pool.name.as_str(), pool.version.0), Role::Text),
        ("Numbers", format!("{}, which stay numbers", pool.members.len()), Role::Text),
        ("Campaigns", "none sends through it".into(), Role::Text),
    ];
    proposal.typed = Some(Typed::name("pool's name", &pool.name, pool.id.0));
    proposal.orders = vec![Order::on(Action::RemovePool(pool.id), pool.version)];
    Ok(proposal)
}

/// The proposal that takes a change of a pool back.
pub fn restore(id: PoolId, name: &str, former: &PoolChange, model: &Model) -> Proposal {
    let mut proposal =
        Proposal::new(Danger::Tier1, "Change pool back?", "Change back", format!("changed pool {name} back"));
    proposal.lines = vec![("Pool", name.to_owned(), Role::Text)];
    let safe = |name: &String| ("Name", Safe::new(name).to_string(), Role::Text);
    proposal.lines.extend(former.name.as_ref().map(safe));
    proposal.lines.extend(former.strategy.map(|strategy| ("Picks by", strategy.to_string(), Role::Text)));
    proposal.lines.extend(former.sticky.map(|sticky| ("Sticky", yes(sticky).to_owned(), Role::Text)));
    proposal.lines.extend(former.put.iter().map(|(number, weight)| {
        let share = weight.map_or_else(String::new, |weight| format!(", share {weight}"));
        ("Has", format!("{}{share}", called(model, *number)), Role::Text)
    }));
    let goes = |number: &NumberId| ("Goes out", called(model, *number), Role::Text);
    proposal.lines.extend(former.drop.iter().map(goes));
    proposal.warning = Some("It holds at once, on every sender.");
    proposal.orders = vec![Order::whole(Action::EditPool { pool: id, change: former.clone() })];
    proposal
}
