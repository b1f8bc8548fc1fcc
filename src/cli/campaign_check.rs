//! `signalbox campaign check`: what a file or a campaign would do, everything that is wrong with it, and what of it somebody
//! accepts as it is.

use super::{CliError, Session, audience, campaign_file, session::Org};
use crate::{
    domain::{campaign::remark::Note, ids::CampaignId},
    store::{action::ActionResult, audience::Terms, campaign_file::Checked},
};
use serde_json::json;
use std::path::Path;

/// Checks a file, or a campaign, and counts its audience; accepts the findings that are named.
pub async fn run(
    session: &Session,
    org: &Org,
    file: &Path,
    accept: &[String],
    why: Option<&str>,
) -> Result<(), CliError> {
    let why = why.map(str::trim);
    if why.is_some_and(str::is_empty) {
        return Err(CliError::Usage("--why is empty: whoever reads the record wants to know".to_owned()));
    }
    let (mut checked, known) = read(session, org, file).await?;
    let name = checked.spec.name.as_str().to_owned();
    for finding in accept {
        let note = named(&name, &checked.notes, finding)?;
        let store = &session.store;
        match store.accept_finding(org.id, &name, note, why.unwrap_or_default(), session.actor()).await? {
            ActionResult::AlreadySo { by, .. } => {
                session.out.note(&format!("{finding} was accepted before, by {by}"));
            }
            result => CliError::unless_done(&result, org.zone)?,
        }
    }
    if !accept.is_empty() {
        (checked, _) = read(session, org, file).await?;
    }
    let terms = Terms { campaign: known, ..session.store.terms_of_spec(org.id, &checked.spec).await? };
    let audience = session.store.estimate(org.id, &terms).await?;
    let open = checked.notes.iter().filter(|note| note.is_open()).count();
    let value = json!({
        "ok": true, "name": checked.spec.name, "steps": checked.spec.steps.len(), "findings": [],
        "notes": checked.notes, "open": open, "audience": audience,
    });
    session.out.show(&value, || {
        format!(
            "{} is in order: campaign {name}\n{}{}",
            file.display(),
            audience::describe(&audience),
            campaign_file::in_lines(&name, &checked.notes)
        )
    })
}

/// The file; or the campaign of that name as it is, where there is no such file, and which one that is.
async fn read(session: &Session, org: &Org, file: &Path) -> Result<(Checked, Option<CampaignId>), CliError> {
    let known = match file.to_str() {
        Some(name) if !file.exists() => session.store.campaigns(org.id, Some(name)).await?.pop(),
        _ => None,
    };
    let Some(known) = known else {
        let checked = campaign_file::read(session, org, file, None).await?;
        let refusal = session.store.refusal_to_make(org.id, &checked.spec).await?;
        return refusal.map_or(Ok((checked, None)), |sentence| Err(CliError::Refused(sentence)));
    };
    let source = session.store.campaign_source(org.id, known.id).await?;
    if source.trim().is_empty() {
        return Err(CliError::failed(format!("campaign {} was not made from a file", known.name)));
    }
    let called = format!("the file of {}", known.name);
    let bytes = source.as_bytes();
    let checked = campaign_file::read_bytes(session, org, &called, bytes, Some(&known.name)).await?;
    // One that exists is also judged by what only it has: a start, a place behind another one.
    let notes = session.store.findings(org.id, known.id).await?;
    Ok((Checked { notes, ..checked }, Some(known.id)))
}

fn named<'a>(name: &str, notes: &'a [Note], finding: &str) -> Result<&'a Note, CliError> {
    notes.iter().find(|note| note.finding == finding).ok_or_else(|| {
        let known: Vec<&str> = notes.iter().map(|note| note.finding.as_str()).collect();
        CliError::failed(match known.as_slice() {
            [] => format!("campaign {name} has no finding {finding:?}: there is nothing to accept"),
            known => format!("campaign {name} has no finding {finding:?}: it has {}", known.join(", ")),
        })
    })
}
