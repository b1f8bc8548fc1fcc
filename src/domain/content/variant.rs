//! Several things that one step says, each to its part of the people, so that they can be compared (an A/B test).
//!
//! Which variant somebody gets follows from their id in the campaign and the weights, and from nothing else: the same in every
//! try, through every number, in every process and in all steps. The database works it out by the same rule
//! (`variant_of`, migration 0130), and neither names nor weights of a campaign's variants ever change.

use super::{Shape, StepContent, StepMedia, StepTemplate};
use crate::domain::{ids::RecipientId, template::Texts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Most variants of a step: with more, hardly anybody gets each of them.
pub const VARIANTS_LIMIT: usize = 8;
/// Largest weight of a variant.
pub const WEIGHT_LIMIT: u32 = 10_000;
/// Longest name of a variant, in characters.
pub const VARIANT_NAME_LIMIT: usize = 20;

/// One of several things that a step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What reports call it.
    pub name: VariantName,
    /// Its part of the people, relative to the other variants.
    pub weight: u32,
    /// Its texts, by language.
    pub texts: Texts,
    /// Its template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<StepTemplate>,
    /// Its media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<StepMedia>,
}

/// What a variant is called: 1 to 20 ASCII letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariantName(Box<str>);

/// What is no name of a variant. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no variant's name: write 1 to 20 letters, digits, \"-\" or \"_\", such as name = \"b\"")]
pub struct VariantNameError(String);

impl VariantName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn parse(raw: &str) -> Result<Self, VariantNameError> {
        let fits = |each: char| each.is_ascii_alphanumeric() || matches!(each, '-' | '_');
        if raw.is_empty() || raw.len() > VARIANT_NAME_LIMIT || !raw.chars().all(fits) {
            return Err(VariantNameError(raw.to_owned()));
        }
        Ok(Self(raw.into()))
    }

    /// What it is called when nobody gave it a name: a, b, c, … by its place from zero.
    #[must_use]
    pub fn of_place(place: usize) -> Self {
        let letter = u8::try_from(place)
            .ok()
            .filter(|place| *place < 26)
            .map_or('z', |place| char::from(b'a' + place));
        Self(letter.to_string().into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VariantName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for VariantName {
    type Error = VariantNameError;
    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw)
    }
}

impl From<VariantName> for String {
    fn from(name: VariantName) -> Self {
        name.0.into()
    }
}

impl Variant {
    /// What somebody gets who gets this variant.
    #[must_use]
    pub fn content(&self) -> StepContent {
        StepContent {
            texts: self.texts.clone(),
            template: self.template.clone(),
            media: self.media.clone(),
            variants: Vec::new(),
        }
    }

    /// What decides who can send it.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape {
            has_text: !self.texts.0.is_empty(),
            template: self.template.clone(),
            media: self.media.as_ref().map(|media| media.kind),
        }
    }

    /// The texts of its template's parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &crate::domain::template::Text> {
        self.template.iter().flat_map(StepTemplate::texts)
    }
}

/// The names and weights of a step's variants, in order; none: it says the same to everybody.
#[must_use]
pub fn split(content: &StepContent) -> Vec<(&VariantName, u32)> {
    content.variants.iter().map(|variant| (&variant.name, variant.weight)).collect()
}

/// The names and weights of a campaign's variants, in order, as the database has them (`split_of`, migration 0130); none:
/// everybody gets the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Split(Vec<(VariantName, u32)>);

impl Split {
    /// The variant that somebody gets.
    #[must_use]
    pub fn of(&self, recipient: RecipientId) -> Option<&VariantName> {
        let place = place_of(recipient, self.0.iter().map(|(_, weight)| *weight));
        self.0.get(place).map(|(name, _)| name)
    }
}

/// The place of the variant that somebody gets, from zero. Weights of nothing give the first.
#[must_use]
pub fn place_of(recipient: RecipientId, weights: impl IntoIterator<Item = u32> + Clone) -> usize {
    let all: u64 = weights.clone().into_iter().map(u64::from).sum();
    let digest = Sha256::digest(recipient.0.as_bytes());
    let drawn = digest.iter().take(4).fold(0_u64, |drawn, byte| drawn << 8 | u64::from(*byte));
    // 32 bits of the digest, as a part of the sum of the weights.
    let point = (drawn * all) >> 32;
    let mut passed = 0;
    weights
        .into_iter()
        .position(|weight| {
            passed += u64::from(weight);
            point < passed
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "control", "with-emoji", "B_2", "abcdefghijklmnopqrst"] {
            assert_eq!(VariantName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "é", "abcdefghijklmnopqrstu", "a\u{202e}"] {
            assert!(VariantName::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(VariantName::of_place(2).as_str(), "c");
    }

    #[test]
    fn everybody_keeps_their_variant_and_the_weights_hold() {
        let mut counts = [0_u32; 3];
        for place in 0..30_000_u128 {
            // Ids of one enrolment differ in their last bits only.
            let recipient = RecipientId(Uuid::from_u128(0x0190_0000_0000_7000_8123_0000_0000_0000 + place));
            let drawn = place_of(recipient, [70, 20, 10]);
            assert_eq!(drawn, place_of(recipient, [70, 20, 10]));
            counts[drawn] += 1;
        }
        for (count, expected) in counts.iter().zip([21_000_u32, 6_000, 3_000]) {
            assert!(count.abs_diff(expected) < 300, "{counts:?}");
        }
    }

    #[test]
    fn one_variant_or_none_is_the_first() {
        let recipient = RecipientId(Uuid::from_u128(7));
        assert_eq!(place_of(recipient, []), 0);
        assert_eq!(place_of(recipient, [0, 0]), 0);
        assert_eq!(place_of(recipient, [5]), 0);
    }

    #[test]
    fn a_split_names_the_variant_of_everybody_or_of_nobody() {
        let split: Split = serde_json::from_str(r#"[["control", 1], ["short", 2]]"#).unwrap();
        for (bytes, name) in [([0_u8; 16], "control"), ([255; 16], "short")] {
            let name_of = split.of(RecipientId(Uuid::from_bytes(bytes))).map(VariantName::as_str);
            assert_eq!(name_of, Some(name), "{bytes:?}");
        }
        assert_eq!(Split::default().of(RecipientId(Uuid::from_u128(7))), None);
    }

    #[test]
    fn the_rule_is_the_one_that_the_database_knows() {
        // The first four bytes of the digests of sixteen zero bytes and of sixteen bytes of 255: tests/commands/variants.rs
        // compares them with variant_of.
        for (bytes, place) in [([0_u8; 16], 0), ([255; 16], 1)] {
            assert_eq!(place_of(RecipientId(Uuid::from_bytes(bytes)), [1, 2]), place, "{bytes:?}");
        }
    }
}
