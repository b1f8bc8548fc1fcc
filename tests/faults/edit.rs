//! A step is edited while its campaign is being sent: what began before says the old text, what begins after it the new
//! one, and everybody gets it once.

use crate::world::{
    World,
    seed::{Camp, Num},
    until,
};
use signalbox::{
    domain::campaign::{CampaignFile, Context},
    store::action::{ActionResult, Actor},
};
use std::collections::HashMap;

const ANEW: &str = "name = \"x\"\n[[steps]]\ntext = { en = \"Anew {{name}}\" }\n";

#[tokio::test]
async fn what_begins_after_an_edit_says_the_new_text_and_nobody_gets_it_twice() {
    let world = World::start().await;
    world.number(Num::meta().per_second(100).in_flight(10)).await;
    let campaign = world.campaign(Camp::of(300)).await;
    let senders = [world.sender().await, world.sender().await];
    until("the old text goes out", 15, async || world.attempts("accepted").await >= 40).await;
    let spec = CampaignFile::parse(ANEW, "x", &Context::in_zone(chrono_tz::Africa::Douala)).unwrap();
    let (ana, reason) = (Actor::operator("ana"), Some("a typo"));
    let edited =
        world.store.edit_steps(world.organization, campaign, &spec, ANEW, reason, ana).await.unwrap();
    assert!(matches!(edited, ActionResult::Done { .. }), "{edited:?}");
    world.until_all_accepted(30).await;
    let versions: HashMap<String, i32> = sqlx::query_as(
        "select provider_message_id, version_sent(organization_id, campaign_id, step, started_at) from attempts
          where state = 'accepted'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let ledger = world.simulator.ledger();
    let of = |version: i32| versions.values().filter(|each| **each == version).count();
    assert!(of(1) >= 40 && of(2) > 0, "it was edited in the middle: {} and {}", of(1), of(2));
    for entry in &ledger {
        let begins = if versions[&entry.id] == 1 { "Hello Ana" } else { "Anew Ana" };
        assert!(entry.body.starts_with(begins), "version {} said {:?}", versions[&entry.id], entry.body);
    }
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received), (300, 300));
}
