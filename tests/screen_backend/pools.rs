//! Pools: what the console shows of them, and what it changes on the version that was seen.

use crate::backend_of;
use crate::screen_world::World;
use signalbox::domain::action::{Action, Order};
use signalbox::domain::ids::{NumberId, PoolId};
use signalbox::domain::opposite::Opposite;
use signalbox::domain::pool::{NewPool, PoolChange};
use signalbox::domain::selection::Strategy;
use signalbox::store::view::{Place, PoolMember, PoolView};
use signalbox::tui::backend::{ActionAnswer, Backend as _};
use signalbox::tui::store_backend::StoreBackend;

async fn pool(backend: &StoreBackend, name: &str) -> PoolView {
    let pools = backend.pools().await.unwrap();
    pools.into_iter().find(|pool| pool.name.as_str() == name).unwrap_or_else(|| panic!("no pool {name}"))
}

fn members(pool: &PoolView) -> Vec<(NumberId, u32)> {
    pool.members.iter().map(|PoolMember { number, weight }| (*number, *weight)).collect()
}

fn edit(pool: PoolId, change: PoolChange) -> Action {
    Action::EditPool { pool, change }
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_made_changed_taken_back_and_removed() {
    let world = World::start().await;
    let (first, second) = (world.number("support-a", 1).await, world.number("support-b", 2).await);
    world.campaign("other", 4).await;
    let backend = backend_of(&world, "bea", None);
    let default = pool(&backend, "default").await;
    assert_eq!((default.campaigns, default.named, members(&default)), (1, 1, vec![(first, 1), (second, 1)]));

    let new =
        NewPool { name: "vip".into(), strategy: Strategy::Weighted, sticky: false, numbers: vec![first] };
    let made = backend.act(Order::whole(Action::AddPool(new.clone()))).await;
    assert!(matches!(made, ActionAnswer::Done { .. }), "{made:?}");
    let ActionAnswer::Refused(why) = backend.act(Order::whole(Action::AddPool(new))).await else {
        panic!("twice")
    };
    assert!(why.contains("there is a pool of this name already"), "{why}");
    let vip = pool(&backend, "vip").await;
    assert_eq!(
        (vip.strategy, vip.sticky, vip.named, members(&vip)),
        (Strategy::Weighted, false, 0, vec![(first, 1)])
    );

    // Others keep their shares, and one change tells of all that it did.
    let change = PoolChange {
        name: Some("VIP".into()),
        put: vec![(second, Some(3)), (first, None)],
        ..PoolChange::default()
    };
    let done = backend.act(Order::on(edit(vip.id, change.clone()), vip.version)).await;
    let ActionAnswer::Done { undo: Some(undo), .. } = done else { panic!("{done:?}") };
    let changed = pool(&backend, "VIP").await;
    assert_eq!(members(&changed), [(first, 1), (second, 3)]);
    // Whoever saw it before that changes nothing.
    let late = PoolChange { drop: vec![first], ..PoolChange::default() };
    let late = backend.act(Order::on(edit(vip.id, late), vip.version)).await;
    let ActionAnswer::Changed { by, .. } = late else { panic!("{late:?}") };
    assert_eq!(by.as_str(), "bea");
    let same = backend.act(Order::on(edit(vip.id, change), changed.version)).await;
    assert!(matches!(same, ActionAnswer::AlreadySo { .. }), "{same:?}");

    // The log says what takes it back, and the undo of the moment does the same.
    let row = backend.audit("edit pool".into(), Place::Start).await.unwrap().rows.remove(0);
    let detail = backend.audit_entry(row.id).await.unwrap();
    let former = PoolChange { name: Some("vip".into()), drop: vec![second], ..PoolChange::default() };
    assert_eq!(detail.opposite, Ok(Opposite::Pool(former)));
    let taken_back = backend.act(*undo).await;
    assert!(matches!(taken_back, ActionAnswer::Done { .. }), "{taken_back:?}");
    let again = pool(&backend, "vip").await;
    assert_eq!(members(&again), [(first, 1)]);

    let ActionAnswer::Refused(why) =
        backend.act(Order::on(Action::RemovePool(default.id), default.version)).await
    else {
        panic!("it was removed")
    };
    assert!(why.contains("campaigns send through this pool"), "{why}");
    let gone = backend.act(Order::on(Action::RemovePool(vip.id), again.version)).await;
    assert!(matches!(gone, ActionAnswer::Done { .. }), "{gone:?}");
    assert_eq!(backend.pools().await.unwrap().len(), 1);
    let log = world.ask("select count(*) from audit_log where entity = 'pool' and actor = 'bea'").await;
    assert_eq!(log, 4, "made, changed, taken back, removed");
}
