//! Evidence that comes late: what is known to have arrived never goes out again, and who left gets nothing more.

use crate::{
    hand::{Hand, NOW, accepted, came_to, refused},
    world::seed::Camp,
};
use signalbox::{
    domain::{action::Action, delivery::Delivery, ids::AttemptId, outcome::Class},
    store::{
        action::{ActionResult, Actor},
        attempt::Next,
        campaign_edit::RetryScope,
        skipped::TakeBack,
    },
};
use std::time::Duration;

const LATER: Duration = Duration::from_secs(60);

fn not_now() -> Class {
    Class::Transient(LATER)
}

#[tokio::test]
async fn delivered_after_all_ends_whatever_became_of_later_tries() {
    for later in ["queued", "failed", "excluded"] {
        let hand = Hand::with(Camp::of(1)).await;
        let first = hand.claimed(0).await;
        hand.record(accepted(first)).await;
        hand.reported(first, Delivery::Failed, Some((not_now(), Next::Retry(NOW)))).await;
        hand.person_is("queued", Some("131000"), 1, "it is tried again").await;
        let second = hand.claimed(0).await;
        let next = if later == "failed" { Next::Fail } else { Next::Retry(NOW) };
        hand.record(refused(second, &next)).await;
        if later == "excluded" {
            hand.world.order(Action::ExcludeRecipient(hand.recipient().await)).await;
        }
        hand.reported(first, Delivery::Delivered, None).await;
        hand.person_is("delivered", None, 1, later).await;
        hand.nobody_is_due(0, &[]).await;
        hand.world.assert_invariants().await;
    }
}

/// A message that was taken, which is known only since a second try of it was on the wire; that one came to nothing.
async fn taken_before(camp: Camp, next: &Next) -> (Hand, AttemptId) {
    let hand = Hand::with(camp).await;
    let first = hand.claimed(0).await;
    hand.record(came_to(first, "in_doubt", &Next::Doubt)).await;
    hand.record(came_to(first, "not_sent", &Next::Retry(NOW))).await;
    let second = hand.claimed(0).await;
    let late = hand.record(accepted(first)).await;
    assert!(late.len() == 1 && late[0].attempt == first && late[0].contradicted, "{late:?}");
    hand.record(refused(second, next)).await;
    (hand, first)
}

#[tokio::test]
async fn message_that_was_taken_before_is_not_queued_again() {
    for next in [Next::Retry(NOW), Next::Switch, Next::Keep(NOW)] {
        let (hand, first) = taken_before(Camp::of(1), &next).await;
        hand.person_is("accepted", None, 1, "by the first").await;
        hand.nobody_is_due(0, &[]).await;
        let late = hand.record(accepted(first)).await;
        assert_eq!(late, [], "evidence that comes twice says nothing new");
        hand.world.assert_invariants().await;

        let (hand, _) = taken_before(Camp::of(1).steps(&[0, 0]), &next).await;
        hand.person_is("queued", None, 2, "the next step is due").await;
        hand.claimed(0).await;
        hand.world.assert_invariants().await;
    }
}

/// The ways in which an operator lets somebody be written to again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Door {
    One,
    All,
    TakenBack,
}

impl Door {
    const EVERY: [Self; 3] = [Self::One, Self::All, Self::TakenBack];

    /// What becomes of the recipient before.
    fn end(self) -> Next {
        if self == Self::TakenBack { Next::Skip } else { Next::Fail }
    }

    /// Opens it; answers what is said.
    async fn open(self, hand: &Hand) -> String {
        let (store, organization) = (&hand.world.store, hand.world.organization);
        match self {
            Self::One => match hand.act(Action::RetryRecipient(hand.recipient().await)).await {
                ActionResult::Refused(why) => why.to_string(),
                done => format!("{done:?}"),
            },
            Self::All => {
                let retried = store
                    .retry_recipients(
                        organization,
                        hand.campaign,
                        RetryScope::Failed,
                        None,
                        false,
                        Some("a test"),
                        Actor::operator("ana"),
                    )
                    .await;
                format!("{:?}", retried.unwrap())
            }
            Self::TakenBack => {
                hand.contacts().await;
                let terms = store
                    .terms_of_campaign(organization, hand.campaign, serde_json::json!({}))
                    .await
                    .unwrap();
                let whom = TakeBack { reason: None, phone: None };
                let actor = Actor::operator("ana");
                let done = store
                    .include_again(organization, hand.campaign, whom, &terms, Some("a test"), actor)
                    .await
                    .unwrap();
                format!("{} included, {} kept", done.included, done.kept)
            }
        }
    }
}

#[tokio::test]
async fn no_operator_lets_a_message_go_again_that_was_taken_before() {
    for door in Door::EVERY {
        // Without the evidence it would go out again.
        let hand = Hand::with(Camp::of(1)).await;
        let attempt = hand.claimed(0).await;
        hand.record(refused(attempt, &door.end())).await;
        let said = door.open(&hand).await;
        assert_eq!(hand.person().await.0, "queued", "{door:?}: {said}");
        hand.claimed(0).await;

        let (hand, _) = taken_before(Camp::of(1), &door.end()).await;
        let said = door.open(&hand).await;
        let answer = match door {
            Door::One => "is accepted or in doubt; the same message is never sent twice",
            Door::All => "{\"accepted_or_in_doubt\": 1}",
            Door::TakenBack => "0 included, 1 kept",
        };
        assert!(said.ends_with(answer), "{door:?}: {said}");
        hand.nobody_is_due(0, &[]).await;
        hand.world.assert_invariants().await;
    }
}

/// How somebody is taken out of a campaign, and the reason that stands there then.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Excluded,
    Replied,
    Attribute,
}

impl Exit {
    const EVERY: [Self; 3] = [Self::Excluded, Self::Replied, Self::Attribute];

    fn reason(self) -> &'static str {
        match self {
            Self::Excluded => "excluded_by_operator",
            Self::Replied => "replied",
            Self::Attribute => "attribute: paid=yes",
        }
    }

    async fn leave(self, hand: &Hand) {
        let world = &hand.world;
        match self {
            Self::Excluded => world.order(Action::ExcludeRecipient(hand.recipient().await)).await,
            Self::Replied => {
                world.execute("update campaigns set conduct = '{\"exit\": {\"on_reply\": true}}'").await;
                world
                    .execute(
                        "select leave_on_reply(organization_id, phone, campaign_id) from campaign_recipients",
                    )
                    .await;
            }
            Self::Attribute => {
                world.execute("update campaigns set conduct = '{\"exit\": {\"attributes\": {\"paid\": [\"yes\"]}}}'").await;
                hand.contacts().await;
                world.execute("update contacts set attributes = '{\"paid\": \"yes\"}'").await;
            }
        }
    }
}

#[tokio::test]
async fn nothing_follows_what_turns_out_to_have_been_sent_to_somebody_who_left() {
    for exit in Exit::EVERY {
        for (steps, state, step) in [(&[0][..], "accepted", 1), (&[0, 0], "skipped", 2)] {
            let when = format!("{exit:?} after the first of {steps:?}");
            let hand = Hand::with(Camp::of(1).steps(steps)).await;
            let attempt = hand.claimed(0).await;
            hand.record(came_to(attempt, "not_sent", &Next::Retry(NOW))).await;
            exit.leave(&hand).await;
            hand.person_is("skipped", Some(exit.reason()), 1, &when).await;
            hand.record(accepted(attempt)).await;
            let reason = (state == "skipped").then_some(exit.reason());
            hand.person_is(state, reason, step, &when).await;
            hand.nobody_is_due(0, &[]).await;
            hand.world.assert_invariants().await;
        }
    }
}

/// Why a message that did not arrive is not tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Over {
    Left,
    OptedOut,
    Cancelled,
    Completed,
}

impl Over {
    const EVERY: [Self; 4] = [Self::Left, Self::OptedOut, Self::Cancelled, Self::Completed];

    fn reason(self) -> &'static str {
        match self {
            Self::Left => "replied",
            Self::OptedOut => "opted_out",
            Self::Cancelled => "campaign_cancelled",
            Self::Completed => "campaign_completed",
        }
    }

    /// What happens once the message is accepted.
    async fn end(self, hand: &Hand) {
        let (world, organization) = (&hand.world, hand.world.organization);
        match self {
            Self::Left => {}
            Self::OptedOut => {
                let phone = world.phone(hand.campaign, 0).await;
                world.store.suppress(organization, &phone, "reply", "STOP").await.unwrap();
            }
            Self::Cancelled => world.order(Action::CancelCampaign(hand.campaign)).await,
            Self::Completed => {
                let completed =
                    world.store.run_lifecycle(organization, hand.claimers[0].instance, None).await;
                assert!(completed.unwrap(), "nobody is open any more");
            }
        }
    }
}

#[tokio::test]
async fn message_that_did_not_arrive_ends_where_nobody_may_try_it_again() {
    for over in Over::EVERY {
        for next in [Next::Retry(NOW), Next::Switch, Next::Keep(LATER)] {
            let when = format!("{over:?}, then {next:?}");
            let hand = Hand::with(Camp::of(1)).await;
            let attempt = hand.claimed(0).await;
            if over == Over::Left {
                Exit::Replied.leave(&hand).await;
            }
            hand.record(accepted(attempt)).await;
            hand.person_is("accepted", None, 1, &when).await;
            over.end(&hand).await;
            let class =
                if next == Next::Switch { Class::NumberSuspended } else { Class::RecipientDeferred(LATER) };
            hand.reported(attempt, Delivery::Failed, Some((class, next))).await;
            hand.person_is("skipped", Some(over.reason()), 1, &when).await;
            hand.world.assert_invariants().await;
        }
    }
}
