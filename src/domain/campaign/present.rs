//! The file of a campaign as the campaign is now. Its terms may have been changed since it was made, and its steps; what is
//! read of a file for a copy, for a form or for a judgement says what holds.

use super::spec::{CampaignSpec, Delay, Failover};
use super::terms::Missed;
use super::{CampaignFile, Context, draft::weave};
use crate::domain::day::resolve;
use crate::domain::window::{self, Window};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use toml::{Table, Value};

/// What operators may change of a campaign while it lives, and a file can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Lower goes first.
    pub priority: i32,
    /// Its share among equals.
    pub weight: i32,
    /// The pool's name.
    pub pool: String,
    /// Most messages a day.
    pub daily_limit: Option<i32>,
    /// When it starts by itself.
    pub starts_at: Option<DateTime<Utc>>,
    /// The campaign before it, by name.
    pub run_after: Option<String>,
    /// What becomes of a missed start.
    pub missed: Missed,
    /// The hours in which it sends.
    pub window: Option<Window>,
    /// Seconds after it was due when it is too late for a message.
    pub expires_after: Option<i64>,
    /// From then on it is too late for all of them.
    pub until: Option<DateTime<Utc>>,
    /// What happens to a message whose number is refused.
    pub failover: Failover,
}

/// The keys of a file that are laid over it here.
const TERMS: [&str; 11] = [
    "priority",
    "weight",
    "pool",
    "daily_limit",
    "starts_at",
    "run_after",
    "missed",
    "window",
    "expires_after",
    "until",
    "failover",
];
/// What an edit of steps takes out of its file.
const OF_STEPS: [&str; 2] = ["steps", "opt_out_line"];

/// The file, changed where it says other terms than these; everything else stays as it is written, comments too. What is no
/// campaign file stays as it is.
#[must_use]
pub fn file_of(source: &str, now: &Present, zone: Tz) -> String {
    let Ok(mut table) = source.parse::<Table>() else { return source.to_owned() };
    if !table.contains_key("name") {
        return source.to_owned();
    }
    let said = said(&table, zone);
    let mut window = None;
    for key in TERMS {
        if said.as_ref().is_some_and(|said| says(said, key, now)) {
            continue;
        }
        match value(key, now, zone) {
            // Unreadable on this clock, which shows it twice or not at all: what stands there is as good as anything.
            Written::Unreadable => {}
            Written::Absent => {
                table.remove(key);
            }
            Written::Value(value) => {
                table.insert(key.to_owned(), value);
            }
            Written::Line(line) => {
                table.remove(key);
                window = Some(line);
            }
        }
    }
    let Ok(rest) = toml::to_string(&table) else { return source.to_owned() };
    weave(source, &(window.unwrap_or_default() + &rest))
}

/// The new file's steps, and everything else as the file before it says it. The new file's writing stays where it may.
#[must_use]
pub fn with_steps_of(before: &str, new: &str) -> String {
    let (Ok(mut kept), Ok(mut edited)) = (before.parse::<Table>(), new.parse::<Table>()) else {
        return new.to_owned();
    };
    if !kept.contains_key("name") {
        return new.to_owned();
    }
    for key in OF_STEPS {
        match edited.remove(key) {
            Some(value) => kept.insert(key.to_owned(), value),
            None => kept.remove(key),
        };
    }
    toml::to_string(&kept).map_or_else(|_| new.to_owned(), |said| weave(new, &said))
}

/// What the file says of its terms, whatever else it says.
fn said(table: &Table, zone: Tz) -> Option<CampaignSpec> {
    let terms = table.iter().filter(|(key, _)| *key == "name" || TERMS.contains(&key.as_str()));
    let mut only: Table = terms.map(|(key, value)| (key.clone(), value.clone())).collect();
    let hello = Table::from_iter([("en".to_owned(), Value::from("Hello"))]);
    let step = Table::from_iter([("text".to_owned(), Value::Table(hello))]);
    only.insert("steps".to_owned(), Value::Array(vec![Value::Table(step)]));
    CampaignFile::parse(&toml::to_string(&only).ok()?, "", &Context::in_zone(zone)).ok()
}

fn says(said: &CampaignSpec, key: &str, now: &Present) -> bool {
    let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
    match key {
        "priority" => said.priority.get() == now.priority,
        "weight" => i64::from(said.weight) == i64::from(now.weight),
        "pool" => said.pool == now.pool,
        "daily_limit" => said.daily_limit.map(i64::from) == now.daily_limit.map(i64::from),
        "starts_at" => seconds(said.starts_at) == seconds(now.starts_at),
        "run_after" => {
            said.run_after.as_ref().map(super::spec::CampaignName::as_str) == now.run_after.as_deref()
        }
        "missed" => said.missed == now.missed,
        "window" => said.window == now.window,
        "expires_after" => said.expires_after.map(|delay| i64::from(delay.seconds())) == now.expires_after,
        "until" => seconds(said.until) == seconds(now.until),
        _ => said.failover == now.failover,
    }
}

/// How a term is written.
enum Written {
    Absent,
    Unreadable,
    Value(Value),
    /// On a line of its own.
    Line(String),
}

impl Written {
    fn of(value: Option<impl Into<Value>>) -> Self {
        value.map_or(Self::Absent, |value| Self::Value(value.into()))
    }
}

fn value(key: &str, now: &Present, zone: Tz) -> Written {
    match key {
        "priority" => Written::of(Some(i64::from(now.priority))),
        "weight" => Written::of(Some(i64::from(now.weight))),
        "pool" => Written::of(Some(now.pool.as_str())),
        "daily_limit" => Written::of(now.daily_limit.map(i64::from)),
        "starts_at" => local(now.starts_at, zone),
        "run_after" => Written::of(now.run_after.as_deref()),
        "missed" => Written::of(Some(now.missed.name())),
        "window" => now.window.map_or(Written::Absent, |window| Written::Line(line(window))),
        "expires_after" => {
            let delay = now.expires_after.and_then(|seconds| Delay::parse(&format!("{seconds}s")).ok());
            Written::of(delay.map(String::from))
        }
        "until" => local(now.until, zone),
        _ => Written::of(Some(now.failover.name())),
    }
}

/// A time on the organisation's clock.
fn local(at: Option<DateTime<Utc>>, zone: Tz) -> Written {
    let Some(at) = at else { return Written::Absent };
    let shown = at.with_timezone(&zone).naive_local();
    let Ok(read) = resolve(shown, zone) else { return Written::Unreadable };
    let form = if read.timestamp() % 60 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    Written::Value(Value::from(shown.format(form).to_string()))
}

fn line(window: Window) -> String {
    let (from, to) = (window::clock(window.hours.from()), window::clock(window.hours.to()));
    let days = window::names_of(window.hours.days());
    let days = if window.hours.days() == window::EVERY_DAY {
        String::new()
    } else {
        format!(", days = [\"{}\"]", days.join("\", \""))
    };
    format!("window = {{ from = \"{from}\", to = \"{to}\"{days}, zone = \"{}\" }}\n", window.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# For the clinic.
name = \"summer\"
priority = 20 # as agreed
expires_after = \"48h\"
starts_at = 2026-12-01T09:00:00 # the first

[audience]
# Only who came back.
tags = [\"vip\"]

# The greeting.
[[steps]]
";

    fn as_said() -> Present {
        Present {
            priority: 20,
            weight: 1,
            pool: "default".to_owned(),
            daily_limit: None,
            starts_at: "2026-12-01T08:00:00.4Z".parse().ok(),
            run_after: None,
            missed: Missed::Send,
            window: None,
            expires_after: Some(172_800),
            until: None,
            failover: Failover::Pool,
        }
    }

    #[test]
    fn a_file_that_says_what_holds_stays_to_the_letter() {
        assert_eq!(file_of(FILE, &as_said(), Tz::Africa__Douala), FILE);
        assert_eq!(file_of("", &as_said(), Tz::Africa__Douala), "");
        assert_eq!(file_of("name = ", &as_said(), Tz::Africa__Douala), "name = ");
    }

    #[test]
    fn what_was_changed_since_is_laid_over_it_and_comments_stay() {
        let now = Present {
            priority: 5,
            weight: 4,
            pool: "north".to_owned(),
            daily_limit: Some(7),
            starts_at: None,
            run_after: Some("spring".to_owned()),
            missed: Missed::Ask,
            window: "09:00-20:00 mon-sat Africa/Lagos".parse().ok(),
            expires_after: None,
            until: "2027-01-01T08:00:01Z".parse().ok(),
            failover: Failover::Label,
        };
        let file = file_of(FILE, &now, Tz::Africa__Douala);
        for line in [
            "# For the clinic.",
            "priority = 5 # as agreed",
            "weight = 4",
            "pool = \"north\"",
            "daily_limit = 7",
            "run_after = \"spring\"",
            "missed = \"ask\"",
            "until = \"2027-01-01T09:00:01\"",
            "failover = \"label\"",
            "# Only who came back.",
            "# The greeting.",
            "window = { from = \"09:00\", to = \"20:00\", days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\"], zone = \"Africa/Lagos\" }",
        ] {
            assert!(file.lines().any(|known| known == line), "{line}: {file}");
        }
        assert!(!file.contains("starts_at") && !file.contains("expires_after"), "{file}");
        let table: Table = file.parse().unwrap_or_else(|error| panic!("{error}\n{file}"));
        assert!(
            said(&table, Tz::Africa__Douala)
                .is_some_and(|said| TERMS.iter().all(|key| says(&said, key, &now)))
        );
        // And back again.
        assert_eq!(
            file_of(&file, &as_said(), Tz::Africa__Douala)
                .parse::<Table>()
                .map(|table| table["priority"].as_integer()),
            Ok(Some(20))
        );
    }

    #[test]
    fn an_edit_of_steps_leaves_everything_else_as_it_was() {
        let new = "# Better.\nname = \"summer\"\npriority = 99\nopt_out_line = false\n[audience]\nlimit = 5\n[[steps]]\ntext = { en = \"New\" } # short\n";
        let file = with_steps_of(FILE, new);
        assert!(file.contains("# Better.") && file.contains("# short"), "{file}");
        let (table, old): (Table, Table) =
            (file.parse().unwrap_or_default(), FILE.parse().unwrap_or_default());
        assert_eq!(table["steps"][0]["text"]["en"].as_str(), Some("New"), "{file}");
        assert_eq!((&table["priority"], &table["audience"]), (&old["priority"], &old["audience"]), "{file}");
        assert_eq!(table["opt_out_line"].as_bool(), Some(false));
        assert_eq!(with_steps_of("", new), new);
    }
}
