//! Text from outside: names and a provider's words that would like to steer the terminal. Nothing of them reaches it raw,
//! on the screen or after it.

use crate::{
    console::{LARGE, SMALL, Start},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use std::time::Duration;

/// A title, colours, a cleared screen in 7-bit and 8-bit form, a clipboard, a question, and letters that cannot be seen.
const NASTY: &str = "\u{1b}]0;STOLEN\u{7}\u{1b}[31mred\u{1b}[2J\u{9b}2J\u{1b}]52;c;U1RPTEVO\u{1b}\\\u{1b}[6n\u{90}q\u{9c}\
                     \u{202e}drow\u{2066}in\u{2069}\u{200b}zero\u{ad}\u{feff}\u{2060}\u{e0041}\r\n\u{8}end";

/// Whole sequences are one sign each on screen, not their insides.
const SHOWN: &str = "evil??red";

/// As in a TOML string.
fn escaped(text: &str) -> String {
    text.chars().map(|letter| format!("\\U{:08x}", u32::from(letter))).collect()
}

pub async fn hostile_world() -> World {
    let script = format!(
        "[[rule]]\nwhen = {{ every = 2 }}\nthen = {{ error = 131026, details = \"says {}\" }}\n",
        escaped(NASTY)
    );
    let world = World::scripted(&script).await;
    world.number(Num::meta().per_second(20)).await;
    world.campaign(Camp::of(3_000)).await;
    let long = "x".repeat(500);
    for (statement, text) in [
        ("update campaigns set name = $1, changed_by = $1", format!("evil{NASTY}{long}")),
        ("update whatsapp_numbers set display_name = $1, notes = $1", format!("vile{NASTY}{long}")),
        (
            "insert into contacts (organization_id, id, phone, name)
             select organization_id, contact_id, phone, $1 from campaign_recipients",
            format!("foul{NASTY}"),
        ),
        ("update audit_log set actor = $1, reason = $1", format!("ugly{NASTY}")),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(text).execute(&world.pool).await.unwrap();
    }
    world
}

/// What our own screens are made of: everything else that begins with ESC came from outside.
fn is_ours(sequence: &str) -> bool {
    let Some(rest) = sequence.strip_prefix("\x1b[") else {
        return sequence
            .strip_prefix("\x1b]0;signalbox ")
            .and_then(|title| title.strip_suffix('\x07'))
            .is_some_and(|title| {
                title.chars().all(|letter| letter.is_ascii_alphanumeric() || " ./".contains(letter))
            });
    };
    let modes = ["?1049", "?2004", "?25", "?2026", "?1006", "?1003", "?1002", "?1000"];
    match rest.chars().last() {
        Some('h' | 'l') => modes.contains(&&rest[..rest.len() - 1]),
        Some('H' | 'm') => {
            rest[..rest.len() - 1].chars().all(|letter| letter.is_ascii_digit() || letter == ';')
        }
        Some('J') => rest == "2J",
        Some('K') => rest == "K",
        Some('t') => rest == "22;0t" || rest == "23;0t",
        _ => false,
    }
}

/// Characters that no cell of ours holds.
fn is_forbidden(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\r' | '\n'))
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Asserts that these bytes are text and sequences of ours.
#[track_caller]
fn assert_only_ours(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("whole characters");
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        assert_text(&rest[..at]);
        rest = &rest[at..];
        let length = if rest.starts_with("\x1b]") {
            rest.find('\x07').map(|end| end + 1)
        } else {
            rest[2..].find(|letter: char| letter.is_ascii_alphabetic()).map(|end| end + 3)
        };
        let sequence = &rest[..length.expect("a whole sequence")];
        assert!(is_ours(sequence), "not ours: {sequence:?}");
        rest = &rest[sequence.len()..];
    }
    assert_text(rest);
}

#[track_caller]
pub fn assert_text(text: &str) {
    if let Some(letter) = text.chars().find(|letter| is_forbidden(*letter)) {
        panic!("{letter:?} in {text:?}");
    }
}

async fn walks_through(size: (u16, u16)) {
    let world = hostile_world().await;
    let mut console = world.console(Start::sized(size));
    console.shows("vile").await;
    // The details, then as they are stored.
    console.keys("\r");
    console.shows("J next").await;
    console.keys("v");
    console.shows("u{1b}").await;
    console.escape("J next").await;
    console.keys("2");
    console.shows_line(&[SHOWN, "ACTIVE"]).await;
    console.keys("\r");
    console.shows("J next").await;
    console.keys("v");
    console.shows("Numbers    default").await;
    console.keys("G");
    console.shows("ugly").await;
    console.escape("J next").await;
    console.keys("3");
    console.shows_line(&["foul", "failed"]).await;
    console.keys("]\r");
    console.shows("J next").await;
    console.keys("v");
    console.shows("131026").await;
    console.escape("J next").await;
    console.keys("4");
    console.shows_line(&["FAIL", "evil", "131026"]).await;
    console.keys(":pau");
    console.shows("Pause campaign evil").await;
    console.escape("Pause campaign").await;
    console.keys("2");
    console.shows("[2 Campaigns]").await;
    console.keys("p");
    console.shows("paused evil").await;
    console.keys("I");
    console.shows("Instances").await;
    console.escape("Instances").await;
    console.leave().await;
    assert_only_ours(&console.bytes());
    assert!(console.log().lines().all(|line| !line.contains('\x1b')), "the log is read in a terminal, too");
}

#[tokio::test]
async fn nothing_from_outside_reaches_the_terminal_raw_at_80x24() {
    walks_through(SMALL).await;
}

#[tokio::test]
async fn nothing_from_outside_reaches_the_terminal_raw_at_160x48() {
    walks_through(LARGE).await;
}

#[tokio::test]
async fn json_on_a_terminal_is_harmless_and_says_the_same() {
    let world = hostile_world().await;
    let sender = world.sender().await;
    until("some are refused", 20, async || world.attempts("rejected").await > 2).await;
    world.end([sender]).await;
    let campaign: String = world.value("select name from campaigns").await;
    let number: String = world.value("select display_name from whatsapp_numbers").await;
    let contact: String = world.value("select name from contacts limit 1").await;
    for (arguments, holds) in [
        (vec!["campaign", "list"], &campaign),
        (vec!["campaign", "show", &campaign], &campaign),
        (vec!["number", "list"], &number),
        (vec!["number", "show", "+237600000100"], &number),
        (vec!["contact", "list"], &contact),
        (vec!["attempt", "list"], &campaign),
    ] {
        let arguments = [arguments, vec!["--json"]].concat();
        let mut console = world.console(Start { size: LARGE, ..Start::with(&arguments) });
        let end = console.ends(Duration::from_secs(20)).await;
        let bytes = console.bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(end.code, 0, "{arguments:?}: {text:?}");
        assert_text(&text);
        let value: serde_json::Value = serde_json::from_str(&text.replace('\r', "")).unwrap();
        assert!(texts(&value).contains(&holds.as_str()), "{arguments:?} says {holds:?}: {text}");
    }
}

/// Every string of a document.
fn texts(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(values) => values.iter().flat_map(texts).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn nothing_from_outside_reaches_the_terminal_raw_from_a_command() {
    let world = hostile_world().await;
    let mut console = world.console(Start::default());
    console.keys("4");
    console.shows_line(&["FAIL", "evil"]).await;
    console.keys("!");
    console.shows("STOPPED by").await;
    console.escape("Stop all sending").await;
    console.leave().await;
    let name: String = world.value("select name from campaigns").await;
    let attempt: String = world.value("select id::text from attempts where state = 'rejected' limit 1").await;
    let nobody = format!("no such{NASTY}");
    for (arguments, marks, code) in [
        (vec!["campaign", "list"], vec!["evil"], 0),
        (vec!["campaign", "show", &name], vec!["evil"], 0),
        (vec!["campaign", "stats", &name], vec!["evil"], 0),
        (vec!["campaign", "show", &nobody], vec!["no such"], 1),
        (vec!["campaign", "no such\x1b[2J"], vec!["no such"], 2),
        (vec!["number", "list"], vec!["vile"], 0),
        (vec!["number", "show", "+237600000100"], vec!["vile"], 0),
        (vec!["attempt", "list"], vec!["evil", "says"], 0),
        (vec!["attempt", "show", &attempt], vec!["says"], 0),
        (vec!["contact", "export", "-"], vec!["foul"], 0),
    ] {
        let mut console = world.console(Start { size: LARGE, ..Start::with(&arguments) });
        let end = console.ends(Duration::from_secs(20)).await;
        let bytes = console.bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(end.code, code, "{arguments:?}: {text:?}");
        for mark in marks {
            assert!(text.contains(mark), "{arguments:?} shows {mark}: {text:?}");
        }
        assert_only_ours(&bytes);
    }
}
