//! The form with a campaign's terms.

use crate::domain::action::Action;
use crate::tui::fake::*;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

#[test]
fn the_terms_of_a_campaign_are_edited_and_a_raise_is_typed() {
    let mut desk = many();
    desk.keys("2 e");
    assert!(desk.screen().contains("Edit campaign"), "{}", desk.screen());
    desk.keys("Tab Tab Backspace ctrl-s");
    let Action::SetTerms { daily_limit, priority, weight, .. } = desk.orders()[0].action else {
        panic!("another order")
    };
    assert_eq!((daily_limit, priority, weight), (Some(500), 10, 1), "lowering needs no question");
    let mut desk = many();
    desk.keys("2 e Tab Tab");
    desk.text("0");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("Raise limits?"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
    let mut desk = many();
    desk.keys("2 e Tab Backspace ctrl-s");
    assert!(desk.orders().is_empty());
    assert!(desk.screen().contains("a whole number from 1 to 1 000"), "{}", desk.screen());
}
