//! A number, new or edited, or the terms of a campaign. Each field says what is wrong with it, beside it, as it is typed.

use crate::domain::action::{NewNumber, Version};
use crate::domain::ids::{AccountId, CampaignId, NumberId};
use crate::domain::number::{LAST_PRIORITY, Pacing};
use crate::domain::phone::Phone;
use crate::store::view::{CampaignRow, NumberRow};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use std::time::Duration;

/// What a field holds.
#[derive(Debug, Clone)]
enum Value {
    Text(Input),
    Choice { names: Vec<(AccountId, String)>, at: usize },
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
    Interval,
    PerSecond,
    InFlight,
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
pub struct NumberForm {
    edits: Option<(Edited, Version, String)>,
    fields: Vec<Field>,
    focus: usize,
    /// Whether saving was tried: only then is an empty field a fault.
    tried: bool,
}

/// What an edit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edited {
    Number(NumberId),
    Campaign(CampaignId),
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
        /// Its place.
        priority: i32,
        /// Most messages a day.
        daily_limit: Option<u32>,
        /// How fast.
        pacing: Pacing,
    },
    /// Other terms for a campaign.
    Campaign {
        /// Which one.
        id: CampaignId,
        /// The version that was seen.
        version: Version,
        /// Its place.
        priority: i32,
        /// Its share among equals.
        weight: u32,
        /// Most messages a day.
        daily_limit: Option<u32>,
    },
}

fn text(name: Name, label: &'static str, value: &str, width: u16, note: &'static str) -> Field {
    Field { name, label, value: Value::Text(Input::with(value)), width, note }
}

impl NumberForm {
    /// For a new number.
    pub fn new(model: &Model) -> Self {
        let names = model.overview().map_or(Vec::new(), |overview| {
            let named =
                |row: &crate::store::view::AccountRow| format!("{} ({})", row.name.as_str(), row.provider);
            overview.accounts.iter().map(|row| (row.id, named(row))).collect()
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
        Self {
            edits: Some((
                Edited::Number(row.id),
                row.version,
                format!("number  {}  {}", row.name.as_str(), row.phone),
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
            ],
            focus: 0,
            tried: false,
        }
    }

    /// For a campaign: its place, its share and its daily limit.
    pub fn edit_campaign(row: &CampaignRow) -> Self {
        let limit = row.daily_limit.map(|limit| limit.to_string()).unwrap_or_default();
        Self {
            edits: Some((Edited::Campaign(row.id), row.version, format!("campaign  {}", row.name.as_str()))),
            fields: vec![
                text(Name::Priority, "Priority", &row.priority.to_string(), 6, "lower goes first"),
                text(Name::Weight, "Weight", &row.weight.to_string(), 6, "its share among equals"),
                text(Name::DailyLimit, "Daily limit", &limit, 9, "empty: none of its own"),
            ],
            focus: 0,
            tried: false,
        }
    }

    /// Whether the focused field is a choice.
    pub fn on_choice(&self) -> bool {
        self.fields.get(self.focus).is_some_and(|field| matches!(field.value, Value::Choice { .. }))
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

    /// Takes the next choice.
    pub fn choose(&mut self, by: usize) {
        if let Some(Field { value: Value::Choice { names, at }, .. }) = self.fields.get_mut(self.focus)
            && !names.is_empty()
        {
            *at = (*at + by) % names.len();
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        match self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            Some(Value::Text(input)) => {
                input.key(key);
            }
            Some(Value::Choice { names, .. }) => {
                let back = names.len().saturating_sub(1);
                match key.code {
                    KeyCode::Right => self.choose(1),
                    KeyCode::Left => self.choose(back),
                    _ => {}
                }
            }
            None => {}
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) {
        if let Some(Value::Text(input)) = self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            input.paste(pasted);
        }
    }

    fn text_of(&self, name: Name) -> &str {
        self.fields.iter().find(|field| field.name == name).map_or("", |field| match &field.value {
            Value::Text(input) => input.text().trim(),
            Value::Choice { .. } => "",
        })
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
            Name::Label if text.is_empty() => self.tried.then(|| "is needed".into()),
            Name::Priority => whole(0, LAST_PRIORITY.unsigned_abs()),
            Name::DailyLimit if text.is_empty() => None,
            Name::DailyLimit => whole(1, 10_000_000),
            Name::Interval | Name::PerSecond | Name::InFlight if text.is_empty() && self.edits.is_none() => {
                None
            }
            Name::Interval => whole(0, 86_400),
            Name::PerSecond => whole(0, 1_000),
            Name::InFlight | Name::Weight => whole(1, 1_000),
            Name::Label | Name::SenderId => None,
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
        let daily_limit = number(Name::DailyLimit);
        let priority = self.text_of(Name::Priority).parse::<i32>().map_err(|_| ())?;
        if let Some((Edited::Campaign(id), version, _)) = &self.edits {
            let weight = number(Name::Weight).ok_or(())?;
            return Ok(Filled::Campaign { id: *id, version: *version, priority, weight, daily_limit });
        }
        if let Some((Edited::Number(id), version, _)) = &self.edits {
            return Ok(Filled::Edit {
                id: *id,
                version: *version,
                priority,
                daily_limit,
                pacing: Pacing {
                    interval: Duration::from_secs(u64::from(number(Name::Interval).ok_or(())?)),
                    per_second: number(Name::PerSecond).ok_or(())?,
                    in_flight: number(Name::InFlight).ok_or(())?,
                },
            });
        }
        let Some((account, provider_name)) = self.account() else { return Err(()) };
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
                account,
                sender_id: self.text_of(Name::SenderId).to_owned(),
                name: self.text_of(Name::Label).to_owned(),
                priority,
                daily_limit,
                pacing,
                warm_up: None,
            },
            account: provider_name,
        })
    }

    fn account(&self) -> Option<(AccountId, String)> {
        self.fields.iter().find_map(|field| match &field.value {
            Value::Choice { names, at } => names.get(*at).cloned(),
            Value::Text(_) => None,
        })
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
        let title = match &self.edits {
            Some((_, _, name)) => format!("Edit {name}"),
            None => "New number".into(),
        };
        let inside = canvas.panel(
            dialog,
            Border { title: &title, foot: "Enter on Save, or ctrl-s", double: false },
            Role::Frame,
        );
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
        let save = if self.on_save() { ("[ Save ]", Role::Selected) } else { ("  Save  ", Role::Text) };
        canvas.pieces(inside.x + 4, y, 20, &[save]);
        canvas.text(
            inside.x + 2,
            inside.bottom().saturating_sub(1),
            inside.width.saturating_sub(4),
            "Tab/Shift-Tab field   Space choice   Enter next field",
            Role::Dim,
        );
    }

    fn view_field(&self, canvas: &mut Canvas<'_>, area: Rect, field: &Field, focused: bool) {
        let fault = self.fault(field);
        canvas.text(area.x, area.y, 2, if focused { ">" } else { " " }, Role::Title);
        canvas.text(area.x + 2, area.y, 14, field.label, if focused { Role::Title } else { Role::Text });
        let x = area.x + 17;
        canvas.text(x, area.y, 1, "[", Role::Text);
        match &field.value {
            Value::Text(input) => input.draw(canvas, x + 1, area.y, field.width, focused),
            Value::Choice { names, at } => {
                let name = names.get(*at).map_or("none", |(_, name)| name.as_str());
                canvas.text(
                    x + 1,
                    area.y,
                    field.width,
                    name,
                    if focused { Role::Selected } else { Role::Text },
                );
            }
        }
        canvas.text(x + 1 + field.width, area.y, 1, "]", Role::Text);
        let beside = x + field.width + 3;
        let room = area.right().saturating_sub(beside);
        match fault {
            Some(fault) => canvas.text(beside, area.y, room, &format!("! {fault}"), Role::Bad),
            None => canvas.text(beside, area.y, room, field.note, Role::Dim),
        };
    }
}
