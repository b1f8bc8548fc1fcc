//! The terminal: taken once, written to in whole frames, given back by every path.
//!
//! Only the thread named [`UI_THREAD`] writes to the terminal while the console is on; see
//! `reference/tui-practice.md`, section 6, for what each of these parts prevents.

pub mod clipboard;
pub mod guard;
pub mod panic;
pub mod screen;
pub mod signals;
pub mod suspend;
pub mod voice;
pub mod watchdog;

use std::io::IsTerminal as _;

/// The thread that draws. Its panics restore the terminal; those of others are recorded only.
pub const UI_THREAD: &str = "ui";

/// Why the console cannot be shown here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Input comes from a file or a pipe.
    #[error(
        "the console needs a terminal to read keys from, and standard input is none; signalbox --plain reads lines instead, and scripts use the commands (signalbox --help)"
    )]
    Input,
    /// Output goes to a file or a pipe.
    #[error(
        "the console needs a terminal to draw on, and standard output is none; signalbox --plain writes lines instead, and scripts use the commands (signalbox --help)"
    )]
    Output,
    /// The terminal says that it can do nothing.
    #[error(
        "the console needs a terminal that can move its cursor, and TERM is \"dumb\"; signalbox --plain writes lines instead (signalbox --help)"
    )]
    Dumb,
}

/// Whether the console can be shown here.
///
/// # Errors
/// Why not, as one sentence.
pub fn check() -> Result<(), Unusable> {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Unusable::Dumb);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Unusable::Input);
    }
    if !std::io::stdout().is_terminal() {
        return Err(Unusable::Output);
    }
    Ok(())
}
