//! What is wrong with what is typed, where it belongs, and who is asked about it.

use super::{Ask, Page, Spot, Step, Wizard};
use crate::domain::campaign::Finding;
use crate::domain::campaign::draft::Key;
use crate::domain::text::Safe;
use crate::store::view::{FileCheck, Known};
use crate::tui::backend::BackendError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The whole file is judged when typing has paused for so long.
const PAUSE: Duration = Duration::from_millis(600);

/// Where a finding belongs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Where<'p> {
    pub page: Option<Page>,
    pub step: Option<usize>,
    /// Which variant of the step.
    pub variant: Option<usize>,
    /// Whether it is about variants that have fields here.
    of_variants: bool,
    pub key: Option<Key>,
    /// The path within the step and its variant.
    within: &'p str,
}

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

    /// Why it would be refused to make a campaign of the file.
    pub(super) fn refusal(&self) -> Option<&Safe> {
        match &self.checked {
            Some((of, Ok(check))) if *of == self.source => check.refusal.as_ref(),
            _ => None,
        }
    }

    /// How many people it would be for, where a rule asks: until they are counted nobody can say what that refuses.
    pub fn people(&self) -> Option<u64> {
        let asked = self.known.as_ref().is_some_and(|known| known.subscription_ends) && self.edits.is_none();
        self.counting.count().filter(|_| asked && self.counting.is_of_now()).map(|count| count.queued)
    }

    /// Where a finding belongs: its page, its step and variant, and its question.
    pub(super) fn place_of<'p>(&self, path: &'p str) -> Where<'p> {
        if let Some(rest) = path.strip_prefix("steps") {
            return self.place_in_step(rest);
        }
        let pages = [Page::Who, Page::When, Page::How];
        let found = pages
            .iter()
            .find_map(|page| page.asks().iter().find(|ask| ask.key.is_at(path)).map(|ask| (*page, ask.key)));
        if let Some((page, key)) = found {
            return Where { page: Some(page), key: Some(key), ..Where::default() };
        }
        // A whole table: the page of its first key.
        let within = |ask: &Ask| ask.key.stands_in(path);
        let page = pages.into_iter().find(|page| page.asks().iter().any(within));
        Where { page, ..Where::default() }
    }

    /// The same for what stands behind `steps`.
    fn place_in_step<'p>(&self, rest: &'p str) -> Where<'p> {
        let mut place = Where { page: Some(Page::What), ..Where::default() };
        let indexed = |path: &'p str| path.strip_prefix('[').and_then(|path| path.split_once(']'));
        let Some((nth, within)) = indexed(rest) else { return place };
        place.step = nth.parse().ok();
        place.within = within.trim_start_matches('.');
        let has_variants = place.step.and_then(|nth| self.steps.get(nth)).is_some_and(Step::has_variants);
        if let Some(rest) = place.within.strip_prefix("variants").filter(|_| has_variants) {
            place.of_variants = true;
            place.within = "";
            if let Some((nth, within)) = indexed(rest) {
                place.variant = nth.parse().ok();
                place.within = within.trim_start_matches('.');
            }
        }
        if !place.of_variants || !place.within.is_empty() {
            let asks = Page::What.asks().iter().filter(|ask| place.of_variants || !ask.key.is_of_variant());
            place.key = asks.into_iter().find(|ask| ask.key.is_at(place.within)).map(|ask| ask.key);
        }
        place
    }

    /// How many findings a page has.
    pub(super) fn count_on(&self, page: Page) -> usize {
        self.findings().iter().filter(|(path, _)| self.place_of(path).page == Some(page)).count()
    }

    /// What is wrong at a spot of the open page.
    pub(super) fn fault_at(&self, spot: Spot) -> Option<&str> {
        let on_steps = self.page == Page::What;
        let (shown, _) = self.steps[self.step].place();
        self.findings().into_iter().find_map(|(path, sentence)| {
            let place = self.place_of(path);
            let in_step = place.page == Some(self.page) && (!on_steps || place.step == Some(self.step));
            let here = in_step && place.variant.is_none_or(|variant| variant == shown);
            let key = place.key;
            let fits = match spot {
                Spot::Steps => {
                    place.page == Some(Page::What)
                        && on_steps
                        && (place.step.is_none() || in_step && !place.of_variants && place.within.is_empty())
                }
                Spot::Variants => in_step && place.of_variants && place.within.is_empty(),
                Spot::Ask(nth) => {
                    here && key.is_some() && key == self.page.asks().get(nth).map(|ask| ask.key)
                }
                Spot::Language(nth) | Spot::Text(nth) => {
                    let language = self.steps[self.step].shown().texts[nth].0.text().trim();
                    let is_text = place.within == "text" && nth == 0;
                    here && key.is_none() && (is_text || place.within.strip_prefix("text.") == Some(language))
                }
            };
            fits.then_some(sentence)
        })
    }

    /// The same as it is told there: what is typed otherwise than the file has it gets its own advice.
    pub(super) fn told_at(&self, spot: Spot) -> Option<String> {
        let fault = self.fault_at(spot)?;
        let ask = match spot {
            Spot::Ask(nth) => self.page.asks().get(nth).filter(|ask| ask.key.has_own_notation()),
            _ => None,
        };
        Some(match ask.and_then(|ask| Some((ask, fault.split_once(": write ")?))) {
            Some((ask, (wrong, _))) => format!("{wrong}: write {}", ask.note),
            None => fault.to_owned(),
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
        let people = self.people();
        let same = people == self.checked_for;
        let asked = same && self.checking.as_ref().is_some_and(|(_, of)| *of == self.source);
        let known = same && self.checked.as_ref().is_some_and(|(of, _)| *of == self.source);
        let rested = self.changed_at.is_none_or(|at| now >= at + PAUSE);
        if asked || known || !rested || self.judged.is_err() || self.known.is_none() {
            return None;
        }
        self.checking = Some((request, self.source.clone()));
        self.checked_for = people;
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
