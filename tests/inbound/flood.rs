//! Receipts by the thousand while messages go out: several for each message, twice, late and in any order, with the server of the
//! database stopped in the middle. In the end every message stands where the script says, and nothing is lost.
//!
//! Ten seconds at a pace that a busy test machine holds; a minute of a thousand a second, with what it measured, by
//!
//! ```sh
//! SIGNALBOX_RECEIPTS_SECONDS=60 SIGNALBOX_RECEIPTS_RATE=1000 cargo test --test inbound receipts -- --nocapture
//! ```
//!
//! How long their answers take is for `cargo bench --bench inbound` to measure; here only the truth counts.

use crate::{
    caller::Call,
    mutate::Chance,
    office::{APP_SECRET, Office},
    world::{
        Made, own_cluster,
        seed::{Camp, Num},
        until,
    },
};
use signalbox::postgres::cluster::StopMode;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};

/// As many connections as a proxy keeps open.
const CONNECTIONS: usize = 32;
/// Reports of one message, on average: what is written below.
const EACH: u64 = 5;
/// How far reports of one message lie apart.
const SPREAD: u64 = 3_000;

fn variable(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap())
}

/// What comes of a message: what is reported of it, in whatever order, and where it stands in the end.
const LIVES: [(&[&str], &str, &str); 6] = [
    (&["sent"], "sent", "accepted"),
    (&["sent", "delivered"], "delivered", "delivered"),
    (&["sent", "delivered", "read"], "read", "read"),
    // Nobody reports delivery where a message is read at once.
    (&["read"], "read", "read"),
    (&["sent", "failed"], "failed", "failed"),
    // Failed on one phone, delivered to another: delivered counts.
    (&["failed", "delivered"], "delivered", "delivered"),
];

/// Reports to post, by their time.
#[derive(Default)]
struct Plan {
    due: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    turn: u64,
    /// By the attempt that the provider was told: where it has to stand.
    truth: BTreeMap<String, (&'static str, &'static str)>,
}

impl Plan {
    fn add(
        &mut self,
        office: &Office,
        sender_id: &str,
        id: &str,
        reference: &str,
        now: u64,
        chance: &mut Chance,
    ) {
        let (reports, stands, recipient) = *chance.pick(&LIVES);
        self.truth.insert(reference.to_owned(), (stands, recipient));
        // Each twice: the same bytes, or the same event in others; and now and then five times.
        let many: Vec<&str> =
            reports.iter().flat_map(|status| std::iter::repeat_n(*status, 1 + 2 * chance.below(3))).collect();
        for status in many {
            let time = 1_751_142_888 + chance.below(2);
            let named = if chance.below(3) == 0 {
                String::new()
            } else {
                format!(r#","biz_opaque_callback_data":"{reference}""#)
            };
            let errors = if status == "failed" {
                r#","errors":[{"code":131026,"title":"t","error_data":{"details":"not on WhatsApp"}}]"#
            } else {
                ""
            };
            let body = format!(
                r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"phone_number_id":"{sender_id}"}},"statuses":[{{"id":"{id}","status":"{status}","timestamp":"{time}","recipient_id":"5511987650001"{named}{errors}}}]}}}}]}}]}}"#
            );
            let call = Call::post(office.meta_path(), body).by_meta(APP_SECRET);
            let mut bytes =
                format!("{}content-length: {}\r\n\r\n", call.head(), call.body.len()).into_bytes();
            bytes.extend_from_slice(&call.body);
            self.turn += 1;
            self.due.push(Reverse((now + chance.below(SPREAD as usize) as u64, self.turn, bytes)));
        }
    }
}

/// What became of the posts.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    again: AtomicU64,
    took: Mutex<Vec<Duration>>,
}

/// Posts on a connection that stays open, and again until it is answered with 200, as Meta does.
async fn post(
    address: SocketAddr,
    posts: Arc<tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>>,
    tally: Arc<Tally>,
) {
    let mut stream: Option<TcpStream> = None;
    let mut answer = vec![0; 4_096];
    loop {
        let Some(bytes) = posts.lock().await.recv().await else { return };
        let began = Instant::now();
        loop {
            let mut open = match stream.take() {
                Some(open) => open,
                None => TcpStream::connect(address).await.unwrap(),
            };
            let read = match open.write_all(&bytes).await {
                Ok(()) => tokio::time::timeout(Duration::from_secs(20), open.read(&mut answer)).await,
                Err(error) => Ok(Err(error)),
            };
            if let Ok(Ok(count)) = read
                && answer[..count].starts_with(b"HTTP/1.1 200")
            {
                stream = Some(open);
                break;
            }
            tally.again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tally.answered.fetch_add(1, Ordering::Relaxed);
        tally.took.lock().unwrap().push(began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_by_the_thousand_tell_the_truth_across_a_restart() {
    let (seconds, rate) =
        (variable("SIGNALBOX_RECEIPTS_SECONDS", 10), variable("SIGNALBOX_RECEIPTS_RATE", 300));
    let messages = seconds * rate / EACH;
    let cluster = own_cluster().await;
    let mut office =
        Office::within(Made::default().on(&cluster).script("latency = '20ms'\n").world().await).await;
    // Messages go out nearly as long as reports come in.
    let per_second = i32::try_from(messages / seconds * 5 / 4).unwrap();
    office.world.number_of(office.meta, Num::meta().per_second(per_second).in_flight(50)).await;
    let sender_id: String = office.world.value("select instance_id from whatsapp_numbers").await;
    office.world.campaign(Camp::of(i64::try_from(messages).unwrap())).await;
    let listener = office.listener().await;
    let sender = office
        .world
        .sender_with(&office.world.database, |config| {
            // A server that is away for a moment makes no doubts.
            config.timing.grace = Duration::from_secs(30);
        })
        .await;

    let (posts, queue) = mpsc::channel(256);
    let (queue, tally) = (Arc::new(tokio::sync::Mutex::new(queue)), Arc::new(Tally::default()));
    let mut posting = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        posting.spawn(post(listener.address(), Arc::clone(&queue), Arc::clone(&tally)));
    }
    let (mut plan, mut chance) = (Plan::default(), Chance::of(20_260_103, 0));
    let (mut seen, mut posted, mut restarted) = (0, 0, None);
    let began = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        let now = u64::try_from(began.elapsed().as_millis()).unwrap();
        if seen < messages && now / 100 != (now.saturating_sub(10)) / 100 {
            let ledger = office.world.simulator.ledger();
            for taken in &ledger[usize::try_from(seen).unwrap()..] {
                plan.add(&office, &sender_id, &taken.id, &taken.reference, now, &mut chance);
                seen += 1;
            }
        }
        // No faster than asked for; what is late is caught up.
        let mut allowed = (now * rate / 1_000).saturating_sub(posted);
        while allowed > 0 && plan.due.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((.., bytes))) = plan.due.pop() else { break };
            posts.send(bytes).await.unwrap();
            (posted, allowed) = (posted + 1, allowed - 1);
        }
        if restarted.is_none() && now > seconds * 500 {
            let stopping = cluster.clone();
            restarted = Some(tokio::spawn(async move {
                stopping.stop(StopMode::Immediate).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
                stopping.start().await.unwrap();
            }));
        }
        if seen == messages && plan.due.is_empty() {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(4 * seconds + 60),
            "{seen} of {messages} messages, {posted} posts"
        );
    }
    let took = began.elapsed();
    restarted.expect("it lasted longer than half").await.unwrap();
    drop(posts);
    while let Some(done) = posting.join_next().await {
        done.unwrap();
    }
    office.world.reconnect();
    report(&tally, posted, took);
    assert_eq!(tally.answered.load(Ordering::Relaxed), posted, "each was answered");

    let world = &office.world;
    until("everything is applied", 240, async || {
        world.value::<i64>("select (select count(*) from webhooks where applied_at is null) + (select count(*) from receipts where applied_at is null)").await == 0
    })
    .await;
    let rows: Vec<(String, Option<String>, String)> = sqlx::query_as(
        "select a.id::text, a.delivery::text, r.state::text from attempts a
           join campaign_recipients r on r.organization_id = a.organization_id and r.campaign_id = a.campaign_id
            and r.id = a.recipient_id
          where a.state <> 'not_sent'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), usize::try_from(messages).unwrap(), "each reached the provider once");
    for (attempt, delivery, recipient) in &rows {
        let (stands, state) = plan.truth[attempt];
        assert_eq!((delivery.as_deref(), recipient.as_str()), (Some(stands), state), "{attempt}");
    }
    assert_eq!(office.spooled(), 0, "nothing waits in a file");
    listener.end().await;
    let sides = world.end([sender]).await;
    assert_eq!(sides.received, usize::try_from(messages).unwrap());
}

/// Says what was measured; nothing here depends on it.
#[expect(clippy::print_stderr, reason = "figures of a run by hand")]
fn report(tally: &Tally, posted: u64, took: Duration) {
    let mut times = tally.took.lock().unwrap().clone();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    eprintln!(
        "{posted} receipts in {took:.1?}, {:.0} a second; answered in {:.1?} (median), {:.1?} (p99), {:.1?} (longest); {} asked again",
        posted as f64 / took.as_secs_f64(),
        at(50),
        at(99),
        at(100),
        tally.again.load(Ordering::Relaxed)
    );
}
