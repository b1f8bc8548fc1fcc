//! A number is tested from the console: a sender asks, and its answer is the console's.

use crate::backend;
use crate::screen_world::World;
use signalbox::domain::health::{Health, Quality, Reach, Standing};
use signalbox::domain::ids::{AccountId, InstanceId, WebhookId};
use signalbox::domain::outcome::Class;
use signalbox::store::{health::Check, news::NewEvent};
use signalbox::tui::backend::Backend as _;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_asked_for_and_answered_by_the_next_check() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let organization = world.seat.organization;
    let backend = backend(&world);
    let shown = backend.number(number).await.unwrap().health;
    assert_eq!((shown.state, shown.checked_at), (None, None));

    let record = async |standing, code: &str, words: &str| {
        let health = Health {
            quality: Some(Quality::Yellow),
            reach: Some(Reach::People(2_000)),
            ..Health::new(standing, code, words)
        };
        let took = Duration::from_millis(84);
        let check = Check { number, actor: "sender", took, health: &health, again: None };
        world.store.record_check(organization, &check).await.unwrap().unwrap();
    };
    // What was found before is no answer.
    record(Standing::Sendable, "", "CONNECTED").await;
    let asked = tokio::spawn(backend.test_number(number));
    let due = "select next_check_at <= clock_timestamp() from number_health where number_id = $1";
    let limit = tokio::time::Instant::now() + Duration::from_secs(10);
    while !sqlx::query_scalar::<_, bool>(due).bind(number.0).fetch_one(&world.admin).await.unwrap() {
        assert!(tokio::time::Instant::now() < limit, "nobody is asked to check it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    record(Standing::NotSendable(Class::NumberSuspended), "status_qr", "qr, normal").await;
    let test = asked.await.unwrap().unwrap();
    assert_eq!((test.is_well, test.took_ms), (false, 84));
    assert_eq!(test.said.as_str(), "not sendable, status_qr: qr, normal");

    let shown = backend.number(number).await.unwrap().health;
    assert_eq!(shown.state.as_deref(), Some("not_sendable"));
    assert_eq!(shown.words.as_str(), "status_qr: qr, normal");
    assert_eq!((shown.quality.as_deref(), shown.people), (Some("yellow"), Some(2_000)));
    assert_eq!(shown.well_since, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_told_stands_in_the_log_of_the_number() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let row = "select account_id, phone::text from whatsapp_numbers where id = $1";
    let (account, phone): (uuid::Uuid, String) =
        sqlx::query_as(row).bind(number.0).fetch_one(&world.admin).await.unwrap();
    let event = |place, sender_phone: Option<&str>, words: &str| NewEvent {
        webhook: WebhookId::new(),
        place,
        account: AccountId(account),
        sender_id: None,
        sender_phone: sender_phone.map(|phone| signalbox::domain::phone::Phone::parse(phone).unwrap()),
        change: "notice",
        code: "account_alerts".into(),
        words: words.into(),
        until: None,
        quality: None,
        reach: None,
    };
    let news = [event(0, Some(&phone), "of the number\u{1b}[2J"), event(1, None, "of the account")];
    world.store.hear_news(world.seat.organization, InstanceId::new(), &news).await.unwrap();
    let log = backend(&world).number(number).await.unwrap().log;
    let said: Vec<&str> = log.iter().map(|line| line.what.as_str()).collect();
    assert!(said.contains(&"account_alerts: of the account"), "{said:?}");
    assert!(
        said.iter().any(|line| line.starts_with("account_alerts: of the number") && !line.contains('\u{1b}'))
    );
}
