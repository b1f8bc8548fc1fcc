//! Where alerts go besides the console, and whether they got through.

use super::{Store, StoreError, action::Actor, alert::AlertRecord, failed};
use crate::domain::action::Version;
use crate::domain::ids::{AlertId, ChannelId, DeliveryId, OrganizationId};
use crate::domain::text::Safe;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;

/// A channel as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelRecord {
    /// Its id.
    pub id: ChannelId,
    /// What operators call it.
    pub name: String,
    /// `email` or `webhook`.
    pub kind: String,
    /// Mailboxes, with commas between them; or the address that is posted to.
    pub address: String,
    /// The mail server.
    pub smtp: Option<String>,
    /// Whom mail comes from.
    pub mail_from: Option<String>,
    /// Nothing below this severity goes there.
    pub least: String,
    /// Only these kinds go there; none: all.
    pub kinds: Option<Vec<String>>,
    /// Whether the report of the day before goes there.
    pub daily_report: bool,
    /// Whether anything goes there.
    pub is_active: bool,
    /// Nothing has got through since then.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why.
    pub failing_reason: Option<String>,
    /// How much waits to go there.
    pub waiting: i64,
    /// The mail server's password, or what signs the webhook; sealed.
    #[serde(skip)]
    pub sealed_secret: Option<String>,
    /// How often it was changed.
    #[serde(skip)]
    pub revision: i64,
}

/// A channel to be.
#[derive(Debug, Clone)]
pub struct NewChannel<'a> {
    /// Its id: its secret is bound to it.
    pub id: ChannelId,
    /// What operators call it.
    pub name: &'a str,
    /// `email` or `webhook`.
    pub kind: &'a str,
    /// Mailboxes, with commas between them; or the address that is posted to.
    pub address: &'a str,
    /// The mail server.
    pub smtp: Option<&'a str>,
    /// Whom mail comes from.
    pub mail_from: Option<&'a str>,
    /// The mail server's password, or what signs the webhook; sealed.
    pub sealed_secret: Option<&'a str>,
    /// Nothing below this severity goes there.
    pub least: &'a str,
    /// Only these kinds go there; none: all.
    pub kinds: Option<&'a [String]>,
    /// Whether the report of the day before goes there.
    pub daily_report: bool,
}

/// What is to change of a channel.
#[derive(Debug, Clone, Default)]
pub struct ChannelEdit<'a> {
    /// Mailboxes, or the address that is posted to.
    pub address: Option<&'a str>,
    /// The mail server.
    pub smtp: Option<&'a str>,
    /// Whom mail comes from.
    pub mail_from: Option<&'a str>,
    /// Its secret, sealed.
    pub sealed_secret: Option<&'a str>,
    /// Nothing below this severity goes there.
    pub least: Option<&'a str>,
    /// Only these kinds go there; none: all.
    pub kinds: Option<Option<&'a [String]>>,
    /// Whether the report of the day before goes there.
    pub daily_report: Option<bool>,
    /// Whether anything goes there.
    pub is_active: Option<bool>,
}

/// What whoever is no admin is told.
pub const LED: &str = "only an admin of the organisation removes a channel";

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEdited {
    /// It was made.
    Done {
        /// The channel as it was, without its secret.
        before: Value,
        /// How often it has been changed.
        version: Version,
    },
    /// The channel is another one than the operator saw; nothing was done.
    Moved,
    /// It is as the operator saw it, and their role may not.
    Led,
    /// There is no such channel.
    Missing,
}

/// Something to send, taken for three minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id; the same in every try.
    pub id: DeliveryId,
    /// Where to.
    pub channel: ChannelId,
    /// When it was taken, by the database's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub what: Delivered,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// An alert.
    Alert(Box<AlertRecord>),
    /// The report of this day.
    Report(NaiveDate),
}

/// What became of a change of so many channels, of so many that are there.
fn edited(changed: i64, found: i64, before: Option<Value>, version: Option<i64>) -> ChannelEdited {
    match (changed, found) {
        (0, 0) => ChannelEdited::Missing,
        (0, _) => ChannelEdited::Moved,
        _ => ChannelEdited::Done {
            before: before.unwrap_or_default(),
            version: Version(version.unwrap_or_default()),
        },
    }
}

impl Store {
    /// The channels of an organisation, or the one of this name.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn alert_channels(
        &self,
        organization: OrganizationId,
        name: Option<&str>,
    ) -> Result<Vec<ChannelRecord>, StoreError> {
        sqlx::query_as!(
            ChannelRecord,
            r#"select c.id, c.name, c.kind, c.address, c.smtp, c.mail_from, c.least, c.kinds, c.daily_report, c.is_active,
                      c.failing_since, c.failing_reason, c.sealed_secret, c.revision,
                      (select count(*) from alert_deliveries d
                        where d.organization_id = $1 and d.channel_id = c.id and d.state = 'waiting') as "waiting!"
                 from alert_channels c
                where c.organization_id = $1 and ($2::text is null or c.name = $2) order by c.name"#,
            organization.0,
            name,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list the channels of alerts"))
    }

    /// Adds a channel.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the name is taken.
    pub async fn add_alert_channel(
        &self,
        organization: OrganizationId,
        new: &NewChannel<'_>,
        actor: Actor<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query_scalar!(
            r#"with added as (
                   insert into alert_channels (organization_id, id, name, kind, address, smtp, mail_from, sealed_secret,
                                               least, kinds, daily_report)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning *
               )
               select record_decision($1, clock_timestamp(), $12, $13, 'add alert channel', 'alert_channel', a.id, a.name,
                                      null, null, to_jsonb(a)) as "done!" from added a"#,
            organization.0,
            new.id.0,
            new.name,
            new.kind,
            new.address,
            new.smtp,
            new.mail_from,
            new.sealed_secret,
            new.least,
            new.kinds,
            new.daily_report,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("add the channel"))?;
        Ok(())
    }

    /// Changes a channel, if it is as the operator saw it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_alert_channel(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        edit: &ChannelEdit<'_>,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ChannelEdited, StoreError> {
        let changed = sqlx::query!(
            r#"with locked as materialized (
                   select * from alert_channels where organization_id = $1 and id = $2 for update
               ), changed as (
                   update alert_channels c
                      set address = coalesce($3, c.address), smtp = coalesce($4, c.smtp),
                          mail_from = coalesce($5, c.mail_from), sealed_secret = coalesce($6, c.sealed_secret),
                          least = coalesce($7, c.least), kinds = case when $8 then $9 else c.kinds end,
                          daily_report = coalesce($10, c.daily_report), is_active = coalesce($11, c.is_active),
                          revision = c.revision + 1
                     from locked l
                    where c.organization_id = $1 and c.id = l.id and ($15::bigint is null or l.revision = $15)
                   returning c.*
               )
               select count(record_decision($1, clock_timestamp(), $12, $13, 'edit alert channel', 'alert_channel', c.id,
                                            c.name, $14,
                                            -- That it is another one is no secret: what comes back without it would be half.
                                            to_jsonb(l) || case when $6 is null then '{}'::jsonb else '{"secret": "former"}' end,
                                            to_jsonb(c) || case when $6 is null then '{}'::jsonb else '{"secret": "new"}' end)) as "count!",
                      (select count(*) from locked) as "found!",
                      (select to_jsonb(b) - 'sealed_secret' from locked b) as before,
                      (select v.revision from changed v) as version
                 from changed c, locked l"#,
            organization.0,
            channel.0,
            edit.address,
            edit.smtp,
            edit.mail_from,
            edit.sealed_secret,
            edit.least,
            edit.kinds.is_some(),
            edit.kinds.flatten(),
            edit.daily_report,
            edit.is_active,
            actor.operator,
            actor.instance_id(),
            reason,
            expected.map(|Version(version)| version),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("change the channel"))?;
        Ok(edited(changed.count, changed.found, changed.before, changed.version))
    }

    /// Who changed a channel last, and when.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn last_hand_on_channel(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
    ) -> Result<(Safe, DateTime<Utc>), StoreError> {
        let last = sqlx::query!(
            r#"select coalesce(l.actor, 'somebody') as "by!", coalesce(l.at, clock_timestamp()) as "at!"
                 from (select) one
                 left join lateral (select actor, at from audit_log where organization_id = $1 and entity_id = $2
                                     order by at desc limit 1) l on true"#,
            organization.0,
            channel.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("read who changed the channel"))?;
        Ok((last.by.into(), last.at))
    }

    /// Removes a channel, with what waits to go there, if it is as the operator saw it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn remove_alert_channel(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ChannelEdited, StoreError> {
        let removed = sqlx::query!(
            r#"with locked as materialized (
                   select * from alert_channels where organization_id = $1 and id = $2 for update
               ), removed as (
                   delete from alert_channels c using locked l
                    where c.organization_id = $1 and c.id = l.id and ($6::bigint is null or l.revision = $6) returning c.*
               )
               select count(record_decision($1, clock_timestamp(), $3, $4, 'remove alert channel', 'alert_channel', r.id,
                                            r.name, $5, to_jsonb(r), null)) as "count!",
                      (select count(*) from locked) as "found!",
                      (select to_jsonb(b) - 'sealed_secret' || jsonb_build_object('has_secret', b.sealed_secret is not null)
                         from locked b) as before,
                      (select b.revision from locked b) as version
                 from removed r"#,
            organization.0,
            channel.0,
            actor.operator,
            actor.instance_id(),
            reason,
            expected.map(|Version(version)| version),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("remove the channel"))?;
        // What a role may not remove it still sees, unchanged.
        let unchanged = expected.is_none_or(|Version(version)| removed.version == Some(version));
        Ok(match edited(removed.count, removed.found, removed.before, removed.version) {
            ChannelEdited::Moved if unchanged => ChannelEdited::Led,
            other => other,
        })
    }

    /// Puts on record that somebody had a test sent there, and what came of it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_channel_test(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        name: &str,
        said: &str,
        actor: Actor<'_>,
    ) -> Result<(), StoreError> {
        sqlx::query_scalar!(
            "select record_decision($1, clock_timestamp(), $2, $3, 'test alert channel', 'alert_channel', $4, $5, $6, null, null)",
            organization.0,
            actor.operator,
            actor.instance_id(),
            channel.0,
            name,
            said,
        )
        .fetch_one(&self.screen)
        .await
        .map(|_noted| ())
        .map_err(failed("put the test of the channel on record"))
    }

    /// Takes what is due, for three minutes: nobody else sends it meanwhile.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn take_deliveries(
        &self,
        organization: OrganizationId,
        most: i32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query!(
            r#"select t.delivery_id as "delivery_id!", t.channel_id as "channel_id!", t.report_day, t.at as "at!",
                      a.id as "id?", a.kind as "kind?", a.severity as "severity?", a.subject as "subject?",
                      a.subject_name as "name?", a.words as "words?", a.raised_at as "raised_at?", a.ended_at,
                      a.acknowledged_at, a.acknowledged_by
                 from take_deliveries($1, $2) t
                 left join alerts a on a.organization_id = $1 and a.id = t.alert_id
                order by t.delivery_id"#,
            organization.0,
            most,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("take what is to go out"))?;
        let unreadable = StoreError::Unreadable { doing: "take what is to go out", what: "delivery" };
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let what =
                match (row.report_day, row.id, row.kind, row.severity, row.subject, row.name, row.words) {
                    (Some(day), ..) => Delivered::Report(day),
                    (None, Some(id), Some(kind), Some(severity), Some(subject), Some(name), Some(words)) => {
                        let Some(raised_at) = row.raised_at else { return Err(unreadable) };
                        Delivered::Alert(Box::new(AlertRecord {
                            id: AlertId(id),
                            kind,
                            severity,
                            subject,
                            name,
                            words,
                            raised_at,
                            ended_at: row.ended_at,
                            acknowledged_at: row.acknowledged_at,
                            acknowledged_by: row.acknowledged_by,
                        }))
                    }
                    // Forgotten a moment ago.
                    _ => continue,
                };
            let (id, channel) = (DeliveryId(row.delivery_id), ChannelId(row.channel_id));
            taken.push(Delivery { id, channel, at: row.at, what });
        }
        Ok(taken)
    }

    /// Notes what got through.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_delivered(
        &self,
        organization: OrganizationId,
        deliveries: &[DeliveryId],
    ) -> Result<(), StoreError> {
        let ids: Vec<uuid::Uuid> = deliveries.iter().map(|delivery| delivery.0).collect();
        sqlx::query!("select note_delivered($1, $2)", organization.0, &ids)
            .execute(&self.lease)
            .await
            .map_err(failed("note what went out"))?;
        Ok(())
    }

    /// Notes what did not get through: it is tried again later and later, for a day.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_not_delivered(
        &self,
        organization: OrganizationId,
        deliveries: &[DeliveryId],
        problem: &str,
    ) -> Result<(), StoreError> {
        let ids: Vec<uuid::Uuid> = deliveries.iter().map(|delivery| delivery.0).collect();
        sqlx::query!("select note_not_delivered($1, $2, $3)", organization.0, &ids, problem)
            .execute(&self.lease)
            .await
            .map_err(failed("note what did not go out"))?;
        Ok(())
    }

    /// Queues the report of the day before for each channel that wants it, once, when its time has come; and forgets what
    /// nobody looks at any more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn queue_reports(&self, organization: OrganizationId) -> Result<i32, StoreError> {
        sqlx::query!("select forget_alerts($1)", organization.0)
            .execute(&self.lease)
            .await
            .map_err(failed("forget old alerts"))?;
        sqlx::query_scalar!(r#"select queue_reports($1) as "count!""#, organization.0)
            .fetch_one(&self.lease)
            .await
            .map_err(failed("queue the daily report"))
    }
}
