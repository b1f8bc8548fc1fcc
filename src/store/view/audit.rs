//! What operators and senders decided, as the console shows it.

use crate::domain::opposite::Opposite;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: an operator, or `sender`.
    pub by: Safe,
    /// What.
    pub action: Safe,
    /// Of which kind it was done to: `campaign`, `number`, ...
    pub kind: Safe,
    /// To which one.
    pub subject: Uuid,
    /// What that is called; phones are masked.
    pub name: Shown,
    /// Why.
    pub reason: Shown,
}

/// All that is known of one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditDetail {
    /// Its id.
    pub id: Uuid,
    /// What was decided.
    pub action: Safe,
    /// To which one.
    pub subject: Uuid,
    /// The role that was logged in, if that was kept.
    pub login: Option<Safe>,
    /// The host of the program, if it was on record.
    pub host: Option<Safe>,
    /// What was different, by its name in the database.
    pub changes: Vec<AuditChange>,
    /// The last later decision about the same of the same thing: whoever took it saw this one.
    pub later: Option<LaterDecision>,
    /// What takes it back, or why nothing does.
    pub opposite: Result<Opposite, Safe>,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChange {
    /// Of what.
    pub what: Safe,
    /// Before; `None`: there was none.
    pub before: Option<Shown>,
    /// Since.
    pub after: Option<Shown>,
}

/// A decision that came later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterDecision {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Safe,
    /// What.
    pub action: Safe,
}
