//! Senders as real processes that are killed, frozen and woken: rows 1 to 8, 52 to 54, 57 and 61.

use crate::world::{
    World,
    child::{Process, Started},
    seed::{Camp, Num},
    until,
};
use signalbox::domain::action::Action;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// One message through the gateway that can be asked.
async fn one_message() -> World {
    let world = World::start().await;
    world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    world
}

/// How the next sender comes to know what became of the attempt that it finds.
#[derive(Clone, Copy, PartialEq)]
enum Settled {
    /// In doubt, and the provider proves that it never had it: tried again.
    Absent,
    /// In doubt, and the provider has it.
    Found,
    /// Recorded before.
    Before,
}

/// The first sender is gone. Another one takes over and settles everything; the message has arrived once.
async fn taken_over(world: &World, settled: Settled) {
    let next = world.process();
    world.until_all_accepted(40).await;
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (1, 1, 0));
    assert_eq!(world.counts().await.attempts, if settled == Settled::Absent { 2 } else { 1 });
    let doubts: i64 = world.value("select sum(in_doubt)::bigint from number_activity").await;
    assert_eq!(doubts, i64::from(settled != Settled::Before), "what nobody knows is a doubt first");
    let proofs: Vec<String> = sqlx::query_scalar("select code from attempts where state = 'not_sent'")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let proven: &[&str] = if settled == Settled::Absent { &["absent"] } else { &[] };
    assert_eq!(proofs, proven, "tried again on the provider's word only");
}

/// A sender that ends itself at this point as `kill -9` does.
async fn killed_at(world: &World, point: &str) {
    let mut process = world.process_with(Started::stopping_at(&format!("{point}:exit")));
    let limit = Instant::now() + Duration::from_secs(20);
    while !process.is_gone() {
        assert!(Instant::now() < limit, "it never came to {point}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn row_01_killed_before_the_claim_leaves_the_message_to_the_next() {
    let world = one_message().await;
    killed_at(&world, "before_claim").await;
    assert_eq!(world.counts().await.attempts, 0);
    let dead = Instant::now();
    let next = world.process();
    world.until_all_accepted(25).await;
    assert!(dead.elapsed() < Duration::from_secs(20), "takeover took {:?}", dead.elapsed());
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
}

#[tokio::test]
async fn row_02_killed_while_the_claim_is_answered_is_in_doubt_and_sent_once() {
    let world = World::start().await;
    world.number(Num::ultramsg()).await;
    let campaign = world.campaign(Camp::of(1).paused()).await;
    let process = world.process();
    until("it holds the lease", 15, async || {
        world.value::<i64>("select count(*) from number_leases where holder is not null").await == 1
    })
    .await;
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *lock).await.unwrap();
    world.order(Action::ResumeCampaign(campaign)).await;
    world.until_waiting(1).await;
    process.kill();
    lock.rollback().await.unwrap();
    until("the server commits the claim of a dead sender", 5, async || world.attempts("sending").await == 1)
        .await;
    taken_over(&world, Settled::Absent).await;
}

#[tokio::test]
async fn row_03_killed_after_the_intent_is_in_doubt_and_sent_once() {
    let world = one_message().await;
    killed_at(&world, "after_intent").await;
    assert_eq!((world.attempts("sending").await, world.simulator.count()), (1, 0));
    taken_over(&world, Settled::Absent).await;
}

#[tokio::test]
async fn row_04_killed_after_connecting_is_in_doubt_and_sent_once() {
    let world = one_message().await;
    killed_at(&world, "after_connect").await;
    assert_eq!((world.attempts("sending").await, world.simulator.count()), (1, 0));
    taken_over(&world, Settled::Absent).await;
}

#[tokio::test]
async fn row_05_killed_with_half_of_the_request_on_the_wire_is_sent_once() {
    let world = one_message().await;
    // Half of the first request reaches the provider; what comes later passes whole.
    let holding = Arc::new(AtomicBool::new(true));
    let half = HalfWay::before(&world, Arc::clone(&holding)).await;
    let process = world.process_with(Started { base_url: Some(half.clone()), ..Started::default() });
    until("half of it is there", 15, async || !holding.load(Ordering::SeqCst)).await;
    process.kill();
    assert_eq!(world.simulator.count(), 0);
    taken_over(&world, Settled::Absent).await;
}

#[tokio::test]
async fn row_06_killed_after_writing_is_found_and_not_sent_again() {
    let world = one_message().await;
    world.follow("[[rule]]\nwhen = { nth = 1 }\nthen = { wait = true, accepted = true }\n");
    let process = world.process();
    until("the provider has it", 15, async || world.simulator.count() == 1).await;
    // What it last says of itself it says with this on the wire: a sweep that trusts it must find it.
    until("it says once more that it is alive", 5, async || {
        world.value("select bool_or(i.seen_at > a.started_at) from instances i, attempts a").await
    })
    .await;
    process.kill();
    taken_over(&world, Settled::Found).await;
}

#[tokio::test]
async fn row_07_killed_while_reading_the_answer_is_found_and_not_sent_again() {
    let world = one_message().await;
    world.follow("[[rule]]\nwhen = { nth = 1 }\nthen = { drip = '30ms' }\n");
    let process = world.process();
    until("the provider has it", 15, async || world.simulator.count() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.kill();
    taken_over(&world, Settled::Found).await;
}

#[tokio::test]
async fn row_07_killed_with_the_answer_read_is_found_and_not_sent_again() {
    let world = one_message().await;
    killed_at(&world, "after_answer").await;
    assert_eq!((world.attempts("sending").await, world.simulator.count()), (1, 1));
    taken_over(&world, Settled::Found).await;
}

#[tokio::test]
async fn row_07_killed_before_the_outcome_is_recorded_is_found_and_not_sent_again() {
    let world = one_message().await;
    killed_at(&world, "before_outcome").await;
    assert_eq!((world.attempts("sending").await, world.simulator.count()), (1, 1));
    taken_over(&world, Settled::Found).await;
}

#[tokio::test]
async fn row_08_killed_after_the_outcome_is_recorded_repeats_nothing() {
    let world = one_message().await;
    killed_at(&world, "after_outcome").await;
    assert_eq!((world.attempts("accepted").await, world.simulator.count()), (1, 1));
    taken_over(&world, Settled::Before).await;
}

/// Freezes a sender at this point, lets another one take over, wakes the first: nobody sends twice.
async fn frozen_at(world: &World, point: &str) {
    let frozen = frozen(world, point).await;
    while_another_sends(world, frozen, 10).await;
}

async fn frozen(world: &World, point: &str) -> Process {
    let frozen = world.process_with(Started::stopping_at(&format!("{point}:freeze")));
    until("it is frozen", 20, async || frozen.is_frozen()).await;
    frozen
}

async fn while_another_sends(world: &World, frozen: Process, sent: i64) {
    let next = world.process();
    world.until_counts("the other one has sent", 40, |counts| counts.accepted >= sent).await;
    frozen.wake();
    // It has time to do harm.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.until_all_accepted(30).await;
    frozen.end();
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (12, 12, 0));
}

async fn twelve_messages() -> World {
    let world = World::start().await;
    world.number(Num::ultramsg().in_flight(2)).await;
    world.campaign(Camp::of(12)).await;
    world
}

#[tokio::test]
async fn row_52_frozen_before_the_claim_gets_nothing_when_it_wakes() {
    let world = twelve_messages().await;
    // It wakes while there is still something to claim.
    world.follow("latency = '600ms'\n");
    let frozen = frozen(&world, "before_claim").await;
    while_another_sends(&world, frozen, 2).await;
    assert_eq!(world.attempts("not_sent").await, 0, "its claim was refused whole");
}

#[tokio::test]
async fn row_53_frozen_after_the_intent_gives_up_by_the_start_window() {
    let world = twelve_messages().await;
    frozen_at(&world, "after_intent").await;
}

#[tokio::test]
async fn row_53_frozen_at_the_first_byte_gives_up_too() {
    // One at a time: the whole process freezes, and another message could be just past its check.
    let world = World::start().await;
    world.number(Num::ultramsg().in_flight(1)).await;
    world.campaign(Camp::of(12)).await;
    frozen_at(&world, "after_connect").await;
}

#[tokio::test]
async fn row_53_frozen_within_its_start_window_gives_up_by_its_lease() {
    let world = twelve_messages().await;
    let started = Started::stopping_at("after_intent:freeze").with("START_WINDOW", "120");
    let frozen = world.process_with(started);
    until("it is frozen", 20, async || frozen.is_frozen()).await;
    while_another_sends(&world, frozen, 10).await;
    let withheld =
        world.value::<i64>("select count(*) from attempts where state = 'not_sent' and code = 'lease'");
    assert!(withheld.await >= 1, "a number that may be another's by now begins nothing");
}

#[tokio::test]
async fn row_54_frozen_after_writing_records_the_acceptance_late() {
    let world = twelve_messages().await;
    world.follow("[[rule]]\nwhen = { nth = 1 }\nthen = { latency = '700ms' }\n");
    let frozen = world.process();
    until("it is in the air", 15, async || world.simulator.count() >= 1).await;
    frozen.freeze();
    while_another_sends(&world, frozen, 10).await;
}

#[tokio::test]
async fn row_54_late_acceptance_of_a_woken_sender_settles_what_nobody_can_ask_about() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 1 }\nthen = { latency = '1s' }\n").await;
    world.number(Num::meta()).await;
    world.campaign(Camp::of(1)).await;
    let frozen = world.process();
    until("it is in the air", 15, async || world.simulator.count() == 1).await;
    frozen.freeze();
    let next = world.process();
    world.until_counts("it is in doubt", 20, |counts| counts.in_doubt == 1).await;
    frozen.wake();
    world.until_all_accepted(10).await;
    frozen.end();
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
}

/// A part of a sender panics at this point. Everything is sent once, by it or by the next, and nobody's number is kept.
async fn panics_at(point: &str) {
    let world = twelve_messages().await;
    let failing = world.process_with(Started::stopping_at(&format!("{point}:panic")));
    until("it had the number", 15, async || {
        world.value::<i64>("select count(*) from number_leases where epoch > 0").await == 1
    })
    .await;
    let next = world.process();
    world.until_all_accepted(60).await;
    failing.end();
    next.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.received, sides.in_doubt), (12, 12, 0));
}

#[tokio::test]
async fn row_61_panic_of_a_claim_hands_the_numbers_to_the_next() {
    panics_at("before_claim").await;
}

#[tokio::test]
async fn row_61_panic_after_a_claim_leaves_doubts_and_hands_the_numbers_on() {
    panics_at("after_claim").await;
}

#[tokio::test]
async fn row_61_panic_of_a_flight_leaves_its_own_message_in_doubt_and_no_other() {
    panics_at("after_intent").await;
}

#[tokio::test]
async fn row_61_panic_of_the_recorder_hands_the_numbers_on() {
    panics_at("before_outcome").await;
}

/// A relay before the simulator that lets only half of the first request through.
struct HalfWay;

impl HalfWay {
    async fn before(world: &World, holding: Arc<AtomicBool>) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
        let simulator = world.simulator.address();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let holding = Arc::clone(&holding);
                tokio::spawn(async move {
                    let mut server = tokio::net::TcpStream::connect(simulator).await.unwrap();
                    if holding.load(Ordering::SeqCst) {
                        let mut first = vec![0; 120];
                        client.read_exact(&mut first).await.unwrap();
                        server.write_all(&first).await.unwrap();
                        holding.store(false, Ordering::SeqCst);
                        // The rest never passes; the connection ends with the sender.
                        let mut rest = vec![0; 4_096];
                        while client.read(&mut rest).await.is_ok_and(|count| count > 0) {}
                        return;
                    }
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        format!("http://{address}")
    }
}

/// Chance that is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Senders are killed, frozen, woken and started at random over one campaign. `SIGNALBOX_CHAOS_SECONDS` says for how
/// long, and `SIGNALBOX_CHAOS_SEED` how.
#[tokio::test]
async fn row_57_random_kills_lose_nothing_and_send_nothing_twice() {
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (seconds, seed) = (number("SIGNALBOX_CHAOS_SECONDS", 120), number("SIGNALBOX_CHAOS_SEED", 57));
    let world = World::scripted(
        // Providers close connections on which nothing arrives, long before absence is proof of anything. A process that
        // was frozen between its last look at the clock and the write then finds a closed one when it wakes.
        "latency = { from = '5ms', to = '60ms' }
         idle = '3s'
         [[rule]]\nwhen = { probability = 0.004 }\nthen = { accept_then_cut = true }
         [[rule]]\nwhen = { probability = 0.004 }\nthen = { cut_before = true }
         [[rule]]\nwhen = { probability = 0.004 }\nthen = { garbage = 'html' }
         [[rule]]\nwhen = { probability = 0.01, times = 3 }\nthen = { throttle = '300ms', retry_after = 1 }\n",
    )
    .await;
    // As many as the time takes, at the rate of five numbers.
    let rate = 20;
    for _ in 0..5 {
        world.number(Num::ultramsg().priority(1).per_second(rate).in_flight(10)).await;
    }
    let recipients = i64::try_from(seconds).unwrap() * i64::from(rate) * 5 / 3;
    world.campaign(Camp::of(recipients)).await;
    let mut dice = Dice(seed);
    let mut awake: Vec<Process> = (0..4).map(|_| world.process()).collect();
    let mut frozen: Vec<(Process, Instant)> = Vec::new();
    let (mut kills, end) = (0, Instant::now() + Duration::from_secs(seconds));
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(200 + u64::try_from(dice.below(1_000)).unwrap())).await;
        match dice.below(10) {
            0..=4 if !awake.is_empty() => {
                awake.swap_remove(dice.below(awake.len())).kill();
                kills += 1;
            }
            // Each keeps its connections, and the server has only so many.
            5..=6 if awake.len() > 1 && frozen.len() < 6 => {
                let process = awake.swap_remove(dice.below(awake.len()));
                process.freeze();
                frozen.push((process, Instant::now()));
            }
            7 if !frozen.is_empty() => {
                let (process, _) = frozen.swap_remove(dice.below(frozen.len()));
                process.wake();
                awake.push(process);
            }
            _ => {}
        }
        while awake.len() < 3 {
            awake.push(world.process());
        }
    }
    for (process, _) in frozen {
        process.wake();
        awake.push(process);
    }
    world
        // A machine that carries other things as well catches up later; that it does is what counts.
        .until_counts("every message has a final state", seconds.max(240), |counts| {
            counts.queued + counts.sending + counts.in_doubt == 0
        })
        .await;
    for process in awake {
        process.end();
    }
    let sides = world.end([]).await;
    let counts = world.counts().await;
    eprintln!("{kills} kills in {seconds} s, seed {seed}: {sides:?}, {counts:?}");
    assert!(kills > 3, "{kills} kills");
    assert_eq!(sides.received, usize::try_from(counts.accepted).unwrap(), "lost or doubled");
    assert_eq!(counts.accepted, counts.planned);
}

/// Providers are asked how numbers are every few seconds, for templates every hour: whoever leaves waits for none of that.
#[tokio::test]
async fn sender_that_has_nothing_on_the_wire_leaves_at_once() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    world.campaign(Camp::of(3)).await;
    let sender = world.sender().await;
    world.until_all_accepted(15).await;
    let left = tokio::time::timeout(Duration::from_secs(2), sender.drain(Duration::from_secs(15))).await;
    assert_eq!(left.expect("it waits for a task").1, 0);
    let held: i64 = world.value("select count(*) from number_leases where holder is not null").await;
    assert_eq!(held, 0, "leases are given up");
}
