//! Variants on the wire: everybody gets theirs in every try, from every number, by every sender and in all steps.

use crate::world::{
    World,
    seed::{Camp, Num},
    until,
};
use serde_json::json;
use signalbox::domain::{action::Action, content::variant, ids::RecipientId};
use std::collections::HashMap;

#[tokio::test]
async fn a_person_keeps_their_variant_through_retries_numbers_and_steps() {
    let world = World::scripted("").await;
    let first = world.number(Num::meta().priority(1).in_flight(4)).await;
    world.number(Num::meta().priority(2).in_flight(4)).await;
    let campaign = world.campaign(Camp::of(60).steps(&[0, 1]).paused()).await;
    for step in [1, 2] {
        let texts = |name: &str| json!([{"locale": "en", "text": format!("{name} of step {step}")}]);
        let variants = json!([
            {"name": "a", "weight": 1, "texts": texts("first")},
            {"name": "b", "weight": 2, "texts": texts("second")},
        ]);
        sqlx::query("update campaign_steps set variants = $2, texts = $3 where step = $1")
            .bind(step)
            .bind(variants)
            .bind(texts("first"))
            .execute(&world.pool)
            .await
            .unwrap();
    }
    // Ten people are refused once, and one number is suspended half-way.
    let people: Vec<(uuid::Uuid, String)> =
        sqlx::query_as("select id, phone::text from campaign_recipients order by id")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let refused: String = people
        .iter()
        .step_by(6)
        .map(|(_, phone)| {
            format!("[[rule]]\nwhen = {{ recipient = '{phone}', times = 1 }}\nthen = {{ error = 131056 }}\n")
        })
        .collect();
    world.follow(&format!("{refused}[[rule]]\nwhen = {{ nth = 40 }}\nthen = {{ error = 133010 }}\n"));
    let senders = [world.sender().await, world.sender().await];
    world.order(Action::ResumeCampaign(campaign)).await;
    // Whom the first number was refused for their own sake waits for it; everybody else goes on through the second.
    until("who may goes on through the second number", 90, async || {
        let open: i64 = world
            .value("select count(*) from campaign_recipients where state <> 'accepted' and not is_kept")
            .await;
        let suspended: i64 =
            world.value("select count(*) from whatsapp_numbers where suspended_at is not null").await;
        open == 0 && suspended == 1
    })
    .await;
    world.order(Action::ResumeNumber(first.id)).await;
    world.until_counts("everybody got both steps", 90, |counts| counts.accepted == 60).await;
    let wanted: HashMap<&str, &str> = people
        .iter()
        .map(|(id, phone)| {
            let place = variant::place_of(RecipientId(*id), [1, 2]);
            (phone.trim_start_matches('+'), if place == 0 { "first" } else { "second" })
        })
        .collect();
    let ledger = world.simulator.ledger();
    assert_eq!(ledger.len(), 120);
    for entry in &ledger {
        let wanted = wanted[entry.to.trim_start_matches('+')];
        assert!(entry.body.starts_with(&format!("{wanted} of step")), "{entry:?}: {wanted}");
    }
    let tried: i64 = world.value("select count(*) from attempts where state = 'rejected'").await;
    assert!(tried >= 10, "somebody was tried again: {tried}");
    world.end(senders).await;
}
