//! From facts to holds: what closes each gate, asked once for everybody.
//!
//! The sender plans by these functions, and the console and `why` show what they answer. Each answers everything that is
//! closed, in the order of the gates; the sender stops at the first.

use super::{BreakerScope, CapScope, Hold};
use crate::domain::campaign::{CampaignState, rollout, terms::Terms};
use crate::domain::number::NumberState;
use crate::domain::recipient::RecipientState;
use crate::domain::text::Safe;
use chrono::{DateTime, Utc};

/// When something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The moment.
    pub at: DateTime<Utc>,
    /// When the organisation's next day begins: full days open then.
    pub midnight: DateTime<Utc>,
}

/// What bears on everything of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrganizationFacts<'a> {
    /// Who stopped all sending.
    pub stopped_by: Option<&'a str>,
    /// From when on nothing is sent any more.
    pub subscription_ends: Option<DateTime<Utc>>,
    /// Senders that are alive. Whoever asks as a sender is one itself.
    pub senders: u32,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Charged today.
    pub used_today: u32,
}

/// What an operator or a provider's answer made of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service<'a> {
    /// It may send.
    Active,
    /// It rests until a time.
    Limited {
        /// When it goes on.
        until: DateTime<Utc>,
        /// Why it rests.
        reason: &'a str,
    },
    /// Out of service.
    Suspended {
        /// Why.
        reason: &'a str,
        /// When it ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// In service, and the sender that holds its lease cannot make it ready.
    Unusable {
        /// Why not.
        reason: &'a str,
    },
    /// Switched off.
    Disabled,
}

impl<'a> Service<'a> {
    /// The same where it is known why the sender cannot make it ready. Who took it out of service had a reason that comes first.
    #[must_use]
    pub fn or_unusable(self, why: Option<&'a str>) -> Self {
        match (self, why) {
            (Self::Active | Self::Limited { .. }, Some(reason)) => Self::Unusable { reason },
            (service, _) => service,
        }
    }
}

impl<'a> From<&'a NumberState> for Service<'a> {
    fn from(state: &'a NumberState) -> Self {
        match state {
            NumberState::Active => Self::Active,
            NumberState::Limited { until, reason } => Self::Limited { until: *until, reason },
            NumberState::Suspended(suspension) => {
                Self::Suspended { reason: &suspension.reason, until: suspension.until }
            }
            NumberState::Disabled => Self::Disabled,
        }
    }
}

/// What the account's cap over 24 hours leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRoom {
    /// Most people in a moving 24 hours, over all its numbers.
    pub limit: u32,
    /// Those who count now.
    pub used: u32,
    /// When the next of them counts no more, if it is full.
    pub opens: Option<DateTime<Utc>>,
}

impl AccountRoom {
    /// People that its numbers may still begin to talk to.
    #[must_use]
    pub fn left(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// What bears on whether a number may send at all, lease and pace aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFacts<'a> {
    /// Whether it is in service.
    pub service: Service<'a>,
    /// Rests that only the sending process knows, with whose they are and when they end.
    pub breakers: [Option<(BreakerScope, DateTime<Utc>)>; 2],
    /// What is left of its account's cap, if it has one.
    pub account: Option<AccountRoom>,
    /// Most messages today, the warm-up included.
    pub daily_limit: Option<u32>,
    /// The day of its warm-up that makes this limit.
    pub warm_up: Option<u32>,
    /// Charged today.
    pub used_today: u32,
}

/// Who may send through a number now, as seen by whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease<'a> {
    /// We may; or, to somebody who only looks, some living instance may.
    Held,
    /// Another instance may.
    HeldBy(&'a str),
    /// Nobody has taken it.
    Free,
}

/// What bears on a campaign as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignFacts<'a> {
    /// Where it is in its life.
    pub state: CampaignState,
    /// When it starts by itself.
    pub starts_at: Option<DateTime<Utc>>,
    /// Who changed it last.
    pub changed_by: &'a str,
    /// When and in which order it may send.
    pub terms: &'a Terms,
    /// The campaign that runs, where this is a standing one that waits for it.
    pub yields_to: Option<&'a str>,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Charged today.
    pub used_today: u32,
}

/// What bears on one person's message, its campaign and number aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipientFacts<'a> {
    /// The state of its current step.
    pub state: RecipientState,
    /// Whether the person asked not to be written to.
    pub opted_out: bool,
    /// When the step is due; `None`: as soon as its turn comes.
    pub due_at: Option<DateTime<Utc>>,
    /// Tries of this step so far.
    pub tries: u32,
    /// What the last try met.
    pub reason: Option<&'a str>,
    /// Since when nobody knows what became of the last try.
    pub in_doubt_since: Option<DateTime<Utc>>,
}

/// What keeps the whole organisation from sending.
pub fn of_organization(facts: &OrganizationFacts<'_>, now: Now) -> impl Iterator<Item = Hold> {
    let stopped = facts.stopped_by.map(|by| Hold::SendingStopped { by: Safe::new(by).into_string() });
    let ended = facts.subscription_ends.filter(|ends| *ends <= now.at);
    let ended = ended.map(|since| Hold::SubscriptionEnded { since });
    let alone = (facts.senders == 0).then_some(Hold::NoSender);
    let cap = full(CapScope::Organization, facts.daily_limit, facts.used_today, now);
    [stopped, ended, alone, cap].into_iter().flatten()
}

/// What keeps a number from sending at all, lease and pace aside. Suspensions and rests that are over keep nothing.
pub fn of_number(facts: &NumberFacts<'_>, now: Now) -> impl Iterator<Item = Hold> {
    let clean = |reason: &str| Safe::new(reason).into_string();
    let service = match facts.service {
        Service::Disabled => Some(Hold::NumberDisabled),
        Service::Suspended { reason, until } if until.is_none_or(|until| until > now.at) => {
            Some(Hold::NumberSuspended { reason: clean(reason), until })
        }
        Service::Limited { until, reason } if until > now.at => {
            Some(Hold::NumberLimited { reason: clean(reason), until })
        }
        Service::Unusable { reason } => Some(Hold::NumberUnusable { reason: clean(reason) }),
        Service::Active | Service::Suspended { .. } | Service::Limited { .. } => None,
    };
    // Both have to be over: the one that lasts longer is the one that counts.
    let breaker = facts
        .breakers
        .into_iter()
        .flatten()
        .filter(|(_, until)| *until > now.at)
        .max_by_key(|(_, until)| *until)
        .map(|(scope, until)| Hold::BreakerOpen { scope, until });
    let account = facts.account.filter(|account| account.left() == 0).map(|account| Hold::CapReached {
        scope: CapScope::Account,
        limit: account.limit,
        opens: account.opens.filter(|_| account.limit > 0),
    });
    let scope = facts.warm_up.map_or(CapScope::Number, |day| CapScope::WarmUp { day });
    let cap = full(scope, facts.daily_limit, facts.used_today, now);
    [service, breaker, account, cap].into_iter().flatten()
}

/// What keeps whoever asks from sending through a number that may send.
#[must_use]
pub fn of_lease(lease: Lease<'_>) -> Option<Hold> {
    match lease {
        Lease::Held => None,
        Lease::HeldBy(holder) => Some(Hold::NoLease { holder: Some(Safe::new(holder).into_string()) }),
        Lease::Free => Some(Hold::NoLease { holder: None }),
    }
}

/// What keeps a campaign as a whole, its numbers aside.
pub fn of_campaign(facts: &CampaignFacts<'_>, now: Now) -> impl Iterator<Item = Hold> {
    let life = match facts.state {
        CampaignState::Active => {
            facts.yields_to.map(|name| Hold::Yields { to: Safe::new(name).into_string() })
        }
        CampaignState::Draft => Some(Hold::CampaignDraft),
        CampaignState::Scheduled => Some(waits_for_start(facts)),
        CampaignState::Paused => {
            Some(Hold::CampaignPaused { by: Some(Safe::new(facts.changed_by).into_string()) })
        }
        CampaignState::Completed | CampaignState::Cancelled => {
            Some(Hold::CampaignFinished { state: facts.state })
        }
    };
    let cap = full(CapScope::Campaign, facts.daily_limit, facts.used_today, now);
    // What does not run waits for nobody's clock.
    let runs = facts.state == CampaignState::Active;
    let late = facts.terms.expires_at.filter(|late| runs && *late <= now.at);
    let late = late.map(|since| Hold::TooLate { since });
    let stage = facts.terms.rollout.as_ref().filter(|_| runs).map(|stage| Hold::RolloutStage {
        percent: stage.percent,
        why: Safe::new(&stage.why).into_string(),
        until: stage.until,
    });
    let times = (runs && facts.terms.times_change).then_some(Hold::TimesChange);
    let closed = facts.terms.calendar.closed(now.at).filter(|_| runs);
    let closed = closed.map(|closed| Hold::QuietHours { opens: closed.opens });
    [life, stage, times, late, closed, cap].into_iter().flatten()
}

/// What a scheduled campaign waits for: somebody's decision, another campaign, or its time.
fn waits_for_start(facts: &CampaignFacts<'_>) -> Hold {
    if let Some(at) = facts.terms.missed_at {
        return Hold::StartMissed { at };
    }
    let before = facts.terms.run_after.as_ref().filter(|before| before.state != CampaignState::Completed);
    before.map_or(Hold::CampaignScheduled { starts: facts.starts_at }, |before| Hold::RunsAfter {
        campaign: Safe::new(&before.name).into_string(),
        cancelled: before.state == CampaignState::Cancelled,
    })
}

/// What keeps one person's message, its campaign and number aside. What is on the wire or has ended waits for nothing.
pub fn of_recipient(facts: &RecipientFacts<'_>, now: Now) -> impl Iterator<Item = Hold> {
    let queued = facts.state == RecipientState::Queued;
    let consent = (queued && facts.opted_out).then_some(Hold::OptedOut);
    let doubt = (facts.state == RecipientState::InDoubt)
        .then(|| Hold::InDoubt { since: facts.in_doubt_since.unwrap_or(now.at) });
    let due = facts.due_at.filter(|due| queued && *due > now.at).map(|due| {
        if rollout::is_kept_back(due) {
            return Hold::KeptBack;
        }
        if facts.tries == 0 {
            return Hold::NotDue { due };
        }
        let reason = facts.reason.unwrap_or("refused").replace('_', " ");
        Hold::RetryLater { until: due, reason: Safe::new(&reason).into_string() }
    });
    [consent, doubt, due].into_iter().flatten()
}

/// The hold of a daily cap that is full. A cap of nothing opens when somebody raises it, not at midnight.
fn full(scope: CapScope, limit: Option<u32>, used: u32, now: Now) -> Option<Hold> {
    let limit = limit.filter(|limit| used >= *limit)?;
    Some(Hold::CapReached { scope, limit, opens: (limit > 0).then_some(now.midnight) })
}
