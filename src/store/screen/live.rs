//! The live log: what becomes of attempts, on every instance, as it happens.
//!
//! The instance that sends tells its own console at once ([`LiveFeed::push`]). What others send is read from the ledger's
//! end, four times a second and only while somebody looks: attempts are found by their ids, which ascend with time, and
//! those that were on the wire are asked about until they are not. Whatever comes first, an attempt is told once. At most
//! [`POLL_ROWS`] are told in one poll; a faster database is sampled, and the rates beside the log count all of it.

use super::{Seat, first_id_at, milliseconds, number_name};
use crate::domain::ids::{AttemptId, RecipientId};
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use crate::store::view::{LiveEvent, LiveKind};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::broadcast;
use uuid::Uuid;

const DOING: &str = "read the live log";
/// Most events told in one poll.
pub const POLL_ROWS: usize = 500;
/// Between two polls.
const PAUSE: Duration = Duration::from_millis(250);
/// How long after its id was made an attempt may still appear: the longest claim, and clocks apart.
const LATE: TimeDelta = TimeDelta::seconds(5);
/// What a console that begins to look is shown of the past.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(5);
/// Attempts on the wire that are watched.
const WATCHED: usize = 2_000;
/// Attempts that are known to have been told; more than appear within [`LATE`].
const TOLD: usize = 65_536;

/// Where live events come together. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LiveFeed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    events: broadcast::Sender<Arc<LiveEvent>>,
    told: Mutex<Told>,
}

/// The attempts that were told last.
#[derive(Debug, Default)]
struct Told {
    ids: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Told {
    /// Notes an attempt; answers whether it is new.
    fn note(&mut self, id: Uuid) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

impl LiveFeed {
    /// A feed whose receivers keep up to `length` events that they have not read yet.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self(Arc::new(Inner { events: broadcast::channel(length).0, told: Mutex::default() }))
    }

    /// A new receiver. Events from before are not in it.
    #[must_use]
    pub fn receiver(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.0.events.subscribe()
    }

    /// Whether somebody listens.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.events.receiver_count() > 0
    }

    /// Tells an event, unless its attempt was told before. Never waits.
    pub fn push(&self, event: LiveEvent) {
        if let Some(attempt) = event.attempt
            && !self.told().note(attempt.0)
        {
            return;
        }
        // Nobody listening is no fault.
        let _unheard = self.0.events.send(Arc::new(event));
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the ledger's end for as long as there is another clone of the feed. Runs in a task of its own; database trouble
    /// is waited out.
    pub async fn follow(self, store: Store, seat: Seat) {
        let feed: Weak<Inner> = Arc::downgrade(&self.0);
        drop(self);
        let mut tail = Tail::default();
        loop {
            tokio::time::sleep(PAUSE).await;
            let Some(feed) = feed.upgrade().map(LiveFeed) else { return };
            if !feed.is_watched() {
                tail = Tail::default();
                continue;
            }
            match store.poll_live(&seat, &mut tail, &feed).await {
                Ok(events) => events.into_iter().for_each(|event| feed.push(event)),
                Err(error) => {
                    tracing::debug!(error = %error, "the live log waits for the database");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

/// How far the ledger was read.
#[derive(Debug, Default)]
struct Tail {
    /// The database's clock at the last poll.
    read_to: Option<DateTime<Utc>>,
    /// Attempts that were on the wire then, oldest first.
    open: VecDeque<Uuid>,
}

impl Tail {
    fn watch(&mut self, sending: &[Uuid]) {
        for id in sending {
            if !self.open.contains(id) {
                self.open.push_back(*id);
            }
        }
        let excess = self.open.len().saturating_sub(WATCHED);
        self.open.drain(..excess);
    }

    fn settled(&mut self, ids: &[Uuid]) {
        let ids: HashSet<&Uuid> = ids.iter().collect();
        self.open.retain(|id| !ids.contains(id));
    }
}

impl Store {
    async fn poll_live(
        &self,
        seat: &Seat,
        tail: &mut Tail,
        feed: &LiveFeed,
    ) -> Result<Vec<LiveEvent>, StoreError> {
        let at = sqlx::query_scalar!(r#"select clock_timestamp() as "at!""#)
            .fetch_one(&self.walk)
            .await
            .map_err(failed(DOING))?;
        let since = tail.read_to.map_or(at - LOOK_BACK, |read_to| read_to - LATE);
        let open: Vec<Uuid> = tail.open.iter().copied().collect();
        let rows = sqlx::query!(
            r#"select a.id as "id!", a.state = 'sending' as "sending!" from (
                   (select n.id, n.state from attempts n
                     where n.organization_id = $1 and n.id > $2 order by n.id desc limit 2000)
                   union
                   select w.id, w.state from attempts w where w.organization_id = $1 and w.id = any ($3)) a
                order by a.id"#,
            seat.organization.0,
            first_id_at(since),
            &open,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        let (sending, settled): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.sending);
        let sending: Vec<Uuid> = sending.into_iter().map(|row| row.id).collect();
        let settled: Vec<Uuid> = settled.into_iter().map(|row| row.id).collect();
        let mut fresh: Vec<Uuid> = {
            let told = feed.told();
            settled.iter().filter(|id| !told.ids.contains(*id)).copied().collect()
        };
        // The newest ones, when they cannot all be told.
        fresh.drain(..fresh.len().saturating_sub(POLL_ROWS));
        let mut events = if fresh.is_empty() { Vec::new() } else { self.live_events(seat, &fresh).await? };
        events.extend(self.moves_since(seat, tail.read_to.unwrap_or(at - LOOK_BACK), at).await?);
        events.sort_by_key(|event| event.at);
        tail.settled(&settled);
        tail.watch(&sending);
        tail.read_to = Some(at);
        Ok(events)
    }

    /// What became of these attempts.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn live_events(&self, seat: &Seat, ids: &[Uuid]) -> Result<Vec<LiveEvent>, StoreError> {
        let rows = sqlx::query!(
            r#"select a.id, a.state::text as "state!", coalesce(a.finished_at, a.started_at) as "at!", a.recipient_id,
                      a.campaign_id,
                      a.duration_ms, a.code, a.class, a.words, a.provider_message_id,
                      case when a.campaign_id is null then 'a reply' else c.name end as "campaign?",
                      n.display_name as "number_name?", n.phone::text as number_phone,
                      coalesce(r.phone, y.phone)::text as phone, i.host as "host?",
                      coalesce(r.state = 'queued' or r.last_attempt_id <> a.id, y.state = 'queued', false) as "goes_on!",
                      coalesce(r.state = 'failed' and r.last_attempt_id = a.id, y.state = 'failed', false) as "ended!"
                 from unnest($2::uuid[]) as k (id)
                 join attempts a on a.organization_id = $1 and a.id = k.id
                 left join lateral (
                    -- Only the key answers a range in this order: an equation would leave the choice of the index open, and
                    -- the one by phone walks the campaign up to each recipient.
                    select q.state, q.phone, q.last_attempt_id from campaign_recipients q
                     where q.organization_id = $1 and q.campaign_id = a.campaign_id
                       and q.id >= a.recipient_id and q.id <= a.recipient_id
                     order by q.id limit 1) r on true
                 left join replies y on a.campaign_id is null and y.organization_id = $1 and y.id = a.recipient_id
                 left join campaigns c on c.organization_id = $1 and c.id = a.campaign_id
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
                 left join instances i on i.organization_id = $1 and i.id = a.instance_id
                order by 3, a.id"#,
            seat.organization.0,
            ids,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let number = row.number_phone.map_or_else(Safe::default, |phone| {
                    number_name(row.number_name.as_deref().unwrap_or_default(), &phone).safe().clone()
                });
                Some(LiveEvent {
                    at: row.at,
                    kind: kind(&row.state, row.goes_on, row.ended)?,
                    attempt: Some(AttemptId(row.id)),
                    // A reply has a thread and no recipient.
                    recipient: row.campaign_id.map(|_| RecipientId(row.recipient_id)),
                    campaign: row.campaign.unwrap_or_default().into(),
                    number,
                    to_number: None,
                    phone: row.phone.and_then(|phone| Phone::parse(&phone).ok()),
                    took: row.duration_ms.map(milliseconds),
                    code: row.code.or(row.class).map(Safe::from),
                    words: row.words.unwrap_or_default().into(),
                    provider_message_id: row.provider_message_id.map(Safe::from),
                    instance: row.host.unwrap_or_default().into(),
                })
            })
            .collect())
    }

    /// Switches from one number to another that began in this time.
    async fn moves_since(
        &self,
        seat: &Seat,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<LiveEvent>, StoreError> {
        let rows = sqlx::query!(
            r#"select f.started_at, f.cause, f.code, f.words, f.in_flight,
                      g.display_name as from_name, g.phone::text as "from_phone!",
                      t.display_name as "to_name?", t.phone::text as to_phone
                 from failovers f
                 join whatsapp_numbers g on g.organization_id = $1 and g.id = f.from_number_id
                 left join whatsapp_numbers t on t.organization_id = $1 and t.id = f.to_number_id
                where f.organization_id = $1 and f.started_at > $2 and f.started_at <= $3
                order by f.started_at desc limit 50"#,
            seat.organization.0,
            since,
            until,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let mut words = super::log::with_reason(&row.cause, &row.words);
                if row.in_flight > 0 {
                    words = format!("{words}, {} on the wire", row.in_flight);
                }
                let to = row.to_phone.map(|phone| {
                    number_name(row.to_name.as_deref().unwrap_or_default(), &phone).safe().clone()
                });
                LiveEvent {
                    at: row.started_at,
                    kind: LiveKind::Move,
                    attempt: None,
                    recipient: None,
                    campaign: Safe::default(),
                    number: number_name(&row.from_name, &row.from_phone).safe().clone(),
                    to_number: to,
                    phone: None,
                    took: None,
                    code: row.code.map(Safe::from),
                    words: Safe::new(&words),
                    provider_message_id: None,
                    instance: Safe::default(),
                }
            })
            .collect())
    }
}

/// How the log calls it; `None`: it is still on the wire.
fn kind(state: &str, goes_on: bool, ended: bool) -> Option<LiveKind> {
    Some(match state {
        "accepted" => LiveKind::Ok,
        "in_doubt" => LiveKind::Doubt,
        "rejected" | "undelivered" | "not_sent" if goes_on => LiveKind::Retry,
        "not_sent" if !ended => LiveKind::Unsent,
        "rejected" | "undelivered" | "not_sent" => LiveKind::Fail,
        "waived" => LiveKind::Unsent,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(attempt: AttemptId) -> LiveEvent {
        LiveEvent {
            at: DateTime::UNIX_EPOCH,
            kind: LiveKind::Ok,
            attempt: Some(attempt),
            recipient: None,
            campaign: Safe::default(),
            number: Safe::default(),
            to_number: None,
            phone: None,
            took: None,
            code: None,
            words: Safe::default(),
            provider_message_id: None,
            instance: Safe::default(),
        }
    }

    #[test]
    fn an_attempt_is_told_once_whoever_tells_it() {
        let feed = LiveFeed::new(16);
        let mut receiver = feed.receiver();
        let attempt = AttemptId::new();
        feed.push(event(attempt));
        feed.push(event(attempt));
        feed.push(event(AttemptId::new()));
        assert_eq!(receiver.try_recv().unwrap().attempt, Some(attempt));
        assert!(receiver.try_recv().is_ok());
        assert!(receiver.try_recv().is_err(), "told twice");
    }

    #[test]
    fn what_was_told_is_forgotten_after_a_while_and_never_grows() {
        let mut told = Told::default();
        let first = Uuid::now_v7();
        assert!(told.note(first));
        for n in 0..TOLD {
            told.note(Uuid::from_u128(n as u128));
        }
        assert_eq!(told.ids.len(), TOLD);
        assert!(told.note(first), "the oldest is forgotten");
    }

    #[test]
    fn what_is_on_the_wire_is_watched_until_it_is_not() {
        let mut tail = Tail::default();
        let ids: Vec<Uuid> = (0..WATCHED as u128 + 10).map(Uuid::from_u128).collect();
        tail.watch(&ids);
        tail.watch(&ids[20..30]);
        assert_eq!((tail.open.len(), tail.open[0]), (WATCHED, ids[10]));
        tail.settled(&ids[10..12]);
        assert_eq!((tail.open.len(), tail.open[0]), (WATCHED - 2, ids[12]));
    }

    #[test]
    fn outcomes_have_their_words() {
        let cases = [
            ("accepted", false, false, Some(LiveKind::Ok)),
            ("rejected", true, false, Some(LiveKind::Retry)),
            ("rejected", false, true, Some(LiveKind::Fail)),
            ("not_sent", true, false, Some(LiveKind::Retry)),
            ("not_sent", false, false, Some(LiveKind::Unsent)),
            ("not_sent", false, true, Some(LiveKind::Fail)),
            ("in_doubt", false, false, Some(LiveKind::Doubt)),
            ("sending", false, false, None),
        ];
        for (state, goes_on, ended, expected) in cases {
            assert_eq!(kind(state, goes_on, ended), expected, "{state}");
        }
    }
}
