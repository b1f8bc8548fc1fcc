//! Numbers: how they stand at their provider and here, changed as the command changes it.

use crate::backend_of;
use crate::screen_world::World;
use signalbox::domain::action::{Action, Order};
use signalbox::domain::ids::NumberId;
use signalbox::domain::number::{Setup, SetupChange};
use signalbox::domain::opposite::{FormerNumber, Opposite};
use signalbox::store::view::{NumberRow, Place};
use signalbox::tui::backend::{ActionAnswer, Backend as _, BackendError, FileTold, FileWork};
use signalbox::tui::store_backend::StoreBackend;

async fn row(backend: &StoreBackend, id: NumberId) -> NumberRow {
    let numbers = backend.overview().await.unwrap().numbers;
    numbers.into_iter().find(|row| row.id == id).expect("the number is listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_number_stands_is_changed_and_taken_back() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    world.run("update whatsapp_numbers set instance_id = '1051'").await;
    let backend = backend_of(&world, "bea", None);
    let before = row(&backend, number).await;
    let set = |setup| Order::on(Action::SetUpNumber { number, setup }, before.version);

    // An id that its provider could never be asked for.
    let wrong = SetupChange { sender_id: Some("a b".into()), ..SetupChange::default() };
    let ActionAnswer::Refused(why) = backend.act(set(wrong)).await else { panic!("it was taken") };
    assert!(why.starts_with("the number cannot be used: "), "{why}");

    let begins = "2026-06-01T08:00:00Z".parse().ok();
    let change = SetupChange {
        sender_id: Some("1055".into()),
        warm_up: Some(begins),
        reply_share: Some(20),
        queue: None,
        canaries: Some(!before.setup.canaries),
    };
    let ActionAnswer::Done { undo: Some(undo), .. } = backend.act(set(change)).await else {
        panic!("it was not done")
    };
    let changed = row(&backend, number).await;
    let expected = Setup {
        sender_id: "1055".into(),
        warm_up: begins,
        reply_share: 20,
        // Meta keeps no queue.
        queue: None,
        canaries: !before.setup.canaries,
    };
    assert_eq!(changed.setup, expected);

    // The log says what takes it back, and the undo of the moment does the same.
    let entry = backend.audit("edit number".into(), Place::Start).await.unwrap().rows.remove(0);
    let detail = backend.audit_entry(entry.id).await.unwrap();
    let former = FormerNumber {
        setup: SetupChange {
            sender_id: Some(before.setup.sender_id.clone()),
            warm_up: Some(before.setup.warm_up),
            reply_share: Some(before.setup.reply_share),
            queue: None,
            canaries: Some(before.setup.canaries),
        },
        ..FormerNumber::default()
    };
    assert_eq!(detail.opposite, Ok(Opposite::Number(Box::new(former))));
    let taken_back = backend.act(*undo).await;
    assert!(matches!(taken_back, ActionAnswer::Done { .. }), "{taken_back:?}");
    assert_eq!(row(&backend, number).await.setup, before.setup);
}

/// The command and the console share the reader and the writer; here is what the console makes of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_numbers_is_looked_at_imported_and_written() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.run("update whatsapp_numbers set instance_id = '1051'").await;
    let backend = backend_of(&world, "bea", None);
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name).display().to_string();

    // What it writes it reads again, and nothing is otherwise.
    let written = backend.number_file(FileWork::Export(name("all.csv"))).await.unwrap();
    let FileTold::Exported(1, place) = written else { panic!("{written:?}") };
    assert!(place.ends_with("all.csv"), "{place}");
    let again = backend.number_file(FileWork::Export(name("all.csv"))).await;
    let Err(BackendError::Refused(why)) = again else { panic!("it was written over: {again:?}") };
    assert!(why.ends_with("exists already: give it another name"), "{why}");
    let text = std::fs::read_to_string(name("all.csv")).unwrap();
    assert!(text.starts_with("phone,account,instance_id,") && !text.contains("sealed"), "{text}");

    // A line more, and one value otherwise.
    let first = text.lines().nth(1).unwrap().replace("support-a", "support-b");
    let header = text.lines().next().unwrap();
    let more = format!("+237600009999,meta-main,77{}", ",".repeat(header.matches(',').count() - 2));
    std::fs::write(name("more.csv"), format!("{header}\n{first}\n{more}\n")).unwrap();
    let looked = backend.number_file(FileWork::Check(name("more.csv"))).await.unwrap();
    let FileTold::Checked { source, lines: 2, new: 1, new_pools } = looked else { panic!("{looked:?}") };
    assert!(new_pools.is_empty(), "{new_pools:?}");
    // What is no file may keep whoever reads it for ever.
    let pipe = backend.number_file(FileWork::Check("/dev/null".into())).await.unwrap_err();
    assert_eq!(pipe.to_string(), "/dev/null was not read: it is no file");
    assert_eq!(world.ask("select count(*) from whatsapp_numbers").await, 1, "nothing is written by looking");
    let imported = backend.number_file(FileWork::Import(source)).await.unwrap();
    let FileTold::Imported(done) = imported else { panic!("{imported:?}") };
    assert_eq!((done.added, done.changed, done.unchanged), (1, 1, 0));
    let by_bea = "select count(distinct entity_id) from audit_log where actor = 'bea' and entity = 'number'";
    assert_eq!(world.ask(by_bea).await, 2);

    // What is wrong is told line by line, and nothing is imported.
    let wrong =
        format!("{header}\n{}\n{}\n", first.replace("support-b", "c"), more.replace("meta-main", "moon"));
    std::fs::write(name("wrong.csv"), wrong).unwrap();
    let looked = backend.number_file(FileWork::Check(name("wrong.csv"))).await.unwrap();
    let FileTold::Wrong { faults, all: 1 } = looked else { panic!("{looked:?}") };
    assert!(faults[0].starts_with("line 3, column account: there is no account \"moon\""), "{faults:?}");
    let missing = backend.number_file(FileWork::Check(name("none.csv"))).await;
    let Err(BackendError::Refused(why)) = missing else { panic!("{missing:?}") };
    assert!(why.contains("none.csv was not read"), "{why}");
}
