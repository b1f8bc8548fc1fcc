//! Senders as real processes: the test program starts itself again as a sender, so that it can be killed, frozen and
//! woken by real signals.

use super::{CLIENT_LIMIT, TIMING, World};
use rustix::process::{Pid, Signal, kill_process};
use signalbox::{
    domain::ids::OrganizationId,
    postgres::connect::Database,
    provider::client,
    secrets::KeyRing,
    sender::{Config, Sender, Timing},
    store::Store,
};
use std::{
    collections::HashMap,
    io::Read,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Names the environment of a child; set only for children.
const CHILD: &str = "SIGNALBOX_TEST_CHILD";

/// A sender in a process of its own. Killed when dropped.
pub struct Process(Child);

/// How a child runs, beyond its world.
#[derive(Debug, Clone, Default)]
pub struct Started {
    pub environment: HashMap<&'static str, String>,
    /// The way to the database, if not the usual one.
    pub url: Option<String>,
    /// Where providers are reached, if not at the simulator.
    pub base_url: Option<String>,
}

impl Started {
    /// With a stop point: `name:exit`, `name:freeze`, `name:delay`.
    pub fn stopping_at(point: &str) -> Self {
        Self::default().with("SIGNALBOX_STOP_AT", point)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.insert(name, value.to_owned());
        self
    }
}

impl World {
    pub fn process(&self) -> Process {
        self.process_with(Started::default())
    }

    pub fn process_with(&self, how: Started) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // The test named `child` does nothing unless it is called like this.
        command.args(["child", "--exact", "--nocapture", "--test-threads=1", "-q"]);
        command
            .env(CHILD, self.organization.to_string())
            .env("DATABASE_URL", how.url.unwrap_or_else(|| self.cluster.url(&self.name)))
            .env("ENCRYPTION_KEY", &self.key_text)
            .env("BASE_URL", how.base_url.unwrap_or_else(|| self.simulator.base_url()))
            .env("SPOOL", self.spool.path())
            .envs(how.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        if std::env::var_os("SIGNALBOX_LOG").is_none() {
            command.stderr(Stdio::null());
        }
        Process(command.spawn().unwrap())
    }
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Freezes it: nothing of it runs until it is woken, and it does not notice.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end: it drains.
    pub fn end(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }

    /// Whether it is gone.
    pub fn is_gone(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Whether it is stopped, by a signal or by its own stop point (`proc(5)`, state `T`).
    pub fn is_frozen(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    }

    /// Processor time that it has used, in seconds (`proc(5)`, fields 14 and 15, in ticks of 10 ms).
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let rest = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The body of the test `child`: nothing, unless this process was started as a sender.
pub fn run_if_child() {
    let Ok(organization) = std::env::var(CHILD) else { return };
    super::log_if_asked();
    let variable = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::from_url(&variable("DATABASE_URL")).unwrap();
        let mut config = Config::new(OrganizationId(organization.parse().unwrap()), variable("SPOOL").into());
        let base_url = variable("BASE_URL");
        config.base_url = Box::new(move |_| base_url.clone());
        config.timing = Timing { ..TIMING };
        if let Ok(seconds) = std::env::var("START_WINDOW") {
            config.timing.start_window = Duration::from_secs(seconds.parse().unwrap());
            config.timing.deadline = config.timing.start_window + CLIENT_LIMIT;
        }
        config.client = client::Settings {
            connect_timeout: Duration::from_secs(1),
            total_timeout: CLIENT_LIMIT,
            ..client::Settings::default()
        };
        let keys = KeyRing::parse(&variable("ENCRYPTION_KEY")).unwrap();
        let sender = Sender::start(Store::new(&database), keys, config).await.unwrap();
        // Runs until whoever started it closes the pipe, or is gone.
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        sender.drain(Duration::from_secs(10)).await;
    });
    std::process::exit(0);
}
