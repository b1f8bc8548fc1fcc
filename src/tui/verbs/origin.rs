//! How a proposal came about, so that it can be made again from the rows as they are now: another value may make a change
//! that was harmless a raise, and then it asks what a raise asks.

use super::{
    CampaignVerb, NumberValues, NumberVerb, Proposal, RecipientVerb, ThreadVerb, edit_campaign, edit_many,
    edit_number, saying, settle,
};
use crate::domain::action::{Action, Verdict};
use crate::domain::campaign::Steering;
use crate::domain::ids::{AttemptId, CampaignId, ConversationId, NumberId, RecipientId};
use crate::tui::keymap::Reason;
use crate::tui::lists::PagedList;
use crate::tui::lists::paged::Placed;
use crate::tui::model::Model;

/// What was asked for, and about which rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Something to be done to these numbers.
    Numbers(NumberVerb, Vec<NumberId>),
    /// The filled-in form of a number.
    Number(NumberId, Box<NumberValues>),
    /// The filled-in form of several.
    Several(Vec<NumberId>, Box<NumberValues>),
    /// Something to be done to these campaigns.
    Campaigns(CampaignVerb, Vec<CampaignId>),
    /// The filled-in form of a campaign.
    Terms(CampaignId, Box<Steering>),
    /// Something to be done to these recipients.
    Recipients(RecipientVerb, Vec<RecipientId>),
    /// Something to be done to these threads.
    Threads(ThreadVerb, Vec<ConversationId>),
    /// A verdict on an attempt in doubt.
    Attempt(AttemptId, Verdict),
}

impl Origin {
    fn propose(&self, model: &Model) -> Result<Proposal, Reason> {
        let numbers = |ids: &[NumberId]| ids.iter().filter_map(|id| model.number(*id)).collect::<Vec<_>>();
        let gone = "it is not there any more";
        match self {
            Self::Numbers(verb, ids) => verb.propose(&numbers(ids), model),
            Self::Number(id, values) => edit_number(model.number(*id).ok_or(gone)?, values, model),
            Self::Several(ids, values) => edit_many(&numbers(ids), values, model),
            Self::Campaigns(verb, ids) => {
                let rows: Vec<_> = ids.iter().filter_map(|id| model.campaign(*id)).collect();
                verb.propose(&rows, model)
            }
            Self::Terms(id, terms) => edit_campaign(model.campaign(*id).ok_or(gone)?, **terms, model),
            Self::Recipients(verb, ids) => verb.propose(&at_hand(&model.recipients.list, ids)),
            Self::Threads(verb, ids) => verb.propose(&at_hand(&model.replies.list, ids), model),
            Self::Attempt(id, verdict) => {
                let rows = at_hand(&model.doubts, &[*id]);
                Ok(settle(rows.first().ok_or(gone)?, *verdict, model))
            }
        }
    }
}

/// Those of these rows that are still there.
fn at_hand<'a, R: Placed>(list: &'a PagedList<R>, ids: &[R::Id]) -> Vec<&'a R> {
    list.present().filter(|row| ids.contains(&row.id())).collect()
}

impl Proposal {
    /// The same, made from the rows as they are now and with the operator's own words: how dangerous it is, what it shows
    /// and what has to be typed may be otherwise.
    ///
    /// # Errors
    /// Why there is nothing to propose any more.
    pub fn again(&self, model: &Model) -> Result<Self, Reason> {
        let origin = self.origin.as_ref().ok_or("it changed meanwhile; ask for it again")?;
        let mut anew = origin.propose(model)?;
        if let Some(reason) = self.orders.iter().find_map(|order| order.reason.as_deref()) {
            anew = anew.because(reason);
        }
        let said = self.orders.iter().find_map(|order| match &order.action {
            Action::Answer { text, .. } => Some(text),
            _ => None,
        });
        Ok(match said {
            Some(text) => saying(anew, text, model.theme.ascii),
            None => anew,
        })
    }

    /// Whether this asks less, or something else, than `other` does.
    pub fn asks_otherwise(&self, other: &Self) -> bool {
        (self.danger, &self.typed) != (other.danger, &other.typed)
    }
}
