//! The audit log as people read it: who did what, to what, when, why, and what was before and after.

use super::{Store, StoreError, failed};
use crate::domain::ids::OrganizationId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// A decision of an operator or of a sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: an operator, or `sender`.
    pub actor: String,
    /// The role that was logged in; none: before that was kept.
    pub login: Option<String>,
    /// The program, if it was on record.
    pub instance_id: Option<Uuid>,
    /// What.
    pub action: String,
    /// Of which kind it was done to: `campaign`, `number`, `operator`, ...
    pub kind: String,
    /// To which one.
    pub subject_id: Uuid,
    /// What that was called.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What was different before.
    pub before: Option<serde_json::Value>,
    /// What it is since.
    pub after: Option<serde_json::Value>,
}

/// Which entries to list: all that fit everything that is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditQuery<'a> {
    /// Signed with this name, or by who was logged in as this role.
    pub actor: Option<&'a str>,
    /// To what is called so, or has this id.
    pub subject: Option<&'a str>,
    /// To things of this kind, or of this action.
    pub kind: Option<&'a str>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// With this text in any of it, whatever its case.
    pub text: Option<&'a str>,
    /// At most so many.
    pub most: i64,
}

impl Store {
    /// Entries of the audit log, the latest first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn audit(
        &self,
        organization: OrganizationId,
        query: &AuditQuery<'_>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query_as!(
            AuditEntry,
            r#"select a.id, a.at, a.actor, a.login, a.instance_id, a.action, a.entity as kind, a.entity_id as subject_id,
                      a.entity_name as subject, a.reason, a.before, a.after
                 from audit_log a
                where a.organization_id = $1
                  and a.at >= coalesce($2, '-infinity'::timestamptz) and a.at < coalesce($3, 'infinity'::timestamptz)
                  and ($4::text is null or a.actor = $4 or a.login = $4)
                  and ($5::text is null or a.entity_name = $5 or a.entity_id::text = $5)
                  and ($6::text is null or a.entity = $6 or a.action = $6)
                  and ($7::text is null or position(lower($7) in lower(concat_ws(' ', a.actor, a.action, a.entity,
                           a.entity_name, a.reason, a.before::text, a.after::text))) > 0)
                order by a.at desc, a.id desc limit $8"#,
            organization.0,
            query.since,
            query.until,
            query.actor,
            query.subject,
            query.kind,
            query.text,
            query.most,
        )
        .fetch_all(&self.bulk)
        .await
        .map_err(failed("read the audit log"))
    }
}
