//! What happens to the terminal when a thread panics.
//!
//! The usual hook gives the terminal back whoever panics, and the console then draws over the shell. Ours gives it
//! back only when the drawing thread itself is done for; a panic elsewhere is recorded, shown in the console as a red
//! line, and left to that task's supervisor.

use super::{UI_THREAD, guard};
use crate::domain::text::Safe;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use tokio::sync::mpsc;

static INSTALLED: Once = Once::new();
static ALARMS: Mutex<Option<mpsc::Sender<Safe>>> = Mutex::new(None);
/// There is no screen, and all the same nothing of a panic goes to the terminal.
static WITHOUT_SCREEN: AtomicBool = AtomicBool::new(false);
static LAST_UI: Mutex<Option<Safe>> = Mutex::new(None);

/// Puts our hook before the one that is there (once per process), and has panics of other threads reported to
/// `alarms` from now on.
pub fn install(alarms: mpsc::Sender<Safe>) {
    *ALARMS.lock().unwrap_or_else(PoisonError::into_inner) = Some(alarms);
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let on_ui = std::thread::current().name() == Some(UI_THREAD);
            if !on_ui && !guard::is_taken() && !WITHOUT_SCREEN.load(Ordering::SeqCst) {
                return previous(info);
            }
            let words = words(info);
            // The trace goes to the log file, never to the terminal.
            tracing::error!(
                panic = %words,
                trace = %std::backtrace::Backtrace::capture(),
                "a task panicked: {words}"
            );
            if on_ui {
                guard::give_back();
                *LAST_UI.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
            } else if let Some(alarms) = &*ALARMS.lock().unwrap_or_else(PoisonError::into_inner) {
                let _ = alarms.try_send(words);
            }
        }));
    });
}

/// Whether panics are reported to the console although it has no screen.
pub fn without_screen(report: bool) {
    WITHOUT_SCREEN.store(report, Ordering::SeqCst);
}

/// What the drawing thread said when it panicked, for the report after the terminal is back.
pub fn take_ui_words() -> Option<Safe> {
    LAST_UI.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A panic's message may quote a name or a provider's answer, so it is cleaned like any text from outside.
fn words(info: &PanicHookInfo<'_>) -> Safe {
    let payload = info
        .payload()
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    match info.location() {
        Some(at) => Safe::new(&format!("{payload} (at {}:{})", at.file(), at.line())),
        None => Safe::new(payload),
    }
}
