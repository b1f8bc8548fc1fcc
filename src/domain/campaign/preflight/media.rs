//! Whether media stand where a campaign says, and are what providers take.

use super::super::CampaignSpec;
use super::super::remark::{Note, Severity};
use crate::domain::content::{MediaKind, StepMedia};
use crate::domain::number::ProviderKind;

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Something.
    Found {
        /// Its type, such as `image/png`, if it is told.
        kind: Option<String>,
        /// How many bytes it has, if that is told.
        bytes: Option<u64>,
    },
    /// Nothing that could be fetched from here. Reads well after "step 1: its image at … ".
    Missing(String),
    /// Nobody looked: a rehearsal asks only this machine.
    NotAsked,
}

const MEGABYTE: u64 = 1024 * 1024;

/// What a provider takes of a kind at most, in megabytes, by its own pages.
fn most(provider: ProviderKind, kind: MediaKind) -> u64 {
    match (provider, kind) {
        (ProviderKind::Meta | ProviderKind::Twilio, MediaKind::Image) => 5,
        (ProviderKind::Meta, MediaKind::Document) => 100,
        (ProviderKind::Ultramsg, MediaKind::Document) => 30,
        _ => 16,
    }
}

/// Whether something of this type may go as this kind. What says nothing of itself may be anything.
fn fits(kind: MediaKind, told: &str) -> bool {
    let told = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let any = matches!(told.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
    any || match kind {
        MediaKind::Image => told.starts_with("image/"),
        MediaKind::Video => told.starts_with("video/"),
        MediaKind::Audio => told.starts_with("audio/") || told == "application/ogg",
        MediaKind::Document => told != "text/html",
    }
}

/// What is wrong with media: each with the step that carries it. `seen`: what stands where; `providers`: those of its pool.
#[must_use]
pub fn media(spec: &CampaignSpec, seen: &[(String, Sight)], providers: &[ProviderKind]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (step, content) in (1_i16..).zip(spec.steps.iter().map(|step| &step.content)) {
        for carried in content.all_media() {
            let sight = seen.iter().find(|(url, _)| url == carried.url.as_str()).map(|(_, sight)| sight);
            if let Some(wrong) = sight.and_then(|sight| wrong(carried, sight, providers)) {
                let (kind, url) = (carried.kind, carried.url.as_str());
                notes.push(Note {
                    step,
                    text: url.to_owned(),
                    ..Note::of_campaign(
                        format!("media-{step}"),
                        Severity::Risk,
                        format!("step {step}: its {kind} at {url} {wrong}"),
                    )
                });
            }
        }
    }
    notes
}

fn wrong(media: &StepMedia, sight: &Sight, providers: &[ProviderKind]) -> Option<String> {
    let (kind, bytes) = match sight {
        Sight::NotAsked => return None,
        Sight::Missing(why) => return Some(why.clone()),
        Sight::Found { kind, bytes } => (kind, bytes),
    };
    if let Some(told) = kind.as_deref().filter(|told| !fits(media.kind, told)) {
        return Some(format!("is of type {told}, which is no {}", media.kind));
    }
    let bytes = (*bytes)?;
    let least = providers.iter().min_by_key(|provider| most(**provider, media.kind))?;
    let limit = most(*least, media.kind);
    (bytes > limit * MEGABYTE).then(|| {
        let tenths = bytes.saturating_mul(10) / MEGABYTE;
        format!(
            "has {}.{} MB: {} takes {} media of at most {limit} MB",
            tenths / 10,
            tenths % 10,
            least.name(),
            media.kind
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::{CampaignFile, Context};

    #[test]
    fn media_are_judged_by_what_stands_there_and_what_the_providers_take() {
        let text =
            "name = \"a\"\n[[steps]]\nmedia = { kind = \"image\", url = \"https://example.com/a.jpg\" }\n";
        let spec = CampaignFile::parse(text, "c.toml", &Context::in_zone(chrono_tz::Tz::UTC))
            .unwrap_or_else(|all| panic!("{all:#?}"));
        let found = |kind: &str, bytes| Sight::Found { kind: Some(kind.to_owned()), bytes };
        let said = |sight: Sight, provider| {
            let seen = [("https://example.com/a.jpg".to_owned(), sight)];
            media(&spec, &seen, &[provider]).pop().map(|note| note.sentence)
        };
        let (meta, gateway) = (ProviderKind::Meta, ProviderKind::Ultramsg);
        let at = "step 1: its image at https://example.com/a.jpg";
        for (sight, provider, expected) in [
            (Sight::NotAsked, meta, None),
            (found("image/jpeg", Some(5 * MEGABYTE)), meta, None),
            (found("IMAGE/JPEG; q=1", None), meta, None),
            (found("application/octet-stream", Some(1)), meta, None),
            (found("image/jpeg", Some(7 * MEGABYTE + MEGABYTE / 2)), gateway, None),
            (
                found("image/jpeg", Some(7 * MEGABYTE + MEGABYTE / 2)),
                meta,
                Some("has 7.5 MB: meta takes image media of at most 5 MB"),
            ),
            (found("text/html", Some(1)), meta, Some("is of type text/html, which is no image")),
            (Sight::Missing("answers 404".to_owned()), meta, Some("answers 404")),
        ] {
            let expected = expected.map(|words| format!("{at} {words}"));
            assert_eq!(said(sight.clone(), provider), expected, "{sight:?}");
        }
    }
}
