//! The whole way: recipients in Postgres → claims → simulator over HTTP → recorded outcomes, with the ledger, caps,
//! pacing, sharing, counts and live events on. Postgres runs with `fsync` on, on the same machine.
//!
//! A number's `in_flight` is 100 at no delay and 200 otherwise unless given.
//!
//! `cargo bench --bench drain -- [--recipients N] [--delay MS] [--numbers N] [--in-flight N] [--statements]`
//!
//! Prints messages a second, CPU seconds of this program, the simulator and Postgres per thousand messages, transactions
//! per hundred messages, WAL and peak memory. `--statements` adds where Postgres spent its time, statement by statement,
//! inside functions too (needs `pg_stat_statements`, and costs some speed).

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]

use signalbox::{
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
        migrate,
    },
    provider::simulator::{Script, Simulator},
    secrets::{self, KeyRing},
    sender::{Config, Sender},
    store::Store,
};
use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

mod cpu;
mod seed;

use cpu::Cpu;
use seed::{Sizes, seed};

type Fallible<T> = Result<T, Box<dyn Error>>;

struct Plan {
    recipients: u64,
    delay_ms: u64,
    numbers: u32,
    in_flight: u32,
    statements: bool,
}

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--simulate") {
        return simulate(value(&arguments, "--delay").unwrap_or(0));
    }
    let delay_ms = value(&arguments, "--delay").unwrap_or(0);
    let numbers = u32::try_from(value(&arguments, "--numbers").unwrap_or(10))?;
    let in_the_air = if delay_ms == 0 { 1_000 } else { 2_000 };
    let plan = Plan {
        recipients: value(&arguments, "--recipients").unwrap_or(50_000),
        delay_ms,
        numbers,
        in_flight: u32::try_from(
            value(&arguments, "--in-flight").unwrap_or(in_the_air / u64::from(numbers)),
        )?,
        statements: arguments.iter().any(|argument| argument == "--statements"),
    };
    if std::env::var("SIGNALBOX_LOG").is_ok() {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&plan))
}

fn value(arguments: &[String], name: &str) -> Option<u64> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1)?.parse().ok()
}

/// The simulator in a process of its own, so that its CPU is not taken for ours.
fn simulate(delay_ms: u64) -> Fallible<()> {
    let script = Script::parse(&format!("[[rule]]\nthen = {{ latency = \"{delay_ms}ms\" }}\n"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start(SocketAddr::from(([127, 0, 0, 1], 0)), script)?;
        println!("{}", simulator.base_url());
        std::io::stdout().flush()?;
        std::future::pending::<()>().await;
        Ok(())
    })
}

struct Simulated {
    child: Child,
    base_url: String,
}

impl Simulated {
    fn start(delay_ms: u64) -> Fallible<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--simulate", "--delay", &delay_ms.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut base_url = String::new();
        let stdout = child.stdout.take().ok_or("the simulator has no output")?;
        BufReader::new(stdout).read_line(&mut base_url)?;
        Ok(Self { child, base_url: base_url.trim().to_owned() })
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(plan: &Plan) -> Fallible<()> {
    let mut settings = Settings::default();
    if plan.statements {
        settings.options.push(("shared_preload_libraries".to_owned(), "pg_stat_statements".to_owned()));
        settings.options.push(("pg_stat_statements.track".to_owned(), "all".to_owned()));
    }
    let cluster = Cluster::throwaway(settings).await?;
    cluster.ensure_database("bench").await?;
    let database = Database::on_cluster(&cluster, "bench");
    migrate::run(&database, &migrate::MIGRATIONS, Duration::from_secs(30), |_| {}).await?;
    let pool = database.reach(Purpose::Bulk).await?;
    let keys = KeyRing::parse(&secrets::new_key_text()?)?;
    let sizes = Sizes { recipients: plan.recipients, numbers: plan.numbers, in_flight: plan.in_flight };
    let organization = seed(&pool, &keys, &sizes).await?;
    let simulated = Simulated::start(plan.delay_ms)?;

    let spool = tempfile::tempdir()?;
    let mut config = Config::new(organization, spool.path().to_owned());
    let base_url = simulated.base_url.clone();
    config.base_url = Box::new(move |_| base_url.clone());
    let store = Store::new(&database);
    let (transactions, wal) = database_figures(&pool).await?;
    let cpu = Cpu::now(simulated.child.id())?;
    let began = Instant::now();
    if plan.statements {
        sqlx::raw_sql("create extension pg_stat_statements; select pg_stat_statements_reset()")
            .execute(&pool)
            .await?;
    }
    let sender = Sender::start(store, keys, config).await?;
    let mut events = sender.events();
    let listener = tokio::spawn(async move {
        let mut seen = 0_u64;
        loop {
            match events.recv().await {
                Ok(_) => seen += 1,
                Err(tokio::sync::broadcast::error::RecvError::Lagged(lost)) => seen += lost,
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return seen,
            }
        }
    });
    let mut status = sender.status();
    status.wait_for(|status| status.totals.accepted >= plan.recipients && status.unrecorded == 0).await?;
    let took = began.elapsed();
    let spent = Cpu::now(simulated.child.id())?.since(&cpu);
    let (transactions_after, wal_after) = database_figures(&pool).await?;
    let (totals, left) = sender.drain(Duration::from_secs(20)).await;
    let seen = listener.await?;

    let accepted = plan.recipients as f64;
    println!(
        "drain {} recipients, {} numbers, {} in flight each, {} ms: {:.0} a second ({:.2} s)",
        plan.recipients,
        plan.numbers,
        plan.in_flight,
        plan.delay_ms,
        accepted / took.as_secs_f64(),
        took.as_secs_f64()
    );
    println!(
        "  CPU µs a message: program {:.1}, simulator {:.1}, Postgres {:.1}",
        spent.own * 1e6 / accepted,
        spent.other * 1e6 / accepted,
        spent.postgres * 1e6 / accepted
    );
    println!(
        "  transactions per 100 messages {:.2}, WAL {:.0} MiB, peak memory {:.0} MiB, live events {seen}",
        (transactions_after - transactions) as f64 * 100.0 / accepted,
        (wal_after - wal) as f64 / 1_048_576.0,
        peak_memory()? / 1_024.0
    );
    println!("  totals {totals:?}, left {left}");
    if plan.statements {
        print_statements(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

async fn database_figures(pool: &sqlx::PgPool) -> Fallible<(i64, i64)> {
    Ok(sqlx::query_as(
        "select sum(xact_commit)::bigint, (select pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint from pg_stat_database
          where datname = current_database()",
    )
    .fetch_one(pool)
    .await?)
}

async fn print_statements(pool: &sqlx::PgPool) -> Fallible<()> {
    let rows: Vec<(i64, f64, i64, String)> = sqlx::query_as(
        "select calls, total_exec_time, rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 110)
           from pg_stat_statements order by total_exec_time desc limit 45",
    )
    .fetch_all(pool)
    .await?;
    for (calls, milliseconds, rows, query) in rows {
        println!(
            "{milliseconds:9.0} ms {calls:7} calls {:9.1} us each {rows:8} rows  {query}",
            milliseconds * 1e3 / calls as f64
        );
    }
    Ok(())
}

/// Peak resident memory in KiB.
fn peak_memory() -> Fallible<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse()?)
}
