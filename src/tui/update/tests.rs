use crate::domain::action::{Action, Subject, Verdict, Version};
use crate::tui::Ended;
use crate::tui::backend::{ActionAnswer, BackendError};
use crate::tui::fake::*;
use crate::tui::model::Tab;
use crate::tui::msg::{Consent, Effect, Msg, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use crate::tui::terminal::signals::StopSignal;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::sync::Arc;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

#[test]
fn pausing_acts_at_once_on_the_version_that_was_seen() {
    let mut desk = many();
    desk.keys("2 p");
    let orders = desk.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].action, Action::PauseCampaign(campaign_id(1)));
    assert_eq!(orders[0].expected, Some(Version(7)));
    assert!(desk.model.overlays.is_empty(), "no question");
    assert!(desk.screen().contains("working"), "the row says that something is under way");
    desk.done(true);
    assert!(desk.screen().contains("OK  paused spring-news   u undo (10 s)"));
    assert!(desk.screen().contains("12 in the air will finish"));
}

#[test]
fn undo_is_one_key_for_ten_seconds() {
    let mut desk = many();
    desk.keys("2 p");
    desk.done(true);
    desk.wait(9_900);
    desk.keys("u");
    assert!(
        matches!(desk.effects.last(), Some(Effect::Act { consent: Consent::Undo, .. })),
        "{:?}",
        desk.effects
    );
    let mut desk = many();
    desk.keys("2 p");
    desk.done(true);
    desk.wait(10_100);
    desk.keys("u");
    assert!(desk.orders().is_empty());
    assert!(desk.model.toasts.last().unwrap().text.contains("sent messages never can be"));
}

#[test]
fn undo_is_withdrawn_when_somebody_else_changed_the_row() {
    let mut desk = many();
    desk.keys("2 p");
    desk.done(true);
    desk.change_campaign(1);
    desk.change_campaign(1);
    assert!(desk.model.undo.is_none());
    assert!(!desk.screen().contains("u undo"));
}

#[test]
fn resuming_asks_with_cancel_as_the_default() {
    let mut desk = many();
    desk.keys("2 j j j p");
    desk.wait(400);
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "Enter pressed Cancel");
    assert!(desk.model.overlays.is_empty());
    desk.keys("p");
    desk.wait(400);
    desk.keys("y");
    assert_eq!(desk.orders()[0].action, Action::ResumeCampaign(campaign_id(2)));
    let mut desk = many();
    desk.keys("2 j j j p");
    desk.wait(400);
    desk.keys("Tab Enter");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn keys_typed_ahead_do_not_answer_a_question() {
    let mut desk = many();
    desk.keys("2 j j j p y y Tab Enter y");
    assert!(desk.orders().is_empty());
    assert_eq!(desk.model.overlays.len(), 1);
    desk.wait(301);
    desk.keys("y");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn a_launch_has_its_number_typed() {
    let mut desk = many();
    desk.keys("2 j j j j L");
    desk.wait(400);
    desk.text("200 040");
    desk.keys("Tab y");
    assert!(desk.orders().is_empty());
    desk.keys("Backspace Backspace 1 Enter");
    assert_eq!(desk.orders()[0].action, Action::StartCampaign(campaign_id(5)));
    let mut desk = many();
    desk.keys("2 j j j j L");
    desk.wait(400);
    desk.text("200");
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "Enter is Cancel until the number matches");
    assert!(desk.model.overlays.is_empty());
}

#[test]
fn a_name_that_was_altered_is_not_what_has_to_be_typed() {
    let mut desk = many();
    let mut overview = many_overview();
    overview.campaigns[0].name = crate::domain::text::Shown::new("spr\u{202e}ing");
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.keys("2 c");
    desk.wait(400);
    desk.text("spr\u{fffd}ing");
    desk.keys("Enter");
    assert!(desk.orders().is_empty());
    desk.keys("c");
    desk.wait(400);
    let id = campaign_id(1).to_string();
    desk.text(&id[id.len() - 8..]);
    desk.keys("Enter");
    assert_eq!(desk.orders()[0].action, Action::CancelCampaign(campaign_id(1)));
}

#[test]
fn suspending_takes_a_reason_and_stops_at_once() {
    let mut desk = many();
    desk.keys("x");
    desk.text("looks banned");
    assert!(desk.orders().is_empty());
    desk.keys("Enter");
    let orders = desk.orders();
    assert_eq!(orders[0].action, Action::SuspendNumber { number: number_id(1), until: None });
    assert_eq!(orders[0].reason.as_deref(), Some("looks banned"));
    let mut desk = many();
    desk.keys("x Enter");
    assert_eq!(desk.orders()[0].reason.as_deref(), Some("by operator"));
}

#[test]
fn stop_all_works_from_everywhere_but_an_input() {
    for keys in ["1", "2", "3", "4", "Enter", "I", "d", "o", "y", "2 j j j p", "ctrl-c"] {
        let mut desk = many();
        desk.keys(keys);
        desk.wait(400);
        desk.keys("!");
        assert_eq!(desk.orders().iter().filter(|order| order.action == Action::StopAll).count(), 1, "{keys}");
    }
    for keys in ["/", ":", "?", "n", "x", "2 j j j j L"] {
        let mut desk = many();
        desk.keys(keys);
        desk.wait(400);
        desk.keys("!");
        assert!(desk.orders().is_empty(), "{keys}");
    }
}

#[test]
fn a_stop_is_counted_down_and_lifted_with_a_question() {
    let mut desk = many();
    desk.keys("!");
    desk.stop_all();
    assert!(desk.screen().contains("3 in the air"));
    desk.keys("R");
    desk.wait(400);
    assert!(desk.screen().contains("Lift the stop?"));
    desk.keys("y");
    assert_eq!(desk.orders().last().unwrap().action, Action::ReleaseStop);
}

#[test]
fn what_is_not_possible_says_why() {
    let mut desk = many();
    desk.keys("p");
    assert!(desk.screen().contains("resume: already active; x suspends it"));
    desk.keys("2 L");
    assert!(desk.screen().contains("launch: already running"));
}

#[test]
fn read_only_takes_every_dangerous_key_away() {
    let mut desk = many();
    desk.model.read_only = true;
    for keys in ["x", "X", "F", "+", "-", "n", "e", "E", "2 p", "2 L", "2 c", "2 r x", "3 t", "!", "R", "u"] {
        desk.model.overlays.clear();
        desk.keys(keys);
        desk.wait(400);
        assert!(desk.orders().is_empty(), "{keys}");
        assert!(desk.model.overlays.is_empty(), "{keys}");
    }
    assert!(desk.screen().contains("READ-ONLY"));
    desk.keys(":");
    desk.text("suspend");
    assert!(!desk.screen().contains("Suspend number"), "{}", desk.screen());
}

#[test]
fn a_role_without_rights_is_read_only_by_itself() {
    let mut desk = many();
    desk.model.session.may_write = false;
    desk.keys("x Enter");
    assert!(desk.orders().is_empty());
    assert!(desk.screen().contains("READ-ONLY"));
}

/// A code is the phone itself; and who was shown one is put on record, where a viewer puts nothing.
#[test]
fn a_viewer_is_refused_what_would_have_to_be_recorded() {
    let mut desk = many();
    desk.model.session.may_write = false;
    desk.model.session.role = "viewer".into();
    desk.keys("Q");
    let words = "who is shown a phone is put on record, and your role writes nothing";
    assert!(desk.model.toasts.iter().any(|toast| toast.text.contains(words)), "{:?}", desk.model.toasts);
    desk.keys("3 m");
    desk.keys("y p");
    let asks = desk.effects.iter().any(|effect| matches!(effect, Effect::Reveal { .. }));
    assert!(!asks && !desk.screen().contains("wa.me"), "{}", desk.screen());
}

#[test]
fn late_and_foreign_answers_change_nothing() {
    let mut desk = many();
    desk.keys("2 r");
    let before = desk.screen();
    let page = crate::store::view::Page { rows: vec![recipient(9)], more_before: false, more_after: false };
    for request in [0, 1, 999] {
        desk.send(Msg::Answer {
            slot: Slot::Recipients,
            request,
            took: std::time::Duration::ZERO,
            answer: Ok(Reading::Recipients(page.clone())),
        });
        desk.send(Msg::Acted { act: request, answers: vec![] });
    }
    assert_eq!(desk.screen(), before);
}

#[test]
fn the_filter_asks_when_typing_pauses_and_keeps_the_last_good_result() {
    let mut desk = many();
    desk.keys("2 r");
    desk.answers = false;
    desk.effects.clear();
    desk.keys("/");
    desk.text("status:failed");
    let asked = |desk: &Desk| {
        desk.effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Ask { question: Question::Recipients(..), .. }))
            .count()
    };
    assert_eq!(asked(&desk), 0, "not while typing");
    desk.wait(160);
    assert_eq!(asked(&desk), 1);
    desk.text(" try>=x");
    desk.wait(400);
    assert_eq!(asked(&desk), 1, "nothing is asked while it is wrong");
    assert!(desk.screen().contains("\"x\" is not a number"));
    assert!(desk.screen().contains("Anna M."), "the old rows stay");
    desk.keys("Esc Esc");
    assert_eq!(desk.model.recipients.filter_text, "");
}

#[test]
fn escape_goes_one_step_back_and_never_quits() {
    let mut desk = many();
    desk.keys("Space Space /");
    desk.text("name:sup");
    desk.keys("Enter ?");
    assert_eq!(desk.model.overlays.len(), 1);
    desk.keys("Esc");
    assert!(desk.model.overlays.is_empty());
    assert_eq!(desk.model.numbers.filter_text, "name:sup");
    desk.keys("Esc");
    assert_eq!(desk.model.numbers.filter_text, "");
    assert_eq!(desk.model.numbers.marks().len(), 2);
    desk.keys("Esc");
    assert!(desk.model.numbers.marks().is_empty());
    desk.keys("Esc Esc Esc");
    assert_eq!(desk.model.ended, None);
}

#[test]
fn quitting_asks_only_while_this_process_sends() {
    let mut desk = many();
    desk.keys("q");
    assert_eq!(desk.model.ended, None);
    desk.wait(400);
    desk.keys("y");
    assert_eq!(desk.model.ended, Some(Ended::Quit));
    let mut desk = Desk::new(World::One, 80, 24);
    desk.keys("q");
    assert_eq!(desk.model.ended, Some(Ended::Quit));
    let mut desk = many();
    desk.model.session.instance = None;
    desk.keys("q");
    assert_eq!(desk.model.ended, Some(Ended::Quit), "a watching console just leaves");
    let mut desk = Desk::new(World::One, 80, 24);
    desk.keys("ctrl-c");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Quit(_))));
}

#[test]
fn signals_and_a_lost_terminal_end_the_console() {
    let mut desk = many();
    desk.send(Msg::Stop(StopSignal::Term));
    assert_eq!(desk.model.ended, Some(Ended::Signal(StopSignal::Term)));
    let mut desk = many();
    desk.send(Msg::TerminalLost);
    assert_eq!(desk.model.ended, Some(Ended::TerminalLost));
}

#[test]
fn a_sending_process_is_not_stopped_by_job_control() {
    let mut desk = many();
    desk.keys("ctrl-z");
    assert!(!desk.effects.contains(&Effect::SuspendProcess));
    assert!(desk.screen().contains("would stop sending"));
    desk.send(Msg::Suspend);
    assert!(!desk.effects.contains(&Effect::SuspendProcess));
}

#[test]
fn pasted_text_is_taken_by_inputs_only() {
    let mut desk = many();
    desk.send(Msg::Paste("!qxp\n".into()));
    assert!(desk.orders().is_empty());
    assert_eq!(desk.model.ended, None);
    assert!(desk.screen().contains("pasted text is taken by inputs only"));
    desk.keys("/");
    desk.send(Msg::Paste("name:supp".into()));
    assert_eq!(desk.model.numbers.rows().len(), 2);
}

#[test]
fn a_held_key_moves_but_never_acts_twice() {
    let mut desk = many();
    desk.keys("2");
    let mut held = |code| {
        let mut key = KeyEvent::new(code, KeyModifiers::NONE);
        key.kind = KeyEventKind::Repeat;
        desk.send(Msg::Key(key));
        key.kind = KeyEventKind::Release;
        desk.send(Msg::Key(key));
    };
    held(KeyCode::Char('j'));
    held(KeyCode::Char('p'));
    assert_eq!(desk.model.campaigns.cursor(), 1);
    assert!(desk.orders().is_empty());
}

#[test]
fn a_changed_row_flashes_and_the_status_line_says_who() {
    let mut desk = many();
    desk.send(Msg::Notice(crate::tui::backend::Notice {
        at: wall(),
        by: "bea".into(),
        what: "spring-vip paused".into(),
        subject: Subject::Campaign(campaign_id(2)),
        version: Some(Version(8)),
        alarming: false,
    }));
    assert!(desk.screen().contains("changed by bea just now: spring-vip paused"));
    assert!(desk.model.is_flashing(Subject::Campaign(campaign_id(2))));
    desk.wait(3_100);
    assert!(!desk.model.is_flashing(Subject::Campaign(campaign_id(2))));
    assert!(desk.effects.contains(&Effect::Refresh));
}

#[test]
fn every_answer_has_its_words() {
    let at = wall();
    let cases = [
        (ActionAnswer::AlreadySo { by: "bea".into(), at }, "already so, by bea"),
        (
            ActionAnswer::Changed { to: "cancelled".into(), by: "bea".into(), at },
            "nothing done, bea was first",
        ),
        (ActionAnswer::Refused("the campaign has no steps".into()), "refused: the campaign has no steps"),
        (ActionAnswer::Failed("no answer; look before you try again".into()), "failed: no answer"),
    ];
    for (answer, words) in cases {
        let mut desk = many();
        desk.keys("2 p");
        let Some(Effect::Act { act, orders, .. }) = desk.effects.last().cloned() else { panic!("no order") };
        desk.send(Msg::Acted { act, answers: vec![(orders[0].clone(), answer)] });
        let screen = desk.screen().replace("|\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
        let told = desk.model.toasts.last().unwrap().text.clone();
        assert!(told.contains(words), "{told}\n{screen}");
        assert!(desk.model.pending.is_empty());
        assert!(desk.model.undo.is_none());
    }
}

#[test]
fn a_full_queue_keeps_everything_as_it_was() {
    let mut desk = many();
    desk.keys("2 p");
    let act = desk.effects.pop().unwrap();
    desk.send(Msg::Busy(act));
    assert!(desk.model.pending.is_empty());
    assert!(desk.screen().contains("busy: nothing was done, try again"));
}

#[test]
fn verdicts_on_doubts_need_words_and_a_question() {
    let mut desk = many();
    desk.keys("d n Enter");
    assert!(desk.screen().contains("this needs a reason"));
    desk.text("he says no");
    desk.keys("Enter");
    desk.wait(400);
    assert!(desk.orders().is_empty());
    desk.keys("y");
    let orders = desk.orders();
    assert_eq!(
        orders[0].action,
        Action::ResolveAttempt { attempt: attempt_id(0), verdict: Verdict::NotSent }
    );
    assert_eq!(orders[0].reason.as_deref(), Some("he says no"));
    let mut desk = many();
    desk.keys("d e");
    desk.text("asked him");
    desk.keys("Enter");
    desk.wait(400);
    desk.keys("y");
    assert!(desk.orders().is_empty(), "resend is typed");
    desk.key("Enter");
    desk.keys("e");
    desk.text("asked him");
    desk.keys("Enter");
    desk.wait(400);
    desk.text("resend");
    desk.keys("Enter");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn raising_a_limit_is_typed_and_lowering_it_is_not() {
    let mut desk = many();
    desk.keys("e Tab");
    desk.text("0");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("Raise limits?"));
    desk.keys("y");
    desk.text("support-a");
    desk.keys("Enter");
    assert!(desk.orders().is_empty(), "ysupport-a is not the name");
    desk.keys("ctrl-s");
    desk.wait(400);
    desk.text("support-a");
    desk.keys("Enter");
    let limits = |desk: &Desk| match &desk.orders()[0].action {
        Action::SetLimits { daily_limit, .. } => *daily_limit,
        other => panic!("{other:?}"),
    };
    assert_eq!(limits(&desk), Some(100_000));
    assert!(desk.model.overlays.is_empty(), "the form is gone too");
    let mut desk = many();
    desk.keys("e Tab Backspace ctrl-s");
    assert_eq!(limits(&desk), Some(1_000));
}

#[test]
fn a_new_number_is_checked_before_it_is_asked_about() {
    let mut desk = many();
    desk.keys("n ctrl-s");
    assert!(desk.orders().is_empty());
    assert!(desk.screen().contains("! is needed"));
    desk.text("+237600000001");
    desk.keys("Tab Tab Tab");
    desk.text("backup");
    desk.keys("ctrl-s");
    desk.wait(400);
    assert!(desk.screen().contains("Add number?"), "{}", desk.screen());
    desk.keys("y");
    let Action::AddNumber(number) = &desk.orders()[0].action else { panic!("another order") };
    assert_eq!((number.name.as_str(), number.phone.reveal()), ("backup", "+237600000001"));
    assert_eq!(number.daily_limit, Some(250));
}

#[test]
fn a_phone_is_shown_only_after_that_is_recorded_and_only_for_a_while() {
    let mut desk = many();
    desk.keys("2 r m");
    assert!(matches!(desk.effects.last(), Some(Effect::Reveal { copy: None, .. })));
    assert!(!desk.screen().contains("+237600000411"));
    let subject = Subject::Recipient(recipient_id(0));
    desk.send(Msg::Revealed { subject, copy: None, answer: Ok(()) });
    assert!(desk.screen().contains("+237600000411"));
    desk.wait(30_100);
    assert!(!desk.screen().contains("+237600000411"));
    desk.send(Msg::Revealed { subject, copy: None, answer: Err(BackendError::Slow) });
    assert!(!desk.screen().contains("+237600000411"));
}

#[test]
fn the_copy_menu_copies_without_phones() {
    let mut desk = many();
    desk.keys("2 r y y");
    let Some(Effect::Copy(text)) = desk.effects.last() else { panic!("nothing was copied") };
    assert!(text.contains("+2376*****411") && !text.contains("+237600000411"), "{text}");
    desk.keys("y p");
    assert!(matches!(desk.effects.last(), Some(Effect::Reveal { copy: Some(_), .. })));
}

#[test]
fn the_palette_finds_runs_and_asks_like_the_key() {
    let mut desk = many();
    desk.keys(":");
    desk.text("cancel spring-news");
    desk.keys("Enter");
    desk.wait(400);
    assert!(desk.screen().contains("Cancel campaign for good?"));
    assert!(desk.orders().is_empty());
    desk.keys("Esc :");
    desk.text("set prio supp");
    desk.keys("Enter");
    desk.text("7");
    desk.keys("Enter");
    assert_eq!(desk.orders()[0].action, Action::SetPriority { number: number_id(1), priority: 7 });
    desk.keys(":");
    assert!(
        desk.screen().contains("> Set priority of support-a"),
        "the latest stands first\n{}",
        desk.screen()
    );
    desk.keys("Esc :");
    desk.text("go to recip winter");
    desk.keys("Enter");
    assert_eq!(desk.model.tab, Tab::Recipients);
    assert_eq!(desk.model.recipients.campaign, Some(campaign_id(3)));
}

#[test]
fn the_help_runs_what_is_chosen_and_gives_the_reason_otherwise() {
    let mut desk = many();
    desk.keys("?");
    desk.text("instances and leases");
    desk.keys("Enter");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Instances(_))));
    desk.keys("Esc ?");
    desk.text("raise priority");
    desk.keys("Enter");
    assert!(desk.screen().contains("priority: already first"));
}

#[test]
fn marks_act_together_and_many_are_typed() {
    let mut desk = many();
    desk.keys("2 r * x");
    assert!(desk.orders().is_empty(), "200 rows are a question");
    desk.wait(400);
    assert!(desk.screen().contains("Type the number of rows to confirm"), "{}", desk.screen());
    desk.text("200");
    desk.keys("Enter");
    assert_eq!(desk.orders().len(), 200);
    let mut desk = many();
    desk.keys("2 r Space Space Space x");
    assert_eq!(desk.orders().len(), 3);
}
