//! What is set of the organisation beside its own row: texts of steps, and by how many messages numbers are judged.

use crate::backend;
use crate::screen_world::World;
use signalbox::domain::action::{Action, Order};
use signalbox::domain::campaign::{CampaignFile, Context};
use signalbox::domain::setting::{Change, Setting};
use signalbox::domain::template::Texts;
use signalbox::tui::backend::{ActionAnswer, Backend as _};
use signalbox::tui::store_backend::StoreBackend;

fn set(changes: &[(Setting, &str, &str)]) -> Order {
    let change = |(setting, was, to): &(Setting, &str, &str)| Change {
        setting: *setting,
        was: (*was).to_owned(),
        to: setting.read(to).unwrap(),
    };
    Order::whole(Action::EditSettings(changes.iter().map(change).collect()))
}

async fn refused(backend: &StoreBackend, changes: &[(Setting, &str, &str)]) -> String {
    match backend.act(set(changes)).await {
        ActionAnswer::Refused(why) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_steps_say_is_set_step_by_step_as_the_command_sets_it() {
    let (first, second) = (Setting::StepText(0), Setting::StepText(1));
    let world = World::start().await;
    world.campaign("other", 4).await;
    let backend = backend(&world);
    let said = async || {
        let all = backend.settings().await.unwrap();
        (0..4).map(|nth| all.text(Setting::StepText(nth))).collect::<Vec<_>>()
    };
    assert_eq!(said().await, ["none", "", "", ""]);
    // What names no language is in that of last resort; the order is kept, for the first is the last resort.
    let done = backend.act(set(&[(first, "none", "fr=Bonjour\\nà toi | Hi {{name|friend}}")])).await;
    assert!(matches!(done, ActionAnswer::Done { undo: Some(_), .. }), "{done:?}");
    let one = "fr=Bonjour\\nà toi | en=Hi {{name|friend}}";
    assert_eq!(said().await, [one, "none", "", ""]);
    // It is what a file without texts says then, and what the command would have set.
    let texts: Vec<Texts> =
        serde_json::from_value(world.store.conduct_rules(world.organization).await.unwrap().default_texts)
            .unwrap();
    let context = Context { default_texts: &texts, ..Context::in_zone(chrono_tz::UTC) };
    let silent = CampaignFile::parse("name = \"a\"\n[[steps]]\n", "a.toml", &context).unwrap();
    let spelt = "name = \"a\"\n[[steps]]\ntext = { fr = \"Bonjour\\nà toi\", en = \"Hi {{name|friend}}\" }\n";
    let spelt = CampaignFile::parse(spelt, "a.toml", &Context::in_zone(chrono_tz::UTC)).unwrap();
    assert_eq!(silent.steps[0].content.texts, spelt.steps[0].content.texts);
    // A variable that nobody has, a language twice, and a step without a text before one with a text.
    let why = refused(&backend, &[(second, "none", "Hi {{tonw}}")]).await;
    assert!(why.starts_with("Step 2: the text in en: ") && why.contains("tonw"), "{why}");
    let why = refused(&backend, &[(second, "none", "Hi | en=Hello")]).await;
    assert_eq!(why, "Step 2: there are two texts in en");
    let two = backend.act(set(&[(second, "none", "Bye")])).await;
    assert!(matches!(two, ActionAnswer::Done { .. }), "{two:?}");
    let why = refused(&backend, &[(first, one, "none")]).await;
    assert_eq!(why, "step 2 has a text and step 1 has none: take the last ones away first");
    // Somebody was first.
    let late = backend.act(set(&[(second, "none", "Later")])).await;
    assert!(matches!(&late, ActionAnswer::Changed { to, .. } if to.as_str() == "Step 2: en=Bye"), "{late:?}");
    let ActionAnswer::Done { undo: Some(undo), .. } = two else { panic!() };
    let back = backend.act(*undo).await;
    assert!(matches!(back, ActionAnswer::Done { .. }), "{back:?}");
    assert_eq!(said().await, [one, "none", "", ""]);
    let log = "select count(*) from audit_log where action = 'edit organization' and actor = 'ana'
                 and before -> 'default_texts' is distinct from after -> 'default_texts'";
    assert_eq!(world.ask(log).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_how_many_messages_numbers_are_judged_is_set_too() {
    let world = World::start().await;
    let backend = backend(&world);
    let all = backend.settings().await.unwrap();
    let now = [Setting::WarnAfter, Setting::SilenceAfter, Setting::SilencePast].map(|one| all.text(one));
    assert_eq!(now, ["50", "20", "100"]);
    let changes = [
        (Setting::WarnAfter, "50", "80"),
        (Setting::SilenceAfter, "20", "30"),
        (Setting::SilencePast, "100", "400"),
    ];
    let done = backend.act(set(&changes)).await;
    assert!(matches!(done, ActionAnswer::Done { undo: Some(_), .. }), "{done:?}");
    let rules = world.store.vital_rules(world.organization).await.unwrap();
    assert_eq!((rules.ratio_least, rules.least, rules.baseline_least), (80, 30, 400));
    assert_eq!(rules.standby_after, Some(std::time::Duration::from_hours(168)), "the rest stays");
}
