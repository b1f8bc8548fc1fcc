//! What may go wrong with a campaign as a whole, whatever its steps say: found before it begins, to be fixed or accepted.

mod media;

pub use media::{Sight, media};

use super::CampaignSpec;
use super::remark::{Note, Severity};
use crate::domain::number::{NumberState, Suspension};
use crate::domain::suggest::nearest;
use crate::domain::window::{Calendar, FARTHEST, all_open};
use chrono::{DateTime, Utc};

/// Attributes by which people leave it, and which nobody has: a slip of the pen, or nobody has paid yet. `known`: those that
/// there are.
#[must_use]
pub fn exits(spec: &CampaignSpec, known: &[&str]) -> Vec<Note> {
    let strange = spec.conduct.exit.attributes.keys().filter(|name| !known.contains(&name.as_str()));
    strange
        .map(|name| {
            let hint = nearest(name, known.iter().copied())
                .map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            let sentence = format!(
                "exit.attributes.{name}: no contact has an attribute {name:?}: until somebody has it nobody leaves by it{hint}"
            );
            Note::of_campaign(format!("exit-{}", word(name)), Severity::Risk, sentence)
        })
        .collect()
}

/// Its hours and the organisation's, if they leave no time: nothing would ever be sent, or not before clocks change.
#[must_use]
pub fn hours(calendar: &Calendar, now: DateTime<Utc>) -> Option<Note> {
    let (window, general) = (calendar.window?, calendar.organization?);
    let opens = all_open(&calendar.hours(calendar.zone), now);
    if opens.is_some_and(|opens| opens < now + FARTHEST) {
        return None;
    }
    let (never, before, sent) = match opens.map(|opens| opens.with_timezone(&calendar.zone)) {
        Some(opens) => (
            "not",
            format!(" before {}, when clocks have changed", opens.format("%Y-%m-%d")),
            "sent until then",
        ),
        None => ("never", String::new(), "ever sent"),
    };
    let whom = if calendar.by_recipient() {
        format!("whoever lives by the clock of {} gets nothing", calendar.zone)
    } else {
        format!("nothing is {sent}")
    };
    let sentence = format!(
        "window {window} and the organisation's hours ({general} {}) are {never} open together{before}: {whom}; give it other hours",
        calendar.zone
    );
    Some(Note::of_campaign("hours".to_owned(), Severity::Risk, sentence))
}

/// The numbers of its pool that are out of service: a risk if all are. A pool without numbers has nothing to judge by.
#[must_use]
pub fn numbers(pool: &str, members: &[(String, &NumberState)]) -> Option<Note> {
    let out: Vec<String> = members
        .iter()
        .filter_map(|(called, state)| match state {
            NumberState::Suspended(Suspension { reason, .. }) => {
                Some(format!("{called} is suspended ({reason})"))
            }
            NumberState::Disabled => Some(format!("{called} is switched off")),
            NumberState::Active | NumberState::Limited { .. } => None,
        })
        .collect();
    if out.is_empty() {
        return None;
    }
    let (severity, words) = if out.len() == members.len() {
        (Severity::Risk, "no number of pool {} is in service, and nothing goes out before one is")
    } else {
        (Severity::Remark, "not all numbers of pool {} are in service")
    };
    let sentence = format!("{}: {}", words.replace("{}", pool), out.join("; "));
    Some(Note::of_campaign("numbers".to_owned(), severity, sentence))
}

/// That it would outlive the subscription: it may not begin like this, or ends half-way.
#[must_use]
pub fn subscription(sentence: String) -> Note {
    Note::of_campaign("subscription".to_owned(), Severity::Risk, sentence)
}

/// A name as a finding is known by: one word.
fn word(name: &str) -> String {
    let plain = |each: char| if each.is_alphanumeric() || each == '_' { each } else { '-' };
    name.chars().take(40).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::{CampaignFile, Context};
    use crate::domain::window::{Hours, Window, minute};
    use chrono_tz::Tz;

    fn spec(lines: &str) -> CampaignSpec {
        let text = format!("name = \"a\"\n{lines}\n[[steps]]\ntext = {{ en = \"Hi\" }}\n");
        let context = Context { attributes: Some(&["city"]), ..Context::in_zone(Tz::Africa__Douala) };
        CampaignFile::parse(&text, "c.toml", &context).unwrap_or_else(|all| panic!("{all:#?}"))
    }

    #[test]
    fn an_exit_that_nobody_can_take_yet_is_noted_and_not_refused() {
        let spec = spec("exit = { attributes = { paid = [\"yes\"], \"cti y\" = [\"x\"] } }");
        let notes = exits(&spec, &["city", "tier"]);
        let found: Vec<&str> = notes.iter().map(|note| note.finding.as_str()).collect();
        assert_eq!(found, ["exit-cti-y", "exit-paid"]);
        assert!(notes[0].sentence.ends_with("did you mean city?"), "{notes:?}");
        assert!(notes.iter().all(|note| note.is_open() && note.step == 0));
        assert_eq!(exits(&spec, &["paid", "cti y"]), []);
    }

    #[test]
    fn hours_that_leave_no_time_are_noted() {
        let time = |raw| minute(raw).unwrap_or_else(|error| panic!("{error}"));
        let open =
            Hours::new(time("05:00"), time("02:00"), 0b111_1111).unwrap_or_else(|error| panic!("{error}"));
        let now = "2026-11-22T12:00:00Z".parse().unwrap_or_default();
        let found = |window: &str, organization| {
            let window = window.parse().unwrap_or_else(|error| panic!("{error}"));
            let zone = Tz::Africa__Douala;
            hours(&Calendar { organization, zone, window: Some(window), zones: Vec::new() }, now)
        };
        let note = found("03:00-04:00 sun", Some(open)).map(|note| note.sentence).unwrap_or_default();
        assert!(note.contains("never open together: nothing is ever sent"), "{note}");
        let note =
            found("03:00-04:00 sun recipient", Some(open)).map(|note| note.sentence).unwrap_or_default();
        assert!(note.contains("whoever lives by the clock of Africa/Douala"), "{note}");
        for (window, organization) in [
            ("03:00-04:00 sun", None),
            ("03:00-06:00 sun", Some(open)),
            ("03:00-04:00 sun Asia/Tokyo", Some(open)),
            // On Thursday of the week after this.
            ("00:00-01:00 thu", Some(open)),
        ] {
            assert_eq!(found(window, organization), None, "{window}");
        }
    }

    #[test]
    fn hours_that_leave_no_time_before_clocks_change_are_noted() {
        let night = |text: &str| text.parse::<Window>().unwrap_or_else(|error| panic!("{error}"));
        let calendar = Calendar {
            organization: Some(night("00:00-06:00").hours),
            zone: Tz::Australia__Lord_Howe,
            window: Some(night("00:00-06:00 America/Los_Angeles")),
            zones: Vec::new(),
        };
        let now = "2026-04-10T00:00:00Z".parse().unwrap_or_default();
        let note = hours(&calendar, now).map(|note| note.sentence).unwrap_or_default();
        assert!(note.contains("are not open together before 2026-11-02, when clocks have changed"), "{note}");
    }

    #[test]
    fn numbers_out_of_service_are_noted_and_a_risk_if_none_is_left() {
        let all = |states: &[NumberState]| {
            let members: Vec<_> = states.iter().map(|state| ("a".to_owned(), state)).collect();
            numbers("vip", &members).map(|note| (note.severity, note.sentence))
        };
        assert_eq!(all(&[]), None);
        assert_eq!(all(&[NumberState::Active]), None);
        let one = all(&[NumberState::Active, NumberState::Disabled]);
        let words = "not all numbers of pool vip are in service: a is switched off";
        assert_eq!(one, Some((Severity::Remark, words.to_owned())));
        assert_eq!(all(&[NumberState::Disabled]).map(|(severity, _)| severity), Some(Severity::Risk));
    }
}
