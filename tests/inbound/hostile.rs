//! Bodies that were believed and make no sense: every one is applied or set aside, and none keeps the others waiting.

use crate::{
    corpus,
    mutate::{Chance, mutate},
    office::Office,
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use signalbox::{
    domain::{
        ids::{AccountId, WebhookId},
        number::ProviderKind,
    },
    store::webhook::NewWebhook,
};

fn kept(account: AccountId, body: impl Into<Vec<u8>>) -> NewWebhook {
    NewWebhook { id: WebhookId::new(), account, query: String::new(), body: body.into() }
}

async fn until_applied(world: &World) {
    until("everything is applied or set aside", 60, async || {
        world.value::<i64>("select count(*) from webhooks where applied_at is null").await == 0
    })
    .await;
}

/// A report that the one message of the world was read.
async fn read(world: &World) -> String {
    let attempt: uuid::Uuid = world.value("select id from attempts").await;
    format!(
        r#"{{"event_type":"message_ack","instanceId":"1","id":"","referenceId":"{attempt}","data":{{"ack":"read"}}}}"#
    )
}

async fn until_read(world: &World) {
    until("the report behind them counts", 15, async || {
        world.value::<i64>("select count(*) from campaign_recipients where state = 'read'").await == 1
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_keeps_nothing_waiting() {
    const BODIES: u64 = 3_000;
    let office = Office::open().await;
    let world = &office.world;
    let number = world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let account = |provider| match provider {
        ProviderKind::Meta => office.meta,
        ProviderKind::Twilio => office.twilio,
        ProviderKind::Ultramsg => office.ultramsg,
    };
    let good = corpus::reports();
    let mut bodies = Vec::new();
    for case in 0..BODIES {
        let chance = &mut Chance::of(20_260_102, case);
        let (provider, text) = chance.pick(&good);
        let other = &chance.pick(&good).1;
        bodies.push(kept(account(*provider), mutate(chance, text, other)));
    }
    // Times at both ends of what a program and a database hold.
    for (_, text) in good.iter().filter(|(provider, _)| *provider == ProviderKind::Meta) {
        for time in ["-8334601228800", "-210866803201", "8210266876799", "9224318015999", "253402300800"] {
            bodies.push(kept(office.meta, text.replace("1751142888", time).replace("1749416383", time)));
        }
    }
    bodies.push(kept(world.account_of(&number).await, read(world).await));
    for page in bodies.chunks(200) {
        world.store.keep_webhooks(world.organization, page).await.unwrap();
    }
    until_applied(world).await;
    until_read(world).await;
    let set_aside: i64 = world.value("select count(*) from webhooks where problem is not null").await;
    let refused: i64 =
        world.value("select count(*) from webhooks where problem not like 'is not %' and problem not like '%report is not%'").await;
    assert!(set_aside > 0, "some of them are no reports at all");
    assert_eq!(refused, 0, "whatever could be read could be kept");
    world.end([sender]).await;
}

#[tokio::test]
async fn what_the_database_refuses_is_set_aside_with_the_cause() {
    let office = Office::open().await;
    let world = &office.world;
    let number = world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    world.execute("alter table receipts add constraint not_this_one check (provider_message_id is distinct from 'SM666')").await;
    let status =
        |sid: &str| format!("MessageSid={sid}&MessageStatus=delivered&From=whatsapp%3A%2B14155238886");
    let mut bodies: Vec<NewWebhook> =
        (0..20).map(|nth| kept(office.twilio, status(&format!("SM{nth}")))).collect();
    bodies.insert(7, kept(office.twilio, status("SM666")));
    bodies.push(kept(world.account_of(&number).await, read(world).await));
    world.store.keep_webhooks(world.organization, &bodies).await.unwrap();
    until_applied(world).await;
    until_read(world).await;
    let problems: Vec<String> = sqlx::query_scalar("select problem from webhooks where problem is not null")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("not this one"), "{problems:?}");
    assert_eq!(world.value::<i64>("select count(*) from receipts").await, 21);
    world.end([sender]).await;
}
