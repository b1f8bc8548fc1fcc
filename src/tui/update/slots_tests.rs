use crate::domain::action::Action;
use crate::tui::fake::*;
use crate::tui::msg::{Consent, Effect};
use crate::tui::overlays::Overlay;

/// The grid of the organisation's slots, with the cursor on the first.
fn desk() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 S");
    desk.wait(200);
    desk.effects.clear();
    desk
}

#[test]
fn the_grid_says_who_has_what_and_what_is_shared_free_or_over() {
    let mut desk = desk();
    let screen = desk.screen();
    assert!(screen.contains("Slots of the organisation"), "{screen}");
    assert!(screen.contains("1-30: 7 held by 9 people, 23 free, 1 shared (*)"), "{screen}");
    assert!(screen.contains("!: 30 days unused"), "{screen}");
    for cell in ["   1 Ana", "   2 -", "   5 *3 Chantal", "   7 +2376*****503", "   9 ! Eve"] {
        assert!(screen.contains(cell), "{cell}: {screen}");
    }
    assert!(screen.contains("Ana (+2376*****500)  used "), "{screen}");
    // Names are shown, phones are masked, everywhere.
    assert!(!screen.contains("+23760000"), "{screen}");
    desk.keys("l l l l");
    desk.wait(200);
    assert!(desk.screen().contains("slot 5: 3 people share it; J K choose one"), "{}", desk.screen());
}

#[test]
fn a_free_slot_is_given_to_the_phone_that_is_typed() {
    let mut desk = desk();
    desk.keys("a");
    assert!(desk.model.overlays.len() == 1, "the first one is held");
    desk.keys("l a");
    desk.text("12x");
    desk.keys("Enter");
    assert!(desk.orders().is_empty());
    let screen = desk.screen();
    assert!(
        screen.contains("!! ") && screen.contains("12x"),
        "the prompt stays with what was typed: {screen}"
    );
    desk.keys("Backspace Backspace Backspace");
    desk.text("+237600000123");
    desk.keys("Enter");
    let orders = desk.orders();
    let Action::SetSlot { campaign: None, phone, slot: Some(2) } = &orders[0].action else {
        panic!("{orders:?}")
    };
    assert_eq!(phone.reveal(), "+237600000123");
}

#[test]
fn a_holder_is_moved_and_a_slot_is_taken_back_after_a_question() {
    let mut desk = desk();
    desk.keys("l l l l");
    desk.wait(200);
    desk.keys("J m");
    desk.text("99999");
    desk.keys("Enter");
    assert!(desk.screen().contains("99999 is no slot: a whole number from 1 to 9999"), "{}", desk.screen());
    desk.keys("ctrl-u");
    desk.text("28");
    desk.keys("Enter");
    let orders = desk.orders();
    let Action::SetSlot { phone, slot: Some(28), .. } = &orders[0].action else { panic!("{orders:?}") };
    assert_eq!(*phone, slot_holders(5)[1].phone, "the second of those who share it");
    desk.done(false);
    desk.wait(200);
    desk.keys("g");
    desk.wait(200);
    desk.keys("x");
    desk.wait(400);
    assert!(desk.orders().is_empty() && desk.screen().contains("Take the slot back?"));
    desk.keys("y");
    let Some(Effect::Act { orders, consent: Consent::Confirmed, .. }) = desk.effects.last() else { panic!() };
    assert!(matches!(&orders[0].action, Action::SetSlot { slot: None, .. }), "{orders:?}");
}

#[test]
fn all_are_taken_back_only_after_their_number_was_typed() {
    let mut desk = desk();
    desk.keys("X");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Lose theirs 6 people"), "{screen}");
    assert!(screen.contains("Keep theirs 3: messages still to be sent show them"), "{screen}");
    desk.text("7");
    desk.keys("Enter");
    assert!(desk.orders().is_empty());
    desk.keys("X");
    desk.wait(400);
    desk.text("6");
    desk.keys("Enter");
    assert_eq!(desk.orders()[0].action, Action::ResetSlots(None));
    let mut desk = Desk::new(World::Empty, 80, 24);
    desk.keys("2 S X");
    assert!(desk.screen().contains("nobody has a slot"), "{}", desk.screen());
}

#[test]
fn slots_of_a_campaign_are_a_scope_of_their_own() {
    let mut desk = desk();
    desk.keys("o");
    desk.wait(200);
    assert!(desk.screen().contains("Slots of campaign spring-vip"), "{}", desk.screen());
    desk.keys("l a");
    desk.text("+237600000123");
    desk.keys("Enter");
    let Action::SetSlot { campaign, .. } = &desk.orders()[0].action else { panic!() };
    assert_eq!(*campaign, Some(campaign_id(2)));
    desk.keys("o");
    desk.wait(200);
    assert!(desk.screen().contains("Slots of the organisation"));
    // From a campaign with slots of its own, its slots.
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 j j j S");
    assert!(desk.screen().contains("Slots of campaign spring-vip"), "{}", desk.screen());
}

#[test]
fn who_may_only_look_sees_the_grid_and_changes_nothing() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.read_only = true;
    desk.keys("2 S");
    desk.wait(200);
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Slots(_))));
    desk.keys("x X m l a");
    assert_eq!(desk.model.overlays.len(), 1);
    assert!(desk.orders().is_empty() && desk.screen().contains("READ-ONLY"));
}
