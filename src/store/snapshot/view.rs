//! What a look at an organisation shows: plain values, read by the plan.

use crate::domain::{
    campaign::{CampaignState, Failover, terms::Terms},
    consent::Words,
    content::{Shape, StepContent, registry::Registry},
    health::Quality,
    hold::facts::AccountRoom,
    ids::{AccountId, CampaignId, InstanceId, NumberId, OrganizationId, PoolId},
    number::{Number, ProviderKind},
    selection::Strategy,
    text::Safe,
    warm_up::Rung,
};
use crate::store::today::{Queue, Slowed};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;

/// The organisation, as the sender needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationView {
    /// Which one.
    pub id: OrganizationId,
    /// Its short name.
    pub slug: String,
    /// IANA name of its zone.
    pub time_zone: String,
    /// Language of last resort.
    pub default_locale: String,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Messages charged today.
    pub used_today: u32,
    /// Who pressed the panic key, if somebody did.
    pub stopped_by: Option<String>,
    /// From when on nothing is sent any more.
    pub subscription_ends: Option<DateTime<Utc>>,
    /// The number of last resort.
    pub default_number: Option<NumberId>,
    /// Only reaches loopback addresses; may run on another clock.
    pub rehearsal: bool,
    /// Its own words for STOP and START.
    pub words: Words,
}

/// A number with everything that bears on whether it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberView {
    /// What it is and what state it is in.
    pub number: Number,
    /// Its display name.
    pub name: String,
    /// The provider's id of it.
    pub instance_id: String,
    /// The account's name.
    pub account_name: String,
    /// Messages charged today.
    pub used_today: u32,
    /// Its own daily limit, without the warm-up.
    pub own_limit: Option<u32>,
    /// What its warm-up allows today, tomorrow, and so on; empty: it is through.
    pub rungs: Vec<u32>,
    /// The rung of its warm-up, if that makes its limit of today.
    pub warm_up: Option<Rung>,
    /// What is left of its account's cap over 24 hours, if it has one.
    pub account_room: Option<AccountRoom>,
    /// Why it goes slower than its own pace, if it does; its pacing is the slower one then.
    pub slowed: Option<Slowed>,
    /// The gateway's own queue, if it keeps one.
    pub queue: Option<Queue>,
    /// How people take what it sends, where the provider says so.
    pub quality: Option<Quality>,
    /// Of its daily limit, what campaigns leave to replies today.
    pub held_back: u32,
    /// Percent of its daily limit and rate that only replies may use.
    pub reply_share: u32,
    /// Replies that are due, up to a hundred.
    pub replies_due: u32,
    /// When its next slot opens.
    pub next_send_at: Option<DateTime<Utc>>,
    /// When its next slot for a reply opens.
    pub next_reply_at: Option<DateTime<Utc>>,
    /// When it last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Who holds its lease now, and under which epoch.
    pub lease: Option<(InstanceId, i64)>,
    /// Why its holder cannot send through it at all.
    pub unusable: Option<String>,
    /// Which version of the row this is.
    pub revision: i64,
}

impl NumberView {
    /// So many messages were claimed for it since this look. Answers whose it is.
    pub fn claimed(&mut self, count: u32) -> AccountId {
        self.used_today += count;
        if let Some(queue) = &mut self.queue {
            queue.waiting = queue.waiting.map(|waiting| waiting + count);
        }
        self.number.account
    }

    /// Most messages of campaigns today.
    #[must_use]
    pub fn campaign_limit(&self) -> Option<u32> {
        self.number.daily_limit.map(|limit| limit.saturating_sub(self.held_back))
    }

    /// What operators call it: its name, or its masked phone.
    #[must_use]
    pub fn called(&self) -> Safe {
        if self.name.is_empty() { Safe::new(&self.number.phone.masked()) } else { Safe::new(&self.name) }
    }
}

/// What a line needs to reach the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Which one.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Which provider.
    pub provider: ProviderKind,
    /// WABA id or Account SID.
    pub external_id: String,
    /// The sealed token.
    pub sealed_token: String,
    /// Where the provider is reached, if not where it usually is.
    pub base_url: Option<String>,
    /// What is known of the templates that the campaigns of this look name.
    pub templates: Registry,
    /// What is left of its cap over 24 hours, if it has one.
    pub room: Option<AccountRoom>,
    /// Which version of the row this is.
    pub revision: i64,
}

impl AccountView {
    /// Messages to so many people were claimed since this look, as far as one can tell.
    pub fn claimed(&mut self, count: u32) {
        if let Some(room) = &mut self.room {
            room.used = room.used.saturating_add(count).min(room.limit);
        }
    }
}

/// A pool and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    /// Which one.
    pub id: PoolId,
    /// Its name.
    pub name: String,
    /// How it picks.
    pub strategy: Strategy,
    /// Whether a recipient keeps its number.
    pub sticky: bool,
    /// Its numbers.
    pub numbers: Vec<NumberId>,
    /// The weight of each, in the same order.
    pub weights: Vec<u32>,
}

impl PoolView {
    /// A member's share; one where it is no member.
    #[must_use]
    pub fn weight_of(&self, number: NumberId) -> u32 {
        let place = self.numbers.iter().position(|member| *member == number);
        place.and_then(|place| self.weights.get(place)).copied().unwrap_or(1)
    }
}

/// A campaign with everything that bears on whether it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignView {
    /// Which one.
    pub id: CampaignId,
    /// Its name.
    pub name: String,
    /// Lower goes first.
    pub priority: i32,
    /// Its share among equals.
    pub weight: u32,
    /// Where it is in its life: active, unless it was asked for by name.
    pub state: CampaignState,
    /// When it starts by itself.
    pub starts_at: Option<DateTime<Utc>>,
    /// Who changed it last.
    pub changed_by: String,
    /// The campaign that runs, where this is a standing one that waits for it.
    pub yields_to: Option<String>,
    /// Through which pool.
    pub pool: PoolId,
    /// Most messages a day.
    pub daily_limit: Option<u32>,
    /// Messages charged today.
    pub used_today: u32,
    /// Recipients that are queued, due or not.
    pub queued: u64,
    /// Recipients with an attempt on the wire.
    pub sending: u64,
    /// What happens to a message whose number is refused.
    pub failover: Failover,
    /// The only number that may send for it, if there is one.
    pub only_number: Option<NumberId>,
    /// When and in which order it may send.
    pub terms: Terms,
    /// When its earliest put-back work or later step is due.
    pub next_due: Option<DateTime<Utc>>,
    /// What its steps carry, of those that are more than text; empty: every number can send it.
    pub shapes: Vec<StepShape>,
    /// Which version of the row this is.
    pub revision: i64,
}

impl CampaignView {
    /// Whether this number may send for it at all.
    #[must_use]
    pub fn may_use(&self, number: NumberId) -> bool {
        self.only_number.is_none_or(|only| only == number)
    }

    /// Whether a message stays with its number, or with one that people take for the same.
    #[must_use]
    pub fn never_switch(&self) -> bool {
        self.failover != Failover::Pool
    }

    /// The names of the templates that its steps carry.
    pub(super) fn templates(&self) -> impl Iterator<Item = String> {
        self.shapes.iter().filter_map(|step| Some(step.shape.template.as_ref()?.name.clone()))
    }
}

/// What a step carries, as far as it decides who can send it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct StepShape {
    /// Which step.
    pub step: i16,
    /// What it carries.
    #[serde(flatten)]
    pub shape: Shape,
}

/// One look at an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The database's clock when it was taken.
    pub at: DateTime<Utc>,
    /// The organisation's day then.
    pub day: NaiveDate,
    /// The organisation.
    pub organization: OrganizationView,
    /// All its numbers, by priority and phone.
    pub numbers: Vec<NumberView>,
    /// All its accounts.
    pub accounts: Vec<AccountView>,
    /// All its pools.
    pub pools: Vec<PoolView>,
    /// Its active campaigns, and the one that was asked for by name.
    pub campaigns: Vec<CampaignView>,
    /// What each campaign sent today through each number.
    pub shares: HashMap<(NumberId, CampaignId), u32>,
    /// Senders that are alive, this one included.
    pub senders: u32,
}

/// What one step says, as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepContents {
    /// Which campaign.
    pub campaign: CampaignId,
    /// Which step.
    pub step: i16,
    /// Raised by every edit.
    pub version: i32,
    /// Seconds since the previous step, or since enrolment for the first.
    pub after_seconds: i64,
    /// Its texts, template and media; `None`: another program wrote what cannot be read.
    pub content: Option<StepContent>,
}
