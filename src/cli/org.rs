//! `signalbox org`.

use super::{
    CliError, Session, calendar, conduct,
    output::{Table, local_or_dash, or_dash},
    parse::{self, Limit},
    reach, vitals,
};
use crate::{
    domain::{
        action::{Action, Order},
        ids::OrganizationId,
        locale::Locale,
        phone::Phone,
        right::Right,
        warm_up::Ladder,
    },
    store::{
        organization::{CalendarEdit, ConsentEdit, NewOrganization, OrganizationEdit},
        suppression::ReachEdit,
        vitals::VitalEdit,
    },
};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

/// What can be done with organisations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds an organisation
    #[command(
        after_help = "Example:\n  signalbox org add acme --name Acme --timezone Africa/Douala --daily-limit 5000"
    )]
    Add {
        /// Its short name: small letters, digits and dashes
        slug: String,
        /// Its name
        #[arg(long)]
        name: String,
        /// The zone in which its days begin
        #[arg(long, value_name = "ZONE", value_parser = parse::zone)]
        timezone: Tz,
        /// The language of last resort
        #[arg(long, value_name = "TAG", default_value = "en", value_parser = locale)]
        locale: Locale,
        /// Most messages a day over all campaigns
        #[arg(long, value_name = "N", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        daily_limit: Option<Limit>,
        /// What new numbers may send on their first days, if they warm up (number add --warm-up); or off
        #[arg(long, value_name = "N,N,...|off")]
        warm_up: Option<Ladder>,
        /// It only ever reaches loopback addresses, and may run on an accelerated clock
        #[arg(long)]
        rehearsal: bool,
    },
    /// Lists the organisations
    List,
    /// Changes the organisation
    #[command(
        after_help = "Example:\n  signalbox org edit acme --stop-confirmation \"You get no more messages.\" --stop-confirmation \"fr=C'est noté.\""
    )]
    Edit {
        /// Which one; --org does the same
        slug: Option<String>,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// The zone in which its days begin
        #[arg(long, value_name = "ZONE", value_parser = parse::zone)]
        timezone: Option<Tz>,
        /// The language of last resort
        #[arg(long, value_name = "TAG", value_parser = locale)]
        locale: Option<Locale>,
        /// Most messages a day over all campaigns, or none
        #[arg(long, value_name = "N|none", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        daily_limit: Option<Limit>,
        /// What new numbers may send on their first days, if they warm up (number add --warm-up); or off
        #[arg(long, value_name = "N,N,...|off")]
        warm_up: Option<Ladder>,
        /// The number of last resort, or none
        #[arg(long, value_name = "PHONE|none")]
        default_number: Option<String>,
        /// When its campaigns may send
        #[command(flatten)]
        calendar: Box<calendar::CalendarFlags>,
        /// How opt-outs are heard
        #[command(flatten)]
        consent: Box<ConsentArgs>,
        /// How its numbers are watched
        #[command(flatten)]
        vitals: Box<vitals::Flags>,
        /// How it reaches people
        #[command(flatten)]
        reach: reach::ReachFlags,
        /// How its campaigns behave
        #[command(flatten)]
        conduct: Box<conduct::ConductFlags>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// How the organisation's numbers are watched: canaries, warnings, standby
    Watch,
    /// How its campaigns behave: slots, when they stop themselves, the opt-out line
    Rules,
    /// Stops all sending, on every sender of the database
    Stop {
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lifts the stop
    Release {
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// How opt-outs and opt-ins are heard and confirmed.
#[derive(Debug, Default, Args)]
pub struct ConsentArgs {
    /// A word of your own that means STOP, beside those in six languages; may be given again; `none` takes them away
    #[arg(long, value_name = "WORD|none")]
    stop_word: Vec<String>,
    /// A word of your own that means START
    #[arg(long, value_name = "WORD|none")]
    start_word: Vec<String>,
    /// Sent once to who opts out, per language; without a language, in that of last resort; `none` sends nothing
    #[arg(long, value_name = "[LOCALE=]TEXT|none")]
    stop_confirmation: Vec<String>,
    /// Sent once to who opts in again
    #[arg(long, value_name = "[LOCALE=]TEXT|none")]
    start_confirmation: Vec<String>,
}

impl ConsentArgs {
    fn edit(&self, default_locale: &str) -> Result<ConsentEdit, CliError> {
        let some = |texts: Option<Value>| texts.map(|texts| Some(texts).filter(Value::is_object));
        Ok(ConsentEdit {
            stop_words: own_words(&self.stop_word)?,
            start_words: own_words(&self.start_word)?,
            stop_confirmation: some(texts(&self.stop_confirmation, default_locale)?),
            start_confirmation: some(texts(&self.start_confirmation, default_locale)?),
        })
    }
}

fn own_words(given: &[String]) -> Result<Option<Vec<String>>, CliError> {
    match given {
        [] => Ok(None),
        [none] if none == "none" => Ok(Some(Vec::new())),
        words => match words.iter().find(|word| !word.chars().any(char::is_alphanumeric)) {
            Some(word) => Err(CliError::Usage(format!("{word:?} is no word: it has no letter"))),
            None => Ok(Some(words.to_vec())),
        },
    }
}

/// Texts by locale; null: nothing is sent.
fn texts(given: &[String], default_locale: &str) -> Result<Option<Value>, CliError> {
    let mut texts = Map::new();
    match given {
        [] => return Ok(None),
        [none] if none == "none" => return Ok(Some(Value::Null)),
        given => {
            for text in given {
                // "fr=C'est noté" names its language; "1 + 1 = 2" does not.
                let named =
                    text.split_once('=').and_then(|(tag, said)| Some((Locale::parse(tag).ok()?, said)));
                let (tag, said) = match &named {
                    Some((tag, said)) => (tag.as_str(), *said),
                    None => (default_locale, text.as_str()),
                };
                if said.trim().is_empty() {
                    return Err(CliError::Usage(format!("the confirmation in {tag} says nothing")));
                }
                if texts.insert(tag.to_owned(), said.trim().into()).is_some() {
                    return Err(CliError::Usage(format!("there are two confirmations in {tag}")));
                }
            }
        }
    }
    Ok(Some(Value::Object(texts)))
}

fn locale(raw: &str) -> Result<Locale, String> {
    Locale::parse(raw).map_err(|error| error.to_string())
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List => list(session).await,
        Verb::Stop { reason } => act(session, Action::StopAll, reason, "stopped: nothing new is sent").await,
        Verb::Release { reason } => {
            act(session, Action::ReleaseStop, reason, "released: sending goes on").await
        }
        Verb::Add { slug, name, timezone, locale, daily_limit, warm_up, rehearsal } => {
            let new = NewOrganization {
                slug: &slug,
                name: &name,
                time_zone: timezone.name(),
                default_locale: locale.as_str(),
                daily_limit: daily_limit.and_then(Limit::column),
                warm_up: warm_up.unwrap_or_else(Ladder::usual),
                rehearsal,
            };
            let id = session.found(&new).await?;
            session.out.show(&json!({ "id": id, "slug": slug }), || format!("added organisation {slug}"))
        }
        Verb::Watch => vitals::show(session).await,
        Verb::Rules => conduct::show(session, &session.organization().await?).await,
        Verb::Edit {
            slug,
            name,
            timezone,
            locale,
            daily_limit,
            warm_up,
            default_number,
            calendar,
            consent,
            vitals,
            reach,
            conduct,
            reason,
        } => {
            let number = default_number.as_deref().map(phone_or_none).transpose()?;
            let edit = OrganizationEdit {
                name: name.as_deref(),
                time_zone: timezone.map(Tz::name),
                default_locale: locale.as_ref().map(Locale::as_str),
                daily_limit: daily_limit.map(Limit::column),
                warm_up,
                default_number: number.as_ref().map(|number| number.as_ref().map(Phone::reveal)),
            };
            let rules = Rules {
                calendar: &calendar,
                consent: &consent,
                vitals: &vitals,
                reach: &reach,
                conduct: &conduct,
            };
            edit_one(session, slug.as_deref(), &edit, &rules, reason.as_deref()).await
        }
    }
}

/// A phone, or that there is to be none.
fn phone_or_none(raw: &str) -> Result<Option<Phone>, CliError> {
    match raw {
        "none" => Ok(None),
        raw => parse::phone(raw).map(Some).map_err(CliError::Usage),
    }
}

/// What is changed beside the organisation's own row.
struct Rules<'a> {
    calendar: &'a calendar::CalendarFlags,
    consent: &'a ConsentArgs,
    vitals: &'a vitals::Flags,
    reach: &'a reach::ReachFlags,
    conduct: &'a conduct::ConductFlags,
}

const NO_NUMBER: &str = "there is no such number in this organisation";

/// What was changed so far: each is a statement of its own, and whoever hears that one failed hears of the others.
#[derive(Default)]
struct Done(Vec<&'static str>);

impl Done {
    fn note(&mut self, what: &'static str, done: Result<bool, impl Into<CliError>>) -> Result<(), CliError> {
        let done = match done {
            Ok(done) => CliError::unless(done, "the organisation"),
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(()) => {
                self.0.push(what);
                Ok(())
            }
            Err(error) if self.0.is_empty() => Err(error),
            Err(error) => Err(error.beside(&format!("; changed before that: {}", self.0.join(", ")))),
        }
    }
}

/// The only mistake of these words that nothing but the database can tell; found before anything is changed.
async fn default_number_is_here(
    session: &Session,
    id: OrganizationId,
    edit: &OrganizationEdit<'_>,
) -> Result<(), CliError> {
    let Some(raw) = edit.default_number.flatten() else { return Ok(()) };
    let phone = parse::phone(raw).map_err(CliError::Usage)?;
    let found = session.store.number_ids(id, &[phone]).await?;
    found.map(drop).map_err(|_phone| CliError::failed(NO_NUMBER))
}

async fn edit_one(
    session: &Session,
    slug: Option<&str>,
    edit: &OrganizationEdit<'_>,
    rules: &Rules<'_>,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let template = rules.vitals.template()?;
    let (watch, reach) = (rules.vitals.edit(template.as_ref()), rules.reach.edit());
    let record = match slug {
        None => session.organization().await?.record,
        Some(slug) => session
            .store
            .organizations(Some(slug))
            .await?
            .pop()
            .ok_or_else(|| CliError::failed(format!("there is no organisation {slug:?}")))?,
    };
    let calendar = rules.calendar.edit(&record, edit.time_zone)?;
    let (id, slug) = (record.id, record.slug);
    session.must_have(Right::Runs, id).await?;
    let consent = rules.consent.edit(edit.default_locale.unwrap_or(&record.default_locale))?;
    let (hears_the_same, watches_the_same, reaches_the_same, same_hours) = (
        consent == ConsentEdit::default(),
        watch == VitalEdit::default(),
        reach == ReachEdit::default(),
        calendar == CalendarEdit::default(),
    );
    // Nothing at all was asked for: that is said where it always is.
    let nothing =
        hears_the_same && watches_the_same && reaches_the_same && same_hours && rules.conduct.is_empty();
    default_number_is_here(session, id, edit).await?;
    let (store, actor, mut done) = (&session.store, session.actor(), Done::default());
    // First what not everybody may: whoever may not has changed nothing.
    if !same_hours {
        done.note("its calendar", store.edit_calendar(id, &calendar, reason, actor).await)?;
    }
    if *edit != OrganizationEdit::default() || nothing {
        done.note("the organisation itself", store.edit_organization(id, edit, reason, actor).await)?;
    }
    if !hears_the_same {
        done.note("how it hears opt-outs", store.edit_consent(id, &consent, reason, actor).await)?;
    }
    if !watches_the_same {
        done.note("how it watches numbers", store.edit_vital_rules(id, &watch, reason, actor).await)?;
    }
    if !reaches_the_same {
        done.note("how it reaches people", store.edit_reach(id, reach, reason, actor).await)?;
    }
    done.note("", rules.conduct.change(session, id, reason).await)?;
    session.out.show(&json!({ "result": "done", "slug": slug }), || format!("changed organisation {slug}"))
}

async fn act(session: &Session, action: Action, reason: Option<String>, done: &str) -> Result<(), CliError> {
    let org = session.organization_for(Right::Runs).await?;
    let order = Order { action, expected: None, reason };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(done, org.zone, &result)
}

async fn list(session: &Session) -> Result<(), CliError> {
    let organizations = session.store.organizations(None).await?;
    session.out.show(&organizations, || {
        let mut table = Table::new(&[
            "SLUG",
            "NAME",
            "ZONE",
            "LOCALE",
            "DAILY LIMIT",
            "WARM-UP",
            "DEFAULT NUMBER",
            "HOURS",
            "SUBSCRIPTION",
            "STOPPED",
        ]);
        for organization in &organizations {
            let zone = organization.time_zone.parse().unwrap_or(Tz::UTC);
            table.row([
                organization.slug.clone(),
                organization.name.clone(),
                organization.time_zone.clone(),
                organization.default_locale.clone(),
                or_dash(organization.daily_limit),
                organization.ladder().to_string(),
                or_dash(organization.default_number.as_ref()),
                or_dash(organization.hours()),
                local_or_dash(organization.subscription_ends_at, zone),
                local_or_dash(organization.stopped_at, zone),
            ]);
        }
        table.render()
    })
}
