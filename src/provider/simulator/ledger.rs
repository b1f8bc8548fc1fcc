//! Every message that a simulated provider accepted, kept small: a million of them must fit beside a sender.

use super::wording::{Said, SaidMedia, SaidTemplate};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

use crate::domain::number::ProviderKind;

/// One accepted message, as `/_sim/ledger` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Which provider's dialect it came in.
    pub provider: ProviderKind,
    /// The sending number's phone; its id at the provider where the script declares no phone for it.
    pub from: String,
    /// The recipient, `+` and digits.
    pub to: String,
    /// The text; of a template its own, or its name and values; of media its caption, else its address.
    pub body: String,
    /// `text`, `template`, `image`, `video`, `document` or `audio`.
    pub kind: &'static str,
    /// The template, if it was one.
    pub template: Option<SaidTemplate>,
    /// The media, if there was any.
    pub media: Option<SaidMedia>,
    /// The sender's own reference; empty where the dialect carries none.
    pub reference: String,
    /// The id that the provider gave it.
    pub id: String,
    /// When, UTC, RFC 3339 with microseconds.
    pub at: String,
}

/// One accepted message in 48 bytes.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which sender, as an index into the world's numbers.
    pub number: u32,
    /// Which text.
    body: u32,
    /// The recipient's digits: E.164 has at most 15, so they fit.
    pub to: u64,
    reference: Reference,
    /// Microseconds since 1970.
    at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reference {
    None,
    /// What signalbox sends: an attempt id.
    Uuid([u8; 16]),
    Other(Arc<str>),
}

impl Reference {
    fn read(text: &str) -> Self {
        match Uuid::try_parse(text) {
            _ if text.is_empty() => Self::None,
            // Only the usual form, or another spelling would come back changed.
            Ok(uuid) if *uuid.hyphenated().encode_lower(&mut [0; 36]) == *text => {
                Self::Uuid(uuid.into_bytes())
            }
            _ => Self::Other(text.into()),
        }
    }
}

/// What messages said, each kept once.
#[derive(Debug)]
struct Wording {
    body: Arc<str>,
    /// What it was, if it was more than a text.
    said: Option<Said>,
}

/// The list itself.
#[derive(Debug)]
pub struct Ledger {
    entries: Vec<Entry>,
    texts: Vec<Wording>,
    text_numbers: HashMap<Arc<str>, u32>,
    /// The id of the first entry. Ids go on after a reset and do not begin anew in the next program, since a provider
    /// never gives an id twice.
    first_id: u64,
}

impl Ledger {
    /// An empty one, whose ids begin at the present time in microseconds: larger than any that an earlier program gave.
    pub fn new() -> Self {
        Self { entries: Vec::new(), texts: Vec::new(), text_numbers: HashMap::new(), first_id: now_micros() }
    }

    /// Records a message and gives its id.
    pub fn push(&mut self, number: u32, to: u64, body: &str, said: Option<&Said>, reference: &str) -> u64 {
        let body = match said {
            None => self.wording(body, body, None),
            // A text cannot begin like this: no provider takes it.
            Some(said) => {
                let key = format!("\0{}\0{body}", serde_json::to_string(said).unwrap_or_default());
                self.wording(&key, body, Some(said))
            }
        };
        let reference = Reference::read(reference);
        self.entries.push(Entry { number, body, to, reference, at: now_micros() });
        self.next_id() - 1
    }

    fn wording(&mut self, key: &str, body: &str, said: Option<&Said>) -> u32 {
        if let Some(number) = self.text_numbers.get(key) {
            return *number;
        }
        let shared: Arc<str> = key.into();
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let body = if key == body { Arc::clone(&shared) } else { body.into() };
        self.texts.push(Wording { body, said: said.cloned() });
        self.text_numbers.insert(shared, number);
        number
    }

    /// The id that the next message will get.
    pub fn next_id(&self) -> u64 {
        self.first_id + self.entries.len() as u64
    }

    /// How many were accepted.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries from `start` on, with their ids.
    pub fn since(&self, start: usize) -> impl Iterator<Item = (u64, &Entry)> {
        let start = start.min(self.entries.len());
        (self.first_id + start as u64..).zip(&self.entries[start..])
    }

    /// The entries with this reference, newest first, with their ids.
    pub fn referring(&self, reference: &str) -> impl Iterator<Item = (u64, &Entry)> {
        let reference = Reference::read(reference);
        self.newest().filter(move |(_, entry)| entry.reference == reference)
    }

    /// The entries, newest first, with their ids.
    pub fn newest(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (self.first_id..self.next_id()).rev().zip(self.entries.iter().rev())
    }

    /// An entry by its id.
    pub fn get(&self, id: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.checked_sub(self.first_id)?).ok()?)
    }

    /// The text of an entry.
    pub fn body(&self, entry: &Entry) -> &str {
        self.texts.get(entry.body as usize).map_or("", |wording| &wording.body)
    }

    /// What an entry was, if it was more than a text.
    pub fn said(&self, entry: &Entry) -> Option<&Said> {
        self.texts.get(entry.body as usize)?.said.as_ref()
    }

    /// The positions of all entries whose recipient and text, or whose reference, came more than once.
    pub fn duplicates(&self) -> Vec<usize> {
        let mut messages: HashMap<(u64, u32), u32> = HashMap::with_capacity(self.entries.len());
        let mut references: HashMap<&Reference, u32> = HashMap::with_capacity(self.entries.len());
        for entry in &self.entries {
            *messages.entry((entry.to, entry.body)).or_default() += 1;
            if entry.reference != Reference::None {
                *references.entry(&entry.reference).or_default() += 1;
            }
        }
        let repeated = |entry: &Entry| {
            messages.get(&(entry.to, entry.body)).is_some_and(|count| *count > 1)
                || references.get(&entry.reference).is_some_and(|count| *count > 1)
        };
        (0..self.entries.len()).filter(|at| repeated(&self.entries[*at])).collect()
    }

    /// Forgets everything but which ids were given.
    pub fn clear(&mut self) {
        self.first_id = self.next_id();
        self.entries = Vec::new();
        self.texts = Vec::new();
        self.text_numbers = HashMap::new();
    }
}

impl Entry {
    /// The recipient, `+` and digits.
    pub fn recipient(&self) -> String {
        format!("+{}", self.to)
    }

    /// The sender's reference; empty: none.
    pub fn reference(&self) -> String {
        match &self.reference {
            Reference::None => String::new(),
            Reference::Uuid(bytes) => Uuid::from_bytes(*bytes).to_string(),
            Reference::Other(text) => text.to_string(),
        }
    }

    /// When it was accepted.
    pub fn at(&self) -> chrono::DateTime<chrono::Utc> {
        let micros = i64::try_from(self.at).unwrap_or(i64::MAX);
        chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }
}

/// Microseconds since 1970.
pub fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_messages_and_references_are_found() {
        let mut ledger = Ledger::new();
        let one = Uuid::now_v7().to_string();
        let two = Uuid::now_v7().to_string();
        ledger.push(0, 237_600_000_001, "hello", None, &one);
        ledger.push(0, 237_600_000_002, "hello", None, &two);
        ledger.push(1, 237_600_000_003, "hello", None, "");
        ledger.push(1, 237_600_000_004, "hello", None, "");
        assert_eq!(ledger.duplicates(), Vec::<usize>::new(), "no reference is not a shared one");
        ledger.push(2, 237_600_000_003, "hello", None, "");
        assert_eq!(ledger.duplicates(), [2, 4], "same person and text");
        ledger.push(2, 237_600_000_009, "bye", None, &one);
        assert_eq!(ledger.duplicates(), [0, 2, 4, 5], "same reference");
    }

    #[test]
    fn an_id_is_never_given_twice() {
        let mut ledger = Ledger::new();
        let first = ledger.push(0, 1, "a", None, "ref-1");
        ledger.clear();
        let second = ledger.push(0, 1, "a", None, "ref-1");
        assert_eq!(second, first + 1);
        assert!(ledger.get(first).is_none());
        assert_eq!(ledger.get(second).map(Entry::reference), Some("ref-1".to_owned()));
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
    }
}
