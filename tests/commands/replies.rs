//! `signalbox reply`, and what an organisation says to opt-outs.

use crate::support::acme::{Acme, phone};
use serde_json::{Value, json};
use signalbox::{domain::ids::NumberId, store::receipt::NewInbound};

/// Somebody wrote to the first number.
async fn heard(acme: &Acme, nth: usize, text: &str, id: &str) {
    let inbound = NewInbound {
        account: acme.account,
        sender_id: None,
        sender_phone: Some(number(acme, 0).await),
        phone: Some(phone(nth)),
        from_id: None,
        profile: Some("Anna \u{1b}[31m".into()),
        message: id.into(),
        kind: "text".into(),
        body: text.into(),
        consent: None,
        answers: None,
        at: None,
        thread: None,
        handled: false,
    };
    acme.db.store.hear(acme.organization, &[inbound]).await.unwrap();
}

async fn number(acme: &Acme, nth: usize) -> signalbox::domain::phone::Phone {
    let NumberId(id) = acme.numbers[nth];
    let text: String = sqlx::query_scalar("select phone::text from whatsapp_numbers where id = $1")
        .bind(id)
        .fetch_one(&acme.db.pool)
        .await
        .unwrap();
    signalbox::domain::phone::Phone::parse(&text).unwrap()
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn threads_are_listed_shown_answered_handed_over_and_ended() {
    let acme = Acme::new().await;
    let db = &acme.db;
    assert_eq!(db.json(&["reply", "list"]), json!([]));
    heard(&acme, 1, "When do you open?", "in-1").await;
    heard(&acme, 2, "Hello", "in-2").await;
    heard(&acme, 2, "Hello", "in-2").await;
    let list = db.json(&["reply", "list"]);
    assert_eq!(ids(&list).len(), 2);
    assert_eq!(
        (&list[0]["phone"], &list[0]["unread"], &list[0]["window"]),
        (&json!("+237600000002"), &json!(1), &json!("open"))
    );
    let id = ids(&list)[1].clone();
    let plain = db.run(&["reply", "show", &id]).done().stdout;
    assert!(plain.contains("they: When do you open?") && !plain.contains('\u{1b}'), "{plain}");
    db.run(&["reply", "send", &id]).refused(2, "--text");
    db.run(&["reply", "send", &id, "--text", "  "]).refused(2, "has to say something");
    db.run(&["reply", "send", &id, "--text", &"x".repeat(4_090)]).refused(3, "4090 characters");
    db.run(&["reply", "send", "01900000-0000-7000-8000-000000000000", "--text", "x"])
        .refused(1, "no such thread");
    assert_eq!(db.json(&["reply", "send", &id, "--text", "At nine."])["result"], "done");
    let shown = db.json(&["reply", "show", &id]);
    let messages = shown["messages"].as_array().unwrap();
    assert_eq!((&messages[1]["text"], &messages[1]["state"]), (&json!("At nine."), &json!("queued")));
    assert_eq!(db.json(&["reply", "list", "--only", "unread"]).as_array().unwrap().len(), 1);
    db.run(&["reply", "assign", &id, "--to", "nobody-knows"]).refused(3, "no such operator");
    assert_eq!(db.json(&["reply", "assign", &id, "--to", "none"])["result"], "done");
    assert_eq!(db.json(&["reply", "list"])[0]["assigned_to"], Value::Null);
    assert_eq!(db.json(&["reply", "close", &id])["result"], "done");
    assert_eq!(db.json(&["reply", "close", &id])["result"], "already");
    assert_eq!(ids(&db.json(&["reply", "list", "--only", "done"])), std::slice::from_ref(&id));
    heard(&acme, 1, "Thanks", "in-3").await;
    assert_eq!(ids(&db.json(&["reply", "list", "--search", "thanks"])), [id]);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn another_thread_has_a_number_or_a_name_of_its_own() {
    let acme = Acme::new().await;
    let db = &acme.db;
    heard(&acme, 1, "Hello", "in-1").await;
    let opened = db.json(&["reply", "open", phone(1).reveal()]);
    assert_eq!(
        (&opened["thread"], &opened["window"]),
        (&json!(2), &json!("open")),
        "where they can be answered"
    );
    db.run(&["reply", "open", phone(1).reveal(), "--pool", "nowhere"]).refused(3, "no such pool");
    let stranger = db.json(&["reply", "open", phone(7).reveal()]);
    let id = stranger["id"].as_str().unwrap();
    db.run(&["reply", "send", id, "--text", "Hello"]).refused(3, "never wrote to this number");
    sqlx::query("update whatsapp_numbers set is_active = false").execute(&db.pool).await.unwrap();
    db.run(&["reply", "open", phone(7).reveal()]).refused(3, "no number can answer");
}

#[tokio::test]
async fn words_and_confirmations_of_an_organisation_are_configured() {
    let acme = Acme::new().await;
    let db = &acme.db;
    let edit = [
        "org",
        "edit",
        "--stop-word",
        "Yamba",
        "--stop-word",
        "basta ya",
        "--stop-confirmation",
        "No more. 1 + 1 = 2",
        "--stop-confirmation",
        "fr=C'est noté.",
        "--start-confirmation",
        "Welcome.",
    ];
    assert_eq!(db.json(&edit)["result"], "done");
    let kept: Value = db
        .value("select jsonb_build_object('words', stop_words, 'stop', stop_confirmation, 'start', start_confirmation) from organizations")
        .await;
    let expected = json!({ "words": ["Yamba", "basta ya"], "start": { "en": "Welcome." },
        "stop": { "en": "No more. 1 + 1 = 2", "fr": "C'est noté." } });
    assert_eq!(kept, expected);
    db.run(&["org", "edit", "--stop-word", "!!"]).refused(2, "is no word");
    db.run(&["org", "edit", "--stop-confirmation", "fr="]).refused(2, "says nothing");
    db.run(&["org", "edit", "--stop-confirmation", "a", "--stop-confirmation", "en=b"])
        .refused(2, "two confirmations in en");
    db.json(&["org", "edit", "--stop-word", "none", "--stop-confirmation", "none"]);
    let off: bool =
        db.value("select stop_words = '{}' and stop_confirmation is null from organizations").await;
    assert!(off);
    let phone = number(&acme, 0).await;
    db.json(&["number", "edit", phone.reveal(), "--reply-share", "25%"]);
    assert_eq!(db.json(&["number", "show", phone.reveal()])["reply_share"], 25);
    db.run(&["number", "edit", phone.reveal(), "--reply-share", "91"]).refused(2, "from 0 to 90");
}
