//! Why somebody gets nothing of a campaign.

use super::{AgeRange, DateRange, Gender};
use crate::domain::{campaign::Delay, country::Country};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use std::fmt;

/// Why a contact gets nothing of a campaign: the first condition of the audience that does not hold, or else the first
/// reason to leave out somebody who is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Exclusion {
    /// Not one of the hand-picked phones.
    NotHandPicked,
    /// The country is another one.
    OtherCountry {
        /// The contact's, if it is known.
        country: Option<String>,
        /// Those of the audience.
        wanted: Vec<Country>,
    },
    /// The gender is another one.
    OtherGender {
        /// The contact's, if it is known.
        gender: Option<String>,
        /// That of the audience.
        wanted: Gender,
    },
    /// The profession is another one.
    OtherProfession {
        /// The contact's, if it is known.
        profession: Option<String>,
        /// Those of the audience.
        wanted: Vec<String>,
    },
    /// Too young, too old, or of unknown age.
    OtherAge {
        /// In completed years, if it is known.
        age: Option<u32>,
        /// The audience's.
        wanted: AgeRange,
    },
    /// Registered on another date.
    OtherRegistration {
        /// The date in the organisation's zone, if it is known.
        registered: Option<NaiveDate>,
        /// The audience's.
        wanted: DateRange,
    },
    /// None of the tags.
    LacksTag {
        /// Those of the audience.
        wanted: Vec<String>,
    },
    /// The contact has not this attribute.
    LacksAttribute {
        /// Which.
        attribute: String,
    },
    /// The attribute has another value.
    AttributeDiffers {
        /// Which.
        attribute: String,
        /// The contact's value.
        value: String,
        /// Those of the audience.
        wanted: Vec<String>,
    },
    /// A rule of the organisation suppressed the phone.
    Suppressed,
    /// The person asked not to be written to; no audience changes that.
    OptedOut,
    /// The person refused, or the audience wants consent on record and there is none.
    NoConsent {
        /// Whether it was refused.
        refused: bool,
    },
    /// The campaign's texts need a value that this contact does not have.
    MissingVariable {
        /// Which.
        variable: String,
    },
    /// Another campaign that is not finished still has a message for this person.
    ActiveElsewhere,
    /// A campaign sent to this person not long ago.
    ContactedLately {
        /// When.
        at: DateTime<Utc>,
        /// How long it must have been.
        wanted: Delay,
    },
    /// As many people as the audience takes came before.
    OverLimit,
}

impl Exclusion {
    /// The codes of conditions: who meets one of these is not in the audience and is not enrolled.
    pub const CONDITIONS: [&str; 9] = [
        "not_hand_picked",
        "other_country",
        "other_gender",
        "other_profession",
        "other_age",
        "other_registration",
        "lacks_tag",
        "lacks_attribute",
        "attribute_differs",
    ];

    /// The name that JSON and the database use.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHandPicked => "not_hand_picked",
            Self::OtherCountry { .. } => "other_country",
            Self::OtherGender { .. } => "other_gender",
            Self::OtherProfession { .. } => "other_profession",
            Self::OtherAge { .. } => "other_age",
            Self::OtherRegistration { .. } => "other_registration",
            Self::LacksTag { .. } => "lacks_tag",
            Self::LacksAttribute { .. } => "lacks_attribute",
            Self::AttributeDiffers { .. } => "attribute_differs",
            Self::Suppressed => "suppressed",
            Self::OptedOut => "opted_out",
            Self::NoConsent { .. } => "no_consent",
            Self::MissingVariable { .. } => "missing_variable",
            Self::ActiveElsewhere => "active_elsewhere",
            Self::ContactedLately { .. } => "contacted_lately",
            Self::OverLimit => "over_limit",
        }
    }

    /// As a recipient's row names it: a missing variable with its name.
    #[must_use]
    pub fn recorded(&self) -> String {
        match self {
            Self::MissingVariable { variable } => format!("missing_variable: {variable}"),
            other => other.code().to_owned(),
        }
    }

    /// Whether it is the audience that leaves the person out, so that there is nothing to record.
    #[must_use]
    pub fn is_condition(&self) -> bool {
        Self::CONDITIONS.contains(&self.code())
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHandPicked => f.write_str("is not one of the hand-picked phones"),
            Self::OtherCountry { country, wanted } => {
                differs(f, "country", country.as_ref(), &one_of(wanted))
            }
            Self::OtherGender { gender, wanted } => differs(f, "gender", gender.as_ref(), wanted.name()),
            Self::OtherProfession { profession, wanted } => {
                differs(f, "profession", profession.as_ref(), &one_of(wanted))
            }
            Self::OtherAge { age, wanted } => {
                let years = span(wanted.min.as_ref(), wanted.max.as_ref(), ["or more", "or less"]);
                differs(f, "age", age.as_ref(), &years)
            }
            Self::OtherRegistration { registered, wanted } => {
                let dates = span(wanted.from.as_ref(), wanted.to.as_ref(), ["or later", "or earlier"]);
                differs(f, "registration", registered.as_ref(), &dates)
            }
            Self::LacksTag { wanted } => write!(f, "has no tag {}", one_of(wanted)),
            Self::LacksAttribute { attribute } => write!(f, "has no {attribute}"),
            Self::AttributeDiffers { attribute, value, wanted } => {
                write!(f, "{attribute} is {value}, not {}", one_of(wanted))
            }
            Self::Suppressed => f.write_str("is on the suppression list"),
            Self::OptedOut => f.write_str("asked not to be written to"),
            Self::NoConsent { refused: true } => f.write_str("did not agree to be written to"),
            Self::NoConsent { refused: false } => f.write_str("has no consent on record"),
            Self::MissingVariable { variable } => {
                write!(f, "has no value for {{{{{variable}}}}} and the text names no fallback")
            }
            Self::ActiveElsewhere => f.write_str("still waits for a message of another campaign"),
            Self::ContactedLately { at, wanted } => {
                let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
                write!(f, "a campaign sent to this person at {at}, within the last {wanted}")
            }
            Self::OverLimit => f.write_str("as many people as the audience takes came before"),
        }
    }
}

/// `country is CM, not NG or TD`.
fn differs(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    known: Option<&impl fmt::Display>,
    wanted: &str,
) -> fmt::Result {
    match known {
        Some(known) => write!(f, "{what} is {known}, not {wanted}"),
        None => write!(f, "{what} is not known, so it is not {wanted}"),
    }
}

/// `18 to 65`, or with the words for an open end, `18 or more` and `65 or less`.
fn span<T: fmt::Display>(from: Option<&T>, to: Option<&T>, open: [&str; 2]) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(from), None) => format!("{from} {}", open[0]),
        (None, Some(to)) => format!("{to} {}", open[1]),
        (None, None) => "anything".to_owned(),
    }
}

/// `CM, NG or TD`.
fn one_of(values: &[impl fmt::Display]) -> String {
    let mut out = String::new();
    for (place, value) in values.iter().enumerate() {
        let separator = match place {
            0 => "",
            _ if place + 1 == values.len() => " or ",
            _ => ", ",
        };
        out = format!("{out}{separator}{value}");
    }
    out
}
