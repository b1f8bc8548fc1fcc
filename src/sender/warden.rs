//! Does what answers ask of numbers, accounts and campaigns: suspends, rests, opens breakers, pauses. One task, so that
//! several answers with the same cause do it once.

use super::{
    breaker::{Breaker, Change, UNREADABLE_REST, UNREADABLE_TO_REST},
    flight::Flight,
    judge::{Judgement, Measure},
    shared::Shared,
};
use crate::domain::{
    ids::{AccountId, CampaignId, NumberId},
    number::ProviderKind,
    outcome::{Failure, Outcome},
    phone::Phone,
};
use crate::store::{StoreError, measure::Cause, receipt::DueReceipt};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// How long a number that was refused stays closed in this process at the least: long enough for the database to say so.
const CLOSE_AT_ONCE: Duration = Duration::from_secs(10);
/// The last messages of a campaign among which refusals of one content cause are counted.
pub const CONTENT_WINDOW: u32 = 50;

/// What one answer asks for.
pub struct Note {
    measure: Measure,
    number: NumberId,
    account: AccountId,
    provider: ProviderKind,
    campaign: Option<CampaignId>,
    phone: Phone,
    cause: Cause,
    /// It was reported, to whoever listens: no lease of ours is behind it.
    is_reported: bool,
}

impl Note {
    /// What a failure asks for that the provider reported afterwards; `None`: nothing, or the report is too old to say how
    /// the number is now.
    #[must_use]
    pub fn of_report(receipt: &DueReceipt, failure: &Failure, judgement: &Judgement) -> Option<Self> {
        let asks = match &judgement.measure {
            Measure::OptOut => true,
            Measure::SuspendNumber
            | Measure::RestNumber(_)
            | Measure::ThrottleNumber(_)
            | Measure::SuspendAccount
            | Measure::RestAccount(_)
            | Measure::ThrottleAccount(_)
            | Measure::ThrottleApp(_)
            | Measure::ContentRefused
            | Measure::TemplateStopped => receipt.is_recent,
            // The provider took the message: neither the way to it nor its answers were at fault.
            Measure::ProviderFault { .. } | Measure::UnknownRefusal | Measure::Well => false,
        };
        asks.then(|| Self {
            measure: judgement.measure.clone(),
            number: receipt.number,
            account: receipt.account,
            provider: receipt.provider,
            campaign: receipt.campaign,
            phone: receipt.phone.clone(),
            cause: cause(failure),
            is_reported: true,
        })
    }

    /// What this outcome asks for; `None`: nothing that is not counted elsewhere.
    #[must_use]
    pub fn of(flight: &Flight, outcome: &Outcome, judgement: &Judgement) -> Option<Self> {
        let failure = outcome.failure();
        if judgement.measure == Measure::Well && failure.is_some() {
            return None;
        }
        Some(Self {
            measure: judgement.measure.clone(),
            number: flight.message.number,
            account: flight.line.account,
            provider: flight.line.kind(),
            campaign: flight.message.campaign(),
            phone: flight.message.phone.clone(),
            cause: failure
                .map_or_else(|| Cause { class: "accepted", code: None, words: String::new() }, cause),
            is_reported: false,
        })
    }

    /// Takes out of this process's own plan what the answer takes out of service, at once and without the database.
    pub fn close_at_once(&self, shared: &Shared) {
        match &self.measure {
            Measure::SuspendNumber => shared.close_number(self.number, CLOSE_AT_ONCE),
            Measure::RestNumber(rest) | Measure::ThrottleNumber(rest) => {
                shared.close_number(self.number, *rest);
            }
            Measure::SuspendAccount => {
                for number in numbers_of(shared, self.account) {
                    shared.close_number(number, CLOSE_AT_ONCE);
                }
            }
            Measure::RestAccount(rest) | Measure::ThrottleAccount(rest) => {
                shared.set_breaker(self.account, Some(*rest));
            }
            Measure::ThrottleApp(rest) => {
                for number in numbers_sharing(shared, self) {
                    shared.close_number(number, *rest);
                }
            }
            Measure::TemplateStopped => {
                self.campaign.into_iter().for_each(|campaign| shared.close_campaign(campaign));
            }
            Measure::OptOut
            | Measure::ContentRefused
            | Measure::ProviderFault { .. }
            | Measure::UnknownRefusal
            | Measure::Well => {}
        }
    }
}

fn cause(failure: &Failure) -> Cause {
    Cause { class: failure.class.name(), code: failure.code.clone(), words: failure.words.clone() }
}

#[derive(Default)]
struct Books {
    breakers: HashMap<AccountId, Breaker>,
    unreadable: HashMap<NumberId, u32>,
    contents: HashMap<CampaignId, VecDeque<Option<String>>>,
}

/// Runs until the sender ends.
pub async fn guard(shared: Arc<Shared>, mut notes: mpsc::Receiver<Note>) {
    let mut books = Books::default();
    loop {
        match tokio::time::timeout(Duration::from_millis(200), notes.recv()).await {
            Ok(Some(note)) => {
                if let Err(error) = books.act(&shared, &note).await {
                    tracing::error!(
                        "a measure failed and will be asked for again by the next answer: {error}"
                    );
                }
            }
            Ok(None) => return,
            Err(_) if shared.ended() => return,
            Err(_) => {}
        }
    }
}

impl Books {
    async fn act(&mut self, shared: &Shared, note: &Note) -> Result<(), StoreError> {
        match &note.measure {
            Measure::Well => {
                self.unreadable.remove(&note.number);
                if let Some(campaign) = note.campaign {
                    self.note_content(campaign, None);
                }
                if self.breakers.entry(note.account).or_default().success() == Change::Closed {
                    shared.set_breaker(note.account, None);
                    tracing::info!(account.id = %note.account, "the provider answers again");
                    shared.store.mark_account_reachable(shared.organization, note.account, None).await?;
                }
                Ok(())
            }
            Measure::SuspendNumber => suspend_number(shared, note).await,
            Measure::RestNumber(rest) => rest_number(shared, note, *rest).await,
            Measure::ThrottleNumber(rest) => throttle(shared, note, &[note.number], *rest).await,
            Measure::ThrottleAccount(rest) => {
                throttle(shared, note, &numbers_of(shared, note.account), *rest).await
            }
            Measure::ThrottleApp(rest) => throttle(shared, note, &numbers_sharing(shared, note), *rest).await,
            Measure::SuspendAccount => suspend_account(shared, note).await,
            Measure::RestAccount(rest) => {
                for number in numbers_of(shared, note.account) {
                    shared
                        .store
                        .rest_number(
                            shared.organization,
                            shared.instance,
                            number,
                            *rest,
                            &note.cause.sentence(),
                        )
                        .await?;
                }
                Ok(())
            }
            Measure::OptOut => {
                let reason = note.cause.sentence();
                shared.store.suppress(shared.organization, &note.phone, "provider", &reason).await
            }
            Measure::ContentRefused => self.content_refused(shared, note).await,
            Measure::TemplateStopped => template_stopped(shared, note).await,
            Measure::ProviderFault { .. } => self.provider_fault(shared, note).await,
            Measure::UnknownRefusal => {
                let count = self.unreadable.entry(note.number).or_default();
                *count += 1;
                if *count < UNREADABLE_TO_REST {
                    return Ok(());
                }
                *count = 0;
                rest_number(shared, note, UNREADABLE_REST).await
            }
        }
    }

    async fn provider_fault(&mut self, shared: &Shared, note: &Note) -> Result<(), StoreError> {
        let resting = shared.open_breakers().contains_key(&note.account);
        if let Change::Open(rest) = self.breakers.entry(note.account).or_default().fault(resting) {
            shared.set_breaker(note.account, Some(rest));
            let reason = note.cause.sentence();
            tracing::warn!(account.id = %note.account, "the provider does not answer well, resting {rest:?}: {reason}");
            shared.store.mark_account_reachable(shared.organization, note.account, Some(&reason)).await?;
        }
        Ok(())
    }

    async fn content_refused(&mut self, shared: &Shared, note: &Note) -> Result<(), StoreError> {
        // The text of one reply says nothing about others.
        let Some(campaign) = note.campaign else { return Ok(()) };
        let cause = note.cause.code.clone().unwrap_or_else(|| note.cause.class.to_owned());
        let refused = self.note_content(campaign, Some(cause));
        // Asked at every refusal, which are few: an operator's change holds from the next one on.
        let share = shared.store.content_threshold(shared.organization, campaign).await?;
        if share.least_of(CONTENT_WINDOW).is_none_or(|least| refused < least) {
            return Ok(());
        }
        let reason = format!(
            "paused by itself: {refused} of the last {CONTENT_WINDOW} messages were refused for their content, at least \
             {share} ({})",
            note.cause.sentence()
        );
        if shared
            .store
            .pause_campaign_by_rule(shared.organization, shared.instance, campaign, &reason)
            .await?
        {
            tracing::error!(campaign.id = %campaign, "{reason}");
        }
        self.contents.remove(&campaign);
        shared.refresh.notify_one();
        Ok(())
    }

    /// Keeps the last messages of a campaign and answers how many were refused for this cause.
    fn note_content(&mut self, campaign: CampaignId, refused: Option<String>) -> u32 {
        if refused.is_none() && !self.contents.contains_key(&campaign) {
            return 0;
        }
        let window = self.contents.entry(campaign).or_default();
        if window.len() == CONTENT_WINDOW as usize {
            window.pop_front();
        }
        window.push_back(refused);
        let last = window.back().cloned().flatten();
        let same = |cause: String| window.iter().flatten().filter(|each| **each == cause).count();
        last.map_or(0, |cause| u32::try_from(same(cause)).unwrap_or(u32::MAX))
    }
}

/// Whoever comes next would be refused too: the campaign stops at the first word of it. The whole list is asked for, which
/// stops the other campaigns that use the template.
async fn template_stopped(shared: &Shared, note: &Note) -> Result<(), StoreError> {
    let reason = format!("paused by itself: the provider refused its template ({})", note.cause.sentence());
    let store = &shared.store;
    if let Some(campaign) = note.campaign
        && store.pause_campaign_by_rule(shared.organization, shared.instance, campaign, &reason).await?
    {
        tracing::error!(campaign.id = %campaign, "{reason}");
    }
    shared.refresh.notify_one();
    store.ask_for_templates(shared.organization, note.account).await
}

async fn suspend_number(shared: &Shared, note: &Note) -> Result<(), StoreError> {
    let epoch = shared.epoch(note.number);
    if epoch.is_none() && !note.is_reported {
        return Ok(());
    }
    // A report needs no lease, and is not held up by one that moves meanwhile.
    let epoch = epoch.filter(|_| !note.is_reported);
    let in_flight = shared.in_air();
    let suspended = shared
        .store
        .suspend_number_by_answer(
            shared.organization,
            shared.instance,
            note.number,
            epoch,
            &note.cause,
            in_flight,
        )
        .await?;
    if suspended {
        tracing::error!(number.id = %note.number, "number suspended: {}", note.cause.sentence());
    }
    shared.refresh.notify_one();
    Ok(())
}

async fn rest_number(shared: &Shared, note: &Note, rest: Duration) -> Result<(), StoreError> {
    shared.close_number(note.number, rest);
    let reason = note.cause.sentence();
    if shared.store.rest_number(shared.organization, shared.instance, note.number, rest, &reason).await? {
        tracing::warn!(number.id = %note.number, "number rests for {rest:?}: {reason}");
        shared.refresh.notify_one();
    }
    Ok(())
}

/// Rests numbers and slows them down, in the database: whoever sends through them next goes slower too.
async fn throttle(
    shared: &Shared,
    note: &Note,
    numbers: &[NumberId],
    rest: Duration,
) -> Result<(), StoreError> {
    for number in numbers {
        shared.close_number(*number, rest);
    }
    let whose = match note.measure {
        Measure::ThrottleAccount(_) => "account ",
        Measure::ThrottleApp(_) => "application ",
        _ => "",
    };
    let said = note.cause.sentence();
    let said = said.strip_prefix("throttled").unwrap_or(&said);
    let reason = format!("{whose}throttled by {}{said}", note.provider.title());
    let store = &shared.store;
    let count = store.throttle_numbers(shared.organization, shared.instance, numbers, rest, &reason).await?;
    if count > 0 {
        tracing::warn!(account.id = %note.account, "{count} numbers rest for {rest:?} and go slower then: {reason}");
        shared.refresh.notify_one();
    }
    Ok(())
}

async fn suspend_account(shared: &Shared, note: &Note) -> Result<(), StoreError> {
    let suspended = shared
        .store
        .suspend_account_by_answer(
            shared.organization,
            shared.instance,
            note.account,
            !note.is_reported,
            &note.cause,
        )
        .await?;
    if suspended > 0 {
        tracing::error!(account.id = %note.account, "{suspended} numbers suspended: {}", note.cause.sentence());
    }
    shared.refresh.notify_one();
    Ok(())
}

/// The numbers that use the same credential, of whichever account; those of the account where nobody knows.
fn numbers_sharing(shared: &Shared, note: &Note) -> Vec<NumberId> {
    let sharing = shared.lines().sharing_credential(note.number);
    if sharing.is_empty() { numbers_of(shared, note.account) } else { sharing }
}

fn numbers_of(shared: &Shared, account: AccountId) -> Vec<NumberId> {
    let latest = shared.latest.borrow();
    latest
        .iter()
        .flat_map(|snapshot| &snapshot.numbers)
        .filter(|view| view.number.account == account)
        .map(|view| view.number.id)
        .collect()
}
