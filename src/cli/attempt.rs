//! `signalbox attempt`.

use super::{
    CliError, Session,
    output::{Table, card, local, local_or_dash, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{
        action::{Action, Order, Verdict},
        attempt::AttemptState,
        ids::AttemptId,
        phone::Phone,
        right::Right,
    },
    sender::sent::{self, Said},
    store::recipient::{AttemptQuery, AttemptRecord},
};
use clap::{Subcommand, ValueEnum};

/// What an operator decides about an attempt in doubt.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum As {
    /// It arrived: the recipient goes on, nothing is sent again.
    Sent,
    /// It did not arrive: the message may be sent again.
    NotSent,
    /// Send it again although it may have arrived; needs a reason.
    Resend,
}

impl As {
    fn verdict(self) -> Verdict {
        match self {
            Self::Sent => Verdict::Sent,
            Self::NotSent => Verdict::NotSent,
            Self::Resend => Verdict::Resend,
        }
    }
}

/// What can be done with attempts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists attempts, the latest first
    #[command(after_help = "Example:\n  signalbox attempt list --state in_doubt")]
    List {
        /// Only in this state: `sending`, `accepted`, `rejected`, `not_sent`, `in_doubt`, `waived`, `undelivered`
        #[arg(long, value_name = "STATE")]
        state: Option<AttemptState>,
        /// Only of this campaign
        #[arg(long, value_name = "NAME")]
        campaign: Option<String>,
        /// Only to this phone
        #[arg(long, value_name = "PHONE", value_parser = parse::phone)]
        phone: Option<Phone>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
    /// Shows an attempt
    Show {
        /// Which one
        id: AttemptId,
    },
    /// Settles an attempt in doubt by your word
    #[command(after_help = "Example:\n  signalbox attempt resolve 0197… --as sent --reason \"she answered\"")]
    Resolve {
        /// Which one
        id: AttemptId,
        /// What became of it
        #[arg(long = "as", value_name = "VERDICT")]
        verdict: As,
        /// How you know; kept for good
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let right = if matches!(verb, Verb::Resolve { .. }) { Right::Runs } else { Right::Sees };
    let org = session.organization_for(right).await?;
    match verb {
        Verb::List { state, campaign, phone, limit } => {
            let query = AttemptQuery {
                id: None,
                state,
                campaign: campaign.as_deref(),
                phone: phone.as_ref().map(Phone::reveal),
                most: i64::from(limit),
            };
            let attempts = session.store.attempts(org.id, &query).await?;
            session.out.show(&attempts, || table(&attempts, &org))
        }
        Verb::Show { id } => {
            let query = AttemptQuery { id: Some(id), most: 1, ..AttemptQuery::default() };
            let attempt = session
                .store
                .attempts(org.id, &query)
                .await?
                .pop()
                .ok_or_else(|| CliError::missing(format!("there is no attempt {id}")))?;
            let said = sent::said(&session.store, org.id, &[id], &[]).await?.pop();
            let mut value = serde_json::to_value(&attempt)
                .map_err(|_| CliError::failed("the attempt cannot be shown"))?;
            value["said"] = serde_json::json!(said.as_ref().and_then(|said| said.text.clone()));
            session.out.show(&value, || one(&attempt, said.as_ref(), &org))
        }
        Verb::Resolve { id, verdict, reason } => {
            let verdict = verdict.verdict();
            let action = Action::ResolveAttempt { attempt: id, verdict };
            let order = Order { action, expected: None, reason };
            let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
            session.out.settle(&format!("settled as {}", verdict.name()), org.zone, &result)
        }
    }
}

fn table(attempts: &[AttemptRecord], org: &Org) -> String {
    let mut table = Table::new(&[
        "ID", "STARTED", "CAMPAIGN", "PHONE", "STEP", "NUMBER", "STATE", "REPORTED", "CODE", "WORDS",
    ]);
    for attempt in attempts {
        table.row([
            attempt.id.to_string(),
            local(attempt.started_at, org.zone),
            attempt.campaign.clone(),
            attempt.phone.clone(),
            attempt.step.to_string(),
            attempt.number.clone(),
            attempt.state.clone(),
            or_dash(attempt.delivery.as_ref()),
            or_dash(attempt.code.as_ref()),
            or_dash(attempt.words.as_ref()),
        ]);
    }
    table.render()
}

fn one(attempt: &AttemptRecord, said: Option<&Said>, org: &Org) -> String {
    card(&[
        ("id", attempt.id.to_string()),
        ("campaign", attempt.campaign.clone()),
        ("phone", attempt.phone.clone()),
        ("step", attempt.step.to_string()),
        ("said", or_dash(said.map(Said::in_words))),
        ("number", attempt.number.clone()),
        ("state", attempt.state.clone()),
        ("started", local(attempt.started_at, org.zone)),
        ("finished", local_or_dash(attempt.finished_at, org.zone)),
        ("took", or_dash(attempt.duration_ms.map(|ms| format!("{ms} ms")))),
        ("provider's id", or_dash(attempt.provider_message_id.as_ref())),
        ("reported", or_dash(attempt.delivery.as_ref())),
        ("delivered", local_or_dash(attempt.delivered_at, org.zone)),
        ("read", local_or_dash(attempt.read_at, org.zone)),
        ("class", or_dash(attempt.class.as_ref())),
        ("code", or_dash(attempt.code.as_ref())),
        ("words", or_dash(attempt.words.as_ref())),
        ("settled by", or_dash(attempt.resolved_by.as_ref())),
        ("because", or_dash(attempt.resolved_reason.as_ref())),
        (
            "contradicted",
            if attempt.contradicted { "yes: it was accepted after all" } else { "no" }.to_owned(),
        ),
    ])
}
