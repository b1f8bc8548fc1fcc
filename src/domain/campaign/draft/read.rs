//! From a campaign file back to what is typed into the form.

use super::notation::{self, in_quotes};
use super::{Draft, DraftSaying, DraftStep, Form, Key, quoted, two_ends, written};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use toml::{Table, Value};

/// Keys of the file itself and of its tables, but for audience and steps.
const PLAIN: [Key; 25] = [
    Key::Name,
    Key::Pool,
    Key::Priority,
    Key::Weight,
    Key::DailyLimit,
    Key::Rollout,
    Key::Failover,
    Key::StartsAt,
    Key::RunAfter,
    Key::Missed,
    Key::WindowHours,
    Key::WindowDays,
    Key::WindowZone,
    Key::ExpiresAfter,
    Key::Until,
    Key::StandingAfter,
    Key::StandingEvery,
    Key::Slots,
    Key::OptOutLine,
    Key::ExitOnReply,
    Key::ExitAttributes,
    Key::StopFailed,
    Key::StopOptedOut,
    Key::StopAfter,
    Key::Other,
];
const AUDIENCE: [Key; 12] = [
    Key::Countries,
    Key::Gender,
    Key::Professions,
    Key::Age,
    Key::Registered,
    Key::Attributes,
    Key::Tags,
    Key::Phones,
    Key::ExcludeActive,
    Key::Consent,
    Key::NotContactedFor,
    Key::Limit,
];
const STEP: [Key; 10] = [
    Key::After,
    Key::TemplateName,
    Key::TemplateLanguage,
    Key::TemplateLanguages,
    Key::Parameters,
    Key::Header,
    Key::Buttons,
    Key::MediaKind,
    Key::MediaUrl,
    Key::MediaFile,
];
/// What stands in the variants where there are some.
const VARIANT: [Key; 11] = [
    Key::VariantName,
    Key::VariantWeight,
    Key::TemplateName,
    Key::TemplateLanguage,
    Key::TemplateLanguages,
    Key::Parameters,
    Key::Header,
    Key::Buttons,
    Key::MediaKind,
    Key::MediaUrl,
    Key::MediaFile,
];

/// Said of a file that the form would change.
const NOT_AS_IT_IS: &str = "the form cannot hold all that this file says: edit the file itself";

impl Draft {
    /// What is to be typed so that the form says what this file says. What has no field of its own becomes other lines. How
    /// the file is written, comments too, is for [`weave`](super::weave) to keep.
    ///
    /// # Errors
    /// A sentence, when it is no TOML, or says something that the form could not give back as it is.
    pub fn read(source: &str) -> Result<Self, String> {
        let mut file: Table = source
            .parse()
            .map_err(|error: toml::de::Error| format!("this is not TOML: {}", error.message()))?;
        let whole = file.clone();
        let mut draft = Self::default();
        if let Some(value) = file.remove("audience") {
            let Value::Table(mut audience) = value else { return Err(NOT_AS_IT_IS.to_owned()) };
            draft.values = take(&mut audience, &AUDIENCE, "audience");
            draft.values.extend(other(&audience).map(|lines| (Key::AudienceOther, lines)));
        }
        let steps = match file.remove("steps") {
            None => Vec::new(),
            Some(Value::Array(steps)) => steps,
            Some(_) => return Err(NOT_AS_IT_IS.to_owned()),
        };
        draft.steps = steps.into_iter().map(step).collect::<Result<_, _>>()?;
        draft.values.extend(take_all(&mut file, &PLAIN));
        draft.values.extend(other(&file).map(|lines| (Key::Other, lines)));
        let again: Option<Table> = draft.to_toml().parse().ok();
        if again.as_ref() == Some(&whole) { Ok(draft) } else { Err(NOT_AS_IT_IS.to_owned()) }
    }
}

fn step(value: Value) -> Result<DraftStep, String> {
    let Value::Table(mut table) = value else { return Err(NOT_AS_IT_IS.to_owned()) };
    let variants = take_variants(&mut table).unwrap_or_default();
    let texts = take_texts(&mut table);
    let values = take_all(&mut table, &STEP);
    let mut variants = variants.into_iter();
    let mut first = variants.next().unwrap_or(DraftSaying { values: BTreeMap::new(), texts });
    first.values.extend(values);
    first.values.extend(other(&table).map(|lines| (Key::StepOther, lines)));
    Ok(DraftStep { first, others: variants.collect() })
}

/// Takes the variants out of a step, if fields say all of each; otherwise they stay, as lines of the file.
fn take_variants(step: &mut Table) -> Option<Vec<DraftSaying>> {
    let beside = ["text", "template", "media"].iter().any(|part| step.contains_key(*part));
    let variants = step.get("variants")?.as_array().filter(|variants| variants.len() > 1 && !beside)?;
    let variants = variants.iter().map(variant).collect::<Option<Vec<_>>>()?;
    step.remove("variants");
    Some(variants)
}

fn variant(value: &Value) -> Option<DraftSaying> {
    let mut table = value.as_table()?.clone();
    let texts = take_texts(&mut table);
    let values = take_all(&mut table, &VARIANT);
    table.is_empty().then_some(DraftSaying { values, texts })
}

fn take_texts(table: &mut Table) -> Vec<(String, String)> {
    let Some(Value::Table(said)) = table.get("text") else { return Vec::new() };
    if said.is_empty() || !said.values().all(Value::is_str) {
        return Vec::new();
    }
    let line = |(language, text): (&String, &Value)| {
        (language.clone(), on_one_line(text.as_str().unwrap_or_default()))
    };
    let texts = said.iter().map(line).collect();
    table.remove("text");
    texts
}

/// Takes out of a table what these keys can say: settings of its own, and tables of which nothing is left over.
fn take_all(table: &mut Table, keys: &[Key]) -> BTreeMap<Key, String> {
    let mut values = take(table, keys, "");
    for key in keys {
        let name = key.table();
        let Some(Value::Table(inner)) = table.get(name) else { continue };
        let mut inner = inner.clone();
        let within = take(&mut inner, keys, name);
        if inner.is_empty() {
            table.remove(name);
            values.extend(within);
        }
    }
    values
}

/// Takes out of one table what the keys that stand in it can say.
fn take(table: &mut Table, keys: &[Key], name: &str) -> BTreeMap<Key, String> {
    let mut values = BTreeMap::new();
    for key in keys.iter().filter(|key| key.table() == name) {
        if let (true, Form::Range(between, ends, _)) = (key.name().is_empty(), key.form()) {
            let part = |end: &str| table.get(end).and_then(Value::as_str).unwrap_or_default();
            let typed = format!("{}{between}{}", part(ends[0]), part(ends[1]));
            let both = two_ends(&typed, between, ends, false).unwrap_or_default();
            if both.len() == ends.len() {
                for end in ends {
                    table.remove(end);
                }
                values.insert(*key, typed);
            }
            continue;
        }
        let typed = table.get(key.name()).and_then(|value| typed(*key, value));
        if let Some(typed) = typed {
            table.remove(key.name());
            values.insert(*key, typed);
        }
    }
    values
}

/// What is typed for a value; `None`: nothing says it.
fn typed(key: Key, value: &Value) -> Option<String> {
    let typed = match (key.form(), value) {
        (Form::Text, Value::String(text)) => text.clone(),
        (Form::Number, Value::Integer(number)) => number.to_string(),
        (Form::Number, Value::Float(number)) => number.to_string(),
        (Form::Flag, Value::Boolean(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        (Form::List | Form::Days, Value::Array(parts)) => joined(parts)?,
        (Form::Stages, value) => notation::typed_stages(value)?,
        (Form::Attributes, Value::Table(attributes)) => {
            let part = |(name, values): (&String, &Value)| {
                let values: Option<Vec<&str>> = values.as_array()?.iter().map(Value::as_str).collect();
                Some(in_quotes(&format!("{name}={}", values?.join("|"))))
            };
            attributes.iter().map(part).collect::<Option<Vec<String>>>()?.join(", ")
        }
        (Form::Parameters, value) => notation::typed_parameters(value)?,
        (Form::Header, value) => notation::typed_header(value)?,
        (Form::Buttons, value) => notation::typed_buttons(value)?,
        (Form::Range(between, ends, _), Value::Table(range)) => {
            let end = |name| match range.get(name) {
                Some(Value::Integer(number)) => number.to_string(),
                Some(Value::String(text)) => text.clone(),
                _ => String::new(),
            };
            format!("{}{between}{}", end(ends[0]), end(ends[1]))
        }
        _ => return None,
    };
    // Whatever is typed is trimmed and on one line; and what would be written of it has to be what stands there.
    let again: Table = format!("x = {}", written(key, &typed)).parse().ok()?;
    let fits = !typed.is_empty() && typed.trim() == typed && !typed.contains(char::is_control);
    (fits && again.get("x") == Some(value)).then_some(typed)
}

fn joined(parts: &[Value]) -> Option<String> {
    let parts: Option<Vec<String>> = parts.iter().map(|part| part.as_str().map(in_quotes)).collect();
    parts.map(|parts| parts.join(", "))
}

/// What is left of a table as lines of the file; `None`: nothing.
fn other(table: &Table) -> Option<String> {
    let lines: Vec<String> =
        table.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value))).collect();
    (!lines.is_empty()).then(|| on_one_line(&lines.join("\n")))
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(parts) => format!("[{}]", parts.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let mut text = String::from("{ ");
            for (nth, (key, value)) in table.iter().enumerate() {
                let comma = if nth > 0 { ", " } else { "" };
                let _ = write!(text, "{comma}{} = {}", quoted(key), inline(value));
            }
            text + " }"
        }
        plain => plain.to_string(),
    }
}

/// A text as it is typed: `\n` for the end of a line, `\\` for a backslash.
fn on_one_line(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}
