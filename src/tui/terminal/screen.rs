//! One write per frame.
//!
//! ratatui writes in pieces and flushes in the middle of a frame; over SSH each piece can become a packet and a
//! half-drawn screen. [`Screen`] collects a frame and hands it over at once, between the marks of a synchronised
//! update. A frame that changes nothing writes nothing.

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// Begin of a synchronised update; terminals that do not know it ignore it.
pub const BEGIN: &[u8] = b"\x1b[?2026h";
/// End of a synchronised update.
pub const END: &[u8] = b"\x1b[?2026l";

/// The bytes of the frame being drawn. Ignores `flush`: that is its purpose.
#[derive(Debug, Clone, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output without the buffer that the standard library puts before it.
#[derive(Debug)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_some(rustix::stdio::stdout(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all of it, without a buffer or lock of the standard library.
///
/// # Errors
/// When the other end is gone.
pub fn write_to(file: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write_some(file, bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

fn write_some(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(file, bytes) {
            Ok(written) => return Ok(written),
            Err(rustix::io::Errno::INTR) => {}
            // Another program that shares the terminal may have made it non-blocking.
            Err(rustix::io::Errno::AGAIN) => wait_until_writable(file)?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn wait_until_writable(file: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(&file, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What the drawing library draws on: bytes collected, handed to `sink` in one write by [`Screen::commit`].
pub struct Screen<S> {
    drawn: CrosstermBackend<FrameBytes>,
    bytes: FrameBytes,
    size: Size,
    cursor: Position,
    cursor_hidden: bool,
    sink: S,
}

impl<S: Write> Screen<S> {
    /// A screen of this size over `sink`.
    pub fn new(sink: S, size: Size) -> Self {
        let bytes = FrameBytes::default();
        Self {
            drawn: CrosstermBackend::new(bytes.clone()),
            bytes,
            size,
            cursor: Position::ORIGIN,
            // The guard hides it on entry.
            cursor_hidden: true,
            sink,
        }
    }

    /// The size that the next frame is drawn for.
    pub fn set_size(&mut self, size: Size) {
        self.size = size;
    }

    /// Adds bytes that are no picture (title, clipboard) to the next write.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.0.borrow_mut().extend_from_slice(bytes);
    }

    /// Writes what was drawn, at once; answers how many bytes that were, marks included. Nothing drawn: no write.
    ///
    /// # Errors
    /// When the terminal is gone. The end mark is tried even then, so that a terminal that is merely unwell does not
    /// stay frozen.
    pub fn commit(&mut self) -> io::Result<usize> {
        let mut frame = self.bytes.0.borrow_mut();
        if frame.is_empty() {
            return Ok(0);
        }
        let mut whole = Vec::with_capacity(frame.len() + BEGIN.len() + END.len());
        whole.extend_from_slice(BEGIN);
        whole.append(&mut frame);
        whole.extend_from_slice(END);
        let written = self.sink.write_all(&whole).and_then(|()| self.sink.flush());
        if let Err(error) = written {
            let _ = self.sink.write_all(END);
            return Err(error);
        }
        Ok(whole.len())
    }

    /// What is written to.
    pub fn sink(&self) -> &S {
        &self.sink
    }
}

impl<S: Write> Backend for Screen<S> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.drawn.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_hidden {
            return Ok(());
        }
        self.cursor_hidden = true;
        self.drawn.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if !self.cursor_hidden {
            return Ok(());
        }
        self.cursor_hidden = false;
        self.drawn.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // The terminal is never asked: without an answer that blocks for two seconds.
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.drawn.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.drawn.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.drawn.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal's size now; 80 by 24 if it cannot tell, which serial lines and some scripts say as 0 by 0.
pub fn terminal_size() -> Size {
    match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
        _ => Size::new(80, 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;

    /// Counts writes and can be told to fail.
    #[derive(Default)]
    struct Counting {
        writes: Vec<Vec<u8>>,
        broken: bool,
    }

    impl Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.broken && bytes != END {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.writes.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn terminal() -> Terminal<Screen<Counting>> {
        Terminal::new(Screen::new(Counting::default(), Size::new(20, 3))).unwrap()
    }

    fn draw(terminal: &mut Terminal<Screen<Counting>>, text: &str) -> io::Result<usize> {
        terminal.draw(|frame| {
            frame.buffer_mut().set_string(0, 0, text, ratatui::style::Style::new());
        })?;
        terminal.backend_mut().commit()
    }

    #[test]
    fn a_frame_is_one_write_between_marks() {
        let mut terminal = terminal();
        draw(&mut terminal, "one").unwrap();
        draw(&mut terminal, "two").unwrap();
        let writes = &terminal.backend().sink().writes;
        assert_eq!(writes.len(), 2);
        for write in writes {
            assert!(write.starts_with(BEGIN) && write.ends_with(END));
        }
    }

    #[test]
    fn a_frame_that_changes_nothing_writes_nothing() {
        let mut terminal = terminal();
        assert!(draw(&mut terminal, "same").unwrap() > 0);
        assert_eq!(draw(&mut terminal, "same").unwrap(), 0);
        assert_eq!(terminal.backend().sink().writes.len(), 1);
    }

    #[test]
    fn the_end_mark_is_sent_even_when_the_frame_fails() {
        let mut terminal = terminal();
        terminal.backend_mut().sink.broken = true;
        assert!(draw(&mut terminal, "lost").is_err());
        assert_eq!(terminal.backend().sink().writes, vec![END.to_vec()]);
    }

    #[test]
    fn a_new_size_clears_without_asking_the_terminal() {
        let mut terminal = terminal();
        draw(&mut terminal, "one").unwrap();
        terminal.backend_mut().set_size(Size::new(10, 2));
        draw(&mut terminal, "one").unwrap();
        let bytes = terminal.backend().sink().writes.concat();
        assert!(!bytes.windows(4).any(|window| window == b"\x1b[6n"), "asked for the cursor's position");
        assert_eq!(terminal.backend().sink().writes.len(), 2);
    }
}
