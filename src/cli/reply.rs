//! `signalbox reply`.

use super::{
    CliError, Session,
    output::{Table, card, local, local_or_dash, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{
        action::{Action, Order},
        ids::{ConversationId, ReplyId},
        phone::Phone,
        right::Right,
        text::Safe,
    },
    store::{
        screen::{ReadError, Seat},
        view::{Cursor, Place, ThreadDetail, ThreadQuery, ThreadRow, ThreadScope, Window},
    },
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::io::Read;

/// Longest text read from standard input, in bytes: no provider takes as much.
const LONGEST: u64 = 64 * 1024;

/// What can be done with threads.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists threads, the newest first
    #[command(
        after_help = "Examples:\n  signalbox reply list --only unread\n  signalbox reply list --only mine --json"
    )]
    List(Which),
    /// Shows a thread with its messages
    Show {
        /// Which one
        id: ConversationId,
    },
    /// Answers: one message to one person, sent by whichever sender holds the number
    #[command(
        after_help = "Examples:\n  signalbox reply send 0197… --text \"We open at 9.\"\n  signalbox reply send 0197… --text-stdin < answer.txt"
    )]
    Send {
        /// In which thread
        id: ConversationId,
        /// What it says
        #[arg(
            long,
            value_name = "TEXT",
            required_unless_present = "text_stdin",
            conflicts_with = "text_stdin"
        )]
        text: Option<String>,
        /// Read what it says from standard input
        #[arg(long)]
        text_stdin: bool,
    },
    /// Hands a thread to an operator; one without a number gets one
    Assign {
        /// Which one
        id: ConversationId,
        /// To whom, or `none`
        #[arg(long, value_name = "OPERATOR|none")]
        to: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Ends a thread; it comes back when the person writes again
    Close {
        /// Which one
        id: ConversationId,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Opens another thread with a person: through a number of its own, or as #N through the same one
    Open {
        /// With whom
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// From whose numbers; else those of the campaign that reached the person, else of the default pool
        #[arg(long, value_name = "NAME")]
        pool: Option<String>,
    },
}

/// Which threads are listed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Only {
    /// Those that nobody ended
    Open,
    /// Those with something that was not answered
    Unread,
    /// Open ones that were handed to you
    Mine,
    /// Those that were ended
    Done,
    /// Ended ones too
    All,
}

/// Which threads are listed.
#[derive(Debug, Args)]
pub struct Which {
    /// Only these
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Only::Open)]
    only: Only,
    /// Only open ones that were handed to this operator
    #[arg(long, value_name = "OPERATOR", conflicts_with = "only")]
    of: Option<String>,
    /// Only where this stands in phone, name or last text
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

impl Only {
    /// As they are written, in their order.
    pub const WORDS: &[&str] = &["open", "unread", "mine", "done", "all"];

    /// Those of them that `me` sees.
    pub fn scope(self, me: &str) -> ThreadScope {
        match self {
            Self::Mine => ThreadScope::Of(Safe::new(me)),
            Self::Open => ThreadScope::Open,
            Self::Unread => ThreadScope::Unread,
            Self::Done => ThreadScope::Done,
            Self::All => ThreadScope::All,
        }
    }
}

impl Which {
    fn query(&self, me: &str) -> ThreadQuery {
        let scope = match &self.of {
            Some(operator) => ThreadScope::Of(Safe::new(operator)),
            None => self.only.scope(me),
        };
        ThreadQuery { scope, text: Safe::new(&self.search) }
    }
}

impl From<ReadError> for CliError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            gone @ ReadError::Gone(_) => Self::missing(gone.to_string()),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let looks = matches!(verb, Verb::List(_) | Verb::Show { .. });
    let org = session.organization_for(if looks { Right::Sees } else { Right::Runs }).await?;
    match verb {
        Verb::List(which) => list(session, &org, &which).await,
        Verb::Show { id } => {
            let seat = session.store.seat(org.id, None).await?;
            let detail = session.store.thread_detail(&seat, id).await?;
            session.out.show(&whole(&detail), || one(&detail, &org))
        }
        Verb::Send { id, text, text_stdin: _ } => {
            let text = text.map_or_else(from_stdin, Ok)?;
            if text.trim().is_empty() {
                return Err(CliError::Usage("a reply has to say something".to_owned()));
            }
            let reply = ReplyId::new();
            act(
                session,
                &org,
                Action::Answer { thread: id, reply, text },
                None,
                "queued: the sender sends it",
            )
            .await
        }
        Verb::Assign { id, to, reason } => {
            let to = (to != "none").then_some(to);
            let done = to.as_ref().map_or("handed to nobody".to_owned(), |to| format!("handed to {to}"));
            act(session, &org, Action::AssignThread { thread: id, to }, reason, &done).await
        }
        Verb::Close { id, reason } => act(session, &org, Action::EndThread(id), reason, "ended").await,
        Verb::Open { phone, pool } => open(session, &org, &phone, pool.as_deref()).await,
    }
}

async fn act(
    session: &Session,
    org: &Org,
    action: Action,
    reason: Option<String>,
    done: &str,
) -> Result<(), CliError> {
    let order = Order { action, expected: None, reason };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(done, org.zone, &result)
}

fn from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|error| CliError::because("failed to read the text from standard input", error))?;
    Ok(text)
}

/// Up to so many threads behind a place, and the place behind them if there are more.
pub async fn some(
    session: &Session,
    seat: &Seat,
    query: &ThreadQuery,
    after: Option<Cursor>,
    most: usize,
) -> Result<(Vec<ThreadRow>, Option<Cursor>), CliError> {
    let mut rows: Vec<ThreadRow> = Vec::new();
    let mut place = after.map_or(Place::Start, Place::After);
    let mut more = true;
    while more && rows.len() < most {
        let page = session.store.thread_page(seat, query, place).await?;
        rows.extend(page.rows);
        more = page.more_after && !rows.is_empty();
        place = rows.last().map_or(place, |last| Place::After(cursor(last)));
    }
    more |= rows.len() > most;
    rows.truncate(most);
    let next = rows.last().map(cursor).filter(|_| more);
    Ok((rows, next))
}

fn cursor(row: &ThreadRow) -> Cursor {
    Cursor { at: row.last_at, id: row.id.0 }
}

async fn list(session: &Session, org: &Org, which: &Which) -> Result<(), CliError> {
    let seat: Seat = session.store.seat(org.id, None).await?;
    let query = which.query(session.operator_name());
    let (rows, _next) = some(session, &seat, &query, None, which.limit).await?;
    let value: Vec<Value> = rows.iter().map(thread).collect();
    session.out.show(&value, || {
        let mut table = Table::new(&[
            "ID", "PHONE", "NAME", "NUMBER", "THREAD", "CAMPAIGN", "UNREAD", "LAST", "TEXT", "STATE",
            "WINDOW", "OPERATOR",
        ]);
        for row in &rows {
            table.row([
                row.id.to_string(),
                row.phone.reveal().to_owned(),
                row.name.as_str().to_owned(),
                or_dash(row.number.as_ref().map(|(_, name)| name.as_str())),
                or_dash(row.thread.map(|thread| format!("#{thread}"))),
                or_dash(row.campaign.as_ref().map(crate::domain::text::Shown::as_str)),
                row.unread.to_string(),
                local(row.last_at, org.zone),
                Safe::cut(row.last_text.as_str(), 40).into_string(),
                row.last_state.map_or("theirs", |state| state.name()).to_owned(),
                window(row, org),
                or_dash(row.assigned_to.as_ref()),
            ]);
        }
        table.render()
    })
}

fn window(row: &ThreadRow, org: &Org) -> String {
    match row.window {
        _ if row.opted_out.is_some() => "opted out".to_owned(),
        Window::Always => "open".to_owned(),
        Window::Until(until) => format!("until {}", local(until, org.zone)),
        Window::Closed(at) => format!("closed {}", local(at, org.zone)),
        Window::Never => "never wrote".to_owned(),
    }
}

/// A thread as JSON has it.
pub fn thread(row: &ThreadRow) -> Value {
    let (window, closes_at) = match row.window {
        Window::Always => ("always", None),
        Window::Until(until) => ("open", Some(until)),
        Window::Closed(at) => ("closed", Some(at)),
        Window::Never => ("never", None),
    };
    json!({
        "id": row.id, "phone": row.phone.reveal(), "name": row.name.as_str(),
        "number": row.number.as_ref().map(|(_, name)| name.as_str()), "number_id": row.number.as_ref().map(|(id, _)| id),
        "thread": row.thread, "campaign": row.campaign.as_ref().map(crate::domain::text::Shown::as_str),
        "assigned_to": row.assigned_to.as_deref(), "unread": row.unread, "last_at": row.last_at,
        "last_text": row.last_text.as_str(), "last_state": row.last_state.map(|state| state.name().replace(' ', "_")),
        "window": window, "closes_at": closes_at, "opted_out_at": row.opted_out,
        "done_at": row.done.as_ref().map(|(at, _)| at), "done_by": row.done.as_ref().map(|(_, by)| by.as_str()),
        "version": row.version.0,
    })
}

fn whole(detail: &ThreadDetail) -> Value {
    let mut value = thread(&detail.row);
    value["messages"] = detail
        .messages
        .iter()
        .map(|message| {
            json!({
                "at": message.at, "by": message.by.as_deref(), "kind": message.kind.as_deref(),
                "text": message.text.as_str(), "state": message.state.map(|state| state.name().replace(' ', "_")),
                "note": message.note.as_deref(),
            })
        })
        .collect();
    value["more"] = detail.more.into();
    value
}

fn one(detail: &ThreadDetail, org: &Org) -> String {
    let row = &detail.row;
    let mut text = card(&[
        ("id", row.id.to_string()),
        ("phone", row.phone.reveal().to_owned()),
        ("name", row.name.as_str().to_owned()),
        ("number", or_dash(row.number.as_ref().map(|(_, name)| name.as_str()))),
        ("thread", or_dash(row.thread.map(|thread| format!("#{thread}")))),
        ("campaign", or_dash(row.campaign.as_ref().map(crate::domain::text::Shown::as_str))),
        ("operator", or_dash(row.assigned_to.as_ref())),
        ("unanswered", row.unread.to_string()),
        ("window", window(row, org)),
        ("ended", local_or_dash(row.done.as_ref().map(|(at, _)| *at), org.zone)),
    ]);
    text.push('\n');
    if detail.more {
        text.push_str("(earlier messages are left out)\n");
    }
    for message in &detail.messages {
        let who = message.by.as_ref().map_or_else(|| "they".to_owned(), ToString::to_string);
        let state = message.state.map_or(String::new(), |state| format!(" [{}]", state.name()));
        let kind = message.kind.as_ref().map_or(String::new(), |kind| format!(" ({kind})"));
        let note = message.note.as_ref().map_or(String::new(), |note| format!("  {note}"));
        let line = format!("{who}{kind}: {}{state}{note}", message.text.as_str());
        text.extend([local(message.at, org.zone).as_str(), "  ", Safe::cut(&line, 5_000).as_str(), "\n"]);
    }
    text
}

async fn open(session: &Session, org: &Org, phone: &Phone, pool: Option<&str>) -> Result<(), CliError> {
    let id = ConversationId::new();
    let result = session.store.open_thread(org.id, id, phone, pool, session.actor()).await?;
    if let crate::store::action::ActionResult::Done { .. } = result {
        let row = session.store.threads(org.id, &[id.0]).await?.pop();
        let row = row.ok_or_else(|| CliError::failed("the thread was opened and is gone again"))?;
        return session.out.show(&thread(&row), || {
            let number = or_dash(row.number.as_ref().map(|(_, name)| name.as_str()));
            format!("opened {id}: #{} through {number}", or_dash(row.thread))
        });
    }
    session.out.settle("", org.zone, &result)
}
