//! What our client writes on the wire, byte by byte as a server reads it, beside what the sheets say: method, path and query,
//! every header, the body; for a text, a question about a lost message and a question about a number's health. The server
//! answers with the sheet's own examples.

use crate::{
    examples::{
        META_ACCEPTED, META_ERROR, META_HEALTH, META_TEMPLATE, META_TEXT, TWILIO_ACCEPTED, TWILIO_ERROR,
        TWILIO_SENDER, ULTRAMSG_ACCEPTED, ULTRAMSG_CHAT, ULTRAMSG_ERRORS, ULTRAMSG_LISTING, ULTRAMSG_STATUS,
    },
    line,
};
use base64::Engine as _;
use serde_json::{Value, json};
use signalbox::{
    domain::{
        content::{
            Filled, FilledTemplate, Link, MediaKind,
            button::{ButtonKind, FilledButton},
        },
        health::{Quality, Reach, Standing},
        ids::AttemptId,
        locale::Locale,
        number::ProviderKind,
        outcome::{Certainty, Class, Outcome, Scope},
        phone::Phone,
    },
    provider::{
        Content, Evidence, Lookup, Media, Outgoing, Registration, Template,
        client::{Client, Settings},
        dialect,
    },
};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

/// A request as it came.
#[derive(Debug)]
struct Seen {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Seen {
    fn parse(raw: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(raw).unwrap() {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return None,
        };
        let mut all = BTreeMap::new();
        for header in request.headers.iter() {
            let value = String::from_utf8(header.value.to_vec()).unwrap();
            assert!(
                all.insert(header.name.to_lowercase(), value).is_none(),
                "{} stands there twice",
                header.name
            );
        }
        let body = raw[length..].to_vec();
        let expected = all.get("content-length").map_or(0, |length| length.parse().unwrap());
        let (method, target) = (request.method.unwrap().to_owned(), request.path.unwrap().to_owned());
        (body.len() == expected).then_some(Self { method, target, headers: all, body })
    }

    /// Exactly these headers, beside those that every request of ours has.
    fn has_headers(&self, address: &str, expected: &[(&str, &str)]) {
        let mut all = BTreeMap::from([("host", address), ("accept", "*/*")]);
        let agent = concat!("signalbox/", env!("CARGO_PKG_VERSION"));
        all.insert("user-agent", agent);
        let length = self.body.len().to_string();
        if self.method == "POST" {
            all.insert("content-length", &length);
        }
        all.extend(expected.iter().copied());
        let seen: BTreeMap<&str, &str> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(seen, all);
    }

    fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// A server that gives these answers, one a connection, and tells what it was asked.
async fn server(answers: &'static [(u16, &'static str)]) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut raw = Vec::new();
            let request = loop {
                if let Some(request) = Seen::parse(&raw) {
                    break request;
                }
                assert!(stream.read_buf(&mut raw).await.unwrap() > 0, "the client left");
            };
            seen.push(request);
            let head =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
        seen
    });
    (address, task)
}

fn client() -> Client {
    let settings = Settings { total_timeout: Duration::from_secs(10), ..Settings::default() };
    Client::new(&settings).unwrap()
}

fn ana() -> Phone {
    Phone::parse("+5511987650001").unwrap()
}

async fn sent(
    provider: ProviderKind,
    text: &str,
    callback: Option<&str>,
    answer: &'static [(u16, &'static str)],
) -> (Outcome, Seen, String, AttemptId) {
    sent_content(provider, Content::Text(text.to_owned()), callback, answer).await
}

async fn sent_content(
    provider: ProviderKind,
    content: Content,
    callback: Option<&str>,
    answer: &'static [(u16, &'static str)],
) -> (Outcome, Seen, String, AttemptId) {
    let (address, server) = server(answer).await;
    let mut line = line(provider, &format!("http://{address}"));
    line.callback = callback.map(|callback| callback.parse().unwrap());
    let attempt = AttemptId::new();
    let outgoing = Outgoing { attempt, to: ana(), content };
    let outcome = client().send(dialect(provider), &line, &outgoing).await;
    (outcome, server.await.unwrap().remove(0), address, attempt)
}

#[tokio::test]
async fn a_text_through_meta() {
    let (outcome, seen, address, attempt) =
        sent(ProviderKind::Meta, "Your order is ready", None, &[(200, META_ACCEPTED)]).await;
    assert_eq!(outcome, Outcome::Accepted { provider_message_id: "wamid.HBgNNTUxMTk4...".to_owned() });
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v23.0/106540352242922/messages"));
    seen.has_headers(
        &address,
        &[("authorization", "Bearer EAAG.t0ken"), ("content-type", "application/json")],
    );
    let mut sheet: Value = serde_json::from_str(META_TEXT).unwrap();
    // The one field that differs from message to message.
    sheet["biz_opaque_callback_data"] = attempt.to_string().into();
    assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), sheet);
}

#[tokio::test]
async fn a_text_through_ultramsg() {
    let (outcome, seen, address, attempt) =
        sent(ProviderKind::Ultramsg, "Hi Ana", None, &[(200, ULTRAMSG_ACCEPTED)]).await;
    assert_eq!(outcome, Outcome::Accepted { provider_message_id: "44897".to_owned() });
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/instance1150/messages/chat"));
    seen.has_headers(&address, &[("content-type", "application/x-www-form-urlencoded")]);
    let sheet = ULTRAMSG_CHAT.trim().replace("att-0190b7", &attempt.to_string());
    assert_eq!(String::from_utf8(seen.body).unwrap(), sheet);
}

#[tokio::test]
async fn a_text_through_twilio() {
    let hooks = "https://hooks.example.com/twilio/status";
    let (outcome, seen, address, attempt) =
        sent(ProviderKind::Twilio, "Hi & bye", Some(hooks), &[(201, TWILIO_ACCEPTED)]).await;
    assert_eq!(
        outcome,
        Outcome::Accepted { provider_message_id: "SM0123456789abcdef0123456789abcdef".to_owned() }
    );
    let path = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", path));
    let basic = basic();
    seen.has_headers(
        &address,
        &[("authorization", &basic), ("content-type", "application/x-www-form-urlencoded")],
    );
    let callback = format!("{hooks}?ref={attempt}#rc=5&rp=all");
    let fields = [
        ("To", "whatsapp:+5511987650001"),
        ("From", "whatsapp:+14155238886"),
        ("Body", "Hi & bye"),
        ("ValidityPeriod", "900"),
        ("StatusCallback", &callback),
    ];
    assert_eq!(seen.form(), fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

fn media(kind: MediaKind, url: &str, caption: &str, filename: Option<&str>) -> Media {
    Media {
        kind,
        url: Link::parse(url, false).unwrap(),
        caption: (!caption.is_empty()).then(|| caption.to_owned()),
        filename: filename.map(str::to_owned),
    }
}

/// The sheet's template as it stands there, with a picture on top; with a headline, other buttons and parameters by name in
/// its place.
#[tokio::test]
async fn a_template_through_meta() {
    let template = |values, media| {
        let language = Locale::parse("pt-BR").unwrap();
        Content::Template(Template { id: "spring_offer".to_owned(), language, values, media })
    };
    let text = |value: &str| Filled::Positional(vec![value.to_owned()]);
    let button = |index, kind, value: &str| FilledButton { index, kind, value: value.to_owned() };
    let two = Filled::Positional(vec!["Ana".to_owned(), "20%".to_owned()]);
    let url = vec![button(0, ButtonKind::Url, "promo-20")];
    let whole = FilledTemplate { parameters: two, buttons: url, ..FilledTemplate::default() };
    let top = media(MediaKind::Image, "https://cdn.example.com/a.jpg", "left out", None);
    let first_name = Filled::Named(vec![("first_name".to_owned(), "Ana".to_owned())]);
    let named = FilledTemplate { parameters: first_name, ..FilledTemplate::default() };
    let buttons = vec![button(1, ButtonKind::QuickReply, "yes"), button(2, ButtonKind::CopyCode, "SAVE20")];
    let titled = FilledTemplate { header: text("Spring"), buttons, ..FilledTemplate::default() };
    let sheet: Value = serde_json::from_str(META_TEMPLATE).unwrap();
    let by_name = json!([{"type": "body", "parameters": [
        {"type": "text", "parameter_name": "first_name", "text": "Ana"}]}]);
    let headline = json!([
        {"type": "header", "parameters": [{"type": "text", "text": "Spring"}]},
        {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [
            {"type": "payload", "payload": "yes"}]},
        {"type": "button", "sub_type": "copy_code", "index": "2", "parameters": [
            {"type": "coupon_code", "coupon_code": "SAVE20"}]}]);
    for (content, components) in [
        (template(whole, Some(top)), sheet["template"]["components"].clone()),
        (template(named, None), by_name),
        (template(titled, None), headline),
    ] {
        let (outcome, seen, _, attempt) =
            sent_content(ProviderKind::Meta, content, None, &[(200, META_ACCEPTED)]).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }));
        let mut sheet = sheet.clone();
        sheet["biz_opaque_callback_data"] = attempt.to_string().into();
        sheet["template"]["components"] = components;
        assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), sheet);
    }
    // With nothing to fill there is nothing to say about it.
    let plain = template(FilledTemplate::default(), None);
    let (_, seen, _, _) = sent_content(ProviderKind::Meta, plain, None, &[(200, META_ACCEPTED)]).await;
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["template"].get("components"), None);
}

#[tokio::test]
async fn media_through_meta() {
    let url = "https://cdn.example.com/price.pdf";
    for (kind, caption, filename, object) in [
        (
            MediaKind::Document,
            "Price list",
            Some("price.pdf"),
            json!({"link": url, "filename": "price.pdf", "caption": "Price list"}),
        ),
        (MediaKind::Image, "Look", Some("a.jpg"), json!({"link": url, "caption": "Look"})),
        (MediaKind::Video, "", None, json!({"link": url})),
        // Sound has no caption.
        (MediaKind::Audio, "lost", Some("a.ogg"), json!({"link": url})),
    ] {
        let content = Content::Media(media(kind, url, caption, filename));
        let (_, seen, _, attempt) =
            sent_content(ProviderKind::Meta, content, None, &[(200, META_ACCEPTED)]).await;
        let mut sheet = json!({"messaging_product": "whatsapp", "recipient_type": "individual",
            "to": "+5511987650001", "type": kind.name(), "biz_opaque_callback_data": attempt.to_string()});
        sheet[kind.name()] = object;
        assert_eq!(serde_json::from_slice::<Value>(&seen.body).unwrap(), sheet);
    }
}

#[tokio::test]
async fn a_template_and_a_picture_through_twilio() {
    let hooks = "https://hooks.example.com/twilio/status";
    let template = Content::Template(Template {
        id: "HX00000000000000000000000000000001".to_owned(),
        language: Locale::parse("en").unwrap(),
        values: FilledTemplate {
            parameters: Filled::Positional(vec!["Ana".to_owned()]),
            header: Filled::Positional(vec!["Spring".to_owned()]),
            buttons: vec![FilledButton { index: 0, kind: ButtonKind::Url, value: "promo-20".to_owned() }],
        },
        media: None,
    });
    let picture = Content::Media(media(MediaKind::Image, "https://cdn.example.com/a.jpg", "Look", None));
    for (content, own) in [
        (
            template,
            vec![
                ("ContentSid", "HX00000000000000000000000000000001"),
                ("ContentVariables", r#"{"1":"Ana","2":"Spring","3":"promo-20"}"#),
            ],
        ),
        (picture, vec![("MediaUrl", "https://cdn.example.com/a.jpg"), ("Body", "Look")]),
    ] {
        let (outcome, seen, _, attempt) =
            sent_content(ProviderKind::Twilio, content, Some(hooks), &[(201, TWILIO_ACCEPTED)]).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }));
        let callback = format!("{hooks}?ref={attempt}#rc=5&rp=all");
        let mut fields: Vec<(&str, &str)> = own;
        fields.extend([
            ("To", "whatsapp:+5511987650001"),
            ("From", "whatsapp:+14155238886"),
            ("ValidityPeriod", "900"),
            ("StatusCallback", &callback),
        ]);
        let sorted = |mut fields: Vec<(String, String)>| {
            fields.sort();
            fields
        };
        let expected = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(sorted(seen.form()), sorted(expected));
    }
}

#[tokio::test]
async fn media_through_ultramsg() {
    let url = "https://cdn.example.com/a.file";
    for (kind, caption, own) in [
        (MediaKind::Image, "Look", vec![("image", url), ("caption", "Look")]),
        (MediaKind::Video, "Look", vec![("video", url), ("caption", "Look")]),
        (
            MediaKind::Document,
            "Prices",
            vec![("document", url), ("filename", "price.pdf"), ("caption", "Prices")],
        ),
        (MediaKind::Audio, "", vec![("audio", url)]),
    ] {
        let content = Content::Media(media(kind, url, caption, Some("price.pdf")));
        let (outcome, seen, _, attempt) =
            sent_content(ProviderKind::Ultramsg, content, None, &[(200, ULTRAMSG_ACCEPTED)]).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }));
        assert_eq!(seen.target, format!("/instance1150/messages/{}", kind.name()));
        let form: BTreeMap<String, String> = seen.form().into_iter().collect();
        for (name, value) in own {
            assert_eq!(form.get(name).map(String::as_str), Some(value), "{kind}: {form:?}");
        }
        assert_eq!(form.get("to").map(String::as_str), Some("+5511987650001"), "{form:?}");
        assert_eq!(form.get("referenceId"), Some(&attempt.to_string()), "{form:?}");
        assert!(form.contains_key("token"));
        assert_eq!(form.contains_key("caption"), !caption.is_empty(), "{form:?}");
        assert_eq!(form.contains_key("filename"), kind == MediaKind::Document, "{form:?}");
    }
}

fn basic() -> String {
    let pair = "AC00000000000000000000000000000001:testtoken";
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[tokio::test]
async fn the_errors_of_the_sheets_are_refusals_in_the_providers_words() {
    let errors: Vec<&str> = ULTRAMSG_ERRORS.lines().collect();
    let [token, fields, reason] = errors[..] else { panic!("{errors:?}") };
    let busy = Class::Throttled(Scope::Pair, Duration::from_secs(6));
    for (provider, status, body, certainty, class, words) in [
        (
            ProviderKind::Meta,
            400,
            META_ERROR,
            Certainty::Refused,
            busy,
            "Too many messages to this recipient ((",
        ),
        (
            ProviderKind::Twilio,
            400,
            TWILIO_ERROR,
            Certainty::Refused,
            Class::RecipientInvalid,
            "The 'To' number whatsapp:+1 is",
        ),
        (ProviderKind::Ultramsg, 200, token, Certainty::Refused, Class::NumberAuth, "Wrong token."),
        (
            ProviderKind::Ultramsg,
            200,
            fields,
            Certainty::Refused,
            Class::RecipientInvalid,
            "to: ...; body: ...",
        ),
        (ProviderKind::Ultramsg, 200, reason, Certainty::InDoubt, Class::Unknown, "reason"),
    ] {
        let answers: &'static [(u16, &'static str)] = vec![(status, body)].leak();
        let (outcome, ..) = sent(provider, "Hi", None, answers).await;
        let failure = outcome.failure().unwrap();
        assert_eq!((outcome.certainty(), failure.class), (certainty, class), "{body}");
        assert!(failure.words.starts_with(words), "{}", failure.words);
    }
}

fn lookup() -> Lookup {
    let started_at =
        chrono::DateTime::parse_from_rfc2822("Thu, 24 Aug 2023 05:01:44 +0000").unwrap().to_utc();
    Lookup { attempt: AttemptId::new(), to: ana(), started_at, text: Some("...".to_owned()) }
}

#[tokio::test]
async fn a_question_about_a_lost_message_at_ultramsg() {
    let lookup = lookup();
    let listing = ULTRAMSG_LISTING.replace("att-0190b7", &lookup.attempt.to_string()).leak();
    let answers: &'static [(u16, &'static str)] = vec![(200, &*listing)].leak();
    let (address, server) = server(answers).await;
    let provider = ProviderKind::Ultramsg;
    let evidence =
        client().look_up(dialect(provider), &line(provider, &format!("http://{address}")), &lookup).await;
    let found =
        Evidence::Found { provider_message_id: "311777".to_owned(), state: "sent, device".to_owned() };
    assert_eq!(evidence, found);
    let seen = server.await.unwrap().remove(0);
    let target =
        format!("/instance1150/messages?token=T0KEN&referenceId={}&limit=100&page=1", lookup.attempt);
    assert_eq!((seen.method.as_str(), &seen.target), ("GET", &target));
    seen.has_headers(&address, &[]);
}

#[tokio::test]
async fn a_question_about_a_lost_message_at_twilio() {
    let listing = format!("{{\"messages\":[{TWILIO_ACCEPTED}],\"next_page_uri\":null}}").leak();
    let answers: &'static [(u16, &'static str)] = vec![(200, &*listing)].leak();
    let (address, server) = server(answers).await;
    let provider = ProviderKind::Twilio;
    let evidence =
        client().look_up(dialect(provider), &line(provider, &format!("http://{address}")), &lookup()).await;
    let sid = "SM0123456789abcdef0123456789abcdef".to_owned();
    let Evidence::Fitting { fits, is_whole: true } = evidence else { panic!("{evidence:?}") };
    let [fit] = fits.as_slice() else { panic!("{fits:?}") };
    assert_eq!((&fit.provider_message_id, fit.state.as_str()), (&sid, "queued"));
    let seen = server.await.unwrap().remove(0);
    let target = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json?To=whatsapp%3A%2B5511987650001\
                  &From=whatsapp%3A%2B14155238886&PageSize=100";
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", target));
    seen.has_headers(&address, &[("authorization", &basic())]);
}

#[tokio::test]
async fn metas_reports_are_waited_for_and_nothing_is_asked() {
    let (provider, answers): (_, &[(u16, &str)]) = (ProviderKind::Meta, &[]);
    let (address, server) = server(answers).await;
    let evidence =
        client().look_up(dialect(provider), &line(provider, &format!("http://{address}")), &lookup()).await;
    assert!(matches!(evidence, Evidence::Unclear(_)), "{evidence:?}");
    assert!(server.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_question_about_the_health_of_a_number_at_meta() {
    let (address, server) = server(&[(200, META_HEALTH)]).await;
    let provider = ProviderKind::Meta;
    let health = client().check(dialect(provider), &line(provider, &format!("http://{address}"))).await;
    // The business is blocked, whatever the number itself says.
    assert_eq!(health.standing, Standing::NotSendable(Class::AccountFatal));
    assert_eq!((health.quality, health.reach), (Some(Quality::Green), Some(Reach::People(2_000))));
    assert_eq!(health.approval.as_deref(), Some("name APPROVED, code VERIFIED"));
    let seen = server.await.unwrap().remove(0);
    // Only fields of the sheet, and of those only what is read: one that is refused would make the whole question fail.
    let target = "/v23.0/106540352242922?fields=status,quality_rating,name_status,code_verification_status,\
                  whatsapp_business_manager_messaging_limit,health_status";
    assert_eq!((seen.method.as_str(), seen.target.replace("%2C", ",").as_str()), ("GET", target));
    seen.has_headers(&address, &[("authorization", "Bearer EAAG.t0ken")]);
}

#[tokio::test]
async fn questions_about_the_health_of_an_instance_at_ultramsg() {
    /// Its shape is a third party's (`ultramsg.md` section 6).
    const ME: &str = r#"{"id":"15550001111@c.us","name":"Acme"}"#;
    let (address, server) = server(&[(200, ULTRAMSG_STATUS), (200, ME)]).await;
    let provider = ProviderKind::Ultramsg;
    let health = client().check(dialect(provider), &line(provider, &format!("http://{address}"))).await;
    assert_eq!(health.standing, Standing::Sendable);
    let targets = ["/instance1150/instance/status?token=T0KEN", "/instance1150/instance/me?token=T0KEN"];
    for (seen, target) in server.await.unwrap().iter().zip(targets) {
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", target));
        seen.has_headers(&address, &[]);
    }
}

#[tokio::test]
async fn questions_at_ultramsg_who_is_on_whatsapp_and_what_failed() {
    let answers: &'static [(u16, &'static str)] =
        vec![(200, r#"{"status":"valid"}"#), (200, ULTRAMSG_LISTING)].leak();
    let (address, server) = server(answers).await;
    let provider = ProviderKind::Ultramsg;
    let line = line(provider, &format!("http://{address}"));
    let phone = Phone::parse("+5511987650001").unwrap();
    let told = client().registration(dialect(provider), &line, &phone).await;
    assert_eq!(told, Some(Registration::Registered));
    // The listing of the sheet holds a message that was sent: no failure.
    assert_eq!(client().failures(dialect(provider), &line, "invalid", 1).await, Ok(Vec::new()));
    let seen = server.await.unwrap();
    let targets: Vec<String> = seen.iter().map(|seen| seen.target.replace("%40", "@")).collect();
    assert_eq!(
        targets,
        [
            "/instance1150/contacts/check?token=T0KEN&chatId=5511987650001@c.us",
            "/instance1150/messages?token=T0KEN&status=invalid&sort=desc&limit=100&page=1",
        ]
    );
    for seen in &seen {
        assert_eq!((seen.method.as_str(), seen.body.len()), ("GET", 0));
        seen.has_headers(&address, &[]);
    }
}

#[tokio::test]
async fn questions_about_the_health_of_a_sender_at_twilio() {
    let account =
        r#"{"sid":"AC00000000000000000000000000000001","status":"active","type":"Full","auth_token":"x"}"#;
    let senders = format!("{{\"senders\":[{TWILIO_SENDER}],\"meta\":{{\"next_page_url\":null}}}}").leak();
    let answers: &'static [(u16, &'static str)] = vec![(200, account), (200, &*senders)].leak();
    let (address, server) = server(answers).await;
    let provider = ProviderKind::Twilio;
    let health = client().check(dialect(provider), &line(provider, &format!("http://{address}"))).await;
    assert_eq!(health.standing, Standing::Sendable);
    assert_eq!((health.quality, health.reach), (Some(Quality::Green), Some(Reach::People(10_000))));
    let targets = [
        "/2010-04-01/Accounts/AC00000000000000000000000000000001.json",
        "/v2/Channels/Senders?Channel=whatsapp&PageSize=20",
    ];
    for (seen, target) in server.await.unwrap().iter().zip(targets) {
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", target));
        seen.has_headers(&address, &[("authorization", &basic())]);
    }
}
