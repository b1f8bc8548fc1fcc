//! The database is away, slow or back, and listeners come and go: everything is answered in time, nothing is lost, nothing
//! is there twice.

use crate::{
    caller::{Call, answer},
    office::{Office, Process, VERIFY_TOKEN, in_time},
    world::{relay::Relay, until},
};
use signalbox::domain::ids::AccountId;
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// The nth of many reports, for each asserting that it is believed in time.
async fn report_all(office: &Office, address: std::net::SocketAddr, which: std::ops::Range<usize>) {
    let mut calls = tokio::task::JoinSet::new();
    for nth in which {
        let report = office.report(nth);
        calls.spawn(async move {
            // A test machine may be busy with the rest; twenty at once are what a proxy would let through.
            (nth, in_time(&report, address).await.status)
        });
        if calls.len() >= 20 {
            let (nth, status) = calls.join_next().await.unwrap().unwrap();
            assert_eq!(status, 200, "report {nth}");
        }
    }
    for (nth, status) in calls.join_all().await {
        assert_eq!(status, 200, "report {nth}");
    }
}

#[tokio::test]
async fn while_the_database_is_away_reports_wait_in_a_file_and_are_replayed_once() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = office.listener_on(&relay.database(), None).await;
    report_all(&office, listener.address(), 0..5).await;
    assert_eq!(office.kept_count().await, 5);
    relay.cut();
    // More than one page of the file, and one that came before.
    report_all(&office, listener.address(), 4..700).await;
    assert_eq!(office.kept_count().await, 5);
    assert!(office.spooled() > 0);
    relay.restore();
    // While the file is emptied, requests are answered as fast as ever.
    report_all(&office, listener.address(), 700..800).await;
    office.until_kept(800).await;
    until("the file is empty", 10, async || office.spooled() == 0).await;
    listener.end().await;
    let mut bodies: Vec<String> = office.kept().await.into_iter().map(|(_, body)| body).collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 800);
}

#[tokio::test]
async fn a_database_that_does_not_answer_keeps_nobody_waiting() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = office.listener_on(&relay.database(), None).await;
    report_all(&office, listener.address(), 0..1).await;
    relay.freeze();
    // Longer than secrets are fresh: reading them anew hangs, and what is known has to do.
    let frozen = Instant::now();
    let mut nth = 1;
    while frozen.elapsed() < Duration::from_secs(8) {
        report_all(&office, listener.address(), nth..nth + 10).await;
        let unsigned = Call::post(office.meta_path(), "{}");
        assert_eq!(in_time(&unsigned, listener.address()).await.status, 403);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.verify_token", VERIFY_TOKEN)
            .append_pair("hub.challenge", "7")
            .finish();
        let register = Call::get(format!("{}?{query}", office.meta_path()));
        assert_eq!(in_time(&register, listener.address()).await.body, "7");
        nth += 10;
    }
    // An account that is not known may be a new one.
    let stranger = format!("/webhooks/meta/{}", AccountId::new());
    let call = Call::post(stranger, "{}");
    assert_eq!(in_time(&call, listener.address()).await.status, 503);
    relay.restore();
    office.until_kept(i64::try_from(nth).unwrap()).await;
    until("it is known again who there is", 20, async || {
        in_time(&call, listener.address()).await.status == 404
    })
    .await;
    listener.end().await;
}

#[tokio::test]
async fn a_listener_that_never_reached_the_database_sends_providers_away_for_now() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    relay.cut();
    let listener = office.listener_on(&relay.database(), None).await;
    for nth in 0..10 {
        assert_eq!(in_time(&office.report(nth), listener.address()).await.status, 503, "try again");
    }
    relay.restore();
    let report = office.report(0);
    until("it is believed", 20, async || in_time(&report, listener.address()).await.status == 200).await;
    office.until_kept(1).await;
    listener.end().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_kept_once() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = office.listener_on(&relay.database(), None).await;
    report_all(&office, listener.address(), 0..1).await;
    relay.lose_answers();
    report_all(&office, listener.address(), 1..30).await;
    relay.restore();
    office.until_kept(30).await;
    until("the file is empty", 20, async || office.spooled() == 0).await;
    listener.end().await;
    assert_eq!(office.kept_count().await, 30);
}

#[tokio::test]
async fn a_slow_database_slows_no_answer() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = office.listener_on(&relay.database(), None).await;
    report_all(&office, listener.address(), 0..1).await;
    relay.slow(Duration::from_millis(400));
    report_all(&office, listener.address(), 1..100).await;
    relay.restore();
    office.until_kept(100).await;
    listener.end().await;
    assert_eq!((office.kept_count().await, office.spooled()), (100, 0));
}

#[tokio::test]
async fn what_a_killed_listener_left_behind_is_adopted_by_the_next_one() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let killed = Process::start(&office, relay.url()).await;
    report_all(&office, killed.address, 0..1).await;
    relay.cut();
    report_all(&office, killed.address, 1..300).await;
    let left = office.spooled();
    assert!(left > 0);
    killed.kill();
    assert_eq!(office.spooled(), left);
    // The next one starts while the database is still away: it answers, and writes when it can.
    let next = office.listener_on(&relay.database(), None).await;
    assert_eq!(in_time(&office.report(300), next.address()).await.status, 503, "it knows no secrets yet");
    relay.restore();
    office.until_kept(300).await;
    until("the files are gone", 10, async || office.spooled() == 0).await;
    next.end().await;
    assert_eq!(office.kept_count().await, 300);
    let left = std::fs::read_dir(office.world.spool.path()).unwrap().map(|file| file.unwrap().path());
    let spools: Vec<_> = left.filter(|path| path.extension().is_some()).collect();
    assert!(spools.is_empty(), "{spools:?}");
}

#[tokio::test]
async fn ending_answers_what_is_under_way() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let address = listener.address();
    report_all(&office, address, 0..1).await;
    // One that is half said, and one that waits for the database.
    let bytes = office.report(1).bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 4);
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(first).await.unwrap();
    let mut lock = office.world.pool.begin().await.unwrap();
    sqlx::query("lock table webhooks in access exclusive mode").execute(&mut *lock).await.unwrap();
    let report = office.report(2);
    let waiting = tokio::spawn(async move { in_time(&report, address).await.status });
    office.world.until_waiting(1).await;
    let ending = tokio::spawn(listener.end());
    until("nobody new is let in", 5, async || TcpStream::connect(address).await.is_err()).await;
    half.write_all(rest).await.unwrap();
    assert_eq!(answer(&mut half).await.status, 200);
    assert_eq!(waiting.await.unwrap(), 200);
    let began = Instant::now();
    ending.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    lock.rollback().await.unwrap();
    // What waited in the file for the lock is the next listener's.
    let next = office.listener().await;
    office.until_kept(3).await;
    until("the file is empty", 10, async || office.spooled() == 0).await;
    next.end().await;
    assert_eq!(office.kept_count().await, 3);
}

#[tokio::test]
async fn ending_does_not_wait_for_a_database_that_is_away_or_for_who_never_finishes() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = office.listener_on(&relay.database(), None).await;
    report_all(&office, listener.address(), 0..1).await;
    let mut half = TcpStream::connect(listener.address()).await.unwrap();
    half.write_all(b"POST /webhooks/meta/").await.unwrap();
    relay.freeze();
    report_all(&office, listener.address(), 1..5).await;
    let began = Instant::now();
    listener.end().await;
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert!(office.spooled() > 0);
    let next = office.listener().await;
    office.until_kept(5).await;
    next.end().await;
}
