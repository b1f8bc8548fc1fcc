//! The real program in a pseudo-terminal: keys go in, a terminal emulator shows what an operator would see, and every
//! byte is kept.

use crate::world::{World, until};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
};
use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Columns and rows.
pub const SMALL: (u16, u16) = (80, 24);
pub const LARGE: (u16, u16) = (160, 48);

/// How long a screen may take to show something: the machine may be busy with everything else.
const WITHIN: Duration = Duration::from_secs(20);

/// Flags of termios that a shell's terminal has and raw mode takes away: ISIG, ICANON, ECHO.
const COOKED: u32 = 0o1 | 0o2 | 0o10;

/// Begins and ends the alternate screen.
pub const ENTER: &[u8] = b"\x1b[?1049h";
pub const LEAVE: &[u8] = b"\x1b[?1049l";

/// What the terminal has shown.
struct Seen {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

/// A program in a terminal. Killed when dropped.
pub struct Console {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    deaf: Arc<AtomicBool>,
    /// Nobody reads for now; what is written stays in the terminal's buffer.
    stalled: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    /// Local data: the log and the spool.
    pub data: tempfile::TempDir,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub code: u32,
    pub took: Duration,
    /// What stands on the ordinary screen, as the operator finds it.
    pub text: String,
}

/// What is run, besides the program: sizes, arguments, environment.
pub struct Start<'a> {
    pub arguments: &'a [&'a str],
    pub size: (u16, u16),
    pub environment: Vec<(&'a str, String)>,
    /// Another program that runs ours.
    pub shell: bool,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { arguments: &[], size: SMALL, environment: Vec::new(), shell: false }
    }
}

impl<'a> Start<'a> {
    pub fn sized(size: (u16, u16)) -> Self {
        Self { size, ..Self::default() }
    }

    pub fn with(arguments: &'a [&'a str]) -> Self {
        Self { arguments, ..Self::default() }
    }

    pub fn env(mut self, name: &'a str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }
}

/// What the program is told of a world, with local data in this folder.
pub fn environment(world: &World, data: &Path) -> Vec<(&'static str, String)> {
    let base = world.simulator.base_url();
    vec![
        ("DATABASE_URL", world.cluster.url(&world.name)),
        ("ENCRYPTION_KEY", world.key_text.clone()),
        ("META_BASE_URL", base.clone()),
        ("ULTRAMSG_BASE_URL", base.clone()),
        ("TWILIO_BASE_URL", base),
        ("SIGNALBOX_DATA_DIR", data.display().to_string()),
    ]
}

/// What every program gets, whatever it runs on.
fn plain(builder: &mut CommandBuilder) {
    builder.env_clear();
    for name in ["PATH", "HOME", "USER", "TMPDIR", "SIGNALBOX_LOG"] {
        if let Some(value) = std::env::var_os(name) {
            builder.env(name, value);
        }
    }
    builder.env("TERM", "xterm-256color");
    builder.env("LANG", "C.UTF-8");
    builder.cwd(std::env::temp_dir());
}

impl World {
    /// The console on this world.
    pub fn console(&self, start: Start<'_>) -> Console {
        let data = tempfile::tempdir().unwrap();
        let mut all = environment(self, data.path());
        all.extend(start.environment.iter().cloned());
        Console::open(&start, &all, data)
    }
}

impl Console {
    /// The program with nothing but this environment.
    pub fn open(start: &Start<'_>, environment: &[(&str, String)], data: tempfile::TempDir) -> Self {
        let (columns, rows) = start.size;
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut builder = if start.shell {
            let mut builder = CommandBuilder::new("bash");
            builder.args(["--norc", "--noprofile", "--noediting", "-i"]);
            builder
        } else {
            CommandBuilder::new(env!("CARGO_BIN_EXE_signalbox"))
        };
        builder.args(start.arguments);
        plain(&mut builder);
        for (name, value) in environment {
            builder.env(name, value);
        }
        let child = pair.slave.spawn_command(builder).unwrap();
        // Ours would keep the terminal open after the program has ended.
        drop(pair.slave);
        let terminal =
            vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap(), 500);
        let seen = Arc::new(Mutex::new(Seen { terminal, bytes: Vec::new(), ended: false }));
        let deaf = Arc::new(AtomicBool::new(false));
        let reader = pair.master.try_clone_reader().unwrap();
        let stalled = Arc::new(AtomicBool::new(false));
        let (seen_too, deaf_too, stalled_too) = (Arc::clone(&seen), Arc::clone(&deaf), Arc::clone(&stalled));
        let reader = std::thread::spawn(move || read(reader, &seen_too, &deaf_too, &stalled_too));
        let keys = pair.master.take_writer().unwrap();
        let (master, reader) = (Some(pair.master), Some(reader));
        Self { master, keys: Some(keys), child, seen, deaf, stalled, reader, data }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Types these keys.
    pub fn keys(&mut self, keys: &str) {
        let terminal = self.keys.as_mut().expect("the terminal is there");
        terminal.write_all(keys.as_bytes()).unwrap();
        terminal.flush().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap(), signal).unwrap();
    }

    /// The lines on the screen.
    pub fn lines(&self) -> Vec<String> {
        let seen = self.seen();
        let screen = seen.terminal.screen();
        screen.rows(0, screen.size().1.get()).map(|line| line.trim_end().to_owned()).collect()
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Every byte that was ever written to the terminal.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Waits until the screen is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let limit = Instant::now() + WITHIN;
        loop {
            let text = self.text();
            if wanted(&text) {
                return;
            }
            assert!(!self.seen().ended, "it ended before: {what}\n{text}");
            assert!(Instant::now() < limit, "not within {WITHIN:?}: {what}\n{text}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the screen shows this.
    pub async fn shows(&self, word: &str) {
        self.until(&format!("{word:?} is on screen"), |text| text.contains(word)).await;
    }

    /// Waits until one line shows all of these.
    pub async fn shows_line(&self, words: &[&str]) {
        self.until(&format!("one line shows {words:?}"), |text| {
            text.lines().any(|line| words.iter().all(|word| line.contains(word)))
        })
        .await;
    }

    /// Waits until the screen no longer shows this.
    pub async fn hides(&self, word: &str) {
        self.until(&format!("{word:?} is gone"), |text| !text.contains(word)).await;
    }

    /// Presses Escape and waits until this is gone: with another key right behind it, it would be Alt with that key.
    pub async fn escape(&mut self, word: &str) {
        self.keys("\x1b");
        self.hides(word).await;
    }

    /// Answers the question that is open with this key. For its first 300 ms it ignores keys, so that keys typed ahead
    /// do not answer it.
    pub async fn answer(&mut self, question: &str, key: &str) {
        self.shows(question).await;
        tokio::time::sleep(Duration::from_millis(320)).await;
        self.keys(key);
    }

    /// Says yes to the question that is open, and waits until it is gone.
    pub async fn yes(&mut self, question: &str) {
        self.answer(question, "y").await;
        self.hides(question).await;
    }

    /// Changes the terminal's size.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.seen()
            .terminal
            .screen_mut()
            .set_size(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Whether the terminal is in raw mode: no signals from keys, no lines, no echo.
    pub fn is_raw(&self) -> bool {
        let modes = self.master.as_ref().unwrap().get_termios().unwrap();
        modes.local_flags.bits() & COOKED == 0
    }

    /// Whether the program has the terminal: raw, alternate screen, no cursor, pasting in brackets.
    pub fn has_terminal(&self) -> bool {
        let raw = self.is_raw();
        let seen = self.seen();
        let screen = seen.terminal.screen();
        raw && screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste()
    }

    /// Whether the terminal reports wheel and clicks, in figures.
    pub fn reports_mouse(&self) -> bool {
        let seen = self.seen();
        let screen = seen.terminal.screen();
        screen.mouse_protocol_mode() == vt100::MouseProtocolMode::PressRelease
            && screen.mouse_protocol_encoding() == vt100::MouseProtocolEncoding::Sgr
    }

    /// Clicks, columns and rows counted from 1.
    pub fn click(&mut self, column: u16, row: u16) {
        self.keys(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// Asserts that the terminal is as a shell expects it.
    #[track_caller]
    pub fn assert_given_back(&self) {
        let modes = self.master.as_ref().unwrap().get_termios().unwrap();
        assert_eq!(modes.local_flags.bits() & COOKED, COOKED, "still in raw mode: {modes:?}");
        let seen = self.seen();
        let screen = seen.terminal.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "pasting is still bracketed");
        assert!(!screen.application_cursor() && !screen.application_keypad(), "keys are still changed");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let (enters, leaves) = (count(&seen.bytes, ENTER), count(&seen.bytes, LEAVE));
        assert_eq!(enters, leaves, "taken {enters} times, given back {leaves} times");
    }

    /// What was written after the alternate screen was left for good.
    pub fn after_leaving(&self) -> String {
        let bytes = self.bytes();
        let at = bytes.windows(LEAVE.len()).rposition(|window| window == LEAVE).expect("it was left");
        String::from_utf8_lossy(&bytes[at + LEAVE.len()..]).into_owned()
    }

    /// Waits for the program's end; answers its code and how long it took.
    pub async fn exits(&mut self, within: Duration) -> (u32, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.exit_code(), began.elapsed());
            }
            assert!(began.elapsed() < within, "not ended within {within:?}\n{}", self.text());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the program's end, and for all that it has written.
    pub async fn ends(&mut self, within: Duration) -> End {
        let (code, took) = self.exits(within).await;
        if self.master.is_some() {
            let seen = Arc::clone(&self.seen);
            until("everything is read", 10, async || seen.lock().unwrap().ended).await;
        }
        End { code, took, text: self.text() }
    }

    /// Leaves, as an operator does while it sends, and asserts that all is well.
    pub async fn quit(mut self) -> Self {
        self.keys("q");
        self.answer("Quit?", "y").await;
        self.left().await;
        self
    }

    /// Leaves a console whose sender has nothing to do. What it last said of itself may be a second old, so that it may
    /// ask all the same.
    pub async fn leave(&mut self) {
        self.keys("q");
        let limit = Instant::now() + WITHIN;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < limit, "it does not end\n{}", self.text());
            if self.text().contains("Quit?") {
                self.answer("Quit?", "y").await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.left().await;
    }

    /// Asserts that it ends well.
    pub async fn left(&mut self) -> End {
        let end = self.ends(WITHIN).await;
        assert_eq!(end.code, 0, "{end:?}");
        self.assert_given_back();
        end
    }

    /// The terminal is gone, as when an SSH connection dies: nobody reads any more, then both ends are closed.
    pub fn lose(&mut self) {
        self.deaf.store(true, Ordering::SeqCst);
        // The reader looks up with the next frame, which Ctrl-l asks for.
        self.keys("\x0c");
        self.reader.take().unwrap().join().unwrap();
        self.keys = None;
        self.master = None;
    }

    /// The terminal stops reading and stays open, as behind a link that hangs. Comes back when the drawing thread is stuck in
    /// a write.
    pub async fn stall(&mut self) {
        self.stalled.store(true, Ordering::SeqCst);
        let limit = Instant::now() + WITHIN;
        let mut stuck = 0;
        while stuck < 10 {
            assert!(Instant::now() < limit, "it still draws");
            if self.is_writing() {
                stuck += 1;
            } else {
                stuck = 0;
                // A whole picture each.
                self.keys("\x0c");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The terminal stops reading when its buffer is full to the last byte, whoever wrote to it.
    pub fn fill(&mut self) {
        self.stalled.store(true, Ordering::SeqCst);
        let terminal = format!("/proc/{}/fd/2", self.pid());
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let terminal = rustix::fs::open(terminal, flags, Mode::empty()).unwrap();
        // The reader takes one more bite before it looks up.
        for _ in 0..2 {
            for chunk in [1_000, 1] {
                while rustix::io::write(&terminal, &b".".repeat(chunk)).is_ok() {}
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether the drawing thread is in a write to its terminal.
    fn is_writing(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        threads.filter_map(Result::ok).any(|thread| {
            let about = |file: &str| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            // The number of the call, which every kind of processor has its own, then its arguments.
            about("comm").trim() == "ui" && about("syscall").split_whitespace().nth(1) == Some("0x1")
        })
    }

    /// The terminal reads again.
    pub fn read_again(&self) {
        self.stalled.store(false, Ordering::SeqCst);
    }

    /// The program's log.
    pub fn log(&self) -> String {
        let folder = self.data.path().join("log");
        let files = std::fs::read_dir(folder).into_iter().flatten();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    /// Files of outcomes that wait for the database.
    pub fn spooled(&self) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.data.path().join("spool")).into_iter().flatten();
        folder
            .map(|file| file.unwrap().path())
            .filter(|path| std::fs::metadata(path).is_ok_and(|file| file.len() > 0))
            .collect()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}

/// How much of this is whole characters, or no characters at all: only one that is still to be continued is left.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut whole = 0;
    loop {
        match std::str::from_utf8(&bytes[whole..]) {
            Ok(rest) => return whole + rest.len(),
            Err(error) => {
                whole += error.valid_up_to();
                match error.error_len() {
                    Some(length) => whole += length,
                    None => return whole,
                }
            }
        }
    }
}

/// Takes in what the program writes, until its end or until nobody listens any more.
fn read(mut from: Box<dyn Read + Send>, seen: &Mutex<Seen>, deaf: &AtomicBool, stalled: &AtomicBool) {
    let mut chunk = [0; 16 * 1024];
    let mut shown = 0;
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        if deaf.load(Ordering::SeqCst) {
            return;
        }
        let mut seen = seen.lock().unwrap();
        seen.bytes.extend_from_slice(&chunk[..length]);
        // Whole characters only, and the emulator takes a replacement character for no character at all.
        let fresh = &seen.bytes[shown..];
        let whole = whole_characters(fresh);
        let text = String::from_utf8_lossy(&fresh[..whole]).replace('\u{fffd}', "?");
        shown += whole;
        seen.terminal.process(text.as_bytes());
        drop(seen);
        while stalled.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    seen.lock().unwrap().ended = true;
}
