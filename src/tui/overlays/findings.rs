//! What is worth knowing of a campaign: what is to be fixed or accepted, and what is only to be known.

use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::{CampaignRow, FindingRow};
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
const AGAIN: Duration = Duration::from_secs(10);
/// Lines for everything about the one under the cursor.
const WHOLE: u16 = 6;

const COLUMNS: [Column; 3] =
    [Column::left("WEIGHT", 8), Column::left("FINDING", 22), Column::left("WHAT", 44)];
const WIDE_COLUMNS: [Column; 3] =
    [Column::left("WEIGHT", 18), Column::left("FINDING", 26), Column::left("WHAT", 108)];

/// The list over the Campaigns tab.
#[derive(Debug, Clone)]
pub struct FindingList {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// They.
    pub rows: RereadList<FindingRow>,
    name: Shown,
}

impl Identified for FindingRow {
    type Id = String;
    fn id(&self) -> String {
        self.finding.clone()
    }
}

impl FindingList {
    /// For the campaign of this row; nothing is known yet.
    pub fn new(row: &CampaignRow) -> Self {
        Self { campaign: row.id, rows: RereadList::every(AGAIN), name: row.name.clone() }
    }

    /// Of which campaign.
    pub fn name(&self) -> &Shown {
        &self.name
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let open = self.rows.present().filter(|row| row.risk && row.accepted.is_none()).count();
        let title = format!("Findings of {}  {open} to fix or accept", self.name.as_str());
        let foot = "a accept  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        let sheet = Sheet {
            columns: if area.width >= 120 { &WIDE_COLUMNS } else { &COLUMNS },
            cells: &cells,
            below: if inside.height > 2 * WHOLE { WHOLE } else { 0 },
            none: &["Nothing to fix and nothing to accept."],
            failed: "The findings could not be read.",
        };
        if let Some((Standing { row, gone }, below)) = self.rows.draw(canvas, inside, &sheet, geometry) {
            let mut facts = Facts::new(below.width, model.theme);
            if *gone {
                facts.paragraph("It is found no more; there is nothing to accept.", Role::Warn);
            }
            facts.paragraph(row.sentence.as_str(), role(row));
            if let Some((by, at, reason)) = &row.accepted {
                let at = words::clock(*at, model.now.wall, model.session.zone);
                facts.paragraph(&format!("accepted by {by} {at}: {}", reason.as_str()), Role::Text);
            }
            facts.draw(canvas, below, 0);
        }
    }
}

fn role(row: &FindingRow) -> Role {
    match (row.risk, &row.accepted) {
        (_, Some(_)) => Role::Dim,
        (true, None) => Role::Bad,
        (false, None) => Role::Text,
    }
}

fn cells(row: &FindingRow) -> Vec<Cell<'static>> {
    let weight = match (row.risk, &row.accepted) {
        (_, Some(_)) => "accepted",
        (true, None) => "risk",
        (false, None) => "remark",
    };
    vec![
        Cell::new(weight.to_owned(), role(row)),
        row.finding.clone().into(),
        Cell::new(row.sentence.as_str().to_owned(), role(row)),
    ]
}
