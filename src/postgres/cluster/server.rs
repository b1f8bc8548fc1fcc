//! One server process: starting it, knowing when it answers, stopping it.

use super::{ClusterError, Settings, StopMode, home::Home, user::ServerUser};
use crate::postgres::binaries::Binaries;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::{fs::OpenOptionsExt, net::UnixStream},
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it answers; crash recovery is part of it.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long an orderly stop may take before it becomes a kill.
const STOP_WITHIN: Duration = Duration::from_mins(1);
/// How often we look while waiting. A start takes about 100 ms, so this adds little to it.
const LOOK_AGAIN: Duration = Duration::from_millis(4);

/// What a server says when it is asked whether it takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It does.
    Ready,
    /// It is there, but starting up, shutting down or recovering.
    NotYet,
    /// Nobody listens.
    Absent,
}

/// Starts the server as a child of ours; it is not ready yet.
pub(super) fn spawn(
    binaries: &Binaries,
    home: &Home,
    user: &ServerUser,
    settings: &Settings,
) -> Result<Child, ClusterError> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(home.log())
        .map_err(|source| ClusterError::file("open the server's log", home.log(), source))?;
    let errors =
        log.try_clone().map_err(|source| ClusterError::file("open the server's log", home.log(), source))?;
    let mut command = user.command(&binaries.program("postgres"));
    command.arg("-D").arg(home.data());
    for (name, value) in settings.server_options(&home.sockets()) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(errors))
        .spawn()
        .map_err(|source| ClusterError::run("postgres", user, source))
}

/// Waits until the server takes connections, or says why it ended.
pub(super) fn wait_until_ready(child: &mut Child, home: &Home) -> Result<(), ClusterError> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        if probe(&home.sockets()) == Answer::Ready {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(ClusterError::Ended { status: status.to_string(), log: last_lines(&home.log()) });
        }
        if Instant::now() >= until {
            return Err(ClusterError::NotReady {
                seconds: READY_WITHIN.as_secs(),
                log: last_lines(&home.log()),
            });
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Waits until whoever listens there is ready or gone. Used when somebody else started the server.
pub(super) fn settle(sockets: &Path) -> Answer {
    let until = Instant::now() + READY_WITHIN;
    loop {
        match probe(sockets) {
            Answer::NotYet if Instant::now() < until => thread::sleep(LOOK_AGAIN),
            answer => return answer,
        }
    }
}

/// Asks the server for a connection and looks at the first byte of its answer. Needs neither a runtime nor a driver.
pub(super) fn probe(sockets: &Path) -> Answer {
    let Ok(stream) = UnixStream::connect(sockets.join(super::SOCKET_NAME)) else { return Answer::Absent };
    greet(stream).unwrap_or(Answer::NotYet)
}

fn greet(mut stream: UnixStream) -> io::Result<Answer> {
    const CANNOT_CONNECT_NOW: &[u8] = b"C57P03\0";
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let body = format!("user\0{}\0database\0postgres\0\0", super::SUPERUSER);
    let length = u32::try_from(8 + body.len()).unwrap_or(u32::MAX);
    // Protocol 3.0, "StartupMessage": length, version, then pairs.
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&196_608_u32.to_be_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = [0_u8; 512];
    let got = stream.read(&mut answer)?;
    match answer.first() {
        Some(b'R') if got > 0 => {
            // "Terminate": otherwise the server logs a lost connection.
            stream.write_all(&[b'X', 0, 0, 0, 4])?;
            Ok(Answer::Ready)
        }
        // Any other refusal (too many connections, for one) comes from a server that is up.
        Some(b'E') if got > 0 => {
            let starting =
                answer[..got].windows(CANNOT_CONNECT_NOW.len()).any(|part| part == CANNOT_CONNECT_NOW);
            Ok(if starting { Answer::NotYet } else { Answer::Ready })
        }
        _ => Ok(Answer::NotYet),
    }
}

/// Stops a child of ours and waits for its end.
pub(super) fn stop_child(child: &mut Child, mode: StopMode) {
    let signal = match mode {
        StopMode::Smart => Signal::TERM,
        StopMode::Fast => Signal::INT,
        StopMode::Immediate => Signal::QUIT,
    };
    if let Some(pid) = pid_of(child) {
        // A stopped (frozen) process would never act on the signal.
        for_whole_server(pid, Signal::CONT);
        let _ = kill_process(pid, signal);
    }
    let until = Instant::now() + STOP_WITHIN;
    while let Ok(None) = child.try_wait() {
        if Instant::now() >= until {
            kill_hard(child);
            return;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Kills the server and everything it started, as a power cut would, and waits until all of it is gone.
pub(super) fn kill_hard(child: &mut Child) {
    if let Some(pid) = pid_of(child) {
        let family = children_of(pid);
        let _ = kill_process(pid, Signal::KILL);
        for member in &family {
            let _ = kill_process(*member, Signal::KILL);
        }
        let _ = child.wait();
        let until = Instant::now() + STOP_WITHIN;
        while family.iter().any(|member| is_running(*member)) && Instant::now() < until {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Sends a signal to the server and to every process that it started.
pub(super) fn for_whole_server(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
    for member in children_of(pid) {
        let _ = kill_process(member, signal);
    }
}

/// The process id of a child that has not been waited for.
pub(super) fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(child.id().cast_signed())
}

/// Stops a server that may be somebody else's child, by its data directory and as its own account: the process id in
/// that directory is only trusted as far as that account's rights go.
pub(super) fn stop_by_folder(
    binaries: &Binaries,
    home: &Home,
    user: &ServerUser,
    mode: StopMode,
) -> Result<(), ClusterError> {
    let output = user
        .command(&binaries.program("pg_ctl"))
        .args(["stop", "--wait", "--silent", "--mode", mode.name(), "--pgdata"])
        .arg(home.data())
        .output()
        .map_err(|source| ClusterError::run("pg_ctl", user, source))?;
    if output.status.success() || probe(&home.sockets()) == Answer::Absent {
        return Ok(());
    }
    Err(ClusterError::Program { program: "pg_ctl", said: last_of(&output.stderr) })
}

/// The process id that a running server wrote into its data directory.
pub(super) fn pid_in_folder(home: &Home) -> Option<Pid> {
    let text = fs::read_to_string(home.data().join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Processes whose parent is `pid`. Empty where there is no `/proc`.
fn children_of(pid: Pid) -> Vec<Pid> {
    let parent = pid.as_raw_nonzero().get();
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let candidate: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // pid (name) state parent …; the name may hold anything, so count from its last parenthesis.
            let of: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            (of == parent).then(|| Pid::from_raw(candidate))?
        })
        .collect()
}

fn is_running(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(')')?.1.split_whitespace().next()? != "Z"))
        .unwrap_or(false)
}

/// The end of the server's log, where it says why it did not start.
pub(super) fn last_lines(log: &Path) -> String {
    fs::read(log).map(|bytes| last_of(&bytes)).unwrap_or_default()
}

/// The last few lines of what a program said, on one line.
pub(super) fn last_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}
