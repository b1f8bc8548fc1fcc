//! Whether a campaign would go on after the organisation's subscription ends.

use super::{ForecastWorld, follow::Follower};
use crate::domain::{
    campaign::{CampaignSpec, CampaignState, DailyLimit, rollout::Rollout},
    day::local_date,
    forecast::{Campaign, Cap, Expiry, FARTHEST_DAYS, Forecast, Opens, Stages, Work},
    ids::{CampaignId, OrganizationId},
    window::Calendar,
};
use crate::store::{Store, StoreError, campaign_edit::CampaignEdit, failed, terms::terms_of};
use chrono::{DateTime, TimeDelta, Utc};

impl Store {
    /// Why a campaign that is made like this, for so many people, would outlive the organisation's subscription; `None`: it
    /// would not, or there is no end.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn new_outlives(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
        people: u64,
    ) -> Result<Option<String>, StoreError> {
        let mut made = self.forecast_world(organization, CampaignId(uuid::Uuid::nil())).await?;
        let Some(ends) = made.subscription_ends else { return Ok(None) };
        let Some(pool) = made.pools.iter().position(|pool| *pool == spec.pool) else { return Ok(None) };
        let mut opens = spec.starts_at.map_or(Opens::Now, Opens::At);
        if let Some(behind) = self.behind(organization, spec, &made).await? {
            opens = Opens::Never;
            let campaign = CampaignId(uuid::Uuid::max());
            made.followers.push(Follower { campaign, behind, not_before: spec.starts_at });
        }
        let general = terms_of(&self.work, organization, None).await?.campaign(CampaignId(uuid::Uuid::nil()));
        made.world.campaigns.push(Campaign {
            id: CampaignId(uuid::Uuid::max()),
            priority: spec.priority.get(),
            weight: spec.weight.get(),
            cap: Cap { limit: spec.daily_limit.map(DailyLimit::get), used_today: 0 },
            pool,
            only: None,
            failover: spec.failover,
            opens,
            calendar: Calendar {
                window: spec.window,
                zones: vec![general.calendar.zone],
                ..general.calendar
            },
            work: first_work(spec, people),
            delays: spec
                .steps
                .iter()
                .map(|step| TimeDelta::seconds(i64::from(step.after.seconds())))
                .collect(),
            used: Vec::new(),
            standing: spec.standing.is_some(),
            is_test: false,
            rollout: spec.conduct.rollout.as_ref().map(|rollout| new_stages(rollout, people, made.world.now)),
            expiry: Expiry {
                at: spec.until,
                after: spec.expires_after.map(|delay| TimeDelta::seconds(i64::from(delay.seconds()))),
                began: None,
            },
        });
        made.names.push(spec.name.to_string());
        let place = made.world.campaigns.len() - 1;
        // A form asks while somebody types: tenths of a second of computing would keep everything else on this thread waiting.
        tokio::task::spawn_blocking(move || outlives(made, place, ends))
            .await
            .map_err(|_| StoreError::Unreadable { doing: "foretell the campaign", what: "forecast" })
    }

    /// Why a campaign that exists would outlive the subscription, if it began or went on as `opens` says.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn outlives(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        opens: Opens,
    ) -> Result<Option<String>, StoreError> {
        let Some(ends) = self.subscription_end(organization).await? else { return Ok(None) };
        let mut made = self.forecast_world(organization, campaign).await?;
        let Some(place) = made.place_of(campaign) else { return Ok(None) };
        match opens {
            // One that is given a time still begins behind the other one.
            Opens::At(at) if made.followers.iter().any(|each| each.campaign == campaign) => {
                for follower in made.followers.iter_mut().filter(|each| each.campaign == campaign) {
                    follower.not_before = Some(at);
                }
            }
            opens => {
                made.followers.retain(|each| each.campaign != campaign);
                made.world.campaigns[place].opens = opens;
            }
        }
        Ok(outlives(made, place, ends))
    }

    /// Why a campaign that has not begun would outlive the subscription as it is.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub(in crate::store) async fn would_outlive(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<String>, StoreError> {
        let Some(ends) = self.subscription_end(organization).await? else { return Ok(None) };
        let made = self.forecast_world(organization, campaign).await?;
        let place = made.place_of(campaign);
        let waits =
            |place: &usize| matches!(made.states[*place], CampaignState::Draft | CampaignState::Scheduled);
        Ok(place.filter(waits).and_then(|place| outlives(made, place, ends)))
    }

    /// Why a campaign that starts by itself would outlive the subscription, and only by this change of its terms.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub(in crate::store) async fn edited_outlives(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        edit: &CampaignEdit,
    ) -> Result<Option<String>, StoreError> {
        let Some(ends) = self.subscription_end(organization).await? else { return Ok(None) };
        let mut made = self.forecast_world(organization, campaign).await?;
        let place = made.place_of(campaign);
        let Some(place) = place.filter(|place| made.states[*place] == CampaignState::Scheduled) else {
            return Ok(None);
        };
        if outlives(made.clone(), place, ends).is_some() {
            return Ok(None);
        }
        edit.suppose(&mut made.world.campaigns[place], &made.pool_ids);
        if let Some(behind) = edit.run_after {
            let not_before = self.starts_at(organization, campaign).await?;
            made.followers.retain(|each| each.campaign != campaign);
            made.world.campaigns[place].opens = match behind {
                None => not_before.map_or(Opens::Now, Opens::At),
                Some(_) => Opens::Never,
            };
            made.followers.extend(behind.map(|behind| Follower { campaign, behind, not_before }));
        }
        Ok(outlives(made, place, ends))
    }

    async fn subscription_end(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        sqlx::query_scalar!("select subscription_ends_at from organizations where id = $1", organization.0)
            .fetch_optional(&self.work)
            .await
            .map(Option::flatten)
            .map_err(failed("read when the subscription ends"))
    }

    /// The campaign behind which one that is made like this begins; `None`: it waits for none that is not completed.
    async fn behind(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
        made: &ForecastWorld,
    ) -> Result<Option<CampaignId>, StoreError> {
        let Some(name) = &spec.run_after else { return Ok(None) };
        if let Some(place) = made.names.iter().position(|each| each == name.as_str()) {
            return Ok(Some(made.world.campaigns[place].id));
        }
        let before = self.campaigns(organization, Some(name.as_str())).await?.pop();
        let completed = CampaignState::Completed.name();
        Ok(before.filter(|before| before.state != completed).map(|before| before.id))
    }

    async fn starts_at(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        sqlx::query_scalar!(
            "select starts_at from campaigns where organization_id = $1 and id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.work)
        .await
        .map(Option::flatten)
        .map_err(failed("read when a campaign starts"))
    }
}

/// Who would get the first step at once of a campaign that is made like this: with a rollout, those of its first stage.
fn first_work(spec: &CampaignSpec, people: u64) -> Vec<Work> {
    let first = spec.conduct.rollout.as_ref().and_then(|rollout| rollout.stages.first());
    let people = first.map_or(people, |percent| Rollout::target(people, *percent));
    vec![Work { step: 0, due: None, people, zone: None, bound: None }]
}

/// The stages after the first of a rollout that begins now.
fn new_stages(rollout: &Rollout, people: u64, now: DateTime<Utc>) -> Stages {
    let target = |percent: &u32| Rollout::target(people, *percent);
    let wait = TimeDelta::seconds(i64::from(rollout.wait.seconds()));
    let after = u64::from(rollout.after);
    Stages {
        needs: rollout.stages.first().map_or(0, target).min(after),
        lasts_until: Some(now + wait),
        clocks: Vec::new(),
        // A stage of nobody opens the next at once.
        people: rollout
            .stages
            .windows(2)
            .map(|pair| target(&pair[1]) - target(&pair[0]))
            .filter(|people| *people > 0)
            .collect(),
        after,
        wait,
    }
}

/// Why a campaign of a world would outlive a subscription: it ends after that, or does not even begin before. One whose end
/// nobody can tell is not held up by it: sending stops with the subscription, whatever was foretold.
fn outlives(mut made: ForecastWorld, place: usize, ends: DateTime<Utc>) -> Option<String> {
    made.let_followers_begin();
    let (name, world) = (&made.names[place], &made.world);
    let day = |at: DateTime<Utc>| local_date(at, world.zone);
    if let Opens::At(begins) = world.campaigns[place].opens
        && begins >= ends
    {
        return Some(format!(
            "campaign {name} would begin on {}, and the subscription ends on {}: begin earlier, or renew first",
            day(begins),
            day(ends)
        ));
    }
    let finish = Forecast::of(world, FARTHEST_DAYS).finish.get(place).copied().flatten()?;
    (finish > ends).then(|| {
        format!(
            "campaign {name} would be done on {}, and the subscription ends on {}: raise its limits, take fewer people, \
             or renew first",
            day(finish),
            day(ends)
        )
    })
}
