//! `signalbox number stats`: how numbers did over days, and what that suggests for their order.

use super::{
    CliError, Session,
    export::{Export, leaves_room},
    number,
    output::{Table, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{phone::Phone, review::Advice},
    store::number_stats::NumberStats,
};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Of whom, how far back, and where to.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// One number, day by day; all of them without it
    #[arg(value_parser = parse::phone)]
    phone: Option<Phone>,
    /// How many days back, today included
    #[arg(long, value_name = "N", default_value = "7", value_parser = clap::value_parser!(i32).range(1..=90))]
    days: i32,
    /// Write a row for each number and day to a CSV file, or - for standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Prints it.
pub async fn run(session: &Session, org: &Org, args: &StatsArgs) -> Result<(), CliError> {
    leaves_room(&session.out, "--csv", args.csv.as_deref())?;
    let stats = session.store.number_stats(org.id, args.days, args.phone.as_ref()).await?;
    if let (Some(phone), true) = (&args.phone, stats.is_empty()) {
        return Err(number::unknown(session, org, phone).await);
    }
    if let Some(path) = &args.csv {
        let rows = write(path, &stats)?;
        if path == Path::new("-") {
            return Ok(());
        }
        return session.out.show(&json!({ "file": path, "rows": rows }), || {
            format!("wrote {rows} days of numbers to {}", path.display())
        });
    }
    session
        .out
        .show(&stats, || if args.phone.is_some() { by_day(&stats, org) } else { by_number(&stats, org) })
}

fn by_number(stats: &[NumberStats], org: &Org) -> String {
    let mut table = Table::new(&[
        "PHONE",
        "NAME",
        "PRIO",
        "SENT",
        "DELIVERED",
        "FAILED",
        "OUT",
        "TESTS",
        "P50",
        "P90",
        "P99",
        "WEEK",
        "ADVICE",
    ]);
    for number in stats {
        let sum = |figure: fn(&crate::store::number_stats::StatDay) -> i64| {
            number.days.iter().map(figure).sum::<i64>()
        };
        let (accepted, failed) = (sum(|day| day.accepted), sum(|day| day.failed));
        let seconds = |of: fn(&crate::store::number_stats::DeliveryTimes) -> f64| {
            or_dash(number.delivery.as_ref().map(|times| format!("{:.1} s", of(times))))
        };
        table.row([
            number.phone.clone(),
            named(number, org),
            number.priority.to_string(),
            sum(|day| day.sent).to_string(),
            percent(sum(|day| day.delivered), accepted),
            percent(failed, accepted + failed),
            if number.outages == 0 {
                "-".to_owned()
            } else {
                format!("{}: {}", number.outages, number.causes)
            },
            if number.tests == 0 {
                "-".to_owned()
            } else {
                format!("{}/{}", number.tests_passed, number.tests)
            },
            seconds(|times| times.p50),
            seconds(|times| times.p90),
            seconds(|times| times.p99),
            number.trend.name().to_owned(),
            words(&number.advice),
        ]);
    }
    table.render()
}

/// A number that was removed is none that can be looked for in the list: it says so.
fn named(number: &NumberStats, org: &Org) -> String {
    let removed =
        number.removed_at.map(|at| format!("(removed {})", at.with_timezone(&org.zone).date_naive()));
    [Some(number.name.clone()).filter(|name| !name.is_empty()), removed]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

fn by_day(stats: &[NumberStats], org: &Org) -> String {
    let mut table = Table::new(&["DAY", "SENT", "ACCEPTED", "DELIVERED", "FAILED", "BLOCKED"]);
    for day in stats.iter().flat_map(|number| &number.days) {
        table.row([
            day.day.to_string(),
            day.sent.to_string(),
            day.accepted.to_string(),
            percent(day.delivered, day.accepted),
            percent(day.failed, day.accepted + day.failed),
            day.blocked.to_string(),
        ]);
    }
    format!("{}\n{}", by_number(stats, org), table.render())
}

fn percent(part: i64, all: i64) -> String {
    if all == 0 { "-".to_owned() } else { format!("{}%", part * 100 / all) }
}

fn words(advice: &Advice) -> String {
    match advice {
        Advice::Keep => "-".to_owned(),
        Advice::Lower { because } => format!("lower its priority: {because}"),
        Advice::Raise { because } => format!("raise its priority: {because}"),
    }
}

fn write(path: &Path, stats: &[NumberStats]) -> Result<u64, CliError> {
    let header = ["phone", "name", "account", "day", "sent", "accepted", "delivered", "failed", "blocked"];
    let mut export = Export::begin(path, &header)?;
    for number in stats {
        for day in &number.days {
            let figures = [day.sent, day.accepted, day.delivered, day.failed, day.blocked];
            let figures = figures.map(|figure| figure.to_string());
            let named =
                [number.phone.clone(), number.name.clone(), number.account.clone(), day.day.to_string()];
            export.row(named.iter().chain(&figures).map(String::as_str))?;
        }
    }
    export.end()
}
