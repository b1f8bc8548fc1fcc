//! New tokens and new keys: tried before the old one is dropped, and whole at whatever row a rotation is cut off.

use crate::support::{Db, binary, binary::KEY};
use serde_json::json;
use signalbox::{
    domain::ids::{AccountId, ChannelId, OrganizationId},
    provider::simulator::{Script, Simulator},
    secrets::{KeyRing, Sealed},
    sender::{alert::outlet::secret_place, line::token_place},
};

const NEW: &str = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";
const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

/// An organisation with accounts at every kind of provider.
async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    for name in ACCOUNTS {
        let add = format!("account add {name} --provider ultramsg --token-stdin");
        db.run_with(&add.split(' ').collect::<Vec<_>>(), format!("token-of-{name}").as_bytes()).done();
    }
    let add =
        ["alert", "channel", "add", "hook", "--webhook", "https://example.com/alerts", "--secret-stdin"];
    db.run_with(&add, b"shared with the one who listens").done();
    db
}

/// What signs the notices of the channel for alerts, as the ring opens it, and whether the new key sealed it.
async fn channel(db: &Db, ring: &KeyRing) -> (String, bool) {
    let (organization, id, secret): (uuid::Uuid, uuid::Uuid, String) =
        sqlx::query_as("select organization_id, id, sealed_secret from alert_channels")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    let sealed: Sealed = secret.parse().unwrap();
    let opened = ring.open(&secret_place(OrganizationId(organization), ChannelId(id)), &sealed).unwrap();
    (opened.reveal().to_owned(), sealed.key().unwrap() == ring.writing())
}

/// The token of every account, as the ring opens it, and whether the new key sealed it.
async fn tokens(db: &Db, ring: &KeyRing) -> Vec<(String, bool)> {
    let rows: Vec<(uuid::Uuid, uuid::Uuid, String, String)> = sqlx::query_as(
        "select organization_id, id, sealed_token, sealed_webhook_secret from accounts order by name",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(organization, id, token, webhook)| {
            let sealed: Sealed = token.parse().unwrap();
            let webhook: Sealed = webhook.parse().unwrap();
            // All secrets of an account change together.
            assert_eq!(sealed.key().unwrap(), webhook.key().unwrap());
            let place = token_place(OrganizationId(organization), AccountId(id));
            let opened = ring.open(&place, &sealed).unwrap();
            (opened.reveal().to_owned(), sealed.key().unwrap() == ring.writing())
        })
        .collect()
}

#[tokio::test]
async fn row_70_a_rotation_of_keys_that_is_killed_at_any_row_ends_well() {
    let db = acme().await;
    let both = format!("{NEW},{KEY}");
    let ring = KeyRing::parse(&both).unwrap();
    let with = |key: &str, arguments: &[&str]| {
        let mut command = db.command(arguments);
        command.env("ENCRYPTION_KEY", key);
        command
    };
    let path = db.json(&["account", "show", "a"])["webhook_path"].clone();
    let rows = ACCOUNTS.map(|name| ("select from accounts where name = $1 for update", name));
    let hook = ("select from alert_channels where name = $1 for update", "hook");
    for (at, (row, name)) in rows.into_iter().chain([hook]).enumerate() {
        // It stands still at this row, and is killed there.
        let mut transaction = db.pool.begin().await.unwrap();
        sqlx::query(row).bind(name).execute(&mut *transaction).await.unwrap();
        let mut child = with(&both, &["key", "rotate"]).spawn().unwrap();
        db.until_somebody_waits().await;
        child.kill().unwrap();
        child.wait().unwrap();
        let found = tokens(&db, &ring).await;
        assert!(found.iter().take(at).all(|(_, new)| *new), "{at}: {found:?}");
        assert!(found.iter().skip(at).all(|(_, new)| !*new), "{at}: {found:?}");
        assert_eq!(channel(&db, &ring).await, ("shared with the one who listens".to_owned(), false));
        transaction.rollback().await.unwrap();
        let words: Vec<String> = found.into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ACCOUNTS.map(|name| format!("token-of-{name}")));
        // Until it is through, the old key is still the database's.
        binary::run(with(NEW, &["account", "show", "a"]), None).refused(1, "wrong encryption key");
    }
    let done = binary::run(with(&both, &["key", "rotate", "--json"]), None).done().json();
    assert_eq!((&done["left"], &done["check_value"]), (&json!([]), &json!("exchanged")), "{done}");
    assert!(tokens(&db, &ring).await.into_iter().all(|(_, new)| new));
    assert_eq!(channel(&db, &ring).await, ("shared with the one who listens".to_owned(), true));
    // From here on the new key alone does, and opens what stood there before; the old one is wrong.
    let shown = binary::run(with(NEW, &["account", "show", "a", "--json"]), None).done().json();
    assert_eq!(shown["webhook_path"], path);
    db.run(&["account", "show", "a"]).refused(1, "wrong encryption key");
    let again = binary::run(with(NEW, &["key", "rotate", "--json"]), None).done().json();
    assert_eq!((&again["resealed"], &again["check_value"]), (&json!(0), &json!("current")), "{again}");
}

#[tokio::test]
async fn row_70_a_token_that_is_given_during_a_rotation_is_not_written_over() {
    let db = acme().await;
    let (organization, id): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select organization_id, id from accounts where name = 'b'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    let place = token_place(OrganizationId(organization), AccountId(id));
    let given = KeyRing::parse(KEY).unwrap().seal(&place, "given just now").unwrap();
    // The rotation has read the row and waits for it; meanwhile somebody gives the account another token.
    let mut transaction = db.pool.begin().await.unwrap();
    sqlx::query("update accounts set sealed_token = $1 where id = $2")
        .bind(given.as_str())
        .bind(id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let mut command = db.command(&["key", "rotate"]);
    command.env("ENCRYPTION_KEY", format!("{NEW},{KEY}"));
    let running = std::thread::spawn(move || binary::run(command, None));
    db.until_somebody_waits().await;
    transaction.commit().await.unwrap();
    let run = running.join().unwrap();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("b of acme: it was changed at the same moment; run this again"), "{run:?}");
    let kept: String = db.value("select sealed_token from accounts where name = 'b'").await;
    assert_eq!(kept, given.as_str());
    // The old key is still the database's, and the next run is through.
    let mut again = db.command(&["key", "rotate", "--json"]);
    again.env("ENCRYPTION_KEY", format!("{NEW},{KEY}"));
    let done = binary::run(again, None).done().json();
    assert_eq!((&done["resealed"], &done["check_value"]), (&json!(1), &json!("exchanged")), "{done}");
    let ring = KeyRing::parse(NEW).unwrap();
    assert_eq!(tokens(&db, &ring).await[1], ("given just now".to_owned(), true));
}

#[tokio::test]
async fn what_no_key_opens_is_named_and_keeps_the_check_value() {
    let db = acme().await;
    let third = KeyRing::parse(&"ab".repeat(32)).unwrap();
    let (organization, id): (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select organization_id, id from accounts where name = 'b'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    let stray = third.seal(&token_place(OrganizationId(organization), AccountId(id)), "stray").unwrap();
    sqlx::query("update accounts set sealed_token = $1 where id = $2")
        .bind(stray.as_str())
        .bind(id)
        .execute(&db.pool)
        .await
        .unwrap();
    let mut rotate = db.command(&["key", "rotate"]);
    rotate.env("ENCRYPTION_KEY", format!("{NEW},{KEY}"));
    let run = binary::run(rotate, None);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("b of acme") && run.stderr.contains("it was sealed with key"), "{run:?}");
    // The others are on the new key, that one is as it was, and the old key is still the database's.
    let kept: String = db.value("select sealed_token from accounts where name = 'b'").await;
    assert_eq!(kept, stray.as_str());
    db.run(&["account", "list"]).done();
    let mut add = db.command(&["account", "show", "a"]);
    add.env("ENCRYPTION_KEY", NEW);
    binary::run(add, None).refused(1, "wrong encryption key");
}

#[tokio::test]
async fn a_new_token_is_tried_before_the_old_one_is_dropped() {
    let script = "[[account]]\nprovider = 'meta'\ntoken = 'new'\n
                  [[account]]\nprovider = 'meta'\ntoken = 'old'\n
                  [[number]]\nprovider = 'meta'\nphone = '+237600000001'\nid = '1'\n";
    let simulator =
        Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), Script::parse(script).unwrap()).unwrap();
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let base_url = simulator.base_url();
    let add =
        format!("account add main --provider meta --external-id 10 --token-stdin --base-url {base_url}");
    db.run_with(&add.split(' ').collect::<Vec<_>>(), b"old").done();
    // Each secret has an age of its own; where none was given since, the account's.
    sqlx::query("update accounts set created_at = created_at - interval '200 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    let ages = |db: &Db| {
        let account = &db.json(&["account", "list"])[0];
        ["token_days", "app_secret_days", "verify_token_days", "webhook_secret_days"]
            .map(|key| account[key].as_i64())
    };
    assert_eq!(ages(&db), [Some(0), None, None, None]);
    let mut edit = db.command(&["account", "edit", "main", "--app-secret-env", "SECRET"]);
    edit.env("SECRET", "signs");
    crate::support::binary::run(edit, None).done();
    assert_eq!(ages(&db), [Some(0), Some(0), None, None]);
    sqlx::query("update accounts set app_secret_since = null").execute(&db.pool).await.unwrap();
    assert_eq!(ages(&db), [Some(0), Some(200), None, None]);
    let old = db.run(&["doctor", "--json"]).json();
    let old =
        old.as_array().unwrap().iter().find(|check| check["name"] == "app secret of account main").unwrap();
    assert!(old["ok"] == false && old["fix"].as_str().unwrap().contains("--app-secret-env"), "{old}");
    let rotate = ["account", "rotate", "main", "--token-stdin"];
    db.run_with(&rotate, b"new").refused(3, "has no number to ask with");
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "1"]).done();
    sqlx::query("update accounts set token_since = token_since - interval '100 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    let sealed = "select sealed_token from accounts";
    let before: String = db.value(sealed).await;
    db.run_with(&rotate, b"mistyped").refused(3, "does not take the new token of main");
    assert_eq!(db.value::<String>(sealed).await, before, "the old one stays");
    assert_eq!(db.json(&["account", "list"])[0]["token_days"], 100);
    let checks = db.run(&["doctor", "--json"]).json();
    let age =
        checks.as_array().unwrap().iter().find(|check| check["name"] == "token of account main").unwrap();
    assert!(age["ok"] == false && age["fix"].as_str().unwrap().contains("account rotate main"), "{age}");
    let done = db.run_with(&[&rotate[..], &["--json"]].concat(), b"new").done().json();
    assert_eq!(done["tested"], true);
    assert_ne!(db.value::<String>(sealed).await, before);
    assert_eq!(db.json(&["account", "list"])[0]["token_days"], 0);
    assert_eq!(db.json(&["number", "test", "+237600000001"])["ok"], true);
    // Nowhere in what is kept of it stands the token.
    let log: String = db.value("select string_agg(l::text, ' ') from audit_log l").await;
    assert!(!log.contains("mistyped") && log.contains("renew the secrets"), "{log}");
    // Sealing with another key does not make it younger; without a provider to ask it is taken on one's own word.
    simulator.stop().await;
    db.run_with(&rotate, b"newer").refused(3, "nobody can tell");
    db.run_with(&[&rotate[..], &["--untested"]].concat(), b"newer").done();
}
