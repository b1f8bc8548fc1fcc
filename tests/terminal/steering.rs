//! What the keys do: to the sender inside the console, to every other one on the database, and to the record of both
//! sides.

use crate::{
    console::{Console, LARGE, Start, environment},
    world::{
        World,
        seed::{Camp, Num},
        throughout, until,
    },
};
use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

/// What is promised between the key and the last new request, on a machine that has nothing else to do.
const PROMISED: Duration = Duration::from_millis(250);
/// What is asserted of the middle one of several, wherever the test runs. The figures are printed, to be judged on a quiet
/// machine.
const ASSERTED: Duration = Duration::from_secs(2);

/// `signalbox sender`, a process of its own. Killed when dropped.
struct SenderProcess {
    child: Child,
    _data: tempfile::TempDir,
}

impl SenderProcess {
    fn start(world: &World) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.arg("sender").env_clear().envs(environment(world, data.path()));
        for name in ["PATH", "HOME", "USER", "TMPDIR", "SIGNALBOX_LOG"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), _data: data }
    }

    /// Asks it to end and waits until it has drained.
    fn end(mut self) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for SenderProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// When the last message arrived at a provider.
fn last_arrival(world: &World) -> DateTime<Utc> {
    world.simulator.ledger().last().expect("something arrived").at.parse().unwrap()
}

/// How long new requests went on arriving.
#[derive(Debug, Clone, Copy)]
struct Silence {
    after_key: Duration,
    after_commit: Duration,
}

/// Presses a key and measures. `settled` waits until the console shows that it is over; a watch of half a second behind it
/// proves that it is.
async fn silence(world: &World, console: &mut Console, key: &str, settled: &[&str]) -> Silence {
    let pressed = Utc::now();
    console.keys(key);
    console.shows_line(settled).await;
    let requests = world.simulator.requests();
    throughout("nothing new arrives", Duration::from_millis(500), async || {
        world.simulator.requests() == requests
    })
    .await;
    let committed: DateTime<Utc> = world.value("select max(at) from audit_log").await;
    let last = last_arrival(world);
    let since = |from: DateTime<Utc>| (last - from).to_std().unwrap_or_default();
    Silence { after_key: since(pressed), after_commit: since(committed) }
}

/// The middle one of several.
fn middle(figures: &[Silence], of: impl Fn(&Silence) -> Duration) -> Duration {
    let mut sorted: Vec<Duration> = figures.iter().map(of).collect();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[tokio::test]
async fn pause_in_one_console_stops_the_sends_of_other_processes_within_the_promised_time() {
    let world = World::scripted("latency = { from = \"20ms\", to = \"40ms\" }").await;
    for _ in 0..4 {
        world.number(Num::meta().in_flight(3)).await;
    }
    world.campaign(Camp::of(5_000)).await;
    let senders = [SenderProcess::start(&world), SenderProcess::start(&world)];
    until("two senders hold numbers", 30, async || {
        world.value::<i64>("select count(distinct holder) from number_leases where holder is not null").await
            == 2
    })
    .await;
    let mut console = world.console(Start { arguments: &["--watch"], ..Start::default() });
    console.shows("WATCH").await;
    console.keys("2");
    console.shows_line(&["> ", "campaign-", "ACTIVE"]).await;
    let mut figures = Vec::new();
    for _ in 0..5 {
        let before = world.simulator.count();
        until("it sends", 20, async || world.simulator.count() > before + 50).await;
        figures.push(silence(&world, &mut console, "p", &["campaign-", "PAUSED"]).await);
        console.shows("0 in the air").await;
        console.keys("p");
        console.yes("Resume campaign?").await;
        console.shows_line(&["campaign-", "ACTIVE"]).await;
    }
    eprintln!("to the last new request, promised within {PROMISED:?} of the key: {figures:?}");
    assert!(middle(&figures, |figure| figure.after_key) <= ASSERTED, "{figures:?}");
    assert!(middle(&figures, |figure| figure.after_commit) <= ASSERTED, "{figures:?}");
    console.keys("p");
    console.shows_line(&["campaign-", "PAUSED"]).await;
    // A console without a sender leaves without a question.
    console.keys("q");
    console.left().await;
    senders.into_iter().for_each(SenderProcess::end);
    let sides = world.end([]).await;
    assert_eq!(sides.in_doubt, 0);
}

/// What the status line, the last but one, says is in the air.
fn in_the_air(text: &str) -> Option<u32> {
    let line = text.lines().nth_back(1)?;
    let (before, _) = line.split_once(" in the air")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn what_was_in_the_air_at_a_pause_is_counted_down_to_zero_on_screen() {
    let world = World::scripted("latency = { from = \"1s\", to = \"3s\" }").await;
    world.number(Num::meta().in_flight(15)).await;
    world.campaign(Camp::of(2_000)).await;
    let mut console = world.console(Start::default());
    console.keys("2");
    console.shows_line(&["campaign-", "ACTIVE"]).await;
    console.until("much is in the air", |text| in_the_air(text).is_some_and(|count| count > 5)).await;
    console.keys("p");
    console.shows_line(&["campaign-", "PAUSED"]).await;
    let requests = world.simulator.requests();
    let mut seen = Vec::new();
    loop {
        if let Some(count) = in_the_air(&console.text()).filter(|count| seen.last() != Some(count)) {
            seen.push(count);
        }
        if seen.last() == Some(&0) {
            break;
        }
        console.until("another figure", |text| in_the_air(text) != seen.last().copied()).await;
    }
    assert!(seen.len() > 1 && seen[0] > 0, "it was not seen to land: {seen:?}");
    assert!(seen.is_sorted_by(|earlier, later| earlier > later), "something new began: {seen:?}");
    assert_eq!(world.simulator.requests(), requests, "something new began");
    assert_eq!(world.attempts("sending").await, 0);
    console.leave().await;
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt), (sides.received, 0));
}

#[tokio::test]
async fn a_number_suspended_by_keyboard_leaves_its_traffic_to_the_next_one() {
    let world = World::scripted("latency = { from = \"5ms\", to = \"20ms\" }").await;
    let first = world.number(Num::meta().priority(10).per_second(30)).await;
    let second = world.number(Num::meta().priority(20).per_second(30)).await;
    world.campaign(Camp::of(5_000)).await;
    let mut console = world.console(Start::sized(LARGE));
    console.shows_line(&["> ", "+2376*****100", "ACTIVE"]).await;
    until("the first number sends", 20, async || world.received_from(&first.from) > 10).await;
    assert_eq!(world.received_from(&second.from), 0, "the second one is the backup");
    console.keys("x");
    console.shows("Reason").await;
    console.keys("quality fell\r");
    console.shows_line(&["+2376*****100", "SUSPENDED", "quality fell"]).await;
    let until_then = world.received_from(&first.from);
    until("the second number sends", 20, async || world.received_from(&second.from) > 10).await;
    assert_eq!(world.received_from(&first.from), until_then, "the suspended number went on");
    // The way back is a question.
    console.keys("p");
    console.yes("Resume number?").await;
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    until("the first one sends again", 20, async || world.received_from(&first.from) > until_then + 10).await;
    console.quit().await;
    let log: Vec<(String, Option<String>)> = sqlx::query_as(
        "select action, reason from audit_log where entity = 'number' and entity_id = $1 order by at",
    )
    .bind(first.id.0)
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(log[0].1.as_deref(), Some("quality fell"), "{log:?}");
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt), (sides.received, 0));
}

#[tokio::test]
async fn one_key_stops_everything_everywhere_and_a_question_leads_back() {
    let world = World::scripted("latency = { from = \"20ms\", to = \"40ms\" }").await;
    for _ in 0..2 {
        world.number(Num::meta().in_flight(3)).await;
    }
    world.campaign(Camp::of(5_000)).await;
    let sender = SenderProcess::start(&world);
    until("it sends", 30, async || world.simulator.count() > 10).await;
    let mut console = world.console(Start::default());
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    console.keys("4");
    console.shows("[4 Live]").await;
    let took = silence(&world, &mut console, "!", &["0 in the air: nothing is being sent."]).await;
    assert!(took.after_key <= 2 * ASSERTED, "{took:?} until it was silent");
    console.shows("STOPPED by ").await;
    console.escape("Stop all sending").await;
    let before = world.simulator.count();
    console.keys("R");
    console.yes("Lift the stop").await;
    until("it sends again", 20, async || world.simulator.count() > before + 20).await;
    console.hides("STOPPED").await;
    console.quit().await;
    sender.end();
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt), (sides.received, 0));
}
