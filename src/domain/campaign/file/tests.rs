mod content;

use super::*;
use crate::domain::campaign::Missed;

const DOUALA: Tz = chrono_tz::Africa::Douala;

const WHOLE: &str = r#"
name = "summer-sale"
priority = 10                      # lower goes first; equal ones share evenly
pool = "default"
daily_limit = 250                  # only tightens
starts_at = "2026-12-01T09:00"     # organisation's zone
failover = "pool"

[audience]
countries = ["CM", "NG"]
attributes = { customer_tier = ["premium"] }
tags = ["vip"]
phones = ["+237600000001"]

[[steps]]
after = "0h"
text = { en = "Hello {{name|friend}}", fr = "Bonjour {{name|ami}}" }

[[steps]]
after = "1d12h"
[steps.text]
fr-CM = """
Toujours là,
{{name}}?"""
"#;

/// A file that is right but for the lines put first.
fn with(lines: &str) -> String {
    let name = if lines.starts_with("name =") { "" } else { "name = \"a\"\n" };
    let steps = if lines.contains("[steps]") || lines.contains("steps =") {
        ""
    } else {
        "[[steps]]\ntext = { en = \"Hi\" }\n"
    };
    format!("{name}{lines}\n{steps}")
}

fn parse(text: &str) -> Result<CampaignSpec, Vec<Finding>> {
    CampaignFile::parse(text, "c.toml", &Context::in_zone(DOUALA))
}

fn spec(text: &str) -> CampaignSpec {
    parse(text).unwrap_or_else(|findings| panic!("{text}: {findings:#?}"))
}

/// All findings of a file, one a line.
fn report(text: &str, zone: Tz) -> String {
    match CampaignFile::parse(text, "c.toml", &Context::in_zone(zone)) {
        Ok(spec) => format!("accepted: {spec:?}"),
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without saying why: {text}");
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The sentences alone.
fn sentences(text: &str) -> Vec<String> {
    parse(text).err().unwrap_or_default().into_iter().map(|finding| finding.sentence).collect()
}

#[test]
fn a_whole_file_becomes_a_spec_that_can_be_stored() -> Result<(), serde_json::Error> {
    let read = spec(WHOLE);
    assert_eq!(read.name.as_str(), "summer-sale");
    assert_eq!((read.priority.get(), read.pool.as_str(), read.failover), (10, "default", Failover::Pool));
    assert_eq!(read.daily_limit.map(DailyLimit::get), Some(250));
    assert_eq!(read.starts_at.map(|at| at.to_rfc3339()), Some("2026-12-01T08:00:00+00:00".to_owned()));
    assert_eq!(
        read.audience.countries.iter().map(|country| country.code()).collect::<Vec<_>>(),
        ["CM", "NG"]
    );
    assert_eq!(read.audience.attributes["customer_tier"], ["premium"]);
    assert_eq!((read.audience.tags.len(), read.audience.phones[0].reveal()), (1, "+237600000001"));
    assert_eq!(read.steps.iter().map(|step| step.after.seconds()).collect::<Vec<_>>(), [0, 129_600]);
    let languages = |step: usize| -> Vec<&str> {
        read.steps[step].content.texts.0.iter().map(|text| text.locale.as_str()).collect()
    };
    assert_eq!((languages(0), languages(1)), (vec!["en", "fr"], vec!["fr-CM"]));
    assert_eq!(read.steps[1].content.texts.0[0].text.source(), "Toujours là,\n{{name}}?");
    let stored = serde_json::to_string(&read)?;
    assert_eq!(serde_json::from_str::<CampaignSpec>(&stored)?, read);
    Ok(())
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let read = spec("name = \"a\"\n[[steps]]\ntext = { en = \"Hi\" }\n");
    assert_eq!((read.priority, read.pool.as_str()), (Priority::default(), "default"));
    assert_eq!((read.daily_limit, read.starts_at, read.failover), (None, None, Failover::Pool));
    assert!(read.audience.is_everybody());
    assert_eq!(read.steps[0].after.seconds(), 0);
    assert!(
        parse("\u{feff}name = \"a\"\r\n[[steps]]\r\ntext = { en = \"Hi\" }\r\n").is_ok(),
        "BOM and CR LF"
    );
}

#[test]
fn the_languages_keep_the_order_of_the_file() {
    let read = spec(&with("[[steps]]\ntext = { fr = \"Salut\", en = \"Hi\", de = \"Hallo\" }"));
    let languages: Vec<_> = read.steps[0].content.texts.0.iter().map(|text| text.locale.as_str()).collect();
    assert_eq!(languages, ["fr", "en", "de"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let text = r#"
name = "summer sale"
priority = -5
dayly_limit = 250
daily_limit = -1
run_after = "other"
starts_at = "tomorrow"
failover = "label"

[audience]
countries = ["CM", "Nigeria", "UK"]
gender = "femal"
phones = ["+237600000001", "0600", "+237 600 000 001"]

[[steps]]
after = "2"
text = { en = "Hello {{name", french = "Bonjour", fr = "Bonjour {{}} {{campaign_number}}" }

[[steps]]
text = { en = "" }
template = { name = "x" }
"#;
    let expected = r#"c.toml:2:8: name holds ' ': use only the letters a to z, digits, "-", "_" and "."
c.toml:3:12: priority is -5: a priority is a number from 0 to 9999, lower goes first
c.toml:4:1: unknown key dayly_limit: did you mean daily_limit?
c.toml:5:15: daily_limit is -1: a daily limit is a number from 1 to 2147483647; leave the line out for no limit
c.toml:7:13: starts_at "tomorrow" is not a time: write starts_at = "2026-12-01T09:00", in the organisation's zone Africa/Douala
c.toml:11:20: audience.countries[1] "Nigeria" is not a country code: write two letters (ISO 3166), such as "CM"
c.toml:11:31: audience.countries[2] "UK" is no country's code (ISO 3166): the United Kingdom is "GB"
c.toml:12:10: audience.gender is "femal": write gender = "female", "male" or "other", or take the line out for all
c.toml:13:28: audience.phones[1] "0600" has no country code: write it as +237600000001 or name a default country
c.toml:13:36: audience.phones[2] "+237 600 000 001" is the same phone as audience.phones[0]: take one out
c.toml:16:9: steps[0].after "2" has no unit: write "2h" for hours, or d, m or s for days, minutes or seconds
c.toml:17:22: steps[0].text.en: "{{" is never closed: end the variable with "}}"
c.toml:17:31: steps[0].text.french: "french" is not a language tag: write it as "en", "fr-CM" or "zh-Hant-TW"
c.toml:17:65: steps[0].text.fr: "{{}}" names no variable: write one, such as {{name|friend}}
c.toml:19:1: steps[1].after is missing: write after = "1d", the time since the previous step
c.toml:20:15: steps[1].text.en: the text is empty: write what is to be sent
c.toml:21:1: steps[1].template.language is missing: write language = "en", as the provider lists it"#;
    assert_eq!(report(text, DOUALA), expected);
}

#[test]
fn when_it_may_send_is_read_or_refused_with_its_place() {
    let read = spec(&with(
        "run_after = \"other\"\nmissed = \"next_window\"\nexpires_after = \"6h\"\nuntil = \"2026-12-01T20:00\"\n\
         window = { from = \"09:00\", to = \"20:00\", days = [\"mon\", \"sat\"], zone = \"recipient\" }",
    ));
    assert_eq!(
        read.window.map(|window| window.to_string()).as_deref(),
        Some("09:00-20:00 mon,sat recipient")
    );
    assert_eq!(read.run_after.as_ref().map(CampaignName::as_str), Some("other"));
    assert_eq!((read.missed, read.expires_after.map(Delay::seconds)), (Missed::NextWindow, Some(21_600)));
    assert_eq!(read.until.map(|until| until.to_rfc3339()).as_deref(), Some("2026-12-01T19:00:00+00:00"));
    let table = [
        ("window = {}", "window.from is missing"),
        ("window = { from = \"9\", to = \"20:00\" }", "window.from \"9\" is no time of day"),
        ("window = { from = \"09:00\", to = \"09:00\" }", "window begins and ends at 09:00"),
        (
            "window = { from = \"09:00\", to = \"20:00\", days = [\"noday\"] }",
            "window.days[0] \"noday\" is no day",
        ),
        ("window = { from = \"09:00\", to = \"20:00\", days = [\"mon\", \"mon\"] }", "stands there twice"),
        ("window = { from = \"09:00\", to = \"20:00\", zone = \"Mars\" }", "window.zone is \"Mars\""),
        ("window = { form = \"09:00\", to = \"20:00\" }", "did you mean from?"),
        ("missed = \"never\"", "missed is \"never\": write send, next_window or ask"),
        ("expires_after = \"0h\"", "nothing would ever be sent"),
        ("run_after = \"a\"", "run_after is the campaign itself"),
    ];
    for (lines, why) in table {
        let found = sentences(&with(lines));
        assert!(found.iter().any(|sentence| sentence.contains(why)), "{lines}: {found:?}");
    }
    let context = Context { campaigns: Some(&["spring-sale"]), ..Context::in_zone(DOUALA) };
    let text = with("run_after = \"spring-sal\"");
    let findings = CampaignFile::parse(&text, "c.toml", &context).unwrap_err();
    assert!(findings[0].sentence.contains("did you mean \"spring-sale\"?"), "{findings:?}");
    assert_eq!(spec(&with("failover = \"label\"")).failover, Failover::Label);
}

#[test]
fn an_unknown_key_is_refused_with_the_likely_one() {
    let table = [
        ("priorty = 1", "unknown key priorty: did you mean priority?"),
        ("dailyLimit = 1", "unknown key dailyLimit: did you mean daily_limit?"),
        ("runafter = \"x\"", "unknown key runafter: did you mean run_after?"),
        (
            "colour = 1",
            "unknown key colour: known here are name, priority, weight, pool, daily_limit, starts_at, run_after, missed, window, expires_after, until, failover, audience, standing, steps, slots, exit, opt_out_line, stop_when, rollout",
        ),
        ("[audience]\ncountry = [\"CM\"]", "unknown key audience.country: did you mean countries?"),
        (
            "[audience]\n\"a b\" = 1",
            "unknown key audience.a b: known here are countries, gender, professions, age, registered, attributes, tags, phones, consent, exclude_active, not_contacted_for, limit",
        ),
        ("[[steps]]\ntexts = { en = \"Hi\" }", "unknown key steps[0].texts: did you mean text?"),
    ];
    for (lines, sentence) in table {
        assert_eq!(sentences(&with(lines)), [sentence], "{lines}");
    }
    assert_eq!(
        sentences("name = \"a\"\n[[step]]\ntext = { en = \"Hi\" }"),
        ["unknown key step: did you mean steps?"],
        "it is not missing too"
    );
}

#[test]
fn each_wrong_value_says_what_to_write() {
    let table = [
        ("name = 5", "name is a whole number: write name = \"summer-sale\""),
        (
            "name = \"\"",
            "name is empty: give the campaign a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\"",
        ),
        ("priority = \"high\"", "priority is a string: write priority = 10"),
        ("priority = 1.5", "priority is a number with a fraction: write priority = 10"),
        ("priority = 40_000", "priority is 40000: a priority is a number from 0 to 9999, lower goes first"),
        (
            "priority = 99999999999999999999",
            "priority is a number that is far too large: write priority = 10",
        ),
        (
            "daily_limit = 0",
            "daily_limit is 0, and nothing would ever be sent: write at least 1, leave the line out for no limit, or \
             pause the campaign",
        ),
        ("pool = \"\"", "pool \"\" is no pool's name: write the name as `signalbox pool list` shows it"),
        ("pool = true", "pool is true or false: write pool = \"default\""),
        (
            "failover = \"sometimes\"",
            "failover is \"sometimes\": write failover = \"pool\", failover = \"label\" or failover = \"never\"",
        ),
        ("audience = []", "audience is a list: write it as a section, [audience]"),
        (
            "[audience]\ncountries = []",
            "audience.countries is an empty list: write countries = [\"CM\", \"NG\"], or take the line out",
        ),
        (
            "[audience]\ncountries = \"CM\"",
            "audience.countries is a string: write countries = [\"CM\", \"NG\"], or take the line out",
        ),
        (
            "[audience]\ncountries = [\"CM\", \"cm\"]",
            "audience.countries[1] CM stands there twice: take one out",
        ),
        (
            "[audience]\ntags = [\"vip\", \"vip\"]",
            "audience.tags[1] \"vip\" stands there twice: take one out",
        ),
        (
            "[audience]\ntags = [\" \"]",
            "audience.tags[0] is empty: write tags = [\"vip\"], or take the line out",
        ),
        (
            "[audience]\nattributes = { tier = \"x\" }",
            "audience.attributes.tier is a string: write attributes = { customer_tier = [\"premium\"] }",
        ),
        (
            "[audience]\nattributes = {}",
            "audience.attributes names none: write attributes = { customer_tier = [\"premium\"] }, or take the line out",
        ),
        (
            "[audience]\nphones = [237600000001]",
            "audience.phones[0] is a whole number: write phones = [\"+237600000001\"]",
        ),
        ("steps = []", "steps is an empty list: write at least one [[steps]] with a text"),
        ("[steps]\ntext = { en = \"Hi\" }", "steps is a table: write at least one [[steps]] with a text"),
        (
            "[[steps]]\ntext = \"Hi\"",
            "steps[0].text is a string: write it by language, text = { en = \"Hello {{name|friend}}\" }",
        ),
        (
            "[[steps]]\nafter = \"1h\"",
            "steps[0].text is missing: write it by language, text = { en = \"Hello {{name|friend}}\" }, or give the step a template or media",
        ),
        (
            "[[steps]]\ntext = {}",
            "steps[0].text has no language: write it by language, text = { en = \"Hello {{name|friend}}\" }",
        ),
        (
            "[[steps]]\nafter = 0\ntext = { en = \"Hi\" }",
            "steps[0].after is a whole number: write after = \"2h\", with its unit",
        ),
        (
            "[[steps]]\ntext = { fr-CM = \"a\", fr_cm = \"b\" }",
            "steps[0].text.fr_cm is language fr-CM for the second time: take one out",
        ),
    ];
    for (lines, sentence) in table {
        assert_eq!(sentences(&with(lines)), [sentence], "{lines}");
    }
    let long = format!("[[steps]]\ntext = {{ en = \"{}\" }}", "x".repeat(4_097));
    assert_eq!(
        sentences(&with(&long)),
        ["steps[0].text.en has 4097 characters; no provider takes more than 4096"]
    );
    let many = "[[steps]]\nafter = \"1d\"\ntext = { en = \"Hi\" }\n".repeat(101);
    assert_eq!(sentences(&with(&many)), ["steps has 101 steps; a campaign has at most 100"]);
}

#[test]
fn an_empty_file_says_what_a_campaign_needs() {
    let expected = "c.toml:1:1: name is missing: write name = \"summer-sale\"\n\
                    c.toml:1:1: steps is missing: write at least one [[steps]] with a text";
    assert_eq!(report("", DOUALA), expected);
}

#[test]
fn a_start_is_read_in_the_organisations_zone_and_must_be_one_instant() {
    let start = |line: &str, zone: Tz| {
        CampaignFile::parse(&with(line), "c.toml", &Context::in_zone(zone))
            .map(|spec| spec.starts_at.map(|at| at.to_rfc3339()).unwrap_or_default())
            .map_err(|findings| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let paris = chrono_tz::Europe::Paris;
    let table = [
        ("starts_at = \"2026-12-01T09:00\"", DOUALA, Ok("2026-12-01T08:00:00+00:00")),
        ("starts_at = \"2026-12-01 09:00:30\"", DOUALA, Ok("2026-12-01T08:00:30+00:00")),
        ("starts_at = 2026-12-01T09:00:00", DOUALA, Ok("2026-12-01T08:00:00+00:00")),
        (
            "starts_at = \"2026-03-29T02:30\"",
            paris,
            Err(
                "c.toml:2:13: starts_at 2026-03-29T02:30 does not exist in Europe/Paris: the clock jumps over it. Write \
                 2026-03-29T01:30 (before) or 2026-03-29T03:30 (after)",
            ),
        ),
        (
            "starts_at = \"2026-10-25T02:30\"",
            paris,
            Err(
                "c.toml:2:13: starts_at 2026-10-25T02:30 happens twice in Europe/Paris, when the clock goes back: it can \
                 mean 02:30 UTC+02:00 or 02:30 UTC+01:00. Write a time outside the repeated hour",
            ),
        ),
        (
            "starts_at = \"2026-12-01T09:00:00Z\"",
            paris,
            Err(
                "c.toml:2:13: starts_at carries a zone of its own, but is read in the organisation's, Europe/Paris: \
                 write starts_at = \"2026-12-01T09:00\"",
            ),
        ),
        (
            "starts_at = 2026-12-01",
            paris,
            Err(
                "c.toml:2:13: starts_at \"2026-12-01\" is not a time: write starts_at = \"2026-12-01T09:00\", in the \
                 organisation's zone Europe/Paris",
            ),
        ),
        (
            "starts_at = \"2026-02-30T09:00\"",
            paris,
            Err(
                "c.toml:2:13: starts_at \"2026-02-30T09:00\" is not a time: write starts_at = \"2026-12-01T09:00\", in \
                 the organisation's zone Europe/Paris",
            ),
        ),
    ];
    for (line, zone, expected) in table {
        assert_eq!(start(line, zone), expected.map(str::to_owned).map_err(str::to_owned), "{line}");
    }
}

#[test]
fn what_the_organisation_does_not_know_is_refused_with_its_place() {
    let text = r#"name = "a"
pool = "defualt"
[audience]
attributes = { customer_teir = ["premium"], shoe = ["42"] }
[[steps]]
text = { en = "Hello {{name}}, {{city}}", fr = "Bonjour {{referrerName}} {{pointure|42}}" }
"#;
    let check = |attributes: Option<&[&str]>, pools: Option<&[&str]>| {
        let context = Context { attributes, pools, ..Context::in_zone(DOUALA) };
        let lines = |findings: Vec<Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>();
        CampaignFile::parse(text, "c.toml", &context)
            .map_err(lines)
            .map_or_else(|all| all.join("\n"), |spec| spec.pool)
    };
    assert_eq!(check(None, None), "defualt", "where nothing is known, anything goes");
    let expected = r#"c.toml:2:8: pool: there is no pool "defualt": did you mean "default"?
c.toml:4:16: audience.attributes.customer_teir: no contact has an attribute "customer_teir": did you mean customer_tier?
c.toml:4:45: audience.attributes.shoe: no contact has an attribute "shoe"
c.toml:6:57: steps[0].text.fr: unknown variable {{referrerName}}: did you mean {{referrer_name}}?
c.toml:6:74: steps[0].text.fr: unknown variable {{pointure}}: no contact has such an attribute"#;
    assert_eq!(check(Some(&["city", "customer_tier"]), Some(&["default", "backup"])), expected);
}

#[test]
fn broken_toml_is_placed_and_not_guessed_at() {
    let all = report("name = \"a\nsteps = [\n", DOUALA);
    assert!(all.starts_with("c.toml:1:"), "{all}");
    assert!(all.lines().all(|line| line.contains("this is not TOML")), "{all}");
    assert!(!all.contains("is missing"), "{all}");
    let twice = report("name = \"a\"\nname = \"b\"\n", DOUALA);
    assert!(twice.starts_with("c.toml:2:1: this is not TOML: duplicate key"), "{twice}");
}

#[test]
fn a_copy_has_another_name_and_does_not_start_or_end_by_itself() {
    let source = "until = \"2027-01-01T09:00\"\nrun_after = \"b\" # then\nname = \"a\"\nmissed = \"ask\"\n\
                  starts_at = \"2026-12-01T09:00\"\npriority = 3\n[[steps]]\ntext = { en = \"until starts_at\" }\n";
    let expected = "\n # then\nname = \"c\"\nmissed = \"ask\"\n\npriority = 3\n[[steps]]\ntext = { en = \"until starts_at\" }\n";
    assert_eq!(copy(source, "c").as_deref(), Some(expected));
    assert_eq!(copy("priority = 3\n", "c"), None);
}

#[test]
fn bytes_that_are_no_utf_8_are_placed() {
    let latin = CampaignFile::parse_bytes(b"name = \"a\"\n# caf\xe9\n", "c.toml", &Context::in_zone(DOUALA));
    let report: Vec<_> = latin.err().unwrap_or_default().iter().map(ToString::to_string).collect();
    assert_eq!(report, ["c.toml:2:6: the file is not UTF-8 from here on: save it as UTF-8"]);
    assert!(CampaignFile::parse_bytes(WHOLE.as_bytes(), "c.toml", &Context::in_zone(DOUALA)).is_ok());
    let huge = "#".repeat(FILE_LIMIT + 1);
    assert_eq!(sentences(&huge), ["the file is larger than 4 MiB"]);
}

#[test]
fn a_problem_in_a_text_with_escapes_is_placed_where_the_text_begins() {
    let escaped = report(&with("[[steps]]\ntext = { en = \"a\\n{{}}\" }"), DOUALA);
    assert!(escaped.starts_with("c.toml:3:15: steps[0].text.en: "), "{escaped}");
    let lines = report(&with("[[steps]]\n[steps.text]\nen = '''\nHello\nyou {{}}'''"), DOUALA);
    assert!(lines.starts_with("c.toml:6:5: steps[0].text.en: "), "{lines}");
}

#[test]
fn no_file_makes_the_reader_panic() {
    use crate::domain::seeded::Seeded;
    let pieces: Vec<&str> = WHOLE.split_inclusive(['\n', ' ', '"', '{', '[']).collect();
    for seed in 0..3_000 {
        let mut random = Seeded::new(seed);
        let text: String = (0..random.below(40)).map(|_| random.pick(&pieces)).collect();
        if let Err(findings) = parse(&text) {
            assert!(!findings.is_empty(), "seed {seed}");
            assert!(findings.iter().all(|finding| finding.line >= 1 && finding.column >= 1), "seed {seed}");
        }
    }
}
