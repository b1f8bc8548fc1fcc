//! Campaign files: judged, counted, made into campaigns and written.

use super::{Inner, ended_badly};
use crate::domain::campaign::file::FILE_LIMIT;
use crate::domain::campaign::remark::{Note, Severity};
use crate::domain::campaign::{CampaignSpec, Finding};
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use crate::store::action::{ActionResult, Actor};
use crate::store::audience::Estimate;
use crate::store::campaign_file::{Checked, NotAccepted, Reader, unheeded};
use crate::store::screen::ReadError;
use crate::store::view::{AudienceCount, CampaignMade, FileCheck, FindingRow, Known};
use crate::tui::backend::Making;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use tokio::sync::{oneshot, watch};

/// What findings call a file that is a form.
const NAME: &str = "campaign.toml";
/// Why an estimate has no answer.
const GIVEN_UP: &str = "nobody wants to know any more";

impl Inner {
    fn reader(&self) -> Reader<'static> {
        let (seat, session) = (self.seat(), self.here.session());
        Reader {
            organization: seat.organization,
            zone: session.zone,
            private_media: self.private_media,
            name: NAME,
        }
    }

    /// From now on no estimate before this one is wanted. Changes when this one is not wanted either.
    pub(super) fn next_estimate(&self) -> watch::Receiver<u64> {
        let mut wanted = self.estimates.subscribe();
        self.estimates.send_modify(|nth| *nth += 1);
        wanted.mark_unchanged();
        wanted
    }

    pub(super) async fn known_to_files(&self) -> Result<Known, ReadError> {
        let reader = self.reader();
        Ok(self.store.known_to_files(reader.organization, reader.private_media).await?)
    }

    pub(super) async fn check_file(
        &self,
        source: &str,
        edited: Option<&str>,
        people: Option<u64>,
    ) -> Result<FileCheck, ReadError> {
        let checked = self.store.check_campaign_file(self.reader(), source.as_bytes(), edited).await?;
        // By the very rule that refuses it when it is made; the people are those that were counted already.
        let refusal = match (&checked, people, edited) {
            (Ok(checked), Some(people), None) => {
                self.store.new_outlives(self.seat().organization, &checked.spec, people).await?
            }
            _ => None,
        };
        let refusal = refusal.map(|sentence| Safe::new(&sentence));
        Ok(match checked {
            Ok(mut checked) => {
                // Open risks first: the form has room for a few.
                checked.notes.sort_by_key(|note| (!note.is_open(), note.accepted.is_some()));
                let notes = checked.notes.iter().map(|note| Safe::new(&note.sentence)).collect();
                FileCheck { findings: Vec::new(), notes, refusal }
            }
            Err(why) => FileCheck { findings: said(why), ..FileCheck::default() },
        })
    }

    /// What is worth knowing of a campaign that exists; open risks first.
    pub(super) async fn findings(&self, campaign: CampaignId) -> Result<Vec<FindingRow>, ReadError> {
        let mut notes = self.store.findings(self.seat().organization, campaign).await?;
        notes.sort_by_key(|note| (!note.is_open(), note.accepted.is_some()));
        let row = |note: Note| FindingRow {
            risk: note.severity == Severity::Risk,
            sentence: Shown::new(&note.sentence),
            accepted: note
                .accepted
                .as_ref()
                .map(|accepted| (Safe::new(&accepted.by), accepted.at, Shown::new(&accepted.reason))),
            about: note.about(),
            finding: note.finding,
        };
        Ok(notes.into_iter().map(row).collect())
    }

    pub(super) async fn estimate(
        &self,
        spec: &CampaignSpec,
        early: oneshot::Sender<AudienceCount>,
        mut wanted: watch::Receiver<u64>,
    ) -> Result<AudienceCount, ReadError> {
        let organization = self.seat().organization;
        // What fails here fails once more below.
        if let Ok(Some(sampled)) = self.store.estimate_about(organization, spec).await {
            let margin = u64::try_from(sampled.margin).unwrap_or(0);
            let _ = early.send(AudienceCount { margin: Some(margin), ..shown(&sampled.about) });
        }
        if wanted.has_changed().unwrap_or(true) {
            return Err(ReadError::Refused(GIVEN_UP.into()));
        }
        let terms = self.store.terms_of_spec(organization, spec).await?;
        let given_up = async move {
            // The sender is part of the backend that waits here.
            let _ = wanted.changed().await;
        };
        let counted = self.store.estimate_unless(organization, &terms, given_up).await?;
        let counted = counted.ok_or_else(|| ReadError::Refused(GIVEN_UP.into()))?;
        Ok(shown(&counted))
    }

    pub(super) async fn make_campaign(
        &self,
        source: &str,
        like: Option<CampaignId>,
    ) -> Result<Making, ReadError> {
        let (session, seat) = (self.here.writer().map_err(ReadError::Refused)?, self.seat());
        let checked = match self.store.check_campaign_file(self.reader(), source.as_bytes(), None).await? {
            Ok(checked) => checked,
            Err(why) => return Ok(Making::Wrong(said(why))),
        };
        let single = match like {
            Some(like) => self.store.only_number(seat.organization, like).await?,
            None => None,
        };
        let checked = Checked { only: single.as_ref().map(|(number, _)| *number), ..checked };
        let actor = Actor { operator: &session.operator, instance: seat.instance };
        Ok(match self.store.make_campaign(seat.organization, &checked, actor).await? {
            Ok(made) => Making::Made(CampaignMade {
                name: Safe::new(checked.spec.name.as_str()),
                planned: made.planned,
                queued: u64::try_from(made.queued).unwrap_or(0),
                skipped: u64::try_from(made.skipped).unwrap_or(0),
                starts_by_itself: checked.spec.starts_at.is_some() || checked.spec.run_after.is_some(),
                through: match single {
                    Some((_, phone)) => Some(self.through(made.id, &phone).await?),
                    None => None,
                },
            }),
            // It would outlive the subscription.
            Err(sentence) => Making::Wrong(vec![("starts_at".into(), Safe::new(&sentence))]),
        })
    }

    /// Through which numbers a campaign goes that is like one that goes through a single one.
    async fn through(&self, made: CampaignId, phone: &str) -> Result<Safe, ReadError> {
        let keeps = self.store.only_number(self.seat().organization, made).await?.is_some();
        Ok(Safe::from(if keeps {
            format!("{phone} alone sends for it")
        } else {
            format!("any of its pool sends for it: {phone} is not in it")
        }))
    }

    pub(super) async fn change_campaign(
        &self,
        campaign: CampaignId,
        name: &str,
        source: &str,
    ) -> Result<Making, ReadError> {
        let (session, seat) = (self.here.writer().map_err(ReadError::Refused)?, self.seat());
        let checked = self.store.check_campaign_file(self.reader(), source.as_bytes(), Some(name)).await?;
        let checked = match checked {
            Ok(checked) => checked,
            Err(why) => return Ok(Making::Wrong(said(why))),
        };
        let known = self.store.campaigns(seat.organization, Some(name)).await?;
        let known = known.into_iter().find(|known| known.id == campaign);
        let known = known.ok_or(ReadError::Gone("campaign"))?;
        let actor = Actor { operator: &session.operator, instance: seat.instance };
        let (store, spec) = (&self.store, &checked.spec);
        let result = store
            .edit_steps(seat.organization, campaign, spec, &checked.source, Some("edited in the form"), actor)
            .await?;
        let sentence = match result {
            ActionResult::Done { .. } | ActionResult::AlreadySo { .. } => {
                let unheeded = unheeded(&known, spec).into_iter().map(Safe::from).collect();
                return Ok(Making::Changed(Safe::new(name), unheeded));
            }
            ActionResult::Changed { to, by, .. } => format!("{by} was first: it is now {to}"),
            ActionResult::Refused(sentence) | ActionResult::Missing(sentence) => sentence.into_string(),
        };
        Ok(Making::Wrong(vec![("steps".into(), Safe::new(&sentence))]))
    }

    /// The file that a campaign was made of, in its own words.
    pub(super) async fn campaign_file(&self, campaign: CampaignId) -> Result<String, ReadError> {
        let source = self.store.campaign_source(self.seat().organization, campaign).await?;
        if source.trim().is_empty() {
            return Err(ReadError::Refused("this campaign was not made of a file".into()));
        }
        Ok(source)
    }

    pub(super) async fn read_file(&self, name: String) -> Result<String, ReadError> {
        let read = tokio::task::spawn_blocking(move || read_campaign_file(&name)).await;
        match read {
            Ok(Ok(source)) => Ok(source),
            Ok(Err(sentence)) => Err(ReadError::Refused(Safe::new(&sentence))),
            Err(ended) => Err(ReadError::Refused(ended_badly(&ended))),
        }
    }

    pub(super) async fn write_file(&self, name: String, source: String) -> Result<Safe, ReadError> {
        let written = tokio::task::spawn_blocking(move || write_new(&name, source.as_bytes())).await;
        match written {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(sentence)) => Err(ReadError::Refused(Safe::new(&sentence))),
            Err(ended) => Err(ReadError::Refused(ended_badly(&ended))),
        }
    }
}

/// What a console shows of it.
fn shown(counted: &Estimate) -> AudienceCount {
    let many = |count: i64| u64::try_from(count).unwrap_or(0);
    let named = |counts: &BTreeMap<String, i64>| {
        counts.iter().map(|(reason, people)| (Safe::new(&reason.replace('_', " ")), many(*people))).collect()
    };
    AudienceCount {
        contacts: many(counted.contacts),
        planned: many(counted.planned),
        queued: many(counted.queued),
        skipped: named(&counted.skipped),
        over_limit: many(counted.over_limit),
        not_in_audience: named(&counted.not_in_audience),
        margin: None,
    }
}

/// Reads a campaign file; else says why not.
fn read_campaign_file(name: &str) -> Result<String, String> {
    let bytes = read_at_most(name, FILE_LIMIT + 1)?;
    if bytes.len() > FILE_LIMIT {
        return Err(format!("{name} is larger than {} MiB", FILE_LIMIT / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8: save it as UTF-8"))
}

/// The first bytes of a file. What is none, a pipe for one, may keep whoever reads it for ever.
pub(super) fn read_at_most(name: &str, most: usize) -> Result<Vec<u8>, String> {
    let why = |error: std::io::Error| format!("{name} was not read: {error}");
    if !std::fs::metadata(name).map_err(why)?.is_file() {
        return Err(format!("{name} was not read: it is no file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(name).map_err(why)?;
    file.take(most as u64).read_to_end(&mut bytes).map_err(why)?;
    Ok(bytes)
}

/// Writes a file that does not exist yet; else says why not.
pub(super) fn write_new(name: &str, source: &[u8]) -> Result<Safe, String> {
    let path = Path::new(name);
    let why = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{name} exists already: give it another name"),
        _ => format!("{name} was not written: {error}"),
    };
    let mut file = std::fs::File::create_new(path).map_err(why)?;
    file.write_all(source).and_then(|()| file.sync_all()).map_err(why)?;
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Ok(Safe::new(&place.display().to_string()))
}

fn said(why: NotAccepted) -> Vec<(Safe, Safe)> {
    let finding = |finding: &Finding| (Safe::new(&finding.key), Safe::new(&finding.sentence));
    match why {
        NotAccepted::Findings(findings) => findings.iter().map(finding).collect(),
        // The one rule that a file alone can break is about its name.
        NotAccepted::Rule(sentence) => vec![("name".into(), Safe::new(&sentence))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a.toml").display().to_string();
        assert!(write_new(&name, b"one").unwrap().ends_with("a.toml"));
        let why = write_new(&name, b"two").unwrap_err();
        assert!(why.contains("exists already: give it another name"), "{why}");
        assert_eq!(std::fs::read_to_string(&name).unwrap(), "one");
        assert_eq!(read_campaign_file(&name).unwrap(), "one");
        std::fs::write(&name, [0xff, 0xfe]).unwrap();
        assert!(read_campaign_file(&name).unwrap_err().contains("is not UTF-8"));
        let nowhere = folder.path().join("none/a.toml").display().to_string();
        assert!(write_new(&nowhere, b"x").unwrap_err().contains("was not written"));
        assert!(read_campaign_file(&nowhere).unwrap_err().contains("was not read"));
    }
}
