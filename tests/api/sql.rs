//! The page about SQL, with plain psql as another program would use it: logged in as an operator, example by example.

use crate::{
    place::Place,
    support::{cluster, until},
};
use serde_json::json;
use std::process::Command;

const PAGE: &str = include_str!("../../assets/docs/sql.md");

/// The examples, in the order of the page.
fn examples() -> Vec<&'static str> {
    PAGE.split("```sql\n").skip(1).map(|part| part.split("```").next().unwrap().trim()).collect()
}

struct Psql {
    program: std::path::PathBuf,
    url: String,
}

impl Psql {
    fn of(place: &Place, role: &str) -> Self {
        // Beside the server's programs, wherever their names are found.
        let server = signalbox::postgres::binaries::Binaries::find().unwrap().program("initdb");
        let program = server.canonicalize().unwrap().with_file_name("psql");
        Self { program, url: cluster().url_as(&place.db.name, &format!("{role}_{}", place.db.name)) }
    }

    fn run(&self, statement: &str) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url, "-c", statement]);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_page_works_for_an_operator() {
    let place = Place::open("3600").await;
    place.import(5);
    let steps =
        json!([{ "after": "0h", "text": { "en": "Hello {{name}}, you are number {{campaign_number}}" } }]);
    place.post("/v1/campaigns", &json!({ "name": "summer-sale", "steps": steps })).is(201);
    let variants =
        json!([{ "after": "0h", "variants": [{ "text": { "en": "Hi" } }, { "text": { "en": "Ho" } }] }]);
    place.post("/v1/campaigns", &json!({ "name": "two-texts", "steps": variants })).is(201);
    // Somebody wrote, and there is a try: the number sends one message an hour.
    let path = place.db.json(&["account", "show", "gateway"])["webhook_path"].as_str().unwrap().to_owned();
    let said = json!({
        "event_type": "message_received", "instanceId": "1",
        "data": { "id": "false_1", "from": "237670000000@c.us", "type": "chat", "body": "When?", "fromMe": false },
    });
    assert_eq!(crate::place::Ask::post(path, &said).to(place.address).status, 200);
    let threads = || async { place.db.value::<i64>("select count(*) from conversation_threads").await };
    until("somebody wrote", || async { threads().await == 1 }).await;
    let psql = Psql::of(&place, "manager");
    let examples = examples();
    assert!(examples.len() >= 17, "{} examples were found", examples.len());
    let mut verdicts = Vec::new();
    for example in &examples {
        // Without a try, a person has no history.
        if example.contains("recipient_history") {
            let first = "select phone from recipient_history limit 1";
            assert_eq!(psql.run(first).unwrap(), "", "nothing was launched");
        }
        let said = psql.run(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
        if example.contains("change_campaign") {
            verdicts.push(said.split('|').next().unwrap_or_default().trim().to_owned());
        }
        let may_be_empty = ["recipient_history", "pending_today", "reset_daily", "increment_message_count"];
        let is_empty = said.trim().is_empty() && !may_be_empty.iter().any(|name| example.contains(name));
        assert!(!is_empty, "an example without an answer shows nothing:\n{example}");
    }
    assert_eq!(verdicts, ["done"; 4], "a campaign's life");
    let state = "select state::text from campaigns where name = 'summer-sale'";
    assert_eq!(place.db.value::<String>(state).await, "cancelled");
    place.db.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_the_page_and_orders_nothing() {
    let place = Place::open("3600").await;
    place.import(1);
    place.create("summer-sale");
    let psql = Psql::of(&place, "viewer");
    for example in examples() {
        let orders = ["change_campaign", "opt_out(", "increment_message_count"];
        let is_order = orders.iter().any(|name| example.contains(name));
        match psql.run(example) {
            Ok(said) => assert!(!is_order, "{said}\n{example}"),
            Err(error) => assert!(is_order && error.contains("permission denied"), "{error}\n{example}"),
        }
    }
}
