//! What messages say: the texts of active campaigns, parsed once, and the values frozen for each recipient.

use crate::domain::{
    ids::CampaignId,
    locale::Locale,
    number::ProviderKind,
    recipient::SkipReason,
    template::{Texts, Values, Variable},
};
use crate::store::{
    attempt::{ClaimedMessage, Part},
    snapshot::StepTexts,
};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// One step's texts, ready to be filled.
pub struct Step {
    texts: Texts,
    /// The step's day in the sequence, from 1.
    day: u32,
}

/// The texts of active campaigns.
#[derive(Default)]
pub struct TextShelf {
    steps: HashMap<(CampaignId, i16), Arc<Step>>,
    /// The revision of the campaign whose texts stand here.
    revisions: HashMap<CampaignId, i64>,
}

impl TextShelf {
    /// Campaigns whose texts are missing or old.
    #[must_use]
    pub fn missing(&self, campaigns: impl Iterator<Item = (CampaignId, i64)>) -> Vec<CampaignId> {
        campaigns
            .filter(|(id, revision)| self.revisions.get(id) != Some(revision))
            .map(|(id, _)| id)
            .collect()
    }

    /// Takes texts in.
    pub fn put(&mut self, rows: Vec<StepTexts>, revisions: impl Iterator<Item = (CampaignId, i64)>) {
        let mut seconds: HashMap<CampaignId, i64> = HashMap::new();
        for row in rows {
            let since_start = seconds.entry(row.campaign).or_default();
            *since_start += row.after_seconds;
            match serde_json::from_value::<Texts>(row.texts) {
                Ok(texts) => {
                    let day = u32::try_from(*since_start / 86_400).unwrap_or(0) + 1;
                    self.steps.insert((row.campaign, row.step), Arc::new(Step { texts, day }));
                }
                Err(error) => {
                    tracing::error!(campaign.id = %row.campaign, step = row.step, "texts cannot be read: {error}");
                }
            }
        }
        self.revisions.extend(revisions);
    }

    /// The text for one message.
    ///
    /// # Errors
    /// Why this recipient is skipped instead.
    pub fn write(
        &self,
        message: &ClaimedMessage,
        provider: ProviderKind,
        default_locale: Option<&Locale>,
    ) -> Result<String, SkipReason> {
        let campaign = match &message.part {
            // Its length was looked at when it was written.
            Part::Reply(text) => return Ok(text.clone()),
            Part::Campaign(campaign) => *campaign,
        };
        let step = self.steps.get(&(campaign, message.step)).ok_or(SkipReason::NoText)?;
        let wanted = message.locale.as_deref().and_then(|locale| Locale::parse(locale).ok());
        let chosen = step.texts.choose(wanted.as_ref(), default_locale).ok_or(SkipReason::NoText)?;
        let frozen = Frozen::read(message.parameters.as_deref(), step.day);
        chosen.text.message(&frozen, provider.text_limit())
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
