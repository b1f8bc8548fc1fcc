use super::*;

const GOOD: [(Setting, &str); 45] = [
    (Setting::Name, "Acme"),
    (Setting::Zone, "Africa/Douala"),
    (Setting::Language, "fr"),
    (Setting::DailyLimit, "5000"),
    (Setting::DailyLimit, "none"),
    (Setting::Quiet, "20:00-08:00"),
    (Setting::Quiet, "none"),
    (Setting::BusinessDays, "mon,wed,sat"),
    (Setting::BusinessDays, "all"),
    (Setting::SubscriptionEnds, "2026-12-01T09:00"),
    (Setting::WarmUp, "20,50,100,200"),
    (Setting::WarmUp, "off"),
    (Setting::DefaultNumber, "none"),
    (Setting::Simultaneous, "yes"),
    (Setting::StopFailed, "0.3"),
    (Setting::StopOptedOut, "0.05"),
    (Setting::StopContentRefused, "1"),
    (Setting::StopAfter, "50"),
    (Setting::WarnFailed, "10"),
    (Setting::WarnBlocked, "none"),
    (Setting::CanaryPhone, "none"),
    (Setting::CanaryTemplate, "hello_world en"),
    (Setting::CanaryTemplate, "none"),
    (Setting::WarnAfter, "50"),
    (Setting::StandbyDays, "30"),
    (Setting::SilenceAfter, "20"),
    (Setting::SilencePast, "100"),
    (Setting::Slots, "1-30"),
    (Setting::SlotExpiry, "none"),
    (Setting::OptOutLine, "no"),
    (Setting::SuppressFailures, "3"),
    (Setting::SuppressUnanswered, "none"),
    (Setting::StopWords, "basta, fini"),
    (Setting::StartWords, "none"),
    (Setting::StopConfirmation, "You get no more. | fr=C'est noté."),
    (Setting::StopConfirmation, "1 + 1 = 2 \\| 3\\nBye \\\\"),
    (Setting::StartConfirmation, "none"),
    (Setting::AlertQuiet, "22:00-07:00"),
    (Setting::AlertQuiet, "08:00-24:00"),
    (Setting::TokenDays, "90"),
    (Setting::TokenDays, "none"),
    (Setting::ReportAt, "07:30"),
    (Setting::ReportAt, "none"),
    (Setting::StepText(0), "fr=Bonjour {{name|toi}} | de=Hallo\\nZwei \\| Drei | en=Hi"),
    (Setting::StepText(99), "none"),
];

#[test]
fn what_is_written_is_read_and_written_the_same() {
    for (setting, text) in GOOD {
        let read = setting.read(text).unwrap_or_else(|why| panic!("{setting:?} {text}: {why}"));
        assert_eq!(read.to_string(), text, "{setting:?}");
    }
}

#[test]
fn every_setting_is_shown_once_and_tried_here() {
    for shape in SETTINGS.iter().chain(&STEP_TEXTS) {
        assert_eq!(shape.setting.shape().label, shape.label);
    }
    assert_eq!(STEP_TEXTS.len(), crate::domain::campaign::spec::STEPS_LIMIT);
    for (nth, shape) in (0..).zip(&STEP_TEXTS) {
        assert_eq!(
            (shape.setting, shape.label),
            (Setting::StepText(nth), format!("Step {}", nth + 1).as_str())
        );
    }
    for shape in &SETTINGS {
        assert_eq!(SETTINGS.iter().filter(|other| other.setting == shape.setting).count(), 1, "{shape:?}");
        assert!(GOOD.iter().any(|(setting, _)| *setting == shape.setting), "{shape:?}");
    }
    // One heading stands once.
    let mut parts: Vec<&str> = SETTINGS.iter().chain(&STEP_TEXTS).map(|shape| shape.part).collect();
    parts.dedup();
    let all = parts.len();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), all);
}

#[test]
fn a_phone_is_read_whole_and_shown_masked() {
    let read = Setting::CanaryPhone.read("+237 600 000 001").unwrap();
    assert_eq!(read, Set::Phone(Phone::parse("+237600000001").ok()));
    assert_eq!(read.to_string(), "+2376*****001");
    assert!(Setting::CanaryPhone.read("+2376*****001").is_err(), "a mask is no phone");
}

#[test]
fn texts_know_their_languages() {
    let read = Setting::StopConfirmation.read("Bye | fr=Au revoir | pt-BR=Tchau").unwrap();
    let Set::Texts(Some(texts)) = read else { panic!("{read:?}") };
    let texts: Vec<(&str, &str)> = texts.iter().map(|(tag, said)| (tag.as_str(), said.as_str())).collect();
    assert_eq!(texts, [("", "Bye"), ("fr", "Au revoir"), ("pt-BR", "Tchau")]);
}

#[test]
fn whatever_a_text_says_comes_back_the_same() {
    for said in
        ["{{name|friend}}", "a {{ | b", "{{a|b}} | {{", "}} {{", "{{{name}}}", "a\\{{b|c\nd}}|", "{{a\\|b}}"]
    {
        let texts = [("en".to_owned(), said.to_owned()), ("fr".to_owned(), "x }} y".to_owned())];
        let written = Set::Texts(Some(texts.clone().into())).to_string();
        let read = Setting::StopConfirmation.read(&written).unwrap_or_else(|why| panic!("{written}: {why}"));
        assert_eq!(read, Set::Texts(Some(texts.into())), "{said}: {written}");
    }
}

#[test]
fn what_is_wrong_is_a_sentence() {
    for (setting, text, said) in [
        (Setting::Name, " ", "a name is needed"),
        (Setting::Zone, "Douala", "IANA name"),
        (Setting::Language, "?", "?"),
        (Setting::DailyLimit, "0", "a whole number from 1"),
        (Setting::DailyLimit, "many", ", or none"),
        (Setting::Quiet, "8-20", "no time of day"),
        (Setting::Quiet, "08:00-08:00", "begins and ends at the same time"),
        (Setting::Quiet, "00:00-24:00", "begins and ends at the same time"),
        (Setting::BusinessDays, "monday", "no day of the week"),
        (Setting::SubscriptionEnds, "tomorrow", "2026-12-01T09:00"),
        (Setting::WarmUp, "20,,50", "whole numbers from 1"),
        (Setting::DefaultNumber, "12", "has no country code"),
        (Setting::CanaryTemplate, "one two three", "name of a template"),
        (Setting::StopFailed, "2", "it is no share"),
        (Setting::StopAfter, "none", "a whole number from 1 to 1000000"),
        (Setting::OptOutLine, "maybe", "yes or no"),
        (Setting::Slots, "30-1", "no range of slots"),
        (Setting::StopWords, "stop, !", "has no letter"),
        (Setting::WarnFailed, "101", "from 1 to 100, or none"),
        (Setting::ReportAt, "7", "no time of day"),
        (Setting::StopConfirmation, "Bye | ", "says nothing"),
        (Setting::StopConfirmation, "fr=a | fr=b", "two texts in fr"),
        (Setting::StopConfirmation, "a | b", "name no language"),
        (Setting::WarnAfter, "none", "a whole number from 1 to 1000000"),
        (Setting::StepText(0), "Hi {{name", "is never closed"),
        (Setting::StepText(0), "Hi | fr={{", "the text in fr"),
        (Setting::StepText(1), "Hi | ", "none for no text"),
    ] {
        let why = setting.read(text).expect_err(text);
        assert!(!why.contains("steps["), "{why}");
        assert!(why.contains(said) && why.len() > 10, "{setting:?} {text}: {why}");
    }
}

#[test]
fn quiet_hours_are_the_rest_of_the_open_ones_and_come_back_the_same() {
    for (quiet, days, open) in [
        ("20:00-08:00", "mon-fri", Some("08:00-20:00 mon,tue,wed,thu,fri")),
        ("08:00-24:00", "all", Some("00:00-08:00")),
        ("00:00-08:00", "all", Some("08:00-24:00")),
        ("12:00-13:00", "all", Some("13:00-12:00")),
        ("none", "sun", Some("00:00-24:00 sun")),
        ("none", "all", None),
    ] {
        let set = [(Setting::Quiet, quiet), (Setting::BusinessDays, days)];
        let settings = Settings::of(set.map(|(setting, text)| (setting, setting.read(text).unwrap())));
        let hours = settings.hours().unwrap();
        assert_eq!(hours.map(|hours| hours.to_string()).as_deref(), open, "{quiet} {days}");
        let (span, on) = quiet_and_days(hours);
        assert_eq!(span, Setting::Quiet.read(quiet).unwrap(), "{quiet}");
        assert_eq!(on, Setting::BusinessDays.read(days).unwrap(), "{days}");
    }
}
