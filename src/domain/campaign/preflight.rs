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

/// The numbers of its pool that are out of service, by what they are called. Where none is left, or none was ever there, it is a
/// risk, unless the organisation's default number goes on.
#[must_use]
pub fn numbers(
    pool: &str,
    members: &[(String, &NumberState)],
    default: Option<&(String, &NumberState)>,
) -> Option<Note> {
    let out: Vec<String> =
        members.iter().filter_map(|(called, state)| out_of_service(called, state)).collect();
    if out.is_empty() && !members.is_empty() {
        return None;
    }
    let reasons = if out.is_empty() { String::new() } else { format!(": {}", out.join("; ")) };
    let (none, one) = match members {
        [] => (format!("pool {pool} has no numbers"), "it has one"),
        _ => (format!("no number of pool {pool} is in service"), "one is"),
    };
    let (severity, sentence) = if out.len() < members.len() {
        (Severity::Remark, format!("not all numbers of pool {pool} are in service"))
    } else if let Some((called, _)) =
        default.filter(|(called, state)| out_of_service(called, state).is_none())
    {
        (Severity::Remark, format!("{none}, and the default number {called} sends alone"))
    } else {
        (Severity::Risk, format!("{none}, and nothing goes out before {one}"))
    };
    Some(Note::of_campaign("numbers".to_owned(), severity, format!("{sentence}{reasons}")))
}

/// Why a number that is called so sends nothing, if it does not.
fn out_of_service(called: &str, state: &NumberState) -> Option<String> {
    match state {
        NumberState::Suspended(Suspension { reason, .. }) => {
            Some(format!("{called} is suspended ({reason})"))
        }
        NumberState::Disabled => Some(format!("{called} is switched off")),
        NumberState::Active | NumberState::Limited { .. } => None,
    }
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
        let all = |states: &[NumberState], default: Option<NumberState>| {
            let members: Vec<_> = states.iter().map(|state| ("a".to_owned(), state)).collect();
            let default = default.as_ref().map(|state| ("d".to_owned(), state));
            numbers("vip", &members, default.as_ref()).map(|note| (note.severity, note.sentence))
        };
        let note = |severity, words: &str| Some((severity, words.to_owned()));
        assert_eq!(all(&[NumberState::Active], None), None);
        assert_eq!(
            all(&[NumberState::Active, NumberState::Disabled], Some(NumberState::Active)),
            note(Severity::Remark, "not all numbers of pool vip are in service: a is switched off")
        );
        assert_eq!(
            all(&[NumberState::Disabled], Some(NumberState::Disabled)),
            note(
                Severity::Risk,
                "no number of pool vip is in service, and nothing goes out before one is: a is switched off"
            )
        );
        assert_eq!(
            all(&[NumberState::Disabled], Some(NumberState::Active)),
            note(
                Severity::Remark,
                "no number of pool vip is in service, and the default number d sends alone: a is switched off"
            )
        );
        assert_eq!(
            all(&[], None),
            note(Severity::Risk, "pool vip has no numbers, and nothing goes out before it has one")
        );
        assert_eq!(
            all(&[], Some(NumberState::Active)),
            note(Severity::Remark, "pool vip has no numbers, and the default number d sends alone")
        );
    }
}
