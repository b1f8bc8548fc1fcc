//! The sender inside this process: which one this console stands for.

use crate::tui::backend::Inside;
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg};
use crate::tui::overlays::Overlay;

fn here(screen: &str) -> Vec<&str> {
    screen.lines().filter(|line| line.contains("(here)")).collect()
}

#[test]
fn the_console_stands_for_the_sender_that_replaced_its_own() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("I");
    let screen = desk.screen();
    assert!(matches!(here(&screen)[..], [line] if line.contains("host-a")), "{screen}");
    desk.keys("Esc");
    desk.send(Msg::Inside(Inside::Failed(instance_id(1), "dispatcher".into())));
    assert!(desk.screen().contains("the sender here failed: dispatcher"), "{}", desk.screen());
    assert_eq!(desk.model.session.instance, Some(instance_id(1)), "it finishes what it began");
    desk.send(Msg::Inside(Inside::Sends(instance_id(2))));
    assert!(desk.screen().contains("another sender runs here now"), "{}", desk.screen());
    assert!(matches!(desk.effects.last(), Some(Effect::Refresh)), "{:?}", desk.effects);
    desk.keys("I");
    let screen = desk.screen();
    assert!(matches!(here(&screen)[..], [line] if line.contains("host-b")), "{screen}");
    desk.keys("Esc !");
    let screen = desk.screen();
    assert!(matches!(here(&screen)[..], [line] if line.contains("host-b")), "{screen}");
    desk.keys("Esc q");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Quit(_))));
    assert!(desk.screen().contains("This process sends: 4 in the air now."), "{}", desk.screen());
}

#[test]
fn a_process_that_cannot_have_a_sender_says_so_and_does_not_pass_for_one_that_only_watches() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.send(Msg::Inside(Inside::Missing("the key does not fit".into())));
    let screen = desk.screen();
    assert!(screen.contains("NO SENDER") && !screen.contains("WATCH"), "{screen}");
    assert!(desk.model.toasts.last().unwrap().text.ends_with("the key does not fit"), "{screen}");
    assert!(!desk.model.sends_here());
    desk.send(Msg::Inside(Inside::Sends(instance_id(2))));
    assert!(!desk.screen().contains("NO SENDER"), "{}", desk.screen());
    assert!(desk.model.sends_here());
}
