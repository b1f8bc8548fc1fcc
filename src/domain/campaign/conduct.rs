//! How a campaign behaves beside what it says and to whom: whose slots it uses, when people leave it early, and when it
//! stops itself.

use super::rollout::Rollout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whole, in the unit of [`Share`].
const WHOLE: u16 = 10_000;

/// How a campaign behaves. What the file does not say is not stored: the organisation's rule holds then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conduct {
    /// Whose slots `{{campaign_number}}` shows.
    #[serde(default, skip_serializing_if = "SlotScope::is_usual")]
    pub slots: SlotScope,
    /// When people leave before the last step.
    #[serde(default, skip_serializing_if = "Exit::is_never")]
    pub exit: Exit,
    /// When it stops itself.
    #[serde(default, skip_serializing_if = "StopWhen::is_usual")]
    pub stop_when: StopWhen,
    /// To which part of its people first; none: to all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// Where a slot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotScope {
    /// One for each person, in all campaigns.
    #[default]
    Organisation,
    /// The campaign gives its own.
    Campaign,
}

impl SlotScope {
    /// Whose slots these are, in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Organisation => "the organisation's",
            Self::Campaign => "its own",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde asks")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What ends a sequence for one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// The person writes back.
    #[serde(default)]
    pub on_reply: bool,
    /// An attribute has one of these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Exit {
    /// When people leave, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let reply = self.on_reply.then(|| "who writes back".to_owned());
        let attributes =
            self.attributes.iter().map(|(name, values)| format!("{name} = {}", values.join(" or ")));
        let all: Vec<String> = reply.into_iter().chain(attributes).collect();
        if all.is_empty() { "-".to_owned() } else { all.join(", ") }
    }

    fn is_never(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of a whole, in ten-thousandths: more than none, at most all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

/// What is no share. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no share: write a number above 0 and at most 1, such as 0.3 for 30 of 100; 1 switches it off")]
pub struct ShareError;

impl Share {
    /// Reads `0.3`.
    ///
    /// # Errors
    /// When it is not above 0, above 1, or finer than a ten-thousandth.
    pub fn parse(raw: &str) -> Result<Self, ShareError> {
        let value: f64 = raw.trim().parse().map_err(|_| ShareError)?;
        let scaled = value * f64::from(WHOLE);
        (1..=WHOLE).find(|whole| (scaled - f64::from(*whole)).abs() < 1e-6).map(Self).ok_or(ShareError)
    }

    /// So many of a hundred; at most all of them.
    #[must_use]
    pub fn of_percent(percent: u16) -> Self {
        Self(percent.clamp(1, 100) * (WHOLE / 100))
    }

    /// In ten-thousandths.
    #[must_use]
    pub fn ten_thousandths(self) -> u16 {
        self.0
    }

    /// The least part of so many that is this much of them; `None`: this is all of them, which switches a rule off.
    #[must_use]
    pub fn least_of(self, whole: u32) -> Option<u32> {
        let scaled = u64::from(whole) * u64::from(self.0);
        let least = u32::try_from(scaled.div_ceil(u64::from(WHOLE))).unwrap_or(u32::MAX);
        (self.0 < WHOLE).then_some(least.max(1))
    }

    /// Whether `part` of `whole` is more than this.
    #[must_use]
    pub fn is_passed_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) > u128::from(whole) * u128::from(self.0)
    }
}

impl TryFrom<u16> for Share {
    type Error = ShareError;
    fn try_from(value: u16) -> Result<Self, ShareError> {
        if (1..=WHOLE).contains(&value) { Ok(Self(value)) } else { Err(ShareError) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

/// When a campaign pauses by itself, as far as its file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopWhen {
    /// More of the last hour's messages failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Share>,
    /// More people asked for no more within 24 hours, measured by that day's messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<Share>,
    /// So many of its last messages were refused for one cause in their content. That needs no other messages to judge by:
    /// whoever comes next is refused too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_refused: Option<Share>,
    /// Messages that the other judgements need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

impl StopWhen {
    /// What of it the file says, in words; the organisation's rules hold beside it.
    #[must_use]
    pub fn in_words(&self) -> String {
        let part = |name: &str, share: Option<Share>| share.map(|share| format!("{name} above {share}"));
        let all: Vec<String> = [
            part("failed", self.failed),
            part("opted out", self.opted_out),
            part("content refused", self.content_refused),
            self.after.map(|after| format!("judged after {after} messages")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if all.is_empty() { "by the organisation's rules".to_owned() } else { all.join(", ") }
    }

    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The thresholds that hold for a campaign: its own, where it has them, else the organisation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// See [`StopWhen::failed`].
    pub failed: Share,
    /// See [`StopWhen::opted_out`].
    pub opted_out: Share,
    /// See [`StopWhen::after`].
    pub after: u32,
}

/// What a campaign did lately; nothing before it was started or resumed counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lately {
    /// Messages that a provider took within the hour.
    pub hour_sent: u64,
    /// Messages that failed for good within the hour.
    pub hour_failed: u64,
    /// Messages that a provider took within 24 hours.
    pub day_sent: u64,
    /// People who asked for no more within 24 hours.
    pub day_stops: u64,
}

impl Thresholds {
    /// A campaign's own before those of the organisation.
    #[must_use]
    pub fn of(own: StopWhen, usual: Self) -> Self {
        Self {
            failed: own.failed.unwrap_or(usual.failed),
            opted_out: own.opted_out.unwrap_or(usual.opted_out),
            after: own.after.unwrap_or(usual.after),
        }
    }

    /// Why the campaign has to stop, if so.
    #[must_use]
    pub fn judge(&self, lately: &Lately) -> Option<String> {
        let tried = lately.hour_sent + lately.hour_failed;
        let enough = |count: u64| count >= u64::from(self.after);
        if enough(tried) && self.failed.is_passed_by(lately.hour_failed, tried) {
            return Some(format!(
                "paused by itself: {} of the {tried} messages of the last hour failed, more than {}",
                lately.hour_failed,
                percent(self.failed)
            ));
        }
        if enough(lately.day_sent) && self.opted_out.is_passed_by(lately.day_stops, lately.day_sent) {
            return Some(format!(
                "paused by itself: {} people asked for no more after {} messages within 24 hours, more than {}",
                lately.day_stops,
                lately.day_sent,
                percent(self.opted_out)
            ));
        }
        None
    }
}

fn percent(share: Share) -> String {
    share.to_string()
}

impl std::fmt::Display for Share {
    /// `30 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(raw: &str) -> Share {
        Share::parse(raw).unwrap_or_else(|error| panic!("{raw} {error}"))
    }

    #[test]
    fn shares_are_read_and_refused() {
        for (raw, expected) in
            [("0.3", 3_000), ("1", 10_000), ("1.0", 10_000), ("0.0001", 1), (" 0.05 ", 500)]
        {
            assert_eq!(share(raw).ten_thousandths(), expected, "{raw}");
        }
        for wrong in ["0", "-0.1", "1.1", "30", "", "x", "nan", "inf", "0.00001"] {
            assert_eq!(Share::parse(wrong), Err(ShareError), "{wrong}");
        }
    }

    #[test]
    fn a_share_of_fifty_is_a_count_and_all_of_them_is_never() {
        for (raw, least) in
            [("0.2", Some(10)), ("0.02", Some(1)), ("0.0001", Some(1)), ("0.21", Some(11)), ("1", None)]
        {
            assert_eq!(share(raw).least_of(50), least, "{raw}");
        }
    }

    #[test]
    fn a_campaign_stops_only_above_its_threshold_and_with_enough_messages() {
        let usual = Thresholds { failed: share("0.3"), opted_out: share("0.05"), after: 50 };
        let failing = |sent, failed| Lately { hour_sent: sent, hour_failed: failed, ..Lately::default() };
        let leaving = |sent, stops| Lately { day_sent: sent, day_stops: stops, ..Lately::default() };
        let own = StopWhen { failed: Some(share("1")), after: Some(10), ..StopWhen::default() };
        for (name, thresholds, lately, stops) in [
            ("nothing yet", usual, Lately::default(), None),
            ("too few", usual, failing(0, 49), None),
            ("exactly three of ten", usual, failing(70, 30), None),
            (
                "more",
                usual,
                failing(69, 31),
                Some("31 of the 100 messages of the last hour failed, more than 30 %"),
            ),
            ("all of them", usual, failing(0, 50), Some("50 of the 50 messages")),
            ("switched off", Thresholds::of(own, usual), failing(0, 1_000), None),
            ("just five of a hundred", usual, leaving(100, 5), None),
            (
                "six",
                usual,
                leaving(100, 6),
                Some("6 people asked for no more after 100 messages within 24 hours"),
            ),
            ("six of few", usual, leaving(49, 6), None),
            ("its own count", Thresholds::of(own, usual), leaving(10, 1), Some("more than 5 %")),
        ] {
            let said = thresholds.judge(&lately);
            match stops {
                None => assert_eq!(said, None, "{name}"),
                Some(words) => {
                    assert!(said.as_deref().unwrap_or_default().contains(words), "{name}: {said:?}");
                }
            }
        }
    }

    #[test]
    fn only_what_was_said_is_stored() -> Result<(), serde_json::Error> {
        assert_eq!(serde_json::to_value(Conduct::default())?, serde_json::json!({}));
        let conduct = Conduct {
            slots: SlotScope::Campaign,
            exit: Exit { on_reply: true, attributes: BTreeMap::from([("paid".into(), vec!["yes".into()])]) },
            stop_when: StopWhen { failed: Some(share("0.3")), ..StopWhen::default() },
            rollout: None,
        };
        let stored = serde_json::json!({
            "slots": "campaign", "exit": {"on_reply": true, "attributes": {"paid": ["yes"]}},
            "stop_when": {"failed": 3_000},
        });
        assert_eq!(serde_json::to_value(&conduct)?, stored);
        assert_eq!(serde_json::from_value::<Conduct>(stored)?, conduct);
        Ok(())
    }
}
