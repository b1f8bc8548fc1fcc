//! What an operator of the console orders of a channel.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    channel::{ChannelEdit, ChannelEdited, LED, NewChannel},
};
use crate::domain::{
    action::{Action, Order, Version},
    channel::{self, ChannelChange, ChannelSecret, Medium, kinds_of, severity},
    ids::{ChannelId, OrganizationId},
    text::Safe,
};
use serde_json::Value;

/// The version of a channel that is new.
const FIRST: Version = Version(1);
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
                Ok(done(FIRST, Some(Action::RemoveChannel(*id))))
            }
            Action::EditChannel { channel, change } => {
                self.change_channel(organization, *channel, change, order, actor).await
            }
            Action::RemoveChannel(channel) => {
                let reason = order.reason.as_deref();
                let removed =
                    self.remove_alert_channel(organization, *channel, order.expected, reason, actor).await?;
                self.told(organization, *channel, removed, |before| again(*channel, before)).await
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
        let edited =
            self.edit_alert_channel(organization, channel, &edit, order.expected, reason, actor).await?;
        let undo = |before: &Value| {
            former(change, before).map(|change| Action::EditChannel { channel, change: Box::new(change) })
        };
        self.told(organization, channel, edited, undo).await
    }

    /// What an operator is told of a change.
    async fn told(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        edited: ChannelEdited,
        undo: impl FnOnce(&Value) -> Option<Action>,
    ) -> Result<ActionResult, StoreError> {
        match edited {
            ChannelEdited::Done { before, version } => Ok(done(version, undo(&before))),
            ChannelEdited::Missing => Ok(ActionResult::Missing(GONE.into())),
            ChannelEdited::Led => Ok(ActionResult::Refused(LED.into())),
            ChannelEdited::Moved => {
                let (by, at) = self.last_hand_on_channel(organization, channel).await?;
                Ok(ActionResult::Changed { to: Safe::new("another one than was shown"), by, at })
            }
        }
    }
}

/// It was done; what takes it back finds the channel of this version.
fn done(version: Version, undo: Option<Action>) -> ActionResult {
    let undo = undo.map(|action| {
        // What was removed has no version any more.
        let expected = (!matches!(action, Action::AddChannel { .. })).then_some(version);
        Box::new(Order { action, expected, reason: Some("undone".into()) })
    });
    ActionResult::Done { version: None, undo }
}

fn text(before: &Value, column: &str) -> Option<String> {
    before.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn flag(before: &Value, column: &str) -> Option<bool> {
    before.get(column).and_then(Value::as_bool)
}

/// What brings back what a change replaced; nothing where that was a secret, which nobody keeps.
fn former(change: &ChannelChange, before: &Value) -> Option<ChannelChange> {
    if change.secret.is_some() {
        return None;
    }
    Some(ChannelChange {
        address: change.address.as_ref().and_then(|_| text(before, "address")),
        smtp: change.smtp.as_ref().and_then(|_| text(before, "smtp")),
        mail_from: change.mail_from.as_ref().and_then(|_| text(before, "mail_from")),
        secret: None,
        least: change.least.and_then(|_| severity(&text(before, "least")?)),
        kinds: change.kinds.as_ref().map(|_| kinds_of(before.get("kinds"))),
        daily_report: change.daily_report.and_then(|_| flag(before, "daily_report")),
        is_active: change.is_active.and_then(|_| flag(before, "is_active")),
    })
}

/// What adds a channel again that was removed; nothing where it had a secret, which is gone, or was switched off.
fn again(id: ChannelId, before: &Value) -> Option<Action> {
    if flag(before, "has_secret")? || !flag(before, "is_active")? {
        return None;
    }
    let new = channel::NewChannel {
        name: text(before, "name")?,
        medium: Medium::of(&text(before, "kind")?),
        address: text(before, "address")?,
        smtp: text(before, "smtp"),
        mail_from: text(before, "mail_from"),
        secret: None,
        least: severity(&text(before, "least")?)?,
        kinds: kinds_of(before.get("kinds")),
        daily_report: flag(before, "daily_report")?,
    };
    Some(Action::AddChannel { id, new: Box::new(new) })
}
