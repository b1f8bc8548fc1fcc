//! Pools: named sets of numbers and the rule that picks among them.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    action::{Action, Order, Version},
    ids::{NumberId, OrganizationId, PoolId},
    opposite::former_pool,
    phone::Phone,
    pool::PoolChange,
};
use serde::Serialize;
use serde_json::{Value, json};

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

/// The change as the database reads it.
fn columns(change: &PoolChange) -> Value {
    let put: Vec<Value> =
        change.put.iter().map(|(number, weight)| json!({ "number": number.0, "weight": weight })).collect();
    let drop: Vec<uuid::Uuid> = change.drop.iter().map(|number| number.0).collect();
    json!({ "name": change.name, "strategy": change.strategy, "sticky": change.sticky, "put": put, "drop": drop })
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

    /// Changes a pool and its members; with `expected`, only if nobody else has since.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_pool(
        &self,
        organization: OrganizationId,
        pool: PoolId,
        change: &PoolChange,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let change = columns(change);
        self.change_pool(organization, pool, "edit pool", expected, &change, reason, actor).await
    }

    /// Removes a pool that no campaign names.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because campaigns send through it.
    pub async fn remove_pool(
        &self,
        organization: OrganizationId,
        pool: PoolId,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        self.change_pool(organization, pool, "remove pool", expected, &json!({}), reason, actor).await
    }

    #[expect(clippy::too_many_arguments, reason = "they are those of the statement")]
    async fn change_pool(
        &self,
        organization: OrganizationId,
        pool: PoolId,
        action: &'static str,
        expected: Option<Version>,
        change: &Value,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "change the pool";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_pool($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            pool.0,
            action,
            expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            reason,
            change,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such pool any more",
            |_, found| found.to_owned(),
            |before| {
                let former = former_pool(before.as_object()?).ok().filter(|_| action == "edit pool")?;
                Some(Action::EditPool { pool, change: former })
            },
        )
    }

    /// What an order about a pool comes to.
    pub(super) async fn act_on_pool(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let reason = order.reason.as_deref();
        match &order.action {
            Action::AddPool(new) => {
                let (name, strategy) = (new.name.as_str(), new.strategy.name());
                self.add_pool(organization, name, strategy, new.sticky, &new.numbers, actor).await?;
                Ok(ActionResult::DONE)
            }
            Action::EditPool { pool, change } => {
                self.edit_pool(organization, *pool, change, order.expected, reason, actor).await
            }
            Action::RemovePool(pool) => {
                self.remove_pool(organization, *pool, order.expected, reason, actor).await
            }
            _ => Err(StoreError::Unreadable { doing: "change the pool", what: "order" }),
        }
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
