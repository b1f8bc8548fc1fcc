//! Meta asks whether the address is ours.

use crate::{
    caller::{Answer, Call},
    office::{Office, VERIFY_TOKEN},
};
use signalbox::domain::{ids::AccountId, number::ProviderKind};

fn ask(path: &str, mode: &str, word: Option<&str>, challenge: Option<&str>) -> Call {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("hub.mode", mode);
    if let Some(challenge) = challenge {
        query.append_pair("hub.challenge", challenge);
    }
    if let Some(word) = word {
        query.append_pair("hub.verify_token", word);
    }
    Call::get(format!("{path}?{}", query.finish()))
}

#[tokio::test]
async fn the_challenge_comes_back_for_the_right_word_and_for_nothing_else() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let path = office.meta_path();
    let challenge = Some("1158201444");
    let answer = ask(&path, "subscribe", Some(VERIFY_TOKEN), challenge).ask(listener.address()).await;
    assert_eq!(
        answer,
        Answer { status: 200, content_type: "text/plain".to_owned(), body: "1158201444".to_owned() }
    );
    let odd = Some("<b>&\u{1f600}");
    let answer = ask(&path, "subscribe", Some(VERIFY_TOKEN), odd).ask(listener.address()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "<b>&\u{1f600}"), "word for word, as plain text");
    for (name, call) in [
        ("another word", ask(&path, "subscribe", Some("guess"), challenge)),
        ("a part of the word", ask(&path, "subscribe", Some(&VERIFY_TOKEN[..3]), challenge)),
        ("no word", ask(&path, "subscribe", None, challenge)),
        ("an empty word", ask(&path, "subscribe", Some(""), challenge)),
        ("another mode", ask(&path, "unsubscribe", Some(VERIFY_TOKEN), challenge)),
        ("no challenge", ask(&path, "subscribe", Some(VERIFY_TOKEN), None)),
        ("no query", Call::get(path.clone())),
    ] {
        let answer = call.ask(listener.address()).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{name}");
    }
    assert_eq!(office.kept_count().await, 0);
    listener.end().await;
}

#[tokio::test]
async fn without_a_stored_word_nobody_registers() {
    let office = Office::open().await;
    let bare = office.world.account("bare", ProviderKind::Meta, None).await;
    let listener = office.listener().await;
    for word in [Some(""), None, Some(VERIFY_TOKEN)] {
        let call = ask(&format!("/webhooks/meta/{bare}"), "subscribe", word, Some("1"));
        assert_eq!(call.ask(listener.address()).await.status, 403, "{word:?}");
    }
    let nobody = format!("/webhooks/meta/{}", AccountId::new());
    let other_dialect = format!("/webhooks/meta/{}", office.twilio);
    for path in
        [nobody.as_str(), other_dialect.as_str(), "/webhooks/meta/none", "/webhooks/meta/", "/webhooks"]
    {
        let call = ask(path, "subscribe", Some(VERIFY_TOKEN), Some("1"));
        assert_eq!(call.ask(listener.address()).await.status, 404, "{path}");
    }
    // Only Meta registers so.
    let call = ask(&office.twilio_path(), "subscribe", Some(VERIFY_TOKEN), Some("1"));
    assert_eq!(call.ask(listener.address()).await.status, 405);
    listener.end().await;
}
