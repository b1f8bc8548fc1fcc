use super::*;
use crate::domain::campaign::{CampaignFile, CampaignSpec, Context, Finding};

const EVERYTHING: [(Key, &str); 37] = [
    (Key::Name, "summer-sale"),
    (Key::Pool, "default"),
    (Key::Priority, "10"),
    (Key::Weight, "3"),
    (Key::DailyLimit, "250"),
    (Key::Rollout, "1, 10, 100"),
    (Key::Failover, "label"),
    (Key::StartsAt, "2026-12-01T09:00"),
    (Key::RunAfter, "spring"),
    (Key::Missed, "next_window"),
    (Key::WindowHours, "09:00-20:00"),
    (Key::WindowDays, "mon-wed,sat"),
    (Key::WindowZone, "recipient"),
    (Key::ExpiresAfter, "6h"),
    (Key::Until, "2026-12-24T20:00"),
    (Key::Slots, "campaign"),
    (Key::OptOutLine, "no"),
    (Key::ExitOnReply, "yes"),
    (Key::ExitAttributes, "paid=yes"),
    (Key::StopFailed, "0.3"),
    (Key::StopOptedOut, "0.05"),
    (Key::StopAfter, "50"),
    (Key::Countries, "CM, NG"),
    (Key::Gender, "female"),
    (Key::Professions, "nurse, \"doctor, retired\""),
    (Key::Age, "18-65"),
    (Key::Registered, "2024-01-01..2025-01-01"),
    (Key::Attributes, "tier=gold|silver, city=Douala"),
    (Key::Tags, "vip"),
    (Key::Phones, "+237600000001"),
    (Key::ExcludeActive, "yes"),
    (Key::Consent, "opted_in"),
    (Key::NotContactedFor, "72h"),
    (Key::Limit, "500"),
    (Key::TemplateName, ""),
    (Key::StandingAfter, " "),
    (Key::StandingEvery, ""),
];

fn draft(values: &[(Key, &str)], texts: &[(&str, &str)]) -> Draft {
    let owned = |values: &[(Key, &str)]| {
        values.iter().map(|(key, value)| (*key, (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let texts = texts.iter().map(|(language, text)| ((*language).to_owned(), (*text).to_owned())).collect();
    let first = DraftSaying { values: BTreeMap::new(), texts };
    Draft { values: owned(values), steps: vec![DraftStep { first, others: Vec::new() }] }
}

fn read(draft: &Draft) -> Result<CampaignSpec, Vec<Finding>> {
    let context = Context::in_zone(chrono_tz::Africa::Douala);
    CampaignFile::parse(&draft.to_toml(), "c.toml", &context)
}

#[test]
fn what_is_typed_is_the_file_that_says_it() {
    let mut typed =
        draft(&EVERYTHING, &[("en", "Hi {{name|friend}}\\n\"Sale\" C:\\\\x"), ("fr", "Salut"), (" ", "")]);
    let mut second = DraftStep::default();
    for (key, value) in [
        (Key::After, "1d"),
        (Key::TemplateName, "discount"),
        (Key::TemplateLanguage, "en"),
        (Key::Parameters, "{{name|friend}}, \"a, b\""),
        (Key::MediaKind, "document"),
        (Key::MediaUrl, "https://example.com/a.pdf"),
        (Key::MediaFile, "prices.pdf"),
    ] {
        second.first.values.insert(key, value.to_owned());
    }
    typed.steps.push(second);
    let file = "name = \"summer-sale\"\npool = \"default\"\npriority = 10\nweight = 3\ndaily_limit = 250\nrollout = [1, 10, 100]\nfailover = \"label\"
starts_at = \"2026-12-01T09:00\"\nrun_after = \"spring\"\nmissed = \"next_window\"\nexpires_after = \"6h\"
until = \"2026-12-24T20:00\"\nslots = \"campaign\"\nopt_out_line = false
window = { from = \"09:00\", to = \"20:00\", days = [\"mon\", \"tue\", \"wed\", \"sat\"], zone = \"recipient\" }
exit = { on_reply = true, attributes = { paid = [\"yes\"] } }
stop_when = { failed = 0.3, opted_out = 0.05, after = 50 }
[audience]
countries = [\"CM\", \"NG\"]\ngender = \"female\"\nprofessions = [\"nurse\", \"doctor, retired\"]
age = { min = 18, max = 65 }\nregistered = { from = \"2024-01-01\", to = \"2025-01-01\" }
attributes = { tier = [\"gold\", \"silver\"], city = [\"Douala\"] }\ntags = [\"vip\"]\nphones = [\"+237600000001\"]
exclude_active = true\nconsent = \"opted_in\"\nnot_contacted_for = \"72h\"\nlimit = 500
[[steps]]\ntext = { en = \"Hi {{name|friend}}\\n\\\"Sale\\\" C:\\\\x\", fr = \"Salut\" }
[[steps]]\nafter = \"1d\"\ntemplate = { name = \"discount\", language = \"en\", parameters = [\"{{name|friend}}\", \"a, b\"] }
media = { kind = \"document\", url = \"https://example.com/a.pdf\", filename = \"prices.pdf\" }\n";
    let context = Context::in_zone(chrono_tz::Africa::Douala);
    let by_hand = CampaignFile::parse(file, "c.toml", &context).unwrap_or_else(|all| panic!("{all:#?}"));
    let typed_one = read(&typed).unwrap_or_else(|all| panic!("{}\n{all:#?}", typed.to_toml()));
    assert_eq!(typed_one, by_hand);
    // And the file can be opened again: by whoever wrote it.
    for source in [file, &typed.to_toml()] {
        let opened = Draft::read(source).unwrap();
        assert!(!opened.values.contains_key(&Key::Other), "everything has a field: {opened:?}");
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        assert_eq!(table(&opened.to_toml()), table(source));
    }
}

fn table(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn what_has_no_field_is_kept_as_lines_of_the_file() {
    let file =
        "name = \"a\"\nrollout = { stages = [5, 100], wait = \"30m\" }\nexit = { on_reply = true, later = 1 }
[audience]\ncolour = [\"red\"]\ntags = [\"vip\"]\nattributes = { tier = [\"a|b\"] }
[[steps]]\nafter = \"0h\"\n[[steps.variants]]\nweight = 2\ntext = { en = \"Hi\\nyou \\\\ C:\" }
[[steps.variants]]\nname = \"b\"\ncolour = \"red\"\ntext = { en = \"Hello\" }
[[steps]]\nafter = \"1d\"\ntemplate = { name = \"t\", language = \"en\", footer = \"x\" }
[[steps]]\nafter = \"1d\"\nvariants = [{ text = { en = \"Hi\" } }]\ncolour = \"red\"\n";
    let opened = Draft::read(file).unwrap();
    assert_eq!(opened.values[&Key::Other], "\"exit\" = { \"later\" = 1, \"on_reply\" = true }");
    assert_eq!(opened.values[&Key::Rollout], "5, 100, wait=30m");
    let lines = "\"attributes\" = { \"tier\" = [\"a|b\"] }\\n\"colour\" = [\"red\"]";
    assert_eq!(opened.values[&Key::AudienceOther], lines);
    assert_eq!(opened.values[&Key::Tags], "vip");
    assert_eq!(opened.steps[0].first.values[&Key::After], "0h");
    for (nth, lines) in
        [(0, "\"variants\" = [{ "), (1, "\"template\" = { \"footer\""), (2, "\"colour\" = \"red\"")]
    {
        let kept = &opened.steps[nth].first.values[&Key::StepOther];
        assert!(kept.starts_with(lines) && opened.steps[nth].others.is_empty(), "{kept}");
    }
    assert_eq!(table(&opened.to_toml()), table(file));
}

#[test]
fn variants_buttons_and_named_parameters_have_fields() {
    let file = "name = \"a\"\n[[steps]]\nafter = \"0h\"
[[steps.variants]]\nweight = 2\ntext = { en = \"Hi\\nyou\", fr = \"Salut\" }
template = { name = \"t\", language = \"en\", languages = [\"fr\", \"pt-BR\"], header = \"Hello, you\", \
parameters = { who = \"{{name|x}}\", town = \"Douala, \\\"Akwa\\\"\" }, \
buttons = [{ url = \"promo-20\" }, { payload = \"yes, now\" }, { index = 4, code = \"{{code}}\" }] }
[[steps.variants]]\nname = \"b\"\ntext = { en = \"Hello\" }
template = { name = \"u\", language = \"en\", header = { title = \"{{name|x}}\" }, parameters = [\"a=b\", \"{{name|x}}\"] }
[[steps]]\nafter = \"1d\"\ntemplate = { name = \"t\", language = \"en\", header = \"a=b\" }\n";
    let opened = Draft::read(file).unwrap();
    let step = &opened.steps[0];
    assert!(!step.first.values.contains_key(&Key::StepOther), "{opened:?}");
    let said = |saying: &DraftSaying, key| saying.values[&key].clone();
    assert_eq!(said(&step.first, Key::VariantWeight), "2");
    assert_eq!(said(&step.first, Key::TemplateLanguages), "fr, pt-BR");
    assert_eq!(said(&step.first, Key::Parameters), "town=\"Douala, \\\"Akwa\\\"\", who={{name|x}}");
    assert_eq!(said(&step.first, Key::Header), "Hello, you");
    assert_eq!(said(&step.first, Key::Buttons), "url=promo-20, payload=\"yes, now\", 4 code={{code}}");
    assert_eq!(step.first.texts, [("en".into(), "Hi\\nyou".into()), ("fr".into(), "Salut".into())]);
    assert_eq!(step.others.len(), 1);
    assert_eq!(said(&step.others[0], Key::VariantName), "b");
    assert_eq!(said(&step.others[0], Key::Header), "title={{name|x}}");
    assert_eq!(said(&step.others[0], Key::Parameters), "\"a=b\", {{name|x}}");
    assert_eq!(said(&opened.steps[1].first, Key::Header), "\"a=b\"");
    assert_eq!(table(&opened.to_toml()), table(file));
    let context = Context::in_zone(chrono_tz::Africa::Douala);
    let by_hand = CampaignFile::parse(&file.replace("{{code}}", "1"), "c.toml", &context);
    let mut again = opened.clone();
    again.steps[0].first.values.insert(Key::Buttons, "url=promo-20, payload=\"yes, now\", 4 code=1".into());
    // The second step has no variants: everybody gets the same there.
    assert_eq!(read(&again), by_hand);
    assert!(by_hand.is_ok(), "{by_hand:?}");
}

#[test]
fn who_takes_a_variant_out_keeps_the_other() {
    let mut typed = draft(&[(Key::Name, "a")], &[("en", "Hi")]);
    typed.steps[0].first.values.insert(Key::VariantName, "long".into());
    let texts = vec![("en".to_owned(), "Hello".to_owned())];
    typed.steps[0].others.push(DraftSaying { values: BTreeMap::new(), texts });
    assert_eq!(read(&typed).unwrap().steps[0].content.variants.len(), 2);
    typed.steps[0].others.clear();
    let spec = read(&typed).unwrap_or_else(|all| panic!("{}\n{all:?}", typed.to_toml()));
    assert!(spec.steps[0].content.variants.is_empty());
}

#[test]
fn what_the_interface_shows_goes_through_the_form_as_it_is() {
    let file = include_str!("interface.toml");
    let opened = Draft::read(file).unwrap();
    for other in [Key::Other, Key::AudienceOther] {
        assert!(!opened.values.contains_key(&other), "{opened:?}");
    }
    assert!(!opened.steps[0].first.values.contains_key(&Key::StepOther), "{opened:?}");
    assert_eq!(table(&opened.to_toml()), table(file));
}

#[test]
fn what_the_form_would_change_is_not_opened() {
    for (file, why) in [
        ("name = ", "this is not TOML"),
        (
            "name = \"a\"\n[[steps]]\ntext = { en = \" Hi \" }\n",
            "the form cannot hold all that this file says",
        ),
        ("name = \"a\"\nsteps = 3\n", "the form cannot hold all"),
    ] {
        let said = Draft::read(file).unwrap_err();
        assert!(said.contains(why), "{file}: {said}");
    }
}

#[test]
fn what_is_wrong_in_a_step_is_found_under_its_key() {
    for (key, value) in [
        (Key::VariantName, "a b"),
        (Key::VariantName, "b"),
        (Key::VariantWeight, "0"),
        (Key::VariantWeight, "half"),
        (Key::TemplateLanguages, "en"),
        (Key::TemplateLanguages, "English"),
        (Key::Parameters, "first=x, second"),
        (Key::Parameters, "first=x, first=y"),
        (Key::Parameters, "{{"),
        (Key::Parameters, "first={{"),
        (Key::Header, "title={{"),
        (Key::Header, "{{"),
        (Key::Buttons, "promo"),
        (Key::Buttons, "link=promo"),
        (Key::Buttons, "12 url=promo"),
        (Key::Buttons, "1 url=a, payload=b"),
        (Key::Buttons, "007 url=a"),
        (Key::Buttons, "url={{"),
    ] {
        let mut typed = draft(&[(Key::Name, "a")], &[("en", "Hi")]);
        let step = &mut typed.steps[0];
        for (key, value) in [(Key::TemplateName, "t"), (Key::TemplateLanguage, "en"), (key, value)] {
            step.first.values.insert(key, value.to_owned());
        }
        let mut other = DraftSaying { texts: step.first.texts.clone(), ..DraftSaying::default() };
        for (key, value) in [(Key::VariantName, "b"), (Key::TemplateName, "t"), (Key::TemplateLanguage, "en")]
        {
            other.values.insert(key, value.to_owned());
        }
        step.others.push(other);
        let findings = match read(&typed) {
            Ok(spec) => panic!("{key:?} {value:?} was taken: {spec:?}"),
            Err(findings) => findings,
        };
        let here = |path: &str| {
            ["steps[0].variants[0].", "steps[0].variants[1]."]
                .iter()
                .any(|step| path.strip_prefix(step).is_some_and(|path| key.is_at(path)))
        };
        assert!(findings.iter().all(|finding| here(&finding.key)), "{key:?} {value:?}: {findings:?}");
    }
}

#[test]
fn what_is_wrong_is_written_too_and_found_under_its_key() {
    for (key, value) in [
        (Key::Name, "a b"),
        (Key::Priority, "ten"),
        (Key::Priority, "007"),
        (Key::DailyLimit, "0"),
        (Key::DailyLimit, "99999999999999999999999"),
        (Key::Weight, "0"),
        (Key::Rollout, "1, 10"),
        (Key::Rollout, "half"),
        (Key::Failover, "x"),
        (Key::StartsAt, "tomorrow"),
        (Key::RunAfter, "a b"),
        (Key::Missed, "x"),
        (Key::WindowHours, "9-20"),
        (Key::WindowHours, "09:00"),
        (Key::WindowDays, "mondays"),
        (Key::WindowZone, "Mars"),
        (Key::ExpiresAfter, "6"),
        (Key::Until, "x"),
        (Key::StandingAfter, "x"),
        (Key::StandingEvery, "1s"),
        (Key::Slots, "x"),
        (Key::OptOutLine, "x"),
        (Key::ExitAttributes, "paid"),
        (Key::StopFailed, "5%"),
        (Key::StopOptedOut, "7"),
        (Key::StopAfter, "0"),
        (Key::Countries, "Cameroon"),
        (Key::Gender, "x"),
        (Key::Professions, "a, a"),
        (Key::Age, "young"),
        (Key::Age, "65-18"),
        (Key::Age, "18-x"),
        (Key::Registered, "2024"),
        (Key::Registered, "x..y"),
        (Key::Attributes, "tier"),
        (Key::Attributes, "tier="),
        (Key::Tags, "a, a"),
        (Key::Phones, "12"),
        (Key::ExcludeActive, "x"),
        (Key::Consent, "x"),
        (Key::NotContactedFor, "0h"),
        (Key::Limit, "-1"),
    ] {
        // Hours without the rest are complete; days and a zone are not.
        let mut values = vec![(Key::Name, "a"), (key, value)];
        if matches!(key, Key::WindowDays | Key::WindowZone) {
            values.push((Key::WindowHours, "09:00-20:00"));
        }
        let findings = match read(&draft(&values, &[("en", "Hi")])) {
            Ok(spec) => panic!("{key:?} {value:?} was taken: {spec:?}"),
            Err(findings) => findings,
        };
        let elsewhere: Vec<&Finding> = findings.iter().filter(|finding| !key.is_at(&finding.key)).collect();
        assert!(elsewhere.is_empty(), "{key:?} {value:?}: {elsewhere:?}");
    }
}

#[test]
fn nothing_that_can_be_typed_breaks_the_file() {
    let hard = "\u{1}\"'\\ = ] } # \u{7f}\u{85}é\u{202e}\t";
    for (key, _) in EVERYTHING {
        let typed = draft(&[(key, hard)], &[("en", "Hi")]);
        let findings = read(&typed).err().unwrap_or_default();
        let broken: Vec<_> =
            findings.iter().filter(|finding| finding.sentence.contains("not TOML")).collect();
        assert!(broken.is_empty(), "{key:?}: {broken:?}\n{}", typed.to_toml());
    }
    for key in [Key::VariantName, Key::Parameters, Key::Header, Key::Buttons, Key::TemplateLanguages] {
        for value in
            [hard.to_owned(), format!("x={hard}"), format!("\"{hard}"), format!("2 url={hard}, {hard}")]
        {
            let mut typed = draft(&[(Key::Name, "a")], &[("en", "Hi")]);
            typed.steps[0].first.values.insert(key, value);
            let other = typed.steps[0].first.clone();
            typed.steps[0].others.push(other);
            table(&typed.to_toml());
        }
    }
    let typed = draft(&[(Key::Name, "a")], &[(hard, hard)]);
    let findings = read(&typed).err().unwrap_or_default();
    assert!(findings.iter().all(|finding| finding.key.starts_with("steps[0].text")), "{findings:?}");
}

#[test]
fn lines_of_the_file_stand_in_it_as_they_are() {
    let lines = "exit = { on_reply = true }\\nslots = \"campaign\"";
    let typed = draft(&[(Key::Name, "a"), (Key::Other, lines)], &[("en", "Hi")]);
    let spec = read(&typed).unwrap_or_else(|all| panic!("{all:?}"));
    assert!(
        spec.conduct.exit.on_reply
            && spec.conduct.slots == crate::domain::campaign::conduct::SlotScope::Campaign
    );
    let broken = draft(&[(Key::Name, "a"), (Key::Other, "exit = {")], &[("en", "Hi")]);
    let findings = read(&broken).err().unwrap_or_default();
    assert!(
        !findings.is_empty() && findings.iter().all(|finding| Key::Other.is_at(&finding.key)),
        "{findings:?}"
    );
}

#[test]
fn an_audience_is_counted_while_the_rest_is_wrong() {
    let typed = draft(&[(Key::Name, "a b"), (Key::Priority, "x"), (Key::Countries, "CM")], &[("", "{{")]);
    assert!(read(&typed).is_err());
    let spec = read(&typed.only_audience(false)).unwrap_or_else(|all| panic!("{all:?}"));
    assert_eq!(spec.audience.countries.len(), 1);
    assert!(read(&typed.only_audience(true)).is_err());
}

#[test]
fn a_rollout_with_conditions_is_typed_behind_its_stages() {
    for (lines, typed) in [
        ("rollout = [5, 100]", "5, 100"),
        ("rollout = { stages = [5, 100], wait = \"30m\" }", "5, 100, wait=30m"),
        ("[rollout]\nstages = [1, 10, 100]\nafter = 10\nfailed = 0.2", "1, 10, 100, after=10, failed=0.2"),
    ] {
        let file = format!("name = \"a\"\n{lines}\n[[steps]]\ntext = {{ en = \"Hi\" }}\n");
        let opened = Draft::read(&file).unwrap();
        assert_eq!(opened.values[&Key::Rollout], typed);
        assert_eq!(table(&opened.to_toml()), table(&file));
        read(&opened).unwrap_or_else(|all| panic!("{all:#?}"));
    }
    // What the form cannot say in that field stays as it is, among the other lines.
    let strange = "name = \"a\"\nrollout = { stages = [5, 100], wait = [\"30m\"] }\n";
    let opened = Draft::read(strange).unwrap();
    assert!(opened.values[&Key::Other].contains("rollout"), "{opened:?}");
    // What is wrong is said of the field.
    let wrong = draft(&[(Key::Name, "a"), (Key::Rollout, "5, 100, polo=3")], &[("en", "Hi")]);
    let findings = read(&wrong).unwrap_err();
    assert!(findings.iter().all(|finding| Key::Rollout.is_at(&finding.key)), "{findings:#?}");
}
