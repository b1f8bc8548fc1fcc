//! Recipients: pages of a list, present values, totals, and everything about one.

use super::keys::{Key, List, Path, Position, Span, Walk, Way};
use super::terms::{Now, digits, names_campaign, push_pattern};
use super::{ReadError, Seat, count, many, number_name, phone, version_at};
use crate::domain::filter::{Condition, Field, Pattern, Term};
use crate::domain::ids::{AttemptId, CampaignId, RecipientId};
use crate::domain::text::{Safe, Shown};
use crate::store::view::{
    COUNT_LIMIT, Counts, Cursor, MessageState, PAGE_ROWS, Page, Place, RecipientOrder, RecipientQuery,
    RecipientRow, Total,
};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

mod choose;
mod detail;

use choose::path;

const DOING: &str = "read the recipients";
/// Counting what is new stops here.
const NEWER_LIMIT: usize = 1_000;

/// How many recipients a list has before it is filtered, by state.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    counts: Counts,
    span: Span,
}

impl Store {
    /// One page of recipients. `hints` are campaigns in which the cursor's row may be; empty: any.
    ///
    /// # Errors
    /// When the list cannot be read in reasonable time, the cursor's row is gone, or the database is away or refuses.
    pub async fn recipient_page(
        &self,
        seat: &Seat,
        query: &RecipientQuery,
        place: Place,
        hints: &[CampaignId],
    ) -> Result<Page<RecipientRow>, ReadError> {
        let (list, _) = self.list(seat, query).await?;
        let Page { rows, more_before, more_after } = self.page_keys(seat, &list, place, hints).await?;
        Ok(Page { rows: self.rows_of(seat, &rows).await?, more_before, more_after })
    }

    async fn page_keys(
        &self,
        seat: &Seat,
        list: &List,
        place: Place,
        hints: &[CampaignId],
    ) -> Result<Page<Key>, ReadError> {
        let way = if place.is_backwards() { Way::Up } else { Way::Down };
        let walk = |from, limit, failed| Walk { way, from, limit, failed };
        let from = match place {
            Place::Start | Place::End => None,
            Place::After(cursor)
            | Place::Before(cursor)
            | Place::NextFailed(cursor)
            | Place::PreviousFailed(cursor) => {
                Some(self.position(seat, cursor, hints).await?.ok_or(ReadError::Gone("row"))?)
            }
        };
        let keys = if matches!(place, Place::NextFailed(_) | Place::PreviousFailed(_)) {
            let found = self.walk(seat, list, walk(from.as_ref(), 1, true)).await?;
            let Some(first) = found.first() else {
                return Ok(Page { rows: Vec::new(), more_before: true, more_after: true });
            };
            let there = self.present_position(seat, *first).await?;
            let rest = self.walk(seat, list, walk(Some(&there), PAGE_ROWS, false)).await?;
            [vec![*first], rest].concat()
        } else {
            self.walk(seat, list, walk(from.as_ref(), PAGE_ROWS + 1, false)).await?
        };
        Ok(Page::read_at(place, keys))
    }

    async fn present_position(&self, seat: &Seat, key: Key) -> Result<Position, ReadError> {
        let cursor = Cursor { at: far_future(), id: key.id };
        let found = self.position(seat, cursor, &[CampaignId(key.campaign)]).await?;
        found.ok_or(ReadError::Gone("row"))
    }

    /// How many recipients a list has: from the counts that are kept, or counted up to [`COUNT_LIMIT`].
    ///
    /// # Errors
    /// When the list cannot be read in reasonable time, or the database is away or refuses.
    pub async fn recipient_total(&self, seat: &Seat, query: &RecipientQuery) -> Result<Total, ReadError> {
        let (list, extent) = self.list(seat, query).await?;
        if let Some(total) = counted(&list.terms, &extent.counts) {
            return Ok(Total::Exactly(total));
        }
        let limit = usize::try_from(COUNT_LIMIT).unwrap_or(usize::MAX);
        let total = self.count_keys(seat, &list, limit).await?;
        Ok(if total < COUNT_LIMIT { Total::Exactly(total) } else { Total::About(None) })
    }

    /// How many rows now stand above this one, counted up to 1,000.
    ///
    /// # Errors
    /// When the list cannot be read in reasonable time, the row is gone, or the database is away or refuses.
    pub async fn recipients_above(
        &self,
        seat: &Seat,
        query: &RecipientQuery,
        above: Cursor,
        hints: &[CampaignId],
    ) -> Result<u64, ReadError> {
        let (list, _) = self.list(seat, query).await?;
        let from = self.position(seat, above, hints).await?.ok_or(ReadError::Gone("row"))?;
        let walk = Walk { way: Way::Up, from: Some(&from), limit: NEWER_LIMIT, failed: false };
        Ok(u64::try_from(self.walk(seat, &list, walk).await?.len()).unwrap_or(u64::MAX))
    }

    /// The present values of these rows; those that are gone are missing. `hints` are the campaigns they are in; empty:
    /// any.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn recipient_rows(
        &self,
        seat: &Seat,
        ids: &[RecipientId],
        hints: &[CampaignId],
    ) -> Result<Vec<RecipientRow>, ReadError> {
        let keys = self.keys_of(seat, ids, hints).await?;
        Ok(self.rows_of(seat, &keys).await?)
    }

    /// The row of the recipient of an attempt.
    ///
    /// # Errors
    /// When there is no such attempt, or the database is away or refuses.
    pub async fn recipient_of_attempt(&self, seat: &Seat, id: AttemptId) -> Result<RecipientRow, ReadError> {
        let row = sqlx::query!(
            "select campaign_id, recipient_id from attempts where organization_id = $1 and id = $2",
            seat.organization.0,
            id.0,
        )
        .fetch_optional(&self.walk)
        .await
        .map_err(failed(DOING))?
        .ok_or(ReadError::Gone("attempt"))?;
        // A reply has a thread and no recipient.
        let campaign = row.campaign_id.ok_or(ReadError::Gone("recipient"))?;
        let key = Key { campaign, id: row.recipient_id };
        self.rows_of(seat, &[key]).await?.into_iter().next().ok_or(ReadError::Gone("recipient"))
    }

    /// Where these recipients are. Without a hint every campaign is asked, each through its key.
    async fn keys_of(
        &self,
        seat: &Seat,
        ids: &[RecipientId],
        hints: &[CampaignId],
    ) -> Result<Vec<Key>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let hints: Vec<Uuid> = hints.iter().map(|hint| hint.0).collect();
        let rows = sqlx::query!(
            "select r.campaign_id, r.id
               from campaigns c
               join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
                                         and r.id = any ($3)
              where c.organization_id = $1 and (c.id = any ($2) or cardinality($2::uuid[]) = 0)",
            seat.organization.0,
            &hints,
            &ids,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(rows.into_iter().map(|row| Key { campaign: row.campaign_id, id: row.id }).collect())
    }

    async fn rows_of(&self, seat: &Seat, keys: &[Key]) -> Result<Vec<RecipientRow>, StoreError> {
        let (campaigns, ids): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|key| (key.campaign, key.id)).unzip();
        let rows = sqlx::query!(
            r#"select r.campaign_id, r.id, c.name as campaign_name, c.state = 'completed' as "completed!", r.phone::text as "phone!", p.name as "name?",
                      r.state::text as "state!", r.tries, r.updated_at, r.reason,
                      a.state::text as attempt_state, a.code as "code?", a.words as "words?",
                      n.display_name as "number_name?", n.phone::text as number_phone
                 from unnest($2::uuid[], $3::uuid[]) with ordinality as k (campaign_id, id, place)
                 join campaign_recipients r on r.organization_id = $1 and r.campaign_id = k.campaign_id and r.id = k.id
                 join campaigns c on c.organization_id = $1 and c.id = r.campaign_id
                 left join contacts p on p.organization_id = $1 and p.id = r.contact_id
                 left join attempts a on a.organization_id = $1 and a.id = r.last_attempt_id
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
                order by k.place"#,
            seat.organization.0,
            &campaigns,
            &ids,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let state = message_state(&row.state)
                    .ok_or(StoreError::Unreadable { doing: DOING, what: "recipient state" })?;
                let refused = row.attempt_state.as_deref().is_some_and(|state| state != "accepted");
                let words = (row.code.filter(|_| refused), row.words.filter(|_| refused));
                Ok(RecipientRow {
                    id: RecipientId(row.id),
                    version: version_at(row.updated_at),
                    campaign: CampaignId(row.campaign_id),
                    campaign_name: Shown::new(&row.campaign_name),
                    campaign_completed: row.completed,
                    phone: phone(DOING, &row.phone)?,
                    name: Shown::new(row.name.as_deref().unwrap_or_default()),
                    state,
                    tries: count(row.tries.into()),
                    updated_at: row.updated_at,
                    number: row
                        .number_phone
                        .map(|phone| number_name(row.number_name.as_deref().unwrap_or_default(), &phone)),
                    error: error_of(state, row.reason.as_deref(), words),
                })
            })
            .collect()
    }

    /// What is asked for, as a list that can be walked, and how long it is before it is filtered.
    async fn list(&self, seat: &Seat, query: &RecipientQuery) -> Result<(List, Extent), ReadError> {
        let campaigns = self.campaigns_meant(seat, query).await?;
        let extent = self.extent(seat, campaigns.as_deref()).await?;
        let now = Now { at: extent.0, zone: seat.zone };
        let extent = extent.1;
        let terms: Vec<Term> =
            query.filter.terms.iter().filter(|term| !names_campaign(term)).cloned().collect();
        let one = campaigns.as_ref().is_none_or(|campaigns| campaigns.len() == 1);
        let path = path(&terms, query.order, extent.counts.planned, one).map_err(ReadError::refused)?;
        Ok((List { campaigns, path, terms, now, span: extent.span, failed: extent.counts.failed }, extent))
    }

    /// The campaigns that the question and its filter name; `None`: all.
    async fn campaigns_meant(
        &self,
        seat: &Seat,
        query: &RecipientQuery,
    ) -> Result<Option<Vec<Uuid>>, StoreError> {
        let named: Vec<&Term> = query.filter.terms.iter().filter(|term| names_campaign(term)).collect();
        if named.is_empty() {
            return Ok(query.campaign.map(|campaign| vec![campaign.0]));
        }
        let mut sql = QueryBuilder::new("select id from campaigns c where c.organization_id = ");
        sql.push_bind(seat.organization.0);
        if let Some(campaign) = query.campaign {
            sql.push(" and c.id = ").push_bind(campaign.0);
        }
        for term in named {
            if let Condition::Text(Field::Campaign, patterns) = &term.condition {
                sql.push(if term.negated { " and not (false" } else { " and (false" });
                for pattern in patterns {
                    sql.push(" or ");
                    push_pattern(&mut sql, "lower(c.name)", pattern);
                }
                sql.push(")");
            }
        }
        let rows = sql.build().fetch_all(self.screen()).await.map_err(failed(DOING))?;
        let ids: Result<Vec<Uuid>, sqlx::Error> = rows.into_iter().map(|row| row.try_get(0)).collect();
        Ok(Some(ids.map_err(failed(DOING))?))
    }

    async fn extent(
        &self,
        seat: &Seat,
        campaigns: Option<&[Uuid]>,
    ) -> Result<(DateTime<Utc>, Extent), StoreError> {
        let row = sqlx::query!(
            r#"select clock_timestamp() as "at!", coalesce(sum(k.planned), 0)::bigint as "planned!",
                      coalesce(sum(k.queued), 0)::bigint as "queued!", coalesce(sum(k.sending), 0)::bigint as "sending!",
                      coalesce(sum(k.accepted), 0)::bigint as "accepted!",
                      coalesce(sum(k.delivered), 0)::bigint as "delivered!", coalesce(sum(k.read), 0)::bigint as "read!",
                      coalesce(sum(k.failed), 0)::bigint as "failed!",
                      coalesce(sum(k.in_doubt), 0)::bigint as "in_doubt!",
                      coalesce(sum(k.skipped), 0)::bigint as "skipped!",
                      coalesce(sum(k.attempts), 0)::bigint as "attempts!",
                      (select min(c.started_at) from campaigns c
                        where c.organization_id = $1 and ($2::uuid[] is null or c.id = any ($2))) as started_at,
                      (select max(coalesce(c.paused_at, c.finished_at, 'infinity')) from campaigns c
                        where c.organization_id = $1 and ($2::uuid[] is null or c.id = any ($2))
                          and c.started_at is not null) < clock_timestamp() as over,
                      (select max(coalesce(c.paused_at, c.finished_at)) from campaigns c
                        where c.organization_id = $1 and ($2::uuid[] is null or c.id = any ($2))) as stood_at
                 from campaign_counts k
                where k.organization_id = $1 and ($2::uuid[] is null or k.campaign_id = any ($2))"#,
            seat.organization.0,
            campaigns,
        )
        .fetch_one(self.screen())
        .await
        .map_err(failed(DOING))?;
        let counts = Counts {
            planned: many(row.planned),
            queued: many(row.queued),
            sending: many(row.sending),
            accepted: many(row.accepted),
            delivered: many(row.delivered),
            read: many(row.read),
            failed: many(row.failed),
            in_doubt: many(row.in_doubt),
            skipped: many(row.skipped),
        };
        let span = Span {
            nothing: row.attempts == 0,
            // Without a named campaign the ledger is walked as it is.
            from: row.started_at.filter(|_| campaigns.is_some()),
            to: row.stood_at.filter(|_| campaigns.is_some() && row.over == Some(true)),
        };
        Ok((row.at, Extent { counts, span }))
    }
}

/// A time that Postgres can hold and no attempt begins after.
fn far_future() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(365 * 1_000)
}

/// The total, where the counts that are kept say it: everything, or everything in some states.
fn counted(terms: &[Term], counts: &Counts) -> Option<u64> {
    match terms {
        [] => Some(counts.planned),
        [Term { negated, condition: Condition::Status(states) }] => {
            let mut distinct = states.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let sum: u64 = distinct.iter().map(|state| of_state(counts, state)).sum();
            Some(if *negated { counts.planned.saturating_sub(sum) } else { sum })
        }
        _ => None,
    }
}

fn of_state(counts: &Counts, state: &str) -> u64 {
    match message_state(state) {
        Some(MessageState::Queued) => counts.queued,
        Some(MessageState::Sending) => counts.sending,
        Some(MessageState::Accepted) => counts.accepted,
        Some(MessageState::Delivered) => counts.delivered,
        Some(MessageState::Read) => counts.read,
        Some(MessageState::Failed) => counts.failed,
        Some(MessageState::InDoubt) => counts.in_doubt,
        Some(MessageState::Skipped) => counts.skipped,
        None => 0,
    }
}

pub(super) fn message_state(word: &str) -> Option<MessageState> {
    Some(match word {
        "queued" => MessageState::Queued,
        "sending" => MessageState::Sending,
        "accepted" => MessageState::Accepted,
        "delivered" => MessageState::Delivered,
        "read" => MessageState::Read,
        "failed" => MessageState::Failed,
        "in_doubt" => MessageState::InDoubt,
        "skipped" => MessageState::Skipped,
        _ => return None,
    })
}

/// Code and a word or two of the last failure, or the reason of a skip.
fn error_of(
    state: MessageState,
    reason: Option<&str>,
    (code, words): (Option<String>, Option<String>),
) -> Option<Safe> {
    let reason = reason.map(|reason| Safe::cut(&reason.replace('_', " "), 40));
    match state {
        MessageState::Accepted | MessageState::Delivered | MessageState::Read | MessageState::Sending => None,
        MessageState::Skipped => reason,
        MessageState::Queued | MessageState::Failed | MessageState::InDoubt => {
            let said = match (code, words) {
                (Some(code), Some(words)) => Some(format!("{code} {words}")),
                (code, words) => code.or(words),
            };
            said.map(|said| Safe::cut(&said, 40)).or(reason)
        }
    }
}

#[cfg(test)]
mod tests;
