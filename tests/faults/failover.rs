//! Numbers fall out and others take over: rows 34 and 35, and what operators do with numbers.

use crate::world::{
    Made, World,
    seed::{Camp, Num, Number},
    throughout, until,
};
use signalbox::{
    domain::{
        action::Action,
        hold::Hold,
        ids::{CampaignId, NumberId},
    },
    sender::plan::{Local, Roster},
};
use std::time::{Duration, Instant};

/// A failover as an operator reads it.
#[derive(Debug, sqlx::FromRow)]
struct Failover {
    from_number_id: uuid::Uuid,
    to_number_id: Option<uuid::Uuid>,
    cause: String,
    code: Option<String>,
    words: String,
    in_flight: i32,
    ended_by: Option<String>,
    ended_reason: Option<String>,
}

impl World {
    async fn failovers(&self) -> Vec<Failover> {
        sqlx::query_as(
            "select from_number_id, to_number_id, cause, code, words, in_flight, ended_by, ended_reason
               from failovers order by started_at",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn suspend(&self, number: &Number) {
        self.order(Action::SuspendNumber { number: number.id, until: None }).await;
    }

    /// Waits until a number has sent so many more than it had.
    async fn until_received(&self, number: &Number, count: usize) {
        until("the number carries the traffic", 20, async || self.received_from(&number.from) >= count).await;
    }

    async fn roster(&self) -> Roster {
        let snapshot = self.store.snapshot(self.organization, None).await.unwrap();
        Roster::of(&snapshot, &Local::default(), snapshot.at)
    }
}

#[tokio::test]
async fn row_34_suspension_answered_to_one_of_five_in_the_air() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1).in_flight(5)).await;
    let second = world.number(Num::meta().priority(2).in_flight(5)).await;
    world.follow(&format!(
        "[[rule]]\nwhen = {{ number = '{0}', nth = 5 }}\nthen = {{ suspend = true, latency = '200ms' }}\n
         [[rule]]\nwhen = {{ number = '{0}' }}\nthen = {{ latency = '600ms' }}\n",
        first.from
    ));
    world.campaign(Camp::of(60)).await;
    let sender = world.sender().await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (60, 60));
    assert_eq!(world.received_from(&first.from), 4, "the other four settle by their own answers");
    assert_eq!(world.received_from(&second.from), 56);
    assert_eq!(world.simulator.requests(), 61, "nothing more is tried through a suspended number");
    let failovers = world.failovers().await;
    let [failover] = failovers.as_slice() else { panic!("{failovers:#?}") };
    assert_eq!(
        (failover.from_number_id, failover.to_number_id),
        (first.id.0, Some(second.id.0)),
        "one record, from the one to the other"
    );
    assert_eq!((failover.cause.as_str(), failover.code.as_deref()), ("number_suspended", Some("133010")));
    assert!(!failover.words.is_empty(), "in the provider's words");
    assert!((1..=5).contains(&failover.in_flight), "{failover:?}");
    let reasons: Vec<String> =
        sqlx::query_scalar("select suspension_reason from whatsapp_numbers where suspended_at is not null")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert!(matches!(&reasons[..], [reason] if reason.contains("133010")), "{reasons:?}");
}

#[tokio::test]
async fn row_34_suspension_that_the_database_cannot_take_at_once_is_repeated_without_another_answer() {
    let world = World::scripted("[[rule]]\nthen = { suspend = true }\n").await;
    // One message in ten minutes: no second answer asks for it again.
    world.number(Num::meta().interval_ms(600_000)).await;
    sqlx::raw_sql(
        "create sequence tried;
         create function break_off() returns trigger language plpgsql as $$
         begin
             case nextval('tried')
                 when 1 then raise exception 'somebody holds it' using errcode = '55P03';
                 when 2 then raise exception 'shutting down' using errcode = '57P01';
                 when 3 then raise exception 'somebody holds it' using errcode = '55P03';
                 else return new;
             end case;
         end $$;
         create trigger break_off before update on whatsapp_numbers for each row
             when (old.suspended_at is null and new.suspended_at is not null) execute function break_off();",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    world.campaign(Camp::of(2)).await;
    let sender = world.sender().await;
    let suspended = "select count(*) from whatsapp_numbers where suspended_at is not null";
    until("the number is suspended", 60, async || world.value::<i64>(suspended).await == 1).await;
    assert_eq!(world.value::<i64>("select last_value from tried").await, 4, "three times it could not be");
    assert_eq!(world.simulator.requests(), 1);
    assert_eq!(world.failovers().await.len(), 1);
    world.end([sender]).await;
}

#[tokio::test]
async fn row_34_refused_number_rests_at_once_however_long_the_record_takes() {
    let world = World::start().await;
    world.number(Num::meta().in_flight(1)).await;
    // Five faults mark the provider as down, one success as back, and the next message is refused for its number.
    world.follow(
        "latency = '500ms'\n
         [[rule]]\nwhen = { times = 5 }\nthen = { status = 500, body = 'x', latency = '1ms' }\n
         [[rule]]\nwhen = { nth = 2 }\nthen = { suspend = true }\n",
    );
    world.campaign(Camp::of(12)).await;
    let sender = world.sender().await;
    until("the provider is marked as down", 10, async || {
        world.value::<i64>("select count(*) from accounts where unreachable_since is not null").await == 1
    })
    .await;
    // The mark that it is back waits here, and what was refused behind it.
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from accounts for update").execute(&mut *other).await.unwrap();
    until("it is refused", 10, async || world.simulator.requests() == 7).await;
    throughout("nothing more is tried through it", Duration::from_secs(1), async || {
        world.simulator.requests() == 7
    })
    .await;
    let suspended = "select count(*) from whatsapp_numbers where suspended_at is not null";
    assert_eq!(world.value::<i64>(suspended).await, 0, "nobody has recorded it yet");
    other.rollback().await.unwrap();
    until("it is suspended", 5, async || world.value::<i64>(suspended).await == 1).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (1, 5, 1));
}

#[tokio::test]
async fn row_35_all_numbers_suspended_or_full_wait_quietly_and_say_until_when() {
    let world = World::start().await;
    let suspended = world.number(Num::meta()).await;
    world.number(Num::meta().daily(5)).await;
    world.suspend(&suspended).await;
    world.campaign(Camp::of(20)).await;
    let process = world.process();
    world.until_counts("the cap is used up", 15, |counts| counts.accepted == 5).await;
    let roster = world.roster().await;
    assert!(
        matches!(&roster.numbers[0], Some(Hold::NumberSuspended { until: None, .. })),
        "{:?}",
        roster.numbers
    );
    let zone = chrono_tz::Africa::Douala;
    let sentence = roster.numbers[1].as_ref().map(|hold| hold.sentence(zone)).unwrap_or_default();
    assert!(sentence.contains("cap reached") && sentence.contains("midnight Africa/Douala"), "{sentence}");
    // It looks now and then, and nothing more. The server tells of a connection's transactions up to ten seconds late, so
    // some of those before are among them; a loop that does not wait would make thousands and take a whole processor.
    let statements =
        "select sum(xact_commit)::bigint from pg_stat_database where datname = current_database()";
    let (before, cpu, since) = (world.value::<i64>(statements).await, process.cpu_seconds(), Instant::now());
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (after, used) = (world.value::<i64>(statements).await, process.cpu_seconds() - cpu);
    // On a busy machine four seconds take longer.
    let waited = since.elapsed().as_secs_f64();
    let a_second = (after - before) as f64 / waited;
    assert!(a_second < 100.0, "{a_second} transactions a second while it waits");
    assert!(used < 0.1 * waited, "{used} s of processor time in {waited} s of waiting");
    process.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received), (5, 5));
}

#[tokio::test]
async fn suspending_the_number_in_use_moves_the_traffic_and_resuming_moves_it_back() {
    let world = World::scripted("latency = '20ms'\n").await;
    let first = world.number(Num::meta().priority(1).in_flight(3)).await;
    let second = world.number(Num::meta().priority(2).in_flight(3)).await;
    let third = world.number(Num::meta().priority(3).in_flight(3)).await;
    world.campaign(Camp::of(600)).await;
    let senders = [world.sender().await, world.sender().await];
    world.until_received(&first, 100).await;
    assert_eq!(world.received_from(&second.from), 0, "a backup is not used while the first works");

    world.suspend(&first).await;
    world.until_received(&second, 30).await;
    let of_first = world.received_from(&first.from);
    world.until_received(&second, 100).await;
    assert_eq!(world.received_from(&first.from), of_first, "a suspended number sends nothing");

    world.order(Action::ResumeNumber(first.id)).await;
    world.until_received(&first, of_first + 30).await;
    let of_second = world.received_from(&second.from);
    world.until_received(&first, of_first + 100).await;
    assert_eq!(world.received_from(&second.from), of_second, "the backup rests again");
    assert_eq!(world.received_from(&third.from), 0);

    world.until_all_accepted(20).await;
    let sides = world.end(senders).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (600, 600, 0));
    let failovers = world.failovers().await;
    let [failover] = failovers.as_slice() else { panic!("one switch is one record: {failovers:#?}") };
    assert_eq!((failover.from_number_id, failover.to_number_id), (first.id.0, Some(second.id.0)));
    assert_eq!(failover.cause, "operator");
    assert_eq!(
        (failover.ended_by.as_deref(), failover.ended_reason.as_deref()),
        (Some("ana"), Some("a test"))
    );
}

#[tokio::test]
async fn people_keep_their_number_and_another_takes_over_when_it_is_suspended() {
    let world = Made::default().script("latency = '5ms'\n").world().await;
    let first = world.number(Num::meta().priority(1)).await;
    let second = world.number(Num::meta().priority(1)).await;
    let campaign = world.campaign(Camp::of(60).steps(&[0, 2, 2])).await;
    let sender = world.sender().await;
    until("everybody has the first message", 10, async || world.attempts("accepted").await >= 60).await;
    let sticky =
        "select count(distinct number_id) from attempts group by recipient_id order by 1 desc limit 1";
    until("everybody has the second message", 10, async || world.attempts("accepted").await >= 120).await;
    assert_eq!(world.value::<i64>(sticky).await, 1, "the same number for the same person");
    assert!(world.accepted_by(first.id).await > 0 && world.accepted_by(second.id).await > 0);

    let of_first = world.accepted_by(first.id).await;
    world.suspend(&first).await;
    world.until_all_accepted(20).await;
    assert_eq!(world.accepted_by(first.id).await, of_first, "a suspended number sends nothing");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (180, 180));
    assert_eq!(world.counts_of(campaign).await.accepted, 60);
}

/// A campaign that never switches waits for its number, and goes on when it is back.
async fn waits_for_its_number(sticky: bool) {
    let world = Made::default().sticky(sticky).world().await;
    let first = world.number(Num::meta().priority(1).in_flight(1)).await;
    let second = world.number(Num::meta().priority(2).in_flight(1)).await;
    world.follow(&format!(
        "[[rule]]\nwhen = {{ number = '{}', nth = 1 }}\nthen = {{ suspend = true }}\n",
        first.from
    ));
    let campaign = world.campaign(Camp::of(10).failover("never")).await;
    let sender = world.sender().await;
    until("the first number is suspended", 10, async || world.failovers().await.len() == 1).await;
    until("the refused message is kept for it", 10, async || kept_for(&world, campaign, first.id).await == 1)
        .await;
    until("the others went through the backup", 10, async || world.counts().await.accepted == 9).await;
    throughout("it waits", Duration::from_secs(1), async || kept_for(&world, campaign, first.id).await == 1)
        .await;
    world.follow("");
    world.order(Action::ResumeNumber(first.id)).await;
    // It would be looked at again in a minute; nobody wants to wait for that here.
    world.execute("update campaign_recipients set due_at = clock_timestamp() where due_at is not null").await;
    world.until_all_accepted(25).await;
    assert_eq!(world.accepted_by(first.id).await, 1);
    assert_eq!(world.accepted_by(second.id).await, 9);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (10, 10));
}

async fn kept_for(world: &World, campaign: CampaignId, number: NumberId) -> i64 {
    sqlx::query_scalar(
        "select count(*) from campaign_recipients where campaign_id = $1 and bound_number_id = $2",
    )
    .bind(campaign.0)
    .bind(number.0)
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn never_switching_campaign_waits_for_its_number_in_a_sticky_pool() {
    waits_for_its_number(true).await;
}

#[tokio::test]
async fn never_switching_campaign_waits_for_its_number_in_a_free_pool() {
    waits_for_its_number(false).await;
}

#[tokio::test]
async fn work_bound_to_a_number_that_left_the_pool_is_not_lost() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1)).await;
    let second = world.number(Num::meta().priority(2)).await;
    world.campaign(Camp::of(5).steps(&[0, 3])).await;
    let sender = world.sender().await;
    until("the first step went through the first number", 10, async || {
        world.accepted_by(first.id).await == 5
    })
    .await;
    sqlx::query("delete from pool_numbers where number_id = $1")
        .bind(first.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
    world.execute("update pools set revision = revision + 1").await;
    world.until_all_accepted(30).await;
    assert_eq!(world.accepted_by(second.id).await, 5, "the second step went through the number that is left");
    world.end([sender]).await;
}

#[tokio::test]
async fn account_refused_takes_all_its_numbers_out_and_the_other_account_goes_on() {
    let world = World::start().await;
    let first = world.number(Num::meta().priority(1).in_flight(2)).await;
    let sibling = world.number(Num::meta().priority(2).in_flight(2)).await;
    let other = world.number(Num::ultramsg().priority(3).in_flight(5)).await;
    // 190: the access token is invalid.
    world.follow("[[rule]]\nwhen = { provider = 'meta' }\nthen = { error = 190 }\n");
    world.campaign(Camp::of(40)).await;
    let sender = world.sender().await;
    world.until_all_accepted(20).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (40, 40));
    assert_eq!(world.received_from(&other.from), 40);
    let failovers = world.failovers().await;
    let from: Vec<_> = failovers.iter().map(|failover| failover.from_number_id).collect();
    assert!(from.contains(&first.id.0) && from.contains(&sibling.id.0) && from.len() == 2, "{failovers:#?}");
    assert!(failovers.iter().all(|failover| failover.to_number_id == Some(other.id.0)), "{failovers:#?}");
}
