//! The simulator over real connections: what the providers refuse it refuses, and its ledger tells the truth.

mod content;
mod health;

use super::*;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

mod reports;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// `ACde…:token`
const LOGIN: &str = "Basic QUNkZTp0b2tlbg==";
const TWILIO: &str = "/2010-04-01/Accounts/ACde/Messages.json";

fn start(script: &str) -> Simulator {
    Simulator::start(([127, 0, 0, 1], 0).into(), Script::parse(script).unwrap()).unwrap()
}

/// One exchange on a connection of its own: status and body.
async fn ask(
    simulator: &Simulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

async fn meta(simulator: &Simulator, body: &str) -> (u16, String) {
    let headers = [("content-type", JSON), ("authorization", "Bearer token")];
    ask(simulator, "POST", "/v23.0/1001/messages", &headers, body).await
}

async fn ultramsg(simulator: &Simulator, form: &str) -> (u16, String) {
    ask(simulator, "POST", "/instance7/messages/chat", &[("content-type", FORM)], form).await
}

async fn twilio(simulator: &Simulator, form: &str) -> (u16, String) {
    ask(simulator, "POST", TWILIO, &[("content-type", FORM), ("authorization", LOGIN)], form).await
}

fn meta_body(to: &str, text: &str) -> String {
    serde_json::json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "text",
        "text": {"body": text}, "biz_opaque_callback_data": "ref-1"})
    .to_string()
}

#[tokio::test]
async fn well_formed_messages_are_accepted_and_recorded() {
    let simulator = start("");
    let (status, body) = meta(&simulator, &meta_body("+237600000001", "Hello \u{1f44b}")).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"wa_id\":\"237600000001\"") && body.contains("wamid."), "{body}");
    let (status, body) =
        ultramsg(&simulator, "token=t&to=%2B237600000002&body=a%2Bb&priority=10&referenceId=ref-2").await;
    assert_eq!(
        (status, body.starts_with("{\"sent\":\"true\",\"message\":\"ok\",\"id\":")),
        (200, true),
        "{body}"
    );
    let (status, body) =
        twilio(&simulator, "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body=c").await;
    assert_eq!(status, 201, "{body}");
    assert!(body.contains("\"status\":\"queued\""), "{body}");

    let ledger = simulator.ledger();
    let rows: Vec<_> = ledger
        .iter()
        .map(|row| [row.provider.name(), &row.from, &row.to, &row.body, &row.reference])
        .collect();
    assert_eq!(
        rows,
        [
            ["meta", "1001", "+237600000001", "Hello \u{1f44b}", "ref-1"],
            ["ultramsg", "instance7", "+237600000002", "a+b", "ref-2"],
            ["twilio", "+14155550105", "+237600000003", "c", ""],
        ]
    );
    assert_eq!((simulator.count(), simulator.requests()), (3, 3));
    assert!(simulator.duplicates().is_empty());
    let ids: std::collections::HashSet<_> = ledger.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn meta_refuses_what_meta_refuses() {
    let simulator = start("");
    let good: serde_json::Value = serde_json::from_str(&meta_body("+237600000001", "hello")).unwrap();
    let with = |key: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string()
    };
    for (body, code) in [
        (with("messaging_product", serde_json::Value::Null), 100),
        (with("messaging_product", "sms".into()), 100),
        (with("recipient_type", "group".into()), 100),
        (with("to", serde_json::Value::Null), 100),
        (with("to", "237600000001".into()), 131_009),
        (with("to", "+0600000001".into()), 131_009),
        (with("to", "+237600000001,+237600000002".into()), 131_009),
        (with("to", 237.into()), 100),
        (with("type", "hologram".into()), 131_051),
        (with("text", serde_json::Value::Null), 131_008),
        (with("text", serde_json::json!({"body": ""})), 131_008),
        (with("text", serde_json::json!({"body": "é".repeat(4_097)})), 100),
        (with("biz_opaque_callback_data", "x".repeat(513).into()), 100),
        ("{\"messaging_product\":".to_owned(), 100),
    ] {
        let (status, answer) = meta(&simulator, &body).await;
        assert_eq!(status, 400, "{body} gave {answer}");
        assert!(answer.contains(&format!("\"code\":{code},")), "{body} gave {answer}");
    }
    let (status, _) = meta(&simulator, &with("text", serde_json::json!({"body": "é".repeat(4_096)}))).await;
    assert_eq!(status, 200);
    let path = "/v23.0/1001/messages";
    let body = good.to_string();
    for (headers, status, code) in [
        (vec![("content-type", JSON)], 401, 0),
        (vec![("content-type", JSON), ("authorization", "Basic abc")], 401, 0),
        (vec![("content-type", FORM), ("authorization", "Bearer t")], 400, 100),
        (vec![("authorization", "Bearer t")], 400, 100),
    ] {
        let (found, answer) = ask(&simulator, "POST", path, &headers, &body).await;
        assert_eq!(found, status, "{headers:?} gave {answer}");
        assert!(answer.contains(&format!("\"code\":{code},")), "{headers:?} gave {answer}");
    }
    assert_eq!(simulator.count(), 1);
}

#[tokio::test]
async fn ultramsg_refuses_what_ultramsg_refuses() {
    let simulator = start("");
    let long = format!("token=t&to=%2B237600000001&body={}", "a".repeat(4_097));
    for (form, error) in [
        ("to=%2B237600000001&body=a", "Wrong token"),
        ("token=t&body=a", "[{\"to\":"),
        ("token=t&to=%2B237600000001%2C%2B237600000002&body=a", "[{\"to\":"),
        ("token=t&to=237600000001&body=a", "[{\"to\":"),
        ("token=t&to=x%40g.us&body=a", "[{\"to\":"),
        ("token=t&to=%2B237600000001", "[{\"body\":"),
        (long.as_str(), "[{\"body\":"),
        ("token=t&to=%2B237600000001&body=a&priority=high", "[{\"priority\":"),
    ] {
        let (status, answer) = ultramsg(&simulator, form).await;
        assert_eq!(status, 200, "{form}");
        assert!(
            answer.starts_with(&format!("{{\"error\":\"{error}")) || answer.contains(error),
            "{form}: {answer}"
        );
    }
    let json = "{\"token\":\"t\",\"to\":\"+237600000001\",\"body\":\"a\"}";
    let (_, answer) =
        ask(&simulator, "POST", "/instance7/messages/chat", &[("content-type", JSON)], json).await;
    assert!(answer.contains("Wrong token"), "{answer}");
    let (status, _) =
        ask(&simulator, "POST", "/instancex/messages/chat", &[("content-type", FORM)], "token=t").await;
    assert_eq!(status, 404);
    assert_eq!(simulator.count(), 0);
    let (_, answer) = ultramsg(&simulator, "token=t&to=237600000001%40c.us&body=a").await;
    assert!(answer.contains("\"sent\":\"true\""), "a chat id is a recipient too: {answer}");
    assert_eq!(simulator.ledger()[0].to, "+237600000001");
}

#[tokio::test]
async fn twilio_refuses_what_twilio_refuses() {
    let simulator = start("");
    let (to, from) = ("To=whatsapp%3A%2B237600000001", "From=whatsapp%3A%2B14155550105");
    for (form, code) in [
        (format!("{from}&Body=a"), 21_604),
        (format!("{to}&Body=a"), 21_603),
        (format!("{to}&{from}"), 21_602),
        (format!("To=%2B237600000001&{from}&Body=a"), 21_910),
        (format!("{to}&From=%2B14155550105&Body=a"), 21_910),
        (format!("To=whatsapp%3A%2B1&{from}&Body=a"), 21_211),
        (format!("{to}&From=whatsapp%3A14155550105&Body=a"), 21_212),
        (format!("To=whatsapp%3A%2B14155550105&{from}&Body=a"), 63_031),
        (format!("{to}&{from}&Body={}", "a".repeat(1_601)), 21_617),
        (format!("{to}&{from}&Body=a&ValidityPeriod=0"), 21_624),
    ] {
        let (status, answer) = twilio(&simulator, &form).await;
        assert_eq!(status, 400, "{form}: {answer}");
        assert!(answer.contains(&format!("\"code\":{code},")), "{form}: {answer}");
    }
    let form = format!("{to}&{from}&Body=a");
    let json = "{\"To\":\"whatsapp:+237600000001\"}";
    for (headers, body, status, code) in [
        (vec![("content-type", FORM)], form.as_str(), 401, 20_003),
        (vec![("content-type", FORM), ("authorization", "Basic QUNvdGhlcjp0")], form.as_str(), 401, 20_003),
        (vec![("content-type", JSON), ("authorization", LOGIN)], json, 400, 21_604),
    ] {
        let (found, answer) = ask(&simulator, "POST", TWILIO, &headers, body).await;
        assert_eq!(found, status, "{headers:?}: {answer}");
        assert!(answer.contains(&format!("\"code\":{code},")), "{headers:?}: {answer}");
    }
    assert_eq!(simulator.count(), 0);
}

#[tokio::test]
async fn declared_accounts_and_numbers_are_insisted_on() {
    let simulator = start(
        "account = [{ provider = 'meta', token = 'token' }, { provider = 'twilio', id = 'ACde', token = 'other' }]\n\
         number = [{ provider = 'meta', phone = '+237600000101', id = '1001' },\n\
         { provider = 'ultramsg', phone = '+237600000103', id = 'instance7', token = 'own' }]",
    );
    let body = meta_body("+237600000001", "hello");
    assert_eq!(meta(&simulator, &body).await.0, 200);
    assert_eq!(simulator.ledger()[0].from, "+237600000101", "a declared number is named by its phone");
    let headers = |token| [("content-type", JSON), ("authorization", token)];
    let (status, _) = ask(&simulator, "POST", "/v23.0/1001/messages", &headers("Bearer no"), &body).await;
    assert_eq!(status, 401);
    let (status, answer) =
        ask(&simulator, "POST", "/v23.0/1002/messages", &headers("Bearer token"), &body).await;
    assert_eq!(status, 400);
    assert!(answer.contains("does not exist"), "{answer}");
    let (_, answer) = ultramsg(&simulator, "token=no&to=%2B237600000001&body=a").await;
    assert!(answer.contains("Wrong token"), "{answer}");
    let (_, answer) = ultramsg(&simulator, "token=own&to=%2B237600000002&body=a").await;
    assert!(answer.contains("\"sent\":\"true\""), "{answer}");
    let (status, _) =
        twilio(&simulator, "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body=c").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_suspended_number_stays_suspended_and_others_do_not() {
    let simulator = start("[[rule]]\nwhen = { number = '1001', nth = 2 }\nthen = { suspend = true }");
    for (at, expected) in [200, 400, 400].into_iter().enumerate() {
        let (status, _) = meta(&simulator, &meta_body("+237600000001", &format!("{at}"))).await;
        assert_eq!(status, expected, "message {at}");
    }
    let headers = [("content-type", JSON), ("authorization", "Bearer t")];
    let body = meta_body("+237600000001", "other");
    assert_eq!(ask(&simulator, "POST", "/v23.0/1002/messages", &headers, &body).await.0, 200);
    let fields = "/v23.0/1001?fields=status,quality_rating";
    let (_, answer) = ask(&simulator, "GET", fields, &headers, "").await;
    assert_eq!(answer, r#"{"id":"1001","quality_rating":"GREEN","status":"DISCONNECTED"}"#);
    simulator.reset();
    assert_eq!(simulator.count(), 0);
    assert_eq!(meta(&simulator, &meta_body("+237600000001", "again")).await.0, 200);
}

#[tokio::test]
async fn throttling_names_its_wait_and_ends() {
    let simulator = start("[[rule]]\nwhen = { nth = 1 }\nthen = { throttle = '50ms', retry_after = -5 }");
    let form = "To=whatsapp%3A%2B237600000001&From=whatsapp%3A%2B14155550105&Body=a";
    assert_eq!(twilio(&simulator, form).await.0, 429);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while twilio(&simulator, form).await.0 != 201 {
        assert!(tokio::time::Instant::now() < deadline, "still throttled");
    }
}

#[tokio::test]
async fn lookups_find_what_was_accepted() {
    let simulator = start("");
    ultramsg(&simulator, "token=t&to=%2B237600000001&body=a&referenceId=ref-1").await;
    ultramsg(&simulator, "token=t&to=%2B237600000002&body=a&referenceId=ref-2").await;
    let list = |query: &'static str| {
        let simulator = &simulator;
        async move {
            let (_, answer) = ask(simulator, "GET", query, &[], "").await;
            serde_json::from_str::<serde_json::Value>(&answer).unwrap()
        }
    };
    let found = list("/instance7/messages?token=t&referenceId=ref-2&limit=100&page=1").await;
    assert_eq!((&found["total"], &found["messages"][0]["to"]), (&1.into(), &"237600000002@c.us".into()));
    assert_eq!(list("/instance7/messages?token=t&referenceId=ref-3").await["total"], 0);
    assert_eq!(list("/instance8/messages?token=t&referenceId=ref-2").await["total"], 0, "another instance");
    assert_eq!(
        list("/instance7/messages?referenceId=ref-2").await["error"],
        "Wrong token. Please provide token as a GET parameter."
    );
    let status = list("/instance7/instance/status?token=t").await;
    assert_eq!(status["status"]["accountStatus"]["status"], "authenticated");

    for body in ["one", "two"] {
        twilio(
            &simulator,
            &format!("To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body={body}"),
        )
        .await;
    }
    let get = |path: String| {
        let simulator = &simulator;
        async move {
            let (status, answer) = ask(simulator, "GET", &path, &[("authorization", LOGIN)], "").await;
            (status, serde_json::from_str::<serde_json::Value>(&answer).unwrap())
        }
    };
    let query = "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105";
    let (_, listing) = get(format!("{TWILIO}?{query}&PageSize=1")).await;
    assert_eq!(
        (&listing["messages"][0]["body"], &listing["messages"][1]),
        (&"two".into(), &serde_json::Value::Null)
    );
    let (_, next) = get(listing["next_page_uri"].as_str().unwrap().to_owned()).await;
    assert_eq!(
        (&next["messages"][0]["body"], &next["next_page_uri"]),
        (&"one".into(), &serde_json::Value::Null)
    );
    let (status, one) = get(next["messages"][0]["uri"].as_str().unwrap().to_owned()).await;
    assert_eq!((status, &one["to"]), (200, &"whatsapp:+237600000003".into()));
    let (_, other) = get(format!("{TWILIO}?To=whatsapp%3A%2B237600000004")).await;
    assert_eq!(other["messages"], serde_json::json!([]));
    assert_eq!(ask(&simulator, "GET", TWILIO, &[], "").await.0, 401);
}

#[tokio::test]
async fn the_control_paths_tell_and_take() {
    let simulator = start("");
    let get = |path: &'static str| ask(&simulator, "GET", path, &[], "");
    assert_eq!(get("/_sim/ledger").await.1, "2\r\n[]\r\n0\r\n\r\n");
    let form = "token=t&to=%2B237600000001&body=a&referenceId=ref";
    for _ in 0..2 {
        ultramsg(&simulator, form).await;
    }
    assert_eq!(get("/_sim/count").await.1, r#"{"count":2,"requests":2}"#);
    let duplicates: Vec<serde_json::Value> = serde_json::from_str(&get("/_sim/duplicates").await.1).unwrap();
    assert_eq!(duplicates.len(), 2);
    let (status, answer) =
        ask(&simulator, "POST", "/_sim/script", &[], "[[rule]]\nthen = { reply = 1 }").await;
    assert_eq!(status, 400);
    assert!(answer.contains("unknown field `reply`"), "{answer}");
    let (status, _) =
        ask(&simulator, "POST", "/_sim/script", &[], "[[rule]]\nthen = { error = 'non_payment' }").await;
    assert_eq!(status, 200);
    assert!(ultramsg(&simulator, form).await.1.contains("non-payment"));
    assert_eq!(ask(&simulator, "POST", "/_sim/reset", &[], "").await.0, 200);
    assert_eq!(get("/_sim/count").await.1, r#"{"count":0,"requests":0}"#);
    assert_eq!(get("/_sim/nothing").await.0, 404);
    assert_eq!(ask(&simulator, "POST", "/_sim/count", &[], "").await.0, 405);
    assert_eq!(get("/").await.0, 404);
}

#[tokio::test]
async fn a_long_ledger_is_written_in_pages() {
    let simulator = start("");
    let mut stream = TcpStream::connect(simulator.address()).await.unwrap();
    let mut requests = Vec::new();
    for number in 0..2_500 {
        let body = format!("token=t&to=%2B2376{number:08}&body=a");
        requests.extend(format!(
            "POST /instance7/messages/chat HTTP/1.1\r\ncontent-type: {FORM}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ).into_bytes());
    }
    requests.extend_from_slice(b"GET /_sim/ledger HTTP/1.1\r\nconnection: close\r\n\r\n");
    let (mut read, mut write) = stream.split();
    let mut answers = String::new();
    // All at once, on one connection: answers come in order.
    let (written, finished) = tokio::join!(write.write_all(&requests), read.read_to_string(&mut answers));
    written.unwrap();
    finished.unwrap();
    assert_eq!(answers.matches("\"sent\":\"true\"").count(), 2_500);
    assert_eq!(answers.matches("\"provider\":\"ultramsg\"").count(), 2_500);
    assert!(answers.contains("\"to\":\"+237600002499\""), "the last one is there");
    assert!(answers.ends_with("]\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_taken_address_is_an_error_and_a_stopped_simulator_frees_it() {
    let simulator = Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), Script::default()).unwrap();
    let address = simulator.address();
    assert!(matches!(Simulator::start(address, Script::default()), Err(SimulatorError::Listen { .. })));
    assert_eq!(ask(&simulator, "GET", "/_sim/count", &[], "").await.0, 200);
    simulator.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[test]
fn the_demo_scripts_can_be_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo");
    let mut read = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && std::fs::read_to_string(&path).unwrap().contains("[[rule]]")
        {
            let script = Script::parse(&std::fs::read_to_string(&path).unwrap());
            assert!(script.is_ok(), "{}: {}", path.display(), script.unwrap_err());
            read += 1;
        }
    }
    assert!(read >= 4, "{read} scripts in {folder}");
}
