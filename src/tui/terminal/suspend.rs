//! Ctrl-z: stopping this process for a while, as job control does it.

use super::guard;
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
use std::time::Duration;

/// How long the whole process takes to stop once it is told to.
const STOPS_WITHIN: Duration = Duration::from_millis(100);

/// Whether a shell would notice and could wake us again.
///
/// # Errors
/// Why not: a process that leads its session, or shares the group of the one that does, has no shell above it that
/// does job control; stopped, it would stay stopped. So would one whose session began outside its container.
pub fn can_stop() -> Result<(), &'static str> {
    // Read as text: a session that began outside this container is 0, which is no process id.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    shell_above(&stat)
}

/// As [`can_stop`], from the process's line in proc(5): `pid (name) state ppid pgrp session ...`, in which a name may
/// hold spaces and brackets.
fn shell_above(stat: &str) -> Result<(), &'static str> {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut numbers = after_name.split_whitespace().skip(2).map_while(|word| word.parse::<i32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(group), Some(session)) if session > 0 && group != session => Ok(()),
        (Some(_), Some(_)) => {
            Err("no shell with job control above this program: it could not be woken again")
        }
        _ => Err("this system does not tell who leads the session"),
    }
}

/// Gives the terminal back, stops, and takes the terminal again when somebody wakes us.
///
/// # Errors
/// When the terminal cannot be taken again.
pub fn stop_and_wait() -> std::io::Result<()> {
    guard::give_back();
    // The whole job has to stop, as the terminal's own Ctrl-z does it, or the shell would not notice. We catch SIGTSTP
    // ourselves, so for us it takes SIGSTOP.
    let _ = kill_current_process_group(Signal::TSTP);
    let _ = kill_process(getpid(), Signal::STOP);
    // Another thread takes the signal and stops the rest a moment later. Until then this one must not go on, or it would
    // take the terminal again first and leave the shell on our screen.
    std::thread::sleep(STOPS_WITHIN);
    guard::retake()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_job_of_a_shell_in_reach_can_be_stopped_and_woken() {
        assert_eq!(shell_above("40 (signalbox) S 31 40 31 34816 40"), Ok(()));
        assert_eq!(shell_above("40 (a ) S 40 40) S 31 40 31 34816 40"), Ok(()));
        assert!(
            shell_above("40 (signalbox) S 31 31 31 34816 31").is_err(),
            "in the group of the one that leads"
        );
        assert!(shell_above("40 (signalbox) S 0 40 40 34816 40").is_err(), "leads itself");
        assert!(shell_above("40 (signalbox) S 0 0 0 0 -1").is_err(), "began outside the container");
        assert!(shell_above("").is_err());
    }
}
