//! Pools that split by weight: plans, played over a day.

use super::*;
use crate::domain::seeded::Seeded;

fn weighted(weights: &[u32]) -> Snapshot {
    let numbers = (0..weights.len()).map(|nth| number(nth, 1)).collect();
    let mut scene = snapshot(numbers, vec![campaign(0, 10, 1_000_000)]);
    scene.pools[0].strategy = Strategy::Weighted;
    scene.pools[0].weights = weights.to_vec();
    scene
}

/// Claims what is planned; answers how much that was.
fn claim(scene: &mut Snapshot, local: &Local, most: u32) -> u32 {
    let mut sum = 0;
    for (place, shares) in planned(scene, local, most) {
        let number = scene.numbers[place].number.id;
        for (at, count, _) in shares {
            let campaign = scene.campaigns[at].id;
            *scene.shares.entry((number, campaign)).or_default() += count;
            sum += count;
        }
    }
    sum
}

fn sent(scene: &Snapshot) -> Vec<u32> {
    let campaign = scene.campaigns[0].id;
    let of = |view: &NumberView| scene.shares.get(&(view.number.id, campaign)).copied().unwrap_or(0);
    scene.numbers.iter().map(of).collect()
}

#[test]
fn equal_paces_send_in_proportion_to_the_weights() {
    let mut scene = weighted(&[6, 3, 1]);
    let all = local(&scene);
    let mut total = 0;
    while total < 10_000 {
        let claimed = claim(&mut scene, &all, 1_000);
        assert!(claimed > 0, "nobody goes on: {:?}", sent(&scene));
        total += claimed;
    }
    let sent = sent(&scene);
    for (sent, fair) in sent.iter().zip([6, 3, 1].map(|weight| total * weight / 10)) {
        assert!(sent.abs_diff(fair) <= total / 20, "{sent} of {fair}");
    }
    assert!(sent[0] > sent[1] && sent[1] > sent[2], "{sent:?}");
}

#[test]
fn one_that_comes_back_catches_up_and_holds_nobody_up() {
    let mut scene = weighted(&[1, 1]);
    let all = local(&scene);
    let away = scene.numbers[1].number.id;
    scene.numbers[1].number.state = NumberState::Disabled;
    for _ in 0..200 {
        claim(&mut scene, &all, 1_000);
    }
    let ahead = sent(&scene)[0];
    assert!(ahead >= 1_000 && sent(&scene)[1] == 0, "{:?}", sent(&scene));
    scene.numbers[1].number.state = NumberState::Active;
    let plan = planned(&scene, &all, 1_000);
    assert_eq!(plan.len(), 2, "both go on: {plan:?}");
    assert_eq!(scene.numbers[plan[1].0].number.id, away);
}

#[test]
fn one_that_is_ahead_says_for_whom_it_waits() {
    let mut scene = weighted(&[1, 1]);
    let (first, second) = (scene.numbers[0].number.id, scene.numbers[1].number.id);
    scene.shares.insert((first, scene.campaigns[0].id), 60);
    // The one that is behind keeps its distance for a minute.
    let mut all = local(&scene);
    all.next_send_at.insert(second, later(60));
    assert_eq!(planned(&scene, &all, 1_000), []);
    let roster = Roster::of(&scene, &all, now());
    let holds = roster.number_holds(&scene, &all, 0, now());
    assert!(matches!(holds.as_slice(), [Hold::NotChosen { .. }]), "{holds:?}");
    let holds = roster.campaign_holds(&scene, &all, 0, now());
    assert!(matches!(holds.as_slice(), [Hold::Paced { .. }]), "{holds:?}");
}

#[test]
fn a_thousand_weighted_pools_never_stand_still_and_keep_their_proportion() {
    for seed in 0..1_000 {
        let mut random = Seeded::new(seed);
        let weights: Vec<u32> = (0..2 + random.below(5)).map(|_| 1 + random.below_u32(9)).collect();
        let mut scene = weighted(&weights);
        let all = local(&scene);
        let mut total = 0;
        for round in 0..120 {
            let claimed = claim(&mut scene, &all, random.pick(&[3, 50, 1_000]));
            assert!(claimed > 0, "seed {seed}, round {round}: nobody goes on: {:?}", sent(&scene));
            total += claimed;
        }
        let sum: u32 = weights.iter().sum();
        for (sent, weight) in sent(&scene).into_iter().zip(&weights) {
            let fair = total * weight / sum;
            let round = (total / 20).max(20);
            assert!(sent.abs_diff(fair) <= round + weight, "seed {seed}: {sent} of {fair}, {weights:?}");
        }
    }
}
