//! The mouse: off until it is asked for, scrolls and selects, never acts.

use crate::tui::fake::*;
use crate::tui::model::Tab;
use crate::tui::msg::{Effect, Msg};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

fn mouse(desk: &mut Desk, kind: MouseEventKind, column: u16, row: u16) {
    desk.send(Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    desk.draw();
}

fn click(desk: &mut Desk, column: u16, row: u16) {
    mouse(desk, MouseEventKind::Down(MouseButton::Left), column, row);
    mouse(desk, MouseEventKind::Up(MouseButton::Left), column, row);
}

/// Where this is on the screen.
fn place(desk: &mut Desk, text: &str) -> (u16, u16) {
    let screen = desk.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| Some((line.find(text)?, row)));
    let (column, row) = found.unwrap_or_else(|| panic!("no {text:?}\n{screen}"));
    (u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
}

fn with_mouse() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys(":");
    desk.text("mouse on");
    desk.keys("Enter");
    desk.wait(11_000);
    desk
}

#[test]
fn it_is_off_until_the_palette_switches_it_on() {
    let mut desk = Desk::new(World::Many, 80, 24);
    let (column, row) = place(&mut desk, "2 Campaigns");
    click(&mut desk, column, row);
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 5);
    assert_eq!((desk.model.tab, desk.model.numbers.cursor()), (Tab::Numbers, 0));
    desk.keys(":");
    desk.text("mouse on");
    desk.keys("Enter");
    assert_eq!(desk.effects.last(), Some(&Effect::Mouse(true)));
    assert!(desk.screen().contains("mouse on: wheel scrolls"), "{}", desk.screen());
    desk.keys(":");
    desk.text("mouse off");
    desk.keys("Enter");
    assert_eq!(desk.effects.last(), Some(&Effect::Mouse(false)));
    click(&mut desk, column, row);
    assert_eq!(desk.model.tab, Tab::Numbers);
}

#[test]
fn a_click_on_a_title_opens_the_tab_and_one_on_a_row_selects_it() {
    let mut desk = with_mouse();
    for (title, tab) in [
        ("2 Campaigns", Tab::Campaigns),
        ("4 Live", Tab::Live),
        ("5 Replies", Tab::Replies),
        ("3 Recip", Tab::Recipients),
        ("1 Numbers", Tab::Numbers),
    ] {
        let (column, row) = place(&mut desk, title);
        click(&mut desk, column, row);
        assert_eq!(desk.model.tab, tab);
    }
    let (column, row) = place(&mut desk, "promo-2");
    click(&mut desk, column, row);
    assert_eq!(desk.model.numbers.current().unwrap().row.name.as_str(), "promo-2");
    // Below the last row and on the borders there is nothing.
    click(&mut desk, 5, 18);
    click(&mut desk, 0, 0);
    click(&mut desk, 79, 23);
    assert_eq!(desk.model.numbers.current().unwrap().row.name.as_str(), "promo-2");
    assert!(desk.orders().is_empty() && desk.model.overlays.is_empty());
}

#[test]
fn the_wheel_scrolls_the_list_under_it_and_what_lies_over_it() {
    let mut desk = with_mouse();
    desk.keys("2 r");
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 5);
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 5);
    mouse(&mut desk, MouseEventKind::ScrollUp, 10, 5);
    assert_eq!(desk.model.recipients.list.cursor(), 3);
    // A click finds the row that is shown there, however far the list is scrolled.
    desk.keys("PgDn PgDn PgDn");
    let first = desk.model.geometry.list_offset;
    assert!(first > 0);
    let top = desk.model.geometry.list.y;
    click(&mut desk, 10, top + 2);
    assert_eq!(desk.model.recipients.list.cursor(), first + 2);
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 23);
    assert_eq!(desk.model.recipients.list.cursor(), first + 2, "the wheel was not over the list");
    desk.keys("Enter");
    let below = desk.model.recipients.list.cursor();
    mouse(&mut desk, MouseEventKind::ScrollDown, 10, 5);
    assert_eq!(desk.model.recipients.list.cursor(), below, "the drawer has the wheel");
}

#[test]
fn the_log_freezes_under_the_wheel_and_under_a_click() {
    let mut desk = with_mouse();
    desk.keys("4");
    mouse(&mut desk, MouseEventKind::ScrollUp, 10, 15);
    assert!(!desk.model.live.follows());
    desk.keys("f");
    assert!(desk.model.live.follows());
    let list = desk.model.geometry.list;
    click(&mut desk, 10, list.y);
    assert!(!desk.model.live.follows());
    let visible = desk.model.live.visible(desk.now().wall, desk.model.session.zone);
    assert_eq!(desk.model.live.cursor_in(&visible), Some(desk.model.geometry.list_offset));
}

#[test]
fn it_answers_no_question() {
    let mut desk = with_mouse();
    desk.keys("2 j j j p");
    desk.wait(400);
    for row in 0..24 {
        for column in (0..80).step_by(4) {
            click(&mut desk, column, row);
        }
    }
    assert_eq!(desk.model.overlays.len(), 1);
    assert!(desk.orders().is_empty());
}
