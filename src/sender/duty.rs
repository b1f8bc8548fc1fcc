//! What answers ask of the database, done until it is done: what fails for now is kept and repeated, the newest of each kind
//! and of whom it concerns. The next answer would ask again, but for somebody who was refused for good there is none.

use super::{clock::Moment, shared::Shared, warden::CONTENT_WINDOW};
use crate::domain::{
    ids::{AccountId, CampaignId, NumberId},
    phone::Phone,
};
use crate::store::{StoreError, measure::Cause};
use std::{collections::HashMap, time::Duration};

/// Most deeds that are kept.
const MOST: usize = 1_024;
/// Between the first two tries; doubles with every further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A decision about a number, an account or a campaign is not made any more so long after its answer: operators, and
/// senders whose way to the database was open, may have decided since.
const HOLDS_FOR: Duration = Duration::from_mins(10);
/// A number goes slower after a rest, however late the rest is asked for.
const LEAST_REST: Duration = Duration::from_secs(1);

/// Something to be done in the database. Doing it twice changes nothing.
#[derive(Debug, Clone)]
pub struct Deed {
    what: Act,
    /// When the answer came.
    since: Moment,
}

/// What a deed does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Takes a number out of service. `epoch`: of the lease under which the answer came; none for a report.
    SuspendNumber { number: NumberId, epoch: Option<i64>, cause: Cause, in_flight: u32 },
    /// Takes every number of an account out of service. `fenced`: only if we hold the lease of one of them.
    SuspendAccount { account: AccountId, fenced: bool, cause: Cause },
    /// Lets a number rest, from the answer on.
    Rest { number: NumberId, rest: Duration, reason: String },
    /// Lets numbers rest, from the answer on, and go slower afterwards.
    Throttle { account: AccountId, numbers: Vec<NumberId>, rest: Duration, reason: String },
    /// Writes to a person no more.
    OptOut { phone: Phone, reason: String },
    /// Pauses a campaign if so many of its last messages are too many to be refused for their content.
    WeighContent { campaign: CampaignId, refused: u32, cause: String },
    /// Pauses a campaign.
    Pause { campaign: CampaignId, reason: String },
    /// Has an account's templates listed.
    ListTemplates { account: AccountId },
    /// Says whether an account's provider answers; if not, why.
    MarkAccount { account: AccountId, unreachable: Option<String> },
}

/// What a deed is about: of two with the same key the newer one counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    SuspendNumber(NumberId),
    SuspendAccount(AccountId),
    Rest(NumberId),
    Throttle(Vec<NumberId>),
    OptOut(Phone),
    WeighContent(CampaignId),
    Pause(CampaignId),
    ListTemplates(AccountId),
    MarkAccount(AccountId),
}

impl Deed {
    /// Something that an answer asks for now.
    #[must_use]
    pub fn now(what: Act) -> Self {
        Self { what, since: Moment::now() }
    }

    fn key(&self) -> Key {
        match &self.what {
            Act::SuspendNumber { number, .. } => Key::SuspendNumber(*number),
            Act::SuspendAccount { account, .. } => Key::SuspendAccount(*account),
            Act::Rest { number, .. } => Key::Rest(*number),
            Act::Throttle { numbers, .. } => Key::Throttle(numbers.clone()),
            Act::OptOut { phone, .. } => Key::OptOut(phone.clone()),
            Act::WeighContent { campaign, .. } => Key::WeighContent(*campaign),
            Act::Pause { campaign, .. } => Key::Pause(*campaign),
            Act::ListTemplates { account } => Key::ListTemplates(*account),
            Act::MarkAccount { account, .. } => Key::MarkAccount(*account),
        }
    }

    /// What is left of the rest that it asks for.
    fn rest_left(&self) -> Option<Duration> {
        match &self.what {
            Act::Rest { rest, .. } | Act::Throttle { rest, .. } => {
                Some(rest.saturating_sub(self.since.age()))
            }
            _ => None,
        }
    }

    /// Whether it is too late for it.
    fn is_over(&self) -> bool {
        match &self.what {
            Act::OptOut { .. } | Act::ListTemplates { .. } | Act::MarkAccount { .. } => false,
            Act::Rest { .. } => self.rest_left().is_none_or(|left| left.is_zero()),
            Act::SuspendNumber { .. }
            | Act::SuspendAccount { .. }
            | Act::Throttle { .. }
            | Act::WeighContent { .. }
            | Act::Pause { .. } => self.since.age() > HOLDS_FOR,
        }
    }

    /// Does it. Answers the campaign whose refusals have been weighed and were too many: counting begins anew.
    async fn perform(&self, shared: &Shared) -> Result<Option<CampaignId>, StoreError> {
        let (store, organization, instance) = (&shared.store, shared.organization, shared.instance);
        match &self.what {
            Act::SuspendNumber { number, epoch, cause, in_flight } => {
                let suspended = store
                    .suspend_number_by_answer(organization, instance, *number, *epoch, cause, *in_flight)
                    .await?;
                if suspended {
                    tracing::error!(number.id = %number, "number suspended: {}", cause.sentence());
                }
                shared.refresh.notify_one();
            }
            Act::SuspendAccount { account, fenced, cause } => {
                let suspended =
                    store.suspend_account_by_answer(organization, instance, *account, *fenced, cause).await?;
                if suspended > 0 {
                    tracing::error!(account.id = %account, "{suspended} numbers suspended: {}", cause.sentence());
                }
                shared.refresh.notify_one();
            }
            Act::Rest { number, reason, .. } => {
                let rest = self.rest_left().unwrap_or_default();
                if store.rest_number(organization, instance, *number, rest, reason).await? {
                    tracing::warn!(number.id = %number, "number rests for {rest:?}: {reason}");
                    shared.refresh.notify_one();
                }
            }
            Act::Throttle { account, numbers, reason, .. } => {
                let rest = self.rest_left().unwrap_or_default().max(LEAST_REST);
                let count = store.throttle_numbers(organization, instance, numbers, rest, reason).await?;
                if count > 0 {
                    tracing::warn!(account.id = %account, "{count} numbers rest for {rest:?} and go slower then: {reason}");
                    shared.refresh.notify_one();
                }
            }
            Act::OptOut { phone, reason } => store.suppress(organization, phone, "provider", reason).await?,
            Act::WeighContent { campaign, refused, cause } => {
                return weigh_content(shared, *campaign, *refused, cause).await;
            }
            Act::Pause { campaign, reason } => pause(shared, *campaign, reason).await?,
            Act::ListTemplates { account } => store.ask_for_templates(organization, *account).await?,
            Act::MarkAccount { account, unreachable } => {
                store.mark_account_reachable(organization, *account, unreachable.as_deref()).await?;
            }
        }
        Ok(None)
    }
}

async fn weigh_content(
    shared: &Shared,
    campaign: CampaignId,
    refused: u32,
    cause: &str,
) -> Result<Option<CampaignId>, StoreError> {
    // Asked at every refusal, which are few: an operator's change holds from the next one on.
    let share = shared.store.content_threshold(shared.organization, campaign).await?;
    if share.least_of(CONTENT_WINDOW).is_none_or(|least| refused < least) {
        return Ok(None);
    }
    let reason = format!(
        "paused by itself: {refused} of the last {CONTENT_WINDOW} messages were refused for their content, at least \
         {share} ({cause})"
    );
    pause(shared, campaign, &reason).await?;
    Ok(Some(campaign))
}

async fn pause(shared: &Shared, campaign: CampaignId, reason: &str) -> Result<(), StoreError> {
    let store = &shared.store;
    if store.pause_campaign_by_rule(shared.organization, shared.instance, campaign, reason).await? {
        tracing::error!(campaign.id = %campaign, "{reason}");
    }
    shared.refresh.notify_one();
    Ok(())
}

/// A deed that failed for now.
struct Kept {
    deed: Deed,
    failed: Moment,
    /// So long after its failure it is tried again.
    wait: Duration,
}

impl Kept {
    /// Whether it is to be tried again by now.
    fn is_due(&self) -> bool {
        self.failed.age() >= self.wait
    }
}

/// What is still to be done.
#[derive(Default)]
pub struct Duties {
    kept: HashMap<Key, Kept>,
    /// The database was away then: nothing is tried for so long, or each answer would wait for it.
    away: Option<(Moment, Duration)>,
    weighed: Vec<CampaignId>,
}

impl Duties {
    /// Does something, or keeps it for later.
    pub async fn perform(&mut self, shared: &Shared, deed: Deed) {
        let (deed, wait) = self.merged(deed);
        if self.is_away() {
            self.keep(deed, wait.unwrap_or(FIRST_WAIT));
        } else {
            self.attempt(shared, deed, wait).await;
        }
    }

    /// Repeats what is due to be repeated, up to the first that fails again: answers wait meanwhile.
    pub async fn repeat(&mut self, shared: &Shared) {
        while !self.is_away()
            && let Some((deed, wait)) = self.next_due()
            && self.attempt(shared, deed, Some(wait)).await
        {}
    }

    /// Campaigns whose refusals were too many: they are paused, and counting begins anew.
    pub fn weighed(&mut self) -> Vec<CampaignId> {
        std::mem::take(&mut self.weighed)
    }

    /// The sender ends: everything that is kept is tried once more, unless the database is away.
    pub async fn finish(mut self, shared: &Shared) {
        let left: Vec<Deed> = self.kept.drain().map(|(_, kept)| kept.deed).collect();
        for deed in left {
            if self.is_away() {
                self.keep(deed, FIRST_WAIT);
            } else {
                self.attempt(shared, deed, None).await;
            }
        }
        if !self.kept.is_empty() {
            tracing::error!("{} measures that answers asked for were not taken", self.kept.len());
        }
    }

    /// Answers whether it is done with, well or for good.
    async fn attempt(&mut self, shared: &Shared, deed: Deed, waited: Option<Duration>) -> bool {
        match deed.perform(shared).await {
            Ok(weighed) => {
                self.away = None;
                self.weighed.extend(weighed);
                true
            }
            Err(error) if error.is_passing() => {
                let wait = waited.map_or(FIRST_WAIT, |wait| (wait * 2).min(LONGEST_WAIT));
                tracing::warn!("a measure has to wait, and is repeated in {wait:?}: {error}");
                if error.is_away() {
                    self.away = Some((Moment::now(), wait));
                }
                self.keep(deed, wait);
                false
            }
            Err(error) => {
                tracing::error!("a measure failed for good: {error}");
                true
            }
        }
    }

    fn is_away(&self) -> bool {
        self.away.is_some_and(|(since, wait)| since.age() < wait)
    }

    /// Takes what is kept under the same key away, and answers what counts of the two: the newer one, but of two rests the
    /// one that ends later. With it, how long the older one has waited between tries.
    fn merged(&mut self, deed: Deed) -> (Deed, Option<Duration>) {
        let Some(kept) = self.kept.remove(&deed.key()) else { return (deed, None) };
        let counts = if kept.deed.rest_left() > deed.rest_left() { kept.deed } else { deed };
        (counts, Some(kept.wait))
    }

    fn keep(&mut self, deed: Deed, wait: Duration) {
        if self.kept.len() >= MOST {
            tracing::error!("too many measures wait for the database: one is not taken any more");
            return;
        }
        self.kept.insert(deed.key(), Kept { deed, failed: Moment::now(), wait });
    }

    /// Takes away one that is due, and with it those that are over.
    fn next_due(&mut self) -> Option<(Deed, Duration)> {
        if self.kept.is_empty() {
            return None;
        }
        self.kept.retain(|_, kept| {
            let is_over = kept.deed.is_over();
            if is_over && kept.deed.rest_left().is_none() {
                tracing::error!("a measure could not be taken in time: {:?}", kept.deed.key());
            }
            !is_over
        });
        let due = self.kept.iter().filter(|(_, kept)| kept.is_due());
        // Who waits longest beyond its time comes first: one that keeps failing holds up no other.
        let key = due.max_by_key(|(_, kept)| kept.failed.age().saturating_sub(kept.wait))?.0.clone();
        self.kept.remove(&key).map(|kept| (kept.deed, kept.wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn asked(what: Act, ago: Duration) -> Deed {
        Deed { what, since: Moment::back(ago, ago) }
    }

    fn rest(number: NumberId, seconds: u64, ago: Duration) -> Deed {
        asked(
            Act::Rest { number, rest: SECOND * u32::try_from(seconds).unwrap(), reason: String::new() },
            ago,
        )
    }

    fn mark(account: AccountId, unreachable: Option<&str>) -> Deed {
        Deed::now(Act::MarkAccount { account, unreachable: unreachable.map(str::to_owned) })
    }

    fn opt_out() -> Act {
        Act::OptOut { phone: Phone::parse("+237600000001").unwrap(), reason: "stop".to_owned() }
    }

    /// As if everything that is kept had failed so long ago.
    fn pass(duties: &mut Duties, time: Duration) {
        duties.kept.values_mut().for_each(|kept| kept.failed = Moment::back(time, time));
    }

    #[test]
    fn what_failed_is_due_again_after_its_wait_and_once() {
        let mut duties = Duties::default();
        duties.keep(Deed::now(opt_out()), SECOND);
        assert!(duties.next_due().is_none(), "not at once");
        pass(&mut duties, SECOND * 2);
        let (deed, wait) = duties.next_due().unwrap();
        assert!(matches!(deed.what, Act::OptOut { .. }) && wait == SECOND);
        assert!(duties.next_due().is_none(), "it is taken");
    }

    #[test]
    fn of_two_about_the_same_the_newer_one_counts_and_others_stay() {
        let (mut duties, account) = (Duties::default(), AccountId::new());
        duties.keep(mark(account, Some("down")), SECOND);
        duties.keep(mark(AccountId::new(), Some("down too")), SECOND);
        let (deed, wait) = duties.merged(mark(account, None));
        assert!(matches!(deed.what, Act::MarkAccount { unreachable: None, .. }), "{deed:?}");
        assert_eq!((wait, duties.kept.len()), (Some(SECOND), 1));
        assert_eq!(duties.merged(mark(account, None)).1, None);
    }

    #[test]
    fn of_two_rests_the_one_that_ends_later_counts() {
        let (mut duties, number) = (Duties::default(), NumberId::new());
        for (older, newer, ends_in) in [
            (rest(number, 600, SECOND), rest(number, 5, Duration::ZERO), 590),
            (rest(number, 30, SECOND * 29), rest(number, 20, Duration::ZERO), 15),
        ] {
            duties.keep(older, SECOND);
            let left = duties.merged(newer).0.rest_left().unwrap();
            assert!(left > SECOND * ends_in, "{left:?}");
        }
    }

    #[test]
    fn what_is_over_is_not_repeated_and_an_opt_out_is_never_over() {
        let day = Duration::from_hours(24);
        let mut duties = Duties::default();
        duties.keep(rest(NumberId::new(), 30, SECOND * 40), SECOND);
        let pause = Act::Pause { campaign: CampaignId::new(), reason: String::new() };
        duties.keep(asked(pause, HOLDS_FOR + SECOND), SECOND);
        duties.keep(asked(opt_out(), day), SECOND);
        pass(&mut duties, day);
        assert!(matches!(duties.next_due().unwrap().0.what, Act::OptOut { .. }));
        assert!(duties.next_due().is_none() && duties.kept.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut duties = Duties::default();
        for _ in 0..MOST + 10 {
            duties.keep(mark(AccountId::new(), None), SECOND);
        }
        assert_eq!(duties.kept.len(), MOST);
    }
}
