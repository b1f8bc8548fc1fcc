//! What takes a decision of the audit log back, if anything does: read from what the log says was there before.
//!
//! Only decisions that have an opposite which operators can take anyway have one here. Whoever takes it takes it like any
//! other: asked as it asks, written down as it is written down.

use super::{
    campaign::{Failover, Steering},
    channel::{ChannelChange, kinds_of, severity},
    ids::{NumberId, PoolId},
    money::Money,
    number::{Approval, SetupChange},
    pool::PoolChange,
    setting::Change,
    window::{Hours, Whose, Window},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// The opposite of a decision, on the thing that it was about.
#[derive(Debug, Clone, PartialEq)]
pub enum Opposite {
    /// The number is suspended again.
    SuspendNumber {
        /// When that would have ended by itself.
        until: Option<DateTime<Utc>>,
    },
    /// The number sends again.
    ResumeNumber,
    /// The number takes part again.
    EnableNumber,
    /// The number takes no part again.
    DisableNumber,
    /// The number is as it was before.
    Number(Box<FormerNumber>),
    /// The campaign goes on.
    ResumeCampaign,
    /// The campaign stands still again.
    PauseCampaign,
    /// The campaign has the terms that it had.
    Terms(FormerTerms),
    /// The pool is as it was before.
    Pool(PoolChange),
    /// The channel for alerts is as it was before, but for its secret.
    Channel(ChannelChange),
    /// What is set of the organisation is as it was before; whoever reads the log knows what is set now.
    Settings(Vec<Change>),
    /// The stop is lifted.
    ReleaseStop,
    /// Everything is stopped again.
    StopAll,
}

/// What of a number was otherwise: only what is `Some` is brought back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FormerNumber {
    /// Its place.
    pub priority: Option<i32>,
    /// Most messages a day.
    pub daily_limit: Option<Option<u32>>,
    /// Least time between two messages, in milliseconds.
    pub interval_ms: Option<u32>,
    /// Most messages in one second.
    pub per_second: Option<u32>,
    /// Most requests on the wire at once.
    pub in_flight: Option<u32>,
    /// What operators called it.
    pub name: Option<String>,
    /// What they noted of it.
    pub notes: Option<String>,
    /// What a campaign could switch within.
    pub label: Option<Option<String>>,
    /// What it cost a month, in hundredths.
    pub monthly_cost: Option<Option<i64>>,
    /// In this currency.
    pub cost_currency: Option<Option<String>>,
    /// How far its approval was.
    pub approval: Option<Option<Approval>>,
    /// How it stood at its provider and here.
    pub setup: SetupChange,
}

impl FormerNumber {
    /// What it cost, where that was otherwise; `now` is what it costs.
    #[must_use]
    pub fn cost(&self, now: Option<Money>) -> Option<Money> {
        if self.monthly_cost.is_none() && self.cost_currency.is_none() {
            return now;
        }
        let (hundredths, currency) = now.map(|now| (now.amount, now.currency.to_string())).unzip();
        let hundredths = self.monthly_cost.unwrap_or(hundredths);
        let currency = self.cost_currency.clone().unwrap_or(currency);
        Money::of(hundredths, currency.as_deref())
    }
}

/// What of a campaign's terms was otherwise: only what is `Some` is brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FormerTerms {
    /// Its place.
    pub priority: Option<i32>,
    /// Its share among equals.
    pub weight: Option<u32>,
    /// Most messages a day.
    pub daily_limit: Option<Option<u32>>,
    /// The pool that it sent through.
    pub pool: Option<PoolId>,
    /// What happened to a message whose number was refused.
    pub failover: Option<Failover>,
    /// From which minute of the day on it sent.
    pub from: Option<Option<i16>>,
    /// Until which minute.
    pub to: Option<Option<i16>>,
    /// On which days.
    pub days: Option<Option<i16>>,
    /// On whose clock.
    pub zone: Option<Option<Whose>>,
    /// The only number that could send for it.
    pub only_number: Option<Option<NumberId>>,
}

impl FormerTerms {
    /// The terms as they were; `now` are those of today.
    #[must_use]
    pub fn terms(&self, now: Steering) -> Steering {
        Steering {
            priority: self.priority.unwrap_or(now.priority),
            weight: self.weight.unwrap_or(now.weight),
            daily_limit: self.daily_limit.unwrap_or(now.daily_limit),
            pool: self.pool.unwrap_or(now.pool),
            failover: self.failover.unwrap_or(now.failover),
            window: self.window(now.window),
            only_number: self.only_number.unwrap_or(now.only_number),
        }
    }

    fn window(&self, now: Option<Window>) -> Option<Window> {
        let minute = |minute: u16| i16::try_from(minute).ok();
        let from = self.from.unwrap_or_else(|| now.and_then(|now| minute(now.hours.from())));
        let to = self.to.unwrap_or_else(|| now.and_then(|now| minute(now.hours.to())));
        let days = self.days.unwrap_or_else(|| now.map(|now| i16::from(now.hours.days())));
        let zone = self.zone.unwrap_or_else(|| now.map(|now| now.zone));
        Hours::of_columns(from, to, days).zip(zone).map(|(hours, zone)| Window { hours, zone })
    }
}

/// What takes back this action on this kind of thing, which was so before.
///
/// # Errors
/// Why nothing does, as the end of a sentence.
pub fn opposite(kind: &str, action: &str, before: Option<&Value>) -> Result<Opposite, String> {
    let none = Map::new();
    let before = before.and_then(Value::as_object).unwrap_or(&none);
    Ok(match (kind, action) {
        // The sender never suspends what an operator has suspended.
        ("number", "suspend") => Opposite::ResumeNumber,
        ("number", "suspend number" | "fail over number") if was_in_service(before) => Opposite::ResumeNumber,
        ("number", "suspend number" | "fail over number") => {
            return Err("the number was suspended before it, and stays so; p resumes it".into());
        }
        ("number", "resume number") if before.get("suspended_at").is_some_and(|at| !at.is_null()) => {
            let until = before.get("suspended_until").and_then(Value::as_str);
            Opposite::SuspendNumber { until: until.and_then(|until| until.parse().ok()) }
        }
        ("number", "resume number") => return Err("it ended a rest that the sender had begun".into()),
        ("number", "disable number") => Opposite::EnableNumber,
        ("number", "enable number") => Opposite::DisableNumber,
        ("number", "set priority" | "set limits" | "edit number") => {
            Opposite::Number(Box::new(former_number(before)?))
        }
        ("campaign", "pause campaign" | "pause") => Opposite::ResumeCampaign,
        ("campaign", "resume campaign") => Opposite::PauseCampaign,
        ("campaign", "edit campaign") => Opposite::Terms(former_terms(before)?),
        ("alert_channel", "edit alert channel") => Opposite::Channel(former_channel(before)?),
        ("pool", "edit pool") => Opposite::Pool(former_pool(before)?),
        ("organization", "stop all sending") => Opposite::ReleaseStop,
        ("organization", "lift the stop") => Opposite::StopAll,
        _ => return Err(why_not(kind, action).into()),
    })
}

/// Whether the log says that a number was not suspended before.
fn was_in_service(before: &Map<String, Value>) -> bool {
    before.get("suspended_at").is_some_and(Value::is_null)
}

/// Why a decision of this kind stands.
fn why_not(kind: &str, action: &str) -> &'static str {
    match (kind, action) {
        (_, "reveal phone") => "what was seen was seen",
        (_, "launch campaign" | "start" | "widen rollout" | "reopen campaign") => {
            "what was sent cannot be taken back; pausing the campaign stops the rest"
        }
        (_, "cancel campaign" | "complete campaign" | "complete") => "a campaign that ended does not go on",
        ("attempt", _) => "a verdict on an attempt stands: what followed from it may be on its way",
        ("recipient", _) => "what became of the person since cannot be taken back",
        ("conversation", _) => {
            "what was said or done in a thread stands; it can be taken or handed over anew"
        }
        (_, "remove number") => "adding the same phone again brings the number back, with its past",
        (_, "add number") => "removing the number is a decision of its own",
        ("contact", _) => "what a person wants is only changed by their word, or by signalbox contact",
        (_, "edit alert rules") => "signalbox alert rules sets what was there before",
        ("alert_channel", "add alert channel") => "removing the channel is a decision of its own",
        ("alert_channel", "remove alert channel") => {
            "its secret, if it had one, is gone with it: add it anew"
        }
        ("alert_channel", _) => "what went out is out",
        (_, "reset slots") => "slots that were taken back are given anew",
        ("organization", _) => "signalbox org edit sets what was there before",
        ("operator" | "key" | "account", _) => "rights and credentials are given and taken by command only",
        _ => "nothing that an operator can do is its opposite",
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

fn small(value: &Value) -> Option<u32> {
    integer(value).and_then(|value| u32::try_from(value).ok())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Whether a decision changed what is set of the organisation.
#[must_use]
pub fn is_of_settings(kind: &str, action: &str) -> bool {
    kind == "organization" && matches!(action, "edit organization" | "edit alert rules" | "edit vital rules")
}

/// What of a number was otherwise.
fn former_number(before: &Map<String, Value>) -> Result<FormerNumber, String> {
    let mut former = FormerNumber::default();
    for (column, value) in before {
        match column.as_str() {
            "priority" => former.priority = integer(value).and_then(|value| i32::try_from(value).ok()),
            "daily_limit" => former.daily_limit = Some(small(value)),
            "interval_ms" => former.interval_ms = small(value),
            "per_second" => former.per_second = small(value),
            "in_flight" => former.in_flight = small(value),
            "display_name" => former.name = text(value),
            "notes" => former.notes = text(value),
            "label" => former.label = Some(text(value)),
            "monthly_cost" => former.monthly_cost = Some(integer(value)),
            "cost_currency" => former.cost_currency = Some(text(value)),
            "approval" => former.approval = Some(value.as_str().and_then(|word| word.parse().ok())),
            "instance_id" => former.setup.sender_id = text(value),
            "warm_up_started_at" => {
                former.setup.warm_up = Some(value.as_str().and_then(|at| at.parse().ok()));
            }
            "reply_share" => former.setup.reply_share = small(value),
            "queue_limit" => former.setup.queue = small(value),
            "sends_canaries" => former.setup.canaries = value.as_bool(),
            other => return Err(format!("it changed {other}, which signalbox number edit sets")),
        }
    }
    if former == FormerNumber::default() {
        return Err("the log does not say what was there before".into());
    }
    Ok(former)
}

/// What of a pool was otherwise, as the change that brings it back.
///
/// # Errors
/// When the log does not say so, as the end of a sentence.
pub fn former_pool(before: &Map<String, Value>) -> Result<PoolChange, String> {
    let mut former = PoolChange::default();
    for (column, value) in before {
        match column.as_str() {
            "name" => former.name = text(value),
            "strategy" => former.strategy = value.as_str().and_then(|word| word.parse().ok()),
            "sticky" => former.sticky = value.as_bool(),
            "members" => {
                for (number, weight) in value.as_object().into_iter().flatten() {
                    let number = number.parse().map(NumberId).map_err(|_| "the log names no number")?;
                    match small(weight) {
                        Some(weight) => former.put.push((number, Some(weight))),
                        // It came with this decision.
                        None => former.drop.push(number),
                    }
                }
            }
            other => return Err(format!("it changed {other}, which signalbox pool edit sets")),
        }
    }
    if former.is_empty() {
        return Err("the log does not say what was there before".into());
    }
    Ok(former)
}

/// What of a channel for alerts was otherwise. A secret stands in no log: it stays as it is.
fn former_channel(before: &Map<String, Value>) -> Result<ChannelChange, String> {
    let mut former = ChannelChange::default();
    for (column, value) in before {
        match column.as_str() {
            "address" => former.address = text(value),
            "smtp" => former.smtp = text(value),
            "mail_from" => former.mail_from = text(value),
            "least" => former.least = value.as_str().and_then(severity),
            "kinds" => former.kinds = Some(kinds_of(Some(value))),
            "daily_report" => former.daily_report = value.as_bool(),
            "is_active" => former.is_active = value.as_bool(),
            "secret" => {
                return Err("it replaced the secret, which stands in no log: signalbox alert channel edit sets what was there before, with it".into());
            }
            other => return Err(format!("it changed {other}, which signalbox alert channel edit sets")),
        }
    }
    if former == ChannelChange::default() {
        return Err("the log does not say what was there before; a secret stands in no log".into());
    }
    Ok(former)
}

/// What of a campaign's terms was otherwise.
fn former_terms(before: &Map<String, Value>) -> Result<FormerTerms, String> {
    let id = |value: &Value| value.as_str().and_then(|id| id.parse::<uuid::Uuid>().ok());
    let minutes = |value: &Value| integer(value).and_then(|value| i16::try_from(value).ok());
    let mut former = FormerTerms::default();
    for (column, value) in before {
        match column.as_str() {
            "priority" => former.priority = integer(value).and_then(|value| i32::try_from(value).ok()),
            "weight" => former.weight = small(value),
            "daily_limit" => former.daily_limit = Some(small(value)),
            "pool_id" => former.pool = id(value).map(PoolId),
            "failover" => former.failover = value.as_str().and_then(|word| word.parse().ok()),
            "window_from" => former.from = Some(minutes(value)),
            "window_to" => former.to = Some(minutes(value)),
            "window_days" => former.days = Some(minutes(value)),
            "window_zone" => former.zone = Some(value.as_str().and_then(|zone| zone.parse().ok())),
            "only_number_id" => former.only_number = Some(id(value).map(NumberId)),
            other => return Err(format!("it changed {other}, which signalbox campaign edit sets")),
        }
    }
    if former == FormerTerms::default() {
        return Err("the log does not say what was there before".into());
    }
    Ok(former)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_operators_can_reverse_has_an_opposite() {
        for (kind, action, expected) in [
            ("number", "suspend", Opposite::ResumeNumber),
            ("number", "disable number", Opposite::EnableNumber),
            ("number", "enable number", Opposite::DisableNumber),
            ("campaign", "pause campaign", Opposite::ResumeCampaign),
            ("campaign", "resume campaign", Opposite::PauseCampaign),
            ("organization", "stop all sending", Opposite::ReleaseStop),
            ("organization", "lift the stop", Opposite::StopAll),
        ] {
            assert_eq!(opposite(kind, action, None), Ok(expected), "{action}");
        }
        let in_service = json!({ "suspended_at": null, "suspended_by": null });
        for action in ["suspend number", "fail over number"] {
            assert_eq!(opposite("number", action, Some(&in_service)), Ok(Opposite::ResumeNumber), "{action}");
        }
        let until = "2026-05-04T15:00:00Z";
        let before = json!({ "suspended_at": "2026-05-04T13:00:00Z", "suspended_until": until });
        assert_eq!(
            opposite("number", "resume number", Some(&before)),
            Ok(Opposite::SuspendNumber { until: until.parse().ok() })
        );
    }

    #[test]
    fn a_second_suspension_is_not_taken_back_by_ending_the_first() {
        // Only what differs is in the log: the number was suspended before and after.
        let before = json!({ "suspended_by": "bea", "suspension_reason": "quality LOW" });
        // One that had ended by itself is no better known.
        let ended =
            json!({ "suspended_at": "2026-05-04T13:00:00Z", "suspended_until": "2026-05-04T14:00:00Z" });
        for before in [Some(&before), Some(&ended), None] {
            let why = opposite("number", "suspend number", before).unwrap_err();
            assert!(why.contains("was suspended before"), "{why}");
        }
    }

    #[test]
    fn what_stands_says_why() {
        for (kind, action) in [
            ("campaign", "launch campaign"),
            ("campaign", "cancel campaign"),
            ("attempt", "resend"),
            ("recipient", "exclude recipient"),
            ("recipient", "reveal phone"),
            ("organization", "edit organization"),
            ("moon", "fly"),
        ] {
            let why = opposite(kind, action, None).unwrap_err();
            assert!(why.len() > 15, "{action}: {why}");
        }
        // The rest of a number that the sender throttled is nothing that an operator sets.
        let rest = json!({ "limited_until": "2026-05-04T13:00:00Z" });
        assert!(opposite("number", "resume number", Some(&rest)).unwrap_err().contains("rest"));
    }

    #[test]
    fn an_edit_brings_back_what_it_changed_and_nothing_else() {
        let before = json!({ "priority": 3, "daily_limit": null, "display_name": "old" });
        let Ok(Opposite::Number(former)) = opposite("number", "edit number", Some(&before)) else { panic!() };
        let expected = FormerNumber {
            priority: Some(3),
            daily_limit: Some(None),
            name: Some("old".into()),
            ..FormerNumber::default()
        };
        assert_eq!(*former, expected);
        // How it stood at its provider belongs to it.
        let setup = json!({
            "instance_id": "instance7", "warm_up_started_at": "2026-05-04T13:00:00Z", "reply_share": 10,
            "queue_limit": 5, "sends_canaries": false,
        });
        let Ok(Opposite::Number(former)) = opposite("number", "edit number", Some(&setup)) else { panic!() };
        let expected = SetupChange {
            sender_id: Some("instance7".into()),
            warm_up: Some("2026-05-04T13:00:00Z".parse().ok()),
            reply_share: Some(10),
            queue: Some(5),
            canaries: Some(false),
        };
        assert_eq!(former.setup, expected);
        // What the form does not have it does not bring back in part.
        let account = json!({ "priority": 3, "account_id": "a" });
        assert!(opposite("number", "edit number", Some(&account)).unwrap_err().contains("account_id"));
        assert!(opposite("number", "edit number", Some(&json!({}))).is_err());
    }

    #[test]
    fn a_pool_gets_back_who_left_and_loses_who_came() {
        let (left, came) = (NumberId::new(), NumberId::new());
        let mut members = Map::new();
        members.insert(left.0.to_string(), json!(3));
        members.insert(came.0.to_string(), Value::Null);
        let before = json!({ "strategy": "least_used", "sticky": true, "members": members });
        let expected = PoolChange {
            strategy: Some(crate::domain::selection::Strategy::LeastUsed),
            sticky: Some(true),
            put: vec![(left, Some(3))],
            drop: vec![came],
            ..PoolChange::default()
        };
        assert_eq!(opposite("pool", "edit pool", Some(&before)), Ok(Opposite::Pool(expected)));
        assert!(opposite("pool", "edit pool", Some(&json!({ "numbers_out": [] }))).is_err());
    }

    #[test]
    fn a_channel_gets_back_what_is_in_the_log_and_keeps_its_secret() {
        let before =
            json!({ "address": "ops@example.com", "kinds": null, "least": "critical", "is_active": true });
        let expected = ChannelChange {
            address: Some("ops@example.com".into()),
            kinds: Some(None),
            least: Some("critical"),
            is_active: Some(true),
            ..ChannelChange::default()
        };
        assert_eq!(
            opposite("alert_channel", "edit alert channel", Some(&before)),
            Ok(Opposite::Channel(expected))
        );
        // Another secret only: nothing of it is written down.
        let why = opposite("alert_channel", "edit alert channel", Some(&json!({}))).unwrap_err();
        assert!(why.contains("a secret stands in no log"), "{why}");
        // Another secret as well: the former address would be sent to with it.
        let before = json!({ "address": "ops@example.com", "secret": "former" });
        let why = opposite("alert_channel", "edit alert channel", Some(&before)).unwrap_err();
        assert!(why.contains("replaced the secret"), "{why}");
        let why = opposite("alert_channel", "remove alert channel", None).unwrap_err();
        assert!(why.contains("gone with it"), "{why}");
    }

    #[test]
    fn former_hours_are_put_together_with_those_of_today() {
        let now = Steering {
            priority: 1,
            weight: 2,
            daily_limit: Some(9),
            pool: PoolId::new(),
            failover: Failover::Pool,
            window: "09:00-20:00 organization".parse().ok(),
            only_number: None,
        };
        assert!(now.window.is_some());
        // Only the end was otherwise.
        let later = json!({ "window_to": 18 * 60 });
        let Ok(Opposite::Terms(former)) = opposite("campaign", "edit campaign", Some(&later)) else {
            panic!()
        };
        let expected = Steering { window: "09:00-18:00 organization".parse().ok(), ..now };
        assert_eq!(former.terms(now), expected);
        // There were none.
        let none =
            json!({ "window_from": null, "window_to": null, "window_days": null, "window_zone": null });
        let Ok(Opposite::Terms(former)) = opposite("campaign", "edit campaign", Some(&none)) else {
            panic!()
        };
        assert_eq!(former.terms(now), Steering { window: None, ..now });
        let queue = json!({ "run_after_id": null });
        assert!(opposite("campaign", "edit campaign", Some(&queue)).unwrap_err().contains("run_after_id"));
    }
}
