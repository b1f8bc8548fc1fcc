//! Every error of `ultramsg.md` section 4. There are no codes: errors are told by their text, so each row carries the
//! signs to look for and a code of our own, which the database, the screen and the simulator's scripts use.

use crate::domain::outcome::{Class, Scope};
use crate::provider::codes::{DAY, limited, throttled, transient};
use Class::{ContentRejected, NumberAuth, NumberSuspended, RecipientInvalid, Unknown};

/// One row of the sheet.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Our name for it.
    pub code: &'static str,
    /// Substrings that tell it, in lower case; any of them is enough.
    pub signs: &'static [&'static str],
    /// A text as the gateway would say it, for the simulator.
    pub sample: &'static str,
    /// What follows.
    pub class: Class,
}

/// Text signals, the most specific first: the first row that fits decides.
pub const SIGNALS: &[Signal] = &[
    Signal {
        code: "wrong_token",
        signs: &["wrong token", "invalid token", "unauthorized"],
        sample: "Wrong token. Please provide token as a GET parameter.",
        class: NumberAuth,
    },
    Signal {
        code: "instance_not_found",
        signs: &["instance not found"],
        sample: "Instance not found",
        class: NumberSuspended,
    },
    Signal {
        code: "non_payment",
        signs: &["non-payment"],
        sample: "Stopped due to non-payment",
        class: NumberSuspended,
    },
    Signal {
        code: "not_connected",
        signs: &["not connected"],
        sample: "WhatsApp not connected",
        class: NumberSuspended,
    },
    Signal {
        code: "media_refused",
        signs: &["file extension not supported", "file too large", "media not found"],
        sample: "file extension not supported",
        class: ContentRejected,
    },
    Signal {
        code: "invalid_number",
        signs: &["invalid number"],
        sample: "invalid number",
        class: RecipientInvalid,
    },
    // Last, because the sheet does not know its text: nothing that says more may pass for it. A word by itself would be
    // found inside others ("industrial").
    Signal {
        code: "trial_quota",
        signs: &[
            "trial limit",
            "trial daily",
            "trial quota",
            "trial expired",
            "trial ended",
            "daily limit",
            "daily quota",
        ],
        sample: "Trial daily limit reached",
        class: limited(DAY),
    },
];

/// Errors that name a field: `{"error":[{"to":"..."}]}`.
pub const FIELDS: &[(&str, Class)] = &[
    ("token", NumberAuth),
    ("to", RecipientInvalid),
    ("body", ContentRejected),
    ("caption", ContentRejected),
    ("filename", ContentRejected),
];

/// Message states of `GET /messages` that end a message badly.
pub const STATES: &[(&str, Class)] = &[
    ("unsent", ContentRejected),
    ("invalid", RecipientInvalid),
    // It was never sent: another number may send it.
    ("expired", transient(0)),
];

/// Message states that say nothing against the message.
pub const GOOD_STATES: &[&str] = &["queue", "sent"];

/// After a 429, which the sheet does not document.
pub const BUSY: Class = throttled(Scope::Number, 60);

/// The first signal that `text` carries.
pub fn signal(text: &str) -> Option<&'static Signal> {
    let text = text.to_lowercase();
    SIGNALS.iter().find(|signal| signal.signs.iter().any(|sign| text.contains(sign)))
}

/// Code and class of an error: its text first, then the fields it names, then the answer's HTTP status.
pub fn classify(status: u16, text: &str, fields: &[String]) -> (String, Class) {
    if let Some(signal) = signal(text) {
        return (signal.code.to_owned(), signal.class);
    }
    let known = FIELDS.iter().find(|(name, _)| fields.iter().any(|field| field.eq_ignore_ascii_case(name)));
    match known {
        Some((name, class)) => (format!("field_{name}"), *class),
        // An instance that is unknown or still pending, whatever words it has for that.
        None if status == 404 => ("http_404".to_owned(), NumberSuspended),
        None => ("error".to_owned(), Unknown),
    }
}

#[cfg(test)]
mod tests;
