//! Languages, as texts and contacts name them: `fr`, `fr-CM`, `zh-Hant-TW`.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// A language tag (BCP 47, as far as messages need it): a language of two or three letters, then perhaps a script of
/// four letters, then perhaps a region of two letters or three digits. Kept in the usual spelling, `zh-Hant-TW`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Locale(Box<str>);

/// A text that is no language tag. Reads well after "locale …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a language tag: write it as \"en\", \"fr-CM\" or \"zh-Hant-TW\"")]
pub struct LocaleError(pub String);

impl Locale {
    /// Reads a tag in any case, with `-` or `_` between its parts.
    ///
    /// # Errors
    /// When it is not a tag.
    pub fn parse(raw: &str) -> Result<Self, LocaleError> {
        let wrong = || LocaleError(raw.to_owned());
        let mut parts = raw.trim().split(['-', '_']).peekable();
        let language = parts.next().filter(|part| letters(part, 2..=3)).ok_or_else(wrong)?;
        let mut tag = language.to_ascii_lowercase();
        if let Some(script) = parts.next_if(|part| letters(part, 4..=4)) {
            tag.push('-');
            tag.push_str(&script[..1].to_ascii_uppercase());
            tag.push_str(&script[1..].to_ascii_lowercase());
        }
        if let Some(region) = parts.next_if(|part| letters(part, 2..=2) || is_area(part)) {
            tag.push('-');
            tag.push_str(&region.to_ascii_uppercase());
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self(tag.into_boxed_str()))
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone: `fr` of `fr-CM`.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

fn letters(part: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A region by its UN M49 number: `es-419`.
fn is_area(part: &str) -> bool {
    part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Locale {
    type Err = LocaleError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(serde::de::Error::custom)
    }
}

/// Picks, among `offered` (in the order in which they were written), what somebody of locale `wanted` gets: the exact
/// one, else their language, else the organisation's `default`, else its language, else the first. The answer is the
/// place in `offered`; `None` only when nothing is offered.
#[must_use]
pub fn choose(offered: &[&Locale], wanted: Option<&Locale>, default: Option<&Locale>) -> Option<usize> {
    let place = |tag: &str| offered.iter().position(|locale| locale.as_str() == tag);
    [wanted, default]
        .into_iter()
        .flatten()
        .find_map(|locale| place(locale.as_str()).or_else(|| place(locale.language())))
        .or_else(|| (!offered.is_empty()).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(tag: &str) -> Locale {
        tag.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn usual_spellings_become_one_form() {
        let table = [
            ("fr", "fr", "fr"),
            ("FR", "fr", "fr"),
            ("fr-cm", "fr-CM", "fr"),
            ("fr_CM", "fr-CM", "fr"),
            (" zh-hant-tw ", "zh-Hant-TW", "zh"),
            ("es-419", "es-419", "es"),
            ("bas", "bas", "bas"),
        ];
        for (raw, tag, language) in table {
            let read = locale(raw);
            assert_eq!((read.as_str(), read.language()), (tag, language));
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for raw in
            ["", "f", "french", "fr-", "-CM", "fr-CMR", "fr CM", "fr-CM-x", "12", "fr-cm-latn", "fr\u{e9}"]
        {
            assert_eq!(Locale::parse(raw), Err(LocaleError(raw.to_owned())), "{raw}");
        }
    }

    #[test]
    fn the_nearest_text_is_chosen() {
        // Offered; wanted; default; chosen.
        let table: &[(&[&str], &str, &str, Option<&str>)] = &[
            (&["en", "fr", "fr-CM"], "fr-CM", "en", Some("fr-CM")),
            (&["en", "fr"], "fr-CM", "en", Some("fr")),
            (&["fr-FR", "en"], "fr-CM", "en", Some("en")),
            (&["de", "en"], "fr-CM", "en-GB", Some("en")),
            (&["de", "en", "en-GB"], "fr", "en-GB", Some("en-GB")),
            (&["de", "es"], "fr", "en", Some("de")),
            (&["de"], "", "", Some("de")),
            (&["en", "fr"], "", "fr", Some("fr")),
            (&["en", "fr"], "fr", "", Some("fr")),
            (&[], "fr", "en", None),
        ];
        for (offered, wanted, default, chosen) in table {
            let offered: Vec<Locale> = offered.iter().map(|tag| locale(tag)).collect();
            let offered: Vec<&Locale> = offered.iter().collect();
            let optional = |tag: &str| (!tag.is_empty()).then(|| locale(tag));
            let (wanted, default) = (optional(wanted), optional(default));
            let found =
                choose(&offered, wanted.as_ref(), default.as_ref()).map(|place| offered[place].as_str());
            assert_eq!(found, *chosen, "{offered:?} for {wanted:?}, default {default:?}");
        }
    }
}
