//! The fields of a campaign's terms, and of what would be if something were otherwise.

use super::{Edited as Of, Field, Filled, Form, Name, Value, text};
use crate::domain::action::Version;
use crate::domain::campaign::{Failover, Steering};
use crate::domain::forecast::WhatIf;
use crate::domain::ids::{CampaignId, NumberId, PoolId};
use crate::domain::window::{Whose, Window};
use crate::store::view::{CampaignRow, CampaignStanding, NumberRow, NumberStanding, PoolRow};
use crate::tui::model::Model;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The policies, in the order in which they are offered.
const POLICIES: [(Failover, &str); 3] = [
    (Failover::Pool, "pool: the next of its numbers"),
    (Failover::Label, "label: one with the same label"),
    (Failover::Never, "never: waits for its number"),
];

/// The campaign whose terms are edited, and what its fields are judged by.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    id: CampaignId,
    /// Whether its people go by their own clocks.
    zoned: bool,
    pools: Vec<PoolRow>,
}

pub(super) fn choice(
    name: Name,
    label: &'static str,
    names: Vec<(Uuid, String)>,
    now: Uuid,
    note: &'static str,
) -> Field {
    let at = names.iter().position(|(id, _)| *id == now).unwrap_or(0);
    Field {
        name,
        label,
        value: Value::Choice { names, at },
        width: 30,
        note,
        shown: at.to_string(),
        altered: false,
    }
}

pub(super) fn several(name: Name, label: &'static str, names: Vec<(Uuid, String)>) -> Field {
    chosen_of(name, label, names, BTreeSet::new())
}

/// The same, some of which are chosen already.
pub(super) fn chosen_of(
    name: Name,
    label: &'static str,
    names: Vec<(Uuid, String)>,
    chosen: BTreeSet<usize>,
) -> Field {
    let at = chosen.first().copied().unwrap_or(0);
    let value = Value::Several { names, at, chosen };
    let shown = value.told();
    Field { name, label, value, width: 30, note: "arrows, Space", shown, altered: false }
}

pub(super) fn called(row: &NumberRow) -> (Uuid, String) {
    (row.id.0, format!("{} {}", row.name.as_str(), row.phone.masked()))
}

/// Daily limits, one after the other.
fn limits(text: &str) -> Option<Vec<u32>> {
    let limit = |word: &str| word.parse().ok().filter(|limit| (1..=10_000_000).contains(limit));
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(limit).collect()
}

impl Form {
    /// For a campaign: its place, caps, hours and numbers.
    pub fn edit_campaign(row: &CampaignRow, model: &Model) -> Self {
        let terms = &row.terms;
        let limit = terms.daily_limit.map(|limit| limit.to_string()).unwrap_or_default();
        let window = terms.window.map(|window| window.to_string()).unwrap_or_default();
        let pools = model.overview().map_or(Vec::new(), |overview| overview.pools.clone());
        let pool_names = pools.iter().map(|pool| (pool.id.0, pool.name.as_str().to_owned())).collect();
        let policies = POLICIES.iter().enumerate();
        let policies = policies.map(|(at, (_, name))| (Uuid::from_u128(at as u128), (*name).to_owned()));
        let policy = POLICIES.iter().position(|(policy, _)| *policy == terms.failover).unwrap_or(0);
        let mut numbers = vec![(Uuid::nil(), "all of its pool".to_owned())];
        numbers.extend(model.overview().into_iter().flat_map(|overview| &overview.numbers).map(called));
        let only = terms.only_number.map_or(Uuid::nil(), |number| number.0);
        let of = Edited { id: row.id, zoned: row.zoned, pools };
        let title = format!("Edit campaign  {}", row.name.as_str());
        Self {
            edits: Some((Of::Campaign(Box::new(of)), row.version, title)),
            fields: vec![
                text(Name::Priority, "Priority", &terms.priority.to_string(), 6, "lower goes first"),
                text(Name::Weight, "Weight", &terms.weight.to_string(), 6, "its share among equals"),
                text(Name::DailyLimit, "Daily limit", &limit, 9, "empty: none of its own"),
                choice(Name::Pool, "Pool", pool_names, terms.pool.0, "Space: next"),
                choice(
                    Name::Failover,
                    "Failover",
                    policies.collect(),
                    Uuid::from_u128(policy as u128),
                    "if one is refused",
                ),
                text(Name::Window, "Hours", &window, 30, "empty: any"),
                choice(Name::OnlyNumber, "Numbers", numbers, only, "or only this one"),
            ],
            ..Self::default()
        }
    }

    /// For what would be if numbers, limits or campaigns were otherwise than they are.
    pub fn what_if(row: &CampaignRow, now: &WhatIf, model: &Model) -> Self {
        let overview = model.overview();
        let in_service = |row: &&NumberRow| {
            !matches!(row.standing, NumberStanding::Disabled | NumberStanding::Suspended { .. })
        };
        let numbers = overview.into_iter().flat_map(|overview| &overview.numbers);
        let numbers: Vec<_> = numbers.filter(in_service).map(called).collect();
        let sends = |other: &&CampaignRow| {
            matches!(other.standing, CampaignStanding::Active | CampaignStanding::Scheduled)
                && other.id != row.id
        };
        let campaigns = overview.into_iter().flat_map(|overview| &overview.campaigns).filter(sends);
        let campaigns: Vec<_> = campaigns.map(|row| (row.id.0, row.name.as_str().to_owned())).collect();
        let add: Vec<String> = now.add.iter().map(ToString::to_string).collect();
        let limit = now.daily_limit.map(|limit| limit.to_string()).unwrap_or_default();
        let mut form = Self {
            edits: Some((Of::WhatIf, row.version, format!("What if  {}", row.name.as_str()))),
            fields: vec![
                several(Name::Suspend, "Suspend", numbers),
                text(Name::Add, "Add numbers", &add.join(" "), 30, "limits: 250 250"),
                text(Name::DailyLimit, "Daily limit", &limit, 9, "empty: as it is"),
                several(Name::Pause, "Pause", campaigns),
            ],
            ..Self::default()
        };
        form.mark(Name::Suspend, &now.suspend.iter().map(|number| number.0).collect::<Vec<_>>());
        form.mark(Name::Pause, &now.pause.iter().map(|campaign| campaign.0).collect::<Vec<_>>());
        form
    }

    fn mark(&mut self, name: Name, wanted: &[Uuid]) {
        let field = self.fields.iter_mut().find(|field| field.name == name);
        if let Some(Value::Several { names, at, chosen }) = field.map(|field| &mut field.value) {
            chosen.extend((0..names.len()).filter(|at| wanted.contains(&names[*at].0)));
            *at = chosen.first().copied().unwrap_or(0);
        }
    }

    fn chosen(&self, name: Name) -> Vec<Uuid> {
        match self.value_of(name) {
            Some(Value::Several { names, chosen, .. }) => chosen.iter().map(|at| names[*at].0).collect(),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a field that only these forms have.
    pub(super) fn campaign_fault(&self, name: Name) -> Option<String> {
        let text = self.text_of(name);
        let Some((Of::Campaign(of), ..)) = &self.edits else {
            return limits(text).is_none().then(|| "whole numbers from 1 to 10 000 000".to_owned());
        };
        match name {
            Name::Pool if of.pools.is_empty() => Some("there is none".to_owned()),
            Name::Window if !text.is_empty() => match text.parse::<Window>() {
                Err(why) => Some(why),
                Ok(window) if window.zone == Whose::Recipient && !of.zoned => {
                    Some("its people's clocks are unknown: clone it with such hours".to_owned())
                }
                Ok(_) => None,
            },
            Name::OnlyNumber => {
                let (only, _) = self.choice_of(name)?;
                let (pool, _) = self.choice_of(Name::Pool)?;
                let pool = of.pools.iter().find(|each| each.id.0 == *pool)?;
                let fits = only.is_nil() || pool.numbers.contains(&NumberId(*only));
                (!fits).then(|| "is not in that pool".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn read_campaign(&self, of: &Edited, version: Version) -> Result<Filled, ()> {
        let number = |name: Name| self.text_of(name).parse::<u32>().ok();
        let window = self.text_of(Name::Window);
        let chosen = |name: Name| self.choice_of(name).map(|(id, _)| *id).ok_or(());
        let policy = usize::try_from(chosen(Name::Failover)?.as_u128()).map_err(|_| ())?;
        let terms = Steering {
            priority: self.text_of(Name::Priority).parse().map_err(|_| ())?,
            weight: number(Name::Weight).ok_or(())?,
            daily_limit: number(Name::DailyLimit),
            pool: PoolId(chosen(Name::Pool)?),
            failover: POLICIES.get(policy).ok_or(())?.0,
            window: if window.is_empty() { None } else { Some(window.parse().map_err(|_| ())?) },
            only_number: Some(chosen(Name::OnlyNumber)?).filter(|id| !id.is_nil()).map(NumberId),
        };
        Ok(Filled::Campaign { id: of.id, version, terms })
    }

    pub(super) fn read_what_if(&self) -> WhatIf {
        WhatIf {
            suspend: self.chosen(Name::Suspend).into_iter().map(NumberId).collect(),
            add: limits(self.text_of(Name::Add)).unwrap_or_default(),
            daily_limit: self.text_of(Name::DailyLimit).parse().ok(),
            pause: self.chosen(Name::Pause).into_iter().map(CampaignId).collect(),
        }
    }
}
