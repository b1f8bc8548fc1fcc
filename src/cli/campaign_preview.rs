//! `signalbox campaign preview`: what people would get, word for word, through each account of the pool. Nothing is sent.

use super::{CliError, Session, campaign, session::Org};
use crate::{
    domain::{
        content::{Filled, FilledTemplate, button::FilledButton, registry::Registry},
        ids::CampaignId,
        locale::Locale,
        phone::Phone,
        text::Safe,
    },
    provider::{Content, Media},
    sender::{
        sent::in_words,
        text::{Reader, TextShelf, Unwritten},
    },
    store::{
        preview::PreviewPerson,
        snapshot::{AccountView, NumberView, Snapshot, StepContents},
    },
};
use serde::Serialize;

/// People that are shown where nobody is named.
const PEOPLE: i64 = 3;

/// What one person would get.
#[derive(Debug, Serialize)]
struct Shown {
    phone: String,
    name: Option<String>,
    state: String,
    reason: Option<String>,
    locale: Option<String>,
    messages: Vec<Message>,
}

/// One step through the numbers of one account.
#[derive(Debug, Serialize)]
struct Message {
    step: i16,
    /// Which of its variants they get, where it has some.
    variant: Option<String>,
    provider: &'static str,
    account: String,
    /// `text`, `template`, `image`, `video`, `document` or `audio`; none: nothing is sent.
    kind: Option<&'static str>,
    /// The text, or the caption.
    text: Option<String>,
    template: Option<Template>,
    media: Option<File>,
    /// All of that in words.
    #[serde(skip)]
    words: String,
    /// Why nothing is sent.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Template {
    /// What the provider is told: its name, or at Twilio its sid.
    id: String,
    language: Locale,
    parameters: Filled,
    /// What its headline is filled with.
    header: Filled,
    buttons: Vec<FilledButton>,
}

#[derive(Debug, Serialize)]
struct File {
    kind: &'static str,
    url: String,
    filename: Option<String>,
}

/// Everything that a step is written from.
struct Desk {
    shelf: TextShelf,
    steps: Vec<i16>,
    default_locale: Option<Locale>,
}

/// Does it.
pub async fn run(session: &Session, org: &Org, name: &str, phone: Option<&Phone>) -> Result<(), CliError> {
    let record = campaign::find(session, org, name).await?;
    let people = session.store.preview_people(org.id, record.id, phone, PEOPLE).await?;
    if people.is_empty() {
        return Err(CliError::failed(match phone {
            Some(phone) => format!("{} is not enrolled in campaign {name}", phone.reveal()),
            None => format!("nobody is enrolled in campaign {name} who would get anything"),
        }));
    }
    let snapshot = session.store.snapshot_with(org.id, None, Some(record.id)).await?;
    let contents = session.store.step_contents(org.id, &[record.id]).await?;
    let desk = Desk::new(record.id, contents, &snapshot);
    let accounts = accounts_of(&snapshot, record.id);
    let shown: Vec<Shown> =
        people.into_iter().map(|person| show(&desk, record.id, person, &accounts)).collect();
    if accounts.is_empty() {
        session
            .out
            .note("its pool has no numbers, and there is no default number: no account would send this");
    }
    session.out.show(&shown, || {
        let all: Vec<String> = shown.iter().map(describe).collect();
        all.join("\n\n")
    })
}

impl Desk {
    fn new(campaign: CampaignId, contents: Vec<StepContents>, snapshot: &Snapshot) -> Self {
        let steps = contents.iter().map(|step| step.step).collect();
        let mut shelf = TextShelf::default();
        shelf.put(contents, std::iter::once((campaign, 0)));
        Self { shelf, steps, default_locale: Locale::parse(&snapshot.organization.default_locale).ok() }
    }
}

/// The accounts whose numbers are in the campaign's pool, by name; of a pool without numbers that of the default number.
fn accounts_of(snapshot: &Snapshot, campaign: CampaignId) -> Vec<&AccountView> {
    let campaign = snapshot.campaigns.iter().find(|view| view.id == campaign);
    let pool = campaign.and_then(|campaign| snapshot.pools.iter().find(|pool| pool.id == campaign.pool));
    let members = pool.map_or(&[][..], |pool| &pool.numbers);
    let default = snapshot.organization.default_number.filter(|_| members.is_empty());
    let sends = |account: &&AccountView| {
        snapshot.numbers.iter().any(|NumberView { number, .. }| {
            number.account == account.id && (members.contains(&number.id) || default == Some(number.id))
        })
    };
    snapshot.accounts.iter().filter(sends).collect()
}

fn show(desk: &Desk, campaign: CampaignId, person: PreviewPerson, accounts: &[&AccountView]) -> Shown {
    let mut messages = Vec::new();
    // Who gets nothing has nothing frozen, and no message to show.
    if person.parameters.is_some() {
        for step in &desk.steps {
            for account in accounts {
                messages.push(message(desk, (campaign, *step), &person, account));
            }
        }
    }
    let PreviewPerson { phone, name, state, reason, locale, .. } = person;
    Shown { phone, name, state, reason, locale, messages }
}

fn message(desk: &Desk, place: (CampaignId, i16), person: &PreviewPerson, account: &AccountView) -> Message {
    let reader = Reader {
        recipient: person.recipient,
        locale: person.locale.as_deref(),
        parameters: person.parameters.as_deref(),
    };
    let registry: &Registry = &account.templates;
    let written = desk.shelf.write(place, reader, account.provider, registry, desk.default_locale.as_ref());
    let mut message = Message {
        step: place.1,
        variant: desk.shelf.variant(place, person.recipient).map(ToString::to_string),
        provider: account.provider.name(),
        account: account.name.clone(),
        kind: written.as_ref().ok().map(Content::kind),
        text: None,
        template: None,
        media: None,
        words: written.as_ref().map_or_else(|_| String::new(), in_words),
        problem: None,
    };
    match written {
        Ok(Content::Text(text)) => message.text = Some(text),
        Ok(Content::Media(media)) => {
            message.text.clone_from(&media.caption);
            message.media = Some(file(media));
        }
        Ok(Content::Template(template)) => {
            message.media = template.media.map(file);
            let FilledTemplate { parameters, header, buttons } = template.values;
            let (id, language) = (template.id, template.language);
            message.template = Some(Template { id, language, parameters, header, buttons });
        }
        Err(Unwritten::Skip(reason)) => message.problem = Some(format!("skipped: {reason}")),
        Err(Unwritten::Edited) => message.problem = Some("the steps were edited meanwhile".to_owned()),
        Err(Unwritten::Cannot(cannot)) => message.problem = Some(format!("{} {cannot}", account.provider)),
    }
    message
}

fn file(media: Media) -> File {
    File { kind: media.kind.name(), url: media.url.as_str().to_owned(), filename: media.filename }
}

fn describe(shown: &Shown) -> String {
    let name = shown.name.as_deref().map_or(String::new(), |name| format!(" {}", Safe::new(name)));
    let reason = shown.reason.as_deref().map_or(String::new(), |reason| format!(": {}", Safe::new(reason)));
    let mut lines = vec![format!("{}{name} ({}{reason})", shown.phone, shown.state)];
    for message in &shown.messages {
        let body = Safe::new(&described(message));
        let variant =
            message.variant.as_ref().map_or(String::new(), |name| format!(" variant {}", Safe::new(name)));
        let (step, provider, account) = (message.step, message.provider, Safe::new(&message.account));
        lines.push(format!("  step {step}{variant}  {provider} ({account}): {body}"));
    }
    lines.join("\n")
}

fn described(message: &Message) -> String {
    match &message.problem {
        Some(problem) => format!("nothing: {problem}"),
        None => message.words.clone(),
    }
}
