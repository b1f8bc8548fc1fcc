//! What runs, in which order and with which share, what starts when, and what waits behind what.

use crate::store::view::{CampaignRow, CampaignStanding, QueueLine};
use crate::tui::backend::BackendError;
use crate::tui::model::{Geometry, Model};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// The panel over the Campaigns tab.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// Lines scrolled.
    pub scroll: usize,
    queue: Option<Arc<Vec<QueueLine>>>,
    error: Option<BackendError>,
    waiting: Option<u64>,
    asked_at: Option<Instant>,
}

impl Schedule {
    /// Whether it is to be asked for now; then it waits for the answer to this question.
    pub fn wants(&mut self, request: u64, now: Instant) -> bool {
        let due = self.asked_at.is_none_or(|asked| now >= asked + AGAIN);
        if self.waiting.is_some() || !due {
            return false;
        }
        (self.waiting, self.asked_at) = (Some(request), Some(now));
        true
    }

    /// When it is to be asked for by itself.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.asked_at.map(|at| at + AGAIN)
    }

    /// The question did not get out: it will be asked again.
    pub fn not_asked(&mut self, request: u64) {
        if self.waiting == Some(request) {
            (self.waiting, self.asked_at) = (None, None);
        }
    }

    /// Takes in an answer; whether it is the one that is waited for.
    pub fn answer(&mut self, request: u64, answer: Result<Arc<Vec<QueueLine>>, BackendError>) -> bool {
        if self.waiting != Some(request) {
            return false;
        }
        self.waiting = None;
        match answer {
            Ok(queue) => (self.queue, self.error) = (Some(queue), None),
            Err(error) => self.error = Some(error),
        }
        true
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let border = Border { title: "Schedule and queue", foot: "j k scroll  Esc closes", double: false };
        let inside = canvas.panel(area, border, Role::Frame);
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        let mut facts = Facts::new(inside.width, model.theme);
        if let Some(error) = &self.error {
            facts.paragraph(&format!("What waits behind what could not be read: {error}"), Role::Warn);
        }
        self.lines(&mut facts, model, usize::from(inside.width));
        geometry.overlay_rows = usize::from(inside.height);
        geometry.overlay_lines = facts.len();
        facts.draw(canvas, inside, self.scroll);
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
            rows.sort_by_key(|row| (row.priority, row.starts_at, row.id));
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
            row.priority,
            row.weight,
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
        let behind = self.queue.iter().flat_map(|queue| queue.iter()).find(|line| line.campaign == row.id);
        match (row.standing, &row.hold, behind) {
            (Active, Some(hold), _) => (hold.sentence.to_string(), Role::Warn),
            (Active, None, _) => (
                row.done_at.map_or_else(|| "-".to_owned(), |done| format!("done about {}", at(done))),
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
