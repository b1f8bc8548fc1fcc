//! A question whose rows change while it is open: once that is read, it is put again from what is there now.

use crate::domain::action::{Action, Version};
use crate::store::view::{CampaignStanding, Overview};
use crate::tui::fake::*;
use crate::tui::msg::Msg;
use crate::tui::overlays::Overlay;
use std::sync::Arc;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

/// Somebody else changes something.
fn elsewhere(desk: &mut Desk, change: impl FnOnce(&mut Overview)) {
    let mut overview = desk.model.overview().cloned().unwrap();
    change(&mut overview);
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
}

/// The question to launch feedback-may, once keys count.
fn launch() -> Desk {
    let mut desk = many();
    desk.keys("2 j j j j L");
    desk.wait(400);
    desk
}

fn reread(desk: &mut Desk) {
    desk.keys("r");
    desk.wait(400);
}

#[test]
fn nothing_is_confirmed_until_it_is_read() {
    let mut desk = launch();
    desk.change_campaign(5);
    desk.text("200041");
    desk.keys("y Tab Enter");
    assert!(desk.orders().is_empty());
}

#[test]
fn a_launch_is_asked_again_with_the_people_there_are_now() {
    let mut desk = launch();
    elsewhere(&mut desk, |overview| {
        overview.campaigns[4].version = Version(8);
        (overview.campaigns[4].counts.planned, overview.campaigns[4].counts.queued) = (250_000, 250_000);
    });
    assert!(desk.screen().contains("!! changed meanwhile: feedback-may is"), "{}", desk.screen());
    reread(&mut desk);
    assert!(desk.screen().contains("250 000    first send now"), "{}", desk.screen());
    desk.text("200041");
    desk.keys("Tab y");
    assert!(desk.orders().is_empty(), "that is the number of before");
    (0..7).for_each(|_| desk.keys("Backspace"));
    desk.text("250000");
    desk.keys("Enter");
    assert_eq!(desk.orders()[0].action, Action::StartCampaign(campaign_id(5)));
    assert_eq!(desk.orders()[0].expected, Some(Version(8)));
}

#[test]
fn people_who_are_enrolled_meanwhile_are_told_although_the_version_is_the_same() {
    let mut desk = launch();
    elsewhere(&mut desk, |overview| overview.campaigns[4].counts.planned = 250_000);
    assert!(desk.screen().contains("!! changed meanwhile: Recipients 250 000"), "{}", desk.screen());
    desk.text("200041");
    desk.keys("y Tab Enter");
    assert!(desk.orders().is_empty());
}

#[test]
fn a_lowering_that_became_a_raise_is_asked_as_one() {
    let mut desk = many();
    desk.keys("Space Space Space e Tab");
    desk.text("500");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(!desk.screen().contains("Raised"), "{}", desk.screen());
    elsewhere(&mut desk, |overview| {
        let row = &mut overview.numbers[1];
        (row.version, row.daily_limit) = (Version(4), Some(100));
    });
    reread(&mut desk);
    desk.keys("y");
    assert!(desk.orders().is_empty(), "a raise is typed");
    assert!(desk.screen().contains("1 may send more at once"), "{}", desk.screen());
    desk.keys("Backspace");
    desk.text("3");
    desk.keys("Enter");
    let orders = desk.orders();
    let versions: Vec<_> = orders.iter().filter_map(|order| order.expected).collect();
    assert_eq!(versions, [Version(3), Version(4), Version(3)]);
}

#[test]
fn what_one_key_raises_is_counted_from_what_is_there_now() {
    let mut desk = many();
    desk.keys("j j +");
    desk.wait(400);
    assert!(desk.screen().contains("3 -> 2"), "{}", desk.screen());
    elsewhere(&mut desk, |overview| {
        (overview.numbers[2].version, overview.numbers[2].priority) = (Version(4), 9);
    });
    reread(&mut desk);
    assert!(desk.screen().contains("9 -> 8"), "{}", desk.screen());
    desk.keys("y");
    assert_eq!(desk.orders()[0].action, Action::SetPriority { number: number_id(3), priority: 8 });
}

#[test]
fn a_question_that_makes_no_sense_any_more_closes_and_says_why() {
    let mut desk = many();
    desk.keys("2 j j j p");
    desk.wait(400);
    elsewhere(&mut desk, |overview| {
        (overview.campaigns[1].version, overview.campaigns[1].standing) =
            (Version(8), CampaignStanding::Active);
    });
    reread(&mut desk);
    assert!(desk.model.overlays.is_empty());
    assert!(desk.screen().contains("nothing was done: not paused"), "{}", desk.screen());
    desk.keys("y");
    assert!(desk.orders().is_empty());
}

#[test]
fn the_reason_that_was_given_stays() {
    let mut desk = many();
    desk.keys("d n");
    desk.text("he says no");
    desk.keys("Enter");
    desk.wait(400);
    let Some(Overlay::Confirm(confirm)) = desk.model.overlays.last() else { panic!("no question") };
    let anew = confirm.again(&desk.model).unwrap();
    assert_eq!(anew.proposal, confirm.proposal);
}

#[test]
fn an_answer_keeps_its_words_and_shows_what_was_said_meanwhile() {
    let mut desk = many();
    desk.keys("5 a");
    desk.text("We open at nine.");
    desk.keys("Enter");
    desk.wait(400);
    let mut row = desk.model.replies.list.rows()[0].row.clone();
    (row.version, row.last_text) = (Version(2), crate::domain::text::Shown::new("Never mind!"));
    desk.model.replies.list.refresh(&[thread_id(1)], &[row]);
    elsewhere(&mut desk, |overview| overview.unread += 1);
    assert!(desk.screen().contains("!! changed meanwhile"), "{}", desk.screen());
    reread(&mut desk);
    let Some(Overlay::Confirm(confirm)) = desk.model.overlays.last() else { panic!("no question") };
    let lines = &confirm.proposal.lines;
    assert!(
        lines.iter().any(|(label, value, _)| (*label, value.as_str()) == ("They said", "Never mind!")),
        "{lines:?}"
    );
    desk.keys("y");
    let orders = desk.orders();
    let Action::Answer { thread, text, .. } = &orders[0].action else { panic!("{orders:?}") };
    assert_eq!((*thread, text.as_str()), (thread_id(1), "We open at nine."));
    assert_eq!(orders[0].expected, Some(Version(2)));
}
