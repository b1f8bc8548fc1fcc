//! The server itself: its version, and how its clock goes beside the clocks of those who use it.

use super::Check;
use crate::{
    cli::CliError,
    postgres::binaries::OLDEST_MAJOR,
    sender::clock::wall,
    store::{Store, condition::InstanceCondition},
};
use chrono::{DateTime, TimeDelta, Utc};

/// Clocks may differ by so much: nothing that is decided goes by ours, but logs and what providers note do.
const MAY_DIFFER: TimeDelta = TimeDelta::seconds(5);
/// Between the moment at which an instance is named, by its host's clock, and the one at which the database notes it there may lie
/// so much.
const MAY_START_IN: TimeDelta = TimeDelta::seconds(30);

const SET_CLOCKS: &str =
    "let a time service (chrony, systemd-timesyncd) set the clocks of all hosts and of the server";

/// Whether the server is of a version that the schema is made for.
pub async fn version(store: &Store) -> Check {
    let found = store.server_version().await.map_err(CliError::from).and_then(|(words, number)| {
        let major = number / 10_000;
        if u32::try_from(major).is_ok_and(|major| major >= OLDEST_MAJOR) {
            Ok(format!("PostgreSQL {words}, which is supported: {OLDEST_MAJOR} or later"))
        } else {
            Err(CliError::failed(format!("PostgreSQL {words} is not supported: {OLDEST_MAJOR} or later is")))
        }
    });
    Check::of("server version", found, "bring the server to a later version with pg_upgrade or a dump")
}

/// Whether our clock goes as the database's does.
pub async fn clock(store: &Store) -> Check {
    let before = wall();
    let shown = store.clock().await;
    let after = wall();
    let found = shown.map_err(CliError::from).and_then(|shown| judge(before.into(), shown, after.into()));
    Check::of("clocks", found, SET_CLOCKS)
}

/// The database read its clock somewhere between two looks at ours.
fn judge(before: DateTime<Utc>, shown: DateTime<Utc>, after: DateTime<Utc>) -> Result<String, CliError> {
    let ahead = (before - shown).max(TimeDelta::zero());
    let behind = (shown - after).max(TimeDelta::zero());
    let (differs, how) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
    if differs > MAY_DIFFER {
        return Err(CliError::failed(format!(
            "this host's clock is {} s {how} the database's; limits and leases go by the database's alone, logs do not",
            differs.num_seconds()
        )));
    }
    Ok(format!("this host and the database differ by no more than {} s", MAY_DIFFER.num_seconds()))
}

/// Whether the clocks of the hosts that run something went as the database's did when it was begun.
pub fn hosts(name: String, instances: &[InstanceCondition]) -> Check {
    let wrong = instances.iter().find_map(|instance| {
        let named = made_at(instance)?;
        let differs = instance.started_at - named;
        (differs > MAY_START_IN || differs < -MAY_DIFFER).then(|| {
            let (by, how) = match differs {
                differs if differs > TimeDelta::zero() => (differs, "behind"),
                differs => (-differs, "ahead of"),
            };
            let (host, kind, pid) = (&instance.host, &instance.kind, instance.pid);
            let by = by.num_seconds();
            format!("the clock of host {host} was {by} s {how} the database's when {kind} {pid} began there")
        })
    });
    match wrong {
        Some(detail) => Check::bad(name, detail, SET_CLOCKS),
        None => Check::good(name, format!("those of {} instances went as the database's", instances.len())),
    }
}

/// When an instance was named, by its host's clock.
fn made_at(instance: &InstanceCondition) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = instance.id.0.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap_or_default()
    }

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        assert!(judge(at(0), at(8), at(9)).is_ok());
        assert!(judge(at(0), at(14), at(9)).is_ok());
        let behind = judge(at(0), at(3_610), at(9)).unwrap_err().message().unwrap_or_default();
        assert!(behind.starts_with("this host's clock is 3601 s behind the database's"), "{behind}");
        let ahead = judge(at(100), at(0), at(101)).unwrap_err().message().unwrap_or_default();
        assert!(ahead.starts_with("this host's clock is 100 s ahead of the database's"), "{ahead}");
    }
}
