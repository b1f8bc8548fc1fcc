//! How far a campaign is beside what was foretold, by the queries of `campaign show`, `skipped` and `stats`.

use super::{ReadError, Seat, many};
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{ProgressDay, ProgressView, QueueLine, SkipReason};
use crate::store::{Store, StoreError, failed};

const DOING: &str = "read what waits for which campaign";

impl Store {
    /// How far a campaign is.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn progress_view(&self, seat: &Seat, id: CampaignId) -> Result<ProgressView, ReadError> {
        let days = self.planned_days(seat.organization, id).await?;
        let skipped = self.skip_reasons(seat.organization, id).await?;
        let (behind, followers) = self.neighbours(seat, id).await?;
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
