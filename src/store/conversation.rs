//! What operators do with threads: answer, hand over, end, open.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    action::{Action, Order},
    ids::{ConversationId, OrganizationId},
    phone::{Phone, mask},
    text::Safe,
};
use chrono::{DateTime, Utc};

/// Characters that a thread's name may take before a text: `#2147483647: `.
const NAME_ROOM: usize = 13;

impl Store {
    /// Opens a thread with a person beside those that there are, and hands it to the operator who asks.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn open_thread(
        &self,
        organization: OrganizationId,
        id: ConversationId,
        phone: &Phone,
        pool: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "open a thread";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from open_conversation($1, $2, $3, $4, $5, $6)",
            organization.0,
            id.0,
            phone.reveal(),
            pool,
            actor.operator,
            actor.instance_id(),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        answer.read(DOING, "", |phone, found| refusal(phone, found, None), |_before| None)
    }

    pub(super) async fn act_on_thread(
        &self,
        organization: OrganizationId,
        thread: ConversationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "change a thread";
        let (reply, text) = match &order.action {
            Action::Answer { reply, text, .. } => {
                if let Some(why) = self.too_long(organization, thread, text).await? {
                    return Ok(ActionResult::Refused(why));
                }
                (Some(reply.0), Some(text.trim()))
            }
            Action::AssignThread { to, .. } => (None, to.as_deref()),
            _ => (None, None),
        };
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before
               from change_conversation($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            organization.0,
            thread.0,
            order.action.name(),
            order.expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            order.reason.as_deref(),
            reply,
            text,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        let at = answer.at;
        answer.read(
            DOING,
            "there is no such thread",
            |phone, found| refusal(phone, found, at),
            |_before| None,
        )
    }

    /// The sentence for a text that the provider of the thread's number would not take.
    async fn too_long(
        &self,
        organization: OrganizationId,
        thread: ConversationId,
        text: &str,
    ) -> Result<Option<Safe>, StoreError> {
        let provider = self.threads(organization, &[thread.0]).await?.pop().and_then(|row| row.provider);
        let Some(provider) = provider else { return Ok(None) };
        let limit = provider.text_limit() - NAME_ROOM;
        let characters = text.trim().chars().count();
        Ok((characters > limit).then(|| {
            Safe::new(&format!("the text has {characters} characters, {provider} takes {limit} in a reply"))
        }))
    }
}

/// Why a thread cannot be answered, handed over or opened.
fn refusal(phone: &str, found: &str, at: Option<DateTime<Utc>>) -> String {
    let who = mask(phone);
    let since = at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    match found {
        "window_closed" => format!(
            "the 24 hours in which {who} can be answered ended at {since}; only a template may go now, or an answer once they write again"
        ),
        "never_wrote" => {
            format!(
                "{who} never wrote to this number, and its provider lets nobody be written to first without a template"
            )
        }
        "opted_out" => format!("{who} asked for no more messages at {since}; only their START lifts that"),
        "no_number" => format!(
            "no number can answer {who}: none of the pool is in service, there is no default number, and no other one"
        ),
        "no_operator" => "there is no such operator; see signalbox operator list".to_owned(),
        "no_pool" => "there is no such pool; see signalbox pool list".to_owned(),
        other => format!("the thread with {who} is {}", other.replace('_', " ")),
    }
}
