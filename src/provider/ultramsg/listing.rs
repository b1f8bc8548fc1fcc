//! What `UltraMsg` has to be asked for: who is on `WhatsApp`, and which messages failed (`ultramsg.md` sections 4, 6 and 8).
//! No webhook reports a failure: "polling `GET /messages` is the dependable source".

use super::{codes, flatten, id, is_empty};
use crate::{
    domain::{
        delivery::Delivery,
        ids::AttemptId,
        outcome::{Class, Failure},
        phone::Phone,
    },
    provider::{
        Answer, Line, Prepared, Registration, address, reading,
        report::{Receipt, Sender},
    },
};
use chrono::DateTime;
use http::{HeaderMap, Method};
use serde_json::Value;

/// States that end a message badly (section 4).
pub const STATES: [&str; 3] = ["unsent", "invalid", "expired"];
/// Messages of one page: the most that the gateway lists (section 8).
pub const PAGE: usize = 100;

/// "Is it a WhatsApp user" (section 6).
pub fn registration_request(line: &Line, phone: &Phone) -> Option<Prepared> {
    let mut url = address::join(&line.base_url, &[&line.sender_id, "contacts", "check"]).ok()?;
    let chat = format!("{}@c.us", phone.reveal().trim_start_matches('+'));
    url.query_pairs_mut().append_pair("token", &line.credential.token).append_pair("chatId", &chat);
    Some(get(url))
}

/// A `status` of `valid` or `invalid`; the sheet has no official text for it, so anything else is unclear.
pub fn read_registration(answer: &Answer) -> Registration {
    let unclear = || Registration::Unclear(format!("status {}: {}", answer.status, reading::snippet(answer)));
    let Some(body) = body(answer) else { return unclear() };
    if let Some(error) = error_of(&body) {
        return Registration::Unclear(error);
    }
    match body.get("status").and_then(Value::as_str).map(str::to_lowercase).as_deref() {
        Some("valid") => Registration::Registered,
        Some("invalid") => Registration::Unregistered,
        _ => unclear(),
    }
}

/// The newest messages of a state.
pub fn failures_request(line: &Line, state: &str, page: u32) -> Option<Prepared> {
    let mut url = address::join(&line.base_url, &[&line.sender_id, "messages"]).ok()?;
    url.query_pairs_mut()
        .append_pair("token", &line.credential.token)
        .append_pair("status", state)
        .append_pair("sort", "desc")
        .append_pair("limit", &PAGE.to_string())
        .append_pair("page", &page.to_string());
    Some(get(url))
}

/// As receipts of failures. What is not in that state after all is passed over: the filter is the gateway's word only.
pub fn read_failures(line: &Line, state: &str, answer: &Answer) -> Result<Vec<Receipt>, String> {
    let body =
        body(answer).ok_or_else(|| format!("status {}: {}", answer.status, reading::snippet(answer)))?;
    if let Some(error) = error_of(&body) {
        return Err(error);
    }
    let messages = body.get("messages").and_then(Value::as_array).ok_or("the listing cannot be read")?;
    Ok(messages.iter().filter_map(|message| failure(line, state, message)).collect())
}

fn failure(line: &Line, state: &str, message: &Value) -> Option<Receipt> {
    if !message.get("status").and_then(Value::as_str)?.eq_ignore_ascii_case(state) {
        return None;
    }
    let class =
        codes::STATES.iter().find(|(name, _)| *name == state).map_or(Class::Unknown, |(_, class)| *class);
    let time = message.get("sent_at").or_else(|| message.get("created_at")).and_then(Value::as_i64);
    let reference = message.get("referenceId").and_then(Value::as_str);
    Some(Receipt {
        sender: Sender::Id(line.sender_id.clone()),
        message: message.get("id").and_then(id),
        attempt: reference.and_then(|reference| uuid::Uuid::parse_str(reference).ok()).map(AttemptId),
        delivery: Delivery::Failed,
        at: time.filter(|seconds| *seconds > 0).and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        failure: Some(Failure { class, code: Some(state.to_owned()), words: words(state).to_owned() }),
    })
}

/// The gateway gives no words with a state; these are the sheet's.
fn words(state: &str) -> &'static str {
    match state {
        "unsent" => "could not be sent, mostly because of its content",
        "invalid" => "the number is wrong or not on WhatsApp",
        "expired" => "stayed in the queue for more than 24 hours",
        _ => "",
    }
}

fn get(url: url::Url) -> Prepared {
    Prepared { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() }
}

fn body(answer: &Answer) -> Option<Value> {
    serde_json::from_slice::<Value>(&answer.body).ok().filter(|body| answer.status == 200 && body.is_object())
}

fn error_of(body: &Value) -> Option<String> {
    let error = body.get("error").filter(|error| !is_empty(error))?;
    Some(reading::words(&flatten(error).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Credential, Provider as _, ultramsg::Ultramsg};
    use serde_json::json;

    fn line() -> Line {
        let credential = Credential { external_id: String::new(), token: "t0ken".to_owned().into() };
        let phone = Phone::parse("+237600000001").unwrap();
        Ultramsg.line("https://api.ultramsg.com", credential, "1150", &phone).unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, body: body.into(), truncated: false }
    }

    #[test]
    fn the_questions_are_those_of_the_sheet() {
        let phone = Phone::parse("+5511987650001").unwrap();
        let asked = registration_request(&line(), &phone).unwrap();
        assert_eq!(
            asked.url.as_str(),
            "https://api.ultramsg.com/instance1150/contacts/check?token=t0ken&chatId=5511987650001%40c.us"
        );
        let asked = failures_request(&line(), "invalid", 2).unwrap();
        assert_eq!(
            asked.url.as_str(),
            "https://api.ultramsg.com/instance1150/messages?token=t0ken&status=invalid&sort=desc&limit=100&page=2"
        );
        assert_eq!((asked.method, asked.body.len()), (Method::GET, 0));
    }

    #[test]
    fn who_is_on_whatsapp_is_read_and_nothing_is_guessed() {
        for (status, body, expected) in [
            (200, r#"{"status":"valid","chatId":"1@c.us"}"#, Some(Registration::Registered)),
            (200, r#"{"status":"INVALID"}"#, Some(Registration::Unregistered)),
            (200, r#"{"status":"perhaps"}"#, None),
            (200, r#"{"error":"Wrong token. Please provide token as a GET parameter."}"#, None),
            (200, "<html>", None),
            (500, r#"{"status":"valid"}"#, None),
        ] {
            let read = read_registration(&answer(status, body));
            match expected {
                Some(expected) => assert_eq!(read, expected, "{body}"),
                None => assert!(matches!(read, Registration::Unclear(_)), "{body}: {read:?}"),
            }
        }
    }

    #[test]
    fn a_page_of_failures_becomes_receipts() {
        let reference = "0190b7aa-0000-7000-8000-000000000001";
        let page = json!({"total": 2, "pages": 1, "limit": 100, "page": 1, "messages": [
            {"id": 311_777, "referenceId": reference, "from": "1@c.us", "to": "2@c.us", "status": "invalid", "ack": "",
             "created_at": 1_651_931_190, "sent_at": 0},
            {"id": "311778", "referenceId": "", "status": "invalid"},
            {"id": 311_779, "referenceId": reference, "status": "sent"},
        ]});
        let read = read_failures(&line(), "invalid", &answer(200, &page.to_string())).unwrap();
        let ids: Vec<_> = read.iter().map(|receipt| receipt.message.as_deref().unwrap()).collect();
        assert_eq!(ids, ["311777", "311778"]);
        assert_eq!(read[0].attempt.unwrap().to_string(), reference);
        assert_eq!(read[1].attempt, None);
        let failure = read[0].failure.as_ref().unwrap();
        assert_eq!((failure.class, failure.code.as_deref()), (Class::RecipientInvalid, Some("invalid")));
        for broken in ["", "[]", r#"{"messages": 1}"#, r#"{"error":"Instance not found"}"#] {
            assert!(read_failures(&line(), "invalid", &answer(200, broken)).is_err(), "{broken}");
        }
    }
}
