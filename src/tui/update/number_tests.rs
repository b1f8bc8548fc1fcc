//! The forms of numbers, new and edited.

use crate::domain::action::Action;
use crate::domain::number::{NumberWords, Pacing, ProviderKind};
use crate::domain::text::Shown;
use crate::store::view::{NumberRow, Overview};
use crate::tui::fake::*;
use crate::tui::msg::Msg;
use std::sync::Arc;
use std::time::Duration;

fn in_world(change: impl FnOnce(&mut Overview)) -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    let mut overview = desk.model.overview().cloned().unwrap();
    change(&mut overview);
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.draw();
    desk
}

/// The first number is otherwise, and its form is open.
fn form_of(change: impl FnOnce(&mut NumberRow)) -> Desk {
    let mut desk = in_world(|overview| change(&mut overview.numbers[0]));
    desk.keys("e");
    desk
}

fn tab(desk: &mut Desk, times: usize) {
    (0..times).for_each(|_| desk.keys("Tab"));
}

fn actions(desk: &Desk) -> Vec<Action> {
    desk.orders().iter().map(|order| order.action.clone()).collect()
}

fn described(words: NumberWords) -> Action {
    Action::DescribeNumber { number: number_id(1), words }
}

#[test]
fn what_is_not_edited_is_not_sent() {
    let notes = format!("Paid until June.\nAsk bea. {}", "Long story. ".repeat(30));
    let mut desk = form_of(|row| {
        row.remarks.notes.clone_from(&notes);
        row.name = Shown::new("support\u{202e}-a");
    });
    desk.text("5");
    desk.keys("ctrl-s");
    assert_eq!(actions(&desk), [Action::SetPriority { number: number_id(1), priority: 15 }]);

    // One word of it is edited: the notes and the name stay as they are stored.
    let mut desk = form_of(|row| {
        row.remarks.notes.clone_from(&notes);
        row.name = Shown::new("support\u{202e}-a");
    });
    tab(&mut desk, 6);
    desk.text("main");
    desk.keys("ctrl-s");
    let words = NumberWords { label: Some(Some("main".into())), ..NumberWords::default() };
    assert_eq!(actions(&desk), [described(words)]);
}

#[test]
fn long_notes_are_edited_whole_and_say_that_their_lines_are_lost() {
    let notes = format!("Paid until June.\nAsk bea. {}end", "Long story. ".repeat(30));
    let mut desk = form_of(|row| row.remarks.notes.clone_from(&notes));
    tab(&mut desk, 9);
    assert!(desk.screen().contains("Shown in one line and cleaned"), "{}", desk.screen());
    desk.text("!");
    desk.keys("ctrl-s");
    let notes = Some(format!("{}!", notes.replace('\n', " ")));
    assert_eq!(actions(&desk), [described(NumberWords { notes, ..NumberWords::default() })]);
}

#[test]
fn values_that_are_legal_elsewhere_are_shown_and_kept() {
    let mut desk = form_of(|row| {
        row.pacing.interval = Duration::from_millis(500);
        row.daily_limit = Some(0);
    });
    let screen = desk.screen();
    assert!(screen.contains("[0.5 ") && screen.contains("[0 "), "{screen}");
    tab(&mut desk, 5);
    desk.text("1");
    desk.keys("ctrl-s");
    let words = NumberWords { name: Some("support-a1".into()), ..NumberWords::default() };
    assert_eq!(actions(&desk), [described(words)], "{}", desk.screen());

    // Slower, and nothing a day.
    let mut desk = form_of(|_| {});
    desk.keys("Tab ctrl-u");
    desk.text("0");
    desk.keys("Tab ctrl-u");
    desk.text("1.25");
    desk.keys("ctrl-s");
    let [Action::SetLimits { daily_limit, pacing, .. }] = &actions(&desk)[..] else {
        panic!("{}", desk.screen())
    };
    assert_eq!((*daily_limit, pacing.interval), (Some(0), Duration::from_millis(1_250)));
}

#[test]
fn a_number_without_a_name_says_so_where_its_name_is_typed() {
    let mut desk = form_of(|row| row.name = Shown::new(""));
    desk.keys("Tab");
    desk.text("0");
    desk.keys("ctrl-s");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Raise limits?") && screen.contains("It has no name"), "{screen}");
}

#[test]
fn a_new_number_keeps_the_pace_of_its_provider_where_nothing_is_filled_in() {
    let mut desk = in_world(|overview| overview.accounts[0].provider = ProviderKind::Ultramsg);
    desk.keys("n");
    desk.text("+237600000001");
    tab(&mut desk, 3);
    desk.text("backup");
    tab(&mut desk, 5);
    desk.text("2");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("every 2 min, 1/s, 2 at once"), "{}", desk.screen());
    desk.keys("y");
    let [Action::AddNumber(number)] = &actions(&desk)[..] else { panic!("{}", desk.screen()) };
    let pacing = Pacing { interval: Duration::from_mins(2), per_second: 1, in_flight: 2 };
    assert_eq!(number.pacing, Some(pacing));
}
