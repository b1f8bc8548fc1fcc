//! A list that is read whole (numbers, campaigns) and refreshed about once a second.

use super::Motion;
use crate::domain::filter::Filter;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Order and row set stay as they are for so long after the operator moved.
pub const STILL: Duration = Duration::from_secs(2);

/// A row with an id.
pub trait Identified: Clone {
    /// Its id.
    type Id: Clone + Ord + Eq + std::fmt::Debug;
    /// Its id.
    fn id(&self) -> Self::Id;
}

/// A row as it stands in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<R> {
    /// Its present values, or its last ones.
    pub row: R,
    /// No longer there, or no longer among those that fit the filter; kept until the cursor moves.
    pub gone: bool,
}

/// What may change when the present rows are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Values; order and row set stand still.
    Values,
    /// Order and row set; the row under the cursor stays there, whatever became of it.
    Order,
    /// Everything: the operator asked for another order or filter.
    All,
}

/// The list.
#[derive(Debug, Clone)]
pub struct LocalList<R: Identified> {
    rows: Vec<Standing<R>>,
    cursor: usize,
    marks: BTreeSet<R::Id>,
    range_from: Option<R::Id>,
    moved_at: Option<Instant>,
    /// What was typed as filter, and what it means.
    pub filter_text: String,
    /// Rows that fit are shown.
    pub filter: Filter,
    /// Which of the tab's orders.
    pub sort: usize,
    /// Columns scrolled away.
    pub shift: usize,
    /// Rows there are, whether they fit the filter or not.
    pub total: usize,
}

impl<R: Identified> Default for LocalList<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            cursor: 0,
            marks: BTreeSet::new(),
            range_from: None,
            moved_at: None,
            filter_text: String::new(),
            filter: Filter::default(),
            sort: 0,
            shift: 0,
            total: 0,
        }
    }
}

impl<R: Identified> LocalList<R> {
    /// The rows in their order.
    pub fn rows(&self) -> &[Standing<R>] {
        &self.rows
    }

    /// Where the cursor stands.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The row under the cursor.
    pub fn current(&self) -> Option<&Standing<R>> {
        self.rows.get(self.cursor)
    }

    /// The marked ids.
    pub fn marks(&self) -> &BTreeSet<R::Id> {
        &self.marks
    }

    /// Marked rows, or the one under the cursor; rows that are gone are nothing to act on.
    pub fn chosen(&self) -> Vec<&R> {
        if self.marks.is_empty() {
            return self.there().into_iter().collect();
        }
        self.present().filter(|row| self.marks.contains(&row.id())).collect()
    }

    /// The rows that are not crossed out.
    pub fn present(&self) -> impl Iterator<Item = &R> {
        self.rows.iter().filter(|standing| !standing.gone).map(|standing| &standing.row)
    }

    /// Finds a row that is there.
    pub fn find(&self, id: &R::Id) -> Option<&R> {
        self.present().find(|row| row.id() == *id)
    }

    /// Whether order and row set must not change now.
    pub fn is_still(&self, now: Instant) -> bool {
        !self.marks.is_empty() || self.moved_at.is_some_and(|moved| now < moved + STILL)
    }

    /// When the list may be put in order again after a movement.
    pub fn still_until(&self) -> Option<Instant> {
        self.moved_at.map(|moved| moved + STILL)
    }

    /// Takes in the present rows.
    pub fn refresh<'a>(
        &mut self,
        all: &(impl Iterator<Item = &'a R> + Clone),
        change: Change,
        fits: impl Fn(&R) -> bool,
        compare: impl Fn(&R, &R) -> Ordering,
    ) where
        R: 'a,
    {
        let present: BTreeMap<R::Id, &R> = all.clone().map(|row| (row.id(), row)).collect();
        self.total = present.len();
        self.marks.retain(|mark| present.contains_key(mark));
        if change == Change::Values && !self.rows.is_empty() {
            for standing in &mut self.rows {
                match present.get(&standing.row.id()) {
                    // What was crossed out stays so, unless it fits again.
                    Some(row) => {
                        let gone = standing.gone && !fits(row);
                        *standing = Standing { row: (*row).clone(), gone };
                    }
                    None => standing.gone = true,
                }
            }
            return;
        }
        let chosen = self.current().cloned();
        let mut rows: Vec<Standing<R>> = all
            .clone()
            .filter(|row| fits(row))
            .map(|row| Standing { row: row.clone(), gone: false })
            .collect();
        rows.sort_by(|one, other| compare(&one.row, &other.row));
        if let Some(chosen) = chosen {
            let now = present.get(&chosen.row.id()).copied();
            if let Some(at) = rows.iter().position(|standing| standing.row.id() == chosen.row.id()) {
                self.cursor = at;
            } else if now.is_none() || change == Change::Order {
                // It left while it was under the cursor: its place is kept, crossed out, or the next key would hit its
                // neighbour. A row that does not fit a filter that was just typed is no such case.
                let at = self.cursor.min(rows.len());
                rows.insert(at, Standing { row: now.cloned().unwrap_or(chosen.row), gone: true });
                self.cursor = at;
            }
        }
        self.cursor = self.cursor.min(rows.len().saturating_sub(1));
        self.rows = rows;
    }

    /// Takes in rows that are in order already; while it stands still, or something lies over it (`covered`), only values.
    pub fn take(&mut self, rows: &[R], covered: bool, now: Instant) {
        let change = if covered || self.is_still(now) { Change::Values } else { Change::Order };
        self.refresh(&rows.iter(), change, |_| true, |_, _| Ordering::Equal);
    }

    /// The row under the cursor, if it is still there.
    pub fn there(&self) -> Option<&R> {
        self.current().filter(|standing| !standing.gone).map(|standing| &standing.row)
    }

    /// Moves the cursor; crossed-out rows leave.
    pub fn go(&mut self, motion: Motion, now: Instant) {
        self.cursor = motion.from(self.cursor, self.rows.len());
        self.moved_at = Some(now);
        let Some(target) = self.rows.get(self.cursor).map(|standing| standing.row.id()) else { return };
        // Alone it has nowhere to move the cursor from, and would never leave.
        let stays_gone = self.rows[self.cursor].gone && self.rows.len() > 1;
        self.rows.retain(|standing| !standing.gone || (stays_gone && standing.row.id() == target));
        self.cursor = self.rows.iter().position(|standing| standing.row.id() == target).unwrap_or(0);
    }

    /// Puts the cursor on a row.
    pub fn go_to(&mut self, id: &R::Id, now: Instant) -> bool {
        let Some(at) = self.rows.iter().position(|standing| standing.row.id() == *id) else { return false };
        self.cursor = at;
        self.moved_at = Some(now);
        true
    }

    /// Marks or unmarks the row under the cursor and goes one down.
    pub fn toggle_mark(&mut self, now: Instant) {
        if let Some(id) = self.there().map(Identified::id) {
            if !self.marks.remove(&id) {
                self.marks.insert(id.clone());
            }
            self.range_from = Some(id);
            self.go(Motion::By(1), now);
        }
    }

    /// Marks everything from the last marked row to the cursor.
    pub fn mark_range(&mut self) {
        let from = self
            .range_from
            .as_ref()
            .and_then(|id| self.rows.iter().position(|standing| standing.row.id() == *id))
            .unwrap_or(self.cursor);
        let (low, high) = (from.min(self.cursor), from.max(self.cursor));
        for standing in self.rows.iter().take(high + 1).skip(low).filter(|standing| !standing.gone) {
            self.marks.insert(standing.row.id());
        }
    }

    /// Marks every row that is listed.
    pub fn mark_all(&mut self) {
        self.marks = self.rows.iter().filter(|s| !s.gone).map(|standing| standing.row.id()).collect();
    }

    /// Takes all marks away; answers whether there were any.
    pub fn unmark(&mut self) -> bool {
        self.range_from = None;
        let any = !self.marks.is_empty();
        self.marks.clear();
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Item(u32, u32);

    impl Identified for Item {
        type Id = u32;
        fn id(&self) -> u32 {
            self.0
        }
    }

    fn refresh(list: &mut LocalList<Item>, rows: &[Item], now: Instant) {
        let change = if list.is_still(now) { Change::Values } else { Change::Order };
        list.refresh(&rows.iter(), change, |_| true, |a, b| a.1.cmp(&b.1));
    }

    fn ids(list: &LocalList<Item>) -> Vec<u32> {
        list.rows().iter().map(|standing| standing.row.0).collect()
    }

    #[test]
    fn rows_do_not_move_under_a_moving_cursor() {
        let start = Instant::now();
        let mut list = LocalList::default();
        refresh(&mut list, &[Item(1, 1), Item(2, 2), Item(3, 3)], start);
        list.go(Motion::By(1), start);
        let reversed = [Item(1, 9), Item(2, 8), Item(3, 7)];
        refresh(&mut list, &reversed, start + Duration::from_secs(1));
        assert_eq!(ids(&list), [1, 2, 3], "the order stays");
        assert_eq!(list.current().unwrap().row, Item(2, 8), "the values do not");
        refresh(&mut list, &reversed, start + Duration::from_secs(3));
        assert_eq!(ids(&list), [3, 2, 1]);
        assert_eq!(list.current().unwrap().row.0, 2);
    }

    #[test]
    fn a_row_that_leaves_keeps_its_place_until_the_cursor_moves() {
        let start = Instant::now();
        let later = start + Duration::from_secs(10);
        let mut list = LocalList::default();
        refresh(&mut list, &[Item(1, 1), Item(2, 2), Item(3, 3)], start);
        list.go(Motion::By(1), start);
        refresh(&mut list, &[Item(1, 1), Item(3, 3)], later);
        assert_eq!(ids(&list), [1, 2, 3]);
        assert!(list.current().unwrap().gone);
        assert!(list.chosen().is_empty(), "nothing acts on what is gone");
        list.go(Motion::By(1), later);
        assert_eq!(ids(&list), [1, 3]);
        assert_eq!(list.current().unwrap().row.0, 3);
    }

    #[test]
    fn a_row_that_fits_the_filter_no_longer_keeps_its_place_until_the_cursor_moves() {
        let (start, rows) = (Instant::now(), [Item(1, 1), Item(2, 2), Item(3, 3)]);
        let by_value = |a: &Item, b: &Item| a.1.cmp(&b.1);
        let mut list = LocalList::default();
        list.refresh(&rows.iter(), Change::All, |_| true, by_value);
        list.go(Motion::By(1), start);
        list.refresh(&rows.iter(), Change::Order, |row| row.0 != 2, by_value);
        assert_eq!(ids(&list), [1, 2, 3]);
        assert!(list.current().unwrap().gone && list.chosen().is_empty(), "nothing acts on it");
        list.refresh(&rows.iter(), Change::Values, |row| row.0 != 2, by_value);
        assert!(list.current().unwrap().gone, "nor while a dialog is open");
        list.refresh(&rows.iter(), Change::Order, |_| true, by_value);
        assert_eq!(list.chosen(), [&Item(2, 2)], "it fits again");
        list.refresh(&rows.iter(), Change::All, |row| row.0 != 2, by_value);
        assert_eq!(ids(&list), [1, 3], "another filter was typed");
        list.refresh(&rows.iter(), Change::Order, |row| row.0 == 1, by_value);
        list.go(Motion::By(-1), start);
        assert_eq!(ids(&list), [1]);
        list.refresh(&rows.iter(), Change::Order, |_| false, by_value);
        list.go(Motion::By(1), start);
        assert!(list.rows().is_empty(), "the last one leaves too");
    }

    #[test]
    fn marks_are_ids_and_leave_with_their_rows() {
        let start = Instant::now();
        let mut list = LocalList::default();
        refresh(&mut list, &[Item(1, 1), Item(2, 2), Item(3, 3), Item(4, 4)], start);
        list.toggle_mark(start);
        list.go(Motion::By(1), start);
        list.mark_range();
        assert_eq!(list.chosen().len(), 3);
        refresh(&mut list, &[Item(2, 2), Item(4, 4)], start);
        assert_eq!(list.chosen(), [&Item(2, 2)]);
        assert!(list.unmark());
        assert!(!list.unmark());
    }
}
