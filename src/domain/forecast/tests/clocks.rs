//! Accounts that count over 24 hours, people's own clocks, campaigns that yield, and rollouts: message by message against a
//! model that knows none of the forecast's phases.

use super::*;
use crate::domain::day::{local_date, next_day};
use crate::domain::sharing;
use crate::domain::window::{Hours, Whose, Window};

/// Longer than any of these worlds takes.
const MOST_DAYS: u32 = 600;

/// A campaign of the model: whose clock, and how many wait.
struct Waiting {
    clocks: Vec<(Option<Tz>, u64)>,
    stages: Option<Stages>,
    left: u64,
    late: Option<DateTime<Utc>>,
}

struct Hourly<'a> {
    world: &'a World,
    campaigns: Vec<Waiting>,
    numbers: Vec<u64>,
    organization: u64,
    used: Vec<Vec<u32>>,
    reached: Vec<Vec<(DateTime<Utc>, u64)>>,
    rounds: Rounds,
    first: bool,
}

impl<'a> Hourly<'a> {
    fn totals(world: &'a World) -> Vec<u64> {
        let mut model = Self {
            world,
            campaigns: world.campaigns.iter().map(|campaign| Waiting::new(campaign, world.now)).collect(),
            numbers: Vec::new(),
            organization: 0,
            used: Vec::new(),
            reached: world
                .accounts
                .iter()
                .map(|account| account.reached.iter().map(|(at, people)| (*at, u64::from(*people))).collect())
                .collect(),
            rounds: Rounds::default(),
            first: true,
        };
        let mut totals = vec![0];
        let (mut at, mut day) = (world.now, local_date(world.now, world.zone));
        model.morning(true);
        while model.campaigns.iter().any(|campaign| !campaign.is_done()) {
            if local_date(at, world.zone) != day {
                day = local_date(at, world.zone);
                totals.push(0);
                model.morning(false);
            }
            *totals.last_mut().unwrap() += model.moment(at);
            let hour = at + TimeDelta::seconds(3_600 - at.timestamp().rem_euclid(3_600));
            let counts = model.reached.iter().flatten().map(|(until, _)| *until).filter(|until| *until > at);
            at = counts.chain([hour, next_day(at, world.zone)]).min().unwrap();
            assert!(totals.len() < 600, "{world:#?}");
        }
        totals
    }

    fn morning(&mut self, first: bool) {
        self.numbers = self.world.numbers.iter().map(|number| number.cap.left(first)).collect();
        for (waiting, campaign) in self.campaigns.iter_mut().zip(&self.world.campaigns) {
            waiting.left = campaign.cap.left(first);
        }
        self.organization = self.world.cap.left(first);
        self.first = first;
        self.used = vec![vec![0; self.campaigns.len()]; self.numbers.len()];
    }

    /// Everything that goes out at one moment.
    fn moment(&mut self, at: DateTime<Utc>) -> u64 {
        let mut sum = 0;
        loop {
            self.reached.iter_mut().for_each(|reached| reached.retain(|(until, _)| *until > at));
            self.campaigns.iter_mut().for_each(|campaign| campaign.expire(at));
            self.campaigns.iter_mut().for_each(|campaign| campaign.widen(at));
            let before =
                |number: usize| if self.first { self.world.numbers[number].cap.used_today } else { 0 };
            let used = |number: usize| before(number) + self.used[number].iter().sum::<u32>();
            let serving = self.rounds.in_order(self.world, self.serving(), used);
            let sent: Vec<usize> = serving.into_iter().filter(|number| self.send_one(*number, at)).collect();
            if sent.is_empty() {
                return sum;
            }
            sum += u64::try_from(sent.len()).unwrap();
            self.rounds.sent(sent.into_iter());
        }
    }

    fn room(&self, number: usize) -> u64 {
        let account = self.world.numbers[number].account.map_or(u64::MAX, |account| {
            let used: u64 = self.reached[account].iter().map(|(_, people)| people).sum();
            u64::from(self.world.accounts[account].limit).saturating_sub(used)
        });
        self.numbers[number].min(account)
    }

    fn serving(&self) -> Vec<usize> {
        let with_room = || (0..self.numbers.len()).filter(|number| self.room(*number) > 0);
        let priority = |number: usize| self.world.numbers[number].priority;
        let best = with_room().map(priority).min();
        let all = self.world.pools[0].strategy != Strategy::Priority;
        with_room().filter(|number| all || Some(priority(*number)) == best).collect()
    }

    fn yields(&self, place: usize) -> bool {
        let runs = |(other, waiting): (&Campaign, &Waiting)| !other.standing && !waiting.is_done();
        self.world.campaigns[place].standing
            && !self.world.simultaneous
            && self.world.campaigns.iter().zip(&self.campaigns).any(runs)
    }

    fn open(&self, place: usize, zone: Option<Tz>, at: DateTime<Utc>) -> bool {
        let calendar = &self.world.campaigns[place].calendar;
        zone.is_none_or(|zone| calendar.closed_in(zone, at).is_none())
    }

    fn send_one(&mut self, number: usize, at: DateTime<Utc>) -> bool {
        let ready = |place: usize| -> u64 {
            let clocks = self.campaigns[place].clocks.iter();
            clocks.filter(|(zone, _)| self.open(place, *zone, at)).map(|(_, people)| people).sum()
        };
        let candidates: Vec<_> = (0..self.campaigns.len())
            .filter(|place| !self.yields(*place))
            .map(|place| sharing::Candidate {
                campaign: self.world.campaigns[place].id,
                priority: self.world.campaigns[place].priority,
                weight: self.world.campaigns[place].weight,
                used_today: self.used[number][place],
                queued: u32::try_from(ready(place)).unwrap(),
                campaign_remaining: Some(u32::try_from(self.campaigns[place].left).unwrap_or(u32::MAX)),
            })
            .collect();
        let most = u32::from(self.organization > 0 && self.room(number) > 0);
        let limit = self.world.numbers[number].cap.limit;
        let Some((id, _)) = sharing::share(most, limit, &candidates).first().copied() else { return false };
        let place = self.world.campaigns.iter().position(|campaign| campaign.id == id).unwrap();
        let clock = (0..self.campaigns[place].clocks.len())
            .filter(|clock| {
                let (zone, people) = self.campaigns[place].clocks[*clock];
                people > 0 && self.open(place, zone, at)
            })
            .min_by_key(|clock| {
                let window = self.world.campaigns[place].calendar.window;
                let zone = self.campaigns[place].clocks[*clock].0;
                zone.map(|zone| (window.map(|window| window.hours.left_of(at, zone)), zone.name()))
            })
            .unwrap();
        self.campaigns[place].clocks[clock].1 -= 1;
        self.campaigns[place].left -= 1;
        if let Some(stages) = &mut self.campaigns[place].stages {
            stages.needs = stages.needs.saturating_sub(1);
        }
        self.numbers[number] -= 1;
        self.organization -= 1;
        self.used[number][place] += 1;
        if let Some(account) = self.world.numbers[number].account {
            self.reached[account].push((at + Account::WINDOW, 1));
        }
        true
    }
}

impl Waiting {
    fn new(campaign: &Campaign, now: DateTime<Utc>) -> Self {
        let Expiry { at, after, began } = campaign.expiry;
        let began = began.unwrap_or(now);
        let due = campaign.work[0].due.map_or(began, |due| due.max(began));
        Self {
            clocks: campaign.work.iter().map(|work| (work.zone, work.people)).collect(),
            stages: campaign.rollout.clone(),
            left: 0,
            late: at.or(after.map(|after| due + after)),
        }
    }

    fn expire(&mut self, at: DateTime<Utc>) {
        if self.late.is_some_and(|late| late <= at) {
            self.clocks.iter_mut().for_each(|(_, people)| *people = 0);
            self.stages = None;
        }
    }

    fn people(&self) -> u64 {
        self.clocks.iter().map(|(_, people)| people).sum()
    }

    fn is_done(&self) -> bool {
        self.people() == 0 && self.stages.is_none()
    }

    fn widen(&mut self, at: DateTime<Utc>) {
        loop {
            let nobody = self.people() == 0;
            let Some(stages) = &mut self.stages else { return };
            if !(stages.needs == 0 || nobody) || stages.lasts_until.is_none_or(|until| until > at) {
                return;
            }
            let people = stages.people.remove(0);
            stages.needs = stages.after.min(people);
            stages.lasts_until = Some(at + stages.wait);
            if stages.people.is_empty() {
                self.stages = None;
            }
            self.clocks[0].1 += people;
        }
    }
}

fn accounts(world: &mut World, seeded: &mut Seeded) {
    let at = world.now;
    let reached = |seeded: &mut Seeded| {
        let mut reached: Vec<_> = (0..seeded.below(3))
            .map(|_| (at + TimeDelta::hours(1 + i64::from(seeded.below_u32(20))), 1 + seeded.below_u32(9)))
            .collect();
        reached.sort_unstable();
        reached
    };
    world.accounts = (0..=seeded.below(2))
        .map(|_| Account { limit: 20 + seeded.below_u32(30), reached: reached(seeded) })
        .collect();
    for number in &mut world.numbers {
        number.account = (!seeded.once_in(3)).then(|| seeded.below(world.accounts.len()));
    }
}

fn yielding(world: &mut World, seeded: &mut Seeded) {
    world.campaigns.iter_mut().for_each(|campaign| campaign.standing = seeded.once_in(2));
    world.simultaneous = seeded.once_in(5);
}

fn clocks(world: &mut World, seeded: &mut Seeded) {
    for campaign in &mut world.campaigns {
        let from = u16::try_from(seeded.below(24)).unwrap();
        let to = (from + 1 + u16::try_from(seeded.below(22)).unwrap()) % 24;
        let Ok(hours) = Hours::new(from * 60, to * 60, EVERY_DAY) else { continue };
        let zones = [DOUALA, chrono_tz::America::New_York, chrono_tz::Asia::Tokyo];
        let work = |zone| Work {
            step: 0,
            due: Some(world.now),
            people: 1 + seeded.next() % 60,
            zone: Some(zone),
            bound: None,
        };
        campaign.work = zones.into_iter().map(work).collect();
        campaign.calendar = Calendar {
            organization: None,
            zone: DOUALA,
            window: Some(Window { hours, zone: Whose::Recipient }),
            zones: zones.to_vec(),
        };
    }
}

/// One campaign, because which of several goes on in the moment in which a stage opens is nobody's promise.
fn rollouts(world: &mut World, seeded: &mut Seeded) {
    world.campaigns.truncate(1);
    for campaign in &mut world.campaigns {
        let first = campaign.work[0].people;
        campaign.rollout = Some(Stages {
            needs: 1 + seeded.next() % first,
            lasts_until: Some(world.now + TimeDelta::hours(i64::from(seeded.below_u32(40)))),
            people: (0..=seeded.below(2)).map(|_| 1 + seeded.next() % 90).collect(),
            clocks: Vec::new(),
            after: 1 + seeded.next() % 50,
            wait: TimeDelta::hours(i64::from(seeded.below_u32(30))),
        });
    }
}

/// One campaign, because how several divide a number that one of them runs out of is nobody's promise to the message.
fn expiries(world: &mut World, seeded: &mut Seeded) {
    let rolled_out = seeded.once_in(3);
    if rolled_out {
        rollouts(world, seeded);
    } else if seeded.once_in(2) {
        clocks(world, seeded);
    }
    world.campaigns.truncate(1);
    let hours = |seeded: &mut Seeded| TimeDelta::hours(1 + i64::from(seeded.below_u32(90)));
    world.campaigns[0].expiry = if rolled_out || seeded.once_in(2) {
        Expiry { at: Some(world.now + hours(seeded)), ..Expiry::default() }
    } else {
        let began = seeded.once_in(2).then(|| world.now - TimeDelta::hours(12));
        Expiry { at: None, after: Some(hours(seeded)), began }
    };
}

/// One that is rolled out, one that yields to it, and accounts with limits.
fn everything(world: &mut World, seeded: &mut Seeded) {
    let mut other = super::random_world(seeded).campaigns.remove(0);
    other.id = CampaignId(Uuid::from_u128(99));
    other.standing = true;
    rollouts(world, seeded);
    world.campaigns.push(other);
    accounts(world, seeded);
}

/// As much goes out on each day as message by message, and everybody is accounted for.
fn compare(seed: u64, change: fn(&mut World, &mut Seeded)) {
    let mut seeded = Seeded::new(seed);
    let mut world = super::random_world(&mut seeded);
    change(&mut world, &mut seeded);
    let forecast = Forecast::of(&world, MOST_DAYS);
    let mut found = totals(&forecast);
    let mut expected = Hourly::totals(&world);
    for days in [&mut found, &mut expected] {
        days.truncate(days.iter().rposition(|day| *day > 0).map_or(0, |last| last + 1));
    }
    assert_eq!(found, expected, "seed {seed}: {world:#?}");
    let people = |campaign: &Campaign| {
        let kept_back = campaign.rollout.iter().flat_map(|stages| &stages.people);
        campaign.work.iter().map(|work| &work.people).chain(kept_back).sum::<u64>()
    };
    let all: u64 = world.campaigns.iter().map(people).sum();
    let sum: u64 = found.iter().chain(&forecast.expired).sum();
    assert_eq!(sum, all, "everybody gets it or is too late: seed {seed}: {world:#?}");
}

#[test]
fn day_for_day_as_much_goes_out_whatever_the_clocks_the_accounts_and_the_stages_say() {
    let changes: [fn(&mut World, &mut Seeded); 5] = [accounts, yielding, clocks, rollouts, everything];
    for seed in 0..1_000 {
        compare(seed, changes[usize::try_from(seed).unwrap() % changes.len()]);
    }
}

#[test]
fn day_for_day_as_much_goes_out_until_it_is_too_late() {
    for seed in 0..1_000 {
        compare(seed, expiries);
    }
}

#[test]
fn hours_that_open_on_the_clock_of_those_who_wait_are_waited_for_over_a_weekend() {
    // Friday, noon in New York: everybody in Auckland has got it, and theirs is the clock that opens first on Monday.
    let new_york = chrono_tz::America::New_York;
    let mut scene = world("2026-05-08T16:00:00Z", vec![number(1, Some(100))], vec![campaign(1, 1)]);
    scene.zone = new_york;
    let work = |people, zone| Work { step: 0, due: Some(scene.now), people, zone: Some(zone), bound: None };
    scene.campaigns[0].work = vec![work(2_000, new_york)];
    scene.campaigns[0].calendar = Calendar {
        organization: None,
        zone: new_york,
        window: Some("09:00-20:00 mon-fri recipient".parse().unwrap()),
        zones: vec![chrono_tz::Pacific::Auckland, new_york],
    };
    let forecast = Forecast::of(&scene, FARTHEST_DAYS);
    assert_eq!(totals(&forecast)[..5], [100, 0, 0, 100, 100]);
    assert_eq!(forecast.days.iter().map(Day::total).sum::<u64>(), 2_000);
    assert!(forecast.finish[0].is_some(), "{:?}", forecast.binding(0));
    assert_eq!(forecast.days[1].bounds, [Some(Bound::QuietHours)]);
}

#[test]
fn what_comes_too_late_is_not_foretold_but_counted() {
    let people = |expiry: Expiry, change: fn(&mut World)| {
        let mut scene = world("2025-06-01T08:00:00Z", vec![number(1, Some(300))], vec![campaign(1, 2_000)]);
        scene.campaigns[0].expiry = expiry;
        change(&mut scene);
        let forecast = Forecast::of(&scene, FARTHEST_DAYS);
        (totals(&forecast), forecast.expired[0], forecast.finish[0])
    };
    let until = |text: &str| Expiry { at: Some(at(text)), ..Expiry::default() };
    let (sent, expired, finish) = people(until("2025-06-03T12:00:00Z"), |_| {});
    assert_eq!((sent, expired), (vec![300; 3], 1_100));
    assert_eq!(finish, Some(at("2025-06-02T23:00:00Z")), "the last message, before it is too late");
    // So long after it was due: nobody is before the campaign begins.
    let after = Expiry { after: Some(TimeDelta::hours(40)), ..Expiry::default() };
    assert_eq!(people(after, |_| {}).1, 1_100);
    let (sent, expired, _) =
        people(after, |world| world.campaigns[0].opens = Opens::At(at("2025-06-02T08:00:00Z")));
    assert_eq!((sent, expired), (vec![0, 300, 300, 300], 1_100));
    let began = Expiry { began: Some(at("2025-06-01T00:00:00Z")), ..after };
    assert_eq!(people(began, |_| {}).1, 1_400);
    // A stage of a rollout that opens later is due from then on.
    let (sent, expired, _) = people(after, |world| {
        world.campaigns[0].work[0].people = 100;
        let lasts_until = Some(at("2025-06-04T08:00:00Z"));
        let wait = TimeDelta::zero();
        world.campaigns[0].rollout =
            Some(Stages { needs: 100, lasts_until, people: vec![1_900], clocks: Vec::new(), after: 0, wait });
    });
    assert_eq!((sent, expired), (vec![100, 0, 0, 300, 300, 300], 1_000));
    // Nobody gets it, and that takes no ten years to say.
    let (sent, expired, finish) =
        people(until("2025-06-03T12:00:00Z"), |world| world.campaigns[0].opens = Opens::Never);
    assert_eq!((sent, expired, finish), (vec![0; 3], 2_000, None));
}

#[test]
fn a_campaign_that_goes_through_one_number_alone_has_the_days_of_that_number() {
    let numbers = (1..=3).map(|place| number(place, Some(100))).collect();
    let mut scene = world("2025-06-01T08:00:00Z", numbers, vec![campaign(1, 611), campaign(2, 50)]);
    scene.numbers[1].priority = 20;
    scene.numbers[2].priority = 20;
    scene.campaigns[0].only = Some(scene.numbers[1].id);
    let forecast = Forecast::of(&scene, 365);
    let of = |campaign| forecast.days.iter().map(|day| day.of_campaign(campaign)).collect::<Vec<_>>();
    assert_eq!((of(0), of(1)), (vec![100, 100, 100, 100, 100, 100, 11], vec![50, 0, 0, 0, 0, 0, 0]));
    assert_eq!(forecast.binding(0), Some((Bound::NumberCap, date("2025-06-01"))));
    let through = |number| forecast.days.iter().flat_map(|day| &day.flows).any(|flow| flow.number == number);
    assert!(through(0) && through(1) && !through(2), "the other one takes what its pool has");
    // Nothing stands in for it, the organisation's default number neither.
    scene.numbers[1].opens = Opens::Never;
    scene.default = Some(2);
    let forecast = Forecast::of(&scene, 365);
    assert_eq!(forecast.finish[0], None);
    assert_eq!(forecast.binding(0).map(|(bound, _)| bound), Some(Bound::NoNumber));
}

#[test]
fn nobody_yields_to_a_test() {
    let campaigns = vec![campaign(1, 60), campaign(2, 1)];
    let mut scene = world("2025-06-01T08:00:00Z", vec![number(1, None)], campaigns);
    scene.campaigns[0].standing = true;
    scene.campaigns[1].calendar.organization = Some(Hours::new(0, 60, EVERY_DAY).unwrap());
    assert_eq!(Forecast::of(&scene, 365).finish[0], scene.now.checked_add_signed(TimeDelta::hours(16)));
    scene.campaigns[1].is_test = true;
    assert_eq!(Forecast::of(&scene, 365).finish[0], Some(scene.now));
}

#[test]
fn an_account_sends_again_when_its_people_count_no_more() {
    let mut scene =
        world("2025-06-01T08:00:00Z", vec![number(1, None), number(2, None)], vec![campaign(1, 600)]);
    scene.accounts = vec![Account { limit: 250, reached: vec![(at("2025-06-01T20:00:00Z"), 50)] }];
    scene.numbers.iter_mut().for_each(|number| number.account = Some(0));
    let forecast = Forecast::of(&scene, 365);
    // 200 at once, 50 in the evening, then the same a day and a minute later.
    assert_eq!(totals(&forecast), [250, 250, 100]);
    assert_eq!(forecast.binding(0), Some((Bound::AccountCap, date("2025-06-01"))));
    assert_eq!(forecast.finish, [Some(at("2025-06-03T08:02:00Z"))]);
}

#[test]
fn a_standing_campaign_goes_on_when_the_last_other_one_is_done() {
    let mut paced = number(1, None);
    paced.pacing = Pacing { interval: Duration::from_mins(1), per_second: 0, in_flight: 1 };
    let mut scene = world("2025-06-01T08:00:00Z", vec![paced], vec![campaign(1, 60), campaign(2, 60)]);
    scene.campaigns[0].standing = true;
    let forecast = Forecast::of(&scene, 365);
    let finish: Vec<_> = forecast.finish.iter().map(|finish| finish.unwrap()).collect();
    assert!(finish[1] < at("2025-06-01T09:10:00Z") && finish[0] > finish[1], "{finish:?}");
    assert!(finish[0] < at("2025-06-01T10:20:00Z"), "it does not wait for the next day: {finish:?}");
    scene.campaigns[1].opens = Opens::Never;
    let alone = Forecast::of(&scene, 365);
    assert!(alone.finish[0].unwrap() < at("2025-06-01T09:10:00Z"), "who is paused holds nobody up");
}

#[test]
fn a_rollout_waits_for_its_stages() {
    let mut scene = world("2025-06-01T08:00:00Z", vec![number(1, None)], vec![campaign(1, 10)]);
    scene.campaigns[0].rollout = Some(Stages {
        needs: 10,
        lasts_until: Some(at("2025-06-02T08:00:00Z")),
        people: vec![90, 900],
        clocks: Vec::new(),
        after: 50,
        wait: TimeDelta::days(1),
    });
    let forecast = Forecast::of(&scene, 365);
    assert_eq!(totals(&forecast), [10, 90, 900]);
    assert_eq!(forecast.finish, [Some(at("2025-06-03T08:00:00Z"))]);
    assert_eq!(forecast.binding(0), Some((Bound::RolloutStage, date("2025-06-01"))));
}
