//! `campaign forecast`: day by day from counts, and what if.

use crate::support::acme::{Acme, HELLO, phone};
use serde_json::{Value, json};
use signalbox::domain::action::Action;

const FIRST: &str = "+237690000000";

fn totals(answer: &Value) -> Vec<u64> {
    answer["days"].as_array().unwrap().iter().map(|day| day["total"].as_u64().unwrap()).collect()
}

/// A number of 250 a day with a backup of 100 a day, and two campaigns to 600 people.
async fn world() -> Acme {
    let acme = Acme::with_numbers(&[Some(250), Some(100)]).await;
    acme.contacts(600).await;
    for name in ["hello", "other"] {
        let toml = format!("name = \"{name}\"\n[[steps]]\nafter = \"0h\"\ntext = {{ en = \"Hello\" }}\n");
        acme.campaign(&toml).await;
    }
    acme
}

#[tokio::test]
async fn a_forecast_names_days_numbers_campaigns_and_what_binds() {
    let acme = world().await;
    let draft = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!(draft["state"], "draft");
    assert_eq!(totals(&draft), [350, 250]);
    let first = &draft["days"][0];
    assert_eq!(first["by_number"], json!({ FIRST: 250, "+237690000001": 100 }));
    assert_eq!(first["by_campaign"], json!({ "hello": 350 }));
    assert_eq!((&first["limit"], &first["bound_by"]), (&json!(350), &json!("number_cap")));
    assert_eq!(draft["binding"]["hold"], "number_cap");
    assert_eq!(draft["binding"]["date"], first["date"]);
    assert!(draft["finish"].is_string(), "{draft}");

    // What was sent counts, and so does a campaign that shares the numbers.
    let campaign = acme.db.store.campaigns(acme.organization, Some("hello")).await.unwrap().remove(0).id;
    let other = acme.db.store.campaigns(acme.organization, Some("other")).await.unwrap().remove(0).id;
    acme.done(Action::StartCampaign(campaign)).await;
    acme.done(Action::StartCampaign(other)).await;
    for message in acme.claim(0, campaign, 50).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let both = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!(totals(&both)[..3], [300, 350, 350]);
    let of = |day: usize, name: &str| both["days"][day]["by_campaign"][name].as_u64().unwrap_or(0);
    assert_eq!((of(1, "hello"), of(1, "other")), (175, 175));
    let text = acme.db.run(&["campaign", "forecast", "hello"]).done().stdout;
    assert!(text.contains("the daily limits of its numbers, first on"), "{text}");
}

#[tokio::test]
async fn a_forecast_answers_what_if_and_changes_nothing() {
    let acme = world().await;
    let before = acme.db.fingerprint().await;
    let forecast = |more: &[&str]| acme.db.json(&[&["campaign", "forecast", "hello"], more].concat());
    assert_eq!(totals(&forecast(&["--suspend", FIRST])), [100; 6]);
    assert_eq!(totals(&forecast(&["--add-number", "250"])), [600]);
    assert_eq!(totals(&forecast(&["--daily-limit", "300"])), [300, 300]);
    assert_eq!(totals(&forecast(&["--days", "1"])), [350]);
    assert_eq!(forecast(&["--days", "1"])["finish"], Value::Null);
    let nobody = forecast(&["--suspend", FIRST, "--suspend", "+237690000001"]);
    assert_eq!(nobody["finish"], Value::Null);
    assert_eq!(nobody["binding"]["hold"], "no_number");
    assert_eq!(acme.db.fingerprint().await, before);
}

#[tokio::test]
async fn pausing_another_campaign_leaves_all_room_to_this_one() {
    let acme = world().await;
    for name in ["hello", "other"] {
        let campaign = acme.db.store.campaigns(acme.organization, Some(name)).await.unwrap().remove(0).id;
        acme.done(Action::StartCampaign(campaign)).await;
    }
    let alone = acme.db.json(&["campaign", "forecast", "hello", "--pause", "other"]);
    assert_eq!(totals(&alone), [350, 250]);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let acme = world().await;
    let stranger = phone(7);
    for (more, says) in [
        (["--suspend", stranger.reveal()], "there is no number +237600000007"),
        (["--pause", "nothing"], "there is no campaign \"nothing\" that sends"),
        (["--add-number", "0"], "0 is not in 1..="),
        (["--days", "4000"], "4000 is not in 1..=3650"),
    ] {
        let ran = acme.db.run(&[&["campaign", "forecast", "hello"][..], &more[..]].concat());
        assert_ne!(ran.code, Some(0), "{more:?}");
        assert!(ran.stderr.contains(says), "{more:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_campaign_of_one_number_alone_is_forecast_through_that_number() {
    let acme = Acme::with_numbers(&[Some(100), Some(100), Some(100)]).await;
    acme.contacts(611).await;
    acme.campaign(HELLO).await;
    let only = "+237690000001";
    acme.db.run(&["campaign", "edit", "hello", "--only", only]).done();
    let forecast = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!(totals(&forecast), [100, 100, 100, 100, 100, 100, 11]);
    let days = forecast["days"].as_array().unwrap();
    assert!(days.iter().all(|day| day["by_number"].as_object().unwrap().keys().eq([only])), "{forecast}");
    assert_eq!((&days[0]["limit"], &days[0]["bound_by"]), (&json!(100), &json!("number_cap")));
}

#[tokio::test]
async fn a_number_that_warms_up_is_foretold_to_send_more_each_day() {
    let acme = Acme::with_numbers(&[Some(300)]).await;
    acme.contacts(600).await;
    acme.campaign(HELLO).await;
    let alter = async |sql: &'static str| {
        sqlx::query(sql).execute(&acme.db.pool).await.unwrap();
    };
    alter("update whatsapp_numbers set warm_up_started_at = clock_timestamp()").await;
    assert_eq!(totals(&acme.db.json(&["campaign", "forecast", "hello"])), [20, 50, 100, 200, 230]);
    // Replies keep their share of what each day allows.
    alter("update whatsapp_numbers set reply_share = 10").await;
    assert_eq!(totals(&acme.db.json(&["campaign", "forecast", "hello"])), [18, 45, 90, 180, 267]);
}

#[tokio::test]
async fn who_is_too_late_is_counted_and_not_foretold() {
    let acme = Acme::with_numbers(&[Some(300)]).await;
    acme.contacts(2_000).await;
    let campaign = acme.campaign(HELLO).await;
    let alter = async |sql: &'static str| {
        sqlx::query(sql).execute(&acme.db.pool).await.unwrap();
    };
    let whole = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!((&whole["expired"], totals(&whole).len()), (&json!(0), 7));
    alter("update campaigns set expires_at = clock_timestamp() + interval '2 days'").await;
    let cut = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!((totals(&cut), &cut["expired"]), (vec![300; 3], &json!(1_100)));
    assert!(cut["finish"].is_string(), "{cut}");
    let text = acme.db.run(&["campaign", "forecast", "hello"]).done().stdout;
    assert!(text.contains("1100 people before their turn comes"), "{text}");
    alter("update campaigns set expires_at = null, expires_after = 86400").await;
    assert_eq!(acme.db.json(&["campaign", "forecast", "hello"])["expired"], json!(1_400));
    // Of one that runs from when it began, whatever it sends.
    acme.done(Action::StartCampaign(campaign)).await;
    alter(
        "update campaigns set started_at = clock_timestamp() - interval '23 hours 59 minutes 59.9 seconds'",
    )
    .await;
    let late = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!(late["expired"].as_u64().unwrap() + totals(&late).iter().sum::<u64>(), 2_000, "{late}");
    alter("update campaigns set started_at = clock_timestamp() - interval '2 days'").await;
    let late = acme.db.json(&["campaign", "forecast", "hello"]);
    assert_eq!((&late["expired"], &late["finish"]), (&json!(2_000), &Value::Null));
    let text = acme.db.run(&["campaign", "forecast", "hello"]).done().stdout;
    assert!(text.contains("not before it is too late"), "{text}");
}

#[tokio::test]
async fn one_that_waits_for_another_one_begins_at_no_time_of_its_own() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let first = acme.campaign(&HELLO.replace("hello", "first")).await;
    let head = "name = \"second\"\nstarts_at = \"2099-05-06T09:00\"\nrun_after = \"first\"\n";
    acme.campaign(&HELLO.replace("name = \"hello\"\n", head)).await;
    let waits = acme.db.json(&["campaign", "forecast", "second"]);
    assert_eq!((&waits["finish"], &waits["binding"]["hold"]), (&Value::Null, &json!("campaign_not_active")));
    acme.done(Action::StartCampaign(first)).await;
    for message in acme.claim(0, first, 3).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    acme.db.store.run_lifecycle(acme.organization, acme.instance, None).await.unwrap();
    sqlx::query(
        "update campaigns set starts_at = clock_timestamp() + interval '3 days' where name = 'second'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let begins = acme.db.json(&["campaign", "forecast", "second"]);
    assert!(begins["finish"].is_string(), "the other one is completed: {begins}");
}
