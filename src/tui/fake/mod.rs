//! A scripted world for the console's tests: nothing, one row, many, or a database that is away.

use crate::domain::action::{Subject, Version};
use crate::domain::campaign::{Failover, Steering};
use crate::domain::ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, PoolId, RecipientId};
use crate::domain::money::Money;
use crate::domain::number::ProviderKind;
use crate::domain::phone::Phone;
use crate::domain::pulse::Pulse;
use crate::domain::ratio::Ratios;
use crate::domain::text::{Safe, Shown};
use crate::store::view::*;
use chrono::{DateTime, Duration, TimeZone as _, Utc};
use std::sync::Arc;
use uuid::Uuid;

mod alerts;
mod audit;
mod desk;
mod draft;
pub mod forecast;
mod pools;
mod progress;
mod settings;
mod slots;
mod talk;
pub use alerts::{alerts, handover, load_of_number, number_report};
pub use audit::{audit_entry, audit_rows};
pub use desk::{Desk, World};
pub use draft::{audience_count, file_check, findings, known_to_files};
pub use pools::pool_views;
pub use progress::{progress_view, queue};
pub use settings::{channels, settings};
pub use slots::{slot_holders, slot_reset, slots_view};
pub use talk::*;

/// The hour of every test: 14:03:22 in Douala.
pub fn wall() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 4, 13, 3, 22).unwrap()
}

fn ago(seconds: i64) -> DateTime<Utc> {
    wall() - Duration::seconds(seconds)
}

pub fn id(kind: u8, number: u64) -> Uuid {
    Uuid::from_u128(
        (0x019b_0000_0000_7000_8000_0000_0000_0000 + (u128::from(kind) << 40)) + u128::from(number),
    )
}

pub fn number_id(number: u64) -> NumberId {
    NumberId(id(1, number))
}

pub fn campaign_id(number: u64) -> CampaignId {
    CampaignId(id(2, number))
}

pub fn pool_id(number: u64) -> PoolId {
    PoolId(id(7, number))
}

pub fn recipient_id(number: u64) -> RecipientId {
    RecipientId(id(3, number))
}

pub fn attempt_id(number: u64) -> AttemptId {
    AttemptId(id(4, number))
}

pub fn instance_id(number: u64) -> InstanceId {
    InstanceId(id(5, number))
}

pub fn phone(number: u64) -> Phone {
    Phone::parse(&format!("+2376{:08}", number % 100_000_000)).unwrap()
}

pub fn session() -> Session {
    Session {
        operator: "anna".into(),
        role: "manager".into(),
        organisation: "acme".into(),
        environment: "PROD".into(),
        production: true,
        database: "db1".into(),
        zone: chrono_tz::Africa::Douala,
        may_write: true,
        instance: Some(instance_id(1)),
        on_terminal_loss: "sending here ends in order; other instances go on".into(),
    }
}

pub fn hold(short: &str, sentence: &str, in_seconds: i64) -> HoldView {
    HoldView { short: short.into(), sentence: sentence.into(), until: Some(ago(-in_seconds)) }
}

pub fn number(at: u64, name: &str) -> NumberRow {
    NumberRow {
        id: number_id(at),
        version: Version(3),
        phone: phone(4410 + at),
        name: Shown::new(name),
        remarks: crate::domain::number::Remarks::default(),
        setup: crate::domain::number::Setup { sender_id: format!("10{at}"), ..Default::default() },
        account: "acme-meta".into(),
        provider: ProviderKind::Meta,
        priority: i32::try_from(at).unwrap(),
        standing: NumberStanding::Active,
        pulse: Pulse::Well,
        warns: None,
        hold: None,
        daily_limit: Some(10_000),
        limit_today: Some(10_000),
        warm_up: None,
        account_room: None,
        used_today: 6_200,
        pacing: crate::domain::number::Pacing {
            interval: std::time::Duration::ZERO,
            per_second: 80,
            in_flight: 40,
        },
        slowed: None,
        last_minute: 1_240,
        errors: (2, 1_000),
        last_error: None,
        in_air: 6,
        holder: Some("host-a".into()),
    }
}

fn pool_row(at: u64, name: &str, members: Vec<NumberId>) -> PoolRow {
    PoolRow { id: pool_id(at), name: name.into(), version: Version(2), numbers: members.clone(), members }
}

fn numbers() -> Vec<NumberRow> {
    let mut rows: Vec<NumberRow> = ["support-a", "support-b", "promo", "promo-2", "gateway", "reserve"]
        .into_iter()
        .zip(1..)
        .map(|(name, at)| number(at, name))
        .collect();
    rows[1].used_today = 4_800;
    rows[1].last_minute = 980;
    rows[2].standing =
        NumberStanding::Limited { until: ago(-41), reason: "3 rate-limit errors in 60 s".into() };
    (rows[2].used_today, rows[2].last_minute, rows[2].errors) = (9_112, 0, (39, 1_000));
    rows[2].last_error = Some("131056 pair rate".into());
    rows[3].standing = NumberStanding::Suspended {
        reason: "quality LOW".into(),
        since: ago(325),
        until: None,
        by: "bea".into(),
    };
    (rows[3].used_today, rows[3].last_minute, rows[3].errors) = (1_200, 0, (110, 1_000));
    rows[3].in_air = 0;
    rows[3].holder = None;
    rows[4].provider = ProviderKind::Ultramsg;
    rows[4].account = "acme-ultra".into();
    (rows[4].daily_limit, rows[4].used_today, rows[4].last_minute) = (Some(250), 250, 0);
    rows[4].limit_today = Some(250);
    rows[4].hold = Some(hold("cap reached", "number cap reached: 250 of 250 today", 9 * 3600 + 56 * 60 + 38));
    rows[5].standing = NumberStanding::Disabled;
    (rows[5].used_today, rows[5].last_minute, rows[5].errors, rows[5].in_air) = (0, 0, (0, 0), 0);
    rows[5].priority = 9;
    rows
}

pub fn campaign(at: u64, name: &str, standing: CampaignStanding) -> CampaignRow {
    CampaignRow {
        id: campaign_id(at),
        version: Version(7),
        name: Shown::new(name),
        standing,
        since: ago(3_102),
        by: "anna".into(),
        hold: None,
        counts: Counts::default(),
        sent: 0,
        in_air: 0,
        per_second: 0.0,
        starts_at: None,
        behind: None,
        done_at: None,
        terms: Steering {
            priority: 10,
            weight: 1,
            daily_limit: Some(5_000),
            pool: pool_id(1),
            failover: Failover::Pool,
            window: "09:00-20:00 mon-sat".parse().ok(),
            only_number: None,
        },
        zoned: false,
        rollout: None,
        enrolling: None,
    }
}

fn campaigns() -> Vec<CampaignRow> {
    let mut news = campaign(1, "spring-news", CampaignStanding::Active);
    news.counts = Counts {
        planned: 200_041,
        queued: 95_400,
        sending: 12,
        accepted: 5_894,
        delivered: 57_037,
        read: 41_077,
        failed: 311,
        in_doubt: 2,
        skipped: 308,
    };
    (news.in_air, news.per_second, news.done_at) = (12, 38.1, Some(ago(-38 * 60)));
    let mut vip = campaign(2, "spring-vip", CampaignStanding::Paused);
    vip.counts = Counts { planned: 20_000, queued: 15_797, delivered: 4_201, failed: 2, ..Counts::default() };
    (vip.by, vip.since) = ("bea".into(), ago(3));
    let mut held = campaign(3, "winter-sale", CampaignStanding::Active);
    held.counts = Counts { planned: 500, queued: 250, delivered: 250, ..Counts::default() };
    held.hold =
        Some(hold("cap reached", "every number is at its cap: 250 of 250 today", 9 * 3600 + 56 * 60 + 38));
    let mut broken = campaign(4, "broken-sums", CampaignStanding::Active);
    broken.counts = Counts { planned: 100, queued: 40, delivered: 57, ..Counts::default() };
    let mut may = campaign(5, "feedback-may", CampaignStanding::Scheduled);
    may.counts = Counts { planned: 200_041, queued: 200_041, ..Counts::default() };
    may.starts_at = Some(ago(-3_400));
    let mut done = campaign(6, "easter", CampaignStanding::Completed);
    done.counts =
        Counts { planned: 1_000, delivered: 900, read: 60, failed: 30, skipped: 10, ..Counts::default() };
    let mut rows = vec![news, vip, held, broken, may, done];
    for row in &mut rows {
        row.sent = row.counts.reached();
    }
    rows
}

fn instance(at: u64, host: &str, in_air: u32) -> InstanceRow {
    InstanceRow {
        id: instance_id(at),
        host: host.into(),
        operator: "anna".into(),
        version: "0.1.0".into(),
        started_at: ago(4_000),
        seen_at: ago(2),
        sends: true,
        in_air,
        phase: "sending".into(),
    }
}

pub fn empty_overview() -> Overview {
    Overview {
        at: wall(),
        took: std::time::Duration::from_millis(3),
        numbers: vec![],
        campaigns: vec![],
        campaigns_total: 0,
        instances: vec![instance(1, "host-a", 0)],
        leases: vec![],
        accounts: vec![],
        pools: vec![],
        operators: vec![],
        stop: None,
        per_second: 0.0,
        queued: 0,
        in_air: 0,
        alerts: 0,
        in_doubt: 0,
        unread: 0,
        heard_at: None,
        capacity: None,
    }
}

pub fn one_overview() -> Overview {
    let mut campaign = campaign(1, "hello", CampaignStanding::Draft);
    campaign.counts = Counts { planned: 1, queued: 1, ..Counts::default() };
    let mut number = number(1, "support-a");
    (number.used_today, number.last_minute, number.in_air, number.errors) = (0, 0, 0, (0, 0));
    Overview {
        numbers: vec![number],
        campaigns: vec![campaign],
        campaigns_total: 1,
        accounts: vec![AccountRow {
            id: AccountId(id(6, 1)),
            name: "acme-meta".into(),
            provider: ProviderKind::Meta,
        }],
        pools: vec![pool_row(1, "default", vec![number_id(1)])],
        queued: 1,
        capacity: Some((10_000, 10_000)),
        ..empty_overview()
    }
}

pub fn many_overview() -> Overview {
    let mut second = instance(2, "host-b", 4);
    second.seen_at = ago(14);
    Overview {
        numbers: numbers(),
        campaigns: campaigns(),
        campaigns_total: 41,
        pools: vec![
            pool_row(1, "default", (1..=6).map(number_id).collect()),
            pool_row(2, "reserve", vec![number_id(6)]),
        ],
        instances: vec![instance(1, "host-a", 8), second],
        leases: (1..=3)
            .map(|at| LeaseRow {
                number: number_id(at),
                instance: instance_id(1 + at % 2),
                epoch: 4,
                renewed_at: ago(2),
                expires_at: ago(-13),
            })
            .collect(),
        operators: vec![
            Presence { operator: "bea".into(), viewing: Some(Subject::Campaign(campaign_id(5))) },
            Presence { operator: "carl".into(), viewing: None },
        ],
        per_second: 41.8,
        queued: 18_402,
        in_air: 12,
        alerts: 0,
        in_doubt: 2,
        unread: 5,
        heard_at: Some(ago(120)),
        capacity: Some((61_240, 103_000)),
        ..one_overview()
    }
}

pub fn recipient(at: u64) -> RecipientRow {
    const STATES: [MessageState; 6] = [
        MessageState::Delivered,
        MessageState::Accepted,
        MessageState::Failed,
        MessageState::Queued,
        MessageState::Read,
        MessageState::InDoubt,
    ];
    const NAMES: [&str; 5] = ["Anna M.", "José P.", "Li W. 李伟", "O. Demir", "K. Novák"];
    let state = STATES[usize::try_from(at % 6).unwrap()];
    RecipientRow {
        id: recipient_id(at),
        version: Version(1),
        campaign: campaign_id(1),
        campaign_name: "spring-news".into(),
        campaign_completed: false,
        phone: phone(411 + at * 7),
        name: Shown::new(NAMES[usize::try_from(at % 5).unwrap()]),
        state,
        tries: if state == MessageState::Failed { 3 } else { 1 },
        updated_at: ago(i64::try_from(at).unwrap()),
        number: Some(if at.is_multiple_of(2) { "support-a" } else { "support-b" }.into()),
        error: (state == MessageState::Failed).then(|| "131049 engagement limit".into()),
    }
}

pub fn doubt(at: u64) -> DoubtRow {
    DoubtRow {
        id: attempt_id(at),
        version: Version(1),
        about: Subject::Recipient(recipient_id(at)),
        campaign: "spring-news".into(),
        phone: phone(900 + at),
        name: "O. Demir".into(),
        number: "support-b".into(),
        started_at: ago(125 + i64::try_from(at).unwrap()),
        evidence: "connection closed after the request was written".into(),
        asked: (3, "provider knows no such message yet".into()),
    }
}

fn attempt(at: u64, number: &str, outcome: &str, code: Option<&str>, words: &str) -> AttemptLine {
    AttemptLine {
        id: attempt_id(at),
        version: Version(1),
        step: 1,
        started_at: ago(i64::try_from(at).unwrap() * 1_800 + 15),
        took: Some(std::time::Duration::from_millis(640)),
        number: number.into(),
        outcome: outcome.into(),
        code: code.map(Into::into),
        words: words.into(),
        provider_message_id: None,
        instance: "host-a".into(),
        said: Some("Hello Ana, your spring offer ends on Friday. Reply STOP to get no more.".into()),
        receipts: Vec::new(),
    }
}

pub fn recipient_detail(id: RecipientId) -> RecipientDetail {
    RecipientDetail {
        id,
        country: Some("CM".into()),
        step: (1, 1),
        variant: None,
        due_at: Some(ago(-1_700)),
        planned_on: None,
        hold: Some(hold("retry later", "WhatsApp limits marketing to this person", 1_700)),
        gates: vec![
            Gate {
                name: "campaign runs".into(),
                open: true,
                binds: false,
                found: "active since 13:11".into(),
                until: None,
            },
            Gate {
                name: "recipient is due".into(),
                open: false,
                binds: true,
                found: "waits after refusal 131049".into(),
                until: Some(ago(-1_700)),
            },
        ],
        attempts: vec![
            attempt(
                0,
                "support-a",
                "rejected",
                Some("131049"),
                "This message was not delivered to maintain healthy ecosystem engagement.",
            ),
            attempt(1, "support-b", "rejected", Some("131049"), "engagement limit"),
            attempt(2, "promo", "not sent", Some("connect"), "connection refused"),
            AttemptLine {
                provider_message_id: Some("wamid.HBgM00001".into()),
                receipts: vec![
                    ReceiptLine { what: "sent".into(), at: ago(86_399), why: None },
                    ReceiptLine { what: "delivered".into(), at: ago(86_390), why: None },
                ],
                ..attempt(48, "support-a", "accepted", None, "")
            },
        ],
        elsewhere: vec![
            ElsewhereLine {
                campaign: "spring-vip".into(),
                state: MessageState::Read,
                reason: None,
                step: (1, 1),
                variant: None,
                last_attempt_at: Some(ago(90_000)),
            },
            ElsewhereLine {
                campaign: "welcome".into(),
                state: MessageState::Skipped,
                reason: Some("missing variable: city".into()),
                step: (1, 7),
                variant: Some("b".into()),
                last_attempt_at: None,
            },
        ],
    }
}

pub fn number_detail(id: NumberId) -> NumberDetail {
    let line = |seconds, by: &str, what: &str| LogLine { at: ago(seconds), by: by.into(), what: what.into() };
    NumberDetail {
        id,
        notes: "backup of support-a".into(),
        pools: vec!["default".into()],
        health: HealthView {
            state: Some("sendable".into()),
            words: "CONNECTED".into(),
            approval: Some("name APPROVED, code VERIFIED".into()),
            quality: Some("green".into()),
            people: Some(10_000),
            unlimited: false,
            checked_at: Some(ago(190)),
            well_since: Some(ago(7_200)),
        },
        vitals: VitalsView {
            pulse: Pulse::Well,
            since: Some(ago(7_200)),
            words: "412 of 430 (96%) arrived in time, usually 95%".into(),
            ratios: Ratios { tried: 6_230, failed: 62, blocked: 9 },
            failed_on: false,
            blocked_on: false,
            cost: Money::of(Some(1_250), Some("EUR")),
            canary: Some(("delivered (standby)".into(), ago(90_000))),
            no_canary: Some(
                "the canary phone did not write to it within 24 hours, and no canary template is set".into(),
            ),
        },
        gates: vec![
            Gate {
                name: "number may send".into(),
                open: true,
                binds: false,
                found: "active".into(),
                until: None,
            },
            Gate {
                name: "day's cap".into(),
                open: true,
                binds: false,
                found: "6 200 of 10 000".into(),
                until: None,
            },
        ],
        queued: 412,
        per_minute: (0..30).map(|minute| if minute % 7 == 0 { 300 } else { 900 + minute * 10 }).collect(),
        log: vec![
            line(41, "sender", "promo -> support-b: rate limit x3, 412 queued moved"),
            line(41, "sender", "promo rests 60 s (2nd today)"),
            line(325, "bea", "suspended promo-2: \"quality LOW\""),
            line(4_000, "anna", "set support-a priority 2 -> 1"),
        ],
    }
}

pub fn campaign_detail(id: CampaignId) -> CampaignDetail {
    let error = |count, code: &str, words: &str| ErrorLine { code: code.into(), words: words.into(), count };
    CampaignDetail {
        id,
        pool: "default".into(),
        numbers: vec!["support-a".into(), "support-b".into(), "promo".into()],
        today: (104_331, None),
        days: vec![
            DayLine { date: ago(86_400 * 2).date_naive(), sent: 0 },
            DayLine { date: ago(86_400).date_naive(), sent: 52_100 },
            DayLine { date: ago(0).date_naive(), sent: 104_331 },
        ],
        gates: vec![Gate {
            name: "campaign runs".into(),
            open: true,
            binds: false,
            found: "active".into(),
            until: None,
        }],
        steps: vec![StepLine {
            position: 1,
            after: std::time::Duration::ZERO,
            what: "template spring_2026 (de)".into(),
            waiting: 95_400,
        }],
        variants: Variants::None,
        errors: vec![
            error(211, "131049", "engagement limit"),
            error(88, "131026", "not reachable"),
            error(12, "131056", "pair rate limit"),
        ],
        log: vec![
            LogLine { at: ago(3), by: "bea".into(), what: "paused spring-vip".into() },
            LogLine {
                at: ago(3_102),
                by: "anna".into(),
                what: "launched spring-news: 200 041 recipients".into(),
            },
        ],
    }
}

pub fn event(at: DateTime<Utc>, kind: LiveKind, number: &str) -> LiveEvent {
    let failed = kind != LiveKind::Ok;
    LiveEvent {
        at,
        kind,
        attempt: Some(attempt_id(1)),
        recipient: Some(recipient_id(1)),
        campaign: "spring-news".into(),
        number: Safe::new(number),
        to_number: None,
        phone: Some(phone(77)),
        took: Some(std::time::Duration::from_millis(640)),
        code: failed.then(|| "131056".into()),
        words: if failed { "pair rate limit".into() } else { "".into() },
        provider_message_id: Some("wamid.HBgM00000".into()),
        instance: "host-a".into(),
    }
}

pub fn events(count: i64) -> Vec<Arc<LiveEvent>> {
    let kinds = [
        LiveKind::Ok,
        LiveKind::Ok,
        LiveKind::Fail,
        LiveKind::Ok,
        LiveKind::Retry,
        LiveKind::Move,
        LiveKind::Doubt,
    ];
    (0..count)
        .map(|at| {
            let back = Duration::milliseconds((count - at) * 137);
            let kind = kinds[usize::try_from(at % 7).unwrap()];
            let number = if kind == LiveKind::Ok && at % 2 == 0 { "support-a" } else { "promo" };
            let mut event = event(wall() - back, kind, number);
            if kind == LiveKind::Move {
                (event.to_number, event.attempt, event.recipient) = (Some("support-b".into()), None, None);
                event.words = "412 queued  rate limit x3".into();
            }
            Arc::new(event)
        })
        .collect()
}
