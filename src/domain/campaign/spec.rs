//! What a campaign file says, checked: every value within its limits.

use super::conduct::Conduct;
use super::terms::Missed;
use crate::domain::audience::Audience;
use crate::domain::content::StepContent;
use crate::domain::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// Longest name of a campaign or a pool, in characters.
pub const NAME_LIMIT: usize = 64;
/// Most steps of one campaign.
pub const STEPS_LIMIT: usize = 100;

/// A campaign, ready to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignSpec {
    /// Its name, unique in the organisation.
    pub name: CampaignName,
    /// Lower goes first; equal ones share.
    pub priority: Priority,
    /// Its share among campaigns of the same priority.
    #[serde(default, skip_serializing_if = "Weight::is_usual")]
    pub weight: Weight,
    /// The pool that it sends through, by name.
    pub pool: String,
    /// Most messages in one day of the organisation's zone; only tightens.
    pub daily_limit: Option<DailyLimit>,
    /// When it starts; `None`: by hand.
    pub starts_at: Option<DateTime<Utc>>,
    /// The campaign that has to be completed before it starts, by name.
    pub run_after: Option<CampaignName>,
    /// What becomes of a start that no sender was there for.
    pub missed: Missed,
    /// The hours in which it sends; `None`: at any time that the organisation allows.
    pub window: Option<Window>,
    /// How long after it was due a message may still go.
    pub expires_after: Option<Delay>,
    /// From then on it is too late for all of its messages.
    pub until: Option<DateTime<Utc>>,
    /// What happens when its number cannot send.
    pub failover: Failover,
    /// Who gets it.
    pub audience: Audience,
    /// Set for a standing campaign: it enrols by itself, and yields while others run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// How it behaves.
    pub conduct: Conduct,
    /// What they get, in order; at least one.
    pub steps: Vec<StepSpec>,
}

/// How a standing campaign enrols: whoever is in its audience, registered long enough ago and is not enrolled yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Only people who registered at least so long ago; where that is not known, who became a contact so long ago.
    pub after: Delay,
    /// How often it looks; at least a minute. It looks when it starts, too.
    pub every: Delay,
}

impl Standing {
    /// It does not look more often, in seconds.
    pub const LEAST: u32 = 60;
}

impl Default for Standing {
    /// An hour each.
    fn default() -> Self {
        Self { after: Delay(3_600), every: Delay(3_600) }
    }
}

/// One message of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Since enrolment for the first step, since the previous one for the others.
    pub after: Delay,
    /// What it says: at least a text, a template or media.
    pub content: StepContent,
}

/// What happens to a message whose number is definitely refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failover {
    /// It waits for its number.
    Never,
    /// It moves to a number of the pool that has the same label.
    Label,
    /// It moves to the next number of the pool.
    #[default]
    Pool,
}

impl Failover {
    /// The name that the file and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Label => "label",
            Self::Pool => "pool",
        }
    }
}

impl FromStr for Failover {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Never, Self::Label, Self::Pool];
        let found = all.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| "a failover policy is never, label or pool".to_owned())
    }
}

/// A campaign's name: it is typed on the command line and shown everywhere, so it has 1 to 64 ASCII letters, digits, `-`,
/// `_` and `.`, and begins with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CampaignName(Box<str>);

/// Why a text is no campaign name. Reads well after "name …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("is empty: give the campaign a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\"")]
    Empty,
    /// Too long.
    #[error("has {0} characters: a name has at most 64")]
    Long(usize),
    /// A character that is hard to type or to tell from another.
    #[error("holds {0:?}: use only the letters a to z, digits, \"-\", \"_\" and \".\"")]
    Character(char),
    /// On the command line it would read as an option or a hidden file.
    #[error("begins with {0:?}: begin it with a letter or a digit")]
    Begins(char),
}

impl CampaignName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it cannot be one; the error says why.
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        let first = raw.chars().next().ok_or(NameError::Empty)?;
        let usual =
            |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        if let Some(other) = raw.chars().find(|character| !usual(character)) {
            return Err(NameError::Character(other));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::Begins(first));
        }
        if raw.len() > NAME_LIMIT {
            return Err(NameError::Long(raw.len()));
        }
        Ok(Self(raw.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CampaignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for CampaignName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for CampaignName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(|error| serde::de::Error::custom(format_args!("name {error}")))
    }
}

/// Who goes first: 0 to 9,999, lower goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Priority(u16);

impl Priority {
    /// The last in line.
    pub const LAST: i64 = 9_999;

    /// The value.
    #[must_use]
    pub fn get(self) -> i32 {
        i32::from(self.0)
    }
}

impl Default for Priority {
    /// In the middle of what people use, so that both sides have room.
    fn default() -> Self {
        Self(100)
    }
}

/// A number outside its limits. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A priority.
    #[error("is {0}: a priority is a number from 0 to 9999, lower goes first")]
    Priority(i64),
    /// A weight.
    #[error(
        "is {0}: a weight is a number from 1 to 1000, and a campaign of weight 2 gets twice as much as one of 1"
    )]
    Weight(i64),
    /// A limit of nothing.
    #[error(
        "is 0, and nothing would ever be sent: write at least 1, leave the line out for no limit, or pause the campaign"
    )]
    Nothing,
    /// A limit that is none.
    #[error("is {0}: a daily limit is a number from 1 to 2147483647; leave the line out for no limit")]
    DailyLimit(i64),
}

impl TryFrom<i64> for Priority {
    type Error = RangeError;
    fn try_from(value: i64) -> Result<Self, Self::Error> {
        u16::try_from(value).ok().filter(|_| value <= Self::LAST).map(Self).ok_or(RangeError::Priority(value))
    }
}

impl From<Priority> for i64 {
    fn from(priority: Priority) -> Self {
        i64::from(priority.0)
    }
}

/// A campaign's share among those of the same priority, 1 to 1000: one of weight 2 gets twice as much as one of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Weight(u16);

impl Weight {
    const LARGEST: u16 = 1_000;

    /// The value.
    #[must_use]
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde asks")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<i64> for Weight {
    type Error = RangeError;
    fn try_from(value: i64) -> Result<Self, Self::Error> {
        let weight = u16::try_from(value).ok().filter(|weight| (1..=Self::LARGEST).contains(weight));
        weight.map(Self).ok_or(RangeError::Weight(value))
    }
}

impl From<Weight> for i64 {
    fn from(weight: Weight) -> Self {
        i64::from(weight.0)
    }
}

/// Most messages in one day, 1 to 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct DailyLimit(u32);

impl DailyLimit {
    /// The value.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for DailyLimit {
    type Error = RangeError;
    fn try_from(value: i64) -> Result<Self, Self::Error> {
        match u32::try_from(value) {
            Ok(0) => Err(RangeError::Nothing),
            Ok(limit) if limit <= u32::MAX / 2 => Ok(Self(limit)),
            _ => Err(RangeError::DailyLimit(value)),
        }
    }
}

impl From<DailyLimit> for i64 {
    fn from(limit: DailyLimit) -> Self {
        i64::from(limit.0)
    }
}

/// A length of time as the file writes it: `0h`, `30m`, `2d`, `1d12h`, `90s`. At most 366 days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delay(u32);

/// Why a text is no length of time. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelayError {
    /// Not of the form.
    #[error("{0:?} is not a length of time: write it as \"0h\", \"30m\", \"2d\", \"1d12h\" or \"90s\"")]
    Form(String),
    /// A number without unit.
    #[error("{0:?} has no unit: write \"{0}h\" for hours, or d, m or s for days, minutes or seconds")]
    NoUnit(String),
    /// Too long.
    #[error("{0:?} is longer than 366 days")]
    Long(String),
}

impl Delay {
    const LONGEST: u32 = 366 * 24 * 60 * 60;
    const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

    /// Reads days, hours, minutes and seconds, in this order, each at most once.
    ///
    /// # Errors
    /// When it is no length of time; the error says why.
    pub fn parse(raw: &str) -> Result<Self, DelayError> {
        let form = || DelayError::Form(raw.to_owned());
        let mut rest = raw.trim();
        if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DelayError::NoUnit(rest.to_owned()));
        }
        let mut units = Self::UNITS.into_iter();
        let mut total: u64 = 0;
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit = rest[digits..].chars().next().filter(|_| digits > 0).ok_or_else(form)?;
            let (_, seconds) = units.by_ref().find(|(letter, _)| *letter == unit).ok_or_else(form)?;
            let count: u64 = rest[..digits].parse().map_err(|_| DelayError::Long(raw.to_owned()))?;
            total = total.saturating_add(count.saturating_mul(u64::from(seconds)));
            rest = &rest[digits + 1..];
            if rest.is_empty() {
                break;
            }
        }
        match u32::try_from(total) {
            Ok(seconds) if seconds <= Self::LONGEST => Ok(Self(seconds)),
            _ => Err(DelayError::Long(raw.to_owned())),
        }
    }

    /// So many hours.
    #[must_use]
    pub fn hours(hours: u16) -> Self {
        Self(u32::from(hours) * 3_600)
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// As a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0h");
        }
        let mut rest = self.0;
        for (letter, seconds) in Self::UNITS {
            if rest >= seconds {
                write!(f, "{}{letter}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Delay {
    type Error = DelayError;
    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw)
    }
}

impl From<Delay> for String {
    fn from(delay: Delay) -> Self {
        delay.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_read_and_written() {
        let table = [
            ("0h", 0, "0h"),
            ("30m", 1_800, "30m"),
            ("2d", 172_800, "2d"),
            ("1d12h", 129_600, "1d12h"),
            ("90s", 90, "1m30s"),
            (" 1d1h1m1s ", 90_061, "1d1h1m1s"),
            ("48h", 172_800, "2d"),
            ("366d", 31_622_400, "366d"),
        ];
        for (raw, seconds, written) in table {
            let delay = Delay::parse(raw).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((delay.seconds(), delay.to_string().as_str()), (seconds, written), "{raw}");
            assert_eq!(Delay::parse(written), Ok(delay));
        }
    }

    #[test]
    fn what_is_no_delay_is_refused() {
        let form = |raw: &str| DelayError::Form(raw.to_owned());
        let long = |raw: &str| DelayError::Long(raw.to_owned());
        let table = [
            ("", form("")),
            ("h", form("h")),
            ("-1h", form("-1h")),
            ("1.5h", form("1.5h")),
            ("1h1d", form("1h1d")),
            ("1h1h", form("1h1h")),
            ("1h 30m", form("1h 30m")),
            ("2w", form("2w")),
            ("1H", form("1H")),
            ("1h3", form("1h3")),
            ("1é", form("1é")),
            ("24", DelayError::NoUnit("24".into())),
            ("367d", long("367d")),
            ("99999999999999999999d", long("99999999999999999999d")),
        ];
        for (raw, error) in table {
            assert_eq!(Delay::parse(raw), Err(error), "{raw}");
        }
    }

    #[test]
    fn names_are_easy_to_type_and_to_tell_apart() {
        let long = "a".repeat(65);
        let table = [
            ("summer-sale", None),
            ("2026.q1_A", None),
            (&long[..64], None),
            ("", Some(NameError::Empty)),
            ("summer sale", Some(NameError::Character(' '))),
            ("été", Some(NameError::Character('é'))),
            ("a\u{202e}b", Some(NameError::Character('\u{202e}'))),
            ("-force", Some(NameError::Begins('-'))),
            (".hidden", Some(NameError::Begins('.'))),
            (&long, Some(NameError::Long(65))),
        ];
        for (raw, error) in table {
            assert_eq!(CampaignName::parse(raw).err(), error, "{raw:?}");
        }
    }

    #[test]
    fn numbers_have_limits() {
        let priority = |value| Priority::try_from(value).map(Priority::get);
        assert_eq!(priority(0), Ok(0));
        assert_eq!(priority(9_999), Ok(9_999));
        for value in [-1, 10_000, i64::MAX] {
            assert_eq!(priority(value), Err(RangeError::Priority(value)));
        }
        let weight = |value| Weight::try_from(value).map(Weight::get);
        assert_eq!((weight(1), weight(1_000)), (Ok(1), Ok(1_000)));
        for value in [0, -1, 1_001, i64::MAX] {
            assert_eq!(weight(value), Err(RangeError::Weight(value)));
        }
        let limit = |value| DailyLimit::try_from(value).map(DailyLimit::get);
        assert_eq!(limit(1), Ok(1));
        assert_eq!(limit(2_147_483_647), Ok(2_147_483_647));
        assert_eq!(limit(0), Err(RangeError::Nothing));
        for value in [-1, 2_147_483_648, i64::MIN] {
            assert_eq!(limit(value), Err(RangeError::DailyLimit(value)));
        }
    }
}
