//! Audiences: who a campaign is for.
//!
//! All given conditions hold; within one list, one of its values is enough. Whoever is in the audience may still be left
//! out, for one reason. [`Audience::matches`] is the model of both: the SQL that enrols is tested against it, and `why`
//! says its sentence.

use super::campaign::Delay;
use super::country::Country;
use super::day::local_date;
use super::phone::Phone;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

mod exclusion;
pub use exclusion::Exclusion;

/// A filter over contacts. An empty condition is not given: it excludes nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audience {
    /// The contact's country is one of these.
    pub countries: Vec<Country>,
    /// The contact's gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// The contact's profession is one of these. Compared as written, case and all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub professions: Vec<String>,
    /// How old the contact is on the organisation's date when people are enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<AgeRange>,
    /// The date on which the contact registered, in the organisation's zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<DateRange>,
    /// For each attribute here, the contact's value is one of these. Compared as written, case and all.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The contact has at least one of these tags. Compared as written.
    pub tags: Vec<String>,
    /// The contact's phone is one of these: hand-picked.
    pub phones: Vec<Phone>,
    /// Only people whose consent is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentRule>,
    /// Nobody who still waits for a message of another campaign that is not finished.
    #[serde(skip_serializing_if = "is_false")]
    pub exclude_active: bool,
    /// Nobody to whom any campaign sent within this time before people are enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_contacted_for: Option<Delay>,
    /// At most so many people are sent to: the first by contact id, which is the order in which they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A gender, as far as audiences tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// `female`.
    Female,
    /// `male`.
    Male,
    /// Known, and neither of the two.
    Other,
}

impl Gender {
    /// The name that files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::Other => "other",
        }
    }

    /// Whether a contact's gender, as imported, is this one.
    #[must_use]
    pub fn is(self, known: &str) -> bool {
        match self {
            Self::Female | Self::Male => known == self.name(),
            Self::Other => !matches!(known, "female" | "male"),
        }
    }
}

impl fmt::Display for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Ages in completed years, both ends included; at least one is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeRange {
    /// At least so old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u8>,
    /// At most so old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u8>,
}

/// Dates, both ends included; at least one is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    /// This date or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// This date or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

/// What an audience asks of consent beyond that nobody refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentRule {
    /// It is on record.
    OptedIn,
}

/// What is known of a contact, as far as audiences ask.
#[derive(Debug, Clone, Copy)]
pub struct ContactFacts<'a> {
    /// The phone.
    pub phone: &'a Phone,
    /// The country column, two letters.
    pub country: Option<&'a str>,
    /// As imported.
    pub gender: Option<&'a str>,
    /// As imported.
    pub profession: Option<&'a str>,
    /// The day of birth.
    pub birth_date: Option<NaiveDate>,
    /// When the person registered.
    pub registered_at: Option<DateTime<Utc>>,
    /// The attributes.
    pub attributes: &'a BTreeMap<String, String>,
    /// The tags.
    pub tags: &'a [String],
    /// Whether a rule of the organisation suppressed the phone.
    pub is_suppressed: bool,
    /// Whether the person asked not to be written to.
    pub opted_out: bool,
    /// Whether the person agreed or refused, as far as it is on record.
    pub consent: Option<bool>,
    /// The first variable that the campaign needs and the contact does not have.
    pub missing: Option<&'a str>,
    /// Whether another campaign that is not finished still has a message for the person.
    pub is_active_elsewhere: bool,
    /// When a campaign last sent to the person, as far as it did.
    pub last_sent_at: Option<DateTime<Utc>>,
}

/// When and where an audience is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The moment.
    pub at: DateTime<Utc>,
    /// The organisation's zone.
    pub zone: Tz,
}

impl Audience {
    /// Whether it asks for nothing: every contact that may be sent to.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a contact is in it and would be sent to, its limit aside, which no single contact can tell.
    ///
    /// # Errors
    /// The first condition that does not hold, or else the first reason to leave the person out: in the order of
    /// [`Exclusion`].
    pub fn matches(&self, contact: &ContactFacts<'_>, asked: Asked) -> Result<(), Exclusion> {
        self.person(contact, asked)?;
        self.labels(contact)?;
        self.reachable(contact, asked)
    }

    /// Who the person is.
    fn person(&self, contact: &ContactFacts<'_>, asked: Asked) -> Result<(), Exclusion> {
        if !self.phones.is_empty() && !self.phones.contains(contact.phone) {
            return Err(Exclusion::NotHandPicked);
        }
        let has_country = |wanted: &Country| contact.country == Some(wanted.code());
        if !self.countries.is_empty() && !self.countries.iter().any(has_country) {
            let country = contact.country.map(str::to_owned);
            return Err(Exclusion::OtherCountry { country, wanted: self.countries.clone() });
        }
        if let Some(wanted) = self.gender
            && !contact.gender.is_some_and(|known| wanted.is(known))
        {
            return Err(Exclusion::OtherGender { gender: contact.gender.map(str::to_owned), wanted });
        }
        let works_as = |wanted: &String| contact.profession == Some(wanted);
        if !self.professions.is_empty() && !self.professions.iter().any(works_as) {
            let profession = contact.profession.map(str::to_owned);
            return Err(Exclusion::OtherProfession { profession, wanted: self.professions.clone() });
        }
        if let Some(wanted) = self.age {
            let today = local_date(asked.at, asked.zone);
            let age = contact.birth_date.and_then(|born| today.years_since(born));
            let within = |age: u32| {
                wanted.min.is_none_or(|min| u32::from(min) <= age)
                    && wanted.max.is_none_or(|max| age <= u32::from(max))
            };
            if !age.is_some_and(within) {
                return Err(Exclusion::OtherAge { age, wanted });
            }
        }
        if let Some(wanted) = self.registered {
            let date = contact.registered_at.map(|at| local_date(at, asked.zone));
            let within = |date: NaiveDate| {
                wanted.from.is_none_or(|from| from <= date) && wanted.to.is_none_or(|to| date <= to)
            };
            if !date.is_some_and(within) {
                return Err(Exclusion::OtherRegistration { registered: date, wanted });
            }
        }
        Ok(())
    }

    /// What the organisation has noted of the person.
    fn labels(&self, contact: &ContactFacts<'_>) -> Result<(), Exclusion> {
        if !self.tags.is_empty() && !self.tags.iter().any(|tag| contact.tags.contains(tag)) {
            return Err(Exclusion::LacksTag { wanted: self.tags.clone() });
        }
        for (attribute, wanted) in &self.attributes {
            match contact.attributes.get(attribute) {
                None => return Err(Exclusion::LacksAttribute { attribute: attribute.clone() }),
                Some(value) if !wanted.contains(value) => {
                    return Err(Exclusion::AttributeDiffers {
                        attribute: attribute.clone(),
                        value: value.clone(),
                        wanted: wanted.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Whether somebody who is in the audience may be sent to.
    fn reachable(&self, contact: &ContactFacts<'_>, asked: Asked) -> Result<(), Exclusion> {
        if contact.is_suppressed {
            return Err(Exclusion::Suppressed);
        }
        if contact.opted_out {
            return Err(Exclusion::OptedOut);
        }
        match (contact.consent, self.consent) {
            (Some(false), _) => return Err(Exclusion::NoConsent { refused: true }),
            (None, Some(ConsentRule::OptedIn)) => return Err(Exclusion::NoConsent { refused: false }),
            (Some(true), _) | (None, None) => {}
        }
        if let Some(variable) = contact.missing {
            return Err(Exclusion::MissingVariable { variable: variable.to_owned() });
        }
        if self.exclude_active && contact.is_active_elsewhere {
            return Err(Exclusion::ActiveElsewhere);
        }
        if let (Some(wanted), Some(at)) = (self.not_contacted_for, contact.last_sent_at)
            && at > asked.at - wanted.duration()
        {
            return Err(Exclusion::ContactedLately { at, wanted });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
