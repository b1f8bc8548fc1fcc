//! Texts that are nearly the same: providers and gateways take one text sent to many for spam.

use super::opt_out;
use super::template::{Text, Variable};
use std::collections::HashSet;

/// From here on two texts count as nearly the same.
pub const NEARLY: f64 = 0.85;

/// How alike two texts are, from 0 to 1: the share of their pairs of neighbouring words that both have. Capitals, signs and
/// the line that says how to stop do not count.
#[must_use]
pub fn likeness(one: &Text, other: &Text) -> f64 {
    let (one, other) = (words(one), words(other));
    if one == other {
        return 1.0;
    }
    let (one, other) = (pairs(&one), pairs(&other));
    let both = one.intersection(&other).count();
    let all = one.union(&other).count();
    if all == 0 { 0.0 } else { count(both) / count(all) }
}

/// Whether everybody gets the very same words: no variable of the text differs from person to person.
#[must_use]
pub fn is_same_for_all(text: &Text) -> bool {
    text.variables().iter().all(|variable| **variable == Variable::Day)
}

fn words(text: &Text) -> Vec<String> {
    opt_out::without_line(text.source())
        .split(|each: char| !each.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn pairs(words: &[String]) -> HashSet<(&str, &str)> {
    words.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Text {
        Text::parse(source).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    #[test]
    fn small_changes_leave_texts_alike_and_other_words_do_not() {
        let sale = "Hello {{name}}, our summer sale begins on Monday: twenty percent off everything in the shop, all week";
        for (other, alike) in [
            (sale, true),
            (
                "HELLO {{name}}! Our summer sale begins on Monday - twenty percent off everything in the shop all week",
                true,
            ),
            (
                "Hello {{name}}, our summer sale begins on Monday: twenty percent off everything in the shop, all week!!\n\nReply STOP to get no more messages.",
                true,
            ),
            ("Hello {{name}}, our summer sale begins on Friday: thirty percent off shoes, today only", false),
            ("Your order has been sent and arrives tomorrow before noon", false),
        ] {
            let found = likeness(&text(sale), &text(other));
            assert_eq!(found >= NEARLY, alike, "{found}: {other}");
        }
        assert!((likeness(&text("Hi"), &text("Bye"))).abs() < f64::EPSILON);
    }

    #[test]
    fn a_text_without_anything_of_the_person_is_the_same_for_all() {
        for (source, same) in
            [("Day {{day}}", true), ("Hello", true), ("Hi {{name|you}}", false), ("{{city}}", false)]
        {
            assert_eq!(is_same_for_all(&text(source)), same, "{source}");
        }
    }
}
