//! A message of the campaign in the form: what everybody gets, or the variants of which everybody gets one.

use super::{Mode, Page, Spot, TEXT_LIMIT, Value, Wish, Wizard};
use crate::domain::campaign::draft::{DraftSaying, DraftStep, Key};
use crate::tui::widgets::input::Input;
use std::time::Instant;

/// What is said: by the step, or by one of its variants.
#[derive(Debug, Clone)]
pub(super) struct Saying {
    /// Answers to all questions of the page; those of the step as a whole count in the first only.
    values: Vec<Value>,
    /// Language and text; the last one is empty, to be filled.
    pub texts: Vec<(Input, Input)>,
}

impl Saying {
    fn new() -> Self {
        let values = Page::What.asks().iter().map(Value::new).collect();
        let mut saying = Self { values, texts: Vec::new() };
        saying.have_room();
        saying
    }

    fn of(draft: &DraftSaying) -> Self {
        let mut saying = Self::new();
        for (ask, value) in Page::What.asks().iter().zip(&mut saying.values) {
            value.fill(ask, draft.values.get(&ask.key).map_or("", String::as_str));
        }
        let text = |(language, text): &(String, String)| {
            let mut pair = (Input::default(), Input::of(TEXT_LIMIT));
            pair.0.fill(language);
            pair.1.fill(text);
            pair
        };
        saying.texts = draft.texts.iter().map(text).collect();
        saying.have_room();
        saying
    }

    /// There is always a place for one more language.
    fn have_room(&mut self) {
        let full = |(language, text): &(Input, Input)| !language.text().is_empty() || !text.text().is_empty();
        if self.texts.last().is_none_or(full) {
            self.texts.push((Input::default(), Input::of(TEXT_LIMIT)));
        }
    }

    fn is_blank(&self) -> bool {
        let blank = |value: &Value| matches!(value, Value::Typed(input) if input.is_blank());
        let unchosen = |value: &Value| matches!(value, Value::Chosen(0));
        self.values.iter().all(|value| blank(value) || unchosen(value)) && self.texts.len() == 1
    }

    fn draft(&self, is_first: bool) -> DraftSaying {
        let answers = Page::What.asks().iter().zip(&self.values);
        let own = answers.filter(|(ask, _)| is_first || !ask.key.is_of_step());
        let text = |(one, other): &(Input, Input)| (one.text().to_owned(), other.text().to_owned());
        DraftSaying {
            values: own.map(|(ask, value)| (ask.key, value.text(ask).to_owned())).collect(),
            texts: self.texts.iter().map(text).collect(),
        }
    }

    /// Puts these in the place of its name and weight.
    fn call(&mut self, draft: &DraftSaying) {
        for (ask, value) in Page::What.asks().iter().zip(&mut self.values) {
            if ask.key.is_of_variant() {
                value.fill(ask, draft.values.get(&ask.key).map_or("", String::as_str));
            }
        }
    }
}

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// One, or as many as there are variants.
    sayings: Vec<Saying>,
    /// Which one is shown.
    at: usize,
}

impl Step {
    pub fn new() -> Self {
        Self { sayings: vec![Saying::new()], at: 0 }
    }

    pub fn of(draft: &DraftStep) -> Self {
        let all = [&draft.first].into_iter().chain(&draft.others);
        Self { sayings: all.map(Saying::of).collect(), at: 0 }
    }

    pub fn draft(&self) -> DraftStep {
        let mut all = self.sayings.iter().enumerate().map(|(nth, saying)| saying.draft(nth == 0));
        DraftStep { first: all.next().unwrap_or_default(), others: all.collect() }
    }

    pub fn has_variants(&self) -> bool {
        self.sayings.len() > 1
    }

    /// Which variant is shown, and of how many.
    pub fn place(&self) -> (usize, usize) {
        (self.at, self.sayings.len())
    }

    pub fn shown(&self) -> &Saying {
        &self.sayings[self.at]
    }

    pub fn shown_mut(&mut self) -> &mut Saying {
        &mut self.sayings[self.at]
    }

    /// Shows this variant, or the last.
    pub fn show(&mut self, nth: usize) {
        self.at = nth.min(self.sayings.len() - 1);
    }

    pub fn turn(&mut self, forward: bool) {
        let by = if forward { 1 } else { self.sayings.len() - 1 };
        self.at = (self.at + by) % self.sayings.len();
    }

    /// Where the answer to a question is: what is of the step stands in its first variant.
    fn home(&self, nth: usize) -> usize {
        let of_step = Page::What.asks().get(nth).is_some_and(|ask| ask.key.is_of_step());
        if of_step { 0 } else { self.at }
    }

    pub fn value(&self, nth: usize) -> &Value {
        &self.sayings[self.home(nth)].values[nth]
    }

    pub fn value_mut(&mut self, nth: usize) -> Option<&mut Value> {
        let home = self.home(nth);
        self.sayings[home].values.get_mut(nth)
    }

    pub fn have_room(&mut self) {
        self.sayings.iter_mut().for_each(Saying::have_room);
    }

    fn is_blank(&self) -> bool {
        self.sayings.iter().all(Saying::is_blank)
    }

    /// One more variant behind the one that is shown, which it begins as a copy of: what is compared mostly differs in a
    /// word. Its name is to be its own.
    fn add_variant(&mut self) {
        let mut more = self.shown().clone();
        more.call(&DraftSaying::default());
        self.at += 1;
        self.sayings.insert(self.at, more);
    }

    /// Gets the variants of another step, by name and weight: everybody keeps their variant through all steps.
    fn split_like(&mut self, other: &DraftStep) {
        let all = [&other.first].into_iter().chain(&other.others);
        let like = |draft: &DraftSaying| {
            let mut saying = self.shown().clone();
            saying.call(draft);
            saying
        };
        self.sayings = all.map(like).collect();
        self.at = 1.min(self.sayings.len() - 1);
    }

    /// Takes the variant out that is shown. What is of the step stays.
    fn remove_variant(&mut self) {
        let gone = self.sayings.remove(self.at);
        if self.at == 0 {
            let asks = Page::What.asks().iter().zip(gone.values).zip(&mut self.sayings[0].values);
            for ((_, value), kept) in asks.filter(|((ask, _), _)| ask.key.is_of_step()) {
                *kept = value;
            }
        }
        self.show(self.at);
    }
}

impl Wizard {
    /// A new step behind this one.
    pub fn add_step(&mut self, now: Instant) {
        if !matches!(self.mode, Mode::Editing) {
            return;
        }
        self.removing = false;
        self.page = Page::What;
        self.step += 1;
        self.steps.insert(self.step, Step::new());
        self.focus_on(|spot| spot == Spot::Ask(0));
        self.changed(now);
    }

    /// A further variant of the step; where another step has some, the same ones.
    pub fn add_variant(&mut self, now: Instant) {
        if !matches!(self.mode, Mode::Editing) {
            return;
        }
        self.removing = false;
        self.page = Page::What;
        let other = self.steps.iter().find(|step| step.has_variants()).map(Step::draft);
        let step = &mut self.steps[self.step];
        match other.filter(|_| !step.has_variants()) {
            Some(other) => step.split_like(&other),
            None => step.add_variant(),
        }
        let asks = Page::What.asks();
        self.focus_on(|spot| matches!(spot, Spot::Ask(nth) if asks[nth].key == Key::VariantName));
        self.changed(now);
    }

    /// Takes the step out, or on the line of its variants the one that is shown; what holds something only when asked
    /// twice.
    pub fn remove_step(&mut self, now: Instant) -> Wish {
        if !matches!(self.mode, Mode::Editing) || self.page != Page::What {
            return Wish::Nothing;
        }
        let of_variant = self.spot() == Spot::Variants;
        let step = &mut self.steps[self.step];
        if !(self.removing || step.is_blank() || of_variant && step.shown().is_blank()) {
            self.removing = true;
            let what = if of_variant {
                format!("variant {} of step {}", step.place().0 + 1, self.step + 1)
            } else {
                format!("step {}", self.step + 1)
            };
            return Wish::Say(format!("the same key again takes {what} out"));
        }
        self.removing = false;
        if of_variant {
            step.remove_variant();
        } else {
            self.steps.remove(self.step);
        }
        if self.steps.is_empty() {
            self.steps.push(Step::new());
        }
        self.step = self.step.min(self.steps.len() - 1);
        self.changed(now);
        Wish::Nothing
    }

    /// Goes to the first thing that is wrong; whether there is one.
    pub(super) fn go_to_fault(&mut self) -> bool {
        let Some(path) = self.findings().first().map(|(path, _)| (*path).to_owned()) else { return false };
        let place = self.place_of(&path);
        let (page, step, variant) = (place.page, place.step, place.variant);
        self.page = page.unwrap_or(self.page);
        self.step = step.unwrap_or(self.step).min(self.steps.len() - 1);
        if let Some(variant) = variant {
            self.steps[self.step].show(variant);
        }
        if let Some(at) = self.spots().into_iter().position(|spot| self.fault_at(spot).is_some()) {
            self.focus[self.page_index()] = at;
        }
        true
    }

    fn focus_on(&mut self, is_it: impl Fn(Spot) -> bool) {
        let at = self.spots().into_iter().position(is_it).unwrap_or(0);
        self.focus[self.page_index()] = at;
    }
}
