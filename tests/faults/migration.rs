//! A migration while messages go out: row 74. It waits for a table that somebody reads for long, and the senders do not wait
//! for that reader.

use crate::world::{
    World,
    seed::{Camp, Num},
    until,
};
use signalbox::postgres::migrate::{self, MIGRATIONS};
use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use std::time::Duration;

/// The migrations of this program and one more, which needs the largest table for itself.
fn with_one_more() -> Migrator {
    let more = "alter table campaign_recipients add column looked_at timestamptz";
    let more =
        Migration::new(9_999, "look at recipients".into(), MigrationType::Simple, more.into_sql_str(), false);
    Migrator::with_migrations(MIGRATIONS.iter().cloned().chain([more]).collect())
}

#[tokio::test]
async fn row_74_a_migration_that_waits_for_a_reader_does_not_hold_up_the_senders() {
    let world = World::start().await;
    world.number(Num::meta().per_second(20).in_flight(4)).await;
    world.campaign(Camp::of(400)).await;
    let sender = world.sender().await;
    world.until_counts("it sends", 60, |counts| counts.accepted > 0).await;
    // Somebody reads, and does not end.
    let mut report = world.pool.begin().await.unwrap();
    sqlx::query("select count(*) from campaign_recipients").execute(&mut *report).await.unwrap();
    let (database, migrations) = (world.database.clone(), with_one_more());
    let migrating =
        tokio::spawn(
            async move { migrate::run(&database, &migrations, Duration::from_secs(60), |_| {}).await },
        );
    until("the migration waits for the reader", 60, async || {
        world
            .value::<i64>(
                "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
                  where c.relname = 'campaign_recipients' and l.mode = 'AccessExclusiveLock' and not l.granted
                    and l.database = (select oid from pg_database where datname = current_database())",
            )
            .await
            > 0
    })
    .await;
    let waited = world.counts().await.accepted;
    // The reader is still there, and so is the migration; messages go out all the same, second after second.
    world.until_counts("it goes on sending", 60, |counts| counts.accepted > waited + 20).await;
    assert!(!migrating.is_finished(), "it does not give up at the first try");
    report.rollback().await.unwrap();
    let migrated = migrating.await.unwrap().unwrap();
    assert_eq!(migrated.applied, [9_999]);
    // Nothing of it failed: every message was tried once.
    world.until_all_accepted(120).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (400, 400));
    assert_eq!(world.attempts("accepted").await, 400);
    assert_eq!(world.value::<i64>("select count(*) from attempts").await, 400);
}
