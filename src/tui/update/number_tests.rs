//! The forms of numbers, new and edited.

use crate::domain::action::{Action, Order, Version};
use crate::domain::money::Money;
use crate::domain::number::{Approval, NumberWords, Pacing, ProviderKind, SetupChange};
use crate::domain::pool::PoolChange;
use crate::domain::text::Shown;
use crate::store::view::{NumberRow, Overview};
use crate::tui::backend::ActionAnswer;
use crate::tui::fake::*;
use crate::tui::keymap::Danger;
use crate::tui::msg::{Effect, Msg};
use crate::tui::overlays::Overlay;
use crate::tui::theme::Role;
use crate::tui::verbs::{NumberValues, edit_many};
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

/// The first orders that went out, and by which number their answers are known.
fn sent(desk: &Desk) -> Option<(u64, Vec<Order>)> {
    desk.effects.iter().find_map(|effect| match effect {
        Effect::Act { act, orders, .. } => Some((*act, orders.clone())),
        _ => None,
    })
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

/// Everything that `number edit` sets: beside what it is called, how it stands and where it sends.
#[test]
fn how_a_number_stands_is_edited_with_the_rest_of_it() {
    let mut desk = form_of(|row| {
        row.provider = ProviderKind::Ultramsg;
        row.setup.queue = Some(5);
    });
    tab(&mut desk, 10);
    desk.keys("ctrl-u");
    desk.text("instance9");
    desk.keys("Tab ctrl-u");
    desk.text("20");
    desk.keys("Tab ctrl-u");
    desk.text("2026-06-01T09:00");
    desk.keys("Tab ctrl-u");
    desk.text("3");
    // Canaries; and of the pools one more.
    desk.keys("Tab Space Tab Right Space ctrl-s");
    desk.wait(400);
    let screen = desk.screen();
    for line in [
        "Id there    101 -> instance9",
        "For replies 0 % -> 20 %",
        "Warm-up     off -> 2026-06-01 09:00",
        "Queue       5 -> 3",
        "Canaries    no -> yes",
        "Comes into  reserve",
        "It holds at once, on every sender.",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    desk.keys("y");
    let setup = SetupChange {
        sender_id: Some("instance9".into()),
        // The zone of the organisation is an hour ahead.
        warm_up: Some("2026-06-01T08:00:00Z".parse().ok()),
        reply_share: Some(20),
        queue: Some(3),
        canaries: Some(true),
    };
    let put = PoolChange { put: vec![(number_id(1), None)], ..PoolChange::default() };
    let expected = [
        Action::SetUpNumber { number: number_id(1), setup },
        Action::EditPool { pool: pool_id(2), change: put },
    ];
    assert_eq!(actions(&desk), expected);
    let versions: Vec<_> = desk.orders().iter().filter_map(|order| order.expected).collect();
    assert_eq!(versions, [Version(3), Version(2)], "each on its own row");
}

#[test]
fn what_is_kept_for_replies_or_a_warm_up_given_up_lets_more_out_and_is_asked_so() {
    for (tabs, typed) in [(11, "5"), (12, "off")] {
        let mut desk = form_of(|row| {
            row.setup.reply_share = 10;
            row.setup.warm_up = "2026-05-01T08:00:00Z".parse().ok();
        });
        assert!(desk.screen().contains("[2026-05-01T09:00"), "{}", desk.screen());
        tab(&mut desk, tabs);
        desk.keys("ctrl-u");
        desk.text(typed);
        desk.keys("ctrl-s");
        desk.wait(400);
        let screen = desk.screen();
        assert!(screen.contains("Raise limits?") && screen.contains("Type the number's label"), "{screen}");
    }
}

#[test]
fn a_warm_up_that_is_no_time_says_how_it_is_written() {
    let mut desk = form_of(|_| {});
    tab(&mut desk, 12);
    desk.keys("ctrl-u");
    desk.text("soon");
    let screen = desk.screen();
    assert!(screen.contains("off, now, or a time as 2026-12-01T09:00"), "{screen}");
    // An official provider keeps no queue: the form does not ask for one.
    assert!(!screen.contains("Queue"), "{screen}");
    desk.keys("ctrl-u");
    desk.text("now");
    desk.keys("ctrl-s");
    let [Action::SetUpNumber { setup: SetupChange { warm_up: Some(Some(at)), .. }, .. }] =
        &actions(&desk)[..]
    else {
        panic!("{}", desk.screen())
    };
    assert_eq!(Some(*at), desk.model.overview().map(|overview| overview.at), "the database's clock");
}

#[test]
fn a_new_number_gets_all_that_the_command_gives_one() {
    let mut desk = in_world(|_| {});
    desk.keys("n");
    desk.text("+237600000001");
    tab(&mut desk, 2);
    desk.text("1055");
    desk.keys("Tab");
    desk.text("backup");
    tab(&mut desk, 6);
    desk.text("now");
    desk.keys("Tab");
    desk.text("night");
    desk.keys("Tab");
    desk.text("main");
    desk.keys("Tab");
    desk.text("12.50 EUR");
    desk.keys("Tab");
    desk.text("requested");
    desk.keys("Tab");
    desk.text("bought in May");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("Pool        night  (new)"), "{}", desk.screen());
    desk.keys("y");
    let [Action::AddNumber(new)] = &actions(&desk)[..] else { panic!("{}", desk.screen()) };
    assert_eq!((new.sender_id.as_str(), new.pool.as_deref()), ("1055", Some("night")));
    assert_eq!(new.warm_up, desk.model.overview().map(|overview| overview.at));
    let remarks = &new.remarks;
    assert_eq!((remarks.notes.as_str(), remarks.label.as_deref()), ("bought in May", Some("main")));
    assert_eq!(remarks.monthly_cost.map(|cost| cost.to_string()).as_deref(), Some("12.50 EUR"));
    assert_eq!(remarks.approval, Some(Approval::Requested));
}

/// The form of the first two numbers.
fn form_of_two(change: impl FnOnce(&mut Overview)) -> Desk {
    let mut desk = in_world(change);
    desk.keys("g Space Space e");
    desk
}

#[test]
fn many_numbers_are_edited_in_all_that_can_be_theirs_together() {
    let mut desk = form_of_two(|overview| overview.numbers[1].setup.reply_share = 20);
    let screen = desk.screen();
    assert!(screen.contains("Edit 2 numbers: empty stays as it is"), "{screen}");
    tab(&mut desk, 5);
    desk.text("20");
    desk.keys("Tab");
    desk.text("now");
    desk.keys("Tab Tab Space Tab");
    desk.text("main");
    desk.keys("Tab");
    desk.text("9 EUR");
    desk.keys("Tab");
    desk.text("none");
    desk.keys("Tab");
    desk.text("on trial");
    // Into the second pool, out of the first.
    desk.keys("Tab Right Space Tab Space ctrl-s");
    desk.wait(400);
    let screen = desk.screen();
    for line in
        ["2 of 2 marked", "Comes into  reserve: 2 of 2", "Goes out of default: 2 of 2", "Canaries    yes"]
    {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    desk.keys("y");
    let at = desk.model.overview().map(|overview| overview.at);
    let words = NumberWords {
        notes: Some("on trial".into()),
        label: Some(Some("main".into())),
        monthly_cost: Some(Money::of(Some(900), Some("EUR"))),
        ..NumberWords::default()
    };
    let of = |number, reply_share| {
        let setup =
            SetupChange { warm_up: Some(at), reply_share, canaries: Some(true), ..SetupChange::default() };
        [Action::DescribeNumber { number, words: words.clone() }, Action::SetUpNumber { number, setup }]
    };
    let both = [number_id(1), number_id(2)];
    let mut expected = Vec::from(of(both[0], Some(20)));
    // It keeps that much already.
    expected.extend(of(both[1], None));
    let out = PoolChange { drop: both.to_vec(), ..PoolChange::default() };
    let into = PoolChange { put: both.map(|number| (number, None)).to_vec(), ..PoolChange::default() };
    expected.push(Action::EditPool { pool: pool_id(1), change: out });
    expected.push(Action::EditPool { pool: pool_id(2), change: into });
    assert_eq!(actions(&desk), expected);
}

#[test]
fn many_numbers_are_not_edited_where_one_of_them_cannot_be_so() {
    // A queue of its own keeps only an unofficial gateway.
    let mut desk = form_of_two(|overview| overview.numbers[0].provider = ProviderKind::Ultramsg);
    tab(&mut desk, 7);
    desk.text("3");
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("which keeps no queue of its own"), "{}", desk.screen());
    assert_eq!(actions(&desk), []);
    // Nor does one come into what it goes out of.
    let mut desk = form_of_two(|_| {});
    tab(&mut desk, 13);
    desk.keys("Space Tab Space ctrl-s");
    assert!(desk.screen().contains("a pool cannot be chosen for both"), "{}", desk.screen());
    assert_eq!(actions(&desk), []);
}

/// Words and standing are two orders, and each makes a version of its own.
#[test]
fn what_took_two_orders_is_taken_back_while_the_number_is_as_the_second_left_it() {
    for (version, offers) in [(5, true), (6, false)] {
        let mut desk = form_of(|_| {});
        tab(&mut desk, 6);
        desk.text("main");
        tab(&mut desk, 5);
        desk.text("5");
        desk.keys("ctrl-s");
        let (act, orders) = sent(&desk).expect("two orders");
        assert_eq!(orders.len(), 2, "{orders:?}");
        let answers = orders.into_iter().zip([4, 5]).map(|(order, version)| {
            let undo = Some(Box::new(Order::on(order.action.clone(), Version(version))));
            (order, ActionAnswer::Done { version: Some(Version(version)), undo })
        });
        desk.send(Msg::Acted { act, answers: answers.collect() });
        let mut overview = desk.model.overview().cloned().unwrap();
        overview.numbers[0].version = Version(version);
        desk.send(Msg::Overview(Ok(Arc::new(overview))));
        assert_eq!(desk.model.undo.is_some(), offers, "version {version}");
    }
}

/// What was typed comes back with what the database or a provider would not have.
#[test]
fn a_form_whose_orders_are_all_refused_comes_back_as_it_was() {
    let mut desk = in_world(|_| {});
    desk.keys("n");
    desk.text("+237 6 99 99 99 99");
    tab(&mut desk, 3);
    desk.text("sales");
    desk.keys("ctrl-s");
    desk.wait(400);
    desk.keys("y");
    let (act, orders) = sent(&desk).unwrap_or_else(|| panic!("an order: {}", desk.screen()));
    assert!(desk.model.overlays.is_empty());
    let refusal =
        || ActionAnswer::Refused("the number cannot be used: phone-number-id is not a number".into());
    let answers = orders.into_iter().map(|order| (order, refusal())).collect();
    desk.send(Msg::Acted { act, answers });
    desk.draw();
    let screen = desk.screen();
    assert!(screen.contains("99 99 99 99") && screen.contains("sales"), "{screen}");
    let told = |desk: &Desk| desk.model.toasts.iter().any(|toast| toast.text.contains("is not a number"));
    assert!(told(&desk), "{screen}");
}

/// Half of what was edited would be done, and the form be gone.
#[test]
fn a_label_that_is_none_is_refused_before_anything_is_sent() {
    let mut desk = in_world(|_| {});
    desk.keys("n");
    desk.text("+237600000001");
    tab(&mut desk, 3);
    desk.text("backup");
    tab(&mut desk, 8);
    desk.text("bad label!");
    desk.keys("ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("bad label!") && screen.contains("a label is 1 to 40"), "{screen}");
    assert_eq!(actions(&desk), []);
}

/// The question and what it warns of stay on a small screen, however much is edited.
#[test]
fn a_question_of_many_facts_still_asks() {
    let mut desk = Desk::new(World::Many, 60, 16);
    desk.keys("e");
    for text in ["1", "0", "1", "1", "1", "2", "night", "5 EUR", "requested", "quiet", "1"] {
        desk.text(text);
        desk.keys("Tab");
    }
    desk.keys("ctrl-s");
    desk.wait(400);
    let Some(Overlay::Confirm(confirm)) = desk.model.overlays.last_mut() else { panic!("no question") };
    // As where pools are joined and left.
    let pool = |nth: usize| ("Pool", format!("pool {nth}"), if nth == 5 { Role::Warn } else { Role::Text });
    confirm.proposal.lines.extend((0..6).map(pool));
    let warning = confirm.proposal.warning.expect("it warns");
    desk.draw();
    let screen = desk.screen();
    assert!(screen.contains(warning) && screen.contains("Type the number's label to confirm"), "{screen}");
    assert!(screen.contains("pool 5"), "what warns stays: {screen}");
    assert!(screen.contains("and 7 more") && !screen.contains("pool 4"), "{screen}");
}

/// As with every change of so many: how many they are is typed, whether they may send more or not.
#[test]
fn more_than_a_hundred_numbers_are_not_changed_by_one_key() {
    let desk = in_world(|overview| {
        let row = overview.numbers[0].clone();
        overview.numbers.extend((100..196).map(|nth| NumberRow { id: number_id(nth), ..row.clone() }));
    });
    let rows: Vec<&NumberRow> = desk.model.overview().unwrap().numbers.iter().collect();
    let values = NumberValues { priority: Some(77), ..NumberValues::default() };
    let question = |rows: &[&NumberRow]| edit_many(rows, &values, &desk.model).unwrap();
    let few = question(&rows[..100]);
    assert_eq!((few.danger, few.typed.is_none(), few.orders.len()), (Danger::Tier1, true, 100));
    let many = question(&rows[..101]);
    assert_eq!((many.danger, many.typed.map(|typed| typed.expected)), (Danger::Tier2, Some("101".into())));
}
