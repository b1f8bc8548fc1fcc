//! What a panel shows and reads again by itself as long as it lies there.

use crate::tui::backend::BackendError;
use crate::tui::lists::{Identified, LocalList, Motion, Standing};
use crate::tui::model::Geometry;
use crate::tui::tabs::{Place, draw_rows, empty};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{Cell, Column, Row};
use ratatui::layout::Rect;
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

/// A list that reads itself again. Its rows stay under the cursor whatever comes and goes.
#[derive(Debug, Clone)]
pub struct RereadList<T: Identified> {
    /// What is known of them.
    pub read: Reread<Vec<T>>,
    rows: LocalList<T>,
}

/// How a list that reads itself again is drawn.
pub struct Sheet<'a, T> {
    /// Its columns.
    pub columns: &'a [Column],
    /// What a row has in them.
    pub cells: &'a dyn Fn(&T) -> Vec<Cell<'static>>,
    /// Lines kept free below the rows, for all of the one under the cursor.
    pub below: u16,
    /// What there is to say where there are no rows.
    pub none: &'a [&'a str],
    /// And where they could not be read.
    pub failed: &'a str,
}

impl<T: Identified + Clone> RereadList<T> {
    /// Nothing is known yet; it is asked for again after so long.
    pub fn every(every: Duration) -> Self {
        Self { read: Reread::every(every), rows: LocalList::default() }
    }

    /// The one under the cursor, if it is still there.
    pub fn row(&self) -> Option<&T> {
        self.rows.there()
    }

    /// Those that are still there.
    pub fn present(&self) -> impl Iterator<Item = &T> {
        self.rows.present()
    }

    /// Moves.
    pub fn go(&mut self, motion: Motion, now: Instant) {
        self.rows.go(motion, now);
    }

    /// Takes in what was read.
    pub fn take(&mut self, covered: bool, now: Instant) {
        if let Some(rows) = self.read.value() {
            self.rows.take(rows, covered, now);
        }
    }

    /// Draws the rows, or why there are none; the one under the cursor, and the lines below for all of it.
    pub fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        inside: Rect,
        sheet: &Sheet<'_, T>,
        geometry: &mut Geometry,
    ) -> Option<(&Standing<T>, Rect)> {
        if self.rows.rows().is_empty() {
            match (self.read.error(), self.read.value()) {
                (Some(_), _) => empty(canvas, inside, &[sheet.failed, "r tries again."]),
                (None, None) => empty(canvas, inside, &["Reading ..."]),
                (None, Some(_)) => empty(canvas, inside, sheet.none),
            }
            return None;
        }
        let list = Rect { height: inside.height - sheet.below, ..inside };
        let place = Place { cursor: self.rows.cursor(), shift: 0, offset: geometry.overlay_offset };
        let drawn = draw_rows(canvas, list, sheet.columns, place, self.rows.rows().iter(), |standing| Row {
            cells: (sheet.cells)(&standing.row),
            gone: standing.gone,
            ..Row::default()
        });
        (geometry.overlay_rows, geometry.overlay_offset) = drawn;
        let below = Rect { x: inside.x + 1, y: list.bottom(), width: inside.width - 2, height: sheet.below };
        self.rows.current().filter(|_| sheet.below > 0).map(|standing| (standing, below))
    }
}
