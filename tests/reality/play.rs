//! Puts a drawn organisation into the database, and plays it.

use crate::draw::{Drawn, end};
use crate::world::World;
use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use signalbox::{
    domain::{
        action::{Action, Order},
        campaign::{CampaignFile, Context, rollout::Verdict},
        day::next_day,
        forecast::{FARTHEST_DAYS, Forecast, World as Foretold},
        hold::Hold,
        ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, OrganizationId, PoolId, RecipientId},
        pacing::Slots,
    },
    sender::plan::{Local, Plan, Roster},
    store::{
        action::{ActionResult, Actor},
        attempt::{ClaimCampaign, ClaimNumber, ClaimRequest, Lane, OutcomeRecord},
        lease::Introduction,
        snapshot::Snapshot,
    },
};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

const ANA: Actor<'static> = Actor { operator: "ana", instance: None };

/// Messages by campaign and day of the organisation.
pub type Days = BTreeMap<(usize, NaiveDate), u64>;

/// One organisation that is played.
pub struct Player<'a> {
    world: &'a World,
    drawn: &'a Drawn,
    organization: OrganizationId,
    instance: InstanceId,
    campaigns: Vec<CampaignId>,
    numbers: Vec<NumberId>,
    leases: HashMap<NumberId, i64>,
    now: DateTime<Utc>,
    /// How much time the messages took so far: everything begins that much late. So no two messages of all days fall on the
    /// same time of day, and no two people are due at the very same moment: which of them went first would be chance, and not
    /// the order in which they were sent to.
    passed: TimeDelta,
}

/// So many claims that get nothing may follow each other: one for each number and campaign.
const MOST_IN_VAIN: u32 = 30;
/// How long a message takes.
const A_MOMENT: TimeDelta = TimeDelta::microseconds(1);

/// What was foretold, or what was.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub days: Days,
    /// The same by number.
    pub numbers: Days,
    /// When each campaign's last message went out, if nobody waits any more.
    pub finish: Vec<Option<DateTime<Utc>>>,
    /// Who did not get everything, by campaign.
    pub expired: Vec<u64>,
}

/// A world whose database shows the time that a test sets, and stands still otherwise.
pub async fn still_world() -> World {
    let world = crate::world::Made::default().shiftable().world().await;
    for statement in [
        "create table shifted.moment (at timestamptz not null)",
        "insert into shifted.moment values (pg_catalog.clock_timestamp())",
        "create or replace function shifted.clock_timestamp() returns timestamptz language sql volatile as
         'select at from shifted.moment'",
    ] {
        world.execute(statement).await;
    }
    world
}

impl<'a> Player<'a> {
    pub async fn seat(world: &'a World, drawn: &'a Drawn, seed: u64) -> Player<'a> {
        let mut player = Player {
            world,
            drawn,
            organization: OrganizationId::new(),
            instance: InstanceId::new(),
            campaigns: Vec::new(),
            numbers: Vec::new(),
            leases: HashMap::new(),
            now: drawn.now,
            passed: TimeDelta::zero(),
        };
        player.set_clock(drawn.now).await;
        player.organization(seed).await;
        let pool = player.pool().await;
        player.numbers(pool).await;
        player.leases().await;
        player.campaigns(pool).await;
        player
    }

    async fn set_clock(&mut self, at: DateTime<Utc>) {
        self.now = at;
        sqlx::query("update shifted.moment set at = $1").bind(at).execute(&self.world.pool).await.unwrap();
    }

    async fn organization(&self, seed: u64) {
        let (from, to, days) = self.drawn.hours.unzip3();
        sqlx::query(
            "insert into organizations (id, slug, name, time_zone, daily_limit, open_from, open_to, open_days, stop_failed,
                                        stop_opted_out)
             values ($1, $2, 'Acme', $3, $4, $5, $6, $7, 10000, 10000)",
        )
        .bind(self.organization.0)
        .bind(format!("acme-{seed}"))
        .bind(self.drawn.zone.name())
        .bind(self.drawn.limit)
        .bind(from)
        .bind(to)
        .bind(days)
        .execute(&self.world.pool)
        .await
        .unwrap();
    }

    async fn pool(&self) -> PoolId {
        let pool = PoolId::new();
        sqlx::query(
            "insert into pools (organization_id, id, name, sticky, strategy) values ($1, $2, 'default', $3, $4)",
        )
        .bind(self.organization.0)
        .bind(pool.0)
        .bind(self.drawn.sticky)
        .bind(self.drawn.strategy)
        .execute(&self.world.pool)
        .await
        .unwrap();
        pool
    }

    async fn accounts(&self) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        for (nth, limit) in self.drawn.accounts.iter().enumerate() {
            let account = AccountId::new();
            accounts.push(account);
            sqlx::query(
                "insert into accounts (organization_id, id, name, provider, external_id, sealed_token, rolling_limit)
                 values ($1, $2, $3, 'meta', $3, 'sealed', $4)",
            )
            .bind(self.organization.0)
            .bind(account.0)
            .bind(format!("account {nth}"))
            .bind(limit)
            .execute(&self.world.pool)
            .await
            .unwrap();
        }
        accounts
    }

    async fn numbers(&mut self, pool: PoolId) {
        let accounts = self.accounts().await;
        for (nth, number) in self.drawn.numbers.iter().enumerate() {
            let id = NumberId::new();
            self.numbers.push(id);
            sqlx::query(
                "insert into whatsapp_numbers (organization_id, id, account_id, phone, instance_id, priority, daily_limit,
                     interval_ms, in_flight, suspended_at, suspension_reason, suspended_until, suspended_by,
                     warm_up_started_at, reply_share, label)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, 20, case when $9::timestamptz is not null then $10 end,
                         case when $9 is not null then 'rests' end, $9, case when $9 is not null then 'ana' end,
                         case when $11 then $10 end, $12, $13)",
            )
            .bind(self.organization.0)
            .bind(id.0)
            .bind(accounts[number.account].0)
            .bind(format!("+2376900000{nth:02}"))
            .bind(nth.to_string())
            .bind(number.priority)
            .bind(number.limit)
            .bind(i32::try_from(number.interval.num_milliseconds()).unwrap())
            .bind(number.suspended_until)
            .bind(self.drawn.now)
            .bind(number.warms_up)
            .bind(number.reply_share)
            .bind(number.label)
            .execute(&self.world.pool)
            .await
            .unwrap();
            sqlx::query("insert into pool_numbers (organization_id, pool_id, number_id, weight) values ($1, $2, $3, $4)")
                .bind(self.organization.0)
                .bind(pool.0)
                .bind(id.0)
                .bind(number.weight)
                .execute(&self.world.pool)
                .await
                .unwrap();
        }
    }

    /// Leases are none of this game's business: they last as long as it does.
    async fn leases(&mut self) {
        let who = Introduction {
            instance: self.instance,
            operator: "ana".into(),
            host: "here".into(),
            pid: 1,
            kind: "sender",
        };
        let store = &self.world.store;
        store.introduce(self.organization, &who).await.unwrap();
        let leases = store.take_leases(self.organization, self.instance, &self.numbers, 100).await.unwrap();
        self.leases = leases.iter().map(|lease| (lease.number, lease.epoch)).collect();
        sqlx::query("update number_leases set expires_at = 'infinity' where organization_id = $1")
            .bind(self.organization.0)
            .execute(&self.world.pool)
            .await
            .unwrap();
    }

    async fn campaigns(&mut self, pool: PoolId) {
        let context = Context::in_zone(self.drawn.zone);
        let mut nth = 0_i64;
        for (place, campaign) in self.drawn.campaigns.iter().enumerate() {
            for (zone, people) in &campaign.people {
                let people = i64::try_from(*people).unwrap();
                sqlx::query(
                    "insert into contacts (organization_id, id, phone, name, locale, tags, time_zone)
                     select $1, ordered_uuid(1, 1, $2 + n), '+2376' || lpad(($2 + n)::text, 8, '0'), 'Ana', 'en',
                            array[$3], $4 from generate_series(1, $5) n",
                )
                .bind(self.organization.0)
                .bind(nth)
                .bind(format!("c{place}"))
                .bind(zone.name())
                .bind(people)
                .execute(&self.world.pool)
                .await
                .unwrap();
                nth += people;
            }
            let spec = CampaignFile::parse(&campaign.file, "drawn.toml", &context)
                .unwrap_or_else(|error| panic!("{error:?}: {}", campaign.file));
            let made =
                self.world.store.create_campaign(self.organization, &spec, pool, &campaign.file, ANA).await;
            let id = made.unwrap().0;
            self.campaigns.push(id);
            if spec.starts_at.is_none() {
                let order = Order::whole(Action::StartCampaign(id)).because("a test");
                let started = self.world.store.act(self.organization, &order, "ana", None).await.unwrap();
                assert!(matches!(started, ActionResult::Done { .. }), "{started:?}");
            }
        }
    }

    /// What the forecast says now.
    pub async fn foretold(&self) -> (Foretold, Told) {
        let made = self.world.store.forecast_world(self.organization, self.campaigns[0]).await.unwrap();
        let forecast = Forecast::of(&made.world, FARTHEST_DAYS);
        let mut told = Told::default();
        for (nth, campaign) in self.campaigns.iter().enumerate() {
            let place = made.world.campaigns.iter().position(|each| each.id == *campaign).unwrap();
            for day in &forecast.days {
                let messages = day.of_campaign(place);
                if messages > 0 {
                    told.days.insert((nth, day.date), messages);
                }
            }
            told.finish.push(forecast.finish[place]);
            told.expired.push(forecast.expired[place]);
        }
        for (day, flow) in forecast.days.iter().flat_map(|day| day.flows.iter().map(move |flow| (day, flow)))
        {
            let id = made.world.numbers[flow.number].id;
            let nth = self.numbers.iter().position(|each| *each == id).unwrap();
            *told.numbers.entry((nth, day.date)).or_default() += flow.messages;
        }
        (made.world, told)
    }

    /// Plays until nothing more happens, and answers what was sent.
    pub async fn play(&mut self, foretold: &Foretold) -> Told {
        let last = end(self.drawn);
        loop {
            self.chores().await;
            let opens = self.send().await;
            let Some(next) = self.next_event(foretold, opens).await.filter(|next| *next < last) else {
                break;
            };
            self.set_clock(next).await;
        }
        self.told().await
    }

    /// What the sender does for all: starts and completes campaigns, opens stages.
    async fn chores(&self) -> bool {
        let (store, organization) = (&self.world.store, self.organization);
        store.put_off_missed_starts(organization, self.instance, None).await.unwrap();
        let mut any = store.run_lifecycle(organization, self.instance, None).await.unwrap();
        loop {
            let mut changed = false;
            for look in store.look_at_rollouts(organization).await.unwrap() {
                if look.owed > 0 {
                    store.let_go(organization, look.campaign, None, 10_000).await.unwrap();
                    changed = true;
                } else if !look.is_last
                    && let Verdict::Widen(why) = look.rollout.judge(&look.seen, self.now)
                {
                    let stage = Some(look.stage);
                    let widened =
                        store.widen_rollout(organization, look.campaign, stage, None, Some(&why), ANA, None);
                    changed |= matches!(widened.await.unwrap(), ActionResult::Done { .. });
                } else if let Verdict::Waits { why, until } = look.rollout.judge(&look.seen, self.now) {
                    store
                        .note_rollout(organization, look.campaign, look.stage, &why, until, false)
                        .await
                        .unwrap();
                }
            }
            if !changed {
                return any;
            }
            any = true;
        }
    }

    /// Claims as long as there is something to claim now. Answers when to ask again, as far as the plan knows.
    async fn send(&mut self) -> Option<DateTime<Utc>> {
        let mut local = Local { leases: self.leases.clone(), ..Local::default() };
        let (mut vain, mut any) = (0, false);
        loop {
            let snapshot = self.world.store.snapshot(self.organization, None).await.unwrap();
            let roster = Roster::of(&snapshot, &local, self.now);
            let plan = roster.lanes(&snapshot, &local, self.now, 500);
            if plan.wanted() == 0 && std::mem::take(&mut any) {
                // Stages open and campaigns begin by the second, messages are sent by the millisecond. And whoever had no bound work
                // is asked again: others may be full now, whose work it takes over.
                local.bound_dry.clear();
                if self.chores().await {
                    local.dry.clear();
                }
                continue;
            }
            if plan.wanted() == 0 || vain > MOST_IN_VAIN {
                assert!(vain <= MOST_IN_VAIN, "the plan wants {plan:?}, and the claim gives nothing");
                let holds = roster.campaigns.iter().filter_map(|service| service.hold.as_ref());
                let holds = holds.chain(roster.everything.iter()).filter_map(Hold::until);
                return holds.chain(plan.opens).filter(|at| *at > self.now).min();
            }
            let request = self.request(&snapshot, &roster, &plan);
            let claimed = self.world.store.claim(&request).await.unwrap();
            vain = if claimed.messages.is_empty() { vain + 1 } else { 0 };
            any |= !claimed.messages.is_empty();
            for (campaign, due) in &claimed.exhausted {
                // Nothing comes back within a moment, and nobody else takes any of it.
                let again = self.now + TimeDelta::days(3_650);
                local.dry.insert(*campaign, due.filter(|due| *due > self.now).unwrap_or(again));
            }
            for lane in &request.lanes {
                let key = (request.numbers[lane.number].id, request.campaigns[lane.campaign.unwrap()].id);
                let got = claimed
                    .messages
                    .iter()
                    .any(|message| (message.number, message.campaign()) == (key.0, Some(key.1)));
                let full = claimed.refused.iter().any(|(refused, _)| refused == lane);
                if (lane.bound_only || full) && !got {
                    local.bound_dry.insert(key, self.now + TimeDelta::seconds(1));
                }
            }
            for message in &claimed.messages {
                self.accept(message.attempt).await;
                // Time passes: what follows is due in the order in which it was sent.
                self.passed += A_MOMENT;
                self.set_clock(self.now + A_MOMENT).await;
            }
        }
    }

    fn request(&self, snapshot: &Snapshot, roster: &Roster, plan: &Plan) -> ClaimRequest {
        let mut request = ClaimRequest {
            organization: self.organization,
            instance: self.instance,
            numbers: Vec::new(),
            campaigns: Vec::new(),
            lanes: Vec::new(),
            takes_over: roster.takes_over(snapshot),
            attempts: (0..plan.wanted()).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_secs(30),
            now: None,
        };
        for claim in &plan.claims {
            let view = &snapshot.numbers[claim.number];
            let slots = Slots::of(&view.number.pacing);
            request.numbers.push(ClaimNumber {
                id: view.number.id,
                epoch: self.leases[&view.number.id],
                batch: claim.batch,
                // What jitter adds on average.
                gap: slots.gap_with(0.5),
            });
            for (at, wanted, bound_only) in &claim.shares {
                let view = &snapshot.campaigns[*at];
                let known = request.campaigns.iter().position(|campaign| campaign.id == view.id);
                let campaign = known.unwrap_or_else(|| {
                    request.campaigns.push(ClaimCampaign {
                        id: view.id,
                        walk_after: Some(RecipientId(uuid::Uuid::nil())),
                        may_take_over: !view.never_switch(),
                    });
                    request.campaigns.len() - 1
                });
                request.lanes.push(Lane {
                    number: request.numbers.len() - 1,
                    campaign: Some(campaign),
                    wanted: *wanted,
                    bound_only: *bound_only,
                });
            }
        }
        request
    }

    async fn accept(&self, attempt: AttemptId) {
        let outcome = OutcomeRecord {
            attempt,
            state: "accepted".parse().unwrap(),
            provider_message_id: Some(format!("wamid.{attempt}")),
            class: None,
            blame: None,
            code: None,
            words: None,
            duration_ms: Some(5),
            next: "advance".to_owned(),
            delay_ms: 0,
            reason: None,
        };
        self.world.store.record_outcomes(self.organization, &[outcome], None).await.unwrap();
    }

    /// The next moment at which something may be otherwise.
    async fn next_event(&self, foretold: &Foretold, opens: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from campaign_recipients r join campaigns c on c.organization_id = $1 and c.id = r.campaign_id
                             where r.organization_id = $1 and r.state = 'queued' and c.state in ('scheduled', 'active'))",
        )
        .bind(self.organization.0)
        .fetch_one(&self.world.pool)
        .await
        .unwrap();
        if !waits {
            return None;
        }
        let known: Option<DateTime<Utc>> = sqlx::query_scalar(
            "select min(e.at) from (
                 select starts_at as at from campaigns where organization_id = $1 and state = 'scheduled'
                 union all select expires_at from campaigns where organization_id = $1
                 union all select due_at from campaign_recipients where organization_id = $1 and state = 'queued'
                 union all select until from campaign_rollouts where organization_id = $1
                 union all select started_at + make_interval(secs => expires_after) from campaigns
                            where organization_id = $1
                 union all select r.due_at + make_interval(secs => c.expires_after)
                             from campaign_recipients r join campaigns c on c.organization_id = $1 and c.id = r.campaign_id
                            where r.organization_id = $1 and r.state = 'queued' and isfinite(r.due_at) and r.due_at < '9000-01-01'
                 union all select suspended_until from whatsapp_numbers where organization_id = $1
                 union all select last_at + reach_window() from account_recipients where organization_id = $1) e
              where e.at > $2",
        )
        .bind(self.organization.0)
        .bind(self.now)
        .fetch_one(&self.world.pool)
        .await
        .unwrap();
        let hours = foretold
            .campaigns
            .iter()
            .filter_map(|campaign| campaign.calendar.next_change(self.now).filter(|at| *at > self.now));
        let midnight = next_day(self.now, self.drawn.zone);
        let next = hours.chain([midnight]).chain(known).chain(opens).min();
        // Every time here is a whole second, and so much later as the messages before it took.
        next.map(|at| at.with_nanosecond(0).unwrap() + self.passed)
    }

    async fn told(&self) -> Told {
        let rows: Vec<(uuid::Uuid, uuid::Uuid, NaiveDate, i64)> = sqlx::query_as(
            "select campaign_id, number_id, quota_day, count(*) from attempts where organization_id = $1 group by 1, 2, 3",
        )
        .bind(self.organization.0)
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        let mut told = Told::default();
        for (campaign, number, day, count) in rows {
            let count = u64::try_from(count).unwrap();
            let nth = self.campaigns.iter().position(|each| each.0 == campaign).unwrap();
            *told.days.entry((nth, day)).or_default() += count;
            let nth = self.numbers.iter().position(|each| each.0 == number).unwrap();
            *told.numbers.entry((nth, day)).or_default() += count;
        }
        for campaign in &self.campaigns {
            let (last, waiting, late): (Option<DateTime<Utc>>, i64, i64) = sqlx::query_as(
                "select (select max(started_at) from attempts where organization_id = $1 and campaign_id = $2),
                        count(*) filter (where r.state = 'queued' and c.state <> 'completed'),
                        count(*) filter (where r.state not in ('accepted', 'queued'))
                   from campaign_recipients r join campaigns c on c.organization_id = $1 and c.id = r.campaign_id
                  where r.organization_id = $1 and r.campaign_id = $2",
            )
            .bind(self.organization.0)
            .bind(campaign.0)
            .fetch_one(&self.world.pool)
            .await
            .unwrap();
            told.finish.push(last.filter(|_| waiting == 0));
            told.expired.push(u64::try_from(late).unwrap());
        }
        told
    }
}

/// As `Option::unzip`, of three.
trait Unzip3<A, B, C> {
    fn unzip3(self) -> (Option<A>, Option<B>, Option<C>);
}

impl<A, B, C> Unzip3<A, B, C> for Option<(A, B, C)> {
    fn unzip3(self) -> (Option<A>, Option<B>, Option<C>) {
        match self {
            Some((a, b, c)) => (Some(a), Some(b), Some(c)),
            None => (None, None, None),
        }
    }
}
