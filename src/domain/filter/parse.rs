//! From what was typed to a [`Filter`], or to the place and cause of what cannot be understood.

use super::{Bounds, Condition, Field, Filter, Pattern, Scope, Term, When};
use std::fmt;

/// Longest filter that is read, in characters: more than anybody types, less than a pasted file.
const LENGTH_LIMIT: usize = 500;

/// What cannot be understood, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FilterError {
    /// Where it begins, in characters from the start.
    pub at: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such field in this list.
    UnknownField {
        /// What was typed.
        word: String,
        /// What there is.
        scope: Scope,
    },
    /// No such state in this list.
    UnknownState {
        /// What was typed.
        word: String,
        /// What there is.
        scope: Scope,
    },
    /// A field with nothing behind it.
    NoValue(Field),
    /// A number was expected.
    NotANumber(String),
    /// A time was expected.
    NotATime(String),
    /// `>`, `<` and `..` make sense for numbers and times only.
    NotComparable(Field),
    /// The quote never closes.
    OpenQuote,
    /// The lower bound is above the upper one.
    Backwards,
    /// More than anybody types.
    TooLong,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { word, scope } => {
                write!(f, "no field {word:?} here; there is ")?;
                write_list(f, scope.fields().iter().map(|field| field.name()))
            }
            Self::UnknownState { word, scope } => {
                write!(f, "no state {word:?} here; there is ")?;
                write_list(f, scope.states().iter().copied())
            }
            Self::NoValue(field) => write!(f, "{} needs a value", field.name()),
            Self::NotANumber(word) => write!(f, "{word:?} is not a number"),
            Self::NotATime(word) => {
                write!(f, "{word:?} is not a time; write 02:00, 2026-05-04, 10m, 2h or 3d")
            }
            Self::NotComparable(field) => {
                write!(f, "{} cannot be compared; write {}:value", field.name(), field.name())
            }
            Self::OpenQuote => f.write_str("the quote is not closed"),
            Self::Backwards => f.write_str("the first bound is above the second"),
            Self::TooLong => write!(f, "longer than {LENGTH_LIMIT} characters"),
        }
    }
}

fn write_list<'a>(f: &mut fmt::Formatter<'_>, words: impl Iterator<Item = &'a str>) -> fmt::Result {
    for (at, word) in words.enumerate() {
        if at > 0 {
            f.write_str(" ")?;
        }
        f.write_str(word)?;
    }
    Ok(())
}

impl Filter {
    /// Reads what was typed.
    ///
    /// # Errors
    /// The first thing that cannot be understood, with its place.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, FilterError> {
        if text.chars().count() > LENGTH_LIMIT {
            return Err(FilterError { at: LENGTH_LIMIT, problem: Problem::TooLong });
        }
        let terms = split(text)?
            .into_iter()
            .map(|token| term(&token, scope).map_err(|problem| FilterError { at: token.at, problem }))
            .collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }
}

/// A character, and whether it stood in quotes.
type Quotable = (char, bool);

/// One word between spaces; quoted characters are marked, so that `"a:b"` is not a field.
struct Token {
    at: usize,
    characters: Vec<Quotable>,
}

fn split(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open: Option<usize> = None;
    let mut fresh = true;
    for (at, character) in text.chars().enumerate() {
        if open.is_none() && character.is_whitespace() {
            fresh = true;
            continue;
        }
        if fresh {
            tokens.push(Token { at, characters: Vec::new() });
            fresh = false;
        }
        if character == '"' {
            open = if open.is_some() { None } else { Some(at) };
        } else if let Some(token) = tokens.last_mut() {
            token.characters.push((character, open.is_some()));
        }
    }
    match open {
        Some(at) => Err(FilterError { at, problem: Problem::OpenQuote }),
        None => Ok(tokens.into_iter().filter(|token| !token.characters.is_empty()).collect()),
    }
}

/// How field and value are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Is,
    IsNot,
    AtLeast,
    Above,
    AtMost,
    Below,
}

const JOINTS: [(&str, Joint); 7] = [
    ("!=", Joint::IsNot),
    (">=", Joint::AtLeast),
    ("<=", Joint::AtMost),
    (">", Joint::Above),
    ("<", Joint::Below),
    (":", Joint::Is),
    ("=", Joint::Is),
];

fn term(token: &Token, scope: Scope) -> Result<Term, Problem> {
    let (negated, rest) = match token.characters.split_first() {
        Some((('-', false), rest)) if !rest.is_empty() => (true, rest),
        _ => (false, token.characters.as_slice()),
    };
    let Some((word, joint, value)) = field_and_value(rest) else {
        return Ok(Term { negated, condition: Condition::Word(pattern(rest, true)) });
    };
    let field = Field::read(&word)
        .filter(|field| scope.fields().contains(field))
        .ok_or(Problem::UnknownField { word: word.clone(), scope })?;
    if value.is_empty() {
        return Err(Problem::NoValue(field));
    }
    let joint = if word.eq_ignore_ascii_case("since") && joint == Joint::Is { Joint::AtLeast } else { joint };
    let condition = condition(field, joint, value, scope)?;
    Ok(Term { negated: negated ^ (joint == Joint::IsNot), condition })
}

/// A field name is letters only, so `12:30` and `http://…` stay words.
fn field_and_value(token: &[Quotable]) -> Option<(String, Joint, &[Quotable])> {
    let name_length = token.iter().take_while(|(c, quoted)| !quoted && c.is_ascii_alphabetic()).count();
    if name_length == 0 {
        return None;
    }
    let name: String = token[..name_length].iter().map(|(c, _)| *c).collect();
    let behind: String =
        token[name_length..].iter().take(2).map(|(c, q)| if *q { '\0' } else { *c }).collect();
    let (sign, joint) = JOINTS.into_iter().find(|(sign, _)| behind.starts_with(sign))?;
    Some((name, joint, &token[name_length + sign.len()..]))
}

fn condition(field: Field, joint: Joint, value: &[Quotable], scope: Scope) -> Result<Condition, Problem> {
    match field {
        Field::Try => {
            bounds(joint, value, |word| word.parse::<u32>().map_err(|_| Problem::NotANumber(word.to_owned())))
                .and_then(|bounds| match (bounds.from, bounds.to) {
                    (Some(from), Some(to)) if from > to => Err(Problem::Backwards),
                    _ => Ok(Condition::Tries(step(bounds, joint))),
                })
        }
        Field::Updated => {
            bounds(joint, value, |word| When::read(word).ok_or_else(|| Problem::NotATime(word.to_owned())))
                .map(Condition::Updated)
        }
        _ if !matches!(joint, Joint::Is | Joint::IsNot) => Err(Problem::NotComparable(field)),
        Field::Status => alternatives(value)
            .into_iter()
            .map(|word| {
                let word = plain(word).to_ascii_lowercase().replace([' ', '-'], "_");
                scope
                    .states()
                    .iter()
                    .copied()
                    .find(|state| *state == word)
                    .ok_or(Problem::UnknownState { word, scope })
            })
            .collect::<Result<_, _>>()
            .map(Condition::Status),
        field => {
            let by_prefix = matches!(field, Field::Phone | Field::Name);
            Ok(Condition::Text(
                field,
                alternatives(value).into_iter().map(|word| pattern(word, by_prefix)).collect(),
            ))
        }
    }
}

/// `>` and `<` exclude their bound: one more, one less.
fn step(bounds: Bounds<u32>, joint: Joint) -> Bounds<u32> {
    match joint {
        Joint::Above => Bounds { from: bounds.from.map(|from| from.saturating_add(1)), to: bounds.to },
        // Below zero is nothing: a lower bound above every value.
        Joint::Below if bounds.to == Some(0) => Bounds { from: Some(u32::MAX), to: Some(0) },
        Joint::Below => Bounds { from: bounds.from, to: bounds.to.map(|to| to.saturating_sub(1)) },
        _ => bounds,
    }
}

fn bounds<T: Copy>(
    joint: Joint,
    value: &[Quotable],
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Bounds<T>, Problem> {
    let text = plain(value);
    if let Some((from, to)) = text.split_once("..") {
        let side = |word: &str| if word.is_empty() { Ok(None) } else { read(word).map(Some) };
        return Ok(Bounds { from: side(from)?, to: side(to)? });
    }
    let one = read(&text)?;
    Ok(match joint {
        Joint::Is | Joint::IsNot => Bounds { from: Some(one), to: Some(one) },
        Joint::AtLeast | Joint::Above => Bounds { from: Some(one), to: None },
        Joint::AtMost | Joint::Below => Bounds { from: None, to: Some(one) },
    })
}

fn alternatives(value: &[Quotable]) -> Vec<&[Quotable]> {
    value.split(|(c, quoted)| *c == ',' && !quoted).filter(|part| !part.is_empty()).collect()
}

fn plain(token: &[Quotable]) -> String {
    token.iter().map(|(c, _)| *c).collect()
}

fn pattern(token: &[Quotable], by_prefix: bool) -> Pattern {
    let word = plain(token).to_lowercase();
    match token.last() {
        Some(('*', false)) => Pattern::Prefix(word[..word.len() - 1].to_owned()),
        _ if by_prefix && !token.iter().all(|(_, quoted)| *quoted) => Pattern::Prefix(word),
        _ => Pattern::Exact(word),
    }
}
