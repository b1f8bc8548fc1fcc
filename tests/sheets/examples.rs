//! The examples of the provider sheets, byte for byte as they stand there. (A form that a sheet breaks over lines for its readers
//! is one line here.)

/// One example.
macro_rules! example {
    ($name:ident, $file:literal) => {
        pub const $name: &str = include_str!(concat!("examples/", $file));
    };
}

// meta-cloud.md sections 2, 3, 4, 7 and 8
example!(META_TEXT, "meta-text.json");
example!(META_TEMPLATE, "meta-template.json");
example!(META_ACCEPTED, "meta-accepted.json");
example!(META_ERROR, "meta-error.json");
example!(META_HEALTH, "meta-health.json");
example!(META_STATUS, "meta-status.json");
example!(META_INBOUND, "meta-inbound.json");
// ultramsg.md sections 2, 3, 4, 6, 7 and 8
example!(ULTRAMSG_CHAT, "ultramsg-chat.form");
example!(ULTRAMSG_ACCEPTED, "ultramsg-accepted.json");
example!(ULTRAMSG_ERRORS, "ultramsg-errors.jsonl");
example!(ULTRAMSG_STATUS, "ultramsg-status.json");
example!(ULTRAMSG_RECEIVED, "ultramsg-received.json");
example!(ULTRAMSG_LISTING, "ultramsg-listing.json");
// twilio.md sections 3, 4, 6 and 7
example!(TWILIO_ACCEPTED, "twilio-accepted.json");
example!(TWILIO_ERROR, "twilio-error.json");
example!(TWILIO_SENDER, "twilio-sender.json");
example!(TWILIO_STATUS, "twilio-status.form");
example!(TWILIO_INBOUND, "twilio-inbound.form");

/// The sheet shows an inbound message of Meta's as a part of a `value`, to be read inside the same frame as a status.
pub fn meta_inbound() -> String {
    let part = META_INBOUND.trim().strip_prefix('{').and_then(|part| part.strip_suffix('}')).unwrap();
    let (frame, _) = META_STATUS.split_once("\"statuses\"").unwrap();
    format!("{frame}{part}}}}}]}}]}}")
}
