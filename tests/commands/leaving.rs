//! Leaving a sequence before its last step: by a reply, an attribute, an operator's word. Before the next claim, and the
//! sums hold.

use crate::support::acme::{Acme, phone};
use signalbox::{
    domain::{action::Action, ids::CampaignId, phone::Phone},
    store::{action::ActionResult, attempt::ClaimedMessage, receipt::NewInbound},
};
use std::fmt::Write as _;

const ONBOARDING: &str = "name = \"onboarding\"
exit = { on_reply = true, attributes = { paid = [\"yes\", \"partly\"] } }
[[steps]]
text = { en = \"Day {{day}}\" }
[[steps]]
after = \"1d\"
text = { en = \"Day {{day}}\" }
[[steps]]
after = \"1d\"
text = { en = \"Day {{day}}\" }
";

impl Acme {
    async fn onboarding(&self) -> CampaignId {
        let campaign = self.campaign(ONBOARDING).await;
        self.done(Action::StartCampaign(campaign)).await;
        campaign
    }

    async fn sent(&self, campaign: CampaignId, count: u32) -> Vec<ClaimedMessage> {
        let messages = self.claim(0, campaign, count).await.messages;
        assert_eq!(messages.len(), usize::try_from(count).unwrap());
        messages
    }

    /// As if the person had written back, through the first number.
    async fn hears(&self, from: &Phone, text: &str, id: &str) {
        let heard = NewInbound {
            account: self.account,
            sender_id: Some("0".to_owned()),
            sender_phone: None,
            phone: Some(from.clone()),
            from_id: None,
            profile: None,
            message: id.to_owned(),
            kind: "text".to_owned(),
            body: text.to_owned(),
            consent: None,
            answers: None,
            at: None,
            thread: None,
            handled: false,
        };
        self.db.store.hear(self.organization, &[heard]).await.unwrap();
    }

    /// State, step and reason of everybody, in the order of enrolment.
    async fn stand(&self, campaign: CampaignId) -> Vec<String> {
        sqlx::query_scalar(
            "select concat_ws(' ', state, step, reason, exit_reason) from campaign_recipients
              where campaign_id = $1 order by id",
        )
        .bind(campaign.0)
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }

    fn import(&self, nth: usize, paid: &str) {
        let row = format!("phone,paid\n{},{paid}\n", phone(nth).reveal());
        self.db.run_with(&["contact", "import", "-"], row.as_bytes()).done();
    }
}

#[tokio::test]
async fn whoever_replies_pays_or_is_taken_out_gets_nothing_more() {
    let acme = Acme::new().await;
    acme.contacts(7).await;
    let campaign = acme.onboarding().await;
    let messages = acme.sent(campaign, 5).await;
    for message in &messages[..4] {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    assert_eq!(
        acme.stand(campaign).await[..5],
        ["queued 2", "queued 2", "queued 2", "queued 2", "sending 1"]
    );

    acme.hears(&phone(0), "Thanks!", "in-1").await;
    acme.import(1, "yes");
    acme.import(2, "no");
    let fourth = phone(3);
    let remove = ["campaign", "remove", "onboarding", fourth.reveal(), "--reason", "paid in cash"];
    acme.db.run(&remove).done();
    // On the wire: it is the last one.
    acme.hears(&phone(4), "Hello?", "in-2").await;
    // Nothing was sent yet: nothing is answered, but who has paid gets nothing.
    acme.hears(&phone(5), "Hi", "in-3").await;
    acme.import(6, "partly");
    assert_eq!(
        acme.stand(campaign).await,
        [
            "skipped 2 replied",
            "skipped 2 attribute: paid=yes",
            "queued 2",
            "skipped 2 excluded_by_operator",
            "sending 1 replied",
            "queued 1",
            "skipped 1 attribute: paid=partly",
        ]
    );
    acme.settle(messages[4].attempt, "accepted", "advance").await;
    assert_eq!(acme.stand(campaign).await[4], "skipped 2 replied replied");
    acme.db.run(&remove).done();
    let stats = acme.db.json(&["campaign", "stats", "onboarding"]);
    assert_eq!(
        (&stats["skipped"], &stats["queued"], &stats["sums_hold"]),
        (&5.into(), &2.into(), &true.into())
    );
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn what_is_on_the_wire_is_the_last_of_a_sequence_for_whom_an_operator_takes_out() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.onboarding().await;
    let messages = acme.sent(campaign, 2).await;
    let first = Action::ExcludeRecipient(messages[0].recipient);
    acme.done(first.clone()).await;
    let again = acme.act(first).await;
    assert!(matches!(again, ActionResult::AlreadySo { .. }), "{again:?}");
    // A row that somebody holds is left at once where it can be, and by the chore where it cannot.
    let mut recording = acme.db.pool.begin().await.unwrap();
    sqlx::query("select from campaign_recipients where id = $1 for update")
        .bind(messages[1].recipient.0)
        .execute(&mut *recording)
        .await
        .unwrap();
    acme.import(1, "yes");
    recording.commit().await.unwrap();
    assert_eq!(acme.stand(campaign).await, ["sending 1 excluded_by_operator", "sending 1"]);
    acme.db.store.end_stranded(acme.organization).await.unwrap();
    for message in &messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    assert_eq!(
        acme.stand(campaign).await,
        [
            "skipped 2 excluded_by_operator excluded_by_operator",
            "skipped 2 attribute: paid=yes attribute: paid=yes"
        ]
    );
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn who_has_paid_already_is_enrolled_without_getting_anything() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    acme.import(1, "yes");
    let campaign = acme.onboarding().await;
    assert_eq!(acme.stand(campaign).await, ["queued 1", "skipped 1 attribute: paid=yes"]);
    // The same campaign without the rule sends to everybody.
    let all = ONBOARDING.replace("onboarding", "all").replace("exit = ", "# ");
    let all = acme.campaign(&all).await;
    assert_eq!(acme.stand(all).await, ["queued 1", "queued 1"]);
}

#[tokio::test]
async fn a_reply_ends_only_the_campaign_that_it_answers() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let first = acme.onboarding().await;
    let message = acme.sent(first, 1).await.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    let second = acme.campaign(&ONBOARDING.replace("onboarding", "second")).await;
    acme.done(Action::StartCampaign(second)).await;
    let message = acme.sent(second, 1).await.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    acme.hears(&phone(0), "What is this?", "in-1").await;
    assert_eq!(
        (acme.stand(first).await, acme.stand(second).await),
        (vec!["queued 2".to_owned()], vec!["skipped 2 replied".to_owned()])
    );
}

impl Acme {
    /// Nobody is enrolled in a draft any more: the test does it, piece by piece.
    async fn unenrolled(&self) -> CampaignId {
        let campaign = self.campaign(ONBOARDING).await;
        for table in ["campaign_recipients", "recipient_parameters", "campaign_counts"] {
            let all = sqlx::AssertSqlSafe(format!("delete from {table}"));
            sqlx::query(all).execute(&self.db.pool).await.unwrap();
        }
        campaign
    }

    /// A piece of an enrolment, of so many contacts, that is not committed yet.
    async fn enrolling(&self, most: Option<i64>) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut piece = self.db.pool.begin().await.unwrap();
        sqlx::query("select enrol(organization_id, id, '{}', '{}', null, $1) from campaigns")
            .bind(most)
            .execute(&mut *piece)
            .await
            .unwrap();
        piece
    }

    async fn by_rule(&self, nth: usize) {
        sqlx::query("select suppress($1, $2, 'rule', 'never answers')")
            .bind(self.organization.0)
            .bind(phone(nth).reveal())
            .execute(&self.db.pool)
            .await
            .unwrap();
    }

    fn opts_out(&self, nth: usize) {
        self.db.run(&["contact", "opt-out", phone(nth).reveal(), "--reason", "enough"]).done();
    }
}

#[tokio::test]
async fn whoever_opts_out_or_pays_while_people_are_enrolled_gets_nothing() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign = acme.unenrolled().await;
    let enrolling = acme.enrolling(None).await;
    acme.opts_out(0);
    acme.import(1, "yes");
    enrolling.commit().await.unwrap();
    assert_eq!(acme.stand(campaign).await, ["queued 1"; 4], "neither saw the other");
    for statement in [
        "update suppressions set since = since - interval '1 hour'",
        "update campaigns set created_at = created_at - interval '2 hours'",
    ] {
        sqlx::query(statement).execute(&acme.db.pool).await.unwrap();
    }
    // The latest are seen before the start.
    let enrolled =
        "update campaign_recipients set state = 'queued', attention = null, reason = null where phone = $1";
    acme.by_rule(2).await;
    sqlx::query(enrolled).bind(phone(2).reveal()).execute(&acme.db.pool).await.unwrap();
    acme.db.store.end_stranded(acme.organization).await.unwrap();
    assert_eq!(acme.stand(campaign).await, ["queued 1", "queued 1", "skipped 1 suppressed", "queued 1"]);
    acme.done(Action::StartCampaign(campaign)).await;
    assert_eq!(
        acme.stand(campaign).await,
        ["skipped 1 opted_out", "skipped 1 attribute: paid=yes", "skipped 1 suppressed", "queued 1"]
    );
    acme.sent(campaign, 1).await;
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn an_enrolment_ends_with_a_look_at_who_opted_out_meanwhile() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.unenrolled().await;
    let first = acme.enrolling(Some(2)).await;
    acme.opts_out(0);
    first.commit().await.unwrap();
    acme.enrolling(Some(2)).await.commit().await.unwrap();
    assert_eq!(acme.stand(campaign).await, ["skipped 1 opted_out", "queued 1", "queued 1"]);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn many_leave_at_once_as_one_set() {
    let acme = Acme::new().await;
    acme.contacts(500).await;
    let campaign = acme.onboarding().await;
    let messages = acme.sent(campaign, 1).await;
    for statement in [
        "create sequence changes",
        "grant all on sequence changes to public",
        "create function count_changes() returns trigger language plpgsql
             as $$ begin perform nextval('changes'); return null; end $$",
        "create trigger count_changes after update on campaign_recipients
             for each statement execute function count_changes()",
    ] {
        sqlx::query(statement).execute(&acme.db.pool).await.unwrap();
    }
    let mut file = String::from("phone,paid\n");
    for nth in 0..500 {
        writeln!(file, "{},yes", phone(nth).reveal()).unwrap();
    }
    acme.db.run_with(&["contact", "import", "-"], file.as_bytes()).done();
    let stand = acme.stand(campaign).await;
    assert_eq!(stand[0], "sending 1 attribute: paid=yes", "what is on the wire is the last");
    assert!(stand[1..].iter().all(|person| person == "skipped 1 attribute: paid=yes"), "{stand:?}");
    let changes: i64 = acme.db.value("select last_value from changes").await;
    assert!(changes < 5, "{changes} statements changed recipients, and the sums each");
    acme.settle(messages[0].attempt, "accepted", "advance").await;
    acme.db.assert_invariants().await;
}

/// Whoever came to what ends a campaign where nobody saw both is taken out before the start, and by the start who came since;
/// and that looks at nobody else.
#[tokio::test]
async fn a_start_looks_only_at_who_changed_since_it_was_looked_ahead() {
    let acme = Acme::new().await;
    acme.contacts(6).await;
    let campaign = acme.campaign(ONBOARDING).await;
    let pool = &acme.db.pool;
    // As if it had been on its way while people were enrolled: no trigger sees it.
    let change = async |phone: &str| {
        let mut change = pool.begin().await.unwrap();
        sqlx::raw_sql("set local session_replication_role = replica").execute(&mut *change).await.unwrap();
        sqlx::query(
            "update contacts set attributes = '{\"paid\": \"yes\"}', updated_at = now() where phone = $1",
        )
        .bind(phone)
        .execute(&mut *change)
        .await
        .unwrap();
        change.commit().await.unwrap();
    };
    let long_ago = "update campaigns set created_at = now() - interval '9 days';
                    update looks_ahead set looked_at = now() - interval '9 days'";
    sqlx::raw_sql(long_ago).execute(pool).await.unwrap();
    change("+237600000000").await;
    sqlx::query("update contacts set updated_at = now() - interval '2 hours'").execute(pool).await.unwrap();
    sqlx::query("select look_ahead($1, $2)")
        .bind(acme.organization.0)
        .bind(campaign.0)
        .execute(pool)
        .await
        .unwrap();
    change("+237600000001").await;
    let mut start = pool.begin().await.unwrap();
    // Of live rows; what this connection did before counts until it is told to everybody.
    let looked = "select pg_stat_get_xact_tuples_fetched('contacts_by_change'::regclass)
                       + pg_stat_get_xact_tuples_returned('contacts'::regclass)";
    let before: i64 = sqlx::query_scalar(looked).fetch_one(&mut *start).await.unwrap();
    sqlx::raw_sql("update campaigns set state = 'active', started_at = now()")
        .execute(&mut *start)
        .await
        .unwrap();
    let after: i64 = sqlx::query_scalar(looked).fetch_one(&mut *start).await.unwrap();
    start.commit().await.unwrap();
    assert_eq!(after - before, 1, "of six contacts that were changed since it was made");
    let stand = acme.stand(campaign).await;
    assert!(stand[..2].iter().all(|person| person == "skipped 1 attribute: paid=yes"), "{stand:?}");
    assert!(stand[2..].iter().all(|person| person.starts_with("queued")), "{stand:?}");
}

/// Whoever was taken out, or wrote back, while a message to them was failing is not tried again, whoever asks.
#[tokio::test]
async fn whoever_has_left_is_not_tried_again() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign = acme.onboarding().await;
    let messages = acme.sent(campaign, 4).await;
    acme.done(Action::ExcludeRecipient(messages[0].recipient)).await;
    for message in &messages {
        acme.settle(message.attempt, "rejected", "fail").await;
    }
    acme.hears(&phone(1), "Who is this?", "in-1").await;
    acme.import(2, "yes");
    assert_eq!(
        acme.stand(campaign).await,
        [
            "failed 1 a test excluded_by_operator",
            "failed 1 a test replied",
            "failed 1 a test attribute: paid=yes",
            "failed 1 a test"
        ]
    );
    for message in &messages[..3] {
        let answer = acme.act(Action::RetryRecipient(message.recipient)).await;
        let ActionResult::Refused(why) = answer else { panic!("{answer:?}") };
        assert!(why.as_str().contains("has left the campaign"), "{why}");
    }
    let retried = acme.db.json(&["campaign", "retry", "onboarding"]);
    assert_eq!(
        (&retried["retried"], &retried["reasons"]),
        (&1.into(), &serde_json::json!({ "has_left": 3 }))
    );
    acme.db.run(&["campaign", "retry", "onboarding"]).refused(3, "3 left the campaign");
    let again = acme.claim(0, campaign, 4).await.messages;
    assert_eq!(again.iter().map(|one| one.recipient).collect::<Vec<_>>(), [messages[3].recipient]);
    acme.db.assert_invariants().await;
}

/// An operator takes somebody back who had left: from then on they are in it as everybody else is.
#[tokio::test]
async fn whoever_is_taken_back_has_not_left_any_more() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.onboarding().await;
    let message = acme.sent(campaign, 1).await.remove(0);
    acme.hears(&phone(0), "Hello?", "in-1").await;
    acme.settle(message.attempt, "accepted", "advance").await;
    assert_eq!(acme.stand(campaign).await, ["skipped 2 replied replied"]);
    acme.db.run(&["campaign", "reinclude", "onboarding", "--reason", "replied"]).done();
    // A day later.
    sqlx::query("update campaign_recipients set due_at = clock_timestamp()")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    let message = acme.sent(campaign, 1).await.remove(0);
    acme.settle(message.attempt, "rejected", "fail").await;
    acme.done(Action::RetryRecipient(message.recipient)).await;
    assert_eq!(acme.stand(campaign).await, ["queued 2"]);
    acme.db.assert_invariants().await;
}
