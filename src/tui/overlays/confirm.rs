//! A question before something dangerous. It holds the very orders that it shows; Cancel is the default; keys typed
//! ahead do not answer it.

use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::overlays::risks::Risks;
use crate::tui::theme::Role;
use crate::tui::verbs::{Line, Proposal};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use std::time::{Duration, Instant};

/// Keys are ignored for so long after the question opens.
pub const GUARD: Duration = Duration::from_millis(300);

/// The question.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What is about to be done.
    pub proposal: Proposal,
    /// When it opened, or was read again.
    pub opened_at: Instant,
    /// Whether the button that does it has the focus.
    pub go_focused: bool,
    /// What has been typed.
    pub typed: Input,
    /// What changed meanwhile; nothing can be confirmed until it is read.
    pub changed: Option<String>,
    /// What is open of campaigns that would start.
    pub risks: Option<Risks>,
}

impl Confirm {
    /// Opens it.
    pub fn new(proposal: Proposal, model: &Model) -> Self {
        let risks = Risks::of(&proposal, model);
        let typed = Input::default();
        Self { proposal, opened_at: model.now.mono, go_focused: false, typed, changed: None, risks }
    }

    /// The operator has read what changed: the question is put again, from what is there now.
    ///
    /// # Errors
    /// Why there is nothing to ask any more.
    pub fn again(&self, model: &Model) -> Result<Self, Reason> {
        Ok(Self::new(self.proposal.again(model)?, model))
    }

    /// Whether keys are still ignored.
    pub fn is_guarded(&self, now: Instant) -> bool {
        now < self.opened_at + GUARD
    }

    /// Whether letters are text here.
    pub fn takes_text(&self) -> bool {
        self.proposal.typed.is_some() && self.changed.is_none()
    }

    /// Whether everything is there that has to be there before the button works.
    pub fn is_ready(&self) -> bool {
        self.changed.is_none()
            && !self.is_reading()
            && self.proposal.typed.as_ref().is_none_or(|typed| typed.is_met(self.typed.text()))
    }

    /// Whether what is open of a campaign that would start is still being read: nobody says yes to what is not told yet.
    pub fn is_reading(&self) -> bool {
        self.risks.as_ref().is_some_and(Risks::is_being_read)
    }

    /// Whether Enter does it: the button has the focus, or what had to be typed is typed.
    pub fn accepts(&self) -> bool {
        self.is_ready() && (self.go_focused || self.proposal.typed.is_some())
    }

    /// Takes a key that edits, once keys count.
    pub fn key(&mut self, key: KeyEvent, now: Instant) {
        if !self.is_guarded(now) && self.takes_text() {
            self.typed.key(key);
        }
    }

    /// Takes pasted text, once keys count.
    pub fn paste(&mut self, text: &str, now: Instant) {
        if !self.is_guarded(now) && self.takes_text() {
            self.typed.paste(text);
        }
    }

    /// Looks whether the rows are still as the operator saw them.
    pub fn check(&mut self, model: &Model) {
        if let Some(changed) = self.another_version(model).or_else(|| self.another_question(model)) {
            self.changed = Some(changed);
            self.go_focused = false;
        }
    }

    fn another_version(&self, model: &Model) -> Option<String> {
        self.proposal.orders.iter().find_map(|order| {
            let subject = order.action.subject();
            let (expected, present) = (order.expected?, model.version(subject)?);
            (present != expected).then(|| what_it_is_now(model, subject))
        })
    }

    /// People are enrolled without a new version of their campaign: the number that was to be typed may be another.
    fn another_question(&self, model: &Model) -> Option<String> {
        let anew = self.proposal.again(model).ok().filter(|anew| anew.asks_otherwise(&self.proposal))?;
        let other = anew.lines.iter().find(|line| !self.proposal.lines.contains(line));
        Some(other.map_or_else(|| anew.title.clone(), |(label, value, _)| format!("{label} {value}")))
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = if area.width >= 120 { 84 } else { 66 }.min(area.width);
        let body =
            self.body(usize::from(width.saturating_sub(6)), usize::from(area.height), canvas.theme.ascii);
        let lines = u16::try_from(body.len()).unwrap_or(u16::MAX);
        let roomy = lines.saturating_add(7) <= area.height;
        let dialog = centred(area, width, lines.saturating_add(if roomy { 7 } else { 3 }));
        canvas.clear(dialog);
        let proposal = &self.proposal;
        let role = if proposal.danger == Danger::Tier2 { Role::Bad } else { Role::Warn };
        let inside = canvas.panel(dialog, Border { title: &proposal.title, foot: "", double: true }, role);
        let beside = dialog.x + 4 + u16::try_from(words::width(&proposal.title)).unwrap_or(0);
        let word_role = if model.session.production { Role::Production } else { Role::Title };
        let environment = format!(" {} ", model.session.environment);
        canvas.text(beside, dialog.y, dialog.right().saturating_sub(beside + 2), &environment, word_role);
        let mut y = inside.y + u16::from(roomy);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        for line in &body {
            if y + 1 >= inside.bottom() {
                break;
            }
            self.view_line(canvas, Rect::new(x, y, room, 1), line);
            y += 1;
        }
        self.buttons(canvas, x, y + u16::from(roomy), room, roomy);
    }

    fn view_line(&self, canvas: &mut Canvas<'_>, area: Rect, line: &BodyLine<'_>) {
        let (x, y, room) = (area.x, area.y, area.width);
        match line {
            BodyLine::Gap => {}
            BodyLine::Fact(label, value, role) => {
                canvas.text(x, y, 12, label, Role::Dim);
                canvas.text(x + 12, y, room.saturating_sub(12), value, *role);
            }
            BodyLine::Words(words, role) => {
                canvas.text(x, y, room, words, *role);
            }
            BodyLine::Typed(question) => {
                let used = canvas.text(x, y, room, &format!("{question}: ["), Role::Text);
                let field = room.saturating_sub(used + 1).min(24);
                self.typed.draw(canvas, x + used, y, field, true);
                canvas.text(x + used + field, y, 1, "]", Role::Text);
            }
        }
    }

    fn body(&self, columns: usize, height: usize, ascii: bool) -> Vec<BodyLine<'_>> {
        let proposal = &self.proposal;
        let asked = self.asked(columns, ascii);
        let risks = self.risks.as_ref().filter(|_| self.changed.is_none());
        // What is asked has to stay on screen, however many facts and findings there are.
        let mut body =
            fitting(&proposal.lines, height.saturating_sub(3 + asked.len() + usize::from(risks.is_some())));
        if let Some(risks) = risks {
            let (sum, role) = risks.sum();
            body.push(BodyLine::Fact("Findings", sum.into(), role));
            let room = height.saturating_sub(3 + body.len() + asked.len());
            body.extend(sentences(risks.open(), columns, room, ascii));
        }
        body.extend(asked);
        body
    }

    /// What follows the facts: what changed, or what has to be known and typed.
    fn asked(&self, columns: usize, ascii: bool) -> Vec<BodyLine<'_>> {
        let proposal = &self.proposal;
        let mut body: Vec<BodyLine<'_>> = Vec::new();
        if let Some(changed) = &self.changed {
            // Nothing can be typed until this is read, so nothing is asked.
            body.push(BodyLine::Gap);
            let told = format!("!! changed meanwhile: {changed}");
            body.extend(
                words::wrap(&told, columns, 2, ascii)
                    .into_iter()
                    .map(|line| BodyLine::Words(line.into(), Role::Bad)),
            );
            body.push(BodyLine::Words("Press r when you have read it; Esc cancels.".into(), Role::Text));
            return body;
        }
        if proposal.warning.is_some() || proposal.typed.is_some() {
            body.push(BodyLine::Gap);
        }
        let warning = proposal.warning.map(|warning| words::wrap(warning, columns, 3, ascii));
        body.extend(warning.into_iter().flatten().map(|line| BodyLine::Words(line.into(), Role::Warn)));
        if let Some(typed) = &proposal.typed {
            // The question keeps a dozen columns for the answer.
            let mut question = words::wrap(&typed.question, columns.saturating_sub(16).max(10), 3, ascii);
            let last = question.pop().unwrap_or_default();
            body.extend(question.into_iter().map(|line| BodyLine::Words(line.into(), Role::Text)));
            body.push(BodyLine::Typed(last));
        }
        body
    }

    fn buttons(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, room: u16, roomy: bool) {
        let go = self.accepts();
        let (cancel, button) = if go {
            ("  Cancel  ".to_owned(), format!("[ {} ]", self.proposal.button))
        } else {
            ("[ Cancel ]".to_owned(), format!("  {}  ", self.proposal.button))
        };
        let cancel_role = if go { Role::Text } else { Role::Selected };
        let button_role = match (go, self.is_ready()) {
            (true, _) => Role::Selected,
            (false, true) => Role::Text,
            (false, false) => Role::Dim,
        };
        canvas.pieces(
            x + 3,
            y,
            room,
            &[(&cancel, cancel_role), ("    ", Role::Text), (&button, button_role)],
        );
        if !roomy {
            return;
        }
        let hint = match &self.proposal.typed {
            Some(typed) if typed.expected.chars().all(|letter| letter.is_ascii_digit()) => {
                "Enter = Cancel until the number matches   Esc = cancel"
            }
            Some(_) => "Enter = Cancel until the words match   Esc = cancel",
            None => "y = yes   Tab = other button   Enter = press   Esc = cancel",
        };
        canvas.text(x, y + 2, room, hint, Role::Dim);
    }
}

/// As many of these as there is room for, each on at most three lines.
fn sentences(all: &[String], columns: usize, room: usize, ascii: bool) -> Vec<BodyLine<'static>> {
    let mut lines: Vec<BodyLine<'static>> = Vec::new();
    for (nth, sentence) in all.iter().enumerate() {
        let wrapped = words::wrap(&format!("! {sentence}"), columns, 3, ascii);
        let left = all.len() - nth;
        let keeps = usize::from(left > 1);
        if lines.len() + wrapped.len() + keeps > room {
            let more = format!("! {left} more of them");
            lines.extend((lines.len() < room && nth > 0).then(|| BodyLine::Words(more.into(), Role::Bad)));
            break;
        }
        lines.extend(wrapped.into_iter().map(|line| BodyLine::Words(line.into(), Role::Bad)));
    }
    lines
}

/// One line between the title and the buttons.
enum BodyLine<'a> {
    Gap,
    Fact(&'static str, std::borrow::Cow<'a, str>, Role),
    Words(std::borrow::Cow<'a, str>, Role),
    Typed(String),
}

fn what_it_is_now(model: &Model, subject: crate::domain::action::Subject) -> String {
    use crate::domain::action::Subject;
    match subject {
        Subject::Campaign(id) => model.campaign(id).map(|row| {
            format!(
                "{} is {} (version {}), by {}",
                row.name.as_str(),
                row.standing.name(),
                row.version.0,
                row.by
            )
        }),
        Subject::Number(id) => model.number(id).map(|row| {
            format!(
                "{} is {}, priority {} (version {})",
                row.name.as_str(),
                row.standing.name(),
                row.priority,
                row.version.0
            )
        }),
        _ => None,
    }
    .unwrap_or_else(|| "the row is another version now".into())
}

/// As many of these facts as there is room for, in their order: what warns stays before what only tells.
fn fitting(facts: &[Line], room: usize) -> Vec<BodyLine<'_>> {
    let warns = |role: Role| matches!(role, Role::Warn | Role::Bad);
    let all = facts.len() <= room;
    // The last line says how many are missing.
    let kept = if all { facts.len() } else { room.saturating_sub(1) };
    let mut quiet = kept.saturating_sub(facts.iter().filter(|(.., role)| warns(*role)).count());
    let mut body: Vec<BodyLine<'_>> = Vec::new();
    for (label, value, role) in facts {
        let stays = warns(*role) || quiet > 0;
        quiet -= usize::from(!warns(*role) && quiet > 0);
        if stays && body.len() < kept {
            body.push(BodyLine::Fact(label, value.into(), *role));
        }
    }
    let missing = facts.len() - body.len();
    if missing > 0 && room > 0 {
        body.push(BodyLine::Words(format!("and {missing} more").into(), Role::Dim));
    }
    body
}
