//! The sender inside a console: started with it, replaced whenever a part of it failed, ended well with it.

use super::{CliError, Session, sender, sender::Urgency, session::Org};
use crate::{
    domain::{ids::InstanceId, text::Safe},
    sender::{DRAIN_LIMIT, Sender, Status, Totals, clock::Moment, liveness::Liveness},
    tui::{backend::Inside, terminal::voice::Voice},
};
use std::{convert::Infallible, time::Duration};
use tokio::{sync::watch, task::JoinHandle};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);
/// Between two tries to start another one.
const AGAIN: Duration = Duration::from_secs(5);

/// A sender on its way out. Its drain is a task of its own: whoever stops waiting for it does not cut it off.
struct Leaving {
    status: watch::Receiver<Status>,
    drained: JoinHandle<(Totals, u32)>,
}

impl Leaving {
    fn begin(sender: Sender) -> Self {
        Self { status: sender.status(), drained: tokio::spawn(sender.drain(DRAIN_LIMIT)) }
    }
}

/// The sender inside this program.
pub struct SenderInside<'a> {
    session: &'a Session,
    org: &'a Org,
    /// How providers reach the listener.
    public: Option<Url>,
    running: Option<Sender>,
    /// For whoever watches over this program.
    shown: watch::Sender<Option<Liveness>>,
    leaving: Option<Leaving>,
    /// Of those that were replaced: what they sent, and what they left without outcome.
    former: (Totals, u32),
}

impl<'a> SenderInside<'a> {
    /// Starts it, if this console sends.
    pub async fn start(
        session: &'a Session,
        org: &'a Org,
        sends: bool,
        public: Option<Url>,
    ) -> Result<Self, CliError> {
        let shown = watch::Sender::new(None);
        let mut inside =
            Self { session, org, public, running: None, shown, leaving: None, former: Default::default() };
        if sends {
            let sender = inside.one().await?;
            inside.run(sender);
        }
        Ok(inside)
    }

    async fn one(&self) -> Result<Sender, CliError> {
        let mut config = sender::config(self.session, self.org, "console");
        config.public.clone_from(&self.public);
        sender::start(self.session, config).await
    }

    fn run(&mut self, sender: Sender) {
        self.shown.send_replace(Some(sender.liveness()));
        self.running = Some(sender);
    }

    /// How it is, now and whenever it is another one; none: this program does not send.
    pub fn shown(&self) -> watch::Receiver<Option<Liveness>> {
        self.shown.subscribe()
    }

    /// Which instance it is.
    pub fn instance(&self) -> Option<InstanceId> {
        self.running.as_ref().map(Sender::instance)
    }

    /// Replaces it whenever a part of it failed, and tells of it. Never ends; may be given up at any time.
    pub async fn keep(&mut self, tell: impl Fn(Inside)) -> Infallible {
        loop {
            // A console that only watches has none.
            let Some(running) = &self.running else { return std::future::pending().await };
            let instance = running.instance();
            let part = match running.status().wait_for(|status| status.failed.is_some()).await {
                Ok(status) => status.failed.unwrap_or_default(),
                Err(_) => return std::future::pending().await,
            };
            tell(Inside::Failed(instance, part.into()));
            self.leaving = self.running.take().map(Leaving::begin);
            self.until_left().await;
            let another = self.another(&tell).await;
            self.run(another);
            if let Some(instance) = self.instance() {
                tell(Inside::Sends(instance));
            }
        }
    }

    /// Waits for the one that leaves. Given up, it can be waited for again.
    async fn until_left(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        if let Ok((totals, left)) = (&mut leaving.drained).await {
            let (sum, lost) = &mut self.former;
            sum.accepted += totals.accepted;
            sum.rejected += totals.rejected;
            sum.not_sent += totals.not_sent;
            sum.in_doubt += totals.in_doubt;
            *lost += left;
        }
        self.leaving = None;
    }

    async fn another(&self, tell: &impl Fn(Inside)) -> Sender {
        loop {
            match self.one().await {
                Ok(started) => return started,
                Err(error) => {
                    let why = Safe::new(&error.message().unwrap_or_default());
                    tracing::error!("the sender cannot be started again: {why}");
                    tell(Inside::Missing(why));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Ends it well and says, once a second, what it waits for. Whoever interrupts it once is asked, twice is obeyed, and
    /// Ctrl-\ is obeyed at once.
    pub async fn leave(mut self) -> Result<(), CliError> {
        if let Some(running) = self.running.take() {
            self.leaving = Some(Leaving::begin(running));
        }
        let Some(leaving) = &self.leaving else { return Ok(()) };
        let mut status = leaving.status.clone();
        let mut signals = sender::Signals::listen()?;
        let voice = Voice::on(rustix::stdio::stderr)?;
        let began = Moment::now();
        let mut seconds = tokio::time::interval(SECOND);
        // The first one is at once.
        seconds.tick().await;
        let mut asked = false;
        loop {
            tokio::select! {
                () = self.until_left() => break,
                _ = seconds.tick() => {
                    let now = status.borrow_and_update().clone();
                    voice.say(&format!(
                        "finishing: {} on the wire, {} to record, {} s",
                        now.in_air,
                        now.unrecorded,
                        began.elapsed().as_secs()
                    ));
                }
                urgency = signals.next_press() => {
                    if asked || urgency == Urgency::AtOnce {
                        voice.end().await;
                        return Err(CliError::failed("ended at once; what was on the wire will be found in doubt"));
                    }
                    asked = true;
                    let in_air = status.borrow().in_air;
                    voice.say(&format!("Ctrl-c once more ends at once: {in_air} on the wire would be left in doubt"));
                }
            }
        }
        let (totals, left) = self.former;
        let doubts =
            if left > 0 { format!("; {left} without outcome, to be found in doubt") } else { String::new() };
        voice.say(&format!(
            "sent {}, refused {}, in doubt {}{doubts}",
            totals.accepted, totals.rejected, totals.in_doubt
        ));
        voice.end().await;
        Ok(())
    }
}
