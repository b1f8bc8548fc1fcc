//! What the question before a launch tells of open findings.

use crate::domain::action::Action;
use crate::tui::backend::BackendError;
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg, Question, Reading, Slot};
use std::sync::Arc;
use std::time::Duration;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

/// The question about the findings that is open.
fn asked_risks(desk: &Desk) -> Vec<u64> {
    let asked = |effect: &Effect| match effect {
        Effect::Ask { request, question: Question::Risks(_) } => Some(*request),
        _ => None,
    };
    desk.effects.iter().filter_map(asked).collect()
}

fn answer_risks(desk: &mut Desk, request: u64, answer: Result<Reading, BackendError>) {
    let took = Duration::from_millis(3);
    desk.send(Msg::Answer { slot: Slot::Risks, request, took, answer });
}

#[test]
fn a_launch_tells_what_is_open_before_it_is_confirmed_and_refuses_nothing() {
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("2 j j j j L");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Findings    1 neither fixed nor accepted"), "{screen}");
    assert!(screen.contains("! step 1 (en) says the very same to everybody"), "{screen}");
    assert!(!screen.contains("twilio") && !screen.contains("nearly the same"), "only what is open: {screen}");
    desk.text("200041");
    desk.keys("Enter");
    assert_eq!(desk.orders()[0].action, Action::StartCampaign(campaign_id(5)));
    // Other questions have none.
    let mut desk = many();
    desk.keys("2 j j j p");
    assert!(!desk.screen().contains("Findings"), "{}", desk.screen());
}

#[test]
fn nobody_says_yes_to_a_launch_whose_findings_are_not_read_yet() {
    let mut desk = many();
    desk.keys("2 j j j j");
    desk.answers = false;
    desk.keys("L");
    desk.wait(400);
    assert!(desk.screen().contains("Findings    reading ..."), "{}", desk.screen());
    desk.text("200041");
    desk.keys("Enter");
    assert!(desk.orders().is_empty() && desk.model.overlays.len() == 1, "it waits: {}", desk.screen());
    assert!(desk.screen().contains("still being read"), "{}", desk.screen());
    let request = *asked_risks(&desk).last().unwrap();
    answer_risks(&mut desk, request - 1, Ok(Reading::Findings(Arc::new(Vec::new()))));
    assert!(desk.screen().contains("reading ..."), "the answer to another question is none");
    answer_risks(&mut desk, request, Err(BackendError::Slow));
    assert!(desk.screen().contains("not all read: the database took too long"), "{}", desk.screen());
    desk.keys("Enter");
    assert_eq!(desk.orders().len(), 1, "what cannot be read stops nobody");
}

#[test]
fn findings_never_push_what_is_asked_off_the_screen() {
    for (width, height) in [(60, 16), (80, 24)] {
        let mut desk = Desk::new(World::Many, width, height);
        desk.keys("2 j j j j");
        desk.answers = false;
        desk.keys("L");
        let rows: Vec<_> = std::iter::repeat_with(|| findings(1).remove(0)).take(30).collect();
        let request = *asked_risks(&desk).last().unwrap();
        answer_risks(&mut desk, request, Ok(Reading::Findings(Arc::new(rows))));
        desk.wait(400);
        let screen = desk.screen();
        assert!(screen.contains("30 neither fixed nor accepted"), "{screen}");
        assert!(screen.contains("confirm: [") && screen.contains("[ Cancel ]"), "{screen}");
    }
}
