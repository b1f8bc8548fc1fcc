//! A terminal that is gone.
//!
//! When the SSH link or the tmux pane dies, a hang-up signal may or may not come, and crossterm's reader then spins on
//! a whole core (crossterm-rs/crossterm#793). A thread of its own watches for the hang-up and puts harmless things in
//! the places of standard input, output and error, so that nothing spins and no later print can fail.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use tokio::sync::mpsc;

/// Watches standard input for the terminal's end, detaches from it and says so once.
///
/// # Errors
/// When the thread cannot be started.
pub fn watch(lost: mpsc::Sender<()>) -> std::io::Result<()> {
    std::thread::Builder::new().name("terminal-watch".into()).spawn(move || {
        loop {
            let stdin = rustix::stdio::stdin();
            // Hang-up and error are always reported, so nothing else is asked for.
            let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_)
                    if watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) =>
                {
                    detach();
                    let _ = lost.blocking_send(());
                    return;
                }
                Err(error) if error != rustix::io::Errno::INTR => return,
                _ => {}
            }
        }
    })?;
    Ok(())
}

/// Whether the terminal is gone already.
pub fn is_gone() -> bool {
    let stdin = rustix::stdio::stdin();
    let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&now)).is_ok()
        && watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}

/// Standard input becomes a pipe that never has data (crossterm's loop then waits), standard output and error become
/// `/dev/null` (no later print can fail). May be called twice.
pub fn detach() {
    if let Ok((reader, writer)) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC) {
        let _ = dup2_stdin(&reader);
        // A pipe whose writing end is closed would be readable for ever.
        std::mem::forget(writer);
    }
    if let Ok(nowhere) = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        let _ = dup2_stdout(&nowhere);
        let _ = dup2_stderr(&nowhere);
    }
}
