//! Other terms for campaigns that exist: limits, order, hours, numbers; starts that were missed; trying again.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
    patience::Patience,
    terms::terms_of,
};
use crate::domain::{
    action::{Action, Order, Version},
    campaign::{Failover, Missed, Steering},
    forecast::Campaign,
    ids::{CampaignId, InstanceId, NumberId, OrganizationId, PoolId},
    text::Safe,
    window::{Hours, Whose, Window},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const DOING: &str = "change a campaign";
/// A start that is later than this was missed. The database's rule for those that start at once says the same.
const MISSED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// A change of a campaign's terms: only what is `Some` is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignEdit {
    /// Lower goes first.
    pub priority: Option<i32>,
    /// Its share among equals.
    pub weight: Option<u32>,
    /// Most messages a day; `Some(None)` takes the limit off.
    pub daily_limit: Option<Option<u32>>,
    /// Through which pool.
    pub pool: Option<PoolId>,
    /// What happens to a message whose number is refused.
    pub failover: Option<Failover>,
    /// The hours in which it sends; `Some(None)`: at any that the organisation allows.
    pub window: Option<Option<Window>>,
    /// The campaign that has to be completed first; `Some(None)`: none.
    pub run_after: Option<Option<CampaignId>>,
    /// What becomes of a start that no sender was there for.
    pub missed: Option<Missed>,
    /// Seconds after it was due when it is too late for a message; `Some(None)`: never.
    pub expires_after: Option<Option<u32>>,
    /// From then on it is too late for all of them; `Some(None)`: never.
    pub until: Option<Option<DateTime<Utc>>>,
    /// The only number that may send for it; `Some(None)`: all of its pool.
    pub only_number: Option<Option<NumberId>>,
}

impl CampaignEdit {
    fn columns(&self) -> Value {
        let mut columns = Map::new();
        let mut set = |column: &str, value: Option<Value>| {
            if let Some(value) = value {
                columns.insert(column.to_owned(), value);
            }
        };
        set("priority", self.priority.map(|priority| json!(priority)));
        set("weight", self.weight.map(|weight| json!(weight)));
        set("daily_limit", self.daily_limit.map(|limit| json!(limit)));
        set("pool_id", self.pool.map(|pool| json!(pool.0)));
        set("failover", self.failover.map(|failover| json!(failover.name())));
        set("window_from", self.window.map(|window| json!(window.map(|window| window.hours.from()))));
        set("window_to", self.window.map(|window| json!(window.map(|window| window.hours.to()))));
        set("window_days", self.window.map(|window| json!(window.map(|window| window.hours.days()))));
        set("window_zone", self.window.map(|window| json!(window.map(|window| window.zone))));
        set("run_after_id", self.run_after.map(|before| json!(before.map(|before| before.0))));
        set("missed", self.missed.map(|missed| json!(missed)));
        set("expires_after", self.expires_after.map(|seconds| json!(seconds)));
        set("expires_at", self.until.map(|until| json!(until)));
        set("only_number_id", self.only_number.map(|number| json!(number.map(|number| number.0))));
        Value::Object(columns)
    }

    /// The terms that a forecast knows of, as they would be; `pools` are those of its world.
    pub(super) fn suppose(&self, campaign: &mut Campaign, pools: &[PoolId]) {
        let pool = self.pool.and_then(|pool| pools.iter().position(|each| *each == pool));
        campaign.priority = self.priority.unwrap_or(campaign.priority);
        campaign.weight = self.weight.unwrap_or(campaign.weight);
        campaign.cap.limit = self.daily_limit.unwrap_or(campaign.cap.limit);
        campaign.pool = pool.unwrap_or(campaign.pool);
        campaign.calendar.window = self.window.unwrap_or(campaign.calendar.window);
        campaign.only = self.only_number.unwrap_or(campaign.only);
        campaign.failover = self.failover.unwrap_or(campaign.failover);
        campaign.expiry.at = self.until.unwrap_or(campaign.expiry.at);
    }
}

/// What may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryScope {
    /// What failed for good.
    Failed,
    /// What was put back and waits for its next try.
    Pending,
    /// What was too late.
    Expired,
    /// What nobody knows: it needs a verdict first, and this says so of each.
    InDoubt,
}

impl RetryScope {
    /// The word of the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::InDoubt => "in_doubt",
        }
    }
}

impl Store {
    /// Changes the terms of a campaign; the next claim obeys. What a rule forbids is an answer, not an error: nobody asks
    /// whether one that starts by itself would outlive the subscription when it does. One that runs may always be slowed.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn edit_campaign(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        edit: &CampaignEdit,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        if let Some(sentence) = self.edited_outlives(organization, campaign, edit).await? {
            return Ok(ActionResult::Refused(Safe::new(&sentence)));
        }
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from edit_campaign($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            campaign.0,
            expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            reason,
            edit.columns(),
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(DOING, "there is no such campaign any more", refusal, |before| former(campaign, before))
    }

    pub(super) async fn act_on_terms(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let Action::SetTerms { campaign, terms } = order.action else {
            return Err(StoreError::Unreadable { doing: DOING, what: "order" });
        };
        let edit = CampaignEdit {
            priority: Some(terms.priority),
            weight: Some(terms.weight),
            daily_limit: Some(terms.daily_limit),
            pool: Some(terms.pool),
            failover: Some(terms.failover),
            window: Some(terms.window),
            only_number: Some(terms.only_number),
            ..CampaignEdit::default()
        };
        self.edit_campaign(organization, campaign, &edit, order.expected, order.reason.as_deref(), actor)
            .await
    }

    /// The only number that may send for a campaign, with its phone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn only_number(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<(NumberId, String)>, StoreError> {
        let row = sqlx::query!(
            r#"select n.id, n.phone::text as "phone!" from campaigns c
                 join whatsapp_numbers n on n.organization_id = $1 and n.id = c.only_number_id
                where c.organization_id = $1 and c.id = $2"#,
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("look through which number a campaign sends"))?;
        Ok(row.map(|row| (NumberId(row.id), row.phone)))
    }

    /// Puts off the starts that no sender was there for, or keeps them for somebody to decide: as each campaign says.
    /// Answers how many there were.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn put_off_missed_starts(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        now: Option<DateTime<Utc>>,
    ) -> Result<u64, StoreError> {
        const DOING: &str = "look for missed starts";
        let rows = sqlx::query!(
            r#"select c.id, c.starts_at as "starts_at!", c.missed, coalesce($2, clock_timestamp()) as "now!"
                 from campaigns c
                where c.organization_id = $1 and c.state = 'scheduled' and c.missed <> 'send' and c.missed_at is null
                  and c.starts_at is not null
                  and ready_since(c, coalesce($2, clock_timestamp()))
                      <= coalesce($2, clock_timestamp()) - make_interval(secs => $3)"#,
            organization.0,
            now,
            MISSED_AFTER.as_seconds_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed(DOING))?;
        if rows.is_empty() {
            return Ok(0);
        }
        let terms = terms_of(&self.lease, organization, None).await?;
        let mut put_off = 0;
        for row in rows {
            let next = (row.missed == Missed::NextWindow.name())
                .then(|| terms.campaign(CampaignId(row.id)).next_start(row.starts_at, row.now));
            let done = sqlx::query_scalar!(
                r#"select put_off_start($1, $2, $3, $4, $5) as "done!""#,
                organization.0,
                row.id,
                instance.0,
                row.starts_at,
                next,
            )
            .fetch_one(&self.lease)
            .await
            .map_err(failed("put off a missed start"))?;
            put_off += u64::from(done);
        }
        Ok(put_off)
    }

    /// Tries messages of a campaign again, a piece at a time, or only says what would be (`dry`). Answers people by what
    /// becomes of them: `retry`, or why not.
    ///
    /// # Errors
    /// When the database is away, busy or refuses. Who is queued by then stays so; whoever asks again goes on with the others.
    #[expect(clippy::too_many_arguments, reason = "the columns of one statement")]
    pub async fn retry_recipients(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        scope: RetryScope,
        code: Option<&str>,
        dry: bool,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut verdicts = BTreeMap::new();
        let (mut after, mut patience) = (uuid::Uuid::nil(), Patience::default());
        loop {
            let piece = sqlx::query!(
                r#"select verdict as "verdict!", people as "people!", last_id
                     from retry_recipients($1, $2, $3, $4, $5, $6, $7, $8, $9)"#,
                organization.0,
                campaign.0,
                scope.name(),
                code,
                dry,
                actor.operator,
                actor.instance_id(),
                reason,
                after,
            )
            .fetch_all(&self.bulk)
            .await
            .map_err(failed("try messages again"));
            let Some(piece) = patience.heed(piece)? else { continue };
            let last = piece.first().and_then(|row| row.last_id);
            for row in piece.into_iter().filter(|row| row.people > 0) {
                *verdicts.entry(row.verdict).or_insert(0) += u64::try_from(row.people).unwrap_or(0);
            }
            match last {
                Some(last) => after = last,
                None => return Ok(verdicts),
            }
        }
    }
}

/// The order that brings back what a console changes.
fn former(campaign: CampaignId, before: &Value) -> Option<Action> {
    let number = |column: &str| before.get(column).and_then(Value::as_i64);
    let small = |column: &str| number(column).and_then(|number| i16::try_from(number).ok());
    let text = |column: &str| before.get(column).and_then(Value::as_str);
    let id = |column: &str| text(column).and_then(|id| uuid::Uuid::parse_str(id).ok());
    let hours = Hours::of_columns(small("window_from"), small("window_to"), small("window_days"));
    let zone = text("window_zone").and_then(|zone| zone.parse::<Whose>().ok());
    let terms = Steering {
        priority: i32::try_from(number("priority")?).ok()?,
        weight: u32::try_from(number("weight")?).ok()?,
        daily_limit: number("daily_limit").and_then(|limit| u32::try_from(limit).ok()),
        pool: PoolId(id("pool_id")?),
        failover: text("failover")?.parse().ok()?,
        window: hours.zip(zone).map(|(hours, zone)| Window { hours, zone }),
        only_number: id("only_number_id").map(NumberId),
    };
    Some(Action::SetTerms { campaign, terms })
}

fn refusal(name: &str, found: &str) -> String {
    match found {
        "own_clocks_unknown" => format!(
            "whose clock a person lives by is frozen at enrolment, and {name} has asked nobody for theirs: give it hours \
             on one clock, or make another one with such a window from its file (in the console N)"
        ),
        "has_started" => format!("{name} has begun: it waits for no other campaign any more"),
        "no_start" => format!("{name} would never start: schedule it at a time first"),
        "not_in_pool" => format!("that number is not in the pool of {name}: add it there first"),
        "cycle" => format!("{name} would wait for itself: the other one starts after it"),
        state => format!("campaign {name} is {state}; nothing of it changes any more"),
    }
}
