//! A number or a pool, new or edited, the terms of a campaign, or what would be if they were others. Each field says what is wrong with it, beside it, as it is typed.

mod campaign;
mod number;
mod numbers;
mod pool;
mod setup;

use self::setup::pool_fault;
use crate::domain::action::{NewNumber, Version};
use crate::domain::campaign::Steering;
use crate::domain::forecast::WhatIf;
use crate::domain::given;
use crate::domain::ids::{CampaignId, NumberId};
use crate::domain::number::{Approval, LAST_PRIORITY, Pacing};
use crate::domain::phone::Phone;
use crate::domain::pool::{NewPool, PoolChange, name_fault};
use crate::store::view::PoolView;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verbs::NumberValues;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::{Input, LENGTH_LIMIT};
use crate::tui::words;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Longest notes, in graphemes: what is there is never cut.
const NOTES_LIMIT: usize = 20_000;
/// Said of a text that is not shown as it is stored.
const ALTERED: &str = "Shown in one line and cleaned; editing it replaces what is stored.";

/// What a field holds.
#[derive(Debug, Clone)]
enum Value {
    Text(Input),
    /// One of them; the nil id is that of what has none.
    Choice {
        names: Vec<(Uuid, String)>,
        at: usize,
    },
    /// Any of them; the one at `at` is shown.
    Several {
        names: Vec<(Uuid, String)>,
        at: usize,
        chosen: BTreeSet<usize>,
    },
}

impl Value {
    /// What it says, so that it can be seen whether it says something else.
    fn told(&self) -> String {
        match self {
            Self::Text(input) => input.text().to_owned(),
            Self::Choice { at, .. } => at.to_string(),
            Self::Several { chosen, .. } => format!("{chosen:?}"),
        }
    }
}

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Phone,
    Account,
    SenderId,
    Label,
    Priority,
    DailyLimit,
    Weight,
    Pool,
    Failover,
    Window,
    OnlyNumber,
    Suspend,
    Add,
    Pause,
    Interval,
    PerSecond,
    InFlight,
    Notes,
    Sender,
    Cost,
    Approval,
    Called,
    Strategy,
    Sticky,
    Members,
    ReplyShare,
    WarmUp,
    Queue,
    Canaries,
    Joins,
    Pools,
    Into,
    OutOf,
}

#[derive(Debug, Clone)]
struct Field {
    name: Name,
    label: &'static str,
    value: Value,
    width: u16,
    note: &'static str,
    /// What it said when the form was opened, as it is shown.
    shown: String,
    /// That is not what is stored.
    altered: bool,
}

impl Field {
    fn is_edited(&self) -> bool {
        self.value.told() != self.shown
    }
}

/// The form.
#[derive(Debug, Clone, Default)]
pub struct Form {
    edits: Option<(Edited, Version, String)>,
    fields: Vec<Field>,
    focus: usize,
    /// Whether saving was tried: only then is an empty field a fault.
    tried: bool,
    /// How fast numbers of each account send unless somebody says otherwise.
    usual: Vec<(Uuid, Pacing)>,
    /// The database's clock when it was opened, and the organisation's zone.
    clock: Option<(DateTime<Utc>, Tz)>,
}

/// What an edit is of.
#[derive(Debug, Clone)]
enum Edited {
    Number(NumberId),
    Numbers(Vec<NumberId>),
    Campaign(Box<campaign::Edited>),
    Pool(Box<PoolView>),
    /// A pool that did not exist.
    NewPool,
    /// Nothing: it only asks.
    WhatIf,
}

/// What a form that can be saved says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// A number that did not exist.
    New {
        /// What it is made of.
        number: NewNumber,
        /// Its account's name.
        account: String,
    },
    /// Other values for one that does.
    Edit {
        /// Which one.
        id: NumberId,
        /// The version that was seen.
        version: Version,
        /// What it says.
        values: Box<NumberValues>,
    },
    /// Other values for many.
    Many {
        /// Which ones.
        ids: Vec<NumberId>,
        /// What it says.
        values: Box<NumberValues>,
    },
    /// Other terms for a campaign.
    Campaign {
        /// Which one.
        id: CampaignId,
        /// The version that was seen.
        version: Version,
        /// What they are then.
        terms: Steering,
    },
    /// A pool that did not exist.
    NewPool(NewPool),
    /// Another way of a pool.
    Pool {
        /// As it was when the form was opened.
        pool: Box<PoolView>,
        /// What is otherwise.
        change: PoolChange,
    },
    /// What is asked of a forecast.
    WhatIf(WhatIf),
}

fn text(name: Name, label: &'static str, value: &str, width: u16, note: &'static str) -> Field {
    let mut input = Input::of(if name == Name::Notes { NOTES_LIMIT } else { LENGTH_LIMIT });
    input.fill(value);
    let shown = input.text().to_owned();
    let altered = shown != value;
    Field { name, label, value: Value::Text(input), width, note, shown, altered }
}

impl Form {
    /// Whether the focused field is a choice.
    pub fn on_choice(&self) -> bool {
        self.fields.get(self.focus).is_some_and(|field| !matches!(field.value, Value::Text(_)))
    }

    /// Whether the save button has the focus.
    pub fn on_save(&self) -> bool {
        self.focus >= self.fields.len()
    }

    /// Moves the focus, round the fields and the button.
    pub fn step(&mut self, by: isize) {
        let places = self.fields.len() + 1;
        self.focus = (self.focus + places).saturating_add_signed(by) % places;
    }

    /// Takes the next choice; where several can be chosen, chooses the one that is shown, or no longer.
    pub fn toggle(&mut self) {
        match self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            Some(Value::Several { names, at, chosen }) if *at < names.len() => {
                let left_out = chosen.remove(at);
                chosen.extend((!left_out).then_some(*at));
            }
            Some(Value::Choice { .. }) => self.turn(true),
            _ => {}
        }
    }

    /// Shows the next choice, or the one before.
    fn turn(&mut self, forward: bool) {
        if let Some(Value::Choice { names, at } | Value::Several { names, at, .. }) =
            self.fields.get_mut(self.focus).map(|field| &mut field.value)
            && !names.is_empty()
        {
            let by = if forward { 1 } else { names.len() - 1 };
            *at = (*at + by) % names.len();
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        match self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            Some(Value::Text(input)) => {
                input.key(key);
            }
            Some(Value::Choice { .. } | Value::Several { .. }) => match key.code {
                KeyCode::Right => self.turn(true),
                KeyCode::Left => self.turn(false),
                _ => {}
            },
            None => {}
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) {
        if let Some(Value::Text(input)) = self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            input.paste(pasted);
        }
    }

    fn value_of(&self, name: Name) -> Option<&Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    fn text_of(&self, name: Name) -> &str {
        match self.value_of(name) {
            Some(Value::Text(input)) => input.text().trim(),
            _ => "",
        }
    }

    /// What is chosen.
    fn choice_of(&self, name: Name) -> Option<&(Uuid, String)> {
        match self.value_of(name) {
            Some(Value::Choice { names, at }) => names.get(*at),
            _ => None,
        }
    }

    /// Whether it is about numbers: they may have a limit of none a day.
    fn is_of_numbers(&self) -> bool {
        matches!(self.edits, None | Some((Edited::Number(_) | Edited::Numbers(_), ..)))
    }

    /// What is wrong with a field.
    fn fault(&self, field: &Field) -> Option<String> {
        // What is there already was taken by whoever set it.
        if matches!(self.edits, Some((Edited::Number(_), ..))) && !field.is_edited() {
            return None;
        }
        let text = self.text_of(field.name);
        if matches!(self.edits, Some((Edited::Numbers(_), ..))) && Self::may_be_so(field.name, text) {
            return None;
        }
        let whole = |least: u32, most: u32| match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => None,
            _ => Some(format!("a whole number from {least} to {}", words::grouped(u64::from(most)))),
        };
        match field.name {
            Name::Phone if text.is_empty() => self.tried.then(|| "is needed".into()),
            Name::Phone => Phone::parse(text).err().map(|error| error.to_string()),
            Name::Account => match &field.value {
                Value::Choice { names, .. } if names.is_empty() => Some("there is none".into()),
                _ => None,
            },
            Name::Label if text.is_empty() && self.edits.is_none() => self.tried.then(|| "is needed".into()),
            Name::Priority => whole(0, LAST_PRIORITY.unsigned_abs()),
            Name::DailyLimit | Name::Approval | Name::Sender if text.is_empty() => None,
            Name::DailyLimit => whole(u32::from(!self.is_of_numbers()), 10_000_000),
            Name::Interval | Name::PerSecond | Name::InFlight if text.is_empty() && self.edits.is_none() => {
                None
            }
            Name::Interval => {
                number::seconds(text).is_none().then(|| "seconds from 0 to 86 400, as 0.5".to_owned())
            }
            Name::PerSecond => whole(0, 1_000),
            Name::InFlight | Name::Weight | Name::Queue => whole(1, 1_000),
            Name::Pool | Name::Failover | Name::Window | Name::OnlyNumber | Name::Add => {
                self.campaign_fault(field.name)
            }
            Name::Called if text.is_empty() => self.tried.then(|| "is needed".into()),
            Name::Called => name_fault(text).map(str::to_owned),
            Name::ReplyShare => whole(0, 90),
            Name::WarmUp => self.warm_up_fault(text),
            Name::Joins => pool_fault(text),
            Name::OutOf => self.both_ways_fault(),
            Name::Cost => number::cost(text).err(),
            Name::Approval => text.parse::<Approval>().err().map(|error| error.to_string()),
            Name::Sender => given::label(text).err(),
            Name::Label
            | Name::SenderId
            | Name::Notes
            | Name::Suspend
            | Name::Pause
            | Name::Strategy
            | Name::Sticky
            | Name::Members
            | Name::Canaries
            | Name::Pools
            | Name::Into => None,
        }
    }

    /// What the form says, if all of it can be used. Otherwise the first wrong field gets the focus.
    ///
    /// # Errors
    /// When a field is wrong; the form shows which and why.
    #[expect(clippy::result_unit_err, reason = "the fields themselves show what is wrong")]
    pub fn read(&mut self) -> Result<Filled, ()> {
        self.tried = true;
        if let Some(wrong) = self.fields.iter().position(|field| self.fault(field).is_some()) {
            self.focus = wrong;
            return Err(());
        }
        match &self.edits {
            Some((Edited::Campaign(of), version, _)) => self.read_campaign(of, *version),
            Some((Edited::Pool(pool), ..)) => self.read_pool(pool),
            Some((Edited::NewPool, ..)) => self.read_new_pool(),
            Some((Edited::WhatIf, ..)) => Ok(Filled::WhatIf(self.read_what_if())),
            Some((Edited::Numbers(ids), ..)) => {
                Ok(Filled::Many { ids: ids.clone(), values: Box::new(self.read_shared()) })
            }
            Some((Edited::Number(id), version, _)) => {
                Ok(Filled::Edit { id: *id, version: *version, values: Box::new(self.read_edited()) })
            }
            None => self.read_new(),
        }
    }

    /// Draws it.
    pub fn view(&self, _: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = if area.width >= 120 { 96 } else { 72 };
        let all = u16::try_from(self.fields.len()).unwrap_or(9);
        // A line between fields where there is room for it; where there is none for all of them, those around the focus.
        let step = if area.height >= 2 * all + 8 { 2 } else { 1 };
        let roomy = area.height >= all * step + 6;
        let count = all.min(area.height.saturating_sub(4) / step).max(1);
        let dialog = centred(area, width, count * step + if roomy { 6 } else { 4 });
        canvas.clear(dialog);
        let title = self.edits.as_ref().map_or("New number", |(_, _, title)| title);
        let asks = matches!(self.edits, Some((Edited::WhatIf, ..)));
        let foot = match (asks, count < all) {
            (true, _) => "Enter on Show, or ctrl-s",
            (false, false) => "Enter on Save, or ctrl-s",
            (false, true) => "More with Tab. Enter on Save, or ctrl-s",
        };
        let inside = canvas.panel(dialog, Border { title, foot, double: false }, Role::Frame);
        let mut y = inside.y + u16::from(roomy);
        let first = self.focus.saturating_sub(usize::from(count / 2)).min(usize::from(all - count));
        for (at, field) in self.fields.iter().enumerate().skip(first).take(usize::from(count)) {
            self.view_field(
                canvas,
                Rect::new(inside.x + 2, y, inside.width.saturating_sub(4), 1),
                field,
                at == self.focus,
            );
            y += step;
        }
        let button = match (self.on_save(), asks) {
            (true, false) => ("[ Save ]", Role::Selected),
            (false, false) => ("  Save  ", Role::Text),
            (true, true) => ("[ Show ]", Role::Selected),
            (false, true) => ("  Show  ", Role::Text),
        };
        canvas.pieces(inside.x + 4, y, 20, &[button]);
        // Beside its field a long sentence would be cut.
        let focused = self.fields.get(self.focus);
        let fault = focused.and_then(|field| self.fault(field));
        let (last, role) = match (&fault, focused) {
            (Some(fault), _) => (fault.as_str(), Role::Bad),
            (None, Some(field)) if field.altered => (ALTERED, Role::Warn),
            (None, Some(Field { value: Value::Several { .. }, .. })) => {
                ("Left/Right another one   Space takes it in or out   Tab next field", Role::Dim)
            }
            (None, _) => ("Tab/Shift-Tab field   Space choice   Enter next field", Role::Dim),
        };
        let (x, width) = (inside.x + 2, inside.width.saturating_sub(4));
        canvas.text(x, inside.bottom().saturating_sub(1), width, last, role);
    }

    fn view_field(&self, canvas: &mut Canvas<'_>, area: Rect, field: &Field, focused: bool) {
        let fault = self.fault(field);
        canvas.text(area.x, area.y, 2, if focused { ">" } else { " " }, Role::Title);
        canvas.text(area.x + 2, area.y, 14, field.label, if focused { Role::Title } else { Role::Text });
        let x = area.x + 17;
        canvas.text(x, area.y, 1, "[", Role::Text);
        let role = if focused { Role::Selected } else { Role::Text };
        let mut note = field.note.to_owned();
        match &field.value {
            Value::Text(input) => input.draw(canvas, x + 1, area.y, field.width, focused),
            Value::Choice { names, at } => {
                let name = names.get(*at).map_or("none", |(_, name)| name.as_str());
                canvas.text(x + 1, area.y, field.width, name, role);
            }
            Value::Several { names, at, chosen } => {
                let mark = if chosen.contains(at) { "[x] " } else { "[ ] " };
                let name = names.get(*at).map_or("none".to_owned(), |(_, name)| format!("{mark}{name}"));
                canvas.text(x + 1, area.y, field.width, &name, role);
                if !chosen.is_empty() {
                    note = format!("{} of {}", chosen.len(), names.len());
                }
            }
        }
        canvas.text(x + 1 + field.width, area.y, 1, "]", Role::Text);
        let beside = x + field.width + 3;
        let room = area.right().saturating_sub(beside);
        match fault {
            Some(fault) => canvas.text(beside, area.y, room, &format!("! {fault}"), Role::Bad),
            None => canvas.text(beside, area.y, room, &note, Role::Dim),
        };
    }
}
