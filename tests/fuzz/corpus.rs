//! What is mutated: every example of the sheets, and what the sheets describe without an example.

use crate::examples::*;
use signalbox::domain::number::ProviderKind::{self, Meta, Twilio, Ultramsg};

/// An attempt of ours, as it comes back in reports and listings.
pub const ATTEMPT: &str = "0190b7c0-0000-7000-8000-000000000001";

/// What a provider posts.
pub fn reports() -> Vec<(ProviderKind, String)> {
    let meta = |field: &str, value: &str| {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
        )
    };
    let ack = |word: &str| {
        format!(
            r#"{{"event_type":"message_ack","instanceId":"1150","id":"44897","referenceId":"{ATTEMPT}","data":{{"ack":"{word}"}}}}"#
        )
    };
    let mut all = vec![
        (Meta, META_STATUS.to_owned()),
        (Meta, META_STATUS.replace("att:0190b7", ATTEMPT).replace("failed", "read")),
        (Meta, crate::examples::meta_inbound()),
        (Ultramsg, ULTRAMSG_RECEIVED.to_owned()),
        (Twilio, TWILIO_STATUS.to_owned()),
        (Twilio, TWILIO_STATUS.replace("undelivered", "delivered")),
        (Twilio, TWILIO_INBOUND.to_owned()),
        (
            Twilio,
            format!(
                "{TWILIO_INBOUND}&OptOutType=STOP&ButtonText=Stop&ButtonPayload=stop&OriginalRepliedMessageSid=SM1"
            ),
        ),
        (Ultramsg, ack("device")),
        (Ultramsg, ack("read").replace("message_ack", "message_create")),
    ];
    for (field, value) in [
        (
            "account_update",
            r#"{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1751142888}]}"#,
        ),
        ("account_update", r#"{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}"#),
        (
            "phone_number_quality_update",
            r#"{"display_phone_number":"15550783881","event":"FLAGGED","current_limit":"TIER_1K"}"#,
        ),
        (
            "business_capability_update",
            r#"{"max_daily_conversations_per_business":"TIER_2K","max_phone_numbers_per_business":2}"#,
        ),
        (
            "account_alerts",
            r#"{"entity_type":"PHONE_NUMBER","entity_id":"1","alert_info":{"alert_severity":"CRITICAL","alert_status":"NONE","alert_type":"X","alert_description":"d"}}"#,
        ),
        (
            "message_template_status_update",
            r#"{"event":"PAUSED","message_template_id":1,"message_template_name":"spring_offer","message_template_language":"pt_BR","reason":"LOW_QUALITY"}"#,
        ),
        (
            "message_template_quality_update",
            r#"{"previous_quality_score":"GREEN","new_quality_score":"RED","message_template_name":"spring_offer"}"#,
        ),
        (
            "user_preferences",
            r#"{"user_preferences":[{"wa_id":"5511987650001","category":"marketing_messages","value":"stop","timestamp":1751142888}]}"#,
        ),
        ("security", r#"{"event":"PIN_CHANGED"}"#),
        (
            "messages",
            r#"{"metadata":{"phone_number_id":"1"},"errors":[{"code":131042,"title":"payment","error_data":{"details":"d"}}]}"#,
        ),
        (
            "messages",
            r#"{"metadata":{"phone_number_id":"1"},"messages":[{"from":"5511987650001","id":"wamid.B","type":"button","button":{"payload":"stop","text":"Stop"},"context":{"id":"wamid.O"}},{"id":"wamid.I","type":"interactive","interactive":{"button_reply":{"id":"1","title":"Yes"}}}]}"#,
        ),
    ] {
        all.push((Meta, meta(field, value)));
    }
    all
}

/// What a provider answers to a send.
pub fn answers() -> Vec<(ProviderKind, u16, String)> {
    let mut all = vec![
        (Meta, 200, META_ACCEPTED.to_owned()),
        (Meta, 400, META_ERROR.to_owned()),
        (Meta, 500, META_ERROR.replace("131056", "131000")),
        (Ultramsg, 200, ULTRAMSG_ACCEPTED.to_owned()),
        (Ultramsg, 200, r#"{"sent":"queued"}"#.to_owned()),
        (Twilio, 201, TWILIO_ACCEPTED.to_owned()),
        (Twilio, 400, TWILIO_ERROR.to_owned()),
        (Twilio, 401, r#"{"errors":[{"code":20003,"message":"Authenticate"}]}"#.to_owned()),
        (Twilio, 500, r#"{"code":20500,"message":"Internal server error","status":500}"#.to_owned()),
    ];
    all.extend(ULTRAMSG_ERRORS.lines().map(|error| (Ultramsg, 200, error.to_owned())));
    all
}

/// What a provider answers when it is asked about a lost message.
pub fn listings() -> Vec<(ProviderKind, String)> {
    vec![
        (Ultramsg, ULTRAMSG_LISTING.replace("att-0190b7", ATTEMPT)),
        (Ultramsg, r#"{"total":0,"pages":0,"limit":100,"page":1,"messages":[]}"#.to_owned()),
        (Twilio, format!(r#"{{"messages":[{TWILIO_ACCEPTED}],"next_page_uri":null}}"#)),
        (Twilio, r#"{"messages":[],"next_page_uri":null}"#.to_owned()),
    ]
}

/// What a provider answers when it is asked how a number is, and what must stand in it before it is believed to be well.
pub fn conditions() -> Vec<(ProviderKind, String, &'static str)> {
    vec![
        (Meta, META_HEALTH.to_owned(), "CONNECTED"),
        (Meta, META_HEALTH.replace("BLOCKED", "AVAILABLE"), "CONNECTED"),
        (Ultramsg, ULTRAMSG_STATUS.to_owned(), "authenticated"),
        (Ultramsg, r#"{"status":"qr"}"#.to_owned(), "authenticated"),
        (Twilio, r#"{"sid":"AC1","status":"active","type":"Full"}"#.to_owned(), "ONLINE"),
        (Twilio, format!(r#"{{"senders":[{TWILIO_SENDER}],"meta":{{"next_page_url":null}}}}"#), "ONLINE"),
        (Twilio, TWILIO_SENDER.to_owned(), "ONLINE"),
    ]
}
