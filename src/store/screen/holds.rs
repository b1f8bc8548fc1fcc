//! Why numbers and campaigns wait, for the screen: from the same gates and in the same order as the sender asks them.
//!
//! Pure: facts in, holds out. What only the sending process knows (its breakers) is not known here.

use crate::domain::campaign::CampaignState;
use crate::domain::hold::{self, CapScope, GateName, Hold};
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
    /// What an operator or a provider's answer made of it.
    pub standing: NumberStanding,
    /// Its daily limit.
    pub daily_limit: Option<u32>,
    /// Charged to it today.
    pub used_today: u32,
    /// When its next slot opens.
    pub next_send_at: Option<DateTime<Utc>>,
    /// Whether a living instance holds its lease.
    pub leased: bool,
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
    /// When it starts, if that is to come.
    pub starts_at: Option<DateTime<Utc>>,
    /// Its daily limit.
    pub daily_limit: Option<u32>,
    /// Charged to it today.
    pub used_today: u32,
    /// Recipients that wait.
    pub queued: u64,
    /// Set when all of them are due later: when the first is.
    pub due_later: Option<DateTime<Utc>>,
}

/// What bears on the campaigns of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFacts {
    name: Safe,
    /// Whether there is any number for it.
    has_numbers: bool,
    /// What the number that goes on first waits for; `None`: one may send.
    first: Option<Hold>,
}

impl PoolFacts {
    /// A pool of these numbers; all of its campaigns wait for the same ones, so they are asked once.
    pub fn of<'a>(scene: &Scene, name: Safe, numbers: impl Iterator<Item = &'a NumberFacts>) -> Self {
        let mut numbers = numbers.peekable();
        let has_numbers = numbers.peek().is_some();
        let first = numbers
            .map(|number| own_hold(scene, number))
            .reduce(|one, other| Some(one?.sooner(other?)))
            .flatten();
        Self { name, has_numbers, first }
    }
}

/// What binds a number, apart from what binds everything.
fn own_hold(scene: &Scene, number: &NumberFacts) -> Option<Hold> {
    let mut holds = of_number(scene, number);
    holds.retain(|hold| hold.gate() >= GateName::Number && hold.gate() != GateName::OrganizationCap);
    hold::binding(&holds).cloned()
}

impl Scene {
    fn holds(&self) -> Vec<Hold> {
        let mut holds = Vec::new();
        if let Some(by) = &self.stopped_by {
            holds.push(Hold::SendingStopped { by: by.to_string() });
        }
        if self.senders == 0 {
            holds.push(Hold::NoSender);
        }
        holds.extend(self.cap(CapScope::Organization, self.daily_limit, self.used_today));
        holds
    }

    fn cap(&self, scope: CapScope, limit: Option<u32>, used: u32) -> Option<Hold> {
        let limit = limit.filter(|limit| used >= *limit)?;
        Some(Hold::CapReached { scope, limit, opens: (limit > 0).then_some(self.midnight) })
    }
}

/// Everything that keeps a number from sending, lease and pace included.
#[must_use]
pub fn of_number(scene: &Scene, number: &NumberFacts) -> Vec<Hold> {
    let mut holds = scene.holds();
    match &number.standing {
        NumberStanding::Active => {}
        NumberStanding::Limited { until, reason } => {
            holds.push(Hold::NumberLimited { reason: reason.to_string(), until: *until });
        }
        NumberStanding::Suspended { reason, until, .. } => {
            holds.push(Hold::NumberSuspended { reason: reason.to_string(), until: *until });
        }
        NumberStanding::Disabled => holds.push(Hold::NumberDisabled),
    }
    holds.extend(scene.cap(CapScope::Number, number.daily_limit, number.used_today));
    if scene.senders > 0 && !number.leased {
        holds.push(Hold::NoLease { holder: None });
    }
    if let Some(until) = number.next_send_at.filter(|next| *next - scene.at >= WORTH_A_WORD) {
        holds.push(Hold::Paced { until });
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
                GateName::Switch | GateName::Number | GateName::OrganizationCap | GateName::NumberCap
            )
        });
    }
    hold::binding(&holds).cloned()
}

/// Everything that keeps a campaign from sending. A campaign whose numbers all wait waits for the first to go on.
#[must_use]
pub fn of_campaign(scene: &Scene, campaign: &CampaignFacts, pool: &PoolFacts) -> Vec<Hold> {
    let mut holds = scene.holds();
    match campaign.standing {
        CampaignStanding::Active => {}
        CampaignStanding::Draft => holds.push(Hold::CampaignDraft),
        CampaignStanding::Scheduled => holds.push(Hold::CampaignScheduled { starts: campaign.starts_at }),
        CampaignStanding::Paused => {
            holds.push(Hold::CampaignPaused { by: Some(campaign.changed_by.to_string()) });
        }
        CampaignStanding::Completed => holds.push(Hold::CampaignFinished { state: CampaignState::Completed }),
        CampaignStanding::Cancelled => holds.push(Hold::CampaignFinished { state: CampaignState::Cancelled }),
    }
    if let Some(due) = campaign.due_later {
        holds.push(Hold::NotDue { due });
    }
    holds.extend(scene.cap(CapScope::Campaign, campaign.daily_limit, campaign.used_today));
    if !pool.has_numbers {
        holds.push(Hold::NoNumber { pool: pool.name.to_string() });
    }
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
    let holds = of_campaign(scene, campaign, pool);
    // A campaign that does not run is not held up by a number.
    let first = holds.iter().find(|hold| hold.gate() == GateName::Campaign);
    first.or_else(|| hold::binding(&holds)).cloned()
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
    let binds = hold::binding(holds).map(|hold| hold.gate().name());
    hold::gates(asked, holds, zone)
        .into_iter()
        .map(|gate| {
            let more = known.iter().find(|(name, _)| gate.passed && name.name() == gate.name);
            Gate {
                name: Safe::new(gate.name),
                open: gate.passed,
                binds: binds == Some(gate.name),
                found: Safe::new(more.map_or(gate.detail.as_str(), |(_, text)| text.as_str())),
                until: gate.until,
            }
        })
        .collect()
}

/// `61 of 250 used`, for an open gate.
#[must_use]
pub fn room(gate: GateName, limit: Option<u32>, used: u32) -> (GateName, String) {
    let text =
        limit.map_or_else(|| format!("{used} used, no limit"), |limit| format!("{used} of {limit} used"));
    (gate, text)
}

#[cfg(test)]
mod tests;
