//! What an operator can ask for: plain data, the same value for the console and the command line.
//!
//! An action names a *state* to reach, never "toggle": two operators who press the same key want the same thing, and
//! the second of them is told so. What may be asked and what becomes of it is decided by the database.

use super::campaign::Steering;
use super::channel::{ChannelChange, NewChannel};
use super::ids::{
    AccountId, AlertId, AttemptId, CampaignId, ChannelId, ConversationId, NumberId, PoolId, RecipientId,
    ReplyId,
};
use super::number::{NumberWords, Pacing, Remarks, SetupChange};
use super::phone::Phone;
use super::pool::{NewPool, PoolChange};
use super::setting::Change;
use chrono::{DateTime, Utc};

/// How often a row has been changed. An action carries the version that its operator saw; the database refuses it
/// when the row has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub i64);

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One sending number.
    Number(NumberId),
    /// One campaign.
    Campaign(CampaignId),
    /// One recipient of one campaign.
    Recipient(RecipientId),
    /// One attempt.
    Attempt(AttemptId),
    /// One thread with a person.
    Thread(ConversationId),
    /// Everything: stop all, release the stop, a new number.
    Organization,
}

/// What an operator decides about an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Treat it as sent: the recipient goes on, nothing is sent again.
    Sent,
    /// Treat it as not sent: the message may be claimed again.
    NotSent,
    /// Send it again although it may have arrived; who, when and why are kept.
    Resend,
}

impl Verdict {
    /// The word of the command line (`attempt resolve --as`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotSent => "not-sent",
            Self::Resend => "resend",
        }
    }
}

/// What a new number is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNumber {
    /// Its phone.
    pub phone: Phone,
    /// The account that owns it.
    pub account: AccountId,
    /// Its id at the provider (`phone-number-id`, `instance…`); empty where the provider needs none.
    pub sender_id: String,
    /// What operators call it.
    pub name: String,
    /// Lower goes first.
    pub priority: i32,
    /// Most messages in one day of the organisation's zone; `None`: no limit of our own.
    pub daily_limit: Option<u32>,
    /// `None`: the provider's default.
    pub pacing: Option<Pacing>,
    /// When its warm-up begins; `None`: it sends as much as its limit allows from the first day.
    pub warm_up: Option<DateTime<Utc>>,
    /// What operators note of it.
    pub remarks: Remarks,
    /// The pool that it joins, made where there is none of that name; `None`: `default`.
    pub pool: Option<String>,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// No new attempt of this campaign begins.
    PauseCampaign(CampaignId),
    /// A paused campaign goes on.
    ResumeCampaign(CampaignId),
    /// The campaign ends here; what is queued is skipped.
    CancelCampaign(CampaignId),
    /// A draft or scheduled campaign starts now.
    StartCampaign(CampaignId),
    /// The campaign's place, caps, hours and numbers.
    SetTerms {
        /// Which one.
        campaign: CampaignId,
        /// What they are then.
        terms: Steering,
    },
    /// The next stage of the campaign's rollout opens: more of its people are sent to.
    WidenRollout {
        /// Which one.
        campaign: CampaignId,
        /// The open stage that its operator saw, from 1: the one behind it opens, and only if this is still the open one.
        stage: u32,
    },
    /// The number sends nothing, until a time or until somebody resumes it.
    SuspendNumber {
        /// Which one.
        number: NumberId,
        /// When it ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// A suspended or resting number may send again.
    ResumeNumber(NumberId),
    /// The number's place in the order; lower goes first.
    SetPriority {
        /// Which one.
        number: NumberId,
        /// The new place.
        priority: i32,
    },
    /// The number's daily limit and pacing.
    SetLimits {
        /// Which one.
        number: NumberId,
        /// Most messages a day; `None`: no limit of our own.
        daily_limit: Option<u32>,
        /// How fast it may send.
        pacing: Pacing,
    },
    /// A disabled number takes part again.
    EnableNumber(NumberId),
    /// The number takes no part until it is enabled.
    DisableNumber(NumberId),
    /// What the number is called, and what operators note of it.
    DescribeNumber {
        /// Which one.
        number: NumberId,
        /// Only what is there is changed.
        words: NumberWords,
    },
    /// How the number stands at its provider and here.
    SetUpNumber {
        /// Which one.
        number: NumberId,
        /// Only what is there is changed.
        setup: SetupChange,
    },
    /// The number is gone from lists, pools and plans; what it sent still names it.
    RemoveNumber(NumberId),
    /// What is queued for one number goes through another one.
    MoveLoad {
        /// The number whose load goes.
        from: NumberId,
        /// The number that takes it.
        to: NumberId,
        /// Whether open threads go too.
        threads: bool,
    },
    /// A number that did not exist before, or was removed.
    AddNumber(NewNumber),
    /// What waits for this number moves to the next ones, as if the provider had suspended it.
    FailOverNumber(NumberId),
    /// This person gets nothing more from this campaign.
    ExcludeRecipient(RecipientId),
    /// A failed recipient is tried again.
    RetryRecipient(RecipientId),
    /// An attempt in doubt is settled by an operator's word.
    ResolveAttempt {
        /// Which one.
        attempt: AttemptId,
        /// What the operator decides.
        verdict: Verdict,
    },
    /// One message to the person of a thread, inside the time in which the provider lets it be answered.
    Answer {
        /// Which thread.
        thread: ConversationId,
        /// What the reply will be known by: the same order again queues nothing.
        reply: ReplyId,
        /// What it says.
        text: String,
    },
    /// A thread belongs to an operator, or to nobody; one without a number gets one.
    AssignThread {
        /// Which one.
        thread: ConversationId,
        /// Whose it is.
        to: Option<String>,
    },
    /// Nothing more is to be done in a thread, until the person writes again.
    EndThread(ConversationId),
    /// Who is skipped for this reason, by its code, is queued again if nothing stands against it any more.
    IncludeAgain {
        /// Into which campaign.
        campaign: CampaignId,
        /// What the reason is known by.
        reason: String,
    },
    /// A person has this slot; `None`: none any more. What is queued and shows it shows the new one.
    SetSlot {
        /// Of this campaign, which has slots of its own; `None`: of the organisation.
        campaign: Option<CampaignId>,
        /// Whose.
        phone: Phone,
        /// Which one.
        slot: Option<u16>,
    },
    /// Nobody has a slot but those whose messages still to be sent show one.
    ResetSlots(Option<CampaignId>),
    /// A finding of a campaign stays as it is, with the operator's words why.
    AcceptFinding {
        /// Of this campaign.
        campaign: CampaignId,
        /// What the finding is known by.
        finding: String,
        /// What it was about when its operator read it.
        about: String,
    },
    /// A pool that did not exist before.
    AddPool(NewPool),
    /// What a pool is called, how it picks, and which numbers are in it.
    EditPool {
        /// Which one.
        pool: PoolId,
        /// Only what is there is changed.
        change: PoolChange,
    },
    /// The pool is gone; no campaign names it.
    RemovePool(PoolId),
    /// What is set of the organisation, as far as it is named here.
    EditSettings(Vec<Change>),
    /// An operator has taken note of these alerts, which they were shown.
    Acknowledge(Vec<AlertId>),
    /// Alerts go to one more place.
    AddChannel {
        /// What it will be known by: its secret is sealed for it.
        id: ChannelId,
        /// What it is made of.
        new: Box<NewChannel>,
    },
    /// What goes to a channel, and where it leads.
    EditChannel {
        /// Which one.
        channel: ChannelId,
        /// Only what is there is changed.
        change: Box<ChannelChange>,
    },
    /// Nothing goes there any more, and what waits to go there is dropped.
    RemoveChannel(ChannelId),
    /// Every sender on the database stops at the next message boundary.
    StopAll,
    /// The stop is lifted.
    ReleaseStop,
}

impl Action {
    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::PauseCampaign(id)
            | Self::ResumeCampaign(id)
            | Self::CancelCampaign(id)
            | Self::StartCampaign(id)
            | Self::SetTerms { campaign: id, .. }
            | Self::WidenRollout { campaign: id, .. }
            | Self::AcceptFinding { campaign: id, .. }
            | Self::IncludeAgain { campaign: id, .. } => Subject::Campaign(*id),
            Self::SuspendNumber { number, .. }
            | Self::SetPriority { number, .. }
            | Self::SetLimits { number, .. }
            | Self::DescribeNumber { number, .. }
            | Self::SetUpNumber { number, .. }
            | Self::RemoveNumber(number)
            | Self::MoveLoad { from: number, .. }
            | Self::ResumeNumber(number)
            | Self::EnableNumber(number)
            | Self::DisableNumber(number)
            | Self::FailOverNumber(number) => Subject::Number(*number),
            Self::ExcludeRecipient(id) | Self::RetryRecipient(id) => Subject::Recipient(*id),
            Self::ResolveAttempt { attempt, .. } => Subject::Attempt(*attempt),
            Self::Answer { thread, .. } | Self::AssignThread { thread, .. } | Self::EndThread(thread) => {
                Subject::Thread(*thread)
            }
            Self::AddNumber(_)
            | Self::SetSlot { .. }
            | Self::ResetSlots(_)
            | Self::AddPool(_)
            | Self::EditPool { .. }
            | Self::RemovePool(_)
            | Self::EditSettings(_)
            | Self::Acknowledge(_)
            | Self::AddChannel { .. }
            | Self::EditChannel { .. }
            | Self::RemoveChannel(_)
            | Self::StopAll
            | Self::ReleaseStop => Subject::Organization,
        }
    }

    /// The name that the audit log and the screen use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PauseCampaign(_) => "pause campaign",
            Self::ResumeCampaign(_) => "resume campaign",
            Self::CancelCampaign(_) => "cancel campaign",
            Self::StartCampaign(_) => "launch campaign",
            Self::SetTerms { .. } => "edit campaign",
            Self::WidenRollout { .. } => "widen rollout",
            Self::SuspendNumber { .. } => "suspend number",
            Self::ResumeNumber(_) => "resume number",
            Self::SetPriority { .. } => "set priority",
            Self::SetLimits { .. } => "set limits",
            Self::EnableNumber(_) => "enable number",
            Self::DisableNumber(_) => "disable number",
            Self::DescribeNumber { .. } | Self::SetUpNumber { .. } => "edit number",
            Self::RemoveNumber(_) => "remove number",
            Self::MoveLoad { .. } => "move load",
            Self::AddNumber(_) => "add number",
            Self::FailOverNumber(_) => "fail over number",
            Self::ExcludeRecipient(_) => "exclude recipient",
            Self::RetryRecipient(_) => "retry recipient",
            Self::ResolveAttempt { verdict: Verdict::Sent, .. } => "settle as sent",
            Self::ResolveAttempt { verdict: Verdict::NotSent, .. } => "settle as not sent",
            Self::ResolveAttempt { verdict: Verdict::Resend, .. } => "resend",
            Self::Answer { .. } => "answer",
            Self::AssignThread { .. } => "assign thread",
            Self::EndThread(_) => "end thread",
            Self::SetSlot { slot: Some(_), .. } => "set slot",
            Self::SetSlot { slot: None, .. } => "release slot",
            Self::ResetSlots(_) => "reset slots",
            Self::IncludeAgain { .. } => "take people back",
            Self::AcceptFinding { .. } => "accept finding",
            Self::AddPool(_) => "add pool",
            Self::EditPool { .. } => "edit pool",
            Self::RemovePool(_) => "remove pool",
            Self::EditSettings(_) => "edit settings",
            Self::Acknowledge(_) => "acknowledge",
            Self::AddChannel { .. } => "add alert channel",
            Self::EditChannel { .. } => "edit alert channel",
            Self::RemoveChannel(_) => "remove alert channel",
            Self::StopAll => "stop all sending",
            Self::ReleaseStop => "lift the stop",
        }
    }

    /// Whether messages may go out, or something ends for good, because of it. Such an action is never done without a
    /// question. Stopping is not such a thing.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        match self {
            // Of terms, settings, pools, priority and limits the screen knows the former value: it asks when more goes out, or elsewhere.
            Self::PauseCampaign(_)
            | Self::SuspendNumber { .. }
            | Self::DisableNumber(_)
            | Self::ExcludeRecipient(_)
            | Self::AssignThread { .. }
            | Self::EndThread(_)
            | Self::StopAll
            | Self::SetPriority { .. }
            | Self::SetLimits { .. }
            | Self::DescribeNumber { .. }
            | Self::SetUpNumber { .. }
            | Self::SetTerms { .. }
            | Self::SetSlot { slot: Some(_), .. }
            | Self::AcceptFinding { .. }
            | Self::AddPool(_)
            | Self::EditPool { .. }
            | Self::EditSettings(_)
            | Self::Acknowledge(_)
            | Self::AddChannel { .. }
            | Self::EditChannel { .. }
            | Self::AddNumber(_) => false,
            Self::ResumeCampaign(_)
            | Self::CancelCampaign(_)
            | Self::StartCampaign(_)
            | Self::WidenRollout { .. }
            | Self::ResumeNumber(_)
            | Self::EnableNumber(_)
            | Self::FailOverNumber(_)
            | Self::RemoveNumber(_)
            | Self::MoveLoad { .. }
            | Self::RetryRecipient(_)
            | Self::ResolveAttempt { .. }
            | Self::Answer { .. }
            | Self::SetSlot { slot: None, .. }
            | Self::ResetSlots(_)
            | Self::IncludeAgain { .. }
            | Self::RemoveChannel(_)
            | Self::RemovePool(_)
            | Self::ReleaseStop => true,
        }
    }
}

/// An action as it is handed over: what, on which version, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What to do.
    pub action: Action,
    /// The version that the operator saw; `None` where nothing existed before or the state is named whole.
    pub expected: Option<Version>,
    /// The operator's own words, for the audit log.
    pub reason: Option<String>,
}

impl Order {
    /// An order on a row of this version.
    #[must_use]
    pub fn on(action: Action, expected: Version) -> Self {
        Self { action, expected: Some(expected), reason: None }
    }

    /// An order that names the whole state, on no particular version.
    #[must_use]
    pub fn whole(action: Action) -> Self {
        Self { action, expected: None, reason: None }
    }

    /// The same, with the operator's words.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopping_needs_no_question_and_starting_does() {
        let (campaign, number) = (CampaignId::new(), NumberId::new());
        for stops in [
            Action::PauseCampaign(campaign),
            Action::SuspendNumber { number, until: None },
            Action::DisableNumber(number),
            Action::StopAll,
        ] {
            assert!(!stops.needs_consent(), "{}", stops.name());
        }
        for starts in [
            Action::ResumeCampaign(campaign),
            Action::StartCampaign(campaign),
            Action::WidenRollout { campaign, stage: 1 },
            Action::ResumeNumber(number),
            Action::FailOverNumber(number),
            Action::ReleaseStop,
        ] {
            assert!(starts.needs_consent(), "{}", starts.name());
        }
    }
}
