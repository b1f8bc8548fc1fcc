//! Countries by their two-letter codes.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// A country: an assigned ISO 3166-1 alpha-2 code, or `XK` for Kosovo, which everybody uses and ISO leaves to users.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Country(&'static str);

/// A text that is no country. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountryError {
    /// It has not the form of a code.
    #[error("{0:?} is not a country code: write two letters (ISO 3166), such as \"CM\"")]
    Form(String),
    /// It has, but no country has it.
    #[error("{0:?} is no country's code (ISO 3166){hint}", hint = usual_mistake(.0))]
    Unassigned(String),
}

fn usual_mistake(code: &str) -> &'static str {
    match code.to_ascii_uppercase().as_str() {
        "UK" => ": the United Kingdom is \"GB\"",
        "EL" => ": Greece is \"GR\"",
        "EN" => ": \"en\" is a language; the United Kingdom is \"GB\"",
        "RC" => ": the Central African Republic is \"CF\"",
        _ => "",
    }
}

impl Country {
    /// Reads a code, in any case.
    ///
    /// # Errors
    /// When it is no country's.
    pub fn parse(raw: &str) -> Result<Self, CountryError> {
        let code = raw.trim();
        if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(CountryError::Form(raw.to_owned()));
        }
        CODES
            .iter()
            .flat_map(|row| row.split(' '))
            .find(|known| known.eq_ignore_ascii_case(code))
            .map(Self)
            .ok_or_else(|| CountryError::Unassigned(raw.to_owned()))
    }

    /// The code, in capitals.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Country {
    type Err = CountryError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

/// The assigned codes, a row for each first letter.
const CODES: &[&str] = &[
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ",
    "BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ",
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ",
    "DE DJ DK DM DO DZ",
    "EC EE EG EH ER ES ET",
    "FI FJ FK FM FO FR",
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY",
    "HK HM HN HR HT HU",
    "ID IE IL IM IN IO IQ IR IS IT",
    "JE JM JO JP",
    "KE KG KH KI KM KN KP KR KW KY KZ",
    "LA LB LC LI LK LR LS LT LU LV LY",
    "MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ",
    "NA NC NE NF NG NI NL NO NP NR NU NZ",
    "OM",
    "PA PE PF PG PH PK PL PM PN PR PS PT PW PY",
    "QA",
    "RE RO RS RU RW",
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ",
    "TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ",
    "UA UG UM US UY UZ",
    "VA VC VE VG VI VN VU",
    "WF WS",
    "XK",
    "YE YT",
    "ZA ZM ZW",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_any_case_and_names_are_not() {
        let table = [
            ("CM", Ok("CM")),
            (" ng ", Ok("NG")),
            ("xk", Ok("XK")),
            ("UK", Err("\"UK\" is no country's code (ISO 3166): the United Kingdom is \"GB\"")),
            ("ZZ", Err("\"ZZ\" is no country's code (ISO 3166)")),
            ("CMR", Err("\"CMR\" is not a country code: write two letters (ISO 3166), such as \"CM\"")),
            (
                "Cameroon",
                Err("\"Cameroon\" is not a country code: write two letters (ISO 3166), such as \"CM\""),
            ),
            ("", Err("\"\" is not a country code: write two letters (ISO 3166), such as \"CM\"")),
        ];
        for (raw, expected) in table {
            let read = Country::parse(raw).map(Country::code).map_err(|error| error.to_string());
            assert_eq!(read, expected.map_err(str::to_owned), "{raw}");
        }
    }

    #[test]
    fn the_list_is_whole_and_in_order() {
        let all: Vec<&str> = CODES.iter().flat_map(|row| row.split(' ')).collect();
        assert!(all.is_sorted_by(|one, other| one < other), "sorted, none twice");
        assert_eq!(all.len(), 250, "249 assigned codes and XK");
    }
}
