//! What is set of the organisation, as one form over all of it. It reads itself again while it is open: what somebody else
//! changes is shown at once, and where it meets something typed, that says so before it is saved.

use crate::domain::setting::{Change, SETTINGS, STEP_TEXTS, Setting, Settings, Shape};
use crate::tui::backend::BackendError;
use crate::tui::model::Model;
use crate::tui::overlays::reread::Reread;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest text, in graphemes: answers stand in several languages.
const TEXT_LIMIT: usize = 4_096;
/// The same of what a step says: in more languages, and longer.
const STEP_LIMIT: usize = 65_536;
/// Columns of labels, and of short texts.
const LABEL: u16 = 15;
const SHORT: u16 = 24;
/// Lines below the fields.
const FOOT: u16 = 3;

/// One setting.
#[derive(Debug, Clone)]
struct Field {
    shape: &'static Shape,
    /// As the database has it.
    present: String,
    /// The same, as the input shows it.
    shown: String,
    input: Input,
    /// It became another one after it was edited here.
    moved: bool,
    /// What was typed is in the database; the next reading replaces it.
    saved: bool,
}

impl Field {
    fn new(shape: &'static Shape) -> Self {
        Self {
            shape,
            present: String::new(),
            shown: String::new(),
            input: Input::of(limit(shape.setting)),
            moved: false,
            saved: false,
        }
    }

    fn is_edited(&self) -> bool {
        !self.saved && self.input.text() != self.shown
    }

    /// What is wrong with it.
    fn fault(&self) -> Option<String> {
        self.is_edited().then(|| self.shape.setting.read(self.input.text()).err()).flatten()
    }

    /// Takes in what the database has now; what is being edited stays.
    fn take(&mut self, present: String) {
        let edited = self.is_edited();
        let is_new = present != self.present;
        let mut shown = Input::of(limit(self.shape.setting));
        shown.fill(&present);
        shown.text().clone_into(&mut self.shown);
        if edited {
            self.moved = (self.moved || is_new) && self.is_edited();
        } else if is_new || self.saved {
            // Only then: the cursor of an input that is filled stands at its end.
            self.input = shown;
        }
        (self.present, self.saved) = (present, false);
    }

    /// Whether it gets the whole line.
    fn is_long(&self) -> bool {
        matches!(
            self.shape.setting,
            Setting::StopWords
                | Setting::StartWords
                | Setting::StopConfirmation
                | Setting::StartConfirmation
                | Setting::StepText(_)
        )
    }
}

fn limit(setting: Setting) -> usize {
    if matches!(setting, Setting::StepText(_)) { STEP_LIMIT } else { TEXT_LIMIT }
}

/// The form.
#[derive(Debug, Clone)]
pub struct SettingsForm {
    /// What is set.
    pub read: Reread<Settings>,
    fields: Vec<Field>,
    focus: usize,
    /// Escape was pressed although something is not saved: once more leaves it.
    leaving: bool,
}

impl Default for SettingsForm {
    fn default() -> Self {
        let fields = SETTINGS.iter().map(Field::new).collect();
        Self { read: Reread::every(AGAIN), fields, focus: 0, leaving: false }
    }
}

impl SettingsForm {
    /// Takes in an answer; whether it is the one that is waited for.
    pub fn answer(&mut self, request: u64, answer: Result<Arc<Settings>, BackendError>) -> bool {
        let known = answer.as_ref().ok().map(Arc::clone);
        let taken = self.read.answer(request, answer);
        if let Some(settings) = known.filter(|_| taken) {
            self.fit(&settings);
            for field in &mut self.fields {
                field.take(settings.text(field.shape.setting));
            }
        }
        taken
    }

    /// As many steps have a field as have a text, and the one behind them; what is being typed stays.
    fn fit(&mut self, settings: &Settings) {
        for shape in &STEP_TEXTS {
            let is_there = self.fields.iter().any(|field| field.shape.setting == shape.setting);
            let is_set = settings.get(shape.setting).is_some();
            if is_set && !is_there {
                self.fields.push(Field::new(shape));
            }
        }
        self.fields.retain(|field| {
            let is_step = matches!(field.shape.setting, Setting::StepText(_));
            !is_step || field.is_edited() || settings.get(field.shape.setting).is_some()
        });
        self.focus = self.focus.min(self.fields.len() - 1);
    }

    /// How many fields say something else than the database.
    pub fn edited(&self) -> usize {
        self.fields.iter().filter(|field| field.is_edited()).count()
    }

    /// Whether the focus is on yes or no.
    pub fn on_choice(&self) -> bool {
        self.fields.get(self.focus).is_some_and(|field| field.shape.setting.is_switch())
    }

    /// Moves the focus, round all fields.
    pub fn step(&mut self, by: isize) {
        self.leaving = false;
        let places = self.fields.len();
        self.focus = (self.focus + places).saturating_add_signed(by) % places;
    }

    /// Goes to the first field of the next part, or of the one before.
    pub fn turn(&mut self, forward: bool) {
        self.leaving = false;
        let begins = |at: &usize| *at == 0 || self.fields[*at].shape.part != self.fields[at - 1].shape.part;
        let parts: Vec<usize> = (0..self.fields.len()).filter(begins).collect();
        let here = parts.iter().rposition(|at| *at <= self.focus).unwrap_or(0);
        let next = if forward { here + 1 } else { here + parts.len() - 1 };
        self.focus = parts[next % parts.len()];
    }

    /// Yes becomes no, and no yes.
    pub fn toggle(&mut self) {
        self.leaving = false;
        if let Some(field) = self.fields.get_mut(self.focus).filter(|field| field.shape.setting.is_switch()) {
            field.input.fill(if field.input.text() == "yes" { "no" } else { "yes" });
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        self.leaving = false;
        if self.on_choice() {
            if matches!(key.code, KeyCode::Left | KeyCode::Right) {
                self.toggle();
            }
        } else if self.read.value().is_some()
            && let Some(field) = self.fields.get_mut(self.focus)
        {
            field.input.key(key);
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.leaving = false;
        if !self.on_choice()
            && self.read.value().is_some()
            && let Some(field) = self.fields.get_mut(self.focus)
        {
            field.input.paste(text);
        }
    }

    /// Whether it may be closed: nothing would be lost, or that was said.
    pub fn may_close(&mut self) -> bool {
        let closes = self.leaving || self.edited() == 0;
        self.leaving = true;
        closes
    }

    /// What is to be changed. Where a field is wrong, or became another one meanwhile, it gets the focus.
    ///
    /// # Errors
    /// What the operator has to look at first.
    pub fn changes(&mut self) -> Result<Vec<Change>, &'static str> {
        if let Some(wrong) = self.fields.iter().position(|field| field.fault().is_some()) {
            self.focus = wrong;
            return Err("not saved: see the marked fields");
        }
        if let Some(moved) = self.fields.iter().position(|field| field.moved) {
            self.focus = moved;
            for field in &mut self.fields {
                field.moved = false;
            }
            return Err("not saved: changed meanwhile, read it; ctrl-s again replaces it");
        }
        let edited = self.fields.iter().filter(|field| field.is_edited());
        let changes = edited.filter_map(|field| {
            let setting = field.shape.setting;
            let to = setting.read(field.input.text()).ok()?;
            Some(Change { setting, was: field.present.clone(), to })
        });
        Ok(changes.filter(|change| change.to.to_string() != change.was).collect())
    }

    /// These were carried out. What was typed since stays.
    pub fn carried_out(&mut self, changes: &[Change]) {
        for change in changes {
            let setting = change.setting;
            let Some(field) = self.fields.iter_mut().find(|field| field.shape.setting == setting) else {
                continue;
            };
            if setting.read(field.input.text()).is_ok_and(|typed| typed == change.to) {
                field.saved = true;
            } else {
                field.present = change.to.to_string();
                field.present.clone_into(&mut field.shown);
            }
        }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        canvas.clear(area);
        let may_act = model.may_act();
        let title =
            format!("Settings  {}{}", model.session.organisation, if may_act { "" } else { "  READ-ONLY" });
        let foot = match (may_act, self.edited()) {
            (false, _) | (true, 0) => String::new(),
            (true, edited) => format!("{} not saved", words::count(edited as u64, "change")),
        };
        let inside = canvas.panel(area, Border { title: &title, foot: &foot, double: false }, Role::Frame);
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        if self.read.value().is_none() {
            let mut facts = Facts::new(inside.width, model.theme);
            self.read.tell(&mut facts, "The settings could not be read");
            facts.draw(canvas, inside, 0);
            return;
        }
        let rows = inside.height.saturating_sub(FOOT);
        self.list(canvas, Rect { height: rows, ..inside }, may_act);
        let below = Rect { y: inside.y + rows, height: inside.height - rows, ..inside };
        self.about_focus(canvas, below, may_act);
    }

    fn list(&self, canvas: &mut Canvas<'_>, area: Rect, may_act: bool) {
        let mut lines: Vec<Result<usize, &str>> = Vec::new();
        let mut part = "";
        for (at, field) in self.fields.iter().enumerate() {
            if field.shape.part != part {
                part = field.shape.part;
                lines.push(Err(part));
            }
            lines.push(Ok(at));
        }
        let height = usize::from(area.height).max(1);
        let at = lines.iter().position(|line| *line == Ok(self.focus)).unwrap_or(0);
        let from = if at < height { 0 } else { at + 1 - height };
        for (line, y) in lines.iter().skip(from).zip(area.y..area.bottom()) {
            match line {
                Err(part) => {
                    canvas.text(area.x, y, area.width, part, Role::Dim);
                }
                Ok(at) => self.field(canvas, Rect { y, height: 1, ..area }, *at, may_act),
            }
        }
        let edge = area.right().saturating_sub(1);
        if from > 0 {
            canvas.text(edge, area.y, 1, canvas.theme.glyph("\u{2191}", "^"), Role::Key);
        }
        if from + height < lines.len() {
            let last = area.bottom().saturating_sub(1);
            canvas.text(edge, last, 1, canvas.theme.glyph("\u{2193}", "v"), Role::Key);
        }
    }

    fn field(&self, canvas: &mut Canvas<'_>, area: Rect, at: usize, may_act: bool) {
        let (field, focused) = (&self.fields[at], at == self.focus);
        let fault = field.fault();
        let sign = match (focused, fault.is_some() || field.moved, field.is_edited()) {
            (true, ..) => (">", Role::Title),
            (false, true, _) => ("!", Role::Bad),
            (false, false, true) => ("*", Role::Warn),
            (false, false, false) => (" ", Role::Text),
        };
        canvas.text(area.x, area.y, 2, sign.0, sign.1);
        let role = if focused { Role::Title } else { Role::Text };
        canvas.text(area.x + 2, area.y, LABEL - 1, field.shape.label, role);
        let x = area.x + 2 + LABEL;
        let room = area.right().saturating_sub(x + 3);
        let width = if field.is_long() { room } else { SHORT.min(room) };
        if field.shape.setting.is_switch() {
            canvas.text(x, area.y, 1, "<", Role::Text);
            let role = if focused { Role::Selected } else { Role::Text };
            canvas.text(x + 1, area.y, width, field.input.text(), role);
            canvas.text(x + 1 + width, area.y, 1, ">", Role::Text);
        } else {
            canvas.text(x, area.y, 1, "[", Role::Text);
            field.input.draw(canvas, x + 1, area.y, width, focused && may_act);
            canvas.text(x + 1 + width, area.y, 1, "]", Role::Text);
        }
        if field.is_long() {
            return;
        }
        let beside = x + width + 3;
        let room = area.right().saturating_sub(beside + 1);
        match (fault, field.moved) {
            (Some(fault), _) => canvas.text(beside, area.y, room, &format!("! {fault}"), Role::Bad),
            (None, true) => canvas.text(beside, area.y, room, &moved(field), Role::Bad),
            (None, false) => canvas.text(beside, area.y, room, field.shape.note, Role::Dim),
        };
    }

    /// Beside its field a long sentence would be cut.
    fn about_focus(&self, canvas: &mut Canvas<'_>, area: Rect, may_act: bool) {
        let line = canvas.theme.glyph("\u{2500}", "-").repeat(usize::from(area.width));
        canvas.text(area.x, area.y, area.width, &line, Role::Frame);
        let Some(field) = self.fields.get(self.focus) else { return };
        let (said, role) = match (field.fault(), self.read.error()) {
            (Some(fault), _) => (format!("! {fault}"), Role::Bad),
            (None, _) if field.moved => (moved(field), Role::Bad),
            (None, Some(error)) => {
                (format!("This is of before; it could not be read again: {error}"), Role::Warn)
            }
            (None, None) if !may_act => {
                ("READ-ONLY: this can be read, and changed by who may.".to_owned(), Role::Dim)
            }
            (None, None) if field.shape.sends => {
                (format!("{}. It changes what is sent, so it asks first.", about(field)), Role::Dim)
            }
            (None, None) => (about(field), Role::Dim),
        };
        let lines = words::wrap(&said, usize::from(area.width), usize::from(FOOT - 1), canvas.theme.ascii);
        for (line, y) in lines.iter().zip(area.y + 1..area.bottom()) {
            canvas.text(area.x, y, area.width, line, role);
        }
    }
}

fn about(field: &Field) -> String {
    let shape = field.shape;
    if shape.note.is_empty() {
        return shape.label.to_owned();
    }
    format!("{}: {}", shape.label, shape.note)
}

fn moved(field: &Field) -> String {
    format!("! changed meanwhile: it is {} now", field.present)
}
