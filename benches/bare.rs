//! The ceiling that `drain` is measured against: the least that any durable sender has to do, and nothing else. Waiting
//! work in Postgres → one attempt row per message before its POST, written in batches and claimed by position → POST over
//! kept connections → its outcome after, written in batches. No leases, caps, pacing, sharing, counts or failover. The
//! endpoint answers with fixed bytes, in a process of its own. Postgres runs with `fsync` on, on the same machine.
//!
//! `cargo bench --bench bare -- [--messages N] [--delay MS] [--in-flight N]`
//!
//! A machine's speed drifts within a day by half; the ratio of `drain` to this, run one after the other, does not.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]

use signalbox::postgres::{
    cluster::{Cluster, Settings},
    connect::{Database, Purpose},
};
use sqlx::PgPool;
use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};

mod cpu;

use cpu::Cpu;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Messages of one claim, and outcomes of one record at most.
const BATCH: u32 = 500;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 52\r\n\r\n\
                        {\"messages\":[{\"id\":\"wamid.HBgLMTY1MDM4Nzk0MzkVAA\"}]}";

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let delay = Duration::from_millis(value(&arguments, "--delay").unwrap_or(0));
    if arguments.iter().any(|argument| argument == "--answer") {
        return tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(answer(delay));
    }
    let messages = value(&arguments, "--messages").unwrap_or(50_000);
    let in_flight = u32::try_from(value(&arguments, "--in-flight").unwrap_or(if delay.is_zero() {
        1_000
    } else {
        2_000
    }))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(messages, delay, in_flight))
}

fn value(arguments: &[String], name: &str) -> Option<u64> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1)?.parse().ok()
}

/// The endpoint: every complete request gets the same answer.
async fn answer(delay: Duration) -> Fallible<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut buffer = Vec::with_capacity(4_096);
            while read_message(&mut stream, &mut buffer).await.is_ok() {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                if stream.write_all(ANSWER).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Reads one request or answer with a `content-length` whole into `buffer`.
async fn read_message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Fallible<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("closed".into());
        }
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?;
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .ok_or("no content-length")?
            .parse::<usize>()?;
        if buffer.len() >= head + 4 + length {
            return Ok(());
        }
    }
}

struct Endpoint {
    child: Child,
    address: SocketAddr,
}

impl Endpoint {
    fn start(delay: Duration) -> Fallible<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--answer", "--delay", &delay.as_millis().to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the endpoint has no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(messages: u64, delay: Duration, in_flight: u32) -> Fallible<()> {
    let cluster = Cluster::throwaway(Settings::default()).await?;
    cluster.ensure_database("bench").await?;
    let pool = Database::on_cluster(&cluster, "bench").reach(Purpose::Bulk).await?;
    fill(&pool, messages).await?;
    let endpoint = Endpoint::start(delay)?;
    let cpu = Cpu::now(endpoint.child.id())?;
    let began = Instant::now();
    let (outcomes, ended) = mpsc::channel(4_096);
    let recorder = tokio::spawn(record(pool.clone(), ended));
    send_all(&pool, endpoint.address, in_flight, outcomes).await?;
    let done = recorder.await??;
    let took = began.elapsed().as_secs_f64();
    let spent = Cpu::now(endpoint.child.id())?.since(&cpu);
    println!(
        "bare loop {done} messages, {in_flight} in flight, {} ms: {:.0} a second ({took:.2} s)",
        delay.as_millis(),
        done as f64 / took
    );
    println!(
        "  CPU µs a message: program {:.1}, endpoint {:.1}, Postgres {:.1}",
        spent.own * 1e6 / done as f64,
        spent.other * 1e6 / done as f64,
        spent.postgres * 1e6 / done as f64
    );
    pool.close().await;
    Ok(())
}

/// About 330 bytes a row, as the peers were measured with.
async fn fill(pool: &PgPool, messages: u64) -> Fallible<()> {
    sqlx::raw_sql(
        "create table work (id bigint primary key, phone text not null, body text not null);
         create table sent (id bigint primary key, started_at timestamptz not null, state text not null,
                            provider_id text, finished_at timestamptz) with (fillfactor = 50)",
    )
    .execute(pool)
    .await?;
    sqlx::query("insert into work select n, '+2376' || lpad(n::text, 8, '0'), repeat('x', 290) from generate_series(1, $1) n")
        .bind(i64::try_from(messages)?)
        .execute(pool)
        .await?;
    for upkeep in ["vacuum analyze work", "checkpoint"] {
        sqlx::query(upkeep).execute(pool).await?;
    }
    Ok(())
}

/// Claims batch after batch as slots come free, and posts each message on a kept connection.
async fn send_all(
    pool: &PgPool,
    address: SocketAddr,
    in_flight: u32,
    outcomes: mpsc::Sender<i64>,
) -> Fallible<()> {
    let slots = Arc::new(Semaphore::new(usize::try_from(in_flight)?));
    let connections = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
    let batch = BATCH.min(in_flight);
    let mut after = 0_i64;
    loop {
        let mut free = Arc::clone(&slots).acquire_many_owned(batch).await?;
        let claimed: Vec<(i64, String, String)> = sqlx::query_as(
            "with due as materialized (select id, phone, body from work where id > $1 order by id limit 500),
             intents as (insert into sent (id, started_at, state) select id, clock_timestamp(), 'sending' from due)
             select id, phone, body from due order by id",
        )
        .bind(after)
        .fetch_all(pool)
        .await?;
        let Some(last) = claimed.last() else { return Ok(()) };
        after = last.0;
        for (id, phone, body) in claimed {
            let slot = free.split(1).ok_or("a batch has more messages than slots")?;
            let (connections, outcomes) = (Arc::clone(&connections), outcomes.clone());
            tokio::spawn(async move {
                let kept = connections.lock().ok().and_then(|mut kept| kept.pop());
                if let Ok(stream) = post(kept, address, &phone, &body).await {
                    if let Ok(mut kept) = connections.lock() {
                        kept.push(stream);
                    }
                    let _ = outcomes.send(id).await;
                }
                drop(slot);
            });
        }
    }
}

async fn post(kept: Option<TcpStream>, address: SocketAddr, phone: &str, body: &str) -> Fallible<TcpStream> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(address).await?,
    };
    stream.set_nodelay(true)?;
    let content = format!(
        "{{\"messaging_product\":\"whatsapp\",\"to\":\"{phone}\",\"type\":\"text\",\"text\":{{\"body\":\"{body}\"}}}}"
    );
    let request = format!(
        "POST /v23.0/1/messages HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer none\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{content}",
        content.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(256);
    read_message(&mut stream, &mut buffer).await?;
    Ok(stream)
}

/// Writes what became of the messages, as many at once as have come.
async fn record(pool: PgPool, mut outcomes: mpsc::Receiver<i64>) -> Fallible<u64> {
    let mut done = 0;
    let mut ids = Vec::new();
    while outcomes.recv_many(&mut ids, usize::try_from(BATCH)?).await > 0 {
        let names: Vec<String> = ids.iter().map(|id| format!("wamid.HBgLMTY1MDM4Nzk0MzkVAA{id}")).collect();
        done += sqlx::query(
            "update sent s set state = 'accepted', provider_id = o.provider_id, finished_at = clock_timestamp()
               from unnest($1::bigint[], $2::text[]) as o (id, provider_id) where s.id = o.id",
        )
        .bind(&ids)
        .bind(&names)
        .execute(&pool)
        .await?
        .rows_affected();
        ids.clear();
    }
    Ok(done)
}
