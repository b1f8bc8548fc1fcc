//! Pools as operators make and change them.

use super::ids::NumberId;
use super::selection::{self, Candidate, Choice, Standing, Strategy, View};

/// What a new pool is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPool {
    /// What operators call it.
    pub name: String,
    /// How it picks.
    pub strategy: Strategy,
    /// Whether a recipient keeps the number of its first message.
    pub sticky: bool,
    /// Its numbers.
    pub numbers: Vec<NumberId>,
}

/// A change of a pool: only what is there is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolChange {
    /// What operators call it.
    pub name: Option<String>,
    /// How it picks.
    pub strategy: Option<Strategy>,
    /// Whether a recipient keeps the number of its first message.
    pub sticky: Option<bool>,
    /// Numbers that are in it then, with their shares; `None`: the share that they have, or one.
    pub put: Vec<(NumberId, Option<u32>)>,
    /// Numbers that are not in it then.
    pub drop: Vec<NumberId>,
}

impl PoolChange {
    /// Whether it touches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Largest share of a number.
pub const MOST_WEIGHT: u32 = 1_000_000;

/// What is wrong with a pool's name.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() || name.trim() != name {
        Some("a pool needs a name without spaces around it")
    } else if name == "none" {
        Some("none is no pool's name: files of numbers say none for no pool")
    } else {
        None
    }
}

/// Where people begin to talk to us: the first of these numbers by priority that is in service; else the organisation's
/// default number, if that is. A number that only rests is still heard.
#[must_use]
pub fn entry(members: &[Door], default: Option<Door>) -> Option<NumberId> {
    let candidates: Vec<Candidate> = members.iter().map(Door::candidate).collect();
    let default = default.as_ref().map(Door::candidate);
    let view =
        View { strategy: Strategy::Priority, pool: &candidates, sticky: None, default: default.as_ref() };
    match selection::select(&view) {
        Choice::Send { number, .. } | Choice::Wait { number, .. } => Some(number),
        Choice::NoNumber => None,
    }
}

/// A number that people may write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// Which one.
    pub number: NumberId,
    /// Lower goes first.
    pub priority: i32,
    /// Neither suspended nor disabled.
    pub in_service: bool,
}

impl Door {
    fn candidate(&self) -> Candidate {
        Candidate {
            number: self.number,
            priority: self.priority,
            weight: 1,
            daily_limit: None,
            used_today: 0,
            last_used: None,
            standing: if self.in_service { Standing::Ready } else { Standing::OutOfService },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_led_to_the_first_that_is_in_service_and_else_to_the_default() {
        let door = |priority, in_service| Door { number: NumberId::new(), priority, in_service };
        let (first, second, other) = (door(1, false), door(2, true), door(9, true));
        assert_eq!(entry(&[second, first], Some(other)), Some(second.number));
        assert_eq!(entry(&[first], Some(other)), Some(other.number));
        assert_eq!(entry(&[first], Some(Door { in_service: false, ..other })), None);
        assert_eq!(entry(&[], None), None);
    }

    #[test]
    fn a_name_is_a_word_that_means_a_pool() {
        assert_eq!(name_fault("vip numbers"), None);
        for wrong in ["", " ", " vip", "vip ", "none"] {
            assert!(name_fault(wrong).is_some(), "{wrong:?}");
        }
    }
}
