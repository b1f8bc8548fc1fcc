//! Campaigns: how far each is, what holds it, and whether its counts add up.

use super::{Layouts, Listing, altered, empty, gates, hold_long, hold_short, log, no_data, split};
use crate::domain::action::Subject;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{CampaignDetail, CampaignRow, CampaignStanding, Counts, DayLine, Variants};
use crate::tui::model::{Geometry, Model};
use crate::tui::msg::Detail;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::bar::{bar, run};
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::words;
use ratatui::layout::Rect;
use std::cmp::Ordering;

type Compare = fn(&CampaignRow, &CampaignRow) -> Ordering;

/// The orders: name and comparison.
pub const SORTS: [(&str, Compare); 4] = [
    ("state", |a, b| {
        rank(a)
            .cmp(&rank(b))
            .then(a.terms.priority.cmp(&b.terms.priority))
            .then_with(|| b.since.cmp(&a.since))
            .then(a.id.cmp(&b.id))
    }),
    ("name", |a, b| a.name.as_str().cmp(b.name.as_str()).then(a.id.cmp(&b.id))),
    ("latest change", |a, b| b.since.cmp(&a.since).then(a.id.cmp(&b.id))),
    ("most failed", |a, b| b.counts.failed.cmp(&a.counts.failed).then(a.id.cmp(&b.id))),
];

fn rank(row: &CampaignRow) -> u8 {
    match row.standing {
        CampaignStanding::Active => 0,
        CampaignStanding::Paused => 1,
        CampaignStanding::Scheduled => 2,
        CampaignStanding::Draft => 3,
        CampaignStanding::Completed => 4,
        CampaignStanding::Cancelled => 5,
    }
}

const COMPACT_COLUMNS: [Column; 4] = [
    Column::left("NAME", 17),
    Column::left("STATE", 9),
    Column::right("DONE", 4),
    Column::left("DUE BY OR WAITS", 21),
];

const COLUMNS: [Column; 6] = [
    Column::left("NAME", 17),
    Column::left("STATE", 9),
    Column::left("DONE", 12),
    Column::right("SENT", 7),
    Column::right("FAIL", 5),
    Column::left("DUE BY OR WAITS", 21),
];

const WIDE_COLUMNS: [Column; 9] = [
    Column::left("NAME", 21),
    Column::left("STATE", 9),
    Column::left("DONE", 12),
    Column::right("SENT", 7),
    Column::right("DELIV", 7),
    Column::right("FAIL", 5),
    Column::right("/s", 5),
    Column::left("BY", 5),
    Column::left("DUE BY OR WAITS", 21),
];

const LAYOUTS: Layouts<CampaignRow> =
    [(100, &WIDE_COLUMNS, wide_cells), (76, &COLUMNS, cells), (0, &COMPACT_COLUMNS, compact_cells)];

/// Draws the tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let (area, panel) = split(area);
    geometry.panel = panel.is_some();
    let list = &model.campaigns;
    let total = model.overview().map_or(0, |overview| overview.campaigns_total);
    let foot = match list.filter_text.as_str() {
        "" => {
            format!("{} of {total}  sorted by {}", list.rows().len(), SORTS[list.sort.min(SORTS.len() - 1)].0)
        }
        text => format!("{} of {total}  filter: {text}", list.rows().len()),
    };
    let inside = canvas.panel(area, Border { title: "Campaigns", foot: &foot, double: false }, Role::Frame);
    if let Some(lines) = no_data(model) {
        empty(canvas, inside, &lines);
    } else if list.rows().is_empty() && !list.filter_text.is_empty() {
        empty(canvas, inside, &["No campaign fits the filter.", "Esc takes the filter away."]);
    } else if list.rows().is_empty() {
        empty(canvas, inside, &["No campaign yet.", "n makes one, or  signalbox campaign create FILE.toml"]);
    }
    let listing = Listing { width: area.width, area: inside, layouts: &LAYOUTS, subject: Subject::Campaign };
    listing.draw_local(model, canvas, list, geometry);
    if let Some(panel) = panel {
        side(model, canvas, panel);
    }
}

fn state(model: &Model, row: &CampaignRow) -> Cell<'static> {
    if model.is_pending(Subject::Campaign(row.id)) {
        return Cell::new("working", Role::Warn);
    }
    let role = match row.standing {
        CampaignStanding::Active if row.hold.is_some() => Role::Warn,
        CampaignStanding::Active => Role::Good,
        CampaignStanding::Paused => Role::Warn,
        CampaignStanding::Draft | CampaignStanding::Scheduled => Role::Text,
        CampaignStanding::Completed | CampaignStanding::Cancelled => Role::Dim,
    };
    Cell::new(row.standing.name().to_uppercase(), role)
}

/// When it will be done, or what it waits for; a broken sum before everything else.
fn eta_or_hold(model: &Model, row: &CampaignRow) -> Cell<'static> {
    if !row.counts.hold() {
        return Cell::new("!! SUM BROKEN", Role::Bad);
    }
    let opening = |at| words::opening(at, model.now.wall, model.session.zone);
    match (row.standing, &row.hold) {
        (CampaignStanding::Paused, _) if row.in_air > 0 => {
            Cell::new(format!("{} in the air", row.in_air), Role::Warn)
        }
        (CampaignStanding::Active, Some(hold)) => Cell::new(hold_short(hold, model), Role::Warn),
        (CampaignStanding::Active, None) => match row.done_at {
            Some(at) => Cell::from(opening(at)),
            None => Cell::from("-"),
        },
        (CampaignStanding::Scheduled | CampaignStanding::Draft, _) if row.enrolling.is_some() => {
            let (looked, all) = row.enrolling.unwrap_or_default();
            Cell::new(format!("enrolling {}%", words::percent(looked, all).min(100)), Role::Warn)
        }
        (CampaignStanding::Scheduled | CampaignStanding::Draft, _) => match (&row.behind, row.starts_at) {
            (Some(before), _) => Cell::from(format!("after {}", before.as_str())),
            (None, Some(at)) => Cell::from(format!("starts {}", opening(at))),
            (None, None) => Cell::from("by hand: L"),
        },
        _ => Cell::from("-"),
    }
}

fn fail_role(row: &CampaignRow) -> Role {
    match words::percent(row.counts.failed, row.counts.done()) {
        0..=1 => Role::Text,
        2..=9 => Role::Warn,
        _ => Role::Bad,
    }
}

fn done(row: &CampaignRow, cells: usize, model: &Model) -> String {
    let (done, all) = (row.counts.done(), row.counts.planned);
    format!("{} {:>3}%", bar(done, all, cells, model.theme), words::percent(done, all).min(100))
}

fn cells(model: &Model, row: &CampaignRow) -> Vec<Cell<'static>> {
    vec![
        row.name.as_str().to_owned().into(),
        state(model, row),
        done(row, 5, model).into(),
        words::short_count(row.sent).into(),
        Cell::new(words::narrow_count(row.counts.failed), fail_role(row)),
        eta_or_hold(model, row),
    ]
}

fn compact_cells(model: &Model, row: &CampaignRow) -> Vec<Cell<'static>> {
    let done = words::percent(row.counts.done(), row.counts.planned).min(100);
    vec![
        row.name.as_str().to_owned().into(),
        state(model, row),
        format!("{done}%").into(),
        eta_or_hold(model, row),
    ]
}

fn wide_cells(model: &Model, row: &CampaignRow) -> Vec<Cell<'static>> {
    let rate = if row.per_second > 0.0 { format!("{:.1}", row.per_second) } else { "-".into() };
    vec![
        row.name.as_str().to_owned().into(),
        state(model, row),
        done(row, 5, model).into(),
        words::short_count(row.sent).into(),
        words::short_count(row.counts.delivered.saturating_add(row.counts.read)).into(),
        Cell::new(words::narrow_count(row.counts.failed), fail_role(row)),
        rate.into(),
        row.by.to_string().into(),
        eta_or_hold(model, row),
    ]
}

fn side(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let current = model.campaigns.there();
    let detail = match model.shown.as_ref().and_then(|shown| shown.detail.as_ref()) {
        Some(Detail::Campaign(detail)) if current.is_some_and(|row| row.id == detail.id) => Some(&**detail),
        _ => None,
    };
    let log_height = (area.height / 3).clamp(5, 14);
    let upper = Rect::new(area.x, area.y, area.width, area.height - log_height);
    let lower = Rect::new(area.x, upper.bottom(), area.width, log_height);
    let title = current.map_or("", |row| row.name.as_str());
    let inside = canvas.panel(upper, Border { title, foot: "", double: false }, Role::Frame);
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    if let Some(row) = current {
        let mut facts = Facts::new(inside.width, model.theme);
        describe(&mut facts, model, row, detail, false, false);
        facts.draw(canvas, inside, 0);
    }
    let inside =
        canvas.panel(lower, Border { title: "Operator actions", foot: "", double: false }, Role::Frame);
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    let mut facts = Facts::new(inside.width, model.theme);
    match detail {
        Some(detail) if detail.log.is_empty() => {
            facts.paragraph("Nobody did anything to this campaign.", Role::Dim);
        }
        Some(detail) => log(&mut facts, &detail.log, model),
        None if current.is_some() => facts.paragraph("Reading ...", Role::Dim),
        None => {}
    }
    facts.draw(canvas, inside, 0);
}

/// Everything about one campaign, as lines.
pub fn describe(
    facts: &mut Facts,
    model: &Model,
    row: &CampaignRow,
    detail: Option<&CampaignDetail>,
    escaped: bool,
    full: bool,
) {
    if full || row.name.is_altered() {
        facts.fact("Name", &altered(&row.name, escaped), Role::Text);
    }
    let since = words::clock(row.since, model.now.wall, model.session.zone);
    let role = match row.standing {
        CampaignStanding::Active => Role::Good,
        CampaignStanding::Paused => Role::Warn,
        _ => Role::Text,
    };
    facts.fact("State", &format!("{} since {since} by {}", row.standing.name().to_uppercase(), row.by), role);
    if let Some(hold) = &row.hold {
        facts.fact("Waits", &hold_long(hold, model), Role::Warn);
    }
    if let Some(at) = row.done_at {
        facts.fact("Due by", &words::due_by(at, model.now.wall, model.session.zone), Role::Text);
    }
    if let Some(before) = &row.behind {
        facts.fact("After", before.as_str(), Role::Text);
    }
    if let Some(at) = row.starts_at {
        facts.fact("Starts", &words::opening(at, model.now.wall, model.session.zone), Role::Text);
    }
    if let Some((looked, all)) = row.enrolling {
        let far = format!("{} of {} contacts looked at", words::grouped(looked), words::grouped(all));
        facts.fact("Enrolling", &far, Role::Warn);
    }
    rollout(facts, model, row);
    facts.fact("Priority", &format!("{}        In the air  {}", row.terms.priority, row.in_air), Role::Text);
    if let Some(detail) = detail {
        let numbers: Vec<&str> = detail.numbers.iter().map(Shown::as_str).collect();
        let role = if numbers.is_empty() { Role::Bad } else { Role::Text };
        let names = if numbers.is_empty() { "none may send".to_owned() } else { numbers.join(", ") };
        facts.fact("Numbers", &format!("{}: {names}", detail.pool.as_str()), role);
        let limit = detail
            .today
            .1
            .map_or("no limit of its own".into(), |limit| format!("of {}", words::grouped(u64::from(limit))));
        facts.fact("Today", &format!("{} {limit}", words::grouped(detail.today.0)), Role::Text);
    }
    counts(facts, &row.counts, model);
    funnel(facts, &row.counts);
    if let Some(detail) = detail {
        describe_detail(facts, model, detail, full);
    }
}

/// Which part of its people it may send to, and what the next stage waits for.
fn rollout(facts: &mut Facts, model: &Model, row: &CampaignRow) {
    let Some(rollout) = &row.rollout else { return };
    let (released, people) = (words::grouped(rollout.released), words::grouped(rollout.people));
    facts.fact("Rollout", &format!("{} %: {released} of {people} people", rollout.percent()), Role::Text);
    if let Some(next) = rollout.next() {
        let opens = rollout.until.map_or_else(String::new, |at| {
            format!(", opens {}", words::opening(at, model.now.wall, model.session.zone))
        });
        let role = if rollout.held { Role::Bad } else { Role::Dim };
        facts.fact("", &format!("{next} % waits: {}{opens}  (W widens)", rollout.why), role);
    }
}

/// How many of those that a provider took arrived, and how many of those were read.
fn funnel(facts: &mut Facts, counts: &Counts) {
    let arrived = counts.delivered.saturating_add(counts.read);
    let taken = counts.accepted.saturating_add(arrived);
    if arrived > 0 {
        let line = format!(
            "arrived {}% of {}, of those read {}%",
            words::percent(arrived, taken),
            words::grouped(taken),
            words::percent(counts.read, arrived)
        );
        facts.line(vec![(line, Role::Dim)]);
    }
}

/// How the variants of its texts compare.
fn variants(facts: &mut Facts, variants: &Variants) {
    match variants {
        Variants::None => {}
        Variants::Many(names) => {
            facts.heading("Variants");
            let names: Vec<&str> = names.iter().map(Shown::as_str).collect();
            let words = "so many people are counted by signalbox campaign stats";
            facts.paragraph(&format!("{}: {words}", names.join(", ")), Role::Dim);
        }
        Variants::Compared(figures, sentences) => {
            facts.heading("Variants");
            let line = |name: &str, rest: [String; 5]| {
                let [sent, read, replied, out, failed] = rest;
                // As wide as the drawer is at 80 columns.
                format!("{name:8.8}{sent:>6}{read:>6}{replied:>8}{out:>5}{failed:>7}")
            };
            let header = line("", ["sent", "read", "replied", "out", "failed"].map(str::to_owned));
            facts.line(vec![(header, Role::Dim)]);
            for each in figures {
                let cells =
                    [each.sent, each.read, each.replied, each.opted_out, each.failed].map(words::grouped);
                facts.line(vec![(line(each.name.as_str(), cells), Role::Text)]);
            }
            for sentence in sentences {
                facts.paragraph(sentence, Role::Dim);
            }
        }
    }
}

/// What went out day by day.
fn days(facts: &mut Facts, days: &[DayLine], theme: Theme) {
    if days.len() < 2 {
        return;
    }
    facts.heading("By day");
    let largest = days.iter().map(|day| day.sent).max().unwrap_or(0);
    for day in days {
        let sent = words::grouped(day.sent);
        let line = format!("{} {sent:>11} ", day.date.format("%a %m-%d"));
        facts.line(vec![(line, Role::Text), (run(day.sent, largest, 12, theme), Role::Good)]);
    }
}

fn describe_detail(facts: &mut Facts, model: &Model, detail: &CampaignDetail, full: bool) {
    if !detail.errors.is_empty() {
        facts.heading("Top errors");
        for error in &detail.errors {
            facts.line(vec![
                (format!("{:>8}  ", words::grouped(error.count)), Role::Text),
                (format!("{} ", error.code), Role::Bad),
                (error.words.to_string(), Role::Text),
            ]);
        }
    }
    if !full {
        return;
    }
    if !detail.steps.is_empty() {
        facts.heading("Steps");
        for step in &detail.steps {
            let after = if step.after.is_zero() {
                "at once".to_owned()
            } else {
                format!("after {}", words::length(step.after))
            };
            facts.paragraph(
                &format!(
                    "{}. {after}: {} ({} wait)",
                    step.position,
                    step.what.as_str(),
                    words::grouped(step.waiting)
                ),
                Role::Text,
            );
        }
    }
    variants(facts, &detail.variants);
    days(facts, &detail.days, model.theme);
    gates(facts, &detail.gates, model);
    facts.heading("Operator actions");
    if detail.log.is_empty() {
        facts.paragraph("Nobody did anything to this campaign.", Role::Dim);
    }
    log(facts, &detail.log, model);
}

/// The states with their sums, and the sum of the sums: it is the number enrolled, or red.
pub fn counts(facts: &mut Facts, counts: &Counts, model: &Model) {
    facts.gap();
    let states = [
        ("queued", counts.queued, Role::Text),
        ("sending", counts.sending, Role::Text),
        ("accepted", counts.accepted, Role::Text),
        ("delivered", counts.delivered, Role::Good),
        ("read", counts.read, Role::Good),
        ("failed", counts.failed, Role::Bad),
        ("in doubt", counts.in_doubt, Role::Doubt),
        ("skipped", counts.skipped, Role::Dim),
    ];
    let largest = states.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
    for (name, count, role) in states {
        let shown = if count > 0 { role } else { Role::Dim };
        facts.line(vec![
            (format!("{name:10}{:>11} ", words::grouped(count)), shown),
            (run(count, largest, 12, model.theme), shown),
        ]);
    }
    let sum = counts.sum();
    if counts.hold() {
        facts.line(vec![
            (format!("{:10}{:>11} ", "sum", words::grouped(sum)), Role::Title),
            ("= planned".into(), Role::Good),
        ]);
    } else {
        facts.line(vec![(format!("{:10}{:>11} ", "sum", words::grouped(sum)), Role::Bad)]);
        let planned = counts.planned;
        let difference = planned.abs_diff(sum);
        let word = if sum < planned { "missing" } else { "too many" };
        facts.paragraph(
            &format!(
                "!! SUM BROKEN: {} planned, {} {word}. Run signalbox doctor.",
                words::grouped(planned),
                words::grouped(difference)
            ),
            Role::Bad,
        );
    }
}

/// What the status line says: of the selected campaign, why it waits.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    let Some(overview) = model.overview() else { return vec![] };
    let mut broken = overview.campaigns.iter().filter(|row| !row.counts.hold());
    if let Some(first) = broken.next() {
        let more = match broken.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let line = format!("!! the sums of {}{more} do not hold: signalbox doctor", first.name.as_str());
        return vec![(line, Role::Bad)];
    }
    let mut parts = Vec::new();
    let marked = model.campaigns.marks().len();
    if marked > 0 {
        parts.push((format!("{marked} marked  "), Role::Title));
    }
    match model.campaigns.current().map(|standing| &standing.row) {
        Some(row) if row.hold.is_some() && row.standing == CampaignStanding::Active => {
            let hold = row.hold.as_ref().map_or(String::new(), |hold| hold_long(hold, model));
            parts.push((format!("{} waits: {hold}", row.name.as_str()), Role::Warn));
        }
        Some(row) => {
            let planned = words::grouped(row.counts.planned);
            parts.push((
                format!("{}: {planned} planned, {} in the air", row.name.as_str(), row.in_air),
                Role::Text,
            ));
        }
        None => parts.push((words::count(overview.campaigns_total, "campaign"), Role::Text)),
    }
    parts
}

/// A row as text for the clipboard.
pub fn as_text(row: &CampaignRow) -> Safe {
    Safe::new(&format!(
        "{} {} {}/{} sent {} failed {}",
        row.name.as_str(),
        row.standing.name(),
        row.counts.done(),
        row.counts.planned,
        row.sent,
        row.counts.failed
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fake::{Desk, World, campaign};

    #[test]
    fn one_behind_another_is_not_said_to_wait_for_a_hand() {
        let desk = Desk::new(World::One, 80, 24);
        let mut row = campaign(1, "second", CampaignStanding::Scheduled);
        let said = |row: &CampaignRow| format!("{:?}", eta_or_hold(&desk.model, row));
        assert!(said(&row).contains("by hand: L"), "{}", said(&row));
        row.behind = Some(Shown::new("first"));
        assert!(said(&row).contains("after first"), "{}", said(&row));
    }
}
