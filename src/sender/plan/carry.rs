//! Which numbers cannot send what a campaign carries. They take no part in it, and `why` says so.

use crate::domain::{
    content::{
        ability::{self, Cannot},
        registry::Registry,
    },
    hold::Hold,
    ids::{CampaignId, NumberId},
    number::ProviderKind,
};
use crate::store::snapshot::{CampaignView, NumberView, PoolView, Snapshot};
use std::fmt;

/// A number that cannot send a step of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unable {
    /// Which one.
    pub number: NumberId,
    /// Its account's name.
    pub account: String,
    /// Its provider.
    pub provider: ProviderKind,
    /// The first step that it cannot send.
    pub step: i16,
    /// Why.
    pub why: Cannot,
}

impl Unable {
    /// As a hold, for whoever asks about this number alone.
    #[must_use]
    pub fn hold(&self) -> Hold {
        Hold::Unsendable { reason: self.to_string() }
    }
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ability::sentence(self.step, self.provider, &self.account, &self.why))
    }
}

/// Those numbers of the campaign's pool, and the organisation's default number at its place, that cannot send it.
#[must_use]
pub fn unable(
    snapshot: &Snapshot,
    campaign: &CampaignView,
    pool: Option<&PoolView>,
    default: Option<usize>,
) -> Vec<Unable> {
    // Text is for everybody: most campaigns are done here.
    if campaign.shapes.is_empty() {
        return Vec::new();
    }
    let default = default.map(|place| snapshot.numbers[place].number.id);
    let members = |number: &NumberId| {
        default == Some(*number) || pool.is_some_and(|pool| pool.numbers.contains(number))
    };
    let concerned = snapshot.numbers.iter().filter(|view| members(&view.number.id));
    concerned.filter_map(|view| judge(snapshot, campaign, view)).collect()
}

fn judge(snapshot: &Snapshot, campaign: &CampaignView, view: &NumberView) -> Option<Unable> {
    let account = snapshot.accounts.iter().find(|account| account.id == view.number.account);
    let nothing_known = Registry::default();
    let registry = account.map_or(&nothing_known, |account| &account.templates);
    let steps = campaign.shapes.iter().map(|step| (step.step, &step.shape));
    let (step, why) = ability::first_unable(view.number.provider, steps, registry)?;
    Some(Unable {
        number: view.number.id,
        account: view.account_name.clone(),
        provider: view.number.provider,
        step,
        why,
    })
}

/// One sentence for all of them: numbers of one account have one reason.
#[must_use]
pub fn sentence(unable: &[Unable]) -> String {
    ability::sentences(unable.iter().map(ToString::to_string))
}

/// Campaigns that have work bound to numbers which cannot send it: `(campaign, numbers)`. One that never switches keeps it.
#[must_use]
pub fn stuck(snapshot: &Snapshot) -> Vec<(CampaignId, Vec<NumberId>)> {
    let pool_of = |campaign: &CampaignView| snapshot.pools.iter().find(|pool| pool.id == campaign.pool);
    snapshot
        .campaigns
        .iter()
        .filter(|campaign| {
            !campaign.shapes.is_empty() && !campaign.never_switch() && campaign.next_due.is_some()
        })
        .filter_map(|campaign| {
            let unable = unable(snapshot, campaign, pool_of(campaign), None);
            (!unable.is_empty()).then(|| (campaign.id, unable.iter().map(|each| each.number).collect()))
        })
        .collect()
}
