//! What operators were told: the worst first, with who has taken note of it.

use crate::domain::ids::AlertId;
use crate::store::view::{AlertRow, Severity};
use crate::tui::lists::{Identified, LocalList, Motion, Standing};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::reread::Reread;
use crate::tui::tabs::{Place, draw_rows, empty};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column, Row};
use crate::tui::words;
use ratatui::layout::Rect;
use std::time::{Duration, Instant};

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Lines for the whole sentence of the one under the cursor.
const SENTENCE: u16 = 3;

const COLUMNS: [Column; 4] = [
    Column::left("RAISED", 11),
    Column::left("SEVERITY", 8),
    Column::left("STATE", 12),
    Column::left("WHAT", 44),
];

const WIDE_COLUMNS: [Column; 5] = [
    Column::left("RAISED", 14),
    Column::left("SEVERITY", 8),
    Column::left("KIND", 13),
    Column::left("STATE", 24),
    Column::left("WHAT", 90),
];

/// The list over whatever tab.
#[derive(Debug, Clone)]
pub struct AlertList {
    /// What is known of them.
    pub read: Reread<Vec<AlertRow>>,
    list: LocalList<AlertRow>,
}

impl Default for AlertList {
    fn default() -> Self {
        Self { read: Reread::every(AGAIN), list: LocalList::default() }
    }
}

impl Identified for AlertRow {
    type Id = AlertId;
    fn id(&self) -> AlertId {
        self.id
    }
}

impl AlertList {
    /// The one under the cursor, if it is still there.
    pub fn row(&self) -> Option<&AlertRow> {
        self.list.there()
    }

    /// Those that are listed and that nobody has taken note of.
    pub fn open(&self) -> impl Iterator<Item = &AlertRow> {
        self.list.present().filter(|row| row.acknowledged.is_none())
    }

    /// Moves.
    pub fn go(&mut self, motion: Motion, now: Instant) {
        self.list.go(motion, now);
    }

    /// Takes in what was read.
    pub fn take(&mut self, covered: bool, now: Instant) {
        if let Some(rows) = self.read.value() {
            self.list.take(rows, covered, now);
        }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let title = title(self.open());
        let foot = "a acknowledge  A all  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        if self.list.rows().is_empty() {
            let lines: Vec<&str> = match (self.read.error(), self.read.value()) {
                (Some(_), _) => vec!["The list could not be read.", "r tries again."],
                (None, None) => vec!["Reading ..."],
                (None, Some(_)) => vec!["No alerts.", "Nothing was told that is still kept."],
            };
            empty(canvas, inside, &lines);
            return;
        }
        let tall = inside.height > 2 * SENTENCE;
        let below = if tall { SENTENCE } else { 0 };
        let list = Rect { height: inside.height - below, ..inside };
        let wide = area.width >= 120;
        let columns: &[Column] = if wide { &WIDE_COLUMNS } else { &COLUMNS };
        let place = Place { cursor: self.list.cursor(), shift: 0, offset: geometry.overlay_offset };
        let drawn = draw_rows(canvas, list, columns, place, self.list.rows().iter(), |standing| Row {
            cells: cells(model, &standing.row, wide),
            gone: standing.gone,
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
        if let (true, Some(Standing { row, gone })) = (tall, self.list.current()) {
            let sentence = Rect { x: inside.x + 1, y: list.bottom(), width: inside.width - 2, height: below };
            let mut facts = Facts::new(sentence.width, model.theme);
            if *gone {
                facts.paragraph("It is not kept any more; nothing can be done to it.", Role::Warn);
            }
            facts.paragraph(row.words.as_str(), role(row));
            facts.draw(canvas, sentence, 0);
        }
    }
}

/// What nobody has taken note of, as the bell counts it: what is only worth knowing does not ring.
fn title<'a>(open: impl Iterator<Item = &'a AlertRow>) -> String {
    let (reads, rings): (Vec<_>, Vec<_>) = open.partition(|row| row.severity == Severity::Info);
    let reads = if reads.is_empty() { String::new() } else { format!(", {} to read", reads.len()) };
    format!("Alerts  {} open{reads}", rings.len())
}

fn role(row: &AlertRow) -> Role {
    match (row.severity, &row.acknowledged) {
        (_, Some(_)) => Role::Dim,
        (Severity::Critical, None) => Role::Bad,
        (Severity::Warning, None) => Role::Warn,
        (Severity::Info, None) => Role::Text,
    }
}

fn cells(model: &Model, row: &AlertRow, wide: bool) -> Vec<Cell<'static>> {
    let clock = |at| words::clock(at, model.now.wall, model.session.zone);
    let state = match (&row.acknowledged, row.ended_at) {
        (Some((by, at)), _) if wide => format!("seen by {by} {}", clock(*at)),
        (Some((by, _)), _) => format!("seen: {by}"),
        (None, Some(at)) if wide => format!("over since {}", clock(at)),
        (None, Some(_)) => "over".to_owned(),
        (None, None) => "lasts".to_owned(),
    };
    let mut cells = vec![
        clock(row.raised_at).into(),
        Cell::new(row.severity.word().to_owned(), role(row)),
        state.into(),
        Cell::new(row.words.as_str().to_owned(), role(row)),
    ];
    if wide {
        cells.insert(2, row.kind.to_string().into());
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_counts_as_the_bell_does() {
        let mut rows = crate::tui::fake::alerts(1);
        for row in &mut rows {
            row.acknowledged = None;
        }
        assert_eq!(title(rows.iter()), "Alerts  3 open, 1 to read");
        rows.retain(|row| row.severity == Severity::Info);
        assert_eq!(title(rows.iter()), "Alerts  0 open, 1 to read");
        assert_eq!(title([].iter()), "Alerts  0 open");
    }
}
