//! Row 43: who is believed, what is kept of it, and that nothing is kept of anybody else.

use crate::{
    caller::{Answer, Call, FORM, JSON},
    office::{APP_SECRET, Office, PATH_SECRET, TWILIO_TOKEN},
    world::until,
};
use signalbox::domain::{
    ids::{AccountId, OrganizationId},
    number::ProviderKind,
};

const PUBLIC: &str = "https://hooks.example.com";
const STATUS: &str =
    "MessageSid=SM1&MessageStatus=delivered&From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B5511987650001";
const ACK: &str = r#"{"event_type":"message_ack","instanceId":"1150","id":"7","data":{"ack":"device"}}"#;

fn answered(content_type: &str, body: &str) -> Answer {
    Answer { status: 200, content_type: content_type.to_owned(), body: body.to_owned() }
}

#[tokio::test]
async fn each_provider_is_believed_kept_byte_for_byte_and_answered_as_it_wants() {
    let office = Office::open().await;
    let listener = office.listener_on(&office.world.database, Some(PUBLIC)).await;
    let escaped = r#"{"object":"whatsapp_business_account","entry":[{"text":"\ud83d\ude00 caf\u00e9"}]}"#;
    let meta = Call::post(office.meta_path(), escaped).by_meta(APP_SECRET);
    let target = format!("{}?ref=0190b7&x=%20", office.twilio_path());
    let twilio = Call::post(target, STATUS).by_twilio(PUBLIC, TWILIO_TOKEN);
    let ultramsg = Call::post(office.ultramsg_path(), ACK).with(JSON);
    for (call, expected) in [
        (meta, answered("", "")),
        // Any text would be sent to the person.
        (twilio, answered("text/xml", "<Response/>")),
        (ultramsg, answered("", "")),
    ] {
        let answer = call.ask(listener.address()).await;
        assert_eq!(answer, expected, "{}", call.target);
    }
    let kept = office.kept().await;
    let expected = [("", escaped), ("ref=0190b7&x=%20", STATUS), ("", ACK)];
    let kept: Vec<(&str, &str)> = kept.iter().map(|(query, body)| (query.as_str(), body.as_str())).collect();
    assert_eq!(kept, expected, "committed before the answers");
    let whose: Vec<uuid::Uuid> = sqlx::query_scalar("select account_id from webhooks order by id")
        .fetch_all(&office.world.pool)
        .await
        .unwrap();
    assert_eq!(whose, [office.meta.0, office.twilio.0, office.ultramsg.0]);
    assert_eq!(office.refused().await, []);
    listener.end().await;
    assert_eq!(office.spooled(), 0);
}

#[tokio::test]
async fn row_43_bad_and_missing_signatures_and_changed_bodies_leave_nothing_but_a_count() {
    let office = Office::open().await;
    let bare = office.world.account("bare", ProviderKind::Meta, None).await;
    let listener = office.listener_on(&office.world.database, Some(PUBLIC)).await;
    let body = r#"{"object":"whatsapp_business_account","entry":[{"text":"\ud83d\ude00"}]}"#;
    let meta = Call::post(office.meta_path(), body).by_meta(APP_SECRET);
    let twilio = Call::post(office.twilio_path(), STATUS).by_twilio(PUBLIC, TWILIO_TOKEN);
    let changed = |call: &Call| {
        let mut call = call.clone();
        call.body[9] ^= 1;
        call
    };
    // The same text, written anew: what Meta escapes, nobody else does.
    let written_anew = Call {
        body: serde_json::from_str::<serde_json::Value>(body).unwrap().to_string().into_bytes(),
        ..meta.clone()
    };
    let elsewhere = |target: String| Call { target, ..twilio.clone() };
    let wrong = [
        ("Meta, another secret", Call::post(office.meta_path(), body).by_meta("guess")),
        ("Meta, one byte", changed(&meta)),
        ("Meta, written anew", written_anew),
        ("Meta, rubbish", Call::post(office.meta_path(), body).with(("x-hub-signature-256", "sha256=zz"))),
        ("Meta, empty", Call::post(office.meta_path(), body).with(("x-hub-signature-256", ""))),
        ("Twilio, another token", Call::post(office.twilio_path(), STATUS).by_twilio(PUBLIC, "guess")),
        ("Twilio, one byte", changed(&twilio)),
        ("Twilio, another address", elsewhere(format!("{}?ref=1", office.twilio_path()))),
        ("Twilio, no form", Call { headers: twilio.headers[1..].to_vec(), ..twilio.clone() }.with(JSON)),
        ("UltraMsg, another word", Call::post(format!("/webhooks/ultramsg/{}/guess", office.ultramsg), ACK)),
        (
            "UltraMsg, a part of the word",
            Call::post(format!("/webhooks/ultramsg/{}/{}", office.ultramsg, &PATH_SECRET[1..]), ACK),
        ),
    ];
    let missing = [
        ("Meta, none", Call::post(office.meta_path(), body).with(JSON)),
        ("Twilio, none", Call::post(office.twilio_path(), STATUS).with(FORM)),
        ("Twilio, Meta's", Call::post(office.twilio_path(), STATUS).by_meta(TWILIO_TOKEN)),
    ];
    let no_secret = [
        ("nothing stored", Call::post(format!("/webhooks/meta/{bare}"), body).by_meta("")),
        ("nothing stored, no signature", Call::post(format!("/webhooks/meta/{bare}"), body)),
    ];
    for (name, call) in wrong.iter().chain(&missing).chain(&no_secret) {
        let answer = call.ask(listener.address()).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{name}");
    }
    office.until_refused(&[("no_secret", 2), ("signature_missing", 3), ("signature_wrong", 11)]).await;
    assert_eq!(office.kept_count().await, 0);
    // And none of that hurt those who tell the truth.
    assert_eq!(meta.ask(listener.address()).await.status, 200);
    assert_eq!(twilio.ask(listener.address()).await.status, 200);
    assert_eq!(office.kept_count().await, 2);
    listener.end().await;
}

#[tokio::test]
async fn row_43_an_old_signature_is_believed_no_more_once_its_secret_is_replaced() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let old = office.report(0);
    assert_eq!(old.ask(listener.address()).await.status, 200);
    office.secret(office.meta, "sealed_app_secret", "replaced").await;
    let new = Call::post(office.meta_path(), "{\"entry\":[]}").by_meta("replaced");
    until("the new secret is known", 15, async || new.ask(listener.address()).await.status == 200).await;
    assert_eq!(old.ask(listener.address()).await.status, 403, "though it was believed once");
    assert_eq!(office.report(1).ask(listener.address()).await.status, 403);
    assert_eq!(office.kept_count().await, 2);
    listener.end().await;
}

#[tokio::test]
async fn row_43_what_is_replayed_is_answered_and_kept_once() {
    let office = Office::open().await;
    // Two of them, as behind one proxy.
    let listeners = [office.listener().await, office.listener().await];
    let report = office.report(0);
    let mut calls = tokio::task::JoinSet::new();
    for nth in 0..100 {
        let (report, address) = (report.clone(), listeners[nth % 2].address());
        calls.spawn(async move { report.ask(address).await.status });
    }
    assert_eq!(calls.join_all().await, [200; 100]);
    assert_eq!(report.ask(listeners[0].address()).await.status, 200);
    assert_eq!(office.kept_count().await, 1);
    // Another query is another report: Twilio's carries our reference.
    let twilio = |reference: &str| Call::post(format!("{}?ref={reference}", office.twilio_path()), STATUS);
    for reference in ["a", "b", "a"] {
        let origin = format!("http://{}", listeners[0].address());
        let call = twilio(reference).by_twilio(&origin, TWILIO_TOKEN);
        assert_eq!(call.ask(listeners[0].address()).await.status, 200);
    }
    assert_eq!(office.kept_count().await, 3);
    for listener in listeners {
        listener.end().await;
    }
}

#[tokio::test]
async fn twilio_signs_the_address_that_it_calls_and_not_the_one_behind_the_proxy() {
    let office = Office::open().await;
    let mounted = "https://hooks.example.com:8443/box";
    let listener = office.listener_on(&office.world.database, Some(mounted)).await;
    let call = || Call::post(office.twilio_path(), STATUS);
    for (origin, status) in [
        (mounted.to_owned(), 200),
        // Official validators take it without its port too.
        ("https://hooks.example.com/box".to_owned(), 200),
        ("https://hooks.example.com:8443".to_owned(), 403),
        (format!("http://{}", listener.address()), 403),
    ] {
        let answer = call().by_twilio(&origin, TWILIO_TOKEN).ask(listener.address()).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    // A header that says otherwise is somebody's word, no more.
    let claimed =
        call().by_twilio("https://evil.example", TWILIO_TOKEN).with(("x-forwarded-host", "evil.example"));
    assert_eq!(claimed.ask(listener.address()).await.status, 403);
    listener.end().await;
}

#[tokio::test]
async fn accounts_that_are_not_here_are_not_found_and_nothing_is_kept() {
    let office = Office::open().await;
    let theirs = AccountId::new();
    let elsewhere = OrganizationId::new();
    sqlx::query("insert into organizations (id, slug, name, time_zone) values ($1, 'other', 'Other', 'UTC')")
        .bind(elsewhere.0)
        .execute(&office.world.pool)
        .await
        .unwrap();
    sqlx::query(
        "insert into accounts (organization_id, id, name, provider, external_id, sealed_token, sealed_app_secret)
         select $1, $2, 'meta', provider, external_id, sealed_token, sealed_app_secret from accounts where id = $3",
    )
    .bind(elsewhere.0)
    .bind(theirs.0)
    .bind(office.meta.0)
    .execute(&office.world.pool)
    .await
    .unwrap();
    let listener = office.listener().await;
    let origin = format!("http://{}", listener.address());
    let body = "{\"entry\":[]}";
    let paths = [
        format!("/webhooks/meta/{}", AccountId::new()),
        format!("/webhooks/meta/{theirs}"),
        format!("/webhooks/meta/{}", office.twilio),
        format!("/webhooks/meta/{}x", office.meta),
        format!("/webhooks/meta/{}/{PATH_SECRET}", office.meta),
        format!("/webhooks/twilio/{}", office.meta),
        format!("/webhooks/ultramsg/{}/{PATH_SECRET}", office.meta),
        format!("/webhooks/ultramsg/{}", office.ultramsg),
        format!("/webhooks/ultramsg/{}/{PATH_SECRET}/more", office.ultramsg),
        format!("/webhooks/sms/{}", office.meta),
        "/webhooks/meta/' or 1=1 --".replace(' ', "%20"),
        "/".to_owned(),
    ];
    for path in paths {
        for call in [
            Call::post(path.clone(), body).by_meta(APP_SECRET),
            Call::post(path.clone(), STATUS).by_twilio(&origin, TWILIO_TOKEN),
        ] {
            assert_eq!(call.ask(listener.address()).await.status, 404, "{path}");
        }
    }
    assert_eq!(office.report(0).ask(listener.address()).await.status, 200);
    listener.end().await;
    assert_eq!((office.kept_count().await, office.refused().await), (1, vec![]));
}
