//! Campaigns that are rolled out: lets the people of the open stage go, and opens the next one when this one went well.

use super::shared::Shared;
use crate::domain::campaign::rollout::Verdict;
use crate::store::{
    StoreError,
    action::{ActionResult, Actor},
    rollout::RolloutLook,
};
use chrono::{DateTime, Utc};

/// People let go in one statement: short enough that nobody waits for it.
const LET_GO_AT_ONCE: i64 = 10_000;

/// Looks at every rollout that goes on.
pub async fn judge(shared: &Shared) -> Result<(), StoreError> {
    let Some(now) = shared.campaign_now() else { return Ok(()) };
    for look in shared.store.look_at_rollouts(shared.organization).await? {
        if look.owed > 0 {
            // What is left of the stage goes first: judged is what all of it did.
            let left = shared
                .store
                .let_go(shared.organization, look.campaign, shared.clock().now(), LET_GO_AT_ONCE)
                .await?;
            tracing::debug!(campaign.id = %look.campaign, "{left} people of the open stage are still to be let go");
            shared.refresh.notify_one();
        } else if !look.is_last {
            decide(shared, &look, now).await?;
        }
    }
    Ok(())
}

async fn decide(shared: &Shared, look: &RolloutLook, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let (why, until, held) = match look.rollout.judge(&look.seen, now) {
        Verdict::Widen(reason) => {
            let actor = Actor { operator: "sender", instance: Some(shared.instance) };
            let now = shared.clock().now();
            let widened = store
                .widen_rollout(organization, look.campaign, Some(look.stage), None, Some(&reason), actor, now)
                .await?;
            if let ActionResult::Done { .. } = widened {
                tracing::info!(campaign.id = %look.campaign, "the next stage of its rollout is open: {reason}");
                shared.refresh.notify_one();
            }
            return Ok(());
        }
        Verdict::Waits { why, until } => (why, until, false),
        Verdict::Held(why) => (format!("{why}: somebody has to widen it"), None, true),
    };
    if store.note_rollout(organization, look.campaign, look.stage, &why, until, held).await? {
        shared.refresh.notify_one();
    }
    Ok(())
}
