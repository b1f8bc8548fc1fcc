//! A campaign through all three providers, which report what becomes of it to a listener: every report is believed and kept,
//! and names the attempt that it is about.

use crate::{
    office::Office,
    world::{
        seed::{Camp, Num},
        until,
    },
};
use signalbox::{
    domain::number::ProviderKind,
    provider::{
        meta,
        report::{Delivered, Report},
        twilio, ultramsg,
    },
};
use std::collections::{BTreeMap, BTreeSet};

const SCRIPT: &str = "
receipts = [{ status = 'sent' }, { status = 'delivered', after = '50ms' }, { status = 'read', after = '100ms' }]
[[rule]]
then = { replies = [{ text = 'STOP', name = 'Ana \u{1f600}', after = '150ms' }] }
";

#[tokio::test]
async fn what_the_providers_report_of_a_campaign_is_kept_whole() {
    let office = Office::open().await;
    let world = &office.world;
    for provider in ProviderKind::ALL {
        world.number(Num::at(provider)).await;
    }
    let listener = office.listener().await;
    world.follow(SCRIPT);
    let public = office.register(&listener);
    world.campaign(Camp::of(60)).await;
    let sender = world.sender_with(&world.database, |config| config.public = Some(public)).await;
    world.until_all_accepted(120).await;
    until("everything is reported", 120, async || office.kept_count().await == 240).await;
    until("and answered", 60, async || world.simulator.posted().delivered == 240).await;
    assert_eq!(world.simulator.posted().given_up, 0);
    let sides = world.end([sender]).await;
    assert_eq!(sides.accepted, 60);
    listener.end().await;
    assert_eq!(office.refused().await, []);

    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(
        "select a.provider::text, w.query, w.body from webhooks w join accounts a on a.id = w.account_id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let attempts: BTreeSet<uuid::Uuid> = sqlx::query_scalar::<_, uuid::Uuid>("select id from attempts")
        .fetch_all(&world.pool)
        .await
        .unwrap()
        .into_iter()
        .collect();
    let mut receipts: BTreeMap<uuid::Uuid, usize> = BTreeMap::new();
    let mut stops = 0;
    let mut providers = BTreeSet::new();
    for (provider, query, body) in &rows {
        providers.insert(provider.as_str());
        let reports = match provider.as_str() {
            "meta" => meta::webhook::read(body),
            "twilio" => twilio::webhook::read(&Delivered { query, body }),
            _ => ultramsg::webhook::read(body),
        };
        match &reports.unwrap()[..] {
            [Report::Receipt(receipt)] => *receipts.entry(receipt.attempt.unwrap().0).or_default() += 1,
            [Report::Inbound(inbound)] if inbound.text == "STOP" => stops += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(providers.len(), 3, "each of them had something to say");
    assert_eq!(receipts.keys().copied().collect::<BTreeSet<_>>(), attempts);
    assert!(receipts.values().all(|count| *count == 3), "{receipts:?}");
    assert_eq!(stops, 60);
}

/// Everybody has three messages to come; every other one writes STOP after the first. By the database's own clock the word is
/// honoured soon after its arrival (within a second, on a machine with nothing else to do: the demo shows it), and when the
/// others are due nothing to those people begins.
#[tokio::test]
async fn a_stop_is_honoured_soon_and_nothing_begins_after_it() {
    let office = Office::open().await;
    let world = &office.world;
    world.number(Num::meta()).await;
    let listener = office.listener().await;
    let public = office.register(&listener);
    world.follow("[[rule]]\nwhen = { every = 2, times = 20 }\nthen = { replies = [{ text = 'STOP', after = '100ms' }] }\n");
    world.campaign(Camp::of(40).steps(&[0, 3_600, 3_600])).await;
    let sender = world.sender_with(&world.database, |config| config.public = Some(public)).await;
    world
        .until_counts("everybody has the first, and every word is applied", 120, |counts| {
            counts.attempts == 40 && (counts.queued, counts.skipped) == (20, 20)
        })
        .await;
    for step in [2, 3] {
        // An hour later.
        sqlx::query("update campaign_recipients set due_at = clock_timestamp() where due_at is not null")
            .execute(&world.pool)
            .await
            .unwrap();
        let all = 20 + 20 * step;
        world
            .until_counts("the others have the next", 120, |counts| {
                counts.attempts >= all && counts.sending == 0
            })
            .await;
    }
    let stopped: Vec<(String, f64, i64, i64)> = sqlx::query_as(
        "select s.phone::text, extract(epoch from s.since - w.received_at)::double precision,
                count(a.id) filter (where a.started_at > s.since), count(a.id)
           from suppressions s
           join webhooks w on convert_from(w.body, 'UTF8') like '%' || ltrim(s.phone, '+') || '%STOP%'
           join campaign_recipients r on r.phone = s.phone join attempts a on a.recipient_id = r.id
          group by s.phone, s.since, w.received_at",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(stopped.len(), 20);
    for (phone, seconds, after, all) in &stopped {
        assert!((0.0..30.0).contains(seconds), "{phone} waited {seconds} s");
        assert_eq!((*after, *all), (0, 1), "{phone} was written to afterwards");
    }
    let skipped: i64 =
        world.value("select count(*) from campaign_recipients where reason = 'opted_out'").await;
    assert_eq!(skipped, 20);
    world.end([sender]).await;
    listener.end().await;
}
