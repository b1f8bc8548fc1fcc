//! What was foretold when a campaign was made or started, kept to say everybody's day and to compare with what was sent.

use super::{Store, StoreError, failed};
use crate::domain::{
    forecast::Forecast,
    ids::{CampaignId, OrganizationId},
};
use chrono::NaiveDate;
use serde::Serialize;

/// Days of a plan that are kept. Farther away nobody is told a date.
const KEPT_DAYS: u32 = 400;

/// A day of a campaign: what was foretold and what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PlannedDay {
    /// Its date in the organisation's zone.
    pub date: NaiveDate,
    /// Messages that were foretold when the campaign was made or started.
    pub planned: i64,
    /// Messages that were charged to the day.
    pub sent: i64,
}

impl Store {
    /// Foretells a campaign and keeps that: each day with its messages, each person's day. What was kept before is gone.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn plan_campaign(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let made = self.forecast_world(organization, campaign).await?;
        let Some(place) = made.world.campaigns.iter().position(|each| each.id == campaign) else {
            return Ok(());
        };
        // One behind another is planned when it begins: its days would be told to people, and are a guess until then.
        let forecast = Forecast::of(&made.world, KEPT_DAYS);
        let days = forecast.until_done(place);
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let dates: Vec<NaiveDate> = days.iter().map(|day| day.date).collect();
        let messages: Vec<i64> = days.iter().map(|day| count(day.of_campaign(place))).collect();
        let people: Vec<i64> = days.iter().map(|day| count(day.first[place])).collect();
        sqlx::query!(
            "select plan_campaign($1, $2, $3, $4, $5)",
            organization.0,
            campaign.0,
            &dates,
            &messages,
            &people,
        )
        .execute(&self.bulk)
        .await
        .map_err(failed("keep a campaign's plan"))?;
        Ok(())
    }

    /// Plans the campaigns that began when another one was completed: before, nobody could tell their days.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn plan_followers(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let begun = sqlx::query_scalar!(
            "select c.id from campaigns c
              where c.organization_id = $1 and c.state = 'active' and c.run_after_id is not null
                and c.started_at > clock_timestamp() - interval '1 hour'
                and not exists (select from campaign_plan p where p.organization_id = $1 and p.campaign_id = c.id
                                   and p.messages > 0)",
            organization.0,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for campaigns without a plan"))?;
        for campaign in begun {
            self.plan_campaign(organization, CampaignId(campaign)).await?;
        }
        Ok(())
    }

    /// The plan of a campaign beside what was sent, day by day; days on which only something was sent stand there too.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn planned_days(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Vec<PlannedDay>, StoreError> {
        sqlx::query_as!(
            PlannedDay,
            r#"select coalesce(p.day, u.day) as "date!", coalesce(p.messages, 0) as "planned!",
                      coalesce(u.used, 0) as "sent!"
                 from (select day, messages from campaign_plan
                        where organization_id = $1 and campaign_id = $2) p
                 full join (select day, sum(used)::bigint as used from number_campaign_usage
                             where organization_id = $1 and campaign_id = $2 group by day) u on u.day = p.day
                order by 1"#,
            organization.0,
            campaign.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read a campaign's plan"))
    }
}
