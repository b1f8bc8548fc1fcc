//! Secrets, phones and bodies are looked for wherever something could have been written down: every column of every table, what
//! programs print and log, their arguments. What is found stands in a reviewed list of places, or the test fails.

use crate::support::{Db, binary};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signalbox::provider::simulator::{Script, Simulator};

const TOKEN: &str = "EAAGscanTokenQ7Zk9+/x";
const PASSWORD: &str = "a-scanned-password-41";
const PHONE: &str = "237655000077";
const REFUSED_PHONE: &str = "237655000078";
const BODY: &str = "zebra marmalade 42";

/// Where the phone of a person may stand in plain columns: who got a message is counted for the account as well.
const PHONES: [(&str, &[&str]); 2] = [
    (PHONE, &["account_recipients.phone", "campaign_recipients.phone", "contacts.phone"]),
    (REFUSED_PHONE, &["campaign_recipients.phone", "contacts.phone"]),
];

/// Where what a campaign says may stand.
const BODIES: &[&str] = &["campaign_steps.texts", "campaigns.source"];

/// The columns that hold a text somewhere, as `table.column`.
async fn columns_with(db: &Db, needle: &str) -> Vec<String> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
          order by 1, 2",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let mut found = Vec::new();
    for (table, column) in columns {
        let sql = format!("select exists (select from {table} where position($1 in {column}::text) > 0)");
        let is_there: bool =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(needle).fetch_one(&db.pool).await.unwrap();
        if is_there {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// A secret as it is, and as it looks in a header, a dump or an address.
fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
    let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    vec![secret.to_owned(), STANDARD.encode(secret), hex, url]
}

/// An organisation that sends to two people, one of whom the provider refuses, with everything logged. Answers all that was printed.
fn rehearse(db: &Db, folder: &std::path::Path, base_url: &str) -> String {
    let people = folder.join("people.csv");
    std::fs::write(&people, format!("phone,name\n+{PHONE},Ana\n+{REFUSED_PHONE},Bea\n")).unwrap();
    let campaign = folder.join("hello.toml");
    std::fs::write(&campaign, format!("name = \"hello\"\n[[steps]]\ntext = {{ en = \"{BODY}\" }}\n"))
        .unwrap();
    let mut said = String::new();
    let role = format!("scan_{}", db.name);
    for (words, stdin) in [
        ("org add acme --name Acme --timezone UTC --rehearsal".to_owned(), ""),
        (
            format!("account add main --provider meta --external-id 1 --token-stdin --base-url {base_url}"),
            TOKEN,
        ),
        ("number add +237600000001 --account main --instance-id 1 --pool default".to_owned(), ""),
        (format!("operator add {role} --role viewer --password-stdin"), PASSWORD),
        (format!("contact import {}", people.display()), ""),
        (format!("campaign create {}", campaign.display()), ""),
        ("campaign start hello".to_owned(), ""),
        ("number test --all".to_owned(), ""),
        ("sender --until-idle --json".to_owned(), ""),
        ("account show main --json".to_owned(), ""),
        ("account list --json".to_owned(), ""),
        ("operator list --json".to_owned(), ""),
        ("attempt list --json".to_owned(), ""),
        ("campaign stats hello --json".to_owned(), ""),
        ("doctor --json".to_owned(), ""),
    ] {
        let arguments: Vec<&str> = words.split(' ').collect();
        let mut command = db.command(&arguments);
        command.env("SIGNALBOX_LOG", "trace").env("WHATSAPP_DEBUG", "true");
        let run = binary::run(command, Some(stdin.as_bytes()));
        assert!(words.starts_with("doctor") || run.code == Some(0), "{words}: {run:?}");
        assert!(!words.contains(TOKEN) && !words.contains(PASSWORD), "nothing secret is an argument");
        // What is printed for people may show a phone; what is logged may not.
        said.push_str(&run.stderr);
        for secret in [TOKEN, PASSWORD] {
            assert!(forms(secret).iter().all(|form| !run.stdout.contains(form)), "{words}: {run:?}");
        }
    }
    said
}

#[tokio::test]
async fn secrets_phones_and_bodies_stand_in_their_places_only() {
    let script = format!(
        "[[account]]\nprovider = 'meta'\ntoken = '{TOKEN}'\n
         [[rule]]\nwhen = {{ recipient = '+{REFUSED_PHONE}' }}\nthen = {{ error = 131026, details = 'Message undeliverable' }}\n"
    );
    let simulator =
        Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), Script::parse(&script).unwrap()).unwrap();
    let db = Db::new().await;
    let folder = tempfile::tempdir().unwrap();
    let logged = rehearse(&db, folder.path(), &simulator.base_url());
    simulator.stop().await;
    assert!(logged.contains("messages"), "the provider's requests are logged: {logged}");
    for secret in [TOKEN, PASSWORD] {
        for form in forms(secret) {
            assert_eq!(columns_with(&db, &form).await, [] as [String; 0], "{form}");
            assert!(!logged.contains(&form), "{form} in {logged}");
        }
    }
    for (phone, places) in PHONES {
        assert_eq!(columns_with(&db, phone).await, places, "{phone}");
        assert!(!logged.contains(phone), "{phone} in {logged}");
    }
    assert_eq!(columns_with(&db, BODY).await, BODIES);
    // WHATSAPP_DEBUG logs requests as they go, which is what it is for; nothing else logs what people are told.
    let mut with_body = logged.lines().filter(|line| line.contains(BODY)).peekable();
    assert!(with_body.peek().is_some(), "{logged}");
    for line in with_body {
        assert!(line.contains("signalbox::wire: request to meta"), "{line}");
    }
    // The role's password is a verifier in the server's own catalogue, too.
    let kept: String = sqlx::query_scalar("select rolpassword from pg_authid where rolname = $1")
        .bind(format!("scan_{}", db.name))
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$"), "{kept}");
}
