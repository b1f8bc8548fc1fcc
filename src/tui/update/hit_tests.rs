//! `n` and `N`: the hits of a filter.

use crate::tui::fake::*;
use crate::tui::overlays::Overlay;

fn filtered(tab: &str, filter: &str) -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys(tab);
    desk.keys("/");
    desk.text(filter);
    desk.keys("Enter");
    desk.wait(300);
    desk
}

#[test]
fn hits_of_recipients_are_walked_through_and_the_ends_are_told() {
    let mut desk = filtered("2 r", "status:failed");
    assert_eq!(desk.model.recipients.list.cursor(), 0);
    desk.keys("n n");
    assert_eq!(desk.model.recipients.list.cursor(), 2);
    desk.keys("N N");
    assert_eq!(desk.model.recipients.list.cursor(), 0);
    assert!(desk.model.toasts.is_empty(), "{:?}", desk.model.toasts);
    desk.keys("N");
    assert!(desk.screen().contains("that was the first hit"), "{}", desk.screen());
    desk.keys("G n");
    assert!(desk.screen().contains("that was the last hit"), "{}", desk.screen());
}

#[test]
fn hits_of_the_log_freeze_it_and_are_walked_through() {
    let mut desk = filtered("4", "status:fail");
    desk.keys("n");
    assert!(desk.model.live.follows(), "nothing comes after the newest");
    desk.keys("N N");
    assert!(!desk.model.live.follows());
    let second = desk.model.live.current().unwrap().clone();
    assert_eq!(second.kind, crate::store::view::LiveKind::Fail);
    desk.keys("N n");
    assert_eq!(desk.model.live.current().unwrap(), &second);
}

#[test]
fn without_a_filter_there_are_no_hits() {
    for tab in ["2 r", "4"] {
        let mut desk = Desk::new(World::Many, 80, 24);
        desk.keys(tab);
        desk.keys("n");
        assert!(desk.screen().contains("next hit: no filter is on: / sets one"), "{}", desk.screen());
    }
    let mut desk = filtered("2 r", "status:failed");
    desk.keys("Esc n");
    assert!(desk.screen().contains("no filter is on"), "{}", desk.screen());
}

#[test]
fn where_n_is_a_verb_it_stays_one() {
    let mut desk = filtered("1", "support");
    desk.keys("n");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Form(_))), "a new number");
    let mut desk = filtered("2", "spring");
    desk.keys("n");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Wizard(_))), "a new campaign");
}

#[test]
fn help_and_palette_know_the_hits() {
    let mut desk = filtered("2 r", "status:failed");
    desk.keys("?");
    desk.text("hit of");
    let screen = desk.screen();
    assert!(
        screen.contains("next hit of the filter") && screen.contains("previous hit of the filter"),
        "{screen}"
    );
    desk.keys("Esc :");
    desk.text("next hit");
    desk.keys("Enter");
    assert_eq!(desk.model.recipients.list.cursor(), 1);
}
