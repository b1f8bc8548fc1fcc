//! Threads with people: lists of them, and what was said.

use super::recipients::message_state;
use super::{ReadError, Seat, number_name};
use crate::domain::action::Version;
use crate::domain::ids::{ConversationId, NumberId, OrganizationId};
use crate::domain::phone::Phone;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{
    Cursor, MessageState, PAGE_ROWS, Page, Place, ThreadDetail, ThreadMessage, ThreadQuery, ThreadRow,
    ThreadScope, Window,
};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

const DOING: &str = "read the threads";
/// Threads of one page that a text is looked for in: what lies further back is found by going on.
const SEARCHED: usize = 10_000;
/// Messages of one thread that are read.
const MESSAGES: i64 = 60;

impl Store {
    /// One page of threads, newest first.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn thread_page(
        &self,
        seat: &Seat,
        query: &ThreadQuery,
        place: Place,
    ) -> Result<Page<ThreadRow>, ReadError> {
        let ids: Vec<Uuid> = keys(seat.organization, query, place)
            .build_query_scalar()
            .fetch_all(&self.walk)
            .await
            .map_err(failed(DOING))?;
        let Page { rows: ids, more_before, more_after } = Page::read_at(place, ids);
        Ok(Page { rows: self.threads(seat.organization, &ids).await?, more_before, more_after })
    }

    /// The present values of these threads, in this order. Those that are gone are missing.
    ///
    /// # Errors
    /// When the database is away or refuses, or a row cannot be read.
    pub async fn threads(
        &self,
        organization: OrganizationId,
        ids: &[Uuid],
    ) -> Result<Vec<ThreadRow>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.id, c.revision, c.phone::text as "phone!", coalesce(p.name, c.profile, '') as "name!", c.number_id,
                      n.display_name as "number_name?", n.phone::text as number_phone, a.provider::text as provider,
                      c.thread, g.name as "campaign?", c.assigned_to, c.last_at, c.last_text, c.last_is_ours, c.unread,
                      c.done_at, c.done_by, s.since as "opted_out?", y.state::text as last_state,
                      a.provider = 'ultramsg' as "always?",
                      case when a.provider <> 'ultramsg' then answer_window($1, c.phone, c.number_id) end as closes_at,
                      clock_timestamp() as "now!"
                 from unnest($2::uuid[]) with ordinality as k (id, place)
                 join conversations c on c.organization_id = $1 and c.id = k.id
                 left join contacts p on p.organization_id = $1 and p.phone = c.phone
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = c.number_id
                 left join accounts a on a.organization_id = $1 and a.id = n.account_id
                 left join campaigns g on g.organization_id = $1 and g.id = c.campaign_id
                 left join suppressions s on s.organization_id = $1 and s.phone = c.phone
                 left join lateral (select w.state from replies w
                                     where c.last_is_ours and w.organization_id = $1 and w.conversation_id = c.id
                                     order by w.id desc limit 1) y on true
                order by k.place"#,
            organization.0,
            ids,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let window = window(row.always, row.closes_at, row.now);
                let number = row
                    .number_phone
                    .map(|phone| number_name(row.number_name.as_deref().unwrap_or_default(), &phone));
                Ok(ThreadRow {
                    id: row.id.into(),
                    version: Version(row.revision),
                    phone: Phone::parse(&row.phone).map_err(|_error| unreadable("phone"))?,
                    name: Shown::new(&row.name),
                    number: row.number_id.map(NumberId).zip(number),
                    provider: row.provider.and_then(|provider| provider.parse().ok()),
                    thread: row.thread,
                    campaign: row.campaign.as_deref().map(Shown::new),
                    assigned_to: row.assigned_to.map(Safe::from),
                    last_at: row.last_at,
                    last_text: Shown::new(&row.last_text),
                    last_state: row.last_state.as_deref().map(state).transpose()?,
                    unread: u32::try_from(row.unread).unwrap_or(0),
                    done: row.done_at.zip(row.done_by.map(Safe::from)),
                    window,
                    opted_out: row.opted_out,
                })
            })
            .collect()
    }

    /// Everything about one thread.
    ///
    /// # Errors
    /// When there is no such thread, or the database is away or refuses.
    pub async fn thread_detail(&self, seat: &Seat, id: ConversationId) -> Result<ThreadDetail, ReadError> {
        let row = self.threads(seat.organization, &[id.0]).await?.pop().ok_or(ReadError::Gone("thread"))?;
        let rows = sqlx::query!(
            r#"select m.at as "at!", m.by, m.kind as "kind!", m.body as "body!", m.state, m.note from (
                   (select coalesce(i.at, i.received_at) as at, i.received_at as placed, null::text as by, i.kind, i.body,
                           null::text as state, i.consent as note
                      from inbound_messages i where i.organization_id = $1 and i.conversation_id = $2
                     order by i.id desc limit $3)
                   union all
                   (select y.written_at, y.written_at, y.written_by, y.kind, y.body, y.state::text,
                           coalesce(y.reason, case when y.state in ('delivered', 'read') then null
                                                   else w.words end)
                      from replies y
                      left join attempts w on w.organization_id = $1 and w.id = y.last_attempt_id
                     where y.organization_id = $1 and y.conversation_id = $2 order by y.id desc limit $3)) m
                order by m.placed desc limit $3"#,
            seat.organization.0,
            id.0,
            MESSAGES + 1,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        let kept = usize::try_from(MESSAGES).unwrap_or(usize::MAX);
        let more = rows.len() > kept;
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows.into_iter().take(kept) {
            let is_text = matches!(row.kind.as_str(), "text" | "operator");
            messages.push(ThreadMessage {
                at: row.at,
                by: row.by.map(Safe::from),
                kind: (!is_text).then(|| Safe::new(&row.kind.replace('_', " "))),
                text: Shown::new(&row.body),
                state: row.state.as_deref().map(state).transpose()?,
                note: row.note.map(Safe::from),
            });
        }
        messages.reverse();
        Ok(ThreadDetail { id, row, messages, more })
    }
}

fn keys(organization: OrganizationId, query: &ThreadQuery, place: Place) -> QueryBuilder<Postgres> {
    let backwards = place.is_backwards();
    let order = if backwards { " order by c.last_at, c.id" } else { " order by c.last_at desc, c.id desc" };
    let mut sql =
        QueryBuilder::new("select c.id from (select c.* from conversations c where c.organization_id = ");
    sql.push_bind(organization.0);
    match &query.scope {
        ThreadScope::Open => sql.push(" and c.done_at is null"),
        ThreadScope::Unread => sql.push(" and c.unread > 0"),
        ThreadScope::Of(operator) => {
            sql.push(" and c.done_at is null and c.assigned_to = ").push_bind(operator.to_string())
        }
        ThreadScope::Done => sql.push(" and c.done_at is not null"),
        ThreadScope::All => &mut sql,
    };
    if let Place::After(cursor)
    | Place::NextFailed(cursor)
    | Place::Before(cursor)
    | Place::PreviousFailed(cursor) = place
    {
        let Cursor { at, id } = cursor;
        sql.push(if backwards { " and (c.last_at, c.id) > (" } else { " and (c.last_at, c.id) < (" });
        sql.push_bind(at).push(", ").push_bind(id).push(")");
    }
    let text = query.text.to_string();
    // A literal: a plan for "limit $n" expects a tenth of the table.
    sql.push(order).push(format!(" limit {}) c", if text.is_empty() { PAGE_ROWS + 1 } else { SEARCHED }));
    if !text.is_empty() {
        sql.push(" where strpos(c.phone, ").push_bind(text.clone());
        sql.push(") > 0 or strpos(lower(coalesce(c.profile, '') || ' ' || c.last_text), lower(");
        sql.push_bind(text.clone());
        sql.push(")) > 0 or exists (select from contacts p where p.organization_id = c.organization_id");
        sql.push(" and p.phone = c.phone and strpos(lower(p.name), lower(").push_bind(text).push(")) > 0)");
    }
    sql.push(order).push(format!(" limit {}", PAGE_ROWS + 1));
    sql
}

fn window(always: Option<bool>, closes_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Window {
    match (always, closes_at) {
        (Some(true), _) => Window::Always,
        (_, Some(until)) if until > now => Window::Until(until),
        (_, Some(until)) => Window::Closed(until),
        (_, None) => Window::Never,
    }
}

fn state(text: &str) -> Result<MessageState, StoreError> {
    message_state(text).ok_or(unreadable("state"))
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { doing: DOING, what }
}
