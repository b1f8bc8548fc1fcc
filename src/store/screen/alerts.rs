//! What operators were told, for the console.

use super::{ReadError, Seat};
use crate::domain::text::{Safe, Shown};
use crate::store::Store;
use crate::store::alert::{AlertRecord, AlertScope};
use crate::store::view::{AlertRow, Severity};

/// Alerts that a console shows at once.
const ROWS: i64 = 200;

impl Store {
    /// Alerts that nobody has taken note of, the worst and then the latest first; behind them the latest of the others.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn alert_rows(&self, seat: &Seat) -> Result<Vec<AlertRow>, ReadError> {
        let mut open = self.alerts(seat.organization, AlertScope::Open, ROWS).await?;
        open.sort_by_key(|alert| std::cmp::Reverse((Severity::of(&alert.severity), alert.raised_at)));
        let known = self.alerts(seat.organization, AlertScope::All, ROWS).await?;
        let known = known.into_iter().filter(|alert| alert.acknowledged_at.is_some());
        Ok(open.into_iter().chain(known).take(usize::try_from(ROWS).unwrap_or(200)).map(row).collect())
    }
}

fn row(alert: AlertRecord) -> AlertRow {
    AlertRow {
        id: alert.id,
        severity: Severity::of(&alert.severity),
        kind: Safe::new(&alert.kind.replace('_', " ")),
        words: Shown::new(&alert.words),
        raised_at: alert.raised_at,
        ended_at: alert.ended_at,
        acknowledged: alert.acknowledged_by.zip(alert.acknowledged_at).map(|(by, at)| (by.into(), at)),
    }
}
