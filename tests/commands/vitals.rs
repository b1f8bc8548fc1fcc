//! How numbers are watched, what they cost, whom they reach, and how they come back.

use crate::support::Db;
use serde_json::json;
use signalbox::provider::simulator::{Script, Simulator};

const SCRIPT: &str = "
    [[account]]\nprovider = 'ultramsg'\ntoken = 'token'\n
    [[account]]\nprovider = 'meta'\ntoken = 'token'\n
    [[number]]\nprovider = 'ultramsg'\nphone = '+237600000001'\nid = 'instance1'\n
    [[number]]\nprovider = 'meta'\nphone = '+237600000002'\nid = '2'\n";

fn simulator() -> Simulator {
    Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), Script::parse(SCRIPT).unwrap()).unwrap()
}

/// An organisation with a number at a gateway and one at Meta.
async fn acme(simulator: &Simulator) -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let base = simulator.base_url();
    for (name, provider, external) in [("gateway", "ultramsg", ""), ("main", "meta", "10")] {
        let mut add =
            vec!["account", "add", name, "--provider", provider, "--token-stdin", "--base-url", &base];
        if !external.is_empty() {
            add.extend(["--external-id", external]);
        }
        db.run_with(&add, b"token").done();
    }
    let run = db
        .run(&["number", "add", "+237600000001", "--account", "gateway", "--instance-id", "instance1"])
        .done();
    assert!(run.stdout.contains("unofficial") && run.stdout.contains("ban"), "the risk is said: {run:?}");
    let run = db.run(&["number", "add", "+237600000002", "--account", "main", "--instance-id", "2"]).done();
    assert!(!run.stdout.contains("unofficial"), "{run:?}");
    db
}

#[tokio::test]
async fn unofficial_numbers_are_told_from_official_ones() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    let list = db.json(&["number", "list"]);
    assert_eq!((&list[0]["official"], &list[1]["official"]), (&json!(false), &json!(true)));
    assert_eq!(list[0]["pulse"], "unknown");
    let run = db.run(&["number", "list"]).done();
    assert!(run.stdout.contains("ultramsg (unofficial)"), "{run:?}");
    let run = db.run(&["number", "show", "+237600000001"]).done();
    assert!(run.stdout.contains("can ban without notice"), "{run:?}");
}

#[tokio::test]
async fn costs_are_kept_and_summed_by_account_and_currency() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    let edit = |args: &[&str]| {
        let mut all = vec!["number", "edit"];
        all.extend(args);
        db.run(&all)
    };
    edit(&["+237600000001", "--monthly-cost", "12.50", "--currency", "eur"]).done();
    let list = db.json(&["number", "list"]);
    assert_eq!((&list[0]["monthly_cost"], &list[0]["cost_currency"]), (&json!(1_250), &json!("EUR")));
    let run = db.run(&["number", "list"]).done();
    assert!(run.stdout.contains("12.50 EUR"), "{run:?}");
    db.run(&["number", "add", "+237600000003", "--account", "gateway", "--instance-id", "instance3"]).done();
    db.run(&["number", "add", "+237600000004", "--account", "gateway", "--instance-id", "instance4"]).done();
    edit(&["+237600000003", "--monthly-cost", "7.25", "--currency", "EUR"]).done();
    edit(&["+237600000004", "--monthly-cost", "5", "--currency", "USD"]).done();
    let account = db.json(&["account", "show", "gateway"]);
    assert_eq!(account["monthly_costs"], json!(["19.75 EUR", "5.00 USD"]));
    assert!(db.run(&["account", "list"]).done().stdout.contains("19.75 EUR + 5.00 USD"));
    edit(&["+237600000004", "--monthly-cost", "none"]).done();
    assert_eq!(db.json(&["account", "show", "gateway"])["monthly_costs"], json!(["19.75 EUR"]));
    for (args, words) in [
        (vec!["+237600000001", "--monthly-cost", "12.50"], "say in which currency"),
        (vec!["+237600000001", "--monthly-cost", "12,50", "--currency", "EUR"], "an amount such as 12.50"),
        (vec!["+237600000001", "--monthly-cost", "1", "--currency", "euro"], "three letters"),
        (vec!["+237600000001", "--currency", "EUR"], "--monthly-cost"),
    ] {
        let run = edit(&args);
        assert_eq!(run.code, Some(2), "{args:?} {run:?}");
        assert!(run.stderr.contains(words), "{args:?} {run:?}");
    }
}

#[tokio::test]
async fn queue_of_a_gateway_is_bounded_as_an_operator_says() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    let limit = async || -> Option<i32> {
        sqlx::query_scalar(
            "select p.queue_limit from number_pacing p join whatsapp_numbers n on n.id = p.number_id
              where n.phone = '+237600000001'",
        )
        .fetch_one(&db.pool)
        .await
        .unwrap()
    };
    assert_eq!((db.json(&["number", "list"])[0]["queue_limit"].clone(), limit().await), (json!(5), Some(5)));
    db.run(&["number", "edit", "+237600000001", "--queue", "12"]).done();
    assert_eq!(
        (db.json(&["number", "list"])[0]["queue_limit"].clone(), limit().await),
        (json!(12), Some(12))
    );
    assert!(db.run(&["number", "show", "+237600000001"]).done().stdout.contains("0 of 12"));
    let run = db.run(&["number", "edit", "+237600000002", "--queue", "12"]);
    assert!(run.code == Some(3) && run.stderr.contains("keeps no queue of its own"), "{run:?}");
    for wrong in ["0", "1001", "-1", "x"] {
        assert_eq!(db.run(&["number", "edit", "+237600000001", "--queue", wrong]).code, Some(2), "{wrong}");
    }
    assert_eq!(limit().await, Some(12));
}

#[tokio::test]
async fn portfolio_of_an_account_is_an_id_or_none() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    db.run(&["account", "edit", "main", "--portfolio", "506914307656634"]).done();
    assert_eq!(db.json(&["account", "show", "main"])["portfolio"], json!("506914307656634"));
    for (account, id) in [("gateway", "506914307656634"), ("main", "a b"), ("main", "")] {
        let run = db.run(&["account", "edit", account, "--portfolio", id]);
        assert!(run.code == Some(2) && run.stderr.contains("--portfolio"), "{run:?}");
    }
    db.run(&["account", "edit", "main", "--portfolio", "none"]).done();
    assert_eq!(db.json(&["account", "show", "main"])["portfolio"], json!(null));
}

#[tokio::test]
async fn how_numbers_are_watched_is_changed_on_record() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    let watch = db.json(&["org", "watch"]);
    assert_eq!(
        (&watch["canary_phone"], &watch["failed_percent"], &watch["blocked_percent"]),
        (&json!(null), &json!(10), &json!(2))
    );
    db.run(&[
        "org",
        "edit",
        "--canary-phone",
        "+237699999999",
        "--warn-failed",
        "15",
        "--warn-blocked",
        "none",
        "--standby-days",
        "3",
    ])
    .done();
    let watch = db.json(&["org", "watch"]);
    assert_eq!(
        (&watch["canary_phone"], &watch["failed_percent"], &watch["blocked_percent"]),
        (&json!("+237699999999"), &json!(15), &json!(null))
    );
    let run = db.run(&["org", "watch"]).done();
    assert!(run.stdout.contains("72 h") && run.stdout.contains("never"), "{run:?}");
    db.run(&[
        "org",
        "edit",
        "--canary-phone",
        "none",
        "--canary-template",
        "ping",
        "--canary-language",
        "pt-br",
    ])
    .done();
    let watch = db.json(&["org", "watch"]);
    assert_eq!((&watch["canary_phone"], &watch["canary_template"]), (&json!(null), &json!("ping")));
    assert!(db.run(&["org", "watch"]).done().stdout.contains("ping in pt-BR"));
    let kept: i64 = sqlx::query_scalar("select count(*) from audit_log where action = 'edit vital rules'")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(kept, 2);
    for args in [
        ["--warn-failed", "0"],
        ["--warn-blocked", "101"],
        ["--standby-days", "x"],
        ["--canary-phone", "12"],
        ["--canary-template", "are you there"],
        ["--canary-language", "en"],
    ] {
        let run = db.run(&["org", "edit", args[0], args[1]]);
        assert_eq!(run.code, Some(2), "{args:?} {run:?}");
    }
}

#[tokio::test]
async fn a_phone_is_validated_where_somebody_can_be_asked() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    let known = db.json(&["contact", "validate", "+237 655 00 00 01"]);
    assert_eq!(
        (&known["phone"], &known["on_whatsapp"], &known["asked_through"]),
        (&json!("+237655000001"), &json!(true), &json!("+237600000001"))
    );
    let run = db.run(&["number", "validate", "+237655001000", "--json"]);
    assert_eq!((run.code, &run.json()["on_whatsapp"]), (Some(1), &json!(false)));
    assert_eq!(simulator.questions(), 2);
    let run = db.run(&["number", "validate", "+237655000001", "--via", "+237600000002", "--json"]);
    assert_eq!((run.code, &run.json()["on_whatsapp"]), (Some(0), &json!(null)));
    assert!(run.json()["detail"].as_str().unwrap().contains("meta cannot be asked"), "{run:?}");
    let run = db.run(&["number", "validate", "12", "--json"]);
    assert_eq!((run.code, &run.json()["valid_form"]), (Some(1), &json!(false)));
    assert_eq!(simulator.questions(), 2, "only what can be answered is asked");
    assert!(simulator.ledger().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn a_number_comes_back_after_a_test_that_finds_it_well() {
    let simulator = simulator();
    let db = acme(&simulator).await;
    db.run(&["number", "suspend", "+237600000001", "--reason", "logged out"]).done();
    let run = db.run(&["number", "show", "+237600000001"]).done();
    assert!(run.stdout.contains("number resume +237600000001 --test"), "what to do: {run:?}");
    let says = |more: &str| simulator.set_script(Script::parse(&format!("{SCRIPT}{more}")).unwrap());
    says("[[health]]\nwhen = { number = 'instance1' }\nthen = { status = 'qr' }");
    let run = db.run(&["number", "resume", "+237600000001", "--test"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("status_qr") && run.stderr.contains("scan the code"), "{run:?}");
    assert_eq!(db.json(&["number", "show", "+237600000001"])["state"], "suspended");
    says("");
    db.run(&["number", "resume", "+237600000001", "--test", "--reason", "scanned"]).done();
    assert_eq!(db.json(&["number", "show", "+237600000001"])["state"], "active");
}
