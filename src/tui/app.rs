//! The loop of the drawing thread: wait for one thing, take in everything that waits, draw once if something changed
//! and the pace allows it.

use crate::store::view::{LiveEvent, Session};
use crate::tui::Ended;
use crate::tui::backend::{Inside, Notice};
use crate::tui::effects::Picture;
use crate::tui::model::{Dirty, Model};
use crate::tui::msg::{Effect, Moment, Msg};
use crate::tui::pace::Pace;
use crate::tui::terminal::clipboard::{self, Multiplexer};
use crate::tui::terminal::screen::{Screen, terminal_size};
use crate::tui::terminal::{guard, suspend};
use crate::tui::update::{update, wake_at};
use crate::tui::view::view;
use chrono::Utc;
use crossterm::event::{Event, EventStream};
use futures_util::{FutureExt as _, StreamExt as _};
use ratatui::Terminal;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};

/// Live events are gathered for so long before they are taken in together.
const GATHER: Duration = Duration::from_millis(50);
/// The title changes at most this often.
const TITLE_EVERY: Duration = Duration::from_secs(2);

/// Signals that our own stop caused arrive within this time of going on.
const STOP_ECHO: Duration = Duration::from_millis(500);

/// What the drawing thread is connected to.
pub struct Wires {
    /// The latest picture of everything.
    pub pictures: watch::Receiver<Picture>,
    /// Attempts as they happen.
    pub live: broadcast::Receiver<Arc<LiveEvent>>,
    /// Changes by others.
    pub notices: broadcast::Receiver<Notice>,
    /// Who is here.
    pub sessions: watch::Receiver<Session>,
    /// The sender inside this process.
    pub inside: watch::Receiver<Inside>,
    /// Answers, signals, alarms.
    pub messages: mpsc::Receiver<Msg>,
    /// Where effects go.
    pub effects: mpsc::Sender<Effect>,
}

/// The console on a screen.
pub struct App<S: Write> {
    model: Model,
    terminal: Terminal<Screen<S>>,
    wires: Wires,
    pace: Pace,
    multiplexer: Multiplexer,
    title: (String, Option<Instant>),
    /// When this process went on after a stop of its own making.
    woke: Option<Instant>,
    /// The terminal had another size since the last frame.
    resized: bool,
}

/// Now. The console reads its clocks here.
pub fn moment() -> Moment {
    Moment { mono: Instant::now(), wall: Utc::now() }
}

impl<S: Write> App<S> {
    /// A console that has drawn nothing yet.
    ///
    /// # Errors
    /// When the screen cannot be used.
    pub fn new(model: Model, screen: Screen<S>, wires: Wires) -> std::io::Result<Self> {
        Ok(Self {
            model,
            terminal: Terminal::new(screen)?,
            wires,
            pace: Pace::default(),
            multiplexer: Multiplexer::detect(),
            title: (String::new(), None),
            woke: None,
            resized: false,
        })
    }

    /// Runs until the console ends.
    pub async fn run(mut self) -> Ended {
        let mut input = EventStream::new();
        let mut live_from = Instant::now();
        let mut live_open = true;
        let mut notices_open = true;
        let mut pictures_open = true;
        let mut inside_open = true;
        let mut sessions_open = true;
        self.draw();
        loop {
            if let Some(ended) = self.model.ended.take() {
                return ended;
            }
            let now = Instant::now();
            let draw_at =
                (self.model.dirty != Dirty::Clean).then(|| self.pace.not_before(self.model.dirty, now));
            let wake = [draw_at, wake_at(&self.model)].into_iter().flatten().min();
            tokio::select! {
                biased;
                event = input.next() => self.input(event),
                message = self.wires.messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => return Ended::Quit,
                },
                changed = self.wires.pictures.changed(), if pictures_open => match changed {
                    Ok(()) => self.picture(),
                    Err(_) => pictures_open = false,
                },
                changed = self.wires.inside.changed(), if inside_open => match changed {
                    Ok(()) => self.inside(),
                    Err(_) => inside_open = false,
                },
                changed = self.wires.sessions.changed(), if sessions_open => match changed {
                    Ok(()) => self.session(),
                    Err(_) => sessions_open = false,
                },
                notice = self.wires.notices.recv(), if notices_open => match notice {
                    Ok(notice) => self.take(Msg::Notice(notice)),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.take(Msg::NoticesLost),
                    Err(broadcast::error::RecvError::Closed) => notices_open = false,
                },
                first = next_live(&mut self.wires.live, live_from), if live_open => {
                    live_open = self.live(first);
                    live_from = Instant::now() + GATHER;
                }
                () = sleep_until(wake) => self.take(Msg::Tick),
            }
            self.drain(&mut input);
            if self.model.dirty != Dirty::Clean
                && self.model.ended.is_none()
                && Instant::now() >= self.pace.not_before(self.model.dirty, Instant::now())
            {
                self.draw();
            }
        }
    }

    /// Takes in everything that waits already, so that a burst of keys costs one frame.
    fn drain(&mut self, input: &mut EventStream) {
        for _ in 0..256 {
            if self.model.ended.is_some() {
                return;
            }
            match input.next().now_or_never() {
                Some(event @ Some(_)) => self.input(event),
                _ => break,
            }
        }
        while let Ok(message) = self.wires.messages.try_recv() {
            self.take(message);
        }
    }

    fn input(&mut self, event: Option<std::io::Result<Event>>) {
        match event {
            Some(Ok(Event::Key(key))) => self.take(Msg::Key(key)),
            Some(Ok(Event::Paste(text))) => self.take(Msg::Paste(text)),
            Some(Ok(Event::Resize(..))) => {
                // The event's own figures are late in a storm; the terminal knows.
                let size = terminal_size();
                self.pace.resized(Instant::now());
                self.terminal.backend_mut().set_size(size);
                self.resized = true;
                self.take(Msg::Resize(size));
            }
            Some(Ok(Event::Mouse(event))) => self.take(Msg::Mouse(event)),
            Some(Ok(Event::FocusGained | Event::FocusLost)) => {}
            Some(Err(_)) | None => self.take(Msg::TerminalLost),
        }
    }

    fn picture(&mut self) {
        let picture = self.wires.pictures.borrow_and_update().clone();
        if let Some(answer) = picture {
            self.take(Msg::Overview(answer));
        }
    }

    fn session(&mut self) {
        let session = self.wires.sessions.borrow_and_update().clone();
        self.take(Msg::Session(Box::new(session)));
    }

    fn inside(&mut self) {
        let inside = self.wires.inside.borrow_and_update().clone();
        self.take(Msg::Inside(inside));
    }

    /// Takes in the first live event and all that wait behind it; answers whether there can be more.
    fn live(&mut self, first: Result<Arc<LiveEvent>, broadcast::error::RecvError>) -> bool {
        let mut events = Vec::new();
        let mut dropped = 0;
        match first {
            Ok(event) => events.push(event),
            Err(broadcast::error::RecvError::Lagged(lost)) => dropped += lost,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
        loop {
            match self.wires.live.try_recv() {
                Ok(event) => events.push(event),
                Err(broadcast::error::TryRecvError::Lagged(lost)) => dropped += lost,
                Err(_) => break,
            }
        }
        self.take(Msg::Live(events, dropped));
        true
    }

    /// Takes in one message and carries out what follows from it.
    fn take(&mut self, message: Msg) {
        // Our own stop reaches us as a signal too, once we go on; it must not stop us again.
        let echo = matches!(message, Msg::Suspend | Msg::Woken)
            && self.woke.is_some_and(|woke| woke.elapsed() < STOP_ECHO);
        if echo {
            return;
        }
        let mut effects = update(&mut self.model, message, moment());
        while let Some(effect) = effects.pop() {
            effects.extend(self.carry_out(effect));
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Copy(text) => {
                let sequence = clipboard::sequence(&text, self.multiplexer);
                if let Some(bytes) = &sequence {
                    self.terminal.backend_mut().add(bytes);
                }
                update(&mut self.model, Msg::Copied(sequence.is_some()), moment())
            }
            Effect::Mouse(on) => {
                self.terminal.backend_mut().add(guard::mouse(on));
                self.model.touch(Dirty::Input);
                Vec::new()
            }
            Effect::Redraw => {
                self.redraw();
                Vec::new()
            }
            Effect::Retake => {
                let _ = guard::retake();
                self.redraw();
                Vec::new()
            }
            Effect::SuspendProcess => {
                let stopped = suspend::stop_and_wait().map_err(|error| error.to_string().as_str().into());
                self.woke = Some(Instant::now());
                update(&mut self.model, Msg::Continued(stopped), moment())
            }
            effect => match self.wires.effects.try_send(effect) {
                Err(mpsc::error::TrySendError::Full(effect)) => {
                    update(&mut self.model, Msg::Busy(effect), moment())
                }
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Vec::new(),
            },
        }
    }

    /// Forgets what is on the screen, so that the next frame paints all of it. Never asks the terminal anything.
    fn redraw(&mut self) {
        crate::sender::stop_point::reach_now("redraw");
        let size = terminal_size();
        self.terminal.backend_mut().set_size(size);
        self.model.size = size;
        let _ = self.terminal.resize(ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, size)));
        self.model.touch(Dirty::Input);
    }

    /// Draws and hands over one frame. A frame that cannot be handed over means that the terminal is gone.
    fn draw(&mut self) {
        let start = Instant::now();
        if std::mem::take(&mut self.resized) {
            // A terminal that was smaller for a moment has forgotten what it cut off, even if it is as large again as the
            // last frame was.
            let area = ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, self.model.size));
            let _ = self.terminal.resize(area);
        }
        self.set_title(start);
        self.model.frames_per_second = self.pace.frames_per_second();
        let model = &self.model;
        let mut geometry = model.geometry;
        let drawn = self.terminal.draw(|frame| geometry = view(model, frame.buffer_mut())).map(|_| ());
        let before_commit = Instant::now();
        let committed = drawn.and_then(|()| self.terminal.backend_mut().commit());
        self.pace.drawn(start, before_commit.elapsed());
        self.model.dirty = Dirty::Clean;
        if committed.is_err() {
            self.model.ended = Some(Ended::TerminalLost);
        }
        // The first picture decides where lists begin and whether there is a panel to fill.
        if self.model.geometry != geometry {
            self.model.geometry = geometry;
            self.take(Msg::Tick);
        }
    }

    /// From our own words only: the environment is reduced to letters and digits.
    fn set_title(&mut self, now: Instant) {
        if self.title.1.is_some_and(|last| now < last + TITLE_EVERY) {
            return;
        }
        let environment: String =
            self.model.session.environment.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let doing = match self.model.overview() {
            Some(overview) if overview.stop.is_some() => "STOPPED".to_owned(),
            Some(overview) if overview.per_second > 0.0 => format!("sending {:.0}/s", overview.per_second),
            _ => "idle".to_owned(),
        };
        let title = format!("signalbox {environment} {doing}");
        if title != self.title.0 {
            self.terminal.backend_mut().add(format!("\x1b]0;{title}\x07").as_bytes());
            self.title = (title, Some(now));
        }
    }
}

async fn next_live(
    live: &mut broadcast::Receiver<Arc<LiveEvent>>,
    from: Instant,
) -> Result<Arc<LiveEvent>, broadcast::error::RecvError> {
    tokio::time::sleep_until(from.into()).await;
    live.recv().await
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
