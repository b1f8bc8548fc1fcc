//! From where somebody looks: on which organisation, with which rights, in which zone.

use crate::domain::ids::{InstanceId, OrganizationId};
use crate::domain::right::NO_OPERATOR;
use crate::domain::text::Safe;
use crate::store::{Store, StoreError, failed};
use chrono_tz::Tz;

const DOING: &str = "read who is here";

/// Who looks at what. Read when a console starts, and again and again: rights may be taken while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The organisation.
    pub organization: OrganizationId,
    /// Its short name.
    pub slug: Safe,
    /// Its zone: all times on screen are in it, and its days are the days of every limit.
    pub zone: Tz,
    /// Whether it only ever reaches loopback addresses.
    pub rehearsal: bool,
    /// The role that is logged in.
    pub role_name: Safe,
    /// Viewer, manager or admin; `None`: the role is no operator of the organisation but may see it, as its owner may.
    pub role: Option<Safe>,
    /// This program, if it is on record.
    pub instance: Option<InstanceId>,
}

impl Seat {
    /// Whether the role may change anything. The database has the last word.
    #[must_use]
    pub fn may_write(&self) -> bool {
        !matches!(self.role.as_deref(), Some("viewer" | NO_OPERATOR))
    }
}

impl Store {
    /// From where the logged-in role looks at this organisation.
    ///
    /// # Errors
    /// When the database is away or refuses, or there is no such organisation.
    pub async fn seat(
        &self,
        organization: OrganizationId,
        instance: Option<InstanceId>,
    ) -> Result<Seat, StoreError> {
        let row = sqlx::query!(
            r#"select o.slug, o.time_zone, o.rehearsal, session_user::text as "role_name!", p.role::text as role
                 from organizations o
                 left join operators p on p.organization_id = o.id and p.role_name = session_user
                where o.id = $1"#,
            organization.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        let row = row.ok_or_else(|| StoreError::Forbidden {
            doing: DOING,
            why: "the login role is no operator of the organisation any more".to_owned(),
        })?;
        Ok(Seat {
            organization,
            slug: row.slug.into(),
            zone: row
                .time_zone
                .parse()
                .map_err(|_| StoreError::Unreadable { doing: DOING, what: "time zone" })?,
            rehearsal: row.rehearsal,
            role_name: row.role_name.into(),
            role: row.role.map(Safe::from),
            instance,
        })
    }
}
