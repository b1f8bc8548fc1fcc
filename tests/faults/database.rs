//! The database is slow, cut off, restarted: rows 9 to 13, 15 and 55.

use crate::world::{
    Made, World, own_cluster,
    relay::Relay,
    seed::{Camp, Num},
    throughout, until,
};
use signalbox::{
    domain::{action::Action, ids::AttemptId},
    postgres::cluster::StopMode,
    sender::{Sender, Timing},
    store::{Store, attempt::OutcomeRecord},
};
use std::time::{Duration, Instant};

/// Doubts do not come before the test has looked.
const PATIENT: Timing = Timing {
    grace: Duration::from_secs(20),
    settle: Duration::from_millis(1_500),
    deadline: Duration::from_secs(20),
    start_window: Duration::from_secs(5),
};

impl World {
    async fn patient_sender(&self, relay: &Relay) -> Sender {
        self.sender_with(&relay.database(), |config| config.timing = PATIENT).await
    }

    /// Lines in the spools of senders. One may go while they are counted.
    pub fn spooled_lines(&self) -> usize {
        let files = std::fs::read_dir(self.spool.path()).unwrap();
        files
            .map(|file| std::fs::read_to_string(file.unwrap().path()).map_or(0, |text| text.lines().count()))
            .sum()
    }

    /// Bytes in the spools of senders.
    pub fn spooled(&self) -> u64 {
        std::fs::read_dir(self.spool.path())
            .unwrap()
            .map(|file| file.unwrap().metadata().map_or(0, |m| m.len()))
            .sum()
    }
}

/// A world with a claim that has reached the server and waits there for a lock, with the sender cut off from the answer.
async fn cut_off_in_a_claim(
    recipients: i64,
) -> (World, Relay, Sender, sqlx::Transaction<'static, sqlx::Postgres>) {
    let world = World::start().await;
    world.number(Num::ultramsg().in_flight(30)).await;
    let campaign = world.campaign(Camp::of(recipients).paused()).await;
    let relay = Relay::before(&world).await;
    let sender = world.patient_sender(&relay).await;
    let mut status = sender.status();
    status.wait_for(|status| status.leases == 1).await.unwrap();
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *lock).await.unwrap();
    world.order(Action::ResumeCampaign(campaign)).await;
    world.until_waiting(1).await;
    relay.cut();
    (world, relay, sender, lock)
}

#[tokio::test]
async fn row_09_answer_to_a_claim_is_lost_and_its_messages_are_found_and_sent() {
    let (world, relay, sender, lock) = cut_off_in_a_claim(20).await;
    lock.rollback().await.unwrap();
    until("the claim is committed", 5, async || world.attempts("sending").await == 20).await;
    relay.restore();
    world.until_all_accepted(10).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (20, 20));
    assert_eq!(world.counts().await.attempts, 20, "the attempts that were found are those that were sent");
}

#[tokio::test]
async fn row_09_claim_that_is_found_too_late_is_not_begun() {
    let (world, relay, sender, lock) = cut_off_in_a_claim(20).await;
    lock.rollback().await.unwrap();
    until("the claim is committed", 5, async || world.attempts("sending").await == 20).await;
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(world.simulator.requests(), 0);
    relay.restore();
    world.until_all_accepted(15).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (20, 20));
    assert_eq!(world.attempts("not_sent").await, 20, "the start window had passed");
}

#[tokio::test]
async fn row_09_claim_that_commits_after_we_looked_is_found_all_the_same() {
    let (world, relay, sender, lock) = cut_off_in_a_claim(1).await;
    // The sender asks for its attempts, finds none, and goes on; only then the server commits.
    let mut status = sender.status();
    status.wait_for(|status| status.store_unwell.is_some()).await.unwrap();
    relay.restore();
    status.wait_for(|status| status.store_unwell.is_none() && status.leases == 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    lock.rollback().await.unwrap();
    world.until_all_accepted(30).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
    let open: i64 = world.value("select count(*) from attempts where state = 'sending'").await;
    assert_eq!(open, 0, "nothing is left behind");
    assert_eq!(world.counts().await.attempts, 2, "what was found late was not begun");
}

#[tokio::test]
async fn row_10_answer_to_outcomes_is_lost_and_recording_them_again_changes_nothing() {
    let world = World::scripted("latency = '500ms'\n").await;
    world.number(Num::ultramsg().daily(100)).await;
    world.campaign(Camp::of(20)).await;
    let relay = Relay::before(&world).await;
    let sender = world.patient_sender(&relay).await;
    world.until_counts("all are in the air", 10, |counts| counts.sending == 20).await;
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from attempts for update").execute(&mut *lock).await.unwrap();
    world.until_waiting(1).await;
    relay.cut();
    lock.rollback().await.unwrap();
    until("the outcomes are committed", 5, async || world.attempts("accepted").await > 0).await;
    relay.restore();
    world.until_all_accepted(15).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (20, 20));
    let counted: i64 = world.value("select sum(accepted)::bigint from number_activity").await;
    assert_eq!(counted, 20, "each is counted once");
    assert_eq!(world.spooled(), 0, "nothing stays in the spool");
}

#[tokio::test]
async fn row_11_restart_while_idle_is_seen_and_survived_without_an_operator() {
    let cluster = own_cluster().await;
    let mut world = Made::default().on(&cluster).world().await;
    world.number(Num::meta()).await;
    let campaign = world.campaign(Camp::of(50).paused()).await;
    let sender = world.sender().await;
    let mut status = sender.status();
    status.wait_for(|status| status.leases == 1).await.unwrap();
    cluster.stop(StopMode::Fast).await.unwrap();
    tokio::time::timeout(Duration::from_secs(3), status.wait_for(|status| status.store_unwell.is_some()))
        .await
        .expect("the loss of the database is seen within 3 s")
        .unwrap();
    cluster.start().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), status.wait_for(|status| status.store_unwell.is_none()))
        .await
        .expect("its return is seen")
        .unwrap();
    world.reconnect();
    world.order(Action::ResumeCampaign(campaign)).await;
    world.until_all_accepted(30).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (50, 50));
}

#[tokio::test]
async fn row_12_restart_with_twenty_in_the_air_spools_their_outcomes_and_begins_nothing() {
    let cluster = own_cluster().await;
    let mut world = Made::default().on(&cluster).script("latency = '1500ms'\n").world().await;
    world.number(Num::meta().in_flight(20)).await;
    world.campaign(Camp::of(60)).await;
    let sender = world.sender_with(&world.database, |config| config.timing = PATIENT).await;
    until("twenty are in the air", 10, async || world.simulator.requests() == 20).await;
    cluster.stop(StopMode::Immediate).await.unwrap();
    // Their answers come while the database is away.
    until("all outcomes are spooled", 10, async || world.spooled_lines() == 20).await;
    throughout("nothing new begins", Duration::from_secs(1), async || world.simulator.requests() == 20).await;
    cluster.start().await.unwrap();
    world.reconnect();
    world.follow("");
    world.until_all_accepted(30).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (60, 60, 0));
    assert_eq!(world.counts().await.attempts, 60, "no outcome was lost, so nothing was tried twice");
    assert_eq!(world.spooled(), 0);
}

#[tokio::test]
async fn row_13_restart_during_a_claim_claims_and_charges_nothing() {
    let cluster = own_cluster().await;
    let mut world = Made::default().on(&cluster).world().await;
    world.number(Num::meta().daily(100)).await;
    let campaign = world.campaign(Camp::of(20).paused()).await;
    let sender = world.sender().await;
    sender.status().wait_for(|status| status.leases == 1).await.unwrap();
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *lock).await.unwrap();
    world.order(Action::ResumeCampaign(campaign)).await;
    world.until_waiting(1).await;
    // The number is suspended where no sender is: nothing may go on before we have looked.
    cluster.stop(StopMode::Immediate).await.unwrap();
    drop(lock);
    cluster.start().await.unwrap();
    world.reconnect();
    world.until_all_accepted(30).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (20, 20));
    assert_eq!(world.counts().await.attempts, 20, "the claim that was cut left nothing behind");
    assert_eq!(world.value::<i32>("select reserved from quota_usage where scope = 'number'").await, 20);
}

#[tokio::test]
async fn row_55_holder_cut_off_from_the_database_stops_by_its_own_clock_and_another_takes_over() {
    let world = World::scripted("latency = '20ms'\n").await;
    world.number(Num::ultramsg().per_second(10)).await;
    world.campaign(Camp::of(600)).await;
    let relay = Relay::before(&world).await;
    let first = world.sender_with(&relay.database(), |_| {}).await;
    world.until_counts("it sends", 10, |counts| counts.accepted >= 10).await;
    relay.freeze();
    let frozen = std::time::Instant::now();
    let second = world.sender().await;
    let holder = second.instance();
    until("the other one sends", 25, async || {
        let of_second: i64 = sqlx::query_scalar("select count(*) from attempts where instance_id = $1")
            .bind(holder.0)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        of_second > 0
    })
    .await;
    assert!(frozen.elapsed() < Duration::from_secs(20), "takeover took {:?}", frozen.elapsed());
    assert_eq!(first.status().borrow().in_air, 0, "the first has stopped by itself");
    relay.restore();
    world.follow("");
    world.execute("update whatsapp_numbers set per_second = 200, revision = revision + 1").await;
    world.until_all_accepted(40).await;
    let sides = world.end([first, second]).await;
    assert_eq!((sides.accepted, sides.received), (600, 600));
}

#[tokio::test]
async fn row_55_cut_connection_is_restored_and_nothing_is_sent_twice() {
    let world = World::scripted("latency = '20ms'\n").await;
    world.number(Num::ultramsg().in_flight(5)).await;
    world.campaign(Camp::of(500)).await;
    let relay = Relay::before(&world).await;
    let sender = world.sender_with(&relay.database(), |_| {}).await;
    for round in 1..=4 {
        world.until_counts("it sends", 20, |counts| counts.accepted >= round * 60).await;
        relay.cut();
        tokio::time::sleep(Duration::from_millis(700)).await;
        relay.restore();
    }
    world.until_all_accepted(40).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (500, 500));
}

#[tokio::test]
async fn outcome_that_the_database_refuses_does_not_keep_the_others_from_it() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    let campaign = world.campaign(Camp::of(20)).await;
    let phone = world.phone(campaign, 7).await;
    let refuse = format!(
        "create function refuse() returns trigger language plpgsql as
         'begin if new.phone = ''{}'' and new.state = ''accepted'' then raise exception ''not this one''; end if;
                return new; end'",
        phone.reveal()
    );
    sqlx::query(sqlx::AssertSqlSafe(refuse)).execute(&world.pool).await.unwrap();
    world
        .execute("create trigger refuse before update on campaign_recipients for each row execute function refuse()")
        .await;
    let sender = world.sender().await;
    world.until_counts("the others are recorded", 10, |counts| counts.accepted == 19).await;
    world.until_counts("this one is in doubt", 10, |counts| counts.in_doubt == 1).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (19, 1, 20));
}

/// The database breaks off while the outcomes of a batch are written one by one, because it refuses one of them.
const REFUSES_ONE_AND_BREAKS_OFF: &str = "
create sequence refused;
create sequence broken_off;
create function refuse() returns trigger language plpgsql as $$
begin
    if new.phone like '%7' then
        perform nextval('refused');
        raise exception 'not this one';
    end if;
    if (select is_called from refused) and new.phone like '%12' and nextval('broken_off') <= 3 then
        raise exception 'shutting down' using errcode = '57P01';
    end if;
    return new;
end $$;
create trigger refuse before update on campaign_recipients for each row when (new.state = 'accepted')
    execute function refuse();";

#[tokio::test]
async fn database_that_breaks_off_beside_an_outcome_it_refuses_costs_the_others_nothing() {
    let world = World::scripted("latency = '1500ms'\n").await;
    world.number(Num::meta().in_flight(15)).await;
    let campaign = world.campaign(Camp::of(15)).await;
    let refused = world.phone(campaign, 7).await;
    sqlx::raw_sql(REFUSES_ONE_AND_BREAKS_OFF).execute(&world.pool).await.unwrap();
    let relay = Relay::before(&world).await;
    let sender = world.patient_sender(&relay).await;
    until("all are in the air", 20, async || world.simulator.requests() == 15).await;
    // All outcomes come while the database is away: they are written together when it is back.
    relay.cut();
    until("their outcomes are spooled", 20, async || world.spooled_lines() == 15).await;
    relay.restore();
    world.until_counts("the others are recorded", 60, |counts| counts.accepted == 14).await;
    let (refusals, breaks): (i64, i64) =
        sqlx::query_as("select (select last_value from refused), (select last_value from broken_off)")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert!(refusals > 1 && breaks > 3, "refused {refusals} times, broken off {breaks} times");
    let open: String = world
        .value("select phone::text from campaign_recipients where state in ('sending', 'in_doubt')")
        .await;
    assert_eq!(open, refused.reveal(), "only what was refused is left for the sweep");
    until("nothing stays in the spool", 20, async || world.spooled() == 0).await;
    world.execute("update attempts set deadline_at = started_at where state = 'sending'").await;
    world.store.sweep_overdue(world.organization, Duration::ZERO, None).await.unwrap();
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (14, 1, 15));
}

#[tokio::test]
async fn row_15_path_that_dies_without_a_word_is_given_up_within_seconds() {
    let world = World::start().await;
    let relay = Relay::before(&world).await;
    let store = Store::new(&relay.database());
    let look = async || store.snapshot(world.organization, None).await;
    look().await.unwrap();
    // In the middle of a statement: it waits for a lock, and its answer never comes.
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("lock table organizations in access exclusive mode").execute(&mut *lock).await.unwrap();
    let began = Instant::now();
    let (looked, ()) = tokio::join!(look(), async {
        world.until_waiting(1).await;
        relay.freeze();
        lock.rollback().await.unwrap();
    });
    assert!(looked.unwrap_err().is_away());
    assert!(began.elapsed() < Duration::from_secs(8), "it took {:?}", began.elapsed());
    // What comes next finds no way either, and does not wait for ever.
    let began = Instant::now();
    assert!(look().await.unwrap_err().is_away());
    assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
    relay.restore();
    let began = Instant::now();
    look().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "the way is open at once: {:?}", began.elapsed());
    store.close().await;
}

#[tokio::test]
async fn row_15_database_that_is_only_slow_is_waited_for() {
    let world = World::start().await;
    let store = Store::new(&world.database);
    store.snapshot(world.organization, None).await.unwrap();
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("lock table organizations in access exclusive mode").execute(&mut *lock).await.unwrap();
    let (looked, ()) = tokio::join!(store.snapshot(world.organization, None), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        lock.rollback().await.unwrap();
    });
    looked.unwrap();
    store.close().await;
}

#[tokio::test]
async fn row_15_connections_that_a_firewall_forgot_are_replaced_without_an_operator() {
    let world = World::scripted("latency = '20ms'\n").await;
    world.number(Num::ultramsg().in_flight(5)).await;
    let campaign = world.campaign(Camp::of(200).paused()).await;
    let relay = Relay::before(&world).await;
    let sender = world.sender_with(&relay.database(), |_| {}).await;
    sender.status().wait_for(|status| status.leases == 1).await.unwrap();
    // Those who rest are asked before they are used; those who are at work are given up in time.
    relay.forget();
    world.order(Action::ResumeCampaign(campaign)).await;
    world.until_all_accepted(60).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (200, 200));
}

/// What an outcome says, as the sender writes it.
fn outcome(attempt: AttemptId, state: &str, next: &str) -> OutcomeRecord {
    let accepted = state == "accepted";
    OutcomeRecord {
        attempt,
        state: state.parse().unwrap(),
        provider_message_id: accepted.then(|| format!("wamid.{attempt}")),
        class: (!accepted).then(|| "unknown".to_owned()),
        blame: None,
        code: None,
        words: None,
        duration_ms: None,
        next: next.to_owned(),
        delay_ms: 0,
        reason: (!accepted).then(|| "a test".to_owned()),
    }
}

/// One message in the air.
async fn one_in_the_air() -> (World, AttemptId) {
    let world = World::start().await;
    world.number(Num::meta()).await;
    let campaign = world.campaign(Camp::of(1)).await;
    let claimer = &world.claimers(1).await[0];
    let claimed = claimer.store.claim(&world.request(claimer, campaign, 1)).await.unwrap();
    (world, claimed.messages[0].attempt)
}

#[tokio::test]
async fn row_02_attempt_is_in_doubt_once_its_deadline_and_the_grace_are_over_and_not_before() {
    let (world, _) = one_in_the_air().await;
    let sweep = async |grace| {
        world.store.sweep_overdue(world.organization, Duration::from_secs(grace), None).await.unwrap()
    };
    assert_eq!(sweep(0).await, 0, "its deadline is to come");
    world.execute("update attempts set deadline_at = clock_timestamp() - interval '5 s'").await;
    assert_eq!(sweep(60).await, 0, "whoever sends it may still say");
    assert_eq!(world.counts().await.sending, 1);
    assert_eq!(sweep(1).await, 1);
    assert_eq!(world.counts().await.in_doubt, 1);
    assert_eq!(sweep(1).await, 0, "once");
    world.assert_invariants().await;
}

#[tokio::test]
async fn acceptance_that_meets_the_sweep_at_the_same_row_is_not_lost() {
    let (world, attempt) = one_in_the_air().await;
    // A sweep has just doubted it and has not committed yet.
    let mut sweep = world.pool.begin().await.unwrap();
    sqlx::query(
        "select record_outcomes($1, array[$2], '{in_doubt}', '{null}', '{unknown}', '{us}', '{x}', '{x}', '{null}',
                                '{doubt}', '{0}', '{in_doubt}')",
    )
    .bind(world.organization.0)
    .bind(attempt.0)
    .execute(&mut *sweep)
    .await
    .unwrap();
    let acceptance = [outcome(attempt, "accepted", "advance")];
    let recorded = world.store.record_outcomes(world.organization, &acceptance, None);
    let (late, ()) = tokio::join!(recorded, async {
        world.until_waiting(1).await;
        sweep.commit().await.unwrap();
    });
    assert_eq!(late.unwrap(), [], "it was recorded, not found settled");
    assert_eq!(world.counts().await.accepted, 1);
    world.assert_invariants().await;
}

#[tokio::test]
async fn outcome_of_somebody_who_leaves_at_that_moment_reaches_them() {
    for (steps, state) in [(&[0][..], "accepted"), (&[0, 86_400], "skipped")] {
        let world = World::start().await;
        world.number(Num::meta()).await;
        let campaign = world.campaign(Camp::of(1).steps(steps)).await;
        let claimer = &world.claimers(1).await[0];
        let claimed = claimer.store.claim(&world.request(claimer, campaign, 1)).await.unwrap();
        let phone: String = world.value("select phone::text from campaign_recipients").await;
        // They are leaving, and it is not committed yet.
        let mut leaving = world.pool.begin().await.unwrap();
        sqlx::query("select leave_campaign($1, $2, $3, 'replied')")
            .bind(world.organization.0)
            .bind(campaign.0)
            .bind(&phone)
            .execute(&mut *leaving)
            .await
            .unwrap();
        let acceptance = [outcome(claimed.messages[0].attempt, "accepted", "advance")];
        let recorded = world.store.record_outcomes(world.organization, &acceptance, None);
        let (late, ()) = tokio::join!(recorded, async {
            world.until_waiting(1).await;
            leaving.commit().await.unwrap();
        });
        assert_eq!(late.unwrap(), []);
        let now: String = world.value("select state::text from campaign_recipients").await;
        assert_eq!(now, state, "after the first of {steps:?}");
        world.assert_invariants().await;
    }
}

#[tokio::test]
async fn quota_is_given_back_while_others_charge_the_same_row() {
    let (world, attempt) = one_in_the_air().await;
    // Another claim has charged the campaign and the organisation and has not committed yet.
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query(
        "update quota_usage set reserved = reserved + 1, elsewhere = elsewhere + 1 where scope <> 'number'",
    )
    .execute(&mut *other)
    .await
    .unwrap();
    let refusal = [outcome(attempt, "rejected", "fail")];
    let recorded = world.store.record_outcomes(world.organization, &refusal, None);
    let (late, ()) = tokio::join!(recorded, async {
        world.until_waiting(1).await;
        other.commit().await.unwrap();
    });
    assert_eq!(late.unwrap(), []);
    let reserved: Vec<i32> = sqlx::query_scalar("select reserved from quota_usage order by scope")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(reserved, [1, 0, 1], "campaign, number, organisation: only the other one's is left");
    world.assert_invariants().await;
}

#[tokio::test]
async fn schema_itself_refuses_a_second_live_attempt_and_use_beyond_a_cap() {
    let world = World::start().await;
    world.number(Num::meta().daily(1)).await;
    let campaign = world.campaign(Camp::of(1)).await;
    let claimer = &world.claimers(1).await[0];
    let claimed = claimer.store.claim(&world.request(claimer, campaign, 1)).await.unwrap();
    assert_eq!(claimed.messages.len(), 1);
    let refused = async |sql: &'static str| {
        let error = sqlx::query(sql).execute(&world.pool).await.unwrap_err();
        error.into_database_error().unwrap().constraint().unwrap().to_owned()
    };
    let again = "insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id, epoch,
                                       quota_day, started_at, deadline_at)
                 select organization_id, new_uuid(), campaign_id, recipient_id, step, number_id, instance_id, epoch,
                        quota_day, started_at, deadline_at from attempts";
    for state in ["sending", "in_doubt", "accepted"] {
        let settle = "update attempts
                         set state = $1::text::attempt_state, finished_at = clock_timestamp(), class = 'unknown',
                             in_doubt_since = case when $1 = 'in_doubt' then clock_timestamp() end,
                             provider_message_id = 'wamid.1'
                       where $1 <> 'sending'";
        sqlx::query(settle).bind(state).execute(&world.pool).await.unwrap();
        assert_eq!(refused(again).await, "one_live_attempt", "while one is {state}");
    }
    world.execute("update quota_usage set cap = reserved").await;
    let beyond = "update quota_usage set reserved = reserved + 1";
    assert_eq!(refused(beyond).await, "usage_is_within_cap");
}
