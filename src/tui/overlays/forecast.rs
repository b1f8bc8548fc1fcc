//! When a campaign will be done: what binds, a picture of days and numbers, and the days one by one.

use crate::domain::forecast::WhatIf;
use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::{CampaignRow, FORECAST_DAYS, ForecastDay, ForecastView, Forecasts};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::chart;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use chrono::{Datelike, Weekday};
use ratatui::layout::Rect;
use std::time::Duration;

/// It is asked for again after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// Columns of the names beside the picture.
const NAMES: usize = 13;
/// From nothing to full.
const FINE: [&str; 5] = [" ", "\u{2591}", "\u{2592}", "\u{2593}", "\u{2588}"];
const PLAIN: [&str; 5] = [" ", ".", ":", "+", "#"];

/// The panel over the Campaigns tab.
#[derive(Debug, Clone)]
pub struct ForecastPanel {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// Lines scrolled.
    pub scroll: usize,
    /// The forecast, as it is known.
    pub read: Reread<Forecasts>,
    /// What is asked besides.
    pub what_if: WhatIf,
    /// The campaign, as it was when this was opened.
    row: CampaignRow,
}

impl ForecastPanel {
    /// For the campaign of this row; nothing is known yet.
    pub fn new(row: &CampaignRow) -> Self {
        Self {
            campaign: row.id,
            scroll: 0,
            read: Reread::every(AGAIN),
            what_if: WhatIf::default(),
            row: row.clone(),
        }
    }

    /// Asks for what would be, beside what will be; nothing is done.
    pub fn ask(&mut self, what_if: WhatIf) {
        self.what_if = what_if;
        self.scroll = 0;
        self.read.ask_anew();
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let title = format!("Forecast of {}", self.row.name.as_str());
        let border = Border { title: &title, foot: "w what if  j k scroll  Esc closes", double: false };
        scrolled(model, canvas, area, geometry, border, |facts, (columns, _)| {
            self.read.tell(facts, "It could not be made");
            if let Some(read) = self.read.value() {
                if read.as_it_is.over && self.what_if.is_empty() {
                    was(facts, model, model.campaign(self.campaign).unwrap_or(&self.row));
                    return self.scroll;
                }
                head(facts, model, &read.as_it_is);
                // The answer to another question is none to this one.
                let instead = read.instead.as_ref().filter(|(asked, _)| *asked == self.what_if);
                let instead = instead.map(|(_, instead)| instead);
                if !self.what_if.is_empty() {
                    facts.fact("What if", &asked(&self.what_if, model), Role::Title);
                    match instead {
                        Some(instead) => supposed(facts, model, &read.as_it_is, instead),
                        None => facts.fact("  by", "Reading ...", Role::Dim),
                    }
                }
                picture(facts, model.theme, instead.unwrap_or(&read.as_it_is), columns);
                days(facts, &read.as_it_is, instead);
            }
            self.scroll
        });
    }
}

/// What became of a campaign that has ended: there is nothing to foretell of it.
fn was(facts: &mut Facts, model: &Model, row: &CampaignRow) {
    let since = row.since.with_timezone(&model.session.zone).format("%a %Y-%m-%d %H:%M");
    let ended = format!("{} since {since}: nothing to foretell", row.standing.name());
    facts.fact("State", &ended, Role::Title);
    let counts = &row.counts;
    let reached = counts.accepted + counts.delivered + counts.read;
    let people = [
        ("People", counts.planned, Role::Text),
        ("Sent to", reached, Role::Good),
        ("Failed", counts.failed, Role::Bad),
        ("In doubt", counts.in_doubt, Role::Doubt),
        ("Skipped", counts.skipped, Role::Text),
        ("Waiting", counts.queued + counts.sending, Role::Warn),
    ];
    for (label, count, role) in
        people.into_iter().filter(|(label, count, _)| *count > 0 || *label == "People")
    {
        facts.fact(label, &words::grouped(count), role);
    }
    facts.fact("Messages", &format!("{} taken, over all steps", words::grouped(row.sent)), Role::Text);
    facts.gap();
    facts.fact("See", "P on the list: how it went, beside what was foretold at its start", Role::Dim);
}

fn head(facts: &mut Facts, model: &Model, forecast: &ForecastView) {
    if forecast.as_if {
        facts.fact("State", "it does not run; this is what would be if it went on now", Role::Warn);
    }
    let left: u64 = forecast.days.iter().map(|day| day.own).sum();
    match (forecast.finish, forecast.days.is_empty()) {
        (None, _) if forecast.expired > 0 => facts.fact("All steps", "not before it is too late", Role::Bad),
        (_, true) => facts.fact("All steps", "nothing is left to send", Role::Good),
        (None, false) => {
            facts.fact("All steps", &format!("not within {FORECAST_DAYS} days by itself"), Role::Bad);
        }
        (Some(at), false) => {
            let local = at.with_timezone(&model.session.zone).format("%a %Y-%m-%d %H:%M");
            let nth = forecast.days.len();
            facts.fact(
                "All steps",
                &format!("by {local}, on day {nth}: {} left", words::grouped(left)),
                Role::Text,
            );
        }
    }
    if forecast.expired > 0 {
        let people = format!("for {} people before their turn comes", words::grouped(forecast.expired));
        facts.fact("Too late", &people, Role::Bad);
    }
    if let Some((bound, date)) = forecast.binding {
        facts.fact("Binds", &format!("{bound}, first on {date}"), Role::Warn);
    }
}

/// What is asked, in words.
fn asked(what_if: &WhatIf, model: &Model) -> String {
    let called = |name: Option<&Shown>| name.map_or("one that is gone", Shown::as_str).to_owned();
    let mut parts: Vec<String> = Vec::new();
    let suspended = what_if.suspend.iter().map(|id| called(model.number(*id).map(|row| &row.name)));
    parts.extend(suspended.map(|name| format!("{name} suspended")));
    parts.extend(
        what_if.add.iter().map(|limit| format!("a number more of {}", words::grouped(u64::from(*limit)))),
    );
    let limit = what_if.daily_limit.map(|limit| words::grouped(u64::from(limit)));
    parts.extend(limit.map(|limit| format!("at most {limit} a day")));
    let paused = what_if.pause.iter().map(|id| called(model.campaign(*id).map(|row| &row.name)));
    parts.extend(paused.map(|name| format!("{name} paused")));
    parts.join(", ")
}

/// What would be, and how much sooner or later that is.
fn supposed(facts: &mut Facts, model: &Model, now: &ForecastView, instead: &ForecastView) {
    let (done, role) = match (now.finish, instead.finish) {
        (_, None) if instead.expired > 0 => ("not before it is too late".to_owned(), Role::Bad),
        (_, None) if instead.days.is_empty() => ("nothing is left to send".to_owned(), Role::Good),
        (_, None) => (format!("not within {FORECAST_DAYS} days by itself"), Role::Bad),
        (before, Some(at)) => {
            let local = at.with_timezone(&model.session.zone).format("%a %Y-%m-%d %H:%M");
            let (moved, role) = match before {
                None => (String::new(), Role::Good),
                Some(before) if at == before => (": no sooner, no later".to_owned(), Role::Text),
                Some(before) => {
                    let length = words::length((at - before).abs().to_std().unwrap_or_default());
                    if at < before {
                        (format!(": {length} sooner"), Role::Good)
                    } else {
                        (format!(": {length} later"), Role::Warn)
                    }
                }
            };
            (format!("{local}, on day {}{moved}", instead.days.len()), role)
        }
    };
    facts.fact("  by", &done, role);
    if let Some((bound, date)) = instead.binding {
        facts.fact("  binds", &format!("{bound}, first on {date}"), Role::Text);
    }
}

/// Days from the left to the right, numbers from above: how full each is. Days that do not fit share a column.
fn picture(facts: &mut Facts, theme: Theme, forecast: &ForecastView, columns: usize) {
    let room = columns.saturating_sub(NAMES + 1).max(1);
    let each = forecast.days.len().div_ceil(room).max(1);
    if forecast.days.len() < 2 || forecast.numbers.is_empty() {
        return;
    }
    facts.gap();
    let dates: Vec<&ForecastDay> = forecast.days.iter().step_by(each).collect();
    facts.line(vec![(format!("{:NAMES$} {}", "", ruler(&dates, each)), Role::Dim)]);
    for number in &forecast.numbers {
        let sums: Vec<u64> = number.messages.chunks(each).map(|days| days.iter().sum()).collect();
        let largest = sums.iter().copied().max().unwrap_or(0);
        let whole = u64::try_from(each).unwrap_or(1);
        let full = number.limit.map_or(largest, |limit| u64::from(limit) * whole);
        let name = words::fit(number.name.as_str(), NAMES, theme.ascii);
        let gap = " ".repeat(NAMES.saturating_sub(words::width(&name)) + 1);
        let cells: String = sums.iter().map(|sum| shade(*sum, full, theme)).collect();
        facts.line(vec![(format!("{name}{gap}"), Role::Text), (cells, Role::Good)]);
    }
    let own: Vec<u64> = forecast.days.chunks(each).map(|days| days.iter().map(|day| day.own).sum()).collect();
    let name = format!("{:NAMES$} ", "this campaign");
    facts.line(vec![(name, Role::Text), (chart::spark(&own, theme), Role::Text)]);
    if each > 1 {
        facts.line(vec![(format!("{:NAMES$} one column is {each} days", ""), Role::Dim)]);
    }
}

/// The dates above the picture: the first, then where a month or, with a column a day, a week begins.
fn ruler(days: &[&ForecastDay], each: usize) -> String {
    let mut line = String::new();
    for (at, day) in days.iter().enumerate() {
        let begins = at == 0
            || each == 1 && day.date.weekday() == Weekday::Mon
            || each > 1 && day.date.month() != days[at - 1].date.month();
        let free = line.is_empty() || at > line.len();
        if begins && free {
            line.push_str(&" ".repeat(at.saturating_sub(line.len())));
            line.push_str(&day.date.format("%b %-d").to_string());
        }
    }
    line
}

fn shade(value: u64, full: u64, theme: Theme) -> &'static str {
    let glyphs = if theme.ascii { &PLAIN } else { &FINE };
    let most = glyphs.len() - 1;
    if value == 0 {
        return glyphs[0];
    }
    let level = u128::from(value) * 4 / u128::from(full.max(1));
    glyphs[usize::try_from(level).unwrap_or(most).clamp(1, most)]
}

/// The days one by one: as it is, and beside it what would be.
fn days(facts: &mut Facts, as_it_is: &ForecastView, instead: Option<&ForecastView>) {
    let drawn = instead.unwrap_or(as_it_is);
    let (now, most) = (&as_it_is.days, as_it_is.days.len().max(drawn.days.len()));
    if most == 0 {
        return;
    }
    facts.gap();
    let beside = if instead.is_some() { format!("{:>10} ", "WHAT IF") } else { String::new() };
    let head = format!("{:15} {:>10} {beside}{:>10}  THE REST WAITS FOR", "DAY", "THIS", "ALL");
    facts.line(vec![(head, Role::Title)]);
    let own = |days: &[ForecastDay], at: usize| words::grouped(days.get(at).map_or(0, |day| day.own));
    for at in 0..most {
        let Some(day) = drawn.days.get(at).or_else(|| now.get(at)) else { continue };
        let date = day.date.format("%a %Y-%m-%d").to_string();
        let beside = instead.map(|instead| format!("{:>10} ", own(&instead.days, at)));
        let all = drawn.days.get(at).map_or(0, |day| day.all);
        let figures = format!(
            "{date:15} {:>10} {}{:>10}  ",
            own(now, at),
            beside.unwrap_or_default(),
            words::grouped(all)
        );
        let bound = drawn.days.get(at).and_then(|day| day.bound);
        let bound = bound.map_or_else(String::new, |bound| bound.to_string());
        facts.line(vec![(figures, Role::Text), (bound, Role::Dim)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_dark_as_the_day_is_full() {
        let theme = Theme::default();
        let shades: Vec<&str> =
            [(0, 250), (1, 250), (125, 250), (249, 250), (250, 250), (300, 250), (0, 0), (1, 0)]
                .iter()
                .map(|(value, full)| shade(*value, *full, Theme { ascii: true, ..theme }))
                .collect();
        assert_eq!(shades, [" ", ".", ":", "+", "#", "#", " ", "#"]);
    }
}
