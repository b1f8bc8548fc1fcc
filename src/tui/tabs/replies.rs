//! Replies: threads with people, newest first, by pages.

use super::{Layouts, Listing, altered, empty, no_data};
use crate::domain::action::Subject;
use crate::domain::ids::ConversationId;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{MessageState, ThreadMessage, ThreadRow, ThreadScope, Window};
use crate::tui::model::{Geometry, Model};
use crate::tui::msg::Detail;
use crate::tui::tabs::recipients::state_role;
use crate::tui::theme::Role;
use crate::tui::update::{copy::phone, spinner};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::words;
use ratatui::layout::Rect;
use std::time::Duration;

const COLUMNS: [Column; 8] = [
    Column::right("NEW", 3),
    Column::left("PERSON", 14),
    Column::left("NUMBER", 10),
    Column::left("CAMPAIGN", 11),
    Column::right("AGE", 4),
    Column::right("LEFT", 6),
    Column::left("OPERATOR", 8),
    Column::left("LAST", 14),
];

const COMPACT_COLUMNS: [Column; 5] = [
    Column::right("NEW", 3),
    Column::left("PERSON", 14),
    Column::right("AGE", 4),
    Column::right("LEFT", 6),
    Column::left("LAST", 20),
];

const WIDE_COLUMNS: [Column; 10] = [
    Column::right("NEW", 3),
    Column::left("PHONE", 16),
    Column::left("NAME", 20),
    Column::left("NUMBER", 14),
    Column::right("#", 5),
    Column::left("CAMPAIGN", 18),
    Column::right("AGE", 4),
    Column::right("LEFT", 6),
    Column::left("OPERATOR", 10),
    Column::left("LAST", 40),
];

/// What is listed, in a word or two.
pub fn scope_name(scope: &ThreadScope, me: &Safe) -> String {
    match scope {
        ThreadScope::Open => "open".to_owned(),
        ThreadScope::Unread => "unanswered".to_owned(),
        ThreadScope::Of(operator) if operator == me => "mine".to_owned(),
        ThreadScope::Of(operator) => format!("of {operator}"),
        ThreadScope::Done => "done".to_owned(),
        ThreadScope::All => "all".to_owned(),
    }
}

const LAYOUTS: Layouts<ThreadRow> =
    [(120, &WIDE_COLUMNS, wide_cells), (76, &COLUMNS, cells), (0, &COMPACT_COLUMNS, compact_cells)];

/// Draws the tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    geometry.panel = false;
    let tab = &model.replies;
    let list = &tab.list;
    let wait = match (list.asked.is_some(), spinner(model)) {
        (true, Some(_)) => "  loading",
        _ => "",
    };
    let title = format!("Replies  {}{wait}", scope_name(&tab.scope, &model.session.operator));
    let filter =
        if tab.filter_text.is_empty() { String::new() } else { format!("filter: {}  ", tab.filter_text) };
    let foot = format!("{filter}newest first");
    let inside = canvas.panel(area, Border { title: &title, foot: &foot, double: false }, Role::Frame);
    if list.rows().is_empty() {
        nothing(model, canvas, inside);
    }
    let listing = Listing { width: area.width, area: inside, layouts: &LAYOUTS, subject: Subject::Thread };
    listing.draw_paged(model, canvas, list, geometry);
}

fn nothing(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let tab = &model.replies;
    if let Some(lines) = no_data(model) {
        return empty(canvas, area, &lines);
    }
    match &tab.list.error {
        Some(error) => {
            empty(canvas, area, &["This could not be read.", &error.to_string(), "r tries again."]);
        }
        None if !tab.list.loaded => empty(canvas, area, &["Reading ...", ""]),
        None if !tab.filter_text.is_empty() => {
            empty(canvas, area, &["Nobody fits the filter.", "Esc takes the filter away."]);
        }
        None if tab.scope != ThreadScope::Open => {
            empty(canvas, area, &["No such thread.", "o chooses which threads are listed."]);
        }
        None => empty(canvas, area, &["Nobody has written.", "What people answer is listed here."]),
    }
}

/// The name, or the phone where there is none.
fn person(model: &Model, row: &ThreadRow) -> String {
    match row.name.as_str() {
        "" => phone(model, Subject::Thread(row.id), &row.phone),
        name => name.to_owned(),
    }
}

/// `now`, `11m`, `5h`, `3d`.
fn age(length: chrono::TimeDelta) -> String {
    match length.num_minutes() {
        ..1 => "now".to_owned(),
        minutes @ 1..60 => format!("{minutes}m"),
        minutes @ 60..1_440 => format!("{}h", minutes / 60),
        minutes => format!("{}d", minutes / 1_440),
    }
}

/// How long the person can be answered, for a column.
fn left(model: &Model, row: &ThreadRow) -> Cell<'static> {
    if row.opted_out.is_some() {
        return Cell::new("STOP", Role::Bad);
    }
    match row.window {
        Window::Always => Cell::new("any", Role::Dim),
        Window::Never => Cell::new("never", Role::Dim),
        Window::Closed(_) => Cell::new("closed", Role::Warn),
        Window::Until(until) => {
            let minutes = (until - model.now.wall).num_minutes();
            let role = if minutes < 60 { Role::Warn } else { Role::Good };
            let text = match minutes {
                ..1 => "closed".to_owned(),
                1..60 => format!("{minutes}m"),
                _ => format!("{}h{:02}m", minutes / 60, minutes % 60),
            };
            Cell::new(text, role)
        }
    }
}

/// What was said last; ours with an arrow and what became of it.
fn last(model: &Model, row: &ThreadRow) -> Cell<'static> {
    if model.is_pending(Subject::Thread(row.id)) {
        return Cell::new("working", Role::Warn);
    }
    match row.last_state {
        None => Cell::new(row.last_text.as_str().to_owned(), Role::Text),
        Some(state @ (MessageState::Failed | MessageState::InDoubt | MessageState::Skipped)) => {
            Cell::new(format!("{}: {}", state.name(), row.last_text.as_str()), state_role(state))
        }
        Some(_) => Cell::new(format!("> {}", row.last_text.as_str()), Role::Dim),
    }
}

fn cells(model: &Model, row: &ThreadRow) -> Vec<Cell<'static>> {
    let unread = if row.unread > 0 { Cell::new(row.unread.to_string(), Role::Key) } else { "".into() };
    vec![
        unread,
        person(model, row).into(),
        row.number.as_ref().map_or("-", |(_, name)| name.as_str()).to_owned().into(),
        Cell::new(row.campaign.as_ref().map_or("-", Shown::as_str).to_owned(), Role::Dim),
        age(model.now.wall - row.last_at).into(),
        left(model, row),
        row.assigned_to.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string).into(),
        last(model, row),
    ]
}

fn compact_cells(model: &Model, row: &ThreadRow) -> Vec<Cell<'static>> {
    let mut cells = cells(model, row);
    for at in [6, 3, 2] {
        cells.remove(at);
    }
    cells
}

fn wide_cells(model: &Model, row: &ThreadRow) -> Vec<Cell<'static>> {
    let mut cells = cells(model, row);
    cells[1] = phone(model, Subject::Thread(row.id), &row.phone).into();
    cells.insert(2, row.name.as_str().to_owned().into());
    cells.insert(4, row.thread.map_or_else(|| "-".to_owned(), |thread| format!("#{thread}")).into());
    cells
}

/// Until when the person can be answered, as a sentence.
pub fn window_sentence(model: &Model, row: &ThreadRow) -> (String, Role) {
    let clock = |at| words::clock(at, model.now.wall, model.session.zone);
    if let Some(since) = row.opted_out {
        return (format!("asked for no more messages at {}", clock(since)), Role::Bad);
    }
    match row.window {
        Window::Always => ("at any time".to_owned(), Role::Good),
        Window::Never => ("not before they write to a number".to_owned(), Role::Warn),
        Window::Closed(at) => (format!("not any more: the 24 hours ended at {}", clock(at)), Role::Warn),
        Window::Until(until) => {
            let left = (until - model.now.wall).to_std().unwrap_or(Duration::ZERO);
            (format!("until {}, {} left", clock(until), words::length(left)), Role::Good)
        }
    }
}

/// Everything about a thread, and what was said in it.
pub fn describe(facts: &mut Facts, model: &Model, id: ConversationId, escaped: bool) {
    let detail = match model.shown.as_ref().and_then(|shown| shown.detail.as_ref()) {
        Some(Detail::Thread(detail)) if detail.id == id => Some(&**detail),
        _ => None,
    };
    let listed = model.replies.list.rows().iter().find(|kept| kept.row.id == id).map(|kept| &kept.row);
    let Some(row) = detail.map(|detail| &detail.row).or(listed) else {
        return facts.paragraph("Reading ...", Role::Dim);
    };
    facts.fact("Name", &altered(&row.name, escaped), Role::Text);
    let shown = phone(model, Subject::Thread(id), &row.phone);
    let hint = if model.is_revealed(Subject::Thread(id)) { "" } else { "   (m: show)" };
    facts.fact("Phone", &format!("{shown}{hint}"), Role::Text);
    let name = row.thread.map_or(String::new(), |thread| format!("  #{thread}"));
    let number = row.number.as_ref().map_or("none yet; A gives it one", |(_, name)| name.as_str());
    facts.fact("Number", &format!("{number}{name}"), Role::Text);
    facts.maybe("Campaign", row.campaign.as_ref().map(Shown::as_str), Role::Text);
    facts.maybe("Operator", row.assigned_to.as_deref(), Role::Text);
    let (sentence, role) = window_sentence(model, row);
    facts.fact("Answer", &sentence, role);
    if let Some((at, by)) = &row.done {
        let at = words::clock(*at, model.now.wall, model.session.zone);
        facts.fact("Done", &format!("{at} by {by}"), Role::Dim);
    }
    facts.heading("Messages, latest first");
    let Some(detail) = detail else { return facts.paragraph("Reading ...", Role::Dim) };
    for message in detail.messages.iter().rev() {
        one_message(facts, model, message, escaped);
    }
    if detail.more {
        facts.paragraph("There are earlier ones.", Role::Dim);
    }
}

fn one_message(facts: &mut Facts, model: &Model, message: &ThreadMessage, escaped: bool) {
    let at = words::clock(message.at, model.now.wall, model.session.zone);
    let who = message.by.as_ref().map_or("they", |by| by.as_str());
    let kind = message.kind.as_ref().map_or(String::new(), |kind| format!(" ({kind})"));
    let (state, role) = match message.state {
        Some(state) => (format!(" {}", state.name()), state_role(state)),
        None => (String::new(), Role::Text),
    };
    facts.line(vec![
        (format!("{at} "), Role::Dim),
        (format!("{who}{kind}"), if message.by.is_some() { Role::Title } else { Role::Key }),
        (state, role),
    ]);
    facts.paragraph(&format!("  {}", altered(&message.text, escaped)), Role::Text);
    if let Some(note) = &message.note {
        facts.paragraph(&format!("  {note}"), if message.by.is_some() { Role::Warn } else { Role::Bad });
    }
}

/// What the status line says.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    let tab = &model.replies;
    let list = &tab.list;
    let gap = if model.size.width >= 120 { "   " } else { "  " };
    let mut parts = Vec::new();
    if let Some(error) = &list.error {
        parts.push((format!("!! {error}; r tries again{gap}"), Role::Bad));
    }
    if let Some(overview) = model.overview() {
        if tab.loaded_before(overview.heard_at) {
            parts.push((format!("newer ones: press r{gap}"), Role::Key));
        }
        parts.push((format!("{} unanswered", words::grouped(overview.unread)), Role::Text));
    }
    let more = if list.wants().is_some() { "+" } else { "" };
    parts.push((format!("{gap}{}{more} listed", words::grouped(list.rows().len() as u64)), Role::Dim));
    let marked = list.marks().len();
    if marked > 0 {
        parts.push((format!("{gap}{marked} marked"), Role::Title));
    }
    parts
}

/// A row as text for the clipboard. The phone stays masked: it has its own key.
pub fn as_text(row: &ThreadRow) -> Safe {
    let number = row.number.as_ref().map_or("-", |(_, name)| name.as_str());
    Safe::new(&format!("{} {} {} {number} {}", row.id, row.phone, row.name.as_str(), row.last_text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn an_age_takes_four_columns() {
        for (minutes, expected) in
            [(-1, "now"), (0, "now"), (1, "1m"), (59, "59m"), (60, "1h"), (1_439, "23h"), (4_320, "3d")]
        {
            assert_eq!(age(TimeDelta::minutes(minutes)), expected);
        }
    }
}
