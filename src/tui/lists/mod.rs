//! Lists that stay still under the operator's eyes.
//!
//! The cursor stands on a row's id, never on its position: rows move while the campaign runs, and the next one must
//! not slide under the finger of somebody about to press a key.

pub mod local;
pub mod log;
pub mod paged;
pub mod rates;

pub use local::{Identified, LocalList, Standing};
pub use log::LiveLog;
pub use paged::PagedList;

/// A movement of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// So many rows down, or up if negative.
    By(isize),
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
}

impl Motion {
    /// Where it leads among `count` rows.
    pub fn from(self, at: usize, count: usize) -> usize {
        let last = count.saturating_sub(1);
        match self {
            Self::By(rows) => at.saturating_add_signed(rows).min(last),
            Self::Top => 0,
            Self::Bottom => last,
        }
    }
}
