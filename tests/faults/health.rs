//! Health checks: what is found out of service is taken out, and comes back when its provider says so, where the rule
//! allows.

use crate::world::{
    Made, World,
    seed::{Camp, Num, Number},
    throughout, until,
};
use signalbox::domain::action::Action;
use signalbox::sender::Sender;
use signalbox::store::health::Turns;
use std::time::Duration;

/// Five times a second.
const OFTEN: Turns =
    Turns { usual: Duration::from_millis(200), suspended: Duration::from_millis(200), apart: Duration::ZERO };

const SLOW: &str = "[[rule]]\nthen = { latency = '50ms', accept = true }\n";

impl World {
    /// A sender that asks often, beginning now.
    async fn checking(&self) -> Sender {
        self.execute("update number_health set next_check_at = clock_timestamp()").await;
        self.sender_with(&self.database, |config| config.checks = OFTEN).await
    }

    async fn is_suspended(&self, number: &Number) -> bool {
        sqlx::query_scalar("select suspended_at is not null from whatsapp_numbers where id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_suspended(&self, number: &Number, suspended: bool) {
        until(&format!("{} is suspended: {suspended}", number.phone), 15, async || {
            self.is_suspended(number).await == suspended
        })
        .await;
    }

    /// Waits until so many checks in a row found a number well, its suspension in between.
    async fn until_well(&self, number: &Number, times: i32) {
        until(&format!("{} is found well {times} times", number.phone), 15, async || {
            let well: i32 = sqlx::query_scalar("select well_in_row from number_health where number_id = $1")
                .bind(number.id.0)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            well >= times
        })
        .await;
    }

    /// A number's entries in the audit log by the sender, oldest first.
    async fn deeds(&self, number: &Number) -> Vec<(String, String)> {
        sqlx::query_as(
            "select action, reason from audit_log where entity_id = $1 and actor = 'sender' order by at",
        )
        .bind(number.id.0)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}

fn says(number: &Number, then: &str) -> String {
    format!("{SLOW}[[health]]\nwhen = {{ number = '{}' }}\nthen = {{ {then} }}\n", number.from)
}

#[tokio::test]
async fn a_number_that_logs_out_is_replaced_and_comes_back_when_it_is_well_twice() {
    let world = World::scripted(SLOW).await;
    let first = world.number(Num::ultramsg()).await;
    let second = world.number(Num::ultramsg().priority(20)).await;
    world.campaign(Camp::of(300)).await;
    let sender = world.checking().await;
    world.until_counts("some went", 15, |counts| counts.accepted >= 5).await;
    world.follow(&says(&first, "status = 'qr'"));
    world.until_suspended(&first, true).await;
    let (to, cause, code, words, ended): (uuid::Uuid, String, String, String, bool) = sqlx::query_as(
        "select to_number_id, cause, code, words, ended_at is not null from failovers where from_number_id = $1",
    )
    .bind(first.id.0)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!((to, cause.as_str(), code.as_str()), (second.id.0, "number_suspended", "status_qr"));
    assert_eq!((words.as_str(), ended), ("qr, normal", false));
    world.follow(SLOW);
    world.until_suspended(&first, false).await;
    let (ended_by, ended_reason): (String, String) =
        sqlx::query_as("select ended_by, ended_reason from failovers where from_number_id = $1")
            .bind(first.id.0)
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(ended_by, "sender");
    assert!(ended_reason.contains("well 2 times in a row"), "{ended_reason}");
    let deeds = world.deeds(&first).await;
    let names: Vec<&str> = deeds.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(names, ["suspend", "resume"], "{deeds:?}");
    assert!(deeds[0].1.contains("status_qr"), "{deeds:?}");
    assert!(!world.is_suspended(&second).await);
    world.until_all_accepted(30).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (300, 300));
    assert_eq!(world.value::<i64>("select count(*) from number_checks where actor <> 'sender'").await, 0);
}

#[tokio::test]
async fn who_was_suspended_by_an_operator_waits_for_one() {
    let world = World::scripted("").await;
    let number = world.number(Num::ultramsg()).await;
    world.order(Action::SuspendNumber { number: number.id, until: None }).await;
    let sender = world.checking().await;
    world.until_well(&number, 4).await;
    assert!(world.is_suspended(&number).await);
    assert!(world.deeds(&number).await.is_empty());
    assert!(world.value::<bool>("select well_since is not null from number_health").await);
    world.end([sender]).await;
}

#[tokio::test]
async fn a_refused_token_takes_the_account_out_and_waits_for_an_operator() {
    let world = World::scripted("").await;
    let numbers = [world.number(Num::meta()).await, world.number(Num::meta().priority(20)).await];
    world.follow("[[health]]\nthen = { error = 190, details = 'the session has expired' }");
    let sender = world.checking().await;
    for number in &numbers {
        world.until_suspended(number, true).await;
        assert!(world.deeds(number).await[0].1.contains("190: the session has expired"));
    }
    world.follow("");
    for number in &numbers {
        world.until_well(number, 4).await;
        assert!(world.is_suspended(number).await, "a new token is an operator's word");
    }
    world.end([sender]).await;
}

#[tokio::test]
async fn a_ban_is_over_when_an_operator_says_so() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    world.follow(&says(&number, "status = 'BANNED'"));
    let sender = world.checking().await;
    world.until_suspended(&number, true).await;
    world.follow("");
    world.until_well(&number, 4).await;
    assert!(world.is_suspended(&number).await);
    world.end([sender]).await;
}

#[tokio::test]
async fn nothing_is_done_about_what_nobody_can_read() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    world.follow(&says(&number, "status = 'LINKED', quality = 'RED', limit = 'TIER_250'"));
    let sender = world.checking().await;
    until("it is checked", 15, async || {
        world.value::<i64>("select count(*) from number_checks where state = 'unclear'").await >= 3
    })
    .await;
    assert!(!world.is_suspended(&number).await);
    let kept: (String, String, i32) =
        sqlx::query_as("select state, quality, provider_limit from number_health")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(kept, ("unclear".to_owned(), "red".to_owned(), 250));
    // The quality of a limited number is kept, and so is the number.
    world.follow(&says(&number, "can_send = 'LIMITED', quality = 'YELLOW'"));
    until("it is limited", 15, async || {
        world.value::<String>("select state from number_health").await == "limited"
    })
    .await;
    assert!(!world.is_suspended(&number).await);
    world.end([sender]).await;
}

#[tokio::test]
async fn a_number_out_of_its_limit_rests() {
    let world = World::scripted("").await;
    let number = world.number(Num::meta()).await;
    world.follow(&says(&number, "status = 'RATE_LIMITED'"));
    let sender = world.checking().await;
    until("it rests", 15, async || {
        world
            .value::<bool>(
                "select coalesce(limited_until > clock_timestamp() + interval '50 minutes', false) from whatsapp_numbers",
            )
            .await
    })
    .await;
    assert!(!world.is_suspended(&number).await);
    world.end([sender]).await;
}

#[tokio::test]
async fn an_instance_that_starts_has_five_minutes() {
    let world = World::scripted("").await;
    let number = world.number(Num::ultramsg()).await;
    world.follow(&says(&number, "status = 'retrying'"));
    let sender = world.checking().await;
    until("it is checked", 15, async || world.value::<i64>("select count(*) from number_checks").await >= 3)
        .await;
    assert!(!world.is_suspended(&number).await);
    world.execute("update number_health set since = since - interval '5 minutes'").await;
    world.until_suspended(&number, true).await;
    world.end([sender]).await;
}

#[tokio::test]
async fn a_number_that_comes_and_goes_waits_for_an_operator_the_third_time() {
    let world = Made::default().world().await;
    let number = world.number(Num::ultramsg()).await;
    let sender = world.checking().await;
    for returns in [true, true, false] {
        world.follow(&says(&number, "status = 'disconnected'"));
        world.until_suspended(&number, true).await;
        world.follow("");
        if returns {
            world.until_suspended(&number, false).await;
        } else {
            world.until_well(&number, 3).await;
            throughout("it stays", Duration::from_millis(500), async || world.is_suspended(&number).await)
                .await;
        }
    }
    world.end([sender]).await;
}

#[tokio::test]
async fn two_senders_ask_no_more_often_than_one() {
    let world = World::scripted("").await;
    for _ in 0..4 {
        world.number(Num::meta()).await;
    }
    world.execute("update number_health set next_check_at = clock_timestamp()").await;
    let slow = Turns {
        usual: Duration::from_secs(60),
        suspended: Duration::from_millis(200),
        apart: Duration::ZERO,
    };
    let one = world.sender_with(&world.database, |config| config.checks = slow).await;
    let two = world.sender_with(&world.database, |config| config.checks = slow).await;
    until("all are asked about", 15, async || {
        world.value::<i64>("select count(*) from number_checks").await >= 4
    })
    .await;
    throughout("once each", Duration::from_millis(1_500), async || {
        world.value::<i64>("select count(*) from number_checks").await == 4
    })
    .await;
    world.end([one, two]).await;
}
