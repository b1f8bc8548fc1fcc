//! How long webhooks wait for their answer: as many a second as asked for, signed as Meta signs, from connections that stay
//! open as a proxy's do, against a listener whose Postgres runs with `fsync` on, all on the same machine.
//!
//! `cargo bench --bench inbound -- [--rate N] [--seconds N] [--refused PERCENT]`
//!
//! Requests leave on time whether or not those before them were answered, and an answer's time counts from when its request
//! should have left: who is late cannot look fast. Prints the median, the 99th percentile and the longest, and what is kept.
//! Ends with an error when the 99th percentile is over Meta's recommendation of 250 ms, or a row is missing.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod begin;

use begin::Arguments;
use ring::hmac;
use signalbox::{
    domain::ids::{AccountId, InstanceId, OrganizationId},
    inbound::{Listener, Settings},
    postgres::connect::Purpose,
    secrets::{self, KeyRing, Place},
    sender::line::token_place,
    store::Store,
};
use std::{
    error::Error,
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// As many as a proxy keeps open.
const CONNECTIONS: u64 = 64;
/// Half of the answers come sooner, by Meta's recommendation (`meta-cloud.md` section 8); here nearly all have to.
const LIMIT: Duration = Duration::from_millis(250);
/// Whoever is not answered by then never is.
const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "app secret";

fn main() -> Fallible<()> {
    let Some(given) = Arguments::read() else { return Ok(()) };
    let load = Load {
        rate: given.value("--rate", 1_000),
        seconds: given.value("--seconds", 20),
        refused: given.value("--refused", 0),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(load))
}

#[derive(Clone, Copy)]
struct Load {
    /// Requests a second.
    rate: u64,
    seconds: u64,
    /// So many of a hundred with a wrong signature.
    refused: u64,
}

async fn run(load: Load) -> Fallible<()> {
    let (_cluster, database) = begin::database().await?;
    let pool = database.reach(Purpose::Bulk).await?;
    let keys = KeyRing::parse(&secrets::new_key_text()?)?;
    let (organization, account) = seed(&pool, &keys).await?;
    let spool = tempfile::tempdir()?;
    let settings = Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)), spool.path().to_owned());
    let store = Store::new(&database);
    let listener = Listener::start(store, keys, organization, InstanceId::new(), &settings).await?;
    let mut took = drive(listener.address(), account, load).await?;
    // What a slow moment put into the file is in the database when the listener has ended.
    let spooled: u64 =
        std::fs::read_dir(spool.path())?.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    listener.end().await;
    let kept: i64 = sqlx::query_scalar("select count(*) from webhooks").fetch_one(&pool).await?;
    let refused: i64 = sqlx::query_scalar("select coalesce(sum(count), 0)::bigint from webhook_refusals")
        .fetch_one(&pool)
        .await?;
    pool.close().await;

    took.sort_unstable();
    let at =
        |part: usize| took.get((took.len() * part / 100).min(took.len() - 1)).copied().unwrap_or_default();
    println!(
        "{} webhooks, {} a second: p50 {:.1?}, p99 {:.1?}, longest {:.1?}; {kept} kept, {refused} refused, {spooled} bytes in the file",
        took.len(),
        load.rate,
        at(50),
        at(99),
        at(100)
    );
    let expected = took.len() - usize::try_from(refused)?;
    if usize::try_from(kept)? != expected {
        return Err(format!("{kept} rows, and {expected} were believed").into());
    }
    if at(99) > LIMIT { Err(format!("the 99th percentile is over {LIMIT:?}").into()) } else { Ok(()) }
}

/// An organisation with one account at Meta.
async fn seed(pool: &sqlx::PgPool, keys: &KeyRing) -> Fallible<(OrganizationId, AccountId)> {
    let (organization, account) = (OrganizationId::new(), AccountId::new());
    sqlx::query("insert into organizations (id, slug, name, time_zone) values ($1, 'bench', 'Bench', 'Africa/Douala')")
        .bind(organization.0)
        .execute(pool)
        .await?;
    let token = keys.seal(&token_place(organization, account), "token")?;
    let place = Place {
        table: "accounts",
        column: "sealed_app_secret",
        organization: organization.0,
        row: account.0,
    };
    let secret = keys.seal(&place, SECRET)?;
    sqlx::query(
        "insert into accounts (organization_id, id, name, provider, external_id, sealed_token, sealed_app_secret)
         values ($1, $2, 'meta', 'meta', '1', $3, $4)",
    )
    .bind(organization.0)
    .bind(account.0)
    .bind(token.as_str())
    .bind(secret.as_str())
    .execute(pool)
    .await?;
    Ok((organization, account))
}

/// Sends on time and answers how long every request waited.
async fn drive(address: SocketAddr, account: AccountId, load: Load) -> Fallible<Vec<Duration>> {
    let total = load.rate * load.seconds;
    let start = Instant::now() + Duration::from_millis(100);
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        connections.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut took = Vec::new();
            let mut answer = vec![0; 4_096];
            for nth in (connection..total).step_by(usize::try_from(CONNECTIONS)?) {
                let is_refused = nth % 100 < load.refused;
                let request = request(account, nth, if is_refused { "guess" } else { SECRET })?;
                let due = start + Duration::from_secs(nth) / u32::try_from(load.rate)?;
                tokio::time::sleep_until(due.into()).await;
                stream.write_all(&request).await?;
                // An answer fits one segment, so that its end is the end of what is read.
                let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await??;
                let expected = if is_refused { "HTTP/1.1 403" } else { "HTTP/1.1 200" };
                if !answer[..read].starts_with(expected.as_bytes()) {
                    return Err(String::from_utf8_lossy(&answer[..read]).into_owned().into());
                }
                took.push(due.elapsed());
            }
            Fallible::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = connections.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

/// A status as Meta reports it, each of another message.
fn request(account: AccountId, nth: u64, secret: &str) -> Fallible<Vec<u8>> {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"statuses":[{{"id":"wamid.HBgL{nth:016x}","status":"delivered","timestamp":"1751142888","recipient_id":"5511987650001","biz_opaque_callback_data":"01890000-0000-7000-8000-{nth:012x}"}}]}}}}]}}]}}"#
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut request = format!(
        "POST /webhooks/meta/{account} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-hub-signature-256: sha256=",
        body.len()
    );
    for byte in hmac::sign(&key, body.as_bytes()).as_ref() {
        write!(request, "{byte:02x}")?;
    }
    request.push_str("\r\n\r\n");
    request.push_str(&body);
    Ok(request.into_bytes())
}
