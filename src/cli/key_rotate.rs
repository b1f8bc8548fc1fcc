//! `signalbox key rotate`: seals every secret again with the first key of the ring.
//!
//! One account, or one channel for alerts, is one statement, which compares what it replaces: whoever is interrupted has whole
//! ones on either key, all of which the ring opens, and running it again goes on. The database's check value is exchanged last, when nothing needs
//! the old key any more.

use super::{CliError, Session, account::place, secret, session::Org};
use crate::{
    secrets::{KeyRing, Sealed, SecretError},
    sender::{alert::outlet::secret_place, line::token_place},
    store::{
        channel::ChannelRecord,
        secret::{SEALED_COLUMNS, SealedRow},
    },
};
use serde::Serialize;

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    key: String,
    resealed: u64,
    already: u64,
    left: Vec<String>,
    check_value: &'static str,
}

/// Does it.
pub async fn run(session: &Session) -> Result<(), CliError> {
    let ring =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let mut report = Report { key: ring.writing().to_string(), ..Report::default() };
    for organization in session.store.organizations(None).await? {
        let org = session.org(organization)?;
        for row in session.store.sealed_rows(org.id).await? {
            account(session, &ring, &org, &row, &mut report).await?;
            session.out.progress(&format!("{} sealed again", report.resealed));
        }
        for row in session.store.alert_channels(org.id, None).await? {
            channel(session, &ring, &org, &row, &mut report).await?;
        }
    }
    session.out.progress("");
    if report.left.is_empty() {
        report.check_value = check_value(session, &ring).await?;
    } else {
        report.check_value = "kept";
    }
    session.out.show(&report, || sentence(&report))?;
    match report.left.len() {
        0 => Ok(()),
        _ => Err(CliError::failed(format!(
            "some secrets still need another key: {}; put that key on the ring as well, or give these new secrets",
            report.left.join("; ")
        ))),
    }
}

fn sentence(report: &Report) -> String {
    let check = match report.check_value {
        "exchanged" => {
            "nothing needs another key any more: take the others off the ring once this key stands first on every host and this was run after that"
        }
        "current" => "the database needs no other key",
        "kept" => "some secrets still need another key",
        _ => "other organisations may still need their keys: the owner of the database runs key rotate last",
    };
    format!(
        "key {}: sealed the secrets of {} accounts and alert channels again, {} had it already; {check}",
        report.key, report.resealed, report.already
    )
}

/// What became of one.
enum Fate {
    Resealed,
    Already,
    /// Given new secrets at this moment, with which key only another look says.
    Changed,
    /// No key of the ring opens it; it is left as it is.
    Unopened(SecretError),
}

impl Report {
    fn count(&mut self, fate: Fate, what: &str, org: &Org) {
        let left = match fate {
            Fate::Resealed => return self.resealed += 1,
            Fate::Already => return self.already += 1,
            Fate::Changed => "it was changed at the same moment; run this again".to_owned(),
            Fate::Unopened(error) => error.to_string(),
        };
        self.left.push(format!("{what} of {}: {left}", org.record.slug));
    }
}

fn fate(replaced: bool) -> Fate {
    if replaced { Fate::Resealed } else { Fate::Changed }
}

async fn account(
    session: &Session,
    ring: &KeyRing,
    org: &Org,
    row: &SealedRow,
    report: &mut Report,
) -> Result<(), CliError> {
    let fate = match again(ring, org, row) {
        Ok(Some(sealed)) => fate(session.store.replace_sealed(org.id, row, &sealed, session.actor()).await?),
        Ok(None) => Fate::Already,
        Err(error) => Fate::Unopened(error),
    };
    report.count(fate, &row.name, org);
    Ok(())
}

async fn channel(
    session: &Session,
    ring: &KeyRing,
    org: &Org,
    row: &ChannelRecord,
    report: &mut Report,
) -> Result<(), CliError> {
    let Some(old) = &row.sealed_secret else { return Ok(()) };
    let sealed = old.parse().and_then(|old| ring.reseal(&secret_place(org.id, row.id), &old));
    let fate = match sealed {
        Ok(Some(new)) => {
            let actor = session.actor();
            fate(session.store.replace_channel_secret(org.id, row.id, old, new.as_str(), actor).await?)
        }
        Ok(None) => Fate::Already,
        Err(error) => Fate::Unopened(error),
    };
    report.count(fate, &format!("alert channel {}", row.name), org);
    Ok(())
}

/// All secrets of an account, sealed with the writing key; `None`: all of them are.
fn again(ring: &KeyRing, org: &Org, row: &SealedRow) -> Result<Option<[Option<String>; 4]>, SecretError> {
    let mut sealed = row.sealed.clone();
    let mut changed = false;
    for (slot, column) in sealed.iter_mut().zip(SEALED_COLUMNS) {
        let Some(text) = slot else { continue };
        let at = if column == "sealed_token" {
            token_place(org.id, row.account)
        } else {
            place(org, row.account, column)
        };
        if let Some(again) = ring.reseal(&at, &text.parse::<Sealed>()?)? {
            again.as_str().clone_into(text);
            changed = true;
        }
    }
    Ok(changed.then_some(sealed))
}

/// Exchanges the check value, where all organisations were seen.
async fn check_value(session: &Session, ring: &KeyRing) -> Result<&'static str, CliError> {
    let new = ring.check_value()?;
    let stored = session.store.key_check(new.as_str()).await?;
    let stored_key = stored.parse::<Sealed>()?.key()?;
    if stored_key == ring.writing() {
        return Ok("current");
    }
    let Some(owner) = session.as_owner().await? else { return Ok("others") };
    let exchanged = owner.replace_key_check(&stored, new.as_str()).await?;
    Ok(if exchanged { "exchanged" } else { "current" })
}
