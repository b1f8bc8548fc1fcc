//! `signalbox audit undo`: takes a decision back.

use super::{CliError, Session, session::Org};
use crate::store::{screen::ReadError, undo::TakenBack};
use uuid::Uuid;

/// Takes it back, if anything does and nobody decided about the same since.
pub async fn undo(session: &Session, org: &Org, id: Uuid, reason: Option<String>) -> Result<(), CliError> {
    let seat = session.store.seat(org.id, None).await?;
    let taken = session.store.take_back(&seat, id, reason.as_deref(), session.actor()).await;
    match taken {
        Ok(TakenBack::Decided(result)) => session.out.settle("taken back", org.zone, &result),
        Ok(TakenBack::Stands(why)) => Err(CliError::Refused(format!("no undo: {why}"))),
        Err(ReadError::Gone(_)) => {
            Err(CliError::missing("there is no such decision; signalbox audit list --json shows the ids"))
        }
        Err(ReadError::Refused(why)) => Err(CliError::Refused(why.to_string())),
        Err(ReadError::Store(error)) => Err(error.into()),
    }
}
