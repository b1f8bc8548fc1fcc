//! What the simulator posts is what the providers post: our own readers and proofs are the other side.

use super::*;
use crate::{
    domain::{delivery::Delivery, health::Quality},
    provider::{
        meta, report,
        report::{Change, Delivered, Report},
        signature, twilio as dialect_of_twilio, ultramsg as dialect_of_ultramsg,
    },
};
use std::collections::HashMap;
use tokio::{net::TcpListener, sync::mpsc};

const ATTEMPT: &str = "0190b7c0-0000-7000-8000-000000000001";

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Posted {
    target: String,
    headers: HashMap<String, String>,
    body: String,
}

impl Posted {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn of_meta(&self, secret: &str) -> Vec<Report> {
        let signed = signature::meta(&[secret], self.header("x-hub-signature-256"), self.body.as_bytes());
        assert!(signed, "{self:?}");
        meta::webhook::read(self.body.as_bytes()).unwrap()
    }

    fn of_twilio(&self, public: &str, token: &str) -> Vec<Report> {
        let public = url::Url::parse(public).unwrap();
        let given = self.header("x-twilio-signature");
        assert!(
            signature::twilio(&[token], &public, &self.target, given, true, self.body.as_bytes()),
            "{self:?}"
        );
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        dialect_of_twilio::webhook::read(&Delivered { query, body: self.body.as_bytes() }).unwrap()
    }

    fn of_ultramsg(&self) -> Vec<Report> {
        dialect_of_ultramsg::webhook::read(self.body.as_bytes()).unwrap()
    }
}

/// Somebody who listens: the first answers are as given, all others 200.
struct Listener {
    origin: String,
    posted: mpsc::Receiver<Posted>,
}

impl Listener {
    async fn answering(statuses: &[u16]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", socket.local_addr().unwrap());
        let (sender, posted) = mpsc::channel(1_000);
        let statuses: Arc<Mutex<Vec<u16>>> = Arc::new(Mutex::new(statuses.iter().rev().copied().collect()));
        tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                tokio::spawn(Self::serve(stream, sender.clone(), Arc::clone(&statuses)));
            }
        });
        Self { origin, posted }
    }

    async fn serve(mut stream: TcpStream, sender: mpsc::Sender<Posted>, statuses: Arc<Mutex<Vec<u16>>>) {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8(bytes.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let headers: HashMap<String, String> = head
                    .lines()
                    .skip(1)
                    .filter_map(|line| line.split_once(": "))
                    .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                    .collect();
                let length: usize = headers["content-length"].parse().unwrap();
                if body.len() >= length {
                    let target = head.split(' ').nth(1).unwrap().to_owned();
                    sender.send(Posted { target, headers, body: body[..length].to_owned() }).await.unwrap();
                    bytes.drain(..head.len() + 4 + length);
                    let status = statuses.lock().unwrap().pop().unwrap_or(200);
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    continue;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }

    async fn next(&mut self) -> Posted {
        tokio::time::timeout(Duration::from_secs(20), self.posted.recv()).await.unwrap().unwrap()
    }
}

async fn tell(simulator: &Simulator, webhook: serde_json::Value) {
    let (status, answer) = ask(simulator, "POST", "/_sim/webhooks", &[], &webhook.to_string()).await;
    assert_eq!(status, 200, "{answer}");
}

async fn told(simulator: &Simulator, listener: &Listener) {
    for (provider, secret) in [("meta", "app"), ("ultramsg", ""), ("twilio", "auth")] {
        let url = format!("{}/{provider}", listener.origin);
        let account = if provider == "twilio" { "ACde" } else { "WABA" };
        let webhook =
            serde_json::json!({"provider": provider, "url": url, "secret": secret, "account": account});
        tell(simulator, webhook).await;
    }
}

async fn until_posted(simulator: &Simulator, what: &str, wanted: impl Fn(&super::Posted) -> bool) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(20);
    while !wanted(&simulator.posted()) {
        assert!(tokio::time::Instant::now() < limit, "{what}: {:?}", simulator.posted());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn meta_to(to: &str) -> String {
    meta_body(to, "hello").replace("ref-1", ATTEMPT)
}

fn receipt(reports: &[Report]) -> &report::Receipt {
    match reports {
        [Report::Receipt(receipt)] => receipt,
        other => panic!("{other:?}"),
    }
}

fn inbound(reports: &[Report]) -> &report::Inbound {
    match reports {
        [Report::Inbound(inbound)] => inbound,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn receipts_come_in_the_order_of_their_times_and_as_often_as_they_are_to() {
    let simulator = start(
        "receipts = [{ status = 'read', after = '1ms' }, { status = 'sent', after = '200ms', times = 2 },\n\
         { status = 'delivered', after = '100ms' }]",
    );
    let mut listener = Listener::answering(&[]).await;
    told(&simulator, &listener).await;
    let (_, answer) = meta(&simulator, &meta_to("+237600000001")).await;
    let mut found = Vec::new();
    for _ in 0..4 {
        let posted = listener.next().await;
        assert_eq!((posted.target.as_str(), posted.header("content-type")), ("/meta", Some(JSON)));
        let reports = posted.of_meta("app");
        let receipt = receipt(&reports);
        assert_eq!(receipt.attempt.unwrap().to_string(), ATTEMPT);
        assert_eq!(receipt.sender, report::Sender::Id("1001".into()));
        assert!(answer.contains(receipt.message.as_deref().unwrap()) && receipt.at.is_some());
        found.push(receipt.delivery);
    }
    assert_eq!(found, [Delivery::Read, Delivery::Delivered, Delivery::Sent, Delivery::Sent]);
    until_posted(&simulator, "all four", |posted| posted.delivered == 4 && posted.waiting == 0).await;
}

#[tokio::test]
async fn a_body_of_metas_is_the_sheets() {
    let simulator =
        start("receipts = [{ status = 'failed', code = 131049, details = 'not today \u{1f600}/' }]");
    let mut listener = Listener::answering(&[]).await;
    told(&simulator, &listener).await;
    meta(&simulator, &meta_to("+5511987650001")).await;
    let posted = listener.next().await;
    assert!(posted.body.contains(r"not today \ud83d\ude00\/"), "escaped as Meta does: {}", posted.body);
    let found: serde_json::Value = serde_json::from_str(&posted.body).unwrap();
    let status = &found["entry"][0]["changes"][0]["value"]["statuses"][0];
    let id = &simulator.ledger()[0].id;
    let expected = serde_json::json!({"object": "whatsapp_business_account", "entry": [{"id": "WABA", "changes": [
        {"field": "messages", "value": {"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1001", "phone_number_id": "1001"},
        "statuses": [{"id": id, "status": "failed", "timestamp": status["timestamp"], "recipient_id": "5511987650001",
        "biz_opaque_callback_data": ATTEMPT, "errors": [{"code": 131_049, "title": status["errors"][0]["title"],
        "message": status["errors"][0]["title"], "error_data": {"details": "not today \u{1f600}/"},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}]}]}}]}]});
    assert_eq!(found, expected);
    assert!(status["timestamp"].as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000);
    let reports = posted.of_meta("app");
    assert_eq!(receipt(&reports).failure.as_ref().unwrap().code.as_deref(), Some("131049"));
}

#[tokio::test]
async fn twilio_reports_to_the_messages_own_address_and_again_if_it_is_asked_to() {
    let simulator = start("receipts = [{ status = 'read' }]");
    let mut listener = Listener::answering(&[500, 503]).await;
    // No webhook: the request's own token signs.
    let form = |callback: &str| {
        let callback = form_urlencoded::byte_serialize(callback.as_bytes()).collect::<String>();
        format!(
            "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body=c&StatusCallback={callback}"
        )
    };
    let url = format!("{}/status?ref={ATTEMPT}#rc=5&rp=all", listener.origin);
    let (status, answer) = twilio(&simulator, &form(&url)).await;
    assert_eq!(status, 201, "{answer}");
    for _ in 0..3 {
        let posted = listener.next().await;
        assert_eq!(posted.target, format!("/status?ref={ATTEMPT}"), "without its fragment");
        let reports = posted.of_twilio(&listener.origin, "token");
        let receipt = receipt(&reports);
        assert_eq!(receipt.attempt.unwrap().to_string(), ATTEMPT);
        assert_eq!(receipt.delivery, Delivery::Read);
        assert!(answer.contains(receipt.message.as_deref().unwrap()));
        assert!(posted.body.contains("AccountSid=ACde&") && posted.body.contains("EventType=READ"));
    }
    until_posted(&simulator, "the third time", |posted| posted.delivered == 1).await;

    // Not asked to: what is answered with 500 is lost.
    let mut listener = Listener::answering(&[500]).await;
    twilio(&simulator, &form(&format!("{}/status", listener.origin))).await;
    listener.next().await;
    until_posted(&simulator, "lost", |posted| posted.given_up == 1 && posted.waiting == 0).await;
    for bad in ["status", "/status", "http://under_score/"] {
        let (status, answer) = twilio(&simulator, &form(bad)).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer.contains("\"code\":21609,"), "{answer}");
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_signed_and_another_is_called() {
    let simulator = start(
        "receipts = [{ status = 'undelivered', code = 63024 }]\n\
         [[rule]]\nthen = { replies = [{ text = 'STOP & go', name = 'Ana', after = '50ms' }] }",
    );
    let mut listener = Listener::answering(&[]).await;
    let connect = listener.origin.trim_start_matches("http://");
    let public = "https://hooks.example.com";
    let webhook = serde_json::json!({"provider": "twilio", "url": format!("{public}/in"), "connect": connect,
        "auth_token": "primary", "account": "ACde"});
    tell(&simulator, webhook).await;
    let form = "To=whatsapp%3A%2B237600000003&From=whatsapp%3A%2B14155550105&Body=c\
                &StatusCallback=https%3A%2F%2Fhooks.example.com%2Fstatus%3Fref%3D1";
    twilio(&simulator, form).await;
    let status = listener.next().await;
    assert_eq!((status.target.as_str(), status.header("host")), ("/status?ref=1", Some("hooks.example.com")));
    let reports = status.of_twilio(public, "primary");
    assert_eq!(receipt(&reports).delivery, Delivery::Failed);
    assert_eq!(receipt(&reports).failure.as_ref().unwrap().code.as_deref(), Some("63024"));
    let reply = listener.next().await;
    assert_eq!(reply.target, "/in");
    let reports = reply.of_twilio(public, "primary");
    let inbound = inbound(&reports);
    assert_eq!((inbound.text.as_str(), inbound.profile.as_deref()), ("STOP & go", Some("Ana")));
    assert_eq!(inbound.from.as_ref().unwrap().reveal(), "+237600000003");
}

#[tokio::test]
async fn the_gateway_reports_acks_and_texts_and_no_failures() {
    let simulator = start(
        "receipts = [{ status = 'failed', code = 1 }, { status = 'delivered', after = '10ms' }]\n\
         [[rule]]\nthen = { replies = [{ button = 'STOP', after = '200ms' }], events = [{ quality = 'red' }] }",
    );
    let mut listener = Listener::answering(&[]).await;
    told(&simulator, &listener).await;
    ultramsg(&simulator, &format!("token=t&to=%2B237600000002&body=a&referenceId={ATTEMPT}")).await;
    let ack = listener.next().await.of_ultramsg();
    let ack = receipt(&ack);
    assert_eq!((ack.delivery, ack.attempt.unwrap().to_string().as_str()), (Delivery::Delivered, ATTEMPT));
    assert_eq!(ack.message.as_deref(), Some(simulator.ledger()[0].id.as_str()));
    assert_eq!(ack.sender, report::Sender::Id("instance7".into()));
    let reply = listener.next().await.of_ultramsg();
    let reply = inbound(&reply);
    assert_eq!((reply.text.as_str(), reply.kind.as_str()), ("STOP", "text"));
    assert_eq!(reply.from.as_ref().unwrap().reveal(), "+237600000002");
    until_posted(&simulator, "no more", |posted| posted.waiting == 0 && posted.delivered == 2).await;
}

#[tokio::test]
async fn people_answer_and_accounts_have_news() {
    let simulator = start(
        "[[rule]]\nthen = { replies = [{ text = 'STOP', name = 'Ana' }, { button = 'Enough', after = '50ms' },\n\
         { preference = 'stop', after = '100ms' }] }\n\
         [[rule]]\nthen = { error = 131026, events = [{ quality = 'red', after = '150ms' },\n\
         { restriction = '1h', after = '200ms' }, { restriction = true, after = '250ms' },\n\
         { reinstatement = true, after = '300ms' }, { limit = 2000, after = '350ms' },\n\
         { limit = 'unlimited', after = '400ms' },\n\
         { template = { name = 'a', language = 'en', status = 'PAUSED' }, after = '450ms' }] }",
    );
    let mut listener = Listener::answering(&[]).await;
    told(&simulator, &listener).await;
    // Refused: nobody answers a message that was not taken, and what happens to the account happens.
    assert_eq!(meta(&simulator, &meta_to("+237600000001")).await.0, 400);
    let mut changes = Vec::new();
    for _ in 0..7 {
        match listener.next().await.of_meta("app").remove(0) {
            Report::News(news) => changes.push(news.change),
            other => panic!("{other:?}"),
        }
    }
    let until = match &changes[1] {
        Change::Restricted { until: Some(until) } => *until,
        other => panic!("{other:?}"),
    };
    let template = Change::Template {
        id: "12345678".into(),
        name: "a".into(),
        language: "en".into(),
        status: "PAUSED".into(),
    };
    assert_eq!(
        changes,
        [
            Change::Quality(Quality::Red),
            Change::Restricted { until: Some(until) },
            Change::Restricted { until: None },
            Change::Reinstated,
            Change::Limit(Some(2_000)),
            Change::Limit(None),
            template,
        ]
    );
    let hour = until.timestamp() - i64::try_from(ledger::now_micros() / 1_000_000).unwrap();
    assert!((3_500..=3_600).contains(&hour), "{hour}");

    simulator.set_script(
        Script::parse(
            "[[rule]]\nthen = { replies = [{ text = 'STOP', name = 'Ana \u{1f600}' }, { button = 'Enough', after = '50ms' },\n\
             { preference = 'stop', after = '100ms' }] }",
        )
        .unwrap(),
    );
    meta(&simulator, &meta_to("+237600000001")).await;
    let texts = listener.next().await.of_meta("app");
    let text = inbound(&texts);
    assert_eq!((text.text.as_str(), text.profile.as_deref()), ("STOP", Some("Ana \u{1f600}")));
    let buttons = listener.next().await.of_meta("app");
    let button = inbound(&buttons);
    assert_eq!((button.text.as_str(), button.kind.as_str()), ("Enough", "button"));
    assert_eq!(button.answers.as_deref(), Some(simulator.ledger()[0].id.as_str()));
    assert_ne!(text.message, button.message);
    match &listener.next().await.of_meta("app")[..] {
        [Report::Preference(preference)] => assert_eq!(preference.from.reveal(), "+237600000001"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn meta_tries_again_with_the_same_bytes_until_it_hears_200() {
    let simulator = start("receipts = [{ status = 'sent' }]");
    let mut listener = Listener::answering(&[503, 204]).await;
    told(&simulator, &listener).await;
    meta(&simulator, &meta_to("+237600000001")).await;
    let first = listener.next().await;
    assert_eq!(listener.next().await, first);
    until_posted(&simulator, "it waits", |posted| posted.waiting == 1).await;
    assert_eq!(listener.next().await, first);
    until_posted(&simulator, "taken", |posted| posted.delivered == 1 && posted.waiting == 0).await;
}

#[tokio::test]
async fn webhooks_are_told_for_some_numbers_or_all_and_can_be_forgotten() {
    let simulator = start("receipts = [{ status = 'sent' }]");
    let mut all = Listener::answering(&[]).await;
    let mut own = Listener::answering(&[]).await;
    told(&simulator, &all).await;
    let webhook =
        serde_json::json!({"provider": "meta", "url": own.origin, "app_secret": "own", "numbers": ["1002"]});
    tell(&simulator, webhook).await;
    let headers = [("content-type", JSON), ("authorization", "Bearer t")];
    for (number, listener, secret) in [("1002", &mut own, "own"), ("1003", &mut all, "app")] {
        let path = format!("/v23.0/{number}/messages");
        ask(&simulator, "POST", &path, &headers, &meta_to("+237600000001")).await;
        assert_eq!(receipt(&listener.next().await.of_meta(secret)).delivery, Delivery::Sent);
    }
    let (_, answer) = ask(&simulator, "GET", "/_sim/webhooks", &[], "").await;
    assert!(answer.contains("\"numbers\":[\"1002\"]") && !answer.contains("own\""), "{answer}");
    for (body, problem) in [
        (r#"{"provider": "meta", "url": "http://127.0.0.1:1/"}"#, "no secret"),
        (r#"{"provider": "meta", "url": "here", "secret": "s"}"#, "is not an absolute address"),
        (r#"{"provider": "meta", "adress": "here"}"#, "unknown field"),
        ("[]", ""),
    ] {
        let (status, answer) = ask(&simulator, "POST", "/_sim/webhooks", &[], body).await;
        assert!(status == 400 && answer.contains(problem), "{body} gave {answer}");
    }
    // What waits is forgotten by a reset; who listens is not.
    simulator.set_script(Script::parse("receipts = [{ status = 'sent', after = '1h' }]").unwrap());
    meta(&simulator, &meta_to("+237600000001")).await;
    assert_eq!(simulator.posted().waiting, 1);
    simulator.reset();
    assert_eq!(simulator.posted(), super::Posted::default());
    meta(&simulator, &meta_to("+237600000001")).await;
    assert_eq!(simulator.posted().waiting, 1);
    assert_eq!(ask(&simulator, "DELETE", "/_sim/webhooks", &[], "").await.0, 200);
    meta(&simulator, &meta_to("+237600000001")).await;
    assert_eq!(simulator.posted().waiting, 1, "nobody listens any more");
    assert_eq!(ask(&simulator, "PUT", "/_sim/webhooks", &[], "").await.0, 405);
}

#[tokio::test]
async fn the_first_rule_that_names_receipts_decides_and_an_action_ends_the_search() {
    let simulator = start(
        "receipts = [{ status = 'sent' }]\n\
         [[rule]]\nwhen = { nth = 1 }\nthen = { receipts = [] }\n\
         [[rule]]\nwhen = { nth = 2 }\nthen = { accept_then_cut = true, receipts = [{ status = 'read' }] }\n\
         [[rule]]\nwhen = { from_nth = 1 }\nthen = { receipts = [{ status = 'delivered' }] }",
    );
    let mut listener = Listener::answering(&[]).await;
    told(&simulator, &listener).await;
    for _ in 0..3 {
        meta(&simulator, &meta_to("+237600000001")).await;
    }
    // Nothing of the first. The second was cut off, and is reported all the same.
    let mut found = Vec::new();
    for _ in 0..2 {
        found.push(receipt(&listener.next().await.of_meta("app")).delivery);
    }
    assert_eq!(found, [Delivery::Read, Delivery::Delivered]);
    until_posted(&simulator, "no more", |posted| posted.waiting == 0 && posted.delivered == 2).await;
}
