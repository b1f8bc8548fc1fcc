//! Holds: the one reason why something waits now, and when it opens.
//!
//! The set is closed. The sender obeys a hold, and the screen, the log and `why` print the very same value, so they
//! cannot disagree. Several holds may apply at once; the gates have an order, and the first closed one binds.

use super::campaign::CampaignState;
use super::day::{is_repeated, local_date, start_of_day};
use chrono::{DateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt};

pub mod facts;
mod gate;

pub use gate::{Gate, GateName, account_room, gates, number_room, room};

/// Whose cap is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// The number's, by calendar day.
    Number,
    /// The number's, on a day of its warm-up.
    WarmUp {
        /// Which day of it; 1 is the first.
        day: u32,
    },
    /// The campaign's, by calendar day.
    Campaign,
    /// The organisation's, by calendar day.
    Organization,
    /// The account's, over a rolling 24 hours.
    Account,
}

/// Whose breaker is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerScope {
    /// One number's.
    Number,
    /// That of all numbers of one account.
    Account,
    /// That of all numbers at one provider.
    Provider,
}

/// Why something waits now. Texts from outside (`reason`, `holder`) must be clean (`Safe`) before they come in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Hold {
    /// Postgres cannot be reached or cannot record: what cannot be recorded is not sent.
    StoreUnwell {
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody pressed the panic key.
    SendingStopped {
        /// Who.
        by: String,
    },
    /// No sender runs on this database.
    NoSender,
    /// The campaign was never started.
    CampaignDraft,
    /// The campaign starts by itself at a time.
    CampaignScheduled {
        /// When; `None`: it waits for something that is no time.
        starts: Option<DateTime<Utc>>,
    },
    /// Somebody, or a safety rule, paused the campaign.
    CampaignPaused {
        /// Who, or what.
        by: Option<String>,
    },
    /// The campaign starts when another one is completed.
    RunsAfter {
        /// The other one's name.
        campaign: String,
        /// It was cancelled, and will never be completed.
        cancelled: bool,
    },
    /// No sender was there when the campaign was to start, and somebody is to decide.
    StartMissed {
        /// When it was to start.
        at: DateTime<Utc>,
    },
    /// A standing campaign waits while another one runs.
    Yields {
        /// The campaign that runs.
        to: String,
    },
    /// Everybody whom the stage of its rollout lets go has been sent to.
    RolloutStage {
        /// Percent of its people.
        percent: u32,
        /// What the next stage waits for.
        why: String,
        /// When it opens, if only time is missing.
        until: Option<DateTime<Utc>>,
    },
    /// The campaign is completed or cancelled.
    CampaignFinished {
        /// Which of the two.
        state: CampaignState,
    },
    /// The organisation's subscription is over.
    SubscriptionEnded {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Nobody is written to at this hour, or on this day.
    QuietHours {
        /// When the hours open; `None`: never, they exclude each other.
        opens: Option<DateTime<Utc>>,
    },
    /// It is too late for all messages of the campaign.
    TooLate {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The person asked not to be written to. Does not open.
    OptedOut,
    /// The earlier try may have been taken; only evidence or an operator's word lets it go on.
    InDoubt {
        /// When that try began.
        since: DateTime<Utc>,
    },
    /// The step is due later.
    NotDue {
        /// When.
        due: DateTime<Utc>,
    },
    /// The delay of a step was edited, and those who wait for it are being moved to their new times.
    TimesChange,
    /// The rollout of the campaign has not come to this person yet.
    KeptBack,
    /// The last try failed for now, and the provider or our rule says when to try again.
    RetryLater {
        /// Not before.
        until: DateTime<Utc>,
        /// What the last try met.
        reason: String,
    },
    /// No number of the pool can send what the campaign carries.
    Unsendable {
        /// Which step, which accounts, and why.
        reason: String,
    },
    /// The pool has no number in service and there is no default number.
    NoNumber {
        /// The pool's name.
        pool: String,
    },
    /// An operator switched the number off.
    NumberDisabled,
    /// Somebody, or a provider's answer, took the number out of service.
    NumberSuspended {
        /// In the words of whoever did it.
        reason: String,
        /// When it ends by itself.
        until: Option<DateTime<Utc>>,
    },
    /// The sender that holds the number's lease cannot make it ready: its token does not open, or its id is none.
    NumberUnusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The number rests: throttled or out of a provider-side limit.
    NumberLimited {
        /// Why.
        reason: String,
        /// When it goes on.
        until: DateTime<Utc>,
    },
    /// Too many faults in a row: a rest, then one trial.
    BreakerOpen {
        /// Whose breaker.
        scope: BreakerScope,
        /// When the trial is made.
        until: DateTime<Utc>,
    },
    /// Another number of the pool goes first; this one is a backup or is ahead of its share.
    NotChosen {
        /// The number that goes first, as the screen shows it.
        instead: String,
    },
    /// Another instance sends through the number, or none has taken it yet.
    NoLease {
        /// Who holds it; `None`: nobody yet.
        holder: Option<String>,
    },
    /// A cap is full.
    CapReached {
        /// Whose.
        scope: CapScope,
        /// The cap.
        limit: u32,
        /// When there is room again; `None`: nobody can say.
        opens: Option<DateTime<Utc>>,
    },
    /// Campaigns that go first, or are behind their share, use all that the number can carry.
    GivesWay,
    /// The number keeps its distance between two messages.
    Paced {
        /// When its next slot opens.
        until: DateTime<Utc>,
    },
    /// As many messages wait in the gateway's own queue as may: a pause, a STOP or a failover does not reach them there.
    QueueFull {
        /// How many that is.
        limit: u32,
    },
    /// As many requests are on the wire as the number may have.
    InFlightFull {
        /// How many that is.
        limit: u32,
    },
}

impl Hold {
    /// The name that JSON, the database and the log use.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::StoreUnwell { .. } => "store_unwell",
            Self::SendingStopped { .. } => "sending_stopped",
            Self::NoSender => "no_sender",
            Self::CampaignDraft => "campaign_draft",
            Self::CampaignScheduled { .. } => "campaign_scheduled",
            Self::CampaignPaused { .. } => "campaign_paused",
            Self::RunsAfter { .. } => "runs_after",
            Self::StartMissed { .. } => "start_missed",
            Self::Yields { .. } => "yields",
            Self::RolloutStage { .. } => "rollout_stage",
            Self::CampaignFinished { .. } => "campaign_finished",
            Self::SubscriptionEnded { .. } => "subscription_ended",
            Self::QuietHours { .. } => "quiet_hours",
            Self::TooLate { .. } => "too_late",
            Self::OptedOut => "opted_out",
            Self::InDoubt { .. } => "in_doubt",
            Self::NotDue { .. } => "not_due",
            Self::TimesChange => "times_change",
            Self::KeptBack => "kept_back",
            Self::RetryLater { .. } => "retry_later",
            Self::Unsendable { .. } => "content_unsendable",
            Self::NoNumber { .. } => "no_number",
            Self::NumberDisabled => "number_disabled",
            Self::NumberSuspended { .. } => "number_suspended",
            Self::NumberUnusable { .. } => "number_unusable",
            Self::NumberLimited { .. } => "number_limited",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::NotChosen { .. } => "not_chosen",
            Self::NoLease { .. } => "no_lease",
            Self::CapReached { .. } => "cap_reached",
            Self::GivesWay => "gives_way",
            Self::Paced { .. } => "paced",
            Self::QueueFull { .. } => "queue_full",
            Self::InFlightFull { .. } => "in_flight_full",
        }
    }

    /// When it opens by itself; `None`: not by itself, or nobody can say.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::CampaignScheduled { starts: at }
            | Self::QuietHours { opens: at }
            | Self::NumberSuspended { until: at, .. }
            | Self::RolloutStage { until: at, .. }
            | Self::CapReached { opens: at, .. } => *at,
            Self::NotDue { due: at }
            | Self::RetryLater { until: at, .. }
            | Self::NumberLimited { until: at, .. }
            | Self::BreakerOpen { until: at, .. }
            | Self::Paced { until: at } => Some(*at),
            Self::StoreUnwell { .. }
            | Self::SendingStopped { .. }
            | Self::NoSender
            | Self::CampaignDraft
            | Self::CampaignPaused { .. }
            | Self::RunsAfter { .. }
            | Self::StartMissed { .. }
            | Self::Yields { .. }
            | Self::CampaignFinished { .. }
            | Self::SubscriptionEnded { .. }
            | Self::TooLate { .. }
            | Self::OptedOut
            | Self::InDoubt { .. }
            | Self::TimesChange
            | Self::KeptBack
            | Self::Unsendable { .. }
            | Self::NoNumber { .. }
            | Self::NumberDisabled
            | Self::NumberUnusable { .. }
            | Self::NotChosen { .. }
            | Self::NoLease { .. }
            | Self::GivesWay
            | Self::QueueFull { .. }
            | Self::InFlightFull { .. } => None,
        }
    }

    /// Whether it opens without anybody doing anything: by time, or because work that is on the wire ends.
    #[must_use]
    pub fn opens_by_itself(&self) -> bool {
        self.until().is_some()
            || matches!(
                self,
                Self::InFlightFull { .. }
                    | Self::TimesChange
                    | Self::QueueFull { .. }
                    | Self::GivesWay
                    | Self::NotChosen { .. }
                    | Self::RunsAfter { cancelled: false, .. }
                    | Self::Yields { .. }
            )
    }

    /// Of two ways to go on that wait, the one that opens first; one that does not open by itself comes last. For a
    /// campaign that may use several numbers, and for a number that carries several campaigns.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        if opens_before(&other, &self) == Ordering::Less { other } else { self }
    }

    /// What to say where none of several is in service: the hold of the first that is back by itself, or of the only one
    /// there is. `None`: there is none, or somebody must act and it is not said on which.
    #[must_use]
    pub fn first_back(holds: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut count = 0;
        let first = holds.into_iter().inspect(|_| count += 1).reduce(Self::sooner)?;
        (count == 1 || first.until().is_some()).then_some(first)
    }

    /// The gate that this hold keeps closed.
    #[must_use]
    pub fn gate(&self) -> GateName {
        match self {
            Self::StoreUnwell { .. } => GateName::Store,
            Self::SendingStopped { .. } => GateName::Switch,
            Self::NoSender => GateName::Sender,
            Self::CampaignDraft
            | Self::CampaignScheduled { .. }
            | Self::CampaignPaused { .. }
            | Self::RunsAfter { .. }
            | Self::StartMissed { .. }
            | Self::Yields { .. }
            | Self::CampaignFinished { .. } => GateName::Campaign,
            Self::SubscriptionEnded { .. } => GateName::Subscription,
            Self::QuietHours { .. } | Self::TooLate { .. } => GateName::Window,
            Self::OptedOut => GateName::Consent,
            Self::InDoubt { .. } => GateName::Doubt,
            Self::NotDue { .. }
            | Self::RetryLater { .. }
            | Self::RolloutStage { .. }
            | Self::TimesChange
            | Self::KeptBack => GateName::Due,
            Self::Unsendable { .. } => GateName::Content,
            Self::NoNumber { .. } | Self::NotChosen { .. } => GateName::Pool,
            Self::NumberDisabled
            | Self::NumberSuspended { .. }
            | Self::NumberUnusable { .. }
            | Self::NumberLimited { .. } => GateName::Number,
            Self::BreakerOpen { .. } => GateName::Breaker,
            Self::NoLease { .. } => GateName::Lease,
            Self::CapReached { scope, .. } => match scope {
                CapScope::Organization => GateName::OrganizationCap,
                CapScope::Account => GateName::AccountCap,
                CapScope::Campaign => GateName::CampaignCap,
                CapScope::Number | CapScope::WarmUp { .. } => GateName::NumberCap,
            },
            Self::GivesWay => GateName::Share,
            Self::Paced { .. } | Self::QueueFull { .. } | Self::InFlightFull { .. } => GateName::Pace,
        }
    }

    /// One line for the operator: what holds it and when it opens, in the organisation's `zone`.
    #[must_use]
    pub fn sentence(&self, zone: Tz) -> String {
        match self {
            Self::StoreUnwell { reason } => format!("the database is not well, nothing is sent: {reason}"),
            Self::SendingStopped { by } => {
                format!("all sending was stopped by {by}, until somebody resumes it")
            }
            Self::NoSender => "no sender runs on this database".to_owned(),
            Self::Yields { to } => format!("yields to {to}, until no other campaign runs"),
            Self::CampaignDraft
            | Self::CampaignScheduled { .. }
            | Self::CampaignPaused { .. }
            | Self::RunsAfter { .. }
            | Self::StartMissed { .. }
            | Self::SubscriptionEnded { .. }
            | Self::QuietHours { .. }
            | Self::TooLate { .. } => self.life_sentence(zone),
            Self::RolloutStage { percent, why, until } => {
                let opens = until.map_or_else(String::new, |at| format!(", opens {}", When::exact(at, zone)));
                format!("rolled out to {percent} %, the next stage waits: {why}{opens}")
            }
            Self::CampaignFinished { state } => format!("the campaign is {state}"),
            Self::OptedOut => "this person asked not to be written to".to_owned(),
            Self::InDoubt { since } => format!(
                "in doubt since {}: waits for the provider's evidence or an operator's verdict",
                When::plain(*since, zone)
            ),
            Self::NotDue { due } => format!("not due, opens {}", When::exact(*due, zone)),
            Self::TimesChange => {
                "the delay of a step was edited: those who wait are being moved to their new times".to_owned()
            }
            Self::KeptBack => "kept back by the rollout, until a later stage opens".to_owned(),
            Self::RetryLater { until, reason } => {
                format!("tried without success ({reason}), again {}", When::exact(*until, zone))
            }
            Self::Unsendable { reason } => format!("no number can send it: {reason}"),
            Self::NoNumber { pool } => {
                format!("no number of pool {pool} is in service and the organisation has no default number")
            }
            Self::NotChosen { instead } => format!("number {instead} goes first"),
            Self::NoLease { holder: Some(holder) } => format!("{holder} sends through this number"),
            Self::NoLease { holder: None } => "no sender has taken this number yet".to_owned(),
            Self::GivesWay => "gives way to campaigns that go first or are behind their share".to_owned(),
            Self::Paced { until } => format!("paced, next slot {}", When::time(*until, zone)),
            Self::QueueFull { limit } => {
                format!("{limit} messages wait in the gateway's own queue, as many as allowed")
            }
            Self::InFlightFull { limit: 1 } => "waits for the answer to the message on the wire".to_owned(),
            Self::InFlightFull { limit } => format!("{limit} messages are on the wire, as many as allowed"),
            Self::NumberDisabled
            | Self::NumberSuspended { .. }
            | Self::NumberUnusable { .. }
            | Self::NumberLimited { .. }
            | Self::BreakerOpen { .. } => self.number_sentence(zone),
            Self::CapReached { scope, limit, opens } => cap_sentence(*scope, *limit, *opens, zone),
        }
    }

    /// What keeps a campaign that is not at work, or not at this hour.
    fn life_sentence(&self, zone: Tz) -> String {
        match self {
            Self::CampaignDraft => "the campaign is a draft, until somebody starts it".to_owned(),
            Self::CampaignScheduled { starts: Some(at) } => {
                format!("the campaign starts {}", When::exact(*at, zone))
            }
            Self::CampaignScheduled { starts: None } => "the campaign waits for its start".to_owned(),
            Self::CampaignPaused { by: Some(by) } => {
                format!("campaign paused by {by}, until somebody resumes it")
            }
            Self::CampaignPaused { by: None } => "campaign paused, until somebody resumes it".to_owned(),
            Self::RunsAfter { campaign, cancelled: false } => format!("starts when {campaign} is completed"),
            Self::RunsAfter { campaign, cancelled: true } => {
                format!("was to start after {campaign}, which was cancelled: start it by hand, or cancel it")
            }
            Self::StartMissed { at } => format!(
                "its start at {} was missed, no sender was there: start it by hand, or schedule it anew",
                When::plain(*at, zone)
            ),
            Self::SubscriptionEnded { since } => {
                format!("the subscription ended {}: nothing is sent", When::plain(*since, zone))
            }
            Self::QuietHours { opens: Some(at) } => format!("quiet hours, opens {}", When::exact(*at, zone)),
            Self::QuietHours { opens: None } => {
                "its window and the organisation's hours never open together: change one of them".to_owned()
            }
            Self::TooLate { since } => {
                format!("too late since {}: who waits is skipped", When::plain(*since, zone))
            }
            _ => "the campaign waits".to_owned(),
        }
    }

    fn number_sentence(&self, zone: Tz) -> String {
        match self {
            Self::NumberSuspended { reason, until: Some(at) } => {
                format!("number suspended until {}: {reason}", When::plain(*at, zone))
            }
            Self::NumberSuspended { reason, until: None } => {
                format!("number suspended, until somebody resumes it: {reason}")
            }
            Self::NumberUnusable { reason } => {
                format!("the number cannot send until somebody corrects it or its account: {reason}")
            }
            Self::NumberLimited { reason, until } => {
                format!("number rests until {}: {reason}", When::plain(*until, zone))
            }
            Self::BreakerOpen { scope, until } => {
                let whose = match scope {
                    BreakerScope::Number => "number",
                    BreakerScope::Account => "account",
                    BreakerScope::Provider => "provider",
                };
                format!("too many faults in a row at this {whose}, next trial {}", When::time(*until, zone))
            }
            _ => "number switched off, until somebody switches it on".to_owned(),
        }
    }
}

fn cap_sentence(scope: CapScope, limit: u32, opens: Option<DateTime<Utc>>, zone: Tz) -> String {
    // The number's cap is the usual one and needs no adjective; scripts know this sentence by heart.
    let whose = match scope {
        CapScope::Number => "",
        CapScope::Campaign => "campaign ",
        CapScope::Organization => "organisation ",
        CapScope::Account => "account ",
        CapScope::WarmUp { day } => {
            let opens = opens.map(|at| format!(", opens {}", When::time(at, zone))).unwrap_or_default();
            return format!("warm-up day {day}: {limit} a day, all sent{opens}");
        }
    };
    match opens {
        // A moving day may open tomorrow at any time.
        Some(at) if scope == CapScope::Account => {
            format!(
                "account cap reached: {limit} people in 24 hours, the next from {}",
                When::plain(at, zone)
            )
        }
        _ if limit == 0 => format!("{whose}cap is 0, opens when somebody raises it"),
        Some(at) => format!("{whose}cap reached, opens {}", When::time(at, zone)),
        None => format!("{whose}cap reached, nobody can say when it opens"),
    }
}

/// An instant as an operator reads it, with the name of its zone.
struct When {
    at: DateTime<Utc>,
    zone: Tz,
    with_date: bool,
    word: &'static str,
}

impl When {
    /// `at 09:00 Africa/Douala`, or `at midnight …` where a day begins.
    fn time(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { at, zone, with_date: false, word: "at " }
    }

    /// `2026-12-01 09:00 Africa/Douala`.
    fn plain(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { at, zone, with_date: true, word: "" }
    }

    /// `at 2026-12-01 09:00 Africa/Douala`.
    fn exact(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { word: "at ", ..Self::plain(at, zone) }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.at.with_timezone(&self.zone);
        f.write_str(self.word)?;
        if self.with_date {
            write!(f, "{}", local.format("%Y-%m-%d %H:%M"))?;
        } else if local.time() == NaiveTime::MIN
            && start_of_day(local_date(self.at, self.zone), self.zone) == self.at
        {
            f.write_str("midnight")?;
        } else if local.second() == 0 {
            write!(f, "{}", local.format("%H:%M"))?;
        } else {
            write!(f, "{}", local.format("%H:%M:%S"))?;
        }
        if is_repeated(self.at, self.zone) {
            write!(f, " (UTC{})", local.format("%:z"))?;
        }
        write!(f, " {}", self.zone)
    }
}

/// The hold that binds: the one at the first closed gate, and of several there the one that opens last.
#[must_use]
pub fn binding(holds: &[Hold]) -> Option<&Hold> {
    let first = holds.iter().map(Hold::gate).min()?;
    last_to_open(holds.iter().filter(|hold| hold.gate() == first))
}

fn last_to_open<'a>(mut holds: impl Iterator<Item = &'a Hold>) -> Option<&'a Hold> {
    let first = holds.next()?;
    Some(holds.fold(first, |last, hold| if opens_before(last, hold) == Ordering::Less { hold } else { last }))
}

/// Orders by when a hold opens: at a time, then by itself at no known time, then not by itself.
fn opens_before(one: &Hold, other: &Hold) -> Ordering {
    let key = |hold: &Hold| match hold.until() {
        Some(at) => (0, at),
        None if hold.opens_by_itself() => (1, DateTime::<Utc>::MAX_UTC),
        None => (2, DateTime::<Utc>::MAX_UTC),
    };
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests;
