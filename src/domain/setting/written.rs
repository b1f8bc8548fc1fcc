//! A setting as one line of text: what the form shows, and what it reads again as the same.

use super::Set;
use crate::domain::{locale::Locale, phone::Phone, window};
use chrono::Timelike;
use std::{collections::BTreeMap, fmt};

/// Between the texts of two languages.
const BETWEEN: char = '|';

/// Texts by language.
pub(super) fn texts(text: &str, none: bool) -> Result<Option<BTreeMap<String, String>>, String> {
    Ok(in_order(text, none, "none for no answer")?.map(|texts| texts.into_iter().collect()))
}

/// Texts with their languages, as they are written: `You get no more. | fr=C'est fini.` A bar, a backslash and the end of
/// a line inside a text stand behind a backslash. `otherwise`: how it is said that there are none.
pub(super) fn in_order(
    text: &str,
    none: bool,
    otherwise: &str,
) -> Result<Option<Vec<(String, String)>>, String> {
    if none {
        return Ok(None);
    }
    let mut texts: Vec<(String, String)> = Vec::new();
    for part in parts(text) {
        // "fr=C'est noté" names its language; "1 + 1 = 2" does not.
        let named = part.split_once('=').and_then(|(tag, said)| Some((Locale::parse(tag).ok()?, said)));
        let (tag, said) = match &named {
            Some((tag, said)) => (tag.as_str(), *said),
            None => ("", part.as_str()),
        };
        if said.trim().is_empty() {
            return Err(format!("one of its texts says nothing; {otherwise}"));
        }
        if texts.iter().any(|(other, _)| other == tag) {
            return Err(match tag {
                "" => "two texts name no language: write the second one as fr=...".to_owned(),
                tag => format!("there are two texts in {tag}"),
            });
        }
        texts.push((tag.to_owned(), said.trim().to_owned()));
    }
    Ok(Some(texts))
}

/// What stands between bars, without the marks that say what is none. The bar of `{{name|friend}}` is none either.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut rest) = (Vec::new(), String::new(), text);
    while let Some(letter) = rest.chars().next() {
        if let Some(variable) = variable(rest) {
            part.push_str(variable);
            rest = &rest[variable.len()..];
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\\' => {
                let marked = rest.chars().next();
                rest = &rest[marked.map_or(0, char::len_utf8)..];
                part.extend(marked.map(|marked| if marked == 'n' { '\n' } else { marked }));
            }
            BETWEEN => parts.push(std::mem::take(&mut part)),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// The variable that a text begins with, braces and all.
fn variable(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("{{")?;
    let end = inside.find("}}")?;
    let is_one = !inside[..end].contains(['{', '\\', '\n']);
    is_one.then(|| &text[..end + 4])
}

/// The texts in one line.
fn joined<'a>(texts: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let text = |(tag, said): (&String, &String)| match tag.as_str() {
        "" => marked(said),
        tag => format!("{tag}={}", marked(said)),
    };
    texts.map(text).collect::<Vec<_>>().join(" | ")
}

fn marked(text: &str) -> String {
    let (mut all, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(letter) = rest.chars().next() {
        if let Some(variable) = variable(rest) {
            all.push_str(variable);
            rest = &rest[variable.len()..];
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\n' => all.push_str("\\n"),
            // A brace that belongs to no variable is not to find the end of another one.
            '{' if rest.starts_with('{') => all.push_str("\\{"),
            '\\' | BETWEEN => all.extend(['\\', letter]),
            letter => all.push(letter),
        }
    }
    all
}

/// Something, or `none`.
fn or_none<T: fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn days(days: u8) -> String {
    match window::names_of(days).as_slice() {
        all if all.len() == 7 => "all".to_owned(),
        some => some.join(","),
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Zone(zone) => zone.name().to_owned(),
            Self::Language(locale) => locale.as_str().to_owned(),
            Self::Number(number) => or_none(*number),
            Self::Span(span) => {
                or_none(span.map(|(from, to)| format!("{}-{}", window::clock(from), window::clock(to))))
            }
            Self::Days(of_week) => days(*of_week),
            Self::Minute(minute) => or_none(minute.map(window::clock)),
            Self::Time(at) => or_none(at.map(|at| match at.second() {
                0 => at.format("%Y-%m-%dT%H:%M"),
                _ => at.format("%Y-%m-%dT%H:%M:%S"),
            })),
            Self::Ladder(ladder) => ladder.to_string(),
            Self::Phone(phone) => or_none(phone.as_ref().map(Phone::masked)),
            Self::Template(template) => {
                or_none(template.as_ref().map(|(name, language)| format!("{name} {language}")))
            }
            Self::Share(share) => (f64::from(share.ten_thousandths()) / 10_000.0).to_string(),
            Self::Switch(on) => if *on { "yes" } else { "no" }.to_owned(),
            Self::Slots(range) => range.to_string(),
            Self::Words(words) if words.is_empty() => "none".to_owned(),
            Self::Words(words) => words.join(", "),
            Self::Texts(texts) => or_none(texts.as_ref().map(|texts| joined(texts.iter()))),
            Self::Says(texts) => {
                or_none(texts.as_ref().map(|texts| joined(texts.iter().map(|(tag, said)| (tag, said)))))
            }
        };
        f.pad(&text)
    }
}
