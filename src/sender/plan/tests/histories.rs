//! Ten thousand organisations, each played for a few claims.

use super::*;

/// How many organisations.
const HISTORIES: u64 = 10_000;
/// Claims of one history.
const ROUNDS: usize = 3;

/// What a number was made of, for the model: the pacings have batches that are known by heart.
const GATEWAY: Pacing = Pacing { interval: Duration::from_mins(2), per_second: 1, in_flight: 1 };
const OFFICIAL: Pacing = Pacing { interval: Duration::ZERO, per_second: 80, in_flight: 40 };
const PACINGS: [(Pacing, u32); 3] = [(GATEWAY, 1), (OFFICIAL, 8), (UNLIMITED, 10)];

fn random_time(random: &mut Seeded) -> DateTime<Utc> {
    later(random.pick(&[-3_600, -1, 0, 1, 90, 40_000]))
}

fn random_state(random: &mut Seeded) -> NumberState {
    let suspended = |until| {
        NumberState::Suspended(Suspension {
            reason: "blocked".into(),
            since: later(-9_999),
            until,
            by: "ana".into(),
        })
    };
    match random.below(20) {
        0 => NumberState::Disabled,
        1 => suspended(None),
        2 => suspended(Some(random_time(random))),
        3 => NumberState::Limited { until: random_time(random), reason: "throttled".into() },
        _ => NumberState::Active,
    }
}

fn random_number(random: &mut Seeded, nth: usize) -> NumberView {
    let daily_limit = random.pick(&[None, None, None, Some(0), Some(5), Some(250), Some(250)]);
    let mut view = number(nth, random.pick(&[1, 1, 2, 3]));
    view.number.account = AccountId(id(4, random.below(2)));
    view.number.pacing = random.pick(&PACINGS).0;
    view.number.state = random_state(random);
    view.number.daily_limit = daily_limit;
    view.used_today = random.below_u32(daily_limit.unwrap_or(100).saturating_add(2));
    view.next_send_at = random.once_in(6).then(|| random_time(random));
    view.last_sent_at = random.once_in(2).then(|| later(-random.pick(&[1, 5, 60])));
    view
}

/// Whether somebody of a campaign may be written to at this hour.
fn awake(campaign: &CampaignView, at: DateTime<Utc>) -> bool {
    let calendar = &campaign.terms.calendar;
    let open = |hours: Hours, zone| hours.are_open(at, zone);
    calendar.organization.is_none_or(|hours| open(hours, calendar.zone))
        && calendar.window.is_none_or(|window| match window.zone {
            Whose::Recipient => calendar.zones.iter().any(|zone| open(window.hours, *zone)),
            Whose::Organization => open(window.hours, calendar.zone),
            Whose::Zone(zone) => open(window.hours, zone),
        })
}

/// Mostly none: then nothing about the hours is asked.
fn random_calendar(random: &mut Seeded) -> Calendar {
    let hours = |random: &mut Seeded| {
        let from = u16::try_from(random.below(24)).unwrap() * 60;
        Hours::new(from, (from + 60 * (1 + u16::try_from(random.below(22)).unwrap())) % 1_440, EVERY_DAY).ok()
    };
    let window = random.once_in(4).then(|| hours(random)).flatten();
    let zone = random.pick(&[Whose::Organization, Whose::Recipient, Whose::Zone(Tz::Asia__Tokyo)]);
    Calendar {
        organization: random.once_in(8).then(|| hours(random)).flatten(),
        zone: Tz::Africa__Douala,
        window: window.map(|hours| Window { hours, zone }),
        zones: vec![Tz::Africa__Douala, Tz::America__St_Johns],
    }
}

fn random_campaign(random: &mut Seeded, nth: usize, pools: usize) -> CampaignView {
    let mut view = campaign(nth, random.pick(&[1, 10, 10, 10]), random.pick(&[0, 1, 7, 500, 500]));
    view.state = random.pick(&[
        CampaignState::Active,
        CampaignState::Active,
        CampaignState::Active,
        CampaignState::Active,
        CampaignState::Paused,
        CampaignState::Draft,
    ]);
    view.pool = pool_id(random.below(pools));
    view.daily_limit = random.pick(&[None, None, None, Some(12), Some(300)]);
    view.used_today = random.below_u32(view.daily_limit.unwrap_or(400) + 2);
    view.failover = if random.once_in(4) { Failover::Never } else { Failover::Pool };
    view.terms.calendar = random_calendar(random);
    view.next_due = random.once_in(3).then(|| random_time(random));
    view
}

fn random_scene(random: &mut Seeded) -> (Snapshot, Local) {
    let mut numbers: Vec<NumberView> = (0..random.below(8)).map(|nth| random_number(random, nth)).collect();
    numbers.sort_by_key(|view| (view.number.priority, view.number.id));
    let pools: Vec<PoolView> = (0..=random.below(3))
        .map(|nth| PoolView {
            id: pool_id(nth),
            name: format!("pool {nth}"),
            strategy: random.pick(&[Strategy::Priority, Strategy::Priority, Strategy::LeastUsed]),
            sticky: random.once_in(3),
            numbers: numbers.iter().map(|view| view.number.id).filter(|_| !random.once_in(3)).collect(),
            weights: Vec::new(),
        })
        .collect();
    let mut campaigns: Vec<CampaignView> =
        (0..random.below(5)).map(|nth| random_campaign(random, nth, pools.len())).collect();
    campaigns.sort_by_key(|view| (view.priority, view.id));
    let mut scene = snapshot(numbers, campaigns);
    scene.pools = pools;
    let organization = &mut scene.organization;
    organization.daily_limit = random.pick(&[None, None, None, None, None, Some(0), Some(30), Some(1_000)]);
    organization.used_today = random.below_u32(organization.daily_limit.unwrap_or(30) + 2);
    organization.stopped_by = random.once_in(12).then(|| "ana".into());
    organization.default_number = random.once_in(2).then(|| number_id(random.below(8)));
    for view in &scene.numbers {
        for campaign in &scene.campaigns {
            if random.once_in(2) {
                let used = random.pick(&[1, 4, 30, 400]);
                scene.shares.insert((view.number.id, campaign.id), used);
            }
        }
    }
    let local = random_local(random, &scene);
    (scene, local)
}

fn random_local(random: &mut Seeded, scene: &Snapshot) -> Local {
    let mut local = Local::default();
    for view in &scene.numbers {
        let number = view.number.id;
        if !random.once_in(5) {
            local.leases.insert(number, 1);
        }
        let most = view.number.pacing.in_flight;
        local.in_air.insert(number, if random.once_in(3) { random.below_u32(most + 1) } else { 0 });
        if random.once_in(16) {
            local.closed.insert(number, random_time(random));
        }
        if random.once_in(10) {
            local.next_send_at.insert(number, random_time(random));
        }
        for campaign in &scene.campaigns {
            if random.once_in(6) {
                local.bound_dry.insert((number, campaign.id), random_time(random));
            }
        }
    }
    if random.once_in(8) {
        let until = random_time(random);
        local.breakers.insert(AccountId(id(4, 0)), OpenBreaker { until });
    }
    for campaign in &scene.campaigns {
        if random.once_in(5) {
            local.dry.insert(campaign.id, random_time(random));
        }
    }
    local
}

/// The plain rules.
struct Model<'a> {
    scene: &'a Snapshot,
    local: &'a Local,
    now: DateTime<Utc>,
}

impl Model<'_> {
    fn in_service(&self, view: &NumberView) -> bool {
        match &view.number.state {
            NumberState::Disabled => false,
            NumberState::Suspended(suspension) => suspension.until.is_some_and(|until| until <= self.now),
            NumberState::Limited { .. } | NumberState::Active => true,
        }
    }

    fn usable(&self, view: &NumberView) -> bool {
        let over = |until: Option<&DateTime<Utc>>| until.is_none_or(|until| *until <= self.now);
        let rested = match &view.number.state {
            NumberState::Limited { until, .. } => *until <= self.now,
            _ => true,
        };
        self.in_service(view)
            && rested
            && over(self.local.closed.get(&view.number.id))
            && over(self.local.breakers.get(&view.number.account).map(|breaker| &breaker.until))
            && view.number.daily_limit.is_none_or(|limit| view.used_today < limit)
    }

    /// How many a number may claim at its slot.
    fn batch(&self, view: &NumberView) -> u32 {
        let number = view.number.id;
        let slots = [view.next_send_at, self.local.next_send_at.get(&number).copied()];
        let closed = slots.into_iter().flatten().any(|next| next > self.now);
        if closed || !self.local.leases.contains_key(&number) || !self.usable(view) {
            return 0;
        }
        let most = PACINGS.iter().find(|(pacing, _)| *pacing == view.number.pacing).unwrap().1;
        let on_the_wire = view.number.pacing.in_flight - self.local.in_air[&number];
        let today = view.number.daily_limit.map_or(u32::MAX, |limit| limit - view.used_today);
        most.min(on_the_wire).min(today)
    }

    fn members(&self, campaign: &CampaignView) -> Vec<&NumberView> {
        let pool = self.scene.pools.iter().find(|pool| pool.id == campaign.pool).unwrap();
        self.scene.numbers.iter().filter(|view| pool.numbers.contains(&view.number.id)).collect()
    }

    fn strategy(&self, campaign: &CampaignView) -> Strategy {
        self.scene.pools.iter().find(|pool| pool.id == campaign.pool).unwrap().strategy
    }

    /// Whether anything of the campaign may be sent at all.
    fn sends(&self, campaign: &CampaignView) -> bool {
        let default = self.scene.organization.default_number;
        let somebody = self.members(campaign).into_iter().any(|view| self.in_service(view))
            || self.scene.numbers.iter().any(|view| default == Some(view.number.id) && self.in_service(view));
        campaign.state == CampaignState::Active
            && awake(campaign, self.now)
            && campaign.daily_limit.is_none_or(|limit| campaign.used_today < limit)
            && somebody
    }

    /// The numbers that may carry what is bound to none.
    fn carriers(&self, campaign: &CampaignView) -> Vec<NumberId> {
        let members = self.members(campaign);
        let ids = |views: &[&NumberView]| views.iter().map(|view| view.number.id).collect();
        if !members.iter().any(|view| self.in_service(view)) {
            let default = self.scene.organization.default_number;
            let stands_in = |view: &&NumberView| default == Some(view.number.id) && self.usable(view);
            return ids(&self.scene.numbers.iter().filter(stands_in).collect::<Vec<_>>());
        }
        let usable: Vec<&NumberView> = members.into_iter().filter(|view| self.usable(view)).collect();
        match self.strategy(campaign) {
            Strategy::Priority => {
                let best = usable.iter().map(|view| view.number.priority).min();
                let best: Vec<_> =
                    usable.into_iter().filter(|view| Some(view.number.priority) == best).collect();
                ids(&best)
            }
            _ => ids(&usable),
        }
    }

    /// Whether a campaign may have work that is bound to the number.
    fn may_be_bound(&self, campaign: &CampaignView, view: &NumberView) -> bool {
        let number = view.number.id;
        let asked = self.local.bound_dry.get(&(number, campaign.id));
        let linked = self.members(campaign).iter().any(|member| member.number.id == number)
            || self.carriers(campaign).contains(&number);
        linked
            && campaign.next_due.is_some_and(|due| due <= self.now)
            && asked.is_none_or(|until| *until <= self.now)
    }

    /// Places of the numbers in the order in which they are asked.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scene.numbers.len()).collect();
        if self.scene.pools.iter().any(|pool| pool.strategy == Strategy::LeastUsed) {
            let part = |view: &NumberView| {
                let limit = view.number.daily_limit.map_or(u64::from(u32::MAX), u64::from).max(1);
                u64::from(view.used_today) * 1_000_000 / limit
            };
            order.sort_by_key(|place| {
                let view = &self.scene.numbers[*place];
                (part(view), view.used_today, view.last_sent_at)
            });
        }
        order
    }
}

/// What is left of a campaign when a number's turn comes.
#[derive(Clone, Copy)]
struct Rest {
    free: u32,
    today: u32,
}

/// Judges a plan, number by number. `case` names the history.
fn judge(model: &Model<'_>, plan: &Plan, most: u32, case: &str) {
    let scene = model.scene;
    let organization = &scene.organization;
    let mut left = organization
        .daily_limit
        .map_or(most, |limit| most.min(limit.saturating_sub(organization.used_today)));
    if organization.stopped_by.is_some() {
        left = 0;
    }
    let mut rests: Vec<Rest> = scene
        .campaigns
        .iter()
        .map(|campaign| {
            let dry = model.local.dry.get(&campaign.id).is_some_and(|until| *until > model.now);
            let today =
                campaign.daily_limit.map_or(u32::MAX, |limit| limit.saturating_sub(campaign.used_today));
            let queued = if dry { 0 } else { u32::try_from(campaign.queued).unwrap() };
            Rest { free: queued.min(today), today }
        })
        .collect();
    let order = model.order();
    let places: Vec<usize> = plan.claims.iter().map(|claim| claim.number).collect();
    let expected: Vec<usize> = order.iter().copied().filter(|place| places.contains(place)).collect();
    assert_eq!(places, expected, "each number once, in their order: {case}");
    for place in order {
        let view = &scene.numbers[place];
        // What each campaign could have sent through this number, and whether only what is bound to it.
        let rooms: Vec<(u32, bool)> = scene
            .campaigns
            .iter()
            .zip(&rests)
            .map(|(campaign, rest)| {
                let free = model.carriers(campaign).contains(&view.number.id) && rest.free > 0;
                match (model.sends(campaign), free) {
                    (true, true) => (rest.free.min(rest.today), false),
                    (true, false) if model.may_be_bound(campaign, view) => {
                        (u32::try_from(campaign.queued).unwrap().min(rest.today), true)
                    }
                    _ => (0, false),
                }
            })
            .collect();
        let claim = plan.claims.iter().find(|claim| claim.number == place);
        let shares = claim.map_or(&[][..], |claim| &claim.shares);
        let taken: u32 = shares.iter().map(|share| share.1).sum();
        let wanted = rooms.iter().map(|room| room.0).fold(0, u32::saturating_add);
        let capacity = model.batch(view).min(left).min(wanted);
        assert_eq!(taken, capacity, "number {place} carries all it can, and no more: {case}");
        let mut given = vec![0; rooms.len()];
        for (at, count, bound_only) in shares {
            assert!(*count <= rooms[*at].0, "campaign {at} through number {place}: {case}");
            assert_eq!(*bound_only, rooms[*at].1, "campaign {at} through number {place}: {case}");
            assert_eq!(given[*at], 0, "named once: {case}");
            given[*at] = *count;
        }
        is_fair(scene, view.number.id, &rooms, &given, case);
        for (at, count, bound_only) in shares {
            rests[*at].today -= count;
            rests[*at].free -= if *bound_only { 0 } else { *count };
        }
        left -= taken;
    }
}

/// Whoever goes first has all it wants before others get anything, and equals do not drift apart.
fn is_fair(scene: &Snapshot, number: NumberId, rooms: &[(u32, bool)], given: &[u32], case: &str) {
    let used = |at: usize| scene.shares.get(&(number, scene.campaigns[at].id)).copied().unwrap_or(0);
    let wanting = (0..given.len()).filter(|at| given[*at] < rooms[*at].0);
    for other in wanting {
        for mine in (0..given.len()).filter(|mine| given[*mine] > 0 && *mine != other) {
            let (first, second) = (scene.campaigns[other].priority, scene.campaigns[mine].priority);
            assert!(second <= first, "campaign {other} goes before {mine}: {case}");
            if first == second {
                let before = i64::from(used(mine)) - i64::from(used(other));
                let after = before + i64::from(given[mine]) - i64::from(given[other]);
                // Somebody far behind catches up, but those ahead still get their one in four.
                let trickled = given[mine] <= given.iter().sum::<u32>() / 4 + 1;
                let far_ahead = before > 10 && trickled;
                assert!(after <= before.max(1) || far_ahead, "{mine} is raised above {other}: {case}");
            }
        }
    }
}

/// The claim comes back with all that was asked for, and time passes.
fn play(random: &mut Seeded, scene: &mut Snapshot, local: &mut Local, plan: &Plan, now: DateTime<Utc>) {
    for claim in &plan.claims {
        let number = scene.numbers[claim.number].number.id;
        for (at, count, bound_only) in &claim.shares {
            let campaign = &mut scene.campaigns[*at];
            if *bound_only {
                local.bound_dry.insert((number, campaign.id), now + TimeDelta::seconds(1));
                continue;
            }
            campaign.queued -= u64::from(*count);
            campaign.used_today += count;
            scene.organization.used_today += count;
            scene.numbers[claim.number].used_today += count;
            *scene.shares.entry((number, campaign.id)).or_default() += count;
            // Some are answered at once.
            let room = scene.numbers[claim.number].number.pacing.in_flight - local.in_air[&number];
            *local.in_air.get_mut(&number).unwrap() += random.below_u32(count + 1).min(room);
        }
        local.next_send_at.insert(number, now + TimeDelta::milliseconds(100));
    }
}

#[test]
fn ten_thousand_histories_keep_every_limit_and_leave_nothing_undone() {
    let mut claimed = 0_u64;
    for seed in 0..HISTORIES {
        let mut random = Seeded::new(seed);
        let (mut scene, mut local) = random_scene(&mut random);
        let mut now = now();
        for round in 0..ROUNDS {
            let most = random.pick(&[0, 1, 9, 1_000, u32::MAX]);
            let plan = Roster::of(&scene, &local, now).lanes(&scene, &local, now, most);
            let case = format!("seed {seed}, round {round}, most {most}");
            judge(&Model { scene: &scene, local: &local, now }, &plan, most, &case);
            assert!(plan.opens.is_none_or(|opens| opens > now), "it opened before: {case}");
            claimed += u64::from(plan.wanted());
            play(&mut random, &mut scene, &mut local, &plan, now);
            now += TimeDelta::milliseconds(i64::from(random.below_u32(200)));
        }
    }
    assert!(claimed > 15_000, "the histories are about nothing: {claimed}");
}

#[test]
fn ten_thousand_histories_say_of_everything_what_the_plan_does() {
    let (mut free, mut held) = (0, 0);
    for seed in 0..HISTORIES {
        let mut random = Seeded::new(seed);
        let (scene, local) = random_scene(&mut random);
        let roster = Roster::of(&scene, &local, now());
        let plan = roster.lanes(&scene, &local, now(), u32::MAX);
        for place in 0..scene.numbers.len() {
            let claims = plan.claims.iter().any(|claim| claim.number == place);
            let mut holds = roster.number_holds(&scene, &local, place, now());
            // A backup may carry what is bound to it.
            holds.retain(|hold| !matches!(hold, Hold::NotChosen { .. }));
            assert!(!claims || holds.is_empty(), "seed {seed}: number {place} claims in spite of {holds:?}");
            let model = Model { scene: &scene, local: &local, now: now() };
            let organization = &scene.organization;
            let open = organization.stopped_by.is_none()
                && organization.daily_limit.is_none_or(|limit| organization.used_today < limit);
            let may = open && model.batch(&scene.numbers[place]) > 0;
            assert_eq!(holds.is_empty(), may, "seed {seed}: number {place}: {holds:?}");
        }
        for (at, campaign) in scene.campaigns.iter().enumerate().filter(|(_, campaign)| campaign.queued > 0) {
            let holds = roster.campaign_holds(&scene, &local, at, now());
            let sends = plan.claims.iter().any(|claim| {
                claim.shares.iter().any(|(campaign, _, bound_only)| *campaign == at && !bound_only)
            });
            assert!(!sends || holds.is_empty(), "seed {seed}: {} sends in spite of {holds:?}", campaign.name);
            let something = plan.claims.iter().any(|claim| claim.shares.iter().any(|share| share.0 == at));
            assert!(something || !holds.is_empty(), "seed {seed}: {} waits for no reason", campaign.name);
            assert!(holds.is_sorted_by_key(Hold::gate), "seed {seed}: {holds:?}");
            if holds.is_empty() { free += 1 } else { held += 1 }
        }
    }
    assert!(free > 2_000 && held > 2_000, "the histories are about nothing: {free} free, {held} held");
}
