//! Throttles slow what they concern, nothing else, and it comes back by itself: one person at one number, a number, all
//! numbers of an account, for every sender.

use crate::world::{
    Made, World,
    seed::{Camp, Num},
    until,
};
use chrono::{DateTime, Utc};
use signalbox::{
    domain::number::{Pacing, ProviderKind},
    sender::{
        clock::{CampaignClock, Moment},
        line::token_place,
        plan::{Local, Roster},
    },
    store::snapshot::NumberView,
};
use std::{collections::HashMap, time::Duration};

async fn number_at(world: &World, place: usize) -> NumberView {
    world.store.snapshot(world.organization, None).await.unwrap().numbers.swap_remove(place)
}

#[tokio::test]
async fn pair_throttle_delays_one_person_at_one_number_and_nobody_else() {
    let world = Made { rehearsal: true, ..Made::default().sticky(false) }.world().await;
    let first = world.number(Num::meta().priority(1)).await;
    let other = world.number(Num::meta().priority(2)).await;
    let campaign = world.campaign(Camp::of(60)).await;
    let person = world.phone(campaign, 7).await;
    world.follow(&format!(
        "[[rule]]\nwhen = {{ recipient = '{}', times = 2 }}\nthen = {{ error = 131056 }}\n",
        person.reveal()
    ));
    let start: DateTime<Utc> = "2026-03-10T08:00:00Z".parse().unwrap();
    let clock = CampaignClock::Rehearsal { start, speed: 20.0, since: Moment::now() };
    let sender = world.sender_with(&world.database, |config| config.clock = clock).await;
    world.until_all_accepted(20).await;
    let tries: Vec<(bool, String, f64)> = sqlx::query_as(
        "select a.number_id = $2, a.state::text,
                coalesce(extract(epoch from a.started_at - lag(a.finished_at) over (order by a.id)), 0)::double precision
           from attempts a join campaign_recipients r on r.id = a.recipient_id where r.phone = $1 order by a.id",
    )
    .bind(person.reveal())
    .bind(first.id.0)
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let states: Vec<&str> = tries.iter().map(|(_, state, _)| state.as_str()).collect();
    assert_eq!(states, ["rejected", "rejected", "accepted"]);
    assert!(tries.iter().all(|(through_first, ..)| *through_first), "no other number tried: {tries:?}");
    assert!(tries[1].2 >= 6.0 && tries[2].2 >= 24.0, "{tries:?}");
    assert_eq!(world.accepted_by(other.id).await, 0, "nobody was moved away");
    let held: f64 = world
        .value(
            "select extract(epoch from max(a.started_at) - min(a.started_at))::double precision
               from attempts a join campaign_recipients r on r.id = a.recipient_id where r.tries <= 1",
        )
        .await;
    assert!(held < 20.0, "the others took {held} s");
    let slowed: i64 = world.value("select count(*) from number_throttles").await;
    assert_eq!((slowed, number_at(&world, 0).await.slowed), (0, None));
    world.end([sender]).await;
}

#[tokio::test]
async fn a_person_whom_the_provider_protects_is_tried_through_no_other_number() {
    let world = Made::default().sticky(false).world().await;
    world.number(Num::meta().priority(1)).await;
    world.number(Num::meta().priority(1)).await;
    let campaign = world.campaign(Camp::of(40)).await;
    let person = world.phone(campaign, 7).await;
    world.follow(&format!(
        "[[rule]]\nwhen = {{ recipient = '{}' }}\nthen = {{ error = 131049 }}\n",
        person.reveal()
    ));
    let sender = world.sender().await;
    world.until_counts("all others have it", 20, |counts| counts.accepted == 39).await;
    until("the refusal is recorded", 10, async || {
        world.value::<i64>("select count(*) from attempts where state = 'rejected'").await == 1
    })
    .await;
    // It waits for the number that was told no, for a day: from another one it would be the same refusal.
    let waits: Vec<(bool, f64)> = sqlx::query_as(
        "select r.bound_number_id is not distinct from a.number_id,
                extract(epoch from r.due_at - a.finished_at)::double precision
           from attempts a join campaign_recipients r on r.id = a.recipient_id where r.phone = $1",
    )
    .bind(person.reveal())
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(matches!(waits[..], [(true, wait)] if wait > 86_000.0), "{waits:?}");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (39, 39));
}

#[tokio::test]
async fn throttled_number_rests_goes_on_at_half_its_pace_and_comes_back_step_by_step() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 10 }\nthen = { error = 130429 }\n").await;
    world.number(Num::meta().priority(1).per_second(40)).await;
    let other = world.number(Num::meta().priority(2)).await;
    world.campaign(Camp::of(100)).await;
    let sender = world.sender().await;
    until("it is told to go slower", 10, async || {
        world.value::<i64>("select count(*) from number_throttles").await == 1
    })
    .await;
    let view = number_at(&world, 0).await;
    assert_eq!(view.number.pacing, Pacing { interval: Duration::ZERO, per_second: 20, in_flight: 20 });
    let snapshot = world.store.snapshot(world.organization, None).await.unwrap();
    let roster = Roster::of(&snapshot, &Local::watching(&snapshot, HashMap::new()), snapshot.at);
    let hold = roster.numbers[0].as_ref().unwrap().sentence(roster.zone());
    assert!(hold.contains("throttled by Meta, 130429"), "{hold}");
    world.until_all_accepted(20).await;
    assert!(world.accepted_by(other.id).await > 50, "the other number goes on meanwhile");

    // What comes back with time, without waiting for it.
    for (seconds, percent) in [(0, 50), (29, 50), (31, 60), (89, 70), (149, 90)] {
        world.execute("update whatsapp_numbers set limited_until = null, limited_reason = null").await;
        sqlx::query(
            "update number_throttles set rest_until = clock_timestamp() - make_interval(secs => $1::double precision)",
        )
        .bind(seconds)
        .execute(&world.pool)
        .await
        .unwrap();
        let view = number_at(&world, 0).await;
        assert_eq!(view.slowed.as_ref().map(|slowed| slowed.percent), Some(percent), "after {seconds} s");
        assert_eq!(view.number.pacing.per_second, 40 * percent / 100, "after {seconds} s");
    }
    world
        .execute("update number_throttles set rest_until = clock_timestamp() - interval '151 seconds'")
        .await;
    let view = number_at(&world, 0).await;
    assert_eq!((view.slowed, view.number.pacing.per_second), (None, 40), "all is as before");
    world.end([sender]).await;
}

#[tokio::test]
async fn each_further_throttle_halves_what_is_left_and_answers_of_one_moment_count_once() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    let sender = world.sender().await;
    let instance = sender.instance();
    let throttle = async || {
        let rest = Duration::from_secs(20);
        world
            .store
            .throttle_numbers(world.organization, instance, &[number.id], rest, "throttled")
            .await
            .unwrap()
    };
    let mut seen = Vec::new();
    for _ in 0..6 {
        assert_eq!(throttle().await, 1);
        assert_eq!(throttle().await, 0, "what was in the air when it came");
        seen.push(world.value::<i32>("select percent from number_throttles").await);
        world.execute("update number_throttles set rest_until = clock_timestamp()").await;
        world.execute("update whatsapp_numbers set limited_until = null, limited_reason = null").await;
    }
    assert_eq!(seen, [50, 25, 12, 6, 5, 5]);
    // A minute later it has come up by twenty points.
    world.execute("update number_throttles set percent = 20, rest_until = clock_timestamp() - interval '61 seconds'").await;
    throttle().await;
    assert_eq!(world.value::<i32>("select percent from number_throttles").await, 20);
    world.end([sender]).await;
}

#[tokio::test]
async fn throttled_account_rests_for_every_sender_and_other_accounts_go_on() {
    let world = World::scripted(
        "latency = '20ms'\n[[rule]]\nwhen = { provider = 'meta', nth = 25 }\nthen = { error = 80007 }\n",
    )
    .await;
    for _ in 0..2 {
        world.number(Num::meta().priority(1).in_flight(2)).await;
    }
    let senders = [world.sender().await, world.sender().await];
    until("each holds a number of the account", 20, async || {
        world
            .value::<i64>(
                "select count(distinct l.holder) from number_leases l
                   join whatsapp_numbers n on n.id = l.number_id
                   join accounts a on a.id = n.account_id and a.provider = 'meta'",
            )
            .await
            == 2
    })
    .await;
    let other = world.number(Num::at(ProviderKind::Twilio).priority(2)).await;
    world.campaign(Camp::of(300)).await;
    until("both numbers rest", 10, async || {
        world
            .value::<i64>("select count(*) from whatsapp_numbers where limited_until > clock_timestamp()")
            .await
            == 2
    })
    .await;
    let reasons: i64 = world
        .value(
            "select count(*) from whatsapp_numbers where limited_reason like 'account throttled by Meta, 80007%'
                and limited_until > clock_timestamp() + interval '4 minutes'",
        )
        .await;
    assert_eq!(reasons, 2);
    world.until_all_accepted(30).await;
    assert!(world.accepted_by(other.id).await > 200, "the other account carries the rest");
    let late: i64 = world
        .value(
            "select count(*) from attempts a join whatsapp_numbers n on n.id = a.number_id
               join number_throttles t on t.number_id = n.id where a.started_at > t.at + interval '300 milliseconds'",
        )
        .await;
    assert_eq!(late, 0, "nothing begins through a number that rests");
    world.end(senders).await;
}

/// Two accounts of one application and one of another: the credential says who belongs together.
#[tokio::test]
async fn throttled_application_rests_in_every_account_that_uses_its_credential() {
    let world = World::start().await;
    let mut numbers = Vec::new();
    for name in ["one", "two", "apart"] {
        let account = world.account(name, ProviderKind::Meta, None).await;
        numbers.push(world.number_of(account, Num::meta().priority(1).in_flight(2)).await);
    }
    world.follow(&format!(
        "latency = '20ms'\n[[rule]]\nwhen = {{ number = '{}', nth = 5 }}\nthen = {{ error = 4 }}\n",
        numbers[0].from
    ));
    let apart = world.account_of(&numbers[2]).await;
    let elsewhere = world.keys.seal(&token_place(world.organization, apart), "an0ther").unwrap();
    sqlx::query("update accounts set sealed_token = $1 where id = $2")
        .bind(elsewhere.as_str())
        .bind(apart.0)
        .execute(&world.pool)
        .await
        .unwrap();
    world.campaign(Camp::of(300)).await;
    let sender = world.sender().await;
    until("they rest", 10, async || world.value::<i64>("select count(*) from number_throttles").await == 2)
        .await;
    world.until_all_accepted(30).await;
    let rest: Vec<String> = sqlx::query_scalar(
        "select a.name from whatsapp_numbers n join accounts a on a.id = n.account_id
          where n.limited_reason like 'application throttled by Meta, %4%' order by a.name",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(rest, ["one", "two"], "the other application carries the rest");
    world.end([sender]).await;
}

#[tokio::test]
async fn quality_halves_the_pace_and_sends_the_disliked_to_the_end() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1).per_second(40)).await;
    let second = world.number(Num::meta().priority(2).per_second(40)).await;
    let pace = async |word: Option<&str>, state: &str| {
        sqlx::query(
            "update number_health set quality = $1, state = $2, since = clock_timestamp(), checked_at = clock_timestamp()
              where number_id = $3",
        )
        .bind(word)
        .bind(state)
        .bind(first.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
        number_at(&world, 0).await.number.pacing.per_second
    };
    assert_eq!(pace(Some("green"), "sendable").await, 40);
    assert_eq!(pace(Some("unknown"), "sendable").await, 40);
    assert_eq!(pace(Some("yellow"), "sendable").await, 20);
    assert_eq!(pace(None, "limited").await, 20);
    assert_eq!(pace(Some("red"), "limited").await, 10);
    world.campaign(Camp::of(60)).await;
    let sender = world.sender().await;
    world.until_all_accepted(20).await;
    assert_eq!(world.accepted_by(second.id).await, 60, "the number that people complain about goes last");
    world
        .execute("update whatsapp_numbers set is_active = false, revision = revision + 1 where priority = 2")
        .await;
    world.campaign(Camp::of(5)).await;
    world.until_all_accepted(20).await;
    assert_eq!(world.accepted_by(first.id).await, 5, "and is still there when it is the only one");
    world.end([sender]).await;
}

#[tokio::test]
async fn queue_of_a_gateway_is_never_longer_than_five_and_says_so() {
    let world = World::scripted("queue_drain = '150ms'\n").await;
    let number = world.number(Num::ultramsg().in_flight(10).queue_kept_short()).await;
    world.campaign(Camp::of(30)).await;
    let senders = [world.sender().await, world.sender().await];
    let snapshot = async || world.store.snapshot(world.organization, None).await.unwrap();
    until("it waits for the gateway", 10, async || {
        let snapshot = snapshot().await;
        let local = Local::watching(&snapshot, HashMap::new());
        let roster = Roster::of(&snapshot, &local, snapshot.at);
        let holds = roster.number_holds(&snapshot, &local, 0, snapshot.at);
        holds.iter().any(|hold| {
            hold.sentence(roster.zone()) == "5 messages wait in the gateway's own queue, as many as allowed"
        })
    })
    .await;
    // Whoever takes the number over knows what waits there.
    let (first, second) = senders.into();
    let holder: Option<uuid::Uuid> = world.value("select holder from number_leases").await;
    let (leaves, stays) = if holder == Some(first.instance().0) { (first, second) } else { (second, first) };
    let (_, left) = leaves.drain(Duration::from_secs(5)).await;
    assert_eq!(left, 0);
    world.until_all_accepted(30).await;
    let most = world.simulator.most_queued();
    assert!(most == 5, "{most} messages waited there");
    assert_eq!(world.accepted_by(number.id).await, 30);
    world.end([stays]).await;
}

#[tokio::test]
async fn message_that_a_gateway_refuses_and_keeps_is_sent_through_no_other_number() {
    let world = World::scripted(
        "[[rule]]\nwhen = { provider = 'ultramsg', nth = 3 }\nthen = { status = 200, body = '{\"error\":\"Instance not found\"}', accepted = true }\n",
    )
    .await;
    let gateway = world.number(Num::ultramsg().priority(1).in_flight(1).queue_kept_short()).await;
    let other = world.number(Num::meta().priority(2)).await;
    world.campaign(Camp::of(12)).await;
    let sender = world.sender().await;
    until("the number is out", 10, async || {
        world.value::<i64>("select count(*) from whatsapp_numbers where suspended_at is not null").await == 1
    })
    .await;
    world.until_all_accepted(30).await;
    assert_eq!(world.received_from(&gateway.from), 3, "two that it took, and the one that it kept");
    assert_eq!(world.received_from(&other.from), 9);
    world.end([sender]).await;
}
