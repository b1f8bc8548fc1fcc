//! Keys and answers of a file of numbers.

use crate::domain::text::Safe;
use crate::tui::backend::{BackendError, FileTold};
use crate::tui::keymap::Cmd;
use crate::tui::lists::Motion;
use crate::tui::model::{Dirty, Level, Model};
use crate::tui::msg::Effect;
use crate::tui::overlays::{Overlay, number_file::NumberFile};
use crate::tui::words;
use crossterm::event::KeyEvent;

fn dialog(model: &mut Model) -> Option<&mut NumberFile> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::NumberFile(dialog) => Some(&mut **dialog),
        _ => None,
    })
}

/// Opens it.
pub fn open(model: &mut Model, imports: bool) {
    model.overlays.push(Overlay::NumberFile(Box::new(NumberFile::new(imports))));
}

/// Runs a command of it; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    if cmd != Cmd::Accept {
        return None;
    }
    let request = model.number_request();
    let dialog = dialog(model)?;
    if dialog.is_done() {
        model.overlays.pop();
        return Some(Vec::new());
    }
    let Some(work) = dialog.work() else { return Some(Vec::new()) };
    dialog.begin(request);
    Some(vec![Effect::NumberFile { request, work }])
}

/// Moves in what was refused.
pub fn go(model: &mut Model, motion: Motion) {
    if let Some(dialog) = dialog(model) {
        dialog.go(motion);
    }
}

/// Takes a key that edits.
pub fn key(model: &mut Model, event: KeyEvent) {
    if let Some(dialog) = dialog(model) {
        dialog.key(event);
    }
}

/// Takes pasted text.
pub fn paste(model: &mut Model, text: &str) {
    if let Some(dialog) = dialog(model) {
        dialog.paste(text);
    }
}

/// It found no way out.
pub fn not_begun(model: &mut Model) {
    if let Some(dialog) = dialog(model) {
        dialog.not_begun();
    }
    model.toast(Level::Warn, "busy: nothing was done, try again");
}

/// What became of a file: said also to whoever has left meanwhile, but for what was only looked at and is well.
pub fn told(model: &mut Model, request: u64, answer: &Result<FileTold, BackendError>) -> Vec<Effect> {
    let shown_there = dialog(model).is_some_and(|dialog| dialog.take(request, answer));
    model.touch(Dirty::Input);
    let shown = |count: i64| words::grouped(u64::try_from(count).unwrap_or(0));
    match answer {
        Ok(FileTold::Imported(done)) => {
            let (added, changed) = (shown(done.added), shown(done.changed));
            model.toast(Level::Ok, format!("numbers imported: {added} added, {changed} changed"));
            vec![Effect::Refresh]
        }
        Ok(FileTold::Exported(all, _)) => {
            model.toast(Level::Ok, format!("{} written", words::count(*all as u64, "number")));
            Vec::new()
        }
        Ok(FileTold::Wrong { faults, all }) if !shown_there => {
            let first = faults.first().map_or("", Safe::as_str);
            let more = (*all > 1).then(|| format!("and {} more", words::grouped(*all as u64 - 1)));
            model.toast_with(Level::Bad, format!("numbers not imported: {first}"), more, false);
            Vec::new()
        }
        Err(error) if !shown_there => {
            model.toast(Level::Bad, format!("file of numbers: {error}"));
            Vec::new()
        }
        _ => Vec::new(),
    }
}
