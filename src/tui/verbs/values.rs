//! What the forms of numbers say is to be otherwise, and the very orders that make it so: of one number, or of many.

use super::numbers::{limit, pace};
use super::{BULK, Line, Origin, Proposal, Typed, also_here, yes};
use crate::domain::action::{Action, Order, Subject};
use crate::domain::ids::PoolId;
use crate::domain::number::{Approval, NumberWords, Pacing, SetupChange};
use crate::domain::pool::PoolChange;
use crate::domain::text::Safe;
use crate::store::view::NumberRow;
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::words;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::time::Duration;

/// Whether these limits let more out than the present ones.
fn loosens(row: &NumberRow, daily_limit: Option<u32>, pacing: Pacing) -> bool {
    let more_a_day = match (row.daily_limit, daily_limit) {
        (Some(now), Some(then)) => then > now,
        (Some(_), None) => true,
        (None, _) => false,
    };
    // Zero a second means no limit of our own.
    let rate = |per_second: u32| if per_second == 0 { u32::MAX } else { per_second };
    more_a_day
        || pacing.interval < row.pacing.interval
        || rate(pacing.per_second) > rate(row.pacing.per_second)
        || pacing.in_flight > row.pacing.in_flight
}

/// What is to be otherwise of a number: only what is there is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberValues {
    /// Its place.
    pub priority: Option<i32>,
    /// Most messages a day; `Some(None)` takes the limit off.
    pub daily_limit: Option<Option<u32>>,
    /// Least time between two messages.
    pub interval: Option<Duration>,
    /// Most messages in one second.
    pub per_second: Option<u32>,
    /// Most requests on the wire at once.
    pub in_flight: Option<u32>,
    /// What operators call it, and note of it.
    pub words: NumberWords,
    /// How it stands at its provider and here.
    pub setup: SetupChange,
    /// Pools that it comes into.
    pub into: Vec<PoolId>,
    /// Pools that it goes out of.
    pub out_of: Vec<PoolId>,
}

impl NumberValues {
    fn pacing(&self, row: &NumberRow) -> Pacing {
        Pacing {
            interval: self.interval.unwrap_or(row.pacing.interval),
            per_second: self.per_second.unwrap_or(row.pacing.per_second),
            in_flight: self.in_flight.unwrap_or(row.pacing.in_flight),
        }
    }

    /// The words that are not as they are said here.
    fn new_words(&self, row: &NumberRow) -> NumberWords {
        let (words, now) = (self.words.clone(), &row.remarks);
        NumberWords {
            // What is shown of an altered name is not what is stored.
            name: words.name.filter(|name| row.name.is_altered() || name != row.name.as_str()),
            notes: words.notes.filter(|notes| *notes != now.notes),
            label: words.label.filter(|label| *label != now.label),
            monthly_cost: words.monthly_cost.filter(|cost| *cost != now.monthly_cost),
            approval: words.approval.filter(|approval| *approval != now.approval),
        }
    }
}

/// What changes of a number: the priority first, then the limits, the words and how it stands. And whether more may go out
/// then.
fn changes(row: &NumberRow, values: &NumberValues) -> (Vec<Order>, bool) {
    let mut orders = Vec::new();
    if let Some(priority) = values.priority.filter(|priority| *priority != row.priority) {
        orders.push(Order::on(Action::SetPriority { number: row.id, priority }, row.version));
    }
    let (daily_limit, pacing) = (values.daily_limit.unwrap_or(row.daily_limit), values.pacing(row));
    let limits = daily_limit != row.daily_limit || pacing != row.pacing;
    if limits {
        let action = Action::SetLimits { number: row.id, daily_limit, pacing };
        orders.push(Order::on(action, row.version));
    }
    let words = values.new_words(row);
    if words != NumberWords::default() {
        orders.push(Order::on(Action::DescribeNumber { number: row.id, words }, row.version));
    }
    let setup = values.setup.clone().beside(&row.setup);
    let loosened = limits && loosens(row, daily_limit, pacing) || setup.loosens(&row.setup);
    if setup != SetupChange::default() {
        orders.push(Order::on(Action::SetUpNumber { number: row.id, setup }, row.version));
    }
    (orders, loosened)
}

/// What changes of pools, an order for each; and what that is, in lines.
fn moves(rows: &[&NumberRow], values: &NumberValues, model: &Model) -> (Vec<Order>, Vec<Line>) {
    let (mut orders, mut lines) = (Vec::new(), Vec::new());
    for pool in model.overview().into_iter().flat_map(|overview| &overview.pools) {
        let is_in = |row: &&&NumberRow| pool.members.contains(&row.id);
        let comes = rows.iter().filter(|row| values.into.contains(&pool.id) && !is_in(row));
        let goes = rows.iter().filter(|row| values.out_of.contains(&pool.id) && is_in(row));
        let change = PoolChange {
            put: comes.map(|row| (row.id, None)).collect(),
            drop: goes.map(|row| row.id).collect(),
            ..PoolChange::default()
        };
        if change.is_empty() {
            continue;
        }
        let (label, many) = if change.drop.is_empty() {
            ("Comes into", change.put.len())
        } else {
            ("Goes out of", change.drop.len())
        };
        let all = if rows.len() == 1 { String::new() } else { format!(": {many} of {}", rows.len()) };
        lines.push((label, format!("{}{all}", pool.name.as_str()), Role::Text));
        if !change.drop.is_empty() && pool.members.iter().all(|member| change.drop.contains(member)) {
            lines.push(("Then", format!("{} has no numbers", pool.name.as_str()), Role::Warn));
        }
        orders.push(Order::on(Action::EditPool { pool: pool.id, change }, pool.version));
    }
    (orders, lines)
}

/// Why one of them cannot be so.
///
/// # Errors
/// The rule, as a sentence.
fn judged(rows: &[&NumberRow], values: &NumberValues) -> Result<(), Reason> {
    let queues = |row: &&&NumberRow| !row.provider.is_official();
    match rows.iter().find(|row| values.setup.queue.is_some() && !queues(row)) {
        None => Ok(()),
        Some(row) => Err(format!(
            "{} is at {}, which keeps no queue of its own: only UltraMsg's is bounded",
            row.phone, row.provider
        )
        .into()),
    }
}

/// What changes of how it stands, in lines.
fn setup_lines(row: &NumberRow, values: &NumberValues, zone: Tz) -> Vec<Line> {
    let (now, then) = (&row.setup, values.setup.clone().beside(&row.setup));
    let mut lines = Vec::new();
    if let Some(id) = &then.sender_id {
        let id = format!("{} -> {}", Safe::new(&now.sender_id), Safe::new(id));
        lines.push(("Id there", id, Role::Warn));
    }
    if let Some(share) = then.reply_share {
        lines.push(("For replies", format!("{} % -> {share} %", now.reply_share), Role::Text));
    }
    if let Some(begins) = then.warm_up {
        lines.push((
            "Warm-up",
            format!("{} -> {}", warms(now.warm_up, zone), warms(begins, zone)),
            Role::Text,
        ));
    }
    if let Some(queue) = then.queue {
        let was = now.queue.map_or("none".to_owned(), |queue| queue.to_string());
        lines.push(("Queue", format!("{was} -> {queue}"), Role::Text));
    }
    lines.extend(
        then.canaries
            .map(|sends| ("Canaries", format!("{} -> {}", yes(now.canaries), yes(sends)), Role::Text)),
    );
    lines
}

/// When a warm-up begins: `off`, or the time in this zone.
pub(super) fn warms(begins: Option<DateTime<Utc>>, zone: Tz) -> String {
    begins.map_or("off".to_owned(), |at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string())
}

/// What changes, in lines: what it is, and what it is to be.
fn changed_lines(row: &NumberRow, values: &NumberValues, loosened: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(priority) = values.priority.filter(|priority| *priority != row.priority) {
        lines.push(("Priority", format!("{} -> {priority}", row.priority), Role::Text));
    }
    let (daily_limit, pacing) = (values.daily_limit.unwrap_or(row.daily_limit), values.pacing(row));
    if daily_limit != row.daily_limit || pacing != row.pacing {
        let role = if loosened { Role::Warn } else { Role::Text };
        let change = format!("{} -> {}", limit(row.daily_limit), limit(daily_limit));
        lines.push(("Daily limit", change, role));
        lines.push(("Pacing", format!("{} -> {}", pace(row.pacing), pace(pacing)), Role::Text));
    }
    let words = values.new_words(row);
    if let Some(name) = &words.name {
        lines.push(("Label", format!("{} -> {}", row.name.as_str(), Safe::new(name)), Role::Text));
    }
    let remarks = [
        ("notes", words.notes.is_some()),
        ("sender", words.label.is_some()),
        ("cost", words.monthly_cost.is_some()),
        ("approval", words.approval.is_some()),
    ];
    let remarks: Vec<&str> = remarks.iter().filter(|(_, changes)| *changes).map(|(name, _)| *name).collect();
    if !remarks.is_empty() {
        lines.push(("Remarks", remarks.join(", "), Role::Text));
    }
    lines
}

/// The proposal that a filled-in form makes: the priority first, then the limits, the words, how it stands and its pools, each
/// only if it changed.
///
/// # Errors
/// When nothing changed.
pub fn edit(row: &NumberRow, values: &NumberValues, model: &Model) -> Result<Proposal, Reason> {
    let mut proposal =
        Proposal::new(Danger::Tier0, "Change number?", "Change", format!("changed {}", row.name.as_str()));
    proposal.lines = vec![(
        "Number",
        format!("{}  {}  (version {})", row.name.as_str(), row.phone, row.version.0),
        Role::Text,
    )];
    proposal.origin = Some(Origin::Number(row.id, Box::new(values.clone())));
    judged(&[row], values)?;
    let loosened;
    (proposal.orders, loosened) = changes(row, values);
    let (orders, pools) = moves(&[row], values, model);
    proposal.orders.extend(orders);
    if proposal.orders.is_empty() {
        return Err("nothing changed".into());
    }
    // Something goes through it, or from it, that did not before.
    let elsewhere =
        !pools.is_empty() || values.setup.sender_id.as_ref().is_some_and(|id| *id != row.setup.sender_id);
    if values.priority.is_some_and(|priority| priority < row.priority) || elsewhere {
        proposal.danger = Danger::Tier1;
    }
    if elsewhere {
        proposal.warning = Some("It holds at once, on every sender.");
    }
    proposal.lines.extend(changed_lines(row, values, loosened));
    proposal.lines.extend(setup_lines(row, values, model.session.zone));
    proposal.lines.extend(pools);
    if loosened {
        proposal.danger = Danger::Tier2;
        proposal.title = "Raise limits?".into();
        proposal.button = "Raise";
        proposal.warning = Some("More messages may go out at once.");
        proposal.typed = Some(Typed::name("number's label", &row.name, row.id.0));
    }
    proposal.lines.extend(also_here(model, Subject::Number(row.id)));
    Ok(proposal)
}

/// What was filled in for many, in lines.
fn shared_lines(values: &NumberValues, zone: Tz) -> Vec<Line> {
    let plain = |label, value: Option<String>| value.map(|value| (label, value, Role::Text));
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let or_none =
        |word: Option<String>| word.map_or("none".to_owned(), |word| Safe::new(&word).into_string());
    let (words, setup) = (&values.words, &values.setup);
    let every = |interval: Duration| {
        if interval.is_zero() { "none".to_owned() } else { words::length(interval) }
    };
    [
        plain("Priority", values.priority.map(|priority| priority.to_string())),
        plain("Daily limit", values.daily_limit.map(limit)),
        plain("Interval", values.interval.map(every)),
        plain("Per second", number(values.per_second)),
        plain("At once", number(values.in_flight)),
        plain("For replies", setup.reply_share.map(|share| format!("{share} %"))),
        plain("Warm-up", setup.warm_up.map(|begins| warms(begins, zone))),
        plain("Queue", number(setup.queue)),
        plain("Canaries", setup.canaries.map(|sends| yes(sends).to_owned())),
        plain("Same sender", words.label.clone().map(or_none)),
        plain("A month", words.monthly_cost.map(|cost| or_none(cost.map(|cost| cost.to_string())))),
        plain("Approval", words.approval.map(|word| word.map_or("none", Approval::name).to_owned())),
        plain(
            "Notes",
            words.notes.as_deref().map(|notes| if notes.is_empty() { "none" } else { "others" }.to_owned()),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The proposal that a form over many numbers makes: how many it changes is shown, and typed when limits are raised.
///
/// # Errors
/// When nothing changes, or one of them cannot be so.
pub fn edit_many(rows: &[&NumberRow], values: &NumberValues, model: &Model) -> Result<Proposal, Reason> {
    let mut proposal = Proposal::new(Danger::Tier1, "Change numbers?", "Change", "");
    proposal.origin =
        Some(Origin::Several(rows.iter().map(|row| row.id).collect(), Box::new(values.clone())));
    judged(rows, values)?;
    let (mut changed, mut loosened) = (BTreeSet::new(), 0_usize);
    for row in rows {
        let (orders, more) = changes(row, values);
        changed.extend((!orders.is_empty()).then_some(row.id));
        loosened += usize::from(more);
        proposal.orders.extend(orders);
    }
    let (orders, pools) = moves(rows, values, model);
    for order in &orders {
        if let Action::EditPool { change, .. } = &order.action {
            changed.extend(change.put.iter().map(|(number, _)| *number).chain(change.drop.iter().copied()));
        }
    }
    proposal.orders.extend(orders);
    let changed = changed.len();
    if changed == 0 {
        return Err("nothing changes: they are all so already, or nothing was filled in".into());
    }
    proposal.label = format!("changed {changed} numbers");
    proposal.lines = vec![("Numbers", format!("{changed} of {} marked", rows.len()), Role::Text)];
    proposal.lines.extend(shared_lines(values, model.session.zone));
    proposal.lines.extend(pools);
    if loosened > 0 {
        proposal.lines.push(("Raised", format!("{loosened} may send more at once"), Role::Warn));
    }
    if loosened > 0 || changed > BULK {
        proposal.danger = Danger::Tier2;
        proposal.typed = Some(Typed {
            question: "Type how many numbers change to confirm".into(),
            expected: changed.to_string(),
        });
    }
    Ok(proposal)
}
