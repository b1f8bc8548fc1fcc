//! Rust sources as tokens: comments and texts cannot be mistaken for code, and code in tests is told from the rest.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// A sign; `::` is one token, all others are one character each.
    Sign,
    /// The inside of a string literal.
    Text,
    /// A comment, with its slashes.
    Comment,
    /// A number, a character or a lifetime.
    Other,
}

/// A piece of a source.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// How it is written.
    pub text: String,
    /// Where it begins, from 1.
    pub line: usize,
}

/// One file.
pub struct Source {
    /// From the crate's root, `src/sender/plan.rs`.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// The code, without comments.
    pub code: Vec<Token>,
    /// The comments.
    pub comments: Vec<Token>,
    /// Which parts of the code are compiled for tests only.
    tests: Vec<Range<usize>>,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        Self::parse(name, &text)
    }

    /// Reads a file's text.
    pub fn parse(path: &str, text: &str) -> Self {
        let (comments, code): (Vec<Token>, Vec<Token>) =
            Lexer { rest: text, line: 1 }.partition(|token| token.kind == Kind::Comment);
        let mut tests = test_parts(&code);
        let sibling = path.ends_with("/tests.rs") || path.ends_with("_tests.rs");
        if path.starts_with("tests/") || sibling || path.contains("/tests/") {
            let whole = 0..code.len();
            tests = vec![whole];
        }
        Self { path: path.to_owned(), lines: text.lines().count(), code, comments, tests }
    }

    /// Whether a token of the code is compiled for tests only.
    pub fn is_test(&self, place: usize) -> bool {
        self.tests.iter().any(|part| part.contains(&place))
    }

    /// Places at which these tokens follow each other.
    pub fn find<'s>(&'s self, pattern: &'s [&str]) -> impl Iterator<Item = usize> + 's {
        (0..self.code.len()).filter(move |place| self.stands_at(*place, pattern))
    }

    /// Whether these tokens follow each other at this place. Texts are no code.
    pub fn stands_at(&self, place: usize, pattern: &[&str]) -> bool {
        pattern.iter().enumerate().all(|(offset, wanted)| {
            self.code
                .get(place + offset)
                .is_some_and(|token| token.kind != Kind::Text && token.text == *wanted)
        })
    }

    /// `path:line` of a token of the code.
    pub fn at(&self, place: usize) -> String {
        format!("{}:{}", self.path, self.code[place].line)
    }

    /// The token behind the bracket that closes the one at `open`.
    pub fn behind(&self, open: usize) -> usize {
        behind(&self.code, open)
    }

    /// The part of the house that it belongs to: `sender` for `src/sender/plan.rs`, `config` for `src/config.rs`.
    pub fn layer(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs"))
    }
}

/// All Rust sources under these folders, by path. A file that is declared as a test module is test code as a whole.
pub fn all(root: &Path, folders: &[&str]) -> Vec<Source> {
    let mut sources: Vec<Source> = folders
        .iter()
        .flat_map(|folder| files(&root.join(folder)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source::read(root, &path))
        .collect();
    let declared: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let of_test = |module: &String| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        };
        if declared.iter().any(of_test) {
            let whole = 0..source.code.len();
            source.tests = vec![whole];
        }
    }
    sources
}

/// All files under a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Modules that are declared in test code, as paths without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = source.path.strip_suffix("/mod.rs").or_else(|| source.path.strip_suffix("/lib.rs"));
    let folder = folder.or_else(|| source.path.strip_suffix(".rs")).unwrap_or_default();
    source
        .find(&["mod"])
        .filter(|place| source.is_test(*place) && source.stands_at(place + 2, &[";"]))
        .map(|place| format!("{folder}/{}", source.code[place + 1].text))
        .collect()
}

/// The items that stand behind a `#[cfg(test)]`, also in company (`cfg(any(test, …))`), but not `cfg(not(test))`.
fn test_parts(code: &[Token]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut place = 0;
    while place + 2 < code.len() {
        let attribute =
            code[place].text == "#" && code[place + 1].text == "[" && code[place + 2].text == "cfg";
        let end = if attribute { behind(code, place + 1) } else { place + 1 };
        let says = |word: &str| attribute && code[place..end].iter().any(|token| token.text == word);
        if says("test") && !says("not") {
            let item = end_of_item(code, end);
            parts.push(place..item);
            place = item;
        } else {
            place = end;
        }
    }
    parts
}

/// Behind the `;` or the closing brace of the item that begins here.
fn end_of_item(code: &[Token], begin: usize) -> usize {
    let mut place = begin;
    while place < code.len() {
        match (code[place].kind, code[place].text.as_str()) {
            (Kind::Sign, ";") => return place + 1,
            (Kind::Sign, "{") => return behind(code, place),
            (Kind::Sign, "(" | "[") => place = behind(code, place),
            _ => place += 1,
        }
    }
    place
}

fn behind(code: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in code.iter().enumerate().skip(open) {
        if token.kind == Kind::Sign {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 {
            return place + 1;
        }
    }
    code.len()
}

struct Lexer<'s> {
    rest: &'s str,
    line: usize,
}

impl Lexer<'_> {
    /// Takes so many bytes of the rest.
    fn take(&mut self, kind: Kind, length: usize) -> Token {
        let (text, behind) = self.rest.split_at(length);
        let token = Token { kind, text: text.to_owned(), line: self.line };
        self.line += text.matches('\n').count();
        self.rest = behind;
        token
    }

    /// A string that begins here, with its prefix: what is between the quotes.
    fn string(&mut self) -> Option<Token> {
        let prefix = self.rest.find(|c: char| !matches!(c, 'b' | 'r' | 'c'))?;
        let raw = self.rest[..prefix].contains('r');
        let hashes = self.rest[prefix..].find(|c| c != '#')?;
        let begin = prefix + hashes + 1;
        if prefix > 2 || (hashes > 0 && !raw) || !self.rest[prefix + hashes..].starts_with('"') {
            return None;
        }
        let inside = &self.rest[begin..];
        let length = if raw {
            inside.find(&format!("\"{}", "#".repeat(hashes)))?
        } else {
            let mut escaped = false;
            inside.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })?
        };
        self.take(Kind::Other, begin);
        let text = self.take(Kind::Text, length);
        self.take(Kind::Other, 1 + hashes);
        Some(text)
    }

    /// A character or a lifetime, which begin alike.
    fn character(&mut self) -> Token {
        let mut characters = self.rest.char_indices().skip(1);
        let first = characters.next();
        let second = characters.next();
        let length = match (first, second) {
            (Some((_, '\\')), Some((escaped, _))) => {
                let behind = escaped + 1;
                self.rest[behind..].find('\'').map_or(self.rest.len(), |end| behind + end + 1)
            }
            (Some(_), Some((end, '\''))) => end + 1,
            _ => 1 + word(&self.rest[1..]),
        };
        self.take(Kind::Other, length)
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let space = self.rest.len() - self.rest.trim_start().len();
        self.take(Kind::Other, space);
        let first = self.rest.chars().next()?;
        if self.rest.starts_with("//") {
            return Some(self.take(Kind::Comment, self.rest.find('\n').unwrap_or(self.rest.len())));
        }
        if self.rest.starts_with("/*") {
            return Some(self.take(Kind::Comment, block_comment(self.rest)));
        }
        if let Some(text) = self.string() {
            return Some(text);
        }
        Some(match first {
            '\'' => self.character(),
            _ if first == '_' || first.is_alphabetic() => self.take(Kind::Word, word(self.rest)),
            '0'..='9' => self.take(Kind::Other, word(self.rest)),
            _ if self.rest.starts_with("::") => self.take(Kind::Sign, 2),
            _ => self.take(Kind::Sign, first.len_utf8()),
        })
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len())
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut place = 0;
    while place < text.len() {
        let (step, change): (usize, isize) = match &text[place..] {
            rest if rest.starts_with("/*") => (2, 1),
            rest if rest.starts_with("*/") => (2, -1),
            rest => (rest.chars().next().map_or(1, char::len_utf8), 0),
        };
        depth = depth.saturating_add_signed(change);
        place += step;
        if depth == 0 {
            break;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = r##"
// Utc::now() in a comment
/* and /* nested */ Utc::now() */
fn a<'a>(b: &'a str) -> char { let c = "Utc::now()\" "; let d = r#"Utc"::now"#; let e = b'"'; '\u{1f}' }
fn f() { Utc::now() }
"##;
        let source = Source::parse("src/a.rs", text);
        let found: Vec<_> = source.find(&["Utc", "::", "now"]).map(|place| source.at(place)).collect();
        assert_eq!(found, ["src/a.rs:5"]);
        assert_eq!(source.comments.len(), 2);
        let texts: Vec<_> = source
            .code
            .iter()
            .filter(|token| token.kind == Kind::Text)
            .map(|token| token.text.as_str())
            .collect();
        assert_eq!(texts, [r#"Utc::now()\" "#, r#"Utc"::now"#]);
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let text = "fn a() {}\n#[cfg(test)]\nmod t { fn b() {} }\n#[cfg(not(test))]\nfn c() {}\n#[cfg(test)]\nmod far;\nfn d() {}";
        let source = Source::parse("src/x/y.rs", text);
        let of_test: Vec<_> = source
            .find(&["fn"])
            .map(|place| (source.code[place + 1].text.as_str(), source.is_test(place)))
            .collect();
        assert_eq!(of_test, [("a", false), ("b", true), ("c", false), ("d", false)]);
        assert_eq!(test_modules(&source), ["src/x/y/far"]);
    }
}
