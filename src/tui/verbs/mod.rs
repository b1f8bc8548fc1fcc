//! What can be done to the rows of a list: whether it is possible now, how dangerous it is, and the very orders that a
//! confirmation shows and then carries out. Keys and palette both come here.

mod alerts;
mod audit;
mod campaigns;
mod channels;
mod findings;
mod numbers;
mod origin;
mod pools;
mod recipients;
mod replies;
mod settings;
mod skipped;
mod slots;
mod values;

pub use alerts::{acknowledge, acknowledge_all};
pub use audit::{Way, way_back};
pub use campaigns::{CampaignVerb, edit as edit_campaign};
pub use channels::{remove as remove_channel, restore as restore_channel, save as save_channel};
pub use findings::accept as accept_finding;
pub use numbers::{NumberVerb, add as add_number, move_load, pace};
pub use origin::Origin;
pub use pools::{
    add as add_pool, called as called_number, edit as edit_pool, first_of as first_of_pool,
    for_weight as weighed_in_pool, put as put_into_pool, remove as remove_pool, restore as restore_pool,
    take_out as take_out_of_pool, weigh as weigh_in_pool, yes,
};
pub use recipients::{RecipientVerb, release_stop, settle, stop_all};
pub use replies::{ThreadVerb, handing_to, saying};
pub use settings::edit as edit_settings;
pub use skipped::take_back;
pub use slots::{
    assign as give_slot, for_phone as slot_for_phone, for_slot as slot_moved_to, release as release_slot,
    reset as reset_slots, shift as move_slot, who as slot_holder,
};
pub use values::{NumberValues, edit as edit_number, edit_many};

use crate::domain::action::{Order, Subject};
use crate::domain::text::{Safe, Shown};
use crate::tui::keymap::Danger;
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// A bulk action over more rows than this has its number typed.
pub const BULK: usize = 100;

/// What has to be typed before the button works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// What is asked: `Type the number of recipients to confirm`.
    pub question: String,
    /// What counts as the answer, without spaces.
    pub expected: String,
}

impl Typed {
    /// Whether `text` is it. Spaces that only group digits do not matter.
    pub fn is_met(&self, text: &str) -> bool {
        let squeeze = |text: &str| text.split_whitespace().collect::<String>();
        squeeze(text) == squeeze(&self.expected)
    }

    /// The name as it is shown; if cleaning changed it, what is shown is not what is stored, and the end of the id is
    /// asked for instead.
    fn name(what: &str, name: &Shown, id: uuid::Uuid) -> Self {
        let why = match name.as_str().trim() {
            _ if name.is_altered() => "Its name was altered for the screen",
            "" => "It has no name",
            _ => {
                let question = format!("Type the {what} to confirm");
                return Self { question, expected: name.as_str().to_owned() };
            }
        };
        let id = id.to_string();
        let end = id[id.len() - 8..].to_owned();
        Self { question: format!("{why}. Type the end of its id, {end}"), expected: end }
    }
}

/// One labelled line of a confirmation.
pub type Line = (&'static str, String, Role);

/// What is about to be done: shown by a confirmation, then done exactly so.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// How dangerous it is.
    pub danger: Danger,
    /// The dialog's title: `Launch campaign?`
    pub title: String,
    /// The button: `Launch`.
    pub button: &'static str,
    /// The blast radius.
    pub lines: Vec<Line>,
    /// What cannot be taken back.
    pub warning: Option<&'static str>,
    /// What has to be typed.
    pub typed: Option<Typed>,
    /// What is done.
    pub orders: Vec<Order>,
    /// What is true afterwards: `paused spring-news`.
    pub label: String,
    /// A second line for the toast.
    pub more: Option<String>,
    /// How it is made again when the rows have changed; `None`: it has to be asked for again.
    pub origin: Option<Origin>,
}

impl Proposal {
    fn new(danger: Danger, title: impl Into<String>, button: &'static str, label: impl Into<String>) -> Self {
        Self {
            danger,
            title: title.into(),
            button,
            lines: Vec::new(),
            warning: None,
            typed: None,
            orders: Vec::new(),
            label: label.into(),
            more: None,
            origin: None,
        }
    }

    /// Bulk over many rows is asked for by number.
    fn with_bulk_rule(mut self) -> Self {
        let rows = self.orders.len();
        if rows > BULK {
            self.danger = Danger::Tier2;
            self.typed = Some(Typed {
                question: "Type the number of rows to confirm".into(),
                expected: rows.to_string(),
            });
        }
        self
    }

    /// What it is about.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut subjects: Vec<Subject> = self.orders.iter().map(|order| order.action.subject()).collect();
        subjects.dedup();
        subjects
    }

    /// Puts the operator's words into every order.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        for order in &mut self.orders {
            order.reason = Some(reason.to_owned());
        }
        self
    }
}

/// `support-a`, or `3 numbers`.
fn name_them(names: &[&Shown], kind: &str) -> String {
    match names {
        [one] => one.as_str().to_owned(),
        many => format!("{} {kind}", many.len()),
    }
}

/// Who else looks at this now.
fn also_here(model: &Model, subject: Subject) -> Option<Line> {
    let who: Vec<&Safe> = model
        .overview()?
        .operators
        .iter()
        .filter(|presence| presence.viewing == Some(subject))
        .map(|presence| &presence.operator)
        .collect();
    let names = who.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let verb = if who.len() == 1 { "is" } else { "are" };
    (!who.is_empty()).then(|| ("Also here", format!("{names} {verb} viewing this"), Role::Warn))
}
