//! What is said without being asked: notices, answers, attempts, questions; each once.

use crate::domain::phone::Phone;
use crate::store::view::LiveEvent;
use crate::tui::model::{Level, Model};
use crate::tui::msg::Msg;
use crate::tui::overlays::{Overlay, reason::Asks};
use crate::tui::terminal::voice::Voice;
use crate::tui::words;
use chrono::{DateTime, Utc};
use std::time::Instant;

/// Columns of a name in a line.
const NAME_COLUMNS: usize = 60;

/// Which attempts are said as they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Log {
    /// All of them.
    #[default]
    All,
    /// Those that somebody may want to look at.
    Errors,
    /// None.
    Off,
}

/// What was said.
#[derive(Debug, Default)]
pub struct Said {
    toasts: Vec<(String, Instant)>,
    question: Vec<String>,
    is_away: bool,
    /// Attempts before this were not seen happening, by the database's clock.
    since: Option<DateTime<Utc>>,
    /// When somebody wrote last, of which it was said.
    heard_at: Option<DateTime<Utc>>,
}

impl Said {
    /// Says what is no longer in the model once the message is taken in.
    pub fn before(&mut self, message: &Msg, model: &Model, log: Log, voice: &Voice) {
        match message {
            Msg::Overview(Ok(overview)) if self.since.is_none() => {
                (self.since, self.heard_at) = (Some(overview.at), overview.heard_at);
            }
            Msg::Overview(Ok(overview)) if overview.heard_at > self.heard_at => {
                self.heard_at = overview.heard_at;
                let threads = words::count(overview.unread, "thread");
                voice.say(&format!("somebody wrote: {threads} unanswered; signalbox reply list shows them"));
            }
            Msg::Live(events, lost) => {
                for event in events {
                    self.attempt(event, model, log, voice);
                }
                if *lost > 0 && log != Log::Off {
                    voice.mention(&format!("{lost} attempts were too fast to be told"));
                }
            }
            Msg::Notice(notice) => {
                let sign = if notice.alarming { "!! " } else { "" };
                let at = words::clock(notice.at, model.now.wall, model.session.zone);
                voice.say(&format!("{at} {sign}changed by {}: {}", notice.by, notice.what));
                // It is not said again as a toast.
                self.toasts.push((notice.what.as_str().to_owned(), model.now.mono));
            }
            _ => {}
        }
    }

    fn attempt(&self, event: &LiveEvent, model: &Model, log: Log, voice: &Voice) {
        let wanted = match log {
            Log::All => true,
            Log::Errors => event.kind.is_error(),
            Log::Off => false,
        };
        if wanted && self.since.is_some_and(|since| event.at >= since) {
            voice.mention(&attempt(event, model));
        }
    }

    /// Says what the model has that was not said yet.
    pub fn after(&mut self, model: &Model, voice: &Voice) {
        let told = |toast: &crate::tui::model::Toast| (toast.text.clone(), toast.until);
        for toast in &model.toasts {
            let known = self.toasts.iter().any(|(text, until)| {
                // What was said as a notice has no end of its own.
                *text == toast.text && (*until == toast.until || *until <= model.now.mono)
            });
            if !known {
                let sign = if matches!(toast.level, Level::Bad) { "!! " } else { "" };
                let offer = if toast.undo { "; undo takes it back, for 10 seconds" } else { "" };
                let more = toast.more.as_ref().map_or(String::new(), |more| format!("; {more}"));
                voice.say(&format!("{sign}{}{more}{offer}", toast.text));
            }
        }
        self.toasts = model.toasts.iter().map(told).collect();
        self.away(model, voice);
        let question = question(model);
        if question != self.question {
            for line in &question {
                voice.say(line);
            }
            self.question = question;
        }
    }

    fn away(&mut self, model: &Model, voice: &Voice) {
        match (&model.source.away, self.is_away) {
            (Some((_, why)), false) => {
                voice.say(&format!("!! DATABASE AWAY: nothing is sent from here. Trying again: {why}"));
            }
            (None, true) => voice.say("the database is back"),
            _ => return,
        }
        self.is_away = !self.is_away;
    }
}

/// A name in a line, cut so that it hides nothing behind it.
pub fn name(text: &str) -> String {
    words::fit(text, NAME_COLUMNS, false).into_owned()
}

fn attempt(event: &LiveEvent, model: &Model) -> String {
    let at = words::clock(event.at, model.now.wall, model.session.zone);
    let phone = event.phone.as_ref().map_or(String::new(), Phone::masked);
    let parts = [
        at,
        event.kind.name().to_uppercase(),
        name(&event.campaign),
        name(&event.number),
        phone,
        event.code.as_deref().unwrap_or_default().to_owned(),
        event.words.to_string(),
    ];
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The question that is open, in lines; none where none is.
fn question(model: &Model) -> Vec<String> {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => {
            let proposal = &confirm.proposal;
            let mut lines = vec![format!("{} {}", proposal.title, model.session.environment)];
            lines.extend(proposal.lines.iter().map(|(label, value, _)| format!("{label}: {value}")));
            if let Some(risks) = &confirm.risks {
                // It is asked when what is open is known.
                if risks.is_being_read() {
                    return Vec::new();
                }
                lines.push(format!("Findings: {}", risks.sum().0));
                lines.extend(risks.open().iter().map(|sentence| format!("! {sentence}")));
            }
            lines.extend(proposal.warning.map(str::to_owned));
            lines.push(match (&confirm.changed, &proposal.typed) {
                (Some(changed), _) => {
                    format!("!! changed meanwhile: {changed}. Type read when you have read it, or cancel.")
                }
                (None, Some(typed)) => format!("{}, or cancel.", typed.question),
                (None, None) => format!("Type yes to {}; anything else cancels.", proposal.button),
            });
            lines
        }
        Some(Overlay::Reason(prompt)) => {
            let subject = prompt.proposal.lines.first().map_or("", |(_, value, _)| value.as_str());
            let needed = match (prompt.missing, prompt.required) {
                _ if prompt.asks == Asks::Answer => "Type the answer",
                _ if prompt.asks == Asks::Operator => "Type the operator's name, or none",
                (true, _) => "This needs a reason, for those who read the record",
                (false, true) => "Type the reason",
                (false, false) => "Type the reason, or an empty line for none",
            };
            vec![format!("{} {subject} {needed}, or cancel.", prompt.proposal.title)]
        }
        Some(Overlay::Palette(palette)) => {
            let asked = palette.argument.as_ref().map_or("", |(_, question)| question.as_str());
            vec![format!("{asked}: type a whole number, lower goes first, or cancel.")]
        }
        _ => Vec::new(),
    }
}
