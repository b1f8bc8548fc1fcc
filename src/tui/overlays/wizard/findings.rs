//! What is wrong with what is typed, where it belongs, and who is asked about it.

use super::{Ask, Page, Spot, Wizard};
use crate::domain::campaign::Finding;
use crate::domain::campaign::draft::Key;
use crate::domain::text::Safe;
use crate::store::view::{FileCheck, Known};
use crate::tui::backend::BackendError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The whole file is judged when typing has paused for so long.
const PAUSE: Duration = Duration::from_millis(600);

impl Wizard {
    /// Everything that is wrong, in the order of the file: by its reader, or else by the whole organisation.
    pub fn findings(&self) -> Vec<(&str, &str)> {
        match (&self.judged, &self.checked) {
            (Err(findings), _) => {
                let told = findings.iter().filter(|finding| self.tried || !is_missing(finding));
                told.map(|finding| (finding.key.as_str(), finding.sentence.as_str())).collect()
            }
            (Ok(_), Some((of, Ok(check)))) if *of == self.source => {
                check.findings.iter().map(|(key, sentence)| (key.as_str(), sentence.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What is worth knowing of a file that is right.
    pub(super) fn notes(&self) -> &[Safe] {
        match &self.checked {
            Some((of, Ok(check))) if *of == self.source => &check.notes,
            _ => &[],
        }
    }

    /// Where a finding belongs: its page, its step and its question.
    pub(super) fn place_of(path: &str) -> (Option<Page>, Option<usize>, Option<Key>) {
        if let Some(rest) = path.strip_prefix("steps") {
            let Some((nth, within)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                return (Some(Page::What), None, None);
            };
            let within = within.trim_start_matches('.');
            let key = Page::What.asks().iter().find(|ask| ask.key.is_at(within)).map(|ask| ask.key);
            return (Some(Page::What), nth.parse().ok(), key);
        }
        let pages = [Page::Who, Page::When, Page::How];
        let found = pages
            .iter()
            .find_map(|page| page.asks().iter().find(|ask| ask.key.is_at(path)).map(|ask| (*page, ask.key)));
        if let Some((page, key)) = found {
            return (Some(page), None, Some(key));
        }
        // A whole table: the page of its first key.
        let within = |ask: &Ask| ask.key.stands_in(path);
        (pages.into_iter().find(|page| page.asks().iter().any(within)), None, None)
    }

    /// How many findings a page has.
    pub(super) fn count_on(&self, page: Page) -> usize {
        self.findings().iter().filter(|(path, _)| Self::place_of(path).0 == Some(page)).count()
    }

    /// What is wrong at a spot of the open page.
    pub(super) fn fault_at(&self, spot: Spot) -> Option<&str> {
        let on_steps = self.page == Page::What;
        self.findings().into_iter().find_map(|(path, sentence)| {
            let (page, step, key) = Self::place_of(path);
            let here = page == Some(self.page) && (!on_steps || step == Some(self.step));
            let asked = match spot {
                Spot::Ask(nth) => key.is_some() && key == self.page.asks().get(nth).map(|ask| ask.key),
                Spot::Steps => on_steps && (step.is_none() || path.ends_with(']')),
                Spot::Language(nth) | Spot::Text(nth) => {
                    let within = path.split_once("].").map_or("", |(_, within)| within);
                    let language = self.steps[self.step].texts[nth].0.text().trim();
                    key.is_none()
                        && (within == "text" && nth == 0 || within.strip_prefix("text.") == Some(language))
                }
            };
            let fits = match spot {
                Spot::Steps => page == Some(Page::What) && on_steps && (step.is_none() || here),
                _ => here,
            };
            (fits && asked).then_some(sentence)
        })
    }

    /// Whether what the organisation knows is to be asked for now.
    pub fn wants_known(&mut self, request: u64) -> bool {
        let wants = self.known.is_none() && self.asks_known.is_none();
        if wants {
            self.asks_known = Some(request);
        }
        wants
    }

    /// Takes in what the organisation knows.
    pub fn know(&mut self, request: u64, answer: Result<Arc<Known>, BackendError>) -> bool {
        if self.asks_known != Some(request) {
            return false;
        }
        match answer {
            Ok(known) => {
                self.known = Some(known);
                self.judge();
            }
            // Asked again by the next thing that happens; until then any name goes.
            Err(_) => self.asks_known = None,
        }
        true
    }

    /// The file, if the whole of it is to be judged now.
    pub fn wants_check(&mut self, request: u64, now: Instant) -> Option<String> {
        let asked = self.checking.as_ref().is_some_and(|(_, of)| *of == self.source);
        let known = self.checked.as_ref().is_some_and(|(of, _)| *of == self.source);
        let rested = self.changed_at.is_none_or(|at| now >= at + PAUSE);
        if asked || known || !rested || self.judged.is_err() || self.known.is_none() {
            return None;
        }
        self.checking = Some((request, self.source.clone()));
        Some(self.source.clone())
    }

    /// Takes in what the organisation says of the whole file.
    pub fn checked(&mut self, request: u64, answer: Result<FileCheck, BackendError>) -> bool {
        match self.checking.take() {
            Some((asked, of)) if asked == request => {
                self.checked = Some((of, answer));
                true
            }
            other => {
                self.checking = other;
                false
            }
        }
    }

    /// A question did not get out.
    pub fn not_asked(&mut self, request: u64) {
        if self.asks_known == Some(request) {
            self.asks_known = None;
        }
        if self.checking.as_ref().is_some_and(|(asked, _)| *asked == request) {
            self.checking = None;
        }
        self.counting.not_asked(request);
    }

    /// When something is to be asked by itself.
    pub fn wakes_at(&self) -> impl Iterator<Item = Instant> {
        let check = self.changed_at.map(|at| at + PAUSE);
        check.into_iter().chain(self.counting.wakes_at()).chain(self.guarded_until())
    }
}

/// What is not there yet is no fault while one is typing.
fn is_missing(finding: &Finding) -> bool {
    finding.sentence.contains(" is missing") || finding.key == "name" && finding.sentence.contains("is empty")
}
