//! `signalbox contact history`: one person over all campaigns.

use super::{
    CliError, Session,
    output::{Table, local, local_or_dash, or_dash},
    session::Org,
};
use crate::{
    domain::{ids::RecipientId, phone::Phone},
    sender::sent::{self, Said},
    store::history::Enrolled,
};
use serde::Serialize;

/// A person in one campaign, and what they were sent of it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    line: &'a Enrolled,
    messages: Vec<&'a Said>,
}

/// Prints it.
pub async fn show(session: &Session, org: &Org, phone: &Phone) -> Result<(), CliError> {
    let lines = session.store.person_history(org.id, phone).await?;
    let recipients: Vec<RecipientId> = lines.iter().map(|line| line.recipient_id).collect();
    let said = sent::said(&session.store, org.id, &[], &recipients).await?;
    let told: Vec<Told<'_>> = lines
        .iter()
        .map(|line| Told {
            line,
            messages: said.iter().filter(|said| said.recipient == line.recipient_id).collect(),
        })
        .collect();
    session.out.show(&told, || {
        if lines.is_empty() {
            return format!("{} is in no campaign of {}\n", phone.reveal(), org.record.slug);
        }
        let mut table =
            Table::new(&["CAMPAIGN", "IS", "MESSAGE", "STEP", "TAKEN", "LAST ATTEMPT", "BY", "WHY"]);
        for line in &lines {
            table.row([
                line.campaign.clone(),
                line.campaign_state.clone(),
                line.state.replace('_', " "),
                match &line.variant {
                    Some(variant) => format!("{} of {}, variant {variant}", line.step, line.steps),
                    None => format!("{} of {}", line.step, line.steps),
                },
                line.accepted.to_string(),
                local_or_dash(line.last_attempt_at, org.zone),
                or_dash(line.number.as_ref()),
                or_dash(line.reason.as_ref()),
            ]);
        }
        format!("{}{}", table.render(), messages(&told, org))
    })
}

/// What was said, the oldest first: written again from the steps as they were then and the values frozen for the person.
fn messages(told: &[Told<'_>], org: &Org) -> String {
    let mut lines: Vec<(&str, &Said)> = told
        .iter()
        .flat_map(|told| told.messages.iter().map(|said| (told.line.campaign.as_str(), *said)))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_by_key(|(_, said)| (said.started_at, said.attempt));
    let mut table = Table::new(&["WHEN", "CAMPAIGN", "STEP", "BECAME", "SAID"]);
    for (campaign, said) in lines {
        table.row([
            local(said.started_at, org.zone),
            campaign.to_owned(),
            format!("{} (version {})", said.step, said.version),
            became(said, org),
            said.in_words(),
        ]);
    }
    format!("\n{}", table.render())
}

/// The furthest that is known of a message, and since when.
fn became(said: &Said, org: &Org) -> String {
    let report = &said.report;
    let since = |at| local(at, org.zone);
    match (report.delivery.as_deref(), report.delivered_at, report.read_at) {
        (Some("read"), _, Some(at)) => format!("read {}", since(at)),
        (Some("read" | "delivered"), Some(at), _) => format!("delivered {}", since(at)),
        (Some("failed"), ..) => "not delivered".to_owned(),
        _ => said.state.replace('_', " "),
    }
}
