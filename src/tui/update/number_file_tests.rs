//! Files of numbers, looked at, imported and written from the Numbers tab.

use crate::store::number_batch::NumbersImported;
use crate::tui::backend::{BackendError, FileTold, FileWork};
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg};
use std::sync::Arc;

/// What was asked for last, and by which number its answer is known.
fn asked(desk: &Desk) -> Option<(u64, FileWork)> {
    desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::NumberFile { request, work } => Some((*request, work.clone())),
        _ => None,
    })
}

fn answer(desk: &mut Desk, answer: Result<FileTold, BackendError>) {
    let (request, _) = asked(desk).expect("something was asked for");
    desk.send(Msg::NumberFile { request, answer });
    desk.draw();
}

fn checked(source: &str) -> FileTold {
    FileTold::Checked { source: Arc::from(source), lines: 5, new: 3, new_pools: vec!["vp".into()] }
}

#[test]
fn a_file_is_looked_at_before_it_is_imported() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("i");
    // Nothing is named yet: nothing is asked.
    desk.keys("Enter");
    assert_eq!(asked(&desk), None);
    desk.text("new numbers.csv");
    desk.keys("Enter");
    assert!(desk.screen().contains("Reading ..."), "{}", desk.screen());
    assert_eq!(asked(&desk).unwrap().1, FileWork::Check("new numbers.csv".into()));
    answer(&mut desk, Ok(checked("phone\n+237600000001\n")));
    let screen = desk.screen();
    assert!(screen.contains("5 numbers: 3 new, 2 there already."), "{screen}");
    assert!(screen.contains("It would make new pools: vp."), "{screen}");
    // Another name is another file: it is looked at, too.
    desk.keys("Backspace Enter");
    assert_eq!(asked(&desk).unwrap().1, FileWork::Check("new numbers.cs".into()));
    answer(&mut desk, Ok(checked("phone\n+237600000002\n")));
    desk.keys("Enter");
    // What was looked at is imported, whatever stands in the file by now.
    assert_eq!(asked(&desk).unwrap().1, FileWork::Import(Arc::from("phone\n+237600000002\n")));
    answer(&mut desk, Ok(FileTold::Imported(NumbersImported { added: 3, changed: 1, unchanged: 1 })));
    let screen = desk.screen();
    assert!(screen.contains("3 added, 1 changed, 1 unchanged."), "{screen}");
    assert!(screen.contains("numbers imported: 3 added, 1 changed"), "{screen}");
    desk.keys("Enter");
    assert!(!desk.screen().contains("Import numbers"), "{}", desk.screen());
}

#[test]
fn refusals_are_listed_with_their_lines_and_nothing_is_imported() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("i");
    desk.text("n.csv");
    desk.keys("Enter");
    let fault = |line: usize| {
        format!(
            "line {line}, column priority: a priority, lower goes first, is a whole number from 0 to 9999"
        )
    };
    let faults = (2..42).map(|line| fault(line).as_str().into()).collect();
    answer(&mut desk, Ok(FileTold::Wrong { faults, all: 120 }));
    let screen = desk.screen();
    assert!(screen.contains("120 refusals: nothing was imported."), "{screen}");
    assert!(screen.contains("! line 2, column priority"), "{screen}");
    desk.keys("Down");
    let screen = desk.screen();
    assert!(!screen.contains("! line 2, ") && screen.contains("! line 3, "), "{screen}");
    // The file was corrected: it is looked at again.
    desk.keys("Enter");
    assert_eq!(asked(&desk).unwrap().1, FileWork::Check("n.csv".into()));
    answer(&mut desk, Err(BackendError::Refused("n.csv was not read: no such file".into())));
    assert!(desk.screen().contains("n.csv was not read"), "{}", desk.screen());
}

#[test]
fn all_numbers_are_written_to_a_new_file() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("w");
    desk.text("n.csv");
    desk.keys("Enter");
    assert_eq!(asked(&desk).unwrap().1, FileWork::Export("n.csv".into()));
    answer(&mut desk, Err(BackendError::Refused("n.csv exists already: give it another name".into())));
    assert!(desk.screen().contains("n.csv exists already: give it another name"), "{}", desk.screen());
    desk.keys("Left Left Left Left");
    desk.text("2");
    desk.keys("Enter");
    assert_eq!(asked(&desk).unwrap().1, FileWork::Export("n2.csv".into()));
    // Whoever left meanwhile is told all the same.
    desk.keys("Esc");
    answer(&mut desk, Ok(FileTold::Exported(6, "/tmp/n2.csv".into())));
    assert!(desk.screen().contains("6 numbers written"), "{}", desk.screen());
}

/// Whoever left while it was being imported would take it for done.
#[test]
fn who_has_left_is_told_that_nothing_was_imported() {
    for (wrong, said) in [
        (
            Ok(FileTold::Wrong { faults: vec!["line 2, column label: is none".into()], all: 3 }),
            "numbers not imported: line 2, column label: is none",
        ),
        (Err(BackendError::Refused("the database is away".into())), "file of numbers: the database is away"),
    ] {
        let mut desk = Desk::new(World::Many, 160, 48);
        desk.keys("i");
        desk.text("n.csv");
        desk.keys("Enter");
        answer(&mut desk, Ok(checked("phone\n")));
        desk.keys("Enter");
        let (request, _) = asked(&desk).unwrap();
        // Another dialog of this kind is none of its.
        desk.keys("Esc w");
        desk.send(Msg::NumberFile { request, answer: wrong });
        desk.draw();
        assert!(desk.screen().contains(said), "{}", desk.screen());
        assert!(desk.screen().contains("All numbers with their limits"), "{}", desk.screen());
    }
}

#[test]
fn an_answer_belongs_to_the_dialog_that_asked() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("i");
    desk.text("n.csv");
    desk.keys("Enter");
    let (request, _) = asked(&desk).unwrap();
    desk.keys("Esc w");
    desk.send(Msg::NumberFile { request, answer: Ok(checked("phone\n")) });
    desk.draw();
    assert!(desk.screen().contains("All numbers with their limits"), "{}", desk.screen());
}

#[test]
fn who_may_only_look_writes_a_file_and_imports_none() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.read_only = true;
    desk.keys("i");
    assert!(desk.screen().contains("READ-ONLY: import is off"), "{}", desk.screen());
    desk.keys("w");
    assert!(desk.screen().contains("Export numbers"), "{}", desk.screen());
}
