//! Numbers: what each may do now, and why it does not.

use super::{Layouts, Listing, WIDE, altered, empty, gates, hold_long, hold_short, log, no_data, split};
use crate::domain::action::Subject;
use crate::domain::hold::facts::AccountRoom;
use crate::domain::pulse::Pulse;
use crate::domain::text::Safe;
use crate::store::view::{HealthView, NumberDetail, NumberRow, NumberStanding, VitalsView};
use crate::tui::model::{Geometry, Model};
use crate::tui::msg::Detail;
use crate::tui::theme::Role;
use crate::tui::update::copy::phone;
use crate::tui::verbs;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::bar::bar;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::chart;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::words;
use ratatui::layout::Rect;
use std::cmp::Ordering;

type Compare = fn(&NumberRow, &NumberRow) -> Ordering;

/// The orders: name and comparison.
pub const SORTS: [(&str, Compare); 4] = [
    ("priority", |a, b| {
        a.priority.cmp(&b.priority).then_with(|| a.name.as_str().cmp(b.name.as_str())).then(a.id.cmp(&b.id))
    }),
    ("trouble first", |a, b| {
        badness(b).cmp(&badness(a)).then(a.priority.cmp(&b.priority)).then(a.id.cmp(&b.id))
    }),
    ("most used", |a, b| b.used_today.cmp(&a.used_today).then(a.id.cmp(&b.id))),
    ("label", |a, b| a.name.as_str().cmp(b.name.as_str()).then(a.id.cmp(&b.id))),
];

fn badness(row: &NumberRow) -> u8 {
    match row.standing {
        NumberStanding::Suspended { .. } => 4,
        NumberStanding::Limited { .. } => 3,
        NumberStanding::Active if row.silent().is_some() => 3,
        NumberStanding::Active if row.hold.is_some() || row.warns.is_some() => 2,
        NumberStanding::Active => 1,
        NumberStanding::Disabled => 0,
    }
}

const LAYOUTS: Layouts<NumberRow> =
    [(100, &WIDE_COLUMNS, wide_cells), (76, &COLUMNS, cells), (0, &COMPACT_COLUMNS, compact_cells)];

/// Draws the tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let (area, panel) = split(area);
    geometry.panel = panel.is_some();
    let foot = format!("sorted by {}", SORTS[model.numbers.sort.min(SORTS.len() - 1)].0);
    let foot = match model.numbers.filter_text.as_str() {
        "" => foot,
        text => format!("{} of {}  filter: {text}  {foot}", model.numbers.rows().len(), model.numbers.total),
    };
    let inside = canvas.panel(area, Border { title: "Numbers", foot: &foot, double: false }, Role::Frame);
    let list = &model.numbers;
    if let Some(lines) = no_data(model) {
        empty(canvas, inside, &lines);
    } else if list.rows().is_empty() && !list.filter_text.is_empty() {
        empty(canvas, inside, &["No number fits the filter.", "Esc takes the filter away."]);
    } else if list.rows().is_empty() {
        empty(
            canvas,
            inside,
            &["No number yet: nothing can be sent.", "n adds one; so does  signalbox number add"],
        );
    }
    let listing = Listing { width: area.width, area: inside, layouts: &LAYOUTS, subject: Subject::Number };
    listing.draw_local(model, canvas, list, geometry);
    if let Some(panel) = panel {
        side(model, canvas, panel);
    }
}

const COMPACT_COLUMNS: [Column; 5] = [
    Column::right("P", 4),
    Column::left("LABEL", 11),
    Column::left("STATE", 9),
    Column::right("USED", 4),
    Column::left("WAITS, UNTIL", 24),
];

const COLUMNS: [Column; 8] = [
    Column::right("P", 4),
    Column::left("NUMBER", 13),
    Column::left("LABEL", 9),
    Column::left("STATE", 9),
    Column::right("/MIN", 5),
    Column::right("USED", 4),
    Column::right("ERR", 4),
    Column::left("WAITS, UNTIL", 21),
];

const WIDE_COLUMNS: [Column; 9] = [
    Column::right("P", 4),
    Column::left("NUMBER", 14),
    Column::left("LABEL", 12),
    Column::left("STATE", 9),
    Column::left("PROVIDER", 9),
    Column::right("/MIN", 5),
    Column::left("USED TODAY", 14),
    Column::right("ERR5m", 5),
    Column::left("WAITS, UNTIL", 22),
];

/// The state as a word, marked while an order about it is under way.
fn state(model: &Model, row: &NumberRow) -> Cell<'static> {
    let role = match row.standing {
        NumberStanding::Active if row.hold.is_none() && row.slowed.is_none() && row.warns.is_none() => {
            Role::Good
        }
        NumberStanding::Active | NumberStanding::Limited { .. } => Role::Warn,
        NumberStanding::Suspended { .. } => Role::Bad,
        NumberStanding::Disabled => Role::Dim,
    };
    if model.is_pending(Subject::Number(row.id)) {
        return Cell::new("working", Role::Warn);
    }
    if row.standing == NumberStanding::Active && row.silent().is_some() {
        return Cell::new("AMBER", Role::Warn);
    }
    Cell::new(row.standing.name().to_uppercase(), role)
}

/// Why it sends nothing now.
fn waits(model: &Model, row: &NumberRow) -> Cell<'static> {
    let clock = |at| words::opening(at, model.now.wall, model.session.zone);
    match &row.standing {
        NumberStanding::Limited { until, reason } => {
            Cell::new(format!("{}: {reason}", clock(*until)), Role::Warn)
        }
        NumberStanding::Suspended { reason, .. } if row.pulse == Pulse::Red => {
            Cell::new(format!("RED, {reason}"), Role::Bad)
        }
        NumberStanding::Suspended { reason, .. } => Cell::new(reason.to_string(), Role::Bad),
        NumberStanding::Disabled => Cell::new("switched off", Role::Dim),
        NumberStanding::Active => match (&row.hold, &row.slowed, &row.last_error) {
            (_, Some(slowed), _) if row.silent().is_some() => Cell::new(slowed.short(), Role::Warn),
            (None, ..) if row.warns.is_some() => {
                Cell::new(row.warns.as_ref().map_or_else(String::new, Safe::to_string), Role::Warn)
            }
            (Some(hold), ..) => Cell::new(hold_short(hold, model), Role::Warn),
            (None, Some(slowed), _) => Cell::new(slowed.short(), Role::Warn),
            (None, None, Some(error)) if row.errors.0 > 0 => Cell::new(format!("last: {error}"), Role::Dim),
            _ => Cell::new("", Role::Text),
        },
    }
}

fn used(row: &NumberRow) -> (u64, Option<u64>) {
    (u64::from(row.used_today), row.limit_today.map(u64::from))
}

fn used_role(row: &NumberRow) -> Role {
    match used(row) {
        (used, Some(limit)) if used >= limit => Role::Bad,
        (used, Some(limit)) if words::percent(used, limit) >= 90 => Role::Warn,
        _ => Role::Text,
    }
}

fn error_role(row: &NumberRow) -> Role {
    let (failed, all) = row.errors;
    match words::percent(u64::from(failed), u64::from(all)) {
        0..=1 => Role::Text,
        2..=9 => Role::Warn,
        _ => Role::Bad,
    }
}

fn cells(model: &Model, row: &NumberRow) -> Vec<Cell<'static>> {
    let share = match used(row) {
        (used, Some(limit)) => format!("{}%", words::percent(used, limit)),
        (used, None) => words::tiny_count(used),
    };
    vec![
        row.priority.to_string().into(),
        phone(model, Subject::Number(row.id), &row.phone).into(),
        label(row),
        state(model, row),
        words::narrow_count(u64::from(row.last_minute)).into(),
        Cell::new(share, used_role(row)),
        Cell::new(words::share(row.errors.0, row.errors.1), error_role(row)),
        waits(model, row),
    ]
}

/// What it is called, with a mark where its provider is not WhatsApp's own.
fn label(row: &NumberRow) -> Cell<'static> {
    if row.provider.is_official() {
        return row.name.as_str().to_owned().into();
    }
    Cell::new(format!("!{}", row.name.as_str()), Role::Warn)
}

fn compact_cells(model: &Model, row: &NumberRow) -> Vec<Cell<'static>> {
    let mut cells = cells(model, row);
    // Without phone, rate and errors: what is wrong matters most on a small screen.
    for at in [6, 4, 1] {
        cells.remove(at);
    }
    cells
}

fn wide_cells(model: &Model, row: &NumberRow) -> Vec<Cell<'static>> {
    let share = match used(row) {
        (used, Some(limit)) => {
            format!("{} {:>3}%", bar(used, limit, 7, model.theme), words::percent(used, limit))
        }
        (used, None) => format!("{} of any", words::short_count(used)),
    };
    let provider = if row.provider.is_official() {
        Cell::new(row.provider.name(), Role::Text)
    } else {
        Cell::new(format!("{}!", row.provider.name()), Role::Warn)
    };
    let mut cells = cells(model, row);
    cells[5] = Cell::new(share, used_role(row));
    // The provider's own column has the mark.
    cells[2] = row.name.as_str().to_owned().into();
    cells.insert(4, provider);
    cells
}

fn side(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let current = model.numbers.there();
    let detail = match model.shown.as_ref().and_then(|shown| shown.detail.as_ref()) {
        Some(Detail::Number(detail)) if current.is_some_and(|row| row.id == detail.id) => Some(&**detail),
        _ => None,
    };
    let log_height = (area.height / 2).clamp(6, 22);
    let upper = Rect::new(area.x, area.y, area.width, area.height - log_height);
    let lower = Rect::new(area.x, upper.bottom(), area.width, log_height);
    let title = current.map_or(String::new(), |row| {
        format!("{}  {}", row.name.as_str(), phone(model, Subject::Number(row.id), &row.phone))
    });
    let inside = canvas.panel(upper, Border { title: &title, foot: "", double: false }, Role::Frame);
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    if let Some(row) = current {
        let chart_height = if inside.height >= 16 && detail.is_some() { 7 } else { 0 };
        let room = Rect::new(inside.x, inside.y, inside.width, inside.height - chart_height);
        let mut facts = Facts::new(inside.width, model.theme);
        describe(&mut facts, model, row, detail, false, false);
        facts.draw(canvas, room, 0);
        if let Some(detail) = detail.filter(|_| chart_height > 0) {
            canvas.text(inside.x, room.bottom(), inside.width, "Sent a minute, last 30 min", Role::Title);
            let values: Vec<u64> = detail.per_minute.iter().map(|value| u64::from(*value)).collect();
            chart::draw(
                canvas,
                Rect::new(inside.x, room.bottom() + 1, 40.min(inside.width), chart_height - 2),
                &values,
                Role::Text,
            );
        }
    }
    let inside = canvas.panel(lower, Border { title: "Failover log", foot: "", double: false }, Role::Frame);
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    let mut facts = Facts::new(inside.width, model.theme);
    match detail {
        Some(detail) if detail.log.is_empty() => {
            facts.paragraph("Nothing happened to this number.", Role::Dim);
        }
        Some(detail) => log(&mut facts, &detail.log, model),
        None if current.is_some() => facts.paragraph("Reading ...", Role::Dim),
        None => {}
    }
    facts.draw(canvas, inside, 0);
}

/// Everything about one number, as lines. `full`: also what the side panel shows elsewhere.
pub fn describe(
    facts: &mut Facts,
    model: &Model,
    row: &NumberRow,
    detail: Option<&NumberDetail>,
    escaped: bool,
    full: bool,
) {
    if full || row.name.is_altered() {
        facts.fact("Label", &altered(&row.name, escaped), Role::Text);
    }
    if full {
        facts.fact("Phone", &phone(model, Subject::Number(row.id), &row.phone), Role::Text);
    }
    standing(facts, model, row);
    if let Some(slowed) = &row.slowed {
        facts.fact("Slowed", &slowed.sentence(model.session.zone), Role::Warn);
    }
    if let Some(warns) = &row.warns {
        facts.fact("Warns", warns, Role::Warn);
    }
    // The standing of one that is out of service says why and until when already.
    let is_told = matches!(
        row.standing,
        NumberStanding::Suspended { .. } | NumberStanding::Limited { .. } | NumberStanding::Disabled
    );
    if let Some(hold) = row.hold.as_ref().filter(|_| !is_told) {
        facts.fact("Waits", &hold_long(hold, model), Role::Warn);
    }
    usage(facts, row);
    facts.fact("Pacing", &verbs::pace(row.pacing), Role::Text);
    limits(facts, model, row);
    let official =
        if row.provider.is_official() { "official" } else { "UNOFFICIAL: the number can be banned" };
    facts.fact(
        "Account",
        &format!("{} at {}, {official}", row.account.as_str(), row.provider),
        if row.provider.is_official() { Role::Text } else { Role::Warn },
    );
    lease(facts, model, row);
    let queued =
        detail.map_or(String::new(), |detail| format!("    Queue   {}", words::grouped(detail.queued)));
    facts.fact("In the air", &format!("{}{queued}", row.in_air), Role::Text);
    if let Some(error) = &row.last_error {
        facts.fact("Last error", error, Role::Bad);
    }
    if let Some(detail) = detail.filter(|_| full) {
        describe_detail(facts, model, row, detail, escaped);
    }
}

/// Its limit, and what is used of it.
fn usage(facts: &mut Facts, row: &NumberRow) {
    let limit = row
        .daily_limit
        .map_or("none of our own".into(), |limit| format!("{} a day", words::grouped(u64::from(limit))));
    facts.fact("Priority", &format!("{}        Limit   {limit}", row.priority), Role::Text);
    let left = row
        .limit_today
        .map_or("any".into(), |limit| words::grouped(u64::from(limit.saturating_sub(row.used_today))));
    facts.fact(
        "Used today",
        &format!("{}    Left    {left}", words::grouped(u64::from(row.used_today))),
        used_role(row),
    );
}

fn describe_detail(facts: &mut Facts, model: &Model, row: &NumberRow, detail: &NumberDetail, escaped: bool) {
    if !detail.notes.as_str().is_empty() {
        facts.fact("Notes", &altered(&detail.notes, escaped), Role::Text);
    }
    if !detail.pools.is_empty() {
        let pools: Vec<&str> = detail.pools.iter().map(crate::domain::text::Shown::as_str).collect();
        facts.fact("Pools", &pools.join(", "), Role::Text);
    }
    health(facts, model, row, &detail.health);
    vitals(facts, model, &detail.vitals);
    gates(facts, &detail.gates, model);
    facts.heading("Sent a minute, last 30 min");
    let values: Vec<u64> = detail.per_minute.iter().map(|value| u64::from(*value)).collect();
    let most = values.iter().copied().max().unwrap_or(0);
    facts.line(vec![(chart::spark(&values, model.theme), Role::Text), (format!("  most {most}"), Role::Dim)]);
    facts.heading("Failover log");
    if detail.log.is_empty() {
        facts.paragraph("Nothing happened to this number.", Role::Dim);
    }
    log(facts, &detail.log, model);
}

/// What makes it send fewer messages than its own settings allow.
fn limits(facts: &mut Facts, model: &Model, row: &NumberRow) {
    if let Some((day, today)) = row.warm_up.zip(row.limit_today) {
        let today = words::grouped(u64::from(today));
        facts.fact("Warm-up", &format!("day {day}: {today} a day"), Role::Warn);
    }
    if let Some(room) = row.account_room {
        account(facts, model, room);
    }
}

/// What its account's cap over 24 hours leaves, and how long until there is room again.
fn account(facts: &mut Facts, model: &Model, room: AccountRoom) {
    let (used, limit) = (u64::from(room.used), u64::from(room.limit));
    let opens = room.opens.filter(|_| room.left() == 0).map_or_else(String::new, |at| {
        let clock = words::opening(at, model.now.wall, model.session.zone);
        format!(", the next from {clock} ({})", words::relative(at, model.now.wall))
    });
    let role = match room.left() {
        0 => Role::Bad,
        _ if words::percent(used, limit) >= 90 => Role::Warn,
        _ => Role::Text,
    };
    let text = format!("{} of {} in 24 h{opens}", words::grouped(used), words::grouped(limit));
    facts.fact("People", &text, role);
}

/// What the provider says of it.
fn health(facts: &mut Facts, model: &Model, row: &NumberRow, health: &HealthView) {
    let Some((state, at)) = health.state.as_ref().zip(health.checked_at) else {
        facts.fact("Health", "not asked yet (t tests it)", Role::Dim);
        return;
    };
    let role = match state.as_str() {
        "sendable" => Role::Good,
        "limited" => Role::Warn,
        "not_sendable" => Role::Bad,
        _ => Role::Doubt,
    };
    let checked = words::relative(at, model.now.wall);
    facts.fact("Health", &format!("{}, checked {checked}", state.replace('_', " ").to_uppercase()), role);
    if role != Role::Good && !health.words.is_empty() {
        facts.fact("It says", &health.words, role);
    }
    let people = match (health.unlimited, health.people) {
        (true, _) => "any number of people".to_owned(),
        (false, Some(people)) => format!("{} people in 24 h", words::grouped(u64::from(people))),
        (false, None) => "no limit told".to_owned(),
    };
    let quality = health.quality.as_ref().map_or("not rated", |quality| quality.as_str());
    let role = match quality {
        "red" => Role::Bad,
        "yellow" => Role::Warn,
        _ => Role::Text,
    };
    facts.fact("Quality", &format!("{}, {people}", quality.to_uppercase()), role);
    if let Some(approval) = &health.approval {
        facts.fact("Approval", approval, Role::Text);
    }
    // Whether it comes back by itself depends on what it was suspended for.
    if let (NumberStanding::Suspended { .. }, Some(since)) = (&row.standing, health.well_since) {
        let since = words::clock(since, model.now.wall, model.session.zone);
        facts.fact("Well since", &format!("{since}, says the provider; p resumes it"), Role::Good);
    }
}

/// How it does by its own past: whether what it sends arrives, how much fails, who blocks it.
fn vitals(facts: &mut Facts, model: &Model, vitals: &VitalsView) {
    let role = match vitals.pulse {
        Pulse::Unknown => Role::Dim,
        Pulse::Well => Role::Good,
        Pulse::Amber => Role::Warn,
        Pulse::Red => Role::Bad,
    };
    facts.fact("Pulse", &format!("{}, {}", vitals.pulse.name().to_uppercase(), vitals.words), role);
    if let Some((canary, at)) = &vitals.canary {
        facts.fact("Canary", &format!("{canary}, {}", words::relative(*at, model.now.wall)), Role::Text);
    }
    if let Some(why) = &vitals.no_canary {
        facts.fact("No canary", why, Role::Warn);
    }
    if let Some(cost) = &vitals.cost {
        facts.fact("A month", &cost.to_string(), Role::Text);
    }
    let ratios = vitals.ratios;
    if ratios.tried == 0 {
        return;
    }
    let line = |part: u32| {
        let percent = ratios.percent(part).unwrap_or(0.0);
        format!(
            "{} of {} in 24 h ({percent:.1}%)",
            words::grouped(u64::from(part)),
            words::grouped(u64::from(ratios.tried))
        )
    };
    let of = |on: bool| if on { (", WARNS", Role::Warn) } else { ("", Role::Text) };
    let (mark, role) = of(vitals.failed_on);
    facts.fact("Failed", &format!("{}{mark}", line(ratios.failed)), role);
    let (mark, role) = of(vitals.blocked_on);
    facts.fact("Blocked", &format!("{}{mark}", line(ratios.blocked)), role);
}

fn standing(facts: &mut Facts, model: &Model, row: &NumberRow) {
    let clock = |at| words::clock(at, model.now.wall, model.session.zone);
    match &row.standing {
        NumberStanding::Active => facts.fact("State", "ACTIVE", Role::Good),
        NumberStanding::Disabled => facts.fact("State", "DISABLED, takes no part", Role::Dim),
        NumberStanding::Limited { until, reason } => {
            let opens = words::opening(*until, model.now.wall, model.session.zone);
            let back = words::relative(*until, model.now.wall);
            facts.fact("State", &format!("LIMITED, back at {opens} ({back})"), Role::Warn);
            facts.fact("Why", reason, Role::Warn);
        }
        NumberStanding::Suspended { reason, since, until, by } => {
            facts.fact("State", &format!("SUSPENDED by {by} {}", clock(*since)), Role::Bad);
            facts.fact("Why", reason, Role::Bad);
            // What a check can see of it comes back by itself; the rest waits for somebody.
            let open = if &**by == "sender" {
                "a check or somebody (p) brings it back"
            } else {
                "when somebody resumes it (p)"
            };
            let ends = until.map_or(open.into(), clock);
            facts.fact("Until", &ends, Role::Text);
            let brings = if row.pulse == Pulse::Red { "; a canary that arrives brings it back" } else { "" };
            facts.fact("To do", &format!("t asks its provider, then p resumes it{brings}"), Role::Text);
        }
    }
}

fn lease(facts: &mut Facts, model: &Model, row: &NumberRow) {
    let Some(overview) = model.overview() else { return };
    let lease = overview.leases.iter().find(|lease| lease.number == row.id);
    match (lease, &row.holder) {
        (Some(lease), _) => {
            let host = overview
                .instances
                .iter()
                .find(|instance| instance.id == lease.instance)
                .map_or("an instance that is gone", |instance| instance.host.as_str());
            let age = words::relative(lease.renewed_at, overview.at);
            let late = (overview.at - lease.renewed_at).num_seconds() > 12;
            let mark = if late { "  !! late" } else { "" };
            facts.fact(
                "Held by",
                &format!("{host}, heartbeat {age}, epoch {}{mark}", lease.epoch),
                if late { Role::Bad } else { Role::Text },
            );
        }
        (None, Some(holder)) => facts.fact("Held by", holder, Role::Text),
        (None, None) => facts.fact("Held by", "nobody: no instance sends through it now", Role::Dim),
    }
}

/// What the status line says.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    let Some(overview) = model.overview() else { return vec![] };
    let count = |name: &str| overview.numbers.iter().filter(|row| row.standing.name() == name).count();
    let gap = if model.size.width >= WIDE { "   " } else { ", " };
    if let Some(progress) = model.tests.progress() {
        return vec![(progress, Role::Title)];
    }
    let mut parts = vec![(words::count(overview.numbers.len() as u64, "number"), Role::Text)];
    let mut add = |count: usize, what: &str, role| {
        if count > 0 {
            parts.push((format!("{gap}{count} {what}"), role));
        }
    };
    add(count("suspended"), "suspended", Role::Bad);
    add(count("limited"), "limited", Role::Warn);
    add(count("disabled"), "disabled", Role::Dim);
    let how_many = |is: fn(&NumberRow) -> bool| overview.numbers.iter().filter(|row| is(row)).count();
    add(how_many(|row| row.silent().is_some()), "amber", Role::Warn);
    add(how_many(|row| row.warns.is_some()), "warned", Role::Warn);
    if model.size.width >= WIDE {
        add(how_many(|row| !row.provider.is_official()), "unofficial (!)", Role::Warn);
    }
    let marked = model.numbers.marks().len();
    add(marked, "marked", Role::Title);
    // A number without a limit is no part of that sum, and the pool is not empty while there is one.
    let free = how_many(|row| row.standing.is_in_service() && row.limit_today.is_none());
    if let Some((left, all)) = overview.capacity.filter(|_| model.size.width >= WIDE) {
        let (left, all) = (words::grouped(left), words::grouped(all));
        parts.push((format!("{gap}capacity left today {left} of {all}"), Role::Text));
        if free > 0 {
            parts.push((format!(", {free} without limit"), Role::Text));
        }
    } else if let Some((left, _)) = overview.capacity.filter(|_| free == 0) {
        parts.push((
            format!("{gap}{} left today", words::grouped(left)),
            if left == 0 { Role::Bad } else { Role::Text },
        ));
    }
    parts
}

/// A row as text for the clipboard.
pub fn as_text(row: &NumberRow) -> Safe {
    Safe::new(&format!(
        "{} {} {} priority {}",
        row.phone,
        row.name.as_str(),
        row.standing.name(),
        row.priority
    ))
}
