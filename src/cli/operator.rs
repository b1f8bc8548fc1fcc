//! `signalbox operator`.

use super::{
    CliError, Session, operator_key,
    output::{Table, local},
    secret,
    session::Org,
};
use crate::secrets;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use zeroize::Zeroizing;

/// What an operator may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Runs campaigns and numbers.
    Manager,
    /// A headless sender: what a manager does; may serve several organisations.
    Service,
    /// Everything, accounts and operators too.
    Admin,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Service => "service",
            Self::Admin => "admin",
        }
    }
}

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a Postgres role an operator of the organisation; makes the login role if there is none, and says how to connect
    #[command(after_help = "\
Examples:
  signalbox operator add ana --role manager
  pass show ana | signalbox operator add ana --role manager --password-stdin
  signalbox operator add sender --service --org acme && signalbox operator add sender --service --org other")]
    Add {
        /// The Postgres role
        name: String,
        /// Its rights
        #[arg(long, required_unless_present = "service", conflicts_with = "service")]
        role: Option<Role>,
        /// The role of headless senders, as --role service
        #[arg(long)]
        service: bool,
        /// Read its password from the first line of standard input; without it a new role gets one, printed once
        #[arg(long)]
        password_stdin: bool,
        /// No password: the server knows the role by other means (peer, certificate)
        #[arg(long, conflicts_with = "password_stdin")]
        no_password: bool,
    },
    /// Lists the operators
    List,
    /// Gives an operator other rights
    Edit {
        /// The Postgres role
        name: String,
        /// Its rights
        #[arg(long)]
        role: Role,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Takes an operator's rights; the login role stays
    Remove {
        /// The Postgres role
        name: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Keys of other programs, which act as an operator through the HTTP API
    #[command(subcommand)]
    Key(operator_key::Verb),
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization().await?;
    let (store, actor) = (&session.store, session.actor());
    let nobody = |name: &str| CliError::failed(format!("{name} is no operator of {}", org.record.slug));
    match verb {
        Verb::Add { name, role, service: _, password_stdin, no_password } => {
            let password = if password_stdin { Some(secret::from_stdin()?) } else { None };
            add(session, &org, &name, role.unwrap_or(Role::Service), password, no_password).await
        }
        Verb::Key(verb) => operator_key::run(session, &org, verb).await,
        Verb::List => {
            let operators = store.operators(org.id).await?;
            session.out.show(&operators, || {
                let mut table = Table::new(&["OPERATOR", "ROLE", "MAY LOG IN", "SINCE"]);
                for operator in &operators {
                    table.row([
                        operator.role_name.clone(),
                        operator.role.clone(),
                        if operator.may_log_in { "yes" } else { "no" }.to_owned(),
                        local(operator.created_at, org.zone),
                    ]);
                }
                table.render()
            })
        }
        Verb::Edit { name, role, reason } => {
            if !store.edit_operator(org.id, &name, role.name(), reason.as_deref(), actor).await? {
                return Err(nobody(&name));
            }
            session.out.show(&json!({ "operator": name, "role": role.name() }), || {
                format!("{name} is {} of {}", role.name(), org.record.slug)
            })
        }
        Verb::Remove { name, reason } => {
            if !store.remove_operator(org.id, &name, reason.as_deref(), actor).await? {
                return Err(nobody(&name));
            }
            session.out.show(&json!({ "result": "done", "operator": name }), || {
                format!("{name} is no operator of {} any more; the login role stays", org.record.slug)
            })
        }
    }
}

async fn add(
    session: &Session,
    org: &Org,
    name: &str,
    role: Role,
    given: Option<Zeroizing<String>>,
    no_password: bool,
) -> Result<(), CliError> {
    let (store, role) = (&session.store, role.name());
    let makes_one = given.is_none() && !no_password && !store.login_role_exists(name).await?;
    let made_up = if makes_one { Some(secrets::new_password()?) } else { None };
    let password = given.as_ref().or(made_up.as_ref());
    let verifier = password.map(|password| secrets::verifier(password)).transpose()?;
    let made = store.add_operator(org.id, name, role, verifier.as_deref(), session.actor()).await?;
    let address = session.database.address_of(name);
    // The only time that it is shown; the database holds what recognises it.
    let shown = made_up.as_ref().map(|password| password.as_str());
    let value = json!({
        "operator": name, "role": role, "login_role_made": made, "database_url": address, "password": shown,
    });
    session.out.show(&value, || {
        let login = if made { ", with a new login role" } else { "" };
        let password =
            shown.map_or(String::new(), |password| format!("\npassword, shown this once: {password}"));
        format!(
            "{name} is {role} of {}{login}{password}\nconnects with DATABASE_URL='{address}' and the password in PGPASSWORD or ~/.pgpass",
            org.record.slug
        )
    })
}
