//! What the database says of a campaign that is being typed.

use crate::domain::campaign::CampaignSpec;
use crate::domain::text::Safe;
use crate::store::view::{AudienceCount, FileCheck, Known};

pub fn known_to_files() -> Known {
    Known {
        attributes: vec!["tier".into(), "city".into(), "paid".into()],
        pools: vec!["default".into(), "promo".into()],
        campaigns: vec!["spring-news".into()],
        ..Known::default()
    }
}

/// A file of this name is taken, unless it is that campaign's; any other is right, with a word about its text.
pub fn file_check(source: &str, edited: Option<&Safe>) -> FileCheck {
    let taken = edited.is_none() && source.contains("name = \"spring-news\"");
    let sentence = "there is a campaign \"spring-news\" already";
    FileCheck {
        findings: if taken { vec![("name".into(), sentence.into())] } else { Vec::new() },
        notes: if taken || source.contains("{{") {
            Vec::new()
        } else {
            vec!["step 1 (en) says the very same to everybody".into()]
        },
    }
}

/// Half of the people for each country that is asked for, all without one.
pub fn audience_count(spec: &CampaignSpec) -> AudienceCount {
    let queued = if spec.audience.countries.is_empty() { 1_204_020 } else { 310_077 };
    AudienceCount {
        contacts: 2_400_000,
        planned: queued + 41_300,
        queued,
        skipped: vec![("opted out".into(), 38_200), ("missing variable: city".into(), 3_100)],
        over_limit: 0,
        not_in_audience: vec![("other country".into(), 2_400_000 - queued - 41_300)],
    }
}
