//! The operator's own keys: a TOML file with a table per layer and `command = "key"` or `command = ["key", "key"]`.
//!
//! ```toml
//! [numbers]
//! suspend = "Z"
//! ```

use super::{Key, Keymap, TABLE};
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What in the file cannot be used. The default stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeymapProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub words: String,
}

impl fmt::Display for KeymapProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys, line {}: {}", self.line, self.words)
    }
}

struct Reader<'a> {
    text: &'a str,
    keymap: Keymap,
    problems: Vec<KeymapProblem>,
}

pub(super) fn apply(text: &str) -> (Keymap, Vec<KeymapProblem>) {
    let mut reader = Reader { text, keymap: Keymap::default(), problems: Vec::new() };
    match DeTable::parse(text) {
        Ok(layers) => {
            for (layer, commands) in layers.get_ref() {
                reader.layer(layer, commands);
            }
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reader.problem(at, error.message());
        }
    }
    reader.problems.sort_by_key(|problem| problem.line);
    (reader.keymap, reader.problems)
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, words: impl Into<String>) {
        let line = self.text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
        self.problems.push(KeymapProblem { line, words: words.into() });
    }

    fn layer(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, commands: &Spanned<DeValue<'_>>) {
        let at = name.span().start;
        if !TABLE.iter().any(|entry| entry.layer.name() == name.get_ref().as_ref()) {
            return self.problem(at, format!("there is no layer {:?}", name.get_ref()));
        }
        let DeValue::Table(commands) = commands.get_ref() else {
            return self.problem(
                at,
                format!("{:?} is a layer; write [{}] above the commands", name.get_ref(), name.get_ref()),
            );
        };
        for (command, keys) in commands {
            let at = command.span().start;
            let entry = TABLE.iter().position(|entry| {
                entry.layer.name() == name.get_ref().as_ref() && entry.name == command.get_ref().as_ref()
            });
            match (entry, read_keys(keys.get_ref())) {
                (None, _) => {
                    self.problem(at, format!("{:?} has no command {:?}", name.get_ref(), command.get_ref()));
                }
                (_, Err(words)) => self.problem(at, words),
                (Some(entry), Ok(keys)) => self.bind(at, entry, keys),
            }
        }
    }

    fn bind(&mut self, at: usize, entry: usize, keys: Vec<Key>) {
        let former = std::mem::replace(&mut self.keymap.keys[entry], keys);
        let clash = self.keymap.clashes().into_iter().next();
        if let Some((one, other, key)) = clash {
            self.keymap.keys[entry] = former;
            let other = if one.name == TABLE[entry].name { other } else { one };
            self.problem(at, format!("{key} already means {:?} in this layer", other.name));
        }
    }
}

fn read_keys(value: &DeValue<'_>) -> Result<Vec<Key>, String> {
    let names: Vec<&str> = match value {
        DeValue::String(name) => vec![name.as_ref()],
        DeValue::Array(names) => names
            .iter()
            .map(|name| name.get_ref().as_str().ok_or("keys are written as strings"))
            .collect::<Result<_, _>>()?,
        _ => return Err("keys are written as strings".into()),
    };
    names.into_iter().map(|name| Key::read(name).ok_or_else(|| format!("{name:?} is no key"))).collect()
}
