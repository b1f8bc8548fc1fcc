//! The threads: one cuts the file into blocks, a few clean them, and the chunks come out in the file's order.
//!
//! Every queue is short, so a slow database slows the reading down instead of filling the memory.

use super::{
    Cause, Chunk, ImportError, Options, Rejected,
    header::{Layout, judge_beginning, judge_header, separator_of},
    phone::Phones,
    rows::Cleaner,
    split::{Part, Splitter},
};
use std::{
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// How many blocks may be on their way beyond those being cleaned.
const AHEAD: usize = 2;

type Answer = Result<Chunk, ImportError>;

/// A block and where its chunk is expected.
struct Work {
    bytes: Vec<u8>,
    line: u64,
    answer: SyncSender<Answer>,
}

/// Reads one CSV file.
pub struct Reader {
    /// One receiver for each block, in order.
    coming: Receiver<Receiver<Answer>>,
    lines: u64,
    ended: bool,
    columns: usize,
}

impl Reader {
    /// Reads the header of `input` and starts reading the rest.
    ///
    /// # Errors
    /// When the header is not one, the encoding is another, or the default country has no calling code.
    pub fn new(input: impl Read + Send + 'static, options: &Options) -> Result<Self, ImportError> {
        let mut splitter = Splitter::new(input);
        let mark = judge_beginning(splitter.peek()?)?;
        splitter.skip(mark);
        let separator = separator_of(splitter.peek()?);
        splitter.separate_by(separator);
        let header = splitter.take_header()?.ok_or(ImportError::Empty)?;
        let layout = Layout::read(judge_header(&header)?, separator)?;
        let columns = layout.columns;
        let phones = Phones::new(options.default_country.as_deref())?;
        let cleaner = Cleaner::new(layout, phones, options);

        let threads = options.threads.max(1);
        let (to_cleaners, work) = sync_channel::<Work>(AHEAD);
        let (to_caller, coming) = sync_channel::<Receiver<Answer>>(threads + AHEAD);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..threads {
            let (cleaner, work) = (cleaner.clone(), Arc::clone(&work));
            start("import-clean", move || clean_all(cleaner, &work))?;
        }
        start("import-read", move || split_all(splitter, &to_cleaners, &to_caller))?;
        Ok(Self { coming, lines: 0, ended: false, columns })
    }

    /// How many columns the file has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The next part of the file; `None` at its end. Waits for the file: not to be called where waiting is forbidden.
    ///
    /// # Errors
    /// When the file turns out to be unreadable. Nothing of it may be kept then, and nothing more comes.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ImportError> {
        if self.ended {
            return Ok(None);
        }
        let answer = match self.coming.recv() {
            Ok(expected) => expected.recv().unwrap_or(Err(ImportError::Stopped)).map(Some),
            Err(_all_sent) if self.lines == 0 => Err(ImportError::HeaderOnly),
            Err(_all_sent) => Ok(None),
        };
        match &answer {
            Ok(Some(chunk)) => self.lines += chunk.lines,
            Ok(None) | Err(_) => self.ended = true,
        }
        answer
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ImportError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(|_detached| ())
        .map_err(|source| ImportError::Read { line: 1, source })
}

/// Cuts the file until it ends, fails, or nobody listens any more.
fn split_all<R: Read>(
    mut splitter: Splitter<R>,
    to_cleaners: &SyncSender<Work>,
    to_caller: &SyncSender<Receiver<Answer>>,
) {
    loop {
        let (answer, expected) = sync_channel(1);
        let part = splitter.next_part();
        if matches!(part, Ok(None)) || to_caller.send(expected).is_err() {
            return;
        }
        // Nobody listening is no failure: the caller gave up.
        match part {
            Ok(Some(Part::Records { bytes, line })) => {
                if to_cleaners.send(Work { bytes, line, answer }).is_err() {
                    return;
                }
            }
            Ok(Some(Part::TooLong { beginning, line })) => {
                let raw = String::from_utf8_lossy(&beginning).into_owned();
                let rejected = vec![Rejected { line, cause: Cause::TooLong, raw }];
                let _ = answer.send(Ok(Chunk { rejected, lines: 1, ..Chunk::default() }));
            }
            Ok(None) => return,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        }
    }
}

fn clean_all(mut cleaner: Cleaner, work: &Mutex<Receiver<Work>>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { bytes, line, answer }) = next else { return };
        let _ = answer.send(cleaner.clean(&bytes, line));
    }
}
