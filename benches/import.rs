//! The import of a million contacts by the real binary, beside a bare `COPY` of the same rows, in the same order, into
//! the same table, on a server that waits for its disk. `SIGNALBOX_BENCH_ROWS` and `SIGNALBOX_BENCH_ROUNDS` change the
//! size.

use signalbox::{
    domain::ids::OrganizationId,
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
        migrate::{self, MIGRATIONS},
    },
    store::{Store, action::Actor, organization::NewOrganization},
};
use sqlx::{Connection, Executor};
use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Read, Write, stdout},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Import at no less than half the speed of a bare `COPY` (`design.md`, section 15).
const WANTED: f64 = 0.5;
const TEMPLATE: &str = "bench";
const COLUMNS: &str = "organization_id, id, phone, name, locale, country, gender, profession, birth_date, registered_at, \
                       consent, consent_method, consent_at, tags, attributes";

/// One run.
struct Measured {
    took: Duration,
    /// Most memory and processor time of the importing process.
    peak_kb: u64,
    cpu_ticks: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    // `cargo test --benches` runs every bench once; this one is for `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let rows = number("SIGNALBOX_BENCH_ROWS", 1_000_000);
    let rounds = number("SIGNALBOX_BENCH_ROUNDS", 2);
    let cluster = Cluster::throwaway(Settings::default()).await?;
    cluster.create_database(TEMPLATE, None).await?;
    let organization = prepare(&cluster).await?;
    let folder = tempfile::tempdir()?;
    let (csv, copy) = write_files(folder.path(), organization, rows)?;

    let mut ratios = Vec::new();
    for round in 0..rounds {
        let bare = bare_copy(&cluster, round, &copy).await?;
        let import = import(&cluster, round, &csv, rows).await?;
        let rate = |took: Duration| f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / took.as_secs_f64();
        let ratio = rate(import.took) / rate(bare);
        ratios.push(ratio);
        writeln!(
            stdout(),
            "round {}: bare copy {:.0} rows/s ({:.1} s) · import {:.0} rows/s ({:.1} s) · ratio {ratio:.2} · \
             peak memory {} MB · processor {:.1} s",
            round + 1,
            rate(bare),
            bare.as_secs_f64(),
            rate(import.took),
            import.took.as_secs_f64(),
            import.peak_kb / 1024,
            // The kernel counts in hundredths of a second on every usual system.
            f64::from(u32::try_from(import.cpu_ticks).unwrap_or(u32::MAX)) / 100.0,
        )?;
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    let verdict = if median >= WANTED { "met" } else { "MISSED" };
    writeln!(stdout(), "import / bare copy: {median:.2}, wanted {WANTED}: {verdict}")?;
    cluster.close().await?;
    Ok(())
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// A migrated template with one organisation.
async fn prepare(cluster: &Cluster) -> Outcome<OrganizationId> {
    let database = Database::on_cluster(cluster, TEMPLATE);
    migrate::run(&database, &MIGRATIONS, Duration::from_mins(1), |_waited| {}).await?;
    let store = Store::new(&database);
    let acme = NewOrganization {
        slug: "acme",
        name: "Acme",
        time_zone: "Africa/Douala",
        default_locale: "en",
        daily_limit: None,
        warm_up: signalbox::domain::warm_up::Ladder::usual(),
        rehearsal: false,
    };
    let organization = store.add_organization(&acme, Actor::operator("bench")).await?;
    store.close().await;
    Ok(organization)
}

/// The same people as CSV and as rows for `COPY`, in an order that has nothing to do with their phones.
fn write_files(folder: &Path, organization: OrganizationId, rows: usize) -> Outcome<(PathBuf, PathBuf)> {
    let (csv, copy) = (folder.join("people.csv"), folder.join("people.copy"));
    let (mut for_us, mut bare) = (BufWriter::new(File::create(&csv)?), BufWriter::new(File::create(&copy)?));
    writeln!(
        for_us,
        "phone,name,locale,gender,profession,birth_date,registered_at,consent,tags,city,customer_tier"
    )?;
    for row in 0..rows {
        // Odd multipliers walk through all residues of a power of two: a permutation, far from any order.
        let scattered = (row * 0x9E37_79B1) & 0x07FF_FFFF;
        let phone = format!("+2376{scattered:09}");
        let rest = "fr,female,nurse,1990-05-17,2024-01-01T08:00:00Z,yes,vip";
        writeln!(for_us, "{phone},Ana Maria {row},{rest},Douala,premium")?;
        writeln!(
            bare,
            "{organization}\t01a1fa7f-5f78-7000-8f41-{row:012x}\t{phone}\tAna Maria {row}\tfr\tCM\tfemale\tnurse\t\
             1990-05-17\t2024-01-01 08:00:00+00\tt\timport\t2024-01-01 08:00:00+00\t{{vip}}\t\
             {{\"city\":\"Douala\",\"customer_tier\":\"premium\"}}"
        )?;
    }
    for_us.flush()?;
    bare.flush()?;
    Ok((csv, copy))
}

/// A fresh copy of the template, with nothing left to write for the server.
async fn fresh(cluster: &Cluster, name: &str) -> Outcome<Database> {
    cluster.create_database(name, Some(TEMPLATE)).await?;
    let database = Database::on_cluster(cluster, name);
    let mut connection = database.connect(Purpose::Migrate).await?;
    connection.execute("checkpoint").await?;
    connection.close().await?;
    Ok(database)
}

async fn bare_copy(cluster: &Cluster, round: usize, file: &Path) -> Outcome<Duration> {
    let name = format!("bare_{round}");
    let database = fresh(cluster, &name).await?;
    let mut connection = database.connect(Purpose::Migrate).await?;
    let mut input = File::open(file)?;
    let begun = Instant::now();
    let mut copy = connection.copy_in_raw(&format!("copy contacts ({COLUMNS}) from stdin")).await?;
    let mut chunk = vec![0; 1024 * 1024];
    loop {
        let length = input.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        copy.send(&chunk[..length]).await?;
    }
    copy.finish().await?;
    let took = begun.elapsed();
    connection.close().await?;
    cluster.drop_database(&name).await?;
    Ok(took)
}

/// The binary, from its start to its end.
async fn import(cluster: &Cluster, round: usize, file: &Path, rows: usize) -> Outcome<Measured> {
    let name = format!("import_{round}");
    fresh(cluster, &name).await?;
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["contact", "import", "--json"])
        .arg(file)
        .env("DATABASE_URL", cluster.url(&name))
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut peak_kb, mut cpu_ticks) = (0, 0);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kb = peak_kb.max(peak_of(child.id()).unwrap_or(0));
        cpu_ticks = cpu_ticks.max(ticks_of(child.id()).unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let took = begun.elapsed();
    let mut answer = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut answer)?;
    }
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    if !status.success() || answer["accepted"] != rows {
        return Err(format!("the import ended with {status}: {answer}").into());
    }
    cluster.drop_database(&name).await?;
    Ok(Measured { took, peak_kb, cpu_ticks })
}

/// `VmHWM` of a process; none where there is no `/proc`.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time of a process.
fn ticks_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(after_name.get(11)?.parse::<u64>().ok()? + after_name.get(12)?.parse::<u64>().ok()?)
}
