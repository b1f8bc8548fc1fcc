//! Where alerts go besides the console, and whether they get through.

use crate::domain::channel::Medium;
use crate::domain::ids::ChannelId;
use crate::store::view::ChannelRow;
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
/// Lines for all of the one under the cursor.
const ALL_OF_IT: u16 = 6;

const COLUMNS: [Column; 5] = [
    Column::left("NAME", 13),
    Column::left("KIND", 7),
    Column::left("TO", 29),
    Column::left("LEAST", 8),
    Column::left("STATE", 16),
];

const WIDE_COLUMNS: [Column; 8] = [
    Column::left("NAME", 18),
    Column::left("KIND", 7),
    Column::left("TO", 44),
    Column::left("LEAST", 8),
    Column::left("KINDS", 28),
    Column::left("REPORT", 6),
    Column::right("WAITING", 7),
    Column::left("STATE", 25),
];

/// The list over whatever tab.
#[derive(Debug, Clone)]
pub struct ChannelList {
    /// What is known of them.
    pub read: Reread<Vec<ChannelRow>>,
    list: LocalList<ChannelRow>,
}

impl Default for ChannelList {
    fn default() -> Self {
        Self { read: Reread::every(AGAIN), list: LocalList::default() }
    }
}

impl Identified for ChannelRow {
    type Id = ChannelId;
    fn id(&self) -> ChannelId {
        self.id
    }
}

/// Whether this operator adds and removes channels, and leads them to another server.
pub fn leads(model: &Model) -> bool {
    model.may_act() && model.session.role.as_str() == "admin"
}

impl ChannelList {
    /// The one under the cursor, if it is still there.
    pub fn row(&self) -> Option<&ChannelRow> {
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
        let read_only = if model.may_act() { "" } else { "  READ-ONLY" };
        let title = format!("Alert channels  {}{read_only}", model.session.organisation);
        let inside = canvas.panel(area, Border { title: &title, foot: "", double: false }, Role::Frame);
        if self.list.rows().is_empty() {
            let lines: Vec<&str> = match (self.read.error(), self.read.value()) {
                (Some(_), _) => vec!["The list could not be read.", "r tries again."],
                (None, None) => vec!["Reading ..."],
                (None, Some(_)) if leads(model) => {
                    vec!["Alerts are shown here, and go nowhere else.", "n adds mailboxes or a webhook."]
                }
                (None, Some(_)) => vec!["Alerts are shown here, and go nowhere else.", who_adds(model)],
            };
            empty(canvas, inside, &lines);
            return;
        }
        let tall = inside.height > ALL_OF_IT + 4;
        let below = if tall { ALL_OF_IT } else { 0 };
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
        if let (true, Some(standing)) = (tall, self.list.current()) {
            let all = Rect { x: inside.x + 1, y: list.bottom(), width: inside.width - 2, height: below };
            let mut facts = Facts::new(all.width, model.theme);
            self.all_of_it(&mut facts, standing, model);
            facts.draw(canvas, all, 0);
        }
    }

    fn all_of_it(&self, facts: &mut Facts, Standing { row, gone }: &Standing<ChannelRow>, model: &Model) {
        if *gone {
            facts.paragraph("It was removed; nothing can be done to it.", Role::Warn);
        }
        if let Some(error) = self.read.error() {
            let said = format!("This is of before; it could not be read again: {error}");
            facts.paragraph(&said, Role::Warn);
        }
        if let Some((since, why)) = &row.failing {
            let since = words::clock(*since, model.now.wall, model.session.zone);
            let waiting = words::grouped(row.waiting);
            let said = format!("Nothing gets through since {since}, {waiting} waiting: {}", why.as_str());
            facts.paragraph(&said, Role::Bad);
        }
        facts.paragraph(&leads_to(row), Role::Text);
        facts.paragraph(&goes_there(row), Role::Text);
        if !leads(model) {
            facts.paragraph(who_adds(model), Role::Dim);
        }
    }
}

fn who_adds(model: &Model) -> &'static str {
    if model.may_act() {
        "Admins add and remove channels, and lead them to another server."
    } else {
        "READ-ONLY: this can be read, and changed by who may."
    }
}

fn leads_to(row: &ChannelRow) -> String {
    match row.medium {
        Medium::Webhook => format!("Posts to {}, signed with its secret.", row.address.as_str()),
        Medium::Email => {
            let text = |shown: &Option<crate::domain::text::Shown>| {
                shown.as_ref().map(|shown| shown.as_str().to_owned()).unwrap_or_default()
            };
            let password = if row.has_secret { ", with a password" } else { "" };
            let (from, server) = (text(&row.mail_from), text(&row.smtp));
            format!("Mail from {from} to {}, through {server}{password}.", row.address.as_str())
        }
    }
}

fn goes_there(row: &ChannelRow) -> String {
    let least = match row.least.as_str() {
        "info" => "everything",
        "critical" => "what is critical",
        _ => "warnings and what is critical",
    };
    let kinds = match &row.kinds {
        None => String::new(),
        Some(_) => format!(" of {}", row.kinds_in_words()),
    };
    let report = if row.daily_report { ", and the report of the day before" } else { "" };
    let off = if row.is_active { "" } else { "It is off. " };
    format!("{off}There goes {least}{kinds}{report}.")
}

fn cells(model: &Model, row: &ChannelRow, wide: bool) -> Vec<Cell<'static>> {
    let (state, role) = match (&row.failing, row.is_active) {
        (_, false) => ("off".to_owned(), Role::Dim),
        (Some((since, _)), true) => {
            let since = words::clock(*since, model.now.wall, model.session.zone);
            (if wide { format!("fails since {since}") } else { "fails".to_owned() }, Role::Bad)
        }
        (None, true) => ("on".to_owned(), Role::Text),
    };
    let medium = match row.medium {
        Medium::Email => "mail",
        Medium::Webhook => "webhook",
    };
    let mut cells: Vec<Cell<'static>> = vec![
        row.name.as_str().to_owned().into(),
        medium.to_owned().into(),
        row.address.as_str().to_owned().into(),
        row.least.as_str().to_owned().into(),
    ];
    if wide {
        cells.push(row.kinds_in_words().into());
        cells.push(if row.daily_report { "yes" } else { "no" }.to_owned().into());
        cells.push(words::grouped(row.waiting).into());
    }
    cells.push(Cell::new(state, role));
    cells
}
