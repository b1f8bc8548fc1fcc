//! People of a campaign with what was frozen for them, to show what they would get.

use super::{Store, StoreError, failed};
use crate::domain::{
    ids::{CampaignId, OrganizationId, RecipientId},
    phone::Phone,
};

/// One person of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPerson {
    /// Who they are in the campaign.
    pub recipient: RecipientId,
    /// Their phone.
    pub phone: String,
    /// Their name, if it is known.
    pub name: Option<String>,
    /// Where they stand in the campaign.
    pub state: String,
    /// Why they get nothing, if so.
    pub reason: Option<String>,
    /// Their language, chosen at enrolment.
    pub locale: Option<String>,
    /// Their values, frozen at enrolment: a JSON object. None: whoever gets nothing has none.
    pub parameters: Option<String>,
}

impl Store {
    /// Where media stand of campaigns that are not over: the campaign's name and the address, at most a thousand.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn media_links(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            r#"select distinct c.name, v.said -> 'media' ->> 'url' as "url!"
                 from campaigns c
                 join campaign_steps s on s.organization_id = c.organization_id and s.campaign_id = c.id
                cross join sayings(s) v
                where c.organization_id = $1 and c.state in ('draft', 'scheduled', 'active', 'paused')
                  and s.media is not null
                order by 1, 2 limit 1000"#,
            organization.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("look where media stand"))?;
        Ok(rows.into_iter().map(|row| (row.name, row.url)).collect())
    }

    /// The first of a campaign's people who get something, or this one whatever they get.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn preview_people(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        phone: Option<&Phone>,
        most: i64,
    ) -> Result<Vec<PreviewPerson>, StoreError> {
        sqlx::query_as!(
            PreviewPerson,
            r#"select r.id as recipient, r.phone::text as "phone!", c.name as "name?", r.state::text as "state!", r.reason,
                      p.locale as "locale?", p.parameters::text as "parameters?"
                 from campaign_recipients r
                 left join recipient_parameters p on p.organization_id = $1 and p.campaign_id = $2 and p.recipient_id = r.id
                 left join contacts c on c.organization_id = $1 and c.id = r.contact_id
                where r.organization_id = $1 and r.campaign_id = $2
                  and ($3::text is null and r.state <> 'skipped' or r.phone = $3)
                order by r.id limit $4"#,
            organization.0,
            campaign.0,
            phone.map(Phone::reveal),
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read whom a campaign would write to"))
    }
}
