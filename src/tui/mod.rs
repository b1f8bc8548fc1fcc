//! The console.
//!
//! Its own OS thread, `ui`, holds the terminal, the model and the loop ([`app`]); nothing in the sender ever waits for
//! it, and it never waits for the database. Messages come in ([`msg`]), [`update`] changes the [`model`] and names
//! effects, [`effects`] carries them out on the program's runtime, [`view`] draws. The outside is one trait,
//! [`backend`]. The law of all this is `reference/tui-practice.md`.
//!
//! ```text
//!  program's runtime                                thread "ui"
//!  effects::pictures --------- watch -------------> app: wait, update, drain, draw once
//!  backend.live()    ------- broadcast -----------> model
//!  effects::run      --------- mpsc --------------> update(&mut Model, Msg, now) -> Vec<Effect>
//!  effects::run      <-------- mpsc, try_send ----- view(&Model, &mut Buffer) -> one write per frame
//! ```

pub mod allowed;
pub mod app;
pub mod backend;
pub mod effects;
#[cfg(test)]
pub(crate) mod fake;
pub mod keymap;
pub mod lists;
pub mod model;
pub mod msg;
pub mod overlays;
pub mod pace;
pub mod plain;
pub mod store_backend;
pub mod tabs;
pub mod terminal;
pub mod testing;
pub mod theme;
pub mod update;
pub mod verbs;
pub mod view;
pub mod widgets;
pub mod words;

use crate::domain::text::Safe;
use backend::Backend;
use keymap::Keymap;
use model::{Level, Model};
use msg::{Moment, Msg};
use std::sync::Arc;
use std::time::{Duration, Instant};
use terminal::screen::{Screen, Stdout, terminal_size};
use terminal::signals::{Caught, Signals, StopSignal};
use terminal::{UI_THREAD, Unusable, guard, panic, watchdog};
use theme::Theme;
use tokio::sync::{mpsc, oneshot, watch};

#[cfg(test)]
mod tests;

/// How the operator wants the console.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nothing can be changed.
    pub read_only: bool,
    /// How things look.
    pub theme: Theme,
    /// The text of the operator's key file, if there is one.
    pub keys: Option<String>,
}

/// Why the console ended. The caller drains its sender in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The operator left.
    Quit,
    /// A signal asked for it; the terminal is as it was.
    Signal(StopSignal),
    /// The terminal is gone; standard output leads nowhere now.
    TerminalLost,
}

/// Why there was no console, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// It cannot be shown here.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The terminal refused.
    #[error("cannot take the terminal")]
    Terminal(#[source] std::io::Error),
    /// The drawing thread panicked; the terminal is as it was.
    #[error("the console failed: {0}; sending is not affected, details are in the log")]
    Panicked(Safe),
}

/// A terminal that has stopped reading holds up the last write; nothing else waits for it longer than this.
const LAST_FRAME: Duration = Duration::from_secs(2);
/// How often what such a terminal has not read is thrown away, and how long each time is waited for the drawing thread: a
/// frame is longer than what the terminal holds.
const THROW_AWAY: (u32, Duration) = (20, Duration::from_millis(50));

/// Shows the console until it ends. Runs on the program's multi-thread runtime.
///
/// # Errors
/// When there is no terminal that can carry it, or the drawing thread failed. The terminal is given back in any case.
pub async fn run(backend: Arc<dyn Backend>, options: Options) -> Result<Ended, TuiError> {
    terminal::check()?;
    let mut signals = Signals::listen().map_err(TuiError::Terminal)?;
    let (lost, mut terminal_lost) = mpsc::channel(1);
    let Connected { wires, messages, mut alarms } = connect(&backend);
    watchdog::watch(lost).map_err(TuiError::Terminal)?;
    let session = backend.session();
    let (finished, mut done) = oneshot::channel();
    std::thread::Builder::new()
        .name(UI_THREAD.into())
        .spawn(move || {
            let _ = finished.send(show(session, options, wires));
        })
        .map_err(TuiError::Terminal)?;
    let mut why: Option<(Ended, tokio::time::Instant)> = None;
    loop {
        let deadline = why.map(|(_, at)| at);
        tokio::select! {
            result = &mut done => return match result {
                Ok(Ok(ended)) => Ok(why.map_or(ended, |(first, _)| first)),
                Ok(Err(error)) => Err(TuiError::Terminal(error)),
                Err(_) => Err(TuiError::Panicked(panic::take_ui_words().unwrap_or_default())),
            },
            caught = signals.next() => if let Some(ended) = pass_on(caught, &messages) {
                why = why.or(Some((ended, tokio::time::Instant::now() + LAST_FRAME)));
            },
            Some(()) = terminal_lost.recv() => {
                let _ = messages.try_send(Msg::TerminalLost);
                why = why.or(Some((Ended::TerminalLost, tokio::time::Instant::now() + LAST_FRAME)));
            }
            Some(words) = alarms.recv() => { let _ = messages.try_send(Msg::Alarm(words)); }
            () = until(deadline) => {
                give_up_frame(&mut done).await;
                return Ok(why.map_or(Ended::TerminalLost, |(first, _)| first));
            }
        }
    }
}

/// A console's ways to the outside.
struct Connected {
    wires: app::Wires,
    messages: mpsc::Sender<Msg>,
    /// Panics of tasks, in cleaned words.
    alarms: mpsc::Receiver<Safe>,
}

/// Starts what carries out effects and reads pictures.
fn connect(backend: &Arc<dyn Backend>) -> Connected {
    let (messages, incoming) = mpsc::channel(256);
    let (effects, outgoing) = mpsc::channel(64);
    let (refresh, refreshed) = mpsc::channel(1);
    let (alarm, alarms) = mpsc::channel(16);
    let (picture, pictures) = watch::channel(None);
    panic::install(alarm);
    tokio::spawn(effects::run(backend.clone(), outgoing, messages.clone(), refresh));
    tokio::spawn(effects::pictures(backend.clone(), picture, refreshed));
    let wires = app::Wires {
        pictures,
        live: backend.live(),
        notices: backend.notices(),
        sessions: backend.sessions(),
        inside: backend.inside(),
        messages: incoming,
        effects,
    };
    Connected { wires, messages, alarms }
}

/// Gets the drawing thread out of a write that nobody reads, so that it gives the terminal back; else goes without it.
async fn give_up_frame<T>(done: &mut oneshot::Receiver<T>) {
    let (times, wait) = THROW_AWAY;
    for _ in 0..times {
        guard::throw_away_unread();
        if tokio::time::timeout(wait, &mut *done).await.is_ok() {
            return;
        }
    }
    guard::abandon();
}

/// Tells the console of a signal. Answers how it ends, if that is what the signal asks for.
fn pass_on(caught: Caught, messages: &mpsc::Sender<Msg>) -> Option<Ended> {
    let (message, ended) = match caught {
        Caught::Stop(signal) => {
            // A hang-up whose terminal is still there (kill -HUP) leaves the screen first.
            if signal == StopSignal::Hup && watchdog::is_gone() {
                watchdog::detach();
            }
            (Msg::Stop(signal), Some(Ended::Signal(signal)))
        }
        Caught::Suspend => (Msg::Suspend, None),
        Caught::Continue => (Msg::Woken, None),
    };
    let _ = messages.try_send(message);
    ended
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What the drawing thread does: take the terminal, run, give it back.
fn show(session: crate::store::view::Session, options: Options, wires: app::Wires) -> std::io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let now = Moment { mono: Instant::now(), wall: chrono::Utc::now() };
    let Options { read_only, theme, keys } = options;
    let (keymap, problems) = keys.as_deref().map(Keymap::with_user_file).unwrap_or_default();
    let size = terminal_size();
    let mut model = Model::new(now, session, read_only, theme, keymap, size);
    model.cannot_stop = terminal::suspend::can_stop().err();
    for problem in problems {
        model.toast(Level::Warn, Safe::new(&problem.to_string()).into_string());
    }
    let guard = guard::take()?;
    let ended = runtime.block_on(async {
        let app = app::App::new(model, Screen::new(Stdout, size), wires)?;
        Ok(app.run().await)
    });
    drop(guard);
    ended
}
