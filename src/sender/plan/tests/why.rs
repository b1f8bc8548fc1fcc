//! What `why` answers, case by case; that it agrees with the plan is for the histories to show.

use super::super::why::Message;
use super::*;
use crate::domain::{hold::facts::RecipientFacts, number::Suspension, recipient::RecipientState};

fn codes(holds: &[Hold]) -> Vec<&'static str> {
    holds.iter().map(Hold::code).collect()
}

fn message(state: RecipientState, bound: Option<NumberId>) -> Message<'static> {
    let facts = RecipientFacts {
        state,
        opted_out: false,
        due_at: None,
        tries: 0,
        reason: None,
        in_doubt_since: None,
    };
    Message { facts, bound, zone: None }
}

#[test]
fn a_sender_is_one_itself_and_a_watcher_says_that_there_is_none() {
    let mut scene = snapshot(vec![number(0, 1)], vec![campaign(0, 10, 4)]);
    scene.senders = 0;
    let sender = local(&scene);
    assert_eq!(Roster::of(&scene, &sender, now()).everything, None);
    scene.numbers[0].lease = None;
    let watcher = Local::watching(&scene, HashMap::new());
    let roster = Roster::of(&scene, &watcher, now());
    let holds = roster.number_holds(&scene, &watcher, 0, now());
    assert_eq!(codes(&holds), ["no_sender"], "and not that nobody has the lease too");
    scene.senders = 1;
    let roster = Roster::of(&scene, &watcher, now());
    assert_eq!(codes(&roster.number_holds(&scene, &watcher, 0, now())), ["no_lease"]);
}

#[test]
fn a_number_shows_all_its_closed_gates_and_the_longer_of_two_rests() {
    let mut scene = snapshot(vec![number(0, 1)], vec![campaign(0, 10, 4)]);
    let view = &mut scene.numbers[0];
    view.number.state = NumberState::Limited { until: later(60), reason: "too \u{1b}[31mfast".into() };
    view.number.daily_limit = Some(9);
    view.used_today = 9;
    view.next_send_at = Some(later(5));
    let mut local = local(&scene);
    local.leases.clear();
    local.closed.insert(number_id(0), later(2));
    local.breakers.insert(AccountId(id(4, 0)), OpenBreaker { until: later(20) });
    let roster = Roster::of(&scene, &local, now());
    let holds = roster.number_holds(&scene, &local, 0, now());
    assert_eq!(codes(&holds), ["number_limited", "breaker_open", "no_lease", "cap_reached", "paced"]);
    assert_eq!(holds[1], Hold::BreakerOpen { scope: BreakerScope::Account, until: later(20) });
    let sentence = holds[0].sentence(roster.zone());
    assert!(!sentence.contains('\u{1b}'), "what an operator typed is cleaned: {sentence:?}");
}

#[test]
fn what_is_bound_waits_for_its_number_only() {
    let mut scene = snapshot(vec![number(0, 1), number(1, 2)], vec![campaign(0, 10, 4)]);
    scene.numbers[1].next_send_at = Some(later(90));
    let local = local(&scene);
    let ask = |scene: &Snapshot, bound: usize| {
        let roster = Roster::of(scene, &local, now());
        let message = message(RecipientState::Queued, Some(number_id(bound)));
        codes(&roster.recipient_holds(scene, &local, 0, &message, now()))
    };
    assert_eq!(ask(&scene, 0), [""; 0]);
    assert_eq!(ask(&scene, 1), ["paced"]);
    scene.numbers[1].number.state = NumberState::Disabled;
    assert_eq!(ask(&scene, 1), [""; 0], "another takes it over");
    scene.campaigns[0].failover = Failover::Never;
    assert_eq!(ask(&scene, 1), ["number_disabled", "paced"]);
}

#[test]
fn what_is_on_the_wire_in_doubt_or_done_does_not_wait_for_its_campaign() {
    let mut scene = snapshot(vec![number(0, 1)], vec![campaign(0, 10, 4)]);
    scene.campaigns[0].state = CampaignState::Paused;
    let local = local(&scene);
    let roster = Roster::of(&scene, &local, now());
    for state in RecipientState::ALL {
        let holds = roster.recipient_holds(&scene, &local, 0, &message(state, None), now());
        let expected: &[&str] = match state {
            RecipientState::Queued => &["campaign_paused"],
            RecipientState::InDoubt => &["in_doubt"],
            _ => &[],
        };
        assert_eq!(codes(&holds), expected, "{state}");
    }
}

#[test]
fn a_campaign_without_a_number_in_service_says_what_the_first_to_be_back_waits_for() {
    let mut scene = snapshot(vec![number(0, 1), number(1, 1), number(2, 9)], vec![campaign(0, 10, 100)]);
    let suspended = |until| {
        NumberState::Suspended(Suspension { reason: "quality".into(), since: now(), until, by: "ana".into() })
    };
    scene.pools[0].numbers.truncate(2);
    scene.numbers[0].number.state = suspended(None);
    scene.numbers[1].number.state = suspended(Some(later(60)));
    let holds = |scene: &Snapshot| {
        let local = local(scene);
        Roster::of(scene, &local, now()).campaign_holds(scene, &local, 0, now())
    };
    let binding = holds(&scene);
    assert_eq!(codes(&binding), ["number_suspended"]);
    assert_eq!(binding[0].until(), Some(later(60)));
    // The organisation's default number would stand in, and may be back before them.
    scene.organization.default_number = Some(number_id(2));
    assert!(holds(&scene).is_empty());
    scene.numbers[2].number.state = suspended(Some(later(30)));
    assert_eq!(holds(&scene)[0].until(), Some(later(30)));
    scene.pools[0].numbers.clear();
    scene.organization.default_number = None;
    assert_eq!(codes(&holds(&scene)), ["no_number"]);
}
