//! The form with a campaign's terms, and the stages of its rollout.

use crate::domain::action::{Action, Order};
use crate::domain::campaign::{Failover, Steering};
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
    let before = many_overview().campaigns[0].terms;
    let lowered = Steering { daily_limit: Some(500), ..before };
    assert_eq!(set_terms(&mut desk), lowered, "lowering needs no question, and nothing else is touched");
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

/// The one order of the desk, which names terms.
fn set_terms(desk: &mut Desk) -> Steering {
    let orders = desk.orders();
    let [Order { action: Action::SetTerms { terms, .. }, .. }] = orders.as_slice() else {
        panic!("another order: {orders:?}")
    };
    *terms
}

#[test]
fn pool_failover_hours_and_numbers_are_changed_after_a_question_that_names_them() {
    let mut desk = many();
    // Pool, failover, hours, numbers: the next pool, the next policy, other hours, the sixth number.
    desk.keys("2 e Tab Tab Tab Space Tab Space Tab ctrl-u");
    desk.text("10:00-18:00 mon-fri");
    desk.keys("Tab Left ctrl-s");
    desk.wait(400);
    let screen = desk.screen();
    for words in [
        "Change terms?",
        "default -> reserve",
        "pool -> label",
        "then      10:00-18:00 mon,tue,wed,thu,fri organization",
        "all of its pool -> only reserve",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(desk.orders().is_empty());
    desk.keys("y");
    let before = many_overview().campaigns[0].terms;
    let then = Steering {
        pool: pool_id(2),
        failover: Failover::Label,
        window: "10:00-18:00 mon-fri".parse().ok(),
        only_number: Some(number_id(6)),
        ..before
    };
    assert_eq!(set_terms(&mut desk), then);
}

#[test]
fn hours_that_are_none_and_a_number_of_another_pool_are_refused_where_they_stand() {
    let mut desk = many();
    desk.keys("2 e Tab Tab Tab Tab Tab ctrl-u");
    desk.text("9-5");
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("is no time of day: write it as"), "{}", desk.screen());
    desk.keys("ctrl-u");
    desk.text("09:00-17:00 recipient");
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("people's clocks are unknown: clone it"), "{}", desk.screen());
    // The pool `reserve` has only the sixth number.
    let mut desk = many();
    desk.keys("2 e Tab Tab Tab Space Tab Tab Tab Right ctrl-s");
    assert!(desk.screen().contains("is not in that pool"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
}

#[test]
fn what_if_is_shown_beside_what_is_and_nothing_is_ordered() {
    let mut desk = many();
    desk.keys("2 f");
    desk.keys("w Space Tab");
    desk.text("250");
    desk.keys("Tab");
    desk.text("270");
    desk.keys("Tab ctrl-s");
    let screen = desk.screen();
    for words in
        ["support-a suspended, a number more of 250, at most 270 a day", ": 7 d 0 h later", "WHAT IF"]
    {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    // Opened again it still says what was asked.
    desk.keys("w");
    assert!(desk.screen().contains("[x] support-a"), "{}", desk.screen());
    desk.keys("Esc x");
    assert!(!desk.screen().contains("WHAT IF"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
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
fn the_launch_of_a_rollout_names_the_people_of_its_first_stage() {
    let mut overview = many_overview();
    let row = overview.campaigns.iter_mut().find(|row| row.name.as_str() == "feedback-may").unwrap();
    row.rollout = Some(RolloutLine {
        stages: vec![10, 100],
        stage: 1,
        people: 200_041,
        released: 20_005,
        since: None,
        why: "".into(),
        until: None,
        held: false,
        wait: std::time::Duration::from_hours(1),
    });
    let mut desk = many();
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.keys("2 j j j j L");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("20 005    first send now") && screen.contains("10 % of 200 041"), "{screen}");
    desk.text("20005");
    desk.keys("Enter");
    assert!(matches!(desk.orders()[0].action, Action::StartCampaign(_)));
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

#[test]
fn a_finding_is_accepted_with_a_reason_and_one_that_is_accepted_stays() {
    let mut desk = many();
    desk.keys("2 A");
    let screen = desk.screen();
    for words in ["1 to fix or accept", "risk", "same-for-all-1-en", "accepted", "remark"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    desk.keys("a Enter");
    assert!(desk.screen().contains("this needs a reason"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
    desk.text("it is a notice");
    desk.keys("Enter");
    let orders = desk.orders();
    let [Order { action: Action::AcceptFinding { finding, about, .. }, reason, .. }] = orders.as_slice()
    else {
        panic!("another order: {orders:?}")
    };
    assert_eq!((finding.as_str(), about.as_str()), ("same-for-all-1-en", "1"));
    assert_eq!(reason.as_deref(), Some("it is a notice"));
    desk.keys("j a");
    assert!(desk.screen().contains("it is accepted already"), "{}", desk.screen());
}

#[test]
fn the_list_tells_what_is_due_and_the_forecast_all_steps() {
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("2");
    assert!(desk.screen().contains("DUE BY OR WAITS"), "{}", desk.screen());
    let due_by = "about 14:41: one message";
    for key in ["Enter", "P"] {
        desk.keys(key);
        let screen = desk.screen();
        assert!(
            screen.lines().any(|line| line.contains("Due by") && line.contains(due_by)),
            "{key}: {screen}"
        );
        desk.keys("Esc");
    }
    desk.keys("f");
    let screen = desk.screen();
    assert!(screen.lines().any(|line| line.contains("All steps") && line.contains("by ")), "{screen}");
    assert!(!screen.contains(" Done "), "one word for one thing: {screen}");
}
