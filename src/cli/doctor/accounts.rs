//! The doctor's look at accounts: whether the provider would take messages, whether it can be asked, and whether its
//! webhook comes through.

use super::{Check, secret};
use crate::{
    cli::{CliError, sender::reach_providers},
    config::Config,
    domain::{
        health::{Health, Standing},
        number::ProviderKind,
        outcome::Class,
    },
    postgres::connect::Database,
    sender::{self, health::Asker},
    store::{
        Store,
        number::NumberRecord,
        organization::OrganizationRecord,
        signs::AccountSigns,
        snapshot::{NumberView, Snapshot},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

/// Questions under way at once.
const AT_ONCE: usize = 8;
/// Who sent so recently and heard nothing has a webhook that does not come through.
const HEARD_WITHIN: TimeDelta = TimeDelta::hours(1);

/// Three checks for each account.
pub async fn check(
    config: &Config,
    database: &Database,
    store: &Store,
    organization: &OrganizationRecord,
    named: bool,
    checks: &mut Vec<Check>,
) {
    let found = match look(config, database, store, organization).await {
        Ok(found) => found,
        Err(error) => {
            let fix = "see what the other checks say, and try again";
            checks.push(Check::of("accounts", Err(error), fix));
            return;
        }
    };
    ages(store, organization, named, checks).await;
    for (signs, answers) in &found {
        let whose = if named { format!("{} {}", signs.name, organization.slug) } else { signs.name.clone() };
        let name = |what: &str| format!("{what} of account {whose}");
        checks.push(sending(name("sending"), signs, answers));
        checks.push(asking(name("status"), answers));
        checks.push(webhook(name("webhook"), signs, organization.now));
    }
    match store.numbers(organization.id, None).await {
        Ok(numbers) => {
            for (signs, _) in &found {
                let whose =
                    if named { format!("{} {}", signs.name, organization.slug) } else { signs.name.clone() };
                checks.push(arrival(format!("arrival of account {whose}"), &signs.name, &numbers));
            }
        }
        Err(error) => {
            let fix = "try again when the database is well";
            checks.push(Check::of("arrival", Err(error.into()), fix));
        }
    }
}

/// A token that is older than this should be exchanged.
const OLD_AFTER: i32 = 90;

/// How old the tokens are: what is never exchanged is known to more and more places.
async fn ages(store: &Store, organization: &OrganizationRecord, named: bool, checks: &mut Vec<Check>) {
    let accounts = match store.accounts(organization.id, None).await {
        Ok(accounts) => accounts,
        Err(error) => {
            checks.push(Check::of("tokens", Err(error.into()), "try again when the database is well"));
            return;
        }
    };
    for account in accounts {
        let whose =
            if named { format!("{} {}", account.name, organization.slug) } else { account.name.clone() };
        let rotate = format!("signalbox account rotate {} --token-stdin", account.name);
        let edit = format!("signalbox account edit {} --app-secret-env VAR", account.name);
        let given =
            [("token", Some(account.token_days), rotate), ("app secret", account.app_secret_days, edit)];
        for (secret, days, command) in given {
            let Some(days) = days else { continue };
            let (name, said) = (format!("{secret} of account {whose}"), format!("given {days} days ago"));
            checks.push(if days > OLD_AFTER {
                Check::bad(name, said, format!("make a new one at the provider: {command}"))
            } else {
                Check::good(name, said)
            });
        }
    }
}

/// Whether what the account's numbers send arrives, by their own past.
fn arrival(name: String, account: &str, numbers: &[NumberRecord]) -> Check {
    let own: Vec<&NumberRecord> = numbers.iter().filter(|number| number.account == account).collect();
    let with = |pulse: &str| own.iter().filter(|number| number.pulse == pulse).copied().collect::<Vec<_>>();
    let (red, amber) = (with("red"), with("amber"));
    let Some(worst) = red.first().or(amber.first()) else {
        let well = with("well").len();
        return Check::good(name, format!("{well} of {} numbers are known to reach people", own.len()));
    };
    let sign = if red.is_empty() { "AMBER" } else { "RED" };
    let why = worst.no_canary.as_ref().map_or(String::new(), |why| format!("; no canary: {why}"));
    Check::bad(
        name,
        format!(
            "{} red and {} amber of {} numbers; {} is {sign}: {}{why}",
            red.len(),
            amber.len(),
            own.len(),
            worst.phone,
            worst.pulse_words
        ),
        format!("signalbox number show {} says what to do", worst.phone),
    )
}

/// A number, by what operators call it, and what its provider says.
struct Answer {
    called: String,
    health: Health,
}

async fn look(
    config: &Config,
    database: &Database,
    store: &Store,
    organization: &OrganizationRecord,
) -> Result<Vec<(AccountSigns, Vec<Answer>)>, CliError> {
    let all = store.account_signs(organization.id).await?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let keys = secret::key_ring(config, database.cluster().is_some(), store).await?;
    let snapshot = store.snapshot(organization.id, None).await?;
    let mut sender = sender::Config::new(organization.id, config.data_dir.join("spool"));
    reach_providers(&mut sender, config);
    let asker = Asker::new(&snapshot, &keys, &sender)
        .map_err(|error| CliError::because("failed to make the HTTP client", error))?;
    let mut found = Vec::with_capacity(all.len());
    for signs in all {
        let answers = ask(&asker, &snapshot, &signs).await;
        found.push((signs, answers));
    }
    Ok(found)
}

async fn ask(asker: &Asker, snapshot: &Snapshot, signs: &AccountSigns) -> Vec<Answer> {
    let numbers: Vec<&NumberView> =
        snapshot.numbers.iter().filter(|view| view.number.account == signs.id).collect();
    stream::iter(numbers)
        .map(|view| async move {
            Answer { called: view.called().into_string(), health: asker.ask(view.number.id).await.health }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

fn said(answer: &Answer) -> String {
    let health = &answer.health;
    match &health.code {
        Some(code) => format!("{}: {code}: {}", answer.called, health.words),
        None => format!("{}: {}", answer.called, health.words),
    }
}

/// Whether the credential and the account would be accepted with a message.
fn sending(name: String, signs: &AccountSigns, answers: &[Answer]) -> Check {
    if answers.is_empty() {
        return Check::good(name, "there is no number yet");
    }
    let of = |class| answers.iter().find(|answer| answer.health.standing == Standing::NotSendable(class));
    if let Some(answer) = of(Class::NumberAuth) {
        let fix = format!("renew the token: signalbox account edit {} --token-stdin", signs.name);
        return Check::bad(name, said(answer), fix);
    }
    if let Some(answer) = of(Class::AccountFatal) {
        return Check::bad(name, said(answer), "settle it with the provider; then resume the numbers");
    }
    let well = answers.iter().filter(|answer| answer.health.standing.is_well()).count();
    match answers.iter().find(|answer| matches!(answer.health.standing, Standing::NotSendable(_))) {
        Some(answer) => Check::bad(
            name,
            format!("messages of {well} of {} numbers would be taken; {}", answers.len(), said(answer)),
            "signalbox number test --all says for each number what to do",
        ),
        None if well == 0 => Check::bad(name, "nobody can tell", "see the check of its status"),
        None => Check::good(name, format!("messages of {well} of {} numbers would be taken", answers.len())),
    }
}

/// Whether the provider can be asked.
fn asking(name: String, answers: &[Answer]) -> Check {
    match answers.iter().find(|answer| answer.health.standing == Standing::Unclear) {
        None if answers.is_empty() => Check::good(name, "there is no number yet"),
        None => Check::good(name, "the provider answers"),
        Some(answer) => {
            let fix = match answer.health.code.as_deref() {
                Some("unusable") => "correct the number or its account: signalbox number edit, account edit",
                Some("resolve" | "refused" | "connect" | "connect_timeout" | "tls" | "timeout") => {
                    "see whether this machine reaches the provider, and the account's base URL"
                }
                _ => "look at the provider's own console; the token may lack the right to read this",
            };
            Check::bad(name, said(answer), fix)
        }
    }
}

/// Whether reports come through.
fn webhook(name: String, signs: &AccountSigns, now: DateTime<Utc>) -> Check {
    let register = format!(
        "register the path that signalbox account show {} prints, and run signalbox sender --listen",
        signs.name
    );
    let refused = signs.refusals.first().filter(|(_, _, at)| signs.webhook_at.is_none_or(|came| came < *at));
    if let Some((cause, count, _)) = refused {
        let fix = match (cause.as_str(), signs.provider) {
            ("no_secret", _) => format!(
                "store what signs its webhooks: signalbox account edit {} --app-secret-env VAR",
                signs.name
            ),
            (_, ProviderKind::Meta) => {
                format!("compare the app secret: signalbox account edit {} --app-secret-env VAR", signs.name)
            }
            (_, ProviderKind::Twilio) => {
                "compare the auth token, and --public-url with the address that Twilio calls".to_owned()
            }
            (_, ProviderKind::Ultramsg) => register,
        };
        let cause = cause.replace('_', " ");
        return Check::bad(
            name,
            format!("the last calls were not believed: {cause}, {count} in a week"),
            fix,
        );
    }
    // What was sent a moment ago may not have been reported yet.
    let silent = signs.sent_at.is_some_and(|sent| {
        let reported = signs.webhook_at.is_some_and(|came| came >= sent - HEARD_WITHIN);
        !reported && now >= sent + HEARD_WITHIN
    });
    match (silent, signs.webhook_at) {
        (true, _) => Check::bad(name, "messages went out and nothing was reported of them", register),
        (false, Some(at)) => {
            Check::good(name, format!("last called at {}", at.format("%Y-%m-%d %H:%M:%S UTC")))
        }
        (false, None) if !signs.has_proof => {
            Check::good(name, "not called yet, and what signs it is not stored yet")
        }
        (false, None) => Check::good(name, "not called yet"),
    }
}
