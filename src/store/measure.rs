//! What senders decide about numbers, accounts and campaigns from the answers they get. Decisions from an answer are
//! fenced: a sender that no longer holds the number's lease changes nothing. What a provider reports by itself may come
//! to any sender and needs no lease.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{AccountId, CampaignId, InstanceId, NumberId, OrganizationId},
    phone::Phone,
};
use std::time::Duration;

/// Why a sender takes a number out of service.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Our word for it: `number_suspended`, `account_fatal`.
    pub class: &'static str,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's own words, cleaned.
    pub words: String,
}

impl Cause {
    /// One line for people: `number_suspended 131031: account locked`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let class = self.class.replace('_', " ");
        match (&self.code, self.words.is_empty()) {
            (Some(code), false) => format!("{class}, {code}: {}", self.words),
            (Some(code), true) => format!("{class}, {code}"),
            (None, false) => format!("{class}: {}", self.words),
            (None, true) => class,
        }
    }
}

impl Store {
    /// Suspends a number because of a provider's answer, opens the record of the switch, and says who does its work
    /// next. `epoch`: of the lease under which the answer came; none for a report. `false`: it was suspended already, or
    /// the lease is not ours any more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn suspend_number_by_answer(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        number: NumberId,
        epoch: Option<i64>,
        cause: &Cause,
        in_flight: u32,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with held as materialized (
                   select number_id from number_leases
                    where organization_id = $1 and number_id = $2
                      and ($4::bigint is null or holder = $3 and epoch = $4) for share
               ), locked as materialized (
                   select n.id, n.phone::text as phone from whatsapp_numbers n join held h on h.number_id = n.id
                    where n.organization_id = $1 and n.suspended_at is null for update of n
               ), suspended as (
                   update whatsapp_numbers n
                      set suspended_at = clock_timestamp(), suspension_reason = $5, suspended_by = 'sender',
                          suspended_until = null, revision = n.revision + 1, updated_at = clock_timestamp()
                     from locked l where n.organization_id = $1 and n.id = l.id
                   returning n.id
               ), recorded as (
                   insert into failovers (organization_id, id, from_number_id, to_number_id, cause, code, words, actor,
                                          in_flight)
                   select $1, new_uuid(), s.id, next_number($1, s.id), $6, $7, $8, 'sender', $9 from suspended s
                   on conflict do nothing
               ), audited as (
                   insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name,
                                          reason)
                   select $1, 'sender', $3, 'suspend', 'number', l.id, l.phone, $5 from locked l
               )
               select count(*) as "count!" from suspended"#,
            organization.0,
            number.0,
            instance.0,
            epoch,
            cause.sentence(),
            cause.class,
            cause.code,
            cause.words,
            i32::try_from(in_flight).unwrap_or(i32::MAX),
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("suspend a number"))?;
        Ok(changed > 0)
    }

    /// Suspends every number of an account because its credential or the account itself was refused. `fenced`: only if
    /// we hold the lease of one of them. Answers how many were suspended now.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn suspend_account_by_answer(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        account: AccountId,
        fenced: bool,
        cause: &Cause,
    ) -> Result<u64, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select n.id, n.phone::text as phone from whatsapp_numbers n
                    where n.organization_id = $1 and n.account_id = $2 and n.suspended_at is null
                      and (not $8
                           or exists (select from number_leases l join whatsapp_numbers m
                                          on m.organization_id = l.organization_id and m.id = l.number_id
                                       where l.organization_id = $1 and m.account_id = $2 and l.holder = $3
                                         and l.expires_at > clock_timestamp()))
                    order by n.id for update of n
               ), suspended as (
                   update whatsapp_numbers n
                      set suspended_at = clock_timestamp(), suspension_reason = $4, suspended_by = 'sender',
                          suspended_until = null, revision = n.revision + 1, updated_at = clock_timestamp()
                     from locked l where n.organization_id = $1 and n.id = l.id
                   returning n.id
               ), recorded as (
                   insert into failovers (organization_id, id, from_number_id, to_number_id, cause, code, words, actor)
                   select $1, new_uuid(), s.id, next_number($1, s.id, $2), $5, $6, $7, 'sender' from suspended s
                   on conflict do nothing
               ), audited as (
                   insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name,
                                          reason)
                   select $1, 'sender', $3, 'suspend', 'number', l.id, l.phone, $4 from locked l
               )
               select count(*) as "count!" from suspended"#,
            organization.0,
            account.0,
            instance.0,
            cause.sentence(),
            cause.class,
            cause.code,
            cause.words,
            fenced,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("suspend the numbers of an account"))?;
        Ok(u64::try_from(changed).unwrap_or(0))
    }

    /// Lets a number rest: it goes on by itself. A shorter rest never replaces a longer one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn rest_number(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        number: NumberId,
        rest: Duration,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select n.id, n.phone::text as phone, n.limited_until from whatsapp_numbers n
                    where n.organization_id = $1 and n.id = $2 for update
               ), rested as (
                   update whatsapp_numbers n
                      set limited_until = clock_timestamp() + make_interval(secs => $4), limited_reason = $5,
                          revision = n.revision + 1, updated_at = clock_timestamp()
                     from locked l
                    where n.organization_id = $1 and n.id = l.id
                      and coalesce(l.limited_until, '-infinity')
                          < clock_timestamp() + make_interval(secs => $4) - interval '500 milliseconds'
                   returning n.id
               ), audited as (
                   insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name,
                                          reason)
                   select $1, 'sender', $3, 'rest', 'number', l.id, l.phone, $5 from locked l join rested r using (id)
               )
               select count(*) as "count!" from rested"#,
            organization.0,
            number.0,
            instance.0,
            rest.as_secs_f64(),
            reason,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("let a number rest"))?;
        Ok(changed > 0)
    }

    /// Lets numbers rest that their provider told to go slower, and halves their pace for afterwards; it comes back step by
    /// step. Answers how many rest longer than before.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn throttle_numbers(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        numbers: &[NumberId],
        rest: Duration,
        reason: &str,
    ) -> Result<i32, StoreError> {
        let numbers: Vec<uuid::Uuid> = numbers.iter().map(|number| number.0).collect();
        sqlx::query_scalar!(
            r#"select throttle_numbers($1, $2, $3, make_interval(secs => $4), $5) as "count!""#,
            organization.0,
            instance.0,
            &numbers,
            rest.as_secs_f64(),
            reason,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("slow numbers down"))
    }

    /// How many messages wait in a gateway's own queue, as far as we know.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn queue_of(
        &self,
        organization: OrganizationId,
        number: NumberId,
    ) -> Result<Option<i32>, StoreError> {
        sqlx::query_scalar!(
            "select queued from number_pacing where organization_id = $1 and number_id = $2",
            organization.0,
            number.0,
        )
        .fetch_optional(&self.lease)
        .await
        .map(Option::flatten)
        .map_err(failed("read a gateway's queue"))
    }

    /// Keeps what a gateway says of its own queue. `before`: what [`Store::queue_of`] said when it was asked; `waiting`: what
    /// waits there and is on the way; `None`: it does not say. Answers what holds from now on; nothing changes for whoever
    /// does not hold the number's lease.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_queue(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        number: NumberId,
        before: Option<i32>,
        waiting: Option<u32>,
    ) -> Result<Option<u32>, StoreError> {
        let queued = sqlx::query_scalar!(
            "select note_queue($1, $2, $3, $4, $5)",
            organization.0,
            instance.0,
            number.0,
            before,
            waiting.map(|waiting| i32::try_from(waiting).unwrap_or(i32::MAX)),
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("keep a gateway's queue"))?;
        Ok(queued.and_then(|queued| u32::try_from(queued).ok()))
    }

    /// Keeps with each account what its provider grants its numbers. Answers how many accounts changed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn follow_provider_limits(&self, organization: OrganizationId) -> Result<i32, StoreError> {
        sqlx::query_scalar!(r#"select follow_provider_limits($1) as "count!""#, organization.0)
            .fetch_one(&self.lease)
            .await
            .map_err(failed("follow the limits of providers"))
    }

    /// Pauses a campaign because a safety rule says so.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn pause_campaign_by_rule(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        campaign: CampaignId,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            // In line with claims, which would pass by for ever: they share the campaign's row.
            r#"with queue as materialized (
                   select pg_advisory_xact_lock(decision_queue($1))
               ), locked as materialized (
                   select c.id, c.name from queue, campaigns c
                    where c.organization_id = $1 and c.id = $2 and c.state = 'active' for update of c
               ), paused as (
                   update campaigns c
                      set state = 'paused', paused_at = clock_timestamp(), hold_reason = $4, changed_by = 'sender',
                          revision = c.revision + 1, updated_at = clock_timestamp()
                     from locked l where c.organization_id = $1 and c.id = l.id
                   returning c.id
               ), audited as (
                   insert into audit_log (organization_id, actor, instance_id, action, entity, entity_id, entity_name,
                                          reason, before, after)
                   select $1, 'sender', $3, 'pause', 'campaign', l.id, l.name, $4,
                          '{"state": "active"}', '{"state": "paused"}' from locked l
               )
               select count(*) as "count!" from paused"#,
            organization.0,
            campaign.0,
            instance.0,
            reason,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("pause a campaign"))?;
        Ok(changed > 0)
    }

    /// Says on every console that an account's provider does not answer, or that it answers again.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn mark_account_reachable(
        &self,
        organization: OrganizationId,
        account: AccountId,
        unreachable: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update accounts
                set unreachable_since = case when $3::text is null then null
                                             else coalesce(unreachable_since, clock_timestamp()) end,
                    unreachable_reason = $3, revision = revision + 1
              where organization_id = $1 and id = $2 and unreachable_reason is distinct from $3",
            organization.0,
            account.0,
            unreachable,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("say whether a provider answers"))?;
        Ok(())
    }

    /// Takes a person out of every campaign: moves what is queued for the phone to *skipped* first, whose row locks order
    /// it against claims, and only then records the suppression with its time (rule C).
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn suppress(
        &self,
        organization: OrganizationId,
        phone: &Phone,
        source: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!("select suppress($1, $2, $3, $4)", organization.0, phone.reveal(), source, reason)
            .execute(&self.lease)
            .await
            .map_err(failed("record an opt-out"))?;
        Ok(())
    }
}
