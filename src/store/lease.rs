//! Instances and leases: who is alive, and who may send through what.

use super::{Store, StoreError, failed};
use crate::domain::ids::{AttemptId, InstanceId, NumberId, OrganizationId};
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

/// How long a lease lives without renewal.
pub const LEASE_TTL: Duration = Duration::from_secs(15);

/// A lease we hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// For which number.
    pub number: NumberId,
    /// Fences every claim; raised by every take-over.
    pub epoch: i64,
}

/// What an instance says of itself when it arrives.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Its id, made by itself.
    pub instance: InstanceId,
    /// Who runs it.
    pub operator: String,
    /// On which host.
    pub host: String,
    /// As which process.
    pub pid: u32,
    /// `console`, `sender` or `watch`.
    pub kind: &'static str,
}

/// An instance that stopped renewing with work still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadInstance {
    /// Which one.
    pub instance: InstanceId,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
}

impl Store {
    /// Puts a new instance on record.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn introduce(
        &self,
        organization: OrganizationId,
        who: &Introduction,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into instances (organization_id, id, operator, host, pid, version, kind, oldest_open)
             values ($1, $2, $3, $4, $5, $6, $7, $2)",
            organization.0,
            who.instance.0,
            who.operator,
            who.host,
            i32::try_from(who.pid).unwrap_or(0),
            env!("CARGO_PKG_VERSION"),
            who.kind,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("introduce this instance"))?;
        Ok(())
    }

    /// Says that the instance is alive, what it is doing and how many requests it has on the wire. `oldest_open` is
    /// the smallest id of an attempt of ours that has no recorded outcome: a sweep begins there. `false`: there was nothing to
    /// write to, because the instance is not on record any more or the login role only looks at the organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn heartbeat(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        in_flight: u32,
        phase: &str,
        oldest_open: AttemptId,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query!(
            "update instances set seen_at = clock_timestamp(), in_flight = $3, phase = $4, oldest_open = $5,
                    closed_at = null
              where organization_id = $1 and id = $2",
            organization.0,
            instance.0,
            i32::try_from(in_flight).unwrap_or(i32::MAX),
            phase,
            oldest_open.0,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("say that this instance is alive"))?;
        Ok(noted.rows_affected() > 0)
    }

    /// Renews the leases we hold. Those that are missing in the answer are lost. The lock is taken first and only
    /// then the expiry is compared with the clock: a renewal that waited past the expiry comes too late.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn renew_leases(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        leases: &[Lease],
    ) -> Result<Vec<Lease>, StoreError> {
        let numbers: Vec<Uuid> = leases.iter().map(|lease| lease.number.0).collect();
        let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
        let rows = sqlx::query!(
            "with held as materialized (
                 select l.number_id, l.expires_at from number_leases l
                   join unnest($3::uuid[], $4::bigint[]) as k (number_id, epoch)
                     on k.number_id = l.number_id and k.epoch = l.epoch
                  where l.organization_id = $1 and l.holder = $2
                  order by l.number_id for update of l
             )
             update number_leases l
                set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $5)
               from held h
              where l.organization_id = $1 and l.number_id = h.number_id and h.expires_at > clock_timestamp()
             returning l.number_id, l.epoch",
            organization.0,
            instance.0,
            &numbers,
            &epochs,
            LEASE_TTL.as_secs_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("renew leases"))?;
        Ok(rows.into_iter().map(|row| Lease { number: row.number_id.into(), epoch: row.epoch }).collect())
    }

    /// Takes over at most `most` free leases among `numbers`, in that order. Each gets a new epoch.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_leases(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        numbers: &[NumberId],
        most: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let numbers: Vec<Uuid> = numbers.iter().map(|number| number.0).collect();
        let rows = sqlx::query!(
            "with free as materialized (
                 select l.number_id, l.expires_at from number_leases l
                   join unnest($3::uuid[]) with ordinality as k (number_id, place) on k.number_id = l.number_id
                  where l.organization_id = $1 and l.expires_at <= clock_timestamp()
                  order by k.place limit $5 for update of l skip locked
             )
             update number_leases l
                set holder = $2, epoch = l.epoch + 1, renewed_at = clock_timestamp(), unusable = null,
                    expires_at = clock_timestamp() + make_interval(secs => $4)
               from free f
              where l.organization_id = $1 and l.number_id = f.number_id and f.expires_at <= clock_timestamp()
             returning l.number_id, l.epoch",
            organization.0,
            instance.0,
            &numbers,
            LEASE_TTL.as_secs_f64(),
            i64::from(most),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("take leases"))?;
        Ok(rows.into_iter().map(|row| Lease { number: row.number_id.into(), epoch: row.epoch }).collect())
    }

    /// Gives leases up, so that another instance can take them at once.
    ///
    /// # Errors
    /// When the database is away or refuses; they expire by themselves then.
    pub async fn release_leases(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        numbers: &[NumberId],
    ) -> Result<(), StoreError> {
        let numbers: Vec<Uuid> = numbers.iter().map(|number| number.0).collect();
        sqlx::query!(
            "update number_leases set expires_at = clock_timestamp(), holder = null, unusable = null
              where organization_id = $1 and holder = $2 and number_id = any ($3)",
            organization.0,
            instance.0,
            &numbers,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("give leases up"))?;
        Ok(())
    }

    /// Puts on record which of the numbers that we hold cannot be sent through here, and why; of the others, that they can.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_unusable(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        held: &[(NumberId, Option<String>)],
    ) -> Result<(), StoreError> {
        let (numbers, why): (Vec<Uuid>, Vec<Option<String>>) =
            held.iter().map(|(number, why)| (number.0, why.clone())).unzip();
        sqlx::query!(
            "update number_leases l set unusable = k.why
               from unnest($3::uuid[], $4::text[]) as k (number_id, why)
              where l.organization_id = $1 and l.number_id = k.number_id and l.holder = $2
                and l.unusable is distinct from k.why",
            organization.0,
            instance.0,
            &numbers,
            &why as &[Option<String>],
        )
        .execute(&self.lease)
        .await
        .map_err(failed("say which numbers cannot be used"))?;
        Ok(())
    }

    /// Takes a clean leave: no attempt of ours is open.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn leave(&self, organization: OrganizationId, instance: InstanceId) -> Result<(), StoreError> {
        sqlx::query!(
            "update instances set closed_at = clock_timestamp(), seen_at = clock_timestamp(), in_flight = 0,
                    phase = 'left'
              where organization_id = $1 and id = $2",
            organization.0,
            instance.0,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("take leave"))?;
        Ok(())
    }

    /// Moves attempts that are still *sending* `grace` past their deadline to *in doubt*, whoever owned them, and
    /// closes instances that are gone and have nothing open any more. Answers how many doubts it found.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn sweep_overdue(
        &self,
        organization: OrganizationId,
        grace: Duration,
        now: Option<DateTime<Utc>>,
    ) -> Result<u64, StoreError> {
        let swept = sqlx::query_scalar!(
            r#"select sweep_overdue($1, make_interval(secs => $2), $3) as "swept!""#,
            organization.0,
            grace.as_secs_f64(),
            now,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("sweep overdue attempts"))?;
        Ok(u64::try_from(swept).unwrap_or(0))
    }

    /// Takes a chore for this instance if it is due, and sets when it is due next. Every pass is idempotent, so a
    /// holder that dies in the middle only delays it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_chore(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        name: &str,
        every: Duration,
    ) -> Result<bool, StoreError> {
        Ok(!self.take_chores(organization, instance, &[(name, every)]).await?.is_empty())
    }

    /// Lets go of a chore that was taken for longer than it lasted: whoever asks next may take it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn end_chore(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        name: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update chores set next_run_at = clock_timestamp()
              where organization_id = $1 and name = $2 and taken_by = $3",
            organization.0,
            name,
            instance.0,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("let go of a chore"))?;
        Ok(())
    }

    /// Takes those of these chores that are due, as [`Store::take_chore`] does each, and answers their names.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_chores(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        chores: &[(&str, Duration)],
    ) -> Result<Vec<String>, StoreError> {
        let (names, every): (Vec<String>, Vec<f64>) =
            chores.iter().map(|(name, every)| ((*name).to_owned(), every.as_secs_f64())).unzip();
        // In the order of their names, so that two that ask at once wait for each other and not in a circle.
        sqlx::query_scalar!(
            "insert into chores as c (organization_id, name, next_run_at, taken_by)
             select $1, o.name, clock_timestamp() + make_interval(secs => o.every), $3
               from unnest($2::text[], $4::double precision[]) as o (name, every)
              order by o.name
             on conflict on constraint chores_key do update
                set next_run_at = excluded.next_run_at, taken_by = excluded.taken_by
              where c.next_run_at <= clock_timestamp()
             returning c.name",
            organization.0,
            &names,
            instance.0,
            &every,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("take chores"))
    }
}
