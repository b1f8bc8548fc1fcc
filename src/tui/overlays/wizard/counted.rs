//! How many people an audience would be, while it is typed: asked for when typing pauses, given up when it goes on, and
//! marked as old as long as it is the answer to an earlier question.

use crate::domain::campaign::CampaignSpec;
use crate::store::view::AudienceCount;
use crate::tui::backend::BackendError;
use crate::tui::msg::Moment;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Typing has paused.
const PAUSE: Duration = Duration::from_millis(350);
/// After an error it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The count and what it is about.
#[derive(Debug, Clone, Default)]
pub struct Counting {
    /// What is to be counted; `None`: what is typed cannot be read.
    wanted: Option<Arc<CampaignSpec>>,
    /// What is being counted.
    asked: Option<(u64, Arc<CampaignSpec>)>,
    /// The last count.
    shown: Option<(Arc<CampaignSpec>, Arc<AudienceCount>, DateTime<Utc>)>,
    /// Why the last question has no answer, and when that was.
    error: Option<(BackendError, Instant)>,
    typed_at: Option<Instant>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What is shown is the count of what is typed.
    Current,
    /// What is shown is what it is at about; it is being counted.
    About,
    /// It is being counted, or will be in a moment.
    Counting,
    /// What is typed cannot be counted.
    Unreadable,
    /// It could not be counted.
    Failed,
}

impl Counting {
    /// This is to be counted now.
    pub fn is_of(&mut self, spec: Option<Arc<CampaignSpec>>) {
        if self.wanted != spec {
            self.wanted = spec;
            self.error = None;
        }
    }

    /// Something was typed.
    pub fn typed(&mut self, now: Instant) {
        self.typed_at = Some(now);
    }

    /// How far it is.
    pub fn state(&self) -> State {
        match (&self.wanted, &self.shown) {
            (None, _) => State::Unreadable,
            (Some(wanted), Some((of, count, _))) if wanted == of && count.margin.is_none() => State::Current,
            _ if self.error.is_some() => State::Failed,
            (Some(wanted), Some((of, ..))) if wanted == of => State::About,
            _ => State::Counting,
        }
    }

    /// Whether what is shown is about what is typed, counted or not.
    pub fn is_of_now(&self) -> bool {
        matches!((&self.wanted, &self.shown), (Some(wanted), Some((of, ..))) if wanted == of)
    }

    /// The last count, whatever it is about.
    pub fn count(&self) -> Option<&AudienceCount> {
        self.shown.as_ref().map(|(_, count, _)| &**count)
    }

    /// When that came.
    pub fn counted_at(&self) -> Option<DateTime<Utc>> {
        self.shown.as_ref().map(|(.., at)| *at)
    }

    /// Why there is none.
    pub fn error(&self) -> Option<&BackendError> {
        self.error.as_ref().map(|(error, _)| error)
    }

    /// Whether somebody counts what nobody wants to know any more.
    pub fn is_vain(&self) -> bool {
        self.asked.as_ref().is_some_and(|(_, of)| self.wanted.as_ref() != Some(of))
    }

    /// Nobody counts any more.
    pub fn given_up(&mut self) {
        self.asked = None;
    }

    /// What is to be counted, if that is to be asked now.
    pub fn wants(&mut self, request: u64, now: Instant) -> Option<Arc<CampaignSpec>> {
        let wanted = self.wanted.as_ref()?;
        let rested = self.typed_at.is_none_or(|at| now >= at + PAUSE);
        let tried = self.error.as_ref().is_some_and(|(_, at)| now < *at + AGAIN);
        if !rested || tried || self.asked.is_some() || self.state() == State::Current {
            return None;
        }
        self.asked = Some((request, wanted.clone()));
        Some(wanted.clone())
    }

    /// Takes in a count; whether it is the one that is waited for.
    pub fn answer(
        &mut self,
        request: u64,
        answer: Result<Arc<AudienceCount>, BackendError>,
        now: Moment,
    ) -> bool {
        match self.asked.take() {
            Some((asked, of)) if asked == request => {
                match answer {
                    // The count itself is still to come.
                    Ok(about) if about.margin.is_some() => {
                        (self.shown, self.error) = (Some((of.clone(), about, now.wall)), None);
                        self.asked = Some((asked, of));
                    }
                    Ok(count) => (self.shown, self.error) = (Some((of, count, now.wall)), None),
                    Err(error) => self.error = Some((error, now.mono)),
                }
                true
            }
            other => {
                self.asked = other;
                false
            }
        }
    }

    /// The question did not get out.
    pub fn not_asked(&mut self, request: u64) {
        if self.asked.as_ref().is_some_and(|(asked, _)| *asked == request) {
            self.asked = None;
        }
    }

    /// When it is to be asked by itself.
    pub fn wakes_at(&self) -> impl Iterator<Item = Instant> {
        let typed = self.typed_at.map(|at| at + PAUSE);
        typed.into_iter().chain(self.error.as_ref().map(|(_, at)| *at + AGAIN))
    }
}
