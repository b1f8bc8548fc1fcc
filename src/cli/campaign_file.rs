//! `signalbox campaign create`, `update` and `defaults`: from a file to a campaign, or to everything that is wrong with it.

use super::{CliError, Session, campaign, session::Org};
use crate::{
    domain::{
        campaign::{
            CampaignFile, CampaignSpec, Context, Finding,
            file::FILE_LIMIT,
            remark::{Acceptance, Note},
        },
        ids::NumberId,
        template::Texts,
    },
    store::{
        campaign_file::{Checked, NotAccepted, Reader, unheeded},
        enrolment::Enrolment,
    },
};
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Makes the campaign.
pub async fn create(session: &Session, org: &Org, file: &Path) -> Result<(), CliError> {
    let name = file.display().to_string();
    let bytes = bytes_of(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?;
    create_from(session, org, &name, bytes).await
}

/// Makes the campaign that these bytes describe. `name` is what findings call their file.
pub async fn create_from(session: &Session, org: &Org, name: &str, bytes: Vec<u8>) -> Result<(), CliError> {
    create_with(session, org, (name, bytes), None).await
}

/// As [`create_from`]; with `only` it sends through no other number of its pool.
pub async fn create_with(
    session: &Session,
    org: &Org,
    (name, bytes): (&str, Vec<u8>),
    only: Option<NumberId>,
) -> Result<(), CliError> {
    let checked = Checked { only, ..read_bytes(session, org, name, &bytes, None).await? };
    let spec = &checked.spec;
    let made =
        session.store.make_campaign_telling(org.id, &checked, session.actor(), &progress(session)).await?;
    let made = made.map_err(CliError::Refused)?;
    let life = made.state.as_str();
    let (planned, queued, skipped, slots) = (made.planned, made.queued, made.skipped, made.slots);
    let value = json!({
        "id": made.id, "name": spec.name, "state": life, "planned": planned, "queued": queued, "skipped": skipped,
        "starts_at": spec.starts_at, "slots_given": slots, "notes": checked.notes,
    });
    session.out.show(&value, || {
        let next = match (spec.starts_at, &spec.run_after) {
            _ if !matches!(life, "draft" | "scheduled") => format!("it is {life}: somebody acted meanwhile"),
            (None, Some(before)) => format!("it starts when {before} is completed"),
            (Some(at), Some(before)) => {
                format!("it starts at {}, once {before} is completed", super::output::local(at, org.zone))
            }
            (Some(at), None) => format!("it starts at {}", super::output::local(at, org.zone)),
            (None, None) => format!("start it with: signalbox campaign start {}", spec.name),
        };
        let slots = if slots > 0 { format!("\n{slots} people got a slot") } else { String::new() };
        format!(
            "made campaign {}: {planned} people, {queued} to be sent to, {skipped} skipped{slots}\n{next}{}",
            spec.name,
            in_lines(spec.name.as_str(), &checked.notes)
        )
    })
}

/// Says how far an enrolment is, where somebody looks.
pub fn progress(session: &Session) -> impl Fn(&Enrolment) + Sync + '_ {
    |far| {
        let percent = 100 * far.looked / far.contacts.max(1);
        session.out.progress(&format!(
            "enrolling: {} of {} contacts looked at ({percent} %), {} enrolled",
            far.looked, far.contacts, far.enrolled
        ));
    }
}

/// What a file asks for, whether a campaign of its name exists or not.
pub async fn spec(session: &Session, org: &Org, file: &Path) -> Result<CampaignSpec, CliError> {
    let name = file.display().to_string();
    let bytes = bytes_of(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?;
    spec_from(session, org, &name, &bytes).await
}

/// As [`spec`], of a file's bytes.
pub async fn spec_from(
    session: &Session,
    org: &Org,
    name: &str,
    bytes: &[u8],
) -> Result<CampaignSpec, CliError> {
    match session.store.read_campaign_file(reader(session, org, name), bytes).await? {
        Ok((spec, _source)) => Ok(spec),
        Err(findings) => refuse(session, &findings),
    }
}

/// Lets the texts of a file's steps stand where later files say nothing.
pub async fn set_defaults(
    session: &Session,
    org: &Org,
    file: &Path,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let name = file.display().to_string();
    let bytes = bytes_of(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?;
    let attributes = session.store.contact_attributes(org.id).await?;
    let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
    // The line that says how to stop comes with the campaign that uses them.
    let context = Context { attributes: Some(&attributes), ..Context::in_zone(org.zone) };
    let spec = match CampaignFile::parse_bytes(&bytes, &name, &context) {
        Ok(spec) => spec,
        Err(findings) => return refuse(session, &findings),
    };
    let texts: Vec<&Texts> = spec.steps.iter().map(|step| &step.content.texts).collect();
    if let Some(nth) = texts.iter().position(|texts| texts.0.is_empty()) {
        return Err(CliError::failed(format!("{name}: steps[{nth}] has no text: a default is a text")));
    }
    let changed = session.store.edit_default_texts(org.id, &texts, reason, session.actor()).await?;
    CliError::unless(changed, "the organisation")?;
    let count = texts.len();
    session.out.show(&json!({ "result": "done", "steps": count }), || {
        format!("steps 1 to {count} of files that give them no text say this from now on")
    })
}

/// Puts the file's steps in the place of the campaign's.
pub async fn update(
    session: &Session,
    org: &Org,
    name: &str,
    file: &Path,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let known = campaign::find(session, org, name).await?;
    let checked = read(session, org, file, Some(name)).await?;
    let (spec, store) = (&checked.spec, &session.store);
    let result = store.edit_steps(org.id, known.id, spec, &checked.source, reason, session.actor()).await?;
    let others = unheeded(&known, spec);
    for other in &others {
        session
            .out
            .note(&format!("note: {other} stays as it is: update changes what the steps say and when"));
    }
    session.out.settle(&format!("campaign {name}: who waits gets the new steps"), org.zone, &result)
}

/// Reads a file and judges it by all that the organisation knows. The findings stand in the order of the file.
pub async fn read(
    session: &Session,
    org: &Org,
    file: &Path,
    edited: Option<&str>,
) -> Result<Checked, CliError> {
    let name = file.display().to_string();
    let bytes = bytes_of(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?;
    read_bytes(session, org, &name, &bytes, edited).await
}

/// Judges these bytes. With `edited` they are to change that campaign, else to make one.
pub async fn read_bytes(
    session: &Session,
    org: &Org,
    name: &str,
    bytes: &[u8],
    edited: Option<&str>,
) -> Result<Checked, CliError> {
    match session.store.check_campaign_file(reader(session, org, name), bytes, edited).await? {
        Ok(checked) => Ok(checked),
        Err(NotAccepted::Findings(findings)) => refuse(session, &findings),
        Err(NotAccepted::Rule(sentence)) => Err(CliError::Refused(sentence)),
    }
}

/// Who reads: a rehearsal reaches nobody outside, so its media may stand anywhere.
fn reader<'a>(session: &Session, org: &Org, name: &'a str) -> Reader<'a> {
    let private_media = session.config.private_media || org.record.rehearsal;
    Reader { organization: org.id, zone: org.zone, private_media, name }
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

/// Prints the findings and fails.
fn refuse<T>(session: &Session, findings: &[Finding]) -> Result<T, CliError> {
    let sentences: Vec<String> = findings.iter().map(ToString::to_string).collect();
    if session.out.is_json() {
        session.out.show(&json!({ "ok": false, "findings": findings }), String::new)?;
    }
    Err(CliError::failed(sentences.join("\n")))
}

/// What is worth knowing, line by line, with what each is known by.
pub fn in_lines(name: &str, notes: &[Note]) -> String {
    let mut lines = String::new();
    for note in notes {
        let Note { finding, sentence, .. } = note;
        let said = match &note.accepted {
            Some(Acceptance { by, at, reason }) => {
                format!("\naccepted by {by} on {} ({reason}): {sentence} [{finding}]", at.date_naive())
            }
            None if note.is_open() => format!(
                "\nrisk: {sentence} [{finding}]\n  fix it, or accept it: \
                 signalbox campaign check {name} --accept {finding} --why TEXT"
            ),
            None => format!("\nnote: {sentence} [{finding}]"),
        };
        lines.push_str(&said);
    }
    lines
}
