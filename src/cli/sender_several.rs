//! One sender program for several organisations, for a service role that is an operator of them all.
//!
//! Each organisation has a sender of its own, with its own leases, limits and plan. They share the program's connections, which are
//! given out in the order of asking: whoever has much to send waits for its turn as everybody does, one claim at a time. What
//! fails for one organisation is begun again for that one; the others go on.

use super::{
    CliError, Session,
    sender::{SURELY_IDLE, Signals, config, print_totals, start},
    session::Org,
};
use crate::sender::{DRAIN_LIMIT, Sender, Status, Totals, clock::Moment};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks at how they are.
const LOOK: Duration = Duration::from_millis(200);
/// Between two tries to begin again.
const AGAIN: Duration = Duration::from_secs(5);

/// The sender of one organisation.
struct Served<'a> {
    session: &'a Session,
    org: &'a Org,
    running: Option<(Sender, watch::Receiver<Status>)>,
    tried: Moment,
    /// Of those that were replaced.
    totals: Totals,
    left: u32,
}

impl<'a> Served<'a> {
    async fn begin(session: &'a Session, org: &'a Org) -> (Self, Option<CliError>) {
        let mut served =
            Self { session, org, running: None, tried: Moment::now(), totals: Totals::default(), left: 0 };
        let failed = served.start().await.err();
        (served, failed)
    }

    async fn start(&mut self) -> Result<(), CliError> {
        self.tried = Moment::now();
        let sender = start(self.session, config(self.session, self.org, "sender")).await?;
        let status = sender.status();
        self.running = Some((sender, status));
        Ok(())
    }

    /// Replaces it where a part of it failed. Answers whether it has nothing to do.
    async fn tend(&mut self) -> bool {
        let Some((_, status)) = &mut self.running else {
            if self.tried.elapsed() >= AGAIN
                && let Err(error) = self.start().await
            {
                let why = error.message().unwrap_or_default();
                tracing::error!("the sender of {} cannot be started: {why}", self.org.record.slug);
            }
            return false;
        };
        let now = status.borrow_and_update().clone();
        if let Some(part) = now.failed {
            tracing::error!("the {part} of {}'s sender failed; it is begun again", self.org.record.slug);
            self.stop().await;
            return false;
        }
        now.idle
    }

    async fn stop(&mut self) {
        self.tried = Moment::now();
        let Some((sender, _)) = self.running.take() else { return };
        let (totals, left) = sender.drain(DRAIN_LIMIT).await;
        add(&mut self.totals, totals);
        self.left += left;
    }

    async fn end(mut self) -> (Totals, u32) {
        self.stop().await;
        (self.totals, self.left)
    }
}

fn add(sum: &mut Totals, more: Totals) {
    sum.accepted += more.accepted;
    sum.rejected += more.rejected;
    sum.not_sent += more.not_sent;
    sum.in_doubt += more.in_doubt;
}

/// Sends for all of them until it is asked to end.
pub async fn run(session: &Session, orgs: &[Org], until_idle: bool) -> Result<(), CliError> {
    let mut signals = Signals::listen()?;
    let began = Moment::now();
    let (mut served, mut failed) = (Vec::with_capacity(orgs.len()), None);
    for org in orgs {
        let (one, error) = Served::begin(session, org).await;
        served.push(one);
        failed = failed.or(error);
    }
    if let (Some(error), true) = (failed, served.iter().all(|one| one.running.is_none())) {
        return Err(error);
    }
    let slugs: Vec<&str> = orgs.iter().map(|org| org.record.slug.as_str()).collect();
    session.out.note(&format!("sends for {}", slugs.join(", ")));
    let is_idle = tend_all(&mut served, until_idle, &mut signals).await;
    let draining = join_all(served.into_iter().map(Served::end));
    let ended = tokio::select! {
        ended = draining => ended,
        // The second signal does not wait: what has no outcome is found in doubt.
        () = signals.next() => return Err(CliError::failed("ended at once; what was on the wire will be found in doubt")),
    };
    let (mut totals, mut left) = (Totals::default(), 0);
    for (of_one, without_outcome) in ended {
        add(&mut totals, of_one);
        left += without_outcome;
    }
    if left > 0 {
        session.out.note(&format!("{left} messages had no outcome in time; they will be found in doubt"));
    }
    if is_idle || session.out.is_json() {
        print_totals(session, totals, began)?;
    }
    Ok(())
}

/// Looks after all of them until a signal comes, or until none has had anything to do for a while if that is asked for. Answers
/// which of the two. A signal ends the wait between two looks only: what is begun or stopped in a look is never cut off halfway.
async fn tend_all(served: &mut [Served<'_>], until_idle: bool, signals: &mut Signals) -> bool {
    let mut idle_since: Option<Moment> = None;
    loop {
        tokio::select! {
            () = signals.next() => return false,
            () = tokio::time::sleep(LOOK) => {}
        }
        let mut idle = true;
        for one in served.iter_mut() {
            idle &= one.tend().await;
        }
        if !(idle && until_idle) {
            idle_since = None;
        } else if idle_since.get_or_insert_with(Moment::now).elapsed() >= SURELY_IDLE {
            return true;
        }
    }
}
