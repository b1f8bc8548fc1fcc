//! What an operator of the console orders of a channel.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    channel::{ChannelEdit, ChannelEdited, NewChannel},
};
use crate::domain::{
    action::{Action, Order},
    channel::{ChannelChange, ChannelSecret},
    ids::{ChannelId, OrganizationId},
    text::Safe,
};

const GONE: &str = "there is no such channel any more";

/// A secret as it may be stored.
fn sealed(secret: Option<&ChannelSecret>) -> Result<Option<&str>, ActionResult> {
    match secret {
        None => Ok(None),
        Some(ChannelSecret::Sealed(sealed)) => Ok(Some(sealed)),
        Some(ChannelSecret::Given(_)) => {
            Err(ActionResult::Refused("its secret is not sealed, so it is not stored".into()))
        }
    }
}

impl Store {
    /// Carries out an order about a channel.
    pub(super) async fn act_on_channel(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (reason, done) = (order.reason.as_deref(), ActionResult::DONE);
        match &order.action {
            Action::AddChannel { id, new } => {
                let sealed_secret = match sealed(new.secret.as_ref()) {
                    Ok(secret) => secret,
                    Err(refused) => return Ok(refused),
                };
                let new = NewChannel {
                    id: *id,
                    name: &new.name,
                    kind: new.medium.name(),
                    address: &new.address,
                    smtp: new.smtp.as_deref(),
                    mail_from: new.mail_from.as_deref(),
                    sealed_secret,
                    least: new.least,
                    kinds: new.kinds.as_deref(),
                    daily_report: new.daily_report,
                };
                self.add_alert_channel(organization, &new, actor).await?;
                Ok(done)
            }
            Action::EditChannel { channel, change } => {
                self.change_channel(organization, *channel, change, order, actor).await
            }
            Action::RemoveChannel(channel) => {
                let removed = self.remove_alert_channel(organization, *channel, reason, actor).await?;
                Ok(if removed { done } else { ActionResult::Missing(GONE.into()) })
            }
            _ => Ok(ActionResult::Refused("this is not about a channel".into())),
        }
    }

    async fn change_channel(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        change: &ChannelChange,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let sealed_secret = match sealed(change.secret.as_ref()) {
            Ok(secret) => secret,
            Err(refused) => return Ok(refused),
        };
        let edit = ChannelEdit {
            address: change.address.as_deref(),
            smtp: change.smtp.as_deref(),
            mail_from: change.mail_from.as_deref(),
            sealed_secret,
            least: change.least,
            kinds: change.kinds.as_ref().map(Option::as_deref),
            daily_report: change.daily_report,
            is_active: change.is_active,
        };
        let reason = order.reason.as_deref();
        match self.edit_alert_channel(organization, channel, &edit, order.expected, reason, actor).await? {
            ChannelEdited::Done => Ok(ActionResult::DONE),
            ChannelEdited::Missing => Ok(ActionResult::Missing(GONE.into())),
            ChannelEdited::Moved => {
                let (by, at) = self.last_hand_on_channel(organization, channel).await?;
                Ok(ActionResult::Changed { to: Safe::new("another one than was shown"), by, at })
            }
        }
    }
}
