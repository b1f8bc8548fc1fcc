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

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Counted.
    Exactly(u64),
    /// More than [`COUNT_LIMIT`] − 1; the planner's guess, if it has one.
    About(Option<u64>),
}
