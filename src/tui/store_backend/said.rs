//! What a person was sent, beside their attempts.

use super::Inner;
use crate::domain::ids::AttemptId;
use crate::domain::text::Shown;
use crate::sender::sent;
use crate::store::screen::{ReadError, Seat};
use crate::store::view::RecipientDetail;

impl Inner {
    /// Adds to each attempt of a recipient what it said.
    pub(super) async fn note_said(&self, seat: &Seat, detail: &mut RecipientDetail) -> Result<(), ReadError> {
        let attempts: Vec<AttemptId> = detail.attempts.iter().map(|attempt| attempt.id).collect();
        if attempts.is_empty() {
            return Ok(());
        }
        let said = sent::said(&self.store, seat.organization, &attempts, &[]).await?;
        for attempt in &mut detail.attempts {
            let found = said.iter().find(|said| said.attempt == attempt.id);
            attempt.said = found.map(|said| Shown::new(&said.in_words()));
        }
        Ok(())
    }
}
