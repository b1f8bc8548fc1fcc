//! One message on its way: from the committed intent to an outcome. Never cancelled half-way.

use super::{
    clock::Moment,
    judge::{self, Judgement, Measure},
    line::ReadyLine,
    shared::Shared,
    stop_point,
    text::Unwritten,
    warden::Note,
};
use crate::domain::outcome::{Class, Failure, Outcome};
use crate::provider::{Content, Evidence, Lookup, Outgoing};
use crate::store::attempt::{ClaimedMessage, Next, OutcomeRecord};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How long a gateway may take to say whether it kept what it refused.
const LOOKS_FOR: Duration = Duration::from_secs(3);

/// An outcome on its way to the database.
pub struct Settled {
    /// What is written.
    pub record: OutcomeRecord,
    /// What consoles are told once it is committed.
    pub report: super::event::SendEvent,
}

/// Everything one flight needs.
pub struct Flight {
    /// The message, its intent committed.
    pub message: ClaimedMessage,
    /// What it says, or why it cannot be said.
    pub content: Result<Content, Unwritten>,
    /// Through what.
    pub line: Arc<ReadyLine>,
    /// When the claim began: earlier than the intent.
    pub claimed: Moment,
    /// Whether the campaign's messages never change their number.
    pub never_switch: bool,
}

/// Takes the message off the counts of what is in the air, even if the task panics; then the attempt stays *sending*
/// and the sweep finds it in doubt.
struct Landing {
    shared: Arc<Shared>,
    line: Arc<ReadyLine>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.line.gauge.remove();
        self.shared.landed();
    }
}

/// So many flights share a task.
const FORMATION: usize = 64;

/// Sends flights off in formations, each a task of its own that is never cancelled. A task for each flight would cost
/// more in allocations and wake-ups than its request does. A panic ends the flight it happens in and no other.
pub fn take_off(shared: &Arc<Shared>, flights: Vec<Flight>) {
    let mut flights = flights.into_iter().peekable();
    while flights.peek().is_some() {
        let formation: FuturesUnordered<_> = flights
            .by_ref()
            .take(FORMATION)
            .map(|flight| AssertUnwindSafe(fly(Arc::clone(shared), flight)).catch_unwind())
            .collect();
        // Each flight waits for its own connection: none may be held up because others were busy.
        tokio::spawn(tokio::task::coop::unconstrained(land_all(formation)));
    }
}

async fn land_all<F: Future<Output = std::thread::Result<()>>>(mut airborne: FuturesUnordered<F>) {
    while let Some(landed) = airborne.next().await {
        if landed.is_err() {
            tracing::error!("a flight ended in a panic; its attempt will be found in doubt");
        }
    }
}

/// Flies. Ends with an outcome on its way to the recorder.
async fn fly(shared: Arc<Shared>, flight: Flight) {
    let landing = Landing { shared: Arc::clone(&shared), line: Arc::clone(&flight.line) };
    stop_point::reach("after_intent").await;
    let (outcome, took) = match refuse_to_begin(&shared, &flight) {
        Some(failure) => (Outcome::NotSent(failure), None),
        None => send(&shared, &flight).await,
    };
    stop_point::reach("after_answer").await;
    let mut judgement = judge(&flight, &outcome);
    let outcome = match kept_all_the_same(&shared, &flight, &outcome, &judgement).await {
        // The number is treated as its answer asks; the message waits for what the gateway does with it.
        Some(doubt) => {
            judgement.next = Next::Doubt;
            doubt
        }
        None => outcome,
    };
    let note = Note::of(&flight, &outcome, &judgement);
    // Closed here, before the landing frees the slot: until the warden has come to it, the engine would claim the next
    // message for a number that was refused.
    if let Some(note) = &note {
        note.close_at_once(&shared);
    }
    let settled = settle(&flight, outcome, &judgement, took);
    shared.known(&settled.report.outcome);
    drop(landing);
    if let Some(note) = note
        && shared.measures.send(note).await.is_err()
    {
        tracing::error!("the warden is gone; what an answer asked for was not done");
    }
    if shared.outcomes.send(settled).await.is_err() {
        tracing::error!(attempt.id = %flight.message.attempt, "the recorder is gone; the attempt will be found in doubt");
    }
}

/// Judges the outcome. What is wrong with a template concerns all who would get it.
fn judge(flight: &Flight, outcome: &Outcome) -> Judgement {
    let tries = flight.message.tries;
    let judgement = judge::judge(outcome, tries, flight.never_switch);
    let is_template = matches!(flight.content, Ok(Content::Template(_)));
    let code = outcome.failure().and_then(|failure| failure.code.as_deref());
    let stops = judgement.measure == Measure::ContentRefused
        && code.is_some_and(|code| flight.line.provider.stops_template(code));
    if is_template && stops { judgement.of_stopped_template(tries) } else { judgement }
}

/// Why the request is not begun, if it is not.
fn refuse_to_begin(shared: &Shared, flight: &Flight) -> Option<Failure> {
    if let Err(Unwritten::Skip(reason)) = &flight.content {
        return Some(Failure {
            class: Class::ContentRejected,
            code: Some(reason.code().to_owned()),
            words: reason.to_string(),
        });
    }
    let withheld = |code: &str, words: &str| {
        Some(Failure { class: Class::Withheld, code: Some(code.to_owned()), words: words.to_owned() })
    };
    if let Err(Unwritten::Cannot(cannot)) = &flight.content {
        // The plan did not know yet. It goes back to the queue, for a number that can.
        return withheld("content_unsendable", &format!("{} {cannot}", flight.line.kind()));
    }
    if flight.content == Err(Unwritten::Edited) {
        // It goes back to the queue, and is written anew when the new steps are here.
        shared.refresh.notify_one();
        return withheld("step_edited", "the campaign's steps were edited meanwhile");
    }
    let window = shared.config.timing.start_window;
    if flight.claimed.age() > window {
        return withheld(
            "start_window",
            &format!("more than {} s had passed since the claim", window.as_secs()),
        );
    }
    let gate = shared.gate();
    if gate.stopped {
        return withheld("stopped", "all sending was stopped meanwhile");
    }
    if flight.message.campaign().is_some_and(|campaign| !gate.campaigns.contains(&campaign)) {
        return withheld("paused", "the campaign was paused meanwhile");
    }
    if gate.closed_numbers.contains(&flight.message.number) {
        return withheld("number_closed", "the number was taken out of service meanwhile");
    }
    if !shared.trusts(flight.message.number) {
        return withheld("lease", "the lease of the number could not be renewed in time");
    }
    None
}

async fn send(shared: &Shared, flight: &Flight) -> (Outcome, Option<Duration>) {
    let Ok(content) = &flight.content else {
        // Refused before: nothing begins without a content.
        let failure = Failure { class: Class::Withheld, code: None, words: String::new() };
        return (Outcome::NotSent(failure), None);
    };
    let outgoing = Outgoing {
        attempt: flight.message.attempt,
        to: flight.message.phone.clone(),
        content: content.clone(),
    };
    let began = Moment::now();
    // Asked once more when the connection stands: connecting takes time, and a pause may have come meanwhile. From here to
    // the first byte nothing is awaited. A process that is frozen within these microseconds writes when it wakes; by
    // the time that absence counts as proof, providers have closed the connection that it would write to.
    let withheld: OnceLock<Failure> = OnceLock::new();
    let may_start = || {
        stop_point::reach_now("after_connect");
        match refuse_to_begin(shared, flight) {
            Some(failure) => {
                withheld.get_or_init(|| failure);
                false
            }
            None => true,
        }
    };
    let outcome = shared.client.send_if(flight.line.provider, &flight.line.line, &outgoing, &may_start).await;
    match withheld.into_inner() {
        Some(failure) => (Outcome::NotSent(failure), None),
        None => (outcome, Some(began.elapsed())),
    }
}

/// A gateway with a queue of its own may refuse a message and keep it: seen with numbers that lose their connection. Before
/// another number gets it, the gateway is asked by our reference; if it has it, nobody sends it again until that is settled.
/// Where it cannot be asked, its plain refusal stands. Twilio's refusals need no question: it answers them before it makes
/// the message, and what it reports as failed later has left its queue (`twilio.md` sections 3 and 8).
async fn kept_all_the_same(
    shared: &Shared,
    flight: &Flight,
    outcome: &Outcome,
    judgement: &Judgement,
) -> Option<Outcome> {
    let Outcome::Rejected(failure) = outcome else { return None };
    let line = &flight.line;
    if judgement.next != Next::Switch || !line.provider.abilities().reference {
        return None;
    }
    let lookup = Lookup {
        attempt: flight.message.attempt,
        to: flight.message.phone.clone(),
        started_at: flight.message.started_at,
        text: None,
    };
    // Hardly ever asked: kept out of what every flight carries along.
    let asked = Box::pin(shared.client.look_up(line.provider, &line.line, &lookup));
    let Ok(Evidence::Found { state, .. }) = tokio::time::timeout(LOOKS_FOR, asked).await else { return None };
    let words = format!("refused, and kept in the gateway all the same ({state}): {}", failure.words);
    Some(Outcome::InDoubt(Failure { words, ..failure.clone() }))
}

fn settle(flight: &Flight, outcome: Outcome, judgement: &Judgement, took: Option<Duration>) -> Settled {
    let message = &flight.message;
    let record = judge::record(message.attempt, &outcome, judgement, took);
    let retry_in = match judgement.next {
        Next::Retry(wait) | Next::Keep(wait) => Some(wait),
        Next::Switch => Some(Duration::ZERO),
        Next::Advance | Next::Fail | Next::Skip | Next::Doubt => None,
    };
    let report = super::event::SendEvent {
        attempt: message.attempt,
        recipient: message.recipient,
        campaign: message.campaign(),
        number: message.number,
        phone: message.phone.clone(),
        tries: message.tries,
        outcome: Arc::new(outcome),
        retry_in,
        took,
    };
    Settled { record, report }
}
