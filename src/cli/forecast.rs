//! `signalbox campaign forecast`: when it will be done, day by day, as it is or as it would be.

use super::{
    CliError, Session, campaign,
    output::{Table, card, local_or_dash, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{
        campaign::CampaignState,
        forecast::{Bound, Campaign, Day, FARTHEST_DAYS, Opens, WhatIf},
        phone::Phone,
    },
    store::{campaign::CampaignRecord, forecast::ForecastWorld, plan::PlannedDay},
};
use chrono::NaiveDate;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Which campaign, and what if.
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// Which one
    name: String,
    /// What if this number were suspended; may be given several times
    #[arg(long, value_name = "PHONE", value_parser = parse::phone)]
    suspend: Vec<Phone>,
    /// What if its pool had one number more, with this daily limit; may be given several times
    #[arg(long, value_name = "DAILY_LIMIT", value_parser = clap::value_parser!(u32).range(1..))]
    add_number: Vec<u32>,
    /// What if it had this daily limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    daily_limit: Option<u32>,
    /// What if this campaign were paused; may be given several times
    #[arg(long, value_name = "NAME")]
    pause: Vec<String>,
    /// How many days to look ahead
    #[arg(long, value_name = "N", default_value_t = FARTHEST_DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(FARTHEST_DAYS)))]
    days: u32,
}

/// One day, as JSON names it.
#[derive(Debug, Serialize)]
struct DayJson {
    date: NaiveDate,
    total: u64,
    by_number: BTreeMap<String, u64>,
    by_campaign: BTreeMap<String, u64>,
    /// Most that the daily limits let out on this day; none if there is no limit.
    limit: Option<u64>,
    /// What keeps the rest of the campaign for a later day.
    bound_by: Option<&'static str>,
}

/// Forecasts.
pub async fn run(session: &Session, org: &Org, args: &ForecastArgs) -> Result<(), CliError> {
    let asked = campaign::find(session, org, &args.name).await?;
    let mut world = session.store.forecast_world(org.id, asked.id).await?;
    let place = world.world.campaigns.iter().position(|campaign| campaign.id == asked.id);
    let place = place.ok_or_else(|| CliError::failed("the campaign does not exist any more"))?;
    let asked_what_if = what_if(&world, args)?;
    if asked_what_if.is_empty() && is_over(world.states[place]) {
        return over(session, org, &asked, world.states[place]).await;
    }
    world.suppose(place, &asked_what_if);
    let forecast = world.foretell(args.days);
    let days: Vec<DayJson> =
        forecast.until_done(place).iter().enumerate().map(|day| describe(&world, day, place)).collect();
    let finish = forecast.finish[place];
    let binding = forecast.binding(place);
    let expired = forecast.expired[place];
    let value = json!({
        "name": args.name,
        "state": world.states[place].name(),
        "finish": finish,
        "binding": binding.map(|(bound, date)| json!({ "hold": bound.name(), "date": date, "sentence": bound.to_string() })),
        "days": days,
        "expired": expired,
    });
    let state = world.states[place];
    let plan = session.store.planned_days(org.id, asked.id).await?;
    let value = {
        let mut value = value;
        value["plan"] = json!(plan);
        value
    };
    session.out.show(&value, || {
        let done = match finish {
            None if expired > 0 => "not before it is too late".to_owned(),
            None if days.is_empty() => "nothing is left to send".to_owned(),
            None => format!("not within {} days by itself", args.days),
            Some(_) => local_or_dash(finish, org.zone),
        };
        let binds = binding.map(|(bound, date)| format!("{bound}, first on {date}"));
        let mut head = vec![("state", as_if(state)), ("done", done), ("what binds", or_dash(binds))];
        if expired > 0 {
            head.push(("too late for", format!("{expired} people before their turn comes")));
        }
        format!("{}\n{}{}", card(&head), table(&days, &args.name), drift(&plan))
    })
}

fn is_over(state: CampaignState) -> bool {
    matches!(state, CampaignState::Completed | CampaignState::Cancelled)
}

/// One that is over sends nothing more: there is no calendar, unless somebody asks what if.
async fn over(
    session: &Session,
    org: &Org,
    campaign: &CampaignRecord,
    state: CampaignState,
) -> Result<(), CliError> {
    let plan = session.store.planned_days(org.id, campaign.id).await?;
    let value = json!({
        "name": campaign.name, "state": state.name(), "finish": null, "binding": null, "days": [], "expired": 0,
        "plan": plan,
    });
    session.out.show(&value, || {
        let ended = local_or_dash(campaign.finished_at, org.zone);
        let head = [("state", state.name().to_owned()), ("over since", ended)];
        format!("{}\n{}", card(&head), drift(&plan))
    })
}

/// The state, and what it is forecast as.
fn as_if(state: CampaignState) -> String {
    match state {
        CampaignState::Active | CampaignState::Scheduled => state.name().to_owned(),
        _ => format!("{}; this is what would be if it went on now", state.name()),
    }
}

/// What the options ask.
fn what_if(world: &ForecastWorld, args: &ForecastArgs) -> Result<WhatIf, CliError> {
    let mut what_if =
        WhatIf { add: args.add_number.clone(), daily_limit: args.daily_limit, ..WhatIf::default() };
    for phone in &args.suspend {
        let number = world.phones.iter().position(|each| each == phone.reveal()).ok_or_else(|| {
            CliError::failed(format!(
                "there is no number {}; signalbox number list shows them",
                phone.reveal()
            ))
        })?;
        what_if.suspend.push(world.world.numbers[number].id);
    }
    for name in &args.pause {
        let campaign = world.names.iter().position(|each| each == name).ok_or_else(|| {
            CliError::failed(format!(
                "there is no campaign {name:?} that sends; signalbox campaign list shows them"
            ))
        })?;
        what_if.pause.push(world.world.campaigns[campaign].id);
    }
    Ok(what_if)
}

fn describe(world: &ForecastWorld, (nth, day): (usize, &Day), place: usize) -> DayJson {
    let mut by_number: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_campaign: BTreeMap<String, u64> = BTreeMap::new();
    for flow in &day.flows {
        *by_number.entry(world.phones[flow.number].clone()).or_default() += flow.messages;
        *by_campaign.entry(world.names[flow.campaign].clone()).or_default() += flow.messages;
    }
    DayJson {
        date: day.date,
        total: day.total(),
        by_number,
        by_campaign,
        limit: limit_of(world, &world.world.campaigns[place], nth),
        bound_by: day.bounds[place].map(Bound::name),
    }
}

/// What the daily limits of the organisation and of the pool's numbers let out on this day, from zero, if it is a whole one.
fn limit_of(world: &ForecastWorld, campaign: &Campaign, day: usize) -> Option<u64> {
    let world = &world.world;
    let serving = world.pools[campaign.pool].numbers.iter().map(|place| &world.numbers[*place]);
    let numbers = serving
        .filter(|number| number.opens != Opens::Never && campaign.may_use(number.id))
        .map(|number| number.cap_on(day).limit.map(u64::from))
        .try_fold(0_u64, |sum, limit| Some(sum.saturating_add(limit?)));
    [numbers, world.cap.limit.map(u64::from)].into_iter().flatten().min()
}

/// What was foretold at the start beside what was sent, up to the last day on which something was.
fn drift(plan: &[PlannedDay]) -> String {
    let Some(last) = plan.iter().rposition(|day| day.sent > 0) else { return String::new() };
    let mut table = Table::new(&["DATE", "PLANNED", "SENT", "BEHIND"]);
    let mut behind = 0;
    for day in &plan[..=last] {
        behind += day.planned - day.sent;
        table.row([day.date.to_string(), day.planned.to_string(), day.sent.to_string(), behind.to_string()]);
    }
    format!("\n{}", table.render())
}

fn table(days: &[DayJson], name: &str) -> String {
    if days.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["DATE", "THIS CAMPAIGN", "ALL", "LIMIT", "THE REST WAITS FOR"]);
    for day in days {
        table.row([
            day.date.to_string(),
            day.by_campaign.get(name).copied().unwrap_or(0).to_string(),
            day.total.to_string(),
            or_dash(day.limit),
            day.bound_by.unwrap_or("-").replace('_', " "),
        ]);
    }
    table.render()
}
