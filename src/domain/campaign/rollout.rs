//! Gradual rollout: a campaign is sent to a part of its people first, and to more once that went well.

use super::conduct::Share;
use super::spec::Delay;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Most stages of a rollout.
pub const STAGES_LIMIT: usize = 10;
/// Messages that a stage is judged by where the file does not say: as many as a campaign that stops itself needs.
const USUAL_AFTER: u32 = 50;

/// How a campaign is rolled out: to which part of its people, stage by stage, and when the next stage opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Percent of its people, in the order of their enrolment; ascending, the last is 100.
    pub stages: Vec<u32>,
    /// Messages of a stage that have to have an outcome; a smaller stage needs all of its own.
    #[serde(default = "Rollout::usual_after")]
    pub after: u32,
    /// No more of them failed than this.
    #[serde(default = "Rollout::usual_failed")]
    pub failed: Share,
    /// No more of their people asked for no more than this.
    #[serde(default = "Rollout::usual_opted_out")]
    pub opted_out: Share,
    /// So long a stage lasts at least.
    #[serde(default = "Rollout::usual_wait")]
    pub wait: Delay,
}

/// What is no list of stages. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no list of stages: write 2 to 10 whole percentages that ascend to 100, such as rollout = [1, 10, 100]"
)]
pub struct StagesError;

impl Rollout {
    /// A rollout in these stages, under the usual conditions.
    ///
    /// # Errors
    /// When they are no stages.
    pub fn in_stages(stages: Vec<u32>) -> Result<Self, StagesError> {
        let ascending = stages.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = stages.first().is_some_and(|first| *first >= 1) && stages.last() == Some(&100);
        if !ascending || !whole || !(2..=STAGES_LIMIT).contains(&stages.len()) {
            return Err(StagesError);
        }
        Ok(Self {
            stages,
            after: Self::usual_after(),
            failed: Self::usual_failed(),
            opted_out: Self::usual_opted_out(),
            wait: Self::usual_wait(),
        })
    }

    /// How many of so many people a stage of so many percent allows, rounded up: the rule of the database too
    /// (`rollout_target`, migration 0132).
    #[must_use]
    pub fn target(people: u64, percent: u32) -> u64 {
        (people * u64::from(percent)).div_ceil(100)
    }

    fn usual_after() -> u32 {
        USUAL_AFTER
    }

    fn usual_failed() -> Share {
        Share::of_percent(10)
    }

    fn usual_opted_out() -> Share {
        Share::of_percent(2)
    }

    fn usual_wait() -> Delay {
        Delay::hours(1)
    }

    /// What becomes of a stage.
    #[must_use]
    pub fn judge(&self, seen: &Seen, now: DateTime<Utc>) -> Verdict {
        let tried = seen.sent + seen.failed;
        let needed = u64::from(self.after).min(seen.people);
        let is_enough = tried >= needed.max(1) || seen.is_done || seen.people == 0;
        // What speaks against it counts as soon as there is as much as the judgement needs.
        if is_enough && self.failed.is_passed_by(seen.failed, tried) {
            return Verdict::Held(format!("{} of {tried} failed, more than {}", seen.failed, self.failed));
        }
        if is_enough && self.opted_out.is_passed_by(seen.stops, seen.sent) {
            return Verdict::Held(format!(
                "{} of {} people asked for no more, more than {}",
                seen.stops, seen.sent, self.opted_out
            ));
        }
        if !is_enough {
            return Verdict::Waits {
                why: format!("{tried} of {needed} messages have an outcome"),
                until: None,
            };
        }
        // Of few people, one percentage is as many as the one before it: nothing is learned by waiting.
        if seen.people == 0 {
            return Verdict::Widen("it lets nobody go".to_owned());
        }
        let until = seen.since + TimeDelta::seconds(i64::from(self.wait.seconds()));
        if until > now {
            return Verdict::Waits { why: format!("{tried} messages went well"), until: Some(until) };
        }
        Verdict::Widen(format!("{tried} messages went well, {} of them failed", seen.failed))
    }
}

/// Whether this due time says that the rollout has not come to somebody yet: the end of time (`not_let_go`, migration 0132).
#[must_use]
pub fn is_kept_back(due: DateTime<Utc>) -> bool {
    due.year() >= 9_999
}

/// What was seen of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Since when it is open.
    pub since: DateTime<Utc>,
    /// Its people.
    pub people: u64,
    /// Nobody who was let go waits or is on the wire.
    pub is_done: bool,
    /// Its messages that a provider took.
    pub sent: u64,
    /// Its messages that failed for good.
    pub failed: u64,
    /// People who asked for no more since it opened.
    pub stops: u64,
}

/// What becomes of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The next one opens, because of this.
    Widen(String),
    /// Not yet.
    Waits {
        /// What is missing.
        why: String,
        /// Until when, if only time is.
        until: Option<DateTime<Utc>>,
    },
    /// Not by itself: this speaks against it.
    Held(String),
}

/// How far a rollout is, as whoever asks why a campaign waits needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Percent of its people that it may send to.
    pub percent: u32,
    /// What was said of the stage last.
    pub why: String,
    /// When the next one opens, if only time is missing.
    pub until: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Rollout {
        Rollout::in_stages(vec![1, 10, 100]).unwrap()
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + minutes * 60, 0).unwrap()
    }

    fn seen(sent: u64, failed: u64, stops: u64) -> Seen {
        Seen { since: at(0), people: 100, is_done: false, sent, failed, stops }
    }

    #[test]
    fn stages_ascend_to_all() {
        for stages in [vec![1, 10, 100], vec![25, 50, 100], vec![50, 100]] {
            assert!(Rollout::in_stages(stages).is_ok());
        }
        for stages in
            [vec![], vec![100], vec![0, 100], vec![1, 10], vec![10, 10, 100], vec![50, 20, 100], vec![1, 101]]
        {
            assert_eq!(Rollout::in_stages(stages.clone()), Err(StagesError), "{stages:?}");
        }
    }

    #[test]
    fn a_stage_of_nobody_holds_nobody_up_unless_much_failed() {
        let nobody = |sent, failed| Seen { people: 0, ..seen(sent, failed, 0) };
        assert_eq!(rollout().judge(&nobody(0, 0), at(0)), Verdict::Widen("it lets nobody go".into()));
        assert_eq!(rollout().judge(&nobody(3, 0), at(0)), Verdict::Widen("it lets nobody go".into()));
        let held = Verdict::Held("2 of 5 failed, more than 10 %".into());
        assert_eq!(rollout().judge(&nobody(3, 2), at(0)), held, "what came late of the stage before");
    }

    #[test]
    fn a_stage_opens_the_next_when_enough_went_well_for_long_enough() {
        let waits = |why: &str, until| Verdict::Waits { why: why.into(), until };
        let table = [
            ("nothing yet", seen(0, 0, 0), 90, waits("0 of 50 messages have an outcome", None)),
            ("too few", seen(40, 9, 0), 90, waits("49 of 50 messages have an outcome", None)),
            ("too early", seen(50, 0, 0), 59, waits("50 messages went well", Some(at(60)))),
            ("well", seen(48, 2, 0), 60, Verdict::Widen("50 messages went well, 2 of them failed".into())),
            (
                "just ten of a hundred",
                seen(90, 10, 0),
                60,
                Verdict::Widen("100 messages went well, 10 of them failed".into()),
            ),
            ("more", seen(89, 11, 0), 600, Verdict::Held("11 of 100 failed, more than 10 %".into())),
            (
                "people leave",
                seen(100, 0, 3),
                600,
                Verdict::Held("3 of 100 people asked for no more, more than 2 %".into()),
            ),
            (
                "few leave",
                seen(100, 0, 2),
                600,
                Verdict::Widen("100 messages went well, 0 of them failed".into()),
            ),
        ];
        for (name, seen, minutes, expected) in table {
            assert_eq!(rollout().judge(&seen, at(minutes)), expected, "{name}");
        }
    }

    #[test]
    fn a_small_stage_needs_all_of_its_own_and_an_empty_one_nothing() {
        let small = Seen { people: 3, ..seen(2, 0, 0) };
        assert!(matches!(rollout().judge(&small, at(90)), Verdict::Waits { until: None, .. }));
        assert!(matches!(
            rollout().judge(&Seen { sent: 3, is_done: true, ..small }, at(90)),
            Verdict::Widen(_)
        ));
        // Whoever was in it left in the meantime.
        let nobody = Seen { people: 3, is_done: true, ..seen(0, 0, 0) };
        assert!(matches!(rollout().judge(&nobody, at(90)), Verdict::Widen(_)));
    }
}
