//! Reports as the providers write them: the bodies of their sheets, signed as they sign.

use super::{
    dialect,
    outbox::Callback,
    script::says::{Answer, News, Receipt, Reply, Stage},
    webhooks::{Address, Webhook},
};
use crate::{
    domain::number::ProviderKind,
    provider::{codes, meta::codes::TABLE as META, twilio::codes::TABLE as TWILIO},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use form_urlencoded::Serializer;
use ring::hmac;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// A report, ready for the wire.
#[derive(Debug)]
pub struct Request {
    /// Whose manners decide when it is tried again.
    pub provider: ProviderKind,
    /// Where to.
    pub address: Address,
    /// Head and body.
    pub bytes: Vec<u8>,
    /// How often it was tried.
    pub tries: u32,
}

/// A message, as reports speak of it.
pub struct Message<'a> {
    /// The sender's phone; its id where no script says.
    pub phone: &'a str,
    /// The sender's id at the provider.
    pub sender: &'a str,
    /// The recipient, `+` and digits.
    pub to: &'a str,
    /// The provider's id.
    pub id: String,
    /// What it said.
    pub body: &'a str,
    /// Our reference.
    pub reference: String,
    /// Seconds since 1970.
    pub now: i64,
}

/// How far a message came. `None`: its provider reports no such thing, or nobody listens.
pub fn receipt(
    provider: ProviderKind,
    webhook: Option<&Webhook>,
    callback: Option<&Callback>,
    message: &Message<'_>,
    receipt: &Receipt,
) -> Option<Request> {
    match provider {
        ProviderKind::Meta => meta(webhook?, "messages", &meta_status(message, receipt)),
        ProviderKind::Ultramsg => ultramsg(webhook?, &ultramsg_ack(message, receipt.stage)?),
        ProviderKind::Twilio => {
            let url = callback.map(|callback| callback.url.as_str()).or(webhook.map(|hook| &*hook.url))?;
            let connect = webhook.and_then(|webhook| webhook.connect.as_deref());
            // What an operator told counts more than what the request was made with: a key signs no report.
            let token = webhook.map(|hook| &*hook.secret).or(callback.map(|callback| &*callback.token))?;
            let account = callback.map_or_else(|| webhook.map_or("", |hook| &hook.account), |to| &to.account);
            twilio(url, connect, token, &twilio_status(account, message, receipt))
        }
    }
}

/// What somebody answered, under an id of its own.
pub fn reply(
    provider: ProviderKind,
    webhook: &Webhook,
    message: &Message<'_>,
    reply: &Reply,
    id: u64,
) -> Option<Request> {
    match (provider, &reply.what) {
        (ProviderKind::Meta, Answer::Preference { stop }) => {
            let choice = json!({"wa_id": digits(message.to), "category": "marketing_messages",
                "value": if *stop { "stop" } else { "resume" }, "timestamp": message.now,
                "detail": "User requested to stop or resume marketing messages"});
            let value = json!({"messaging_product": "whatsapp", "metadata": metadata(message),
                "contacts": [{"profile": {"name": reply.name}, "wa_id": digits(message.to)}],
                "user_preferences": [choice]});
            meta(webhook, "user_preferences", &value)
        }
        (_, Answer::Preference { .. }) => None,
        (ProviderKind::Meta, _) => meta(webhook, "messages", &meta_inbound(message, reply, id)),
        (ProviderKind::Ultramsg, Answer::Text(text) | Answer::Button(text)) => {
            ultramsg(webhook, &ultramsg_inbound(message, reply, text, id))
        }
        (ProviderKind::Twilio, Answer::Text(text) | Answer::Button(text)) => {
            let form = twilio_inbound(&webhook.account, message, reply, text, id);
            twilio(&webhook.url, webhook.connect.as_deref(), &webhook.secret, &form)
        }
    }
}

/// What happened to a number or account. Only Meta reports such things (`twilio.md` and `ultramsg.md`, section 7).
pub fn event(
    provider: ProviderKind,
    webhook: &Webhook,
    phone: &str,
    news: &News,
    now: i64,
) -> Option<Request> {
    if provider != ProviderKind::Meta {
        return None;
    }
    let (field, value) = match news {
        News::Quality { flagged } => {
            let event = if *flagged { "FLAGGED" } else { "UNFLAGGED" };
            let value =
                json!({"display_phone_number": digits(phone), "event": event, "current_limit": "TIER_10K"});
            ("phone_number_quality_update", value)
        }
        News::Limit(people) => {
            let people = people.map_or(-1, i64::from);
            (
                "business_capability_update",
                json!({"max_daily_conversations_per_business": people,
                "max_phone_numbers_per_business": 20}),
            )
        }
        News::Restriction(Some(lasting)) => {
            let until = now + i64::try_from(lasting.as_secs()).unwrap_or(i64::MAX / 2);
            let restriction =
                json!({"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": until});
            ("account_update", json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [restriction]}))
        }
        News::Restriction(None) => ("account_update", ban("DISABLE")),
        News::Reinstatement => ("account_update", ban("REINSTATE")),
        News::Template { name, language, status } => {
            let value = json!({"event": status, "message_template_id": 12_345_678, "message_template_name": name,
                "message_template_language": language, "reason": "NONE"});
            ("message_template_status_update", value)
        }
    };
    meta(webhook, field, &value)
}

fn ban(state: &str) -> Value {
    json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state, "waba_ban_date": "today"}})
}

fn metadata(message: &Message<'_>) -> Value {
    json!({"display_phone_number": digits(message.phone), "phone_number_id": message.sender})
}

fn meta_status(message: &Message<'_>, receipt: &Receipt) -> Value {
    let status = match receipt.stage {
        Stage::Sent => "sent",
        Stage::Delivered => "delivered",
        Stage::Read => "read",
        Stage::Failed | Stage::Undelivered => "failed",
    };
    let mut one = json!({"id": message.id, "status": status, "timestamp": message.now.to_string(),
        "recipient_id": digits(message.to)});
    if !message.reference.is_empty() {
        one["biz_opaque_callback_data"] = message.reference.clone().into();
    }
    if let Some(code) = receipt.code {
        let title = codes::find(META, code).map_or("unknown error", |row| row.text);
        let details = receipt.details.as_deref().unwrap_or(title);
        one["errors"] = json!([{"code": code, "title": title, "message": title, "error_data": {"details": details},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}]);
    }
    json!({"messaging_product": "whatsapp", "metadata": metadata(message), "statuses": [one]})
}

fn meta_inbound(message: &Message<'_>, reply: &Reply, id: u64) -> Value {
    let from = digits(message.to);
    let id = dialect::message_id(ProviderKind::Meta, id);
    let mut one = json!({"from": from, "id": id, "timestamp": message.now.to_string()});
    match &reply.what {
        Answer::Button(text) => {
            one["type"] = "button".into();
            one["button"] = json!({"payload": text, "text": text});
            one["context"] = json!({"from": digits(message.phone), "id": message.id});
        }
        Answer::Text(text) => {
            one["type"] = "text".into();
            one["text"] = json!({"body": text});
        }
        Answer::Preference { .. } => {}
    }
    json!({"messaging_product": "whatsapp", "metadata": metadata(message),
        "contacts": [{"profile": {"name": reply.name}, "wa_id": from}], "messages": [one]})
}

/// One change of one entry. What is not ASCII, and every slash, is escaped, as Meta does: who writes it anew breaks the sum.
fn meta(webhook: &Webhook, field: &str, value: &Value) -> Option<Request> {
    let change = json!({"field": field, "value": value});
    let envelope = json!({"object": "whatsapp_business_account",
        "entry": [{"id": webhook.account, "changes": [change]}]});
    let mut body = String::new();
    for character in envelope.to_string().chars() {
        match character {
            '/' => body.push_str("\\/"),
            character if character.is_ascii() => body.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(body, "\\u{unit:04x}");
                }
            }
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, webhook.secret.as_bytes());
    let mut signature = "sha256=".to_owned();
    for byte in hmac::sign(&key, body.as_bytes()).as_ref() {
        let _ = write!(signature, "{byte:02x}");
    }
    let header = ("X-Hub-Signature-256", signature.as_str());
    let address = Address::read(&webhook.url, webhook.connect.as_deref()).ok()?;
    Some(request(ProviderKind::Meta, address, "application/json", &[header], body.as_bytes()))
}

fn ultramsg_ack(message: &Message<'_>, stage: Stage) -> Option<Value> {
    let ack = match stage {
        Stage::Sent => "server",
        Stage::Delivered => "device",
        Stage::Read => "read",
        Stage::Failed | Stage::Undelivered => return None,
    };
    let to = chat(message.to);
    Some(json!({"event_type": "message_ack", "instanceId": instance(message), "id": message.id,
        "referenceId": message.reference, "data": {"id": format!("true_{to}_3EB0{}", message.id),
        "from": chat(message.phone), "to": to, "author": "", "pushname": "", "ack": ack, "type": "chat",
        "body": message.body, "media": "", "fromMe": true, "isForwarded": false, "isMentioned": false, "quotedMsg": {},
        "mentionedIds": [], "time": message.now}}))
}

fn ultramsg_inbound(message: &Message<'_>, reply: &Reply, text: &str, id: u64) -> Value {
    let from = chat(message.to);
    json!({"event_type": "message_received", "instanceId": instance(message), "id": "", "referenceId": "",
        "data": {"id": format!("false_{from}_3EB0{id:X}"), "from": from, "to": chat(message.phone), "author": "",
        "pushname": reply.name, "ack": "", "type": "chat", "body": text, "media": "", "fromMe": false,
        "isForwarded": false, "isMentioned": false, "quotedMsg": {}, "mentionedIds": [], "time": message.now}})
}

fn ultramsg(webhook: &Webhook, event: &Value) -> Option<Request> {
    let address = Address::read(&webhook.url, webhook.connect.as_deref()).ok()?;
    Some(request(ProviderKind::Ultramsg, address, "application/json", &[], event.to_string().as_bytes()))
}

type Form = Vec<(&'static str, String)>;

fn twilio_status(account: &str, message: &Message<'_>, receipt: &Receipt) -> Form {
    let status = match receipt.stage {
        Stage::Sent => "sent",
        Stage::Delivered => "delivered",
        Stage::Read => "read",
        Stage::Failed => "failed",
        Stage::Undelivered => "undelivered",
    };
    let mut form: Form = vec![
        ("AccountSid", account.to_owned()),
        ("MessageSid", message.id.clone()),
        ("SmsSid", message.id.clone()),
        ("MessageStatus", status.to_owned()),
        ("SmsStatus", status.to_owned()),
        ("From", format!("whatsapp:{}", message.phone)),
        ("To", format!("whatsapp:{}", message.to)),
        ("ChannelPrefix", "whatsapp".to_owned()),
        ("ChannelInstallSid", "XE00000000000000000000000000000001".to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    if receipt.stage == Stage::Read {
        form.push(("EventType", "READ".to_owned()));
    }
    if let Some(code) = receipt.code {
        let words = codes::find(TWILIO, code).map_or("unknown error", |row| row.text);
        form.push(("ErrorCode", code.to_string()));
        form.push(("ChannelStatusMessage", receipt.details.as_deref().unwrap_or(words).to_owned()));
    }
    form
}

fn twilio_inbound(account: &str, message: &Message<'_>, reply: &Reply, text: &str, id: u64) -> Form {
    let id = dialect::message_id(ProviderKind::Twilio, id);
    let mut form: Form = vec![
        ("MessageSid", id),
        ("AccountSid", account.to_owned()),
        ("From", format!("whatsapp:{}", message.to)),
        ("To", format!("whatsapp:{}", message.phone)),
        ("WaId", digits(message.to).to_owned()),
        ("ProfileName", reply.name.clone()),
        ("Body", text.to_owned()),
        ("NumMedia", "0".to_owned()),
        ("NumSegments", "1".to_owned()),
    ];
    if matches!(reply.what, Answer::Button(_)) {
        form.push(("ButtonText", text.to_owned()));
        form.push(("ButtonPayload", text.to_owned()));
        form.push(("ButtonType", "QUICK_REPLY".to_owned()));
        form.push(("OriginalRepliedMessageSid", message.id.clone()));
    }
    form
}

/// Signed over the address as it is called, without its fragment, and all fields by their names (section 7).
fn twilio(url: &str, connect: Option<&str>, token: &str, form: &Form) -> Option<Request> {
    let address = Address::read(url, connect).ok()?;
    let mut signed = address.signed.clone();
    for (name, value) in form.iter().map(|(name, value)| (*name, value)).collect::<BTreeMap<_, _>>() {
        signed.push_str(name);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let mut body = Serializer::new(String::new());
    body.extend_pairs(form);
    let header = ("X-Twilio-Signature", signature.as_str());
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    Some(request(ProviderKind::Twilio, address, kind, &[header], body.finish().as_bytes()))
}

fn request(
    provider: ProviderKind,
    address: Address,
    content_type: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Request {
    let agent = match provider {
        ProviderKind::Meta => "facebookexternalua",
        ProviderKind::Ultramsg => "ultramsg",
        ProviderKind::Twilio => "TwilioProxy/1.1",
    };
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: {agent}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
        address.target,
        address.host,
        body.len()
    );
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    Request { provider, address, bytes, tries: 0 }
}

fn digits(phone: &str) -> &str {
    phone.trim_start_matches('+')
}

fn chat(phone: &str) -> String {
    format!("{}@c.us", digits(phone))
}

/// Requests call it `instance1150`, webhooks `1150` (section 1).
fn instance<'a>(message: &Message<'a>) -> &'a str {
    message.sender.strip_prefix("instance").unwrap_or(message.sender)
}
