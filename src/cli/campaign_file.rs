//! `signalbox campaign check` and `create`: from a file to a campaign, or to everything that is wrong with it.

use super::{
    CliError, Session,
    campaign_pool::{self, Note},
    output::card,
    session::Org,
};
use crate::{
    domain::campaign::{CampaignFile, CampaignSpec, Context, Finding, file::FILE_LIMIT},
    store::campaign::AudienceCount,
};
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Phones that one finding names.
const NAMED: usize = 20;

/// A file that can become a campaign.
struct Checked {
    spec: CampaignSpec,
    source: String,
    /// What is worth knowing of it all the same.
    notes: Vec<Note>,
}

/// Checks a file and counts its audience.
pub async fn check(session: &Session, org: &Org, file: &Path) -> Result<(), CliError> {
    let checked = match read(session, org, file).await? {
        Ok(checked) => checked,
        Err(findings) => return refuse(session, &findings),
    };
    let audience = session.store.count_audience(org.id, &checked.spec).await?;
    let value = json!({
        "ok": true, "name": checked.spec.name, "steps": checked.spec.steps.len(), "findings": [],
        "notes": checked.notes, "audience": audience,
    });
    session.out.show(&value, || {
        let notes = in_lines(&checked.notes);
        format!(
            "{} is in order: campaign {}\n{}{notes}",
            file.display(),
            checked.spec.name,
            describe(&audience)
        )
    })
}

/// Makes the campaign.
pub async fn create(session: &Session, org: &Org, file: &Path) -> Result<(), CliError> {
    let checked = match read(session, org, file).await? {
        Ok(checked) => checked,
        Err(findings) => return refuse(session, &findings),
    };
    let (spec, store) = (&checked.spec, &session.store);
    let pool = store
        .pools(org.id, Some(&spec.pool))
        .await?
        .pop()
        .ok_or_else(|| CliError::failed(format!("there is no pool {:?} any more", spec.pool)))?;
    let (id, planned) =
        store.create_campaign(org.id, spec, pool.id, &checked.source, session.actor()).await?;
    let stats = store.campaign_stats(org.id, spec.name.as_str()).await?;
    let (queued, skipped) = stats.as_ref().map_or((0, 0), |stats| (stats.queued, stats.skipped));
    let slots = store.slots_given(org.id, id).await?;
    let life = if spec.starts_at.is_some() { "scheduled" } else { "draft" };
    let value = json!({
        "id": id, "name": spec.name, "state": life, "planned": planned, "queued": queued, "skipped": skipped,
        "starts_at": spec.starts_at, "slots_given": slots, "notes": checked.notes,
    });
    session.out.show(&value, || {
        let next = match spec.starts_at {
            Some(at) => format!("it starts at {}", super::output::local(at, org.zone)),
            None => format!("start it with: signalbox campaign start {}", spec.name),
        };
        let slots = if slots > 0 { format!("\n{slots} people got a slot") } else { String::new() };
        format!(
            "made campaign {}: {planned} people, {queued} to be sent to, {skipped} skipped{slots}\n{next}{}",
            spec.name,
            in_lines(&checked.notes)
        )
    })
}

/// Reads a file and judges it by all that the organisation knows. The findings stand in the order of the file.
async fn read(session: &Session, org: &Org, file: &Path) -> Result<Result<Checked, Vec<Finding>>, CliError> {
    let name = file.display().to_string();
    let bytes = bytes_of(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?;
    let store = &session.store;
    let attributes = store.contact_attributes(org.id).await?;
    let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
    let pools = store.pools(org.id, None).await?;
    let pools: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let rules = store.conduct_rules(org.id).await?;
    let context = Context {
        zone: org.zone,
        attributes: Some(&attributes),
        pools: Some(&pools),
        // A rehearsal reaches nobody outside.
        private_media: session.config.private_media || org.record.rehearsal,
        opt_out_line: rules.opt_out_line,
    };
    let spec = match CampaignFile::parse_bytes(&bytes, &name, &context) {
        Ok(spec) => spec,
        Err(findings) => return Ok(Err(findings)),
    };
    let source = String::from_utf8_lossy(&bytes).into_owned();
    if !store.campaigns(org.id, Some(spec.name.as_str())).await?.is_empty() {
        return Err(CliError::Refused(format!("there is a campaign {:?} already", spec.name.as_str())));
    }
    let strangers = store.phones_without_contact(org.id, &spec.audience.phones).await?;
    if !strangers.is_empty() {
        return Ok(Err(vec![no_contacts(&name, &source, &strangers)]));
    }
    let notes = match campaign_pool::check(session, org, &spec).await? {
        Ok(notes) => notes,
        Err((step, sentence)) => return Ok(Err(vec![nobody_can(&name, &source, step, sentence)])),
    };
    Ok(Ok(Checked { spec, source, notes }))
}

/// At most as much as a campaign file may be, and a byte more, so that the limit is noticed.
fn bytes_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = FILE_LIMIT as u64 + 1;
    if file == Path::new("-") {
        io::stdin().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn nobody_can(file: &str, source: &str, step: i16, sentence: String) -> Finding {
    let begins = source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("[[steps]]"));
    let nth = usize::try_from(step - 1).unwrap_or(0);
    let line = begins.map(|(at, _)| at).nth(nth).unwrap_or(0) + 1;
    Finding { file: file.to_owned(), line, column: 1, key: format!("steps[{nth}]"), sentence }
}

fn no_contacts(file: &str, source: &str, strangers: &[String]) -> Finding {
    let line = source.lines().position(|line| line.trim_start().starts_with("phones")).unwrap_or(0) + 1;
    let named: Vec<&str> = strangers.iter().take(NAMED).map(String::as_str).collect();
    let more = strangers.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Finding {
        file: file.to_owned(),
        line,
        column: 1,
        key: "audience.phones".to_owned(),
        sentence: format!(
            "audience.phones: not among the contacts, import them first: {}{more}",
            named.join(", ")
        ),
    }
}

/// Prints the findings and fails.
fn refuse(session: &Session, findings: &[Finding]) -> Result<(), CliError> {
    let sentences: Vec<String> = findings.iter().map(ToString::to_string).collect();
    if session.out.is_json() {
        session.out.show(&json!({ "ok": false, "findings": findings }), String::new)?;
    }
    Err(CliError::failed(sentences.join("\n")))
}

fn in_lines(notes: &[Note]) -> String {
    notes.iter().flat_map(|note| ["\nnote: ", note.sentence.as_str()]).collect()
}

fn describe(audience: &AudienceCount) -> String {
    let mut lines = vec![
        ("planned".to_owned(), audience.planned.to_string()),
        ("to be sent to".to_owned(), audience.queued.to_string()),
    ];
    lines.extend(
        audience.skipped.iter().map(|(reason, count)| (format!("skipped: {reason}"), count.to_string())),
    );
    let lines: Vec<(&str, String)> =
        lines.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    card(&lines)
}
