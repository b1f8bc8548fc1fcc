//! Who is here and for what this console stands: read at its start, and again whenever that may have changed.

use super::Surroundings;
use crate::domain::action::{Subject, Version};
use crate::domain::text::Safe;
use crate::store::screen::Seat;
use crate::store::screen::notices::ChangeLine;
use crate::store::view::Session;
use crate::tui::backend::Inside;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Who is here.
pub struct Here {
    seat: Mutex<Seat>,
    around: Surroundings,
    /// The same in the console's words.
    pub session: watch::Sender<Session>,
    /// The sender of this process: another one when it failed and was replaced.
    pub inside: watch::Sender<Inside>,
    /// What this console changed itself.
    pub own: OwnChanges,
}

impl Here {
    /// Sits down.
    pub fn new(seat: Seat, around: Surroundings) -> Self {
        let inside = seat.instance.map_or(Inside::Nobody, Inside::Sends);
        Self {
            session: watch::channel(session_of(&seat, &around)).0,
            inside: watch::channel(inside).0,
            own: OwnChanges::default(),
            seat: Mutex::new(seat),
            around,
        }
    }

    /// From where this console looks now.
    pub fn seat(&self) -> Seat {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who is here now.
    pub fn session(&self) -> Session {
        self.session.borrow().clone()
    }

    /// Who is here, if they may change anything.
    ///
    /// # Errors
    /// What to say to who may not.
    pub fn writer(&self) -> Result<Session, Safe> {
        let session = self.session();
        if session.may_write { Ok(session) } else { Err("you may look but not change anything here".into()) }
    }

    /// Takes in what was read anew of the organisation and of our rights.
    pub fn sit(&self, seat: Seat) {
        let mut place = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Seat { instance: place.instance, ..seat };
        self.tell(&place);
    }

    /// Takes in what became of the sender.
    pub fn tell_inside(&self, inside: Inside) {
        let mut place = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        place.instance = inside.instance();
        self.tell(&place);
        self.inside.send_replace(inside);
    }

    fn tell(&self, seat: &Seat) {
        let session = session_of(seat, &self.around);
        self.session.send_if_modified(|told| {
            let changed = *told != session;
            *told = session;
            changed
        });
    }
}

fn session_of(seat: &Seat, around: &Surroundings) -> Session {
    Session {
        operator: if around.operator.is_empty() { seat.role_name.clone() } else { around.operator.clone() },
        role: seat.role.clone().unwrap_or_else(|| "admin".into()),
        organisation: seat.slug.clone(),
        environment: around.environment.clone(),
        production: around.production,
        database: around.database.clone(),
        zone: seat.zone,
        may_write: seat.may_write() && !around.read_only,
        instance: seat.instance,
        on_terminal_loss: around.on_terminal_loss.clone(),
    }
}

/// The last changes that this console made itself. A console without a sender has no instance that its changes would name.
#[derive(Debug, Default)]
pub struct OwnChanges(Mutex<VecDeque<Own>>);

/// One of them, with its time on this process's clock.
#[derive(Debug)]
struct Own {
    subject: Subject,
    /// `None`: no row of its own has one, as with a stop of everything.
    version: Option<Version>,
    at: Instant,
}

impl OwnChanges {
    const KEPT: usize = 256;
    /// A change without a version that is heard of so soon after our own is ours, if it names us.
    const HEARD_WITHIN: Duration = Duration::from_secs(5);

    fn lock(&self) -> MutexGuard<'_, VecDeque<Own>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one.
    pub fn note(&self, subject: Subject, version: Option<Version>) {
        let mut kept = self.lock();
        kept.push_back(Own { subject, version, at: Instant::now() });
        let surplus = kept.len().saturating_sub(Self::KEPT);
        kept.drain(..surplus);
    }

    /// Whether this is one; `me` is the operator here.
    pub fn has(&self, line: &ChangeLine, me: &Safe) -> bool {
        let kept = self.lock();
        let mut about = kept.iter().filter(|own| own.subject == line.subject);
        match line.version {
            Some(version) => about.any(|own| own.version == Some(version)),
            None => line.by == *me && about.any(|own| own.at.elapsed() < Self::HEARD_WITHIN),
        }
    }
}
