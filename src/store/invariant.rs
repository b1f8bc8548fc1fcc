//! The invariants (`reliability.md`, section 12): queries that answer what must never exist, at any moment, on any
//! database. The doctor runs them for operators, and every sending test ends with them.

use super::{Store, StoreError, failed};
use crate::domain::ids::OrganizationId;
use serde::Serialize;
use sqlx::PgConnection;

/// Something that must never exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// `I1` to `I11`.
    pub invariant: &'static str,
    /// What was found where.
    pub detail: String,
}

/// The invariants and what each forbids.
pub const INVARIANTS: [(&str, &str); 11] = [
    ("I1", "one live attempt for each message, and every waiver names operator and reason"),
    ("I2", "no message was accepted twice unnoticed"),
    ("I3", "recipients add up to those enrolled, and their states agree with their attempts"),
    ("I4", "usage is within its cap and equals what is charged"),
    ("I5", "nothing began while its campaign was paused or cancelled, or all sending stopped"),
    ("I6", "the epochs of a number's attempts never go back"),
    ("I7", "no attempt is on the wire long after its deadline"),
    ("I8", "no message's state is below what is known of it"),
    ("I9", "nothing began after the person opted out"),
    ("I10", "every line of every import is accounted for"),
    ("I11", "every change of state names actor, time and reason"),
];

const DOING: &str = "check invariants";

/// One query, bound to the organisation, answering one line of text for each violation.
macro_rules! violations {
    ($check:expr, $organization:expr, $sql:literal) => {
        sqlx::query_scalar!($sql, $organization.0).fetch_all(&mut $check.on).await.map_err(failed(DOING))?
    };
}

impl Store {
    /// Runs all invariants and answers what they find, at most twenty of each.
    ///
    /// Each query sees its own moment: on a database at work it may take a look between two of them.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn check_invariants(&self, organization: OrganizationId) -> Result<Vec<Violation>, StoreError> {
        let mut check = Check::on(self).await?;
        let mut found = Vec::new();
        let mut note = |invariant: &'static str, details: Vec<String>| {
            found.extend(details.into_iter().map(|detail| Violation { invariant, detail }));
        };
        note("I1", check.live_twice(organization).await?);
        note("I2", check.accepted_twice(organization).await?);
        note("I3", check.sums_and_states(organization).await?);
        note("I4", check.usage_beside_charges(organization).await?);
        note("I5", check.begun_while_held(organization).await?);
        note("I6", check.epochs_going_back(organization).await?);
        note("I7", check.overdue(organization).await?);
        note("I8", check.states_too_low(organization).await?);
        note("I9", check.begun_after_opt_out(organization).await?);
        note("I10", check.imports_that_do_not_add_up(organization).await?);
        note("I11", check.unexplained_changes(organization).await?);
        Ok(found)
    }
}

/// A connection for whole tables, kept apart: no other work gets it afterwards.
struct Check {
    on: PgConnection,
}

impl Check {
    /// Compares tables as sets. Row by row through indexes, which looks cheap where the tables were never analysed, it takes
    /// the square of the time.
    async fn on(store: &Store) -> Result<Self, StoreError> {
        let mut on = store.bulk.acquire().await.map_err(failed(DOING))?.detach();
        sqlx::query!(r#"select set_config('enable_nestloop', 'off', false) as "set!""#)
            .fetch_one(&mut on)
            .await
            .map_err(failed(DOING))?;
        Ok(Self { on })
    }

    async fn live_twice(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('recipient %s, step %s: %s live attempts', recipient_id, step, count(*)) as "detail!"
                 from attempts where organization_id = $1 and state in ('sending', 'in_doubt', 'accepted')
                group by recipient_id, step having count(*) > 1
               union all
               select format('attempt %s is waived without operator or reason', id)
                 from attempts where organization_id = $1 and state = 'waived'
                  and (resolved_by is null or resolved_reason is null or finished_at is null)
                limit 20"#
        ))
    }

    async fn accepted_twice(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('recipient %s, step %s: provider ids %s', recipient_id, step,
                             string_agg(distinct provider_message_id, ', ')) as "detail!"
                 from attempts
                where organization_id = $1 and provider_message_id is not null and state <> 'undelivered'
                group by recipient_id, step
               having count(distinct provider_message_id) > 1 and not bool_or(contradicted)
                limit 20"#
        ))
    }

    async fn sums_and_states(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        let mut found = violations!(
            self,
            organization,
            r#"with counted as (
                   select campaign_id, count(*) as planned, count(*) filter (where state = 'queued') as queued,
                          count(*) filter (where state = 'sending') as sending,
                          count(*) filter (where state = 'accepted') as accepted,
                          count(*) filter (where state = 'delivered') as delivered,
                          count(*) filter (where state = 'read') as read,
                          count(*) filter (where state = 'failed') as failed,
                          count(*) filter (where state = 'in_doubt') as in_doubt,
                          count(*) filter (where state = 'skipped') as skipped,
                          count(*) filter (where state = 'skipped' and reason = 'opted_out') as opted_out
                     from campaign_recipients where organization_id = $1 group by campaign_id
               )
               select format('campaign %s: the counts say %s, the rows %s', s.name,
                             row (s.planned, s.queued, s.sending, s.accepted, s.delivered, s.read, s.failed, s.in_doubt,
                                  s.skipped, s.opted_out),
                             row (coalesce(c.planned, 0), coalesce(c.queued, 0), coalesce(c.sending, 0),
                                  coalesce(c.accepted, 0), coalesce(c.delivered, 0), coalesce(c.read, 0),
                                  coalesce(c.failed, 0), coalesce(c.in_doubt, 0), coalesce(c.skipped, 0),
                                  coalesce(c.opted_out, 0))) as "detail!"
                 from campaign_stats s left join counted c on c.campaign_id = s.campaign_id
                where s.organization_id = $1
                  and (not s.sums_hold
                       or (s.planned, s.queued, s.sending, s.accepted, s.delivered, s.read, s.failed, s.in_doubt,
                           s.skipped, s.opted_out)
                          is distinct from
                          (coalesce(c.planned, 0), coalesce(c.queued, 0), coalesce(c.sending, 0),
                           coalesce(c.accepted, 0), coalesce(c.delivered, 0), coalesce(c.read, 0),
                           coalesce(c.failed, 0), coalesce(c.in_doubt, 0), coalesce(c.skipped, 0),
                           coalesce(c.opted_out, 0)))
                limit 20"#
        );
        found.extend(self.counts_beside_rows(organization).await?);
        found.extend(self.replies_beside_attempts(organization).await?);
        found.extend(violations!(
            self,
            organization,
            r#"select format('recipient %s is %s at step %s, but its attempt %s is %s', r.id, r.state, r.step,
                             coalesce(a.id::text, 'of that step'), coalesce(a.state::text, 'missing')) as "detail!"
                 from campaign_recipients r
                 left join attempts a on a.organization_id = r.organization_id and a.recipient_id = r.id
                                     and a.step = r.step and a.live
                where r.organization_id = $1
                  and (r.last_attempt_id is not null or r.state in ('sending', 'in_doubt', 'accepted', 'delivered', 'read'))
                  and case r.state
                          when 'sending' then a.state is distinct from 'sending'
                          when 'in_doubt' then a.state is distinct from 'in_doubt'
                          when 'accepted' then a.state is distinct from 'accepted'
                          when 'delivered' then a.state is distinct from 'accepted'
                          when 'read' then a.state is distinct from 'accepted'
                          when 'failed' then a.state in ('sending', 'in_doubt')
                          else a.state is not null end
                limit 20"#
        ));
        Ok(found)
    }

    async fn replies_beside_attempts(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('reply %s is %s, but its attempt is %s', y.id, y.state, coalesce(a.state::text, 'missing'))
                          as "detail!"
                 from replies y
                 left join attempts a on a.organization_id = y.organization_id and a.recipient_id = y.id
                                     and a.state in ('sending', 'in_doubt', 'accepted')
                where y.organization_id = $1
                  and case when y.state in ('accepted', 'delivered', 'read') then a.state is distinct from 'accepted'
                           when y.state in ('sending', 'in_doubt') then a.state::text is distinct from y.state::text
                           when y.state = 'failed' then a.state in ('sending', 'in_doubt')
                           else a.state is not null end
                limit 20"#
        ))
    }

    async fn counts_beside_rows(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"with taken as (
                   select campaign_id, count(*) as n from attempts
                    where organization_id = $1 and state = 'accepted' and campaign_id is not null group by campaign_id
               ), untried as (
                   select campaign_id, count(*) as n from campaign_recipients
                    where organization_id = $1 and state = 'queued' and due_at is null group by campaign_id
               ), counted as (
                   select campaign_id, sum(sent)::bigint as sent, sum(fresh)::bigint as fresh from campaign_counts
                    where organization_id = $1 group by campaign_id
               )
               select format('campaign %s: %s messages counted as sent, %s attempts accepted; %s counted as fresh, %s are',
                             c.campaign_id, c.sent, coalesce(t.n, 0), c.fresh, coalesce(u.n, 0)) as "detail!"
                 from counted c
                 left join taken t on t.campaign_id = c.campaign_id
                 left join untried u on u.campaign_id = c.campaign_id
                where c.sent <> coalesce(t.n, 0) or c.fresh <> coalesce(u.n, 0)
                limit 20"#
        ))
    }

    async fn usage_beside_charges(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, StoreError> {
        let mut found = violations!(
            self,
            organization,
            r#"with charged as (
                   select 'number' as scope, number_id as scope_id, quota_day as day, count(*) as n
                     from attempts where organization_id = $1 and charged group by 2, 3
                   union all
                   select 'campaign', campaign_id, quota_day, count(*)
                     from attempts where organization_id = $1 and charged and campaign_id is not null group by 2, 3
                   union all
                   select 'replies', number_id, quota_day, count(*)
                     from attempts where organization_id = $1 and charged and campaign_id is null group by 2, 3
                   union all
                   select 'organization', organization_id, quota_day, count(*)
                     from attempts where organization_id = $1 and charged group by 2, 3
               )
               select format('%s %s on %s: %s reserved of %s, %s charged, %s counted elsewhere',
                             coalesce(u.scope, c.scope), coalesce(u.scope_id, c.scope_id), coalesce(u.day, c.day),
                             coalesce(u.reserved, 0), coalesce(u.cap::text, 'no cap'), coalesce(c.n, 0),
                             coalesce(u.elsewhere, 0)) as "detail!"
                 from (select * from quota_usage where organization_id = $1) u
                 full join charged c on c.scope = u.scope and c.scope_id = u.scope_id and c.day = u.day
                where u.reserved > u.cap or coalesce(u.reserved, 0) <> coalesce(c.n, 0) + coalesce(u.elsewhere, 0)
                limit 20"#
        );
        found.extend(violations!(
            self,
            organization,
            r#"with charged as (
                   select number_id, campaign_id, quota_day as day, count(*) as n
                     from attempts where organization_id = $1 and charged and campaign_id is not null
                    group by 1, 2, 3
               )
               select format('number %s for campaign %s on %s: %s used, %s charged', coalesce(u.number_id, c.number_id),
                             coalesce(u.campaign_id, c.campaign_id), coalesce(u.day, c.day), coalesce(u.used, 0),
                             coalesce(c.n, 0)) as "detail!"
                 from (select * from number_campaign_usage where organization_id = $1) u
                 full join charged c on c.number_id = u.number_id and c.campaign_id = u.campaign_id and c.day = u.day
                where coalesce(u.used, 0) <> coalesce(c.n, 0)
                limit 20"#
        ));
        found.extend(self.people_beside_charges(organization).await?);
        Ok(found)
    }

    /// Of accounts with a cap over 24 hours: the sum is that of the rows, and nobody is left out who was written to since
    /// a day before the latest of them or the last letting go, but for who had written before.
    async fn people_beside_charges(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('account %s reached %s people of %s, and %s are kept', r.account_id, r.reached, r.cap,
                             k.kept) as "detail!"
                 from account_reach r
                 join accounts a on a.organization_id = r.organization_id and a.id = r.account_id
                cross join lateral (select count(*) as kept from account_recipients k
                                     where k.organization_id = r.organization_id and k.account_id = r.account_id) k
                where r.organization_id = $1 and a.rolling_cap is not null and a.reach_id = a.id and (r.reached <> k.kept or r.reached > r.cap)
               union all
               select format('attempt %s is charged, and its person does not count for account %s', t.id, a.id)
                 from accounts a
                 join account_reach w on w.organization_id = a.organization_id and w.account_id = a.reach_id
                cross join lateral (select greatest(max(k.last_at), w.let_go_at) as last from account_recipients k
                                     where k.organization_id = a.organization_id and k.account_id = a.reach_id) l
                 join whatsapp_numbers n on n.organization_id = a.organization_id and n.account_id = a.id
                 join attempts t on t.organization_id = a.organization_id and t.number_id = n.id and t.charged
                                and t.started_at > l.last - interval '24 hours'
                 join campaign_recipients r on r.organization_id = t.organization_id
                                           and r.campaign_id = t.campaign_id and r.id = t.recipient_id
                where a.organization_id = $1 and a.rolling_cap is not null
                  and not exists (select from account_recipients k
                                   where k.organization_id = $1 and k.account_id = a.reach_id and k.phone = r.phone
                                     and k.last_at >= t.started_at)
                  and not exists (select from inbound_messages i
                                   where i.organization_id = $1 and i.phone = r.phone and i.number_id = n.id
                                     and i.received_at between t.started_at - interval '24 hours' and t.started_at)
                limit 20"#
        ))
    }

    /// A rehearsal's attempts carry the rehearsal's time and its pauses the real one: they cannot be compared.
    async fn begun_while_held(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            // Each attempt beside the last decision before it: a walk or two over the ledger, however many decisions.
            r#"with decided as materialized (
                   select entity_id as scope, at, action from audit_log
                    where organization_id = $1
                      and (entity = 'campaign' and action ~ '^(pause|cancel|resume|launch|start|complete)'
                           or entity = 'organization' and action in ('stop all sending', 'lift the stop'))
               ), told as (
                   select d.scope, null::uuid as id, d.at, d.action from decided d
                    union all
                   select a.campaign_id, a.id, a.started_at, null from attempts a
                    where a.organization_id = $1 and a.campaign_id in (select scope from decided)
                    union all
                   select $1, a.id, a.started_at, null from attempts a
                    where a.organization_id = $1 and a.started_at > (select min(at) from decided where scope = $1)
               ), placed as (
                   select t.*, count(t.action) over (partition by t.scope order by t.at) as decisions from told t
               ), beside as (
                   select p.id, p.at, first_value(p.action) over w as action, first_value(p.at) over w as decided_at
                     from placed p
                   window w as (partition by p.scope, p.decisions order by p.at, p.action is null)
               )
               select format('attempt %s began at %s, after %s at %s', b.id, b.at, b.action, b.decided_at) as "detail!"
                 from beside b
                where b.id is not null and b.action ~ '^(pause|cancel|stop all)' and b.at > b.decided_at
                  and not (select rehearsal from organizations where id = $1)
                limit 20"#
        ))
    }

    async fn epochs_going_back(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('attempt %s of number %s has epoch %s after %s', id, number_id, epoch, before) as "detail!"
                 from (select id, number_id, epoch,
                              max(epoch) over (partition by number_id order by started_at
                                  range between unbounded preceding and '1 microsecond' preceding) as before
                         from attempts
                        where organization_id = $1 and not (select rehearsal from organizations where id = $1)) e
                where epoch < before
                limit 20"#
        ))
    }

    async fn overdue(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('attempt %s is still sending, its deadline was %s', id, deadline_at) as "detail!"
                 from attempts
                where organization_id = $1 and state = 'sending'
                  and deadline_at < clock_timestamp() - interval '60 seconds'
               union all
               select format('attempt %s is in doubt, and its recipient is %s: nobody would see it', a.id, r.state)
                 from attempts a
                 join campaign_recipients r on r.organization_id = a.organization_id
                                           and r.campaign_id = a.campaign_id and r.id = a.recipient_id
                where a.organization_id = $1 and a.state = 'in_doubt' and r.step = a.step and r.state <> 'in_doubt'
               union all
               select format('attempt %s is in doubt, and its reply is %s: nobody would see it', a.id, y.state)
                 from attempts a
                 join replies y on y.organization_id = a.organization_id and y.id = a.recipient_id
                where a.organization_id = $1 and a.state = 'in_doubt' and y.state <> 'in_doubt'
                limit 20"#
        ))
    }

    async fn states_too_low(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('recipient %s is %s at step %s, and step %s was accepted', r.id, r.state, r.step, a.step)
                          as "detail!"
                 from attempts a
                 join campaign_recipients r on r.organization_id = a.organization_id
                                           and r.campaign_id = a.campaign_id and r.id = a.recipient_id
                where a.organization_id = $1 and a.state = 'accepted'
                  and (a.step > r.step
                       or a.step = r.step and r.state in ('queued', 'sending', 'in_doubt', 'skipped'))
               union all
               select format('reply %s is %s, and %s was reported', y.id, y.state, a.delivery)
                 from attempts a
                 join replies y on y.organization_id = a.organization_id and y.id = a.recipient_id
                               and y.last_attempt_id = a.id
                where a.organization_id = $1 and a.campaign_id is null and a.state = 'accepted'
                  and (a.delivery = 'read' and y.state <> 'read'
                       or a.delivery = 'delivered' and y.state not in ('delivered', 'read'))
                limit 20"#
        ))
    }

    async fn begun_after_opt_out(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('attempt %s began at %s, the person had opted out at %s', a.id, a.started_at, s.since)
                          as "detail!"
                 from suppressions s
                 join campaigns c on c.organization_id = s.organization_id
                 join campaign_recipients r on r.organization_id = c.organization_id and r.campaign_id = c.id
                                           and r.phone = s.phone
                 join attempts a on a.organization_id = r.organization_id and a.recipient_id = r.id
                                and a.started_at > s.since
                where s.organization_id = $1 and not (select rehearsal from organizations where id = $1)
               union all
               -- The one message that confirms an opt-out is the exception.
               select format('attempt %s of a reply began at %s, the person had opted out at %s', a.id, a.started_at,
                             s.since)
                 from suppressions s
                 join replies y on y.organization_id = s.organization_id and y.phone = s.phone
                               and y.kind <> 'stop_confirmation'
                 join attempts a on a.organization_id = y.organization_id and a.recipient_id = y.id
                                and a.started_at > s.since
                where s.organization_id = $1 and not (select rehearsal from organizations where id = $1)
               union all
               select format('canary %s began at %s, the person had opted out at %s', c.id, c.started_at, s.since)
                 from suppressions s
                 join canaries c on c.organization_id = s.organization_id and c.phone = s.phone
                                and c.started_at > s.since
                where s.organization_id = $1
                limit 20"#
        ))
    }

    async fn imports_that_do_not_add_up(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('import %s of %s: %s lines', id, file_name, lines) as "detail!"
                 from contact_imports
                where organization_id = $1 and accepted + updated + duplicate + rejected <> lines
                limit 20"#
        ))
    }

    async fn unexplained_changes(&mut self, organization: OrganizationId) -> Result<Vec<String>, StoreError> {
        Ok(violations!(
            self,
            organization,
            r#"select format('campaign %s is %s, and nobody decided that', c.name, c.state) as "detail!"
                 from campaigns c
                where c.organization_id = $1 and c.state <> 'draft'
                  and not exists (select from audit_log l
                                   where l.organization_id = $1 and l.entity_id = c.id
                                     and l.action ~ (case c.state
                                         when 'scheduled' then '^(schedule|create)' when 'active' then '^(launch|start|resume)'
                                         when 'paused' then '^pause' when 'completed' then '^complete'
                                         else '^cancel' end))
               union all
               select format('number %s is suspended, and nobody decided that', n.phone)
                 from whatsapp_numbers n
                where n.organization_id = $1 and n.suspended_at is not null
                  and not exists (select from audit_log l
                                   where l.organization_id = $1 and l.entity_id = n.id
                                     and l.action ~ '^(suspend|fail over)')
               union all
               select format('attempt %s was settled by %s, and no record says so', a.id, a.resolved_by)
                 from attempts a
                where a.organization_id = $1 and a.resolved_by is not null
                  and not exists (select from audit_log l where l.organization_id = $1 and l.entity_id = a.id)
               union all
               select format('%s of %s at %s names no actor or no reason', action, entity_name, at)
                 from audit_log
                where organization_id = $1 and action <> 'reveal phone' and (btrim(actor) = '' or btrim(reason) = '')
                limit 20"#
        ))
    }
}
