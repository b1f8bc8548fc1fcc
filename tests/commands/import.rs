//! Importing contacts: every line accounted for, the same file twice, two at once, killed half-way. Rows 65 to 67 of the
//! fault matrix; row 68 is in `bad_input.rs`.

use crate::support::{Db, until};
use serde_json::json;
use std::{fmt::Write as _, io::Write as _};

async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    db
}

/// So many rows, three in a hundred of them unusable, some phones twice.
fn people(count: usize) -> String {
    let mut text = String::from("phone,name,locale,tags,city\n");
    for row in 0..count {
        match row % 100 {
            7 => writeln!(text, "12,Short {row},en,,Douala"),
            33 => writeln!(text, "+2376{row:08},Too many,en,,Douala,more"),
            77 => writeln!(text, "+2376{row:08},Nobody,klingon!,,Douala"),
            50 => writeln!(text, "+2376{:08},Again {row},en,,Yaounde", row - 1),
            _ => writeln!(text, "+2376{row:08},Ana {row},fr,vip|new,Douala"),
        }
        .unwrap();
    }
    text
}

async fn contacts(db: &Db) -> i64 {
    db.value("select count(*) from contacts").await
}

#[tokio::test]
async fn every_line_is_accounted_for() {
    let db = acme().await;
    let folder = tempfile::tempdir().unwrap();
    let rejected = folder.path().join("refused.csv");
    let rejected = rejected.to_str().unwrap();
    let rows = 20_000;
    let import = ["contact", "import", "-", "--rejected", rejected, "--json"];
    let counts = db.run_with(&import, people(rows).as_bytes()).done().json();
    assert_eq!(
        counts,
        json!({"lines": rows, "accepted": rows / 100 * 96, "updated": 0, "duplicate": rows / 100,
               "rejected": rows / 100 * 3, "no_consent": 0, "opted_out": 0, "rejected_file": rejected})
    );
    assert_eq!(contacts(&db).await, i64::try_from(rows / 100 * 96).unwrap());
    let mut listed = csv::Reader::from_path(rejected).unwrap();
    let causes: Vec<(String, String)> = listed
        .records()
        .map(|record| record.map(|record| (record[0].to_owned(), record[1].to_owned())).unwrap())
        .collect();
    assert_eq!(causes.len(), rows / 100 * 3);
    assert_eq!(causes[0].0, "9", "line 1 is the header, and row 7 the ninth line");
    assert!(causes[1].1.contains("columns"), "{:?}", causes[1]);
    let (name, tags, attributes): (String, Vec<String>, serde_json::Value) =
        sqlx::query_as("select name, tags, attributes from contacts where phone = '+237600000049'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(
        (name.as_str(), tags),
        ("Ana 49", vec!["vip".to_owned(), "new".to_owned()]),
        "the first row counts"
    );
    assert_eq!(attributes, json!({"city": "Douala"}));
    db.assert_invariants().await;
}

#[tokio::test]
async fn row_67_same_file_twice_changes_nothing() {
    let db = acme().await;
    let folder = tempfile::tempdir().unwrap();
    let rejected = folder.path().join("r.csv");
    let import = ["contact", "import", "-", "--json", "--rejected", rejected.to_str().unwrap()];
    let text = people(2_000);
    db.run_with(&import, text.as_bytes()).done();
    let rows = "select md5(string_agg(c::text, '|' order by id)) from contacts c";
    let before: String = db.value(rows).await;
    let counts = db.run_with(&import, text.as_bytes()).done().json();
    assert_eq!((&counts["accepted"], &counts["updated"]), (&json!(0), &json!(0)));
    assert_eq!((&counts["duplicate"], &counts["rejected"]), (&json!(1940), &json!(60)));
    assert_eq!(db.value::<String>(rows).await, before);
}

#[tokio::test]
async fn known_people_are_updated_where_something_differs() {
    let db = acme().await;
    let import =
        |text: &str| db.run_with(&["contact", "import", "-", "--json"], text.as_bytes()).done().json();
    import("phone,name,city,tier,consent\n+237611111111,Ana,Douala,gold,yes\n+237611111112,Bob,,,\n");
    // An empty cell leaves what is known; a new attribute joins the others.
    let counts = import("\u{feff}phone;name;city;age\n+237611111111;;Yaounde;30\n+237611111112;Bob;;\n");
    assert_eq!(
        (&counts["lines"], &counts["updated"], &counts["duplicate"], &counts["rejected_file"]),
        (&json!(2), &json!(1), &json!(1), &json!(null))
    );
    let ana = db.json(&["contact", "show", "+237611111111"]);
    assert_eq!((&ana["name"], &ana["consent"]), (&json!("Ana"), &json!(true)));
    assert_eq!(ana["attributes"], json!({"city": "Yaounde", "tier": "gold", "age": "30"}));
    let consented: String =
        db.value("select consent_at::text from contacts where phone = '+237611111111'").await;
    import("phone,consent\n+237611111111,no\n");
    let withdrawn: String =
        db.value("select consent_at::text from contacts where phone = '+237611111111'").await;
    assert_ne!(consented, withdrawn, "a change of consent has its own time");
}

#[tokio::test]
async fn a_phone_tells_the_country_only_of_people_of_whom_none_is_known() {
    let db = acme().await;
    let import =
        |text: &str| db.run_with(&["contact", "import", "-", "--json"], text.as_bytes()).done().json();
    let countries = async || {
        sqlx::query_scalar::<_, Option<String>>("select country from contacts order by phone")
            .fetch_all(&db.pool)
            .await
            .unwrap()
    };
    import("phone,country\n+237611111111,FR\n+237611111112,\n+237611111113,\n");
    sqlx::query("update contacts set country = null where phone = '+237611111113'")
        .execute(&db.pool)
        .await
        .unwrap();
    let counts = import("phone,tier\n+237611111111,gold\n+237611111112,gold\n+237611111113,gold\n");
    assert_eq!(counts["updated"], json!(3));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(countries().await, [some("FR"), some("CM"), some("CM")], "an empty cell leaves what is known");
    let again = import("phone,tier\n+237611111111,gold\n+237611111112,gold\n+237611111113,gold\n");
    assert_eq!(again["duplicate"], json!(3));
    import("phone,country\n+237611111111,CI\n");
    assert_eq!(countries().await[0], some("CI"), "what the file says is taken");
}

#[tokio::test]
async fn row_67_two_operators_import_the_same_file_at_once() {
    let db = acme().await;
    let mut text = String::from("phone,name\n");
    for row in 0..5_000 {
        writeln!(text, "+2376{row:08},Ana {row}").unwrap();
    }
    let import = ["contact", "import", "-", "--json"];
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| db.run_with(&import, text.as_bytes()).done().json());
        let other = scope.spawn(|| db.run_with(&import, text.as_bytes()).done().json());
        (one.join().unwrap(), other.join().unwrap())
    });
    let mut counts = [(&one["accepted"], &one["duplicate"]), (&other["accepted"], &other["duplicate"])];
    counts.sort_by_key(|(accepted, _)| accepted.as_i64());
    assert_eq!(counts, [(&json!(0), &json!(5_000)), (&json!(5_000), &json!(0))]);
    assert_eq!(contacts(&db).await, 5_000);
    db.assert_invariants().await;
}

#[tokio::test]
async fn row_67_second_of_two_imports_sees_all_that_the_first_did() {
    let db = acme().await;
    let mut first = db.pool.begin().await.unwrap();
    for statement in [
        "select stage_contacts()",
        "insert into contact_staging (line, phone, name, attributes) values (2, '+237611111111', 'Ana', '{}')",
        "select merge_contacts(id, 'a.csv', 'ana', 1, 0, clock_timestamp()) from organizations",
    ] {
        sqlx::query(statement).execute(&mut *first).await.unwrap();
    }
    let mut child = db.spawn(&["contact", "import", "-", "--json"]);
    child.stdin.take().unwrap().write_all(b"phone,name\n+237611111111,Anna\n").unwrap();
    db.until_somebody_waits().await;
    first.commit().await.unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&counts["accepted"], &counts["updated"]), (&json!(0), &json!(1)), "{counts}");
    assert_eq!(db.value::<String>("select name from contacts").await, "Anna");
    db.assert_invariants().await;
}

/// Peak resident memory of a process so far, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn row_65_million_rows_need_no_more_memory_than_half_of_them_and_every_bad_line_is_listed() {
    const ROUNDS: usize = 50;
    const ROWS: usize = 1_000_000 / ROUNDS;
    let db = acme().await;
    let folder = tempfile::tempdir().unwrap();
    let rejected = folder.path().join("refused.csv");
    let mut child = db.spawn(&["contact", "import", "-", "--json", "--rejected", rejected.to_str().unwrap()]);
    let pid = child.id();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    let mut peaks = Vec::new();
    for round in 0..ROUNDS {
        if round == 0 {
            input.write_all(b"phone,name,locale,tags,city\n").unwrap();
        }
        for row in round * ROWS..(round + 1) * ROWS {
            match row % 100 {
                7 | 33 | 77 => writeln!(input, "12,Short {row},en,,Douala"),
                _ => writeln!(input, "+2376{row:08},Ana {row},fr,vip|new,Douala"),
            }
            .unwrap();
        }
        input.flush().unwrap();
        peaks.extend(peak_memory(pid));
    }
    drop(input);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&counts["lines"], &counts["accepted"], &counts["rejected"]),
        (&json!(1_000_000), &json!(970_000), &json!(30_000)),
        "{counts}"
    );
    assert_eq!(contacts(&db).await, 970_000);
    assert_eq!(csv::Reader::from_path(rejected).unwrap().records().count(), 30_000);
    // The buffers between reading and copying fill first.
    let (early, late) = (peaks[peaks.len() / 2], peaks[peaks.len() - 1]);
    assert!(late < early + 16 * 1024, "{early} KiB grew to {late} KiB");
    assert!(late < 256 * 1024, "{late} KiB");
}

#[tokio::test]
async fn row_66_killed_import_leaves_nothing_and_can_be_repeated() {
    let db = acme().await;
    let text = people(60_000);
    let mut child = db.spawn(&["contact", "import", "-", "--rejected", "/dev/null"]);
    let mut input = child.stdin.take().unwrap();
    // Enough that rows are staged; never the end, so that it cannot finish.
    input.write_all(&text.as_bytes()[..text.len() - 10]).unwrap();
    input.flush().unwrap();
    until("rows are being copied", || async {
        db.value::<i64>("select count(*) from pg_stat_progress_copy where tuples_processed > 1000").await > 0
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    until("its session has ended", || async {
        db.value::<i64>("select count(*) from pg_stat_activity where application_name = 'signalbox/bulk' and datname = current_database()")
            .await
            == 0
    })
    .await;
    assert_eq!(contacts(&db).await, 0);
    assert_eq!(db.value::<i64>("select count(*) from contact_imports").await, 0);
    let again = ["contact", "import", "-", "--rejected", "/dev/null", "--json"];
    let counts = db.run_with(&again, text.as_bytes()).done().json();
    assert_eq!(counts["accepted"], 57_600);
    db.assert_invariants().await;
}

#[tokio::test]
async fn an_export_comes_back_as_it_was_and_runs_in_no_spreadsheet() {
    let db = acme().await;
    let import = ["contact", "import", "-", "--json"];
    let text = "phone,name,tags,city,registered_at\n+237611111111,=cmd|' /C calc'!A0,vip|new,\"a,\"\"b\"\"\nc\",2024-05-31T14:30\n+237611111112,Bob,,,\n";
    db.run_with(&import, text.as_bytes()).done();
    let exported = db.run(&["contact", "export", "-"]).done().stdout;
    assert!(exported.contains("'=cmd|"), "{exported}");
    assert!(exported.contains("\n+237611111111,"), "a phone stays whole: {exported}");
    let counts = db.run_with(&import, exported.as_bytes()).done().json();
    assert_eq!((&counts["updated"], &counts["duplicate"]), (&json!(0), &json!(2)), "{exported}");
    assert_eq!(db.json(&["contact", "export"]).as_array().unwrap().len(), 2);
    assert_eq!(db.json(&["contact", "list", "--limit", "1"]).as_array().unwrap().len(), 1);
}
