//! How the variants of a campaign compare.

use super::{Store, StoreError, failed};
use crate::domain::{
    campaign::comparison::VariantFigures,
    content::variant::Split,
    ids::{CampaignId, OrganizationId},
};

/// The names and weights of variants as a statement answers them; none: everybody gets the same.
pub(super) fn split(read: Option<serde_json::Value>) -> Result<Split, StoreError> {
    let unreadable = |_| StoreError::Unreadable { doing: "read the variants of a campaign", what: "split" };
    read.map_or_else(|| Ok(Split::default()), |read| serde_json::from_value(read).map_err(unreadable))
}

impl Store {
    /// Which variants a campaign has, to tell who gets which.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn split_of(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Split, StoreError> {
        let read = sqlx::query_scalar!(
            "select split_of(array_agg(variants order by step)) from campaign_steps
              where organization_id = $1 and campaign_id = $2",
            organization.0,
            campaign.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("read the variants of a campaign"))?;
        split(read)
    }

    /// What became of the people of each variant; empty: everybody gets the same. It reads everybody of the campaign.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn compare_variants(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Vec<VariantFigures>, StoreError> {
        sqlx::query_as!(
            VariantFigures,
            r#"select name as "name!", weight as "weight!", people as "people!", sent as "sent!",
                      delivered as "delivered!", read as "read!", replied as "replied!", opted_out as "opted_out!",
                      failed as "failed!"
                 from compare_variants($1, $2)"#,
            organization.0,
            campaign.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("compare the variants of a campaign"))
    }
}
