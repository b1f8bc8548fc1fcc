use super::*;

fn phone(raw: &str) -> Phone {
    Phone::parse(raw).unwrap_or_else(|error| panic!("{raw} {error}"))
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn audience(change: impl FnOnce(&mut Audience)) -> Audience {
    let mut audience = Audience::default();
    change(&mut audience);
    audience
}

fn countries(codes: &[&str]) -> Vec<Country> {
    codes.iter().map(|code| code.parse().unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Half past midnight in Douala, on a day that London has not begun.
fn asked() -> Asked {
    Asked { at: at("2026-03-01T23:30:00Z"), zone: chrono_tz::Africa::Douala }
}

/// A nurse from Cameroon, 26 years old tomorrow in London and today in Douala, registered on the first of May there;
/// tier premium, tag vip, phone …001.
fn answer(audience: &Audience, change: impl FnOnce(&mut ContactFacts<'_>)) -> Result<(), String> {
    let attributes = BTreeMap::from([("customer_tier".to_owned(), "premium".to_owned())]);
    let mut facts = ContactFacts {
        phone: &phone("+237600000001"),
        country: Some("CM"),
        gender: Some("female"),
        profession: Some("nurse"),
        birth_date: Some(date("2000-03-02")),
        registered_at: Some(at("2024-04-30T23:30:00Z")),
        attributes: &attributes,
        tags: &strings(&["vip"]),
        is_suppressed: false,
        opted_out: false,
        consent: None,
        missing: None,
        is_active_elsewhere: false,
        last_sent_at: None,
    };
    change(&mut facts);
    audience.matches(&facts, asked()).map_err(|exclusion| exclusion.to_string())
}

#[test]
fn each_condition_lets_in_and_keeps_out() {
    let tier = |values: &[&str]| BTreeMap::from([("customer_tier".to_owned(), strings(values))]);
    let table: Vec<(&str, Audience, Result<(), &str>)> = vec![
        ("everybody", Audience::default(), Ok(())),
        ("country", audience(|a| a.countries = countries(&["NG", "CM"])), Ok(())),
        (
            "another country",
            audience(|a| a.countries = countries(&["NG", "TD", "GA"])),
            Err("country is CM, not NG, TD or GA"),
        ),
        ("attribute", audience(|a| a.attributes = tier(&["basic", "premium"])), Ok(())),
        (
            "another value",
            audience(|a| a.attributes = tier(&["basic"])),
            Err("customer_tier is premium, not basic"),
        ),
        (
            "case counts",
            audience(|a| a.attributes = tier(&["Premium"])),
            Err("customer_tier is premium, not Premium"),
        ),
        (
            "an attribute that it lacks",
            audience(|a| a.attributes = BTreeMap::from([("city".to_owned(), strings(&["Douala"]))])),
            Err("has no city"),
        ),
        ("one tag of several is enough", audience(|a| a.tags = strings(&["paid", "vip"])), Ok(())),
        ("no tag", audience(|a| a.tags = strings(&["paid", "new"])), Err("has no tag paid or new")),
        ("hand-picked", audience(|a| a.phones = vec![phone("+237 600 000 001")]), Ok(())),
        (
            "not hand-picked",
            audience(|a| a.phones = vec![phone("+237600000002")]),
            Err("is not one of the hand-picked phones"),
        ),
        ("gender", audience(|a| a.gender = Some(Gender::Female)), Ok(())),
        ("another gender", audience(|a| a.gender = Some(Gender::Other)), Err("gender is female, not other")),
        ("profession", audience(|a| a.professions = strings(&["midwife", "nurse"])), Ok(())),
        (
            "another profession",
            audience(|a| a.professions = strings(&["Nurse"])),
            Err("profession is nurse, not Nurse"),
        ),
        ("of age from the birthday on", audience(|a| a.age = Some(ages(Some(26), Some(26)))), Ok(())),
        ("too young", audience(|a| a.age = Some(ages(Some(27), None))), Err("age is 26, not 27 or more")),
        ("too old", audience(|a| a.age = Some(ages(None, Some(25)))), Err("age is 26, not 25 or less")),
        (
            "registered on a date of the organisation's zone",
            audience(|a| a.registered = Some(dates(Some("2024-05-01"), Some("2024-05-01")))),
            Ok(()),
        ),
        (
            "registered too late",
            audience(|a| a.registered = Some(dates(None, Some("2024-04-30")))),
            Err("registration is 2024-05-01, not 2024-04-30 or earlier"),
        ),
        (
            "registered too early",
            audience(|a| a.registered = Some(dates(Some("2024-05-02"), Some("2024-06-01")))),
            Err("registration is 2024-05-01, not 2024-05-02 to 2024-06-01"),
        ),
        (
            "all conditions hold",
            audience(|a| {
                a.countries = countries(&["CM"]);
                a.tags = strings(&["vip"]);
                a.attributes = tier(&["premium"]);
                a.phones = vec![phone("+237600000001")];
            }),
            Ok(()),
        ),
        (
            "one of them does not",
            audience(|a| {
                a.countries = countries(&["CM"]);
                a.tags = strings(&["paid"]);
            }),
            Err("has no tag paid"),
        ),
    ];
    for (case, audience, expected) in table {
        assert_eq!(answer(&audience, |_| ()), expected.map_err(str::to_owned), "{case}");
        let out = answer(&audience, |facts| facts.opted_out = true);
        let expected = expected.and(Err("asked not to be written to"));
        assert_eq!(out, expected.map_err(str::to_owned), "{case}: who is not in the audience is not in it");
    }
}

fn ages(min: Option<u8>, max: Option<u8>) -> AgeRange {
    AgeRange { min, max }
}

fn dates(from: Option<&str>, to: Option<&str>) -> DateRange {
    DateRange { from: from.map(date), to: to.map(date) }
}

#[test]
fn what_is_not_known_meets_no_condition() {
    let table: Vec<(Audience, &str)> = vec![
        (audience(|a| a.countries = countries(&["CM"])), "country is not known, so it is not CM"),
        (audience(|a| a.gender = Some(Gender::Other)), "gender is not known, so it is not other"),
        (audience(|a| a.professions = strings(&["nurse"])), "profession is not known, so it is not nurse"),
        (audience(|a| a.age = Some(ages(Some(0), None))), "age is not known, so it is not 0 or more"),
        (
            audience(|a| a.registered = Some(dates(Some("1900-01-01"), None))),
            "registration is not known, so it is not 1900-01-01 or later",
        ),
    ];
    let nothing = BTreeMap::new();
    for (audience, expected) in table {
        let excluded = answer(&audience, |facts| {
            (facts.country, facts.gender, facts.profession) = (None, None, None);
            (facts.birth_date, facts.registered_at) = (None, None);
        });
        assert_eq!(excluded, Err(expected.to_owned()));
    }
    let everybody = Audience::default();
    assert_eq!(answer(&everybody, |_facts| ()), Ok(()));
    let bare = ContactFacts {
        phone: &phone("+237600000001"),
        country: None,
        gender: None,
        profession: None,
        birth_date: None,
        registered_at: None,
        attributes: &nothing,
        tags: &[],
        is_suppressed: false,
        opted_out: false,
        consent: None,
        missing: None,
        is_active_elsewhere: false,
        last_sent_at: None,
    };
    assert_eq!(everybody.matches(&bare, asked()), Ok(()));
}

#[test]
fn who_is_in_the_audience_is_left_out_for_the_first_reason() {
    let strict = audience(|a| {
        a.consent = Some(ConsentRule::OptedIn);
        a.exclude_active = true;
        a.not_contacted_for = Delay::parse("72h").ok();
    });
    let lately = Some(at("2026-02-26T23:30:01Z"));
    // All of them at once, and then one less each time.
    let all = |facts: &mut ContactFacts<'_>| {
        facts.opted_out = true;
        facts.missing = Some("name");
        facts.is_active_elsewhere = true;
        facts.last_sent_at = lately;
    };
    let expected = [
        "asked not to be written to",
        "has no consent on record",
        "has no value for {{name}} and the text names no fallback",
        "still waits for a message of another campaign",
        "a campaign sent to this person at 2026-02-26T23:30:01Z, within the last 3d",
    ];
    for (gone, expected) in expected.iter().enumerate() {
        let excluded = answer(&strict, |facts| {
            all(facts);
            facts.opted_out &= gone < 1;
            facts.consent = (gone >= 2).then_some(true);
            facts.missing = facts.missing.filter(|_| gone < 3);
            facts.is_active_elsewhere &= gone < 4;
        });
        assert_eq!(excluded, Err((*expected).to_owned()), "{gone} reasons are gone");
    }
    let long_ago = answer(&strict, |facts| {
        (facts.consent, facts.last_sent_at) = (Some(true), Some(at("2026-02-26T23:30:00Z")));
    });
    assert_eq!(long_ago, Ok(()));
    let plain = Audience::default();
    let active = answer(&plain, |facts| (facts.is_active_elsewhere, facts.last_sent_at) = (true, lately));
    assert_eq!(active, Ok(()), "nobody asked");
    let refused = answer(&plain, |facts| facts.consent = Some(false));
    assert_eq!(refused, Err("did not agree to be written to".to_owned()));
}

#[test]
fn an_audience_is_stored_and_read_back() -> Result<(), serde_json::Error> {
    let stored = audience(|a| {
        a.countries = countries(&["CM"]);
        a.phones = vec![phone("+237600000001")];
        a.gender = Some(Gender::Female);
        a.age = Some(ages(Some(18), None));
        a.registered = Some(dates(None, Some("2024-05-01")));
        a.consent = Some(ConsentRule::OptedIn);
        a.exclude_active = true;
        a.not_contacted_for = Delay::parse("72h").ok();
        a.limit = Some(500);
    });
    let json = serde_json::to_string(&stored)?;
    assert_eq!(serde_json::from_str::<Audience>(&json)?, stored);
    assert!(json.contains("+237600000001"), "a stored phone is whole");
    assert!(serde_json::from_str::<Audience>("{\"colour\":\"red\"}").is_err(), "nothing is ignored");
    Ok(())
}

#[test]
fn an_exclusion_is_stored_under_its_code() -> Result<(), serde_json::Error> {
    for exclusion in [
        Exclusion::OptedOut,
        Exclusion::Suppressed,
        Exclusion::NotHandPicked,
        Exclusion::OtherCountry { country: None, wanted: vec![] },
        Exclusion::LacksTag { wanted: vec![] },
        Exclusion::LacksAttribute { attribute: "a".into() },
        Exclusion::AttributeDiffers { attribute: "a".into(), value: "b".into(), wanted: vec![] },
        Exclusion::OtherGender { gender: None, wanted: Gender::Other },
        Exclusion::OtherProfession { profession: None, wanted: vec![] },
        Exclusion::OtherAge { age: None, wanted: AgeRange { min: None, max: None } },
        Exclusion::OtherRegistration { registered: None, wanted: DateRange { from: None, to: None } },
        Exclusion::NoConsent { refused: true },
        Exclusion::MissingVariable { variable: "a".into() },
        Exclusion::ActiveElsewhere,
        Exclusion::ContactedLately { at: asked().at, wanted: Delay::default() },
        Exclusion::OverLimit,
    ] {
        assert_eq!(serde_json::to_value(&exclusion)?["code"], exclusion.code());
    }
    Ok(())
}
