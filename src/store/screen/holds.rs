//! Why numbers and campaigns wait, for the screen: asked of the same functions ([`facts`]) and in the same order as the
//! sender asks them.
//!
//! Pure: facts in, holds out. What only the sending process knows (its breakers) is not known here.

use crate::domain::campaign::{CampaignState, terms::Terms};
use crate::domain::hold::{
    self, GateName, Hold,
    facts::{self, AccountRoom, Now, OrganizationFacts, Service},
};
use crate::domain::ids::{AccountId, NumberId};
use crate::domain::selection::{self, Candidate, NoNumberInService, Standing, Strategy};
use crate::domain::text::Safe;
use crate::store::view::{CampaignStanding, Gate, HoldView, NumberStanding};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// A gap shorter than this is how a number sends, not why it waits.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(1);

/// What bears on everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The database's clock.
    pub at: DateTime<Utc>,
    /// When the organisation's next day begins.
    pub midnight: DateTime<Utc>,
    /// The organisation's zone.
    pub zone: Tz,
    /// Who stopped all sending.
    pub stopped_by: Option<Safe>,
    /// From when on nothing is sent any more.
    pub subscription_ends: Option<DateTime<Utc>>,
    /// Senders that are alive.
    pub senders: u32,
    /// The organisation's daily limit.
    pub daily_limit: Option<u32>,
    /// Charged to it today.
    pub used_today: u32,
}

/// What bears on one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFacts {
    /// Which one.
    pub number: NumberId,
    /// Its place: lower goes first.
    pub priority: i32,
    /// What an operator or a provider's answer made of it.
    pub standing: NumberStanding,
    /// Its limit of today, the warm-up included.
    pub daily_limit: Option<u32>,
    /// The day of its warm-up that makes this limit.
    pub warm_up: Option<u32>,
    /// What is left of its account's cap over 24 hours, if it has one.
    pub account: Option<AccountRoom>,
    /// Whose cap that is: its account's, or the one that its portfolio counts by.
    pub counted_by: AccountId,
    /// Charged to it today.
    pub used_today: u32,
    /// When its next slot opens.
    pub next_send_at: Option<DateTime<Utc>>,
    /// Of a gateway's own queue: how many messages may wait there, and how many do at most.
    pub queue: Option<(u32, u32)>,
    /// Whether a living instance holds its lease.
    pub leased: bool,
    /// Why whoever holds it cannot send through the number at all.
    pub unusable: Option<String>,
    /// Whether a campaign that runs has something for it.
    pub has_work: bool,
}

/// What bears on one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFacts {
    /// Where in its life it is.
    pub standing: CampaignStanding,
    /// Who changed it last.
    pub changed_by: Safe,
    /// The campaign that runs, where this is a standing one that waits for it.
    pub yields_to: Option<Safe>,
    /// When it starts, if that is to come.
    pub starts_at: Option<DateTime<Utc>>,
    /// When and in which order it may send.
    pub terms: Terms,
    /// Its daily limit.
    pub daily_limit: Option<u32>,
    /// Charged to it today.
    pub used_today: u32,
    /// Recipients that wait.
    pub queued: u64,
    /// Set when all of them are due later: when the first is.
    pub due_later: Option<DateTime<Utc>>,
    /// Set when no number of its pool can send what it carries: why.
    pub unsendable: Option<String>,
}

/// What bears on the campaigns of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFacts {
    /// What the number that goes on first waits for; `None`: one may send.
    first: Option<Hold>,
}

impl PoolFacts {
    /// A pool of these numbers; all of its campaigns wait for the same ones, so they are asked once. Who takes part is
    /// decided as senders decide it: a free backup does not send while a better number only waits for its slot, and the
    /// organisation's default number stands in while the pool has none in service.
    pub fn of<'a>(
        scene: &Scene,
        name: &Safe,
        strategy: Strategy,
        numbers: impl Iterator<Item = &'a NumberFacts>,
        default: Option<&NumberFacts>,
    ) -> Self {
        let (pool, holds): (Vec<Candidate>, Vec<Option<Hold>>) =
            numbers.map(|number| own_hold(scene, number)).unzip();
        let default = default.map(|number| own_hold(scene, number));
        let stand_in = default.as_ref().map(|(candidate, _)| candidate);
        let view = selection::View { strategy, pool: &pool, sticky: None, default: stand_in };
        let serving = selection::participants(&view);
        let beside =
            default.clone().filter(|(default, _)| pool.iter().all(|one| one.number != default.number));
        let all = pool.iter().copied().zip(holds).chain(beside);
        let first = match serving {
            Ok(serving) => all
                .filter(|(candidate, _)| serving.numbers.contains(&candidate.number))
                .map(|(_, hold)| hold)
                .reduce(|one, other| Some(one?.sooner(other?)))
                .flatten(),
            Err(NoNumberInService) => Some(
                Hold::first_back(all.filter_map(|(_, hold)| hold))
                    .unwrap_or_else(|| Hold::NoNumber { pool: name.to_string() }),
            ),
        };
        Self { first }
    }
}

/// How a number looks to a choice among numbers, and what binds it, apart from what binds everything.
fn own_hold(scene: &Scene, number: &NumberFacts) -> (Candidate, Option<Hold>) {
    let mut holds = of_number(scene, number);
    holds.retain(|hold| hold.gate() >= GateName::Number && hold.gate() != GateName::OrganizationCap);
    let hold = hold::binding(&holds).cloned();
    // Who holds the lease decides who sends through a number, not which number goes first.
    holds.retain(|hold| hold.gate() != GateName::Lease);
    let candidate = Candidate {
        number: number.number,
        priority: number.priority,
        weight: 1,
        daily_limit: number.daily_limit,
        used_today: number.used_today,
        last_used: None,
        standing: Standing::of(hold::binding(&holds)),
    };
    (candidate, hold)
}

impl Scene {
    /// When it is.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { at: self.at, midnight: self.midnight }
    }

    fn holds(&self) -> Vec<Hold> {
        let organization = OrganizationFacts {
            stopped_by: self.stopped_by.as_deref(),
            subscription_ends: self.subscription_ends,
            senders: self.senders,
            daily_limit: self.daily_limit,
            used_today: self.used_today,
        };
        facts::of_organization(&organization, self.now()).collect()
    }
}

fn service(standing: &NumberStanding) -> Service<'_> {
    match standing {
        NumberStanding::Active => Service::Active,
        NumberStanding::Limited { until, reason } => Service::Limited { until: *until, reason },
        NumberStanding::Suspended { reason, until, .. } => Service::Suspended { reason, until: *until },
        NumberStanding::Disabled => Service::Disabled,
    }
}

fn state(standing: CampaignStanding) -> CampaignState {
    match standing {
        CampaignStanding::Draft => CampaignState::Draft,
        CampaignStanding::Scheduled => CampaignState::Scheduled,
        CampaignStanding::Active => CampaignState::Active,
        CampaignStanding::Paused => CampaignState::Paused,
        CampaignStanding::Completed => CampaignState::Completed,
        CampaignStanding::Cancelled => CampaignState::Cancelled,
    }
}

/// Everything that keeps a number from sending, lease and pace included.
#[must_use]
pub fn of_number(scene: &Scene, number: &NumberFacts) -> Vec<Hold> {
    let mut holds = scene.holds();
    let own = facts::NumberFacts {
        service: service(&number.standing).or_unusable(number.unusable.as_deref()),
        breakers: [None; 2],
        account: number.account,
        daily_limit: number.daily_limit,
        warm_up: number.warm_up,
        used_today: number.used_today,
    };
    holds.extend(facts::of_number(&own, scene.now()));
    // Where nobody sends, that says it all.
    if scene.senders > 0 && !number.leased {
        holds.extend(facts::of_lease(facts::Lease::Free));
    }
    if let Some(until) = number.next_send_at.filter(|next| *next - scene.at >= WORTH_A_WORD) {
        holds.push(Hold::Paced { until });
    } else if let Some((limit, _)) = number.queue.filter(|(limit, waiting)| waiting >= limit) {
        holds.push(Hold::QueueFull { limit });
    }
    holds
}

/// The one that binds a number, if it is worth a word: a number without work waits for nothing but its own state.
#[must_use]
pub fn binding_number(scene: &Scene, number: &NumberFacts) -> Option<Hold> {
    let mut holds = of_number(scene, number);
    if !number.has_work {
        holds.retain(|hold| {
            matches!(
                hold.gate(),
                GateName::Switch
                    | GateName::Subscription
                    | GateName::Number
                    | GateName::OrganizationCap
                    | GateName::AccountCap
                    | GateName::NumberCap
            )
        });
    }
    hold::binding(&holds).cloned()
}

/// Everything that keeps a campaign from sending. A campaign whose numbers all wait waits for the first to go on.
#[must_use]
pub fn of_campaign(scene: &Scene, campaign: &CampaignFacts, pool: &PoolFacts) -> Vec<Hold> {
    let mut holds = scene.holds();
    let own = facts::CampaignFacts {
        state: state(campaign.standing),
        starts_at: campaign.starts_at,
        changed_by: &campaign.changed_by,
        terms: &campaign.terms,
        yields_to: campaign.yields_to.as_deref(),
        daily_limit: campaign.daily_limit,
        used_today: campaign.used_today,
    };
    holds.extend(facts::of_campaign(&own, scene.now()));
    if let Some(due) = campaign.due_later {
        holds.push(Hold::NotDue { due });
    }
    holds.extend(campaign.unsendable.clone().map(|reason| Hold::Unsendable { reason }));
    holds.extend(pool.first.clone());
    holds
}

/// The one that binds a campaign, if it is worth a word: one that is done, or has nothing left, waits for nothing.
#[must_use]
pub fn binding_campaign(scene: &Scene, campaign: &CampaignFacts, pool: &PoolFacts) -> Option<Hold> {
    let over = matches!(campaign.standing, CampaignStanding::Completed | CampaignStanding::Cancelled);
    if over || (campaign.standing == CampaignStanding::Active && campaign.queued == 0) {
        return None;
    }
    hold::binding(&of_campaign(scene, campaign, pool)).cloned()
}

/// A hold as it is shown.
#[must_use]
pub fn shown(hold: &Hold, zone: Tz) -> HoldView {
    HoldView {
        short: Safe::new(&hold.code().replace('_', " ")),
        sentence: Safe::new(&hold.sentence(zone)),
        until: hold.until(),
    }
}

/// Gates in order, closed ones with their cause; `known` says more about open ones.
#[must_use]
pub fn gates(asked: &[GateName], holds: &[Hold], known: &[(GateName, String)], zone: Tz) -> Vec<Gate> {
    hold::gates(asked, holds, known, zone)
        .into_iter()
        .map(|gate| Gate {
            name: Safe::new(gate.name),
            open: gate.open,
            binds: gate.binds,
            found: Safe::new(&gate.detail),
            until: gate.until,
        })
        .collect()
}

#[cfg(test)]
mod tests;
