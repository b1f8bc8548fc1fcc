//! Phone numbers in E.164 form, checked once, at the edge.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A phone number in E.164 form: a plus, then 7 to 15 digits, the first of which is not zero.
///
/// Its `Debug` and `Display` are masked; the full form has to be asked for by name ([`Phone::reveal`]).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(Box<str>);

/// Why a text is not a phone number. Reads well after "phone …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// Something that neither digits nor the usual separators explain.
    #[error("holds {found:?}, which no phone number does")]
    Character {
        /// The first such character.
        found: char,
    },
    /// No country code can be told.
    #[error("has no country code: write it as +237600000001 or name a default country")]
    NoCountryCode,
    /// E.164 allows at most 15 digits and no real number has fewer than 7.
    #[error("has {digits} digits; E.164 numbers have 7 to 15")]
    Length {
        /// How many digits were found.
        digits: usize,
    },
    /// A country code never starts with zero.
    #[error("starts with +0; no country code does")]
    LeadingZero,
    /// The default country is not one we know a calling code for.
    #[error("cannot be completed: no calling code is known for country {country:?}")]
    UnknownCountry {
        /// The country as it was given.
        country: String,
    },
}

impl Phone {
    /// Reads a number that carries its country code: `+237 6 00 00 00 01`, `00237…`, `+1 (555) 078-3881`.
    ///
    /// # Errors
    /// When the text is not a phone number; the error says why.
    pub fn parse(raw: &str) -> Result<Self, PhoneError> {
        Self::parse_in(raw, None)
    }

    /// As [`Phone::parse`], but a number without plus is completed with the calling code of `country`
    /// (ISO 3166 alpha-2); its trunk prefix, if it has one, is dropped.
    ///
    /// # Errors
    /// When the text is not a phone number; the error says why.
    pub fn parse_in(raw: &str, country: Option<&str>) -> Result<Self, PhoneError> {
        let raw = raw.trim().trim_start_matches('\'');
        if raw.is_empty() {
            return Err(PhoneError::Empty);
        }
        let (international, rest) = match raw.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => match raw.strip_prefix("00") {
                Some(rest) => (true, rest),
                None => (false, raw),
            },
        };
        let mut digits = String::with_capacity(16);
        digits.push('+');
        for character in rest.chars() {
            match character {
                '0'..='9' => digits.push(character),
                ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}' | '\u{2011}' => {}
                found => return Err(PhoneError::Character { found }),
            }
        }
        if !international {
            let country = country.ok_or(PhoneError::NoCountryCode)?;
            let code = calling_code(country)
                .ok_or_else(|| PhoneError::UnknownCountry { country: country.to_owned() })?;
            let national = digits[1..].trim_start_matches('0');
            digits = format!("+{code}{national}");
        }
        Self::from_digits(digits)
    }

    fn from_digits(digits: String) -> Result<Self, PhoneError> {
        let count = digits.len() - 1;
        if digits.as_bytes().get(1) == Some(&b'0') {
            return Err(PhoneError::LeadingZero);
        }
        if !(7..=15).contains(&count) {
            return Err(PhoneError::Length { digits: count });
        }
        Ok(Self(digits.into_boxed_str()))
    }

    /// The full number, `+237600000001`. Only for the wire, the database and an operator who asked.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The number without its plus.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// For lists and logs: the first digits and the last three, `+2376*****001`.
    #[must_use]
    pub fn masked(&self) -> String {
        mask(&self.0)
    }

    /// ISO code of the country that owns the calling code, where one country does.
    #[must_use]
    pub fn country(&self) -> Option<&'static str> {
        country_of(self.digits())
    }
}

/// Masks a text that is a phone number in E.164 form: the first four digits and the last three stay.
#[must_use]
pub fn mask(phone: &str) -> String {
    let keep_front = 5.min(phone.len());
    let keep_back = phone.len().saturating_sub(3).max(keep_front);
    phone
        .char_indices()
        .map(|(at, character)| if at < keep_front || at >= keep_back { character } else { '*' })
        .collect()
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// JSON output is asked for by name, so the number is written in full.
impl Serialize for Phone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.reveal())
    }
}

/// What was stored is checked again: a stored audience may have been edited by hand.
impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(|error| serde::de::Error::custom(format_args!("phone {error}")))
    }
}

/// Calling codes, ITU-T E.164 list of assigned codes. Shared codes (+1, +7, +44 …) stand under each country that
/// uses them; the first entry of a code is the country that [`Phone::country`] answers.
const CALLING_CODES: &[(&str, &str)] = &[
    ("US", "1"),
    ("CA", "1"),
    ("RU", "7"),
    ("KZ", "7"),
    ("EG", "20"),
    ("ZA", "27"),
    ("GR", "30"),
    ("NL", "31"),
    ("BE", "32"),
    ("FR", "33"),
    ("ES", "34"),
    ("HU", "36"),
    ("IT", "39"),
    ("RO", "40"),
    ("CH", "41"),
    ("AT", "43"),
    ("GB", "44"),
    ("DK", "45"),
    ("SE", "46"),
    ("NO", "47"),
    ("PL", "48"),
    ("DE", "49"),
    ("PE", "51"),
    ("MX", "52"),
    ("CU", "53"),
    ("AR", "54"),
    ("BR", "55"),
    ("CL", "56"),
    ("CO", "57"),
    ("VE", "58"),
    ("MY", "60"),
    ("AU", "61"),
    ("ID", "62"),
    ("PH", "63"),
    ("NZ", "64"),
    ("SG", "65"),
    ("TH", "66"),
    ("JP", "81"),
    ("KR", "82"),
    ("VN", "84"),
    ("CN", "86"),
    ("TR", "90"),
    ("IN", "91"),
    ("PK", "92"),
    ("AF", "93"),
    ("LK", "94"),
    ("MM", "95"),
    ("IR", "98"),
    ("SS", "211"),
    ("MA", "212"),
    ("DZ", "213"),
    ("TN", "216"),
    ("LY", "218"),
    ("GM", "220"),
    ("SN", "221"),
    ("MR", "222"),
    ("ML", "223"),
    ("GN", "224"),
    ("CI", "225"),
    ("BF", "226"),
    ("NE", "227"),
    ("TG", "228"),
    ("BJ", "229"),
    ("MU", "230"),
    ("LR", "231"),
    ("SL", "232"),
    ("GH", "233"),
    ("NG", "234"),
    ("TD", "235"),
    ("CF", "236"),
    ("CM", "237"),
    ("CV", "238"),
    ("ST", "239"),
    ("GQ", "240"),
    ("GA", "241"),
    ("CG", "242"),
    ("CD", "243"),
    ("AO", "244"),
    ("GW", "245"),
    ("SC", "248"),
    ("SD", "249"),
    ("RW", "250"),
    ("ET", "251"),
    ("SO", "252"),
    ("DJ", "253"),
    ("KE", "254"),
    ("TZ", "255"),
    ("UG", "256"),
    ("BI", "257"),
    ("MZ", "258"),
    ("ZM", "260"),
    ("MG", "261"),
    ("RE", "262"),
    ("ZW", "263"),
    ("NA", "264"),
    ("MW", "265"),
    ("LS", "266"),
    ("BW", "267"),
    ("SZ", "268"),
    ("KM", "269"),
    ("ER", "291"),
    ("GI", "350"),
    ("PT", "351"),
    ("LU", "352"),
    ("IE", "353"),
    ("IS", "354"),
    ("AL", "355"),
    ("MT", "356"),
    ("CY", "357"),
    ("FI", "358"),
    ("BG", "359"),
    ("LT", "370"),
    ("LV", "371"),
    ("EE", "372"),
    ("MD", "373"),
    ("AM", "374"),
    ("BY", "375"),
    ("AD", "376"),
    ("MC", "377"),
    ("UA", "380"),
    ("RS", "381"),
    ("ME", "382"),
    ("XK", "383"),
    ("HR", "385"),
    ("SI", "386"),
    ("BA", "387"),
    ("MK", "389"),
    ("CZ", "420"),
    ("SK", "421"),
    ("LI", "423"),
    ("BZ", "501"),
    ("GT", "502"),
    ("SV", "503"),
    ("HN", "504"),
    ("NI", "505"),
    ("CR", "506"),
    ("PA", "507"),
    ("HT", "509"),
    ("GP", "590"),
    ("BO", "591"),
    ("GY", "592"),
    ("EC", "593"),
    ("GF", "594"),
    ("PY", "595"),
    ("MQ", "596"),
    ("SR", "597"),
    ("UY", "598"),
    ("FJ", "679"),
    ("PF", "689"),
    ("HK", "852"),
    ("MO", "853"),
    ("KH", "855"),
    ("LA", "856"),
    ("BD", "880"),
    ("TW", "886"),
    ("MV", "960"),
    ("LB", "961"),
    ("JO", "962"),
    ("SY", "963"),
    ("IQ", "964"),
    ("KW", "965"),
    ("SA", "966"),
    ("YE", "967"),
    ("OM", "968"),
    ("PS", "970"),
    ("AE", "971"),
    ("IL", "972"),
    ("BH", "973"),
    ("QA", "974"),
    ("BT", "975"),
    ("MN", "976"),
    ("NP", "977"),
    ("TJ", "992"),
    ("TM", "993"),
    ("AZ", "994"),
    ("GE", "995"),
    ("KG", "996"),
    ("UZ", "998"),
];

fn calling_code(country: &str) -> Option<&'static str> {
    CALLING_CODES.iter().find(|(iso, _)| iso.eq_ignore_ascii_case(country)).map(|(_, code)| *code)
}

fn country_of(digits: &str) -> Option<&'static str> {
    (1..=3)
        .rev()
        .filter_map(|length| digits.get(..length))
        .find_map(|prefix| CALLING_CODES.iter().find(|(_, code)| *code == prefix))
        .map(|(iso, _)| *iso)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_become_one_form() {
        for raw in [
            "+237600000001",
            " +237 6 00 00 00 01 ",
            "00237-600-000-001",
            "'+237600000001",
            "+237(6)00.000/001",
        ] {
            assert_eq!(
                Phone::parse(raw).map(|phone| phone.reveal().to_owned()),
                Ok("+237600000001".to_owned()),
                "{raw}"
            );
        }
    }

    #[test]
    fn a_default_country_completes_national_numbers() {
        assert_eq!(Phone::parse_in("600000001", Some("cm")).unwrap().reveal(), "+237600000001");
        assert_eq!(Phone::parse_in("0612345678", Some("FR")).unwrap().reveal(), "+33612345678");
        assert_eq!(Phone::parse_in("+4915112345678", Some("FR")).unwrap().reveal(), "+4915112345678");
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_cause() {
        assert_eq!(Phone::parse(""), Err(PhoneError::Empty));
        assert_eq!(Phone::parse("600000001"), Err(PhoneError::NoCountryCode));
        assert_eq!(Phone::parse("+23x"), Err(PhoneError::Character { found: 'x' }));
        assert_eq!(Phone::parse("+123456"), Err(PhoneError::Length { digits: 6 }));
        assert_eq!(Phone::parse("+1234567890123456"), Err(PhoneError::Length { digits: 16 }));
        assert_eq!(Phone::parse("+0123456789"), Err(PhoneError::LeadingZero));
        assert_eq!(Phone::parse("++237600000001"), Err(PhoneError::Character { found: '+' }));
        assert!(matches!(Phone::parse_in("600000001", Some("ZZ")), Err(PhoneError::UnknownCountry { .. })));
    }

    #[test]
    fn a_phone_is_masked_unless_asked_for() {
        let phone = Phone::parse("+237600000001").unwrap();
        assert_eq!(format!("{phone} {phone:?}"), "+2376*****001 +2376*****001");
    }

    #[test]
    fn the_country_is_told_from_the_longest_code() {
        assert_eq!(Phone::parse("+237600000001").unwrap().country(), Some("CM"));
        assert_eq!(Phone::parse("+15550783881").unwrap().country(), Some("US"));
        assert_eq!(Phone::parse("+8801712345678").unwrap().country(), Some("BD"));
    }
}
