//! A number suspended, a limit near, a campaign finished.

use super::wall;
use crate::domain::ids::AlertId;
use crate::domain::text::{Safe, Shown};
use crate::store::number_move::BoundWork;
use crate::store::view::Load;
use crate::store::view::{AlertRow, HandoverSection, HandoverView, Severity};
use chrono::TimeDelta;
use uuid::Uuid;

pub fn alerts(rows: u64) -> Vec<AlertRow> {
    if rows == 0 {
        return Vec::new();
    }
    let row = |nth: u128, severity, kind: &str, words: &str, minutes| AlertRow {
        id: AlertId(Uuid::from_u128(nth)),
        severity,
        kind: Safe::new(kind),
        words: Shown::new(words),
        raised_at: wall() - TimeDelta::minutes(minutes),
        ended_at: None,
        acknowledged: None,
    };
    let mut over =
        row(2, Severity::Critical, "connection", "the provider of account main does not answer: timeout", 42);
    over.ended_at = Some(wall() - TimeDelta::minutes(40));
    let mut seen = row(
        4,
        Severity::Info,
        "finished",
        "campaign winter is finished: 980 of 1000 people got it, 20 failed, 0 were skipped",
        300,
    );
    seen.acknowledged = Some((Safe::new("bea"), wall() - TimeDelta::minutes(200)));
    vec![
        row(
            1,
            Severity::Critical,
            "suspension",
            "support-a is suspended: number suspended, 131031: account locked",
            3,
        ),
        over,
        row(3, Severity::Warning, "limit", "promo has sent 238 of its 250 messages of the day (95 %)", 12),
        seen,
    ]
}

pub fn handover(rows: u64) -> HandoverView {
    let part = |heading: &str, lines: &[&str]| HandoverSection {
        heading: Safe::new(heading),
        lines: if rows == 0 { Vec::new() } else { lines.iter().map(|line| Shown::new(line)).collect() },
    };
    HandoverView {
        sections: vec![
            part(
                "Now",
                &[
                    "2 sender(s) run; since 14 Mar 08:00: 9 812 accepted, 31 refused, 4 people asked for no more",
                ],
            ),
            part(
                "Suspended numbers",
                &["support-a since 14 Mar 15:57, by sender: number suspended, 131031: account locked"],
            ),
            part("Campaigns", &["spring-news is active; 1 204 of 12 000 people wait, 31 failed"]),
            part("Waits for somebody", &[]),
        ],
    }
}

/// How the numbers did, as a database would say it.
pub fn number_report(rows: u64) -> HandoverView {
    let part = |heading: &str, lines: &[&str]| HandoverSection {
        heading: Safe::new(heading),
        lines: if rows == 0 { Vec::new() } else { lines.iter().map(|line| Shown::new(line)).collect() },
    };
    HandoverView {
        sections: vec![
            part(
                "Suggested for the order",
                &["promo-2: lower its priority, it was taken out of service 3 times"],
            ),
            part(
                "Last two weeks",
                &[
                    "                    SENT   ARR  FAIL  OUT   TESTS     P90  14 DAYS",
                    "support-a          86800   97%    1%    0   96/96     4 s  \u{2583}\u{2585}\u{2588}\u{2586}\u{2585}\u{2585}\u{2587}\u{2588}\u{2586}\u{2585}\u{2585}\u{2586}\u{2587}\u{2588}",
                    "promo-2            12100   71%   11%    3   80/96    41 s  \u{2588}\u{2587}\u{2586}\u{2585}\u{2584}\u{2583}\u{2582}\u{2582} \u{2581} \u{2581}\u{2581}\u{2581}",
                ],
            ),
            part(
                "This week beside the last",
                &["promo-2        worse: 11% failed, 71% arrived (before: 2% failed, 96% arrived)"],
            ),
        ],
    }
}

/// What would move: of one campaign all, of another one nothing.
pub fn load_of_number() -> Load {
    let work = |campaign: &str, queued, stays: Option<&str>| BoundWork {
        campaign_id: crate::domain::ids::CampaignId(uuid::Uuid::nil()),
        campaign: campaign.into(),
        queued,
        stays: stays.map(str::to_owned),
    };
    Load {
        campaigns: vec![work("spring-news", 1_240, None), work("vip", 60, Some("it never switches numbers"))],
        threads: 12,
    }
}
