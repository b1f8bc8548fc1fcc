//! What runs, in which order and with which share, what starts when, and what waits behind what.

use crate::store::view::{CampaignRow, CampaignStanding, QueueLine};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use ratatui::layout::Rect;
use std::time::Duration;

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// The panel over the Campaigns tab.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Lines scrolled.
    pub scroll: usize,
    /// What waits behind what, as it is known.
    pub queue: Reread<Vec<QueueLine>>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { scroll: 0, queue: Reread::every(AGAIN) }
    }
}

impl Schedule {
    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let border = Border { title: "Schedule and queue", foot: "j k scroll  Esc closes", double: false };
        scrolled(model, canvas, area, geometry, border, |facts, (columns, _)| {
            if let Some(error) = self.queue.error() {
                facts.paragraph(&format!("What waits behind what could not be read: {error}"), Role::Warn);
            }
            self.lines(facts, model, columns);
            self.scroll
        });
    }

    fn lines(&self, facts: &mut Facts, model: &Model, columns: usize) {
        use CampaignStanding::{Active, Draft, Paused, Scheduled};
        let Some(overview) = model.overview() else {
            facts.paragraph("Reading ...", Role::Dim);
            return;
        };
        let of = |standings: &[CampaignStanding]| {
            let mut rows: Vec<&CampaignRow> =
                overview.campaigns.iter().filter(|row| standings.contains(&row.standing)).collect();
            rows.sort_by_key(|row| (row.terms.priority, row.starts_at, row.id));
            rows
        };
        let mut scheduled = of(&[Scheduled]);
        scheduled.sort_by_key(|row| (row.starts_at.is_none(), row.starts_at, row.id));
        let groups = [
            ("Running: lower priority numbers first, equal ones share", of(&[Active, Paused])),
            ("To come", scheduled),
            ("By hand", of(&[Draft])),
        ];
        for (heading, rows) in groups {
            if rows.is_empty() {
                continue;
            }
            facts.heading(heading);
            let head =
                format!("{:>4} {:>5} {:20} {:9} {:>9}  WHEN", "PRIO", "SHARE", "NAME", "STATE", "QUEUED");
            facts.line(vec![(head, Role::Dim)]);
            for row in rows {
                self.line(facts, model, row, columns);
            }
        }
        if facts.is_empty() {
            facts.paragraph("Nothing runs and nothing is to come.", Role::Dim);
        }
    }

    fn line(&self, facts: &mut Facts, model: &Model, row: &CampaignRow, columns: usize) {
        let ascii = model.theme.ascii;
        let name = words::fit(row.name.as_str(), 20, ascii);
        let pad = " ".repeat(20_usize.saturating_sub(words::width(&name)));
        let figures = format!(
            "{:>4} {:>5} {name}{pad} {:9} {:>9}  ",
            row.terms.priority,
            row.terms.weight,
            row.standing.name().to_uppercase(),
            words::short_count(row.counts.queued)
        );
        let (when, role) = self.when(model, row);
        let room = columns.saturating_sub(words::width(&figures));
        facts.line(vec![(figures, Role::Text), (words::fit(&when, room, ascii).into_owned(), role)]);
    }

    fn when(&self, model: &Model, row: &CampaignRow) -> (String, Role) {
        use CampaignStanding::{Active, Draft, Scheduled};
        let at = |at| words::opening(at, model.now.wall, model.session.zone);
        let behind = self
            .queue
            .value()
            .into_iter()
            .flat_map(|queue| queue.iter())
            .find(|line| line.campaign == row.id);
        match (row.standing, &row.hold, behind) {
            (Active, Some(hold), _) => (hold.sentence.to_string(), Role::Warn),
            (Active, None, _) => (
                row.done_at.map_or_else(|| "-".to_owned(), |done| format!("due by about {}", at(done))),
                Role::Text,
            ),
            (Draft | Scheduled, _, Some(line)) => {
                let from =
                    row.starts_at.map_or_else(String::new, |starts| format!(", not before {}", at(starts)));
                (format!("after {}{from}", line.behind.as_str()), Role::Text)
            }
            (Draft | Scheduled, _, None) => (
                row.starts_at
                    .map_or_else(|| "by hand: L".to_owned(), |starts| format!("starts {}", at(starts))),
                Role::Text,
            ),
            _ => (format!("since {} by {}", at(row.since), row.by), Role::Dim),
        }
    }
}
