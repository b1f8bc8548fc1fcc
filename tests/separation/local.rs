//! A local cluster works under the same rules: what is done there daily is done by a role that policies bind.

use crate::support::{Db, binary, cluster};
use signalbox::postgres::connect::Purpose;

#[tokio::test]
async fn a_local_cluster_is_used_by_a_role_that_policies_bind() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = binary::command();
        command.arg("--data-dir").arg(folder.path().join("data")).args(arguments);
        binary::run(command, None)
    };
    run(&["org", "add", "acme", "--name", "Acme", "--timezone", "UTC"]).done();
    run(&["pool", "add", "mine"]).done();
    let checks = run(&["doctor", "--json"]).json();
    let rights = checks.as_array().unwrap().iter().find(|check| check["name"] == "rights").unwrap();
    assert_eq!(rights["detail"], "signalbox_operator is admin of acme, and reaches nothing else");
    // Several organisations, operators, and all that an admin does.
    run(&["org", "add", "second", "--name", "Second", "--timezone", "UTC"]).done();
    run(&["operator", "add", "ana", "--role", "manager", "--org", "second"]).done();
    let listed = run(&["operator", "list", "--org", "second", "--json"]).done().json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
}

/// Where the owner of the schema is no superuser, as on a hosted server: forced policies bind it too, but for the one that leaves it
/// everything, and what runs with its rights works all the same.
#[tokio::test]
async fn an_owner_without_powers_migrates_and_makes_operators() {
    let db = Db::empty().await;
    let (owner, manager) = (format!("owner_{}", db.name), format!("manager_{}", db.name));
    for statement in [
        format!("create role {owner} login createrole nosuperuser nobypassrls"),
        format!("alter database {} owner to {owner}", db.name),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&db.pool).await.unwrap();
    }
    let as_role = |role: &str, arguments: &[&str]| {
        let mut command = db.command(arguments);
        command.env("DATABASE_URL", cluster().url_as(&db.name, role));
        binary::run(command, None)
    };
    as_role(&owner, &["migrate"]).done();
    for slug in ["acme", "other"] {
        as_role(&owner, &["org", "add", slug, "--name", slug, "--timezone", "UTC"]).done();
    }
    as_role(&owner, &["operator", "add", &manager, "--role", "manager", "--org", "acme"]).done();
    as_role(&manager, &["pool", "add", "mine"]).done();
    as_role(&manager, &["sender", "--until-idle"]).done();
    let seen: (bool, bool, i64) = sqlx::query_as("select rolsuper, rolcanlogin, (select count(*) from pools) from pg_roles where rolname = session_user")
        .fetch_one(&mut db.database.as_role(&manager).connect(Purpose::Bulk).await.unwrap())
        .await
        .unwrap();
    // Its own, and the default one.
    assert_eq!(seen, (false, true, 2));
    let all = as_role(&owner, &["org", "list", "--json"]).done().json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

/// As the guide advises: the owner closes the database to everybody, and each operator still gets in, for as long as they are one.
#[tokio::test]
async fn a_database_that_was_closed_lets_its_operators_in_and_nobody_else() {
    let db = Db::empty().await;
    let name = |who: &str| format!("{who}_{}", db.name);
    let (owner, ana, eve) = (name("owner"), name("ana"), name("eve"));
    for statement in [
        format!("create role {owner} login createrole nosuperuser nobypassrls"),
        format!("create role {eve} login"),
        format!("alter database {} owner to {owner}", db.name),
        format!("revoke connect on database {} from public", db.name),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&db.pool).await.unwrap();
    }
    let as_role = |role: &str, arguments: &[&str]| {
        let mut command = db.command(arguments);
        command.env("DATABASE_URL", cluster().url_as(&db.name, role));
        binary::run(command, None)
    };
    as_role(&owner, &["migrate"]).done();
    as_role(&owner, &["org", "add", "acme", "--name", "Acme", "--timezone", "UTC"]).done();
    as_role(&owner, &["operator", "add", &ana, "--role", "admin"]).done();
    as_role(&ana, &["pool", "list"]).done();
    as_role(&eve, &["pool", "list"]).refused(1, "permission denied for database");
    // One operator may let in another one.
    let ben = name("ben");
    as_role(&ana, &["operator", "add", &ben, "--role", "viewer"]).done();
    as_role(&ben, &["pool", "list"]).done();
    as_role(&ana, &["operator", "remove", &ben]).done();
    as_role(&ben, &["pool", "list"]).refused(1, "permission denied for database");
}
