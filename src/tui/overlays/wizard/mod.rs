//! A new campaign as a form over its file. What is typed is written as a file at every key, and the one reader of files
//! says what is wrong with it; nothing here knows a rule of its own. Nothing that was typed is lost: leaving asks.

mod counted;
mod fields;
mod findings;
mod origin;
mod step;
mod view;

pub use counted::Counting;
pub use fields::{Ask, Page};
pub use origin::Origin;

use super::confirm::GUARD;
use crate::domain::campaign::draft::{Draft, weave};
use crate::domain::campaign::{CampaignSpec, Finding};
use crate::domain::ids::CampaignId;
use crate::domain::text::Safe;
use crate::store::view::{FileCheck, Known};
use crate::tui::backend::BackendError;
use crate::tui::widgets::input::Input;
use chrono_tz::Tz;
use crossterm::event::{KeyCode, KeyEvent};
use std::sync::Arc;
use std::time::Instant;
use step::Step;

/// What findings call the file while it has no name.
pub const FILE: &str = "campaign.toml";
/// Longest text, in graphemes: the longest that any provider takes.
const TEXT_LIMIT: usize = 4_096;

/// An answer.
#[derive(Debug, Clone)]
enum Value {
    Typed(Input),
    Chosen(usize),
}

impl Value {
    fn new(ask: &Ask) -> Self {
        match (ask.choices.is_empty(), ask.long) {
            (false, _) => Self::Chosen(0),
            (true, true) => Self::Typed(Input::of(TEXT_LIMIT)),
            (true, false) => Self::Typed(Input::default()),
        }
    }

    /// Takes an answer as a file has it.
    fn fill(&mut self, ask: &Ask, said: &str) {
        match self {
            Self::Typed(input) => input.fill(said),
            Self::Chosen(at) => {
                *at = ask.choices.iter().position(|(value, _)| *value == said).unwrap_or(*at);
            }
        }
    }

    fn text(&self, ask: &Ask) -> &str {
        match self {
            Self::Typed(input) => input.text(),
            Self::Chosen(at) => ask.choices.get(*at).map_or("", |(value, _)| value),
        }
    }
}

/// Where the focus can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// Which step is shown.
    Steps,
    /// Which variant of the step is shown, where it has several.
    Variants,
    /// A question of the page.
    Ask(usize),
    /// The language of a text.
    Language(usize),
    /// A text.
    Text(usize),
}

/// What is asked before the form closes or is saved.
#[derive(Debug, Clone)]
enum Mode {
    Editing,
    /// Where the focus is among the buttons of [`Button::ALL`], and the file's name.
    Saving(usize, Input),
    /// Since when, and whether the button that leaves has the focus.
    Leaving(Instant, bool),
    /// Which file is to be opened.
    Opening(Input),
}

/// How a form can be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// Not yet.
    GoOn,
    /// The campaign is made.
    Create,
    /// The name of a file.
    File,
    /// The file is written.
    Write,
}

impl Button {
    const ALL: [Self; 4] = [Self::GoOn, Self::Create, Self::File, Self::Write];
}

/// What the form wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// To be closed.
    Close,
    /// The campaign of this file, and perhaps the one that it is like.
    Create(String, Option<CampaignId>),
    /// The steps of this file take the place of this campaign's.
    Change(CampaignId, Safe, String),
    /// This file, under this name.
    Write(String, String),
    /// The file of this name is read into the form.
    Open(String),
    /// A word to the operator.
    Say(String),
}

/// The form.
#[derive(Debug, Clone)]
pub struct Wizard {
    page: Page,
    /// Where the focus is, page by page.
    focus: [usize; 4],
    /// Answers of the pages without steps.
    values: [Vec<Value>; 4],
    steps: Vec<Step>,
    step: usize,
    /// What the organisation knows, once it is read.
    known: Option<Arc<Known>>,
    /// The question for it.
    asks_known: Option<u64>,
    /// The file, and what its reader says.
    source: String,
    /// The file that it was begun with: what it says otherwise is written into that.
    base: Option<String>,
    judged: Result<Arc<CampaignSpec>, Vec<Finding>>,
    /// How many people that would be.
    pub counting: Counting,
    /// The question about the whole file, and the last answer with the file that it is about.
    checking: Option<(u64, String)>,
    checked: Option<(String, Result<FileCheck, BackendError>)>,
    /// For how many people that was asked, where it bears on the answer.
    checked_for: Option<u64>,
    changed_at: Option<Instant>,
    /// The file as it was saved last, or as it was at first.
    saved: String,
    /// Whether saving was tried: only then is what is missing a fault.
    tried: bool,
    /// A step would be taken out by the same key again.
    removing: bool,
    /// What is under way: making the campaign or writing the file.
    pub working: bool,
    mode: Mode,
    zone: Tz,
    /// The campaign that it changes; none: it makes a new one.
    edits: Option<(CampaignId, Safe)>,
    /// The campaign that the new one is like.
    like: Option<CampaignId>,
}

impl Wizard {
    /// An empty form.
    pub fn new(zone: Tz) -> Self {
        let mut wizard = Self {
            page: Page::Who,
            focus: [0; 4],
            values: Page::ALL.map(|page| page.asks().iter().map(Value::new).collect()),
            steps: vec![Step::new()],
            step: 0,
            known: None,
            asks_known: None,
            source: String::new(),
            base: None,
            judged: Err(Vec::new()),
            counting: Counting::default(),
            checking: None,
            checked: None,
            checked_for: None,
            changed_at: None,
            saved: String::new(),
            tried: false,
            removing: false,
            working: false,
            mode: Mode::Editing,
            zone,
            edits: None,
            like: None,
        };
        wizard.judge();
        wizard.saved.clone_from(&wizard.source);
        wizard
    }

    fn draft(&self) -> Draft {
        let pages = Page::ALL.iter().zip(&self.values).filter(|(page, _)| **page != Page::What);
        let values = pages
            .flat_map(|(page, values)| page.asks().iter().zip(values))
            .map(|(ask, value)| (ask.key, value.text(ask).to_owned()))
            .collect();
        Draft { values, steps: self.steps.iter().map(Step::draft).collect() }
    }

    fn read(&self, source: &str) -> Result<CampaignSpec, Vec<Finding>> {
        let nothing = Known::anything();
        let known = self.known.as_deref().unwrap_or(&nothing);
        known.read(source.as_bytes(), FILE, self.zone)
    }

    /// Writes the file anew and reads it.
    fn judge(&mut self) {
        let draft = self.draft();
        let said = draft.to_toml();
        self.source = match &self.base {
            Some(base) => weave(base, &said),
            None => said,
        };
        self.judged = self.read(&self.source).map(Arc::new);
        let with_steps = self.read(&draft.only_audience(true).to_toml());
        let spec = with_steps.or_else(|_| self.read(&draft.only_audience(false).to_toml()));
        self.counting.is_of(spec.ok().map(Arc::new));
    }

    /// Something was typed.
    fn changed(&mut self, now: Instant) {
        for step in &mut self.steps {
            step.have_room();
        }
        let before = std::mem::take(&mut self.source);
        self.judge();
        if before != self.source {
            self.changed_at = Some(now);
            self.counting.typed(now);
        }
    }

    /// Whether something would be lost.
    pub fn is_dirty(&self) -> bool {
        self.source != self.saved
    }

    /// Everything on the open page that can have the focus, from above; texts have two on a line.
    fn spots(&self) -> Vec<Spot> {
        if self.page != Page::What {
            return (0..self.page.asks().len()).map(Spot::Ask).collect();
        }
        let step = &self.steps[self.step];
        let texts = (0..step.shown().texts.len()).flat_map(|nth| [Spot::Language(nth), Spot::Text(nth)]);
        let asks = self.page.asks().iter().enumerate().skip(1);
        let (of_variant, rest): (Vec<_>, Vec<_>) = asks.partition(|(_, ask)| ask.key.is_of_variant());
        let spots = |asks: Vec<(usize, &Ask)>| asks.into_iter().map(|(nth, _)| Spot::Ask(nth)).collect();
        let (of_variant, rest): (Vec<Spot>, Vec<Spot>) = (spots(of_variant), spots(rest));
        let variants = [Spot::Variants].into_iter().chain(of_variant).filter(|_| step.has_variants());
        [Spot::Steps, Spot::Ask(0)].into_iter().chain(variants).chain(texts).chain(rest).collect()
    }

    fn page_index(&self) -> usize {
        Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0)
    }

    fn spot(&self) -> Spot {
        let spots = self.spots();
        let at = self.focus[self.page_index()].min(spots.len() - 1);
        spots[at]
    }

    /// Whether the focus is on something that is chosen, not typed.
    pub fn on_choice(&self) -> bool {
        match &self.mode {
            Mode::Editing => match self.spot() {
                Spot::Steps | Spot::Variants => true,
                Spot::Ask(nth) => !self.page.asks()[nth].choices.is_empty(),
                Spot::Language(_) | Spot::Text(_) => false,
            },
            Mode::Saving(..) | Mode::Leaving(..) | Mode::Opening(_) => false,
        }
    }

    /// Whether letters are text now.
    pub fn takes_text(&self) -> bool {
        match &self.mode {
            Mode::Editing | Mode::Opening(_) => true,
            Mode::Saving(at, _) => Button::ALL[*at] == Button::File,
            Mode::Leaving(..) => false,
        }
    }

    /// Whether it asks whether to leave.
    pub fn is_leaving(&self) -> bool {
        matches!(self.mode, Mode::Leaving(..))
    }

    /// Until when keys are ignored, so that keys typed ahead answer no question.
    pub fn guarded_until(&self) -> Option<Instant> {
        match self.mode {
            Mode::Leaving(since, _) => Some(since + GUARD),
            _ => None,
        }
    }

    fn input(&mut self) -> Option<&mut Input> {
        let (spot, page) = (self.spot(), self.page_index());
        match &mut self.mode {
            Mode::Saving(at, input) => return (Button::ALL[*at] == Button::File).then_some(input),
            Mode::Opening(input) => return Some(input),
            Mode::Editing | Mode::Leaving(..) => {}
        }
        let on_steps = self.page == Page::What;
        let step = &mut self.steps[self.step];
        match spot {
            Spot::Steps | Spot::Variants => None,
            Spot::Language(nth) => step.shown_mut().texts.get_mut(nth).map(|(language, _)| language),
            Spot::Text(nth) => step.shown_mut().texts.get_mut(nth).map(|(_, text)| text),
            Spot::Ask(nth) => {
                let value = if on_steps { step.value_mut(nth) } else { self.values[page].get_mut(nth) };
                match value {
                    Some(Value::Typed(input)) => Some(input),
                    _ => None,
                }
            }
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent, now: Instant) {
        self.removing = false;
        if self.on_choice() {
            match key.code {
                KeyCode::Right => self.choose(true, now),
                KeyCode::Left => self.choose(false, now),
                _ => {}
            }
            return;
        }
        if let Some(input) = self.input() {
            input.key(key);
            self.changed(now);
        }
    }

    /// Takes pasted text: ends of lines are kept in texts. Answers whether all of it found room.
    pub fn paste(&mut self, pasted: &str, now: Instant) -> bool {
        let lines = matches!((&self.mode, self.spot()), (Mode::Editing, Spot::Text(_)));
        let pasted = if lines {
            pasted.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
        } else {
            pasted.to_owned()
        };
        let Some(input) = self.input() else { return true };
        let whole = input.paste_whole(pasted.trim());
        self.changed(now);
        whole
    }

    /// The next or the former choice.
    pub fn choose(&mut self, forward: bool, now: Instant) {
        let (spot, page) = (self.spot(), self.page_index());
        let turn = |at: usize, of: usize| if forward { (at + 1) % of } else { (at + of - 1) % of };
        match spot {
            Spot::Steps => self.step = turn(self.step, self.steps.len()),
            Spot::Variants => self.steps[self.step].turn(forward),
            Spot::Ask(nth) => {
                let choices = self.page.asks()[nth].choices.len();
                let on_steps = self.page == Page::What;
                let step = &mut self.steps[self.step];
                let value = if on_steps { step.value_mut(nth) } else { self.values[page].get_mut(nth) };
                if let Some(Value::Chosen(at)) = value {
                    *at = turn(*at, choices);
                }
                self.changed(now);
            }
            Spot::Language(_) | Spot::Text(_) => {}
        }
    }

    /// Moves the focus among the questions, or the buttons.
    pub fn go(&mut self, forward: bool) {
        self.removing = false;
        let turn = |at: usize, of: usize| if forward { (at + 1) % of } else { (at + of - 1) % of };
        let spots = self.spots().len();
        match &mut self.mode {
            Mode::Editing => {
                let page = self.page_index();
                self.focus[page] = turn(self.focus[page].min(spots - 1), spots);
            }
            Mode::Saving(at, _) => *at = turn(*at, Button::ALL.len()),
            Mode::Leaving(_, leaves) => *leaves = !*leaves,
            Mode::Opening(_) => {}
        }
    }

    /// Turns the page.
    pub fn turn(&mut self, forward: bool) {
        self.removing = false;
        if matches!(self.mode, Mode::Editing) {
            let at = self.page_index();
            let next = if forward { at + 1 } else { at + Page::ALL.len() - 1 };
            self.page = Page::ALL[next % Page::ALL.len()];
        }
    }

    /// Opens the question how to save, if nothing is wrong; else goes to what is.
    pub fn save(&mut self) -> Wish {
        self.removing = false;
        self.tried = true;
        if matches!(self.mode, Mode::Saving(..) | Mode::Opening(_)) {
            return Wish::Nothing;
        }
        if self.go_to_fault() {
            return Wish::Say("not saved: see the marked fields".to_owned());
        }
        let name = self.judged.as_ref().map_or("campaign", |spec| spec.name.as_str()).to_owned();
        self.mode = Mode::Saving(1, Input::with(&format!("{name}.toml")));
        Wish::Nothing
    }

    /// Enter.
    pub fn accept(&mut self, now: Instant) -> Wish {
        match &mut self.mode {
            Mode::Editing => {
                let last = self.focus[self.page_index()] + 1 >= self.spots().len();
                if last {
                    self.turn(true);
                    self.focus[self.page_index()] = 0;
                } else {
                    self.go(true);
                }
                Wish::Nothing
            }
            Mode::Leaving(since, leaves) => match (now < *since + GUARD, *leaves) {
                (true, _) => Wish::Nothing,
                (false, true) => Wish::Close,
                (false, false) => {
                    self.mode = Mode::Editing;
                    Wish::Nothing
                }
            },
            Mode::Saving(..) | Mode::Opening(_) if self.working => Wish::Nothing,
            Mode::Opening(file) if file.is_blank() => Wish::Say("which file?".to_owned()),
            Mode::Opening(file) => Wish::Open(file.text().trim().to_owned()),
            Mode::Saving(at, file) => match Button::ALL[*at] {
                Button::GoOn => {
                    self.mode = Mode::Editing;
                    Wish::Nothing
                }
                Button::Create => match &self.edits {
                    Some((id, name)) => Wish::Change(*id, name.clone(), self.source.clone()),
                    None => Wish::Create(self.source.clone(), self.like),
                },
                Button::File => {
                    *at += 1;
                    Wish::Nothing
                }
                Button::Write if file.is_blank() => Wish::Say("the file needs a name".to_owned()),
                Button::Write => Wish::Write(file.text().trim().to_owned(), self.source.clone()),
            },
        }
    }

    /// The answer to whether to leave.
    pub fn leave(&self, now: Instant) -> Wish {
        match self.mode {
            Mode::Leaving(since, _) if now >= since + GUARD => Wish::Close,
            _ => Wish::Nothing,
        }
    }

    /// One step back: out of a question, or out of the form. Where something would be lost, it asks.
    pub fn back(&mut self, now: Instant) -> Wish {
        self.removing = false;
        match self.mode {
            Mode::Editing if self.is_dirty() => self.mode = Mode::Leaving(now, false),
            Mode::Editing => return Wish::Close,
            Mode::Saving(..) | Mode::Leaving(..) | Mode::Opening(_) => self.mode = Mode::Editing,
        }
        Wish::Nothing
    }

    /// The file was written.
    pub fn written(&mut self, source: &str) {
        self.working = false;
        source.clone_into(&mut self.saved);
        self.mode = Mode::Editing;
    }

    /// The campaign could not be made: what was found is shown where it belongs.
    pub fn refused(&mut self, source: &str, findings: Vec<(Safe, Safe)>) {
        self.working = false;
        self.mode = Mode::Editing;
        self.tried = true;
        self.checked = Some((source.to_owned(), Ok(FileCheck { findings, ..FileCheck::default() })));
        self.go_to_fault();
    }
}

#[cfg(test)]
mod tests;
