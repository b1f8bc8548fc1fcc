//! What operators were told: the worst first, with who has taken note of it.

use crate::domain::ids::AlertId;
use crate::store::view::{AlertRow, Severity};
use crate::tui::lists::{Identified, Standing};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::reread::{RereadList, Sheet};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column};
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
pub type AlertList = RereadList<AlertRow>;

impl Default for AlertList {
    fn default() -> Self {
        Self::every(AGAIN)
    }
}

impl Identified for AlertRow {
    type Id = AlertId;
    fn id(&self) -> AlertId {
        self.id
    }
}

impl AlertList {
    /// Those that are listed and that nobody has taken note of.
    pub fn open(&self) -> impl Iterator<Item = &AlertRow> {
        self.present().filter(|row| row.acknowledged.is_none())
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let title = title(self.open());
        let foot = "a acknowledge  A all  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        let wide = area.width >= 120;
        let sheet = Sheet {
            columns: if wide { &WIDE_COLUMNS } else { &COLUMNS },
            cells: &|row| cells(model, row, wide),
            below: if inside.height > 2 * SENTENCE { SENTENCE } else { 0 },
            none: &["No alerts.", "Nothing was told that is still kept."],
            failed: "The list could not be read.",
        };
        if let Some((Standing { row, gone }, below)) = self.draw(canvas, inside, &sheet, geometry) {
            let mut facts = Facts::new(below.width, model.theme);
            if *gone {
                facts.paragraph("It is not kept any more; nothing can be done to it.", Role::Warn);
            }
            facts.paragraph(row.words.as_str(), role(row));
            facts.draw(canvas, below, 0);
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
