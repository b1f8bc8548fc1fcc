//! What a panel shows and reads again by itself as long as it lies there.

use crate::tui::backend::BackendError;
use crate::tui::theme::Role;
use crate::tui::widgets::facts::Facts;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The last answer, and the question under way.
#[derive(Debug, Clone)]
pub struct Reread<T> {
    value: Option<Arc<T>>,
    error: Option<BackendError>,
    /// The question under way.
    waiting: Option<u64>,
    asked_at: Option<Instant>,
    every: Duration,
}

impl<T> Reread<T> {
    /// Nothing is known yet; it is asked for again after so long.
    pub fn every(every: Duration) -> Self {
        Self { value: None, error: None, waiting: None, asked_at: None, every }
    }

    /// What was read last, however the last question went.
    pub fn value(&self) -> Option<&Arc<T>> {
        self.value.as_ref()
    }

    /// Why the last question has no answer.
    pub fn error(&self) -> Option<&BackendError> {
        self.error.as_ref()
    }

    /// Says that it is being read for the first time, or why it was not read; `failed` begins that sentence.
    pub fn tell(&self, facts: &mut Facts, failed: &str) {
        match (&self.value, &self.error) {
            (_, Some(error)) => facts.paragraph(&format!("{failed}: {error}"), Role::Warn),
            (None, None) => facts.paragraph("Reading ...", Role::Dim),
            (Some(_), None) => {}
        }
    }

    /// It is to be read again at once.
    pub fn reread(&mut self) {
        self.asked_at = None;
    }

    /// Something else is asked now: it is to be read at once, and the answer to the former question counts no more. What
    /// was read stays until then.
    pub fn ask_anew(&mut self) {
        (self.waiting, self.asked_at) = (None, None);
    }

    /// Whether it is to be asked for now; then it waits for the answer to this question.
    pub fn wants(&mut self, request: u64, now: Instant) -> bool {
        let due = self.asked_at.is_none_or(|asked| now >= asked + self.every);
        if self.waiting.is_some() || !due {
            return false;
        }
        (self.waiting, self.asked_at) = (Some(request), Some(now));
        true
    }

    /// When it is to be asked for by itself.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.asked_at.map(|at| at + self.every)
    }

    /// The question did not get out: it will be asked again.
    pub fn not_asked(&mut self, request: u64) {
        if self.waiting == Some(request) {
            (self.waiting, self.asked_at) = (None, None);
        }
    }

    /// Takes in an answer; whether it is the one that is waited for.
    pub fn answer(&mut self, request: u64, answer: Result<Arc<T>, BackendError>) -> bool {
        if self.waiting != Some(request) {
            return false;
        }
        self.waiting = None;
        match answer {
            Ok(value) => (self.value, self.error) = (Some(value), None),
            Err(error) => self.error = Some(error),
        }
        true
    }
}
