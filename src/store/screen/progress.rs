//! How far a campaign is beside what was foretold, by the queries of `campaign show`, `skipped` and `stats`.

use super::{ReadError, Seat, many};
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use crate::store::pace::PaceMark;
use crate::store::view::{PaceView, ProgressDay, ProgressView, QueueLine, SkipReason};
use crate::store::{Store, StoreError, failed};
use chrono::TimeDelta;

const DOING: &str = "read what waits for which campaign";
/// Minutes of a campaign that are shown: half a day.
const MINUTES: i64 = 12 * 60;

impl Store {
    /// How far a campaign is.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn progress_view(&self, seat: &Seat, id: CampaignId) -> Result<ProgressView, ReadError> {
        let days = self.planned_days(seat.organization, id).await?;
        let skipped = self.skip_reasons(seat.organization, id).await?;
        let (behind, followers) = self.neighbours(seat, id).await?;
        let marks = self.pace(seat.organization, id, MINUTES).await?;
        let errors = self.errors_of(seat, id).await?;
        Ok(ProgressView {
            days: days
                .into_iter()
                .map(|day| ProgressDay { date: day.date, planned: many(day.planned), sent: many(day.sent) })
                .collect(),
            skipped: skipped
                .into_iter()
                .map(|(reason, people)| SkipReason {
                    code: Safe::new(reason.split(':').next().unwrap_or_default()),
                    words: Safe::new(&reason.replace('_', " ")),
                    people: many(people),
                })
                .collect(),
            pace: pace(&marks),
            errors,
            behind,
            followers,
        })
    }

    /// What a campaign waits for, and what waits for it.
    async fn neighbours(
        &self,
        seat: &Seat,
        id: CampaignId,
    ) -> Result<(Option<Shown>, Vec<Shown>), StoreError> {
        let rows = sqlx::query!(
            r#"select b.name, c.id = $2 as "is_own!"
                 from campaigns c
                 join campaigns b on b.organization_id = $1
                                 and b.id = case when c.id = $2 then c.run_after_id else c.id end
                where c.organization_id = $1 and (c.id = $2 or c.run_after_id = $2)
                  and c.state in ('draft', 'scheduled')
                order by c.created_at limit 20"#,
            seat.organization.0,
            id.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let (own, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_own);
        let behind = own.first().map(|row| Shown::new(&row.name));
        Ok((behind, others.iter().map(|row| Shown::new(&row.name)).collect()))
    }

    /// Which campaign that has not started waits for which other one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn queue_view(&self, seat: &Seat) -> Result<Vec<QueueLine>, ReadError> {
        let rows = sqlx::query!(
            "select c.id, b.name from campaigns c
               join campaigns b on b.organization_id = $1 and b.id = c.run_after_id
              where c.organization_id = $1 and c.state in ('draft', 'scheduled') order by c.created_at limit 2000",
            seat.organization.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let line = |id, name: &str| QueueLine { campaign: CampaignId(id), behind: Shown::new(name) };
        Ok(rows.iter().map(|row| line(row.id, &row.name)).collect())
    }
}

/// What went out in each minute, from sums. Of minutes that nobody kept the messages are spread evenly; a campaign that stood
/// still for longer than is shown begins anew. Where a retry made a sum smaller, nothing went out.
fn pace(marks: &[PaceMark]) -> PaceView {
    let most = usize::try_from(MINUTES).unwrap_or(usize::MAX);
    let mut sent: Vec<u64> = Vec::new();
    for pair in marks.windows(2) {
        let minutes = (pair[1].minute - pair[0].minute).num_minutes().clamp(1, MINUTES);
        let (messages, minutes) = (many(pair[1].sent - pair[0].sent), many(minutes));
        sent.extend((0..minutes).map(|nth| messages * (nth + 1) / minutes - messages * nth / minutes));
    }
    sent.drain(..sent.len().saturating_sub(most));
    PaceView { until: marks.last().map(|mark| mark.minute + TimeDelta::minutes(1)), sent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn sums_become_messages_a_minute() {
        let mark = |minute: i64, sent| PaceMark {
            minute: DateTime::from_timestamp(minute * 60, 0).unwrap(),
            sent,
            failed: 0,
        };
        let view = pace(&[mark(10, 100), mark(11, 160), mark(14, 170), mark(15, 165), mark(16, 200)]);
        assert_eq!(view.sent, [60, 3, 3, 4, 0, 35]);
        assert_eq!(view.until, DateTime::from_timestamp(17 * 60, 0));
        assert_eq!(pace(&[mark(10, 100)]).sent, [0_u64; 0]);
        assert_eq!(pace(&[mark(0, 0), mark(100_000, 5), mark(100_001, 6)]).sent.len(), 720);
    }
}
