//! Watches whether what numbers send arrives (`domain::pulse`), how much fails and who blocks them (`domain::ratio`), and
//! sends canaries.
//!
//! One sender looks for all, by figures that stand in the database. What is decided is one statement that names the state it
//! saw; a canary is a row before it is a request, so that no crash sends one twice.

use super::{clock::Moment, line::ReadyLine, shared::Shared};
use crate::domain::{
    content::{
        FilledTemplate, Shape,
        ability::{self, Cannot, Form},
        registry::Registry,
    },
    outcome::{Class, Failure, Outcome},
    pulse::{self, Canary, Case, Pulse, Rules},
    ratio,
};
use crate::provider::{Content, Outgoing, Template};
use crate::store::{
    StoreError,
    vitals::{BegunCanary, Look, RatioLook, RatioNote, VitalRules},
};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Ratios move slowly: once in so many looks.
const RATIOS: u32 = 10;
/// Numbers that are exercised at once.
const STANDBYS: i32 = 5;
/// Between two times that old counts are forgotten.
const FORGET: Duration = Duration::from_hours(1);
/// Bounds of the time between two tries to be the one who looks.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    while !shared.ended() {
        let wait = match pass(&shared).await {
            Ok(every) => (every / 2).clamp(SHORTEST, LONGEST),
            Err(error) => {
                tracing::warn!("whether numbers are silent has to wait: {error}");
                LONGEST
            }
        };
        shared.rest(wait).await;
    }
}

/// Answers how far looks are apart.
async fn pass(shared: &Shared) -> Result<Duration, StoreError> {
    let (store, organization, instance) = (&shared.store, shared.organization, shared.instance);
    let rules = store.vital_rules(organization).await?;
    let every = rules.look_every;
    // A draining sender begins nothing, and before the first picture there is no line to send through.
    if shared.draining() || !shared.lines().is_ready() {
        return Ok(every);
    }
    if store.take_chore(organization, instance, "pulses", every).await? {
        canaries(shared).await?;
        judge(shared, &rules).await?;
    }
    if store.take_chore(organization, instance, "ratios", every * RATIOS).await? {
        warn(shared, &rules).await?;
        exercise(shared, &rules).await?;
    }
    if store.take_chore(organization, instance, "forget pulses", FORGET).await? {
        store.forget_pulses(organization).await?;
    }
    Ok(every)
}

async fn judge(shared: &Shared, rules: &VitalRules) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let looks = store.look_at_pulses(organization).await?;
    if looks.is_empty() {
        return Ok(());
    }
    let canaries = if looks.iter().any(|look| matches!(look.pulse, Pulse::Amber | Pulse::Red)) {
        store.last_canaries(organization).await?
    } else {
        std::collections::HashMap::new()
    };
    let sizes = Rules { least: rules.least, usual_least: rules.baseline_least, patience: rules.span };
    for look in looks {
        let canary = canaries.get(&look.number).copied().unwrap_or(Canary::None);
        decide(shared, &look, canary, &sizes).await?;
    }
    Ok(())
}

async fn decide(shared: &Shared, look: &Look, canary: Canary, sizes: &Rules) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let case = Case {
        pulse: look.pulse,
        age: look.age,
        in_service: look.in_service,
        slowed: look.slowed,
        silenced: look.silenced,
        reading: pulse::read(&look.counts, sizes),
        canary,
    };
    let verdict = pulse::decide(&case, look.counts.usual, sizes);
    let is_news = verdict.pulse != look.pulse;
    let is_told = is_news || verdict.words != look.words;
    let is_kept = is_told && store.move_vitals(organization, shared.instance, look, &verdict).await?;
    if is_news && is_kept {
        match verdict.pulse {
            Pulse::Red => {
                shared.close_number(look.number, LONGEST);
                tracing::error!(number.id = %look.number, "number rests: {}", verdict.words);
            }
            Pulse::Amber => {
                tracing::warn!(number.id = %look.number, "number goes on at half its rate: {}", verdict.words);
            }
            Pulse::Well | Pulse::Unknown => {
                tracing::info!(number.id = %look.number, "number is {}: {}", verdict.pulse, verdict.words);
            }
        }
        shared.refresh.notify_one();
    }
    if verdict.wants_canary {
        let purpose = verdict.pulse.name();
        if let Some(why) = store.plan_canary(organization, look.number, purpose).await? {
            tracing::debug!(number.id = %look.number, "no canary: {why}");
        }
    }
    Ok(())
}

/// Follows what became of canaries and sends those whose slot has come.
async fn canaries(shared: &Shared) -> Result<(), StoreError> {
    let deadline = shared.config.timing.deadline;
    let asked = Moment::now();
    let begun = shared.store.begin_canaries(shared.organization, shared.instance, deadline).await?;
    let names: Vec<String> =
        begun.iter().filter_map(|canary| canary.template.as_ref()).map(|named| named.name.clone()).collect();
    let registries = if names.is_empty() {
        HashMap::new()
    } else {
        shared.store.registries(shared.organization, &names).await.unwrap_or_default()
    };
    for canary in begun {
        let outcome = match shared.line(canary.number) {
            Some(line) => {
                let registry = registries.get(&line.account).cloned().unwrap_or_default();
                match content(&line, &canary, &registry) {
                    Ok(content) => send(shared, &line, &canary, content, asked).await,
                    Err(why) => withheld("template", &format!("{} {why}", line.kind())),
                }
            }
            None => withheld("unusable", "the number cannot be used"),
        };
        shared.store.record_canary(shared.organization, canary.id, &outcome).await?;
    }
    Ok(())
}

/// What it says: free text where that is taken, else the organisation's template.
fn content(line: &ReadyLine, canary: &BegunCanary, registry: &Registry) -> Result<Content, Cannot> {
    let Some(template) = &canary.template else {
        return Ok(Content::Text(format!(
            "signalbox asks whether {} still reaches you. Nothing is to be done. ({})",
            line.line.from.reveal(),
            // Providers look at texts that are alike.
            canary.id.0.simple().to_string().split_off(24),
        )));
    };
    let step = Shape { has_text: false, template: Some(template.clone()), media: None };
    match ability::form(line.kind(), &step, registry)? {
        Form::Template { id, header: _ } => Ok(Content::Template(Template {
            id,
            language: template.language.clone(),
            values: FilledTemplate::default(),
            media: None,
        })),
        Form::Text | Form::Media { .. } => Err(Cannot::Nothing),
    }
}

/// Sends one, once: what is too late or was stopped meanwhile is not begun (rule G).
async fn send(
    shared: &Shared,
    line: &ReadyLine,
    canary: &BegunCanary,
    content: Content,
    asked: Moment,
) -> Outcome {
    let outgoing = Outgoing { attempt: canary.id, to: canary.phone.clone(), content };
    let may_start = || asked.age() <= shared.config.timing.start_window && !shared.gate().stopped;
    if !may_start() {
        return withheld("start_window", "it was too late, or all sending was stopped meanwhile");
    }
    shared.client.send_if(line.provider, &line.line, &outgoing, &may_start).await
}

fn withheld(code: &str, words: &str) -> Outcome {
    Outcome::NotSent(Failure { class: Class::Withheld, code: Some(code.to_owned()), words: words.to_owned() })
}

/// Exercises numbers that stand by: a check of each is asked for, and a canary where somebody waits for one.
async fn exercise(shared: &Shared, rules: &VitalRules) -> Result<(), StoreError> {
    if rules.standby_after.is_none() {
        return Ok(());
    }
    for number in shared.store.take_standbys(shared.organization, STANDBYS).await? {
        let canary = shared.store.plan_canary(shared.organization, number, "standby").await?;
        let canary =
            canary.map_or_else(|| "with a canary".to_owned(), |why| format!("without a canary: {why}"));
        tracing::info!(number.id = %number, "number stands by and is exercised, {canary}");
    }
    Ok(())
}

/// Notes what fails and who blocks, and says once when it is too much.
async fn warn(shared: &Shared, rules: &VitalRules) -> Result<(), StoreError> {
    let looks = shared.store.look_at_ratios(shared.organization).await?;
    if looks.is_empty() {
        return Ok(());
    }
    let notes: Vec<RatioNote> = looks.into_iter().map(|look| note(look, rules)).collect();
    if shared.store.note_ratios(shared.organization, shared.instance, &notes).await? > 0 {
        tracing::warn!("numbers fail or are blocked more than they should; see signalbox number list");
    }
    Ok(())
}

fn note(look: RatioLook, rules: &VitalRules) -> RatioNote {
    let ratios = look.ratios;
    let on = |part, limit, was_on| ratio::warns(ratios, part, limit, rules.ratio_least, was_on);
    let of = |part, limit: Option<u32>| {
        format!(
            "{part} of {} messages ({:.1}%), warned at {}%",
            ratios.tried,
            ratios.percent(part).unwrap_or(0.0),
            limit.unwrap_or(100)
        )
    };
    RatioNote {
        look: RatioLook {
            failed_on: on(ratios.failed, rules.failed_percent, look.failed_on),
            blocked_on: on(ratios.blocked, rules.blocked_percent, look.blocked_on),
            ..look
        },
        failed_words: format!("fails too much: {}", of(ratios.failed, rules.failed_percent)),
        blocked_words: format!(
            "risks a ban: blocked, or asked to stop, by {}",
            of(ratios.blocked, rules.blocked_percent)
        ),
    }
}
