//! What an operator does to channels: they are judged before they are kept, their secrets are sealed, and they are tried.
//! Command line and console both come here.

use super::mail::{self, Account};
use super::outlet::{Letter, Outlet, Way, secret_place};
use crate::domain::{
    action::{Action, Order},
    channel::{ChannelChange, ChannelSecret, Medium, NewChannel},
    ids::{AlertId, ChannelId, DeliveryId, OrganizationId},
    text::Safe,
};
use crate::provider::{client, hook::Hook};
use crate::secrets::KeyRing;
use crate::store::{
    Store,
    action::{ActionResult, Actor},
    alert::AlertRecord,
    channel::ChannelRecord,
    organization::OrganizationRecord,
};
use zeroize::Zeroizing;

/// Longest secret that anybody means, in bytes.
pub const LONGEST_SECRET: usize = 16 * 1024;

/// What is wrong with the mailboxes, or with the address that is posted to.
///
/// # Errors
/// That, in a sentence.
pub fn address(medium: Medium, text: &str) -> Result<(), String> {
    match medium {
        Medium::Email => mail::mailboxes(text).map(|_| ()),
        Medium::Webhook => {
            Hook::new(text, Zeroizing::default()).map(|_| ()).map_err(|error| error.to_string())
        }
    }
}

/// What is wrong with whom mail comes from.
///
/// # Errors
/// That, in a sentence.
pub fn sender(text: &str) -> Result<(), String> {
    mail::mailbox(text).map(|_| ())
}

/// Whether somebody logs in at this mail server.
///
/// # Errors
/// What is wrong with its address, in a sentence.
pub fn logs_in(smtp: &str) -> Result<bool, String> {
    Account::parse(smtp).map(|account| account.has_user())
}

/// Says what is wrong with a channel before it is kept.
///
/// # Errors
/// That, in a sentence.
pub fn check(
    channel: &ChannelRecord,
    secret: Option<Zeroizing<String>>,
    local_only: bool,
) -> Result<(), String> {
    let settings = client::Settings::default();
    let client = http(&settings)?;
    let way = Way { client: &client, settings: &settings, local_only };
    Outlet::of(channel, secret, &way).map(|_usable| ())
}

/// Seals a channel's secret for its place.
///
/// # Errors
/// Why it cannot be sealed, in a sentence.
pub fn seal(
    keys: &KeyRing,
    organization: OrganizationId,
    channel: ChannelId,
    secret: &str,
) -> Result<String, String> {
    let sealed =
        keys.seal(&secret_place(organization, channel), secret).map_err(|error| error.to_string())?;
    Ok(sealed.as_str().to_owned())
}

/// Sends a test to a channel now, by the organisation's clock, and puts on record who did and what came of it.
///
/// # Errors
/// Why it did not get through, or could not be put on record, in a sentence.
pub async fn test(
    store: &Store,
    keys: &KeyRing,
    organization: &OrganizationRecord,
    channel: &ChannelRecord,
    actor: Actor<'_>,
) -> Result<(), String> {
    let settings = client::Settings::default();
    let client = http(&settings)?;
    let way = Way { client: &client, settings: &settings, local_only: organization.rehearsal };
    let sent = match Outlet::open(keys, organization.id, channel, &way) {
        Ok(outlet) => outlet.send(&letter(organization)).await,
        Err(why) => Err(why),
    };
    let said = match &sent {
        Ok(()) => "it took the test".to_owned(),
        Err(why) => format!("it did not take the test: {}", Safe::cut(why, 500)),
    };
    let noted = store.note_channel_test(organization.id, channel.id, &channel.name, &said, actor).await;
    noted.map_err(|error| format!("failed to {error}"))?;
    sent
}

fn http(settings: &client::Settings) -> Result<client::Client, String> {
    client::Client::new(settings).map_err(|error| format!("failed to make the HTTP client: {error}"))
}

fn letter(organization: &OrganizationRecord) -> Letter {
    let alert = AlertRecord {
        id: AlertId::new(),
        kind: "test".to_owned(),
        severity: "info".to_owned(),
        subject: "organization".to_owned(),
        name: organization.name.clone(),
        words: "this is a test of the channel; nothing is wrong".to_owned(),
        raised_at: organization.now,
        ended_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
    };
    Letter::of_alert(DeliveryId::new(), organization.now, &organization.slug, &alert)
}

/// The channels of an organisation, in the hands of an operator of the console.
#[derive(Debug)]
pub struct Desk {
    /// Those of this run; or why there are none.
    keys: Result<KeyRing, String>,
}

impl Desk {
    /// With the keys of this run.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self { keys: Ok(keys) }
    }

    /// Without keys: what needs none can be done, and the rest says why not.
    #[must_use]
    pub fn without_keys(why: impl Into<String>) -> Self {
        Self { keys: Err(why.into()) }
    }

    fn keys(&self) -> Result<&KeyRing, String> {
        self.keys.as_ref().map_err(Clone::clone)
    }

    /// The order as it may be stored: judged, its secret sealed. Orders about anything else stay as they are.
    ///
    /// # Errors
    /// What forbids it.
    pub async fn prepared(
        &self,
        store: &Store,
        organization: OrganizationId,
        local_only: bool,
        mut order: Order,
    ) -> Result<Order, ActionResult> {
        let refused = |why: String| ActionResult::Refused(Safe::new(&why));
        match &mut order.action {
            Action::AddChannel { id, new } => {
                self.new_one(organization, *id, new, local_only).map_err(refused)?;
            }
            Action::EditChannel { channel, change } => {
                let channels = store.alert_channels(organization, None).await;
                let channels = channels.map_err(|error| refused(format!("failed to {error}")))?;
                // What is not there is for the order itself to say.
                if let Some(now) = channels.into_iter().find(|each| each.id == *channel) {
                    self.change(organization, now, change, local_only).map_err(refused)?;
                }
            }
            _ => {}
        }
        Ok(order)
    }

    fn new_one(
        &self,
        organization: OrganizationId,
        id: ChannelId,
        new: &mut NewChannel,
        local_only: bool,
    ) -> Result<(), String> {
        let given = given(new.secret.as_ref())?;
        if let Some(smtp) = new.smtp.as_deref()
            && given.is_none()
            && logs_in(smtp)?
        {
            return Err("the mail server's user has a password".to_owned());
        }
        let then = ChannelRecord {
            id,
            name: new.name.clone(),
            kind: new.medium.name().to_owned(),
            address: new.address.clone(),
            smtp: new.smtp.clone(),
            mail_from: new.mail_from.clone(),
            least: new.least.to_owned(),
            kinds: new.kinds.clone(),
            daily_report: new.daily_report,
            is_active: true,
            failing_since: None,
            failing_reason: None,
            waiting: 0,
            sealed_secret: None,
            revision: 1,
        };
        check(&then, given.clone(), local_only)?;
        new.secret = self.sealed(organization, id, given.as_ref())?;
        Ok(())
    }

    fn change(
        &self,
        organization: OrganizationId,
        now: ChannelRecord,
        change: &mut ChannelChange,
        local_only: bool,
    ) -> Result<(), String> {
        let given = given(change.secret.as_ref())?;
        let mut then = now;
        then.address = change.address.clone().unwrap_or(then.address);
        if Medium::of(&then.kind) == Medium::Email {
            then.smtp = change.smtp.clone().or(then.smtp);
            then.mail_from = change.mail_from.clone().or(then.mail_from);
        }
        // What it will be is judged with a secret, whichever it is: it stands in no answer.
        let any = Zeroizing::new("kept".to_owned());
        check(&then, given.clone().or(then.sealed_secret.as_ref().map(|_| any)), local_only)?;
        change.secret = self.sealed(organization, then.id, given.as_ref())?;
        Ok(())
    }

    fn sealed(
        &self,
        organization: OrganizationId,
        channel: ChannelId,
        secret: Option<&Zeroizing<String>>,
    ) -> Result<Option<ChannelSecret>, String> {
        let sealed = secret.map(|secret| seal(self.keys()?, organization, channel, secret));
        Ok(sealed.transpose()?.map(ChannelSecret::Sealed))
    }

    /// Sends a test to a channel now.
    ///
    /// # Errors
    /// Why it did not get through, in a sentence.
    pub async fn test(
        &self,
        store: &Store,
        organization: OrganizationId,
        channel: ChannelId,
        actor: Actor<'_>,
    ) -> Result<(), String> {
        let failed = |error| format!("failed to {error}");
        let channels = store.alert_channels(organization, None).await.map_err(failed)?;
        let channel = channels.into_iter().find(|each| each.id == channel).ok_or("it is gone")?;
        let record = store.organizations(None).await.map_err(failed)?;
        let record = record.into_iter().find(|each| each.id == organization).ok_or("it is gone")?;
        test(store, self.keys()?, &record, &channel, actor).await
    }
}

fn given(secret: Option<&ChannelSecret>) -> Result<Option<Zeroizing<String>>, String> {
    match secret {
        None => Ok(None),
        Some(ChannelSecret::Given(secret)) if secret.reveal().len() > LONGEST_SECRET => {
            Err(format!("the secret is longer than {LONGEST_SECRET} bytes"))
        }
        Some(ChannelSecret::Given(secret)) => Ok(Some(secret.reveal().clone())),
        // Whoever orders has nothing sealed: it would be somebody else's.
        Some(ChannelSecret::Sealed(_)) => Err("a secret is given as it is".to_owned()),
    }
}
