//! Odd inputs made out of good ones: a seed gives the same inputs every time.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Numbers that look random and follow from a seed (splitmix64).
pub struct Chance(u64);

impl Chance {
    /// The numbers of one case of a run: every case can be had alone.
    pub fn of(seed: u64, case: u64) -> Self {
        Self(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`, which is at least one.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Between none and a handful of changes, of the text or of what it means.
pub fn mutate(chance: &mut Chance, good: &str, other: &str) -> Vec<u8> {
    let mut bytes = good.as_bytes().to_vec();
    for _ in 0..chance.below(5) {
        bytes = match chance.below(12) {
            0 => flip(chance, bytes),
            1 => bytes[..chance.below(bytes.len() + 1)].to_vec(),
            2 => insert(chance, bytes),
            3 => repeat(chance, bytes),
            4 => splice(chance, bytes, other.as_bytes()),
            5 => digits(chance, bytes),
            6 => double_key(chance, bytes),
            7 => form(chance, bytes),
            _ => change_meaning(chance, bytes),
        };
    }
    bytes
}

fn flip(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << chance.below(8);
        }
    }
    bytes
}

/// Pieces that are no UTF-8, that move a terminal, that end strings, or that are very long.
fn insert(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    let long = vec![b'9'; 1 + chance.below(70_000)];
    let pieces: [&[u8]; 14] = [
        b"\xff",
        b"\xc3\x28",
        b"\xf0\x9f\x98",
        b"\0",
        b"\x1b[2J",
        b"\\u0000",
        b"\\ud800",
        b"\\u202e",
        b"\"",
        b"}",
        b"[",
        b"%zz&=&",
        "\u{202e}\u{1f600}\u{301}".as_bytes(),
        &long,
    ];
    let piece = *chance.pick(&pieces);
    let at = chance.below(bytes.len() + 1);
    bytes.splice(at..at, piece.iter().copied());
    bytes
}

fn repeat(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    let from = chance.below(bytes.len() + 1);
    let to = from + chance.below(bytes.len() - from + 1);
    let part = bytes[from..to].to_vec();
    for _ in 0..chance.below(4) {
        bytes.splice(to..to, part.iter().copied());
    }
    bytes
}

fn splice(chance: &mut Chance, bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let (head, tail) = (chance.below(bytes.len() + 1), chance.below(other.len() + 1));
    [&bytes[..head], &other[tail..]].concat()
}

/// A run of digits becomes a number that nothing can hold.
fn digits(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|at| {
            bytes[*at].is_ascii_digit() && !at.checked_sub(1).is_some_and(|at| bytes[at].is_ascii_digit())
        })
        .collect();
    if starts.is_empty() {
        return bytes;
    }
    let start = *chance.pick(&starts);
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let many = "9".repeat(400);
    let numbers =
        ["1e999", "-1", "0.5", "18446744073709551616", "-9223372036854775809", "4294967296", "-0", &many];
    bytes.splice(start..start + length, chance.pick(&numbers).bytes());
    bytes
}

/// A key stands there twice, the first time with something else.
fn double_key(chance: &mut Chance, bytes: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(bytes.clone()) else { return bytes };
    let keys: Vec<(usize, usize)> =
        text.match_indices("\":").filter_map(|(end, _)| Some((text[..end].rfind('"')?, end))).collect();
    if keys.is_empty() {
        return bytes;
    }
    let (start, end) = *chance.pick(&keys);
    let key = &text[start..end];
    format!("{}{key}\":{},{}", &text[..start], odd(chance), &text[start..]).into_bytes()
}

/// A parameter twice, without its sign, or with a name from elsewhere.
fn form(chance: &mut Chance, bytes: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(bytes.clone()) else { return bytes };
    let mut pairs: Vec<String> = text.split('&').map(str::to_owned).collect();
    let at = chance.below(pairs.len());
    match chance.below(4) {
        0 => pairs.push(pairs[at].clone()),
        1 => pairs[at] = pairs[at].replace('=', ""),
        2 => _ = pairs.remove(at),
        _ => {
            let other = chance.below(pairs.len());
            pairs.swap(at, other);
        }
    }
    pairs.join("&").into_bytes()
}

/// A value of another type, none, or a monster, somewhere in a document.
fn change_meaning(chance: &mut Chance, bytes: Vec<u8>) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    let mut nodes = 0;
    count(&document, &mut nodes);
    let mut at = chance.below(nodes);
    let (value, removes) = (odd(chance), chance.below(4) == 0);
    change(&mut document, &mut at, &mut Some(value), removes);
    document.to_string().into_bytes()
}

fn odd(chance: &mut Chance) -> Value {
    let deep = |depth: usize| {
        (0..depth).fold(
            json!(7),
            |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) },
        )
    };
    match chance.below(22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(1e308),
        7 => json!(""),
        8 => json!("true"),
        9 => json!("\u{0}"),
        10 => json!("\u{1b}]0;x\u{7}\u{202e}"),
        11 => json!("x".repeat(1 + chance.below(5_000))),
        12 => json!("e\u{301}\u{301}".repeat(400)),
        13 => json!([]),
        14 => json!({}),
        15 => json!([null, {}, [], "x", 1]),
        // Times at both ends of what a clock, a database or a program can hold.
        16 => json!(*chance.pick(&[
            i64::MAX,
            8_210_266_876_799,
            -8_334_601_228_800,
            253_402_300_800,
            -62_135_596_801,
            -1,
            0
        ])),
        17 => json!(chance.pick(&["8210266876799", "-8334601228800", "9224318015999", "-210866803201"])),
        18 => deep(60),
        19 => deep(120),
        20 => json!((0..chance.below(500)).collect::<Vec<_>>()),
        _ => {
            let many: Map<String, Value> =
                (0..chance.below(300)).map(|key| (format!("k{key}"), json!(key))).collect();
            Value::Object(many)
        }
    }
}

fn count(value: &Value, nodes: &mut usize) {
    *nodes += 1;
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, nodes)),
        Value::Object(fields) => fields.values().for_each(|field| count(field, nodes)),
        _ => {}
    }
}

/// Puts `with` in the place of the node that is `at` nodes away, or takes it out of its parent.
fn change(value: &mut Value, at: &mut usize, with: &mut Option<Value>, removes: bool) {
    if with.is_none() {
        return;
    }
    if *at == 0 {
        *value = with.take().unwrap_or_default();
        return;
    }
    *at -= 1;
    match value {
        Value::Array(items) => {
            if removes && *at == 0 && !items.is_empty() {
                with.take();
                items.remove(0);
                return;
            }
            items.iter_mut().for_each(|item| change(item, at, with, removes));
        }
        Value::Object(fields) => {
            if removes
                && *at == 0
                && let Some(first) = fields.keys().next().cloned()
            {
                with.take();
                fields.remove(&first);
                return;
            }
            fields.values_mut().for_each(|field| change(field, at, with, removes));
        }
        _ => {}
    }
}

/// The beginning of an input, for a report of a failure.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.iter().take(3_000) {
        for escaped in std::ascii::escape_default(*byte) {
            text.push(char::from(escaped));
        }
    }
    if bytes.len() > 3_000 {
        let _ = write!(text, " … {} bytes", bytes.len());
    }
    text
}
