//! Attempts that nobody knows the end of: evidence, age, verdicts.

use crate::domain::action::Subject;
use crate::store::view::DoubtRow;
use crate::tui::model::{Geometry, Model};
use crate::tui::tabs::{Place, draw_rows, empty};
use crate::tui::theme::Role;
use crate::tui::update::copy::phone;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column, Row};
use crate::tui::words;
use ratatui::layout::Rect;

const COLUMNS: [Column; 5] = [
    Column::left("SINCE", 11),
    Column::left("PHONE", 14),
    Column::left("NUMBER", 12),
    Column::right("ASKED", 5),
    Column::left("WHAT IS KNOWN", 30),
];

const WIDE_COLUMNS: [Column; 7] = [
    Column::left("SINCE", 14),
    Column::left("PHONE", 15),
    Column::left("NAME", 22),
    Column::left("CAMPAIGN", 20),
    Column::left("NUMBER", 14),
    Column::right("ASKED", 5),
    Column::left("WHAT IS KNOWN", 40),
];

type Cells = fn(&Model, &DoubtRow) -> Vec<Cell<'static>>;

/// Draws the list.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let list = &model.doubts;
    let total = model.overview().map_or(0, |overview| overview.in_doubt);
    canvas.clear(area);
    let title = format!("In doubt  {}", words::grouped(total));
    let inside = canvas.panel(
        area,
        Border { title: &title, foot: "s was sent  n was not  e resend  Esc closes", double: false },
        Role::Doubt,
    );
    geometry.overlay_rows = usize::from(inside.height.saturating_sub(1));
    if list.rows().is_empty() {
        let lines: Vec<&str> = match (&list.error, list.loaded) {
            (Some(_), _) => vec!["The list could not be read.", "r tries again."],
            (None, false) => vec!["Reading ..."],
            (None, true) => vec!["Nothing is in doubt.", "Every attempt has a known end."],
        };
        empty(canvas, inside, &lines);
        return;
    }
    let (columns, cells): (&[Column], Cells) =
        if area.width >= 120 { (&WIDE_COLUMNS, wide_cells) } else { (&COLUMNS, narrow_cells) };
    let place = Place { cursor: list.cursor(), shift: list.shift, offset: geometry.overlay_offset };
    let drawn = draw_rows(canvas, inside, columns, place, list.rows().iter(), |kept| Row {
        cells: cells(model, &kept.row),
        gone: kept.gone,
        changed: model.is_pending(Subject::Attempt(kept.row.id)),
        ..Row::default()
    });
    (geometry.overlay_rows, geometry.overlay_offset) = drawn;
}

fn narrow_cells(model: &Model, row: &DoubtRow) -> Vec<Cell<'static>> {
    vec![
        clock(model, row).into(),
        phone(model, row.about, &row.phone).into(),
        row.number.as_str().to_owned().into(),
        row.asked.0.to_string().into(),
        Cell::new(row.evidence.as_str().to_owned(), Role::Doubt),
    ]
}

fn wide_cells(model: &Model, row: &DoubtRow) -> Vec<Cell<'static>> {
    let mut cells = narrow_cells(model, row);
    cells.insert(2, row.name.as_str().to_owned().into());
    cells.insert(3, row.campaign.as_str().to_owned().into());
    cells
}

fn clock(model: &Model, row: &DoubtRow) -> String {
    words::clock(row.started_at, model.now.wall, model.session.zone)
}

/// What is known about one of them.
pub fn describe(facts: &mut Facts, model: &Model, row: &DoubtRow) {
    let shown = phone(model, row.about, &row.phone);
    facts.fact("Name", row.name.as_str(), Role::Text);
    facts.fact("Phone", &format!("{shown}   (m: show)"), Role::Text);
    facts.fact("Campaign", row.campaign.as_str(), Role::Text);
    facts.fact("Number", row.number.as_str(), Role::Text);
    facts.fact(
        "Since",
        &format!("{} ({})", clock(model, row), words::relative(row.started_at, model.now.wall)),
        Role::Text,
    );
    facts.fact("Known", row.evidence.as_str(), Role::Doubt);
    facts.fact("Asked", &format!("{} times: {}", row.asked.0, row.asked.1), Role::Text);
    facts.gap();
    facts.paragraph("s it was sent   n it was not   e resend, with a reason", Role::Key);
}
