//! `signalbox pool`.

use super::{CliError, Session, output::Table, parse, session::Org};
use crate::{
    domain::{
        ids::NumberId,
        phone::Phone,
        pool::{PoolChange, name_fault},
        right::Right,
        selection,
    },
    store::pool::PoolRecord,
};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

/// How a pool picks.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Strategy {
    /// Lowest priority number first, the rest are backups.
    Priority,
    /// Least used, relative to its limit.
    LeastUsed,
    /// In proportion to the members' weights, whoever is faster.
    Weighted,
}

impl Strategy {
    fn of(self) -> selection::Strategy {
        match self {
            Self::Priority => selection::Strategy::Priority,
            Self::LeastUsed => selection::Strategy::LeastUsed,
            Self::Weighted => selection::Strategy::Weighted,
        }
    }
}

/// `+237600000001=3`: a member's share.
fn share(raw: &str) -> Result<(Phone, u32), String> {
    let (phone, weight) =
        raw.rsplit_once('=').ok_or("a weight is written PHONE=N, such as +237600000001=3")?;
    Ok((parse::phone(phone)?, parse::weight(weight)?))
}

/// What can be done with pools.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a pool
    #[command(
        after_help = "Example:\n  signalbox pool add vip --strategy least_used --number +237600000001 --number +237600000002"
    )]
    Add {
        /// Its name
        name: String,
        /// How it picks
        #[arg(long, default_value = "priority")]
        strategy: Strategy,
        /// Whether a recipient keeps the number of its first message
        #[arg(long, value_name = "true|false", default_value_t = true, action = clap::ArgAction::Set)]
        sticky: bool,
        /// A number of it; may be given several times
        #[arg(long = "number", value_name = "PHONE", value_parser = parse::phone)]
        numbers: Vec<Phone>,
        /// A number of it with its share under weighted; may be given several times
        #[arg(long = "weight", value_name = "PHONE=N", value_parser = share)]
        weights: Vec<(Phone, u32)>,
    },
    /// Lists the pools
    List,
    /// Changes a pool and its members
    Edit {
        /// Which one
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// How it picks
        #[arg(long)]
        strategy: Option<Strategy>,
        /// Whether a recipient keeps the number of its first message
        #[arg(long, value_name = "true|false")]
        sticky: Option<bool>,
        /// A number that comes in; may be given several times
        #[arg(long = "add", value_name = "PHONE", value_parser = parse::phone)]
        add: Vec<Phone>,
        /// A number that goes out; may be given several times
        #[arg(long = "drop", value_name = "PHONE", value_parser = parse::phone)]
        drop: Vec<Phone>,
        /// A member's share under weighted: of 3 and 1, the first sends three quarters; may be given several times
        #[arg(long = "weight", value_name = "PHONE=N", value_parser = share)]
        weights: Vec<(Phone, u32)>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// The pool's first number in service as a QR code; the organisation's default number while there is none
    #[command(after_help = "Example:\n  signalbox pool qr default --text \"Hello\" --png door.png")]
    Qr(super::qr::PoolArgs),
    /// Removes a pool that no campaign names
    Remove {
        /// Which one
        name: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let right = if matches!(verb, Verb::List | Verb::Qr(_)) { Right::Sees } else { Right::Runs };
    let org = session.organization_for(right).await?;
    let (store, actor) = (&session.store, session.actor());
    match verb {
        Verb::Add { name, strategy, sticky, mut numbers, weights } => {
            must_be_a_name(&name)?;
            numbers.extend(weights.iter().map(|(phone, _)| phone.clone()));
            numbers.sort_unstable();
            numbers.dedup();
            let weights = weighed(session, &org, &weights).await?;
            let numbers = ids(session, &org, &numbers).await?;
            let id = store.add_pool(org.id, &name, strategy.of().name(), sticky, &numbers, actor).await?;
            if !weights.is_empty() {
                let change = PoolChange { put: weights, ..PoolChange::default() };
                let weighed =
                    store.edit_pool(org.id, id, &change, None, Some("added with weights"), actor).await?;
                CliError::unless_done(&weighed, org.zone)?;
            }
            session.out.show(&json!({ "id": id, "name": name }), || format!("added pool {name}"))
        }
        Verb::List => list(session, &org).await,
        Verb::Qr(args) => super::qr::of_pool(session, &org, &args).await,
        Verb::Edit { name, rename, strategy, sticky, add, drop, weights, reason } => {
            rename.as_deref().map(must_be_a_name).transpose()?;
            let pool = find(session, &org, &name).await?;
            let is_member = |phone: &Phone| {
                add.contains(phone) || pool.numbers.iter().any(|member| member == phone.reveal())
            };
            if let Some((phone, _)) = weights.iter().find(|(phone, _)| !is_member(phone)) {
                return Err(CliError::failed(format!(
                    "{} is not in pool {name}; --add {0} puts it there",
                    phone.reveal()
                )));
            }
            let weights = weighed(session, &org, &weights).await?;
            let (add, remove) = (ids(session, &org, &add).await?, ids(session, &org, &drop).await?);
            // One that comes and goes stays; one that comes with a share is put there with it.
            let drop = remove.into_iter().filter(|number| !add.contains(number)).collect();
            let plain = add.into_iter().filter(|number| weights.iter().all(|(weighed, _)| weighed != number));
            let change = PoolChange {
                name: rename,
                strategy: strategy.map(Strategy::of),
                sticky,
                put: plain.map(|number| (number, None)).chain(weights.iter().copied()).collect(),
                drop,
            };
            let changed = store.edit_pool(org.id, pool.id, &change, None, reason.as_deref(), actor).await?;
            CliError::unless_done(&changed, org.zone)?;
            session.out.show(&json!({ "result": "done", "name": name }), || format!("changed pool {name}"))
        }
        Verb::Remove { name, reason } => {
            let pool = find(session, &org, &name).await?;
            let removed = store.remove_pool(org.id, pool.id, None, reason.as_deref(), actor).await?;
            CliError::unless_done(&removed, org.zone)?;
            session.out.show(&json!({ "result": "done", "name": name }), || format!("removed pool {name}"))
        }
    }
}

fn must_be_a_name(name: &str) -> Result<(), CliError> {
    match name_fault(name) {
        Some(fault) => Err(CliError::Usage(fault.to_owned())),
        None => Ok(()),
    }
}

/// The pool of this name.
pub async fn find(session: &Session, org: &Org, name: &str) -> Result<PoolRecord, CliError> {
    session
        .store
        .pools(org.id, Some(name))
        .await?
        .pop()
        .ok_or_else(|| CliError::failed(format!("there is no pool {name:?}; signalbox pool list shows them")))
}

/// The numbers of these phones.
pub async fn ids(session: &Session, org: &Org, phones: &[Phone]) -> Result<Vec<NumberId>, CliError> {
    session
        .store
        .number_ids(org.id, phones)
        .await?
        .map_err(|phone| CliError::failed(format!("{} is no number of {}", phone.reveal(), org.record.slug)))
}

/// Its numbers, with their shares where those count.
fn members(pool: &PoolRecord) -> String {
    if pool.strategy != "weighted" {
        return pool.numbers.join(" ");
    }
    let shares = pool.numbers.iter().zip(&pool.weights).map(|(phone, weight)| format!("{phone}={weight}"));
    shares.collect::<Vec<_>>().join(" ")
}

async fn weighed(
    session: &Session,
    org: &Org,
    weights: &[(Phone, u32)],
) -> Result<Vec<(NumberId, Option<u32>)>, CliError> {
    let phones: Vec<Phone> = weights.iter().map(|(phone, _)| phone.clone()).collect();
    let ids = ids(session, org, &phones).await?;
    Ok(ids.into_iter().zip(weights.iter().map(|(_, weight)| Some(*weight))).collect())
}

async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let pools = session.store.pools(org.id, None).await?;
    session.out.show(&pools, || {
        let mut table = Table::new(&["NAME", "STRATEGY", "STICKY", "CAMPAIGNS", "NUMBERS"]);
        for pool in &pools {
            table.row([
                pool.name.clone(),
                pool.strategy.clone(),
                if pool.sticky { "yes" } else { "no" }.to_owned(),
                pool.campaigns.to_string(),
                members(pool),
            ]);
        }
        table.render()
    })
}
