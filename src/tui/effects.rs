//! Carrying out effects, on the program's runtime and never on the drawing thread.
//!
//! Questions: one a slot is under way, one more waits, and a newer one takes the waiting one's place. A question that
//! runs is never cut off: a query dropped half-way could leave a connection inside a transaction. Orders run each in
//! a task of its own, to their end.

use crate::domain::action::Subject;
use crate::domain::action::{Order, Version};
use crate::domain::campaign::CampaignSpec;
use crate::domain::ids::CampaignId;
use crate::domain::text::Safe;
use crate::store::view::AudienceCount;
use crate::tui::backend::{ActionAnswer, Backend, BackendError, FileWork};
use crate::tui::msg::{Detail, Effect, Msg, Question, Reading, Report, Slot};
use crate::tui::overlays::wizard::Origin;
use futures_util::future;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// A picture of everything is read this often.
const EVERY: Duration = Duration::from_secs(1);

/// The picture as it is handed to the drawing thread: only the latest counts.
pub type Picture = Option<Result<Arc<crate::store::view::Overview>, BackendError>>;

/// Runs effects until the console is gone.
pub async fn run(
    backend: Arc<dyn Backend>,
    mut effects: mpsc::Receiver<Effect>,
    messages: mpsc::Sender<Msg>,
    refresh: mpsc::Sender<()>,
) {
    let mut runner = Runner { backend, messages, slots: BTreeMap::new() };
    let (finished, mut done) = mpsc::channel::<Slot>(16);
    loop {
        tokio::select! {
            effect = effects.recv() => match effect {
                Some(Effect::Ask { request, question }) => runner.ask(request, question, &finished),
                Some(Effect::Act { act, orders, .. }) => runner.act(act, orders),
                Some(Effect::Reveal { subject, copy }) => {
                    let (backend, messages) = (runner.backend.clone(), runner.messages.clone());
                    tokio::spawn(async move {
                        let answer = backend.record_reveal(subject).await;
                        let _ = messages.send(Msg::Revealed { subject, copy, answer }).await;
                    });
                }
                Some(Effect::Test { number, name }) => {
                    let (backend, messages) = (runner.backend.clone(), runner.messages.clone());
                    tokio::spawn(async move {
                        let answer = backend.test_number(number).await;
                        let _ = messages.send(Msg::Tested { name, answer }).await;
                    });
                }
                Some(Effect::TestChannel { channel, name }) => {
                    let (backend, messages) = (runner.backend.clone(), runner.messages.clone());
                    tokio::spawn(async move {
                        let answer = backend.test_channel(channel).await;
                        let _ = messages.send(Msg::ChannelTested { name, answer }).await;
                    });
                }
                Some(Effect::Make { source, like }) => runner.make(source, like),
                Some(Effect::Change { campaign, name, source }) => runner.change(campaign, name, source),
                Some(Effect::Open(origin)) => runner.open(origin),
                Some(Effect::Write { name, source }) => runner.write(name, source),
                Some(Effect::NumberFile { request, work }) => runner.number_file(request, work),
                Some(Effect::ForgetEstimate) => runner.backend.forget_estimate(),
                Some(Effect::Refresh) => {
                    // One waiting request is as good as many.
                    let _ = refresh.try_send(());
                }
                // These belong to the drawing thread.
                Some(
                    Effect::Copy(_)
                    | Effect::Mouse(_)
                    | Effect::Redraw
                    | Effect::SuspendProcess
                    | Effect::Retake,
                ) => {}
                None => return,
            },
            Some(slot) = done.recv() => runner.next(slot, &finished),
        }
    }
}

struct Runner {
    backend: Arc<dyn Backend>,
    messages: mpsc::Sender<Msg>,
    /// Slots with a question under way, and the one that waits behind it.
    slots: BTreeMap<Slot, Option<(u64, Question)>>,
}

impl Runner {
    fn ask(&mut self, request: u64, question: Question, finished: &mpsc::Sender<Slot>) {
        let slot = question.slot();
        if let Question::Estimate(spec) = question {
            // The backend gives up the former one itself.
            tokio::spawn(estimate(self.backend.clone(), self.messages.clone(), request, spec));
            return;
        }
        if let Some(waiting) = self.slots.get_mut(&slot) {
            *waiting = Some((request, question));
            return;
        }
        self.slots.insert(slot, None);
        let (backend, messages, finished) = (self.backend.clone(), self.messages.clone(), finished.clone());
        tokio::spawn(async move {
            let start = Instant::now();
            let answer = read(&*backend, question).await;
            let message = Msg::Answer { slot, request, took: start.elapsed(), answer };
            let _ = messages.send(message).await;
            let _ = finished.send(slot).await;
        });
    }

    fn next(&mut self, slot: Slot, finished: &mpsc::Sender<Slot>) {
        if let Some((request, question)) = self.slots.remove(&slot).flatten() {
            self.ask(request, question, finished);
        }
    }

    fn make(&self, source: String, like: Option<CampaignId>) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let answer = backend.make_campaign(source.clone(), like).await;
            let _ = messages.send(Msg::Made { source, answer }).await;
        });
    }

    fn change(&self, campaign: CampaignId, name: Safe, source: String) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let answer = backend.change_campaign(campaign, name, source.clone()).await;
            let _ = messages.send(Msg::Made { source, answer }).await;
        });
    }

    fn open(&self, origin: Origin) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let answer = match &origin {
                Origin::File(name) => backend.read_file(name.clone()).await,
                Origin::Like(campaign, _) | Origin::Edit(campaign, _) => {
                    backend.campaign_file(*campaign).await
                }
            };
            let _ = messages.send(Msg::Opened { origin, answer }).await;
        });
    }

    fn write(&self, name: String, source: String) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let answer = backend.write_file(name, source.clone()).await;
            let _ = messages.send(Msg::Written { source, answer }).await;
        });
    }

    fn number_file(&self, request: u64, work: FileWork) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let answer = backend.number_file(work).await;
            let _ = messages.send(Msg::NumberFile { request, answer }).await;
        });
    }

    fn act(&self, act: u64, orders: Vec<Order>) {
        let (backend, messages) = (self.backend.clone(), self.messages.clone());
        tokio::spawn(async move {
            let mut answers = Vec::with_capacity(orders.len());
            let mut known: BTreeMap<Subject, Version> = BTreeMap::new();
            for mut order in orders {
                let subject = order.action.subject();
                // The second order about a row builds on what the first one left, not on what the operator saw.
                if let (Some(expected), Some(now)) = (order.expected.as_mut(), known.get(&subject)) {
                    *expected = *now;
                }
                let answer = backend.act(order.clone()).await;
                // What belongs to the organisation is many rows, each with a version of its own.
                if let ActionAnswer::Done { version: Some(version), .. } = &answer
                    && subject != Subject::Organization
                {
                    known.insert(subject, *version);
                }
                answers.push((order, answer));
            }
            let _ = messages.send(Msg::Acted { act, answers }).await;
        });
    }
}

/// Two answers to one question: what it is at about, where counting takes long; and what was counted.
async fn estimate(
    backend: Arc<dyn Backend>,
    messages: mpsc::Sender<Msg>,
    request: u64,
    spec: Arc<CampaignSpec>,
) {
    let start = Instant::now();
    let told = |count: AudienceCount| Reading::Estimate(Arc::new(count));
    let answer = |answer| Msg::Answer { slot: Slot::Estimate, request, took: start.elapsed(), answer };
    let (early, about) = oneshot::channel();
    let first = async {
        if let Ok(count) = about.await {
            let _ = messages.send(answer(Ok(told(count)))).await;
        }
    };
    let ((), counted) = future::join(first, backend.estimate(spec, early)).await;
    let _ = messages.send(answer(counted.map(told))).await;
}

async fn read(backend: &dyn Backend, question: Question) -> Result<Reading, BackendError> {
    Ok(match question {
        Question::Recipients(query, place) => Reading::Recipients(backend.recipients(query, place).await?),
        Question::RecipientRows(ids) => {
            let rows = backend.recipient_rows(ids.clone()).await?;
            Reading::RecipientRows(ids, rows)
        }
        Question::Count(query) => Reading::Count(backend.count_recipients(query).await?),
        Question::Newer(query, above) => Reading::Newer(backend.newer_recipients(query, above).await?),
        Question::Doubts(place) => Reading::Doubts(backend.doubts(place).await?),
        Question::Findings(id) | Question::Risks(id) => {
            Reading::Findings(Arc::new(backend.findings(id).await?))
        }
        Question::Known => Reading::Known(Arc::new(backend.known_to_files().await?)),
        Question::Check(source, edited, people) => {
            Reading::Check(backend.check_file(source, edited, people).await?)
        }
        Question::Estimate(spec) => {
            Reading::Estimate(Arc::new(backend.estimate(spec, oneshot::channel().0).await?))
        }
        Question::Progress(of) => Reading::Progress(Arc::new(backend.progress(of).await?)),
        Question::Queue => Reading::Queue(Arc::new(backend.queue().await?)),
        Question::Handover(Report::Shift) => Reading::Handover(Arc::new(backend.handover().await?)),
        Question::Handover(Report::Numbers) => Reading::Handover(Arc::new(backend.number_report().await?)),
        Question::Load(load) => Reading::Load(load, backend.load_of_number(load.from, load.to).await?),
        Question::Alerts => Reading::Alerts(Arc::new(backend.alerts().await?)),
        Question::Channels => Reading::Channels(Arc::new(backend.channels().await?)),
        Question::Settings => Reading::Settings(Arc::new(backend.settings().await?)),
        Question::Pools => Reading::Pools(Arc::new(backend.pools().await?)),
        Question::Audit(text, place) => Reading::Audit(backend.audit(text, place).await?),
        Question::AuditEntry(id) => Reading::AuditEntry(Arc::new(backend.audit_entry(id).await?)),
        Question::Slots(of) => Reading::Slots(Arc::new(backend.slots(of).await?)),
        Question::SlotHolders(of, slot) => {
            Reading::SlotHolders(Arc::new(backend.slot_holders(of, slot).await?))
        }
        Question::SlotReset(of) => Reading::SlotReset(backend.slot_reset(of).await?),
        Question::Forecast(id, what_if) => Reading::Forecast(Arc::new(backend.forecast(id, what_if).await?)),
        Question::Detail(Subject::Number(id)) => {
            Reading::Detail(Detail::Number(Box::new(backend.number(id).await?)))
        }
        Question::Detail(Subject::Campaign(id)) => {
            Reading::Detail(Detail::Campaign(Box::new(backend.campaign(id).await?)))
        }
        Question::Detail(Subject::Recipient(id)) => {
            Reading::Detail(Detail::Recipient(Box::new(backend.recipient(id).await?)))
        }
        Question::Threads(query, place) => Reading::Threads(backend.threads(query, place).await?),
        Question::ThreadRows(ids) => {
            let rows = backend.thread_rows(ids.clone()).await?;
            Reading::ThreadRows(ids, rows)
        }
        Question::Detail(Subject::Thread(id)) => {
            Reading::Detail(Detail::Thread(Box::new(backend.thread(id).await?)))
        }
        Question::Detail(Subject::Attempt(_) | Subject::Organization) => {
            return Err(BackendError::Refused("there are no details about this".into()));
        }
    })
}

/// Reads the picture about once a second, and at once when asked, until nobody looks any more.
pub async fn pictures(
    backend: Arc<dyn Backend>,
    picture: watch::Sender<Picture>,
    mut refresh: mpsc::Receiver<()>,
) {
    loop {
        let answer = backend.overview().await.map(Arc::new);
        if picture.send(Some(answer)).is_err() {
            return;
        }
        // A rush of changes is one picture: at most ten a second.
        tokio::time::sleep(EVERY / 10).await;
        tokio::select! {
            asked = refresh.recv() => if asked.is_none() { return },
            () = tokio::time::sleep(EVERY) => {}
            () = picture.closed() => return,
        }
    }
}
