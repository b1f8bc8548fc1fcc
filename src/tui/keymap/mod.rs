//! The one table of keys. Dispatch, hint line, help, palette and the printed list all read it, so that none of them
//! can say something that another does not do.

mod key;
mod table;
mod user;

pub use key::Key;
pub use table::{Cmd, Entry, Group, Reason, TABLE};
pub use user::KeymapProblem;

use crate::tui::model::Model;

/// Where a key counts. The upper of the layers that are active now wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Everywhere.
    Global,
    /// In lists, and for scrolling.
    List,
    /// The Numbers tab.
    Numbers,
    /// The Campaigns tab.
    Campaigns,
    /// The Recipients tab.
    Recipients,
    /// The Live tab.
    Live,
    /// The Replies tab.
    Replies,
    /// The details drawer.
    Drawer,
    /// A panel that only shows.
    Panel,
    /// The list of attempts in doubt.
    Doubts,
    /// The list of alerts.
    Alerts,
    /// What was decided.
    Audit,
    /// Where alerts go besides the console.
    Channels,
    /// What is set of the organisation.
    Settings,
    /// A question with buttons.
    Dialog,
    /// A form.
    Form,
    /// How far a campaign is.
    Progress,
    /// What of a campaign is to be fixed or accepted.
    Findings,
    /// When a campaign will be done.
    Forecast,
    /// The grid of slots.
    Slots,
    /// The pools.
    Pools,
    /// The form for a new campaign.
    Wizard,
    /// A file that is named.
    File,
    /// A single line to type into.
    Input,
    /// The command palette.
    Palette,
    /// The help.
    Help,
    /// A guide that is read.
    Guide,
    /// The copy menu.
    Copy,
    /// A short list to choose from.
    Picker,
}

impl Layer {
    /// The name in the user's file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Numbers => "numbers",
            Self::Campaigns => "campaigns",
            Self::Recipients => "recipients",
            Self::Live => "live",
            Self::Replies => "replies",
            Self::Drawer => "drawer",
            Self::Panel => "panel",
            Self::Doubts => "doubts",
            Self::Alerts => "alerts",
            Self::Audit => "audit",
            Self::Channels => "channels",
            Self::Settings => "settings",
            Self::Dialog => "dialog",
            Self::Form => "form",
            Self::Progress => "progress",
            Self::Findings => "findings",
            Self::Forecast => "forecast",
            Self::Slots => "slots",
            Self::Pools => "pools",
            Self::Wizard => "wizard",
            Self::File => "file",
            Self::Input => "input",
            Self::Palette => "palette",
            Self::Help => "help",
            Self::Guide => "guide",
            Self::Copy => "copy",
            Self::Picker => "picker",
        }
    }
}

/// How dangerous a command is; read-only mode takes away everything but [`Danger::Safe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Changes nothing.
    Safe,
    /// Acts at once; can be undone.
    Tier0,
    /// Asks first.
    Tier1,
    /// Has the name or the number typed first.
    Tier2,
}

/// The table with the operator's own keys in it.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Keys by position in [`TABLE`].
    keys: Vec<Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: TABLE.iter().map(Entry::default_keys).collect() }
    }
}

impl Keymap {
    /// The default keys, changed by the operator's file; what cannot be used is reported and left as it was.
    pub fn with_user_file(text: &str) -> (Self, Vec<KeymapProblem>) {
        user::apply(text)
    }

    /// The command that a key means in these layers, the upper first.
    pub fn find(&self, layers: &[Layer], key: Key) -> Option<&'static Entry> {
        layers.iter().find_map(|layer| {
            TABLE
                .iter()
                .zip(&self.keys)
                .find(|(entry, keys)| entry.layer == *layer && keys.contains(&key))
                .map(|(entry, _)| entry)
        })
    }

    /// The keys of an entry.
    pub fn keys(&self, entry: &Entry) -> &[Key] {
        TABLE
            .iter()
            .position(|other| other.layer == entry.layer && other.cmd == entry.cmd)
            .and_then(|at| self.keys.get(at))
            .map_or(&[], Vec::as_slice)
    }

    /// The first key of an entry as it is shown.
    pub fn shown(&self, entry: &Entry) -> String {
        self.keys(entry).first().map(ToString::to_string).unwrap_or_default()
    }

    /// Two entries of one layer that share a key. Empty, or the table is wrong.
    pub fn clashes(&self) -> Vec<(&'static Entry, &'static Entry, Key)> {
        let mut clashes = Vec::new();
        for (at, entry) in TABLE.iter().enumerate() {
            for (behind, other) in TABLE.iter().enumerate().skip(at + 1) {
                if entry.layer != other.layer {
                    continue;
                }
                let shared = self.keys[at].iter().find(|key| self.keys[behind].contains(key));
                clashes.extend(shared.map(|key| (entry, other, *key)));
            }
        }
        clashes
    }
}

/// Whether read-only mode hides this entry.
pub fn hidden(entry: &Entry, model: &Model) -> bool {
    entry.danger != Danger::Safe && !model.may_act()
}

#[cfg(test)]
mod tests;
