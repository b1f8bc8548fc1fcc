//! The fields of a number, new or edited.

use super::campaign::choice;
use super::{Edited, Field, Filled, Form, Name, setup, text};
use crate::domain::action::NewNumber;
use crate::domain::ids::AccountId;
use crate::domain::money::{self, Money};
use crate::domain::number::{Approval, NumberWords, Pacing, ProviderKind, Remarks};
use crate::domain::phone::Phone;
use crate::store::view::NumberRow;
use crate::tui::model::Model;
use crate::tui::verbs::NumberValues;
use std::time::Duration;
use uuid::Uuid;

/// Longest interval, in milliseconds.
const DAY: u32 = 86_400_000;

/// `12.50 EUR`; nothing where nothing is written.
pub(super) fn cost(text: &str) -> Result<Option<Money>, String> {
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

/// `0.5`: seconds, to the millisecond.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.is_empty() || part.len() > 3 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    let milliseconds = whole.checked_mul(1_000)?.checked_add(part).filter(|all| *all <= DAY)?;
    Some(Duration::from_millis(u64::from(milliseconds)))
}

/// An interval as [`seconds`] reads it.
fn in_seconds(interval: Duration) -> String {
    let text = format!("{}.{:03}", interval.as_secs(), interval.subsec_millis());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How fast a number of this provider sends unless somebody says otherwise.
fn usual_pacing(provider: ProviderKind) -> Pacing {
    Pacing {
        interval: provider.default_interval(),
        per_second: provider.default_per_second(),
        in_flight: provider.default_in_flight(),
    }
}

/// A word, where there is one.
fn said(word: &str) -> Option<String> {
    Some(word.to_owned()).filter(|word| !word.is_empty())
}

impl Form {
    /// For a new number.
    pub fn new(model: &Model) -> Self {
        let names = model.overview().map_or(Vec::new(), |overview| {
            let named =
                |row: &crate::store::view::AccountRow| format!("{} ({})", row.name.as_str(), row.provider);
            overview.accounts.iter().map(|row| (row.id.0, named(row))).collect()
        });
        let account = choice(Name::Account, "Account", names, Uuid::nil(), "Space: next");
        let account = Field { width: 28, ..account };
        let usual = model.overview().map_or(Vec::new(), |overview| {
            overview.accounts.iter().map(|row| (row.id.0, usual_pacing(row.provider))).collect()
        });
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
                text(Name::PerSecond, "Per second", "", 9, "empty: its default"),
                text(Name::InFlight, "At once", "", 9, "empty: its default"),
                text(Name::WarmUp, "Warm-up", "", 18, setup::BEGINS_NEW),
                text(Name::Joins, "Pool", "", 18, "empty: default; made if new"),
                text(Name::Sender, "Same sender", "", 12, "word; may be switched to"),
                text(Name::Cost, "A month", "", 18, "12.50 EUR"),
                text(Name::Approval, "Approval", "", 12, "requested, approved, refused"),
                text(Name::Notes, "Notes", "", 40, ""),
            ],
            usual,
            clock: Some(setup::clock(model)),
            ..Self::default()
        }
    }

    /// For a number that exists.
    pub fn edit(row: &NumberRow, model: &Model) -> Self {
        let limit = row.daily_limit.map(|limit| limit.to_string()).unwrap_or_default();
        let remarks = &row.remarks;
        let cost = remarks.monthly_cost.map(|cost| cost.to_string()).unwrap_or_default();
        let approval = remarks.approval.map_or("", Approval::name);
        let label = remarks.label.clone().unwrap_or_default();
        let title = format!("Edit number  {}  {}", row.name.as_str(), row.phone);
        let clock = setup::clock(model);
        let mut form = Self {
            edits: Some((Edited::Number(row.id), row.version, title)),
            fields: vec![
                text(Name::Priority, "Priority", &row.priority.to_string(), 6, "lower goes first"),
                text(Name::DailyLimit, "Daily limit", &limit, 9, "empty: none of our own"),
                text(Name::Interval, "Interval, s", &in_seconds(row.pacing.interval), 9, "0: no spacing"),
                text(
                    Name::PerSecond,
                    "Per second",
                    &row.pacing.per_second.to_string(),
                    9,
                    "0: no limit of our own",
                ),
                text(Name::InFlight, "At once", &row.pacing.in_flight.to_string(), 9, "at least 1"),
                text(Name::Label, "Label", row.name.as_str(), 28, ""),
                text(Name::Sender, "Same sender", &label, 12, "word; may be switched to"),
                text(Name::Cost, "A month", &cost, 18, "12.50 EUR"),
                text(Name::Approval, "Approval", approval, 12, "requested, approved, refused"),
                text(Name::Notes, "Notes", &remarks.notes, 40, ""),
            ],
            clock: Some(clock),
            ..Self::default()
        };
        form.fields.extend(setup::fields(row, clock.1, model));
        form
    }

    /// What is written in a field, where it was edited.
    pub(super) fn edited(&self, name: Name) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        field.is_edited().then(|| self.text_of(name))
    }

    /// What was edited of a number, and nothing else.
    pub(super) fn read_edited(&self) -> NumberValues {
        let number = |name: Name| self.edited(name).and_then(|text| text.parse::<u32>().ok());
        let words = NumberWords {
            name: self.edited(Name::Label).map(str::to_owned),
            notes: self.edited(Name::Notes).map(str::to_owned),
            label: self.edited(Name::Sender).map(said),
            monthly_cost: self.edited(Name::Cost).map(|text| cost(text).ok().flatten()),
            approval: self.edited(Name::Approval).map(|word| word.parse().ok()),
        };
        NumberValues {
            priority: self.edited(Name::Priority).and_then(|text| text.parse().ok()),
            daily_limit: self.edited(Name::DailyLimit).map(|text| text.parse().ok()),
            interval: self.edited(Name::Interval).and_then(seconds),
            per_second: number(Name::PerSecond),
            in_flight: number(Name::InFlight),
            words,
            setup: self.edited_setup(),
            into: self.changed_pools(true),
            out_of: self.changed_pools(false),
        }
    }

    /// The pacing of a new number: what is not filled in is as usual at its provider.
    fn new_pacing(&self, account: Uuid) -> Option<Pacing> {
        let number = |name: Name| self.text_of(name).parse::<u32>().ok();
        let interval = seconds(self.text_of(Name::Interval));
        let (per_second, in_flight) = (number(Name::PerSecond), number(Name::InFlight));
        if interval.is_none() && per_second.is_none() && in_flight.is_none() {
            return None;
        }
        let (_, usual) = self.usual.iter().find(|(id, _)| *id == account)?;
        Some(Pacing {
            interval: interval.unwrap_or(usual.interval),
            per_second: per_second.unwrap_or(usual.per_second),
            in_flight: in_flight.unwrap_or(usual.in_flight),
        })
    }

    pub(super) fn read_new(&self) -> Result<Filled, ()> {
        let (id, account) = self.choice_of(Name::Account).cloned().ok_or(())?;
        let number = NewNumber {
            phone: Phone::parse(self.text_of(Name::Phone)).map_err(|_| ())?,
            account: AccountId(id),
            sender_id: self.text_of(Name::SenderId).to_owned(),
            name: self.text_of(Name::Label).to_owned(),
            priority: self.text_of(Name::Priority).parse().map_err(|_| ())?,
            daily_limit: self.text_of(Name::DailyLimit).parse().ok(),
            pacing: self.new_pacing(id),
            warm_up: self.begins(self.text_of(Name::WarmUp)).ok().flatten(),
            remarks: Remarks {
                notes: self.text_of(Name::Notes).to_owned(),
                label: said(self.text_of(Name::Sender)),
                monthly_cost: cost(self.text_of(Name::Cost)).ok().flatten(),
                approval: self.text_of(Name::Approval).parse().ok(),
            },
            pool: said(self.text_of(Name::Joins)),
        };
        Ok(Filled::New { number, account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_reads_as_it_is_shown() {
        for (milliseconds, text) in [(0, "0"), (500, "0.5"), (50, "0.05"), (1_001, "1.001"), (120_000, "120")]
        {
            let interval = Duration::from_millis(milliseconds);
            assert_eq!(in_seconds(interval), text);
            assert_eq!(seconds(text), Some(interval));
        }
        assert_eq!(seconds("86400"), Some(Duration::from_hours(24)));
        for text in ["", ".", "1.", "1.0005", "86400.001", "-1", "+1", "1e3", "5000000"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
