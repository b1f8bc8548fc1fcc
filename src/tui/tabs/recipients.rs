//! Recipients: pages by key around the cursor, whatever their number.

use super::{Layouts, Listing, altered, empty, gates, hold_long, no_data};
use crate::domain::action::Subject;
use crate::domain::ids::RecipientId;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{AttemptLine, MessageState, RecipientDetail, RecipientOrder, RecipientRow, Total};
use crate::tui::model::{Geometry, Model};
use crate::tui::msg::Detail;
use crate::tui::theme::Role;
use crate::tui::update::{copy::phone, spinner};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::words;
use ratatui::layout::Rect;

const COLUMNS: [Column; 7] = [
    Column::left("ID", 7),
    Column::left("PHONE", 14),
    Column::left("NAME", 11),
    Column::left("STATUS", 9),
    Column::right("T", 1),
    Column::left("UPDATED", 11),
    Column::left("ERROR", 14),
];

const COMPACT_COLUMNS: [Column; 5] = [
    Column::left("PHONE", 14),
    Column::left("NAME", 10),
    Column::left("STATUS", 9),
    Column::right("T", 1),
    Column::left("ERROR", 18),
];

const WIDE_COLUMNS: [Column; 9] = [
    Column::left("ID", 8),
    Column::left("PHONE", 16),
    Column::left("NAME", 24),
    Column::left("STATUS", 10),
    Column::right("TRY", 3),
    Column::left("UPDATED", 11),
    Column::left("NUMBER", 14),
    Column::left("CAMPAIGN", 20),
    Column::left("ERROR", 30),
];

const LAYOUTS: Layouts<RecipientRow> =
    [(120, &WIDE_COLUMNS, wide_cells), (76, &COLUMNS, cells), (0, &COMPACT_COLUMNS, compact_cells)];

/// Draws the tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    geometry.panel = false;
    let tab = &model.recipients;
    let list = &tab.list;
    let scope = match tab.campaign {
        Some(id) => model.campaign(id).map_or("a campaign that is gone", |row| row.name.as_str()),
        None => "all campaigns",
    };
    let wait = match (list.asked.is_some(), spinner(model)) {
        (true, Some(_)) if model.theme.reduce_motion => "  loading".to_owned(),
        (true, Some(frame)) => {
            format!("  {} loading", ["|", "/", "-", "\\"][usize::try_from(frame % 4).unwrap_or(0)])
        }
        _ => String::new(),
    };
    let title = format!("Recipients  {scope}{wait}");
    let foot = match tab.order {
        RecipientOrder::Updated => "order: updated desc",
        RecipientOrder::Enrolled => "order: as enrolled",
    };
    let foot = if tab.filter_text.is_empty() {
        foot.to_owned()
    } else {
        format!("filter: {}  {foot}", tab.filter_text)
    };
    let inside = canvas.panel(area, Border { title: &title, foot: &foot, double: false }, Role::Frame);
    if list.rows().is_empty() {
        nothing(model, canvas, inside);
    }
    let listing = Listing { width: area.width, area: inside, layouts: &LAYOUTS, subject: Subject::Recipient };
    listing.draw_paged(model, canvas, list, geometry);
}

fn nothing(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let list = &model.recipients.list;
    if let Some(lines) = no_data(model) {
        return empty(canvas, area, &lines);
    }
    match &list.error {
        Some(error) => {
            empty(canvas, area, &["This could not be read.", &error.to_string(), "r tries again."]);
        }
        None if !list.loaded => empty(canvas, area, &["Reading ...", ""]),
        None if !model.recipients.filter_text.is_empty() => {
            empty(canvas, area, &["Nobody fits the filter.", "Esc takes the filter away."]);
        }
        None if model.campaigns.total == 0 => {
            empty(
                canvas,
                area,
                &["No campaign, so no recipients.", "Make one with  signalbox campaign create FILE.toml"],
            );
        }
        None => empty(canvas, area, &["Nobody is enrolled here.", "C chooses another campaign."]),
    }
}

/// The role of a state's word.
pub fn state_role(state: MessageState) -> Role {
    match state {
        MessageState::Queued | MessageState::Accepted => Role::Text,
        MessageState::Sending => Role::Warn,
        MessageState::Delivered | MessageState::Read => Role::Good,
        MessageState::Failed => Role::Bad,
        MessageState::InDoubt => Role::Doubt,
        MessageState::Skipped => Role::Dim,
    }
}

/// The end of an id: enough to tell rows apart.
pub fn short_id(id: uuid::Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - 7..].to_owned()
}

fn state(model: &Model, row: &RecipientRow) -> Cell<'static> {
    if model.is_pending(Subject::Recipient(row.id)) {
        return Cell::new("working", Role::Warn);
    }
    Cell::new(row.state.name(), state_role(row.state))
}

fn cells(model: &Model, row: &RecipientRow) -> Vec<Cell<'static>> {
    vec![
        short_id(row.id.0).into(),
        phone(model, Subject::Recipient(row.id), &row.phone).into(),
        row.name.as_str().to_owned().into(),
        state(model, row),
        row.tries.to_string().into(),
        words::clock(row.updated_at, model.now.wall, model.session.zone).into(),
        error(row),
    ]
}

fn compact_cells(model: &Model, row: &RecipientRow) -> Vec<Cell<'static>> {
    let mut cells = cells(model, row);
    for at in [5, 0] {
        cells.remove(at);
    }
    cells
}

fn wide_cells(model: &Model, row: &RecipientRow) -> Vec<Cell<'static>> {
    let mut cells = cells(model, row);
    cells.insert(6, row.number.as_ref().map_or("-", Shown::as_str).to_owned().into());
    cells.insert(7, Cell::new(row.campaign_name.as_str().to_owned(), Role::Dim));
    cells
}

fn error(row: &RecipientRow) -> Cell<'static> {
    let role = if row.state == MessageState::Failed { Role::Bad } else { Role::Dim };
    Cell::new(row.error.as_ref().map_or(String::new(), ToString::to_string), role)
}

/// Everything that the list knows about one recipient.
pub fn describe(facts: &mut Facts, model: &Model, row: &RecipientRow, escaped: bool) {
    facts.fact("Name", &altered(&row.name, escaped), Role::Text);
    let shown = phone(model, Subject::Recipient(row.id), &row.phone);
    let hint = if model.is_revealed(Subject::Recipient(row.id)) { "" } else { "   (m: show)" };
    facts.fact("Phone", &format!("{shown}{hint}"), Role::Text);
    facts.fact("Status", &format!("{} (try {})", row.state.name(), row.tries), state_role(row.state));
    facts.maybe("Error", row.error.as_deref(), Role::Bad);
    facts.fact("Campaign", &altered(&row.campaign_name, escaped), Role::Text);
    facts.maybe("Number", row.number.as_ref().map(Shown::as_str), Role::Text);
    facts.fact("Updated", &words::clock(row.updated_at, model.now.wall, model.session.zone), Role::Text);
}

/// Why the recipient waits, and every attempt in the provider's own words.
pub fn history(facts: &mut Facts, model: &Model, id: RecipientId) {
    let detail = match model.shown.as_ref().and_then(|shown| shown.detail.as_ref()) {
        Some(Detail::Recipient(detail)) if detail.id == id => detail,
        _ => {
            facts.gap();
            return facts.paragraph("Reading ...", Role::Dim);
        }
    };
    facts.fact("Step", &format!("{} of {}", detail.step.0, detail.step.1), Role::Text);
    facts.maybe("Variant", detail.variant.as_deref(), Role::Text);
    if let Some(date) = detail.planned_on {
        facts.fact("Planned", &date.to_string(), Role::Text);
    }
    if let Some(due) = detail.due_at {
        let clock = words::clock(due, model.now.wall, model.session.zone);
        facts.fact("Due", &format!("{clock} ({})", words::relative(due, model.now.wall)), Role::Text);
    }
    if let Some(hold) = &detail.hold {
        facts.fact("Waits", &hold_long(hold, model), Role::Warn);
    }
    let accepted = detail.attempts.iter().filter(|attempt| attempt.outcome.as_str() == "accepted").count();
    facts.heading("Attempts");
    for attempt in &detail.attempts {
        one_attempt(facts, model, attempt);
    }
    if detail.attempts.iter().any(|attempt| attempt.said.is_some()) {
        facts.paragraph(
            "What was said is written again from the step as it was then and the values frozen for this person.",
            Role::Dim,
        );
    }
    match (detail.attempts.len(), accepted) {
        (0, _) => facts.paragraph("None yet.", Role::Dim),
        (_, 0) => {}
        (_, 1) => facts.paragraph("One accepted attempt.", Role::Good),
        (_, many) => {
            facts.paragraph(&format!("{many} accepted attempts, of several steps or resent."), Role::Warn);
        }
    }
    gates(facts, &detail.gates, model);
    elsewhere(facts, model, detail);
}

/// The same person in other campaigns.
fn elsewhere(facts: &mut Facts, model: &Model, detail: &RecipientDetail) {
    if detail.elsewhere.is_empty() {
        return;
    }
    facts.heading("Other campaigns");
    for line in &detail.elsewhere {
        let at = line
            .last_attempt_at
            .map_or_else(|| "-".into(), |at| words::clock(at, model.now.wall, model.session.zone));
        let step = if line.step.1 > 1 {
            format!(", step {} of {}", line.step.0, line.step.1)
        } else {
            String::new()
        };
        let variant = line.variant.as_ref().map_or(String::new(), |name| format!(", variant {name}"));
        let reason = line.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        facts.line(vec![
            (format!("{} ", line.campaign.as_str()), Role::Text),
            (format!("{}{reason}{step}{variant}", line.state.name()), state_role(line.state)),
            (format!("  {at}"), Role::Dim),
        ]);
    }
}

fn one_attempt(facts: &mut Facts, model: &Model, attempt: &AttemptLine) {
    let at = words::clock(attempt.started_at, model.now.wall, model.session.zone);
    let role = match attempt.outcome.as_str() {
        "accepted" => Role::Good,
        "in doubt" => Role::Doubt,
        "sending" | "not sent" => Role::Warn,
        "rejected" => Role::Bad,
        _ => Role::Dim,
    };
    let took = attempt.took.map_or(String::new(), |took| format!(" {}", words::length(took)));
    let code = attempt.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
    facts.line(vec![
        (format!("{at} {} ", attempt.number.as_str()), Role::Text),
        (format!("{}{code}", attempt.outcome), role),
        (took, Role::Dim),
    ]);
    if !attempt.words.as_str().is_empty() {
        facts.paragraph(&format!("  \"{}\"", attempt.words.as_str()), Role::Dim);
    }
    if let Some(id) = &attempt.provider_message_id {
        facts.paragraph(&format!("  message {id}"), Role::Dim);
    }
    facts.paragraph(&format!("  step {}, sent by {}", attempt.step, attempt.instance), Role::Dim);
    if let Some(said) = &attempt.said {
        facts.paragraph(&format!("  said: {}", said.as_str()), Role::Text);
    }
    for receipt in &attempt.receipts {
        let at = words::clock(receipt.at, model.now.wall, model.session.zone);
        let role = match receipt.what.as_str() {
            "failed" => Role::Bad,
            "delivered" | "read" => Role::Good,
            _ => Role::Text,
        };
        let why = receipt.why.as_ref().map_or(String::new(), |why| format!(" {why}"));
        facts.paragraph(&format!("  {at} reported {}{why}", receipt.what), role);
    }
}

/// What the status line says.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    let tab = &model.recipients;
    let list = &tab.list;
    let wide = model.size.width >= 120;
    let gap = if wide { "   " } else { "  " };
    let mut parts = Vec::new();
    if let Some(error) = &list.error {
        parts.push((format!("!! {error}; r tries again{gap}"), Role::Bad));
    }
    match (tab.newer, wide) {
        (0, _) => {}
        (1000.., _) => parts.push((format!("1 000+ newer rows: press r{gap}"), Role::Key)),
        (newer, _) => parts.push((format!("{}: press r{gap}", words::count(newer, "newer row")), Role::Key)),
    }
    let first = model.geometry.list_offset;
    let end = (first + model.geometry.list_rows).min(list.rows().len());
    match list.first() {
        _ if list.rows().is_empty() => {}
        Some(start) => {
            let from = words::grouped(start + first as u64 + 1);
            let to = words::grouped(start + end as u64);
            parts.push((format!("rows {from}-{to}{gap}"), Role::Text));
        }
        None => parts.push((format!("rows from the end{gap}"), Role::Text)),
    }
    if wide {
        parts.push((format!("loaded {}{gap}", words::grouped(list.rows().len() as u64)), Role::Dim));
    }
    parts.push(match tab.total {
        Some(Total::Exactly(total)) => (format!("of {}", words::grouped(total)), Role::Text),
        Some(Total::About(Some(guess))) => {
            let estimate = if wide { " (estimate)" } else { "" };
            (format!("of about {}{estimate}", words::short_count(guess)), Role::Text)
        }
        Some(Total::About(None)) => ("of 10 000+".into(), Role::Text),
        None => (String::new(), Role::Dim),
    });
    let marked = list.marks().len();
    if marked > 0 {
        parts.push((format!("{gap}{marked} marked"), Role::Title));
    }
    if let Some(took) = tab.page_took.filter(|_| wide) {
        parts.push((format!("{gap}page in {}", words::length(took)), Role::Dim));
    }
    parts
}

/// A row as text for the clipboard. The phone stays masked: it has its own key.
pub fn as_text(row: &RecipientRow) -> Safe {
    Safe::new(&format!(
        "{} {} {} {} try {}",
        row.id,
        row.phone,
        row.name.as_str(),
        row.state.name(),
        row.tries
    ))
}
