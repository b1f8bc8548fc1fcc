//! What providers report afterwards: rows 38 to 42, and what follows from a failure that is reported late.

use crate::world::{
    Made, World,
    seed::{Camp, Num, Number},
    until,
};
use serde_json::{Value, json};
use signalbox::domain::ids::{AccountId, WebhookId};
use signalbox::store::webhook::NewWebhook;
use std::time::Duration;

/// One accepted or begun attempt, as a provider would name it.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Sent {
    id: uuid::Uuid,
    provider_message_id: Option<String>,
    phone: String,
}

impl World {
    async fn sender_id(&self, number: &Number) -> String {
        sqlx::query_scalar("select instance_id from whatsapp_numbers where id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn sent(&self) -> Vec<Sent> {
        sqlx::query_as(
            "select a.id, a.provider_message_id, r.phone::text as phone from attempts a
               join campaign_recipients r on r.organization_id = a.organization_id and r.campaign_id = a.campaign_id
                and r.id = a.recipient_id where a.provider_message_id is not null order by a.id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// As if Meta had posted it to the number's account.
    async fn report(&self, number: &Number, part: &str, what: Value) {
        let id = self.sender_id(number).await;
        let value = json!({ "metadata": { "phone_number_id": id }, part: [what] });
        let body = json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] });
        self.post(self.account_of(number).await, &body).await;
    }

    async fn post(&self, account: AccountId, body: &Value) {
        let webhook = NewWebhook {
            id: WebhookId::new(),
            account,
            query: String::new(),
            body: body.to_string().into_bytes(),
        };
        self.store.keep_webhooks(self.organization, &[webhook]).await.unwrap();
    }

    async fn until_applied(&self) {
        until("the reports are applied", 10, async || {
            self.value::<bool>(
                "select not exists (select from webhooks where applied_at is null)
                    and not exists (select from receipts c
                                      join attempts a on a.provider_message_id = c.provider_message_id
                                      join whatsapp_numbers n on n.id = a.number_id and n.account_id = c.account_id
                                     where c.applied_at is null)",
            )
            .await
        })
        .await;
    }

    async fn recipients(&self, state: &str) -> i64 {
        sqlx::query_scalar("select count(*) from campaign_recipients where state::text = $1")
            .bind(state)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_recipients(&self, count: i64, state: &str) {
        until(&format!("{count} recipients are {state}"), 15, async || self.recipients(state).await == count)
            .await;
    }
}

fn status(sent: &Sent, status: &str) -> Value {
    json!({ "id": sent.provider_message_id, "status": status, "timestamp": "1751142888" })
}

fn failed(sent: &Sent, code: u32) -> Value {
    let mut value = status(sent, "failed");
    value["errors"] = json!([{ "code": code, "error_data": { "details": "as Meta says it" } }]);
    value
}

fn wrote(from: &str, text: &str, id: &str) -> Value {
    json!({ "from": from.trim_start_matches('+'), "id": id, "type": "text", "text": { "body": text } })
}

#[tokio::test]
async fn row_38_a_report_before_the_outcome_is_kept_and_matched() {
    let world =
        Made::default().script("[[rule]]\nthen = { latency = \"3s\", accept = true }\n").world().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    until("the provider has it", 10, async || !world.simulator.ledger().is_empty()).await;
    let taken = world.simulator.ledger().remove(0);
    assert_eq!(world.attempts("sending").await, 1, "its answer is on the way");
    let early = json!({ "id": taken.id, "status": "delivered", "biz_opaque_callback_data": taken.reference });
    world.report(&number, "statuses", early).await;
    // Without our reference it waits until the answer names its id.
    world.report(&number, "statuses", json!({ "id": taken.id, "status": "read" })).await;
    world.until_recipients(1, "read").await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
    assert_eq!(world.value::<i64>("select count(*) from receipts where applied_at is null").await, 0);
}

#[tokio::test]
async fn row_39_the_same_report_a_hundred_times_is_one() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let sent = world.sent().await.remove(0);
    for _ in 0..50 {
        world.report(&number, "statuses", status(&sent, "delivered")).await;
    }
    for nth in 0..50 {
        // The same event in other bytes.
        let mut again = status(&sent, "delivered");
        again["timestamp"] = json!(nth.to_string());
        world.report(&number, "statuses", again).await;
    }
    world.until_applied().await;
    world.until_recipients(1, "delivered").await;
    assert_eq!(world.value::<i64>("select count(*) from receipts").await, 1);
    let before: String = world.value("select xmin::text from attempts").await;
    world
        .report(&number, "statuses", json!({ "id": sent.provider_message_id, "status": "delivered", "x": 1 }))
        .await;
    world.until_applied().await;
    assert_eq!(
        world.value::<String>("select xmin::text from attempts").await,
        before,
        "nothing is written again"
    );
    world.end([sender]).await;
}

#[tokio::test]
async fn rows_40_and_41_the_view_is_the_furthest_whatever_the_order() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(4)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let sent = world.sent().await;
    for word in ["read", "delivered", "sent"] {
        world.report(&number, "statuses", status(&sent[0], word)).await;
    }
    world.report(&number, "statuses", status(&sent[1], "delivered")).await;
    world.report(&number, "statuses", failed(&sent[1], 131_000)).await;
    world.report(&number, "statuses", failed(&sent[2], 131_026)).await;
    world.until_recipients(1, "failed").await;
    // Several devices: delivered wins, whenever it comes.
    world.report(&number, "statuses", status(&sent[2], "delivered")).await;
    world.report(&number, "statuses", status(&sent[3], "sent")).await;
    world.until_recipients(2, "delivered").await;
    world.until_applied().await;
    let states: Vec<String> = sqlx::query_scalar("select delivery::text from attempts order by id")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(states, ["read", "delivered", "delivered", "sent"]);
    assert_eq!((world.recipients("read").await, world.recipients("accepted").await), (1, 1));
    assert_eq!(world.attempts("accepted").await, 4);
    world.end([sender]).await;
}

#[tokio::test]
async fn row_42_reports_about_others_have_no_effect() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let other = world.account("another", signalbox::domain::number::ProviderKind::Meta, None).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let sent = world.sent().await.remove(0);
    let unknown =
        json!({ "id": "wamid.NOBODY", "status": "read", "biz_opaque_callback_data": uuid::Uuid::now_v7() });
    world.report(&number, "statuses", unknown).await;
    // The right message, reported to an account that did not send it, by id and by reference.
    for named in [
        status(&sent, "read"),
        json!({ "id": "wamid.X", "status": "read", "biz_opaque_callback_data": sent.id }),
    ] {
        let value = json!({ "metadata": { "phone_number_id": "1" }, "statuses": [named] });
        let body = json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] });
        world.post(other, &body).await;
    }
    world.report(&number, "statuses", status(&sent, "sent")).await;
    world.until_applied().await;
    until("the one that is ours is applied", 10, async || {
        world.value::<i64>("select count(*) from receipts where applied_at is not null").await == 1
    })
    .await;
    assert_eq!(
        world.value::<i64>("select count(*) from receipts where applied_at is null").await,
        3,
        "kept aside"
    );
    assert_eq!(world.recipients("accepted").await, 1);
    world.end([sender]).await;
}

#[tokio::test]
async fn a_doubt_is_settled_by_a_report_that_names_the_attempt() {
    let world = Made::default().script("[[rule]]\nthen = { accept_then_cut = true }\n").world().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_recipients(1, "in_doubt").await;
    let taken = world.simulator.ledger().remove(0);
    world
        .report(
            &number,
            "statuses",
            json!({ "id": taken.id, "status": "sent", "biz_opaque_callback_data": taken.reference }),
        )
        .await;
    world.until_recipients(1, "accepted").await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (1, 0, 1));
}

#[tokio::test]
async fn a_failure_that_is_reported_is_judged_as_if_it_had_been_answered() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1)).await;
    let second = world.number(Num::meta().priority(2)).await;
    let campaign = world.campaign(Camp::of(4)).await;
    // One is put off for a day, so that the campaign is not over before its failures are reported.
    let put_off = world.phone(campaign, 3).await;
    world.follow(&format!(
        "[[rule]]\nwhen = {{ recipient = '{}' }}\nthen = {{ error = '131049' }}\n",
        put_off.reveal()
    ));
    let sender = world.sender().await;
    world.until_counts("three are accepted", 15, |counts| counts.accepted == 3 && counts.queued == 1).await;
    let sent = world.sent().await;
    assert_eq!(world.accepted_by(first.id).await, 3);
    // Not on WhatsApp: it ends there. Not now: later, by whichever number. The number is out: by the next one.
    world.report(&first, "statuses", failed(&sent[0], 131_026)).await;
    world.report(&first, "statuses", failed(&sent[1], 131_049)).await;
    world.report(&first, "statuses", failed(&sent[2], 131_045)).await;
    until("the number is suspended", 10, async || {
        world.value::<i64>("select count(*) from whatsapp_numbers where suspended_by = 'sender'").await == 1
    })
    .await;
    until("the message went through the other number", 15, async || world.accepted_by(second.id).await == 1)
        .await;
    world.until_applied().await;
    assert_eq!((world.recipients("failed").await, world.recipients("queued").await), (1, 2));
    let words: String =
        world.value("select suspension_reason from whatsapp_numbers where suspended_at is not null").await;
    assert!(words.contains("131045") && words.contains("as Meta says it"), "{words}");
    let later: bool =
        world.value("select bool_and(due_at > clock_timestamp() + interval '23 hours') from campaign_recipients where state = 'queued'").await;
    assert!(later, "not before a day has passed");
    assert_eq!(world.attempts("undelivered").await, 3);
    sender.drain(Duration::from_secs(5)).await;
    world.assert_invariants().await;
    // Put back when the campaign is over, it is not sent any more; nobody cancelled it.
    world.execute("update campaigns set state = 'completed', finished_at = clock_timestamp()").await;
    world.execute("select end_stranded(id) from organizations").await;
    let reason: String = world.value("select reason from campaign_recipients where state = 'skipped'").await;
    assert_eq!(reason, "campaign_completed");
}

#[tokio::test]
async fn who_asks_for_no_more_gets_no_more_and_may_come_back() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    // The second step is due in an hour.
    world.campaign(Camp::of(2).steps(&[0, 3_600])).await;
    let sender = world.sender().await;
    until("both have the first message", 60, async || world.attempts("accepted").await == 2).await;
    let sent = world.sent().await;
    world.report(&number, "messages", wrote(&sent[0].phone, "Arrêt, svp !", "wamid.IN1")).await;
    until("it is honoured", 60, async || world.recipients("skipped").await == 1).await;
    assert_eq!(world.value::<String>("select phone::text from suppressions").await, sent[0].phone);
    world.report(&number, "messages", wrote(&sent[1].phone, "the bus stop", "wamid.IN2")).await;
    world.report(&number, "messages", wrote(&sent[0].phone, "start", "wamid.IN3")).await;
    until("the suppression is lifted", 60, async || {
        world.value::<i64>("select count(*) from suppressions").await == 0
    })
    .await;
    world.until_applied().await;
    assert_eq!((world.recipients("skipped").await, world.recipients("queued").await), (1, 1));
    let heard: Vec<(String, Option<String>, bool, bool)> = sqlx::query_as(
        "select body, consent, number_id is not null, campaign_id is not null from inbound_messages order by id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let expected = [("Arrêt, svp !", Some("stop")), ("the bus stop", None), ("start", Some("start"))]
        .map(|(text, consent)| (text.to_owned(), consent.map(str::to_owned), true, true));
    assert_eq!(heard, expected);
    world.end([sender]).await;
}
