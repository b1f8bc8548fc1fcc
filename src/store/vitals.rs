//! How numbers do by their own past: counts, what is held of them, and the canaries that tell.

use super::{Store, StoreError, failed};
use crate::domain::{
    content::StepTemplate,
    ids::{AttemptId, InstanceId, NumberId, OrganizationId},
    locale::{Locale, LocaleError},
    phone::Phone,
    pulse::{Canary, Counts, Pulse, Tally, Verdict},
    ratio::Ratios,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{collections::HashMap, time::Duration};

/// The figures by which an organisation's numbers are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VitalRules {
    /// The shortest stretch that is compared with the past.
    #[serde(skip)]
    pub span: Duration,
    /// Messages that a stretch needs.
    pub least: u32,
    /// Messages that a past needs.
    pub baseline_least: u32,
    /// Between two looks.
    #[serde(skip)]
    pub look_every: Duration,
    /// Who gets canaries.
    pub canary_phone: Option<String>,
    /// As which template, where free text is not taken.
    pub canary_template: Option<String>,
    /// In which language.
    pub canary_language: Option<String>,
    /// A number warns when so many of a hundred messages fail.
    pub failed_percent: Option<u32>,
    /// A number warns when so many of a hundred people block it.
    pub blocked_percent: Option<u32>,
    /// Messages that a ratio needs.
    pub ratio_least: u32,
    /// A number of a pool that sent nothing for so long is exercised.
    #[serde(skip)]
    pub standby_after: Option<Duration>,
}

/// A change of them: only what is `Some` is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VitalEdit<'a> {
    /// Who gets canaries; `Some(None)` for nobody.
    pub canary_phone: Option<Option<&'a Phone>>,
    /// As which template, where free text is not taken; `Some(None)`: not there.
    pub canary_template: Option<Option<&'a StepTemplate>>,
    /// From how many of a hundred failed messages on a number warns; `Some(None)`: never.
    pub failed_percent: Option<Option<u32>>,
    /// From how many of a hundred people who block it on a number warns; `Some(None)`: never.
    pub blocked_percent: Option<Option<u32>>,
    /// After how many idle days a number of a pool is exercised; `Some(None)`: never.
    pub standby_days: Option<Option<u32>>,
    /// Messages that a warning needs.
    pub warn_after: Option<u32>,
    /// Messages that a look at silence needs.
    pub silence_after: Option<u32>,
    /// Messages that a past needs.
    pub silence_past: Option<u32>,
}

/// One number that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Which one.
    pub number: NumberId,
    /// What was held of it so far.
    pub pulse: Pulse,
    /// For how long.
    pub age: Duration,
    /// In which words.
    pub words: String,
    /// It may send.
    pub in_service: bool,
    /// It sends at half its rate.
    pub slowed: bool,
    /// It is out of service because it is red.
    pub silenced: bool,
    /// What it sent, and what of it arrived.
    pub counts: Counts,
}

/// A canary that is to be sent now, by whoever reads this and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunCanary {
    /// Travels as our reference.
    pub id: AttemptId,
    /// Through which number.
    pub number: NumberId,
    /// To whom.
    pub phone: Phone,
    /// As which template, where free text is not taken.
    pub template: Option<StepTemplate>,
}

/// A canary as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanaryRecord {
    /// When it was planned.
    pub planned_at: DateTime<Utc>,
    /// `amber`, `red` or `standby`.
    pub purpose: String,
    /// `planned`, `sending`, `accepted`, `delivered`, `lost`, `refused`, `not_sent` or `in_doubt`.
    pub state: String,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The provider's words, or ours.
    pub words: String,
}

/// A number's failures and blocks, and which warnings are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatioLook {
    /// Which one.
    pub number: NumberId,
    /// Over the rolling stretch.
    pub ratios: Ratios,
    /// It warns of failures.
    pub failed_on: bool,
    /// It warns of blocks.
    pub blocked_on: bool,
}

/// What is to be kept of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatioNote {
    /// What was looked at, with the warnings as they are now.
    pub look: RatioLook,
    /// What to say when the warning of failures comes on.
    pub failed_words: String,
    /// What to say when the warning of blocks comes on.
    pub blocked_words: String,
}

fn whole(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn template_of(name: Option<String>, language: Option<String>) -> Result<Option<StepTemplate>, LocaleError> {
    let Some((name, language)) = name.zip(language) else { return Ok(None) };
    let language = Locale::parse(&language)?;
    Ok(Some(StepTemplate::plain(name, language)))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Store {
    /// The figures by which numbers are judged.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn vital_rules(&self, organization: OrganizationId) -> Result<VitalRules, StoreError> {
        let row = sqlx::query!(
            r#"select extract(epoch from span)::double precision as "span!", least, baseline_least,
                      extract(epoch from look_every)::double precision as "look_every!",
                      canary_phone::text as canary_phone, canary_template, canary_language, failed_percent, blocked_percent, ratio_least,
                      extract(epoch from standby_after)::double precision as standby_after
                 from vital_rules where organization_id = $1"#,
            organization.0,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("read by which figures numbers are judged"))?;
        let percent = |percent: Option<i32>| percent.map(|percent| whole(i64::from(percent)));
        Ok(VitalRules {
            span: seconds(row.span),
            least: whole(i64::from(row.least)),
            baseline_least: whole(i64::from(row.baseline_least)),
            look_every: seconds(row.look_every),
            canary_phone: row.canary_phone,
            canary_template: row.canary_template,
            canary_language: row.canary_language,
            failed_percent: percent(row.failed_percent),
            blocked_percent: percent(row.blocked_percent),
            ratio_least: whole(i64::from(row.ratio_least)),
            standby_after: row.standby_after.map(seconds),
        })
    }

    /// Changes them, on record. `false`: nothing was there to change.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_vital_rules(
        &self,
        organization: OrganizationId,
        edit: &VitalEdit<'_>,
        reason: Option<&str>,
        actor: super::action::Actor<'_>,
    ) -> Result<bool, StoreError> {
        let signed = |number: Option<Option<u32>>| {
            number.flatten().map(|number| i32::try_from(number).unwrap_or(i32::MAX))
        };
        let changed = sqlx::query_scalar!(
            r#"with old as materialized (
                   select r.* from vital_rules r where r.organization_id = $1 for update
               ), changed as (
                   update vital_rules r
                      set canary_phone = case when $2 then $3 else r.canary_phone::text end,
                          failed_percent = case when $4 then $5 else r.failed_percent end,
                          blocked_percent = case when $6 then $7 else r.blocked_percent end,
                          standby_after = case when $8 then make_interval(days => $9) else r.standby_after end,
                          canary_template = case when $13 then $14 else r.canary_template end,
                          canary_language = case when $13 then $15 else r.canary_language end,
                          ratio_least = coalesce($16, r.ratio_least), least = coalesce($17, r.least),
                          baseline_least = coalesce($18, r.baseline_least)
                     from old o where r.organization_id = o.organization_id
                   returning r.*
               )
               select count(record_decision($1, clock_timestamp(), $10, $11, 'edit vital rules', 'organization', $1,
                                            g.slug, $12, to_jsonb(o), to_jsonb(c))) as "count!"
                 from changed c join old o on true join organizations g on g.id = c.organization_id"#,
            organization.0,
            edit.canary_phone.is_some(),
            edit.canary_phone.flatten().map(Phone::reveal),
            edit.failed_percent.is_some(),
            signed(edit.failed_percent),
            edit.blocked_percent.is_some(),
            signed(edit.blocked_percent),
            edit.standby_days.is_some(),
            signed(edit.standby_days),
            actor.operator,
            actor.instance_id(),
            reason,
            edit.canary_template.is_some(),
            edit.canary_template.flatten().map(|template| template.name.as_str()),
            edit.canary_template.flatten().map(|template| template.language.to_string()),
            signed(Some(edit.warn_after)),
            signed(Some(edit.silence_after)),
            signed(Some(edit.silence_past)),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("change by which figures numbers are judged"))?;
        Ok(changed > 0)
    }

    /// Counts for every number that sent something lately or is in question.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn look_at_pulses(&self, organization: OrganizationId) -> Result<Vec<Look>, StoreError> {
        const DOING: &str = "count what numbers sent and what of it arrived";
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", state as "state!", age as "age!", words as "words!",
                      is_in_service as "is_in_service!", is_slowed as "is_slowed!", is_silenced as "is_silenced!",
                      accepted as "accepted!", delivered as "delivered!", baseline_accepted as "baseline_accepted!",
                      baseline_delivered as "baseline_delivered!", reports as "reports!"
                 from look_at_pulses($1)"#,
            organization.0,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                let at = |list: &[i32], place: usize| whole(i64::from(list.get(place).copied().unwrap_or(0)));
                Ok(Look {
                    number: row.number_id.into(),
                    pulse: row
                        .state
                        .parse()
                        .map_err(|_unknown| StoreError::Unreadable { doing: DOING, what: "pulse" })?,
                    age: seconds(row.age),
                    words: row.words,
                    in_service: row.is_in_service,
                    slowed: row.is_slowed,
                    silenced: row.is_silenced,
                    counts: Counts {
                        recent: [0, 1, 2].map(|place| Tally {
                            accepted: at(&row.accepted, place),
                            delivered: at(&row.delivered, place),
                        }),
                        usual: Tally {
                            accepted: whole(i64::from(row.baseline_accepted)),
                            delivered: whole(i64::from(row.baseline_delivered)),
                        },
                        reports: u64::try_from(row.reports).unwrap_or(0),
                    },
                })
            })
            .collect()
    }

    /// Moves a number to what was judged of it, and does what follows for its rate and its service. `false`: somebody else
    /// judged it meanwhile.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn move_vitals(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        look: &Look,
        verdict: &Verdict,
    ) -> Result<bool, StoreError> {
        let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let lately = look.counts.recent[0];
        sqlx::query_scalar!(
            r#"select move_vitals($1, $2, $3, $4, $5, $6, $7, $8) as "moved!""#,
            organization.0,
            instance.0,
            look.number.0,
            look.pulse.name(),
            verdict.pulse.name(),
            verdict.words,
            signed(lately.accepted),
            signed(lately.delivered),
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("keep what is held of a number"))
    }

    /// What the last canaries say of the numbers that are in question.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn last_canaries(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<NumberId, Canary>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", state as "state!" from last_canaries($1)"#,
            organization.0,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look at the last canaries"))?;
        Ok(rows.into_iter().map(|row| (row.number_id.into(), Canary::of(&row.state))).collect())
    }

    /// Takes a slot of a number for a canary. Answers why not, if not.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn plan_canary(
        &self,
        organization: OrganizationId,
        number: NumberId,
        purpose: &str,
    ) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar!("select plan_canary($1, $2, $3)", organization.0, number.0, purpose)
            .fetch_one(&self.lease)
            .await
            .map_err(failed("plan a canary"))
    }

    /// Follows what became of canaries, and takes those whose slot has come: they are marked as sending before anybody
    /// sends them, and no answer names one twice.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn begin_canaries(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        deadline: Duration,
    ) -> Result<Vec<BegunCanary>, StoreError> {
        const DOING: &str = "begin canaries";
        let rows = sqlx::query!(
            r#"select id as "id!", number_id as "number_id!", phone as "phone!", template, language
                 from begin_canaries($1, $2, make_interval(secs => $3))"#,
            organization.0,
            instance.0,
            deadline.as_secs_f64(),
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed(DOING))?;
        rows.into_iter()
            .map(|row| {
                Ok(BegunCanary {
                    id: row.id.into(),
                    number: row.number_id.into(),
                    phone: Phone::parse(&row.phone)
                        .map_err(|_error| StoreError::Unreadable { doing: DOING, what: "phone" })?,
                    template: template_of(row.template, row.language)
                        .map_err(|_error| StoreError::Unreadable { doing: DOING, what: "canary template" })?,
                })
            })
            .collect()
    }

    /// Keeps what the provider answered to a canary.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn record_canary(
        &self,
        organization: OrganizationId,
        canary: AttemptId,
        outcome: &crate::domain::outcome::Outcome,
    ) -> Result<(), StoreError> {
        use crate::domain::outcome::Outcome;
        let state = match outcome {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Rejected(_) => "refused",
            Outcome::NotSent(_) => "not_sent",
            Outcome::InDoubt(_) => "in_doubt",
        };
        let message = match outcome {
            Outcome::Accepted { provider_message_id } => Some(provider_message_id.as_str()),
            _ => None,
        };
        let failure = outcome.failure();
        sqlx::query!(
            "select record_canary($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            canary.0,
            state,
            message,
            failure.map(|failure| failure.class.name()),
            failure.and_then(|failure| failure.code.as_deref()),
            failure.map(|failure| failure.words.as_str()),
        )
        .execute(&self.lease)
        .await
        .map_err(failed("keep what became of a canary"))?;
        Ok(())
    }

    /// The last canaries through a number, latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn canaries_of(
        &self,
        organization: OrganizationId,
        number: NumberId,
        most: i64,
    ) -> Result<Vec<CanaryRecord>, StoreError> {
        sqlx::query_as!(
            CanaryRecord,
            "select planned_at, purpose, state, delivered_at, words from canaries
              where organization_id = $1 and number_id = $2 order by planned_at desc limit $3",
            organization.0,
            number.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list the canaries of a number"))
    }

    /// How much failed lately through each number, and who wants no more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn look_at_ratios(&self, organization: OrganizationId) -> Result<Vec<RatioLook>, StoreError> {
        let rows = sqlx::query!(
            r#"select number_id as "number_id!", tried as "tried!", failed as "failed!", blocked as "blocked!",
                      failed_on as "failed_on!", blocked_on as "blocked_on!" from look_at_ratios($1)"#,
            organization.0,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("count what failed through numbers"))?;
        let ratios = |tried, failed, blocked| Ratios {
            tried: whole(tried),
            failed: whole(failed),
            blocked: whole(blocked),
        };
        Ok(rows
            .into_iter()
            .map(|row| RatioLook {
                number: row.number_id.into(),
                ratios: ratios(row.tried, row.failed, row.blocked),
                failed_on: row.failed_on,
                blocked_on: row.blocked_on,
            })
            .collect())
    }

    /// Keeps them, and says aloud which warnings came on. Answers how many did.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn note_ratios(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
        notes: &[RatioNote],
    ) -> Result<u32, StoreError> {
        let column = |get: fn(&Ratios) -> u32| -> Vec<i32> {
            notes.iter().map(|note| i32::try_from(get(&note.look.ratios)).unwrap_or(i32::MAX)).collect()
        };
        let is_on =
            |get: fn(&RatioLook) -> bool| -> Vec<bool> { notes.iter().map(|note| get(&note.look)).collect() };
        let numbers: Vec<_> = notes.iter().map(|note| note.look.number.0).collect();
        let failed_words: Vec<_> = notes.iter().map(|note| note.failed_words.clone()).collect();
        let blocked_words: Vec<_> = notes.iter().map(|note| note.blocked_words.clone()).collect();
        let told = sqlx::query_scalar!(
            r#"select note_ratios($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as "told!""#,
            organization.0,
            instance.0,
            &numbers,
            &column(|ratios| ratios.tried),
            &column(|ratios| ratios.failed),
            &column(|ratios| ratios.blocked),
            &is_on(|look| look.failed_on),
            &is_on(|look| look.blocked_on),
            &failed_words,
            &blocked_words,
        )
        .fetch_one(&self.lease)
        .await
        .map_err(failed("keep what fails through numbers"))?;
        Ok(whole(i64::from(told)))
    }

    /// Forgets counts that nothing looks at any more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn forget_pulses(&self, organization: OrganizationId) -> Result<(), StoreError> {
        sqlx::query!("select forget_pulses($1)", organization.0)
            .execute(&self.lease)
            .await
            .map_err(failed("forget old counts"))?;
        Ok(())
    }
}
