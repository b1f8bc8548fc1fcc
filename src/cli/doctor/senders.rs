//! The instances of an organisation, their leases, and who stands at the head of its lines.

use super::{Check, server};
use crate::sender::clock::Moment;
use crate::store::{
    Store, StoreError,
    condition::{InstanceCondition, LineHolder},
    lease::LEASE_TTL,
    organization::OrganizationRecord,
};
use chrono::TimeDelta;
use std::time::Duration;

/// A heartbeat comes every second: whoever has been silent for longer than its leases last is taken for gone by the others.
const SILENT: Duration = LEASE_TTL;
/// A decision stands at the head of its line for milliseconds.
const HEAD_OF_LINE: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Checks of an organisation.
pub async fn check(store: &Store, organization: &OrganizationRecord, named: bool, checks: &mut Vec<Check>) {
    let name = |what: &str| if named { format!("{what} {}", organization.slug) } else { what.to_owned() };
    let unread = |what: &str, error: StoreError| {
        Check::of(&name(what), Err(error.into()), "try again when the database is well")
    };
    match store.instance_conditions(organization.id).await {
        Ok(instances) => {
            checks.push(server::hosts(name("hosts"), &instances));
            checks.push(heartbeats(name("instances"), &instances));
        }
        Err(error) => checks.push(unread("instances", error)),
    }
    match store.orphan_leases(organization.id).await {
        Ok(leases) => checks.push(match leases.first() {
            None => {
                Check::good(name("leases"), "every number that is held is held by an instance that is there")
            }
            Some(lease) => Check::bad(
                name("leases"),
                format!(
                    "{} numbers are kept from all others by instances that are gone: {} by {} until {}",
                    leases.len(),
                    lease.number,
                    lease.holder,
                    lease.expires_at.format("%Y-%m-%d %H:%M:%S UTC")
                ),
                "wait until then; should it last, see whether somebody writes to number_leases by hand",
            ),
        }),
        Err(error) => checks.push(unread("leases", error)),
    }
    match standing_still(store, organization).await {
        Ok(holders) => checks.push(lines(name("locks"), &holders)),
        Err(error) => checks.push(unread("locks", error)),
    }
}

/// Whether all that are on record are heard of. One that went without a word and holds nothing harms nobody.
fn heartbeats(name: String, instances: &[InstanceCondition]) -> Check {
    let limit = TimeDelta::from_std(SILENT).unwrap_or_default();
    let (silent, heard): (Vec<_>, Vec<_>) =
        instances.iter().partition(|instance| instance.now - instance.seen_at > limit);
    let holding = silent.iter().find(|instance| instance.in_flight > 0 || instance.leases > 0);
    let said = |instance: &InstanceCondition| {
        let (host, kind, pid) = (&instance.host, &instance.kind, instance.pid);
        format!(
            "{kind} {pid} on {host} was heard of last at {}",
            instance.seen_at.format("%Y-%m-%d %H:%M:%S UTC")
        )
    };
    match (holding, silent.first()) {
        (Some(instance), _) => Check::bad(
            name,
            format!(
                "{}, with {} requests on the wire and {} numbers held",
                said(instance),
                instance.in_flight,
                instance.leases
            ),
            "see whether that program lives; if not, start a sender: it takes the numbers over and settles what was open",
        ),
        (None, Some(instance)) => Check::good(
            name,
            format!("{} are heard of; {}, and left nothing open", heard.len(), said(instance)),
        ),
        (None, None) => Check::good(name, format!("{} run, and all are heard of", heard.len())),
    }
}

/// Who stands at the head of a line longer than anybody should. Looked at again and again: a role that may not see the
/// transactions of others sees by this how long they last.
async fn standing_still(
    store: &Store,
    organization: &OrganizationRecord,
) -> Result<Vec<LineHolder>, StoreError> {
    let mut holders = store.line_holders(organization.id).await?;
    let began = Moment::now();
    while !holders.is_empty() && began.elapsed() < HEAD_OF_LINE {
        tokio::time::sleep(LOOK).await;
        let now = store.line_holders(organization.id).await?;
        let same = |holder: &LineHolder| {
            let before = holders.iter().find(|before| before.line == holder.line && before.pid == holder.pid);
            before.is_some_and(|before| before.since == holder.since)
        };
        holders = now.into_iter().filter(same).collect();
    }
    Ok(holders)
}

fn lines(name: String, holders: &[LineHolder]) -> Check {
    let Some(holder) = holders.first() else {
        return Check::good(name, "nobody keeps decisions, claims, slots, settings or imports waiting");
    };
    let since = holder.since.map_or_else(
        || "for more than 5 s".to_owned(),
        |since| format!("since {}", since.format("%Y-%m-%d %H:%M:%S UTC")),
    );
    let waiting = match holder.waiting {
        0 => String::new(),
        1 => ", and one waits for it".to_owned(),
        several => format!(", and {several} wait for it"),
    };
    Check::bad(
        name,
        format!(
            "{} (session {}) stands at the head of the line of {} {since}{waiting}",
            holder.login, holder.pid, holder.line
        ),
        format!("ask whoever {} is; or select pg_terminate_backend({})", holder.login, holder.pid),
    )
}
