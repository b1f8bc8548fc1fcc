//! Steps of campaigns that exist: edited into a new version.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    campaign::{CampaignSpec, present},
    content::StepContent,
    ids::{CampaignId, OrganizationId, RecipientId},
    phone::Phone,
    template::{Texts, Variable},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The columns of a campaign's steps.
pub(super) struct StepColumns {
    pub(super) after: Vec<i64>,
    pub(super) texts: Vec<serde_json::Value>,
    pub(super) templates: Vec<Option<serde_json::Value>>,
    pub(super) media: Vec<Option<serde_json::Value>>,
    pub(super) variants: Vec<Option<serde_json::Value>>,
}

impl StepColumns {
    /// What the database keeps of them.
    pub(super) fn of(spec: &CampaignSpec) -> Result<Self, serde_json::Error> {
        let contents = || spec.steps.iter().map(|step| &step.content);
        let optional = |value: Option<Result<serde_json::Value, _>>| value.transpose();
        Ok(Self {
            after: spec.steps.iter().map(|step| i64::from(step.after.seconds())).collect(),
            texts: contents()
                .map(|content| serde_json::to_value(&content.texts))
                .collect::<Result<_, _>>()?,
            templates: contents()
                .map(|content| optional(content.template.as_ref().map(serde_json::to_value)))
                .collect::<Result<_, _>>()?,
            media: contents()
                .map(|content| optional(content.media.as_ref().map(serde_json::to_value)))
                .collect::<Result<_, _>>()?,
            variants: contents()
                .map(|content| {
                    optional((!content.variants.is_empty()).then(|| serde_json::to_value(&content.variants)))
                })
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Store {
    /// Puts the steps of a file in the place of those that differ, and in the campaign's own file. Who waits gets the new
    /// version; what is on the wire keeps the old one; nobody gets a step twice.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_steps(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        spec: &CampaignSpec,
        source: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "edit the steps of a campaign";
        let unreadable = |_| StoreError::Unreadable { doing: DOING, what: "text" };
        let columns = StepColumns::of(spec).map_err(unreadable)?;
        // Of the file only the steps are heeded: what else it says is not to come true with a copy of the campaign.
        let before = self.campaign_source(organization, campaign).await?;
        let source = present::with_steps_of(&before, source);
        let old = self.step_contents(organization, &[campaign]).await?;
        let used: BTreeSet<&str> = old
            .iter()
            .filter_map(|step| step.content.as_ref())
            .flat_map(StepContent::variables)
            .map(Variable::name)
            .collect();
        let variables: BTreeSet<String> = spec
            .steps
            .iter()
            .flat_map(|step| step.content.variables())
            .map(|variable| variable.name().to_owned())
            .filter(|name| name != "day" && !used.contains(name.as_str()))
            .collect();
        let variables: Vec<String> = variables.into_iter().collect();
        // An edit that was interrupted comes first.
        self.carry_over(organization, campaign).await?;
        let frozen_since = self.freeze_ahead(organization, campaign, spec, &variables).await?;
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before
               from edit_steps($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            organization.0,
            campaign.0,
            &columns.after,
            &columns.texts,
            &columns.templates as &[Option<serde_json::Value>],
            &columns.media as &[Option<serde_json::Value>],
            &columns.variants as &[Option<serde_json::Value>],
            &variables,
            &source,
            actor.operator,
            actor.instance_id(),
            reason,
            frozen_since,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        self.carry_over(organization, campaign).await?;
        answer.read(DOING, "there is no such campaign any more", refusal, |_before| None)
    }

    /// Carries changed delays over to those who wait, a piece at a time: what waits of the campaign is not claimed meanwhile, and
    /// everything else goes on.
    async fn carry_over(&self, organization: OrganizationId, campaign: CampaignId) -> Result<(), StoreError> {
        const DOING: &str = "change when people are written to";
        let revision = sqlx::query_scalar!(
            "select revision from due_shifts where organization_id = $1 and campaign_id = $2 limit 1",
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let mut after = revision.map(|_| uuid::Uuid::nil());
        while let Some(behind) = after {
            after = sqlx::query_scalar!(
                "select shift_due($1, $2, $3, $4)",
                organization.0,
                campaign.0,
                revision,
                behind,
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed(DOING))?;
        }
        Ok(())
    }

    /// Goes on with an edit of delays that nobody has gone on with for a minute. Answers whether there was one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn carry_over_left_behind(&self, organization: OrganizationId) -> Result<bool, StoreError> {
        let left = sqlx::query_scalar!(
            "select campaign_id from due_shifts
              where organization_id = $1 and touched_at < clock_timestamp() - interval '1 minute'
              order by touched_at limit 1",
            organization.0,
        )
        .fetch_optional(&self.lease)
        .await
        .map_err(failed("look for edits that stopped"))?;
        let Some(campaign) = left else { return Ok(false) };
        self.carry_over(organization, CampaignId(campaign)).await?;
        Ok(true)
    }

    /// Freezes what new texts ask for, a piece at a time, while claims and decisions go on: the edit itself then has only
    /// those left who came into the campaign since. Answers when that was; `None`: nothing was frozen.
    async fn freeze_ahead(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        spec: &CampaignSpec,
        variables: &[String],
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        const DOING: &str = "freeze what new texts ask for";
        if variables.is_empty() {
            return Ok(None);
        }
        let since = sqlx::query_scalar!(
            "select begin_freezing($1, $2, $3)",
            organization.0,
            campaign.0,
            i32::try_from(spec.steps.len()).unwrap_or(i32::MAX),
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let mut after = since.map(|_| uuid::Uuid::nil());
        while let Some(behind) = after {
            after = sqlx::query_scalar!(
                "select freeze_ahead($1, $2, $3, $4)",
                organization.0,
                campaign.0,
                variables,
                behind,
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed(DOING))?;
        }
        Ok(since)
    }
}

impl Store {
    /// Sends one step to one chosen phone, filled with the values of the contact `like`, else of the phone's own.
    /// Answers the name of the test, which is a campaign; or why there is none.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn test_step(
        &self,
        organization: OrganizationId,
        (campaign, step, variant): (CampaignId, i16, Option<&str>),
        phone: &Phone,
        like: Option<&Phone>,
        actor: Actor<'_>,
    ) -> Result<Result<String, String>, StoreError> {
        const DOING: &str = "send a test";
        let steps = self.step_contents(organization, &[campaign]).await?;
        let content = steps.iter().find(|each| each.step == step).and_then(|each| each.content.as_ref());
        let contents: Vec<&StepContent> = content.into_iter().collect();
        let needs = self.needs_of_steps(organization, &contents).await?;
        let answer = sqlx::query!(
            r#"select verdict as "verdict!", name, found from test_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"#,
            organization.0,
            CampaignId::new().0,
            RecipientId::new().0,
            campaign.0,
            step,
            variant,
            phone.reveal(),
            like.map(Phone::reveal),
            &needs.variables,
            needs.required,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        let name = answer.name.unwrap_or_default();
        Ok(match (answer.verdict.as_str(), answer.found.as_deref()) {
            ("done", _) => Ok(name),
            (_, Some("step")) => Err(format!("campaign {name} has no step {step}")),
            (_, Some("variant")) => {
                let wanted = variant.unwrap_or_default();
                Err(format!(
                    "step {step} of campaign {name} has no variant {wanted:?}; campaign show names them"
                ))
            }
            (_, Some("opted_out")) => Err(format!("{name} asked not to be written to")),
            (_, Some("contact")) => Err(format!("there is no contact {name}")),
            (_, Some(found)) if let Some(variable) = found.strip_prefix("missing_variable: ") => {
                Err(format!(
                    "{name} has no value for {{{{{variable}}}}}, which step {step} of the campaign needs; --as PHONE fills it with \
                     a contact's values"
                ))
            }
            _ => Err("there is no such campaign any more".to_owned()),
        })
    }
}

/// What a campaign said lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentTexts {
    /// Its name.
    pub campaign: String,
    /// Which step.
    pub step: i16,
    /// In its languages.
    pub texts: Texts,
}

impl Store {
    /// What the campaigns of the last 30 days say, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn recent_texts(
        &self,
        organization: OrganizationId,
        most: i64,
    ) -> Result<Vec<RecentTexts>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.name, s.step, v.said -> 'texts' as "texts!" from campaigns c
               join campaign_steps s on s.organization_id = c.organization_id and s.campaign_id = c.id
              cross join sayings(s) v
              where c.organization_id = $1 and c.created_at > clock_timestamp() - interval '30 days'
                and c.state <> 'cancelled'
              order by c.created_at desc, s.step limit $2"#,
            organization.0,
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("look at what was said lately"))?;
        // What cannot be read is said by nobody.
        let read = |texts| serde_json::from_value::<Texts>(texts).ok();
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(RecentTexts { campaign: row.name, step: row.step, texts: read(row.texts)? })
            })
            .collect())
    }
}

/// Why the steps stay as they are.
fn refusal(name: &str, found: &str) -> String {
    match found {
        "count" => format!(
            "campaign {name} has another number of steps: edit what they say and when; for more or fewer make a new campaign"
        ),
        "split" => format!(
            "the people of campaign {name} have their variants: names and weights stay as they are; for others make a \
             new campaign"
        ),
        "shifting" => format!(
            "the people of campaign {name} are being moved to the times of an edit just now: try again in a moment"
        ),
        "first" => {
            format!("the people of campaign {name} are enrolled: the delay of the first step cannot change")
        }
        state => format!("campaign {name} is {state}: nothing of it is sent any more"),
    }
}
