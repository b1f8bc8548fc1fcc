//! People who are taken back or tried again: when they are due.

use crate::support::acme::{Acme, phone};
use chrono::{DateTime, TimeDelta, Utc};
use signalbox::domain::{action::Action, ids::RecipientId};

const SLOW: &str = "name = \"slow\"
[[steps]]
after = \"6h\"
text = { en = \"One\" }
[[steps]]
after = \"1d\"
text = { en = \"Two\" }
";

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
