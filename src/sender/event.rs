//! What consoles see of a sender, after it is committed.

use crate::domain::{
    ids::{AttemptId, CampaignId, NumberId, RecipientId},
    outcome::Outcome,
    phone::Phone,
};
use std::{sync::Arc, time::Duration};

/// Length of the channel: an observer that looks away loses the oldest.
pub const EVENT_CHANNEL: usize = 4_096;

/// One outcome, recorded.
#[derive(Debug, Clone)]
pub struct SendEvent {
    /// Which attempt.
    pub attempt: AttemptId,
    /// For whom.
    pub recipient: RecipientId,
    /// From which campaign; none: it is a reply.
    pub campaign: Option<CampaignId>,
    /// Through which number.
    pub number: NumberId,
    /// Where to.
    pub phone: Phone,
    /// Which try this was.
    pub tries: i16,
    /// What became of it.
    pub outcome: Arc<Outcome>,
    /// When it is tried again, if it is.
    pub retry_in: Option<Duration>,
    /// From writing the request to the end of the answer.
    pub took: Option<Duration>,
}
