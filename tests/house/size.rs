//! Files under 600 lines, functions under 60.

use crate::source::{Kind, Source};
use crate::{Exception, Found, Rule, everything, program};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 60;
const MAIN_LINES: usize = 60;

/// Files that are too long. Split the next one before it gets here.
const LONG_FILES: &[Exception] = &[Exception(
    "tests/provider_client.rs",
    "the one guarded client, case by case, with the servers that misbehave",
)];

/// Functions that are too long.
const LONG_FUNCTIONS: &[Exception] = &[
    Exception("src/store/attempt.rs claim", "one statement, its seventeen arguments, and what its rows say"),
    Exception(
        "src/store/screen/numbers.rs number_columns",
        "one statement that reads every column of a number, and its four arguments",
    ),
    Exception(
        "src/store/screen/doubts.rs doubts",
        "one statement and its row, column by column, with one sentence about what is known",
    ),
    Exception(
        "src/store/snapshot.rs numbers_for_plan",
        "one statement and its row, column by column, without a decision",
    ),
    Exception(
        "src/store/snapshot.rs campaigns_for_plan",
        "one statement and its row, column by column, without a decision",
    ),
];

#[test]
fn files_are_short() {
    let found: Vec<Found> = everything()
        .iter()
        .filter(|source| source.lines > FILE_LINES)
        .map(|source| Found::new(&source.path, format!("{}: {} lines", source.path, source.lines)))
        .collect();
    Rule {
        what: "a file has at most 600 lines",
        reason: "what does not fit into one head in one sitting is not reviewed",
        instead: "split it by what it talks about; unit tests go to a sibling file tests.rs",
    }
    .keep_except(&found, LONG_FILES);
}

#[test]
fn functions_are_short() {
    let found: Vec<Found> = program()
        .iter()
        .flat_map(|source| {
            functions(source).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES).map(
                |(at, name, lines)| {
                    Found::new(
                        format!("{} {name}", source.path),
                        format!("{}: fn {name}: {lines} lines", source.at(at)),
                    )
                },
            )
        })
        .collect();
    Rule {
        what: "a function has at most 60 lines",
        reason: "a longer one does several things, and only all of them together can be tested",
        instead: "give the parts names; a long statement of SQL goes to a function in migrations/",
    }
    .keep_except(&found, LONG_FUNCTIONS);
}

#[test]
fn main_only_dispatches() {
    let main = program().into_iter().find(|source| source.path == "src/main.rs").unwrap();
    let found =
        if main.lines < MAIN_LINES { vec![] } else { vec![format!("{}: {} lines", main.path, main.lines)] };
    Rule {
        what: "main.rs has fewer than 60 lines",
        reason: "what stands in the binary cannot be called from a test",
        instead: "move it to src/cli",
    }
    .keep(&found);
}

/// Functions outside tests that have a body: place, name, lines from `fn` to the closing brace.
fn functions(source: &Source) -> Vec<(usize, String, usize)> {
    let code = &source.code;
    source
        .find(&["fn"])
        .filter(|place| !source.is_test(*place) && code[place + 1].kind == Kind::Word)
        .filter_map(|place| {
            let mut at = place + 2;
            while at < code.len() && !source.stands_at(at, &["{"]) {
                if source.stands_at(at, &[";"]) {
                    return None;
                }
                let opens = source.stands_at(at, &["("]) || source.stands_at(at, &["["]);
                at = if opens { source.behind(at) } else { at + 1 };
            }
            let last = source.behind(at) - 1;
            Some((place, code[place + 1].text.clone(), code[last].line - code[place].line + 1))
        })
        .collect()
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_brace() {
    let text = "trait T { fn none(&self) -> [u8; 2]; }\nfn one() {}\nfn three()\nwhere u8: Copy {\n}\n";
    let source = Source::parse("src/a.rs", text);
    let measured: Vec<_> = functions(&source).into_iter().map(|(_, name, lines)| (name, lines)).collect();
    assert_eq!(measured, [("one".to_owned(), 1), ("three".to_owned(), 3)]);
}
