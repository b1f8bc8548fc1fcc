//! `signalbox number list` and `number show`: how numbers are, in words.

use super::{
    CliError, Session,
    output::{Table, card, local_or_dash, or_dash},
    session::Org,
};
use crate::{
    domain::{
        day::next_day,
        hold::{
            Hold,
            facts::{self, Now, NumberFacts, Service},
        },
        money::Money,
        phone::Phone,
    },
    store::{number::NumberRecord, number_batch::RetiredNumber},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A number with the reason why it sends nothing, as far as its own row tells.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    number: &'a NumberRecord,
    hold: Option<&'static str>,
    hold_until: Option<DateTime<Utc>>,
    hold_sentence: Option<String>,
}

impl<'a> Line<'a> {
    fn new(number: &'a NumberRecord, org: &Org) -> Self {
        let hold = hold(number, org);
        Self {
            number,
            hold: hold.as_ref().map(Hold::code),
            hold_until: hold.as_ref().and_then(Hold::until),
            hold_sentence: hold.as_ref().map(|hold| hold.sentence(org.zone)),
        }
    }
}

fn hold(number: &NumberRecord, org: &Org) -> Option<Hold> {
    let now = Now { at: org.record.now, midnight: next_day(org.record.now, org.zone) };
    if let Some(by) = &org.record.stopped_by {
        return Some(Hold::SendingStopped { by: by.clone() });
    }
    let count = |number: i32| u32::try_from(number).unwrap_or(0);
    let service = match (number.state.as_str(), number.limited_until) {
        ("disabled", _) => Service::Disabled,
        ("suspended", _) => Service::Suspended {
            reason: number.suspension_reason.as_deref().unwrap_or_default(),
            until: number.suspended_until,
        },
        ("limited", Some(until)) => {
            Service::Limited { until, reason: number.limited_reason.as_deref().unwrap_or_default() }
        }
        _ => Service::Active,
    }
    .or_unusable(number.unusable.as_deref());
    let facts = NumberFacts {
        service,
        breakers: [None; 2],
        account: number.account_room(),
        daily_limit: number.limit_today.map(count),
        warm_up: number.warm_up_day.map(count),
        used_today: count(number.sent_today),
    };
    facts::of_number(&facts, now).next()
}

/// What the provider says of it.
fn health(number: &NumberRecord) -> String {
    let Some(state) = &number.health else { return "not asked yet".to_owned() };
    match (&number.health_code, number.health_words.as_str()) {
        (Some(code), words) => format!("{}, {code}: {words}", state.replace('_', " ")),
        (None, "") => state.replace('_', " "),
        (None, words) => format!("{}: {words}", state.replace('_', " ")),
    }
}

fn people(number: &NumberRecord) -> String {
    if number.provider_unlimited { "unlimited".to_owned() } else { or_dash(number.provider_limit) }
}

/// What an operator can do about a number that is out of service or slowed.
fn advice(number: &NumberRecord) -> String {
    let resume = format!("signalbox number resume {} --test", number.phone);
    let by_sender = number.suspended_by.as_deref() == Some("sender");
    match (number.state.as_str(), number.pulse.as_str()) {
        ("disabled", _) => format!("switch it on: signalbox number enable {}", number.phone),
        ("suspended", "red") if number.canary.is_some() => {
            format!("a canary that arrives brings it back; or look at the phone, then {resume}")
        }
        ("suspended", "red") => format!(
            "set a canary phone that can bring it back (signalbox org edit --canary-phone), or look at the phone, then {resume}"
        ),
        ("suspended", _) if number.suspended_until.is_some() => {
            format!("it comes back by itself; sooner: {resume}")
        }
        ("suspended", _) if by_sender && number.health.as_deref() == Some("sendable") => {
            format!("its provider finds it well: {resume}")
        }
        ("suspended", _) if by_sender => format!("settle what its provider says, then {resume}"),
        ("suspended", _) => {
            let by = number.suspended_by.as_deref().unwrap_or("somebody");
            format!("ask {by}, who suspended it; then {resume}")
        }
        _ if number.unusable.is_some() => {
            "correct it or its account: signalbox number edit, account edit, account rotate".to_owned()
        }
        (_, "amber") => {
            format!("wait for the canary; to give it back its rate: signalbox number resume {}", number.phone)
        }
        _ => "-".to_owned(),
    }
}

/// Whether what it sends arrives.
fn pulse(number: &NumberRecord) -> String {
    let state = match number.pulse.as_str() {
        "amber" => "AMBER, half its rate",
        "red" => "RED, it rests",
        other => other,
    };
    format!("{state}: {}", number.pulse_words)
}

fn canary(number: &NumberRecord, org: &Org) -> String {
    let last = match (&number.canary, number.canary_at) {
        (Some(state), Some(at)) => {
            format!("{}, {}", state.replace('_', " "), local_or_dash(Some(at), org.zone))
        }
        _ => "-".to_owned(),
    };
    number.no_canary.as_ref().map_or_else(|| last.clone(), |why| format!("{last}; none could be sent: {why}"))
}

/// How much fails or is blocked, and whether that warns.
fn ratio(number: &NumberRecord, part: i32, warned: Option<DateTime<Utc>>) -> String {
    let percent =
        if number.tried_lately > 0 { f64::from(part) * 100.0 / f64::from(number.tried_lately) } else { 0.0 };
    let warns = if warned.is_some() { ", WARNS" } else { "" };
    format!("{part} of {} ({percent:.1}%){warns}", number.tried_lately)
}

/// In a word or two, for the list: the worst that is known.
fn signs(number: &NumberRecord) -> String {
    let mut signs = Vec::new();
    if matches!(number.pulse.as_str(), "amber" | "red") {
        signs.push(number.pulse.to_uppercase());
    }
    if number.blocked_warned_at.is_some() {
        signs.push("BAN RISK".to_owned());
    }
    if number.failed_warned_at.is_some() {
        signs.push("FAILS".to_owned());
    }
    if signs.is_empty() { number.pulse.clone() } else { signs.join(", ") }
}

/// Said where an unofficial number is added or shown.
pub const UNOFFICIAL: &str = "unofficial: it drives a WhatsApp phone, which WhatsApp can ban without notice; keep its volume low and have a backup in the pool";

/// Where it stands on the ladder.
fn warm_up(number: &NumberRecord, org: &Org) -> String {
    match (number.warm_up_day.zip(number.limit_today), number.warm_up_started_at) {
        (Some((day, limit)), _) => format!("day {day}: {limit} a day"),
        (None, Some(began)) => format!("began {}", local_or_dash(Some(began), org.zone)),
        (None, None) => "none".to_owned(),
    }
}

/// How much of its account's limit over 24 hours is used.
fn account_room(number: &NumberRecord) -> String {
    number
        .account_room()
        .map_or_else(|| "no limit".to_owned(), |room| format!("{} of {} people", room.used, room.limit))
}

/// Whether it goes slower than it may after its provider told it so.
fn pace(number: &NumberRecord, org: &Org) -> String {
    number.slowed().map_or_else(|| "its own".to_owned(), |slowed| slowed.sentence(org.zone))
}

/// What waits in its gateway's own queue, of how many that may.
fn queue(number: &NumberRecord) -> String {
    let Some(limit) = number.queue_limit else { return "none".to_owned() };
    number.queued.map_or_else(
        || format!("{limit} at most, it does not say how many"),
        |now| format!("{now} of {limit}"),
    )
}

/// Since when the provider says that a suspended number is well; whether it comes back by itself depends on the cause.
fn well_since(number: &NumberRecord, org: &Org) -> String {
    let since = local_or_dash(number.well_since, org.zone);
    if number.state == "suspended" && number.well_since.is_some() {
        return format!("{since}; resume it with: signalbox number resume {}", number.phone);
    }
    since
}

/// What its provider says of its approval, and what operators noted.
fn approval(number: &NumberRecord) -> String {
    match (&number.approval, &number.noted_approval) {
        (Some(said), Some(noted)) => format!("{said}; noted: {noted}"),
        (Some(said), None) => said.clone(),
        (None, noted) => or_dash(noted.as_ref()),
    }
}

/// A number that was removed, told from those in use by its state.
#[derive(Debug, Serialize)]
struct Removed<'a> {
    #[serde(flatten)]
    number: &'a RetiredNumber,
    state: &'static str,
}

/// One that was removed and has a past: what is left to say of it.
async fn removed(session: &Session, org: &Org, phone: &Phone) -> Result<(), CliError> {
    let Some(number) = session.store.retired_numbers(org.id, Some(phone)).await?.pop() else {
        return Err(super::number::unknown(session, org, phone).await);
    };
    session.out.show(&Removed { number: &number, state: "removed" }, || {
        card(&[
            ("phone", number.phone.clone()),
            ("name", number.name.clone()),
            ("account", number.account.clone()),
            ("state", "removed".to_owned()),
            ("removed", local_or_dash(Some(number.retired_at), org.zone)),
            ("removed by", number.retired_by.clone()),
            ("what it sent", format!("signalbox number stats {} --days 90", number.phone)),
            ("what to do", format!("signalbox number add {} takes it back, with its past", number.phone)),
            ("notes", number.notes.clone()),
        ])
    })
}

/// Numbers that were removed and have a past.
pub async fn retired(session: &Session, org: &Org) -> Result<(), CliError> {
    let numbers = session.store.retired_numbers(org.id, None).await?;
    session.out.show(&numbers, || {
        let mut table = Table::new(&["PHONE", "NAME", "ACCOUNT", "REMOVED", "BY", "NOTES"]);
        for number in &numbers {
            table.row([
                number.phone.clone(),
                number.name.clone(),
                number.account.clone(),
                local_or_dash(Some(number.retired_at), org.zone),
                number.retired_by.clone(),
                number.notes.clone(),
            ]);
        }
        table.render()
    })
}

pub async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let numbers = session.store.numbers(org.id, None).await?;
    let lines: Vec<Line<'_>> = numbers.iter().map(|number| Line::new(number, org)).collect();
    session.out.show(&lines, || {
        let mut table = Table::new(&[
            "PHONE", "NAME", "LABEL", "PROVIDER", "ACCOUNT", "PRIO", "STATE", "PULSE", "TODAY", "LIMIT",
            "A MONTH", "HELD BY", "HOLD",
        ]);
        for line in &lines {
            let number = line.number;
            table.row([
                number.phone.clone(),
                number.name.clone(),
                or_dash(number.label.as_ref()),
                if number.official {
                    number.provider.clone()
                } else {
                    format!("{} (unofficial)", number.provider)
                },
                number.account.clone(),
                number.priority.to_string(),
                number.state.clone(),
                signs(number),
                number.sent_today.to_string(),
                or_dash(number.limit_today),
                or_dash(Money::of(number.monthly_cost, number.cost_currency.as_deref())),
                or_dash(number.lease_host.as_ref()),
                or_dash(line.hold_sentence.as_ref()),
            ]);
        }
        table.render()
    })
}

pub async fn show(session: &Session, org: &Org, phone: &Phone) -> Result<(), CliError> {
    let Some(number) = session.store.numbers(org.id, Some(phone)).await?.pop() else {
        return removed(session, org, phone).await;
    };
    let line = Line::new(&number, org);
    session.out.show(&line, || {
        card(&[
            ("phone", number.phone.clone()),
            ("name", number.name.clone()),
            ("label", or_dash(number.label.as_ref())),
            ("account", format!("{} ({})", number.account, number.provider)),
            ("provider is", if number.official { "official".to_owned() } else { UNOFFICIAL.to_owned() }),
            ("instance id", number.instance_id.clone()),
            ("priority", number.priority.to_string()),
            ("pools", number.pools.join(" ")),
            ("state", number.state.clone()),
            ("hold", or_dash(line.hold_sentence.as_ref())),
            ("suspended", local_or_dash(number.suspended_at, org.zone)),
            ("suspended by", or_dash(number.suspended_by.as_ref())),
            ("what to do", advice(&number)),
            ("health", health(&number)),
            ("approval", approval(&number)),
            ("a month", or_dash(Money::of(number.monthly_cost, number.cost_currency.as_deref()))),
            ("quality", or_dash(number.quality.as_ref())),
            ("people in 24 h", people(&number)),
            ("last check", local_or_dash(number.checked_at, org.zone)),
            ("well since", well_since(&number, org)),
            ("pulse", pulse(&number)),
            ("slowed since", local_or_dash(number.slowed_since, org.zone)),
            ("last canary", canary(&number, org)),
            ("canaries", if number.canaries { "on" } else { "off" }.to_owned()),
            ("exercised", local_or_dash(number.exercised_at, org.zone)),
            ("failed in 24 h", ratio(&number, number.failed_lately, number.failed_warned_at)),
            ("blocked in 24 h", ratio(&number, number.blocked_lately, number.blocked_warned_at)),
            ("daily limit", or_dash(number.daily_limit)),
            ("warm-up", warm_up(&number, org)),
            ("account in 24 h", account_room(&number)),
            ("sent today", number.sent_today.to_string()),
            ("left today", or_dash(number.remaining_today)),
            ("interval", format!("{} s", f64::from(number.interval_ms) / 1000.0)),
            ("per second", number.per_second.to_string()),
            ("pace", pace(&number, org)),
            ("held for replies", format!("{} %", number.reply_share)),
            ("gateway's queue", queue(&number)),
            ("in flight", number.in_flight.to_string()),
            ("lease held by", or_dash(number.lease_host.as_ref())),
            ("notes", number.notes.clone()),
        ])
    })
}
