//! How what has no line of its own in a form is typed: parts between commas, names before `=`.

use super::{list, number, quoted};
use toml::{Table, Value};

/// What a button can have, as the file calls it.
const KINDS: [&str; 3] = ["url", "payload", "code"];

/// A part between commas.
struct Part {
    text: String,
    /// Whether it begins with a quote: then it is no name.
    quoted: bool,
}

impl Part {
    /// Its name and what stands behind, as `first={{name|friend}}`.
    fn named(&self) -> Option<(&str, &str)> {
        if self.quoted { None } else { named(&self.text) }
    }
}

fn named(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
    };
    is_name(name).then_some((name, value.trim()))
}

/// What stands between commas. In quotes a comma is one, and `\"` is a quote.
fn parts(value: &str) -> Vec<Part> {
    let mut parts = vec![String::new()];
    let mut quoted = vec![false];
    let mut in_quotes = false;
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(part) = parts.last_mut() else { break };
        match letter {
            '\\' if in_quotes && letters.peek() == Some(&'"') => part.extend(letters.next()),
            '"' => {
                if let Some(begins) = quoted.last_mut().filter(|_| part.trim().is_empty()) {
                    *begins = true;
                }
                in_quotes = !in_quotes;
            }
            ',' if !in_quotes => {
                parts.push(String::new());
                quoted.push(false);
            }
            other => part.push(other),
        }
    }
    let part = |(text, quoted): (String, bool)| Part { text: text.trim().to_owned(), quoted };
    parts.into_iter().zip(quoted).map(part).filter(|part| !part.text.is_empty()).collect()
}

/// The texts between commas.
pub(super) fn split(value: &str) -> Vec<String> {
    parts(value).into_iter().map(|part| part.text).collect()
}

/// A part of a list: in quotes where it holds what parts are told apart by.
pub(super) fn in_quotes(part: &str) -> String {
    if part.contains([',', '"']) { format!("\"{}\"", part.replace('"', "\\\"")) } else { part.to_owned() }
}

/// Parameters in order, or all by name.
pub(super) fn parameters(value: &str) -> String {
    let parts = parts(value);
    let by_name: Vec<(&str, &str)> = parts.iter().filter_map(Part::named).collect();
    if by_name.is_empty() {
        return list(&split(value));
    }
    let twice = by_name
        .iter()
        .enumerate()
        .any(|(nth, (name, _))| by_name[..nth].iter().any(|(other, _)| other == name));
    // Neither one nor the other: the reader says what it should be.
    if twice || by_name.len() < parts.len() {
        return quoted(value);
    }
    let each = by_name.iter().map(|(name, text)| format!("{} = {}", quoted(name), quoted(text)));
    format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
}

/// What is typed for parameters of a file; `None`: nothing says them.
pub(super) fn typed_parameters(value: &Value) -> Option<String> {
    let parts: Option<Vec<String>> = match value {
        Value::Array(parts) => parts.iter().map(|part| part.as_str().map(in_order)).collect(),
        Value::Table(named) => {
            named.iter().map(|(name, text)| Some(format!("{name}={}", in_quotes(text.as_str()?)))).collect()
        }
        _ => None,
    };
    parts.map(|parts| parts.join(", "))
}

/// A parameter that is found by its place, though it may look like one with a name.
fn in_order(text: &str) -> String {
    if named(text).is_some() { format!("\"{}\"", text.replace('"', "\\\"")) } else { in_quotes(text) }
}

/// The one parameter of a headline, perhaps by name; in quotes it has none.
pub(super) fn header(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match (inner, named(value)) {
        (Some(text), _) => quoted(text),
        (None, Some((name, text))) => format!("{{ {} = {} }}", quoted(name), quoted(text)),
        (None, None) => quoted(value),
    }
}

/// What is typed for a headline of a file.
pub(super) fn typed_header(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if named(text).is_some() || text.starts_with('"') => Some(format!("\"{text}\"")),
        Value::String(text) => Some(text.clone()),
        Value::Table(by_name) => {
            let (name, text) = by_name.iter().next().filter(|_| by_name.len() == 1)?;
            Some(format!("{name}={}", text.as_str()?))
        }
        _ => None,
    }
}

/// Stages of a rollout, and behind them the conditions that are its own.
pub(super) fn stages(value: &str) -> String {
    let parts = parts(value);
    let (named, stages): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.named().is_some());
    let stages: Vec<String> = stages.iter().map(|stage| number(&stage.text)).collect();
    let stages = format!("[{}]", stages.join(", "));
    if named.is_empty() {
        return stages;
    }
    let conditions = named.iter().filter_map(|part| part.named());
    let conditions: Vec<String> =
        conditions.map(|(name, value)| format!(", {} = {}", quoted(name), number(value))).collect();
    format!("{{ stages = {stages}{} }}", conditions.concat())
}

/// What is typed for a rollout of a file.
pub(super) fn typed_stages(value: &Value) -> Option<String> {
    let whole = |stages: &Value| -> Option<Vec<String>> {
        stages.as_array()?.iter().map(|stage| stage.as_integer().map(|stage| stage.to_string())).collect()
    };
    let Value::Table(table) = value else { return whole(value).map(|stages| stages.join(", ")) };
    let mut typed = whole(table.get("stages")?)?;
    for (name, value) in table.iter().filter(|(name, _)| *name != "stages") {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => return None,
        };
        typed.push(format!("{name}={value}"));
    }
    Some(typed.join(", "))
}

/// Buttons: what each has, behind its place where that is not the next.
pub(super) fn buttons(value: &str) -> String {
    let button = |part: &String| {
        let (place, rest) = match part.split_once(char::is_whitespace) {
            Some((place, rest)) if place.bytes().all(|byte| byte.is_ascii_digit()) => (Some(place), rest),
            _ => (None, part.as_str()),
        };
        // What is no button is written too: the reader says what it should be.
        let Some((kind, text)) = rest.split_once('=') else { return quoted(part) };
        let place = place.map_or_else(String::new, |place| format!("index = {}, ", number(place)));
        format!("{{ {place}{} = {} }}", quoted(kind.trim()), quoted(text.trim()))
    };
    format!("[{}]", split(value).iter().map(button).collect::<Vec<_>>().join(", "))
}

/// What is typed for the buttons of a file.
pub(super) fn typed_buttons(value: &Value) -> Option<String> {
    let button = |button: &Value| -> Option<String> {
        let button: &Table = button.as_table()?;
        let kind = KINDS.into_iter().find(|kind| button.contains_key(*kind))?;
        let text = in_quotes(button.get(kind)?.as_str()?);
        let place = match button.get("index") {
            None => String::new(),
            Some(index) => format!("{} ", index.as_integer()?),
        };
        Some(format!("{place}{kind}={text}"))
    };
    let buttons: Option<Vec<String>> = value.as_array()?.iter().map(button).collect();
    buttons.map(|buttons| buttons.join(", "))
}
