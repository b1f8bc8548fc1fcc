//! Lines for whoever looks at standard error, from a thread of their own: a terminal that has stopped reading holds up that
//! thread and nothing else.

use crate::tui::terminal::{screen::write_to, watchdog};
use std::{
    sync::mpsc::{SyncSender, sync_channel},
    time::Duration,
};
use tokio::sync::oneshot;

/// Lines that may wait. Nobody misses those that find no room: they only say how far it is.
const WAITING: usize = 8;
/// How long the last line may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Says lines.
pub struct Voice {
    lines: SyncSender<String>,
    done: oneshot::Receiver<()>,
}

impl Voice {
    /// A voice that has said nothing yet.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn new() -> std::io::Result<Self> {
        let (lines, to_say) = sync_channel::<String>(WAITING);
        let (finished, done) = oneshot::channel();
        std::thread::Builder::new().name("voice".into()).spawn(move || {
            for line in to_say {
                // Past the standard library's lock: whoever waits in here must not keep others from it.
                let _ = write_to(rustix::stdio::stderr(), line.as_bytes());
            }
            let _ = finished.send(());
        })?;
        Ok(Self { lines, done })
    }

    /// Says a line, if anybody is there to read it.
    pub fn say(&self, line: &str) {
        let _ = self.lines.try_send(format!("{line}\n"));
    }

    /// Waits for what was said. A terminal that does not take it is left: nothing that is printed later waits for it either.
    pub async fn end(self) {
        drop(self.lines);
        if tokio::time::timeout(LAST_WORDS, self.done).await.is_err() {
            watchdog::detach();
        }
    }
}
