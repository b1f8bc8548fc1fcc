//! The dispatcher: owns the picture, decides with the plan, claims, and starts flights. It never blocks: statements and
//! requests run in tasks of their own and report back.

mod counts;

use super::{
    clock::Moment,
    flight::{self, Flight},
    plan::{Local, OpenBreaker, Plan, Roster},
    recover,
    shared::{Shared, Signal, locked},
    text::TextShelf,
};
use crate::domain::{
    content::registry::Registry,
    day::next_day,
    ids::{AccountId, AttemptId, CampaignId, NumberId, RecipientId},
    locale::Locale,
    pacing::Slots,
};
use crate::secrets::KeyRing;
use crate::store::{
    attempt::{ClaimCampaign, ClaimNumber, ClaimRequest, Claimed, ClaimedMessage, Lane, Verdict},
    snapshot::Snapshot,
    today::Queue,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// Claims of fewer messages than this keep at least [`BREATH`] apart.
const FULL_ENOUGH: u32 = 300;
/// A number that cannot be made ready is planned without for so long; it takes part again as soon as it is ready.
const UNUSABLE: Duration = Duration::from_mins(1);
/// Time between two small claims under load: a crash leaves in doubt what is in flight and one batch.
const BREATH: Duration = Duration::from_millis(10);
/// Known outcomes that may wait for the database before nothing more is claimed.
const MOST_UNRECORDED: u32 = 4_000;
/// A picture older than this is not planned with.
const STALE: Duration = Duration::from_secs(5);
/// Between two claims when the last brought nothing though something was wanted: the picture is behind.
const PICTURE_BEHIND: Duration = Duration::from_millis(20);
/// First wait before a campaign that had nothing is asked again; doubles up to [`LONGEST_DRY`].
const FIRST_DRY: Duration = Duration::from_millis(250);
/// Due work that a claim did not bring is not asked for again sooner.
const SOON: TimeDelta = TimeDelta::milliseconds(400);
/// Longest such wait.
const LONGEST_DRY: Duration = Duration::from_mins(1);

/// Before the first recipient.
const BEFORE_ALL: RecipientId = RecipientId(uuid::Uuid::nil());

/// Where the walk through a campaign stands.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// None: where the last claims of anybody were.
    after: Option<RecipientId>,
    /// Asked in vain so many times in a row.
    vain: u32,
}

impl Walk {
    const START: Self = Self { after: None, vain: 0 };
}

struct Engine {
    shared: Arc<Shared>,
    keys: Arc<KeyRing>,
    snapshot: Option<Snapshot>,
    /// When the organisation's day of the snapshot ends.
    day_ends: Option<DateTime<Utc>>,
    asked: Moment,
    roster: Option<Roster>,
    roster_at: Moment,
    local: Local,
    texts: TextShelf,
    walks: HashMap<CampaignId, Walk>,
    claiming: bool,
    last_claim: Moment,
    /// When the last claim for a number came back; none while one is under way.
    claimed: HashMap<NumberId, Option<Moment>>,
    /// The last claim was refused whole.
    vain: bool,
    default_locale: Option<Locale>,
}

/// Runs until it is told to leave and nothing is in the air.
pub async fn run(shared: Arc<Shared>, mut signals: mpsc::Receiver<Signal>, keys: Arc<KeyRing>) {
    let mut engine = Engine {
        shared: Arc::clone(&shared),
        keys,
        snapshot: None,
        day_ends: None,
        asked: Moment::now(),
        roster: None,
        roster_at: Moment::now(),
        local: Local::default(),
        texts: TextShelf::default(),
        walks: HashMap::new(),
        claiming: false,
        last_claim: Moment::now(),
        claimed: HashMap::new(),
        vain: false,
        default_locale: None,
    };
    loop {
        while let Ok(signal) = signals.try_recv() {
            engine.hear(signal);
        }
        let claiming = engine.claiming && shared.status.borrow().failed.is_none();
        if shared.draining() && !claiming && shared.in_air() == 0 && shared.unrecorded() == 0 {
            engine.report(false);
            return;
        }
        let wait = engine.step();
        let _ = tokio::time::timeout(wait, shared.wake.notified()).await;
    }
}

impl Engine {
    fn hear(&mut self, signal: Signal) {
        match signal {
            Signal::Snapshot { snapshot, texts, asked } => self.take_snapshot(*snapshot, texts, asked),
            Signal::Claimed { request, claimed, began } => {
                self.claiming = false;
                self.take_claim(&request, claimed, began);
            }
            Signal::Recovered { messages, began, late } => {
                // What is found late was committed long ago: looks have shown it since.
                if !late {
                    self.claiming = false;
                    self.note_back();
                    self.count(&messages);
                    self.shared.refresh.notify_one();
                }
                self.fly_all(messages, began);
            }
            Signal::Queue { number, waiting } => {
                let views = self.snapshot.iter_mut().flat_map(|snapshot| &mut snapshot.numbers);
                for view in views.filter(|view| view.number.id == number) {
                    view.queue = view.queue.map(|queue| Queue { waiting, ..queue });
                }
            }
            Signal::ClaimFailed { why } => {
                self.claiming = false;
                self.note_back();
                tracing::warn!("a claim failed, nothing was claimed: {why}");
                self.shared.refresh.notify_one();
            }
        }
    }

    fn take_snapshot(
        &mut self,
        mut snapshot: Snapshot,
        texts: Vec<crate::store::snapshot::StepContents>,
        asked: Moment,
    ) {
        if !texts.is_empty() {
            let fresh: HashSet<CampaignId> = texts.iter().map(|row| row.campaign).collect();
            let revisions: Vec<(CampaignId, i64)> = snapshot
                .campaigns
                .iter()
                .filter(|campaign| fresh.contains(&campaign.id))
                .map(|campaign| (campaign.id, campaign.revision))
                .collect();
            self.texts.put(texts, revisions.iter().copied());
            locked(&self.shared.texts).extend(revisions);
        }
        {
            let mut lines = self.shared.lines_mut();
            lines.refresh(&snapshot, &self.keys, &self.shared.config);
        }
        self.default_locale = Locale::parse(&snapshot.organization.default_locale).ok();
        self.forget_what_changed(&snapshot);
        self.keep_counts(&mut snapshot, asked);
        let zone: Tz = snapshot.organization.time_zone.parse().unwrap_or(Tz::UTC);
        self.day_ends = Some(next_day(snapshot.at, zone));
        self.snapshot = Some(snapshot);
        self.asked = asked;
        self.roster = None;
    }

    /// A campaign that changed, or whose put-back work is due, is asked again at once.
    fn forget_what_changed(&mut self, snapshot: &Snapshot) {
        let before: HashMap<CampaignId, (i64, u64)> = self
            .snapshot
            .iter()
            .flat_map(|old| &old.campaigns)
            .map(|campaign| (campaign.id, (campaign.revision, campaign.queued)))
            .collect();
        for campaign in &snapshot.campaigns {
            let known = before.get(&campaign.id);
            let more = known
                .is_none_or(|(revision, queued)| *revision != campaign.revision || campaign.queued > *queued);
            if more {
                self.local.dry.remove(&campaign.id);
                if let Some(walk) = self.walks.get_mut(&campaign.id) {
                    walk.vain = 0;
                }
            }
        }
        for campaign in &snapshot.campaigns {
            // Work that was put back is asked for when it is due, however long nothing was found before.
            if let (Some(due), Some(dry)) = (campaign.next_due, self.local.dry.get_mut(&campaign.id)) {
                *dry = (*dry).min(due.max(snapshot.at + SOON));
            }
        }
        let active: HashSet<CampaignId> = snapshot.campaigns.iter().map(|campaign| campaign.id).collect();
        self.walks.retain(|campaign, _| active.contains(campaign));
        self.local.dry.retain(|campaign, _| active.contains(campaign));
        self.local.bound_dry.retain(|(_, campaign), _| active.contains(campaign));
    }

    /// Claims if there is something to claim, and says how long to wait otherwise.
    fn step(&mut self) -> Duration {
        let idle_wait = Duration::from_millis(500);
        let Some(now) = self.shared.campaign_now() else { return idle_wait };
        if self.snapshot.is_none() || self.claiming || self.shared.draining() {
            self.report(false);
            return idle_wait;
        }
        if self.asked.age() > STALE || self.shared.unrecorded() > MOST_UNRECORDED {
            self.report(false);
            return Duration::from_millis(50);
        }
        if self.day_ends.is_some_and(|ends| ends <= now) {
            // Yesterday's counts would hold today's messages until the next look.
            self.shared.refresh.notify_one();
        }
        let plan = self.plan(now);
        let wanted = plan.wanted();
        if wanted == 0 {
            self.report(self.is_idle(now, &plan));
            let until = plan.opens.map_or(idle_wait, |opens| self.shared.clock().until(now, opens));
            return until.clamp(Duration::from_micros(500), idle_wait);
        }
        let rested = self.last_claim.elapsed();
        if wanted < FULL_ENOUGH && rested < BREATH && self.shared.in_air() > 0 {
            return BREATH.saturating_sub(rested);
        }
        if self.vain && rested < PICTURE_BEHIND {
            return PICTURE_BEHIND.saturating_sub(rested);
        }
        self.claim(&plan, now);
        self.report(false);
        idle_wait
    }

    fn plan(&mut self, now: DateTime<Utc>) -> Plan {
        let Some(snapshot) = &self.snapshot else { return Plan::default() };
        self.local.leases = self.shared.trusted_leases(&self.asked);
        let closed = self.shared.closed_numbers();
        let breakers = self.shared.open_breakers();
        let at = |left: Duration| now + TimeDelta::from_std(left).unwrap_or(TimeDelta::MAX);
        let mut closed: HashMap<NumberId, DateTime<Utc>> =
            closed.into_iter().map(|(number, left)| (number, at(left))).collect();
        // What cannot be made ready here, as with a token that does not open, rests: the next of its pool goes first.
        let unusable = self.shared.lines().unusable.keys().copied().collect::<Vec<_>>();
        closed.extend(unusable.into_iter().map(|number| (number, at(UNUSABLE))));
        let breakers = breakers.into_iter().map(|(account, left)| (account, OpenBreaker { until: at(left) }));
        let breakers: HashMap<_, _> = breakers.collect();
        let changed = closed.len() != self.local.closed.len() || breakers.len() != self.local.breakers.len();
        self.local.closed = closed;
        self.local.breakers = breakers;
        {
            let lines = self.shared.lines();
            for view in &snapshot.numbers {
                // A number that cannot be made ready is not claimed for.
                match lines.get(view.number.id) {
                    Some(line) => {
                        self.local.in_air.insert(view.number.id, line.gauge.count());
                    }
                    None => {
                        self.local.leases.remove(&view.number.id);
                    }
                }
            }
        }
        // The roster is asked anew when something changed, and at least every quarter second for what time opens.
        let stale = changed || self.roster_at.elapsed() > Duration::from_millis(250);
        if self.roster.is_none() || stale {
            self.roster = Some(Roster::of(snapshot, &self.local, now));
            self.roster_at = Moment::now();
        }
        match &self.roster {
            Some(roster) => roster.lanes(snapshot, &self.local, now, self.shared.config.claim_limit),
            None => Plan::default(),
        }
    }

    fn claim(&mut self, plan: &Plan, now: DateTime<Utc>) {
        let Some(request) = self.request(plan) else { return };
        self.claiming = true;
        self.last_claim = Moment::now();
        self.claimed.extend(request.numbers.iter().map(|number| (number.id, None)));
        self.charge_ahead(plan, now);
        let shared = Arc::clone(&self.shared);
        // To its end, whatever happens: a statement is never dropped half-way.
        super::supervise::watched(&self.shared, "claim", async move {
            let began = Moment::now();
            super::stop_point::reach("before_claim").await;
            let signal = match shared.store.claim(&request).await {
                Ok(claimed) => Signal::Claimed { request: Box::new(request), claimed, began },
                Err(error) if error.is_away() => recover::recover(&shared, &request, began, &error).await,
                Err(error) => {
                    shared.close_attempts(request.attempts.iter().copied());
                    Signal::ClaimFailed { why: recover::report(&error) }
                }
            };
            super::stop_point::reach("after_claim").await;
            if shared.signals.send(signal).await.is_err() {
                tracing::error!("the engine is gone; claimed messages will be found in doubt");
            }
            shared.wake.notify_one();
        });
    }

    fn request(&self, plan: &Plan) -> Option<ClaimRequest> {
        let snapshot = self.snapshot.as_ref()?;
        let roster = self.roster.as_ref()?;
        let mut numbers = Vec::with_capacity(plan.claims.len());
        let mut campaigns: Vec<ClaimCampaign> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut lanes = Vec::new();
        for claim in &plan.claims {
            let view = &snapshot.numbers[claim.number];
            let slots = Slots::of(&view.number.pacing);
            numbers.push(ClaimNumber {
                id: view.number.id,
                epoch: *self.local.leases.get(&view.number.id)?,
                batch: claim.batch,
                gap: slots.gap_with(rand::random()),
            });
            if claim.replies > 0 {
                lanes.push(Lane {
                    number: numbers.len() - 1,
                    campaign: None,
                    wanted: claim.replies,
                    bound_only: false,
                });
            }
            for (at, wanted, bound_only) in &claim.shares {
                let campaign = *places.entry(*at).or_insert_with(|| {
                    let view = &snapshot.campaigns[*at];
                    let walk = self.walks.get(&view.id).copied().unwrap_or(Walk::START);
                    campaigns.push(ClaimCampaign {
                        id: view.id,
                        walk_after: walk.after,
                        may_take_over: !view.never_switch(),
                    });
                    campaigns.len() - 1
                });
                lanes.push(Lane {
                    number: numbers.len() - 1,
                    campaign: Some(campaign),
                    wanted: *wanted,
                    bound_only: *bound_only,
                });
            }
        }
        Some(ClaimRequest {
            organization: self.shared.organization,
            instance: self.shared.instance,
            numbers,
            campaigns,
            lanes,
            takes_over: roster.takes_over(snapshot),
            attempts: self.shared.open_attempts(plan.wanted()),
            deadline: self.shared.config.timing.deadline,
            now: self.shared.clock().now(),
        })
    }

    /// Numbers that a claim is under way for have no slot until it is back.
    fn charge_ahead(&mut self, plan: &Plan, now: DateTime<Utc>) {
        let Some(snapshot) = &self.snapshot else { return };
        for claim in &plan.claims {
            let view = &snapshot.numbers[claim.number];
            let slots = Slots::of(&view.number.pacing);
            if !slots.gap.is_zero() {
                let after = |gap: Duration| now + TimeDelta::from_std(gap).unwrap_or(TimeDelta::MAX);
                self.local.next_reply_at.insert(view.number.id, after(slots.gap));
                // What the claim will say: campaigns leave replies their share of the rate.
                let share = if claim.shares.is_empty() { 0 } else { view.reply_share.min(90) };
                self.local.next_send_at.insert(view.number.id, after(slots.gap * 100 / (100 - share)));
            }
        }
    }

    fn take_claim(&mut self, request: &ClaimRequest, claimed: Claimed, began: Moment) {
        tracing::debug!(
            wanted = request.attempts.len(),
            got = claimed.messages.len(),
            lanes = ?request.lanes,
            refused = ?claimed.refused,
            exhausted = ?claimed.exhausted,
            "claimed"
        );
        self.shared.note_claim();
        let used: HashSet<AttemptId> = claimed.messages.iter().map(|message| message.attempt).collect();
        self.shared
            .close_attempts(request.attempts.iter().copied().filter(|attempt| !used.contains(attempt)));
        self.note_back();
        self.count(&claimed.messages);
        for (campaign, after) in &claimed.walked_to {
            let walk = self.walks.entry(*campaign).or_insert(Walk::START);
            walk.after = Some(*after);
            walk.vain = 0;
        }
        self.note_dry(request, &claimed);
        self.note_answered(request, &claimed);
        if claimed.stopped || claimed.refused.iter().any(|(_, verdict)| *verdict != Verdict::Paced) {
            // The picture is behind: look again.
            self.shared.refresh.notify_one();
        }
        self.vain = claimed.messages.is_empty() && !claimed.refused.is_empty();
        let lost = claimed.refused.iter().filter(|(_, verdict)| *verdict == Verdict::LeaseLost);
        let lost: Vec<NumberId> = lost.map(|(lane, _)| request.numbers[lane.number].id).collect();
        if !lost.is_empty() {
            self.shared.lose_leases(&lost);
        }
        self.fly_all(claimed.messages, began);
    }

    fn note_dry(&mut self, request: &ClaimRequest, claimed: &Claimed) {
        let Some(now) = self.shared.campaign_now() else { return };
        let wait = |vain: u32| FIRST_DRY.saturating_mul(1 << vain.min(16)).min(LONGEST_DRY);
        for (campaign, next_due) in &claimed.exhausted {
            let walk = self.walks.entry(*campaign).or_insert(Walk::START);
            if !claimed.messages.iter().any(|message| message.campaign() == Some(*campaign)) {
                walk.vain += 1;
            }
            // What the walk passed by because somebody held it is found by walking again from the start.
            walk.after = Some(BEFORE_ALL);
            let again = now + TimeDelta::from_std(wait(walk.vain)).unwrap_or(TimeDelta::MAX);
            let due = next_due.filter(|due| *due > now);
            self.local.dry.insert(*campaign, due.map_or(again, |due| due.min(again)));
        }
        let got: HashSet<(NumberId, CampaignId)> = claimed
            .messages
            .iter()
            .filter_map(|message| Some((message.number, message.campaign()?)))
            .collect();
        let full = |lane: &Lane| claimed.refused.contains(&(*lane, Verdict::AccountCapReached));
        for lane in request.lanes.iter().filter(|lane| lane.bound_only || full(lane)) {
            let Some(campaign) = lane.campaign else { continue };
            let key = (request.numbers[lane.number].id, request.campaigns[campaign].id);
            if !got.contains(&key) {
                self.local.bound_dry.insert(key, now + TimeDelta::seconds(1));
            }
        }
    }

    /// A picture that crossed a claim shows replies as due that are under way: until the next look there are none.
    fn note_answered(&mut self, request: &ClaimRequest, claimed: &Claimed) {
        let Some(snapshot) = &mut self.snapshot else { return };
        for lane in request.lanes.iter().filter(|lane| lane.campaign.is_none()) {
            let number = request.numbers[lane.number].id;
            let mine = |message: &&ClaimedMessage| message.number == number && message.campaign().is_none();
            let got = u32::try_from(claimed.messages.iter().filter(mine).count()).unwrap_or(u32::MAX);
            let is_refused = claimed.refused.iter().any(|(refused, _)| refused == lane);
            if got < lane.wanted
                && !is_refused
                && let Some(view) = snapshot.numbers.iter_mut().find(|view| view.number.id == number)
            {
                view.replies_due = 0;
            }
        }
    }

    fn fly_all(&mut self, messages: Vec<ClaimedMessage>, began: Moment) {
        let never_switch: HashSet<CampaignId> = self
            .snapshot
            .iter()
            .flat_map(|snapshot| &snapshot.campaigns)
            .filter(|campaign| campaign.never_switch())
            .map(|campaign| campaign.id)
            .collect();
        let nothing_known = Registry::default();
        let accounts = self.snapshot.iter().flat_map(|snapshot| &snapshot.accounts);
        let registries: HashMap<AccountId, &Registry> =
            accounts.map(|account| (account.id, &account.templates)).collect();
        let lines = self.shared.lines();
        let mut flights = Vec::with_capacity(messages.len());
        for message in messages {
            let Some(line) = lines.get(message.number).cloned() else {
                // It was there when it was claimed for. The attempt is found in doubt, never sent blindly.
                tracing::error!(number.id = %message.number, "a claimed number cannot be used any more");
                continue;
            };
            let registry = registries.get(&line.account).copied().unwrap_or(&nothing_known);
            let default = self.default_locale.as_ref();
            let content = self.texts.write_message(&message, line.kind(), registry, default);
            line.gauge.add(1);
            self.shared.took_off(1);
            // A thread keeps its number.
            let never_switch = message.campaign().is_none_or(|campaign| never_switch.contains(&campaign));
            flights.push(Flight { message, content, line, claimed: began, never_switch });
        }
        flight::take_off(&self.shared, flights);
    }

    /// Nothing is in flight, and nothing that is due can be sent within a time worth waiting for.
    fn is_idle(&self, now: DateTime<Utc>, plan: &Plan) -> bool {
        let Some(snapshot) = &self.snapshot else { return false };
        if self.shared.in_air() > 0 || self.shared.unrecorded() > 0 || self.claiming {
            return false;
        }
        let soon = now + TimeDelta::minutes(10);
        let Some(roster) = &self.roster else { return false };
        let something_due = snapshot.campaigns.iter().zip(&roster.campaigns).any(|(campaign, service)| {
            let held = service.hold.as_ref().is_some_and(|hold| hold.outlasts(soon));
            let later = campaign.next_due.is_some_and(|due| due > now)
                && self.walks.get(&campaign.id).is_some_and(|walk| walk.vain > 0);
            campaign.queued > 0 && !held && !later
        });
        let answers_due = snapshot.numbers.iter().zip(&roster.numbers).any(|(view, hold)| {
            view.replies_due > 0 && hold.as_ref().is_none_or(|hold| !hold.outlasts(soon))
        });
        let something_due = something_due || answers_due;
        let stopped = roster.everything.as_ref().is_some_and(|hold| hold.outlasts(soon));
        let numbers_held = snapshot
            .numbers
            .iter()
            .zip(&roster.numbers)
            .all(|(_, hold)| hold.as_ref().is_some_and(|hold| hold.outlasts(soon)));
        let opens_soon = plan.opens.is_some_and(|opens| opens <= soon) && something_due;
        stopped || numbers_held || (!something_due && !opens_soon)
    }

    fn report(&self, idle: bool) {
        let shared = &self.shared;
        let leases = u32::try_from(self.local.leases.len()).unwrap_or(u32::MAX);
        shared.status.send_if_modified(|status| {
            let mut next = status.clone();
            next.in_air = shared.in_air();
            next.unrecorded = shared.unrecorded();
            next.leases = leases;
            next.draining = shared.draining();
            next.idle = idle;
            next.totals = shared.totals();
            let changed = *status != next;
            *status = next;
            changed
        });
    }
}
