//! Taking the terminal and giving it back: each exactly once, whoever calls.

use super::screen::Stdout;
use super::watchdog;
use rustix::termios::{Action, QueueSelector, tcflow, tcflush};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

static TAKEN: AtomicBool = AtomicBool::new(false);
/// The terminal has all that gives it back, even if nobody has read it yet.
static LEFT: AtomicBool = AtomicBool::new(false);
/// The operator wants the mouse, whenever the terminal is ours.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The title is kept for later, once: a second time would keep our own.
const KEEP_TITLE: &[u8] = b"\x1b[22;0t";
/// Alternate screen, bracketed paste, no cursor. No question is put to the terminal: over a slow link its answer would
/// arrive late and turn up as typed characters at the shell.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";

/// Wheel and clicks are reported, in figures and not in letters; no movements.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// End of a synchronised update that a fault may have left open, paste and mouse off, colours reset, title back,
/// cursor shown, alternate screen left.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[0m\x1b[23;0t\x1b[?25h\x1b[?1049l";

/// The terminal is ours while this lives.
#[derive(Debug)]
pub struct Guard(());

/// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor.
///
/// # Errors
/// When the terminal refuses raw mode or cannot be written to; it is as before then.
pub fn take() -> io::Result<Guard> {
    let guard = Guard(());
    retake()?;
    Ok(guard)
}

/// The same after a stop by job control, or when another program may have changed the terminal behind our back.
///
/// # Errors
/// When the terminal refuses.
pub fn retake() -> io::Result<()> {
    let was_ours = TAKEN.swap(true, Ordering::SeqCst);
    LEFT.store(false, Ordering::SeqCst);
    crossterm::terminal::enable_raw_mode()?;
    let title = if was_ours { b"".as_slice() } else { KEEP_TITLE };
    let mouse = if MOUSE.load(Ordering::SeqCst) { MOUSE_ON } else { b"" };
    Stdout.write_all(&[title, ENTER, mouse].concat())
}

/// What switches the mouse on or off; whoever draws writes it. Giving the terminal back switches it off in any case.
pub fn mouse(on: bool) -> &'static [u8] {
    MOUSE.store(on, Ordering::SeqCst);
    if on { MOUSE_ON } else { MOUSE_OFF }
}

/// Gives the terminal back. A second call does nothing; a terminal that is gone is no reason to complain.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = Stdout.write_all(LEAVE);
        LEFT.store(true, Ordering::SeqCst);
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Throws away what the terminal has not taken yet, and lets the drawing thread go on that waits in a write for room: it
/// leaves the screen then, and whoever reads the terminal later finds it left. Once it has, nothing is thrown away.
pub fn throw_away_unread() {
    if LEFT.load(Ordering::SeqCst) {
        return;
    }
    let stdout = rustix::stdio::stdout();
    let _ = tcflush(stdout, QueueSelector::OFlush);
    // That makes room and wakes nobody; holding the output and letting it go does.
    let _ = tcflow(stdout, Action::OOff);
    let _ = tcflow(stdout, Action::OOn);
}

/// Leaves the drawing thread behind, which is stuck in a write that nobody reads. The terminal's mode is put back, which
/// takes no write, and nothing else of this program ever waits for that terminal.
pub fn abandon() {
    if is_taken() {
        let _ = crossterm::terminal::disable_raw_mode();
    }
    watchdog::detach();
}

/// Whether the terminal is ours now.
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}
