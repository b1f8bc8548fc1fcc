//! Any command by name: keys of the table, what is on screen, tabs. What is not possible stays listed, with the
//! reason. Dangerous commands go through the same question as their key.

use crate::domain::ids::{CampaignId, NumberId};
use crate::tui::keymap::{Cmd, Entry, Layer, Reason, TABLE, hidden};
use crate::tui::lists::Motion;
use crate::tui::model::{Level, Model};
use crate::tui::msg::Effect;
use crate::tui::overlays::{Overlay, reason::ReasonPrompt};
use crate::tui::theme::Role;
use crate::tui::update::{ask_reason, propose, run_entry, show_recipients, switch_mouse};
use crate::tui::verbs::{CampaignVerb, NumberVerb};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;

/// What an item does.
#[derive(Debug, Clone, Copy)]
enum Does {
    Command(&'static Entry),
    Number(NumberId, NumberVerb),
    /// Asks for the priority in the same line.
    AskPriority(NumberId),
    Campaign(CampaignId, CampaignVerb),
    Recipients(CampaignId),
    /// Switches the mouse on or off.
    Mouse(bool),
}

impl Does {
    /// Whether it is possible now.
    fn possible(self, model: &Model) -> Result<(), Reason> {
        if matches!(self, Self::Number(..) | Self::AskPriority(_) | Self::Campaign(..)) && !model.may_act() {
            return Err("READ-ONLY: nothing can be changed here".into());
        }
        let number = |id| model.number(id).ok_or(Reason::Borrowed("this number is gone"));
        let campaign = |id| model.campaign(id).ok_or(Reason::Borrowed("this campaign is gone"));
        match self {
            Self::Command(entry) => (entry.enabled)(model),
            Self::Number(id, verb) => verb.allowed(number(id)?),
            Self::AskPriority(id) => number(id).map(|_| ()),
            Self::Campaign(id, verb) => verb.allowed(campaign(id)?),
            Self::Recipients(id) => campaign(id).map(|_| ()),
            Self::Mouse(true) if model.mouse => Err("it is on".into()),
            Self::Mouse(false) if !model.mouse => Err("it is off".into()),
            Self::Mouse(_) => Ok(()),
        }
    }
}

/// A command with its name.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name.
    pub title: String,
    key: String,
    does: Does,
    /// Whether it is possible now, or why not.
    pub possible: Result<(), Reason>,
}

/// The palette.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    /// What is typed.
    pub input: Input,
    cursor: usize,
    /// What fits what is typed, as it was found when that was typed: no row moves under the cursor.
    held: Vec<Item>,
    /// What an argument is asked for.
    pub argument: Option<(NumberId, String)>,
}

impl Palette {
    /// Moves among the matches.
    pub fn go(&mut self, motion: Motion) {
        self.cursor = motion.from(self.cursor, self.held.len());
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let (width, height) =
            if area.width >= 120 { (90, 18) } else { (area.width.saturating_sub(8).min(72), 14) };
        let dialog = Rect::new(
            area.x + (area.width - width) / 2,
            area.y + 2,
            width,
            height.min(area.height.saturating_sub(3)),
        );
        canvas.clear(dialog);
        let inside = canvas.panel(
            dialog,
            Border { title: "Command", foot: "Enter run  Tab complete", double: false },
            Role::Frame,
        );
        let (x, room) = (inside.x + 1, inside.width.saturating_sub(2));
        let prompt = match &self.argument {
            Some((_, question)) => format!(": {question} = "),
            None => ": ".to_owned(),
        };
        let used = canvas.text(x, inside.y, room, &prompt, Role::Key);
        self.input.draw(canvas, x + used, inside.y, room.saturating_sub(used), true);
        if self.argument.is_some() {
            canvas.text(
                x,
                inside.y + 2,
                room,
                "a whole number; lower goes first   Enter sets   Esc back",
                Role::Dim,
            );
            return;
        }
        if self.held.is_empty() {
            canvas.text(x, inside.y + 2, room, "Nothing has these letters.", Role::Dim);
        }
        let height = usize::from(inside.height.saturating_sub(2)).max(1);
        let from = (self.cursor + 1).saturating_sub(height);
        for ((at, item), y) in self.held.iter().enumerate().skip(from).take(height).zip(inside.y + 2..) {
            let possible = match item.does {
                // The palette itself lies over what this would be done to.
                Does::Command(_) => item.possible.clone(),
                _ => item.does.possible(model),
            };
            view_item(
                canvas,
                Rect::new(x, y, room, 1),
                &Item { possible, ..item.clone() },
                at == self.cursor,
            );
        }
    }
}

fn view_item(canvas: &mut Canvas<'_>, area: Rect, item: &Item, chosen: bool) {
    let possible = item.possible.is_ok();
    let sign = match (chosen, possible) {
        (true, _) => ">",
        (false, true) => " ",
        (false, false) => "-",
    };
    let beside = match &item.possible {
        Ok(()) => item.key.as_str(),
        Err(reason) => reason,
    };
    let beside = words::fit(beside, usize::from(area.width / 2), canvas.theme.ascii);
    let right = u16::try_from(words::width(&beside)).unwrap_or(0);
    let (role, beside_role) = if possible { (Role::Text, Role::Key) } else { (Role::Dim, Role::Warn) };
    let room = area.width.saturating_sub(right + 2);
    canvas.text(area.x, area.y, room, &format!("{sign} {}", item.title), role);
    canvas.right(area.x, area.y, area.width.saturating_sub(1), &beside, beside_role);
    if chosen {
        canvas.paint(area, Role::Selected);
    }
}

/// Everything there is, in the order in which it is listed when nothing is typed.
fn all(model: &Model) -> Vec<Item> {
    let mut items = Vec::new();
    let command = |entry: &'static Entry| Item {
        title: capital(entry.title),
        key: model.keymap.shown(entry),
        does: Does::Command(entry),
        possible: (entry.enabled)(model),
    };
    let here = model.tab.layer();
    let listed = |entry: &&'static Entry| !hidden(entry, model);
    items.extend(TABLE.iter().filter(listed).filter(|entry| entry.layer == here).map(command));
    if model.may_act() {
        on_screen(model, &mut items);
    }
    if let Some(overview) = model.overview() {
        items.extend(overview.campaigns.iter().take(200).map(|row| Item {
            title: format!("Go to recipients of {}", row.name.as_str()),
            key: "r".into(),
            does: Does::Recipients(row.id),
            possible: Ok(()),
        }));
    }
    let global = |entry: &&'static Entry| {
        entry.layer == Layer::Global && !matches!(entry.name, "back" | "interrupt" | "palette")
    };
    items.extend(TABLE.iter().filter(listed).filter(global).map(command));
    items.extend([true, false].map(|on| Item {
        title: if on { "Mouse on" } else { "Mouse off" }.into(),
        key: String::new(),
        does: Does::Mouse(on),
        possible: Does::Mouse(on).possible(model),
    }));
    items
}

fn on_screen(model: &Model, items: &mut Vec<Item>) {
    let Some(overview) = model.overview() else { return };
    for row in overview.campaigns.iter().take(200) {
        let verbs = [
            (CampaignVerb::pause_or_resume(row), "p"),
            (CampaignVerb::Launch, "L"),
            (CampaignVerb::Cancel, "c"),
        ];
        let widen = row.rollout.as_ref().map(|_| (CampaignVerb::Widen, "W"));
        items.extend(verbs.into_iter().chain(widen).map(|(verb, key)| Item {
            title: format!("{} {}", verb.title(), row.name.as_str()),
            key: key.into(),
            does: Does::Campaign(row.id, verb),
            possible: verb.allowed(row),
        }));
    }
    for row in overview.numbers.iter().take(200) {
        let verbs = [
            (NumberVerb::Suspend, "x"),
            (NumberVerb::Resume, "p"),
            (NumberVerb::FailOver, "F"),
            (NumberVerb::Disable, "X"),
            (NumberVerb::Enable, "E"),
            (NumberVerb::Remove, "D"),
        ];
        items.extend(verbs.into_iter().map(|(verb, key)| Item {
            title: format!("{} {}", verb.title(), row.name.as_str()),
            key: key.into(),
            does: Does::Number(row.id, verb),
            possible: verb.allowed(row),
        }));
        items.push(Item {
            title: format!("Set priority of {} ...", row.name.as_str()),
            key: String::new(),
            does: Does::AskPriority(row.id),
            possible: Ok(()),
        });
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What fits what is typed, the best first; possible ones before the others.
fn found(model: &Model, typed: &str) -> Vec<Item> {
    fitting(all(model), model, typed)
}

/// The commands that need neither a screen nor a row under a cursor, as far as they fit what is typed, the best first.
pub fn without_screen(model: &Model, typed: &str) -> Vec<Item> {
    let needs_no_row = |item: &Item| match item.does {
        Does::Number(..) | Does::AskPriority(_) | Does::Campaign(..) => true,
        Does::Command(entry) => {
            entry.layer == Layer::Global && matches!(entry.cmd, Cmd::Undo | Cmd::StopAll | Cmd::ReleaseStop)
        }
        Does::Recipients(_) | Does::Mouse(_) => false,
    };
    fitting(all(model).into_iter().filter(needs_no_row).collect(), model, typed)
}

fn fitting(items: Vec<Item>, model: &Model, typed: &str) -> Vec<Item> {
    if typed.trim().is_empty() {
        return latest_first(items, &model.history);
    }
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut letters = Vec::new();
    let mut scored: Vec<(u32, Item)> = items
        .into_iter()
        .filter_map(|item| {
            let score = pattern.score(Utf32Str::new(&item.title, &mut letters), &mut matcher)?;
            Some((score, item))
        })
        .collect();
    scored.sort_by_key(|(score, item)| (std::cmp::Reverse(item.possible.is_ok()), std::cmp::Reverse(*score)));
    scored.into_iter().map(|(_, item)| item).collect()
}

/// What this operator ran before stands first, the latest at the top.
fn latest_first(mut items: Vec<Item>, history: &[String]) -> Vec<Item> {
    let rank = |item: &Item| history.iter().rposition(|title| *title == item.title);
    items.sort_by_key(|item| std::cmp::Reverse(rank(item)));
    items
}

/// Opens it.
pub fn open(model: &mut Model) {
    model.overlays.push(Overlay::Palette(Palette::default()));
    hold(model);
}

/// Finds what fits what is typed now. It stands until something else is typed, whatever becomes of the rows meanwhile.
fn hold(model: &mut Model) {
    // Found without the palette: it is away when a command runs.
    if let Some(Overlay::Palette(mut palette)) =
        model.overlays.pop_if(|top| matches!(top, Overlay::Palette(_)))
    {
        if palette.argument.is_none() {
            (palette.held, palette.cursor) = (found(model, palette.input.text()), 0);
        }
        model.overlays.push(Overlay::Palette(palette));
    }
}

/// Changes what is typed.
fn edit(model: &mut Model, change: impl FnOnce(&mut Input)) {
    let Some(Overlay::Palette(palette)) = model.overlays.last_mut() else { return };
    let before = palette.input.text().to_owned();
    change(&mut palette.input);
    if palette.input.text() != before {
        hold(model);
    }
}

/// Takes a key that edits.
pub fn key(model: &mut Model, key: KeyEvent) {
    edit(model, |input| {
        input.key(key);
    });
}

/// Takes pasted text.
pub fn paste(model: &mut Model, text: &str) {
    edit(model, |input| input.paste(text));
}

/// Completes what is typed to the title under the cursor.
pub fn complete(model: &mut Model) {
    let Some(Overlay::Palette(palette)) = model.overlays.last() else { return };
    let title = palette.held.get(palette.cursor).map(|item| item.title.clone());
    if let Some(title) = title {
        edit(model, |input| input.set(&title));
    }
}

/// Runs what is under the cursor.
pub fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = model.overlays.pop() else { return Vec::new() };
    if let Some((id, question)) = palette.argument.clone() {
        return set_priority(model, palette, id, &question);
    }
    let Some(item) = palette.held.get(palette.cursor).cloned() else {
        model.overlays.push(Overlay::Palette(palette));
        return Vec::new();
    };
    if let Err(reason) = item.does.possible(model) {
        model.toast(Level::Info, format!("{}: {reason}", item.title));
        model.overlays.push(Overlay::Palette(palette));
        return Vec::new();
    }
    model.history.push(item.title.clone());
    let surplus = model.history.len().saturating_sub(100);
    model.history.drain(..surplus);
    run(model, &item)
}

/// Does what it says, as far as that is possible now.
pub fn run(model: &mut Model, item: &Item) -> Vec<Effect> {
    match item.does {
        Does::Command(entry) => run_entry(model, entry),
        Does::Recipients(id) => show_recipients(model, Some(id)),
        Does::Mouse(on) => switch_mouse(model, on),
        Does::Campaign(id, verb) => {
            let proposal = match model.campaign(id) {
                Some(row) => verb.propose(&[row], model),
                None => Err("this campaign is gone".into()),
            };
            propose(model, proposal)
        }
        Does::Number(id, verb) => {
            let proposal = match model.number(id) {
                Some(row) => verb.propose(&[row], model),
                None => Err("this number is gone".into()),
            };
            if matches!(verb, NumberVerb::Suspend | NumberVerb::Disable) {
                ask_reason(model, proposal, ReasonPrompt::suspend)
            } else {
                propose(model, proposal)
            }
        }
        Does::AskPriority(id) => {
            let name = model.number(id).map_or(String::new(), |row| row.name.as_str().to_owned());
            let argument = Some((id, format!("set priority of {name}")));
            model.overlays.push(Overlay::Palette(Palette { argument, ..Palette::default() }));
            Vec::new()
        }
    }
}

fn set_priority(model: &mut Model, palette: Palette, id: NumberId, question: &str) -> Vec<Effect> {
    let Ok(place) = palette.input.text().trim().parse::<i32>() else {
        model.toast(Level::Warn, format!("{question}: a whole number, please"));
        model.overlays.push(Overlay::Palette(palette));
        return Vec::new();
    };
    let proposal = match model.number(id) {
        Some(row) => NumberVerb::SetPriority(place).propose(&[row], model),
        None => Err("this number is gone".into()),
    };
    propose(model, proposal)
}
