//! How the variants of a campaign compare.

use super::{Store, StoreError, failed};
use crate::domain::{
    campaign::comparison::VariantFigures,
    ids::{CampaignId, OrganizationId},
};

impl Store {
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
