//! The audit log: who decided what, when and why, what was before and after, and what takes it back.

use crate::store::view::{AuditChange, AuditDetail, AuditRow, PAGE_ROWS};
use crate::tui::backend::BackendError;
use crate::tui::lists::{Motion, PagedList};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::tabs::{Place, WIDE, draw_rows, empty};
use crate::tui::theme::Role;
use crate::tui::verbs::way_back;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::table::{Cell, Column, Row};
use crate::tui::words;
use chrono::{DateTime, Utc};
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// An open decision is read again after so long: somebody may decide anew about the same.
const AGAIN: Duration = Duration::from_secs(5);
/// The log is read again at most this often, however much is decided.
const BETWEEN: Duration = Duration::from_secs(2);
/// And this often although nothing was told: some decisions, such as that a phone was shown, are told nobody.
const QUIET: Duration = Duration::from_secs(15);
/// Columns of the details beside the list.
const PANEL: u16 = 56;
/// From so many columns of the list on there is room for longer names.
const ROOMY: u16 = 96;

const COLUMNS: [Column; 5] = [
    Column::left("AT", 11),
    Column::left("WHO", 10),
    Column::left("WHAT", 17),
    Column::left("TO", 16),
    Column::left("WHY", 20),
];

/// Where there is room, more of who it was is told.
const WIDE_COLUMNS: [Column; 5] = [
    Column::left("AT", 11),
    Column::left("WHO", 20),
    Column::left("WHAT", 17),
    Column::left("TO", 18),
    Column::left("WHY", 20),
];

/// The log over whatever tab.
#[derive(Debug, Clone)]
pub struct AuditPanel {
    /// The decisions at hand.
    pub list: PagedList<AuditRow>,
    /// All of the one under the cursor.
    pub entry: Reread<AuditDetail>,
    /// Which one that is, and since when.
    of: Option<(Uuid, Instant)>,
    /// The one that stays under the cursor when the log is read anew.
    held: Option<Uuid>,
    /// Whether only that one is shown.
    pub open: bool,
    /// Lines of it that are scrolled away.
    pub scroll: usize,
    filter: Input,
    /// What the filter was when typing began.
    before: Option<String>,
    /// A typed filter that waits to be applied.
    pub typed_at: Option<Instant>,
    /// When its top was asked for last.
    read_at: Option<Instant>,
    /// Something was decided since.
    behind: bool,
}

impl Default for AuditPanel {
    fn default() -> Self {
        Self {
            list: PagedList::default(),
            entry: Reread::every(AGAIN),
            of: None,
            held: None,
            open: false,
            scroll: 0,
            filter: Input::default(),
            before: None,
            typed_at: None,
            read_at: None,
            behind: false,
        }
    }
}

impl AuditPanel {
    /// The decision under the cursor.
    pub fn row(&self) -> Option<&AuditRow> {
        self.list.current().map(|kept| &kept.row)
    }

    /// All of it, once it is read.
    pub fn detail(&self) -> Option<&AuditDetail> {
        let row = self.row()?;
        self.entry.value().map(|detail| &**detail).filter(|detail| detail.id == row.id)
    }

    /// The words that are looked for.
    pub fn text(&self) -> &str {
        self.filter.text()
    }

    /// Whether letters are text.
    pub fn is_typing(&self) -> bool {
        self.before.is_some()
    }

    /// The filter is to be typed.
    pub fn begin_typing(&mut self) {
        self.before = Some(self.filter.text().to_owned());
    }

    /// The filter is typed; `keep`: as it stands, or as it was before.
    pub fn end_typing(&mut self, keep: bool, now: Instant) {
        if let Some(before) = self.before.take()
            && !keep
            && before != self.filter.text()
        {
            self.filter.set(&before);
            self.typed_at = Some(now);
        }
    }

    /// Takes a key that edits the filter.
    pub fn key(&mut self, key: KeyEvent, now: Instant) {
        let before = self.filter.text().to_owned();
        if self.is_typing() && self.filter.key(key) && before != self.filter.text() {
            self.typed_at = Some(now);
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str, now: Instant) {
        if self.is_typing() {
            self.filter.paste(text);
            self.typed_at = Some(now);
        }
    }

    /// Takes the filter away; whether there was one.
    pub fn clear_filter(&mut self, now: Instant) -> bool {
        let any = !self.filter.text().is_empty();
        if any {
            self.filter.set("");
            self.typed_at = Some(now);
        }
        any
    }

    /// The decision whose details are wanted, and since when it is under the cursor.
    pub fn rests(&mut self, now: Instant) -> Option<(Uuid, Instant)> {
        let id = self.row()?.id;
        if self.of.is_none_or(|(of, _)| of != id) {
            self.of = Some((id, now));
            self.scroll = 0;
            self.entry = Reread::every(AGAIN);
        }
        self.of
    }

    /// The log is read anew, from its top: what is under the cursor stays there.
    pub fn read_anew(&mut self) {
        self.held = self.row().map(|row| row.id);
        self.entry.ask_anew();
        (self.list.asked, self.list.loaded) = (None, false);
    }

    /// Something was decided: it stands above what is shown.
    pub fn is_behind(&mut self) {
        self.behind = true;
    }

    /// Its top is asked for.
    pub fn top_is_asked(&mut self, now: Instant) {
        (self.read_at, self.behind) = (Some(now), false);
    }

    /// When it reads itself anew: soon after somebody decided something, else now and then. Not while words are typed or
    /// looked for without news, nor far below its top, where that would take away what is being read.
    fn reads_itself_at(&self) -> Option<Instant> {
        let reads = self.list.asked.is_none() && self.list.error.is_none() && !self.is_typing();
        let near = self.list.first() == Some(0) && self.list.cursor() < PAGE_ROWS / 2;
        let every = if self.behind { BETWEEN } else { QUIET };
        let looks = self.behind || self.filter.is_blank();
        self.read_at.filter(|_| reads && near && looks).map(|read| read + every)
    }

    /// Whether it is to be read anew now.
    pub fn reads_itself(&self, now: Instant) -> bool {
        self.reads_itself_at().is_some_and(|at| now >= at)
    }

    /// A page came. What was held is under the cursor again; what is not there any more is closed, so that no other one
    /// slides into its place.
    pub fn hold(&mut self) {
        let Some(held) = self.held.take() else { return };
        let found = self.list.rows().iter().position(|kept| kept.row.id == held);
        match found.and_then(|at| at.checked_sub(self.list.cursor())) {
            Some(down) => {
                self.list.go(Motion::By(isize::try_from(down).unwrap_or(0)));
            }
            None => self.open = false,
        }
    }

    /// When something of it is to be asked for.
    pub fn wakes_at(&self) -> Vec<Instant> {
        use crate::tui::update::{CURSOR_REST, TYPING_PAUSE};
        let typed = self.typed_at.map(|typed| typed + TYPING_PAUSE);
        let rested = self.of.map(|(_, since)| since + CURSOR_REST);
        let itself = self.reads_itself_at();
        typed.into_iter().chain(rested).chain(itself).chain(self.entry.wakes_at()).collect()
    }

    /// Moves in the list; answers the page to load, if the way leads there.
    pub fn go(&mut self, motion: Motion) -> Option<crate::store::view::Place> {
        self.list.go(motion)
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        if self.open && !self.is_typing() {
            self.whole(model, canvas, area, geometry);
            return;
        }
        let beside = area.width >= WIDE;
        let (list, panel) = if beside {
            let list = Rect { width: area.width - PANEL, ..area };
            (list, Some(Rect { x: list.right(), width: PANEL, ..area }))
        } else {
            (area, None)
        };
        canvas.clear(area);
        if let Some(panel) = panel {
            let inside =
                canvas.panel(panel, Border { title: "Decision", foot: "", double: false }, Role::Frame);
            let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
            let mut facts = Facts::new(inside.width, model.theme);
            self.describe(&mut facts, model);
            facts.draw(canvas, inside, 0);
        }
        self.listing(model, canvas, list, geometry);
    }

    fn listing(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let foot = "Enter details  b take back  / filter  Esc closes";
        // It follows by itself near its top only.
        let title = if self.behind { "Audit log  newer ones above: r" } else { "Audit log" };
        let inside = canvas.panel(area, Border { title, foot, double: false }, Role::Frame);
        let line = u16::from(self.is_typing() || !self.filter.text().is_empty());
        if line > 0 {
            let used = canvas.text(inside.x + 1, inside.y, inside.width, "/ ", Role::Key);
            let room = inside.width.saturating_sub(used + 2);
            self.filter.draw(canvas, inside.x + 1 + used, inside.y, room, self.is_typing());
        }
        let inside = Rect { y: inside.y + line, height: inside.height - line, ..inside };
        geometry.overlay_rows = usize::from(inside.height.saturating_sub(1));
        if self.list.rows().is_empty() {
            empty(canvas, inside, &self.nothing());
            return;
        }
        let dim = self.list.asked.is_some_and(|asked| {
            model.now.mono.saturating_duration_since(asked.since) > Duration::from_millis(150)
        });
        let place = Place { cursor: self.list.cursor(), shift: 0, offset: geometry.overlay_offset };
        let columns = if inside.width >= ROOMY { &WIDE_COLUMNS } else { &COLUMNS };
        let drawn = draw_rows(canvas, inside, columns, place, self.list.rows().iter(), |kept| Row {
            cells: cells(model, &kept.row),
            dim: dim || model.source.away.is_some(),
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
    }

    fn nothing(&self) -> Vec<&'static str> {
        match (&self.list.error, self.list.loaded) {
            (Some(BackendError::Slow), _) => {
                vec!["Looking for these words took too long.", "Another word may do."]
            }
            (Some(_), _) => vec!["The log could not be read.", "r tries again."],
            (None, false) => vec!["Reading ..."],
            (None, true) if self.filter.is_blank() => vec!["Nothing was decided yet."],
            (None, true) => vec!["No decision has all these words.", "Esc takes the filter away."],
        }
    }

    fn whole(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let foot = "b take back  J K next, before  Esc list";
        let border = Border { title: "Decision", foot, double: false };
        scrolled(model, canvas, area, geometry, border, |facts, _| {
            self.describe(facts, model);
            self.scroll
        });
    }

    /// All that is known of the decision under the cursor.
    fn describe(&self, facts: &mut Facts, model: &Model) {
        let Some(row) = self.row() else { return };
        let when = words::clock(row.at, model.now.wall, model.session.zone);
        facts.fact("When", &format!("{when} ({})", words::relative(row.at, model.now.wall)), Role::Text);
        let detail = self.detail();
        let login = detail.and_then(|detail| detail.login.as_ref()).filter(|login| **login != row.by);
        let host = detail.and_then(|detail| detail.host.as_ref());
        let who = format!(
            "{}{}{}",
            row.by,
            login.map_or(String::new(), |login| format!(", logged in as {login}")),
            host.map_or(String::new(), |host| format!(", on {host}"))
        );
        facts.fact("Who", &who, Role::Text);
        facts.fact("What", row.action.as_str(), Role::Title);
        facts.fact("To", &format!("{} {}", row.kind, row.name.as_str()), Role::Text);
        facts.fact("Why", if row.reason.as_str().is_empty() { "-" } else { row.reason.as_str() }, Role::Text);
        let Some(detail) = detail else {
            facts.gap();
            self.entry.tell(facts, "It could not be read");
            return;
        };
        self.entry.tell(facts, "It could not be read again");
        facts.heading("Before -> after");
        if detail.changes.is_empty() {
            facts.paragraph("the log says nothing of it", Role::Dim);
        }
        for change in &detail.changes {
            facts.line(vec![(change.what.to_string(), Role::Dim)]);
            facts.paragraph(&format!("  {}", sides(change, model)), Role::Text);
        }
        facts.heading("Taking it back");
        match way_back(row, detail, model) {
            Ok(_) if !model.may_act() => facts.paragraph("READ-ONLY: nothing can be changed here", Role::Dim),
            Ok(way) => facts.paragraph(&format!("b  {}", way.proposal.title), Role::Key),
            Err(why) => facts.paragraph(&format!("No undo: {why}"), Role::Warn),
        }
    }
}

fn cells(model: &Model, row: &AuditRow) -> Vec<Cell<'static>> {
    vec![
        words::clock(row.at, model.now.wall, model.session.zone).into(),
        row.by.to_string().into(),
        row.action.to_string().into(),
        row.name.as_str().to_owned().into(),
        Cell::new(row.reason.as_str().to_owned(), Role::Dim),
    ]
}

/// `active -> paused`; times on the organisation's clock.
fn sides(change: &AuditChange, model: &Model) -> String {
    let said = |side: &Option<crate::domain::text::Shown>| match side {
        None => "-".to_owned(),
        Some(text) => match text.as_str().parse::<DateTime<Utc>>() {
            Ok(at) => words::clock(at, model.now.wall, model.session.zone),
            Err(_) => text.as_str().to_owned(),
        },
    };
    format!("{} -> {}", said(&change.before), said(&change.after))
}
