//! Where alerts go besides the console.

use crate::domain::action::{Action, Order, Version};
use crate::domain::channel::{ChannelChange, ChannelSecret, Medium, Unsealed};
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg};

/// An admin has the list open.
fn open() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.lead();
    desk.keys("O");
    desk.wait(200);
    desk.keys("F3");
    desk.wait(200);
    desk
}

/// Answers the last orders so.
fn answer(desk: &mut Desk, with: &ActionAnswer) {
    let acts: Vec<(u64, Vec<Order>)> = desk
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Act { act, orders, .. } => Some((*act, orders.clone())),
            _ => None,
        })
        .collect();
    desk.effects.clear();
    for (act, orders) in acts {
        let answers = orders.into_iter().map(|order| (order, with.clone())).collect();
        desk.send(Msg::Acted { act, answers });
    }
    desk.draw();
}

#[test]
fn a_channel_is_added_with_a_secret_that_no_screen_shows() {
    let mut desk = open();
    desk.keys("n");
    desk.text("night");
    desk.keys("Tab Space Tab");
    desk.text("https://hooks.example.com/x");
    desk.keys("Tab ctrl-s");
    let screen = desk.screen();
    assert!(
        screen.contains("not saved: see the marked fields") && screen.contains("Signs with is needed"),
        "{screen}"
    );
    assert!(!screen.contains("Mail server"), "a webhook has none: {screen}");
    desk.text("hunter2");
    desk.send(Msg::Paste("two\nlines".into()));
    assert!(desk.screen().contains("not pasted"), "{}", desk.screen());
    desk.send(Msg::Paste("-and-more\n".into()));
    let screen = desk.screen();
    assert!(screen.contains("****************_") && !screen.contains("hunter"), "{screen}");
    desk.keys("Tab Left Tab ctrl-u");
    desk.text("paused, doubts");
    desk.keys("Tab Space ctrl-s");
    let orders = desk.orders();
    let [Order { action: Action::AddChannel { new, .. }, expected: None, .. }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!((new.name.as_str(), new.medium, new.least), ("night", Medium::Webhook, "info"));
    assert_eq!((new.smtp.as_ref(), new.mail_from.as_ref(), new.daily_report), (None, None, true));
    assert_eq!(new.kinds.as_deref(), Some(["paused".to_owned(), "doubts".to_owned()].as_slice()));
    assert_eq!(new.secret, Some(ChannelSecret::Given(Unsealed::new("hunter2-and-more"))));
    let told = format!("{:?} {:?}", desk.effects, desk.model.overlays);
    assert!(!told.contains("hunter"), "{told}");
    // What is refused stays, the secret with it; what is done is closed.
    answer(&mut desk, &ActionAnswer::Refused("the name is taken".into()));
    let screen = desk.screen();
    assert!(
        screen.contains("the name is taken") && screen.contains("[night") && screen.contains("[****"),
        "{screen}"
    );
    desk.keys("ctrl-s");
    answer(&mut desk, &ActionAnswer::Done { version: None, undo: None });
    let screen = desk.screen();
    assert!(!screen.contains("New channel") && screen.contains("added channel night"), "{screen}");
}

#[test]
fn only_what_was_edited_is_changed_and_what_moved_meanwhile_is_told_first() {
    let mut desk = open();
    desk.keys("e ctrl-u");
    desk.text("ops@example.com");
    // Somebody else changes another field, and then this one.
    desk.channels[0].version = Version(5);
    desk.channels[0].leads.mail_from = Some("alerts@example.com".to_owned());
    desk.wait(6_000);
    let screen = desk.screen();
    assert!(screen.contains("[alerts@example.com") && !screen.contains("changed meanwhile"), "{screen}");
    desk.channels[0].version = Version(6);
    desk.channels[0].leads.address = "cleo@example.com".to_owned();
    desk.wait(6_000);
    let screen = desk.screen();
    assert!(screen.contains("changed meanwhile: it is cleo@example.com now"), "{screen}");
    assert!(screen.contains("[ops@example.com"), "{screen}");
    desk.keys("ctrl-s");
    assert!(
        desk.orders().is_empty() && desk.screen().contains("ctrl-s again replaces it"),
        "{}",
        desk.screen()
    );
    desk.keys("ctrl-s");
    let orders = desk.orders();
    let [Order { action: Action::EditChannel { change, .. }, expected: Some(Version(6)), .. }] =
        orders.as_slice()
    else {
        panic!("{orders:?}")
    };
    assert_eq!(change.address.as_deref(), Some("ops@example.com"));
    assert_eq!((&change.smtp, &change.mail_from, &change.secret, change.least), (&None, &None, &None, None));
    // Nothing goes twice while it is on its way.
    desk.keys("ctrl-s");
    assert_eq!(desk.orders().len(), 1);
    let bea = ActionAnswer::Changed { to: "another one than was shown".into(), by: "bea".into(), at: wall() };
    answer(&mut desk, &bea);
    assert!(desk.screen().contains("[ops@example.com"), "it stays: {}", desk.screen());
    desk.channels.remove(0);
    desk.wait(6_000);
    desk.keys("ctrl-s");
    assert!(desk.orders().is_empty() && desk.screen().contains("was removed"), "{}", desk.screen());
}

#[test]
fn leaving_says_once_what_is_not_saved() {
    let mut desk = open();
    desk.keys("e Esc");
    assert!(!desk.screen().contains("Edit channel"), "nothing to lose: {}", desk.screen());
    desk.keys("e");
    desk.text("x");
    desk.keys("Esc");
    assert!(desk.screen().contains("not saved: ctrl-s saves, Esc again leaves"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(!desk.screen().contains("Edit channel") && desk.orders().is_empty(), "{}", desk.screen());
}

#[test]
fn a_test_goes_out_and_what_came_of_it_is_told() {
    let mut desk = open();
    desk.keys("j t");
    let tested = desk.effects.iter().find_map(|effect| match effect {
        Effect::TestChannel { channel, name } => Some((*channel, name.clone())),
        _ => None,
    });
    assert_eq!(tested, Some((desk.channels[1].id, "pager".into())));
    let answer = Err(BackendError::Refused("it answers 503".into()));
    desk.send(Msg::ChannelTested { name: "pager".into(), answer });
    assert!(desk.screen().contains("pager did not take the test: it answers 503"), "{}", desk.screen());
    desk.send(Msg::ChannelTested { name: "pager".into(), answer: Ok(()) });
    assert!(desk.screen().contains("pager took the test"), "{}", desk.screen());
}

#[test]
fn a_channel_is_removed_after_a_question() {
    let mut desk = open();
    desk.keys("j D");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Remove channel?") && screen.contains("7, dropped with it"), "{screen}");
    assert!(desk.orders().is_empty());
    desk.keys("y");
    assert_eq!(desk.orders()[0].action, Action::RemoveChannel(desk.channels[1].id));
}

#[test]
fn managers_choose_what_goes_there_and_viewers_read() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("B c");
    desk.wait(200);
    for key in ["n", "D"] {
        desk.keys(key);
        assert!(desk.screen().contains("only an admin adds and removes channels"), "{}", desk.screen());
        desk.wait(10_000);
    }
    desk.keys("e");
    let screen = desk.screen();
    assert!(screen.contains("Edit channel  ops") && screen.contains("From severity"), "{screen}");
    assert!(!screen.contains("Mail server") && !screen.contains("Password"), "{screen}");
    desk.keys("Shift-Tab");
    assert!(desk.screen().contains("Admins lead it to another server"), "{}", desk.screen());
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.session.may_write = false;
    desk.keys("O");
    desk.wait(200);
    desk.keys("F3");
    desk.wait(200);
    for key in ["n", "e", "t", "D"] {
        desk.keys(key);
        let screen = desk.screen();
        assert!(
            screen.contains("READ-ONLY") && screen.contains("your role may look, not change"),
            "{screen}"
        );
        desk.wait(10_000);
    }
    assert!(desk.orders().is_empty());
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::TestChannel { .. })));
}

#[test]
fn a_change_is_taken_back_and_one_of_a_secret_says_that_it_is_not() {
    let mut desk = open();
    desk.keys("e ctrl-u");
    desk.text("ops@example.com");
    desk.keys("ctrl-s");
    let former = ChannelChange { address: Some("bea@example.com".into()), ..ChannelChange::default() };
    let action = Action::EditChannel { channel: desk.channels[0].id, change: Box::new(former) };
    let undo = Order::on(action, Version(9));
    answer(&mut desk, &ActionAnswer::Done { version: None, undo: Some(Box::new(undo.clone())) });
    desk.keys("u");
    assert_eq!(desk.orders(), [&undo]);

    let mut desk = open();
    desk.keys("j e");
    desk.keys("Tab");
    desk.text("hunter2");
    desk.keys("ctrl-s");
    answer(&mut desk, &ActionAnswer::Done { version: None, undo: None });
    let screen = desk.screen();
    assert!(screen.contains("changed channel pager; no undo: its former secret is gone"), "{screen}");
    desk.keys("u");
    assert!(desk.orders().is_empty(), "{:?}", desk.orders());
}
