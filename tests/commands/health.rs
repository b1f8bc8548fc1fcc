//! Testing numbers: one and all, what is kept of it, and how it ends.

use crate::support::Db;
use serde_json::json;
use signalbox::provider::simulator::{Script, Simulator};

const SCRIPT: &str = "
    [[account]]\nprovider = 'meta'\ntoken = 'token'\n
    [[number]]\nprovider = 'meta'\nphone = '+237600000001'\nid = '1'\n
    [[number]]\nprovider = 'meta'\nphone = '+237600000002'\nid = '2'\n
    [[number]]\nprovider = 'meta'\nphone = '+237600000003'\nid = '3'\n";

fn simulator(more: &str) -> Simulator {
    let script = Script::parse(&format!("{SCRIPT}{more}")).unwrap();
    Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), script).unwrap()
}

/// An organisation with so many numbers at a simulated Meta.
async fn acme(simulator: &Simulator, numbers: usize, token: &str) -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    let base_url = simulator.base_url();
    let add = [
        "account",
        "add",
        "main",
        "--provider",
        "meta",
        "--external-id",
        "10",
        "--token-stdin",
        "--base-url",
        &base_url,
    ];
    db.run_with(&add, token.as_bytes()).done();
    for nth in 1..=numbers {
        let phone = format!("+23760000000{nth}");
        db.run(&["number", "add", &phone, "--account", "main", "--instance-id", &nth.to_string()]).done();
    }
    db
}

#[tokio::test]
async fn a_number_that_is_well_is_tested_and_the_answer_kept() {
    let simulator = simulator("[[health]]\nthen = { quality = 'YELLOW', limit = 'TIER_2K' }");
    let db = acme(&simulator, 1, "token").await;
    assert_eq!(db.json(&["number", "show", "+237600000001"])["health"], json!(null));
    let tested = db.json(&["number", "test", "+237600000001"]);
    for (key, value) in [
        ("ok", json!(true)),
        ("state", json!("sendable")),
        ("quality", json!("yellow")),
        ("provider_limit", json!(2_000)),
        ("code", json!(null)),
        ("words", json!("CONNECTED")),
        ("fix", json!(null)),
    ] {
        assert_eq!(tested[key], value, "{key} of {tested}");
    }
    let shown = db.json(&["number", "show", "+237600000001"]);
    assert_eq!((&shown["health"], &shown["quality"]), (&json!("sendable"), &json!("yellow")));
    assert!(shown["checked_at"].is_string() && shown["well_since"].is_string(), "{shown}");
    let run = db.run(&["number", "test", "+237600000001"]).done();
    assert!(run.stdout.contains("sendable") && run.stderr.is_empty(), "{run:?}");
    let kept: Vec<(String, String)> = sqlx::query_as("select actor, state from number_checks order by at")
        .fetch_all(&db.pool)
        .await
        .unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|(actor, state)| !actor.is_empty() && actor != "sender" && state == "sendable"));
    assert!(simulator.ledger().is_empty(), "a test sends nothing");
}

#[tokio::test]
async fn a_batch_names_every_number_and_fails_if_one_is_not_well() {
    let simulator = simulator(
        "[[health]]\nwhen = { number = '2' }\nthen = { status = 'RESTRICTED' }\n\
         [[health]]\nwhen = { number = '3' }\nthen = { status = 'LINKED' }",
    );
    let db = acme(&simulator, 3, "token").await;
    let run = db.run(&["number", "test", "--all", "--json"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.stderr, "error: 2 numbers are not well\n", "no progress where nobody looks");
    let batch = run.json();
    assert_eq!((&batch["tested"], &batch["well"]), (&json!(3), &json!(1)));
    let states: Vec<&serde_json::Value> =
        batch["numbers"].as_array().unwrap().iter().map(|tested| &tested["state"]).collect();
    assert_eq!(states, ["sendable", "not_sendable", "unclear"]);
    let restricted = &batch["numbers"][1];
    assert_eq!(
        (&restricted["class"], &restricted["code"]),
        (&json!("number_suspended"), &json!("status_restricted"))
    );
    assert!(restricted["fix"].is_string() && batch["numbers"][2]["fix"].is_string());
    // A sender acts on it at once: what the batch itself does is ask for that.
    let due: Vec<String> = sqlx::query_scalar(
        "select n.phone::text from number_health h join whatsapp_numbers n on n.id = h.number_id
          where h.next_check_at <= clock_timestamp() order by 1",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(due, ["+237600000002", "+237600000003"]);
    let run = db.run(&["number", "test", "--all"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("FAIL") && run.stdout.contains("+237600000003"), "{run:?}");
    simulator.set_script(Script::parse(SCRIPT).unwrap());
    assert_eq!(db.json(&["number", "test", "--all"])["well"], 3);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_and_kept() {
    let simulator = simulator("");
    let db = acme(&simulator, 1, "another-token").await;
    let run = db.run(&["number", "test", "+237600000001", "--json"]);
    assert_eq!(run.code, Some(1));
    let tested = run.json();
    assert_eq!((&tested["state"], &tested["class"]), (&json!("not_sendable"), &json!("number_auth")));
    assert!(tested["fix"].as_str().unwrap().contains("account edit main --token-stdin"), "{tested}");
    assert!(!run.stdout.contains("another-token"));
    sqlx::query("update whatsapp_numbers set instance_id = ''").execute(&db.pool).await.unwrap();
    let run = db.run(&["number", "test", "+237600000001", "--json"]);
    assert_eq!((run.code, &run.json()["code"]), (Some(1), &json!("unusable")));
    assert!(run.json()["words"].as_str().unwrap().contains("phone-number-id"));
    simulator.stop().await;
    sqlx::query("update whatsapp_numbers set instance_id = '1'").execute(&db.pool).await.unwrap();
    let run = db.run(&["number", "test", "--all", "--json"]);
    assert_eq!((run.code, &run.json()["numbers"][0]["code"]), (Some(1), &json!("refused")));
    let kept: i64 =
        sqlx::query_scalar("select count(*) from number_checks").fetch_one(&db.pool).await.unwrap();
    assert_eq!(kept, 3);
}

#[tokio::test]
async fn a_test_names_one_number_or_all() {
    let simulator = simulator("");
    let db = acme(&simulator, 0, "token").await;
    db.run(&["number", "test"]).refused(2, "required");
    db.run(&["number", "test", "+237600000001", "--all"]).refused(2, "cannot be used with");
    db.run(&["number", "test", "+237600000001"]).refused(1, "is no number of acme");
    assert_eq!(db.json(&["number", "test", "--all"]), json!({ "tested": 0, "well": 0, "numbers": [] }));
}

#[tokio::test]
async fn old_checks_go_and_a_suspension_counts_anew() {
    let simulator = simulator("");
    let db = acme(&simulator, 1, "token").await;
    let test = || db.json(&["number", "test", "+237600000001"]);
    test();
    sqlx::query("update number_checks set at = clock_timestamp() - interval '31 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    test();
    let row = "select well_in_row, (select count(*) from number_checks) from number_health";
    let row = || async { sqlx::query_as::<_, (i32, i64)>(row).fetch_one(&db.pool).await.unwrap() };
    assert_eq!(row().await, (2, 1));
    db.run(&["number", "suspend", "+237600000001", "--reason", "a test"]).done();
    test();
    assert_eq!(row().await.0, 1, "what was found before says nothing of what is after");
    test();
    assert_eq!(row().await.0, 2);
    assert_eq!(
        db.json(&["number", "show", "+237600000001"])["state"],
        "suspended",
        "an operator suspended it"
    );
}

/// The doctor's checks of the account by name: whether each is well, and what it says.
fn examine(db: &Db) -> Vec<(String, bool, String)> {
    let run = db.run(&["doctor", "--json"]);
    let checks = run.json();
    let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| text(check, "name").contains("account main"))
        .map(|check| {
            let said = format!("{} | {}", text(check, "detail"), text(check, "fix"));
            (text(check, "name"), check["ok"] == true, said)
        })
        .collect()
}

#[tokio::test]
async fn the_doctor_says_of_an_account_whether_it_sends_answers_and_is_heard() {
    let simulator = simulator("[[health]]\nwhen = { number = '2' }\nthen = { status = 'LINKED' }");
    let db = acme(&simulator, 1, "token").await;
    let names: Vec<String> = examine(&db)
        .into_iter()
        .map(|(name, ok, said)| {
            assert!(ok, "{name}: {said}");
            name
        })
        .collect();
    let of = |what: &str| format!("{what} of account main");
    assert_eq!(names, ["token", "sending", "status", "webhook", "arrival"].map(of));
    assert_eq!(
        sqlx::query_scalar::<_, i64>("select count(*) from number_checks").fetch_one(&db.pool).await.unwrap(),
        0
    );

    // Messages went out two hours ago, and nothing was heard of them.
    let sent = "update number_pacing set last_sent_at = clock_timestamp() - interval '2 hours'";
    sqlx::query(sent).execute(&db.pool).await.unwrap();
    let checks = examine(&db);
    assert!(checks[1].1 && checks[2].1 && !checks[3].1, "{checks:?}");
    assert!(
        checks[3].2.contains("nothing was reported") && checks[3].2.contains("account show main"),
        "{checks:?}"
    );
    // Somebody calls, and cannot prove to be Meta.
    let refusal = "insert into webhook_refusals (organization_id, account_id, day, cause, count, last_at)
                   select organization_id, id, current_date, 'signature_wrong', 7, clock_timestamp() from accounts";
    sqlx::query(refusal).execute(&db.pool).await.unwrap();
    let checks = examine(&db);
    assert!(!checks[3].1 && checks[3].2.contains("signature wrong, 7 in a week"), "{checks:?}");
    assert!(checks[3].2.contains("--app-secret-env"), "{checks:?}");
    // Then Meta itself does.
    let heard = "insert into webhooks (organization_id, id, account_id, digest, query, body, received_at)
                 select organization_id, new_uuid(), id, sha256('x'), '', 'x', clock_timestamp() from accounts";
    sqlx::query(heard).execute(&db.pool).await.unwrap();
    let checks = examine(&db);
    assert!(checks[3].1 && checks[3].2.contains("last called at"), "{checks:?}");
    for (pulse, said) in
        [("amber", "0 red and 1 amber"), ("red", "is RED: 3 of 40 arrived; no canary: nobody is asked")]
    {
        sqlx::query(
            "update number_vitals set state = $1, words = '3 of 40 arrived', no_canary = 'nobody is asked'",
        )
        .bind(pulse)
        .execute(&db.pool)
        .await
        .unwrap();
        let checks = examine(&db);
        assert!(!checks[4].1 && checks[4].2.contains(said), "{checks:?}");
        assert!(checks[4].2.contains("signalbox number show +237"), "{checks:?}");
    }
    sqlx::query("update number_vitals set state = 'well', no_canary = null").execute(&db.pool).await.unwrap();
    assert!(examine(&db)[4].1);

    db.run(&["number", "add", "+237600000002", "--account", "main", "--instance-id", "2"]).done();
    let checks = examine(&db);
    assert!(checks[1].1 && !checks[2].1, "one sends, and of the other nobody can tell: {checks:?}");
    assert!(checks[2].2.contains("status LINKED"), "{checks:?}");
    simulator.set_script(Script::parse(&format!("{SCRIPT}[[health]]\nthen = {{ error = 190 }}")).unwrap());
    let checks = examine(&db);
    assert!(!checks[1].1 && checks[2].1, "the provider answers, and refuses the token: {checks:?}");
    assert!(checks[1].2.contains("renew the token: signalbox account edit main --token-stdin"), "{checks:?}");
    simulator.stop().await;
    let checks = examine(&db);
    assert!(!checks[1].1 && !checks[2].1 && checks[2].2.contains("reaches the provider"), "{checks:?}");
}
