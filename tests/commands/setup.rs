//! Setting up: organisations, operators, accounts, numbers, pools; schema versions; the local cluster.

use crate::support::{Db, binary, until};
use serde_json::json;
use signalbox::{secrets::KeyRing, sender::line::token_place};
use std::{os::unix::fs::PermissionsExt, path::Path};

/// An organisation with an account, by the command line.
async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--external-id", "10", "--token-stdin"];
    db.run_with(&add, b"EAAG-the-very-token\n").done();
    db
}

#[tokio::test]
async fn an_organisation_is_set_up_from_nothing() {
    let db = acme().await;
    let add = [
        "number",
        "add",
        "+237 600 000 001",
        "--account",
        "main",
        "--instance-id",
        "55",
        "--name",
        "front desk",
        "--priority",
        "5",
        "--daily-limit",
        "250",
        "--interval",
        "1.5",
        "--per-second",
        "3",
        "--in-flight",
        "7",
        "--pool",
        "vip",
    ];
    assert_eq!(db.json(&add)["phone"], "+237600000001");
    let list = db.json(&["number", "list"]);
    let number = &list[0];
    for (key, value) in [
        ("phone", json!("+237600000001")),
        ("name", json!("front desk")),
        ("provider", json!("meta")),
        ("account", json!("main")),
        ("priority", json!(5)),
        ("state", json!("active")),
        ("hold", json!(null)),
        ("hold_until", json!(null)),
        ("suspension_reason", json!(null)),
        ("suspended_at", json!(null)),
        ("daily_limit", json!(250)),
        ("sent_today", json!(0)),
        ("remaining_today", json!(250)),
        ("lease_holder", json!(null)),
        ("interval_ms", json!(1500)),
        ("per_second", json!(3)),
        ("in_flight", json!(7)),
        ("pools", json!(["vip"])),
    ] {
        assert_eq!(number.get(key), Some(&value), "{key} of {number}");
    }
    let pools = db.json(&["pool", "list"]);
    assert_eq!(pools[1]["name"], "vip");
    assert_eq!(pools[1]["numbers"], json!(["+237600000001"]));
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_number_is_edited_suspended_resumed_and_removed() {
    let db = acme().await;
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "55"]).done();
    db.run(&["number", "edit", "+237600000001", "--daily-limit", "10", "--notes", "two words"]).done();
    db.run(&["number", "edit", "+237600000001", "--daily-limit", "none"]).done();
    let shown = db.json(&["number", "show", "+237600000001"]);
    assert_eq!((&shown["daily_limit"], &shown["remaining_today"]), (&json!(null), &json!(null)));
    assert_eq!(shown["notes"], "two words");

    let suspend =
        ["number", "suspend", "+237600000001", "--reason", "banned", "--until", "2099-01-01T09:00", "--json"];
    assert_eq!(db.run(&suspend).done().json()["result"], "done");
    let again = db.run(&suspend).done().json();
    assert_eq!(again["result"], "already");
    let shown = db.json(&["number", "show", "+237600000001"]);
    assert_eq!(shown["state"], "suspended");
    assert_eq!(shown["hold"], "number_suspended");
    assert_eq!(shown["hold_until"], "2099-01-01T08:00:00Z");
    assert_eq!(shown["suspension_reason"], "banned");
    db.run(&["number", "resume", "+237600000001"]).done();
    db.run(&["number", "priority", "+237600000001", "1"]).done();
    db.run(&["number", "disable", "+237600000001"]).done();
    assert_eq!(db.json(&["number", "show", "+237600000001"])["hold"], "number_disabled");
    db.run(&["number", "enable", "+237600000001"]).done();
    db.run(&["number", "remove", "+237600000001"]).done();
    assert_eq!(db.json(&["number", "show", "+237600000001"])["state"], "removed");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_number_that_sent_something_is_retired_and_can_be_taken_back() {
    let acme = crate::support::acme::Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 1).await;
    let removed = acme.db.json(&["number", "remove", "+237690000000", "--reason", "sold"]);
    assert_eq!(removed["past"], "retired");
    assert_eq!(acme.db.json(&["number", "remove", "+237690000001"])["past"], "deleted");
    assert_eq!(acme.db.json(&["number", "list"]), json!([]));
    assert_eq!(acme.db.json(&["pool", "list"])[0]["numbers"], json!([]));
    assert_eq!(acme.db.json(&["number", "list", "--retired"])[0]["phone"], "+237690000000");
    assert_eq!(acme.db.json(&["number", "show", "+237690000000"])["state"], "removed");
    acme.db.run(&["number", "edit", "+237690000000", "--name", "x"]).refused(1, "removed it on");
    acme.db.run(&["number", "enable", "+237690000000"]).refused(1, "takes it back");
    // What it sent still names it.
    let named: String = acme.db.value("select number from recipient_history").await;
    assert_eq!(named, "+237690000000");
    let why: String = acme
        .db
        .value(
            "select reason from audit_log where action = 'remove number' and entity_name = '+237690000000'",
        )
        .await;
    assert_eq!(why, "sold");
    acme.db.assert_invariants().await;

    let add =
        ["number", "add", "+237690000000", "--account", "main", "--instance-id", "7", "--name", "again"];
    acme.db.run(&add).done();
    let shown = acme.db.json(&["number", "show", "+237690000000"]);
    assert_eq!((&shown["name"], &shown["state"]), (&json!("again"), &json!("active")));
    assert_eq!(shown["id"], json!(acme.numbers[0].0), "it is the same number, with its past");
    assert_eq!(acme.db.json(&["number", "list", "--retired"]), json!([]));
}

#[tokio::test]
async fn secrets_are_sealed_and_never_shown() {
    let db = acme().await;
    let mut command = db.command(&[
        "account",
        "edit",
        "main",
        "--app-secret-env",
        "APP_SECRET",
        "--verify-token-env",
        "VERIFY",
        "--json",
    ]);
    command.env("APP_SECRET", "the-app-secret-itself").env("VERIFY", "the-verify-token-itself");
    binary::run(command, None).done();
    let shown = db.run(&["account", "show", "main", "--json"]).done();
    assert!(shown.json()["webhook_path"].as_str().unwrap().starts_with("/webhooks/meta/"), "{shown:?}");
    let dump: String = db
        .value(
            "select string_agg(query_to_xml(format('select * from %I', relname), false, true, '')::text, '')
               from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
        .await;
    for secret in ["EAAG-the-very-token", "the-app-secret-itself", "the-verify-token-itself"] {
        assert!(!dump.contains(secret), "{secret} stands in the database");
        assert!(!shown.stdout.contains(secret), "{secret} is shown");
    }
    let audit: String = db
        .value("select string_agg(before::text || after::text, '') from audit_log where entity = 'account'")
        .await;
    assert!(!audit.contains("sealed"), "{audit}");
}

#[tokio::test]
async fn the_sender_opens_what_the_command_line_sealed() {
    let db = acme().await;
    let (organization, account, sealed): (uuid::Uuid, uuid::Uuid, String) =
        sqlx::query_as("select organization_id, id, sealed_token from accounts")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    let ring = KeyRing::parse(binary::KEY).unwrap();
    let place = token_place(organization.into(), account.into());
    assert_eq!(ring.open(&place, &sealed.parse().unwrap()).unwrap().reveal(), "EAAG-the-very-token");
}

#[tokio::test]
async fn a_wrong_key_is_noticed_before_anything_is_sealed_with_it() {
    let db = acme().await;
    let mut command = db.command(&["account", "add", "other", "--provider", "meta", "--token-stdin"]);
    command.env("ENCRYPTION_KEY", "f".repeat(64));
    binary::run(command, Some(b"token")).refused(1, "wrong encryption key");
    assert_eq!(db.json(&["account", "list"]).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_webhook_path_of_a_provider_that_signs_nothing_cannot_be_guessed() {
    let db = acme().await;
    db.run_with(&["account", "add", "gw", "--provider", "ultramsg", "--token-stdin"], b"token").done();
    let path = db.json(&["account", "show", "gw"])["webhook_path"].as_str().unwrap().to_owned();
    let secret = path.rsplit('/').next().unwrap();
    assert!(path.starts_with("/webhooks/ultramsg/") && secret.len() >= 24, "{path}");
}

#[tokio::test]
async fn a_rehearsal_only_reaches_this_machine() {
    let db = Db::new().await;
    db.run(&["org", "add", "dry", "--name", "Dry", "--timezone", "UTC", "--rehearsal"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--token-stdin"];
    db.run_with(&add, b"token").refused(2, "only reaches this machine");
    let with_address = [add.as_slice(), &["--base-url", "http://127.0.0.1:9"]].concat();
    db.run_with(&with_address, b"token").done();
}

#[tokio::test]
async fn several_organisations_need_a_name() {
    let db = acme().await;
    db.run(&["org", "add", "other", "--name", "Other", "--timezone", "UTC"]).done();
    db.run(&["number", "list"]).refused(2, "name one with --org: acme, other");
    db.run(&["number", "list", "--org", "acme"]).done();
    db.run(&["number", "list", "--org", "third"]).refused(1, "there is no organisation \"third\"");
    let mut command = db.command(&["number", "list"]);
    command.env("SIGNALBOX_ORG", "other");
    binary::run(command, None).done();
}

#[tokio::test]
async fn all_sending_is_stopped_and_released_from_the_command_line() {
    let db = acme().await;
    db.run(&["org", "stop", "--reason", "fire"]).done();
    assert_eq!(db.run(&["org", "stop", "--json"]).done().json()["result"], "already");
    assert_eq!(db.json(&["org", "list"])[0]["stopped_reason"], "fire");
    db.run(&["org", "release"]).done();
    assert_eq!(db.json(&["org", "list"])[0]["stopped_at"], json!(null));
    let edit = ["org", "edit", "--daily-limit", "100", "--locale", "fr", "--name", "Acme & Co"];
    db.run(&edit).done();
    let listed = db.json(&["org", "list"]);
    assert_eq!(listed[0]["daily_limit"], 100);
    assert_eq!(listed[0]["default_locale"], "fr");
    db.run(&["org", "edit", "--default-number", "+237600000009"]).refused(1, "no such number");
}

#[tokio::test]
async fn operators_come_and_go() {
    let db = acme().await;
    let role = format!("ana_{}", db.name);
    let add = ["operator", "add", role.as_str(), "--role", "manager", "--password-stdin", "--json"];
    let added = db.run_with(&add, b"a secret word\n").done().json();
    assert_eq!(added["login_role_made"], true);
    db.run_with(&add, b"x").refused(3, "is an operator of the organisation already");
    db.run(&["operator", "edit", &role, "--role", "viewer"]).done();
    let listed = db.json(&["operator", "list"]);
    assert_eq!((&listed[0]["role"], &listed[0]["may_log_in"]), (&json!("viewer"), &json!(true)));
    db.run(&["operator", "remove", &role]).done();
    db.run(&["operator", "remove", &role]).refused(1, "is no operator of acme");
    sqlx::query(sqlx::AssertSqlSafe(format!("drop role {role}"))).execute(&db.pool).await.unwrap();
}

#[tokio::test]
async fn pools_and_accounts_in_use_stay() {
    let db = acme().await;
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "55"]).done();
    db.run(&["account", "remove", "main"]).refused(3, "numbers still belong to it");
    db.run(&[
        "pool",
        "edit",
        "default",
        "--drop",
        "+237600000001",
        "--strategy",
        "least_used",
        "--sticky",
        "false",
    ])
    .done();
    let pools = db.json(&["pool", "list"]);
    assert_eq!(
        (&pools[0]["numbers"], &pools[0]["strategy"], &pools[0]["sticky"]),
        (&json!([]), &json!("least_used"), &json!(false))
    );
    db.run(&["pool", "edit", "default", "--add", "+237600000002"]).refused(1, "is no number of acme");
    db.run(&["pool", "add", "default"]).refused(3, "a pool of this name already");
    db.run(&["pool", "remove", "default"]).done();
}

#[tokio::test]
async fn a_shared_database_is_migrated_only_on_request() {
    let db = Db::empty().await;
    db.run(&["org", "list"]).refused(3, "run signalbox migrate");
    let migrated = db.json(&["migrate"]);
    assert!(migrated["applied"].as_array().unwrap().len() > 10, "{migrated}");
    assert_eq!(db.json(&["migrate"])["applied"], json!([]));
    assert_eq!(db.json(&["org", "list"]), json!([]));
}

#[tokio::test]
async fn row_73_newer_schema_is_refused_with_both_versions() {
    let db = acme().await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'later', true, '\\x00', 0)",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    for arguments in [["org", "list"].as_slice(), &["migrate"]] {
        db.run(arguments).refused(3, "schema version 9999");
    }
}

#[tokio::test]
async fn the_doctor_names_every_check() {
    let db = acme().await;
    let run = db.run(&["doctor", "--json"]);
    let checks = run.json();
    let names: Vec<&str> =
        checks.as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in [
        "database",
        "server version",
        "schema",
        "clocks",
        "hosts",
        "instances",
        "leases",
        "locks",
        "encryption key",
        "I1",
        "I5",
        "I11",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // The tests' cluster does not wait for the disk, and the doctor says so.
    let failed: Vec<&str> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!((failed, run.code), (vec!["durability"], Some(1)));
}

/// Nothing listens at port 1, and the server's words come without the lines of its sources.
#[tokio::test]
async fn why_a_connection_failed_is_said_in_plain_words() {
    let db = acme().await;
    let mut closed = db.command(&["org", "list"]);
    closed.env("DATABASE_URL", "postgres://ana@127.0.0.1:1/signalbox");
    let said = binary::run(closed, None).refused(1, "failed to connect to ana@127.0.0.1:1/signalbox").stderr;
    assert!(said.to_lowercase().contains("refused") && !said.contains("pool timed out"), "{said}");
    let mut unknown = db.command(&["org", "list"]);
    unknown.env("DATABASE_URL", db.url().replace(&db.name, "no_such_database"));
    let said = binary::run(unknown, None).refused(1, "\"no_such_database\" does not exist").stderr;
    assert!(!said.contains("at line"), "{said}");
}

#[tokio::test]
async fn the_doctor_names_instances_that_are_silent_and_hosts_whose_clock_is_wrong() {
    let db = acme().await;
    db.run_with(&["account", "add", "gateway", "--provider", "ultramsg", "--token-stdin"], b"token").done();
    db.run(&["number", "add", "+237600000001", "--account", "gateway", "--instance-id", "instance1"]).done();
    let put = |host: &str, id: uuid::Uuid, more: &str| {
        let statement = format!(
            "insert into instances (organization_id, id, operator, host, pid, version, kind, started_at, seen_at, in_flight, closed_at)
             select id, '{id}', 'ana', '{host}', 7, '1', 'sender', clock_timestamp(), {more} from organizations"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&db.pool)
    };
    let checks = || {
        let run = db.run(&["doctor", "--json"]).json();
        let found = |name: &str| {
            let mut checks = run.as_array().unwrap().iter();
            let check = checks.rfind(|check| check["name"] == name).unwrap().clone();
            (check["ok"].as_bool().unwrap(), check["detail"].as_str().unwrap().to_owned())
        };
        (found("instances"), found("leases"), found("hosts"))
    };
    put("quiet", uuid::Uuid::now_v7(), "clock_timestamp() - interval '1 hour', 0, null").await.unwrap();
    let ((well, said), (leases, _), (hosts, _)) = checks();
    assert!(well && leases && hosts && said.contains("on quiet was heard of last"), "{said}");
    let mut wrong = db.command(&["doctor", "--json"]);
    wrong.env("SIGNALBOX_WALL_JUMP", "0:-3600");
    let wrong = binary::run(wrong, None).json();
    let clocks = wrong.as_array().unwrap().iter().find(|check| check["name"] == "clocks").unwrap();
    assert!(
        clocks["ok"] == false && clocks["detail"].as_str().unwrap().contains(" s behind the database's"),
        "{clocks}"
    );
    put("frozen", uuid::Uuid::now_v7(), "clock_timestamp() - interval '2 hours', 3, null").await.unwrap();
    let ((well, said), ..) = checks();
    assert!(!well && said.contains("on frozen") && said.contains("3 requests on the wire"), "{said}");
    // Made an hour ago by its host's clock, and put on record now.
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    let since = hour_ago.duration_since(std::time::UNIX_EPOCH).unwrap();
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, since.as_secs(), 0);
    put("late", uuid::Uuid::new_v7(stamp), "clock_timestamp(), 0, null").await.unwrap();
    let (.., (hosts, said)) = checks();
    assert!(!hosts && said.contains("host late") && said.contains(" s behind the database's"), "{said}");
    let gone = uuid::Uuid::now_v7();
    put("gone", gone, "clock_timestamp(), 0, clock_timestamp()").await.unwrap();
    let held = format!(
        "insert into number_leases (organization_id, number_id, holder, epoch, renewed_at, expires_at)
         select organization_id, id, '{gone}', 1, clock_timestamp(), clock_timestamp() + interval '1 hour' from whatsapp_numbers
         on conflict on constraint number_leases_key do update
            set holder = excluded.holder, epoch = number_leases.epoch + 1, expires_at = excluded.expires_at"
    );
    sqlx::query(sqlx::AssertSqlSafe(held)).execute(&db.pool).await.unwrap();
    let (_, (leases, said), _) = checks();
    assert!(!leases && said.contains("instances that are gone") && !said.contains("+237600000001"), "{said}");
}

#[tokio::test]
async fn a_local_cluster_is_made_migrated_and_stopped_by_itself() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = binary::command();
        command.env("SIGNALBOX_DATA_DIR", folder.path()).args(arguments);
        binary::run(command, Some(b"token")).done()
    };
    run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]);
    run(&["account", "add", "main", "--provider", "meta", "--token-stdin"]);
    assert_eq!(run(&["org", "list", "--json"]).json()[0]["slug"], "acme");
    let pid = folder.path().join("postgres/data/postmaster.pid");
    until("the last one to leave has stopped the server", || async { !Path::new(&pid).exists() }).await;
    assert!(folder.path().join("keys").is_file(), "a local cluster gets its key file by itself");
}

#[test]
fn every_command_has_help() {
    for arguments in [
        ["--help"].as_slice(),
        &["number", "add", "--help"],
        &["campaign", "create", "--help"],
        &["contact", "import", "--help"],
    ] {
        let mut command = binary::command();
        command.args(arguments);
        let help = binary::run(command, None).done().stdout;
        assert!(help.contains("Example") && help.contains("--json"), "{arguments:?}: {help}");
    }
}

#[tokio::test]
async fn a_number_warms_up_and_an_account_has_a_limit_over_24_hours() {
    let db = acme().await;
    db.run(&["account", "edit", "main", "--rolling-limit", "100"]).done();
    let account = db.json(&["account", "show", "main"]);
    for (key, value) in
        [("rolling_limit", json!(100)), ("provider_limit", json!(null)), ("reached", json!(0))]
    {
        assert_eq!(account.get(key), Some(&value), "{key} of {account}");
    }
    let add = ["number", "add", "+237600000001", "--account", "main", "--instance-id", "55", "--warm-up"];
    db.run(&[add.as_slice(), &["--daily-limit", "1000"]].concat()).done();
    let shown = || db.json(&["number", "show", "+237600000001"]);
    let today = |number: &serde_json::Value| (number["limit_today"].clone(), number["warm_up_day"].clone());
    let number = shown();
    assert_eq!(today(&number), (json!(20), json!(1)));
    assert_eq!((&number["daily_limit"], &number["remaining_today"]), (&json!(1000), &json!(20)));
    assert_eq!((&number["account_limit"], &number["account_used"]), (&json!(100), &json!(0)));
    let why = db.json(&["number", "why", "+237600000001"]).to_string();
    assert!(
        why.contains("warm-up day 1: 0 of 20 used") && why.contains("0 of 100 people in 24 hours"),
        "{why}"
    );

    db.run(&["org", "edit", "--warm-up", "5,10"]).done();
    assert_eq!(today(&shown()), (json!(5), json!(1)));
    assert_eq!(db.json(&["org", "list"])[0]["warm_up"], json!([5, 10]));
    db.run(&["org", "edit", "--warm-up", "off"]).done();
    assert_eq!(today(&shown()), (json!(1000), json!(null)));
    db.run(&["org", "edit", "--warm-up", "20,50,100,200"]).done();
    db.run(&["number", "edit", "+237600000001", "--warm-up", "2020-01-01T09:00"]).done();
    assert_eq!(today(&shown()), (json!(1000), json!(null)), "it is through");
    db.run(&["number", "edit", "+237600000001", "--warm-up", "off", "--reason", "an old number"]).done();
    assert_eq!(shown()["warm_up_started_at"], json!(null));
    let noted: i64 = db
        .value(
            "select count(*) from audit_log where reason = 'an old number' and after ? 'warm_up_started_at'
                or action = 'edit organization' and after ? 'warm_up'
                or action = 'edit account' and after @> '{\"rolling_limit\": 100}'",
        )
        .await;
    assert_eq!(noted, 5);
    db.run(&["org", "edit", "--warm-up", "20,0"]).refused(2, "\"0\" is no number of messages a day");
    db.run(&["number", "edit", "+237600000001", "--warm-up", "soon"]).refused(2, "or now, or off");
    db.assert_invariants().await;
}
