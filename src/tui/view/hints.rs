//! The last line: keys that work now, made from the key table.

use crate::tui::keymap::{Cmd, Entry, TABLE, hidden};
use crate::tui::model::{Model, Tab};
use crate::tui::overlays::Overlay;
use crate::tui::theme::Role;
use crate::tui::update::layers;
use crate::tui::verbs::CampaignVerb;
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let gap: u16 = if area.width >= 120 { 3 } else { 2 };
    let mut x = area.x + 1;
    for (key, label) in fitting(model, area.width) {
        x += canvas.text(x, area.y, area.right().saturating_sub(x), &key, Role::Key) + 1;
        x += canvas.text(x, area.y, area.right().saturating_sub(x), &label, Role::Text) + gap;
    }
}

/// Keys and their words, as many as fit the width, the most important ones surely among them.
pub fn fitting(model: &Model, width: u16) -> Vec<(String, String)> {
    let gap = if width >= 120 { 3 } else { 2 };
    let room = usize::from(width).saturating_sub(1);
    let (layers, _) = layers(model);
    let mut candidates: Vec<(u8, &'static Entry)> = Vec::new();
    for entry in TABLE.iter().filter(|entry| entry.hint > 0 && layers.contains(&entry.layer)) {
        let shadowed = model.keymap.keys(entry).first().is_none_or(|key| {
            model
                .keymap
                .find(&layers, *key)
                .is_none_or(|found| found.layer != entry.layer || found.cmd != entry.cmd)
        });
        if !shadowed && !hidden(entry, model) && (entry.enabled)(model).is_ok() {
            candidates.push((entry.hint, entry));
        }
    }
    let mut chosen: Vec<usize> = Vec::new();
    let mut used = 0;
    let mut by_weight: Vec<usize> = (0..candidates.len()).collect();
    by_weight.sort_by_key(|at| candidates[*at].0);
    for at in by_weight {
        let (key, label) = words_of(model, candidates[at].1);
        let wide = words::width(&key) + 1 + words::width(&label) + gap;
        if used + wide <= room + gap {
            used += wide;
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|at| words_of(model, candidates[at].1)).collect()
}

fn words_of(model: &Model, entry: &Entry) -> (String, String) {
    let key = model.keymap.shown(entry);
    let label = label(model, entry);
    if entry.cmd == Cmd::NumberRaise {
        let lower = TABLE.iter().find(|other| other.cmd == Cmd::NumberLower);
        let lower = lower.map(|other| model.keymap.shown(other)).unwrap_or_default();
        return (format!("{key}/{lower}"), label.to_owned());
    }
    (key, label.to_owned())
}

/// The named state that a key leads to, never "toggle".
fn label(model: &Model, entry: &Entry) -> &'static str {
    match entry.cmd {
        Cmd::CampaignPauseResume => match crate::tui::allowed::campaigns(model).first() {
            Some(row) if CampaignVerb::pause_or_resume(row) == CampaignVerb::Resume => "resume",
            _ => "pause",
        },
        Cmd::Follow if model.live.follows() => "freeze",
        Cmd::Follow => "follow",
        Cmd::ErrorsOnly if model.live.errors_only => "all lines",
        Cmd::Quit if !model.overlays.is_empty() => "close",
        Cmd::Quit => "quit",
        Cmd::Help if matches!(model.overlays.last(), Some(Overlay::Drawer(_))) => "help",
        Cmd::Open if model.size.width >= 120 => "details",
        Cmd::Palette if model.size.width >= 120 => "command",
        Cmd::Doubts if model.tab == Tab::Live => "in doubt",
        _ => entry.short,
    }
}
