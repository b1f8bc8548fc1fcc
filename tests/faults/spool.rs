//! What a sender knew and could not write is written by others: row 7.

use crate::world::{
    World,
    child::{Process, Started},
    relay::Relay,
    seed::{Camp, Num},
    until,
};

/// A sender with five outcomes that it could not write, because it is cut off from the database. The provider cannot be
/// asked: only the spool knows.
async fn five_spooled() -> (World, Relay, Process) {
    let world = World::scripted("latency = '800ms'\n").await;
    world.number(Num::meta().in_flight(5)).await;
    world.campaign(Camp::of(5)).await;
    let relay = Relay::before(&world).await;
    let process = world.process_with(Started { url: Some(relay.url().to_owned()), ..Started::default() });
    until("five are in the air", 20, async || world.simulator.requests() == 5).await;
    relay.cut();
    until("their outcomes are spooled", 20, async || world.spooled_lines() == 5).await;
    (world, relay, process)
}

#[tokio::test]
async fn row_07_spooled_outcomes_of_a_killed_sender_are_replayed_by_the_next() {
    let (world, relay, process) = five_spooled().await;
    process.kill();
    relay.restore();
    let next = world.process();
    world.until_all_accepted(20).await;
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received), (5, 5));
    assert_eq!(world.spooled(), 0);
}

#[tokio::test]
async fn row_07_spool_that_cannot_be_replayed_at_once_is_not_forgotten() {
    let (world, _relay, process) = five_spooled().await;
    process.kill();
    sqlx::raw_sql(
        "create sequence tried;
         create function break_off() returns trigger language plpgsql as $$
         begin
             if nextval('tried') <= 2 then raise exception 'shutting down' using errcode = '57P01'; end if;
             return new;
         end $$;
         create trigger break_off before update on attempts for each row when (new.state = 'accepted')
             execute function break_off();",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let next = world.sender().await;
    world.until_all_accepted(60).await;
    until("the spool is gone", 20, async || world.spooled() == 0).await;
    assert!(world.value::<i64>("select last_value from tried").await > 2, "it was refused before");
    let sides = world.end([next]).await;
    assert_eq!((sides.accepted, sides.received), (5, 5));
}

#[tokio::test]
async fn row_07_spool_of_a_neighbour_is_replayed_without_a_new_start() {
    let (world, _relay, process) = five_spooled().await;
    let neighbour = world.sender().await;
    until("it is at work", 20, async || {
        let chores = sqlx::query_scalar("select count(*) from chores where taken_by = $1");
        chores.bind(neighbour.instance().0).fetch_one(&world.pool).await.is_ok_and(|count: i64| count > 0)
    })
    .await;
    process.kill();
    world.until_all_accepted(60).await;
    until("the spool is gone", 20, async || world.spooled() == 0).await;
    let sides = world.end([neighbour]).await;
    assert_eq!((sides.accepted, sides.received), (5, 5));
}
