//! The console in lines, for screen readers, dumb terminals and pipes: no alternate screen, no raw mode, no line that moves
//! the cursor.
//!
//! The same model, questions and orders as on the screen. What happens is said, one line for each ([`said`]); what is typed
//! is a command of the palette or the answer to the question that is open ([`talk`]). It ends with its input, with `quit`, or
//! by a signal.

mod said;
mod talk;

use super::app::{Wires, moment};
use super::backend::{ActionAnswer, Backend};
use super::keymap::Keymap;
use super::model::Model;
use super::msg::{Effect, Msg};
use super::terminal::signals::{Caught, Signals};
use super::terminal::voice::Voice;
use super::update::{update, wake_at};
use super::{Connected, Ended, Options, TuiError, connect};
use crate::domain::action::{Subject, Version};
use crate::tui::overlays::Overlay;
use ratatui::layout::Size;
use rustix::process::{Signal, getpid, kill_process};
use said::Said;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use talk::Talk;
use tokio::sync::{broadcast, mpsc};

/// How long the end waits for the answers to orders.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long the next command waits for what the last one did.
const PATIENCE: Duration = Duration::from_secs(3);
/// Lines that were typed and not read.
const TYPED_AHEAD: usize = 64;

/// The console in lines.
struct Plain {
    model: Model,
    wires: Wires,
    voice: Voice,
    said: Said,
    talk: Talk,
    /// What was done by the last command, until the picture shows it: the next one is about what is there then.
    done: Vec<(Subject, Version)>,
    /// No longer than this.
    patience: Instant,
    /// No more commands: it ends when all orders are answered.
    leaving: Option<(Ended, Instant)>,
}

/// Says what happens until it ends. Runs on the program's multi-thread runtime; never waits for its reader.
///
/// # Errors
/// When signals or threads cannot be had.
pub async fn run(backend: Arc<dyn Backend>, options: Options) -> Result<Ended, TuiError> {
    let mut signals = Signals::listen().map_err(TuiError::Terminal)?;
    let voice = Voice::on(rustix::stdio::stdout).map_err(TuiError::Terminal)?;
    let mut typed = lines().map_err(TuiError::Terminal)?;
    let Connected { wires, messages: _messages, mut alarms } = connect(&backend);
    super::terminal::panic::without_screen(true);
    let Options { read_only, theme, keys: _ } = options;
    let model =
        Model::new(moment(), backend.session(), read_only, theme, Keymap::default(), Size::new(80, 24));
    let (said, talk) = (Said::default(), Talk::default());
    let (done, patience) = (Vec::new(), moment().mono);
    let mut plain = Plain { model, wires, voice, said, talk, done, patience, leaving: None };
    plain.greet();
    let ended = loop {
        if let Some(ended) = plain.over() {
            break ended;
        }
        let wake = plain.wake();
        tokio::select! {
            line = typed.recv(), if plain.leaving.is_none() && plain.listens() => match line {
                Some(line) => plain.command(&line),
                None => plain.leave(Ended::Quit),
            },
            caught = signals.next() => plain.caught(caught),
            Some(words) = alarms.recv() => plain.take(Msg::Alarm(words)),
            () = plain.voice.unheard() => break Ended::TerminalLost,
            message = plain.wires.next(wake) => plain.take(message),
        }
    };
    super::terminal::panic::without_screen(false);
    plain.voice.end().await;
    Ok(ended)
}

/// Lines of standard input, read on a thread of their own; the channel ends with the input.
fn lines() -> std::io::Result<mpsc::Receiver<String>> {
    let (read, typed) = mpsc::channel(TYPED_AHEAD);
    std::thread::Builder::new().name("typed".into()).spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(1..) => {
                    let text = String::from_utf8_lossy(&line).trim().to_owned();
                    if read.blocking_send(text).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    })?;
    Ok(typed)
}

/// The next of a broadcast, or how many were lost; `None`: there are no more.
async fn heard<T: Clone>(
    from: &mut broadcast::Receiver<T>,
    one: impl FnOnce(T) -> Msg,
    lost: impl FnOnce(u64) -> Msg,
) -> Option<Msg> {
    match from.recv().await {
        Ok(value) => Some(one(value)),
        Err(broadcast::error::RecvError::Lagged(count)) => Some(lost(count)),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

impl Wires {
    /// The next thing that happens outside.
    async fn next(&mut self, wake: Option<Instant>) -> Msg {
        let wake = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(wake);
        loop {
            tokio::select! {
                Some(message) = self.messages.recv() => return message,
                Ok(()) = self.pictures.changed() => {
                    let picture = self.pictures.borrow_and_update().clone();
                    if let Some(answer) = picture {
                        return Msg::Overview(answer);
                    }
                }
                Ok(()) = self.sessions.changed() => {
                    return Msg::Session(Box::new(self.sessions.borrow_and_update().clone()));
                }
                Ok(()) = self.inside.changed() => return Msg::Inside(self.inside.borrow_and_update().clone()),
                Some(message) = heard(&mut self.notices, Msg::Notice, |_| Msg::NoticesLost) => return message,
                Some(message) = heard(&mut self.live, |event| Msg::Live(vec![event], 0), |lost| {
                    Msg::Live(Vec::new(), lost)
                }) => return message,
                () = &mut wake => return Msg::Tick,
            }
        }
    }
}

impl Plain {
    fn greet(&self) {
        let session = &self.model.session;
        self.voice.say(&format!(
            "signalbox {}, organisation {}, operator {}; help lists the commands, quit ends",
            session.environment, session.organisation, session.operator
        ));
        if !self.model.may_act() {
            self.voice.say("READ-ONLY: nothing can be changed here");
        } else if session.instance.is_none() {
            self.voice.say("WATCH: this console does not send");
        }
    }

    /// Whether it takes the next command: the database was looked at, with or without success, and shows what the last one
    /// has done.
    fn listens(&self) -> bool {
        let has_looked = self.model.overview().is_some() || self.model.source.away.is_some();
        let shows = |(subject, version): &(Subject, Version)| {
            self.model.version(*subject).is_none_or(|now| now >= *version)
        };
        let is_settled = self.model.pending.is_empty() && self.done.iter().all(shows);
        has_looked && (is_settled || moment().mono >= self.patience)
    }

    /// When time alone changes something.
    fn wake(&self) -> Option<Instant> {
        let patience = Some(self.patience).filter(|until| *until > moment().mono);
        [self.leaving.map(|(_, until)| until), patience, wake_at(&self.model)].into_iter().flatten().min()
    }

    /// How it ends, if it does now.
    fn over(&self) -> Option<Ended> {
        let (ended, until) = self.leaving?;
        let is_answered = self.model.pending.is_empty() || moment().mono >= until;
        (is_answered || !matches!(ended, Ended::Quit)).then_some(ended)
    }

    fn leave(&mut self, ended: Ended) {
        self.leaving = Some((ended, moment().mono + LAST_ANSWERS));
    }

    fn caught(&mut self, caught: Caught) {
        match caught {
            Caught::Stop(signal) => self.leave(Ended::Signal(signal)),
            Caught::Suspend => self.take(Msg::Suspend),
            Caught::Continue => self.take(Msg::NoticesLost),
        }
    }

    fn command(&mut self, line: &str) {
        self.done.clear();
        self.patience = moment().mono + PATIENCE;
        if talk::wants_to_leave(line, &self.model) {
            return self.leave(Ended::Quit);
        }
        let (messages, effects) = self.talk.take(line, &mut self.model, moment(), &self.voice);
        self.carry_out(effects);
        for message in messages {
            self.take(message);
        }
        self.tell();
    }

    /// Takes in one message, carries out what follows from it, and says what is new.
    fn take(&mut self, message: Msg) {
        if let Msg::Acted { answers, .. } = &message {
            self.done.extend(answers.iter().filter_map(|(order, answer)| match answer {
                ActionAnswer::Done { version: Some(version), .. } => Some((order.action.subject(), *version)),
                _ => None,
            }));
        }
        self.said.before(&message, &self.model, self.talk.log, &self.voice);
        let effects = update(&mut self.model, message, moment());
        self.carry_out(effects);
        self.tell();
    }

    fn tell(&mut self) {
        // What only shows has no place in lines.
        self.model.overlays.retain(|overlay| match overlay {
            Overlay::Confirm(_) | Overlay::Reason(_) => true,
            Overlay::Palette(palette) => palette.argument.is_some(),
            _ => false,
        });
        self.said.after(&self.model, &self.voice);
    }

    fn carry_out(&mut self, mut effects: Vec<Effect>) {
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Copy(_) | Effect::Mouse(_) | Effect::Redraw | Effect::Retake => {}
                // Nothing of the terminal has to be given back first.
                Effect::SuspendProcess => {
                    let _ = kill_process(getpid(), Signal::STOP);
                }
                effect => {
                    if let Err(mpsc::error::TrySendError::Full(effect)) = self.wires.effects.try_send(effect)
                    {
                        effects.extend(update(&mut self.model, Msg::Busy(effect), moment()));
                    }
                }
            }
        }
    }
}
