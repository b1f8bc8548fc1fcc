//! Reads values out of a parsed TOML file, and notes at its place whatever is not what was asked for.

use super::finding::Findings;
use crate::domain::suggest::nearest;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the file with the path of its keys.
#[derive(Clone)]
pub(super) struct Section<'t, 'i> {
    path: String,
    at: usize,
    table: &'t DeTable<'i>,
}

/// A setting: its path, its value and where that stands.
#[derive(Clone)]
pub(super) struct Setting<'t, 'i> {
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) span: Range<usize>,
    pub(super) value: &'t DeValue<'i>,
}

/// Which keys a table may have: those that are read, and those that a later part will read.
pub(super) struct Keys {
    pub(super) known: &'static [&'static str],
    pub(super) later: &'static [&'static str],
}

impl<'t, 'i> Section<'t, 'i> {
    pub(super) fn root(table: &'t Spanned<DeTable<'i>>) -> Self {
        Self { path: String::new(), at: 0, table: table.get_ref() }
    }

    /// Every setting, in the order of the file.
    pub(super) fn settings(&self) -> Vec<Setting<'t, 'i>> {
        let mut settings: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| Setting {
                path: self.path_of(key.get_ref()),
                at: key.span().start,
                span: value.span(),
                value: value.get_ref(),
            })
            .collect();
        settings.sort_by_key(|setting| setting.at);
        settings
    }

    pub(super) fn get(&self, key: &str) -> Option<Setting<'t, 'i>> {
        let path = self.path_of(key);
        self.settings().into_iter().find(|setting| setting.path == path)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The setting, or a note that it is missing.
    pub(super) fn require(
        &self,
        key: &str,
        say: &str,
        findings: &mut Findings<'_>,
        keys: &Keys,
    ) -> Option<Setting<'t, 'i>> {
        let found = self.get(key);
        // A misspelt key is noted already, with what was meant.
        let misspelt = || self.table.keys().any(|typed| meant(typed.get_ref(), keys) == Some(key));
        if found.is_none() && !misspelt() {
            findings.add(
                self.at,
                &self.path_of(key),
                format_args!("{} is missing: {say}", self.path_of(key)),
            );
        }
        found
    }

    /// Notes every key and text with a character that no text in the database can hold.
    pub(super) fn refuse_nul(&self, findings: &mut Findings<'_>) {
        for setting in self.settings() {
            setting.refuse_nul(findings);
        }
    }

    /// Notes every key that is not read.
    pub(super) fn check_keys(&self, keys: &Keys, findings: &mut Findings<'_>) {
        for (key, _) in self.table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let path = self.path_of(name);
            if keys.later.contains(&name) {
                findings.add(at, &path, format_args!("{path} is not available yet: take it out"));
            } else if !keys.known.contains(&name) {
                let hint = match meant(name, keys) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("known here are {}", keys.known.join(", ")),
                };
                findings.add(at, &path, format_args!("unknown key {path}: {hint}"));
            }
        }
    }
}

fn meant(typed: &str, keys: &Keys) -> Option<&'static str> {
    let all = || keys.known.iter().chain(keys.later).copied();
    if all().any(|key| key == typed) { None } else { nearest(typed, all()) }
}

impl<'t, 'i> Setting<'t, 'i> {
    fn is_not(&self, wanted: &str, findings: &mut Findings<'_>) {
        let kind = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        findings.add(self.span.start, &self.path, format_args!("{} is {kind}: {wanted}", self.path));
    }

    fn refuse_nul(&self, findings: &mut Findings<'_>) {
        let holds = self.path.contains('\0') || self.text().is_some_and(|text| text.contains('\0'));
        match self.value {
            _ if holds => {
                let sentence = format_args!("{} holds a NUL (\\u0000), which no text may hold", self.path);
                findings.add(self.span.start, &self.path, sentence);
            }
            DeValue::Array(array) => {
                for (nth, value) in array.iter().enumerate() {
                    self.element(nth, value).refuse_nul(findings);
                }
            }
            DeValue::Table(table) => {
                Section { path: self.path.clone(), at: self.at, table }.refuse_nul(findings);
            }
            _ => {}
        }
    }

    fn element(&self, nth: usize, value: &'t Spanned<DeValue<'i>>) -> Self {
        Self {
            path: format!("{}[{nth}]", self.path),
            at: value.span().start,
            span: value.span(),
            value: value.get_ref(),
        }
    }

    /// The string, if it is one.
    pub(super) fn text(&self) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// A string, or a note that says how to write it.
    pub(super) fn string(&self, wanted: &str, findings: &mut Findings<'_>) -> Option<&'t str> {
        if let DeValue::String(text) = self.value {
            return Some(text);
        }
        self.is_not(wanted, findings);
        None
    }

    /// A whole number, or a note that says how to write it.
    pub(super) fn integer(&self, wanted: &str, findings: &mut Findings<'_>) -> Option<i64> {
        let DeValue::Integer(number) = self.value else {
            self.is_not(wanted, findings);
            return None;
        };
        let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
        if value.is_none() {
            let sentence = format_args!("{} is a number that is far too large: {wanted}", self.path);
            findings.add(self.span.start, &self.path, sentence);
        }
        value
    }

    /// True or false, or a note that says how to write it.
    pub(super) fn boolean(&self, wanted: &str, findings: &mut Findings<'_>) -> Option<bool> {
        if let DeValue::Boolean(value) = self.value {
            return Some(*value);
        }
        self.is_not(wanted, findings);
        None
    }

    /// The table, or a note that says how to write it.
    pub(super) fn section(&self, wanted: &str, findings: &mut Findings<'_>) -> Option<Section<'t, 'i>> {
        if let DeValue::Table(table) = self.value {
            return Some(Section { path: self.path.clone(), at: self.at, table });
        }
        self.is_not(wanted, findings);
        None
    }

    /// The list's elements, or a note that says how to write it. An empty list is noted too.
    pub(super) fn list(&self, wanted: &str, findings: &mut Findings<'_>) -> Vec<Setting<'t, 'i>> {
        let DeValue::Array(array) = self.value else {
            self.is_not(wanted, findings);
            return Vec::new();
        };
        if array.is_empty() {
            findings.add(
                self.span.start,
                &self.path,
                format_args!("{} is an empty list: {wanted}", self.path),
            );
        }
        array.iter().enumerate().map(|(nth, value)| self.element(nth, value)).collect()
    }

    /// Where a byte of the string stands in the file. Exact unless the string is written with escapes; then it is
    /// where the string begins.
    pub(super) fn place_within(&self, text: &str, at: usize, findings: &Findings<'_>) -> usize {
        let written = findings.source().get(self.span.clone()).unwrap_or_default();
        written.find(text).map_or(self.span.start, |begins| self.span.start + begins + at)
    }
}
