use super::*;
use crate::domain::number::ProviderKind;
use crate::domain::seeded::Seeded;
use TextProblem as P;

fn text(source: &str) -> Text {
    Text::parse(source).unwrap_or_else(|errors| panic!("{source:?}: {errors:?}"))
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn names(variables: &[&Variable]) -> Vec<String> {
    variables.iter().map(|variable| variable.name().to_owned()).collect()
}

#[test]
fn texts_are_rendered_with_values_and_fallbacks() {
    let attributes = attributes(&[("customer tier", "gold"), ("city", "  "), ("note", "{{name}}")]);
    let ana =
        Person { name: Some("Ana"), referrer_name: None, day: 3, slot: Some(7), attributes: &attributes };
    let table = [
        ("Hello {{name}}", Ok("Hello Ana")),
        ("Hello {{ name | friend }}!", Ok("Hello Ana!")),
        ("{{name}}{{name}}", Ok("AnaAna")),
        ("day {{day}} of 7", Ok("day 3 of 7")),
        ("{{referrer_name|somebody}} sent you", Ok("somebody sent you")),
        ("{{referrer_name|}}hello", Ok("hello")),
        ("{{customer tier}} card", Ok("gold card")),
        ("{{city|your town}}", Ok("your town")),
        ("{{note}}", Ok("{{name}}")),
        ("{single} } braces { stay", Ok("{single} } braces { stay")),
        ("two\nlines", Ok("two\nlines")),
        ("{{referrer_name}} sent you", Err("referrer_name")),
        ("{{city}}", Err("city")),
        ("{{shoe_size}}", Err("shoe_size")),
    ];
    for (source, expected) in table {
        let mut out = String::new();
        let rendered = text(source).render(&ana, &mut out).map(|()| out.as_str());
        assert_eq!(rendered, expected.map_err(|name| MissingVariable(name.to_owned())), "{source}");
    }
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let table: &[(&str, &[(P, usize)])] = &[
        ("", &[(P::Empty, 0)]),
        (" \n\t ", &[(P::Empty, 0)]),
        ("Hello {{name", &[(P::Unclosed, 6)]),
        ("Hello name}}", &[(P::Unopened, 10)]),
        ("a {{}} b {{ |x}}", &[(P::NoName, 2), (P::NoName, 9)]),
        ("{{{name}}}", &[(P::Nested, 0)]),
        ("{{a{b}}", &[(P::Nested, 0)]),
        ("{{a {{name}} b", &[(P::Nested, 0)]),
        ("{{name|a|b}}", &[(P::Fallbacks("name".into()), 0)]),
        ("\u{e9} {{na/me}}", &[(P::Name("na/me".into()), 3)]),
        ("}} {{}} {{name", &[(P::Unopened, 0), (P::NoName, 3), (P::Unclosed, 8)]),
    ];
    for (source, expected) in table {
        let errors = Text::parse(source).err().unwrap_or_default();
        let found: Vec<_> = errors.into_iter().map(|error| (error.problem, error.at)).collect();
        assert_eq!(found, *expected, "{source:?}");
    }
}

#[test]
fn a_mistake_reads_as_a_sentence_that_says_what_to_do() {
    let table = [
        (P::Unclosed, "\"{{\" is never closed: end the variable with \"}}\""),
        (P::Unopened, "\"}}\" closes nothing: begin the variable with \"{{\""),
        (P::NoName, "\"{{}}\" names no variable: write one, such as {{name|friend}}"),
        (
            P::Fallbacks("name".into()),
            "variable {{name}} has more than one fallback: write one, as in {{name|friend}}",
        ),
    ];
    for (problem, sentence) in table {
        assert_eq!(problem.to_string(), sentence);
    }
}

#[test]
fn the_variables_of_a_text_are_listed_once() {
    let sample = text("{{name|you}} {{day}} {{tier}} {{name}} {{tier|none}} {{city|here}}");
    assert_eq!(names(&sample.variables()), ["name", "day", "tier", "city"]);
    assert_eq!(names(&sample.required()), ["day", "tier", "name"]);
    let unknown: Vec<_> = sample.unknown(&["city"]).iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["unknown variable {{tier}}: no contact has such an attribute"]);
    let unknown = text("{{referrerName}} {{ctiy}}").unknown(&["city"]);
    let sentences: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "unknown variable {{referrerName}}: did you mean {{referrer_name}}?",
            "unknown variable {{ctiy}}: did you mean {{city}}?"
        ]
    );
    assert_eq!(unknown[1].at, 17);
}

#[test]
fn a_value_cannot_steer_anything() {
    let none = BTreeMap::new();
    let table = [
        ("Ana\u{202e}gpj", "Anagpj"),
        ("Ana\x1b[2J", "Ana"),
        ("Ana\nMaria\r\nJosé", "Ana Maria José"),
        ("\u{200b}Ana\0 ", "Ana"),
        ("José Muñoz", "José Muñoz"),
        ("Привет 你好 👩\u{200d}👧", "Привет 你好 👩\u{200d}👧"),
    ];
    for (name, expected) in table {
        let person = Person { name: Some(name), referrer_name: None, day: 1, slot: None, attributes: &none };
        let mut out = String::new();
        assert_eq!(text("{{name}}").render(&person, &mut out), Ok(()));
        assert_eq!(out, expected, "{}", name.escape_unicode());
    }
    // A value of which nothing is left is no value.
    let person =
        Person { name: Some("\u{202e}\0"), referrer_name: None, day: 1, slot: None, attributes: &none };
    let mut out = String::new();
    assert_eq!(text("{{name}}").render(&person, &mut out), Err(MissingVariable("name".into())));
}

#[test]
fn who_cannot_be_sent_the_text_is_skipped_with_the_reason() {
    let none = BTreeMap::new();
    let long = "é".repeat(1_595);
    let skipped = |name: Option<&str>, source: &str, limit: usize| {
        let person = Person { name, referrer_name: None, day: 1, slot: None, attributes: &none };
        text(source).message(&person, limit).map(|message| message.chars().count())
    };
    let twilio = ProviderKind::Twilio.text_limit();
    let table = [
        (skipped(Some("Ana"), "Hi {{name}}", twilio), Ok(6)),
        (skipped(Some("12345"), &format!("{long}{{{{name}}}}"), twilio), Ok(1_600)),
        (
            skipped(Some("123456"), &format!("{long}{{{{name}}}}"), twilio),
            Err(SkipReason::TextTooLong { characters: 1_601, limit: 1_600 }),
        ),
        (skipped(Some("123456"), &format!("{long}{{{{name}}}}"), ProviderKind::Meta.text_limit()), Ok(1_601)),
        (skipped(None, "Hi {{name}}", twilio), Err(SkipReason::MissingVariable { variable: "name".into() })),
        (skipped(None, "{{name|}} ", twilio), Err(SkipReason::TextEmpty)),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
    assert_eq!(text("Hé {{name}}!").least_characters(), 4);
}

#[test]
fn the_text_of_the_nearest_language_is_chosen() -> Result<(), serde_json::Error> {
    let texts = Texts(
        [("en", "Hello"), ("fr", "Bonjour"), ("fr-CM", "Mbolo")]
            .into_iter()
            .map(|(tag, source)| LocalizedText {
                locale: Locale::parse(tag).unwrap_or_else(|error| panic!("{error}")),
                text: text(source),
            })
            .collect(),
    );
    let say = |wanted: &str, default: &str| {
        let (wanted, default) = (Locale::parse(wanted).ok(), Locale::parse(default).ok());
        texts.choose(wanted.as_ref(), default.as_ref()).map(|each| each.text.source())
    };
    assert_eq!(say("fr-CM", "en"), Some("Mbolo"));
    assert_eq!(say("fr-BE", "en"), Some("Bonjour"));
    assert_eq!(say("de", "fr"), Some("Bonjour"));
    assert_eq!(say("", ""), Some("Hello"));
    assert_eq!(Texts(Vec::new()).choose(None, None), None);
    assert_eq!(serde_json::from_str::<Texts>(&serde_json::to_string(&texts)?)?, texts);
    Ok(())
}

#[test]
fn a_stored_text_that_is_broken_is_refused_when_it_is_read() {
    let read = serde_json::from_str::<Text>("\"{{}} {{name\"").map_err(|error| error.to_string());
    let sentence = "\"{{}}\" names no variable: write one, such as {{name|friend}}; \"{{\" is never closed: end the \
                    variable with \"}}\"";
    assert_eq!(read, Err(sentence.to_owned()));
}

#[test]
fn no_text_makes_the_parser_panic_and_what_it_reads_renders_without_braces_left() {
    let pieces = ["{{", "}}", "{", "}", "|", "name", " ", "é", "x\n", "👧", "{{name}}", "{{day|1}}"];
    let none = BTreeMap::new();
    let person = Person { name: Some("Ana"), referrer_name: None, day: 1, slot: None, attributes: &none };
    let mut read = 0;
    for seed in 0..20_000 {
        let mut random = Seeded::new(seed);
        let source: String = (0..random.below(9)).map(|_| random.pick(&pieces)).collect();
        match Text::parse(&source) {
            Ok(parsed) => {
                read += 1;
                let mut out = String::new();
                if parsed.render(&person, &mut out).is_ok() {
                    assert!(
                        !out.contains("{{name") && !out.contains("}}"),
                        "seed {seed}: {source:?} -> {out:?}"
                    );
                }
            }
            Err(errors) => {
                assert!(!errors.is_empty(), "seed {seed}");
                assert!(
                    errors.iter().all(|error| source.is_char_boundary(error.at)),
                    "seed {seed}: {source:?}"
                );
            }
        }
    }
    assert!(read > 1_000, "only {read} texts were readable");
}
