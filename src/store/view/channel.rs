//! Where alerts go besides the console, as the console shows it.

use crate::domain::action::Version;
use crate::domain::channel::{Leads, Medium};
use crate::domain::ids::ChannelId;
use crate::domain::text::Shown;
use chrono::{DateTime, Utc};

/// One channel. Its secret is not among this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// Its id.
    pub id: ChannelId,
    /// How often it was changed.
    pub version: Version,
    /// What operators call it.
    pub name: Shown,
    /// How alerts get there.
    pub medium: Medium,
    /// Mailboxes, with commas between them; or the address that is posted to.
    pub address: Shown,
    /// The mail server.
    pub smtp: Option<Shown>,
    /// Whom mail comes from.
    pub mail_from: Option<Shown>,
    /// The same, to be edited.
    pub leads: Leads,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Nothing below this severity goes there.
    pub least: Shown,
    /// Only these kinds go there; none: all.
    pub kinds: Option<Vec<Shown>>,
    /// Whether the report of the day before goes there.
    pub daily_report: bool,
    /// Whether anything goes there.
    pub is_active: bool,
    /// Since when nothing has got through, and why.
    pub failing: Option<(DateTime<Utc>, Shown)>,
    /// How much waits to go there.
    pub waiting: u64,
}

impl ChannelRow {
    /// Which kinds go there, in a line that reads as it is written.
    #[must_use]
    pub fn kinds_in_words(&self) -> String {
        match &self.kinds {
            None => "all".to_owned(),
            Some(kinds) => kinds.iter().map(Shown::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}
