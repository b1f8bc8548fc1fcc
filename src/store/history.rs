//! A person over all campaigns: where each of them stands with them.

use super::{Store, StoreError, failed, variant::split};
use crate::domain::{
    ids::{CampaignId, OrganizationId, RecipientId},
    phone::Phone,
};
use crate::postgres::way::Way;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Campaigns of one person that are read, the latest ones.
const CAMPAIGNS: i64 = 200;

/// A person in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// The campaign.
    #[serde(skip)]
    pub campaign_id: CampaignId,
    /// As what the campaign knows the person.
    #[serde(skip)]
    pub recipient_id: RecipientId,
    /// The campaign's name.
    pub campaign: String,
    /// Whether it runs: `draft`, `active`, ...
    pub campaign_state: String,
    /// Where the message is: `queued`, `sending`, `accepted`, `delivered`, `read`, `failed`, `in_doubt`, `skipped`.
    pub state: String,
    /// Why it failed, is in doubt or was skipped.
    pub reason: Option<String>,
    /// The step that is next or current; 1 is the first.
    pub step: i16,
    /// How many steps there are.
    pub steps: i64,
    /// Which variant of the texts the person gets; none: everybody gets the same.
    pub variant: Option<String>,
    /// The campaign's variants as they were read.
    #[serde(skip)]
    split: Option<serde_json::Value>,
    /// When the last attempt began.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The number of the last attempt, in E.164 form.
    pub number: Option<String>,
    /// Messages that a provider took, over all steps.
    pub accepted: i64,
}

impl Store {
    /// The campaigns that enrolled this person, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn person_history(
        &self,
        organization: OrganizationId,
        phone: &Phone,
    ) -> Result<Vec<Enrolled>, StoreError> {
        person_history(&self.bulk, organization, phone).await
    }
}

/// The same over other connections: those of who looks.
pub(super) async fn person_history(
    pool: &Way,
    organization: OrganizationId,
    phone: &Phone,
) -> Result<Vec<Enrolled>, StoreError> {
    let mut lines = sqlx::query_as!(
        Enrolled,
        r#"select c.id as "campaign_id!", r.id as "recipient_id!", c.name as "campaign!",
                  c.state::text as "campaign_state!",
                  r.state::text as "state!", r.reason, r.step as "step!",
                  (select count(*) from campaign_steps s
                    where s.organization_id = $1 and s.campaign_id = c.id) as "steps!", null::text as variant,
                  (select split_of(array_agg(s.variants order by s.step)) from campaign_steps s
                    where s.organization_id = $1 and s.campaign_id = c.id) as split,
                  a.started_at as "last_attempt_at?", n.phone::text as "number?",
                  (select count(*) from attempts t
                    where t.organization_id = $1 and t.recipient_id = r.id and t.live
                      and t.state = 'accepted') as "accepted!"
             from (select id, name, state, created_at from campaigns
                    where organization_id = $1 order by created_at desc limit 5000) c
             join campaign_recipients r on r.organization_id = $1 and r.campaign_id = c.id and r.phone = $2
             left join attempts a on a.organization_id = $1 and a.id = r.last_attempt_id
             left join whatsapp_numbers n on n.organization_id = $1 and n.id = a.number_id
            order by c.created_at desc limit $3"#,
        organization.0,
        phone.reveal(),
        CAMPAIGNS,
    )
    .fetch_all(pool)
    .await
    .map_err(failed("read a person's campaigns"))?;
    for line in &mut lines {
        line.variant = split(line.split.take())?.of(line.recipient_id).map(ToString::to_string);
    }
    Ok(lines)
}
