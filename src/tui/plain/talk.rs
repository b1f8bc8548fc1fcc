//! What is typed: an answer to the question that is open, a word of ours, or a command of the palette.

use super::said::{Log, name};
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Moment, Msg};
use crate::tui::overlays::{
    Overlay,
    palette::{self, Item},
};
use crate::tui::tabs;
use crate::tui::terminal::voice::Voice;
use crate::tui::update::why_read_only;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Commands that are offered at once.
const OFFERED: usize = 20;

const HELP: &str = "\
status: what is sent and what stands still
numbers, campaigns: a line for each
log all, log errors, log off: which attempts are told as they happen
quit, or the end of the input: ends; what is on the wire finishes first
Everything else is a command of the palette, whole or in parts: pause spring; suspend support-a; stop all; undo.
Where several fit they are listed, and their number chooses one. What starts something asks first.";

/// What is said where no command fits. Without a screen all of them change something, so a viewer has none.
fn nothing_fits(model: &Model) -> String {
    if model.may_act() {
        "no command has these letters; help tells which there are".to_owned()
    } else {
        format!("READ-ONLY: {}; help tells what can be asked", why_read_only(model))
    }
}

/// Whether this line ends it. In front of a question it is an answer.
pub fn wants_to_leave(line: &str, model: &Model) -> bool {
    model.overlays.is_empty() && matches!(line, "quit" | "exit" | "q")
}

/// The conversation.
#[derive(Debug, Default)]
pub struct Talk {
    /// Which attempts are told.
    pub log: Log,
    /// Commands that were listed last, to be chosen from by number.
    offered: Vec<Item>,
}

impl Talk {
    /// Takes a line. Answers the messages it stands for, and what follows from it at once.
    pub fn take(
        &mut self,
        line: &str,
        model: &mut Model,
        now: Moment,
        voice: &Voice,
    ) -> (Vec<Msg>, Vec<Effect>) {
        model.now = now;
        if !model.overlays.is_empty() {
            return (answer(line, model, voice), Vec::new());
        }
        if let Some(item) = self.chosen(line) {
            return (Vec::new(), palette::run(model, &item));
        }
        self.offered.clear();
        match line {
            "" => {}
            "help" | "?" => voice.say(HELP),
            "status" => status(model).iter().for_each(|line| voice.say(line)),
            "numbers" => numbers(model).iter().for_each(|line| voice.say(line)),
            "campaigns" => campaigns(model).iter().for_each(|line| voice.say(line)),
            "log all" => self.log(Log::All, "every attempt is told", voice),
            "log errors" => self.log(Log::Errors, "attempts that went wrong are told", voice),
            "log off" => self.log(Log::Off, "no attempts are told", voice),
            line => return (Vec::new(), self.command(line, model, voice)),
        }
        (Vec::new(), Vec::new())
    }

    fn log(&mut self, log: Log, words: &str, voice: &Voice) {
        self.log = log;
        voice.say(words);
    }

    /// One of the commands that were listed, by its number.
    fn chosen(&self, line: &str) -> Option<Item> {
        let number: usize = line.parse().ok()?;
        self.offered.get(number.checked_sub(1)?).cloned()
    }

    /// Runs the one command that is meant beyond doubt; lists those that may be.
    fn command(&mut self, line: &str, model: &mut Model, voice: &Voice) -> Vec<Effect> {
        let mut found = palette::without_screen(model, line);
        if let Some(at) = meant(&found, line) {
            let item = found.swap_remove(at);
            return match &item.possible {
                Ok(()) => palette::run(model, &item),
                Err(reason) => {
                    voice.say(&format!("{}: {reason}", item.title));
                    Vec::new()
                }
            };
        }
        if found.is_empty() {
            voice.say(&nothing_fits(model));
        }
        let more = found.len().saturating_sub(OFFERED);
        found.truncate(OFFERED);
        for (item, number) in found.iter().zip(1..) {
            let not =
                item.possible.as_ref().err().map_or(String::new(), |reason| format!(" (not now: {reason})"));
            voice.say(&format!("{number} {}{not}", item.title));
        }
        if more > 0 {
            voice.say(&format!("and {more} more; type more of it"));
        }
        self.offered = found;
        Vec::new()
    }
}

/// The command that is meant: the one of this name, or the only one whose words begin with what is typed. Letters scattered
/// over a name are enough to list it and not to run it.
fn meant(found: &[Item], line: &str) -> Option<usize> {
    let line = line.to_lowercase();
    if let Some(at) = found.iter().position(|item| item.title.to_lowercase().trim_end_matches(" ...") == line)
    {
        return Some(at);
    }
    let begins = |item: &&Item| {
        let title = item.title.to_lowercase();
        let mut words = title.split_whitespace();
        line.split_whitespace().all(|typed| words.any(|word| word.starts_with(typed)))
    };
    let mut fitting = found.iter().filter(begins).filter(|item| item.possible.is_ok());
    let only = fitting.next()?;
    if fitting.next().is_some() {
        return None;
    }
    found.iter().position(|item| item.title == only.title)
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// What a line says to the question that is open, in keys.
fn answer(line: &str, model: &mut Model, voice: &Voice) -> Vec<Msg> {
    let (cancel, enter) = (key(KeyCode::Esc), key(KeyCode::Enter));
    let nothing = |voice: &Voice| voice.say("cancelled: nothing was done");
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => {
            if confirm.is_guarded(model.now.mono) || confirm.is_reading() {
                voice.say("not taken: this was typed before the question could be read; answer it now");
                return Vec::new();
            }
            let typed = confirm.proposal.typed.as_ref();
            match (&confirm.changed, line) {
                (Some(_), "read") => return vec![key(KeyCode::Char('r'))],
                (None, "yes" | "y") if typed.is_none() => return vec![key(KeyCode::Char('y'))],
                (None, line) if typed.is_some_and(|typed| typed.is_met(line)) => {
                    return vec![Msg::Paste(line.to_owned()), enter];
                }
                _ => {}
            }
            nothing(voice);
            vec![cancel]
        }
        Some(Overlay::Reason(_) | Overlay::Palette(_)) if line != "cancel" => {
            vec![Msg::Paste(line.to_owned()), enter]
        }
        _ => {
            nothing(voice);
            model.overlays.clear();
            Vec::new()
        }
    }
}

fn status(model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((since, why)) = &model.source.away {
        let at = words::clock(since.wall, model.now.wall, model.session.zone);
        lines.push(format!("!! DATABASE AWAY since {at}, this is old: {why}"));
    }
    if let Some(why) = &model.missing {
        lines.push(format!("!! NO SENDER in this program: {why}"));
    }
    let Some(overview) = model.overview() else {
        lines.push("no data yet".into());
        return lines;
    };
    if let Some(stop) = &overview.stop {
        let at = words::clock(stop.since, model.now.wall, model.session.zone);
        lines.push(format!("STOPPED by {} at {at}: {}", stop.by, stop.reason));
    }
    lines.push(format!(
        "sending {} a second, {} in flight, {} queued, {} in doubt, {} unanswered",
        words::rate(overview.per_second),
        overview.in_air,
        overview.queued,
        overview.in_doubt,
        overview.unread
    ));
    let pieces = |parts: Vec<(String, crate::tui::theme::Role)>| -> String {
        parts.into_iter().map(|(text, _)| text).collect()
    };
    lines.push(pieces(tabs::numbers::status(model)));
    lines.push(words::count(overview.campaigns_total, "campaign"));
    if overview.instances.is_empty() {
        lines.push("no instance runs: nothing is sent".into());
    }
    for row in &overview.instances {
        let here = if Some(row.id) == model.session.instance { " (here)" } else { "" };
        lines.push(format!(
            "instance {}{here} of {}: {}, {} in flight",
            row.host, row.operator, row.phase, row.in_air
        ));
    }
    lines
}

fn numbers(model: &Model) -> Vec<String> {
    let Some(overview) = model.overview() else { return vec!["no data yet".into()] };
    let line = |row: &crate::store::view::NumberRow| {
        let hold =
            row.hold.as_ref().map_or(String::new(), |hold| format!("; {}", tabs::hold_long(hold, model)));
        let (called, state) = (name(row.name.as_str()), row.standing.name());
        format!("{} {called}: {state}, priority {}{hold}", row.phone, row.priority)
    };
    let lines: Vec<String> = overview.numbers.iter().map(line).collect();
    if lines.is_empty() { vec!["no numbers".into()] } else { lines }
}

fn campaigns(model: &Model) -> Vec<String> {
    let Some(overview) = model.overview() else { return vec!["no data yet".into()] };
    let line = |row: &crate::store::view::CampaignRow| {
        format!(
            "{}: {}, {} of {} done, {} sent, {} failed",
            name(row.name.as_str()),
            row.standing.name(),
            row.counts.done(),
            row.counts.planned,
            row.sent,
            row.counts.failed
        )
    };
    let lines: Vec<String> = overview.campaigns.iter().map(line).collect();
    if lines.is_empty() { vec!["no campaigns".into()] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fake::*;

    fn title(desk: &Desk, line: &str) -> Option<String> {
        let found = palette::without_screen(&desk.model, line);
        meant(&found, line).map(|at| found[at].title.clone())
    }

    #[test]
    fn a_command_runs_only_when_it_is_meant_beyond_doubt() {
        let desk = Desk::new(World::Many, 80, 24);
        for (line, meant) in [
            ("pause campaign spring-news", Some("Pause campaign spring-news")),
            ("pau spring-news", Some("Pause campaign spring-news")),
            ("stop all", Some("Stop all sending")),
            ("set prio promo-2", Some("Set priority of promo-2 ...")),
            // Several.
            ("suspend", None),
            ("spring", None),
            // Scattered letters.
            ("pcsn", None),
            ("zzz", None),
        ] {
            assert_eq!(title(&desk, line).as_deref(), meant, "{line}");
        }
    }

    #[test]
    fn commands_that_need_a_screen_or_a_row_are_not_there() {
        let desk = Desk::new(World::Many, 80, 24);
        let titles: Vec<String> =
            palette::without_screen(&desk.model, "").into_iter().map(|item| item.title).collect();
        for absent in ["Mouse on", "Filter", "Redraw everything", "Resume", "Go to recipients of spring-news"]
        {
            assert!(!titles.iter().any(|title| title == absent), "{absent}");
        }
        assert!(titles.iter().any(|title| title == "Lift the stop"), "{titles:?}");
        let mut desk = Desk::new(World::Many, 80, 24);
        desk.model.read_only = true;
        assert!(palette::without_screen(&desk.model, "").is_empty());
        assert_eq!(
            nothing_fits(&desk.model),
            "READ-ONLY: this console is read-only; help tells what can be asked"
        );
        desk.model.read_only = false;
        desk.model.session.may_write = false;
        assert!(palette::without_screen(&desk.model, "stop all").is_empty());
        assert!(nothing_fits(&desk.model).starts_with("READ-ONLY: your role may look, not change"));
    }
}
