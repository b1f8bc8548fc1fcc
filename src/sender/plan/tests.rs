//! The plan: cases, and below in [`histories`] a model that asks nothing of it: it decides by plain rules who may send and
//! what there is to send, and judges every number's claim by what was left when its turn came.

use super::*;
use crate::domain::{
    campaign::{CampaignState, Failover, terms::Terms},
    consent::Words,
    ids::OrganizationId,
    number::{Number, NumberState, Pacing, ProviderKind, Suspension},
    phone::Phone,
    seeded::Seeded,
    window::{Calendar, EVERY_DAY, Hours, Whose, Window},
};
use crate::store::snapshot::OrganizationView;
use chrono::TimeDelta;
use std::time::Duration;
use uuid::Uuid;

mod histories;
mod weights;
mod why;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

fn id(kind: u128, nth: usize) -> Uuid {
    Uuid::from_u128(kind << 64 | nth as u128)
}

fn number_id(nth: usize) -> NumberId {
    NumberId(id(1, nth))
}

fn campaign_id(nth: usize) -> CampaignId {
    CampaignId(id(2, nth))
}

fn pool_id(nth: usize) -> PoolId {
    PoolId(id(3, nth))
}

const UNLIMITED: Pacing = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 10 };

/// A number that may send ten at once, whose lease is ours in [`local`].
fn number(nth: usize, priority: i32) -> NumberView {
    NumberView {
        number: Number {
            id: number_id(nth),
            account: AccountId(id(4, 0)),
            phone: Phone::parse(&format!("+2376900000{nth:02}")).unwrap(),
            provider: ProviderKind::Meta,
            priority,
            daily_limit: None,
            pacing: UNLIMITED,
            state: NumberState::Active,
        },
        name: format!("number {nth}"),
        instance_id: nth.to_string(),
        account_name: "main".into(),
        used_today: 0,
        own_limit: None,
        rungs: Vec::new(),
        warm_up: None,
        account_room: None,
        slowed: None,
        queue: None,
        quality: None,
        held_back: 0,
        reply_share: 0,
        replies_due: 0,
        next_send_at: None,
        next_reply_at: None,
        last_sent_at: None,
        lease: Some((InstanceId(id(5, 0)), 1)),
        unusable: None,
        revision: 1,
    }
}

/// A running campaign of the first pool with so many queued.
fn campaign(nth: usize, priority: i32, queued: u64) -> CampaignView {
    CampaignView {
        id: campaign_id(nth),
        name: format!("campaign {nth}"),
        priority,
        weight: 1,
        state: CampaignState::Active,
        starts_at: None,
        changed_by: "ana".into(),
        yields_to: None,
        pool: pool_id(0),
        daily_limit: None,
        used_today: 0,
        queued,
        sending: 0,
        failover: Failover::Pool,
        only_number: None,
        terms: Terms::default(),
        next_due: None,
        shapes: Vec::new(),
        revision: 1,
    }
}

fn snapshot(numbers: Vec<NumberView>, campaigns: Vec<CampaignView>) -> Snapshot {
    let pool = PoolView {
        id: pool_id(0),
        name: "default".into(),
        strategy: Strategy::Priority,
        sticky: false,
        numbers: numbers.iter().map(|view| view.number.id).collect(),
        weights: vec![1; numbers.len()],
    };
    Snapshot {
        at: now(),
        day: now().date_naive(),
        organization: OrganizationView {
            id: OrganizationId(id(6, 0)),
            slug: "acme".into(),
            time_zone: "Africa/Douala".into(),
            default_locale: "en".into(),
            daily_limit: None,
            used_today: 0,
            stopped_by: None,
            subscription_ends: None,
            default_number: None,
            rehearsal: false,
            words: Words::default(),
        },
        numbers,
        accounts: Vec::new(),
        pools: vec![pool],
        campaigns,
        shares: HashMap::new(),
        senders: 1,
    }
}

/// With the leases of all numbers.
fn local(snapshot: &Snapshot) -> Local {
    let leases = snapshot.numbers.iter().map(|view| (view.number.id, 1)).collect();
    Local { leases, ..Local::default() }
}

/// A number, and of which campaign how many, and whether only bound ones.
type Claim = (usize, Vec<(usize, u32, bool)>);

/// What is claimed.
fn planned(snapshot: &Snapshot, local: &Local, most: u32) -> Vec<Claim> {
    let plan = Roster::of(snapshot, local, now()).lanes(snapshot, local, now(), most);
    plan.claims.into_iter().map(|claim| (claim.number, claim.shares)).collect()
}

#[test]
fn the_best_priority_takes_part_and_backups_wait() {
    let scene = snapshot(vec![number(0, 1), number(1, 1), number(2, 2)], vec![campaign(0, 10, 100)]);
    let all = local(&scene);
    assert_eq!(planned(&scene, &all, 1_000), [(0, vec![(0, 10, false)]), (1, vec![(0, 10, false)])]);
    let mut spent = scene.clone();
    for view in &mut spent.numbers[..2] {
        view.number.daily_limit = Some(250);
        view.used_today = 250;
    }
    assert_eq!(planned(&spent, &all, 1_000), [(2, vec![(0, 10, false)])]);
}

#[test]
fn no_more_is_asked_for_than_any_day_has_left() {
    let scene = snapshot(vec![number(0, 1), number(1, 1)], vec![campaign(0, 10, 100)]);
    let all = local(&scene);
    let sum = |scene: &Snapshot, most| {
        planned(scene, &all, most).iter().flat_map(|(_, shares)| shares).map(|share| share.1).sum::<u32>()
    };
    let with = |change: fn(&mut Snapshot)| {
        let mut scene = scene.clone();
        change(&mut scene);
        scene
    };
    assert_eq!(sum(&scene, 1_000), 20);
    assert_eq!(sum(&scene, 13), 13);
    let organization = with(|scene| {
        scene.organization.daily_limit = Some(100);
        scene.organization.used_today = 93;
    });
    assert_eq!(sum(&organization, 1_000), 7);
    let campaign = with(|scene| {
        scene.campaigns[0].daily_limit = Some(50);
        scene.campaigns[0].used_today = 38;
    });
    assert_eq!(sum(&campaign, 1_000), 12, "over both numbers together");
    let number = with(|scene| {
        scene.numbers[0].number.daily_limit = Some(250);
        scene.numbers[0].used_today = 247;
    });
    assert_eq!(sum(&number, 1_000), 13);
}

#[test]
fn what_is_bound_to_a_backup_is_asked_for_in_a_free_pool_too() {
    let mut scene = snapshot(vec![number(0, 1), number(1, 2)], vec![campaign(0, 10, 3)]);
    scene.campaigns[0].failover = Failover::Never;
    let mut all = local(&scene);
    all.dry.insert(campaign_id(0), later(60));
    assert_eq!(planned(&scene, &all, 1_000), []);
    scene.campaigns[0].next_due = Some(later(-1));
    let asked = planned(&scene, &all, 1_000);
    assert!(asked.contains(&(1, vec![(0, 3, true)])), "{asked:?}");
    all.bound_dry.insert((number_id(1), campaign_id(0)), later(1));
    let asked = planned(&scene, &all, 1_000);
    assert!(asked.iter().all(|(place, _)| *place == 0), "it had nothing a moment ago: {asked:?}");
}

#[test]
fn scarce_work_goes_to_the_number_that_did_least_where_a_pool_says_so() {
    let mut scene = snapshot(vec![number(0, 1), number(1, 1)], vec![campaign(0, 10, 4)]);
    for (view, used) in scene.numbers.iter_mut().zip([60, 40]) {
        view.number.daily_limit = Some(100);
        view.used_today = used;
    }
    let all = local(&scene);
    assert_eq!(planned(&scene, &all, 1_000), [(0, vec![(0, 4, false)])]);
    scene.pools[0].strategy = Strategy::LeastUsed;
    assert_eq!(planned(&scene, &all, 1_000), [(1, vec![(0, 4, false)])]);
}

#[test]
fn it_says_when_what_waits_may_go_on() {
    let mut scene = snapshot(vec![number(0, 1)], vec![campaign(0, 10, 4)]);
    let all = local(&scene);
    let opens = |scene: &Snapshot, local: &Local| {
        let plan = Roster::of(scene, local, now()).lanes(scene, local, now(), 1_000);
        assert_eq!(plan.wanted(), 0);
        plan.opens
    };
    scene.numbers[0].next_send_at = Some(later(7));
    assert_eq!(opens(&scene, &all), Some(later(7)));
    scene.numbers[0].number.state = NumberState::Limited { until: later(30), reason: "throttled".into() };
    assert_eq!(opens(&scene, &all), Some(later(30)));
    scene.organization.stopped_by = Some("ana".into());
    assert_eq!(opens(&scene, &all), None, "nobody can say");
    scene.organization.stopped_by = None;
    let dry = Local { dry: HashMap::from([(campaign_id(0), later(3))]), ..all };
    assert_eq!(opens(&scene, &dry), Some(later(3)), "then the campaign is asked again");
}

#[test]
fn replies_go_first_and_may_use_what_campaigns_leave_them() {
    let mut scene = snapshot(vec![number(0, 1), number(1, 2)], vec![campaign(0, 10, 50)]);
    let all = local(&scene);
    let asked = |scene: &Snapshot| -> Vec<(usize, u32, u32)> {
        let plan = Roster::of(scene, &all, now()).lanes(scene, &all, now(), 1_000);
        let count = |claim: &NumberLanes| claim.shares.iter().map(|(_, count, _)| count).sum();
        plan.claims.iter().map(|claim| (claim.number, claim.replies, count(claim))).collect()
    };
    scene.numbers[0].replies_due = 3;
    assert_eq!(asked(&scene), [(0, 3, 7)], "of the ten that fit on the wire");
    scene.numbers[0].number.daily_limit = Some(100);
    (scene.numbers[0].used_today, scene.numbers[0].held_back) = (80, 20);
    assert_eq!(asked(&scene), [(0, 3, 0), (1, 0, 10)], "the campaign goes on through the next number");
    scene.numbers[0].used_today = 99;
    assert_eq!(asked(&scene)[0], (0, 1, 0), "the day's limit holds for replies too");
    scene.numbers[0].used_today = 80;
    scene.numbers[0].next_reply_at = Some(later(5));
    assert_eq!(asked(&scene), [(1, 0, 10)], "paced");
    scene.numbers[0].next_reply_at = None;
    scene.numbers[0].next_send_at = Some(later(5));
    (scene.numbers[0].used_today, scene.numbers[0].held_back) = (0, 20);
    assert_eq!(asked(&scene), [(0, 3, 0)], "a slot of their own");
    scene.numbers[0].number.state = NumberState::Disabled;
    assert_eq!(asked(&scene), [(1, 0, 10)]);
}
