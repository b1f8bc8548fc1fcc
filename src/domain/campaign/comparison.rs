//! How the variants of a campaign compare, and whether the difference could be chance.

use serde::Serialize;

/// Least that has to be expected on either side, by chance alone, for the test to say anything (Cochran's rule).
const LEAST_EXPECTED: f64 = 5.0;
/// A difference this rare by chance, or rarer, is hardly chance.
const HARDLY: f64 = 0.05;

/// What became of the people of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariantFigures {
    /// Its name.
    pub name: String,
    /// Its part of the people, relative to the others.
    pub weight: i32,
    /// Enrolled.
    pub people: i64,
    /// A provider took a message to them.
    pub sent: i64,
    /// Some message reached their phone.
    pub delivered: i64,
    /// They have seen some message.
    pub read: i64,
    /// They wrote back.
    pub replied: i64,
    /// They asked for no more.
    pub opted_out: i64,
    /// That is where they ended.
    pub failed: i64,
}

/// Something that variants are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Who has seen it, of those sent to.
    Read,
    /// Who wrote back, of those sent to.
    Replied,
    /// Who asked for no more, of those sent to.
    OptedOut,
    /// To whom it failed, of all tried.
    Failed,
}

/// Whether a difference could be chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few messages yet.
    TooFew,
    /// The variants may be equally good.
    CouldBeChance,
    /// Hardly.
    HardlyChance,
}

/// The two variants that are farthest apart in one measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// By what.
    pub measure: Measure,
    /// The variant with the largest share.
    pub high: String,
    /// The one with the smallest.
    pub low: String,
    /// How often chance alone makes a difference at least as large; `None`: too few messages.
    pub p: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
    /// All of it in a sentence.
    pub sentence: String,
}

impl Measure {
    const ALL: [Self; 4] = [Self::Read, Self::Replied, Self::OptedOut, Self::Failed];

    fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Replied => "replied",
            Self::OptedOut => "asked for no more",
            Self::Failed => "failed",
        }
    }

    /// Of how many, how many.
    fn of(self, figures: &VariantFigures) -> Share {
        let (part, whole) = match self {
            Self::Read => (figures.read, figures.sent),
            Self::Replied => (figures.replied, figures.sent),
            Self::OptedOut => (figures.opted_out, figures.sent),
            Self::Failed => (figures.failed, figures.sent + figures.failed),
        };
        Share { part: count(part).min(count(whole)), whole: count(whole) }
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy)]
struct Share {
    part: u32,
    whole: u32,
}

impl Share {
    fn rate(self) -> f64 {
        if self.whole == 0 { 0.0 } else { f64::from(self.part) / f64::from(self.whole) }
    }

    fn words(self) -> String {
        format!("{:.1} % ({} of {})", self.rate() * 100.0, self.part, self.whole)
    }
}

fn count(figure: i64) -> u32 {
    u32::try_from(figure.max(0)).unwrap_or(u32::MAX)
}

/// Compares the variants by each measure. Fewer than two compare with nothing.
#[must_use]
pub fn compare(variants: &[VariantFigures]) -> Vec<Comparison> {
    if variants.len() < 2 {
        return Vec::new();
    }
    Measure::ALL.into_iter().filter_map(|measure| by(measure, variants)).collect()
}

fn by(measure: Measure, variants: &[VariantFigures]) -> Option<Comparison> {
    let shares: Vec<(&str, Share)> =
        variants.iter().map(|each| (each.name.as_str(), measure.of(each))).collect();
    let order = |one: &&(&str, Share), other: &&(&str, Share)| one.1.rate().total_cmp(&other.1.rate());
    // Of equal ones the first is named high and the last low, so that two are named.
    let (high, most) = *shares.iter().rev().max_by(order)?;
    let (low, least) = *shares.iter().rev().min_by(order)?;
    // With several variants some pair is far apart by chance more often: the more pairs, the rarer it has to be.
    let pairs = f64::from(count(i64::try_from(shares.len() * (shares.len() - 1) / 2).unwrap_or(1)));
    let p = chance(most, least).map(|p| (p * pairs).min(1.0));
    let (verdict, end) = match p {
        None => (Verdict::TooFew, "too few messages to tell".to_owned()),
        Some(p) if p <= HARDLY => (Verdict::HardlyChance, format!("hardly chance (p {})", written(p))),
        Some(p) => (Verdict::CouldBeChance, format!("this could be chance (p {})", written(p))),
    };
    let sentence = format!("{}: {high} {}, {low} {}: {end}", measure.words(), most.words(), least.words());
    Some(Comparison { measure, high: high.to_owned(), low: low.to_owned(), p, verdict, sentence })
}

fn written(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("= {p:.3}") }
}

/// How often chance alone makes a difference at least this large: the two-sided test of two proportions. `None`: there is
/// too little to tell.
fn chance(one: Share, other: Share) -> Option<f64> {
    let (wholes, parts) =
        (f64::from(one.whole) + f64::from(other.whole), f64::from(one.part) + f64::from(other.part));
    if one.whole == 0 || other.whole == 0 {
        return None;
    }
    let pooled = parts / wholes;
    let smaller = f64::from(one.whole.min(other.whole));
    if smaller * pooled < LEAST_EXPECTED || smaller * (1.0 - pooled) < LEAST_EXPECTED {
        return None;
    }
    let spread =
        (pooled * (1.0 - pooled) * (1.0 / f64::from(one.whole) + 1.0 / f64::from(other.whole))).sqrt();
    let distance = (one.rate() - other.rate()).abs() / spread;
    Some(complement_of_error(distance / std::f64::consts::SQRT_2))
}

/// The complementary error function of what is not negative, to seven digits (Abramowitz and Stegun 7.1.26).
fn complement_of_error(x: f64) -> f64 {
    const FACTORS: [f64; 5] = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = FACTORS.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, sent: i64, read: i64) -> VariantFigures {
        let (weight, people, delivered) = (1, sent, read);
        let (replied, opted_out, failed) = (0, 0, 0);
        VariantFigures {
            name: name.into(),
            weight,
            people,
            sent,
            delivered,
            read,
            replied,
            opted_out,
            failed,
        }
    }

    fn reading(variants: &[VariantFigures]) -> Comparison {
        compare(variants).into_iter().find(|each| each.measure == Measure::Read).unwrap()
    }

    #[test]
    fn differences_are_judged_as_the_tables_of_the_test_say() {
        // z = 2.8441, p = 0.00445; z = 0.9864, p = 0.32394; z = 1.96, p = 0.05: from the tables of the normal distribution.
        for (one, other, p) in [((1_000, 340), (1_000, 281), 0.004_5), ((1_000, 300), (1_000, 280), 0.324)] {
            let found = reading(&[variant("a", one.0, one.1), variant("b", other.0, other.1)]);
            assert!((found.p.unwrap() - p).abs() < 0.000_6, "{found:?}");
        }
        for (x, value) in [(0.0, 1.0), (1.0, 0.157_299_2), (1.385_929_3, 0.049_995_8), (4.0, 1.541_73e-8)] {
            assert!((complement_of_error(x) - value).abs() < 2e-6, "{x}: {}", complement_of_error(x));
        }
    }

    #[test]
    fn it_is_said_in_a_sentence() {
        let found = reading(&[variant("a", 1_000, 281), variant("b", 1_000, 340)]);
        assert_eq!(
            found.sentence,
            "read: b 34.0 % (340 of 1000), a 28.1 % (281 of 1000): hardly chance (p = 0.004)"
        );
        assert_eq!(
            (found.verdict, found.high.as_str(), found.low.as_str()),
            (Verdict::HardlyChance, "b", "a")
        );
        let found = reading(&[variant("a", 1_000, 300), variant("b", 1_000, 280)]);
        assert_eq!(found.verdict, Verdict::CouldBeChance);
        assert!(found.sentence.ends_with("this could be chance (p = 0.324)"), "{found:?}");
    }

    #[test]
    fn too_few_say_nothing() {
        for (one, other) in
            [((0, 0), (0, 0)), ((10, 6), (10, 1)), ((1_000, 2), (1_000, 0)), ((500, 100), (0, 0))]
        {
            let found = reading(&[variant("a", one.0, one.1), variant("b", other.0, other.1)]);
            assert_eq!((found.verdict, found.p), (Verdict::TooFew, None), "{found:?}");
        }
        let found = reading(&[variant("a", 0, 0), variant("b", 0, 0)]);
        assert_eq!(
            (found.high.as_str(), found.low.as_str()),
            ("a", "b"),
            "two are named even if they are equal"
        );
        assert!(compare(&[variant("a", 10, 1)]).is_empty());
    }

    #[test]
    fn among_many_variants_a_difference_has_to_be_larger() {
        let two = reading(&[variant("a", 1_000, 300), variant("b", 1_000, 345)]);
        let four: Vec<_> = [("a", 300), ("b", 345), ("c", 320), ("d", 321)]
            .map(|(name, read)| variant(name, 1_000, read))
            .into();
        assert_eq!(two.verdict, Verdict::HardlyChance);
        assert_eq!(reading(&four).verdict, Verdict::CouldBeChance);
    }
}
