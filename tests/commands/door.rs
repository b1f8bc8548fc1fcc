//! What is let in and what is told: values that cannot be, words that reach a terminal, one document for `--json`, files that
//! are not written over too early.

use crate::support::{Db, acme::Acme, acme::HELLO, acme::phone};

const ODD: &str = "spam\x1b]0;owned\x07\x1b[31m\u{9b}2J";

/// An organisation with an account at Meta and a number.
async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--external-id", "10", "--token-stdin"];
    db.run_with(&add, b"EAAG-the-very-token\n").done();
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "51"]).done();
    db
}

fn is_clean(text: &str) -> bool {
    text.chars().all(|letter| letter == '\n' || !letter.is_control())
}

#[tokio::test]
async fn the_id_of_a_number_is_checked_whenever_it_is_given() {
    let db = acme().await;
    let edit = |id: &str| db.run(&["number", "edit", "+237600000001", "--instance-id", id]);
    edit("a b").refused(2, "the number cannot be used: the phone-number-id is not a number");
    edit("").refused(2, "the phone-number-id (--instance-id) is missing");
    edit("52").done();
    assert_eq!(db.json(&["number", "show", "+237600000001"])["instance_id"], "52");
}

#[tokio::test]
async fn words_of_others_do_not_steer_the_terminal_of_who_reads_a_note_or_a_preview() {
    let acme = Acme::with_numbers(&[None]).await;
    acme.contacts(1).await;
    acme.campaign(HELLO).await;
    let db = &acme.db;
    db.run(&["campaign", "start", "hello"]).done();
    db.run(&["campaign", "pause", "hello", "--reason", ODD]).done();
    let number = phone(90_000_000);
    db.run(&["number", "suspend", number.reveal(), "--reason", ODD]).done();
    sqlx::query("update accounts set name = $1").bind(ODD).execute(&db.pool).await.unwrap();
    let note = db.run(&["handover"]).done().stdout;
    assert!(note.contains("number 0 since") && note.contains(": spam"), "{note:?}");
    assert!(is_clean(&note), "{note:?}");
    let shown = db.run(&["campaign", "preview", "hello"]).done().stdout;
    assert!(shown.contains("meta (spam"), "{shown:?}");
    assert!(is_clean(&shown), "{shown:?}");
}
