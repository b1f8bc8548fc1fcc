//! Two statements about the same rows at the same moment, in the order that went wrong once: which of them waits for the other
//! is known, never a matter of time.

use crate::{
    hand::{Hand, NOW, accepted, came_to, patient, refused, refused_for},
    world::{Made, World, seed::Camp, until},
};
use signalbox::{
    domain::{
        action::{Action, Verdict},
        outcome::Class,
    },
    store::{
        Store,
        action::{ActionResult, Actor},
        attempt::Next,
        campaign_edit::RetryScope,
    },
};
use sqlx::{Postgres, Transaction};
use std::cell::Cell;

impl Hand {
    /// Somebody else holds the campaign's people.
    async fn people_held(&self) -> Transaction<'static, Postgres> {
        let mut held = self.begin().await;
        sqlx::query("select 1 from campaign_recipients where campaign_id = $1 for update")
            .bind(self.campaign.0)
            .execute(&mut *held)
            .await
            .unwrap();
        held
    }

    /// A claim is inside: it stands in line and shares the campaign's row.
    async fn claim_inside(&self) -> Transaction<'static, Postgres> {
        let mut inside = self.begin().await;
        for statement in [
            "select pg_advisory_xact_lock_shared(decision_queue(organization_id)) from campaigns where id = $1",
            "select 1 from campaigns where id = $1 for share",
        ] {
            sqlx::query(statement).bind(self.campaign.0).execute(&mut *inside).await.unwrap();
        }
        inside
    }

    /// Asserts that a claim which comes while `decision` waits for the one inside does not pass it by.
    async fn stands_in_line<T>(&self, decision: impl Future<Output = T>) -> T {
        let inside = self.claim_inside().await;
        let has_passed = Cell::new(false);
        let late = async {
            self.world.until_waiting(1).await;
            self.claim_of(self.campaign, 0, &[]).await;
            has_passed.set(true);
        };
        let (answer, (), passed) = tokio::join!(decision, late, async {
            until("the claim waits too, or has passed", 60, async || {
                has_passed.get() || self.waiting().await > 1
            })
            .await;
            let passed = has_passed.get();
            inside.commit().await.unwrap();
            passed
        });
        assert!(!passed, "a claim passed a decision that was waiting");
        answer
    }

    async fn contradicted(&self) -> i64 {
        self.world.value("select count(*) from attempts where contradicted").await
    }
}

#[tokio::test]
async fn pause_by_a_rule_goes_before_the_claims_that_come_after_it() {
    let hand = Hand::with(Camp::of(2)).await;
    let (world, instance) = (&hand.world, hand.claimers[0].instance);
    let paused = hand
        .stands_in_line(patient(async || {
            world
                .store
                .pause_campaign_by_rule(world.organization, instance, hand.campaign, "too many fail")
                .await
        }))
        .await;
    assert!(paused);
    assert_eq!(world.counts().await.attempts, 0, "the claim saw the pause");
    world.assert_invariants().await;
}

#[tokio::test]
async fn people_who_are_let_go_do_not_wait_behind_the_claims_that_come_after() {
    let hand = Hand::with(Camp::of(2)).await;
    let world = &hand.world;
    for statement in [
        "update campaigns set conduct = '{\"rollout\": {\"stages\": [50, 100]}}'",
        "update campaign_recipients set due_at = not_let_go()",
        "select open_rollout(organization_id, id, clock_timestamp()) from campaigns",
        "update campaign_rollouts set target = people",
    ] {
        world.execute(statement).await;
    }
    let released = "select released from campaign_rollouts";
    assert_eq!(world.value::<i64>(released).await, 1, "the first stage");
    let left = hand
        .stands_in_line(patient(async || {
            world.store.let_go(world.organization, hand.campaign, None, 10).await
        }))
        .await;
    assert_eq!((left, world.value::<i64>(released).await), (0, 2));
    hand.claimed(0).await;
    hand.nobody_is_due(0, &[]).await;
    world.assert_invariants().await;
}

#[tokio::test]
async fn campaign_whose_people_are_queued_again_at_that_moment_is_not_completed() {
    let hand = Hand::with(Camp::of(1)).await;
    let (world, instance) = (&hand.world, hand.claimers[0].instance);
    let attempt = hand.claimed(0).await;
    hand.record(refused(attempt, &Next::Fail)).await;
    // They are queued, and it is not committed yet.
    let gate = hand.gate("before update on campaign_recipients for each row").await;
    let actor = Actor::operator("ana");
    let retried = patient(async || {
        let (scope, why) = (RetryScope::Failed, Some("a test"));
        world.store.retry_recipients(world.organization, hand.campaign, scope, None, false, why, actor).await
    });
    let ended = async {
        world.until_waiting(1).await;
        patient(async || world.store.run_lifecycle(world.organization, instance, None).await).await
    };
    let (retried, ended, ()) = tokio::join!(retried, ended, async {
        world.until_waiting(2).await;
        gate.commit().await.unwrap();
    });
    assert_eq!(retried.get("retry"), Some(&1), "{retried:?}");
    assert!(!ended, "somebody is open again");
    assert_eq!(world.value::<String>("select state::text from campaigns").await, "active");
    patient(async || world.store.end_stranded(world.organization).await).await;
    hand.claimed(0).await;
    world.assert_invariants().await;
}

#[tokio::test]
async fn evidence_that_comes_twice_at_once_is_no_duplicate() {
    let hand = Hand::with(Camp::of(1)).await;
    let (world, organization) = (&hand.world, hand.world.organization);
    let attempt = hand.claimed(0).await;
    hand.record(came_to(attempt, "not_sent", &Next::Retry(NOW))).await;
    let held = hand.people_held().await;
    let evidence = [accepted(attempt)];
    let (one, other) = (Store::new(&world.database), Store::new(&world.database));
    let (first, second, ()) = tokio::join!(
        patient(async || one.record_outcomes(organization, &evidence, None).await),
        patient(async || other.record_outcomes(organization, &evidence, None).await),
        async {
            world.until_waiting(2).await;
            held.commit().await.unwrap();
        }
    );
    assert_eq!((first, second), (Vec::new(), Vec::new()), "both say what is so");
    hand.person_is("accepted", None, 1, "once").await;
    assert_eq!(hand.contradicted().await, 0, "nobody got it twice");
    let said: i64 = world.value("select count(*) from audit_log where action = 'duplicate'").await;
    assert_eq!(said, 0);
    world.assert_invariants().await;
}

#[tokio::test]
async fn doubt_that_is_settled_by_hand_and_by_evidence_at_once_is_settled_once() {
    for verdict in [Verdict::Sent, Verdict::NotSent, Verdict::Resend] {
        for evidence_is_first in [true, false] {
            let hand = Hand::with(Camp::of(1)).await;
            let world = &hand.world;
            let attempt = hand.claimed(0).await;
            hand.record(came_to(attempt, "in_doubt", &Next::Doubt)).await;
            let held = hand.people_held().await;
            let second = || world.until_waiting(1);
            let told = async {
                if !evidence_is_first {
                    second().await;
                }
                hand.record(accepted(attempt)).await
            };
            let settled = async {
                if evidence_is_first {
                    second().await;
                }
                hand.act(Action::ResolveAttempt { attempt, verdict }).await
            };
            let (told, settled, ()) = tokio::join!(told, settled, async {
                world.until_waiting(2).await;
                held.commit().await.unwrap();
            });
            assert!(told.iter().all(|late| !late.contradicted), "{verdict:?}: {told:?}");
            let is_done = matches!(settled, ActionResult::Done { .. });
            assert_eq!(is_done, !evidence_is_first, "{verdict:?}: {settled:?}");
            hand.person_is("accepted", None, 1, "it was taken").await;
            assert_eq!(hand.contradicted().await, 0);
            world.assert_invariants().await;
        }
    }
}

/// All backends add to one shard of the sums, as two of sixteen may.
async fn one_shard(world: &World) {
    let all = "select count(*) from pg_proc where prosrc like '%pg_backend_pid() \\% 16%'";
    assert_eq!(world.value::<i64>(all).await, 2, "the shard is chosen there");
    world
        .execute(
            "do $$ declare f regprocedure; begin
                 for f in select oid from pg_proc where prosrc like '%pg_backend_pid() \\% 16%' loop
                     execute replace(pg_get_functiondef(f), 'pg_backend_pid() % 16', '0');
                 end loop; end $$",
        )
        .await;
    assert_eq!(world.value::<i64>(all).await, 0);
}

#[tokio::test]
async fn claim_and_outcomes_of_an_organisation_without_a_limit_do_not_wait_in_a_circle() {
    let hand = Hand::of(Made::default(), Camp::of(2), 2).await;
    let world = &hand.world;
    let other = world.campaign(Camp::of(1)).await;
    one_shard(world).await;
    let refusal = hand.claim_of(other, 0, &[]).await.messages[0].attempt;
    let taken = hand.claimed(0).await;
    let outcomes = [refused(refusal, &Next::Fail), accepted(taken)];
    // The claim has marked its people, whose sums it holds, and is about to charge the organisation.
    let gate = hand.gate("before insert on quota_usage for each row when (new.scope = 'organization')").await;
    let recorded = async {
        world.until_waiting(1).await;
        patient(async || world.store.record_outcomes(world.organization, &outcomes, None).await).await
    };
    let (_, late, ()) = tokio::join!(hand.claimed(1), recorded, async {
        world.until_waiting(2).await;
        gate.commit().await.unwrap();
    });
    assert_eq!(late, []);
    let counts = world.counts().await;
    assert_eq!((counts.accepted, counts.sending, counts.failed), (1, 1, 1));
    world.assert_invariants().await;
}

#[tokio::test]
async fn opt_out_that_a_provider_told_is_heeded_though_its_sender_ended() {
    let hand = Hand::with(Camp::of(1)).await;
    let world = &hand.world;
    let other = world.campaign(Camp::of(1)).await;
    sqlx::query(
        "update campaign_recipients set phone = (select phone from campaign_recipients where campaign_id = $1)
          where campaign_id = $2",
    )
    .bind(hand.campaign.0)
    .bind(other.0)
    .execute(&world.pool)
    .await
    .unwrap();
    hand.contacts().await;
    let attempt = hand.claimed(0).await;
    // Whoever recorded this did nothing more.
    hand.record(refused_for(attempt, Class::OptedOut, "131050", &Next::Fail)).await;
    let mut heeding = hand.begin().await;
    sqlx::query("select end_stranded($1)").bind(world.organization.0).execute(&mut *heeding).await.unwrap();
    // Another campaign's turn comes before that is committed: it has the person before the opt-out, or not at all.
    hand.during(heeding, hand.claim_of(other, 0, &[])).await;
    world.assert_invariants().await;
    let known: (String, String) =
        sqlx::query_as("select source, reason from suppressions").fetch_one(&world.pool).await.unwrap();
    assert_eq!(known.0, "provider");
    assert!(known.1.contains("131050"), "{known:?}");
    let consent: (Option<bool>, Option<String>, bool) = sqlx::query_as(
        "select c.consent, c.consent_method, c.consent_at = s.since from contacts c join suppressions s using (phone)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(consent, (Some(false), Some("provider".to_owned()), true), "the contact says so too");
    let decided: Vec<String> = sqlx::query_scalar("select actor from audit_log where action = 'opt out'")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(decided, ["sender"], "who, once");
    let later = hand.claim_of(other, 0, &[]).await;
    assert!(later.messages.is_empty(), "{later:?}");
}
