//! Gradual rollouts from their file: who is let go, who is kept back, and how an operator widens them.

use crate::support::{
    acme::{ANA, Acme, phone},
    until,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use signalbox::{
    domain::{action::Action, ids::CampaignId},
    store::{Store, action::ActionResult, screen::rates::RateWindow},
};

const STAGED: &str = "name = \"staged\"\nrollout = [5, 50, 100]\n[[steps]]\ntext = { en = \"Hello\" }\n";

impl Acme {
    async fn kept_back(&self, campaign: CampaignId) -> i64 {
        sqlx::query_scalar(
            "select count(*) from campaign_recipients where campaign_id = $1 and due_at = not_let_go()",
        )
        .bind(campaign.0)
        .fetch_one(&self.db.pool)
        .await
        .unwrap()
    }

    /// A running rollout of ten people in three stages, of whom one, who stands so far in front, has opted out.
    async fn staged_without(&self, nth: usize) -> CampaignId {
        self.contacts(10).await;
        self.db.run(&["contact", "opt-out", phone(nth).reveal(), "--reason", "enough"]).done();
        let campaign = self.campaign(&STAGED.replace("5, 50", "10, 50")).await;
        self.done(Action::StartCampaign(campaign)).await;
        self.db.run(&["contact", "opt-in", phone(nth).reveal()]).done();
        campaign
    }
}

#[tokio::test]
async fn whoever_is_taken_back_into_a_rollout_is_let_go_with_its_last_stage() {
    let acme = Acme::new().await;
    let campaign = acme.staged_without(9).await;
    acme.db.run(&["campaign", "reinclude", "staged", "--phone", phone(9).reveal()]).done();
    assert_eq!(acme.kept_back(campaign).await, 9, "one of nine was let go before");
    assert_eq!(acme.db.json(&["campaign", "show", "staged"])["rollout"]["people"], 10);
    acme.db.run(&["campaign", "widen", "staged", "--to", "100"]).done();
    assert_eq!((acme.kept_back(campaign).await, acme.claim(0, campaign, 50).await.messages.len()), (0, 10));
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_rollout_counts_everybody_once_and_nobody_who_left() {
    let acme = Acme::new().await;
    acme.contacts(10).await;
    let campaign = acme.campaign(&STAGED.replace("5, 50", "10, 50")).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let people = || acme.db.json(&["campaign", "show", "staged"])["rollout"]["people"].clone();
    let remove = |nth: usize| {
        acme.db.run(&["campaign", "remove", "staged", phone(nth).reveal(), "--reason", "a test"]).done();
    };
    for nth in [9, 9, 0, 9] {
        remove(nth);
        acme.db.run(&["campaign", "reinclude", "staged", "--phone", phone(nth).reveal()]).done();
        assert_eq!(people(), 10);
    }
    for nth in 6..10 {
        remove(nth);
    }
    acme.db.run(&["campaign", "widen", "staged", "--to", "50"]).done();
    assert_eq!((people(), acme.kept_back(campaign).await), (json!(6), 3), "half of those who are left");
    acme.db.run(&["campaign", "widen", "staged", "--to", "100"]).done();
    assert_eq!((acme.kept_back(campaign).await, acme.claim(0, campaign, 50).await.messages.len()), (0, 6));
    acme.db.assert_invariants().await;
}

/// The stage is let go at the moment when somebody within it is taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_kept_back_behind_the_last_who_was_let_go() {
    let acme = Acme::new().await;
    let campaign = acme.staged_without(2).await;
    sqlx::query("update campaign_rollouts set stage = 2, target = 5").execute(&acme.db.pool).await.unwrap();
    let mut taking_back = acme.db.pool.begin().await.unwrap();
    let included: i64 = sqlx::query_scalar(
        "select p_included from include_again($1, $2, 'opted_out', null, '{}', '{}', 'ana', null, 'a test')",
    )
    .bind(acme.organization.0)
    .bind(campaign.0)
    .fetch_one(&mut *taking_back)
    .await
    .unwrap();
    assert_eq!(included, 1);
    let (store, organization) = (acme.db.store.clone(), acme.organization);
    let letting_go = tokio::spawn(async move { store.let_go(organization, campaign, None, 1_000).await });
    acme.db.until_somebody_waits().await;
    taking_back.commit().await.unwrap();
    assert_eq!(letting_go.await.unwrap().unwrap(), 0, "all of the stage");
    acme.db.run(&["campaign", "widen", "staged", "--to", "100"]).done();
    assert_eq!((acme.kept_back(campaign).await, acme.claim(0, campaign, 50).await.messages.len()), (0, 10));
    acme.db.assert_invariants().await;
}

/// Both have begun before either is through: a sender lets the stage go, an operator opens the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letting_go_and_widening_wait_for_each_other_in_one_order() {
    let acme = Acme::new().await;
    acme.contacts(10).await;
    let campaign = acme.campaign(STAGED).await;
    acme.done(Action::StartCampaign(campaign)).await;
    sqlx::query("update campaign_rollouts set target = 2").execute(&acme.db.pool).await.unwrap();
    let mut claiming = acme.db.pool.begin().await.unwrap();
    sqlx::query("select 1 from campaigns where id = $1 for share")
        .bind(campaign.0)
        .execute(&mut *claiming)
        .await
        .unwrap();
    let (store, organization) = (Store::new(&acme.db.database), acme.organization);
    let widening = tokio::spawn({
        let store = store.clone();
        async move { store.widen_rollout(organization, campaign, Some(1), None, None, ANA, None).await }
    });
    until("the operator waits", async || acme.db.waiting().await == 1).await;
    let letting_go = tokio::spawn(async move { store.let_go(organization, campaign, None, 1_000).await });
    until("both wait", async || acme.db.waiting().await == 2).await;
    claiming.commit().await.unwrap();
    let widened = widening.await.unwrap().unwrap();
    assert!(matches!(widened, ActionResult::Done { .. }), "{widened:?}");
    assert_eq!(letting_go.await.unwrap().unwrap(), 0);
    assert_eq!(acme.claim(0, campaign, 50).await.messages.len(), 5, "the second stage");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn only_those_of_the_open_stage_are_claimed() {
    let acme = Acme::new().await;
    acme.contacts(41).await;
    let (db, folder) = (&acme.db, tempfile::tempdir().unwrap());
    let path = folder.path().join("staged.toml");
    std::fs::write(&path, STAGED).unwrap();
    db.run(&["contact", "opt-out", phone(0).reveal(), "--reason", "enough"]).done();
    db.run(&["campaign", "create", path.to_str().unwrap()]).done();
    let shown = db.json(&["campaign", "show", "staged"])["rollout"].clone();
    assert_eq!(
        (&shown["stages"], &shown["percent"], &shown["people"], &shown["released"]),
        (&json!([5, 50, 100]), &json!(5), &json!(40), &json!(2)),
        "percent of those who get something"
    );
    let campaign = CampaignId(db.value("select id from campaigns").await);
    assert_eq!(acme.kept_back(campaign).await, 38);
    acme.done(Action::StartCampaign(campaign)).await;
    let first = acme.claim(0, campaign, 50).await.messages;
    assert_eq!(first.len(), 2, "the first two of those who may be sent to");
    assert!(first.iter().all(|message| [phone(1), phone(2)].contains(&message.phone)), "{first:?}");
    for message in &first {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    assert_eq!(acme.claim(1, campaign, 50).await.messages.len(), 0, "through no number");

    let why = db.json(&["contact", "why", phone(9).reveal(), "--campaign", "staged"]);
    assert!(why.to_string().contains("kept back by the rollout, until a later stage opens"), "{why}");
    let why = db.json(&["campaign", "why", "staged"]);
    assert!(why.to_string().contains("rolled out to 5 %, the next stage waits: has just begun"), "{why}");
    assert_eq!(db.json(&["campaign", "stats", "staged"])["hold"], "rollout_stage");

    // Who is kept back and leaves is not counted as let go.
    db.run(&["contact", "opt-out", phone(10).reveal(), "--reason", "enough"]).done();
    db.run(&["campaign", "widen", "staged", "--to", "40"])
        .refused(3, "has the stages 5, 50, 100: name one of them");
    db.run(&["campaign", "widen", "staged", "--reason", "looks good"]).done();
    assert_eq!(acme.claim(0, campaign, 50).await.messages.len(), 18);
    let again = db.run(&["campaign", "widen", "staged", "--to", "5"]).done();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    db.run(&["campaign", "widen", "staged", "--to", "100"]).done();
    assert_eq!((acme.kept_back(campaign).await, acme.claim(0, campaign, 50).await.messages.len()), (0, 19));
    let log = acme.log(campaign.0).await;
    assert!(log.iter().any(|line| line.ends_with(": widen rollout (looks good)")), "{log:?}");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_rollout_lets_no_more_go_than_its_stage_whoever_asks() {
    let acme = Acme::new().await;
    acme.contacts(200).await;
    let campaign = acme.campaign(STAGED).await;
    acme.done(Action::StartCampaign(campaign)).await;
    // Many at once ask for the same stage, and for more people than it has.
    let asked = (0..8).map(|_| acme.db.store.let_go(acme.organization, campaign, None, 1_000));
    for left in futures_util::future::join_all(asked).await {
        assert_eq!(left.unwrap(), 0);
    }
    assert_eq!(acme.kept_back(campaign).await, 190);
    let actor = signalbox::store::action::Actor { operator: "ana", instance: None };
    let widen = || acme.db.store.widen_rollout(acme.organization, campaign, Some(1), None, None, actor, None);
    let answers = futures_util::future::join_all((0..4).map(|_| widen())).await;
    let done = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(signalbox::store::action::ActionResult::Done { .. })))
        .count();
    assert_eq!(done, 1, "a stage is widened once: {answers:?}");
    assert_eq!(acme.kept_back(campaign).await, 100);
    let refused =
        sqlx::query("update campaign_rollouts set released = target + 1").execute(&acme.db.pool).await;
    assert!(refused.unwrap_err().to_string().contains("no_more_are_let_go_than_the_stage_allows"));
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn the_end_of_a_rollout_is_foretold_with_its_stages_and_not_at_all_while_it_is_held() {
    let acme = Acme::new().await;
    acme.contacts(100).await;
    let campaign =
        acme.campaign(&STAGED.replace("[5, 50, 100]", "{ stages = [5, 50, 100], wait = \"2h\" }")).await;
    let db = &acme.db;
    acme.done(Action::StartCampaign(campaign)).await;
    for message in acme.claim(0, campaign, 5).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let instant = |value: &serde_json::Value| value.as_str().map(|at| at.parse::<DateTime<Utc>>().unwrap());
    let stats = db.json(&["campaign", "stats", "staged"]);
    let end = instant(&stats["estimated_completion"]).unwrap();
    let began = instant(&stats["started_at"]).unwrap();
    // The pace so far, five messages in a moment, would say: in a few seconds.
    assert!(end >= began + TimeDelta::hours(4), "two stages of two hours each: {began} to {end}");
    let finish = instant(&db.json(&["campaign", "forecast", "staged"])["finish"]).unwrap();
    assert!((finish - end).abs() < TimeDelta::minutes(10), "as the forecast says: {finish}, {end}");

    let (organization, why) = (acme.organization, "4 of 5 failed, more than 10 %: somebody has to widen it");
    assert!(db.store.note_rollout(organization, campaign, 1, why, None, true).await.unwrap());
    let seat = db.store.seat(organization, None).await.unwrap();
    let line = async || {
        let picture = db.store.picture(&seat).await.unwrap();
        picture.with_rates(&mut RateWindow::default()).campaigns.remove(0).rollout.unwrap()
    };
    let shown = line().await;
    assert_eq!((shown.stages.as_slice(), shown.percent(), shown.next()), (&[5, 50, 100][..], 5, Some(50)));
    assert_eq!((shown.people, shown.released, shown.held, shown.why.as_str()), (100, 5, true, why));
    assert_eq!(db.json(&["campaign", "stats", "staged"])["estimated_completion"], json!(null));
    let forecast = db.json(&["campaign", "forecast", "staged"]);
    assert_eq!(forecast["finish"], json!(null), "nobody knows when somebody acts: {forecast}");

    // The console widens what its operator saw, and nothing else.
    acme.done(Action::WidenRollout { campaign, stage: 1 }).await;
    let refused = acme.act(Action::WidenRollout { campaign, stage: 1 }).await;
    assert!(format!("{refused:?}").contains("was widened meanwhile"), "{refused:?}");
    let shown = line().await;
    assert_eq!((shown.percent(), shown.held, shown.later()), (50, false, vec![50]));
    assert!(instant(&db.json(&["campaign", "stats", "staged"])["estimated_completion"]).is_some());
}
