//! The command line, run by operators: what each may, and the sentence for what they may not.

use crate::{
    office::Office,
    support::binary::{self, KEY},
};
use serde_json::json;

#[tokio::test]
async fn a_viewer_looks_and_is_told_so() {
    let office = Office::open().await;
    assert_eq!(office.run("viewer", &["org", "list", "--json"]).done().json()[0]["slug"], "acme");
    office.run("viewer", &["number", "list"]).done();
    office.run("viewer", &["campaign", "list"]).done();
    office.run("viewer", &["pool", "add", "mine"]).refused(3, "is only a viewer of acme");
    office.run("viewer", &["org", "stop"]).refused(3, "is only a viewer of acme");
    office.run("viewer", &["sender", "--until-idle"]).refused(3, "viewers look and do not send");
    office.run("viewer", &["operator", "add", "eve", "--role", "viewer"]).refused(3, "only an admin");
}

#[tokio::test]
async fn a_manager_runs_and_does_not_administer() {
    let office = Office::open().await;
    office.run("manager", &["pool", "add", "mine"]).done();
    office.run("manager", &["org", "stop"]).done();
    office.run("manager", &["org", "release"]).done();
    let words =
        "account add main --provider meta --external-id 1 --token-env T --base-url http://127.0.0.1:1";
    let mut add = office.command("manager", &words.split(' ').collect::<Vec<_>>());
    add.env("T", "token");
    binary::run(add, None).refused(3, "only an admin of acme may do this");
    office
        .run("manager", &["org", "add", "third", "--name", "T", "--timezone", "UTC"])
        .refused(3, "no right");
    // As if it were not there.
    office
        .run("manager", &["pool", "list", "--org", "other"])
        .refused(1, "there is no organisation \"other\"");
    office
        .run("manager", &["pool", "list", "--org", "fiction"])
        .refused(1, "there is no organisation \"fiction\"");
    let role = office.name("manager");
    let listed = office.run("manager", &["operator", "list", "--json"]).done().json();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["role_name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&role.as_str()) && names.iter().all(|name| name.starts_with("acme_")),
        "{names:?}"
    );
}

#[tokio::test]
async fn an_admin_makes_operators_and_takes_nobody_elses() {
    let office = Office::open().await;
    let eve = format!("eve_{}", office.db.name);
    let added = office.run("admin", &["operator", "add", &eve, "--role", "viewer", "--json"]).done().json();
    assert_eq!(added["login_role_made"], true);
    let (password, url) = (added["password"].as_str().unwrap(), added["database_url"].as_str().unwrap());
    assert!(password.len() == 32 && url.contains(&eve) && !url.contains(password), "{added}");
    // With the address as it is printed.
    let mut list = office.db.command(&["operator", "list", "--json"]);
    list.env("DATABASE_URL", url).env("PGPASSWORD", password);
    assert_eq!(binary::run(list, None).done().json().as_array().unwrap().len(), 5);
    // What the server keeps of the password is a verifier, and the role can do nothing else.
    let kept: String = sqlx::query_scalar("select rolpassword from pg_authid where rolname = $1 and not rolsuper
        and not rolbypassrls and not rolcreaterole and not rolcreatedb and not rolreplication and rolcanlogin")
        .bind(&eve)
        .fetch_one(&office.db.pool)
        .await
        .unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$4096:") && !kept.contains(password));
    // Her rights follow her role at once.
    let as_eve = |arguments: &[&str]| {
        let mut command = office.db.command(arguments);
        command.env("DATABASE_URL", url);
        binary::run(command, None)
    };
    as_eve(&["pool", "add", "hers"]).refused(3, "is only a viewer of acme");
    office.run("admin", &["operator", "edit", &eve, "--role", "manager"]).done();
    as_eve(&["pool", "add", "hers"]).done();
    office.run("admin", &["operator", "remove", &eve]).done();
    as_eve(&["pool", "list"]).refused(3, "is no operator of any organisation");
    // Login roles of others: their password would open this organisation.
    let foreign = office.name_in("other", "admin");
    office
        .run("admin", &["operator", "add", &foreign, "--role", "admin"])
        .refused(3, "there is a login role");
    office
        .run("admin", &["operator", "add", "signalbox", "--role", "admin"])
        .refused(3, "there is a login role");
    sqlx::query(sqlx::AssertSqlSafe(format!("drop role {eve}"))).execute(&office.db.pool).await.unwrap();
}

#[tokio::test]
async fn the_service_role_sends_without_a_screen() {
    let office = Office::open().await;
    let done = office.run("service", &["sender", "--until-idle", "--json"]).done().json();
    assert_eq!(done["accepted"], json!(0));
    let mut nobody = office.command("none", &["sender", "--until-idle"]);
    nobody.env("ENCRYPTION_KEY", KEY);
    binary::run(nobody, None).refused(3, "is no operator of any organisation");
}

/// An account, a number, people and a running campaign for an organisation.
fn furnish(office: &Office, slug: &str, base_url: &str, folder: &std::path::Path) {
    let people = folder.join(format!("{slug}.csv"));
    let lines = (0..30).fold(String::new(), |all, nth| all + &format!("+2376550000{nth:02}\n"));
    std::fs::write(&people, format!("phone\n{lines}")).unwrap();
    let campaign = folder.join(format!("{slug}.toml"));
    std::fs::write(&campaign, "name = \"hello\"\n[[steps]]\ntext = { en = \"Hello\" }\n").unwrap();
    let (people, campaign) = (people.display().to_string(), campaign.display().to_string());
    for words in [
        format!("account add main --provider ultramsg --token-stdin --base-url {base_url}"),
        "number add +237600000001 --account main --instance-id instance1 --interval 0 --pool default"
            .to_owned(),
        format!("contact import {people}"),
        format!("campaign create {campaign}"),
        "campaign start hello".to_owned(),
    ] {
        let arguments: Vec<&str> = words.split(' ').chain(["--org", slug]).collect();
        office.db.run_with(&arguments, b"token").done();
    }
}

#[tokio::test]
async fn one_service_sends_for_all_its_organisations() {
    let office = Office::open().await;
    let script = signalbox::provider::simulator::Script::parse("").unwrap();
    let simulator =
        signalbox::provider::simulator::Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), script)
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for slug in ["acme", "other"] {
        furnish(&office, slug, &simulator.base_url(), folder.path());
    }
    // So far it serves one of them alone.
    let done = office.run("service", &["sender", "--until-idle", "--json"]).done().json();
    assert_eq!(done["accepted"], json!(30));
    let name = office.name("service");
    office.db.run(&["operator", "add", &name, "--service", "--org", "other"]).done();
    office.run("service", &["campaign", "list"]).refused(2, "name one with --org: acme, other");
    office.run("service", &["sender", "--listen", "127.0.0.1:0"]).refused(2, "name it with --org");
    let done = office.run("service", &["sender", "--until-idle", "--json"]).done().json();
    assert_eq!(done["accepted"], json!(30));
    office.db.assert_invariants().await;
    simulator.stop().await;
}

#[tokio::test]
async fn the_doctor_says_who_one_is() {
    let office = Office::open().await;
    let detail = |role: &str| {
        let run = office.run(role, &["doctor", "--json"]);
        let checks = run.json();
        let rights =
            checks.as_array().unwrap().iter().find(|check| check["name"] == "rights").unwrap().clone();
        (rights["ok"].as_bool().unwrap(), rights["detail"].as_str().unwrap().to_owned())
    };
    let (ok, said) = detail("manager");
    assert!(ok && said.contains("manager of acme, and reaches nothing else"), "{said}");
    let owners = office.db.run(&["doctor", "--json", "--org", "acme"]).json();
    let owner = owners.as_array().unwrap().iter().find(|check| check["name"] == "rights").unwrap();
    assert!(owner["detail"].as_str().unwrap().contains("nothing is kept from it"), "{owner}");
}

#[tokio::test]
async fn new_tables_reach_operators_with_the_migration() {
    let office = Office::open().await;
    for statement in [
        "create table later (organization_id uuid not null, constraint later_key primary key (organization_id))",
        "select separate('later')",
    ] {
        sqlx::query(statement).execute(&office.db.pool).await.unwrap();
    }
    office.db.run(&["migrate"]).done();
    let mut manager = office.connect("manager").await;
    sqlx::query("insert into later values ($1)").bind(office.acme.0).execute(&mut manager).await.unwrap();
    let mut viewer = office.connect("viewer").await;
    let seen: i64 = sqlx::query_scalar("select count(*) from later").fetch_one(&mut viewer).await.unwrap();
    assert_eq!(seen, 1);
}

/// The password of a mail server goes to whatever server the channel names.
#[tokio::test]
async fn only_an_admin_leads_an_alert_channel_elsewhere() {
    let office = Office::open().await;
    let run = |role: &str, words: &str| {
        let arguments: Vec<&str> = words.split(' ').collect();
        let mut command = office.command(role, &arguments);
        command.env("SMTP", "the-very-password");
        binary::run(command, None)
    };
    let add = "alert channel add ops --email ops@example.com --smtp smtp://box@127.0.0.1:2525 --from a@example.com \
               --secret-env SMTP";
    run("manager", add).refused(3, "only an admin of acme may do this");
    run("admin", add).done();
    let sentence = "only an admin of the organisation changes the server of an alert channel and its secret";
    run("manager", "alert channel edit ops --smtp smtp://box@127.0.0.1:2626").refused(3, sentence);
    run("manager", "alert channel edit ops --secret-env SMTP").refused(3, sentence);
    run("manager", "alert channel remove ops").refused(3, "only an admin of acme may do this");
    let kept: i64 = office.db.value("select count(*) from alert_channels").await;
    assert_eq!(kept, 1, "with its id it could be made anew, the sealed password in it");
    // Nor by statements: as another kind, or under another id.
    let mut manager = office.connect("manager").await;
    for change in ["kind = 'webhook', smtp = null, mail_from = null", "id = gen_random_uuid()"] {
        let statement = format!("update alert_channels set {change}");
        let error = sqlx::Executor::execute(&mut manager, sqlx::AssertSqlSafe(statement)).await.unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
    }
    // What goes there and to whom is daily work, and so is what became of it.
    run("manager", "alert channel edit ops --address bea@example.com --least critical").done();
    run("admin", "alert channel edit ops --smtp smtp://box@127.0.0.1:2626").done();
    run("admin", "alert channel remove ops").done();
}

#[tokio::test]
async fn what_a_manager_may_not_edit_leaves_the_rest_of_the_same_words_undone() {
    let office = Office::open().await;
    let edit = ["org", "edit", "--daily-limit", "77", "--subscription-ends", "2030-01-01T00:00"];
    office
        .run("manager", &edit)
        .refused(3, "only an admin of the organisation changes when its subscription ends");
    let limit: Option<i32> =
        office.db.value("select daily_limit from organizations where slug = 'acme'").await;
    assert_eq!(limit, None);
    office.run("admin", &edit).done();
}
