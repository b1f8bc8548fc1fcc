//! Numbers every day: many changed at once, out of files and into them, weights, load that moves.

use crate::support::{Db, acme::Acme};
use serde_json::json;
use std::path::Path;

/// Three numbers of one account, the third in no pool but `vip`.
async fn three() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--external-id", "10", "--token-stdin"];
    db.run_with(&add, b"EAAG-the-very-token\n").done();
    for (nth, pool) in [(1, "default"), (2, "default"), (3, "vip")] {
        let (phone, id) = (format!("+23760000000{nth}"), format!("5{nth}"));
        db.run(&["number", "add", &phone, "--account", "main", "--instance-id", &id, "--pool", pool]).done();
    }
    db
}

#[tokio::test]
async fn many_numbers_are_changed_at_once_after_a_preview() {
    let db = three().await;
    let edit = ["number", "edit", "--in-pool", "default", "--daily-limit", "200", "--approval", "requested"];
    let preview = db.json(&edit);
    assert_eq!(preview["result"], "preview");
    assert_eq!(preview["numbers"], json!(["+237600000001", "+237600000002"]));
    assert_eq!(db.json(&["number", "show", "+237600000001"])["daily_limit"], json!(null));

    let done = db.json(&[edit.as_slice(), &["--yes", "--reason", "peak"]].concat());
    assert_eq!((&done["changed"], &done["unchanged"]), (&json!(2), &json!(0)));
    let again = db.json(&[edit.as_slice(), &["--yes"]].concat());
    assert_eq!((&again["changed"], &again["unchanged"]), (&json!(0), &json!(2)));
    let limits = |phone: &str| db.json(&["number", "show", phone])["daily_limit"].clone();
    assert_eq!((limits("+237600000002"), limits("+237600000003")), (json!(200), json!(null)));
    let reasons: i64 =
        db.value("select count(*) from audit_log where action = 'edit number' and reason = 'peak'").await;
    assert_eq!(reasons, 2);

    let listed = ["number", "edit", "+237600000003", "+237600000001", "--priority", "7", "--yes"];
    assert_eq!(db.json(&listed)["changed"], json!(2));
    // One that is refused leaves all as they were.
    db.run(&["number", "edit", "--all", "--label", "no word", "--yes"]).refused(3, "a label is 1 to 40");
    db.run(&["number", "edit", "--all", "--queue", "3", "--yes"]).refused(3, "keeps no queue of its own");
    db.run(&["number", "edit", "+237600000001", "+237600000009", "--priority", "1"])
        .refused(1, "+237600000009 is no number of acme");
    db.run(&["number", "edit", "--with-label", "none-such", "--priority", "1"])
        .refused(1, "no number is chosen");
    db.run(&["number", "edit", "--all"]).refused(2, "name at least one thing");
    db.run(&["number", "edit", "--priority", "1"]).refused(2, "required");
}

#[tokio::test]
async fn what_operators_note_of_a_number_is_kept() {
    let db = three().await;
    let add = [
        "number",
        "add",
        "+237600000004",
        "--account",
        "main",
        "--instance-id",
        "54",
        "--notes",
        "=bought in May",
        "--label",
        "front",
        "--monthly-cost",
        "12.5",
        "--currency",
        "eur",
        "--approval",
        "requested",
    ];
    db.run(&add).done();
    db.run(&["number", "edit", "+237600000004", "--approval", "approved", "--canaries", "false"]).done();
    let shown = db.json(&["number", "show", "+237600000004"]);
    for (key, value) in [
        ("notes", json!("=bought in May")),
        ("label", json!("front")),
        ("monthly_cost", json!(1250)),
        ("cost_currency", json!("EUR")),
        ("noted_approval", json!("approved")),
        ("canaries", json!(false)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    db.run(&["number", "edit", "+237600000004", "--approval", "perhaps"])
        .refused(2, "requested, approved or refused");
}

#[tokio::test]
async fn the_default_number_and_a_campaigns_only_number_stay() {
    let db = three().await;
    db.run(&["org", "edit", "acme", "--default-number", "+237600000001"]).done();
    db.run(&["number", "remove", "+237600000001"]).refused(3, "the organisation's default number");
}

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("numbers.csv");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn an_export_reads_back_and_changes_nothing() {
    let db = three().await;
    let notes = "two\nlines; \"quoted\", and a =formula ";
    db.run(&["number", "edit", "+237600000002", "--name", "=1+1", "--notes", notes, "--label", "front"])
        .done();
    let cost =
        ["number", "edit", "+237600000003", "--monthly-cost", "7", "--currency", "XAF", "--warm-up", "now"];
    db.run(&cost).done();
    db.run(&["number", "disable", "+237600000003"]).done();
    db.run(&["pool", "edit", "vip", "--add", "+237600000001", "--weight", "+237600000001=3"]).done();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv").display().to_string();
    assert_eq!(db.json(&["number", "export", &file])["numbers"], json!(3));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("default|vip=3"), "{text}");
    assert!(!text.contains("EAAG") && !text.contains("sealed"), "{text}");
    let before: String =
        db.value("select string_agg(to_jsonb(n)::text, ' ' order by n.phone) from whatsapp_numbers n").await;
    let entries: i64 = db.value("select count(*) from audit_log").await;
    let imported = db.json(&["number", "import", &file]);
    assert_eq!(imported, json!({ "lines": 3, "added": 0, "changed": 0, "unchanged": 3, "new_pools": [] }));
    let after: String =
        db.value("select string_agg(to_jsonb(n)::text, ' ' order by n.phone) from whatsapp_numbers n").await;
    assert_eq!(before, after);
    assert_eq!(db.value::<i64>("select count(*) from audit_log").await, entries);

    // Elsewhere it makes the same numbers.
    let other = Db::new().await;
    other.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--external-id", "10", "--token-stdin"];
    other.run_with(&add, b"token").done();
    assert_eq!(other.json(&["number", "import", &file])["added"], json!(3));
    let again = folder.path().join("again.csv").display().to_string();
    other.run(&["number", "export", &again]).done();
    assert_eq!(text, std::fs::read_to_string(&again).unwrap());
}

#[tokio::test]
async fn a_file_is_imported_whole_or_not_at_all() {
    let db = three().await;
    let folder = tempfile::tempdir().unwrap();
    let good = write(
        folder.path(),
        "phone;account;instance_id;priority;pools\n+237600000001;;;3;\n+237 600 000 010;main;60;4;vip=2|fresh\n",
    );
    let checked = db.json(&["number", "import", "--check", &good]);
    assert_eq!(checked["result"], "checked");
    assert_eq!(
        db.json(&["number", "import", &good]),
        json!({ "lines": 2, "added": 1, "changed": 1, "unchanged": 0, "new_pools": ["fresh"] })
    );
    let shown = db.json(&["number", "show", "+237600000010"]);
    assert_eq!((&shown["priority"], &shown["pools"]), (&json!(4), &json!(["fresh", "vip"])));
    assert_eq!(
        db.json(&["number", "show", "+237600000001"])["pools"],
        json!(["default"]),
        "an empty cell leaves it"
    );

    let bad = write(
        folder.path(),
        "phone,account,priority,daily_limit,monthly_cost\n+237600000001,,1,,\n12,main,1,,\n+237600000011,none-such,x,-1,9\n+237600000012,,1,,\n+237600000001,,2,,\nonly one\n",
    );
    let mut run = db.run(&["number", "import", &bad]);
    for fault in [
        "line 3, column phone:",
        "line 4, column account: there is no account \"none-such\"",
        "line 4, column priority:",
        "line 4, column daily_limit:",
        "line 4, column monthly_cost: needs a currency",
        "line 5, column account: is needed for a number that is not there yet",
        "line 6, column phone: stands in line 2 already",
        "line 7: has 1 cells, the header 5",
        "nothing was imported",
    ] {
        run = run.refused(1, fault);
    }
    assert_eq!(db.json(&["number", "show", "+237600000001"])["priority"], json!(3));
    let token = write(folder.path(), "phone,token\n+237600000001,EAAG\n");
    db.run(&["number", "import", &token]).refused(1, "\"token\" is no column of numbers");
    let label = write(folder.path(), "phone,priority,label\n+237600000001,1,\n+237600000002,1,no word\n");
    db.run(&["number", "import", &label]).refused(1, "line 3, column label: a label is 1 to 40");
    assert_eq!(db.json(&["number", "show", "+237600000001"])["priority"], json!(3));
}

/// A file that passed the check is imported, and one that is not whole is not taken for one that is.
#[tokio::test]
async fn a_file_of_numbers_is_judged_before_anything_is_written() {
    let db = three().await;
    let folder = tempfile::tempdir().unwrap();
    for (text, fault) in [
        (
            "phone,notes\n+237600000001,\"vip client\n+237600000002,b\n+237600000003,c\n",
            "line 2: the quote that opens here never closes",
        ),
        ("phone,pools\n+237600000001,none|vip\n", "line 2, column pools: none is no pool's name"),
        ("phone,currency\n+237600000001,EUR\n", "line 2, column currency: is that of monthly_cost"),
        ("phone,notes\n+237600000001,a\0b\n", "line 2, column notes: holds a character"),
        (
            "phone,instance_id\n+237600000002,53\n+237600000003,52\n",
            "line 2, column instance_id: is the sender +237600000003 of this account",
        ),
    ] {
        db.run(&["number", "import", "--check", &write(folder.path(), text)]).refused(1, fault);
    }
    // As a spreadsheet leaves it: with an empty line before the header and one of empty cells behind, and in capitals.
    let sheet = "\nphone;enabled;canaries;pools\n+237600000001;TRUE;False;default|vp\n;;;\n";
    let sheet = write(folder.path(), sheet);
    let checked = db.json(&["number", "import", "--check", &sheet]);
    assert_eq!((&checked["lines"], &checked["new_pools"]), (&json!(1), &json!(["vp"])));
    let told = db.run(&["number", "import", "--check", &sheet]).done();
    assert!(told.stdout.contains("it would make the pool vp"), "{told:?}");
    let done = db.json(&["number", "import", &sheet]);
    assert_eq!((&done["changed"], &done["new_pools"]), (&json!(1), &json!(["vp"])));
    let number = db.json(&["number", "show", "+237600000001"]);
    assert_eq!((&number["canaries"], &number["pools"]), (&json!(false), &json!(["default", "vp"])));
    assert_eq!(db.json(&["number", "import", "--check", &sheet])["new_pools"], json!([]));
}

/// One sender at the provider is one number here: two would each have its limit.
#[tokio::test]
async fn a_sender_is_one_number_of_its_account() {
    let db = three().await;
    let other = ["account", "add", "second", "--provider", "meta", "--external-id", "11", "--token-stdin"];
    db.run_with(&other, b"EAAG-another-token\n").done();
    let refusal = "another number of this account has this id at the provider";
    let add = |phone: &str, account: &str| {
        db.run(&["number", "add", phone, "--account", account, "--instance-id", "51"])
    };
    add("+237600000009", "main").refused(3, refusal);
    add("+237600000009", "second").done();
    db.run(&["number", "edit", "+237600000002", "--instance-id", "51"]).refused(3, refusal);
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "phone,account,instance_id\n+237600000020,main,60\n+237600000021,main,60\n+237600000022,main,52\n",
    );
    db.run(&["number", "import", "--check", &file])
        .refused(1, "line 3, column instance_id: is the sender +237600000020 of this account")
        .refused(1, "line 4, column instance_id: is the sender +237600000002 of this account");
    // Whoever gives an id up leaves it to another one, in the same file as well.
    let file = write(folder.path(), "phone,instance_id\n+237600000002,70\n+237600000003,52\n");
    assert_eq!(db.json(&["number", "import", &file])["changed"], json!(2));
    // A number that is gone keeps nobody from its id, and comes back only with another one.
    let acme = db.store.organizations(Some("acme")).await.unwrap()[0].id;
    sqlx::query("delete from pool_numbers").execute(&db.pool).await.unwrap();
    sqlx::query("update whatsapp_numbers set is_active = false, retired_at = now(), retired_by = 'ana' where phone = $1")
        .bind("+237600000001")
        .execute(&db.pool)
        .await
        .unwrap();
    add("+237600000010", "main").done();
    add("+237600000001", "main").refused(3, refusal);
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "80"]).done();
    assert_eq!(db.store.numbers(acme, None).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_thousand_numbers_go_out_and_in() {
    let db = three().await;
    let folder = tempfile::tempdir().unwrap();
    let row = |nth: usize| format!("+2377{nth:08},main,1{nth:04},250,default|vip={}\n", nth % 9 + 1);
    let rows = (0..1_000).map(row).collect::<Vec<_>>().concat();
    let text = format!("phone,account,instance_id,daily_limit,pools\n{rows}");
    let file = write(folder.path(), &text);
    // Nobody but the import itself lets the planner know.
    let tables = [
        "whatsapp_numbers",
        "number_health",
        "number_vitals",
        "number_pacing",
        "number_leases",
        "pool_numbers",
    ];
    for table in tables {
        let alone = format!("alter table {table} set (autovacuum_enabled = off)");
        sqlx::query(sqlx::AssertSqlSafe(alone)).execute(&db.pool).await.unwrap();
    }
    sqlx::query("analyze").execute(&db.pool).await.unwrap();
    assert_eq!(db.json(&["number", "import", &file])["added"], json!(1_000));
    let known: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relname = any ($1) and reltuples > 1000 and relnamespace = 'public'::regnamespace",
    )
    .bind(tables)
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(known.len(), tables.len(), "{known:?}: lists of a thousand are planned as such at once");
    assert_eq!(db.json(&["number", "import", &file])["unchanged"], json!(1_000));
    let edit = ["number", "edit", "--all", "--daily-limit", "300", "--yes"];
    assert_eq!(db.json(&edit)["changed"], json!(1_003));
}

#[tokio::test]
async fn members_of_a_pool_have_weights() {
    let db = three().await;
    let add = [
        "pool",
        "add",
        "split",
        "--strategy",
        "weighted",
        "--weight",
        "+237600000001=3",
        "--number",
        "+237600000002",
    ];
    db.run(&add).done();
    let pool = || db.json(&["pool", "list"])[1].clone();
    assert_eq!(pool()["strategy"], "weighted");
    assert_eq!(
        (&pool()["numbers"], &pool()["weights"]),
        (&json!(["+237600000001", "+237600000002"]), &json!([3, 1]))
    );
    db.run(&[
        "pool",
        "edit",
        "split",
        "--weight",
        "+237600000002=5",
        "--weight",
        "+237600000003=2",
        "--add",
        "+237600000003",
    ])
    .done();
    assert_eq!(pool()["weights"], json!([3, 5, 2]));
    db.run(&["pool", "edit", "default", "--weight", "+237600000003=2"]).refused(1, "is not in pool default");
    db.run(&["pool", "edit", "split", "--weight", "+237600000003=0"]).refused(2, "a weight in a pool");
}

#[tokio::test]
async fn a_removed_number_takes_no_part_in_plans_and_checks() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 1).await;
    acme.db.run(&["number", "remove", "+237690000000"]).done();
    let checks: i64 = acme
        .db
        .value(
            "select count(*) from take_checks((select id from organizations), 100, '0 s', '0 s', '0 s') t
                 where t = (select id from whatsapp_numbers where retired_at is not null)",
        )
        .await;
    assert_eq!(checks, 0);
    let shown: i64 =
        acme.db.value("select count(*) from number_usage_today where phone = '+237690000000'").await;
    assert_eq!(shown, 0);
    let snapshot = acme.db.store.snapshot(acme.organization, None).await.unwrap();
    assert_eq!(snapshot.pools[0].numbers, [acme.numbers[1]]);
}
