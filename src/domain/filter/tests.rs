use super::*;
use chrono::TimeZone as _;

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, Scope::Recipients)
}

fn conditions(text: &str) -> Vec<(bool, Condition)> {
    parse(text).unwrap().terms.into_iter().map(|term| (term.negated, term.condition)).collect()
}

#[test]
fn the_example_of_the_screens_is_understood() {
    assert_eq!(
        conditions("status:failed error:131049 try>=3 -name:test_"),
        vec![
            (false, Condition::Status(vec!["failed"])),
            (false, Condition::Text(Field::Error, vec![Pattern::Exact("131049".into())])),
            (false, Condition::Tries(Bounds { from: Some(3), to: None })),
            (true, Condition::Text(Field::Name, vec![Pattern::Prefix("test_".into())])),
        ]
    );
}

#[test]
fn every_form_has_its_meaning() {
    assert_eq!(conditions(""), vec![]);
    assert_eq!(conditions("state!=read"), vec![(true, Condition::Status(vec!["read"]))]);
    assert_eq!(
        conditions("status:in-doubt,failed"),
        vec![(false, Condition::Status(vec!["in_doubt", "failed"]))]
    );
    assert_eq!(
        conditions("try:2..4"),
        vec![(false, Condition::Tries(Bounds { from: Some(2), to: Some(4) }))]
    );
    assert_eq!(conditions("try>2"), vec![(false, Condition::Tries(Bounds { from: Some(3), to: None }))]);
    assert_eq!(
        conditions("since:02:00"),
        vec![(
            false,
            Condition::Updated(Bounds {
                from: Some(When::Today(chrono::NaiveTime::from_hms_opt(2, 0, 0).unwrap())),
                to: None
            })
        )]
    );
    assert_eq!(conditions("+2376"), vec![(false, Condition::Word(Pattern::Prefix("+2376".into())))]);
    assert_eq!(
        conditions("name:\"Ana María\""),
        vec![(false, Condition::Text(Field::Name, vec![Pattern::Exact("ana maría".into())]))]
    );
    assert_eq!(conditions("\"a:b\""), vec![(false, Condition::Word(Pattern::Exact("a:b".into())))]);
    assert_eq!(
        conditions("number:support*"),
        vec![(false, Condition::Text(Field::Number, vec![Pattern::Prefix("support".into())]))]
    );
    assert_eq!(conditions("-"), vec![(false, Condition::Word(Pattern::Prefix("-".into())))]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |text: &str| parse(text).unwrap_err();
    assert_eq!(error("ana colour:red").at, 4);
    assert!(
        error("colour:red").to_string().starts_with("no field \"colour\" here; there is status error try")
    );
    assert!(error("status:sent").to_string().starts_with("no state \"sent\" here; there is queued"));
    assert_eq!(error("try>=x").problem, Problem::NotANumber("x".into()));
    assert_eq!(error("try:9..2").problem, Problem::Backwards);
    assert_eq!(error("updated>yesterday").problem, Problem::NotATime("yesterday".into()));
    assert_eq!(error("name>=b").problem, Problem::NotComparable(Field::Name));
    assert_eq!(error("error:").problem, Problem::NoValue(Field::Error));
    assert_eq!(error("a \"b c"), FilterError { at: 2, problem: Problem::OpenQuote });
    assert_eq!(error(&"a".repeat(501)).problem, Problem::TooLong);
    assert!(Filter::parse("try:1", Scope::Campaigns).is_err(), "campaigns have no tries");
}

#[test]
fn rows_at_hand_are_filtered_by_the_same_value() {
    let now = Utc.with_ymd_and_hms(2026, 5, 4, 13, 0, 0).unwrap();
    let zone = chrono_tz::Africa::Douala;
    let facts = Facts {
        status: "failed",
        error: "131049",
        tries: 3,
        phone: "+237600000001",
        name: "Ana María",
        number: "support-a",
        campaign: "spring-news",
        updated: Some(now - chrono::Duration::minutes(5)),
        country: "CM",
    };
    for (text, fits) in [
        ("", true),
        ("status:failed", true),
        ("status:read,failed", true),
        ("-status:failed", false),
        ("ana", true),
        ("mar", true),
        ("237600", true),
        ("+237 ", true),
        ("600000", false),
        ("error:1310*", true),
        ("error:1310", false),
        ("try>3", false),
        ("try<4", true),
        ("try<0", false),
        ("updated>10m", true),
        ("since:13:50", true),
        ("since:13:58", false),
        ("country:cm,ng", true),
        ("number:support-a campaign:spring*", true),
    ] {
        assert_eq!(parse(text).unwrap().matches(&facts, now, zone), fits, "{text}");
    }
}

#[test]
fn a_time_of_day_is_the_last_one_that_was() {
    let now = Utc.with_ymd_and_hms(2026, 5, 4, 1, 0, 0).unwrap();
    let zone = chrono_tz::Africa::Douala;
    let at = |text: &str| When::read(text).unwrap().at(now, zone);
    assert_eq!(at("01:30"), Utc.with_ymd_and_hms(2026, 5, 4, 0, 30, 0).unwrap());
    assert_eq!(at("23:00"), Utc.with_ymd_and_hms(2026, 5, 3, 22, 0, 0).unwrap());
    assert_eq!(at("2h"), Utc.with_ymd_and_hms(2026, 5, 3, 23, 0, 0).unwrap());
    assert_eq!(at("2026-05-01"), Utc.with_ymd_and_hms(2026, 4, 30, 23, 0, 0).unwrap());
    assert_eq!(When::read("9999999h"), None);
    assert_eq!(When::read("-3h"), None);
}

#[test]
fn a_skipped_hour_means_the_change_itself() {
    let zone = chrono_tz::Europe::Berlin;
    let now = Utc.with_ymd_and_hms(2026, 3, 30, 0, 0, 0).unwrap();
    let at = When::read("2026-03-29T02:30").unwrap().at(now, zone);
    assert_eq!(at, Utc.with_ymd_and_hms(2026, 3, 29, 1, 0, 0).unwrap());
}

#[test]
fn no_text_makes_it_fall() {
    let mut seed: u64 = 11;
    let alphabet: Vec<char> = "statusrytnme:><=!.-\"*, 0123é\u{202e}".chars().collect();
    for _ in 0..20_000 {
        let text: String = (0..14)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                alphabet[usize::try_from(seed >> 40).unwrap() % alphabet.len()]
            })
            .collect();
        for scope in [Scope::Numbers, Scope::Campaigns, Scope::Recipients, Scope::Live] {
            if let Err(error) = Filter::parse(&text, scope) {
                assert!(error.at <= text.chars().count(), "{text}");
            }
        }
    }
}
