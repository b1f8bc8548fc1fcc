//! The console's backend over a real Postgres: what it shows is what is there, and what it is told to do is done.

#![cfg(test)]

mod screen_world;

use screen_world::World;
use signalbox::domain::action::{Action, Order, Subject, Verdict};
use signalbox::domain::filter::{Filter, Scope};
use signalbox::domain::ids::{CampaignId, InstanceId, RecipientId};
use signalbox::store::view::{
    CampaignStanding, Cursor, HoldView, LiveKind, MessageState, NumberStanding, Page, Place, RecipientOrder,
    RecipientQuery, RecipientRow, Total,
};
use signalbox::tui::backend::{ActionAnswer, Backend as _, BackendError, Notice};
use signalbox::tui::store_backend::{StoreBackend, Surroundings};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::broadcast;

fn backend(world: &World) -> StoreBackend {
    backend_of(world, "ana", None)
}

fn backend_of(world: &World, operator: &str, instance: Option<InstanceId>) -> StoreBackend {
    let around = Surroundings {
        operator: operator.into(),
        environment: "TEST".into(),
        production: false,
        database: "test".into(),
        read_only: false,
        on_terminal_loss: "nothing goes on".into(),
    };
    let mut seat = world.seat.clone();
    seat.instance = instance;
    StoreBackend::new(world.store.clone(), seat, around)
}

fn all(campaign: Option<CampaignId>, order: RecipientOrder) -> RecipientQuery {
    RecipientQuery { campaign, filter: Filter::default(), order }
}

fn filtered(campaign: CampaignId, text: &str) -> RecipientQuery {
    let filter = Filter::parse(text, Scope::Recipients).unwrap();
    RecipientQuery { campaign: Some(campaign), filter, order: RecipientOrder::Updated }
}

fn place_of(row: &RecipientRow) -> Cursor {
    Cursor { at: row.updated_at, id: row.id.0 }
}

fn ids(page: &Page<RecipientRow>) -> Vec<RecipientId> {
    page.rows.iter().map(|row| row.id).collect()
}

fn sentence(hold: Option<&HoldView>) -> String {
    hold.map_or_else(|| "none".to_owned(), |hold| hold.sentence.to_string())
}

async fn next_notice(notices: &mut broadcast::Receiver<Notice>) -> Notice {
    tokio::time::timeout(Duration::from_secs(10), notices.recv())
        .await
        .expect("no notice within 10 s")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_what_is_there_and_the_sums_hold() {
    let world = World::start().await;
    let (first, second) = (world.number("support-a", 1).await, world.number("promo", 2).await);
    let campaign = world.campaign("spring-news", 10).await;
    let sender = world.sender(&[first]).await;
    let sent = sender.claim(first, campaign, 5).await;
    sender.record(&sent[0], "accepted").await;
    sender.record(&sent[1], "accepted").await;
    sender.record(&sent[2], "rejected").await;
    sender.record(&sent[3], "in_doubt").await;
    let backend = backend(&world);
    let overview = backend.overview().await.unwrap();

    let row = &overview.campaigns[0];
    assert_eq!((row.id, row.standing, row.in_air), (campaign, CampaignStanding::Active, 1));
    let counts = row.counts;
    assert_eq!((counts.planned, counts.queued, counts.sending), (10, 5, 1));
    assert_eq!((counts.accepted, counts.failed, counts.in_doubt), (2, 1, 1));
    assert!(counts.hold(), "{counts:?}");
    assert_eq!(sentence(row.hold.as_ref()), "none");

    let number = overview.numbers.iter().find(|number| number.id == first).unwrap();
    assert_eq!((number.used_today, number.in_air, number.last_minute), (4, 1, 2));
    assert_eq!(number.errors, (1, 4));
    assert_eq!(number.last_error.as_deref(), Some("131026"));
    assert_eq!(number.holder.as_deref(), Some("web-1"));
    assert_eq!(sentence(number.hold.as_ref()), "none");
    let other = overview.numbers.iter().find(|number| number.id == second).unwrap();
    assert_eq!(sentence(other.hold.as_ref()), "no sender has taken this number yet");

    assert_eq!(overview.instances.len(), 1);
    assert_eq!(overview.instances[0].id, sender.instance);
    assert_eq!(overview.leases.len(), 1);
    assert_eq!(overview.leases[0].number, first);
    assert_eq!((overview.in_air, overview.in_doubt, overview.queued), (1, 1, 5));
    assert_eq!(overview.capacity, Some((496, 500)));
    assert_eq!(overview.operators.iter().map(|other| &*other.operator).collect::<Vec<_>>(), ["bea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_number_says_that_it_opens_at_midnight() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 5).await;
    let org = world.organization;
    world.run(&format!("update whatsapp_numbers set daily_limit = 3 where organization_id = '{org}'")).await;
    let sender = world.sender(&[number]).await;
    for message in sender.claim(number, campaign, 3).await {
        sender.record(&message, "accepted").await;
    }
    let backend = backend(&world);
    let overview = backend.overview().await.unwrap();
    let expected = "cap reached, opens at midnight Africa/Douala";
    assert_eq!(sentence(overview.numbers[0].hold.as_ref()), expected);
    assert_eq!(sentence(overview.campaigns[0].hold.as_ref()), expected);
    let detail = backend.number(number).await.unwrap();
    let binding: Vec<&str> =
        detail.gates.iter().filter(|gate| gate.binds).map(|gate| gate.name.as_str()).collect();
    assert_eq!(binding, ["number cap"]);
    let waiting = backend.recipients(filtered(campaign, "status:queued"), Place::Start).await.unwrap();
    let recipient = backend.recipient(waiting.rows[0].id).await.unwrap();
    assert_eq!(sentence(recipient.hold.as_ref()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sender_everything_says_so() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("spring-news", 5).await;
    let backend = backend(&world);
    let overview = backend.overview().await.unwrap();
    assert_eq!(sentence(overview.campaigns[0].hold.as_ref()), "no sender runs on this database");
    assert_eq!(sentence(overview.numbers[0].hold.as_ref()), "no sender runs on this database");
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_recipients_story_is_told_in_full() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 3).await;
    let sender = world.sender(&[number]).await;
    let message = sender.claim(number, campaign, 1).await.remove(0);
    sender.record(&message, "retry").await;
    let backend = backend(&world);
    let detail = backend.recipient(message.recipient).await.unwrap();
    assert_eq!(detail.step, (1, 1));
    assert_eq!(detail.country.as_deref(), Some("CM"));
    assert!(
        sentence(detail.hold.as_ref())
            .starts_with("tried without success (recipient invalid: 131026), again at")
    );
    assert!(detail.due_at.is_some());
    let attempt = &detail.attempts[0];
    assert_eq!(&*attempt.outcome, "rejected");
    assert_eq!(attempt.words.as_str(), "Message undeliverable");
    assert_eq!((attempt.code.as_deref(), attempt.number.as_str()), (Some("131026"), "support-a"));
    assert_eq!((attempt.took, &*attempt.instance), (Some(Duration::from_millis(640)), "web-1"));
    let campaign = backend.campaign(campaign).await.unwrap();
    assert_eq!(campaign.pool.as_str(), "default");
    assert_eq!(campaign.steps[0].what.as_str(), "Hello", "the text in the organisation's language");
    assert_eq!(campaign.steps[0].waiting, 3);
    let gone = backend.recipient(RecipientId::new()).await.unwrap_err();
    assert_eq!(gone, BackendError::Refused("this recipient does not exist any more".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_listed_until_an_operator_settles_it() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 450).await;
    let sender = world.sender(&[number]).await;
    let sent = sender.claim(number, campaign, 220).await;
    for message in &sent {
        sender.record(message, "in_doubt").await;
    }
    let backend = backend(&world);
    let page = backend.doubts(Place::Start).await.unwrap();
    assert_eq!((page.rows.len(), page.more_before, page.more_after), (200, false, true));
    let last = page.rows.last().unwrap();
    let cursor = Cursor { at: last.started_at, id: last.id.0 };
    let rest = backend.doubts(Place::After(cursor)).await.unwrap();
    assert_eq!((rest.rows.len(), rest.more_before, rest.more_after), (20, true, false));
    let shown: Vec<_> = page.rows.iter().chain(&rest.rows).map(|row| row.id).collect();
    assert_eq!(shown, sent.iter().map(|message| message.attempt).collect::<Vec<_>>(), "oldest first");

    let row = &page.rows[0];
    assert_eq!(row.asked, (0, "not asked yet".into()));
    let settle = Action::ResolveAttempt { attempt: row.id, verdict: Verdict::Sent };
    let order = Order::on(settle, row.version).because("the customer confirmed it");
    assert!(matches!(backend.act(order.clone()).await, ActionAnswer::Done { .. }));
    assert!(matches!(backend.act(order).await, ActionAnswer::AlreadySo { .. }));
    let left = backend.doubts(Place::Start).await.unwrap();
    assert!(left.rows.iter().all(|other| other.id != row.id));
    let story = backend.recipient(row.recipient).await.unwrap();
    assert_eq!(&*story.attempts[0].outcome, "accepted");
    assert!(story.attempts[0].words.as_str().contains("settled by ana: the customer confirmed it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_instances_send_is_in_the_live_log_once() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 10).await;
    let sender = world.sender(&[number]).await;
    let before = sender.claim(number, campaign, 1).await.remove(0);
    sender.record(&before, "accepted").await;
    let backend = backend(&world);
    let mut live = backend.live();
    let next =
        async |live: &mut broadcast::Receiver<_>| -> std::sync::Arc<signalbox::store::view::LiveEvent> {
            tokio::time::timeout(Duration::from_secs(10), live.recv())
                .await
                .expect("nothing within 10 s")
                .unwrap()
        };
    assert_eq!(next(&mut live).await.attempt, Some(before.attempt), "the last minutes are shown at once");

    let sent = sender.claim(number, campaign, 4).await;
    // On the wire for more than a poll: it is watched until it is known what became of it.
    tokio::time::sleep(Duration::from_millis(600)).await;
    for (message, outcome) in sent.iter().zip(["accepted", "rejected", "retry", "in_doubt"]) {
        sender.record(message, outcome).await;
    }
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(next(&mut live).await);
    }
    told.sort_by_key(|event| event.attempt);
    let kinds: Vec<LiveKind> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [LiveKind::Ok, LiveKind::Fail, LiveKind::Retry, LiveKind::Doubt]);
    let event = &told[1];
    assert_eq!((&*event.campaign, &*event.number, &*event.instance), ("spring-news", "support-a", "web-1"));
    assert_eq!((event.code.as_deref(), &*event.words), (Some("131026"), "Message undeliverable"));
    assert_eq!(event.took, Some(Duration::from_millis(640)));
    assert!(event.phone.is_some());

    // What this process tells itself is not told again by the ledger.
    let own = sender.claim(number, campaign, 1).await.remove(0);
    sender.record(&own, "accepted").await;
    let mut event = (**event).clone();
    (event.attempt, event.kind) = (Some(own.attempt), LiveKind::Ok);
    backend.live_feed().push(event);
    assert_eq!(next(&mut live).await.attempt, Some(own.attempt));
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(live.try_recv().is_err(), "an attempt was told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_operator_does_is_noticed_with_name_and_reason() {
    let world = World::start().await;
    let number = world.number("promo-2", 1).await;
    let campaign = world.campaign("spring-vip", 3).await;
    let (mine, other) = (InstanceId::new(), InstanceId::new());
    let (ana, bea) = (backend_of(&world, "ana", Some(mine)), backend_of(&world, "bea", Some(other)));
    let mut notices = ana.notices();
    listening(&world, 2).await;

    let version = bea.overview().await.unwrap().campaigns[0].version;
    let pause = Order::on(Action::PauseCampaign(campaign), version).because("wrong text");
    let ActionAnswer::Done { version: Some(paused), undo: Some(undo) } = bea.act(pause.clone()).await else {
        panic!("not done")
    };
    let notice = next_notice(&mut notices).await;
    assert_eq!((&*notice.by, &*notice.what), ("bea", "spring-vip paused: wrong text"));
    assert_eq!((notice.subject, notice.version), (Subject::Campaign(campaign), Some(paused)));
    assert!(!notice.alarming);

    assert!(matches!(ana.act(pause).await, ActionAnswer::AlreadySo { by, .. } if &*by == "bea"));
    assert!(matches!(ana.act(*undo).await, ActionAnswer::Done { .. }));
    let suspend = Order::whole(Action::SuspendNumber { number, until: None }).because("quality low");
    assert!(matches!(bea.act(suspend).await, ActionAnswer::Done { .. }));
    let notice = next_notice(&mut notices).await;
    assert_eq!(
        (&*notice.by, &*notice.what),
        ("bea", "promo-2 suspended: quality low"),
        "what ana did herself is no news"
    );
    assert_eq!(notice.subject, Subject::Number(number));

    let overview = ana.overview().await.unwrap();
    let NumberStanding::Suspended { reason, by, .. } = &overview.numbers[0].standing else {
        panic!("not suspended")
    };
    assert_eq!((&**reason, &**by), ("quality low", "bea"));
    let log = ana.number(number).await.unwrap().log;
    assert!(
        log.iter().any(|line| &*line.by == "bea" && &*line.what == "suspend number: quality low"),
        "{log:?}"
    );
}

/// Waits until so many consoles hear of changes.
async fn listening(world: &World, consoles: i64) {
    World::until("consoles listen", || async {
        world.ask("select count(*) from pg_stat_activity where query like 'LISTEN%' and state = 'idle' and datname = current_database()").await >= consoles
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_connection_the_console_is_told_to_look_again() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    let backend = backend(&world);
    let mut notices = backend.notices();
    listening(&world, 1).await;
    let org = world.organization;
    let change = format!(
        "update whatsapp_numbers set priority = 9, revision = revision + 1 where organization_id = '{org}'"
    );
    world.run(&change).await;
    assert_eq!(&*next_notice(&mut notices).await.what, "support-a changed");

    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where application_name = 'signalbox/walk' and datname = current_database()";
    assert!(world.ask(cut).await > 0);
    let notice = next_notice(&mut notices).await;
    assert_eq!((&*notice.by, notice.subject), ("signalbox", Subject::Organization));
    assert!(notice.at > chrono::DateTime::UNIX_EPOCH);
    // And it hears again.
    world.run(&change).await;
    let notice = next_notice(&mut notices).await;
    assert_eq!((&*notice.by, &*notice.what), ("somebody", "support-a changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_may_look_but_not_act() {
    let world = World::start().await;
    let campaign = world.campaign("spring-news", 3).await;
    let around = Surroundings {
        operator: "vera".into(),
        environment: "TEST".into(),
        production: false,
        database: "test".into(),
        read_only: false,
        on_terminal_loss: "nothing goes on".into(),
    };
    let mut seat = world.seat.clone();
    seat.role = Some("viewer".into());
    let backend = StoreBackend::new(world.store.clone(), seat, around);
    assert!(!backend.session().may_write);
    let pause = Order::whole(Action::PauseCampaign(campaign));
    assert!(matches!(backend.act(pause).await, ActionAnswer::Refused(_)));
    assert_eq!(backend.overview().await.unwrap().campaigns[0].standing, CampaignStanding::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_shown_only_when_that_is_on_record() {
    let world = World::start().await;
    world.campaign("spring-news", 1).await;
    let backend = backend(&world);
    let page = backend.recipients(all(None, RecipientOrder::Enrolled), Place::Start).await.unwrap();
    backend.record_reveal(Subject::Recipient(page.rows[0].id)).await.unwrap();
    let id = page.rows[0].id;
    let recorded = format!(
        "select count(*) from audit_log where actor = 'ana' and action = 'reveal phone' and entity_id = '{id}'"
    );
    assert_eq!(world.ask(&recorded).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_to_their_end_though_nobody_waits_for_them() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let backend = backend(&world);
    drop(backend.act(Order::whole(Action::SetPriority { number, priority: 77 })));
    for _ in 0..50 {
        drop(backend.overview());
    }
    World::until("the order is carried out", || async {
        backend.overview().await.unwrap().numbers[0].priority == 77
    })
    .await;
    let idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()";
    assert_eq!(world.ask(idle).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_is_told_as_slow_and_a_lost_database_as_away() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let backend = backend(&world);
    let mut lock = world.admin.begin().await.unwrap();
    sqlx::query("lock table whatsapp_numbers in access exclusive mode").execute(&mut *lock).await.unwrap();
    assert_eq!(backend.number(number).await.unwrap_err(), BackendError::Slow);
    lock.rollback().await.unwrap();
    assert!(backend.number(number).await.is_ok());
    world.admin.close().await;
    world.store.close().await;
    assert!(matches!(backend.overview().await.unwrap_err(), BackendError::Away(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_follow_the_pace() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 100).await;
    let sender = world.sender(&[number]).await;
    let backend = backend(&world);
    assert_eq!(backend.overview().await.unwrap().campaigns[0].done_at, None, "nothing moves yet");
    for message in sender.claim(number, campaign, 40).await {
        sender.record(&message, "accepted").await;
    }
    let overview = backend.overview().await.unwrap();
    let row = &overview.campaigns[0];
    assert!(row.per_second > 0.0 && overview.per_second > 0.0, "{row:?}");
    let done = row.done_at.unwrap();
    assert!(done > overview.at && done < overview.at + chrono::Duration::minutes(10), "{done}");
}
