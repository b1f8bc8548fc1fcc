//! Standing campaigns: they take people in by themselves, and yield while another campaign runs.

use crate::world::{
    World,
    seed::{Camp, Num},
    throughout, until,
};
use signalbox::{
    domain::{
        action::Action,
        campaign::{CampaignFile, Context},
        ids::CampaignId,
    },
    store::action::Actor,
};
use std::time::Duration;

const DEFAULT: &str = "name = \"default\"
standing = { after = \"1h\", every = \"1m\" }
[audience]
countries = [\"CM\"]
[[steps]]
text = { en = \"Welcome {{name}}\" }
";

/// Contacts who registered so many minutes ago, one for each; a nameless one, whom the text does not suit, and one from
/// elsewhere.
async fn register(world: &World, minutes: &[i32]) {
    sqlx::query(
        "insert into contacts (organization_id, id, phone, name, country, registered_at)
         select $1, new_uuid(), '+23769' || lpad((n + 10 * (select count(*) from contacts))::text, 7, '0'),
                case when n = 1 then null else 'Ana' end, case when n = 2 then 'NG' else 'CM' end,
                clock_timestamp() - make_interval(mins => m)
           from unnest($2::integer[]) with ordinality as u (m, n)",
    )
    .bind(world.organization.0)
    .bind(minutes)
    .execute(&world.pool)
    .await
    .unwrap();
}

async fn standing(world: &World) -> CampaignId {
    let context = Context::in_zone(chrono_tz::Africa::Douala);
    let spec = CampaignFile::parse(DEFAULT, "default.toml", &context).unwrap();
    let ana = Actor { operator: "ana", instance: None };
    let made = world.store.create_campaign(world.organization, &spec, world.default_pool, DEFAULT, ana).await;
    let (campaign, enrolled) = made.unwrap();
    assert_eq!(enrolled, 0, "it takes people in when it runs");
    campaign
}

/// The hour has passed, as far as the campaign knows.
async fn look_again(world: &World) {
    world.execute("update contacts set registered_at = registered_at - interval '1 hour'").await;
    world.execute("update campaigns set standing_looked_at = standing_looked_at - interval '1 minute'").await;
}

#[tokio::test]
async fn a_standing_campaign_takes_in_who_is_ripe_and_yields_while_another_one_runs() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    register(&world, &[90, 90, 90, 61, 59, 1]).await;
    let default = standing(&world).await;
    world.order(Action::StartCampaign(default)).await;
    let sender = world.sender().await;
    let accepted = async |count| world.counts_of(default).await.accepted == count;
    until("who registered an hour ago is sent to", 10, async || accepted(2).await).await;
    assert_eq!(
        world.counts_of(default).await.planned,
        2,
        "the nameless, the foreigner and the newcomers are not in it"
    );

    // Another campaign runs, and does not end: its cap is full.
    let filtered = world.campaign(Camp::of(3).daily(1)).await;
    until("the other one sends", 10, async || world.counts_of(filtered).await.accepted == 1).await;
    look_again(&world).await;
    until("it goes on taking people in", 10, async || world.counts_of(default).await.planned == 4).await;
    throughout("it yields", Duration::from_millis(700), async || accepted(2).await).await;
    let yields_to: String = world
        .value("select yields_to(organization_id, standing) from campaigns where standing is not null")
        .await;
    assert!(yields_to.starts_with("campaign"), "it says to whom: {yields_to}");

    world.order(Action::PauseCampaign(filtered)).await;
    until("it goes on when no other one runs", 10, async || accepted(4).await).await;
    world.order(Action::ResumeCampaign(filtered)).await;
    world.execute("update organizations set allow_simultaneous = true").await;
    register(&world, &[90, 90, 90]).await;
    look_again(&world).await;
    until("both run where that is allowed", 10, async || accepted(5).await).await;
    let state: String = world.value("select state::text from campaigns where standing is not null").await;
    assert_eq!(state, "active", "it does not complete when everybody has a message");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (6, 6));
}
