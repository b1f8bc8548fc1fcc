//! What a number can send of a step: decided here, before anything is claimed, for the check of a file, the plan and the
//! message itself.

use super::{
    MediaKind, Shape, StepTemplate, button,
    registry::{Found, Header, Registry, TemplateStatus},
};
use crate::domain::{number::ProviderKind, text::Safe};
use std::{collections::BTreeSet, fmt};

/// Longest sentence about the numbers of a campaign, in graphemes.
const SENTENCE_LIMIT: usize = 600;

/// How a number sends a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Its text alone.
    Text,
    /// Its media, with the text as caption where it has one.
    Media {
        /// Whether the text goes along.
        caption: bool,
    },
    /// Its template.
    Template {
        /// What messages name it by.
        id: String,
        /// Whether the step's media goes on top.
        header: bool,
    },
}

impl Form {
    /// What lists call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Media { .. } => "media",
            Self::Template { .. } => "template",
        }
    }
}

/// Why a number cannot send a step. Reads well after "meta ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cannot {
    /// The provider has no templates, and the step nothing else.
    #[error("has no templates, and the step has neither text nor media")]
    NoTemplates,
    /// The provider takes no text with such media.
    #[error("takes no caption with {0}: send the text as a step of its own")]
    Caption(MediaKind),
    /// The account has no such template.
    #[error("has no template {0:?}")]
    Absent(String),
    /// Not in this language.
    #[error("has template {name:?} in {languages}, not in {wanted}")]
    Language {
        /// Its name.
        name: String,
        /// The languages it has.
        languages: String,
        /// The one that the step names.
        wanted: String,
    },
    /// It may not be used now.
    #[error("says that template {name:?} is {status}")]
    Status {
        /// Its name.
        name: String,
        /// What it is.
        status: TemplateStatus,
    },
    /// Other parameters than the step fills.
    #[error("wants {wanted} for template {name:?}, and the step gives {given}")]
    Parameters {
        /// Its name.
        name: String,
        /// What it has, in words.
        wanted: String,
        /// What the step fills, in words.
        given: String,
    },
    /// The template has a place for media that the step does not bring, or one that no campaign can fill.
    #[error("wants {wanted} on top of template {name:?}, and the step brings {given}")]
    Header {
        /// Its name.
        name: String,
        /// What it has, in words.
        wanted: String,
        /// What the step brings, in words.
        given: String,
    },
    /// Other buttons than the step fills.
    #[error("wants {wanted} for template {name:?}, and the step gives {given}")]
    Buttons {
        /// Its name.
        name: String,
        /// What it has, in words.
        wanted: String,
        /// What the step fills, in words.
        given: String,
    },
    /// There is nothing in it.
    #[error("gets nothing from this step")]
    Nothing,
}

/// What is worth knowing of a way that should work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// Outside the window of a conversation only templates are taken.
    FreeText,
    /// The step's template is not the account's, and its text goes out instead.
    TextInstead,
    /// Nothing is known of the account's templates.
    Unlisted,
    /// The provider uses a word for the template's state that we do not know.
    StrangeStatus,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FreeText => {
                "takes free text and media only from people who wrote within the last 24 hours; a template goes to everybody"
            }
            Self::TextInstead => {
                "has no such template and gets the text instead, which it takes only from people who wrote within the last 24 hours"
            }
            Self::Unlisted => "was not asked yet whether it has the template",
            Self::StrangeStatus => "uses a word for the template's state that is not known here",
        })
    }
}

/// How a number at this provider, whose account has this registry, sends a step. Where several ways are open, the one
/// that reaches most people: at the official providers a template, else media, else text.
///
/// # Errors
/// Why it cannot.
pub fn form(provider: ProviderKind, step: &Shape, registry: &Registry) -> Result<Form, Cannot> {
    let several = step.template.as_ref().filter(|template| !template.languages.is_empty());
    if let Some(template) = several.filter(|_| provider.is_official()) {
        // Whoever takes part sends it in every language that it is to have; the usual one says how.
        let mut forms = template
            .each_language()
            .map(|template| form(provider, &Shape { template: Some(template), ..step.clone() }, registry));
        let usual = forms.next().unwrap_or(Err(Cannot::Nothing))?;
        return forms.try_fold(usual, |usual, other| other.map(|_| usual));
    }
    match (&step.template, provider) {
        (Some(template), ProviderKind::Meta) => from_registry(provider, step, template, registry)
            .map(|header| Form::Template { id: template.name.clone(), header }),
        (Some(template), ProviderKind::Twilio) => match sid(template, registry) {
            Some(id) => from_registry(provider, step, template, registry)
                .map(|_own_media| Form::Template { id, header: false }),
            None if has_free(step) => free(provider, step),
            None => Err(absent(template, registry)),
        },
        (Some(_), ProviderKind::Ultramsg) if !has_free(step) => Err(Cannot::NoTemplates),
        (Some(_), ProviderKind::Ultramsg) | (None, _) => free(provider, step),
    }
}

/// The first of a campaign's steps that a number at this provider cannot send: it takes no part in the campaign then, since
/// whoever got one step through it would get the others through it too.
#[must_use]
pub fn first_unable<'a>(
    provider: ProviderKind,
    steps: impl IntoIterator<Item = (i16, &'a Shape)>,
    registry: &Registry,
) -> Option<(i16, Cannot)> {
    steps.into_iter().find_map(|(step, shape)| Some((step, form(provider, shape, registry).err()?)))
}

/// One line for the operator: which step, whose numbers, why.
#[must_use]
pub fn sentence(step: i16, provider: ProviderKind, account: &str, why: &Cannot) -> String {
    let (account, why) = (Safe::new(account), Safe::new(&why.to_string()));
    format!("step {step}: {provider} (account {account}) {why}")
}

/// All reasons in one line, each once.
#[must_use]
pub fn sentences(all: impl IntoIterator<Item = String>) -> String {
    let each: BTreeSet<String> = all.into_iter().collect();
    let each: Vec<String> = each.into_iter().collect();
    Safe::cut(&each.join("; "), SENTENCE_LIMIT).into_string()
}

/// What is worth knowing of the way that [`form`] found.
#[must_use]
pub fn remarks(provider: ProviderKind, step: &Shape, registry: &Registry, form: &Form) -> Vec<Remark> {
    let is_template = matches!(form, Form::Template { .. });
    let mut remarks = Vec::new();
    if !is_template && provider.is_official() {
        remarks.push(if step.template.is_some() { Remark::TextInstead } else { Remark::FreeText });
    }
    match step.template.as_ref().filter(|_| is_template).map(|template| registry.find(template)) {
        Some(Found::NothingKnown) => remarks.push(Remark::Unlisted),
        Some(Found::Template(known)) if known.status == TemplateStatus::Unknown => {
            remarks.push(Remark::StrangeStatus);
        }
        _ => {}
    }
    remarks
}

fn has_free(step: &Shape) -> bool {
    step.has_text || step.media.is_some()
}

/// Text or media, without a template.
fn free(provider: ProviderKind, step: &Shape) -> Result<Form, Cannot> {
    let caption = step.has_text;
    match step.media {
        Some(kind) if caption && !takes_caption(provider, kind) => Err(Cannot::Caption(kind)),
        Some(_) => Ok(Form::Media { caption }),
        None if caption => Ok(Form::Text),
        None => Err(Cannot::Nothing),
    }
}

/// Provider sheets, section 2.
fn takes_caption(provider: ProviderKind, kind: MediaKind) -> bool {
    match (provider, kind) {
        (_, MediaKind::Audio) | (ProviderKind::Twilio, MediaKind::Video | MediaKind::Document) => false,
        (ProviderKind::Meta | ProviderKind::Ultramsg, _) | (ProviderKind::Twilio, MediaKind::Image) => true,
    }
}

/// What Twilio's messages name a template by.
fn sid(template: &StepTemplate, registry: &Registry) -> Option<String> {
    match registry.find(template) {
        Found::Template(known) => Some(known.provider_id.clone()),
        _ if is_sid(&template.name) => Some(template.name.clone()),
        Found::OtherLanguage | Found::Absent | Found::NothingKnown => None,
    }
}

/// `HX` and 32 hexadecimal digits (`twilio.md` section 2).
#[must_use]
pub fn is_sid(name: &str) -> bool {
    name.strip_prefix("HX")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn absent(template: &StepTemplate, registry: &Registry) -> Cannot {
    let languages = registry.languages(&template.name);
    if languages.is_empty() {
        return Cannot::Absent(template.name.clone());
    }
    Cannot::Language {
        name: template.name.clone(),
        languages: languages.join(", "),
        wanted: template.language.to_string(),
    }
}

/// Whether what is known of the account's templates allows this one, and whether the step's media goes on top of it.
fn from_registry(
    provider: ProviderKind,
    step: &Shape,
    template: &StepTemplate,
    registry: &Registry,
) -> Result<bool, Cannot> {
    let known = match registry.find(template) {
        Found::NothingKnown => return Ok(false),
        Found::Absent | Found::OtherLanguage => return Err(absent(template, registry)),
        Found::Template(known) => known,
    };
    let name = || template.name.clone();
    if !known.status.may_be_sent() {
        return Err(Cannot::Status { name: name(), status: known.status });
    }
    // Of one that the provider only told of nothing else is known.
    let Some(wanted) = &known.parameters else { return Ok(false) };
    let counts_together = provider == ProviderKind::Twilio;
    let given = if counts_together { template.names_together() } else { template.parameters.names() };
    if !fits(wanted, &given) {
        return Err(Cannot::Parameters { name: name(), wanted: in_words(wanted), given: in_words(&given) });
    }
    if counts_together {
        return Ok(false);
    }
    let takes_media = header(step, template, &known.header)?;
    if !button::fits(&known.buttons, &template.buttons) {
        return Err(Cannot::Buttons {
            name: name(),
            wanted: button::in_words(known.buttons.iter().copied()),
            given: button::in_words(template.buttons.iter().map(button::StepButton::place)),
        });
    }
    Ok(takes_media)
}

/// Whether the step's media goes on top of a template with this header.
fn header(step: &Shape, template: &StepTemplate, header: &Header) -> Result<bool, Cannot> {
    let title = template.header.names();
    let cannot = |wanted: String| {
        let media = step.media.map_or("none".to_owned(), |kind| kind.to_string());
        let given = if title.is_empty() { media } else { format!("a headline with {}", in_words(&title)) };
        Err(Cannot::Header { name: template.name.clone(), wanted, given })
    };
    match header {
        Header::Fixed if title.is_empty() => Ok(false),
        Header::Fixed => cannot("nothing".to_owned()),
        Header::Text(wanted) if fits(wanted, &title) => Ok(false),
        Header::Text(wanted) => cannot(format!("a headline with {}", in_words(wanted))),
        Header::Media(kind) if step.media == Some(*kind) && title.is_empty() => Ok(true),
        Header::Media(kind) => cannot(format!("media of kind {kind}")),
        Header::Other => cannot("something that no campaign can fill".to_owned()),
    }
}

fn fits(wanted: &[String], given: &[String]) -> bool {
    let (mut wanted, mut given) = (wanted.to_vec(), given.to_vec());
    wanted.sort_unstable();
    given.sort_unstable();
    wanted == given
}

/// `2 parameters`, or their names.
fn in_words(names: &[String]) -> String {
    let by_order = names.iter().zip(1..).all(|(name, place)| *name == format!("{place}"));
    match names.len() {
        0 => "no parameters".to_owned(),
        1 if by_order => "1 parameter".to_owned(),
        count if by_order => format!("{count} parameters"),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
