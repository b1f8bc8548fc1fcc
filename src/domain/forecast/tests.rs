use super::*;
use crate::domain::day::start_of_day;
use crate::domain::seeded::Seeded;
use crate::domain::window::{EVERY_DAY, Hours};
use chrono::Days;
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

mod clocks;
mod mornings;
mod staying;

const DOUALA: Tz = chrono_tz::Africa::Douala;
const UNPACED: Pacing = Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 1 };

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn number(place: u128, limit: Option<u32>) -> Number {
    Number {
        id: NumberId(Uuid::from_u128(place)),
        priority: 10,
        cap: Cap { limit, used_today: 0 },
        pacing: UNPACED,
        warm_up: Vec::new(),
        next_slot: None,
        last_sent: None,
        opens: Opens::Now,
        account: None,
        label: None,
    }
}

fn campaign(place: u128, people: u64) -> Campaign {
    Campaign {
        id: CampaignId(Uuid::from_u128(place)),
        priority: 10,
        weight: 1,
        cap: Cap::default(),
        pool: 0,
        opens: Opens::Now,
        calendar: Calendar::default(),
        work: vec![Work { step: 0, due: None, people, zone: None, bound: None }],
        delays: vec![TimeDelta::zero()],
        used: Vec::new(),
        standing: false,
        is_test: false,
        rollout: None,
        only: None,
        failover: Failover::Pool,
        expiry: Expiry::default(),
    }
}

/// All numbers in one pool.
fn world(now: &str, numbers: Vec<Number>, campaigns: Vec<Campaign>) -> World {
    let pool = Pool {
        strategy: Strategy::Priority,
        sticky: false,
        numbers: (0..numbers.len()).collect(),
        weights: Vec::new(),
    };
    World {
        zone: DOUALA,
        now: at(now),
        cap: Cap::default(),
        numbers,
        pools: vec![pool],
        campaigns,
        default: None,
        accounts: Vec::new(),
        simultaneous: false,
    }
}

fn totals(forecast: &Forecast) -> Vec<u64> {
    forecast.days.iter().map(Day::total).collect()
}

#[test]
fn ten_thousand_people_at_250_a_day_from_1_june_are_done_on_10_july() {
    let world = world("2025-06-01T08:00:00Z", vec![number(1, Some(250))], vec![campaign(1, 10_000)]);
    let forecast = Forecast::of(&world, 365);
    assert_eq!(totals(&forecast), vec![250; 40]);
    assert_eq!(forecast.days[39].date, date("2025-07-10"));
    // A day opens at midnight in Douala, an hour ahead of UTC.
    assert_eq!(forecast.finish, [Some(at("2025-07-09T23:00:00Z"))]);
    assert_eq!(forecast.binding(0), Some((Bound::NumberCap, date("2025-06-01"))));
    assert_eq!(forecast.days[39].bounds, [None]);
}

#[test]
fn two_campaigns_of_5000_and_3000_have_125_a_day_each_until_one_is_done() {
    let campaigns = vec![campaign(1, 5_000), campaign(2, 3_000)];
    let world = world("2025-06-01T08:00:00Z", vec![number(1, Some(250))], campaigns);
    let forecast = Forecast::of(&world, 365);
    let of = |campaign| forecast.days.iter().map(|day| day.of_campaign(campaign)).collect::<Vec<_>>();
    assert_eq!(of(0), [vec![125; 24], vec![250; 8]].concat());
    assert_eq!(of(1), [vec![125; 24], vec![0; 8]].concat());
    assert_eq!(
        forecast.finish[1].map(|finish| crate::domain::day::local_date(finish, DOUALA)),
        Some(date("2025-06-24"))
    );
}

#[test]
fn hours_and_business_days_are_waited_for() {
    // Friday, 16:00 in Douala; a message every two minutes is 30 an hour.
    let mut paced = number(1, None);
    paced.pacing = Pacing { interval: Duration::from_mins(2), per_second: 0, in_flight: 1 };
    let mut scene = world("2026-05-08T15:00:00Z", vec![paced], vec![campaign(1, 200)]);
    scene.campaigns[0].calendar = Calendar {
        organization: Some(Hours::new(8 * 60, 18 * 60, 0b1_1111).unwrap()),
        zone: DOUALA,
        window: Some("10:00-20:00".parse().unwrap()),
        zones: Vec::new(),
    };
    let forecast = Forecast::of(&scene, 365);
    // Two hours on Friday, nothing at the weekend, from ten on Monday; with its jitter a message takes 133 seconds.
    assert_eq!(totals(&forecast), [54, 0, 0, 146]);
    assert_eq!(forecast.days[1].bounds, [Some(Bound::QuietHours)]);
    let finish = forecast.finish[0].unwrap();
    assert!(finish > at("2026-05-11T14:00:00Z") && finish < at("2026-05-11T14:30:00Z"), "{finish}");
    scene.campaigns[0].calendar.organization = Some(Hours::new(8 * 60, 9 * 60, EVERY_DAY).unwrap());
    assert_eq!(Forecast::of(&scene, 365).finish, [None], "hours that exclude each other never open");
}

#[test]
fn what_was_sent_today_counts_against_the_first_day_only() {
    let mut used = number(1, Some(250));
    used.cap.used_today = 200;
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", vec![used], vec![campaign(1, 600)]), 365);
    assert_eq!(totals(&forecast), [50, 250, 250, 50]);
}

#[test]
fn each_limit_is_named_where_it_binds() {
    type Change = fn(&mut World);
    let table: [(&str, Change, &[u64], Option<Bound>); 7] = [
        ("nothing binds", |_| {}, &[600], None),
        ("the number", |world| world.numbers[0].cap.limit = Some(400), &[400, 200], Some(Bound::NumberCap)),
        (
            "the campaign",
            |world| world.campaigns[0].cap.limit = Some(400),
            &[400, 200],
            Some(Bound::CampaignCap),
        ),
        ("the organisation", |world| world.cap.limit = Some(400), &[400, 200], Some(Bound::OrganizationCap)),
        (
            "spacing: sixteen hours at three minutes with half of the jitter, then whole days",
            |world| world.numbers[0].pacing.interval = Duration::from_secs(160),
            &[300, 300],
            Some(Bound::Paced),
        ),
        ("nobody", |world| world.numbers[0].opens = Opens::Never, &[0, 0], Some(Bound::NoNumber)),
        ("paused", |world| world.campaigns[0].opens = Opens::Never, &[0, 0], Some(Bound::CampaignNotActive)),
    ];
    for (name, change, expected, bound) in table {
        // Fifteen hours of the day are left: at 180 s a message 300 fit.
        let mut world = world("2025-06-01T08:00:00Z", vec![number(1, None)], vec![campaign(1, 600)]);
        change(&mut world);
        let forecast = Forecast::of(&world, 365);
        assert_eq!(totals(&forecast), expected, "{name}");
        assert_eq!(forecast.binding(0).map(|(bound, _)| bound), bound, "{name}");
        let ends = expected.iter().sum::<u64>() == 600;
        assert_eq!(forecast.finish[0].is_some(), ends, "{name}");
    }
}

#[test]
fn a_backup_carries_what_is_left_when_the_first_is_full() {
    let mut backup = number(2, Some(1_000));
    backup.priority = 20;
    let numbers = vec![number(1, Some(100)), backup];
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", numbers, vec![campaign(1, 300)]), 365);
    let flow = |number, messages| Flow { number, campaign: 0, messages };
    assert_eq!(forecast.days[0].flows, [flow(0, 100), flow(1, 200)]);
}

#[test]
fn a_backup_waits_while_the_first_keeps_its_distance() {
    let mut first = number(1, None);
    first.pacing = Pacing { interval: Duration::from_secs(160), per_second: 0, in_flight: 1 };
    let mut backup = number(2, Some(1_000));
    backup.priority = 20;
    let world = world("2025-06-01T08:00:00Z", vec![first, backup], vec![campaign(1, 400)]);
    let forecast = Forecast::of(&world, 365);
    assert_eq!(totals(&forecast), [300, 100]);
    assert!(forecast.days.iter().flat_map(|day| &day.flows).all(|flow| flow.number == 0));
}

#[test]
fn a_number_that_comes_back_sends_from_then_on() {
    let mut suspended = number(1, Some(100));
    suspended.opens = Opens::At(at("2025-06-03T12:00:00Z"));
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", vec![suspended], vec![campaign(1, 150)]), 365);
    assert_eq!(totals(&forecast), [0, 0, 100, 50]);
    assert_eq!(forecast.binding(0), Some((Bound::NoNumber, date("2025-06-01"))));
}

#[test]
fn later_steps_follow_those_before_them() {
    let mut drip = campaign(1, 200);
    drip.delays = vec![TimeDelta::zero(), TimeDelta::days(1), TimeDelta::days(3)];
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", vec![number(1, Some(150))], vec![drip]), 365);
    // In Douala: on the first at nine 150 get the first step. On the second the other 50 do, at midnight, and at nine the
    // second step of the 150 is due, of which 100 fit. On the third 50 of these are left, and the second step of the other
    // 50 is due at midnight. Three days after that each has the third step.
    assert_eq!(totals(&forecast), [150, 150, 100, 0, 100, 100]);
    assert_eq!(forecast.days[0].bounds, [Some(Bound::NumberCap)]);
    assert_eq!(forecast.days[3].bounds, [Some(Bound::NotDue)]);
    assert_eq!(forecast.finish, [Some(at("2025-06-05T23:00:00Z"))]);
}

#[test]
fn an_hour_less_sends_an_hour_less() {
    // The clocks of Paris go forward on 29 March 2026.
    let mut paced = number(1, None);
    paced.pacing = Pacing { interval: Duration::from_secs(160), per_second: 0, in_flight: 1 };
    let mut world = world("2026-03-27T23:00:00Z", vec![paced], vec![campaign(1, 1_500)]);
    world.zone = chrono_tz::Europe::Paris;
    let hours = |hours: u64| hours * 3_600 / 180;
    assert_eq!(totals(&Forecast::of(&world, 3)), [hours(24), hours(23), hours(24)]);
}

/// Sends one message after the other, each number in its turn. Slow, and plain.
struct Model<'a> {
    world: &'a World,
    people: Vec<u64>,
    numbers: Vec<u64>,
    campaigns: Vec<u64>,
    organization: u64,
    /// By number, then campaign.
    used: Vec<Vec<u32>>,
    rounds: &'a mut Rounds,
}

/// Who is asked first, round for round: in a pool that goes by use who used least, and of these who sent longest ago.
#[derive(Default)]
struct Rounds {
    count: u64,
    last: HashMap<usize, u64>,
}

impl Rounds {
    fn in_order(&self, world: &World, mut numbers: Vec<usize>, used: impl Fn(usize) -> u32) -> Vec<usize> {
        if world.pools[0].strategy == Strategy::LeastUsed {
            numbers.sort_by_key(|number| {
                let limit = u64::from(world.numbers[*number].cap.limit.unwrap_or(u32::MAX).max(1));
                let used = u64::from(used(*number));
                (used * 1_000_000 / limit, used, self.last.get(number).copied())
            });
        }
        numbers
    }

    fn sent(&mut self, numbers: impl Iterator<Item = usize>) {
        self.count += 1;
        self.last.extend(numbers.map(|number| (number, self.count)));
    }
}

impl Model<'_> {
    fn day(world: &World, people: &mut [u64], first: bool, rounds: &mut Rounds) -> u64 {
        let mut model = Model {
            world,
            people: people.to_vec(),
            numbers: world.numbers.iter().map(|number| number.cap.left(first)).collect(),
            campaigns: world.campaigns.iter().map(|campaign| campaign.cap.left(first)).collect(),
            organization: world.cap.left(first),
            used: vec![vec![0; world.campaigns.len()]; world.numbers.len()],
            rounds,
        };
        let mut sum = 0;
        loop {
            let before = |number: usize| if first { world.numbers[number].cap.used_today } else { 0 };
            let used = |number: usize| before(number) + model.used[number].iter().sum::<u32>();
            let serving = model.rounds.in_order(world, model.serving(), used);
            let sent: Vec<usize> = serving.into_iter().filter(|number| model.send_one(*number)).collect();
            if sent.is_empty() {
                break;
            }
            sum += u64::try_from(sent.len()).unwrap();
            model.rounds.sent(sent.into_iter());
        }
        people.copy_from_slice(&model.people);
        sum
    }

    /// The numbers with room; under *priority* those of the best priority among them.
    fn serving(&self) -> Vec<usize> {
        let with_room = || (0..self.numbers.len()).filter(|number| self.numbers[*number] > 0);
        let priority = |number: usize| self.world.numbers[number].priority;
        let best = with_room().map(priority).min();
        let all = self.world.pools[0].strategy != Strategy::Priority;
        with_room().filter(|number| all || Some(priority(*number)) == best).collect()
    }

    fn send_one(&mut self, number: usize) -> bool {
        let candidate = |(place, campaign): (usize, &Campaign)| crate::domain::sharing::Candidate {
            campaign: campaign.id,
            priority: campaign.priority,
            weight: campaign.weight,
            used_today: self.used[number][place],
            queued: u32::try_from(self.people[place]).unwrap(),
            campaign_remaining: Some(u32::try_from(self.campaigns[place]).unwrap_or(u32::MAX)),
        };
        let candidates: Vec<_> = self.world.campaigns.iter().enumerate().map(candidate).collect();
        let most = u32::from(self.organization > 0 && self.numbers[number] > 0);
        let limit = self.world.numbers[number].cap.limit;
        let Some((id, _)) = crate::domain::sharing::share(most, limit, &candidates).first().copied() else {
            return false;
        };
        let campaign = self.world.campaigns.iter().position(|campaign| campaign.id == id).unwrap();
        self.people[campaign] -= 1;
        self.campaigns[campaign] -= 1;
        self.numbers[number] -= 1;
        self.organization -= 1;
        self.used[number][campaign] += 1;
        true
    }
}

fn random_world(seeded: &mut Seeded) -> World {
    let numbers: Vec<Number> = (0..=seeded.below(4))
        .zip(1..)
        .map(|(_, place)| {
            let limit = 1 + seeded.below_u32(40);
            let mut number = number(place, Some(limit));
            number.priority = seeded.pick(&[10, 10, 20]);
            number.cap.used_today = seeded.below_u32(limit + 1);
            number
        })
        .collect();
    let campaigns: Vec<Campaign> = (0..=seeded.below(4))
        .zip(1..)
        .map(|(_, place)| {
            let mut campaign = campaign(place, 1 + seeded.next() % 200);
            campaign.priority = seeded.pick(&[5, 10, 10]);
            campaign.weight = 1 + seeded.below_u32(3);
            campaign.cap.limit = seeded.once_in(3).then(|| 1 + seeded.below_u32(30));
            campaign
        })
        .collect();
    let mut world = world("2025-06-01T08:00:00Z", numbers, campaigns);
    world.cap.limit = seeded.once_in(3).then(|| 1 + seeded.below_u32(60));
    world.pools[0].strategy = seeded.pick(&[Strategy::Priority, Strategy::LeastUsed]);
    world
}

#[test]
fn day_for_day_as_much_goes_out_as_message_by_message_in_a_thousand_worlds() {
    for seed in 0..1_000 {
        let world = random_world(&mut Seeded::new(seed));
        let forecast = Forecast::of(&world, 2_000);
        let mut people: Vec<u64> = world.campaigns.iter().map(|campaign| campaign.work[0].people).collect();
        let (mut expected, mut rounds) = (Vec::new(), Rounds::default());
        while people.iter().sum::<u64>() > 0 {
            expected.push(Model::day(&world, &mut people, expected.is_empty(), &mut rounds));
        }
        assert_eq!(totals(&forecast), expected, "seed {seed}: {world:#?}");
        check_limits(&world, &forecast, seed);
    }
}

fn check_limits(world: &World, forecast: &Forecast, seed: u64) {
    for (nth, day) in forecast.days.iter().enumerate() {
        for (place, number) in world.numbers.iter().enumerate() {
            let sent: u64 =
                day.flows.iter().filter(|flow| flow.number == place).map(|flow| flow.messages).sum();
            assert!(sent <= number.cap.left(nth == 0), "seed {seed}, day {nth}, number {place}");
        }
        for (place, campaign) in world.campaigns.iter().enumerate() {
            assert!(
                day.of_campaign(place) <= campaign.cap.left(nth == 0),
                "seed {seed}, day {nth}, campaign {place}"
            );
        }
        assert!(day.total() <= world.cap.left(nth == 0), "seed {seed}, day {nth}");
    }
    for (place, campaign) in world.campaigns.iter().enumerate() {
        let sent: u64 = forecast.days.iter().map(|day| day.of_campaign(place)).sum();
        assert_eq!(sent, campaign.work[0].people, "seed {seed}, campaign {place}");
        let last = forecast.days.iter().rev().find(|day| day.of_campaign(place) > 0).map(|day| day.date);
        let begin = last.map(|date| start_of_day(date, world.zone).max(world.now));
        assert_eq!(forecast.finish[place], begin, "seed {seed}, campaign {place}");
    }
}

#[test]
fn what_never_moves_ends_the_walk() {
    let mut world = world("2025-06-01T08:00:00Z", vec![number(1, Some(0))], vec![campaign(1, 10)]);
    let forecast = Forecast::of(&world, FARTHEST_DAYS);
    assert!(forecast.days.len() <= 3, "{}", forecast.days.len());
    assert_eq!(forecast.finish, [None]);
    // One that starts in a year is waited for.
    world.numbers[0].cap.limit = None;
    world.campaigns[0].opens = Opens::At(world.now + Days::new(365));
    assert_eq!(Forecast::of(&world, FARTHEST_DAYS).finish, [Some(world.now + Days::new(365))]);
}

#[test]
fn a_number_that_warms_up_sends_more_each_day_until_its_own_limit_holds() {
    let mut world = world("2025-06-01T08:00:00Z", vec![number(1, Some(100))], vec![campaign(1, 400)]);
    world.numbers[0].warm_up = vec![20, 50, 200];
    assert_eq!(totals(&Forecast::of(&world, 365)), [20, 50, 100, 100, 100, 30]);
    world.numbers[0].cap = Cap { limit: None, used_today: 5 };
    assert_eq!(totals(&Forecast::of(&world, 365)), [15, 50, 200, 135]);
}
