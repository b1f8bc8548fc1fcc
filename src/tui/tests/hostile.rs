//! Text that wants to control the terminal or deceive its reader, through every list, drawer and dialog.

use crate::domain::forecast::WhatIf;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{Forecasts, MessageState, NumberStanding, Page};
use crate::tui::backend::Notice;
use crate::tui::fake::*;
use crate::tui::msg::{Detail, Effect, Msg, Question, Reading, Slot};
use crate::tui::terminal::screen::{BEGIN, END, Screen};
use crate::tui::view::view;
use ratatui::Terminal;
use ratatui::layout::Size;
use std::sync::Arc;

fn hostile() -> Vec<String> {
    vec![
        "a\x1b[2Jb\x1b[H".into(),
        "a\x1b]0;owned\x07b".into(),
        "a\x1bP+q544e\x1b\\b".into(),
        "a\u{9b}31mb\u{9d}52;c;aGk=\u{9c}".into(),
        "\0\x01\x08\x0b\x7f\u{85}".into(),
        "one\r\ntwo\tthree".into(),
        "evil\u{202e}gpj.exe\u{2066}x\u{2069}".into(),
        "zero\u{200b}width\u{feff}\u{2060}\u{ad}\u{e0041}".into(),
        format!("z{}", "\u{301}".repeat(10_000)),
        "👩\u{200d}👩\u{200d}👧\u{200d}👦🇨🇲🇩🇪❤\u{fe0f}".into(),
        "ﷺ﷽𒐫".into(),
        "日本語テキスト李伟王芳".into(),
        "\u{3164}\u{115f}\u{2800}\u{e000}\u{fdd0}".into(),
        "x".repeat(100_000),
        String::new(),
    ]
}

/// What must never get into a cell, whatever the name was.
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{3164}' | '\u{115f}' | '\u{2800}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}')
}

fn poison(text: &str) -> Desk {
    let (shown, safe) = (Shown::new(text), Safe::new(text));
    let mut overview = many_overview();
    for row in &mut overview.numbers {
        (row.name, row.account) = (shown.clone(), shown.clone());
        (row.last_error, row.holder) = (Some(safe.clone()), Some(safe.clone()));
        row.hold =
            Some(crate::store::view::HoldView { short: safe.clone(), sentence: safe.clone(), until: None });
    }
    overview.numbers[1].standing =
        NumberStanding::Suspended { reason: safe.clone(), since: wall(), until: None, by: safe.clone() };
    for row in &mut overview.campaigns {
        (row.name, row.by) = (shown.clone(), safe.clone());
        row.hold =
            Some(crate::store::view::HoldView { short: safe.clone(), sentence: safe.clone(), until: None });
    }
    for row in &mut overview.instances {
        (row.host, row.operator, row.phase) = (safe.clone(), safe.clone(), safe.clone());
    }
    for account in &mut overview.accounts {
        account.name = shown.clone();
    }
    overview.operators[0].operator = safe.clone();
    let mut desk = Desk::silent(80, 24);
    desk.model.theme.ascii = false;
    desk.model.session.operator = safe.clone();
    desk.model.session.database = safe.clone();
    desk.answers = false;
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    let mut live = event(wall(), crate::store::view::LiveKind::Fail, text);
    (live.campaign, live.words, live.code) = (safe.clone(), safe.clone(), Some(safe.clone()));
    let live = Arc::new(live);
    desk.send(Msg::Live(std::iter::repeat_n(live, 5).collect(), 0));
    desk.send(Msg::Notice(Notice {
        at: wall(),
        by: safe.clone(),
        what: safe,
        subject: crate::domain::action::Subject::Organization,
        version: None,
        alarming: true,
    }));
    desk
}

/// Answers every question with poisoned data.
fn feed(desk: &mut Desk, text: &str) {
    let (shown, safe) = (Shown::new(text), Safe::new(text));
    for effect in std::mem::take(&mut desk.effects) {
        let Effect::Ask { request, question } = effect else { continue };
        let slot = question.slot();
        let reading = match question {
            Question::Recipients(..) => {
                let mut rows: Vec<_> = (0..30).map(recipient).collect();
                for row in &mut rows {
                    (row.name, row.campaign_name, row.number) =
                        (shown.clone(), shown.clone(), Some(shown.clone()));
                    (row.error, row.state) = (Some(safe.clone()), MessageState::Failed);
                }
                Reading::Recipients(Page { rows, more_before: false, more_after: false })
            }
            Question::Doubts(_) => {
                let mut row = doubt(1);
                (row.name, row.campaign, row.number, row.evidence) =
                    (shown.clone(), shown.clone(), shown.clone(), shown.clone());
                Reading::Doubts(Page { rows: vec![row], more_before: false, more_after: false })
            }
            Question::Forecast(id, _) => {
                let mut forecast = crate::tui::fake::forecast::forecast(id);
                for number in &mut forecast.numbers {
                    number.name = shown.clone();
                }
                let instead = Some((WhatIf { add: vec![250], ..WhatIf::default() }, forecast.clone()));
                Reading::Forecast(std::sync::Arc::new(Forecasts { as_it_is: forecast, instead }))
            }
            Question::Detail(crate::domain::action::Subject::Recipient(id)) => {
                let mut detail = recipient_detail(id);
                for attempt in &mut detail.attempts {
                    (attempt.words, attempt.number) = (shown.clone(), shown.clone());
                    (attempt.outcome, attempt.instance) = (safe.clone(), safe.clone());
                }
                Reading::Detail(Detail::Recipient(Box::new(detail)))
            }
            Question::Detail(crate::domain::action::Subject::Number(id)) => {
                let mut detail = number_detail(id);
                (detail.notes, detail.pools) = (shown.clone(), vec![shown.clone()]);
                for line in &mut detail.log {
                    (line.by, line.what) = (safe.clone(), safe.clone());
                }
                Reading::Detail(Detail::Number(Box::new(detail)))
            }
            Question::Detail(crate::domain::action::Subject::Campaign(id)) => {
                let mut detail = campaign_detail(id);
                for error in &mut detail.errors {
                    (error.code, error.words) = (safe.clone(), safe.clone());
                }
                for step in &mut detail.steps {
                    step.what = shown.clone();
                }
                Reading::Detail(Detail::Campaign(Box::new(detail)))
            }
            _ => continue,
        };
        assert_ne!(slot, Slot::Count);
        desk.send(Msg::Answer { slot, request, took: std::time::Duration::ZERO, answer: Ok(reading) });
    }
}

const WAYS: [&str; 17] = [
    "1",
    "2",
    "2 r",
    "4",
    "Enter",
    "2 Enter",
    "2 f",
    "2 r Enter",
    "4 k Enter",
    "I",
    "d",
    "d Enter",
    "d e",
    ":",
    "3 C",
    "e",
    "2 j j j j L",
];

#[test]
fn no_name_gets_a_command_or_a_trick_onto_the_screen() {
    for text in hostile() {
        for (nth, keys) in WAYS.into_iter().enumerate() {
            // Each way at one of the two sizes; the next text takes the other.
            let wide = (nth + text.len()) % 2 == 0;
            for (width, height) in [if wide { (160, 48) } else { (80, 24) }] {
                let mut desk = poison(&text);
                desk.send(Msg::Resize(Size::new(width, height)));
                for key in keys.split(' ') {
                    desk.keys(key);
                    feed(&mut desk, &text);
                }
                desk.wait(400);
                feed(&mut desk, &text);
                let buffer = desk.buffer();
                for cell in buffer.content() {
                    let symbol = cell.symbol();
                    assert!(!symbol.chars().any(is_forbidden), "{keys}: {}", symbol.escape_unicode());
                    assert!(symbol.len() <= 64, "{keys}: a cell of {} bytes", symbol.len());
                }
            }
        }
    }
}

#[test]
fn every_escape_on_the_wire_is_ours() {
    for text in hostile() {
        for keys in ["1", "2 r Enter", "4", "d"] {
            let mut desk = poison(&text);
            for key in keys.split(' ') {
                desk.keys(key);
                feed(&mut desk, &text);
            }
            let mut terminal = Terminal::new(Screen::new(Vec::new(), Size::new(80, 24))).unwrap();
            let model = &desk.model;
            terminal.draw(|frame| _ = view(model, frame.buffer_mut())).unwrap();
            terminal.backend_mut().commit().unwrap();
            let bytes = terminal.backend().sink();
            let inner = &bytes[BEGIN.len()..bytes.len() - END.len()];
            let written = std::str::from_utf8(inner).unwrap();
            for sequence in written.split('\x1b').skip(1) {
                let body = sequence.strip_prefix('[').unwrap_or_else(|| panic!("{keys}: {sequence:?}"));
                let end = body.find(|c: char| !c.is_ascii_digit() && c != ';' && c != '?').unwrap();
                // Cursor moves and colours; nothing else is ever drawn.
                assert!(matches!(&body[end..=end], "H" | "m"), "{keys}: {:?}", &body[..=end]);
            }
            assert!(!written.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c)));
        }
    }
}

#[test]
fn columns_stay_where_they_are() {
    for text in hostile() {
        let mut desk = poison(&text);
        desk.keys("2 r");
        feed(&mut desk, &text);
        let buffer = desk.buffer();
        for y in 1..22 {
            let edge = buffer[(79, y)].symbol();
            assert!(
                ["\u{2502}", "\u{2510}", "\u{2518}"].contains(&edge),
                "line {y} ends with {edge:?}: {text:.40}"
            );
        }
    }
}

#[test]
fn an_altered_name_carries_its_mark_and_can_be_seen_as_stored() {
    let mut desk = poison("evil\u{202e}gpj.exe");
    desk.keys("Enter");
    feed(&mut desk, "x");
    assert!(desk.screen().contains("(altered; v: as"));
    desk.keys("v");
    assert!(desk.screen().contains("\\u{202e}"), "{}", desk.screen());
}

#[test]
fn a_pasted_megabyte_costs_nothing() {
    let mut desk = Desk::new(World::Many, 80, 24);
    let megabyte = "pq!\u{1b}[2J\n".repeat(150_000);
    desk.send(Msg::Paste(megabyte.clone()));
    assert!(desk.orders().is_empty());
    desk.keys("/");
    let start = std::time::Instant::now();
    desk.send(Msg::Paste(megabyte));
    assert!(start.elapsed().as_millis() < 100, "{:?}", start.elapsed());
    assert!(desk.screen().contains('/'));
}

#[test]
fn view_data_has_no_text_that_was_not_cleaned() {
    let sources = [
        include_str!("../../store/view/campaign.rs"),
        include_str!("../../store/view/live.rs"),
        include_str!("../../store/view/number.rs"),
        include_str!("../../store/view/overview.rs"),
        include_str!("../../store/view/page.rs"),
        include_str!("../../store/view/recipient.rs"),
    ];
    for line in sources.iter().flat_map(|source| source.lines()) {
        let is_comment = line.trim_start().starts_with("//");
        assert!(is_comment || (!line.contains("String") && !line.contains(": &str")), "{line}");
    }
}
