//! Limits, sharing, pausing, opting out: what binds every sender on the database. Rows 50, 51 and 58.

use crate::world::{
    Made, World,
    claimer::Claimer,
    seed::{Camp, Num},
    throughout, until,
};
use signalbox::{
    domain::{action::Action, ids::CampaignId, number::Pacing},
    sender::plan::{Local, Roster},
};
use std::time::{Duration, Instant};

#[tokio::test]
async fn number_of_250_a_day_gives_two_equal_campaigns_125_each_and_the_next_waits_for_midnight() {
    let world = World::start().await;
    let number = world.number(Num::meta().daily(250)).await;
    let one = world.campaign(Camp::of(300)).await;
    let other = world.campaign(Camp::of(300)).await;
    let senders = [world.sender().await, world.sender().await];
    world.until_counts("the day is full", 20, |counts| counts.accepted == 250).await;
    throughout("the 251st waits", Duration::from_secs(1), async || world.counts().await.attempts == 250)
        .await;
    assert_eq!((world.counts_of(one).await.accepted, world.counts_of(other).await.accepted), (125, 125));
    let snapshot = world.store.snapshot(world.organization, None).await.unwrap();
    let roster = Roster::of(&snapshot, &Local::default(), snapshot.at);
    let hold = roster.numbers[0].as_ref().unwrap_or_else(|| panic!("nothing holds {number:?}"));
    assert_eq!(hold.sentence(roster.zone()), "cap reached, opens at midnight Africa/Douala");
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received), (250, 250));
}

#[tokio::test]
async fn caps_of_number_campaign_and_organisation_hold_for_three_senders_at_once() {
    let world = World::start().await;
    for _ in 0..4 {
        world.number(Num::meta().priority(1).daily(60)).await;
    }
    world.execute("update organizations set daily_limit = 170").await;
    let capped = world.campaign(Camp::of(300).daily(70)).await;
    let free = world.campaign(Camp::of(300)).await;
    let senders = [world.sender().await, world.sender().await, world.sender().await];
    world.until_counts("the organisation's day is full", 20, |counts| counts.accepted == 170).await;
    throughout("no more", Duration::from_secs(1), async || world.counts().await.attempts == 170).await;
    assert!(world.counts_of(capped).await.accepted <= 70);
    assert_eq!(world.counts_of(capped).await.accepted + world.counts_of(free).await.accepted, 170);
    let most: i32 = world.value("select max(reserved) from quota_usage where scope = 'number'").await;
    assert!(most <= 60, "{most} through one number");
    let sides = world.end(senders).await;
    assert_eq!(sides.received, 170);
}

#[tokio::test]
async fn capacity_that_one_campaign_cannot_use_flows_to_the_other() {
    let world = World::start().await;
    world.number(Num::meta().daily(100)).await;
    let small = world.campaign(Camp::of(20)).await;
    let large = world.campaign(Camp::of(200)).await;
    let sender = world.sender().await;
    world.until_counts("the day is full", 20, |counts| counts.accepted == 100).await;
    assert_eq!((world.counts_of(small).await.accepted, world.counts_of(large).await.accepted), (20, 80));
    world.end([sender]).await;
}

#[tokio::test]
async fn spacing_of_a_number_holds_across_senders() {
    let world = World::start().await;
    world.number(Num::meta().interval_ms(150)).await;
    world.number(Num::meta().interval_ms(150)).await;
    world.campaign(Camp::of(30)).await;
    let first = world.sender().await;
    world.until_counts("it sends", 10, |counts| counts.accepted > 4).await;
    let second = world.sender().await;
    world.until_counts("it goes on", 10, |counts| counts.accepted > 12).await;
    // The second takes everything over.
    let (_, left) = first.drain(Duration::from_secs(5)).await;
    assert_eq!(left, 0);
    world.until_all_accepted(20).await;
    let gap: f64 = world
        .value(
            "select min(extract(epoch from gap))::double precision from (
                 select started_at - lag(started_at) over (partition by number_id order by started_at) as gap
                   from attempts) g",
        )
        .await;
    assert!(gap >= 0.150, "two messages of one number were {gap} s apart");
    world.end([second]).await;
}

#[tokio::test]
async fn rate_of_a_number_holds_in_every_window_of_a_second() {
    let world = World::start().await;
    world.number(Num::meta().per_second(20)).await;
    world.campaign(Camp::of(60)).await;
    let sender = world.sender().await;
    world.until_all_accepted(20).await;
    let most: i64 = world
        .value(
            "select max(n) from (select count(*) over (order by started_at
                         range between current row and '999 milliseconds' following) as n from attempts) w",
        )
        .await;
    assert!(most <= 20, "{most} in one second");
    world.end([sender]).await;
}

#[tokio::test]
async fn row_58_lowered_cap_stops_at_once_and_raised_cap_goes_on_at_once() {
    let world = World::scripted("latency = '10ms'\n").await;
    let number = world.number(Num::meta().daily(1_000).in_flight(2)).await;
    world.campaign(Camp::of(300)).await;
    let sender = world.sender().await;
    let limit = |daily_limit| Action::SetLimits {
        number: number.id,
        daily_limit: Some(daily_limit),
        pacing: Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 2 },
    };
    world.until_counts("it sends", 10, |counts| counts.accepted >= 50).await;
    world.order(limit(20)).await;
    let begun = world.counts().await.attempts;
    throughout("nothing more begins", Duration::from_secs(1), async || {
        world.counts().await.attempts == begun
    })
    .await;
    let raised = i32::try_from(begun).unwrap() + 60;
    let began = Instant::now();
    world.order(limit(u32::try_from(raised).unwrap())).await;
    world.until_counts("it goes on to the new cap", 5, |counts| counts.accepted == i64::from(raised)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    throughout("and not beyond", Duration::from_millis(500), async || {
        world.counts().await.attempts == i64::from(raised)
    })
    .await;
    world.end([sender]).await;
}

#[tokio::test]
async fn pause_from_another_connection_stops_three_senders_within_250_ms() {
    let world = World::scripted("latency = '300ms'\n").await;
    for _ in 0..4 {
        world.number(Num::meta().priority(1).in_flight(10)).await;
    }
    let campaign = world.campaign(Camp::of(3_000)).await;
    let senders = [world.sender().await, world.sender().await, world.sender().await];
    world.until_counts("all of them send", 20, |counts| counts.accepted >= 200).await;

    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        quickest = quickest.min(press_pause(&world, campaign).await);
        let accepted = world.counts().await.accepted;
        world.order(Action::ResumeCampaign(campaign)).await;
        world.until_counts("it goes on", 10, |counts| counts.accepted > accepted).await;
    }
    // The best of three: the other tests of this program press keys at the same time.
    assert!(quickest < Duration::from_millis(250), "from the key press to the last request: {quickest:?}");
    world.follow("");
    world.until_all_accepted(60).await;
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received), (3_000, 3_000));
}

/// Pauses while requests are on the wire. Answers the time from the key press to the last new request, and asserts that
/// the count of what is in the air only falls, down to zero.
async fn press_pause(world: &World, campaign: CampaignId) -> Duration {
    let pressed = Instant::now();
    world.order(Action::PauseCampaign(campaign)).await;
    let (mut requests, mut last) = (world.simulator.requests(), pressed.elapsed());
    let mut in_air = i64::MAX;
    while in_air > 0 {
        let sending = world.counts().await.sending;
        assert!(sending <= in_air, "the count in the air rose from {in_air} to {sending}");
        in_air = sending;
        if world.simulator.requests() > requests {
            (requests, last) = (world.simulator.requests(), pressed.elapsed());
        }
        assert!(pressed.elapsed() < Duration::from_secs(10), "{in_air} are still in the air");
    }
    throughout("no new request", Duration::from_millis(500), async || world.simulator.requests() == requests)
        .await;
    last
}

#[tokio::test]
async fn panic_key_stops_every_campaign_of_the_organisation() {
    let world = World::scripted("latency = '50ms'\n").await;
    world.number(Num::meta().in_flight(4)).await;
    world.campaign(Camp::of(150)).await;
    world.campaign(Camp::of(150)).await;
    let sender = world.sender().await;
    world.until_counts("it sends", 10, |counts| counts.accepted >= 20).await;
    world.order(Action::StopAll).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    let requests = world.simulator.requests();
    until("nothing is in the air", 5, async || world.counts().await.sending == 0).await;
    throughout("no new request", Duration::from_secs(1), async || world.simulator.requests() == requests)
        .await;
    world.follow("");
    world.order(Action::ReleaseStop).await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!(sides.received, 300);
}

#[tokio::test]
async fn row_50_no_attempt_begins_after_the_pause_is_committed() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(20_000)).await;
    let claimers = world.claimers(50).await;
    let claims = claimers.iter().map(async |claimer| {
        let mut got = 0;
        loop {
            let claimed = claimer.store.claim(&world.request(claimer, campaign, 3)).await.unwrap();
            if claimed.messages.is_empty() {
                return got;
            }
            got += claimed.messages.len();
        }
    });
    let pause = async {
        until("they race", 10, async || world.counts().await.attempts > 300).await;
        world.order(Action::PauseCampaign(campaign)).await;
        world.counts().await.attempts
    };
    let (got, begun) = tokio::join!(futures_util::future::join_all(claims), pause);
    assert!(got.iter().sum::<usize>() < 20_000, "the pause came while they raced");
    assert_eq!(i64::try_from(got.iter().sum::<usize>()).unwrap(), begun, "nothing began after the commit");
    world.assert_invariants().await;
}

/// A claim that has written its intents and waits with its last statement, with another program holding it up.
async fn claim_inside(
    camp: Camp,
) -> (World, CampaignId, Claimer, sqlx::Transaction<'static, sqlx::Postgres>) {
    let world = World::start().await;
    let campaign = world.campaign(camp).await;
    let claimer = world.claimers(1).await.remove(0);
    // The row that the second claim has to wait for.
    let first = claimer.store.claim(&world.request(&claimer, campaign, 1)).await.unwrap();
    assert_eq!(first.messages.len(), 1);
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_campaign_usage for update").execute(&mut *other).await.unwrap();
    (world, campaign, claimer, other)
}

#[tokio::test]
async fn row_50_pause_waits_for_the_claim_that_is_inside() {
    let (world, campaign, claimer, other) = claim_inside(Camp::of(100)).await;
    let request = world.request(&claimer, campaign, 2);
    let (claimed, ()) = tokio::join!(world.store.claim(&request), async {
        world.until_waiting(1).await;
        tokio::join!(world.order(Action::PauseCampaign(campaign)), async {
            world.until_waiting(2).await;
            other.rollback().await.unwrap();
        });
    });
    assert_eq!(claimed.unwrap().messages.len(), 2, "it was inside before the pause");
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_50_pause_by_a_rule_waits_for_the_claim_that_is_inside() {
    let (world, campaign, claimer, other) = claim_inside(Camp::of(100)).await;
    let request = world.request(&claimer, campaign, 2);
    let rule = world.store.pause_campaign_by_rule(world.organization, claimer.instance, campaign, "a test");
    let (claimed, ()) = tokio::join!(world.store.claim(&request), async {
        world.until_waiting(1).await;
        let (paused, ()) = tokio::join!(rule, async {
            world.until_waiting(2).await;
            other.rollback().await.unwrap();
        });
        assert!(paused.unwrap());
    });
    assert_eq!(claimed.unwrap().messages.len(), 2, "it was inside before the pause");
    let late = claimer.store.claim(&world.request(&claimer, campaign, 2)).await.unwrap();
    assert_eq!(late.messages.len(), 0, "nothing begins after it");
    world.assert_invariants().await;
}

#[tokio::test]
async fn claims_through_two_numbers_share_the_last_of_a_campaigns_cap() {
    let (world, campaign, claimer, other) = claim_inside(Camp::of(100).daily(3)).await;
    let second = world.claimers(1).await.remove(0);
    let requests = [world.request(&claimer, campaign, 2), world.request(&second, campaign, 2)];
    let (one, two, ()) = tokio::join!(
        claimer.store.claim(&requests[0]),
        async {
            world.until_waiting(1).await;
            second.store.claim(&requests[1]).await
        },
        async {
            world.until_waiting(2).await;
            other.rollback().await.unwrap();
        }
    );
    assert_eq!(one.unwrap().messages.len(), 2);
    assert_eq!(two.unwrap().messages.len(), 0, "the first took all that was left");
    assert_eq!(world.counts().await.attempts, 3);
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_51_claim_passes_by_whoever_opted_out_wherever_the_message_waits() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(3)).await;
    let claimer = world.claimers(1).await.remove(0);
    // One was never tried, one was put back, one was put back for this very number.
    let due = "update campaign_recipients set due_at = clock_timestamp() where phone = $1";
    sqlx::query(due).bind(world.phone(campaign, 1).await.reveal()).execute(&world.pool).await.unwrap();
    sqlx::query(
        "update campaign_recipients set due_at = clock_timestamp(), bound_number_id = $2 where phone = $1",
    )
    .bind(world.phone(campaign, 2).await.reveal())
    .bind(claimer.lease.number.0)
    .execute(&world.pool)
    .await
    .unwrap();
    // As if they had been put into the queue beside the opt-out.
    world
        .execute(
            "insert into suppressions (organization_id, phone, since, source, reason)
             select organization_id, phone, clock_timestamp(), 'reply', 'STOP' from campaign_recipients",
        )
        .await;
    let claimed = claimer.store.claim(&world.request(&claimer, campaign, 3)).await.unwrap();
    assert_eq!(claimed.messages.len(), 0);
    world.execute("delete from suppressions").await;
    let claimed = claimer.store.claim(&world.request(&claimer, campaign, 3)).await.unwrap();
    assert_eq!(claimed.messages.len(), 3, "nothing else had kept them");
}

#[tokio::test]
async fn row_51_opt_out_during_claims_is_in_the_air_before_it_or_never_sent() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(400)).await;
    let claimers = world.claimers(4).await;
    let mut phones = Vec::new();
    for nth in 0..400 {
        phones.push(world.phone(campaign, nth).await);
    }
    let claims = claimers.iter().map(async |claimer| {
        while !claimer.store.claim(&world.request(claimer, campaign, 2)).await.unwrap().messages.is_empty() {}
    });
    let opt_outs = async {
        // From the end, so that both meet in the middle.
        for phone in phones.iter().rev() {
            world.store.suppress(world.organization, phone, "reply", "STOP").await.unwrap();
        }
    };
    tokio::join!(futures_util::future::join_all(claims), opt_outs);
    let counts = world.counts().await;
    assert!(counts.sending > 0 && counts.skipped > 0, "they met: {counts:?}");
    assert_eq!(counts.sending + counts.skipped, 400, "{counts:?}");
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_51_opt_out_while_in_the_air_ends_what_would_be_tried_again() {
    let world =
        Made::default().script("[[rule]]\nthen = { error = 131016, latency = '800ms' }\n").world().await;
    world.number(Num::meta()).await;
    let campaign = world.campaign(Camp::of(3).steps(&[0, 0])).await;
    let phone = world.phone(campaign, 1).await;
    let sender = world.sender().await;
    world.until_counts("all are in the air", 10, |counts| counts.sending == 3).await;
    world.store.suppress(world.organization, &phone, "reply", "STOP").await.unwrap();
    world.until_counts("one ends, two wait", 10, |counts| counts.skipped == 1 && counts.queued == 2).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn waiting_pause_goes_before_the_claims_that_come_after_it() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(100)).await;
    let claimers = world.claimers(1).await;
    // A claim that lasts: another program holds what it needs next, and it holds the campaign.
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *other).await.unwrap();
    let request = world.request(&claimers[0], campaign, 1);
    let lasting = claimers[0].store.claim(&request);
    let pause = async {
        world.until_waiting(1).await;
        tokio::join!(world.order(Action::PauseCampaign(campaign)), async {
            world.until_waiting(2).await;
            // A claim through another number shares every lock with the first. It has to wait for the pause all the same.
            let late = world.claimers(1).await;
            let request = world.request(&late[0], campaign, 1);
            let (claimed, ()) = tokio::join!(late[0].store.claim(&request), async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                other.rollback().await.unwrap();
            });
            claimed.unwrap()
        })
    };
    let (first, ((), late)) = tokio::join!(lasting, pause);
    assert_eq!(first.unwrap().messages.len(), 1, "it was inside before the pause");
    assert_eq!(late.messages.len(), 0, "a claim passed a pause that was waiting");
    world.assert_invariants().await;
}

#[tokio::test]
async fn canary_counts_towards_the_limit_of_a_number_that_warms_up() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(50)).await;
    let claimers = world.claimers(2).await;
    world.execute("update organizations set warm_up = '{20,20}'").await;
    world
        .execute("update whatsapp_numbers set daily_limit = 1000, warm_up_started_at = clock_timestamp()")
        .await;
    world
        .execute(
            "update vital_rules set canary_phone = '+237699999999', canary_template = 'are_you_there',
                    canary_language = 'en'",
        )
        .await;
    for (claimer, sent, answer) in
        [(&claimers[0], 19, None), (&claimers[1], 20, Some("a daily limit is reached"))]
    {
        let number = claimer.lease.number;
        let claimed = claimer.store.claim(&world.request(claimer, campaign, sent)).await.unwrap();
        assert_eq!(claimed.messages.len(), sent as usize);
        let why = world.store.plan_canary(world.organization, number, "standby").await.unwrap();
        assert_eq!(why.as_deref(), answer, "after {sent}");
        let (used, cap): (i32, Option<i32>) =
            sqlx::query_as("select reserved, cap from quota_usage where scope = 'number' and scope_id = $1")
                .bind(number.0)
                .fetch_one(&world.pool)
                .await
                .unwrap();
        assert_eq!((used, cap), (20, Some(20)), "the rung of the day holds for canaries too");
    }
    world.assert_invariants().await;
}
