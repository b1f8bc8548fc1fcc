//! Any sequence of messages keeps what must always hold.

use crate::domain::action::Action;
use crate::store::view::{Page, Place};
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::fake::*;
use crate::tui::keymap::TABLE;
use crate::tui::msg::{Consent, Effect, Msg, Question, Reading, Slot};
use crate::tui::overlays::{Overlay, confirm::GUARD};
use crate::tui::update::update;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;
use std::sync::Arc;

/// A small random source, so that a failing seed is a test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn random_key(dice: &mut Dice) -> KeyEvent {
    const KEYS: [KeyCode; 12] = [
        KeyCode::Enter,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageDown,
        KeyCode::PageUp,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
    ];
    const LETTERS: &str = "1234jkhlgGpxXFEUbne+-LcCrRtdIyuo/:?!vmVJK*[]sfqY0 ";
    match dice.roll(10) {
        0..=2 => KeyEvent::new(KEYS[usize::try_from(dice.roll(12)).unwrap()], KeyModifiers::NONE),
        3 => KeyEvent::new(
            KeyCode::Char(char::from(b'a' + u8::try_from(dice.roll(26)).unwrap())),
            KeyModifiers::CONTROL,
        ),
        _ => {
            let at = usize::try_from(dice.roll(LETTERS.len() as u64)).unwrap();
            KeyEvent::new(KeyCode::Char(char::from(LETTERS.as_bytes()[at])), KeyModifiers::NONE)
        }
    }
}

fn random_message(dice: &mut Dice, desk: &Desk) -> Msg {
    match dice.roll(24) {
        0 => Msg::Overview(Ok(Arc::new(match dice.roll(3) {
            0 => empty_overview(),
            1 => one_overview(),
            _ => many_overview(),
        }))),
        1 => Msg::Overview(Err(BackendError::Away("gone".into()))),
        2 => {
            let mut overview = many_overview();
            let at = usize::try_from(dice.roll(6)).unwrap();
            overview.campaigns[at].version.0 += 1;
            overview.numbers.remove(usize::try_from(dice.roll(6)).unwrap());
            Msg::Overview(Ok(Arc::new(overview)))
        }
        3 => Msg::Live(events(20), dice.roll(5)),
        4 => Msg::NoticesLost,
        5 => Msg::Paste("200041\nspring-news".into()),
        6 => Msg::Resize(Size::new(
            u16::try_from(dice.roll(200)).unwrap(),
            u16::try_from(dice.roll(60)).unwrap(),
        )),
        7 => Msg::Acted { act: dice.roll(desk.model.next_request), answers: vec![] },
        8 => Msg::Answer {
            slot: Slot::Recipients,
            request: dice.roll(desk.model.next_request + 2),
            took: std::time::Duration::ZERO,
            answer: Ok(Reading::Recipients(Page::default())),
        },
        9 | 10 => Msg::Tick,
        _ => Msg::Key(random_key(dice)),
    }
}

/// Whether this message, now, is the operator's yes to the question on top.
fn is_consent(desk: &Desk, message: &Msg) -> bool {
    let (Some(Overlay::Confirm(confirm)), Msg::Key(key)) = (desk.model.overlays.last(), message) else {
        return false;
    };
    let guarded = desk.now().mono < confirm.opened_at + GUARD;
    let yes = match &confirm.proposal.typed {
        Some(typed) => typed.is_met(confirm.typed.text()) && key.code == KeyCode::Enter,
        None => key.code == KeyCode::Char('y') || (key.code == KeyCode::Enter && confirm.go_focused),
    };
    yes && !guarded && confirm.changed.is_none() && !confirm.is_reading()
}

fn check(desk: &Desk, message: &Msg, consent: bool, effects: &[Effect], read_only: bool) {
    let questions = desk.model.overlays.iter().filter(|o| matches!(o, Overlay::Confirm(_))).count();
    assert!(questions <= 1, "two questions at once after {message:?}");
    assert!(desk.model.toasts.len() <= 3);
    assert!(desk.model.numbers.rows().is_empty() || desk.model.numbers.current().is_some());
    assert!(desk.model.campaigns.rows().is_empty() || desk.model.campaigns.current().is_some());
    let list = &desk.model.recipients.list;
    assert!(list.rows().is_empty() || list.current().is_some());
    assert!(list.rows().len() <= crate::tui::lists::paged::ROWS_KEPT);
    for effect in effects {
        let makes = matches!(effect, Effect::Make { .. } | Effect::Write { .. });
        assert!(!(makes && read_only), "{message:?} made something in read-only mode");
        let Effect::Act { orders, consent: given, .. } = effect else { continue };
        assert!(!read_only, "{message:?} acted in read-only mode");
        assert!(!orders.is_empty());
        let dangerous = orders.iter().any(|order| order.action.needs_consent());
        match given {
            Consent::NotNeeded => assert!(!dangerous, "{message:?} did {orders:?} without a question"),
            Consent::Confirmed => assert!(consent, "{message:?} was no yes to {orders:?}"),
            Consent::Undo => assert!(matches!(message, Msg::Key(_))),
        }
        for order in orders {
            let whole = matches!(
                order.action,
                Action::AddNumber(_)
                    | Action::AddPool(_)
                    | Action::SetSlot { .. }
                    | Action::ResetSlots(_)
                    | Action::IncludeAgain { .. }
                    | Action::StopAll
                    | Action::ReleaseStop
            );
            assert_eq!(order.expected.is_none(), whole, "{:?}", order.action);
        }
    }
}

fn history(seed: u64, steps: u32, read_only: bool) {
    let mut dice = Dice(seed);
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.read_only = read_only;
    for _ in 0..steps {
        desk.elapsed +=
            std::time::Duration::from_millis([0, 5, 50, 400, 3_000][usize::try_from(dice.roll(5)).unwrap()]);
        let message = random_message(&mut dice, &desk);
        let consent = is_consent(&desk, &message);
        let now = desk.now();
        let effects = update(&mut desk.model, message.clone(), now);
        check(&desk, &message, consent, &effects, read_only);
        desk.model.ended = None;
        for effect in effects {
            answer(&mut desk, &mut dice, effect);
        }
        if dice.roll(4) == 0 {
            let _ = desk.buffer();
        }
    }
}

/// Answers some effects, and some of them late or never.
fn answer(desk: &mut Desk, dice: &mut Dice, effect: Effect) {
    let now = desk.now();
    let message = match effect {
        Effect::Act { act, orders, .. } if dice.roll(3) > 0 => {
            let answers = orders
                .into_iter()
                .map(|order| {
                    let answer = match dice.roll(4) {
                        0 => ActionAnswer::Changed { to: "other".into(), by: "bea".into(), at: wall() },
                        1 => ActionAnswer::Refused("no".into()),
                        _ => ActionAnswer::Done { version: None, undo: Some(Box::new(order.clone())) },
                    };
                    (order, answer)
                })
                .collect();
            Msg::Acted { act, answers }
        }
        Effect::Ask { request, question: Question::Recipients(_, place) } if dice.roll(3) > 0 => {
            let page = match place {
                Place::Start => {
                    Page { rows: (0..200).map(recipient).collect(), more_before: false, more_after: true }
                }
                Place::End => {
                    Page { rows: (900..1_000).map(recipient).collect(), more_before: true, more_after: false }
                }
                _ => Page { rows: (300..500).map(recipient).collect(), more_before: true, more_after: true },
            };
            let answer =
                if dice.roll(5) == 0 { Err(BackendError::Slow) } else { Ok(Reading::Recipients(page)) };
            Msg::Answer { slot: Slot::Recipients, request, took: std::time::Duration::ZERO, answer }
        }
        Effect::Ask { request, question: Question::Doubts(_) } => Msg::Answer {
            slot: Slot::Doubts,
            request,
            took: std::time::Duration::ZERO,
            answer: Ok(Reading::Doubts(Page {
                rows: vec![doubt(1), doubt(2)],
                more_before: false,
                more_after: false,
            })),
        },
        other if dice.roll(6) == 0 => Msg::Busy(other),
        _ => return,
    };
    update(&mut desk.model, message, now);
}

#[test]
fn any_history_keeps_the_invariants() {
    for seed in 0..30 {
        history(seed, 400, false);
    }
}

#[test]
fn no_history_acts_in_read_only_mode() {
    for seed in 1_000..1_015 {
        history(seed, 400, true);
    }
}

#[test]
fn hints_fit_their_line_whatever_is_open() {
    for (width, height) in [(60, 16), (80, 24), (160, 48)] {
        for keys in [
            "1",
            "2",
            "2 r",
            "4",
            "4 k",
            "Enter",
            "2 Enter",
            "d",
            "I",
            "!",
            "n",
            "x",
            "/",
            ":",
            "?",
            "y",
            "o",
            "2 j j j j L",
            "2 n",
            "2 S",
            "2 P",
            "2 w",
            "2 Q",
            "U",
            "F2",
            "ctrl-c",
        ] {
            let mut desk = Desk::new(World::Many, width, height);
            desk.keys(keys);
            desk.wait(400);
            let hints = crate::tui::view::fitting(&desk.model, width);
            let gap = if width >= 120 { 3 } else { 2 };
            let columns: usize =
                hints.iter().map(|(key, label)| key.chars().count() + 1 + label.chars().count() + gap).sum();
            assert!(columns <= usize::from(width) + gap, "{keys} at {width}: {columns} columns, {hints:?}");
            assert!(!hints.is_empty(), "{keys}");
        }
    }
}

#[test]
fn help_lists_every_key_of_the_tab() {
    for (tab, width, height) in [("1", 160, 48), ("2", 160, 48), ("3", 160, 48), ("4", 160, 48)] {
        let mut desk = Desk::new(World::Many, width, height);
        desk.keys(tab);
        desk.keys("?");
        let screen = desk.screen();
        for entry in TABLE.iter().filter(|entry| entry.layer == desk.model.tab.layer()) {
            let start: String = entry.title.chars().take(16).collect();
            assert!(screen.contains(&start), "{}: {}\n{screen}", desk.model.tab.title(), entry.title);
        }
    }
}
