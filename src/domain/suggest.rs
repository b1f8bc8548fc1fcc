//! "Did you mean …?": the nearest of the names that are known.

/// The known name nearest to `typed`, if one is near enough to be what was meant: at most a third mistyped, or
/// the same but for case, `-` and `_`.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = plain(typed);
    let length = typed.chars().count();
    known
        .into_iter()
        .map(|name| (distance(&typed, &plain(name)), name))
        .filter(|(edits, name)| {
            let longer = name.chars().count().max(length);
            *edits <= (longer / 3).max(1) && *edits < longer
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    // Longer ones are no typing mistake of anything, and the distance takes time by the square.
    name.chars()
        .take(64)
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many characters have to be put in, taken out, replaced or swapped with their neighbour (optimal string
/// alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, from) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(from != to);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && *from == other[column - 1] && one[row - 1] == *to;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_what_was_meant_and_nonsense_finds_nothing() {
        let known =
            ["name", "priority", "pool", "daily_limit", "starts_at", "audience", "steps", "referrer_name"];
        let table = [
            ("dayly_limit", Some("daily_limit")),
            ("dailyLimit", Some("daily_limit")),
            ("referrerName", Some("referrer_name")),
            ("step", Some("steps")),
            ("pirority", Some("priority")),
            ("nmae", Some("name")),
            ("start_at", Some("starts_at")),
            ("colour", None),
            ("x", None),
            ("stop", None),
            ("", None),
        ];
        for (typed, expected) in table {
            assert_eq!(nearest(typed, known), expected, "{typed}");
        }
    }

    #[test]
    fn distances_are_counted_in_edits() {
        let table =
            [("", "", 0), ("a", "", 1), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)];
        for (one, other, edits) in table {
            assert_eq!((distance(one, other), distance(other, one)), (edits, edits), "{one} {other}");
        }
    }
}
