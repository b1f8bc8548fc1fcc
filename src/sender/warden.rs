//! Does what answers ask of numbers, accounts and campaigns: suspends, rests, opens breakers, pauses. One task, so that
//! several answers with the same cause do it once. What the database cannot do now is kept and repeated ([`super::duty`]).

use super::{
    breaker::{Breaker, Change, UNREADABLE_REST, UNREADABLE_TO_REST},
    duty::{Act, Deed, Duties},
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
use crate::store::{measure::Cause, receipt::DueReceipt};
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
    let (mut books, mut duties) = (Books::default(), Duties::default());
    loop {
        match tokio::time::timeout(Duration::from_millis(200), notes.recv()).await {
            Ok(Some(note)) => {
                for act in books.judge(&shared, &note) {
                    duties.perform(&shared, Deed::now(act)).await;
                }
            }
            Ok(None) => break,
            Err(_) if shared.ended() => break,
            Err(_) => {}
        }
        duties.repeat(&shared).await;
        for campaign in duties.weighed() {
            // It was paused: whoever resumes it begins anew.
            books.contents.remove(&campaign);
        }
    }
    duties.finish(&shared).await;
}

impl Books {
    /// Counts an answer, and says what it asks of the database.
    fn judge(&mut self, shared: &Shared, note: &Note) -> Vec<Act> {
        match &note.measure {
            Measure::Well => self.well(shared, note).into_iter().collect(),
            Measure::SuspendNumber => suspend_number(shared, note).into_iter().collect(),
            Measure::RestNumber(rest) => vec![rest_number(shared, note, *rest)],
            Measure::ThrottleNumber(rest) => vec![throttle(shared, note, vec![note.number], *rest)],
            Measure::ThrottleAccount(rest) => {
                vec![throttle(shared, note, numbers_of(shared, note.account), *rest)]
            }
            Measure::ThrottleApp(rest) => vec![throttle(shared, note, numbers_sharing(shared, note), *rest)],
            Measure::SuspendAccount => vec![Act::SuspendAccount {
                account: note.account,
                fenced: !note.is_reported,
                cause: note.cause.clone(),
            }],
            Measure::RestAccount(rest) => {
                let reason = note.cause.sentence();
                let rest = |number| Act::Rest { number, rest: *rest, reason: reason.clone() };
                numbers_of(shared, note.account).into_iter().map(rest).collect()
            }
            Measure::OptOut => {
                vec![Act::OptOut { phone: note.phone.clone(), reason: note.cause.sentence() }]
            }
            Measure::ContentRefused => self.content_refused(note).into_iter().collect(),
            Measure::TemplateStopped => template_stopped(note),
            Measure::ProviderFault { .. } => self.provider_fault(shared, note).into_iter().collect(),
            Measure::UnknownRefusal => self.unknown_refusal(shared, note).into_iter().collect(),
        }
    }

    fn well(&mut self, shared: &Shared, note: &Note) -> Option<Act> {
        self.unreadable.remove(&note.number);
        if let Some(campaign) = note.campaign {
            self.note_content(campaign, None);
        }
        if self.breakers.entry(note.account).or_default().success() != Change::Closed {
            return None;
        }
        shared.set_breaker(note.account, None);
        tracing::info!(account.id = %note.account, "the provider answers again");
        Some(Act::MarkAccount { account: note.account, unreachable: None })
    }

    fn provider_fault(&mut self, shared: &Shared, note: &Note) -> Option<Act> {
        let resting = shared.open_breakers().contains_key(&note.account);
        let Change::Open(rest) = self.breakers.entry(note.account).or_default().fault(resting) else {
            return None;
        };
        shared.set_breaker(note.account, Some(rest));
        let reason = note.cause.sentence();
        tracing::warn!(account.id = %note.account, "the provider does not answer well, resting {rest:?}: {reason}");
        Some(Act::MarkAccount { account: note.account, unreachable: Some(reason) })
    }

    fn unknown_refusal(&mut self, shared: &Shared, note: &Note) -> Option<Act> {
        let count = self.unreadable.entry(note.number).or_default();
        *count += 1;
        if *count < UNREADABLE_TO_REST {
            return None;
        }
        *count = 0;
        Some(rest_number(shared, note, UNREADABLE_REST))
    }

    fn content_refused(&mut self, note: &Note) -> Option<Act> {
        // The text of one reply says nothing about others.
        let campaign = note.campaign?;
        let cause = note.cause.code.clone().unwrap_or_else(|| note.cause.class.to_owned());
        let refused = self.note_content(campaign, Some(cause));
        Some(Act::WeighContent { campaign, refused, cause: note.cause.sentence() })
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
fn template_stopped(note: &Note) -> Vec<Act> {
    let reason = format!("paused by itself: the provider refused its template ({})", note.cause.sentence());
    let pause = note.campaign.map(|campaign| Act::Pause { campaign, reason });
    pause.into_iter().chain([Act::ListTemplates { account: note.account }]).collect()
}

fn suspend_number(shared: &Shared, note: &Note) -> Option<Act> {
    let epoch = shared.epoch(note.number);
    if epoch.is_none() && !note.is_reported {
        return None;
    }
    Some(Act::SuspendNumber {
        number: note.number,
        // A report needs no lease, and is not held up by one that moves meanwhile.
        epoch: epoch.filter(|_| !note.is_reported),
        cause: note.cause.clone(),
        in_flight: shared.in_air(),
    })
}

fn rest_number(shared: &Shared, note: &Note, rest: Duration) -> Act {
    shared.close_number(note.number, rest);
    Act::Rest { number: note.number, rest, reason: note.cause.sentence() }
}

/// Rests numbers and slows them down, in the database: whoever sends through them next goes slower too.
fn throttle(shared: &Shared, note: &Note, numbers: Vec<NumberId>, rest: Duration) -> Act {
    for number in &numbers {
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
    Act::Throttle { account: note.account, numbers, rest, reason }
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
