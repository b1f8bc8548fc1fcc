//! Nothing is shown as done that was not: what the database left undone, because the role may only look there or because the
//! row went meanwhile, is said in one sentence.

use crate::{office::Office, support::binary};
use serde_json::json;
use signalbox::{
    domain::{
        action::{Action, Order},
        ids::NumberId,
    },
    store::action::ActionResult,
};

/// An account with a number, a campaign, a spare pool and a channel in `other`; and acme's manager as a viewer there.
fn furnish(office: &Office) {
    let folder = tempfile::tempdir().unwrap();
    let (people, campaign) = (folder.path().join("people.csv"), folder.path().join("hello.toml"));
    std::fs::write(&people, "phone\n+237655000001\n").unwrap();
    std::fs::write(&campaign, "name = \"hello\"\n[[steps]]\ntext = { en = \"Hello\" }\n").unwrap();
    let (people, campaign) = (people.display().to_string(), campaign.display().to_string());
    for words in [
        "account add main --provider ultramsg --token-stdin --base-url http://127.0.0.1:1".to_owned(),
        "account add empty --provider ultramsg --token-stdin --base-url http://127.0.0.1:1".to_owned(),
        "number add +237600000001 --account main --instance-id instance1 --pool default".to_owned(),
        "pool add spare".to_owned(),
        "alert channel add pager --webhook http://127.0.0.1:1/".to_owned(),
        format!("contact import {people}"),
        format!("campaign create {campaign}"),
    ] {
        let arguments: Vec<&str> = words.split(' ').chain(["--org", "other"]).collect();
        office.db.run_with(&arguments, b"token").done();
    }
    office.db.run(&["operator", "add", &office.name("manager"), "--role", "viewer", "--org", "other"]).done();
}

/// What stands in `other`, all of it that these commands could change.
async fn standing(office: &Office) -> String {
    office
        .db
        .value(
            "select concat_ws(' ', (select jsonb_agg(to_jsonb(o) order by o.id)::text from organizations o),
                    (select jsonb_agg(to_jsonb(a) order by a.id)::text from accounts a),
                    (select jsonb_agg(to_jsonb(p) order by p.id)::text from pools p),
                    (select jsonb_agg(to_jsonb(c) order by c.id)::text from alert_channels c),
                    (select jsonb_agg(to_jsonb(r) order by r.organization_id)::text from alert_rules r),
                    (select jsonb_agg(to_jsonb(n) order by n.id)::text from whatsapp_numbers n),
                    (select jsonb_agg(to_jsonb(c) order by c.id)::text from campaigns c),
                    (select count(*) from audit_log), (select count(*) from suppressions))",
        )
        .await
}

const WRITES: &str = "\
account edit main --rolling-limit 5
account remove empty
account rotate main --token-env T --untested
account templates main
alert ack --all
alert channel edit pager --least critical
alert channel remove pager
alert channel test pager
alert rules --quiet 22:00-07:00
campaign cancel hello
campaign clone hello hello-2
campaign edit hello --weight 2
campaign enrol hello
campaign pause hello
campaign reinclude hello --reason missing_variable
campaign remove hello +237655000001
campaign resume hello
campaign retry hello
campaign schedule hello --at 2030-01-01T00:00
campaign start hello
campaign test hello +237655000001
contact opt-in +237655000001
contact opt-out +237655000001
number add +237600000002 --account main --instance-id instance2
number disable +237600000001
number edit +237600000001 --daily-limit 5
number enable +237600000001
number priority +237600000001 5
number remove +237600000001
number resume +237600000001
number suspend +237600000001 --reason x
number test +237600000001
org edit --daily-limit 9
org edit other --daily-limit 9
org edit --stop-word basta
org edit --stop-failed 0.5
org edit --warn-failed 30
org release
org stop
pool add mine
pool edit default --sticky false
pool remove spare
slot release +237655000001
slot reset
slot set +237655000001 3";

#[tokio::test]
async fn whoever_runs_one_organisation_and_looks_at_another_changes_nothing_there_and_is_told_why() {
    let office = Office::open().await;
    furnish(&office);
    let before = standing(&office).await;
    let mut wrong = Vec::new();
    for line in WRITES.lines() {
        let words: Vec<&str> = line.split(' ').chain(["--org", "other"]).collect();
        let mut command = office.command("manager", &words);
        command.env("T", "token");
        let run = binary::run(command, None);
        let told = run.stderr.contains("is only a viewer of other: it may look, and change nothing");
        if run.code != Some(3) || !told || !run.stdout.is_empty() {
            wrong.push(format!("{line}: {run:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(standing(&office).await, before);
    // What only looks goes on.
    for line in [
        "account list",
        "account show main",
        "alert rules",
        "campaign check hello",
        "slot list",
        "pool qr default",
    ] {
        let words: Vec<&str> = line.split(' ').chain(["--org", "other"]).collect();
        office.run("manager", &words).done();
    }
}

#[tokio::test]
async fn a_console_that_only_looks_at_an_organisation_is_told_so_by_what_it_orders() {
    let office = Office::open().await;
    furnish(&office);
    let store = office.store("manager");
    let campaign = store.campaigns(office.other, Some("hello")).await.unwrap()[0].id;
    let number: NumberId = store.numbers(office.other, None).await.unwrap()[0].id;
    for action in [
        Action::StartCampaign(campaign),
        Action::PauseCampaign(campaign),
        Action::SuspendNumber { number, until: None },
        Action::SetPriority { number, priority: 7 },
        Action::RemoveNumber(number),
        Action::StopAll,
        Action::ReleaseStop,
        Action::Acknowledge(vec![signalbox::domain::ids::AlertId::new()]),
    ] {
        let order = Order { action: action.clone(), expected: None, reason: Some("x".into()) };
        let done = store.act(office.other, &order, "mallory", None).await.unwrap();
        let ActionResult::Refused(sentence) = &done else { panic!("{action:?}: {done:?}") };
        assert!(sentence.contains("only a viewer of other"), "{action:?}: {sentence}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_only_an_admin_removes_is_not_said_to_be_removed() {
    let office = Office::open().await;
    furnish(&office);
    for role in ["manager", "service"] {
        let name = office.name(role);
        let as_it = |words: &[&str]| {
            let mut command = office.command(role, words);
            command.args(["--org", "other"]).env("T", "token");
            binary::run(command, None)
        };
        let seat = match role {
            "manager" => ["operator", "edit", &name, "--role", "manager", "--org", "other"].to_vec(),
            _ => ["operator", "add", &name, "--service", "--org", "other"].to_vec(),
        };
        office.db.run(&seat).done();
        as_it(&["account", "remove", "empty"]).refused(3, "only an admin of other");
        as_it(&["alert", "channel", "remove", "pager"]).refused(3, "only an admin of other");
        as_it(&["account", "rotate", "main", "--token-env", "T", "--untested"])
            .refused(3, "only an admin of other");
    }
    let kept: i64 = office
        .db
        .value("select (select count(*) from accounts) + (select count(*) from alert_channels)")
        .await;
    assert_eq!(kept, 3);
}

/// The row goes between the look and the statement: a trigger leaves the statement nothing, as that would.
#[tokio::test]
async fn what_went_meanwhile_is_not_said_to_be_done() {
    let office = Office::open().await;
    furnish(&office);
    let leave = "create function leave_it() returns trigger language plpgsql as $$ begin return null; end $$";
    sqlx::query(leave).execute(&office.db.pool).await.unwrap();
    for table in ["accounts", "pools", "alert_channels", "organizations", "alert_rules", "vital_rules"] {
        let statement = format!(
            "create trigger aa_left before update or delete on {table} for each row execute function leave_it()"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&office.db.pool).await.unwrap();
    }
    for line in [
        "account edit main --rolling-limit 5",
        "account remove empty",
        "account rotate main --token-env T --untested",
        "alert channel edit pager --least critical",
        "alert channel remove pager",
        "alert rules --quiet 22:00-07:00",
        "org edit --daily-limit 9",
        "org edit --stop-word basta",
        "org edit --stop-failed 0.5",
        "org edit --warn-failed 30",
        "org edit --allow-simultaneous yes",
        "pool edit default --sticky false",
        "pool remove spare",
    ] {
        let words: Vec<&str> = line.split(' ').chain(["--org", "other"]).collect();
        let mut command = office.command("admin", &words);
        command.env("DATABASE_URL", office.db.url()).env("T", "token");
        let run = binary::run(command, None);
        assert_eq!(run.code, Some(1), "{line}: {run:?}");
        assert!(run.stderr.contains("nothing was changed"), "{line}: {run:?}");
        assert!(!run.stderr.contains("changed before that"), "{line}: {run:?}");
        assert_eq!(run.stdout, "", "{line}: {run:?}");
    }
}

/// The secret of the path is all that keeps others from sending a STOP in a person's name.
#[tokio::test]
async fn a_viewer_is_not_shown_what_opens_the_webhook() {
    let office = Office::open().await;
    furnish(&office);
    let path = |role: Option<&str>| {
        let words = ["account", "show", "main", "--org", "other", "--json"];
        let run = role.map_or_else(|| office.db.run(&words), |role| office.run(role, &words));
        run.done().json()["webhook_path"].as_str().unwrap().to_owned()
    };
    let whole = path(None);
    assert_eq!(whole.split('/').count(), 5, "{whole}");
    let shown = path(Some("manager"));
    assert_eq!(shown, whole.rsplit_once('/').unwrap().0, "a viewer of other");
    let said = office.run("manager", &["account", "show", "main", "--org", "other"]).done().stdout;
    assert!(said.contains("its secret part is shown to those who run other"), "{said}");
    office
        .db
        .run(&["operator", "edit", &office.name("manager"), "--role", "manager", "--org", "other"])
        .done();
    assert_eq!(path(Some("manager")), whole);
}

#[tokio::test]
async fn a_test_of_a_channel_is_on_record() {
    let office = Office::open().await;
    furnish(&office);
    office
        .db
        .run(&["alert", "channel", "test", "pager", "--org", "other"])
        .refused(1, "did not take the test");
    let entry: serde_json::Value =
        office.db.value("select to_jsonb(a) from audit_log a where a.action = 'test alert channel'").await;
    assert_eq!((&entry["entity_name"], &entry["entity"]), (&json!("pager"), &json!("alert_channel")));
    assert!(entry["reason"].as_str().unwrap().starts_with("it did not take the test"), "{entry}");
}

/// Advisory locks are open to every login; what an admin decides about operators waits for none of them.
#[tokio::test]
async fn no_operator_keeps_an_admin_from_taking_its_rights() {
    let office = Office::open().await;
    let mut manager = office.connect("manager").await;
    for statement in ["begin", "select pg_advisory_xact_lock(hashtextextended('signalbox grants', 0))"] {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut manager).await.unwrap();
    }
    let lock = "lock table channels in share row exclusive mode";
    let mut other = office.connect("service").await;
    sqlx::query("begin").execute(&mut other).await.unwrap();
    let refused = sqlx::query(lock).execute(&mut other).await.unwrap_err().to_string();
    assert!(refused.contains("permission denied"), "{refused}");
    let name = office.name("manager");
    office.run("admin", &["operator", "edit", &name, "--role", "viewer"]).done();
    office.run("admin", &["operator", "remove", &name]).done();
    drop(manager);
}

/// The lines of an organisation are advisory locks, too, and anybody may stand at their head.
#[tokio::test]
async fn the_doctor_names_who_keeps_everybody_waiting() {
    let office = Office::open().await;
    let lines = |role: &str| {
        let checks = office.run(role, &["doctor", "--json"]).json();
        checks.as_array().unwrap().iter().find(|check| check["name"] == "locks").unwrap().clone()
    };
    assert_eq!(lines("manager")["ok"], true);
    let mut nobody = office.connect("none").await;
    let held = format!("select pg_advisory_lock(hashtextextended('{}', 0))", office.acme);
    sqlx::query(sqlx::AssertSqlSafe(held)).execute(&mut nobody).await.unwrap();
    let found = lines("admin");
    let detail = found["detail"].as_str().unwrap();
    assert_eq!(found["ok"], false, "{found}");
    assert!(detail.contains(&office.name("none")) && detail.contains("the line of decisions"), "{found}");
}
