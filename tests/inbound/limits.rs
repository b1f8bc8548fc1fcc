//! Nobody may use us up: long bodies, slow connections, floods of what is not believed.

use crate::{
    caller::{Call, answer, send},
    office::{APP_SECRET, Office, TWILIO_TOKEN, in_time},
    world::until,
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const MEGABYTE: usize = 1024 * 1024;

fn long(path: String, length: usize) -> Call {
    let mut body = b"{\"entry\":[\"".to_vec();
    body.resize(length - 3, b'a');
    body.extend_from_slice(b"\"]}");
    Call::post(path, body)
}

#[tokio::test]
async fn a_body_may_have_three_megabytes_and_no_byte_more() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let fits = long(office.meta_path(), 3 * MEGABYTE).by_meta(APP_SECRET);
    assert_eq!(fits.ask(listener.address()).await.status, 200);
    let length: i32 = office.world.value("select octet_length(body) from webhooks").await;
    assert_eq!(length, 3 * 1024 * 1024);
    let too_long = long(office.meta_path(), 3 * MEGABYTE + 1).by_meta(APP_SECRET);
    assert_eq!(too_long.ask(listener.address()).await.status, 413);

    // Without a length, so that only reading tells.
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let head = format!("{}connection: close\r\ntransfer-encoding: chunked\r\n\r\n", too_long.head());
    send(&mut stream, head.as_bytes()).await;
    for part in too_long.body.chunks(MEGABYTE / 4) {
        send(&mut stream, format!("{:x}\r\n", part.len()).as_bytes()).await;
        send(&mut stream, part).await;
        send(&mut stream, b"\r\n").await;
    }
    send(&mut stream, b"0\r\n\r\n").await;
    assert_eq!(answer(&mut stream).await.status, 413);

    // Nobody reads for long what cannot be believed whatever it says.
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let unsigned = long(office.meta_path(), 3 * MEGABYTE);
    let head =
        format!("{}connection: close\r\ncontent-length: {}\r\n\r\n", unsigned.head(), unsigned.body.len());
    send(&mut stream, head.as_bytes()).await;
    assert_eq!(answer(&mut stream).await.status, 403, "before its first byte");
    // The others report one thing at a time.
    let origin = format!("http://{}", listener.address());
    let form = Call::post(office.twilio_path(), vec![b'a'; MEGABYTE]).by_twilio(&origin, TWILIO_TOKEN);
    assert_eq!(form.ask(listener.address()).await.status, 413);
    assert_eq!(office.kept_count().await, 1);
    listener.end().await;
}

#[tokio::test]
async fn slow_and_half_requests_keep_nobody_out() {
    let office = Office::open().await;
    let listener = office.listener().await;
    assert_eq!(in_time(&office.report(0), listener.address()).await.status, 200);
    // More of each kind than there are places: silent, half a head, half a body.
    let half = office.report(1).bytes();
    let half_body = half.len() - 5;
    let mut held = Vec::new();
    for nth in 0..1_200 {
        let mut stream = TcpStream::connect(listener.address()).await.unwrap();
        stream.write_all(&half[..[0, 30, half_body][nth % 3]]).await.unwrap();
        held.push(stream);
    }
    for nth in 2..12 {
        assert_eq!(in_time(&office.report(nth), listener.address()).await.status, 200, "report {nth}");
    }
    // Who took long was sent away, and whoever came last may still finish.
    let mut last = held.pop().unwrap();
    last.write_all(&half[half_body..]).await.unwrap();
    assert_eq!(answer(&mut last).await.status, 200);
    let mut first = held.remove(0);
    let gone = tokio::time::timeout(Duration::from_secs(5), first.read(&mut [0; 16])).await.unwrap();
    assert!(matches!(gone, Ok(0) | Err(_)), "{gone:?}");
    drop(held);
    listener.end().await;
    assert_eq!(office.kept_count().await, 12);
}

#[tokio::test]
async fn many_long_bodies_at_once_take_turns_and_short_ones_go_past_them() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let mut held = Vec::new();
    let half = long(office.meta_path(), MEGABYTE).by_meta("guess").bytes();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(listener.address()).await.unwrap();
        stream.write_all(&half[..2_000]).await.unwrap();
        held.push(stream);
    }
    for nth in 0..5 {
        assert_eq!(in_time(&office.report(nth), listener.address()).await.status, 200, "report {nth}");
    }
    // The places for long ones come free with those who leave.
    drop(held);
    let fits = long(office.meta_path(), 3 * MEGABYTE).by_meta(APP_SECRET);
    assert_eq!(fits.ask(listener.address()).await.status, 200);
    listener.end().await;
}

#[tokio::test]
async fn a_flood_of_refused_requests_costs_the_database_nothing_that_others_need() {
    let office = Office::open().await;
    let listener = office.listener().await;
    let address = listener.address();
    assert_eq!(office.report(0).ask(address).await.status, 200);
    // Whoever counts has to wait: neither the refused nor the believed do.
    let mut lock = office.world.pool.begin().await.unwrap();
    sqlx::query("lock table webhook_refusals in access exclusive mode").execute(&mut *lock).await.unwrap();
    let guess = Call::post(office.meta_path(), "{}").by_meta("guess");
    let mut refused = 0;
    let flooding = Instant::now();
    let mut believed = 0;
    while flooding.elapsed() < Duration::from_secs(3) {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let guess = guess.clone();
            calls.spawn(async move { in_time(&guess, address).await.status });
        }
        assert_eq!(calls.join_all().await, [403; 20]);
        refused += 20;
        believed += 1;
        assert_eq!(in_time(&office.report(believed), address).await.status, 200);
    }
    let believed = i64::try_from(believed).unwrap() + 1;
    assert_eq!(office.kept_count().await, believed, "in the database, not in the file");
    assert_eq!(office.spooled(), 0);
    lock.rollback().await.unwrap();
    // What could not be written meanwhile was counted on.
    office.until_refused(&[("signature_wrong", refused)]).await;
    // The last ones are written when the listener ends.
    for _ in 0..7 {
        assert_eq!(guess.ask(address).await.status, 403);
    }
    listener.end().await;
    let all = vec![("signature_wrong".to_owned(), refused + 7)];
    until("all are counted", 5, async || office.refused().await == all).await;
}
