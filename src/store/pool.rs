//! Pools: named sets of numbers and the rule that picks among them.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::{
    ids::{NumberId, OrganizationId, PoolId},
    phone::Phone,
};
use serde::Serialize;

/// A pool as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolRecord {
    /// Its id.
    pub id: PoolId,
    /// Its name.
    pub name: String,
    /// `priority`, `least_used` or `weighted`.
    pub strategy: String,
    /// Whether a recipient keeps the number of its first message.
    pub sticky: bool,
    /// The phones of its numbers.
    pub numbers: Vec<String>,
    /// The weight of each, in the same order: its share under `weighted`.
    pub weights: Vec<i32>,
    /// Campaigns that are not over and send through it.
    pub campaigns: i64,
    /// How often it has been changed.
    pub version: i64,
}

/// A change of a pool: only what is `Some` is touched.
#[derive(Debug, Clone, Default)]
pub struct PoolEdit<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// How it picks.
    pub strategy: Option<&'a str>,
    /// Whether a recipient keeps its number.
    pub sticky: Option<bool>,
    /// Numbers that come in.
    pub add: &'a [NumberId],
    /// Numbers that go out.
    pub remove: &'a [NumberId],
    /// Members that have another share from now on.
    pub weights: &'a [(NumberId, u32)],
}

impl PoolEdit<'_> {
    /// The members with another share, and the shares.
    fn shares(&self) -> (Vec<uuid::Uuid>, Vec<i32>) {
        let share =
            |(number, weight): &(NumberId, u32)| (number.0, i32::try_from(*weight).unwrap_or(i32::MAX));
        self.weights.iter().map(share).unzip()
    }
}

impl Store {
    /// All pools by name, or the one of this name.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn pools(
        &self,
        organization: OrganizationId,
        name: Option<&str>,
    ) -> Result<Vec<PoolRecord>, StoreError> {
        sqlx::query_as!(
            PoolRecord,
            r#"select p.id, p.name, p.strategy, p.sticky, p.revision as version,
                      array(select n.phone::text from pool_numbers m
                              join whatsapp_numbers n on n.organization_id = m.organization_id and n.id = m.number_id
                             where m.organization_id = p.organization_id and m.pool_id = p.id
                             order by n.priority, n.phone) as "numbers!",
                      array(select m.weight from pool_numbers m
                              join whatsapp_numbers n on n.organization_id = m.organization_id and n.id = m.number_id
                             where m.organization_id = p.organization_id and m.pool_id = p.id
                             order by n.priority, n.phone) as "weights!",
                      (select count(*) from campaigns c
                        where c.organization_id = p.organization_id and c.pool_id = p.id
                          and c.state not in ('completed', 'cancelled')) as "campaigns!"
                 from pools p
                where p.organization_id = $1 and ($2::text is null or p.name = $2)
                order by p.name"#,
            organization.0,
            name,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list pools"))
    }

    /// Adds a pool.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the name is taken.
    pub async fn add_pool(
        &self,
        organization: OrganizationId,
        name: &str,
        strategy: &str,
        sticky: bool,
        numbers: &[NumberId],
        actor: Actor<'_>,
    ) -> Result<PoolId, StoreError> {
        let id = PoolId::new();
        let numbers: Vec<uuid::Uuid> = numbers.iter().map(|number| number.0).collect();
        sqlx::query_scalar!(
            "with added as (
                 insert into pools (organization_id, id, name, strategy, sticky) values ($1, $2, $3, $4, $5) returning *
             ), filled as (
                 insert into pool_numbers (organization_id, pool_id, number_id)
                 select $1, a.id, n from added a, unnest($6::uuid[]) n
             )
             select record_decision($1, clock_timestamp(), $7, $8, 'add pool', 'pool', a.id, a.name, 'added', null,
                                    to_jsonb(a) || jsonb_build_object('numbers', $6::uuid[])) from added a",
            organization.0,
            id.0,
            name,
            strategy,
            sticky,
            &numbers,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("add the pool"))?;
        Ok(id)
    }

    /// Changes a pool and its members.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_pool(
        &self,
        organization: OrganizationId,
        pool: PoolId,
        edit: &PoolEdit<'_>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let ids = |numbers: &[NumberId]| numbers.iter().map(|number| number.0).collect::<Vec<uuid::Uuid>>();
        let (weighed, weights) = edit.shares();
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select * from pools where organization_id = $1 and id = $2 for update
               ), changed as (
                   update pools p
                      set name = coalesce($3, p.name), strategy = coalesce($4, p.strategy),
                          sticky = coalesce($5, p.sticky), revision = p.revision + 1
                     from locked l where p.organization_id = $1 and p.id = l.id
                   returning p.*
               ), weighed as (
                   update pool_numbers m set weight = w.weight
                     from changed c, unnest($11::uuid[], $12::integer[]) as w (number_id, weight)
                    where m.organization_id = $1 and m.pool_id = c.id and m.number_id = w.number_id
                      and m.weight <> w.weight
                   returning m.number_id, m.weight
               ), gone as (
                   delete from pool_numbers m using changed c
                    where m.organization_id = $1 and m.pool_id = c.id and m.number_id = any ($7)
                      and not m.number_id = any ($6)
                   returning m.number_id
               ), come as (
                   insert into pool_numbers (organization_id, pool_id, number_id, weight)
                   select $1, c.id, n.id, coalesce(w.weight, 1)
                     from changed c cross join unnest($6::uuid[]) as n (id)
                     left join unnest($11::uuid[], $12::integer[]) as w (number_id, weight) on w.number_id = n.id
                   on conflict on constraint number_is_in_a_pool_once do nothing
                   returning number_id
               )
               select count(record_decision($1, clock_timestamp(), $8, $9, 'edit pool', 'pool', c.id, c.name, $10,
                          to_jsonb(l) || jsonb_build_object('numbers_out', array(select number_id from gone)),
                          to_jsonb(c) || jsonb_build_object('numbers_in', array(select number_id from come),
                                                            'weights', (select jsonb_object_agg(number_id, weight) from weighed))))
                      as "count!"
                 from changed c, locked l"#,
            organization.0,
            pool.0,
            edit.name,
            edit.strategy,
            edit.sticky,
            &ids(edit.add),
            &ids(edit.remove),
            actor.operator,
            actor.instance_id(),
            reason,
            &weighed,
            &weights,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the pool"))?;
        Ok(changed > 0)
    }

    /// Removes a pool that no campaign names.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because campaigns send through it.
    pub async fn remove_pool(
        &self,
        organization: OrganizationId,
        pool: PoolId,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query_scalar!(
            r#"with removed as (
                   delete from pools where organization_id = $1 and id = $2 returning *
               )
               select count(record_decision($1, clock_timestamp(), $3, $4, 'remove pool', 'pool', r.id, r.name, $5,
                                            to_jsonb(r), null)) as "count!" from removed r"#,
            organization.0,
            pool.0,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("remove the pool"))?;
        Ok(removed > 0)
    }

    /// The ids of these phones' numbers, in their order; the first phone that is none, otherwise.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn number_ids(
        &self,
        organization: OrganizationId,
        phones: &[Phone],
    ) -> Result<Result<Vec<NumberId>, Phone>, StoreError> {
        let mut ids = Vec::with_capacity(phones.len());
        for phone in phones {
            let id = sqlx::query_scalar!(
                "select id from whatsapp_numbers where organization_id = $1 and phone = $2 and retired_at is null",
                organization.0,
                phone.reveal(),
            )
            .fetch_optional(&self.screen)
            .await
            .map_err(failed("look for a number"))?;
            match id {
                Some(id) => ids.push(NumberId(id)),
                None => return Ok(Err(phone.clone())),
            }
        }
        Ok(Ok(ids))
    }
}
