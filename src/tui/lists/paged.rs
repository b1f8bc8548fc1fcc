//! A list that is too long to be read: pages by key around the cursor, at most [`ROWS_KEPT`] rows at hand.

use super::Motion;
use crate::store::view::{Cursor, PAGE_ROWS, Page, Place};
use crate::tui::backend::BackendError;
use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// Ten pages; the ones farthest from the cursor are dropped.
pub const ROWS_KEPT: usize = 10 * PAGE_ROWS;
/// The next page is asked for when the cursor is this near to the edge.
const NEAR: usize = PAGE_ROWS / 2;

/// A row that stands at a place in an ordered list.
pub trait Placed: Clone {
    /// Its id.
    type Id: Copy + Ord + Eq;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// Its place as of now.
    fn place(&self) -> Cursor;
}

/// A row at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<R> {
    /// Its present values.
    pub row: R,
    /// Its place in the order as of its page: later changes do not move it.
    pub place: Cursor,
    /// No longer there.
    pub gone: bool,
}

/// What was asked and not yet answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The request's number; answers to others are dropped.
    pub request: u64,
    /// Which page.
    pub place: Place,
    /// Since when.
    pub since: Instant,
    /// Whether the row under the cursor stays there: nobody asked for another one.
    holds: bool,
}

/// Where the operator went last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    /// To the first row of the whole list; what came in above may have pushed the cursor down since.
    ToTop,
    /// Anywhere else.
    Further,
}

/// The list.
#[derive(Debug, Clone)]
pub struct PagedList<R: Placed> {
    rows: VecDeque<Kept<R>>,
    more_before: bool,
    more_after: bool,
    cursor: usize,
    went: Went,
    /// Position of the first row at hand in the whole list, where it is known.
    first: Option<u64>,
    marks: BTreeSet<R::Id>,
    range_from: Option<R::Id>,
    /// The question under way.
    pub asked: Option<Asked>,
    /// Why the last one had no answer.
    pub error: Option<BackendError>,
    /// Whether there was ever an answer to the present question.
    pub loaded: bool,
    /// Columns scrolled away.
    pub shift: usize,
}

impl<R: Placed> Default for PagedList<R> {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            more_before: false,
            more_after: false,
            cursor: 0,
            went: Went::ToTop,
            first: None,
            marks: BTreeSet::new(),
            range_from: None,
            asked: None,
            error: None,
            loaded: false,
            shift: 0,
        }
    }
}

impl<R: Placed> PagedList<R> {
    /// The rows at hand, in order.
    pub fn rows(&self) -> &VecDeque<Kept<R>> {
        &self.rows
    }

    /// Where the cursor stands among them.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The row under the cursor.
    pub fn current(&self) -> Option<&Kept<R>> {
        self.rows.get(self.cursor)
    }

    /// Whether the operator went to the first row of the whole list, or never left it.
    pub fn is_at_top(&self) -> bool {
        self.went == Went::ToTop
    }

    /// The marked ids.
    pub fn marks(&self) -> &BTreeSet<R::Id> {
        &self.marks
    }

    /// Whether the list is empty and known to be.
    pub fn is_empty(&self) -> bool {
        self.loaded && self.rows.is_empty()
    }

    /// Position of the first row at hand in the whole list, where it is known.
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    /// Marked rows at hand, or the one under the cursor.
    pub fn chosen(&self) -> Vec<&R> {
        if self.marks.is_empty() {
            return self.current().filter(|kept| !kept.gone).map(|kept| &kept.row).into_iter().collect();
        }
        self.present().filter(|row| self.marks.contains(&row.id())).collect()
    }

    /// The rows at hand that are still listed.
    pub fn present(&self) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(|kept| !kept.gone).map(|kept| &kept.row)
    }

    /// Finds a row that is at hand and still listed.
    pub fn find(&self, id: R::Id) -> Option<&R> {
        self.present().find(|row| row.id() == id)
    }

    /// Notes a question; whatever was asked before no longer counts.
    pub fn ask(&mut self, request: u64, place: Place, now: Instant) {
        self.asked = Some(Asked { request, place, since: now, holds: false });
        self.error = None;
    }

    /// Notes that the first page is asked for again by itself: rows may come in above, and the one under the cursor stays
    /// there.
    pub fn ask_again(&mut self, request: u64, now: Instant) {
        self.asked = Some(Asked { request, place: Place::Start, since: now, holds: true });
        self.error = None;
    }

    /// The page that the cursor will soon need, if none is on its way.
    pub fn wants(&self) -> Option<Place> {
        if self.asked.is_some() || self.error.is_some() || !self.loaded {
            return None;
        }
        if self.more_after && self.cursor + NEAR >= self.rows.len() {
            return self.rows.back().map(|kept| Place::After(kept.place));
        }
        if self.more_before && self.cursor < NEAR {
            return self.rows.front().map(|kept| Place::Before(kept.place));
        }
        None
    }

    /// Takes an answer; answers whether it was the one that was waited for.
    pub fn answer(&mut self, request: u64, answer: Result<Page<R>, BackendError>) -> bool {
        let Some(asked) = self.asked.filter(|asked| asked.request == request) else { return false };
        self.asked = None;
        match answer {
            Ok(page) => self.take_in(asked, page),
            Err(error) => self.error = Some(error),
        }
        true
    }

    fn take_in(&mut self, Asked { place, holds, .. }: Asked, page: Page<R>) {
        let count = page.rows.len();
        let rows = page
            .rows
            .into_iter()
            .map(|row| Kept { place: row.place(), row, gone: false })
            .collect::<Vec<_>>();
        match place {
            Place::After(_) if self.loaded => {
                self.rows.extend(rows);
                self.more_after = page.more_after;
                self.drop_far(true);
            }
            Place::Before(_) if self.loaded => {
                for kept in rows.into_iter().rev() {
                    self.rows.push_front(kept);
                }
                self.cursor += count;
                self.first = self.first.map(|first| first.saturating_sub(count as u64));
                self.more_before = page.more_before;
                self.drop_far(false);
            }
            // No further failure in that direction: the list stays where it is.
            Place::NextFailed(_) | Place::PreviousFailed(_) if rows.is_empty() => {}
            place => {
                let under = self.current().filter(|_| holds).cloned();
                let before = self.cursor;
                self.rows = rows.into();
                self.more_before = page.more_before;
                self.more_after = page.more_after;
                let at_end = matches!(place, Place::End | Place::PreviousFailed(_) | Place::Before(_));
                self.cursor = if at_end { self.rows.len().saturating_sub(1) } else { 0 };
                self.first = match place {
                    Place::Start => Some(0),
                    // Everything fits one page.
                    _ if !self.more_before => Some(0),
                    _ => None,
                };
                match under {
                    Some(under) => self.put_back(under, before),
                    None if place == Place::Start => self.went = Went::ToTop,
                    None => self.went = Went::Further,
                }
            }
        }
        self.loaded = true;
        self.error = None;
    }

    /// Puts the cursor on the row it stood on. One that is no longer listed keeps its place until the list is asked anew,
    /// or the next key would hit its neighbour; the last row stays the last, for the next page goes on from there.
    fn put_back(&mut self, under: Kept<R>, before: usize) {
        let found = self.rows.iter().position(|kept| kept.row.id() == under.row.id());
        self.cursor = found.unwrap_or_else(|| {
            let last = usize::from(self.more_after && !self.rows.is_empty());
            let at = before.min(self.rows.len() - last);
            self.rows.insert(at, under);
            at
        });
    }

    /// The operator moved the cursor.
    fn moved_to(&mut self, at: usize) {
        self.cursor = at;
        self.went = if at == 0 && !self.more_before { Went::ToTop } else { Went::Further };
    }

    /// Drops rows at the far end beyond [`ROWS_KEPT`].
    fn drop_far(&mut self, at_front: bool) {
        while self.rows.len() > ROWS_KEPT {
            if at_front {
                self.rows.pop_front();
                self.more_before = true;
                self.cursor = self.cursor.saturating_sub(1);
                self.first = self.first.map(|first| first + 1);
            } else {
                self.rows.pop_back();
                self.more_after = true;
                self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
            }
        }
    }

    /// Takes in present values of rows; ids that were asked for and are missing are gone.
    pub fn refresh(&mut self, asked: &[R::Id], present: &[R]) -> bool {
        let mut changed = false;
        for kept in self.rows.iter_mut().filter(|kept| asked.contains(&kept.row.id())) {
            let now = present.iter().find(|row| row.id() == kept.row.id());
            let gone = now.is_none();
            changed |= kept.gone != gone;
            kept.gone = gone;
            if let Some(row) = now {
                kept.row = row.clone();
                changed = true;
            }
        }
        changed
    }

    /// Moves the cursor among the rows at hand; answers the place to load when the end lies elsewhere.
    pub fn go(&mut self, motion: Motion) -> Option<Place> {
        match motion {
            Motion::Top if self.more_before => Some(Place::Start),
            Motion::Bottom if self.more_after => Some(Place::End),
            motion => {
                self.moved_to(motion.from(self.cursor, self.rows.len()));
                None
            }
        }
    }

    /// The nearest row in one direction that fits; `Err` with the place to ask about when none is at hand.
    pub fn seek(&mut self, forward: bool, fits: impl Fn(&R) -> bool) -> Option<Place> {
        let found = if forward {
            (self.cursor + 1..self.rows.len()).find(|at| fits(&self.rows[*at].row))
        } else {
            (0..self.cursor).rev().find(|at| fits(&self.rows[*at].row))
        };
        if let Some(at) = found {
            self.moved_to(at);
            return None;
        }
        if forward {
            self.rows.back().filter(|_| self.more_after).map(|kept| Place::NextFailed(kept.place))
        } else {
            self.rows.front().filter(|_| self.more_before).map(|kept| Place::PreviousFailed(kept.place))
        }
    }

    /// Marks or unmarks the row under the cursor and goes one down.
    pub fn toggle_mark(&mut self) {
        if let Some(id) = self.current().map(|kept| kept.row.id()) {
            if !self.marks.remove(&id) {
                self.marks.insert(id);
            }
            self.range_from = Some(id);
            self.go(Motion::By(1));
        }
    }

    /// Marks everything from the last marked row to the cursor.
    pub fn mark_range(&mut self) {
        let from = self
            .range_from
            .and_then(|id| self.rows.iter().position(|kept| kept.row.id() == id))
            .unwrap_or(self.cursor);
        let (low, high) = (from.min(self.cursor), from.max(self.cursor));
        let ids: Vec<R::Id> = self.rows.iter().take(high + 1).skip(low).map(|kept| kept.row.id()).collect();
        self.marks.extend(ids);
    }

    /// Marks every row at hand.
    pub fn mark_all(&mut self) {
        self.marks = self.rows.iter().map(|kept| kept.row.id()).collect();
    }

    /// Takes all marks away; answers whether there were any.
    pub fn unmark(&mut self) -> bool {
        self.range_from = None;
        let any = !self.marks.is_empty();
        self.marks.clear();
        any
    }

    /// Forgets everything: another question is asked now. The old rows stay on screen, dimmed, until its answer.
    pub fn restart(&mut self) {
        self.marks.clear();
        self.range_from = None;
        self.error = None;
    }
}

#[cfg(test)]
#[path = "paged_tests.rs"]
mod tests;
