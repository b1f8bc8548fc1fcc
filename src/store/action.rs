//! Carrying out what operators ask for. Every order is one statement: it locks, reads the clock, compares the version
//! that the operator saw, changes the row and writes who, when and why.

use super::{Store, StoreError};
use crate::domain::{
    action::{Action, NewNumber, Order, Version},
    ids::{InstanceId, OrganizationId},
    right::Right,
    text::Safe,
};
use chrono::{DateTime, Utc};

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionResult {
    /// Committed: from now on every claim obeys it.
    Done {
        /// The row's version now.
        version: Option<Version>,
        /// The order that brings back the former state, if there is one.
        undo: Option<Box<Order>>,
    },
    /// Somebody was first and wanted the same.
    AlreadySo {
        /// Who.
        by: Safe,
        /// When.
        at: DateTime<Utc>,
    },
    /// The row has moved on since the version that was named; nothing was done.
    Changed {
        /// What it is now.
        to: Safe,
        /// Who changed it.
        by: Safe,
        /// When.
        at: DateTime<Utc>,
    },
    /// A rule forbids it; the sentence says which.
    Refused(Safe),
    /// What it was about is not there; the sentence says what.
    Missing(Safe),
}

impl ActionResult {
    /// Committed, of a row without a version, and nothing brings back what was before.
    pub(super) const DONE: Self = Self::Done { version: None, undo: None };
}

/// Who acts: for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// The operator's name.
    pub operator: &'a str,
    /// The program, if it has put itself on record.
    pub instance: Option<InstanceId>,
}

impl<'a> Actor<'a> {
    /// An operator at a command line.
    #[must_use]
    pub fn operator(operator: &'a str) -> Self {
        Self { operator, instance: None }
    }

    pub(super) fn instance_id(&self) -> Option<uuid::Uuid> {
        self.instance.map(|instance| instance.0)
    }
}

/// What a change function of the database answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) verdict: Option<String>,
    pub(super) version: Option<i64>,
    pub(super) by: Option<String>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) name: Option<String>,
    pub(super) found: Option<String>,
    pub(super) before: Option<serde_json::Value>,
}

impl Answer {
    /// Reads the answer. `missing` and `refused` are the sentences for rows that are not there and for rules.
    pub(super) fn read(
        self,
        doing: &'static str,
        missing: &str,
        refused: impl FnOnce(&str, &str) -> String,
        undo: impl FnOnce(&serde_json::Value) -> Option<Action>,
    ) -> Result<ActionResult, StoreError> {
        let by = || Safe::new(self.by.as_deref().unwrap_or("somebody"));
        let at = self.at.unwrap_or_default();
        Ok(match self.verdict.as_deref() {
            Some("done") => {
                let version = self.version.map(Version);
                let undo = self.before.as_ref().and_then(undo).map(|action| {
                    Box::new(Order { action, expected: version, reason: Some("undone".into()) })
                });
                ActionResult::Done { version, undo }
            }
            Some("already") => ActionResult::AlreadySo { by: by(), at },
            Some("changed") => ActionResult::Changed {
                to: Safe::new(self.found.as_deref().unwrap_or_default()),
                by: by(),
                at,
            },
            Some("refused") => {
                let name = self.name.as_deref().unwrap_or_default();
                ActionResult::Refused(Safe::new(&refused(name, self.found.as_deref().unwrap_or_default())))
            }
            Some("missing") => ActionResult::Missing(Safe::new(missing)),
            _ => return Err(StoreError::Unreadable { doing, what: "answer" }),
        })
    }
}

fn done(version: Option<Version>) -> ActionResult {
    ActionResult::Done { version, undo: None }
}

impl Store {
    /// Carries out an order. What a rule forbids is an answer, not an error.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn act(
        &self,
        organization: OrganizationId,
        order: &Order,
        operator: &str,
        instance: Option<InstanceId>,
    ) -> Result<ActionResult, StoreError> {
        let done = self.carry_out(organization, order, Actor { operator, instance }).await;
        match done {
            Err(StoreError::Constraint { constraint, .. }) => {
                Ok(ActionResult::Refused(Safe::new(&super::constraint::sentence(&constraint))))
            }
            Err(StoreError::Forbidden { why, .. }) => Ok(ActionResult::Refused(
                self.no_right(organization).await.unwrap_or_else(|| Safe::new(&why)),
            )),
            // To a statement that changes, rows of an organisation that its role only looks at are not there.
            Ok(ActionResult::Refused(sentence)) => {
                Ok(ActionResult::Refused(self.no_right(organization).await.unwrap_or(sentence)))
            }
            Ok(ActionResult::Missing(sentence)) => Ok(self
                .no_right(organization)
                .await
                .map_or(ActionResult::Missing(sentence), ActionResult::Refused)),
            done => done,
        }
    }

    /// Why the login role changes nothing in an organisation, if that is so.
    async fn no_right(&self, organization: OrganizationId) -> Option<Safe> {
        let standing = self.standing(organization).await.ok()?;
        standing.refusal(Right::Runs).map(|sentence| Safe::new(&sentence))
    }

    async fn take_in(
        &self,
        organization: OrganizationId,
        number: &NewNumber,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (_id, now) = self.add_number(organization, number, actor).await?;
        Ok(done(Some(now)))
    }

    async fn carry_out(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let reason = order.reason.as_deref();
        match &order.action {
            Action::PauseCampaign(_)
            | Action::ResumeCampaign(_)
            | Action::CancelCampaign(_)
            | Action::StartCampaign(_) => self.act_on_campaign(organization, order, actor).await,
            Action::SetTerms { .. } => self.act_on_terms(organization, order, actor).await,
            Action::WidenRollout { campaign, stage } => {
                let stage = i32::try_from(*stage).unwrap_or(i32::MAX);
                self.widen_rollout(organization, *campaign, Some(stage), None, reason, actor, None).await
            }
            Action::SuspendNumber { .. }
            | Action::ResumeNumber(_)
            | Action::SetPriority { .. }
            | Action::SetLimits { .. }
            | Action::DescribeNumber { .. }
            | Action::SetUpNumber { .. }
            | Action::EnableNumber(_)
            | Action::DisableNumber(_)
            | Action::FailOverNumber(_) => self.act_on_number(organization, order, actor).await,
            Action::RemoveNumber(_) | Action::MoveLoad { .. } => {
                self.act_on_load(organization, order, actor).await
            }
            Action::AddNumber(number) => self.take_in(organization, number, actor).await,
            Action::ExcludeRecipient(recipient) | Action::RetryRecipient(recipient) => {
                self.act_on_recipient(organization, *recipient, order, actor).await
            }
            Action::ResolveAttempt { attempt, verdict } => {
                self.resolve_attempt(organization, *attempt, *verdict, order, actor).await
            }
            Action::Answer { thread, .. }
            | Action::AssignThread { thread, .. }
            | Action::EndThread(thread) => self.act_on_thread(organization, *thread, order, actor).await,
            Action::SetSlot { .. } | Action::ResetSlots(_) => {
                self.act_on_slots(organization, order, actor).await
            }
            Action::AddPool(_) | Action::EditPool { .. } | Action::RemovePool(_) => {
                self.act_on_pool(organization, order, actor).await
            }
            Action::IncludeAgain { campaign, reason: skipped } => {
                self.act_on_skipped(organization, *campaign, skipped, reason, actor).await
            }
            Action::AcceptFinding { campaign, finding, about } => {
                self.act_on_finding(organization, *campaign, finding, about, reason, actor).await
            }
            Action::EditSettings(changes) => self.act_on_settings(organization, changes, reason, actor).await,
            Action::Acknowledge(alerts) => self.act_on_alerts(organization, alerts, reason, actor).await,
            Action::AddChannel { .. } | Action::EditChannel { .. } | Action::RemoveChannel(_) => {
                self.act_on_channel(organization, order, actor).await
            }
            Action::StopAll | Action::ReleaseStop => self.act_on_all(organization, order, actor).await,
        }
    }
}
