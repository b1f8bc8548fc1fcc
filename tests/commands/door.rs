//! What is let in and what is told: values that cannot be, words that reach a terminal, one document for `--json`, files that
//! are not written over too early.

use crate::support::{Db, acme::Acme, acme::HELLO, acme::phone, binary, binary::KEY};
use serde_json::json;
use signalbox::domain::action::Action;

const ODD: &str = "spam\x1b]0;owned\x07\x1b[31m\u{9b}2J";

/// An organisation with an account at Meta and a number.
async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let add = ["account", "add", "main", "--provider", "meta", "--external-id", "10", "--token-stdin"];
    db.run_with(&add, b"EAAG-the-very-token\n").done();
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "51"]).done();
    db
}

fn is_clean(text: &str) -> bool {
    text.chars().all(|letter| letter == '\n' || !letter.is_control())
}

#[tokio::test]
async fn the_id_of_a_number_is_checked_whenever_it_is_given() {
    let db = acme().await;
    let edit = |id: &str| db.run(&["number", "edit", "+237600000001", "--instance-id", id]);
    edit("a b").refused(2, "the number cannot be used: the phone-number-id is not a number");
    edit("").refused(2, "the phone-number-id (--instance-id) is missing");
    edit("52").done();
    assert_eq!(db.json(&["number", "show", "+237600000001"])["instance_id"], "52");
}

#[tokio::test]
async fn words_of_others_do_not_steer_the_terminal_of_who_reads_a_note_or_a_preview() {
    let acme = Acme::with_numbers(&[None]).await;
    acme.contacts(1).await;
    acme.campaign(HELLO).await;
    let db = &acme.db;
    db.run(&["campaign", "start", "hello"]).done();
    db.run(&["campaign", "pause", "hello", "--reason", ODD]).done();
    let number = phone(90_000_000);
    db.run(&["number", "suspend", number.reveal(), "--reason", ODD]).done();
    sqlx::query("update accounts set name = $1").bind(ODD).execute(&db.pool).await.unwrap();
    let note = db.run(&["handover"]).done().stdout;
    assert!(note.contains("number 0 since") && note.contains(": spam"), "{note:?}");
    assert!(is_clean(&note), "{note:?}");
    let shown = db.run(&["campaign", "preview", "hello"]).done().stdout;
    assert!(shown.contains("meta (spam"), "{shown:?}");
    assert!(is_clean(&shown), "{shown:?}");
}

#[tokio::test]
async fn an_edit_of_the_organisation_goes_by_the_zone_that_it_gives() {
    let db = acme().await;
    let edit = [
        "org",
        "edit",
        "--timezone",
        "Asia/Tokyo",
        "--subscription-ends",
        "2027-06-01T00:00",
        "--daily-limit",
        "7",
    ];
    db.run(&edit).done();
    let ends: chrono::DateTime<chrono::Utc> =
        db.value("select subscription_ends_at from organizations").await;
    assert_eq!(ends.to_rfc3339(), "2027-05-31T15:00:00+00:00");
    // What is refused leaves the rest of the same words undone, or says what of them was done.
    db.run(&["org", "edit", "--quiet", "20:00-08:00", "--default-number", "+237600000009"])
        .refused(1, "there is no such number in this organisation");
    assert_eq!(db.json(&["org", "list"])[0]["open_from"], json!(null));
    sqlx::query(
        "alter table vital_rules add constraint nothing_changes check (failed_percent is null) not valid",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let half = db.run(&["org", "edit", "--daily-limit", "8", "--warn-failed", "20"]);
    assert_eq!(half.code, Some(3), "{half:?}");
    assert!(half.stderr.contains("; changed before that: the organisation itself"), "{half:?}");
}

#[tokio::test]
async fn a_nul_in_a_campaign_file_is_named() {
    let db = acme().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nul.toml");
    let file =
        "name = \"spring\"\n[audience]\ntags = [\"a\\u0000b\"]\n[[steps]]\ntext = { en = \"Hi\\u0000\" }\n";
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    let run = db.run(&["campaign", "create", path]);
    assert_eq!(run.code, Some(1), "{run:?}");
    for (line, key) in [(3, "audience.tags[0]"), (5, "steps[0].text.en")] {
        let said = format!("nul.toml:{line}:");
        assert!(run.stderr.contains(&said) && run.stderr.contains(&format!("{key} holds a NUL")), "{run:?}");
    }
}

#[tokio::test]
async fn the_doctor_finds_what_the_ring_does_not_open() {
    let db = acme().await;
    let new = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";
    let doctor = || {
        let checks = db.run(&["doctor", "--json"]).json();
        checks.as_array().unwrap().iter().find(|check| check["name"] == "encryption key").unwrap().clone()
    };
    let well = doctor();
    assert!(well["ok"] == true && well["detail"].as_str().unwrap().contains("1 secrets"), "{well}");
    // A host that has the new key first already.
    let mut add = db.command(&[
        "account",
        "add",
        "later",
        "--provider",
        "meta",
        "--external-id",
        "11",
        "--token-env",
        "T",
    ]);
    add.env("ENCRYPTION_KEY", format!("{new},{KEY}")).env("T", "EAAG-another");
    binary::run(add, None).done();
    let ill = doctor();
    let detail = ill["detail"].as_str().unwrap();
    assert!(ill["ok"] == false && detail.contains("does not open account later of acme"), "{ill}");
    assert!(!detail.contains("main"), "{ill}");
}

#[tokio::test]
async fn with_json_there_is_one_document_or_a_refusal() {
    let db = acme().await;
    let numbers = db.json(&["number", "export"]);
    assert_eq!((&numbers[0]["phone"], &numbers[0]["pools"]), (&json!("+237600000001"), &json!("default")));
    for both in [
        &["contact", "suppressed", "--csv", "-"] as &[&str],
        &["campaign", "skipped", "none-such", "--csv", "-"],
        &["number", "stats", "--csv", "-"],
        &["contact", "import", "/dev/null", "--rejected", "-"],
    ] {
        db.run(&[both, &["--json"]].concat()).refused(2, "would both write to standard output");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stats.csv").display().to_string();
    assert_eq!(db.json(&["number", "stats", "--csv", &file])["file"], file);
}

#[tokio::test]
async fn an_apostrophe_survives_an_export_and_none_is_no_pool() {
    let db = acme().await;
    db.run(&["number", "edit", "+237600000001", "--name", "'quoted", "--notes", "''twice"]).done();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv").display().to_string();
    db.run(&["number", "export", &file]).done();
    assert_eq!(db.json(&["number", "import", &file])["unchanged"], json!(1));
    let shown = db.json(&["number", "show", "+237600000001"]);
    assert_eq!((&shown["name"], &shown["notes"]), (&json!("'quoted"), &json!("''twice")));
    db.run(&["pool", "add", "none"]).refused(2, "none is no pool's name");
    db.run(&["pool", "edit", "default", "--rename", "none"]).refused(2, "none is no pool's name");
}

#[tokio::test]
async fn a_reason_that_is_needed_says_something() {
    let db = acme().await;
    for blank in ["", "  ", "\t"] {
        db.run(&["number", "suspend", "+237600000001", "--reason", blank])
            .refused(2, "the reason says nothing");
    }
    assert_eq!(db.json(&["number", "show", "+237600000001"])["state"], "active");
}

#[tokio::test]
async fn a_clock_runs_no_faster_than_years_can_be_written() {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "UTC", "--rehearsal"]).done();
    for speed in ["1e18", "1e-300", "0", "-1", "NaN", "inf", "fast"] {
        db.run(&["sender", "--until-idle", "--clock-start", "2025-06-01T08:00", "--clock-speed", speed])
            .refused(2, "the speed of a clock is a number from 0.001 to 1000000");
    }
    let fastest = ["sender", "--until-idle", "--clock-start", "2025-06-01T08:00", "--clock-speed", "1000000"];
    db.run(&fastest).done();
}

#[tokio::test]
async fn refused_rows_take_their_place_when_the_import_is_done() {
    let db = acme().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, beside) = (folder.path().join("people.csv"), folder.path().join("people.rejected.csv"));
    let path = file.to_str().unwrap();
    std::fs::write(&beside, "somebody's work").unwrap();
    // The first row is refused, and much later a line is not UTF-8: nothing is imported.
    let mut text = b"phone,name\n12,Short\n".to_vec();
    for row in 0..300_000 {
        text.extend(format!("+2376{row:08},Ana\n").bytes());
    }
    text.extend(b"+237611111112,\xff\n");
    std::fs::write(&file, &text).unwrap();
    let run = db.run(&["contact", "import", path]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "somebody's work");
    std::fs::write(&file, "phone,name\n+237611111111,Ana\n12,Short\n").unwrap();
    assert_eq!(db.json(&["contact", "import", path])["rejected"], json!(1));
    assert!(std::fs::read_to_string(&beside).unwrap().contains("12,Short"));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn a_long_list_is_printed_whole_and_one_that_is_cut_says_so() {
    let acme = Acme::new().await;
    sqlx::query(
        "insert into suppressions (organization_id, phone, since, source, reason)
         select $1, '+2376' || lpad(n::text, 8, '0'), clock_timestamp(), 'operator', 'asked'
           from generate_series(1, 10001) n",
    )
    .bind(acme.organization.0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let run = acme.db.run(&["contact", "suppressed"]).done();
    assert_eq!(run.stderr, "");
    let phones: Vec<&str> = run.stdout.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!((phones.len(), phones.last()), (10_001, Some(&"+237600010001")));
    assert!(phones.is_sorted_by(|one, other| one < other), "each once, by phone");
    assert_eq!(acme.db.json(&["contact", "suppressed"]).as_array().map(Vec::len), Some(10_001));
    // Of a campaign's people a terminal gets the first ones, beside the sums of all.
    acme.contacts(101).await;
    let campaign = acme.running().await;
    acme.done(Action::CancelCampaign(campaign)).await;
    let run = acme.db.run(&["campaign", "skipped", "hello"]).done();
    assert!(run.stderr.contains("these are the first 100 people; --csv FILE and --json have all"), "{run:?}");
    assert_eq!(acme.db.json(&["campaign", "skipped", "hello"]).as_array().map(Vec::len), Some(101));
}
