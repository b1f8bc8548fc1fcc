//! Imports run downward only, and each layer knows only the outside that is its own.

use crate::source::{Kind, Source};
use crate::{Rule, program};

/// What each layer may import, from the bottom to the top.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("secrets", &["domain"]),
    ("import", &["domain"]),
    ("postgres", &["domain"]),
    ("provider", &["domain"]),
    ("store", &["postgres", "domain"]),
    ("sender", &["store", "provider", "postgres", "secrets", "config", "domain"]),
    ("inbound", &["sender", "store", "provider", "postgres", "secrets", "config", "domain"]),
    ("tui", &["sender", "store", "config", "domain"]),
    (
        "cli",
        &[
            "tui", "inbound", "sender", "store", "provider", "postgres", "import", "secrets", "config",
            "domain",
        ],
    ),
];

/// What each layer may not know of the outside.
const OUTSIDE: &[(&str, &[&str])] = &[
    (
        "domain",
        &["tokio", "sqlx", "reqwest", "hyper", "rustls", "rustix", "ratatui", "crossterm", "clap", "tracing"],
    ),
    ("config", &["tokio", "sqlx", "reqwest", "hyper", "ratatui", "crossterm"]),
    ("secrets", &["tokio", "sqlx", "reqwest", "hyper", "ratatui", "crossterm", "clap"]),
    ("import", &["sqlx", "reqwest", "hyper", "ratatui", "crossterm", "clap"]),
    ("postgres", &["reqwest", "hyper", "ratatui", "crossterm", "clap"]),
    ("provider", &["sqlx", "ratatui", "crossterm", "clap"]),
    ("store", &["reqwest", "hyper", "ratatui", "crossterm", "clap"]),
    ("sender", &["sqlx", "hyper", "ratatui", "crossterm", "clap"]),
    ("inbound", &["sqlx", "ratatui", "crossterm", "clap"]),
    ("tui", &["sqlx", "reqwest", "hyper", "clap"]),
    ("cli", &["sqlx"]),
];

/// Modules of the standard library that touch the outside.
const STANDARD: &[&str] = &["fs", "net", "process", "env", "thread"];

/// The layers that are named at this place: `crate::store`, `crate::{store, domain}`, `super::super::store`.
fn named_at(source: &Source, place: usize) -> Vec<String> {
    let code = &source.code;
    if place > 0 && code[place - 1].text == "::" {
        return Vec::new();
    }
    let mut root = place;
    if code[place].text == "super" {
        let mut ups = 1;
        while source.stands_at(root + 1, &["::", "super"]) {
            root += 2;
            ups += 1;
        }
        if ups != depth(source) {
            return Vec::new();
        }
    }
    if !source.stands_at(root + 1, &["::"]) {
        return Vec::new();
    }
    let first = root + 2;
    if !source.stands_at(first, &["{"]) {
        return vec![code[first].text.clone()];
    }
    let end = source.behind(first);
    let mut names = Vec::new();
    let mut at = first + 1;
    while at < end {
        names.push(code[at].text.clone());
        while at < end && code[at].text != "," {
            at = if source.stands_at(at, &["{"]) { source.behind(at) } else { at + 1 };
        }
        at += 1;
    }
    names
}

/// How many modules deep a file stands: one for `src/config.rs` and `src/store/mod.rs`.
fn depth(source: &Source) -> usize {
    let parts = source.path.matches('/').count();
    if source.path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// Every import of another layer: place and name.
fn imports(source: &Source) -> Vec<(usize, String)> {
    (0..source.code.len())
        .filter(|place| source.code[*place].kind == Kind::Word)
        .filter(|place| matches!(source.code[*place].text.as_str(), "crate" | "super" | "signalbox"))
        .flat_map(|place| named_at(source, place).into_iter().map(move |name| (place, name)))
        .filter(|(_, name)| LAYERS.iter().any(|(layer, _)| layer == name))
        .collect()
}

#[test]
fn imports_run_downward_only() {
    let mut wrong = Vec::new();
    for source in program() {
        let layer = source.layer().unwrap_or_default().to_owned();
        if matches!(layer.as_str(), "main" | "lib") {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(known, _)| *known == layer) else {
            wrong.push(format!(
                "{}: {layer} is no layer of the house; give it a place in tests/house",
                source.path
            ));
            continue;
        };
        for (place, name) in imports(&source) {
            if name != layer && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: {layer} imports {name}", source.at(place)));
            }
        }
    }
    Rule {
        what: "imports run downward: cli, tui, inbound, then sender, then store and provider, then domain",
        reason: "a layer that knows the one above it can be neither read nor tested by itself, and decisions end up in two \
                 places",
        instead: "move the type down to the layer that owns it, or hand in what is needed as an argument",
    }
    .keep(&wrong);
}

#[test]
fn every_layer_knows_only_its_own_outside() {
    let mut wrong = Vec::new();
    for source in program() {
        let Some((layer, forbidden)) = OUTSIDE.iter().find(|(layer, _)| Some(*layer) == source.layer())
        else {
            continue;
        };
        for (place, token) in source.code.iter().enumerate() {
            let rooted = place == 0 || !matches!(source.code[place - 1].text.as_str(), "::" | ".");
            if token.kind != Kind::Word || !rooted {
                continue;
            }
            let outside = forbidden.contains(&token.text.as_str()) && source.stands_at(place + 1, &["::"]);
            let standard = *layer == "domain"
                && !source.is_test(place)
                && STANDARD.iter().any(|module| source.stands_at(place, &["std", "::", module]));
            if outside || standard {
                wrong.push(format!("{}: {layer} uses {}", source.at(place), token.text));
            }
        }
    }
    Rule {
        what: "domain does no I/O; only provider and inbound speak HTTP; only the terminal's layer draws",
        reason: "a decision that needs a database, a network or a terminal cannot be tested in microseconds",
        instead: "make it a function of plain values here, and call it from the layer that has the outside",
    }
    .keep(&wrong);
}

#[test]
fn the_console_reads_the_store_through_its_views() {
    let mut wrong = Vec::new();
    for source in program() {
        let behind = source.path.starts_with("src/tui/") && source.path.contains("backend");
        if source.layer() != Some("tui") || behind {
            continue;
        }
        for place in source.find(&["store", "::"]) {
            if source.is_test(place) || source.stands_at(place + 2, &["view"]) {
                continue;
            }
            wrong.push(format!("{}: store::{}", source.at(place), source.code[place + 2].text));
        }
    }
    Rule {
        what: "the console knows store::view and its own backend, and nothing else of the store",
        reason: "no key may wait for the database, so everything that could wait stands behind the backend",
        instead: "ask through tui::backend and draw what it answers",
    }
    .keep(&wrong);
}

#[test]
fn no_sql_outside_the_store() {
    let mut wrong = Vec::new();
    for source in program() {
        if matches!(source.layer(), Some("store" | "postgres")) {
            continue;
        }
        for (place, token) in source.code.iter().enumerate() {
            if token.kind == Kind::Text && !source.is_test(place) && is_sql(&token.text) {
                wrong.push(format!("{}: {:.60}", source.at(place), token.text.trim_start()));
            }
        }
    }
    Rule {
        what: "SQL stands in src/store and migrations/; src/postgres has what concerns whole databases",
        reason: "locks are taken in one order and transitions are fenced in one place only if all statements are in sight",
        instead: "write a function in src/store that says what it does and answers a type",
    }
    .keep(&wrong);
}

#[test]
fn tests_do_not_use_checked_queries() {
    let macros = ["query", "query_as", "query_scalar", "query_unchecked", "query_as_unchecked"];
    let mut wrong = Vec::new();
    for source in crate::everything() {
        for name in macros {
            let found =
                source.find(&["sqlx", "::"]).filter(|place| source.stands_at(place + 2, &[name, "!"]));
            wrong.extend(found.filter(|place| source.is_test(*place)).map(|place| source.at(place)));
        }
    }
    Rule {
        what: "tests use sqlx::query, not the checked macros",
        reason: ".sqlx/ describes the program's queries; tests would have to be compiled against a database too",
        instead: "write sqlx::query(\"…\"): the test checks its statement by running it",
    }
    .keep(&wrong);
}

/// Whether a text is a statement: two words of SQL where one could be English.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\\').to_lowercase();
    let begins = |words: &str| text.starts_with(words);
    (begins("select ") && (text.contains(" from ") || text.contains('(')))
        || begins("insert into ")
        || begins("delete from ")
        || begins("truncate ")
        || (begins("update ") && text.contains(" set "))
        || (begins("with ") && text.contains(" as (") && text.contains("select "))
        || (begins("copy ") && text.contains(" from stdin"))
        || begins("listen ") && text.split_whitespace().count() == 2
        || begins("create table ")
        || begins("alter table ")
}

#[test]
fn imports_are_found_in_every_spelling() {
    let text = "use crate::store::view::Row;\nuse crate::{\n    domain::{ids, number}, sender,\n};\nfn a() { super::super::tui::b(); super::plan::c() }";
    let source = Source::parse("src/sender/plan.rs", text);
    let names: Vec<String> = imports(&source).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["store", "domain", "sender", "tui"]);
}

#[test]
fn statements_are_told_from_sentences() {
    for sql in [
        "select 1 from a",
        "\n   insert into a values (1)",
        "update a set b = 1",
        "with a as (select 1) select 2",
    ] {
        assert!(is_sql(sql), "{sql}");
    }
    for sentence in
        ["select a number", "update the limit", "with a comma", "listen on this address", "copy it"]
    {
        assert!(!is_sql(sentence), "{sentence}");
    }
}
