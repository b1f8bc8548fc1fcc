//! People answer a campaign that went through two numbers at each provider, are answered, and everything is reported to a
//! listener: each thread stays with the number that began it.

use crate::{
    office::Office,
    world::{
        seed::{Camp, Num},
        until,
    },
};
use signalbox::{
    domain::{
        action::{Action, Order},
        ids::ReplyId,
        number::ProviderKind,
    },
    store::{
        action::ActionResult,
        view::{Place, ThreadQuery, ThreadScope},
    },
};
use std::collections::BTreeMap;

const ASKING: &str = "
receipts = [{ status = 'sent' }, { status = 'delivered', after = '50ms' }]
[[rule]]
then = { replies = [{ text = 'When do you open?', name = 'Ana', after = '100ms' }] }
";
const READING: &str = "receipts = [{ status = 'delivered' }, { status = 'read', after = '50ms' }]";

#[tokio::test]
async fn who_answers_is_answered_from_the_same_number_and_reads_it() {
    let office = Office::open().await;
    let world = &office.world;
    let mut numbers = BTreeMap::new();
    for provider in ProviderKind::ALL {
        for _ in 0..2 {
            let number = world.number(Num::at(provider).daily(4)).await;
            numbers.insert(number.id, number);
        }
    }
    // Two messages of the campaign through each number, and room for two answers.
    world.execute("update whatsapp_numbers set reply_share = 50").await;
    let listener = office.listener().await;
    world.follow(ASKING);
    let public = office.register(&listener);
    world.campaign(Camp::of(12)).await;
    let sender = world.sender_with(&world.database, |config| config.public = Some(public)).await;
    until("the campaign is sent", 20, async || world.simulator.count() == 12).await;
    until("everybody has asked", 20, async || {
        world.value::<i64>("select count(*) from conversations where unread = 1").await == 12
    })
    .await;
    world.follow(READING);

    let seat = world.store.seat(world.organization, None).await.unwrap();
    let query = ThreadQuery { scope: ThreadScope::Unread, ..ThreadQuery::default() };
    let threads = world.store.thread_page(&seat, &query, Place::Start).await.unwrap().rows;
    assert_eq!(threads.len(), 12);
    for (thread, nth) in threads.iter().zip(1..) {
        assert!(thread.campaign.is_some());
        let action =
            Action::Answer { thread: thread.id, reply: ReplyId::new(), text: format!("At nine, {nth}.") };
        let done = world.store.act(world.organization, &Order::whole(action), "ana", None).await.unwrap();
        assert!(matches!(done, ActionResult::Done { .. }), "{done:?}");
    }
    until("everybody has read the answer", 20, async || {
        world.value::<i64>("select count(*) from replies where state = 'read'").await == 12
    })
    .await;
    let ledger = world.simulator.ledger();
    for thread in &threads {
        let number = &numbers[&thread.number.as_ref().unwrap().0];
        let sent: Vec<&str> = ledger
            .iter()
            .filter(|entry| entry.to == thread.phone.reveal())
            .map(|entry| entry.from.as_str())
            .collect();
        assert_eq!(sent, [&number.from, &number.from], "asked and answered through {number:?}");
    }
    let most: i32 = world.value("select max(reserved) from quota_usage where scope = 'number'").await;
    assert_eq!(most, 4);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (24, 24));
    listener.end().await;
    assert_eq!(office.refused().await, []);
}
