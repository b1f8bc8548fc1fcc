//! What a script says of numbers and accounts when somebody asks how they are.

use super::{ErrorCode, duration, raw};
use crate::domain::number::ProviderKind;
use serde::Deserialize;
use std::time::Duration;

/// One rule about the health of numbers, or of an account; the first that fits decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HealthRule {
    /// At this provider.
    pub provider: Option<ProviderKind>,
    /// Of these: phones or ids at the provider; none: of all.
    pub numbers: Vec<String>,
    /// Of this account instead of a number (Twilio).
    pub account: Option<String>,
    /// Not before this long after the start.
    pub after: Option<Duration>,
    /// Not later than this.
    pub before: Option<Duration>,
    /// What is said.
    pub said: Said,
}

/// What a provider says, in its own words; what is not given is as usual.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Its state.
    pub status: Option<String>,
    /// Meta: the value for the number in `health_status`.
    pub can_send: Option<String>,
    /// How people take what it sends.
    pub quality: Option<String>,
    /// How many people it may reach.
    pub limit: Option<String>,
    /// `UltraMsg`: the phone that the instance drives, if not its own.
    pub linked: Option<String>,
    /// Meta: fields that this token may not read.
    pub without: Vec<String>,
    /// The question is refused instead.
    pub error: Option<ErrorCode>,
    /// In these words.
    pub details: Option<String>,
}

impl HealthRule {
    /// Whether it is in force this long after the start.
    pub fn is_due(&self, elapsed: Duration) -> bool {
        self.after.is_none_or(|after| elapsed >= after) && self.before.is_none_or(|before| elapsed < before)
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHealth {
    /// For the reader only.
    #[serde(default, rename = "name")]
    _name: String,
    #[serde(default)]
    when: RawWhen,
    then: RawSaid,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWhen {
    provider: Option<ProviderKind>,
    #[serde(default)]
    number: raw::Names,
    account: Option<String>,
    after: Option<String>,
    before: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSaid {
    status: Option<String>,
    can_send: Option<String>,
    quality: Option<String>,
    limit: Option<String>,
    linked: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    error: Option<raw::Scalar>,
    details: Option<String>,
}

impl RawHealth {
    /// Checks it.
    pub(super) fn read(self) -> Result<HealthRule, String> {
        let time = |text: Option<String>| text.as_deref().map(duration).transpose();
        let then = self.then;
        let said = Said {
            status: then.status,
            can_send: then.can_send,
            quality: then.quality,
            limit: then.limit,
            linked: then.linked,
            without: then.without,
            error: then.error.map(raw::error_code).transpose()?,
            details: then.details,
        };
        if said == Said::default() {
            return Err("then says nothing".to_owned());
        }
        if said.details.is_some() && said.error.is_none() {
            return Err("details does not belong to this rule".to_owned());
        }
        let numbers = self.when.number.list();
        if self.when.account.is_some() && !numbers.is_empty() {
            return Err("when names an account and numbers at once".to_owned());
        }
        let (after, before) = (time(self.when.after)?, time(self.when.before)?);
        Ok(HealthRule {
            provider: self.when.provider,
            numbers,
            account: self.when.account,
            after,
            before,
            said,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Script, *};

    #[test]
    fn a_rule_is_read_and_one_that_cannot_be_is_refused_by_name() {
        let text = "[[health]]\nname = 'a'\nwhen = { number = '100', after = '2s' }\n\
                    then = { status = 'RESTRICTED', quality = 'RED', limit = 'TIER_250', without = ['x'] }\n\
                    [[health]]\nwhen = { account = 'AC1' }\nthen = { error = 20003, details = 'no' }";
        let rules = Script::parse(text).unwrap().health;
        assert_eq!(rules[0].numbers, ["100"]);
        assert_eq!(rules[0].said.status.as_deref(), Some("RESTRICTED"));
        assert_eq!(rules[1].said.error, Some(ErrorCode::Number(20_003)));
        let due = |seconds| rules[0].is_due(Duration::from_secs(seconds));
        assert_eq!((due(1), due(2)), (false, true));
        for (text, problem) in [
            ("then = { }", "then says nothing"),
            ("then = { status = 'x', details = 'y' }", "details does not belong"),
            ("when = { account = 'A', number = 'B' }\nthen = { status = 'x' }", "at once"),
            ("then = { state = 'x' }", "unknown field `state`"),
            ("when = { after = 'soon' }\nthen = { status = 'x' }", "not a time"),
        ] {
            let error = Script::parse(&format!("[[health]]\n{text}")).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
