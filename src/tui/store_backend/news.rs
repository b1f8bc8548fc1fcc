//! What others change, told: a burst at a time, and after a gap all that fell into it.

use super::here::Here;
use crate::domain::action::Subject;
use crate::domain::right::NO_OPERATOR;
use crate::store::screen::Seat;
use crate::store::screen::notices::{Change, ChangeLine};
use crate::store::{Store, StoreError};
use crate::tui::backend::Notice;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use uuid::Uuid;

/// Changes that come within this time are looked up together.
const GATHER: Duration = Duration::from_millis(50);
/// Changes of one burst that are told.
const TOLD_APART: usize = 20;
/// Between two tries to read what fell into a gap.
const AGAIN: Duration = Duration::from_secs(1);
/// Rights are looked at this often: what takes them is told to nobody.
const SEAT_EVERY: Duration = Duration::from_secs(5);
/// A change is on record at the time of its statement and heard of at its commit: one that was heard of may be younger than
/// another one that was not, by so much.
const COMMITS_WITHIN: TimeDelta = TimeDelta::seconds(10);
/// Changes that are known to have been told.
const REMEMBERED: usize = 256;

/// Turns changes into notices.
pub struct News {
    changes: mpsc::Receiver<Change>,
    store: Store,
    here: Arc<Here>,
    notices: broadcast::WeakSender<Notice>,
    /// Up to here everything was heard, by the database's clock; `None` until the first word.
    heard: Option<DateTime<Utc>>,
    /// There was a gap, and what fell into it is still to be read.
    is_behind: bool,
    /// Zone and rights may be others than those that are shown, and could not be read yet.
    seat_is_old: bool,
    told: VecDeque<(Uuid, DateTime<Utc>)>,
}

impl News {
    /// News that nobody has heard yet.
    pub fn new(
        changes: mpsc::Receiver<Change>,
        store: Store,
        here: Arc<Here>,
        notices: broadcast::WeakSender<Notice>,
    ) -> Self {
        Self {
            changes,
            store,
            here,
            notices,
            heard: None,
            is_behind: false,
            seat_is_old: false,
            told: VecDeque::new(),
        }
    }

    /// Tells them until nobody is there any more.
    pub async fn tell(mut self, mut alive: watch::Receiver<()>) {
        let mut seats = tokio::time::interval(SEAT_EVERY);
        // It was looked at a moment ago.
        seats.reset();
        seats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let change = tokio::select! {
                change = self.changes.recv() => match change {
                    Some(change) => Some(change),
                    None => return,
                },
                _gone = alive.changed() => return,
                _ = seats.tick() => {
                    self.seat_is_old = !self.sit_again().await;
                    continue;
                }
                () = tokio::time::sleep(AGAIN), if self.is_behind || self.seat_is_old => None,
            };
            tokio::time::sleep(GATHER).await;
            let Some(notices) = self.notices.upgrade() else { return };
            for notice in self.read(change).await {
                let _unheard = notices.send(notice);
            }
        }
    }

    async fn read(&mut self, first: Option<Change>) -> Vec<Notice> {
        let mut rows: Vec<(String, Uuid)> = Vec::new();
        let mut notices = Vec::new();
        for change in first.into_iter().chain(std::iter::from_fn(|| self.changes.try_recv().ok())) {
            match change {
                // At the start nothing was missed: the first picture is read after this.
                Change::Reload(at) if self.heard.is_none() => self.heard = Some(at),
                Change::Reload(at) => {
                    self.is_behind = true;
                    notices.push(look_again(at));
                }
                Change::Row { table, id, .. } if !rows.contains(&(table.clone(), id)) => {
                    rows.push((table, id));
                }
                Change::Row { .. } => {}
            }
        }
        self.seat_is_old |= self.is_behind || rows.iter().any(|(table, _)| table == "organizations");
        if self.seat_is_old {
            self.seat_is_old = !self.sit_again().await;
        }
        match self.describe(rows).await {
            Ok(lines) => notices.extend(lines.into_iter().map(Notice::from)),
            Err(error) => tracing::debug!(error = %error, "a change is not told"),
        }
        notices
    }

    /// Zone and rights may be others now. Answers whether they were read: right after a gap the way that they take may still
    /// be closed while another one is open.
    async fn sit_again(&self) -> bool {
        let seat = self.here.seat();
        match self.store.seat(seat.organization, seat.instance).await {
            Ok(seat) => self.here.sit(seat),
            // Taken from it altogether: it may not even look any more.
            Err(StoreError::Forbidden { .. }) => {
                self.here.sit(Seat { role: Some(NO_OPERATOR.into()), ..seat });
            }
            Err(error) => {
                tracing::debug!(error = %error, "who is here is not read yet");
                return false;
            }
        }
        true
    }

    /// What became of these rows, and of all that were changed in a gap; without what this program did itself.
    async fn describe(&mut self, mut rows: Vec<(String, Uuid)>) -> Result<Vec<ChangeLine>, StoreError> {
        let seat = self.here.seat();
        let since = self.heard.filter(|_| self.is_behind).map(|heard| heard - COMMITS_WITHIN);
        if let Some(since) = since {
            let missed = self.store.changed_since(&seat, since).await?;
            rows.retain(|row| !missed.contains(row));
            rows.splice(0..0, missed);
        }
        // Of a burst the last ones are told; the picture shows all of them.
        rows.drain(..rows.len().saturating_sub(TOLD_APART));
        if rows.is_empty() {
            self.is_behind = false;
            return Ok(Vec::new());
        }
        let mut lines = self.store.describe_changes(&seat, &rows, since).await?;
        self.is_behind = false;
        let mut ids = rows.iter().map(|(_, id)| *id);
        let me = self.here.session().operator;
        lines.retain(|line| {
            let fresh = ids.next().is_some_and(|id| note(&mut self.told, (id, line.at)));
            self.heard = self.heard.max(Some(line.at));
            let is_own = line.instance.is_some() && line.instance == seat.instance;
            fresh && !is_own && !self.here.own.has(line, &me)
        });
        Ok(lines)
    }
}

/// Remembers that this was told; answers whether it is new.
fn note(told: &mut VecDeque<(Uuid, DateTime<Utc>)>, change: (Uuid, DateTime<Utc>)) -> bool {
    if told.contains(&change) {
        return false;
    }
    told.push_back(change);
    let surplus = told.len().saturating_sub(REMEMBERED);
    told.drain(..surplus);
    true
}

fn look_again(at: DateTime<Utc>) -> Notice {
    Notice {
        at,
        by: "signalbox".into(),
        what: "the database is back; what changed meanwhile is read again".into(),
        subject: Subject::Organization,
        version: None,
        alarming: false,
    }
}

impl From<ChangeLine> for Notice {
    fn from(line: ChangeLine) -> Self {
        let ChangeLine { at, by, what, subject, version, alarming, instance: _ } = line;
        Self { at, by, what, subject, version, alarming }
    }
}
