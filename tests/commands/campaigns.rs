//! Campaigns from a file: checked, made, enrolled, taken through their life, counted, exported.

use crate::support::{
    Db,
    acme::{Acme, HELLO, phone},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use signalbox::domain::action::Action;

const PEOPLE: &str = "phone,name,locale,country,tags,customer_tier,consent
+237611111111,Ana,fr,CM,vip,premium,
+237611111112,,en,CM,vip,premium,
+237611111113,Cho,,NG,vip,premium,
+237611111114,Dan,en,CM,,basic,
+237611111115,Eve,en,CM,vip,premium,no
+237611111116,Fay,en,CM,vip|new,premium,
+234811111117,Gil,de,NG,vip,premium,
";

const FILE: &str = "name = \"summer-sale\"
priority = 10
daily_limit = 250
[audience]
countries = [\"CM\", \"NG\"]
attributes = { customer_tier = [\"premium\"] }
tags = [\"vip\"]
[[steps]]
after = \"0h\"
text = { en = \"Hello {{name}}, {{customer_tier}}\", fr = \"Bonjour {{name|ami}}\" }
[[steps]]
after = \"1d\"
text = { en = \"Again, {{referrer_name|friend}}\" }
";

struct Place {
    db: Db,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let db = Db::new().await;
        db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
        db.run_with(&["contact", "import", "-"], PEOPLE.as_bytes()).done();
        db.run(&["contact", "opt-out", "+237611111116", "--reason", "asked"]).done();
        Self { db, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("campaign.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn everybody_in_the_audience_is_planned_and_has_a_state() {
    let place = Place::new().await;
    let (db, file) = (&place.db, place.file(FILE));
    let before = db.fingerprint().await;
    let checked = db.json(&["campaign", "check", &file]);
    let skipped = json!({"opted_out": 1, "no_consent": 1, "missing_variable: name": 1});
    let outside = json!({"lacks_tag": 1});
    assert_eq!(
        checked["audience"],
        json!({"contacts": 7, "planned": 6, "queued": 3, "skipped": skipped, "over_limit": 0,
               "not_in_audience": outside})
    );
    assert_eq!(db.fingerprint().await, before, "a check writes nothing");

    let created = db.json(&["campaign", "create", &file]);
    assert_eq!(
        (&created["planned"], &created["queued"], &created["state"]),
        (&json!(6), &json!(3), &json!("draft"))
    );
    let stats = db.json(&["campaign", "stats", "summer-sale"]);
    for key in [
        "name",
        "state",
        "hold",
        "planned",
        "queued",
        "sending",
        "accepted",
        "delivered",
        "read",
        "failed",
        "in_doubt",
        "skipped",
        "opted_out",
        "attempts",
        "delivery_rate",
        "read_rate",
        "sent_today",
        "started_at",
        "estimated_completion",
        "sums_hold",
    ] {
        assert!(stats.get(key).is_some(), "{key} in {stats}");
    }
    assert_eq!(
        (&stats["planned"], &stats["skipped"], &stats["opted_out"]),
        (&json!(6), &json!(3), &json!(1))
    );
    assert_eq!((&stats["sums_hold"], &stats["hold"]), (&json!(true), &json!("campaign_draft")));
    let reasons: Vec<(String, Option<String>)> =
        sqlx::query_as("select r.phone::text, r.reason from campaign_recipients r order by r.phone")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    let reason = |phone: &str| reasons.iter().find(|(known, _)| known == phone).unwrap().1.clone();
    assert_eq!(reason("+237611111112").as_deref(), Some("missing_variable: name"));
    assert_eq!(reason("+237611111115").as_deref(), Some("no_consent"));
    assert_eq!(reason("+237611111116").as_deref(), Some("opted_out"));
    assert!(!reasons.iter().any(|(phone, _)| phone == "+237611111114"), "not in the audience");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_person_s_history_names_every_campaign_and_where_it_stands() {
    let place = Place::new().await;
    let db = &place.db;
    db.run(&["campaign", "create", &place.file(FILE)]).done();
    db.run(&["campaign", "create", &place.file(&FILE.replace("summer-sale", "autumn"))]).done();
    db.run(&["campaign", "cancel", "summer-sale"]).done();
    let history = |phone: &str| {
        let lines = db.json(&["contact", "history", phone]);
        let of = |line: &serde_json::Value| {
            ["campaign", "campaign_state", "state", "reason", "step", "steps", "accepted"]
                .map(|key| line[key].clone())
        };
        lines.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let (no, two) = (json!(null), json!(2));
    assert_eq!(
        history("+237611111111"),
        [
            [json!("autumn"), json!("draft"), json!("queued"), no.clone(), json!(1), two.clone(), json!(0)],
            [
                json!("summer-sale"),
                json!("cancelled"),
                json!("skipped"),
                json!("campaign_cancelled"),
                json!(1),
                two,
                json!(0)
            ],
        ]
    );
    assert_eq!(history("+237611111115")[0][3], json!("no_consent"));
    assert_eq!(history("+237611111114"), <[[serde_json::Value; 7]; 0]>::default(), "in nobody's audience");
    let text = db.run(&["contact", "history", "+237611111114"]).done().stdout;
    assert_eq!(text.trim(), "+237611111114 is in no campaign of acme");
}

#[tokio::test]
async fn parameters_are_frozen_at_enrolment_and_no_more_than_the_texts_use() {
    let place = Place::new().await;
    let db = &place.db;
    db.run(&["campaign", "create", &place.file(FILE)]).done();
    db.run_with(&["contact", "import", "-"], b"phone,name\n+237611111111,Somebody else\n").done();
    let rows: Vec<(String, String, serde_json::Value)> = sqlx::query_as(
        "select r.phone::text, p.locale, p.parameters from recipient_parameters p
           join campaign_recipients r on r.id = p.recipient_id order by r.phone",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let row = |phone: &str, locale: &str, parameters| (phone.to_owned(), locale.to_owned(), parameters);
    assert_eq!(
        rows,
        [
            row("+234811111117", "de", json!({"name": "Gil", "customer_tier": "premium"})),
            row("+237611111111", "fr", json!({"name": "Ana", "customer_tier": "premium"})),
            row("+237611111113", "en", json!({"name": "Cho", "customer_tier": "premium"})),
        ],
        "the locale is the contact's, else the organisation's"
    );
}

#[tokio::test]
async fn a_campaign_lives_from_draft_to_cancelled() {
    let place = Place::new().await;
    let db = &place.db;
    db.run(&["campaign", "create", &place.file(FILE)]).done();
    db.run(&["campaign", "create", &place.file(FILE)])
        .refused(3, "there is a campaign \"summer-sale\" already");
    db.run(&["campaign", "pause", "summer-sale"])
        .refused(3, "campaign summer-sale is draft; it cannot be paused");
    db.run(&["campaign", "schedule", "summer-sale", "--at", "2001-01-01T09:00"]).refused(2, "in the past");
    db.run(&["campaign", "schedule", "summer-sale", "--at", "2099-01-01T09:00"]).done();
    let stats = db.json(&["campaign", "stats", "summer-sale"]);
    assert_eq!(
        (&stats["hold"], &stats["hold_until"]),
        (&json!("campaign_scheduled"), &json!("2099-01-01T08:00:00Z"))
    );
    db.run(&["campaign", "start", "summer-sale"]).done();
    assert_eq!(db.run(&["campaign", "start", "summer-sale", "--json"]).done().json()["result"], "already");
    db.run(&["campaign", "pause", "summer-sale", "--reason", "lunch"]).done();
    assert_eq!(db.json(&["campaign", "show", "summer-sale"])["hold_reason"], "lunch");
    db.run(&["campaign", "start", "summer-sale"]).refused(3, "resume it");
    db.run(&["campaign", "resume", "summer-sale"]).done();
    db.run(&["campaign", "cancel", "summer-sale"]).done();
    db.run(&["campaign", "resume", "summer-sale"]).refused(3, "is cancelled; it cannot be resumed");
    let stats = db.json(&["campaign", "stats", "summer-sale"]);
    assert_eq!(
        (&stats["queued"], &stats["skipped"], &stats["sums_hold"]),
        (&json!(0), &json!(6), &json!(true))
    );
    assert_eq!(db.json(&["campaign", "list"])[0]["state"], "cancelled");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_start_time_makes_it_scheduled_and_a_delay_makes_it_due_later() {
    let place = Place::new().await;
    let db = &place.db;
    let text = "name = \"later\"\nstarts_at = \"2099-12-01T09:00\"\n[[steps]]\nafter = \"2h\"\ntext = { en = \"Hi\" }\n";
    let created = db.json(&["campaign", "create", &place.file(text)]);
    assert_eq!(
        (&created["state"], &created["starts_at"]),
        (&json!("scheduled"), &json!("2099-12-01T08:00:00Z"))
    );
    let due: i64 = db
        .value(
            "select count(*) from campaign_recipients
              where state = 'queued' and due_at between now() + interval '119 min' and now() + interval '2 h'",
        )
        .await;
    assert_eq!(due, 5);
}

#[tokio::test]
async fn hand_picked_people_are_the_only_ones() {
    let place = Place::new().await;
    let db = &place.db;
    let text = "name = \"two\"\n[audience]\nphones = [\"+237 611 111 111\", \"+237611111114\"]\n[[steps]]\nafter = \"0h\"\ntext = { en = \"Hi\" }\n";
    db.run(&["campaign", "create", &place.file(text)]).done();
    let exported = db.json(&["campaign", "export", "two"]);
    let phones: Vec<&str> =
        exported.as_array().unwrap().iter().map(|row| row["phone"].as_str().unwrap()).collect();
    assert_eq!(phones, ["+237611111111", "+237611111114"]);
    let csv = db.run(&["campaign", "export", "two"]).done().stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
}

#[tokio::test]
async fn a_campaign_that_nobody_is_in_yet_enrols_when_it_starts() {
    let acme = Acme::new().await;
    let campaign = acme.campaign(HELLO).await;
    acme.contacts(3).await;
    acme.done(signalbox::domain::action::Action::StartCampaign(campaign)).await;
    assert_eq!(acme.states(campaign).await, ["queued"; 3]);
    acme.db.assert_invariants().await;
}

/// What holds a campaign and when it is done are one question each, whoever asks.
#[tokio::test]
async fn the_figures_say_of_hold_and_end_what_why_and_the_forecast_say() {
    let acme = Acme::new().await;
    acme.contacts(10).await;
    let file = "name = \"slow\"\ndaily_limit = 2\n[[steps]]\ntext = { en = \"Hello\" }\n[[steps]]\nafter = \"1d\"\ntext = { en = \"Again\" }\n";
    let campaign = acme.campaign(file).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let db = &acme.db;
    let compare = || {
        let (stats, why) = (db.json(&["campaign", "stats", "slow"]), db.json(&["campaign", "why", "slow"]));
        assert_eq!((&stats["hold"], &stats["hold_until"]), (&why["hold"], &why["hold_until"]), "{stats}");
        let finish = db.json(&["campaign", "forecast", "slow"])["finish"].clone();
        let day = |at: &serde_json::Value| at.as_str().map(|at| at[..10].to_owned());
        assert_eq!(day(&stats["estimated_completion"]), day(&finish), "{stats}");
        (stats, finish)
    };
    // Two a day, and two steps for ten people.
    for message in acme.claim(0, campaign, 2).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let (stats, finish) = compare();
    let date = |at: &serde_json::Value| at.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(date(&finish) - date(&stats["started_at"]) > TimeDelta::days(7), "{finish}");
    assert_ne!(stats["hold"], json!(null), "its day is full: {stats}");
    // Nobody is due before tomorrow.
    sqlx::query(
        "update campaign_recipients set due_at = clock_timestamp() + interval '1 day' where state = 'queued'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    sqlx::query("update campaigns set daily_limit = null").execute(&db.pool).await.unwrap();
    let (stats, _) = compare();
    assert_eq!(stats["hold"], json!("not_due"), "{stats}");
    // One that is paused ends when somebody resumes it; its forecast says what would be then.
    acme.done(Action::PauseCampaign(campaign)).await;
    let (stats, why) = (db.json(&["campaign", "stats", "slow"]), db.json(&["campaign", "why", "slow"]));
    assert_eq!((&stats["hold"], &stats["estimated_completion"]), (&why["hold"], &json!(null)), "{stats}");
}

#[tokio::test]
async fn other_systems_find_their_answers_in_sql() {
    let acme = Acme::with_numbers(&[Some(2), None]).await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let pending: i64 = acme.db.value("select count(*) from pending_today where campaign = 'hello'").await;
    assert_eq!(pending, 3);
    let first = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(first.attempt, "accepted", "advance").await;
    let available = "select phone from organizations o, get_available_whatsapp_number(o.id)";
    assert_eq!(acme.db.value::<String>(available).await, "+237690000000");
    let count = "select increment_message_count(id) from whatsapp_numbers where phone = '+237690000000'";
    sqlx::query(count).execute(&acme.db.pool).await.unwrap();
    assert_eq!(acme.db.value::<String>(available).await, "+237690000001", "the first one's day is full");
    let refused = sqlx::query(count).execute(&acme.db.pool).await.unwrap_err().to_string();
    assert!(refused.contains("daily limit of 2"), "{refused}");
    assert!(acme.claim(0, campaign, 1).await.messages.is_empty(), "counted elsewhere counts here");
    sqlx::query("select reset_daily_message_counts()").execute(&acme.db.pool).await.unwrap();
    let left: i32 =
        acme.db.value("select remaining_today from number_usage_today where phone = '+237690000000'").await;
    assert_eq!(left, 0);
    let history: String =
        acme.db.value("select format('%s %s %s', phone, number, attempt_state) from recipient_history").await;
    assert_eq!(history, format!("{} +237690000000 accepted", phone(0).reveal()));
    // What became of it is reported later, and told by the view and the command.
    let came = "update attempts set delivery = 'read', delivered_at = '2026-12-01T08:00Z', read_at = '2026-12-01T09:30Z'";
    sqlx::query(came).execute(&acme.db.pool).await.unwrap();
    let seen: String = acme
        .db
        .value("select format('%s %s', delivery, read_at - delivered_at) from recipient_history")
        .await;
    assert_eq!(seen, "read 01:30:00");
    let told = &acme.db.json(&["contact", "history", phone(0).reveal()])[0]["messages"][0];
    let told = ["state", "delivery", "delivered_at", "read_at", "number"].map(|key| told[key].clone());
    let reported = ["accepted", "read", "2026-12-01T08:00:00Z", "2026-12-01T09:30:00Z", "+237690000000"];
    assert_eq!(told, reported.map(|told| json!(told)));
    let text = acme.db.run(&["contact", "history", phone(0).reveal()]).done().stdout;
    assert!(text.contains("read 2026-12-01 10:30"), "{text}");
    acme.db.assert_invariants().await;
}
