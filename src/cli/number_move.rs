//! `signalbox number move`: the load of one number goes to another.

use super::{CliError, Session, number, output::Table, parse, session::Org};
use crate::{
    domain::phone::Phone,
    store::number_move::{Load, Moved},
};
use clap::Args;
use serde_json::json;

/// From where to where.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The number whose load goes
    #[arg(value_parser = parse::phone)]
    from: Phone,
    /// The number that takes it
    #[arg(value_parser = parse::phone)]
    to: Phone,
    /// Open threads go too; else they keep the number that people know. Meta and Twilio let a person be answered only through
    /// the number that the person wrote to
    #[arg(long)]
    threads: bool,
    /// Do it; without it, it is said how much that is
    #[arg(long)]
    yes: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Counts, and moves if `--yes` says so.
pub async fn run(session: &Session, org: &Org, args: &MoveArgs) -> Result<(), CliError> {
    let from = number::find(session, org, &args.from).await?;
    let to = number::find(session, org, &args.to).await?;
    if from.id == to.id {
        return Err(CliError::Usage("name two numbers: what moves goes to another one".to_owned()));
    }
    if matches!(to.state.as_str(), "disabled" | "suspended") {
        return Err(CliError::Refused(format!(
            "{} is {}: what goes there would not be sent; signalbox number why {0} says more",
            to.phone, to.state
        )));
    }
    let load = session.store.load_of_number(org.id, from.id, to.id).await?;
    if !args.yes {
        return preview(session, args, &load);
    }
    let reason = args.reason.as_deref();
    let moved =
        session.store.move_load(org.id, from.id, to.id, args.threads, reason, session.actor()).await?;
    let Moved { messages, threads } = moved;
    let stay = load.staying();
    session
        .out
        .show(&json!({ "result": "done", "messages": messages, "threads": threads, "stay": stay }), || {
            format!("moved {messages} queued messages and {threads} threads to {}; {stay} stay", to.phone)
        })
}

fn preview(session: &Session, args: &MoveArgs, load: &Load) -> Result<(), CliError> {
    let threads = if args.threads { load.threads } else { 0 };
    let document = json!({
        "result": "preview", "messages": load.movable(), "threads": threads, "stay": load.staying(),
        "campaigns": load.campaigns,
    });
    session.out.show(&document, || {
        let mut table = Table::new(&["CAMPAIGN", "QUEUED", "MOVES"]);
        for work in &load.campaigns {
            let moves = work.stays.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
            table.row([work.campaign.clone(), work.queued.to_string(), moves]);
        }
        let kept = if args.threads {
            format!("{threads} open threads would go too")
        } else {
            format!("{} open threads keep the old number; --threads moves them too", load.threads)
        };
        format!(
            "{}would move {} queued messages; {} stay\n{kept}\nnothing is moved yet; --yes does it",
            table.render(),
            load.movable(),
            load.staying()
        )
    })
}
