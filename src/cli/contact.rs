//! `signalbox contact`.

use super::{
    CliError, Session, audience, contact_history,
    export::{Export, JsonArray, leaves_room},
    number_validate,
    output::{Table, card, local, local_or_dash, or_dash},
    parse, reach,
    session::Org,
};
use crate::{
    domain::{ids::ContactId, phone::Phone, right::Right},
    import::{COPY_COLUMNS, Chunk, ImportError, Options, Reader, Rejected},
    store::{
        contact::ContactRecord,
        import::{Agreed, ImportCounts},
    },
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};
use tokio::sync::mpsc;

/// Chunks of about a megabyte that may wait for the database.
const CHUNKS_AHEAD: usize = 4;
/// Rows read at once for a list or an export.
const PAGE: i64 = 5_000;
/// Refused rows that an answer names; of more, only the count.
const KEPT: usize = 1_000;

/// What can be done with contacts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Imports contacts from CSV: the whole file or nothing; known people are updated, never doubled
    #[command(after_help = "\
The first line names the columns, in any order: phone (required), name, locale, timezone, country, gender,
profession, birth_date, registered_at, consent, referrer_name, tags; every other column becomes an attribute.
UTF-8, comma or semicolon. How and when people agreed is said for the whole file; it is kept of those of whom the file
says yes and of whom nothing else is known.

Examples:
  signalbox contact import people.csv --default-country CM
  signalbox contact import fair.csv --consent-method \"paper form\" --consent-at 2026-03-14
  signalbox contact import - --rejected refused.csv < people.csv")]
    Import {
        /// The file; - for standard input
        file: PathBuf,
        /// The country of phones without country code
        #[arg(long, value_name = "CM")]
        default_country: Option<String>,
        /// Where the refused rows go; FILE.rejected.csv unless given
        #[arg(long, value_name = "FILE")]
        rejected: Option<PathBuf>,
        #[command(flatten)]
        agreed: AgreedArgs,
    },
    /// Writes all contacts as CSV
    Export {
        /// The file; - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Lists contacts in the order in which they came
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
    /// Shows a contact
    Show {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
    },
    /// Shows every campaign that a person is or was in, the latest first, and where each stands with them
    History {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
    },
    /// Why this person's message of a campaign waits, gate by gate, and until when; or why there is none
    #[command(
        after_help = "Examples:\n  signalbox contact why +237600000001 --campaign summer-sale\n  signalbox contact why +237600000001 --campaign summer-sale.toml"
    )]
    Why {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Of which campaign, or of which campaign file
        #[arg(long, value_name = "NAME|FILE")]
        campaign: String,
    },
    /// Looks at a phone's form, and asks whether it is on `WhatsApp` where that can be asked without sending: at `UltraMsg`
    Validate(number_validate::ValidateArgs),
    /// Lists the phones that no campaign writes to: who opted out, and whom a rule suppressed
    #[command(after_help = "A person is taken off the list with: signalbox contact opt-in PHONE")]
    Suppressed {
        /// Write the whole list to this file instead; - for standard output
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// The person may be written to again
    OptIn {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Nothing more is sent to this person, in any campaign
    OptOut {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// How and when the people of a file agreed.
#[derive(Debug, Args)]
pub struct AgreedArgs {
    /// How those agreed whose consent column says yes; "import" unless given
    #[arg(long, value_name = "TEXT", value_parser = parse::consent_method)]
    consent_method: Option<String>,
    /// When they agreed: a day or a time; when they are imported unless given
    #[arg(long, value_name = "DATE|TIME", value_parser = parse::day_or_time)]
    consent_at: Option<parse::When>,
}

impl AgreedArgs {
    /// From texts that were not read yet.
    pub fn read(method: Option<&str>, at: Option<&str>) -> Result<Self, CliError> {
        let named = |name: &'static str| move |sentence| CliError::Usage(format!("{name}: {sentence}"));
        Ok(Self {
            consent_method: method.map(parse::consent_method).transpose().map_err(named("consent_method"))?,
            consent_at: at.map(parse::day_or_time).transpose().map_err(named("consent_at"))?,
        })
    }

    fn in_org(self, org: &Org) -> Result<Agreed, CliError> {
        let at = self.consent_at.map(|when| when.in_zone(org.zone)).transpose().map_err(CliError::Usage)?;
        if let Some(late) = at.filter(|at| *at > org.record.now) {
            let late = local(late, org.zone);
            return Err(CliError::Usage(format!("nobody has agreed at {late} yet: it is still to come")));
        }
        Ok(Agreed { method: self.consent_method, at })
    }
}

/// What is said of a whole file.
pub struct ImportTerms {
    /// The country of phones without country code.
    pub default_country: Option<String>,
    /// How and when its people agreed.
    pub agreed: AgreedArgs,
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let writes = matches!(verb, Verb::Import { .. } | Verb::OptIn { .. } | Verb::OptOut { .. });
    let org = session.organization_for(if writes { Right::Runs } else { Right::Sees }).await?;
    let (store, actor) = (&session.store, session.actor());
    match verb {
        Verb::Import { file, default_country, rejected, agreed } => {
            import(session, &org, &file, ImportTerms { default_country, agreed }, rejected).await
        }
        Verb::Export { file } => export(session, &org, &file).await,
        Verb::List { limit } => list(session, &org, limit).await,
        Verb::Show { phone } => show(session, &org, &phone).await,
        Verb::History { phone } => contact_history::show(session, &org, &phone).await,
        Verb::Why { phone, campaign } => audience::why(session, &org, &phone, &campaign).await,
        Verb::Validate(args) => number_validate::run(session, &org, &args).await,
        Verb::Suppressed { csv } => reach::suppressed(session, &org, csv.as_deref()).await,
        Verb::OptIn { phone, reason } => {
            let result = store.opt_in(org.id, &phone, "operator", reason.as_deref(), actor).await?;
            session.out.settle(&format!("{} may be written to again", phone.reveal()), org.zone, &result)
        }
        Verb::OptOut { phone, reason } => {
            let result = store.opt_out(org.id, &phone, "operator", reason.as_deref(), actor).await?;
            let done = format!("{}: nothing more is sent to this person, in any campaign", phone.reveal());
            session.out.settle(&done, org.zone, &result)
        }
    }
}

/// What the reading thread tells.
enum Told {
    Rows(Vec<u8>),
    End { lines: u64, rejected: u64 },
    Failed(CliError),
}

async fn import(
    session: &Session,
    org: &Org,
    file: &Path,
    terms: ImportTerms,
    rejected_to: Option<PathBuf>,
) -> Result<(), CliError> {
    leaves_room(&session.out, "--rejected", rejected_to.as_deref())?;
    let name = file.display().to_string();
    let input: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(
            File::open(file).map_err(|error| CliError::because(format!("failed to read {name}"), error))?,
        )
    };
    let path = rejected_to.unwrap_or_else(|| rejected_beside(file));
    if is_same_file(&path, file) {
        return Err(CliError::Usage("--rejected names the file that is to be imported".to_owned()));
    }
    import_from(session, org, &name, input, terms, Refused::into_file(path)).await
}

/// Imports what `input` holds; `name` is what the audit log and errors call it.
pub async fn import_from(
    session: &Session,
    org: &Org,
    name: &str,
    input: Box<dyn Read + Send>,
    terms: ImportTerms,
    refused: Refused,
) -> Result<(), CliError> {
    let agreed = terms.agreed.in_org(org)?;
    let options = Options {
        default_country: terms.default_country,
        zone: org.zone,
        today: crate::domain::day::local_date(org.record.now, org.zone),
        threads: thread::available_parallelism().map_or(1, NonZero::get),
    };
    let (to_us, mut from_reader) = mpsc::channel(CHUNKS_AHEAD);
    let reading = tokio::task::spawn_blocking(move || read_all(input, &options, refused, &to_us));
    let counted = stage_and_merge(session, org, name, &agreed, &mut from_reader).await;
    drop(from_reader);
    session.out.progress("");
    let refused = reading.await.map_err(|error| CliError::because("failed to read the file", error))?;
    let counts = match counted {
        Ok(counts) => counts,
        Err(error) => {
            // Nothing was imported, so a list of what was refused would only mislead.
            if let Some(Refused::File { aside: Some(written), .. }) = refused {
                let _ = std::fs::remove_file(written);
            }
            return Err(error);
        }
    };
    if let Some(Refused::File { path, aside: Some(written), .. }) = &refused {
        std::fs::rename(written, path).map_err(|error| {
            CliError::because(
                format!(
                    "the file was imported, and what was refused is in {}: failed to rename it",
                    written.display()
                ),
                error,
            )
        })?;
    }
    report(session, &counts, refused.as_ref())
}

/// Where refused rows are written until the import is done: what stands in their file already is somebody's until then. `None`:
/// in place, for standard output and devices have nothing to lose, and nothing is put in their place.
fn aside(path: &Path) -> Option<PathBuf> {
    if path == Path::new("-") || path.metadata().is_ok_and(|there| !there.is_file()) {
        return None;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    Some(PathBuf::from(name))
}

/// Stages what the reader tells and merges it once the whole file was read.
async fn stage_and_merge(
    session: &Session,
    org: &Org,
    name: &str,
    agreed: &Agreed,
    from_reader: &mut mpsc::Receiver<Told>,
) -> Result<ImportCounts, CliError> {
    let mut staging = session.store.begin_import().await?;
    let (rows, mut to_copy) = mpsc::channel(1);
    let mut end = Err(CliError::from(ImportError::Stopped));
    let forward = async {
        let mut bytes: u64 = 0;
        while let Some(told) = from_reader.recv().await {
            match told {
                Told::Rows(chunk) => {
                    bytes += chunk.len() as u64;
                    session.out.progress(&format!("read {} MB", bytes / 1_000_000));
                    if rows.send(chunk).await.is_err() {
                        break;
                    }
                }
                Told::End { lines, rejected } => end = Ok((lines, rejected)),
                Told::Failed(error) => end = Err(error),
            }
        }
        drop(rows);
    };
    let ((), copied) = tokio::join!(forward, staging.copy(&mut to_copy));
    copied?;
    session.out.progress("merging");
    let (lines, rejected) = end.map_err(|error| in_file(name, error))?;
    let counts = staging.merge(org.id, name, lines, rejected, agreed, session.actor()).await?;
    // It is imported; what is left of this is noted in the database, and done by any sender.
    if let Err(error) = session.store.heed_imported(org.id).await {
        let why = CliError::from(error).message().unwrap_or_default();
        session.out.note(&format!("whom the file opts out, a sender suppresses within a minute: {why}"));
    }
    Ok(counts)
}

fn in_file(name: &str, error: CliError) -> CliError {
    match error {
        CliError::Failed { sentence, source } => {
            CliError::Failed { sentence: format!("{name}: {sentence}"), source }
        }
        other => other,
    }
}

/// Reads the whole file on a thread that may wait. Answers the refused rows, if there are any.
fn read_all(
    input: Box<dyn Read + Send>,
    options: &Options,
    mut refused: Refused,
    to_us: &mpsc::Sender<Told>,
) -> Option<Refused> {
    let (mut lines, mut rejected) = (0, 0);
    let read = || -> Result<(), CliError> {
        let mut reader = Reader::new(input, options)?;
        while let Some(Chunk { copy, rejected: rows, lines: more, .. }) = reader.next_chunk()? {
            lines += more;
            rejected += rows.len() as u64;
            refused.note(&rows)?;
            if !copy.is_empty() && to_us.blocking_send(Told::Rows(copy)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    };
    let last = match read() {
        Ok(()) => Told::End { lines, rejected },
        Err(error) => Told::Failed(error),
    };
    let last = match (last, refused.end()) {
        (Told::End { .. }, Err(error)) => Told::Failed(error),
        (last, _) => last,
    };
    // Nobody listening: the other side has failed and says so itself.
    let _ = to_us.blocking_send(last);
    (rejected > 0).then_some(refused)
}

/// Where refused rows go.
pub enum Refused {
    /// Into a file, which appears when all is imported.
    File {
        /// Which one.
        path: PathBuf,
        /// Where it is written until then, if not in place.
        aside: Option<PathBuf>,
        /// The file, once there is one.
        export: Option<Box<Export>>,
    },
    /// Into the answer, the first [`KEPT`] of them.
    Answer(Vec<Value>),
}

impl Refused {
    fn into_file(path: PathBuf) -> Self {
        Self::File { aside: aside(&path), path, export: None }
    }

    fn note(&mut self, rows: &[Rejected]) -> Result<(), CliError> {
        match self {
            Self::File { path, aside, export } => {
                let to = aside.as_ref().unwrap_or(path);
                for row in rows {
                    let export = match export {
                        Some(export) => export,
                        None => export.insert(Box::new(Export::begin(to, &["line", "cause", "row"])?)),
                    };
                    export.row([row.line.to_string().as_str(), &row.cause.to_string(), &row.raw])?;
                }
            }
            Self::Answer(kept) => {
                let room = KEPT.saturating_sub(kept.len());
                let described = rows
                    .iter()
                    .take(room)
                    .map(|row| json!({ "line": row.line, "cause": row.cause.to_string(), "row": row.raw }));
                kept.extend(described);
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), CliError> {
        match self {
            Self::File { export, .. } => export.take().map_or(Ok(()), |export| export.end().map(drop)),
            Self::Answer(_) => Ok(()),
        }
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn rejected_beside(file: &Path) -> PathBuf {
    if file == Path::new("-") {
        return PathBuf::from("contacts.rejected.csv");
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(".rejected.csv");
    file.with_file_name(name)
}

fn report(session: &Session, counts: &ImportCounts, refused: Option<&Refused>) -> Result<(), CliError> {
    let mut value = json!(counts);
    let path = match refused {
        Some(Refused::Answer(rows)) => {
            value["rejected_rows"] = json!(rows);
            None
        }
        Some(Refused::File { path, .. }) => Some(path),
        None => None,
    };
    value["rejected_file"] = json!(path);
    session.out.show(&value, || {
        let listed = path.map_or_else(String::new, |path| format!(", listed in {}", path.display()));
        card(&[
            ("lines", counts.lines.to_string()),
            ("accepted", counts.accepted.to_string()),
            ("updated", counts.updated.to_string()),
            ("duplicate", counts.duplicate.to_string()),
            ("rejected", format!("{}{listed}", counts.rejected)),
        ]) + &noes(counts)
    })
}

/// What the file said no to, in sentences.
fn noes(counts: &ImportCounts) -> String {
    let new = match counts.no_consent {
        0 => String::new(),
        1 => "1 new person did not agree: no campaign writes to them\n".to_owned(),
        many => format!("{many} new people did not agree: no campaign writes to them\n"),
    };
    let known = match counts.opted_out {
        0 => String::new(),
        1 => "1 known person opted out, as by a STOP\n".to_owned(),
        many => format!("{many} known people opted out, as by a STOP\n"),
    };
    new + &known
}

async fn list(session: &Session, org: &Org, limit: u32) -> Result<(), CliError> {
    let nobody = ContactId(uuid::Uuid::nil());
    let contacts = session.store.contacts(org.id, None, nobody, i64::from(limit)).await?;
    session.out.show(&contacts, || {
        let mut table = Table::new(&["PHONE", "NAME", "LOCALE", "COUNTRY", "TAGS", "OPTED OUT"]);
        for contact in &contacts {
            table.row([
                contact.phone.clone(),
                or_dash(contact.name.as_ref()),
                or_dash(contact.locale.as_ref()),
                or_dash(contact.country.as_ref()),
                contact.tags.join(" "),
                local_or_dash(contact.opted_out_at, org.zone),
            ]);
        }
        table.render()
    })
}

async fn show(session: &Session, org: &Org, phone: &Phone) -> Result<(), CliError> {
    let nobody = ContactId(uuid::Uuid::nil());
    let mut contact =
        session.store.contacts(org.id, Some(phone), nobody, 1).await?.pop().ok_or_else(|| {
            CliError::missing(format!("{} is no contact of {}", phone.reveal(), org.record.slug))
        })?;
    // Of one person the ledger is asked too: lists may be a few minutes behind.
    contact.last_campaign_sent_at = session.store.last_campaign_sent(org.id, phone).await?;
    session.out.show(&contact, || {
        card(&[
            ("phone", contact.phone.clone()),
            ("name", or_dash(contact.name.as_ref())),
            ("locale", or_dash(contact.locale.as_ref())),
            ("time zone", or_dash(contact.time_zone.as_ref())),
            ("country", or_dash(contact.country.as_ref())),
            ("gender", or_dash(contact.gender.as_ref())),
            ("profession", or_dash(contact.profession.as_ref())),
            ("born", or_dash(contact.birth_date)),
            ("registered", local_or_dash(contact.registered_at, org.zone)),
            ("referrer", or_dash(contact.referrer_name.as_ref())),
            ("tags", contact.tags.join(" ")),
            ("attributes", contact.attributes.to_string()),
            ("consent", consent(&contact, org)),
            ("last campaign sent", local_or_dash(contact.last_campaign_sent_at, org.zone)),
            ("opted out", local_or_dash(contact.opted_out_at, org.zone)),
            ("because", or_dash(contact.opt_out_reason.as_ref())),
        ])
    })
}

/// What a person said, how and when.
fn consent(contact: &ContactRecord, org: &Org) -> String {
    let Some(agreed) = contact.consent else { return "-".to_owned() };
    let by = contact.consent_method.as_ref().map(|method| format!("by {method}"));
    let at = contact.consent_at.map(|at| local(at, org.zone));
    let words = std::iter::once(if agreed { "yes" } else { "no" }.to_owned()).chain(by).chain(at);
    words.collect::<Vec<_>>().join(", ")
}

async fn export(session: &Session, org: &Org, file: &Path) -> Result<(), CliError> {
    let store = &session.store;
    if session.out.is_json() && file == Path::new("-") {
        let mut array = JsonArray::begin()?;
        let mut after = ContactId(uuid::Uuid::nil());
        loop {
            let page = store.contacts(org.id, None, after, PAGE).await?;
            let Some(last) = page.last() else { return array.end() };
            after = last.id;
            page.iter().try_for_each(|contact| array.push(contact))?;
        }
    }
    let attributes = store.contact_attributes(org.id).await?;
    // The columns that the import knows, without what it finds by itself and its bag of attributes, which become columns again.
    let known: Vec<&str> = COPY_COLUMNS
        .into_iter()
        .filter(|column| !matches!(*column, "line" | "phone_country" | "attributes"))
        .collect();
    let header: Vec<&str> = known.iter().copied().chain(attributes.iter().map(String::as_str)).collect();
    let mut export = Export::begin(file, &header)?;
    let mut after = ContactId(uuid::Uuid::nil());
    loop {
        let page = store.contacts(org.id, None, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for contact in &page {
            let cells = cells(contact, &attributes);
            export.row(cells.iter().map(String::as_str))?;
        }
    }
    let rows = export.end()?;
    if file == Path::new("-") {
        return Ok(());
    }
    session.out.show(&json!({ "file": file, "rows": rows }), || {
        format!("wrote {rows} contacts to {}", file.display())
    })
}

/// In the order of the header.
fn cells(contact: &ContactRecord, attributes: &[String]) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut cells = vec![
        contact.phone.clone(),
        text(&contact.name),
        text(&contact.locale),
        text(&contact.time_zone),
        text(&contact.country),
        text(&contact.gender),
        text(&contact.profession),
        contact.birth_date.map(|date| date.to_string()).unwrap_or_default(),
        contact.registered_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
        contact.consent.map(|agreed| if agreed { "yes" } else { "no" }.to_owned()).unwrap_or_default(),
        text(&contact.referrer_name),
        contact.tags.join("|"),
    ];
    cells.extend(attributes.iter().map(|name| match contact.attributes.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }));
    cells
}
