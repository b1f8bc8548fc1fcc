//! Applies what providers reported: reads what was kept, and moves attempts, recipients, numbers and people by it.
//!
//! Everything here may be done twice and in any order. A request that was kept is read into receipts and messages, each
//! kept once; a receipt is applied when its attempt is known, which may be before the attempt's own answer and may be
//! much later (`reference/reliability.md`, section 6).

use super::{
    judge::{self, Judgement, Measure},
    shared::Shared,
    templates,
    warden::Note,
};
use crate::domain::{
    attempt::AttemptState,
    consent::{Consent, Words},
    delivery::Delivery,
    health::Reach,
    ids::{AccountId, WebhookId},
    outcome::{Class, Failure, Outcome},
    phone::Phone,
    thread,
};
use crate::provider::{
    dialect,
    report::{Change, Delivered, Inbound, News, Preference, Receipt, Report, Sender},
};
use crate::store::{
    StoreError,
    attempt::OutcomeRecord,
    news::NewEvent,
    receipt::{DueReceipt, JudgedReceipt, NewInbound, NewReceipt},
    template::TemplateNews,
    webhook::Webhook,
};
use std::{sync::Arc, time::Duration};

/// Requests in one pass.
const REQUESTS: i32 = 250;
/// Receipts in one pass.
const RECEIPTS: i32 = 500;
/// Between two looks when nothing was there: who asks for no more messages gets none a moment later.
const QUIET: Duration = Duration::from_millis(500);
/// Receipts that wait for their attempt are looked at every so many quiet looks.
const WAITING: u32 = 4;
/// After a failure.
const UNWELL: Duration = Duration::from_secs(1);

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    let mut quiet = 0;
    while !shared.ended() {
        let wait = match pass(&shared, quiet % WAITING == 0).await {
            Ok(true) => {
                quiet = 0;
                continue;
            }
            Ok(false) => {
                quiet += 1;
                QUIET
            }
            Err(error) => {
                tracing::warn!("what providers reported has to wait: {error}");
                UNWELL
            }
        };
        shared.rest(wait).await;
    }
}

/// Answers whether there may be more. `waiting`: those whose attempt was not known before are looked at too, even if
/// nothing new came.
async fn pass(shared: &Shared, waiting: bool) -> Result<bool, StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    // What a person asks for may be in the organisation's own words: they come with the first look.
    let Some(words) = shared.latest.borrow().as_ref().map(|snapshot| snapshot.organization.words.clone())
    else {
        return Ok(false);
    };
    let webhooks = store.take_webhooks(organization, REQUESTS).await?;
    match take_in(shared, &webhooks, &words).await {
        Err(error) if !error.is_passing() => take_in_one_by_one(shared, &webhooks, &words).await?,
        taken => taken?,
    }
    if webhooks.is_empty() && !waiting {
        return Ok(false);
    }
    let due = store.take_receipts(organization, RECEIPTS).await?;
    match apply(shared, &due).await {
        Err(error) if !error.is_passing() => apply_one_by_one(shared, &due).await?,
        applied => applied?,
    }
    Ok(!webhooks.is_empty() || !due.is_empty())
}

/// Reads requests into receipts, messages, choices and news, and says that this is done.
async fn take_in(shared: &Shared, webhooks: &[Webhook], words: &Words) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let read = Read::of(webhooks, words);
    if !read.receipts.is_empty() {
        store.keep_receipts(organization, &read.receipts).await?;
    }
    if !read.heard.is_empty() {
        store.hear(organization, &read.heard).await?;
        shared.refresh.notify_one();
    }
    if !read.news.is_empty() && store.hear_news(organization, shared.instance, &read.news).await? > 0 {
        shared.refresh.notify_one();
    }
    for news in &read.templates {
        templates::hear(shared, news).await?;
    }
    for (preference, code) in &read.preferences {
        prefer(shared, preference, code).await?;
    }
    if !webhooks.is_empty() {
        store.close_webhooks(organization, &read.closed).await?;
    }
    Ok(())
}

/// One that the database refuses must not keep the others from it, now or ever: it is closed with the cause, and stays as it
/// came.
async fn take_in_one_by_one(shared: &Shared, webhooks: &[Webhook], words: &Words) -> Result<(), StoreError> {
    for webhook in webhooks {
        match take_in(shared, std::slice::from_ref(webhook), words).await {
            Err(error) if !error.is_passing() => {
                tracing::error!(webhook.id = %webhook.id, "a report is set aside: {error}");
                let closed = [(webhook.id, Some(error.to_string()))];
                shared.store.close_webhooks(shared.organization, &closed).await?;
            }
            taken => taken?,
        }
    }
    Ok(())
}

/// What a batch of requests says.
#[derive(Default)]
struct Read {
    receipts: Vec<NewReceipt>,
    heard: Vec<NewInbound>,
    preferences: Vec<(Preference, &'static str)>,
    news: Vec<NewEvent>,
    templates: Vec<TemplateNews>,
    closed: Vec<(WebhookId, Option<String>)>,
}

impl Read {
    fn of(webhooks: &[Webhook], words: &Words) -> Self {
        let mut read = Self::default();
        for webhook in webhooks {
            let delivered = Delivered { query: &webhook.query, body: &webhook.body };
            let problem = match dialect(webhook.provider).read_report(&delivered) {
                Ok(reports) => {
                    for (place, report) in (0..).zip(reports) {
                        read.add(webhook, place, report, words);
                    }
                    None
                }
                // It stays as it came, for people to look at.
                Err(error) => Some(error.to_string()),
            };
            read.closed.push((webhook.id, problem));
        }
        read
    }

    fn add(&mut self, webhook: &Webhook, place: i32, report: Report, words: &Words) {
        let account = webhook.account;
        match report {
            Report::Receipt(receipt) => self.receipts.extend(kept_receipt(account, receipt)),
            Report::Inbound(inbound) => self.heard.push(kept_inbound(account, inbound, words)),
            Report::Preference(preference) => self.preferences.push((preference, "chosen inside WhatsApp")),
            Report::News(news) => {
                tracing::info!(account.id = %account, "the provider says: {}: {}", news.code, news.words);
                self.templates.extend(of_template(account, &news));
                self.news.push(kept_news(webhook, place, news));
            }
        }
    }
}

fn kept_receipt(account: AccountId, receipt: Receipt) -> Option<NewReceipt> {
    // Without either it says nothing about any message of ours.
    (receipt.message.is_some() || receipt.attempt.is_some()).then_some(NewReceipt {
        account,
        message: receipt.message,
        reference: receipt.attempt,
        delivery: receipt.delivery,
        at: receipt.at,
        failure: receipt.failure,
    })
}

/// As the database finds a number: by its id at the provider, or by its phone.
fn named(sender: Sender) -> (Option<String>, Option<Phone>) {
    match sender {
        Sender::Id(id) => (Some(id), None),
        Sender::Phone(phone) => (None, Some(phone)),
        Sender::Account => (None, None),
    }
}

fn kept_news(webhook: &Webhook, place: i32, news: News) -> NewEvent {
    let (sender_id, sender_phone) = named(news.sender);
    let mut event = NewEvent {
        webhook: webhook.id,
        place,
        account: webhook.account,
        sender_id,
        sender_phone,
        change: "notice",
        code: news.code,
        words: news.words,
        until: None,
        quality: None,
        reach: None,
    };
    match news.change {
        Change::Restricted { until } => (event.change, event.until) = ("restricted", until),
        Change::Reinstated => event.change = "reinstated",
        Change::Quality(quality) => (event.change, event.quality) = ("quality", Some(quality)),
        Change::Limit(limit) => (event.change, event.reach) = ("limit", Some(Reach::from(limit))),
        Change::Template { name, language, status, .. } => {
            event.change = "template";
            event.words = format!("{name} ({language}) is {status}: {}", event.words);
        }
        Change::TemplateQuality { name, language, quality, .. } => {
            event.change = "template";
            event.words = format!("{name} ({language}) is rated {quality}");
        }
        Change::Notice => {}
    }
    event
}

fn of_template(account: AccountId, news: &News) -> Option<TemplateNews> {
    let (id, name, language, status, quality) = match &news.change {
        Change::Template { id, name, language, status } => (id, name, language, Some(status.clone()), None),
        Change::TemplateQuality { id, name, language, quality } => (id, name, language, None, Some(*quality)),
        Change::Restricted { .. }
        | Change::Reinstated
        | Change::Quality(_)
        | Change::Limit(_)
        | Change::Notice => return None,
    };
    Some(TemplateNews {
        account,
        provider_id: id.clone(),
        name: name.clone(),
        language: language.clone(),
        status,
        reason: if news.words == "NONE" { String::new() } else { news.words.clone() },
        quality,
    })
}

fn kept_inbound(account: AccountId, inbound: Inbound, words: &Words) -> NewInbound {
    let (sender_id, sender_phone) = named(inbound.sender);
    let named = thread::named(&inbound.text);
    let text = named.map_or(inbound.text.as_str(), |(_, said)| said);
    NewInbound {
        account,
        sender_id,
        sender_phone,
        phone: inbound.from,
        from_id: inbound.from_id,
        profile: inbound.profile,
        message: inbound.message,
        kind: inbound.kind,
        consent: inbound.handled.or_else(|| Consent::read(text, words)),
        thread: named.map(|(thread, _)| thread),
        handled: inbound.handled.is_some(),
        body: inbound.text,
        answers: inbound.answers,
        at: inbound.at,
    }
}

/// A choice made inside WhatsApp counts as an opt-out; taking it back lifts nothing that the person said elsewhere.
async fn prefer(shared: &Shared, preference: &Preference, why: &str) -> Result<(), StoreError> {
    match preference.consent {
        Consent::Stop => {
            shared.store.suppress(shared.organization, &preference.from, "provider", why).await?;
            shared.refresh.notify_one();
            Ok(())
        }
        Consent::Start | Consent::Help => Ok(()),
    }
}

/// Records what the receipts prove of attempts whose answer is not known, and then moves the view.
async fn apply(shared: &Shared, due: &[DueReceipt]) -> Result<(), StoreError> {
    if due.is_empty() {
        return Ok(());
    }
    let judged: Vec<(Judged, &DueReceipt)> =
        due.iter().map(|receipt| (Judged::of(receipt), receipt)).collect();
    let mut proven: Vec<OutcomeRecord> =
        judged.iter().filter_map(|(judged, _)| judged.proof.clone()).collect();
    // Of several receipts of one attempt, the first proves as much as all.
    proven.sort_by_key(|record| record.attempt);
    proven.dedup_by_key(|record| record.attempt);
    if !proven.is_empty() {
        shared.store.record_outcomes(shared.organization, &proven, shared.clock().now()).await?;
    }
    let receipts: Vec<JudgedReceipt> = judged.iter().map(|(judged, _)| judged.receipt.clone()).collect();
    shared.store.apply_receipts(shared.organization, &receipts, shared.clock().now()).await?;
    for (judged, receipt) in &judged {
        let Some((failure, judgement)) = &judged.failure else { continue };
        if let Some(note) = Note::of_report(receipt, failure, judgement) {
            note.close_at_once(shared);
            if shared.measures.send(note).await.is_err() {
                tracing::error!("the warden is gone; what a report asked for was not done");
            }
        }
    }
    if judged.iter().any(|(judged, _)| judged.failure.is_some() || judged.proof.is_some()) {
        shared.refresh.notify_one();
    }
    Ok(())
}

/// As [`take_in_one_by_one`]: what is refused is looked at again, later each time.
async fn apply_one_by_one(shared: &Shared, due: &[DueReceipt]) -> Result<(), StoreError> {
    for receipt in due {
        match apply(shared, std::slice::from_ref(receipt)).await {
            Err(error) if !error.is_passing() => {
                tracing::error!(attempt.id = %receipt.attempt, "a receipt cannot be applied: {error}");
            }
            applied => applied?,
        }
    }
    Ok(())
}

/// What follows from one receipt.
struct Judged {
    receipt: JudgedReceipt,
    /// What it proves of an attempt whose answer is not known.
    proof: Option<OutcomeRecord>,
    failure: Option<(Failure, Judgement)>,
}

impl Judged {
    fn of(receipt: &DueReceipt) -> Self {
        let failure = (receipt.delivery == Delivery::Failed).then(|| {
            let failure = failure_of(receipt);
            let outcome = Outcome::Rejected(failure.clone());
            let judgement = judge::judge(&outcome, receipt.tries, receipt.never_switch);
            // Only messages with a template are refused like this.
            let stops = judgement.measure == Measure::ContentRefused
                && dialect(receipt.provider).stops_template(receipt.code.as_deref().unwrap_or_default());
            (failure, if stops { judgement.of_stopped_template(receipt.tries) } else { judgement })
        });
        let settled = JudgedReceipt {
            id: receipt.id,
            attempt: receipt.attempt,
            next: failure.as_ref().map(|(_, judgement)| judgement.next.clone()),
            reason: failure.as_ref().map(|(failure, _)| judge::reason_of(failure)),
        };
        Self { proof: proof(receipt), receipt: settled, failure }
    }
}

/// Whatever a report says of a message, the provider has it. Undelivered is for the view to undo.
fn proof(receipt: &DueReceipt) -> Option<OutcomeRecord> {
    let is_open = !matches!(receipt.state, AttemptState::Accepted | AttemptState::Undelivered);
    let provider_message_id = receipt.message.clone().filter(|_| is_open)?;
    let outcome = Outcome::Accepted { provider_message_id };
    let judgement = Judgement { next: crate::store::attempt::Next::Advance, measure: Measure::Well };
    Some(judge::record(receipt.attempt, &outcome, &judgement, None))
}

/// The failure in full: its class follows from code and words, as it did when it was read.
fn failure_of(receipt: &DueReceipt) -> Failure {
    let code = receipt.code.clone().unwrap_or_default();
    let class = dialect(receipt.provider).classify_code(&code, &receipt.words).unwrap_or(Class::Unknown);
    Failure { class, code: receipt.code.clone(), words: receipt.words.clone() }
}
