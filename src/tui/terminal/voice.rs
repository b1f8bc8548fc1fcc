//! Lines for whoever reads them, from a thread of their own: a terminal that has stopped reading holds up that thread and
//! nothing else.

use super::{screen::write_to, watchdog};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for their reader.
const WAITING: usize = 1_024;
/// So much of it is kept for lines that somebody asked for.
const RESERVED: usize = WAITING / 4;
/// How long the last line may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Says lines.
pub struct Voice {
    lines: mpsc::Sender<String>,
    done: oneshot::Receiver<()>,
    lost: AtomicU64,
}

impl Voice {
    /// A voice on one of the standard streams that has said nothing yet.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn on(stream: fn() -> BorrowedFd<'static>) -> std::io::Result<Self> {
        let (lines, mut to_say) = mpsc::channel::<String>(WAITING);
        let (finished, done) = oneshot::channel();
        std::thread::Builder::new().name("voice".into()).spawn(move || {
            while let Some(line) = to_say.blocking_recv() {
                // Past the standard library's lock: whoever waits in here must not keep others from it.
                if write_to(stream(), line.as_bytes()).is_err() {
                    break;
                }
            }
            // Nobody is told before nothing more can come.
            drop(to_say);
            let _ = finished.send(());
        })?;
        Ok(Self { lines, done, lost: AtomicU64::new(0) })
    }

    /// Says a line; one that finds no room is counted, and the next one that does says so.
    pub fn say(&self, line: &str) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0
            && self.lines.try_send(format!("{lost} lines were not read in time and are lost\n")).is_err()
        {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        if self.lines.try_send(format!("{line}\n")).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says a line that nobody asked for: it leaves room for those that somebody does.
    pub fn mention(&self, line: &str) {
        if self.lines.capacity() > RESERVED {
            self.say(line);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until nobody can hear it any more.
    pub async fn unheard(&self) {
        self.lines.closed().await;
    }

    /// Waits for what was said. A terminal that does not take it is left: nothing that is printed later waits for it either.
    pub async fn end(self) {
        drop(self.lines);
        if tokio::time::timeout(LAST_WORDS, self.done).await.is_err() {
            watchdog::detach();
        }
    }
}
