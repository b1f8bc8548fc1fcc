//! When campaigns start and end, and other terms for those that run: order, hours, missed starts, subscription, retries.

use crate::support::acme::{Acme, phone};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use signalbox::{
    domain::{action::Action, ids::CampaignId},
    store::action::ActionResult,
};

fn toml(name: &str, more: &str) -> String {
    format!("name = \"{name}\"\n{more}\n[[steps]]\nafter = \"0h\"\ntext = {{ en = \"Hello from {name}\" }}\n")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Acme {
    async fn state(&self, campaign: CampaignId) -> String {
        sqlx::query_scalar("select state::text from campaigns where id = $1")
            .bind(campaign.0)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn lifecycle(&self, now: &str) {
        let (org, now) = (self.organization, Some(at(now)));
        self.db.store.put_off_missed_starts(org, self.instance, now).await.unwrap();
        self.db.store.enrol_before_start(org, now).await.unwrap();
        self.db.store.run_lifecycle(org, self.instance, now).await.unwrap();
    }

    fn why(&self, name: &str) -> Value {
        self.db.json(&["campaign", "why", name])
    }
}

#[tokio::test]
async fn a_campaign_starts_when_the_one_before_it_is_completed_and_says_so_until_then() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let (first, doomed) = (acme.campaign(&toml("first", "")).await, acme.campaign(&toml("doomed", "")).await);
    let second = acme.campaign(&toml("second", "run_after = \"first\"")).await;
    let orphan = acme.campaign(&toml("orphan", "run_after = \"doomed\"")).await;
    acme.done(Action::StartCampaign(first)).await;
    acme.done(Action::CancelCampaign(doomed)).await;
    acme.lifecycle("2099-01-01T00:00:00Z").await;
    assert_eq!(
        (acme.state(second).await, acme.state(orphan).await),
        ("scheduled".into(), "scheduled".into())
    );
    assert_eq!(acme.why("second")["sentence"], "starts when first is completed");
    let sentence = acme.why("orphan")["sentence"].to_string();
    assert!(sentence.contains("was to start after doomed, which was cancelled"), "{sentence}");
    for message in acme.claim(0, first, 2).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    acme.lifecycle("2099-01-01T00:00:00Z").await;
    acme.lifecycle("2099-01-01T00:00:01Z").await;
    assert_eq!((acme.state(first).await, acme.state(second).await), ("completed".into(), "active".into()));
    // Nobody waits for who waits for them.
    let edit = |name: &str, after: &str| acme.db.run(&["campaign", "edit", name, "--run-after", after]);
    acme.campaign(&toml("a", "starts_at = \"2099-02-01T09:00\"")).await;
    acme.campaign(&toml("b", "run_after = \"a\"")).await;
    edit("a", "b").refused(3, "would wait for itself");
    edit("b", "none").refused(3, "would never start");
    edit("second", "a").refused(3, "has begun");
    edit("orphan", "nobody").refused(1, "there is no campaign \"nobody\"");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_missed_start_goes_at_once_or_with_the_next_window_or_asks() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let policy = |name: &str, missed: &str| {
        let window = "window = { from = \"09:00\", to = \"12:00\" }";
        toml(name, &format!("starts_at = \"2030-05-06T09:00\"\nmissed = \"{missed}\"\n{window}"))
    };
    let send = acme.campaign(&policy("send", "send")).await;
    let next = acme.campaign(&policy("next", "next_window")).await;
    let ask = acme.campaign(&policy("ask", "ask")).await;
    acme.lifecycle("2030-05-06T10:00:00Z").await;
    assert_eq!(acme.state(send).await, "active");
    assert_eq!((acme.state(next).await, acme.state(ask).await), ("scheduled".into(), "scheduled".into()));
    let starts: DateTime<Utc> = acme.db.value("select starts_at from campaigns where name = 'next'").await;
    assert_eq!(starts, at("2030-05-07T08:00:00Z"), "nine the next morning in Douala");
    let sentence = acme.why("ask")["sentence"].to_string();
    assert!(sentence.contains("was missed, no sender was there"), "{sentence}");
    acme.lifecycle("2030-05-07T08:00:00Z").await;
    assert_eq!((acme.state(next).await, acme.state(ask).await), ("active".into(), "scheduled".into()));
    acme.done(Action::StartCampaign(ask)).await;
    assert_eq!(acme.state(ask).await, "active");
}

/// The predecessor takes longer than was thought: its follower was not missed by anybody.
#[tokio::test]
async fn a_start_is_missed_from_when_nothing_else_kept_it() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let first = acme.campaign(&toml("first", "")).await;
    acme.done(Action::StartCampaign(first)).await;
    let behind =
        |name: &str| toml(name, "starts_at = \"2030-05-06T09:00\"\nrun_after = \"first\"\nmissed = \"ask\"");
    let (prompt, late) = (acme.campaign(&behind("prompt")).await, acme.campaign(&behind("late")).await);
    let slow = toml("slow", "starts_at = \"2030-05-06T09:00\"\nmissed = \"ask\"");
    let slow = acme.campaign(&slow).await;
    // Its enrolment goes on until shortly before ten o'clock.
    sqlx::query(
        "insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
         select organization_id, '2030-05-06T09:58:00Z', 'ana', 'enrol', 'campaign', id, name, '1 enrolled'
           from campaigns where name = 'slow'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let message = acme.claim(0, first, 1).await.messages.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    acme.lifecycle("2030-05-06T10:00:00Z").await;
    assert_eq!((acme.state(first).await, acme.state(prompt).await), ("completed".into(), "scheduled".into()));
    sqlx::query("update campaigns set starts_at = '2030-05-06T10:30:00Z' where name = 'late'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    acme.lifecycle("2030-05-06T10:05:00Z").await;
    assert_eq!((acme.state(prompt).await, acme.state(slow).await), ("active".into(), "active".into()));
    assert_eq!(acme.state(late).await, "scheduled");
    acme.lifecycle("2030-05-06T11:00:00Z").await;
    assert_eq!(acme.state(late).await, "scheduled", "nobody was there when it could have been started");
    let sentence = acme.why("late")["sentence"].to_string();
    assert!(sentence.contains("was missed, no sender was there"), "{sentence}");
}

#[tokio::test]
async fn a_campaign_that_nobody_is_in_ends_and_keeps_nobody_waiting() {
    let acme = Acme::new().await;
    let empty = acme.campaign(&toml("empty", "starts_at = \"2030-05-06T09:00\"")).await;
    let next = acme.campaign(&toml("next", "run_after = \"empty\"")).await;
    let standing = "standing = { after = \"1h\", every = \"1m\" }";
    let standing = acme.campaign(&toml("standing", standing)).await;
    acme.done(Action::StartCampaign(standing)).await;
    acme.lifecycle("2030-05-06T08:00:00Z").await;
    assert_eq!(acme.state(empty).await, "active", "whoever writes a campaign may write its people next");
    acme.lifecycle("2030-05-06T08:01:00Z").await;
    assert_eq!((acme.state(empty).await, acme.state(next).await), ("completed".into(), "scheduled".into()));
    let log = acme.log(empty.0).await;
    assert!(log.iter().any(|line| line == "sender: complete (nobody is in it)"), "{log:?}");
    // By now there is somebody: the clock's start takes them in, as one by hand does.
    acme.contacts(2).await;
    acme.lifecycle("2030-05-06T08:01:01Z").await;
    acme.lifecycle("2030-05-06T08:10:00Z").await;
    assert_eq!((acme.state(next).await, acme.states(next).await.len()), ("active".into(), 2));
    assert_eq!(acme.state(standing).await, "active", "a standing one goes on");
    let yields: Option<String> = acme
        .db
        .value("select yields_to(organization_id, standing) from campaigns where name = 'standing'")
        .await;
    assert_eq!(yields.as_deref(), Some("next"), "not to one without people");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_paused_campaign_whose_people_have_all_ended_is_completed() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let first = acme.running().await;
    let second = acme.campaign(&toml("second", "run_after = \"hello\"")).await;
    let message = acme.claim(0, first, 1).await.messages.remove(0);
    acme.done(Action::PauseCampaign(first)).await;
    acme.lifecycle("2099-01-01T00:00:00Z").await;
    assert_eq!(acme.state(first).await, "paused", "its last message is on the wire");
    acme.settle(message.attempt, "accepted", "advance").await;
    // What paused itself waits for somebody to see why.
    sqlx::query("update campaigns set changed_by = 'sender'").execute(&acme.db.pool).await.unwrap();
    acme.lifecycle("2099-01-01T00:00:01Z").await;
    assert_eq!(acme.state(first).await, "paused");
    sqlx::query("update campaigns set changed_by = 'ana'").execute(&acme.db.pool).await.unwrap();
    acme.lifecycle("2099-01-01T00:00:02Z").await;
    acme.lifecycle("2099-01-01T00:00:03Z").await;
    assert_eq!((acme.state(first).await, acme.state(second).await), ("completed".into(), "active".into()));
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn what_would_outlive_the_subscription_is_neither_made_nor_started() {
    let acme = Acme::with_numbers(&[Some(10)]).await;
    acme.contacts(45).await;
    let campaign = acme.campaign(&toml("long", "")).await;
    let now: DateTime<Utc> = acme.db.value("select clock_timestamp()").await;
    let ends = (now + chrono::TimeDelta::days(2)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    acme.db.run(&["org", "edit", "--subscription-ends", &ends]).done();
    let answer = acme.act(Action::StartCampaign(campaign)).await;
    let ActionResult::Refused(sentence) = answer else { panic!("{answer:?}") };
    assert!(sentence.as_str().contains("campaign long would be done on "), "{sentence}");
    assert_eq!(acme.state(campaign).await, "draft");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, toml("longer", "")).unwrap();
    let before = acme.db.fingerprint().await;
    acme.db.run(&["campaign", "create", file.to_str().unwrap()]).refused(3, "the subscription ends on");
    assert_eq!(acme.db.fingerprint().await, before);
    acme.db.run(&["org", "edit", "--subscription-ends", "none"]).done();
    acme.done(Action::StartCampaign(campaign)).await;
}

/// Of two people a tenth is one, and half of them as well: the stage between opens the last one at once.
#[tokio::test]
async fn a_stage_of_nobody_makes_no_campaign_outlive_the_subscription() {
    let acme = Acme::with_numbers(&[Some(10)]).await;
    acme.contacts(2).await;
    let now: DateTime<Utc> = acme.db.value("select clock_timestamp()").await;
    let ends = now + chrono::TimeDelta::hours(36);
    let ends = ends.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    acme.db.run(&["org", "edit", "--subscription-ends", &ends]).done();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let made = |name: &str, stages: &str, wait: &str| {
        let rollout = format!("rollout = {{ stages = {stages}, after = 1, wait = \"{wait}\" }}");
        std::fs::write(&file, toml(name, &rollout)).unwrap();
        acme.db.run(&["campaign", "create", file.to_str().unwrap()])
    };
    made("two", "[50, 100]", "1d").done();
    made("three", "[10, 50, 100]", "1d").done();
    made("four", "[10, 50, 100]", "2d").refused(3, "campaign four would be done on");
}

#[tokio::test]
async fn what_would_outlive_the_subscription_is_not_scheduled_either() {
    let acme = Acme::with_numbers(&[Some(10)]).await;
    acme.contacts(45).await;
    let campaign = acme.campaign(&toml("sub", "")).await;
    let now: DateTime<Utc> = acme.db.value("select clock_timestamp()").await;
    let days = |days: i64| now + chrono::TimeDelta::days(days);
    let ends = days(10).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    acme.db.run(&["org", "edit", "--subscription-ends", &ends]).done();
    let schedule = |at: DateTime<Utc>| {
        let local = at.with_timezone(&chrono_tz::Africa::Douala).format("%Y-%m-%dT%H:%M").to_string();
        acme.db.run(&["campaign", "schedule", "sub", "--at", &local])
    };
    schedule(days(30)).refused(3, "the subscription ends on");
    assert_eq!(acme.state(campaign).await, "draft");
    schedule(days(1)).done();
    // Begun before the end, five days' work would go on after it.
    schedule(days(7)).refused(3, "campaign sub would be done on");
    assert_eq!(acme.state(campaign).await, "scheduled");
    // Nor does an edit make it longer than that, while it starts by itself.
    let edit = |limit: &str| acme.db.run(&["campaign", "edit", "sub", "--daily-limit", limit]);
    edit("4").refused(3, "campaign sub would be done on");
    edit("9").done();
    // With nobody in it neither.
    let standing = toml("always", "standing = { after = \"1h\", every = \"1h\" }");
    acme.campaign(&standing).await;
    let local = days(30).format("%Y-%m-%dT%H:%M").to_string();
    acme.db.run(&["campaign", "schedule", "always", "--at", &local]).refused(3, "would begin on");
    // Whoever was let go once may be paused, and go on.
    acme.done(Action::StartCampaign(campaign)).await;
    acme.done(Action::PauseCampaign(campaign)).await;
    sqlx::query("update organizations set subscription_ends_at = clock_timestamp() + interval '1 hour'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    acme.done(Action::ResumeCampaign(campaign)).await;
}

#[tokio::test]
async fn quiet_hours_and_business_days_are_set_shown_and_obeyed() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    // All hours of the day but those around now.
    let minute: i32 = acme
        .db
        .value("select (extract(epoch from clock_timestamp() at time zone 'Africa/Douala')::bigint / 60 % 1440)::integer")
        .await;
    let clock = |minute: i32| format!("{:02}:{:02}", minute.rem_euclid(1_440) / 60, minute.rem_euclid(60));
    let quiet = format!("{}-{}", clock(minute - 30), clock(minute + 30));
    acme.db.run(&["org", "edit", "--quiet", &quiet, "--business-days", "mon-sun"]).done();
    assert!(acme.claim(0, campaign, 3).await.messages.is_empty());
    let why = acme.why("hello");
    assert_eq!(why["hold"], "quiet_hours");
    assert!(why["hold_until"].is_string(), "{why}");
    assert_eq!(acme.db.json(&["campaign", "stats", "hello"])["hold"], "quiet_hours");
    let person = acme.db.json(&["contact", "why", phone(1).reveal(), "--campaign", "hello"]);
    assert_eq!(person["hold"], "quiet_hours");
    for (flags, says) in [
        (["--quiet", "20-8"], "is no time of day"),
        (["--quiet", "08:00-08:00"], "nothing would ever be sent"),
        (["--business-days", "mon-someday"], "is no day of the week"),
        (["--subscription-ends", "soon"], "a time is written"),
    ] {
        acme.db.run(&[&["org", "edit"][..], &flags[..]].concat()).refused(2, says);
    }
    acme.db.run(&["org", "edit", "--quiet", "none"]).done();
    assert_eq!(acme.claim(0, campaign, 3).await.messages.len(), 3);
}

#[tokio::test]
async fn the_terms_of_a_running_campaign_change_with_the_next_claim() {
    let acme = Acme::with_numbers(&[None, None]).await;
    acme.contacts(20).await;
    let campaign = acme.running().await;
    let edit = |flags: &[&str]| acme.db.run(&[&["campaign", "edit", "hello"][..], flags].concat());
    edit(&["--daily-limit", "4", "--priority", "7", "--weight", "3", "--reason", "too fast"]).done();
    assert_eq!(acme.claim(0, campaign, 10).await.messages.len(), 4);
    edit(&["--daily-limit", "none", "--only", "+237690000001", "--failover", "label"]).done();
    assert_eq!(acme.claim(0, campaign, 2).await.messages.len(), 0, "only the other number may");
    assert_eq!(acme.claim(1, campaign, 2).await.messages.len(), 2);
    edit(&["--only", "none", "--window", "00:00-24:00 mon-sun Africa/Lagos", "--expires-after", "6h"]).done();
    assert_eq!(acme.claim(0, campaign, 2).await.messages.len(), 2);
    let row: String = acme
        .db
        .value("select format('%s %s %s %s %s', priority, weight, failover, window_zone, expires_after) from campaigns")
        .await;
    assert_eq!(row, "7 3 label Africa/Lagos 21600");
    let log = acme.log(campaign.0).await;
    assert!(log.iter().any(|line| line.ends_with("edit campaign (too fast)")), "{log:?}");
    let before = acme.db.fingerprint().await;
    edit(&["--window", "09:00-20:00 recipient"]).refused(3, "frozen at enrolment");
    edit(&["--only", "+237690000009"]).refused(1, "is no number of");
    edit(&["--window", "nine to five"]).refused(2, "--window");
    edit(&["--weight", "0"]).refused(2, "a weight is");
    edit(&["--pool", "nothing"]).refused(1, "there is no pool");
    edit(&[]).refused(2, "name at least one thing to change");
    assert_eq!(acme.db.fingerprint().await, before);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_copy_has_another_name_no_start_and_the_people_of_today() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    acme.campaign(&toml("one", "starts_at = \"2099-05-06T09:00\"\npriority = 3")).await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "asked"]).done();
    let copy = acme.db.json(&["campaign", "clone", "one", "two"]);
    assert_eq!((&copy["state"], &copy["queued"], &copy["planned"]), (&json!("draft"), &json!(1), &json!(2)));
    let shown = acme.db.json(&["campaign", "show", "two"]);
    assert_eq!((&shown["priority"], &shown["starts_at"]), (&json!(3), &Value::Null));
    acme.db.run(&["campaign", "clone", "one", "two"]).refused(3, "already");
    // Nor does the copy of one that followed another start by itself, or end when that one did.
    let follower = "run_after = \"one\"\nuntil = \"2099-06-01T09:00\"\npriority = 4";
    acme.campaign(&toml("follower", follower)).await;
    let copy = acme.db.json(&["campaign", "clone", "follower", "copy"]);
    assert_eq!(copy["state"], "draft", "{copy}");
    let terms: (Option<uuid::Uuid>, Option<DateTime<Utc>>, i32) =
        sqlx::query_as("select run_after_id, expires_at, priority from campaigns where name = 'copy'")
            .fetch_one(&acme.db.pool)
            .await
            .unwrap();
    assert_eq!(terms, (None, None, 4));
    acme.db.run(&["campaign", "clone", "one", "t o"]).refused(2, "holds ' '");
    acme.db.run(&["campaign", "clone", "none", "three"]).refused(1, "there is no campaign");
}

/// The number that alone may send for a campaign sends alone for its copy; where the pool has it no more, that is said.
#[tokio::test]
async fn a_copy_keeps_to_the_only_number() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    acme.campaign(&toml("one", "")).await;
    let only = "+237690000001";
    acme.db.run(&["campaign", "edit", "one", "--only", only]).done();
    let run = acme.db.run(&["campaign", "clone", "one", "two"]).done();
    assert!(run.stderr.contains(&format!("{only} alone sends for two, as for one")), "{}", run.stderr);
    let two = acme.db.store.campaigns(acme.organization, Some("two")).await.unwrap().remove(0).id;
    acme.done(Action::StartCampaign(two)).await;
    assert_eq!(acme.claim(0, two, 2).await.messages, [], "no other number may");
    assert_eq!(acme.claim(1, two, 2).await.messages.len(), 2);
    acme.db.run(&["pool", "edit", "default", "--drop", only, "--reason", "a test"]).done();
    let run = acme.db.run(&["campaign", "clone", "one", "three"]).done();
    assert!(run.stderr.contains("any of the pool sends for three"), "{}", run.stderr);
    let free: bool = acme.db.value("select only_number_id is null from campaigns where name = 'three'").await;
    assert!(free);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_retry_sends_again_what_may_be_sent_and_names_the_rest() {
    let acme = Acme::new().await;
    acme.contacts(5).await;
    let campaign = acme.running().await;
    let messages = acme.claim(0, campaign, 5).await.messages;
    for (message, (state, next)) in messages.iter().zip([
        ("rejected", "fail"),
        ("rejected", "fail"),
        ("in_doubt", "doubt"),
        ("accepted", "advance"),
        ("rejected", "retry"),
    ]) {
        acme.settle(message.attempt, state, next).await;
    }
    sqlx::query(
        "update campaign_recipients set due_at = clock_timestamp() + interval '1 h' where state = 'queued'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    acme.db.run(&["contact", "opt-out", messages[1].phone.reveal(), "--reason", "asked"]).done();
    let retry = |more: &[&str]| acme.db.json(&[&["campaign", "retry", "hello"][..], more].concat());
    let before = acme.db.fingerprint().await;
    let dry = retry(&["--scope", "failed", "--dry-run"]);
    assert_eq!((&dry["retried"], &dry["reasons"]), (&json!(1), &json!({ "opted_out": 1 })));
    assert_eq!(retry(&["--code", "131026", "--dry-run"])["retried"], 0);
    assert_eq!(acme.db.fingerprint().await, before, "a dry run writes nothing");
    assert_eq!(retry(&["--scope", "failed"])["retried"], 1);
    assert_eq!(retry(&["--scope", "pending"])["retried"], 1, "what was put back for an hour goes now");
    acme.db
        .run(&["campaign", "retry", "hello", "--scope", "in_doubt"])
        .refused(3, "are in doubt: settle them first");
    let again: Vec<_> =
        acme.claim(0, campaign, 5).await.messages.into_iter().map(|one| one.recipient).collect();
    assert_eq!(again.len(), 2, "new attempts for these two, and for nobody else");
    assert!(again.contains(&messages[0].recipient) && again.contains(&messages[4].recipient));
    acme.db.assert_invariants().await;
}

/// The campaign of the example: 10,000 people, 250 a day, from the first of June.
#[tokio::test]
async fn ten_thousand_people_get_it_on_the_days_that_were_foretold_to_each() {
    let acme = Acme::with_numbers(&[Some(250)]).await;
    acme.contacts(10_000).await;
    sqlx::query("update organizations set rehearsal = true").execute(&acme.db.pool).await.unwrap();
    let campaign = acme.campaign(&toml("june", "starts_at = \"2027-06-01T08:00\"")).await;
    let day = |nth: u64| NaiveDate::from_ymd_opt(2027, 6, 1).unwrap() + chrono::Days::new(nth);
    let forecast = acme.db.json(&["campaign", "forecast", "june"]);
    let plan = forecast["plan"].as_array().unwrap();
    let planned: Vec<&Value> = plan.iter().filter(|day| day["planned"] != 0).collect();
    assert_eq!(planned.len(), 40);
    assert!(planned.iter().all(|day| day["planned"] == 250));
    assert_eq!(planned[39]["date"], json!(day(39)));
    let person = acme.db.json(&["contact", "why", phone(250).reveal(), "--campaign", "june"]);
    assert_eq!(
        person["planned_on"],
        json!(day(1)),
        "customers 1 to 250 on the first day, the next on the second"
    );
    acme.lifecycle("2027-06-01T07:00:00Z").await;
    let long = "update number_leases set expires_at = clock_timestamp() + interval '1 h'";
    sqlx::query(long).execute(&acme.db.pool).await.unwrap();
    let mut request = acme.request(0, campaign, 300);
    for nth in 0..40 {
        request.now = Some(day(nth).and_hms_opt(9, 0, 0).unwrap().and_utc());
        request.campaigns[0].walk_after = None;
        request.attempts = (0..300).map(|_| signalbox::domain::ids::AttemptId::new()).collect();
        let claimed = acme.db.store.claim(&request).await.unwrap();
        assert_eq!(claimed.messages.len(), 250, "day {}: {:?}", nth + 1, claimed.refused);
    }
    let off: i64 = acme
        .db
        .value(
            "select count(*) from attempts a
              where a.quota_day is distinct from planned_on(a.organization_id, a.campaign_id, a.recipient_id)",
        )
        .await;
    assert_eq!(off, 0, "everybody on their day");
    assert_eq!(
        acme.db.value::<i64>("select count(*) from campaign_recipients where state = 'queued'").await,
        0
    );
    let drift = acme.db.store.planned_days(acme.organization, campaign).await.unwrap();
    assert!(drift.iter().all(|day| day.planned == day.sent), "{drift:?}");
}
