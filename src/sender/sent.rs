//! The sentence that a person was sent, written again from what was kept of it: the version of the step that the attempt sent
//! and the values frozen for the person. Nothing is written down at the time of sending but these.

use super::text::{Reader, TextShelf, Unwritten};
use crate::domain::{
    content::{button::FilledButton, registry::Registry},
    ids::{AccountId, AttemptId, OrganizationId, RecipientId},
    locale::Locale,
};
use crate::provider::Content;
use crate::store::{
    Store, StoreError,
    sent::{Report, SentStep},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;

/// One attempt, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The attempt.
    pub attempt: AttemptId,
    /// Whose.
    #[serde(skip)]
    pub recipient: RecipientId,
    /// Which step; 1 is the first.
    pub step: i16,
    /// Which version of it.
    pub version: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// What became of it when it was sent.
    pub state: String,
    /// What was reported of it since.
    #[serde(flatten)]
    pub report: Report,
    /// The number that it went through, in E.164 form.
    pub number: Option<String>,
    /// The provider's id of it.
    pub provider_message_id: Option<String>,
    /// What it said, in one line of words; of a template its name and what it was filled with.
    pub text: Option<String>,
    /// Why that cannot be told any more.
    pub problem: Option<String>,
}

impl Said {
    /// What it said, or why that cannot be told.
    #[must_use]
    pub fn in_words(&self) -> String {
        match (&self.text, &self.problem) {
            (Some(text), _) => text.clone(),
            (None, problem) => format!("[not known any more: {}]", problem.as_deref().unwrap_or_default()),
        }
    }
}

/// What these attempts said, and all of these recipients, the oldest first.
///
/// # Errors
/// When the database is away or refuses, or a row cannot be read.
pub async fn said(
    store: &Store,
    organization: OrganizationId,
    attempts: &[AttemptId],
    recipients: &[RecipientId],
) -> Result<Vec<Said>, StoreError> {
    let written = written_again(store, organization, attempts, recipients).await?;
    Ok(written.into_iter().map(Written::in_words).collect())
}

/// What those of these attempts said that were plain text, as it went out. Of the others, and of replies, nothing is told.
///
/// # Errors
/// When the database is away or refuses, or a row cannot be read.
pub async fn texts(
    store: &Store,
    organization: OrganizationId,
    attempts: &[AttemptId],
) -> Result<HashMap<AttemptId, String>, StoreError> {
    let written = written_again(store, organization, attempts, &[]).await?;
    let text = |written: Written| match written.content {
        Ok(Content::Text(text)) => Some((written.said.attempt, text)),
        Ok(Content::Media(_) | Content::Template(_)) | Err(_) => None,
    };
    Ok(written.into_iter().filter_map(text).collect())
}

/// An attempt, and its message written again.
struct Written {
    /// Without its words.
    said: Said,
    /// What it said, or why that cannot be told any more.
    content: Result<Content, String>,
}

impl Written {
    fn in_words(self) -> Said {
        let (text, problem) = match self.content {
            Ok(content) => (Some(in_words(&content)), None),
            Err(problem) => (None, Some(problem)),
        };
        Said { text, problem, ..self.said }
    }
}

async fn written_again(
    store: &Store,
    organization: OrganizationId,
    attempts: &[AttemptId],
    recipients: &[RecipientId],
) -> Result<Vec<Written>, StoreError> {
    let sent = store.sent_steps(organization, attempts, recipients).await?;
    let mut names: Vec<String> = sent.iter().flat_map(templates).collect();
    names.sort_unstable();
    names.dedup();
    let registries =
        if names.is_empty() { HashMap::new() } else { store.registries(organization, &names).await? };
    // Most of them come from few versions: each is made ready once.
    let mut shelves: HashMap<_, TextShelf> = HashMap::new();
    Ok(sent.into_iter().map(|sent| written(sent, &mut shelves, &registries)).collect())
}

fn templates(sent: &SentStep) -> Vec<String> {
    let Some(content) = &sent.step.content else { return Vec::new() };
    let of_variants = content.variants.iter().map(|each| each.content().shape());
    let shapes = std::iter::once(content.shape()).chain(of_variants);
    shapes.filter_map(|shape| Some(shape.template?.name)).collect()
}

/// A version of a step, and when in the sequence it stood.
type Edition = (uuid::Uuid, i16, i32, i64);

fn written(
    sent: SentStep,
    shelves: &mut HashMap<Edition, TextShelf>,
    registries: &HashMap<AccountId, Registry>,
) -> Written {
    let place = (sent.step.campaign, sent.step.step);
    let edition = (place.0.0, place.1, sent.step.version, sent.step.after_seconds);
    let SentStep { step, through, locale, parameters, default_locale, recipient, .. } = sent;
    let said = Said {
        attempt: sent.attempt,
        recipient,
        step: place.1,
        version: step.version,
        started_at: sent.started_at,
        state: sent.state,
        report: sent.report,
        number: sent.number,
        provider_message_id: sent.provider_message_id,
        text: None,
        problem: None,
    };
    let shelf = shelves.entry(edition).or_insert_with(|| {
        let mut shelf = TextShelf::default();
        shelf.put(vec![step], std::iter::empty());
        shelf
    });
    let content = match through {
        None => Err("the number that sent it is gone".to_owned()),
        Some(_) if parameters.is_none() => Err("what it was filled with is not kept any more".to_owned()),
        Some((account, provider)) => {
            let nothing_known = Registry::default();
            let registry = registries.get(&account).unwrap_or(&nothing_known);
            let (locale, parameters) = (locale.as_deref(), parameters.as_deref());
            let default = Locale::parse(&default_locale).ok();
            let reader = Reader { recipient, locale, parameters };
            let content = shelf.write(place, reader, provider, registry, default.as_ref());
            content.map_err(|why| match why {
                Unwritten::Skip(reason) => format!("it cannot be written again: {reason}"),
                Unwritten::Cannot(cannot) => format!("{provider} {cannot} by now"),
                Unwritten::Edited => "it was edited meanwhile".to_owned(),
            })
        }
    };
    Written { said, content }
}

/// What a message says, in words: a text as it is; of a template its name, language and what it is filled with.
#[must_use]
pub fn in_words(content: &Content) -> String {
    let media = |media: &crate::provider::Media| format!("{} {}", media.kind.name(), media.url.as_str());
    match content {
        Content::Text(text) => text.clone(),
        Content::Media(file) => {
            std::iter::once(media(file)).chain(file.caption.clone()).collect::<Vec<_>>().join(", ")
        }
        Content::Template(template) => {
            let values: Vec<&str> = template.values.parameters.values().collect();
            let mut parts = vec![format!(
                "template {} in {} with [{}]",
                template.id,
                template.language,
                values.join(" | ")
            )];
            parts.extend(template.values.header.values().map(|value| format!("headline [{value}]")));
            let button =
                |button: &FilledButton| format!("button {} {} [{}]", button.index, button.kind, button.value);
            parts.extend(template.values.buttons.iter().map(button));
            parts.extend(template.media.as_ref().map(media));
            parts.join(", ")
        }
    }
}
