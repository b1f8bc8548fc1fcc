//! In which condition the server, the instances, their leases and the lines that decisions stand in are: for `doctor`.

use super::{Store, StoreError, failed};
use crate::domain::ids::{InstanceId, OrganizationId};
use chrono::{DateTime, Utc};

/// An instance that is on record and has not taken its leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceCondition {
    /// Which one. Its id holds the time of its host's clock at which it was made.
    pub id: InstanceId,
    /// On which host.
    pub host: String,
    /// As which process.
    pub pid: i32,
    /// `console`, `sender` or `watch`.
    pub kind: String,
    /// When it was put on record, by the database's clock.
    pub started_at: DateTime<Utc>,
    /// Its last heartbeat, by the database's clock.
    pub seen_at: DateTime<Utc>,
    /// That clock now.
    pub now: DateTime<Utc>,
    /// Requests that it had on the wire at its last heartbeat.
    pub in_flight: i32,
    /// Numbers whose lease it holds.
    pub leases: i64,
}

/// A lease that has not expired, of an instance that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanLease {
    /// The number, masked.
    pub number: String,
    /// The instance.
    pub holder: InstanceId,
    /// Until when it holds the number from others.
    pub expires_at: DateTime<Utc>,
}

/// A session that stands at the head of a line of an organisation: all others that decide, claim or import wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineHolder {
    /// What the line is for.
    pub line: String,
    /// The session's process on the server.
    pub pid: i32,
    /// The login role.
    pub login: String,
    /// Since when its transaction lasts, where this role may see that.
    pub since: Option<DateTime<Utc>>,
    /// Sessions that wait behind it.
    pub waiting: i64,
}

impl Store {
    /// The server's version, as it says it, and its number.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn server_version(&self) -> Result<(String, i32), StoreError> {
        let row = sqlx::query!(
            r#"select current_setting('server_version') as "words!", current_setting('server_version_num')::integer as "number!""#
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("ask the server's version"))?;
        Ok((row.words, row.number))
    }

    /// What the database's clock shows.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&self.screen)
            .await
            .map_err(failed("ask the database's clock"))
    }

    /// The instances that are on record and have not left, the longest silent first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn instance_conditions(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<InstanceCondition>, StoreError> {
        let rows = sqlx::query!(
            r#"select i.id, i.host, i.pid, i.kind, i.started_at, i.seen_at, clock_timestamp() as "now!", i.in_flight,
                      (select count(*) from number_leases l
                        where l.organization_id = i.organization_id and l.holder = i.id
                          and l.expires_at > clock_timestamp()) as "leases!"
                 from instances i where i.organization_id = $1 and i.closed_at is null
                order by i.seen_at, i.id"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("look at the instances"))?;
        let conditions = rows.into_iter().map(|row| InstanceCondition {
            id: row.id.into(),
            host: row.host,
            pid: row.pid,
            kind: row.kind,
            started_at: row.started_at,
            seen_at: row.seen_at,
            now: row.now,
            in_flight: row.in_flight,
            leases: row.leases,
        });
        Ok(conditions.collect())
    }

    /// Leases that keep a number from others for an instance that left, or that nobody knows.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn orphan_leases(&self, organization: OrganizationId) -> Result<Vec<OrphanLease>, StoreError> {
        let rows = sqlx::query!(
            r#"select masked(n.phone::text) as "number!", l.holder as "holder!", l.expires_at
                 from number_leases l
                 join whatsapp_numbers n on n.organization_id = l.organization_id and n.id = l.number_id
                 left join instances i on i.organization_id = l.organization_id and i.id = l.holder
                where l.organization_id = $1 and l.holder is not null and l.expires_at > clock_timestamp()
                  and (i.id is null or i.closed_at is not null)
                order by 1"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("look at the leases"))?;
        let leases = rows.into_iter().map(|row| OrphanLease {
            number: row.number,
            holder: row.holder.into(),
            expires_at: row.expires_at,
        });
        Ok(leases.collect())
    }

    /// Who stands at the head of an organisation's lines at this moment. Whoever may connect to the database can: the lines are
    /// advisory locks.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn line_holders(&self, organization: OrganizationId) -> Result<Vec<LineHolder>, StoreError> {
        sqlx::query_as!(
            LineHolder,
            r#"with lines (line, key) as (
                   values ('decisions and claims', decision_queue($1)), ('slots', slot_queue($1)),
                          ('imports', hashtextextended('import ' || ($1::uuid)::text, 0)),
                          ('settings', hashtextextended('settings ' || ($1::uuid)::text, 0))
               ), locks as (
                   select (l.classid::bigint << 32) | l.objid::bigint as key, l.pid, l.granted
                     from pg_locks l
                    where l.locktype = 'advisory' and l.objsubid = 1
                      and l.database = (select d.oid from pg_database d where d.datname = current_database())
               )
               select n.line as "line!", k.pid as "pid!", coalesce(a.usename::text, 'somebody') as "login!",
                      a.xact_start as since,
                      (select count(*) from locks w where w.key = k.key and not w.granted) as "waiting!"
                 from lines n join locks k on k.key = n.key and k.granted
                 left join pg_stat_activity a on a.pid = k.pid
                where k.pid <> pg_backend_pid()
                order by 1, 2"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("look at the lines of decisions"))
    }
}
