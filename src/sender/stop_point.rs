//! Named points at which a test stops a real process: `SIGNALBOX_STOP_AT=after_intent:exit`. In release builds they are
//! nothing.
//!
//! In the order of a message's life: `before_claim`, `after_claim` (the intents are committed and known), `after_intent`
//! (a flight begins), `after_connect` (immediately before the first byte), `after_answer`, `before_outcome`,
//! `after_outcome`. In the console: `redraw` (Ctrl-l).

#[cfg(debug_assertions)]
mod armed {
    use rustix::process::{Signal, getpid, kill_process};
    use std::{
        sync::{
            LazyLock,
            atomic::{AtomicBool, Ordering},
        },
        time::Duration,
    };

    static AT: LazyLock<Option<(String, String)>> = LazyLock::new(|| {
        let value = std::env::var("SIGNALBOX_STOP_AT").ok()?;
        let (name, action) = value.split_once(':')?;
        Some((name.to_owned(), action.to_owned()))
    });
    /// A process stops within this time of its signal.
    const STOPS_WITHIN: Duration = Duration::from_millis(100);

    static REACHED: AtomicBool = AtomicBool::new(false);

    /// What to do here, if something: the first time only, so that a process that is woken goes on.
    pub fn action(name: &str) -> Option<&'static str> {
        let (at, action) = AT.as_ref()?;
        (at == name && !REACHED.swap(true, Ordering::SeqCst)).then_some(action.as_str())
    }

    /// Panics with words as a provider's answer could put them into a message: a report must clean them.
    #[expect(clippy::panic, reason = "a test asked for one")]
    pub fn panic() -> ! {
        std::panic::panic_any("stop point \u{1b}]0;taken over\u{7}\u{1b}[2J\u{202e}reached".to_owned())
    }

    /// Ends or stops the whole process, as `kill` does from outside; a test wakes a stopped one with SIGCONT.
    pub fn kill_or_freeze(action: &str) {
        let signal = match action {
            "exit" => Signal::KILL,
            "freeze" => Signal::STOP,
            _ => return,
        };
        if let Err(error) = kill_process(getpid(), signal) {
            tracing::error!("cannot stop this process: {error}");
        }
        // Another thread takes the signal and stops the rest a moment later. Until then this one must not go on, or it
        // would be past its point.
        std::thread::sleep(STOPS_WITHIN);
    }
}

/// Stops here, once, if the environment says so: `exit` ends the process as `kill -9` does, `freeze` stops it as SIGSTOP
/// does, `panic` panics, `delay` waits ten seconds.
#[cfg(debug_assertions)]
pub async fn reach(name: &str) {
    let Some(action) = armed::action(name) else { return };
    armed::kill_or_freeze(action);
    match action {
        "panic" => armed::panic(),
        "delay" => tokio::time::sleep(std::time::Duration::from_secs(10)).await,
        _ => {}
    }
}

/// As [`reach`], where nothing can be awaited: no `delay`.
#[cfg(debug_assertions)]
pub fn reach_now(name: &str) {
    if let Some(action) = armed::action(name) {
        armed::kill_or_freeze(action);
        if action == "panic" {
            armed::panic();
        }
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[expect(clippy::unused_async, reason = "the same face as in test builds")]
pub async fn reach(_name: &str) {}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn reach_now(_name: &str) {}
