//! Texts of steps: `Hello {{name|friend}}`.
//!
//! A text is parsed once, when the campaign is checked or loaded, and rendered for each recipient without another
//! look at the braces. A missing value without fallback is an error that names the variable: the recipient is skipped
//! for that reason, never sent a text with a hole.

use super::locale::{self, Locale};
use super::recipient::SkipReason;
use super::suggest::nearest;
use super::text::Safe;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

/// Longest name of a variable, in characters.
const NAME_LIMIT: usize = 64;
/// Longest value that is put into a text, in graphemes: no provider takes a longer text.
const VALUE_LIMIT: usize = 4096;

/// Something that a text leaves open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// `{{name}}`: the contact's name.
    Name,
    /// `{{referrer_name}}`: who brought the contact.
    ReferrerName,
    /// `{{day}}`: the number of the step's day in the sequence, from 1.
    Day,
    /// `{{campaign_number}}`: the contact's slot.
    CampaignNumber,
    /// Any other: an attribute of the contact.
    Attribute(Box<str>),
}

impl Variable {
    /// The variables that every contact may have.
    pub const KNOWN: [&'static str; 4] = ["name", "referrer_name", "day", "campaign_number"];

    fn of(name: &str) -> Self {
        match name {
            "name" => Self::Name,
            "referrer_name" => Self::ReferrerName,
            "day" => Self::Day,
            "campaign_number" => Self::CampaignNumber,
            other => Self::Attribute(other.into()),
        }
    }

    /// As it stands between the braces.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::ReferrerName => "referrer_name",
            Self::Day => "day",
            Self::CampaignNumber => "campaign_number",
            Self::Attribute(name) => name,
        }
    }
}

/// What the variables stand for, for one recipient.
pub trait Values {
    /// The raw value, if there is one. Cleaned by whoever renders.
    fn value(&self, variable: &Variable) -> Option<Cow<'_, str>>;
}

/// One recipient's values.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The contact's name.
    pub name: Option<&'a str>,
    /// Who brought the contact.
    pub referrer_name: Option<&'a str>,
    /// The step's day in the sequence, from 1.
    pub day: u32,
    /// The contact's slot.
    pub slot: Option<u16>,
    /// The contact's attributes.
    pub attributes: &'a BTreeMap<String, String>,
}

impl Values for Person<'_> {
    fn value(&self, variable: &Variable) -> Option<Cow<'_, str>> {
        match variable {
            Variable::Name => self.name.map(Cow::Borrowed),
            Variable::ReferrerName => self.referrer_name.map(Cow::Borrowed),
            Variable::Day => Some(Cow::Owned(self.day.to_string())),
            Variable::CampaignNumber => self.slot.map(|slot| Cow::Owned(slot.to_string())),
            Variable::Attribute(name) => {
                self.attributes.get(&**name).map(|value| Cow::Borrowed(value.as_str()))
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Variable { variable: Variable, fallback: Option<Box<str>>, at: usize },
}

/// A text with variables, parsed. Written to JSON as its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    source: Box<str>,
    segments: Box<[Segment]>,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Nothing but white space.
    #[error("the text is empty: write what is to be sent")]
    Empty,
    /// A variable that never ends.
    #[error("\"{{{{\" is never closed: end the variable with \"}}}}\"")]
    Unclosed,
    /// An end without a beginning.
    #[error("\"}}}}\" closes nothing: begin the variable with \"{{{{\"")]
    Unopened,
    /// Nothing between the braces.
    #[error("\"{{{{}}}}\" names no variable: write one, such as {{{{name|friend}}}}")]
    NoName,
    /// A brace within a variable.
    #[error("a variable cannot hold another brace: write {{{{name}}}} or {{{{name|friend}}}}")]
    Nested,
    /// More than one fallback.
    #[error("variable {{{{{0}}}}} has more than one fallback: write one, as in {{{{name|friend}}}}")]
    Fallbacks(String),
    /// A name that no attribute can have.
    #[error("{0:?} cannot be a variable's name: use up to 64 letters, digits, \"_\", \"-\", \".\" or spaces")]
    Name(String),
}

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TextError {
    /// What is wrong.
    pub problem: TextProblem,
    /// Where in the text, in bytes from its start.
    pub at: usize,
}

impl Text {
    /// Reads a text.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(source: &str) -> Result<Self, Vec<TextError>> {
        if source.trim().is_empty() {
            return Err(vec![TextError { problem: TextProblem::Empty, at: 0 }]);
        }
        let mut errors = Vec::new();
        let mut segments = Vec::new();
        let mut at = 0;
        while at < source.len() {
            let rest = &source[at..];
            let open = rest.find("{{").unwrap_or(rest.len());
            if let Some(stray) = rest[..open].find("}}") {
                errors.push(TextError { problem: TextProblem::Unopened, at: at + stray });
            }
            if open > 0 {
                segments.push(Segment::Literal(rest[..open].into()));
            }
            at += open;
            if at == source.len() {
                break;
            }
            let Some(length) = source[at..].find("}}") else {
                errors.push(TextError { problem: TextProblem::Unclosed, at });
                break;
            };
            match variable(&source[at + 2..at + length], at) {
                Ok(segment) => segments.push(segment),
                Err(problem) => errors.push(TextError { problem, at }),
            }
            at += length + 2;
            // `{{{name}}}`: the third brace belongs to the same mistake.
            if errors.last().is_some_and(|error| error.problem == TextProblem::Nested) {
                at += source[at..].len() - source[at..].trim_start_matches('}').len();
            }
        }
        if errors.is_empty() {
            Ok(Self { source: source.into(), segments: segments.into() })
        } else {
            Err(errors)
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables that it uses, each once, in the order of the text.
    #[must_use]
    pub fn variables(&self) -> Vec<&Variable> {
        self.collect(|_| true)
    }

    /// The variables that every recipient must have a value for: those used somewhere without a fallback.
    #[must_use]
    pub fn required(&self) -> Vec<&Variable> {
        self.collect(Option::is_none)
    }

    fn collect(&self, wanted: impl Fn(&Option<Box<str>>) -> bool) -> Vec<&Variable> {
        let mut found = Vec::new();
        for segment in &self.segments {
            if let Segment::Variable { variable, fallback, .. } = segment
                && wanted(fallback)
                && !found.contains(&variable)
            {
                found.push(variable);
            }
        }
        found
    }

    /// The variables that are neither a known field nor one of the `declared` attributes.
    #[must_use]
    pub fn unknown(&self, declared: &[&str]) -> Vec<UnknownVariable> {
        let mut found: Vec<UnknownVariable> = Vec::new();
        for segment in &self.segments {
            let Segment::Variable { variable: Variable::Attribute(name), at, .. } = segment else { continue };
            let is_declared = declared.contains(&&**name);
            if !is_declared && !found.iter().any(|unknown| unknown.name == **name) {
                let known = Variable::KNOWN.into_iter().chain(declared.iter().copied());
                let meant = nearest(name, known).map(str::to_owned);
                found.push(UnknownVariable { name: name.to_string(), meant, at: *at });
            }
        }
        found
    }

    /// Writes the text for one recipient to the end of `out`.
    ///
    /// # Errors
    /// The first variable that has neither value nor fallback; `out` then holds a part of the text.
    pub fn render(&self, values: &impl Values, out: &mut String) -> Result<(), MissingVariable> {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Variable { variable: Variable::Day, fallback: None, .. } => {
                    let day =
                        values.value(&Variable::Day).ok_or_else(|| MissingVariable("day".to_owned()))?;
                    out.push_str(&day);
                }
                Segment::Variable { variable, fallback, .. } => {
                    let value = values.value(variable);
                    match (value.as_deref().map(clean), fallback) {
                        (Some(value), _) if !value.trim().is_empty() => out.push_str(value.trim()),
                        (_, Some(fallback)) => out.push_str(fallback),
                        (_, None) => return Err(MissingVariable(variable.name().to_owned())),
                    }
                }
            }
        }
        Ok(())
    }

    /// The text for one recipient, if it can be sent: complete, not empty, at most `limit` characters
    /// (`ProviderKind::text_limit`).
    ///
    /// # Errors
    /// Why this recipient is skipped.
    pub fn message(&self, values: &impl Values, limit: usize) -> Result<String, SkipReason> {
        let mut out = String::with_capacity(self.source.len() + 32);
        self.render(values, &mut out)
            .map_err(|MissingVariable(variable)| SkipReason::MissingVariable { variable })?;
        if out.trim().is_empty() {
            return Err(SkipReason::TextEmpty);
        }
        // A text has no more characters than bytes; most are far below the limit.
        if out.len() > limit {
            let characters = out.chars().count();
            if characters > limit {
                return Err(SkipReason::TextTooLong { characters, limit });
            }
        }
        Ok(out)
    }

    /// How many characters every rendering has at least: its fixed parts.
    #[must_use]
    pub fn least_characters(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.chars().count(),
                Segment::Variable { .. } => 0,
            })
            .sum()
    }
}

fn variable(inner: &str, at: usize) -> Result<Segment, TextProblem> {
    if inner.contains(['{', '}']) {
        return Err(TextProblem::Nested);
    }
    let mut parts = inner.split('|');
    let name = parts.next().unwrap_or_default().trim();
    let fallback = parts.next().map(|text| text.trim().into());
    if name.is_empty() {
        return Err(TextProblem::NoName);
    }
    let usual = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ' ');
    if name.chars().count() > NAME_LIMIT || !name.chars().all(usual) {
        return Err(TextProblem::Name(name.to_owned()));
    }
    if parts.next().is_some() {
        return Err(TextProblem::Fallbacks(name.to_owned()));
    }
    Ok(Segment::Variable { variable: Variable::of(name), fallback, at })
}

/// A value as it goes into a text: what could steer a terminal or turn the reading direction is taken out, line breaks
/// become spaces. The rules are those of [`Safe`].
fn clean(value: &str) -> Cow<'_, str> {
    let plain = |character: char| matches!(character, ' '..='~' | '\u{c0}'..='\u{24f}');
    if value.len() <= VALUE_LIMIT && value.chars().all(plain) {
        return Cow::Borrowed(value);
    }
    let safe = Safe::cut(value, VALUE_LIMIT).into_string();
    // The mark that shows an operator where something was taken out is of no use to the recipient.
    Cow::Owned(if safe.contains('\u{fffd}') { safe.replace('\u{fffd}', "") } else { safe })
}

/// A variable that has neither value nor fallback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no value for {{{{{0}}}}} and the text names no fallback")]
pub struct MissingVariable(pub String);

/// A variable that is neither a known field nor an attribute of any contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// What was probably meant.
    pub meant: Option<String>,
    /// Where in the text, in bytes from its start.
    pub at: usize,
}

impl std::error::Error for UnknownVariable {}

impl std::fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown variable {{{{{}}}}}: ", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "did you mean {{{{{meant}}}}}?"),
            None => f.write_str("no contact has such an attribute"),
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse(&source).map_err(|errors| {
            let mut sentences = String::new();
            for error in errors {
                let separator = if sentences.is_empty() { "" } else { "; " };
                // Writing to a String cannot fail.
                let _ = write!(sentences, "{separator}{error}");
            }
            serde::de::Error::custom(sentences)
        })
    }
}

/// The texts of one step, in the order in which they were written: the first is the last resort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts(pub Vec<LocalizedText>);

/// One text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalizedText {
    /// Its language.
    pub locale: Locale,
    /// What it says.
    pub text: Text,
}

impl Texts {
    /// The text for somebody of locale `wanted` in an organisation of locale `default` ([`locale::choose`]).
    #[must_use]
    pub fn choose(&self, wanted: Option<&Locale>, default: Option<&Locale>) -> Option<&LocalizedText> {
        // A step has a handful of texts; most have one.
        if let [only] = self.0.as_slice() {
            return Some(only);
        }
        let offered: Vec<&Locale> = self.0.iter().map(|each| &each.locale).collect();
        locale::choose(&offered, wanted, default).and_then(|place| self.0.get(place))
    }

    /// The variables that any of them uses, each once.
    #[must_use]
    pub fn variables(&self) -> Vec<&Variable> {
        let mut found: Vec<&Variable> = self.0.iter().flat_map(|each| each.text.variables()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests;
