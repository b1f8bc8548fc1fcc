//! `signalbox operator`.

use super::{
    CliError, Session,
    output::{Table, local},
    secret,
};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

/// What an operator may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Runs campaigns and numbers.
    Manager,
    /// Everything, accounts and operators too.
    Admin,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }
}

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a Postgres role an operator of the organisation; makes the login role if there is none
    #[command(
        after_help = "Example:\n  pass show ana | signalbox operator add ana --role manager --password-stdin"
    )]
    Add {
        /// The Postgres role
        name: String,
        /// Its rights
        #[arg(long)]
        role: Role,
        /// Read its password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
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
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization().await?;
    let (store, actor) = (&session.store, session.actor());
    let nobody = |name: &str| CliError::failed(format!("{name} is no operator of {}", org.record.slug));
    match verb {
        Verb::Add { name, role, password_stdin } => {
            let password = if password_stdin { Some(secret::from_stdin()?) } else { None };
            let password = password.as_ref().map(|password| password.as_str());
            let made = store.add_operator(org.id, &name, role.name(), password, actor).await?;
            let value = json!({ "operator": name, "role": role.name(), "login_role_made": made });
            session.out.show(&value, || {
                let login = if made { ", with a new login role" } else { "" };
                format!("{name} is {} of {}{login}", role.name(), org.record.slug)
            })
        }
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
