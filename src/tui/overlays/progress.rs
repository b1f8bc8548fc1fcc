//! How far a campaign is: its days beside what was foretold, its queue, and the register of who gets nothing and why,
//! from which people are taken back.

use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{CampaignRow, Counts, ErrorLine, PaceView, ProgressDay, ProgressView, SkipReason};
use crate::tui::lists::{Identified, LocalList, Motion, Standing};
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::Canvas;
use crate::tui::widgets::bar::run;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::chart;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use chrono::{NaiveDate, TimeDelta};
use ratatui::layout::Rect;
use std::time::{Duration, Instant};

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// Days that are listed one by one, the latest.
const LISTED: usize = 14;
/// Columns of the figures beside a chart, and its rows.
const AXIS: usize = 6;
const CHART_ROWS: u16 = 4;

/// Which of the two is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Days and queue.
    Progress,
    /// Who gets nothing and why.
    Skipped,
}

/// The panel over the Campaigns tab.
#[derive(Debug, Clone)]
pub struct ProgressPanel {
    /// Of this campaign.
    pub campaign: CampaignId,
    /// What it shows.
    pub shows: Shows,
    /// Both, as they are known.
    pub read: Reread<ProgressView>,
    name: Shown,
    scroll: usize,
    reasons: LocalList<SkipReason>,
}

impl Identified for SkipReason {
    type Id = Safe;
    fn id(&self) -> Safe {
        self.code.clone()
    }
}

impl ProgressPanel {
    /// For the campaign of this row; nothing is known yet.
    pub fn new(row: &CampaignRow, shows: Shows) -> Self {
        Self {
            campaign: row.id,
            shows,
            read: Reread::every(AGAIN),
            name: row.name.clone(),
            scroll: 0,
            reasons: LocalList::default(),
        }
    }

    /// Scrolls, or moves among the reasons.
    pub fn go(&mut self, motion: Motion, hidden: usize, now: Instant) {
        match self.shows {
            Shows::Skipped => self.reasons.go(motion, now),
            Shows::Progress => self.scroll = motion.from(self.scroll.min(hidden), hidden + 1),
        }
    }

    /// The reason under the cursor, if it is still there.
    pub fn reason(&self) -> Option<&SkipReason> {
        self.reasons.there().filter(|_| self.shows == Shows::Skipped)
    }

    /// Takes in what was read.
    pub fn take(&mut self, covered: bool, now: Instant) {
        if let Some(view) = self.read.value() {
            self.reasons.take(&view.skipped, covered, now);
        }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let title = match self.shows {
            Shows::Progress => format!("Progress of {}", self.name.as_str()),
            Shows::Skipped => format!("Not messaged by {}", self.name.as_str()),
        };
        let border = Border { title: &title, foot: "", double: false };
        scrolled(model, canvas, area, geometry, border, |facts, (columns, rows)| {
            self.read.tell(facts, "It could not be read");
            match (self.read.value(), self.shows) {
                (None, _) => self.scroll,
                (Some(view), Shows::Progress) => {
                    progress(facts, model, self.campaign, view, columns);
                    self.scroll
                }
                (Some(view), Shows::Skipped) => {
                    skipped(facts, model.theme, view, &self.reasons);
                    (self.reasons.cursor() + 5).saturating_sub(rows)
                }
            }
        });
    }
}

fn progress(facts: &mut Facts, model: &Model, id: CampaignId, view: &ProgressView, columns: usize) {
    if let Some(row) = model.campaign(id) {
        let (done, all) = (row.counts.done(), row.counts.planned);
        let line = format!(
            "{} of {} ({}%), {} queued, {} in the air, {}",
            words::grouped(done),
            words::grouped(all),
            words::percent(done, all),
            words::grouped(row.counts.queued),
            row.in_air,
            words::rate(row.per_second)
        );
        facts.fact("Now", &line, Role::Text);
        let at = |at| words::opening(at, model.now.wall, model.session.zone);
        facts.maybe("Starts", row.starts_at.map(at).as_deref(), Role::Text);
        let due_by = row.done_at.map(|done| words::due_by(done, model.now.wall, model.session.zone));
        facts.maybe("Due by", due_by.as_deref(), Role::Text);
        facts.maybe("Waits", row.hold.as_ref().map(|hold| hold.sentence.as_str()), Role::Warn);
    }
    facts.maybe("Runs after", view.behind.as_ref().map(Shown::as_str), Role::Warn);
    if !view.followers.is_empty() {
        let names: Vec<&str> = view.followers.iter().map(Shown::as_str).collect();
        facts.fact("Then start", &names.join(", "), Role::Text);
    }
    drift(facts, view, model.now.wall.with_timezone(&model.session.zone).date_naive());
    pictures(facts, model.theme, &view.days, columns);
    pace(facts, model, &view.pace, columns);
    if let Some(row) = model.campaign(id) {
        funnel(facts, model.theme, &row.counts);
    }
    errors(facts, model.theme, &view.errors);
    days(facts, model.theme, &view.days);
}

/// How fast it went: a column a minute, or the mean of several.
fn pace(facts: &mut Facts, model: &Model, pace: &PaceView, columns: usize) {
    let (Some(until), false) = (pace.until, pace.sent.len() < 2) else { return };
    let each = pace.sent.len().div_ceil(columns.saturating_sub(AXIS + 2).max(1)).max(1);
    let mut means: Vec<u64> = pace
        .sent
        .rchunks(each)
        .map(|minutes| minutes.iter().sum::<u64>().div_ceil(u64::try_from(minutes.len()).unwrap_or(1)))
        .collect();
    means.reverse();
    let top = chart::axis_top(means.iter().copied().max().unwrap_or(0));
    let clock = |at| words::clock(at, model.now.wall, model.session.zone);
    let from = until - TimeDelta::minutes(i64::try_from(pace.sent.len()).unwrap_or(0));
    let shared = if each > 1 { format!("; one column is the mean of {each}") } else { String::new() };
    facts.heading(&format!("Messages a minute, {} to {}{shared}", clock(from), clock(until)));
    let lines = chart::lines(&means, top, CHART_ROWS, model.theme);
    let last = lines.len().saturating_sub(1);
    for (nth, line) in lines.into_iter().enumerate() {
        let label = match nth {
            0 => words::short_count(top),
            nth if nth == last => "0".to_owned(),
            _ => String::new(),
        };
        facts.line(vec![(format!("{label:>AXIS$} "), Role::Dim), (line, Role::Good)]);
    }
}

/// How many of all were taken, arrived and were read, and how many were not.
fn funnel(facts: &mut Facts, theme: Theme, counts: &Counts) {
    let arrived = counts.delivered.saturating_add(counts.read);
    let tried = counts.reached().saturating_add(counts.failed);
    if tried == 0 {
        return;
    }
    facts.heading("How far those are who wait for no more");
    let bars = [
        ("tried", tried, Role::Text),
        ("taken", counts.reached(), Role::Good),
        ("arrived", arrived, Role::Good),
        ("read", counts.read, Role::Good),
        ("failed", counts.failed, Role::Bad),
        ("in doubt", counts.in_doubt, Role::Doubt),
    ];
    for (name, people, role) in bars.into_iter().filter(|(_, people, _)| *people > 0) {
        let figures =
            format!("{name:9} {:>11} {:>3}% ", words::grouped(people), words::percent(people, tried));
        facts.line(vec![(figures, Role::Text), (run(people, tried, 30, theme), role)]);
    }
}

/// The failures by their cause.
fn errors(facts: &mut Facts, theme: Theme, errors: &[ErrorLine]) {
    let Some(largest) = errors.iter().map(|error| error.count).max() else { return };
    facts.heading("Failures by cause");
    for error in errors {
        facts.line(vec![
            (format!("{:>9} ", words::grouped(error.count)), Role::Text),
            (format!("{:12} ", run(error.count, largest, 12, theme)), Role::Bad),
            (format!("{} ", error.code), Role::Bad),
            (error.words.to_string(), Role::Dim),
        ]);
    }
}

/// How far it is before or behind what was foretold. Today is not over: it counts for neither.
fn drift(facts: &mut Facts, view: &ProgressView, today: NaiveDate) {
    let so_far: Vec<&ProgressDay> = view.days.iter().filter(|day| day.date < today).collect();
    let sum = |of: fn(&ProgressDay) -> u64| so_far.iter().map(|day| of(day)).sum::<u64>();
    let (planned, sent) = (sum(|day| day.planned), sum(|day| day.sent));
    if planned == 0 {
        return;
    }
    let (words, role) = match sent.cmp(&planned) {
        std::cmp::Ordering::Less => (format!("{} behind", words::grouped(planned - sent)), Role::Warn),
        std::cmp::Ordering::Equal => ("as foretold".to_owned(), Role::Good),
        std::cmp::Ordering::Greater => (format!("{} ahead", words::grouped(sent - planned)), Role::Good),
    };
    let until = so_far.last().map(|day| day.date.format("%a %m-%d").to_string()).unwrap_or_default();
    let line = format!(
        "{} sent of {} foretold up to {until}: {words}",
        words::grouped(sent),
        words::grouped(planned)
    );
    facts.fact("Plan", &line, role);
}

/// All days in one line each: what was foretold above what was sent. Days that do not fit share a column.
fn pictures(facts: &mut Facts, theme: Theme, days: &[ProgressDay], columns: usize) {
    if days.len() < 3 {
        return;
    }
    let each = days.len().div_ceil(columns.saturating_sub(12).max(1)).max(1);
    let sums = |of: fn(&ProgressDay) -> u64| -> Vec<u64> {
        days.chunks(each).map(|days| days.iter().map(of).sum()).collect()
    };
    let (planned, sent) = (sums(|day| day.planned), sums(|day| day.sent));
    // One scale for both, so that they can be compared by eye.
    let top = planned.iter().chain(&sent).copied().max().unwrap_or(0);
    let with_top = |mut values: Vec<u64>| {
        values.push(top);
        let line = chart::spark(&values, theme);
        let mut letters: Vec<char> = line.chars().collect();
        letters.pop();
        letters.into_iter().collect::<String>()
    };
    facts.gap();
    facts.line(vec![("foretold   ".into(), Role::Dim), (with_top(planned), Role::Dim)]);
    facts.line(vec![("sent       ".into(), Role::Text), (with_top(sent), Role::Good)]);
    if each > 1 {
        facts.line(vec![(format!("           one column is {each} days"), Role::Dim)]);
    }
}

fn days(facts: &mut Facts, theme: Theme, days: &[ProgressDay]) {
    if days.is_empty() {
        facts.gap();
        facts.paragraph("Nothing was foretold and nothing was sent yet.", Role::Dim);
        return;
    }
    facts.gap();
    facts.line(vec![(format!("{:10} {:>11} {:>11}", "DAY", "FORETOLD", "SENT"), Role::Title)]);
    let last = days.iter().rposition(|day| day.sent > 0).unwrap_or(0);
    let from = (last + 1 + LISTED / 2).min(days.len()).saturating_sub(LISTED);
    let shown = &days[from..(from + LISTED).min(days.len())];
    let largest = shown.iter().map(|day| day.planned.max(day.sent)).max().unwrap_or(0);
    for day in shown {
        let figures = format!(
            "{:10} {:>11} {:>11} ",
            day.date.format("%a %m-%d").to_string(),
            words::grouped(day.planned),
            words::grouped(day.sent)
        );
        let role = if day.sent > 0 && day.sent < day.planned { Role::Warn } else { Role::Good };
        facts.line(vec![(figures, Role::Text), (run(day.sent, largest, 20, theme), role)]);
    }
    if shown.len() < days.len() {
        facts.paragraph(&format!("{} days in all", days.len()), Role::Dim);
    }
}

fn skipped(facts: &mut Facts, theme: Theme, view: &ProgressView, reasons: &LocalList<SkipReason>) {
    if reasons.rows().is_empty() {
        facts.paragraph("Everybody who is enrolled is messaged.", Role::Good);
        return;
    }
    let all: u64 = view.skipped.iter().map(|reason| reason.people).sum();
    facts.paragraph(
        &format!("{} are enrolled and get nothing, each for one reason:", words::grouped(all)),
        Role::Text,
    );
    facts.gap();
    facts.line(vec![(format!("  {:>11}  REASON", "PEOPLE"), Role::Title)]);
    let largest = view.skipped.iter().map(|reason| reason.people).max().unwrap_or(0).max(1);
    for (nth, Standing { row: reason, gone }) in reasons.rows().iter().enumerate() {
        let chosen = nth == reasons.cursor();
        let role = if chosen { Role::Selected } else { Role::Text };
        let sign = if chosen { ">" } else { " " };
        // Its people are no longer there, and so it says none.
        let (people, bar) = if *gone {
            ("none now".to_owned(), String::new())
        } else {
            (words::grouped(reason.people), run(reason.people, largest, 12, theme))
        };
        facts.line(vec![
            (format!("{sign} {people:>11}  "), role),
            (format!("{:32} ", reason.words.as_str()), role),
            (bar, Role::Dim),
        ]);
    }
    facts.gap();
    facts.paragraph(
        "Enter lists the people. i takes those of this reason back, whose reason has passed; never who opted out.",
        Role::Dim,
    );
}
