//! Campaigns that stop themselves: what they did lately against the thresholds that hold for them.

use super::shared::Shared;
use crate::store::StoreError;

/// Pauses running campaigns of which too many messages fail, or too many people ask for no more.
pub async fn judge(shared: &Shared) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    for look in store.look_at_campaigns(organization, shared.clock().now()).await? {
        let Some(reason) = look.thresholds.judge(&look.lately) else { continue };
        if store.pause_campaign_by_rule(organization, shared.instance, look.campaign, &reason).await? {
            tracing::error!(campaign.id = %look.campaign, "{reason}");
            shared.refresh.notify_one();
        }
    }
    Ok(())
}
