//! Attempts in doubt and the three verdicts of an operator.

use crate::support::acme::Acme;
use serde_json::json;
use signalbox::{
    domain::{
        action::{Action, Verdict},
        ids::{AttemptId, CampaignId},
    },
    store::action::ActionResult,
};

/// A running campaign of two people with a doubt about the first.
async fn doubt() -> (Acme, CampaignId, AttemptId) {
    let acme = Acme::with_numbers(&[Some(10)]).await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    let attempt = acme.claim(0, campaign, 1).await.messages[0].attempt;
    acme.settle(attempt, "in_doubt", "doubt").await;
    (acme, campaign, attempt)
}

async fn used(acme: &Acme) -> i32 {
    acme.db.value("select reserved from quota_usage where scope = 'number'").await
}

#[tokio::test]
async fn settled_as_sent_nothing_is_sent_again() {
    let (acme, campaign, attempt) = doubt().await;
    acme.done(Action::ResolveAttempt { attempt, verdict: Verdict::Sent }).await;
    assert_eq!(acme.states(campaign).await, ["accepted", "queued"]);
    assert_eq!(used(&acme).await, 1, "it stays charged");
    let again = acme.act(Action::ResolveAttempt { attempt, verdict: Verdict::Sent }).await;
    assert!(matches!(&again, ActionResult::AlreadySo { by, .. } if by.as_str() == "ana"), "{again:?}");
    let other = acme.act(Action::ResolveAttempt { attempt, verdict: Verdict::Resend }).await;
    assert!(matches!(&other, ActionResult::Refused(why) if why.contains("not in doubt")), "{other:?}");
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 1, "only the other person");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn settled_as_not_sent_it_is_due_again_and_the_quota_is_back() {
    let (acme, campaign, attempt) = doubt().await;
    acme.done(Action::ResolveAttempt { attempt, verdict: Verdict::NotSent }).await;
    assert_eq!(acme.states(campaign).await, ["queued", "queued"]);
    assert_eq!(used(&acme).await, 0);
    let words: String = acme.db.value("select words from attempts").await;
    assert_eq!(words, "the provider's words", "the evidence stays");
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 2);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_resend_needs_a_reason_and_waives_the_first_attempt() {
    let (acme, campaign, attempt) = doubt().await;
    let id = attempt.to_string();
    let db = &acme.db;
    db.run(&["attempt", "resolve", &id, "--as", "resend"]).refused(3, "only with a reason");
    assert_eq!(acme.states(campaign).await, ["in_doubt", "queued"]);
    let listed = db.json(&["attempt", "list", "--state", "in_doubt"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(id)));
    db.run(&["attempt", "resolve", &id, "--as", "resend", "--reason", "she says it never came"]).done();
    let shown = db.json(&["attempt", "show", &id]);
    assert_eq!(
        (&shown["state"], &shown["resolved_reason"]),
        (&json!("waived"), &json!("she says it never came"))
    );
    assert_eq!(db.json(&["attempt", "list", "--state", "in_doubt"]), json!([]));
    assert_eq!(used(&acme).await, 1, "it may have been sent: it stays charged");
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 2);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn late_evidence_for_a_waived_attempt_is_kept_and_shown() {
    let (acme, campaign, attempt) = doubt().await;
    acme.done(Action::ResolveAttempt { attempt, verdict: Verdict::Resend }).await;
    let again = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(again.attempt, "accepted", "advance").await;
    // Evidence comes twice, too.
    for _again in 0..2 {
        acme.settle(attempt, "accepted", "advance").await;
    }
    let shown = acme.db.json(&["attempt", "show", &attempt.to_string()]);
    assert_eq!((&shown["state"], &shown["contradicted"]), (&json!("waived"), &json!(true)));
    // It is said aloud, once.
    let said: Vec<(String, String)> = sqlx::query_as(
        "select entity, reason from audit_log where action = 'duplicate' and actor = 'sender'",
    )
    .fetch_all(&acme.db.pool)
    .await
    .unwrap();
    let [(entity, reason)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(entity, "number");
    assert!(
        reason.contains(" went to one person twice: ") && reason.contains(&attempt.to_string()),
        "{reason}"
    );
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_verdict_on_a_cancelled_campaign_sends_nothing() {
    let (acme, campaign, attempt) = doubt().await;
    acme.done(Action::CancelCampaign(campaign)).await;
    acme.done(Action::ResolveAttempt { attempt, verdict: Verdict::NotSent }).await;
    assert_eq!(acme.states(campaign).await, ["skipped", "skipped"]);
    acme.db.assert_invariants().await;
}
