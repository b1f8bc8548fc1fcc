//! Templates and media of a step.

use super::*;
use crate::domain::locale::Locale;

#[test]
fn a_step_may_carry_a_template_and_media() {
    let read = spec(
        r#"
name = "a"
[[steps]]
text = { en = "Hello {{name|friend}}" }
template = { name = "discount_20_percent", language = "pt_BR", languages = ["en", "fr_CM"], parameters = ["{{name|friend}}", "{{tier}}"] }
media = { kind = "document", url = "https://example.com/a.pdf", filename = "prices.pdf" }
[[steps]]
after = "1d"
template = { name = "HX00000000000000000000000000000001", language = "en" }
[[steps]]
after = "1d"
media = { kind = "audio", url = "https://example.com/a.mp3" }
[steps.template]
name = "named"
language = "en"
parameters = { first_name = "{{name}}", code = "X1" }
header = { title = "{{tier|all}}" }
buttons = [{ url = "promo/{{tier}}" }, { index = 3, code = "SAVE20" }, { payload = "yes" }]
[[steps]]
after = "1d"
template = { name = "titled", language = "en", header = "{{name|friend}}" }
"#,
    );
    let contents: Vec<_> = read.steps.iter().map(|step| &step.content).collect();
    let template = contents[0].template.as_ref().unwrap();
    assert_eq!((template.name.as_str(), template.language.as_str()), ("discount_20_percent", "pt-BR"));
    assert_eq!(template.languages.iter().map(Locale::as_str).collect::<Vec<_>>(), ["en", "fr-CM"]);
    assert_eq!(template.parameters.names(), ["1", "2"]);
    let media = contents[0].media.as_ref().unwrap();
    assert_eq!(
        (media.url.as_str(), media.filename.as_deref()),
        ("https://example.com/a.pdf", Some("prices.pdf"))
    );
    assert_eq!(contents[1].texts.0.len(), 0);
    assert!(contents[1].template.as_ref().unwrap().parameters.names().is_empty());
    let template = contents[2].template.as_ref().unwrap();
    assert_eq!(template.parameters.names(), ["code", "first_name"]);
    assert_eq!(template.header.names(), ["title"]);
    let buttons: Vec<_> = template.buttons.iter().map(|button| button.place().to_string()).collect();
    assert_eq!(
        buttons,
        ["url at 0", "code at 3", "payload at 2"],
        "by its place in the list, unless it says another"
    );
    let titled = contents[3].template.as_ref().unwrap();
    assert_eq!((titled.header.names(), titled.buttons.len()), (vec!["1".to_owned()], 0));
    let stored = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<CampaignSpec>(&stored).unwrap(), read);
}

#[test]
fn what_is_wrong_with_a_template_or_media_is_said_at_its_place() {
    let step = |lines: &str| with(&format!("[[steps]]\n{lines}"));
    let table = [
        (
            "template = \"x\"",
            "steps[0].template is a string: write template = { name = \"discount\", language = \"en\", parameters = [\"{{name|friend}}\"] }",
        ),
        (
            "template = { language = \"en\" }",
            "steps[0].template.name is missing: write template = { name = \"discount\", language = \"en\", parameters = [\"{{name|friend}}\"] }",
        ),
        (
            "template = { name = \"x\" }",
            "steps[0].template.language is missing: write language = \"en\", as the provider lists it",
        ),
        (
            "template = { name = \" x\", language = \"en\" }",
            "steps[0].template.name \" x\" is no template's name: write it as `signalbox account templates` shows it, or at Twilio its sid, HX…",
        ),
        (
            "template = { name = \"x\", language = \"english\" }",
            "steps[0].template.language: \"english\" is not a language tag: write it as \"en\", \"fr-CM\" or \"zh-Hant-TW\"",
        ),
        (
            "template = { name = \"x\", language = \"en\", languages = [\"fr\", \"en\"] }",
            "steps[0].template.languages[1] is language en for the second time: take one out",
        ),
        (
            "template = { name = \"x\", language = \"en\", languages = [\"french\"] }",
            "steps[0].template.languages[0]: \"french\" is not a language tag: write it as \"en\", \"fr-CM\" or \"zh-Hant-TW\"",
        ),
        (
            "template = { name = \"x\", language = \"en\", parameter = [\"a\"] }",
            "unknown key steps[0].template.parameter: did you mean parameters?",
        ),
        (
            "template = { name = \"x\", language = \"en\", parameters = \"a\" }",
            "steps[0].template.parameters is neither a list nor a table: write parameters = [\"{{name|friend}}\"] in order, or parameters = { first_name = \"{{name|friend}}\" } by name",
        ),
        (
            "template = { name = \"x\", language = \"en\", parameters = [1] }",
            "steps[0].template.parameters[0] is a whole number: write it in quotes",
        ),
        (
            "template = { name = \"x\", language = \"en\", parameters = [\"{{name\"] }",
            "steps[0].template.parameters[0]: \"{{\" is never closed: end the variable with \"}}\"",
        ),
        (
            "template = { name = \"x\", language = \"en\", parameters = { who = \"\" } }",
            "steps[0].template.parameters.who: the text is empty: write what is to be sent",
        ),
        (
            "media = { kind = \"gif\", url = \"https://example.com/a.gif\" }",
            "steps[0].media.kind is \"gif\": it is image, video, document or audio",
        ),
        (
            "media = { kind = \"image\" }",
            "steps[0].media.url is missing: write media = { kind = \"image\", url = \"https://example.com/a.jpg\" }",
        ),
        (
            "media = { kind = \"image\", url = \"example.com/a.jpg\" }",
            "steps[0].media.url is not an address that providers can fetch: write it as \"https://example.com/a.jpg\"",
        ),
        (
            "media = { kind = \"image\", url = \"http://192.168.0.7/a.jpg\" }",
            "steps[0].media.url points at 192.168.0.7, which is no public address: providers fetch the file from outside (SIGNALBOX_PRIVATE_MEDIA=true allows it)",
        ),
        (
            "media = { kind = \"image\", url = \"https://example.com/a.jpg\", filename = \"a.jpg\" }",
            "steps[0].media.filename is for documents only: take the line out",
        ),
        (
            "media = { kind = \"document\", url = \"https://example.com/a\", filename = \"../a\" }",
            "steps[0].media.filename \"../a\" is no file's name: write filename = \"prices.pdf\"",
        ),
    ];
    for (lines, sentence) in table {
        assert_eq!(sentences(&step(lines)), [sentence], "{lines}");
    }
    let long = format!(
        "text = {{ en = \"{}\" }}\nmedia = {{ kind = \"image\", url = \"https://example.com/a.jpg\" }}",
        "x".repeat(1_025)
    );
    assert_eq!(
        sentences(&step(&long)),
        ["steps[0].text.en has 1025 characters; beside media a text has at most 1024"]
    );
    let private = Context { private_media: true, ..Context::in_zone(DOUALA) };
    let local = step("media = { kind = \"image\", url = \"http://127.0.0.1/a.jpg\" }");
    assert!(CampaignFile::parse(&local, "c.toml", &private).is_ok(), "where it is allowed");
}

#[test]
fn what_is_wrong_with_a_headline_or_a_button_is_said_at_its_place() {
    let step = |lines: &str| with(&format!("[[steps]]\n{lines}"));
    let table = [
        (
            "template = { name = \"x\", language = \"en\", header = [\"a\"] }",
            "steps[0].template.header is neither a text nor a table: write header = \"{{name|friend}}\", or header = { first_name = \"{{name|friend}}\" } where the template names it",
        ),
        (
            "template = { name = \"x\", language = \"en\", header = { a = \"a\", b = \"b\" } }",
            "steps[0].template.header has 2 parameters, a headline has one: write header = \"{{name|friend}}\", or header = { first_name = \"{{name|friend}}\" } where the template names it",
        ),
        (
            "template = { name = \"x\", language = \"en\", buttons = [{ index = 1 }] }",
            "steps[0].template.buttons[0] has not exactly one of url, payload and code: write buttons = [{ index = 0, url = \"promo-20\" }], with url, payload or code",
        ),
        (
            "template = { name = \"x\", language = \"en\", buttons = [{ url = \"a\" }, { index = 0, code = \"b\" }] }",
            "steps[0].template.buttons[1] is the button at 0 for the second time: take one out",
        ),
        (
            "template = { name = \"x\", language = \"en\", buttons = [{ index = 10, url = \"a\" }] }",
            "steps[0].template.buttons[0] is at 10: the buttons of a template are at 0 to 9",
        ),
        (
            "template = { name = \"x\", language = \"en\", buttons = [{ ulr = \"a\", code = \"b\" }] }",
            "unknown key steps[0].template.buttons[0].ulr: did you mean url?",
        ),
        (
            "template = { name = \"x\", language = \"en\", buttons = [{ url = \"{{name\" }] }",
            "steps[0].template.buttons[0].url: \"{{\" is never closed: end the variable with \"}}\"",
        ),
    ];
    for (lines, sentence) in table {
        assert_eq!(sentences(&step(lines)), [sentence], "{lines}");
    }
}
