//! What follows from every outcome, as a table, and a message's life under it.

use super::*;
use crate::domain::seeded::Seeded;

fn failure(class: Class) -> Failure {
    Failure { class, code: Some("131026".into()), words: "words".into() }
}

const ZERO: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_mins(1);

/// Every class of answer, each with a wait of a minute where it has one, and what follows from a refusal of that class:
/// for the message while it may be tried again, and when it may not; and for others.
fn refusals() -> Vec<(Class, Next, Next, Measure)> {
    let retry = Next::Retry(MINUTE);
    let when_it_recovers = Next::Retry(ZERO);
    let fault = Measure::ProviderFault { reached: true };
    vec![
        (Class::NumberSuspended, Next::Switch, Next::Switch, Measure::SuspendNumber),
        (Class::NumberLimited(MINUTE), Next::Switch, Next::Switch, Measure::RestNumber(MINUTE)),
        (Class::AccountLimited(MINUTE), Next::Switch, Next::Switch, Measure::RestAccount(MINUTE)),
        (Class::DestinationRefused, Next::Switch, Next::Fail, Measure::Well),
        (Class::NumberAuth, Next::Switch, Next::Switch, Measure::SuspendAccount),
        (Class::Throttled(Scope::Pair, MINUTE), Next::Keep(MINUTE), Next::Fail, Measure::Well),
        (Class::Throttled(Scope::Recipient, MINUTE), Next::Keep(MINUTE), Next::Fail, Measure::Well),
        (
            Class::Throttled(Scope::Number, MINUTE),
            when_it_recovers.clone(),
            Next::Fail,
            Measure::ThrottleNumber(MINUTE),
        ),
        (
            Class::Throttled(Scope::Account, MINUTE),
            when_it_recovers.clone(),
            Next::Fail,
            Measure::ThrottleAccount(MINUTE),
        ),
        (Class::Throttled(Scope::Content, MINUTE), when_it_recovers.clone(), Next::Fail, Measure::Well),
        (
            Class::Throttled(Scope::Provider, MINUTE),
            when_it_recovers.clone(),
            Next::Fail,
            Measure::ThrottleAccount(MINUTE),
        ),
        (Class::Transient(MINUTE), retry, Next::Fail, fault),
        (Class::RecipientInvalid, Next::Fail, Next::Fail, Measure::Well),
        (Class::RecipientBlocked, Next::Fail, Next::Fail, Measure::Well),
        (Class::OptedOut, Next::Fail, Next::Fail, Measure::OptOut),
        (Class::RecipientDeferred(MINUTE), Next::Keep(MINUTE), Next::Fail, Measure::Well),
        (Class::ContentRejected, Next::Fail, Next::Fail, Measure::ContentRefused),
        (Class::AccountFatal, Next::Switch, Next::Switch, Measure::SuspendAccount),
        (Class::Unknown, Next::Fail, Next::Fail, Measure::UnknownRefusal),
        (Class::Withheld, Next::Retry(FIRST_WAIT), Next::Fail, Measure::Well),
        (Class::Throttled(Scope::App, MINUTE), when_it_recovers, Next::Fail, Measure::ThrottleApp(MINUTE)),
        (
            Class::Unexplained(MINUTE),
            Next::Retry(MINUTE),
            Next::Fail,
            Measure::ProviderFault { reached: true },
        ),
    ]
}

/// Where a class stands in the table: one that is added has no place, and does not compile.
fn place(class: Class) -> usize {
    match class {
        Class::NumberSuspended => 0,
        Class::NumberLimited(_) => 1,
        Class::AccountLimited(_) => 2,
        Class::DestinationRefused => 3,
        Class::NumberAuth => 4,
        Class::Throttled(Scope::Pair, _) => 5,
        Class::Throttled(Scope::Recipient, _) => 6,
        Class::Throttled(Scope::Number, _) => 7,
        Class::Throttled(Scope::Account, _) => 8,
        Class::Throttled(Scope::Content, _) => 9,
        Class::Throttled(Scope::Provider, _) => 10,
        Class::Transient(_) => 11,
        Class::RecipientInvalid => 12,
        Class::RecipientBlocked => 13,
        Class::OptedOut => 14,
        Class::RecipientDeferred(_) => 15,
        Class::ContentRejected => 16,
        Class::AccountFatal => 17,
        Class::Unknown => 18,
        Class::Withheld => 19,
        Class::Throttled(Scope::App, _) => 20,
        Class::Unexplained(_) => 21,
    }
}

const TRIES: [i16; 6] = [1, 2, MOST_TRIES - 1, MOST_TRIES, MOST_TRIES + 1, i16::MAX];

#[test]
fn every_refusal_has_its_consequence_whatever_the_try_and_the_policy() {
    let table = refusals();
    let places: Vec<usize> = table.iter().map(|row| place(row.0)).collect();
    assert_eq!(places, (0..table.len()).collect::<Vec<_>>(), "each class once");
    for (class, early, late, measure) in table {
        for tries in TRIES {
            for never_switch in [false, true] {
                // "Transient, once" and "at most 2 tries" (twilio.md 30008, meta-cloud.md 1).
                let most = if matches!(class, Class::Unexplained(_)) { 2 } else { MOST_TRIES };
                let next = if tries < most { early.clone() } else { late.clone() };
                let next = match next {
                    Next::Keep(_) if matches!(class, Class::Throttled(Scope::Pair, _)) => {
                        Next::Keep(pair_wait(MINUTE, tries))
                    }
                    Next::Switch if never_switch => Next::Keep(WAIT_FOR_NUMBER),
                    next => next,
                };
                assert_eq!(
                    judge(&Outcome::Rejected(failure(class)), tries, never_switch),
                    Judgement { next, measure: measure.clone() },
                    "{class:?}, try {tries}, never switches {never_switch}"
                );
            }
        }
    }
}

#[test]
fn what_was_not_sent_goes_on_and_what_is_in_doubt_stays_whatever_the_class() {
    let unreachable = Measure::ProviderFault { reached: false };
    for (class, ..) in refusals() {
        for tries in TRIES {
            for never_switch in [false, true] {
                let case = format!("{class:?}, try {tries}, never switches {never_switch}");
                let wait = match tries {
                    1 => Duration::from_secs(5),
                    2 => Duration::from_secs(10),
                    4 => Duration::from_secs(40),
                    5 => Duration::from_secs(80),
                    6 => Duration::from_secs(160),
                    _ => Duration::from_mins(5),
                };
                let expected = match class {
                    Class::Withheld => (Next::Retry(ZERO), Measure::Well),
                    Class::ContentRejected | Class::Throttled(Scope::Content, _) => {
                        (Next::Skip, Measure::Well)
                    }
                    _ => (Next::Retry(wait), unreachable.clone()),
                };
                let judged = judge(&Outcome::NotSent(failure(class)), tries, never_switch);
                assert_eq!((judged.next, judged.measure), expected, "{case}");
                let judged = judge(&Outcome::InDoubt(failure(class)), tries, never_switch);
                assert_eq!(judged.next, Next::Doubt, "{case}");
                assert_eq!(judged.measure, Measure::ProviderFault { reached: true }, "{case}");
            }
        }
    }
    for tries in TRIES {
        let accepted = Outcome::Accepted { provider_message_id: "wamid.1".into() };
        let judged = judge(&accepted, tries, tries % 2 == 0);
        assert_eq!((judged.next, judged.measure), (Next::Advance, Measure::Well));
    }
}

#[test]
fn a_wait_that_the_provider_does_not_name_is_ours() {
    let of = |class| judge(&Outcome::Rejected(failure(class)), 1, false);
    assert_eq!(of(Class::Transient(ZERO)).next, Next::Retry(FIRST_WAIT));
    assert_eq!(of(Class::RecipientDeferred(ZERO)).next, Next::Keep(FIRST_WAIT));
    let number = of(Class::Throttled(Scope::Number, ZERO)).measure;
    assert_eq!(number, Measure::ThrottleNumber(Duration::from_secs(1)));
    for scope in [Scope::Account, Scope::Provider] {
        assert_eq!(of(Class::Throttled(scope, ZERO)).measure, Measure::ThrottleAccount(REST));
    }
}

#[test]
fn one_person_waits_for_one_number_four_times_as_long_after_each_try() {
    let waits =
        |wait| [1, 2, 3, 4, 9, i16::MAX].map(|tries| pair_wait(Duration::from_secs(wait), tries).as_secs());
    assert_eq!(waits(6), [6, 24, 96, 384, 1_800, 1_800]);
    assert_eq!(waits(0), [5, 20, 80, 320, 1_800, 1_800]);
}

/// A message that lives through any answers: what stands in the model is what the operator is promised.
#[test]
fn ten_thousand_messages_end_in_time_and_never_leave_their_number_against_the_policy() {
    let classes: Vec<Class> = refusals().into_iter().map(|row| row.0).collect();
    let mut ended = 0;
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let never_switch = random.once_in(2);
        let (mut refused_for_now, mut tries) = (0, 0);
        for round in 0..60 {
            tries += 1;
            let class = random.pick(&classes);
            let outcome = match random.below(8) {
                0 => Outcome::Accepted { provider_message_id: "wamid.1".into() },
                1 => Outcome::InDoubt(failure(class)),
                2 | 3 => Outcome::NotSent(failure(class)),
                _ => Outcome::Rejected(failure(class)),
            };
            let case = format!("seed {seed}, answer {round}: {outcome:?}, try {tries}");
            let next = judge(&outcome, tries, never_switch).next;
            let rejected = matches!(outcome, Outcome::Rejected(_));
            match &next {
                Next::Advance => assert!(matches!(outcome, Outcome::Accepted { .. }), "{case}"),
                Next::Doubt => assert!(matches!(outcome, Outcome::InDoubt(_)), "{case}"),
                Next::Fail => assert!(rejected, "only the provider's word ends it: {case}"),
                Next::Skip => assert!(matches!(outcome, Outcome::NotSent(_)), "{case}"),
                Next::Switch => assert!(rejected && !never_switch, "{case}"),
                Next::Keep(_) => {
                    let is_about_the_person = class.blame() == Blame::Recipient;
                    assert!(rejected && (never_switch || is_about_the_person), "{case}");
                    refused_for_now += i16::from(is_about_the_person);
                    assert!(refused_for_now < MOST_TRIES, "it is tried for ever: {case}");
                }
                Next::Retry(wait) => {
                    let is_about_the_person = class.blame() == Blame::Recipient;
                    assert!(!(rejected && is_about_the_person), "another number could take it: {case}");
                    assert!(*wait <= LONGEST_WAIT.max(MINUTE), "{case}: {wait:?}");
                    refused_for_now += i16::from(rejected);
                    assert!(refused_for_now < MOST_TRIES, "it is tried for ever: {case}");
                }
            }
            if !matches!(next, Next::Retry(_) | Next::Switch | Next::Keep(_)) {
                ended += 1;
                break;
            }
        }
    }
    assert!(ended > 9_900, "{ended} of 10,000 came to an end");
}

#[test]
fn a_recipient_refusal_never_moves_to_another_number() {
    for class in [
        Class::RecipientInvalid,
        Class::RecipientBlocked,
        Class::OptedOut,
        Class::RecipientDeferred(REST),
        Class::Throttled(Scope::Pair, REST),
        Class::Throttled(Scope::Recipient, REST),
    ] {
        let next = judge(&Outcome::Rejected(failure(class)), 1, false).next;
        assert!(matches!(next, Next::Fail | Next::Keep(_)), "{class:?} became {next:?}");
    }
}

#[test]
fn a_doubt_never_becomes_anything_by_itself() {
    for tries in [1, 5, 100] {
        assert_eq!(judge(&Outcome::InDoubt(failure(Class::Unknown)), tries, false).next, Next::Doubt);
    }
}

#[test]
fn a_campaign_that_never_switches_keeps_its_messages_with_the_number() {
    let judgement = judge(&Outcome::Rejected(failure(Class::NumberSuspended)), 1, true);
    assert_eq!(judgement.next, Next::Keep(WAIT_FOR_NUMBER));
}

#[test]
fn refusals_for_now_end_after_some_tries_and_what_was_not_sent_does_not() {
    let transient = Outcome::Rejected(failure(Class::Transient(REST)));
    assert_eq!(judge(&transient, MOST_TRIES - 1, false).next, Next::Retry(REST));
    assert_eq!(judge(&transient, MOST_TRIES, false).next, Next::Fail);
    let unreachable = Outcome::NotSent(failure(Class::Transient(REST)));
    assert_eq!(judge(&unreachable, 1, false).next, Next::Retry(FIRST_WAIT));
    assert_eq!(judge(&unreachable, 3, false).next, Next::Retry(FIRST_WAIT * 4));
    assert_eq!(judge(&unreachable, 1000, false).next, Next::Retry(LONGEST_WAIT));
}
