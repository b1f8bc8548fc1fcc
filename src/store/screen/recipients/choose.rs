//! Which way a list is walked, or why it is not.

use super::{Condition, Field, Path, Pattern, RecipientOrder, Term, digits};

/// Lists up to this length are read and sorted when no index gives their order.
pub(super) const SORTED_ROWS: u64 = 20_000;
/// Lists up to this length are read through for what no index knows.
pub(super) const SEARCHED_ROWS: u64 = 100_000;

/// The path along which a list of `planned` recipients is walked. `one`: it is of one campaign, or of all.
///
/// # Errors
/// A sentence, when it would take too long.
pub(super) fn path(terms: &[Term], order: RecipientOrder, planned: u64, one: bool) -> Result<Path, String> {
    let by_attempt = order == RecipientOrder::Updated;
    let few = if terms.is_empty() { SORTED_ROWS } else { SEARCHED_ROWS };
    if planned <= few {
        return Ok(Path::Sorted(by_attempt));
    }
    if terms.is_empty() && one {
        return Ok(if by_attempt { Path::Tried } else { Path::Enrolled });
    }
    if let Some(digits) = terms.iter().find_map(phone_of) {
        return Ok(Path::Phones(digits));
    }
    if let Some(states) = terms.iter().find_map(exceptional) {
        return Ok(Path::Exceptions(states));
    }
    Err(refusal(terms, planned))
}

/// The beginning of a phone, if the term asks for one and for nothing else.
fn phone_of(term: &Term) -> Option<String> {
    if term.negated {
        return None;
    }
    match &term.condition {
        Condition::Word(pattern) => digits(pattern),
        Condition::Text(Field::Phone, patterns) => match patterns.as_slice() {
            [one] => digits(one),
            _ => None,
        },
        _ => None,
    }
}

/// The states, if the term asks for exceptional ones only: these have an index.
fn exceptional(term: &Term) -> Option<Vec<&'static str>> {
    const EXCEPTIONAL: [&str; 3] = ["failed", "in_doubt", "skipped"];
    match &term.condition {
        Condition::Status(states)
            if !term.negated && states.iter().all(|state| EXCEPTIONAL.contains(state)) =>
        {
            let mut states = states.clone();
            states.sort_unstable();
            states.dedup();
            Some(states)
        }
        _ => None,
    }
}

fn refusal(terms: &[Term], planned: u64) -> String {
    let what = terms.first().map_or("several campaigns at once", |term| field(&term.condition));
    format!(
        "{planned} recipients are too many to look through for {what}; add phone:+237… or status:failed, in_doubt or \
         skipped, or open a smaller campaign"
    )
}

fn field(condition: &Condition) -> &'static str {
    match condition {
        Condition::Word(Pattern::Exact(_) | Pattern::Prefix(_)) => "a name",
        Condition::Status(_) => "this status",
        Condition::Text(field, _) => field.name(),
        Condition::Tries(_) => "tries",
        Condition::Updated(_) => "a time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::{Filter, Scope};

    fn chosen(text: &str, planned: u64) -> Result<Path, String> {
        let filter = Filter::parse(text, Scope::Recipients).unwrap();
        path(&filter.terms, RecipientOrder::Updated, planned, true)
    }

    #[test]
    fn long_lists_are_walked_along_an_index_or_not_at_all() {
        let long = 5_000_000;
        let phones = |digits: &str| Ok(Path::Phones(digits.to_owned()));
        assert_eq!(chosen("", long), Ok(Path::Tried));
        assert_eq!(chosen("status:failed", long), Ok(Path::Exceptions(vec!["failed"])));
        assert_eq!(
            chosen("status:skipped,failed name:x", long),
            Ok(Path::Exceptions(vec!["failed", "skipped"]))
        );
        assert_eq!(chosen("phone:+49151", long), phones("49151"));
        assert_eq!(chosen("49151*", long), phones("49151"));
        assert_eq!(chosen("name:anna phone:\"+49 151\"", long), phones("49151"));
        for refused in [
            "status:queued",
            "status:failed,queued",
            "-status:failed",
            "-phone:+49",
            "anna",
            "name:anna",
            "error:131049",
            "country:cm",
            "tag:vip",
            "try>=3",
            "updated>2h",
            "phone:+49,+50",
        ] {
            let sentence = chosen(refused, long).unwrap_err();
            assert!(sentence.starts_with("5000000 recipients are too many"), "{refused}: {sentence}");
            assert_eq!(chosen(refused, SEARCHED_ROWS), Ok(Path::Sorted(true)), "{refused} in a short list");
        }
    }

    #[test]
    fn order_needs_an_index_or_a_short_list() {
        let of = |order, planned, one| path(&[], order, planned, one);
        assert_eq!(of(RecipientOrder::Enrolled, SORTED_ROWS, true), Ok(Path::Sorted(false)));
        assert_eq!(of(RecipientOrder::Enrolled, SORTED_ROWS + 1, true), Ok(Path::Enrolled));
        assert_eq!(of(RecipientOrder::Updated, SORTED_ROWS + 1, true), Ok(Path::Tried));
        assert!(
            of(RecipientOrder::Updated, SORTED_ROWS + 1, false).unwrap_err().contains("several campaigns")
        );
    }
}
