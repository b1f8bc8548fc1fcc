//! Twilio's dialect against `twilio.md`. Its codes stand in `codes/tests.rs`.

use super::*;
use crate::domain::content::{
    Filled, FilledTemplate, Link, MediaKind,
    button::{ButtonKind, FilledButton},
};
use crate::domain::{ids::AttemptId, outcome::Certainty};
use crate::provider::{Media, Template};
use std::time::Duration;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.as_bytes().to_vec(), truncated: false }
}

fn error(status: u16, code: u32) -> Outcome {
    let body =
        serde_json::json!({"code": code, "message": "words", "more_info": "https://…", "status": status});
    Twilio.read_send(&answer(status, &body.to_string()))
}

fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap()
}

fn line() -> Line {
    let credential = Credential {
        external_id: "AC00000000000000000000000000000001".into(),
        token: "T0KEN".to_owned().into(),
    };
    Twilio.line("https://api.twilio.com", credential, "", &phone("+14155238886")).unwrap()
}

#[test]
fn a_daily_cap_is_not_taken_for_throttling() {
    let class = |code, words: &str| Twilio.classify_code(code, words).unwrap();
    assert_eq!(class("63038", "").scope(), Scope::Account);
    assert_eq!(error(429, 63038).failure().unwrap().class, Class::AccountLimited(Duration::from_hours(24)));
    assert_eq!(error(429, 20429).failure().unwrap().class.scope(), Scope::Account);
    assert_eq!(class("14107", "").scope(), Scope::Pair);
    assert_eq!(class("63018", "Rate limit exceeded for Channel").scope(), Scope::Number);
    assert_eq!(class("63018", "24h messaging limit reached").name(), "number_limited");
    assert_eq!(class("11200", "media URL could not be fetched"), Class::ContentRejected);
}

#[test]
fn a_server_fault_may_have_taken_the_message() {
    assert_eq!(error(500, 20500).certainty(), Certainty::InDoubt);
    assert_eq!(error(503, 20503).certainty(), Certainty::InDoubt);
    assert_eq!(error(500, 99999).certainty(), Certainty::InDoubt);
    for status in [307, 400, 404, 500, 502, 503, 504] {
        for body in ["", "<html>no</html>", "{}", r#"{"status":400}"#] {
            assert_eq!(
                Twilio.read_send(&answer(status, body)).certainty(),
                Certainty::InDoubt,
                "{status} {body}"
            );
        }
    }
    // Documented as not processed.
    assert_eq!(Twilio.read_send(&answer(429, "")).certainty(), Certainty::Refused);
    assert_eq!(Twilio.read_send(&answer(422, "")).certainty(), Certainty::Refused);
}

#[test]
fn the_list_form_of_newer_hosts_is_read() {
    let outcome = Twilio.read_send(&answer(401, r#"{"errors":[{"code":20003,"message":"Authenticate"}]}"#));
    assert_eq!(outcome.failure().unwrap().class, Class::NumberAuth);
}

#[test]
fn only_a_readable_sid_is_an_acceptance() {
    let sid = "SM0123456789abcdef0123456789abcdef";
    let good = format!(r#"{{"sid":"{sid}","status":"queued","error_code":null}}"#);
    assert_eq!(Twilio.read_send(&answer(201, &good)), Outcome::Accepted { provider_message_id: sid.into() });
    for rubbish in ["", "<html>", "{}", r#"{"sid":null}"#, r#"{"sid":""}"#, r#"{"sid":"SM01"#] {
        assert_eq!(Twilio.read_send(&answer(201, rubbish)).certainty(), Certainty::InDoubt, "{rubbish}");
    }
}

#[test]
fn the_request_is_the_sheets() {
    let outgoing = Outgoing {
        attempt: AttemptId::new(),
        to: phone("+5511987650001"),
        content: Content::Text("Olá & 1+1".into()),
    };
    let prepared = Twilio.send_request(&line(), &outgoing).unwrap();
    assert_eq!(
        prepared.url.as_str(),
        "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"
    );
    let basic = base64::engine::general_purpose::STANDARD.encode("AC00000000000000000000000000000001:T0KEN");
    assert_eq!(prepared.headers[AUTHORIZATION], format!("Basic {basic}"));
    assert!(prepared.headers[AUTHORIZATION].is_sensitive());
    assert_eq!(
        String::from_utf8(prepared.body).unwrap(),
        "To=whatsapp%3A%2B5511987650001&From=whatsapp%3A%2B14155238886&Body=Ol%C3%A1+%26+1%2B1&ValidityPeriod=900",
        "nobody listens: nobody is to be told"
    );
    let mut line = line();
    line.callback = Some(url::Url::parse("https://hooks.example.com/webhooks/twilio/0190b7").unwrap());
    let prepared = Twilio.send_request(&line, &outgoing).unwrap();
    let body = String::from_utf8(prepared.body).unwrap();
    let callback = format!(
        "&ValidityPeriod=900&StatusCallback=https%3A%2F%2Fhooks.example.com%2Fwebhooks%2Ftwilio%2F0190b7%3Fref%3D{}%23rc%3D5%26rp%3Dall",
        outgoing.attempt
    );
    assert!(body.ends_with(&callback), "{body}");
}

#[test]
fn lines_that_cannot_work_are_refused() {
    let make = |external_id: &str, token: &str| {
        let credential = Credential { external_id: external_id.into(), token: token.to_owned().into() };
        Twilio.line("https://api.twilio.com", credential, "", &phone("+14155238886"))
    };
    assert!(matches!(make("", "t"), Err(LineError::Missing(_))));
    assert!(matches!(make("AC1/..", "t"), Err(LineError::Invalid { .. })));
    assert!(matches!(make("AC1", " "), Err(LineError::Missing(_))));
    assert!(matches!(make("AC1", "a\nb"), Err(LineError::Invalid { .. })));
}

fn lookup() -> Lookup {
    Lookup {
        attempt: AttemptId::new(),
        to: phone("+5511987650001"),
        started_at: DateTime::parse_from_rfc2822("Thu, 24 Aug 2023 05:01:45 +0000").unwrap().to_utc(),
        text: Some("Hi Ana".into()),
    }
}

fn listed(sid: &str, to: &str, date: &str, body: &str) -> Value {
    serde_json::json!({"sid": sid, "to": format!("whatsapp:{to}"), "from": "whatsapp:+14155238886",
        "direction": "outbound-api", "status": "delivered", "date_created": date, "body": body})
}

fn judge_listing(messages: &[Value], more: bool) -> Evidence {
    let next = more.then_some("/2010-04-01/…?Page=1");
    let body = serde_json::json!({"messages": messages, "next_page_uri": next}).to_string();
    Twilio.read_lookup(&lookup(), &answer(200, &body))
}

#[test]
fn a_lost_message_is_found_by_person_time_and_text() {
    let ours = listed("SM1", "+5511987650001", "Thu, 24 Aug 2023 05:01:46 +0000", "Hi Ana");
    let other_text = listed("SM2", "+5511987650001", "Thu, 24 Aug 2023 05:01:46 +0000", "Bye Ana");
    let other_time = listed("SM3", "+5511987650001", "Thu, 24 Aug 2023 04:01:46 +0000", "Hi Ana");
    let other_person = listed("SM4", "+5511987650002", "Thu, 24 Aug 2023 05:01:46 +0000", "Hi Ana");
    let fit =
        |says_the_same| Fit { provider_message_id: "SM1".into(), state: "delivered".into(), says_the_same };
    let fitting = |fits| Evidence::Fitting { fits, is_whole: true };
    let others = [other_text.clone(), other_time.clone(), other_person.clone()];
    assert_eq!(
        judge_listing(&[other_text, other_time.clone(), other_person, ours.clone()], false),
        fitting(vec![fit(true)])
    );
    assert_eq!(judge_listing(&others, false), Evidence::Absent);
    let both = [ours.clone(), ours.clone()];
    assert_eq!(judge_listing(&both, false), fitting(vec![fit(true), fit(true)]));
    // Of a queued message the text is not known yet, and spaces are no words.
    for (body, says_the_same) in [("", false), (" Hi \n Ana", true)] {
        let queued = listed("SM1", "+5511987650001", "Thu, 24 Aug 2023 05:01:46 +0000", body);
        assert_eq!(judge_listing(&[queued], false), fitting(vec![fit(says_the_same)]), "{body:?}");
    }
    let cut = Evidence::Fitting { fits: vec![fit(true)], is_whole: false };
    assert_eq!(judge_listing(std::slice::from_ref(&ours), true), cut, "there may be more of them");
    // A full page that ends within the window proves nothing; one that reaches behind it does.
    let later = listed("SM5", "+5511987650001", "Thu, 24 Aug 2023 06:01:46 +0000", "Hi Ana");
    assert!(matches!(judge_listing(std::slice::from_ref(&later), true), Evidence::Unclear(_)));
    assert_eq!(judge_listing(&[later, other_time], true), Evidence::Absent);
    let inbound = {
        let mut inbound = ours;
        inbound["direction"] = "inbound".into();
        inbound
    };
    assert_eq!(judge_listing(&[inbound], false), Evidence::Absent);
}

#[test]
fn an_unreadable_listing_proves_nothing() {
    for (status, body) in [(200, "<html>"), (200, "{}"), (500, ""), (401, r#"{"code":20003,"message":"no"}"#)]
    {
        let evidence = Twilio.read_lookup(&lookup(), &answer(status, body));
        assert!(matches!(evidence, Evidence::Unclear(_)), "{status} {body}");
    }
    assert!(!Twilio.abilities().absence_is_proof);
}

#[test]
fn the_question_carries_no_date_filter() {
    let prepared = Twilio.lookup_request(&line(), &lookup()).unwrap();
    assert_eq!(prepared.method, Method::GET);
    assert!(prepared.url.as_str().ends_with(
        "/Messages.json?To=whatsapp%3A%2B5511987650001&From=whatsapp%3A%2B14155238886&PageSize=100"
    ));
    assert!(prepared.headers.get(CONTENT_TYPE).is_none());
    assert!(prepared.headers.get(AUTHORIZATION).is_some());
}

/// The fields of a message, decoded.
fn fields_of(content: Content) -> Vec<(String, String)> {
    let outgoing = Outgoing { attempt: AttemptId::new(), to: phone("+5511987650001"), content };
    let prepared = Twilio.send_request(&line(), &outgoing).unwrap();
    form_urlencoded::parse(&prepared.body).into_owned().collect()
}

fn fields(each: &[(&str, &str)]) -> Vec<(String, String)> {
    let first = [("To", "whatsapp:+5511987650001"), ("From", "whatsapp:+14155238886")];
    let all = first.iter().chain(each).chain(&[("ValidityPeriod", "900")]);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_template_is_the_sheets() {
    let whole = |values| {
        Content::Template(Template {
            id: "HX00000000000000000000000000000001".to_owned(),
            language: "en".parse().unwrap(),
            values,
            media: None,
        })
    };
    let template = |parameters| whole(FilledTemplate { parameters, ..FilledTemplate::default() });
    let sid = ("ContentSid", "HX00000000000000000000000000000001");
    let both = Filled::Positional(vec!["Ana \"A\"".to_owned(), "20%".to_owned()]);
    assert_eq!(
        fields_of(template(both)),
        fields(&[sid, ("ContentVariables", r#"{"1":"Ana \"A\"","2":"20%"}"#)])
    );
    let named = Filled::Named(vec![("first_name".to_owned(), "Ana".to_owned())]);
    assert_eq!(fields_of(template(named)), fields(&[sid, ("ContentVariables", r#"{"first_name":"Ana"}"#)]));
    assert_eq!(fields_of(template(Filled::default())), fields(&[sid]));
    let one = |value: &str| Filled::Positional(vec![value.to_owned()]);
    let button = |index, value: &str| FilledButton { index, kind: ButtonKind::Url, value: value.to_owned() };
    let everything = FilledTemplate {
        parameters: one("Ana"),
        header: one("Spring"),
        buttons: vec![button(1, "promo-20"), button(4, "terms")],
    };
    let numbered = r#"{"1":"Ana","2":"Spring","3":"promo-20","4":"terms"}"#;
    assert_eq!(
        fields_of(whole(everything)),
        fields(&[sid, ("ContentVariables", numbered)]),
        "headline and buttons are numbered behind the text"
    );
}

#[test]
fn media_are_the_sheets() {
    let url = "https://cdn.example.com/a.jpg?v=1&w=2";
    let media = |kind, caption: Option<&str>| {
        Content::Media(Media {
            kind,
            url: Link::parse(url, false).unwrap(),
            caption: caption.map(str::to_owned),
            filename: None,
        })
    };
    assert_eq!(
        fields_of(media(MediaKind::Image, Some("Olá"))),
        fields(&[("MediaUrl", url), ("Body", "Olá")]),
        "the body is the caption"
    );
    assert_eq!(fields_of(media(MediaKind::Video, None)), fields(&[("MediaUrl", url)]));
}
