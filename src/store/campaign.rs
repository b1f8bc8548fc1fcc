//! Campaigns: made from a checked file, enrolled, and taken through their life.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    enrolment::{ENROLLED_IN_A_PIECE, Tell},
    failed,
    patience::Patience,
    step::StepColumns,
};
use crate::domain::{
    action::{Action, Order, Version},
    campaign::{CampaignAction, CampaignSpec, CampaignState},
    forecast::Opens,
    ids::{CampaignId, NumberId, OrganizationId, PoolId},
    phone::Phone,
    text::Safe,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// Recipients looked at by one statement after a cancellation: short enough that nobody waits for it.
const SKIPPED_AT_ONCE: i32 = 10_000;

/// A campaign as lists and details show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignRecord {
    /// Its id.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// Where in its life it is.
    pub state: String,
    /// Lower goes first.
    pub priority: i32,
    /// Its share among campaigns of the same priority.
    pub weight: i32,
    /// The pool's name.
    pub pool: String,
    /// Most messages a day.
    pub daily_limit: Option<i32>,
    /// When it starts by itself.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
    /// What becomes of a start that no sender was there for.
    #[serde(skip)]
    pub missed: String,
    /// Seconds after it was due when it is too late for a message.
    #[serde(skip)]
    pub expires_after: Option<i64>,
    /// Why it is paused.
    pub hold_reason: Option<String>,
    /// `pool` or `never`.
    pub failover: String,
    /// Who gets it, as JSON.
    pub audience: serde_json::Value,
    /// How it goes on enrolling, as JSON, if it is standing.
    pub standing: Option<serde_json::Value>,
    /// How it behaves, as JSON: slots, leaving early, stopping by itself.
    pub conduct: serde_json::Value,
    /// How many steps it has.
    pub steps: i64,
    /// Enrolled.
    pub planned: i64,
    /// Waiting.
    pub queued: i64,
    /// On the wire.
    pub sending: i64,
    /// Accepted, delivered or read.
    pub sent: i64,
    /// Failed for good.
    pub failed: i64,
    /// Nobody knows.
    pub in_doubt: i64,
    /// Left out, with a reason.
    pub skipped: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who changed it last.
    pub changed_by: String,
    /// How often it has been changed.
    pub version: i64,
}

impl Store {
    /// As [`Store::create_campaign_telling`], and tells nobody how far it is.
    ///
    /// # Errors
    /// As there.
    pub async fn create_campaign(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
        pool: PoolId,
        source: &str,
        actor: Actor<'_>,
    ) -> Result<(CampaignId, u64), StoreError> {
        self.create_campaign_telling(organization, spec, (pool, None), source, actor, &|_| {}).await
    }

    /// Writes a checked campaign with its steps and enrols its audience, or does nothing at all; an audience that is large
    /// piece by piece, the first of them with the campaign. `tell` hears how far it is. With a start time it is
    /// scheduled, else a draft. With `only` it sends through no other number of its pool. Answers its id and how many were enrolled.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the name is taken.
    pub async fn create_campaign_telling(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
        (pool, only): (PoolId, Option<NumberId>),
        source: &str,
        actor: Actor<'_>,
        tell: &Tell<'_>,
    ) -> Result<(CampaignId, u64), StoreError> {
        const DOING: &str = "create the campaign";
        let id = CampaignId::new();
        let needs = self.needs_of(organization, spec).await?;
        let unreadable = |_| StoreError::Unreadable { doing: DOING, what: "text" };
        let before = self.predecessor(organization, spec).await?;
        let mut campaign = columns(spec, pool, source, before);
        campaign["only_number_id"] = json!(only.map(|number| number.0));
        let steps = StepColumns::of(spec).map_err(unreadable)?;
        let enrolled = sqlx::query_scalar!(
            r#"select create_campaign($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as "enrolled!""#,
            organization.0,
            id.0,
            actor.operator,
            actor.instance_id(),
            campaign,
            &steps.after,
            &steps.texts,
            &steps.templates as &[Option<serde_json::Value>],
            &steps.media as &[Option<serde_json::Value>],
            &steps.variants as &[Option<serde_json::Value>],
            &needs.variables,
            needs.required,
            ENROLLED_IN_A_PIECE,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        // What is left goes on in pieces of its own: whoever is interrupted goes on where it stopped.
        let enrolled = enrolled + self.enrol_the_rest(organization, id, tell).await?;
        self.note_plan(organization, id).await;
        Ok((id, u64::try_from(enrolled).unwrap_or(0)))
    }

    /// Keeps what is foretold now. A plan that cannot be made holds up no campaign.
    async fn note_plan(&self, organization: OrganizationId, campaign: CampaignId) {
        if let Err(error) = self.plan_campaign(organization, campaign).await {
            tracing::warn!("the plan of a campaign is not kept: {error}");
        }
    }

    /// The campaign that this one is to follow.
    async fn predecessor(
        &self,
        organization: OrganizationId,
        spec: &CampaignSpec,
    ) -> Result<Option<uuid::Uuid>, StoreError> {
        let Some(name) = &spec.run_after else { return Ok(None) };
        sqlx::query_scalar!(
            "select id from campaigns where organization_id = $1 and name = $2",
            organization.0,
            name.as_str(),
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed("look for the campaign before it"))?
        .ok_or(StoreError::Unreadable { doing: "look for the campaign before it", what: "run_after" })
        .map(Some)
    }

    /// The attributes that contacts of the organisation have.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn contact_attributes(&self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        const DOING: &str = "look at the contacts' attributes";
        // Nearly all contacts have what some have: only those are taken apart who have something else.
        let mut keys = sqlx::query_scalar!(
            r#"select distinct k as "key!"
                 from (select c.attributes from contacts c where c.organization_id = $1 limit 1000) c,
                      jsonb_object_keys(c.attributes) k"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let others = sqlx::query_scalar!(
            r#"select distinct k as "key!" from contacts c, jsonb_object_keys(c.attributes - $2::text[]) k
                where c.organization_id = $1 and c.attributes - $2::text[] <> '{}'"#,
            organization.0,
            &keys,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        keys.extend(others);
        keys.sort_unstable();
        Ok(keys)
    }

    /// Those of `phones` that belong to no contact.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn phones_without_contact(
        &self,
        organization: OrganizationId,
        phones: &[Phone],
    ) -> Result<Vec<String>, StoreError> {
        let phones: Vec<String> = phones.iter().map(|phone| phone.reveal().to_owned()).collect();
        sqlx::query_scalar!(
            r#"select p as "phone!" from unnest($2::text[]) p
                where not exists (select from contacts c where c.organization_id = $1 and c.phone = p)"#,
            organization.0,
            &phones,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("look for hand-picked contacts"))
    }

    /// All campaigns, or the one of this name: running ones first, then the latest.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn campaigns(
        &self,
        organization: OrganizationId,
        name: Option<&str>,
    ) -> Result<Vec<CampaignRecord>, StoreError> {
        sqlx::query_as!(
            CampaignRecord,
            r#"select c.id, c.name, c.state::text as "state!", c.priority, c.weight, p.name as pool, c.daily_limit, c.starts_at,
                      c.started_at, c.finished_at, c.missed, c.expires_after, c.hold_reason, c.failover, c.audience, c.standing, c.conduct,
                      (select count(*) from campaign_steps s
                        where s.organization_id = c.organization_id and s.campaign_id = c.id) as "steps!",
                      k.planned as "planned!", k.queued as "queued!", k.sending as "sending!",
                      k.accepted + k.delivered + k.read as "sent!", k.failed as "failed!",
                      k.in_doubt as "in_doubt!", k.skipped as "skipped!", c.created_by, c.created_at, c.changed_by,
                      c.revision as version
                 from campaigns c
                 join pools p on p.organization_id = c.organization_id and p.id = c.pool_id
                 join campaign_stats k on k.organization_id = c.organization_id and k.campaign_id = c.id
                where c.organization_id = $1 and ($2::text is null or c.name = $2)
                order by c.state in ('active', 'paused') desc, c.created_at desc"#,
            organization.0,
            name,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list campaigns"))
    }

    pub(super) async fn act_on_campaign(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (campaign, asked) = match order.action {
            Action::PauseCampaign(campaign) => (campaign, CampaignAction::Pause),
            Action::ResumeCampaign(campaign) => (campaign, CampaignAction::Resume),
            Action::CancelCampaign(campaign) => (campaign, CampaignAction::Cancel),
            Action::StartCampaign(campaign) => (campaign, CampaignAction::Start),
            _ => return Err(StoreError::Unreadable { doing: "change a campaign", what: "order" }),
        };
        if asked == CampaignAction::Start {
            self.enrol_if_nobody_is(organization, campaign).await?;
            self.look_ahead(organization, campaign).await?;
            if let Some(sentence) = self.outlives(organization, campaign, Opens::Now).await? {
                return Ok(ActionResult::Refused(Safe::new(&sentence)));
            }
        }
        let (expected, reason) = (order.expected, order.reason.as_deref());
        let done = self
            .change_campaign(
                organization,
                campaign,
                asked,
                order.action.name(),
                expected,
                reason,
                None,
                actor,
            )
            .await?;
        if asked == CampaignAction::Start && matches!(done, ActionResult::Done { .. }) {
            self.note_plan(organization, campaign).await;
        }
        if asked == CampaignAction::Cancel
            && !matches!(done, ActionResult::Refused(_) | ActionResult::Missing(_))
        {
            // The campaign is ended already; this only names what that means for each person. Whoever repeats the
            // cancellation, and the senders' chore, go on where it stops.
            self.skip_cancelled(organization, campaign).await?;
        }
        Ok(done)
    }

    /// Lets a draft or scheduled campaign start by itself at `starts_at`. Nobody asks then whether it would outlive the
    /// subscription: that is asked now. One that was let go already may go on after a pause: sending ends with the
    /// subscription, and a pause must never be what cannot be taken back.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn schedule_campaign(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        starts_at: DateTime<Utc>,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (asked, name) = (CampaignAction::Schedule, "schedule campaign");
        if let Some(sentence) = self.outlives(organization, campaign, Opens::At(starts_at)).await? {
            return Ok(ActionResult::Refused(Safe::new(&sentence)));
        }
        self.change_campaign(organization, campaign, asked, name, expected, reason, Some(starts_at), actor)
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one statement")]
    async fn change_campaign(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        asked: CampaignAction,
        name: &str,
        expected: Option<Version>,
        reason: Option<&str>,
        starts_at: Option<DateTime<Utc>>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "change a campaign";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before
               from change_campaign($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            campaign.0,
            name,
            expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            reason,
            starts_at,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such campaign any more",
            |name, found| refusal(name, found, asked),
            |_before| match asked {
                CampaignAction::Pause => Some(Action::ResumeCampaign(campaign)),
                CampaignAction::Resume => Some(Action::PauseCampaign(campaign)),
                _ => None,
            },
        )
    }

    /// Ends what is queued in a cancelled campaign, a piece at a time.
    ///
    /// # Errors
    /// When the database is away or refuses; what is left is ended by the next one who asks.
    async fn skip_cancelled(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        let mut after = Some(Uuid::nil());
        let mut patience = Patience::default();
        while let Some(last) = after {
            let piece = sqlx::query_scalar!(
                "select skip_cancelled($1, $2, $3, $4)",
                organization.0,
                campaign.0,
                last,
                SKIPPED_AT_ONCE,
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed("end what is queued"));
            // The last answers of the campaign come in meanwhile, and may be what a deadlock was with.
            after = patience.heed(piece)?.unwrap_or(after);
        }
        Ok(())
    }
}

/// A campaign's columns, as its file says them.
fn columns(spec: &CampaignSpec, pool: PoolId, source: &str, before: Option<uuid::Uuid>) -> serde_json::Value {
    json!({
        "name": spec.name, "priority": spec.priority.get(), "weight": spec.weight.get(), "pool_id": pool.0,
        "daily_limit": spec.daily_limit, "starts_at": spec.starts_at, "failover": spec.failover,
        "audience": spec.audience, "standing": spec.standing, "source": source, "conduct": spec.conduct,
        "window_from": spec.window.map(|window| window.hours.from()),
        "window_to": spec.window.map(|window| window.hours.to()),
        "window_days": spec.window.map(|window| window.hours.days()),
        "window_zone": spec.window.map(|window| window.zone.to_string()),
        "run_after_id": before, "missed": spec.missed, "expires_at": spec.until,
        "expires_after": spec.expires_after.map(|delay| i64::from(delay.seconds())),
    })
}

/// Why the life of a campaign forbids it.
fn refusal(name: &str, found: &str, asked: CampaignAction) -> String {
    if found == "enrolling" {
        return format!(
            "not everybody is enrolled in campaign {name} yet: signalbox campaign enrol {name} goes on with it, then it can start"
        );
    }
    let state: Result<CampaignState, _> = found.parse();
    match state.map(|state| state.apply(asked, name)) {
        Ok(Err(refusal)) => refusal.to_string(),
        _ => format!("campaign {name} is {found}"),
    }
}
