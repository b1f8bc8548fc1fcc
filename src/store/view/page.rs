//! Long lists: questions, places, pages.

use crate::domain::filter::Filter;
use crate::domain::ids::CampaignId;
use chrono::{DateTime, Utc};

/// Rows of one page of a list. One more is asked for: it says whether there is a next page.
pub const PAGE_ROWS: usize = 200;

/// Counting stops here; what is above is shown as "about".
pub const COUNT_LIMIT: u64 = 10_001;

/// In which order recipients are listed. Each has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecipientOrder {
    /// What was tried last comes first; behind it what was never tried, as enrolled. (An index on the time of the last
    /// change would cost every message more than its row in the ledger does.)
    #[default]
    Updated,
    /// As they were enrolled.
    Enrolled,
}

/// A place in an ordered list: the row that was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When that row changed last, as of the page.
    pub at: DateTime<Utc>,
    /// That row's id.
    pub id: uuid::Uuid,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first.
    Start,
    /// The last.
    End,
    /// The one behind this row.
    After(Cursor),
    /// The one before this row.
    Before(Cursor),
    /// The one with the next row behind this one whose message failed, and that row first.
    NextFailed(Cursor),
    /// The one with the last row before this one whose message failed, and that row last.
    PreviousFailed(Cursor),
}

/// Which recipients, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientQuery {
    /// Of this campaign; `None`: of all.
    pub campaign: Option<CampaignId>,
    /// Only these.
    pub filter: Filter,
    /// In this order.
    pub order: RecipientOrder,
}

/// One page, in the order of the list whatever the direction it was read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Up to [`PAGE_ROWS`] rows.
    pub rows: Vec<T>,
    /// Whether there are rows before the first.
    pub more_before: bool,
    /// Whether there are rows behind the last.
    pub more_after: bool,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), more_before: false, more_after: false }
    }
}

impl Place {
    /// Whether its page is read from its end.
    #[must_use]
    pub fn is_backwards(self) -> bool {
        matches!(self, Self::End | Self::Before(_) | Self::PreviousFailed(_))
    }
}

impl<T> Page<T> {
    /// The page at a place, of what was read there: up to one row more than a page has, in the order of the reading.
    #[must_use]
    pub fn read_at(place: Place, mut rows: Vec<T>) -> Self {
        let more = rows.len() > PAGE_ROWS;
        rows.truncate(PAGE_ROWS);
        if place.is_backwards() {
            rows.reverse();
        }
        let (more_before, more_after) = match place {
            Place::Start => (false, more),
            Place::End => (more, false),
            Place::Before(_) | Place::PreviousFailed(_) => (more, true),
            Place::After(_) | Place::NextFailed(_) => (true, more),
        };
        Self { rows, more_before, more_after }
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Counted.
    Exactly(u64),
    /// More than [`COUNT_LIMIT`] − 1; the planner's guess, if it has one.
    About(Option<u64>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_in_the_order_of_the_list_and_knows_what_is_around_it() {
        let cursor = Cursor { at: DateTime::UNIX_EPOCH, id: uuid::Uuid::nil() };
        let full: Vec<usize> = (0..=PAGE_ROWS).collect();
        let last = PAGE_ROWS - 1;
        // Place; first and last row, more before, more behind of a reading with more; the same of one without.
        let table = [
            (Place::Start, (0, last, false, true), (false, false)),
            (Place::After(cursor), (0, last, true, true), (true, false)),
            (Place::NextFailed(cursor), (0, last, true, true), (true, false)),
            (Place::End, (last, 0, true, false), (false, false)),
            (Place::Before(cursor), (last, 0, true, true), (false, true)),
            (Place::PreviousFailed(cursor), (last, 0, true, true), (false, true)),
        ];
        for (place, (first, end, before, after), alone) in table {
            let page = Page::read_at(place, full.clone());
            assert_eq!(
                (page.rows.len(), page.rows[0], page.rows[last]),
                (PAGE_ROWS, first, end),
                "{place:?}"
            );
            assert_eq!((page.more_before, page.more_after), (before, after), "{place:?}");
            let page = Page::read_at(place, vec![1, 2]);
            assert_eq!(page.rows, if place.is_backwards() { [2, 1] } else { [1, 2] }, "{place:?}");
            assert_eq!((page.more_before, page.more_after), alone, "{place:?}");
        }
    }
}
