//! Connections have seats, so many at once. When all are taken, a new connection gets the seat of whoever has kept us
//! waiting longest, so that slow and half requests keep nobody out. A request that was read whole is never cut off.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// One connection's.
pub struct Seat {
    number: u64,
    /// Since when we wait for it, in turns; 0: we do not wait for it, it waits for us.
    waiting: AtomicU64,
    leave: Notify,
    room: Arc<Room>,
}

/// All of them.
pub struct Seats {
    room: Arc<Room>,
    most: usize,
}

#[derive(Default)]
struct Room {
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
    turns: AtomicU64,
    freed: Notify,
}

/// A seat that is given back when its connection ends.
pub struct Ticket(Arc<Seat>);

/// While this lives, the seat's connection waits for us.
pub struct Serving<'a>(&'a Seat);

impl Seats {
    /// So many, all free.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { room: Arc::default(), most }
    }

    /// Takes a seat. Waits only while every connection waits for us.
    pub async fn take(&self) -> Ticket {
        loop {
            if let Some(ticket) = self.try_take() {
                return ticket;
            }
            self.room.freed.notified().await;
        }
    }

    fn try_take(&self) -> Option<Ticket> {
        let mut taken = self.room.taken();
        if taken.len() >= self.most {
            let waiting = |seat: &&Arc<Seat>| seat.waiting.load(Ordering::Acquire);
            let slowest = taken.values().filter(|seat| waiting(seat) > 0).min_by_key(waiting)?;
            slowest.leave.notify_one();
            let number = slowest.number;
            taken.remove(&number);
        }
        let number = self.room.turn();
        let seat = Arc::new(Seat {
            number,
            waiting: AtomicU64::new(number),
            leave: Notify::new(),
            room: Arc::clone(&self.room),
        });
        taken.insert(number, Arc::clone(&seat));
        Some(Ticket(seat))
    }
}

impl Room {
    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next turn; the first is 1.
    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Seat {
    /// The request was read whole: from now on its connection waits for us.
    pub fn serve(&self) -> Serving<'_> {
        self.waiting.store(0, Ordering::Release);
        Serving(self)
    }

    /// Somebody else got the seat.
    pub async fn lost(&self) {
        self.leave.notified().await;
    }
}

impl Ticket {
    /// The seat, for those who serve it.
    #[must_use]
    pub fn seat(&self) -> &Arc<Seat> {
        &self.0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.room.taken().remove(&self.0.number);
        self.0.room.freed.notify_one();
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.waiting.store(self.0.room.turn(), Ordering::Release);
        self.0.room.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn is_lost(ticket: &Ticket) -> bool {
        tokio::time::timeout(Duration::from_millis(1), ticket.seat().lost()).await.is_ok()
    }

    #[tokio::test]
    async fn whoever_keeps_us_waiting_longest_makes_room_and_nobody_whom_we_keep_waiting() {
        let seats = Seats::new(3);
        let (served, slow, slower) = (seats.take().await, seats.take().await, seats.take().await);
        let serving = served.seat().serve();
        // The middle one asked something in between: it is now the one that has waited the shorter time.
        drop(slow.seat().serve());
        let fourth = seats.take().await;
        assert!(is_lost(&slower).await && !is_lost(&slow).await && !is_lost(&served).await);
        let fifth = seats.take().await;
        assert!(is_lost(&slow).await && !is_lost(&served).await && !is_lost(&fourth).await);
        drop((slow, slower));
        let (_four, _five) = (fourth.seat().serve(), fifth.seat().serve());
        let next = tokio::time::timeout(Duration::from_millis(5), seats.take()).await;
        assert!(next.is_err(), "all three wait for us");
        drop(serving);
        let next = tokio::time::timeout(Duration::from_secs(5), seats.take()).await;
        assert!(next.is_ok() && is_lost(&served).await, "it was answered and is silent");
    }
}
