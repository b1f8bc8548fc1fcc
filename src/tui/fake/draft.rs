//! What the database says of a campaign that is being typed.

use crate::domain::campaign::CampaignSpec;
use crate::domain::text::Safe;
use crate::store::view::{AudienceCount, FileCheck, FindingRow, Known};
use crate::tui::fake::wall;

/// What is worth knowing of any campaign: a risk, one that was accepted, and a remark.
pub fn findings(rows: u64) -> Vec<FindingRow> {
    if rows == 0 {
        return Vec::new();
    }
    let row = |finding: &str, risk: bool, sentence: &str| FindingRow {
        finding: finding.to_owned(),
        risk,
        sentence: sentence.into(),
        accepted: None,
        about: "1".to_owned(),
    };
    vec![
        row(
            "same-for-all-1-en",
            true,
            "step 1 (en) says the very same to everybody: numbers of unofficial gateways (acme-ultra) are blocked for \
             that; let it say something of the person, such as {{name|friend}}",
        ),
        FindingRow {
            accepted: Some((
                "bea".into(),
                wall() - chrono::TimeDelta::hours(2),
                "they send the second half only".into(),
            )),
            ..row(
                "unable-2-twilio",
                true,
                "step 2: twilio (account acme-twilio) knows no template: its numbers take no part",
            )
        },
        row(
            "alike-2-en",
            false,
            "step 2 (en) says nearly the same as step 1 of campaign easter: who gets both takes it for spam",
        ),
    ]
}

pub fn known_to_files() -> Known {
    Known {
        attributes: vec!["tier".into(), "city".into(), "paid".into()],
        pools: vec!["default".into(), "promo".into()],
        campaigns: vec!["spring-news".into()],
        ..Known::default()
    }
}

/// Why a campaign for so many people is refused where the subscription ends.
pub fn outlives(people: u64) -> &'static str {
    if people > 1_000_000 {
        "campaign summer-sale would be done on 2029-05-02, and the subscription ends on 2026-12-31: raise its limits, take \
         fewer people, or renew first"
    } else {
        "campaign summer-sale would be done on 2027-02-11, and the subscription ends on 2026-12-31: raise its limits, take \
         fewer people, or renew first"
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
        refusal: None,
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
        margin: None,
    }
}
