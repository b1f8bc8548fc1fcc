//! What a provider refuses because of the person stays with its number: the same refusal would harm every other one too. And
//! what an operator may try again, and what not.

use crate::{
    hand::{Hand, NOW, accepted, refused, refused_for},
    world::{Made, seed::Camp},
};
use signalbox::{
    domain::{action::Action, delivery::Delivery, ids::AttemptId, outcome::Class},
    store::{
        action::{ActionResult, Actor},
        attempt::{Next, OutcomeRecord},
        campaign_edit::RetryScope,
    },
};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);

/// "Kept from them for the health of the network": not now, and not by another number either.
fn because_of_them(attempt: AttemptId, next: &Next) -> OutcomeRecord {
    refused_for(attempt, Class::RecipientDeferred(HOUR), "131049", next)
}

/// Two numbers; the first was refused because of the person, and waits so long.
async fn kept(sticky: bool, wait: Duration) -> Hand {
    let hand = Hand::of(Made::default().sticky(sticky), Camp::of(1), 2).await;
    let attempt = hand.claimed(0).await;
    hand.record(because_of_them(attempt, &Next::Keep(wait))).await;
    hand
}

/// The same, refused for a reason that is the number's own.
async fn bound(wait: Duration) -> Hand {
    let hand = Hand::of(Made::default(), Camp::of(1), 2).await;
    let attempt = hand.claimed(0).await;
    hand.record(refused(attempt, &Next::Retry(wait))).await;
    hand
}

impl Hand {
    /// Whether the person's message stays with its number, and which number it waits for.
    async fn stays_with(&self) -> (bool, Option<Uuid>) {
        sqlx::query_as("select is_kept, bound_number_id from campaign_recipients")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    /// Asserts that the message waits for the first number, and that no other one finds it whatever it takes over.
    async fn is_for_the_first_only(&self, when: &str) {
        assert_eq!(self.stays_with().await, (true, Some(self.number(0).0)), "{when}");
        self.nobody_is_due(1, &[0]).await;
    }

    async fn pause_of_the_first(&self, out: &str) {
        let world = &self.world;
        let number = self.number(0);
        match out {
            "suspended" => world.order(Action::SuspendNumber { number, until: None }).await,
            "resting" => {
                let instance = self.claimers[0].instance;
                let rests = world
                    .store
                    .rest_number(world.organization, instance, number, HOUR, "the provider says so")
                    .await;
                assert!(rests.unwrap());
            }
            "at its cap" => {
                self.limit_of_the_first(Some(1)).await;
                world
                    .execute("update quota_usage set reserved = reserved + 1, elsewhere = elsewhere + 1 where scope = 'number'")
                    .await;
            }
            other => panic!("{other} is no way to be out of service"),
        }
    }

    async fn return_of_the_first(&self, out: &str) {
        if out == "at its cap" {
            self.limit_of_the_first(None).await;
        } else {
            self.world.order(Action::ResumeNumber(self.number(0))).await;
        }
    }

    async fn limit_of_the_first(&self, limit: Option<i32>) {
        sqlx::query("update whatsapp_numbers set daily_limit = $2 where id = $1")
            .bind(self.number(0).0)
            .bind(limit)
            .execute(&self.world.pool)
            .await
            .unwrap();
    }

    async fn retry(&self, scope: RetryScope, code: Option<&str>) -> BTreeMap<String, u64> {
        let (world, actor) = (&self.world, Actor::operator("ana"));
        world
            .store
            .retry_recipients(world.organization, self.campaign, scope, code, false, Some("a test"), actor)
            .await
            .unwrap()
    }
}

fn one(verdict: &str) -> BTreeMap<String, u64> {
    BTreeMap::from([(verdict.to_owned(), 1)])
}

#[tokio::test]
async fn no_other_number_tries_what_was_refused_because_of_the_person() {
    for out in ["suspended", "resting", "at its cap"] {
        // What its number was refused for another reason goes on through the other.
        let hand = bound(NOW).await;
        hand.pause_of_the_first(out).await;
        hand.claimed_over(1, &[0]).await;

        let hand = kept(true, NOW).await;
        hand.pause_of_the_first(out).await;
        hand.is_for_the_first_only(out).await;
        let own = hand.claim_of(hand.campaign, 0, &[]).await;
        assert!(own.messages.is_empty() && own.refused.len() == 1, "{out}: {own:?}");
        hand.return_of_the_first(out).await;
        hand.claimed(0).await;
        hand.world.assert_invariants().await;
    }
}

#[tokio::test]
async fn no_chore_and_no_operator_moves_it_to_another_number() {
    for (is_kept, moved) in [(false, 1), (true, 0)] {
        let hand = if is_kept { kept(true, HOUR).await } else { bound(HOUR).await };
        let (world, first) = (&hand.world, hand.number(0));
        let freed = world.store.free_bound(world.organization, hand.campaign, &[first]).await;
        assert_eq!(freed.unwrap(), moved, "by the chore, kept {is_kept}");
        if is_kept {
            hand.is_for_the_first_only("after the chore").await;
            let actor = Actor::operator("ana");
            // Even what it never tried: the word about the person holds for the step.
            world.execute("update campaign_recipients set tries = 0").await;
            let load = world
                .store
                .move_load(world.organization, first, hand.number(1), false, Some("a test"), actor)
                .await;
            assert_eq!(load.unwrap().messages, 0);
            hand.is_for_the_first_only("after the load was moved").await;
        }
        world.assert_invariants().await;
    }
}

#[tokio::test]
async fn it_stays_with_its_number_whatever_the_next_tries_come_to() {
    for sticky in [true, false] {
        for next in [Next::Retry(NOW), Next::Switch, Next::Keep(NOW)] {
            let when = format!("{next:?}, sticky {sticky}");
            let hand = kept(sticky, NOW).await;
            hand.is_for_the_first_only(&when).await;
            let second = hand.claimed(0).await;
            hand.record(refused(second, &next)).await;
            hand.is_for_the_first_only(&when).await;
            // Its time has come.
            hand.world.execute("update campaign_recipients set due_at = clock_timestamp()").await;
            hand.is_for_the_first_only(&when).await;
            let third = hand.claimed(0).await;
            hand.record(accepted(third)).await;
            hand.person_is("accepted", None, 1, &when).await;
            hand.world.assert_invariants().await;
        }
    }
}

#[tokio::test]
async fn a_refusal_that_is_reported_late_keeps_it_too_and_the_next_step_is_free_again() {
    let hand = Hand::of(Made::default().sticky(false), Camp::of(1).steps(&[0, 0]), 2).await;
    let first = hand.claimed(0).await;
    hand.record(because_of_them(first, &Next::Keep(NOW))).await;
    let second = hand.claimed(0).await;
    hand.record(accepted(second)).await;
    hand.person_is("queued", None, 2, "the next step").await;
    assert!(!hand.stays_with().await.0, "a refusal holds for its step");
    let third = hand.claimed_over(1, &[0]).await;
    hand.record(accepted(third)).await;
    let deferred = Class::RecipientDeferred(HOUR);
    hand.reported(third, Delivery::Failed, Some((deferred, Next::Keep(NOW)))).await;
    assert_eq!(hand.stays_with().await, (true, Some(hand.number(1).0)), "by the report");
    hand.nobody_is_due(0, &[1]).await;
    hand.claimed(1).await;
    hand.world.assert_invariants().await;
}

/// How an operator lets somebody be written to again.
async fn open(door: &str, hand: &Hand) {
    match door {
        "one" => hand.world.order(Action::RetryRecipient(hand.recipient().await)).await,
        "all" => assert_eq!(hand.retry(RetryScope::Failed, None).await, one("retry")),
        _ => {
            hand.contacts().await;
            let reason = "excluded_by_operator".to_owned();
            hand.world.order(Action::IncludeAgain { campaign: hand.campaign, reason }).await;
        }
    }
}

#[tokio::test]
async fn an_operators_word_tries_it_through_its_own_number_only() {
    for door in ["one", "all", "taken back"] {
        for is_theirs in [false, true] {
            let hand = Hand::of(Made::default().sticky(false), Camp::of(1), 2).await;
            let refusal = if is_theirs { because_of_them } else { refused };
            let attempt = hand.claimed(0).await;
            if door == "taken back" {
                let next = if is_theirs { Next::Keep(HOUR) } else { Next::Retry(HOUR) };
                hand.record(refusal(attempt, &next)).await;
                hand.world.order(Action::ExcludeRecipient(hand.recipient().await)).await;
            } else {
                hand.record(refusal(attempt, &Next::Fail)).await;
            }
            open(door, &hand).await;
            if is_theirs {
                hand.is_for_the_first_only(door).await;
                hand.claimed(0).await;
            } else {
                assert_eq!(hand.stays_with().await, (false, None), "{door}");
                hand.claimed(1).await;
            }
            hand.world.assert_invariants().await;
        }
    }
}

#[tokio::test]
async fn it_ends_as_failed_when_its_number_leaves_the_pool() {
    for is_kept in [false, true] {
        let hand = if is_kept { kept(true, NOW).await } else { bound(NOW).await };
        let gone = sqlx::query("delete from pool_numbers where number_id = $1")
            .bind(hand.number(0).0)
            .execute(&hand.world.pool)
            .await;
        assert_eq!(gone.unwrap().rows_affected(), 1);
        hand.world.store.end_stranded(hand.world.organization).await.unwrap();
        if is_kept {
            hand.person_is("failed", Some("recipient_deferred: 131049"), 1, "no other number may").await;
            hand.nobody_is_due(1, &[0]).await;
        } else {
            hand.person_is("queued", Some("transient: 131000"), 1, "any number may").await;
            hand.claimed(1).await;
        }
        hand.world.assert_invariants().await;
    }
}

#[tokio::test]
async fn retrying_what_is_pending_leaves_alone_who_is_to_wait_for_their_own_sake() {
    let hand = bound(HOUR).await;
    assert_eq!(hand.retry(RetryScope::Pending, None).await, one("retry"));
    hand.claimed(0).await;

    let hand = kept(true, HOUR).await;
    assert_eq!(hand.retry(RetryScope::Pending, None).await, one("the_provider_asked_to_wait"));
    let waits: bool = hand
        .world
        .value("select due_at > clock_timestamp() + interval '30 minutes' from campaign_recipients")
        .await;
    assert!(waits, "its time stays as it was");
    hand.world.assert_invariants().await;
}

#[tokio::test]
async fn retrying_what_failed_leaves_alone_what_may_have_arrived_unless_its_code_is_named() {
    let hand = Hand::with(Camp::of(1)).await;
    let attempt = hand.claimed(0).await;
    hand.record(accepted(attempt)).await;
    hand.reported(attempt, Delivery::Failed, Some((Class::Unknown, Next::Fail))).await;
    assert_eq!(hand.person().await.0, "failed");
    assert_eq!(hand.retry(RetryScope::Failed, None).await, one("may_have_arrived"));
    assert_eq!(hand.person().await.0, "failed");
    assert_eq!(hand.retry(RetryScope::Failed, Some("131000")).await, one("retry"));
    hand.claimed(0).await;
    hand.world.assert_invariants().await;
}

#[tokio::test]
async fn nobody_tries_again_whoever_has_blocked_the_number() {
    let hand = Hand::with(Camp::of(1)).await;
    let attempt = hand.claimed(0).await;
    hand.record(refused_for(attempt, Class::RecipientBlocked, "130403", &Next::Fail)).await;
    let answer = hand.act(Action::RetryRecipient(hand.recipient().await)).await;
    let sentence = " has blocked the number; another try only harms it";
    assert!(matches!(&answer, ActionResult::Refused(why) if why.ends_with(sentence)), "{answer:?}");
    assert_eq!(hand.retry(RetryScope::Failed, None).await, one("refused_by_the_person"));
    hand.person_is("failed", Some("recipient_blocked: 130403"), 1, "it stays so").await;
    hand.nobody_is_due(0, &[]).await;
    hand.world.assert_invariants().await;
}
