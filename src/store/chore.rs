//! Work that one instance does for all: starting, completing, lifting, asking about doubts.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, OrganizationId},
    phone::Phone,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// An attempt in doubt that the provider should be asked about now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Our reference.
    pub attempt: AttemptId,
    /// Which number it went through.
    pub number: NumberId,
    /// Who should have got it.
    pub phone: Phone,
    /// When the intent was committed.
    pub started_at: DateTime<Utc>,
    /// Since when it is in doubt.
    pub in_doubt_since: DateTime<Utc>,
    /// Which try it was.
    pub tries: i16,
    /// How often the provider did not know it.
    pub absences: i16,
    /// It is so old that the provider must know it if it ever took it.
    pub is_settled: bool,
    /// What it said, if it was a reply.
    pub reply: Option<String>,
}

/// What we know of messages at a provider, one of which may be a doubt's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpokenFor {
    /// The ids that belong to another attempt, or to a canary.
    pub others: Vec<String>,
    /// Another message to the same person, through the same number and at the same time, has no outcome or is in doubt
    /// too: what belongs to nobody yet may be that one's.
    pub has_rival: bool,
}

/// What the ledger says of messages that the providers should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Attempts that the provider gave an id for.
    pub accepted: u64,
    /// Attempts of which nobody knows.
    pub in_doubt: u64,
}

/// What providers have reported, as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports {
    /// Messages on the phone, read or not.
    pub delivered: u64,
    /// Of those, messages that were read.
    pub read: u64,
    /// People who asked not to be written to.
    pub opted_out: u64,
    /// Requests of providers that were kept.
    pub kept: u64,
    /// Of those, what is not applied yet.
    pub waiting: u64,
}

impl Store {
    /// Counts the ledger and the canaries, to compare them with a provider's. Reads every attempt of the organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn accepted_and_doubted(&self, organization: OrganizationId) -> Result<Recorded, StoreError> {
        let row = sqlx::query!(
            r#"select count(*) filter (where state in ('accepted', 'undelivered'))
                        + (select count(*) from canaries c
                            where c.organization_id = $1 and c.provider_message_id is not null) as "accepted!",
                      count(*) filter (where state in ('in_doubt', 'sending'))
                        + (select count(*) from canaries c
                            where c.organization_id = $1 and c.state in ('in_doubt', 'sending')) as "in_doubt!"
                 from attempts where organization_id = $1"#,
            organization.0,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("count the ledger"))?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(Recorded { accepted: count(row.accepted), in_doubt: count(row.in_doubt) })
    }

    /// Counts what was reported, to compare it with what providers have reported. Reads every attempt of the organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn count_reports(&self, organization: OrganizationId) -> Result<Reports, StoreError> {
        let row = sqlx::query!(
            r#"select a.delivered as "delivered!", a.read as "read!", w.kept as "kept!", w.waiting as "waiting!",
                      (select count(*) from suppressions s where s.organization_id = $1) as "opted_out!"
                 from (select count(*) filter (where delivery in ('delivered', 'read')) as delivered,
                              count(*) filter (where delivery = 'read') as read
                         from attempts where organization_id = $1) a,
                      (select count(*) as kept, count(*) filter (where applied_at is null) as waiting
                         from webhooks where organization_id = $1) w"#,
            organization.0,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("count what was reported"))?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(Reports {
            delivered: count(row.delivered),
            read: count(row.read),
            opted_out: count(row.opted_out),
            kept: count(row.kept),
            waiting: count(row.waiting),
        })
    }

    /// Starts campaigns whose time has come, ends those that have nothing open any more, and lifts suspensions and rests
    /// that have an end. Answers whether anything changed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn run_lifecycle(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        now: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"select run_lifecycle($1, $2, $3) as "changed!""#,
            organization.0,
            instance.0,
            now
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("start and complete campaigns"))?;
        Ok(changed > 0)
    }

    /// Ends queued work that nobody may send any more, that of whom a file opted out first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn end_stranded(&self, organization: OrganizationId) -> Result<(), StoreError> {
        self.heed_imported(organization).await?;
        sqlx::query!("select end_stranded($1)", organization.0)
            .execute(&self.lease)
            .await
            .map_err(failed("end stranded work"))?;
        Ok(())
    }

    /// Frees queued work of a campaign that is bound to numbers which cannot send it. Answers how many recipients that were.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn free_bound(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        numbers: &[NumberId],
    ) -> Result<i32, StoreError> {
        let numbers: Vec<uuid::Uuid> = numbers.iter().map(|number| number.0).collect();
        sqlx::query_scalar!(
            r#"select free_bound($1, $2, $3) as "freed!""#,
            organization.0,
            campaign.0,
            &numbers
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("free work of numbers that cannot send it"))
    }

    /// Whose attempts in doubt are to be asked about now; `None`: their number is gone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn accounts_in_doubt(
        &self,
        organization: OrganizationId,
        pace: f64,
    ) -> Result<Vec<Option<AccountId>>, StoreError> {
        let accounts = sqlx::query_scalar!(
            r#"select distinct n.account_id as "account?"
                 from attempts a
                 left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
                where a.organization_id = $1 and a.in_doubt_since is not null and a.checks < 7
                  and a.in_doubt_since + (array['10 s', '30 s', '2 min', '10 min', '1 h', '6 h', '24 h']::interval[])
                                         [a.checks + 1] * $2::double precision <= clock_timestamp()"#,
            organization.0,
            pace,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for doubts"))?;
        Ok(accounts.into_iter().map(|account| account.map(AccountId)).collect())
    }

    /// Attempts of an account in doubt that are to be asked about now: 10 s, 30 s, 2 min, 10 min, 1 h, 6 h and 24 h after the doubt
    /// began (rule F), all times `pace`. `settle`: how long after the doubt began a provider's *not known* begins to
    /// count; the request had ended by then, or its deadline had passed. `account`: none for numbers that are gone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn doubts_to_ask(
        &self,
        organization: OrganizationId,
        account: Option<AccountId>,
        most: i64,
        pace: f64,
        settle: Duration,
    ) -> Result<Vec<Doubt>, StoreError> {
        let rows = sqlx::query!(
            r#"select a.id, a.number_id, coalesce(r.phone, y.phone)::text as "phone!", a.started_at,
                      a.in_doubt_since as "in_doubt_since!", coalesce(r.tries, y.tries) as "tries!", a.absences,
                      a.in_doubt_since + make_interval(secs => $4) <= clock_timestamp() as "is_settled!",
                      y.body as "reply?"
                 from attempts a
                 left join lateral (
                      -- A range in the order of the key, and no equation: see `live_events`.
                      select q.phone, q.tries from campaign_recipients q
                       where q.organization_id = $1 and q.campaign_id = a.campaign_id
                         and q.id >= a.recipient_id and q.id <= a.recipient_id
                       order by q.id limit 1) r on true
                 left join replies y on a.campaign_id is null and y.organization_id = a.organization_id
                                    and y.id = a.recipient_id
                where a.organization_id = $1 and a.in_doubt_since is not null and a.checks < 7
                  and a.in_doubt_since + (array['10 s', '30 s', '2 min', '10 min', '1 h', '6 h', '24 h']::interval[])
                                         [a.checks + 1] * $3::double precision <= clock_timestamp()
                  and (select n.account_id from whatsapp_numbers n
                        where n.organization_id = $1 and n.id = a.number_id) is not distinct from $5::uuid
                order by a.in_doubt_since limit $2"#,
            organization.0,
            most,
            pace,
            settle.as_secs_f64(),
            account.map(|account| account.0),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for doubts"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Doubt {
                    attempt: row.id.into(),
                    number: row.number_id.into(),
                    phone: Phone::parse(&row.phone)
                        .map_err(|_| StoreError::Unreadable { doing: "look for doubts", what: "phone" })?,
                    started_at: row.started_at,
                    in_doubt_since: row.in_doubt_since,
                    tries: row.tries,
                    absences: row.absences,
                    is_settled: row.is_settled,
                    reply: row.reply,
                })
            })
            .collect()
    }

    /// Whose messages these are, of those that fit a doubt by person and time. One look: who is no rival any more has its
    /// message by then.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn spoken_for(
        &self,
        organization: OrganizationId,
        doubt: &Doubt,
        messages: &[String],
    ) -> Result<SpokenFor, StoreError> {
        let row = sqlx::query!(
            r#"select array(select k.id from unnest($4::text[]) as k (id)
                             where exists (select from attempts_of_message($1, k.id) as m (attempt_id)
                                            where m.attempt_id <> $2)
                                or exists (select from canaries c
                                            where c.organization_id = $1 and c.number_id = $3
                                              and c.planned_at > $6::timestamptz - interval '1 day'
                                              and c.provider_message_id = k.id)) as "others!",
                      exists (select from campaigns c
                               cross join lateral (
                                     -- In the order of the key by phone: to a planner without figures any other looks as
                                     -- good, and walks the campaign.
                                     select r.last_attempt_id from campaign_recipients r
                                      where r.organization_id = $1 and r.campaign_id = c.id and r.phone = $5
                                        and r.state in ('sending', 'in_doubt')
                                      order by r.phone limit 1) r
                               cross join lateral (
                                     select from attempts a
                                      where a.organization_id = $1 and a.id = r.last_attempt_id and a.id <> $2
                                        and a.number_id = $3
                                        and a.started_at between $6 - interval '150 s' and $6 + interval '150 s'
                                      limit 1) a
                               where c.organization_id = $1)
                      or exists (select from replies y
                                   join attempts a on a.organization_id = $1 and a.id = y.last_attempt_id
                                  where y.organization_id = $1 and y.phone = $5
                                    and y.state in ('sending', 'in_doubt')
                                    and a.id <> $2 and a.number_id = $3
                                    and a.started_at between $6 - interval '150 s' and $6 + interval '150 s')
                      or exists (select from canaries c
                                  where c.organization_id = $1 and c.number_id = $3 and c.phone = $5
                                    and c.planned_at > $6 - interval '1 day' and c.state in ('sending', 'in_doubt')
                                    and c.started_at between $6 - interval '150 s' and $6 + interval '150 s')
                          as "has_rival!""#,
            organization.0,
            doubt.attempt.0,
            doubt.number.0,
            messages,
            doubt.phone.reveal(),
            doubt.started_at,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("look whose messages a provider has"))?;
        Ok(SpokenFor { others: row.others, has_rival: row.has_rival })
    }

    /// Keeps what the provider said about a doubt, or that it could not be understood. `absent`: it was asked properly and
    /// does not know it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_evidence(
        &self,
        organization: OrganizationId,
        attempt: AttemptId,
        absent: bool,
        evidence: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update attempts
                set checks = checks + 1, checked_at = clock_timestamp(), evidence = $4,
                    absences = absences + $3::boolean::integer
              where organization_id = $1 and id = $2 and state = 'in_doubt'",
            organization.0,
            attempt.0,
            absent,
            evidence,
        )
        .execute(&self.lease)
        .await
        .map_err(failed("keep what a provider said"))?;
        Ok(())
    }
}
