//! Which accounts people heard from on this walk: an account counts everybody it wrote to for a while, and a second message to
//! them takes no room.

use super::super::Account;
use super::taker::Taker;
use chrono::{DateTime, Utc};

/// When which accounts wrote to people last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Heard {
    /// Before the walk began: only when they got their step is known, and to which number they are bound.
    #[default]
    Before,
    /// By place of the account; whoever counts for none of them any more is left out.
    From(Vec<(usize, DateTime<Utc>)>),
}

impl Heard {
    /// People whom nobody wrote to.
    pub(super) fn nobody() -> Self {
        Self::From(Vec::new())
    }

    /// When the account of this number wrote to them; `before` is when they got their last step, and `owner` to whom they are
    /// bound, if nothing else is known.
    pub(super) fn last(
        &self,
        taker: &Taker<'_>,
        owner: Option<usize>,
        before: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        match self {
            Self::Before => before.filter(|_| taker.shares_account(owner)),
            Self::From(accounts) => {
                let of_taker = |(account, _): &&(usize, _)| Some(*account) == taker.account();
                accounts.iter().find(of_taker).map(|(_, at)| *at)
            }
        }
    }

    /// After a message of this number.
    pub(super) fn and(&self, taker: &Taker<'_>, at: DateTime<Utc>) -> Self {
        let at = taker.grain().near(at);
        let before = match self {
            Self::Before => &[][..],
            Self::From(accounts) => accounts,
        };
        let counts = |(account, last): &&(usize, DateTime<Utc>)| {
            Some(*account) != taker.account() && *last + Account::WINDOW > at
        };
        let still = before.iter().filter(counts).copied();
        Self::From(still.chain(taker.account().map(|account| (account, at))).collect())
    }
}
