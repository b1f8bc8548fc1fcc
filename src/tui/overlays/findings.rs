//! What is worth knowing of a campaign: what is to be fixed or accepted, and what is only to be known.

use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::{CampaignRow, FindingRow};
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
    /// What is known of them.
    pub read: Reread<Vec<FindingRow>>,
    name: Shown,
    list: LocalList<FindingRow>,
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
        let list = LocalList::default();
        Self { campaign: row.id, read: Reread::every(AGAIN), name: row.name.clone(), list }
    }

    /// Of which campaign.
    pub fn name(&self) -> &Shown {
        &self.name
    }

    /// The one under the cursor, if it is still there.
    pub fn row(&self) -> Option<&FindingRow> {
        self.list.there()
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
        let open = self.list.present().filter(|row| row.risk && row.accepted.is_none()).count();
        let title = format!("Findings of {}  {open} to fix or accept", self.name.as_str());
        let foot = "a accept  Esc closes";
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        if self.list.rows().is_empty() {
            let lines: Vec<&str> = match (self.read.error(), self.read.value()) {
                (Some(_), _) => vec!["The findings could not be read.", "r tries again."],
                (None, None) => vec!["Reading ..."],
                (None, Some(_)) => vec!["Nothing to fix and nothing to accept."],
            };
            empty(canvas, inside, &lines);
            return;
        }
        let tall = inside.height > 2 * WHOLE;
        let below = if tall { WHOLE } else { 0 };
        let list = Rect { height: inside.height - below, ..inside };
        let columns: &[Column] = if area.width >= 120 { &WIDE_COLUMNS } else { &COLUMNS };
        let place = Place { cursor: self.list.cursor(), shift: 0, offset: geometry.overlay_offset };
        let drawn = draw_rows(canvas, list, columns, place, self.list.rows().iter(), |standing| Row {
            cells: cells(&standing.row),
            gone: standing.gone,
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
        if let (true, Some(Standing { row, gone })) = (tall, self.list.current()) {
            let whole = Rect { x: inside.x + 1, y: list.bottom(), width: inside.width - 2, height: below };
            let mut facts = Facts::new(whole.width, model.theme);
            if *gone {
                facts.paragraph("It is found no more; there is nothing to accept.", Role::Warn);
            }
            facts.paragraph(row.sentence.as_str(), role(row));
            if let Some((by, at, reason)) = &row.accepted {
                let at = words::clock(*at, model.now.wall, model.session.zone);
                facts.paragraph(&format!("accepted by {by} {at}: {}", reason.as_str()), Role::Text);
            }
            facts.draw(canvas, whole, 0);
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
