//! The Replies tab: reading, answering, handing over.

use crate::domain::action::{Action, Version};
use crate::store::view::{Page, Place, ThreadRow, ThreadScope};
use crate::tui::fake::{Desk, World, thread, thread_id, threads};
use crate::tui::msg::{Effect, Msg, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use std::sync::Arc;

fn desk() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("5");
    desk
}

#[test]
fn an_answer_is_typed_read_again_and_sent_once() {
    let mut desk = desk();
    desk.keys("a");
    desk.text("We open at nine. Come by!");
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "it is asked about first");
    let screen = desk.screen();
    for words in ["Send this answer?", "Amina Diallo", "support-a", "We open at nine."] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    desk.keys("y");
    assert!(desk.orders().is_empty(), "keys typed ahead do not answer it");
    desk.wait(400);
    desk.keys("y");
    let orders = desk.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].expected, Some(Version(1)), "somebody else's answer comes first otherwise");
    let Action::Answer { thread, text, .. } = &orders[0].action else { panic!("{orders:?}") };
    assert_eq!((*thread, text.as_str()), (thread_id(1), "We open at nine. Come by!"));
}

#[test]
fn nothing_is_said_to_who_opted_out_or_cannot_be_answered() {
    let mut desk = desk();
    for (row, why) in [(3, "they asked for no more"), (5, "the 24 hours for")] {
        desk.keys("g");
        (0..row).for_each(|_| desk.keys("j"));
        desk.keys("a");
        assert!(desk.model.overlays.is_empty());
        assert!(desk.screen().contains(why), "{why}: {}", desk.screen());
    }
    desk.keys("g a Enter");
    assert!(desk.screen().contains("nothing is typed yet"));
    desk.keys("Esc Space j Space a");
    assert!(desk.screen().contains("one answer at a"), "{}", desk.screen());
}

#[test]
fn threads_are_taken_handed_over_and_ended() {
    let mut desk = desk();
    desk.keys("t");
    desk.keys("j A");
    desk.text("carl");
    desk.keys("Enter j x");
    let actions: Vec<Action> = desk.orders().iter().map(|order| order.action.clone()).collect();
    let assign = |thread, to: &str| Action::AssignThread { thread: thread_id(thread), to: Some(to.into()) };
    assert_eq!(actions, [assign(1, "anna"), assign(2, "carl"), Action::EndThread(thread_id(3))]);
}

#[test]
fn read_only_reads_and_changes_nothing() {
    let mut desk = desk();
    desk.model.read_only = true;
    desk.keys("a t A x");
    assert!(desk.orders().is_empty() && desk.model.overlays.is_empty());
    desk.keys("Enter");
    assert!(desk.screen().contains("It left this morning."), "{}", desk.screen());
}

#[test]
fn the_list_shows_what_was_chosen_and_what_fits_the_filter() {
    let mut desk = desk();
    assert_eq!(desk.model.replies.list.rows().len(), 6, "those that nobody ended");
    desk.keys("o j j Enter");
    assert_eq!(desk.model.replies.scope, ThreadScope::Of("anna".into()));
    assert_eq!(desk.model.replies.list.rows().len(), 1);
    desk.keys("o g Enter /");
    desk.text("Okoro");
    desk.wait(400);
    desk.keys("Enter");
    assert_eq!(desk.model.replies.list.rows().len(), 1);
    desk.keys("Esc");
    desk.wait(400);
    assert_eq!(desk.model.replies.list.rows().len(), 6);
}

#[test]
fn what_comes_in_is_on_top_unless_somebody_reads_further_down() {
    let mut desk = desk();
    let heard = |desk: &mut Desk, seconds: i64| {
        let mut overview = desk.model.overview().cloned().unwrap();
        overview.unread += 1;
        overview.heard_at = Some(crate::tui::fake::wall() + chrono::Duration::seconds(seconds));
        desk.send(Msg::Overview(Ok(Arc::new(overview))));
        desk.draw();
    };
    heard(&mut desk, 1);
    assert!(!desk.screen().contains("press r"), "read at once: {}", desk.screen());
    desk.keys("j j");
    heard(&mut desk, 2);
    assert!(desk.screen().contains("newer ones: press r"), "{}", desk.screen());
    desk.keys("r");
    assert!(!desk.screen().contains("press r"));
    desk.keys("Enter");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Drawer(_))));
}

/// Somebody writes, and the first page is read again: `now` is what it holds.
fn written(desk: &mut Desk, seconds: i64, now: Vec<ThreadRow>) {
    let mut overview = desk.model.overview().cloned().unwrap();
    overview.unread += 1;
    overview.heard_at = Some(crate::tui::fake::wall() + chrono::Duration::seconds(seconds));
    desk.answers = false;
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    let asked = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Ask { request, question: Question::Threads(_, Place::Start) } => Some(*request),
        _ => None,
    });
    let answer = Ok(Reading::Threads(Page { rows: now, ..Page::default() }));
    let request = asked.expect("it is read again");
    desk.effects.clear();
    desk.send(Msg::Answer { slot: Slot::Threads, request, took: std::time::Duration::ZERO, answer });
    desk.draw();
}

#[test]
fn a_key_meant_for_who_is_under_the_cursor_does_not_hit_who_writes_meanwhile() {
    for (key, meant) in [
        ("x", Action::EndThread(thread_id(1))),
        ("t", Action::AssignThread { thread: thread_id(1), to: Some("anna".into()) }),
    ] {
        let mut desk = desk();
        let mut rows = threads();
        rows.insert(0, thread(9, "Hana Bello", "Are you there?", 0));
        written(&mut desk, 1, rows.clone());
        assert!(desk.screen().contains("Hana Bello"), "{}", desk.screen());
        rows.insert(0, thread(10, "Ines Toure", "Hello?", 0));
        written(&mut desk, 2, rows.clone());
        // Bea is done with the one under the cursor.
        rows.retain(|row| row.id != thread_id(1));
        written(&mut desk, 3, rows);
        desk.keys(key);
        let orders = desk.orders();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].action, meant);
    }
}
