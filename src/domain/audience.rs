//! Audiences: who a campaign is for.
//!
//! All given conditions hold; within one list, one of its values is enough. [`Audience::matches`] is the model: the
//! SQL that enrols is tested against it, and `why` prints its answer.

use super::country::Country;
use super::phone::Phone;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// A filter over contacts. An empty condition is not given: it excludes nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audience {
    /// The contact's country is one of these.
    pub countries: Vec<Country>,
    /// For each attribute here, the contact's value is one of these. Compared as written, case and all.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The contact has at least one of these tags. Compared as written.
    pub tags: Vec<String>,
    /// The contact's phone is one of these: hand-picked.
    pub phones: Vec<Phone>,
}

/// What is known of a contact, as far as audiences ask.
#[derive(Debug, Clone, Copy)]
pub struct ContactFacts<'a> {
    /// The phone.
    pub phone: &'a Phone,
    /// The country column, two letters.
    pub country: Option<&'a str>,
    /// The attributes.
    pub attributes: &'a BTreeMap<String, String>,
    /// The tags.
    pub tags: &'a [String],
    /// Whether the person asked not to be written to.
    pub opted_out: bool,
}

/// Why a contact is not in an audience: the first condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Exclusion {
    /// The person asked not to be written to; no audience changes that.
    OptedOut,
    /// Not one of the hand-picked phones.
    NotHandPicked,
    /// The country is another one.
    OtherCountry {
        /// The contact's, if it is known.
        country: Option<String>,
        /// Those of the audience.
        wanted: Vec<Country>,
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
}

impl Exclusion {
    /// The name that JSON and the database use.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::NotHandPicked => "not_hand_picked",
            Self::OtherCountry { .. } => "other_country",
            Self::LacksTag { .. } => "lacks_tag",
            Self::LacksAttribute { .. } => "lacks_attribute",
            Self::AttributeDiffers { .. } => "attribute_differs",
        }
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptedOut => f.write_str("asked not to be written to"),
            Self::NotHandPicked => f.write_str("is not one of the hand-picked phones"),
            Self::OtherCountry { country: Some(country), wanted } => {
                write!(f, "country is {country}, not {}", one_of(wanted))
            }
            Self::OtherCountry { country: None, wanted } => {
                write!(f, "country is not known, so it is not {}", one_of(wanted))
            }
            Self::LacksTag { wanted } => write!(f, "has no tag {}", one_of(wanted)),
            Self::LacksAttribute { attribute } => write!(f, "has no {attribute}"),
            Self::AttributeDiffers { attribute, value, wanted } => {
                write!(f, "{attribute} is {value}, not {}", one_of(wanted))
            }
        }
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

impl Audience {
    /// Whether it asks for nothing: every contact that may be sent to.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.countries.is_empty()
            && self.attributes.is_empty()
            && self.tags.is_empty()
            && self.phones.is_empty()
    }

    /// Whether a contact is in it.
    ///
    /// # Errors
    /// The first condition that does not hold, in the order of [`Exclusion`].
    pub fn matches(&self, contact: &ContactFacts<'_>) -> Result<(), Exclusion> {
        if contact.opted_out {
            return Err(Exclusion::OptedOut);
        }
        if !self.phones.is_empty() && !self.phones.contains(contact.phone) {
            return Err(Exclusion::NotHandPicked);
        }
        let has_country = |wanted: &Country| contact.country == Some(wanted.code());
        if !self.countries.is_empty() && !self.countries.iter().any(has_country) {
            let country = contact.country.map(str::to_owned);
            return Err(Exclusion::OtherCountry { country, wanted: self.countries.clone() });
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(raw: &str) -> Phone {
        Phone::parse(raw).unwrap_or_else(|error| panic!("{raw} {error}"))
    }

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn audience(change: impl FnOnce(&mut Audience)) -> Audience {
        let mut audience = Audience::default();
        change(&mut audience);
        audience
    }

    fn countries(codes: &[&str]) -> Vec<Country> {
        codes.iter().map(|code| code.parse().unwrap_or_else(|error| panic!("{error}"))).collect()
    }

    /// A contact from Cameroon, tier premium, tag vip, phone …001.
    fn answer(audience: &Audience, opted_out: bool) -> Result<(), String> {
        let attributes = BTreeMap::from([("customer_tier".to_owned(), "premium".to_owned())]);
        audience
            .matches(&ContactFacts {
                phone: &phone("+237600000001"),
                country: Some("CM"),
                attributes: &attributes,
                tags: &strings(&["vip"]),
                opted_out,
            })
            .map_err(|exclusion| exclusion.to_string())
    }

    #[test]
    fn each_condition_lets_in_and_keeps_out() {
        let tier = |values: &[&str]| BTreeMap::from([("customer_tier".to_owned(), strings(values))]);
        let table: Vec<(&str, Audience, Result<(), &str>)> = vec![
            ("everybody", Audience::default(), Ok(())),
            ("country", audience(|a| a.countries = countries(&["NG", "CM"])), Ok(())),
            (
                "another country",
                audience(|a| a.countries = countries(&["NG", "TD", "GA"])),
                Err("country is CM, not NG, TD or GA"),
            ),
            ("attribute", audience(|a| a.attributes = tier(&["basic", "premium"])), Ok(())),
            (
                "another value",
                audience(|a| a.attributes = tier(&["basic"])),
                Err("customer_tier is premium, not basic"),
            ),
            (
                "case counts",
                audience(|a| a.attributes = tier(&["Premium"])),
                Err("customer_tier is premium, not Premium"),
            ),
            (
                "an attribute that it lacks",
                audience(|a| a.attributes = BTreeMap::from([("city".to_owned(), strings(&["Douala"]))])),
                Err("has no city"),
            ),
            ("one tag of several is enough", audience(|a| a.tags = strings(&["paid", "vip"])), Ok(())),
            ("no tag", audience(|a| a.tags = strings(&["paid", "new"])), Err("has no tag paid or new")),
            ("hand-picked", audience(|a| a.phones = vec![phone("+237 600 000 001")]), Ok(())),
            (
                "not hand-picked",
                audience(|a| a.phones = vec![phone("+237600000002")]),
                Err("is not one of the hand-picked phones"),
            ),
            (
                "all conditions hold",
                audience(|a| {
                    a.countries = countries(&["CM"]);
                    a.tags = strings(&["vip"]);
                    a.attributes = tier(&["premium"]);
                    a.phones = vec![phone("+237600000001")];
                }),
                Ok(()),
            ),
            (
                "one of them does not",
                audience(|a| {
                    a.countries = countries(&["CM"]);
                    a.tags = strings(&["paid"]);
                }),
                Err("has no tag paid"),
            ),
        ];
        for (case, audience, expected) in table {
            assert_eq!(answer(&audience, false), expected.map_err(str::to_owned), "{case}");
            assert_eq!(answer(&audience, true), Err("asked not to be written to".to_owned()), "{case}");
        }
    }

    #[test]
    fn an_unknown_country_is_no_country_of_the_list() {
        let wanted = audience(|a| a.countries = countries(&["CM"]));
        let facts = ContactFacts {
            phone: &phone("+237600000001"),
            country: None,
            attributes: &BTreeMap::new(),
            tags: &[],
            opted_out: false,
        };
        let excluded = wanted.matches(&facts).map_err(|exclusion| exclusion.to_string());
        assert_eq!(excluded, Err("country is not known, so it is not CM".to_owned()));
        assert_eq!(Audience::default().matches(&facts), Ok(()));
    }

    #[test]
    fn an_audience_is_stored_and_read_back() -> Result<(), serde_json::Error> {
        let stored = audience(|a| {
            a.countries = countries(&["CM"]);
            a.phones = vec![phone("+237600000001")];
        });
        let json = serde_json::to_string(&stored)?;
        assert_eq!(serde_json::from_str::<Audience>(&json)?, stored);
        assert!(json.contains("+237600000001"), "a stored phone is whole");
        assert!(serde_json::from_str::<Audience>("{\"gender\":\"female\"}").is_err(), "nothing is ignored");
        Ok(())
    }

    #[test]
    fn an_exclusion_is_stored_under_its_code() -> Result<(), serde_json::Error> {
        for exclusion in [
            Exclusion::OptedOut,
            Exclusion::NotHandPicked,
            Exclusion::OtherCountry { country: None, wanted: vec![] },
            Exclusion::LacksTag { wanted: vec![] },
            Exclusion::LacksAttribute { attribute: "a".into() },
            Exclusion::AttributeDiffers { attribute: "a".into(), value: "b".into(), wanted: vec![] },
        ] {
            assert_eq!(serde_json::to_value(&exclusion)?["code"], exclusion.code());
        }
        Ok(())
    }
}
