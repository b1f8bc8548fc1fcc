//! `signalbox operator key`: what other programs show to act as an operator.

use super::{
    CliError, Session,
    output::{Table, local, local_or_dash},
    session::Org,
};
use crate::{
    domain::ids::ApiKeyId,
    secrets::{new_api_key, sha256},
    store::api_key::{NewApiKey, Revoked},
};
use clap::Subcommand;
use serde_json::json;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a key that acts as an operator, with that operator's rights, and shows it this once
    #[command(after_help = "\
Examples:
  signalbox operator key new crm
  signalbox operator key new crm --operator ana --json

The program shows it to a listener (signalbox sender --listen): authorization: Bearer KEY")]
    New {
        /// What it is called
        name: String,
        /// As whom it acts; else as you
        #[arg(long, value_name = "OPERATOR")]
        operator: Option<String>,
    },
    /// Lists the keys, without what they are
    List,
    /// Takes a key's rights at once
    Revoke {
        /// Its name or id
        name: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::New { name, operator } => new(session, org, &name, operator).await,
        Verb::List => list(session, org).await,
        Verb::Revoke { name, reason } => revoke(session, org, &name, reason.as_deref()).await,
    }
}

async fn new(session: &Session, org: &Org, name: &str, operator: Option<String>) -> Result<(), CliError> {
    let store = &session.store;
    let operator = match operator {
        Some(operator) => operator,
        None => store.login_role().await?,
    };
    let (id, key) = (ApiKeyId::new(), new_api_key()?);
    let new = NewApiKey { id, operator: &operator, name, digest: sha256(key.as_bytes()) };
    if !store.add_api_key(org.id, &new, session.actor()).await? {
        return Err(CliError::failed(format!(
            "{operator} is no operator of {}; name one with --operator: signalbox operator list shows them",
            org.record.slug
        )));
    }
    // The only time that it is shown; the database holds what recognises it.
    let value = json!({ "id": id, "name": name, "operator": operator, "key": key.as_str() });
    session.out.show(&value, || {
        format!("key {name} acts as {operator} of {}\nshown this once: {}", org.record.slug, key.as_str())
    })
}

async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let keys = session.store.api_keys(org.id).await?;
    session.out.show(&keys, || {
        let mut table = Table::new(&["NAME", "ACTS AS", "ROLE", "MADE", "BY", "LAST USED", "REVOKED", "ID"]);
        for key in &keys {
            table.row([
                key.name.clone(),
                key.operator.clone(),
                key.role.clone(),
                local(key.made_at, org.zone),
                key.made_by.clone(),
                local_or_dash(key.last_used_at, org.zone),
                local_or_dash(key.revoked_at, org.zone),
                key.id.to_string(),
            ]);
        }
        table.render()
    })
}

async fn revoke(session: &Session, org: &Org, name: &str, reason: Option<&str>) -> Result<(), CliError> {
    let (result, said) = match session.store.revoke_api_key(org.id, name, reason, session.actor()).await? {
        Revoked::Done => ("done", format!("key {name} opens nothing any more")),
        Revoked::Already => ("already", format!("nothing to do: key {name} is revoked already")),
        Revoked::Missing => {
            return Err(CliError::failed(format!(
                "there is no key {name:?}; signalbox operator key list shows them"
            )));
        }
    };
    session.out.show(&json!({ "result": result, "name": name }), || said)
}
