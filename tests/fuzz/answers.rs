//! Answers to sends, to questions about lost messages, and to questions about a number's health.

use crate::{
    corpus::{self, ATTEMPT},
    is_clean,
    mutate::{mutate, shown},
    run,
};
use serde_json::Value;
use signalbox::{
    domain::{
        number::ProviderKind,
        outcome::{Certainty, Class, Outcome},
        phone::Phone,
    },
    provider::{Answer, Credential, Evidence, HealthStep, Line, Lookup, Provider, dialect},
};

const STATUSES: [u16; 16] = [200, 201, 202, 204, 301, 307, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503];

fn answer(status: u16, body: Vec<u8>) -> Answer {
    Answer { status, retry_after: None, body, truncated: false }
}

/// Whether a value stands anywhere in a document, as a text or a number.
fn stands_in(document: &Value, wanted: &str) -> bool {
    match document {
        Value::String(text) => text == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Array(items) => items.iter().any(|item| stands_in(item, wanted)),
        Value::Object(fields) => fields.values().any(|field| stands_in(field, wanted)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// The same of bytes. In a text that only half of it understands, it must at least stand there.
fn has(body: &[u8], wanted: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&text)
        .map_or_else(|_| text.contains(wanted), |document| stands_in(&document, wanted))
}

#[test]
fn an_answer_to_a_send_is_never_taken_for_more_than_it_is() {
    let good = corpus::answers();
    run("answers", 12_000, |chance| {
        let (provider, status, text) = chance.pick(&good);
        // Now and then another provider's, or under another status.
        let provider = if chance.below(8) == 0 { *chance.pick(&ProviderKind::ALL) } else { *provider };
        let status = if chance.below(3) == 0 { *chance.pick(&STATUSES) } else { *status };
        let other = &chance.pick(&good).2;
        let body = mutate(chance, text, other);
        let read = answer(status, body.clone());
        check(dialect(provider), &read, &shown(&body));
    });
}

fn check(provider: &dyn Provider, read: &Answer, shown: &str) {
    let (kind, status) = (provider.kind(), read.status);
    // Bytes that are no text in a field that nobody reads do no harm.
    let document = serde_json::from_str::<Value>(&String::from_utf8_lossy(&read.body)).ok();
    let outcome = provider.read_send(read);
    if let Some(failure) = outcome.failure() {
        is_clean(&failure.words);
        is_clean(failure.code.as_deref().unwrap_or_default());
    }
    match &outcome {
        Outcome::Accepted { provider_message_id: id } => {
            assert!((200..300).contains(&status), "{kind} {status} {shown}");
            assert!(
                !id.is_empty() && id.len() <= 256 && id.bytes().all(|byte| byte.is_ascii_graphic()),
                "{id:?}"
            );
            assert!(has(&read.body, id), "{kind} has no {id}: {shown}");
        }
        Outcome::Rejected(failure) => {
            let says_so = document.is_some() || matches!(status, 404 | 422 | 429);
            assert!(says_so && !(300..400).contains(&status), "{kind} {status} {shown}");
            let code = failure.code.as_deref().unwrap();
            match kind {
                ProviderKind::Ultramsg => {
                    assert!(status < 500, "{status} {shown}");
                    let is_known = !matches!(code, "error");
                    assert_eq!(failure.class == Class::Unknown, !is_known, "{code} {shown}");
                }
                ProviderKind::Meta | ProviderKind::Twilio => {
                    assert!(status >= 400, "{kind} {status} {shown}");
                    if !code.starts_with("http_") {
                        let later = provider.classify_code(code, &failure.words);
                        assert_eq!(
                            failure.class.name(),
                            later.unwrap_or(Class::Unknown).name(),
                            "{code} {shown}"
                        );
                    }
                }
            }
        }
        Outcome::NotSent(_) => panic!("an answer proves that they were reached: {shown}"),
        Outcome::InDoubt(_) => {}
    }
    if status >= 500 && document.is_none() {
        assert_eq!(outcome.certainty(), Certainty::InDoubt, "{kind} {status} {shown}");
    }
}

#[test]
fn a_code_that_nobody_documented_stays_unknown() {
    run("codes", 20_000, |chance| {
        let code = match chance.below(4) {
            0 => format!("{}", 3_000_000 + chance.below(usize::MAX / 2)),
            1 => format!("-{}", chance.below(1_000)),
            2 => format!("{}x", chance.below(200_000)),
            _ => format!("x{}", String::from_utf8_lossy(&mutate(chance, "sent_by_nobody", "unheard of"))),
        };
        for provider in [ProviderKind::Meta, ProviderKind::Twilio, ProviderKind::Ultramsg] {
            let class = dialect(provider).classify_code(&code, "words that say nothing");
            assert_eq!(class, Some(Class::Unknown), "{provider} {code:?}");
        }
    });
}

fn line(provider: ProviderKind, sender_id: &str) -> Line {
    let credential = Credential { external_id: "AC1".to_owned(), token: "t0ken".to_owned().into() };
    let phone = Phone::parse("+14155238886").unwrap();
    dialect(provider).line("https://api.example.com", credential, sender_id, &phone).unwrap()
}

#[test]
fn a_listing_proves_nothing_that_it_does_not_say() {
    let good = corpus::listings();
    let lookup = Lookup {
        attempt: ATTEMPT.parse().unwrap(),
        to: Phone::parse("+5511987650001").unwrap(),
        started_at: chrono::DateTime::parse_from_rfc2822("Thu, 24 Aug 2023 05:01:44 +0000").unwrap().to_utc(),
        text: None,
    };
    run("listings", 10_000, |chance| {
        let (provider, text) = chance.pick(&good);
        let status = if chance.below(4) == 0 { *chance.pick(&STATUSES) } else { 200 };
        let other = &chance.pick(&good).1;
        let body = mutate(chance, text, other);
        let document = serde_json::from_str::<Value>(&String::from_utf8_lossy(&body)).ok();
        let evidence = dialect(*provider).read_lookup(&lookup, &answer(status, body.clone()));
        let shown = || format!("{provider} {status} {evidence:?} {}", shown(&body));
        match &evidence {
            Evidence::Found { provider_message_id, state } => {
                is_clean(state);
                assert!(status == 200 && has(&body, provider_message_id), "{}", shown());
            }
            Evidence::Fitting { fits, .. } => {
                assert!(status == 200 && !fits.is_empty(), "{}", shown());
                for fit in fits {
                    is_clean(&fit.state);
                    assert!(has(&body, &fit.provider_message_id), "{}", shown());
                }
            }
            Evidence::Absent => {
                assert_eq!(status, 200, "{}", shown());
                if *provider == ProviderKind::Ultramsg {
                    let document = document.unwrap_or_else(|| panic!("{}", shown()));
                    // Its absence is a proof: there must be nothing at all, by every word of it.
                    let is_none = |name: &str| {
                        let nothing = [Value::Null, "0".into(), 0.into()];
                        document.get(name).is_none_or(|count| nothing.contains(count))
                    };
                    assert_eq!(document["messages"], serde_json::json!([]), "{}", shown());
                    assert!(is_none("total") && document.get("error").is_none(), "{}", shown());
                }
            }
            Evidence::Several(count) => assert!(*count > 1, "{}", shown()),
            Evidence::Unclear(why) => is_clean(why),
        }
    });
}

#[test]
fn a_number_is_well_only_where_its_provider_says_so() {
    let good = corpus::conditions();
    run("health", 8_000, |chance| {
        let (provider, _, sign) = *chance.pick(&good);
        let of_it: Vec<&str> =
            good.iter().filter(|(whose, ..)| *whose == provider).map(|(_, text, _)| text.as_str()).collect();
        let sender_id = if provider == ProviderKind::Twilio { *chance.pick(&["", "XE01"]) } else { "1150" };
        let line = line(provider, sender_id);
        let mut answers = Vec::new();
        // A handful of questions at most, whatever is answered.
        for _ in 0..40 {
            match dialect(provider).health_step(&line, &answers) {
                HealthStep::Ask(asked) => {
                    assert_eq!(asked.url.host_str(), Some("api.example.com"), "the token goes nowhere else");
                    let status = if chance.below(6) == 0 { *chance.pick(&STATUSES) } else { 200 };
                    // The account's state comes first where it is asked for.
                    let text = of_it[answers.len().min(of_it.len() - 1)];
                    let text = if chance.below(6) == 0 { *chance.pick(&of_it) } else { text };
                    answers.push(answer(status, mutate(chance, text, of_it[0])));
                }
                HealthStep::Done(health) => {
                    is_clean(&health.words);
                    is_clean(health.code.as_deref().unwrap_or_default());
                    if health.standing.is_well() {
                        let says_so = |answer: &Answer| {
                            (200..300).contains(&answer.status)
                                && String::from_utf8_lossy(&answer.body)
                                    .to_lowercase()
                                    .contains(&sign.to_lowercase())
                        };
                        let said = || answers.iter().map(|answer| shown(&answer.body)).collect::<Vec<_>>();
                        assert!(answers.iter().any(says_so), "{health:?} {:?}", said());
                    }
                    return;
                }
            }
        }
        panic!("{provider} leads to ever more questions");
    });
}
