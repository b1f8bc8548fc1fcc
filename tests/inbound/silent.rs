//! Silent death: a number whose messages are taken and do not arrive is slowed, asked by a canary, rested, replaced, and
//! brought back when a canary arrives. By the figures of a rehearsal: seconds where production takes hours.

use crate::{
    office::Office,
    world::{
        World,
        seed::{Camp, Num, Number},
        throughout, until,
    },
};
use signalbox::{domain::action::Action, domain::number::ProviderKind, inbound::Listener};
use std::time::Duration;

const CANARY: &str = "+237699999999";
const WELL: &str = "receipts = [{ status = 'sent' }, { status = 'delivered', after = '50ms' }]\n";

impl Office {
    /// A listener that Meta reports to, and nobody else.
    async fn reported(&self) -> Listener {
        let listener = self.listener().await;
        self.register_at(ProviderKind::Meta, &listener);
        listener
    }
}

impl World {
    async fn set_canary_phone(&self) {
        sqlx::query("update vital_rules set canary_phone = $1, canary_template = 'are_you_there', canary_language = 'en'")
            .bind(CANARY)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Lately, to every number: it gets text, a different one each time.
    async fn canary_phone_writes(&self) {
        sqlx::query(
            "insert into inbound_messages (organization_id, id, account_id, number_id, phone, provider_message_id, kind, body)
             select organization_id, new_uuid(), account_id, id, $1, id::text, 'text', 'hello' from whatsapp_numbers",
        )
        .bind(CANARY)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    async fn pulse(&self, number: &Number) -> String {
        sqlx::query_scalar("select state from number_vitals where number_id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_pulse(&self, number: &Number, pulse: &str, seconds: u64) {
        until(&format!("{} is {pulse}", number.phone), seconds, async || self.pulse(number).await == pulse)
            .await;
    }

    async fn service(&self, number: &Number) -> (bool, Option<String>) {
        sqlx::query_as(
            "select slowed_since is not null, suspension_reason from whatsapp_numbers where id = $1",
        )
        .bind(number.id.0)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn decisions(&self, number: &Number) -> Vec<String> {
        sqlx::query_scalar(
            "select action from audit_log where entity_id = $1 and actor = 'sender' order by at",
        )
        .bind(number.id.0)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Canaries in the providers' hands, by the number that sent them.
    fn canaries_from(&self, number: &Number) -> usize {
        self.simulator.ledger().iter().filter(|entry| entry.to == CANARY && entry.from == number.from).count()
    }
}

/// Everything arrives but what these send; the provider still says that it took them.
fn withheld(number: &Number) -> String {
    format!(
        "{WELL}[[rule]]\nwhen = {{ number = '{}' }}\nthen = {{ receipts = [{{ status = 'sent' }}] }}\n",
        number.from
    )
}

#[tokio::test]
async fn a_number_that_falls_silent_is_slowed_asked_rested_replaced_and_brought_back() {
    let office = Office::rehearsing().await;
    let world = &office.world;
    world.set_canary_phone().await;
    let first = world.number(Num::meta().per_second(10)).await;
    let second = world.number(Num::meta().per_second(10).priority(20)).await;
    world.canary_phone_writes().await;
    world.follow(WELL);
    let listener = office.reported().await;
    world.campaign(Camp::of(3_000)).await;
    let sender = world.sender().await;
    world.until_pulse(&first, "well", 40).await;
    assert_eq!(world.canaries_from(&first), 0, "nothing was in question");

    world.follow(&withheld(&first));
    world.until_pulse(&first, "amber", 30).await;
    let (slowed, suspended) = world.service(&first).await;
    assert_eq!((slowed, suspended), (true, None));
    until("a canary is sent", 10, async || world.canaries_from(&first) == 1).await;

    world.until_pulse(&first, "red", 20).await;
    let (slowed, suspended) = world.service(&first).await;
    assert!(
        !slowed && suspended.as_deref().is_some_and(|why| why.contains("the canary did not arrive")),
        "{suspended:?}"
    );
    let (to, cause): (uuid::Uuid, String) = sqlx::query_as(
        "select to_number_id, cause from failovers where from_number_id = $1 and ended_at is null",
    )
    .bind(first.id.0)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!((to, cause.as_str()), (second.id.0, "silent_death"));
    let taken_over = world.accepted_by(second.id).await;
    until("the other one sends", 10, async || world.accepted_by(second.id).await > taken_over + 20).await;

    // It still reaches nobody: it stays out, and asks once in ten seconds.
    until("another canary is sent", 25, async || world.canaries_from(&first) >= 2).await;
    throughout("it is out", Duration::from_secs(2), async || world.pulse(&first).await == "red").await;
    world.follow(WELL);
    world.until_pulse(&first, "well", 40).await;
    assert_eq!(world.service(&first).await, (false, None));
    assert_eq!(world.decisions(&first).await, ["slow", "suspend", "resume"]);
    let before = world.accepted_by(first.id).await;
    until("it sends again", 10, async || world.accepted_by(first.id).await > before + 5).await;

    assert_ne!(world.pulse(&second).await, "amber", "the other one is well");
    assert_eq!(world.canaries_from(&second), 0);
    let apart: f64 = world
        .value(
            "select coalesce(min(extract(epoch from gap)), 1000)::double precision
               from (select planned_at - lag(planned_at) over (order by planned_at) as gap from canaries) g",
        )
        .await;
    assert!(apart >= 10.0, "canaries {apart} s apart");
    world.end([sender]).await;
    listener.end().await;
}

#[tokio::test]
async fn a_canary_that_arrives_clears_a_number() {
    let office = Office::rehearsing().await;
    let world = &office.world;
    world.set_canary_phone().await;
    let number = world.number(Num::meta().per_second(10)).await;
    world.follow(WELL);
    let listener = office.reported().await;
    world.campaign(Camp::of(3_000)).await;
    let sender = world.sender().await;
    world.until_pulse(&number, "well", 40).await;
    let reach = format!(
        "[[rule]]\nwhen = {{ recipient = '{CANARY}' }}\nthen = {{ receipts = [{{ status = 'delivered' }}] }}\n"
    );
    world.follow(&format!("receipts = [{{ status = 'sent' }}]\n{reach}"));
    world.until_pulse(&number, "amber", 30).await;
    until("it is cleared", 20, async || world.pulse(&number).await != "amber").await;
    assert_eq!(world.service(&number).await, (false, None));
    assert_eq!(world.decisions(&number).await[..2], ["slow", "restore"]);
    assert_eq!(world.value::<i64>("select count(*) from failovers").await, 0);
    world.end([sender]).await;
    listener.end().await;
}

#[tokio::test]
async fn what_nothing_is_heard_of_is_not_judged() {
    let office = Office::rehearsing().await;
    let world = &office.world;
    world.set_canary_phone().await;
    // No webhook ever came of this one.
    let unheard = world.number(Num::ultramsg().per_second(10)).await;
    let heard = world.number(Num::meta().per_second(10).priority(20)).await;
    world.follow(WELL);
    let listener = office.reported().await;
    world.campaign(Camp::of(1_000)).await;
    let sender = world.sender().await;
    until("it sends", 30, async || world.accepted_by(unheard.id).await > 50).await;
    until("it has a past, without deliveries", 30, async || {
        world
            .value::<i64>(
                "select count(*) from number_vitals where words like 'no delivery was ever reported%'",
            )
            .await
            == 1
    })
    .await;
    assert_eq!(world.pulse(&unheard).await, "unknown");
    // Then the other one sends, until all reports end: of everything, not of one number.
    world.order(Action::SuspendNumber { number: unheard.id, until: None }).await;
    world.until_pulse(&heard, "well", 40).await;
    world.follow("");
    until("nobody can tell any more", 30, async || {
        world
            .value::<i64>("select count(*) from number_vitals where words like '%is our webhook reached%'")
            .await
            == 1
    })
    .await;
    assert_eq!((world.pulse(&heard).await.as_str(), world.service(&heard).await), ("unknown", (false, None)));
    assert_eq!(world.simulator.ledger().iter().filter(|entry| entry.to == CANARY).count(), 0);
    world.end([sender]).await;
    listener.end().await;
}
