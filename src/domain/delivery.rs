//! What a provider reports of a message it took: a view that only moves forward, computed from events that come late,
//! twice and in any order (`reference/reliability.md`, section 6).

use serde::Serialize;
use std::{fmt, str::FromStr};

/// The furthest that is known of a message that the provider took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It waits at the provider.
    Queued,
    /// It left the provider.
    Sent,
    /// It did not reach the person.
    Failed,
    /// It is on the person's phone.
    Delivered,
    /// The person opened it.
    Read,
}

impl Delivery {
    /// All of them, in the order of their rank.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Sent, Self::Failed, Self::Delivered, Self::Read];

    /// The name that the database and the command line use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// What is known after another report. The order of arrival does not matter: a failure counts only below delivered
    /// (Meta reports both where a person has several devices), and whoever read it has received it, whether that was
    /// reported or not.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sent => 1,
            Self::Failed => 2,
            Self::Delivered => 3,
            Self::Read => 4,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no state of delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no state of delivery has this name")]
pub struct UnknownDelivery;

impl FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|delivery| delivery.name() == name).ok_or(UnknownDelivery)
    }
}

#[cfg(test)]
mod tests {
    use super::Delivery::{self, Delivered, Failed, Queued, Read, Sent};

    #[test]
    fn the_view_is_the_same_whatever_order_the_reports_come_in() {
        let cases: [(&[Delivery], Delivery); 9] = [
            (&[Queued], Queued),
            (&[Sent, Queued], Sent),
            (&[Read, Delivered, Sent], Read),
            (&[Sent, Read], Read),
            (&[Delivered, Failed], Delivered),
            (&[Failed, Read], Read),
            (&[Failed, Sent], Failed),
            (&[Failed, Queued, Sent, Failed], Failed),
            (&[Delivered, Delivered], Delivered),
        ];
        for (reports, expected) in cases {
            for turn in 0..reports.len() {
                let mut order = reports.to_vec();
                order.rotate_left(turn);
                let view = |order: &[Delivery]| order.iter().copied().reduce(Delivery::and);
                assert_eq!(view(&order), Some(expected), "{order:?}");
                order.reverse();
                assert_eq!(view(&order), Some(expected), "{order:?}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for delivery in Delivery::ALL {
            assert_eq!(delivery.name().parse(), Ok(delivery));
        }
        assert!("undelivered".parse::<Delivery>().is_err());
    }
}
