//! `signalbox alert channel`: where alerts go besides the console.

use super::{
    CliError, Session,
    output::{Table, local_or_dash},
    secret,
    session::Org,
};
use crate::{
    domain::{ids::ChannelId, right::Right, text::Safe},
    secrets::new_key_text,
    sender::alert::desk,
    store::channel::{ChannelEdit, ChannelEdited, ChannelRecord, NewChannel},
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use zeroize::Zeroizing;

/// Said of a channel that wants a report which goes out at no time.
const NO_REPORT: &str =
    "no report of the day goes out before a time is set for it: signalbox alert rules --report-at 07:30";

/// How much an alert wants somebody to look.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Least {
    /// Everything, also what is only worth knowing.
    Info,
    /// What somebody should look at.
    Warning,
    /// What somebody should look at now.
    Critical,
}

impl Least {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What alerts can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// A number was suspended.
    Suspension,
    /// What a number sends does not arrive.
    SilentDeath,
    /// A number fails much, or people block it.
    BanRisk,
    /// A provider does not answer.
    Connection,
    /// A limit is near: 80 or 95 percent.
    Limit,
    /// A campaign paused itself.
    Paused,
    /// A campaign missed its start and waits for a decision.
    MissedStart,
    /// A campaign is finished.
    Finished,
    /// Messages are in doubt.
    Doubts,
    /// Somebody may have got something twice.
    Duplicate,
    /// A token is old.
    Credentials,
}

/// Where a channel's secret comes from.
#[derive(Debug, Clone, Default, Args)]
pub struct SecretFrom {
    /// Read the mail server's password, or what signs the webhook, from the first line of standard input
    #[arg(long, conflicts_with = "secret_env")]
    secret_stdin: bool,
    /// Read it from this variable
    #[arg(long, value_name = "VAR")]
    secret_env: Option<String>,
}

impl SecretFrom {
    fn read(&self) -> Result<Option<Zeroizing<String>>, CliError> {
        match &self.secret_env {
            _ if self.secret_stdin => secret::from_stdin().map(Some),
            Some(variable) => secret::from_variable(variable).map(Some),
            None => Ok(None),
        }
    }
}

/// What goes to a channel.
#[derive(Debug, Clone, Default, Args)]
pub struct Wanted {
    /// Nothing below this goes there
    #[arg(long, value_name = "SEVERITY")]
    least: Option<Least>,
    /// Only this kind goes there; may be given several times
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Whether the report of the day before goes there, at the time of `alert rules --report-at`
    #[arg(long, value_name = "true|false")]
    daily_report: Option<bool>,
}

impl Wanted {
    fn kinds(&self) -> Option<Vec<String>> {
        let names = self.kinds.iter().filter_map(ValueEnum::to_possible_value);
        (!self.kinds.is_empty()).then(|| names.map(|name| name.get_name().to_owned()).collect())
    }
}

/// What can be done with channels.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a channel: mailboxes, or a webhook. Its secret is sealed
    #[command(after_help = "\
Examples:
  pass show smtp | signalbox alert channel add ops --email ops@example.com --smtp smtps://signalbox@smtp.example.com \\
      --from signalbox@example.com --secret-stdin
  signalbox alert channel add pager --webhook https://hooks.example.com/signalbox --least critical

A webhook is posted JSON. X-Signalbox-Signature is sha256= and the HMAC-SHA256, in hexadecimal, of X-Signalbox-Timestamp,
a dot and the body under the channel's secret. Without one that is given, a secret is made and printed once.")]
    Add {
        /// What operators call it
        name: String,
        /// Mailboxes, with commas between them
        #[arg(long, value_name = "ADDRESSES", required_unless_present = "webhook", conflicts_with = "webhook", requires_all = ["smtp", "from"])]
        email: Option<String>,
        /// The mail server: `smtps://user@host:465`, or `smtp://user@host:587` with STARTTLS
        #[arg(long, value_name = "URL")]
        smtp: Option<String>,
        /// Whom mail comes from
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// The address that is posted to
        #[arg(long, value_name = "URL")]
        webhook: Option<String>,
        /// Its secret
        #[command(flatten)]
        secret: SecretFrom,
        /// What goes there
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Lists the channels, and whether they get through
    List,
    /// Changes a channel
    Edit {
        /// Which one
        name: String,
        /// Mailboxes, or the address that is posted to
        #[arg(long, value_name = "ADDRESS")]
        address: Option<String>,
        /// The mail server
        #[arg(long, value_name = "URL")]
        smtp: Option<String>,
        /// Whom mail comes from
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// A new secret
        #[command(flatten)]
        secret: SecretFrom,
        /// What goes there
        #[command(flatten)]
        wanted: Wanted,
        /// All kinds go there again
        #[arg(long, conflicts_with = "kinds")]
        all_kinds: bool,
        /// Whether anything goes there
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Sends a test there now, and says what came of it
    Test {
        /// Which one
        name: String,
    },
    /// Removes a channel, with what waits to go there
    Remove {
        /// Which one
        name: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl Verb {
    /// The right that it takes.
    pub(super) fn right(&self) -> Right {
        match self {
            Self::List => Right::Sees,
            // Of an edit, the database tells apart what is an admin's.
            Self::Edit { .. } | Self::Test { .. } => Right::Runs,
            Self::Add { .. } | Self::Remove { .. } => Right::Administers,
        }
    }
}

/// Does it.
pub async fn run(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Add { .. } => add(session, org, verb).await,
        Verb::List => list(session, org).await,
        Verb::Edit { .. } => edit(session, org, verb).await,
        Verb::Test { name } => test(session, org, &name).await,
        Verb::Remove { name, reason } => {
            let channel = find(session, org, &name).await?;
            let store = &session.store;
            let removed = store
                .remove_alert_channel(org.id, channel.id, None, reason.as_deref(), session.actor())
                .await?;
            let done = matches!(removed, ChannelEdited::Done { .. });
            CliError::unless(done, &format!("channel {name}"))?;
            session.out.show(&json!({ "result": "done", "name": name }), || format!("removed channel {name}"))
        }
    }
}

/// Says what is wrong with a channel before it is kept.
fn checked(channel: &ChannelRecord, secret: Option<Zeroizing<String>>, org: &Org) -> Result<(), CliError> {
    desk::check(channel, secret, org.record.rehearsal).map_err(CliError::Usage)
}

async fn seal(
    session: &Session,
    org: &Org,
    channel: ChannelId,
    secret: Option<&str>,
) -> Result<Option<String>, CliError> {
    let Some(secret) = secret else { return Ok(None) };
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    desk::seal(&keys, org.id, channel, secret).map(Some).map_err(CliError::failed)
}

/// What is missing for a channel that wants the report of the day to get one.
async fn report_needs(
    session: &Session,
    org: &Org,
    is_wanted: bool,
) -> Result<Option<&'static str>, CliError> {
    let needs = is_wanted && session.store.alert_rules(org.id).await?.report_at.is_none();
    Ok(needs.then_some(NO_REPORT))
}

/// An answer, and below it what is missing.
fn with_note(answer: &str, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{answer}\n{note}"),
        None => answer.to_owned(),
    }
}

/// A user of a mail server has a password.
fn has_password(smtp: Option<&str>, given: bool) -> Result<(), CliError> {
    let Some(smtp) = smtp else { return Ok(()) };
    if given || !desk::logs_in(smtp).map_err(CliError::Usage)? {
        return Ok(());
    }
    Err(CliError::Usage("the mail server's user has a password: --secret-stdin or --secret-env".to_owned()))
}

async fn add(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    let Verb::Add { name, email, smtp, from, webhook, secret, wanted } = verb else { return Ok(()) };
    if name.trim().is_empty() || name.trim() != name {
        return Err(CliError::Usage("a channel needs a name without spaces around it".to_owned()));
    }
    let given = secret.read()?;
    let made = match (&webhook, &given) {
        (Some(_), None) => Some(new_key_text()?),
        _ => None,
    };
    let secret = given.or_else(|| made.clone());
    has_password(smtp.as_deref(), secret.is_some())?;
    let kinds = wanted.kinds();
    let channel = ChannelRecord {
        id: ChannelId::new(),
        kind: if webhook.is_some() { "webhook" } else { "email" }.to_owned(),
        address: webhook.or(email).unwrap_or_default(),
        smtp,
        mail_from: from,
        least: wanted.least.map_or("warning", Least::name).to_owned(),
        kinds: kinds.clone(),
        daily_report: wanted.daily_report.unwrap_or(false),
        is_active: true,
        failing_since: None,
        failing_reason: None,
        waiting: 0,
        sealed_secret: None,
        revision: 1,
        name,
    };
    checked(&channel, secret.clone(), org)?;
    let sealed = seal(session, org, channel.id, secret.as_ref().map(|secret| secret.as_str())).await?;
    let new = NewChannel {
        id: channel.id,
        name: &channel.name,
        kind: &channel.kind,
        address: &channel.address,
        smtp: channel.smtp.as_deref(),
        mail_from: channel.mail_from.as_deref(),
        sealed_secret: sealed.as_deref(),
        least: &channel.least,
        kinds: kinds.as_deref(),
        daily_report: channel.daily_report,
    };
    session.store.add_alert_channel(org.id, &new, session.actor()).await?;
    let made = made.as_ref().map(|made| made.as_str());
    let note = report_needs(session, org, channel.daily_report).await?;
    session.out.show(&json!({ "id": channel.id, "name": channel.name, "secret": made, "note": note }), || {
        let name = &channel.name;
        let answer = made.map_or_else(
            || format!("added channel {name}; signalbox alert channel test {name} tries it"),
            |secret| format!("added channel {name}; it signs with this secret, shown once:\n{secret}"),
        );
        with_note(&answer, note)
    })
}

async fn edit(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    let Verb::Edit { name, address, smtp, from, secret, wanted, all_kinds, active, reason } = verb else {
        return Ok(());
    };
    let channel = find(session, org, &name).await?;
    let mut then = channel.clone();
    then.address = address.clone().unwrap_or(then.address);
    if channel.kind == "email" {
        then.smtp = smtp.clone().or(then.smtp);
        then.mail_from = from.clone().or(then.mail_from);
    } else if smtp.is_some() || from.is_some() {
        return Err(CliError::Usage(format!("{name} is a webhook: it has no mail server and no sender")));
    }
    let new_secret = secret.read()?;
    // What it will be is checked with a secret, whichever it is: it stands in no answer.
    let any = Zeroizing::new("kept".to_owned());
    checked(&then, new_secret.clone().or(then.sealed_secret.as_ref().map(|_| any)), org)?;
    let sealed = seal(session, org, channel.id, new_secret.as_ref().map(|secret| secret.as_str())).await?;
    let kinds = wanted.kinds();
    let edit = ChannelEdit {
        address: address.as_deref(),
        smtp: smtp.as_deref(),
        mail_from: from.as_deref(),
        sealed_secret: sealed.as_deref(),
        least: wanted.least.map(Least::name),
        kinds: if all_kinds { Some(None) } else { kinds.as_deref().map(Some) },
        daily_report: wanted.daily_report,
        is_active: active,
    };
    let (store, reason) = (&session.store, reason.as_deref());
    let edited = store.edit_alert_channel(org.id, channel.id, &edit, None, reason, session.actor()).await?;
    CliError::unless(matches!(edited, ChannelEdited::Done { .. }), &format!("channel {name}"))?;
    let note = report_needs(session, org, wanted.daily_report.unwrap_or(channel.daily_report)).await?;
    session.out.show(&json!({ "result": "done", "name": name, "note": note }), || {
        with_note(&format!("changed channel {name}"), note)
    })
}

async fn test(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let channel = find(session, org, name).await?;
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let sent = desk::test(&session.store, &keys, &org.record, &channel, session.actor()).await;
    match sent {
        Ok(()) => {
            session.out.show(&json!({ "result": "sent", "name": name }), || format!("{name} took the test"))
        }
        Err(why) => Err(CliError::failed(format!("{name} did not take the test: {}", Safe::cut(&why, 500)))),
    }
}

async fn find(session: &Session, org: &Org, name: &str) -> Result<ChannelRecord, CliError> {
    session.store.alert_channels(org.id, Some(name)).await?.pop().ok_or_else(|| {
        CliError::failed(format!("there is no channel {name:?}; signalbox alert channel list shows them"))
    })
}

async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let channels = session.store.alert_channels(org.id, None).await?;
    let is_timed = session.store.alert_rules(org.id).await?.report_at.is_some();
    session.out.show(&channels, || {
        let mut table = Table::new(&[
            "NAME",
            "KIND",
            "TO",
            "LEAST",
            "KINDS",
            "REPORT",
            "WAITING",
            "FAILING SINCE",
            "WHY",
        ]);
        for channel in &channels {
            table.row([
                channel.name.clone(),
                if channel.is_active { channel.kind.clone() } else { format!("{} (off)", channel.kind) },
                channel.address.clone(),
                channel.least.clone(),
                channel.kinds.as_ref().map_or("all".to_owned(), |kinds| kinds.join(" ")),
                match (channel.daily_report, is_timed) {
                    (true, true) => "yes",
                    (true, false) => "yes, but no time is set",
                    (false, _) => "no",
                }
                .to_owned(),
                channel.waiting.to_string(),
                local_or_dash(channel.failing_since, org.zone),
                channel.failing_reason.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::{ALERT_KINDS, SEVERITIES};

    #[test]
    fn the_command_and_the_console_know_the_same_kinds_and_severities() {
        let names = |all: Vec<clap::builder::PossibleValue>| {
            all.iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>()
        };
        let kinds = Kind::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        assert_eq!(names(kinds), ALERT_KINDS.map(|(kind, _)| kind));
        assert_eq!(Least::value_variants().iter().map(|least| least.name()).collect::<Vec<_>>(), SEVERITIES);
    }
}
