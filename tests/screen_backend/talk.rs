//! Threads as the console sees them.

use crate::backend;
use crate::screen_world::World;
use signalbox::domain::{
    action::{Action, Order, Subject},
    ids::{AccountId, ReplyId},
    phone::Phone,
};
use signalbox::store::{
    receipt::NewInbound,
    view::{MessageState, Place, ThreadQuery, ThreadScope, Window},
};
use signalbox::tui::backend::{ActionAnswer, Backend as _};

async fn wrote(world: &World, phone: &str, id: &str) {
    let number: String =
        sqlx::query_scalar("select phone::text from whatsapp_numbers").fetch_one(&world.admin).await.unwrap();
    let inbound = NewInbound {
        account: AccountId(world.account),
        sender_id: None,
        sender_phone: Some(Phone::parse(&number).unwrap()),
        phone: Some(Phone::parse(phone).unwrap()),
        from_id: None,
        profile: Some("Anna".into()),
        message: id.into(),
        kind: "text".into(),
        body: "Hello?".into(),
        consent: None,
        answers: None,
        at: None,
        thread: None,
        handled: false,
    };
    world.store.hear(world.organization, &[inbound]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_seen_answered_once_and_doubted_like_any_message() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 1).await;
    wrote(&world, "+237500000001", "in-1").await;
    wrote(&world, "+237500000009", "in-2").await;
    let backend = backend(&world);
    let overview = backend.overview().await.unwrap();
    assert_eq!(overview.unread, 2);
    let query = ThreadQuery::default();
    let page = backend.threads(query.clone(), Place::Start).await.unwrap();
    assert_eq!((page.rows.len(), overview.heard_at), (2, Some(page.rows[0].last_at)));
    let row = &page.rows[1];
    assert_eq!((row.name.as_str(), row.unread), ("Person 1", 1), "the contact's own name");
    assert!(matches!(row.window, Window::Until(_)));
    let answer = |text: &str| {
        let action = Action::Answer { thread: row.id, reply: ReplyId::new(), text: text.into() };
        Order::on(action, row.version)
    };
    let order = answer("At nine.");
    assert!(matches!(backend.act(order.clone()).await, ActionAnswer::Done { .. }));
    assert!(
        matches!(backend.act(order).await, ActionAnswer::AlreadySo { .. }),
        "the same order queues nothing more"
    );
    let second = backend.act(answer("At ten.")).await;
    assert!(matches!(&second, ActionAnswer::Changed { .. }), "somebody else was first: {second:?}");
    let unread = ThreadQuery { scope: ThreadScope::Unread, ..query };
    assert_eq!(backend.threads(unread, Place::Start).await.unwrap().rows.len(), 1);

    let sender = world.sender(&[number]).await;
    let mut request = sender.request(number, campaign, 1);
    request.lanes[0].campaign = None;
    let claimed = world.store.claim(&request).await.unwrap();
    assert_eq!(claimed.messages.len(), 1);
    assert_eq!(claimed.messages[0].campaign(), None);
    sender.record(&claimed.messages[0], "in_doubt").await;
    let doubts = backend.doubts(Place::Start).await.unwrap();
    assert_eq!(doubts.rows[0].about, Subject::Thread(row.id));
    let detail = backend.thread(row.id).await.unwrap();
    let said: Vec<_> = detail.messages.iter().map(|one| (one.text.as_str(), one.state)).collect();
    assert_eq!(said, [("Hello?", None), ("At nine.", Some(MessageState::InDoubt))]);
    let rows = backend.thread_rows(vec![row.id]).await.unwrap();
    assert_eq!((rows[0].last_state, rows[0].unread), (Some(MessageState::InDoubt), 0));
}
