//! What lies over the tabs stands still too: no row slides under the cursor, and what has left is nothing to act on.

use crate::domain::action::{Action, Verdict};
use crate::domain::ids::AlertId;
use crate::tui::fake::*;
use crate::tui::msg::Msg;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::reread::Reread;
use std::sync::Arc;
use uuid::Uuid;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

/// The line with the cursor.
fn under(desk: &mut Desk, words: &str) -> String {
    let screen = desk.screen();
    let line = screen.lines().find(|line| line.contains("> ") && line.contains(words));
    line.unwrap_or_else(|| panic!("the cursor is not on {words}: {screen}")).to_owned()
}

/// It is read again, and is this now.
fn read_again<T>(read: &mut Reread<T>, now: std::time::Instant, value: T) {
    read.ask_anew();
    assert!(read.wants(u64::MAX, now));
    assert!(read.answer(u64::MAX, Ok(Arc::new(value))));
}

#[test]
fn the_palette_keeps_what_was_chosen_under_its_cursor() {
    let mut desk = many();
    desk.keys(":");
    desk.text("pause campaign sprin");
    under(&mut desk, "Pause campaign spring-news");
    // It goes, and another one would stand in its place.
    let mut overview = desk.model.overview().cloned().unwrap();
    overview.campaigns.retain(|row| row.id != campaign_id(1));
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    under(&mut desk, "Pause campaign spring-news");
    assert!(desk.screen().contains("this campaign is gone"), "{}", desk.screen());
    desk.keys("Enter");
    assert!(desk.orders().is_empty());
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Palette(_))));
    // What is typed finds what there is now.
    desk.keys("Backspace");
    assert!(desk.screen().contains("Nothing has these letters."), "{}", desk.screen());
}

#[test]
fn an_order_of_the_palette_that_changed_meanwhile_acts_on_the_same_row() {
    let mut desk = many();
    desk.keys(":");
    desk.text("suspend number");
    desk.keys("Down");
    let chosen = under(&mut desk, "Suspend number");
    let name = chosen.split("Suspend number ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let mut overview = desk.model.overview().cloned().unwrap();
    let first = overview.numbers.remove(0);
    overview.numbers.push(first);
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    assert_eq!(under(&mut desk, "Suspend number"), chosen);
    desk.keys("Enter");
    let screen = desk.screen();
    assert!(screen.contains("- Suspend number -") && screen.contains(&name), "{screen}");
}

#[test]
fn all_alerts_are_those_that_are_shown() {
    let mut desk = many();
    desk.keys("B A");
    desk.wait(400);
    assert!(desk.screen().contains("Acknowledge all alerts?"), "{}", desk.screen());
    desk.keys("y");
    let shown = [1, 2, 3].map(|nth| AlertId(Uuid::from_u128(nth)));
    assert_eq!(desk.orders()[0].action, Action::Acknowledge(shown.to_vec()));
}

#[test]
fn an_alert_that_leaves_stays_crossed_out_under_the_cursor() {
    let mut desk = many();
    desk.keys("B j");
    desk.wait(2_100);
    let left = |desk: &mut Desk| {
        let now = desk.now().mono;
        let Some(Overlay::Alerts(list)) = desk.model.overlays.last_mut() else { panic!() };
        let rows = alerts(1).into_iter().filter(|row| row.id != AlertId(Uuid::from_u128(2)));
        read_again(&mut list.read, now, rows.collect());
        list.take(false, now);
    };
    left(&mut desk);
    under(&mut desk, "the provider of account");
    assert!(desk.screen().contains("It is not kept any more"), "{}", desk.screen());
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "its neighbour is not acknowledged");
    desk.keys("j");
    under(&mut desk, "promo has sent");
    assert!(!desk.screen().contains("the provider of account"), "{}", desk.screen());
}

#[test]
fn a_finding_that_leaves_stays_crossed_out_under_the_cursor() {
    let mut desk = many();
    desk.keys("2 j A");
    desk.wait(2_100);
    let now = desk.now().mono;
    let Some(Overlay::Findings(list)) = desk.model.overlays.last_mut() else { panic!() };
    let first = list.rows.row().unwrap().clone();
    read_again(&mut list.rows.read, now, findings(1).into_iter().skip(1).collect());
    list.rows.take(false, now);
    assert!(list.rows.row().is_none());
    assert!(desk.screen().contains("It is found no more"), "{}", desk.screen());
    assert!(desk.screen().contains(&first.finding), "{}", desk.screen());
    desk.keys("a");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Findings(_))), "nothing is accepted");
    desk.keys("j");
    assert!(!desk.screen().contains("It is found no more"), "{}", desk.screen());
}

#[test]
fn a_reason_that_leaves_says_that_it_has_nobody_now() {
    let mut desk = many();
    desk.keys("2 w j");
    desk.wait(2_100);
    let now = desk.now().mono;
    let Some(Overlay::Progress(panel)) = desk.model.overlays.last_mut() else { panic!() };
    let left = panel.reason().unwrap().clone();
    let mut view = progress_view(1);
    view.skipped.retain(|reason| reason.code != left.code);
    read_again(&mut panel.read, now, view);
    panel.take(false, now);
    assert!(panel.reason().is_none());
    let line = under(&mut desk, "none now");
    assert!(line.contains(left.words.as_str()), "{line}");
    desk.keys("i");
    desk.wait(400);
    assert!(!matches!(desk.model.overlays.last(), Some(Overlay::Confirm(_))), "nobody else is taken back");
}

#[test]
fn a_verdict_in_the_details_of_a_doubt_is_on_that_doubt() {
    for (key, verdict) in [("s", Verdict::Sent), ("n", Verdict::NotSent), ("e", Verdict::Resend)] {
        let mut desk = many();
        desk.keys("d Enter J");
        desk.keys(key);
        desk.text("asked him");
        desk.keys("Enter");
        desk.wait(400);
        if verdict == Verdict::Resend {
            desk.text("resend");
            desk.keys("Enter");
        } else {
            desk.keys("y");
        }
        let expected = Action::ResolveAttempt { attempt: attempt_id(1), verdict };
        let ordered: Vec<Action> = desk.orders().iter().map(|order| order.action.clone()).collect();
        assert_eq!(ordered, [expected], "{}", desk.screen());
    }
}

#[test]
fn a_doubt_that_was_settled_elsewhere_is_settled_no_more() {
    let mut desk = many();
    desk.keys("d Enter");
    desk.model.doubts = crate::tui::lists::PagedList::default();
    desk.keys("n");
    let screen = desk.screen();
    assert!(screen.contains("it is no longer in doubt"), "{screen}");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Drawer(_))));
}
