//! The keys, from the table itself: searchable, each with the reason when it is not possible now.

use crate::tui::keymap::{Cmd, Danger, Entry, Group, Layer, TABLE, hidden};
use crate::tui::lists::Motion;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

/// The help.
#[derive(Debug, Clone, Default)]
pub struct Help {
    /// What is searched for.
    pub search: Input,
    cursor: usize,
}

impl Help {
    /// Takes a key that edits the search.
    pub fn key(&mut self, key: KeyEvent) {
        if self.search.key(key) {
            self.cursor = 0;
        }
    }

    /// Moves among the matches.
    pub fn go(&mut self, motion: Motion) {
        let count = if self.search.is_blank() { 0 } else { matches(self.search.text(), None).len() };
        self.cursor = motion.from(self.cursor, count);
    }

    /// The chosen entry, when something is searched for.
    pub fn chosen(&self, model: &Model) -> Option<&'static Entry> {
        if self.search.is_blank() {
            return None;
        }
        matches(self.search.text(), Some(model)).get(self.cursor).copied()
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let (width, height) = if area.width >= 120 { (112, 34) } else { (76, area.height) };
        let dialog = centred(area, width, height);
        canvas.clear(dialog);
        let title = format!("Help: {}", model.tab.title());
        let inside = canvas.panel(
            dialog,
            Border { title: &title, foot: "type to search, Tab guides, Esc closes", double: false },
            Role::Frame,
        );
        if self.search.is_blank() {
            overview(model, canvas, inside);
        } else {
            self.found(model, canvas, inside);
        }
    }

    fn found(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        canvas.text(area.x + 2, area.y + 1, 2, "/", Role::Key);
        self.search.draw(canvas, area.x + 4, area.y + 1, area.width.saturating_sub(6), true);
        let found = matches(self.search.text(), Some(model));
        if found.is_empty() {
            canvas.text(
                area.x + 2,
                area.y + 3,
                area.width.saturating_sub(4),
                "No key has these words.",
                Role::Dim,
            );
        }
        let height = usize::from(area.height.saturating_sub(4)).max(1);
        let from = (self.cursor + 1).saturating_sub(height);
        for ((at, entry), y) in found.iter().enumerate().skip(from).take(height).zip(area.y + 3..) {
            let possible = (entry.enabled)(model);
            let role = if possible.is_ok() { Role::Text } else { Role::Dim };
            let line = format!("{:14} {:12} {}", keys(model, entry), entry.layer.name(), title(entry));
            canvas.text(area.x + 2, y, area.width.saturating_sub(4), &line, role);
            if let Err(reason) = possible {
                let right = area.width.saturating_sub(4).min(34);
                canvas.right(area.x + area.width - 2 - right, y, right, &reason, Role::Warn);
            }
            if at == self.cursor {
                canvas.paint(Rect::new(area.x + 1, y, area.width.saturating_sub(2), 1), Role::Selected);
            }
        }
    }
}

fn keys(model: &Model, entry: &Entry) -> String {
    model.keymap.keys(entry).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The title, with what kind of question it asks.
fn title(entry: &Entry) -> String {
    match entry.danger {
        Danger::Safe | Danger::Tier0 => entry.title.to_owned(),
        Danger::Tier1 => format!("{} (asks)", entry.title),
        Danger::Tier2 => format!("{} (typed)", entry.title),
    }
}

/// Entries whose words hold all that is searched for.
fn matches(search: &str, model: Option<&Model>) -> Vec<&'static Entry> {
    let words: Vec<String> = search.to_lowercase().split_whitespace().map(str::to_owned).collect();
    TABLE
        .iter()
        .filter(|entry| model.is_none_or(|model| !hidden(entry, model)))
        .filter(|entry| {
            let text = format!("{} {} {}", entry.title, entry.layer.name(), entry.short).to_lowercase();
            words
                .iter()
                .all(|word| text.contains(word) || entry.keys.split(' ').any(|key| key == search.trim()))
        })
        .collect()
}

/// Three columns: this tab, everywhere, moving; what does not fit the second goes on below the third.
fn overview(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let third = area.width.saturating_sub(4) / 3;
    let columns: Vec<Rect> = (0..3)
        .map(|at| Rect::new(area.x + 2 + at * third, area.y + 1, third, area.height.saturating_sub(2)))
        .collect();
    let layer = model.tab.layer();
    let group = |wanted: Group| -> Vec<&'static Entry> {
        TABLE
            .iter()
            .filter(|entry| !hidden(entry, model) && entry.group() == wanted)
            .filter(|entry| entry.layer == layer || matches!(entry.layer, Layer::Global | Layer::List))
            .filter(|entry| {
                !matches!(
                    entry.cmd,
                    Cmd::TabCampaigns | Cmd::TabRecipients | Cmd::TabLive | Cmd::PreviousTab | Cmd::NextTab
                )
            })
            .collect()
    };
    for (heading, column) in ["THIS TAB", "EVERYWHERE", "MOVE"].into_iter().zip(&columns) {
        canvas.text(column.x, area.y, column.width, heading, Role::Title);
    }
    list(model, canvas, columns[0], &group(Group::Here));
    let everywhere = group(Group::Everywhere);
    let left = list(model, canvas, columns[1], &everywhere);
    let below = moves(model, canvas, columns[2]) + 1;
    let rest = Rect::new(columns[2].x, columns[2].y + below, third, columns[2].height.saturating_sub(below));
    list(model, canvas, rest, &everywhere[everywhere.len() - left..]);
    canvas.text(
        area.x + 2,
        area.bottom().saturating_sub(1),
        area.width.saturating_sub(4),
        "dimmed = not possible now; press the key to read why",
        Role::Dim,
    );
}

/// Lists entries; answers how many had no room.
fn list(model: &Model, canvas: &mut Canvas<'_>, area: Rect, entries: &[&'static Entry]) -> usize {
    let wide = area.width >= 32;
    for (entry, y) in entries.iter().zip(area.y..area.bottom()) {
        let possible = (entry.enabled)(model).is_ok();
        let (key, name) = match entry.cmd {
            Cmd::TabNumbers => ("1-4 Tab".to_owned(), "switch tab".to_owned()),
            _ if wide => (model.keymap.shown(entry), title(entry)),
            _ => (model.keymap.shown(entry), short_title(entry)),
        };
        let (key_role, role) = if possible { (Role::Key, Role::Text) } else { (Role::Dim, Role::Dim) };
        canvas.text(area.x, y, 7, &key, key_role);
        canvas.text(area.x + 8, y, area.width.saturating_sub(9), &name, role);
    }
    entries.len().saturating_sub(usize::from(area.height))
}

/// The keys that move, in pairs; answers how many lines that took.
fn moves(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let pairs = [
        (Cmd::Down, Cmd::Up, "rows"),
        (Cmd::PageDown, Cmd::PageUp, "pages"),
        (Cmd::Top, Cmd::Bottom, "ends"),
        (Cmd::Left, Cmd::Right, "columns"),
    ];
    let find = |cmd: Cmd| TABLE.iter().find(|entry| entry.layer == Layer::List && entry.cmd == cmd);
    let mut y = 0;
    for (one, other, what) in pairs {
        let (Some(one), Some(other)) = (find(one), find(other)) else { continue };
        let (one, other) = (model.keymap.keys(one), model.keymap.keys(other));
        for (at, (first, second)) in one.iter().zip(other).enumerate() {
            if y >= area.height {
                return y;
            }
            canvas.text(area.x, area.y + y, 14, &format!("{first} {second}"), Role::Key);
            let label = if at == 0 { what } else { "" };
            canvas.text(area.x + 14, area.y + y, area.width.saturating_sub(14), label, Role::Text);
            y += 1;
        }
    }
    y
}

/// For narrow columns.
fn short_title(entry: &Entry) -> String {
    match entry.danger {
        Danger::Safe | Danger::Tier0 => entry.short.to_owned(),
        Danger::Tier1 => format!("{} (asks)", entry.short),
        Danger::Tier2 => format!("{} (typed)", entry.short),
    }
}
