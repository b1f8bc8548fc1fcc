//! Clocks: rows 44 to 48. The database's clock is moved by putting another one in front of it.

use crate::world::{
    Made, World,
    child::Started,
    seed::{Camp, Num},
    throughout, until,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use signalbox::domain::ids::CampaignId;
use std::{collections::BTreeMap, time::Duration};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The wall clock of a sender's machine jumps while it sends.
async fn instance_clock_jumps(by: &str) {
    let world = World::scripted("latency = '20ms'\n").await;
    world.number(Num::ultramsg().per_second(20).daily(150)).await;
    world.campaign(Camp::of(200)).await;
    let process = world.process_with(Started::default().with("SIGNALBOX_WALL_JUMP", &format!("3:{by}")));
    world
        .until_counts("the cap is used up, before and after the jump", 40, |counts| counts.accepted == 150)
        .await;
    throughout("the cap holds", Duration::from_secs(1), async || world.counts().await.accepted == 150).await;
    let most: i64 = world
        .value(
            "select max(n) from (select count(*) over (order by started_at
                         range between current row and '999 milliseconds' following) as n from attempts) w",
        )
        .await;
    assert!(most <= 20, "{most} in one second");
    process.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (150, 150, 0));
}

#[tokio::test]
async fn row_44_instance_clock_jumps_an_hour_ahead() {
    instance_clock_jumps("3600").await;
}

#[tokio::test]
async fn row_44_instance_clock_jumps_an_hour_back() {
    instance_clock_jumps("-3600").await;
}

#[tokio::test]
async fn row_44_instance_clock_jumps_a_year_ahead() {
    instance_clock_jumps("31536000").await;
}

#[tokio::test]
async fn row_45_database_clock_jumps_an_hour_ahead() {
    let world = Made::default().script("latency = '20ms'\n").shiftable().world().await;
    // Far from any midnight, so that the cap counts one day.
    world.set_clock(at("2026-03-10T09:00:00Z")).await;
    world.number(Num::ultramsg().in_flight(4).daily(400)).await;
    world.campaign(Camp::of(500)).await;
    let senders = [world.sender().await, world.sender().await];
    world.until_counts("it sends", 10, |counts| counts.accepted >= 50).await;
    let epoch: i64 = world.value("select max(epoch) from number_leases").await;
    world.set_clock(at("2026-03-10T10:00:05Z")).await;
    world.until_counts("it goes on to the cap", 30, |counts| counts.accepted == 400).await;
    assert!(
        world.value::<i64>("select max(epoch) from number_leases").await > epoch,
        "the lease had expired"
    );
    throughout("and not beyond", Duration::from_secs(1), async || world.counts().await.attempts == 400).await;
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received), (400, 400));
}

#[tokio::test]
async fn row_46_database_clock_jumps_ten_minutes_back() {
    let world = Made::default().shiftable().world().await;
    world.set_clock(at("2026-03-10T09:00:00Z")).await;
    let number = world.number(Num::ultramsg().interval_ms(100).daily(400)).await;
    let free = world.number(Num::ultramsg().in_flight(2).daily(30)).await;
    world.campaign(Camp::of(100)).await;
    let sender = world.sender().await;
    world.until_counts("it sends", 10, |counts| counts.accepted >= 35).await;
    world.set_clock(at("2026-03-10T08:50:00Z")).await;
    until("what is in the air lands", 5, async || world.counts().await.sending == 0).await;
    let through = world.accepted_by(number.id).await;
    let waits: f64 = world
        .value("select max(extract(epoch from next_send_at - clock_timestamp()))::double precision from number_pacing")
        .await;
    assert!((0.0..=620.0).contains(&waits), "the number's slot opens in {waits} s");
    throughout("a spaced number waits at most the jump, and does", Duration::from_secs(2), async || {
        world.accepted_by(number.id).await == through
    })
    .await;
    world.set_clock(at("2026-03-10T09:00:30Z")).await;
    world.until_all_accepted(30).await;
    assert_eq!(world.accepted_by(free.id).await, 30, "the cap holds");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (100, 100));
}

#[tokio::test]
async fn midnight_of_the_organisations_zone_opens_a_new_day() {
    let world = Made::default().shiftable().world().await;
    // Midnight in Douala is 23:00 UTC.
    world.set_clock(at("2026-03-10T22:59:50Z")).await;
    world.number(Num::meta().daily(50)).await;
    world.campaign(Camp::of(120)).await;
    let sender = world.sender().await;
    world.until_counts("the day is full", 8, |counts| counts.accepted == 50).await;
    world.until_counts("the next day begins by itself", 20, |counts| counts.accepted == 100).await;
    throughout("and is full too", Duration::from_secs(1), async || world.counts().await.attempts == 100)
        .await;
    let days: Vec<(NaiveDate, i32)> =
        sqlx::query_as("select day, reserved from quota_usage where scope = 'number' order by day")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    assert_eq!(days, [(day(10), 50), (day(11), 50)]);
    world.end([sender]).await;
}

/// Claims all it gets every few minutes between two instants, and answers what began on each local date.
async fn claimed_by_local_date(zone: Tz, from: &str, to: &str) -> BTreeMap<NaiveDate, usize> {
    let world = Made { rehearsal: true, ..Made::default().in_zone(zone.name()) }.world().await;
    let campaign: CampaignId = world.campaign(Camp::of(500)).await;
    let claimer = &world.claimers(1).await[0];
    world.execute("update whatsapp_numbers set daily_limit = 10").await;
    let mut begun = BTreeMap::new();
    let (mut now, end) = (at(from), at(to));
    while now < end {
        let mut request = world.request(claimer, campaign, 3);
        request.now = Some(now);
        let claimed = world.store.claim(&request).await.unwrap();
        *begun.entry(now.with_timezone(&zone).date_naive()).or_default() += claimed.messages.len();
        now += TimeDelta::minutes(20);
    }
    world.assert_invariants().await;
    begun
}

#[tokio::test]
async fn row_47_no_local_date_exceeds_its_cap_when_clocks_change() {
    for (zone, from, to, what) in [
        (Tz::Africa__Cairo, "2026-04-22T21:00:00Z", "2026-04-25T21:00:00Z", "midnight does not exist"),
        (Tz::America__St_Johns, "2010-11-05T02:00:00Z", "2010-11-08T04:00:00Z", "midnight comes twice"),
        (Tz::Europe__Berlin, "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", "an hour comes twice"),
        (Tz::Pacific__Apia, "2011-12-28T10:00:00Z", "2012-01-01T10:00:00Z", "a day is left out"),
    ] {
        let begun = claimed_by_local_date(zone, from, to).await;
        assert!(begun.len() >= 3, "{what}: {begun:?}");
        for (date, count) in &begun {
            assert!(*count <= 10, "{what}: {count} on {date}");
        }
        let full = begun.values().filter(|count| **count == 10).count();
        assert!(full >= 3, "{what}: a new date opens by itself: {begun:?}");
    }
}

#[tokio::test]
async fn row_48_changed_zone_counts_under_a_new_key_from_then_on() {
    let world = Made::default().shiftable().in_zone("Africa/Douala").world().await;
    // Noon in Douala; in Auckland it is tomorrow.
    world.set_clock(at("2026-03-10T11:00:00Z")).await;
    world.number(Num::meta().daily(40)).await;
    world.campaign(Camp::of(200)).await;
    let sender = world.sender().await;
    world.until_counts("the day is full", 10, |counts| counts.accepted == 40).await;
    world.execute("update organizations set time_zone = 'Pacific/Auckland', revision = revision + 1").await;
    world.until_counts("the new key opens", 10, |counts| counts.accepted == 80).await;
    throughout("and is full", Duration::from_secs(1), async || world.counts().await.attempts == 80).await;
    let days: Vec<(NaiveDate, i32)> =
        sqlx::query_as("select day, reserved from quota_usage where scope = 'number' order by day")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    assert_eq!(days, [(day(10), 40), (day(11), 40)], "both keys explain the sum");
    let sides = world.end([sender]).await;
    assert_eq!(sides.received, 80);
}
