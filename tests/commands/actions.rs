//! Every action: done, already so, changed meanwhile or refused; and what the audit log says of it.

use crate::support::acme::{ANA, Acme};
use signalbox::{
    domain::{
        action::{Action, Order, Version},
        ids::{CampaignId, ChannelId, ConversationId, NumberId, PoolId},
        number::Pacing,
    },
    store::{action::ActionResult, attempt::Verdict},
};
use std::time::Duration;

#[tokio::test]
async fn the_second_to_want_the_same_is_told_who_was_first() {
    let acme = Acme::new().await;
    let campaign = acme.running().await;
    let version = acme.done(Action::PauseCampaign(campaign)).await;
    let second = Order::on(Action::PauseCampaign(campaign), Version(version - 1));
    let answer = acme.db.store.act(acme.organization, &second, "bob", None).await.unwrap();
    assert!(matches!(&answer, ActionResult::AlreadySo { by, .. } if by.as_str() == "ana"), "{answer:?}");
    assert_eq!(
        acme.log(campaign.0).await,
        [
            "ana: create campaign (0 enrolled)",
            "ana: launch campaign (a test)",
            "ana: pause campaign (a test)"
        ]
    );
}

#[tokio::test]
async fn an_order_on_an_old_version_changes_nothing() {
    let acme = Acme::new().await;
    let campaign = acme.running().await;
    acme.done(Action::PauseCampaign(campaign)).await;
    let stale = Order::on(Action::CancelCampaign(campaign), Version(1));
    let answer = acme.order(&stale).await;
    assert!(
        matches!(&answer, ActionResult::Changed { to, by, .. } if to.as_str() == "paused" && by.as_str() == "ana"),
        "{answer:?}"
    );

    let number = acme.numbers[0];
    acme.done(Action::SetPriority { number, priority: 3 }).await;
    let answer = acme.order(&Order::on(Action::SuspendNumber { number, until: None }, Version(1))).await;
    assert!(matches!(answer, ActionResult::Changed { .. }), "{answer:?}");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn what_can_be_undone_brings_its_undo() {
    let acme = Acme::new().await;
    let number = acme.numbers[0];
    let pacing = Pacing { interval: Duration::from_secs(5), per_second: 2, in_flight: 3 };
    let campaign = acme.running().await;
    for (action, undo) in [
        (Action::PauseCampaign(campaign), Action::ResumeCampaign(campaign)),
        (Action::SuspendNumber { number, until: None }, Action::ResumeNumber(number)),
        (Action::SetPriority { number, priority: 7 }, Action::SetPriority { number, priority: 10 }),
        (
            Action::SetLimits { number, daily_limit: Some(9), pacing },
            Action::SetLimits {
                number,
                daily_limit: None,
                pacing: Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 100 },
            },
        ),
        (Action::DisableNumber(number), Action::EnableNumber(number)),
        (Action::StopAll, Action::ReleaseStop),
    ] {
        let ActionResult::Done { undo: Some(order), .. } = acme.act(action.clone()).await else {
            panic!("{} was not done with an undo", action.name());
        };
        assert_eq!(order.action, undo);
        let undone = acme.order(&order).await;
        assert!(matches!(undone, ActionResult::Done { .. }), "undo of {}: {undone:?}", action.name());
    }
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_suspended_number_hands_over_and_the_record_says_to_whom() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 2).await;
    acme.done(Action::SuspendNumber { number: acme.numbers[0], until: None }).await;
    let record =
        "select format('%s -> %s, %s, %s in flight, %s', f.phone, t.phone, cause, r.in_flight, ended_by)
                    from failovers r join whatsapp_numbers f on f.id = from_number_id
                    join whatsapp_numbers t on t.id = to_number_id";
    assert_eq!(
        acme.db.value::<String>(record).await,
        "+237690000000 -> +237690000001, operator, 2 in flight, "
    );
    let claimed = acme.claim(0, campaign, 1).await;
    assert_eq!((claimed.messages.len(), claimed.refused[0].1), (0, Verdict::Suspended));
    assert_eq!(acme.claim(1, campaign, 1).await.messages.len(), 1, "the next one goes on");
    acme.done(Action::ResumeNumber(acme.numbers[0])).await;
    assert!(acme.db.value::<String>(record).await.ends_with(", ana"));
    assert_eq!(acme.claim(0, campaign, 1).await.messages.len(), 0, "nobody is left");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn failing_over_by_hand_is_a_suspension_with_a_record() {
    let acme = Acme::new().await;
    acme.done(Action::FailOverNumber(acme.numbers[0])).await;
    let answer = acme.act(Action::FailOverNumber(acme.numbers[0])).await;
    assert!(matches!(answer, ActionResult::AlreadySo { .. }), "{answer:?}");
    assert_eq!(acme.db.value::<i64>("select count(*) from failovers where ended_at is null").await, 1);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_cancelled_campaign_skips_who_waits_and_lets_the_wire_end() {
    let acme = Acme::new().await;
    acme.contacts(5).await;
    let campaign = acme.running().await;
    let sent = acme.claim(0, campaign, 2).await.messages;
    acme.done(Action::CancelCampaign(campaign)).await;
    assert_eq!(acme.states(campaign).await, ["sending", "sending", "skipped", "skipped", "skipped"]);
    acme.settle(sent[0].attempt, "accepted", "advance").await;
    acme.settle(sent[1].attempt, "not_sent", "retry").await;
    assert_eq!(acme.states(campaign).await, ["accepted", "skipped", "skipped", "skipped", "skipped"]);
    assert!(acme.claim(0, campaign, 5).await.messages.is_empty());
    let answer = acme.act(Action::ResumeCampaign(campaign)).await;
    assert!(
        matches!(&answer, ActionResult::Refused(why) if why.contains("is cancelled; it cannot be resumed")),
        "{answer:?}"
    );
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_large_campaign_is_cancelled_piece_by_piece_to_the_last_recipient() {
    let acme = Acme::new().await;
    acme.contacts(10_001).await;
    let campaign = acme.running().await;
    acme.done(Action::CancelCampaign(campaign)).await;
    let stats = acme.db.store.campaign_stats(acme.organization, "hello").await.unwrap().unwrap();
    assert_eq!((stats.queued, stats.skipped, stats.sums_hold), (0, 10_001, true));
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn who_waits_can_be_excluded_and_who_failed_tried_again() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let sent = acme.claim(0, campaign, 2).await.messages;
    let last: uuid::Uuid = acme.db.value("select id from campaign_recipients where state = 'queued'").await;
    acme.done(Action::ExcludeRecipient(last.into())).await;
    let again = acme.act(Action::ExcludeRecipient(last.into())).await;
    assert!(matches!(again, ActionResult::AlreadySo { .. }), "{again:?}");
    let answer = acme.act(Action::ExcludeRecipient(sent[0].recipient)).await;
    assert!(matches!(&answer, ActionResult::Refused(why) if why.contains("on the wire")), "{answer:?}");

    acme.settle(sent[0].attempt, "rejected", "fail").await;
    acme.done(Action::RetryRecipient(sent[0].recipient)).await;
    acme.settle(sent[1].attempt, "accepted", "advance").await;
    let answer = acme.act(Action::RetryRecipient(sent[1].recipient)).await;
    assert!(matches!(&answer, ActionResult::Refused(why) if why.contains("has not failed")), "{answer:?}");
    let again = acme.claim(0, campaign, 5).await.messages;
    assert_eq!(again.iter().map(|message| message.recipient).collect::<Vec<_>>(), [sent[0].recipient]);
    assert_eq!(acme.states(campaign).await, ["sending", "accepted", "skipped"]);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn nothing_is_claimed_while_all_is_stopped() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    acme.done(Action::StopAll).await;
    assert!(acme.claim(0, campaign, 1).await.stopped);
    acme.done(Action::ReleaseStop).await;
    assert_eq!(acme.claim(0, campaign, 1).await.messages.len(), 1);
    acme.db.assert_invariants().await;
}

/// Row 58.
#[tokio::test]
async fn a_lowered_cap_stops_at_once_and_a_raised_one_goes_on_at_once() {
    let acme = Acme::with_numbers(&[Some(4)]).await;
    acme.contacts(10).await;
    let campaign = acme.running().await;
    let number = acme.numbers[0];
    let pacing = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 100 };
    let limit = |limit| Action::SetLimits { number, daily_limit: limit, pacing };
    assert_eq!(acme.claim(0, campaign, 3).await.messages.len(), 3);
    acme.done(limit(Some(2))).await;
    let claimed = acme.claim(0, campaign, 3).await;
    assert_eq!((claimed.messages.len(), claimed.refused[0].1), (0, Verdict::NumberCapReached));
    acme.done(limit(Some(5))).await;
    assert_eq!(
        acme.claim(0, campaign, 9).await.messages.len(),
        2,
        "up to the new cap, counting what was sent"
    );
    acme.done(limit(Some(0))).await;
    assert!(acme.claim(0, campaign, 9).await.messages.is_empty(), "0 sends nothing");
    acme.done(limit(None)).await;
    assert_eq!(acme.claim(0, campaign, 9).await.messages.len(), 5);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_no_rule_refused_it() {
    let acme = Acme::new().await;
    for action in [
        Action::PauseCampaign(CampaignId::new()),
        Action::DisableNumber(NumberId::new()),
        Action::RemoveNumber(NumberId::new()),
        Action::RemovePool(PoolId::new()),
        Action::RemoveChannel(ChannelId::new()),
        Action::EndThread(ConversationId::new()),
    ] {
        let answer = acme.act(action.clone()).await;
        assert!(
            matches!(&answer, ActionResult::Missing(what) if what.contains("there is no such")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_number_of_the_screen_joins_the_default_pool() {
    let acme = Acme::new().await;
    let new = acme.new_number(7, Some(10));
    acme.done(Action::AddNumber(new.clone())).await;
    let answer = acme.act(Action::AddNumber(new)).await;
    assert!(
        matches!(&answer, ActionResult::Refused(why) if why.contains("is a number of the organisation already")),
        "{answer:?}"
    );
    let pools = acme.db.store.pools(acme.organization, Some("default")).await.unwrap();
    assert_eq!(pools[0].numbers.len(), 3);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_reason_is_always_on_record() {
    let acme = Acme::new().await;
    let campaign = acme.campaign(crate::support::acme::HELLO).await;
    let order = Order::whole(Action::StartCampaign(campaign));
    acme.db.store.act(acme.organization, &order, ANA.operator, None).await.unwrap();
    assert_eq!(acme.log(campaign.0).await[1], "ana: launch campaign (no reason given)");
    acme.db.assert_invariants().await;
}
