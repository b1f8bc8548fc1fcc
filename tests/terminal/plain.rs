//! The console in lines: through pipes, as scripts and screen readers have it, and on a terminal that can do nothing.

use crate::{
    console::{Start, environment},
    ends::sending,
    hostile::{assert_text, hostile_world},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

const WITHIN: Duration = Duration::from_secs(30);

/// The program with pipes on all sides. Killed when dropped.
struct Lines {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    _data: tempfile::TempDir,
}

impl Lines {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.arg("--plain").args(arguments).env_clear().envs(environment(world, data.path()));
        for name in ["PATH", "HOME", "USER", "TMPDIR", "SIGNALBOX_LOG", "SIGNALBOX_STOP_AT"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = outputs.map(|output| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || take_in(output, &said))
        });
        Self { input: child.stdin.take(), child, said, readers: readers.into(), _data: data }
    }

    fn types(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until a line that was not there before says all of these; answers it.
    async fn says(&self, from: usize, words: &[&str]) -> String {
        let limit = Instant::now() + WITHIN;
        loop {
            let text = self.text();
            let found = text[from..].lines().find(|line| words.iter().all(|word| line.contains(word)));
            if let Some(line) = found {
                return line.to_owned();
            }
            assert!(Instant::now() < limit, "nobody says {words:?}:\n{text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Types a line and waits for the answer.
    async fn asks(&mut self, line: &str, words: &[&str]) -> String {
        let from = self.text().len();
        self.types(line);
        self.says(from, words).await
    }

    /// Asks again until the answer has these words: what others do is seen with the next picture.
    async fn asks_until(&mut self, line: &str, words: &str) {
        let limit = Instant::now() + WITHIN;
        let from = self.text().len();
        while !self.text()[from..].contains(words) {
            assert!(Instant::now() < limit, "nobody says {words:?}:\n{}", self.text());
            self.types(line);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for the end; answers the code and everything that was said.
    async fn ends(mut self) -> (i32, String) {
        let limit = Instant::now() + WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < limit, "it does not end:\n{}", self.text());
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let text = self.text();
        assert_text(&text);
        assert!(!text.contains('\x1b'));
        (status.code().unwrap(), text)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn take_in(mut from: Box<dyn Read + Send>, said: &Mutex<String>) {
    let mut chunk = [0; 16 * 1024];
    let mut rest = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        rest.extend_from_slice(&chunk[..length]);
        // Whole lines only, so that both outputs do not mix within one.
        if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
            let lines: Vec<u8> = rest.drain(..=end).collect();
            said.lock().unwrap().push_str(std::str::from_utf8(&lines).expect("whole characters"));
        }
    }
}

async fn assert_drained(world: &World) {
    assert_eq!(world.attempts("sending").await, 0, "left without an outcome");
    let held: i64 = world.value("select count(*) from number_leases where holder is not null").await;
    assert_eq!(held, 0, "leases were not given up");
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt), (sides.received, 0));
}

#[tokio::test]
async fn what_happens_is_said_and_commands_of_the_palette_do_what_they_say() {
    let world = sending().await;
    let mut lines = Lines::start(&world, &[]);
    lines.says(0, &["signalbox PROD", "organisation "]).await;
    lines.says(0, &[" OK ", "campaign-1", "+"]).await;
    lines.asks("status", &["instance ", "(here)"]).await;
    lines.asks("numbers", &["+2376", ": active, priority "]).await;
    lines.asks("campaigns", &["campaign-1: active, "]).await;
    lines.asks("log errors", &["attempts that went wrong are told"]).await;
    // Stopping is done at once, and taken back within its time.
    lines.asks("pause campaign-1", &["paused campaign-1", "undo takes it back"]).await;
    assert_eq!(world.value::<String>("select state::text from campaigns").await, "paused");
    lines.asks("undo", &["taken back: paused campaign-1"]).await;
    assert_eq!(world.value::<String>("select state::text from campaigns").await, "active");
    // Starting is a question; what was typed ahead does not answer it.
    lines.asks("pause campaign-1", &["paused campaign-1"]).await;
    let from = lines.text().len();
    lines.types("resume campaign-1\nyes");
    lines.says(from, &["Resume campaign?", "PROD"]).await;
    lines.says(from, &["Type yes to Resume; anything else cancels."]).await;
    lines.says(from, &["not taken: this was typed before the question could be read"]).await;
    assert_eq!(world.value::<String>("select state::text from campaigns").await, "paused");
    tokio::time::sleep(Duration::from_millis(320)).await;
    lines.asks("no", &["cancelled: nothing was done"]).await;
    lines.asks("resume campaign-1", &["Type yes to Resume"]).await;
    tokio::time::sleep(Duration::from_millis(320)).await;
    lines.asks("yes", &["resumed campaign-1"]).await;
    assert_eq!(world.value::<String>("select state::text from campaigns").await, "active");
    // Words for the record.
    lines.asks("suspend number", &["Type the reason, or an empty line for none, or cancel."]).await;
    lines.asks("quality fell", &["suspended "]).await;
    let reason: String =
        world.value("select reason from audit_log where entity = 'number' order by at desc limit 1").await;
    assert_eq!(reason, "quality fell");
    // What others do.
    let from = lines.text().len();
    let stop = signalbox::domain::action::Order::whole(signalbox::domain::action::Action::StopAll);
    world.store.act(world.organization, &stop.because("wrong list"), "bea", None).await.unwrap();
    lines.says(from, &["changed by bea", "stopped: nothing is sent: wrong list"]).await;
    lines.asks_until("status", "STOPPED by bea").await;
    lines.types("quit");
    let (code, text) = lines.ends().await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\nsent "), "what became of it: {text}");
    assert_drained(&world).await;
}

#[tokio::test]
async fn several_commands_that_fit_are_listed_and_chosen_by_number() {
    let world = World::start().await;
    for _ in 0..2 {
        world.number(Num::meta()).await;
    }
    let mut lines = Lines::start(&world, &["--watch"]);
    lines.says(0, &["WATCH"]).await;
    let from = lines.text().len();
    let second = lines.asks("disable number", &["2 Disable number"]).await;
    let name = second.rsplit(' ').next().unwrap().to_owned();
    lines.says(from, &["1 Disable number"]).await;
    lines.asks("2", &["Disable number", "Type the reason"]).await;
    lines.asks("", &["disabled ", &name]).await;
    lines.asks("zzzz", &["no command has these letters"]).await;
    assert_eq!(world.value::<i64>("select count(*) from audit_log where action like 'disable%'").await, 1);
    // The end of the input ends it.
    lines.input = None;
    assert_eq!(lines.ends().await.0, 0);
}

#[tokio::test]
async fn the_end_of_the_input_waits_for_orders_and_drains() {
    let world = sending().await;
    let mut lines = Lines::start(&world, &[]);
    until("it sends", 20, async || world.simulator.count() > 4).await;
    lines.types("stop all sending");
    lines.input = None;
    let (code, text) = lines.ends().await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("all sending is stopped"), "{text}");
    assert!(text.contains("\nsent "), "{text}");
    let stopped: bool = world.value("select stopped_at is not null from organizations").await;
    assert!(stopped, "the last order was not carried out");
    assert_drained(&world).await;
}

#[tokio::test]
async fn sigterm_ends_it_well() {
    let world = sending().await;
    let lines = Lines::start(&world, &[]);
    until("it sends", 20, async || world.simulator.count() > 4).await;
    lines.signal(Signal::TERM);
    let (code, text) = lines.ends().await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\nsent "), "{text}");
    assert_drained(&world).await;
}

#[tokio::test]
async fn nothing_from_outside_steers_a_terminal_by_a_line() {
    let world = hostile_world().await;
    let mut lines = Lines::start(&world, &[]);
    lines.says(0, &["FAIL", "evil", "131026"]).await;
    lines.asks("campaigns", &["evil"]).await;
    lines.asks("numbers", &["vile"]).await;
    lines.asks("status", &["instance "]).await;
    lines.asks("log off", &["no attempts are told"]).await;
    lines.asks("cancel campaign", &["altered", "Type the end of its id"]).await;
    tokio::time::sleep(Duration::from_millis(320)).await;
    lines.asks("evil", &["cancelled: nothing was done"]).await;
    lines.types("quit");
    let (code, text) = lines.ends().await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test]
async fn a_read_only_one_has_no_command_that_changes_anything() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    world.campaign(Camp::of(10)).await;
    let before: i64 = world.value("select count(*) from audit_log").await;
    let mut lines = Lines::start(&world, &["--read-only"]);
    lines.says(0, &["READ-ONLY"]).await;
    for command in ["stop all sending", "pause campaign-1", "suspend number", "undo", "lift the stop"] {
        lines.asks(command, &["this console is read-only"]).await;
    }
    lines.types("quit");
    assert_eq!(lines.ends().await.0, 0);
    assert_eq!(world.value::<i64>("select count(*) from audit_log").await, before);
}

#[tokio::test]
async fn it_works_on_a_dumb_terminal_that_stays_as_it_is() {
    let world = sending().await;
    let start = Start { arguments: &["--plain"], ..Start::default() }.env("TERM", "dumb");
    let mut console = world.console(start);
    console.shows("signalbox PROD").await;
    console.keys("log off\r");
    console.shows("no attempts are told").await;
    assert!(!console.is_raw());
    console.keys("status\r");
    console.shows("in flight").await;
    // Ctrl-d at the beginning of a line is the end of the input.
    console.keys("\x04");
    let end = console.left().await;
    assert!(end.text.contains("sent "), "{end:?}");
    assert!(!console.bytes().contains(&0x1b), "escape sequences for a terminal that knows none");
    assert_drained(&world).await;
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_up_neither_the_sender_nor_the_end() {
    let world = sending().await;
    let mut console = world.console(Start { arguments: &["--plain"], ..Start::default() });
    console.shows(" OK ").await;
    console.fill();
    let before = world.counts().await.accepted;
    world.until_counts("it goes on sending", 20, |counts| counts.accepted > before + 20).await;
    console.signal(Signal::TERM);
    let (code, took) = console.exits(Duration::from_secs(15)).await;
    assert_eq!(code, 0, "after {took:?}: {}", console.log());
    assert_drained(&world).await;
}
