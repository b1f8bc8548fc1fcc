//! What the server says of the statements it ran: their plans, read from its log.

use super::World;
use serde_json::Value;
use signalbox::postgres::cluster::Settings;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::{Duration, Instant};

/// Tables that hold millions of rows.
pub const LARGE: [&str; 4] = ["campaign_recipients", "attempts", "contacts", "recipient_parameters"];

/// How long a server may take to write a plan down.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);

/// A server that can explain what it runs; `alter database … set auto_explain.log_min_duration = 0` begins it.
pub fn explaining() -> Settings {
    Settings::for_tests()
        .with("session_preload_libraries", "auto_explain")
        .with("auto_explain.log_min_duration", "-1")
        .with("auto_explain.log_analyze", "on")
        .with("auto_explain.log_timing", "off")
        .with("auto_explain.log_buffers", "on")
        .with("auto_explain.log_format", "json")
        .with("auto_explain.log_level", "log")
        // Tests that run beside each other share the log.
        .with("log_line_prefix", "%d ")
}

/// What the server's log has gained since it was looked at last.
pub struct Plans {
    log: fs::File,
    database: String,
}

impl Plans {
    pub fn new(world: &World) -> Self {
        let mut log = fs::File::open(world.cluster.log()).unwrap();
        log.seek(SeekFrom::End(0)).unwrap();
        Self { log, database: world.name.clone() }
    }

    /// The plans of everything that this world ran since, each with its statement.
    ///
    /// The server may still be writing the last of them: what is not whole yet is read again.
    pub fn since(&mut self) -> Vec<Value> {
        let mut bytes = Vec::new();
        let begun = Instant::now();
        loop {
            self.log.read_to_end(&mut bytes).unwrap();
            let plans = read(&String::from_utf8_lossy(&bytes), &self.database);
            match plans {
                Ok(plans) if bytes.last().is_none_or(|last| *last == b'\n') => return plans,
                _ => assert!(begun.elapsed() < WRITTEN_WITHIN, "a plan is not whole: {plans:?}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn read(text: &str, database: &str) -> serde_json::Result<Vec<Value>> {
    let mut plans = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.contains("plan:") {
            continue;
        }
        let mut json = String::new();
        while let Some(more) = lines.next_if(|line| line.starts_with('\t')) {
            json.push_str(more);
            json.push('\n');
        }
        let plan = serde_json::from_str(&json)?;
        if line.strip_prefix(database).is_some_and(|rest| rest.starts_with(' ')) {
            plans.push(plan);
        }
    }
    Ok(plans)
}

#[test]
fn a_plan_that_is_half_written_is_not_whole() {
    let whole =
        "ours LOG:  duration: 1 ms  plan:\n\t{\n\t  \"Query Text\": \"select 1\",\n\t  \"Plan\": {}\n\t}\n";
    assert_eq!(read(whole, "ours").unwrap().len(), 1);
    assert_eq!(read(whole, "our").unwrap().len(), 0, "of another world");
    let begins = whole.find("plan:").unwrap() + "plan:".len();
    let ends = whole.rfind('}').unwrap();
    for end in begins..=ends {
        assert!(read(&whole[..end], "ours").is_err(), "{:?}", &whole[..end]);
    }
}

/// Every node of a plan.
pub fn nodes(plan: &Value) -> Vec<&Value> {
    let mut found = vec![plan];
    for child in plan["Plans"].as_array().into_iter().flatten() {
        found.extend(nodes(child));
    }
    found
}

pub fn number(node: &Value, key: &str) -> f64 {
    node[key].as_f64().unwrap_or(0.0)
}

/// How many rows a node looked at, those included that it threw away.
pub fn looked_at(node: &Value) -> f64 {
    (number(node, "Actual Rows")
        + number(node, "Rows Removed by Filter")
        + number(node, "Rows Removed by Join Filter")
        + number(node, "Rows Removed by Index Recheck"))
        * number(node, "Actual Loops")
}

/// The statement of a plan.
pub fn statement(plan: &Value) -> &str {
    plan["Query Text"].as_str().unwrap_or_default()
}
