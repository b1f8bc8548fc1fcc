//! Gradual rollouts: what is seen of them, who is let go, and how they are widened.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    campaign::rollout::{Rollout, Seen},
    ids::{CampaignId, OrganizationId},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A rollout that goes on, to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutLook {
    /// Whose.
    pub campaign: CampaignId,
    /// Its open stage, from 1.
    pub stage: i32,
    /// Whether that is the last one.
    pub is_last: bool,
    /// People of the stage who are still to be let go.
    pub owed: i64,
    /// Its stages and their conditions.
    pub rollout: Rollout,
    /// What is seen of the stage.
    pub seen: Seen,
}

/// How far a campaign is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolloutRecord {
    /// Its stages, in percent.
    pub stages: Vec<i32>,
    /// Percent of its people that it may send to.
    pub percent: i32,
    /// People that the percentages are of.
    pub people: i64,
    /// How many of them were let go.
    pub released: i64,
    /// Since when the stage is open.
    pub since: DateTime<Utc>,
    /// What it waits for, as it was seen last.
    pub why: String,
    /// When the next stage opens, if only time is missing.
    pub until: Option<DateTime<Utc>>,
    /// It went badly: somebody has to widen it.
    pub held: bool,
}

impl RolloutRecord {
    /// Whether a stage is still to be opened.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.stages.last() != Some(&self.percent)
    }
}

impl Store {
    /// What is seen of the rollouts of running campaigns.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn look_at_rollouts(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<RolloutLook>, StoreError> {
        const DOING: &str = "look at rollouts";
        let rows = sqlx::query!(
            r#"select campaign_id as "campaign_id!", stage as "stage!", is_last as "is_last!", rollout as "rollout!", since,
                      people as "people!", owed as "owed!", is_done as "is_done!", sent as "sent!", failed as "failed!",
                      stops as "stops!"
                 from look_at_rollouts($1)"#,
            organization.0,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed(DOING))?;
        // A message that was retried after it failed makes a count smaller.
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        rows.into_iter()
            .map(|row| {
                let rollout = serde_json::from_value(row.rollout)
                    .map_err(|_| StoreError::Unreadable { doing: DOING, what: "rollout" })?;
                Ok(RolloutLook {
                    campaign: row.campaign_id.into(),
                    stage: row.stage,
                    is_last: row.is_last,
                    owed: row.owed,
                    rollout,
                    seen: Seen {
                        since: row.since.unwrap_or_default(),
                        people: count(row.people),
                        is_done: row.is_done,
                        sent: count(row.sent),
                        failed: count(row.failed),
                        stops: count(row.stops),
                    },
                })
            })
            .collect()
    }

    /// Lets up to `most` people of the open stage go. Answers how many of the stage are left.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn let_go(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        now: Option<DateTime<Utc>>,
        most: i64,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select let_go($1, $2, $3, $4) as "left!""#,
            organization.0,
            campaign.0,
            now,
            most,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("let people of a rollout go"))
    }

    /// Keeps what the open stage waits for; `held`: for somebody to widen it. Answers whether that is new.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_rollout(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        stage: i32,
        why: &str,
        until: Option<DateTime<Utc>>,
        held: bool,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query!(
            "update campaign_rollouts set why = $4, until = $5, held_stage = case when $6 then stage end
              where organization_id = $1 and campaign_id = $2 and stage = $3 and (why, until) is distinct from ($4, $5)",
            organization.0,
            campaign.0,
            stage,
            why,
            until,
            held,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("keep what a rollout waits for"))?;
        Ok(noted.rows_affected() > 0)
    }

    /// Opens the next stage, or that of `percent`. `expected`: the stage that was judged.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    #[expect(clippy::too_many_arguments, reason = "the columns of one statement")]
    pub async fn widen_rollout(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        expected: Option<i32>,
        percent: Option<i32>,
        reason: Option<&str>,
        actor: Actor<'_>,
        now: Option<DateTime<Utc>>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "widen a rollout";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from widen_rollout($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            campaign.0,
            expected,
            percent,
            actor.operator,
            actor.instance_id(),
            reason,
            now,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(DOING, "there is no such campaign any more", refusal, |_before| None)
    }

    /// How far a campaign is rolled out; `None`: it goes to all at once.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn rollout(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<RolloutRecord>, StoreError> {
        sqlx::query_as!(
            RolloutRecord,
            r#"select stages, stages[stage] as "percent!", people, released, since, why, until,
                      held_stage is not distinct from stage as "held!"
                 from campaign_rollouts where organization_id = $1 and campaign_id = $2"#,
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("read how far a campaign is rolled out"))
    }
}

/// Why it stays as it is.
fn refusal(name: &str, found: &str) -> String {
    match found {
        "no rollout" => format!("campaign {name} has no rollout: it goes to all of its people"),
        "stage" => format!("the rollout of campaign {name} was widened meanwhile"),
        stages if stages.starts_with("stages ") => {
            format!("the rollout of campaign {name} has the {stages}: name one of them")
        }
        state => format!("campaign {name} is {state}: nothing of it is sent any more"),
    }
}
