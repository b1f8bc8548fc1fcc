//! Taking a decision of the audit log back: the opposite decision, on what is there now.

use super::{
    CampaignVerb, NumberValues, NumberVerb, Proposal, edit_campaign, edit_number, edit_settings,
    release_stop, restore_channel, restore_pool, stop_all,
};
use crate::domain::action::Action;
use crate::domain::ids::{CampaignId, ChannelId, NumberId, PoolId};
use crate::domain::number::NumberWords;
use crate::domain::opposite::{FormerNumber, Opposite};
use crate::store::view::{AuditDetail, AuditRow, NumberRow};
use crate::tui::keymap::Reason;
use crate::tui::model::Model;
use crate::tui::words;
use std::time::Duration;

/// How a decision is taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// What is proposed: it asks what that decision always asks.
    pub proposal: Proposal,
    /// Whether the operator's words are asked for first.
    pub wants_reason: bool,
}

/// The way back from a decision.
///
/// # Errors
/// Why there is none.
pub fn way_back(row: &AuditRow, detail: &AuditDetail, model: &Model) -> Result<Way, Reason> {
    let opposite = detail.opposite.as_ref().map_err(|why| Reason::Owned(why.to_string()))?;
    if let Some(later) = &detail.later {
        let at = words::clock(later.at, model.now.wall, model.session.zone);
        return Err(format!("{} decided about it since: {}, {at}", later.by, later.action).into());
    }
    let wants_reason = matches!(opposite, Opposite::SuspendNumber { .. } | Opposite::DisableNumber);
    let mut proposal = propose(row, opposite, model)?;
    // Who decides about it meanwhile decides anew: then this is no way back any more, and is not made again by itself.
    proposal.origin = None;
    let proposal = if wants_reason {
        proposal
    } else {
        proposal.because(&format!("takes back: {} by {}", row.action, row.by))
    };
    Ok(Way { proposal, wants_reason })
}

fn propose(row: &AuditRow, opposite: &Opposite, model: &Model) -> Result<Proposal, Reason> {
    let number = || model.number(NumberId(row.subject)).ok_or(Reason::Borrowed("this number is gone"));
    let campaign = || {
        model.campaign(CampaignId(row.subject)).ok_or(Reason::Borrowed("this campaign is not on the screen"))
    };
    match opposite {
        Opposite::SuspendNumber { until: Some(until) } if *until <= model.now.wall => {
            let at = words::clock(*until, model.now.wall, model.session.zone);
            Err(format!("it would have ended at {at}; x suspends it anew").into())
        }
        Opposite::SuspendNumber { until } => {
            let mut proposal = NumberVerb::Suspend.propose(&[number()?], model)?;
            for order in &mut proposal.orders {
                if let Action::SuspendNumber { until: ends, .. } = &mut order.action {
                    *ends = *until;
                }
            }
            Ok(proposal)
        }
        Opposite::ResumeNumber => NumberVerb::Resume.propose(&[number()?], model),
        Opposite::EnableNumber => NumberVerb::Enable.propose(&[number()?], model),
        Opposite::DisableNumber => NumberVerb::Disable.propose(&[number()?], model),
        Opposite::Number(former) => {
            let row = number()?;
            edit_number(row, &values(row, former), model)
        }
        Opposite::ResumeCampaign => CampaignVerb::Resume.propose(&[campaign()?], model),
        Opposite::PauseCampaign => CampaignVerb::Pause.propose(&[campaign()?], model),
        Opposite::Terms(former) => {
            let row = campaign()?;
            edit_campaign(row, former.terms(row.terms), model)
        }
        Opposite::Pool(former) => Ok(restore_pool(PoolId(row.subject), row.name.as_str(), former, model)),
        Opposite::Channel(former) => Ok(restore_channel(ChannelId(row.subject), row.name.as_str(), former)),
        Opposite::Settings(changes) => edit_settings(changes),
        Opposite::ReleaseStop => release_stop(model),
        Opposite::StopAll if model.overview().is_some_and(|overview| overview.stop.is_some()) => {
            Err("all sending is stopped already".into())
        }
        Opposite::StopAll => Ok(stop_all()),
    }
}

/// What of a number was otherwise, as it was.
fn values(row: &NumberRow, former: &FormerNumber) -> NumberValues {
    let costs = former.monthly_cost.is_some() || former.cost_currency.is_some();
    NumberValues {
        priority: former.priority,
        daily_limit: former.daily_limit,
        interval: former.interval_ms.map(|milliseconds| Duration::from_millis(u64::from(milliseconds))),
        per_second: former.per_second,
        in_flight: former.in_flight,
        words: NumberWords {
            name: former.name.clone(),
            notes: former.notes.clone(),
            label: former.label.clone(),
            monthly_cost: costs.then(|| former.cost(row.remarks.monthly_cost)),
            approval: former.approval,
        },
        setup: former.setup.clone(),
        ..NumberValues::default()
    }
}
