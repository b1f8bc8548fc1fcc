//! How the form looks: pages above, questions, and below what the audience is and what the focus is about.

use super::counted::State;
use super::{Ask, Button, Mode, Page, Spot, Value, Wizard};
use crate::store::view::AudienceCount;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::words;
use ratatui::layout::Rect;

/// Columns of labels, and of short answers.
const LABEL: u16 = 16;
const SHORT: u16 = 23;
const LANGUAGE: u16 = 6;
/// Lines below the questions.
const FOOT: u16 = 5;

impl Wizard {
    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        canvas.clear(area);
        let name = self.values[0].first().map_or("", |value| value.text(&Page::Who.asks()[0]));
        let title = match (self.edited(), name) {
            (Some(edited), _) => format!("Edit campaign  {edited}"),
            (None, "") => "New campaign".to_owned(),
            (None, name) => format!("New campaign  {name}"),
        };
        let foot = if self.is_dirty() { "not saved" } else { "" };
        let inside = canvas.panel(area, Border { title: &title, foot, double: false }, Role::Frame);
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        self.pages(canvas, inside);
        let rows = inside.height.saturating_sub(1 + FOOT);
        self.questions(canvas, Rect::new(inside.x, inside.y + 1, inside.width, rows));
        let foot =
            Rect::new(inside.x, inside.y + 1 + rows, inside.width, inside.height.saturating_sub(1 + rows));
        self.audience(model, canvas, foot);
        self.about_focus(canvas, foot);
        match &self.mode {
            Mode::Editing => {}
            Mode::Saving(at, file) => self.saving(model, canvas, area, *at, file),
            Mode::Leaving(_, leaves) => leaving(canvas, area, *leaves),
            Mode::Opening(file) => self.opening(canvas, area, file),
        }
    }

    fn pages(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let mut x = area.x;
        for page in Page::ALL {
            let open = page == self.page;
            let title = if open { format!("[{}]", page.title()) } else { format!(" {} ", page.title()) };
            x +=
                canvas.text(x, area.y, area.right() - x, &title, if open { Role::TabOn } else { Role::Text });
            let wrong = self.count_on(page);
            if wrong > 0 {
                x += canvas.text(x, area.y, area.right() - x, &format!("!{wrong}"), Role::Bad);
            }
            x += 2;
        }
        let (said, role) = match (self.findings().len(), &self.judged) {
            (0, Ok(_)) if self.refusal().is_some() => ("would be refused", Role::Bad),
            (0, Ok(_)) => ("nothing is wrong", Role::Good),
            (0, Err(_)) => ("not complete", Role::Dim),
            _ => ("see !", Role::Bad),
        };
        let room = area.right().saturating_sub(x);
        canvas.right(x, area.y, room, said, role);
    }

    fn questions(&self, canvas: &mut Canvas<'_>, area: Rect) {
        // A text and its language stand on one line.
        let spots: Vec<Spot> =
            self.spots().into_iter().filter(|spot| !matches!(spot, Spot::Text(_))).collect();
        let focus = match self.spot() {
            Spot::Text(nth) => Spot::Language(nth),
            other => other,
        };
        let height = usize::from(area.height).max(1);
        let at = spots.iter().position(|spot| *spot == focus).unwrap_or(0);
        let from = (at + 1).saturating_sub(height);
        for (spot, y) in spots.iter().skip(from).zip(area.y..area.bottom()) {
            self.question(canvas, Rect::new(area.x, y, area.width, 1), *spot, *spot == focus);
        }
        let edge = area.right().saturating_sub(1);
        if from > 0 {
            canvas.text(edge, area.y, 1, canvas.theme.glyph("\u{2191}", "^"), Role::Key);
        }
        if from + height < spots.len() {
            canvas.text(
                edge,
                area.bottom().saturating_sub(1),
                1,
                canvas.theme.glyph("\u{2193}", "v"),
                Role::Key,
            );
        }
    }

    fn question(&self, canvas: &mut Canvas<'_>, area: Rect, spot: Spot, focused: bool) {
        let (x, y) = (area.x + 2 + LABEL, area.y);
        let fault = match spot {
            Spot::Language(nth) => {
                self.told_at(Spot::Language(nth)).or_else(|| self.told_at(Spot::Text(nth)))
            }
            other => self.told_at(other),
        };
        let sign = match (focused, &fault) {
            (true, _) => (">", Role::Title),
            (false, Some(_)) => ("!", Role::Bad),
            (false, None) => (" ", Role::Text),
        };
        canvas.text(area.x, y, 2, sign.0, sign.1);
        let role = if focused { Role::Title } else { Role::Text };
        canvas.text(area.x + 2, y, LABEL - 1, self.label(spot), role);
        let room = area.right().saturating_sub(x + 2);
        match spot {
            Spot::Steps => {
                let said = format!("{} of {}", self.step + 1, self.steps.len());
                framed(canvas, (x, y), SHORT, &said, focused);
            }
            Spot::Variants => {
                let (at, of) = self.steps[self.step].place();
                framed(canvas, (x, y), SHORT, &format!("{} of {of}", at + 1), focused);
            }
            Spot::Ask(nth) => {
                let ask = &self.page.asks()[nth];
                let width = if ask.long { room.saturating_sub(1) } else { SHORT };
                self.answer(canvas, (x, y), width, ask, self.value(nth), focused);
                if ask.long {
                    return;
                }
            }
            Spot::Language(nth) | Spot::Text(nth) => {
                self.text(canvas, (x, y), room, nth);
                return;
            }
        }
        let beside = x + SHORT + 3;
        let room = area.right().saturating_sub(beside + 1);
        match fault {
            Some(fault) => canvas.text(beside, y, room, &format!("! {fault}"), Role::Bad),
            None => canvas.text(beside, y, room, self.note(spot), Role::Dim),
        };
    }

    fn value(&self, nth: usize) -> &Value {
        if self.page == Page::What {
            self.steps[self.step].value(nth)
        } else {
            &self.values[self.page_index()][nth]
        }
    }

    fn answer(
        &self,
        canvas: &mut Canvas<'_>,
        at: (u16, u16),
        width: u16,
        ask: &Ask,
        value: &Value,
        focused: bool,
    ) {
        let (x, y) = at;
        match value {
            Value::Typed(input) => {
                canvas.text(x, y, 1, "[", Role::Text);
                input.draw(canvas, x + 1, y, width, focused && matches!(self.mode, Mode::Editing));
                canvas.text(x + 1 + width, y, 1, "]", Role::Text);
            }
            Value::Chosen(chosen) => {
                let shown = ask.choices.get(*chosen).map_or("", |(_, shown)| shown);
                framed(canvas, at, width, shown, focused);
            }
        }
    }

    fn text(&self, canvas: &mut Canvas<'_>, (x, y): (u16, u16), room: u16, nth: usize) {
        let (language, text) = &self.steps[self.step].shown().texts[nth];
        let editing = matches!(self.mode, Mode::Editing);
        canvas.text(x, y, 1, "[", Role::Text);
        language.draw(canvas, x + 1, y, LANGUAGE, editing && self.spot() == Spot::Language(nth));
        canvas.text(x + 1 + LANGUAGE, y, 3, "] [", Role::Text);
        let wide = room.saturating_sub(LANGUAGE + 4);
        text.draw(canvas, x + 4 + LANGUAGE, y, wide, editing && self.spot() == Spot::Text(nth));
        canvas.text(x + 4 + LANGUAGE + wide, y, 1, "]", Role::Text);
    }

    fn label(&self, spot: Spot) -> &'static str {
        match spot {
            Spot::Steps => "Step",
            Spot::Variants => "Variant",
            Spot::Ask(nth) => self.page.asks()[nth].label,
            Spot::Language(0) | Spot::Text(0) => "Text",
            Spot::Language(_) | Spot::Text(_) => "  and in",
        }
    }

    fn note(&self, spot: Spot) -> &'static str {
        match spot {
            Spot::Steps => "ctrl-n adds one, ctrl-x takes it out; ctrl-y: variants",
            Spot::Variants => "ctrl-y adds one, ctrl-x here takes it out",
            Spot::Ask(nth) => self.page.asks()[nth].note,
            Spot::Language(_) => "the language of the text beside it: en, fr, pt-BR",
            Spot::Text(_) => {
                "\\n ends a line; {{name|friend}}, {{day}}, any attribute; nothing: the default text"
            }
        }
    }

    /// The size of the audience, and who is not in it for what reason. Above it stands how far that can be relied on.
    fn audience(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let line = canvas.theme.glyph("\u{2500}", "-").repeat(usize::from(area.width));
        canvas.text(area.x, area.y, area.width, &line, Role::Frame);
        let (state, count) = (self.counting.state(), self.counting.count());
        let (mark, role) = match (state, count) {
            (State::Current, _) => (" Audience ".to_owned(), Role::Dim),
            (State::About, _) => (" counting ... (this is from a sample) ".to_owned(), Role::Warn),
            (State::Counting, Some(_)) => (" estimating ... (this is of before) ".to_owned(), Role::Warn),
            (State::Counting, None) => (" estimating ... ".to_owned(), Role::Warn),
            (State::Unreadable, Some(_)) => {
                (" not estimated: see ! (this is of before) ".to_owned(), Role::Warn)
            }
            (State::Unreadable, None) => (" not estimated: see ! ".to_owned(), Role::Warn),
            (State::Failed, _) => {
                let why = self.counting.error().map_or_else(String::new, ToString::to_string);
                let told = match count {
                    Some(_) if self.counting.is_of_now() => "not counted (this is from a sample)",
                    Some(_) => "not estimated (this is of before)",
                    None => "not estimated",
                };
                (format!(" {told}: {why} "), Role::Warn)
            }
        };
        canvas.text(area.x + 2, area.y, area.width.saturating_sub(4), &mark, role);
        let Some(count) = count else { return };
        let at = self.counting.counted_at().unwrap_or(model.now.wall);
        let at = words::clock(at, model.now.wall, model.session.zone);
        let sum = format!("{} contacts would be sent to, at {at}", share(count));
        let current = matches!(state, State::Current | State::About);
        canvas.text(area.x, area.y + 1, area.width, &sum, if current { Role::Title } else { Role::Dim });
        let role = if current { Role::Text } else { Role::Dim };
        // What would be refused is said there instead.
        if self.refusal().is_none() {
            canvas.text(area.x, area.y + 2, area.width, &reasons(count), role);
        }
    }

    /// What is wrong at the focus, or what can be written there; else what is worth knowing. Nothing is wrong where only a rule
    /// refuses it: that comes before all notes.
    fn about_focus(&self, canvas: &mut Canvas<'_>, area: Rect) {
        if self.refusal().is_some() {
            let lines = words::wrap(&self.warned(), usize::from(area.width), 3, canvas.theme.ascii);
            for (line, y) in lines.iter().zip(area.y + 2..area.bottom()) {
                canvas.text(area.x, y, area.width, line, Role::Bad);
            }
            return;
        }
        let spot = self.spot();
        let (said, role) = match (self.told_at(spot), self.first_elsewhere()) {
            (Some(fault), _) => (format!("! {fault}"), Role::Bad),
            (None, Some(fault)) if self.tried => (format!("! {fault}"), Role::Bad),
            _ => match self.notes().first() {
                Some(note) => {
                    let more = self.notes().len() - 1;
                    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                    (format!("note: {note}{more}"), Role::Warn)
                }
                None => (self.note(spot).to_owned(), Role::Dim),
            },
        };
        let lines = words::wrap(&said, usize::from(area.width), 2, canvas.theme.ascii);
        for (line, y) in lines.iter().zip(area.y + 3..area.bottom()) {
            canvas.text(area.x, y, area.width, line, role);
        }
    }

    /// That nothing would come of it, and why.
    fn warned(&self) -> String {
        self.refusal().map_or_else(String::new, |why| format!("! refused: {}", why.as_str()))
    }

    /// A finding that belongs to no question of the open page.
    fn first_elsewhere(&self) -> Option<&str> {
        let here = |path: &str| {
            let place = self.place_of(path);
            place.key.is_some() && place.page == Some(self.page)
        };
        self.findings().into_iter().find(|(path, _)| !here(path)).map(|(_, sentence)| sentence)
    }

    /// What is said before it is saved: for whom it is and when it starts, and what is worth knowing or would be refused.
    fn before_saving(&self, model: &Model, room: u16, ascii: bool) -> Vec<(String, Role)> {
        let mut lines = match self.edited() {
            None => vec![(self.who(), Role::Text), (self.starts(model), Role::Text)],
            Some(_) => vec![
                ("who still waits gets the new steps; nobody gets one twice".to_owned(), Role::Text),
                ("audience, limits and times stay as they are: e changes limits".to_owned(), Role::Text),
            ],
        };
        if self.refusal().is_some() {
            let refused = words::wrap(&self.warned(), usize::from(room), 3, ascii);
            lines.extend(refused.into_iter().map(|line| (line, Role::Bad)));
        }
        let more = self.notes().len().saturating_sub(2);
        lines.extend(self.notes().iter().take(if self.refusal().is_some() { 0 } else { 2 }).enumerate().map(
            |(nth, note)| {
                let before =
                    if nth == 1 && more > 0 { format!("note (and {more} more)") } else { "note".to_owned() };
                (format!("{before}: {note}"), Role::Warn)
            },
        ));
        lines
    }

    fn saving(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, at: usize, file: &Input) {
        let dialog = centred(area, 72, 13);
        canvas.clear(dialog);
        let inside = canvas.panel(dialog, Border { title: "Save", foot: "", double: true }, Role::Warn);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        let lines = self.before_saving(model, room, canvas.theme.ascii);
        for ((line, role), y) in lines.iter().zip(inside.y..) {
            canvas.text(x, y, room, line, *role);
        }
        let button = |nth: usize, words: &str| {
            if at == nth {
                (format!("[ {words} ]"), Role::Selected)
            } else {
                (format!("  {words}  "), Role::Text)
            }
        };
        for (nth, which) in Button::ALL.into_iter().enumerate() {
            let y = inside.y + 5 + u16::try_from(nth).unwrap_or(0);
            match which {
                Button::File => {
                    canvas.text(x + 3, y, 6, "File", if at == nth { Role::Title } else { Role::Text });
                    canvas.text(x + 9, y, 1, "[", Role::Text);
                    file.draw(canvas, x + 10, y, room.saturating_sub(12), at == nth);
                    canvas.text(x + room - 2, y, 1, "]", Role::Text);
                }
                which => {
                    let words = match which {
                        Button::GoOn => "Go on editing",
                        Button::Create if self.edits.is_some() => "Change what is still to be sent",
                        Button::Create => "Create the campaign now",
                        Button::File | Button::Write => "Write the file, create nothing",
                    };
                    let (words, role) = button(nth, words);
                    canvas.text(x + 1, y, room, &words, role);
                }
            }
        }
        let (hint, role) = match (self.working, self.enrolling(model)) {
            (false, _) => ("Tab = next   Enter = press   Esc = go on editing".to_owned(), Role::Dim),
            (true, None) => ("working ...".to_owned(), Role::Dim),
            (true, Some((looked, all))) => {
                let (percent, looked) = (words::percent(looked, all).min(100), words::grouped(looked));
                (format!("enrolling: {percent}%, {looked} contacts. Esc: it goes on by itself"), Role::Warn)
            }
        };
        canvas.text(x, inside.y + 10, room, &hint, role);
    }

    /// How far the enrolment of the campaign that is being made is.
    pub fn enrolling(&self, model: &Model) -> Option<(u64, u64)> {
        let name = self.judged.as_ref().ok().filter(|_| self.working)?.name.as_str();
        let campaigns = &model.overview()?.campaigns;
        campaigns.iter().find(|row| row.name.as_str() == name)?.enrolling
    }

    fn opening(&self, canvas: &mut Canvas<'_>, area: Rect, file: &Input) {
        let dialog = centred(area, 66, 8);
        canvas.clear(dialog);
        let border = Border { title: "Open a campaign file", foot: "", double: true };
        let inside = canvas.panel(dialog, border, Role::Warn);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        let (said, role) = if self.is_dirty() {
            ("What is typed here is replaced by what the file says.", Role::Warn)
        } else {
            ("What the file says is put into the form.", Role::Text)
        };
        canvas.text(x, inside.y + 1, room, said, role);
        canvas.text(x, inside.y + 3, 6, "File", Role::Title);
        canvas.text(x + 6, inside.y + 3, 1, "[", Role::Text);
        file.draw(canvas, x + 7, inside.y + 3, room.saturating_sub(8), !self.working);
        canvas.text(x + room - 1, inside.y + 3, 1, "]", Role::Text);
        let hint = if self.working { "reading ..." } else { "Enter = open   Esc = back to the form" };
        canvas.text(x, inside.y + 5, room, hint, Role::Dim);
    }

    fn who(&self) -> String {
        match (self.counting.state(), self.counting.count()) {
            (State::About, Some(count)) => format!("{} contacts would be sent to", share(count)),
            (State::Current, Some(count)) => format!(
                "{} people would be sent to, {} enrolled and left out",
                words::grouped(count.queued),
                words::grouped(count.planned.saturating_sub(count.queued))
            ),
            _ => "how many people that is has not been counted yet".to_owned(),
        }
    }

    fn starts(&self, model: &Model) -> String {
        let Ok(spec) = &self.judged else { return String::new() };
        let at = spec.starts_at.map(|at| at.with_timezone(&model.session.zone).format("%Y-%m-%d %H:%M"));
        match (at, &spec.run_after) {
            (None, None) => "nothing is sent before it is launched (L)".to_owned(),
            (Some(at), None) => format!("it starts BY ITSELF at {at}"),
            (None, Some(before)) => format!("it starts BY ITSELF when {before} is completed"),
            (Some(at), Some(before)) => format!("it starts BY ITSELF at {at}, once {before} is completed"),
        }
    }
}

fn leaving(canvas: &mut Canvas<'_>, area: Rect, leaves: bool) {
    let dialog = centred(area, 62, 8);
    canvas.clear(dialog);
    let border = Border { title: "Leave without saving?", foot: "", double: true };
    let inside = canvas.panel(dialog, border, Role::Warn);
    let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
    canvas.text(x, inside.y + 1, room, "What is typed here would be lost.", Role::Text);
    let (stay, leave) = if leaves {
        (("  Go on editing  ", Role::Text), ("[ Leave ]", Role::Selected))
    } else {
        (("[ Go on editing ]", Role::Selected), ("  Leave  ", Role::Text))
    };
    canvas.pieces(x + 1, inside.y + 3, room, &[stay, ("    ", Role::Text), leave]);
    canvas.text(x, inside.y + 5, room, "y = leave   Tab = other   Enter = press   Esc = go on", Role::Dim);
}

fn framed(canvas: &mut Canvas<'_>, (x, y): (u16, u16), width: u16, said: &str, focused: bool) {
    canvas.text(x, y, 1, "<", Role::Text);
    canvas.text(x + 1, y, width, said, if focused { Role::Selected } else { Role::Text });
    canvas.text(x + 1 + width, y, 1, ">", Role::Text);
}

/// How many of how many; of a sample as far as it can tell.
fn share(count: &AudienceCount) -> String {
    let Some(margin) = count.margin else {
        return format!("{} of {}", words::grouped(count.queued), words::grouped(count.contacts));
    };
    let contacts = words::rounded(count.contacts, count.contacts / 50);
    if margin == 0 {
        return format!("{} of about {contacts}", words::grouped(count.queued));
    }
    if count.queued <= margin {
        return format!("fewer than {} of about {contacts}", words::rounded(count.queued + margin, margin));
    }
    format!("about {} of {contacts}", words::rounded(count.queued, margin))
}

/// Why the others get nothing, the most frequent reason first.
fn reasons(count: &AudienceCount) -> String {
    let mut all: Vec<(String, u64)> = count
        .skipped
        .iter()
        .map(|(reason, people)| (format!("skipped: {}", reason.as_str()), *people))
        .collect();
    all.extend(count.not_in_audience.iter().map(|(reason, people)| (reason.as_str().to_owned(), *people)));
    if count.over_limit > 0 {
        all.push(("over the limit".to_owned(), count.over_limit));
    }
    all.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    if all.is_empty() {
        return "nobody is left out".to_owned();
    }
    let people = |people: u64| match count.margin {
        None => words::grouped(people),
        Some(_) => words::rounded(people, people / 10),
    };
    let said: Vec<String> = all.iter().map(|(reason, many)| format!("{} {reason}", people(*many))).collect();
    format!("not{}: {}", if count.margin.is_some() { ", at about" } else { "" }, said.join(", "))
}
