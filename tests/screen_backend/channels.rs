//! Where alerts go: added, tried, changed and removed from the console.

use crate::screen_world::World;
use crate::{around, backend, keys};
use signalbox::domain::action::{Action, Order, Version};
use signalbox::domain::channel::{ChannelChange, ChannelSecret, Medium, NewChannel, Unsealed};
use signalbox::domain::ids::ChannelId;
use signalbox::domain::opposite::Opposite;
use signalbox::postgres::connect::LOCAL_OPERATOR;
use signalbox::provider::hook::signature;
use signalbox::sender::alert::desk::Desk;
use signalbox::store::view::Place;
use signalbox::store::{Store, action::ActionResult};
use signalbox::tui::backend::{ActionAnswer, Backend as _, BackendError};
use signalbox::tui::store_backend::StoreBackend;

/// A webhook of a few lines: what was posted, headers and body, and what it answers.
async fn hook(answers: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/alerts", listener.local_addr().unwrap());
    let posted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut posted, mut bytes) = (String::new(), [0_u8; 4_096]);
        let is_whole = |posted: &str| {
            let (head, body) = posted.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
            Some(body.len() >= length.trim().parse().ok()?)
        };
        while is_whole(&posted) != Some(true) {
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "cut off: {posted}");
            posted.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let answer = format!("HTTP/1.1 {answers}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        posted
    });
    (address, posted)
}

fn webhook(name: &str, address: &str, secret: &str) -> (ChannelId, Order) {
    let new = NewChannel {
        name: name.to_owned(),
        medium: Medium::Webhook,
        address: address.to_owned(),
        smtp: None,
        mail_from: None,
        secret: Some(ChannelSecret::Given(Unsealed::new(secret))),
        least: "critical",
        kinds: None,
        daily_report: false,
    };
    let id = ChannelId::new();
    (id, Order::whole(Action::AddChannel { id, new: Box::new(new) }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_added_tried_changed_and_removed_and_its_secret_is_sealed() {
    let world = World::start().await;
    let backend = backend(&world);
    let (address, posted) = hook("204 No Content").await;
    let (id, order) = webhook("pager", &address, "hunter2");
    let done = backend.act(order.clone()).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let again = backend.act(webhook("pager", &address, "other").1).await;
    assert!(matches!(&again, ActionAnswer::Refused(_)), "the name is taken: {again:?}");
    // Nowhere in the database does the secret stand as it is, and the console gets none of it.
    let leaks = "select (select count(*) from alert_channels c where to_jsonb(c)::text like '%hunter2%')
                      + (select count(*) from audit_log l where to_jsonb(l)::text like '%hunter2%')";
    assert_eq!(world.ask(leaks).await, 0);
    let rows = backend.channels().await.unwrap();
    assert_eq!(
        (rows.len(), rows[0].id, rows[0].least.as_str(), rows[0].has_secret),
        (1, id, "critical", true)
    );
    assert!(!format!("{rows:?} {order:?}").contains("hunter2"));
    // The test is signed with it.
    backend.test_channel(id).await.unwrap();
    let posted = posted.await.unwrap();
    let header = |name: &str| {
        let line =
            posted.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{posted}"));
        line.trim().to_owned()
    };
    let (head, body) = posted.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /alerts") && body.contains("this is a test of the channel"), "{posted}");
    let at = header("x-signalbox-timestamp:").parse().unwrap();
    assert_eq!(header("x-signalbox-signature:"), signature("hunter2", at, body.as_bytes()));
    // A change of another version is none.
    let change =
        |least| ChannelChange { least: Some(least), is_active: Some(false), ..ChannelChange::default() };
    let edit = |version, change| {
        Order::on(Action::EditChannel { channel: id, change: Box::new(change) }, Version(version))
    };
    let done = backend.act(edit(1, change("info"))).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let late = backend.act(edit(1, change("warning"))).await;
    assert!(matches!(&late, ActionAnswer::Changed { by, .. } if by.as_str() == "ana"), "{late:?}");
    let row = backend.channels().await.unwrap().remove(0);
    assert_eq!((row.version, row.least.as_str(), row.is_active), (Version(2), "info", false));
    let elsewhere =
        ChannelChange { address: Some("http://example.com/x".into()), ..ChannelChange::default() };
    let refused = backend.act(edit(2, elsewhere)).await;
    assert!(matches!(refused, ActionAnswer::Refused(_)), "in the clear to another machine: {refused:?}");
    // Another secret signs from then on; what the hook answers is told.
    let (address, posted) = hook("503 Busy").await;
    let other = ChannelChange {
        address: Some(address),
        secret: Some(ChannelSecret::Given(Unsealed::new("correct horse"))),
        ..ChannelChange::default()
    };
    let done = backend.act(edit(2, other)).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let Err(BackendError::Refused(why)) = backend.test_channel(id).await else { panic!("it was taken") };
    assert!(why.contains("503"), "{why}");
    let posted = posted.await.unwrap();
    let (_, body) = posted.split_once("\r\n\r\n").unwrap();
    let at = posted
        .lines()
        .find_map(|line| line.strip_prefix("x-signalbox-timestamp:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(posted.contains(&signature("correct horse", at, body.as_bytes())), "{posted}");
    let gone = Order::whole(Action::RemoveChannel(id));
    assert!(matches!(backend.act(gone.clone()).await, ActionAnswer::Done { .. }));
    assert!(matches!(backend.act(gone).await, ActionAnswer::Refused(_)));
    assert!(backend.channels().await.unwrap().is_empty());
    let log = "select count(*) from audit_log where entity = 'alert_channel' and actor = 'ana'";
    assert_eq!(world.ask(log).await, 6, "made, tested, edited twice, tested again, removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_lead_channels_and_nothing_is_stored_unsealed() {
    let world = World::start().await;
    let (id, order) = webhook("pager", "https://hooks.example.com/x", "hunter2");
    // Whoever seals nothing stores nothing.
    let unsealed = world.store.act(world.organization, &order, "ana", None).await.unwrap();
    assert!(matches!(&unsealed, ActionResult::Refused(why) if why.contains("not sealed")), "{unsealed:?}");
    let mut mine = order.clone();
    if let Action::AddChannel { new, .. } = &mut mine.action {
        new.secret = Some(ChannelSecret::Sealed("sealed elsewhere".to_owned()));
    }
    let backend = backend(&world);
    assert!(matches!(backend.act(mine).await, ActionAnswer::Refused(_)));
    assert!(backend.channels().await.unwrap().is_empty());
    let done = backend.act(order).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    // A manager chooses what goes there, and neither its server nor its secret.
    world.run(&format!("update operators set role = 'manager' where role_name = '{LOCAL_OPERATOR}'")).await;
    let store = Store::new(&world.operators);
    let backend = StoreBackend::new(store, world.seat.clone(), around("ana"), Desk::new(keys()));
    let edit = |change| Order::whole(Action::EditChannel { channel: id, change: Box::new(change) });
    let done = backend.act(edit(ChannelChange { least: Some("info"), ..ChannelChange::default() })).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let secret = Some(ChannelSecret::Given(Unsealed::new("mine")));
    let refused = backend.act(edit(ChannelChange { secret, ..ChannelChange::default() })).await;
    assert!(matches!(&refused, ActionAnswer::Refused(why) if why.contains("only an admin")), "{refused:?}");
    let refused = backend.act(webhook("other", "https://hooks.example.com/x", "hunter2").1).await;
    assert!(!matches!(refused, ActionAnswer::Done { .. }), "{refused:?}");
    let refused = backend.act(Order::whole(Action::RemoveChannel(id))).await;
    assert!(!matches!(refused, ActionAnswer::Done { .. }), "{refused:?}");
    assert_eq!(backend.channels().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_keys_are_not_what_needs_none_is_done_and_the_rest_says_why() {
    let world = World::start().await;
    let (id, order) = webhook("pager", "https://hooks.example.com/x", "hunter2");
    let done = backend(&world).act(order).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let desk = Desk::without_keys("there is no encryption key");
    let backend = StoreBackend::new(world.store.clone(), world.seat.clone(), around("ana"), desk);
    let change = ChannelChange { is_active: Some(false), ..ChannelChange::default() };
    let edit = Order::whole(Action::EditChannel { channel: id, change: Box::new(change) });
    assert!(matches!(backend.act(edit).await, ActionAnswer::Done { .. }));
    let added = backend.act(webhook("other", "https://hooks.example.com/x", "hunter2").1).await;
    assert!(matches!(&added, ActionAnswer::Refused(why) if why.contains("no encryption key")), "{added:?}");
    let tested = backend.test_channel(id).await;
    assert!(
        matches!(&tested, Err(BackendError::Refused(why)) if why.contains("no encryption key")),
        "{tested:?}"
    );
}

fn edited(channel: ChannelId, version: i64, change: ChannelChange) -> Order {
    Order::on(Action::EditChannel { channel, change: Box::new(change) }, Version(version))
}

fn undo_of(done: ActionAnswer) -> Option<Order> {
    let ActionAnswer::Done { undo, .. } = done else { panic!("{done:?}") };
    undo.map(|order| *order)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_of_a_channel_is_taken_back_and_a_secret_never() {
    let world = World::start().await;
    let backend = backend(&world);
    let (id, order) = webhook("pager", "https://hooks.example.com/x", "hunter2");
    let added = undo_of(backend.act(order).await).expect("what was added can be removed");
    assert_eq!((&added.action, added.expected), (&Action::RemoveChannel(id), Some(Version(1))));
    let change = ChannelChange {
        address: Some("https://hooks.example.com/y".into()),
        kinds: Some(Some(vec!["paused".into()])),
        least: Some("info"),
        is_active: Some(false),
        ..ChannelChange::default()
    };
    let undo = undo_of(backend.act(edited(id, 1, change)).await).expect("it can be taken back");
    // Somebody decided about it since it was added: that is not taken back any more.
    let late = backend.act(added).await;
    assert!(matches!(late, ActionAnswer::Changed { .. }), "{late:?}");
    // The log knows the way back, too.
    let entry = backend.audit("edit alert channel".into(), Place::Start).await.unwrap().rows.remove(0);
    let former = ChannelChange {
        address: Some("https://hooks.example.com/x".into()),
        kinds: Some(None),
        least: Some("critical"),
        is_active: Some(true),
        ..ChannelChange::default()
    };
    let opposite = backend.audit_entry(entry.id).await.unwrap().opposite;
    assert_eq!(opposite, Ok(Opposite::Channel(former)));
    assert!(undo_of(backend.act(undo).await).is_some());
    let row = backend.channels().await.unwrap().remove(0);
    assert_eq!((row.least.as_str(), row.is_active, row.kinds.is_none()), ("critical", true, true));
    assert_eq!((row.leads.address.as_str(), row.has_secret), ("https://hooks.example.com/x", true));
    // Another secret takes the former one's place for good; so does removing it.
    let secret = Some(ChannelSecret::Given(Unsealed::new("correct horse")));
    let change = ChannelChange { secret, least: Some("info"), ..ChannelChange::default() };
    assert_eq!(undo_of(backend.act(edited(id, 3, change)).await), None);
    let late = backend.act(Order::on(Action::RemoveChannel(id), Version(3))).await;
    assert!(matches!(late, ActionAnswer::Changed { .. }), "{late:?}");
    assert_eq!(undo_of(backend.act(Order::on(Action::RemoveChannel(id), Version(4))).await), None);

    // One without a secret comes back as it was.
    let mail = NewChannel {
        name: "ops".into(),
        medium: Medium::Email,
        address: "ops@example.com".into(),
        smtp: Some("smtp+clear://127.0.0.1:2525".into()),
        mail_from: Some("signalbox@example.com".into()),
        secret: None,
        least: "warning",
        kinds: Some(vec!["doubts".into()]),
        daily_report: true,
    };
    let id = ChannelId::new();
    let added = backend.act(Order::whole(Action::AddChannel { id, new: Box::new(mail) })).await;
    assert!(undo_of(added).is_some());
    let before = backend.channels().await.unwrap();
    let removed = backend.act(Order::on(Action::RemoveChannel(id), Version(1))).await;
    let again = undo_of(removed).expect("it had no secret");
    assert!(backend.channels().await.unwrap().is_empty());
    assert!(undo_of(backend.act(again).await).is_some());
    assert_eq!(backend.channels().await.unwrap(), before);
}
