//! Gradual rollouts: nobody beyond the open stage is ever sent to, whoever sends; what goes badly holds, what goes well widens.

use crate::world::{
    World,
    seed::{Camp, Num},
    throughout, until,
};
use signalbox::domain::{action::Action, ids::CampaignId};
use std::time::Duration;

const NOBODY: &str = "[[rule]]\nthen = { error = 131026 }\n";

impl World {
    /// Makes a paused campaign one that is rolled out from its beginning.
    async fn roll_out(&self, campaign: CampaignId, rollout: serde_json::Value) {
        for statement in [
            "update campaigns set conduct = jsonb_build_object('rollout', $2::jsonb) where id = $1",
            "update campaign_recipients set due_at = not_let_go() where campaign_id = $1 and $2::jsonb is not null",
            "select open_rollout(organization_id, id, clock_timestamp()) from campaigns
              where id = $1 and $2::jsonb is not null",
        ] {
            sqlx::query(statement).bind(campaign.0).bind(&rollout).execute(&self.pool).await.unwrap();
        }
    }

    /// The people whom somebody tried to send to, and how many the open stage allows.
    async fn reached(&self) -> (i64, i64) {
        sqlx::query_as(
            "select (select count(distinct a.recipient_id) from attempts a where a.campaign_id = w.campaign_id), w.target
               from campaign_rollouts w",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn hold_of(&self, campaign: CampaignId) -> String {
        let seat = self.store.seat(self.organization, None).await.unwrap();
        let gates = self.store.campaign_detail(&seat, campaign).await.unwrap().gates;
        gates.iter().find(|gate| !gate.open).map_or_else(String::new, |gate| gate.found.to_string())
    }
}

#[tokio::test]
async fn a_stage_that_goes_badly_holds_and_one_that_goes_well_opens_the_next() {
    let world = World::scripted(NOBODY).await;
    for priority in 1..=3 {
        world.number(Num::meta().priority(priority).in_flight(4)).await;
    }
    // Nothing but the rollout stops it.
    world.execute("update organizations set stop_failed = 10000").await;
    let campaign = world.campaign(Camp::of(300).paused()).await;
    world
        .roll_out(
            campaign,
            serde_json::json!({"stages": [1, 10, 100], "after": 20, "failed": 1000, "opted_out": 200, "wait": "0h"}),
        )
        .await;
    let senders = [world.sender().await, world.sender().await, world.sender().await];
    world.order(Action::ResumeCampaign(campaign)).await;
    until("the first stage is judged", 60, async || world.hold_of(campaign).await.contains("failed")).await;
    assert_eq!(
        world.hold_of(campaign).await,
        "rolled out to 1 %, the next stage waits: 3 of 3 failed, more than 10 %: somebody has to widen it"
    );
    let beyond = throughout("nobody else is sent to", Duration::from_secs(2), async || {
        world.reached().await == (3, 3)
    });
    beyond.await;

    // Somebody widens it, and now all is well: the last stage opens by itself.
    world.follow("");
    world
        .execute(
            "select widen_rollout(organization_id, campaign_id, null, 10, 'ana', null, 'it is mended', null)
               from campaign_rollouts",
        )
        .await;
    until("all are sent to", 120, async || {
        let (reached, allowed) = world.reached().await;
        assert!(reached <= allowed, "{reached} were sent to, {allowed} were let go");
        reached == 300
    })
    .await;
    until("all have an outcome", 30, async || world.counts().await.sending == 0).await;
    let stages: Vec<(String, String, serde_json::Value)> = sqlx::query_as(
        "select actor, reason, after from audit_log where action = 'widen rollout' order by at, id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert_eq!((stages[0].0.as_str(), stages[0].1.as_str()), ("ana", "it is mended"));
    assert_eq!(stages[0].2, serde_json::json!({"percent": 10, "people": 30}));
    assert_eq!(stages[1].0, "sender");
    assert!(stages[1].1.ends_with("messages went well, 0 of them failed"), "{stages:?}");
    // When the last one opened, nobody beyond the second had been sent to.
    let early: i64 = world
        .value(
            "select count(distinct a.recipient_id) from attempts a
              where a.started_at < (select max(at) from audit_log where action = 'widen rollout')",
        )
        .await;
    assert!((20..=30).contains(&early), "{early}");
    world.end(senders).await;
}
