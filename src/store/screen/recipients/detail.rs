//! Everything about one recipient: its attempts, and why it waits.

use super::super::holds::{self, Scene};
use super::super::{ReadError, Seat, count, many, milliseconds, number_name, version_at};
use super::{DOING, Key, Store, StoreError, failed, message_state};
use crate::domain::campaign::rollout;
use crate::domain::hold::{
    self, GateName, Hold,
    facts::{self, RecipientFacts},
};
use crate::domain::ids::{AttemptId, CampaignId, RecipientId};
use crate::domain::phone::Phone;
use crate::domain::recipient::RecipientState;
use crate::domain::text::{Safe, Shown};
use crate::store::history::person_history;
use crate::store::variant::split;
use crate::store::view::{AttemptLine, ElsewhereLine, ReceiptLine, RecipientDetail};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// Gates that a recipient is asked.
const GATES: [GateName; 11] = [
    GateName::Campaign,
    GateName::Switch,
    GateName::Subscription,
    GateName::Sender,
    GateName::Consent,
    GateName::Doubt,
    GateName::Due,
    GateName::Window,
    GateName::Pool,
    GateName::Number,
    GateName::CampaignCap,
];
/// Attempts shown of one recipient.
const ATTEMPTS: i64 = 200;

struct Read {
    state: RecipientState,
    step: u32,
    steps: u32,
    tries: u32,
    due_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    in_doubt_since: Option<DateTime<Utc>>,
    opted_out: bool,
    planned_on: Option<NaiveDate>,
    zone: Option<Tz>,
    variant: Option<Safe>,
    country: Option<Safe>,
    phone: Option<Phone>,
}

impl Store {
    /// Everything about one recipient. `hints` are campaigns that it may be in; empty: any.
    ///
    /// # Errors
    /// When it does not exist, or the database is away or refuses.
    pub async fn recipient_detail(
        &self,
        seat: &Seat,
        id: RecipientId,
        hints: &[CampaignId],
    ) -> Result<RecipientDetail, ReadError> {
        let key = *self.keys_of(seat, &[id], hints).await?.first().ok_or(ReadError::Gone("recipient"))?;
        let read = self.read_recipient(seat, key).await?.ok_or(ReadError::Gone("recipient"))?;
        let attempts = self.attempts_of(seat, key).await?;
        let (scene, day) = self.scene(seat).await?;
        let campaign = self.read_campaigns(seat, day, Some(CampaignId(key.campaign))).await?;
        let mut campaign = campaign.into_iter().next().ok_or(ReadError::Gone("campaign"))?;
        let (_, pool) = self.pool_of(seat, &scene, day, &campaign).await?;
        campaign.facts.due_later = None;
        let waits = matches!(read.state, RecipientState::Queued | RecipientState::InDoubt);
        let mut holds = own_holds(&scene, &read);
        if waits {
            let closed = read.zone.and_then(|zone| campaign.facts.terms.calendar.closed_in(zone, scene.at));
            holds.extend(closed.map(|closed| Hold::QuietHours { opens: closed.opens }));
            holds.extend(holds::of_campaign(&scene, &campaign.facts, &pool));
        }
        Ok(RecipientDetail {
            id,
            country: read.country.clone(),
            step: (read.step, read.steps),
            variant: read.variant,
            due_at: read.due_at.filter(|due| !rollout::is_kept_back(*due)),
            planned_on: read.planned_on.filter(|_| read.state != RecipientState::Skipped),
            hold: hold::binding(&holds).map(|hold| holds::shown(hold, scene.zone)),
            // What has ended waits for nothing.
            gates: if waits { holds::gates(&GATES, &holds, &[], scene.zone) } else { Vec::new() },
            attempts,
            elsewhere: self.elsewhere(seat, key, read.phone.as_ref()).await?,
        })
    }

    /// The other campaigns of this person.
    async fn elsewhere(
        &self,
        seat: &Seat,
        key: Key,
        phone: Option<&Phone>,
    ) -> Result<Vec<ElsewhereLine>, StoreError> {
        let Some(phone) = phone else { return Ok(Vec::new()) };
        let lines = person_history(&self.walk, seat.organization, phone).await?;
        lines
            .into_iter()
            .filter(|line| line.campaign_id.0 != key.campaign)
            .map(|line| {
                let state = message_state(&line.state)
                    .ok_or(StoreError::Unreadable { doing: DOING, what: "recipient state" })?;
                Ok(ElsewhereLine {
                    campaign: Shown::new(&line.campaign),
                    state,
                    reason: line.reason.map(|reason| Safe::cut(&reason.replace('_', " "), 40)),
                    step: (count(line.step.into()), u32::try_from(line.steps).unwrap_or(0)),
                    variant: line.variant.as_deref().map(Safe::new),
                    last_attempt_at: line.last_attempt_at,
                })
            })
            .collect()
    }

    async fn read_recipient(&self, seat: &Seat, key: Key) -> Result<Option<Read>, StoreError> {
        let row = sqlx::query!(
            r#"select r.state::text as "state!", r.step, r.tries, r.due_at, r.zone, planned_on($1, $2, r.id) as planned_on, r.reason, r.phone::text as "phone!",
                      p.country as "country?", a.in_doubt_since as "in_doubt_since?",
                      (select count(*) from campaign_steps s
                        where s.organization_id = $1 and s.campaign_id = $2) as "steps!",
                      (select split_of(array_agg(s.variants order by s.step)) from campaign_steps s
                        where s.organization_id = $1 and s.campaign_id = $2) as split,
                      exists (select from suppressions s
                               where s.organization_id = $1 and s.phone = r.phone) as "opted_out!"
                 from campaign_recipients r
                 left join contacts p on p.organization_id = $1 and p.id = r.contact_id
                 left join attempts a on a.organization_id = $1 and a.id = r.last_attempt_id
                where r.organization_id = $1 and r.campaign_id = $2 and r.id = $3"#,
            seat.organization.0,
            key.campaign,
            key.id,
        )
        .fetch_optional(&self.walk)
        .await
        .map_err(failed(DOING))?;
        let Some(row) = row else { return Ok(None) };
        let unreadable = |_| StoreError::Unreadable { doing: DOING, what: "recipient state" };
        let phone = Phone::parse(&row.phone).ok();
        Ok(Some(Read {
            state: row.state.parse().map_err(unreadable)?,
            step: count(row.step.into()),
            steps: u32::try_from(row.steps).unwrap_or(0),
            tries: count(row.tries.into()),
            due_at: row.due_at,
            reason: row.reason,
            in_doubt_since: row.in_doubt_since,
            opted_out: row.opted_out,
            planned_on: row.planned_on,
            zone: row.zone.and_then(|zone| zone.parse().ok()),
            variant: split(row.split)?.of(RecipientId(key.id)).map(|name| Safe::new(name.as_str())),
            country: row
                .country
                .map(Safe::from)
                .or_else(|| phone.as_ref().and_then(Phone::country).map(Safe::from)),
            phone,
        }))
    }

    /// Attempts of one recipient, latest first. Those that count and those that ended have an index each.
    async fn attempts_of(&self, seat: &Seat, key: Key) -> Result<Vec<AttemptLine>, StoreError> {
        let rows = sqlx::query!(
            r#"select a.id as "id!", a.step as "step!", a.state::text as "state!", a.started_at as "started_at!", a.finished_at, a.duration_ms, a.code,
                      a.words, a.evidence, a.provider_message_id, a.resolved_by, a.resolved_reason, a.contradicted as "contradicted!",
                      n.display_name as "number_name?", n.phone::text as number_phone, i.host as "host?"
                 from (select * from attempts l where l.organization_id = $1 and l.recipient_id = $2 and l.live
                       union all
                       select * from attempts e where e.organization_id = $1 and e.recipient_id = $2 and not e.live) a
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
                 left join instances i on i.organization_id = $1 and i.id = a.instance_id
                where a.campaign_id = $3
                order by a.id desc limit $4"#,
            seat.organization.0,
            key.id,
            key.campaign,
            ATTEMPTS,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read the attempts of a recipient"))?;
        let ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.id).collect();
        let mut receipts = self.receipts_of(seat, &ids).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let mut words: Vec<String> = row.words.or(row.evidence).into_iter().collect();
                if let (Some(by), Some(reason)) = (row.resolved_by, row.resolved_reason) {
                    words.push(format!("[settled by {by}: {reason}]"));
                }
                if row.contradicted {
                    words.push("[the provider accepted it after all]".to_owned());
                }
                AttemptLine {
                    id: AttemptId(row.id),
                    version: version_at(row.finished_at.unwrap_or(row.started_at)),
                    step: count(row.step.into()),
                    started_at: row.started_at,
                    took: row.duration_ms.map(milliseconds),
                    number: match row.number_phone {
                        Some(phone) => number_name(row.number_name.as_deref().unwrap_or_default(), &phone),
                        None => Shown::new("removed"),
                    },
                    outcome: Safe::new(&row.state.replace('_', " ")),
                    code: row.code.map(Safe::from),
                    words: Shown::new(&words.join(" ")),
                    provider_message_id: row.provider_message_id.map(Safe::from),
                    instance: row.host.unwrap_or_default().into(),
                    said: None,
                    receipts: receipts.remove(&row.id).unwrap_or_default(),
                }
            })
            .collect())
    }

    /// What providers reported of these attempts, in the order in which it came.
    async fn receipts_of(
        &self,
        seat: &Seat,
        attempts: &[uuid::Uuid],
    ) -> Result<HashMap<uuid::Uuid, Vec<ReceiptLine>>, StoreError> {
        let rows = sqlx::query!(
            r#"select r.attempt_id as "attempt_id!", r.delivery::text as "what!", coalesce(r.at, r.received_at) as "at!",
                      r.code, r.words
                 from receipts r
                where r.organization_id = $1 and r.attempt_id = any($2) order by r.received_at, r.id"#,
            seat.organization.0,
            attempts,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read what providers reported of a recipient"))?;
        let mut receipts: HashMap<uuid::Uuid, Vec<ReceiptLine>> = HashMap::new();
        for row in rows {
            let why: Vec<String> = row.code.into_iter().chain(row.words).collect();
            receipts.entry(row.attempt_id).or_default().push(ReceiptLine {
                what: Safe::new(&row.what),
                at: row.at,
                why: (!why.is_empty()).then(|| Safe::new(&why.join(" "))),
            });
        }
        Ok(receipts)
    }

    /// Records that an operator was shown something in full, under the name that it has without its phone.
    ///
    /// # Errors
    /// When the database is away or refuses: then it is not to be shown.
    pub async fn record_reveal(
        &self,
        seat: &Seat,
        operator: &str,
        entity: &'static str,
        id: uuid::Uuid,
    ) -> Result<(), StoreError> {
        let recorded = sqlx::query!(
            "insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name, reason)
             select $1, $2, $3, 'reveal phone', $4, $5, coalesce(case $4
                        when 'number' then (select coalesce(nullif(n.display_name, ''), masked(n.phone::text))
                                              from whatsapp_numbers n where n.organization_id = $1 and n.id = $5)
                        when 'recipient' then (select masked(r.phone::text) || ' in ' || c.name
                                                 from campaign_recipients r
                                                 join campaigns c on c.organization_id = r.organization_id and c.id = r.campaign_id
                                                where r.organization_id = $1 and r.id = $5)
                        when 'attempt' then (select masked(r.phone::text) from attempts a
                                               join campaign_recipients r
                                                 on r.organization_id = a.organization_id and r.id = a.recipient_id
                                              where a.organization_id = $1 and a.id = $5)
                        when 'conversation' then (select masked(v.phone::text) from conversations v
                                                   where v.organization_id = $1 and v.id = $5)
                    end, ''), 'shown in full for 30 s'",
            seat.organization.0,
            operator,
            seat.instance.map(|instance| instance.0),
            entity,
            id,
        )
        .execute(self.screen())
        .await
        .map_err(failed("record that a phone was shown"))?;
        // A policy may leave nothing to insert without saying so.
        if many(i64::try_from(recorded.rows_affected()).unwrap_or(0)) == 0 {
            return Err(StoreError::Unreadable { doing: "record that a phone was shown", what: "audit log" });
        }
        Ok(())
    }
}

/// What keeps this person's message, apart from its campaign.
fn own_holds(scene: &Scene, read: &Read) -> Vec<Hold> {
    let facts = RecipientFacts {
        state: read.state,
        opted_out: read.opted_out,
        due_at: read.due_at,
        tries: read.tries,
        reason: read.reason.as_deref(),
        in_doubt_since: read.in_doubt_since,
    };
    facts::of_recipient(&facts, scene.now()).collect()
}
