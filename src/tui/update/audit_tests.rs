//! Taking decisions back from the audit log: each asks what it always asks, and what has no way back says why.

use crate::domain::action::{Action, Version};
use crate::tui::backend::Notice;
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg, Question, Slot};
use crate::tui::overlays::Overlay;

/// The log with the cursor on one decision, all of it read.
fn log(row: usize) -> Desk {
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("U");
    desk.wait(400);
    for _ in 0..row {
        desk.keys("j");
    }
    desk.wait(400);
    desk
}

#[test]
fn a_suspension_is_taken_back_by_the_question_that_resuming_asks() {
    let mut desk = log(0);
    desk.keys("b");
    desk.wait(400);
    assert!(desk.orders().is_empty(), "it asks first");
    let screen = desk.screen();
    assert!(screen.contains("Resume number?") && screen.contains("promo-2"), "{screen}");
    desk.keys("y");
    let [order] = desk.orders()[..] else { panic!("{:?}", desk.effects) };
    assert_eq!(order.action, Action::ResumeNumber(number_id(4)));
    assert_eq!(order.expected, Some(Version(3)), "the version on screen: who was first wins");
    assert_eq!(order.reason.as_deref(), Some("takes back: suspend number by bea"));
    // What was done stands in the log, which is read again.
    let asked = desk.model.next_request;
    desk.done(false);
    assert!(desk.model.next_request > asked + 1);
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Audit(_))));
}

#[test]
fn what_was_taken_back_stays_under_the_cursor_when_its_opposite_comes_above_it() {
    for width in [160, 80] {
        let mut desk = Desk::new(World::Many, width, 40);
        desk.keys("U");
        desk.wait(400);
        desk.keys("j j Enter");
        desk.wait(400);
        let row = |desk: &Desk| match desk.model.overlays.last() {
            Some(Overlay::Audit(panel)) => panel.row().map(|row| row.id),
            _ => None,
        };
        let before = row(&desk);
        desk.keys("b");
        desk.wait(400);
        desk.keys("y");
        assert_eq!(desk.orders().len(), 1);
        desk.decided = 1;
        desk.done(false);
        desk.wait(400);
        assert!(before.is_some() && row(&desk) == before, "a second key would be about another decision");
    }
}

#[test]
fn former_values_come_back_by_the_question_of_an_edit() {
    let mut desk = log(1);
    desk.keys("b");
    desk.wait(400);
    assert!(desk.screen().contains("3 -> 1"), "{}", desk.screen());
    desk.keys("y");
    assert_eq!(desk.orders()[0].action, Action::SetPriority { number: number_id(3), priority: 1 });

    // More may go out than now: that is typed, as in the form.
    let mut desk = log(3);
    desk.keys("b");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Raise limits?") && screen.contains("5 000 -> 9 000"), "{screen}");
    desk.text("spring-news");
    desk.keys("Enter");
    let Action::SetTerms { terms, .. } = &desk.orders()[0].action else { panic!("{:?}", desk.effects) };
    assert_eq!(terms.daily_limit, Some(9_000));
    assert_eq!(terms.window, "09:00-21:00 mon-sat".parse().ok());
}

#[test]
fn what_has_no_way_back_says_why_and_does_nothing() {
    for (row, why) in [
        (4, "what was seen was seen"),
        (5, "already active"),
        (6, "what was sent cannot be taken back"),
        (7, "carl decided about it since: suspend number"),
    ] {
        let mut desk = log(row);
        let screen = desk.screen();
        assert!(screen.contains("No undo:"), "{row}: {screen}");
        desk.keys("b");
        desk.wait(400);
        let said = desk.model.toasts.iter().any(|toast| toast.text.contains(why));
        assert!(said, "{row}: {:?}", desk.model.toasts);
        assert!(desk.orders().is_empty() && desk.model.overlays.len() == 1, "{row}");
    }
}

#[test]
fn a_suspension_whose_end_has_passed_is_not_brought_back_without_one() {
    use crate::domain::opposite::Opposite;
    use crate::store::view::{AuditDetail, Place};
    use crate::tui::verbs::way_back;
    let desk = Desk::new(World::Many, 80, 24);
    let mut row = audit_rows(1, 0, "", Place::Start).rows.remove(0);
    row.subject = number_id(1).0;
    let back = |minutes: i64| {
        let until = Some(wall() + chrono::TimeDelta::minutes(minutes));
        let detail = AuditDetail { opposite: Ok(Opposite::SuspendNumber { until }), ..audit_entry(row.id) };
        way_back(&row, &detail, &desk.model).map(|way| way.proposal.orders[0].action.clone())
    };
    let why = back(-5).unwrap_err();
    assert!(why.contains("it would have ended at 13:58"), "{why}");
    let until = Some(wall() + chrono::TimeDelta::minutes(5));
    assert_eq!(back(5), Ok(Action::SuspendNumber { number: number_id(1), until }));
}

#[test]
fn who_may_only_look_sees_the_log_and_takes_nothing_back() {
    let mut desk = log(0);
    desk.model.read_only = true;
    assert!(desk.screen().contains("READ-ONLY: nothing can be changed here"), "{}", desk.screen());
    desk.keys("b");
    desk.wait(400);
    assert!(desk.orders().is_empty() && desk.model.overlays.len() == 1);
}

#[test]
fn a_narrow_screen_opens_the_decision_before_it_takes_it_back() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("U");
    desk.wait(400);
    desk.keys("b");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("suspension_reason") && screen.contains("b  Resume number?"), "{screen}");
    desk.keys("b");
    desk.wait(400);
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Confirm(_))));
    // Back to the decision, to the list, to the tab.
    desk.keys("Esc Esc");
    assert!(desk.screen().contains("WHAT"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(desk.model.overlays.is_empty());
}

#[test]
fn words_are_looked_for_when_typing_rests_and_escape_brings_the_former_back() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("U");
    desk.wait(400);
    desk.answers = false;
    desk.effects.clear();
    desk.keys("/");
    desk.text("bea");
    let asked = |desk: &Desk| -> Vec<String> {
        desk.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Ask { question: Question::Audit(text, _), .. } => Some(text.to_string()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(asked(&desk), Vec::<String>::new());
    desk.wait(200);
    assert_eq!(asked(&desk), ["bea"]);
    desk.keys("Enter");
    desk.keys("/");
    desk.text(" x");
    desk.keys("Esc");
    desk.wait(200);
    assert_eq!(asked(&desk), ["bea", "bea"]);
    // Another one takes the filter away, the third closes.
    desk.keys("Esc");
    desk.wait(200);
    assert_eq!(asked(&desk), ["bea", "bea", ""]);
    desk.keys("Esc");
    assert!(desk.model.overlays.is_empty());
}

#[test]
fn the_log_goes_on_page_by_page_to_its_end() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("U");
    desk.wait(400);
    desk.keys("G");
    desk.wait(400);
    let Some(Overlay::Audit(panel)) = desk.model.overlays.last() else { panic!() };
    let last = panel.row().unwrap().at;
    assert_eq!((wall() - last).num_minutes(), 449 * 37 + 5);
    desk.keys("g");
    desk.wait(400);
    let Some(Overlay::Audit(panel)) = desk.model.overlays.last() else { panic!() };
    assert_eq!((wall() - panel.row().unwrap().at).num_minutes(), 5);
}

/// Somebody else decides something, and all consoles are told.
fn decided_elsewhere(desk: &mut Desk) {
    desk.decided += 1;
    desk.send(Msg::Notice(Notice {
        at: wall(),
        by: "bea".into(),
        what: "promo paused".into(),
        subject: crate::domain::action::Subject::Number(number_id(3)),
        version: None,
        alarming: false,
    }));
}

fn panel(desk: &Desk) -> &crate::tui::overlays::audit::AuditPanel {
    match desk.model.overlays.last() {
        Some(Overlay::Audit(panel)) => panel,
        other => panic!("not the log: {other:?}"),
    }
}

#[test]
fn the_log_takes_in_what_others_decide_and_keeps_what_is_under_the_cursor() {
    let mut desk = log(2);
    let (under, rows) = (panel(&desk).row().map(|row| row.id), panel(&desk).list.rows().len());
    decided_elsewhere(&mut desk);
    desk.wait(2_500);
    assert_eq!(panel(&desk).row().map(|row| row.id), under);
    assert_eq!(panel(&desk).list.cursor(), 3, "one stands above it now");
    assert_eq!(panel(&desk).list.rows().len(), rows);
    // What nobody is told of is found all the same, a little later.
    desk.decided += 1;
    desk.wait(5_000);
    assert_eq!(panel(&desk).list.cursor(), 3);
    desk.wait(11_000);
    assert_eq!(panel(&desk).list.cursor(), 4);
    assert_eq!(panel(&desk).row().map(|row| row.id), under);
}

#[test]
fn however_much_is_decided_the_log_is_read_every_two_seconds_at_most() {
    let mut desk = log(0);
    desk.wait(3_000);
    desk.answers = false;
    desk.effects.clear();
    let asked = |desk: &Desk| {
        let pages = |effect: &&Effect| matches!(effect, Effect::Ask { question: Question::Audit(..), .. });
        desk.effects.iter().filter(pages).count()
    };
    for _ in 0..100 {
        decided_elsewhere(&mut desk);
        desk.wait(10);
    }
    assert_eq!(asked(&desk), 1, "a question under way is waited for");
    let mut desk = log(0);
    desk.wait(3_000);
    desk.asked.clear();
    for _ in 0..100 {
        decided_elsewhere(&mut desk);
        desk.wait(40);
    }
    let pages = desk.asked.iter().filter(|slot| **slot == Slot::Audit).count();
    // Its top three times, and what the cursor needs below it.
    assert!((2..=6).contains(&pages), "{pages} pages in four seconds");
    desk.wait(2_500);
    assert_eq!(panel(&desk).list.cursor(), 100, "all of them stand above");
}

#[test]
fn far_below_its_top_the_log_stands_still_and_says_that_there_is_more() {
    let mut desk = log(0);
    for _ in 0..5 {
        desk.keys("PgDn PgDn");
    }
    let (under, cursor) = (panel(&desk).row().map(|row| row.id), panel(&desk).list.cursor());
    assert!(cursor > 200, "{cursor}");
    decided_elsewhere(&mut desk);
    desk.wait(20_000);
    assert_eq!((panel(&desk).row().map(|row| row.id), panel(&desk).list.cursor()), (under, cursor));
    assert!(desk.screen().contains("newer ones above: r"), "{}", desk.screen());
    desk.keys("g");
    desk.wait(2_500);
    assert!(!desk.screen().contains("newer ones above"), "{}", desk.screen());
    // While words are typed nothing moves either.
    desk.keys("/");
    decided_elsewhere(&mut desk);
    desk.wait(5_000);
    let before = panel(&desk).list.rows().front().map(|kept| kept.row.id);
    desk.keys("Esc");
    desk.wait(2_500);
    assert_ne!(panel(&desk).list.rows().front().map(|kept| kept.row.id), before);
}
