//! The note for the next shift, for the console.

use super::{ReadError, Seat};
use crate::domain::text::{Safe, Shown};
use crate::store::Store;
use crate::store::view::{HandoverSection, HandoverView};
use std::time::Duration;

/// How far back it looks: a shift.
const SHIFT: Duration = Duration::from_hours(8);

impl Store {
    /// The note about the last eight hours.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn handover_view(&self, seat: &Seat) -> Result<HandoverView, ReadError> {
        let note = self.handover(seat.organization, SHIFT).await?;
        let sections = note.sections(seat.zone).into_iter().map(|(heading, lines)| HandoverSection {
            heading: Safe::new(heading),
            lines: lines.iter().map(|line| Shown::new(line)).collect(),
        });
        Ok(HandoverView { sections: sections.collect() })
    }
}
