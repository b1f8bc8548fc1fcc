//! What is to be posted, by the time that it is due.

use super::{
    bodies::Request,
    ledger,
    script::says::{Event, Receipt, Reply, Stage},
};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A message that reports are about.
#[derive(Debug, Clone)]
pub struct About {
    /// The sender, by its place.
    pub number: u32,
    /// Its place in the ledger, as an id; what was forgotten there is not reported any more.
    pub entry: u64,
    /// The id that its sender was told.
    pub id: u64,
    /// Twilio: what the request asked for.
    pub callback: Option<Arc<Callback>>,
}

/// Where Twilio reports what becomes of one message.
#[derive(Debug, PartialEq, Eq)]
pub struct Callback {
    /// `StatusCallback`, as it was given.
    pub url: String,
    /// The token that the request was made with, which signs the reports too.
    pub token: String,
    /// The account in the request's path.
    pub account: String,
}

/// What is to be posted.
#[derive(Debug)]
pub enum Post {
    /// How far a message came.
    Receipt(About, Arc<[Receipt]>, usize),
    /// What somebody answered.
    Reply(About, Arc<[Reply]>, usize),
    /// What happened to a number or its account.
    Event(u32, Arc<[Event]>, usize),
    /// What was not taken before.
    Again(Request),
}

#[derive(Debug)]
struct Due {
    at: Instant,
    turn: u64,
    post: Post,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.turn) == (other.at, other.turn)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}

/// What was posted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posted {
    /// Reports that were answered as their provider wants.
    pub delivered: u64,
    /// Reports that nobody tries again.
    pub given_up: u64,
    /// Reports whose time has not come, and those on their way.
    pub waiting: u64,
    /// Reports that a message was delivered, each counted when it was first on its way.
    pub of_delivery: u64,
    /// Reports that a message was read, likewise.
    pub of_reading: u64,
}

/// The list itself.
#[derive(Debug)]
pub struct Outbox {
    heap: BinaryHeap<Reverse<Due>>,
    turns: u64,
    /// So many are on their way.
    on_the_way: u64,
    posted: Posted,
    /// Grows with every reset: answers to what was forgotten count no more.
    generation: u64,
    /// Ids of messages to us go on like those of messages from us.
    next_inbound: u64,
    /// Rung when there is something earlier.
    pub bell: Arc<Notify>,
}

impl Outbox {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            turns: 0,
            on_the_way: 0,
            posted: Posted::default(),
            generation: 0,
            next_inbound: ledger::now_micros(),
            bell: Arc::default(),
        }
    }

    /// Adds what is due at a time.
    pub fn push(&mut self, at: Instant, post: Post) {
        if self.heap.peek().is_none_or(|Reverse(first)| at < first.at) {
            self.bell.notify_one();
        }
        self.turns += 1;
        self.heap.push(Reverse(Due { at, turn: self.turns, post }));
    }

    /// Takes the first that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Post> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due.post)
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }

    /// One is on its way. Answers what its answer is to name.
    pub fn leave(&mut self) -> u64 {
        self.on_the_way += 1;
        self.generation
    }

    /// A message is reported to have come so far.
    pub fn count(&mut self, stage: Stage) {
        match stage {
            Stage::Delivered => self.posted.of_delivery += 1,
            Stage::Read => self.posted.of_reading += 1,
            _ => {}
        }
    }

    /// The one of this generation was answered, or not: then it is tried again so much later, or never.
    pub fn arrived(&mut self, generation: u64, again: Option<(Duration, Request)>, taken: bool) {
        if generation != self.generation {
            return;
        }
        self.on_the_way = self.on_the_way.saturating_sub(1);
        match again {
            Some((wait, request)) => self.push(Instant::now() + wait, Post::Again(request)),
            None if taken => self.posted.delivered += 1,
            None => self.posted.given_up += 1,
        }
    }

    /// What was posted so far.
    pub fn posted(&self) -> Posted {
        Posted { waiting: self.heap.len() as u64 + self.on_the_way, ..self.posted }
    }

    /// An id for a message to us.
    pub fn inbound_id(&mut self) -> u64 {
        self.next_inbound += 1;
        self.next_inbound
    }

    /// Forgets everything but which ids were given.
    pub fn clear(&mut self) {
        self.heap.clear();
        self.generation += 1;
        self.on_the_way = 0;
        self.posted = Posted::default();
    }
}
