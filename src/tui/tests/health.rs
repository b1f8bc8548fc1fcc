//! Testing a number from the console.

use crate::tui::backend::BackendError;
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg};

#[test]
fn a_number_is_tested_in_the_background_and_the_answer_is_said() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("1 t");
    let tests: Vec<_> = desk
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Test { number, name } => Some((*number, name.as_str().to_owned())),
            _ => None,
        })
        .collect();
    assert_eq!(tests, [(number_id(1), "support-a".to_owned())]);
    let toasts = |desk: &Desk| -> Vec<String> {
        desk.model.toasts.iter().map(|toast| toast.text.as_str().to_owned()).collect()
    };
    assert_eq!(toasts(&desk), ["testing support-a"]);
    assert!(desk.orders().is_empty(), "a test changes nothing");
    let test = crate::store::view::NumberTest {
        is_well: false,
        said: "not sendable, status_qr: qr, normal".into(),
        took_ms: 84,
    };
    desk.send(Msg::Tested { name: "support-a".into(), answer: Ok(test) });
    assert!(toasts(&desk).contains(&"support-a: not sendable, status_qr: qr, normal (84 ms)".to_owned()));
    let answer = Err(BackendError::Refused("no sender asked".into()));
    desk.send(Msg::Tested { name: "support-b".into(), answer });
    assert!(toasts(&desk).contains(&"support-b was not tested: no sender asked".to_owned()));
}

#[test]
fn several_numbers_are_tested_a_few_at_a_time_with_their_progress_and_one_sentence() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("1 * t");
    let asked =
        |desk: &Desk| desk.effects.iter().filter(|effect| matches!(effect, Effect::Test { .. })).count();
    let all = desk.model.numbers.marks().len();
    assert!(all > 4, "{all}");
    assert_eq!(asked(&desk), 4);
    let screen = desk.screen();
    assert!(screen.contains(&format!("testing 0 of {all}")), "{screen}");
    for ended in 1..=all {
        let said = "sendable: CONNECTED".into();
        let test = crate::store::view::NumberTest { is_well: ended != 2, said, took_ms: 9 };
        desk.send(Msg::Tested { name: format!("n{ended}").as_str().into(), answer: Ok(test) });
        if ended == 3 {
            let screen = desk.screen();
            assert!(screen.contains(&format!("testing 3 of {all}, 1 not well")), "{screen}");
        }
    }
    assert_eq!(asked(&desk), all, "each of them once");
    // The first one says that they are marked.
    let toasts: Vec<&str> = desk.model.toasts.iter().map(|toast| toast.text.as_str()).collect();
    let end = format!("{all} numbers tested, 1 not well: n2");
    assert_eq!(toasts[1..], [format!("testing {all} numbers"), end], "one sentence, not one for each");
    assert!(!desk.screen().contains(&format!("of {all}")), "it is over");
}

#[test]
fn a_number_without_a_limit_leaves_the_day_open() {
    for (width, closed, open) in [
        (160, "capacity left today 0 of 10 000", "capacity left today 0 of 10 000, 1 without limit"),
        (80, "0 left today", "2 numbers"),
    ] {
        let mut desk = Desk::new(World::One, width, 48);
        let mut overview = one_overview();
        overview.capacity = Some((0, 10_000));
        desk.send(Msg::Overview(Ok(std::sync::Arc::new(overview.clone()))));
        let screen = desk.screen();
        assert!(screen.contains(closed) && !screen.contains("without limit"), "{screen}");
        let mut free = number(2, "support-b");
        free.limit_today = None;
        overview.numbers.push(free);
        desk.send(Msg::Overview(Ok(std::sync::Arc::new(overview))));
        let screen = desk.screen();
        assert!(screen.contains(open), "{screen}");
        assert_eq!(screen.contains("left today"), width == 160, "{screen}");
    }
}
