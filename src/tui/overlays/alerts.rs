//! What operators were told: the worst first, with who has taken note of it.

use crate::store::view::{AlertRow, Severity};
use crate::tui::lists::Motion;
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
use std::time::Duration;

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
    cursor: usize,
}

impl Default for AlertList {
    fn default() -> Self {
        Self { read: Reread::every(AGAIN), cursor: 0 }
    }
}

impl AlertList {
    fn rows(&self) -> &[AlertRow] {
        self.read.value().map_or(&[], |rows| rows.as_slice())
    }

    fn place(&self) -> usize {
        self.cursor.min(self.rows().len().saturating_sub(1))
    }

    /// The one under the cursor.
    pub fn row(&self) -> Option<&AlertRow> {
        self.rows().get(self.place())
    }

    /// How many nobody has taken note of.
    pub fn open(&self) -> usize {
        self.rows().iter().filter(|row| row.acknowledged.is_none()).count()
    }

    /// Moves.
    pub fn go(&mut self, motion: Motion) {
        self.cursor = motion.from(self.place(), self.rows().len());
    }

    /// What was read now stays under the cursor if it is still there.
    pub fn keep(&mut self, under: Option<&AlertRow>) {
        let id = under.map(|row| row.id);
        self.cursor = self.rows().iter().position(|row| Some(row.id) == id).unwrap_or(self.place());
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let title = format!("Alerts  {} open", self.open());
        let foot = "a acknowledge  A all  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        if self.rows().is_empty() {
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
        let place = Place { cursor: self.place(), shift: 0, offset: geometry.overlay_offset };
        let drawn = draw_rows(canvas, list, columns, place, self.rows().iter(), |row| Row {
            cells: cells(model, row, wide),
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
        if let (true, Some(row)) = (tall, self.row()) {
            let sentence = Rect { x: inside.x + 1, y: list.bottom(), width: inside.width - 2, height: below };
            let mut facts = Facts::new(sentence.width, model.theme);
            facts.paragraph(row.words.as_str(), role(row));
            facts.draw(canvas, sentence, 0);
        }
    }
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
