//! From a filter's terms to SQL conditions. Values are bound, never written into the text.
//!
//! The conditions speak of `r` (recipient), `p` (contact), `a` (last attempt) and `n` (its number), joined by
//! [`JOINS`]. Postgres leaves out the joins that nothing asks for.

use crate::domain::filter::{Condition, Field, Pattern, Term};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::{Postgres, QueryBuilder};

/// Everything that a condition may speak of, beside the recipient itself.
pub(super) const JOINS: &str = " left join contacts p on p.organization_id = r.organization_id and p.id = r.contact_id \
     left join attempts a on a.organization_id = r.organization_id and a.id = r.last_attempt_id \
     left join whatsapp_numbers n on n.organization_id = r.organization_id and n.id = a.number_id ";

/// When and where a relative time is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub at: DateTime<Utc>,
    pub zone: Tz,
}

/// Adds ` and …` for every term. Terms about the campaign's name are settled before and left out here.
pub(super) fn push_terms(query: &mut QueryBuilder<Postgres>, terms: &[Term], now: Now) {
    for term in terms.iter().filter(|term| !names_campaign(term)) {
        // An unknown value fits nothing, so its opposite fits.
        query.push(if term.negated { " and not coalesce((" } else { " and coalesce((" });
        push_condition(query, &term.condition, now);
        query.push("), false)");
    }
}

/// Whether a term asks for the campaign's name.
pub(super) fn names_campaign(term: &Term) -> bool {
    matches!(&term.condition, Condition::Text(Field::Campaign, _))
}

fn push_condition(query: &mut QueryBuilder<Postgres>, condition: &Condition, now: Now) {
    match condition {
        Condition::Status(states) => {
            let states: Vec<String> = states.iter().map(|state| (*state).to_owned()).collect();
            query.push("r.state::text = any (").push_bind(states).push(")");
        }
        Condition::Word(pattern) => {
            push_name(query, pattern);
            if let Some(digits) = digits(pattern) {
                query.push(" or ");
                push_phone(query, "r.phone", &digits);
            }
        }
        Condition::Text(field, patterns) => {
            for (at, pattern) in patterns.iter().enumerate() {
                query.push(if at == 0 { "(" } else { " or (" });
                push_text(query, *field, pattern);
                query.push(")");
            }
        }
        Condition::Tries(bounds) => {
            let bound = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
            query.push("true");
            if let Some(from) = bounds.from {
                query.push(" and r.tries >= ").push_bind(bound(from));
            }
            if let Some(to) = bounds.to {
                query.push(" and r.tries <= ").push_bind(bound(to));
            }
        }
        Condition::Updated(bounds) => {
            query.push("true");
            if let Some(from) = bounds.from {
                query.push(" and r.updated_at >= ").push_bind(from.at(now.at, now.zone));
            }
            if let Some(to) = bounds.to {
                query.push(" and r.updated_at <= ").push_bind(to.at(now.at, now.zone));
            }
        }
    }
}

fn push_text(query: &mut QueryBuilder<Postgres>, field: Field, pattern: &Pattern) {
    match field {
        Field::Phone => match digits(pattern) {
            Some(digits) => push_phone(query, "r.phone", &digits),
            None => {
                query.push("false");
            }
        },
        Field::Name => push_name(query, pattern),
        Field::Error => {
            push_pattern(query, "lower(a.code)", pattern);
            query.push(" or ");
            push_pattern(query, "lower(r.reason)", pattern);
        }
        Field::Number => {
            push_pattern(query, "lower(n.display_name)", pattern);
            if let Some(digits) = digits(pattern) {
                query.push(" or ");
                push_phone(query, "n.phone", &digits);
            }
        }
        Field::Country => push_pattern(query, "lower(p.country)", pattern),
        Field::Tag => {
            query.push("exists (select from unnest(p.tags) as t (tag) where ");
            push_pattern(query, "lower(t.tag)", pattern);
            query.push(")");
        }
        // Settled before.
        Field::Campaign => {
            query.push("true");
        }
        // The parser makes conditions of their own of these.
        Field::Status | Field::Try | Field::Updated => {
            query.push("false");
        }
    }
}

/// The whole name by its beginning, or one of its words.
fn push_name(query: &mut QueryBuilder<Postgres>, pattern: &Pattern) {
    push_pattern(query, "lower(p.name)", pattern);
    query.push(" or exists (select from regexp_split_to_table(lower(p.name), '[ _-]') as w (part) where ");
    push_pattern(query, "w.part", pattern);
    query.push(")");
}

pub(super) fn push_pattern(query: &mut QueryBuilder<Postgres>, column: &'static str, pattern: &Pattern) {
    match pattern {
        Pattern::Exact(word) => query.push(column).push(" = ").push_bind(word.clone()),
        Pattern::Prefix(word) => {
            query.push("starts_with(").push(column).push(", ").push_bind(word.clone()).push(")")
        }
    };
}

fn push_phone(query: &mut QueryBuilder<Postgres>, column: &'static str, digits: &str) {
    query.push("starts_with(").push(column).push("::text, ").push_bind(format!("+{digits}")).push(")");
}

/// The digits of a pattern that can be the beginning of a phone, whatever its spelling.
pub(super) fn digits(pattern: &Pattern) -> Option<String> {
    let word = pattern.word();
    let spelled = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-'));
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    (spelled && !digits.is_empty()).then_some(digits)
}

/// The first phone that does not begin with these digits any more: the end of an index range.
pub(super) fn end_of_prefix(digits: &str) -> Option<String> {
    let kept = digits.trim_end_matches('9');
    let last = kept.chars().last()?.to_digit(10)?;
    Some(format!("+{}{}", &kept[..kept.len() - 1], last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::{Filter, Scope};

    fn sql(text: &str) -> String {
        let filter = Filter::parse(text, Scope::Recipients).unwrap();
        let mut query = QueryBuilder::new("");
        let now = Now { at: DateTime::UNIX_EPOCH, zone: Tz::UTC };
        push_terms(&mut query, &filter.terms, now);
        query.into_string()
    }

    #[test]
    fn nothing_that_was_typed_stands_in_the_statement() {
        for text in [
            "name:\"x'); drop table contacts; --\"",
            "error:zzz*",
            "number:zzz",
            "country:zzz",
            "tag:zzz",
            "zzz",
            "phone:+4915",
            "status:failed",
            "try>=7",
            "updated>2h",
            "-name:zzz",
        ] {
            let sql = sql(text);
            assert!(!sql.contains("zzz") && !sql.contains("drop") && !sql.contains("4915"), "{sql}");
            assert!(sql.contains('$'), "{sql}");
        }
    }

    #[test]
    fn the_opposite_of_an_unknown_value_fits() {
        assert!(sql("-country:cm").starts_with(" and not coalesce((("));
    }

    #[test]
    fn a_prefix_of_digits_is_a_range() {
        for (digits, end) in [
            ("237", Some("+238")),
            ("2379", Some("+238")),
            ("2399", Some("+24")),
            ("199", Some("+2")),
            ("9", None),
        ] {
            assert_eq!(end_of_prefix(digits).as_deref(), end, "{digits}");
        }
    }
}
