//! Phones, quickly. What a phone is, `domain::phone` says; here the two spellings that almost every file uses are
//! recognised without its allocations, and a test holds both to the same answers.

use super::ImportError;
use crate::domain::phone::{Phone, PhoneError};

/// Reads phones and tells their countries.
#[derive(Debug, Clone)]
pub(super) struct Phones {
    default_country: Option<String>,
    /// Plus and calling code of the default country.
    default_prefix: Option<String>,
    /// The country of each first three digits.
    countries: Vec<Option<&'static str>>,
}

impl Phones {
    pub(super) fn new(default_country: Option<&str>) -> Result<Self, ImportError> {
        const NATIONAL: &str = "12345678";
        let default_prefix = default_country
            .map(|country| match Phone::parse_in(NATIONAL, Some(country)) {
                Ok(phone) => Ok(phone.reveal().trim_end_matches(NATIONAL).to_owned()),
                Err(_) => Err(ImportError::DefaultCountry { country: country.to_owned() }),
            })
            .transpose()?;
        let countries = (0..1000)
            .map(|prefix| {
                Phone::parse(&format!("+{prefix:03}00000000")).ok().and_then(|phone| phone.country())
            })
            .collect();
        Ok(Self { default_country: default_country.map(str::to_owned), default_prefix, countries })
    }

    /// Writes the phone in E.164 form to `out` and answers its country, where the calling code has one.
    pub(super) fn push(&self, out: &mut Vec<u8>, raw: &str) -> Result<Option<&'static str>, PhoneError> {
        let from = out.len();
        match raw.as_bytes() {
            [b'+', digits @ ..] if is_e164(digits) => out.extend_from_slice(raw.as_bytes()),
            national @ [b'1'..=b'9', ..] if self.completes(national) => {
                out.extend_from_slice(self.default_prefix.as_deref().unwrap_or_default().as_bytes());
                out.extend_from_slice(national);
            }
            _ => {
                let phone = Phone::parse_in(raw, self.default_country.as_deref())?;
                out.extend_from_slice(phone.reveal().as_bytes());
            }
        }
        Ok(out.get(from + 1..from + 4).and_then(|prefix| self.country(prefix)))
    }

    fn country(&self, prefix: &[u8]) -> Option<&'static str> {
        let place = prefix.iter().fold(0, |place, digit| place * 10 + usize::from(digit.wrapping_sub(b'0')));
        self.countries.get(place).copied().flatten()
    }

    /// Whether these are all digits and the default calling code makes an E.164 number of them.
    fn completes(&self, national: &[u8]) -> bool {
        self.default_prefix.as_ref().is_some_and(|prefix| {
            (8..=16).contains(&(prefix.len() + national.len())) && national.iter().all(u8::is_ascii_digit)
        })
    }
}

fn is_e164(digits: &[u8]) -> bool {
    (7..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    #[test]
    fn the_quick_way_answers_as_the_domain_does() {
        let mut random = StdRng::seed_from_u64(3);
        let letters = b"0123456789012345678901234567890123456789+ '-x";
        for country in [None, Some("CM"), Some("fr"), Some("US")] {
            let phones = Phones::new(country).unwrap();
            for _ in 0..50_000 {
                let mut raw: String = if random.random_bool(0.4) { "+".into() } else { String::new() };
                let kinds = if random.random_bool(0.8) { 40 } else { letters.len() };
                raw.extend(
                    (0..random.random_range(0..18))
                        .map(|_| char::from(letters[random.random_range(0..kinds)])),
                );
                let mut out = Vec::new();
                let quick = phones.push(&mut out, &raw);
                let slow = Phone::parse_in(&raw, country);
                match (quick, slow) {
                    (Ok(home), Ok(phone)) => {
                        assert_eq!(
                            (out.as_slice(), home),
                            (phone.reveal().as_bytes(), phone.country()),
                            "{raw:?}"
                        );
                    }
                    (quick, slow) => assert_eq!(quick.err(), slow.err(), "{raw:?}"),
                }
            }
        }
    }

    #[test]
    fn an_unknown_default_country_is_refused_at_once() {
        assert!(matches!(Phones::new(Some("Cameroon")), Err(ImportError::DefaultCountry { .. })));
    }
}
