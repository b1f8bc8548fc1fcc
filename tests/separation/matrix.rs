//! Every table × role × verb × own and other organisation, as somebody who types statements would find it, compared with one
//! reviewed file. A table without a line fails.

use crate::office::{Office, ROLES};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use std::fmt::Write as _;

const REVIEWED: &str = include_str!("matrix.txt");

/// Columns whose checks want more than any value of their type, as texts of SQL.
fn own_values(table: &str) -> Value {
    match table {
        "alert_channels" => json!({ "kind": "'email'", "smtp": "'smtp://mail'", "mail_from": "'a@b'" }),
        "alert_deliveries" => json!({ "report_day": "date '2026-01-01'" }),
        "alerts" => json!({ "kind": "'finished'", "severity": "'info'", "subject": "'number'" }),
        "account_templates" => json!({ "status": "'approved'" }),
        "campaign_rollouts" => json!({ "stages": "'{10,100}'", "stage": "1" }),
        "campaign_steps" => json!({ "texts": "'[{}]'" }),
        "canaries" => json!({ "purpose": "'standby'" }),
        "contact_imports" => json!({ "updated": "0", "duplicate": "0", "rejected": "0" }),
        "instances" => json!({ "kind": "'watch'" }),
        "number_events" => json!({ "change": "'notice'" }),
        "number_throttles" => json!({ "percent": "50" }),
        "quota_usage" => json!({ "scope": "'number'" }),
        "receipts" => json!({ "provider_message_id": "'m'" }),
        "replies" => json!({ "due_at": "'-infinity'", "kind": "'operator'" }),
        "organizations" => json!({ "time_zone": "'UTC'" }),
        _ => json!({}),
    }
}

async fn tables(office: &Office) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap()
}

/// The column that says whose a row is; tables of the database itself have none.
fn whose(table: &str) -> Option<&'static str> {
    match table {
        "organizations" => Some("id"),
        "key_check" | "_sqlx_migrations" => None,
        _ => Some("organization_id"),
    }
}

/// One row of each organisation in every table, and the statements that would add others.
async fn fill(office: &Office) -> PgConnection {
    let mut owner = office.db.database.connect(signalbox::postgres::connect::Purpose::Bulk).await.unwrap();
    owner.execute(include_str!("fill.sql")).await.unwrap();
    // Neither triggers nor foreign keys: each table for itself.
    owner.execute("set session_replication_role = replica").await.unwrap();
    owner.execute("insert into key_check (sealed) values ('x') on conflict do nothing").await.unwrap();
    for table in tables(office).await.iter().filter(|table| whose(table) == Some("organization_id")) {
        for organization in [office.acme.0, office.other.0] {
            let statement = insert_of(&mut owner, table, organization, 1).await;
            if let Err(error) = owner.execute(AssertSqlSafe(statement.clone())).await {
                let is_there =
                    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
                assert!(
                    is_there,
                    "no row for {table}: {error}\n{statement}\ngive own_values() what its checks want"
                );
            }
        }
    }
    owner
}

async fn insert_of(owner: &mut PgConnection, table: &str, organization: uuid::Uuid, salt: i32) -> String {
    sqlx::query_scalar("select matrix.insert_of($1, $2, $3, $4)")
        .bind(table)
        .bind(organization)
        .bind(salt)
        .bind(own_values(table))
        .fetch_one(owner)
        .await
        .unwrap()
}

/// How many rows a statement reached, or that the role may not. What a trigger or a constraint refuses was let through by
/// the policies.
async fn reaches(role: &mut PgConnection, statement: &str) -> bool {
    let mut transaction = role.begin().await.unwrap();
    let done = transaction.execute(AssertSqlSafe(statement.to_owned())).await;
    transaction.rollback().await.unwrap();
    match done {
        Ok(done) => done.rows_affected() > 0,
        Err(error) => {
            error.as_database_error().expect("the server refuses").code().as_deref() != Some("42501")
        }
    }
}

/// The verbs that a role may use on a table's rows of one organisation: select, insert, update, delete.
async fn verbs(role: &mut PgConnection, table: &str, organization: uuid::Uuid, insert: &str) -> String {
    let column = whose(table);
    let rows = column.map_or(String::new(), |column| format!("where {column} = '{organization}'"));
    let same = column.unwrap_or(if table == "key_check" { "sealed" } else { "version" });
    let mut found = String::new();
    for (letter, statement) in [
        ('s', format!("select from {table} {rows}")),
        ('i', insert.to_owned()),
        ('u', format!("update {table} set {same} = {same} {rows}")),
        ('d', format!("delete from {table} {rows}")),
    ] {
        if reaches(role, &statement).await {
            found.push(letter);
        }
    }
    if found.is_empty() { "-".to_owned() } else { found }
}

#[tokio::test]
async fn every_role_reaches_what_the_reviewed_file_says() {
    let office = Office::open().await;
    let mut owner = fill(&office).await;
    let mut roles = Vec::new();
    for role in ROLES {
        roles.push((role, office.connect(role).await));
    }
    let mut found = String::new();
    for table in tables(&office).await {
        write!(found, "{table}").unwrap();
        let mut inserts = Vec::new();
        for organization in [office.acme.0, office.other.0] {
            inserts.push(insert_of(&mut owner, &table, organization, 2).await);
        }
        for (role, connection) in &mut roles {
            let own = verbs(connection, &table, office.acme.0, &inserts[0]).await;
            write!(found, " {role}={own}").unwrap();
            let Some(column) = whose(&table) else { continue };
            // A row of another organisation that is made is one with a new id.
            if column == "organization_id" {
                let other = verbs(connection, &table, office.other.0, &inserts[1]).await;
                assert_eq!(other, "-", "{role} reaches rows of another organisation in {table}");
            }
            let all: i64 = connection
                .fetch_one(AssertSqlSafe(format!(
                    "select count(*) filter (where {column} <> '{}') from {table}",
                    office.acme.0
                )))
                .await
                .map_or(0, |row| row.get(0));
            assert_eq!(all, 0, "{role} sees rows of another organisation in {table}");
            let moved = format!(
                "update {table} set {column} = '{}' where {column} = '{}'",
                office.other.0, office.acme.0
            );
            assert!(
                !reaches(connection, &moved).await,
                "{role} hands rows of {table} to another organisation"
            );
        }
        found.push('\n');
    }
    let reviewed: String = REVIEWED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n");
    let differences: Vec<String> = found
        .lines()
        .filter(|line| !reviewed.lines().any(|known| known == *line))
        .map(|line| format!("found    {line}"))
        .chain(
            reviewed
                .lines()
                .filter(|line| !found.lines().any(|known| known == *line))
                .map(|line| format!("reviewed {line}")),
        )
        .collect();
    assert!(
        differences.is_empty(),
        "tests/separation/matrix.txt says otherwise; a new table calls separate() in the migration that makes it:\n{}",
        differences.join("\n")
    );
}

#[tokio::test]
async fn whoever_serves_two_organisations_sees_both_until_removed() {
    let office = Office::open().await;
    let name = office.name("service");
    let who = signalbox::store::action::Actor::operator("owner");
    office.db.store.add_operator(office.other, &name, "service", None, who).await.unwrap();
    let slugs = |store: signalbox::store::Store| async move {
        let mut slugs: Vec<String> =
            store.organizations(None).await.unwrap().into_iter().map(|found| found.slug).collect();
        slugs.sort();
        slugs
    };
    assert_eq!(slugs(office.store("service")).await, ["acme", "other"]);
    assert_eq!(slugs(office.store("manager")).await, ["acme"]);
    assert!(office.db.store.remove_operator(office.other, &name, None, who).await.unwrap());
    assert_eq!(slugs(office.store("service")).await, ["acme"]);
}

/// What a role was granted it has in every organisation; that it only looks in one of them is for the policies alone.
#[tokio::test]
async fn who_runs_another_organisation_only_looks_where_she_is_a_viewer() {
    let office = Office::open().await;
    let mut owner = fill(&office).await;
    let name = office.name_in("other", "manager");
    let who = signalbox::store::action::Actor::operator("owner");
    office.db.store.add_operator(office.acme, &name, "viewer", None, who).await.unwrap();
    let database = office.db.database.as_role(&name);
    let mut both = database.connect(signalbox::postgres::connect::Purpose::Bulk).await.unwrap();
    for table in tables(&office).await.iter().filter(|table| whose(table).is_some()) {
        let insert = insert_of(&mut owner, table, office.acme.0, 2).await;
        let here = verbs(&mut both, table, office.acme.0, &insert).await;
        assert!(here == "s" || here == "-", "{table}: {here}");
    }
    let insert = insert_of(&mut owner, "contacts", office.other.0, 2).await;
    assert_eq!(
        verbs(&mut both, "contacts", office.other.0, &insert).await,
        "siud",
        "she still runs the other"
    );
}

/// Whoever acts for an operator while somebody else is logged in decides by this rule; the policies decide by the other.
#[tokio::test]
async fn the_program_and_the_policies_give_roles_the_same_rights() {
    use signalbox::domain::right::{Right, Role};
    let office = Office::open().await;
    for role in Role::ALL {
        let mut login = office.connect(role.name()).await;
        for right in Right::ALL {
            let has: bool = sqlx::query_scalar("select $1 = any (organizations_of_login($2))")
                .bind(office.acme.0)
                .bind(right.name())
                .fetch_one(&mut login)
                .await
                .unwrap();
            assert_eq!(role.may(right), has, "{role} {}", right.name());
        }
    }
}

/// What the matrix cannot see from outside: that nothing was left open in the catalogue.
#[tokio::test]
async fn every_table_forces_its_policies_and_every_key_begins_with_the_organisation() {
    let office = Office::open().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
          where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and relname <> '_sqlx_migrations'
            and not (relrowsecurity and relforcerowsecurity)",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap();
    assert_eq!(open, [] as [String; 0], "tables without forced row-level security");
    // Constraints look past policies: one across organisations would tell what others have.
    let across: Vec<String> = sqlx::query_scalar(
        "select c.conname::text from pg_constraint c join pg_class t on t.oid = c.conrelid
          where t.relnamespace = 'public'::regnamespace and c.contype in ('p', 'u', 'f')
            and t.relname not in ('organizations', 'key_check', '_sqlx_migrations')
            and not exists (select from pg_attribute a where a.attrelid = t.oid and a.attnum = any (c.conkey)
                               and a.attname = 'organization_id')
         union all
         select i.relname::text from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
          where t.relnamespace = 'public'::regnamespace and x.indisunique
            and t.relname not in ('organizations', 'key_check', '_sqlx_migrations')
            and (select a.attname from pg_attribute a where a.attrelid = t.oid and a.attnum = x.indkey[0])
                is distinct from 'organization_id'",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap();
    assert_eq!(across, [] as [String; 0], "keys across organisations");
    let views: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace
            and not coalesce('security_invoker=true' = any (reloptions), false)",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap();
    assert_eq!(views, [] as [String; 0], "views with their owner's rights");
    let sequences: i64 = office
        .db
        .value("select count(*) from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace")
        .await;
    assert_eq!(sequences, 0, "a sequence tells how much others write");
}

#[tokio::test]
async fn functions_with_the_owners_rights_are_known_and_look_nowhere_else() {
    let office = Office::open().await;
    let found: Vec<(String, bool)> = sqlx::query_as(
        "select proname::text, coalesce('search_path=public, pg_temp' = any (proconfig), false)
           from pg_proc where prosecdef and pronamespace = 'public'::regnamespace order by 1",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap();
    let known = [
        "add_api_key",
        "add_operator",
        "analyze_contacts",
        "analyze_numbers",
        "analyze_recipients",
        "apply_receipts",
        "attempts_of_message",
        "claim",
        "edit_operator",
        "organizations_of_login",
        "record_outcomes",
        "remove_operator",
        "revoke_api_key",
        "take_receipts",
        "use_api_key",
    ];
    assert_eq!(
        found,
        known.map(|name| (name.to_owned(), true)),
        "each checks the caller, and is reviewed for it"
    );
    // What is told goes to the organisation's own channel.
    let tellers: Vec<String> = sqlx::query_scalar(
        "select proname::text from pg_proc where prosrc like '%pg_notify%' and pronamespace = 'public'::regnamespace",
    )
    .fetch_all(&office.db.pool)
    .await
    .unwrap();
    assert_eq!(tellers, ["tell"], "a function that tells on a channel of its own");
    let leaky: i64 = office
        .db
        .value("select count(*) from pg_proc where proleakproof and pronamespace = 'public'::regnamespace")
        .await;
    assert_eq!(leaky, 0, "a function that claims to be leak-proof runs before the policies");
}
