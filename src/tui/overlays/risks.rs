//! What is neither fixed nor accepted of campaigns that are about to start, as the question whether to start them tells
//! it. Nothing is refused for it.

use crate::domain::action::Action;
use crate::domain::ids::CampaignId;
use crate::domain::text::Shown;
use crate::store::view::FindingRow;
use crate::tui::backend::BackendError;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verbs::Proposal;
use crate::tui::words;

/// What is open, campaign by campaign.
#[derive(Debug, Clone, Default)]
pub struct Risks {
    /// Campaigns that are still to be asked about, the next one last.
    left: Vec<(CampaignId, Shown)>,
    /// The question under way.
    waiting: Option<u64>,
    /// Whether more than one campaign is to start: then each sentence names its own.
    several: bool,
    open: Vec<String>,
    /// Why the last question has no answer.
    error: Option<BackendError>,
}

impl Risks {
    /// Of the campaigns that would start; `None`: none would.
    pub fn of(proposal: &Proposal, model: &Model) -> Option<Self> {
        let started = proposal.orders.iter().rev().filter_map(|order| match &order.action {
            Action::StartCampaign(id) => Some(*id),
            _ => None,
        });
        let named = |id| (id, model.campaign(id).map_or_else(|| Shown::new(""), |row| row.name.clone()));
        let left: Vec<_> = started.map(named).collect();
        let several = left.len() > 1;
        (!left.is_empty()).then(|| Self { left, several, ..Self::default() })
    }

    /// The campaign to be asked about now, if there is one; then it waits for the answer to this question.
    pub fn wants(&mut self, request: u64) -> Option<CampaignId> {
        let (campaign, _) = self.left.last().filter(|_| self.waiting.is_none())?;
        self.waiting = Some(request);
        Some(*campaign)
    }

    /// The question did not get out: it will be asked again.
    pub fn not_asked(&mut self, request: u64) {
        self.waiting = self.waiting.filter(|asked| *asked != request);
    }

    /// Takes in an answer; whether it is the one that is waited for. What could not be read is told, and waited for no
    /// more.
    pub fn answer(&mut self, request: u64, answer: Result<&[FindingRow], BackendError>) -> bool {
        if self.waiting != Some(request) {
            return false;
        }
        self.waiting = None;
        let Some((_, name)) = self.left.pop() else { return false };
        match answer {
            Ok(rows) => {
                let open = rows.iter().filter(|row| row.risk && row.accepted.is_none());
                let name = if self.several { format!("{}: ", name.as_str()) } else { String::new() };
                self.open.extend(open.map(|row| format!("{name}{}", row.sentence.as_str())));
            }
            Err(error) => self.error = Some(error),
        }
        true
    }

    /// Whether the operator would answer before having read them.
    pub fn is_being_read(&self) -> bool {
        self.waiting.is_some()
    }

    /// How many there are, in one line.
    pub fn sum(&self) -> (String, Role) {
        let open = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        match (&self.error, self.is_being_read()) {
            (_, true) => ("reading ...".to_owned(), Role::Dim),
            (Some(error), false) => (format!("not all read: {error}"), Role::Warn),
            (None, false) if open == 0 => ("none is open".to_owned(), Role::Text),
            (None, false) => {
                (format!("{} neither fixed nor accepted; A shows all", words::grouped(open)), Role::Bad)
            }
        }
    }

    /// Each of them as a sentence.
    pub fn open(&self) -> &[String] {
        &self.open
    }
}
