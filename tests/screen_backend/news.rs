//! What others send and what others change.

use crate::screen_world::World;
use crate::{backend, backend_of};
use signalbox::domain::action::{Action, Order, Subject};
use signalbox::domain::ids::InstanceId;
use signalbox::store::view::{LiveKind, NumberStanding};
use signalbox::tui::backend::{ActionAnswer, Backend as _, Notice};
use std::time::Duration;
use tokio::sync::broadcast;

async fn next_notice(notices: &mut broadcast::Receiver<Notice>) -> Notice {
    tokio::time::timeout(Duration::from_secs(10), notices.recv())
        .await
        .expect("no notice within 10 s")
        .unwrap()
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
    tokio::time::sleep(Duration::from_secs(1)).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_console_without_a_sender_is_not_told_of_its_own_stop() {
    let world = World::start().await;
    let number = world.number("promo-2", 1).await;
    let (ana, bea) = (backend_of(&world, "ana", None), backend_of(&world, "bea", None));
    let (mut to_ana, mut to_bea) = (ana.notices(), bea.notices());
    listening(&world, 2).await;
    let stop = Order::whole(Action::StopAll).because("wrong list");
    assert!(matches!(ana.act(stop).await, ActionAnswer::Done { .. }));
    assert_eq!(&*next_notice(&mut to_bea).await.by, "ana");
    let suspend = Order::whole(Action::SuspendNumber { number, until: None }).because("quality low");
    assert!(matches!(bea.act(suspend).await, ActionAnswer::Done { .. }));
    let notice = next_notice(&mut to_ana).await;
    assert_eq!((&*notice.by, notice.subject), ("bea", Subject::Number(number)));
    // The same by somebody else is news.
    assert!(matches!(bea.act(Order::whole(Action::ReleaseStop)).await, ActionAnswer::Done { .. }));
    assert_eq!(&*next_notice(&mut to_ana).await.by, "bea");
}

/// Waits until so many consoles hear of changes.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_told_on_every_console_and_taken_note_of_once() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    let (ana, bea) = (backend(&world), backend_of(&world, "bea", None));
    let mut told = [ana.notices(), bea.notices()];
    listening(&world, 2).await;
    assert_eq!(ana.overview().await.unwrap().alerts, 0);
    world.run("update accounts set token_since = clock_timestamp() - interval '100 days'").await;
    assert_eq!(world.store.raise_alerts(world.organization).await.unwrap(), 1);
    for notices in &mut told {
        let is_alert = async |notices: &mut broadcast::Receiver<Notice>| {
            loop {
                let notice = next_notice(notices).await;
                if notice.what.contains("100 days old") {
                    return notice;
                }
            }
        };
        let notice = is_alert(notices).await;
        assert!(notice.alarming && &*notice.by == "sender", "{notice:?}");
    }
    assert_eq!(ana.overview().await.unwrap().alerts, 1);
    let row = ana.alerts().await.unwrap().remove(0);
    assert_eq!((&*row.kind, row.acknowledged.is_none()), ("credentials", true));
    let note = Order::whole(Action::Acknowledge(vec![row.id]));
    assert!(matches!(bea.act(note.clone()).await, ActionAnswer::Done { .. }));
    assert!(matches!(ana.act(note).await, ActionAnswer::AlreadySo { by, .. } if &*by == "bea"));
    assert_eq!(ana.overview().await.unwrap().alerts, 0);
    let seen = ana.alerts().await.unwrap().remove(0).acknowledged.unwrap();
    assert_eq!(&*seen.0, "bea");
    let note = ana.handover().await.unwrap();
    assert!(note.sections.iter().any(|section| &*section.heading == "Now"), "{note:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_alerts_that_were_shown_are_taken_note_of() {
    let world = World::start().await;
    let (first, second) = (world.number("support-a", 1).await, world.number("support-b", 2).await);
    let ana = backend(&world);
    let raised = |number, kind| {
        format!(
            "insert into alerts (organization_id, kind, cause, severity, subject, subject_id, subject_name, words, is_event, raised_at)
             values ('{}', '{kind}', '{number}', 'warning', 'number', '{number}', 'n', 'said of n', false, clock_timestamp())",
            world.organization
        )
    };
    world.run(&raised(first, "limit")).await;
    world.run(&raised(second, "limit")).await;
    let shown: Vec<_> = ana.alerts().await.unwrap().iter().map(|row| row.id).collect();
    world.run(&raised(first, "suspension")).await;
    let all = Order::whole(Action::Acknowledge(shown));
    assert!(matches!(ana.act(all.clone()).await, ActionAnswer::Done { .. }));
    let open: Vec<_> =
        ana.alerts().await.unwrap().into_iter().filter(|row| row.acknowledged.is_none()).collect();
    assert!(matches!(open.as_slice(), [row] if &*row.kind == "suspension"), "{open:?}");
    let nothing = ana.act(all).await;
    assert!(matches!(nothing, ActionAnswer::Refused(_)), "{nothing:?}");
}

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
