//! Operators: Postgres login roles and what they may do in an organisation.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::ids::OrganizationId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// An operator as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorRecord {
    /// The Postgres role.
    pub role_name: String,
    /// `viewer`, `manager` or `admin`.
    pub role: String,
    /// Whether that role exists and may log in.
    pub may_log_in: bool,
    /// Since when it is an operator.
    pub created_at: DateTime<Utc>,
}

impl Store {
    /// The Postgres role that this program is logged in as.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn login_role(&self) -> Result<String, StoreError> {
        sqlx::query_scalar!(r#"select session_user::text as "role!""#)
            .fetch_one(&self.screen)
            .await
            .map_err(failed("ask who is logged in"))
    }

    /// The settings that decide whether a commit survives a power cut, and their values.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn durability(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            r#"select name as "name!", setting as "setting!" from pg_settings
                where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name"#
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read the server's settings"))?;
        Ok(rows.into_iter().map(|row| (row.name, row.setting)).collect())
    }

    /// The operators of an organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn operators(&self, organization: OrganizationId) -> Result<Vec<OperatorRecord>, StoreError> {
        sqlx::query_as!(
            OperatorRecord,
            r#"select o.role_name, o.role::text as "role!", coalesce(r.rolcanlogin, false) as "may_log_in!", o.created_at
                 from operators o left join pg_roles r on r.rolname = o.role_name
                where o.organization_id = $1 order by o.role_name"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list operators"))
    }

    /// Makes a role an operator and makes the login role where there is none. Answers whether it made one.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because this role may not make others.
    pub async fn add_operator(
        &self,
        organization: OrganizationId,
        role_name: &str,
        role: &str,
        password: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"select add_operator($1, $2, $3::text::operator_role, $4, $5, $6) as "made!""#,
            organization.0,
            role_name,
            role,
            password,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("add the operator"))
    }

    /// Gives an operator another role. `false`: it is no operator.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_operator(
        &self,
        organization: OrganizationId,
        role_name: &str,
        role: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let changed = sqlx::query_scalar!(
            r#"with locked as materialized (
                   select * from operators where organization_id = $1 and role_name = $2 for update
               ), changed as (
                   update operators o set role = $3::text::operator_role
                     from locked l where o.organization_id = $1 and o.role_name = l.role_name returning o.*
               )
               select count(record_decision($1, clock_timestamp(), $4, $5, 'edit operator', 'operator', $1, c.role_name,
                                            $6, to_jsonb(l), to_jsonb(c))) as "count!" from changed c, locked l"#,
            organization.0,
            role_name,
            role,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the operator"))?;
        Ok(changed > 0)
    }

    /// Takes an operator's rights in the organisation. The login role stays: it may have others.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn remove_operator(
        &self,
        organization: OrganizationId,
        role_name: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query_scalar!(
            r#"with removed as (
                   delete from operators where organization_id = $1 and role_name = $2 returning *
               )
               select count(record_decision($1, clock_timestamp(), $3, $4, 'remove operator', 'operator', $1, r.role_name,
                                            $5, to_jsonb(r), null)) as "count!" from removed r"#,
            organization.0,
            role_name,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("remove the operator"))?;
        Ok(removed > 0)
    }
}
