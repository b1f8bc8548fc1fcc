//! From the values of a request to the arguments of the command that it is: the same values are read and refused by the
//! same functions, wherever they come from.

use super::operations::{Field, Operation, Place, To, Type};
use crate::{
    cli::{Cli, Command},
    domain::suggest::nearest,
    inbound::api::{Kind, Problem},
};
use clap::{Parser as _, error::ContextKind};
use serde_json::{Map, Value};
use std::error::Error as _;

/// The values of a request, by their names.
#[derive(Debug, Default)]
pub struct Values(Map<String, Value>);

fn invalid(sentence: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, sentence)
}

impl Values {
    /// Reads them from the address, its query and the body. Nothing unknown is ignored.
    pub fn read(
        operation: &Operation,
        path: Vec<(&'static str, String)>,
        query: &[(String, String)],
        body: Option<Map<String, Value>>,
    ) -> Result<Self, Problem> {
        let mut values = Map::new();
        for (name, value) in path {
            values.insert(name.to_owned(), Value::String(value));
        }
        for (name, value) in query {
            let field = field_at(operation, Place::Query, name)?;
            let value = from_text(field, value);
            if values.insert(name.clone(), value).is_some() {
                return Err(invalid(format!("{name} is given twice")));
            }
        }
        for (name, value) in body.unwrap_or_default() {
            field_at(operation, Place::Body, &name)?;
            values.insert(name, value);
        }
        for (name, value) in &values {
            if value.as_str().is_some_and(|text| text.contains('\0')) {
                return Err(invalid(format!("{name} holds a NUL (\\u0000), which no text may hold")));
            }
        }
        for field in operation.fields {
            match values.get(field.name) {
                None if field.needed => return Err(invalid(format!("{} is missing", field.name))),
                None => {}
                Some(value) => check(field, value)?,
            }
        }
        Ok(Self(values))
    }

    /// A value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A whole number.
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// The command with these values; `first`: what stands before all others that have no flag.
    pub fn command(
        &self,
        operation: &Operation,
        words: &[&str],
        first: Option<&str>,
    ) -> Result<Command, Problem> {
        let mut flags: Vec<String> = Vec::new();
        let mut positions: Vec<String> = first.map(str::to_owned).into_iter().collect();
        for field in operation.fields {
            let Some(value) = self.0.get(field.name) else { continue };
            match field.to {
                To::Position => positions.push(argument(value)),
                // With the sign between, no value is taken for a flag.
                To::Flag(flag) => flags.push(format!("{flag}={}", argument(value))),
                To::Switch(flag) if value == &Value::Bool(true) => flags.push(flag.to_owned()),
                To::Switch(_) | To::Nowhere => {}
            }
        }
        let words = words.iter().map(|word| (*word).to_owned());
        let all = ["signalbox".to_owned()].into_iter().chain(words).chain(flags);
        let parsed = Cli::try_parse_from(all.chain(["--".to_owned()]).chain(positions));
        let cli = parsed.map_err(|error| invalid(sentence(operation, &error)))?;
        cli.command.ok_or_else(|| Problem::new(Kind::Failed, "the operation names no command"))
    }
}

fn field_at(operation: &Operation, place: Place, name: &str) -> Result<&'static Field, Problem> {
    let mut known = operation.fields.iter().filter(|field| field.place == place);
    if let Some(field) = known.clone().find(|field| field.name == name) {
        return Ok(field);
    }
    let names: Vec<&str> = known.by_ref().map(|field| field.name).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(likely) => format!("; did you mean {likely}?"),
        None if names.is_empty() => "; it takes none".to_owned(),
        None => format!("; it takes {}", names.join(", ")),
    };
    Err(invalid(format!("{} takes no {name:?}{hint}", operation.id)))
}

/// A query knows texts only.
fn from_text(field: &Field, text: &str) -> Value {
    match field.kind {
        Type::Whole | Type::WholeOrNone => {
            text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from)
        }
        _ => Value::String(text.to_owned()),
    }
}

fn check(field: &Field, value: &Value) -> Result<(), Problem> {
    let fits = match field.kind {
        Type::Text | Type::Phone | Type::Time => value.is_string(),
        Type::Id => value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()),
        Type::Whole => value.is_i64(),
        Type::WholeOrNone => value.is_i64() || value.is_null(),
        Type::TextOrNone => value.is_string() || value.is_null(),
        Type::Number => value.is_number(),
        Type::Flag => value.is_boolean(),
        Type::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
    };
    if fits && field.name == "limit" && !value.as_i64().is_some_and(|most| (1..=1_000).contains(&most)) {
        return Err(invalid("limit is a whole number from 1 to 1000"));
    }
    if fits {
        return Ok(());
    }
    let what = match field.kind {
        Type::Text => "a text".to_owned(),
        Type::Phone => "a phone in international form, as text".to_owned(),
        Type::Time => "a time, as text: 2026-12-01T09:00:00Z".to_owned(),
        Type::Id => "an id".to_owned(),
        Type::Whole => "a whole number".to_owned(),
        Type::WholeOrNone => "a whole number, or null".to_owned(),
        Type::TextOrNone => "a text, or null".to_owned(),
        Type::Number => "a number".to_owned(),
        Type::Flag => "true or false".to_owned(),
        Type::Word(words) => format!("one of {}", words.join(", ")),
    };
    Err(invalid(format!("{} is {what}", field.name)))
}

fn argument(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// What the command line says of a value, with the names that the request used.
fn sentence(operation: &Operation, error: &clap::Error) -> String {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let flag = argument.split([' ', '=']).next().unwrap_or_default();
    let field = operation.fields.iter().find(|field| match field.to {
        To::Flag(known) | To::Switch(known) => known == flag,
        To::Position => flag.trim_matches(['<', '>']).eq_ignore_ascii_case(field.name),
        To::Nowhere => false,
    });
    if let (Some(field), Some(source)) = (field, error.source()) {
        return format!("{}: {source}", field.name);
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::api::operations::all;
    use serde_json::json;

    fn command(id: &str, path: &str, body: &Value) -> Result<String, String> {
        let operation = all().find(|each| each.id == id).unwrap();
        let path = operation.values_in(path).unwrap();
        let body = body.as_object().cloned();
        let said = |problem: Problem| problem.detail;
        let values = Values::read(operation, path, &[], body).map_err(said)?;
        let words = match operation.does {
            crate::cli::api::operations::Does::Command(words)
            | crate::cli::api::operations::Does::OfNumber(words) => words,
            _ => &[],
        };
        values.command(operation, words, None).map(|command| format!("{command:?}")).map_err(said)
    }

    #[test]
    fn values_are_arguments_and_never_flags() {
        let paused =
            command("pauseCampaign", "/v1/campaigns/--help/pause", &json!({ "reason": "--json" })).unwrap();
        assert!(
            paused.contains("name: \"--help\"") && paused.contains("reason: Some(\"--json\")"),
            "{paused}"
        );
    }

    #[test]
    fn what_means_nothing_is_refused_by_its_name() {
        let add = |body: Value| command("addNumber", "/v1/numbers", &body).unwrap_err();
        assert_eq!(add(json!({ "account": "main" })), "phone is missing");
        assert_eq!(add(json!({ "phone": 237 })), "phone is a phone in international form, as text");
        let short = add(json!({ "phone": "+2", "account": "main" }));
        assert!(short.starts_with("phone: the phone "), "{short}");
        let limit = add(json!({ "phone": "+237600000001", "account": "a", "daily_limit": -1 }));
        assert!(limit.starts_with("daily_limit: a daily limit is a whole number from 0"), "{limit}");
        let unknown = add(json!({ "phone": "+237600000001", "account": "a", "daily": 5 }));
        assert!(unknown.starts_with("addNumber takes no \"daily\""), "{unknown}");
    }
}
