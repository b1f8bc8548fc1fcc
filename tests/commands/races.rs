//! Operators and senders at the same moment.

use crate::support::{
    acme::{ANA, Acme, phone},
    until,
};
use signalbox::{
    domain::{
        action::{Action, Order, Version},
        ids::CampaignId,
    },
    store::{
        Store,
        action::{ActionResult, Actor},
        campaign_edit::RetryScope,
        skipped::TakeBack,
    },
};
use std::collections::BTreeMap;

/// Row 49, scaled.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_operators_pause_and_resume_at_the_same_instant() {
    let acme = Acme::new().await;
    acme.contacts(2_000).await;
    let campaign = acme.running().await;
    let (store, organization) = (&acme.db.store, acme.organization);
    let mut version = Version(2);
    let mut paused = false;
    for round in 0..100 {
        // Both press the key on the same screen: one toggles, the other presses what is so already.
        let toggle = if paused { Action::ResumeCampaign(campaign) } else { Action::PauseCampaign(campaign) };
        let stay = if paused { Action::PauseCampaign(campaign) } else { Action::ResumeCampaign(campaign) };
        let (first, second) = (Order::on(toggle, version), Order::on(stay, version));
        let (ana, bob, claimed) = tokio::join!(
            store.act(organization, &first, "ana", None),
            store.act(organization, &second, "bob", None),
            acme.claim(0, campaign, 5),
        );
        let ActionResult::Done { version: Some(next), .. } = ana.unwrap() else {
            panic!("round {round}: the version was right");
        };
        match bob.unwrap() {
            // Before the other: it was so. After it: the screen was old.
            ActionResult::AlreadySo { .. } => {}
            ActionResult::Changed { by, .. } => assert_eq!(by.as_str(), "ana"),
            other => panic!("round {round}: {other:?}"),
        }
        for message in claimed.messages {
            acme.settle(message.attempt, "accepted", "advance").await;
        }
        version = next;
        paused = !paused;
    }
    let log = acme.log(campaign.0).await;
    let toggles: Vec<&String> = log.iter().skip(2).collect();
    assert_eq!(toggles.len(), 100);
    for (nth, line) in toggles.iter().enumerate() {
        let expected = if nth % 2 == 0 { "ana: pause campaign" } else { "ana: resume campaign" };
        assert!(line.starts_with(expected), "{nth}: {line}");
    }
    acme.db.assert_invariants().await;
}

/// Row 49: both want the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_operators_want_the_same_at_the_same_instant() {
    let acme = Acme::new().await;
    let campaign = acme.running().await;
    let (store, organization) = (&acme.db.store, acme.organization);
    for round in 0..50 {
        let action =
            if round % 2 == 0 { Action::PauseCampaign(campaign) } else { Action::ResumeCampaign(campaign) };
        let order = Order::whole(action);
        let (ana, bob) = tokio::join!(
            store.act(organization, &order, "ana", None),
            store.act(organization, &order, "bob", None)
        );
        let answers = [ana.unwrap(), bob.unwrap()];
        let first = answers.iter().position(|answer| matches!(answer, ActionResult::Done { .. })).unwrap();
        let by = ["ana", "bob"][first];
        assert!(
            matches!(&answers[1 - first], ActionResult::AlreadySo { by: who, .. } if who.as_str() == by),
            "round {round}: {answers:?}"
        );
    }
    acme.db.assert_invariants().await;
}

/// Row 49: both have pressed the key before either is through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_orders_that_wait_together_one_is_done_and_one_is_told_so() {
    let acme = Acme::new().await;
    let campaign = acme.running().await;
    let mut other = acme.db.pool.begin().await.unwrap();
    sqlx::query("select 1 from campaigns where id = $1 for share")
        .bind(campaign.0)
        .execute(&mut *other)
        .await
        .unwrap();
    // Each on a connection of its own, as two consoles are.
    let orders = ["ana", "bob"].map(|operator| {
        let (store, organization) = (Store::new(&acme.db.database), acme.organization);
        let order = Order::whole(Action::PauseCampaign(campaign));
        tokio::spawn(async move { store.act(organization, &order, operator, None).await.unwrap() })
    });
    until("both wait", async || acme.db.waiting().await == 2).await;
    other.commit().await.unwrap();
    let [ana, bob] = orders;
    let (ana, bob) = (ana.await.unwrap(), bob.await.unwrap());
    let done = |answer: &ActionResult| matches!(answer, ActionResult::Done { .. });
    let told = |answer: &ActionResult| matches!(answer, ActionResult::AlreadySo { .. });
    assert!(done(&ana) && told(&bob) || told(&ana) && done(&bob), "{ana:?}, {bob:?}");
    assert_eq!(acme.log(campaign.0).await.iter().filter(|line| line.contains("pause campaign")).count(), 1);
    acme.db.assert_invariants().await;
}

/// Row 51: the claim is first. Its transaction is held open, so that the opt-out has to wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_during_a_claim_comes_after_what_is_in_the_air() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    let lock = "select 1 from campaign_recipients where campaign_id = $1 for update";
    let mut claiming = acme.db.pool.begin().await.unwrap();
    sqlx::query(lock).bind(campaign.0).execute(&mut *claiming).await.unwrap();
    let (store, organization) = (acme.db.store.clone(), acme.organization);
    let opting = tokio::spawn(async move {
        store.opt_out(organization, &phone(0), "reply", Some("STOP"), Actor::operator("ana")).await
    });
    acme.db.until_somebody_waits().await;
    // What a claim does, in the transaction that holds the row.
    let request = acme.request(0, campaign, 1);
    sqlx::query(
        "select * from claim($1, $2, $3, $4, array[1], array[0::bigint], $5, array[$6::uuid], array[true], array[1],
                             array[1], array[1], array[false], '{}', $7, interval '30 s')",
    )
    .bind(organization.0)
    .bind(acme.instance.0)
    .bind(vec![request.numbers[0].id.0])
    .bind(vec![request.numbers[0].epoch])
    .bind(vec![campaign.0])
    .bind(uuid::Uuid::nil())
    .bind(vec![request.attempts[0].0])
    .execute(&mut *claiming)
    .await
    .unwrap();
    claiming.commit().await.unwrap();
    let answer = opting.await.unwrap().unwrap();
    assert!(matches!(answer, ActionResult::Done { .. }), "{answer:?}");
    assert_eq!(acme.states(campaign).await, ["sending"], "it is in the air, and its answer will tell");
    let before: bool = acme.db.value("select a.started_at < s.since from attempts a, suppressions s").await;
    assert!(before, "the attempt began before the opt-out was stamped");
    acme.settle(request.attempts[0], "not_sent", "retry").await;
    assert_eq!(acme.states(campaign).await, ["skipped"], "a retry ends as opted out");
    acme.db.assert_invariants().await;
}

/// Row 51: the opt-out is first.
#[tokio::test]
async fn an_opt_out_that_is_first_is_never_sent_to() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "asked"]).done();
    let claimed = acme.claim(0, campaign, 5).await;
    let phones: Vec<_> = claimed.messages.iter().map(|message| message.phone.clone()).collect();
    assert_eq!(phones, [phone(0), phone(2)]);
    assert_eq!(acme.states(campaign).await, ["sending", "skipped", "sending"]);
    let stats = acme.db.json(&["campaign", "stats", "hello"]);
    assert_eq!(stats["opted_out"], 1);
    let again = acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--json"]).done().json();
    assert_eq!(again["result"], "already");
    acme.db.run(&["contact", "opt-in", phone(1).reveal()]).done();
    assert_eq!(acme.db.json(&["contact", "show", phone(1).reveal()])["consent"], true);
    assert!(acme.claim(0, campaign, 5).await.messages.is_empty(), "what was skipped stays skipped");
    acme.db.assert_invariants().await;
}

/// A record that moves a recipient back into the queue at the moment of the opt-out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_stranded_in_the_queue_by_an_opt_out_during_an_outcome() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    let attempt = acme.claim(0, campaign, 1).await.messages[0].attempt;
    let mut opting = acme.db.pool.begin().await.unwrap();
    sqlx::query("select opt_out($1, $2, 'reply', 'STOP', 'sender', null)")
        .bind(acme.organization.0)
        .bind(phone(0).reveal())
        .execute(&mut *opting)
        .await
        .unwrap();
    let acme = std::sync::Arc::new(acme);
    let settling = tokio::spawn({
        let acme = std::sync::Arc::clone(&acme);
        async move { acme.settle(attempt, "not_sent", "retry").await }
    });
    acme.db.until_somebody_waits().await;
    opting.commit().await.unwrap();
    settling.await.unwrap();
    assert_eq!(acme.states(campaign).await, ["skipped"]);
    acme.db.assert_invariants().await;
}

/// A pause that has to wait for a claim is stamped after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_waits_for_the_claim_that_holds_the_campaign_and_is_stamped_after_it() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    let mut claiming = acme.db.pool.begin().await.unwrap();
    sqlx::query("select 1 from campaigns where id = $1 for share")
        .bind(campaign.0)
        .execute(&mut *claiming)
        .await
        .unwrap();
    let (store, organization) = (acme.db.store.clone(), acme.organization);
    let pausing = tokio::spawn(async move {
        store.act(organization, &Order::whole(Action::PauseCampaign(campaign)), "ana", None).await
    });
    acme.db.until_somebody_waits().await;
    let last_claim: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *claiming).await.unwrap();
    claiming.commit().await.unwrap();
    let answer = pausing.await.unwrap().unwrap();
    assert!(matches!(answer, ActionResult::Done { .. }), "{answer:?}");
    let paused_at: chrono::DateTime<chrono::Utc> = acme.db.value("select paused_at from campaigns").await;
    assert!(paused_at > last_claim, "{paused_at} is before {last_claim}");
    assert!(acme.claim(0, campaign, 1).await.messages.is_empty());
}

/// More people than one piece has, all of them in this state.
const MANY: i32 = 11_000;

impl Acme {
    async fn many(&self, state: &str, reason: &str) -> CampaignId {
        self.contacts(MANY).await;
        let campaign = self.running().await;
        sqlx::query(
            "update campaign_recipients set state = $1::text::recipient_state, attention = $1::text::recipient_state, reason = $2",
        )
        .bind(state)
        .bind(reason)
        .execute(&self.db.pool)
        .await
        .unwrap();
        // As a minute after they came: without figures the planner takes thousands for a handful.
        sqlx::query("analyze").execute(&self.db.pool).await.unwrap();
        campaign
    }

    /// Somebody in the second piece, held by somebody else.
    async fn holding_one(&self) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut holding = self.db.pool.begin().await.unwrap();
        sqlx::query("select 1 from campaign_recipients where phone = $1::text for update")
            .bind(phone(7_000).reveal())
            .execute(&mut *holding)
            .await
            .unwrap();
        holding
    }

    async fn queued(&self) -> i64 {
        self.db.value("select count(*) from campaign_recipients where state = 'queued'").await
    }

    /// What the entries of an order say that they did, piece by piece.
    async fn entries(&self, action: &str, of: &str) -> Vec<i64> {
        sqlx::query_scalar("select (after ->> $2)::bigint from audit_log where action = $1 order by id")
            .bind(action)
            .bind(of)
            .fetch_all(&self.db.pool)
            .await
            .unwrap()
    }
}

/// The campaign's row is free between two pieces: what waits for it is not kept from its turn until all are queued.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_tried_again_a_piece_at_a_time() {
    let acme = Acme::new().await;
    let campaign = acme.many("failed", "number_fault").await;
    let holding = acme.holding_one().await;
    let (store, organization) = (acme.db.store.clone(), acme.organization);
    let retrying = tokio::spawn(async move {
        store
            .retry_recipients(organization, campaign, RetryScope::Failed, None, false, Some("a test"), ANA)
            .await
    });
    acme.db.until_somebody_waits().await;
    assert_eq!(acme.queued().await, 5_000, "the first piece is done when the second has to wait");
    holding.rollback().await.unwrap();
    let verdicts = retrying.await.unwrap().unwrap();
    assert_eq!(verdicts, BTreeMap::from([("retry".to_owned(), 11_000)]));
    assert_eq!(acme.queued().await, 11_000);
    assert_eq!(acme.entries("retry recipients", "retried").await, [5_000, 5_000, 1_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_taken_back_a_piece_at_a_time() {
    let acme = Acme::new().await;
    let campaign = acme.many("skipped", "no_consent").await;
    acme.db.run(&["contact", "opt-out", phone(10_000).reveal(), "--reason", "enough"]).done();
    let holding = acme.holding_one().await;
    let (store, organization) = (acme.db.store.clone(), acme.organization);
    let taking_back = tokio::spawn(async move {
        let audience = serde_json::json!({});
        let terms = store.terms_of_campaign(organization, campaign, audience).await.unwrap();
        let whom = TakeBack { reason: Some("no_consent"), phone: None };
        store.include_again(organization, campaign, whom, &terms, Some("a test"), ANA).await
    });
    acme.db.until_somebody_waits().await;
    assert_eq!(acme.queued().await, 5_000, "the first piece is done when the second has to wait");
    holding.rollback().await.unwrap();
    let done = taking_back.await.unwrap().unwrap();
    assert_eq!((done.included, done.kept), (10_999, 1), "whoever opted out stays");
    assert_eq!(acme.queued().await, 10_999);
    assert_eq!(acme.entries("include again", "included").await, [5_000, 5_000, 999]);
}

/// An account joins a portfolio through which a claim is just sending: the claim goes on, and then the account joins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_joins_a_portfolio_waits_for_its_claims_before_it_touches_their_people() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let pool = acme.db.pool.clone();
    for statement in [
        "update accounts set portfolio = '506914307656634', rolling_limit = 100",
        "insert into accounts (organization_id, id, name, provider, external_id, sealed_token, rolling_limit)
         select organization_id, new_uuid(), 'second', provider, '2', 'sealed', 100 from accounts",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let campaign = acme.running().await;
    assert_eq!(acme.claim(0, campaign, 1).await.messages.len(), 1);
    let mut claiming = pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(decision_queue($1))")
        .bind(acme.organization.0)
        .execute(&mut *claiming)
        .await
        .unwrap();
    let joining = tokio::spawn(async move {
        sqlx::query("update accounts set portfolio = '506914307656634' where name = 'second'")
            .execute(&pool)
            .await
    });
    acme.db.until_somebody_waits().await;
    let touched = sqlx::query("update account_recipients set last_at = clock_timestamp()")
        .execute(&mut *claiming)
        .await
        .unwrap();
    assert_eq!(touched.rows_affected(), 1);
    claiming.commit().await.unwrap();
    joining.await.unwrap().unwrap();
    let counted: (i32, i32) =
        sqlx::query_as("select r.reached, r.cap from account_reach r where r.account_id = $1")
            .bind(acme.account.0)
            .fetch_one(&acme.db.pool)
            .await
            .unwrap();
    assert_eq!(counted, (1, 100));
    let together: bool = acme.db.value("select count(distinct reach_id) = 1 from accounts").await;
    assert!(together, "both count in one place");
    acme.db.assert_invariants().await;
}
