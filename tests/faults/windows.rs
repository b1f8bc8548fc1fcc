//! Hours of a day, the end of a subscription, messages that come too late, and numbers that may stand in for each other:
//! all of it holds in the claim, on the database's clock, whatever a sender believes.

use crate::world::{
    Made, World,
    claimer::Claimer,
    seed::{Camp, Num},
    until,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use signalbox::{
    domain::{
        ids::{CampaignId, NumberId},
        window::{Hours, Window},
    },
    store::attempt::{Claimed, Verdict},
};
use std::collections::BTreeMap;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hours(text: &str) -> Hours {
    text.parse::<Window>().unwrap().hours
}

/// A world on a clock of the test's own.
async fn rehearsal(zone: Tz) -> World {
    Made { rehearsal: true, ..Made::default().in_zone(zone.name()) }.world().await
}

async fn claim_at(
    world: &World,
    claimer: &Claimer,
    campaign: CampaignId,
    now: DateTime<Utc>,
    wanted: u32,
) -> Claimed {
    let mut request = world.request(claimer, campaign, wanted);
    request.now = Some(now);
    request.campaigns[0].walk_after = None;
    world.store.claim(&request).await.unwrap()
}

/// Claims one message every twenty minutes; answers when something was claimed and when nothing was.
async fn claimed_through(
    world: &World,
    campaign: CampaignId,
    from: &str,
    to: &str,
) -> BTreeMap<DateTime<Utc>, bool> {
    let claimer = &world.claimers(1).await[0];
    let mut claimed = BTreeMap::new();
    let (mut now, end) = (at(from), at(to));
    while now < end {
        let got = claim_at(world, claimer, campaign, now, 1).await;
        let shut = got.refused.iter().any(|(_, verdict)| *verdict == Verdict::WindowClosed);
        assert_eq!(got.messages.is_empty(), shut, "at {now}: {:?}", got.refused);
        claimed.insert(now, !shut);
        now += TimeDelta::minutes(20);
    }
    claimed
}

#[tokio::test]
async fn the_database_opens_and_closes_a_window_as_foretold_when_clocks_change() {
    let table = [
        (Tz::Europe__Berlin, "00:00-02:40", "2026-10-24T20:00:00Z", "2026-10-25T20:00:00Z"),
        (Tz::Europe__Berlin, "02:20-09:00 mon-sun", "2026-03-28T20:00:00Z", "2026-03-29T12:00:00Z"),
        (Tz::Australia__Lord_Howe, "20:00-01:40", "2026-10-03T04:00:00Z", "2026-10-04T20:00:00Z"),
        (Tz::America__Santiago, "22:00-02:00 sat", "2026-09-05T20:00:00Z", "2026-09-06T20:00:00Z"),
        (Tz::Africa__Douala, "09:00-20:00 mon-fri", "2026-05-10T22:00:00Z", "2026-05-11T12:00:00Z"),
    ];
    let world = rehearsal(Tz::Africa__Douala).await;
    for (zone, text, from, to) in table {
        let hours = hours(text);
        let campaign = world.campaign(Camp::of(300)).await;
        sqlx::query(
            "update campaigns set window_from = $2, window_to = $3, window_days = $4, window_zone = $5,
                                  started_at = '2026-01-01' where id = $1",
        )
        .bind(campaign.0)
        .bind(i16::try_from(hours.from()).unwrap())
        .bind(i16::try_from(hours.to()).unwrap())
        .bind(i16::from(hours.days()))
        .bind(zone.name())
        .execute(&world.pool)
        .await
        .unwrap();
        let claimed = claimed_through(&world, campaign, from, to).await;
        let open = claimed.values().filter(|open| **open).count();
        assert!(open >= 5 && open < claimed.len(), "{text} in {zone}: {open} of {}", claimed.len());
        for (now, open) in claimed {
            assert_eq!(open, hours.are_open(now, zone), "{text} in {zone} at {now}");
        }
    }
    world.assert_invariants().await;
}

/// Puts every person of a campaign on a clock of their own: by turns in one of these zones.
async fn on_own_clocks(world: &World, campaign: CampaignId, zones: &[&str]) {
    for statement in [
        "update campaigns set zoned = true, window_from = 540, window_to = 1200, window_days = 127,
                window_zone = 'recipient', started_at = '2026-01-01' where id = $1 and $2 is not null",
        "insert into campaign_zones (organization_id, campaign_id, zone)
         select c.organization_id, c.id, z from campaigns c, unnest($2) z where c.id = $1",
        "update campaign_recipients r set zone = $2[1 + p.place % cardinality($2)], due_at = '2026-01-01'
           from (select id, row_number() over (order by id) as place from campaign_recipients
                  where campaign_id = $1) p where r.campaign_id = $1 and r.id = p.id",
    ] {
        sqlx::query(statement).bind(campaign.0).bind(zones).execute(&world.pool).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_is_written_to_while_their_own_clock_is_outside_the_window() {
    let world = rehearsal(Tz::Africa__Douala).await;
    let campaign = world.campaign(Camp::of(60)).await;
    let zones = ["Asia/Tokyo", "Europe/Berlin", "America/St_Johns"];
    on_own_clocks(&world, campaign, &zones).await;
    let claimer = &world.claimers(1).await[0];
    // Nine in the morning in Tokyo, seven in Berlin, noon in St John's.
    let mut seen = BTreeMap::new();
    for hour in 0..24 {
        let now = at("2026-06-09T00:00:00Z") + TimeDelta::hours(hour);
        let got = claim_at(&world, claimer, campaign, now, 3).await;
        for message in &got.messages {
            let zone: String = sqlx::query_scalar("select zone from campaign_recipients where id = $1")
                .bind(message.recipient.0)
                .fetch_one(&world.pool)
                .await
                .unwrap();
            assert!(hours("09:00-20:00").are_open(now, zone.parse().unwrap()), "{zone} at {now}");
            *seen.entry(zone).or_insert(0) += 1;
        }
        let awake = zones.iter().any(|zone| hours("09:00-20:00").are_open(now, zone.parse().unwrap()));
        let left: i64 = world
            .value("select count(*) from campaign_recipients where state = 'queued' and zone = 'Asia/Tokyo'")
            .await;
        assert!(awake || got.messages.is_empty(), "at {now}");
        assert!(
            hour != 4 || left <= 20 - 9,
            "who is awake gets it, though others with an earlier turn sleep: {left}"
        );
    }
    assert_eq!(seen.values().sum::<i32>(), 60, "everybody in the end: {seen:?}");
    world.assert_invariants().await;
}

#[tokio::test]
async fn quiet_hours_keep_a_sender_and_their_end_lets_it_go() {
    let world = Made::default().shiftable().world().await;
    // Seven in the evening in Douala: the organisation's day ends at eight.
    world.set_clock(at("2026-03-10T18:59:00Z")).await;
    world.execute("update organizations set open_from = 480, open_to = 1200, open_days = 31").await;
    world.number(Num::meta()).await;
    world.campaign(Camp::of(40)).await;
    world.set_clock(at("2026-03-10T19:00:01Z")).await;
    let sender = world.sender().await;
    until("the sender is idle because of the hour", 10, async || sender.status().borrow().idle).await;
    assert_eq!(world.counts().await.attempts, 0);
    world.set_clock(at("2026-03-11T07:00:00Z")).await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (40, 40));
}

#[tokio::test]
async fn what_is_too_late_is_skipped_with_its_reason_and_never_sent() {
    let world = rehearsal(Tz::Africa__Douala).await;
    let campaign = world.campaign(Camp::of(30).steps(&[0, 7_200])).await;
    world.execute("update campaigns set expires_after = 21600, started_at = '2026-05-04 08:00Z'").await;
    let claimer = &world.claimers(1).await[0];
    let got = claim_at(&world, claimer, campaign, at("2026-05-04T13:59:00Z"), 10).await;
    assert_eq!(got.messages.len(), 10, "{:?}", got.refused);
    // One of them is put back and may be tried until six hours after the start, and not longer.
    let put_back = "update campaign_recipients set state = 'queued', due_at = '2026-05-04 13:59:30Z'
                     where id = (select id from campaign_recipients where state = 'sending' order by id limit 1)";
    world.execute("update attempts set state = 'not_sent', live = false, finished_at = clock_timestamp(), class = 'withheld',
                   code = 'x' where recipient_id = (select id from campaign_recipients where state = 'sending' order by id limit 1)").await;
    world.execute(put_back).await;
    let late = claim_at(&world, claimer, campaign, at("2026-05-04T14:00:01Z"), 10).await;
    assert!(late.messages.is_empty(), "{} are sent too late", late.messages.len());
    world
        .store
        .run_lifecycle(world.organization, claimer.instance, Some(at("2026-05-04T20:00:00Z")))
        .await
        .unwrap();
    let skipped: i64 = world
        .value("select count(*) from campaign_recipients where state = 'skipped' and reason = 'expired'")
        .await;
    assert_eq!(skipped, 21, "twenty who had no turn, and one whose second try came too late");
    assert!(world.value::<bool>("select sums_hold from campaign_stats").await);
}

#[tokio::test]
async fn nothing_is_claimed_once_the_subscription_is_over() {
    let world = rehearsal(Tz::Africa__Douala).await;
    let campaign = world.campaign(Camp::of(10)).await;
    world.execute("update organizations set subscription_ends_at = '2026-05-04 08:00Z'").await;
    let claimer = &world.claimers(1).await[0];
    let before = claim_at(&world, claimer, campaign, at("2026-05-04T07:59:59Z"), 4).await;
    assert_eq!((before.messages.len(), before.stopped), (4, false));
    let after = claim_at(&world, claimer, campaign, at("2026-05-04T08:00:00Z"), 4).await;
    assert_eq!((after.messages.len(), after.stopped), (0, true));
}

/// Claims through a claimer's number what is bound to the numbers that are out of service.
async fn taken_over(world: &World, claimer: &Claimer, campaign: CampaignId, from: NumberId) -> usize {
    let mut request = world.request(claimer, campaign, 10);
    request.takes_over = vec![from];
    world.store.claim(&request).await.unwrap().messages.len()
}

#[tokio::test]
async fn only_a_number_with_the_same_label_stands_in_where_that_is_asked_for() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(10).failover("label")).await;
    let claimers = world.claimers(3).await;
    let [dead, stranger, twin] = [0, 1, 2].map(|place| claimers[place].lease.number);
    for (number, label) in [(dead, "clinic"), (stranger, "shop"), (twin, "clinic")] {
        sqlx::query("update whatsapp_numbers set label = $2 where id = $1")
            .bind(number.0)
            .bind(label)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    sqlx::query("update campaign_recipients set due_at = '2026-01-01', bound_number_id = $1")
        .bind(dead.0)
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(taken_over(&world, &claimers[1], campaign, dead).await, 0, "people take it for somebody else");
    assert_eq!(taken_over(&world, &claimers[2], campaign, dead).await, 10);
}

#[tokio::test]
async fn a_campaign_with_a_single_number_is_claimed_through_no_other() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(10)).await;
    let claimers = world.claimers(2).await;
    sqlx::query("update campaigns set only_number_id = $1")
        .bind(claimers[0].lease.number.0)
        .execute(&world.pool)
        .await
        .unwrap();
    let other = world.store.claim(&world.request(&claimers[1], campaign, 5)).await.unwrap();
    assert_eq!(other.messages.len(), 0);
    assert_eq!(other.refused.first().map(|(_, verdict)| *verdict), Some(Verdict::AnotherNumberOnly));
    assert_eq!(world.store.claim(&world.request(&claimers[0], campaign, 5)).await.unwrap().messages.len(), 5);
}
