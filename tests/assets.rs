//! The demo's contacts and campaigns, and the examples, read by the very code that reads an operator's files.

#![cfg(test)]

use chrono::NaiveDate;
use signalbox::domain::campaign::{CampaignFile, CampaignSpec, Context};
use signalbox::domain::locale::Locale;
use signalbox::import::{COPY_COLUMNS, Options, Reader, Rejected};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;

/// Ranges that look real and that nobody has: unassigned prefixes, and the numbers set aside for fiction where a country has
/// them.
const NOBODY: [&str; 8] =
    ["+2376000", "+2347000", "+2250000", "+3363998", "+351900", "+1555", "+52550000", "+55119000"];

fn assets(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets").join(path)
}

/// A row as it goes to the database.
struct Contact(Vec<String>);

impl Contact {
    fn get(&self, column: &str) -> &str {
        &self.0[COPY_COLUMNS.iter().position(|known| *known == column).unwrap()]
    }
}

fn contacts() -> (Vec<Contact>, Vec<Rejected>) {
    let options = Options {
        default_country: None,
        zone: chrono_tz::Africa::Douala,
        today: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        threads: 1,
    };
    let mut reader = Reader::new(File::open(assets("demo/contacts.csv")).unwrap(), &options).unwrap();
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    while let Some(chunk) = reader.next_chunk().unwrap() {
        let text = String::from_utf8(chunk.copy).unwrap();
        rows.extend(text.lines().map(|line| Contact(line.split('\t').map(str::to_owned).collect())));
        rejected.extend(chunk.rejected);
    }
    (rows, rejected)
}

/// A campaign file as it would be checked in the demo's organisation.
fn campaign(path: &str) -> CampaignSpec {
    let context = Context {
        zone: chrono_tz::Africa::Douala,
        attributes: Some(&["customer_tier", "city"]),
        pools: Some(&["default"]),
        campaigns: None,
        private_media: false,
        opt_out_line: false,
        default_texts: &[],
    };
    let bytes = fs::read(assets(path)).unwrap();
    CampaignFile::parse_bytes(&bytes, path, &context).unwrap_or_else(|findings| {
        panic!("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

#[test]
fn the_demo_has_two_thousand_contacts_and_thirty_bad_lines() {
    let (rows, rejected) = contacts();
    let mut first_line: BTreeMap<&str, &str> = BTreeMap::new();
    for row in &rows {
        first_line.entry(row.get("phone")).or_insert_with(|| row.get("line"));
    }
    assert_eq!((first_line.len(), rows.len() - first_line.len(), rejected.len()), (2_000, 12, 18));
    for row in &rows {
        let phone = row.get("phone");
        assert!(NOBODY.iter().any(|range| phone.starts_with(range)), "{phone} may be somebody's");
        assert_eq!(
            (row.get("consent"), row.get("phone_country").len()),
            ("t", 2),
            "line {}",
            row.get("line")
        );
        assert_ne!(row.get("registered_at"), "\\N");
    }
}

#[test]
fn the_bad_lines_show_many_causes() {
    let (_, rejected) = contacts();
    let causes: BTreeSet<String> = rejected.iter().map(|refused| refused.cause.to_string()).collect();
    let all = causes.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    for part in [
        "no country code",
        "is empty",
        "digits",
        "which no phone number does",
        "starts with +0",
        "columns",
        "consent",
        "locale",
        "country",
        "registered_at",
    ] {
        assert!(causes.iter().any(|cause| cause.contains(part)), "no line shows {part:?}:\n{all}");
    }
}

#[test]
fn the_demos_campaigns_speak_to_everybody_in_their_language() {
    let (rows, _) = contacts();
    for file in ["demo/welcome.toml", "demo/premium-offer.toml"] {
        let spec = campaign(file);
        for step in &spec.steps {
            for row in &rows {
                let locale = Locale::parse(row.get("locale")).unwrap();
                let text = step.content.texts.choose(Some(&locale), None).unwrap();
                let spoken = &row.get("locale")[..2];
                assert_eq!(text.locale.to_string(), spoken, "{file}, line {}", row.get("line"));
                assert!(text.text.required().is_empty(), "{file} would skip people without a name");
            }
        }
    }
}

#[test]
fn the_demo_has_a_broadcast_and_a_sequence() {
    let (rows, _) = contacts();
    let (welcome, premium) = (campaign("demo/welcome.toml"), campaign("demo/premium-offer.toml"));
    assert_eq!((welcome.priority.get(), premium.priority.get()), (10, 10), "equal ones share evenly");
    assert_eq!((welcome.steps.len(), premium.steps.len()), (1, 2));
    assert_eq!(welcome.audience, signalbox::domain::audience::Audience::default(), "everybody");
    assert_eq!(premium.steps[1].after.seconds(), 30);
    let tiers = &premium.audience.attributes["customer_tier"];
    let is_premium = |row: &&Contact| {
        tiers.iter().any(|tier| row.get("attributes").contains(&format!("\"customer_tier\":\"{tier}\"")))
    };
    let reached = rows.iter().filter(is_premium).count();
    assert!((300..600).contains(&reached), "{reached} premium customers");
}

#[test]
fn every_example_is_right_and_every_setting_has_one() {
    let mut texts = String::new();
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(assets("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let spec = campaign(&format!("examples/{name}"));
        assert!(names.insert(spec.name.to_string()), "two examples are called {}", spec.name);
        texts += &fs::read_to_string(assets(&format!("examples/{name}"))).unwrap();
    }
    let settings = [
        "name",
        "priority",
        "pool",
        "daily_limit",
        "starts_at",
        "failover",
        "countries",
        "attributes",
        "tags",
        "phones",
        "gender",
        "professions",
        "age",
        "registered",
        "consent",
        "exclude_active",
        "not_contacted_for",
        "limit",
        "standing",
        "after",
        "text",
        "template",
        "media",
    ];
    for setting in settings {
        assert!(
            texts.lines().any(|line| line.starts_with(&format!("{setting} = "))),
            "no example has {setting}"
        );
    }
    for section in ["[audience]", "[[steps]]", "[steps.text]"] {
        assert!(texts.lines().any(|line| line.starts_with(section)), "no example has {section}");
    }
}
