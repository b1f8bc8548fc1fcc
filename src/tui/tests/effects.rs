//! The effect runner: one question a slot under way, the newest waits, orders run to their end.

use crate::domain::action::{Action, Order, Subject, Version};
use crate::domain::campaign::{CampaignFile, CampaignSpec, Context};
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{CampaignId, ChannelId, ConversationId, NumberId, RecipientId};
use crate::domain::pool::PoolChange;
use crate::domain::text::Safe;
use crate::store::view::*;
use crate::tui::backend::{
    ActionAnswer, Backend, BackendError, FileTold, FileWork, Inside, Making, Notice, Reply,
};
use crate::tui::effects;
use crate::tui::fake::*;
use crate::tui::msg::{Consent, Effect, Msg, Question, Reading};
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

/// A database whose answers wait until they are let go.
struct Gate {
    open: Arc<Notify>,
    asked: Mutex<Vec<NumberId>>,
    orders: Arc<Mutex<Vec<Order>>>,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self { open: Arc::new(Notify::new()), asked: Mutex::default(), orders: Arc::default() })
    }
}

fn nothing<T: Send + 'static>() -> Reply<T> {
    Box::pin(async { Err(BackendError::Slow) })
}

impl Backend for Gate {
    fn session(&self) -> Session {
        session()
    }
    fn sessions(&self) -> watch::Receiver<Session> {
        watch::channel(session()).1
    }
    fn inside(&self) -> watch::Receiver<Inside> {
        watch::channel(Inside::Nobody).1
    }
    fn overview(&self) -> Reply<Overview> {
        Box::pin(async { Ok(many_overview()) })
    }
    fn recipients(&self, _: RecipientQuery, _: Place) -> Reply<Page<RecipientRow>> {
        nothing()
    }
    fn recipient_rows(&self, _: Vec<RecipientId>) -> Reply<Vec<RecipientRow>> {
        nothing()
    }
    fn count_recipients(&self, _: RecipientQuery) -> Reply<Total> {
        nothing()
    }
    fn newer_recipients(&self, _: RecipientQuery, _: Cursor) -> Reply<u64> {
        nothing()
    }
    fn doubts(&self, _: Place) -> Reply<Page<DoubtRow>> {
        nothing()
    }
    fn threads(&self, _: ThreadQuery, _: Place) -> Reply<Page<ThreadRow>> {
        nothing()
    }
    fn thread_rows(&self, _: Vec<ConversationId>) -> Reply<Vec<ThreadRow>> {
        nothing()
    }
    fn thread(&self, _: ConversationId) -> Reply<ThreadDetail> {
        nothing()
    }
    fn number(&self, id: NumberId) -> Reply<NumberDetail> {
        self.asked.lock().unwrap().push(id);
        let open = self.open.clone();
        Box::pin(async move {
            open.notified().await;
            Ok(number_detail(id))
        })
    }
    fn test_number(&self, _: NumberId) -> Reply<NumberTest> {
        nothing()
    }
    fn campaign(&self, _: CampaignId) -> Reply<CampaignDetail> {
        nothing()
    }
    fn forecast(&self, _: CampaignId, _: WhatIf) -> Reply<Forecasts> {
        nothing()
    }
    fn findings(&self, _: CampaignId) -> Reply<Vec<FindingRow>> {
        nothing()
    }
    fn known_to_files(&self) -> Reply<Known> {
        nothing()
    }
    fn change_campaign(&self, _: CampaignId, _: Safe, _: String) -> Reply<Making> {
        nothing()
    }
    fn read_file(&self, _: String) -> Reply<String> {
        nothing()
    }
    fn campaign_file(&self, _: CampaignId) -> Reply<String> {
        nothing()
    }
    fn check_file(&self, _: String, _: Option<Safe>, _: Option<u64>) -> Reply<FileCheck> {
        nothing()
    }
    fn estimate(
        &self,
        spec: Arc<CampaignSpec>,
        early: oneshot::Sender<AudienceCount>,
    ) -> Reply<AudienceCount> {
        let _ = early.send(AudienceCount { margin: Some(9), ..audience_count(&spec) });
        nothing()
    }
    fn forget_estimate(&self) {}
    fn make_campaign(&self, _: String, _: Option<CampaignId>) -> Reply<Making> {
        nothing()
    }
    fn write_file(&self, _: String, _: String) -> Reply<Safe> {
        nothing()
    }
    fn number_file(&self, _: FileWork) -> Reply<FileTold> {
        nothing()
    }
    fn progress(&self, _: CampaignId) -> Reply<ProgressView> {
        nothing()
    }
    fn pools(&self) -> Reply<Vec<crate::store::view::PoolView>> {
        nothing()
    }
    fn settings(&self) -> Reply<crate::domain::setting::Settings> {
        nothing()
    }
    fn channels(&self) -> Reply<Vec<ChannelRow>> {
        nothing()
    }
    fn test_channel(&self, _: ChannelId) -> Reply<()> {
        nothing()
    }
    fn audit(&self, _: Safe, _: Place) -> Reply<Page<AuditRow>> {
        nothing()
    }
    fn audit_entry(&self, _: uuid::Uuid) -> Reply<AuditDetail> {
        nothing()
    }
    fn alerts(&self) -> Reply<Vec<AlertRow>> {
        nothing()
    }
    fn handover(&self) -> Reply<HandoverView> {
        nothing()
    }
    fn number_report(&self) -> Reply<HandoverView> {
        nothing()
    }
    fn load_of_number(&self, _: NumberId, _: NumberId) -> Reply<crate::store::view::Load> {
        nothing()
    }
    fn queue(&self) -> Reply<Vec<QueueLine>> {
        nothing()
    }
    fn slots(&self, _: Option<CampaignId>) -> Reply<SlotsView> {
        nothing()
    }
    fn slot_holders(&self, _: Option<CampaignId>, _: u16) -> Reply<Vec<SlotHolder>> {
        nothing()
    }
    fn slot_reset(&self, _: Option<CampaignId>) -> Reply<SlotResetView> {
        nothing()
    }
    fn recipient(&self, _: RecipientId) -> Reply<RecipientDetail> {
        nothing()
    }
    fn act(&self, order: Order) -> BoxFuture<'static, ActionAnswer> {
        let orders = self.orders.clone();
        Box::pin(async move {
            let version = Some(Version(order.expected.map_or(0, |version| version.0) + 1));
            orders.lock().unwrap().push(order);
            ActionAnswer::Done { version, undo: None }
        })
    }
    fn record_reveal(&self, _: Subject) -> Reply<()> {
        Box::pin(async { Ok(()) })
    }
    fn live(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        broadcast::channel(1).1
    }
    fn notices(&self) -> broadcast::Receiver<Notice> {
        broadcast::channel(1).1
    }
}

async fn next(messages: &mut mpsc::Receiver<Msg>) -> Msg {
    tokio::time::timeout(Duration::from_secs(10), messages.recv()).await.expect("no answer came").unwrap()
}

fn start(gate: Arc<Gate>) -> (mpsc::Sender<Effect>, mpsc::Receiver<Msg>) {
    let (effects, outgoing) = mpsc::channel(64);
    let (messages, incoming) = mpsc::channel(256);
    let (refresh, _) = mpsc::channel(1);
    tokio::spawn(effects::run(gate, outgoing, messages, refresh));
    (effects, incoming)
}

#[tokio::test]
async fn only_the_newest_question_waits_behind_the_one_under_way() {
    let gate = Gate::new();
    let (effects, mut messages) = start(gate.clone());
    for at in 1..=5 {
        let question = Question::Detail(Subject::Number(number_id(at)));
        effects.send(Effect::Ask { request: at, question }).await.unwrap();
    }
    let mut answered = Vec::new();
    for _ in 0..2 {
        // Each answer is let go only once it is waited for.
        let answer = loop {
            gate.open.notify_waiters();
            tokio::select! {
                message = messages.recv() => break message.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        };
        let Msg::Answer { request, answer: Ok(Reading::Detail(_)), .. } = answer else {
            panic!("{answer:?}")
        };
        answered.push(request);
    }
    assert_eq!(answered, [1, 5]);
    assert_eq!(*gate.asked.lock().unwrap(), [number_id(1), number_id(5)]);
}

/// What an audience is at about is told before what was counted, or why it was not.
#[tokio::test]
async fn an_estimate_is_answered_twice() {
    let (effects, mut messages) = start(Gate::new());
    let file = "name = \"a\"\n[[steps]]\ntext = { en = \"Hi\" }\n";
    let spec = CampaignFile::parse(file, "a.toml", &Context::in_zone(chrono_tz::Africa::Douala)).unwrap();
    let question = Question::Estimate(Arc::new(spec));
    effects.send(Effect::Ask { request: 7, question }).await.unwrap();
    let about = messages.recv().await.unwrap();
    let Msg::Answer { request: 7, answer: Ok(Reading::Estimate(about)), .. } = about else {
        panic!("{about:?}")
    };
    assert_eq!(about.margin, Some(9));
    let counted = messages.recv().await.unwrap();
    assert!(
        matches!(counted, Msg::Answer { request: 7, answer: Err(BackendError::Slow), .. }),
        "{counted:?}"
    );
}

#[tokio::test]
async fn two_orders_about_one_row_build_on_each_other() {
    let gate = Gate::new();
    let (effects, mut messages) = start(gate.clone());
    let number = number_id(1);
    let orders = vec![
        Order::on(Action::SetPriority { number, priority: 2 }, Version(3)),
        Order::on(Action::ResumeNumber(number), Version(3)),
        Order::on(Action::ResumeNumber(number_id(2)), Version(3)),
    ];
    effects.send(Effect::Act { act: 7, orders, consent: Consent::Confirmed }).await.unwrap();
    let Msg::Acted { act: 7, answers } = next(&mut messages).await else { panic!("no answer") };
    assert_eq!(answers.len(), 3);
    let expected: Vec<_> = gate.orders.lock().unwrap().iter().map(|order| order.expected).collect();
    assert_eq!(expected, [Some(Version(3)), Some(Version(4)), Some(Version(3))]);
}

/// What belongs to the organisation has no common version.
#[tokio::test]
async fn orders_about_two_pools_keep_each_the_version_of_its_pool() {
    let gate = Gate::new();
    let (effects, mut messages) = start(gate.clone());
    let edit = |pool, version| {
        let change = PoolChange { sticky: Some(true), ..PoolChange::default() };
        Order::on(Action::EditPool { pool: pool_id(pool), change }, Version(version))
    };
    let orders = vec![edit(1, 3), edit(2, 8)];
    effects.send(Effect::Act { act: 7, orders, consent: Consent::Confirmed }).await.unwrap();
    let Msg::Acted { answers, .. } = next(&mut messages).await else { panic!("no answer") };
    assert_eq!(answers.len(), 2);
    let expected: Vec<_> = gate.orders.lock().unwrap().iter().map(|order| order.expected).collect();
    assert_eq!(expected, [Some(Version(3)), Some(Version(8))]);
}

#[tokio::test]
async fn an_order_runs_to_its_end_when_the_console_is_gone() {
    let gate = Gate::new();
    let (effects, messages) = start(gate.clone());
    drop(messages);
    effects
        .send(Effect::Act {
            act: 1,
            orders: vec![Order::whole(Action::StopAll)],
            consent: Consent::NotNeeded,
        })
        .await
        .unwrap();
    drop(effects);
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while gate.orders.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("the order was lost");
}

#[tokio::test]
async fn pictures_come_by_themselves_and_at_once_when_asked() {
    let (picture, mut pictures) = watch::channel(None);
    let (refresh, refreshed) = mpsc::channel(1);
    tokio::spawn(effects::pictures(Gate::new(), picture, refreshed));
    let wait = Duration::from_secs(10);
    tokio::time::timeout(wait, pictures.changed()).await.unwrap().unwrap();
    let start = std::time::Instant::now();
    refresh.send(()).await.unwrap();
    tokio::time::timeout(wait, pictures.changed()).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
}
