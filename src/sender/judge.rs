//! What follows from an outcome: for the recipient, for the number, for the account, for the campaign. Pure.

use crate::domain::ids::AttemptId;
use crate::domain::{
    attempt::AttemptState,
    outcome::{Blame, Class, Failure, Outcome, Retry, Scope},
};
use crate::store::attempt::{Next, OutcomeRecord};
use std::time::Duration;

/// Most tries of one step when the provider refuses for now.
pub const MOST_TRIES: i16 = 5;
/// Most of them when it cannot say why (`meta-cloud.md` section 4 for 1, `twilio.md` section 4 for 30008).
const MOST_UNEXPLAINED_TRIES: i16 = 2;
/// First wait after a send that provably never began; doubles with every try.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Longest such wait.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// Longest wait of one person for one number.
const LONGEST_PAIR_WAIT: Duration = Duration::from_mins(30);
/// How long a message waits that may not leave its number, before it is looked at again.
const WAIT_FOR_NUMBER: Duration = Duration::from_mins(1);
/// How long a number rests after a throttle that names no time.
const REST: Duration = Duration::from_secs(30);

/// What an answer asks of a number, an account or a campaign, beyond its own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Take the number out of service.
    SuspendNumber,
    /// Let the number rest.
    RestNumber(Duration),
    /// Let the number rest, and go slower afterwards.
    ThrottleNumber(Duration),
    /// Take every number of the account out of service.
    SuspendAccount,
    /// Let every number of the account rest.
    RestAccount(Duration),
    /// Let every number of the account rest, and go slower afterwards.
    ThrottleAccount(Duration),
    /// The same for every number that shares the credential.
    ThrottleApp(Duration),
    /// The person asked not to be written to.
    OptOut,
    /// One more refusal of this content.
    ContentRefused,
    /// The template may not be sent, to nobody.
    TemplateStopped,
    /// One more fault of the provider or of the way to it; the breaker counts them.
    ProviderFault {
        /// Whether the provider was reached at all.
        reached: bool,
    },
    /// One more refusal that nobody can read.
    UnknownRefusal,
    /// All is well: faults in a row end here.
    Well,
}

/// What is to be written and done about one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the recipient.
    pub next: Next,
    /// What is asked of others.
    pub measure: Measure,
}

/// Judges an outcome. `tries` counts this try; `never_switch` is the campaign's policy.
#[must_use]
pub fn judge(outcome: &Outcome, tries: i16, never_switch: bool) -> Judgement {
    match outcome {
        Outcome::Accepted { .. } => Judgement { next: Next::Advance, measure: Measure::Well },
        Outcome::InDoubt(_) => {
            Judgement { next: Next::Doubt, measure: Measure::ProviderFault { reached: true } }
        }
        Outcome::NotSent(failure) => not_sent(failure, tries),
        Outcome::Rejected(failure) => {
            Judgement { next: next_of(failure, tries, never_switch), measure: measure_of(failure.class) }
        }
    }
}

impl Judgement {
    /// The same of a refusal that speaks of the template and of nobody who would have got it: who was refused waits for the
    /// campaign to go on.
    #[must_use]
    pub fn of_stopped_template(self, tries: i16) -> Self {
        let next = if tries < MOST_TRIES { Next::Retry(Duration::ZERO) } else { self.next };
        Self { next, measure: Measure::TemplateStopped }
    }
}

fn not_sent(failure: &Failure, tries: i16) -> Judgement {
    match failure.class.blame() {
        // We stopped it ourselves: paused, suspended, too late. It may go at once.
        Blame::Us => Judgement { next: Next::Retry(Duration::ZERO), measure: Measure::Well },
        // The text cannot be made for this person.
        Blame::Content => Judgement { next: Next::Skip, measure: Measure::Well },
        _ => Judgement {
            next: Next::Retry(backoff(tries)),
            measure: Measure::ProviderFault { reached: false },
        },
    }
}

fn next_of(failure: &Failure, tries: i16, never_switch: bool) -> Next {
    let most = match failure.class {
        Class::Unexplained(_) => MOST_UNEXPLAINED_TRIES,
        _ => MOST_TRIES,
    };
    let may_try_again = tries < most;
    match failure.class.retry() {
        Retry::Never => Next::Fail,
        Retry::After(_) | Retry::WhenNumberRecovers if !may_try_again => Next::Fail,
        // Too many to this person from this number: nobody else waits, and no other number tries.
        Retry::After(wait) if matches!(failure.class, Class::Throttled(Scope::Pair, _)) => {
            Next::Keep(pair_wait(wait, tries))
        }
        // The provider protects this person: from another number it is the same refusal, and harms that one.
        Retry::After(wait) if failure.class.blame() == Blame::Recipient => Next::Keep(wait.max(FIRST_WAIT)),
        Retry::After(wait) => Next::Retry(wait.max(FIRST_WAIT)),
        Retry::WhenNumberRecovers => Next::Retry(Duration::ZERO),
        // The number stays in service, so nothing but the count keeps the message from coming back to it.
        Retry::AnotherNumber if failure.class == Class::DestinationRefused && !may_try_again => Next::Fail,
        Retry::AnotherNumber if never_switch => Next::Keep(WAIT_FOR_NUMBER),
        Retry::AnotherNumber => Next::Switch,
    }
}

fn measure_of(class: Class) -> Measure {
    match class {
        Class::NumberSuspended => Measure::SuspendNumber,
        Class::NumberLimited(rest) => Measure::RestNumber(rest),
        Class::AccountLimited(rest) => Measure::RestAccount(rest),
        Class::NumberAuth | Class::AccountFatal => Measure::SuspendAccount,
        Class::Throttled(Scope::Account | Scope::Provider, rest) => Measure::ThrottleAccount(rest.max(REST)),
        Class::Throttled(Scope::App, rest) => Measure::ThrottleApp(rest.max(REST)),
        Class::Throttled(Scope::Number, rest) => Measure::ThrottleNumber(rest.max(Duration::from_secs(1))),
        Class::Throttled(_, _)
        | Class::DestinationRefused
        | Class::RecipientInvalid
        | Class::RecipientBlocked
        | Class::RecipientDeferred(_)
        | Class::Withheld => Measure::Well,
        Class::OptedOut => Measure::OptOut,
        Class::ContentRejected => Measure::ContentRefused,
        Class::Transient(_) | Class::Unexplained(_) => Measure::ProviderFault { reached: true },
        Class::Unknown => Measure::UnknownRefusal,
    }
}

/// How long one person waits for one number: as long as the provider says at first, and four times as long after each
/// further try (`meta-cloud.md` section 5: 4ⁿ seconds).
fn pair_wait(wait: Duration, tries: i16) -> Duration {
    let again = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(8);
    wait.max(FIRST_WAIT).saturating_mul(4_u32.saturating_pow(again)).min(LONGEST_PAIR_WAIT)
}

fn backoff(tries: i16) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

/// The row that records this outcome.
#[must_use]
pub fn record(
    attempt: AttemptId,
    outcome: &Outcome,
    judgement: &Judgement,
    took: Option<Duration>,
) -> OutcomeRecord {
    let state = match outcome {
        Outcome::Accepted { .. } => AttemptState::Accepted,
        Outcome::Rejected(_) => AttemptState::Rejected,
        Outcome::NotSent(_) => AttemptState::NotSent,
        Outcome::InDoubt(_) => AttemptState::InDoubt,
    };
    let provider_message_id = match outcome {
        Outcome::Accepted { provider_message_id } => Some(provider_message_id.clone()),
        _ => None,
    };
    let failure = outcome.failure();
    OutcomeRecord {
        attempt,
        state,
        provider_message_id,
        class: failure.map(|failure| failure.class.name().to_owned()),
        blame: failure.map(|failure| failure.class.blame().name().to_owned()),
        code: failure.and_then(|failure| failure.code.clone()),
        words: failure.map(|failure| failure.words.clone()),
        duration_ms: took.map(|took| i32::try_from(took.as_millis()).unwrap_or(i32::MAX)),
        next: String::new(),
        delay_ms: 0,
        reason: failure.map(reason_of),
    }
    .with_next(&judgement.next)
}

/// Why the recipient is where it is, for lists: our word for the class, and the provider's code.
#[must_use]
pub fn reason_of(failure: &Failure) -> String {
    match (&failure.class, failure.code.as_deref()) {
        (Class::ContentRejected, Some(code)) if failure.words.is_empty() => code.to_owned(),
        (class, Some(code)) => format!("{}: {code}", class.name()),
        (class, None) => class.name().to_owned(),
    }
}

#[cfg(test)]
mod tests;
