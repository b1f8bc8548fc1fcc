use crate::domain::{
    audience::{AgeRange, Audience, ConsentRule, DateRange, Gender},
    campaign::{CampaignFile, CampaignSpec, Context, Delay, Standing},
};

/// A file whose first lines are these.
fn read(lines: &str) -> Result<CampaignSpec, Vec<String>> {
    let text = format!("name = \"a\"\n{lines}\n[[steps]]\ntext = {{ en = \"Hi\" }}\n");
    let findings = CampaignFile::parse(&text, "c.toml", &Context::in_zone(chrono_tz::Africa::Douala));
    findings.map_err(|findings| findings.iter().map(ToString::to_string).collect())
}

fn audience(lines: &str) -> Audience {
    read(&format!("[audience]\n{lines}")).unwrap_or_else(|findings| panic!("{findings:#?}")).audience
}

#[test]
fn every_condition_is_read() {
    let read = audience(
        "gender = \"female\"\nprofessions = [\"nurse\"]\nage = { min = 18, max = 65 }\n\
         registered = { from = \"2024-01-01\", to = 2025-01-01 }\nconsent = \"opted_in\"\n\
         exclude_active = true\nnot_contacted_for = \"72h\"\nlimit = 500",
    );
    let expected = Audience {
        gender: Some(Gender::Female),
        professions: vec!["nurse".to_owned()],
        age: Some(AgeRange { min: Some(18), max: Some(65) }),
        registered: Some(DateRange { from: "2024-01-01".parse().ok(), to: "2025-01-01".parse().ok() }),
        consent: Some(ConsentRule::OptedIn),
        exclude_active: true,
        not_contacted_for: Delay::parse("3d").ok(),
        limit: Some(500),
        ..Audience::default()
    };
    assert_eq!(read, expected);
    assert_eq!(audience("age = { min = 0 }").age, Some(AgeRange { min: Some(0), max: None }));
    assert!(audience("exclude_active = false").is_everybody());
}

#[test]
fn what_is_wrong_with_a_condition_is_said_with_its_place() {
    let registered = "write registered = { from = \"2024-01-01\", to = \"2025-01-01\" }, both days included";
    let table = [
        (
            "gender = \"F\"",
            "c.toml:3:10: audience.gender is \"F\": write gender = \"female\", \"male\" or \"other\", or take the line out for all".to_owned(),
        ),
        (
            "professions = []",
            "c.toml:3:15: audience.professions is an empty list: write professions = [\"nurse\"], or take the line out".to_owned(),
        ),
        (
            "age = 18",
            "c.toml:3:7: audience.age is a whole number: write age = { min = 18, max = 65 }, one of them or both".to_owned(),
        ),
        (
            "age = {}",
            "c.toml:3:7: audience.age says nothing: write age = { min = 18, max = 65 }, one of them or both".to_owned(),
        ),
        ("age = { min = 151 }", "c.toml:3:15: audience.age.min is 151: an age is 0 to 150 years".to_owned()),
        (
            "age = { min = 65, max = 18 }",
            "c.toml:3:7: audience.age: nobody is at least 65 and at most 18".to_owned(),
        ),
        (
            "age = { mn = 18 }",
            "c.toml:3:9: unknown key audience.age.mn: did you mean min?".to_owned(),
        ),
        (
            "registered = { from = \"2024-02-30\" }",
            format!(
                "c.toml:3:23: audience.registered.from \"2024-02-30\" is not a date: {registered}, as the calendar in Africa/Douala has them"
            ),
        ),
        (
            "registered = { from = 2024-01-01T00:00:00 }",
            format!(
                "c.toml:3:23: audience.registered.from \"2024-01-01T00:00:00\" is not a date: {registered}, as the calendar in Africa/Douala has them"
            ),
        ),
        (
            "registered = { from = \"2025-01-01\", to = \"2024-01-01\" }",
            "c.toml:3:14: audience.registered: 2025-01-01 comes after 2024-01-01".to_owned(),
        ),
        (
            "consent = true",
            "c.toml:3:11: audience.consent is true or false: write consent = \"opted_in\" for people whose consent is on record, or take the line out".to_owned(),
        ),
        (
            "exclude_active = \"yes\"",
            "c.toml:3:18: audience.exclude_active is a string: write exclude_active = true".to_owned(),
        ),
        (
            "not_contacted_for = \"72\"",
            "c.toml:3:21: audience.not_contacted_for \"72\" has no unit: write \"72h\" for hours, or d, m or s for days, minutes or seconds".to_owned(),
        ),
        (
            "not_contacted_for = \"0h\"",
            "c.toml:3:21: audience.not_contacted_for is no time at all: write not_contacted_for = \"72h\", the time since a campaign last sent to somebody".to_owned(),
        ),
        (
            "limit = 0",
            "c.toml:3:9: audience.limit is 0: a limit is at least 1; leave the line out for none".to_owned(),
        ),
    ];
    for (line, sentence) in table {
        assert_eq!(read(&format!("[audience]\n{line}")).err(), Some(vec![sentence]), "{line}");
    }
}

#[test]
fn a_standing_campaign_says_how_it_goes_on() {
    let standing = |lines: &str| read(lines).map(|spec| spec.standing);
    assert_eq!(standing(""), Ok(None));
    assert_eq!(standing("standing = {}"), Ok(Some(Standing::default())));
    let (after, every) = (Delay::parse("10m").ok(), Delay::parse("30m").ok());
    let wanted = after.zip(every).map(|(after, every)| Standing { after, every });
    assert_eq!(standing("standing = { after = \"10m\", every = \"30m\" }"), Ok(wanted));
    let table = [
        (
            "standing = true",
            "c.toml:2:12: standing is true or false: write standing = { after = \"1h\", every = \"1h\" }",
        ),
        ("standing = { every = \"5s\" }", "c.toml:2:22: standing.every is 5s: look at most once a minute"),
        ("standing = { afer = \"1h\" }", "c.toml:2:14: unknown key standing.afer: did you mean after?"),
        (
            "standing = {}\n[audience]\nlimit = 5",
            "c.toml:4:9: audience.limit does not go with standing: it goes on enrolling; use daily_limit",
        ),
    ];
    for (lines, sentence) in table {
        assert_eq!(standing(lines), Err(vec![sentence.to_owned()]), "{lines}");
    }
}
