//! The note for the next shift: what happened lately, what stands still and why, and what waits for somebody.

use super::{
    Store, StoreError,
    alert::{AlertRecord, AlertScope},
    failed,
};
use crate::domain::{ids::OrganizationId, phone::mask, text::Safe};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::{fmt::Write as _, time::Duration};

const DOING: &str = "write the note for the next shift";
/// Decisions that the note names.
const DECISIONS: i64 = 40;
/// Longest line of it as text, in graphemes.
const LINE: usize = 2_000;
/// Alerts that it names.
const ALERTS: i64 = 100;
/// Of what lasts, so many alerts: a thousand numbers may be near their limits.
const LASTING: i64 = 1_000;

/// The note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// What it is written for.
    pub organization: String,
    /// Where it begins.
    pub since: DateTime<Utc>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Who stopped all sending, if that is so.
    pub stopped_by: Option<String>,
    /// Why.
    pub stopped_reason: Option<String>,
    /// Programs that send now.
    pub senders: i64,
    /// Messages since then that a provider took.
    pub accepted: i64,
    /// Messages since then that a provider refused.
    pub rejected: i64,
    /// People who asked for no more since then.
    pub opted_out: i64,
    /// Numbers that send nothing until somebody or something brings them back.
    pub suspended: Vec<SuspendedNumber>,
    /// Campaigns that run or are paused.
    pub campaigns: Vec<CampaignNote>,
    /// Attempts that nobody knows the end of, counted up to 10,001.
    pub doubts: i64,
    /// Since when the oldest of them is in doubt.
    pub oldest_doubt: Option<DateTime<Utc>>,
    /// Threads with something that was not answered, counted up to 10,001.
    pub unanswered: i64,
    /// Limits that are near, as they were told.
    pub limits: Vec<AlertRecord>,
    /// What nobody has taken note of.
    pub alerts: Vec<AlertRecord>,
    /// What somebody has taken note of and what lasts all the same, but for limits.
    pub lasting: Vec<AlertRecord>,
    /// What operators and senders decided, the latest first.
    pub decisions: Vec<Decision>,
}

/// A number that is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspendedNumber {
    /// What operators call it; a phone is masked.
    pub name: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when, if it ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A campaign that runs or is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignNote {
    /// Its name.
    pub name: String,
    /// `active` or `paused`.
    pub state: String,
    /// Why it is paused.
    pub reason: Option<String>,
    /// People in it.
    pub planned: i64,
    /// Of those, people who still wait.
    pub queued: i64,
    /// Of those, failed.
    pub failed: i64,
}

/// A decision from the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    /// About what; a phone is masked.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A part of the note: a heading and its lines.
pub type Section = (&'static str, Vec<String>);

impl Handover {
    /// The note in words, with times on this clock.
    #[must_use]
    pub fn sections(&self, zone: Tz) -> Vec<Section> {
        let clock = |at: DateTime<Utc>| at.with_timezone(&zone).format("%d %b %H:%M").to_string();
        let mut state = vec![format!(
            "{} sender(s) run; since {}: {} accepted, {} refused, {} people asked for no more",
            self.senders,
            clock(self.since),
            self.accepted,
            self.rejected,
            self.opted_out
        )];
        if let (Some(by), Some(why)) = (&self.stopped_by, &self.stopped_reason) {
            state.insert(0, format!("ALL SENDING IS STOPPED by {by}: {why}"));
        }
        let suspended = self.suspended.iter().map(|number| {
            let until = number.until.map_or(String::new(), |until| format!(" until {}", clock(until)));
            format!(
                "{} since {}{until}, by {}: {}",
                number.name,
                clock(number.since),
                number.by,
                number.reason
            )
        });
        let campaigns = self.campaigns.iter().map(|campaign| {
            let why = campaign.reason.as_ref().map_or(String::new(), |why| format!(": {why}"));
            let CampaignNote { name, state, planned, queued, failed, .. } = campaign;
            format!("{name} is {state}{why}; {queued} of {planned} people wait, {failed} failed")
        });
        let told = |alert: &AlertRecord| {
            let over = alert.ended_at.map_or(String::new(), |at| format!(" (over since {})", clock(at)));
            let by = alert.acknowledged_by.as_ref().map_or(String::new(), |by| format!(" (seen by {by})"));
            format!("{} {}: {}{over}{by}", clock(alert.raised_at), alert.severity, alert.words)
        };
        let mut waiting = Vec::new();
        let many = |count: i64, one: &'static str, more: &'static str| if count == 1 { one } else { more };
        if let Some(oldest) = self.oldest_doubt {
            let are = many(self.doubts, "message is", "messages are");
            waiting.push(format!("{} {are} in doubt, the oldest since {}", self.doubts, clock(oldest)));
        }
        if self.unanswered > 0 {
            let wait = many(self.unanswered, "thread waits", "threads wait");
            waiting.push(format!("{} {wait} for an answer", self.unanswered));
        }
        let decisions = self.decisions.iter().map(|decision| {
            let Decision { at, by, action, name, reason } = decision;
            format!("{} {by}: {action} {name}: {reason}", clock(*at))
        });
        vec![
            ("Now", state),
            ("Suspended numbers", suspended.collect()),
            ("Campaigns", campaigns.collect()),
            ("Waits for somebody", waiting),
            ("Limits near", self.limits.iter().map(told).collect()),
            ("Alerts that nobody has taken note of", self.alerts.iter().map(told).collect()),
            ("What lasts, and somebody has taken note of", self.lasting.iter().map(told).collect()),
            ("What was decided", decisions.collect()),
        ]
    }

    /// The whole note as text.
    #[must_use]
    pub fn text(&self, zone: Tz) -> String {
        let at = self.at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false);
        let mut text = format!("Note for the next shift of {}, {at}\n", self.organization);
        for (heading, lines) in self.sections(zone) {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "\n{heading}");
            if lines.is_empty() {
                text.push_str("  none\n");
            }
            for line in lines {
                // Names and reasons are other people's words.
                let _ = writeln!(text, "  {}", Safe::cut(&line, LINE));
            }
        }
        text
    }
}

impl Store {
    /// Writes the note about this last while.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn handover(
        &self,
        organization: OrganizationId,
        about: Duration,
    ) -> Result<Handover, StoreError> {
        let row = sqlx::query!(
            r#"select o.slug, o.stopped_by, o.stopped_reason, t.at as "at!", t.since as "since!",
                      coalesce(a.accepted, 0) as "accepted!", coalesce(a.rejected, 0) as "rejected!",
                      (select count(*) from instances i where i.organization_id = o.id and i.closed_at is null
                          and i.kind <> 'watch' and i.seen_at > t.at - interval '15 seconds') as "senders!",
                      (select count(*) from suppressions s where s.organization_id = o.id and s.since >= t.since)
                          as "opted_out!",
                      (select count(*) from (select from attempts a where a.organization_id = o.id
                                                and a.in_doubt_since is not null limit 10001) d) as "doubts!",
                      (select a.in_doubt_since from attempts a where a.organization_id = o.id
                          and a.in_doubt_since is not null order by a.in_doubt_since limit 1) as oldest_doubt,
                      (select count(*) from (select from conversations c where c.organization_id = o.id
                                                and c.unread > 0 limit 10001) c) as "unanswered!"
                 from organizations o
                cross join lateral (select clock_timestamp() as at,
                                           clock_timestamp() - make_interval(secs => $2) as since) t
                 left join lateral (select sum(y.accepted)::bigint as accepted, sum(y.rejected)::bigint as rejected
                                      from number_activity y
                                     where y.organization_id = o.id and y.minute >= t.since) a on true
                where o.id = $1"#,
            organization.0,
            about.as_secs_f64(),
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let alerts = self.alerts(organization, AlertScope::Open, ALERTS).await?;
        let lasting = self.lasting_alerts(organization, LASTING).await?;
        let (limits, others): (Vec<_>, Vec<_>) = lasting.into_iter().partition(|alert| alert.kind == "limit");
        Ok(Handover {
            organization: row.slug,
            since: row.since,
            at: row.at,
            stopped_by: row.stopped_by,
            stopped_reason: row.stopped_reason,
            senders: row.senders,
            accepted: row.accepted,
            rejected: row.rejected,
            opted_out: row.opted_out,
            suspended: self.suspended_numbers(organization).await?,
            campaigns: self.campaign_notes(organization).await?,
            doubts: row.doubts,
            oldest_doubt: row.oldest_doubt,
            unanswered: row.unanswered,
            limits,
            alerts,
            lasting: others.into_iter().filter(|alert| alert.acknowledged_at.is_some()).collect(),
            decisions: self.decisions_since(organization, row.since).await?,
        })
    }

    async fn suspended_numbers(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<SuspendedNumber>, StoreError> {
        sqlx::query_as!(
            SuspendedNumber,
            r#"select coalesce(nullif(n.display_name, ''), masked(n.phone::text)) as "name!",
                      n.suspended_at as "since!", n.suspended_until as until, n.suspended_by as "by!",
                      n.suspension_reason as "reason!"
                 from whatsapp_numbers n
                where n.organization_id = $1 and n.suspended_at is not null and n.is_active
                order by n.suspended_at desc limit 200"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))
    }

    async fn campaign_notes(&self, organization: OrganizationId) -> Result<Vec<CampaignNote>, StoreError> {
        sqlx::query_as!(
            CampaignNote,
            r#"select name as "name!", state as "state!", case when state = 'paused' then hold_reason end as reason,
                      planned as "planned!", queued as "queued!", failed as "failed!"
                 from campaign_stats where organization_id = $1 and state in ('active', 'paused')
                order by state, name limit 200"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))
    }

    /// What was decided since then about anything but single people.
    async fn decisions_since(
        &self,
        organization: OrganizationId,
        since: DateTime<Utc>,
    ) -> Result<Vec<Decision>, StoreError> {
        let rows = sqlx::query_as!(
            Decision,
            r#"select l.at, l.actor as by, l.action, l.entity_name as name, l.reason
                 from audit_log l
                where l.organization_id = $1 and l.at >= $2
                  and l.entity in ('organization', 'number', 'campaign', 'account', 'pool')
                order by l.at desc limit $3"#,
            organization.0,
            since,
            DECISIONS,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        // The log may name a phone; a note that is passed on shows it masked.
        let shown = |name: String| if name.starts_with('+') { mask(&name) } else { name };
        Ok(rows.into_iter().map(|row| Decision { name: shown(row.name), ..row }).collect())
    }
}
