//! `signalbox number import` and `number export`: numbers as a CSV file. No secret ever stands in it: those belong to accounts.

use super::{
    CliError, Session, account,
    export::{Export, JsonArray},
    output::card,
    session::Org,
};
use crate::{
    domain::{number::ProviderKind, phone::Phone},
    store::{
        account::AccountRecord,
        number_file::{self, COLUMNS, LARGEST, NumberFile},
    },
};
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Most faults that are listed.
const LISTED: usize = 100;

/// A file to read.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, or - for standard input
    file: PathBuf,
    /// Check it and write nothing
    #[arg(long)]
    check: bool,
}

/// A file to write.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The file, or - for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Writes all numbers.
pub async fn export(session: &Session, org: &Org, args: &ExportArgs) -> Result<(), CliError> {
    let numbers = session.store.numbers(org.id, None).await?;
    let pools = session.store.pools(org.id, None).await?;
    let rows = number_file::rows(&numbers, &pools).map_err(CliError::Refused)?;
    if session.out.is_json() && args.file == Path::new("-") {
        let mut array = JsonArray::begin()?;
        for row in rows {
            array.push(&COLUMNS.into_iter().zip(row).collect::<BTreeMap<_, _>>())?;
        }
        return array.end();
    }
    let mut export = Export::begin(&args.file, &COLUMNS)?;
    for row in rows {
        let cells = row.map(number_file::quoted);
        export.row(cells.iter().map(String::as_str))?;
    }
    let rows = export.end()?;
    if args.file == Path::new("-") {
        return Ok(());
    }
    session.out.show(&json!({ "numbers": rows, "file": args.file }), || {
        format!("wrote {rows} numbers to {}", args.file.display())
    })
}

/// Reads a file of numbers: all of it, or nothing.
pub async fn import(session: &Session, org: &Org, args: &ImportArgs) -> Result<(), CliError> {
    let text = read(&args.file)?;
    // Whether the provider could be asked for that number at all.
    let fits = |account: &AccountRecord, provider: ProviderKind, instance: &str, phone: &Phone| {
        let address = account.base_url.as_deref().unwrap_or_else(|| session.config.base_url(provider));
        account::could_send(org, provider, address, &account.external_id, instance, phone)
    };
    let read = session.store.read_number_file(org.id, &text, &fits).await?;
    let NumberFile { lines, new_pools, .. } = read.map_err(|faults| listed(&args.file, &faults))?;
    if args.check {
        let value = json!({ "result": "checked", "lines": lines.len(), "new_pools": new_pools });
        return session.out.show(&value, || {
            let pools = made(&new_pools).map(|made| format!("\n{made}")).unwrap_or_default();
            format!("{} numbers can be imported; nothing was written{pools}", lines.len())
        });
    }
    let done = session.store.import_numbers(org.id, &lines, session.actor()).await?;
    let (added, changed, unchanged) = (done.added, done.changed, done.unchanged);
    let value = json!({
        "lines": lines.len(), "added": added, "changed": changed, "unchanged": unchanged, "new_pools": new_pools,
    });
    session.out.show(&value, || {
        card(&[
            ("lines", lines.len().to_string()),
            ("added", added.to_string()),
            ("changed", changed.to_string()),
            ("unchanged", unchanged.to_string()),
            ("new pools", if new_pools.is_empty() { "none".to_owned() } else { new_pools.join(", ") }),
        ])
    })
}

/// Which pools an import would make, if any.
fn made(pools: &[String]) -> Option<String> {
    match pools {
        [] => None,
        [one] => Some(format!("it would make the pool {one}")),
        several => Some(format!("it would make the pools {}", several.join(", "))),
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |error| CliError::because(format!("failed to read {}", path.display()), error);
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    input.by_ref().take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    number_file::text(bytes).map_err(|why| CliError::failed(format!("{}{why}", path.display())))
}

fn listed(path: &Path, faults: &[String]) -> CliError {
    let mut lines: Vec<String> =
        faults.iter().take(LISTED).map(|fault| format!("{}, {fault}", path.display())).collect();
    if faults.len() > LISTED {
        lines.push(format!("and {} more", faults.len() - LISTED));
    }
    lines.push("nothing was imported; correct these and import the file again".to_owned());
    CliError::failed(lines.join("\n"))
}
