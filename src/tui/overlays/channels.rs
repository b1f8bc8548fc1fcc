//! Where alerts go besides the console, and whether they get through.

use crate::domain::channel::Medium;
use crate::domain::ids::ChannelId;
use crate::store::view::ChannelRow;
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
pub type ChannelList = RereadList<ChannelRow>;

impl Default for ChannelList {
    fn default() -> Self {
        Self::every(AGAIN)
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
    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let read_only = if model.may_act() { "" } else { "  READ-ONLY" };
        let title = format!("Alert channels  {}{read_only}", model.session.organisation);
        let inside = canvas.panel(area, Border { title: &title, foot: "", double: false }, Role::Frame);
        let wide = area.width >= 120;
        let how = if leads(model) { "n adds mailboxes or a webhook." } else { who_adds(model) };
        let sheet = Sheet {
            columns: if wide { &WIDE_COLUMNS } else { &COLUMNS },
            cells: &|row| cells(model, row, wide),
            below: if inside.height > ALL_OF_IT + 4 { ALL_OF_IT } else { 0 },
            none: &["Alerts are shown here, and go nowhere else.", how],
            failed: "The list could not be read.",
        };
        if let Some((standing, below)) = self.draw(canvas, inside, &sheet, geometry) {
            let mut facts = Facts::new(below.width, model.theme);
            self.all_of_it(&mut facts, standing, model);
            facts.draw(canvas, below, 0);
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
