//! Long work that goes in pieces, each a statement of its own.

use super::StoreError;

/// How often a whole work tries a piece again.
const AT_MOST: u32 = 5;

/// What a work bears that meets others: outcomes come in while it goes on, and may be what a deadlock was with.
#[derive(Debug, Default)]
pub(super) struct Patience {
    busy: u32,
}

impl Patience {
    /// What the piece brought; nothing, if it is to be asked for again.
    ///
    /// # Errors
    /// The piece's own: what does not pass, and what passes too often.
    pub(super) fn heed<T>(&mut self, piece: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match piece {
            Err(error) if error.is_passing() && self.busy < AT_MOST => {
                self.busy += 1;
                Ok(None)
            }
            piece => piece.map(Some),
        }
    }
}
