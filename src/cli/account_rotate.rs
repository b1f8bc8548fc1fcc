//! `signalbox account rotate`: a new token, tried at the provider before the old one is dropped.
//!
//! Nothing is written until the provider has answered for the account's numbers with the new token, so a mistyped one costs no
//! message: senders go on with the old one, and take the new one up by themselves once it stands in the row.

use super::{
    CliError, Session,
    account::{Given, SecretSources, find, ring},
    sender::config as sender_config,
    session::Org,
};
use crate::{
    domain::{health::Standing, outcome::Class},
    sender::health::{Asked, Asker},
    store::account::AccountEdit,
};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

/// Questions under way at once.
const AT_ONCE: usize = 8;

/// Which account, and what it gets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pass show meta-new | signalbox account rotate cloud --token-stdin
  signalbox account rotate sms --token-env TWILIO_TOKEN_2 --reason \"quarterly\"

Exit code 3: the provider does not take the new token, or nobody can tell; the old one stays.")]
pub struct RotateArgs {
    /// Which one
    name: String,
    /// The new secrets
    #[command(flatten)]
    secrets: SecretSources,
    /// Take it without asking the provider
    #[arg(long)]
    untested: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Does it.
pub async fn run(session: &Session, org: &Org, args: &RotateArgs) -> Result<(), CliError> {
    let account = find(session, org, &args.name).await?;
    let given = Given::read(&args.secrets)?;
    if !given.has_token() {
        return Err(CliError::Usage(
            "a rotation needs the new token: name its variable with --token-env VAR, or pass it on standard input with --token-stdin".to_owned(),
        ));
    }
    let sealed = given.seal(&ring(session).await?, org, account.id)?;
    let said = if args.untested {
        None
    } else {
        Some(try_it(session, org, &args.name, sealed.token.as_deref()).await?)
    };
    let edit = AccountEdit { sealed, ..AccountEdit::default() };
    let reason = args.reason.as_deref();
    let written = session.store.edit_account(org.id, account.id, &edit, reason, session.actor()).await?;
    CliError::unless(written, &format!("account {}", args.name))?;
    let value = json!({ "result": "done", "name": args.name, "tested": said.is_some(), "said": said });
    session.out.show(&value, || {
        let tested = said.as_ref().map_or_else(|| "untested".to_owned(), |said| format!("the provider says: {said}"));
        format!(
            "{} has its new token ({tested}); senders take it up within seconds: then revoke the old one at the provider",
            args.name
        )
    })
}

/// Asks for every number of the account with the new token. Answers what the provider says where it takes it.
async fn try_it(session: &Session, org: &Org, name: &str, sealed: Option<&str>) -> Result<String, CliError> {
    let keys = ring(session).await?;
    let mut snapshot = session.store.snapshot(org.id, None).await?;
    let Some(account) = snapshot.accounts.iter_mut().find(|account| account.name == name) else {
        return Err(CliError::failed(format!("there is no account {name:?} any more")));
    };
    let id = account.id;
    if let Some(sealed) = sealed {
        sealed.clone_into(&mut account.sealed_token);
    }
    let asker = Asker::new(&snapshot, &keys, &sender_config(session, org, "sender"))
        .map_err(|error| CliError::because("failed to make the HTTP client", error))?;
    let numbers: Vec<_> = snapshot.numbers.iter().filter(|view| view.number.account == id).collect();
    let answers: Vec<Asked> =
        stream::iter(numbers.iter().map(|view| asker.ask(view.number.id))).buffered(AT_ONCE).collect().await;
    judge(name, &answers).map_err(CliError::Refused)
}

/// Whether the provider takes the token: it must take it for one number at least, and refuse it for none. A number that would not
/// send for reasons of its own does not speak against the token.
fn judge(name: &str, answers: &[Asked]) -> Result<String, String> {
    let stays = "the old token stays";
    let refused = answers.iter().find(|asked| {
        matches!(asked.health.standing, Standing::NotSendable(Class::NumberAuth | Class::AccountFatal))
    });
    if let Some(asked) = refused {
        return Err(format!(
            "the provider does not take the new token of {name}: {}; {stays}",
            asked.health.words
        ));
    }
    match answers.iter().find(|asked| asked.health.standing != Standing::Unclear) {
        Some(asked) => Ok(asked.health.words.clone()),
        None if answers.is_empty() => Err(format!(
            "{name} has no number to ask with; {stays}. With --untested the new one is taken all the same"
        )),
        None => Err(format!(
            "nobody can tell whether the new token of {name} works: {}; {stays}. Try again, or take it with --untested",
            answers[0].health.words
        )),
    }
}
