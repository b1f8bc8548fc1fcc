//! From a key to a command, or to text.

use super::{filter, layers, overlay, run};
use crate::tui::keymap::{Cmd, Entry, Key, Layer, hidden};
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::Effect;
use crate::tui::overlays::Overlay;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Takes a key.
pub fn press(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let (layers, is_text) = layers(model);
    let found = Key::of(event).and_then(|key| find(model, &layers, is_text, key, event));
    // A key held down moves and edits; it never acts twice.
    if event.kind == KeyEventKind::Repeat && found.is_some_and(|entry| !repeats(entry.cmd)) {
        return Vec::new();
    }
    let effects = match found {
        Some(entry) => run_entry(model, entry),
        None if is_text => overlay::edit(model, event),
        None => return Vec::new(),
    };
    model.touch(Dirty::Input);
    effects
}

fn find(model: &Model, layers: &[Layer], is_text: bool, key: Key, event: KeyEvent) -> Option<&'static Entry> {
    let is_letter =
        matches!(event.code, KeyCode::Char(_)) && !event.modifiers.contains(KeyModifiers::CONTROL);
    let choosing = match model.overlays.last() {
        Some(Overlay::Form(form)) => form.on_choice(),
        Some(Overlay::Wizard(wizard)) => wizard.on_choice(),
        Some(Overlay::Settings(form)) => form.on_choice(),
        Some(Overlay::Channel(form)) => form.on_choice(),
        _ => false,
    };
    let edits = matches!(event.code, KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End);
    if is_text && (edits || is_letter) && !(choosing && event.code == KeyCode::Char(' ')) {
        return None;
    }
    let found = model.keymap.find(layers, key);
    if found.is_some() || layers.contains(&Layer::Global) {
        return found;
    }
    // Over a question or an input only these reach through: back, redraw, and stop from where nothing is typed.
    model.keymap.find(&[Layer::Global], key).filter(|entry| match entry.cmd {
        Cmd::Interrupt | Cmd::Redraw => true,
        Cmd::StopAll => !is_text,
        _ => false,
    })
}

fn repeats(cmd: Cmd) -> bool {
    matches!(
        cmd,
        Cmd::Up
            | Cmd::Down
            | Cmd::PageUp
            | Cmd::PageDown
            | Cmd::Left
            | Cmd::Right
            | Cmd::DrawerNext
            | Cmd::DrawerPrevious
    )
}

/// Why nothing is changed from here, where that is so.
pub fn why_read_only(model: &Model) -> &'static str {
    if model.read_only { "this console is read-only" } else { "your role may look, not change" }
}

/// Runs a command if it is possible now, or says why it is not.
pub fn run_entry(model: &mut Model, entry: &Entry) -> Vec<Effect> {
    if hidden(entry, model) {
        let why = why_read_only(model);
        model.toast(Level::Info, format!("READ-ONLY: {} is off; {why}", entry.short));
        return Vec::new();
    }
    if let Err(reason) = (entry.enabled)(model) {
        model.toast(Level::Info, format!("{}: {reason}", entry.short));
        return Vec::new();
    }
    run::run(model, entry.cmd)
}

/// Takes pasted text: into a focused input, nowhere else.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    model.touch(Dirty::Input);
    let (_, is_text) = layers(model);
    if !is_text {
        model.toast(Level::Info, "pasted text is taken by inputs only; nothing was done");
        return Vec::new();
    }
    overlay::paste(model, text);
    filter::typed(model);
    Vec::new()
}
