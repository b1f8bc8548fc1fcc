//! Where a form begins: empty, at a file, or at the file of a campaign.

use super::{Mode, Page, Step, Wizard};
use crate::domain::campaign::draft::{Draft, DraftStep, Key};
use crate::domain::ids::CampaignId;
use crate::domain::text::Safe;
use crate::tui::widgets::input::Input;
use chrono_tz::Tz;

/// Where a form begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// At a file of this name.
    File(String),
    /// At the file of a campaign, to make another one like it.
    Like(CampaignId, Safe),
    /// At the file of a campaign, to change what it still has to say.
    Edit(CampaignId, Safe),
}

/// Said of a file that the form would change by holding it.
const NOT_AS_IT_IS: &str =
    "a text of it is longer than the form takes, or holds what the screen cannot show: edit the file";

impl Wizard {
    /// A form that says what a file says. Where it is the file of a campaign, another one like it gets a name that is
    /// still to be chosen.
    ///
    /// # Errors
    /// A sentence, where the form could not say the same.
    pub fn begun_with(source: &str, origin: &Origin, zone: Tz) -> Result<Self, String> {
        let mut draft = Draft::read(source)?;
        let mut wizard = Self::new(zone);
        if let Origin::Like(..) = origin {
            draft.values.remove(&Key::Name);
        }
        for (page, values) in Page::ALL.iter().zip(&mut wizard.values) {
            for (ask, value) in page.asks().iter().zip(values) {
                value.fill(ask, draft.values.get(&ask.key).map_or("", String::as_str));
            }
        }
        if draft.steps.is_empty() {
            draft.steps.push(DraftStep::default());
        }
        wizard.steps = draft.steps.iter().map(Step::of).collect();
        wizard.judge();
        if wizard.source != draft.to_toml() {
            return Err(NOT_AS_IT_IS.to_owned());
        }
        wizard.base = Some(source.to_owned());
        wizard.judge();
        wizard.saved.clone_from(&wizard.source);
        match origin {
            Origin::File(_) => {}
            Origin::Like(id, _) => wizard.like = Some(*id),
            Origin::Edit(id, name) => wizard.edits = Some((*id, name.clone())),
        }
        Ok(wizard)
    }

    /// The name of the campaign that it changes.
    pub fn edited(&self) -> Option<&Safe> {
        self.edits.as_ref().map(|(_, name)| name)
    }

    /// Asks which file is to be opened.
    pub fn open(&mut self) {
        if matches!(self.mode, Mode::Editing) && self.edits.is_none() {
            self.mode = Mode::Opening(Input::default());
        }
    }

    /// Whether it asks which file to open.
    pub fn is_opening(&self) -> bool {
        matches!(self.mode, Mode::Opening(_))
    }
}
