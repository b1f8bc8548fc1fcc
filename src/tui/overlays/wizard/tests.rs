use crate::domain::campaign::{CampaignFile, Context};
use crate::store::view::{AudienceCount, CampaignMade};
use crate::tui::backend::{BackendError, Making};
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg, Question, Reading, Slot};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::wizard::Origin;
use std::sync::Arc;
use std::time::Duration;

fn desk() -> Desk {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 n");
    desk.effects.clear();
    desk
}

fn is_open(desk: &Desk) -> bool {
    matches!(desk.model.overlays.last(), Some(Overlay::Wizard(_)))
}

/// A name, one country and a text.
fn fill(desk: &mut Desk, name: &str) {
    desk.text(name);
    desk.keys("Tab");
    desk.text("CM");
    desk.keys("PgDn Tab Tab");
    desk.text("en");
    desk.keys("Tab");
    desk.text("Hello {{name|friend}}\\nSale!");
}

fn summer_sale() -> CampaignMade {
    let name = "summer-sale".into();
    CampaignMade { name, planned: 5, queued: 3, skipped: 2, starts_by_itself: false, through: None }
}

#[test]
fn what_is_typed_is_made_by_the_file_that_says_it() {
    let mut desk = desk();
    fill(&mut desk, "summer-sale");
    desk.keys("PgDn");
    desk.text("2026-12-01T09:00");
    desk.keys("PgDn Tab");
    desk.text("10");
    desk.wait(700);
    desk.keys("ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("310 077 people would be sent to, 41 300 enrolled and left out"), "{screen}");
    assert!(screen.contains("it starts BY ITSELF at 2026-12-01 09:00"), "{screen}");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Make { .. })), "it asks first");
    desk.keys("Enter");
    let Some(Effect::Make { source, .. }) = desk.effects.last().cloned() else {
        panic!("{:?}", desk.effects)
    };
    let spec = CampaignFile::parse(&source, "c.toml", &Context::in_zone(chrono_tz::Africa::Douala)).unwrap();
    assert_eq!((spec.name.as_str(), spec.priority.get(), spec.steps.len()), ("summer-sale", 10, 1));
    assert_eq!(spec.audience.countries.len(), 1);
    assert_eq!(spec.steps[0].content.texts.0[0].text.source(), "Hello {{name|friend}}\nSale!");
    desk.keys("Enter Enter");
    let made = desk.effects.iter().filter(|effect| matches!(effect, Effect::Make { .. })).count();
    assert_eq!(made, 1, "a key held down makes one");
    let answer = summer_sale();
    desk.send(Msg::Made { source, answer: Ok(Making::Made(answer)) });
    assert!(!is_open(&desk));
    let screen = desk.screen();
    assert!(screen.contains("made summer-sale: 3 queued, 2 skipped"), "{screen}");
    assert!(screen.contains("L launches it"), "{screen}");
}

#[test]
fn leaving_asks_where_something_would_be_lost() {
    let mut desk = desk();
    desk.keys("Esc");
    assert!(!is_open(&desk), "nothing was typed");
    for key in ["Esc", "ctrl-c"] {
        desk.keys("n");
        desk.text("a");
        desk.keys(key);
        assert!(desk.screen().contains("Leave without saving?"));
        desk.keys("y Tab Enter");
        assert!(is_open(&desk), "keys typed ahead answer nothing");
        desk.keys(key);
        assert!(is_open(&desk) && !desk.screen().contains("Leave without saving?"));
        desk.keys(key);
        desk.wait(400);
        desk.keys("Enter");
        assert!(is_open(&desk), "going on is what Enter means");
        desk.keys(key);
        desk.wait(400);
        desk.keys("y");
        assert!(!is_open(&desk));
        assert!(matches!(desk.effects.last(), Some(Effect::ForgetEstimate)));
    }
}

#[test]
fn a_page_and_a_step_keep_what_was_typed_while_others_are_open() {
    let mut desk = desk();
    fill(&mut desk, "a");
    desk.keys("ctrl-n");
    desk.text("1d");
    desk.keys("Tab");
    desk.text("fr");
    desk.keys("Tab");
    desk.text("Salut");
    assert!(desk.screen().contains("2 of 2"), "{}", desk.screen());
    desk.keys("Shift-Tab Shift-Tab Shift-Tab Left");
    assert!(desk.screen().contains("Hello {{name|friend}}"), "{}", desk.screen());
    desk.keys("Right");
    assert!(desk.screen().contains("Salut"));
    desk.keys("ctrl-x");
    assert!(desk.screen().contains("2 of 2"), "a step with text goes only when asked twice");
    desk.keys("ctrl-x");
    assert!(desk.screen().contains("1 of 1") && desk.screen().contains("Hello"), "{}", desk.screen());
    desk.keys("PgUp");
    assert!(desk.screen().contains("[CM"), "{}", desk.screen());
}

#[test]
fn what_is_wrong_stands_beside_its_question() {
    let mut desk = desk();
    desk.text("a b");
    let screen = desk.screen();
    assert!(screen.contains("! name holds ' '"), "{screen}");
    desk.keys("Tab Tab Tab");
    desk.text("65-18");
    desk.keys("PgDn PgDn");
    desk.text("tomorrow");
    let screen = desk.screen();
    assert!(screen.contains("! starts_at \"tomorrow\" is not a time"), "{screen}");
    assert!(screen.lines().any(|line| line.contains("Who !2") && line.contains("[When]!1")), "{screen}");
    assert!(!screen.contains("is missing"), "what is not there yet is no fault while one types");
    desk.keys("ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("[Who]!2") && screen.contains(" What !1"), "{screen}");
    assert!(screen.contains("> Name"), "the first one has the focus: {screen}");
    assert!(!screen.contains("Create the campaign now"));
}

#[test]
fn a_name_that_is_taken_is_told_where_it_is_typed() {
    let mut desk = desk();
    fill(&mut desk, "spring-news");
    desk.wait(700);
    let screen = desk.screen();
    assert!(screen.contains("Who !1"), "{screen}");
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("there is a campaign \"spring-news\" already"), "{}", desk.screen());
    desk.text("-2");
    desk.wait(700);
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("Create the campaign now"), "{}", desk.screen());
    // Somebody else was first: all of it is still there.
    desk.keys("Enter");
    let Some(Effect::Make { source, .. }) = desk.effects.last().cloned() else {
        panic!("{:?}", desk.effects)
    };
    let wrong = vec![("name".into(), "there is a campaign \"spring-news-2\" already".into())];
    desk.send(Msg::Made { source, answer: Ok(Making::Wrong(wrong)) });
    assert!(is_open(&desk));
    assert!(desk.screen().contains("[spring-news-2"), "{}", desk.screen());
    assert!(desk.screen().contains("[Who]!1"), "{}", desk.screen());
}

/// The estimates that were asked for.
fn estimates(desk: &Desk) -> Vec<u64> {
    let asked = |effect: &Effect| match effect {
        Effect::Ask { request, question: Question::Estimate(_) } => Some(*request),
        _ => None,
    };
    desk.effects.iter().filter_map(asked).collect()
}

fn answer(desk: &mut Desk, request: u64, answer: Result<Reading, BackendError>) {
    desk.send(Msg::Answer { slot: Slot::Estimate, request, took: Duration::from_millis(3), answer });
}

#[test]
fn an_estimate_is_asked_for_in_pauses_and_marked_while_it_is_late() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2");
    desk.answers = false;
    desk.keys("n");
    desk.keys("Tab");
    desk.text("C");
    desk.wait(100);
    desk.text("M");
    let before = estimates(&desk).len();
    desk.wait(340);
    assert_eq!(estimates(&desk).len(), before, "while one types nothing is asked");
    assert!(desk.screen().contains("estimating ..."), "{}", desk.screen());
    desk.wait(20);
    let first = *estimates(&desk).last().unwrap();
    assert_eq!(estimates(&desk).len(), before + 1);
    let Some(Effect::Ask { question: Question::Estimate(spec), .. }) = desk
        .effects
        .iter()
        .rev()
        .find(|effect| matches!(effect, Effect::Ask { question: Question::Estimate(_), .. }))
        .cloned()
    else {
        panic!("nothing was asked")
    };
    let count = || Ok(Reading::Estimate(Arc::new(audience_count(&spec))));
    let about = |margin| {
        let count = AudienceCount { queued: 311_412, margin: Some(margin), ..audience_count(&spec) };
        Ok(Reading::Estimate(Arc::new(count)))
    };
    answer(&mut desk, first, about(12_000));
    let screen = desk.screen();
    assert!(screen.contains("counting ... (this is from a sample)"), "{screen}");
    assert!(screen.contains("about 310 000 of 2 400 000 contacts would be sent to"), "{screen}");
    assert!(screen.contains("not, at about: 2 000 000 other country"), "{screen}");
    assert_eq!(estimates(&desk).len(), before + 1, "the count itself is still waited for");
    answer(&mut desk, first, count());
    let screen = desk.screen();
    assert!(screen.contains("310 077 of 2 400 000 contacts would be sent to, at 14:03:2"), "{screen}");
    assert!(screen.contains("38 200 skipped: opted out") && !screen.contains("of before"), "{screen}");
    desk.text(", NG");
    assert!(desk.screen().contains("estimating ... (this is of before)"), "{}", desk.screen());
    desk.wait(400);
    let second = *estimates(&desk).last().unwrap();
    assert_ne!(first, second);
    // It goes on being typed: whoever counts is told to stop, and the answer is nobody's.
    desk.effects.clear();
    desk.text(", SN");
    assert!(desk.effects.contains(&Effect::ForgetEstimate));
    answer(&mut desk, second, about(12_000));
    answer(&mut desk, second, count());
    assert!(desk.screen().contains("this is of before"), "{}", desk.screen());
    desk.wait(400);
    let third = *estimates(&desk).last().unwrap();
    answer(&mut desk, third, about(400_000));
    assert!(desk.screen().contains("fewer than 700 000 of about 2 400 000 contacts"), "{}", desk.screen());
    answer(&mut desk, second, count());
    assert!(desk.screen().contains("fewer than"), "an older answer says nothing: {}", desk.screen());
    answer(&mut desk, third, Err(BackendError::Slow));
    assert!(
        desk.screen().contains("not counted (this is from a sample): the database took too long"),
        "{}",
        desk.screen()
    );
    desk.wait(5_100);
    assert_ne!(*estimates(&desk).last().unwrap(), third, "it is tried again");
    desk.text("X");
    assert!(desk.screen().contains("not estimated: see ! (this is of before)"), "{}", desk.screen());
}

#[test]
fn pasted_lines_stay_lines_in_a_text() {
    let mut desk = desk();
    desk.keys("PgDn Tab Tab Tab");
    desk.send(Msg::Paste("one\r\ntwo\nthree".into()));
    assert!(desk.screen().contains("one\\ntwo\\nthree"), "{}", desk.screen());
    desk.send(Msg::Paste("x".repeat(9_000)));
    assert!(desk.screen().contains("found no room here"), "{}", desk.screen());
}

#[test]
fn a_file_is_written_instead_under_a_name_that_is_asked_for() {
    let mut desk = desk();
    fill(&mut desk, "summer-sale");
    desk.wait(700);
    desk.keys("ctrl-s Tab");
    desk.text("x");
    desk.keys("Enter Enter");
    let Some(Effect::Write { name, source }) = desk.effects.last().cloned() else {
        panic!("{:?}", desk.effects)
    };
    assert_eq!(name, "summer-sale.tomlx");
    desk.send(Msg::Written {
        source: source.clone(),
        answer: Err(BackendError::Refused("it exists already".into())),
    });
    assert!(is_open(&desk) && desk.screen().contains("it exists already"));
    desk.keys("Enter");
    desk.send(Msg::Written { source, answer: Ok("/tmp/summer-sale.tomlx".into()) });
    assert!(desk.screen().contains("the file is written"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(!is_open(&desk), "what is written is not lost");
}

#[test]
fn who_may_only_look_gets_no_form() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.read_only = true;
    desk.keys("2 n");
    assert!(desk.model.overlays.is_empty());
    assert!(desk.screen().contains("READ-ONLY"));
}

fn opened(desk: &mut Desk, origin: Origin, source: &str) {
    desk.send(Msg::Opened { origin, answer: Ok(source.to_owned()) });
}

const TOML: &str = "name = \"spring-news\"\nweight = 3\nrollout = [1, 10, 100]\n[audience]\ncountries = [\"CM\"]\n\
                    [[steps]]\n[[steps.variants]]\ntext = { en = \"Hi\" }\n[[steps.variants]]\ntext = { en = \"Hello\" }\n";

#[test]
fn a_file_is_opened_by_its_name_into_the_form() {
    let mut desk = desk();
    desk.text("x");
    desk.keys("ctrl-r");
    assert!(desk.screen().contains("What is typed here is replaced"), "{}", desk.screen());
    desk.text("summer.toml");
    desk.keys("Enter Enter");
    let asked: Vec<&Effect> =
        desk.effects.iter().filter(|effect| matches!(effect, Effect::Open(_))).collect();
    assert_eq!(asked, [&Effect::Open(Origin::File("summer.toml".to_owned()))], "a key held down asks once");
    let why = BackendError::Refused("summer.toml was not read: no such file".into());
    desk.send(Msg::Opened { origin: Origin::File("summer.toml".to_owned()), answer: Err(why) });
    assert!(desk.screen().contains("no such file"), "{}", desk.screen());
    assert!(desk.screen().contains("Open a campaign file"), "the name can be mended");
    desk.keys("Enter");
    opened(&mut desk, Origin::File("summer.toml".to_owned()), &TOML.replace("spring-news", "summer"));
    let screen = desk.screen();
    assert!(screen.contains("New campaign  summer") && screen.contains("[CM"), "{screen}");
    desk.keys("PgDn");
    assert!(desk.screen().contains("1 of 2") && desk.screen().contains("[Hi "), "{}", desk.screen());
    desk.keys("PgDn PgDn");
    assert!(desk.screen().contains("[1, 10, 100"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(!is_open(&desk), "nothing was typed since");
    // Nobody waits for it any more.
    opened(&mut desk, Origin::File("summer.toml".to_owned()), TOML);
    assert!(!is_open(&desk));
}

#[test]
fn another_one_like_a_campaign_gets_a_name_of_its_own() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 N");
    let origin = Origin::Like(campaign_id(1), "spring-news".into());
    assert_eq!(desk.effects.last(), Some(&Effect::Open(origin.clone())));
    opened(&mut desk, origin, TOML);
    desk.text("autumn");
    desk.wait(700);
    desk.keys("ctrl-s Enter");
    let Some(Effect::Make { source, .. }) = desk.effects.last().cloned() else {
        panic!("{:?}", desk.effects)
    };
    let table = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(table(&source), table(&TOML.replace("spring-news", "autumn")));
}

#[test]
fn the_steps_of_a_campaign_are_changed_in_the_form() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 E");
    let origin = Origin::Edit(campaign_id(1), "spring-news".into());
    assert_eq!(desk.effects.last(), Some(&Effect::Open(origin.clone())));
    let plain = "name = \"spring-news\"\n[[steps]]\ntext = { en = \"Hi {{name|you}}\" }\n";
    opened(&mut desk, origin, plain);
    assert!(desk.screen().contains("Edit campaign  spring-news"), "{}", desk.screen());
    desk.keys("PgDn Tab Tab Tab");
    desk.text(", sale!");
    desk.wait(700);
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("Change what is still to be sent"), "{}", desk.screen());
    desk.keys("Enter");
    let Some(Effect::Change { campaign, source, .. }) = desk.effects.last().cloned() else {
        panic!("{:?}", desk.effects)
    };
    assert_eq!(campaign, campaign_id(1));
    assert!(source.contains("Hi {{name|you}}, sale!"), "{source}");
    let changed = Making::Changed("spring-news".into(), vec!["priority".into()]);
    desk.send(Msg::Made { source, answer: Ok(changed) });
    assert!(!is_open(&desk));
    let screen = desk.screen();
    assert!(
        screen.contains("changed spring-news") && screen.contains("stays as it is: priority"),
        "{screen}"
    );
}

#[test]
fn what_the_form_cannot_hold_is_not_opened() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 E");
    let long = "x".repeat(5_000);
    for (source, why) in [
        ("name = ".to_owned(), "not opened: this is not TOML"),
        (format!("name = \"a\"\n[[steps]]\ntext = {{ en = \"{long}\" }}\n"), "longer than the form takes"),
        (
            "name = \"a\"\n[[steps]]\ntext = { en = \"a\\u202eb\" }\n".to_owned(),
            "what the screen cannot show",
        ),
    ] {
        opened(&mut desk, Origin::Edit(campaign_id(1), "spring-news".into()), &source);
        assert!(!is_open(&desk));
        let toasts = format!("{:?}", desk.model.toasts);
        assert!(toasts.contains(why), "{why}: {toasts}");
    }
}

#[test]
fn a_large_enrolment_is_followed_and_left_to_itself() {
    let mut desk = desk();
    fill(&mut desk, "summer-sale");
    desk.wait(700);
    desk.keys("ctrl-s Enter");
    assert!(desk.screen().contains("working ..."), "{}", desk.screen());
    desk.keys("Esc");
    assert!(is_open(&desk), "nothing of it is there yet");
    desk.keys("ctrl-s");
    let mut overview = many_overview();
    let mut row = campaign(9, "summer-sale", crate::store::view::CampaignStanding::Draft);
    row.enrolling = Some((400_000, 1_000_000));
    overview.campaigns.insert(0, row.clone());
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    assert!(desk.screen().contains("enrolling: 40%, 400 000 contacts"), "{}", desk.screen());
    desk.keys("Esc");
    assert!(!is_open(&desk));
    assert!(desk.screen().contains("enrolling 40%"), "the list says it: {}", desk.screen());
    let launch = crate::tui::verbs::CampaignVerb::Launch.allowed(&row);
    assert_eq!(launch, Err("its people are still being enrolled".into()));
    // It is made while the next form is open: that one stays.
    desk.keys("n");
    desk.text("next");
    let Some(Effect::Make { source, .. }) =
        desk.effects.iter().find(|effect| matches!(effect, Effect::Make { .. })).cloned()
    else {
        panic!("nothing was made")
    };
    let made = summer_sale();
    desk.send(Msg::Made { source, answer: Ok(Making::Made(made)) });
    assert!(is_open(&desk) && desk.screen().contains("[next"), "{}", desk.screen());
}

/// The file that the form says now.
fn source(desk: &Desk) -> String {
    match desk.model.overlays.last() {
        Some(Overlay::Wizard(wizard)) => wizard.source.clone(),
        other => panic!("{other:?}"),
    }
}

fn table(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn variants_are_typed_each_with_its_weight() {
    let mut desk = desk();
    fill(&mut desk, "a");
    desk.keys("ctrl-y");
    assert!(desk.screen().contains("<2 of 2"), "{}", desk.screen());
    assert!(desk.screen().contains("Hello {{name|friend}}"), "it begins as a copy: {}", desk.screen());
    desk.text("short");
    desk.keys("Tab");
    desk.text("3");
    desk.keys("Tab Tab ctrl-u");
    desk.text("Hi");
    desk.keys("ctrl-n");
    desk.text("1d");
    desk.keys("Tab");
    desk.text("en");
    desk.keys("Tab");
    desk.text("Bye");
    // Everybody keeps their variant: the second step gets those of the first.
    desk.keys("ctrl-y Tab Tab Tab ctrl-u");
    desk.text("Ciao");
    let file = "name = \"a\"\n[audience]\ncountries = [\"CM\"]\n[[steps]]\n[[steps.variants]]\n\
                text = { en = \"Hello {{name|friend}}\\nSale!\" }\n[[steps.variants]]\nname = \"short\"\nweight = 3\n\
                text = { en = \"Hi\" }\n[[steps]]\nafter = \"1d\"\n[[steps.variants]]\ntext = { en = \"Bye\" }\n\
                [[steps.variants]]\nname = \"short\"\nweight = 3\ntext = { en = \"Ciao\" }\n";
    assert_eq!(table(&source(&desk)), table(file));
    assert!(desk.screen().contains("nothing is wrong"), "{}", desk.screen());
    // The other variant, and out with it.
    desk.keys("Shift-Tab Shift-Tab Shift-Tab Shift-Tab Left");
    assert!(desk.screen().contains("<1 of 2") && desk.screen().contains("[Bye"), "{}", desk.screen());
    desk.keys("ctrl-x");
    assert!(desk.screen().contains("<1 of 2"), "a variant with text goes only when asked twice");
    desk.keys("ctrl-x");
    assert!(desk.screen().contains("[Ciao") && !desk.screen().contains("Variant"), "{}", desk.screen());
    let left = "after = \"1d\"\n[[steps.variants]]\ntext = { en = \"Bye\" }\n[[steps.variants]]\n\
                name = \"short\"\nweight = 3\ntext = { en = \"Ciao\" }\n";
    let file = file.replace(left, "after = \"1d\"\ntext = { en = \"Ciao\" }\n");
    assert_eq!(table(&source(&desk)), table(&file), "what is of the step stays");
}

#[test]
fn buttons_and_named_parameters_are_typed() {
    let mut desk = desk();
    desk.text("a");
    desk.keys("PgDn Tab Tab Tab Tab");
    for typed in
        ["promo", "en", "fr", "who={{name|friend}}, town=Douala", "{{name|you}}", "url=promo-20, 2 code=1"]
    {
        desk.text(typed);
        desk.keys("Tab");
    }
    let file = "name = \"a\"\n[[steps]]\ntemplate = { name = \"promo\", language = \"en\", languages = [\"fr\"], \
                parameters = { who = \"{{name|friend}}\", town = \"Douala\" }, header = \"{{name|you}}\", \
                buttons = [{ url = \"promo-20\" }, { index = 2, code = \"1\" }] }\n";
    assert_eq!(table(&source(&desk)), table(file));
    assert!(desk.screen().contains("nothing is wrong"), "{}", desk.screen());
}

/// Goes from question to question until this one has the focus.
fn go_to(desk: &mut Desk, line: &str) {
    for _ in 0..30 {
        if desk.screen().contains(line) {
            return;
        }
        desk.keys("Tab");
    }
    panic!("no {line}: {}", desk.screen());
}

#[test]
fn what_is_wrong_with_a_variant_or_a_button_is_told_where_it_is_typed() {
    let mut desk = desk();
    let file = "name = \"a\"\n[[steps]]\ntext = { en = \"Hi\" }\n[[steps]]\nafter = \"1d\"\n\
                [[steps.variants]]\ntext = { en = \"Hi\" }\ntemplate = { name = \"t\", language = \"en\" }\n\
                [[steps.variants]]\nweight = 0\ntext = { en = \"Hi\" }\n\
                template = { name = \"t\", language = \"en\" }\n";
    desk.keys("ctrl-r");
    opened(&mut desk, Origin::File("a.toml".to_owned()), file);
    desk.keys("ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("<2 of 2") && screen.contains("[What]!1"), "{screen}");
    assert!(screen.contains(">   weight"), "{screen}");
    desk.keys("ctrl-u 2");
    go_to(&mut desk, ">   buttons");
    desk.text("promo");
    let screen = desk.screen();
    assert!(screen.contains("steps[1].variants[1].template.buttons[0]"), "{screen}");
    // The advice is how it is typed here, not how the file has it.
    assert!(screen.contains("url=promo-20") && !screen.contains("buttons = ["), "{screen}");
    desk.keys("ctrl-u");
    desk.text("url=x");
    desk.wait(700);
    desk.keys("ctrl-s");
    assert!(desk.screen().contains("Create the campaign now"), "{}", desk.screen());
    // Unlike parts cannot be compared: that is said of the variant.
    desk.keys("Esc");
    go_to(&mut desk, "> Template");
    desk.keys("ctrl-u Tab ctrl-u");
    go_to(&mut desk, ">   buttons");
    desk.keys("ctrl-u ctrl-s");
    let screen = desk.screen();
    assert!(
        screen.contains("> Variant ") && screen.contains("carries other parts than variant a"),
        "{screen}"
    );
}

#[test]
fn a_file_goes_through_the_form_as_it_is() {
    let mut files = 0;
    for folder in ["assets/examples", "assets/demo"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            if path.extension().is_none_or(|extension| extension != "toml") || !source.contains("[[steps]]") {
                continue;
            }
            let origin = Origin::File("x.toml".to_owned());
            let wizard = super::Wizard::begun_with(&source, &origin, chrono_tz::Africa::Douala)
                .unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            assert_eq!(wizard.source, source, "{}", path.display());
            assert!(!wizard.is_dirty());
            files += 1;
        }
    }
    assert!(files >= 10, "{files}");
}

#[test]
fn comments_of_a_file_are_kept_and_its_rollout_is_typed_with_its_conditions() {
    let file = "# Asked for by Ana.\nname = \"a\" # as in the ledger\n\n# Slowly.\n[rollout]\nstages = [5, 100]\n\
                wait = \"30m\" # enough\n\n# The greeting.\n[[steps]]\ntext = { en = \"Hi\" } # short\n";
    let mut desk = desk();
    desk.keys("ctrl-r");
    opened(&mut desk, Origin::File("a.toml".to_owned()), file);
    assert_eq!(source(&desk), file);
    assert!(!desk.screen().contains("not saved"), "{}", desk.screen());
    desk.keys("ctrl-u");
    desk.text("autumn");
    desk.keys("PgUp");
    go_to(&mut desk, "> Rollout");
    assert!(desk.screen().contains("[5, 100, wait=30m"), "{}", desk.screen());
    desk.keys("Backspace Backspace Backspace");
    desk.text("45m");
    desk.wait(800);
    let changed = file.replace("name = \"a\"", "name = \"autumn\"").replace("30m", "45m");
    assert_eq!(source(&desk), changed);
    assert!(desk.screen().contains("nothing is wrong"), "{}", desk.screen());
    // One like it keeps them too, with a name of its own.
    let origin = Origin::Like(campaign_id(1), "a".into());
    let like = super::Wizard::begun_with(file, &origin, chrono_tz::Africa::Douala).unwrap();
    assert!(like.source.contains("# Slowly.") && !like.source.contains("name ="), "{}", like.source);
}
