//! How the numbers did, for the console: a line for each, a chart of its days, and what the week suggests.

use super::{ReadError, Seat};
use crate::domain::{
    phone::Phone,
    review::Advice,
    text::{Safe, Shown},
};
use crate::store::Store;
use crate::store::number_stats::{NumberStats, StatDay};
use crate::store::view::{HandoverSection, HandoverView};

/// How far back it looks: two weeks, so that one stands beside the other.
const DAYS: i32 = 14;
/// Numbers that are shown; the command line shows all.
const SHOWN: usize = 200;
/// Columns of a name.
const NAME: usize = 14;

impl Store {
    /// How the numbers did in the last two weeks.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn number_report(&self, seat: &Seat) -> Result<HandoverView, ReadError> {
        let stats = self.number_stats(seat.organization, DAYS, None).await?;
        let more = stats.len().saturating_sub(SHOWN);
        let mut figures = vec![format!(
            "{:NAME$} {:>9} {:>5} {:>5} {:>4} {:>7} {:>7}  {:14}",
            "", "SENT", "ARR", "FAIL", "OUT", "TESTS", "P90", "14 DAYS"
        )];
        figures.extend(stats.iter().take(SHOWN).map(line));
        if more > 0 {
            figures.push(format!("and {more} more: signalbox number stats shows all"));
        }
        let advice: Vec<String> = stats.iter().filter_map(advised).take(SHOWN).collect();
        let trends: Vec<String> = stats.iter().filter_map(trend).take(SHOWN).collect();
        let section = |heading: &str, lines: Vec<String>| HandoverSection {
            heading: Safe::new(heading),
            lines: lines.iter().map(|line| Shown::new(line)).collect(),
        };
        Ok(HandoverView {
            sections: vec![
                section("Suggested for the order", advice),
                section("Last two weeks", figures),
                section("This week beside the last", trends),
            ],
        })
    }
}

fn name(number: &NumberStats) -> String {
    let masked = || Phone::parse(&number.phone).map_or_else(|_| String::new(), |phone| phone.masked());
    let name = if number.name.trim().is_empty() { masked() } else { number.name.clone() };
    Safe::cut(&name, NAME).into_string()
}

fn line(number: &NumberStats) -> String {
    let sum = |figure: fn(&StatDay) -> i64| number.days.iter().map(figure).sum::<i64>();
    let (accepted, failed) = (sum(|day| day.accepted), sum(|day| day.failed));
    let tests =
        if number.tests == 0 { "-".to_owned() } else { format!("{}/{}", number.tests_passed, number.tests) };
    let took = number.delivery.map_or_else(|| "-".to_owned(), |times| format!("{:.0} s", times.p90));
    format!(
        "{:NAME$} {:>9} {:>5} {:>5} {:>4} {tests:>7} {took:>7}  {}{}",
        name(number),
        sum(|day| day.sent),
        percent(sum(|day| day.delivered), accepted),
        percent(failed, accepted + failed),
        number.outages,
        chart(number),
        if number.removed_at.is_some() { " removed" } else { "" },
    )
}

/// A glyph for each of the days, oldest first; the highest is the number's best day.
fn chart(number: &NumberStats) -> String {
    const LEVELS: [char; 8] =
        ['\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];
    let best = number.days.iter().map(|day| day.sent).max().unwrap_or(0).max(1);
    let Some(last) = number.days.last().map(|day| day.day) else { return String::new() };
    let glyph = |back: u64| {
        let day = last - chrono::Days::new(back);
        let sent = number.days.iter().find(|each| each.day == day).map_or(0, |each| each.sent);
        if sent == 0 {
            return ' ';
        }
        usize::try_from(sent * 7 / best).ok().and_then(|level| LEVELS.get(level)).copied().unwrap_or(' ')
    };
    (0..u64::from(DAYS.unsigned_abs())).rev().map(glyph).collect()
}

fn percent(part: i64, all: i64) -> String {
    if all == 0 { "-".to_owned() } else { format!("{}%", part * 100 / all) }
}

fn advised(number: &NumberStats) -> Option<String> {
    match &number.advice {
        Advice::Keep => None,
        Advice::Lower { because } => Some(format!("{}: lower its priority, {because}", name(number))),
        Advice::Raise { because } => Some(format!("{}: raise its priority, {because}", name(number))),
    }
}

fn trend(number: &NumberStats) -> Option<String> {
    let of = |week: &crate::domain::review::Week| {
        let share = |share: Option<u64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share}%"));
        format!("{} failed, {} arrived", share(week.failed_percent()), share(week.delivered_percent()))
    };
    let tried = number.week.accepted + number.week_before.accepted;
    (tried > 0).then(|| {
        format!(
            "{:NAME$} {}: {} (before: {})",
            name(number),
            number.trend.name(),
            of(&number.week),
            of(&number.week_before)
        )
    })
}
