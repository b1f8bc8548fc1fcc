//! The ledger: claiming, recording, recovering and sweeping attempts.

use super::{Store, StoreError, failed};
use crate::domain::{
    attempt::AttemptState,
    ids::{AttemptId, CampaignId, InstanceId, NumberId, OrganizationId, RecipientId},
    phone::Phone,
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

/// A number that a claim may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimNumber {
    /// Which one.
    pub id: NumberId,
    /// The epoch under which we hold its lease.
    pub epoch: i64,
    /// Most messages at this slot.
    pub batch: u32,
    /// From this slot to the next, jitter included.
    pub gap: Duration,
}

/// A campaign that a claim may take from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimCampaign {
    /// Which one.
    pub id: CampaignId,
    /// The walk goes on after this recipient: nil from the start, none where the last claims were. Correctness never
    /// depends on it.
    pub walk_after: Option<RecipientId>,
    /// Whether work that is bound to a number out of service may be taken over.
    pub may_take_over: bool,
}

/// So many messages of one campaign, or so many replies, through one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Place in [`ClaimRequest::numbers`].
    pub number: usize,
    /// Place in [`ClaimRequest::campaigns`]; none: replies.
    pub campaign: Option<usize>,
    /// How many, at most.
    pub wanted: u32,
    /// Only work that is bound to this number: another number of the pool goes first.
    pub bound_only: bool,
}

/// Everything a claim needs to know.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Whose.
    pub organization: OrganizationId,
    /// Who claims.
    pub instance: InstanceId,
    /// Through which numbers.
    pub numbers: Vec<ClaimNumber>,
    /// From which campaigns.
    pub campaigns: Vec<ClaimCampaign>,
    /// What from where; lanes of one number stand together.
    pub lanes: Vec<Lane>,
    /// Numbers out of service whose bound work may be taken over.
    pub takes_over: Vec<NumberId>,
    /// Ids for the attempts, at least as many as the lanes want together.
    pub attempts: Vec<AttemptId>,
    /// How long an attempt may take before it counts as in doubt.
    pub deadline: Duration,
    /// The rehearsal's clock; `None`: the database's.
    pub now: Option<DateTime<Utc>>,
}

/// What a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A step of a campaign.
    Campaign(CampaignId),
    /// A thread with one person: what it says.
    Reply(String),
}

/// One message whose intent is committed. Bytes may go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// Our reference.
    pub attempt: AttemptId,
    /// Which number sends it.
    pub number: NumberId,
    /// What it belongs to.
    pub part: Part,
    /// Who gets it; of a reply, which one it is.
    pub recipient: RecipientId,
    /// Which step.
    pub step: i16,
    /// Which try for this step this is, counting from one.
    pub tries: i16,
    /// Where it goes.
    pub phone: Phone,
    /// Language chosen at enrolment.
    pub locale: Option<String>,
    /// Values frozen at enrolment, a JSON object.
    pub parameters: Option<String>,
    /// What the campaign said when it was claimed: the sum of its steps' versions.
    pub edition: i64,
    /// When the intent was committed, by the database's clock.
    pub started_at: DateTime<Utc>,
}

impl ClaimedMessage {
    /// The campaign that it belongs to, if it does to one.
    #[must_use]
    pub fn campaign(&self) -> Option<CampaignId> {
        match self.part {
            Part::Campaign(campaign) => Some(campaign),
            Part::Reply(_) => None,
        }
    }
}

/// Why a lane got nothing although it wanted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The panic key was pressed.
    SendingStopped,
    /// The campaign is not active any more.
    CampaignNotActive,
    /// Nobody is written to at this hour.
    WindowClosed,
    /// Another number is the only one that may send for the campaign.
    AnotherNumberOnly,
    /// We do not hold the lease under this epoch, or it has expired.
    LeaseLost,
    /// The number is switched off.
    Disabled,
    /// The number is suspended.
    Suspended,
    /// The number rests.
    Limited,
    /// The number's slot is not open yet.
    Paced,
    /// As many messages wait in the gateway's own queue as may.
    QueueFull,
    /// The number's day is full.
    NumberCapReached,
    /// The campaign's day is full.
    CampaignCapReached,
    /// The organisation's day is full.
    OrganizationCapReached,
    /// The account reached as many people as it may within 24 hours; only those go on who count already.
    AccountCapReached,
}

impl Verdict {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "sending_stopped" => Self::SendingStopped,
            "campaign_not_active" => Self::CampaignNotActive,
            "window_closed" => Self::WindowClosed,
            "another_number_only" => Self::AnotherNumberOnly,
            "no_lease" | "lease_expired" => Self::LeaseLost,
            "disabled" => Self::Disabled,
            "suspended" => Self::Suspended,
            "limited" => Self::Limited,
            "paced" => Self::Paced,
            "queue_full" => Self::QueueFull,
            "cap_reached" => Self::NumberCapReached,
            "campaign_cap_reached" => Self::CampaignCapReached,
            "organization_cap_reached" => Self::OrganizationCapReached,
            "account_cap_reached" => Self::AccountCapReached,
            _ => return None,
        })
    }
}

/// What a claim brought.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// The messages, intents committed.
    pub messages: Vec<ClaimedMessage>,
    /// Lanes that got nothing, and why.
    pub refused: Vec<(Lane, Verdict)>,
    /// Campaigns that had less than was wanted, and when their next put-back work is due.
    pub exhausted: Vec<(CampaignId, Option<DateTime<Utc>>)>,
    /// How far the walk came, per campaign.
    pub walked_to: Vec<(CampaignId, RecipientId)>,
    /// The panic key was pressed, or the subscription is over; nothing was claimed.
    pub stopped: bool,
}

/// What becomes of the recipient after an outcome; decided by the sender's pure core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Accepted: the next step, if there is one.
    Advance,
    /// Queued again after the delay; through the number it is stuck to, if the pool is sticky.
    Retry(Duration),
    /// Queued again at once for any number of the pool; the binding is broken.
    Switch,
    /// Queued again after the delay for the same number only.
    Keep(Duration),
    /// Ends here.
    Fail,
    /// Ends here without the provider's word.
    Skip,
    /// Waits for evidence or an operator.
    Doubt,
}

impl Next {
    /// The name that the statements know it by.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Advance => "advance",
            Self::Retry(_) => "retry",
            Self::Switch => "switch",
            Self::Keep(_) => "keep",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Doubt => "doubt",
        }
    }

    /// How long it waits first, in milliseconds.
    pub(super) fn delay_ms(&self) -> i64 {
        match self {
            Self::Retry(delay) | Self::Keep(delay) => i64::try_from(delay.as_millis()).unwrap_or(i64::MAX),
            _ => 0,
        }
    }
}

/// One outcome, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutcomeRecord {
    /// Which attempt.
    pub attempt: AttemptId,
    /// What it is now: accepted, rejected, not sent or in doubt.
    pub state: AttemptState,
    /// The provider's id, if it gave one.
    pub provider_message_id: Option<String>,
    /// Class, blame, code and words of the answer, unless accepted.
    pub class: Option<String>,
    /// Whose fault it was.
    pub blame: Option<String>,
    /// The provider's code, or ours.
    pub code: Option<String>,
    /// The provider's own words, cleaned.
    pub words: Option<String>,
    /// From writing the request to the end of the answer.
    pub duration_ms: Option<i32>,
    /// What becomes of the recipient.
    pub next: String,
    /// How long it waits first.
    pub delay_ms: i64,
    /// Why, for a state that needs a reason.
    pub reason: Option<String>,
}

impl OutcomeRecord {
    /// Sets what becomes of the recipient.
    #[must_use]
    pub fn with_next(mut self, next: &Next) -> Self {
        next.name().clone_into(&mut self.next);
        self.delay_ms = next.delay_ms();
        self
    }
}

/// An outcome for an attempt that was settled before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateOutcome {
    /// Which attempt.
    pub attempt: AttemptId,
    /// What it was settled as.
    pub state: AttemptState,
    /// Acceptance came after it was settled otherwise: a confirmed duplicate if it was sent again.
    pub contradicted: bool,
}

impl Store {
    /// Claims: reserves quota, picks due recipients, marks them sending and commits the intents. One statement.
    ///
    /// After a message stands in the answer, nobody else can claim it and every limit is already charged.
    ///
    /// # Errors
    /// When the database is away or refuses. Then the answer may be lost though the intents are committed: ask
    /// [`Store::recover_claim`] for them.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, StoreError> {
        let ids = |numbers: &[ClaimNumber]| numbers.iter().map(|number| number.id.0).collect::<Vec<Uuid>>();
        let numbers = ids(&request.numbers);
        let epochs: Vec<i64> = request.numbers.iter().map(|number| number.epoch).collect();
        let batches: Vec<i32> = request.numbers.iter().map(|number| clamp(number.batch)).collect();
        let gaps: Vec<i64> = request
            .numbers
            .iter()
            .map(|number| i64::try_from(number.gap.as_micros()).unwrap_or(i64::MAX))
            .collect();
        let campaigns: Vec<Uuid> = request.campaigns.iter().map(|campaign| campaign.id.0).collect();
        let walk_after: Vec<Option<Uuid>> =
            request.campaigns.iter().map(|campaign| campaign.walk_after.map(|after| after.0)).collect();
        let may_take_over: Vec<bool> =
            request.campaigns.iter().map(|campaign| campaign.may_take_over).collect();
        let lane_numbers: Vec<i32> = request.lanes.iter().map(|lane| place(lane.number)).collect();
        let lane_campaigns: Vec<i32> =
            request.lanes.iter().map(|lane| lane.campaign.map_or(0, place)).collect();
        let lane_wanted: Vec<i32> = request.lanes.iter().map(|lane| clamp(lane.wanted)).collect();
        let lane_bound_only: Vec<bool> = request.lanes.iter().map(|lane| lane.bound_only).collect();
        let takes_over: Vec<Uuid> = request.takes_over.iter().map(|number| number.0).collect();
        let attempts: Vec<Uuid> = request.attempts.iter().map(|attempt| attempt.0).collect();
        let rows = sqlx::query!(
            r#"with k as materialized (select * from claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                                                           $15, make_interval(secs => $16), $17)),
                    e as materialized (select editions($1, $7, (select count(*) from k)) as editions)
               select lane as "lane!", attempt_id, recipient_id, step, tries, phone, locale, parameters, at, verdict,
                      editions as "editions!" from k cross join e"#,
            request.organization.0,
            request.instance.0,
            &numbers,
            &epochs,
            &batches,
            &gaps,
            &campaigns,
            &walk_after as &[Option<Uuid>],
            &may_take_over,
            &lane_numbers,
            &lane_campaigns,
            &lane_wanted,
            &lane_bound_only,
            &takes_over,
            &attempts,
            request.deadline.as_secs_f64(),
            request.now,
        )
        .fetch_all(&self.claim)
        .await
        .map_err(failed("claim messages"))?;

        let mut claimed = Claimed { messages: Vec::with_capacity(rows.len()), ..Claimed::default() };
        for row in rows {
            let at = usize::try_from(row.lane).unwrap_or(0);
            match (row.attempt_id, row.verdict.as_deref()) {
                (Some(attempt), verdict) => {
                    let lane = *at
                        .checked_sub(1)
                        .and_then(|at| request.lanes.get(at))
                        .ok_or(unreadable("claim messages", "lane"))?;
                    let (Some(recipient), Some(step), Some(tries), Some(phone), Some(started_at)) =
                        (row.recipient_id, row.step, row.tries, row.phone, row.at)
                    else {
                        return Err(unreadable("claim messages", "claimed message"));
                    };
                    let campaign = lane.campaign.and_then(|at| request.campaigns.get(at)).map(|it| it.id);
                    let edition = lane.campaign.and_then(|at| row.editions.get(at)).copied().unwrap_or(0);
                    if let Some(campaign) = campaign.filter(|_| verdict == Some("walk")) {
                        claimed.note_walk(campaign, recipient.into());
                    }
                    let (part, parameters) = part(campaign, row.parameters);
                    claimed.messages.push(ClaimedMessage {
                        attempt: attempt.into(),
                        number: request.numbers[lane.number].id,
                        part,
                        recipient: recipient.into(),
                        step,
                        tries,
                        phone: Phone::parse(&phone).map_err(|_| unreadable("claim messages", "phone"))?,
                        locale: row.locale,
                        edition,
                        parameters,
                        started_at,
                    });
                }
                (None, Some("sending_stopped" | "subscription_ended")) => claimed.stopped = true,
                (None, Some("campaign_exhausted")) => {
                    if let Some(campaign) = at.checked_sub(1).and_then(|at| request.campaigns.get(at)) {
                        claimed.exhausted.push((campaign.id, row.at));
                    }
                }
                (None, verdict) => {
                    let lane = at.checked_sub(1).and_then(|at| request.lanes.get(at));
                    if let (Some(lane), Some(verdict)) = (lane, verdict.and_then(Verdict::read)) {
                        claimed.refused.push((*lane, verdict));
                    }
                }
            }
        }
        Ok(claimed)
    }

    /// The messages of a claim whose answer was lost: those of `attempts` that were committed.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn recover_claim(
        &self,
        organization: OrganizationId,
        attempts: &[AttemptId],
    ) -> Result<Vec<ClaimedMessage>, StoreError> {
        let attempts: Vec<Uuid> = attempts.iter().map(|attempt| attempt.0).collect();
        let rows = sqlx::query!(
            r#"select a.id, a.number_id, a.campaign_id, a.recipient_id, a.step, coalesce(r.tries, y.tries) as "tries!",
                      coalesce(r.phone, y.phone)::text as "phone!", p.locale as "locale?",
                      coalesce(y.body, p.parameters::text) as "parameters?", a.started_at,
                      (select coalesce(sum(s.version), 0) from campaign_steps s
                        where s.organization_id = $1 and s.campaign_id = a.campaign_id) as "edition!"
                 from attempts a
                 left join replies y on a.campaign_id is null and y.organization_id = a.organization_id
                                    and y.id = a.recipient_id
                 left join lateral (
                      -- A range in the order of the key, and no equation: see `live_events`.
                      select q.tries, q.phone from campaign_recipients q
                       where q.organization_id = $1 and q.campaign_id = a.campaign_id
                         and q.id >= a.recipient_id and q.id <= a.recipient_id
                       order by q.id limit 1) r on true
                 left join recipient_parameters p on p.organization_id = a.organization_id
                                           and p.campaign_id = a.campaign_id and p.recipient_id = a.recipient_id
                where a.organization_id = $1 and a.id = any ($2) and a.state = 'sending'"#,
            organization.0,
            &attempts,
        )
        .fetch_all(&self.work)
        .await
        .map_err(failed("look up claimed messages"))?;
        rows.into_iter()
            .map(|row| {
                let (part, parameters) = part(row.campaign_id.map(CampaignId), row.parameters);
                Ok(ClaimedMessage {
                    attempt: row.id.into(),
                    number: row.number_id.into(),
                    part,
                    recipient: row.recipient_id.into(),
                    step: row.step,
                    tries: row.tries,
                    phone: Phone::parse(&row.phone)
                        .map_err(|_| unreadable("look up claimed messages", "phone"))?,
                    locale: row.locale,
                    edition: row.edition,
                    parameters,
                    started_at: row.started_at,
                })
            })
            .collect()
    }

    /// Records what became of attempts, a batch in one statement. Accepted from anyone at any time, and only moves
    /// forward: repeating it changes nothing. Answers those that were settled before.
    ///
    /// # Errors
    /// When the database is away or refuses; nothing of the batch is recorded then.
    pub async fn record_outcomes(
        &self,
        organization: OrganizationId,
        outcomes: &[OutcomeRecord],
        now: Option<DateTime<Utc>>,
    ) -> Result<Vec<LateOutcome>, StoreError> {
        let ids: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.attempt.0).collect();
        let states: Vec<String> = outcomes.iter().map(|outcome| outcome.state.name().to_owned()).collect();
        let column = |get: fn(&OutcomeRecord) -> &Option<String>| -> Vec<Option<String>> {
            outcomes.iter().map(|outcome| get(outcome).clone()).collect()
        };
        let durations: Vec<Option<i32>> = outcomes.iter().map(|outcome| outcome.duration_ms).collect();
        let next: Vec<String> = outcomes.iter().map(|outcome| outcome.next.clone()).collect();
        let delays: Vec<i64> = outcomes.iter().map(|outcome| outcome.delay_ms).collect();
        let rows = sqlx::query!(
            r#"select attempt_id as "attempt_id!", state::text as "state!", contradicted as "contradicted!"
                 from record_outcomes($1, $2, $3::text[]::attempt_state[], $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"#,
            organization.0,
            &ids,
            &states,
            &column(|outcome| &outcome.provider_message_id) as &[Option<String>],
            &column(|outcome| &outcome.class) as &[Option<String>],
            &column(|outcome| &outcome.blame) as &[Option<String>],
            &column(|outcome| &outcome.code) as &[Option<String>],
            &column(|outcome| &outcome.words) as &[Option<String>],
            &durations as &[Option<i32>],
            &next,
            &delays,
            &column(|outcome| &outcome.reason) as &[Option<String>],
            now,
        )
        .fetch_all(&self.record)
        .await
        .map_err(failed("record outcomes"))?;
        rows.into_iter()
            .map(|row| {
                Ok(LateOutcome {
                    attempt: row.attempt_id.into(),
                    state: row.state.parse().map_err(|_| unreadable("record outcomes", "attempt state"))?,
                    contradicted: row.contradicted,
                })
            })
            .collect()
    }
}

impl Claimed {
    fn note_walk(&mut self, campaign: CampaignId, recipient: RecipientId) {
        match self.walked_to.iter_mut().find(|(walked, _)| *walked == campaign) {
            Some((_, furthest)) => *furthest = (*furthest).max(recipient),
            None => self.walked_to.push((campaign, recipient)),
        }
    }
}

/// What a message belongs to, and its frozen values: of a reply, the text stands in their place.
fn part(campaign: Option<CampaignId>, parameters: Option<String>) -> (Part, Option<String>) {
    match campaign {
        Some(campaign) => (Part::Campaign(campaign), parameters),
        None => (Part::Reply(parameters.unwrap_or_default()), None),
    }
}

fn unreadable(doing: &'static str, what: &'static str) -> StoreError {
    StoreError::Unreadable { doing, what }
}

/// Places are counted from one in SQL.
fn place(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}

fn clamp(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
