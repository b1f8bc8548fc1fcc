//! What messages say: the contents of active campaigns, parsed once, and the values frozen for each recipient.

use crate::domain::{
    content::{
        CAPTION_LIMIT, Shape, StepContent,
        ability::{self, Cannot, Form},
        registry::Registry,
        variant::{self, VariantName},
    },
    ids::{CampaignId, RecipientId},
    locale::Locale,
    number::ProviderKind,
    recipient::SkipReason,
    template::{Values, Variable},
};
use crate::provider::{Content, Media, Template};
use crate::store::{
    attempt::{ClaimedMessage, Part},
    snapshot::StepContents,
};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// One step, ready to be filled.
struct Step {
    /// What it says: one thing to everybody, or several to a part of the people each.
    sayings: Vec<Saying>,
    /// The step's day in the sequence, from 1.
    day: u32,
}

/// One thing that a step says.
struct Saying {
    /// What the variant is called; none: everybody gets it.
    name: Option<VariantName>,
    content: StepContent,
    shape: Shape,
    /// Its part of the people.
    weight: u32,
}

/// The contents of active campaigns.
#[derive(Default)]
pub struct TextShelf {
    steps: HashMap<(CampaignId, i16), Arc<Step>>,
    /// The revision of the campaign whose contents stand here.
    revisions: HashMap<CampaignId, i64>,
    /// The sum of the versions of the steps that stand here.
    editions: HashMap<CampaignId, i64>,
}

/// Why a message is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// This recipient is skipped.
    Skip(SkipReason),
    /// This number cannot send the step; another one may.
    Cannot(Cannot),
    /// The campaign says something else by now, and it is not here yet.
    Edited,
}

impl From<SkipReason> for Unwritten {
    fn from(reason: SkipReason) -> Self {
        Self::Skip(reason)
    }
}

/// For whom a step is written.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Who it is: where a step has variants, that says which one they get.
    pub recipient: RecipientId,
    /// Their language, as it was chosen at enrolment.
    pub locale: Option<&'a str>,
    /// Their values, as they were frozen at enrolment: a JSON object.
    pub parameters: Option<&'a str>,
}

impl TextShelf {
    /// Campaigns whose contents are missing or old.
    #[must_use]
    pub fn missing(&self, campaigns: impl Iterator<Item = (CampaignId, i64)>) -> Vec<CampaignId> {
        campaigns
            .filter(|(id, revision)| self.revisions.get(id) != Some(revision))
            .map(|(id, _)| id)
            .collect()
    }

    /// Takes contents in.
    pub fn put(&mut self, rows: Vec<StepContents>, revisions: impl Iterator<Item = (CampaignId, i64)>) {
        let mut seconds: HashMap<CampaignId, i64> = HashMap::new();
        for row in &rows {
            self.editions.insert(row.campaign, 0);
        }
        for row in rows {
            let since_start = seconds.entry(row.campaign).or_default();
            *since_start += row.after_seconds;
            *self.editions.entry(row.campaign).or_default() += i64::from(row.version);
            match row.content {
                Some(content) => {
                    let day = u32::try_from(*since_start / 86_400).unwrap_or(0) + 1;
                    let sayings = Saying::all(content);
                    self.steps.insert((row.campaign, row.step), Arc::new(Step { sayings, day }));
                }
                None => {
                    tracing::error!(campaign.id = %row.campaign, step = row.step, "the step cannot be read");
                }
            }
        }
        self.revisions.extend(revisions);
    }

    /// What one message says: an answer to a person what somebody wrote, any other its step.
    ///
    /// # Errors
    /// Why it is not written.
    pub fn write_message(
        &self,
        message: &ClaimedMessage,
        provider: ProviderKind,
        registry: &Registry,
        default_locale: Option<&Locale>,
    ) -> Result<Content, Unwritten> {
        let campaign = match &message.part {
            // Its length was looked at when it was written.
            Part::Reply(text) => return Ok(Content::Text(text.clone())),
            Part::Campaign(campaign) => *campaign,
        };
        if self.editions.get(&campaign).is_some_and(|edition| *edition != message.edition) {
            return Err(Unwritten::Edited);
        }
        let reader = Reader {
            recipient: message.recipient,
            locale: message.locale.as_deref(),
            parameters: message.parameters.as_deref(),
        };
        self.write((campaign, message.step), reader, provider, registry, default_locale)
    }

    /// Which variant of a step somebody gets; `None`: it has none.
    #[must_use]
    pub fn variant(&self, place: (CampaignId, i16), recipient: RecipientId) -> Option<&VariantName> {
        self.steps.get(&place)?.for_recipient(recipient)?.name.as_ref()
    }

    /// What a step says through a number of this provider, whose account has this registry.
    ///
    /// # Errors
    /// Why it is not written.
    pub fn write(
        &self,
        (campaign, step): (CampaignId, i16),
        reader: Reader<'_>,
        provider: ProviderKind,
        registry: &Registry,
        default_locale: Option<&Locale>,
    ) -> Result<Content, Unwritten> {
        let step = self.steps.get(&(campaign, step)).ok_or(SkipReason::NoText)?;
        let wanted = reader.locale.and_then(|locale| Locale::parse(locale).ok());
        let saying = step.for_recipient(reader.recipient).ok_or(SkipReason::NoText)?;
        let shape = saying.shape.for_reader(wanted.as_ref());
        let form = ability::form(provider, &shape, registry).map_err(Unwritten::Cannot)?;
        let frozen = Frozen::read(reader.parameters, step.day);
        let text = |limit| saying.text(&frozen, reader.locale, default_locale, limit);
        Ok(match form {
            Form::Text => Content::Text(text(provider.text_limit())?),
            Form::Media { caption } => {
                let caption = caption.then(|| text(CAPTION_LIMIT.min(provider.text_limit()))).transpose()?;
                Content::Media(saying.media(caption).ok_or(SkipReason::NoText)?)
            }
            Form::Template { id, header } => {
                let template = shape.template.as_ref().ok_or(SkipReason::NoText)?;
                Content::Template(Template {
                    id,
                    language: template.language.clone(),
                    values: template.fill(&frozen)?,
                    media: if header { saying.media(None) } else { None },
                })
            }
        })
    }
}

impl Step {
    fn for_recipient(&self, recipient: RecipientId) -> Option<&Saying> {
        // Most steps say one thing, and nobody is drawn for it.
        if let [only] = self.sayings.as_slice() {
            return Some(only);
        }
        self.sayings.get(variant::place_of(recipient, self.sayings.iter().map(|saying| saying.weight)))
    }
}

impl Saying {
    fn all(content: StepContent) -> Vec<Self> {
        if content.variants.is_empty() {
            return vec![Self { name: None, shape: content.shape(), content, weight: 1 }];
        }
        let variants = content.variants.iter();
        variants
            .map(|each| Self {
                name: Some(each.name.clone()),
                shape: each.shape(),
                content: each.content(),
                weight: each.weight,
            })
            .collect()
    }

    fn text(
        &self,
        frozen: &Frozen<'_>,
        locale: Option<&str>,
        default: Option<&Locale>,
        limit: usize,
    ) -> Result<String, SkipReason> {
        let wanted = locale.and_then(|locale| Locale::parse(locale).ok());
        let chosen = self.content.texts.choose(wanted.as_ref(), default).ok_or(SkipReason::NoText)?;
        chosen.text.message(frozen, limit)
    }

    fn media(&self, caption: Option<String>) -> Option<Media> {
        let media = self.content.media.as_ref()?;
        Some(Media { kind: media.kind, url: media.url.clone(), caption, filename: media.filename.clone() })
    }
}

/// Values as they were frozen at enrolment.
struct Frozen<'a> {
    values: HashMap<Cow<'a, str>, Cow<'a, str>>,
    day: u32,
}

impl<'a> Frozen<'a> {
    fn read(json: Option<&'a str>, day: u32) -> Self {
        let values = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        Self { values, day }
    }
}

impl Values for Frozen<'_> {
    fn value(&self, variable: &Variable) -> Option<Cow<'_, str>> {
        match variable {
            Variable::Day => Some(Cow::Owned(self.day.to_string())),
            other => self.values.get(other.name()).map(|value| Cow::Borrowed(value.as_ref())),
        }
    }
}
