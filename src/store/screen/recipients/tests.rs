use super::*;
use crate::domain::filter::{Filter, Scope};

fn terms(text: &str) -> Vec<Term> {
    Filter::parse(text, Scope::Recipients).unwrap().terms
}

#[test]
fn totals_come_from_the_counts_where_these_know_them() {
    let counts =
        Counts { planned: 100, queued: 40, accepted: 50, failed: 7, skipped: 3, ..Counts::default() };
    for (text, expected) in [
        ("", Some(100)),
        ("status:failed", Some(7)),
        ("status:failed,skipped,failed", Some(10)),
        ("-status:queued", Some(60)),
        ("status:failed name:x", None),
        ("phone:+49", None),
    ] {
        assert_eq!(counted(&terms(text), &counts), expected, "{text}");
    }
}

#[test]
fn the_error_column_tells_the_last_failure_or_the_reason_of_a_skip() {
    let said = |code: &str, words: &str| {
        (
            Some(code.to_owned()).filter(|code| !code.is_empty()),
            Some(words.to_owned()).filter(|words| !words.is_empty()),
        )
    };
    for (state, reason, words, expected) in [
        (
            MessageState::Failed,
            Some("recipient_invalid"),
            said("131026", "not reachable"),
            Some("131026 not reachable"),
        ),
        (MessageState::Failed, Some("recipient_invalid"), said("", ""), Some("recipient invalid")),
        (MessageState::Skipped, Some("opted_out"), said("131026", "old"), Some("opted out")),
        (MessageState::Accepted, None, said("131026", "old"), None),
        (MessageState::Queued, None, said("", "timeout"), Some("timeout")),
        (MessageState::Queued, None, said("", ""), None),
    ] {
        assert_eq!(error_of(state, reason, words).as_deref(), expected, "{state:?}");
    }
}
