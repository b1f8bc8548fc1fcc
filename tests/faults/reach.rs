//! The cap of an account: unique people over a moving 24 hours, over all its numbers and all senders.

use crate::world::{
    Made, World,
    seed::{Camp, Num},
    throughout, until,
};
use chrono::{DateTime, Utc};
use signalbox::{
    domain::{ids::CampaignId, number::ProviderKind},
    sender::{
        Sender,
        clock::{CampaignClock, Moment},
        plan::{Local, Roster},
    },
    store::attempt::Verdict,
};
use std::time::Duration;

/// The most people that the numbers of any account with a cap wrote to within any 24 hours of the campaigns' clock.
const MOST_IN_A_DAY: &str = "
    with sent as (
        select n.account_id, r.phone, a.started_at as at from attempts a
          join whatsapp_numbers n on n.id = a.number_id
          join accounts c on c.id = n.account_id and c.rolling_cap is not null
          join campaign_recipients r on r.campaign_id = a.campaign_id and r.id = a.recipient_id
         where a.state = 'accepted')
    select coalesce(max(w.people), 0) from sent e
     cross join lateral (select count(distinct i.phone) as people from sent i
                          where i.account_id = e.account_id and i.at > e.at - interval '24 hours' and i.at <= e.at) w";

fn rehearsal() -> Made {
    Made { rehearsal: true, ..Made::default() }
}

/// A clock that starts in March and passes a day in so many seconds.
fn clock(day_in: f64) -> CampaignClock {
    let start: DateTime<Utc> = "2026-03-10T08:00:00Z".parse().unwrap();
    CampaignClock::Rehearsal { start, speed: 86_400.0 / day_in, since: Moment::now() }
}

async fn rehearsing(world: &World, clock: CampaignClock) -> Sender {
    world.sender_with(&world.database, |config| config.clock = clock).await
}

#[tokio::test]
async fn cap_of_an_account_holds_in_every_24_hours_over_three_numbers_and_two_senders() {
    let world = rehearsal().world().await;
    // Slow enough that the account is not full before the last number has found its sender.
    for _ in 0..3 {
        world.number(Num::meta().priority(1).interval_ms(100)).await;
    }
    world.execute("update accounts set rolling_limit = 50").await;
    world.campaign(Camp::of(70)).await;
    world.campaign(Camp::of(50)).await;
    let clock = clock(6.0);
    let senders = [rehearsing(&world, clock).await, rehearsing(&world, clock).await];
    world.until_counts("the first day is full", 20, |counts| counts.accepted >= 50).await;
    world.until_counts("the second too", 20, |counts| counts.accepted >= 100).await;
    world.until_all_accepted(20).await;
    assert_eq!(
        world.value::<i64>("select count(distinct number_id) from attempts").await,
        3,
        "all take part"
    );
    let most: i64 = world.value(MOST_IN_A_DAY).await;
    assert_eq!(most, 50, "as many as allowed in 24 hours");
    let sides = world.end(senders).await;
    assert_eq!(sides.received, 120);
}

#[tokio::test]
async fn full_account_says_when_it_opens_and_other_accounts_of_the_pool_go_on() {
    let world = World::start().await;
    let numbers = [world.number(Num::meta().priority(1)).await, world.number(Num::meta().priority(1)).await];
    let other = world.number(Num::at(ProviderKind::Twilio).priority(2)).await;
    world.execute("update accounts set rolling_limit = 20 where provider = 'meta'").await;
    world.campaign(Camp::of(60)).await;
    let senders = [world.sender().await, world.sender().await];
    world.until_all_accepted(20).await;
    let first = world.accepted_by(numbers[0].id).await + world.accepted_by(numbers[1].id).await;
    assert_eq!((first, world.accepted_by(other.id).await), (20, 40));

    let hold = hold_of(&world, 0).await;
    let opens: DateTime<Utc> =
        world.value("select min(last_at) + interval '24 hours 1 minute' from account_recipients").await;
    let opens = opens.with_timezone(&chrono_tz::Africa::Douala).format("%Y-%m-%d %H:%M");
    assert_eq!(
        hold,
        format!("account cap reached: 20 people in 24 hours, the next from {opens} Africa/Douala")
    );
    world.end(senders).await;
}

/// What holds the number at this place of the order.
async fn hold_of(world: &World, place: usize) -> String {
    let snapshot = world.store.snapshot(world.organization, None).await.unwrap();
    let local = Local::watching(&snapshot, std::collections::HashMap::new());
    let roster = Roster::of(&snapshot, &local, snapshot.at);
    roster.numbers[place].as_ref().map(|hold| hold.sentence(roster.zone())).unwrap_or_default()
}

#[tokio::test]
async fn who_counts_already_goes_on_while_the_account_is_full() {
    for sticky in [true, false] {
        let world = Made::default().sticky(sticky).world().await;
        world.number(Num::meta().priority(1)).await;
        world.number(Num::meta().priority(1)).await;
        world.execute("update accounts set rolling_limit = 30").await;
        world.campaign(Camp::of(40).steps(&[0, 1])).await;
        let senders = [world.sender().await, world.sender().await];
        until("both steps of thirty people", 20, async || world.attempts("accepted").await == 60).await;
        throughout("and nobody else", Duration::from_secs(1), async || {
            world.attempts("accepted").await == 60
        })
        .await;
        assert_eq!(world.counts().await.queued, 10);
        let reached: i32 = world.value("select reached from account_reach").await;
        assert_eq!(reached, 30);
        world.end(senders).await;
    }
}

#[tokio::test]
async fn who_was_refused_or_never_asked_for_does_not_count() {
    let world =
        World::scripted("[[rule]]\nwhen = { probability = 0.5 }\nthen = { error = '131026' }\n").await;
    world.number(Num::meta()).await;
    world.execute("update accounts set rolling_limit = 20").await;
    world.campaign(Camp::of(200)).await;
    let sender = world.sender().await;
    world.until_counts("twenty people got it", 20, |counts| counts.accepted == 20).await;
    throughout("and nobody else", Duration::from_secs(1), async || world.counts().await.accepted == 20).await;
    let counts = world.counts().await;
    assert!(counts.failed > 0, "{counts:?}");
    let kept: i64 = world.value("select count(*) from account_recipients").await;
    assert_eq!(kept, 20, "{counts:?}");
    world.end([sender]).await;
}

#[tokio::test]
async fn cap_that_is_set_while_it_sends_counts_who_was_written_to_before() {
    let world = World::scripted("latency = '5ms'\n").await;
    world.number(Num::meta().in_flight(4)).await;
    world.campaign(Camp::of(400)).await;
    let sender = world.sender().await;
    world.until_counts("it sends", 10, |counts| counts.accepted >= 100).await;
    world.execute("update accounts set rolling_limit = 20").await;
    let begun = world.counts().await.attempts;
    throughout("nothing more begins", Duration::from_secs(1), async || {
        world.counts().await.attempts == begun
    })
    .await;
    let reached: i32 = world.value("select reached from account_reach").await;
    assert_eq!(i64::from(reached), begun);
    sqlx::query("update accounts set rolling_limit = $1, revision = revision + 1")
        .bind(reached + 15)
        .execute(&world.pool)
        .await
        .unwrap();
    world.until_counts("it goes on to the new cap", 5, |counts| counts.accepted == begun + 15).await;
    throughout("and not beyond", Duration::from_millis(500), async || {
        world.counts().await.attempts == begun + 15
    })
    .await;
    world.execute("update accounts set rolling_limit = null, revision = revision + 1").await;
    world.until_all_accepted(10).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn limit_that_the_provider_tells_holds_where_it_is_smaller() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    world.execute("update accounts set rolling_limit = 40").await;
    world.execute("update number_health set provider_limit = 15").await;
    world.campaign(Camp::of(60)).await;
    world
        .execute(
            "update organizations set stopped_at = clock_timestamp(), stopped_by = 't', stopped_reason = 't'",
        )
        .await;
    let sender = world.sender().await;
    until("the account follows", 10, async || {
        world.value::<Option<i32>>("select rolling_cap from accounts").await == Some(15)
    })
    .await;
    world
        .execute(
            "update organizations set stopped_at = null, stopped_by = null, stopped_reason = null,
                                      revision = revision + 1",
        )
        .await;
    world.until_counts("fifteen", 10, |counts| counts.accepted == 15).await;
    throughout("no more", Duration::from_secs(1), async || world.counts().await.attempts == 15).await;
    world.execute("update number_health set provider_limit = null, provider_unlimited = true").await;
    world.until_counts("our own holds again", 10, |counts| counts.accepted == 40).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn answers_within_24_hours_take_no_room() {
    let world = World::start().await;
    let number = world.number(Num::meta()).await;
    world.campaign(Camp::of(30)).await;
    world.execute("update accounts set rolling_limit = 10").await;
    // Every third person wrote an hour ago; one of them so long ago that the window is shut.
    sqlx::query(
        "insert into inbound_messages (organization_id, id, account_id, number_id, phone, provider_message_id, kind, body,
                                       received_at)
         select r.organization_id, new_uuid(), n.account_id, n.id, r.phone, r.phone, 'text', 'hello',
                clock_timestamp() - case when right(r.phone, 2) = '27' then interval '25 hours' else interval '1 hour' end
           from campaign_recipients r, whatsapp_numbers n
          where n.id = $1 and right(r.phone, 2)::integer % 3 = 0",
    )
    .bind(number.id.0)
    .execute(&world.pool)
    .await
    .unwrap();
    let sender = world.sender().await;
    // Nine answers and ten others; the rest waits, or the walk would have to pass by everybody.
    until("ten count", 10, async || world.value::<i32>("select reached from account_reach").await == 10)
        .await;
    let free: i64 = world
        .value(
            "select count(*) from attempts a join campaign_recipients r on r.id = a.recipient_id
              where not exists (select from account_recipients k where k.phone = r.phone)",
        )
        .await;
    assert!(free >= 4, "{free} answers");
    world.end([sender]).await;
}

/// Two claims at the same moment, for two campaigns, so that nothing else makes them wait: the second counts what the first
/// one took.
#[tokio::test]
async fn claims_of_two_numbers_of_an_account_count_one_after_the_other() {
    let world = World::start().await;
    let campaigns: [CampaignId; 2] =
        [world.campaign(Camp::of(100)).await, world.campaign(Camp::of(100)).await];
    let claimers = world.claimers(2).await;
    world.execute("update accounts set rolling_limit = 51").await;
    let mut taken = 0;
    for _ in 0..20 {
        let requests =
            [world.request(&claimers[0], campaigns[0], 2), world.request(&claimers[1], campaigns[1], 2)];
        let (one, other) =
            tokio::join!(claimers[0].store.claim(&requests[0]), claimers[1].store.claim(&requests[1]));
        let (one, other) = (one.unwrap(), other.unwrap());
        taken += one.messages.len() + other.messages.len();
        assert!(taken <= 51, "{taken} people");
        if taken == 51 && one.messages.len() + other.messages.len() == 0 {
            let refused = one.refused.iter().chain(&other.refused).map(|(_, verdict)| *verdict);
            let refused: Vec<Verdict> = refused.collect();
            assert!(refused.iter().all(|verdict| *verdict == Verdict::AccountCapReached), "{refused:?}");
        }
    }
    assert_eq!(taken, 51);
    world.assert_invariants().await;
}

/// A ladder of four days, day by day on a clock that runs fast.
#[tokio::test]
async fn new_number_climbs_its_ladder_over_five_days() {
    let world = rehearsal().world().await;
    world.number(Num::meta().daily(60)).await;
    world.execute("update organizations set warm_up = '{5,10,20,40}'").await;
    world.execute("update whatsapp_numbers set warm_up_started_at = '2026-03-10T08:00:00Z'").await;
    world.campaign(Camp::of(150)).await;
    let clock = clock(3.0);
    let senders = [rehearsing(&world, clock).await, rehearsing(&world, clock).await];
    world.until_all_accepted(40).await;
    let days: Vec<(String, i32)> =
        sqlx::query_as("select day::text, reserved from quota_usage where scope = 'number' order by day")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let sent: Vec<i32> = days.iter().map(|(_, sent)| *sent).collect();
    assert_eq!(sent[..4], [5, 10, 20, 40], "{days:?}");
    assert!(sent[4..].iter().all(|sent| *sent <= 60), "{days:?}");
    world.end(senders).await;
}

/// What the claim obeys and what the plan says are the same.
#[tokio::test]
async fn ladder_of_the_database_is_the_ladder_of_the_plan() {
    use signalbox::domain::warm_up::{Ladder, limit_of_day};
    let world = World::start().await;
    let ladders: [&[i32]; 4] = [&[], &[20], &[20, 50, 100, 200], &[7, 3]];
    let day = |at: i64| chrono::NaiveDate::from_ymd_opt(2026, 2, 26).unwrap() + chrono::TimeDelta::days(at);
    let mut compared = 0;
    for ladder in ladders {
        for own in [None, Some(0), Some(30), Some(1_000)] {
            for started in [None, Some(0), Some(2)] {
                for at in -1..8 {
                    let started = started.map(day);
                    let asked: (Option<i32>, Option<i32>) = sqlx::query_as(
                        "select limit_of_day($1, $2, $3, $4),
                                warm_up_day($2, $3, $4, limit_of_day($1, $2, $3, $4))",
                    )
                    .bind(own)
                    .bind(ladder)
                    .bind(started)
                    .bind(day(at))
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
                    let count = |number: i32| u32::try_from(number).unwrap();
                    let rung = Ladder::of(ladder.iter().copied().map(count)).rung(started, day(at));
                    let limit = limit_of_day(own.map(count), rung);
                    let binds = rung.filter(|rung| limit == Some(rung.limit)).map(|rung| rung.day);
                    assert_eq!(
                        (asked.0.map(count), asked.1.map(count)),
                        (limit, binds),
                        "{ladder:?}, {own:?}, {started:?}, day {at}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 4 * 4 * 3 * 9);
}

/// Two accounts of one portfolio, and one that is apart: the two count people together.
#[tokio::test]
async fn accounts_of_one_portfolio_share_the_least_of_their_limits() {
    let world = World::start().await;
    for (at, name) in ["one", "two", "apart"].into_iter().enumerate() {
        let account = world.account(name, ProviderKind::Meta, None).await;
        let priority = if name == "apart" { 9 } else { 1 };
        world
            .number_of(account, Num::meta().priority(priority).in_flight(3 + i32::try_from(at).unwrap()))
            .await;
    }
    world.execute("update accounts set rolling_limit = 200 where name = 'one'").await;
    world.execute("update accounts set portfolio = 'P1' where name <> 'apart'").await;
    world.execute("update accounts set rolling_limit = 30 where name = 'two'").await;
    let caps = async || -> Vec<(String, Option<i32>, bool)> {
        sqlx::query_as("select name, rolling_cap, reach_id = id from accounts order by name")
            .fetch_all(&world.pool)
            .await
            .unwrap()
    };
    let of = |name: &str, cap, own| (name.to_owned(), cap, own);
    assert_eq!(
        caps().await,
        [of("apart", None, true), of("one", Some(30), true), of("two", Some(30), false)]
    );
    // By names: who was reached through which account.
    let people = async |accounts: &'static str| -> i64 {
        sqlx::query_scalar(
            "select count(distinct r.phone) from attempts a
               join campaign_recipients r on r.id = a.recipient_id join whatsapp_numbers n on n.id = a.number_id
               join accounts c on c.id = n.account_id where c.name = any (string_to_array($1, ' '))",
        )
        .bind(accounts)
        .fetch_one(&world.pool)
        .await
        .unwrap()
    };
    let campaign = world.campaign(Camp::of(100)).await;
    let senders = [world.sender().await, world.sender().await];
    world.until_all_accepted(20).await;
    assert_eq!((people("one two").await, people("apart").await), (30, 70), "of {campaign}");
    assert!(people("one").await > 0 && people("two").await > 0);
    // Who counts already takes no room, whichever account of the two wrote first.
    let taken: i64 = world.value("select sum(reached)::bigint from account_reach r join accounts a on a.id = r.account_id where a.name = 'one'").await;
    assert_eq!(taken, 30);
    // Apart again, each counts whom it wrote to itself, and its own limit holds.
    world.execute("update accounts set portfolio = null where name = 'two'").await;
    let own: i64 = people("two").await;
    assert_eq!(
        caps().await,
        [of("apart", None, true), of("one", Some(200), true), of("two", Some(30), true)]
    );
    let reached: i32 = world
        .value(
            "select reached from account_reach r join accounts a on a.id = r.account_id where a.name = 'two'",
        )
        .await;
    assert_eq!(i64::from(reached), own);
    world.end(senders).await;
}
