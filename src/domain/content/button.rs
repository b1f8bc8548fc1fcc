//! Buttons of a template that each message fills.

use super::PARAMETER_LIMIT;
use crate::domain::{
    recipient::SkipReason,
    template::{Text, Values},
};
use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Write as _};

/// Most buttons of a template: their places go from 0 to 9 (`meta-cloud.md` section 2).
pub const BUTTONS: u8 = 10;

/// What a message puts into a button. The names are those of Meta's `sub_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    /// The end of an address.
    Url,
    /// What comes back when the button is pressed; without it its label does.
    QuickReply,
    /// The code that the button copies.
    CopyCode,
}

impl ButtonKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Url, Self::QuickReply, Self::CopyCode];

    /// The name that Meta and the database use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::QuickReply => "quick_reply",
            Self::CopyCode => "copy_code",
        }
    }

    /// The key of a campaign's file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::QuickReply => "payload",
            Self::CopyCode => "code",
        }
    }

    /// Whether a template with such a button is refused unless the message fills it.
    #[must_use]
    pub fn must_be_filled(self) -> bool {
        self != Self::QuickReply
    }
}

impl fmt::Display for ButtonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// A button of a template that messages may fill, as its provider lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenButton {
    /// Its place among all buttons of the template, from 0.
    pub index: u8,
    /// What goes into it.
    pub kind: ButtonKind,
}

impl fmt::Display for OpenButton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.kind, self.index)
    }
}

/// What a step puts into a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepButton {
    /// Its place among all buttons of the template, from 0.
    pub index: u8,
    /// What it is.
    pub kind: ButtonKind,
    /// What goes into it.
    pub text: Text,
}

/// A button with one person's values in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilledButton {
    /// Its place among all buttons of the template, from 0.
    pub index: u8,
    /// What it is.
    pub kind: ButtonKind,
    /// What goes into it.
    pub value: String,
}

impl StepButton {
    /// Which one it is.
    #[must_use]
    pub fn place(&self) -> OpenButton {
        OpenButton { index: self.index, kind: self.kind }
    }

    /// The button for one recipient.
    ///
    /// # Errors
    /// Why this recipient is skipped.
    pub(super) fn fill(&self, values: &impl Values) -> Result<FilledButton, SkipReason> {
        let value = super::on_one_line(&self.text.message(values, PARAMETER_LIMIT)?);
        let value = if self.kind == ButtonKind::Url { for_address(&value) } else { value };
        Ok(FilledButton { index: self.index, kind: self.kind, value })
    }
}

/// Whether what a step fills is what a template has: each button that must be filled, and none that is not there.
#[must_use]
pub fn fits(wanted: &[OpenButton], given: &[StepButton]) -> bool {
    let is_given = |open: &OpenButton| given.iter().any(|button| button.place() == *open);
    given.iter().all(|button| wanted.contains(&button.place()))
        && wanted.iter().filter(|open| open.kind.must_be_filled()).all(is_given)
}

/// Buttons in words: `url at 0 and code at 2`.
#[must_use]
pub fn in_words(buttons: impl IntoIterator<Item = OpenButton>) -> String {
    let each: Vec<String> = buttons.into_iter().map(|button| button.to_string()).collect();
    if each.is_empty() { "no buttons".to_owned() } else { format!("buttons {}", each.join(" and ")) }
}

/// The end of an address: what can stand in none is escaped; what the campaign wrote as part of one stays.
fn for_address(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::template::Person;
    use std::collections::BTreeMap;

    fn button(index: u8, kind: ButtonKind, text: &str) -> StepButton {
        StepButton { index, kind, text: Text::parse(text).unwrap() }
    }

    #[test]
    fn a_button_is_filled_with_what_may_stand_in_it() {
        let attributes = BTreeMap::from([("city".to_owned(), "São\tPaulo \"x\"".to_owned())]);
        let person =
            Person { name: Some("Ana"), referrer_name: None, day: 1, slot: None, attributes: &attributes };
        let table = [
            (ButtonKind::Url, "a/{{name}}?c={{city}}&d=50%25", "a/Ana?c=S%C3%A3o%20Paulo%20%22x%22&d=50%25"),
            (ButtonKind::QuickReply, "yes {{city}}", "yes São Paulo \"x\""),
            (ButtonKind::CopyCode, "SAVE20", "SAVE20"),
        ];
        for (kind, text, expected) in table {
            assert_eq!(
                button(1, kind, text).fill(&person).map(|filled| filled.value),
                Ok(expected.to_owned())
            );
        }
        let missing = button(0, ButtonKind::CopyCode, "{{code}}").fill(&person);
        assert_eq!(missing, Err(SkipReason::MissingVariable { variable: "code".into() }));
    }

    #[test]
    fn only_answers_may_be_left_as_they_are() {
        let open = |index, kind| OpenButton { index, kind };
        let wanted =
            [open(0, ButtonKind::QuickReply), open(1, ButtonKind::Url), open(2, ButtonKind::CopyCode)];
        let (url, code) = (button(1, ButtonKind::Url, "x"), button(2, ButtonKind::CopyCode, "X"));
        assert!(fits(&wanted, &[url.clone(), code.clone()]));
        assert!(fits(&wanted, &[code.clone(), url.clone(), button(0, ButtonKind::QuickReply, "yes")]));
        assert!(!fits(&wanted, std::slice::from_ref(&url)), "a code is missing");
        assert!(
            !fits(&wanted, &[url.clone(), code.clone(), button(3, ButtonKind::Url, "x")]),
            "there is no fourth"
        );
        assert!(
            !fits(&wanted, &[url, code, button(0, ButtonKind::Url, "x")]),
            "the first is of another kind"
        );
        assert_eq!(in_words(wanted), "buttons payload at 0 and url at 1 and code at 2");
        assert_eq!(in_words([]), "no buttons");
    }
}
