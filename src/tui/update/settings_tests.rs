//! The form with what is set of the organisation.

use crate::domain::action::{Action, Order, Subject};
use crate::domain::setting::{Change, Setting};
use crate::tui::backend::{ActionAnswer, Notice};
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg};

/// The form is open and read.
fn open() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("O");
    desk.wait(200);
    desk
}

fn change(setting: Setting, was: &str, to: &str) -> Change {
    Change { setting, was: was.to_owned(), to: setting.read(to).unwrap() }
}

fn ordered(desk: &Desk) -> Vec<Vec<Change>> {
    let orders = desk.orders();
    orders
        .iter()
        .map(|order| match &order.action {
            Action::EditSettings(changes) => changes.clone(),
            other => panic!("another order: {other:?}"),
        })
        .collect()
}

/// Carries out the orders of the desk as the database would.
fn carry_out(desk: &mut Desk) {
    for changes in ordered(desk) {
        desk.settings = desk.settings.clone().with(&changes);
    }
    desk.done(true);
    desk.wait(100);
}

/// Somebody else sets this.
fn set_elsewhere(desk: &mut Desk, setting: Setting, to: &str) {
    desk.settings = desk.settings.clone().with(&[change(setting, "", to)]);
    desk.send(Msg::Notice(Notice {
        at: wall(),
        by: "bea".into(),
        what: "acme edited".into(),
        subject: Subject::Organization,
        version: None,
        alarming: false,
    }));
    desk.draw();
}

#[test]
fn what_changes_no_sending_is_saved_at_once_and_only_that() {
    let mut desk = open();
    desk.keys("ctrl-u");
    desk.text("Acme Health");
    assert!(desk.screen().contains("1 change not saved"), "{}", desk.screen());
    desk.keys("ctrl-s");
    assert_eq!(ordered(&desk), [[change(Setting::Name, "Acme Clinics", "Acme Health")]]);
    carry_out(&mut desk);
    let screen = desk.screen();
    assert!(screen.contains("Acme Health") && !screen.contains("not saved"), "{screen}");
    // What was done can be taken back; the form lies there still.
    assert!(screen.contains("Settings") && screen.contains("Name is Acme Health"), "{screen}");
}

#[test]
fn what_changes_sending_is_asked_with_what_it_was_and_goes_out_group_by_group() {
    let mut desk = open();
    // Zone and limit are of one group, quiet hours of another one.
    desk.keys("Tab ctrl-u");
    desk.text("Africa/Lagos");
    desk.keys("Tab Tab ctrl-u");
    desk.text("900");
    desk.keys("Tab Tab Tab ctrl-u");
    desk.text("none");
    desk.keys("ctrl-s");
    desk.wait(400);
    let screen = desk.screen();
    for said in [
        "Change settings?",
        "Africa/Douala -> Africa/Lagos",
        "5000 -> 900",
        "20:00-08:00 -> none",
        "new zone",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    assert!(desk.orders().is_empty());
    desk.keys("y");
    let orders = ordered(&desk);
    assert_eq!(
        orders,
        [
            vec![
                change(Setting::Zone, "Africa/Douala", "Africa/Lagos"),
                change(Setting::DailyLimit, "5000", "900")
            ],
            vec![change(Setting::Quiet, "20:00-08:00", "none")]
        ]
    );
    assert!(desk.orders().iter().all(|order| !order.action.needs_consent()));
}

#[test]
fn what_is_refused_stays_in_its_field() {
    let mut desk = open();
    desk.keys("ctrl-u");
    desk.text("Acme Health");
    desk.keys("PgUp PgUp Tab Tab ctrl-u");
    desk.text("08:00");
    desk.keys("ctrl-s");
    let acts: Vec<(u64, Vec<Order>)> = desk
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Act { act, orders, .. } => Some((*act, orders.clone())),
            _ => None,
        })
        .collect();
    let [(act, orders)] = acts.as_slice() else { panic!("{acts:?}") };
    let [name, report] = orders.as_slice() else { panic!("{orders:?}") };
    let done = ActionAnswer::Done { version: None, undo: None };
    let answers = vec![
        (name.clone(), done),
        (report.clone(), ActionAnswer::Refused("your role may not change this".into())),
    ];
    desk.settings = desk.settings.clone().with(&[change(Setting::Name, "", "Acme Health")]);
    desk.send(Msg::Acted { act: *act, answers });
    desk.wait(100);
    let screen = desk.screen();
    assert!(screen.contains("1 change not saved") && screen.contains("[08:00"), "{screen}");
    assert!(screen.contains("your role may not change this"), "{screen}");
}

#[test]
fn what_is_typed_while_it_is_saved_stays() {
    let mut desk = open();
    desk.keys("ctrl-u");
    desk.text("Acme Health");
    desk.keys("ctrl-s");
    desk.text("care");
    carry_out(&mut desk);
    let screen = desk.screen();
    assert!(screen.contains("[Acme Healthcare") && screen.contains("1 change not saved"), "{screen}");
    desk.keys("ctrl-s");
    assert_eq!(ordered(&desk), [[change(Setting::Name, "Acme Health", "Acme Healthcare")]]);
}

#[test]
fn a_wrong_field_says_so_and_nothing_is_saved() {
    let mut desk = open();
    desk.keys("Tab Tab Tab ctrl-u");
    desk.text("0");
    desk.keys("Tab Tab Tab ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("it is a whole number from 1 to 2147483647, or none"), "{screen}");
    assert!(screen.contains("not saved: see the marked fields"), "{screen}");
    assert!(screen.lines().any(|line| line.contains("> Daily limit")), "the focus is there: {screen}");
    assert!(desk.orders().is_empty());
}

#[test]
fn what_somebody_else_changes_is_taken_in_or_told_before_it_is_replaced() {
    let mut desk = open();
    desk.keys("Tab Tab Tab ctrl-u");
    desk.text("900");
    set_elsewhere(&mut desk, Setting::WarmUp, "10,20");
    let screen = desk.screen();
    assert!(screen.contains("[10,20 "), "{screen}");
    assert!(!screen.contains("changed meanwhile"), "{screen}");
    set_elsewhere(&mut desk, Setting::DailyLimit, "300");
    let screen = desk.screen();
    assert!(screen.contains("changed meanwhile: it is 300 now") && screen.contains("[900_ "), "{screen}");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("ctrl-s again replaces it"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("300 -> 900"), "{}", desk.screen());
    desk.keys("y");
    assert_eq!(ordered(&desk), [[change(Setting::DailyLimit, "300", "900")]]);
}

#[test]
fn a_switch_turns_by_space_and_a_part_by_page() {
    let mut desk = open();
    desk.keys("PgDn Shift-Tab PgDn PgDn Shift-Tab");
    let screen = desk.screen();
    assert!(screen.lines().any(|line| line.contains("> Side by side") && line.contains("<no ")), "{screen}");
    desk.keys("Space");
    assert!(desk.screen().contains("<yes "), "{}", desk.screen());
    desk.keys("Left");
    assert!(!desk.screen().contains("not saved"), "{}", desk.screen());
    desk.text("x");
    assert!(!desk.screen().contains("not saved"), "{}", desk.screen());
}

#[test]
fn leaving_says_once_what_is_not_saved() {
    let mut desk = open();
    desk.text("!");
    desk.keys("Esc");
    let screen = desk.screen();
    assert!(screen.contains("1 change not saved: ctrl-s saves, Esc again leaves"), "{screen}");
    // Whoever goes on typing is told again.
    desk.text("!");
    desk.keys("Esc");
    assert!(desk.screen().contains("Settings  acme"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(!desk.screen().contains("Settings  acme"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
    let mut desk = open();
    desk.keys("Esc");
    assert!(!desk.screen().contains("Settings  acme"), "nothing to lose: {}", desk.screen());
}

#[test]
fn who_may_not_change_them_reads_them() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.session.may_write = false;
    desk.keys("O");
    desk.wait(200);
    assert!(desk.screen().contains("Settings  acme  READ-ONLY"), "{}", desk.screen());
    for (keys, said) in [("x", "nothing can be changed here"), ("ctrl-s", "your role may look, not change")] {
        desk.keys(keys);
        let screen = desk.screen();
        assert!(screen.contains("READ-ONLY") && screen.contains(said), "{keys}: {screen}");
        assert!(screen.contains("[Acme Clinics "), "{keys}: {screen}");
        desk.wait(10_000);
    }
    desk.send(Msg::Paste("Other".into()));
    assert!(!desk.screen().contains("Other"), "{}", desk.screen());
    assert!(desk.orders().is_empty());
}

#[test]
fn what_steps_say_has_a_field_a_step_and_one_behind_them() {
    let mut desk = open();
    desk.keys("PgUp");
    let screen = desk.screen();
    let first = |line: &str| line.contains("> Step 1") && line.contains("we open on Monday. | fr=Bonjour");
    assert!(screen.lines().any(first), "{screen}");
    desk.keys("Tab Tab ctrl-u");
    desk.text("Bye {{name");
    assert!(desk.screen().contains("is never closed"), "{}", desk.screen());
    desk.text("|friend}} | fr=Salut");
    desk.keys("ctrl-s");
    let to = "Bye {{name|friend}} | fr=Salut";
    assert_eq!(ordered(&desk), [[change(Setting::StepText(2), "none", to)]]);
    desk.settings = desk.settings.clone().with(&[change(Setting::StepText(3), "", "none")]);
    carry_out(&mut desk);
    desk.keys("Tab");
    let screen = desk.screen();
    assert!(screen.contains("> Step 4") && !screen.contains("not saved"), "{screen}");
    // Whoever takes the last ones away elsewhere takes their fields away, but for what is being typed.
    desk.keys("Shift-Tab");
    desk.text("!");
    desk.settings = settings();
    desk.wait(6_000);
    desk.keys("Tab Shift-Tab");
    let screen = desk.screen();
    assert!(screen.contains("Bye {{name|friend}} | fr=Salut!") && !screen.contains("Step 4"), "{screen}");
}
