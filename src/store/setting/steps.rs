//! What steps say where files do not, as settings: a text a step, and no gap between them.

use super::{Touched, unreadable};
use crate::domain::campaign::CampaignFile;
use crate::domain::ids::OrganizationId;
use crate::domain::setting::{STEP_TEXTS, Set, Setting, Settings};
use crate::domain::template::Texts;
use crate::store::{Store, StoreError, action::Actor};

/// The texts that are set, and behind them the first step that has none.
pub(super) fn read(column: serde_json::Value) -> Result<impl Iterator<Item = (Setting, Set)>, StoreError> {
    let steps: Vec<Texts> = serde_json::from_value(column).map_err(|_| unreadable("text"))?;
    let said = steps.into_iter().map(|texts| {
        let text = texts.0.into_iter();
        Some(text.map(|each| (each.locale.as_str().to_owned(), each.text.source().to_owned())).collect())
    });
    Ok(STEP_TEXTS.iter().zip(said.chain([None])).map(|(shape, said)| (shape.setting, Set::Says(said))))
}

/// The texts of the steps, if no step without one stands before one that has one.
fn in_a_row(then: &Settings) -> Result<Vec<&[(String, String)]>, String> {
    let mut said = Vec::new();
    let mut last_without = None;
    for (nth, shape) in (1..).zip(&STEP_TEXTS) {
        match (then.get(shape.setting), last_without) {
            (Some(Set::Says(Some(_))), Some(without)) => {
                return Err(format!(
                    "step {nth} has a text and step {without} has none: take the last ones away first"
                ));
            }
            (Some(Set::Says(Some(texts))), None) => said.push(texts.as_slice()),
            _ => last_without = last_without.or(Some(nth)),
        }
    }
    Ok(said)
}

impl Store {
    /// Changes what steps say where files do not; answers why not.
    pub(super) async fn edit_step_texts(
        &self,
        organization: OrganizationId,
        touched: &Touched<'_>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<Option<String>, StoreError> {
        let known = self.contact_attributes(organization).await?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let said = match in_a_row(touched.then) {
            Ok(said) => said,
            Err(sentence) => return Ok(Some(sentence)),
        };
        let mut steps = Vec::with_capacity(said.len());
        for (shape, texts) in STEP_TEXTS.iter().zip(said) {
            // What is not changed was judged when it was set: an attribute may be gone since.
            let known = touched.get(shape.setting).is_some().then_some(known.as_slice());
            let read: Result<Vec<_>, String> =
                texts.iter().map(|(tag, said)| CampaignFile::text(tag, said, known)).collect();
            match read {
                Ok(texts) => steps.push(Texts(texts)),
                Err(sentence) => return Ok(Some(format!("{}: {sentence}", shape.label))),
            }
        }
        let steps: Vec<&Texts> = steps.iter().collect();
        self.edit_default_texts(organization, &steps, reason, actor).await?;
        Ok(None)
    }
}
