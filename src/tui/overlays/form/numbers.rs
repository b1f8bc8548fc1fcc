//! The fields of several numbers at once: what stays empty stays as it is.

use super::campaign::{choice, several};
use super::number::{cost, seconds};
use super::{Edited, Field, Form, Name, setup, text};
use crate::domain::action::Version;
use crate::domain::number::{NumberWords, SetupChange};
use crate::store::view::NumberRow;
use crate::tui::model::Model;
use crate::tui::verbs::NumberValues;
use crate::tui::words;
use uuid::Uuid;

/// What takes something off, as in the command.
const NONE: &str = "none";

impl Form {
    /// For many numbers: what stays empty stays as it is.
    pub fn edit_many(rows: &[&NumberRow], model: &Model) -> Self {
        let ids = rows.iter().map(|row| row.id).collect();
        let version = rows.first().map_or(Version(0), |row| row.version);
        let empty = |name, label, width, note| text(name, label, "", width, note);
        let canaries = choice(Name::Canaries, "Canaries", setup::yes_or_no(true), Uuid::nil(), "Space: next");
        let title = format!("Edit {}: empty stays as it is", words::count(rows.len() as u64, "number"));
        Self {
            edits: Some((Edited::Numbers(ids), version, title)),
            fields: vec![
                empty(Name::Priority, "Priority", 6, "lower goes first"),
                empty(Name::DailyLimit, "Daily limit", 9, "or none"),
                empty(Name::Interval, "Interval, s", 9, "0: no spacing"),
                empty(Name::PerSecond, "Per second", 9, "0: no limit of our own"),
                empty(Name::InFlight, "At once", 9, "at least 1"),
                empty(Name::ReplyShare, "For replies, %", 6, "of limit and rate; to 90"),
                empty(Name::WarmUp, "Warm-up", 18, "off, now or a time"),
                empty(Name::Queue, "Queue", 6, "most that wait at UltraMsg"),
                Field { width: 10, ..canaries },
                empty(Name::Sender, "Same sender", 12, "word, or none"),
                empty(Name::Cost, "A month", 18, "12.50 EUR, or none"),
                empty(Name::Approval, "Approval", 12, "requested, approved, refused, none"),
                empty(Name::Notes, "Notes", 30, "others, or none"),
                several(Name::Into, "Into pools", setup::pools(model)),
                several(Name::OutOf, "Out of pools", setup::pools(model)),
            ],
            clock: Some(setup::clock(model)),
            ..Self::default()
        }
    }

    /// Whether a field of many says nothing, or that something is taken off.
    pub(super) fn may_be_so(name: Name, text: &str) -> bool {
        let takes_off =
            matches!(name, Name::DailyLimit | Name::Sender | Name::Cost | Name::Approval | Name::Notes);
        (text.is_empty() && name != Name::OutOf) || (takes_off && text == NONE)
    }

    pub(super) fn both_ways_fault(&self) -> Option<String> {
        let out_of = self.chosen_pools(Name::OutOf);
        let both = self.chosen_pools(Name::Into).iter().any(|pool| out_of.contains(pool));
        both.then(|| "a pool cannot be chosen for both".to_owned())
    }

    pub(super) fn read_shared(&self) -> NumberValues {
        let said = |name: Name| Some(self.text_of(name)).filter(|text| !text.is_empty());
        let number = |name: Name| said(name).and_then(|text| text.parse::<u32>().ok());
        let word = |name: Name| said(name).map(|word| Some(word.to_owned()).filter(|word| word != NONE));
        NumberValues {
            priority: said(Name::Priority).and_then(|text| text.parse().ok()),
            daily_limit: said(Name::DailyLimit).map(|text| text.parse().ok()),
            interval: said(Name::Interval).and_then(seconds),
            per_second: number(Name::PerSecond),
            in_flight: number(Name::InFlight),
            words: NumberWords {
                name: None,
                notes: word(Name::Notes).map(Option::unwrap_or_default),
                label: word(Name::Sender),
                monthly_cost: word(Name::Cost).map(|text| text.and_then(|text| cost(&text).ok().flatten())),
                approval: word(Name::Approval).map(|word| word.and_then(|word| word.parse().ok())),
            },
            setup: SetupChange {
                sender_id: None,
                warm_up: said(Name::WarmUp).and_then(|text| self.begins(text).ok()),
                reply_share: number(Name::ReplyShare),
                queue: number(Name::Queue),
                canaries: self.chosen_canaries(),
            },
            into: self.chosen_pools(Name::Into),
            out_of: self.chosen_pools(Name::OutOf),
        }
    }
}
