//! Numbers: how they stand at their provider and here, changed as the command changes it.

use crate::backend_of;
use crate::screen_world::World;
use signalbox::domain::action::{Action, Order};
use signalbox::domain::ids::NumberId;
use signalbox::domain::number::{Setup, SetupChange};
use signalbox::domain::opposite::{FormerNumber, Opposite};
use signalbox::store::view::{NumberRow, Place};
use signalbox::tui::backend::{ActionAnswer, Backend as _};
use signalbox::tui::store_backend::StoreBackend;

async fn row(backend: &StoreBackend, id: NumberId) -> NumberRow {
    let numbers = backend.overview().await.unwrap().numbers;
    numbers.into_iter().find(|row| row.id == id).expect("the number is listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_number_stands_is_changed_and_taken_back() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
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
