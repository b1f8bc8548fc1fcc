//! Operators: Postgres login roles and what they may do in an organisation.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::{
    ids::OrganizationId,
    right::{Right, Role},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// An operator as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorRecord {
    /// The Postgres role.
    pub role_name: String,
    /// `viewer`, `manager`, `service` or `admin`.
    pub role: String,
    /// Whether that role exists and may log in.
    pub may_log_in: bool,
    /// Since when it is an operator.
    pub created_at: DateTime<Utc>,
}

/// What the login role may do in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Its name.
    pub role: String,
    /// No policy binds it: it owns the tables, or is a superuser.
    pub is_owner: bool,
    /// The organisations that it is an operator of, by slug, and as what.
    pub seats: Vec<(String, String)>,
}

/// What the login role is in one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The login role's name.
    pub login: String,
    /// The organisation's short name.
    pub slug: String,
    /// As what it is an operator there; `None`: it is none, and sees the organisation by another right.
    pub role: Option<Role>,
    /// No policy binds it.
    pub is_owner: bool,
}

impl Standing {
    /// Why it may not do what takes this right; `None`: it may. The database has the last word.
    #[must_use]
    pub fn refusal(&self, right: Right) -> Option<String> {
        let role = self.role.filter(|role| !self.is_owner && !role.may(right))?;
        let Self { login, slug, .. } = self;
        let needed = if right == Right::Administers { Role::Admin } else { Role::Manager };
        Some(if role == Role::Viewer {
            format!(
                "{login} is only a viewer of {slug}: it may look, and change nothing; an admin gives it more with signalbox operator edit {login} --role {needed}"
            )
        } else {
            format!(
                "only an admin of {slug} may do this, and {login} is its {role}; signalbox operator list shows who is what"
            )
        })
    }
}

impl Store {
    /// What the login role is in an organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn standing(&self, organization: OrganizationId) -> Result<Standing, StoreError> {
        const DOING: &str = "ask what the login role may do";
        let row = sqlx::query!(
            r#"select o.slug, session_user::text as "login!", login_is_owner() as "is_owner!", p.role::text as role
                 from organizations o
                 left join operators p on p.organization_id = o.id and p.role_name = session_user
                where o.id = $1"#,
            organization.0,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        let role = row.role.map(|role| role.parse());
        let role =
            role.transpose().map_err(|_error| StoreError::Unreadable { doing: DOING, what: "role" })?;
        Ok(Standing { login: row.login, slug: row.slug, role, is_owner: row.is_owner })
    }

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

    /// What the login role may do in this database.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn rights(&self) -> Result<Rights, StoreError> {
        const DOING: &str = "ask what the login role may do";
        let role = self.login_role().await?;
        let is_owner = sqlx::query_scalar!(r#"select login_is_owner() as "owner!""#)
            .fetch_one(&self.screen)
            .await
            .map_err(failed(DOING))?;
        let seats = sqlx::query!(
            r#"select o.slug, p.role::text as "role!" from operators p join organizations o on o.id = p.organization_id
                where p.role_name = session_user order by o.slug"#
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed(DOING))?;
        let seats = seats.into_iter().map(|seat| (seat.slug, seat.role)).collect();
        Ok(Rights { role, is_owner, seats })
    }

    /// Whether the server has a role of this name already.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn login_role_exists(&self, role_name: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"select exists (select from pg_roles where rolname = $1) as "exists!""#,
            role_name
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("look for the login role"))
    }

    /// Makes a role an operator, with its grants, and makes the login role where there is none. Answers whether it made one.
    /// `verifier` is what the database keeps of the password, never the password itself.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because this role may not decide about operators.
    pub async fn add_operator(
        &self,
        organization: OrganizationId,
        role_name: &str,
        role: &str,
        verifier: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"select add_operator($1, $2, $3::text::operator_role, $4, $5, $6) as "made!""#,
            organization.0,
            role_name,
            role,
            verifier,
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
        sqlx::query_scalar!(
            r#"select edit_operator($1, $2, $3::text::operator_role, $4, $5, $6) as "changed!""#,
            organization.0,
            role_name,
            role,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("edit the operator"))
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
        sqlx::query_scalar!(
            r#"select remove_operator($1, $2, $3, $4, $5) as "removed!""#,
            organization.0,
            role_name,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("remove the operator"))
    }

    /// Gives every operator the grants that its memberships need, on new tables too. The owner's, after migrating.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn grant_operators(&self) -> Result<(), StoreError> {
        sqlx::query!("select grant_operators()")
            .execute(&self.screen)
            .await
            .map(|_done| ())
            .map_err(failed("give operators their rights"))
    }

    /// Makes a role an admin of every organisation, and makes the role where there is none. The owner's, on a local cluster.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn seat_everywhere(&self, role_name: &str) -> Result<(), StoreError> {
        sqlx::query!("select seat_everywhere($1)", role_name)
            .execute(&self.screen)
            .await
            .map(|_done| ())
            .map_err(failed("make the local operator"))
    }
}
