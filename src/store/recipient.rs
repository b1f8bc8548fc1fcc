//! Recipients and attempts, as operators change and look at them.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    action::{Action, Order, Verdict},
    attempt::AttemptState,
    content::variant::Split,
    ids::{AttemptId, CampaignId, NumberId, OrganizationId, RecipientId},
    phone::{Phone, mask},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// An attempt as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Its id, which is also the reference that the provider was given.
    pub id: AttemptId,
    /// The campaign's name.
    pub campaign: String,
    /// For whom.
    pub phone: String,
    /// The recipient's id.
    pub recipient: RecipientId,
    /// Which step; 1 is the first.
    pub step: i16,
    /// Which version of the step; 1 is the first.
    pub step_version: i32,
    /// `sending`, `accepted`, `rejected`, `not_sent`, `in_doubt`, `waived` or `undelivered`.
    pub state: String,
    /// The number's phone.
    pub number: String,
    /// When the intent was committed.
    pub started_at: DateTime<Utc>,
    /// When its outcome was recorded.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long the provider took.
    pub duration_ms: Option<i32>,
    /// Since when nobody knows.
    pub in_doubt_since: Option<DateTime<Utc>>,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// The furthest that the provider reported: `queued`, `sent`, `failed`, `delivered` or `read`.
    pub delivery: Option<String>,
    /// When it was on the person's phone, by the provider's clock where it told.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the person opened it.
    pub read_at: Option<DateTime<Utc>>,
    /// Our word for what went wrong.
    pub class: Option<String>,
    /// Whose fault that was.
    pub blame: Option<String>,
    /// The provider's code, or ours.
    pub code: Option<String>,
    /// The provider's own words.
    pub words: Option<String>,
    /// The operator who settled it.
    pub resolved_by: Option<String>,
    /// Why.
    pub resolved_reason: Option<String>,
    /// Evidence for acceptance came after it was settled otherwise.
    pub contradicted: bool,
}

/// Which attempts to list.
#[derive(Debug, Clone, Default)]
pub struct AttemptQuery<'a> {
    /// Only this one.
    pub id: Option<AttemptId>,
    /// Only in this state.
    pub state: Option<AttemptState>,
    /// Only of this campaign.
    pub campaign: Option<&'a str>,
    /// Only to this phone.
    pub phone: Option<&'a str>,
    /// At most so many.
    pub most: i64,
}

/// Rows of the ledger that one page looks at.
pub const LOOKED_AT: i64 = 10_000;

/// Which attempts a page holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageQuery {
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only through this number.
    pub number: Option<NumberId>,
    /// Only for this recipient.
    pub recipient: Option<RecipientId>,
    /// Only in this state.
    pub state: Option<AttemptState>,
    /// Where the page before ended; none: the first one.
    pub after: Option<AttemptId>,
    /// At most so many.
    pub most: i64,
}

impl PageQuery {
    fn before(&self) -> Uuid {
        self.after.map_or(Uuid::max(), |after| after.0)
    }
}

/// A page of attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptPage {
    /// The latest first; fewer than asked for, even none, does not mean that there are no more.
    pub items: Vec<AttemptRecord>,
    /// Where the next page begins; none: this is the last one.
    pub next: Option<AttemptId>,
}

fn full(ids: &[Uuid], most: i64) -> bool {
    i64::try_from(ids.len()).is_ok_and(|found| found >= most)
}

/// One line of a campaign's export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecipientRecord {
    /// The id.
    pub id: RecipientId,
    /// The phone.
    pub phone: String,
    /// The contact's name.
    pub name: Option<String>,
    /// The furthest state reached.
    pub state: String,
    /// Why it ended badly.
    pub reason: Option<String>,
    /// Which step is next or was last.
    pub step: i16,
    /// Attempts for it.
    pub tries: i16,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// The number of the last attempt.
    pub number: Option<String>,
    /// The provider's id of the last attempt.
    pub provider_message_id: Option<String>,
    /// Which variant of the texts this person gets; none: everybody gets the same.
    pub variant: Option<String>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// What the last attempt said, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// The last attempt.
    #[serde(skip)]
    pub last_attempt: Option<uuid::Uuid>,
}

impl Store {
    pub(super) async fn act_on_recipient(
        &self,
        organization: OrganizationId,
        recipient: RecipientId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "change a recipient";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_recipient($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            recipient.0,
            order.action.name(),
            order.expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            order.reason.as_deref(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        let retrying = matches!(order.action, Action::RetryRecipient(_));
        answer.read(
            DOING,
            "there is no such recipient any more",
            |phone, found| refusal(&mask(phone), found, retrying),
            |_before| None,
        )
    }

    pub(super) async fn resolve_attempt(
        &self,
        organization: OrganizationId,
        attempt: AttemptId,
        verdict: Verdict,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "settle an attempt";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from resolve_attempt($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            attempt.0,
            verdict.name(),
            order.expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            order.reason.as_deref(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such attempt",
            |_phone, found| match found {
                "no_reason" => {
                    "a message that may have arrived is sent again only with a reason; say why".to_owned()
                }
                state => {
                    format!(
                        "the attempt is not in doubt, it is {}: there is nothing to settle",
                        state.replace('_', " ")
                    )
                }
            },
            |_before| None,
        )
    }

    /// Attempts, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn attempts(
        &self,
        organization: OrganizationId,
        query: &AttemptQuery<'_>,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let state = query.state.map(AttemptState::name);
        let of_person = match query.phone {
            Some(phone) => Some(self.attempts_of_person(organization, phone).await?),
            None => None,
        };
        sqlx::query_as!(
            AttemptRecord,
            r#"select a.id, coalesce(c.name, 'a reply') as "campaign!", coalesce(r.phone, y.phone)::text as "phone!",
                      a.recipient_id as recipient, a.step,
                      version_sent(a.organization_id, a.campaign_id, a.step, a.started_at) as "step_version!",
                      a.state::text as "state!", n.phone::text as "number!", a.started_at, a.finished_at, a.duration_ms,
                      a.in_doubt_since, a.provider_message_id, a.delivery::text as delivery, a.delivered_at, a.read_at,
                      a.class, a.blame, a.code, a.words, a.resolved_by, a.resolved_reason, a.contradicted
                 from attempts a
                 left join campaigns c on c.organization_id = a.organization_id and c.id = a.campaign_id
                 left join lateral (
                      -- A range in the order of the key, and no equation: see `live_events`.
                      select q.phone from campaign_recipients q
                       where q.organization_id = $1 and q.campaign_id = a.campaign_id
                         and q.id >= a.recipient_id and q.id <= a.recipient_id
                       order by q.id limit 1) r on true
                 left join replies y on a.campaign_id is null and y.organization_id = a.organization_id
                                    and y.id = a.recipient_id
                 join whatsapp_numbers n on n.organization_id = a.organization_id and n.id = a.number_id
                where a.organization_id = $1 and ($2::uuid is null or a.id = $2)
                  and ($3::text is null or a.state::text = $3)
                  -- The index of doubts is as small as their number.
                  and ($3::text is distinct from 'in_doubt' or a.in_doubt_since is not null)
                  and ($4::text is null or c.name = $4) and ($5::uuid[] is null or a.id = any ($5))
                order by a.id desc limit $6"#,
            organization.0,
            query.id.map(|id| id.0),
            state,
            query.campaign,
            of_person.as_deref(),
            query.most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("list attempts"))
    }

    /// Attempts, the latest first, page by page.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn attempt_page(
        &self,
        organization: OrganizationId,
        query: &PageQuery,
    ) -> Result<AttemptPage, StoreError> {
        let (ids, next) = match query.recipient {
            Some(recipient) => self.attempts_of_recipient(organization, recipient, query).await?,
            None => self.attempts_of_ledger(organization, query).await?,
        };
        let items = sqlx::query_as!(
            AttemptRecord,
            r#"select a.id, coalesce(c.name, 'a reply') as "campaign!", coalesce(r.phone, y.phone)::text as "phone!",
                      a.recipient_id as recipient, a.step,
                      version_sent(a.organization_id, a.campaign_id, a.step, a.started_at) as "step_version!",
                      a.state::text as "state!", n.phone::text as "number!", a.started_at, a.finished_at, a.duration_ms,
                      a.in_doubt_since, a.provider_message_id, a.delivery::text as delivery, a.delivered_at, a.read_at,
                      a.class, a.blame, a.code, a.words, a.resolved_by, a.resolved_reason, a.contradicted
                 from attempts a
                 left join campaigns c on c.organization_id = a.organization_id and c.id = a.campaign_id
                 left join lateral (
                      -- A range in the order of the key, and no equation: see `live_events`.
                      select q.phone from campaign_recipients q
                       where q.organization_id = $1 and q.campaign_id = a.campaign_id
                         and q.id >= a.recipient_id and q.id <= a.recipient_id
                       order by q.id limit 1) r on true
                 left join replies y on a.campaign_id is null and y.organization_id = a.organization_id
                                    and y.id = a.recipient_id
                 join whatsapp_numbers n on n.organization_id = a.organization_id and n.id = a.number_id
                where a.organization_id = $1 and a.id = any($2) order by a.id desc"#,
            organization.0,
            &ids,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("list attempts"))?;
        Ok(AttemptPage { items, next: next.map(AttemptId) })
    }

    /// The attempts to write to a phone, in any campaign or thread: by the keys of its rows in these, because the ledger
    /// knows no phones.
    async fn attempts_of_person(
        &self,
        organization: OrganizationId,
        phone: &str,
    ) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar!(
            r#"select t.id as "id!"
                 from (select r.id from campaigns c
                         join campaign_recipients r on r.organization_id = $1 and r.campaign_id = c.id and r.phone = $2
                        where c.organization_id = $1
                        union all
                       select y.id from conversations v
                         join replies y on y.organization_id = $1 and y.conversation_id = v.id
                        where v.organization_id = $1 and v.phone = $2) p
                cross join lateral (
                       select a.id from attempts a
                        where a.organization_id = $1 and a.recipient_id = p.id and a.live
                        union all
                       select a.id from attempts a
                        where a.organization_id = $1 and a.recipient_id = p.id and not a.live) t"#,
            organization.0,
            phone,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("list attempts"))
    }

    /// A person has few attempts in a campaign: all of them are looked at.
    async fn attempts_of_recipient(
        &self,
        organization: OrganizationId,
        recipient: RecipientId,
        query: &PageQuery,
    ) -> Result<(Vec<Uuid>, Option<Uuid>), StoreError> {
        let ids = sqlx::query_scalar!(
            r#"select a.id as "id!" from (
                   select id, campaign_id, number_id, state from attempts
                    where organization_id = $1 and recipient_id = $2 and live
                    union all
                   select id, campaign_id, number_id, state from attempts
                    where organization_id = $1 and recipient_id = $2 and not live) a
                where a.id < $3 and ($4::uuid is null or a.campaign_id = $4) and ($5::uuid is null or a.number_id = $5)
                  and ($6::text is null or a.state::text = $6)
                order by a.id desc limit $7"#,
            organization.0,
            recipient.0,
            query.before(),
            query.campaign.map(|campaign| campaign.0),
            query.number.map(|number| number.0),
            query.state.map(AttemptState::name),
            query.most,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("list attempts"))?;
        let next = ids.last().copied().filter(|_| full(&ids, query.most));
        Ok((ids, next))
    }

    /// Walks the ledger backwards, so far and no farther: what is asked for may be rare or old.
    async fn attempts_of_ledger(
        &self,
        organization: OrganizationId,
        query: &PageQuery,
    ) -> Result<(Vec<Uuid>, Option<Uuid>), StoreError> {
        let found = sqlx::query!(
            r#"with part as materialized (
                   select a.id, a.campaign_id, a.number_id, a.state from attempts a
                    where a.organization_id = $1 and a.id < $2 order by a.id desc limit $7)
               select array(select p.id from part p
                             where ($3::uuid is null or p.campaign_id = $3) and ($4::uuid is null or p.number_id = $4)
                               and ($5::text is null or p.state::text = $5)
                             order by p.id desc limit $6) as "ids!",
                      (select count(*) from part) as "looked!",
                      (select p.id from part p order by p.id limit 1) as farthest"#,
            organization.0,
            query.before(),
            query.campaign.map(|campaign| campaign.0),
            query.number.map(|number| number.0),
            query.state.map(AttemptState::name),
            query.most,
            LOOKED_AT,
        )
        .fetch_one(&self.walk)
        .await
        .map_err(failed("list attempts"))?;
        let next = match found.ids.last() {
            Some(last) if full(&found.ids, query.most) => Some(*last),
            _ => found.farthest.filter(|_| found.looked == LOOKED_AT),
        };
        Ok((found.ids, next))
    }

    /// Recipients of a campaign behind `after`, in the order of enrolment. `split`: its variants, read once for all pages.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn recipients_after(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        split: &Split,
        after: RecipientId,
        most: i64,
    ) -> Result<Vec<RecipientRecord>, StoreError> {
        let mut records = sqlx::query_as!(
            RecipientRecord,
            r#"select r.id, r.phone::text as "phone!", p.name as "name?", r.state::text as "state!", r.reason, r.step,
                      r.tries, nullif(r.due_at, not_let_go()) as due_at, n.phone::text as "number?", a.provider_message_id as "provider_message_id?",
                      null::text as variant, r.updated_at, null::text as said,
                      r.last_attempt_id as last_attempt
                 from campaign_recipients r
                 left join contacts p on p.organization_id = r.organization_id and p.id = r.contact_id
                 left join attempts a on a.organization_id = r.organization_id and a.id = r.last_attempt_id
                 left join whatsapp_numbers n on n.organization_id = a.organization_id and n.id = a.number_id
                where r.organization_id = $1 and r.campaign_id = $2 and r.id > $3
                order by r.id limit $4"#,
            organization.0,
            campaign.0,
            after.0,
            most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read the recipients of a campaign"))?;
        for record in &mut records {
            record.variant = split.of(record.id).map(ToString::to_string);
        }
        Ok(records)
    }

    /// The recipient of this phone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn recipient_of(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        phone: &Phone,
    ) -> Result<Option<RecipientId>, StoreError> {
        let found = sqlx::query_scalar!(
            "select id from campaign_recipients where organization_id = $1 and campaign_id = $2 and phone = $3",
            organization.0,
            campaign.0,
            phone.reveal(),
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("look for a recipient"))?;
        Ok(found.map(RecipientId))
    }
}

/// Why nothing was done; `found` is the recipient's state or what stands against it.
fn refusal(phone: &str, found: &str, retrying: bool) -> String {
    match (retrying, found) {
        (true, "completed" | "cancelled") => {
            format!("the campaign is {found}; nothing of it is sent any more")
        }
        (true, "subscription_ended") => "the subscription is over; nothing is sent any more".to_owned(),
        (true, "opted_out") => format!("{phone} asked not to be written to"),
        (true, "refused_by_the_person") => {
            format!("{phone} has blocked the number; another try only harms it")
        }
        (true, "has_left") => {
            format!("{phone} has left the campaign; nothing of it is sent to them any more")
        }
        (true, "live") => {
            format!("an attempt for {phone} is accepted or in doubt; the same message is never sent twice")
        }
        (true, state) => {
            format!("{phone} has not failed, it is {}: there is nothing to retry", state.replace('_', " "))
        }
        (false, "sending") => format!("the message to {phone} is on the wire; it cannot be taken back"),
        (false, state) => {
            format!("{phone} is {} already; only who waits can be excluded", state.replace('_', " "))
        }
    }
}
