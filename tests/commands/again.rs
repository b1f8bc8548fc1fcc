//! People who are taken back or tried again: when they are due, and what becomes of a campaign that was completed.

use crate::support::acme::{Acme, phone};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use signalbox::domain::{
    action::Action,
    ids::{CampaignId, RecipientId},
};

const SLOW: &str = "name = \"slow\"
[[steps]]
after = \"6h\"
text = { en = \"One\" }
[[steps]]
after = \"1d\"
text = { en = \"Two\" }
";

const ONCE: &str = "name = \"once\"\n[[steps]]\ntext = { en = \"Hello\" }\n";

impl Acme {
    async fn due(&self) -> DateTime<Utc> {
        self.db.value("select due_at from campaign_recipients where state = 'queued'").await
    }

    async fn change(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.db.pool).await.unwrap();
    }

    /// Taken out and taken back, in each way there is.
    async fn back_and_forth(&self) -> Vec<DateTime<Utc>> {
        let (db, who) = (&self.db, phone(0));
        let mut due = Vec::new();
        db.run(&["campaign", "remove", "slow", who.reveal(), "--reason", "a test"]).done();
        db.run(&["campaign", "reinclude", "slow", "--phone", who.reveal()]).done();
        due.push(self.due().await);
        db.run(&["contact", "opt-out", who.reveal(), "--reason", "a test"]).done();
        db.run(&["contact", "opt-in", who.reveal()]).done();
        db.run(&["campaign", "reinclude", "slow", "--reason", "opted_out"]).done();
        due.push(self.due().await);
        // Reported as not to be reached while the step was not due yet.
        let failed = "update campaign_recipients
                         set state = 'failed', attention = 'failed', reason = 'x', due_at = null, bound_number_id = null";
        self.change(failed).await;
        let id = RecipientId(db.value("select id from campaign_recipients").await);
        self.done(Action::RetryRecipient(id)).await;
        due.push(self.due().await);
        self.change(failed).await;
        db.run(&["campaign", "retry", "slow", "--scope", "failed"]).done();
        due.push(self.due().await);
        due
    }

    async fn completes(&self, campaign: CampaignId) {
        self.db.store.run_lifecycle(self.organization, self.instance, None).await.unwrap();
        assert_eq!(self.stands(campaign).await, "completed");
    }

    async fn stands(&self, campaign: CampaignId) -> String {
        sqlx::query_scalar("select state::text from campaigns where id = $1")
            .bind(campaign.0)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn told_of_ends(&self) -> i64 {
        self.db.store.raise_alerts(self.organization).await.unwrap();
        self.db.value("select count(*) from alerts where kind = 'finished'").await
    }

    /// A campaign of so many people whose first message is refused and whose others are taken, and which is completed by that.
    async fn completed(&self, toml: &str, people: u32) -> CampaignId {
        self.contacts(i32::try_from(people).unwrap()).await;
        let campaign = self.campaign(toml).await;
        self.done(Action::StartCampaign(campaign)).await;
        for (nth, message) in self.claim(0, campaign, people).await.messages.into_iter().enumerate() {
            let (state, next) = if nth == 0 { ("rejected", "fail") } else { ("accepted", "advance") };
            self.settle(message.attempt, state, next).await;
        }
        self.completes(campaign).await;
        campaign
    }
}

#[tokio::test]
async fn whoever_is_queued_again_waits_for_as_long_as_if_nothing_had_come_between() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.campaign(SLOW).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let first = acme.due().await;
    for due in acme.back_and_forth().await {
        assert!((due - first).abs() < TimeDelta::seconds(1), "since the enrolment: {due}, not {first}");
    }
    acme.change("update campaign_recipients set due_at = clock_timestamp()").await;
    let message = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    let second = acme.due().await;
    for due in acme.back_and_forth().await {
        assert_eq!(due, second, "since the step before it");
    }
    acme.db.assert_invariants().await;
    // What was late already is due now, never before.
    acme.change("update attempts set finished_at = finished_at - interval '2 days'").await;
    let now = Utc::now();
    assert!(
        acme.back_and_forth().await.iter().all(|due| *due >= now - TimeDelta::seconds(1) && *due < second)
    );
}

/// Whoever was taken back waits by the same time as before, and goes with the others when the delay is edited afterwards.
#[tokio::test]
async fn a_changed_delay_is_carried_over_to_those_who_were_taken_back_too() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let quick = SLOW.replace("after = \"6h\"\n", "");
    let campaign = acme.campaign(&quick).await;
    acme.done(Action::StartCampaign(campaign)).await;
    for message in acme.claim(0, campaign, 4).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let days = async || -> Vec<i32> {
        sqlx::query_scalar(
            "select round(extract(epoch from r.due_at - a.finished_at) / 3600)::integer
               from campaign_recipients r join attempts a on a.recipient_id = r.id and a.step = 1 and a.live order by r.id",
        )
        .fetch_all(&acme.db.pool)
        .await
        .unwrap()
    };
    acme.change("update attempts set finished_at = finished_at - interval '12 hours'").await;
    acme.change("update campaign_recipients set due_at = due_at - interval '12 hours', updated_at = updated_at - interval '12 hours'").await;
    // The last one has waited for long enough already, and was tried: what was put back to now keeps its time.
    acme.change("update attempts set finished_at = finished_at - interval '24 hours' where recipient_id = (select id from campaign_recipients order by id desc limit 1)").await;
    acme.change("update campaign_recipients set due_at = clock_timestamp() where id = (select id from campaign_recipients order by id desc limit 1)").await;
    let tried = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(tried.attempt, "rejected", "fail").await;
    let (out, db) = (phone(1), &acme.db);
    db.run(&["campaign", "remove", "slow", out.reveal(), "--reason", "a test"]).done();
    db.run(&["campaign", "reinclude", "slow", "--phone", out.reveal()]).done();
    acme.change(
        "update campaign_recipients set state = 'failed', attention = 'failed', reason = 'x', due_at = null, bound_number_id = null
          where id = (select id from campaign_recipients order by id offset 2 limit 1)",
    )
    .await;
    assert_eq!(db.json(&["campaign", "retry", "slow", "--scope", "failed"])["retried"], 2);
    assert_eq!(days().await, [24, 24, 24, 36]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.toml");
    let edit = |delay: &str| {
        std::fs::write(&path, quick.replace("1d", delay)).unwrap();
        db.run(&["campaign", "update", "slow", path.to_str().unwrap(), "--reason", "a test"]).done();
    };
    edit("3d");
    assert_eq!(days().await, [72, 72, 72, 36], "they wait by the new delay, all of them");
    // Shorter than what they have waited: due at once; whoever was taken back since the moment of that.
    edit("1h");
    assert_eq!(days().await, [1, 12, 12, 36]);
    edit("2d");
    assert_eq!(days().await, [48, 48, 48, 36], "and not lost when it is made longer again");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_retry_opens_a_completed_campaign_again_and_its_end_is_told_again() {
    let acme = Acme::new().await;
    let campaign = acme.completed(ONCE, 3).await;
    let db = &acme.db;
    let follower =
        acme.campaign("name = \"next\"\nrun_after = \"once\"\n[[steps]]\ntext = { en = \"Hi\" }\n").await;
    db.store.run_lifecycle(acme.organization, acme.instance, None).await.unwrap();
    assert_eq!(acme.stands(follower).await, "active");
    assert_eq!(acme.told_of_ends().await, 1);

    let dry = ["campaign", "retry", "once", "--scope", "failed", "--dry-run"];
    assert_eq!(db.json(&dry)["retried"], 1);
    assert!(db.run(&dry).done().stdout.contains("would be active again"));
    assert_eq!(acme.stands(campaign).await, "completed");
    // Nobody to try: it stays what it is.
    db.run(&["campaign", "retry", "once", "--scope", "expired"]).done();
    assert_eq!(acme.stands(campaign).await, "completed");
    let done = db.json(&["campaign", "retry", "once", "--scope", "failed"]);
    assert_eq!((&done["retried"], &done["reopened"]), (&json!(1), &json!(true)));
    assert_eq!(
        (acme.stands(campaign).await, acme.stands(follower).await),
        ("active".into(), "active".into())
    );
    assert!(acme.log(campaign.0).await.iter().any(|line| line.contains("reopen campaign")));
    let message = acme.claim(0, campaign, 5).await.messages.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    acme.completes(campaign).await;
    assert_eq!(acme.told_of_ends().await, 2);
    db.assert_invariants().await;
}

#[tokio::test]
async fn one_person_and_those_taken_back_open_it_too_but_never_what_was_cancelled() {
    let acme = Acme::new().await;
    let campaign = acme.completed(ONCE, 3).await;
    let db = &acme.db;
    let failed = RecipientId(db.value("select id from campaign_recipients where state = 'failed'").await);
    acme.done(Action::RetryRecipient(failed)).await;
    assert_eq!(acme.stands(campaign).await, "active");
    db.run(&["campaign", "remove", "once", phone(0).reveal(), "--reason", "a test"]).done();
    acme.completes(campaign).await;
    let taken = db.json(&["campaign", "reinclude", "once", "--reason", "excluded_by_operator"]);
    assert_eq!(taken, json!({ "included": 1, "kept": 0, "reopened": true }));
    assert_eq!(acme.stands(campaign).await, "active");
    db.run(&["campaign", "cancel", "once", "--reason", "a test"]).done();
    db.run(&["campaign", "reinclude", "once", "--reason", "campaign_cancelled"]).refused(3, "is cancelled");
    db.run(&["campaign", "retry", "once", "--scope", "failed"]).done();
    assert_eq!(acme.stands(campaign).await, "cancelled");
    db.assert_invariants().await;
}

#[tokio::test]
async fn an_organisation_whose_subscription_is_over_opens_nothing_again() {
    let acme = Acme::new().await;
    let campaign = acme.completed(ONCE, 2).await;
    acme.change("update organizations set subscription_ends_at = clock_timestamp() - interval '1 minute'")
        .await;
    acme.db.run(&["campaign", "retry", "once", "--scope", "failed"]).refused(3, "subscription is over");
    assert_eq!(acme.stands(campaign).await, "completed");
}

#[tokio::test]
async fn who_was_found_without_a_value_when_it_was_their_turn_is_taken_back_by_the_same_word() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.campaign(ONCE).await;
    acme.done(Action::StartCampaign(campaign)).await;
    acme.change(
        "update campaign_recipients set state = 'skipped', attention = 'skipped', due_at = null,
                reason = 'content_rejected: missing_variable'",
    )
    .await;
    let listed = acme.db.json(&["campaign", "skipped", "once", "--reason", "missing_variable"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let taken = acme.db.json(&["campaign", "reinclude", "once", "--reason", "missing_variable"]);
    assert_eq!(taken, json!({ "included": 2, "kept": 0 }));
}
