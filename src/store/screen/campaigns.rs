//! Campaigns: the list, and everything about one.

use super::estimate::Room;
use super::holds::{self, CampaignFacts, NumberFacts, PoolFacts, Scene};
use super::pools::PoolRead;
use super::{ReadError, Seat, count, many};
use crate::domain::action::Version;
use crate::domain::campaign::{
    CampaignState, Delay, Steering,
    comparison::{self, VariantFigures},
    terms::Terms,
};
use crate::domain::hold::{self, GateName};
use crate::domain::ids::{CampaignId, NumberId, PoolId};
use crate::domain::text::{Safe, Shown};
use crate::store::terms::terms_of;
use crate::store::view::{
    CampaignDetail, CampaignRow, CampaignStanding, Counts, DayLine, ErrorLine, RolloutLine, StepLine,
    VariantLine, Variants,
};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

const DOING: &str = "read the campaigns";

/// Up to so many queued recipients those that wait for a time are counted; the statement says it too.
const COUNTED: i64 = 2_000;

/// Most people whose variants are compared while somebody looks.
const COMPARED: u64 = 50_000;

/// Days of a campaign that are shown.
const DAYS: i32 = 14;

/// Gates that a campaign is asked.
const GATES: [GateName; 10] = [
    GateName::Campaign,
    GateName::Switch,
    GateName::Subscription,
    GateName::Sender,
    GateName::Due,
    GateName::Window,
    GateName::Pool,
    GateName::Number,
    GateName::OrganizationCap,
    GateName::CampaignCap,
];

/// One campaign as it was read.
pub(super) struct CampaignRead {
    pub row: CampaignRow,
    pub facts: CampaignFacts,
    pub pool: PoolId,
    /// Attempts since it began.
    pub attempts: u64,
}

impl CampaignRead {
    /// What it may still send, by its own limit, the organisation's and those of its numbers.
    pub fn room(&self, scene: &Scene, pool: Room) -> Room {
        Room::of(self.facts.daily_limit, self.facts.used_today)
            .and(Room::of(scene.daily_limit, scene.used_today))
            .and(pool)
    }
}

impl Store {
    /// Campaigns at work and the latest others, or one. Holds and rates are not filled in.
    pub(super) async fn read_campaigns(
        &self,
        seat: &Seat,
        day: NaiveDate,
        only: Option<CampaignId>,
    ) -> Result<Vec<CampaignRead>, StoreError> {
        let rows = sqlx::query_as!(
            Columns,
            r#"select c.id, c.name, c.state::text as "state!", c.priority, c.weight, c.daily_limit, c.starts_at, c.started_at,
                      c.paused_at, c.finished_at, c.created_at, c.updated_at, c.changed_by, c.revision,
                      case when c.standing is not null then yields_to(c.organization_id, c.standing) end as yields_to,
                      c.pool_id, c.failover, c.only_number_id, k.planned as "planned!", k.queued as "queued!", k.sending as "sending!",
                      k.accepted as "accepted!", k.delivered as "delivered!", k.read as "read!", k.failed as "failed!",
                      k.in_doubt as "in_doubt!", k.skipped as "skipped!", k.attempts as "attempts!",
                      k.sent as "sent!",
                      coalesce(u.reserved, 0) as "used!", w.due_at as "due_at?", w.waiting as "waiting?"
                 from (select * from campaigns
                        where organization_id = $1 and ($3::uuid is null or id = $3)
                        order by state in ('active', 'paused', 'scheduled') desc, created_at desc limit 2000) c
                cross join lateral (
                     select coalesce(sum(k.planned), 0)::bigint as planned, coalesce(sum(k.queued), 0)::bigint as queued,
                            coalesce(sum(k.sending), 0)::bigint as sending,
                            coalesce(sum(k.accepted), 0)::bigint as accepted,
                            coalesce(sum(k.delivered), 0)::bigint as delivered, coalesce(sum(k.read), 0)::bigint as read,
                            coalesce(sum(k.failed), 0)::bigint as failed,
                            coalesce(sum(k.in_doubt), 0)::bigint as in_doubt,
                            coalesce(sum(k.skipped), 0)::bigint as skipped,
                            coalesce(sum(k.attempts), 0)::bigint as attempts,
                            coalesce(sum(k.sent), 0)::bigint as sent
                       from campaign_counts k
                      where k.organization_id = c.organization_id and k.campaign_id = c.id) k
                 left join quota_usage u on u.organization_id = c.organization_id and u.scope = 'campaign'
                                        and u.scope_id = c.id and u.day = $2
                 left join lateral (
                     -- What was put back or waits for its next step, as far as that is quickly counted.
                     select d.due_at,
                            case when k.queued <= 2000 and d.due_at > clock_timestamp() then
                                (select count(*) from (select from campaign_recipients r
                                                        where r.organization_id = c.organization_id
                                                          and r.campaign_id = c.id and r.due_at is not null
                                                        limit 2001) later) end as waiting
                       from (select min(r.due_at) as due_at from campaign_recipients r
                              where r.organization_id = c.organization_id and r.campaign_id = c.id
                                and r.due_at is not null and r.due_at < not_let_go()) d) w on c.state = 'active' and k.queued > 0
                order by c.priority, c.created_at desc"#,
            seat.organization.0,
            day,
            only.map(|campaign| campaign.0),
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let mut reads: Vec<CampaignRead> = rows.into_iter().map(Columns::read).collect::<Result<_, _>>()?;
        self.note_terms(seat, &mut reads, only).await?;
        self.note_unsendable(seat, &mut reads).await?;
        self.note_stages(seat, &mut reads, only).await?;
        Ok(reads)
    }

    async fn note_terms(
        &self,
        seat: &Seat,
        reads: &mut [CampaignRead],
        only: Option<CampaignId>,
    ) -> Result<(), StoreError> {
        let terms = terms_of(self.screen(), seat.organization, only).await?;
        for read in reads {
            read.facts.terms = terms.campaign(read.row.id);
            read.row.terms.window = read.facts.terms.calendar.window;
            let waits = matches!(read.row.standing, CampaignStanding::Draft | CampaignStanding::Scheduled);
            let before = read.facts.terms.run_after.as_ref().filter(|_| waits);
            let before = before.filter(|before| before.state != CampaignState::Completed);
            read.row.behind = before.map(|before| Shown::new(&before.name));
            read.row.zoned = terms.is_zoned(read.row.id);
            // Who waits for their own clock waits for that, and for no later step.
            read.facts.due_later = read.facts.due_later.filter(|_| !terms.is_zoned(read.row.id));
        }
        Ok(())
    }

    /// How far campaigns are rolled out, and how far enrolled.
    async fn note_stages(
        &self,
        seat: &Seat,
        reads: &mut [CampaignRead],
        only: Option<CampaignId>,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query!(
            r#"select c.id, f.stages as "stages?", f.stage as "stage?", f.people as "people?", f.released as "released?",
                      case when f.stage = 1 then c.started_at else f.since end as since, f.why as "why?", f.until,
                      f.held_stage is not distinct from f.stage as "held!",
                      c.conduct #>> '{rollout,wait}' as wait, e.looked as "looked?", e.contacts as "contacts?"
                 from campaigns c
                 left join campaign_rollouts f on f.organization_id = $1 and f.campaign_id = c.id
                 left join campaign_enrolments e on e.organization_id = $1 and e.campaign_id = c.id
                where c.organization_id = $1 and (f.campaign_id is not null or e.campaign_id is not null)
                  and case when $2::uuid is null then c.state not in ('completed', 'cancelled') else c.id = $2 end"#,
            seat.organization.0,
            only.map(|campaign| campaign.0),
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        for row in rows {
            let Some(read) = reads.iter_mut().find(|read| read.row.id.0 == row.id) else { continue };
            read.row.enrolling = row.looked.zip(row.contacts).map(|(looked, all)| (many(looked), many(all)));
            let Some(stages) = row.stages else { continue };
            let wait: Delay = row.wait.and_then(|wait| Delay::parse(&wait).ok()).unwrap_or(Delay::hours(1));
            read.row.rollout = Some(RolloutLine {
                stages: stages.into_iter().map(count).collect(),
                stage: count(row.stage.unwrap_or(1)),
                people: many(row.people.unwrap_or(0)),
                released: many(row.released.unwrap_or(0)),
                since: row.since,
                why: Safe::new(row.why.as_deref().unwrap_or_default()),
                until: row.until,
                held: row.held,
                wait: Duration::from_secs(wait.seconds().into()),
            });
        }
        Ok(())
    }

    /// Everything about one campaign.
    ///
    /// # Errors
    /// When it does not exist, or the database is away or refuses.
    pub async fn campaign_detail(&self, seat: &Seat, id: CampaignId) -> Result<CampaignDetail, ReadError> {
        let (scene, day) = self.scene(seat).await?;
        let read = self.read_campaigns(seat, day, Some(id)).await?;
        let read = read.into_iter().next().ok_or(ReadError::Gone("campaign"))?;
        let (pool, facts) = self.pool_of(seat, &scene, day, &read).await?;
        let members: Vec<_> = pool.numbers.iter().map(|number| number.0).collect();
        let known = [
            hold::room(GateName::OrganizationCap, scene.daily_limit, scene.used_today),
            hold::room(GateName::CampaignCap, read.facts.daily_limit, read.facts.used_today),
            (GateName::Pool, format!("{}: {} numbers", pool.name, members.len())),
        ];
        Ok(CampaignDetail {
            id,
            gates: holds::gates(&GATES, &holds::of_campaign(&scene, &read.facts, &facts), &known, scene.zone),
            numbers: self.number_names(seat, &members).await?,
            pool: Shown::new(&pool.name),
            today: (u64::from(read.facts.used_today), read.facts.daily_limit),
            days: self.days_of(seat, id, day).await?,
            steps: self.steps_of(seat, id, read.row.counts.queued).await?,
            variants: self.variants_of(seat, id, read.row.counts.planned).await?,
            errors: self.errors_of(seat, id).await?,
            log: self.log_of(seat, id.0).await?,
        })
    }

    /// The pool of a campaign, and what its numbers wait for.
    pub(super) async fn pool_of(
        &self,
        seat: &Seat,
        scene: &Scene,
        day: NaiveDate,
        read: &CampaignRead,
    ) -> Result<(PoolRead, PoolFacts), ReadError> {
        let pool = self.read_pools(seat, Some(read.pool)).await?;
        let pool = pool.into_iter().next().ok_or(ReadError::Gone("pool"))?;
        let only = match pool.numbers.as_slice() {
            [one] if pool.default.is_none_or(|default| default == *one) => Some(*one),
            _ => None,
        };
        let numbers: HashMap<NumberId, NumberFacts> = self
            .read_numbers(seat, scene.at, day, only)
            .await?
            .into_iter()
            .map(|number| (number.row.id, NumberFacts { has_work: true, ..number.facts }))
            .collect();
        let facts = pool.facts(scene, &numbers);
        Ok((pool, facts))
    }

    async fn steps_of(&self, seat: &Seat, id: CampaignId, queued: u64) -> Result<Vec<StepLine>, StoreError> {
        // Who waits for a later step is due at a time, and those are indexed. Who waits for the first one is the rest.
        let rows = sqlx::query!(
            r#"select s.step, s.after_seconds,
                      concat_ws(' ',
                          '[template ' || (s.template ->> 'name') || ' (' || (s.template ->> 'language') || ')]',
                          '[' || (s.media ->> 'kind') || ']',
                          coalesce((select t.value ->> 'text' from jsonb_array_elements(s.texts) t
                                     where t.value ->> 'locale' = o.default_locale limit 1),
                                   s.texts -> 0 ->> 'text', s.media ->> 'url')) as text,
                      coalesce(w.waiting, 0) as "waiting!"
                 from campaign_steps s
                 join organizations o on o.id = s.organization_id
                 left join (select d.step, count(*) as waiting
                              from (select r.step from campaign_recipients r
                                     where r.organization_id = $1 and r.campaign_id = $2 and r.due_at is not null
                                     limit 50000) d
                             group by d.step) w on w.step = s.step
                where s.organization_id = $1 and s.campaign_id = $2 order by s.step"#,
            seat.organization.0,
            id.0,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read the steps of a campaign"))?;
        let later: u64 = rows.iter().filter(|row| row.step > 1).map(|row| many(row.waiting)).sum();
        Ok(rows
            .into_iter()
            .map(|row| StepLine {
                position: count(row.step.into()),
                after: Duration::from_secs(many(row.after_seconds)),
                what: Shown::new(row.text.as_deref().unwrap_or_default()),
                waiting: if row.step == 1 { queued.saturating_sub(later) } else { many(row.waiting) },
            })
            .collect())
    }

    async fn variants_of(&self, seat: &Seat, id: CampaignId, people: u64) -> Result<Variants, StoreError> {
        let names = sqlx::query_scalar!(
            r#"select v.name as "name!" from campaign_steps s cross join sayings(s) v
                where s.organization_id = $1 and s.campaign_id = $2 and s.variants is not null
                order by s.step, v.place limit 8"#,
            seat.organization.0,
            id.0,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read the variants of a campaign"))?;
        if names.is_empty() {
            return Ok(Variants::None);
        }
        if people > COMPARED {
            return Ok(Variants::Many(names.iter().map(|name| Shown::new(name)).collect()));
        }
        let figures = self.compare_variants(seat.organization, id).await?;
        let told = comparison::compare(&figures);
        let mut sentences: Vec<Safe> = told
            .iter()
            .filter(|each| each.verdict != comparison::Verdict::TooFew)
            .map(|each| Safe::new(&each.sentence))
            .collect();
        if sentences.is_empty() {
            sentences.push(Safe::new("too few messages yet to tell them apart"));
        }
        let line = |each: &VariantFigures| VariantLine {
            name: Shown::new(&each.name),
            sent: many(each.sent),
            read: many(each.read),
            replied: many(each.replied),
            opted_out: many(each.opted_out),
            failed: many(each.failed),
        };
        Ok(Variants::Compared(figures.iter().map(line).collect(), sentences))
    }

    /// What went out on each of the latest days, from the first of them on which something did.
    async fn days_of(
        &self,
        seat: &Seat,
        id: CampaignId,
        today: NaiveDate,
    ) -> Result<Vec<DayLine>, StoreError> {
        let rows = sqlx::query!(
            r#"select d.day::date as "date!", coalesce(u.reserved, 0) as "sent!"
                 from generate_series($3::date - $4::integer, $3::date, interval '1 day') as d (day)
                 left join quota_usage u on u.organization_id = $1 and u.scope = 'campaign' and u.scope_id = $2
                                        and u.day = d.day::date
                order by d.day"#,
            seat.organization.0,
            id.0,
            today,
            DAYS - 1,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read the days of a campaign"))?;
        let days = rows.into_iter().map(|row| DayLine { date: row.date, sent: many(row.sent.into()) });
        Ok(days.skip_while(|day| day.sent == 0).collect())
    }

    /// What went wrong most often among the last 1,000 failures: it is asked again with every look.
    pub(super) async fn errors_of(&self, seat: &Seat, id: CampaignId) -> Result<Vec<ErrorLine>, StoreError> {
        let rows = sqlx::query!(
            r#"select coalesce(a.code, a.class, f.reason, 'unknown') as "code!", min(coalesce(a.words, '')) as "words!",
                      count(*) as "count!"
                 from (select r.last_attempt_id, r.reason from campaign_recipients r
                        where r.organization_id = $1 and r.campaign_id = $2 and r.attention = 'failed'
                        order by r.id desc limit 1000) f
                 left join attempts a on a.organization_id = $1 and a.id = f.last_attempt_id
                group by 1 order by 3 desc, 1 limit 8"#,
            seat.organization.0,
            id.0,
        )
        .fetch_all(&self.walk)
        .await
        .map_err(failed("read the errors of a campaign"))?;
        Ok(rows
            .into_iter()
            .map(|row| ErrorLine { code: row.code.into(), words: row.words.into(), count: many(row.count) })
            .collect())
    }
}

fn standing(word: &str) -> Option<CampaignStanding> {
    Some(match word {
        "draft" => CampaignStanding::Draft,
        "scheduled" => CampaignStanding::Scheduled,
        "active" => CampaignStanding::Active,
        "paused" => CampaignStanding::Paused,
        "completed" => CampaignStanding::Completed,
        "cancelled" => CampaignStanding::Cancelled,
        _ => return None,
    })
}

/// A campaign as its tables have it.
struct Columns {
    id: Uuid,
    name: String,
    state: String,
    priority: i32,
    weight: i32,
    daily_limit: Option<i32>,
    starts_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    paused_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    changed_by: String,
    yields_to: Option<String>,
    revision: i64,
    pool_id: Uuid,
    failover: String,
    only_number_id: Option<Uuid>,
    planned: i64,
    queued: i64,
    sending: i64,
    accepted: i64,
    delivered: i64,
    read: i64,
    failed: i64,
    in_doubt: i64,
    skipped: i64,
    attempts: i64,
    sent: i64,
    used: i32,
    due_at: Option<DateTime<Utc>>,
    waiting: Option<i64>,
}

impl Columns {
    fn read(self) -> Result<CampaignRead, StoreError> {
        let standing =
            standing(&self.state).ok_or(StoreError::Unreadable { doing: DOING, what: "campaign state" })?;
        let counts = Counts {
            planned: many(self.planned),
            queued: many(self.queued),
            sending: many(self.sending),
            accepted: many(self.accepted),
            delivered: many(self.delivered),
            read: many(self.read),
            failed: many(self.failed),
            in_doubt: many(self.in_doubt),
            skipped: many(self.skipped),
        };
        let changed_by = Safe::new(&self.changed_by);
        let facts = CampaignFacts {
            standing,
            changed_by: changed_by.clone(),
            yields_to: self.yields_to.as_deref().map(Safe::new),
            starts_at: self.starts_at,
            terms: Terms::default(),
            daily_limit: self.daily_limit.map(count),
            used_today: count(self.used),
            queued: counts.queued,
            due_later: self.due_at.filter(|_| self.all_wait()),
            unsendable: None,
        };
        let row = CampaignRow {
            id: CampaignId(self.id),
            version: Version(self.revision),
            name: Shown::new(&self.name),
            standing,
            since: self.since(standing),
            by: changed_by,
            hold: None,
            in_air: u32::try_from(counts.sending).unwrap_or(u32::MAX),
            counts,
            sent: many(self.sent),
            per_second: 0.0,
            starts_at: self
                .starts_at
                .filter(|_| matches!(standing, CampaignStanding::Draft | CampaignStanding::Scheduled)),
            behind: None,
            done_at: None,
            terms: Steering {
                priority: self.priority,
                weight: count(self.weight),
                daily_limit: self.daily_limit.map(count),
                pool: PoolId(self.pool_id),
                failover: self.failover.parse().unwrap_or_default(),
                window: None,
                only_number: self.only_number_id.map(NumberId),
            },
            zoned: false,
            rollout: None,
            enrolling: None,
        };
        Ok(CampaignRead { row, facts, pool: PoolId(self.pool_id), attempts: many(self.attempts) })
    }

    /// Whether everything that is queued was put back, or waits for a later step.
    fn all_wait(&self) -> bool {
        match self.waiting {
            Some(waiting) => waiting == self.queued,
            // More than can be counted quickly: once everybody had a message, what is queued is put back.
            None => self.queued > COUNTED && self.attempts >= self.planned,
        }
    }

    fn since(&self, standing: CampaignStanding) -> DateTime<Utc> {
        match standing {
            CampaignStanding::Draft => Some(self.created_at),
            CampaignStanding::Scheduled => Some(self.updated_at),
            CampaignStanding::Active => self.started_at,
            CampaignStanding::Paused => self.paused_at,
            CampaignStanding::Completed | CampaignStanding::Cancelled => self.finished_at,
        }
        .unwrap_or(self.updated_at)
    }
}
