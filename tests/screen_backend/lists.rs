//! Lists of recipients: pages, orders, filters, totals.

use crate::screen_world::World;
use crate::{all, backend, filtered, ids, place_of};
use signalbox::domain::ids::RecipientId;
use signalbox::store::view::{MessageState, Place, RecipientOrder, RecipientQuery, Total};
use signalbox::tui::backend::{Backend as _, BackendError};
use signalbox::tui::store_backend::StoreBackend;
use std::collections::HashSet;

/// Walks a list page by page in both directions; answers all ids in order.
async fn walk(backend: &StoreBackend, query: &RecipientQuery) -> Vec<RecipientId> {
    let first = backend.recipients(query.clone(), Place::Start).await.unwrap();
    assert!(!first.more_before);
    let mut down = ids(&first);
    let mut page = first;
    while page.more_after {
        let last = place_of(page.rows.last().unwrap());
        page = backend.recipients(query.clone(), Place::After(last)).await.unwrap();
        assert!(page.more_before);
        down.extend(ids(&page));
    }
    let mut page = backend.recipients(query.clone(), Place::End).await.unwrap();
    assert!(!page.more_after);
    let mut up: Vec<RecipientId> = ids(&page).into_iter().rev().collect();
    while page.more_before {
        let first = place_of(&page.rows[0]);
        page = backend.recipients(query.clone(), Place::Before(first)).await.unwrap();
        up.extend(ids(&page).into_iter().rev());
    }
    up.reverse();
    assert_eq!(down, up, "the same list from both ends");
    down
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_gap_or_repetition_in_every_order() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 730).await;
    world.campaign("other", 40).await;
    let sender = world.sender(&[number]).await;
    let sent = sender.claim(number, campaign, 40).await;
    for (at, message) in sent.iter().enumerate() {
        sender.record(message, if at % 4 == 0 { "retry" } else { "accepted" }).await;
    }
    let backend = backend(&world);
    for (campaign, total) in [(Some(campaign), 730), (None, 770)] {
        for order in [RecipientOrder::Updated, RecipientOrder::Enrolled] {
            let found = walk(&backend, &all(campaign, order)).await;
            let distinct: HashSet<RecipientId> = found.iter().copied().collect();
            assert_eq!((found.len(), distinct.len()), (total, total), "{campaign:?} {order:?}");
            let counted = backend.count_recipients(all(campaign, order)).await.unwrap();
            assert_eq!(counted, Total::Exactly(total as u64));
        }
    }
    let page = backend.recipients(all(Some(campaign), RecipientOrder::Updated), Place::Start).await.unwrap();
    let last_tried: Vec<RecipientId> = sent.iter().rev().map(|message| message.recipient).collect();
    assert_eq!(ids(&page)[..40], last_tried, "what was tried last comes first");
    assert_eq!(walk(&backend, &filtered(campaign, "status:queued")).await.len(), 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_the_same_list_as_a_short_one() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 1_000).await;
    let sender = world.sender(&[number]).await;
    for (at, message) in sender.claim(number, campaign, 240).await.iter().enumerate() {
        let outcome = ["accepted", "rejected", "accepted", "in_doubt", "retry"][at % 5];
        sender.record(message, outcome).await;
    }
    let backend = backend(&world);
    let queries = [
        all(Some(campaign), RecipientOrder::Updated),
        all(Some(campaign), RecipientOrder::Enrolled),
        all(None, RecipientOrder::Updated),
    ];
    let short: Vec<Vec<RecipientId>> = {
        let mut lists = Vec::new();
        for query in &queries {
            lists.push(walk(&backend, query).await);
        }
        lists
    };
    let failed = walk(&backend, &filtered(campaign, "status:failed,in_doubt")).await;
    assert_eq!(failed.len(), 96);
    // The counts decide how a list is walked: with these it is a long one.
    let grown = "update campaign_counts set planned = planned + 1000000, queued = queued + 1000000
                  where ctid = (select ctid from campaign_counts limit 1)";
    world.run(grown).await;
    for (query, short) in queries.iter().zip(&short) {
        assert_eq!(&walk(&backend, query).await, short, "{query:?}");
    }
    let mut by_state = walk(&backend, &filtered(campaign, "status:failed,in_doubt")).await;
    let mut expected = failed.clone();
    expected.sort_unstable();
    assert_eq!(by_state, expected, "in the order of enrolment");
    by_state.truncate(3);
    let by_phone = walk(&backend, &filtered(campaign, "phone:+2375000001")).await;
    assert_eq!(by_phone.len(), 100);
    let both = walk(&backend, &filtered(campaign, "+2375000001 status:failed")).await;
    assert!(!both.is_empty() && both.iter().all(|id| by_phone.contains(id) && failed.contains(id)));
    let refused = backend.recipients(filtered(campaign, "name:person"), Place::Start).await.unwrap_err();
    assert!(
        matches!(&refused, BackendError::Refused(sentence) if sentence.contains("too many to look through for name")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_moves_up_is_announced_and_not_shown_twice() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 500).await;
    let sender = world.sender(&[number]).await;
    for message in sender.claim(number, campaign, 100).await {
        sender.record(&message, "accepted").await;
    }
    let backend = backend(&world);
    let query = all(Some(campaign), RecipientOrder::Updated);
    let page = backend.recipients(query.clone(), Place::Start).await.unwrap();
    let (first, last) = (place_of(&page.rows[0]), place_of(page.rows.last().unwrap()));
    assert_eq!(backend.newer_recipients(query.clone(), first).await.unwrap(), 0);
    let moved: HashSet<RecipientId> =
        sender.claim(number, campaign, 150).await.into_iter().map(|message| message.recipient).collect();
    assert_eq!(backend.newer_recipients(query.clone(), first).await.unwrap(), 150);
    let next = backend.recipients(query.clone(), Place::After(last)).await.unwrap();
    let seen: HashSet<RecipientId> = ids(&page).into_iter().collect();
    assert!(ids(&next).iter().all(|id| !seen.contains(id)), "a row of the first page came again");
    let rows = backend.recipient_rows(ids(&page)).await.unwrap();
    assert_eq!(rows.len(), page.rows.len());
    assert!(rows.iter().filter(|row| moved.contains(&row.id)).all(|row| row.state == MessageState::Sending));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_failure_is_found_in_both_directions() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 600).await;
    let sender = world.sender(&[number]).await;
    let sent = sender.claim(number, campaign, 240).await;
    for (at, message) in sent.iter().enumerate() {
        sender.record(message, if at == 20 || at == 200 { "rejected" } else { "accepted" }).await;
    }
    let backend = backend(&world);
    for long in [false, true] {
        if long {
            world.run("update campaign_counts set planned = planned + 1000000 where shard = (select min(shard) from campaign_counts)").await;
        }
        for order in [RecipientOrder::Updated, RecipientOrder::Enrolled] {
            let query = all(Some(campaign), order);
            let page = backend.recipients(query.clone(), Place::Start).await.unwrap();
            let begin = place_of(&page.rows[0]);
            let found = backend.recipients(query.clone(), Place::NextFailed(begin)).await.unwrap();
            let (near, far) = if order == RecipientOrder::Updated { (200, 20) } else { (20, 200) };
            assert_eq!(found.rows[0].id, sent[near].recipient, "{order:?} long {long}");
            let next =
                backend.recipients(query.clone(), Place::NextFailed(place_of(&found.rows[0]))).await.unwrap();
            assert_eq!(next.rows[0].id, sent[far].recipient, "{order:?} long {long}");
            let back = backend
                .recipients(query.clone(), Place::PreviousFailed(place_of(&next.rows[0])))
                .await
                .unwrap();
            assert_eq!(back.rows.last().unwrap().id, sent[near].recipient, "{order:?} long {long}");
            let none =
                backend.recipients(query.clone(), Place::NextFailed(place_of(&next.rows[0]))).await.unwrap();
            assert_eq!(none.rows.len(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_what_they_say() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 20).await;
    let sender = world.sender(&[number]).await;
    let sent = sender.claim(number, campaign, 6).await;
    for (message, outcome) in sent.iter().zip(["accepted", "rejected", "retry", "in_doubt", "accepted"]) {
        sender.record(message, outcome).await;
    }
    let org = world.organization;
    world.run(&format!("update contacts set name = null, country = null where organization_id = '{org}' and phone like '%0007'")).await;
    let backend = backend(&world);
    for (text, expected) in [
        ("status:accepted", 2),
        ("status:failed,in_doubt", 2),
        ("-status:accepted", 18),
        ("error:131026", 3),
        ("number:support-a", 6),
        ("number:supp*", 6),
        ("try>=1", 6),
        ("try:0", 14),
        ("tag:vip", 10),
        ("-tag:vip", 10),
        ("country:cm", 19),
        ("-country:cm", 1),
        ("name:person", 19),
        ("person", 19),
        ("\"person 3\"", 1),
        ("phone:+2375000000", 20),
        ("phone:+237500000012", 1),
        ("+23750000001", 10),
        ("campaign:spring-news", 20),
        ("-campaign:spring*", 0),
        ("campaign:other", 0),
        ("updated>=1h", 20),
        ("status:queued try>=1", 1),
    ] {
        let query = filtered(campaign, text);
        let page = backend.recipients(query.clone(), Place::Start).await.unwrap();
        assert_eq!(page.rows.len(), expected, "{text}");
        assert_eq!(backend.count_recipients(query).await.unwrap(), Total::Exactly(expected as u64), "{text}");
    }
}
