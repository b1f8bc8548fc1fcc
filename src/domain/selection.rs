//! Choosing a number for a message.
//!
//! The sticky number first, if the recipient has one and it may send; else the pool's strategy over the numbers that
//! may send; else, when no number of the pool is in service, the organisation's default number; else a hold that
//! says why. A number that only keeps its distance is not replaced by a backup: backups are for numbers that
//! cannot send, not for numbers that send slowly.

use super::hold::Hold;
use super::ids::NumberId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, str::FromStr};

/// How a pool picks among its numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The lowest priority value first; the rest are backups.
    #[default]
    Priority,
    /// The one that used least of its daily limit.
    LeastUsed,
    /// In proportion to the weights ([`super::weighting`]).
    Weighted,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Priority, Self::LeastUsed, Self::Weighted];

    /// The name that the command line, the database and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::LeastUsed => "least_used",
            Self::Weighted => "weighted",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy {0:?}: it is priority, least_used or weighted")]
pub struct UnknownStrategy(pub String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// What an operator may type. `least-used` is read too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase().replace('-', "_");
        let found = Self::ALL.into_iter().find(|strategy| strategy.name() == name);
        found.ok_or_else(|| UnknownStrategy(text.to_owned()))
    }
}

/// Whether a number may send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Ready,
    /// It sends, but not at this moment: paced, or as much on the wire as allowed. Its turn comes by itself.
    Busy {
        /// When, if that is known.
        until: Option<DateTime<Utc>>,
    },
    /// In service, but closed for a while: cap reached, limited by the provider, breaker open. Others step in.
    Resting {
        /// Until when, if that is known.
        until: Option<DateTime<Utc>>,
    },
    /// Suspended or disabled.
    OutOfService,
}

impl Standing {
    /// How a hold on a number looks to a choice among numbers; a number that nothing holds is [`Standing::Ready`].
    #[must_use]
    pub fn of(hold: Option<&Hold>) -> Self {
        let Some(hold) = hold else { return Self::Ready };
        let until = hold.until();
        match hold {
            Hold::Paced { .. } | Hold::QueueFull { .. } | Hold::InFlightFull { .. } => Self::Busy { until },
            Hold::NumberDisabled | Hold::NumberSuspended { .. } => Self::OutOfService,
            _ => Self::Resting { until },
        }
    }
}

/// One number that could carry the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub number: NumberId,
    /// Lower goes first.
    pub priority: i32,
    /// Its share under [`Strategy::Weighted`]; zero counts as one.
    pub weight: u32,
    /// Its daily limit; `None`: none of our own.
    pub daily_limit: Option<u32>,
    /// What it sent today; under [`Strategy::Weighted`] where that is known: of the campaign in question.
    pub used_today: u32,
    /// When it sent last; `None`: never.
    pub last_used: Option<DateTime<Utc>>,
    /// Whether it may send now.
    pub standing: Standing,
}

/// Everything the choice needs, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// How the pool picks.
    pub strategy: Strategy,
    /// The numbers of the pool, in any order.
    pub pool: &'a [Candidate],
    /// The number that this recipient is bound to.
    pub sticky: Option<NumberId>,
    /// The organisation's default number.
    pub default: Option<&'a Candidate>,
}

/// Why a number was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The recipient is bound to it.
    Sticky,
    /// The pool's strategy picked it.
    Pool,
    /// The pool has no number in service; this is the organisation's default.
    Default,
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Send through this number.
    Send {
        /// Which.
        number: NumberId,
        /// Why this one.
        reason: Reason,
    },
    /// Wait for this number; it sends, or will again.
    Wait {
        /// Which.
        number: NumberId,
        /// Why this one.
        reason: Reason,
        /// When it can be asked again, if that is known.
        until: Option<DateTime<Utc>>,
    },
    /// No number is in service: [`Hold::NoNumber`].
    NoNumber,
}

/// Chooses the number for one message. Pure, and linear in the size of the pool.
#[must_use]
pub fn select(view: &View<'_>) -> Choice {
    let sticky = view.sticky.and_then(|number| view.pool.iter().find(|candidate| candidate.number == number));
    if let Some(bound) = sticky {
        match bound.standing {
            Standing::Ready => return Choice::Send { number: bound.number, reason: Reason::Sticky },
            Standing::Busy { until } => {
                return Choice::Wait { number: bound.number, reason: Reason::Sticky, until };
            }
            Standing::Resting { .. } | Standing::OutOfService => {}
        }
    }
    if let Some(choice) = among(view.strategy, view.pool, Reason::Pool) {
        return choice;
    }
    let default = view.default.map(std::slice::from_ref).unwrap_or_default();
    among(view.strategy, default, Reason::Default).unwrap_or(Choice::NoNumber)
}

/// The numbers that may take messages of the pool that are bound to no other number. Under *priority* these are the
/// numbers of the best priority that work, under the others all that may send; the default number only when the pool
/// has none in service. Linear in the size of the pool: one choice serves all drivers.
///
/// # Errors
/// When no number is in service: [`Hold::NoNumber`].
pub fn participants(view: &View<'_>) -> Result<Participants, NoNumberInService> {
    let unbound = View { sticky: None, ..*view };
    let (chosen, reason) = match select(&unbound) {
        Choice::Send { number, reason } | Choice::Wait { number, reason, .. } => (number, reason),
        Choice::NoNumber => return Err(NoNumberInService),
    };
    let numbers = match reason {
        Reason::Default => view.default.map(std::slice::from_ref).unwrap_or_default(),
        Reason::Pool | Reason::Sticky => view.pool,
    };
    let best = numbers.iter().find(|candidate| candidate.number == chosen).map(|first| first.priority);
    let takes_part = |candidate: &&Candidate| {
        let equal = match view.strategy {
            Strategy::Priority => Some(candidate.priority) == best,
            Strategy::LeastUsed | Strategy::Weighted => true,
        };
        let may = matches!(candidate.standing, Standing::Ready | Standing::Busy { .. });
        equal && may || candidate.number == chosen
    };
    let numbers = numbers.iter().filter(takes_part).map(|candidate| candidate.number).collect();
    Ok(Participants { first: chosen, numbers })
}

/// Which numbers serve a pool now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participants {
    /// The one that goes first.
    pub first: NumberId,
    /// All that take part, the first included.
    pub numbers: Vec<NumberId>,
}

/// Neither the pool nor the organisation has a number in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNumberInService;

/// Whether `number` may take messages of the pool that are bound to no other number: see [`participants`].
///
/// # Errors
/// The number that goes first, if there is one: [`Hold::NotChosen`].
pub fn takes_part(view: &View<'_>, number: NumberId) -> Result<(), Option<NumberId>> {
    let serving = participants(view).map_err(|NoNumberInService| None)?;
    if serving.numbers.contains(&number) { Ok(()) } else { Err(Some(serving.first)) }
}

/// The best of these numbers; `None`: none is in service.
fn among(strategy: Strategy, pool: &[Candidate], reason: Reason) -> Option<Choice> {
    let working = |candidate: &&Candidate| match strategy {
        // A backup does not step in for a number that only keeps its distance.
        Strategy::Priority => matches!(candidate.standing, Standing::Ready | Standing::Busy { .. }),
        Strategy::LeastUsed | Strategy::Weighted => candidate.standing == Standing::Ready,
    };
    if let Some(best) = pool.iter().filter(working).min_by(|one, other| order(strategy, one, other)) {
        let number = best.number;
        return Some(match best.standing {
            Standing::Busy { until } => Choice::Wait { number, reason, until },
            _ => Choice::Send { number, reason },
        });
    }
    // Nobody may send now: wait for the one that opens first, of those in service.
    let opens = |candidate: &Candidate| match candidate.standing {
        Standing::Ready | Standing::OutOfService => None,
        Standing::Busy { until } | Standing::Resting { until } => {
            Some(until.unwrap_or(DateTime::<Utc>::MAX_UTC))
        }
    };
    pool.iter()
        .filter_map(|candidate| opens(candidate).map(|at| (at, candidate)))
        .min_by(|(one_at, one), (other_at, other)| {
            one_at.cmp(other_at).then_with(|| order(strategy, one, other))
        })
        .map(|(at, candidate)| Choice::Wait {
            number: candidate.number,
            reason,
            until: Some(at).filter(|at| *at != DateTime::<Utc>::MAX_UTC),
        })
}

/// Which of two numbers goes first: by strategy, then the one that was used least recently, then the older one.
fn order(strategy: Strategy, one: &Candidate, other: &Candidate) -> Ordering {
    let by_strategy = match strategy {
        // Of equal priority, one that can send now before one that keeps its distance.
        Strategy::Priority => {
            one.priority.cmp(&other.priority).then_with(|| is_busy(one).cmp(&is_busy(other)))
        }
        Strategy::LeastUsed => by_use(one, other),
        Strategy::Weighted => by_weight(one, other),
    };
    by_strategy.then_with(|| one.last_used.cmp(&other.last_used)).then_with(|| one.number.cmp(&other.number))
}

fn is_busy(candidate: &Candidate) -> bool {
    matches!(candidate.standing, Standing::Busy { .. })
}

/// Compares the used parts of the daily limits. A number without limit has used no part of it; those compare by count.
fn by_use(one: &Candidate, other: &Candidate) -> Ordering {
    // used / limit; a limit of zero is all used.
    let part = |candidate: &Candidate| match candidate.daily_limit {
        None => (0, 1),
        Some(0) => (1, 1),
        Some(limit) => (u64::from(candidate.used_today), u64::from(limit)),
    };
    let ((one_used, one_limit), (other_used, other_limit)) = (part(one), part(other));
    let unlimited = |candidate: &Candidate| candidate.daily_limit.map_or(candidate.used_today, |_| 0);
    (one_used * other_limit)
        .cmp(&(other_used * one_limit))
        .then_with(|| unlimited(one).cmp(&unlimited(other)))
}

fn by_weight(one: &Candidate, other: &Candidate) -> Ordering {
    let weighed =
        |candidate: &Candidate, weight: u32| u64::from(candidate.used_today) * u64::from(weight.max(1));
    weighed(one, other.weight).cmp(&weighed(other, one.weight))
}

#[cfg(test)]
mod tests;
