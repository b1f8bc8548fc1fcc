//! `signalbox contact history`: one person over all campaigns.

use super::{
    CliError, Session,
    output::{Table, local_or_dash, or_dash},
    session::Org,
};
use crate::domain::phone::Phone;

/// Prints it.
pub async fn show(session: &Session, org: &Org, phone: &Phone) -> Result<(), CliError> {
    let lines = session.store.person_history(org.id, phone).await?;
    session.out.show(&lines, || {
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
        table.render()
    })
}
