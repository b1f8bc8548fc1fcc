//! `signalbox number test`: asks the provider whether it would take messages, sends nothing, and keeps the answer.

use super::{
    CliError, Session,
    output::{Table, card, or_dash},
    parse, secret,
    sender::config as sender_config,
    session::Org,
};
use crate::{
    domain::{health::Standing, outcome::Class, phone::Phone},
    sender::health::{Asked, Asker},
    store::{health::Check, number::NumberRecord},
};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

/// Questions under way at once.
const AT_ONCE: usize = 8;

/// One number, or all of them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  signalbox number test +237600000001\n  signalbox number test --all --json\n\nExit code 0: all would be taken. 1: at least one would not, or nobody can tell."
)]
pub struct TestArgs {
    /// Which one
    #[arg(value_parser = parse::phone, required_unless_present = "all", conflicts_with = "all")]
    phone: Option<Phone>,
    /// Every number of the organisation
    #[arg(long)]
    all: bool,
}

/// What came of one test.
#[derive(Debug, Serialize)]
struct Tested<'a> {
    phone: &'a str,
    name: &'a str,
    provider: &'a str,
    account: &'a str,
    ok: bool,
    state: &'static str,
    class: Option<&'static str>,
    code: Option<String>,
    words: String,
    quality: Option<&'static str>,
    provider_limit: Option<u32>,
    provider_unlimited: bool,
    took_ms: u128,
    fix: Option<String>,
}

/// The whole batch.
#[derive(Debug, Serialize)]
struct Batch<'a> {
    tested: usize,
    well: usize,
    numbers: Vec<Tested<'a>>,
}

/// Does it.
pub async fn run(session: &Session, org: &Org, args: &TestArgs) -> Result<(), CliError> {
    let records = session.store.numbers(org.id, args.phone.as_ref()).await?;
    if let (Some(phone), true) = (&args.phone, records.is_empty()) {
        return Err(CliError::failed(format!("{} is no number of {}", phone.reveal(), org.record.slug)));
    }
    let asker = asker(session, org).await?;
    let mut answers = stream::iter(records.iter().enumerate())
        .map(|(at, record)| {
            let asker = &asker;
            async move { (at, test(session, org, asker, record).await) }
        })
        .buffer_unordered(AT_ONCE);
    let mut tested = Vec::with_capacity(records.len());
    while let Some((at, done)) = answers.next().await {
        tested.push((at, done?));
        if args.all {
            session.out.progress(&format!("{} of {} numbers tested", tested.len(), records.len()));
        }
    }
    session.out.progress("");
    tested.sort_by_key(|(at, _)| *at);
    let numbers: Vec<Tested<'_>> = tested.into_iter().map(|(_, tested)| tested).collect();
    show(session, args, numbers)
}

/// Asks before a number goes back into service. Only one whose provider would take messages may.
///
/// # Errors
/// When it would not, or nobody can tell: the sentence says what to do.
pub async fn before_resume(session: &Session, org: &Org, number: &NumberRecord) -> Result<(), CliError> {
    let asker = asker(session, org).await?;
    let tested = test(session, org, &asker, number).await?;
    if tested.ok {
        session.out.note(&format!("{}: the provider would take messages: {}", tested.phone, said(&tested)));
        return Ok(());
    }
    let fix = tested.fix.as_deref().unwrap_or("see what the provider's own console asks for");
    Err(CliError::Refused(format!(
        "{} stays out of service: its provider says {}, {}; {fix}. Without --test it is resumed all the same",
        tested.phone,
        tested.state.replace('_', " "),
        said(&tested),
    )))
}

/// What asks, with this run's keys and addresses.
pub async fn asker(session: &Session, org: &Org) -> Result<Asker, CliError> {
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let snapshot = session.store.snapshot(org.id, None).await?;
    let config = sender_config(session, org, "sender");
    Asker::new(&snapshot, &keys, &config)
        .map_err(|error| CliError::because("failed to make the HTTP client", error))
}

async fn test<'a>(
    session: &Session,
    org: &Org,
    asker: &Asker,
    record: &'a NumberRecord,
) -> Result<Tested<'a>, CliError> {
    let Asked { health, took } = asker.ask(record.id).await;
    let actor = session.operator_name();
    let check = Check { number: record.id, actor, took, health: &health, again: None };
    session.store.record_check(org.id, &check).await?;
    let is_well = health.standing.is_well();
    if is_well != (record.state != "suspended") {
        // Taking numbers out and back is the sender's: it asks again at once.
        session.store.ask_for_check(org.id, record.id).await?;
    }
    Ok(Tested {
        phone: &record.phone,
        name: &record.name,
        provider: &record.provider,
        account: &record.account,
        ok: is_well,
        state: health.standing.name(),
        class: health.standing.class().map(Class::name),
        fix: fix(health.standing, record),
        code: health.code,
        words: health.words,
        quality: health.quality.map(crate::domain::health::Quality::name),
        provider_limit: health.reach.and_then(crate::domain::health::Reach::count),
        provider_unlimited: health.reach == Some(crate::domain::health::Reach::Unlimited),
        took_ms: took.as_millis(),
    })
}

/// What to do about it.
fn fix(standing: Standing, record: &NumberRecord) -> Option<String> {
    Some(match standing {
        Standing::Sendable | Standing::Limited => return None,
        Standing::Unclear => {
            "nobody can tell from this answer; look at the provider's own console".to_owned()
        }
        Standing::NotSendable(Class::NumberAuth) => {
            format!("renew the token: signalbox account edit {} --token-stdin", record.account)
        }
        Standing::NotSendable(Class::AccountFatal) => {
            format!("settle it with the provider: every number of account {} is out", record.account)
        }
        Standing::NotSendable(Class::Transient(_) | Class::NumberLimited(_)) => {
            "wait: it goes on by itself".to_owned()
        }
        Standing::NotSendable(_) if record.provider == "ultramsg" => {
            "open the instance at UltraMsg, and scan the code again if it asks for it".to_owned()
        }
        Standing::NotSendable(_) => "see what the provider's own console asks for".to_owned(),
    })
}

fn show(session: &Session, args: &TestArgs, mut numbers: Vec<Tested<'_>>) -> Result<(), CliError> {
    let well = numbers.iter().filter(|tested| tested.ok).count();
    let ill = numbers.len() - well;
    if args.all {
        let batch = Batch { tested: numbers.len(), well, numbers };
        session.out.show(&batch, || table(&batch))?;
    } else if let Some(tested) = numbers.pop() {
        session.out.show(&tested, || describe(&tested))?;
    }
    match (ill, args.all) {
        (0, _) => Ok(()),
        (_, false) => Err(CliError::failed("the test did not find the number well")),
        (1, true) => Err(CliError::failed("one number is not well")),
        (several, true) => Err(CliError::failed(format!("{several} numbers are not well"))),
    }
}

fn reach(tested: &Tested<'_>) -> String {
    if tested.provider_unlimited { "unlimited".to_owned() } else { or_dash(tested.provider_limit) }
}

fn table(batch: &Batch<'_>) -> String {
    let mut table = Table::new(&[
        "",
        "PHONE",
        "NAME",
        "PROVIDER",
        "STATE",
        "QUALITY",
        "PEOPLE/24H",
        "MS",
        "WORDS",
        "WHAT TO DO",
    ]);
    for tested in &batch.numbers {
        table.row([
            if tested.ok { "ok" } else { "FAIL" }.to_owned(),
            tested.phone.to_owned(),
            tested.name.to_owned(),
            tested.provider.to_owned(),
            tested.state.replace('_', " "),
            or_dash(tested.quality),
            reach(tested),
            tested.took_ms.to_string(),
            said(tested),
            tested.fix.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

fn said(tested: &Tested<'_>) -> String {
    match &tested.code {
        Some(code) => format!("{code}: {}", tested.words),
        None => tested.words.clone(),
    }
}

fn describe(tested: &Tested<'_>) -> String {
    card(&[
        ("phone", tested.phone.to_owned()),
        ("name", tested.name.to_owned()),
        ("account", format!("{} ({})", tested.account, tested.provider)),
        ("state", tested.state.replace('_', " ")),
        ("the provider says", said(tested)),
        ("quality", or_dash(tested.quality)),
        ("people in 24 h", reach(tested)),
        ("took", format!("{} ms", tested.took_ms)),
        ("what to do", or_dash(tested.fix.as_ref())),
    ])
}
