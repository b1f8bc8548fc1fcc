use crate::domain::action::{Action, Order};
use crate::domain::selection::Strategy;
use crate::tui::fake::*;
use crate::tui::msg::Effect;
use crate::tui::overlays::Overlay;

/// The pools, with the cursor on the first.
fn desk() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("P");
    desk.wait(200);
    desk.effects.clear();
    desk
}

fn only(desk: &Desk) -> Order {
    let orders = desk.orders();
    let [order] = orders.as_slice() else { panic!("{orders:?}") };
    (*order).clone()
}

#[test]
fn the_list_says_who_sends_now_and_to_whom_the_code_leads() {
    let mut desk = desk();
    let screen = desk.screen();
    for words in ["Pools  3", "default", "priority", "3 of 5", "sends, code", "backup", "suspended"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(!screen.contains("+23760000"), "phones are masked: {screen}");
    desk.keys("j");
    let screen = desk.screen();
    assert!(screen.contains("reserve has no numbers, and nobody stands in: nothing is sent"), "{screen}");
    desk.keys("j");
    let screen = desk.screen();
    assert!(screen.contains("2 of 2 in service: all send, by their shares"), "{screen}");
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'), "{screen}");
}

#[test]
fn a_pool_is_made_with_its_numbers() {
    let mut desk = desk();
    desk.keys("n");
    desk.text(" vip");
    desk.keys("ctrl-s");
    // Spaces around a name are nobody's intention.
    let order = only(&desk);
    let Action::AddPool(new) = &order.action else { panic!("{order:?}") };
    assert_eq!((new.name.as_str(), new.strategy, new.sticky), ("vip", Strategy::Priority, true));
    desk.done(false);
    desk.keys("n");
    desk.text("none");
    desk.keys("ctrl-s");
    assert!(desk.orders().is_empty(), "that is no pool's name");
    desk.keys("ctrl-u");
    desk.text("vip");
    desk.keys("Tab Space Tab Space Tab Space Right Space ctrl-s");
    let order = only(&desk);
    let Action::AddPool(new) = &order.action else { panic!("{order:?}") };
    assert_eq!((new.strategy, new.sticky, new.numbers.len()), (Strategy::LeastUsed, false, 2));
}

#[test]
fn only_what_was_edited_is_sent_and_asked_about_where_campaigns_send() {
    let mut desk = desk();
    desk.keys("e ctrl-s");
    assert!(desk.orders().is_empty() && desk.screen().contains("nothing changed"), "{}", desk.screen());
    desk.keys("Tab Space ctrl-s");
    desk.wait(400);
    assert!(desk.orders().is_empty());
    let screen = desk.screen();
    assert!(
        screen.contains("priority -> least_used") && screen.contains("3 campaigns not over yet"),
        "{screen}"
    );
    desk.keys("y");
    let order = only(&desk);
    let Order { action: Action::EditPool { pool, change }, expected, .. } = &order else {
        panic!("{order:?}")
    };
    assert_eq!((*pool, *expected), (pool_id(1), Some(pool_views(9)[0].version)));
    assert_eq!(
        (change.strategy, change.name.as_ref(), change.sticky),
        (Some(Strategy::LeastUsed), None, None)
    );
    assert!(change.put.is_empty() && change.drop.is_empty());
}

#[test]
fn numbers_come_in_get_shares_and_go_out() {
    let mut desk = desk();
    desk.keys("a");
    assert!(desk.screen().contains("all numbers are in it already"), "{}", desk.screen());
    // Nothing sends through the last one: it is done at once.
    desk.keys("G a j Enter");
    let order = only(&desk);
    let Action::EditPool { pool, change } = &order.action else { panic!("{order:?}") };
    assert_eq!((*pool, change.put.as_slice()), (pool_id(2), &[(number_id(4), None)][..]));
    desk.done(false);
    desk.keys("J w");
    desk.text("0");
    desk.keys("Enter");
    assert!(desk.screen().contains("0 is no share: a whole number from 1"), "{}", desk.screen());
    desk.keys("ctrl-u");
    desk.text("7");
    desk.keys("Enter");
    let order = only(&desk);
    let Action::EditPool { change, .. } = &order.action else { panic!("{order:?}") };
    assert_eq!(change.put, [(number_id(2), Some(7))]);
    desk.done(false);
    desk.keys("x");
    let order = only(&desk);
    let Action::EditPool { change, .. } = &order.action else { panic!("{order:?}") };
    assert_eq!(change.drop, [number_id(2)]);
}

#[test]
fn a_pool_that_campaigns_name_stays_and_another_goes_when_its_name_is_typed() {
    let mut desk = desk();
    desk.keys("D");
    let screen = desk.screen();
    assert!(screen.contains("5 campaigns name it, 3 of them not over: it stays"), "{screen}");
    desk.keys("j D");
    desk.wait(400);
    assert!(desk.screen().contains("none sends through it"), "{}", desk.screen());
    desk.text("reserve");
    desk.keys("Enter");
    assert_eq!(only(&desk).action, Action::RemovePool(pool_id(3)));
}

#[test]
fn the_code_is_that_of_the_first_in_service_and_is_recorded_also_when_shown_again() {
    let mut desk = desk();
    desk.keys("k Q");
    let first = number_id(1);
    let reveals = |desk: &Desk| {
        let shown = |effect: &&Effect| matches!(effect, Effect::Reveal { subject: crate::domain::action::Subject::Number(id), .. } if *id == first);
        desk.effects.iter().filter(shown).count()
    };
    assert_eq!(reveals(&desk), 1, "{:?}", desk.effects);
    desk.keys("m");
    assert_eq!(reveals(&desk), 2);
    let codes = desk.model.overlays.iter().filter(|overlay| matches!(overlay, Overlay::Qr(_))).count();
    assert_eq!(codes, 1, "it is the same code");
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    let mut desk = desk();
    desk.model.session.may_write = false;
    for key in ["n", "e", "a", "x", "w", "D"] {
        desk.keys(key);
        assert!(desk.screen().contains("READ-ONLY"), "{key}: {}", desk.screen());
        assert_eq!(desk.model.overlays.len(), 1, "{key}");
    }
    assert!(desk.orders().is_empty());
}
