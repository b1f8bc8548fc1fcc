//! What each provider can send of each kind of step: the tables of the sheets' section 2, read by hand.

use super::*;
use crate::domain::content::{Parameters, registry::KnownTemplate};
use crate::domain::locale::Locale;
use crate::domain::template::Text;
use std::collections::BTreeMap;

const SID: &str = "HX00000000000000000000000000000001";

fn template(name: &str, parameters: usize) -> StepTemplate {
    let text = |_| Text::parse("{{name|friend}}").unwrap();
    let parameters = Parameters::Positional((0..parameters).map(text).collect());
    StepTemplate::filled_with(name.to_owned(), "en".parse().unwrap(), parameters)
}

/// `text`, `image`, `template` and so on, with spaces between.
fn step(carries: &str) -> Shape {
    let mut shape = Shape { has_text: false, template: None, media: None };
    for word in carries.split(' ') {
        match word {
            "text" => shape.has_text = true,
            "template" => shape.template = Some(template("offer", 1)),
            "sid" => shape.template = Some(template(SID, 1)),
            "" => {}
            kind => shape.media = Some(kind.parse().unwrap()),
        }
    }
    shape
}

fn known(status: TemplateStatus) -> KnownTemplate {
    KnownTemplate {
        provider_id: SID.to_owned(),
        name: "offer".to_owned(),
        language: "en".to_owned(),
        status,
        parameters: Some(vec!["1".to_owned()]),
        header: Header::Fixed,
        buttons: Vec::new(),
    }
}

fn listed(templates: Vec<KnownTemplate>) -> Registry {
    Registry { listed: true, templates }
}

/// `template HX…`, `media+`, `text`, or the words of what forbids it.
fn said(provider: ProviderKind, step: &Shape, registry: &Registry) -> String {
    match form(provider, step, registry) {
        Ok(Form::Template { id, header }) => format!("template {id}{}", if header { " +header" } else { "" }),
        Ok(Form::Media { caption }) => format!("media{}", if caption { " +caption" } else { "" }),
        Ok(Form::Text) => "text".to_owned(),
        Err(cannot) => format!("no: {cannot}"),
    }
}

#[test]
fn each_provider_sends_what_it_can() {
    const NO_CAPTION: &str = "no: takes no caption with";
    // Step; Meta, Twilio, UltraMsg, of accounts of which nothing is known.
    let table = [
        ("text", "text", "text", "text"),
        ("image", "media", "media", "media"),
        ("video", "media", "media", "media"),
        ("document", "media", "media", "media"),
        ("audio", "media", "media", "media"),
        ("text image", "media +caption", "media +caption", "media +caption"),
        ("text video", "media +caption", NO_CAPTION, "media +caption"),
        ("text document", "media +caption", NO_CAPTION, "media +caption"),
        ("text audio", NO_CAPTION, NO_CAPTION, NO_CAPTION),
        ("template", "template offer", "no: has no template \"offer\"", "no: has no templates"),
        ("text template", "template offer", "text", "text"),
        ("image template", "template offer", "media", "media"),
        ("text video template", "template offer", NO_CAPTION, "media +caption"),
        ("text audio template", "template offer", NO_CAPTION, NO_CAPTION),
        ("sid", &format!("template {SID}"), &format!("template {SID}"), "no: has no templates"),
        ("text sid", &format!("template {SID}"), &format!("template {SID}"), "text"),
        ("", "no: gets nothing", "no: gets nothing", "no: gets nothing"),
    ];
    let nothing = Registry::default();
    for (carries, meta, twilio, ultramsg) in table {
        let step = step(carries);
        for (provider, expected) in
            [(ProviderKind::Meta, meta), (ProviderKind::Twilio, twilio), (ProviderKind::Ultramsg, ultramsg)]
        {
            let found = said(provider, &step, &nothing);
            let fits =
                if expected.starts_with("no:") { found.starts_with(expected) } else { found == expected };
            assert!(fits, "{carries:?} at {provider}: {found}, not {expected}");
        }
    }
}

#[test]
fn what_an_account_is_known_to_have_decides_over_templates() {
    let (meta, twilio) = (ProviderKind::Meta, ProviderKind::Twilio);
    let step = step("text template");
    let approved = listed(vec![known(TemplateStatus::Approved)]);
    assert_eq!(said(meta, &step, &approved), "template offer");
    assert_eq!(said(twilio, &step, &approved), format!("template {SID}"), "by its sid, once that is known");
    for status in [
        TemplateStatus::Pending,
        TemplateStatus::Rejected,
        TemplateStatus::Paused,
        TemplateStatus::Disabled,
        TemplateStatus::Deleted,
    ] {
        let registry = listed(vec![known(status)]);
        for provider in [meta, twilio] {
            let expected = format!("no: says that template \"offer\" is {status}");
            assert_eq!(said(provider, &step, &registry), expected, "the text is no way round it");
        }
    }
    let strange = listed(vec![known(TemplateStatus::Unknown)]);
    assert_eq!(said(meta, &step, &strange), "template offer", "only the provider can tell");
    let several = listed(vec![known(TemplateStatus::Rejected), known(TemplateStatus::Approved)]);
    assert_eq!(said(meta, &step, &several), "template offer", "one of the same name is approved");
}

#[test]
fn a_template_in_several_languages_needs_each_of_them_and_gives_each_reader_theirs() {
    let several = Shape {
        template: Some(StepTemplate {
            languages: vec!["fr".parse().unwrap(), "pt-BR".parse().unwrap()],
            ..template("offer", 1)
        }),
        ..step("template")
    };
    let in_language = |language: &str, id: &str, status| KnownTemplate {
        language: language.into(),
        provider_id: id.into(),
        ..known(status)
    };
    let approved = TemplateStatus::Approved;
    let two = vec![in_language("en", "HXen", approved), in_language("fr", "HXfr", approved)];
    let all = |last| listed([two.clone(), vec![in_language("pt_BR", "HXpt", last)]].concat());
    for provider in [ProviderKind::Meta, ProviderKind::Twilio] {
        let missing = said(provider, &several, &listed(two.clone()));
        assert!(missing.starts_with("no: has template \"offer\" in en, fr, not in pt-BR"), "{missing}");
        let paused = said(provider, &several, &all(TemplateStatus::Paused));
        assert_eq!(paused, "no: says that template \"offer\" is paused", "one that is stopped stops it");
        assert!(form(provider, &several, &all(approved)).is_ok());
    }
    for (locale, language, id) in [
        (None, "en", "HXen"),
        (Some("fr-CM"), "fr", "HXfr"),
        (Some("pt-BR"), "pt-BR", "HXpt"),
        // Another country's is not theirs.
        (Some("pt-PT"), "en", "HXen"),
        (Some("de"), "en", "HXen"),
    ] {
        let wanted: Option<Locale> = locale.map(|locale: &str| locale.parse().unwrap());
        let shape = several.for_reader(wanted.as_ref());
        let own = shape.template.as_ref().unwrap();
        assert_eq!((own.language.as_str(), own.languages.len()), (language, 0), "{locale:?}");
        let chosen = form(ProviderKind::Twilio, &shape, &all(approved));
        assert_eq!(chosen, Ok(Form::Template { id: id.to_owned(), header: false }), "{locale:?}");
    }
}

#[test]
fn another_name_language_or_number_of_parameters_is_found() {
    let meta = ProviderKind::Meta;
    let step = step("template");
    let other = |change: fn(&mut KnownTemplate)| {
        let mut template = known(TemplateStatus::Approved);
        change(&mut template);
        listed(vec![template])
    };
    let table: [(Registry, &str); 6] = [
        (other(|known| known.name = "sale".into()), "no: has no template \"offer\""),
        (other(|known| known.language = "pt_BR".into()), "no: has template \"offer\" in pt_BR, not in en"),
        (
            other(|known| known.parameters = Some(vec!["1".into(), "2".into()])),
            "no: wants 2 parameters for template \"offer\", and the step gives 1 parameter",
        ),
        (
            other(|known| known.parameters = Some(vec!["first_name".into()])),
            "no: wants first_name for template \"offer\", and the step gives 1 parameter",
        ),
        (
            other(|known| known.parameters = Some(Vec::new())),
            "no: wants no parameters for template \"offer\", and the step gives 1 parameter",
        ),
        (other(|known| known.parameters = None), "template offer"),
    ];
    for (registry, expected) in table {
        assert_eq!(said(meta, &step, &registry), expected);
    }
    let elsewhere = other(|known| known.name = "sale".into());
    assert_eq!(said(ProviderKind::Twilio, &super::tests::step("text template"), &elsewhere), "text");
    let told_only = Registry { listed: false, ..elsewhere };
    assert_eq!(said(meta, &step, &told_only), "template offer", "an account that was not listed may have it");
}

#[test]
fn media_goes_on_top_of_a_template_that_has_a_place_for_it() {
    let meta = ProviderKind::Meta;
    let with = |header| {
        let mut template = known(TemplateStatus::Approved);
        template.header = header;
        listed(vec![template])
    };
    let image = with(Header::Media(MediaKind::Image));
    assert_eq!(said(meta, &step("template image"), &image), "template offer +header");
    assert_eq!(said(meta, &step("template image"), &with(Header::Fixed)), "template offer");
    assert_eq!(
        said(meta, &step("template video"), &image),
        "no: wants media of kind image on top of template \"offer\", and the step brings video"
    );
    assert!(said(meta, &step("template"), &image).starts_with("no: wants media of kind image"));
    assert!(said(meta, &step("template"), &with(Header::Other)).starts_with("no: wants something"));
}

#[test]
fn a_headline_is_filled_where_the_template_has_one() {
    let meta = ProviderKind::Meta;
    let with = |header| listed(vec![KnownTemplate { header, ..known(TemplateStatus::Approved) }]);
    let titled = |header| Shape {
        template: Some(StepTemplate { header, ..template("offer", 1) }),
        ..step("template image")
    };
    let text = || Text::parse("{{name|friend}}").unwrap();
    let (none, one) = (Parameters::default(), Parameters::Positional(vec![text()]));
    let named = Parameters::Named(BTreeMap::from([("who".to_owned(), text())]));
    let by_order = || with(Header::Text(vec!["1".into()]));
    let by_name = || with(Header::Text(vec!["who".into()]));
    let wants = |wanted: &str, given: &str| {
        format!("no: wants {wanted} on top of template \"offer\", and the step brings {given}")
    };
    let one_given = "a headline with 1 parameter";
    let image = with(Header::Media(MediaKind::Image));
    for (parameters, registry, expected) in [
        (&one, by_order(), "template offer".to_owned()),
        (&named, by_name(), "template offer".to_owned()),
        (&none, by_order(), wants("a headline with 1 parameter", "image")),
        (&one, by_name(), wants("a headline with who", one_given)),
        (&one, with(Header::Fixed), wants("nothing", one_given)),
        (&one, image, wants("media of kind image", one_given)),
        // Before the first list the provider's answer tells.
        (&one, Registry::default(), "template offer".to_owned()),
    ] {
        assert_eq!(said(meta, &titled(parameters.clone()), &registry), expected);
    }
}

#[test]
fn buttons_are_filled_where_the_template_has_them() {
    let open = |index, kind| button::OpenButton { index, kind };
    let (url, code) = (button::ButtonKind::Url, button::ButtonKind::CopyCode);
    let registry = listed(vec![KnownTemplate {
        buttons: vec![open(0, button::ButtonKind::QuickReply), open(1, url)],
        ..known(TemplateStatus::Approved)
    }]);
    let with = |index, kind| {
        let text = Text::parse("promo").unwrap();
        let buttons = vec![button::StepButton { index, kind, text }];
        Shape { template: Some(StepTemplate { buttons, ..template("offer", 1) }), ..step("template") }
    };
    let meta = ProviderKind::Meta;
    assert_eq!(said(meta, &with(1, url), &registry), "template offer");
    let wants = "no: wants buttons payload at 0 and url at 1 for template \"offer\", and the step gives";
    assert_eq!(said(meta, &step("template"), &registry), format!("{wants} no buttons"));
    assert_eq!(said(meta, &with(0, code), &registry), format!("{wants} buttons code at 0"));
    assert_eq!(said(meta, &with(1, code), &Registry::default()), "template offer", "nothing is known yet");
}

#[test]
fn twilio_numbers_text_headline_and_buttons_together() {
    let text = || Text::parse("{{name|friend}}").unwrap();
    let full = StepTemplate {
        header: Parameters::Named(BTreeMap::from([("title".to_owned(), text())])),
        buttons: vec![button::StepButton { index: 2, kind: button::ButtonKind::Url, text: text() }],
        ..template("offer", 2)
    };
    assert_eq!(full.names_together(), ["1", "2", "title", "4"]);
    let shape = Shape { template: Some(full), ..step("template") };
    let wanting = |names: &[&str]| {
        let parameters = Some(names.iter().map(|name| (*name).to_owned()).collect());
        listed(vec![KnownTemplate { parameters, ..known(TemplateStatus::Approved) }])
    };
    let twilio = ProviderKind::Twilio;
    assert_eq!(said(twilio, &shape, &wanting(&["4", "1", "2", "title"])), format!("template {SID}"));
    assert_eq!(
        said(twilio, &shape, &wanting(&["1", "2"])),
        "no: wants 2 parameters for template \"offer\", and the step gives 1, 2, title, 4"
    );
}

#[test]
fn a_number_takes_part_only_if_it_can_send_every_step() {
    let (first, second) = (step("text"), step("template"));
    let steps = || [(1, &first), (2, &second)];
    let nothing = Registry::default();
    assert_eq!(first_unable(ProviderKind::Meta, steps(), &nothing), None);
    assert_eq!(first_unable(ProviderKind::Ultramsg, steps(), &nothing), Some((2, Cannot::NoTemplates)));
}

#[test]
fn remarks_say_what_may_still_go_wrong() {
    let of = |provider, carries: &str, registry: &Registry| {
        let step = step(carries);
        let form = form(provider, &step, registry).unwrap();
        remarks(provider, &step, registry, &form)
    };
    let nothing = Registry::default();
    let approved = listed(vec![known(TemplateStatus::Approved)]);
    assert_eq!(of(ProviderKind::Meta, "text", &nothing), [Remark::FreeText]);
    assert_eq!(of(ProviderKind::Ultramsg, "text", &nothing), []);
    assert_eq!(of(ProviderKind::Twilio, "text template", &nothing), [Remark::TextInstead]);
    assert_eq!(of(ProviderKind::Meta, "template", &nothing), [Remark::Unlisted]);
    assert_eq!(of(ProviderKind::Meta, "template", &approved), []);
    let strange = listed(vec![known(TemplateStatus::Unknown)]);
    assert_eq!(of(ProviderKind::Meta, "template", &strange), [Remark::StrangeStatus]);
}

#[test]
fn parameters_by_name_fit_in_any_order() {
    let mut named = step("template");
    if let Some(template) = &mut named.template {
        let text = Text::parse("x").unwrap();
        template.parameters =
            Parameters::Named(BTreeMap::from([("b".to_owned(), text.clone()), ("a".to_owned(), text)]));
    }
    let mut template = known(TemplateStatus::Approved);
    template.parameters = Some(vec!["b".into(), "a".into()]);
    assert_eq!(said(ProviderKind::Meta, &named, &listed(vec![template])), "template offer");
}
