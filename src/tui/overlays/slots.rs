//! Who has which number: every slot of a range as a cell, and below who has the one under the cursor.

use crate::domain::ids::CampaignId;
use crate::store::view::{SlotCell, SlotHolder, SlotsView};
use crate::tui::backend::BackendError;
use crate::tui::lists::Motion;
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::reread::Reread;
use crate::tui::theme::Role;
use crate::tui::verbs::slot_holder;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::words;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Who has the slot under the cursor is asked for when the cursor has rested.
const REST: Duration = Duration::from_millis(120);
/// Columns of a cell.
const CELL: u16 = 19;
/// Lines below the grid.
const FOOT: u16 = 5;

/// The grid.
#[derive(Debug, Clone)]
pub struct SlotGrid {
    /// Whose slots are asked for; `None`: the organisation's.
    pub asked_of: Option<CampaignId>,
    /// Which slot is under the cursor; none as long as nothing is known.
    cursor: Option<u16>,
    moved_at: Instant,
    read: Reread<SlotsView>,
    holders: Option<(u16, Arc<Vec<SlotHolder>>)>,
    holders_asked: Option<(u64, u16)>,
    holder: usize,
    /// The question what a reset would do.
    pub reset_asked: Option<u64>,
}

impl SlotGrid {
    /// Of a campaign, if it has slots of its own; else the organisation's.
    pub fn new(of: Option<CampaignId>, now: Instant) -> Self {
        Self {
            asked_of: of,
            cursor: None,
            moved_at: now,
            read: Reread::every(AGAIN),
            holders: None,
            holders_asked: None,
            holder: 0,
            reset_asked: None,
        }
    }

    /// Whose slots are shown.
    pub fn campaign(&self) -> Option<CampaignId> {
        self.read.value().and_then(|view| view.campaign)
    }

    /// The same, in words.
    pub fn scope(&self) -> String {
        let of = self.campaign().and_then(|campaign| {
            self.read.value()?.campaigns.iter().find(|(id, _)| *id == campaign).map(|(_, name)| name.as_str())
        });
        of.map_or_else(|| "the organisation".to_owned(), |name| format!("campaign {name}"))
    }

    /// The slot under the cursor.
    pub fn slot(&self) -> Option<u16> {
        self.cursor.filter(|_| self.read.value().is_some())
    }

    fn cell(&self, slot: u16) -> Option<&SlotCell> {
        let held = &self.read.value()?.held;
        held.binary_search_by_key(&slot, |cell| cell.slot).ok().and_then(|at| held.get(at))
    }

    /// Who is chosen among those who have the slot under the cursor.
    pub fn holder(&self) -> Option<&SlotHolder> {
        let (slot, holders) = self.holders.as_ref()?;
        (Some(*slot) == self.cursor).then(|| holders.get(self.holder)).flatten()
    }

    /// Whether nobody has the slot under the cursor.
    pub fn is_free(&self) -> bool {
        self.slot().is_some_and(|slot| self.cell(slot).is_none())
    }

    /// Moves the cursor by so many slots, or to an end.
    pub fn go(&mut self, motion: Motion, now: Instant) {
        let Some(view) = self.read.value() else { return };
        let count = usize::from(view.last.saturating_sub(view.first)) + 1;
        let at = usize::from(self.cursor.unwrap_or(view.first).saturating_sub(view.first));
        let to = u16::try_from(motion.from(at, count)).unwrap_or(0);
        self.cursor = Some(view.first + to);
        (self.holder, self.moved_at) = (0, now);
    }

    /// Chooses another one of those who share the slot.
    pub fn next_holder(&mut self, by: isize) {
        if let Some((_, holders)) = &self.holders {
            self.holder = Motion::By(by).from(self.holder, holders.len());
        }
    }

    /// The next scope: the organisation's, then campaigns with slots of their own. Whether there is another one.
    pub fn next_scope(&mut self, now: Instant) -> bool {
        let Some(view) = self.read.value() else { return false };
        let scopes: Vec<Option<CampaignId>> =
            std::iter::once(None).chain(view.campaigns.iter().map(|(id, _)| Some(*id))).collect();
        if scopes.len() < 2 {
            return false;
        }
        let at = scopes.iter().position(|scope| *scope == view.campaign).unwrap_or(0);
        *self = Self::new(scopes[(at + 1) % scopes.len()], now);
        true
    }

    /// All of it is to be read again.
    pub fn reread(&mut self) {
        self.read.reread();
        self.holders = None;
    }

    /// Whether the grid is to be asked for now.
    pub fn wants(&mut self, request: u64, now: Instant) -> bool {
        self.read.wants(request, now)
    }

    /// The slot whose holders are to be asked for now.
    pub fn wants_holders(&mut self, request: u64, now: Instant) -> Option<u16> {
        let slot = self.slot().filter(|slot| self.cell(*slot).is_some())?;
        let known = self.holders.as_ref().is_some_and(|(of, _)| *of == slot);
        if known || self.holders_asked.is_some() || now < self.moved_at + REST {
            return None;
        }
        self.holders_asked = Some((request, slot));
        Some(slot)
    }

    /// Takes in the grid.
    pub fn answer(&mut self, request: u64, answer: Result<Arc<SlotsView>, BackendError>) -> bool {
        let former = self.read.value().cloned();
        if !self.read.answer(request, answer) {
            return false;
        }
        if let Some(view) = self.read.value() {
            self.cursor = Some(self.cursor.unwrap_or(view.first).clamp(view.first, view.last));
            if former.is_some_and(|former| former.held != view.held) {
                self.holders = None;
            }
        }
        true
    }

    /// Takes in who has a slot.
    pub fn answer_holders(
        &mut self,
        request: u64,
        answer: Result<Arc<Vec<SlotHolder>>, BackendError>,
    ) -> bool {
        let Some((asked, slot)) = self.holders_asked else { return false };
        if asked != request {
            return false;
        }
        self.holders_asked = None;
        if let Ok(holders) = answer {
            self.holder = self.holder.min(holders.len().saturating_sub(1));
            self.holders = Some((slot, holders));
        }
        true
    }

    /// Takes in what a reset would do, if that is still wanted.
    pub fn answer_reset(&mut self, request: u64) -> bool {
        let wanted = self.reset_asked == Some(request);
        if wanted {
            self.reset_asked = None;
        }
        wanted
    }

    /// A question did not get out.
    pub fn not_asked(&mut self, request: u64) {
        self.read.not_asked(request);
        if self.holders_asked.is_some_and(|(asked, _)| asked == request) {
            self.holders_asked = None;
        }
        self.answer_reset(request);
    }

    /// When something is to be asked by itself.
    pub fn wakes_at(&self) -> impl Iterator<Item = Instant> {
        [self.read.wakes_at(), Some(self.moved_at + REST)].into_iter().flatten()
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let title = format!("Slots of {}", self.scope());
        let inside = canvas.panel(area, Border { title: &title, foot: "", double: false }, Role::Frame);
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        if let Some(error) = self.read.error() {
            canvas.text(inside.x, inside.y, inside.width, &format!("not read: {error}"), Role::Warn);
        }
        let Some(view) = self.read.value() else {
            if self.read.error().is_none() {
                canvas.text(inside.x, inside.y, inside.width, "Reading ...", Role::Dim);
            }
            return;
        };
        if self.read.error().is_none() {
            canvas.text(inside.x, inside.y, inside.width, &sum(view), Role::Text);
        }
        let rows = inside.height.saturating_sub(1 + FOOT).max(1);
        let columns = columns(inside.width);
        geometry.overlay_rows = usize::from(rows);
        // How many cells a line has: what up and down mean.
        geometry.overlay_offset = usize::from(columns);
        self.cells(canvas, Rect::new(inside.x, inside.y + 1, inside.width, rows), view, columns);
        let foot = Rect::new(inside.x, inside.y + 1 + rows, inside.width, FOOT);
        self.about(model, canvas, foot, view);
    }

    fn cells(&self, canvas: &mut Canvas<'_>, area: Rect, view: &SlotsView, columns: u16) {
        let cursor = self.cursor.unwrap_or(view.first).saturating_sub(view.first);
        let from = (cursor / columns + 1).saturating_sub(area.height);
        let wide = area.width / columns;
        for row in 0..area.height {
            for column in 0..columns {
                let slot =
                    u32::from(view.first) + u32::from(from + row) * u32::from(columns) + u32::from(column);
                let Some(slot) = u16::try_from(slot).ok().filter(|slot| *slot <= view.last) else { return };
                let at = Rect::new(area.x + column * wide, area.y + row, wide.saturating_sub(1), 1);
                self.draw_cell(canvas, at, slot);
                if Some(slot) == self.cursor {
                    canvas.paint(at, Role::Selected);
                }
            }
        }
    }

    fn draw_cell(&self, canvas: &mut Canvas<'_>, at: Rect, slot: u16) {
        let used = canvas.text(at.x, at.y, at.width, &format!("{slot:>4} "), Role::Dim);
        let room = at.width.saturating_sub(used);
        let Some(cell) = self.cell(slot) else {
            canvas.text(at.x + used, at.y, room, "-", Role::Dim);
            return;
        };
        // Signs first: a name may be long.
        let shared =
            if cell.people > 1 { format!("*{} ", words::short_count(cell.people)) } else { String::new() };
        let mark = format!("{shared}{}", if cell.is_over { "! " } else { "" });
        let role = if cell.is_over { Role::Warn } else { Role::Doubt };
        let marked = canvas.text(at.x + used, at.y, room, &mark, role);
        let name = match cell.name.as_str() {
            "" => cell.phone.masked(),
            name => name.to_owned(),
        };
        canvas.text(at.x + used + marked, at.y, room.saturating_sub(marked), &name, Role::Text);
    }

    /// Who has the slot under the cursor.
    fn about(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, view: &SlotsView) {
        let line = canvas.theme.glyph("\u{2500}", "-").repeat(usize::from(area.width));
        canvas.text(area.x, area.y, area.width, &line, Role::Frame);
        let Some(slot) = self.cursor else { return };
        let mut lines: Vec<(String, Role)> = Vec::new();
        match (self.cell(slot), &self.holders) {
            (None, _) => lines.push((format!("slot {slot}: nobody has it; a gives it"), Role::Dim)),
            (Some(cell), Some((of, holders))) if *of == slot => {
                let room = usize::from(area.height.saturating_sub(2)).max(1);
                let from = (self.holder + 1).saturating_sub(room);
                for (nth, holder) in holders.iter().enumerate().skip(from).take(room) {
                    let chosen = nth == self.holder;
                    let sign = if chosen && holders.len() > 1 { ">" } else { " " };
                    let role = if chosen { Role::Text } else { Role::Dim };
                    lines.push((format!("{sign}{}", described(holder, model)), role));
                }
                if cell.people > 1 {
                    let people = words::grouped(cell.people);
                    lines.push((
                        format!("slot {slot}: {people} people share it; J K choose one"),
                        Role::Doubt,
                    ));
                }
            }
            (Some(_), _) => lines.push((format!("slot {slot}: reading ..."), Role::Dim)),
        }
        if view.held.is_empty() {
            lines.push((
                "Slots are given by campaigns whose texts say {{campaign_number}}.".into(),
                Role::Dim,
            ));
        }
        for ((line, role), y) in lines.iter().zip(area.y + 1..area.bottom()) {
            canvas.text(area.x, y, area.width, line, *role);
        }
    }
}

fn columns(width: u16) -> u16 {
    (width / CELL).max(1)
}

fn sum(view: &SlotsView) -> String {
    let lasts = view
        .expiry_days
        .map_or("none ends".to_owned(), |days| format!("!: {} unused", words::count(u64::from(days), "day")));
    format!(
        "{}-{}: {} held by {} people, {} free, {} shared (*); {lasts}",
        view.first,
        view.last,
        words::grouped(view.held.len() as u64),
        words::grouped(view.people),
        words::grouped(view.free),
        words::grouped(view.shared),
    )
}

fn described(holder: &SlotHolder, model: &Model) -> String {
    let clock = |at| words::clock(at, model.now.wall, model.session.zone);
    let shared = if holder.shared { ", shared" } else { "" };
    let until = holder.until.map_or_else(String::new, |until| format!(", until {}", clock(until)));
    format!(
        "{}{shared}  used {}{until}, by {} {}",
        slot_holder(holder),
        clock(holder.used_at),
        holder.given_by,
        clock(holder.given_at)
    )
}
