//! Pools: as far as a picture needs them, who is in them and what that adds up to; and all of them, to be changed.

use super::estimate::Room;
use super::holds::{NumberFacts, PoolFacts, Scene};
use super::{ReadError, Seat, count, many};
use crate::domain::action::Version;
use crate::domain::ids::{AccountId, NumberId, PoolId};
use crate::domain::selection::Strategy;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{PoolMember, PoolRow, PoolView};
use crate::store::{Store, StoreError, failed};
use std::collections::HashMap;

/// A pool as it was read.
pub(super) struct PoolRead {
    pub id: PoolId,
    pub name: Safe,
    pub version: Version,
    pub strategy: Strategy,
    /// Its numbers.
    pub in_it: Vec<NumberId>,
    /// Its numbers, or the organisation's default number where it has none.
    pub numbers: Vec<NumberId>,
    /// The organisation's default number.
    pub default: Option<NumberId>,
}

impl PoolRead {
    /// What bears on the campaigns that send through it.
    pub fn facts(&self, scene: &Scene, numbers: &HashMap<NumberId, NumberFacts>) -> PoolFacts {
        let default = self.default.and_then(|id| numbers.get(&id));
        PoolFacts::of(scene, &self.name, self.strategy, self.members(numbers), default)
    }

    /// What its numbers may still send, all together and no more than their accounts allow; one without a limit makes the whole
    /// unlimited. An account whose people count for 24 hours has room for as many on each day.
    pub fn room(&self, numbers: &HashMap<NumberId, NumberFacts>) -> Room {
        let mut by_account: HashMap<AccountId, (Room, Room)> = HashMap::new();
        for number in self.members(numbers) {
            let own = Room::of(number.daily_limit, number.used_today);
            let cap = number.account.map_or_else(Room::default, |cap| Room::of(Some(cap.limit), cap.used));
            by_account
                .entry(number.counted_by)
                .and_modify(|(all, _)| *all = all.beside(own))
                .or_insert((own, cap));
        }
        by_account.into_values().map(|(all, cap)| all.and(cap)).reduce(Room::beside).unwrap_or_default()
    }

    /// As a form needs it.
    pub fn row(&self) -> PoolRow {
        let mut numbers = self.numbers.clone();
        numbers.extend(self.default.filter(|default| !numbers.contains(default)));
        let name = Shown::new(&self.name);
        PoolRow { id: self.id, name, version: self.version, members: self.in_it.clone(), numbers }
    }

    fn members<'a>(
        &'a self,
        numbers: &'a HashMap<NumberId, NumberFacts>,
    ) -> impl Iterator<Item = &'a NumberFacts> {
        self.numbers.iter().filter_map(|id| numbers.get(id))
    }
}

impl Store {
    /// All pools, or one.
    pub(super) async fn read_pools(
        &self,
        seat: &Seat,
        only: Option<PoolId>,
    ) -> Result<Vec<PoolRead>, StoreError> {
        let rows = sqlx::query!(
            r#"select p.id, p.name, p.strategy, p.revision, o.default_number_id,
                      array(select m.number_id from pool_numbers m
                             where m.organization_id = p.organization_id and m.pool_id = p.id) as "numbers!"
                 from pools p join organizations o on o.id = p.organization_id
                where p.organization_id = $1 and ($2::uuid is null or p.id = $2)
                order by p.name limit 2000"#,
            seat.organization.0,
            only.map(|pool| pool.0),
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed("read the pools"))?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let in_it: Vec<NumberId> = row.numbers.into_iter().map(NumberId).collect();
                let mut numbers = in_it.clone();
                let default = row.default_number_id.map(NumberId);
                if numbers.is_empty() {
                    numbers.extend(default);
                }
                PoolRead {
                    id: PoolId(row.id),
                    name: row.name.into(),
                    version: Version(row.revision),
                    in_it,
                    strategy: row.strategy.parse().unwrap_or_default(),
                    numbers,
                    default,
                }
            })
            .collect())
    }

    /// All pools by name, each with its numbers by priority and how many campaigns go by it.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn pool_views(&self, seat: &Seat) -> Result<Vec<PoolView>, ReadError> {
        let rows = sqlx::query!(
            r#"select p.id, p.name, p.strategy, p.sticky, p.revision, o.default_number_id, m.numbers as "numbers!",
                      m.weights as "weights!", c.named as "named!", c.going as "going!"
                 from pools p join organizations o on o.id = p.organization_id
                cross join lateral (
                      select coalesce(array_agg(n.id order by n.priority, n.phone), '{}') as numbers,
                             coalesce(array_agg(m.weight order by n.priority, n.phone), '{}') as weights
                        from pool_numbers m
                        join whatsapp_numbers n on n.organization_id = m.organization_id and n.id = m.number_id
                       where m.organization_id = p.organization_id and m.pool_id = p.id) m
                cross join lateral (
                      select count(*) as named,
                             count(*) filter (where c.state not in ('completed', 'cancelled')) as going
                        from campaigns c where c.organization_id = p.organization_id and c.pool_id = p.id) c
                where p.organization_id = $1 order by p.name, p.id limit 2000"#,
            seat.organization.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed("read the pools"))?;
        let pools = rows.into_iter().map(|row| PoolView {
            id: PoolId(row.id),
            version: Version(row.revision),
            name: Shown::new(&row.name),
            strategy: row.strategy.parse().unwrap_or_default(),
            sticky: row.sticky,
            members: row
                .numbers
                .into_iter()
                .zip(row.weights)
                .map(|(number, weight)| PoolMember { number: NumberId(number), weight: count(weight) })
                .collect(),
            default: row.default_number_id.map(NumberId),
            campaigns: many(row.going),
            named: many(row.named),
        });
        Ok(pools.collect())
    }
}
