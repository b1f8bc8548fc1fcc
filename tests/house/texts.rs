//! What comments, attributes and documents must say or must not.

use crate::source::{Kind, files};
use crate::{Exception, Found, Rule, everything, program, root};
use std::collections::BTreeSet;
use std::fs;

/// Words that promise work instead of doing it. As whole words, in this spelling.
const PROMISES: &[&str] = &["TODO", "FIXME", "XXX", "HACK", "TBD", "WIP", "todo!", "unimplemented!"];

/// The same in prose, in any spelling.
const EXCUSES: &[&str] = &[
    "placeholder",
    "lorem ipsum",
    "coming soon",
    "not implemented",
    "not yet implemented",
    "dummy implementation",
];

/// Lints that are silenced without being expected.
const ALLOWED: &[Exception] = &[];

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    let root = root();
    let mut paths: Vec<_> = ["src", "tests", "benches", "migrations", "assets", ".ci"]
        .iter()
        .flat_map(|f| files(&root.join(f)))
        .collect();
    paths.extend(["README.md", "Cargo.toml", "build.rs"].map(|name| root.join(name)));
    for path in paths {
        // This folder has to name the words.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if path.starts_with(root.join("tests/house")) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let promise = PROMISES.iter().find(|word| has_word(line, word));
            if let Some(word) = promise.or_else(|| EXCUSES.iter().find(|words| has_word(&lower, words))) {
                wrong.push(format!("{}:{}: {word}", path.strip_prefix(&root).unwrap().display(), at + 1));
            }
        }
    }
    Rule {
        what: "no words that put work off",
        reason: "what such a word marks is either needed now or forgotten",
        instead: "do it, or refuse the case by name; call a text in an empty field a hint",
    }
    .keep(&wrong);
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let edge = |character: Option<char>| !character.is_some_and(|c| c.is_alphanumeric() || c == '_');
        edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next())
    })
}

#[test]
fn a_silenced_lint_says_why() {
    let mut unreasoned = Vec::new();
    let mut allowed = Vec::new();
    for source in everything() {
        for place in source.find(&["#"]) {
            let open = if source.stands_at(place + 1, &["!"]) { place + 2 } else { place + 1 };
            if !source.stands_at(open, &["["]) {
                continue;
            }
            let tokens = &source.code[open..source.behind(open)];
            let has = |word: &str| tokens.iter().any(|token| token.kind == Kind::Word && token.text == word);
            let silences = |word: &str| {
                tokens
                    .windows(2)
                    .any(|two| two[0].text == word && two[0].kind == Kind::Word && two[1].text == "(")
            };
            if (silences("expect") || silences("allow")) && !has("reason") {
                unreasoned.push(source.at(place));
            }
            // A module that several test programs share is not used in full by each of them.
            if silences("allow") && source.layer().is_some() {
                allowed.push(Found::new(&source.path, source.at(place)));
            }
        }
    }
    Rule {
        what: "a silenced lint gives its reason",
        reason: "nobody can tell a wrong lint from a wrong program without it",
        instead: "write #[expect(lint, reason = \"…\")] on the smallest item",
    }
    .keep(&unreasoned);
    Rule {
        what: "lints are expected, not allowed",
        reason: "an allow stays when what it was for has gone",
        instead: "write #[expect(lint, reason = \"…\")]",
    }
    .keep_except(&allowed, ALLOWED);
}

#[test]
fn every_file_says_what_it_is_for() {
    let wrong: Vec<String> = program()
        .iter()
        .filter(|source| !source.path.ends_with("tests.rs") && !source.path.contains("/tests/"))
        .filter(|source| {
            !source.comments.first().is_some_and(|first| first.line == 1 && first.text.starts_with("//!"))
        })
        .map(|source| source.path.clone())
        .collect();
    Rule {
        what: "a file begins with a sentence about itself",
        reason: "the tree is the architecture only if every room says what it is for",
        instead: "begin it with //! and what it keeps true",
    }
    .keep(&wrong);
}

#[test]
fn the_readme_names_every_variable() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut variables = BTreeSet::new();
    for source in program().iter().filter(|source| source.path == "src/config.rs") {
        for (place, token) in source.code.iter().enumerate() {
            let name = token.text.len() > 4 && token.text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if token.kind == Kind::Text && name && !source.is_test(place) {
                variables.insert(token.text.clone());
            }
        }
    }
    assert!(variables.contains("DATABASE_URL"), "no variables were found: the rule would prove nothing");
    let wrong: Vec<String> =
        variables.into_iter().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    Rule {
        what: "README.md names every variable that the configuration reads",
        reason: "a variable that nobody can find is set by accident only",
        instead: "add it to the table of the environment",
    }
    .keep(&wrong);
}
