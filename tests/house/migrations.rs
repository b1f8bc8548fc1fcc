//! Migrations: names, constraints, and the one clock that two instances may compare.

use crate::source::{Kind, files};
use crate::{Exception, Found, Rule, program, root};
use std::collections::BTreeSet;
use std::fs;

/// Where `now()` is right.
const TRANSACTION_TIMES: &[Exception] = &[Exception(
    "migrations/0003_create_contacts.sql contacts",
    "a million rows are copied in one statement; they share its time, and no decision reads it",
)];

/// Functions whose answer is when the transaction or the statement began.
const STALE: &[&str] = &[
    "now",
    "current_timestamp",
    "localtimestamp",
    "current_date",
    "transaction_timestamp",
    "statement_timestamp",
];

/// A migration.
struct Migration {
    name: String,
    text: String,
}

impl Migration {
    fn all() -> Vec<Self> {
        let all: Vec<Self> = files(&root().join("migrations"))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .map(|path| Self {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                text: fs::read_to_string(&path).unwrap(),
            })
            .collect();
        assert!(all.len() > 5, "only {} migrations were found: the rules would prove nothing", all.len());
        all
    }

    /// Statements as words and signs, each with its line. Comments and texts are left out; what stands between `$$` is
    /// code.
    fn statements(&self) -> Vec<Vec<(String, usize)>> {
        let tokens = tokens(&self.text);
        let mut statements = vec![Vec::new()];
        let mut in_body = false;
        for (word, line) in tokens {
            in_body ^= word == "$$";
            if word == ";" && !in_body {
                statements.push(Vec::new());
            } else if let Some(statement) = statements.last_mut() {
                statement.push((word, line));
            }
        }
        statements
    }
}

fn tokens(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, line) in without_texts(text).lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                _ if rest.starts_with("$$") => 2,
                _ if first == '_' || first.is_alphanumeric() => {
                    rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len())
                }
                _ => first.len_utf8(),
            };
            found.push((rest[..length].to_lowercase(), at + 1));
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// The same lines with nothing in the place of comments and texts.
fn without_texts(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        kept.extend(rest[..length].chars().filter(|c| *c == '\n'));
        rest = &rest[length..];
    }
    kept
}

#[test]
fn migrations_say_what_they_do() {
    let mut wrong = Vec::new();
    let mut numbers = BTreeSet::new();
    for Migration { name, .. } in Migration::all() {
        let stem = name.trim_end_matches(".sql");
        let (number, words) = stem.split_once('_').unwrap_or((stem, ""));
        let numbered = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        let worded =
            words.contains('_') && words.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !numbered || !worded || !numbers.insert(number.to_owned()) {
            wrong.push(name);
        }
    }
    Rule {
        what: "a migration is named NNNN_verb_noun.sql, and no number is used twice",
        reason: "the list of names is read by whoever upgrades, and two files with one number have no order",
        instead: "name it by what it does to what, 0042_add_receipts.sql",
    }
    .keep(&wrong);
}

/// Constraints without a name in a statement: the keyword and its line.
fn nameless(statement: &[(String, usize)]) -> Vec<(String, usize)> {
    let word = |at: usize| statement.get(at).map_or("", |(word, _)| word.as_str());
    let makes = match (word(0), word(1)) {
        ("create", "table" | "domain" | "unlogged") => true,
        ("alter", table) => table == "table" || table == "domain",
        _ => false,
    };
    if !makes {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, token) in statement.iter().enumerate().skip(1) {
        let constrains = match word(at) {
            "primary" | "foreign" => word(at + 1) == "key",
            "check" | "exclude" => word(at + 1) == "(" || word(at + 1) == "using",
            "unique" => true,
            // The second half of a foreign key has the name of the first.
            "references" => !(0..at)
                .rev()
                .take_while(|before| word(*before) != "constraint")
                .any(|b| word(b) == "foreign"),
            _ => false,
        };
        if constrains && word(at.wrapping_sub(2)) != "constraint" {
            found.push(token.clone());
        }
    }
    found
}

#[test]
fn every_constraint_has_a_name() {
    let mut wrong = Vec::new();
    for migration in Migration::all() {
        for statement in migration.statements() {
            for (keyword, line) in nameless(&statement) {
                wrong.push(format!("migrations/{}:{line}: {keyword}", migration.name));
            }
        }
    }
    Rule {
        what: "every constraint is named as the sentence that it states",
        reason: "the name is what an operator reads when it refuses: 'failed to add a number: number phone is taken once'",
        instead: "write constraint number_phone_is_taken_once before it",
    }
    .keep(&wrong);
}

#[test]
fn decisions_read_the_clock_after_their_locks() {
    let mut found = Vec::new();
    for migration in Migration::all() {
        for statement in migration.statements() {
            let name = statement.get(2).map_or("", |(word, _)| word.as_str());
            for (at, (word, line)) in statement.iter().enumerate() {
                let called = word != "now" || statement.get(at + 1).is_some_and(|(next, _)| next == "(");
                let qualified = at > 0 && statement[at - 1].0 == ".";
                if STALE.contains(&word.as_str()) && called && !qualified {
                    let key = format!("migrations/{} {name}", migration.name);
                    found.push(Found::new(
                        key,
                        format!("migrations/{}:{line}: {word} in {name}", migration.name),
                    ));
                }
            }
        }
    }
    for source in program().iter().filter(|source| source.layer() == Some("store")) {
        for token in source.code.iter().filter(|token| token.kind == Kind::Text) {
            let words = tokens(&token.text);
            for pair in words.windows(2) {
                let stale = STALE.contains(&pair[0].0.as_str()) && (pair[0].0 != "now" || pair[1].0 == "(");
                if stale {
                    let at = format!("{}:{}", source.path, token.line + pair[0].1 - 1);
                    found.push(Found::new(&source.path, format!("{at}: {}", pair[0].0)));
                }
            }
        }
    }
    Rule {
        what: "no now() in SQL",
        reason: "it is when the transaction began: a claim that waited for a lock past the lease's end would be granted",
        instead: "take the locks first and then read clock_timestamp()",
    }
    .keep_except(&found, TRANSACTION_TIMES);
}

#[test]
fn nameless_constraints_are_found_in_every_form() {
    let sql = "-- a comment with check (\ncreate table a (\n  id uuid primary key,\n  b uuid constraint b_is_c references c (id),\n  \
               d text default 'unique',\n  check (d <> ''),\n  constraint e foreign key (b) references c (id),\n  unique (d)\n);\n\
               alter table a add column f uuid references c;\ncreate unique index g on a (d);\n\
               create function h() returns void language sql as $$ select 1; insert into a values (1) $$;";
    let migration = Migration { name: String::new(), text: sql.to_owned() };
    let found: Vec<_> = migration.statements().iter().flat_map(|statement| nameless(statement)).collect();
    let expected = [("primary", 3), ("check", 6), ("unique", 8), ("references", 10)];
    assert_eq!(found, expected.map(|(word, line)| (word.to_owned(), line)));
}
