//! Where alerts go besides the console: what a channel is made of, and what an operator changes of it.

use super::suggest::nearest;
use super::text::Safe;
use serde_json::Value;
use std::fmt;
use zeroize::Zeroizing;

/// What alerts can be about: the database's word, and what it means.
pub const ALERT_KINDS: [(&str, &str); 11] = [
    ("suspension", "a number was suspended"),
    ("silent_death", "what a number sends does not arrive"),
    ("ban_risk", "a number fails much, or people block it"),
    ("connection", "a provider does not answer"),
    ("limit", "a limit is near: 80 or 95 percent"),
    ("paused", "a campaign paused itself"),
    ("missed_start", "a campaign missed its start and waits for a decision"),
    ("finished", "a campaign is finished"),
    ("doubts", "messages are in doubt"),
    ("duplicate", "somebody may have got something twice"),
    ("credentials", "a token is old"),
];

/// How an alert gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Mail.
    Email,
    /// JSON is posted.
    Webhook,
}

impl Medium {
    /// The database's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// The one that the database names so.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name == "webhook" { Self::Webhook } else { Self::Email }
    }
}

/// From which severity on something goes there: the database's words, the least first.
pub const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];

/// A secret on its way to be sealed. It is wiped when it is dropped, and nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsealed(Zeroizing<String>);

impl Unsealed {
    /// Takes it.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }

    /// For whoever seals it.
    #[must_use]
    pub fn reveal(&self) -> &Zeroizing<String> {
        &self.0
    }
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed(...)")
    }
}

/// A channel's secret: the mail server's password, or what signs the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelSecret {
    /// As the operator gave it. Whoever carries out the order seals it first; it is stored by nobody.
    Given(Unsealed),
    /// Sealed for its place.
    Sealed(String),
}

/// Where a channel leads, as it is stored: what a form edits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leads {
    /// Mailboxes, with commas between them; or the address that is posted to.
    pub address: String,
    /// The mail server.
    pub smtp: Option<String>,
    /// Whom mail comes from.
    pub mail_from: Option<String>,
}

/// A channel to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    /// What operators call it.
    pub name: String,
    /// How alerts get there.
    pub medium: Medium,
    /// Mailboxes, with commas between them; or the address that is posted to.
    pub address: String,
    /// The mail server.
    pub smtp: Option<String>,
    /// Whom mail comes from.
    pub mail_from: Option<String>,
    /// Its secret.
    pub secret: Option<ChannelSecret>,
    /// Nothing below this severity goes there.
    pub least: &'static str,
    /// Only these kinds go there; none: all.
    pub kinds: Option<Vec<String>>,
    /// Whether the report of the day before goes there.
    pub daily_report: bool,
}

/// What is to change of a channel; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelChange {
    /// Mailboxes, or the address that is posted to.
    pub address: Option<String>,
    /// The mail server.
    pub smtp: Option<String>,
    /// Whom mail comes from.
    pub mail_from: Option<String>,
    /// Another secret.
    pub secret: Option<ChannelSecret>,
    /// Nothing below this severity goes there.
    pub least: Option<&'static str>,
    /// Only these kinds go there; `Some(None)`: all.
    pub kinds: Option<Option<Vec<String>>>,
    /// Whether the report of the day before goes there.
    pub daily_report: Option<bool>,
    /// Whether anything goes there.
    pub is_active: Option<bool>,
}

impl ChannelChange {
    /// Whether only an admin may: a password goes to whatever server a channel names.
    #[must_use]
    pub fn is_led(&self) -> bool {
        self.smtp.is_some() || self.secret.is_some()
    }
}

/// The severity of this name.
#[must_use]
pub fn severity(name: &str) -> Option<&'static str> {
    SEVERITIES.into_iter().find(|known| *known == name)
}

/// The kinds as the database has them; none: all.
#[must_use]
pub fn kinds_of(stored: Option<&Value>) -> Option<Vec<String>> {
    let kinds = stored?.as_array()?;
    Some(kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Reads `suspension, paused`; `all` are all of them.
///
/// # Errors
/// Which word is no kind, and which one may be meant.
pub fn kinds(text: &str) -> Result<Option<Vec<String>>, String> {
    let text = text.trim();
    if matches!(text, "all" | "") {
        return Ok(None);
    }
    let mut kinds: Vec<String> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let Some((kind, _)) = ALERT_KINDS.iter().find(|(kind, _)| *kind == word) else {
            let word = Safe::cut(word, 40);
            let meant = nearest(&word, ALERT_KINDS.iter().map(|(kind, _)| *kind));
            return Err(match meant {
                Some(kind) => format!("\"{word}\" is no kind of alert; did you mean {kind}?"),
                None => format!("\"{word}\" is no kind of alert; or all"),
            });
        };
        if !kinds.iter().any(|known| known == kind) {
            kinds.push((*kind).to_owned());
        }
    }
    Ok(Some(kinds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_a_slip_is_named() {
        assert_eq!(kinds("all"), Ok(None));
        assert_eq!(kinds(" "), Ok(None));
        assert_eq!(kinds("paused, doubts paused"), Ok(Some(vec!["paused".to_owned(), "doubts".to_owned()])));
        assert!(kinds("paussed").unwrap_err().contains("did you mean paused?"));
        assert!(kinds("weather").unwrap_err().contains("is no kind of alert"));
    }

    #[test]
    fn a_secret_is_printed_by_nothing() {
        let secret = ChannelSecret::Given(Unsealed::new("hunter2"));
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
