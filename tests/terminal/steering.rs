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
/// What is asserted where other programs take the processor away.
const ASSERTED: Duration = Duration::from_secs(1);

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

/// Presses a key and answers how long new requests went on arriving. `settled` waits until the console shows that it is
/// over; a watch of half a second behind it proves that it is.
async fn time_to_silence(world: &World, console: &mut Console, key: &str, settled: &[&str]) -> Duration {
    let pressed = Utc::now();
    console.keys(key);
    console.shows_line(settled).await;
    let requests = world.simulator.requests();
    throughout("nothing new arrives", Duration::from_millis(500), async || {
        world.simulator.requests() == requests
    })
    .await;
    (last_arrival(world) - pressed).to_std().unwrap_or_default()
}

#[tokio::test]
async fn pause_in_one_console_stops_the_sends_of_other_processes_within_the_promised_time() {
    let world = World::scripted("latency = { from = \"20ms\", to = \"40ms\" }").await;
    for _ in 0..4 {
        world.number(Num::meta().in_flight(3)).await;
    }
    world.campaign(Camp::of(50_000)).await;
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
        let t = std::time::Instant::now();
        let before = world.simulator.count();
        until("it sends", 20, async || world.simulator.count() > before + 50).await;
        figures.push(time_to_silence(&world, &mut console, "p", &["campaign-", "PAUSED"]).await);
        eprintln!("a {:?}\n{}", t.elapsed(), console.text());
        console.shows("0 in the air").await;
        eprintln!("b {:?}", t.elapsed());
        console.keys("p");
        console.yes("Resume campaign?").await;
        eprintln!("c {:?}", t.elapsed());
        console.shows_line(&["campaign-", "ACTIVE"]).await;
        eprintln!("d {:?} {}", t.elapsed(), world.simulator.count());
    }
    figures.sort_unstable();
    eprintln!("key to the last new request: {figures:?} (promised {PROMISED:?})");
    assert!(figures[0] <= PROMISED, "not even the best of {figures:?}");
    assert!(figures.iter().all(|figure| *figure <= ASSERTED), "{figures:?}");
    console.keys("p");
    console.shows_line(&["campaign-", "PAUSED"]).await;
    // A console without a sender leaves without a question.
    console.keys("q");
    console.left().await;
    senders.into_iter().for_each(SenderProcess::end);
    let sides = world.end([]).await;
    assert_eq!(sides.in_doubt, 0);
}
