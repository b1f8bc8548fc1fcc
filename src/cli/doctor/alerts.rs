//! Whether alerts reach anybody besides whoever looks at a console.

use super::Check;
use crate::store::{Store, organization::OrganizationRecord};

/// One check for an organisation.
pub async fn check(store: &Store, organization: &OrganizationRecord, named: bool, checks: &mut Vec<Check>) {
    let name = if named { format!("alerts {}", organization.slug) } else { "alerts".to_owned() };
    let known = store.alert_channels(organization.id, None).await;
    let known = match known {
        Ok(channels) => store.alert_rules(organization.id).await.map(|rules| (channels, rules)),
        Err(error) => Err(error),
    };
    let (channels, rules) = match known {
        Ok(known) => known,
        Err(error) => {
            checks.push(Check::of(&name, Err(error.into()), "try again when the database is well"));
            return;
        }
    };
    let untimed = channels
        .iter()
        .find(|channel| channel.is_active && channel.daily_report && rules.report_at.is_none());
    let failing = channels.iter().find(|channel| channel.is_active && channel.failing_since.is_some());
    checks.push(match (failing, channels.iter().filter(|channel| channel.is_active).count()) {
        (None, _) if untimed.is_some() => {
            let channel = untimed.map_or("", |channel| channel.name.as_str());
            let found =
                format!("{channel} wants the report of the day, and no time is set for it: none goes out");
            Check::bad(name, found, "signalbox alert rules --report-at 07:30")
        }
        (None, 0) => Check::good(name, "they stand in the console only: no channel is set"),
        (None, several) => Check::good(name, format!("nothing speaks against its {several} channels")),
        (Some(channel), _) => {
            let why = channel.failing_reason.as_deref().unwrap_or("nobody knows why");
            let since = channel
                .failing_since
                .map_or(String::new(), |at| at.format(" since %Y-%m-%d %H:%M UTC").to_string());
            let fix = format!("signalbox alert channel test {}", channel.name);
            Check::bad(name, format!("nothing gets through to {}{since}: {why}", channel.name), fix)
        }
    });
}
