//! A campaign through all three providers, which report what becomes of it to a listener: every report is believed and kept,
//! and names the attempt that it is about.

use crate::{
    office::{APP_SECRET, Office},
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
        simulator::Webhook,
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
    let origin = format!("http://{}", listener.address());
    let hook = |provider, path: String, secret: &str| Webhook {
        provider,
        url: format!("{origin}{path}"),
        secret: secret.to_owned(),
        numbers: Vec::new(),
        account: "AC1".to_owned(),
        connect: None,
    };
    world.follow(SCRIPT);
    world.simulator.add_webhook(hook(ProviderKind::Meta, office.meta_path(), APP_SECRET)).unwrap();
    world.simulator.add_webhook(hook(ProviderKind::Ultramsg, office.ultramsg_path(), "")).unwrap();
    world.simulator.add_webhook(hook(ProviderKind::Twilio, office.twilio_path(), "t0ken")).unwrap();
    world.campaign(Camp::of(60)).await;
    let public = origin.parse().unwrap();
    let sender = world.sender_with(&world.database, |config| config.public = Some(public)).await;
    world.until_all_accepted(20).await;
    until("everything is reported", 20, async || office.kept_count().await == 240).await;
    until("and answered", 5, async || world.simulator.posted().delivered == 240).await;
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
