//! What is left of gradual rollouts: whom the open stage is still to let go, and how many people the later ones have.

use super::DOING;
use crate::domain::{
    campaign::rollout::Rollout,
    forecast::{Stages, Work},
    ids::{CampaignId, OrganizationId},
};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// A rollout, as a forecast needs it.
pub(super) struct RolloutLeft {
    pub(super) owed: Owed,
    pub(super) stages: Stages,
}

/// People of the open stage who are still to be let go.
#[derive(Debug)]
pub(super) struct Owed {
    people: u64,
    /// Of these how many go by which clock, where the campaign goes by the recipients' own.
    clocks: Vec<(Tz, u64)>,
}

impl Owed {
    /// By their clocks, if they have their own.
    pub(super) fn by_clock(&self) -> impl Iterator<Item = (Option<Tz>, u64)> {
        let known: u64 = self.clocks.iter().map(|(_, people)| people).sum();
        let known_by = self.clocks.iter().map(|(zone, people)| (Some(*zone), *people));
        known_by.chain([(None, self.people.saturating_sub(known))])
    }
}

impl Store {
    /// For each campaign that is rolled out: people of the open stage who are still to be let go, and the later stages. As
    /// many as the later stages have in all are kept back; who left meanwhile is missing from the last of them. Kept back is
    /// whoever waits, but neither for their turn alone nor for a time (`due`): millions need not be counted for that.
    pub(super) async fn rollouts_to_forecast(
        &self,
        organization: OrganizationId,
        due: &HashMap<CampaignId, Vec<Work>>,
        campaigns: &[CampaignId],
        now: DateTime<Utc>,
    ) -> Result<HashMap<CampaignId, RolloutLeft>, StoreError> {
        let ids: Vec<uuid::Uuid> = campaigns.iter().map(|campaign| campaign.0).collect();
        let rows = sqlx::query!(
            r#"select w.campaign_id, w.stages, w.stage, w.people, w.target - w.released as "owed!", w.target, w.stage_people,
                      case when w.stage = 1 then c.started_at else w.since end as since, c.conduct -> 'rollout' as "rollout!",
                      c.zoned as "zoned!",
                      w.held_stage is not distinct from w.stage as "held!",
                      k.tried - w.sent_before - w.failed_before as "tried!", k.waiting as "waiting!"
                 from campaign_rollouts w
                 join campaigns c on c.organization_id = $1 and c.id = w.campaign_id and c.conduct ? 'rollout'
                cross join lateral (select coalesce(sum(k.sent + k.failed), 0)::bigint as tried,
                                           coalesce(sum(k.queued - k.fresh), 0)::bigint as waiting from campaign_counts k
                                     where k.organization_id = $1 and k.campaign_id = w.campaign_id) k
                where w.organization_id = $1 and w.campaign_id = any ($2)"#,
            organization.0,
            &ids,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        let mut left = HashMap::new();
        for row in rows {
            let rollout: Rollout = serde_json::from_value(row.rollout)
                .map_err(|_| StoreError::Unreadable { doing: DOING, what: "rollout" })?;
            let owed = whole(row.owed);
            let stage = usize::try_from(row.stage).unwrap_or(1);
            let campaign = CampaignId(row.campaign_id);
            let timed: u64 = due.get(&campaign).into_iter().flatten().map(|work| work.people).sum();
            let kept = whole(row.waiting).saturating_sub(timed).saturating_sub(owed);
            let later = rollout.stages.iter().skip(stage).copied();
            let people = later_stages(later, whole(row.people), whole(row.target), kept);
            let mut clocks = if row.zoned {
                self.clocks_of_stages(organization, campaign, owed, &people).await?
            } else {
                vec![Vec::new()]
            };
            let wait = TimeDelta::seconds(i64::from(rollout.wait.seconds()));
            let needs = u64::from(rollout.after).min(whole(row.stage_people));
            let owed = Owed { people: owed, clocks: clocks.remove(0) };
            let stages = Stages {
                needs: needs.saturating_sub(whole(row.tried)),
                lasts_until: (!row.held).then(|| row.since.unwrap_or(now) + wait),
                people,
                clocks,
                after: u64::from(rollout.after),
                wait,
            };
            left.insert(campaign, RolloutLeft { owed, stages });
        }
        Ok(left)
    }

    /// By whose clocks those go who are kept back: of the open stage, and then of each later one. Stages let people go in the
    /// order of their enrolment.
    async fn clocks_of_stages(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        owed: u64,
        later: &[u64],
    ) -> Result<Vec<Vec<(Tz, u64)>>, StoreError> {
        let mut end = 0;
        let ends: Vec<i64> = std::iter::once(&owed)
            .chain(later)
            .map(|people| {
                end += i64::try_from(*people).unwrap_or(i64::MAX);
                end
            })
            .collect();
        let rows = sqlx::query!(
            r#"select width_bucket(k.nth - 1, $3::bigint[]) as "stage!", k.zone as "zone!", count(*) as "people!"
                 from (select r.zone, row_number() over (order by r.id) as nth from campaign_recipients r
                        where r.organization_id = $1 and r.campaign_id = $2 and r.due_at = not_let_go()
                          and r.state = 'queued' and r.zone is not null) k
                group by 1, 2 order by 1, 2"#,
            organization.0,
            campaign.0,
            &ends,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed(DOING))?;
        let mut clocks = vec![Vec::new(); ends.len()];
        for row in rows {
            let stage = usize::try_from(row.stage).ok().and_then(|stage| clocks.get_mut(stage));
            if let (Some(stage), Ok(zone)) = (stage, row.zone.parse()) {
                stage.push((zone, u64::try_from(row.people).unwrap_or(0)));
            }
        }
        Ok(clocks)
    }
}

/// How many of so many people each of these stages lets go behind those who were let go `before`, as long as there are any.
fn later_stages(
    percents: impl Iterator<Item = u32>,
    people: u64,
    mut before: u64,
    mut kept: u64,
) -> Vec<u64> {
    let stages = percents.map(|percent| {
        let target = Rollout::target(people, percent);
        let stage = target.saturating_sub(before).min(kept);
        before = target;
        kept -= stage;
        stage
    });
    stages.filter(|people| *people > 0).collect()
}
