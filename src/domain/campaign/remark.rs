//! What is worth knowing of a campaign that can be sent: to be fixed, or accepted one by one.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// How much a note weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may cost numbers or people: it is to be fixed or accepted, and told until then.
    Risk,
    /// It is only to be known.
    Remark,
}

/// Who left a note as it is, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// In their words.
    pub reason: String,
}

/// Something worth knowing of a campaign that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is known by: `same-for-all-1-en`. Unique among the notes of a campaign.
    pub finding: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Which step, from 1; 0: the campaign as a whole.
    pub step: i16,
    /// At which provider; empty: whichever sends it.
    pub provider: &'static str,
    /// The accounts of the pool that it concerns.
    pub accounts: Vec<String>,
    /// Whether their numbers take no part in the campaign.
    pub unable: bool,
    /// In a sentence.
    pub sentence: String,
    /// Who accepted it as it is.
    pub accepted: Option<Acceptance>,
    /// The text that it is about, if it is about one.
    #[serde(skip)]
    pub text: String,
}

impl Note {
    /// One about the campaign as a whole, whatever its steps say.
    #[must_use]
    pub fn of_campaign(finding: String, severity: Severity, sentence: String) -> Self {
        Self {
            finding,
            severity,
            step: 0,
            provider: "",
            accounts: Vec::new(),
            unable: false,
            sentence,
            accepted: None,
            text: String::new(),
        }
    }

    /// What it is about: an acceptance holds as long as this stays the same.
    #[must_use]
    pub fn about(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.sentence, self.text));
        digest.iter().take(16).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Whether it is a risk that nobody fixed or accepted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.severity == Severity::Risk && self.accepted.is_none()
    }
}

/// Tells notes apart that would be known by the same: the second is `...-2`.
pub fn tell_apart(notes: &mut [Note]) {
    let most = notes.len() + 1;
    for at in 1..notes.len() {
        let (before, rest) = notes.split_at_mut(at);
        let Some(note) = rest.first_mut() else { continue };
        let taken = |name: &str| before.iter().any(|other| other.finding == name);
        if taken(&note.finding) {
            let free = (2..=most).map(|nth| format!("{}-{nth}", note.finding)).find(|name| !taken(name));
            note.finding = free.unwrap_or_default();
        }
    }
}

/// What of these notes is neither fixed nor accepted, as a sentence; `None`: nothing.
#[must_use]
pub fn still_open(name: &str, notes: &[Note]) -> Option<String> {
    let open: Vec<&str> =
        notes.iter().filter(|note| note.is_open()).map(|note| note.finding.as_str()).collect();
    let count = match open.len() {
        0 => return None,
        1 => "a finding is".to_owned(),
        many => format!("{many} findings are"),
    };
    Some(format!(
        "{count} neither fixed nor accepted: {}; signalbox campaign check {name} shows them, --accept FINDING --why TEXT \
         accepts one, in the console A",
        open.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(finding: &str, severity: Severity, sentence: &str, text: &str) -> Note {
        Note {
            finding: finding.to_owned(),
            severity,
            step: 1,
            provider: "",
            accounts: Vec::new(),
            unable: false,
            sentence: sentence.to_owned(),
            accepted: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_a_note_is_about_changes_with_its_sentence_and_its_text() {
        let first = note("a", Severity::Risk, "step 1 says the same", "Hello");
        assert_eq!(first.about(), note("b", Severity::Remark, "step 1 says the same", "Hello").about());
        assert_ne!(first.about(), note("a", Severity::Risk, "step 1 says the same", "Hello!").about());
        assert_ne!(first.about(), note("a", Severity::Risk, "step 2 says the same", "Hello").about());
    }

    #[test]
    fn notes_are_told_apart_and_only_risks_are_told_until_they_are_accepted() {
        let mut notes: Vec<Note> = (0..3).map(|_| note("same", Severity::Risk, "x", "")).collect();
        notes.push(note("remark", Severity::Remark, "y", ""));
        tell_apart(&mut notes);
        let names: Vec<&str> = notes.iter().map(|note| note.finding.as_str()).collect();
        assert_eq!(names, ["same", "same-2", "same-3", "remark"]);
        let told = still_open("sale", &notes).unwrap_or_default();
        assert!(
            told.starts_with("3 findings are neither fixed nor accepted: same, same-2, same-3;"),
            "{told}"
        );
        for note in &mut notes {
            let reason = "known".to_owned();
            note.accepted = Some(Acceptance { by: "ana".to_owned(), at: DateTime::UNIX_EPOCH, reason });
        }
        assert_eq!(still_open("sale", &notes), None);
    }
}
