//! A campaign of which too many messages fail, or that makes too many people ask for no more, stops itself; the reason is
//! on record, nobody is lost, and a resume begins to count anew.

use crate::world::{
    World,
    seed::{Camp, Num},
    until,
};
use signalbox::domain::{action::Action, ids::CampaignId};

const NOBODY: &str = "[[rule]]\nthen = { error = 131026 }\n";

impl World {
    async fn stopped_because(&self, campaign: CampaignId) -> Option<String> {
        sqlx::query_scalar("select hold_reason from campaigns where id = $1 and state = 'paused'")
            .bind(campaign.0)
            .fetch_optional(&self.pool)
            .await
            .unwrap()
            .flatten()
    }

    async fn until_stopped(&self, campaign: CampaignId) -> String {
        until("the campaign stops itself", 60, async || self.stopped_because(campaign).await.is_some()).await;
        self.stopped_because(campaign).await.unwrap()
    }
}

#[tokio::test]
async fn a_campaign_stops_itself_and_counts_anew_after_a_resume() {
    let world = World::scripted(NOBODY).await;
    world.execute("update organizations set stop_failed = 3000, stop_opted_out = 500, stop_after = 20").await;
    world.number(Num::meta().per_second(20).in_flight(4)).await;
    let failing = world.campaign(Camp::of(200)).await;
    let sender = world.sender().await;
    let reason = world.until_stopped(failing).await;
    assert!(reason.contains("messages of the last hour failed, more than 30 %"), "{reason}");
    until("nothing is in the air", 10, async || world.counts().await.sending == 0).await;
    let counts = world.counts().await;
    assert!(counts.failed >= 20 && counts.queued > 0, "it stopped before everybody was tried: {counts:?}");
    let paused: i64 = world
        .value("select count(*) from audit_log where action = 'pause' and actor = 'sender' and reason ~ 'by itself'")
        .await;
    assert_eq!(paused, 1);

    // What failed before the resume is not held against it: all is well now, and it ends.
    world.follow("");
    world.execute("update whatsapp_numbers set per_second = 0").await;
    world.order(Action::ResumeCampaign(failing)).await;
    world.until_counts("the rest is sent", 20, |counts| counts.queued + counts.sending == 0).await;
    assert_eq!(world.stopped_because(failing).await, None);

    let annoying = world.campaign(Camp::of(40).steps(&[0, 86_400])).await;
    until("the first step is sent", 20, async || {
        world.value::<i64>("select count(*) from campaign_recipients where step = 2").await == 40
    })
    .await;
    world
        .execute(
            "insert into inbound_messages (organization_id, id, account_id, phone, provider_message_id, kind, body,
                                           consent, campaign_id)
             select r.organization_id, new_uuid(), a.id, r.phone, r.id::text || nth, 'text', 'STOP', 'stop', r.campaign_id
               from accounts a, (select * from campaign_recipients where step = 2 order by id limit 3) r,
                    -- Each of them says it four times, and is one person.
                    generate_series(1, 4) nth",
        )
        .await;
    let reason = world.until_stopped(annoying).await;
    assert_eq!(
        reason,
        "paused by itself: 3 people asked for no more after 40 messages within 24 hours, more than 5 %"
    );
    world.end([sender]).await;
}

#[tokio::test]
async fn refusals_of_the_content_stop_a_campaign_at_its_own_share_or_the_organisation_s() {
    let world = World::scripted("[[rule]]\nthen = { error = 132012 }\n").await;
    world.execute("update organizations set stop_failed = 10000, stop_content_refused = 400").await;
    world.number(Num::meta().per_second(10).in_flight(1)).await;
    let usual = world.campaign(Camp::of(60)).await;
    let sender = world.sender().await;
    let reason = world.until_stopped(usual).await;
    assert!(
        reason.starts_with(
            "paused by itself: 2 of the last 50 messages were refused for their content, at least 4 %"
        ),
        "{reason}"
    );
    until("nothing is in the air", 20, async || world.counts().await.sending == 0).await;
    let own = world.campaign(Camp::of(60).paused()).await;
    sqlx::query(
        "update campaigns set conduct = '{\"stop_when\": {\"content_refused\": 1000}}' where id = $1",
    )
    .bind(own.0)
    .execute(&world.pool)
    .await
    .unwrap();
    world.order(Action::ResumeCampaign(own)).await;
    let reason = world.until_stopped(own).await;
    assert!(reason.contains("5 of the last 50 messages") && reason.contains("at least 10 %"), "{reason}");
    // Never: everybody is tried, and the campaign ends by itself.
    let never = world.campaign(Camp::of(20).paused()).await;
    sqlx::query(
        "update campaigns set conduct = '{\"stop_when\": {\"content_refused\": 10000}}' where id = $1",
    )
    .bind(never.0)
    .execute(&world.pool)
    .await
    .unwrap();
    world.execute("update whatsapp_numbers set per_second = 0").await;
    world.order(Action::ResumeCampaign(never)).await;
    until("everybody was tried", 60, async || world.counts_of(never).await.failed == 20).await;
    assert_eq!(world.stopped_because(never).await, None);
    world.end([sender]).await;
}
