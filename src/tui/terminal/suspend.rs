//! Ctrl-z: stopping this process for a while, as job control does it.

use super::guard;
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};

/// Whether a shell would notice and could wake us again.
///
/// # Errors
/// Why not: a process that leads its session, or shares the group of the one that does, has no shell above it that
/// does job control; stopped, it would stay stopped.
pub fn can_stop() -> Result<(), &'static str> {
    match getsid(None) {
        Ok(session) if session == getpid() || session == getpgrp() => {
            Err("no shell with job control above this program: it could not be woken again")
        }
        Ok(_) => Ok(()),
        Err(_) => Err("this system does not tell who leads the session"),
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
    guard::retake()
}
