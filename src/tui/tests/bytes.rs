//! What a frame costs on the wire, counted.

use crate::store::view::LiveKind;
use crate::tui::fake::{Desk, World, event, many_overview, wall};
use crate::tui::msg::Msg;
use crate::tui::terminal::screen::{BEGIN, END, Screen};
use crate::tui::view::view;
use ratatui::Terminal;
use ratatui::layout::Size;
use std::io::{self, Write};
use std::sync::Arc;

#[derive(Default)]
struct Counting(Vec<Vec<u8>>);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes.to_vec());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Link {
    desk: Desk,
    terminal: Terminal<Screen<Counting>>,
}

impl Link {
    fn new(width: u16, height: u16) -> Self {
        let mut desk = Desk::new(World::Many, width, height);
        desk.model.theme.ascii = false;
        let screen = Screen::new(Counting::default(), Size::new(width, height));
        Self { desk, terminal: Terminal::new(screen).unwrap() }
    }

    /// Draws and hands over one frame; answers its bytes.
    fn frame(&mut self) -> usize {
        let model = &self.desk.model;
        let mut geometry = model.geometry;
        self.terminal.draw(|frame| geometry = view(model, frame.buffer_mut())).unwrap();
        self.desk.model.geometry = geometry;
        self.terminal.backend_mut().commit().unwrap()
    }

    fn writes(&self) -> &[Vec<u8>] {
        &self.terminal.backend().sink().0
    }
}

#[test]
fn frames_stay_within_their_budgets() {
    for (width, height, budget) in [(80, 24, 6_000), (160, 48, 20_000), (200, 60, 20_000)] {
        for keys in ["1", "2", "2 r", "4"] {
            let mut link = Link::new(width, height);
            link.desk.keys(keys);
            let bytes = link.frame();
            assert!(bytes > 500 && bytes <= budget, "{keys} at {width}x{height}: {bytes} bytes");
            assert_eq!(link.frame(), 0, "the same picture again costs nothing");
            assert_eq!(link.writes().len(), 1);
        }
    }
}

#[test]
fn one_changed_figure_is_a_hundred_bytes_at_most() {
    let mut link = Link::new(80, 24);
    link.frame();
    let mut overview = many_overview();
    overview.numbers[0].last_minute += 1;
    link.desk.send(Msg::Overview(Ok(Arc::new(overview))));
    let bytes = link.frame();
    assert!((1..=100).contains(&bytes), "{bytes} bytes");
}

#[test]
fn every_frame_is_one_write_between_balanced_marks() {
    let mut link = Link::new(80, 24);
    link.frame();
    for keys in ["j", "2", "?", "Esc", "2 r", "j", "G", "4", "k", "Esc", ":", "Esc", "/", "Esc"] {
        let before = link.writes().len();
        link.desk.keys(keys);
        link.frame();
        assert!(link.writes().len() <= before + 1, "{keys}");
    }
    for write in link.writes() {
        let count = |mark: &[u8]| write.windows(mark.len()).filter(|window| *window == mark).count();
        assert_eq!((count(BEGIN), count(END)), (1, 1));
        assert!(write.starts_with(BEGIN) && write.ends_with(END));
    }
}

#[test]
fn the_live_tab_stays_within_its_stream() {
    for (width, height, per_second) in [(80, 24, 8_000), (160, 48, 32_000)] {
        let mut link = Link::new(width, height);
        link.desk.keys("4");
        link.frame();
        let mut bytes = 0;
        for frame in 0..4 {
            let at = wall() + chrono::Duration::milliseconds(250 * (frame + 1));
            let events = (0..25_i64)
                .map(|nth| {
                    let kind = if nth % 9 == 0 { LiveKind::Fail } else { LiveKind::Ok };
                    Arc::new(event(at + chrono::Duration::milliseconds(nth), kind, "support-a"))
                })
                .collect();
            link.desk.elapsed += std::time::Duration::from_millis(250);
            link.desk.send(Msg::Live(events, 0));
            bytes += link.frame();
        }
        assert!(bytes <= per_second, "{bytes} bytes a second at {width}x{height}");
    }
}

#[test]
fn an_idle_second_costs_nothing() {
    let mut link = Link::new(80, 24);
    link.desk = Desk::new(World::One, 80, 24);
    link.frame();
    let before = link.writes().len();
    link.desk.wait(2_000);
    link.frame();
    assert_eq!(link.writes().len(), before);
}

#[test]
fn nothing_asks_the_terminal_anything() {
    let mut link = Link::new(80, 24);
    link.frame();
    link.terminal.backend_mut().set_size(Size::new(60, 20));
    link.frame();
    let bytes = link.writes().concat();
    for question in [&b"\x1b[6n"[..], b"\x1b[c", b"\x1b]10;?", b"\x1b]11;?", b"\x1b[?u"] {
        assert!(!bytes.windows(question.len()).any(|window| window == question));
    }
}
