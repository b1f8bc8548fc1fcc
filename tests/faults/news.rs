//! What providers tell of accounts and numbers by themselves changes them, once, and stays readable.

use crate::world::{
    World,
    seed::{Num, Number},
    until,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signalbox::domain::{action::Action, ids::WebhookId};
use signalbox::sender::Sender;
use signalbox::store::{health::Turns, webhook::NewWebhook};
use std::time::Duration;

impl World {
    /// As if Meta had posted it to the number's account.
    async fn tell(&self, number: &Number, field: &str, value: &Value) {
        let account: uuid::Uuid = sqlx::query_scalar("select account_id from whatsapp_numbers where id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        let body = json!({ "entry": [{ "changes": [{ "field": field, "value": value }] }] });
        let webhook = NewWebhook {
            id: WebhookId::new(),
            account: account.into(),
            query: String::new(),
            body: body.to_string().into_bytes(),
        };
        self.store.keep_webhooks(self.organization, &[webhook]).await.unwrap();
        self.until_heard().await;
    }

    async fn until_heard(&self) {
        until("the news is heard", 10, async || {
            self.value::<i64>("select count(*) from webhooks where applied_at is null").await == 0
        })
        .await;
    }

    async fn out(&self) -> i64 {
        self.value("select count(*) from whatsapp_numbers where suspended_at is not null").await
    }

    async fn sender_that_checks(&self) -> Sender {
        let often = Turns {
            usual: Duration::from_secs(60),
            suspended: Duration::from_millis(300),
            apart: Duration::ZERO,
        };
        self.sender_with(&self.database, |config| config.checks = often).await
    }
}

fn restriction(until: Option<i64>) -> Value {
    let mut info = json!({ "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING" });
    if let Some(until) = until {
        info["expiration"] = json!(until);
    }
    json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": [info] })
}

#[tokio::test]
async fn a_restriction_takes_every_number_of_the_account_out_until_its_end() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    world.number(Num::meta().priority(20)).await;
    let elsewhere = world.number(Num::ultramsg().priority(30)).await;
    let sender = world.sender().await;
    let end = Utc::now().timestamp() + 3_600;
    world.tell(&number, "account_update", &restriction(Some(end))).await;
    assert_eq!(world.out().await, 2);
    let ends: Vec<DateTime<Utc>> = sqlx::query_scalar(
        "select distinct suspended_until from whatsapp_numbers where suspended_by = 'sender'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(ends, [DateTime::from_timestamp(end, 0).unwrap()]);
    let (to, words): (uuid::Uuid, String) = sqlx::query_as(
        "select to_number_id, words from failovers where from_number_id = $1 and cause = 'restricted'",
    )
    .bind(number.id.0)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(to, elsewhere.id.0, "to another account");
    assert!(words.contains("RESTRICTED_BIZ_INITIATED_MESSAGING"), "{words}");
    // A longer one prolongs it, a shorter one and one that is over change nothing.
    for (until, expected) in [(end - 60, end), (end + 600, end + 600), (1_000, end + 600)] {
        world.tell(&number, "account_update", &restriction(Some(until))).await;
        let found: DateTime<Utc> = world.value("select max(suspended_until) from whatsapp_numbers").await;
        assert_eq!(found.timestamp(), expected);
    }
    assert_eq!(world.value::<i64>("select count(*) from failovers").await, 2, "one record each");
    let news = world.store.news(world.organization, 10).await.unwrap();
    assert_eq!(news.len(), 4);
    assert_eq!((news[0].change.as_str(), news[0].phone.as_deref()), ("restricted", None));
    assert_eq!(news[0].code, "account_update ACCOUNT_RESTRICTION");
    world.end([sender]).await;
}

#[tokio::test]
async fn the_same_news_again_is_kept_once_and_undoes_nothing() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    let sender = world.sender().await;
    world.tell(&number, "account_update", &restriction(None)).await;
    assert_eq!(world.out().await, 1);
    world.order(Action::ResumeNumber(number.id)).await;
    // As after a crash between keeping it and saying so.
    world.execute("update webhooks set applied_at = null, taken_until = null").await;
    world.until_heard().await;
    assert_eq!((world.out().await, world.value::<i64>("select count(*) from number_events").await), (0, 1));
    world.end([sender]).await;
}

#[tokio::test]
async fn a_reinstatement_asks_for_a_check_and_the_check_brings_the_number_back() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    let other = world.number(Num::meta().priority(20)).await;
    world.order(Action::SuspendNumber { number: other.id, until: None }).await;
    let sender = world.sender_that_checks().await;
    let disabled = json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": "DISABLE" } });
    world.tell(&number, "account_update", &disabled).await;
    until("it is found well, which is not enough", 15, async || {
        world.value::<i32>("select min(well_in_row) from number_health").await >= 3
    })
    .await;
    assert_eq!(world.out().await, 2);
    let reinstated = json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": "REINSTATE" } });
    world.tell(&number, "account_update", &reinstated).await;
    until("it is back", 15, async || world.out().await == 1).await;
    let still: uuid::Uuid =
        world.value("select id from whatsapp_numbers where suspended_at is not null").await;
    assert_eq!(still, other.id.0, "an operator suspended that one");
    world.end([sender]).await;
}

#[tokio::test]
async fn quality_and_limit_are_noted_with_the_numbers_concerned() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    world.number(Num::meta().priority(20)).await;
    let sender = world.sender().await;
    let flagged = |phone: &str| json!({ "display_phone_number": phone, "event": "FLAGGED" });
    world.tell(&number, "phone_number_quality_update", &flagged(&number.phone)).await;
    // A number of somebody else concerns none of ours.
    world.tell(&number, "phone_number_quality_update", &flagged("+15550000000")).await;
    assert_eq!(world.value::<i64>("select count(*) from number_health where quality = 'red'").await, 1);
    let capability = json!({ "max_daily_conversations_per_business": "TIER_2K" });
    world.tell(&number, "business_capability_update", &capability).await;
    assert_eq!(world.value::<i64>("select count(*) from number_health where provider_limit = 2000").await, 2);
    world
        .tell(&number, "business_capability_update", &json!({ "max_daily_conversations_per_business": -1 }))
        .await;
    let unlimited = "select count(*) from number_health where provider_unlimited and provider_limit is null";
    assert_eq!(world.value::<i64>(unlimited).await, 2);
    world.tell(&number, "account_alerts", &json!({ "alert_info": { "alert_type": "x" } })).await;
    let changes: Vec<String> = sqlx::query_scalar("select change from number_events order by at")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(changes, ["quality", "quality", "limit", "limit", "notice"]);
    assert_eq!(world.out().await, 0, "bad quality is shown, and the number kept");
    world.end([sender]).await;
}
