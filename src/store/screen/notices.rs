//! What others change: heard on the database's channel, told with who and what from the audit log.
//!
//! A notification says only which row has moved on. What became of it is read then, so that a burst of them costs one
//! look, and a lost one costs nothing but time: the picture is read every second anyway.

use super::{NO_REASON, Seat};
use crate::domain::action::{Subject, Version};
use crate::domain::ids::{CampaignId, InstanceId, NumberId, OrganizationId};
use crate::domain::phone::{Phone, mask};
use crate::domain::text::Safe;
use crate::postgres::way::{self, Way};
use crate::store::{
    Store, StoreError, failed,
    notice::{MOVED, channel},
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

const DOING: &str = "read who changed it";
/// Between two tries to listen again.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// So long nothing is heard before the server is asked whether it is still there.
const LONG_QUIET: Duration = Duration::from_secs(10);
/// Changes that wait to be told. More than anybody makes by hand; when they are too many, a reload is told instead.
const WAITING: usize = 256;

/// A row that has moved on, or the word that some may have been missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This row.
    Row {
        /// Of this table.
        table: String,
        /// Its id.
        id: Uuid,
        /// How often it has been changed.
        revision: i64,
    },
    /// The connection was away, or there were too many: look at everything again. The database's time is now.
    Reload(DateTime<Utc>),
}

/// A change, with who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: an operator, or `sender`.
    pub by: Safe,
    /// What, as `spring-vip paused`.
    pub what: Safe,
    /// About which row.
    pub subject: Subject,
    /// Its version now.
    pub version: Option<Version>,
    /// The program that did it, if it said so.
    pub instance: Option<InstanceId>,
    /// Whether somebody should look.
    pub alarming: bool,
}

#[derive(serde::Deserialize)]
struct Payload {
    table: String,
    org: Option<Uuid>,
    id: Option<Uuid>,
    revision: Option<i64>,
}

impl Store {
    /// Listens for changes of this organisation, on a connection of its own, until the receiver is dropped. The first word
    /// is [`Change::Reload`]: what happened before it was not heard. Lost connections are made again, and told as another
    /// one.
    #[must_use]
    pub fn changes(&self, seat: &Seat) -> mpsc::Receiver<Change> {
        let (tell, receiver) = mpsc::channel(WAITING);
        let (pool, organization) = (self.walk.clone(), seat.organization.0);
        tokio::spawn(async move {
            let mut wait = FIRST_WAIT;
            while !tell.is_closed() {
                if let Err(error) = listen(&pool, organization, &tell, &mut wait).await {
                    tracing::debug!(error = %error, "cannot listen for changes");
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        });
        receiver
    }

    /// The rows that somebody changed after this moment, in the order of their last change: what a listener that was away
    /// has missed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn changed_since(
        &self,
        seat: &Seat,
        since: DateTime<Utc>,
    ) -> Result<Vec<(String, Uuid)>, StoreError> {
        sqlx::query!(
            r#"select case l.entity when 'number' then 'whatsapp_numbers' else l.entity || 's' end as "table!",
                      l.entity_id as "id!"
                 from audit_log l
                where l.organization_id = $1 and l.at > $2
                  and l.entity in ('organization', 'number', 'campaign', 'account', 'pool')
                group by l.entity, l.entity_id
                order by max(l.at)"#,
            seat.organization.0,
            since,
        )
        .map(|row| (row.table, row.id))
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))
    }

    /// Who changed these rows, and what became of them: one line each, in the order given. `since`: the changes may be as
    /// old as that; `None`: they were heard of just now.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn describe_changes(
        &self,
        seat: &Seat,
        changes: &[(String, Uuid)],
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<ChangeLine>, StoreError> {
        let ids: Vec<Uuid> = changes.iter().map(|(_, id)| *id).collect();
        let rows = sqlx::query!(
            r#"select k.id as "id!", clock_timestamp() as "now!", l.at as "at?", l.actor as "actor?",
                      l.action as "action?", l.reason as "reason?", l.entity_name as "entity_name?", l.instance_id,
                      coalesce(n.revision, c.revision) as revision,
                      coalesce(c.name, nullif(n.display_name, '')) as name, n.phone::text as phone,
                      coalesce(n.suspended_at is not null, false) as "suspended!",
                      coalesce(c.state = 'paused', false) as "paused!",
                      coalesce(l.action in ('slow', 'warn', 'duplicate'), false) as "warned!",
                      w.words as "alert?", w.raised_at as "raised_at?"
                 from unnest($2::uuid[]) with ordinality as k (id, place)
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = k.id
                 left join campaigns c on c.organization_id = $1 and c.id = k.id
                 left join alerts w on w.organization_id = $1 and w.id = k.id
                 left join lateral (select * from audit_log l
                                     where l.organization_id = $1 and l.entity_id = k.id
                                       and l.at > least($3, clock_timestamp() - interval '30 seconds')
                                     order by l.at desc limit 1) l on true
                order by k.place"#,
            seat.organization.0,
            &ids,
            since,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .zip(changes)
            .map(|(row, (table, id))| {
                if let (Some(words), Some(at)) = (&row.alert, row.raised_at) {
                    return told(words, at);
                }
                let by_sender = row.actor.as_deref() == Some("sender");
                // A log may name a phone; a notice shows it masked.
                let named =
                    row.name.or(row.phone).or(row.entity_name).unwrap_or_else(|| table.replace('_', " "));
                let name = if Phone::parse(&named).is_ok() { mask(&named) } else { named };
                ChangeLine {
                    at: row.at.unwrap_or(row.now),
                    by: row.actor.as_deref().unwrap_or("somebody").into(),
                    what: Safe::new(&sentence(&name, row.action.as_deref(), row.reason.as_deref())),
                    subject: subject(table, *id),
                    version: row.revision.map(Version),
                    instance: row.instance_id.map(InstanceId),
                    alarming: by_sender && (row.suspended || row.paused || row.warned),
                }
            })
            .collect())
    }
}

/// Listens until the connection breaks or nobody wants to hear any more.
async fn listen(
    pool: &Way,
    organization: Uuid,
    tell: &mpsc::Sender<Change>,
    wait: &mut Duration,
) -> Result<(), sqlx::Error> {
    let mut listener = pool.listen(&channel(pool, OrganizationId(organization)).await?).await?;
    *wait = FIRST_WAIT;
    // Only now: what changes from here on is heard.
    if tell.send(Change::Reload(clock(pool).await?)).await.is_err() {
        return Ok(());
    }
    let mut missed = false;
    loop {
        let heard = tokio::select! {
            // Nothing is lost when this is left: the listener goes with it.
            () = tell.closed() => return Ok(()),
            heard = listener.try_recv() => heard?,
            // A path that died brings nothing, and says nothing of it.
            () = tokio::time::sleep(LONG_QUIET) => {
                way::sign_of_life(&mut listener).await?;
                continue;
            }
        };
        let Some(notification) = heard else { return Ok(()) };
        let Some(change) = read(notification.payload(), organization) else { continue };
        if matches!(&change, Change::Row { table, .. } if table == MOVED) {
            return Ok(());
        }
        let change = if missed { Change::Reload(clock(pool).await?) } else { change };
        // A slow reader must not hold up the connection: notifications would pile up in memory.
        missed = tell.try_send(change).is_err();
    }
}

async fn clock(pool: &Way) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "at!""#).fetch_one(pool).await
}

/// The row that a notification names, if it is of this organisation.
fn read(payload: &str, organization: Uuid) -> Option<Change> {
    let payload: Payload = serde_json::from_str(payload).ok()?;
    let id = payload.id?;
    if payload.org != Some(organization) {
        return None;
    }
    Some(Change::Row { table: payload.table, id, revision: payload.revision.unwrap_or(0) })
}

fn subject(table: &str, id: Uuid) -> Subject {
    match table {
        "whatsapp_numbers" => Subject::Number(NumberId(id)),
        "campaigns" => Subject::Campaign(CampaignId(id)),
        _ => Subject::Organization,
    }
}

/// What was told as an alert, and stands in no other row.
fn told(words: &str, at: DateTime<Utc>) -> ChangeLine {
    ChangeLine {
        at,
        by: "sender".into(),
        what: Safe::new(words),
        subject: Subject::Organization,
        version: None,
        instance: None,
        alarming: true,
    }
}

/// `spring-vip paused: wrong text`.
fn sentence(name: &str, action: Option<&str>, reason: Option<&str>) -> String {
    let Some(action) = action else { return format!("{name} changed") };
    let verb = action.split([' ', '_']).next().unwrap_or_default();
    let done = match verb {
        "pause" => "paused",
        "resume" => "resumed",
        "cancel" => "cancelled",
        "start" | "launch" => "started",
        "schedule" => "scheduled",
        "complete" => "completed",
        "suspend" => "suspended",
        "rest" | "limit" => "rests",
        "slow" => "goes on at half its rate",
        "restore" => "has its own rate again",
        "warn" => "warns",
        "duplicate" => "sent the same twice",
        "enable" => "enabled",
        "disable" => "disabled",
        "add" | "create" => "added",
        "stop" => "stopped: nothing is sent",
        "release" | "lift" => "may send again",
        "set" | "edit" => "changed",
        _ => "",
    };
    let what = if done.is_empty() {
        format!("{name}: {}", action.replace('_', " "))
    } else {
        format!("{name} {done}")
    };
    match reason.map(str::trim).filter(|reason| !reason.is_empty() && *reason != NO_REASON) {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_this_organisation_are_told() {
        let (mine, other, id) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let payload =
            |org: Uuid| format!(r#"{{"table":"campaigns","org":"{org}","id":"{id}","revision":7}}"#);
        assert_eq!(
            read(&payload(mine), mine),
            Some(Change::Row { table: "campaigns".into(), id, revision: 7 })
        );
        assert_eq!(read(&payload(other), mine), None);
        for broken in ["", "{}", "[1]", r#"{"table":1}"#, r#"{"table":"campaigns","org":null,"id":null}"#] {
            assert_eq!(read(broken, mine), None, "{broken}");
        }
    }

    #[test]
    fn changes_read_as_sentences() {
        for (action, reason, expected) in [
            (Some("pause campaign"), Some("wrong text"), "spring-vip paused: wrong text"),
            (Some("suspend_number"), Some(" "), "spring-vip suspended"),
            (Some("set priority"), Some("no reason given"), "spring-vip changed"),
            (Some("fail over number"), None, "spring-vip: fail over number"),
            (Some("slow"), Some("3 of 40 arrived"), "spring-vip goes on at half its rate: 3 of 40 arrived"),
            (Some("duplicate"), Some("step 1 of a"), "spring-vip sent the same twice: step 1 of a"),
            (None, None, "spring-vip changed"),
        ] {
            assert_eq!(sentence("spring-vip", action, reason), expected);
        }
    }
}
