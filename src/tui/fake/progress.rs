//! A campaign of forty days that fell behind on two of its first ones.

use super::{campaign_id, wall};
use crate::domain::text::{Safe, Shown};
use crate::store::view::{ErrorLine, PaceView, ProgressDay, ProgressView, QueueLine, SkipReason};
use chrono::Days;

pub fn progress_view(rows: u64) -> ProgressView {
    if rows == 0 {
        return ProgressView::default();
    }
    let begin = wall().date_naive() - Days::new(9);
    let day = |nth: u64| ProgressDay {
        date: begin + Days::new(nth),
        planned: if nth < 40 { 250 } else { 0 },
        sent: match nth {
            3 => 120,
            4 => 0,
            0..=8 => 250,
            9 => 61,
            _ => 0,
        },
    };
    let reason = |code: &str, words: &str, people| SkipReason {
        code: Safe::new(code),
        words: Safe::new(words),
        people,
    };
    ProgressView {
        days: (0..40).map(day).collect(),
        skipped: vec![
            reason("missing_variable", "missing variable: city", 211),
            reason("opted_out", "opted out", 88),
            reason("no_consent", "no consent", 9),
        ],
        pace: PaceView {
            until: Some(wall()),
            sent: (0..200_u64)
                .map(|minute| if (60..80).contains(&minute) { 0 } else { 30 + minute % 17 })
                .collect(),
        },
        errors: vec![
            ErrorLine { code: "131049".into(), words: "engagement limit".into(), count: 240 },
            ErrorLine { code: "131026".into(), words: "undeliverable".into(), count: 71 },
        ],
        behind: None,
        followers: vec![Shown::new("feedback-may")],
    }
}

pub fn queue(rows: u64) -> Vec<QueueLine> {
    if rows < 2 {
        return Vec::new();
    }
    vec![QueueLine { campaign: campaign_id(5), behind: Shown::new("spring-news") }]
}
