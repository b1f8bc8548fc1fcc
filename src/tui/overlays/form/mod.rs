//! A number, new or edited, the terms of a campaign, or what would be if they were others. Each field says what is wrong with it, beside it, as it is typed.

mod campaign;

use crate::domain::action::{NewNumber, Version};
use crate::domain::campaign::Steering;
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{AccountId, CampaignId, NumberId};
use crate::domain::money::{self, Money};
use crate::domain::number::{Approval, LAST_PRIORITY, Pacing, Remarks};
use crate::domain::phone::Phone;
use crate::store::view::NumberRow;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verbs::{NumberValues, SharedValues};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

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
}

#[derive(Debug, Clone)]
struct Field {
    name: Name,
    label: &'static str,
    value: Value,
    width: u16,
    note: &'static str,
}

/// The form.
#[derive(Debug, Clone)]
pub struct Form {
    edits: Option<(Edited, Version, String)>,
    fields: Vec<Field>,
    focus: usize,
    /// Whether saving was tried: only then is an empty field a fault.
    tried: bool,
}

/// What an edit is of.
#[derive(Debug, Clone)]
enum Edited {
    Number(NumberId),
    Numbers(Vec<NumberId>),
    Campaign(Box<campaign::Edited>),
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
        values: SharedValues,
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
    /// What is asked of a forecast.
    WhatIf(WhatIf),
}

/// `12.50 EUR`; nothing where nothing is written.
fn cost(text: &str) -> Result<Option<Money>, String> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Ok(None),
        (Some(amount), Some(currency), None) => {
            let amount = money::hundredths(amount).map_err(|error| error.to_string())?;
            let currency = currency.parse().map_err(|error: money::MoneyError| error.to_string())?;
            Ok(Some(Money { amount, currency }))
        }
        _ => Err("an amount and a currency, 12.50 EUR".into()),
    }
}

fn text(name: Name, label: &'static str, value: &str, width: u16, note: &'static str) -> Field {
    Field { name, label, value: Value::Text(Input::with(value)), width, note }
}

impl Form {
    /// For a new number.
    pub fn new(model: &Model) -> Self {
        let names = model.overview().map_or(Vec::new(), |overview| {
            let named =
                |row: &crate::store::view::AccountRow| format!("{} ({})", row.name.as_str(), row.provider);
            overview.accounts.iter().map(|row| (row.id.0, named(row))).collect()
        });
        let account = Field {
            name: Name::Account,
            label: "Account",
            value: Value::Choice { names, at: 0 },
            width: 28,
            note: "Space: next",
        };
        Self {
            edits: None,
            fields: vec![
                text(Name::Phone, "Phone", "", 20, "+237 600 000 001"),
                account,
                text(Name::SenderId, "Provider's id", "", 28, "phone-number-id, instance"),
                text(Name::Label, "Label", "", 28, ""),
                text(Name::Priority, "Priority", "1", 6, "lower goes first"),
                text(Name::DailyLimit, "Daily limit", "250", 9, "empty: none of our own"),
                text(Name::Interval, "Interval, s", "", 9, "empty: the provider's default"),
                text(Name::PerSecond, "Per second", "", 9, ""),
                text(Name::InFlight, "At once", "", 9, ""),
            ],
            focus: 0,
            tried: false,
        }
    }

    /// For a number that exists.
    pub fn edit(row: &NumberRow) -> Self {
        let limit = row.daily_limit.map(|limit| limit.to_string()).unwrap_or_default();
        let remarks = &row.remarks;
        let cost = remarks.monthly_cost.map(|cost| cost.to_string()).unwrap_or_default();
        let approval = remarks.approval.map_or("", Approval::name);
        let said = |word: Option<&'_ String>| word.cloned().unwrap_or_default();
        Self {
            edits: Some((
                Edited::Number(row.id),
                row.version,
                format!("Edit number  {}  {}", row.name.as_str(), row.phone),
            )),
            fields: vec![
                text(Name::Priority, "Priority", &row.priority.to_string(), 6, "lower goes first"),
                text(Name::DailyLimit, "Daily limit", &limit, 9, "empty: none of our own"),
                text(
                    Name::Interval,
                    "Interval, s",
                    &row.pacing.interval.as_secs().to_string(),
                    9,
                    "0: no spacing",
                ),
                text(
                    Name::PerSecond,
                    "Per second",
                    &row.pacing.per_second.to_string(),
                    9,
                    "0: no limit of our own",
                ),
                text(Name::InFlight, "At once", &row.pacing.in_flight.to_string(), 9, "at least 1"),
                text(Name::Label, "Label", row.name.as_str(), 28, ""),
                text(
                    Name::Sender,
                    "Same sender",
                    &said(remarks.label.as_ref()),
                    12,
                    "word; may be switched to",
                ),
                text(Name::Cost, "A month", &cost, 18, "12.50 EUR"),
                text(Name::Approval, "Approval", approval, 12, "requested, approved, refused"),
                text(Name::Notes, "Notes", &remarks.notes, 40, ""),
            ],
            focus: 0,
            tried: false,
        }
    }

    /// For many numbers: what stays empty stays as it is.
    pub fn edit_many(rows: &[&NumberRow]) -> Self {
        let ids = rows.iter().map(|row| row.id).collect();
        let version = rows.first().map_or(Version(0), |row| row.version);
        let empty = |name, label, width| text(name, label, "", width, "empty: as it is");
        Self {
            edits: Some((Edited::Numbers(ids), version, format!("Edit {} numbers", rows.len()))),
            fields: vec![
                empty(Name::Priority, "Priority", 6),
                empty(Name::DailyLimit, "Daily limit", 9),
                empty(Name::Interval, "Interval, s", 9),
                empty(Name::PerSecond, "Per second", 9),
                empty(Name::InFlight, "At once", 9),
            ],
            focus: 0,
            tried: false,
        }
    }

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

    /// What is wrong with a field.
    fn fault(&self, field: &Field) -> Option<String> {
        let text = self.text_of(field.name);
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
            _ if text.is_empty() && matches!(self.edits, Some((Edited::Numbers(_), ..))) => None,
            Name::Priority => whole(0, LAST_PRIORITY.unsigned_abs()),
            Name::DailyLimit | Name::Approval if text.is_empty() => None,
            Name::DailyLimit => whole(1, 10_000_000),
            Name::Interval | Name::PerSecond | Name::InFlight if text.is_empty() && self.edits.is_none() => {
                None
            }
            Name::Interval => whole(0, 86_400),
            Name::PerSecond => whole(0, 1_000),
            Name::InFlight | Name::Weight => whole(1, 1_000),
            Name::Pool | Name::Failover | Name::Window | Name::OnlyNumber | Name::Add => {
                self.campaign_fault(field.name)
            }
            Name::Cost => cost(text).err(),
            Name::Approval => text.parse::<Approval>().err().map(|error| error.to_string()),
            Name::Label | Name::SenderId | Name::Notes | Name::Sender | Name::Suspend | Name::Pause => None,
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
        let number = |name: Name| self.text_of(name).parse::<u32>().ok();
        match &self.edits {
            Some((Edited::Campaign(of), version, _)) => return self.read_campaign(of, *version),
            Some((Edited::WhatIf, ..)) => return Ok(Filled::WhatIf(self.read_what_if())),
            Some((Edited::Number(_) | Edited::Numbers(_), ..)) | None => {}
        }
        let daily_limit = number(Name::DailyLimit);
        if let Some((Edited::Numbers(ids), ..)) = &self.edits {
            let values = SharedValues {
                priority: self.text_of(Name::Priority).parse().ok(),
                daily_limit,
                interval: number(Name::Interval).map(|seconds| Duration::from_secs(u64::from(seconds))),
                per_second: number(Name::PerSecond),
                in_flight: number(Name::InFlight),
            };
            return Ok(Filled::Many { ids: ids.clone(), values });
        }
        let priority = self.text_of(Name::Priority).parse::<i32>().map_err(|_| ())?;
        if let Some((Edited::Number(id), version, _)) = &self.edits {
            let pacing = Pacing {
                interval: Duration::from_secs(u64::from(number(Name::Interval).ok_or(())?)),
                per_second: number(Name::PerSecond).ok_or(())?,
                in_flight: number(Name::InFlight).ok_or(())?,
            };
            let name = self.text_of(Name::Label).to_owned();
            let values = NumberValues { priority, daily_limit, pacing, name, remarks: self.remarks() };
            return Ok(Filled::Edit { id: *id, version: *version, values: Box::new(values) });
        }
        let (account, provider_name) = self.choice_of(Name::Account).cloned().ok_or(())?;
        let phone = Phone::parse(self.text_of(Name::Phone)).map_err(|_| ())?;
        let pacing = [Name::Interval, Name::PerSecond, Name::InFlight]
            .iter()
            .any(|name| number(*name).is_some())
            .then(|| Pacing {
                interval: Duration::from_secs(u64::from(number(Name::Interval).unwrap_or(0))),
                per_second: number(Name::PerSecond).unwrap_or(1),
                in_flight: number(Name::InFlight).unwrap_or(1),
            });
        Ok(Filled::New {
            number: NewNumber {
                phone,
                account: AccountId(account),
                sender_id: self.text_of(Name::SenderId).to_owned(),
                name: self.text_of(Name::Label).to_owned(),
                priority,
                daily_limit,
                pacing,
                warm_up: None,
                remarks: Remarks::default(),
            },
            account: provider_name,
        })
    }

    fn remarks(&self) -> Remarks {
        Remarks {
            notes: self.text_of(Name::Notes).to_owned(),
            label: Some(self.text_of(Name::Sender).to_owned()).filter(|word| !word.is_empty()),
            monthly_cost: cost(self.text_of(Name::Cost)).ok().flatten(),
            approval: self.text_of(Name::Approval).parse().ok(),
        }
    }

    /// Draws it.
    pub fn view(&self, _: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = if area.width >= 120 { 96 } else { 72 };
        let count = u16::try_from(self.fields.len()).unwrap_or(9);
        // A line between fields where there is room for it.
        let step = if area.height >= 2 * count + 8 { 2 } else { 1 };
        let roomy = area.height >= count * step + 6;
        let dialog = centred(area, width, count * step + if roomy { 6 } else { 4 });
        canvas.clear(dialog);
        let title = self.edits.as_ref().map_or("New number", |(_, _, title)| title);
        let asks = matches!(self.edits, Some((Edited::WhatIf, ..)));
        let foot = if asks { "Enter on Show, or ctrl-s" } else { "Enter on Save, or ctrl-s" };
        let inside = canvas.panel(dialog, Border { title, foot, double: false }, Role::Frame);
        let mut y = inside.y + u16::from(roomy);
        for (at, field) in self.fields.iter().enumerate() {
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
        let fault = self.fields.get(self.focus).and_then(|field| self.fault(field));
        let (last, role) = match &fault {
            Some(fault) => (fault.as_str(), Role::Bad),
            None => ("Tab/Shift-Tab field   Space choice   Enter next field", Role::Dim),
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
