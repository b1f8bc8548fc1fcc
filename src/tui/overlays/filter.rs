//! The line in which a filter is typed; what is wrong with it stands below, at its place.

use crate::domain::filter::{Filter, FilterError, Scope};
use crate::store::view::Total;
use crate::tui::model::{Model, Tab};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

/// The input.
#[derive(Debug, Clone)]
pub struct FilterInput {
    /// Which list.
    pub scope: Scope,
    input: Input,
    /// What was there before: Escape brings it back.
    pub before: String,
}

impl FilterInput {
    /// Opens it on what is applied now.
    pub fn new(scope: Scope, text: &str) -> Self {
        Self { scope, input: Input::with(text), before: text.to_owned() }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        self.input.text()
    }

    /// What it means.
    ///
    /// # Errors
    /// What cannot be understood, and where.
    pub fn parse(&self) -> Result<Filter, FilterError> {
        Filter::parse(self.input.text(), self.scope)
    }

    /// Whether the last word is still becoming a field's name: nobody called "stat" is looked for on the way to
    /// `status:`.
    pub fn is_between(&self) -> bool {
        let last = self.text().rsplit(' ').next().unwrap_or_default().trim_start_matches('-');
        !last.is_empty() && self.scope.fields().iter().any(|field| field.name().starts_with(last))
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        self.input.key(key);
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.input.paste(text);
    }

    /// Completes the word being typed: a field's name, or a state behind `status:`.
    pub fn complete(&mut self) {
        let text = self.input.text().to_owned();
        let start = text.rfind(' ').map_or(0, |at| at + 1);
        let (head, word) = text.split_at(start);
        let (minus, word) = word.strip_prefix('-').map_or(("", word), |rest| ("-", rest));
        let completed = match word.split_once(':') {
            Some((field @ ("status" | "state"), value)) => {
                let (done, last) = value.rsplit_once(',').map_or(("", value), |(done, last)| (done, last));
                let comma = if done.is_empty() { "" } else { "," };
                one_that_starts(self.scope.states().iter().copied(), last)
                    .map(|state| format!("{head}{minus}{field}:{done}{comma}{state}"))
            }
            Some(_) => None,
            None => one_that_starts(self.scope.fields().iter().map(|field| field.name()), word)
                .map(|field| format!("{head}{minus}{field}:")),
        };
        if let Some(completed) = completed {
            self.input.set(&completed);
        }
    }

    /// Draws it into the two lowest lines.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, status: Rect, hints: Rect) {
        canvas.clear(status);
        canvas.clear(hints);
        let found = hits(model);
        let right = u16::try_from(words::width(&found)).unwrap_or(0);
        canvas.text(status.x + 1, status.y, 1, "/", Role::Key);
        self.input.draw(canvas, status.x + 2, status.y, status.width.saturating_sub(right + 4), true);
        canvas.right(status.x, status.y, status.width - 1, &found, Role::Text);
        match self.parse() {
            Ok(_) => {
                let fields: Vec<&str> = self.scope.fields().iter().map(|field| field.name()).collect();
                let line = format!(" keys: {} | -not | a..b | Enter apply Esc back", fields.join(" "));
                canvas.text(hints.x, hints.y, hints.width, &line, Role::Dim);
            }
            Err(error) => {
                let at = u16::try_from(error.at).unwrap_or(0).min(20);
                let line = format!("{:width$}^ {error}", "", width = usize::from(at) + 2);
                canvas.text(hints.x, hints.y, hints.width, &line, Role::Bad);
            }
        }
    }
}

fn one_that_starts<'a>(mut words: impl Iterator<Item = &'a str>, start: &str) -> Option<&'a str> {
    words.find(|word| word.starts_with(start))
}

/// `1 204 hits`, as far as that is known.
pub fn hits(model: &Model) -> String {
    match model.tab {
        Tab::Numbers => format!("{} of {}", model.numbers.rows().len(), model.numbers.total),
        Tab::Campaigns => format!("{} of {}", model.campaigns.rows().len(), model.campaigns.total),
        Tab::Live => {
            let fitting = model.live.visible(model.now.wall, model.session.zone).len();
            format!("{fitting} of {}", model.live.len())
        }
        Tab::Replies => format!("{} listed", model.replies.list.rows().len()),
        Tab::Recipients => match model.recipients.total {
            Some(Total::Exactly(total)) => format!("{} hits", words::grouped(total)),
            Some(Total::About(Some(guess))) => format!("about {} hits", words::short_count(guess)),
            Some(Total::About(None)) => "10 000+ hits".into(),
            None => "counting".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_states_are_completed() {
        let completed = |text: &str| {
            let mut input = FilterInput::new(Scope::Recipients, text);
            input.complete();
            input.text().to_owned()
        };
        assert_eq!(completed("st"), "status:");
        assert_eq!(completed("try>=3 -na"), "try>=3 -name:");
        assert_eq!(completed("status:fa"), "status:failed");
        assert_eq!(completed("status:failed,in"), "status:failed,in_doubt");
        assert_eq!(completed("zzz"), "zzz");
    }
}
