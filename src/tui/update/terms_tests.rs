//! The form with a campaign's terms, and the stages of its rollout.

use crate::domain::action::Action;
use crate::store::view::{CampaignRow, RolloutLine};
use crate::tui::fake::*;
use crate::tui::msg::Msg;
use std::sync::Arc;

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

/// The Campaigns tab with a rollout of the campaign under the cursor.
fn rolled_out(stage: u32) -> Desk {
    let mut overview = many_overview();
    overview.campaigns[0].rollout = Some(RolloutLine {
        stages: vec![1, 10, 100],
        stage,
        people: 199_733,
        released: 1_998,
        since: None,
        why: "7 of 50 failed, more than 10 %: somebody has to widen it".into(),
        until: None,
        held: true,
        wait: std::time::Duration::from_hours(1),
    });
    let mut desk = many();
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.keys("2");
    desk
}

#[test]
fn a_rollout_is_widened_by_key_once_the_number_of_people_is_typed() {
    let mut desk = rolled_out(1);
    desk.keys("W");
    desk.wait(400);
    let screen = desk.screen();
    for words in ["Widen rollout?", "1 % -> 10 % of 199 733", "17 976 more people", "7 of 50 failed"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "Enter cancels until the number is typed");
    desk.keys("W");
    desk.wait(400);
    desk.text("17976");
    desk.keys("Enter");
    let orders = desk.orders();
    assert!(matches!(orders[0].action, Action::WidenRollout { stage: 1, .. }), "{orders:?}");
}

#[test]
fn the_palette_widens_only_what_has_a_further_stage() {
    let mut desk = rolled_out(2);
    desk.keys(":");
    desk.text("widen rollout of");
    assert!(desk.screen().contains("Widen rollout of spring-news"), "{}", desk.screen());
    desk.keys("Enter");
    desk.wait(400);
    assert!(desk.screen().contains("10 % -> 100 %"), "{}", desk.screen());
    let mut desk = rolled_out(3);
    desk.keys("W");
    assert!(desk.screen().contains("its last stage is open"), "{}", desk.screen());
    let allowed = |row: &CampaignRow| crate::tui::verbs::CampaignVerb::Widen.allowed(row);
    let overview = many_overview();
    assert_eq!(allowed(&overview.campaigns[0]), Err("it has no rollout: it goes to all at once".into()));
}
