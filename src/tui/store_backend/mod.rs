//! The console's questions, answered by the store.
//!
//! Every call starts a task on the runtime of the domain at once and hands back its handle. A console that loses interest
//! drops the handle, not the statement: nothing is ever cut off between a question and its answer. A statement that takes
//! too long is ended by the server (two seconds, `postgres::connect`).

use crate::domain::action::{Order, Subject};
use crate::domain::campaign::CampaignSpec;
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{CampaignId, ChannelId, ConversationId, NumberId, RecipientId};
use crate::domain::setting::Settings;
use crate::domain::text::Safe;
use crate::sender::alert::desk::Desk;
use crate::store::action::{ActionResult, Actor};
use crate::store::screen::live::LiveFeed;
use crate::store::screen::rates::RateWindow;
use crate::store::screen::{ReadError, Seat};
use crate::store::view::{
    AlertRow, AudienceCount, AuditDetail, AuditRow, CampaignDetail, ChannelRow, Cursor, DoubtRow, FileCheck,
    FindingRow, Forecasts, HandoverView, Known, LiveEvent, Load, NumberDetail, NumberTest, Overview, Page,
    Place, PoolView, ProgressView, QueueLine, RecipientDetail, RecipientQuery, RecipientRow, Session,
    SlotHolder, SlotResetView, SlotsView, ThreadDetail, ThreadQuery, ThreadRow, Total,
};
use crate::store::{Store, StoreError};
use crate::tui::backend::{
    ActionAnswer, Backend, BackendError, FileTold, FileWork, Inside, LIVE_CHANNEL, Making, Notice, Reply,
};
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, oneshot, watch};

mod files;
mod here;
mod judged;
mod news;
mod number_file;
mod said;

use here::Here;
use news::News;

/// Notices that a console has not read yet.
const NOTICES: usize = 256;
/// Looks for the answer to a test, and the time between them.
const TEST_LOOKS: u32 = 80;
const TEST_PAUSE: Duration = Duration::from_millis(250);
/// Recipients whose campaign is remembered.
const REMEMBERED: usize = 50_000;

/// What the program knows of itself and tells its console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The operator's name; empty: the Postgres role.
    pub operator: Safe,
    /// The word in the header: `PROD`, `TEST`, `DEMO`.
    pub environment: Safe,
    /// Whether that word means real people.
    pub production: bool,
    /// Host or socket of the database, short.
    pub database: Safe,
    /// Whether the operator asked to change nothing.
    pub read_only: bool,
    /// Whether media may stand at private addresses.
    pub private_media: bool,
    /// What goes on when this terminal is lost, as a sentence.
    pub on_terminal_loss: Safe,
}

/// [`Backend`] over the store. Cheap to clone.
#[derive(Clone)]
pub struct StoreBackend(Arc<Inner>);

struct Inner {
    store: Store,
    here: Arc<Here>,
    runtime: Handle,
    live: LiveFeed,
    notices: broadcast::Sender<Notice>,
    rates: Mutex<RateWindow>,
    homes: Mutex<Homes>,
    /// Which estimate is wanted: another figure means that none before it is.
    estimates: watch::Sender<u64>,
    private_media: bool,
    /// Judges channels for alerts, and seals and opens their secrets.
    desk: Desk,
    /// Tasks of ours end when it is gone.
    alive: watch::Sender<()>,
}

/// Which campaign a recipient is in: an id alone would be looked for in all of them.
#[derive(Debug, Default)]
struct Homes(HashMap<RecipientId, CampaignId>);

impl Homes {
    fn note(&mut self, rows: &[RecipientRow]) {
        if self.0.len() + rows.len() > REMEMBERED {
            self.0.clear();
        }
        self.0.extend(rows.iter().map(|row| (row.id, row.campaign)));
    }

    /// The campaigns of these; empty if one of them is not known.
    fn of(&self, ids: &[RecipientId]) -> Vec<CampaignId> {
        let homes: Option<Vec<CampaignId>> = ids.iter().map(|id| self.0.get(id).copied()).collect();
        let mut homes = homes.unwrap_or_default();
        homes.sort_unstable();
        homes.dedup();
        homes
    }
}

impl StoreBackend {
    /// A backend for the logged-in role on the organisation of this seat. Begins to listen and to follow the ledger; both
    /// end with the last clone. Must be called on the runtime that is to do the work.
    #[must_use]
    pub fn new(store: Store, seat: Seat, around: Surroundings, desk: Desk) -> Self {
        let inner = Inner {
            runtime: Handle::current(),
            live: LiveFeed::new(LIVE_CHANNEL),
            notices: broadcast::channel(NOTICES).0,
            rates: Mutex::default(),
            homes: Mutex::default(),
            estimates: watch::channel(0).0,
            private_media: around.private_media,
            here: Arc::new(Here::new(seat, around)),
            alive: watch::channel(()).0,
            desk,
            store,
        };
        if inner.here.session().may_write {
            let store = inner.store.clone();
            inner.runtime.spawn(async move { store.expect_orders().await });
        }
        let live = inner.live.clone();
        let seat = inner.here.seat();
        let changes = inner.store.changes(&seat);
        inner.runtime.spawn(live.follow(inner.store.clone(), seat));
        let news =
            News::new(changes, inner.store.clone(), Arc::clone(&inner.here), inner.notices.downgrade());
        inner.runtime.spawn(news.tell(inner.alive.subscribe()));
        Self(Arc::new(inner))
    }

    /// Where the sender of this process tells what becomes of its attempts, so that they are on screen at once.
    #[must_use]
    pub fn live_feed(&self) -> LiveFeed {
        self.0.live.clone()
    }

    /// Takes in what became of the sender of this process: from now on the console stands for that instance.
    pub fn tell_inside(&self, inside: Inside) {
        self.0.here.tell_inside(inside);
    }

    /// Runs a question to its end, whether or not anybody still wants the answer.
    fn ask<T, F>(&self, ask: impl FnOnce(Arc<Inner>) -> F) -> Reply<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ReadError>> + Send + 'static,
    {
        let task = self.0.runtime.spawn(ask(Arc::clone(&self.0)));
        Box::pin(async move {
            match task.await {
                Ok(answer) => answer.map_err(BackendError::from),
                Err(ended) => Err(BackendError::Refused(ended_badly(&ended))),
            }
        })
    }
}

impl Inner {
    /// From where this console looks now.
    fn seat(&self) -> Seat {
        self.here.seat()
    }

    fn homes(&self) -> MutexGuard<'_, Homes> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn homes_of(&self, ids: &[RecipientId]) -> Vec<CampaignId> {
        self.homes().of(ids)
    }

    /// Where the row of a place may be: in the campaign that is asked about, or where it was seen.
    fn homes_at(&self, query: &RecipientQuery, place: Place) -> Vec<CampaignId> {
        match place {
            Place::Start | Place::End => Vec::new(),
            Place::After(cursor)
            | Place::Before(cursor)
            | Place::NextFailed(cursor)
            | Place::PreviousFailed(cursor) => self.home_of(query, cursor),
        }
    }

    fn home_of(&self, query: &RecipientQuery, cursor: Cursor) -> Vec<CampaignId> {
        match query.campaign {
            Some(campaign) => vec![campaign],
            None => self.homes_of(&[RecipientId(cursor.id)]),
        }
    }
}

impl Backend for StoreBackend {
    fn session(&self) -> Session {
        self.0.here.session()
    }

    fn overview(&self) -> Reply<Overview> {
        self.ask(async move |inner| {
            let picture = inner.store.picture(&inner.seat()).await?;
            let mut window = inner.rates.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(picture.with_rates(&mut window))
        })
    }

    fn recipients(&self, query: RecipientQuery, place: Place) -> Reply<Page<RecipientRow>> {
        self.ask(async move |inner| {
            let homes = inner.homes_at(&query, place);
            let page = inner.store.recipient_page(&inner.seat(), &query, place, &homes).await?;
            inner.homes().note(&page.rows);
            Ok(page)
        })
    }

    fn recipient_rows(&self, ids: Vec<RecipientId>) -> Reply<Vec<RecipientRow>> {
        self.ask(async move |inner| {
            let homes = inner.homes_of(&ids);
            inner.store.recipient_rows(&inner.seat(), &ids, &homes).await
        })
    }

    fn count_recipients(&self, query: RecipientQuery) -> Reply<Total> {
        self.ask(async move |inner| inner.store.recipient_total(&inner.seat(), &query).await)
    }

    fn newer_recipients(&self, query: RecipientQuery, above: Cursor) -> Reply<u64> {
        self.ask(async move |inner| {
            let homes = inner.home_of(&query, above);
            inner.store.recipients_above(&inner.seat(), &query, above, &homes).await
        })
    }

    fn doubts(&self, place: Place) -> Reply<Page<DoubtRow>> {
        self.ask(async move |inner| inner.store.doubt_page(&inner.seat(), place).await)
    }

    fn threads(&self, query: ThreadQuery, place: Place) -> Reply<Page<ThreadRow>> {
        self.ask(async move |inner| inner.store.thread_page(&inner.seat(), &query, place).await)
    }

    fn thread_rows(&self, ids: Vec<ConversationId>) -> Reply<Vec<ThreadRow>> {
        self.ask(async move |inner| {
            let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
            Ok(inner.store.threads(inner.seat().organization, &ids).await?)
        })
    }

    fn thread(&self, id: ConversationId) -> Reply<ThreadDetail> {
        self.ask(async move |inner| inner.store.thread_detail(&inner.seat(), id).await)
    }

    fn number(&self, id: NumberId) -> Reply<NumberDetail> {
        self.ask(async move |inner| inner.store.number_detail(&inner.seat(), id).await)
    }

    fn test_number(&self, id: NumberId) -> Reply<NumberTest> {
        self.ask(async move |inner| {
            let (store, seat) = (&inner.store, &inner.seat());
            let before = store.last_check(seat, id).await?.map(|(at, _)| at);
            store.ask_for_check(seat.organization, id).await?;
            // The token is the sender's to open: whoever runs asks, and its answer is here a moment later.
            for _ in 0..TEST_LOOKS {
                tokio::time::sleep(TEST_PAUSE).await;
                if let Some((at, test)) = store.last_check(seat, id).await?
                    && before.is_none_or(|before| at > before)
                {
                    return Ok(test);
                }
            }
            Err(ReadError::Refused(
                "no sender asked within 20 s; signalbox number test asks from here".into(),
            ))
        })
    }

    fn campaign(&self, id: CampaignId) -> Reply<CampaignDetail> {
        self.ask(async move |inner| inner.store.campaign_detail(&inner.seat(), id).await)
    }

    fn forecast(&self, id: CampaignId, what_if: WhatIf) -> Reply<Forecasts> {
        self.ask(async move |inner| inner.store.forecast_view(&inner.seat(), id, what_if).await)
    }

    fn findings(&self, id: CampaignId) -> Reply<Vec<FindingRow>> {
        self.ask(async move |inner| inner.findings(id).await)
    }

    fn known_to_files(&self) -> Reply<Known> {
        self.ask(async move |inner| inner.known_to_files().await)
    }

    fn check_file(&self, source: String, edited: Option<Safe>, people: Option<u64>) -> Reply<FileCheck> {
        self.ask(async move |inner| inner.check_file(&source, edited.as_deref(), people).await)
    }

    fn change_campaign(&self, campaign: CampaignId, name: Safe, source: String) -> Reply<Making> {
        self.ask(async move |inner| inner.change_campaign(campaign, &name, &source).await)
    }

    fn read_file(&self, name: String) -> Reply<String> {
        self.ask(async move |inner| inner.read_file(name).await)
    }

    fn campaign_file(&self, campaign: CampaignId) -> Reply<String> {
        self.ask(async move |inner| inner.campaign_file(campaign).await)
    }

    fn estimate(
        &self,
        spec: Arc<CampaignSpec>,
        early: oneshot::Sender<AudienceCount>,
    ) -> Reply<AudienceCount> {
        let wanted = self.0.next_estimate();
        self.ask(async move |inner| inner.estimate(&spec, early, wanted).await)
    }

    fn forget_estimate(&self) {
        let _ = self.0.next_estimate();
    }

    fn make_campaign(&self, source: String, like: Option<CampaignId>) -> Reply<Making> {
        self.ask(async move |inner| inner.make_campaign(&source, like).await)
    }

    fn write_file(&self, name: String, source: String) -> Reply<Safe> {
        self.ask(async move |inner| inner.write_file(name, source).await)
    }

    fn number_file(&self, work: FileWork) -> Reply<FileTold> {
        self.ask(async move |inner| inner.number_file(work).await)
    }

    fn progress(&self, campaign: CampaignId) -> Reply<ProgressView> {
        self.ask(async move |inner| inner.store.progress_view(&inner.seat(), campaign).await)
    }

    fn queue(&self) -> Reply<Vec<QueueLine>> {
        self.ask(async move |inner| inner.store.queue_view(&inner.seat()).await)
    }

    fn alerts(&self) -> Reply<Vec<AlertRow>> {
        self.ask(async move |inner| inner.store.alert_rows(&inner.seat()).await)
    }

    fn settings(&self) -> Reply<Settings> {
        self.ask(async move |inner| Ok(inner.store.settings(inner.seat().organization).await?))
    }

    fn pools(&self) -> Reply<Vec<PoolView>> {
        self.ask(async move |inner| inner.store.pool_views(&inner.seat()).await)
    }

    fn channels(&self) -> Reply<Vec<ChannelRow>> {
        self.ask(async move |inner| inner.store.channel_rows(&inner.seat()).await)
    }

    fn test_channel(&self, id: ChannelId) -> Reply<()> {
        self.ask(async move |inner| {
            let (seat, session) = (inner.seat(), inner.here.writer().map_err(ReadError::Refused)?);
            let actor = Actor { operator: &session.operator, instance: seat.instance };
            let tested = inner.desk.test(&inner.store, seat.organization, id, actor).await;
            tested.map_err(|why| ReadError::Refused(Safe::cut(&why, 500)))
        })
    }

    fn audit(&self, text: Safe, place: Place) -> Reply<Page<AuditRow>> {
        self.ask(async move |inner| inner.store.audit_page(&inner.seat(), &text, place).await)
    }

    fn audit_entry(&self, id: uuid::Uuid) -> Reply<AuditDetail> {
        self.ask(async move |inner| inner.store.audit_entry(&inner.seat(), id).await)
    }

    fn handover(&self) -> Reply<HandoverView> {
        self.ask(async move |inner| inner.store.handover_view(&inner.seat()).await)
    }

    fn number_report(&self) -> Reply<HandoverView> {
        self.ask(async move |inner| inner.store.number_report(&inner.seat()).await)
    }

    fn load_of_number(&self, from: NumberId, to: NumberId) -> Reply<Load> {
        self.ask(async move |inner| {
            Ok(inner.store.load_of_number(inner.seat().organization, from, to).await?)
        })
    }

    fn slots(&self, campaign: Option<CampaignId>) -> Reply<SlotsView> {
        self.ask(async move |inner| inner.store.slots_view(&inner.seat(), campaign).await)
    }

    fn slot_holders(&self, campaign: Option<CampaignId>, slot: u16) -> Reply<Vec<SlotHolder>> {
        self.ask(async move |inner| inner.store.slot_holders(&inner.seat(), campaign, slot).await)
    }

    fn slot_reset(&self, campaign: Option<CampaignId>) -> Reply<SlotResetView> {
        self.ask(async move |inner| inner.store.slot_reset_view(&inner.seat(), campaign).await)
    }

    fn recipient(&self, id: RecipientId) -> Reply<RecipientDetail> {
        self.ask(async move |inner| {
            let homes = inner.homes_of(&[id]);
            let seat = inner.seat();
            let mut detail = inner.store.recipient_detail(&seat, id, &homes).await?;
            inner.note_said(&seat, &mut detail).await?;
            Ok(detail)
        })
    }

    fn act(&self, order: Order) -> BoxFuture<'static, ActionAnswer> {
        let inner = Arc::clone(&self.0);
        let task = self.0.runtime.spawn(async move {
            let (seat, session) = match inner.here.writer() {
                Ok(session) => (inner.seat(), session),
                Err(why) => return ActionAnswer::Refused(why),
            };
            let order = match inner.prepared(&seat, order).await {
                Ok(order) => order,
                Err(why) => return why,
            };
            let done = inner.store.act(seat.organization, &order, &session.operator, seat.instance).await;
            if let Ok(ActionResult::Done { version, .. }) = &done {
                inner.here.own.note(order.action.subject(), *version);
            }
            done.map_or_else(|error| ActionAnswer::Failed(unsure(&error)), ActionAnswer::from)
        });
        Box::pin(async move { task.await.unwrap_or_else(|ended| ActionAnswer::Failed(ended_badly(&ended))) })
    }

    fn record_reveal(&self, subject: Subject) -> Reply<()> {
        self.ask(async move |inner| {
            let (entity, id) = match subject {
                Subject::Number(id) => ("number", id.0),
                Subject::Campaign(id) => ("campaign", id.0),
                Subject::Recipient(id) => ("recipient", id.0),
                Subject::Attempt(id) => ("attempt", id.0),
                Subject::Thread(id) => ("conversation", id.0),
                Subject::Organization => ("organization", inner.seat().organization.0),
            };
            Ok(inner.store.record_reveal(&inner.seat(), &inner.here.session().operator, entity, id).await?)
        })
    }

    fn live(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.0.live.receiver()
    }

    fn inside(&self) -> watch::Receiver<Inside> {
        self.0.here.inside.subscribe()
    }

    fn sessions(&self) -> watch::Receiver<Session> {
        self.0.here.session.subscribe()
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }
}

impl From<ReadError> for BackendError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(sentence) => Self::Refused(sentence),
            ReadError::Gone(_) => Self::Refused(Safe::new(&error.to_string())),
            ReadError::Store(StoreError::Busy { .. }) => Self::Slow,
            ReadError::Store(error @ StoreError::Away { .. }) => Self::Away(Safe::new(&cause(&error))),
            ReadError::Store(error) => {
                Self::Refused(Safe::new(&format!("failed to {error}: {}", cause(&error))))
            }
        }
    }
}

impl From<ActionResult> for ActionAnswer {
    fn from(result: ActionResult) -> Self {
        match result {
            ActionResult::Done { version, undo } => Self::Done { version, undo },
            ActionResult::AlreadySo { by, at } => Self::AlreadySo { by, at },
            ActionResult::Changed { to, by, at } => Self::Changed { to, by, at },
            ActionResult::Refused(sentence) | ActionResult::Missing(sentence) => Self::Refused(sentence),
        }
    }
}

/// What the driver or the server said, without our own words around it.
fn cause(error: &StoreError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// What an operator can do about an order without an answer.
fn unsure(error: &StoreError) -> Safe {
    Safe::new(&match error {
        StoreError::Away { .. } => {
            "the database went away; nobody knows whether this was done: look again when it is back"
                .to_owned()
        }
        StoreError::Busy { .. } => "the row was busy for too long; nothing was done: try again".to_owned(),
        error @ StoreError::Forbidden { .. } => format!("failed to {error}"),
        error => format!("failed to {error}: {}", cause(error)),
    })
}

fn ended_badly(error: &tokio::task::JoinError) -> Safe {
    tracing::error!(error = %error, "a task of the console ended badly");
    "this failed inside signalbox; the log says more".into()
}
