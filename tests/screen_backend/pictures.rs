//! One picture of everything, everything about one thing, and what becomes of orders.

use crate::screen_world::World;
use crate::{all, backend, filtered, sentence};
use signalbox::domain::action::{Action, Order, Subject, Verdict};
use signalbox::domain::ids::RecipientId;
use signalbox::sender::alert::desk::Desk;
use signalbox::store::view::{CampaignStanding, Cursor, Place, RecipientOrder};
use signalbox::store::{Store, action::Actor};
use signalbox::tui::backend::{ActionAnswer, Backend as _, BackendError};
use signalbox::tui::store_backend::{StoreBackend, Surroundings};
use std::time::Duration;

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
    let Subject::Recipient(recipient) = row.about else { panic!("{row:?}") };
    let story = backend.recipient(recipient).await.unwrap();
    assert_eq!(&*story.attempts[0].outcome, "accepted");
    assert!(story.attempts[0].words.as_str().contains("settled by ana: the customer confirmed it"));
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
        private_media: false,
        on_terminal_loss: "nothing goes on".into(),
    };
    let mut seat = world.seat.clone();
    seat.role = Some("viewer".into());
    let backend = StoreBackend::new(world.store.clone(), seat, around, Desk::without_keys("it only looks"));
    assert!(!backend.session().may_write);
    let pause = Order::whole(Action::PauseCampaign(campaign));
    assert!(matches!(backend.act(pause).await, ActionAnswer::Refused(_)));
    assert_eq!(backend.overview().await.unwrap().campaigns[0].standing, CampaignStanding::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_taken_while_it_runs_are_taken_from_the_console() {
    let world = World::start().await;
    let (organization, office) = (world.seat.organization, Store::new(&world.database));
    let role: String =
        sqlx::query_scalar("select 'zoe_' || current_database()").fetch_one(&world.admin).await.unwrap();
    let owner = Actor::operator("owner");
    office.add_operator(organization, &role, "manager", None, owner).await.unwrap();
    let store = Store::new(&world.database.as_role(&role));
    let seat = store.seat(organization, None).await.unwrap();
    let around = Surroundings {
        operator: "zoe".into(),
        environment: "TEST".into(),
        production: false,
        database: "test".into(),
        read_only: false,
        private_media: false,
        on_terminal_loss: "nothing goes on".into(),
    };
    let backend = StoreBackend::new(store, seat, around, Desk::without_keys("it needs none"));
    assert!(backend.session().may_write);
    office.edit_operator(organization, &role, "viewer", None, owner).await.unwrap();
    World::until("it is a viewer's", || async { !backend.session().may_write }).await;
    assert_eq!(&*backend.session().role, "viewer");
    office.edit_operator(organization, &role, "manager", None, owner).await.unwrap();
    World::until("it is a manager's", || async { backend.session().may_write }).await;
    office.remove_operator(organization, &role, None, owner).await.unwrap();
    World::until("it is nobody's", || async { !backend.session().may_write }).await;
    assert_eq!(&*backend.session().role, "no operator");
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
    // The number may send 210 more today; its account reaches no more than 25 people in a day.
    world.run("update accounts set rolling_limit = 25").await;
    let overview = backend.overview().await.unwrap();
    let done = overview.campaigns[0].done_at.unwrap();
    assert!(done > overview.at + chrono::Duration::days(1), "sixty people wait: {done}");
}
