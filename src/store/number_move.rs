//! Load that moves from one number to another.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    failed,
};
use crate::domain::{
    action::{Action, Order},
    ids::{CampaignId, NumberId, OrganizationId},
};
use serde::Serialize;

/// Rows that one statement moves: short enough that nobody waits for it.
const PIECE: i32 = 5_000;

/// A campaign's work that is bound to the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoundWork {
    /// Which campaign.
    pub campaign_id: CampaignId,
    /// Its name.
    pub campaign: String,
    /// Messages that are queued for the number.
    pub queued: i64,
    /// Why they cannot go to the other one; none: they can.
    pub stays: Option<String>,
}

/// What a number carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Queued work by campaign.
    pub campaigns: Vec<BoundWork>,
    /// Open threads in which nothing is under way.
    pub threads: i64,
}

impl Load {
    /// How many queued messages can go.
    #[must_use]
    pub fn movable(&self) -> i64 {
        self.campaigns.iter().filter(|work| work.stays.is_none()).map(|work| work.queued).sum()
    }

    /// How many stay.
    #[must_use]
    pub fn staying(&self) -> i64 {
        self.campaigns.iter().filter(|work| work.stays.is_some()).map(|work| work.queued).sum()
    }
}

/// What has moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Queued messages.
    pub messages: i64,
    /// Threads.
    pub threads: i64,
}

impl Store {
    /// What would move from one number to another.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn load_of_number(
        &self,
        organization: OrganizationId,
        from: NumberId,
        to: NumberId,
    ) -> Result<Load, StoreError> {
        const DOING: &str = "count the load of a number";
        let campaigns = sqlx::query_as!(
            BoundWork,
            r#"select campaign_id as "campaign_id!", campaign as "campaign!", queued as "queued!", stays
                 from load_of_number($1, $2, $3)"#,
            organization.0,
            from.0,
            to.0,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed(DOING))?;
        let threads =
            sqlx::query_scalar!(r#"select movable_threads($1, $2) as "threads!""#, organization.0, from.0)
                .fetch_one(&self.bulk)
                .await
                .map_err(failed(DOING))?;
        Ok(Load { campaigns, threads })
    }

    /// Moves what is queued and bound, piece by piece, and open threads if `threads` says so. What was interrupted is done by
    /// asking again.
    ///
    /// # Errors
    /// When the database is away or refuses; what had moved by then stays moved.
    pub async fn move_load(
        &self,
        organization: OrganizationId,
        from: NumberId,
        to: NumberId,
        threads: bool,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<Moved, StoreError> {
        let load = self.load_of_number(organization, from, to).await?;
        let mut moved = Moved::default();
        for work in load.campaigns.iter().filter(|work| work.stays.is_none()) {
            // No more pieces than there were when it was counted: senders put back what was on the wire, and this must end.
            for _ in 0..=work.queued / i64::from(PIECE) {
                let piece = self.move_piece(organization, from, to, work.campaign_id, reason, actor).await?;
                moved.messages += piece;
                if piece == 0 {
                    break;
                }
            }
        }
        if threads {
            moved.threads = self.move_threads(organization, from, to, reason, actor).await?;
        }
        Ok(moved)
    }

    /// Moves the load of a number, or removes it.
    pub(super) async fn act_on_load(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let reason = order.reason.as_deref();
        match &order.action {
            Action::RemoveNumber(number) => {
                let removed =
                    self.remove_number(organization, *number, order.expected, reason, actor).await?;
                Ok(removed.0)
            }
            Action::MoveLoad { from, to, threads } => {
                self.move_load(organization, *from, *to, *threads, reason, actor).await?;
                Ok(ActionResult::DONE)
            }
            _ => Err(StoreError::Unreadable { doing: "move work to another number", what: "order" }),
        }
    }

    async fn move_threads(
        &self,
        organization: OrganizationId,
        from: NumberId,
        to: NumberId,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<i64, StoreError> {
        let mut moved = 0;
        loop {
            let piece = sqlx::query_scalar!(
                r#"select move_threads($1, $2, $3, $4, $5, $6, $7) as "moved!""#,
                organization.0,
                from.0,
                to.0,
                PIECE,
                actor.operator,
                actor.instance_id(),
                reason,
            )
            .fetch_one(&self.bulk)
            .await
            .map_err(failed("move threads to another number"))?;
            moved += piece;
            if piece < i64::from(PIECE) {
                return Ok(moved);
            }
        }
    }

    async fn move_piece(
        &self,
        organization: OrganizationId,
        from: NumberId,
        to: NumberId,
        campaign: CampaignId,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select move_work($1, $2, $3, $4, $5, $6, $7, $8) as "moved!""#,
            organization.0,
            from.0,
            to.0,
            campaign.0,
            PIECE,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("move work to another number"))
    }
}
