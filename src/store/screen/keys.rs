//! Walks: which rows stand where in a list of recipients. Answers keys, in the order of the walk.
//!
//! Each list is walked along an index, from a row that was on screen: no walk counts, skips or sorts what lies before
//! it. Where there is no index, and few enough rows, they are read and sorted.
//!
//! No index has the time of the last change in it, because keeping it would cost every message more than its ledger row
//! does. "What changed last" is therefore read from the ledger: the newest attempt first, each with its recipient if it
//! is that recipient's last one; behind them stand those that were never tried, as enrolled. A recipient's last attempt
//! never repeats, so this is a total order.

use super::Seat;
use super::terms::{JOINS, Now, end_of_prefix, push_terms};
use crate::domain::filter::Term;
use crate::domain::ids::CampaignId;
use crate::store::view::Cursor;
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

const DOING: &str = "read the recipients";
/// Rows that a walk looks at before it believes that there is nothing more. From the far end, for those that were never
/// tried: the sender takes recipients in this very order, so they stand at this end. Along the ledger, for attempts that
/// are the last of their recipient: of so many in a row some always are.
const LOOK_BACK: usize = 100_000;
/// Between the clock of the process that made an id and the database's.
const CLOCKS_APART: TimeDelta = TimeDelta::hours(1);
/// Failures of a campaign that are sorted to find the next one; where there are more, one is near.
const FAILURES_SORTED: u64 = 20_000;

/// A recipient and the campaign that enrolled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub campaign: Uuid,
    pub id: Uuid,
}

/// Where in a list a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub key: Key,
    pub phone: String,
    /// The last attempt as of then.
    pub attempt: Option<Uuid>,
}

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Towards the end of the list.
    Down,
    /// Towards its beginning.
    Up,
}

/// Along what a walk goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// All rows are read and sorted: there are few. `true`: what was tried last comes first.
    Sorted(bool),
    /// In the order of enrolment.
    Enrolled,
    /// What was tried last comes first.
    Tried,
    /// In the order of enrolment, of these exceptional states only.
    Exceptions(Vec<&'static str>),
    /// By phone, of those that begin with these digits.
    Phones(String),
}

/// A list.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// Of these campaigns; `None`: of all.
    pub campaigns: Option<Vec<Uuid>>,
    pub path: Path,
    pub terms: Vec<Term>,
    pub now: Now,
    /// No attempt of the campaign began earlier or later; for a walk along the ledger.
    pub span: Span,
    /// Recipients whose message failed.
    pub failed: u64,
}

/// Between which times a campaign was at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// Nothing was ever tried.
    pub nothing: bool,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

impl Way {
    fn order(self) -> &'static str {
        if self == Self::Down { "asc" } else { "desc" }
    }

    fn behind(self) -> &'static str {
        if self == Self::Down { " > " } else { " < " }
    }

    fn reversed(self) -> Self {
        if self == Self::Down { Self::Up } else { Self::Down }
    }
}

/// A walk: from where, which way, how far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub way: Way,
    /// Behind this row; `None`: from the end of the list that the way comes from.
    pub from: Option<&'a Position>,
    pub limit: usize,
    /// Only rows whose message failed.
    pub failed: bool,
}

type Query = QueryBuilder<Postgres>;

impl Store {
    /// Walks a list.
    pub(super) async fn walk(
        &self,
        seat: &Seat,
        list: &List,
        walk: Walk<'_>,
    ) -> Result<Vec<Key>, StoreError> {
        match &list.path {
            Path::Sorted(tried) => self.fetch(sorted(seat, list, walk, *tried)).await,
            Path::Enrolled if walk.failed => self.fetch(exceptions(seat, list, walk, &["failed"])).await,
            Path::Enrolled => self.fetch(enrolled(seat, list, walk)).await,
            Path::Exceptions(states) if walk.failed && !states.contains(&"failed") => Ok(Vec::new()),
            Path::Exceptions(_) if walk.failed => self.fetch(exceptions(seat, list, walk, &["failed"])).await,
            Path::Exceptions(states) => self.fetch(exceptions(seat, list, walk, states)).await,
            Path::Phones(digits) => self.fetch(phones(seat, list, walk, digits)).await,
            Path::Tried => self.walk_tried(seat, list, walk).await,
        }
    }

    /// Two lists, one behind the other: those that were tried, then those that never were.
    async fn walk_tried(&self, seat: &Seat, list: &List, walk: Walk<'_>) -> Result<Vec<Key>, StoreError> {
        let from_tried = walk.from.filter(|from| from.attempt.is_some());
        let from_untried = walk.from.filter(|from| from.attempt.is_none());
        let mut keys = Vec::new();
        match walk.way {
            Way::Down => {
                if from_untried.is_none() && !list.span.nothing {
                    keys = self.fetch(tried(seat, list, Walk { from: from_tried, ..walk })).await?;
                }
                // What failed was tried.
                if keys.len() < walk.limit && !walk.failed {
                    let rest = Walk { from: from_untried, limit: walk.limit - keys.len(), ..walk };
                    keys.extend(self.fetch(untried(seat, list, rest)).await?);
                }
            }
            Way::Up => {
                if from_tried.is_none() && !walk.failed {
                    keys = self.fetch(untried(seat, list, Walk { from: from_untried, ..walk })).await?;
                }
                if keys.len() < walk.limit && !list.span.nothing {
                    let rest = Walk { from: from_tried, limit: walk.limit - keys.len(), ..walk };
                    keys.extend(self.fetch(tried(seat, list, rest)).await?);
                }
            }
        }
        Ok(keys)
    }

    /// How many rows a walk would meet, up to its limit.
    pub(super) async fn count_keys(&self, seat: &Seat, list: &List, limit: usize) -> Result<u64, StoreError> {
        let walk = Walk { way: Way::Down, from: None, limit, failed: false };
        let mut inner = match &list.path {
            Path::Exceptions(states) => exceptions(seat, list, walk, states),
            Path::Phones(digits) => phones(seat, list, walk, digits),
            _ => unsorted(seat, list, limit),
        };
        let found = inner.build().fetch_all(&self.walk).await.map_err(failed("count the recipients"))?;
        Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
    }

    async fn fetch(&self, mut query: Query) -> Result<Vec<Key>, StoreError> {
        let rows = query.build().fetch_all(&self.walk).await.map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let key = Key { campaign: row.try_get(0)?, id: row.try_get(1)? };
                Ok(key)
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed(DOING))
    }

    /// Where the row of a cursor stands, by what was known of it when the cursor was made. `None`: it is gone.
    pub(super) async fn position(
        &self,
        seat: &Seat,
        cursor: Cursor,
        campaigns: &[CampaignId],
    ) -> Result<Option<Position>, StoreError> {
        let campaigns: Vec<Uuid> = campaigns.iter().map(|campaign| campaign.0).collect();
        // A row's last change is never earlier than the start of its last attempt, so the last attempt that had started
        // by then is the one that was known.
        let row = sqlx::query!(
            r#"select r.campaign_id, r.id, r.phone::text as "phone!", t.id as "attempt?"
                 from campaigns c
                 join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
                                           and r.id = $3
                 left join lateral (
                     select h.id from (
                         select a.id from attempts a where a.organization_id = $1 and a.recipient_id = $3
                            and a.live and a.campaign_id = r.campaign_id and a.started_at <= $4
                         union all
                         select a.id from attempts a where a.organization_id = $1 and a.recipient_id = $3
                            and not a.live and a.campaign_id = r.campaign_id and a.started_at <= $4) h
                     order by h.id desc limit 1) t on true
                where c.organization_id = $1 and (c.id = any ($2) or cardinality($2::uuid[]) = 0)
                limit 1"#,
            seat.organization.0,
            &campaigns,
            cursor.id,
            cursor.at,
        )
        .fetch_optional(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(row.map(|row| Position {
            key: Key { campaign: row.campaign_id, id: row.id },
            phone: row.phone,
            attempt: row.attempt,
        }))
    }
}

/// The recipients of a list, with everything that its terms speak of.
fn recipients(seat: &Seat, list: &List) -> Query {
    let mut query = Query::new("select r.campaign_id, r.id from campaign_recipients r");
    query.push(JOINS).push("where r.organization_id = ").push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "r.campaign_id");
    push_terms(&mut query, &list.terms, list.now);
    query
}

fn push_campaigns(query: &mut Query, list: &List, column: &'static str) {
    match list.campaigns.as_deref() {
        None => {}
        Some([one]) => {
            query.push(" and ").push(column).push(" = ").push_bind(*one);
        }
        Some(several) => {
            query.push(" and ").push(column).push(" = any (").push_bind(several.to_vec()).push(")");
        }
    }
}

fn push_behind(query: &mut Query, list: &List, way: Way, key: Key) {
    if list.campaigns.as_ref().is_some_and(|campaigns| campaigns.len() == 1) {
        query.push(" and r.id").push(way.behind()).push_bind(key.id);
        return;
    }
    query.push(" and (r.campaign_id, r.id)").push(way.behind()).push("(");
    query.push_bind(key.campaign).push(", ").push_bind(key.id).push(")");
}

fn push_limit(query: &mut Query, limit: usize) {
    // A literal: for a bound limit the planner expects a tenth of the table.
    query.push(" limit ").push(limit);
}

fn unsorted(seat: &Seat, list: &List, limit: usize) -> Query {
    let mut query = recipients(seat, list);
    push_limit(&mut query, limit);
    query
}

fn sorted(seat: &Seat, list: &List, walk: Walk<'_>, by_attempt: bool) -> Query {
    let mut query = recipients(seat, list);
    if walk.failed {
        query.push(" and r.state = 'failed'");
    }
    match walk.from {
        Some(from) if by_attempt => push_behind_attempt(&mut query, list, walk.way, from),
        Some(from) => push_behind(&mut query, list, walk.way, from.key),
        None => {}
    }
    query.push(" order by ");
    if by_attempt {
        let order = if walk.way == Way::Down { "desc nulls last, " } else { "asc nulls first, " };
        query.push("r.last_attempt_id ").push(order);
    }
    let order = walk.way.order();
    query.push("r.campaign_id ").push(order).push(", r.id ").push(order);
    push_limit(&mut query, walk.limit);
    query
}

fn push_behind_attempt(query: &mut Query, list: &List, way: Way, from: &Position) {
    match (way, from.attempt) {
        (Way::Down, Some(attempt)) => {
            query
                .push(" and (r.last_attempt_id < ")
                .push_bind(attempt)
                .push(" or r.last_attempt_id is null)");
        }
        (Way::Down, None) => {
            query.push(" and r.last_attempt_id is null");
            push_behind(query, list, way, from.key);
        }
        (Way::Up, Some(attempt)) => {
            query.push(" and r.last_attempt_id > ").push_bind(attempt);
        }
        (Way::Up, None) => {
            query.push(" and (r.last_attempt_id is not null or (r.campaign_id, r.id) < (");
            query.push_bind(from.key.campaign).push(", ").push_bind(from.key.id).push("))");
        }
    }
}

fn enrolled(seat: &Seat, list: &List, walk: Walk<'_>) -> Query {
    let mut query = recipients(seat, list);
    if let Some(from) = walk.from {
        push_behind(&mut query, list, walk.way, from.key);
    }
    let order = walk.way.order();
    query.push(" order by r.campaign_id ").push(order).push(", r.id ").push(order);
    push_limit(&mut query, walk.limit);
    query
}

/// Those that were never tried, as enrolled.
fn untried(seat: &Seat, list: &List, walk: Walk<'_>) -> Query {
    let order = walk.way.order();
    let mut query = Query::new("select u.campaign_id, u.id from (");
    query.push(
        "select r.campaign_id, r.id, r.last_attempt_id from campaign_recipients r where r.organization_id = ",
    );
    query.push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "r.campaign_id");
    if let Some(from) = walk.from {
        push_behind(&mut query, list, walk.way, from.key);
    }
    // Of one campaign by the id alone: the planner does not see outside that all are of the same one, and would sort them.
    let one = list.campaigns.as_ref().is_some_and(|campaigns| campaigns.len() == 1);
    if one {
        query.push(" order by r.id ").push(order);
    } else {
        query.push(" order by r.campaign_id ").push(order).push(", r.id ").push(order);
    }
    if walk.way == Way::Up {
        push_limit(&mut query, LOOK_BACK);
    }
    query.push(") u where u.last_attempt_id is null order by ");
    if !one {
        query.push("u.campaign_id ").push(order).push(", ");
    }
    query.push("u.id ").push(order);
    push_limit(&mut query, walk.limit);
    query
}

/// Those that were tried, the one with the latest attempt first.
fn tried(seat: &Seat, list: &List, walk: Walk<'_>) -> Query {
    if walk.failed && list.failed <= FAILURES_SORTED {
        return tried_failures(seat, list, walk);
    }
    // Down the list is back in time.
    let way = walk.way.reversed();
    let mut query = Query::new("select r.campaign_id, r.id from (");
    query.push("select a.id, a.campaign_id, a.recipient_id from attempts a where a.organization_id = ");
    query.push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "a.campaign_id");
    if let Some(from) = list.span.from {
        query.push(" and a.id >= ").push_bind(super::first_id_at(from - CLOCKS_APART));
    }
    if let Some(to) = list.span.to {
        query.push(" and a.id <= ").push_bind(super::first_id_at(to + CLOCKS_APART));
    }
    if let Some(attempt) = walk.from.and_then(|from| from.attempt) {
        query.push(" and a.id").push(way.behind()).push_bind(attempt);
    }
    query.push(" order by a.id ").push(way.order());
    push_limit(&mut query, LOOK_BACK);
    // One look for each attempt, in their order: a join would be planned as if hardly any attempt were a last one, and
    // read both tables whole.
    query.push(
        ") a cross join lateral (select r.campaign_id, r.id, r.last_attempt_id, r.state from campaign_recipients r \
         where r.organization_id = ",
    );
    query.push_bind(seat.organization.0);
    // A range in the order of the key, and no equation: see `live_events`.
    query.push(
        " and r.campaign_id = a.campaign_id and r.id >= a.recipient_id and r.id <= a.recipient_id order by r.id limit 1) r \
         where r.last_attempt_id = a.id",
    );
    if walk.failed {
        query.push(" and r.state = 'failed'");
    }
    query.push(" order by a.id ").push(way.order());
    push_limit(&mut query, walk.limit);
    query
}

fn tried_failures(seat: &Seat, list: &List, walk: Walk<'_>) -> Query {
    let way = walk.way.reversed();
    let mut query = Query::new(
        "select r.campaign_id, r.id from campaigns c join campaign_recipients r \
         on r.organization_id = c.organization_id and r.campaign_id = c.id where c.organization_id = ",
    );
    query.push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "c.id");
    query.push(" and r.attention = 'failed' and r.last_attempt_id is not null");
    if let Some(attempt) = walk.from.and_then(|from| from.attempt) {
        query.push(" and r.last_attempt_id").push(way.behind()).push_bind(attempt);
    }
    query.push(" order by r.last_attempt_id ").push(way.order());
    push_limit(&mut query, walk.limit);
    query
}

/// Exceptional states, campaign by campaign. The walks of one campaign stand side by side, one for each state, so that
/// each is held to the index in its order.
fn exceptions(seat: &Seat, list: &List, walk: Walk<'_>, states: &[&'static str]) -> Query {
    let order = walk.way.order();
    let mut query = Query::new("select k.campaign_id, k.id from campaigns c cross join lateral (");
    query.push("select u.campaign_id, u.id from (");
    for (at, state) in states.iter().enumerate() {
        query.push(if at == 0 { "(" } else { " union all (" });
        query.push("select r.campaign_id, r.id from campaign_recipients r").push(JOINS);
        query.push("where r.organization_id = ").push_bind(seat.organization.0);
        // A word of ours, and not a parameter: the index of each state is a partial one.
        query.push(" and r.campaign_id = c.id and r.attention = '").push(*state).push("'");
        if let Some(from) = walk.from {
            let behind = walk.way.behind();
            if list.campaigns.as_ref().is_some_and(|campaigns| campaigns.len() == 1) {
                query.push(" and r.id").push(behind).push_bind(from.key.id);
            } else {
                query.push(" and (c.id <> ").push_bind(from.key.campaign);
                query.push(" or r.id").push(behind).push_bind(from.key.id).push(")");
            }
        }
        push_terms(&mut query, &list.terms, list.now);
        query.push(" order by r.id ").push(order);
        push_limit(&mut query, walk.limit);
        query.push(")");
    }
    query.push(") u order by u.id ").push(order);
    push_limit(&mut query, walk.limit);
    query.push(") k where c.organization_id = ").push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "c.id");
    if let Some(from) = walk.from {
        query.push(" and c.id").push(if walk.way == Way::Down { " >= " } else { " <= " });
        query.push_bind(from.key.campaign);
    }
    query.push(" order by k.campaign_id ").push(order).push(", k.id ").push(order);
    push_limit(&mut query, walk.limit);
    query
}

/// Phones that begin with these digits, campaign by campaign, in the order of the phones.
fn phones(seat: &Seat, list: &List, walk: Walk<'_>, digits: &str) -> Query {
    let order = walk.way.order();
    let mut query = Query::new("select k.campaign_id, k.id from campaigns c cross join lateral (");
    query.push("select r.campaign_id, r.id, r.phone from campaign_recipients r").push(JOINS);
    query.push("where r.organization_id = ").push_bind(seat.organization.0);
    query.push(" and r.campaign_id = c.id and r.phone >= ").push_bind(format!("+{digits}"));
    if let Some(end) = end_of_prefix(digits) {
        query.push(" and r.phone < ").push_bind(end);
    }
    if walk.failed {
        query.push(" and r.state = 'failed'");
    }
    if let Some(from) = walk.from {
        query.push(" and r.phone").push(if walk.way == Way::Down { " >= " } else { " <= " });
        query.push_bind(from.phone.clone()).push(" and (r.phone, c.id)").push(walk.way.behind());
        query.push("(").push_bind(from.phone.clone()).push("::text, ").push_bind(from.key.campaign).push(")");
    }
    push_terms(&mut query, &list.terms, list.now);
    query.push(" order by r.phone ").push(order);
    push_limit(&mut query, walk.limit);
    query.push(") k where c.organization_id = ").push_bind(seat.organization.0);
    push_campaigns(&mut query, list, "c.id");
    query.push(" order by k.phone ").push(order).push(", k.campaign_id ").push(order);
    push_limit(&mut query, walk.limit);
    query
}
