//! Templates that a simulated provider has approved, or not.

use super::duration;
use crate::domain::{
    content::{
        MediaKind,
        button::{BUTTONS, ButtonKind, OpenButton},
    },
    number::ProviderKind,
};
use serde::Deserialize;
use std::time::Duration;

/// A template at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredTemplate {
    /// At which provider.
    pub provider: ProviderKind,
    /// Whose: WABA id or Account SID; empty: every account's.
    pub account: String,
    /// The provider's id: a number at Meta, `HX…` at Twilio.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its language, in the provider's spelling.
    pub language: String,
    /// Marketing, utility, …
    pub category: String,
    /// Its text, `{{1}}` or `{{name}}` where it is filled.
    pub body: String,
    /// The media that each message puts on top.
    pub header: Option<MediaKind>,
    /// The headline in its place, `{{1}}` or `{{name}}` where it is filled; empty: none.
    pub headline: String,
    /// Its buttons, in order.
    pub buttons: Vec<DeclaredButton>,
    /// How people take it.
    pub quality: String,
    /// Its state, in the provider's word, to begin with.
    pub status: String,
    /// Why it was refused or stopped.
    pub reason: String,
    /// What its state becomes.
    pub then: Vec<Turn>,
}

/// A button of a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredButton {
    /// What it is.
    pub kind: ButtonKind,
    /// Where it leads, with `{{1}}` at its end where messages fill it.
    #[serde(default)]
    pub url: String,
}

/// A change of a template's state; the last that came about decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// So long after the start.
    pub after: Option<Duration>,
    /// Once so many messages with it were accepted.
    pub messages: Option<u64>,
    /// Into this state.
    pub status: String,
}

impl DeclaredTemplate {
    /// The names of its parameters, each once, in the order of its text; where its provider numbers them together, those of
    /// its headline and buttons too.
    pub fn parameters(&self) -> Vec<&str> {
        let mut names = names_in(&self.body);
        if self.provider == ProviderKind::Twilio {
            let all = std::iter::once(&self.headline).chain(self.buttons.iter().map(|button| &button.url));
            for name in all.flat_map(|text| names_in(text)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The names of its headline's parameters.
    pub fn headline_parameters(&self) -> Vec<&str> {
        names_in(&self.headline)
    }

    /// The buttons that messages fill.
    pub fn open_buttons(&self) -> Vec<OpenButton> {
        let is_open = |button: &&DeclaredButton| button.kind != ButtonKind::Url || button.url.contains("{{");
        let each = (0..).zip(&self.buttons).filter(|(_, button)| is_open(button));
        each.map(|(index, button)| OpenButton { index, kind: button.kind }).collect()
    }

    /// Its state now.
    pub fn status(&self, elapsed: Duration, accepted: u64) -> &str {
        let came = |turn: &&Turn| {
            turn.after.is_none_or(|after| elapsed >= after)
                && turn.messages.is_none_or(|messages| accepted >= messages)
        };
        self.then.iter().rev().find(came).map_or(&self.status, |turn| &turn.status)
    }

    /// Its text with these values.
    pub fn fill(&self, values: &[(String, String)]) -> String {
        values
            .iter()
            .fold(self.body.clone(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }
}

/// The names between the braces, each once.
fn names_in(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("{{") {
        let Some((name, behind)) = behind.split_once("}}") else { break };
        if !names.contains(&name.trim()) {
            names.push(name.trim());
        }
        rest = behind;
    }
    names
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTemplate {
    provider: ProviderKind,
    #[serde(default)]
    account: String,
    #[serde(default)]
    id: String,
    name: String,
    language: String,
    #[serde(default = "marketing")]
    category: String,
    body: String,
    header: Option<MediaKind>,
    #[serde(default)]
    headline: String,
    #[serde(default)]
    buttons: Vec<DeclaredButton>,
    #[serde(default)]
    quality: String,
    #[serde(default = "approved")]
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    then: Vec<RawTurn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTurn {
    after: Option<String>,
    messages: Option<u64>,
    status: String,
}

fn marketing() -> String {
    "MARKETING".to_owned()
}

fn approved() -> String {
    "APPROVED".to_owned()
}

impl RawTemplate {
    /// Checks it; `nth` makes an id where none is given.
    pub(super) fn read(self, nth: usize) -> Result<DeclaredTemplate, String> {
        let id = match (self.id.is_empty(), self.provider) {
            (_, ProviderKind::Ultramsg) => {
                return Err(format!("template {:?}: ultramsg has none", self.name));
            }
            (false, ProviderKind::Twilio) if !crate::domain::content::ability::is_sid(&self.id) => {
                return Err(format!("template {:?}: {:?} is not HX and 32 digits", self.name, self.id));
            }
            (false, _) => self.id,
            (true, ProviderKind::Meta) => format!("{}", 700_000_000 + nth),
            (true, ProviderKind::Twilio) => format!("HX{nth:032x}"),
        };
        if self.header == Some(MediaKind::Audio) {
            return Err(format!("template {:?}: no template has sound on top", self.name));
        }
        if self.header.is_some() && !self.headline.is_empty() {
            return Err(format!("template {:?}: it has a header or a headline, not both", self.name));
        }
        if self.buttons.len() > usize::from(BUTTONS) {
            return Err(format!("template {:?}: it has more than {BUTTONS} buttons", self.name));
        }
        let then = self.then.into_iter().map(RawTurn::read).collect::<Result<_, _>>()?;
        Ok(DeclaredTemplate {
            provider: self.provider,
            account: self.account,
            id,
            name: self.name,
            language: self.language,
            category: self.category,
            body: self.body,
            header: self.header,
            headline: self.headline,
            buttons: self.buttons,
            quality: self.quality,
            status: self.status,
            reason: self.reason,
            then,
        })
    }
}

impl RawTurn {
    fn read(self) -> Result<Turn, String> {
        if self.after.is_none() && self.messages.is_none() {
            return Err("a template's change needs after or messages".to_owned());
        }
        let after = self.after.as_deref().map(duration).transpose()?;
        Ok(Turn { after, messages: self.messages, status: self.status })
    }
}
