//! Keys of other programs, and the requests that named themselves.

use super::{Store, StoreError, action::Actor, failed};
use crate::domain::{
    ids::{ApiKeyId, OrganizationId},
    right::Role,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyRecord {
    /// Its id.
    pub id: ApiKeyId,
    /// What operators call it.
    pub name: String,
    /// The operator whose rights it has.
    pub operator: String,
    /// What that operator is.
    pub role: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// By whom.
    pub made_by: String,
    /// When it was shown last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it opens nothing.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
}

/// Who shows a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The key.
    pub key: ApiKeyId,
    /// What operators call it.
    pub name: String,
    /// The operator's login role.
    pub operator: String,
    /// What the operator may do now.
    pub role: Role,
    /// Who made the key.
    pub made_by: String,
}

/// A new key.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// The operator whose rights it has.
    pub operator: &'a str,
    /// What operators call it.
    pub name: &'a str,
    /// What it is known by.
    pub digest: [u8; 32],
}

/// What became of revoking a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// It opens nothing any more.
    Done,
    /// It opened nothing before.
    Already,
    /// There is none of that name.
    Missing,
}

/// A request that named itself.
#[derive(Debug, Clone, Copy)]
pub struct NamedRequest<'a> {
    /// Under which key.
    pub key: ApiKeyId,
    /// The digest of its name.
    pub name: &'a [u8; 32],
    /// The digest of what it asks.
    pub fingerprint: &'a [u8; 32],
}

/// What is to be done about a request that named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Carry it out.
    CarryOut,
    /// Somebody is carrying it out.
    Running,
    /// Something else was asked under this name.
    Differs,
    /// It was begun, and nobody knows what became of it.
    Lost,
    /// It was answered: status and body.
    Answered(u16, String),
}

/// What became of a request that named itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became<'a> {
    /// It was carried out, and answered with this status and body.
    Answered(u16, &'a str),
    /// It changed nothing, and may be asked again under this name.
    NotDone,
    /// Nobody knows whether it changed anything.
    Unknown,
}

impl Store {
    /// Makes a key. `false`: there is no such operator.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because this role may not make keys of that operator.
    pub async fn add_api_key(
        &self,
        organization: OrganizationId,
        new: &NewApiKey<'_>,
        actor: Actor<'_>,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"select add_api_key($1, $2, $3, $4, $5, $6, $7) as "made!""#,
            organization.0,
            new.id.0,
            new.operator,
            new.name,
            &new.digest[..],
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("make the key"))
    }

    /// The keys of an organisation, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn api_keys(&self, organization: OrganizationId) -> Result<Vec<ApiKeyRecord>, StoreError> {
        sqlx::query_as!(
            ApiKeyRecord,
            r#"select k.id, k.name, k.role_name as operator, o.role::text as "role!", k.made_at, k.made_by, k.last_used_at,
                      k.revoked_at, k.revoked_by
                 from api_keys k
                 join operators o on o.organization_id = k.organization_id and o.role_name = k.role_name
                where k.organization_id = $1 order by k.revoked_at is not null, k.id desc"#,
            organization.0,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list keys"))
    }

    /// Lets a key, by its name or id, open nothing more.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn revoke_api_key(
        &self,
        organization: OrganizationId,
        name: &str,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<Revoked, StoreError> {
        const DOING: &str = "revoke the key";
        let became = sqlx::query_scalar!(
            r#"select revoke_api_key($1, $2, $3, $4, $5) as "became!""#,
            organization.0,
            name,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        match became.as_str() {
            "done" => Ok(Revoked::Done),
            "already" => Ok(Revoked::Already),
            "missing" => Ok(Revoked::Missing),
            _ => Err(StoreError::Unreadable { doing: DOING, what: "answer" }),
        }
    }

    /// Who shows the key of this digest; `None`: it opens nothing here.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn holder_of_key(
        &self,
        organization: OrganizationId,
        digest: &[u8; 32],
    ) -> Result<Option<Holder>, StoreError> {
        const DOING: &str = "look for the key";
        let found = sqlx::query!(
            r#"select id as "id!", name as "name!", role_name as "operator!", role as "role!", made_by as "made_by!"
                 from use_api_key($1, $2)"#,
            organization.0,
            &digest[..],
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed(DOING))?;
        let Some(found) = found else { return Ok(None) };
        let role = found.role.parse().map_err(|_| StoreError::Unreadable { doing: DOING, what: "role" })?;
        let (key, operator) = (ApiKeyId(found.id), found.operator);
        Ok(Some(Holder { key, name: found.name, operator, role, made_by: found.made_by }))
    }

    /// Begins a request that named itself, unless it was asked before. One that was begun `lost` ago and never answered is
    /// lost: its program was ended, or failed in a way that tells nothing.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn begin_api_request(
        &self,
        organization: OrganizationId,
        request: NamedRequest<'_>,
        lost: Duration,
    ) -> Result<Begun, StoreError> {
        const DOING: &str = "look whether this was asked before";
        let found = sqlx::query!(
            r#"select verdict as "verdict!", status, answer
                 from begin_api_request($1, $2, $3, $4, make_interval(secs => $5))"#,
            organization.0,
            request.key.0,
            &request.name[..],
            &request.fingerprint[..],
            lost.as_secs_f64(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        match (found.verdict.as_str(), found.status, found.answer) {
            ("begun", ..) => Ok(Begun::CarryOut),
            ("running", ..) => Ok(Begun::Running),
            ("differs", ..) => Ok(Begun::Differs),
            ("lost", ..) => Ok(Begun::Lost),
            ("answered", Some(status), Some(answer)) => {
                Ok(Begun::Answered(u16::try_from(status).unwrap_or(500), answer))
            }
            _ => Err(StoreError::Unreadable { doing: DOING, what: "answer" }),
        }
    }

    /// Keeps what became of a request that named itself. `lost`: as for [`Store::begin_api_request`].
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn end_api_request(
        &self,
        organization: OrganizationId,
        request: NamedRequest<'_>,
        became: Became<'_>,
        lost: Duration,
    ) -> Result<(), StoreError> {
        let done = match became {
            Became::Answered(status, body) => {
                sqlx::query!(
                    "update api_requests set status = $4, answer = $5
                      where organization_id = $1 and key_id = $2 and name = $3",
                    organization.0,
                    request.key.0,
                    &request.name[..],
                    i32::from(status),
                    body,
                )
                .execute(&self.screen)
                .await
            }
            Became::NotDone => {
                sqlx::query!(
                    "delete from api_requests
                      where organization_id = $1 and key_id = $2 and name = $3 and status is null",
                    organization.0,
                    request.key.0,
                    &request.name[..],
                )
                .execute(&self.screen)
                .await
            }
            Became::Unknown => {
                sqlx::query!(
                    "update api_requests set began_at = began_at - make_interval(secs => $4)
                      where organization_id = $1 and key_id = $2 and name = $3 and status is null",
                    organization.0,
                    request.key.0,
                    &request.name[..],
                    lost.as_secs_f64(),
                )
                .execute(&self.screen)
                .await
            }
        };
        done.map(|_done| ()).map_err(failed("keep the answer"))
    }
}
