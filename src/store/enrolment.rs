//! Enrolments of many people: piece by piece, seen while they go on, and gone on with after an interruption.

use super::{Store, StoreError, failed};
use crate::domain::ids::{CampaignId, InstanceId, OrganizationId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Contacts that one statement looks at: a second or two, so that an interruption costs no more and others are not held up.
pub(super) const ENROLLED_IN_A_PIECE: i64 = 50_000;

const LOOKING: &str = "look who has come to what ends a campaign";

/// How far an enrolment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Enrolment {
    /// Contacts that there were when it began.
    pub contacts: i64,
    /// Contacts that were looked at.
    pub looked: i64,
    /// People who were enrolled.
    pub enrolled: i64,
}

/// Hears how far an enrolment is.
pub type Tell<'a> = dyn Fn(&Enrolment) + Sync + 'a;

impl Store {
    /// How far the enrolment of a campaign is; `None`: nothing of it is left.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn enrolment(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Option<Enrolment>, StoreError> {
        sqlx::query_as!(
            Enrolment,
            "select contacts, looked, enrolled from campaign_enrolments where organization_id = $1 and campaign_id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_optional(&self.bulk)
        .await
        .map_err(failed("read how far an enrolment is"))
    }

    /// Enrols whoever is left of a campaign's audience, piece by piece. Answers how many people that were.
    ///
    /// # Errors
    /// When the database is away or refuses: what was enrolled by then is, and the next call goes on behind it.
    pub async fn enrol_the_rest(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
        tell: &Tell<'_>,
    ) -> Result<i64, StoreError> {
        let Some(mut left) = self.enrolment(organization, campaign).await? else { return Ok(0) };
        let audience = sqlx::query_scalar!(
            "select audience from campaigns where organization_id = $1 and id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("read whom a campaign is for"))?;
        let terms = self.terms_of_campaign(organization, campaign, audience).await?;
        let mut total = 0;
        loop {
            tell(&left);
            total += self.enrol(organization, campaign, &terms, None, Some(ENROLLED_IN_A_PIECE)).await?;
            match self.enrolment(organization, campaign).await? {
                Some(further) => left = further,
                None => return Ok(total),
            }
        }
    }

    /// Goes on, a piece, with an enrolment that nobody has gone on with for a minute. Answers whether there was one.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn enrol_left_behind(
        &self,
        organization: OrganizationId,
        instance: InstanceId,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query!(
            r#"select id as "id!", audience as "audience!" from take_enrolment($1, $2)"#,
            organization.0,
            instance.0,
        )
        .fetch_optional(&self.lease)
        .await
        .map_err(failed("look for enrolments that stopped"))?;
        let Some(row) = row else { return Ok(false) };
        let campaign = CampaignId(row.id);
        let terms = self.terms_of_campaign(organization, campaign, row.audience).await?;
        self.enrol(organization, campaign, &terms, None, Some(ENROLLED_IN_A_PIECE)).await?;
        Ok(true)
    }

    /// Enrols, as far as one piece goes, the audience of campaigns from files that the clock is about to start and that
    /// nobody is in: there may be contacts for them by now. A start by hand does the same.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn enrol_before_start(
        &self,
        organization: OrganizationId,
        now: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query!(
            "select c.id, c.audience from campaigns c
              where c.organization_id = $1 and c.state = 'scheduled' and c.standing is null and c.source <> ''
                and c.missed_at is null and ready_since(c, coalesce($2, clock_timestamp())) is not null
                and not exists (select from campaign_recipients r where r.organization_id = $1 and r.campaign_id = c.id)",
            organization.0,
            now,
        )
        .fetch_all(&self.lease)
        .await
        .map_err(failed("look for campaigns without people"))?;
        for row in rows {
            let campaign = CampaignId(row.id);
            let terms = match self.terms_of_campaign(organization, campaign, row.audience).await {
                // Steps that nobody can read are sent to nobody, and hold up no other campaign.
                Err(StoreError::Unreadable { .. }) => continue,
                terms => terms?,
            };
            self.enrol(organization, campaign, &terms, now, Some(ENROLLED_IN_A_PIECE)).await?;
        }
        sqlx::query!(
            "select look_ahead($1, c.id) from campaigns c
              where c.organization_id = $1 and c.state = 'scheduled' and c.standing is null and c.missed_at is null
                and c.conduct #> '{exit,attributes}' is not null
                and ready_since(c, coalesce($2, clock_timestamp())) is not null",
            organization.0,
            now,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(LOOKING))?;
        Ok(())
    }

    /// Takes out of a campaign that is about to start who has come to what ends it while people were enrolled. The start does
    /// the same for those who came since.
    pub(super) async fn look_ahead(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<(), StoreError> {
        sqlx::query!("select look_ahead($1, $2)", organization.0, campaign.0)
            .fetch_one(&self.bulk)
            .await
            .map_err(failed(LOOKING))?;
        Ok(())
    }
}
