//! Signals, on the program's runtime and not on the drawing thread: a terminal that has stopped reading blocks that
//! one, and SIGTERM must end the program all the same.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that ends the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// Somebody asks us to end.
    Term,
    /// Somebody else's Ctrl-c; ours is a key.
    Int,
    /// The terminal is gone.
    Hup,
    /// Ctrl-\ from elsewhere: the same as [`Self::Term`], and once more ends at once.
    Quit,
}

/// A signal that we handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// End.
    Stop(StopSignal),
    /// Stop the process for a while.
    Suspend,
    /// The process goes on; the terminal may have been changed meanwhile.
    Continue,
}

/// The signals, being listened to from the moment this exists.
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    quit: Signal,
    tstp: Signal,
    cont: Signal,
}

impl Signals {
    /// Starts listening; the default actions (which leave the terminal in raw mode) are off from now on.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        // Linux numbers: SIGTSTP 20, SIGCONT 18; rustix knows them by name for every system.
        let raw = |named: rustix::process::Signal| SignalKind::from_raw(named.as_raw());
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            tstp: signal(raw(rustix::process::Signal::TSTP))?,
            cont: signal(raw(rustix::process::Signal::CONT))?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.term.recv() => Caught::Stop(StopSignal::Term),
            _ = self.int.recv() => Caught::Stop(StopSignal::Int),
            _ = self.hup.recv() => Caught::Stop(StopSignal::Hup),
            _ = self.quit.recv() => Caught::Stop(StopSignal::Quit),
            _ = self.tstp.recv() => Caught::Suspend,
            _ = self.cont.recv() => Caught::Continue,
        }
    }
}
