//! The fields of a pool, new or edited.

use super::campaign::{choice, several};
use super::{Edited as Of, Filled, Form, Name, Value, text};
use crate::domain::action::Version;
use crate::domain::ids::NumberId;
use crate::domain::pool::{NewPool, PoolChange};
use crate::domain::selection::Strategy;
use crate::store::view::PoolView;
use crate::tui::model::Model;
use uuid::Uuid;

/// The strategies, in the order in which they are offered.
const STRATEGIES: [(Strategy, &str); 3] = [
    (Strategy::Priority, "priority: first, then backups"),
    (Strategy::LeastUsed, "least_used: of its limit"),
    (Strategy::Weighted, "weighted: by shares"),
];

/// Ids of what is chosen by its place.
fn places<const N: usize>(names: [&'static str; N]) -> Vec<(Uuid, String)> {
    names.iter().enumerate().map(|(at, name)| (Uuid::from_u128(at as u128), (*name).to_owned())).collect()
}

fn fields(name: &str, strategy: Strategy, sticky: bool) -> Vec<super::Field> {
    let at = STRATEGIES.iter().position(|(each, _)| *each == strategy).unwrap_or(0);
    let now = Uuid::from_u128(at as u128);
    let sticky = Uuid::from_u128(u128::from(!sticky));
    let strategies = places(STRATEGIES.map(|(_, name)| name));
    vec![
        text(Name::Called, "Name", name, 30, ""),
        choice(Name::Strategy, "Picks by", strategies, now, "Space: next"),
        choice(
            Name::Sticky,
            "Sticky",
            places(["yes: keep the first number", "no"]),
            sticky,
            "a recipient's number",
        ),
    ]
}

impl Form {
    /// For a new pool.
    pub fn new_pool(model: &Model) -> Self {
        let numbers = model.overview().into_iter().flat_map(|overview| &overview.numbers);
        let numbers = numbers.map(super::campaign::called).collect();
        let mut all = fields("", Strategy::default(), true);
        all.push(several(Name::Members, "Numbers", numbers));
        Self { edits: Some((Of::NewPool, Version(0), "New pool".to_owned())), fields: all, ..Self::default() }
    }

    /// For a pool that exists: its numbers are changed in the list.
    pub fn edit_pool(pool: &PoolView) -> Self {
        let title = format!("Edit pool  {}", pool.name.as_str());
        Self {
            edits: Some((Of::Pool(Box::new(pool.clone())), pool.version, title)),
            fields: fields(pool.name.as_str(), pool.strategy, pool.sticky),
            ..Self::default()
        }
    }

    fn place_of(&self, name: Name) -> Result<usize, ()> {
        let (place, _) = self.choice_of(name).ok_or(())?;
        usize::try_from(place.as_u128()).map_err(|_| ())
    }

    fn strategy(&self) -> Result<Strategy, ()> {
        STRATEGIES.get(self.place_of(Name::Strategy)?).map(|(strategy, _)| *strategy).ok_or(())
    }

    pub(super) fn read_new_pool(&self) -> Result<Filled, ()> {
        let numbers = match self.value_of(Name::Members) {
            Some(Value::Several { names, chosen, .. }) => {
                chosen.iter().filter_map(|at| names.get(*at)).map(|(id, _)| NumberId(*id)).collect()
            }
            _ => Vec::new(),
        };
        Ok(Filled::NewPool(NewPool {
            name: self.text_of(Name::Called).to_owned(),
            strategy: self.strategy()?,
            sticky: self.place_of(Name::Sticky)? == 0,
            numbers,
        }))
    }

    /// What was edited of a pool, and nothing else.
    pub(super) fn read_pool(&self, pool: &PoolView) -> Result<Filled, ()> {
        let sticky = self.place_of(Name::Sticky)? == 0;
        let change = PoolChange {
            name: self.edited(Name::Called).map(str::to_owned),
            strategy: Some(self.strategy()?).filter(|strategy| *strategy != pool.strategy),
            sticky: Some(sticky).filter(|sticky| *sticky != pool.sticky),
            ..PoolChange::default()
        };
        Ok(Filled::Pool { pool: Box::new(pool.clone()), change })
    }
}
