//! The enrolment of an audience beside a bare `insert … select` of the very same rows into the same tables, on a server
//! that waits for its disk; and the estimate of it, which reads all contacts once. `SIGNALBOX_BENCH_ROWS` and
//! `SIGNALBOX_BENCH_ROUNDS` change the size.

use signalbox::{
    domain::ids::{CampaignId, OrganizationId},
    postgres::{
        cluster::{Cluster, Settings},
        connect::{Database, Purpose},
        migrate::{self, MIGRATIONS},
    },
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    error::Error,
    io::{Write, stdout},
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// No less than a third of the speed of the bare insert (the issue that asks for enrolment).
const WANTED: f64 = 1.0 / 3.0;
const REQUIRED: &str = r#"{"": ["name"], "fr": ["name"]}"#;
/// One of each condition; everybody meets them.
const AUDIENCE: &str = r#"{"countries": ["CM"], "gender": "female", "professions": ["nurse"], "age": {"min": 18},
    "registered": {"from": "2024-01-01"}, "tags": ["vip"], "attributes": {"customer_tier": ["premium"]},
    "exclude_active": true, "not_contacted_for": "3d"}"#;

/// A campaign whose enrolment is measured.
struct Kind {
    called: &'static str,
    audience: &'static str,
    conduct: &'static str,
    /// What its text shows of everybody.
    variables: [&'static str; 1],
}

const KINDS: [Kind; 4] = [
    Kind { called: "everybody", audience: "{}", conduct: "{}", variables: ["name"] },
    Kind { called: "every condition", audience: AUDIENCE, conduct: "{}", variables: ["name"] },
    // Everybody has the attribute, and nobody the value.
    Kind {
        called: "exit by attribute",
        audience: "{}",
        conduct: r#"{"exit": {"attributes": {"customer_tier": ["basic"]}}}"#,
        variables: ["name"],
    },
    // Each of them gets one, and the bare insert has these rows too.
    Kind {
        called: "slots",
        audience: "{}",
        conduct: r#"{"slots": "campaign"}"#,
        variables: ["campaign_number"],
    },
];

/// Where the rows of an enrolment are.
const TABLES: [&str; 3] = ["campaign_recipients", "recipient_parameters", "contact_slots"];

#[tokio::main]
async fn main() -> Outcome<()> {
    // `cargo test --benches` runs every bench once; this one is for `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let rows = number("SIGNALBOX_BENCH_ROWS", 1_000_000);
    let rounds = number("SIGNALBOX_BENCH_ROUNDS", 3);
    let cluster = Cluster::throwaway(Settings::default()).await?;
    cluster.create_database("bench", None).await?;
    let database = Database::on_cluster(&cluster, "bench");
    migrate::run(&database, &MIGRATIONS, Duration::from_mins(1), |_waited| {}).await?;
    let mut connection = database.connect(Purpose::Migrate).await?;
    let organization = seed(&mut connection, rows).await?;
    for kind in KINDS {
        let mut ratios = Vec::new();
        for _ in 0..rounds {
            let campaign = campaign(&mut connection, organization, &kind).await?;
            let estimated = estimate(&mut connection, organization, campaign, rows).await?;
            let enrolled = enrol(&mut connection, organization, campaign, &kind, rows).await?;
            let bare = insert(&mut connection, organization, &kind).await?;
            let ratio = bare.as_secs_f64() / enrolled.as_secs_f64();
            ratios.push(ratio);
            writeln!(
                stdout(),
                "{}: estimate {:.1} s · enrol {:.1} s · bare insert {:.1} s · ratio {ratio:.2}",
                kind.called,
                estimated.as_secs_f64(),
                enrolled.as_secs_f64(),
                bare.as_secs_f64(),
            )?;
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
        let verdict = if median >= WANTED { "met" } else { "MISSED" };
        writeln!(
            stdout(),
            "{}: enrol / bare insert {median:.2}, wanted {WANTED:.2}: {verdict}",
            kind.called
        )?;
    }
    connection.close().await?;
    cluster.close().await?;
    Ok(())
}

async fn seed(connection: &mut PgConnection, rows: i64) -> Outcome<OrganizationId> {
    let organization = OrganizationId::new();
    sqlx::query("insert into organizations (id, slug, name, time_zone) values ($1, 'bench', 'Bench', 'Africa/Douala')")
        .bind(organization.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query("insert into pools (organization_id, id, name) values ($1, new_uuid(), 'default')")
        .bind(organization.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        r#"insert into contacts (organization_id, id, phone, name, locale, country, gender, profession, birth_date,
                                 registered_at, attributes, tags)
           select $1, ordered_uuid(1, 1, n), '+2376' || lpad(n::text, 8, '0'), 'Ana Maria ' || n,
                  case when n % 3 = 0 then 'fr' else 'en' end, 'CM', 'female', 'nurse', '1990-05-17',
                  '2024-05-17T08:00:00Z', '{"city": "Douala", "customer_tier": "premium"}', '{vip}'
             from generate_series(0, $2 - 1) n"#,
    )
    .bind(organization.0)
    .bind(rows)
    .execute(&mut *connection)
    .await?;
    connection.execute("vacuum analyze contacts").await?;
    Ok(organization)
}

/// An empty campaign, in empty tables.
async fn campaign(
    connection: &mut PgConnection,
    organization: OrganizationId,
    kind: &Kind,
) -> Outcome<CampaignId> {
    connection
        .execute("truncate campaign_recipients, recipient_parameters, campaign_counts, contact_slots")
        .await?;
    let campaign = CampaignId::new();
    sqlx::query(
        "insert into campaigns (organization_id, id, name, pool_id, audience, conduct, created_by, changed_by)
         select $1, $2, $2::text, p.id, $3::jsonb, $4::jsonb, 'bench', 'bench' from pools p",
    )
    .bind(organization.0)
    .bind(campaign.0)
    .bind(kind.audience)
    .bind(kind.conduct)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts)
         values ($1, $2, 1, 0, jsonb_build_array(jsonb_build_object('locale', 'en', 'text', 'Hello {{' || $3 || '}}')))",
    )
    .bind(organization.0)
    .bind(campaign.0)
    .bind(kind.variables[0])
    .execute(&mut *connection)
    .await?;
    connection.execute("checkpoint").await?;
    Ok(campaign)
}

async fn estimate(
    connection: &mut PgConnection,
    organization: OrganizationId,
    campaign: CampaignId,
    rows: i64,
) -> Outcome<Duration> {
    let begun = Instant::now();
    let counted: i64 = sqlx::query_scalar(
        "select sum(e.people)::bigint
           from campaigns c
          cross join lateral estimate_audience(c.organization_id, c.id, c.audience, $3::jsonb, clock_timestamp()) e
          where c.organization_id = $1 and c.id = $2 and e.reason is null",
    )
    .bind(organization.0)
    .bind(campaign.0)
    .bind(REQUIRED)
    .fetch_one(connection)
    .await?;
    all(counted, rows)?;
    Ok(begun.elapsed())
}

async fn enrol(
    connection: &mut PgConnection,
    organization: OrganizationId,
    campaign: CampaignId,
    kind: &Kind,
    rows: i64,
) -> Outcome<Duration> {
    let begun = Instant::now();
    let enrolled: i64 = sqlx::query_scalar("select enrol($1, $2, $3, $4::jsonb)")
        .bind(organization.0)
        .bind(campaign.0)
        .bind(kind.variables)
        .bind(REQUIRED)
        .fetch_one(connection)
        .await?;
    all(enrolled, rows)?;
    Ok(begun.elapsed())
}

/// The rows that enrolment made, taken out and put in again.
async fn insert(
    connection: &mut PgConnection,
    organization: OrganizationId,
    kind: &Kind,
) -> Outcome<Duration> {
    for table in TABLES {
        let copy = format!("create temporary table bare_{table} as select * from {table}");
        connection.execute(AssertSqlSafe(copy)).await?;
    }
    campaign(connection, organization, kind).await?;
    let begun = Instant::now();
    let mut transaction = connection.begin().await?;
    for table in TABLES {
        let insert = format!("insert into {table} select * from bare_{table}");
        transaction.execute(AssertSqlSafe(insert)).await?;
    }
    transaction.commit().await?;
    let took = begun.elapsed();
    let copied: i64 = sqlx::query_scalar("select count(*) from bare_campaign_recipients")
        .fetch_one(&mut *connection)
        .await?;
    let written: i64 =
        sqlx::query_scalar("select count(*) from campaign_recipients").fetch_one(&mut *connection).await?;
    for table in TABLES {
        connection.execute(AssertSqlSafe(format!("drop table bare_{table}"))).await?;
    }
    all(written, copied)?;
    Ok(took)
}

fn all(found: i64, wanted: i64) -> Outcome<()> {
    if found == wanted { Ok(()) } else { Err(format!("{found} people instead of {wanted}").into()) }
}

fn number(name: &str, usual: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
