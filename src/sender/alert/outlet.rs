//! One channel, ready to be used: its secret opened, its address checked.

use super::mail::{Account, Mail};
use crate::domain::{
    ids::{ChannelId, DeliveryId, OrganizationId},
    text::Safe,
};
use crate::provider::{client, hook::Hook};
use crate::secrets::{KeyRing, Place, Sealed};
use crate::store::{alert::AlertRecord, channel::ChannelRecord, usage::DayUsage};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Longest subject of a mail.
const SUBJECT: usize = 120;

/// Where a channel's secret stands: it opens nowhere else.
#[must_use]
pub fn secret_place(organization: OrganizationId, channel: ChannelId) -> Place<'static> {
    Place { table: "alert_channels", column: "sealed_secret", organization: organization.0, row: channel.0 }
}

/// What is needed to reach anything.
pub struct Way<'a> {
    /// Posts to webhooks.
    pub client: &'a client::Client,
    /// Time limits, and whom to trust besides the public authorities.
    pub settings: &'a client::Settings,
    /// Only this machine is reached: a rehearsal.
    pub local_only: bool,
}

/// A channel, ready to be used.
pub enum Outlet {
    /// Mail.
    Mail(Box<Mail>),
    /// A webhook.
    Hook(Box<Hook>, client::Client),
}

/// Something to say, in both forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The same in every try.
    pub id: String,
    /// When it was taken to be sent.
    pub at: DateTime<Utc>,
    /// Of a mail.
    pub subject: String,
    /// Of a mail.
    pub text: String,
    /// Of a webhook.
    pub body: Value,
}

impl Letter {
    /// What is said of an alert.
    #[must_use]
    pub fn of_alert(id: DeliveryId, at: DateTime<Utc>, organization: &str, alert: &AlertRecord) -> Self {
        let words = Safe::new(&alert.words);
        let over = if alert.ended_at.is_some() { " It is over meanwhile." } else { "" };
        Self {
            id: id.to_string(),
            at,
            subject: subject(&format!("[{organization}] {}: {words}", alert.severity)),
            text: format!(
                "{}: {words}.{over}\nRaised {}.\n",
                alert.severity.to_uppercase(),
                alert.raised_at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            body: json!({ "id": id, "type": "alert", "organization": organization, "alert": alert }),
        }
    }

    /// The report of a day.
    #[must_use]
    pub fn of_report(id: DeliveryId, at: DateTime<Utc>, usage: &DayUsage) -> Self {
        Self {
            id: id.to_string(),
            at,
            subject: subject(&format!("[{}] {}: {} messages", usage.organization, usage.day, usage.sent)),
            text: usage.text().lines().map(Safe::new).map(|line| line.into_string() + "\n").collect(),
            body: json!({ "id": id, "type": "report", "organization": usage.organization, "report": usage }),
        }
    }

    /// One mail out of several.
    #[must_use]
    pub fn joined(letters: Vec<Self>) -> Self {
        let count = letters.len();
        let mut letters = letters.into_iter();
        let Some(mut first) = letters.next() else { return Self::empty() };
        if count > 1 {
            first.subject = subject(&format!("{} (and {} more)", first.subject, count - 1));
        }
        for letter in letters {
            first.text.push('\n');
            first.text.push_str(&letter.text);
        }
        first
    }

    fn empty() -> Self {
        let (id, subject, text) = Default::default();
        Self { id, at: DateTime::UNIX_EPOCH, subject, text, body: Value::Null }
    }
}

fn subject(text: &str) -> String {
    Safe::cut(text, SUBJECT).into_string()
}

impl Outlet {
    /// Opens a channel's secret and checks its address.
    ///
    /// # Errors
    /// Why it cannot be used, in a sentence.
    pub fn open(
        keys: &KeyRing,
        organization: OrganizationId,
        channel: &ChannelRecord,
        way: &Way<'_>,
    ) -> Result<Self, String> {
        let secret = channel.sealed_secret.as_deref().map(|sealed| {
            let sealed: Sealed = sealed.parse().map_err(|error| format!("its secret: {error}"))?;
            let opened = keys.open(&secret_place(organization, channel.id), &sealed);
            opened.map(crate::secrets::Secret::into_inner).map_err(|error| format!("its secret: {error}"))
        });
        Self::of(channel, secret.transpose()?, way)
    }

    /// With its secret in the clear.
    ///
    /// # Errors
    /// Why it cannot be used, in a sentence.
    pub fn of(
        channel: &ChannelRecord,
        secret: Option<Zeroizing<String>>,
        way: &Way<'_>,
    ) -> Result<Self, String> {
        let outlet = if channel.kind == "webhook" {
            let secret = secret.ok_or("it has no secret to sign with")?;
            let hook = Hook::new(&channel.address, secret).map_err(|error| error.to_string())?;
            Self::Hook(Box::new(hook), way.client.clone())
        } else {
            let (smtp, from) =
                channel.smtp.as_deref().zip(channel.mail_from.as_deref()).ok_or("it has no mail server")?;
            let account = Account::parse(smtp)?;
            Self::Mail(Box::new(Mail::new(&account, secret, from, &channel.address, way.settings)?))
        };
        if way.local_only && !outlet.is_local() {
            return Err("a rehearsal organisation only reaches this machine".to_owned());
        }
        Ok(outlet)
    }

    fn is_local(&self) -> bool {
        match self {
            Self::Mail(mail) => mail.is_local(),
            Self::Hook(hook, _) => hook.is_local(),
        }
    }

    /// Whether several things are better said at once.
    #[must_use]
    pub fn takes_many(&self) -> bool {
        matches!(self, Self::Mail(_))
    }

    /// Sends it, once.
    ///
    /// # Errors
    /// Why it did not get through, in a sentence.
    pub async fn send(&self, letter: &Letter) -> Result<(), String> {
        match self {
            Self::Mail(mail) => mail.send(letter).await,
            Self::Hook(hook, client) => {
                hook.post(client, &letter.id, letter.at.timestamp(), letter.body.to_string()).await
            }
        }
    }
}
