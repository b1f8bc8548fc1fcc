//! The pools: how each picks, which campaigns go by it, and below the numbers of the one under the cursor: who sends now, and to
//! whom its code leads.

use crate::domain::ids::{NumberId, PoolId};
use crate::domain::selection::Strategy;
use crate::store::view::{NumberRow, NumberStanding, PoolMember, PoolView};
use crate::tui::lists::{Identified, LocalList, Motion, Standing};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::reread::Reread;
use crate::tui::tabs::{Place, WIDE, draw_rows, empty};
use crate::tui::theme::Role;
use crate::tui::verbs::{first_of_pool, yes};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::table::{Cell, Column, Row};
use crate::tui::words;
use ratatui::layout::Rect;
use std::time::{Duration, Instant};

/// They are read again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Lines of the part below, at least: what it is of, how the pool picks, headings, two numbers.
const BELOW: u16 = 5;

const COLUMNS: [Column; 6] = [
    Column::left("POOL", 20),
    Column::left("PICKS BY", 10),
    Column::left("STICKY", 6),
    Column::right("NUMBERS", 7),
    Column::right("CAMPAIGNS", 9),
    Column::left("LEADS TO", 18),
];

const MEMBERS: [Column; 5] = [
    Column::left("NUMBER", 13),
    Column::left("LABEL", 12),
    Column::right("PRIO", 4),
    Column::right("SHARE", 8),
    Column::left("NOW", 24),
];

const WIDE_MEMBERS: [Column; 8] = [
    Column::left("NUMBER", 14),
    Column::left("LABEL", 24),
    Column::right("PRIORITY", 8),
    Column::right("SHARE", 11),
    Column::left("PROVIDER", 9),
    Column::left("ACCOUNT", 16),
    Column::right("TODAY", 15),
    Column::left("NOW", 40),
];

/// The panel.
#[derive(Debug, Clone)]
pub struct PoolPanel {
    /// What is known of them.
    pub read: Reread<Vec<PoolView>>,
    list: LocalList<PoolView>,
    /// The number that was chosen in the pool under the cursor; the first one until then.
    member: Option<NumberId>,
}

impl Default for PoolPanel {
    fn default() -> Self {
        Self { read: Reread::every(AGAIN), list: LocalList::default(), member: None }
    }
}

impl Identified for PoolView {
    type Id = PoolId;
    fn id(&self) -> PoolId {
        self.id
    }
}

impl PoolPanel {
    /// The pool under the cursor, if it is still there.
    pub fn pool(&self) -> Option<&PoolView> {
        self.list.there()
    }

    /// The pool with this id, if it is still there.
    pub fn find(&self, id: PoolId) -> Option<&PoolView> {
        self.list.find(&id)
    }

    /// The chosen number of the pool under the cursor.
    pub fn member(&self) -> Option<&PoolMember> {
        let members = &self.pool()?.members;
        members.get(self.member_at(members))
    }

    fn member_at(&self, members: &[PoolMember]) -> usize {
        members.iter().position(|member| Some(member.number) == self.member).unwrap_or(0)
    }

    /// Moves among the pools.
    pub fn go(&mut self, motion: Motion, now: Instant) {
        let before = self.list.current().map(|standing| standing.row.id);
        self.list.go(motion, now);
        if self.list.current().map(|standing| standing.row.id) != before {
            self.member = None;
        }
    }

    /// Chooses another number of the pool.
    pub fn next_member(&mut self, by: isize) {
        let Some(pool) = self.list.there() else { return };
        let at = Motion::By(by).from(self.member_at(&pool.members), pool.members.len());
        self.member = pool.members.get(at).map(|member| member.number);
    }

    /// Takes in what was read.
    pub fn take(&mut self, covered: bool, now: Instant) {
        if let Some(pools) = self.read.value() {
            self.list.take(pools, covered, now);
        }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let title = format!("Pools  {}", self.list.present().count());
        let inside = canvas.panel(area, Border { title: &title, foot: "", double: false }, Role::Frame);
        if self.list.rows().is_empty() {
            let lines: Vec<&str> = match (self.read.error(), self.read.value()) {
                (Some(_), _) => vec!["The pools could not be read.", "r tries again."],
                (None, None) => vec!["Reading ..."],
                (None, Some(_)) => vec!["No pools.", "The first number makes one; n makes another."],
            };
            empty(canvas, inside, &lines);
            return;
        }
        let rows = u16::try_from(self.list.rows().len()).unwrap_or(u16::MAX).saturating_add(1);
        let most = inside.height.saturating_sub(BELOW).max(inside.height / 2);
        let list = Rect { height: rows.min(most).max(2).min(inside.height), ..inside };
        let place = Place { cursor: self.list.cursor(), shift: 0, offset: geometry.overlay_offset };
        let drawn = draw_rows(canvas, list, &COLUMNS, place, self.list.rows().iter(), |standing| Row {
            cells: cells(model, &standing.row),
            gone: standing.gone,
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
        let below = Rect { y: list.bottom(), height: inside.bottom() - list.bottom(), ..inside };
        if let Some(Standing { row, gone }) = self.list.current() {
            self.about(model, canvas, below, row, *gone);
        }
    }

    /// The numbers of the pool under the cursor.
    fn about(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, pool: &PoolView, gone: bool) {
        if area.height < 3 {
            return;
        }
        let line = canvas.theme.glyph("\u{2500}", "-").repeat(usize::from(area.width));
        canvas.text(area.x, area.y, area.width, &line, Role::Frame);
        let (x, room) = (area.x + 1, area.width.saturating_sub(2));
        if let Some(error) = self.read.error() {
            canvas.text(x, area.y + 1, room, &format!("not read anew: {error}"), Role::Warn);
        } else if gone {
            canvas.text(x, area.y + 1, room, "It is removed; nothing can be done to it.", Role::Warn);
        } else {
            let (sentence, role) = picks(pool, model);
            canvas.text(x, area.y + 1, room, &sentence, role);
        }
        let table = Rect { y: area.y + 2, height: area.height - 2, ..area };
        let wide = area.width >= WIDE;
        let columns: &[Column] = if wide { &WIDE_MEMBERS } else { &MEMBERS };
        let place = Place { cursor: self.member_at(&pool.members), shift: 0, offset: 0 };
        let now = Now::of(pool, model);
        draw_rows(canvas, table, columns, place, pool.members.iter(), |member| Row {
            cells: now.cells(member, wide),
            gone,
            ..Row::default()
        });
    }
}

fn cells(model: &Model, pool: &PoolView) -> Vec<Cell<'static>> {
    let campaigns = match (pool.campaigns, pool.named) {
        (0, 0) => Cell::new("none", Role::Dim),
        (going, named) if going == named => going.to_string().into(),
        (going, named) => format!("{going} of {named}").into(),
    };
    let leads = match first_of_pool(pool, model) {
        Some(row) => {
            let stands_in = pool.members.iter().all(|member| member.number != row.id);
            let role = if stands_in { Role::Warn } else { Role::Text };
            Cell::new(
                if row.name.as_str().is_empty() { row.phone.masked() } else { row.name.as_str().to_owned() },
                role,
            )
        }
        None => Cell::new("nobody", Role::Bad),
    };
    vec![
        pool.name.as_str().to_owned().into(),
        pool.strategy.to_string().into(),
        yes(pool.sticky).into(),
        pool.members.len().to_string().into(),
        campaigns,
        leads,
    ]
}

/// How it picks, in a sentence.
fn picks(pool: &PoolView, model: &Model) -> (String, Role) {
    let in_service =
        |member: &&PoolMember| model.number(member.number).is_some_and(|row| row.standing.is_in_service());
    let serving = pool.members.iter().filter(in_service).count();
    let name = pool.name.as_str();
    if serving == 0 {
        let empty = if pool.members.is_empty() { "has no numbers" } else { "has no number in service" };
        let default = pool.default.and_then(|id| model.number(id)).filter(|row| row.standing.is_in_service());
        return match default {
            Some(row) => (format!("{name} {empty}: {} stands in", row.name.as_str()), Role::Warn),
            None => (format!("{name} {empty}, and nobody stands in: nothing is sent"), Role::Bad),
        };
    }
    let how = match pool.strategy {
        Strategy::Priority => "the lowest priority sends, the rest are backups",
        Strategy::LeastUsed => "who used least of its daily limit sends",
        Strategy::Weighted => "all send, by their shares",
    };
    (format!("{name}, {serving} of {} in service: {how}", pool.members.len()), Role::Text)
}

/// What the numbers of a pool do now.
struct Now<'a> {
    pool: &'a PoolView,
    model: &'a Model,
    /// The lowest priority among those that may send at this moment.
    lowest: Option<i32>,
    /// The shares of all in service.
    shares: u64,
    /// To whom the code leads.
    first: Option<NumberId>,
}

impl<'a> Now<'a> {
    fn of(pool: &'a PoolView, model: &'a Model) -> Self {
        let rows = || pool.members.iter().filter_map(|member| Some((member, model.number(member.number)?)));
        let serving = rows().filter(|(_, row)| row.standing.is_in_service());
        let ready = rows().filter(|(_, row)| row.standing == NumberStanding::Active && row.hold.is_none());
        Self {
            lowest: ready.map(|(_, row)| row.priority).min(),
            shares: serving.map(|(member, _)| u64::from(member.weight)).sum(),
            first: first_of_pool(pool, model).map(|row| row.id),
            pool,
            model,
        }
    }

    fn cells(&self, member: &PoolMember, wide: bool) -> Vec<Cell<'static>> {
        let Some(row) = self.model.number(member.number) else {
            return vec![Cell::new("not in the picture", Role::Dim)];
        };
        let share = match self.pool.strategy {
            Strategy::Weighted if row.standing.is_in_service() => {
                let percent = words::percent(u64::from(member.weight), self.shares);
                Cell::from(format!("{} ({percent}%)", member.weight))
            }
            _ => Cell::new(member.weight.to_string(), Role::Dim),
        };
        let mut cells = vec![
            row.phone.masked().into(),
            row.name.as_str().to_owned().into(),
            row.priority.to_string().into(),
            share,
        ];
        if wide {
            let limit =
                row.limit_today.map_or("no limit".to_owned(), |limit| words::grouped(u64::from(limit)));
            let today = format!("{} of {limit}", words::grouped(u64::from(row.used_today)));
            cells.extend([
                row.provider.to_string().into(),
                row.account.as_str().to_owned().into(),
                today.into(),
            ]);
        }
        cells.push(self.does(row));
        cells
    }

    fn does(&self, row: &NumberRow) -> Cell<'static> {
        let (does, role) = match (&row.standing, &row.hold) {
            (NumberStanding::Suspended { .. }, _) => ("suspended".to_owned(), Role::Bad),
            (NumberStanding::Disabled, _) => ("disabled".to_owned(), Role::Dim),
            (NumberStanding::Limited { .. }, _) => ("rests".to_owned(), Role::Warn),
            (NumberStanding::Active, Some(hold)) => (format!("waits: {}", hold.short), Role::Warn),
            (NumberStanding::Active, None) => match self.pool.strategy {
                Strategy::Priority if Some(row.priority) == self.lowest => ("sends".to_owned(), Role::Good),
                Strategy::Priority => ("backup".to_owned(), Role::Dim),
                Strategy::LeastUsed | Strategy::Weighted => ("sends".to_owned(), Role::Good),
            },
        };
        let code = if Some(row.id) == self.first { ", code" } else { "" };
        Cell::new(format!("{does}{code}"), role)
    }
}
